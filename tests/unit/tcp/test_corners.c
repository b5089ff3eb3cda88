/*
 * Corners where two things meet: a probe and an owed ACK, a route that goes away and data to send, a path as
 * small as IPv4 allows, memory that lies in a pool, an urgent pointer on a segment that is half old.
 */
#include <errno.h>

#include "tests/support/tcpopt.h"

static void peer_closes_window(struct tf *f)
{
	f->wnd = 0;
	tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
	tf_quiet(f);
}

TEST(a_window_probe_does_not_stand_for_an_ack_that_is_owed, "MUST-40")
{
	struct tf f;
	uint64_t probe_ms = 0;

	tf_init(&f);
	f.w.conf.tcp_quickack_segs = 0;
	f.w.conf.tcp_delack_min_ms = 40;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	peer_closes_window(&f);
	assert_int_equal(tf_write(&f, 100), 100);
	/* The first interval shows how long the second is: the double. */
	while (!world_pending(&f.w)) {
		world_step(&f.w, WORLD_MS);
		probe_ms++;
	}
	tf_expect(&f, TF_ACK, f.snd - 1, f.rcv, 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	world_step(&f.w, (2 * probe_ms - 20) * WORLD_MS);
	tf_quiet(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 10);
	f.rcv += 10;
	world_step(&f.w, 30 * WORLD_MS);
	/* Its number is an old one: the peer answers it and reads no more of it. */
	tf_expect(&f, TF_ACK, f.snd - 1, f.rcv, 0);
	world_step(&f.w, 30 * WORLD_MS);
	tf_expect_ack(&f);
	tf_close(&f);
}

TEST(data_without_a_route_is_given_up_after_r2, "")
{
	struct tf f;
	unsigned turns = 0;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_netif_down(f.w.t, f.w.ifi), 0);
	assert_int_equal(tf_write(&f, 100), 100);
	while (tf_state(&f) != TAPIR_TCP_CLOSED && turns < 100 && world_next(&f.w, 3600 * WORLD_S))
		turns++;
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_int_equal(tf_error(&f), ETIMEDOUT);
	tf_close(&f);
}

TEST(data_leaves_when_the_route_is_back, "")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_netif_down(f.w.t, f.w.ifi), 0);
	assert_int_equal(tf_write(&f, 100), 100);
	world_step(&f.w, 2 * WORLD_S);
	assert_int_equal(tapir_netif_up(f.w.t, f.w.ifi), 0);
	world_step(&f.w, 4 * WORLD_S);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.len, 100);
	tf_close(&f);
}

TEST(the_smallest_mtu_carries_data_and_sack, "")
{
	struct tf f;
	uint32_t got = 0;

	tf_init(&f);
	assert_int_equal(world_start(&f.w), 0);
	f.w.ifi = world_netif(&f.w, TAPIR_NETIF_RAW_IP, WORLD_US, 24, TAPIR_MTU_MIN, 0);
	world_settle(&f.w);
	tf_syn_opts(&f, 1000);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(&f, 100), 100);
	while (tf_pop(&f))
		got += (uint32_t)f.p.len;
	assert_int_equal(got, 100);
	/* Three holes: no room to tell of all, but the ACK leaves. */
	for (uint32_t i = 1; i < 4; i++) {
		tf_seg_ts(&f, TF_ACK, f.rcv + 2 * i, f.snd + 100, 1001, 0, 1);
		assert_true(tf_pop(&f));
		assert_int_equal(f.p.flags, TF_ACK);
	}
	tf_close(&f);
}

TEST(an_urgent_pointer_on_a_half_old_segment_marks_where_it_said, "MUST-62")
{
	static const uint8_t text[20];
	uint8_t buf[100], ip[WORLD_FRAME];
	struct tf f;
	size_t n;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 10);
	(void)tf_drain(&f);
	/* Again, with ten bytes more; the urgent data ended in the second half. */
	n = world_tcp(ip, WORLD_PEER, WORLD_US, f.rport, f.lport, f.rcv, f.snd, TF_ACK | TF_URG,
		      f.wnd, NULL, 0, text, sizeof(text));
	ip[20 + 19] = 15;
	world_fix(ip, n);
	assert_int_equal(world_push(&f.w, ip, n), 0);
	(void)tf_drain(&f);
	/* The fifteenth byte is the urgent one: fourteen before it, five behind. */
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 14);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 5);
	tf_close(&f);
}

