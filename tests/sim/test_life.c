/*
 * The life of connections between two stacks: opening and closing in every order, peers that stall, vanish
 * or refuse, many at once, and time and numbers that wrap around.
 */
#include <errno.h>
#include <stdio.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

#define MINUTE (60 * SIM_S)
#define HOUR   (3600 * SIM_S)
#define DAY    (86400 * SIM_S)

static struct sim *world(uint64_t seed, const char *test)
{
	static char replay[100];
	struct sim_conf conf;

	snprintf(replay, sizeof(replay), "test_life %s", test);
	sim_conf_default(&conf, seed);
	conf.replay = replay;
	/* A closed socket's data may need many tries where the link is bad. */
	conf.conf.tcp_orphan_retries = 100;
	return sim_new(&conf);
}

/* Sockets of a host in a TCP state. */
static unsigned count(struct sim *s, unsigned host, enum tapir_tcp_state state)
{
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info info;
	unsigned n = 0;

	while (tapir_sock_next(s->host[host].t, &it, &info))
		n += info.protocol == TAPIR_IPPROTO_TCP && info.state == state && info.peer.port;
	return n;
}

/* A TCP socket bound to a port. */
static tapir_sock_t bound(struct sim *s, unsigned host, uint16_t port)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, port);
	tapir_sock_t sock = tapir_socket(s->host[host].t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	int one = 1;

	sim_assert(s, sock > 0);
	sim_assert(s, tapir_setsockopt(s->host[host].t, sock, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR,
				       &one, sizeof(one)) == 0);
	sim_assert(s, tapir_bind(s->host[host].t, sock, &sa) == 0);
	return sock;
}

static struct sim_bulk *connect_from(struct sim *s, unsigned host, uint16_t from, unsigned to,
				     uint16_t port, const struct sim_bulk_conf *conf)
{
	struct tapir_sockaddr sa = sim_addr(s, to, port);
	tapir_sock_t sock = bound(s, host, from);
	int r;

	sim_options(s, host, sock, conf);
	r = tapir_connect(s->host[host].t, sock, &sa);
	if (r != -EINPROGRESS)
		sim_fail(s, "connect: %d", r);
	return sim_bulk(s, host, sock, conf);
}

static const struct sim_bulk_conf up = {.send = 50000,
					.expect = 30000,
					.key_send = 1,
					.key_expect = 2};
static const struct sim_bulk_conf down = {.send = 30000,
					  .expect = 50000,
					  .key_send = 2,
					  .key_expect = 1};

TEST(simultaneous_open_makes_one_connection, "MUST-10")
{
	struct sim *s = world(1, "simultaneous_open");

	connect_from(s, 0, 1000, 1, 2000, &up);
	connect_from(s, 1, 2000, 0, 1000, &down);
	assert_true(sim_run(s, MINUTE));
	assert_int_equal(sim_stat(s, 0, STAT_Tcp_ActiveOpens), 1);
	assert_int_equal(sim_stat(s, 0, STAT_Tcp_PassiveOpens), 0);
	assert_int_equal(sim_stat(s, 1, STAT_Tcp_OutRsts), 0);
	sim_free(s);
}

TEST(simultaneous_open_survives_loss, "MUST-10")
{
	for (uint64_t seed = sim_seed(1), end = seed + sim_seeds(50, 5000); seed < end; seed++) {
		struct sim *s = world(seed, "simultaneous_open_survives");
		struct simlink_conf bad = s->conf.link;

		bad.loss_ppm = 200000;
		bad.dup_ppm = 100000;
		bad.reorder_ppm = 100000;
		bad.reorder_ns = 2000 * SIM_MS;
		sim_link(s, 0, &bad);
		sim_link(s, 1, &bad);
		connect_from(s, 0, 1000, 1, 2000, &up);
		sim_pass(s, (seed % 5) * SIM_MS / 5);
		connect_from(s, 1, 2000, 0, 1000, &down);
		if (!sim_run(s, HOUR))
			sim_fail(s, "not done after an hour");
		sim_free(s);
	}
}

