/*
 * A bounded set of disjoint ranges [start, end) of 32-bit sequence numbers, in order of sequence,
 * each with the stamp of the last insertion that touched it. TCP's out-of-order queue, its SACK
 * blocks and IP reassembly are made of it. Theory and a drawing are in ranges.c.
 *
 * All ranges of a set lie within a span of less than 2^31, so that seq_lt() orders them whatever
 * the base. Ranges that touch are merged: between two neighbours there is always a gap.
 */
#ifndef TAPIR_BASE_RANGES_H
#define TAPIR_BASE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seq_range {
	uint32_t start; /* first number in the range */
	uint32_t end;	/* first number after it */
	uint32_t stamp; /* of the last insertion here, of ranges.clock */
};

struct ranges {
	struct seq_range *r; /* max entries, the caller's; the first n are in use */
	uint16_t n, max;
	uint32_t clock; /* stamp of the newest insertion */
};

/* What ranges_insert() found. */
struct ranges_added {
	uint32_t new_bytes; /* how many numbers were not in the set before */
	bool duplicate;	    /* some were: */
	uint32_t dup_start,
		dup_end; /* the lowest contiguous piece of those (RFC 2883's D-SACK block) */
};

/* An empty set over an array of max entries. */
void ranges_init(struct ranges *s, struct seq_range *array, uint16_t max);

/* Forget all ranges; the clock goes on. */
void ranges_clear(struct ranges *s);

/*
 * Move to another array of max >= n entries (to grow or shrink). Returns the old array, for the
 * caller to free.
 */
struct seq_range *ranges_relocate(struct ranges *s, struct seq_range *array, uint16_t max);

/*
 * Add [start, end), merge with what overlaps or touches, and stamp the result as the newest, also
 * when all of it was there already. *added (may be NULL) tells what was new. Returns the index of
 * the resulting range; or, with nothing changed, -EINVAL when the range is empty or inverted,
 * -ERANGE when the set would span 2^31 or more, -ENOSPC when it needs an entry and none is left.
 */
int ranges_insert(struct ranges *s, uint32_t start, uint32_t end, struct ranges_added *added);

/* Would ranges_insert() be accepted? 0 or its error. */
int ranges_can_insert(const struct ranges *s, uint32_t start, uint32_t end);

/* Take all numbers below seq out of the set (RCV.NXT advanced). */
void ranges_trim_below(struct ranges *s, uint32_t seq);

/* Take all numbers at or above seq out of the set. */
void ranges_trim_above(struct ranges *s, uint32_t seq);

/* Take out the whole range at index i. */
void ranges_remove(struct ranges *s, unsigned i);

/* The index of the range that contains seq, or -1. */
int ranges_find(const struct ranges *s, uint32_t seq);

/* True when all of [start, end) is in the set (an empty range is). */
bool ranges_covers(const struct ranges *s, uint32_t start, uint32_t end);

/* True when any number of [start, end) is in the set. */
bool ranges_overlaps(const struct ranges *s, uint32_t start, uint32_t end);

/*
 * Iterate over the gaps: find the first piece of [*from, end) that is not in the set, store it to
 **gap_start and *gap_end, and set *from to its end. False when there is none. Used to write only
 * what is missing: for (uint32_t at = start; ranges_next_gap(s, &at, end, &a, &b);) ...
 */
bool ranges_next_gap(const struct ranges *s, uint32_t *from, uint32_t end, uint32_t *gap_start,
		     uint32_t *gap_end);

/*
 * When the first range begins at or before seq and ends after it, the end of that contiguous piece,
 * else seq: what RCV.NXT becomes.
 */
uint32_t ranges_contiguous(const struct ranges *s, uint32_t seq);

/* How many numbers are in the set. */
uint32_t ranges_bytes(const struct ranges *s);

/* Copy the k ranges with the newest stamps, newest first, to out; returns how many (<= k). k <= 32.
 */
unsigned ranges_newest(const struct ranges *s, unsigned k, struct seq_range *out);

#endif
