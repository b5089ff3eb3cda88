/*
 * Attacks by opening: handshakes that are finished and then silent, connections that do nothing, destinations that hand
 * out Fast Open cookies. Each is bounded by a number, and others go on.
 */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/tcpfix.h"

/* ---- finished handshakes (Naptha, CVE-2000-1039) ---- */

TEST(silent_handshakes_take_no_more_than_the_backlog, "TC-21")
{
	struct tf f;
	size_t live;

	tf_init(&f);
	f.w.conf.tcp_syncookies = 0;
	f.backlog = 8;
	tf_start(&f);
	tf_listen(&f);
	for (uint16_t i = 0; i < 9; i++)
		tf_shake(&f, (uint16_t)(20000 + i));
	live = f.w.alloc.live;
	assert_int_equal(f.w.t->tcp->nconn, 9);
	for (uint16_t i = 9; i < 3000; i++) {
		tf_seg_opts(&f, (uint16_t)(20000 + i), TF_SYN, f.irs, 0, NULL, 0, 0);
		tf_drain(&f);
	}
	/* Not one more, and nothing kept of those that came too late. */
	assert_int_equal(f.w.t->tcp->nconn, 9);
	assert_int_equal(f.w.alloc.live, live);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_ListenOverflows), 3000 - 9);
	/* Whoever comes when there is room gets in. */
	for (int i = 0; i < 9; i++)
		tapir_close(f.w.t, tapir_accept(f.w.t, f.ls, NULL));
	tf_drain(&f);
	tf_shake(&f, 30000);
	assert_true(tapir_accept(f.w.t, f.ls, NULL) > 0);
	tf_close(&f);
}

TEST(a_listener_that_waits_for_data_makes_no_connection_of_silence, "TC-21")
{
	struct tf f;
	int defer = 3;

	tf_init(&f);
	f.w.conf.tcp_syncookies = 0;
	f.w.conf.tcp_synack_retries = 1;
	f.backlog = 100;
	tf_start(&f);
	tf_listen(&f);
	assert_int_equal(tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_DEFER_ACCEPT,
					  &defer, sizeof(defer)),
			 0);
	for (uint16_t i = 0; i < 100; i++)
		tf_shake(&f, (uint16_t)(20000 + i));
	assert_int_equal(f.w.t->tcp->nconn, 0);
	assert_int_equal(f.w.t->tcp->nsyn, 100);
	world_step(&f.w, 20 * WORLD_S);
	tf_drain(&f);
	assert_int_equal(f.w.t->tcp->nsyn, 0);
	assert_int_equal(tapir_accept(f.w.t, f.ls, NULL), -EAGAIN);
	tf_close(&f);
}

/* ---- connections that do nothing ---- */

TEST(idle_connections_are_bounded_in_number, "TC-58 TC-21")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_max_conns = 20;
	f.backlog = 100;
	tf_start(&f);
	tf_listen(&f);
	for (uint16_t i = 0; i < 20; i++) {
		tf_shake(&f, (uint16_t)(20000 + i));
		assert_true(tapir_accept(f.w.t, f.ls, NULL) > 0);
	}
	for (uint16_t i = 20; i < 500; i++)
		tf_shake(&f, (uint16_t)(20000 + i));
	assert_int_equal(f.w.t->tcp->nconn, 20);
	assert_true(world_stat(&f.w, STAT_Tapir_TcpConnsFull) > 0);
	/* The records of those without a place end by themselves. */
	world_step(&f.w, 100 * WORLD_S);
	tf_drain(&f);
	assert_int_equal(f.w.t->tcp->nsyn, 0);
	assert_int_equal(f.w.t->tcp->nconn, 20);
	tf_close(&f);
}

TEST(idle_connections_end_when_the_program_says_how_long, "TC-58")
{
	static const int opts[][2] = {{TAPIR_TCP_KEEPIDLE, 10},
				      {TAPIR_TCP_KEEPINTVL, 5},
				      {TAPIR_TCP_KEEPCNT, 3}};
	tapir_sock_t s[50];
	struct tf f;
	int on = 1;

	tf_init(&f);
	f.backlog = 100;
	tf_start(&f);
	tf_listen(&f);
	/* Set on the listener, inherited by all. */
	assert_int_equal(tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_SOCKET, TAPIR_SO_KEEPALIVE, &on,
					  sizeof(on)),
			 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, opts[i][0],
						  &opts[i][1], sizeof(int)),
				 0);
	for (uint16_t i = 0; i < 50; i++) {
		tf_shake(&f, (uint16_t)(20000 + i));
		s[i] = tapir_accept(f.w.t, f.ls, NULL);
		assert_true(s[i] > 0);
		/* An idle one is one block and holds no buffer. */
		tf_drain(&f);
	}
	world_step(&f.w, 24 * WORLD_S);
	tf_drain(&f);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_CurrEstab), 50);
	world_step(&f.w, 2 * WORLD_S);
	tf_drain(&f);
	/* 10 s, and three probes 5 s apart: 25 s. */
	assert_int_equal(world_stat(&f.w, STAT_Tcp_CurrEstab), 0);
	for (size_t i = 0; i < 50; i++) {
		uint8_t b;
		struct iovec iov = {&b, 1};

		assert_int_equal(tapir_recvmsg(f.w.t, s[i], &iov, 1, 0, NULL), -ETIMEDOUT);
		tapir_close(f.w.t, s[i]);
	}
	assert_int_equal(f.w.t->tcp->nconn, 0);
	tf_close(&f);
}

