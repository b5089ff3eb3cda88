/*
 * A rate limit in one word: the time at which the bucket would be full again.
 *
 * Each event moves that time by 1/rate; an event is refused when it would come to lie more than the
 * burst ahead of now. This is the token bucket told in time instead of tokens: no refilling, no
 * rounding loss, and a word of zero is a full bucket.
 */
#ifndef TAPIR_CORE_LIMIT_H
#define TAPIR_CORE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether one more event may happen at now_ns, of one in `interval_ns` and `burst` at once (both > 0).
 * `weight` is what it costs when it happens: 1, or a random number of mean 1 for a limit that must
 * not be measurable from outside.
 */
static inline bool limit_take_every(uint64_t *full_ns, uint64_t now_ns, uint64_t interval_ns,
				    uint64_t burst, unsigned weight)
{
	uint64_t at = *full_ns > now_ns ? *full_ns : now_ns;

	if (at - now_ns > (burst - 1) * interval_ns)
		return false;
	*full_ns = at + weight * interval_ns;
	return true;
}

/* The same of `rate` events a second. */
static inline bool limit_take(uint64_t *full_ns, uint64_t now_ns, uint64_t rate, uint64_t burst,
			      unsigned weight)
{
	return limit_take_every(full_ns, now_ns, UINT64_C(1000000000) / rate, burst, weight);
}

#endif