TEST(an_ack_that_met_a_full_queue_leaves_later, "")
{
	static const uint8_t big[1400];
	const struct iovec iov = {.iov_base = (void *)(uintptr_t)big, .iov_len = sizeof(big)};
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 9);
	struct tf f;
	tapir_sock_t u;

	tf_init(&f);
	f.w.conf.txq_bytes = 65536;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	u = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	assert_int_equal(tapir_connect(f.w.t, u, &sa), 0);
	while (tapir_send(f.w.t, u, &iov, 1, 0) > 0)
		;
	for (size_t n = sizeof(big); n > 0; n--) {
		const struct iovec less = {.iov_base = (void *)(uintptr_t)big, .iov_len = n};

		(void)tapir_send(f.w.t, u, &less, 1, 0);
	}
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 10);
	f.rcv += 10;
	(void)world_pending(&f.w);
	while (world_expect(&f.w, f.frame, &f.p))
		assert_int_equal(f.p.proto, 17);
	world_step(&f.w, 100 * WORLD_MS);
	tf_expect_ack(&f);
	tf_close(&f);
}

TEST(a_queue_that_never_moves_again_does_not_hold_a_connection_for_ever, "MUST-21")
{
	static const uint8_t big[1400];
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 9);
	const uint32_t ms = 5000;
	struct tf f;
	tapir_sock_t u;

	tf_init(&f);
	f.w.conf.txq_bytes = 65536;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_IPPROTO_TCP, TAPIR_TCP_USER_TIMEOUT,
					  &ms, sizeof(ms)),
			 0);
	tf_write(&f, 1000);
	(void)tf_drain(&f);
	u = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	assert_int_equal(tapir_connect(f.w.t, u, &sa), 0);
	for (size_t n = sizeof(big); n > 0; n--) {
		const struct iovec iov = {.iov_base = (void *)(uintptr_t)big, .iov_len = n};

		while (tapir_send(f.w.t, u, &iov, 1, 0) > 0)
			;
	}
	/* No retransmission can leave: it counts as one all the same. */
	world_step(&f.w, 20 * WORLD_S);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	tf_close(&f);
}

TEST(an_orphan_does_not_wait_for_ever_for_a_queue_that_never_moves, "TC-26")
{
	static const uint8_t big[1400];
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 9);
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info row;
	struct tf f;
	tapir_sock_t u;
	unsigned streams = 0;

	tf_init(&f);
	f.w.conf.txq_bytes = 65536;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	u = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	assert_int_equal(tapir_connect(f.w.t, u, &sa), 0);
	for (size_t n = sizeof(big); n > 0; n--) {
		const struct iovec iov = {.iov_base = (void *)(uintptr_t)big, .iov_len = n};

		while (tapir_send(f.w.t, u, &iov, 1, 0) > 0)
			;
	}
	/* Nothing of it ever left. */
	assert_int_equal(tf_write(&f, 1000), 1000);
	assert_int_equal(tapir_close(f.w.t, f.s), 0);
	f.s = 0;
	for (unsigned s = 0; s < 600; s++)
		world_step(&f.w, WORLD_S);
	while (tapir_sock_next(f.w.t, &it, &row) > 0)
		streams += row.type == TAPIR_STREAM && row.state != TAPIR_TCP_LISTEN;
	assert_int_equal(streams, 0);
	tf_close(&f);
}

TEST(memory_that_lies_in_a_pool_serves_others_at_the_limit, "")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_mem_max = 1 << 20;
	f.backlog = 1000;
	tf_start(&f);
	tf_listen(&f);
	/* Until nothing is left for the next: a byte unread each. */
	for (uint16_t i = 0; i < 400; i++) {
		tf_shake(&f, (uint16_t)(10000 + i));
		tf_seg(&f, TF_ACK, f.rcv, f.snd, 1);
		(void)tf_drain(&f);
	}
	assert_true(world_stat(&f.w, STAT_Tapir_TcpMemFull) > 0);
	assert_int_equal(tapir_close(f.w.t, f.ls), 0);
	(void)tf_drain(&f);
	/* All are gone: a new one may write. */
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_ACTIVE);
	assert_int_equal(tf_write(&f, 16384), 16384);
	tf_close(&f);
}

