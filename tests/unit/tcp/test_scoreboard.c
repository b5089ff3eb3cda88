/*
 * What the peer's SACK blocks do to the records: against a plain array of segments, with millions of them, with edges
 * that make no sense, and when lied to.
 */
#include "stack/tcp/tcp_recovery.h"
#include "tests/support/rnd.h"
#include "tests/support/tcpopt.h"

enum { MSS = 1460, BLOCKS_MAX = 4 };

/* An ACK of f->snd + ack with n blocks [b[i][0], b[i][1]), relative to f->snd. */
static void ack_sack(struct tf *f, uint32_t ack, const uint32_t (*b)[2], unsigned n)
{
	uint8_t o[4 + 8 * BLOCKS_MAX] = {1, 1, 5, (uint8_t)(2 + 8 * n)};

	for (unsigned i = 0; i < n; i++) {
		tf_put32(o + 4 + 8 * i, f->snd + b[i][0]);
		tf_put32(o + 8 + 8 * i, f->snd + b[i][1]);
	}
	tf_seg_opts(f, f->rport, TF_ACK, f->rcv, f->snd + ack, o, n ? 4 + 8 * n : 0, 0);
}

static void ack_one(struct tf *f, uint32_t ack, uint32_t start, uint32_t end)
{
	const uint32_t b[1][2] = {{start, end}};

	ack_sack(f, ack, b, 1);
}

/* A connection with SACK, a wide window and n segments of `mss` out; tcp_recovery and tcp_max_reordering. */
static uint32_t fly(struct tf *f, int64_t recovery, uint32_t mss, uint32_t n, int64_t reordering)
{
	/* Window scale 7, SACK permitted. */
	uint8_t o[] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 1, 1, 4, 2, 1, 3, 3, 7};
	uint32_t out = 0;

	tf_init(f);
	tapir_conf_set(&f->w.conf, "net.ipv4.tcp_early_retrans", 0, 0);
	tapir_conf_set(&f->w.conf, "net.ipv4.tcp_recovery", 0, recovery);
	tapir_conf_set(&f->w.conf, "net.ipv4.tcp_max_reordering", 0, reordering);
	f->w.conf.tcp_wmem_max = f->w.conf.tcp_wmem_default = 1 << 28; /* each segment costs */
	tf_start(f);
	memcpy(f->opts, o, sizeof(o));
	f->nopts = sizeof(o);
	f->wnd = 65535;
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_conn(f)->cc.cwnd = n * mss;
	while (out < n * mss) {
		int64_t r = tf_write(f, min_u32(n * mss - out, 10000 * mss));

		assert_true(r > 0);
		out += (uint32_t)r;
		(void)tf_drain(f);
	}
	world_step(&f->w, 1);
	(void)tf_drain(f);
	assert_int_equal(tf_conn(f)->snd_nxt - tf_conn(f)->snd_una, n * mss);
	return n * mss;
}

/* ---- against an array ---- */

enum { SEGS = 120 };

struct model {
	bool rack;
	bool sacked[SEGS], lost[SEGS], again[SEGS];
	unsigned una, high;
};

/* Segments [from, to) were SACKed: the last that went once and arrived. */
static void model_sack(struct model *m, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		if (!m->sacked[i] && !m->again[i] && i > m->high)
			m->high = i;
		m->sacked[i] = true;
	}
}

/*
 * RFC 8985 6.2: all were sent at one moment and the path takes no time, so that the order of sending decides.
 * RFC 6675 4, IsLost() by segments, as all of them are full.
 */
static void model_find_lost(struct model *m)
{
	unsigned above = 0;

	for (unsigned i = SEGS; i-- > m->una;) {
		if (m->sacked[i])
			above++;
		else if (m->rack ? i < m->high : above >= 3)
			m->lost[i] = true;
	}
}

/* RFC 6675 4: SetPipe(). */
static unsigned model_pipe(const struct model *m)
{
	unsigned pipe = 0;

	for (unsigned i = m->una; i < SEGS; i++) {
		if (m->sacked[i])
			continue;
		pipe += !m->lost[i];
		pipe += m->again[i];
	}
	return pipe;
}

