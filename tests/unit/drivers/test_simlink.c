/*
 * The simulated link: each rule alone, and that a seed replays a run.
 */
#include <stdio.h>
#include <stdlib.h>

#include "drivers/simlink.h"
#include "stack/core/netif.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

enum { MAX_SEEN = 4096, FRAME = 1000 };

/* Two instances on a link, and what the second one was given. */
struct pair {
	struct world a, b;
	struct simlink *l;
	size_t n;
	uint64_t at[MAX_SEEN];
	uint16_t id[MAX_SEEN];	/* which frame it was */
	uint8_t bits[MAX_SEEN]; /* how many bits of it are wrong, 255: as many or more */
};

/* Frame `id`: a UDP packet that nobody wants, with its number where the IP identification is. */
static void frame(uint8_t *buf, uint16_t id)
{
	uint8_t payload[FRAME - 28] = {0};

	world_udp(buf, WORLD_US, WORLD_PEER, 1, 9, payload, sizeof(payload));
	buf[4] = (uint8_t)(id >> 8);
	buf[5] = (uint8_t)id;
	world_fix(buf, FRAME);
}

static void see(void *ctx, const struct simlink_frame *f)
{
	struct pair *p = ctx;
	uint8_t want[FRAME];
	unsigned wrong = 0;

	if (!f->arrives || f->port != 1 || p->n == MAX_SEEN)
		return;
	p->at[p->n] = f->time_ns;
	p->id[p->n] = (uint16_t)(f->p[4] << 8 | f->p[5]);
	frame(want, p->id[p->n]);
	for (uint32_t i = 0; i < f->len; i++)
		wrong += (unsigned)__builtin_popcount((unsigned)(f->p[i] ^ want[i]));
	p->bits[p->n++] = wrong < 255 ? (uint8_t)wrong : 255;
}

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	world_open(&p->a, TAPIR_NETIF_RAW_IP);
	world_open(&p->b, TAPIR_NETIF_RAW_IP);
	p->l = simlink_create(&p->a.env, 1);
	assert_non_null(p->l);
	assert_int_equal(simlink_attach(p->l, p->a.t, p->a.ifi), 0);
	assert_int_equal(simlink_attach(p->l, p->b.t, p->b.ifi), 1);
	simlink_observe(p->l, see, p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	simlink_destroy(p->l);
	world_close(&p->a);
	world_close(&p->b);
	free(p);
	return 0;
}

static void reseed(struct pair *p, uint64_t seed)
{
	simlink_destroy(p->l);
	p->l = simlink_create(&p->a.env, seed);
	simlink_attach(p->l, p->a.t, p->a.ifi);
	simlink_attach(p->l, p->b.t, p->b.ifi);
	simlink_observe(p->l, see, p);
	p->n = 0;
}

static void put(struct pair *p, uint16_t id)
{
	struct pkt *k = pkt_alloc(p->a.t, PKT_HEADROOM, FRAME);

	frame(pkt_put(k, FRAME), id);
	assert_int_equal(netif_enqueue(p->a.t->netif[p->a.ifi], k), 0);
}

/* Runs the link until nothing is on its way. */
static void drain(struct pair *p)
{
	uint64_t now = tapir_now(p->a.t), next;

	for (;;) {
		while (simlink_step(p->l, now) > 0)
			;
		next = simlink_next_deadline(p->l);
		if (next == TAPIR_NEVER)
			break;
		assert_true(next > now);
		now = next;
		tapir_advance(p->a.t, now);
		tapir_advance(p->b.t, now);
	}
	assert_int_equal(simlink_in_flight(p->l), 0);
}

/* Sends `n` frames under the rules; what arrived is in p. */
static void run(struct pair *p, const struct simlink_conf *c, unsigned n)
{
	p->n = 0;
	simlink_set(p->l, 0, c);
	for (unsigned i = 0; i < n; i++)
		put(p, (uint16_t)i);
	drain(p);
}

