/* Small arithmetic: edges by hand, the 128-bit division against the compiler's own. */
#include "stack/base/assert.h"
#include "stack/base/bits.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

TEST(ilog2_is_the_highest_set_bit, "")
{
	assert_int_equal(ilog2_u64(0), 0);
	for (unsigned i = 0; i < 64; i++) {
		uint64_t v = UINT64_C(1) << i;

		assert_int_equal(ilog2_u64(v), i);
		assert_int_equal(ilog2_u64(v | (v - 1)), i);
	}
	assert_int_equal(ilog2_u32(UINT32_MAX), 31);
}

TEST(powers_of_two_are_told_and_rounded_up_to, "")
{
	assert_false(is_pow2_u64(0));
	assert_true(is_pow2_u64(1));
	assert_true(is_pow2_u64(UINT64_C(1) << 63));
	assert_false(is_pow2_u64(6));
	assert_int_equal(roundup_pow2_u32(0), 1);
	assert_int_equal(roundup_pow2_u32(1), 1);
	assert_int_equal(roundup_pow2_u32(3), 4);
	assert_int_equal(roundup_pow2_u32(4), 4);
	assert_int_equal(roundup_pow2_u32(5), 8);
	assert_int_equal(roundup_pow2_u32(0x80000000u), 0x80000000u);
	assert_int_equal(roundup_pow2_u32(0x40000001u), 0x80000000u);
}

TEST(popcount_counts_bits, "")
{
	struct rnd r = {1};

	assert_int_equal(popcount_u64(0), 0);
	assert_int_equal(popcount_u64(UINT64_MAX), 64);
	for (int i = 0; i < 1000; i++) {
		uint64_t v = rnd_u64(&r);
		unsigned n = 0;

		for (unsigned b = 0; b < 64; b++)
			n += (unsigned)((v >> b) & 1);
		assert_int_equal(popcount_u64(v), n);
	}
}

TEST(saturating_arithmetic_stops_at_its_ends, "")
{
	assert_true(add_sat_u64(UINT64_MAX, 1) == UINT64_MAX);
	assert_true(add_sat_u64(UINT64_MAX - 1, 1) == UINT64_MAX);
	assert_true(add_sat_u64(2, 3) == 5);
	assert_true(sub_sat_u64(2, 3) == 0);
	assert_true(sub_sat_u64(3, 2) == 1);
	assert_true(mul_sat_u64(0, UINT64_MAX) == 0);
	assert_true(mul_sat_u64(UINT64_MAX, 0) == 0);
	assert_true(mul_sat_u64(UINT64_C(1) << 32, UINT64_C(1) << 32) == UINT64_MAX);
	assert_true(mul_sat_u64((UINT64_C(1) << 32) - 1, UINT64_C(1) << 32) ==
		    (UINT64_MAX & ~UINT64_C(0xffffffff)));
}

TEST(mul_div_equals_128_bit_arithmetic, "")
{
	struct rnd r = {2};

	for (int i = 0; i < 20000; i++) {
		uint64_t a = rnd_u64(&r) >> rnd_below(&r, 64);
		uint64_t b = rnd_u64(&r) >> rnd_below(&r, 64);
		uint64_t c = rnd_u64(&r) >> rnd_below(&r, 64);
		unsigned __int128 want = c ? (unsigned __int128)a * b / c : UINT64_MAX;

		if (want > UINT64_MAX)
			want = UINT64_MAX;
		assert_true(mul_div_u64(a, b, c) == (uint64_t)want);
	}
	assert_true(mul_div_u64(1, 1, 0) == UINT64_MAX);
	assert_true(mul_div_u64(UINT64_MAX, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
	assert_true(mul_div_u64(UINT64_MAX, UINT64_MAX - 1, UINT64_MAX) == UINT64_MAX - 1);
}

TEST(a_cube_root_is_rounded_down, "")
{
	static const uint32_t roots[] = {1, 2, 3, 10, 1023, 65536, 2642244, 2642245};

	assert_int_equal(cube_root_u64(0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		uint64_t cube = (uint64_t)roots[i] * roots[i] * roots[i];

		assert_int_equal(cube_root_u64(cube), roots[i]);
		assert_int_equal(cube_root_u64(cube - 1), roots[i] - 1);
	}
	assert_int_equal(cube_root_u64(UINT64_MAX), 2642245);
}

TEST(min_max_and_clamp, "")
{
	assert_int_equal(min_u32(1, 2), 1);
	assert_int_equal(max_u32(1, 2), 2);
	assert_true(min_u64(UINT64_MAX, 2) == 2);
	assert_true(max_u64(UINT64_MAX, 2) == UINT64_MAX);
	assert_int_equal(min_size(3, 3), 3);
	assert_int_equal(max_size(4, 3), 4);
	assert_int_equal(clamp_u32(5, 1, 3), 3);
	assert_int_equal(clamp_u32(0, 1, 3), 1);
	assert_true(clamp_u64(2, 1, 3) == 2);
}

TEST(a_false_assertion_panics, "")
{
	volatile int zero = 0;

	TAPIR_ASSERT(zero == 0);
	assert_panics(TAPIR_ASSERT(zero == 1));
	assert_panics(TAPIR_UNREACHABLE());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ilog2_is_the_highest_set_bit),
		cmocka_unit_test(powers_of_two_are_told_and_rounded_up_to),
		cmocka_unit_test(popcount_counts_bits),
		cmocka_unit_test(saturating_arithmetic_stops_at_its_ends),
		cmocka_unit_test(mul_div_equals_128_bit_arithmetic),
		cmocka_unit_test(a_cube_root_is_rounded_down),
		cmocka_unit_test(min_max_and_clamp),
		cmocka_unit_test(a_false_assertion_panics),
	};
	return tapir_test_run("unit/base/test_bits", tests);
}
