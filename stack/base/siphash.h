/*
 * SipHash (Aumasson, Bernstein 2012): a keyed hash for short inputs whose outputs an attacker who
 * does not know the 128-bit key can't predict. SipHash-2-4 where the outputs are seen on the wire
 * (ISN, cookies, timestamp offsets, port choice), SipHash-1-3 inside (hash tables). Results do not
 * depend on the machine's byte order.
 */
#ifndef TAPIR_BASE_SIPHASH_H
#define TAPIR_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

/* A key from 16 bytes, as the published vectors count them. */
struct siphash_key siphash_key_from_bytes(const uint8_t bytes[16]);

/* SipHash-2-4 and SipHash-1-3, 64 bits, of n bytes. */
uint64_t siphash24(const void *p, size_t n, const struct siphash_key *key);
uint64_t siphash13(const void *p, size_t n, const struct siphash_key *key);

#define SIPHASH_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

/* One round over the state v[4]. */
static inline void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = SIPHASH_ROTL(v[1], 13);
	v[1] ^= v[0];
	v[0] = SIPHASH_ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = SIPHASH_ROTL(v[3], 16);
	v[3] ^= v[2];
	v[0] += v[3];
	v[3] = SIPHASH_ROTL(v[3], 21);
	v[3] ^= v[0];
	v[2] += v[1];
	v[1] = SIPHASH_ROTL(v[1], 17);
	v[1] ^= v[2];
	v[2] = SIPHASH_ROTL(v[2], 32);
}

static inline void siphash_begin(uint64_t v[4], const struct siphash_key *key)
{
	v[0] = key->k0 ^ UINT64_C(0x736f6d6570736575);
	v[1] = key->k1 ^ UINT64_C(0x646f72616e646f6d);
	v[2] = key->k0 ^ UINT64_C(0x6c7967656e657261);
	v[3] = key->k1 ^ UINT64_C(0x7465646279746573);
}

static inline void siphash_word(uint64_t v[4], uint64_t m, unsigned rounds)
{
	v[3] ^= m;
	for (unsigned i = 0; i < rounds; i++)
		siphash_round(v);
	v[0] ^= m;
}

static inline uint64_t siphash_end(uint64_t v[4], unsigned rounds)
{
	v[2] ^= 0xff;
	for (unsigned i = 0; i < rounds; i++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/*
 * SipHash-1-3 of one to four 64-bit words: equal to siphash13() over the words stored little
 * endian, without the memory. For hash tables.
 */
static inline uint64_t siphash_1u64(uint64_t a, const struct siphash_key *key)
{
	uint64_t v[4];

	siphash_begin(v, key);
	siphash_word(v, a, 1);
	siphash_word(v, UINT64_C(8) << 56, 1);
	return siphash_end(v, 3);
}

static inline uint64_t siphash_2u64(uint64_t a, uint64_t b, const struct siphash_key *key)
{
	uint64_t v[4];

	siphash_begin(v, key);
	siphash_word(v, a, 1);
	siphash_word(v, b, 1);
	siphash_word(v, UINT64_C(16) << 56, 1);
	return siphash_end(v, 3);
}

static inline uint64_t siphash_3u64(uint64_t a, uint64_t b, uint64_t c,
				    const struct siphash_key *key)
{
	uint64_t v[4];

	siphash_begin(v, key);
	siphash_word(v, a, 1);
	siphash_word(v, b, 1);
	siphash_word(v, c, 1);
	siphash_word(v, UINT64_C(24) << 56, 1);
	return siphash_end(v, 3);
}

static inline uint64_t siphash_4u64(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
				    const struct siphash_key *key)
{
	uint64_t v[4];

	siphash_begin(v, key);
	siphash_word(v, a, 1);
	siphash_word(v, b, 1);
	siphash_word(v, c, 1);
	siphash_word(v, d, 1);
	siphash_word(v, UINT64_C(32) << 56, 1);
	return siphash_end(v, 3);
}

#endif
