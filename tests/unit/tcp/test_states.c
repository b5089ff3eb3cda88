/*
 * RFC 9293 3.10.7.4, SEGMENT ARRIVES in the synchronized states, the first four checks: sequence number, RST, SYN
 * (EVT-14 to EVT-24). The ACK and what follows it: test_states_ack.c. What the user calls do in every state is
 * test_calls.c; LISTEN, records and TIME-WAIT have tests of their own too.
 */
#include <errno.h>

#include "tests/unit/tcp/states.h"

/* ---- first: the sequence number ---- */

TEST(an_unacceptable_segment_is_answered_and_changes_nothing, "EVT-18 EVT-61")
{
	static struct tf f;

	EACH_SYNCED(&f, i, how)
	{
		struct whole before = look(&f);

		tf_seg(&f, TF_ACK, f.rcv - 100, f.snd, 50);
		tf_expect_ack(&f);
		tf_seg(&f, TF_ACK, f.rcv + window(&f) + 1, f.snd, 1);
		tf_expect_ack(&f);
		tf_seg(&f, TF_ACK, f.rcv + window(&f) + 1, f.snd, 0);
		tf_expect_ack(&f);
		tf_quiet(&f);
		assert_untouched(&f, &before);
		assert_int_equal(world_stat(&f.w, STAT_Tcp_OutRsts), 0);
	}
}

TEST(bare_acks_out_of_the_window_are_answered_at_a_bounded_rate, "EVT-18 TC-39")
{
	static struct tf f;

	EACH_SYNCED(&f, i, how)
	{
		for (int k = 0; k < 100; k++)
			tf_seg(&f, TF_ACK, f.rcv - 10, f.snd, 0);
		assert_int_equal(tf_drain(&f), 1);
	}
}

/* An established connection with a receive window of few bytes. */
static uint32_t small_window(struct tf *f)
{
	int size = 2048;

	tf_open(f);
	tf_listen(f);
	assert_int_equal(tapir_setsockopt(f->w.t, f->ls, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, &size,
					  sizeof(size)),
			 0);
	tf_shake(f, f->rport);
	f->s = tapir_accept(f->w.t, f->ls, NULL);
	assert_true(f->s > 0);
	return window(f);
}

/* As Linux: a segment that begins within the window is taken whole while nothing waits to be read. */
TEST(text_that_begins_within_the_window_is_taken_whole, "EVT-17 EVT-19 TC-47")
{
	static uint8_t buf[65536];
	static struct tf f;
	uint32_t wnd = small_window(&f);
	const int32_t w = (int32_t)wnd;
	const int32_t around[] = {-w - 2, -w,	 -5,	-2,    -1, 0,	  1,
				  2,	  w / 2, w - 2, w - 1, w,  w + 1, w + 2};
	const int32_t lens[] = {1, 2, 3, 5, 6, w - 1, w, w + 1, w + 2, 2 * w, 2 * w + 5};

	tf_close(&f);
	assert_in_range(wnd, 1000, 10000);
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		for (size_t k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
			int32_t seq = around[i], end = seq + lens[k];
			int32_t want = seq <= 0 && end > 0 ? end : 0;
			int64_t got;

			small_window(&f);
			tf_seg(&f, TF_ACK, f.rcv + (uint32_t)seq, f.snd, (uint32_t)lens[k]);
			got = tf_read(&f, buf, sizeof(buf));
			assert_int_equal(got, want ? want : -EAGAIN);
			for (int64_t b = 0; b < got; b++)
				assert_int_equal(buf[b], (uint8_t)(f.rcv + (uint32_t)b));
			tf_drain(&f);
			/* What came ahead is kept: filling the gap gives it all at once. */
			if (seq > 0 && seq < w && got < 0) {
				tf_seg(&f, TF_ACK, f.rcv, f.snd, (uint32_t)seq);
				assert_int_equal(tf_read(&f, buf, sizeof(buf)), end);
				for (int32_t b = 0; b < end; b++)
					assert_int_equal(buf[b], (uint8_t)(f.rcv + (uint32_t)b));
			}
			tf_close(&f);
		}
	}
}

TEST(a_fin_beyond_the_window_is_not_processed, "EVT-19")
{
	struct tf f;
	uint32_t wnd = small_window(&f);

	tf_seg(&f, TF_ACK, f.rcv, f.snd, 5);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv + 5, f.snd, wnd - 4);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
	/* One right behind the window is, as in Linux: it needs no room. So is one that fits. */
	wnd = small_window(&f);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, wnd);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSE_WAIT);
	tf_close(&f);
	wnd = small_window(&f);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, wnd - 1);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSE_WAIT);
	tf_close(&f);
}

TEST(old_bytes_of_an_overlap_are_not_delivered_again, "EVT-19")
{
	struct tf f;
	uint8_t buf[64];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 10);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 10);
	tf_seg(&f, TF_ACK, f.rcv + 5, f.snd, 10);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 5);
	assert_int_equal(buf[0], (uint8_t)(f.rcv + 10));
	tf_close(&f);
}

