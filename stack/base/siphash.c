/*
 * SipHash mixes 64-bit words into a state of four by c rounds each and finishes with d rounds; the
 * last word holds what is left of the input and its length modulo 256 in the top byte. Bytes are
 * read little endian whatever the machine, so that a recording replays anywhere.
 */
#include "stack/base/siphash.h"

static uint64_t get_le64(const uint8_t *p)
{
	return (uint64_t)p[7] << 56 | (uint64_t)p[6] << 48 | (uint64_t)p[5] << 40 |
	       (uint64_t)p[4] << 32 | (uint64_t)p[3] << 24 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[1] << 8 | p[0];
}

struct siphash_key siphash_key_from_bytes(const uint8_t bytes[16])
{
	return (struct siphash_key){.k0 = get_le64(bytes), .k1 = get_le64(bytes + 8)};
}

static inline uint64_t siphash(const uint8_t *p, size_t n, const struct siphash_key *key,
			       unsigned c, unsigned d)
{
	uint64_t v[4];
	uint64_t last = (uint64_t)n << 56;

	siphash_begin(v, key);
	for (; n >= 8; n -= 8, p += 8)
		siphash_word(v, get_le64(p), c);
	for (size_t i = 0; i < n; i++)
		last |= (uint64_t)p[i] << (8 * i);
	siphash_word(v, last, c);
	return siphash_end(v, d);
}

uint64_t siphash24(const void *p, size_t n, const struct siphash_key *key)
{
	return siphash(p, n, key, 2, 4);
}

uint64_t siphash13(const void *p, size_t n, const struct siphash_key *key)
{
	return siphash(p, n, key, 1, 3);
}
