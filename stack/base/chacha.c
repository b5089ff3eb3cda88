/*
 * Fast key erasure (Bernstein 2017): with key K, blocks 0..3 of the ChaCha20 key stream (nonce 0)
 * make one batch of 256 bytes. The first 32 replace K before anything is given out; the other 224
 * are given once and wiped. Who reads the generator's memory learns what is still to come from this
 * state, never what was given. The counter never grows past 3, so no limit on output exists.
 *
 *	| 0..31 next key | 32 ... 255 output, wiped as it is given |
 */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/chacha.h"

#define CHACHA_BLOCK 64
static_assert(CHACHA_BATCH % CHACHA_BLOCK == 0 && CHACHA_BATCH > CHACHA_SEED_BYTES,
	      "a batch is some blocks and holds more than a key");

static inline uint32_t rotl32(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static inline void quarter(uint32_t x[16], unsigned a, unsigned b, unsigned c, unsigned d)
{
	x[a] += x[b];
	x[d] = rotl32(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotl32(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotl32(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotl32(x[b] ^ x[c], 7);
}

static uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void put_le32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3],
		    uint8_t out[64])
{
	/* "expand 32-byte k" */
	uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint32_t x[16];

	memcpy(in + 4, key, 32);
	in[12] = counter;
	memcpy(in + 13, nonce, 12);
	memcpy(x, in, sizeof(x));
	for (int i = 0; i < 10; i++) {
		quarter(x, 0, 4, 8, 12);
		quarter(x, 1, 5, 9, 13);
		quarter(x, 2, 6, 10, 14);
		quarter(x, 3, 7, 11, 15);
		quarter(x, 0, 5, 10, 15);
		quarter(x, 1, 6, 11, 12);
		quarter(x, 2, 7, 8, 13);
		quarter(x, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++)
		put_le32(out + 4 * i, x[i] + in[i]);
}

static void chacha_set_key(struct chacha_rng *g, const uint8_t *bytes)
{
	for (int i = 0; i < 8; i++)
		g->key[i] = get_le32(bytes + 4 * i);
}

static void chacha_refill(struct chacha_rng *g)
{
	static const uint32_t nonce[3] = {0, 0, 0};

	for (uint32_t i = 0; i < CHACHA_BATCH / CHACHA_BLOCK; i++)
		chacha20_block(g->key, i, nonce, g->buf + i * CHACHA_BLOCK);
	chacha_set_key(g, g->buf);
	memset(g->buf, 0, CHACHA_SEED_BYTES);
	g->at = CHACHA_SEED_BYTES;
}

void chacha_rng_init(struct chacha_rng *g, const uint8_t seed[CHACHA_SEED_BYTES])
{
	memset(g, 0, sizeof(*g));
	chacha_set_key(g, seed);
	g->at = CHACHA_BATCH;
}

void chacha_rng_bytes(struct chacha_rng *g, void *dst, size_t n)
{
	uint8_t *to = dst;

	while (n > 0) {
		if (g->at == CHACHA_BATCH)
			chacha_refill(g);

		size_t now = min_size(n, CHACHA_BATCH - g->at);

		memcpy(to, g->buf + g->at, now);
		memset(g->buf + g->at, 0, now);
		g->at += (uint32_t)now;
		to += now;
		n -= now;
	}
}

uint32_t chacha_rng_u32(struct chacha_rng *g)
{
	uint8_t b[4];

	chacha_rng_bytes(g, b, sizeof(b));
	return get_le32(b);
}

uint64_t chacha_rng_u64(struct chacha_rng *g)
{
	uint64_t lo = chacha_rng_u32(g);

	return (uint64_t)chacha_rng_u32(g) << 32 | lo;
}

uint64_t chacha_rng_below_u64(struct chacha_rng *g, uint64_t n)
{
	if (n <= 1)
		return 0;

	/* Values below 2^64 mod n are thrown away: the rest is a whole number of times n. */
	uint64_t reject = (UINT64_MAX - n + 1) % n;
	uint64_t v;

	do
		v = chacha_rng_u64(g);
	while (v < reject);
	return v % n;
}

uint32_t chacha_rng_below(struct chacha_rng *g, uint32_t n)
{
	if (n <= 1)
		return 0;

	uint32_t reject = (UINT32_MAX - n + 1) % n;
	uint32_t v;

	do
		v = chacha_rng_u32(g);
	while (v < reject);
	return v % n;
}
