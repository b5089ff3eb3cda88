/*
 * Numbers for tests that try many cases: splitmix64, the same from the same seed everywhere. Not
 * the core's generator, so that a test of that one does not rest on itself.
 */
#ifndef TAPIR_TESTS_SUPPORT_RND_H
#define TAPIR_TESTS_SUPPORT_RND_H

#include <stddef.h>
#include <stdint.h>

struct rnd {
	uint64_t state;
};

static inline uint64_t rnd_u64(struct rnd *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint32_t rnd_u32(struct rnd *r)
{
	return (uint32_t)(rnd_u64(r) >> 32);
}

/* In [0, n), n > 0; evenly enough for a test. */
static inline uint32_t rnd_below(struct rnd *r, uint32_t n)
{
	return (uint32_t)(rnd_u64(r) % n);
}

static inline void rnd_bytes(struct rnd *r, void *dst, size_t n)
{
	uint8_t *p = dst;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rnd_u64(r);
}

#endif
