/* Datagrams in: what is delivered, to whom, and what is refused. */
#include "tests/unit/udp/util.h"

TEST(a_datagram_reaches_its_port_with_all_that_is_known_of_it, "R1122-109 R1122-112 R1122-30")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_msg m;
	char buf[16];
	size_t n;

	n = world_udp(frame, WORLD_PEER, WORLD_US, 4000, 7, "hello", 5);
	frame[1] = 0xb8;
	frame[8] = 17;
	world_fix(frame, n);
	world_push_ip(&w, frame, n);
	assert_int_equal(tapir_poll(w.t, s), TAPIR_IN | TAPIR_OUT);
	assert_int_equal(recv_msg(s, buf, sizeof(buf), 0, &m), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(tapir_addr_to_v4(&m.peer.addr), WORLD_PEER);
	assert_int_equal(m.peer.port, 4000);
	assert_int_equal(tapir_addr_to_v4(&m.local.addr), WORLD_US);
	assert_int_equal(m.local.port, 7);
	assert_int_equal(m.local.ifindex, w.ifi);
	assert_int_equal(m.ttl, 17);
	assert_int_equal(m.tos, 0xb8);
	assert_int_equal(m.flags, 0);
	assert_int_equal(recv_msg(s, buf, sizeof(buf), 0, &m), -EAGAIN);
	assert_int_equal(world_stat(&w, STAT_Udp_InDatagrams), 1);
	expect_nothing();
}

TEST(an_empty_datagram_is_an_empty_message_and_ends_nothing, "R768-4 UD-04")
{
	tapir_sock_t s = bound(WORLD_US, 7);
	struct tapir_msg m;
	char buf[4];

	push_udp(WORLD_PEER, 4000, WORLD_US, 7, NULL, 0);
	push_udp(WORLD_PEER, 4001, WORLD_US, 7, "x", 1);
	assert_int_equal(recv_msg(s, buf, sizeof(buf), 0, &m), 0);
	assert_int_equal(m.peer.port, 4000);
	assert_int_equal(recv_msg(s, buf, sizeof(buf), 0, &m), 1);
	assert_int_equal(m.peer.port, 4001);
	assert_int_equal(recv_msg(s, buf, sizeof(buf), 0, &m), -EAGAIN);
}

TEST(octets_beyond_the_udp_length_are_cut, "R768-1 NUC-02")
{
	tapir_sock_t s = bound(0, 7);
	char buf[64];
	size_t n = world_udp(frame, WORLD_PEER, WORLD_US, 4000, 7, "abcSECRET", 9);

	/* UDP says 3 bytes, IP carries 9: the sum is over what UDP says. */
	frame[24] = 0;
	frame[25] = 11;
	frame[26] = frame[27] = 0;
	world_push_ip(&w, frame, n);
	assert_int_equal(recv_from(s, buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "abc", 3);
}

TEST(a_udp_length_that_lies_drops_the_datagram, "R768-1 UD-03")
{
	static const uint16_t lengths[] = {0, 1, 7, 12, 13, 100, 0xffff};
	tapir_sock_t s = bound(0, 7);
	char buf[64];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t n = world_udp(frame, WORLD_PEER, WORLD_US, 4000, 7, "abc", 3);

		frame[24] = (uint8_t)(lengths[i] >> 8);
		frame[25] = (uint8_t)lengths[i];
		frame[26] = frame[27] = 0;
		world_push_ip(&w, frame, n);
		assert_int_equal(world_drops(&w, DROP_UDP_SHORT), i + 1);
	}
	for (size_t len = 0; len < 8; len++) {
		size_t n = world_ip(frame, WORLD_PEER, WORLD_US, 17, "\17\240\0\7\0\10\0\0", len);

		world_push_ip(&w, frame, n);
	}
	assert_int_equal(world_drops(&w, DROP_UDP_SHORT), 7 + 8);
	assert_int_equal(recv_from(s, buf, sizeof(buf)), -EAGAIN);
	expect_nothing();
}

