/*
 * Sockets that begin anew: connect() to no address, a listener shut for reading, an open that failed. What the kernel does in
 * every state is compared in tests/unit/tools/test_linux_states.c; here is what the wire and the pools see of it.
 */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/tcpfix.h"

static const struct tapir_sockaddr nobody;

static int get(struct tf *f, int level, int name)
{
	int v = -1;
	size_t len = sizeof(v);

	assert_int_equal(tapir_getsockopt(f->w.t, f->s, level, name, &v, &len), 0);
	return v;
}

TEST(connect_to_no_address_gives_a_connection_up_in_every_state, "EVT-52")
{
	for (int s = TAPIR_TCP_CLOSED; s <= TAPIR_TCP_CLOSING; s++) {
		struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 81);
		bool rst = s == TAPIR_TCP_SYN_RECEIVED || s == TAPIR_TCP_ESTABLISHED ||
			   s == TAPIR_TCP_FIN_WAIT_1 || s == TAPIR_TCP_FIN_WAIT_2 ||
			   s == TAPIR_TCP_CLOSE_WAIT;
		struct tf f;

		if (s == TAPIR_TCP_LISTEN)
			continue;
		tf_open(&f);
		tf_to(&f, (enum tapir_tcp_state)s, TF_ACTIVE);
		tf_drain(&f);
		assert_int_equal(tapir_connect(f.w.t, f.s, &nobody), 0);
		if (rst) {
			assert_true(tf_pop(&f));
			assert_true(f.p.flags & TF_RST);
		}
		tf_quiet(&f);
		assert_int_equal(tapir_poll(f.w.t, f.s) & TAPIR_HUP, TAPIR_HUP);
		assert_int_equal(tf_error(&f), rst || s == TAPIR_TCP_SYN_SENT ? ECONNRESET : 0);
		assert_int_equal(tf_write(&f, 1), -EPIPE);
		/* The same handle opens to somebody else. */
		assert_int_equal(tapir_connect(f.w.t, f.s, &sa), -EINPROGRESS);
		assert_true(tf_pop(&f));
		assert_int_equal(f.p.flags & TF_SYN, TF_SYN);
		assert_int_equal(f.p.dport, 81);
		tf_close(&f);
	}
}

TEST(what_the_program_set_outlives_a_disconnection, "")
{
	struct tapir_sockaddr at = tapir_sockaddr_v4(0, 3333), now;
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 80);
	int idle = 77, on = 1;
	struct tapir_ready ev;
	struct tf f;

	tf_open(&f);
	f.s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_bind(f.w.t, f.s, &at), 0);
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_KEEPIDLE, &idle, sizeof(idle));
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, &on, sizeof(on));
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION, "reno", 4);
	tapir_interest(f.w.t, f.s, TAPIR_IN | TAPIR_OUT, 4711);
	assert_int_equal(tapir_connect(f.w.t, f.s, &sa), -EINPROGRESS);
	tf_drain(&f);
	while (tapir_ready_pop(f.w.t, &ev, 1))
		;
	assert_int_equal(tapir_connect(f.w.t, f.s, &nobody), 0);
	assert_int_equal(tapir_ready_pop(f.w.t, &ev, 1), 1);
	assert_int_equal(ev.cookie, 4711);
	assert_int_equal(ev.sock, f.s);
	assert_int_equal(ev.bits & TAPIR_HUP, TAPIR_HUP);
	assert_int_equal(get(&f, TAPIR_SOL_TCP, TAPIR_TCP_KEEPIDLE), 77);
	assert_int_equal(get(&f, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY), 1);
	assert_int_equal(get(&f, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION),
			 'r' | 'e' << 8 | 'n' << 16 | 'o' << 24);
	assert_int_equal(tapir_getsockname(f.w.t, f.s, &now), 0);
	assert_int_equal(now.port, 3333);
	assert_true(tapir_addr_is_any(&now.addr));
	tf_close(&f);
}

