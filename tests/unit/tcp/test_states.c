/*
 * RFC 9293 3.10.7, SEGMENT ARRIVES, in every state: rows EVT-9 to EVT-43 and those about numbers. What the
 * user calls do in every state is test_calls.c; LISTEN, records and TIME-WAIT have tests of their own too.
 */
/* long: the rows of one section, in its order */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/tcpfix.h"

static const enum tapir_tcp_state synced[] = {
	TAPIR_TCP_ESTABLISHED, TAPIR_TCP_FIN_WAIT_1, TAPIR_TCP_FIN_WAIT_2,
	TAPIR_TCP_CLOSE_WAIT,  TAPIR_TCP_CLOSING,    TAPIR_TCP_LAST_ACK,
};

enum { N_SYNCED = sizeof(synced) / sizeof(synced[0]) };

/* for each synchronized state, reached both ways: f is open and in it */
#define EACH_SYNCED(f, i, how)                                                       \
	for (unsigned i = 0; i < N_SYNCED; i++)                                      \
		for (int how = 0; how < 2 && begin(f, synced[i], (enum tf_open)how); \
		     tf_close(f), how++)

static bool begin(struct tf *f, enum tapir_tcp_state s, enum tf_open how)
{
	tf_open(f);
	tf_to(f, s, how);
	return true;
}

/* The window that we have advertised. */
static uint32_t window(struct tf *f)
{
	return tf_info(f).rcv_wnd;
}

/* Everything about a connection that a segment could change. */
struct whole {
	struct tapir_tcp_info info;
	int poll;
};

static struct whole look(struct tf *f)
{
	struct whole w;

	memset(&w, 0, sizeof(w));
	w.info = tf_info(f);
	w.poll = tapir_poll(f->w.t, f->s);

	/* Counters of segments change with every one. */
	w.info.segs_in = w.info.segs_out = 0;
	w.info.ato = 0;
	return w;
}

static void assert_untouched(struct tf *f, const struct whole *before)
{
	struct whole now = look(f);

	assert_memory_equal(&now, before, sizeof(now));
}

/* ---- SYN-SENT ---- */

TEST(syn_sent_an_ack_of_what_was_not_sent_is_reset, "EVT-9 TC-45")
{
	static const uint32_t off[] = {0, 2, 1000, 0x80000000, 0xffffffff};
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		tf_seg(&f, TF_SYN | TF_ACK, f.irs, f.iss + off[i], 0);
		tf_expect(&f, TF_RST, f.iss + off[i], 0, 0);
		tf_seg(&f, TF_ACK, f.irs, f.iss + off[i], 0);
		tf_expect(&f, TF_RST, f.iss + off[i], 0, 0);
		tf_seg(&f, TF_RST | TF_ACK, f.irs, f.iss + off[i], 0);
		tf_quiet(&f);
		assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_SENT);
	}
	tf_close(&f);
}

TEST(syn_sent_a_reset_counts_only_with_our_number, "EVT-10 R5961-2")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_RST, f.irs, 0, 0);
	tf_seg(&f, TF_RST, f.irs, f.snd, 0); /* no ACK bit */
	assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_SENT);
	tf_seg(&f, TF_RST | TF_ACK, 0, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_int_equal(tf_error(&f), ECONNREFUSED);
	tf_close(&f);
}

TEST(syn_sent_a_syn_ack_establishes, "EVT-11")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_SYN | TF_ACK, f.irs, f.snd, 0);
	f.rcv = f.irs + 1;
	tf_expect_ack(&f);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	assert_int_equal(tapir_poll(f.w.t, f.s) & TAPIR_OUT, TAPIR_OUT);
	assert_int_equal(tf_info(&f).snd_una, f.snd);
	tf_close(&f);
}

TEST(syn_sent_text_and_fin_on_the_syn_ack_are_taken, "EVT-11 EVT-40")
{
	struct tf f;
	uint8_t buf[20];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_SYN | TF_ACK | TF_FIN, f.irs, f.snd, 10);
	f.rcv = f.irs + 12;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSE_WAIT);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 10);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 0);
	tf_close(&f);
}

