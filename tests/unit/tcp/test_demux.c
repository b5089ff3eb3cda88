#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/rnd.h"
#include "tests/support/tcpfix.h"

static tapir_sock_t stream(struct tf *f, int reuse)
{
	tapir_sock_t s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);

	assert_true(s > 0);
	assert_int_equal(tapir_setsockopt(f->w.t, s, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, &reuse,
					  sizeof(reuse)),
			 0);
	return s;
}

static int bind_to(struct tf *f, tapir_sock_t s, uint32_t ip4, uint16_t port)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(ip4, port);

	return tapir_bind(f->w.t, s, &sa);
}

static uint16_t port_of(struct tf *f, tapir_sock_t s)
{
	struct tapir_sockaddr sa;

	assert_int_equal(tapir_getsockname(f->w.t, s, &sa), 0);
	return sa.port;
}

/* An active opening; its local port, or 0 with *err. The SYN is thrown away. */
static uint16_t open_to(struct tf *f, uint32_t ip4, uint16_t port, tapir_sock_t *out, int *err)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(ip4, port);
	tapir_sock_t s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	int r = tapir_connect(f->w.t, s, &sa);

	tf_drain(f);
	*err = r;
	if (r != -EINPROGRESS) {
		tapir_close(f->w.t, s);
		return 0;
	}
	*out = s;
	return port_of(f, s);
}

static void many(struct tf *f)
{
	tf_init(f);
	f->w.no_check = true;
	f->w.conf.max_sockets = 200000;
	tf_start(f);
}

/* ---- the table ---- */

TEST(ten_thousand_tuples_are_each_found_and_no_others, "")
{
	enum { N = 10000 };
	static struct tcp_ep ep[N];
	struct tf f;
	struct rnd rnd = {5};

	tf_open(&f);
	memset(ep, 0, sizeof(ep));
	for (unsigned i = 0; i < N; i++) {
		ep[i].kind = TCP_EP_TW;
		ep[i].tuple.laddr = tapir_addr_v4(WORLD_US);
		ep[i].tuple.raddr = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 0) + i / 100);
		ep[i].tuple.lport = (uint16_t)(i % 100 + 1);
		ep[i].tuple.rport = (uint16_t)(i % 7 + 1);
		tcp_demux_insert(f.w.t, &ep[i]);
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < N; i++) {
			struct tcp_tuple tu = ep[i].tuple;
			bool in = ep[i].epflags & TCP_EP_HASHED;

			assert_ptr_equal(tcp_demux_find(f.w.t, &tu), in ? &ep[i] : NULL);
			tu.rport = 9;
			assert_null(tcp_demux_find(f.w.t, &tu));
		}
		for (unsigned i = 0; i < N; i++) {
			if (ep[i].epflags & TCP_EP_HASHED && (round || rnd_below(&rnd, 2)))
				tcp_demux_remove(f.w.t, &ep[i]);
		}
	}
	assert_int_equal(f.w.t->tcp->eps.n, 0);
	tf_close(&f);
}

TEST(addresses_of_16_bytes_are_told_apart, "")
{
	static struct tcp_ep ep[64];
	struct tf f;

	tf_open(&f);
	memset(ep, 0, sizeof(ep));
	for (unsigned i = 0; i < 64; i++) {
		ep[i].kind = TCP_EP_TW;
		ep[i].tuple.lport = 1;
		ep[i].tuple.rport = 2;
		/* Each differs from the rest in one byte of either address. */
		if (i < 32)
			ep[i].tuple.laddr.b[i % 16] = (uint8_t)(1 + i / 16);
		else
			ep[i].tuple.raddr.b[i % 16] = (uint8_t)(1 + (i - 32) / 16);
		tcp_demux_insert(f.w.t, &ep[i]);
	}
	for (unsigned i = 0; i < 64; i++)
		assert_ptr_equal(tcp_demux_find(f.w.t, &ep[i].tuple), &ep[i]);
	for (unsigned i = 0; i < 64; i++)
		tcp_demux_remove(f.w.t, &ep[i]);
	tf_close(&f);
}

TEST(without_memory_the_table_grows_no_more_and_works, "")
{
	enum { N = 3000 };
	static struct tcp_ep ep[N];
	struct tf f;

	tf_open(&f);
	memset(ep, 0, sizeof(ep));
	f.w.alloc.fail_all = f.w.alloc.calls + 1;
	for (unsigned i = 0; i < N; i++) {
		ep[i].kind = TCP_EP_TW;
		ep[i].tuple.lport = (uint16_t)i;
		ep[i].tuple.rport = 2;
		tcp_demux_insert(f.w.t, &ep[i]);
	}
	f.w.alloc.fail_all = 0;
	for (unsigned i = 0; i < N; i++) {
		assert_ptr_equal(tcp_demux_find(f.w.t, &ep[i].tuple), &ep[i]);
		tcp_demux_remove(f.w.t, &ep[i]);
	}
	tf_close(&f);
}

