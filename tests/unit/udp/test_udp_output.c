/* Datagrams out: addresses, checksums, sizes, permission, room; and errors that come back. */
#include "tests/unit/udp/util.h"

static uint8_t big[70000];

TEST(a_datagram_leaves_with_our_address_and_a_checksum, "R1122-107 R1122-22 R1122-110")
{
	struct tapir_sockaddr sa;
	tapir_sock_t s = udp();

	assert_int_equal(connect_to(s, WORLD_PEER, 53), 0);
	assert_int_equal(tapir_getsockname(w.t, s, &sa), 0);
	assert_int_equal(tapir_addr_to_v4(&sa.addr), WORLD_US);
	assert_int_equal(send_to(s, 0, 0, "hello", 5), 5);
	expect_pkt(17);
	assert_int_equal(pk.src, WORLD_US);
	assert_int_equal(pk.dst, WORLD_PEER);
	assert_int_equal(pk.sport, sa.port);
	assert_int_equal(pk.dport, 53);
	assert_int_equal(pk.len, 5);
	assert_memory_equal(pk.data, "hello", 5);
	assert_int_equal(pk.ttl, 64);
	assert_int_equal(pk.tos, 0);
	assert_true(pk.df);
	assert_int_equal(world_stat(&w, STAT_Udp_OutDatagrams), 1);
}

TEST(a_computed_checksum_of_zero_goes_as_all_ones, "R768-2")
{
	tapir_sock_t s = bound(0, 7);
	uint8_t data[2] = {0, 0};
	uint16_t c;

	/* With the field's value as data the sum becomes all ones, its complement zero. */
	send_to(s, WORLD_PEER, 9, data, 2);
	expect_pkt(17);
	c = (uint16_t)(pk.l4[6] << 8 | pk.l4[7]);
	data[0] = (uint8_t)(c >> 8);
	data[1] = (uint8_t)c;
	send_to(s, WORLD_PEER, 9, data, 2);
	expect_pkt(17);
	assert_int_equal(pk.l4[6], 0xff);
	assert_int_equal(pk.l4[7], 0xff);
}

TEST(any_split_of_the_bytes_gives_the_same_datagram, "")
{
	tapir_sock_t s = bound(0, 7);
	static uint8_t first[WORLD_FRAME];
	struct iovec iov[5];
	struct tapir_msg m = {.peer = tapir_sockaddr_v4(WORLD_PEER, 9), .tos = -1};
	char data[64];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 37 + 5);
	send_to(s, WORLD_PEER, 9, data, sizeof(data));
	expect_pkt(17);
	memcpy(first, pk.l4, pk.l4_len);
	for (size_t a = 0; a <= 20; a++) {
		for (size_t b = a; b <= 40; b += 3) {
			iov[0] = (struct iovec){data, a};
			iov[1] = (struct iovec){data + a, b - a};
			iov[2] = (struct iovec){NULL, 0};
			iov[3] = (struct iovec){data + b, 1};
			iov[4] = (struct iovec){data + b + 1, sizeof(data) - b - 1};
			assert_int_equal(tapir_sendmsg(w.t, s, iov, 5, 0, &m), sizeof(data));
			expect_pkt(17);
			assert_memory_equal(pk.l4, first, pk.l4_len);
		}
	}
}

TEST(ttl_and_tos_are_the_sockets_or_the_messages, "R1122-29 R1122-34 R1122-102")
{
	tapir_sock_t s = bound(0, 7);
	struct iovec iov = {"x", 1};
	struct tapir_msg m = {.peer = tapir_sockaddr_v4(WORLD_PEER, 9), .ttl = 3, .tos = 0x20};

	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_TTL, 200), 0);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_TOS, 0xb8), 0);
	send_to(s, WORLD_PEER, 9, "x", 1);
	expect_pkt(17);
	assert_int_equal(pk.ttl, 200);
	assert_int_equal(pk.tos, 0xb8);
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), 1);
	expect_pkt(17);
	assert_int_equal(pk.ttl, 3);
	assert_int_equal(pk.tos, 0x20);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_TTL, -1), 0);
	assert_int_equal(get_opt(s, TAPIR_SOL_IP, TAPIR_IP_TTL), 64);
	m.ttl = 256;
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), -EINVAL);
	m.ttl = 0;
	m.tos = 256;
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), -EINVAL);
}

