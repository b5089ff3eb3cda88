/* Delivery rate samples: the longer of two intervals, and who held the sender back. */
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_rate.h"
#include "tests/support/test.h"

enum { SEG = 1000, MS = 1000000 };

/* A connection's part that the samples need, and records that are sent and delivered by hand. */
struct fix {
	struct tapir t;
	struct tcp_conn c;
	struct tcp_act a;
	struct tcp_rec r[64];
	unsigned sent;
};
static struct fix f;

static int setup(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	f.t.now_ns = 1000 * (uint64_t)MS;
	f.c.act = &f.a;
	f.c.mss = SEG;
	f.c.cc.cwnd = 100 * SEG;
	list_init(&f.a.recs);
	list_init(&f.a.recs_time);
	return 0;
}

/* n segments leave now, each a record. */
static void send_segs(unsigned n)
{
	while (n--) {
		struct tcp_rec *r = &f.r[f.sent];

		*r = (struct tcp_rec){.seq = f.sent * SEG,
				      .len = SEG,
				      .mss = SEG,
				      .times = 1,
				      .sent_ns = f.t.now_ns};
		f.sent++;
		list_add_tail(&f.a.recs, &r->seq_link);
		tcp_rate_sent(&f.t, &f.c, r, f.a.in_flight);
		f.a.in_flight += SEG;
		f.a.segs_out++;
	}
}

/* The first n outstanding are acknowledged by one ACK. */
static void ack_segs(unsigned n)
{
	struct tcp_rate_sample rs = {0};

	while (n--) {
		struct tcp_rec *r = LIST_FIRST(&f.a.recs, struct tcp_rec, seq_link);

		tcp_rate_delivered(&f.t, &f.c, r, r->len, &rs);
		f.a.in_flight -= r->len;
		f.a.segs_out--;
		list_del(&r->seq_link);
	}
	tcp_rate_ack(&f.t, &f.c, &rs);
}

static void pass_ms(unsigned ms)
{
	f.t.now_ns += (uint64_t)ms * MS;
}

static void expect_rate(uint32_t segs, uint32_t us)
{
	assert_int_equal(f.c.m.rate_segs, segs);
	assert_int_equal(f.c.m.rate_us, us);
}

TEST(one_flight_is_delivered_in_a_round_trip, "")
{
	send_segs(10);
	pass_ms(50);
	ack_segs(10);
	expect_rate(10, 50000);
	assert_false(f.c.m.rate_app_limited);
}

TEST(acks_that_come_in_a_heap_make_nothing_faster, "")
{
	/* A segment each 10 ms; all acknowledged at once: the time of sending is the longer one. */
	send_segs(1);
	pass_ms(20);
	ack_segs(1);
	for (unsigned i = 0; i < 5; i++) {
		send_segs(1);
		pass_ms(10);
	}
	pass_ms(5);
	ack_segs(5);
	/* Delivered since the last of them left: five, over 40 ms of sending and 55 of waiting. */
	expect_rate(5, 55000);
	/* The next flight begins where the last piece delivered was sent. */
	send_segs(4);
	pass_ms(1);
	ack_segs(4);
	assert_int_equal(f.c.m.rate_us, 1000);
}

TEST(a_long_interval_of_sending_counts, "")
{
	send_segs(1);
	pass_ms(100);
	send_segs(1); /* 100 ms behind the first */
	pass_ms(1);
	ack_segs(1);
	pass_ms(1);
	ack_segs(1);
	/* The second's interval of acknowledging is 102 ms too: since nothing had been delivered before. */
	expect_rate(2, 102000);
}

TEST(nothing_is_faster_than_the_path, "")
{
	f.c.min_rtt_us = 20000;
	send_segs(5);
	pass_ms(20);
	ack_segs(5);
	expect_rate(5, 20000);
	send_segs(5);
	pass_ms(3); /* the answer to an earlier copy */
	ack_segs(5);
	expect_rate(5, 20000);
}

TEST(what_the_program_was_late_with_counts_only_upwards, "")
{
	send_segs(20);
	pass_ms(50);
	ack_segs(20);
	expect_rate(20, 50000);
	/* Nothing waits, the window is open: what follows is the program's pace. */
	tcp_rate_check_app_limited(&f.c);
	send_segs(2);
	pass_ms(50);
	ack_segs(2);
	expect_rate(20, 50000);
	assert_false(f.c.m.rate_app_limited);
	/* Faster than what was known all the same. */
	tcp_rate_check_app_limited(&f.c);
	send_segs(10);
	pass_ms(10);
	ack_segs(10);
	expect_rate(10, 10000);
	assert_true(f.c.m.rate_app_limited);
	/* The bubble is gone: slower counts as well. */
	send_segs(5);
	pass_ms(50);
	ack_segs(5);
	send_segs(5);
	pass_ms(50);
	ack_segs(5);
	expect_rate(5, 50000);
	assert_false(f.c.m.rate_app_limited);
}

TEST(a_full_window_is_no_programs_fault, "")
{
	f.c.cc.cwnd = 5 * SEG;
	send_segs(5);
	tcp_rate_check_app_limited(&f.c);
	assert_false(f.a.app_limited_set);
	f.a.in_flight -= SEG;
	f.a.segs_out--;
	tcp_rate_check_app_limited(&f.c);
	assert_true(f.a.app_limited_set);
	assert_int_equal(f.a.app_limited, 4);
}

TEST(sacked_first_and_acknowledged_later_counts_once, "")
{
	struct tcp_rate_sample rs = {0};

	send_segs(4);
	pass_ms(30);
	/* The last two by SACK. */
	tcp_rate_delivered(&f.t, &f.c, &f.r[2], SEG, &rs);
	tcp_rate_delivered(&f.t, &f.c, &f.r[3], SEG, &rs);
	tcp_rate_ack(&f.t, &f.c, &rs);
	expect_rate(2, 30000);
	assert_int_equal(f.a.delivered, 2);
	/* Then the repetition of the first two. */
	f.r[0].times = f.r[1].times = 2;
	f.r[0].sent_ns = f.r[1].sent_ns = f.t.now_ns;
	tcp_rate_sent(&f.t, &f.c, &f.r[0], 0);
	tcp_rate_sent(&f.t, &f.c, &f.r[1], SEG);
	pass_ms(30);
	rs = (struct tcp_rate_sample){0};
	tcp_rate_delivered(&f.t, &f.c, &f.r[0], SEG, &rs);
	tcp_rate_delivered(&f.t, &f.c, &f.r[1], SEG, &rs);
	assert_true(rs.retransmitted);
	tcp_rate_ack(&f.t, &f.c, &rs);
	expect_rate(2, 30000);
	assert_int_equal(f.a.delivered, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_flight_is_delivered_in_a_round_trip, setup),
		cmocka_unit_test_setup(acks_that_come_in_a_heap_make_nothing_faster, setup),
		cmocka_unit_test_setup(a_long_interval_of_sending_counts, setup),
		cmocka_unit_test_setup(nothing_is_faster_than_the_path, setup),
		cmocka_unit_test_setup(what_the_program_was_late_with_counts_only_upwards, setup),
		cmocka_unit_test_setup(a_full_window_is_no_programs_fault, setup),
		cmocka_unit_test_setup(sacked_first_and_acknowledged_later_counts_once, setup),
	};

	return tapir_test_run("unit/tcp/test_rate", tests);
}