/* Both have sent all, and close at the same moment. */
TEST(simultaneous_close_passes_closing_on_both_sides, "EVT-32 EVT-41")
{
	struct sim_bulk_conf c = {.hold_open = true};
	struct sim *s = world(2, "simultaneous_close");
	struct sim_listener *l = sim_listen(s, 1, 80, 4, &c);
	struct sim_bulk *b;

	/* Open, but with nothing to say yet: the end of sending waits for the peer's. */
	l->conf.wait_eof = c.wait_eof = true;
	b = sim_connect(s, 0, 1, 80, &c);
	sim_pass(s, SIM_S);
	assert_int_equal(count(s, 0, TAPIR_TCP_ESTABLISHED), 1);
	assert_int_equal(count(s, 1, TAPIR_TCP_ESTABLISHED), 1);
	assert_int_equal(tapir_shutdown(s->host[0].t, b->app.sock, TAPIR_SHUT_WR), 0);
	assert_int_equal(tapir_shutdown(s->host[1].t, l->last->app.sock, TAPIR_SHUT_WR), 0);
	sim_settle(s);
	assert_int_equal(count(s, 0, TAPIR_TCP_FIN_WAIT_1), 1);
	assert_int_equal(count(s, 1, TAPIR_TCP_FIN_WAIT_1), 1);
	s->now_ns += SIM_MS + 5 * SIM_US; /* the FINs have crossed, their ACKs not arrived */
	sim_settle(s);
	assert_int_equal(count(s, 0, TAPIR_TCP_CLOSING), 1);
	assert_int_equal(count(s, 1, TAPIR_TCP_CLOSING), 1);
	sim_pass(s, SIM_S);
	assert_int_equal(count(s, 0, TAPIR_TCP_TIME_WAIT), 1);
	assert_int_equal(count(s, 1, TAPIR_TCP_TIME_WAIT), 1);
	sim_pass(s, 2 * MINUTE);
	assert_int_equal(count(s, 0, TAPIR_TCP_TIME_WAIT), 0);
	assert_int_equal(count(s, 1, TAPIR_TCP_TIME_WAIT), 0);
	sim_free(s);
}

TEST(half_closed_connection_still_carries_the_other_direction, "")
{
	struct sim_bulk_conf c = {.send = 1000, .expect = 1 << 20, .key_send = 1, .key_expect = 2};
	struct sim_bulk_conf d = {.send = 1 << 20,
				  .expect = 1000,
				  .key_send = 2,
				  .key_expect = 1,
				  .write_pause_ns = 100 * SIM_MS,
				  .write_max = 10000};
	struct sim *s = world(3, "half_closed");

	sim_listen(s, 1, 80, 4, &d);
	sim_connect(s, 0, 1, 80, &c);
	sim_pass(s, 5 * SIM_S);
	assert_int_equal(count(s, 0, TAPIR_TCP_FIN_WAIT_2), 1);
	assert_int_equal(count(s, 1, TAPIR_TCP_CLOSE_WAIT), 1);
	assert_true(sim_run(s, HOUR));
	/* Who closed first waits (RFC 9293 3.6.1, MUST-13). */
	sim_pass(s, SIM_S);
	assert_int_equal(count(s, 0, TAPIR_TCP_TIME_WAIT), 1);
	assert_int_equal(count(s, 1, TAPIR_TCP_TIME_WAIT), 0);
	sim_free(s);
}

