/*
 * RFC 9293 3.10.1 to 3.10.6 and 3.10.8: the user's calls and the time-outs, in every state: rows EVT-44 to
 * EVT-53, and some that belong to sending.
 */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/tcpfix.h"

enum { N_STATES = TAPIR_TCP_CLOSING };

static void begin(struct tf *f, enum tapir_tcp_state s, enum tf_open how)
{
	tf_open(f);
	tf_to(f, s, how);
}

/* A socket to call something on: the connection, or what there is instead. */
static tapir_sock_t handle(const struct tf *f)
{
	return f->s ? f->s : f->ls;
}

static int64_t send_on(struct tf *f, tapir_sock_t s, size_t len)
{
	static uint8_t text[2000];
	struct iovec iov = {text, len};

	return tapir_send(f->w.t, s, &iov, 1, 0);
}

static int64_t recv_on(struct tf *f, tapir_sock_t s)
{
	static uint8_t buf[2000];
	struct iovec iov = {buf, sizeof(buf)};

	return tapir_recv(f->w.t, s, &iov, 1, 0);
}

/* States that a handle can hold; SYN-RECEIVED only by simultaneous opening. */
#define EACH_STATE(s) for (int s = 1; s <= N_STATES; s++)

/* ---- OPEN ---- */

TEST(open_needs_a_whole_remote_address, "EVT-48 MUST-46")
{
	static const struct {
		uint32_t ip4;
		uint16_t port;
	} bad[] = {
		{WORLD_PEER, 0},
		{0xffffffff, 80},
		{WORLD_BC, 80},
		{TAPIR_IP4(224, 0, 0, 1), 80},
		{TAPIR_IP4(240, 0, 0, 1), 80},
		{TAPIR_IP4(0, 0, 0, 1), 80},
	};
	struct tf f;

	tf_open(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tapir_sock_t s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
		struct tapir_sockaddr sa = tapir_sockaddr_v4(bad[i].ip4, bad[i].port);
		int r = tapir_connect(f.w.t, s, &sa);

		assert_true(r < 0 && r != -EINPROGRESS);
		tf_quiet(&f);
		tapir_close(f.w.t, s);
	}
	tf_close(&f);
}

TEST(open_without_room_says_so_and_changes_nothing, "EVT-48")
{
	struct tf f;
	tapir_sock_t s[16];
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 80);

	tf_init(&f);
	f.w.conf.tcp_max_conns = 16;
	tf_start(&f);
	for (int i = 0; i < 16; i++) {
		s[i] = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
		assert_true(s[i] > 0);
		assert_int_equal(tapir_connect(f.w.t, s[i], &sa), -EINPROGRESS);
	}
	tf_drain(&f);
	assert_true(tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0) < 0);
	assert_true(world_stat(&f.w, STAT_Tapir_TcpConnsFull) > 0);
	tapir_abort(f.w.t, s[0]);
	assert_true(tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0) > 0);
	tf_close(&f);
}

TEST(open_on_a_connection_is_an_error_in_every_state, "EVT-47")
{
	EACH_STATE(s)
	{
		struct tf f;
		struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 4000);
		int r;

		if (s == TAPIR_TCP_CLOSED)
			continue;
		begin(&f, (enum tapir_tcp_state)s, TF_ACTIVE);
		r = tapir_connect(f.w.t, handle(&f), &sa);
		if (s == TAPIR_TCP_SYN_SENT || s == TAPIR_TCP_SYN_RECEIVED)
			assert_int_equal(r, -EALREADY);
		else if (s == TAPIR_TCP_TIME_WAIT) /* the handle outlived it */
			assert_true(r == -ECONNABORTED || r == -EISCONN);
		else
			assert_int_equal(r, -EISCONN);
		tf_quiet(&f);
		assert_int_equal(tf_state(&f), s);
		tf_close(&f);
	}
}

/* ---- SEND ---- */