/* Takes what left, all of it sent again; returns how many segments. */
static unsigned model_take(struct model *m, struct tf *f)
{
	unsigned n = 0;

	while (tf_pop(f)) {
		uint32_t off = f->p.seq - f->snd;
		unsigned k = off / MSS;

		assert_int_equal(off % MSS, 0);
		assert_true(k < SEGS && k >= m->una);
		/* R2018-6: never what the peer said that it holds. */
		assert_false(m->sacked[k]);
		m->again[k] = true;
		n++;
	}
	return n;
}

static void one_scoreboard(uint64_t seed, bool rack)
{
	struct rnd rnd = {.state = seed};
	struct model m = {.rack = rack};
	struct tf f;

	fly(&f, rack, MSS, SEGS, 3);
	for (unsigned step = 0; step < 60 && m.una + 1 < SEGS; step++) {
		uint32_t b[3][2];
		unsigned n = 1 + rnd_below(&rnd, 3), una = m.una;
		struct tcp_conn *c = tf_conn(&f);

		for (unsigned i = 0; i < n; i++) {
			unsigned from = una + 1 + rnd_below(&rnd, SEGS - una);
			unsigned to = from + 1 + rnd_below(&rnd, 5);

			if (from >= SEGS)
				from = SEGS - 1;
			to = to > SEGS ? SEGS : to;
			b[i][0] = from * MSS;
			b[i][1] = to * MSS;
			/* The first one would be a D-SACK inside the second. */
			if (i == 1 && from <= b[0][0] / MSS && to >= b[0][1] / MSS)
				n = 1;
			if (i < n)
				model_sack(&m, from, to);
		}
		ack_sack(&f, una * MSS, (const uint32_t(*)[2])b, n);
		model_find_lost(&m);
		(void)model_take(&m, &f);
		assert_int_equal(c->act->segs_sacked + 0u, tf_info(&f).sacked);
		for (unsigned i = una, sacked = 0; i <= SEGS; i++) {
			if (i == SEGS)
				assert_int_equal(tf_info(&f).sacked, sacked);
			else
				sacked += m.sacked[i];
		}
		assert_int_equal(tcp_pipe(c), model_pipe(&m) * MSS);
		tcp_check(f.w.t);
		if (rnd_below(&rnd, 4) == 0) {
			/* The hole is filled, up to the next one. */
			m.sacked[m.una] = true;
			while (m.una < SEGS && m.sacked[m.una])
				m.una++;
			tf_seg(&f, TF_ACK, f.rcv, f.snd + m.una * MSS, 0);
			model_find_lost(&m);
			(void)model_take(&m, &f);
			if (m.una < SEGS)
				assert_int_equal(tcp_pipe(c), model_pipe(&m) * MSS);
		}
	}
	tf_close(&f);
}

TEST(the_pipe_is_that_of_a_plain_array_for_random_scoreboards, "R6675-1 R6675-2 R9937-2 R2018-6")
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		one_scoreboard(seed, true);
		one_scoreboard(seed, false);
	}
}

/* ---- numbers ---- */

TEST(a_hundred_thousand_tiny_segments_are_counted_when_sacked_at_once, "TC-01")
{
	enum { TINY = 48, N = 80000 };
	uint32_t total;
	struct tf f;

	total = fly(&f, 1, TINY, N, 300);
	assert_int_equal(tf_info(&f).unacked, N);
	ack_one(&f, 0, TINY, total);
	assert_int_equal(tf_info(&f).sacked, N - 1);
	assert_int_equal(tf_info(&f).lost, 1);
	tcp_check(f.w.t);
	(void)tf_drain(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + total, 0);
	assert_int_equal(tf_info(&f).unacked, 0);
	assert_int_equal(tf_info(&f).sacked, 0);
	tf_close(&f);
}

TEST(many_holes_cost_a_bounded_number_of_records, "TC-02 TC-04")
{
	enum { TINY = 48, N = 40000, HOLES = 9000 };
	uint32_t total;
	struct tf f;
	struct tcp_conn *c;

	total = fly(&f, 1, TINY, N, 300);
	c = tf_conn(&f);
	/* Every second segment, from the end and from the beginning in turn, so that no place is near the last. */
	for (uint32_t i = 0; i < HOLES; i += 2) {
		const uint32_t lo = (2 * i + 2) * TINY, hi = total - (2 * i + 2) * TINY;
		const uint32_t b[2][2] = {{hi, hi + TINY}, {lo, lo + TINY}};

		if (lo >= hi)
			break;
		ack_sack(&f, 0, b, 2);
		(void)tf_drain(&f);
		assert_true(c->act->nrecs <= 8192);
	}
	tcp_check(f.w.t);
	/* What found no record counts as not SACKed, and the connection goes on. */
	tf_seg(&f, TF_ACK, f.rcv, f.snd + total, 0);
	assert_int_equal(tf_info(&f).unacked, 0);
	tf_close(&f);
}

