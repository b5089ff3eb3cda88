/*
 * A product of two 64-bit numbers has 128 bits. Dividing __int128 would call the compiler's runtime
 * library, which the core does without; so the product is made of four 32-bit products and divided
 * by schoolbook shift and subtract, one bit a step. The common case, a product that fits 64 bits,
 * is one multiplication and one division.
 */
#include "stack/base/bits.h"

/* The 128-bit product a * b: high half returned, low half in *lo. */
static uint64_t mul_wide(uint64_t a, uint64_t b, uint64_t *lo)
{
	uint64_t al = a & 0xffffffff, ah = a >> 32;
	uint64_t bl = b & 0xffffffff, bh = b >> 32;
	uint64_t ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
	uint64_t mid = (ll >> 32) + (lh & 0xffffffff) + (hl & 0xffffffff);

	*lo = mid << 32 | (ll & 0xffffffff);
	return hh + (lh >> 32) + (hl >> 32) + (mid >> 32);
}

uint64_t mul_div_u64(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t lo;
	uint64_t hi = mul_wide(a, b, &lo);

	if (c == 0 || hi >= c)
		return UINT64_MAX;
	if (hi == 0)
		return lo / c;

	/* hi < c, so the quotient fits: shift the low half's bits through the remainder hi. */
	uint64_t quotient = 0;

	for (int i = 63; i >= 0; i--) {
		bool carry = hi >> 63;

		hi = hi << 1 | ((lo >> i) & 1);
		quotient <<= 1;
		if (carry || hi >= c) {
			hi -= c;
			quotient |= 1;
		}
	}
	return quotient;
}

uint32_t cube_root_u64(uint64_t v)
{
	uint64_t r = 0;

	for (int bit = 21; bit >= 0; bit--) {
		uint64_t next = r | UINT64_C(1) << bit;

		if (next <= 2642245 && next * next * next <= v)
			r = next;
	}
	return (uint32_t)r;
}
