/* Interfaces: configuration, the transmit queue, the loopback, and life up and down. */
#include <errno.h>

#include "stack/core/netif.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

static struct world w;
static uint8_t buf[WORLD_FRAME];

static int setup(void **state)
{
	(void)state;
	world_open(&w, TAPIR_NETIF_RAW_IP);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

TEST(an_interface_is_checked_before_it_is_made, "")
{
	struct tapir_netif_conf good = {.name = "x",
					.type = TAPIR_NETIF_ETHER,
					.mac = world_mac,
					.mtu = 1500},
				bad;

	bad = good;
	bad.mtu = 67;
	assert_int_equal(tapir_netif_add(w.t, &bad), -EINVAL);
	bad.mtu = 65536;
	assert_int_equal(tapir_netif_add(w.t, &bad), -EINVAL);
	bad = good;
	bad.mac.b[0] = 0x03;
	assert_int_equal(tapir_netif_add(w.t, &bad), -EINVAL);
	memset(&bad.mac, 0, sizeof(bad.mac));
	assert_int_equal(tapir_netif_add(w.t, &bad), -EINVAL);
	bad = good;
	bad.type = TAPIR_NETIF_LOOP;
	assert_int_equal(tapir_netif_add(w.t, &bad), -EINVAL);
	bad.type = (enum tapir_netif_type)77;
	assert_int_equal(tapir_netif_add(w.t, &bad), -EINVAL);
	bad = good;
	memset(bad.name, 'x', sizeof(bad.name));
	assert_int_equal(tapir_netif_add(w.t, &bad), -EINVAL);
	bad = good;
	bad.offload = TAPIR_OFFLOAD_TSO4;
	assert_int_equal(tapir_netif_add(w.t, &bad), -EINVAL);
	bad.offload = 1u << 30;
	assert_int_equal(tapir_netif_add(w.t, &bad), -EINVAL);
	assert_int_equal(tapir_netif_add(w.t, &good), 3);
	for (int i = 4; i <= NETIF_MAX; i++)
		assert_int_equal(tapir_netif_add(w.t, &good), i);
	assert_int_equal(tapir_netif_add(w.t, &good), -ENOSPC);
	assert_int_equal(tapir_netif_del(w.t, 5), 0);
	assert_int_equal(tapir_netif_add(w.t, &good), 5);
}

TEST(what_is_not_there_or_not_ours_to_change_is_refused, "")
{
	struct tapir_netif_info info;
	struct tapir_addr a = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 1));
	static const int none[] = {0, -1, 3, 65, 1 << 20, INT32_MIN, INT32_MAX};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct pkt *p = tapir_pkt_alloc(w.t, 10);
		const struct pkt *out;

		assert_int_equal(tapir_netif_up(w.t, none[i]), -ENODEV);
		assert_int_equal(tapir_netif_down(w.t, none[i]), -ENODEV);
		assert_int_equal(tapir_netif_del(w.t, none[i]), -ENODEV);
		assert_int_equal(tapir_netif_set_mtu(w.t, none[i], 1500), -ENODEV);
		assert_int_equal(tapir_netif_info(w.t, none[i], &info), -ENODEV);
		assert_int_equal(tapir_addr_add(w.t, none[i], &a, 24), -ENODEV);
		assert_int_equal(tapir_input(w.t, none[i], p), -ENODEV);
		assert_int_equal(tapir_tx_peek(w.t, none[i], &out, 1), 0);
		tapir_tx_done(w.t, none[i], 1);
	}
	assert_int_equal(tapir_netif_del(w.t, TAPIR_LOOPBACK), -EINVAL);
	assert_int_equal(tapir_netif_down(w.t, TAPIR_LOOPBACK), -EINVAL);
	assert_int_equal(tapir_addr_add(w.t, TAPIR_LOOPBACK, &a, 8), -EINVAL);
	assert_int_equal(tapir_input(w.t, TAPIR_LOOPBACK, tapir_pkt_alloc(w.t, 10)), -ENODEV);
	assert_int_equal(world_drops(&w, DROP_IF_DOWN), 8);
}

