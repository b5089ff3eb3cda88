/*
 * The random generator: ChaCha20 (RFC 8439) in counter mode with fast key erasure. Each refill
 * produces a batch of blocks; the first 32 bytes become the next key and the rest is handed out
 * once and wiped, so that a later look into memory tells nothing of what was given before. The same
 * seed gives the same bytes on every machine.
 */
#ifndef TAPIR_BASE_CHACHA_H
#define TAPIR_BASE_CHACHA_H

#include <stddef.h>
#include <stdint.h>

#define CHACHA_SEED_BYTES 32
#define CHACHA_BATCH	  256

struct chacha_rng {
	uint32_t key[8];
	uint32_t at;		   /* next byte of buf to give, CHACHA_BATCH when it is used up */
	uint8_t buf[CHACHA_BATCH]; /* what is left of the batch; given bytes are zero */
};

/* The ChaCha20 block function (RFC 8439 2.3): 64 bytes of key stream to out. */
void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3],
		    uint8_t out[64]);

/* Begin from 32 secret bytes. */
void chacha_rng_init(struct chacha_rng *g, const uint8_t seed[CHACHA_SEED_BYTES]);

/* n random bytes to dst. */
void chacha_rng_bytes(struct chacha_rng *g, void *dst, size_t n);

uint32_t chacha_rng_u32(struct chacha_rng *g);
uint64_t chacha_rng_u64(struct chacha_rng *g);

/* Uniform in [0, n) without modulo bias; 0, taking nothing from the generator, when n is 0 or 1. */
uint32_t chacha_rng_below(struct chacha_rng *g, uint32_t n);

/* The same for 64 bits: jitter of a time. */
uint64_t chacha_rng_below_u64(struct chacha_rng *g, uint64_t n);

#endif
