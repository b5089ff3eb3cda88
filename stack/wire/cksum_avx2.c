/*
 * The checksum with 256-bit registers, for x86-64 processors that have AVX2; cksum.c tells the
 * theory. Each 32 bytes are split into the low and the high halves of their four 64-bit lanes:
 * masked and shifted 32-bit words are added to 64-bit lanes, which can take 2^32 of them before a
 * carry is lost. The target attribute on the functions confines the instructions to them: the rest
 * of the program runs on any x86-64, and only the configuration decides whether these are called.
 */
#include "stack/wire/cksum.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

/* Below this the vectors do not pay. */
#define AVX2_MIN 128

/* The sum of n bytes, a multiple of 128, as a number of less than 2^64 in the machine's order. */
AVX2 static uint64_t sum_blocks(const uint8_t *p, size_t n)
{
	const __m256i mask = _mm256_set1_epi64x(0xffffffff);
	__m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;

	for (; n > 0; n -= 128, p += 128) {
		__m256i w0 = _mm256_loadu_si256((const void *)p);
		__m256i w1 = _mm256_loadu_si256((const void *)(p + 32));
		__m256i w2 = _mm256_loadu_si256((const void *)(p + 64));
		__m256i w3 = _mm256_loadu_si256((const void *)(p + 96));

		a = _mm256_add_epi64(a, _mm256_and_si256(w0, mask));
		b = _mm256_add_epi64(b, _mm256_srli_epi64(w0, 32));
		c = _mm256_add_epi64(c, _mm256_and_si256(w1, mask));
		d = _mm256_add_epi64(d, _mm256_srli_epi64(w1, 32));
		a = _mm256_add_epi64(a, _mm256_and_si256(w2, mask));
		b = _mm256_add_epi64(b, _mm256_srli_epi64(w2, 32));
		c = _mm256_add_epi64(c, _mm256_and_si256(w3, mask));
		d = _mm256_add_epi64(d, _mm256_srli_epi64(w3, 32));
	}

	uint64_t lane[4];

	a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
	_mm256_storeu_si256((void *)lane, a);
	return lane[0] + lane[1] + lane[2] + lane[3];
}

AVX2 static uint32_t cksum_partial_avx2(const void *data, size_t n, uint32_t sum)
{
	const uint8_t *p = data;
	size_t blocks = n & ~(size_t)127;

	if (n < AVX2_MIN)
		return cksum_partial(p, n, sum);

	uint64_t s = sum_blocks(p, blocks);

	/* To 16 bits, then to big-endian words: the processor is little endian. */
	s = (s & 0xffffffff) + (s >> 32);
	s = (s & 0xffffffff) + (s >> 32);
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	s = (s >> 8 | s << 8) & 0xffff;

	/* The rest, joined and folded, so that one call adds at most 0xffff. */
	uint32_t all = cksum_partial(p + blocks, n - blocks, (uint32_t)s);

	all = (all & 0xffff) + (all >> 16);
	return sum + all;
}

AVX2 static uint32_t cksum_copy_avx2(void *dst, const void *src, size_t n, uint32_t sum)
{
	const uint8_t *from = src;
	uint8_t *to = dst;
	const size_t piece = 4096;
	uint32_t all = 0;

	for (; n > piece; n -= piece, from += piece, to += piece) {
		memcpy(to, from, piece);
		all = cksum_partial_avx2(from, piece, all);
		all = (all & 0xffff) + (all >> 16);
	}
	if (n)
		memcpy(to, from, n);
	all = cksum_partial_avx2(from, n, all);
	all = (all & 0xffff) + (all >> 16);
	all = (all & 0xffff) + (all >> 16);
	return sum + all;
}

const struct cksum_ops cksum_avx2 = {
	.name = "avx2",
	.partial = cksum_partial_avx2,
	.copy = cksum_copy_avx2,
};

#endif