TEST(send_in_every_state, "EVT-49")
{
	EACH_STATE(s)
	{
		struct tf f;
		int64_t r;

		begin(&f, (enum tapir_tcp_state)s, TF_ACTIVE);
		r = send_on(&f, handle(&f), 100);
		switch ((enum tapir_tcp_state)s) {
		case TAPIR_TCP_CLOSED:
		case TAPIR_TCP_LISTEN:
			assert_true(r == -ENOTCONN || r == -EPIPE);
			tf_quiet(&f);
			break;
		case TAPIR_TCP_SYN_SENT:
		case TAPIR_TCP_SYN_RECEIVED:
			/* Queued until ESTABLISHED, or the caller is asked to wait for it, as Linux does. */
			assert_true(r == 100 || r == -EAGAIN);
			tf_quiet(&f);
			break;
		case TAPIR_TCP_ESTABLISHED:
		case TAPIR_TCP_CLOSE_WAIT:
			assert_int_equal(r, 100);
			tf_expect(&f, TF_ACK, f.snd, f.rcv, 100);
			break;
		case TAPIR_TCP_FIN_WAIT_1:
		case TAPIR_TCP_FIN_WAIT_2:
		case TAPIR_TCP_CLOSING:
		case TAPIR_TCP_LAST_ACK:
		case TAPIR_TCP_TIME_WAIT:
			assert_int_equal(r, -EPIPE);
			tf_quiet(&f);
			break;
		}
		tf_close(&f);
	}
}

/* ---- RECEIVE ---- */

TEST(receive_in_every_state, "EVT-50")
{
	EACH_STATE(s)
	{
		struct tf f;
		int64_t r;

		begin(&f, (enum tapir_tcp_state)s, TF_ACTIVE);
		r = recv_on(&f, handle(&f));
		switch ((enum tapir_tcp_state)s) {
		case TAPIR_TCP_CLOSED:
		case TAPIR_TCP_LISTEN:
			assert_int_equal(r, -ENOTCONN);
			break;
		case TAPIR_TCP_SYN_SENT:
		case TAPIR_TCP_SYN_RECEIVED:
		case TAPIR_TCP_ESTABLISHED:
		case TAPIR_TCP_FIN_WAIT_1:
		case TAPIR_TCP_FIN_WAIT_2:
			assert_int_equal(r, -EAGAIN);
			break;
		case TAPIR_TCP_CLOSE_WAIT:
		case TAPIR_TCP_CLOSING:
		case TAPIR_TCP_LAST_ACK:
		case TAPIR_TCP_TIME_WAIT:
			assert_int_equal(r, 0);
			break;
		}
		tf_quiet(&f);
		tf_close(&f);
	}
}

TEST(what_had_arrived_is_read_before_the_end, "EVT-50")
{
	/* The peer sends 30 bytes and FIN; then the connection goes on to each of these. */
	static const enum tapir_tcp_state after[] = {TAPIR_TCP_CLOSE_WAIT, TAPIR_TCP_LAST_ACK,
						     TAPIR_TCP_CLOSING, TAPIR_TCP_TIME_WAIT};

	for (size_t i = 0; i < 4; i++) {
		struct tf f;

		tf_open(&f);
		tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_ACTIVE);
		if (i >= 2) {
			tapir_shutdown(f.w.t, f.s, TAPIR_SHUT_WR);
			tf_drain(&f);
			f.snd++;
		}
		tf_seg(&f, TF_FIN | TF_ACK, f.rcv,
		       after[i] == TAPIR_TCP_CLOSING ? f.snd - 1 : f.snd, 30);
		if (after[i] == TAPIR_TCP_LAST_ACK)
			tapir_shutdown(f.w.t, f.s, TAPIR_SHUT_WR);
		tf_drain(&f);
		assert_int_equal(tf_state(&f), after[i]);
		assert_int_equal(recv_on(&f, f.s), 30);
		assert_int_equal(recv_on(&f, f.s), 0);
		assert_int_equal(recv_on(&f, f.s), 0);
		tf_close(&f);
	}
}

/* ---- CLOSE ---- */

