/* HyStart++: RFC 9406's rules, round by round. */
#include "stack/tcp/tcp_cc.h"
#include "tests/support/test.h"

enum { MSS = 1000 };

struct flow {
	struct tcp_cc cc;
	uint32_t una, nxt;
};

static void start(struct flow *f, const struct tcp_cc_ops *ops, unsigned hystart)
{
	*f = (struct flow){.cc = {.ops = ops}};
	tcp_cc_start(&f->cc, MSS, 20 * MSS, hystart);
	f->nxt = f->cc.cwnd;
}

/* One window: each ACK a segment with an RTT of rtt_us, each answered by what the window takes. */
static void round_trip(struct flow *f, uint32_t rtt_us)
{
	uint32_t end = f->nxt;

	while (f->una != end) {
		struct tcp_cc_ack a = {.acked = MSS,
				       .mss = MSS,
				       .rtt_us = rtt_us,
				       .cwnd_limited = true};

		f->una += MSS;
		a.srtt_us = rtt_us;
		a.snd_una = f->una;
		a.snd_nxt = f->nxt;
		f->cc.ops->ack(&f->cc, &a);
		while (f->nxt - f->una + MSS <= f->cc.cwnd)
			f->nxt += MSS;
	}
}

TEST(a_steady_delay_doubles_the_window_each_round, "R9438-6")
{
	struct flow f;

	start(&f, &cc_cubic, 1);
	for (uint32_t want = 40; want < 5000; want *= 2) {
		round_trip(&f, 50000);
		assert_int_equal(f.cc.cwnd, want * MSS);
	}
}

TEST(a_growing_delay_ends_slow_start_after_five_careful_rounds, "R9438-6")
{
	struct flow f;
	uint32_t was;

	start(&f, &cc_cubic, 1);
	round_trip(&f, 50000);
	round_trip(&f, 50000);
	was = f.cc.cwnd;
	round_trip(&f, 57000); /* an eighth of 50 ms is 6.25 */
	assert_int_equal(f.cc.hs.state, TCP_HYSTART_CSS);
	assert_true(f.cc.cwnd < was + was / 2 && f.cc.cwnd > was);
	for (int i = 0; i < 4; i++) {
		was = f.cc.cwnd;
		round_trip(&f, 58000);
		assert_in_range(f.cc.cwnd, was + was / 4 - 2 * MSS, was + was / 4 + 2 * MSS);
		assert_true(f.cc.ssthresh == TCP_SSTHRESH_INF);
	}
	round_trip(&f, 58000);
	assert_true(f.cc.ssthresh < TCP_SSTHRESH_INF);
	was = f.cc.cwnd;
	round_trip(&f, 58000);
	assert_true(f.cc.cwnd < was + was / 10);
}

TEST(jitter_lets_slow_start_go_on, "R9438-6")
{
	struct flow f;
	uint32_t was;

	start(&f, &cc_cubic, 1);
	round_trip(&f, 50000);
	round_trip(&f, 50000);
	round_trip(&f, 60000);
	assert_int_equal(f.cc.hs.state, TCP_HYSTART_CSS);
	round_trip(&f, 55000);
	assert_int_equal(f.cc.hs.state, TCP_HYSTART_SLOW);
	was = f.cc.cwnd;
	round_trip(&f, 55000);
	assert_int_equal(f.cc.cwnd, 2 * was);
}

TEST(the_threshold_is_between_4_and_16_ms, "")
{
	static const struct {
		uint32_t rtt, more;
		bool ends;
	} of[] = {{8000, 3900, false},	 {8000, 4000, true},	 {100000, 12400, false},
		  {100000, 12500, true}, {400000, 15900, false}, {400000, 16000, true}};

	for (unsigned i = 0; i < 6; i++) {
		struct flow f;

		start(&f, &cc_cubic, 1);
		round_trip(&f, of[i].rtt);
		round_trip(&f, of[i].rtt);
		round_trip(&f, of[i].rtt + of[i].more);
		assert_int_equal(f.cc.hs.state == TCP_HYSTART_CSS, of[i].ends);
	}
}

TEST(eight_samples_are_needed, "")
{
	struct tcp_hystart h;
	struct tcp_cc_ack a = {.acked = MSS, .mss = MSS, .rtt_us = 50000};
	bool done;

	tcp_hystart_start(&h, TCP_HYSTART_SLOW);
	for (unsigned i = 0; i < 8; i++) {
		a.snd_una = 1000 + i;
		a.snd_nxt = 2000;
		tcp_hystart_ack(&h, &a, &done);
	}
	a.snd_una = 2001;
	a.snd_nxt = 4000;
	a.rtt_us = 80000;
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(tcp_hystart_ack(&h, &a, &done), MSS);
	assert_int_equal(h.state, TCP_HYSTART_SLOW);
	assert_int_equal(tcp_hystart_ack(&h, &a, &done), MSS / 4);
	assert_int_equal(h.state, TCP_HYSTART_CSS);
	assert_false(done);
}