/* ---- bind ---- */

TEST(a_port_is_taken_once_and_free_after_close, "")
{
	struct tf f;
	tapir_sock_t a, b;

	tf_open(&f);
	a = stream(&f, 0);
	b = stream(&f, 0);
	assert_int_equal(bind_to(&f, a, 0, 80), 0);
	assert_int_equal(bind_to(&f, b, 0, 80), -EADDRINUSE);
	assert_int_equal(bind_to(&f, b, WORLD_US, 80), -EADDRINUSE);
	assert_int_equal(tapir_close(f.w.t, a), 0);
	assert_int_equal(bind_to(&f, b, 0, 80), 0);
	tf_close(&f);
}

TEST(different_addresses_share_a_port, "MUST-43")
{
	struct tf f;
	struct tapir_addr second = tapir_addr_v4(WORLD_US + 1);
	tapir_sock_t a, b, c;

	tf_open(&f);
	assert_int_equal(tapir_addr_add(f.w.t, f.w.ifi, &second, 24), 0);
	a = stream(&f, 0);
	b = stream(&f, 0);
	c = stream(&f, 0);
	assert_int_equal(bind_to(&f, a, WORLD_US, 80), 0);
	assert_int_equal(bind_to(&f, b, WORLD_US + 1, 80), 0);
	assert_int_equal(bind_to(&f, c, 0, 80), -EADDRINUSE);
	tf_close(&f);
}

TEST(reuseaddr_helps_when_both_have_it_and_nobody_listens, "")
{
	struct tf f;
	tapir_sock_t a, b, c;

	tf_open(&f);
	a = stream(&f, 1);
	b = stream(&f, 1);
	c = stream(&f, 0);
	assert_int_equal(bind_to(&f, a, 0, 80), 0);
	assert_int_equal(bind_to(&f, c, 0, 80), -EADDRINUSE);
	assert_int_equal(bind_to(&f, b, 0, 80), 0);
	assert_int_equal(tapir_listen(f.w.t, a, 1), 0);
	assert_int_equal(bind_to(&f, stream(&f, 1), 0, 80), -EADDRINUSE);
	tf_close(&f);
}

TEST(a_connection_holds_its_port_against_bind, "")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_ACTIVE); /* without SO_REUSEADDR */
	assert_int_equal(bind_to(&f, stream(&f, 0), 0, f.lport), -EADDRINUSE);
	assert_int_equal(bind_to(&f, stream(&f, 1), 0, f.lport), -EADDRINUSE);
	tapir_abort(f.w.t, f.s);
	tf_drain(&f);
	assert_int_equal(bind_to(&f, stream(&f, 0), 0, f.lport), 0);
	tf_close(&f);
}

TEST(bind_to_port_0_takes_random_unused_ports, "R6056-1 R6056-2")
{
	struct tf f;
	uint16_t was = 0;
	unsigned near = 0;

	many(&f);
	for (int i = 0; i < 2000; i++) {
		tapir_sock_t s = stream(&f, 0);
		uint16_t p;

		assert_int_equal(bind_to(&f, s, 0, 0), 0);
		p = port_of(&f, s);
		assert_true(p >= 1024);
		near += p > was ? p - was < 32 : was - p < 32;
		was = p;
	}
	/* About 2000 * 63 / 64512 = 2 by chance. */
	assert_true(near < 15);
	tf_close(&f);
}

TEST(the_range_is_a_setting, "R6056-1")
{
	struct tf f;
	tapir_sock_t s[10];

	tf_init(&f);
	f.w.conf.ip_local_port_min = 5000;
	f.w.conf.ip_local_port_max = 5009;
	tf_start(&f);
	for (int i = 0; i < 10; i++) {
		s[i] = stream(&f, 0);
		assert_int_equal(bind_to(&f, s[i], 0, 0), 0);
		assert_in_range(port_of(&f, s[i]), 5000, 5009);
	}
	assert_int_equal(bind_to(&f, stream(&f, 0), 0, 0), -EADDRNOTAVAIL);
	assert_int_equal(world_stat(&f.w, STAT_Tapir_EphemeralPortsFull), 1);
	tapir_close(f.w.t, s[3]);
	assert_int_equal(bind_to(&f, stream(&f, 0), 0, 0), 0);
	tf_close(&f);
}

/* ---- connect ---- */

