/* Sequence arithmetic around every edge of the circle. */
#include "stack/base/seq.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

static const uint32_t edges[] = {0, 1, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};

#define EDGES (sizeof(edges) / sizeof(edges[0]))

TEST(comparisons_hold_at_every_edge_of_the_circle, "")
{
	for (size_t i = 0; i < EDGES; i++) {
		uint32_t a = edges[i];

		assert_false(seq_lt(a, a));
		assert_true(seq_leq(a, a));
		assert_false(seq_gt(a, a));
		assert_true(seq_geq(a, a));
		assert_true(seq_lt(a, a + 1));
		assert_true(seq_gt(a, a - 1));
		assert_true(seq_lt(a, a + 0x7fffffff));
		assert_true(seq_gt(a, a - 0x7fffffff));
		assert_false(seq_lt(a + 1, a));
		assert_true(seq_leq(a, a + 1));
		assert_true(seq_geq(a + 1, a));
	}
}

TEST(diff_is_the_signed_distance, "")
{
	for (size_t i = 0; i < EDGES; i++) {
		for (size_t j = 0; j < EDGES; j++) {
			int32_t d = seq_diff(edges[i], edges[j]);

			assert_true(edges[j] + (uint32_t)d == edges[i]);
		}
	}
	assert_int_equal(seq_diff(5, 0xfffffffb), 10);
	assert_int_equal(seq_diff(0xfffffffb, 5), -10);
	assert_true(seq_diff(0x80000000, 0) == INT32_MIN);
	assert_true(seq_diff(0x7fffffff, 0) == INT32_MAX);
}

TEST(max_and_min_pick_the_later_and_the_earlier, "")
{
	assert_int_equal(seq_max(0xffffffff, 0), 0);
	assert_int_equal(seq_min(0xffffffff, 0), 0xffffffff);
	assert_int_equal(seq_max(3, 3), 3);
}

TEST(window_membership_wraps, "")
{
	assert_true(seq_in_window(0xfffffff0, 0xfffffff0, 32));
	assert_true(seq_in_window(15, 0xfffffff0, 32));
	assert_false(seq_in_window(16, 0xfffffff0, 32));
	assert_false(seq_in_window(0xffffffef, 0xfffffff0, 32));
	assert_false(seq_in_window(7, 7, 0));
}

TEST(between_forms_differ_at_their_ends_only, "")
{
	for (size_t i = 0; i < EDGES; i++) {
		uint32_t lo = edges[i], hi = lo + 10;

		assert_false(seq_between_excl_incl(lo, lo, hi));
		assert_true(seq_between_excl_incl(hi, lo, hi));
		assert_true(seq_between_incl_excl(lo, lo, hi));
		assert_false(seq_between_incl_excl(hi, lo, hi));
		assert_true(seq_between_incl(lo, lo, hi));
		assert_true(seq_between_incl(hi, lo, hi));
		assert_false(seq_between_incl(hi + 1, lo, hi));
		assert_false(seq_between_incl(lo - 1, lo, hi));
	}
}

TEST(overlap_needs_a_shared_number, "")
{
	assert_true(seq_overlap(0xfffffffe, 2, 1, 5));
	assert_false(seq_overlap(0xfffffffe, 1, 1, 5));
	assert_false(seq_overlap(5, 9, 1, 5));
	assert_true(seq_overlap(1, 9, 3, 4));
	assert_false(seq_overlap(3, 3, 3, 4));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparisons_hold_at_every_edge_of_the_circle),
		cmocka_unit_test(diff_is_the_signed_distance),
		cmocka_unit_test(max_and_min_pick_the_later_and_the_earlier),
		cmocka_unit_test(window_membership_wraps),
		cmocka_unit_test(between_forms_differ_at_their_ends_only),
		cmocka_unit_test(overlap_needs_a_shared_number),
	};
	return tapir_test_run("unit/base/test_seq", tests);
}