TEST(plain_link_delivers_all_in_order_at_once, "")
{
	struct pair *p = *state;
	uint64_t now = tapir_now(p->a.t);

	run(p, &(struct simlink_conf){0}, 200);
	assert_int_equal(p->n, 200);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(p->id[i], i);
		assert_int_equal(p->at[i], now);
		assert_int_equal(p->bits[i], 0);
	}
}

TEST(delay_shifts_and_jitter_keeps_the_order, "")
{
	struct pair *p = *state;
	struct simlink_conf c = {.delay_ns = 5 * WORLD_MS, .jitter_ns = 3 * WORLD_MS};
	uint64_t now = tapir_now(p->a.t);

	run(p, &c, 200);
	assert_int_equal(p->n, 200);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(p->id[i], i);
		assert_in_range(p->at[i], now + 5 * WORLD_MS, now + 8 * WORLD_MS);
	}
}

TEST(loss_loses_about_its_share, "")
{
	struct pair *p = *state;

	run(p, &(struct simlink_conf){.loss_ppm = 100000}, 4000);
	assert_in_range(p->n, 3500, 3700);
	assert_int_equal(simlink_stats_of(p->l, 0)->lost, 4000 - p->n);
	run(p, &(struct simlink_conf){.loss_ppm = SIMLINK_ALWAYS}, 10);
	assert_int_equal(p->n, 0);
}

TEST(burst_loss_loses_neighbours, "")
{
	struct pair *p = *state;
	struct simlink_conf c = {.burst_enter_ppm = 10000,
				 .burst_leave_ppm = 200000,
				 .burst_loss_ppm = SIMLINK_ALWAYS};
	unsigned gaps = 0;

	run(p, &c, 4000);
	assert_true(p->n < 3950 && p->n > 3000);
	for (size_t i = 1; i < p->n; i++)
		gaps += p->id[i] != p->id[i - 1] + 1;
	/* Five in a row on average: far fewer gaps than losses. */
	assert_true(gaps * 3 < 4000 - p->n);
}

TEST(duplication_delivers_twice, "")
{
	struct pair *p = *state;

	run(p, &(struct simlink_conf){.dup_ppm = SIMLINK_ALWAYS}, 50);
	assert_int_equal(p->n, 100);
	assert_int_equal(simlink_stats_of(p->l, 0)->duplicated, 50);
}

TEST(reordering_lets_others_overtake, "")
{
	struct pair *p = *state;
	struct simlink_conf c = {.rate_bps = 100000000,
				 .reorder_ppm = 100000,
				 .reorder_ns = 5 * WORLD_MS};
	unsigned back = 0;

	run(p, &c, 1000);
	assert_int_equal(p->n, 1000);
	for (size_t i = 1; i < p->n; i++)
		back += p->id[i] < p->id[i - 1];
	assert_in_range(back, 50, 150);
}

TEST(corruption_flips_one_bit, "")
{
	struct pair *p = *state;

	run(p, &(struct simlink_conf){.corrupt_ppm = SIMLINK_ALWAYS}, 500);
	assert_int_equal(p->n, 500);
	for (unsigned i = 0; i < 500; i++) {
		/* A bit of the identification itself: the frame that it names is another one. */
		if (p->id[i] == i)
			assert_int_equal(p->bits[i], 1);
	}
	run(p, &(struct simlink_conf){.corrupt_many_ppm = SIMLINK_ALWAYS}, 50);
	assert_true(p->bits[7] > 1);
}