TEST(ports_cover_the_whole_range, "R6056-1")
{
	struct tf f;
	uint16_t least = 65535, most = 0;
	int err;

	many(&f);
	for (uint32_t i = 0; i < 5000; i++) {
		tapir_sock_t s;
		uint16_t p = open_to(&f, TAPIR_IP4(198, 18, 0, 0) + i, 80, &s, &err);

		assert_true(p >= 1024);
		least = p < least ? p : least;
		most = p > most ? p : most;
		tapir_abort(f.w.t, s);
	}
	assert_true(least < 1124 && most > 65435);
	tf_close(&f);
}

TEST(ports_to_other_destinations_tell_nothing, "R6056-2 CL-42")
{
	struct tf f;
	uint16_t was = 0;
	unsigned near = 0;
	int err;

	many(&f);
	for (uint32_t i = 0; i < 4000; i++) {
		tapir_sock_t s;
		uint16_t p = open_to(&f, TAPIR_IP4(198, 18, 0, 0) + i, 443, &s, &err);

		near += p > was ? p - was < 32 : was - p < 32;
		was = p;
		tapir_abort(f.w.t, s);
	}
	assert_true(near < 20); /* 4 by chance */
	tf_close(&f);
}

/* CVE-2022-1012: who learns which destinations share a counter must not find that again. */
TEST(destinations_that_share_a_counter_do_not_share_it_for_long, "CL-40")
{
	struct tf f;
	tapir_sock_t s;
	int err;
	int32_t was = 0;
	unsigned same = 0;

	many(&f);
	for (int round = 0; round < 50; round++) {
		uint16_t a = open_to(&f, TAPIR_IP4(198, 18, 0, 1), 80, &s, &err), b;

		tapir_abort(f.w.t, s);
		b = open_to(&f, TAPIR_IP4(198, 18, 0, 2), 80, &s, &err);
		tapir_abort(f.w.t, s);
		/* The distance of two destinations is a fingerprint unless it changes. */
		same += round > 0 && (int32_t)b - a > was - 16 && (int32_t)b - a < was + 16;
		was = (int32_t)b - a;
		world_step(&f.w, 10 * WORLD_S);
	}
	assert_true(same <= 2);
	tf_close(&f);
}

TEST(ports_to_one_destination_do_not_repeat_soon, "")
{
	struct tf f;
	static uint8_t seen[65536];
	int err;

	many(&f);
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 5000; i++) {
		tapir_sock_t s;
		uint16_t p = open_to(&f, WORLD_PEER, 80, &s, &err);

		assert_int_equal(seen[p], 0);
		seen[p] = 1;
		tapir_abort(f.w.t, s);
	}
	tf_close(&f);
}

TEST(when_ports_run_out_the_error_is_clean_and_passes, "R6056-3 TC-59")
{
	enum { N = 300 };
	struct tf f;
	tapir_sock_t s[N], more;
	static uint8_t seen[65536];
	int err;

	tf_init(&f);
	f.w.conf.ip_local_port_min = 20000;
	f.w.conf.ip_local_port_max = 20000 + N - 1;
	tf_start(&f);
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < N; i++) {
		uint16_t p = open_to(&f, WORLD_PEER, 80, &s[i], &err);

		assert_in_range(p, 20000, 20000 + N - 1);
		assert_int_equal(seen[p]++, 0);
	}
	assert_int_equal(open_to(&f, WORLD_PEER, 80, &more, &err), 0);
	assert_int_equal(err, -EADDRNOTAVAIL);
	assert_int_equal(world_stat(&f.w, STAT_Tapir_EphemeralPortsFull), 1);
	/* Another destination has all of them still. */
	assert_true(open_to(&f, WORLD_PEER, 81, &more, &err) >= 20000);
	/* And one that closes gives its own back. */
	tapir_abort(f.w.t, s[7]);
	assert_true(open_to(&f, WORLD_PEER, 80, &more, &err) >= 20000);
	tf_close(&f);
}

TEST(connect_keeps_off_ports_that_were_bound, "R6056-1")
{
	enum { N = 50 };
	struct tf f;
	tapir_sock_t l, s;
	int err;

	tf_init(&f);
	f.w.conf.ip_local_port_min = 20000;
	f.w.conf.ip_local_port_max = 20000 + N - 1;
	tf_start(&f);
	l = stream(&f, 0);
	assert_int_equal(bind_to(&f, l, 0, 20007), 0);
	assert_int_equal(tapir_listen(f.w.t, l, 1), 0);
	for (int i = 0; i < N - 1; i++) {
		uint16_t p = open_to(&f, WORLD_PEER, 80, &s, &err);

		assert_true(p >= 20000 && p != 20007);
	}
	assert_int_equal(open_to(&f, WORLD_PEER, 80, &s, &err), 0);
	assert_int_equal(err, -EADDRNOTAVAIL);
	tf_close(&f);
}