/* Acceptability of segments without text, at any place in the sequence space. */
TEST(a_bare_ack_counts_within_the_window_only, "EVT-15")
{
	static const uint32_t irs[] = {1000, 0xffffffff - 40000, 0x7fffffff - 40000};

	for (size_t k = 0; k < 3; k++) {
		struct tf f;
		uint32_t wnd;

		tf_open(&f);
		f.irs = irs[k];
		tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
		wnd = window(&f);
		tf_write(&f, 300);
		tf_drain(&f);
		tf_seg(&f, TF_ACK, f.rcv - 1, f.snd + 100, 0);
		assert_int_equal(tf_info(&f).snd_una, f.snd);
		tf_seg(&f, TF_ACK, f.rcv + wnd + 1, f.snd + 100, 0);
		assert_int_equal(tf_info(&f).snd_una, f.snd);
		tf_seg(&f, TF_ACK, f.rcv, f.snd + 100, 0);
		assert_int_equal(tf_info(&f).snd_una, f.snd + 100);
		tf_seg(&f, TF_ACK, f.rcv + wnd - 1, f.snd + 200, 0);
		assert_int_equal(tf_info(&f).snd_una, f.snd + 200);
		tf_close(&f);
	}
}

/* Fills the receive buffer until the window is closed. */
static void close_window(struct tf *f)
{
	for (int i = 0; i < 1000 && window(f) > 0; i++) {
		uint32_t n = window(f) > 1000 ? 1000 : window(f);

		tf_seg(f, TF_ACK, f->rcv, f->snd, n);
		f->rcv += n;
		world_step(&f->w, WORLD_S);
		tf_drain(f);
	}
	assert_int_equal(window(f), 0);
}

TEST(with_the_window_closed_bare_acks_count_and_text_does_not, "EVT-14 EVT-16")
{
	static uint8_t buf[65536];
	struct tf f;
	int64_t had;

	small_window(&f);
	close_window(&f);
	tf_write(&f, 300);
	tf_drain(&f);
	/* Length 0 at RCV.NXT: acceptable. */
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 100, 0);
	assert_int_equal(tf_info(&f).snd_una, f.snd + 100);
	tf_quiet(&f);
	/* Beyond it: not. */
	tf_seg(&f, TF_ACK, f.rcv + 1, f.snd + 200, 0);
	assert_int_equal(tf_info(&f).snd_una, f.snd + 100);
	tf_expect(&f, TF_ACK, f.snd + 300, f.rcv, 0);
	/* A probe of one byte: answered with window 0, and, as Linux from 6.17 on, not heard while something is unread. */
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 300, 1);
	tf_expect(&f, TF_ACK, f.snd + 300, f.rcv, 0);
	assert_int_equal(f.p.wnd, 0);
	assert_int_equal(tf_info(&f).snd_una, f.snd + 100);
	had = (int64_t)(f.rcv - f.irs - 1);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), had);
	tf_close(&f);
}

TEST(with_the_window_closed_a_reset_at_the_next_number_counts, "MUST-66 EVT-16")
{
	struct tf f;

	small_window(&f);
	close_window(&f);
	tf_seg(&f, TF_RST, f.rcv + 1, 0, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	tf_close(&f);
}

/* ---- second: RST ---- */

static bool got_fin(enum tapir_tcp_state s)
{
	return s == TAPIR_TCP_CLOSE_WAIT || s == TAPIR_TCP_CLOSING || s == TAPIR_TCP_LAST_ACK;
}

TEST(only_the_exact_reset_resets_and_others_are_challenged_or_unheard, "EVT-20 R5961-1 TC-11 TC-51")
{
	static struct tf f;

	EACH_SYNCED(&f, i, how)
	{
		struct whole before = look(&f);
		uint32_t wnd = window(&f);
		const uint32_t in[] = {1, 2, wnd / 2, wnd - 1},
			       out[] = {-2u, -1000u, wnd + 1, 0x80000000};
		const bool closed = got_fin((enum tapir_tcp_state)tf_state(&f));

		tf_answer_all(&f);
		for (size_t k = 0; k < 4; k++) {
			tf_seg(&f, TF_RST, f.rcv + in[k], 0, 0);
			tf_expect_ack(&f);
			tf_seg(&f, TF_RST | TF_ACK, f.rcv + in[k], f.snd, 0);
			tf_expect_ack(&f);
			tf_seg(&f, TF_RST, f.rcv + out[k], 0, 0);
			tf_quiet(&f);
		}
		assert_untouched(&f, &before);
		assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPChallengeACK), 8);
		/* As Linux: a peer that closed may not count its FIN. */
		tf_seg(&f, TF_RST, f.rcv - 1, 0, 0);
		assert_int_equal(tf_count(&f, 0), closed ? 0 : 1);
		tf_seg(&f, TF_RST, f.rcv, 0, 0);
		tf_quiet(&f);
		assert_int_equal(tf_count(&f, 0), 0);
	}
}

TEST(an_active_opening_that_is_reset_says_so, "EVT-21 MUST-11")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_ACTIVE);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_int_equal(tf_error(&f), ECONNRESET); /* as Linux; RFC 9293: refused */
	tf_close(&f);
}

