/* Broadcast and multicast: several receivers, membership, loop. */
#include "tests/unit/udp/util.h"

#define GROUP TAPIR_IP4(239, 1, 2, 3)

static uint8_t big[70000];

static int member(tapir_sock_t s, int name, uint32_t group, uint32_t ifaddr, int ifindex)
{
	struct tapir_mreq m = {tapir_addr_v4(group), tapir_addr_v4(ifaddr), ifindex};

	return tapir_setsockopt(w.t, s, TAPIR_SOL_IP, name, &m, sizeof(m));
}

static void drain(void)
{
	while (world_pop(&w, frame, sizeof(frame)))
		;
}

TEST(a_broadcast_reaches_every_socket_on_the_port, "R1122-98 R1122-51")
{
	tapir_sock_t s[5];
	char buf[8];

	for (int i = 0; i < 5; i++) {
		s[i] = udp();
		set_opt(s[i], TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	}
	assert_int_equal(bind_to(s[0], 0, 7), 0);
	assert_int_equal(bind_to(s[1], WORLD_BC, 7), 0);
	assert_int_equal(bind_to(s[2], WORLD_US, 7), 0); /* means unicast */
	assert_int_equal(bind_to(s[3], 0, 7), 0);
	assert_int_equal(bind_to(s[4], UINT32_MAX, 7), 0);
	push_udp(WORLD_PEER, 1, WORLD_BC, 7, "x", 1);
	push_udp(WORLD_PEER, 1, UINT32_MAX, 7, "y", 1);
	assert_int_equal(recv_from(s[0], buf, 8), 1);
	assert_int_equal(buf[0], 'x');
	assert_int_equal(recv_from(s[0], buf, 8), 1);
	assert_int_equal(buf[0], 'y');
	assert_int_equal(recv_from(s[1], buf, 8), 1);
	assert_int_equal(recv_from(s[1], buf, 8), -EAGAIN);
	assert_int_equal(recv_from(s[2], buf, 8), -EAGAIN);
	assert_int_equal(recv_from(s[3], buf, 8), 1);
	assert_int_equal(recv_from(s[3], buf, 8), 1);
	assert_int_equal(recv_from(s[4], buf, 8), 1);
	assert_int_equal(buf[0], 'y');
	/* Nobody on the port: silence. */
	push_udp(WORLD_PEER, 1, WORLD_BC, 9, "x", 1);
	expect_nothing();
}

TEST(copies_of_one_broadcast_are_bounded, "")
{
	static tapir_sock_t s[200];
	int got = 0;
	char buf[8];

	for (int i = 0; i < 200; i++) {
		s[i] = udp();
		set_opt(s[i], TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
		assert_int_equal(bind_to(s[i], 0, 7), 0);
	}
	push_udp(WORLD_PEER, 1, WORLD_BC, 7, "x", 1);
	for (int i = 0; i < 200; i++)
		got += recv_from(s[i], buf, 8) == 1;
	assert_int_equal(got, 64);
}

TEST(a_group_is_heard_by_its_members_only, "R1122-101 R1122-23")
{
	tapir_sock_t in = udp(), out = udp();
	char buf[8];

	set_opt(in, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	set_opt(out, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	assert_int_equal(bind_to(in, 0, 7), 0);
	assert_int_equal(bind_to(out, 0, 7), 0);
	push_udp(WORLD_PEER, 1, GROUP, 7, "x", 1);
	assert_int_equal(recv_from(in, buf, 8), -EAGAIN);
	assert_int_equal(member(in, TAPIR_IP_ADD_MEMBERSHIP, GROUP, 0, 0), 0);
	push_udp(WORLD_PEER, 1, GROUP, 7, "x", 1);
	assert_int_equal(recv_from(in, buf, 8), 1);
	assert_int_equal(recv_from(out, buf, 8), -EAGAIN);
	assert_int_equal(member(in, TAPIR_IP_DROP_MEMBERSHIP, GROUP, 0, 0), 0);
	push_udp(WORLD_PEER, 1, GROUP, 7, "x", 1);
	assert_int_equal(recv_from(in, buf, 8), -EAGAIN);
	drain();
}

TEST(membership_is_checked_counted_and_bounded, "")
{
	tapir_sock_t s = udp();

	assert_int_equal(member(s, TAPIR_IP_ADD_MEMBERSHIP, WORLD_PEER, 0, 0), -EINVAL);
	assert_int_equal(member(s, TAPIR_IP_ADD_MEMBERSHIP, GROUP, 0, 60), -ENODEV);
	assert_int_equal(member(s, TAPIR_IP_ADD_MEMBERSHIP, GROUP, WORLD_PEER, 0), -ENODEV);
	assert_int_equal(member(s, TAPIR_IP_ADD_MEMBERSHIP, GROUP, WORLD_US, 0), 0);
	assert_int_equal(member(s, TAPIR_IP_ADD_MEMBERSHIP, GROUP, 0, w.ifi), -EADDRINUSE);
	assert_int_equal(member(s, TAPIR_IP_DROP_MEMBERSHIP, GROUP + 1, 0, 0), -EADDRNOTAVAIL);
	for (uint32_t i = 1; i < 20; i++)
		assert_int_equal(member(s, TAPIR_IP_ADD_MEMBERSHIP, GROUP + i, 0, 0), 0);
	assert_int_equal(member(s, TAPIR_IP_ADD_MEMBERSHIP, GROUP + 20, 0, 0), -ENOBUFS);
	assert_int_equal(member(s, TAPIR_IP_DROP_MEMBERSHIP, GROUP, 0, w.ifi), 0);
	assert_int_equal(member(s, TAPIR_IP_ADD_MEMBERSHIP, GROUP + 20, 0, 0), 0);
	/* A wrong size is no membership. */
	assert_int_equal(tapir_setsockopt(w.t, s, TAPIR_SOL_IP, TAPIR_IP_ADD_MEMBERSHIP, "x", 1),
			 -EINVAL);
	/* Close leaves them all, and so does the end of the interface. */
	assert_int_equal(tapir_close(w.t, s), 0);
	s = udp();
	assert_int_equal(member(s, TAPIR_IP_ADD_MEMBERSHIP, GROUP, 0, 0), 0);
	assert_int_equal(tapir_netif_del(w.t, w.ifi), 0);
	assert_int_equal(member(s, TAPIR_IP_DROP_MEMBERSHIP, GROUP, 0, 0), -EADDRNOTAVAIL);
	tapir_check(w.t);
}

TEST(multicast_leaves_with_ttl_one_and_comes_back_to_members, "")
{
	tapir_sock_t s = bound(0, 7), in = bound(0, 8);

	assert_int_equal(member(in, TAPIR_IP_ADD_MEMBERSHIP, GROUP, 0, 0), 0);
	drain();
	assert_int_equal(send_to(s, GROUP, 8, "m", 1), 1);
	expect_pkt(17);
	assert_int_equal(pk.ttl, 1);
	assert_int_equal(pk.dst, GROUP);
	assert_int_equal(recv_from(in, big, 8), 1);
	/* Not when the sender does not want it; and further when it says how far. */
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_LOOP, 0), 0);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_TTL, 5), 0);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_TTL, 0), -EINVAL);
	assert_int_equal(send_to(s, GROUP, 8, "m", 1), 1);
	expect_pkt(17);
	assert_int_equal(pk.ttl, 5);
	assert_int_equal(recv_from(in, big, 8), -EAGAIN);
}