/* A message of the router at the far end of the link: what was sent from `seq` was too large for `mtu`. */
static void too_large(struct tf *f, uint32_t seq, uint16_t len, uint16_t mtu)
{
	uint8_t quote[28], ip[256];
	size_t n;

	memset(quote, 0, sizeof(quote));
	n = world_tcp(ip, WORLD_US, WORLD_PEER, f->lport, f->rport, seq, f->rcv, TF_ACK, 1000, NULL,
		      0, NULL, 0);
	assert_true(n >= sizeof(quote));
	memcpy(quote, ip, sizeof(quote));
	quote[2] = (uint8_t)(len >> 8);
	quote[3] = (uint8_t)len;
	n = world_icmp(ip, WORLD_PEER, WORLD_US, 3, 4, mtu, quote, sizeof(quote));
	assert_int_equal(world_push(&f->w, ip, n), 0);
}

TEST(segments_grow_again_when_the_path_mtu_is_forgotten, "")
{
	struct tf f;

	tf_open(&f);
	tf_syn_mss(&f, 1460);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(&f, 1460), 1460);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 1460);
	too_large(&f, f.snd, 1500, 1000);
	assert_int_equal(tf_drain(&f), 2); /* 960 and 500 */
	f.snd += 1460;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	world_step(&f.w, 601 * WORLD_S);
	assert_int_equal(tf_write(&f, 1460), 1460);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 1460);
	tf_close(&f);
}

TEST(a_retransmission_on_a_smaller_link_is_cut_at_once, "")
{
	struct tf f;

	tf_open(&f);
	tf_syn_mss(&f, 1460);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(&f, 1460), 1460);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 1460);
	assert_int_equal(tapir_netif_set_mtu(f.w.t, f.w.ifi, 1000), 0);
	while (!world_pending(&f.w))
		assert_true(world_next(&f.w, 2 * WORLD_S));
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 960);
	/* It was the first time-out: not one of its repetitions. */
	assert_int_equal(tf_info(&f).backoff, 1);
	tf_close(&f);
}

TEST(a_look_at_the_stream_leaves_the_urgent_byte, "")
{
	static const uint8_t text[] = "Xyz";
	uint8_t buf[8], ip[WORLD_FRAME];
	struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
	struct tf f;
	size_t n;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	n = world_tcp(ip, WORLD_PEER, WORLD_US, f.rport, f.lport, f.rcv, f.snd, TF_ACK | TF_URG,
		      f.wnd, NULL, 0, text, 3);
	ip[20 + 19] = 1;
	world_fix(ip, n);
	assert_int_equal(world_push(&f.w, ip, n), 0);
	/* The urgent byte stands first: a peek passes over it, and does not take it. */
	assert_int_equal(tapir_recv(f.w.t, f.s, &iov, 1, TAPIR_MSG_PEEK), 2);
	assert_int_equal(buf[0], 'y');
	assert_int_equal(tapir_recv(f.w.t, f.s, &iov, 1, TAPIR_MSG_OOB), 1);
	assert_int_equal(buf[0], 'X');
	assert_int_equal(tapir_recv(f.w.t, f.s, &iov, 1, 0), 2);
	assert_int_equal(buf[0], 'y');
	(void)tf_drain(&f);
	tf_close(&f);
}

TEST(again_is_said_only_where_an_event_will_follow, "")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 10); /* unread: the connection is active */
	(void)tf_drain(&f);
	f.w.alloc.fail_all = f.w.alloc.calls + 1;
	/* Nothing is in flight, so no acknowledgment will make room. */
	assert_int_equal(tf_write(&f, 100), -ENOMEM);
	f.w.alloc.fail_all = 0;
	assert_int_equal(tf_write(&f, 100), 100);
	tf_close(&f);
}

TEST(a_path_that_widens_makes_nothing_go_again, "R1191-9")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.ip_pmtu_expires_s = 1;
	tf_start(&f);
	tf_syn_mss(&f, 1460);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	world_step(&f.w, WORLD_S);
	assert_int_equal(tf_write(&f, 1460), 1460);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 1460);
	too_large(&f, f.snd, 1500, 1000);
	assert_int_equal(tf_drain(&f), 2);
	f.snd += 1460;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	world_step(&f.w, 950 * WORLD_MS);
	assert_int_equal(tf_write(&f, 960), 960);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 960);
	/* It is forgotten with these in flight. */
	world_step(&f.w, 100 * WORLD_MS);
	tf_quiet(&f);
	assert_int_equal(tf_info(&f).pmtu, 1500);
	assert_int_equal(tf_info(&f).total_retrans, 2);
	tf_close(&f);
}

