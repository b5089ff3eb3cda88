/*
 * The Internet checksum is a sum of 16-bit words with end-around carry, which has two properties
 * that make it fast (RFC 1071 section 2): words may be summed in wider pieces and folded later,
 * because 2^16 = 1 modulo 65535; and the sum of byte-swapped words is the byte-swapped sum, so the
 * machine's own byte order will do until the end.
 *
 * The portable loop loads 8 bytes at a time, at any alignment, and adds their 32-bit halves to
 * 64-bit counters: no carry can be lost before 2^32 loads, thus none has to be caught, and the
 * additions do not wait for one another. Compilers turn the loop into vector code by themselves
 * where they may.
 *
 * One's complement has two zeros. A sum over any non-zero byte folds to 1..0xffff, never 0: keeping
 * that in each step (fold by adding the carry, never by a true modulo) makes the final checksum of
 * all implementations equal, the corner 0/0xffff included.
 */
#include <string.h>

#include "stack/wire/cksum.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define CKSUM_BIG_ENDIAN 1
#else
#define CKSUM_BIG_ENDIAN 0
#endif

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A sum of words in the machine's order to 16 bits of big-endian words. */
static inline uint32_t cksum_settle(uint64_t s)
{
	/* IP-04: the carry is added back, so that 0 comes of zeros only. */
	s = (s & 0xffffffff) + (s >> 32);
	s = (s & 0xffffffff) + (s >> 32);
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	if (!CKSUM_BIG_ENDIAN)
		s = (s >> 8 | s << 8) & 0xffff;
	return (uint32_t)s;
}

/* Fewer than 8 bytes as if zeros followed, in the machine's order. Fixed sizes: a memcpy of n is a
 * call. */
static inline uint64_t cksum_tail(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;

	if (n & 4) {
		uint32_t v;

		memcpy(&v, p, sizeof(v));
		sum += v;
		p += 4;
	}
	if (n & 2) {
		uint16_t v;

		memcpy(&v, p, sizeof(v));
		sum += v;
		p += 2;
	}
	if (n & 1)
		sum += CKSUM_BIG_ENDIAN ? (uint64_t)*p << 8 : *p;
	return sum;
}

uint32_t cksum_partial(const void *data, size_t n, uint32_t sum)
{
	const uint8_t *p = data;
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (; n >= 32; n -= 32, p += 32) {
		uint64_t w0 = load64(p), w1 = load64(p + 8);
		uint64_t w2 = load64(p + 16), w3 = load64(p + 24);

		a += (w0 & 0xffffffff) + (w2 & 0xffffffff);
		b += (w0 >> 32) + (w2 >> 32);
		c += (w1 & 0xffffffff) + (w3 & 0xffffffff);
		d += (w1 >> 32) + (w3 >> 32);
	}
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t w = load64(p);

		a += w & 0xffffffff;
		b += w >> 32;
	}
	a += cksum_tail(p, n);
	return sum + cksum_settle(a + b + c + d);
}

uint32_t cksum_copy(void *dst, const void *src, size_t n, uint32_t sum)
{
	/* Two passes over pieces that stay in the first-level cache beat one pass of narrow stores.
	 */
	const uint8_t *from = src;
	uint8_t *to = dst;
	const size_t piece = 4096; /* even, so that every piece begins at an even offset */
	uint32_t all = 0;

	while (n > piece) {
		memcpy(to, from, piece);
		all = cksum_partial(from, piece, all);
		all = (all & 0xffff) + (all >> 16);
		from += piece;
		to += piece;
		n -= piece;
	}
	if (n)
		memcpy(to, from, n);
	all = cksum_partial(from, n, all);
	all = (all & 0xffff) + (all >> 16);
	all = (all & 0xffff) + (all >> 16);
	return sum + all;
}

const struct cksum_ops cksum_generic = {
	.name = "generic",
	.partial = cksum_partial,
	.copy = cksum_copy,
};

const struct cksum_ops *cksum_select(bool avx2)
{
#if defined(__x86_64__)
	return avx2 ? &cksum_avx2 : &cksum_generic;
#else
	(void)avx2;
	return &cksum_generic;
#endif
}
