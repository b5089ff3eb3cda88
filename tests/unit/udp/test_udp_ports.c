/* Local ports: who may share one, and how free ones are chosen (RFC 6056). */
#include <stdlib.h>

#include "tests/unit/udp/util.h"

TEST(ephemeral_ports_come_from_the_whole_configured_range, "R6056-1")
{
	unsigned low = 0, high = 0;

	for (int i = 0; i < 400; i++) {
		tapir_sock_t s = udp();
		uint16_t p;

		assert_int_equal(bind_to(s, 0, 0), 0);
		p = local_port(s);
		assert_true(p >= 1024);
		low += p < 22528;
		high += p >= 44032;
	}
	/* A third each, more or less. */
	assert_true(low > 80 && low < 190);
	assert_true(high > 80 && high < 190);
	assert_int_equal(tapir_sysctl(w.t, "net.ipv4.ip_local_port_range", 0, 40000), 0);
	assert_int_equal(tapir_sysctl(w.t, "net.ipv4.ip_local_port_range", 1, 40999), 0);
	for (int i = 0; i < 100; i++) {
		tapir_sock_t s = udp();

		assert_int_equal(connect_to(s, WORLD_PEER, 9), 0);
		assert_true(local_port(s) >= 40000 && local_port(s) <= 40999);
	}
}

TEST(the_next_port_follows_from_nothing_seen, "R6056-2")
{
	int steps[200], equal = 0, small = 0;
	uint16_t last = 0;

	for (int i = 0; i < 200; i++) {
		tapir_sock_t s = udp();

		bind_to(s, 0, 0);
		steps[i] = local_port(s) - last;
		last = local_port(s);
		small += abs(steps[i]) < 16;
		tapir_close(w.t, s);
	}
	for (int i = 1; i < 200; i++)
		equal += steps[i] == steps[i - 1];
	assert_true(equal < 3 && small < 5);
}

