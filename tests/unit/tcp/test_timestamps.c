/*
 * Timestamps and PAWS (RFC 7323): what is remembered, what is dropped, what the round-trip time is made of; and
 * clocks of 32 bits that wrap.
 */
#include <errno.h>

#include "tests/support/tcpopt.h"

/* The peer's clock at the handshake: it wraps while tests go on. */
enum { T0 = 0 };
#define TS(n) (0xfffffff0u + (n))

static int begin(void **state)
{
	static struct tf f;

	tf_open(&f);
	tf_syn_opts(&f, TS(T0));
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	*state = &f;
	return 0;
}

static int end(void **state)
{
	tf_close(*state);
	return 0;
}

/* Our clock as the last segment told it. */
static uint32_t ours(struct tf *f)
{
	return tcp_ts_now(f->w.t, tf_conn(f)->ts_off);
}

static void text(struct tf *f, uint32_t at, uint32_t tsval, uint32_t len)
{
	tf_seg_ts(f, TF_ACK, f->rcv + at, f->snd, tsval, ours(f), len);
}

/* The next segment acknowledges `at` bytes and echoes `tsecr`. */
static void expect_echo(struct tf *f, uint32_t at, uint32_t tsecr)
{
	uint32_t val, ecr;

	tf_expect(f, TF_ACK, f->snd, f->rcv + at, 0);
	assert_true(tf_ts(f, &val, &ecr));
	assert_int_equal(ecr, tsecr);
}

TEST(the_echo_is_of_the_segment_that_the_last_ack_asked_for, "R7323-16")
{
	struct tf *f = *state;

	f->w.t->conf.tcp_quickack_segs = 0;
	f->w.t->conf.tcp_delack_min_ms = 40;
	tf_conn(f)->quickacks = 0;
	text(f, 0, TS(1), 100);
	tf_quiet(f); /* delayed */
	text(f, 100, TS(5), 100);
	world_step(&f->w, 600 * WORLD_MS);
	expect_echo(f, 200, TS(1)); /* the earliest */
	/* Behind a gap nothing is learnt; what fills it is echoed. */
	text(f, 300, TS(20), 100);
	expect_echo(f, 200, TS(1));
	text(f, 200, TS(18), 100);
	expect_echo(f, 400, TS(18));
	/* An older one than that is not, though it is in order: PAWS, which lets one tick pass, as Linux. */
	text(f, 400, TS(16), 100);
	expect_echo(f, 400, TS(18));
	/* An equal one is. */
	text(f, 400, TS(18), 100);
	world_step(&f->w, 600 * WORLD_MS);
	expect_echo(f, 500, TS(18));
	tf_quiet(f);
}

TEST(only_valid_segments_teach_their_timestamp, "TC-16 R7323-16 R5961-4")
{
	struct tf *f = *state;
	uint32_t before = tf_conn(f)->ts_recent;
	uint32_t wnd = tf_info(f).rcv_wnd;

	/* Outside the window, with an impossible or a missing ACK, as RST or SYN elsewhere, as URG. */
	tf_seg_ts(f, TF_ACK, f->rcv + wnd + 1, f->snd, TS(0x7000000), 0, 100);
	tf_seg_ts(f, TF_ACK, f->rcv - 200, f->snd, TS(0x7000000), 0, 100);
	tf_seg_ts(f, TF_ACK, f->rcv, f->snd + 1, TS(0x7000000), 0, 100);
	tf_seg_ts(f, TF_ACK, f->rcv, f->snd - 0x40000000, TS(0x7000000), 0, 100);
	tf_seg_ts(f, 0, f->rcv, 0, TS(0x7000000), 0, 100);
	tf_seg_ts(f, TF_RST, f->rcv + 1, 0, TS(0x7000000), 0, 0);
	tf_seg_ts(f, TF_SYN, f->rcv, 0, TS(0x7000000), 0, 0);
	tf_seg_ts(f, TF_SYN | TF_ACK, f->rcv + 5, f->snd, TS(0x7000000), 0, 0);
	(void)tf_drain(f);
	assert_int_equal(tf_conn(f)->ts_recent, before);
	/* So what the peer really sends is still taken. */
	text(f, 0, TS(1), 10);
	expect_echo(f, 10, TS(1));
}

