/*
 * CUBIC in Linux's arithmetic: near the floating-point curve with Linux's alpha, and the figures where it differs from cc_cubic.c. That it grows by
 * the same ACK as the kernel is shown by tests/script/cc/growth_cubic_*.pkt.
 */
#include <math.h>

#include "stack/tcp/tcp_cc.h"
#include "tests/support/test.h"

enum { MSS = 1000, RTT_US = 50000 };

static struct tcp_cc fresh(uint32_t segs)
{
	struct tcp_cc cc = {.ops = tcp_cc_find("cubic", true)};

	tcp_cc_start(&cc, MSS, segs * MSS, 0);
	cc.ssthresh = cc.cwnd;
	return cc;
}

static void ack_at(struct tcp_cc *cc, double at_s, bool limited)
{
	const struct tcp_cc_ack a = {.now_ns = (uint64_t)(at_s * 1e9),
				     .acked = MSS,
				     .mss = MSS,
				     .rtt_us = RTT_US,
				     .srtt_us = RTT_US,
				     .min_rtt_us = RTT_US,
				     .cwnd_limited = limited};

	cc->ops->ack(cc, &a);
}

static void cut(struct tcp_cc *cc, enum tcp_cc_why why)
{
	cc->ops->cut(cc, why, MSS);
	cc->cwnd = cc->ssthresh;
}

/* Round trips with a full window each from *now on. */
static void run(struct tcp_cc *cc, double *now, double seconds)
{
	for (double end = *now + seconds; *now < end; *now += RTT_US / 1e6) {
		uint32_t n = cc->cwnd / MSS;

		for (uint32_t i = 0; i < n; i++)
			ack_at(cc, *now + RTT_US / 1e6 * i / n, true);
	}
}

TEST(both_versions_are_called_cubic_and_the_setting_chooses, "")
{
	assert_ptr_equal(tcp_cc_find("cubic", true), &cc_cubic_linux);
	assert_ptr_equal(tcp_cc_find("cubic", false), &cc_cubic);
	assert_ptr_equal(tcp_cc_nth(0, true), &cc_cubic_linux);
	assert_ptr_equal(tcp_cc_nth(1, true), &cc_newreno);
	assert_string_equal(cc_cubic_linux.name, cc_cubic.name);
}

TEST(the_window_follows_the_curve_within_three_percent, "R9438-3")
{
	const uint32_t w = 400;
	struct tcp_cc cc = fresh(w);
	double now = 1, worst = 0;

	const uint32_t cut_to = w * 717 / 1024;

	cut(&cc, TCP_CC_LOSS);
	assert_int_equal(cc.cwnd, cut_to * MSS);
	const double k = cbrt((w - cut_to) / 0.4), epoch = now;
	while (now < epoch + 2 * k) {
		run(&cc, &now, RTT_US / 1e6);
		double want = 0.4 * pow(now - epoch - k, 3) + w;

		worst = fmax(worst, fabs(cc.cwnd / (double)MSS - want) / want);
	}
	assert_true(cc.cwnd > w * MSS);
	assert_true(worst < 0.03);
}

TEST(a_minute_with_nothing_in_flight_does_not_count, "R9438-1")
{
	struct tcp_cc idle = fresh(100), busy;
	double now = 1;

	cut(&idle, TCP_CC_LOSS);
	run(&idle, &now, 1);
	busy = idle;
	idle.ops->tx_start(&idle, (uint64_t)((now + 60) * 1e9), UINT64_C(60000000000));
	double later = now + 60;
	run(&busy, &now, 2);
	run(&idle, &later, 2);
	assert_in_range(idle.cwnd, busy.cwnd - 2 * MSS, busy.cwnd + 2 * MSS);
}

TEST(a_window_that_was_not_used_does_not_grow, "R9438-7")
{
	struct tcp_cc cc = fresh(20);

	cut(&cc, TCP_CC_LOSS);
	uint32_t was = cc.cwnd;
	for (int i = 0; i < 10000; i++)
		ack_at(&cc, 1 + i * 0.001, false);
	assert_int_equal(cc.cwnd, was);
}

TEST(a_timeout_forgets_where_the_path_was_full, "R9438-4")
{
	struct tcp_cc after_loss = fresh(100), after_rto = fresh(100);
	double now = 1;

	cut(&after_loss, TCP_CC_LOSS);
	cut(&after_rto, TCP_CC_RTO);
	assert_int_equal(after_rto.ssthresh, 70 * MSS);
	run(&after_loss, &now, 1);
	now = 1;
	run(&after_rto, &now, 1);
	/* Steep up to W_max there; here flat, a twentieth a round trip at most as nothing is known. */
	assert_true(after_loss.cwnd > 85 * MSS);
	assert_true(after_rto.cwnd != after_loss.cwnd);
	/* Never below two segments. */
	after_rto.cwnd = 2 * MSS;
	cut(&after_rto, TCP_CC_RTO);
	assert_int_equal(after_rto.ssthresh, 2 * MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_versions_are_called_cubic_and_the_setting_chooses),
		cmocka_unit_test(the_window_follows_the_curve_within_three_percent),
		cmocka_unit_test(a_minute_with_nothing_in_flight_does_not_count),
		cmocka_unit_test(a_window_that_was_not_used_does_not_grow),
		cmocka_unit_test(a_timeout_forgets_where_the_path_was_full),
	};

	return tapir_test_run("unit/tcp/test_cubic_linux", tests);
}
