/* Routes: which way, from which address; against a linear reference. */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/ip/pmtu.h"
#include "stack/ip/route.h"
#include "stack/link/neigh.h"
#include "tests/support/rnd.h"
#include "tests/unit/ip/ip_world.h"

#define GW2 TAPIR_IP4(192, 0, 2, 254)

static int add(struct world *w, uint32_t dst, uint8_t len, uint32_t gw, int ifi, uint32_t metric)
{
	struct tapir_route r = {.dst = tapir_addr_v4(dst),
				.prefix_len = len,
				.gw = tapir_addr_v4(gw),
				.ifindex = ifi,
				.metric = metric};

	return tapir_route_add(w->t, &r);
}

static int del(struct world *w, uint32_t dst, uint8_t len, uint32_t gw)
{
	struct tapir_route r = {.dst = tapir_addr_v4(dst),
				.prefix_len = len,
				.gw = tapir_addr_v4(gw)};

	return tapir_route_del(w->t, &r);
}

static uint32_t nexthop(struct world *w, uint32_t dst)
{
	struct route rt;

	return route_lookup(w->t, dst, 0, 0, &rt) == 0 ? rt.nexthop : 0;
}

TEST(prefixes_of_any_length_decide_what_is_on_the_link, "R1122-21 R1122-76 R1122-78")
{
	struct world *w = *state;
	struct route rt;

	assert_int_equal(route_lookup(w->t, TAPIR_IP4(192, 0, 2, 77), 0, 0, &rt), 0);
	assert_int_equal(rt.nexthop, TAPIR_IP4(192, 0, 2, 77));
	assert_false(rt.gateway);
	assert_int_equal(rt.src, WORLD_US);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, 0, 0, &rt), 0);
	assert_int_equal(rt.nexthop, WORLD_PEER);
	assert_true(rt.gateway);
	for (uint8_t len = 1; len <= 32; len++) {
		uint32_t dst = TAPIR_IP4(203, 0, 113, 129) & (len ? UINT32_MAX << (32 - len) : 0);

		assert_int_equal(add(w, dst, len, TAPIR_IP4(192, 0, 2, 100) + len, 0, 0), 0);
		assert_int_equal(nexthop(w, TAPIR_IP4(203, 0, 113, 129)),
				 TAPIR_IP4(192, 0, 2, 100) + len);
	}
	tapir_check(w->t);
	/* The last bit differs: the route of 31. */
	assert_int_equal(nexthop(w, TAPIR_IP4(203, 0, 113, 128)), TAPIR_IP4(192, 0, 2, 131));
	assert_int_equal(nexthop(w, TAPIR_IP4(8, 8, 8, 8)), WORLD_PEER);
}

TEST(without_any_gateway_the_link_still_works, "R1122-76")
{
	struct world *w = *state;
	struct route rt;

	assert_int_equal(del(w, 0, 0, WORLD_PEER), 0);
	assert_int_equal(del(w, 0, 0, WORLD_PEER), -ESRCH);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, 0, 0, &rt), -ENETUNREACH);
	expect_alive(w);
	assert_int_equal(add(w, 0, 0, GW2, 0, 0), 0);
	assert_int_equal(nexthop(w, WORLD_FAR), GW2);
}

TEST(what_can_t_be_a_destination_is_refused, "R1122-25")
{
	struct world *w = *state;
	struct route rt;

	assert_int_equal(route_lookup(w->t, TAPIR_IP4(0, 1, 2, 3), 0, 0, &rt), -EINVAL);
	assert_int_equal(route_lookup(w->t, TAPIR_IP4(240, 0, 0, 1), 0, 0, &rt), -EINVAL);
	/* 127/8 never goes by an interface, nor is it a source there. */
	assert_int_equal(route_lookup(w->t, TAPIR_IP4(127, 3, 2, 1), 0, 0, &rt), 0);
	assert_true(rt.local);
	assert_int_equal(rt.ifindex, 1);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, TAPIR_IP4(127, 0, 0, 1), 0, &rt), -EINVAL);
	/* What is ours stays inside. */
	assert_int_equal(route_lookup(w->t, WORLD_US, 0, 0, &rt), 0);
	assert_true(rt.local);
	assert_int_equal(rt.src, WORLD_US);
}

