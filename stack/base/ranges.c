/*
 * The set is a small sorted array: with the few dozen entries that TCP and reassembly allow, moving
 * entries costs less than following pointers, and the bound is a number that the caller chose.
 *
 *	   r[0]          r[1]                 r[2]
 *	[start,end)    [start,end)         [start,end)          stamps: 7, 3, 9
 *	===========----===========---------===========          newest first: r[2], r[0], r[1]
 *	              a gap: never empty
 *
 * What every insertion keeps: entries are disjoint, in order, and do not touch; all lie within a
 * span of less than 2^31, so that comparing by seq_lt() is an order. An insertion finds by two
 * binary searches which entries [lo, hi) it overlaps or touches and replaces them by one: the set
 * grows by at most one entry, and shrinks when gaps are filled. An insertion that would need an
 * entry when none is left changes nothing and says so.
 *
 * The stamp is the count of insertions at the time: RFC 2018 section 4 wants the block that holds
 * the newest segment first and then the most recently reported ones, which is the order of the
 * stamps.
 */
#include <errno.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/ranges.h"
#include "stack/base/seq.h"

void ranges_init(struct ranges *s, struct seq_range *array, uint16_t max)
{
	*s = (struct ranges){.r = array, .max = max};
}

void ranges_clear(struct ranges *s)
{
	s->n = 0;
}

struct seq_range *ranges_relocate(struct ranges *s, struct seq_range *array, uint16_t max)
{
	struct seq_range *old = s->r;

	TAPIR_ASSERT(max >= s->n);
	if (s->n)
		memcpy(array, old, s->n * sizeof(*old));
	s->r = array;
	s->max = max;
	return old;
}

/* The index of the first entry whose end is at or after seq (after it, when strict), n when there
 * is none. */