TEST(syn_sent_a_syn_opens_simultaneously, "EVT-12 MUST-10")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_SYN, f.irs, 0, 0);
	f.rcv = f.irs + 1;
	tf_expect(&f, TF_SYN | TF_ACK, f.iss, f.rcv, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_RECEIVED);
	/* The peer's SYN-ACK says the same of us. */
	tf_seg(&f, TF_SYN | TF_ACK, f.irs, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	assert_int_equal(tf_count(&f, 0), 1);
	tf_drain(&f);
	/* Data in both directions. */
	tf_seg(&f, TF_ACK | TF_PSH, f.rcv, f.snd, 5);
	f.rcv += 5;
	tf_expect_ack(&f);
	assert_int_equal(tf_write(&f, 7), 7);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 7);
	tf_close(&f);
}

TEST(syn_sent_anything_else_is_dropped_and_the_syn_goes_on, "EVT-13 EVT-38 TC-50")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	for (int i = 0; i < 100; i++) {
		tf_seg(&f, TF_ACK, f.irs, f.snd, 0);
		tf_seg(&f, TF_ACK | TF_PSH, f.irs, f.snd, 10);
		tf_seg(&f, TF_FIN, f.irs, 0, 0);
		tf_seg(&f, TF_FIN | TF_ACK, f.irs, f.snd, 0);
		tf_seg(&f, 0, f.irs, 0, 0);
	}
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_SENT);
	world_step(&f.w, WORLD_S);
	tf_expect(&f, TF_SYN, f.iss, 0, 0);
	tf_quiet(&f);
	tf_close(&f);
}

/* RFC 9293 3.5, a middlebox's trick: the answer in two halves. */
TEST(a_split_handshake_makes_one_connection, "TC-37")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_ACK, f.irs, f.snd, 0);
	tf_quiet(&f);
	tf_seg(&f, TF_SYN, f.irs, 0, 0);
	f.rcv = f.irs + 1;
	tf_expect(&f, TF_SYN | TF_ACK, f.iss, f.rcv, 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	assert_int_equal(tf_count(&f, 0), 1);
	tf_close(&f);
}

/* ---- first: the sequence number ---- */

TEST(an_unacceptable_segment_is_answered_and_changes_nothing, "EVT-18 EVT-61")
{
	static struct tf f;

	EACH_SYNCED(&f, i, how)
	{
		struct whole before = look(&f);

		tf_seg(&f, TF_ACK, f.rcv - 100, f.snd, 50);
		tf_expect_ack(&f);
		tf_seg(&f, TF_ACK, f.rcv + window(&f), f.snd, 1);
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

TEST(text_is_taken_exactly_as_far_as_it_lies_in_the_window, "EVT-17 EVT-19 TC-47")
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
			int32_t want = seq <= 0 && end > 0 ? (end < w ? end : w) : 0;
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
				int32_t all = end < w ? end : w;

				tf_seg(&f, TF_ACK, f.rcv, f.snd, (uint32_t)seq);
				assert_int_equal(tf_read(&f, buf, sizeof(buf)), all);
				for (int32_t b = 0; b < all; b++)
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

	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, wnd + 1);
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

TEST(with_the_window_closed_acks_count_and_text_does_not, "EVT-14 EVT-16")
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
	/* A probe of one byte: not stored, answered with window 0, its ACK counts. */
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 300, 1);
	tf_expect(&f, TF_ACK, f.snd + 300, f.rcv, 0);
	assert_int_equal(f.p.wnd, 0);
	assert_int_equal(tf_info(&f).snd_una, f.snd + 300);
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