TEST(rate_spaces_frames_and_its_queue_overflows, "")
{
	struct pair *p = *state;
	struct simlink_conf c = {.rate_bps = 8000000, .queue_bytes = 10 * FRAME};
	uint64_t now = tapir_now(p->a.t);

	/* 1000 bytes at 8 Mbit/s: one a millisecond. */
	run(p, &c, 100);
	assert_int_equal(p->n, 10);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(p->at[i], now + (i + 1) * WORLD_MS);
	assert_int_equal(simlink_stats_of(p->l, 0)->lost_queue, 90);

	c.backpressure = true;
	now = tapir_now(p->a.t);
	run(p, &c, 100);
	assert_int_equal(p->n, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(p->at[i], now + (i + 1) * WORLD_MS);
}

TEST(mtu_swallows_what_is_larger, "")
{
	struct pair *p = *state;

	run(p, &(struct simlink_conf){.mtu = FRAME}, 3);
	assert_int_equal(p->n, 3);
	run(p, &(struct simlink_conf){.mtu = FRAME - 1}, 3);
	assert_int_equal(p->n, 0);
	assert_int_equal(simlink_stats_of(p->l, 0)->lost_mtu, 3);
}

TEST(coalescing_gathers_arrivals, "")
{
	struct pair *p = *state;
	struct simlink_conf c = {.rate_bps = 8000000, .coalesce_ns = 10 * WORLD_MS};

	run(p, &c, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(p->at[i] % (10 * WORLD_MS), 0);
}

TEST(seed_replays_a_run, "")
{
	struct pair *p = *state;
	struct simlink_conf c = {.loss_ppm = 50000,
				 .dup_ppm = 50000,
				 .reorder_ppm = 100000,
				 .reorder_ns = 10 * WORLD_MS,
				 .delay_ns = WORLD_MS,
				 .jitter_ns = WORLD_MS};
	static uint16_t first[MAX_SEEN];
	uint64_t start = tapir_now(p->a.t);
	static uint64_t first_at[MAX_SEEN];
	size_t n;

	reseed(p, 77);
	run(p, &c, 1000);
	n = p->n;
	memcpy(first, p->id, sizeof(first));
	for (size_t i = 0; i < n; i++)
		first_at[i] = p->at[i] - start;

	start = tapir_now(p->a.t);
	reseed(p, 77);
	run(p, &c, 1000);
	assert_int_equal(p->n, n);
	assert_memory_equal(p->id, first, n * sizeof(first[0]));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p->at[i] - start, first_at[i]);

	reseed(p, 78);
	run(p, &c, 1000);
	assert_true(p->n != n || memcmp(p->id, first, n * sizeof(first[0])) != 0);
}

TEST(pulled_out_port_gets_nothing, "")
{
	struct pair *p = *state;

	simlink_set(p->l, 0, &(struct simlink_conf){.delay_ns = WORLD_MS});
	put(p, 1);
	assert_int_equal(simlink_step(p->l, tapir_now(p->a.t)), 1);
	simlink_detach(p->l, 1);
	assert_int_equal(simlink_in_flight(p->l), 0);
	put(p, 2);
	drain(p);
	assert_int_equal(p->n, 0);
}

TEST(hub_sends_to_all_others, "")
{
	struct pair *p = *state;
	struct world c;

	world_open(&c, TAPIR_NETIF_RAW_IP);
	assert_int_equal(simlink_attach(p->l, c.t, c.ifi), 2);
	run(p, &(struct simlink_conf){0}, 5);
	assert_int_equal(p->n, 5);
	assert_int_equal(simlink_stats_of(p->l, 2)->delivered, 5);
	assert_int_equal(simlink_stats_of(p->l, 0)->delivered, 0);
	simlink_detach(p->l, 2);
	world_close(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(plain_link_delivers_all_in_order_at_once),
		T(delay_shifts_and_jitter_keeps_the_order),
		T(loss_loses_about_its_share),
		T(burst_loss_loses_neighbours),
		T(duplication_delivers_twice),
		T(reordering_lets_others_overtake),
		T(corruption_flips_one_bit),
		T(rate_spaces_frames_and_its_queue_overflows),
		T(mtu_swallows_what_is_larger),
		T(coalescing_gathers_arrivals),
		T(seed_replays_a_run),
		T(pulled_out_port_gets_nothing),
		T(hub_sends_to_all_others),
	};

	return tapir_test_run("unit/drivers/test_simlink", tests);
}