TEST(a_reset_ends_reading_and_writing_and_frees, "EVT-22 MUST-12 EVT-23 SHLD-2")
{
	static struct tf f;
	uint8_t buf[10];

	EACH_SYNCED(&f, i, how)
	{
		size_t live;

		if (synced[i] == TAPIR_TCP_ESTABLISHED || synced[i] == TAPIR_TCP_CLOSE_WAIT)
			tf_write(&f, 10000);
		tf_drain(&f);
		live = f.w.alloc.live_bytes;
		tf_seg(&f, TF_RST, f.rcv, 0, 20); /* its text is ignored */
		tf_quiet(&f);
		assert_int_equal(tf_count(&f, 0), 0);
		assert_true(tapir_poll(f.w.t, f.s) & TAPIR_ERR);
		assert_true(tapir_poll(f.w.t, f.s) & TAPIR_HUP);
		/* After its FIN the end of the stream had been reached already. */
		if (got_fin(synced[i])) {
			assert_int_equal(tf_read(&f, buf, sizeof(buf)), 0);
			assert_int_equal(tf_error(&f),
					 synced[i] == TAPIR_TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
		} else {
			assert_int_equal(tf_read(&f, buf, sizeof(buf)), -ECONNRESET);
		}
		assert_true(tf_write(&f, 1) < 0);
		assert_true(f.w.alloc.live_bytes <= live);
		tf_quiet(&f);
	}
}

/* ---- fourth: SYN ---- */

TEST(a_syn_is_challenged_wherever_it_lies, "EVT-24 R5961-3 TC-11")
{
	static struct tf f;

	EACH_SYNCED(&f, i, how)
	{
		struct whole before = look(&f);
		const uint32_t at[] = {0, 1, window(&f) / 2, window(&f) + 5, -1u, -100000u};

		tf_answer_all(&f);
		for (size_t k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
			tf_seg(&f, TF_SYN, f.rcv + at[k], 0, 0);
			tf_expect_ack(&f);
			tf_seg(&f, TF_SYN | TF_ACK, f.rcv + at[k], f.snd, 0);
			tf_expect_ack(&f);
		}
		assert_untouched(&f, &before);
	}
}

TEST(text_behind_a_syn_in_mid_stream_is_not_delivered, "TC-62")
{
	struct tf f;
	uint8_t buf[200];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_answer_all(&f);
	tf_seg(&f, TF_SYN | TF_ACK | TF_PSH, f.rcv, f.snd, 100);
	tf_expect_ack(&f);
	tf_seg(&f, TF_SYN | TF_ACK | TF_PSH, f.rcv + 10, f.snd, 100);
	tf_expect_ack(&f);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), -EAGAIN);
	tf_close(&f);
}

/* RFC 9293 figure 10: the peer lost its memory; its new SYN is answered by ACK, its RST clears, it opens. */
TEST(a_half_open_connection_is_found_and_cleared, "EVT-54")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	f.irs = f.rcv - 400000;
	tf_seg(&f, TF_SYN, f.irs, 0, 0);
	tf_expect_ack(&f);
	tf_seg(&f, TF_RST, f.p.ack, 0, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	assert_int_equal(tf_error(&f), ECONNRESET);
	tf_shake(&f, f.rport);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

/* Figure 11: we send; the peer that knows nothing resets. */
TEST(data_to_a_peer_that_rebooted_ends_the_connection, "EVT-55")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_write(&f, 30);
	assert_true(tf_pop(&f));
	tf_seg(&f, TF_RST, f.p.ack, 0, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	assert_int_equal(tf_error(&f), ECONNRESET);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unacceptable_segment_is_answered_and_changes_nothing),
		cmocka_unit_test(bare_acks_out_of_the_window_are_answered_at_a_bounded_rate),
		cmocka_unit_test(text_that_begins_within_the_window_is_taken_whole),
		cmocka_unit_test(a_fin_beyond_the_window_is_not_processed),
		cmocka_unit_test(old_bytes_of_an_overlap_are_not_delivered_again),
		cmocka_unit_test(a_bare_ack_counts_within_the_window_only),
		cmocka_unit_test(with_the_window_closed_bare_acks_count_and_text_does_not),
		cmocka_unit_test(with_the_window_closed_a_reset_at_the_next_number_counts),
		cmocka_unit_test(only_the_exact_reset_resets_and_others_are_challenged_or_unheard),
		cmocka_unit_test(an_active_opening_that_is_reset_says_so),
		cmocka_unit_test(a_reset_ends_reading_and_writing_and_frees),
		cmocka_unit_test(a_syn_is_challenged_wherever_it_lies),
		cmocka_unit_test(text_behind_a_syn_in_mid_stream_is_not_delivered),
		cmocka_unit_test(a_half_open_connection_is_found_and_cleared),
		cmocka_unit_test(data_to_a_peer_that_rebooted_ends_the_connection),
	};

	return tapir_test_run("unit/tcp/test_states", tests);
}
