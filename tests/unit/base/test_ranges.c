/* The range set: each way two ranges can lie, then random use against a plain array of bits, at
 * every edge of the circle. */
#include <errno.h>

#include "stack/base/ranges.h"
#include "stack/base/seq.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

#define MAX 4

static struct seq_range array[MAX];

/* The set holds exactly the n ranges (start, end pairs). */
static void assert_ranges(const struct ranges *s, const uint32_t *want, unsigned n)
{
	assert_int_equal(s->n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(s->r[i].start, want[2 * i]);
		assert_int_equal(s->r[i].end, want[2 * i + 1]);
	}
}

TEST(disjoint_ranges_stay_in_order_of_sequence, "")
{
	struct ranges s;
	struct ranges_added a;

	ranges_init(&s, array, MAX);
	assert_int_equal(ranges_insert(&s, 30, 40, &a), 0);
	assert_int_equal(a.new_bytes, 10);
	assert_false(a.duplicate);
	assert_int_equal(ranges_insert(&s, 10, 20, NULL), 0);
	assert_int_equal(ranges_insert(&s, 50, 60, NULL), 2);
	assert_ranges(&s, (uint32_t[]){10, 20, 30, 40, 50, 60}, 3);
	assert_int_equal(ranges_bytes(&s), 30);
}

TEST(ranges_that_touch_or_overlap_become_one, "")
{
	struct ranges s;
	struct ranges_added a;

	ranges_init(&s, array, MAX);
	ranges_insert(&s, 10, 20, NULL);
	assert_int_equal(ranges_insert(&s, 20, 25, &a), 0);
	assert_false(a.duplicate);
	assert_int_equal(a.new_bytes, 5);
	assert_int_equal(ranges_insert(&s, 5, 10, NULL), 0);
	assert_ranges(&s, (uint32_t[]){5, 25}, 1);
	ranges_insert(&s, 40, 50, NULL);
	ranges_insert(&s, 60, 70, NULL);
	assert_int_equal(ranges_insert(&s, 20, 65, &a), 0);
	assert_ranges(&s, (uint32_t[]){5, 70}, 1);
	assert_int_equal(a.new_bytes, 25);
	assert_true(a.duplicate);
}

TEST(the_duplicate_part_is_the_lowest_piece_already_held, "")
{
	struct ranges s;
	struct ranges_added a;

	ranges_init(&s, array, MAX);
	ranges_insert(&s, 40, 50, NULL);
	ranges_insert(&s, 60, 70, NULL);
	/* wholly inside */
	assert_int_equal(ranges_insert(&s, 62, 68, &a), 1);
	assert_int_equal(a.new_bytes, 0);
	assert_true(a.duplicate);
	assert_int_equal(a.dup_start, 62);
	assert_int_equal(a.dup_end, 68);
	/* over both: the lower piece, cut to the range */
	assert_int_equal(ranges_insert(&s, 45, 65, &a), 0);
	assert_int_equal(a.new_bytes, 10);
	assert_int_equal(a.dup_start, 45);
	assert_int_equal(a.dup_end, 50);
}

TEST(a_full_set_refuses_a_new_range_and_is_unchanged, "")
{
	struct ranges s;

	ranges_init(&s, array, MAX);
	for (uint32_t i = 0; i < MAX; i++)
		ranges_insert(&s, i * 10, i * 10 + 5, NULL);

	uint32_t clock = s.clock;

	assert_int_equal(ranges_insert(&s, 100, 110, NULL), -ENOSPC);
	assert_int_equal(ranges_insert(&s, 6, 9, NULL), -ENOSPC);
	assert_int_equal(s.clock, clock);
	assert_ranges(&s, (uint32_t[]){0, 5, 10, 15, 20, 25, 30, 35}, 4);
	/* what merges still goes in */
	assert_int_equal(ranges_insert(&s, 5, 7, NULL), 0);
	assert_int_equal(ranges_insert(&s, 15, 20, NULL), 1);
	assert_ranges(&s, (uint32_t[]){0, 7, 10, 25, 30, 35}, 3);
	assert_int_equal(ranges_insert(&s, 100, 110, NULL), 3);
}