/* The reader sleeps for hours; the window is closed, probes are answered; then all arrives. */
TEST(zero_window_holds_for_hours_and_opens_again, "MUST-36 MUST-37 MAY-8")
{
	struct sim_bulk_conf c = {.send = 20 << 20, .expect = 0, .key_send = 1};
	struct sim_bulk_conf d = {
		.send = 0, .expect = 20 << 20, .key_expect = 1, .rcvbuf = 50000, .wait_eof = true};
	struct sim *s = world(4, "zero_window");
	struct sim_listener *l = sim_listen(s, 1, 80, 4, &d);
	struct sim_bulk *b = sim_connect(s, 0, 1, 80, &c);
	uint64_t probes;

	l->conf.read_pause_ns = 3 * HOUR;
	l->conf.read_max = 100;
	sim_pass(s, 2 * HOUR);
	assert_int_equal(count(s, 0, TAPIR_TCP_ESTABLISHED), 1);
	probes = sim_stat(s, 0, STAT_TcpExt_TCPWinProbe);
	assert_in_range(probes, 30, 100); /* at 120 s at most, and at least */
	assert_false(b->done);
	l->last->conf.read_pause_ns = 0;
	l->last->conf.read_max = 0;
	assert_true(sim_run(s, 2 * HOUR));
	sim_free(s);
}

TEST(window_update_that_gets_lost_is_found_by_probing, "MUST-36 SHLD-30")
{
	struct sim_bulk_conf c = {.send = 1 << 20, .expect = 0, .key_send = 1};
	struct sim_bulk_conf d = {.send = 0,
				  .expect = 1 << 20,
				  .key_expect = 1,
				  .rcvbuf = 20000,
				  .wait_eof = true,
				  .read_pause_ns = MINUTE};
	struct sim *s = world(5, "window_update");
	struct simlink_conf dead = s->conf.link;

	dead.loss_ppm = SIMLINK_ALWAYS;
	sim_listen(s, 1, 80, 4, &d);
	sim_connect(s, 0, 1, 80, &c);
	sim_pass(s, 50 * SIM_S);
	/* The reader reads at 60 s; its updates are lost for two minutes. */
	sim_link(s, 1, &dead);
	sim_pass(s, 120 * SIM_S);
	sim_link(s, 1, &s->conf.link);
	assert_true(sim_run(s, 20 * HOUR));
	sim_free(s);
}

TEST(closed_port_refuses, "EVT-1 EVT-10")
{
	struct sim_bulk_conf c = {.may_fail = true};
	struct sim *s = world(6, "closed_port");
	struct sim_bulk *b = sim_connect(s, 0, 1, 81, &c);

	assert_true(sim_run(s, SIM_S));
	assert_int_equal(b->err, ECONNREFUSED);
	assert_int_equal(sim_stat(s, 1, STAT_Tcp_OutRsts), 1);
	sim_free(s);
}

TEST(absent_host_times_out, "MUST-22")
{
	struct sim_bulk_conf c = {.may_fail = true};
	struct sim *s = world(7, "absent_host");
	struct sim_bulk *b;

	sim_vanish(s, 1);
	b = sim_connect(s, 0, 1, 80, &c);
	assert_true(sim_run(s, HOUR));
	assert_int_equal(b->err, ETIMEDOUT);
	/* tcp_syn_linear_timeouts and one more gaps of 1 s, then 2, 4 ... 64 s: 131 s. */
	assert_in_range(b->done_ns - s->start_ns, 130 * SIM_S, 132 * SIM_S);
	sim_free(s);
}

TEST(vanished_peer_is_given_up_after_r2, "MUST-20 SHLD-11 EVT-44")
{
	struct sim_bulk_conf c = {.send = 100 << 20, .expect = 1, .key_send = 1, .may_fail = true};
	struct sim_bulk_conf d = {.send = 1,
				  .expect = 100 << 20,
				  .key_expect = 1,
				  .may_fail = true};
	struct sim *s = world(8, "vanished_peer");
	struct sim_bulk *b;

	sim_listen(s, 1, 80, 4, &d);
	b = sim_connect(s, 0, 1, 80, &c);
	sim_pass(s, 100 * SIM_MS);
	assert_false(b->done);
	sim_vanish(s, 1);
	sim_pass(s, 2 * HOUR);
	assert_true(b->done);
	assert_int_equal(b->err, ETIMEDOUT);
	/* tcp_retries2 = 15: 924.6 s from RTOs of 200 ms on, then the next time-out. */
	assert_in_range(b->done_ns - s->start_ns, 900 * SIM_S, 1100 * SIM_S);
	sim_free(s);
}