static unsigned ranges_lower(const struct ranges *s, uint32_t seq, bool strict)
{
	unsigned lo = 0, hi = s->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (strict ? seq_gt(s->r[mid].end, seq) : seq_geq(s->r[mid].end, seq))
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* The index of the first entry from lo on that begins after seq. */
static unsigned ranges_upper(const struct ranges *s, unsigned lo, uint32_t seq)
{
	unsigned hi = s->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (seq_gt(s->r[mid].start, seq))
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Would the set, with [start, end), still lie within a span of less than 2^31? */
static bool ranges_span_ok(const struct ranges *s, uint32_t start, uint32_t end)
{
	if (s->n == 0)
		return true;

	/*
	 * Distances from the first entry's start. The new range lies before or behind it by less
	 * than 2^31, by seq_diff's choice; only then can its start and end be told apart from the
	 * other side.
	 */
	uint32_t base = s->r[0].start;
	int64_t lo = seq_diff(start, base);
	int64_t hi = lo + (int64_t)(end - start);
	int64_t last = (int64_t)(s->r[s->n - 1].end - base);

	if (lo > 0)
		lo = 0;
	if (hi < last)
		hi = last;
	return hi - lo <= INT32_MAX;
}

int ranges_can_insert(const struct ranges *s, uint32_t start, uint32_t end)
{
	/* Exactly 2^31 apart, each end comes before the other by seq_lt(): neither is a range. */
	if (end - start == 0 || end - start > INT32_MAX)
		return -EINVAL;
	if (!ranges_span_ok(s, start, end))
		return -ERANGE;
	if (s->n < s->max)
		return 0;

	/* Full: accepted only when it overlaps or touches an entry. */
	unsigned lo = ranges_lower(s, start, false);

	return lo < ranges_upper(s, lo, end) ? 0 : -ENOSPC;
}

/* What of [start, end) entries [lo, hi) hold already. */
static void ranges_measure(const struct ranges *s, unsigned lo, unsigned hi, uint32_t start,
			   uint32_t end, struct ranges_added *added)
{
	*added = (struct ranges_added){.new_bytes = end - start};
	for (unsigned i = lo; i < hi; i++) {
		uint32_t a = seq_max(start, s->r[i].start);
		uint32_t b = seq_min(end, s->r[i].end);

		if (!seq_lt(a, b))
			continue; /* touches only */
		added->new_bytes -= b - a;
		if (!added->duplicate) {
			added->duplicate = true;
			added->dup_start = a;
			added->dup_end = b;
		}
	}
}

int ranges_insert(struct ranges *s, uint32_t start, uint32_t end, struct ranges_added *added)
{
	int err = ranges_can_insert(s, start, end);

	if (err)
		return err;

	unsigned lo = ranges_lower(s, start, false);
	unsigned hi = ranges_upper(s, lo, end);

	if (added)
		ranges_measure(s, lo, hi, start, end, added);
	if (lo < hi) {
		start = seq_min(start, s->r[lo].start);
		end = seq_max(end, s->r[hi - 1].end);
	}
	/* Entries [lo, hi) become one. */
	memmove(s->r + lo + 1, s->r + hi, (s->n - hi) * sizeof(*s->r));
	s->n = (uint16_t)(s->n + 1 - (hi - lo));
	s->r[lo] = (struct seq_range){.start = start, .end = end, .stamp = ++s->clock};
	return (int)lo;
}

void ranges_remove(struct ranges *s, unsigned i)
{
	TAPIR_ASSERT(i < s->n);
	memmove(s->r + i, s->r + i + 1, (s->n - i - 1) * sizeof(*s->r));
	s->n--;
}

void ranges_trim_below(struct ranges *s, uint32_t seq)
{
	unsigned gone = ranges_lower(s, seq, true);

	if (gone) {
		memmove(s->r, s->r + gone, (s->n - gone) * sizeof(*s->r));
		s->n = (uint16_t)(s->n - gone);
	}
	if (s->n && seq_lt(s->r[0].start, seq))
		s->r[0].start = seq;
}

void ranges_trim_above(struct ranges *s, uint32_t seq)
{
	while (s->n && seq_geq(s->r[s->n - 1].start, seq))
		s->n--;
	if (s->n && seq_gt(s->r[s->n - 1].end, seq))
		s->r[s->n - 1].end = seq;
}

int ranges_find(const struct ranges *s, uint32_t seq)
{
	unsigned i = ranges_lower(s, seq, true);

	return i < s->n && seq_leq(s->r[i].start, seq) ? (int)i : -1;
}

bool ranges_covers(const struct ranges *s, uint32_t start, uint32_t end)
{
	if (!seq_lt(start, end))
		return true;

	int i = ranges_find(s, start);

	return i >= 0 && seq_geq(s->r[i].end, end);
}

bool ranges_overlaps(const struct ranges *s, uint32_t start, uint32_t end)
{
	if (!seq_lt(start, end))
		return false;

	unsigned i = ranges_lower(s, start, true);

	return i < s->n && seq_lt(s->r[i].start, end);
}

bool ranges_next_gap(const struct ranges *s, uint32_t *from, uint32_t end, uint32_t *gap_start,
		     uint32_t *gap_end)
{
	uint32_t at = *from;
	unsigned i = ranges_lower(s, at, true);

	/* Neighbours never touch: behind an entry there is a gap. */
	if (i < s->n && seq_leq(s->r[i].start, at))
		at = s->r[i++].end;
	if (!seq_lt(at, end)) {
		*from = end;
		return false;
	}
	*gap_start = at;
	*gap_end = i < s->n ? seq_min(s->r[i].start, end) : end;
	*from = *gap_end;
	return true;
}

uint32_t ranges_contiguous(const struct ranges *s, uint32_t seq)
{
	int i = ranges_find(s, seq);

	return i >= 0 ? s->r[i].end : seq;
}

uint32_t ranges_bytes(const struct ranges *s)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->r[i].end - s->r[i].start;
	return n;
}

unsigned ranges_newest(const struct ranges *s, unsigned k, struct seq_range *out)
{
	unsigned n = 0;

	/* Insertion sort into out, which keeps the k best: k is 4 at most where it matters. */
	for (unsigned i = 0; i < s->n; i++) {
		unsigned at = n;

		while (at > 0 && seq_lt(out[at - 1].stamp, s->r[i].stamp))
			at--;
		if (at >= k)
			continue;
		if (n < k)
			n++;
		memmove(out + at + 1, out + at, (n - at - 1) * sizeof(*out));
		out[at] = s->r[i];
	}
	return n;
}