TEST(an_old_timestamp_drops_text_with_an_ack_and_never_a_reset, "R7323-17 TC-16")
{
	struct tf *f = *state;
	uint8_t buf[10];

	text(f, 0, TS(100), 10);
	expect_echo(f, 10, TS(100));
	assert_int_equal(tf_read(f, buf, 10), 10);
	text(f, 10, TS(98), 10);
	expect_echo(f, 10, TS(100));
	assert_int_equal(tf_read(f, buf, 10), -EAGAIN);
	assert_int_equal(world_drops(&f->w, DROP_TCP_PAWS), 1);
	/* Across the sign: half the circle behind is old, the rest is new. */
	text(f, 10, TS(100) + 0x80000001u, 10);
	expect_echo(f, 10, TS(100));
	text(f, 10, TS(100) + 0x7fffffffu, 10);
	expect_echo(f, 20, TS(100) + 0x7fffffffu);
	/* An RST with the right number is believed however old it looks. */
	tf_seg_ts(f, TF_RST, f->rcv + 20, 0, TS(0), 0, 0);
	assert_int_equal(tf_state(f), TAPIR_TCP_CLOSED);
}

/* As Linux; RFC 7323 3.2 would have them dropped. They teach no timestamp. */
TEST(a_segment_without_the_agreed_timestamp_is_taken, "")
{
	struct tf *f = *state;

	tf_seg(f, TF_ACK, f->rcv, f->snd, 10);
	expect_echo(f, 10, TS(0));
	tf_seg(f, TF_FIN | TF_ACK, f->rcv + 10, f->snd, 0);
	assert_int_equal(tf_state(f), TAPIR_TCP_CLOSE_WAIT);
	tf_seg(f, TF_RST, f->rcv + 11, 0, 0);
	assert_int_equal(tf_state(f), TAPIR_TCP_CLOSED);
}

/* A peer that lost its memory, and perhaps its timestamps, must get an answer that it can reset. */
TEST(a_syn_without_timestamps_is_challenged_all_the_same, "R5961-3 EVT-54 TC-62")
{
	struct tf *f = *state;

	tf_answer_all(f);
	tf_seg(f, TF_SYN, f->rcv + 1000, 0, 0);
	tf_expect(f, TF_ACK, f->snd, f->rcv, 0);
	tf_seg(f, TF_SYN, f->irs + 0x50000000, 0, 0);
	tf_expect(f, TF_ACK, f->snd, f->rcv, 0);
	tf_seg(f, TF_SYN | TF_ACK, f->rcv, f->snd, 100);
	tf_expect(f, TF_ACK, f->snd, f->rcv, 0);
	assert_int_equal(tf_state(f), TAPIR_TCP_ESTABLISHED);
	tf_seg(f, TF_RST, f->rcv, 0, 0);
	assert_int_equal(tf_state(f), TAPIR_TCP_CLOSED);
}

TEST(a_timestamp_that_was_never_agreed_is_ignored_and_its_segment_is_not, "R7323-13 R7323-2")
{
	struct tf f;
	uint32_t a, b;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg_ts(&f, TF_ACK, f.rcv, f.snd, 1000, 77, 10);
	tf_expect(&f, TF_ACK, f.snd, f.rcv + 10, 0);
	assert_false(tf_ts(&f, &a, &b));
	tf_seg_ts(&f, TF_ACK, f.rcv + 10, f.snd, 1, 77, 10);
	tf_expect(&f, TF_ACK, f.snd, f.rcv + 20, 0);
	tf_close(&f);

	/* Off by setting, offered by the peer. */
	tf_init(&f);
	f.w.conf.tcp_timestamps = 0;
	tf_start(&f);
	tf_syn_opts(&f, 5);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg_ts(&f, TF_ACK, f.rcv, f.snd, 4, 0, 10);
	tf_expect(&f, TF_ACK, f.snd, f.rcv + 10, 0);
	assert_false(tf_ts(&f, &a, &b));
	tf_close(&f);
}