TEST(the_source_is_chosen_by_bind_or_by_message_and_is_always_ours, "R1122-94 R1122-26 R1122-111")
{
	struct tapir_addr second = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 99));
	struct iovec iov = {"x", 1};
	struct tapir_msg m = {.peer = tapir_sockaddr_v4(WORLD_PEER, 9), .tos = -1};
	tapir_sock_t s;

	assert_int_equal(tapir_addr_add(w.t, w.ifi, &second, 24), 0);
	s = bound(TAPIR_IP4(192, 0, 2, 99), 7);
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), 1);
	expect_pkt(17);
	assert_int_equal(pk.src, TAPIR_IP4(192, 0, 2, 99));
	m.local = tapir_sockaddr_v4(WORLD_US, 0);
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), 1);
	expect_pkt(17);
	assert_int_equal(pk.src, WORLD_US);
	m.local = tapir_sockaddr_v4(WORLD_PEER, 0);
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), -EADDRNOTAVAIL);
	m.local = tapir_sockaddr_v4(WORLD_BC, 0);
	assert_true(tapir_sendmsg(w.t, s, &iov, 1, 0, &m) < 0);
	assert_int_equal(bind_to(udp(), WORLD_PEER, 7), -EADDRNOTAVAIL);
	expect_nothing();
	/* Bound to a broadcast or a group it hears those; what it sends comes from us. */
	s = bound(WORLD_BC, 8);
	assert_int_equal(send_to(s, WORLD_PEER, 9, "x", 1), 1);
	expect_pkt(17);
	assert_int_equal(pk.src, WORLD_US);
}

TEST(the_largest_datagram_is_65507_bytes, "R1122-91")
{
	tapir_sock_t s = bound(0, 7);
	size_t off = 0, n;

	assert_int_equal(send_to(s, WORLD_PEER, 9, big, 65508), -EMSGSIZE);
	assert_int_equal(send_to(s, WORLD_PEER, 9, big, SIZE_MAX / 2), -EMSGSIZE);
	assert_int_equal(send_to(s, WORLD_PEER, 9, big, 65507), 65507);
	for (;;) {
		n = world_pop_ip(&w, frame, sizeof(frame));
		if (n == 0)
			break;
		assert_true(n <= 1500 && world_read(frame, n, &pk));
		assert_int_equal(pk.frag_off, off);
		assert_false(pk.df);
		off += pk.l4_len;
		assert_int_equal(pk.mf, off < 65515);
	}
	assert_int_equal(off, 65515);
}

TEST(path_mtu_discovery_has_four_modes, "R1191-1 R1122-90 R1122-103")
{
	tapir_sock_t s = bound(0, 7);

	assert_int_equal(connect_to(s, WORLD_FAR, 9), 0);
	assert_int_equal(get_opt(s, TAPIR_SOL_IP, TAPIR_IP_MTU), 1500);
	assert_int_equal(get_opt(s, TAPIR_SOL_IP, TAPIR_IP_MTU_DISCOVER), TAPIR_PMTUDISC_WANT);
	/* DO: DF, and nothing above the path's MTU. */
	set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MTU_DISCOVER, TAPIR_PMTUDISC_DO);
	assert_int_equal(send_to(s, 0, 0, big, 1473), -EMSGSIZE);
	assert_int_equal(send_to(s, 0, 0, big, 1472), 1472);
	expect_pkt(17);
	assert_true(pk.df);
	/* A router says 1000. */
	push_icmp_err(TAPIR_IP4(203, 0, 113, 1), 3, 4, 1000, 17, WORLD_US, 7, WORLD_FAR, 9, 1500);
	assert_int_equal(get_opt(s, TAPIR_SOL_IP, TAPIR_IP_MTU), 1000);
	assert_int_equal(so_error(s), EMSGSIZE);
	assert_int_equal(send_to(s, 0, 0, big, 973), -EMSGSIZE);
	assert_int_equal(send_to(s, 0, 0, big, 972), 972);
	expect_pkt(17);
	assert_true(pk.df);
	/* WANT: larger ones are cut. */
	set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MTU_DISCOVER, TAPIR_PMTUDISC_WANT);
	assert_int_equal(send_to(s, 0, 0, big, 973), 973);
	expect_pkt(17);
	assert_true(pk.mf && !pk.df);
	expect_pkt(17);
	/* PROBE: DF, as large as the link takes, whatever was learnt. */
	set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MTU_DISCOVER, TAPIR_PMTUDISC_PROBE);
	assert_int_equal(send_to(s, 0, 0, big, 1472), 1472);
	expect_pkt(17);
	assert_true(pk.df);
	assert_int_equal(send_to(s, 0, 0, big, 1473), -EMSGSIZE);
	/* DONT: never DF. */
	set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MTU_DISCOVER, TAPIR_PMTUDISC_DONT);
	assert_int_equal(send_to(s, 0, 0, big, 10), 10);
	expect_pkt(17);
	assert_false(pk.df);
}

