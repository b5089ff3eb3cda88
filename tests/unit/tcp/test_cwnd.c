/* Whether the window was used: growth, decay and idleness. */
#include "tests/support/tcpfix.h"
#include "stack/tcp/tcp_conn.h"
#include "tests/support/tcpopt.h"

enum { SEG = 1000 };

static void established(struct tf *f)
{
	tf_open(f);
	tf_syn_mss(f, SEG);
	f->wnd = 65535;
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
}

/* Writes n segments; the peer acknowledges what left after rtt_ms, in one, or each by itself. */
static void exchange(struct tf *f, unsigned n, unsigned rtt_ms, bool each)
{
	uint32_t end;

	assert_int_equal(tf_write(f, (size_t)n * SEG), (int64_t)n * SEG);
	do {
		tf_drain(f);
		world_step(&f->w, rtt_ms * WORLD_MS);
		end = tf_info(f).snd_nxt;
		for (uint32_t a = tf_info(f).snd_una + SEG; each && a != end; a += SEG)
			tf_seg(f, TF_ACK, f->rcv, a, 0);
		tf_seg(f, TF_ACK, f->rcv, end, 0);
		tf_drain(f);
	} while (tf_info(f).notsent_bytes || tf_info(f).unacked);
}

TEST(a_window_that_is_used_up_doubles, "")
{
	struct tf f;

	established(&f);
	exchange(&f, 10, 20, true);
	assert_int_equal(tf_info(&f).snd_cwnd, 20);
	tf_close(&f);
}

TEST(slow_start_needs_half_of_the_window_in_use, "")
{
	struct tf f;

	established(&f);
	/* Four segments at a time: more than twice that does not grow. */
	exchange(&f, 4, 20, true);
	exchange(&f, 4, 20, true);
	assert_int_equal(tf_info(&f).snd_cwnd, 10);
	/* Six double what they are: as long as the window is below twelve. */
	exchange(&f, 6, 20, true);
	exchange(&f, 6, 20, true);
	assert_int_equal(tf_info(&f).snd_cwnd, 12);
	tf_close(&f);
}

TEST(in_congestion_avoidance_only_a_full_window_grows, "R9438-7")
{
	struct tf f;

	established(&f);
	tf_conn(&f)->cc.ssthresh = 10 * SEG;
	for (unsigned i = 0; i < 30; i++)
		exchange(&f, 9, 20, true);
	assert_int_equal(tf_info(&f).snd_cwnd, 10);
	for (unsigned i = 0; i < 30; i++)
		exchange(&f, 12, 20, true);
	assert_in_range(tf_info(&f).snd_cwnd, 11, 13);
	tf_close(&f);
}

TEST(a_window_that_is_neither_used_nor_confirmed_decays_half_way, "")
{
	struct tf f;
	uint32_t cwnd;

	established(&f);
	exchange(&f, 60, 20, true);
	cwnd = tf_info(&f).snd_cwnd;
	assert_true(cwnd >= 60);
	tf_conn(&f)->cc.ssthresh = 30 * SEG;
	/* As long as ACKs come it stays, used or not. */
	for (unsigned i = 0; i < 20; i++)
		exchange(&f, 20, 20, true);
	assert_int_equal(tf_info(&f).snd_cwnd, cwnd);
	/* Twenty segments again, and nothing acknowledged for longer than an RTO. */
	tf_conn(&f)->cwnd_full_ms -= 1000;
	exchange(&f, 20, 20, true);
	assert_int_equal(tf_info(&f).snd_cwnd, (cwnd + 20) / 2);
	assert_in_range(tf_info(&f).snd_ssthresh, cwnd * 3 / 4 - 1, cwnd * 3 / 4);
	tf_close(&f);
}

TEST(idleness_halves_the_window_each_timeout_down_to_the_initial_one, "R5681-11")
{
	struct tf f;
	uint32_t cwnd, rto_ms;

	established(&f);
	exchange(&f, 60, 20, true);
	cwnd = tf_info(&f).snd_cwnd;
	rto_ms = tf_info(&f).rto / 1000;
	world_step(&f.w, (rto_ms - 25) * WORLD_MS); /* 20 of these were before the ACK */
	tf_write(&f, SEG);
	tf_drain(&f);
	assert_int_equal(tf_info(&f).snd_cwnd, cwnd);
	tf_seg(&f, TF_ACK, f.rcv, tf_info(&f).snd_nxt, 0);
	world_step(&f.w, (rto_ms + 5) * WORLD_MS);
	tf_write(&f, SEG);
	tf_drain(&f);
	assert_int_equal(tf_info(&f).snd_cwnd, cwnd / 2);
	tf_seg(&f, TF_ACK, f.rcv, tf_info(&f).snd_nxt, 0);
	world_step(&f.w, 20 * rto_ms * WORLD_MS);
	tf_write(&f, SEG);
	tf_drain(&f);
	assert_int_equal(tf_info(&f).snd_cwnd, 10);
	tf_close(&f);
}

TEST(what_a_batch_allows_leaves_before_a_loss_is_judged, "")
{
	unsigned before, after;
	struct tf f;

	for (int batch = 0; batch < 2; batch++) {
		established(&f);
		exchange(&f, 30, 20, true);
		before = tf_info(&f).snd_cwnd;
		tf_write(&f, 60 * SEG);
		tf_drain(&f);
		f.snd = tf_info(&f).snd_una;
		world_step(&f.w, 20 * WORLD_MS);
		/* Twenty ACKs, then three duplicates, with an answer to each or to all. */
		for (unsigned i = 1; i <= 23; i++) {
			tf_seg(&f, TF_ACK, f.rcv, f.snd + (i < 20 ? i : 20) * SEG, 0);
			if (!batch)
				tapir_flush(f.w.t);
		}
		tf_drain(&f);
		after = tf_info(&f).snd_cwnd;
		print_message("%u, then %u\n", before, after);
		assert_int_equal(tf_info(&f).ca_state, 3);
		/* Not what a path would have with nothing in flight. */
		assert_true(after > before / 2);
		tf_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_that_is_used_up_doubles),
		cmocka_unit_test(slow_start_needs_half_of_the_window_in_use),
		cmocka_unit_test(in_congestion_avoidance_only_a_full_window_grows),
		cmocka_unit_test(a_window_that_is_neither_used_nor_confirmed_decays_half_way),
		cmocka_unit_test(what_a_batch_allows_leaves_before_a_loss_is_judged),
		cmocka_unit_test(idleness_halves_the_window_each_timeout_down_to_the_initial_one),
	};

	return tapir_test_run("unit/tcp/test_cwnd", tests);
}
