/*
 * The instance's randomness. All of it comes from the one seed of tapir_create(), in the order in
 * which it is asked for: a recording that replays the calls replays every random choice as well.
 */
#include "stack/core/random.h"
#include "stack/core/instance.h"

void random_bytes(struct tapir *t, void *p, size_t n)
{
	chacha_rng_bytes(&t->rng, p, n);
}

uint32_t random_u32(struct tapir *t)
{
	return chacha_rng_u32(&t->rng);
}

uint64_t random_u64(struct tapir *t)
{
	return chacha_rng_u64(&t->rng);
}

uint32_t random_below(struct tapir *t, uint32_t n)
{
	return chacha_rng_below(&t->rng, n);
}