TEST(a_broadcast_needs_permission, "")
{
	tapir_sock_t s = bound(0, 7);

	assert_int_equal(send_to(s, WORLD_BC, 9, "x", 1), -EACCES);
	assert_int_equal(send_to(s, UINT32_MAX, 9, "x", 1), -EACCES);
	assert_int_equal(connect_to(s, WORLD_BC, 9), -EACCES);
	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_BROADCAST, 1), 0);
	assert_int_equal(send_to(s, WORLD_BC, 9, "x", 1), 1);
	expect_pkt(17);
	assert_int_equal(pk.dst, WORLD_BC);
	assert_int_equal(connect_to(s, UINT32_MAX, 9), 0);
	assert_int_equal(send_to(s, 0, 0, "x", 1), 1);
	expect_pkt(17);
	assert_int_equal(pk.dst, UINT32_MAX);
	assert_int_equal(pk.src, WORLD_US);
}

TEST(an_interface_without_an_address_can_ask_for_one, "")
{
	int ifi = world_netif(&w, TAPIR_NETIF_RAW_IP, 0, 0, 1500, 0);
	tapir_sock_t s = udp();
	size_t n;

	assert_true(ifi > 0);
	assert_int_equal(bind_to(s, 0, 68), 0);
	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_BROADCAST, 1), 0);
	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_BINDTODEVICE, ifi), 0);
	assert_int_equal(send_to(s, UINT32_MAX, 67, "discover", 8), 8);
	expect_nothing();
	n = world_pop_if(&w, ifi, frame, sizeof(frame));
	assert_true(world_read(frame, n, &pk));
	assert_int_equal(pk.src, 0);
	assert_int_equal(pk.dst, UINT32_MAX);
	assert_int_equal(pk.sport, 68);
	/* And hear the answer, which is broadcast as well. */
	n = world_udp(frame, WORLD_PEER, UINT32_MAX, 67, 68, "offer", 5);
	assert_int_equal(world_push_if(&w, ifi, frame, n), 0);
	assert_int_equal(recv_from(s, big, 100), 5);
}

TEST(where_there_is_no_way_the_error_says_so, "")
{
	tapir_sock_t s = udp();
	struct tapir_route gw = {.gw = tapir_addr_v4(WORLD_PEER), .ifindex = w.ifi};

	assert_int_equal(send_to(s, 0, 0, "x", 1), -EDESTADDRREQ);
	assert_int_equal(send_to(s, 0, 9, "x", 1), -EINVAL);
	assert_int_equal(send_to(s, TAPIR_IP4(240, 0, 0, 1), 9, "x", 1), -EINVAL);
	assert_int_equal(tapir_route_del(w.t, &gw), 0);
	assert_int_equal(send_to(s, WORLD_FAR, 9, "x", 1), -ENETUNREACH);
	assert_int_equal(connect_to(s, WORLD_FAR, 9), -ENETUNREACH);
	assert_int_equal(connect_to(s, WORLD_PEER, 0), -EINVAL);
	assert_int_equal(tapir_route_add(w.t, &gw), 0);
	assert_int_equal(connect_to(s, WORLD_FAR, 9), 0);
	/* A cached route is looked up anew when routes change. */
	assert_int_equal(send_to(s, 0, 0, "x", 1), 1);
	assert_int_equal(tapir_route_del(w.t, &gw), 0);
	assert_int_equal(send_to(s, 0, 0, "x", 1), -ENETUNREACH);
	assert_int_equal(tapir_netif_down(w.t, w.ifi), 0);
	assert_true(send_to(s, WORLD_PEER, 9, "x", 1) < 0);
}