TEST(only_the_exact_reset_resets_and_others_are_challenged_or_unheard, "EVT-20 R5961-1 TC-11 TC-51")
{
	static struct tf f;

	EACH_SYNCED(&f, i, how)
	{
		struct whole before = look(&f);
		uint32_t wnd = window(&f);
		const uint32_t in[] = {1, 2, wnd / 2, wnd - 1},
			       out[] = {-1u, -1000u, wnd + 1, 0x80000000};

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
		tf_seg(&f, TF_RST, f.rcv, 0, 0);
		tf_quiet(&f);
		assert_int_equal(tf_count(&f, 0), 0);
	}
}

TEST(an_active_opening_that_is_reset_was_refused, "EVT-21 MUST-11")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_ACTIVE);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_int_equal(tf_error(&f), ECONNREFUSED);
	tf_close(&f);
}

static bool got_fin(enum tapir_tcp_state s)
{
	return s == TAPIR_TCP_CLOSE_WAIT || s == TAPIR_TCP_CLOSING || s == TAPIR_TCP_LAST_ACK;
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

/* ---- fifth: ACK ---- */

TEST(a_segment_without_ack_is_dropped, "EVT-26")
{
	static struct tf f;
	uint8_t buf[10];

	EACH_SYNCED(&f, i, how)
	{
		struct whole before = look(&f);

		tf_seg(&f, 0, f.rcv, 0, 10);
		tf_seg(&f, TF_PSH, f.rcv, 0, 10);
		tf_seg(&f, TF_FIN, f.rcv, 0, 0);
		tf_quiet(&f);
		assert_untouched(&f, &before);
		assert_int_equal(world_drops(&f.w, DROP_TCP_NO_ACK), 3);
		if (synced[i] == TAPIR_TCP_ESTABLISHED)
			assert_int_equal(tf_read(&f, buf, 10), -EAGAIN);
	}
}

TEST(syn_received_actively_takes_only_its_own_ack, "EVT-27")
{
	static const uint32_t off[] = {-1u, 1, 1000, 0x80000000};
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_ACTIVE);
	for (size_t i = 0; i < 4; i++) {
		tf_seg(&f, TF_ACK, f.rcv, f.snd + off[i], 0);
		tf_expect(&f, TF_RST, f.snd + off[i], 0, 0);
		assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_RECEIVED);
	}
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

TEST(a_partial_ack_leaves_the_rest_to_be_sent_again, "EVT-28")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(&f, 500), 500);
	tf_drain(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 123, 0);
	assert_int_equal(tf_info(&f).snd_una, f.snd + 123);
	tf_quiet(&f);
	world_step(&f.w, 3 * WORLD_S);
	tf_expect(&f, TF_ACK, f.snd + 123, f.rcv, 377);
	for (size_t i = 0; i < f.p.len; i++)
		assert_int_equal(f.p.data[i], (uint8_t)((i + 123) * 7));
	tf_close(&f);
}

TEST(a_duplicate_ack_moves_nothing_and_one_ahead_drops_the_segment, "EVT-29 MAY-12 R5961-4")
{
	struct tf f;
	uint8_t buf[100];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_write(&f, 100);
	tf_drain(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 100, 0);
	f.snd += 100;
	tf_seg(&f, TF_ACK, f.rcv, f.snd - 50, 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(tf_info(&f).snd_una, f.snd);
	/* Text with an ACK of what was not sent is not taken. */
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 1, 10);
	tf_expect_ack(&f);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), -EAGAIN);
	/* Nor with one older than any window. */
	tf_seg(&f, TF_ACK, f.rcv, f.snd - 65535 * 2, 10);
	tf_expect_ack(&f);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), -EAGAIN);
	/* A little old is fine: it is only reordered. */
	tf_seg(&f, TF_ACK, f.rcv, f.snd - 50, 10);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 10);
	tf_close(&f);
}