TEST(what_is_not_sent_stays_below_notsent_lowat, "")
{
	struct tapir_ready r;
	struct tf f;
	int low = 3000;

	tf_open(&f);
	tf_syn_mss(&f, 1000);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_NOTSENT_LOWAT, &low,
					  sizeof(low)),
			 0);
	assert_int_equal(tapir_interest(f.w.t, f.s, TAPIR_OUT, 1), 0);
	assert_int_equal(tapir_ready_pop(f.w.t, &r, 1), 1);
	peer_closes_window(&f);
	assert_int_equal(tf_write(&f, 10000), 3000);
	assert_int_equal(tf_write(&f, 1), -EAGAIN);
	assert_int_equal(tapir_poll(f.w.t, f.s) & TAPIR_OUT, 0);
	assert_int_equal(tapir_ready_pop(f.w.t, &r, 1), 0);
	/* Sent, though nothing is acknowledged: there is room again, and it is told. */
	f.wnd = 2000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_drain(&f), 2);
	assert_int_equal(tapir_ready_pop(f.w.t, &r, 1), 1);
	assert_int_equal(r.bits, TAPIR_OUT);
	assert_int_equal(tapir_poll(f.w.t, f.s) & TAPIR_OUT, TAPIR_OUT);
	assert_int_equal(tf_write(&f, 10000), 2000);
	tf_close(&f);
}

TEST(a_limit_below_what_is_in_use_is_no_error, "")
{
	static const uint8_t big[1400];
	const struct iovec iov = {.iov_base = (void *)(uintptr_t)big, .iov_len = sizeof(big)};
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 9);
	struct tf f;
	tapir_sock_t u;
	int buf = 4000000;

	tf_init(&f);
	f.w.conf.wmem_max = 8000000;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, &buf,
					  sizeof(buf)),
			 0);
	peer_closes_window(&f);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(tf_write(&f, 65536), 65536);
	assert_int_equal(tapir_sysctl(f.w.t, "net.ipv4.tcp_mem", 2, 1 << 20), 0);
	tapir_check(f.w.t);
	u = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	assert_int_equal(tapir_setsockopt(f.w.t, u, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, &buf,
					  sizeof(buf)),
			 0);
	assert_int_equal(tapir_connect(f.w.t, u, &sa), 0);
	while (tapir_send(f.w.t, u, &iov, 1, 0) > 0)
		;
	assert_int_equal(tapir_sysctl(f.w.t, "net.tapir.pkt_max_bytes", 0, 1 << 20), 0);
	tapir_check(f.w.t);
	tf_close(&f);
}

TEST(a_reset_that_counts_is_not_counted_as_lost, "")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg(&f, TF_RST, f.rcv + 1, 0, 0);
	assert_int_equal(world_drops(&f.w, DROP_TCP_RST_SEQ), 1);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_int_equal(world_drops(&f.w, DROP_TCP_RST_SEQ), 1);
	tf_close(&f);

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_RST, 0, 0, 0);
	assert_int_equal(world_drops(&f.w, DROP_TCP_RST_SEQ), 1);
	tf_seg(&f, TF_RST | TF_ACK, 0, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_int_equal(world_drops(&f.w, DROP_TCP_RST_SEQ), 1);
	tf_close(&f);
}

TEST(text_that_meets_a_closed_window_is_counted_as_lost, "")
{
	struct tf f;
	int size = 2048;

	tf_open(&f);
	tf_listen(&f);
	assert_int_equal(tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, &size,
					  sizeof(size)),
			 0);
	tf_shake(&f, f.rport);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	size = (int)tf_info(&f).rcv_wnd;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, (uint32_t)size);
	f.rcv += (uint32_t)size;
	(void)tf_drain(&f);
	assert_int_equal(tf_info(&f).rcv_wnd, 0);
	assert_int_equal(world_drops(&f.w, DROP_TCP_WINDOW), 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 1);
	tf_expect_ack(&f);
	assert_int_equal(world_drops(&f.w, DROP_TCP_WINDOW), 1);
	tf_close(&f);
}

