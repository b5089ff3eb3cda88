/*
 * The selective acknowledgments that we send: which, in what order, and never of what is not here.
 */
#include "tests/support/tcpopt.h"

/* The next segment is an ACK of `ack` bytes with these blocks, relative to the peer's first byte. */
static void expect_sack(struct tf *f, uint32_t ack, unsigned n, const uint32_t (*want)[2])
{
	uint32_t base = f->irs + 1, got[4][2];

	tf_expect(f, TF_ACK, f->snd, base + ack, 0);
	assert_int_equal(tf_sacks(f, base, got), n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(got[i][0], want[i][0]);
		assert_int_equal(got[i][1], want[i][1]);
	}
}

#define SACK(f, ack, ...)                                                        \
	do {                                                                     \
		static const uint32_t b_[][2] = {__VA_ARGS__};                   \
		expect_sack(f, ack, (unsigned)(sizeof(b_) / sizeof(b_[0])), b_); \
	} while (0)
#define NO_SACK(f, ack) expect_sack(f, ack, 0, NULL)

/* Bytes [at, at + len) of the peer's stream. */
static void text(struct tf *f, uint32_t at, uint32_t len)
{
	tf_seg(f, TF_ACK, f->irs + 1 + at, f->snd, len);
}

static int begin(void **state)
{
	static struct tf f;

	tf_open(&f);
	f.irs = 0xfffff000; /* the numbers wrap while the tests go on */
	tf_syn_sack(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	*state = &f;
	return 0;
}

static int end(void **state)
{
	tf_close(*state);
	return 0;
}

TEST(each_segment_behind_a_gap_earns_an_ack_of_its_own, "R2018-3 R5681-8 SHLD-13")
{
	struct tf *f = *state;

	text(f, 0, 1000);
	NO_SACK(f, 1000);
	text(f, 2000, 1000);
	SACK(f, 1000, {2000, 3000});
	text(f, 3000, 1000);
	SACK(f, 1000, {2000, 4000});
	text(f, 5000, 1000);
	SACK(f, 1000, {5000, 6000}, {2000, 4000});
	tf_quiet(f);
	/* Part of the gap fills: at once, and what is still missing is told. */
	text(f, 1000, 500);
	SACK(f, 1500, {5000, 6000}, {2000, 4000});
	text(f, 1500, 500);
	SACK(f, 4000, {5000, 6000});
	text(f, 4000, 1000);
	NO_SACK(f, 6000);
	tf_quiet(f);
}

TEST(the_newest_block_is_first_and_the_others_follow_by_age, "R2018-4 R2018-5")
{
	struct tf *f = *state;

	text(f, 1000, 1000);
	SACK(f, 0, {1000, 2000});
	text(f, 9000, 1000);
	SACK(f, 0, {9000, 10000}, {1000, 2000});
	text(f, 3000, 1000);
	SACK(f, 0, {3000, 4000}, {9000, 10000}, {1000, 2000});
	text(f, 7000, 1000);
	SACK(f, 0, {7000, 8000}, {3000, 4000}, {9000, 10000}, {1000, 2000});
	/* Four fit: the oldest goes untold. */
	text(f, 5000, 1000);
	SACK(f, 0, {5000, 6000}, {7000, 8000}, {3000, 4000}, {9000, 10000});
	/* One that touches an old block makes that the newest. */
	text(f, 2000, 500);
	SACK(f, 0, {1000, 2500}, {5000, 6000}, {7000, 8000}, {3000, 4000});
	/* One that joins two. */
	text(f, 4000, 1000);
	SACK(f, 0, {3000, 6000}, {1000, 2500}, {7000, 8000}, {9000, 10000});
	tf_quiet(f);
}

TEST(data_that_leaves_has_the_blocks_too, "R2018-3")
{
	struct tf *f = *state;
	uint32_t got[4][2];

	text(f, 1000, 1000);
	SACK(f, 0, {1000, 2000});
	assert_int_equal(tf_write(f, 100), 100);
	tf_expect(f, TF_ACK, f->snd, f->irs + 1, 100);
	assert_int_equal(tf_sacks(f, f->irs + 1, got), 1);
	assert_int_equal(got[0][0], 1000);
	assert_int_equal(got[0][1], 2000);
}

TEST(a_duplicate_below_the_ack_is_told_once_and_first, "R2883-1")
{
	struct tf *f = *state;

	text(f, 0, 3000);
	NO_SACK(f, 3000);
	text(f, 1000, 500);
	SACK(f, 3000, {1000, 1500});
	/* Told once. */
	text(f, 3000, 100);
	NO_SACK(f, 3100);
	/* An old one that ends in something new: the old part is the duplicate. */
	text(f, 3000, 200);
	SACK(f, 3200, {3000, 3100});
	/* Beside a gap the island follows. */
	text(f, 4000, 1000);
	SACK(f, 3200, {4000, 5000});
	text(f, 0, 1000);
	SACK(f, 3200, {0, 1000}, {4000, 5000});
	tf_quiet(f);
}

TEST(an_idle_connection_tells_duplicates_too, "R2883-1")
{
	struct tf *f = *state;
	uint8_t buf[4000];

	text(f, 0, 1000);
	NO_SACK(f, 1000);
	assert_int_equal(tf_read(f, buf, sizeof(buf)), 1000);
	world_step(&f->w, WORLD_S);
	tf_quiet(f);
	assert_null(tf_conn(f)->act);
	text(f, 500, 500);
	SACK(f, 1000, {500, 1000});
	assert_null(tf_conn(f)->act);
	text(f, 500, 600);
	SACK(f, 1100, {500, 1000});
}

TEST(a_duplicate_within_an_island_is_followed_by_the_island, "R2883-2")
{
	struct tf *f = *state;

	text(f, 1000, 2000);
	SACK(f, 0, {1000, 3000});
	text(f, 5000, 1000);
	SACK(f, 0, {5000, 6000}, {1000, 3000});
	text(f, 1500, 500);
	SACK(f, 0, {1500, 2000}, {1000, 3000}, {5000, 6000});
	/* Partly new: the part that was here, and the island as it is now. */
	text(f, 2500, 1000);
	SACK(f, 0, {2500, 3000}, {1000, 3500}, {5000, 6000});
	/* A gap that fills by a segment which overlaps the island. */
	text(f, 0, 1200);
	SACK(f, 3500, {1000, 1200}, {5000, 6000});
	tf_quiet(f);
}

/* What begins within it is taken whole while nothing waits to be read, as Linux, and not at all then. */
TEST(what_lies_beyond_the_window_is_not_told_as_received, "R2018-8 TC-47")
{
	struct tf *f = *state;
	uint8_t buf[100];
	uint32_t wnd = tf_info(f).rcv_wnd;

	/* The connection is idle, and the segment is no duplicate: nothing of it may look received. */
	text(f, 0, 100);
	NO_SACK(f, 100);
	assert_int_equal(tf_read(f, buf, sizeof(buf)), 100);
	world_step(&f->w, WORLD_S);
	assert_null(tf_conn(f)->act);
	text(f, wnd + 1000, 1000);
	NO_SACK(f, 100);
	assert_null(tf_conn(f)->act);
	/* In part, and nothing is unread. */
	wnd = tf_info(f).rcv_wnd;
	text(f, 100 + wnd - 50, 100);
	expect_sack(f, 100, 1, (const uint32_t[][2]){{100 + wnd - 50, 100 + wnd + 50}});
	/* In part, and something is. */
	text(f, 100, 100);
	expect_sack(f, 200, 1, (const uint32_t[][2]){{100 + wnd - 50, 100 + wnd + 50}});
	text(f, 100 + wnd - 150, 1000);
	expect_sack(f, 200, 1, (const uint32_t[][2]){{100 + wnd - 50, 100 + wnd + 50}});
}

TEST(what_there_was_no_room_for_is_not_told_as_received, "R2018-8 TC-08")
{
	struct tf *f = *state;
	unsigned max = (unsigned)f->w.conf.tcp_max_ooo_ranges;
	uint32_t got[4][2];

	for (unsigned i = 0; i < max; i++) {
		text(f, 100 + 20 * i, 10);
		assert_true(tf_pop(f));
		assert_true(tf_sacks(f, f->irs + 1, got) >= 1);
		assert_int_equal(got[0][0], 100 + 20 * i);
	}
	/* One more island than fits: dropped with its reason, and the ACK speaks of others. */
	text(f, 100 + 20 * max, 10);
	assert_int_equal(world_drops(&f->w, DROP_TCP_OOO_FULL), 1);
	assert_true(tf_pop(f));
	assert_int_equal(tf_sacks(f, f->irs + 1, got), 4);
	assert_int_equal(got[0][0], 100 + 20 * (max - 1));
	/* What joins an island needs no room. */
	text(f, 110, 5);
	assert_true(tf_pop(f));
	assert_int_equal(tf_sacks(f, f->irs + 1, got), 4);
	assert_int_equal(got[0][0], 100);
	assert_int_equal(got[0][1], 115);
	/* The gap fills, and the stream goes on from the first island. */
	text(f, 0, 100);
	tf_expect(f, TF_ACK, f->snd, f->irs + 1 + 115, 0);
}

TEST(memory_that_fails_leaves_nothing_told_that_is_not_here, "R2018-8")
{
	struct tf *f = *state;
	uint32_t got[4][2];
	uint8_t buf[64];

	text(f, 5000, 10);
	assert_true(tf_pop(f));
	/* The page of this one can't be had. */
	f->w.alloc.fail_all = f->w.alloc.calls + 1;
	text(f, 9000, 10);
	f->w.alloc.fail_all = 0;
	if (tf_pop(f)) {
		unsigned n = tf_sacks(f, f->irs + 1, got);

		for (unsigned i = 0; i < n; i++)
			assert_int_equal(got[i][0], 5000);
	}
	text(f, 0, 10);
	(void)tf_drain(f);
	assert_int_equal(tf_read(f, buf, sizeof(buf)), 10);
}

TEST(blocks_go_to_those_alone_who_permitted_them, "R2018-1 R2018-2")
{
	struct tf *f = *state;
	uint32_t got[4][2];

	/* SACK-permitted stands in SYNs alone. */
	text(f, 0, 10);
	NO_SACK(f, 10);
	assert_null(tf_opt(f, 4));
	assert_int_equal(tf_write(f, 10), 10);
	assert_true(tf_pop(f));
	assert_null(tf_opt(f, 4));
	tf_close(f);

	/* Without it no blocks, whatever else the peer says later. */
	tf_open(f);
	tf_syn_mss(f, 1460);
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg_opts(f, f->rport, TF_ACK, f->rcv + 100, f->snd, "\1\1\4\2", 4, 10);
	assert_true(tf_pop(f));
	assert_int_equal(tf_sacks(f, f->irs + 1, got), 0);
	tf_seg(f, TF_ACK, f->rcv + 200, f->snd, 10);
	assert_true(tf_pop(f));
	assert_int_equal(tf_sacks(f, f->irs + 1, got), 0);
	tf_close(f);

	/* Nor does our setting say otherwise. */
	tf_init(f);
	f->w.conf.tcp_sack = 0;
	tf_start(f);
	tf_syn_sack(f);
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg(f, TF_ACK, f->rcv + 200, f->snd, 10);
	assert_true(tf_pop(f));
	assert_int_equal(tf_sacks(f, f->irs + 1, got), 0);
}

TEST(blocks_wrap_with_the_numbers, "TC-48")
{
	/* Islands on both sides of 2^32, and one across: `begin` starts 4097 below it. */
	struct tf *f = *state;

	text(f, 3000, 500);
	SACK(f, 0, {3000, 3500});
	text(f, 6000, 500);
	SACK(f, 0, {6000, 6500}, {3000, 3500});
	text(f, 4000, 200); /* across */
	SACK(f, 0, {4000, 4200}, {6000, 6500}, {3000, 3500});
	text(f, 3500, 500);
	SACK(f, 0, {3000, 4200}, {6000, 6500});
	text(f, 4000, 100); /* a duplicate across the wrap */
	SACK(f, 0, {4000, 4100}, {3000, 4200}, {6000, 6500});
	text(f, 0, 3000);
	SACK(f, 4200, {6000, 6500});
	text(f, 4200, 1800);
	NO_SACK(f, 6500);
}

TEST(a_damaged_sack_option_changes_nothing, "R2018-9 NUC-04 CL-29")
{
	static const uint8_t lens[] = {0, 1, 2, 3, 9, 11, 17, 25, 33, 41, 255};
	static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
	struct tf *f = *state;
	struct tapir_tcp_info before, now;

	assert_int_equal(tf_write(f, 8000), 8000);
	(void)tf_drain(f);
	before = tf_info(f);
	for (unsigned i = 0; i < sizeof(lens); i++) {
		for (unsigned v = 0; v < 5; v++) {
			uint8_t o[40];

			memset(o, 1, sizeof(o));
			o[2] = 5;
			o[3] = lens[i];
			for (unsigned k = 0; k < 4; k++) {
				tf_put32(o + 4 + 8 * k, values[v]);
				tf_put32(o + 8 + 8 * k, f->snd + values[4 - v]);
			}
			/* With another window each time, so that none is a duplicate ACK. */
			f->wnd ^= 1;
			tf_seg_opts(f, f->rport, TF_ACK, f->rcv, f->snd, o, sizeof(o), 0);
			(void)tf_drain(f);
		}
	}
	now = tf_info(f);
	assert_int_equal(now.snd_una, before.snd_una);
	assert_int_equal(now.snd_nxt, before.snd_nxt);
	assert_int_equal(now.snd_cwnd, before.snd_cwnd);
	assert_int_equal(now.total_retrans, 0);
	assert_int_equal(now.unacked, before.unacked);
	/* And all is acknowledged as ever. */
	tf_seg(f, TF_ACK, f->rcv, f->snd + 8000, 0);
	assert_int_equal(tf_info(f).unacked, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
		T(each_segment_behind_a_gap_earns_an_ack_of_its_own),
		T(the_newest_block_is_first_and_the_others_follow_by_age),
		T(data_that_leaves_has_the_blocks_too),
		T(a_duplicate_below_the_ack_is_told_once_and_first),
		T(an_idle_connection_tells_duplicates_too),
		T(a_duplicate_within_an_island_is_followed_by_the_island),
		T(what_lies_beyond_the_window_is_not_told_as_received),
		T(what_there_was_no_room_for_is_not_told_as_received),
		T(memory_that_fails_leaves_nothing_told_that_is_not_here),
		T(blocks_go_to_those_alone_who_permitted_them),
		T(blocks_wrap_with_the_numbers),
		T(a_damaged_sack_option_changes_nothing),
	};

	return tapir_test_run("unit/tcp/test_sack_blocks", tests);
}