TEST(every_segment_has_it_and_a_syn_echoes_nothing, "R7323-11 R7323-14 R7323-10")
{
	struct tf *f = *state;
	uint32_t val = 0, ecr, last = 0;
	uint8_t seen = 0;
	static const uint8_t syn_ack[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0};

	for (unsigned i = 0; i < 4; i++) {
		if (i == 0)
			assert_int_equal(tf_write(f, 100), 100);
		else if (i == 1)
			world_step(&f->w, 3 * WORLD_S); /* a retransmission */
		else if (i == 2)
			text(f, 0, TS(3), 10);
		else
			assert_int_equal(tapir_shutdown(f->w.t, f->s, TAPIR_SHUT_WR), 0);
		if (i == 2) /* so that the FIN may leave */
			tf_seg_ts(f, TF_ACK, f->rcv + 10, f->snd + 100, TS(3), 0, 0);
		while (tf_pop(f)) {
			seen |= f->p.flags;
			assert_true(tf_ts(f, &val, &ecr));
			assert_true((int32_t)(val - last) >= 0 || last == 0);
			assert_int_equal(ecr, i < 2 ? TS(T0) : TS(3));
			last = val;
		}
	}
	assert_int_equal(seen & TF_FIN, TF_FIN);
	tf_close(f);

	tf_open(f);
	tf_to(f, TAPIR_TCP_CLOSED, TF_ACTIVE);
	assert_int_equal(tapir_close(f->w.t, f->s), 0);
	f->s = 0;
	tf_to(f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	world_step(&f->w, 1500 * WORLD_MS);
	assert_true(tf_pop(f));
	assert_int_equal(f->p.flags, TF_SYN);
	assert_true(tf_ts(f, &val, &ecr));
	assert_int_equal(ecr, 0);
	/* TSecr of zero in the answer is no echo: nothing is measured by it. */
	tf_seg_opts(f, f->rport, TF_SYN | TF_ACK, f->irs, f->snd, syn_ack, sizeof(syn_ack), 0);
	f->rcv = f->irs + 1;
	tf_expect_ack(f);
	assert_true(tf_ts(f, &val, &ecr));
	assert_int_equal(ecr, 9);
	assert_int_equal(tf_info(f).rtt, 0);
}

TEST(only_an_ack_that_advances_measures, "R7323-15")
{
	struct tf *f = *state;
	uint32_t rtt, sent;

	assert_int_equal(tf_write(f, 100), 100);
	tf_drain(f);
	sent = ours(f);
	world_step(&f->w, 50 * WORLD_MS);
	tf_seg_ts(f, TF_ACK, f->rcv, f->snd + 100, TS(1), sent, 0);
	rtt = tf_info(f).rtt;
	assert_true(rtt > 0);
	/* Ten seconds later an old echo comes: no sample, neither with an ACK nor with text. */
	world_step(&f->w, 10 * WORLD_S);
	tf_seg_ts(f, TF_ACK, f->rcv, f->snd + 100, TS(2), sent, 0);
	tf_seg_ts(f, TF_ACK, f->rcv, f->snd + 100, TS(3), sent, 100);
	assert_int_equal(tf_info(f).rtt, rtt);
}

TEST(forged_echoes_move_the_timer_within_bounds_only, "TC-35 TC-49")
{
	static const uint32_t back[] = {0, 1, 100000, 1000000, 0x7fffffff, 0x80000000, 0xfffffffe};
	struct tf *f = *state;
	uint32_t at = 0;

	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(tf_write(f, 10), 10);
		tf_drain(f);
		/* Sent twice, so that the echo is what decides. */
		world_step(&f->w, (uint64_t)tf_info(f).rto * 1000 + WORLD_MS);
		assert_int_equal(tf_drain(f), 1);
		at += 10;
		tf_seg_ts(f, TF_ACK, f->rcv, f->snd + at, TS(i), ours(f) - back[i % 7], 0);
		assert_int_equal(tf_info(f).unacked, 0);
		assert_in_range(tf_conn(f)->rtt.rto_us, (uint32_t)f->w.conf.tcp_rto_min_us,
				(uint32_t)f->w.conf.tcp_rto_max_ms * 1000);
		assert_true(tf_info(f).rtt > 0);
	}
}

/* ---- time ---- */

TEST(after_a_time_the_remembered_timestamp_means_nothing, "R7323-18")
{
	struct tf *f = *state;

	text(f, 0, TS(1000), 10);
	expect_echo(f, 10, TS(1000));
	/* As Linux after 2147 s, half a round of a clock of microseconds; RFC 7323 says 24 days. */
	world_step(&f->w, 2100 * WORLD_S);
	text(f, 10, TS(1000) - 5, 10);
	expect_echo(f, 10, TS(1000));
	world_step(&f->w, 100 * WORLD_S);
	/* The peer's clock has gone more than half around, and looks old. */
	text(f, 10, TS(1000) + 0x80000100u, 10);
	expect_echo(f, 20, TS(1000) + 0x80000100u);
}

