#include "stack/tcp/tcp_rto.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

enum { S = 1000000, MS = 1000 };

#define MAX_US (120u * S)

TEST(without_a_sample_the_initial_value_stands, "R6298-1")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	assert_int_equal(r.rto_us, 1 * S);
	assert_int_equal(r.srtt_us, 0);
	assert_int_equal(r.rttvar_us, 0);
}

TEST(the_first_sample_sets_srtt_and_half_of_it_as_deviation, "R6298-2")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	tcp_rtt_sample(&r, 400 * MS, 200 * MS, MAX_US);
	assert_int_equal(r.srtt_us, 400 * MS);
	assert_int_equal(r.rttvar_us, 200 * MS);
	assert_int_equal(r.rto_us, 1200 * MS);
}

TEST(later_samples_move_the_deviation_first, "R6298-2")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	tcp_rtt_sample(&r, 400 * MS, 200 * MS, MAX_US);
	tcp_rtt_sample(&r, 800 * MS, 200 * MS, MAX_US);
	/* 3/4 * 200 + 1/4 * |400 - 800| = 250; 7/8 * 400 + 1/8 * 800 = 450 */
	assert_int_equal(r.rttvar_us, 250 * MS);
	assert_int_equal(r.srtt_us, 450 * MS);
	assert_int_equal(r.rto_us, 1450 * MS);
}

TEST(a_million_samples_stay_within_a_tick_of_exact_arithmetic, "R6298-2")
{
	struct rnd rnd = {7};
	struct tcp_rtt r;
	double srtt = 0, var = 0;

	tcp_rtt_init(&r, 1 * S);
	for (int i = 0; i < 1000000; i++) {
		uint32_t m = 1000 + rnd_below(&rnd, 1u << (10 + rnd_below(&rnd, 12)));
		double d = srtt - m, rto;

		if (i == 0) {
			srtt = m;
			var = m / 2.0;
		} else {
			var = 0.75 * var + 0.25 * (d < 0 ? -d : d);
			srtt = 0.875 * srtt + 0.125 * m;
		}
		rto = srtt + (4 * var > 200 * MS ? 4 * var : 200 * MS);
		tcp_rtt_sample(&r, m, 200 * MS, MAX_US);
		d = rto - r.rto_us;
		assert_true(d < 1000 && d > -1000);
	}
}

TEST(the_floor_stands_beside_srtt, "")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	for (int i = 0; i < 200; i++)
		tcp_rtt_sample(&r, 100 * MS, 200 * MS, MAX_US);
	assert_int_equal(r.srtt_us, 100 * MS);
	assert_int_equal(r.rto_us, 300 * MS);
	/* With RFC 6298's own minimum the sum is never below it. */
	tcp_rtt_sample(&r, 100 * MS, 1 * S, MAX_US);
	assert_true(r.rto_us >= 1 * S);
}

TEST(the_ceiling_holds_for_any_sample, "TC-49")
{
	static const uint32_t huge[] = {UINT32_MAX, 1u << 31, (1u << 31) - 1, UINT32_MAX - 1, 0, 1};
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	for (int i = 0; i < 1000; i++) {
		tcp_rtt_sample(&r, huge[i % 6], 200 * MS, MAX_US);
		assert_true(r.rto_us <= MAX_US && r.rto_us >= 200 * MS && r.srtt_us > 0);
	}
}

TEST(the_least_round_trip_forgets_what_is_older_than_its_window, "R8985-2")
{
	const uint32_t win = 1000;
	struct tcp_min_rtt m = {{0}, {0}};
	uint32_t got[400];

	/* Samples all over, and of each answer: it was measured within the window, and nothing later was less. */
	for (uint32_t i = 0, x = 1; i < 400; i++) {
		uint32_t now = UINT32_MAX - 5000 + i * 37, least;

		x = x * 1103515245 + 12345;
		got[i] = 1000 + x / 65536 % 1000 + (i > 200 ? 5000 : 0);
		least = tcp_min_rtt_sample(&m, now, win, got[i]);
		assert_true(least <= got[i]);
		for (uint32_t k = i + 1; k-- > 0;) {
			assert_true((i - k) * 37 <= win);
			if (got[k] == least)
				break;
			if ((i - k) * 37 <= win / 4)
				assert_true(got[k] > least);
		}
	}
	/* A path that became longer is known to be so when the window is over. */
	assert_int_equal(tcp_min_rtt_sample(&m, 50000, win, 7), 7);
	assert_int_equal(tcp_min_rtt_sample(&m, 50900, win, 70), 7);
	assert_int_equal(tcp_min_rtt_sample(&m, 51001, win, 71), 70);
	assert_int_equal(tcp_min_rtt_sample(&m, 60000, win, 0), 1);
}

TEST(a_sample_of_zero_counts_as_the_smallest, "")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	tcp_rtt_sample(&r, 0, 200 * MS, MAX_US);
	assert_int_equal(r.srtt_us, 1);
	for (int i = 0; i < 100; i++)
		tcp_rtt_sample(&r, 0, 200 * MS, MAX_US);
	assert_int_equal(r.srtt_us, 1);
}

TEST(back_off_doubles_up_to_the_ceiling, "R6298-8 R6298-4")
{
	struct tcp_rtt r = {.rto_us = 1 * S};

	assert_true(tcp_rto_backed_off_us(&r, 0, MAX_US) == 1 * S);
	assert_true(tcp_rto_backed_off_us(&r, 1, MAX_US) == 2 * S);
	assert_true(tcp_rto_backed_off_us(&r, 6, MAX_US) == 64 * S);
	assert_true(tcp_rto_backed_off_us(&r, 7, MAX_US) == 120 * S);
	for (unsigned n = 7; n < 300; n++)
		assert_true(tcp_rto_backed_off_us(&r, n, MAX_US) == 120 * S);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_sample_the_initial_value_stands),
		cmocka_unit_test(the_first_sample_sets_srtt_and_half_of_it_as_deviation),
		cmocka_unit_test(later_samples_move_the_deviation_first),
		cmocka_unit_test(a_million_samples_stay_within_a_tick_of_exact_arithmetic),
		cmocka_unit_test(the_floor_stands_beside_srtt),
		cmocka_unit_test(the_ceiling_holds_for_any_sample),
		cmocka_unit_test(the_least_round_trip_forgets_what_is_older_than_its_window),
		cmocka_unit_test(a_sample_of_zero_counts_as_the_smallest),
		cmocka_unit_test(back_off_doubles_up_to_the_ceiling),
	};

	return tapir_test_run("unit/tcp/test_rto", tests);
}
