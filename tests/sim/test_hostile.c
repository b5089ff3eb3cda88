/*
 * Connections that others meddle with: segments forged by someone who knows the ports and even the window, two ends
 * that disagree, and hosts that forget everything in between.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

static struct sim *world(uint64_t seed, const char *test, bool judged)
{
	static char replay[100];
	struct sim_conf conf;

	snprintf(replay, sizeof(replay), "test_hostile %s", test);
	sim_conf_default(&conf, seed);
	conf.replay = replay;
	conf.no_wirecheck = !judged;
	/* The forger need not guess timestamps. */
	conf.conf.tcp_timestamps = judged;
	return sim_new(&conf);
}

/* What an outsider can't know: the connection's numbers; what one may: all the rest. */
struct victim {
	uint16_t lport, rport; /* of host 0 */
	struct tapir_tcp_info info;
};

static void look(struct sim *s, const struct sim_bulk *b, struct victim *v)
{
	struct tapir_sockaddr sa;

	sim_assert(s, tapir_getsockname(s->host[0].t, b->app.sock, &sa) == 0);
	v->lport = sa.port;
	v->rport = 80;
	v->info = sim_info(s, 0, b->app.sock);
}

/* One forged segment to host 0: its number in the window, but never exact; its acknowledgment a guess. */
static void forge(struct sim *s, struct rnd *r, const struct victim *v)
{
	static const uint8_t flags[] = {0x04, 0x14, 0x02, 0x12, 0x10, 0x18, 0x11, 0x38, 0x00, 0x29};
	static const uint8_t data[100] = {0xee};
	uint8_t buf[300];
	uint32_t seq = v->info.rcv_nxt + 1 + rnd_below(r, v->info.rcv_wnd | 1);
	/* A guess that is right would be right: keep away from what is in flight and half a window below. */
	uint32_t ack = v->info.snd_una + UINT32_C(0x40000000) + rnd_u32(r) % UINT32_C(0x70000000);
	uint8_t f = flags[rnd_below(r, sizeof(flags))];
	size_t n = world_tcp(buf, s->host[1].ip4, s->host[0].ip4, v->rport, v->lport, seq,
			     f & 0x10 ? ack : 0, f, (uint16_t)rnd_u32(r), NULL, 0, data,
			     rnd_below(r, sizeof(data)));

	sim_inject(s, 0, buf, n);
}

TEST(forged_segments_change_nothing, "TC-11 TC-12 TC-51 TC-62")
{
	unsigned n = sim_seeds(20, 1000);
	uint64_t first = sim_seed(1);

	for (unsigned i = 0; i < n; i++) {
		struct sim_bulk_conf c = {.send = 300000,
					  .expect = 300000,
					  .key_send = 1,
					  .key_expect = 2};
		struct sim_bulk_conf d = {.send = 300000,
					  .expect = 300000,
					  .key_send = 2,
					  .key_expect = 1};
		struct sim *s = world(first + i, "forged_segments", false);
		struct rnd r = {.state = first + i};
		struct victim v;
		struct sim_bulk *b;

		/* Slow enough for the outsider to come in between. */
		c.write_max = d.write_max = 3000;
		c.write_pause_ns = d.write_pause_ns = SIM_MS;
		sim_listen(s, 1, 80, 4, &d);
		b = sim_connect(s, 0, 1, 80, &c);
		sim_pass(s, 10 * SIM_MS);
		for (unsigned k = 0; k < 2000 && !b->done; k++) {
			look(s, b, &v);
			for (unsigned j = rnd_below(&r, 10); j > 0; j--)
				forge(s, &r, &v);
			sim_pass(s, rnd_below(&r, 1000) * SIM_US);
		}
		if (!sim_run(s, 3600 * SIM_S))
			sim_fail(s, "not done after an hour");
		sim_free(s);
	}
}

/*
 * Someone between them has sent 500 bytes in host 1's name: host 0 acknowledges what host 1 never sent. Each then
 * corrects the other, but not without end.
 */
TEST(two_ends_that_disagree_do_not_shout_at_each_other, "TC-39")
{
	struct sim_bulk_conf c = {.expect = 500,
				  .key_expect = 2,
				  .wait_eof = true,
				  .may_fail = true,
				  .ignore_content = true};
	struct sim_bulk_conf d = {.expect = 500, .wait_eof = true, .may_fail = true};
	struct sim *s = world(1, "two_ends", false);
	uint8_t buf[1000], data[500] = {0};
	struct victim v;
	struct sim_bulk *b;
	uint64_t before;
	size_t n;

	sim_listen(s, 1, 80, 4, &d);
	b = sim_connect(s, 0, 1, 80, &c);
	sim_pass(s, SIM_S);
	look(s, b, &v);
	n = world_tcp(buf, s->host[1].ip4, s->host[0].ip4, v.rport, v.lport, v.info.rcv_nxt,
		      v.info.snd_nxt, 0x18, 1000, NULL, 0, data, sizeof(data));
	sim_inject(s, 0, buf, n);
	before = s->frames;
	sim_pass(s, 100 * SIM_S);
	assert_true(s->frames > before);
	/* At most the two answers a second that tcp_invalid_ratelimit leaves, and what they answer. */
	assert_in_range(s->frames - before, 0, 500);
	sim_free(s);
}