TEST(another_seed_gives_other_ports, "R6056-2")
{
	uint16_t mine[20];
	struct world other;
	int same = 0;

	for (int i = 0; i < 20; i++) {
		tapir_sock_t s = udp();

		bind_to(s, 0, 0);
		mine[i] = local_port(s);
	}
	world_init(&other, TEST_ALLOC_PLAIN);
	other.seed[0] ^= 1;
	assert_int_equal(world_start(&other), 0);
	for (int i = 0; i < 20; i++) {
		tapir_sock_t s = tapir_socket(other.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
		struct tapir_sockaddr sa = {0};

		assert_int_equal(tapir_bind(other.t, s, &sa), 0);
		tapir_getsockname(other.t, s, &sa);
		same += sa.port == mine[i];
	}
	world_close(&other);
	assert_true(same < 3);
}

TEST(ports_run_out_with_a_clean_error_and_come_back, "R6056-3")
{
	static tapir_sock_t s[100];
	tapir_sock_t taken = bound(0, 40007), more = udp();
	bool seen[100] = {false};

	tapir_sysctl(w.t, "net.ipv4.ip_local_port_range", 0, 40000);
	tapir_sysctl(w.t, "net.ipv4.ip_local_port_range", 1, 40099);
	for (int i = 0; i < 99; i++) {
		s[i] = udp();
		assert_int_equal(bind_to(s[i], 0, 0), 0);
		/* One that is in use is not given out, by whomever it is used. */
		assert_true(local_port(s[i]) != 40007);
		assert_false(seen[local_port(s[i]) - 40000]);
		seen[local_port(s[i]) - 40000] = true;
	}
	assert_int_equal(bind_to(more, 0, 0), -EADDRNOTAVAIL);
	assert_int_equal(connect_to(more, WORLD_PEER, 9), -EADDRNOTAVAIL);
	assert_int_equal(send_to(more, WORLD_PEER, 9, "x", 1), -EADDRNOTAVAIL);
	assert_int_equal(world_stat(&w, STAT_Tapir_EphemeralPortsFull), 3);
	tapir_close(w.t, s[50]);
	assert_int_equal(send_to(more, WORLD_PEER, 9, "x", 1), 1);
	tapir_close(w.t, taken);
	assert_int_equal(bind_to(udp(), 0, 0), 0);
}

TEST(a_port_has_one_owner_unless_all_agree, "")
{
	static const struct {
		int first, second;
		int err;
	} cases[] = {
		{0, 0, -EADDRINUSE},
		{TAPIR_SO_REUSEADDR, 0, -EADDRINUSE},
		{0, TAPIR_SO_REUSEADDR, -EADDRINUSE},
		{TAPIR_SO_REUSEADDR, TAPIR_SO_REUSEADDR, 0},
		{TAPIR_SO_REUSEPORT, TAPIR_SO_REUSEPORT, 0},
		{TAPIR_SO_REUSEADDR, TAPIR_SO_REUSEPORT, -EADDRINUSE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t port = (uint16_t)(100 + i);
		tapir_sock_t a = udp(), b = udp();

		if (cases[i].first)
			set_opt(a, TAPIR_SOL_SOCKET, cases[i].first, 1);
		if (cases[i].second)
			set_opt(b, TAPIR_SOL_SOCKET, cases[i].second, 1);
		assert_int_equal(bind_to(a, 0, port), 0);
		assert_int_equal(bind_to(b, WORLD_US, port), cases[i].err);
		tapir_close(w.t, a);
		if (cases[i].err)
			assert_int_equal(bind_to(b, WORLD_US, port), 0);
	}
}

TEST(different_addresses_and_interfaces_do_not_conflict, "")
{
	struct tapir_addr second = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 99));
	int ifi = world_netif(&w, TAPIR_NETIF_RAW_IP, TAPIR_IP4(203, 0, 113, 2), 24, 1500, 0);
	struct tapir_sockaddr sa = {.port = 7};
	tapir_sock_t a, b;

	tapir_addr_add(w.t, w.ifi, &second, 24);
	bound(WORLD_US, 7);
	bound(TAPIR_IP4(192, 0, 2, 99), 7);
	bound(TAPIR_IP4(127, 0, 0, 1), 7);
	assert_int_equal(bind_to(udp(), 0, 7), -EADDRINUSE);
	a = udp();
	sa.port = 8;
	sa.ifindex = (uint16_t)w.ifi;
	assert_int_equal(tapir_bind(w.t, a, &sa), 0);
	b = udp();
	sa.ifindex = (uint16_t)ifi;
	assert_int_equal(tapir_bind(w.t, b, &sa), 0);
	assert_int_equal(bind_to(udp(), 0, 8), -EADDRINUSE);
	sa.ifindex = 60;
	assert_int_equal(tapir_bind(w.t, udp(), &sa), -ENODEV);
	/* Each hears its own interface. */
	push_udp(WORLD_PEER, 1, WORLD_US, 8, "x", 1);
	assert_int_equal(tapir_poll(w.t, a) & TAPIR_IN, TAPIR_IN);
	assert_int_equal(tapir_poll(w.t, b) & TAPIR_IN, 0);
	assert_int_equal(bind_to(a, 0, 9), -EINVAL);
}

TEST(many_connected_sockets_on_one_port_each_hear_their_peer, "")
{
	static tapir_sock_t s[500];
	char buf[4];

	for (int i = 0; i < 500; i++) {
		s[i] = udp();
		set_opt(s[i], TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
		assert_int_equal(bind_to(s[i], 0, 7), 0);
		assert_int_equal(connect_to(s[i], WORLD_PEER, (uint16_t)(1000 + i)), 0);
	}
	for (int i = 499; i >= 0; i--)
		push_udp(WORLD_PEER, (uint16_t)(1000 + i), WORLD_US, 7, &i, 2);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(recv_from(s[i], buf, 4), 2);
		assert_int_equal((uint8_t)buf[0] | (uint8_t)buf[1] << 8, i);
		assert_int_equal(recv_from(s[i], buf, 4), -EAGAIN);
	}
	for (int i = 0; i < 500; i++)
		assert_int_equal(tapir_close(w.t, s[i]), 0);
	push_udp(WORLD_PEER, 1000, WORLD_US, 7, "x", 1);
	assert_int_equal(world_stat(&w, STAT_Udp_NoPorts), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RAW(ephemeral_ports_come_from_the_whole_configured_range),
		RAW(the_next_port_follows_from_nothing_seen),
		RAW(another_seed_gives_other_ports),
		RAW(ports_run_out_with_a_clean_error_and_come_back),
		RAW(a_port_has_one_owner_unless_all_agree),
		RAW(different_addresses_and_interfaces_do_not_conflict),
		RAW(many_connected_sockets_on_one_port_each_hear_their_peer),
	};

	return tapir_test_run("unit/udp/test_udp_ports", tests);
}