TEST(keepalive_finds_a_dead_peer, "MUST-24 MUST-26 MUST-29")
{
	struct sim_bulk_conf c = {.expect = 1, .may_fail = true, .wait_eof = true};
	struct sim *s = world(9, "keepalive");
	int one = 1, idle = 10, intvl = 5, cnt = 3;
	struct sim_bulk *b;
	uint64_t gone;

	sim_listen(s, 1, 80, 4, &c);
	b = sim_connect(s, 0, 1, 80, &c);
	sim_pass(s, SIM_S);
#define SET(level, name, v)                                                             \
	assert_int_equal(tapir_setsockopt(s->host[0].t, b->app.sock, level, name, &(v), \
					  sizeof(v)),                                   \
			 0)
	SET(TAPIR_SOL_TCP, TAPIR_TCP_KEEPIDLE, idle);
	SET(TAPIR_SOL_TCP, TAPIR_TCP_KEEPINTVL, intvl);
	SET(TAPIR_SOL_TCP, TAPIR_TCP_KEEPCNT, cnt);
	SET(TAPIR_SOL_SOCKET, TAPIR_SO_KEEPALIVE, one);
#undef SET
	/* As long as the peer answers nothing happens. */
	sim_pass(s, HOUR);
	assert_false(b->done);
	assert_in_range(sim_stat(s, 0, STAT_TcpExt_TCPKeepAlive), 300, 370);
	gone = s->now_ns;
	sim_vanish(s, 1);
	sim_pass(s, MINUTE);
	assert_true(b->done);
	assert_int_equal(b->err, ETIMEDOUT);
	/* At most 10 s until the first probe, 5 s after each of three. */
	assert_in_range(b->done_ns - gone, 15 * SIM_S, 25 * SIM_S + 100 * SIM_MS);
	sim_free(s);
}

TEST(abort_tells_the_peer, "MUST-12 EVT-52 EVT-22")
{
	struct sim_bulk_conf c = {.send = 0, .expect = 1, .wait_eof = true, .may_fail = true};
	struct sim *s = world(10, "abort_tells");
	struct sim_listener *l = sim_listen(s, 1, 80, 4, &c);
	struct sim_bulk *b = sim_connect(s, 0, 1, 80, &c);

	sim_pass(s, SIM_S);
	assert_int_equal(tapir_abort(s->host[0].t, b->app.sock), 0);
	b->app.sock = 0;
	sim_pass(s, SIM_S);
	assert_int_equal(l->last->err, ECONNRESET);
	assert_int_equal(count(s, 0, TAPIR_TCP_TIME_WAIT), 0);
	assert_int_equal(count(s, 1, TAPIR_TCP_TIME_WAIT), 0);
	sim_free(s);
}

TEST(linger_of_zero_resets_on_close, "MUST-12")
{
	struct sim_bulk_conf c = {
		.send = 10, .key_send = 1, .expect = 0, .hold_open = true, .linger = {1, 0}};
	struct sim_bulk_conf d = {.expect = 1000,
				  .key_expect = 1,
				  .wait_eof = true,
				  .may_fail = true};
	struct sim *s = world(11, "linger");
	struct sim_listener *l = sim_listen(s, 1, 80, 4, &d);
	struct sim_bulk *b = sim_connect(s, 0, 1, 80, &c);

	c.wait_eof = true;
	b->conf.wait_eof = true;
	sim_pass(s, SIM_S);
	assert_int_equal(l->last->got, 10);
	assert_int_equal(tapir_close(s->host[0].t, b->app.sock), 0);
	b->app.sock = 0;
	sim_pass(s, SIM_S);
	assert_int_equal(l->last->err, ECONNRESET);
	assert_int_equal(sim_stat(s, 0, STAT_TcpExt_TCPAbortOnLinger), 1);
	sim_free(s);
}