TEST(close_in_every_state, "EVT-51")
{
	EACH_STATE(s)
	{
		struct tf f;

		begin(&f, (enum tapir_tcp_state)s, TF_ACTIVE);
		assert_int_equal(tapir_close(f.w.t, handle(&f)), 0);
		switch ((enum tapir_tcp_state)s) {
		case TAPIR_TCP_CLOSED:
		case TAPIR_TCP_LISTEN:
		case TAPIR_TCP_SYN_SENT:
			tf_quiet(&f);
			assert_int_equal(tf_count(&f, 0), 0);
			break;
		case TAPIR_TCP_SYN_RECEIVED:
		case TAPIR_TCP_ESTABLISHED:
			tf_expect(&f, TF_FIN | TF_ACK, f.snd, f.rcv, 0);
			assert_int_equal(tf_state(&f), TAPIR_TCP_FIN_WAIT_1);
			break;
		case TAPIR_TCP_CLOSE_WAIT:
			tf_expect(&f, TF_FIN | TF_ACK, f.snd, f.rcv, 0);
			assert_int_equal(tf_state(&f), TAPIR_TCP_LAST_ACK);
			break;
		case TAPIR_TCP_FIN_WAIT_1:
		case TAPIR_TCP_FIN_WAIT_2:
		case TAPIR_TCP_CLOSING:
		case TAPIR_TCP_LAST_ACK:
		case TAPIR_TCP_TIME_WAIT:
			assert_int_equal(tf_state(&f), s);
			break;
		}
		tf_quiet(&f); /* one FIN, no more */
		assert_int_equal(tapir_close(f.w.t, handle(&f)), -EBADF);
		tf_close(&f);
	}
}

TEST(an_opening_closed_before_its_end_closes_properly, "EVT-51")
{
	struct tf f;

	begin(&f, TAPIR_TCP_SYN_RECEIVED, TF_ACTIVE);
	tapir_close(f.w.t, f.s);
	tf_expect(&f, TF_FIN | TF_ACK, f.snd, f.rcv, 0);
	f.snd++;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_FIN_WAIT_2);
	tf_seg(&f, TF_ACK | TF_FIN, f.rcv, f.snd, 0);
	f.rcv++;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	tf_close(&f);
}

TEST(fin_follows_what_was_queued, "EVT-51")
{
	struct tf f;

	tf_open(&f);
	f.wnd = 1072; /* two full segments */
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(send_on(&f, f.s, 1500), 1500);
	assert_int_equal(tapir_close(f.w.t, f.s), 0);
	while (tf_pop(&f))
		assert_int_equal(f.p.flags & TF_FIN, 0);
	f.wnd = 5000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 1072, 0);
	assert_true(tf_pop(&f));
	while (!(f.p.flags & TF_FIN))
		assert_true(tf_pop(&f));
	assert_int_equal(f.p.seq + f.p.len, f.snd + 1500);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(close_with_unread_data_resets, "SHLD-3")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_ACTIVE);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 5);
	f.rcv += 5;
	tf_drain(&f);
	assert_int_equal(tapir_close(f.w.t, f.s), 0);
	tf_expect(&f, TF_RST | TF_ACK, f.snd, f.rcv, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPAbortOnClose), 1);
	tf_close(&f);
}

/* ---- ABORT ---- */

TEST(abort_in_every_state, "EVT-52")
{
	EACH_STATE(s)
	{
		struct tf f;

		begin(&f, (enum tapir_tcp_state)s, TF_ACTIVE);
		assert_int_equal(tapir_abort(f.w.t, handle(&f)), 0);
		switch ((enum tapir_tcp_state)s) {
		case TAPIR_TCP_SYN_RECEIVED:
		case TAPIR_TCP_ESTABLISHED:
		case TAPIR_TCP_FIN_WAIT_1:
		case TAPIR_TCP_FIN_WAIT_2:
		case TAPIR_TCP_CLOSE_WAIT:
			tf_expect(&f, TF_RST | TF_ACK, f.snd, f.rcv, 0);
			break;
		case TAPIR_TCP_CLOSED:
		case TAPIR_TCP_LISTEN:
		case TAPIR_TCP_SYN_SENT:
		case TAPIR_TCP_CLOSING:
		case TAPIR_TCP_LAST_ACK:
		case TAPIR_TCP_TIME_WAIT:
			break;
		}
		tf_quiet(&f);
		/* TIME-WAIT stays: it protects others, and aborting must not end it (RFC 1337). */
		assert_int_equal(tf_count(&f, 0), s == TAPIR_TCP_TIME_WAIT);
		assert_int_equal(tapir_abort(f.w.t, handle(&f)), -EBADF);
		tf_close(&f);
	}
}