TEST(only_an_address_that_a_host_can_have_is_taken, "R1122-21 R1122-26 U11-09")
{
	static const struct {
		uint32_t ip4;
		uint8_t len;
		int err;
	} cases[] = {
		{0, 24, -EINVAL},
		{TAPIR_IP4(0, 1, 2, 3), 8, -EINVAL},
		{TAPIR_IP4(127, 0, 0, 2), 8, -EINVAL},
		{TAPIR_IP4(224, 0, 0, 1), 24, -EINVAL},
		{TAPIR_IP4(240, 0, 0, 1), 24, -EINVAL},
		{UINT32_MAX, 32, -EINVAL},
		{TAPIR_IP4(10, 0, 0, 0), 24, -EINVAL},
		{TAPIR_IP4(10, 0, 0, 255), 24, -EINVAL},
		{TAPIR_IP4(10, 0, 0, 1), 33, -EINVAL},
		{TAPIR_IP4(10, 0, 0, 255), 23, 0},
		{TAPIR_IP4(10, 1, 0, 0), 31, 0},
		{TAPIR_IP4(10, 2, 0, 255), 32, 0},
		{WORLD_US, 24, -EEXIST},
	};
	struct tapir_addr v6 = {{0x20, 1, 0xd, 0xb8}};
	struct tapir_ifaddr got;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tapir_addr a = tapir_addr_v4(cases[i].ip4);

		assert_int_equal(tapir_addr_add(w.t, w.ifi, &a, cases[i].len), cases[i].err);
	}
	assert_int_equal(tapir_addr_add(w.t, w.ifi, &v6, 24), -EINVAL);
	assert_int_equal(tapir_addr_get(w.t, w.ifi, 0, &got), 0);
	assert_int_equal(tapir_addr_to_v4(&got.addr), WORLD_US);
	assert_int_equal(got.prefix_len, 24);
	assert_int_equal(got.state, TAPIR_ADDR_VALID);
	assert_int_equal(tapir_addr_get(w.t, w.ifi, 3, &got), 0);
	assert_int_equal(tapir_addr_get(w.t, w.ifi, 4, &got), -ESRCH);
	assert_int_equal(tapir_addr_del(w.t, w.ifi, &v6), -EINVAL);
}

TEST(broadcasts_of_an_interface_are_recognised_in_all_their_forms, "R1122-98")
{
	struct netif *ifp = netif_get((struct tapir *)w.t, w.ifi);
	struct tapir_addr p2p = tapir_addr_v4(TAPIR_IP4(10, 1, 0, 0));

	assert_int_equal(tapir_addr_add(w.t, w.ifi, &p2p, 31), 0);
	assert_true(netif_is_broadcast(ifp, UINT32_MAX));
	assert_true(netif_is_broadcast(ifp, 0));
	assert_true(netif_is_broadcast(ifp, WORLD_BC));
	assert_true(netif_is_broadcast(ifp, TAPIR_IP4(192, 0, 2, 0)));
	assert_false(netif_is_broadcast(ifp, WORLD_PEER));
	assert_false(netif_is_broadcast(ifp, TAPIR_IP4(192, 0, 3, 255)));
	/* RFC 3021: the two hosts of a /31. */
	assert_false(netif_is_broadcast(ifp, TAPIR_IP4(10, 1, 0, 0)));
	assert_false(netif_is_broadcast(ifp, TAPIR_IP4(10, 1, 0, 1)));
}

static struct pkt *packet(uint32_t n)
{
	struct pkt *p = tapir_pkt_alloc(w.t, n);

	memset(pkt_put(p, n), 0, n);
	return p;
}