TEST(the_source_is_ours_and_of_its_interface, "R1122-22 R1122-26 R1122-94 R1122-95 R1122-97")
{
	struct world *w = *state;
	uint32_t other = TAPIR_IP4(10, 0, 0, 2);
	int second = world_netif(w, TAPIR_NETIF_RAW_IP, other, 24, 1500, 0);
	struct tapir_addr more = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 50));
	struct route rt;

	assert_int_equal(tapir_addr_add(w->t, w->ifi, &more, 24), 0);
	/* Chosen: the one on the destination's subnet, else the first. */
	assert_int_equal(route_lookup(w->t, TAPIR_IP4(10, 0, 0, 9), 0, 0, &rt), 0);
	assert_int_equal(rt.src, other);
	assert_int_equal(rt.ifindex, second);
	/* Given: any of the interface's, but no other's and nobody else's. */
	assert_int_equal(route_lookup(w->t, WORLD_FAR, TAPIR_IP4(192, 0, 2, 50), 0, &rt), 0);
	assert_int_equal(rt.src, TAPIR_IP4(192, 0, 2, 50));
	assert_int_equal(route_lookup(w->t, WORLD_FAR, other, 0, &rt), -ENETUNREACH);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, TAPIR_IP4(1, 2, 3, 4), 0, &rt),
			 -EADDRNOTAVAIL);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, WORLD_BC, 0, &rt), -EADDRNOTAVAIL);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, UINT32_MAX, 0, &rt), -EADDRNOTAVAIL);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, TAPIR_IP4(224, 0, 0, 1), 0, &rt),
			 -EADDRNOTAVAIL);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, 0, second, &rt), -ENETUNREACH);
}

TEST(broadcast_and_multicast_find_an_interface, "R1122-99")
{
	struct world *w = *state;
	struct route rt;
	int second;

	assert_int_equal(route_lookup(w->t, UINT32_MAX, 0, 0, &rt), 0);
	assert_int_equal(rt.kind, RX_BROADCAST);
	assert_int_equal(rt.ifindex, w->ifi);
	assert_int_equal(route_lookup(w->t, WORLD_BC, 0, 0, &rt), 0);
	assert_int_equal(rt.kind, RX_BROADCAST);
	assert_int_equal(rt.nexthop, WORLD_BC);
	assert_int_equal(route_lookup(w->t, TAPIR_IP4(239, 1, 1, 1), 0, 0, &rt), 0);
	assert_int_equal(rt.kind, RX_MULTICAST);
	second = world_netif(w, TAPIR_NETIF_RAW_IP, TAPIR_IP4(10, 0, 0, 2), 24, 1500, 0);
	assert_int_equal(route_lookup(w->t, TAPIR_IP4(239, 1, 1, 1), TAPIR_IP4(10, 0, 0, 2), 0,
				      &rt),
			 0);
	assert_int_equal(rt.ifindex, second);
	assert_int_equal(route_lookup(w->t, TAPIR_IP4(10, 0, 0, 255), 0, 0, &rt), 0);
	assert_int_equal(rt.ifindex, second);
	assert_int_equal(route_lookup(w->t, UINT32_MAX, 0, second, &rt), 0);
	assert_int_equal(rt.ifindex, second);
	assert_int_equal(rt.src, TAPIR_IP4(10, 0, 0, 2));
	/* Neither route nor the only one: can't be told. */
	assert_int_equal(del(w, 0, 0, WORLD_PEER), 0);
	assert_int_equal(route_lookup(w->t, TAPIR_IP4(239, 1, 1, 1), 0, 0, &rt), -ENETUNREACH);
}

