/*
 * The instance's randomness: one ChaCha20 generator, seeded once.
 */
#ifndef TAPIR_CORE_RANDOM_H
#define TAPIR_CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct tapir;

void random_bytes(struct tapir *t, void *p, size_t n);
uint32_t random_u32(struct tapir *t);
uint64_t random_u64(struct tapir *t);
/* Uniform in [0, n), n > 0. */
uint32_t random_below(struct tapir *t, uint32_t n);

#endif