TEST(the_setting_and_the_algorithm_decide_whether_it_watches, "")
{
	struct flow f;

	start(&f, &cc_cubic, 0);
	assert_int_equal(f.cc.hs.state, TCP_HYSTART_OFF);
	start(&f, &cc_newreno, 1);
	assert_int_equal(f.cc.hs.state, TCP_HYSTART_OFF);
	start(&f, &cc_newreno, 2);
	assert_int_equal(f.cc.hs.state, TCP_HYSTART_SLOW);
}

/* An ACK every gap_us, each a segment with an RTT of rtt_us, n of them. False: slow start is over. */
static bool train(struct flow *f, uint64_t *now_us, unsigned n, uint32_t gap_us, uint32_t rtt_us)
{
	while (n--) {
		struct tcp_cc_ack a = {.acked = MSS,
				       .mss = MSS,
				       .rtt_us = rtt_us,
				       .cwnd_limited = true};

		*now_us += gap_us;
		f->una += MSS;
		a.now_ns = *now_us * 1000;
		a.srtt_us = rtt_us;
		a.snd_una = f->una;
		a.snd_nxt = f->nxt;
		f->cc.ops->ack(&f->cc, &a);
		while (f->nxt - f->una + MSS <= f->cc.cwnd)
			f->nxt += MSS;
		if (f->cc.ssthresh != TCP_SSTHRESH_INF)
			return false;
	}
	return true;
}

TEST(linuxs_ends_slow_start_at_the_ninth_sample_of_a_longer_delay, "")
{
	uint64_t now_us = 1000000;
	struct flow f;

	start(&f, &cc_cubic, TCP_HYSTART_AS_LINUX);
	assert_int_equal(f.cc.hs.state, TCP_HYSTART_LINUX);
	assert_true(train(&f, &now_us, 20, 2500, 50000));
	/* 6.25 ms more are not enough, more than that are, in the first round that has none of the old. */
	assert_true(train(&f, &now_us, 200, 2500, 56250));
	assert_true(train(&f, &now_us, f.cc.cwnd / MSS, 2500, 50000));
	assert_false(train(&f, &now_us, 2 * f.cc.cwnd / MSS, 2500, 56251));
	assert_int_equal(f.cc.ssthresh, f.cc.cwnd);
	assert_int_equal(f.cc.hs.samples, 8);
}

TEST(linuxs_ends_slow_start_when_acks_fill_half_a_round_trip, "")
{
	uint64_t now_us = 1000000;
	struct flow f;

	start(&f, &cc_cubic, TCP_HYSTART_AS_LINUX);
	assert_true(train(&f, &now_us, 20, 1000, 50000));
	now_us += 30000;
	/* 40 ACKs a millisecond apart: 25.5 ms are half of the path. */
	assert_true(train(&f, &now_us, 26, 1000, 50000));
	assert_false(train(&f, &now_us, 2, 1000, 50000));
	assert_int_equal(f.cc.ssthresh, f.cc.cwnd);
}

TEST(after_a_loss_it_watches_no_more, "")
{
	struct flow f;

	start(&f, &cc_cubic, 1);
	round_trip(&f, 50000);
	round_trip(&f, 50000);
	f.cc.ops->cut(&f.cc, TCP_CC_RTO, MSS);
	f.cc.cwnd = 20 * MSS;
	f.nxt = f.una + 20 * MSS;
	round_trip(&f, 90000);
	assert_int_equal(f.cc.cwnd, 40 * MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steady_delay_doubles_the_window_each_round),
		cmocka_unit_test(a_growing_delay_ends_slow_start_after_five_careful_rounds),
		cmocka_unit_test(jitter_lets_slow_start_go_on),
		cmocka_unit_test(the_threshold_is_between_4_and_16_ms),
		cmocka_unit_test(eight_samples_are_needed),
		cmocka_unit_test(the_setting_and_the_algorithm_decide_whether_it_watches),
		cmocka_unit_test(linuxs_ends_slow_start_at_the_ninth_sample_of_a_longer_delay),
		cmocka_unit_test(linuxs_ends_slow_start_when_acks_fill_half_a_round_trip),
		cmocka_unit_test(after_a_loss_it_watches_no_more),
	};

	return tapir_test_run("unit/tcp/test_hystart", tests);
}