TEST(bad_routes_are_refused, "")
{
	struct world *w = *state;
	struct tapir_route r = {.prefix_len = 33, .gw = tapir_addr_v4(WORLD_PEER)};

	assert_int_equal(tapir_route_add(w->t, &r), -EINVAL);
	assert_int_equal(tapir_route_del(w->t, &r), -EINVAL);
	assert_int_equal(add(w, TAPIR_IP4(10, 0, 0, 1), 24, WORLD_PEER, 0, 0), -EINVAL);
	assert_int_equal(add(w, 0, 0, TAPIR_IP4(10, 0, 0, 1), 0, 0), -ENETUNREACH);
	assert_int_equal(add(w, 0, 0, TAPIR_IP4(224, 0, 0, 1), 0, 0), -EINVAL);
	assert_int_equal(add(w, 0, 0, TAPIR_IP4(127, 0, 0, 1), 0, 0), -EINVAL);
	assert_int_equal(add(w, 0, 0, 0, 0, 0), -EINVAL);
	assert_int_equal(add(w, 0, 0, WORLD_PEER, 9, 0), -ENODEV);
	assert_int_equal(add(w, 0, 0, WORLD_PEER, 0, 0), -EEXIST);
	r = (struct tapir_route){.gw = tapir_addr_v4(GW2), .mtu = 67};
	assert_int_equal(tapir_route_add(w->t, &r), -EINVAL);
	tapir_check(w->t);
}

TEST(the_table_is_bounded, "")
{
	struct world *w = *state;
	int err = 0;
	unsigned n = 0;

	while ((err = add(w, TAPIR_IP4(10, 0, 0, 0) + n, 32, GW2, 0, 0)) == 0)
		n++;
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(n, 256 - 2);
	assert_int_equal(world_stat(w, STAT_Tapir_RouteTableFull), 1);
}

TEST(a_route_has_an_mtu_of_its_own, "R1122-90")
{
	struct world *w = *state;
	struct tapir_route r = {.dst = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 0)),
				.prefix_len = 8,
				.gw = tapir_addr_v4(GW2),
				.mtu = 1280};
	struct route rt;

	assert_int_equal(tapir_route_add(w->t, &r), 0);
	assert_int_equal(route_lookup(w->t, TAPIR_IP4(10, 1, 1, 1), 0, 0, &rt), 0);
	assert_int_equal(rt.mtu, 1280);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, 0, 0, &rt), 0);
	assert_int_equal(rt.mtu, 1500);
	assert_int_equal(tapir_netif_set_mtu(w->t, w->ifi, 1000), 0);
	assert_int_not_equal(rt.gen, w->t->route_gen);
	assert_int_equal(route_lookup(w->t, TAPIR_IP4(10, 1, 1, 1), 0, 0, &rt), 0);
	assert_int_equal(rt.mtu, 1000);
}

/* Lets the neighbour at ip4 fail: asked, never answered. */
static void kill_gateway(struct world *w, uint32_t ip4)
{
	struct tapir_mac mac;

	assert_int_equal(neigh_resolve(w->t, w->t->netif[w->ifi], ip4, NULL, &mac), -EINPROGRESS);
	world_step(w, 4500 * WORLD_MS);
	drain(w);
	assert_true(neigh_failed(w->t, w->t->netif[w->ifi], ip4));
}