TEST(a_listener_shut_for_reading_listens_no_more_and_keeps_its_name, "")
{
	struct tapir_sockaddr peer = tapir_sockaddr_v4(WORLD_PEER, 80), now;
	struct tf f;

	tf_open(&f);
	tf_listen(&f);
	tf_shake(&f, 41000); /* waits for accept() */
	tf_seg_opts(&f, 41001, TF_SYN, 500, 0, NULL, 0, 0);
	tf_drain(&f);
	assert_int_equal(tapir_shutdown(f.w.t, f.ls, TAPIR_SHUT_WR), 0);
	assert_int_equal(tapir_poll(f.w.t, f.ls), TAPIR_IN);
	assert_int_equal(tapir_shutdown(f.w.t, f.ls, TAPIR_SHUT_RD), 0);
	/* Nobody will accept it. */
	assert_true(tf_pop(&f));
	assert_true(f.p.flags & TF_RST);
	tf_drain(&f);
	tf_seg_opts(&f, 41002, TF_SYN, 500, 0, NULL, 0, 0);
	tf_expect(&f, TF_RST | TF_ACK, 0, 501, 0);
	assert_int_equal(tapir_accept(f.w.t, f.ls, &now), -EINVAL);
	assert_int_equal(tapir_getsockname(f.w.t, f.ls, &now), 0);
	assert_int_equal(now.port, TF_PORT);
	/* It may do either again. */
	assert_int_equal(tapir_listen(f.w.t, f.ls, 3), 0);
	assert_int_equal(tapir_connect(f.w.t, f.ls, &nobody), 0);
	assert_int_equal(tapir_connect(f.w.t, f.ls, &peer), -EINPROGRESS);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.sport, TF_PORT);
	tf_close(&f);
}

TEST(an_open_that_was_refused_may_be_tried_again, "")
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 80);
	struct tf f;

	tf_open(&f);
	f.s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	for (int told = 0; told < 2; told++) {
		assert_int_equal(tapir_connect(f.w.t, f.s, &sa), -EINPROGRESS);
		assert_true(tf_pop(&f));
		f.lport = f.p.sport;
		f.rport = 80;
		tf_seg(&f, TF_RST | TF_ACK, 0, f.p.seq + 1, 0);
		if (told)
			assert_int_equal(tf_error(&f), ECONNREFUSED);
		assert_int_equal(tapir_connect(f.w.t, f.s, &sa),
				 told ? -ECONNABORTED : -ECONNREFUSED);
		assert_int_equal(tf_error(&f), 0);
	}
	assert_int_equal(tapir_connect(f.w.t, f.s, &sa), -EINPROGRESS);
	tf_close(&f);
}

TEST(a_connection_that_is_over_is_connected_still, "")
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 80);
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_ACTIVE);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	/* As Linux: the error stays for who reads. */
	assert_int_equal(tapir_connect(f.w.t, f.s, &sa), -EISCONN);
	assert_int_equal(tf_error(&f), ECONNRESET);
	tf_close(&f);
}

TEST(without_memory_nothing_is_given_up, "")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_max_conns = 16;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_ACTIVE);
	for (int i = 0; i < 15; i++)
		assert_true(tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0) > 0);
	assert_int_equal(tapir_connect(f.w.t, f.s, &nobody), -ENOMEM);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_to_no_address_gives_a_connection_up_in_every_state),
		cmocka_unit_test(what_the_program_set_outlives_a_disconnection),
		cmocka_unit_test(a_listener_shut_for_reading_listens_no_more_and_keeps_its_name),
		cmocka_unit_test(an_open_that_was_refused_may_be_tried_again),
		cmocka_unit_test(a_connection_that_is_over_is_connected_still),
		cmocka_unit_test(without_memory_nothing_is_given_up),
	};

	return tapir_test_run("unit/tcp/test_renew", tests);
}