TEST(the_interface_for_multicast_can_be_chosen, "")
{
	int ifi = world_netif(&w, TAPIR_NETIF_RAW_IP, TAPIR_IP4(203, 0, 113, 2), 24, 1500, 0);
	tapir_sock_t s = bound(0, 7);
	size_t n;

	while (world_pop_if(&w, ifi, frame, sizeof(frame)))
		;
	drain();
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_IF, 60), -ENODEV);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_IF, ifi), 0);
	assert_int_equal(get_opt(s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_IF), ifi);
	assert_int_equal(send_to(s, GROUP, 8, "m", 1), 1);
	expect_nothing();
	n = world_pop_if(&w, ifi, frame, sizeof(frame));
	assert_true(world_read(frame, n, &pk));
	assert_int_equal(pk.src, TAPIR_IP4(203, 0, 113, 2));
}

TEST(a_broadcast_is_heard_by_its_own_host_too, "")
{
	tapir_sock_t s = bound(0, 7), in = bound(0, 8);

	set_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_BROADCAST, 1);
	assert_int_equal(send_to(s, WORLD_BC, 8, "b", 1), 1);
	expect_pkt(17);
	assert_int_equal(recv_from(in, big, 8), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RAW(a_broadcast_reaches_every_socket_on_the_port),
		RAW(copies_of_one_broadcast_are_bounded),
		RAW(a_group_is_heard_by_its_members_only),
		RAW(membership_is_checked_counted_and_bounded),
		RAW(multicast_leaves_with_ttl_one_and_comes_back_to_members),
		RAW(the_interface_for_multicast_can_be_chosen),
		RAW(a_broadcast_is_heard_by_its_own_host_too),
	};

	return tapir_test_run("unit/udp/test_udp_multi", tests);
}