TEST(when_a_default_gateway_fails_another_takes_over, "R1122-77 R1122-84 R1122-83")
{
	struct world *w = *state;
	uint32_t gw3 = TAPIR_IP4(192, 0, 2, 253), gen;
	struct tapir_mac mac = {{2, 0, 0, 0, 0, 0x33}};

	assert_int_equal(del(w, 0, 0, WORLD_PEER), 0);
	assert_int_equal(add(w, 0, 0, gw3, 0, 5), 0);
	assert_int_equal(add(w, 0, 0, GW2, 0, 1), 0);
	assert_int_equal(nexthop(w, WORLD_FAR), GW2);
	gen = w->t->route_gen;
	kill_gateway(w, GW2);
	/* Who cached the way looks again. */
	assert_int_not_equal(gen, w->t->route_gen);
	assert_int_equal(nexthop(w, WORLD_FAR), gw3);
	/* Both dead: the first is tried all the same. */
	kill_gateway(w, gw3);
	assert_int_equal(nexthop(w, WORLD_FAR), GW2);
	/* It answers again, and is the first choice again. */
	gen = w->t->route_gen;
	neigh_learn(w->t, w->t->netif[w->ifi], GW2, &mac, NEIGH_CLAIM);
	assert_int_not_equal(gen, w->t->route_gen);
	assert_int_equal(nexthop(w, WORLD_FAR), GW2);
	tapir_check(w->t);
}

TEST(gateways_are_not_asked_while_idle_or_while_data_moves, "R1122-82 R1122-83")
{
	struct world *w = *state;
	struct netif *ifp = w->t->netif[w->ifi];
	struct tapir_mac mac = {{2, 0, 0, 0, 0, 0x33}};
	uint64_t asked;

	neigh_resolve(w->t, ifp, GW2, NULL, &mac);
	neigh_learn(w->t, ifp, GW2, &mac, NEIGH_ANSWER);
	drain(w);
	asked = world_stat(w, STAT_Tapir_ArpOutRequests);
	/* An hour of traffic that is acknowledged. */
	for (unsigned i = 0; i < 3600; i++) {
		assert_int_equal(neigh_resolve(w->t, ifp, GW2, NULL, &mac), 0);
		world_step(w, WORLD_S);
		neigh_confirm(w->t, ifp, GW2);
	}
	assert_int_equal(world_stat(w, STAT_Tapir_ArpOutRequests), asked);
	/* An hour of silence. */
	world_step(w, 3600 * WORLD_S);
	assert_int_equal(world_stat(w, STAT_Tapir_ArpOutRequests), asked);
}

TEST(a_doubt_of_the_transport_is_looked_into_at_the_next_packet, "R1122-80 R1122-83")
{
	struct world *w = *state;
	struct netif *ifp = w->t->netif[w->ifi];
	struct tapir_mac mac = {{2, 0, 0, 0, 0, 0x33}};
	uint64_t asked;

	neigh_resolve(w->t, ifp, GW2, NULL, &mac);
	neigh_learn(w->t, ifp, GW2, &mac, NEIGH_ANSWER);
	world_step(w, 2 * WORLD_S);
	asked = world_stat(w, STAT_Tapir_ArpOutRequests);
	neigh_suspect(w->t, ifp, GW2);
	assert_int_equal(world_stat(w, STAT_Tapir_ArpOutRequests), asked);
	assert_int_equal(neigh_resolve(w->t, ifp, GW2, NULL, &mac), 0);
	assert_int_equal(world_stat(w, STAT_Tapir_ArpOutRequests), asked + 1);
}

TEST(routes_of_an_interface_go_with_it, "")
{
	struct world *w = *state;
	int second = world_netif(w, TAPIR_NETIF_RAW_IP, TAPIR_IP4(10, 0, 0, 2), 24, 1500, 0);
	struct tapir_route r;
	unsigned n = 0;

	assert_int_equal(add(w, TAPIR_IP4(172, 16, 0, 0), 12, TAPIR_IP4(10, 0, 0, 1), 0, 0), 0);
	assert_int_equal(nexthop(w, TAPIR_IP4(172, 16, 1, 1)), TAPIR_IP4(10, 0, 0, 1));
	/* Down: not used, but kept. */
	tapir_netif_down(w->t, second);
	assert_int_equal(nexthop(w, TAPIR_IP4(172, 16, 1, 1)), WORLD_PEER);
	tapir_netif_up(w->t, second);
	assert_int_equal(nexthop(w, TAPIR_IP4(172, 16, 1, 1)), TAPIR_IP4(10, 0, 0, 1));
	tapir_netif_del(w->t, second);
	assert_int_equal(nexthop(w, TAPIR_IP4(172, 16, 1, 1)), WORLD_PEER);
	while (tapir_route_get(w->t, n, &r) == 0) {
		assert_int_equal(r.ifindex, w->ifi);
		n++;
	}
	assert_int_equal(n, 2);
	tapir_check(w->t);
}