TEST(host_that_restarts_is_noticed_and_reached_again, "EVT-54 EVT-55 EVT-60")
{
	struct sim_bulk_conf c = {.send = 10 << 20, .expect = 10, .key_send = 1, .may_fail = true};
	struct sim_bulk_conf d = {.send = 10,
				  .expect = 10 << 20,
				  .key_expect = 1,
				  .may_fail = true};
	struct sim_bulk_conf good = {.send = 50000,
				     .expect = 50000,
				     .key_send = 3,
				     .key_expect = 4};
	struct sim_bulk_conf good_server = {.send = 50000,
					    .expect = 50000,
					    .key_send = 4,
					    .key_expect = 3};

	for (uint64_t seed = sim_seed(1), end = seed + sim_seeds(50, 2000); seed < end; seed++) {
		struct sim *s = world(seed, "host_that_restarts", true);
		struct tapir_sockaddr to = sim_addr(s, 1, 80), from;
		struct sim_bulk *b;
		tapir_sock_t sock;
		int one = 1;

		sim_listen(s, 1, 80, 4, &d);
		b = sim_connect(s, 0, 1, 80, &c);
		sim_pass(s, (5 + seed % 40) * SIM_MS);
		assert_false(b->done);
		sim_assert(s, tapir_getsockname(s->host[0].t, b->app.sock, &from) == 0);
		sim_restart(s, 1);
		sim_listen(s, 1, 80, 4, &good_server);
		/* What is in flight, or sent again, meets nobody: RST. */
		if (!sim_run(s, 300 * SIM_S))
			sim_fail(s, "the old connection does not end");
		/* EPIPE in CLOSE-WAIT, as Linux has it. */
		if (b->err != ECONNRESET && b->err != EPIPE)
			sim_fail(s, "error %d", b->err);
		/* The same ports again. */
		sock = tapir_socket(s->host[0].t, TAPIR_AF_INET, TAPIR_STREAM, 0);
		tapir_setsockopt(s->host[0].t, sock, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, &one,
				 sizeof(one));
		sim_assert(s, tapir_bind(s->host[0].t, sock, &from) == 0);
		sim_assert(s, tapir_connect(s->host[0].t, sock, &to) == -EINPROGRESS);
		sim_bulk(s, 0, sock, &good);
		if (!sim_run(s, 300 * SIM_S))
			sim_fail(s, "the new connection is not done");
		sim_free(s);
	}
}

/* The client restarts and opens with the same ports while the server still holds the old connection. */
TEST(client_that_restarts_opens_again, "EVT-54")
{
	struct sim_bulk_conf idle = {.expect = 1, .wait_eof = true, .may_fail = true};
	struct sim *s = world(3, "client_that_restarts", true);
	struct sim_listener *l = sim_listen(s, 1, 80, 4, &idle);
	struct tapir_sockaddr to = sim_addr(s, 1, 80), from;
	struct sim_bulk_conf good = {.send = 5000, .expect = 0, .key_send = 3};
	struct sim_bulk *b = sim_connect(s, 0, 1, 80, &idle);
	struct sim_bulk *old;
	tapir_sock_t sock;

	sim_pass(s, SIM_S);
	old = l->last;
	sim_assert(s, tapir_getsockname(s->host[0].t, b->app.sock, &from) == 0);
	sim_restart(s, 0);
	l->conf = (struct sim_bulk_conf){.send = 0, .expect = 5000, .key_expect = 3};
	sock = tapir_socket(s->host[0].t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	sim_assert(s, tapir_bind(s->host[0].t, sock, &from) == 0);
	sim_assert(s, tapir_connect(s->host[0].t, sock, &to) == -EINPROGRESS);
	b = sim_bulk(s, 0, sock, &good);
	assert_true(sim_run(s, 60 * SIM_S));
	assert_int_equal(old->err, ECONNRESET);
	assert_int_equal(b->err, 0);
	assert_int_equal(l->accepted, 2);
	sim_free(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(forged_segments_change_nothing),
		cmocka_unit_test(two_ends_that_disagree_do_not_shout_at_each_other),
		cmocka_unit_test(host_that_restarts_is_noticed_and_reached_again),
		cmocka_unit_test(client_that_restarts_opens_again),
	};

	return tapir_test_run("sim/test_hostile", tests);
}