TEST(an_abort_throws_away_what_was_queued, "EVT-52")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_ACTIVE);
	send_on(&f, f.s, 1000);
	tf_drain(&f);
	tapir_abort(f.w.t, f.s);
	tf_expect(&f, TF_RST | TF_ACK, f.snd + 1000, f.rcv, 0);
	world_step(&f.w, 600 * WORLD_S);
	tf_quiet(&f);
	tf_close(&f);
}

/* ---- STATUS ---- */

TEST(status_tells_the_state_in_every_state, "EVT-53")
{
	EACH_STATE(s)
	{
		for (int how = 0; how < 2; how++) {
			struct tf f;

			begin(&f, (enum tapir_tcp_state)s, (enum tf_open)how);
			assert_int_equal(tf_state(&f), s);
			if (f.s && s != TAPIR_TCP_TIME_WAIT)
				assert_int_equal(tf_info(&f).state, s);
			tf_close(&f);
		}
	}
}

TEST(the_iterator_shows_each_orphan_once_also_when_some_go_meanwhile, "EVT-53")
{
	enum { N = 200 };
	struct tf f;
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info i;
	unsigned seen[N] = {0}, n = 0;
	uint32_t snd[N];

	tf_init(&f);
	f.backlog = N;
	tf_start(&f);
	tf_listen(&f);
	for (uint16_t k = 0; k < N; k++) {
		tf_shake(&f, (uint16_t)(40000 + k));
		snd[k] = f.snd;
		tapir_close(f.w.t, tapir_accept(f.w.t, f.ls, NULL));
		tf_drain(&f);
	}
	while (tapir_sock_next(f.w.t, &it, &i)) {
		if (i.state != TAPIR_TCP_FIN_WAIT_1)
			continue;
		assert_int_equal(i.sock, 0);
		assert_true(seen[i.peer.port - 40000]++ == 0);
		n++;
		/* One that was shown, and one at the very end, are reset. */
		if (n % 10 == 5) {
			f.rport = i.peer.port;
			tf_seg(&f, TF_RST, f.rcv, snd[f.rport - 40000], 0);
		}
		if (n == 100) {
			f.rport = 40000 + N - 1;
			tf_seg(&f, TF_RST, f.rcv, snd[N - 1], 0);
		}
	}
	/* What goes while one looks may hide others, never show one twice. */
	assert_in_range(n, N - 30, N - 1);
	tf_close(&f);
}

/* ---- USER TIMEOUT, RETRANSMISSION TIMEOUT ---- */

TEST(the_user_timeout_ends_what_is_unanswered, "EVT-44 MUST-21")
{
	static const enum tapir_tcp_state waiting[] = {
		TAPIR_TCP_SYN_SENT,   TAPIR_TCP_SYN_RECEIVED, TAPIR_TCP_ESTABLISHED,
		TAPIR_TCP_FIN_WAIT_1, TAPIR_TCP_CLOSE_WAIT,   TAPIR_TCP_CLOSING,
		TAPIR_TCP_LAST_ACK,
	};
	int ms = 7000;

	for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++) {
		struct tf f;

		begin(&f, waiting[i], TF_ACTIVE);
		assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_USER_TIMEOUT,
						  &ms, sizeof(ms)),
				 0);
		if (waiting[i] == TAPIR_TCP_ESTABLISHED || waiting[i] == TAPIR_TCP_CLOSE_WAIT)
			assert_int_equal(send_on(&f, f.s, 10), 10);
		world_step(&f.w, 6 * WORLD_S);
		assert_int_equal(tf_count(&f, 0), 1);
		world_step(&f.w, 30 * WORLD_S);
		assert_int_equal(tf_count(&f, 0), 0);
		assert_int_equal(tf_error(&f), ETIMEDOUT);
		tf_close(&f);
	}
}