TEST(the_window_follows_newer_segments_only, "EVT-30")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	f.wnd = 5000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 10); /* WL1 = rcv */
	f.rcv += 10;
	assert_int_equal(tf_info(&f).snd_wnd, 5000);
	f.wnd = 6000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0); /* WL1 < SEQ */
	assert_int_equal(tf_info(&f).snd_wnd, 6000);
	f.wnd = 7000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0); /* WL1 = SEQ, WL2 = ACK */
	assert_int_equal(tf_info(&f).snd_wnd, 7000);
	tf_drain(&f);
	tf_write(&f, 100);
	tf_drain(&f);
	f.wnd = 8000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 100, 0); /* WL2 < ACK */
	assert_int_equal(tf_info(&f).snd_wnd, 8000);
	f.wnd = 100;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 50, 0); /* WL2 > ACK: old */
	assert_int_equal(tf_info(&f).snd_wnd, 8000);
	tf_close(&f);
}

/* ---- our FIN is acknowledged ---- */

TEST(fin_wait_1_waits_for_the_ack_of_the_fin_itself, "EVT-31")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_write(&f, 10);
	tf_drain(&f);
	assert_int_equal(tapir_shutdown(f.w.t, f.s, TAPIR_SHUT_WR), 0);
	tf_expect(&f, TF_FIN | TF_ACK, f.snd + 10, f.rcv, 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 10, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_FIN_WAIT_1);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 11, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_FIN_WAIT_2);
	tf_close(&f);
}

TEST(closing_waits_for_the_ack_of_the_fin_itself, "EVT-32")
{
	for (int how = 0; how < 2; how++) {
		struct tf f;

		tf_open(&f);
		tf_to(&f, TAPIR_TCP_CLOSING, (enum tf_open)how);
		tf_seg(&f, TF_ACK, f.rcv, f.snd - 1, 0);
		assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSING);
		tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
		assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
		tf_quiet(&f);
		tf_close(&f);
	}
}

TEST(last_ack_ends_with_the_ack_of_the_fin, "EVT-33")
{
	struct tf f;
	size_t live;

	tf_open(&f);
	tf_listen(&f);
	live = f.w.alloc.live;
	tf_shake(&f, f.rport);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, 0);
	f.rcv++;
	tapir_close(f.w.t, f.s);
	tf_drain(&f);
	f.snd++;
	assert_int_equal(tf_state(&f), TAPIR_TCP_LAST_ACK);
	tf_seg(&f, TF_ACK, f.rcv, f.snd - 1, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_LAST_ACK);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(tf_count(&f, 0), 0);
	/* What it had is free, but for what pools keep. */
	assert_true(f.w.alloc.live <= live + 12);
	tf_close(&f);
}

/* ---- sixth to eighth: URG, text, FIN ---- */

TEST(after_the_peers_fin_text_and_urg_are_ignored, "EVT-35 EVT-36 TC-61")
{
	static const enum tapir_tcp_state after[] = {TAPIR_TCP_CLOSE_WAIT, TAPIR_TCP_CLOSING,
						     TAPIR_TCP_LAST_ACK};
	uint8_t buf[10];

	for (size_t i = 0; i < 3; i++) {
		struct tf f;

		tf_open(&f);
		tf_to(&f, after[i], TF_PASSIVE);
		/* (The ACK bit is that of the state: our FIN is not acknowledged by it.) */
		tf_seg(&f, TF_ACK | TF_PSH | TF_URG, f.rcv, f.iss + 1, 10);
		assert_int_equal(tf_state(&f), after[i]);
		assert_int_equal(tf_read(&f, buf, sizeof(buf)), 0);
		assert_int_equal(tapir_poll(f.w.t, f.s) & TAPIR_PRI, 0);
		tf_close(&f);
	}
}

TEST(text_is_taken_until_the_peers_fin, "EVT-36")
{
	static const enum tapir_tcp_state before[] = {TAPIR_TCP_ESTABLISHED, TAPIR_TCP_FIN_WAIT_1,
						      TAPIR_TCP_FIN_WAIT_2};
	uint8_t buf[100];

	for (size_t i = 0; i < 3; i++) {
		struct tf f;

		tf_open(&f);
		tf_to(&f, before[i], TF_ACTIVE);
		tf_seg(&f, TF_ACK | TF_PSH, f.rcv, f.iss + 1, 10);
		f.rcv += 10;
		tf_expect_ack(&f);
		assert_int_equal(tf_read(&f, buf, sizeof(buf)), 10);
		assert_int_equal(tf_state(&f), before[i]);
		tf_close(&f);
	}
}

