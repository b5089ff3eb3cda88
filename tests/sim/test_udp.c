/*
 * Datagrams of all sizes among hosts on a hub that loses, swaps, doubles and corrupts: fragments and ARP are on
 * the wire as well. What arrives is whole, and was sent; without loss all of it arrives.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

enum { HOSTS = 3, PORT = 9, ID_LEN = 8, SENT_MAX = 4096 };

struct peer {
	struct sim_app app; /* first */
	unsigned left;	    /* datagrams still to be sent */
	uint32_t size_max;
	uint64_t pause_ns;
	struct rnd rnd;
	struct traffic *all;
};

/* What was sent: a datagram's number is its place. */
struct traffic {
	struct sim *s;
	struct peer peer[HOSTS];
	unsigned sent, got, doubled;
	uint16_t len[SENT_MAX];
	uint8_t times[SENT_MAX];
};

static void receive(struct peer *p)
{
	static uint8_t buf[65536];
	struct traffic *w = p->all;
	struct sim *s = w->s;
	int64_t n;
	uint64_t id;

	while ((n = tapir_recvfrom(s->host[p->app.host].t, p->app.sock, buf, sizeof(buf), 0,
				   NULL)) >= 0) {
		sim_assert(s, n >= ID_LEN);
		memcpy(&id, buf, ID_LEN);
		sim_assert(s, id < w->sent);
		if (w->len[id] != n)
			sim_fail(s, "datagram %u of %u bytes arrived with %d", (unsigned)id,
				 w->len[id], (int)n);
		if (sim_pattern_diff(id, 0, buf + ID_LEN, (size_t)n - ID_LEN) != (size_t)n - ID_LEN)
			sim_fail(s, "datagram %u arrived with other bytes", (unsigned)id);
		w->doubled += w->times[id] > 0;
		w->got += w->times[id]++ == 0;
	}
	sim_assert(s, n == -EAGAIN);
}

static void send_one(struct peer *p)
{
	static uint8_t buf[65536];
	struct traffic *w = p->all;
	struct sim *s = w->s;
	uint64_t id = w->sent;
	size_t n = ID_LEN + rnd_below(&p->rnd, p->size_max);
	unsigned to = (p->app.host + 1 + rnd_below(&p->rnd, HOSTS - 1)) % HOSTS;
	struct tapir_sockaddr sa = sim_addr(s, to, PORT);
	int64_t r;

	memcpy(buf, &id, ID_LEN);
	sim_pattern(id, 0, buf + ID_LEN, n - ID_LEN);
	r = tapir_sendto(s->host[p->app.host].t, p->app.sock, buf, n, 0, &sa);
	if (r == -EAGAIN)
		return; /* the queue is full: the next turn tries again */
	sim_assert(s, r == (int64_t)n);
	w->len[w->sent++] = (uint16_t)n;
	if (--p->left == 0)
		s->busy--;
}

static void on_peer(struct sim_app *a, uint32_t bits)
{
	struct peer *p = (struct peer *)a;

	if (bits & TAPIR_IN)
		receive(p);
	if (bits == 0 && p->left > 0) {
		send_one(p);
		sim_app_timer(a, a->s->now_ns + p->pause_ns);
	}
}

static void end_peer(struct sim_app *a)
{
	tapir_close(a->s->host[a->host].t, a->sock);
}

/* `each` datagrams from each host; fills *w. */
static void run(uint64_t seed, const struct simlink_conf *link, uint32_t mtu, uint32_t size_max,
		unsigned each, struct traffic *w)
{
	struct sim_conf conf;
	struct sim *s;

	sim_conf_default(&conf, seed);
	conf.replay = "test_udp";
	conf.nhosts = HOSTS;
	conf.type = TAPIR_NETIF_ETHER;
	conf.mtu = mtu;
	conf.link = *link;
	s = sim_new(&conf);
	memset(w, 0, sizeof(*w));
	w->s = s;
	for (unsigned i = 0; i < HOSTS; i++) {
		struct peer *p = &w->peer[i];
		struct tapir_sockaddr sa = tapir_sockaddr_v4(0, PORT);
		tapir_sock_t sock =
			tapir_socket(s->host[i].t, TAPIR_AF_INET, TAPIR_DGRAM, TAPIR_IPPROTO_UDP);

		sim_assert(s, sock > 0 && tapir_bind(s->host[i].t, sock, &sa) == 0);
		p->app.on = on_peer;
		p->app.end = end_peer;
		p->all = w;
		p->left = each;
		p->size_max = size_max;
		p->pause_ns = 5 * SIM_MS;
		p->rnd.state = rnd_u64(&s->rnd);
		s->busy++;
		sim_app_add(s, &p->app, i, sock, TAPIR_IN);
		sim_app_timer(&p->app, s->now_ns);
	}
	if (!sim_run(s, 3600 * SIM_S))
		sim_fail(s, "not all was sent");
	sim_pass(s, 60 * SIM_S);
	sim_free(s);
}

static struct traffic traffic;

TEST(whole_network_delivers_every_datagram, "")
{
	struct simlink_conf link = {.rate_bps = 1000000000, .delay_ns = SIM_MS};

	run(sim_seed(1), &link, 1500, 1400, 200, &traffic);
	assert_int_equal(traffic.sent, 600);
	assert_int_equal(traffic.got, 600);
	assert_int_equal(traffic.doubled, 0);
}

TEST(fragments_in_any_order_make_whole_datagrams, "")
{
	struct simlink_conf link = {.rate_bps = 1000000000,
				    .delay_ns = SIM_MS,
				    .reorder_ppm = 300000,
				    .reorder_ns = 10 * SIM_MS};

	run(sim_seed(2), &link, 576, 20000, 200, &traffic);
	assert_int_equal(traffic.got, traffic.sent);
	assert_int_equal(traffic.doubled, 0);
}

TEST(bad_network_delivers_whole_datagrams_or_none, "")
{
	unsigned n = sim_seeds(30, 3000);
	uint64_t first = sim_seed(10), sent = 0, got = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rnd r = {.state = first + i};
		uint32_t mtu = 300 + rnd_below(&r, 1500);
		/*
		 * Bits that flip in two fragments of one datagram may cancel in the one checksum that it has: so
		 * either corruption or fragments.
		 */
		bool whole = rnd_below(&r, 2);
		struct simlink_conf link = {
			.rate_bps = 1000000000,
			.delay_ns = rnd_below(&r, 20) * SIM_MS,
			.loss_ppm = rnd_below(&r, 50000),
			.dup_ppm = rnd_below(&r, 100000),
			.corrupt_ppm = whole ? rnd_below(&r, 100000) : 0,
			.reorder_ppm = rnd_below(&r, 300000),
			.reorder_ns = rnd_below(&r, 100) * SIM_MS,
		};

		run(first + i, &link, mtu, whole ? mtu - 40 : 8000, 60, &traffic);
		sent += traffic.sent;
		got += traffic.got;
	}
	printf("%llu of %llu datagrams arrived\n", (unsigned long long)got,
	       (unsigned long long)sent);
	assert_true(got * 3 > sent);
	assert_true(got < sent);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_network_delivers_every_datagram),
		cmocka_unit_test(fragments_in_any_order_make_whole_datagrams),
		cmocka_unit_test(bad_network_delivers_whole_datagrams_or_none),
	};

	return tapir_test_run("sim/test_udp", tests);
}