TEST(the_transmit_queue_is_bounded_and_keeps_order, "")
{
	struct netif *ifp = netif_get(w.t, w.ifi);
	const struct pkt *out[8];
	struct tapir_netif_info info;
	int n = 0;

	while (netif_enqueue(ifp, packet(1000 + (uint32_t)n % 500)) == 0)
		n++;
	assert_true(n > 2000);
	assert_int_equal(world_drops(&w, DROP_TXQ_FULL), 1);
	assert_int_equal(world_stat(&w, STAT_Tapir_TxQueueFull), 1);
	assert_int_equal(tapir_tx_peek(w.t, w.ifi, out, 8), 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(out[i]->len, 1000 + i);
	tapir_tx_done(w.t, w.ifi, 3);
	assert_int_equal(tapir_tx_peek(w.t, w.ifi, out, 1), 1);
	assert_int_equal(out[0]->len, 1003);
	assert_int_equal(netif_enqueue(ifp, packet(1501)), -EMSGSIZE);
	assert_int_equal(world_drops(&w, DROP_PKT_TOO_BIG), 1);
	tapir_netif_info(w.t, w.ifi, &info);
	assert_int_equal(info.tx_packets, 3);
	assert_int_equal(info.tx_bytes, 1000 + 1001 + 1002);
	assert_int_equal(info.tx_drops, 2);
	assert_int_equal(info.txq_len, n - 3);
	tapir_tx_done(w.t, w.ifi, SIZE_MAX);
	assert_int_equal(world_pending(&w), 0);
}

TEST(down_flushes_and_refuses_and_up_is_all_it_takes_to_come_back, "")
{
	struct netif *ifp = netif_get(w.t, w.ifi);
	struct tapir_netif_info info;
	size_t n = world_icmp(buf, WORLD_PEER, WORLD_US, 8, 0, 1, "x", 1);

	assert_int_equal(netif_enqueue(ifp, packet(100)), 0);
	assert_int_equal(tapir_netif_down(w.t, w.ifi), 0);
	assert_int_equal(tapir_netif_down(w.t, w.ifi), 0);
	assert_int_equal(world_drops(&w, DROP_TXQ_FLUSH), 1);
	assert_int_equal(netif_enqueue(ifp, packet(100)), -ENETDOWN);
	assert_int_equal(world_push(&w, buf, n), -ENODEV);
	assert_int_equal(world_drops(&w, DROP_IF_DOWN), 2);
	tapir_netif_info(w.t, w.ifi, &info);
	assert_false(info.up);
	assert_int_equal(info.rx_drops, 1);
	assert_int_equal(tapir_netif_up(w.t, w.ifi), 0);
	assert_int_equal(tapir_netif_up(w.t, w.ifi), 0);
	assert_int_equal(world_push(&w, buf, n), 0);
	assert_int_equal(world_pending(&w), 1);
}

TEST(a_ping_to_ourselves_goes_round_within_the_call, "R1122-25")
{
	struct tapir_netif_info lo;
	tapir_sock_t s = tapir_socket(w.t, 2, TAPIR_DGRAM, TAPIR_IPPROTO_ICMP);
	struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(127, 9, 9, 9), 0);
	uint8_t req[8] = {8};

	assert_int_equal(tapir_sendto(w.t, s, req, 8, 0, &to), 8);
	assert_int_equal(tapir_poll(w.t, s) & TAPIR_IN, TAPIR_IN);
	tapir_netif_info(w.t, TAPIR_LOOPBACK, &lo);
	assert_int_equal(lo.rx_packets, 2);
	assert_int_equal(lo.tx_packets, 2);
	assert_int_equal(lo.txq_len, 0);
	assert_int_equal(world_pending(&w), 0);
}

TEST(packets_to_ourselves_are_bounded_a_turn_and_then_it_is_time_now, "")
{
	struct netif *lo = netif_get(w.t, TAPIR_LOOPBACK);
	size_t n = world_udp(buf, TAPIR_IP4(127, 0, 0, 1), TAPIR_IP4(127, 0, 0, 1), 1, 2, "x", 1);

	for (int i = 0; i < 2000; i++) {
		struct pkt *p = tapir_pkt_alloc(w.t, n);

		memcpy(pkt_put(p, (uint32_t)n), buf, n);
		assert_int_equal(netif_enqueue(lo, p), 0);
	}
	tapir_flush(w.t);
	assert_true(lo->txq.n > 1000);
	assert_int_equal(tapir_next_deadline(w.t), tapir_now(w.t));
	for (int i = 0; i < 10 && lo->txq.n > 0; i++)
		tapir_advance(w.t, tapir_now(w.t));
	assert_int_equal(lo->txq.n, 0);
	assert_true(tapir_next_deadline(w.t) > tapir_now(w.t));
}

