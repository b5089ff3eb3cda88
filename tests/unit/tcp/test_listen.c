#include <errno.h>

#include "tests/support/tcpfix.h"

/* mss 1460, sackOK, TS val 9 ecr 0, nop, wscale 7 */
static const uint8_t all_opts[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7};

static void open_listener(struct tf *f, int backlog)
{
	tf_init(f);
	f->backlog = backlog;
	f->w.conf.tcp_syncookies = 0;
	tf_start(f);
	tf_listen(f);
}

/* A whole handshake from a port, its connection left in the accept queue. */
static void queue_one(struct tf *f, uint16_t rport)
{
	tf_shake(f, rport);
	tf_quiet(f);
}

TEST(a_reset_to_a_listener_is_ignored, "EVT-4")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_LISTEN, TF_PASSIVE);
	tf_seg(&f, TF_RST, 1, 0, 0);
	tf_seg(&f, TF_RST | TF_ACK, 1, 1, 0);
	tf_seg(&f, TF_RST | TF_SYN, 1, 0, 0);
	tf_quiet(&f);
	assert_int_equal(world_drops(&f.w, DROP_TCP_RST_NO_SOCKET), 3);
	queue_one(&f, 40000);
	tf_close(&f);
}

TEST(an_ack_to_a_listener_gets_a_reset_with_its_number, "EVT-5")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_LISTEN, TF_PASSIVE);
	tf_seg(&f, TF_ACK, 77, 0xdeadbeef, 0);
	tf_expect(&f, TF_RST, 0xdeadbeef, 0, 0);
	tf_seg(&f, TF_ACK | TF_PSH, 77, 5, 100);
	tf_expect(&f, TF_RST, 5, 0, 0);
	tf_seg(&f, TF_SYN | TF_ACK, 77, 6, 0);
	tf_expect(&f, TF_RST, 6, 0, 0);
	tf_seg(&f, TF_FIN | TF_ACK, 77, 7, 0);
	tf_expect(&f, TF_RST, 7, 0, 0);
	tf_quiet(&f);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(a_segment_with_neither_syn_nor_ack_nor_rst_is_dropped, "EVT-8 EVT-38")
{
	static const uint8_t flags[] = {0, TF_FIN, TF_URG, TF_PSH, TF_FIN | TF_URG | TF_PSH};
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_LISTEN, TF_PASSIVE);
	for (size_t i = 0; i < sizeof(flags); i++) {
		tf_seg(&f, flags[i], 5, 0, 0);
		tf_seg(&f, flags[i], 5, 0, 10);
	}
	tf_quiet(&f);
	assert_int_equal(world_drops(&f.w, DROP_TCP_NOT_LISTENING), 2 * sizeof(flags));
	assert_int_equal(tf_state(&f), TAPIR_TCP_LISTEN);
	tf_close(&f);
}

TEST(syn_with_fin_opens_nothing, "CL-20")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_LISTEN, TF_PASSIVE);
	for (int i = 0; i < 1000; i++)
		tf_seg_opts(&f, (uint16_t)(1024 + i), TF_SYN | TF_FIN, 5, 0, NULL, 0, 0);
	tf_quiet(&f);
	assert_int_equal(world_drops(&f.w, DROP_TCP_FLAGS), 1000);
	tf_close(&f);
}

TEST(a_syn_is_acknowledged_whatever_its_number, "EVT-6")
{
	static const uint32_t irs[] = {0, 0x7fffffff, 0x80000000, 0xffffffff};

	for (size_t i = 0; i < sizeof(irs) / sizeof(irs[0]); i++) {
		struct tf f;

		tf_open(&f);
		f.irs = irs[i];
		tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
		assert_int_equal(f.p.ack, irs[i] + 1);
		tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
		assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
		tf_close(&f);
	}
}

/* What the SYN offered, and what the SYN-ACK must hold, in Linux's order; T is the timestamp's value. */
struct offer {
	uint8_t syn[24], syn_len, answer[24], answer_len;
};

#define MSS_1460 2, 4, 5, 180

