/*
 * Bit and multiplication helpers that never turn into a call of the compiler's runtime library.
 */
#ifndef TAPIR_BASE_BITS_H
#define TAPIR_BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

/* True for 1, 2, 4, ...; false for 0. */
static inline bool is_pow2_u64(uint64_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

/* The position of the highest set bit: 0 for 1, 16 for 65536. Of 0 it is 0. */
static inline unsigned ilog2_u64(uint64_t v)
{
	unsigned n = 0;

	if (v >> 32) {
		n += 32;
		v >>= 32;
	}
	if (v >> 16) {
		n += 16;
		v >>= 16;
	}
	if (v >> 8) {
		n += 8;
		v >>= 8;
	}
	if (v >> 4) {
		n += 4;
		v >>= 4;
	}
	if (v >> 2) {
		n += 2;
		v >>= 2;
	}
	return n + (unsigned)(v >> 1);
}

static inline unsigned ilog2_u32(uint32_t v)
{
	return ilog2_u64(v);
}

/* The smallest power of two >= v, for v in 1..2^31. */
static inline uint32_t roundup_pow2_u32(uint32_t v)
{
	return v <= 1 ? 1u : 1u << (ilog2_u32(v - 1) + 1);
}

/* How many bits of v are set. */
static inline unsigned popcount_u64(uint64_t v)
{
	v = v - ((v >> 1) & UINT64_C(0x5555555555555555));
	v = (v & UINT64_C(0x3333333333333333)) + ((v >> 2) & UINT64_C(0x3333333333333333));
	v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)((v * UINT64_C(0x0101010101010101)) >> 56);
}

/* a * b, or UINT64_MAX when that overflows. */
static inline uint64_t mul_sat_u64(uint64_t a, uint64_t b)
{
	return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* a + b, or UINT64_MAX when that overflows: a deadline far away stays far away. */
static inline uint64_t add_sat_u64(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* a - b, or 0 when b is greater. */
static inline uint64_t sub_sat_u64(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * a * b / c rounded down, the product taken in 128 bits; UINT64_MAX when the quotient does not fit
 * or c is 0. For rates: bytes * 1e9 / nanoseconds.
 */
uint64_t mul_div_u64(uint64_t a, uint64_t b, uint64_t c);

/* The largest r with r^3 <= v. */
uint32_t cube_root_u64(uint64_t v);

#endif