/* The linear reference: the longest prefix, then the metric, then the oldest. */
static int reference(const struct tapir_route *r, const bool *live, unsigned n, uint32_t dst)
{
	int best = -1;

	for (unsigned i = 0; i < n; i++) {
		uint32_t net = tapir_addr_to_v4(&r[i].dst);
		uint32_t mask = r[i].prefix_len ? UINT32_MAX << (32 - r[i].prefix_len) : 0;

		if (!live[i] || ((dst ^ net) & mask) != 0)
			continue;
		if (best < 0 || r[i].prefix_len > r[best].prefix_len ||
		    (r[i].prefix_len == r[best].prefix_len && r[i].metric < r[best].metric))
			best = (int)i;
	}
	return best;
}

TEST(lookups_agree_with_a_linear_reference, "R1122-21")
{
	struct world *w = *state;
	static struct tapir_route r[4000];
	static bool live[4000];
	struct rnd rnd = {4711};
	unsigned n = 0, alive = 0;

	w->no_check = true;
	del(w, 0, 0, WORLD_PEER);
	for (unsigned step = 0; step < 4000; step++) {
		if (alive < 200 && rnd_below(&rnd, 3) > 0) {
			uint8_t len = (uint8_t)rnd_below(&rnd, 33);
			uint32_t net = TAPIR_IP4(10, 0, 0, 0) | (rnd_u32(&rnd) & 0x00f0f0f3);

			if (rnd_below(&rnd, 10) == 0)
				net = rnd_u32(&rnd) & 0x3fffffff;
			net &= len ? UINT32_MAX << (32 - len) : 0;
			r[n] = (struct tapir_route){
				.dst = tapir_addr_v4(net),
				.prefix_len = len,
				/* Its gateway names it. */
				.gw = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 3) + n % 240),
				.metric = rnd_below(&rnd, 4),
			};
			if (tapir_route_add(w->t, &r[n]) == 0) {
				live[n++] = true;
				alive++;
			}
		} else if (n > 0) {
			unsigned k = rnd_below(&rnd, n);

			if (live[k]) {
				assert_int_equal(tapir_route_del(w->t, &r[k]), 0);
				live[k] = false;
				alive--;
			}
		}
		for (unsigned i = 0; i < 10; i++) {
			uint32_t dst = TAPIR_IP4(10, 0, 0, 0) | (rnd_u32(&rnd) & 0x00f0f0f3);
			int k = reference(r, live, n, dst);
			uint32_t want = k < 0 ? 0 : tapir_addr_to_v4(&r[k].gw);

			assert_int_equal(nexthop(w, dst), want);
		}
	}
	tapir_check(w->t);
}

/* An ICMP redirect of `from`: dst by way of gw. */
static void push_redirect(struct world *w, uint32_t from, uint32_t dst, uint32_t gw, uint8_t code)
{
	uint8_t q[64];
	size_t n = world_udp(q, WORLD_US, dst, 1, 2, "x", 1);

	n = world_icmp(buf, from, WORLD_US, 5, code, gw, q, n);
	world_push_ip(w, buf, n);
}

TEST(redirects_are_ignored_by_default, "IC-03 IC-02")
{
	struct world *w = *state;
	uint32_t gen = w->t->route_gen;

	for (uint8_t code = 0; code < 5; code++)
		push_redirect(w, WORLD_PEER, WORLD_FAR, GW2, code);
	push_redirect(w, TAPIR_IP4(192, 0, 2, 66), WORLD_FAR, TAPIR_IP4(192, 0, 2, 66), 1);
	assert_int_equal(world_drops(w, DROP_ICMP_REDIRECT), 6);
	assert_int_equal(world_stat(w, STAT_Icmp_InRedirects), 6);
	assert_int_equal(nexthop(w, WORLD_FAR), WORLD_PEER);
	assert_int_equal(w->t->route_gen, gen);
	expect_silence(w);
}