static const struct offer offers[] = {
	{{MSS_1460, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7},
	 20,
	 {MSS_1460, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 9, 1, 3, 3, 10},
	 20},
	{{MSS_1460, 1, 1, 4, 2, 1, 3, 3, 7}, 12, {MSS_1460, 1, 1, 4, 2, 1, 3, 3, 10}, 12},
	{{MSS_1460, 1, 3, 3, 7}, 8, {MSS_1460, 1, 3, 3, 10}, 8},
	{{MSS_1460, 1, 1, 4, 2}, 8, {MSS_1460, 1, 1, 4, 2}, 8},
	{{MSS_1460}, 4, {MSS_1460}, 4},
	{{0}, 0, {MSS_1460}, 4},
	{{1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0},
	 12,
	 {MSS_1460, 1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 9},
	 16},
};

TEST(the_syn_ack_holds_what_was_offered_in_linuxs_order, "R7323-2 R7323-10 SHLD-5 MAY-3 MUST-67")
{
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		const struct offer *o = &offers[i];
		uint8_t got[40];
		struct tf f;

		tf_open(&f);
		memcpy(f.opts, o->syn, o->syn_len);
		f.nopts = o->syn_len;
		tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
		assert_int_equal(f.p.nopts, o->answer_len);
		memcpy(got, f.p.opts, f.p.nopts);
		if (tf_opt(&f, 8))
			memset(got + (tf_opt(&f, 8) - f.p.opts), 0, 4); /* TSval */
		assert_memory_equal(got, o->answer, o->answer_len);
		tf_close(&f);
	}
}

TEST(settings_that_are_off_offer_nothing, "")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_timestamps = 0;
	f.w.conf.tcp_sack = 0;
	f.w.conf.tcp_window_scaling = 0;
	tf_start(&f);
	memcpy(f.opts, all_opts, sizeof(all_opts));
	f.nopts = sizeof(all_opts);
	tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
	assert_int_equal(f.p.nopts, 4);
	tf_close(&f);
}

TEST(the_window_of_a_syn_ack_is_never_scaled_nor_above_65535, "R7323-4")
{
	static const int64_t rmem[] = {4096, 131072, 1073741824};
	/* Half of it, in whole segments. */
	static const uint32_t wnd[] = {1448, 45 * 1448, 65535};

	for (size_t i = 0; i < 3; i++) {
		struct tf f;

		tf_init(&f);
		f.w.conf.tcp_rmem_default = rmem[i];
		f.w.conf.tcp_rmem_max = rmem[i] < 131072 ? 131072 : rmem[i];
		tf_start(&f);
		memcpy(f.opts, all_opts, sizeof(all_opts));
		f.nopts = sizeof(all_opts);
		tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
		assert_int_equal(f.p.wnd, wnd[i]);
		tf_close(&f);
	}
}

TEST(text_on_a_syn_is_delivered_once_and_only_when_sent_again, "EVT-7 TC-36")
{
	struct tf f;
	uint8_t buf[200];
	size_t live;

	tf_open(&f);
	tf_listen(&f);
	f.irs = 0x10;
	tf_seg(&f, TF_SYN, f.irs, 0, 100);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.flags, TF_SYN | TF_ACK);
	assert_int_equal(f.p.ack, f.irs + 1); /* the text is not acknowledged */
	f.snd = f.p.seq + 1;
	f.rcv = f.irs + 1;
	live = f.w.alloc.live_bytes;
	tf_seg_opts(&f, 40001, TF_SYN, f.irs, 0, NULL, 0, 1400);
	/* A record with text costs what one without does. */
	assert_true(f.w.alloc.live_bytes - live < 600);
	tf_drain(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 100);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	assert_true(f.s > 0);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf[i], (uint8_t)(f.rcv + (uint32_t)i));
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), -EAGAIN);
	tf_close(&f);
}

TEST(a_backlog_of_n_lets_n_plus_one_wait_and_then_drops_syns, "")
{
	struct tf f;

	open_listener(&f, 2);
	for (uint16_t i = 0; i < 3; i++)
		queue_one(&f, (uint16_t)(40000 + i));
	tf_seg_opts(&f, 40010, TF_SYN, 1, 0, NULL, 0, 0);
	tf_quiet(&f);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_ListenOverflows), 1);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_ListenDrops), 1);
	assert_int_equal(world_drops(&f.w, DROP_TCP_LISTEN_OVERFLOW), 1);
	assert_int_equal(world_events(&f.w, TAPIR_EV_TCP_SYN_DROP), 1);
	/* Room again: the next SYN is answered. */
	assert_true(tapir_accept(f.w.t, f.ls, NULL) > 0);
	queue_one(&f, 40010);
	tf_close(&f);
}

