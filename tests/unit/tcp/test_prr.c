/*
 * Proportional rate reduction as arithmetic (RFC 9937 6.2), fed with the ACKs of whole flights.
 */
#include "stack/tcp/tcp_recovery.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

struct run {
	struct tcp_prr p;
	unsigned sent, most; /* segments in all, and the most for one ACK */
};

/* One ACK delivers `now`; what the quota allows is sent. `pipe` is what is in flight after the ACK. */
static unsigned step(struct run *r, unsigned now, bool safe, unsigned pipe)
{
	unsigned q;

	r->p.delivered += now;
	r->p.pipe = pipe;
	q = tcp_prr_quota(&r->p, now, safe);
	r->p.out += q;
	r->sent += q;
	if (q > r->most)
		r->most = q;
	return q;
}

/* Twenty in flight, the first lost: each of nineteen SACKs delivers one. RFC 9937 4, first example. */
TEST(one_loss_of_twenty_sends_one_for_two, "R6937-1 R9937-3")
{
	struct run r = {.p = {.ssthresh = 10, .recover_fs = 20}};
	unsigned pipe = 20 - 1 - 3; /* one lost, the third SACK begins recovery */
	unsigned pattern = 0;

	for (unsigned i = 0; i < 17; i++) {
		unsigned q = step(&r, 1, false, pipe);

		assert_true(q <= 1);
		pattern = pattern << 1 | q;
		pipe = pipe + q - 1;
	}
	/* The retransmission first, then every second ACK sends one, until the flight is down to ssthresh. */
	assert_int_equal(pattern >> 5, 0xaaa);
	assert_in_range(pipe, 9, 10);
}

/* Fifteen of twenty lost: the flight is below ssthresh at once, and grows back by what is delivered, no burst. */
TEST(heavy_loss_grows_back_by_what_is_delivered, "R9937-3 R8985-9")
{
	struct run r = {.p = {.ssthresh = 10, .recover_fs = 20}};
	unsigned pipe = 2;

	assert_int_equal(step(&r, 3, false, pipe), 3);
	pipe += 3;
	/* An ACK that moves SND.UNA without further loss lets one more go; one with a loss does not. */
	pipe -= 1;
	assert_int_equal(step(&r, 1, true, pipe), 2);
	pipe += 2 - 1;
	assert_int_equal(step(&r, 1, false, pipe), 1);
	pipe += 1;
	/* But never beyond ssthresh. */
	for (unsigned i = 0; i < 20; i++) {
		pipe -= 1;
		pipe += step(&r, 1, true, pipe);
		assert_true(pipe <= 10);
	}
	assert_int_equal(pipe, 10);
}

TEST(the_first_retransmission_goes_in_any_case, "R9937-3")
{
	struct tcp_prr p = {.delivered = 1, .out = 0, .ssthresh = 2, .recover_fs = 100, .pipe = 80};

	assert_int_equal(tcp_prr_quota(&p, 1, false), 1);
	p.out = 1;
	assert_int_equal(tcp_prr_quota(&p, 1, false), 0);
	p = (struct tcp_prr){.delivered = 1, .ssthresh = 5, .recover_fs = 10, .pipe = 5};
	assert_int_equal(tcp_prr_quota(&p, 1, true), 1);
	p.recover_fs = 0; /* nothing was in flight: no division */
	p.pipe = 9;
	assert_true(tcp_prr_quota(&p, 1, true) < 100);
}

TEST(random_recoveries_keep_the_bounds, "R9937-3 R8985-9")
{
	struct rnd rnd = {.state = 9937};

	for (unsigned i = 0; i < 20000; i++) {
		unsigned fs = 4 + rnd_below(&rnd, 2000), lost = 1 + rnd_below(&rnd, fs / 2);
		struct run r = {.p = {.ssthresh = max_u32(fs * (5 + rnd_below(&rnd, 4)) / 10, 2),
				      .recover_fs = fs}};
		unsigned left = fs - lost, pipe = left, delivered = 0;

		while (left > 0) {
			unsigned now = min_u32(left, 1 + rnd_below(&rnd, 4)), q;
			bool safe = rnd_below(&rnd, 2);

			left -= now;
			pipe -= now;
			delivered += now;
			q = step(&r, now, safe, pipe);
			/* No more than is due, or than was delivered and one more an ACK. */
			if (pipe > r.p.ssthresh)
				assert_true(r.sent <= delivered * r.p.ssthresh / fs + 1);
			else
				assert_true(q <= max_u32(1, r.p.ssthresh - pipe));
			pipe += q;
			assert_true(pipe <= max_u32(r.p.ssthresh + 1, fs - lost));
		}
		/* After a round trip the flight is at ssthresh, or was below it all along. */
		assert_true(pipe <= r.p.ssthresh + 1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_loss_of_twenty_sends_one_for_two),
		cmocka_unit_test(heavy_loss_grows_back_by_what_is_delivered),
		cmocka_unit_test(the_first_retransmission_goes_in_any_case),
		cmocka_unit_test(random_recoveries_keep_the_bounds),
	};

	return tapir_test_run("unit/tcp/test_prr", tests);
}