TEST(two_thousand_connections_at_once, "")
{
	struct sim_bulk_conf c = {.send = 5000, .expect = 7000, .key_send = 1, .key_expect = 2};
	struct sim_bulk_conf d = {.send = 7000, .expect = 5000, .key_send = 2, .key_expect = 1};
	struct sim *s = world(12, "two_thousand");
	struct simlink_conf bad = s->conf.link;

	bad.loss_ppm = 10000;
	sim_link(s, 0, &bad);
	sim_link(s, 1, &bad);
	sim_listen(s, 1, 80, 4096, &d);
	for (unsigned i = 0; i < 2000; i++)
		sim_connect(s, 0, 1, 80, &c);
	assert_true(sim_run(s, HOUR));
	assert_int_equal(sim_stat(s, 0, STAT_Tcp_ActiveOpens), 2000);
	assert_int_equal(sim_stat(s, 1, STAT_Tcp_PassiveOpens), 2000);
	sim_pass(s, 3 * MINUTE);
	assert_int_equal(count(s, 0, TAPIR_TCP_TIME_WAIT), 0);
	assert_int_equal(sim_stat(s, 0, STAT_Tcp_CurrEstab), 0);
	assert_int_equal(sim_stat(s, 1, STAT_Tcp_CurrEstab), 0);
	sim_free(s);
}

/* More clients than the queues hold: SYNs are dropped, tried again, and all are served. */
TEST(full_queues_delay_but_lose_nobody, "")
{
	struct sim_bulk_conf c = {.send = 500, .expect = 700, .key_send = 1, .key_expect = 2};
	struct sim_bulk_conf d = {.send = 700, .expect = 500, .key_send = 2, .key_expect = 1};
	struct sim *s = world(13, "full_queues");

	sim_listen(s, 1, 80, 2, &d);
	for (unsigned i = 0; i < 100; i++)
		sim_connect(s, 0, 1, 80, &c);
	assert_true(sim_run(s, HOUR));
	sim_free(s);
}

/* The same four numbers again and again: the side in TIME-WAIT lets a newer SYN take over (RFC 6191). */
TEST(tuple_is_used_again_while_the_server_waits, "MAY-2 MUST-13")
{
	struct sim_bulk_conf c = {
		.send = 500, .expect = 700, .key_send = 1, .key_expect = 2, .wait_eof = true};
	struct sim_bulk_conf d = {.send = 700, .expect = 500, .key_send = 2, .key_expect = 1};
	struct sim *s = world(14, "tuple_is_used");

	d.expect = 500;
	sim_listen(s, 1, 80, 16, &d);
	for (unsigned i = 0; i < 50; i++) {
		connect_from(s, 0, 4000, 1, 80, &c);
		if (!sim_run(s, MINUTE))
			sim_fail(s, "connection %u is not done", i);
		sim_pass(s, 10 * SIM_MS);
		assert_int_equal(count(s, 1, TAPIR_TCP_TIME_WAIT), 1);
		assert_int_equal(count(s, 0, TAPIR_TCP_TIME_WAIT), 0);
	}
	sim_free(s);
}