TEST(where_redirects_are_believed_it_is_only_from_the_gateway_in_use, "R1122-61 R1122-81")
{
	struct world *w = *state;

	tapir_sysctl(w->t, "net.ipv4.conf.all.accept_redirects", 0, 1);
	push_redirect(w, TAPIR_IP4(192, 0, 2, 66), WORLD_FAR, GW2, 1);	    /* another station */
	push_redirect(w, WORLD_PEER, WORLD_FAR, TAPIR_IP4(10, 0, 0, 1), 1); /* off the link */
	push_redirect(w, WORLD_PEER, WORLD_FAR, WORLD_US, 1);		    /* to ourselves */
	push_redirect(w, WORLD_PEER, WORLD_FAR, WORLD_BC, 1);
	push_redirect(w, WORLD_PEER, WORLD_FAR, WORLD_PEER, 1);
	push_redirect(w, WORLD_PEER, TAPIR_IP4(192, 0, 2, 9), GW2, 1); /* a neighbour's */
	assert_int_equal(nexthop(w, WORLD_FAR), WORLD_PEER);
	assert_int_equal(nexthop(w, TAPIR_IP4(192, 0, 2, 9)), TAPIR_IP4(192, 0, 2, 9));
	push_redirect(w, WORLD_PEER, WORLD_FAR, GW2, 1);
	assert_int_equal(nexthop(w, WORLD_FAR), GW2);
	assert_int_equal(nexthop(w, WORLD_FAR + 1), WORLD_PEER);
	/* From the old one no more; from the new one yes. */
	push_redirect(w, WORLD_PEER, WORLD_FAR, GW2 - 1, 1);
	assert_int_equal(nexthop(w, WORLD_FAR), GW2);
	push_redirect(w, GW2, WORLD_FAR, GW2 - 1, 1);
	assert_int_equal(nexthop(w, WORLD_FAR), GW2 - 1);
	/* Not forever. */
	world_step(w, 601 * WORLD_S);
	assert_int_equal(nexthop(w, WORLD_FAR), WORLD_PEER);
}

TEST(redirects_take_a_share_of_the_table_at_most, "IC-03")
{
	struct world *w = *state;
	struct tapir_route r;
	unsigned n = 0;

	tapir_sysctl(w->t, "net.ipv4.conf.all.accept_redirects", 0, 1);
	for (uint32_t i = 0; i < 1000; i++)
		push_redirect(w, WORLD_PEER, WORLD_FAR + i, GW2, 1);
	while (tapir_route_get(w->t, n, &r) == 0)
		n++;
	assert_int_equal(n, 2 + 64);
	tapir_check(w->t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(prefixes_of_any_length_decide_what_is_on_the_link),
		T(without_any_gateway_the_link_still_works),
		T(what_can_t_be_a_destination_is_refused),
		T(the_source_is_ours_and_of_its_interface),
		T(broadcast_and_multicast_find_an_interface),
		T(bad_routes_are_refused),
		T(the_table_is_bounded),
		T(a_route_has_an_mtu_of_its_own),
		TE(when_a_default_gateway_fails_another_takes_over),
		TE(gateways_are_not_asked_while_idle_or_while_data_moves),
		TE(a_doubt_of_the_transport_is_looked_into_at_the_next_packet),
		T(routes_of_an_interface_go_with_it),
		T(lookups_agree_with_a_linear_reference),
		T(redirects_are_ignored_by_default),
		T(where_redirects_are_believed_it_is_only_from_the_gateway_in_use),
		T(redirects_take_a_share_of_the_table_at_most),
	};

	return tapir_test_run("unit/ip/test_route", tests);
}