/* The front of the queue goes again, in each state that has one. */
TEST(the_retransmission_timeout_sends_the_front_again, "EVT-45")
{
	static const struct {
		enum tapir_tcp_state s;
		uint8_t flags;
		uint32_t len;
	} c[] = {
		{TAPIR_TCP_SYN_SENT, TF_SYN, 0},
		{TAPIR_TCP_SYN_RECEIVED, TF_SYN | TF_ACK, 0},
		{TAPIR_TCP_ESTABLISHED, TF_ACK, 100},
		{TAPIR_TCP_CLOSE_WAIT, TF_ACK, 100},
		{TAPIR_TCP_FIN_WAIT_1, TF_FIN | TF_ACK, 0},
		{TAPIR_TCP_CLOSING, TF_FIN | TF_ACK, 0},
		{TAPIR_TCP_LAST_ACK, TF_FIN | TF_ACK, 0},
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct tf f;
		uint32_t front;

		begin(&f, c[i].s, TF_ACTIVE);
		front = f.snd - (c[i].len ? 0 : 1);
		if (c[i].len) {
			send_on(&f, f.s, c[i].len);
			tf_drain(&f);
		}
		for (int k = 0; k < 3; k++) {
			assert_true(world_next(&f.w, 10 * WORLD_S));
			while (!world_pending(&f.w))
				assert_true(world_next(&f.w, 10 * WORLD_S));
			tf_expect(&f, c[i].flags, front, f.rcv, c[i].len);
		}
		tf_close(&f);
	}
}

/* ---- 3.8.6.2.1, the sender's silly windows ---- */

TEST(each_condition_alone_lets_a_segment_go, "EVT-63 MUST-38")
{
	struct tf f;
	int one = 1;

	/* A full segment. */
	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE); /* MSS 536 */
	send_on(&f, f.s, 536);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 536);
	f.snd += 536;
	/* All that there is, nothing short in flight. */
	send_on(&f, f.s, 10);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 10);
	f.snd += 10;
	/* With that in flight a short one waits ... */
	send_on(&f, f.s, 10);
	tf_quiet(&f);
	/* ... until it is acknowledged. */
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 10);
	f.snd += 10;
	/* PUSHed by the user's wish: Nagle off. */
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, &one, sizeof(one));
	send_on(&f, f.s, 10);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 10);
	tf_close(&f);

	/* Half of the largest window ever, where the window holds back the rest: no segment is larger. */
	tf_open(&f);
	f.wnd = 800;
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	send_on(&f, f.s, 1600);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 400);
	tf_expect(&f, TF_ACK, f.snd + 400, f.rcv, 400);
	f.wnd = 399;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 800, 0);
	tf_quiet(&f);
	f.wnd = 400;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 800, 0);
	tf_expect(&f, TF_ACK, f.snd + 800, f.rcv, 400);
	tf_close(&f);
}

TEST(a_window_too_small_is_used_in_the_end, "EVT-63")
{
	struct tf f;

	tf_open(&f);
	f.wnd = 400;
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	send_on(&f, f.s, 1000);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 400);
	f.wnd = 50;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 400, 0);
	tf_quiet(&f);
	world_step(&f.w, 2 * WORLD_S);
	tf_expect(&f, TF_ACK, f.snd + 400, f.rcv, 50);
	tf_close(&f);
}

TEST(a_corked_connection_is_not_held_by_a_small_window_for_ever, "EVT-63 TC-26")
{
	struct tf f;
	int one = 1;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_CLOSE_WAIT, TF_PASSIVE);
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_CORK, &one, sizeof(one));
	send_on(&f, f.s, 1500);
	tf_drain(&f);
	f.wnd = 1;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 1072, 0);
	tf_quiet(&f);
	tapir_close(f.w.t, f.s);
	/* A byte goes as soon as the override allows. */
	world_step(&f.w, 5 * WORLD_S);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.seq, f.snd + 1072);
	/* The peer says nothing more: an orphan ends (R2). */
	world_step(&f.w, 3600 * WORLD_S);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