/*
 * With RACK off each hole is judged once. tcp_sack_mark_lost() takes 1.4 million instructions for all tests of this file
 * (callgrind), some 300 an ACK; with a look at each hole at each ACK this test alone has 16 million looks.
 */
TEST(holes_are_found_lost_once_with_rack_off, "R6675-2 TC-02")
{
	enum { TINY = 48, N = 8000 };
	struct tcp_conn *c;
	struct tf f;

	(void)fly(&f, 0, TINY, N, 3);
	c = tf_conn(&f);
	for (uint32_t i = 1; i < N; i += 2) {
		ack_one(&f, 0, i * TINY, (i + 1) * TINY);
		(void)tf_drain(&f);
		/* All holes but those with less than three above: the first is lost from the third on. */
		if (i >= 5)
			assert_int_equal(c->act->segs_lost, (i + 1) / 2 - 2);
	}
	assert_int_equal(c->act->judged, f.snd + (N - 4) * TINY);
	tcp_check(f.w.t);
	tf_close(&f);
}

TEST(octets_at_the_edges_of_blocks_cut_no_records, "TC-04")
{
	struct rnd rnd = {.state = 4};
	struct tf f;
	struct tcp_conn *c;

	fly(&f, 1, MSS, 100, 300);
	c = tf_conn(&f);
	for (unsigned i = 0; i < 5000; i++) {
		uint32_t at = 1 + rnd_below(&rnd, 99 * MSS), len = 1 + rnd_below(&rnd, MSS - 1);

		ack_one(&f, 0, at, at + len);
		(void)tf_drain(&f);
	}
	assert_in_range(c->act->nrecs, 1, 3);
	assert_int_equal(tf_info(&f).sacked, 0);
	tcp_check(f.w.t);
	tf_close(&f);
}

/* ---- what is not believed ---- */

TEST(blocks_outside_what_is_outstanding_are_counted_and_ignored, "R2018-9")
{
	static const uint32_t bad[][2] = {
		{20 * MSS, 21 * MSS},		  /* beyond what was sent */
		{9 * MSS, 11 * MSS},		  /* over its end */
		{5 * MSS, 5 * MSS},		  /* empty */
		{6 * MSS, 5 * MSS},		  /* backwards */
		{0x80000000u, 0x80000000u + MSS}, /* half the world away */
	};
	struct tf f;
	uint64_t n = 0;

	fly(&f, 1, MSS, 10, 300);
	for (unsigned i = 0; i < 5; i++) {
		ack_sack(&f, 0, &bad[i], 1);
		tf_quiet(&f);
		assert_int_equal(tf_info(&f).sacked, 0);
		if (world_stat(&f.w, STAT_TcpExt_TCPSACKDiscard) > n)
			n = world_stat(&f.w, STAT_TcpExt_TCPSACKDiscard);
	}
	assert_true(n >= 3);
	tf_close(&f);
}

/* ---- D-SACK ---- */

TEST(dsacks_of_what_was_sent_once_do_not_widen_the_reordering_window, "TC-32 R8985-2")
{
	struct tf f;
	struct tcp_conn *c;

	fly(&f, 1, MSS, 40, 300);
	c = tf_conn(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 4 * MSS, 0);
	c->m.reord_seen = 1;
	for (unsigned i = 0; i < 1000; i++) {
		const uint32_t b[1][2] = {{0, MSS}};

		ack_sack(&f, 4 * MSS, b, 1);
	}
	(void)tf_drain(&f);
	assert_true(c->rack_steps <= 1);
	assert_true(world_stat(&f.w, STAT_TcpExt_TCPDSACKIgnoredDubious) >= 999);
	/* And were it as wide as a byte can say: never more than a round trip. */
	c->rack_steps = 255;
	c->rack_persist = 16;
	assert_true(tcp_rack_reo_wnd_ns(f.w.t, c) <= (uint64_t)c->rtt.srtt_us * 1000);
	tf_close(&f);
}

