#ifndef TAPIR_TESTS_UNIT_LINK_WORLD_H
#define TAPIR_TESTS_UNIT_LINK_WORLD_H

/* ARP packets and frames for the tests of stack/link/. */
#include <string.h>

#include "tests/support/test.h"
#include "tests/support/world.h"

#define MAC(x)                                \
	(struct tapir_mac)                    \
	{                                     \
		{                             \
			0x02, 0, 0, 0, 0, (x) \
		}                             \
	}

static const struct tapir_mac mac_all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct tapir_mac mac_none = {{0}};

static uint8_t frame[WORLD_FRAME], out[WORLD_FRAME];

static inline void be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void be32(uint8_t *p, uint32_t v)
{
	be16(p, v >> 16);
	be16(p + 2, v & 0xffff);
}

static inline uint32_t rd16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t rd32(const uint8_t *p)
{
	return rd16(p) << 16 | rd16(p + 2);
}

struct arp {
	uint16_t op;
	struct tapir_mac sha, tha;
	uint32_t spa, tpa;
	struct tapir_mac dst, src; /* of the frame */
	size_t len;		   /* of the frame */
};

/* Builds an ARP frame of 42 bytes in `frame`. */
static inline size_t arp_frame(const struct arp *a)
{
	uint8_t b[28];

	be16(b, 1);
	be16(b + 2, 0x0800);
	b[4] = 6;
	b[5] = 4;
	be16(b + 6, a->op);
	memcpy(b + 8, a->sha.b, 6);
	be32(b + 14, a->spa);
	memcpy(b + 18, a->tha.b, 6);
	be32(b + 24, a->tpa);
	return world_eth(frame, &a->dst, &a->src, 0x0806, b, sizeof(b));
}

static inline void push_arp(struct world *w, const struct arp *a)
{
	world_push(w, frame, arp_frame(a));
}

/* Station x (MAC(x)) asks all for tpa. */
static inline void push_request(struct world *w, uint8_t x, uint32_t spa, uint32_t tpa)
{
	struct arp a = {
		.op = 1, .sha = MAC(x), .spa = spa, .tpa = tpa, .dst = mac_all, .src = MAC(x)};

	push_arp(w, &a);
}

/* Station x answers us that it has spa. */
static inline void push_reply(struct world *w, uint8_t x, uint32_t spa)
{
	struct arp a = {.op = 2,
			.sha = MAC(x),
			.spa = spa,
			.tha = world_mac,
			.tpa = WORLD_US,
			.dst = world_mac,
			.src = MAC(x)};

	push_arp(w, &a);
}

/* Station x tells all that it has spa. */
static inline void push_gratuitous(struct world *w, uint8_t x, uint32_t spa)
{
	struct arp a = {
		.op = 1, .sha = MAC(x), .spa = spa, .tpa = spa, .dst = mac_all, .src = MAC(x)};

	push_arp(w, &a);
}

/* The next frame of ours that is ARP; others are thrown away. False: none. */
static inline bool pop_arp(struct world *w, struct arp *a)
{
	size_t n;

	while ((n = world_pop(w, out, sizeof(out))) > 0) {
		if (rd16(out + 12) != 0x0806)
			continue;
		assert_true(n >= 42);
		assert_int_equal(rd16(out + 14), 1);
		assert_int_equal(rd16(out + 16), 0x0800);
		assert_int_equal(out[18], 6);
		assert_int_equal(out[19], 4);
		memcpy(a->dst.b, out, 6);
		memcpy(a->src.b, out + 6, 6);
		a->op = (uint16_t)rd16(out + 20);
		memcpy(a->sha.b, out + 22, 6);
		a->spa = rd32(out + 28);
		memcpy(a->tha.b, out + 32, 6);
		a->tpa = rd32(out + 38);
		a->len = n;
		return true;
	}
	return false;
}

static inline void drain(struct world *w)
{
	while (world_pop(w, out, sizeof(out)) > 0)
		;
}

/* Nothing waits to leave. */
static inline void expect_silence(struct world *w)
{
	assert_int_equal(world_pop(w, out, sizeof(out)), 0);
}

/* An echo request from src by station x: our answer goes to src. */
static inline void push_echo(struct world *w, uint8_t x, uint32_t src)
{
	static uint8_t ip[100];
	struct tapir_mac from = MAC(x);
	size_t n = world_icmp(ip, src, WORLD_US, 8, 0, 1, "ping", 4);

	world_push(w, frame, world_eth(frame, &world_mac, &from, 0x0800, ip, n));
}

/* What the cache has about ip4; false: nothing. */
static inline bool neighbour(struct world *w, uint32_t ip4, struct tapir_neigh *out_n)
{
	for (unsigned i = 0; tapir_neigh_get(w->t, i, out_n) == 0; i++) {
		if (tapir_addr_to_v4(&out_n->addr) == ip4)
			return true;
	}
	return false;
}

static inline unsigned neighbours(struct world *w)
{
	struct tapir_neigh n;
	unsigned i = 0;

	while (tapir_neigh_get(w->t, i, &n) == 0)
		i++;
	return i;
}

static inline int mac_cmp(const struct tapir_mac *a, const struct tapir_mac *b)
{
	return memcmp(a->b, b->b, 6);
}

/* A world on Ethernet, started and quiet. */
static inline int open_ether(void **state)
{
	static struct world w;

	world_open(&w, TAPIR_NETIF_ETHER);
	*state = &w;
	return 0;
}

static inline int close_world(void **state)
{
	world_close(*state);
	return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_ether, close_world)

#endif
