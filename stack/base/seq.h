/*
 * Arithmetic of TCP sequence numbers (RFC 9293 3.4): modulo 2^32, where "less" means "by less than
 * 2^31 earlier". EVT-57, TC-43: these are the only functions that compare sequence numbers; a raw < is a defect.
 * The order is total only among numbers that lie within a span of 2^31; all of a connection do.
 */
#ifndef TAPIR_BASE_SEQ_H
#define TAPIR_BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* a - b as a signed distance: positive when a is later. Exactly 2^31 apart gives INT32_MIN. */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
	uint32_t d = a - b;

	return d < UINT32_C(0x80000000) ? (int32_t)d : -(int32_t)(UINT32_MAX - d) - 1;
}

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) < 0;
}

static inline bool seq_leq(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) > 0;
}

static inline bool seq_geq(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) >= 0;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}

/* lo <= s < lo + len: s lies in the window of len bytes that begins at lo. False when len is 0. */
static inline bool seq_in_window(uint32_t s, uint32_t lo, uint32_t len)
{
	return s - lo < len;
}

/* lo < s <= hi: an acknowledgment s that covers something new (RFC 9293 3.4: SND.UNA < ACK =<
 * SND.NXT). */
static inline bool seq_between_excl_incl(uint32_t s, uint32_t lo, uint32_t hi)
{
	return seq_gt(s, lo) && seq_leq(s, hi);
}

/* lo <= s < hi. */
static inline bool seq_between_incl_excl(uint32_t s, uint32_t lo, uint32_t hi)
{
	return seq_geq(s, lo) && seq_lt(s, hi);
}

/* lo <= s <= hi. */
static inline bool seq_between_incl(uint32_t s, uint32_t lo, uint32_t hi)
{
	return seq_geq(s, lo) && seq_leq(s, hi);
}

/* The ranges [a, a_end) and [b, b_end) share at least one number. */
static inline bool seq_overlap(uint32_t a, uint32_t a_end, uint32_t b, uint32_t b_end)
{
	return seq_lt(a, b_end) && seq_lt(b, a_end);
}

#endif