/* Both ISNs near the end of the number space: data, SACK and FIN cross the wrap. */
TEST(sequence_numbers_wrap_around, "EVT-57")
{
	struct sim_bulk_conf c = {.send = 400000,
				  .expect = 400000,
				  .key_send = 1,
				  .key_expect = 2,
				  .hold_open = true};
	struct sim_bulk_conf d = {.send = 400000, .expect = 400000, .key_send = 2, .key_expect = 1};

	for (unsigned side = 0; side < 2; side++) {
		struct sim *s = world(15 + side, "sequence_numbers_wrap");
		struct simlink_conf bad = s->conf.link;
		struct tapir_tcp_info info;
		struct sim_bulk *b;
		uint32_t isn;

		sim_listen(s, 1, 80, 16, &d);
		b = connect_from(s, 0, 4000, 1, 80, &c);
		assert_true(sim_run(s, MINUTE));
		info = sim_info(s, 0, b->app.sock);
		isn = side ? info.irs : info.iss;
		tapir_close(s->host[0].t, b->app.sock);
		b->app.sock = 0;
		/* The ISN of a tuple ticks every 4 us (RFC 9293 3.4.1): wait until it is 100,000 short of 2^32. */
		sim_pass(s, (uint64_t)(uint32_t)(0 - 100000 - isn) * 4000 +
				    ((uint32_t)(0 - 100000 - isn) * 4000ull < 5 * MINUTE
					     ? (uint64_t)UINT32_MAX * 4000
					     : 0) -
				    (s->now_ns - s->start_ns));
		bad.loss_ppm = 30000;
		bad.reorder_ppm = 30000;
		bad.reorder_ns = 5 * SIM_MS;
		sim_link(s, 0, &bad);
		sim_link(s, 1, &bad);
		b = connect_from(s, 0, 4000, 1, 80, &c);
		assert_true(sim_run(s, HOUR));
		info = sim_info(s, 0, b->app.sock);
		isn = side ? info.irs : info.iss;
		assert_true(isn > UINT32_MAX - 400000);
		sim_free(s);
	}
}

/* A few bytes every 13 days, for half a year: the clock of timestamps wraps (49.7 days), and PAWS must not take it for the past. */
TEST(half_a_year_with_few_words, "R7323-18 R7323-19")
{
	struct sim_bulk_conf c = {.send = 1500,
				  .expect = 1500,
				  .key_send = 1,
				  .key_expect = 2,
				  .write_max = 200,
				  .write_pause_ns = 13 * DAY};
	struct sim_bulk_conf d = {.send = 1500,
				  .expect = 1500,
				  .key_send = 2,
				  .key_expect = 1,
				  .write_max = 200,
				  .write_pause_ns = 29 * DAY};
	struct sim *s = world(17, "half_a_year");

	sim_listen(s, 1, 80, 16, &d);
	sim_connect(s, 0, 1, 80, &c);
	assert_true(sim_run(s, 3000 * DAY));
	assert_true(s->now_ns - s->start_ns > 180 * DAY);
	assert_int_equal(sim_stat(s, 0, STAT_TcpExt_PAWSEstab), 0);
	assert_int_equal(sim_stat(s, 1, STAT_TcpExt_PAWSEstab), 0);
	assert_int_equal(sim_stat(s, 0, STAT_Tcp_RetransSegs), 0);
	sim_free(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(simultaneous_open_makes_one_connection),
		cmocka_unit_test(simultaneous_open_survives_loss),
		cmocka_unit_test(simultaneous_close_passes_closing_on_both_sides),
		cmocka_unit_test(half_closed_connection_still_carries_the_other_direction),
		cmocka_unit_test(zero_window_holds_for_hours_and_opens_again),
		cmocka_unit_test(window_update_that_gets_lost_is_found_by_probing),
		cmocka_unit_test(closed_port_refuses),
		cmocka_unit_test(absent_host_times_out),
		cmocka_unit_test(vanished_peer_is_given_up_after_r2),
		cmocka_unit_test(keepalive_finds_a_dead_peer),
		cmocka_unit_test(abort_tells_the_peer),
		cmocka_unit_test(linger_of_zero_resets_on_close),
		cmocka_unit_test(two_thousand_connections_at_once),
		cmocka_unit_test(full_queues_delay_but_lose_nobody),
		cmocka_unit_test(tuple_is_used_again_while_the_server_waits),
		cmocka_unit_test(sequence_numbers_wrap_around),
		cmocka_unit_test(half_a_year_with_few_words),
	};

	return tapir_test_run("sim/test_life", tests);
}