/* A record for f->rport, and an accept queue that has become full meanwhile. */
static void half_open_and_full(struct tf *f)
{
	queue_one(f, 40000);
	tf_seg_opts(f, 40001, TF_SYN, f->irs, 0, NULL, 0, 0);
	assert_true(tf_pop(f));
	f->snd = f->p.seq + 1;
	f->rport = 40001;
	assert_int_equal(tapir_listen(f->w.t, f->ls, 0), 0);
}

TEST(the_last_ack_waits_when_the_accept_queue_is_full, "")
{
	struct tf f;

	open_listener(&f, 8);
	half_open_and_full(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_ListenOverflows), 1);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_ListenDrops), 1);
	assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_RECEIVED);
	/* Its SYN-ACK goes again, and the peer's ACK then finds room. */
	assert_true(tapir_accept(f.w.t, f.ls, NULL) > 0);
	world_step(&f.w, 1000 * WORLD_MS);
	tf_expect(&f, TF_SYN | TF_ACK, f.snd - 1, f.rcv, 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

TEST(abort_on_overflow_resets_instead, "")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_abort_on_overflow = 1;
	tf_start(&f);
	tf_listen(&f);
	half_open_and_full(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_expect(&f, TF_RST, f.snd, 0, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(closing_a_listener_resets_what_waits_and_forgets_what_is_half_open, "")
{
	struct tf f;
	uint32_t snd;

	open_listener(&f, 8);
	tf_shake(&f, 40000);
	snd = f.snd;
	tf_seg_opts(&f, 40001, TF_SYN, f.irs, 0, NULL, 0, 0);
	assert_true(tf_pop(&f));
	assert_int_equal(tapir_close(f.w.t, f.ls), 0);
	tf_expect(&f, TF_RST | TF_ACK, snd, f.rcv, 0);
	assert_int_equal(f.p.dport, 40000);
	tf_quiet(&f);
	/* Nobody listens any more. */
	tf_seg_opts(&f, 40002, TF_SYN, 5, 0, NULL, 0, 0);
	tf_expect(&f, TF_RST | TF_ACK, 0, 6, 0);
	tf_close(&f);
}

TEST(a_connection_reset_before_accept_is_given_out_with_its_error, "")
{
	struct tapir_ready r[4];
	struct tf f;

	open_listener(&f, 1);
	queue_one(&f, 40000);
	assert_int_equal(tapir_poll(f.w.t, f.ls), TAPIR_IN);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	/* As Linux: it keeps its place in the queue until then. */
	assert_int_equal(tapir_poll(f.w.t, f.ls), TAPIR_IN);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	assert_true(f.s > 0);
	assert_int_equal(tapir_poll(f.w.t, f.ls), 0);
	/* It is told of, so that no program waits for it. */
	while (tapir_ready_pop(f.w.t, r, 1) == 1 && r[0].sock != f.s)
		;
	assert_int_equal(r[0].sock, f.s);
	assert_int_equal(r[0].bits & (TAPIR_ERR | TAPIR_HUP), TAPIR_ERR | TAPIR_HUP);
	assert_int_equal(tf_error(&f), ECONNRESET);
	tapir_close(f.w.t, f.s);
	f.s = 0;
	for (uint16_t i = 0; i < 2; i++)
		queue_one(&f, (uint16_t)(40001 + i));
	/* One more that is reset, and never accepted. */
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	tf_close(&f);
}

TEST(opens_are_counted_as_linux_counts_them, "")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_PassiveOpens), 1);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_ActiveOpens), 0);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_CurrEstab), 1);
	tf_close(&f);
	tf_open(&f);
	tf_to(&f, TAPIR_TCP_CLOSE_WAIT, TF_ACTIVE);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_PassiveOpens), 0);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_ActiveOpens), 1);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_CurrEstab), 1);
	tapir_abort(f.w.t, f.s);
	tf_drain(&f);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_CurrEstab), 0);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_EstabResets), 1);
	tf_close(&f);
}