TEST(the_loopbacks_queue_is_bounded_too, "")
{
	struct netif *lo = netif_get(w.t, TAPIR_LOOPBACK);

	while (netif_enqueue(lo, packet(60000)) == 0)
		;
	assert_int_equal(world_drops(&w, DROP_LOOPBACK_FULL), 1);
	assert_int_equal(world_stat(&w, STAT_Tapir_LoopbackFull), 1);
}

TEST(only_the_checksum_flags_of_a_driver_count, "")
{
	size_t n = world_icmp(buf, WORLD_PEER, WORLD_US, 8, 0, 1, "x", 1);
	struct pkt *p = tapir_pkt_alloc(w.t, n);

	/* A driver can't say that a packet came from ourselves, or in a broadcast. */
	memcpy(pkt_put(p, (uint32_t)n), buf, n);
	p->flags = PKT_LOOPED | PKT_L2_BROADCAST | PKT_REASSEMBLED;
	assert_int_equal(tapir_input(w.t, w.ifi, p), 0);
	assert_int_equal(world_pending(&w), 1);
}

TEST(an_mtu_can_change_and_routes_look_again, "")
{
	uint32_t gen = w.t->route_gen;
	struct tapir_netif_info info;

	assert_int_equal(tapir_netif_set_mtu(w.t, w.ifi, 67), -EINVAL);
	assert_int_equal(tapir_netif_set_mtu(w.t, w.ifi, 65536), -EINVAL);
	assert_int_equal(tapir_netif_set_mtu(w.t, TAPIR_LOOPBACK, 1500), -EINVAL);
	assert_int_equal(w.t->route_gen, gen);
	assert_int_equal(tapir_netif_set_mtu(w.t, w.ifi, 9000), 0);
	assert_true(w.t->route_gen != gen);
	tapir_netif_info(w.t, w.ifi, &info);
	assert_int_equal(info.conf.mtu, 9000);
}

TEST(neighbours_and_routes_are_set_by_hand_on_what_has_them, "R1122-85")
{
	int e = world_netif(&w, TAPIR_NETIF_ETHER, TAPIR_IP4(198, 51, 100, 2), 24, 1500, 0);
	struct tapir_addr a = tapir_addr_v4(TAPIR_IP4(198, 51, 100, 9)), none = {{0}};
	struct tapir_addr mc = tapir_addr_v4(TAPIR_IP4(224, 0, 0, 1)), v6 = {{0x20}};
	struct tapir_mac group = {{1}};
	struct tapir_neigh n;
	struct tapir_route r;
	unsigned routes = 0;

	assert_int_equal(tapir_neigh_set(w.t, 77, &a, &world_peer_mac), -ENODEV);
	assert_int_equal(tapir_neigh_set(w.t, w.ifi, &a, &world_peer_mac), -EINVAL);
	assert_int_equal(tapir_neigh_set(w.t, e, &none, &world_peer_mac), -EINVAL);
	assert_int_equal(tapir_neigh_set(w.t, e, &mc, &world_peer_mac), -EINVAL);
	assert_int_equal(tapir_neigh_set(w.t, e, &v6, &world_peer_mac), -EINVAL);
	assert_int_equal(tapir_neigh_set(w.t, e, NULL, &world_peer_mac), -EINVAL);
	assert_int_equal(tapir_neigh_set(w.t, e, &a, NULL), -EINVAL);
	assert_int_equal(tapir_neigh_set(w.t, e, &a, &group), -EINVAL);
	assert_int_equal(tapir_neigh_set(w.t, e, &a, &world_peer_mac), 0);
	assert_int_equal(tapir_neigh_get(w.t, 0, &n), 0);
	assert_int_equal(n.state, TAPIR_NEIGH_PERMANENT);
	assert_int_equal(n.ifindex, e);
	assert_int_equal(tapir_neigh_get(w.t, 1, &n), -ESRCH);
	assert_int_equal(tapir_neigh_del(w.t, e, &mc), -EINVAL);
	assert_int_equal(tapir_neigh_del(w.t, e, &a), 0);
	assert_int_equal(tapir_neigh_del(w.t, e, &a), -ESRCH);
	while (tapir_route_get(w.t, routes, &r) == 0)
		routes++;
	assert_true(routes >= 3); /* two connected, one default */
	assert_int_equal(tapir_route_get(w.t, routes, &r), -ESRCH);
	assert_int_equal(tapir_addr_del(w.t, e, &a), -ESRCH);
	assert_int_equal(tapir_netif_del(w.t, e), 0);
	assert_int_equal(tapir_route_get(w.t, routes - 1, &r), -ESRCH);
}