TEST(a_wrong_checksum_wakes_nobody_and_earns_nothing, "R1122-107 CL-21")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_ready ev[2];
	size_t n;

	assert_int_equal(tapir_interest(w.t, s, TAPIR_IN, 1), 0);
	for (int port = 7; port <= 8; port++) {
		n = world_udp(frame, WORLD_PEER, WORLD_US, 4000, (uint16_t)port, "abc", 3);
		frame[n - 1] ^= 1;
		world_push_ip(&w, frame, n);
	}
	assert_int_equal(world_drops(&w, DROP_UDP_CSUM), 2);
	assert_int_equal(world_stat(&w, STAT_Udp_InCsumErrors), 2);
	assert_int_equal(tapir_poll(w.t, s), TAPIR_OUT);
	assert_int_equal(tapir_ready_pop(w.t, ev, 2), 0);
	expect_nothing();
}

TEST(a_checksum_of_zero_means_none, "R768-2")
{
	tapir_sock_t s = bound(0, 7);
	char buf[8];
	size_t n = world_udp(frame, WORLD_PEER, WORLD_US, 4000, 7, "abc", 3);

	frame[26] = frame[27] = 0;
	world_push_ip(&w, frame, n);
	assert_int_equal(recv_from(s, buf, sizeof(buf)), 3);
}

TEST(a_sum_that_the_driver_verified_is_believed, "")
{
	tapir_sock_t s = bound(0, 7);
	size_t n = world_udp(frame, WORLD_PEER, WORLD_US, 4000, 7, "abc", 3);
	struct pkt *p = tapir_pkt_alloc(w.t, n);
	char buf[8];

	frame[27] ^= 0x55;
	memcpy(p->data, frame, n);
	p->len = (uint32_t)n;
	p->flags = PKT_CSUM_VALID;
	assert_int_equal(tapir_input(w.t, w.ifi, p), 0);
	assert_int_equal(recv_from(s, buf, sizeof(buf)), 3);
}

TEST(port_zero_is_nobodys_but_may_be_a_source, "R768-3")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_msg m;
	char buf[8];

	push_udp(WORLD_PEER, 4000, WORLD_US, 0, "x", 1);
	assert_int_equal(world_drops(&w, DROP_UDP_PORT_ZERO), 1);
	expect_nothing();
	push_udp(WORLD_PEER, 0, WORLD_US, 7, "x", 1);
	assert_int_equal(recv_msg(s, buf, sizeof(buf), 0, &m), 1);
	assert_int_equal(m.peer.port, 0);
	assert_int_equal(send_to(s, WORLD_PEER, 0, "x", 1), -EINVAL);
}

TEST(a_port_without_a_socket_earns_port_unreachable, "R1122-104 R1122-56")
{
	push_udp(WORLD_PEER, 4000, WORLD_US, 9, "abcdef", 6);
	expect_pkt(1);
	assert_int_equal(pk.type, 3);
	assert_int_equal(pk.code, 3);
	assert_int_equal(pk.dst, WORLD_PEER);
	assert_int_equal(pk.src, WORLD_US);
	/* The quote: header and datagram as they came. */
	assert_int_equal(pk.len, 34);
	assert_memory_equal(pk.data + 28, "abcdef", 6);
	assert_int_equal(world_stat(&w, STAT_Udp_NoPorts), 1);
	assert_int_equal(world_drops(&w, DROP_UDP_NO_PORT), 1);
	expect_nothing();
}

TEST(a_flood_to_closed_ports_earns_few_errors_and_harms_no_counter, "UD-01 CL-22")
{
	size_t n = 0;

	for (int i = 0; i < 5000; i++)
		push_udp(TAPIR_IP4(198, 51, i >> 8, i & 255), 4000, WORLD_US, 9, "x", 1);
	while (world_pop_ip(&w, frame, sizeof(frame)))
		n++;
	assert_true(n >= 1 && n <= 50);
	assert_int_equal(world_stat(&w, STAT_Udp_NoPorts), 5000);
	assert_int_equal(world_drops(&w, DROP_UDP_NO_PORT), 5000);
}

TEST(no_response_ever_earns_a_response, "CL-17")
{
	/* The error about our own datagram, to a port where nobody is any more. */
	tapir_sock_t s = bound(0, 7);

	assert_int_equal(send_to(s, WORLD_PEER, 9, "x", 1), 1);
	expect_pkt(17);
	tapir_close(w.t, s);
	push_icmp_err(WORLD_PEER, 3, 3, 0, 17, WORLD_US, 7, WORLD_PEER, 9, 29);
	expect_nothing();
	/* An empty datagram, an answer, to an open port: the stack itself says nothing. */
	s = bound(0, 7);
	push_udp(WORLD_PEER, 7, WORLD_US, 7, NULL, 0);
	expect_nothing();
	tapir_close(w.t, s);
}