TEST(listen_without_memory_changes_nothing, "RS-01")
{
	struct tapir_sockaddr sa;
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_CLOSED, TF_ACTIVE);
	for (unsigned i = 1;; i++) {
		int r;

		f.w.alloc.fail_at = f.w.alloc.calls + i;
		r = tapir_listen(f.w.t, f.s, 1);
		f.w.alloc.fail_at = 0;
		assert_int_equal(tapir_getsockname(f.w.t, f.s, &sa), 0);
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(sa.port, 0);
		tapir_check(f.w.t);
	}
	assert_int_not_equal(sa.port, 0);
	tf_close(&f);
}

TEST(only_what_was_reserved_can_be_committed, "")
{
	struct iovec iov[2];
	struct tf f;
	int n;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	(void)tf_drain(&f);
	assert_int_equal(tf_write(&f, 1000), 1000); /* the ring has memory, and room beyond */
	assert_int_equal(tapir_send_commit(f.w.t, f.s, 1, 0), -EINVAL);
	assert_int_equal(tapir_send_reserve(f.w.t, f.s, 100, iov, 2, &n), 100);
	assert_int_equal(tapir_send_commit(f.w.t, f.s, 101, 0), -EINVAL);
	assert_int_equal(tapir_send_commit(f.w.t, f.s, 100, 0), 0);
	assert_int_equal(tapir_send_commit(f.w.t, f.s, 1, 0), -EINVAL); /* not twice */
	tf_close(&f);
}

TEST(an_open_to_a_neighbour_that_is_not_there_ends_in_seconds, "")
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(TAPIR_IP4(192, 0, 2, 77), 80);
	struct world w;
	tapir_sock_t s;
	size_t len = sizeof(int);
	int err = 0;

	world_open(&w, TAPIR_NETIF_ETHER);
	s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_true(s > 0);
	assert_int_equal(tapir_connect(w.t, s, &sa), -EINPROGRESS);
	world_step(&w, 10 * WORLD_S); /* three requests, with back-off: neigh_mcast_solicit */
	assert_int_equal(tapir_getsockopt(w.t, s, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &err, &len), 0);
	assert_int_equal(err, EHOSTUNREACH);
	assert_int_equal(tapir_close(w.t, s), 0);
	world_settle(&w);
	world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_probe_does_not_stand_for_an_ack_that_is_owed),
		cmocka_unit_test(data_without_a_route_is_given_up_after_r2),
		cmocka_unit_test(data_leaves_when_the_route_is_back),
		cmocka_unit_test(the_smallest_mtu_carries_data_and_sack),
		cmocka_unit_test(an_urgent_pointer_on_a_half_old_segment_marks_where_it_said),
		cmocka_unit_test(an_ack_that_met_a_full_queue_leaves_later),
		cmocka_unit_test(
			a_queue_that_never_moves_again_does_not_hold_a_connection_for_ever),
		cmocka_unit_test(an_orphan_does_not_wait_for_ever_for_a_queue_that_never_moves),
		cmocka_unit_test(memory_that_lies_in_a_pool_serves_others_at_the_limit),
		cmocka_unit_test(segments_grow_again_when_the_path_mtu_is_forgotten),
		cmocka_unit_test(a_retransmission_on_a_smaller_link_is_cut_at_once),
		cmocka_unit_test(again_is_said_only_where_an_event_will_follow),
		cmocka_unit_test(a_path_that_widens_makes_nothing_go_again),
		cmocka_unit_test(what_is_not_sent_stays_below_notsent_lowat),
		cmocka_unit_test(a_limit_below_what_is_in_use_is_no_error),
		cmocka_unit_test(a_reset_that_counts_is_not_counted_as_lost),
		cmocka_unit_test(text_that_meets_a_closed_window_is_counted_as_lost),
		cmocka_unit_test(listen_without_memory_changes_nothing),
		cmocka_unit_test(a_look_at_the_stream_leaves_the_urgent_byte),
		cmocka_unit_test(only_what_was_reserved_can_be_committed),
		cmocka_unit_test(an_open_to_a_neighbour_that_is_not_there_ends_in_seconds),
	};

	return tapir_test_run("unit/tcp/test_corners", tests);
}
