/*
 * Congestion control at work: flows that share a bottleneck, a slow start that ends before it loses, CUBIC beside
 * Reno, bursts with and without pacing. In virtual time, over a path with a rate and a queue.
 */
#include "tests/support/sim.h"
#include "tests/support/test.h"

enum { MBIT = 1000000 };

/* Host 0 sends over a path of `mbit` and rtt_ms, whose queue holds so many bytes. */
static struct sim *world(unsigned mbit, unsigned rtt_ms, uint32_t queue,
			 void (*set)(struct tapir_conf *))
{
	struct simlink_conf back;
	struct sim_conf conf;
	struct sim *s;

	sim_conf_default(&conf, sim_seed(1));
	conf.link = (struct simlink_conf){.delay_ns = rtt_ms * SIM_MS / 2,
					  .rate_bps = (uint64_t)mbit * MBIT,
					  .queue_bytes = queue};
	back = conf.link;
	back.rate_bps = 0;
	/* Buffers that hold any of these paths, so that nothing but the window limits. */
	conf.conf.tcp_rmem_default = 16 << 20;
	conf.conf.tcp_wmem_default = 4 << 20;
	if (set)
		set(&conf.conf);
	s = sim_new(&conf);
	sim_link(s, 1, &back);
	return s;
}

/* A flow that never ends, to port 80 + n. */
static struct sim_bulk *flow(struct sim *s, unsigned n, const char *cc)
{
	struct sim_bulk_conf get = {.expect = UINT64_MAX / 4,
				    .ignore_content = true,
				    .may_fail = true};
	struct sim_bulk_conf put = {.send = UINT64_MAX / 4,
				    .ignore_content = true,
				    .may_fail = true,
				    .cc = cc};

	sim_listen(s, 1, (uint16_t)(80 + n), 5, &get);
	return sim_connect(s, 0, 1, (uint16_t)(80 + n), &put);
}

static uint64_t acked(struct sim *s, const struct sim_bulk *b)
{
	return sim_info(s, 0, b->app.sock).bytes_acked;
}

static uint64_t lost(struct sim *s)
{
	return simlink_stats_of(s->link, s->host[0].port)->lost_queue;
}

TEST(a_second_cubic_flow_gets_its_share, "R9438-5")
{
	struct sim *s = world(20, 20, 50000, NULL);
	struct sim_bulk *a = flow(s, 0, "cubic"), *b;
	uint64_t x, y;
	double jain;

	sim_pass(s, 5 * SIM_S);
	assert_true(acked(s, a) > 20 * (uint64_t)MBIT / 8 * 4);
	b = flow(s, 1, "cubic");
	sim_pass(s, 30 * SIM_S);
	x = acked(s, a);
	y = acked(s, b);
	sim_pass(s, 60 * SIM_S);
	x = acked(s, a) - x;
	y = acked(s, b) - y;
	jain = (double)(x + y) * (double)(x + y) /
	       (2 * ((double)x * (double)x + (double)y * (double)y));
	print_message("%llu and %llu bytes, Jain %.3f\n", (unsigned long long)x,
		      (unsigned long long)y, jain);
	assert_true(jain >= 0.95);
	/* Together they fill it. */
	assert_true(x + y > 60 * (uint64_t)20 * MBIT / 8 / 100 * 85);
	sim_free(s);
}

/* Bytes in 30 s of one flow over a short path with losses by its own queue. */
static uint64_t alone(const char *cc)
{
	struct sim *s = world(20, 4, 15000, NULL);
	struct sim_bulk *b = flow(s, 0, cc);
	uint64_t n;

	sim_pass(s, 30 * SIM_S);
	n = acked(s, b);
	sim_free(s);
	return n;
}

TEST(on_a_short_path_cubic_moves_what_reno_moves, "R9438-2")
{
	uint64_t cubic = alone("cubic"), reno = alone("reno");

	print_message("cubic %llu reno %llu\n", (unsigned long long)cubic,
		      (unsigned long long)reno);
	assert_true(cubic * 100 >= reno * 97);
}

static void no_hystart(struct tapir_conf *c)
{
	c->tcp_hystart = 0;
}

static void linux_hystart(struct tapir_conf *c)
{
	c->tcp_hystart = 3;
}

/* What the first four seconds lose on a path whose queue holds four windows, and how much arrives. */
static uint64_t first_losses(void (*set)(struct tapir_conf *), uint64_t *bytes)
{
	struct sim *s = world(50, 60, 4 * 375000, set);
	struct sim_bulk *b = flow(s, 0, "cubic");
	uint64_t n;

	sim_pass(s, 4 * SIM_S);
	n = lost(s);
	*bytes = acked(s, b);
	sim_free(s);
	return n;
}

TEST(slow_start_ends_before_it_loses_much, "R9438-6")
{
	uint64_t bytes[3];
	uint64_t without = first_losses(no_hystart, &bytes[0]);
	uint64_t with = first_losses(NULL, &bytes[1]);
	uint64_t old = first_losses(linux_hystart, &bytes[2]);

	print_message("without %llu lost, %llu bytes; RFC 9406 %llu, %llu; Linux's %llu, %llu\n",
		      (unsigned long long)without, (unsigned long long)bytes[0],
		      (unsigned long long)with, (unsigned long long)bytes[1],
		      (unsigned long long)old, (unsigned long long)bytes[2]);
	assert_true(without > 100);
	/* Five careful rounds make three times of what a window was: RFC 9406 loses less, not nothing. */
	assert_true(with * 4 < without);
	assert_int_equal(old, 0);
	/* And fills the path all the same. */
	assert_true(bytes[1] > 50 * (uint64_t)MBIT / 8 * 2);
}

static void paced(struct tapir_conf *c)
{
	c->tcp_pacing = 1;
}

/* Bytes in 20 s over a path whose queue holds ten packets. */
static uint64_t shallow(void (*set)(struct tapir_conf *), uint64_t *losses)
{
	struct sim *s = world(50, 40, 15000, set);
	struct simlink_conf back = {.delay_ns = 20 * SIM_MS, .coalesce_ns = 5 * SIM_MS};
	struct sim_bulk *b;
	uint64_t n;

	sim_link(s, 1, &back); /* ACKs come in heaps */
	b = flow(s, 0, "cubic");

	sim_pass(s, 20 * SIM_S);
	n = acked(s, b);
	*losses = lost(s);
	sim_free(s);
	return n;
}

TEST(pacing_fills_a_path_with_a_shallow_queue, "")
{
	uint64_t l0, l1, burst = shallow(NULL, &l0), spread = shallow(paced, &l1);

	print_message("unpaced %llu bytes, %llu lost; paced %llu, %llu\n",
		      (unsigned long long)burst, (unsigned long long)l0, (unsigned long long)spread,
		      (unsigned long long)l1);
	assert_true(spread > 2 * burst);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_cubic_flow_gets_its_share),
		cmocka_unit_test(on_a_short_path_cubic_moves_what_reno_moves),
		cmocka_unit_test(slow_start_ends_before_it_loses_much),
		cmocka_unit_test(pacing_fills_a_path_with_a_shallow_queue),
	};

	return tapir_test_run("sim/test_cc", tests);
}