/* ---- Fast Open ---- */

/* A connection to `peer` that is asked to send 10 bytes with the SYN; returns how many it did. The SYN-ACK has a cookie. */
static uint32_t fast_open(struct tf *f, uint32_t peer)
{
	static const uint8_t o[] = {2, 4, 5, 180, 34, 6, 1, 2, 3, 4, 1, 1};
	struct tapir_msg m = {.peer = tapir_sockaddr_v4(peer, 80), .tos = -1};
	uint8_t b[10] = {0};
	struct iovec iov = {b, sizeof(b)};
	tapir_sock_t s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	uint32_t len;
	size_t n;

	assert_true(s > 0);
	tapir_sendmsg(f->w.t, s, &iov, 1, TAPIR_MSG_FASTOPEN, &m);
	assert_true(tf_pop(f));
	len = (uint32_t)f->p.len;
	n = world_tcp(f->frame, peer, WORLD_US, 80, f->p.sport, 1000, f->p.seq + 1 + len,
		      TF_SYN | TF_ACK, 1000, o, sizeof(o), NULL, 0);
	assert_int_equal(world_push(&f->w, f->frame, n), 0);
	tf_drain(f);
	tapir_abort(f->w.t, s);
	tf_drain(f);
	return len;
}

TEST(the_cookies_kept_are_bounded_and_the_longest_unused_goes, "")
{
	const uint32_t far = WORLD_FAR;
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_fastopen_cache_max = 3;
	tf_start(&f);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(fast_open(&f, far + i), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(fast_open(&f, far + i), 10);
	assert_int_equal(fast_open(&f, far), 10); /* now the second is the longest unused */
	assert_int_equal(world_stat(&f.w, STAT_Tapir_FastOpenCacheFull), 0);
	assert_int_equal(fast_open(&f, far + 3), 0);
	assert_int_equal(world_stat(&f.w, STAT_Tapir_FastOpenCacheFull), 1);
	assert_int_equal(f.w.t->tcp->fo_cache.n, 3);
	assert_int_equal(fast_open(&f, far), 10);
	assert_int_equal(fast_open(&f, far + 2), 10);
	assert_int_equal(fast_open(&f, far + 1), 0);
	tf_close(&f);
}

TEST(who_writes_in_place_gets_a_syn_without_data, "")
{
	struct tapir_sockaddr to = tapir_sockaddr_v4(WORLD_PEER, 80);
	struct iovec iov[2];
	struct tf f;
	int on = 1, n;

	tf_open(&f);
	f.s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_NO_COOKIE, &on, sizeof(on));
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_CONNECT, &on, sizeof(on));
	assert_int_equal(tapir_connect(f.w.t, f.s, &to), 0);
	tf_quiet(&f);
	assert_int_equal(tapir_poll(f.w.t, f.s), TAPIR_OUT);
	assert_int_equal(tapir_send_reserve(f.w.t, f.s, 100, iov, 2, &n), -EAGAIN);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.flags, TF_SYN);
	assert_int_equal(f.p.len, 0);
	f.lport = f.p.sport;
	tf_seg_opts(&f, 80, TF_SYN | TF_ACK, 1000, f.p.seq + 1, NULL, 0, 0);
	tf_drain(&f);
	assert_int_equal(tapir_send_reserve(f.w.t, f.s, 100, iov, 2, &n), 100);
	tf_close(&f);
}

TEST(a_fast_open_needs_memory_and_falls_back_without, "")
{
	/* Whichever allocation fails, the SYN is answered or lost, and nothing leaks. */
	for (unsigned nth = 1; nth < 12; nth++) {
		struct tf f;
		int on = 5;
		static const uint8_t o[] = {2, 4, 5, 180}, text[500];
		size_t n;

		tf_init(&f);
		f.w.conf.tcp_fastopen = TCP_FASTOPEN_SERVER | TCP_FASTOPEN_SERVER_BARE;
		f.backlog = 8;
		tf_start(&f);
		tf_listen(&f);
		tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN, &on, sizeof(on));
		f.w.alloc.fail_at = f.w.alloc.calls + nth;
		n = world_tcp(f.frame, WORLD_PEER, WORLD_US, 20000, f.lport, f.irs, 0, TF_SYN, 1000,
			      o, sizeof(o), text, sizeof(text));
		world_push(&f.w, f.frame, n);
		f.w.alloc.fail_at = 0;
		if (tf_pop(&f)) {
			assert_int_equal(f.p.flags, TF_SYN | TF_ACK);
			assert_true(f.p.ack == f.irs + 1 || f.p.ack == f.irs + 501);
		}
		tf_close(&f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_handshakes_take_no_more_than_the_backlog),
		cmocka_unit_test(a_listener_that_waits_for_data_makes_no_connection_of_silence),
		cmocka_unit_test(idle_connections_are_bounded_in_number),
		cmocka_unit_test(idle_connections_end_when_the_program_says_how_long),
		cmocka_unit_test(the_cookies_kept_are_bounded_and_the_longest_unused_goes),
		cmocka_unit_test(who_writes_in_place_gets_a_syn_without_data),
		cmocka_unit_test(a_fast_open_needs_memory_and_falls_back_without),
	};

	return tapir_test_run("unit/tcp/test_attacks_open", tests);
}