TEST(fin_on_the_last_ack_is_taken, "EVT-40")
{
	struct tf f;
	uint8_t buf[100];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, 10);
	f.rcv += 11;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSE_WAIT);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	assert_true(f.s > 0);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 10);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 0);
	tf_close(&f);
}

TEST(connections_are_accepted_in_order_and_the_listener_is_told, "")
{
	struct tf f;
	struct tapir_ready r;
	struct tapir_sockaddr peer;

	open_listener(&f, 8);
	assert_int_equal(tapir_interest(f.w.t, f.ls, TAPIR_IN, 99), 0);
	assert_int_equal(tapir_ready_pop(f.w.t, &r, 1), 0);
	for (uint16_t i = 0; i < 5; i++)
		queue_one(&f, (uint16_t)(40000 + i));
	assert_int_equal(tapir_ready_pop(f.w.t, &r, 1), 1);
	assert_int_equal(r.cookie, 99);
	assert_int_equal(r.bits, TAPIR_IN);
	for (uint16_t i = 0; i < 5; i++) {
		assert_true(tapir_accept(f.w.t, f.ls, &peer) > 0);
		assert_int_equal(peer.port, 40000 + i);
	}
	assert_int_equal(tapir_accept(f.w.t, f.ls, &peer), -EAGAIN);
	tf_close(&f);
}

static tapir_sock_t bound(struct tf *f, uint32_t ip4, uint16_t port, int reuse, int want)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(ip4, port);
	tapir_sock_t s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);

	assert_int_equal(tapir_setsockopt(f->w.t, s, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, &reuse,
					  sizeof(reuse)),
			 0);
	assert_int_equal(tapir_bind(f->w.t, s, &sa), want);
	return s;
}

TEST(a_second_listener_is_refused_and_the_first_goes_on, "MUST-41")
{
	struct tf f;
	tapir_sock_t s;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	bound(&f, 0, TF_PORT, 1, -EADDRINUSE);
	s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_listen(f.w.t, s, 1), 0); /* an ephemeral port */
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_seg(&f, TF_ACK | TF_PSH, f.rcv, f.snd, 1);
	f.rcv++;
	tf_expect_ack(&f);
	queue_one(&f, 40001);
	tf_close(&f);
}

TEST(two_may_bind_with_reuseaddr_but_one_listens, "")
{
	struct tf f;
	tapir_sock_t a, b;

	tf_open(&f);
	a = bound(&f, 0, 81, 1, 0);
	b = bound(&f, 0, 81, 1, 0);
	assert_int_equal(tapir_listen(f.w.t, a, 1), 0);
	assert_int_equal(tapir_listen(f.w.t, b, 1), -EADDRINUSE);
	assert_int_equal(tapir_close(f.w.t, a), 0);
	assert_int_equal(tapir_listen(f.w.t, b, 1), 0);
	tf_close(&f);
}

TEST(listening_is_possible_beside_opening_connections_of_the_port, "MUST-42")
{
	struct tf f;
	struct tapir_sockaddr to = tapir_sockaddr_v4(WORLD_PEER, 9999);
	tapir_sock_t s, l;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
	assert_int_equal(tapir_close(f.w.t, f.ls), 0);
	tf_drain(&f);
	/* One active opening from the port, as far as SYN-SENT. */
	s = bound(&f, 0, TF_PORT, 1, 0);
	assert_int_equal(tapir_connect(f.w.t, s, &to), -EINPROGRESS);
	tf_drain(&f);
	l = bound(&f, 0, TF_PORT, 1, 0);
	assert_int_equal(tapir_listen(f.w.t, l, 4), 0);
	f.ls = l;
	f.lport = TF_PORT;
	queue_one(&f, 40005);
	tf_close(&f);
}