TEST(the_same_tuple_twice_is_an_error_and_the_first_goes_on, "EVT-47")
{
	struct tf f;
	struct tapir_sockaddr to;
	tapir_sock_t s;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tapir_close(f.w.t, f.ls);
	s = stream(&f, 1);
	assert_int_equal(bind_to(&f, s, 0, f.lport), 0);
	to = tapir_sockaddr_v4(WORLD_PEER, f.rport);
	assert_int_equal(tapir_connect(f.w.t, s, &to), -EADDRNOTAVAIL);
	tf_quiet(&f);
	/* On the connection itself it is one too. */
	assert_int_equal(tapir_connect(f.w.t, f.s, &to), -EISCONN);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 1);
	f.rcv++;
	tf_expect_ack(&f);
	tf_close(&f);
}

TEST(no_connection_is_opened_to_itself, "TC-38")
{
	struct tf f;
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_US, 5555);
	tapir_sock_t s;
	int err;

	tf_init(&f);
	f.w.conf.ip_local_port_min = 20000;
	f.w.conf.ip_local_port_max = 20000;
	tf_start(&f);
	s = stream(&f, 0);
	assert_int_equal(bind_to(&f, s, WORLD_US, 5555), 0);
	assert_int_equal(tapir_connect(f.w.t, s, &sa), -EADDRNOTAVAIL);
	assert_int_equal(open_to(&f, WORLD_US, 20000, &s, &err), 0);
	assert_int_equal(err, -EADDRNOTAVAIL);
	tf_quiet(&f);
	tf_close(&f);
}

/* ---- everything back ---- */

TEST(references_on_ports_come_back_whatever_the_order, "")
{
	struct tf f;
	struct rnd rnd = {11};
	tapir_sock_t s[64] = {0};
	int err;

	tf_init(&f);
	f.w.conf.ip_local_port_min = 20000;
	f.w.conf.ip_local_port_max = 20031;
	tf_start(&f);
	for (int i = 0; i < 5000; i++) {
		unsigned k = rnd_below(&rnd, 64);

		if (s[k]) {
			if (rnd_below(&rnd, 2))
				tapir_abort(f.w.t, s[k]);
			else
				tapir_close(f.w.t, s[k]);
			s[k] = 0;
		} else if (rnd_below(&rnd, 3)) {
			open_to(&f, WORLD_PEER, (uint16_t)(80 + rnd_below(&rnd, 3)), &s[k], &err);
		} else {
			s[k] = stream(&f, (int)rnd_below(&rnd, 2));
			err = bind_to(&f, s[k], 0, (uint16_t)(20000 + rnd_below(&rnd, 32)));
			if (err == 0 && rnd_below(&rnd, 2))
				tapir_listen(f.w.t, s[k], 1);
		}
		tf_drain(&f);
	}
	for (int k = 0; k < 64; k++) {
		if (s[k])
			tapir_abort(f.w.t, s[k]);
	}
	/* tapir_check() ran all along; nothing is held now. */
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(f.w.t->tcp->port[20000 >> 8] ? f.w.t->tcp->port[20000 >> 8][i].refs
							      : 0,
				 0);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_tuples_are_each_found_and_no_others),
		cmocka_unit_test(addresses_of_16_bytes_are_told_apart),
		cmocka_unit_test(without_memory_the_table_grows_no_more_and_works),
		cmocka_unit_test(a_port_is_taken_once_and_free_after_close),
		cmocka_unit_test(different_addresses_share_a_port),
		cmocka_unit_test(reuseaddr_helps_when_both_have_it_and_nobody_listens),
		cmocka_unit_test(a_connection_holds_its_port_against_bind),
		cmocka_unit_test(bind_to_port_0_takes_random_unused_ports),
		cmocka_unit_test(the_range_is_a_setting),
		cmocka_unit_test(ports_cover_the_whole_range),
		cmocka_unit_test(ports_to_other_destinations_tell_nothing),
		cmocka_unit_test(destinations_that_share_a_counter_do_not_share_it_for_long),
		cmocka_unit_test(ports_to_one_destination_do_not_repeat_soon),
		cmocka_unit_test(when_ports_run_out_the_error_is_clean_and_passes),
		cmocka_unit_test(connect_keeps_off_ports_that_were_bound),
		cmocka_unit_test(the_same_tuple_twice_is_an_error_and_the_first_goes_on),
		cmocka_unit_test(no_connection_is_opened_to_itself),
		cmocka_unit_test(references_on_ports_come_back_whatever_the_order),
	};

	return tapir_test_run("unit/tcp/test_demux", tests);
}