TEST(dontroute_stays_on_link, "")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_sockaddr far = tapir_sockaddr_v4(WORLD_FAR, 9);

	assert_int_equal(tapir_sendto(w.t, s, "x", 1, TAPIR_MSG_DONTROUTE, &far), -ENETUNREACH);
	set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_DONTROUTE, 1);
	assert_int_equal(send_to(s, WORLD_FAR, 9, "x", 1), -ENETUNREACH);
	assert_int_equal(send_to(s, WORLD_PEER, 9, "x", 1), 1);
}

TEST(flags_that_do_not_apply_are_refused, "")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_sockaddr to = tapir_sockaddr_v4(WORLD_PEER, 9);

	assert_int_equal(tapir_sendto(w.t, s, "x", 1, TAPIR_MSG_OOB, &to), -EOPNOTSUPP);
	assert_int_equal(tapir_sendto(w.t, s, "x", 1, TAPIR_MSG_MORE, &to), -EOPNOTSUPP);
	assert_int_equal(tapir_sendto(w.t, s, "x", 1, TAPIR_MSG_PEEK, &to), -EINVAL);
	assert_int_equal(tapir_sendto(w.t, s, "x", 1, 0x40000000, &to), -EINVAL);
	expect_nothing();
}

TEST(an_interface_that_sums_gets_the_pseudo_header_only, "")
{
	int ifi = world_netif(&w, TAPIR_NETIF_RAW_IP, TAPIR_IP4(203, 0, 113, 2), 24, 1500,
			      TAPIR_OFFLOAD_TX_CSUM);
	tapir_sock_t s = bound(0, 7);
	const struct pkt *p;
	uint8_t *at;
	uint16_t c;

	assert_int_equal(send_to(s, TAPIR_IP4(203, 0, 113, 9), 9, "abcde", 5), 5);
	assert_int_equal(tapir_tx_peek(w.t, ifi, &p, 1), 1);
	assert_true(p->flags & PKT_CSUM_PARTIAL);
	assert_int_equal(p->csum_start, 20);
	assert_int_equal(p->csum_offset, 6);
	/* Finish it as a driver does. */
	memcpy(frame, p->data, p->len);
	at = frame + p->csum_start;
	c = world_cksum(at, p->len - p->csum_start, 0);
	at[p->csum_offset] = (uint8_t)(c >> 8);
	at[p->csum_offset + 1] = (uint8_t)c;
	assert_true(world_read(frame, p->len, &pk));
	tapir_tx_done(w.t, ifi, 1);
	/* One that is cut is summed before. */
	assert_int_equal(send_to(s, TAPIR_IP4(203, 0, 113, 9), 9, big, 3000), 3000);
	assert_int_equal(tapir_tx_peek(w.t, ifi, &p, 1), 1);
	assert_false(p->flags & PKT_CSUM_PARTIAL);
}

TEST(a_full_send_buffer_says_again_and_tells_when_there_is_room, "")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_ready ev[4];
	int sent = 0;
	int64_t n;

	assert_int_equal(tapir_interest(w.t, s, TAPIR_OUT, 5), 0);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 1); /* writable as it begins */
	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, 10000), 0);
	while ((n = send_to(s, WORLD_PEER, 9, big, 1000)) == 1000)
		sent++;
	assert_int_equal(n, -EAGAIN);
	assert_true(sent >= 8 && sent <= 20);
	assert_int_equal(tapir_poll(w.t, s), 0);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 0);
	world_pop(&w, frame, sizeof(frame));
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 0);
	for (int i = 1; i < sent; i++)
		world_pop(&w, frame, sizeof(frame));
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 1);
	assert_int_equal(ev[0].bits, TAPIR_OUT);
	assert_int_equal(tapir_poll(w.t, s), TAPIR_OUT);
	assert_int_equal(send_to(s, WORLD_PEER, 9, big, 1000), 1000);
}