TEST(a_set_of_no_entries_takes_nothing, "")
{
	struct ranges s;

	ranges_init(&s, NULL, 0);
	assert_int_equal(ranges_insert(&s, 1, 2, NULL), -ENOSPC);
	ranges_trim_below(&s, 5);
	ranges_trim_above(&s, 5);
	assert_int_equal(ranges_find(&s, 1), -1);
	assert_null(ranges_relocate(&s, array, MAX));
	assert_int_equal(ranges_insert(&s, 1, 2, NULL), 0);
}

TEST(empty_and_inverted_ranges_are_refused, "")
{
	struct ranges s;

	ranges_init(&s, array, MAX);
	assert_int_equal(ranges_insert(&s, 5, 5, NULL), -EINVAL);
	assert_int_equal(ranges_insert(&s, 6, 5, NULL), -EINVAL);
	assert_int_equal(ranges_insert(&s, 0, 0x80000000, NULL), -EINVAL);
	assert_int_equal(s.n, 0);
}

TEST(a_set_never_spans_half_the_circle, "")
{
	struct ranges s;

	ranges_init(&s, array, MAX);
	assert_int_equal(ranges_insert(&s, 0xfffffff0, 0x10, NULL), 0);
	assert_int_equal(ranges_insert(&s, 0x7ffffff0, 0x7ffffff1, NULL), -ERANGE);
	assert_int_equal(ranges_insert(&s, 0x80000000, 0x80000001, NULL), -ERANGE);
	assert_int_equal(ranges_insert(&s, 0x80000010, 0x80000011, NULL), -ERANGE);
	assert_int_equal(ranges_insert(&s, 0x7fffffee, 0x7fffffef, NULL), 1);
	assert_int_equal(ranges_insert(&s, 0xffffffef, 0xfffffff0, NULL), -ERANGE);
	assert_ranges(&s, (uint32_t[]){0xfffffff0, 0x10, 0x7fffffee, 0x7fffffef}, 2);
}

TEST(trimming_cuts_ranges_at_the_edge, "")
{
	struct ranges s;

	ranges_init(&s, array, MAX);
	ranges_insert(&s, 10, 20, NULL);
	ranges_insert(&s, 30, 40, NULL);
	ranges_insert(&s, 50, 60, NULL);
	ranges_trim_below(&s, 10);
	assert_int_equal(s.n, 3);
	ranges_trim_below(&s, 20);
	assert_ranges(&s, (uint32_t[]){30, 40, 50, 60}, 2);
	ranges_trim_below(&s, 35);
	assert_ranges(&s, (uint32_t[]){35, 40, 50, 60}, 2);
	ranges_trim_above(&s, 55);
	assert_ranges(&s, (uint32_t[]){35, 40, 50, 55}, 2);
	ranges_trim_above(&s, 50);
	assert_ranges(&s, (uint32_t[]){35, 40}, 1);
	ranges_trim_below(&s, 40);
	assert_int_equal(s.n, 0);
}

TEST(a_range_may_be_taken_out_whole_and_the_set_moved, "")
{
	struct ranges s;
	struct seq_range bigger[MAX * 2];

	ranges_init(&s, array, MAX);
	for (uint32_t i = 0; i < MAX; i++)
		ranges_insert(&s, i * 10, i * 10 + 5, NULL);
	assert_ptr_equal(ranges_relocate(&s, bigger, MAX * 2), array);
	assert_int_equal(ranges_insert(&s, 100, 110, NULL), 4);
	ranges_remove(&s, 4);
	ranges_remove(&s, 1);
	assert_ranges(&s, (uint32_t[]){0, 5, 20, 25, 30, 35}, 3);
	assert_panics(ranges_remove(&s, 3));
	assert_panics(ranges_relocate(&s, array, 2));
	assert_false(ranges_overlaps(&s, 7, 7));
	assert_true(ranges_covers(&s, 7, 7));
}