TEST(an_impossible_source_is_discarded_silently, "R1122-111")
{
	static const uint32_t bad[] = {
		0,	 TAPIR_IP4(127, 0, 0, 1), TAPIR_IP4(224, 0, 0, 1), UINT32_MAX, WORLD_BC,
		WORLD_US};
	tapir_sock_t s = bound(0, 7);
	char buf[8];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		push_udp(bad[i], 4000, WORLD_US, 7, "x", 1);
		push_udp(bad[i], 4000, WORLD_US, 9, "x", 1);
	}
	assert_int_equal(recv_from(s, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(world_stat(&w, STAT_Udp_InDatagrams), 0);
	expect_nothing();
}

TEST(a_receive_queue_is_bounded_with_overhead_counted, "UD-02")
{
	tapir_sock_t s = bound(0, 7);
	uint64_t before = w.alloc.live_bytes;
	char buf[8];
	int got = 0;

	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, 10000), 0);
	assert_int_equal(get_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF), 20000);
	for (int i = 0; i < 1000; i++)
		push_udp(WORLD_PEER, 4000, WORLD_US, 7, NULL, 0);
	/* Empty datagrams cost what they hold: the bound is of memory. */
	assert_true(w.alloc.live_bytes - before < 20000 + 5000);
	assert_true(world_stat(&w, STAT_Udp_RcvbufErrors) > 900);
	assert_int_equal(world_drops(&w, DROP_UDP_RCVBUF), world_stat(&w, STAT_Udp_RcvbufErrors));
	while (recv_from(s, buf, sizeof(buf)) == 0)
		got++;
	assert_int_equal(got + world_stat(&w, STAT_Udp_RcvbufErrors), 1000);
	push_udp(WORLD_PEER, 4000, WORLD_US, 7, "x", 1);
	assert_int_equal(recv_from(s, buf, sizeof(buf)), 1);
}

