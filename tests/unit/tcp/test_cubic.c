/* CUBIC beside the same formulas in floating point, and the rules about it one by one. */
#include <math.h>

#include "stack/tcp/tcp_cc.h"
#include "tests/support/test.h"

enum { MSS = 1000, MS = 1000000 };

static struct tcp_cc fresh(void)
{
	struct tcp_cc cc = {.ops = &cc_cubic};

	tcp_cc_start(&cc, MSS, 10 * MSS, 0);
	return cc;
}

static void ack_at(struct tcp_cc *cc, double t_s, uint32_t bytes, uint32_t rtt_us, bool limited)
{
	struct tcp_cc_ack a = {.now_ns = (uint64_t)(t_s * 1e9),
			       .acked = bytes,
			       .mss = MSS,
			       .rtt_us = rtt_us,
			       .srtt_us = rtt_us,
			       .min_rtt_us = rtt_us,
			       .cwnd_limited = limited};

	cc->ops->ack(cc, &a);
}

static void cut(struct tcp_cc *cc, enum tcp_cc_why why)
{
	cc->ops->cut(cc, why, MSS);
}

/* A loss, and the window where recovery leaves it. */
static void lose(struct tcp_cc *cc)
{
	cut(cc, TCP_CC_LOSS);
	cc->cwnd = cc->ssthresh;
}

/* RFC 9438 4 in segments and seconds. */
struct model {
	double cwnd, w_max, k, w_est, prior, epoch;
};

static void model_lose(struct model *m, double was_max)
{
	m->prior = m->cwnd;
	m->w_max = m->cwnd < was_max ? m->cwnd * (1 + 0.7) / 2 : m->cwnd;
	m->cwnd = floor(m->cwnd * 717 / 1024);
}

static void model_begin(struct model *m, double now)
{
	m->epoch = now;
	m->w_est = m->cwnd;
	m->k = m->w_max > m->cwnd ? cbrt((m->w_max - m->cwnd) / 0.4) : 0;
	if (m->w_max < m->cwnd)
		m->w_max = m->cwnd;
}

static double model_w(const struct model *m, double t)
{
	return 0.4 * pow(t - m->k, 3) + m->w_max;
}

static void model_ack(struct model *m, double now, double rtt)
{
	double t = now - m->epoch, target = model_w(m, t + rtt);
	double alpha = m->w_est >= m->prior ? 1 : 3 * 0.3 / 1.7;

	m->w_est += alpha / m->cwnd;
	if (model_w(m, t) < m->w_est) {
		if (m->w_est > m->cwnd)
			m->cwnd = m->w_est;
		return;
	}
	target = fmax(m->cwnd, fmin(target, 1.5 * m->cwnd));
	m->cwnd += (target - m->cwnd) / m->cwnd;
}

/* A window an RTT, each ACK a segment, for `seconds` after a loss at w segments: both windows, side by side. */
static double follow(uint32_t w, double rtt, double seconds)
{
	struct model m = {.cwnd = w};
	struct tcp_cc cc = fresh();
	double now = 1, worst = 0;

	cc.cwnd = w * MSS;
	cc.ssthresh = cc.cwnd;
	lose(&cc);
	model_lose(&m, 0);
	model_begin(&m, now);
	while (now < 1 + seconds) {
		uint32_t n = cc.cwnd / MSS;

		for (uint32_t i = 0; i < n; i++) {
			double at = now + rtt * i / n, off;

			ack_at(&cc, at, MSS, (uint32_t)(rtt * 1e6), true);
			model_ack(&m, at, rtt);
			/* Ours moves by whole segments, when their bytes are acknowledged. */
			off = fabs(cc.cwnd / (double)MSS - m.cwnd) - 1.5;
			worst = fmax(worst, off / m.cwnd);
		}
		now += rtt;
	}
	return worst;
}

TEST(the_window_follows_the_cubic_within_one_percent, "R9438-3 MAY-18")
{
	static const uint32_t w[] = {20, 100, 500, 2000, 10000};
	static const double rtt[] = {0.01, 0.04, 0.1, 0.3};

	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 4; k++) {
			double worst;

			if (w[i] * 20 / rtt[k] > 3e6)
				continue;
			worst = follow(w[i], rtt[k], 20);
			print_message("%u segments, %g s: %.4f\n", w[i], rtt[k], worst);
			assert_true(worst < 0.01);
		}
	}
}

TEST(ten_segments_become_seven, "R9438-4")
{
	struct tcp_cc cc = fresh();

	cut(&cc, TCP_CC_LOSS);
	assert_int_equal(cc.ssthresh, 7 * MSS);
	assert_int_equal(cc.cwnd, 10 * MSS); /* the caller moves it */
	cc.cwnd = 100 * MSS;
	cut(&cc, TCP_CC_ECN);
	assert_int_equal(cc.ssthresh, 70 * MSS);
	cc.cwnd = 2 * MSS;
	cut(&cc, TCP_CC_LOSS);
	assert_int_equal(cc.ssthresh, 2 * MSS);
	cc.cwnd = MSS;
	cut(&cc, TCP_CC_RTO);
	assert_int_equal(cc.ssthresh, 2 * MSS);
}