TEST(gaps_come_in_order_and_cover_what_is_missing, "")
{
	struct ranges s;
	uint32_t at = 5, a, b;

	ranges_init(&s, array, MAX);
	ranges_insert(&s, 10, 20, NULL);
	ranges_insert(&s, 30, 40, NULL);
	assert_true(ranges_next_gap(&s, &at, 35, &a, &b));
	assert_int_equal(a, 5);
	assert_int_equal(b, 10);
	assert_true(ranges_next_gap(&s, &at, 35, &a, &b));
	assert_int_equal(a, 20);
	assert_int_equal(b, 30);
	assert_false(ranges_next_gap(&s, &at, 35, &a, &b));
	at = 12;
	assert_false(ranges_next_gap(&s, &at, 20, &a, &b));
	at = 35;
	assert_true(ranges_next_gap(&s, &at, 50, &a, &b));
	assert_int_equal(a, 40);
	assert_int_equal(b, 50);
	assert_false(ranges_next_gap(&s, &at, 50, &a, &b));
	at = 50;
	assert_false(ranges_next_gap(&s, &at, 50, &a, &b));
	assert_int_equal(ranges_contiguous(&s, 10), 20);
	assert_int_equal(ranges_contiguous(&s, 20), 20);
	assert_int_equal(ranges_contiguous(&s, 5), 5);
}

TEST(the_newest_ranges_come_first, "")
{
	struct ranges s;
	struct seq_range out[MAX];

	ranges_init(&s, array, MAX);
	s.clock = 0xfffffffe; /* stamps wrap too */
	ranges_insert(&s, 10, 20, NULL);
	ranges_insert(&s, 30, 40, NULL);
	ranges_insert(&s, 50, 60, NULL);
	ranges_insert(&s, 70, 80, NULL);
	ranges_insert(&s, 20, 22, NULL);
	assert_int_equal(ranges_newest(&s, 3, out), 3);
	assert_int_equal(out[0].start, 10);
	assert_int_equal(out[0].end, 22);
	assert_int_equal(out[1].start, 70);
	assert_int_equal(out[2].start, 50);
	assert_int_equal(ranges_newest(&s, 1, out), 1);
	assert_int_equal(out[0].start, 10);
	assert_int_equal(ranges_newest(&s, 0, out), 0);
	/* a duplicate makes its range the newest again */
	ranges_insert(&s, 31, 32, NULL);
	assert_int_equal(ranges_newest(&s, 4, out), 4);
	assert_int_equal(out[0].start, 30);
	assert_int_equal(out[3].start, 50);
	ranges_clear(&s);
	assert_int_equal(ranges_newest(&s, 4, out), 0);
}

/* Random use against an array of flags over a window of the circle. */
#define WINDOW	200
#define ENTRIES 12

struct model {
	uint32_t base;
	bool in[WINDOW];
};

static unsigned model_islands(const struct model *m)
{
	unsigned n = 0;

	for (int i = 0; i < WINDOW; i++)
		n += m->in[i] && (i == 0 || !m->in[i - 1]);
	return n;
}

static void assert_agree(const struct ranges *s, const struct model *m)
{
	unsigned bytes = 0;

	assert_int_equal(s->n, model_islands(m));
	for (uint32_t i = 0; i < WINDOW; i++) {
		int at = ranges_find(s, m->base + i);

		assert_int_equal(at >= 0, m->in[i]);
		bytes += m->in[i];
	}
	assert_int_equal(ranges_bytes(s), bytes);
}