/* ---- ICMP ---- */

TEST(fragmentation_needed_is_no_reason_to_abort, "EVT-65")
{
	struct tf f;
	uint8_t quote[100], buf[200], opts[] = {2, 4, 5, 180};
	size_t n;

	tf_open(&f);
	memcpy(f.opts, opts, 4);
	f.nopts = 4;
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	send_on(&f, f.s, 2000);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 1460);
	n = world_tcp(quote, WORLD_US, WORLD_PEER, f.lport, f.rport, f.snd, f.rcv, TF_ACK, 1000,
		      NULL, 0, NULL, 0);
	quote[2] = 1500 >> 8;
	quote[3] = 1500 & 0xff;
	n = world_icmp(buf, WORLD_FAR, WORLD_US, 3, 4, 1000, quote, n);
	world_push(&f.w, buf, n);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	assert_int_equal(tf_error(&f), 0);
	tf_drain(&f);
	world_step(&f.w, 5 * WORLD_S);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.seq, f.snd);
	assert_true(40 + f.p.len <= 1000);
	tf_close(&f);
}

/* ---- memory ---- */

TEST(a_fin_that_found_no_memory_is_not_forgotten_by_close, "EVT-51")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_ACTIVE);
	world_step(&f.w, 10 * WORLD_S);
	f.w.alloc.fail_all = f.w.alloc.calls + 1;
	assert_int_equal(tapir_shutdown(f.w.t, f.s, TAPIR_SHUT_WR), 0);
	tapir_flush(f.w.t);
	assert_int_equal(tapir_close(f.w.t, f.s), 0);
	tapir_flush(f.w.t);
	f.w.alloc.fail_all = 0;
	world_step(&f.w, WORLD_S);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.flags & TF_FIN, TF_FIN);
	tf_close(&f);
}

TEST(whatever_allocation_fails_a_life_ends_clean, "")
{
	for (uint64_t k = 1; k < 60; k++) {
		struct tf f;
		struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, TF_PEER_PORT), us;
		uint8_t buf[2000] = {0};
		size_t n;

		tf_open(&f);
		f.w.alloc.fail_at = f.w.alloc.calls + k;
		f.s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
		if (f.s > 0 && tapir_connect(f.w.t, f.s, &sa) == -EINPROGRESS) {
			tapir_getsockname(f.w.t, f.s, &us);
			f.lport = us.port;
			world_step(&f.w, 2 * WORLD_S);
			while (tf_pop(&f)) {
				f.snd = f.p.seq + 1;
				n = world_tcp(buf, WORLD_PEER, WORLD_US, f.rport, f.lport, f.irs,
					      f.snd, TF_SYN | TF_ACK, 65535, NULL, 0, NULL, 0);
				world_push(&f.w, buf, n);
			}
			f.rcv = f.irs + 1;
			send_on(&f, f.s, 1500);
			tf_drain(&f);
			for (int i = 0; i < 3; i++) {
				n = world_tcp(buf, WORLD_PEER, WORLD_US, f.rport, f.lport,
					      f.rcv + (uint32_t)(2 - i) * 100, f.snd, TF_ACK, 65535,
					      NULL, 0, buf + 200, 100);
				world_push(&f.w, buf, n);
			}
			recv_on(&f, f.s);
			world_step(&f.w, 5 * WORLD_S);
			tf_drain(&f);
			tapir_close(f.w.t, f.s);
			world_step(&f.w, 5 * WORLD_S);
			tf_drain(&f);
		}
		tf_close(&f); /* leaks fail here, invariants all along */
	}
}

/* ---- arguments that are refused ---- */