/* What waits, in each state that has a timer, at a time close to a wrap of 32-bit ms, and of 10 ms ticks. */
static void timers_at(uint64_t start_ms)
{
	struct tf f;
	uint64_t t0;

	/* retransmission, delayed ACK */
	tf_init(&f);
	f.w.conf.tcp_quickack_segs = 0;
	f.w.conf.tcp_delack_min_ms = 40;
	tf_start(&f);
	tapir_advance(f.w.t, start_ms * WORLD_MS);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 10);
	tf_quiet(&f);
	world_step(&f.w, 500 * WORLD_MS);
	f.rcv += 10;
	tf_expect_ack(&f);
	assert_int_equal(tf_write(&f, 10), 10);
	assert_int_equal(tf_drain(&f), 1);
	world_step(&f.w, 3 * WORLD_S);
	assert_in_range(tf_drain(&f), 1, 4);
	/* a closed window */
	f.wnd = 0;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 10, 0);
	f.snd += 10;
	assert_int_equal(tf_write(&f, 10), 10);
	tf_quiet(&f);
	world_step(&f.w, 3 * WORLD_S);
	assert_in_range(tf_drain(&f), 1, 5);
	tf_close(&f);

	/* TIME-WAIT: 2 MSL, neither more nor less */
	tf_open(&f);
	tapir_advance(f.w.t, start_ms * WORLD_MS);
	tf_to(&f, TAPIR_TCP_TIME_WAIT, TF_PASSIVE);
	t0 = 2 * (uint64_t)f.w.conf.tcp_msl_ms * WORLD_MS;
	world_step(&f.w, t0 - 100 * WORLD_MS);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	world_step(&f.w, 200 * WORLD_MS);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	tf_close(&f);

	/* a record that nobody answers, and FIN-WAIT-2 without a program */
	tf_open(&f);
	tapir_advance(f.w.t, start_ms * WORLD_MS);
	tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
	world_step(&f.w, 130 * WORLD_S);
	assert_int_equal(tf_drain(&f), 5);
	assert_int_equal(tf_count(&f, TAPIR_TCP_SYN_RECEIVED), 0);
	tf_close(&f);
	tf_open(&f);
	tapir_advance(f.w.t, start_ms * WORLD_MS);
	tf_to(&f, TAPIR_TCP_FIN_WAIT_2, TF_ACTIVE);
	assert_int_equal(tapir_close(f.w.t, f.s), 0);
	world_step(&f.w, (uint64_t)(f.w.conf.tcp_fin_timeout_s - 1) * WORLD_S);
	assert_int_equal(tf_state(&f), TAPIR_TCP_FIN_WAIT_2);
	world_step(&f.w, 2 * WORLD_S);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	tf_close(&f);
}

TEST(timers_fire_across_the_wrap_of_32_bit_milliseconds, "CL-36 CL-35")
{
	static const uint64_t wraps[] = {UINT64_C(1) << 31, UINT64_C(1) << 32, UINT64_C(3) << 31,
					 UINT64_C(1) << 33};

	for (unsigned i = 0; i < 4; i++) {
		for (uint64_t before = 0; before <= 64000; before += 16000)
			timers_at(wraps[i] - before - 250);
	}
}

TEST(time_wait_ends_after_497_days_of_running, "CL-35")
{
	/* 2^32 ticks of 10 ms, and 2^31 of them. */
	timers_at((UINT64_C(1) << 32) * 10 - 20000);
	timers_at((UINT64_C(1) << 31) * 10 - 20000);
}

TEST(our_clock_wraps_without_a_step_back, "R7323-19 CL-36")
{
	struct tf f;
	uint32_t val = 0, ecr, last = 0;

	tf_open(&f);
	tf_syn_opts(&f, 1);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	/* To a second before the clock and its offset wrap. */
	world_step(&f.w, (uint64_t)(uint32_t)(0u - ours(&f) - 1000) * WORLD_MS);
	for (unsigned i = 0; i < 14; i++) {
		text(&f, 10 * i, 1 + i, 10);
		assert_true(tf_pop(&f));
		assert_true(tf_ts(&f, &val, &ecr));
		if (i)
			assert_int_equal(val - last, 100);
		last = val;
		world_step(&f.w, 100 * WORLD_MS);
		(void)tf_drain(&f);
	}
	assert_true(last < 2000);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
		T(the_echo_is_of_the_segment_that_the_last_ack_asked_for),
		T(only_valid_segments_teach_their_timestamp),
		T(an_old_timestamp_drops_text_with_an_ack_and_never_a_reset),
		T(a_segment_without_the_agreed_timestamp_is_taken),
		T(a_syn_without_timestamps_is_challenged_all_the_same),
		cmocka_unit_test(
			a_timestamp_that_was_never_agreed_is_ignored_and_its_segment_is_not),
		T(every_segment_has_it_and_a_syn_echoes_nothing),
		T(only_an_ack_that_advances_measures),
		T(forged_echoes_move_the_timer_within_bounds_only),
		T(after_a_time_the_remembered_timestamp_means_nothing),
		cmocka_unit_test(timers_fire_across_the_wrap_of_32_bit_milliseconds),
		cmocka_unit_test(time_wait_ends_after_497_days_of_running),
		cmocka_unit_test(our_clock_wraps_without_a_step_back),
	};

	return tapir_test_run("unit/tcp/test_timestamps", tests);
}
