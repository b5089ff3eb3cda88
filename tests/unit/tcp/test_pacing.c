/* Pacing: how far apart segments leave, how large the bursts are, and when it is off. */
#include "stack/tcp/tcp_conn.h"
#include "tests/support/tcpfix.h"
#include "tests/support/tcpopt.h"

enum { SEG = 1000 };

static void established(struct tf *f, bool paced)
{
	tf_init(f);
	f->w.conf.tcp_pacing = paced;
	tf_start(f);
	tf_syn_mss(f, SEG);
	f->wnd = 65535;
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
}

/* Ten segments, acknowledged after a round trip of 100 ms: the window is 20 then, and what is unpaced is over. */
static void warm_up(struct tf *f)
{
	tf_write(f, 10 * SEG);
	assert_int_equal(tf_drain(f), 10);
	world_step(&f->w, 100 * WORLD_MS);
	tf_conn(f)->rtt.srtt_us = 0;
	for (uint32_t i = 1; i <= 10; i++)
		tf_seg(f, TF_ACK, f->rcv, f->snd + i * SEG, 0);
	tf_drain(f);
	assert_int_equal(tf_info(f).snd_cwnd, 20);
}

/* Segments that leave within the next `us`, by steps of 100 us; the largest number at one moment in *burst. */
static unsigned leaving(struct tf *f, unsigned us, unsigned *burst)
{
	unsigned n = 0;

	*burst = 0;
	for (unsigned at = 0; at <= us; at += 100) {
		unsigned k = tf_drain(f);

		n += k;
		*burst = k > *burst ? k : *burst;
		world_step(&f->w, 100 * 1000);
	}
	return n;
}

TEST(without_pacing_a_window_leaves_at_once, "")
{
	struct tf f;

	established(&f, false);
	warm_up(&f);
	tf_write(&f, 20 * SEG);
	assert_int_equal(tf_drain(&f), 20);
	tf_close(&f);
}

TEST(a_paced_window_takes_half_a_round_trip_in_slow_start, "")
{
	unsigned burst, first, second;
	struct tf f;

	established(&f, true);
	warm_up(&f);
	/* 20 segments a 100 ms, twice: one each 2.5 ms, two at a time. */
	assert_int_equal(tf_info(&f).pacing_rate,
			 (uint64_t)20 * SEG * 2 * 1000000 / tf_info(&f).rtt);
	tf_write(&f, 20 * SEG);
	first = leaving(&f, 24900, &burst);
	assert_in_range(first, 10, 12);
	assert_int_equal(burst, 2);
	second = leaving(&f, 25000, &burst);
	assert_int_equal(burst, 2);
	assert_in_range(first + second, 19, 20);
	tf_close(&f);
}

TEST(the_first_ten_segments_are_not_paced, "")
{
	struct tf f;

	established(&f, true);
	tf_write(&f, 10 * SEG);
	assert_int_equal(tf_drain(&f), 10);
	tf_close(&f);
}

TEST(a_largest_rate_paces_one_connection, "")
{
	uint64_t rate = 100000;
	unsigned burst, n;
	struct tf f;

	established(&f, false);
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MAX_PACING_RATE,
					  &rate, sizeof(rate)),
			 0);
	warm_up(&f);
	assert_int_equal(tf_info(&f).pacing_rate, 100000);
	tf_write(&f, 20 * SEG);
	/* A hundred segments a second. */
	n = leaving(&f, 100000, &burst);
	assert_in_range(n, 10, 12);
	assert_int_equal(burst, 2);
	tf_close(&f);
}

TEST(what_waits_for_its_turn_is_sent_with_the_fin, "")
{
	uint32_t rate = 50000;
	unsigned burst;
	struct tf f;

	established(&f, false);
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MAX_PACING_RATE, &rate,
			 sizeof(rate));
	warm_up(&f);
	tf_write(&f, 10 * SEG);
	tapir_shutdown(f.w.t, f.s, TAPIR_SHUT_WR);
	leaving(&f, 100000, &burst);
	assert_true(tf_info(&f).notsent_bytes > 0);
	leaving(&f, 200000, &burst);
	assert_int_equal(tf_info(&f).notsent_bytes, 0);
	assert_true(tf_conn(&f)->flags & TCP_F_FIN_SENT);
	tf_close(&f);
}

TEST(at_high_rates_a_burst_is_a_millisecond, "")
{
	unsigned burst;
	struct tf f;

	established(&f, true);
	warm_up(&f);
	tf_conn(&f)->cc.cwnd = 60 * SEG;
	tf_conn(&f)->rtt.srtt_us = 10000;
	/* 12 segments a ms. */
	tf_write(&f, 60 * SEG);
	leaving(&f, 3000, &burst);
	assert_in_range(burst, 11, 13);
	tf_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_pacing_a_window_leaves_at_once),
		cmocka_unit_test(a_paced_window_takes_half_a_round_trip_in_slow_start),
		cmocka_unit_test(the_first_ten_segments_are_not_paced),
		cmocka_unit_test(a_largest_rate_paces_one_connection),
		cmocka_unit_test(what_waits_for_its_turn_is_sent_with_the_fin),
		cmocka_unit_test(at_high_rates_a_burst_is_a_millisecond),
	};

	return tapir_test_run("unit/tcp/test_pacing", tests);
}