TEST(an_address_lost_to_another_host_resets_its_streams, "")
{
	static const uint8_t claim[28] = {0,   1,  8,	0, 6, 4, 0, 1, 2, 0, 0,	  0,  0,   9,
					  198, 51, 100, 2, 0, 0, 0, 0, 0, 0, 198, 51, 100, 2};
	struct tapir_mac bc = {{255, 255, 255, 255, 255, 255}}, other = {{2, 0, 0, 0, 0, 9}};
	struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(198, 51, 100, 9), 80);
	int e = world_netif(&w, TAPIR_NETIF_ETHER, TAPIR_IP4(198, 51, 100, 2), 24, 1500, 0), v;
	tapir_sock_t s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	size_t n = world_eth(buf, &bc, &other, 0x0806, claim, 28), len = sizeof(v);
	struct tapir_ifaddr a;

	assert_int_equal(tapir_sysctl(w.t, "net.tapir.arp_defend", 0, 0), 0);
	world_step(&w, 10 * WORLD_S);
	assert_int_equal(tapir_connect(w.t, s, &to), -EINPROGRESS);
	for (int i = 0; i < 3; i++) {
		world_push_if(&w, e, buf, n);
		world_step(&w, 100 * WORLD_MS);
	}
	assert_int_equal(tapir_addr_get(w.t, e, 0, &a), 0);
	assert_int_equal(a.state, TAPIR_ADDR_CONFLICT);
	assert_int_equal(tapir_getsockopt(w.t, s, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &v, &len), 0);
	assert_int_equal(v, ECONNABORTED);
}

TEST(a_checksum_left_to_do_by_a_virtual_peer_is_no_error, "")
{
	tapir_sock_t s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	struct tapir_sockaddr sa = {.port = 7};
	struct pkt *p;
	size_t n;

	tapir_bind(w.t, s, &sa);
	n = world_udp(buf, WORLD_PEER, WORLD_US, 1, 7, "abc", 3);
	buf[26] ^= 0x55; /* only the pseudo header's sum, as virtio's NEEDS_CSUM */
	p = tapir_pkt_alloc(w.t, n);
	memcpy(pkt_put(p, (uint32_t)n), buf, n);
	p->flags = PKT_CSUM_PARTIAL;
	p->csum_start = 20;
	p->csum_offset = 6;
	assert_int_equal(tapir_input(w.t, w.ifi, p), 0);
	assert_int_equal(tapir_poll(w.t, s) & TAPIR_IN, TAPIR_IN);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(an_interface_is_checked_before_it_is_made),
		T(what_is_not_there_or_not_ours_to_change_is_refused),
		T(only_an_address_that_a_host_can_have_is_taken),
		T(broadcasts_of_an_interface_are_recognised_in_all_their_forms),
		T(the_transmit_queue_is_bounded_and_keeps_order),
		T(down_flushes_and_refuses_and_up_is_all_it_takes_to_come_back),
		T(a_ping_to_ourselves_goes_round_within_the_call),
		T(packets_to_ourselves_are_bounded_a_turn_and_then_it_is_time_now),
		T(the_loopbacks_queue_is_bounded_too),
		T(only_the_checksum_flags_of_a_driver_count),
		T(an_mtu_can_change_and_routes_look_again),
		T(neighbours_and_routes_are_set_by_hand_on_what_has_them),
		T(an_address_lost_to_another_host_resets_its_streams),
		T(a_checksum_left_to_do_by_a_virtual_peer_is_no_error),
	};

	return tapir_test_run("unit/core/test_netif", tests);
}
