#include "stack/tcp/tcp_cc.h"
#include "tests/support/test.h"

enum { MSS = 1460 };

static struct tcp_cc fresh(void)
{
	struct tcp_cc cc = {.ops = &cc_newreno};

	tcp_cc_start(&cc, MSS, tcp_cc_initial_window(MSS, 10), 0);
	return cc;
}

static void ack(struct tcp_cc *cc, uint32_t bytes, bool limited)
{
	struct tcp_cc_ack a = {.acked = bytes, .mss = MSS, .cwnd_limited = limited};

	cc->ops->ack(cc, &a);
}

TEST(the_initial_window_is_rfc_6928s, "R6928-1 R5681-2")
{
	assert_int_equal(tcp_cc_initial_window(1460, 10), 14600);
	assert_int_equal(tcp_cc_initial_window(536, 10), 5360);
	assert_int_equal(tcp_cc_initial_window(8960, 10), 17920);
	assert_int_equal(tcp_cc_initial_window(2000, 10), 14600);
	/* The setting lowers it. */
	assert_int_equal(tcp_cc_initial_window(1460, 3), 4380);
	assert_int_equal(tcp_cc_initial_window(1460, 1), 1460);
	assert_int_equal(tcp_cc_initial_window(1460, 0), 1460);
}

TEST(ssthresh_begins_arbitrarily_high, "R5681-5")
{
	struct tcp_cc cc = fresh();

	assert_int_equal(cc.cwnd, 14600);
	assert_true(cc.ssthresh == TCP_SSTHRESH_INF);
}

TEST(slow_start_grows_by_what_was_acknowledged, "")
{
	struct tcp_cc cc = fresh();

	ack(&cc, MSS, true);
	assert_int_equal(cc.cwnd, 14600 + MSS);
	ack(&cc, 1, true);
	assert_int_equal(cc.cwnd, 14600 + MSS + 1);
}

TEST(divided_acks_gain_nothing, "TC-29")
{
	struct tcp_cc whole = fresh(), parts = fresh();

	for (int round = 0; round < 40; round++) {
		ack(&whole, MSS, true);
		for (int i = 0; i < MSS; i++)
			ack(&parts, 1, true);
		assert_int_equal(whole.cwnd, parts.cwnd);
	}
	/* Nor in congestion avoidance. */
	whole.ssthresh = parts.ssthresh = whole.cwnd;
	for (int round = 0; round < 400; round++) {
		ack(&whole, MSS, true);
		for (int i = 0; i < MSS; i++)
			ack(&parts, 1, true);
		assert_int_equal(whole.cwnd, parts.cwnd);
	}
}

TEST(congestion_avoidance_adds_one_segment_a_window, "R5681-6")
{
	struct tcp_cc cc = fresh();
	uint32_t was = 20 * MSS;

	cc.cwnd = cc.ssthresh = was;
	for (int i = 0; i < 19; i++)
		ack(&cc, MSS, true);
	assert_int_equal(cc.cwnd, was);
	ack(&cc, MSS, true);
	assert_int_equal(cc.cwnd, was + MSS);
	/* One stretched ACK of a whole window does the same. */
	ack(&cc, 21 * MSS, true);
	assert_int_equal(cc.cwnd, was + 2 * MSS);
}

TEST(an_ack_across_ssthresh_counts_on_both_sides, "")
{
	struct tcp_cc cc = fresh();

	cc.cwnd = 10 * MSS;
	cc.ssthresh = 11 * MSS;
	ack(&cc, 3 * MSS, true);
	assert_int_equal(cc.cwnd, 11 * MSS);
	assert_int_equal(cc.acked_ca, 2 * MSS);
}

TEST(a_window_that_was_not_used_does_not_grow, "")
{
	struct tcp_cc cc = fresh();

	ack(&cc, 10 * MSS, false);
	assert_int_equal(cc.cwnd, 14600);
	cc.ssthresh = cc.cwnd;
	ack(&cc, 100 * MSS, false);
	assert_int_equal(cc.cwnd, 14600);
	assert_int_equal(cc.acked_ca, 0);
}

TEST(loss_halves_the_window_in_whole_segments, "R5681-7")
{
	struct tcp_cc cc = fresh();

	cc.cwnd = 41 * MSS + MSS / 2;
	cc.ops->cut(&cc, TCP_CC_LOSS, MSS);
	assert_int_equal(cc.ssthresh, 20 * MSS);
	assert_int_equal(cc.cwnd, 41 * MSS + MSS / 2); /* the caller moves it */
	cc.cwnd = 3 * MSS;
	cc.ops->cut(&cc, TCP_CC_RTO, MSS);
	assert_int_equal(cc.ssthresh, 2 * MSS);
}

TEST(the_window_never_overflows, "")
{
	struct tcp_cc cc = fresh();

	for (int i = 0; i < 100; i++) {
		uint32_t was = cc.cwnd;

		ack(&cc, UINT32_MAX, true);
		assert_true(cc.cwnd >= was && cc.cwnd <= (1u << 30) + MSS);
	}
	cc.ssthresh = 2 * MSS;
	for (int i = 0; i < 100; i++) {
		uint32_t was = cc.cwnd;

		ack(&cc, UINT32_MAX, true);
		assert_true(cc.cwnd >= was && cc.cwnd <= (1u << 30) + MSS);
	}
}

TEST(algorithms_are_found_by_name, "")
{
	assert_ptr_equal(tcp_cc_find("reno", false), &cc_newreno);
	assert_null(tcp_cc_find("nosuch", false));
	assert_null(tcp_cc_find("", false));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_initial_window_is_rfc_6928s),
		cmocka_unit_test(ssthresh_begins_arbitrarily_high),
		cmocka_unit_test(slow_start_grows_by_what_was_acknowledged),
		cmocka_unit_test(divided_acks_gain_nothing),
		cmocka_unit_test(congestion_avoidance_adds_one_segment_a_window),
		cmocka_unit_test(an_ack_across_ssthresh_counts_on_both_sides),
		cmocka_unit_test(a_window_that_was_not_used_does_not_grow),
		cmocka_unit_test(loss_halves_the_window_in_whole_segments),
		cmocka_unit_test(the_window_never_overflows),
		cmocka_unit_test(algorithms_are_found_by_name),
	};

	return tapir_test_run("unit/tcp/test_newreno", tests);
}