TEST(the_right_edge_of_the_window_never_moves_back, "EVT-37 SHLD-14")
{
	struct tf f;
	uint32_t edge = 0;
	bool set = false;
	uint8_t buf[777];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (int i = 0; i < 3000; i++) {
		uint32_t n = (uint32_t)(i * 37 % 1461);

		if (n > window(&f))
			n = window(&f);
		tf_seg(&f, TF_ACK, f.rcv, f.snd, n);
		f.rcv += n;
		if (i % 3 == 0)
			tf_read(&f, buf, sizeof(buf));
		world_step(&f.w, 41 * WORLD_MS);
		while (tf_pop(&f)) {
			uint32_t now = f.p.ack + f.p.wnd;

			assert_true(!set || (int32_t)(now - edge) >= 0);
			edge = now;
			set = true;
		}
	}
	assert_true(set);
	tf_close(&f);
}

TEST(a_fin_is_reached_only_when_all_before_it_is_there, "EVT-39")
{
	struct tf f;
	uint8_t buf[100];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv + 10, f.snd, 10);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), -EAGAIN);
	tf_expect_ack(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 10);
	f.rcv += 21;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSE_WAIT);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 20);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 0);
	assert_true(tapir_poll(f.w.t, f.s) & TAPIR_RDHUP);
	tf_close(&f);
}

TEST(fin_in_fin_wait_1_closes_one_way_or_the_other, "EVT-41")
{
	struct tf f;

	/* Our FIN not acknowledged: CLOSING. */
	tf_open(&f);
	tf_to(&f, TAPIR_TCP_FIN_WAIT_1, TF_PASSIVE);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd - 1, 0);
	f.rcv++;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSING);
	tf_close(&f);
	/* Acknowledged by the very segment: TIME-WAIT. */
	tf_open(&f);
	tf_to(&f, TAPIR_TCP_FIN_WAIT_1, TF_PASSIVE);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, 0);
	f.rcv++;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	tf_close(&f);
}

TEST(fin_in_fin_wait_2_starts_time_wait_and_stops_all_else, "EVT-42")
{
	struct tf f;
	int one = 1;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_FIN_WAIT_2, TF_PASSIVE);
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_KEEPALIVE, &one, sizeof(one));
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, 0);
	f.rcv++;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	/* The next thing that happens is its end. */
	assert_true(tapir_next_deadline(f.w.t) >= tapir_now(f.w.t) + 59 * WORLD_S);
	world_step(&f.w, 60 * WORLD_S);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(a_second_fin_is_acknowledged_and_moves_nothing, "EVT-43")
{
	static const enum tapir_tcp_state after[] = {TAPIR_TCP_CLOSE_WAIT, TAPIR_TCP_CLOSING,
						     TAPIR_TCP_LAST_ACK};

	for (size_t i = 0; i < 3; i++) {
		struct tf f;

		tf_open(&f);
		tf_to(&f, after[i], TF_PASSIVE);
		tf_seg(&f, TF_FIN | TF_ACK, f.rcv - 1, f.iss + 1, 0);
		tf_expect_ack(&f);
		assert_int_equal(tf_state(&f), after[i]);
		tf_close(&f);
	}
}

/* ---- numbers anywhere ---- */

/* Lets the clock run until a passive opening from f->rport gets this ISN. */
static void aim_isn(struct tf *f, uint32_t iss)
{
	struct tcp_tuple tu = {.laddr = tapir_addr_v4(WORLD_US),
			       .raddr = tapir_addr_v4(WORLD_PEER),
			       .lport = TF_PORT,
			       .rport = f->rport};
	uint32_t d = iss - tcp_isn(f->w.t, &tu);

	world_step(&f->w, (uint64_t)d * 4000);
}