TEST(a_full_interface_queue_says_again_too, "")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_ready ev[4];
	int64_t n;

	assert_int_equal(tapir_interest(w.t, s, TAPIR_OUT, 5), 0);
	tapir_ready_pop(w.t, ev, 4);
	tapir_sysctl(w.t, "net.core.wmem_max", 0, 1 << 30);
	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, 1 << 29), 0);
	while ((n = send_to(s, WORLD_PEER, 9, big, 60000)) == 60000)
		;
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(tapir_poll(w.t, s) & TAPIR_OUT, 0);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 0);
	tapir_tx_done(w.t, w.ifi, 100000);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 1);
	assert_int_equal(world_drops(&w, DROP_TXQ_FULL), 0);
}

TEST(what_waits_for_a_neighbour_counts_and_its_end_is_told, "")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_ready ev[4];
	int64_t n;
	int sent = 0;

	assert_int_equal(tapir_interest(w.t, s, TAPIR_OUT, 5), 0);
	tapir_ready_pop(w.t, ev, 4);
	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, 10000), 0);
	while ((n = send_to(s, TAPIR_IP4(192, 0, 2, 77), 9, big, 1000)) == 1000)
		sent++;
	assert_int_equal(n, -EAGAIN);
	assert_true(sent < 20);
	world_step(&w, 20 * WORLD_S);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 1);
	assert_true(ev[0].bits & TAPIR_OUT);
	/* An unconnected socket that did not ask for errors hears of none. */
	assert_int_equal(so_error(s), 0);
	assert_true(world_drops(&w, DROP_NEIGH_FAILED) > 0);
}

TEST(a_neighbour_that_does_not_answer_is_told_to_its_sender, "R1122-106 R1122-83")
{
	tapir_sock_t s = bound(0, 7), asked = bound(0, 8);

	assert_int_equal(connect_to(s, TAPIR_IP4(192, 0, 2, 77), 9), 0);
	set_opt(asked, TAPIR_SOL_IP, TAPIR_IP_RECVERR, 1);
	assert_int_equal(send_to(s, 0, 0, "x", 1), 1);
	assert_int_equal(send_to(asked, TAPIR_IP4(192, 0, 2, 77), 9, "x", 1), 1);
	world_step(&w, 20 * WORLD_S);
	assert_true(tapir_poll(w.t, s) & TAPIR_ERR);
	assert_int_equal(so_error(s), EHOSTUNREACH);
	assert_int_equal(so_error(s), 0);
	assert_int_equal(so_error(asked), EHOSTUNREACH);
}

TEST(an_icmp_error_reaches_the_connected_socket_once, "R1122-106 R1122-48 R1122-57")
{
	static const struct {
		uint8_t type, code;
		int err;
	} cases[] = {{3, 3, ECONNREFUSED},
		     {3, 1, EHOSTUNREACH},
		     {3, 0, ENETUNREACH},
		     {11, 0, EHOSTUNREACH},
		     {12, 0, EPROTO}};
	tapir_sock_t s = bound(0, 7), other = bound(0, 8);
	char buf[8];

	assert_int_equal(connect_to(s, WORLD_PEER, 9), 0);
	assert_int_equal(connect_to(other, WORLD_PEER, 9), 0);
	assert_int_equal(send_to(s, 0, 0, "x", 1), 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		push_icmp_err(WORLD_PEER, cases[i].type, cases[i].code, 0, 17, WORLD_US, 7,
			      WORLD_PEER, 9, 29);
		assert_int_equal(recv_from(s, buf, 8), -cases[i].err);
		assert_int_equal(recv_from(s, buf, 8), -EAGAIN);
		assert_int_equal(so_error(other), 0);
	}
	push_icmp_err(WORLD_PEER, 3, 3, 0, 17, WORLD_US, 7, WORLD_PEER, 9, 29);
	assert_int_equal(send_to(s, 0, 0, "x", 1), -ECONNREFUSED);
	assert_int_equal(send_to(s, 0, 0, "x", 1), 1);
}