TEST(addresses_of_another_family_are_refused, "RS-07")
{
	struct tapir_sockaddr sa = {.port = 80};
	tapir_sock_t s;
	struct tf f;

	tf_open(&f);
	memset(&sa.addr, 0x20, sizeof(sa.addr)); /* IPv6, and no mapped IPv4 */
	s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_bind(f.w.t, s, &sa), -EAFNOSUPPORT);
	assert_int_equal(tapir_connect(f.w.t, s, &sa), -EAFNOSUPPORT);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(numbers_without_sense_are_refused, "RS-07")
{
	struct iovec iov[2];
	struct tf f;
	int n;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_shutdown(f.w.t, f.s, 3), -EINVAL);
	assert_int_equal(tapir_shutdown(f.w.t, f.s, -1), -EINVAL);
	assert_int_equal(tapir_recv_held(f.w.t, f.s, (size_t)INT32_MAX + 1), -EINVAL);
	assert_int_equal(tapir_recv_held(f.w.t, f.s, INT32_MAX), 0);
	assert_int_equal(tapir_send_reserve(f.w.t, f.s, 0, iov, 2, &n), -EINVAL);
	assert_int_equal(tapir_send_reserve(f.w.t, f.s, 100, iov, 0, &n), -EINVAL);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

TEST(what_was_reserved_before_the_end_is_not_committed_after_it, "EVT-49")
{
	struct iovec iov[2];
	struct tf f;
	int n;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_send_reserve(f.w.t, f.s, 100, iov, 2, &n), 100);
	assert_int_equal(tapir_shutdown(f.w.t, f.s, TAPIR_SHUT_WR), 0);
	assert_int_equal(tapir_send_commit(f.w.t, f.s, 100, 0), -EPIPE);
	tf_expect(&f, TF_FIN | TF_ACK, f.snd, f.rcv, 0);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(without_a_gateway_only_neighbours_are_reached, "")
{
	struct tapir_sockaddr far = tapir_sockaddr_v4(WORLD_FAR, 80),
			      near = tapir_sockaddr_v4(WORLD_PEER, 80);
	tapir_sock_t s;
	struct tf f;
	int one = 1;

	tf_open(&f);
	s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_setsockopt(f.w.t, s, TAPIR_SOL_SOCKET, TAPIR_SO_DONTROUTE, &one,
					  sizeof(one)),
			 0);
	assert_int_equal(tapir_connect(f.w.t, s, &far), -ENETUNREACH);
	tf_quiet(&f);
	assert_int_equal(tapir_connect(f.w.t, s, &near), -EINPROGRESS);
	assert_true(tf_pop(&f));
	tf_close(&f);
}

TEST(an_urgent_octet_into_no_room_stays, "")
{
	struct iovec none = {.iov_base = NULL, .iov_len = 0}, one;
	uint8_t ip[200], c = 0;
	struct tf f;
	size_t n;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	n = world_tcp(ip, WORLD_PEER, WORLD_US, f.rport, f.lport, f.rcv, f.snd, TF_ACK | TF_URG,
		      f.wnd, NULL, 0, "abc", 3);
	ip[20 + 19] = 3;
	world_fix(ip, n);
	assert_int_equal(world_push(&f.w, ip, n), 0);
	(void)tf_drain(&f);
	assert_int_equal(tapir_recv(f.w.t, f.s, &none, 1, TAPIR_MSG_OOB), 0);
	one = (struct iovec){.iov_base = &c, .iov_len = 1};
	assert_int_equal(tapir_recv(f.w.t, f.s, &one, 1, TAPIR_MSG_OOB), 1);
	assert_int_equal(c, 'c');
	assert_int_equal(tapir_recv(f.w.t, f.s, &one, 1, TAPIR_MSG_OOB), -EINVAL);
	tf_close(&f);
}

