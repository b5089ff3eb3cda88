#ifndef TAPIR_TESTS_UNIT_IP_WORLD_H
#define TAPIR_TESTS_UNIT_IP_WORLD_H

/* What the tests of stack/ip/ share. */
#include <string.h>

#include "tests/support/test.h"
#include "tests/support/world.h"

static uint8_t buf[WORLD_FRAME], out[WORLD_FRAME];

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

/* A ping from `src` to `dst` in `buf`, not sent. */
static inline size_t ping(uint32_t src, uint32_t dst)
{
	return world_icmp(buf, src, dst, 8, 0, 0x00010001, "0123456789abcdef", 16);
}

static inline void drain(struct world *w)
{
	while (world_pop(w, out, sizeof(out)) > 0)
		;
}

static inline void expect_silence(struct world *w)
{
	assert_int_equal(world_pop(w, out, sizeof(out)), 0);
}

/* The stack is alive: the next honest packet is served. */
static inline void expect_alive(struct world *w)
{
	struct world_pkt p;
	size_t n = ping(WORLD_PEER, WORLD_US);

	world_push_ip(w, buf, n);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.proto, 1);
	assert_int_equal(p.type, 0);
}

/* The n bytes in `buf` are dropped for that reason, without an answer; the next packet is served. */
static inline void refused(struct world *w, size_t n, enum drop_reason why)
{
	uint64_t before = world_drops(w, why);

	world_push_ip(w, buf, n);
	expect_silence(w);
	assert_int_equal(world_drops(w, why), before + 1);
	expect_alive(w);
}

/* The n bytes in `buf` are a ping that is answered. */
static inline void accepted(struct world *w, size_t n)
{
	struct world_pkt p;

	world_push_ip(w, buf, n);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.type, 0);
	expect_silence(w);
}

/* Puts `n` bytes of options (a multiple of 4) into the packet of `len` bytes in `buf`. */
static inline size_t with_options(size_t len, const uint8_t *opts, size_t n)
{
	memmove(buf + 20 + n, buf + 20, len - 20);
	memcpy(buf + 20, opts, n);
	buf[0] = (uint8_t)(0x45 + n / 4);
	be16(buf + 2, (uint32_t)(len + n));
	world_fix(buf, len + n);
	return len + n;
}

static inline int open_raw(void **state)
{
	static struct world w;

	world_open(&w, TAPIR_NETIF_RAW_IP);
	*state = &w;
	return 0;
}

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

#define T(test)	 cmocka_unit_test_setup_teardown(test, open_raw, close_world)
#define TE(test) cmocka_unit_test_setup_teardown(test, open_ether, close_world)

#endif