TEST(an_icmp_error_for_nobody_is_dropped_with_a_reason, "IC-02 R6633-2")
{
	tapir_sock_t s = bound(0, 7);

	assert_int_equal(connect_to(s, WORLD_PEER, 9), 0);
	/* Another port of theirs, another of ours, another host: not about us. */
	push_icmp_err(WORLD_PEER, 3, 3, 0, 17, WORLD_US, 7, WORLD_PEER, 10, 29);
	push_icmp_err(WORLD_PEER, 3, 3, 0, 17, WORLD_US, 8, WORLD_PEER, 9, 29);
	push_icmp_err(WORLD_PEER, 3, 3, 0, 17, WORLD_US, 7, WORLD_FAR, 9, 29);
	assert_int_equal(world_drops(&w, DROP_ICMP_NO_SOCKET), 3);
	/* Source quench is silence. */
	push_icmp_err(WORLD_PEER, 4, 0, 0, 17, WORLD_US, 7, WORLD_PEER, 9, 29);
	assert_int_equal(so_error(s), 0);
	expect_nothing();
}

TEST(an_unconnected_socket_hears_of_errors_when_it_asked, "")
{
	tapir_sock_t s = bound(0, 7);

	assert_int_equal(send_to(s, WORLD_PEER, 9, "x", 1), 1);
	push_icmp_err(WORLD_PEER, 3, 3, 0, 17, WORLD_US, 7, WORLD_PEER, 9, 29);
	assert_int_equal(so_error(s), 0);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_RECVERR, 1), 0);
	push_icmp_err(WORLD_PEER, 3, 3, 0, 17, WORLD_US, 7, WORLD_PEER, 9, 29);
	assert_int_equal(so_error(s), ECONNREFUSED);
}

TEST(what_is_sent_to_ourselves_arrives_before_the_call_returns, "R1122-25")
{
	tapir_sock_t a = bound(0, 7), b = udp();
	struct tapir_msg m;

	assert_int_equal(send_to(b, TAPIR_IP4(127, 0, 0, 1), 7, "lo", 2), 2);
	assert_int_equal(recv_msg(a, big, 100, 0, &m), 2);
	assert_int_equal(tapir_addr_to_v4(&m.peer.addr), TAPIR_IP4(127, 0, 0, 1));
	assert_int_equal(send_to(b, WORLD_US, 7, big, 65507), 65507);
	assert_int_equal(recv_msg(a, big, sizeof(big), 0, &m), 65507);
	assert_int_equal(tapir_addr_to_v4(&m.peer.addr), WORLD_US);
	/* And the refusal of a closed port. */
	assert_int_equal(connect_to(b, TAPIR_IP4(127, 0, 0, 1), 999), 0);
	assert_int_equal(send_to(b, 0, 0, "x", 1), 1);
	assert_int_equal(so_error(b), ECONNREFUSED);
	expect_nothing();
	assert_int_equal(tapir_next_deadline(w.t) > tapir_now(w.t), 1);
}

TEST(an_address_that_goes_is_told_to_who_is_bound_to_it, "")
{
	struct tapir_addr us = tapir_addr_v4(WORLD_US);
	tapir_sock_t s = bound(WORLD_US, 7), any = bound(0, 8);

	assert_int_equal(tapir_addr_del(w.t, w.ifi, &us), 0);
	assert_int_equal(so_error(s), ECONNABORTED);
	assert_int_equal(so_error(any), 0);
	assert_true(send_to(s, WORLD_PEER, 9, "x", 1) < 0);
}

TEST(shutdown_ends_one_direction, "")
{
	tapir_sock_t s = bound(0, 7);

	assert_int_equal(tapir_shutdown(w.t, s, TAPIR_SHUT_WR), -ENOTCONN);
	assert_int_equal(connect_to(s, WORLD_PEER, 9), 0);
	assert_int_equal(tapir_shutdown(w.t, s, 3), -EINVAL);
	assert_int_equal(tapir_shutdown(w.t, s, TAPIR_SHUT_WR), 0);
	assert_int_equal(send_to(s, 0, 0, "x", 1), -EPIPE);
	push_udp(WORLD_PEER, 9, WORLD_US, 7, "x", 1);
	assert_int_equal(tapir_shutdown(w.t, s, TAPIR_SHUT_RD), 0);
	assert_int_equal(tapir_poll(w.t, s) & (TAPIR_HUP | TAPIR_RDHUP | TAPIR_IN),
			 TAPIR_HUP | TAPIR_RDHUP | TAPIR_IN);
	assert_int_equal(recv_from(s, big, 8), 1);
	assert_int_equal(recv_from(s, big, 8), 0);
}

