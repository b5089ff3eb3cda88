/* Link, IP, ICMP and IGMP when memory fails: each allocation of a scenario, one by one. */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/core/pktq.h"
#include "stack/ip/igmp.h"
#include "stack/ip/ip.h"
#include "stack/ip/pmtu.h"
#include "tests/unit/ip/ip_world.h"

#define GROUP TAPIR_IP4(239, 1, 2, 3)

/* A bit of everything; what fails may fail. */
static void scenario(struct world *w)
{
	static uint8_t f[3000];
	struct tapir_addr more = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 2)), nb;
	struct tapir_mac mac = {{2, 0, 0, 0, 0, 9}}, all = {{255, 255, 255, 255, 255, 255}};
	int joined;
	size_t n;

	for (uint32_t i = 0; i < 12; i++) {
		struct tapir_route r = {.dst = tapir_addr_v4(TAPIR_IP4(172, 16, i, 0)),
					.prefix_len = 24,
					.gw = tapir_addr_v4(WORLD_PEER)};

		tapir_route_add(w->t, &r);
	}
	tapir_addr_add(w->t, w->ifi, &more, 24);
	nb = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 7));
	tapir_neigh_set(w->t, w->ifi, &nb, &mac);
	joined = igmp_join(w->t, w->t->netif[w->ifi], GROUP);
	for (uint32_t i = 0; i < 80; i++) {
		/* Asked by many, so that tables grow; echoes that wait for a neighbour. */
		uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 1, (uint8_t)i};
		struct tapir_mac from = {{2, 0, 0, 0, 1, (uint8_t)i}};

		be32(arp + 14, TAPIR_IP4(192, 0, 2, 20) + i);
		be32(arp + 24, WORLD_US);
		world_push(w, f, world_eth(f, &all, &from, 0x0806, arp, sizeof(arp)));
		world_push_ip(w, buf, ping(TAPIR_IP4(192, 0, 2, 120) + i, WORLD_US));
		pmtu_update(w->t, WORLD_FAR + i, 1000, 1500);
	}
	/* Fragments of many datagrams, some of which become whole. */
	for (uint32_t i = 0; i < 80; i++) {
		for (uint32_t k = 0; k < 2 + (i & 1); k++) {
			n = world_ip(buf, WORLD_PEER + i % 3, WORLD_US, 17, "0123456789abcdef", 16);
			be16(buf + 4, i);
			be16(buf + 6, 2 * k | (k < 2 ? 0x2000 : 0));
			be16(buf + 10, 0);
			be16(buf + 10, world_cksum(buf, 20, 0));
			world_push_ip(w, buf, n);
		}
	}
	n = world_ip(buf, WORLD_PEER, WORLD_US, 253, "stray", 5);
	world_push_ip(w, buf, n);
	world_push_ip(w, buf, ping(WORLD_PEER, WORLD_BC));
	drain(w);
	world_step(w, 40 * WORLD_S);
	if (joined == 0)
		igmp_leave(w->t, w->t->netif[w->ifi], GROUP);
	world_step(w, 40 * WORLD_S);
	drain(w);
}

TEST(no_allocation_that_fails_does_harm, "RS-01")
{
	uint64_t calls = 1;
	unsigned tried = 0;

	for (uint64_t k = 0; k < calls; k++) {
		static struct world w;
		uint64_t begin;

		world_open(&w, TAPIR_NETIF_ETHER);
		w.no_check = true;
		begin = w.alloc.calls;
		if (k > 0)
			w.alloc.fail_at = begin + k;
		scenario(&w);
		if (k == 0)
			calls = w.alloc.calls - begin;
		assert_int_equal(w.alloc.failed, k > 0);
		w.alloc.fail_at = 0;
		tapir_check(w.t);
		expect_alive(&w);
		world_close(&w);
		tried++;
	}
	assert_true(tried > 300);
}

TEST(without_any_memory_the_reserve_still_answers, "RS-01")
{
	static struct world w;
	struct world_pkt p;
	struct pkt *in[8];

	world_open(&w, TAPIR_NETIF_ETHER);
	/* What arrives was allocated before memory ended. */
	for (unsigned i = 0; i < 8; i++) {
		size_t n = ping(WORLD_PEER, WORLD_US);

		in[i] = tapir_pkt_alloc(w.t, 2000);
		memcpy(pkt_put(in[i], (uint32_t)world_eth(out, &world_mac, &world_peer_mac, 0x0800,
							  buf, n)),
		       out, n + 14);
	}
	w.alloc.fail_all = w.alloc.calls + 1;
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(tapir_input(w.t, w.ifi, in[i]), 0);
		assert_true(world_expect(&w, out, &p));
		assert_int_equal(p.type, 0);
	}
	world_step(&w, 10 * WORLD_S);
	w.alloc.fail_all = 0;
	world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_allocation_that_fails_does_harm),
		cmocka_unit_test(without_any_memory_the_reserve_still_answers),
	};

	return tapir_test_run("unit/ip/test_memory", tests);
}