TEST(the_iterator_shows_the_half_open_ones_of_every_listener, "EVT-53")
{
	static const uint16_t ports[] = {TF_PORT, 81, 82};
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info i;
	unsigned seen[3] = {0};
	struct tf f;

	tf_open(&f);
	for (int k = 0; k < 3; k++) {
		struct tapir_sockaddr sa = tapir_sockaddr_v4(0, ports[k]);
		tapir_sock_t s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);

		assert_int_equal(tapir_bind(f.w.t, s, &sa), 0);
		assert_int_equal(tapir_listen(f.w.t, s, 8), 0);
		for (uint16_t p = 0; p < k + 2; p++) {
			uint8_t ip[100];
			size_t n = world_tcp(ip, WORLD_PEER, WORLD_US, (uint16_t)(5000 + p),
					     ports[k], 1000, 0, TF_SYN, 65535, NULL, 0, NULL, 0);

			assert_int_equal(world_push(&f.w, ip, n), 0);
		}
	}
	(void)tf_drain(&f);
	while (tapir_sock_next(f.w.t, &it, &i)) {
		for (int k = 0; k < 3; k++)
			seen[k] += i.state == TAPIR_TCP_SYN_RECEIVED && i.local.port == ports[k];
	}
	for (unsigned k = 0; k < 3; k++)
		assert_int_equal(seen[k], k + 2);
	tf_close(&f);
}

TEST(an_address_that_goes_takes_its_connections_and_no_others, "")
{
	struct tapir_addr second = tapir_addr_v4(WORLD_US + 1);
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_US + 1, 0),
			      peer = tapir_sockaddr_v4(WORLD_PEER, 443);
	tapir_sock_t s, idle;
	struct tf f;

	tf_open(&f);
	assert_int_equal(tapir_addr_add(f.w.t, f.w.ifi, &second, 24), 0);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	idle = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_bind(f.w.t, s, &sa), 0);
	assert_int_equal(tapir_bind(f.w.t, idle, &sa), 0);
	assert_int_equal(tapir_connect(f.w.t, s, &peer), -EINPROGRESS);
	(void)tf_drain(&f);
	assert_int_equal(tapir_addr_del(f.w.t, f.w.ifi, &second), 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	f.s = s;
	assert_int_equal(tf_error(&f), ECONNABORTED);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_needs_a_whole_remote_address),
		cmocka_unit_test(open_without_room_says_so_and_changes_nothing),
		cmocka_unit_test(open_on_a_connection_is_an_error_in_every_state),
		cmocka_unit_test(send_in_every_state),
		cmocka_unit_test(receive_in_every_state),
		cmocka_unit_test(what_had_arrived_is_read_before_the_end),
		cmocka_unit_test(close_in_every_state),
		cmocka_unit_test(an_opening_closed_before_its_end_closes_properly),
		cmocka_unit_test(fin_follows_what_was_queued),
		cmocka_unit_test(close_with_unread_data_resets),
		cmocka_unit_test(abort_in_every_state),
		cmocka_unit_test(an_abort_throws_away_what_was_queued),
		cmocka_unit_test(status_tells_the_state_in_every_state),
		cmocka_unit_test(the_iterator_shows_each_orphan_once_also_when_some_go_meanwhile),
		cmocka_unit_test(the_user_timeout_ends_what_is_unanswered),
		cmocka_unit_test(the_retransmission_timeout_sends_the_front_again),
		cmocka_unit_test(each_condition_alone_lets_a_segment_go),
		cmocka_unit_test(a_window_too_small_is_used_in_the_end),
		cmocka_unit_test(a_corked_connection_is_not_held_by_a_small_window_for_ever),
		cmocka_unit_test(fragmentation_needed_is_no_reason_to_abort),
		cmocka_unit_test(a_fin_that_found_no_memory_is_not_forgotten_by_close),
		cmocka_unit_test(whatever_allocation_fails_a_life_ends_clean),
		cmocka_unit_test(addresses_of_another_family_are_refused),
		cmocka_unit_test(numbers_without_sense_are_refused),
		cmocka_unit_test(what_was_reserved_before_the_end_is_not_committed_after_it),
		cmocka_unit_test(without_a_gateway_only_neighbours_are_reached),
		cmocka_unit_test(an_urgent_octet_into_no_room_stays),
		cmocka_unit_test(the_iterator_shows_the_half_open_ones_of_every_listener),
		cmocka_unit_test(an_address_that_goes_takes_its_connections_and_no_others),
	};

	return tapir_test_run("unit/tcp/test_calls", tests);
}