TEST(an_interface_given_in_a_message_must_agree, "")
{
	int ifi = world_netif(&w, TAPIR_NETIF_RAW_IP, TAPIR_IP4(203, 0, 113, 2), 24, 1500, 0);
	struct iovec iov = {"x", 1};
	struct tapir_msg m = {.peer = tapir_sockaddr_v4(TAPIR_IP4(239, 1, 1, 1), 9), .tos = -1};
	struct tapir_msg v6 = {.peer = {.addr = {{0x20}}, .port = 1}, .tos = -1};
	tapir_sock_t s = bound(0, 7);

	while (world_pop_if(&w, ifi, frame, sizeof(frame)))
		;
	m.peer.ifindex = (uint16_t)ifi;
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), 1);
	assert_true(world_pop_if(&w, ifi, frame, sizeof(frame)) > 0);
	m.local.ifindex = (uint16_t)w.ifi;
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), -EINVAL);
	m.peer.ifindex = 0;
	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_BINDTODEVICE, ifi), 0);
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), -EINVAL);
	m.local = (struct tapir_sockaddr){.port = 8};
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &m), -EINVAL);
	assert_int_equal(tapir_sendmsg(w.t, s, &iov, 1, 0, &v6), -EAFNOSUPPORT);
	/* The interface goes: what was bound to it hears so, and never means another. */
	assert_int_equal(tapir_netif_del(w.t, ifi), 0);
	assert_int_equal(so_error(s), ENODEV);
	assert_int_equal(world_netif(&w, TAPIR_NETIF_RAW_IP, TAPIR_IP4(203, 0, 113, 2), 24, 1500,
				     0),
			 ifi);
	assert_true(send_to(s, TAPIR_IP4(203, 0, 113, 9), 9, "x", 1) < 0);
}

TEST(who_asks_for_room_while_there_is_none_is_told, "")
{
	tapir_sock_t s = bound(0, 7);
	struct tapir_ready ev[4];

	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, 5000), 0);
	while (send_to(s, WORLD_PEER, 9, big, 1000) == 1000)
		;
	assert_int_equal(tapir_interest(w.t, s, TAPIR_OUT, 5), 0);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 0);
	tapir_tx_done(w.t, w.ifi, 100);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 1);
	/* A larger buffer is room too. */
	while (send_to(s, WORLD_PEER, 9, big, 1000) == 1000)
		;
	assert_int_equal(set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, 100000), 0);
	assert_int_equal(tapir_ready_pop(w.t, ev, 4), 1);
	assert_int_equal(send_to(s, WORLD_PEER, 9, big, 1000), 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RAW(a_datagram_leaves_with_our_address_and_a_checksum),
		RAW(a_computed_checksum_of_zero_goes_as_all_ones),
		RAW(any_split_of_the_bytes_gives_the_same_datagram),
		RAW(ttl_and_tos_are_the_sockets_or_the_messages),
		RAW(the_source_is_chosen_by_bind_or_by_message_and_is_always_ours),
		RAW(the_largest_datagram_is_65507_bytes),
		RAW(path_mtu_discovery_has_four_modes),
		RAW(a_broadcast_needs_permission),
		RAW(an_interface_without_an_address_can_ask_for_one),
		RAW(where_there_is_no_way_the_error_says_so),
		RAW(dontroute_stays_on_link),
		RAW(flags_that_do_not_apply_are_refused),
		RAW(an_interface_that_sums_gets_the_pseudo_header_only),
		RAW(a_full_send_buffer_says_again_and_tells_when_there_is_room),
		RAW(a_full_interface_queue_says_again_too),
		ETHER(what_waits_for_a_neighbour_counts_and_its_end_is_told),
		ETHER(a_neighbour_that_does_not_answer_is_told_to_its_sender),
		RAW(an_icmp_error_reaches_the_connected_socket_once),
		RAW(an_icmp_error_for_nobody_is_dropped_with_a_reason),
		RAW(an_unconnected_socket_hears_of_errors_when_it_asked),
		RAW(what_is_sent_to_ourselves_arrives_before_the_call_returns),
		RAW(an_address_that_goes_is_told_to_who_is_bound_to_it),
		RAW(shutdown_ends_one_direction),
		RAW(an_interface_given_in_a_message_must_agree),
		RAW(who_asks_for_room_while_there_is_none_is_told),
	};

	return tapir_test_run("unit/udp/test_udp_output", tests);
}