/* Segments gained in `s` seconds of full use, after the windows as they are. */
static uint32_t gain(struct tcp_cc *cc, double *now, double s, double rtt)
{
	uint32_t was = cc->cwnd;

	for (double end = *now + s; *now < end;) {
		uint32_t n = cc->cwnd / MSS;

		for (uint32_t i = 0; i < n; i++)
			ack_at(cc, *now + rtt * i / n, MSS, (uint32_t)(rtt * 1e6), true);
		*now += rtt;
	}
	return (cc->cwnd - was) / MSS;
}

TEST(a_smaller_loss_leaves_room_for_others, "R9438-5")
{
	struct tcp_cc once = fresh(), twice = fresh();
	double now = 1;

	once.cwnd = twice.cwnd = 200 * MSS;
	lose(&twice);
	gain(&twice, &now, 0.5, 0.05);
	assert_true(twice.cwnd < 200 * MSS);
	/* From the same window; the second one has been higher before. */
	once.cwnd = twice.cwnd;
	lose(&once);
	lose(&twice);
	assert_int_equal(once.cwnd, twice.cwnd);
	now = 10;
	gain(&once, &now, 4, 0.2);
	now = 10;
	gain(&twice, &now, 4, 0.2);
	assert_true(twice.cwnd < once.cwnd);
}

TEST(time_without_data_to_send_does_not_count, "R9438-1 R9438-7")
{
	struct tcp_cc idle = fresh(), slow = fresh(), busy = fresh();
	double now = 1;
	uint32_t was;

	idle.cwnd = slow.cwnd = busy.cwnd = 300 * MSS;
	lose(&idle);
	lose(&slow);
	lose(&busy);
	gain(&idle, &now, 1, 0.05);
	now = 1;
	gain(&slow, &now, 1, 0.05);
	now = 1;
	gain(&busy, &now, 1, 0.05);
	was = busy.cwnd;
	assert_int_equal(idle.cwnd, was);
	/* A minute of nothing, and a minute of less than the window. */
	idle.ops->tx_start(&idle, (uint64_t)(now + 60) * 1000 * MS, UINT64_C(60000) * MS);
	for (int i = 1; i <= 1200; i++)
		ack_at(&slow, now + i * 0.05, MSS, 50000, false);
	assert_int_equal(slow.cwnd, was);
	gain(&busy, &now, 2, 0.05);
	now += 58;
	gain(&idle, &now, 2, 0.05);
	now -= 2;
	gain(&slow, &now, 2, 0.05);
	assert_in_range(idle.cwnd, busy.cwnd - 2 * MSS, busy.cwnd + 2 * MSS);
	assert_in_range(slow.cwnd, busy.cwnd - 2 * MSS, busy.cwnd + 2 * MSS);
}

TEST(no_round_trip_grows_the_window_by_more_than_half, "R9438-1")
{
	struct tcp_cc cc = fresh();
	double now = 1;

	cc.cwnd = 20 * MSS;
	lose(&cc);
	gain(&cc, &now, 0.2, 0.2);
	for (int i = 0; i < 20; i++) {
		uint32_t was = cc.cwnd;

		now += 30; /* acknowledged at last: the curve is far up */
		gain(&cc, &now, 0.1, 0.2);
		assert_true(cc.cwnd <= was + was / 2 + MSS);
	}
}

TEST(on_a_short_path_it_is_not_slower_than_reno, "R9438-2")
{
	struct tcp_cc cubic = fresh(), reno = {.ops = &cc_newreno};
	double now = 1;
	uint64_t area[2] = {0, 0};

	tcp_cc_start(&reno, MSS, 10 * MSS, 0);
	/* A loss whenever the window reaches 60 segments: what is sent between two of them. */
	cubic.cwnd = reno.cwnd = 60 * MSS;
	lose(&cubic);
	reno.ops->cut(&reno, TCP_CC_LOSS, MSS);
	reno.cwnd = reno.ssthresh;
	for (int i = 0; i < 4000; i++, now += 0.005) {
		struct tcp_cc *both[2] = {&cubic, &reno};

		for (int k = 0; k < 2; k++) {
			uint32_t n = both[k]->cwnd / MSS;

			area[k] += n;
			for (uint32_t j = 0; j < n; j++)
				ack_at(both[k], now + 0.005 * j / n, MSS, 5000, true);
			if (both[k]->cwnd < 60 * MSS)
				continue;
			both[k]->ops->cut(both[k], TCP_CC_LOSS, MSS);
			both[k]->cwnd = both[k]->ssthresh;
		}
	}
	print_message("cubic %llu reno %llu\n", (unsigned long long)area[0],
		      (unsigned long long)area[1]);
	assert_true(area[0] * 100 >= area[1] * 97);
}