static void model_insert(struct rnd *rnd, struct ranges *s, struct model *m)
{
	uint32_t a = rnd_below(rnd, WINDOW - 1), b = a + 1 + rnd_below(rnd, WINDOW - 1 - a) % 30;
	struct ranges_added added;
	struct model next = *m;
	uint32_t fresh = 0, gaps = 0, dup = WINDOW, dup_end = 0, from = m->base + a, x, y;

	for (uint32_t i = a; i < b; i++) {
		fresh += !m->in[i];
		if (m->in[i] && dup == WINDOW)
			for (dup = i, dup_end = i; dup_end < b && m->in[dup_end];)
				dup_end++;
		next.in[i] = true;
	}
	while (ranges_next_gap(s, &from, m->base + b, &x, &y)) {
		for (; x != y; x++, gaps++)
			assert_false(m->in[x - m->base]);
	}
	assert_int_equal(gaps, fresh);
	assert_int_equal(ranges_covers(s, m->base + a, m->base + b), fresh == 0);
	assert_int_equal(ranges_overlaps(s, m->base + a, m->base + b), fresh != b - a);

	int at = ranges_insert(s, m->base + a, m->base + b, &added);

	if (model_islands(&next) > ENTRIES) {
		assert_int_equal(at, -ENOSPC);
		return;
	}
	assert_true(at >= 0);
	assert_true(seq_leq(s->r[at].start, m->base + a) && seq_geq(s->r[at].end, m->base + b));
	assert_int_equal(s->r[at].stamp, s->clock);
	assert_int_equal(added.new_bytes, fresh);
	assert_int_equal(added.duplicate, dup != WINDOW);
	if (added.duplicate) {
		assert_int_equal(added.dup_start, m->base + dup);
		assert_int_equal(added.dup_end, m->base + dup_end);
	}
	*m = next;
}

static void model_trim(struct rnd *rnd, struct ranges *s, struct model *m)
{
	uint32_t at = rnd_below(rnd, WINDOW);

	if (rnd_below(rnd, 2)) {
		ranges_trim_below(s, m->base + at);
		memset(m->in, 0, at * sizeof(m->in[0]));
	} else {
		ranges_trim_above(s, m->base + at);
		memset(m->in + at, 0, (WINDOW - at) * sizeof(m->in[0]));
	}
}

TEST(random_use_agrees_with_an_array_of_flags_around_the_circle, "")
{
	static const uint32_t bases[] = {0, 1000, 0x7fffff80, 0x80000000, 0xffffff80, 0xffffffff};
	struct seq_range entries[ENTRIES];
	struct rnd rnd = {4};

	for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
		struct model m = {.base = bases[b]};
		struct ranges s;

		ranges_init(&s, entries, ENTRIES);
		for (int i = 0; i < 3000; i++) {
			if (rnd_below(&rnd, 12))
				model_insert(&rnd, &s, &m);
			else
				model_trim(&rnd, &s, &m);
			assert_agree(&s, &m);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(disjoint_ranges_stay_in_order_of_sequence),
		cmocka_unit_test(ranges_that_touch_or_overlap_become_one),
		cmocka_unit_test(the_duplicate_part_is_the_lowest_piece_already_held),
		cmocka_unit_test(a_full_set_refuses_a_new_range_and_is_unchanged),
		cmocka_unit_test(a_set_of_no_entries_takes_nothing),
		cmocka_unit_test(empty_and_inverted_ranges_are_refused),
		cmocka_unit_test(a_set_never_spans_half_the_circle),
		cmocka_unit_test(trimming_cuts_ranges_at_the_edge),
		cmocka_unit_test(a_range_may_be_taken_out_whole_and_the_set_moved),
		cmocka_unit_test(gaps_come_in_order_and_cover_what_is_missing),
		cmocka_unit_test(the_newest_ranges_come_first),
		cmocka_unit_test(random_use_agrees_with_an_array_of_flags_around_the_circle),
	};
	return tapir_test_run("unit/base/test_ranges", tests);
}
