/*
 * The range set under any sequence of operations: what it promises holds after each. Each operation
 * is 7 bytes: code, start and length, from a base that the first four bytes choose.
 */
#include "stack/base/assert.h"
#include "stack/base/ranges.h"
#include "stack/base/seq.h"
#include "stack/wire/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX 8

static void check(const struct ranges *s)
{
	struct seq_range newest[MAX];
	unsigned n = ranges_newest(s, MAX, newest);

	TAPIR_ASSERT(s->n <= s->max && n == s->n);
	for (unsigned i = 0; i < s->n; i++) {
		TAPIR_ASSERT(seq_lt(s->r[i].start, s->r[i].end));
		TAPIR_ASSERT(i == 0 || seq_gt(s->r[i].start, s->r[i - 1].end));
		TAPIR_ASSERT(i == 0 || seq_gt(newest[i - 1].stamp, newest[i].stamp));
		TAPIR_ASSERT(ranges_find(s, s->r[i].start) == (int)i);
		TAPIR_ASSERT(ranges_find(s, s->r[i].end) == -1);
	}
	if (s->n)
		TAPIR_ASSERT(s->r[s->n - 1].end - s->r[0].start <= INT32_MAX);
}

static void insert(struct ranges *s, uint32_t start, uint32_t end)
{
	struct ranges_added a;
	uint32_t before = ranges_bytes(s), at = start, x, y, gaps = 0;
	int can = ranges_can_insert(s, start, end);

	if (can == 0)
		while (ranges_next_gap(s, &at, end, &x, &y)) {
			TAPIR_ASSERT(seq_lt(x, y) && !ranges_overlaps(s, x, y));
			gaps += y - x;
		}

	int i = ranges_insert(s, start, end, &a);

	TAPIR_ASSERT(can == 0 ? i >= 0 : i == can);
	if (i < 0) {
		TAPIR_ASSERT(ranges_bytes(s) == before);
		return;
	}
	TAPIR_ASSERT(a.new_bytes == gaps && ranges_bytes(s) == before + gaps);
	TAPIR_ASSERT(a.duplicate == (gaps != end - start));
	TAPIR_ASSERT(ranges_covers(s, start, end) && s->r[i].stamp == s->clock);
	TAPIR_ASSERT(!a.duplicate || (seq_leq(start, a.dup_start) &&
				      seq_lt(a.dup_start, a.dup_end) && seq_leq(a.dup_end, end)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seq_range array[MAX];
	struct ranges s;

	if (size < 4)
		return 0;

	uint32_t base = get_be32(data);

	ranges_init(&s, array, MAX);
	for (data += 4, size -= 4; size >= 7; data += 7, size -= 7) {
		uint32_t at = base + (data[0] & 0x80 ? get_be32(data + 1) : get_be16(data + 1));
		uint32_t len = get_be16(data + 5);

		switch (data[0] % 4) {
		case 0:
			ranges_trim_below(&s, s.n ? s.r[0].start + len % 4096 : at);
			break;
		case 1:
			ranges_trim_above(&s, s.n ? s.r[0].start + len : at);
			break;
		default:
			insert(&s, at, at + len);
			break;
		}
		check(&s);
	}
	return 0;
}