TEST(below_the_threshold_it_is_slow_start, "R9438-6")
{
	struct tcp_cc cc = fresh();

	for (int i = 0; i < 10; i++)
		ack_at(&cc, 1, MSS, 50000, true);
	assert_int_equal(cc.cwnd, 20 * MSS);
	cc.ssthresh = 21 * MSS;
	ack_at(&cc, 1, 3 * MSS, 50000, true);
	assert_int_equal(cc.cwnd, 21 * MSS);
}

TEST(an_unused_window_does_not_grow, "R9438-7")
{
	struct tcp_cc cc = fresh();

	ack_at(&cc, 1, 10 * MSS, 50000, false);
	assert_int_equal(cc.cwnd, 10 * MSS);
	cc.ssthresh = cc.cwnd;
	for (int i = 0; i < 10000; i++)
		ack_at(&cc, 1 + i * 0.01, MSS, 50000, false);
	assert_int_equal(cc.cwnd, 10 * MSS);
}

TEST(after_a_timeout_the_curve_begins_flat, "")
{
	struct tcp_cc cc = fresh();
	double now = 1;

	cc.cwnd = 100 * MSS;
	cut(&cc, TCP_CC_RTO);
	cc.cwnd = 70 * MSS; /* slow start is over */
	/* A twentieth a round trip at least, as nothing is known of the path; the curve itself gives less. */
	assert_in_range(gain(&cc, &now, 0.05, 0.05), 3, 4);
}

TEST(what_was_no_loss_leaves_the_window_at_the_origin, "")
{
	struct tcp_cc cc = fresh();
	double now = 1;

	cc.cwnd = 100 * MSS;
	cc.ssthresh = 100 * MSS;
	cut(&cc, TCP_CC_LOSS);
	cc.cwnd = cc.ssthresh = 100 * MSS;
	cc.ops->undo(&cc);
	assert_in_range(gain(&cc, &now, 0.5, 0.05), 5, 10); /* as Reno, at most */
	assert_true(cc.cwnd >= 100 * MSS);
}

TEST(another_algorithm_takes_the_window_over, "MAY-18")
{
	struct tcp_cc cc = fresh();

	cc.cwnd = 50 * MSS;
	cc.ssthresh = 40 * MSS;
	tcp_cc_switch(&cc, tcp_cc_find("reno", false), MSS);
	assert_int_equal(cc.cwnd, 50 * MSS);
	assert_int_equal(cc.ssthresh, 40 * MSS);
	for (int i = 0; i < 50; i++)
		ack_at(&cc, 1, MSS, 50000, true);
	assert_int_equal(cc.cwnd, 51 * MSS);
	tcp_cc_switch(&cc, tcp_cc_find("cubic", false), MSS);
	cut(&cc, TCP_CC_LOSS);
	assert_int_equal(cc.ssthresh, 35 * MSS);
	assert_null(tcp_cc_find("vegas", false));
}

TEST(nothing_overflows_at_the_ends, "")
{
	struct tcp_cc cc = {.ops = &cc_cubic};
	static const uint32_t mss[] = {16, 536, 65495};

	for (unsigned k = 0; k < 3; k++) {
		tcp_cc_start(&cc, mss[k], 10 * mss[k], 0);
		for (unsigned i = 0; i < 2000; i++) {
			struct tcp_cc_ack a = {.now_ns = (uint64_t)i * i * 7919 * MS,
					       .acked = i % 7 ? mss[k] * 40 : UINT32_MAX,
					       .mss = mss[k],
					       .rtt_us = i % 3 ? 1 : UINT32_MAX,
					       .srtt_us = i % 5 ? 1 : UINT32_MAX / 8,
					       .cwnd_limited = i % 11 != 0};

			cc.ops->ack(&cc, &a);
			assert_in_range(cc.cwnd, mss[k], TCP_CWND_MAX + mss[k]);
			if (i % 50 == 49) {
				cc.ops->cut(&cc, i % 2 ? TCP_CC_LOSS : TCP_CC_RTO, mss[k]);
				cc.cwnd = cc.ssthresh;
			}
			if (i % 130 == 129)
				cc.ops->tx_start(&cc, a.now_ns, UINT64_MAX);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_follows_the_cubic_within_one_percent),
		cmocka_unit_test(ten_segments_become_seven),
		cmocka_unit_test(a_smaller_loss_leaves_room_for_others),
		cmocka_unit_test(time_without_data_to_send_does_not_count),
		cmocka_unit_test(no_round_trip_grows_the_window_by_more_than_half),
		cmocka_unit_test(on_a_short_path_it_is_not_slower_than_reno),
		cmocka_unit_test(below_the_threshold_it_is_slow_start),
		cmocka_unit_test(an_unused_window_does_not_grow),
		cmocka_unit_test(after_a_timeout_the_curve_begins_flat),
		cmocka_unit_test(what_was_no_loss_leaves_the_window_at_the_origin),
		cmocka_unit_test(another_algorithm_takes_the_window_over),
		cmocka_unit_test(nothing_overflows_at_the_ends),
	};

	return tapir_test_run("unit/tcp/test_cubic", tests);
}