TEST(a_listener_bound_to_an_address_takes_only_what_comes_to_it, "MUST-43")
{
	struct tf f;
	struct tapir_addr second = tapir_addr_v4(WORLD_US + 1);
	tapir_sock_t one, any;
	uint8_t buf[100];
	size_t n;

	tf_open(&f);
	assert_int_equal(tapir_addr_add(f.w.t, f.w.ifi, &second, 24), 0);
	one = bound(&f, WORLD_US + 1, TF_PORT, 0, 0);
	assert_int_equal(tapir_listen(f.w.t, one, 4), 0);
	tf_seg(&f, TF_SYN, 1, 0, 0);
	tf_expect(&f, TF_RST | TF_ACK, 0, 2, 0);
	/* And it beats one that listens on any address. */
	any = bound(&f, WORLD_US, TF_PORT, 0, 0);
	assert_int_equal(tapir_listen(f.w.t, any, 4), 0);
	n = world_tcp(buf, WORLD_PEER, WORLD_US + 1, 40000, TF_PORT, 1, 0, TF_SYN, 1000, NULL, 0,
		      NULL, 0);
	world_push(&f.w, buf, n);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.src, WORLD_US + 1);
	n = world_tcp(buf, WORLD_PEER, WORLD_US + 1, 40000, TF_PORT, 2, f.p.seq + 1, TF_ACK, 1000,
		      NULL, 0, NULL, 0);
	world_push(&f.w, buf, n);
	assert_int_equal(tapir_accept(f.w.t, any, NULL), -EAGAIN);
	assert_true(tapir_accept(f.w.t, one, NULL) > 0);
	tf_close(&f);
}

TEST(reuseport_spreads_connections_and_keeps_each_with_one, "")
{
	struct tf f;
	tapir_sock_t l[4];
	unsigned got[4] = {0};
	int one = 1;

	tf_init(&f);
	f.w.conf.tcp_max_syn_backlog = 1000;
	tf_start(&f);
	for (int i = 0; i < 4; i++) {
		struct tapir_sockaddr sa = tapir_sockaddr_v4(0, TF_PORT);

		l[i] = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
		assert_int_equal(tapir_setsockopt(f.w.t, l[i], TAPIR_SOL_SOCKET, TAPIR_SO_REUSEPORT,
						  &one, sizeof(one)),
				 0);
		assert_int_equal(tapir_bind(f.w.t, l[i], &sa), 0);
		assert_int_equal(tapir_listen(f.w.t, l[i], 1000), 0);
	}
	bound(&f, 0, TF_PORT, 0, -EADDRINUSE);
	for (uint16_t i = 0; i < 400; i++)
		queue_one(&f, (uint16_t)(20000 + i));
	for (int i = 0; i < 4; i++) {
		while (tapir_accept(f.w.t, l[i], NULL) > 0)
			got[i]++;
		assert_true(got[i] > 60 && got[i] < 140);
	}
	assert_int_equal(got[0] + got[1] + got[2] + got[3], 400);
	tf_close(&f);
}

/* The largest text that we put into a segment for a peer that told this MSS (0: none). */
static size_t largest(int mss)
{
	struct tf f;
	size_t most = 0;

	tf_open(&f);
	if (mss >= 0) {
		f.opts[0] = 2;
		f.opts[1] = 4;
		f.opts[2] = (uint8_t)(mss >> 8);
		f.opts[3] = (uint8_t)mss;
		f.nopts = 4;
	}
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(&f, 10000), 10000);
	while (tf_pop(&f)) {
		if (f.p.len > most)
			most = f.p.len;
	}
	tf_close(&f);
	return most;
}

TEST(without_an_mss_option_segments_carry_536_bytes, "MUST-15")
{
	assert_int_equal(largest(-1), 536);
}

TEST(the_peers_mss_is_honoured, "MUST-14")
{
	assert_int_equal(largest(100), 100);
	assert_int_equal(largest(536), 536);
	assert_int_equal(largest(1460), 1460);
	assert_int_equal(largest(65535), 1460);
}

TEST(an_mss_too_small_is_not_believed, "TC-03 CL-44")
{
	assert_int_equal(largest(0), 536);
	assert_int_equal(largest(1), 48);
	assert_int_equal(largest(8), 48);
	assert_int_equal(largest(48), 48);
}

TEST(a_segment_from_ourselves_to_itself_is_dropped, "CL-13 CL-14")
{
	struct tf f;
	uint8_t buf[100];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_LISTEN, TF_PASSIVE);
	for (int i = 0; i < 2; i++) {
		size_t n = world_tcp(buf, WORLD_US, WORLD_US, (uint16_t)(TF_PORT + i), TF_PORT, 1,
				     0, TF_SYN, 1000, NULL, 0, NULL, 0);

		world_push(&f.w, buf, n);
	}
	tf_quiet(&f);
	assert_int_equal(world_drops(&f.w, DROP_IP_OWN_SRC), 2);
	tf_close(&f);
}