static void whole_life(uint32_t iss, uint32_t irs)
{
	struct tf f;
	uint8_t buf[4000];

	tf_open(&f);
	tf_listen(&f);
	f.irs = irs;
	aim_isn(&f, iss);
	tf_shake(&f, f.rport);
	assert_int_equal(f.iss, iss);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	assert_true(f.s > 0);
	/* Out of order across the edge, then our own data with a partial ACK. */
	tf_seg(&f, TF_ACK, f.rcv + 1000, f.snd, 1000);
	tf_expect_ack(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 1000);
	f.rcv += 2000;
	tf_expect_ack(&f);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 2000);
	assert_int_equal(tf_write(&f, 1000), 1000);
	while (tf_pop(&f))
		;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 400, 0);
	world_step(&f.w, 3 * WORLD_S);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.seq, f.snd + 400);
	tf_drain(&f);
	f.snd += 1000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_drain(&f);
	/* A reset off the mark, then both close. */
	tf_seg(&f, TF_RST, f.rcv + 1, 0, 0);
	tf_expect_ack(&f);
	tapir_close(f.w.t, f.s);
	tf_expect(&f, TF_FIN | TF_ACK, f.snd, f.rcv, 0);
	f.snd++;
	tf_seg(&f, TF_ACK | TF_FIN, f.rcv, f.snd, 0);
	f.rcv++;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	world_step(&f.w, 60 * WORLD_S + WORLD_MS);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(a_whole_life_is_the_same_wherever_the_numbers_are, "EVT-57 TC-43")
{
	static const uint32_t at[] = {0, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffc00, 12345};

	for (size_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < 6; k++)
			whole_life(at[i], at[k]);
	}
}

/* ---- the header ---- */

TEST(reserved_bits_mean_nothing_and_are_never_sent, "EVT-58")
{
	struct tf f;
	uint8_t buf[200], got[100];
	size_t n;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (int bit = 0; bit < 4; bit++) {
		n = world_tcp(buf, WORLD_PEER, WORLD_US, f.rport, f.lport, f.rcv, f.snd, TF_ACK,
			      1000, NULL, 0, "x", 1);
		buf[20 + 12] |= (uint8_t)(1 << bit);
		world_fix(buf, n);
		world_push(&f.w, buf, n);
		f.rcv++;
		tf_expect_ack(&f);
		assert_int_equal(f.p.l4[12] & 0xf, 0);
		assert_int_equal(tf_read(&f, got, sizeof(got)), 1);
	}
	tf_close(&f);
}

TEST(a_data_offset_out_of_range_is_discarded, "EVT-59")
{
	struct tf f;
	uint8_t buf[200];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (unsigned doff = 0; doff < 16; doff++) {
		size_t n = world_tcp(buf, WORLD_PEER, WORLD_US, f.rport, f.lport, f.rcv, f.snd,
				     TF_ACK | TF_RST, 1000, NULL, 0, "abcd", 4);

		if (doff == 5 || doff == 6)
			continue;
		buf[20 + 12] = (uint8_t)(doff << 4);
		world_fix(buf, n);
		world_push(&f.w, buf, n);
		tf_quiet(&f);
		assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	}
	assert_int_equal(world_drops(&f.w, DROP_TCP_SHORT), 14);
	tf_close(&f);
}