TEST(a_small_datagram_in_a_huge_packet_holds_little, "UD-02")
{
	tapir_sock_t s = bound(0, 7);
	size_t n = world_udp(frame, WORLD_PEER, WORLD_US, 4000, 7, "x", 1);
	char buf[8];

	for (int i = 0; i < 100; i++) {
		struct pkt *p = tapir_pkt_alloc(w.t, 65000);

		memcpy(p->data, frame, n);
		p->len = (uint32_t)n;
		assert_int_equal(tapir_input(w.t, w.ifi, p), 0);
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(recv_from(s, buf, sizeof(buf)), 1);
}

TEST(a_short_buffer_cuts_and_says_so, "")
{
	tapir_sock_t s = bound(0, 7);
	struct iovec iov[3];
	struct tapir_msg m;
	char a[2], b[3];

	for (int i = 0; i < 3; i++)
		push_udp(WORLD_PEER, 4000, WORLD_US, 7, "abcdefgh", 8);
	iov[0] = (struct iovec){a, 2};
	iov[1] = (struct iovec){NULL, 0};
	iov[2] = (struct iovec){b, 3};
	assert_int_equal(tapir_recvmsg(w.t, s, iov, 3, TAPIR_MSG_PEEK, &m), 5);
	assert_int_equal(m.flags, TAPIR_MSG_TRUNC);
	assert_int_equal(tapir_recvmsg(w.t, s, iov, 3, TAPIR_MSG_TRUNC, &m), 8);
	assert_memory_equal(a, "ab", 2);
	assert_memory_equal(b, "cde", 3);
	assert_int_equal(tapir_recvmsg(w.t, s, NULL, 0, 0, &m), 0);
	assert_int_equal(m.flags, TAPIR_MSG_TRUNC);
	assert_int_equal(recv_from(s, a, 2), 2);
	assert_int_equal(recv_from(s, a, 2), -EAGAIN);
}

TEST(connected_beats_bound_beats_any, "R1122-109 R1122-94")
{
	tapir_sock_t any = udp(), addr = udp(), conn = udp();
	char buf[8];

	set_opt(any, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	set_opt(addr, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	set_opt(conn, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	assert_int_equal(bind_to(conn, 0, 7), 0);
	assert_int_equal(bind_to(addr, WORLD_US, 7), 0);
	assert_int_equal(bind_to(any, 0, 7), 0);
	assert_int_equal(connect_to(conn, WORLD_PEER, 4000), 0);

	push_udp(WORLD_PEER, 4000, WORLD_US, 7, "c", 1);
	push_udp(WORLD_PEER, 4001, WORLD_US, 7, "b", 1);
	assert_int_equal(recv_from(conn, buf, 8), 1);
	assert_int_equal(recv_from(addr, buf, 8), 1);
	assert_int_equal(recv_from(any, buf, 8), -EAGAIN);
	tapir_close(w.t, addr);
	push_udp(WORLD_PEER, 4001, WORLD_US, 7, "a", 1);
	assert_int_equal(recv_from(any, buf, 8), 1);
	assert_int_equal(recv_from(conn, buf, 8), -EAGAIN);
}

TEST(a_connected_socket_hears_only_its_peer, "")
{
	tapir_sock_t s = bound(0, 7);
	char buf[8];

	assert_int_equal(connect_to(s, WORLD_PEER, 4000), 0);
	push_udp(WORLD_FAR, 4000, WORLD_US, 7, "x", 1);
	push_udp(WORLD_PEER, 4001, WORLD_US, 7, "x", 1);
	assert_int_equal(recv_from(s, buf, 8), -EAGAIN);
	assert_int_equal(world_stat(&w, STAT_Udp_NoPorts), 2);
	push_udp(WORLD_PEER, 4000, WORLD_US, 7, "x", 1);
	assert_int_equal(recv_from(s, buf, 8), 1);
	/* Disconnected it hears everybody again. */
	assert_int_equal(connect_to(s, 0, 0), 0);
	push_udp(WORLD_FAR, 4000, WORLD_US, 7, "x", 1);
	assert_int_equal(recv_from(s, buf, 8), 1);
}

TEST(of_two_with_the_same_peer_the_latest_hears_it, "")
{
	tapir_sock_t a = udp(), b = udp();
	char buf[8];

	set_opt(a, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	set_opt(b, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	assert_int_equal(bind_to(a, 0, 7), 0);
	assert_int_equal(bind_to(b, 0, 7), 0);
	/* Whichever connected first: the order of binding decides. */
	assert_int_equal(connect_to(b, WORLD_PEER, 4000), 0);
	assert_int_equal(connect_to(a, WORLD_PEER, 4000), 0);
	push_udp(WORLD_PEER, 4000, WORLD_US, 7, "x", 1);
	assert_int_equal(recv_from(a, buf, 8), -EAGAIN);
	assert_int_equal(recv_from(b, buf, 8), 1);
}

TEST(a_reuseport_group_shares_by_peer, "")
{
	tapir_sock_t s[4];
	unsigned got[4] = {0};
	char buf[8];

	for (int i = 0; i < 4; i++) {
		s[i] = udp();
		set_opt(s[i], TAPIR_SOL_SOCKET, TAPIR_SO_REUSEPORT, 1);
		assert_int_equal(bind_to(s[i], 0, 7), 0);
	}
	for (int round = 0; round < 2; round++) {
		for (uint16_t p = 1; p <= 400; p++)
			push_udp(WORLD_PEER, p, WORLD_US, 7, "x", 1);
		for (int i = 0; i < 4; i++) {
			unsigned before = got[i];

			while (recv_from(s[i], buf, 8) == 1)
				got[i]++;
			/* The same peers each round. */
			if (round == 1)
				assert_int_equal(got[i], 2 * before);
		}
	}
	for (int i = 0; i < 4; i++)
		assert_true(got[i] > 100);
	assert_int_equal(got[0] + got[1] + got[2] + got[3], 800);
}

TEST(with_reuseaddr_the_latest_has_the_port, "")
{
	tapir_sock_t a = udp(), b = udp();
	char buf[8];

	set_opt(a, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	assert_int_equal(bind_to(a, 0, 7), 0);
	assert_int_equal(bind_to(b, 0, 7), -EADDRINUSE);
	set_opt(b, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	assert_int_equal(bind_to(b, 0, 7), 0);
	push_udp(WORLD_PEER, 1, WORLD_US, 7, "x", 1);
	assert_int_equal(recv_from(a, buf, 8), -EAGAIN);
	assert_int_equal(recv_from(b, buf, 8), 1);
}

TEST(a_reassembled_datagram_is_verified_as_a_whole, "R6864-7 CL-10")
{
	static uint8_t whole[3100], part[1600];
	tapir_sock_t s = bound(0, 7);
	static char buf[4000];

	for (int bad = 0; bad < 2; bad++) {
		size_t n;

		memset(buf, 'a' + bad, 3000);
		n = world_udp(whole, WORLD_PEER, WORLD_US, 4000, 7, buf, 3000);
		if (bad)
			whole[2000] ^= 1;
		for (size_t off = 0; off < n - 20; off += 1024) {
			size_t k = n - 20 - off < 1024 ? n - 20 - off : 1024;
			size_t m = world_ip(part, WORLD_PEER, WORLD_US, 17, whole + 20 + off, k);

			part[4] = (uint8_t)bad;
			part[6] = (uint8_t)((off / 8) >> 8 | (off + k < n - 20 ? 0x20 : 0));
			part[7] = (uint8_t)(off / 8);
			part[10] = part[11] = 0;
			uint16_t c = world_cksum(part, 20, 0);
			part[10] = (uint8_t)(c >> 8);
			part[11] = (uint8_t)c;
			world_push_ip(&w, part, m);
		}
	}
	assert_int_equal(recv_from(s, buf, sizeof(buf)), 3000);
	assert_int_equal(buf[0], 'a');
	assert_int_equal(recv_from(s, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(world_drops(&w, DROP_UDP_CSUM), 1);
}

TEST(what_is_unread_at_close_is_dropped_with_a_reason, "")
{
	tapir_sock_t s = bound(0, 7);

	push_udp(WORLD_PEER, 1, WORLD_US, 7, "x", 1);
	push_udp(WORLD_PEER, 1, WORLD_US, 7, "y", 1);
	assert_int_equal(tapir_close(w.t, s), 0);
	assert_int_equal(world_drops(&w, DROP_SOCK_CLOSED), 2);
}

TEST(readiness_tells_each_arrival_once, "")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_ready ev[4];
	char buf[8];

	/* What waits when interest is declared is told once. */
	push_udp(WORLD_PEER, 1, WORLD_US, 7, "x", 1);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 0);
	assert_int_equal(tapir_interest(w.t, s, TAPIR_IN, 42), 0);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 1);
	assert_int_equal(ev[0].sock, s);
	assert_int_equal(ev[0].bits, TAPIR_IN);
	assert_int_equal(ev[0].cookie, 42);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 0);
	/* New data is a new edge, though the old is unread. */
	push_udp(WORLD_PEER, 1, WORLD_US, 7, "x", 1);
	push_udp(WORLD_PEER, 1, WORLD_US, 7, "x", 1);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 1);
	assert_int_equal(recv_from(s, buf, 8), 1);
	/* No stale event survives close. */
	push_udp(WORLD_PEER, 1, WORLD_US, 7, "x", 1);
	assert_int_equal(tapir_close(w.t, s), 0);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RAW(a_datagram_reaches_its_port_with_all_that_is_known_of_it),
		RAW(an_empty_datagram_is_an_empty_message_and_ends_nothing),
		RAW(octets_beyond_the_udp_length_are_cut),
		RAW(a_udp_length_that_lies_drops_the_datagram),
		RAW(a_wrong_checksum_wakes_nobody_and_earns_nothing),
		RAW(a_checksum_of_zero_means_none),
		RAW(a_sum_that_the_driver_verified_is_believed),
		RAW(port_zero_is_nobodys_but_may_be_a_source),
		RAW(a_port_without_a_socket_earns_port_unreachable),
		RAW(a_flood_to_closed_ports_earns_few_errors_and_harms_no_counter),
		RAW(no_response_ever_earns_a_response),
		RAW(an_impossible_source_is_discarded_silently),
		RAW(a_receive_queue_is_bounded_with_overhead_counted),
		RAW(a_small_datagram_in_a_huge_packet_holds_little),
		RAW(a_short_buffer_cuts_and_says_so),
		RAW(connected_beats_bound_beats_any),
		RAW(a_connected_socket_hears_only_its_peer),
		RAW(of_two_with_the_same_peer_the_latest_hears_it),
		RAW(a_reuseport_group_shares_by_peer),
		RAW(with_reuseaddr_the_latest_has_the_port),
		RAW(a_reassembled_datagram_is_verified_as_a_whole),
		RAW(what_is_unread_at_close_is_dropped_with_a_reason),
		RAW(readiness_tells_each_arrival_once),
	};

	return tapir_test_run("unit/udp/test_udp_input", tests);
}
