#include "stack/tcp/tcp_rto.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

enum { S = 1000000, MS = 1000 };

#define MAX_US (120u * S)

/* SND.UNA and SND.NXT. */
static uint32_t una = 1, nxt = 1;

static void sample(struct tcp_rtt *r, uint32_t us, uint32_t min_us)
{
	tcp_rtt_sample(r, us, una, nxt, min_us, MAX_US);
}

TEST(without_a_sample_the_initial_value_stands, "R6298-1")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	assert_int_equal(r.rto_us, 1 * S);
	assert_int_equal(r.srtt_us, 0);
	assert_int_equal(r.var4_us, 0);
}

TEST(the_first_sample_sets_srtt_and_half_of_it_as_deviation, "")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	sample(&r, 400 * MS, 200 * MS);
	assert_int_equal(r.srtt_us, 400 * MS);
	assert_int_equal(r.var4_us, 4 * 200 * MS);
	assert_int_equal(r.rto_us, 1200 * MS);
}

TEST(later_samples_move_the_deviation_first, "")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	sample(&r, 400 * MS, 200 * MS);
	sample(&r, 800 * MS, 200 * MS);
	/* 3/4 * 200 + 1/4 * |400 - 800| = 250; 7/8 * 400 + 1/8 * 800 = 450 */
	assert_int_equal(r.var4_us, 4 * 250 * MS);
	assert_int_equal(r.srtt_us, 450 * MS);
	assert_int_equal(r.rto_us, 1450 * MS);
}

TEST(a_million_samples_stay_within_a_tick_of_exact_arithmetic, "")
{
	struct rnd rnd = {7};
	struct tcp_rtt r;
	double srtt = 0, mdev = 0, var = 0, most = 0;

	tcp_rtt_init(&r, 1 * S);
	for (int i = 0; i < 1000000; i++) {
		uint32_t m = 1000 + rnd_below(&rnd, 1u << (10 + rnd_below(&rnd, 12)));
		double d = m - srtt, rto;
		bool round = rnd_below(&rnd, 10) == 0;

		if (i == 0) {
			srtt = m;
			mdev = m / 2.0;
			var = most = mdev > 50 * MS ? mdev : 50 * MS;
			nxt = 1;
		} else {
			if (d >= 0)
				mdev += (d - mdev) / 4;
			else if (-d > mdev)
				mdev += (-d - mdev) / 32;
			else
				mdev += (-d - mdev) / 4;
			most = mdev > most ? mdev : most;
			var = most > var ? most : var;
			una = round ? nxt + 1 : nxt;
			if (round) {
				var -= (var - most) / 4;
				most = 50 * MS;
				nxt += 10;
			}
			srtt = 0.875 * srtt + 0.125 * m;
		}
		rto = srtt + 4 * var;
		sample(&r, m, 200 * MS);
		d = rto - r.rto_us;
		assert_true(d < 1000 && d > -1000);
	}
}

/* What one jittery round trip taught is not forgotten in the next, however many samples that has. */
TEST(the_deviation_falls_by_a_quarter_a_round_trip, "")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	una = nxt = 1;
	sample(&r, 400 * MS, 200 * MS);
	assert_int_equal(r.var4_us, 800 * MS);
	for (int i = 0; i < 100; i++)
		sample(&r, 400 * MS, 200 * MS);
	assert_int_equal(r.rto_us, 1200 * MS);
	/* The first ends without having had less than the first sample, then each takes a quarter. */
	una = nxt = 1001;
	una++;
	sample(&r, 400 * MS, 200 * MS);
	assert_int_equal(r.rto_us, 1200 * MS);
	una = nxt = 2001;
	sample(&r, 400 * MS, 200 * MS);
	assert_int_equal(r.rto_us, 1050 * MS);
	una = 2000;
	sample(&r, 400 * MS, 200 * MS);
	assert_int_equal(r.rto_us, 1050 * MS);
	/* A greater one counts at once. */
	sample(&r, 4000 * MS, 200 * MS);
	assert_true(r.rto_us > 1700 * MS);
}

TEST(the_floor_stands_beside_srtt, "")
{
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	for (int i = 0; i < 200; i++)
		sample(&r, 100 * MS, 200 * MS);
	assert_int_equal(r.srtt_us, 100 * MS);
	assert_int_equal(r.rto_us, 300 * MS);
	/* With RFC 6298's own minimum the sum is never below it. */
	sample(&r, 100 * MS, 1 * S);
	assert_true(r.rto_us >= 1 * S);
}

TEST(the_ceiling_holds_for_any_sample, "TC-49")
{
	static const uint32_t huge[] = {UINT32_MAX, 1u << 31, (1u << 31) - 1, UINT32_MAX - 1, 0, 1};
	struct tcp_rtt r;

	tcp_rtt_init(&r, 1 * S);
	for (int i = 0; i < 1000; i++) {
		sample(&r, huge[i % 6], 200 * MS);
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
	sample(&r, 0, 200 * MS);
	assert_int_equal(r.srtt_us, 1);
	for (int i = 0; i < 100; i++)
		sample(&r, 0, 200 * MS);
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
		cmocka_unit_test(the_deviation_falls_by_a_quarter_a_round_trip),
		cmocka_unit_test(the_floor_stands_beside_srtt),
		cmocka_unit_test(the_ceiling_holds_for_any_sample),
		cmocka_unit_test(the_least_round_trip_forgets_what_is_older_than_its_window),
		cmocka_unit_test(a_sample_of_zero_counts_as_the_smallest),
		cmocka_unit_test(back_off_doubles_up_to_the_ceiling),
	};

	return tapir_test_run("unit/tcp/test_rto", tests);
}