TEST(the_reordering_window_grows_by_a_dsack_a_round_trip_and_lasts_sixteen_recoveries, "R8985-2")
{
	struct tf f;
	struct tcp_conn *c;

	fly(&f, 1, MSS, 40, 300);
	c = tf_conn(&f);
	c->min_rtt_us = 40000;
	c->rtt.srtt_us = 50000;
	c->m.reord_seen = 1;
	c->rack_steps = 1;
	assert_int_equal(tcp_rack_reo_wnd_ns(f.w.t, c), 10000000);
	c->rack_round = c->snd_una;
	for (unsigned i = 0; i < 5; i++) {
		c->rack_dsack = true;
		tcp_rack_adapt(f.w.t, c);
		assert_int_equal(c->rack_steps,
				 2); /* once, until what is out now is acknowledged */
		assert_false(c->rack_dsack);
	}
	assert_int_equal(tcp_rack_reo_wnd_ns(f.w.t, c), 20000000);
	assert_int_equal(c->rack_persist, 16);
	c->rack_steps = 9;
	assert_int_equal(tcp_rack_reo_wnd_ns(f.w.t, c), 50000000); /* SRTT */
	c->rack_persist = 0;
	tcp_rack_adapt(f.w.t, c);
	assert_int_equal(c->rack_steps, 1);
	/* With nothing ever out of order and three SACKed: none. */
	c->m.reord_seen = 0;
	c->act->segs_sacked = 3;
	assert_int_equal(tcp_rack_reo_wnd_ns(f.w.t, c), 0);
	c->act->segs_sacked = 0;
	tf_close(&f);
}

/* ---- after an undo ---- */

TEST(what_an_undo_takes_back_lies_in_the_order_of_sending_again, "R8985-1")
{
	enum { N = 300 };
	const struct tcp_rec *r;
	struct tcp_conn *c;
	uint64_t last_ns = 0;
	unsigned n = 0;
	struct tf f;

	(void)fly(&f, 1, MSS, 1, 300);
	c = tf_conn(&f);
	c->cc.cwnd = N * MSS;
	for (unsigned i = 1; i < N; i++) {
		world_step(&f.w, WORLD_MS / 10);
		assert_int_equal(tf_write(&f, MSS), MSS);
		assert_int_equal(tf_drain(&f), 1);
	}
	tcp_rec_mark_all_lost(f.w.t, c);
	assert_true(list_empty(&c->act->recs_time));
	tcp_rec_unmark_lost(c);
	LIST_FOREACH (r, &c->act->recs_time, const struct tcp_rec, time_link) {
		assert_true(r->sent_ns > last_ns);
		last_ns = r->sent_ns;
		n++;
	}
	assert_int_equal(n, N);
	c->act->rexmit = TCP_REXMIT_NONE;
	/* And RACK finds all those that were sent before the one that arrived. */
	world_step(&f.w, 10 * WORLD_MS);
	ack_one(&f, 0, (N - 1) * MSS, N * MSS);
	assert_int_equal(c->act->segs_lost, N - 1);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pipe_is_that_of_a_plain_array_for_random_scoreboards),
		cmocka_unit_test(a_hundred_thousand_tiny_segments_are_counted_when_sacked_at_once),
		cmocka_unit_test(many_holes_cost_a_bounded_number_of_records),
		cmocka_unit_test(holes_are_found_lost_once_with_rack_off),
		cmocka_unit_test(octets_at_the_edges_of_blocks_cut_no_records),
		cmocka_unit_test(blocks_outside_what_is_outstanding_are_counted_and_ignored),
		cmocka_unit_test(what_an_undo_takes_back_lies_in_the_order_of_sending_again),
		cmocka_unit_test(dsacks_of_what_was_sent_once_do_not_widen_the_reordering_window),
		cmocka_unit_test(
			the_reordering_window_grows_by_a_dsack_a_round_trip_and_lasts_sixteen_recoveries),
	};

	return tapir_test_run("unit/tcp/test_scoreboard", tests);
}