TEST(without_memory_a_syn_is_dropped_and_nothing_is_lost, "")
{
	struct tf f;
	uint8_t buf[100];
	unsigned taken = 0, answered = 0;

	open_listener(&f, 8);
	for (uint16_t k = 1; k < 8; k++) {
		size_t n = world_tcp(buf, WORLD_PEER, WORLD_US, (uint16_t)(50000 + k), TF_PORT, 1,
				     0, TF_SYN, 1000, NULL, 0, NULL, 0);

		f.w.alloc.fail_at = f.w.alloc.calls + k;
		taken += world_push(&f.w, buf, n) == 0;
		answered += tf_drain(&f);
	}
	f.w.alloc.fail_at = 0;
	/* Of those that got in, some found no memory for the record or the answer. */
	assert_true(answered < taken);
	assert_true(world_stat(&f.w, STAT_TcpExt_ListenDrops) > 0);
	queue_one(&f, 40000);
	tf_close(&f);
}

TEST(the_backlog_is_bounded_by_somaxconn, "")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.somaxconn = 2;
	tf_start(&f);
	f.backlog = 1000;
	tf_listen(&f);
	for (uint16_t i = 0; i < 3; i++)
		queue_one(&f, (uint16_t)(40000 + i));
	tf_seg_opts(&f, 40010, TF_SYN, 1, 0, NULL, 0, 0);
	tf_quiet(&f);
	/* -1 means as much as there is, as with Linux. */
	assert_int_equal(tapir_listen(f.w.t, f.ls, -1), 0);
	tf_seg_opts(&f, 40010, TF_SYN, 1, 0, NULL, 0, 0);
	tf_quiet(&f);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_to_a_listener_is_ignored),
		cmocka_unit_test(an_ack_to_a_listener_gets_a_reset_with_its_number),
		cmocka_unit_test(a_segment_with_neither_syn_nor_ack_nor_rst_is_dropped),
		cmocka_unit_test(syn_with_fin_opens_nothing),
		cmocka_unit_test(a_syn_is_acknowledged_whatever_its_number),
		cmocka_unit_test(the_syn_ack_holds_what_was_offered_in_linuxs_order),
		cmocka_unit_test(settings_that_are_off_offer_nothing),
		cmocka_unit_test(the_window_of_a_syn_ack_is_never_scaled_nor_above_65535),
		cmocka_unit_test(text_on_a_syn_is_delivered_once_and_only_when_sent_again),
		cmocka_unit_test(a_backlog_of_n_lets_n_plus_one_wait_and_then_drops_syns),
		cmocka_unit_test(the_last_ack_waits_when_the_accept_queue_is_full),
		cmocka_unit_test(abort_on_overflow_resets_instead),
		cmocka_unit_test(
			closing_a_listener_resets_what_waits_and_forgets_what_is_half_open),
		cmocka_unit_test(a_connection_reset_before_accept_is_given_out_with_its_error),
		cmocka_unit_test(opens_are_counted_as_linux_counts_them),
		cmocka_unit_test(fin_on_the_last_ack_is_taken),
		cmocka_unit_test(connections_are_accepted_in_order_and_the_listener_is_told),
		cmocka_unit_test(a_second_listener_is_refused_and_the_first_goes_on),
		cmocka_unit_test(two_may_bind_with_reuseaddr_but_one_listens),
		cmocka_unit_test(listening_is_possible_beside_opening_connections_of_the_port),
		cmocka_unit_test(a_listener_bound_to_an_address_takes_only_what_comes_to_it),
		cmocka_unit_test(reuseport_spreads_connections_and_keeps_each_with_one),
		cmocka_unit_test(without_an_mss_option_segments_carry_536_bytes),
		cmocka_unit_test(the_peers_mss_is_honoured),
		cmocka_unit_test(an_mss_too_small_is_not_believed),
		cmocka_unit_test(a_segment_from_ourselves_to_itself_is_dropped),
		cmocka_unit_test(without_memory_a_syn_is_dropped_and_nothing_is_lost),
		cmocka_unit_test(the_backlog_is_bounded_by_somaxconn),
	};

	return tapir_test_run("unit/tcp/test_listen", tests);
}