TEST(a_restart_begins_with_numbers_of_its_own, "EVT-60 NJ-04 NJ-05")
{
	uint32_t iss[20];
	for (unsigned i = 0; i < 20; i++) {
		struct tf f;

		tf_init(&f);
		f.w.seed[0] = (uint8_t)i;
		tf_start(&f);
		tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
		iss[i] = f.iss;
		for (unsigned k = 0; k < i; k++) {
			assert_int_not_equal(iss[i], iss[k]);
			assert_true(i < 2 || iss[i] - iss[i - 1] != iss[i - 1] - iss[i - 2]);
		}
		/* What belongs to the incarnation before the restart is not taken. */
		tf_seg(&f, TF_ACK, f.rcv, i ? iss[i - 1] + 1 : 1, 10);
		assert_int_equal(tapir_accept(f.w.t, f.ls, NULL), -EAGAIN);
		tf_close(&f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_sent_an_ack_of_what_was_not_sent_is_reset),
		cmocka_unit_test(syn_sent_a_reset_counts_only_with_our_number),
		cmocka_unit_test(syn_sent_a_syn_ack_establishes),
		cmocka_unit_test(syn_sent_text_and_fin_on_the_syn_ack_are_taken),
		cmocka_unit_test(syn_sent_a_syn_opens_simultaneously),
		cmocka_unit_test(syn_sent_anything_else_is_dropped_and_the_syn_goes_on),
		cmocka_unit_test(a_split_handshake_makes_one_connection),
		cmocka_unit_test(an_unacceptable_segment_is_answered_and_changes_nothing),
		cmocka_unit_test(bare_acks_out_of_the_window_are_answered_at_a_bounded_rate),
		cmocka_unit_test(text_is_taken_exactly_as_far_as_it_lies_in_the_window),
		cmocka_unit_test(a_fin_beyond_the_window_is_not_processed),
		cmocka_unit_test(old_bytes_of_an_overlap_are_not_delivered_again),
		cmocka_unit_test(a_bare_ack_counts_within_the_window_only),
		cmocka_unit_test(with_the_window_closed_acks_count_and_text_does_not),
		cmocka_unit_test(with_the_window_closed_a_reset_at_the_next_number_counts),
		cmocka_unit_test(only_the_exact_reset_resets_and_others_are_challenged_or_unheard),
		cmocka_unit_test(an_active_opening_that_is_reset_was_refused),
		cmocka_unit_test(a_reset_ends_reading_and_writing_and_frees),
		cmocka_unit_test(a_syn_is_challenged_wherever_it_lies),
		cmocka_unit_test(text_behind_a_syn_in_mid_stream_is_not_delivered),
		cmocka_unit_test(a_half_open_connection_is_found_and_cleared),
		cmocka_unit_test(data_to_a_peer_that_rebooted_ends_the_connection),
		cmocka_unit_test(a_segment_without_ack_is_dropped),
		cmocka_unit_test(syn_received_actively_takes_only_its_own_ack),
		cmocka_unit_test(a_partial_ack_leaves_the_rest_to_be_sent_again),
		cmocka_unit_test(a_duplicate_ack_moves_nothing_and_one_ahead_drops_the_segment),
		cmocka_unit_test(the_window_follows_newer_segments_only),
		cmocka_unit_test(fin_wait_1_waits_for_the_ack_of_the_fin_itself),
		cmocka_unit_test(closing_waits_for_the_ack_of_the_fin_itself),
		cmocka_unit_test(last_ack_ends_with_the_ack_of_the_fin),
		cmocka_unit_test(after_the_peers_fin_text_and_urg_are_ignored),
		cmocka_unit_test(text_is_taken_until_the_peers_fin),
		cmocka_unit_test(the_right_edge_of_the_window_never_moves_back),
		cmocka_unit_test(a_fin_is_reached_only_when_all_before_it_is_there),
		cmocka_unit_test(fin_in_fin_wait_1_closes_one_way_or_the_other),
		cmocka_unit_test(fin_in_fin_wait_2_starts_time_wait_and_stops_all_else),
		cmocka_unit_test(a_second_fin_is_acknowledged_and_moves_nothing),
		cmocka_unit_test(a_whole_life_is_the_same_wherever_the_numbers_are),
		cmocka_unit_test(reserved_bits_mean_nothing_and_are_never_sent),
		cmocka_unit_test(a_data_offset_out_of_range_is_discarded),
		cmocka_unit_test(a_restart_begins_with_numbers_of_its_own),
	};

	return tapir_test_run("unit/tcp/test_states", tests);
}
