#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/rnd.h"
#include "tests/support/tcpfix.h"

#define MSL2 (60 * WORLD_S)

/* An option list with a timestamp alone. */
struct ts {
	uint8_t b[12];
};

static struct ts ts(uint32_t val)
{
	return (struct ts){{1, 1, 8, 10, (uint8_t)(val >> 24), (uint8_t)(val >> 16),
			    (uint8_t)(val >> 8), (uint8_t)val, 0, 0, 0, 0}};
}

static void time_wait(struct tf *f)
{
	tf_open(f);
	tf_to(f, TAPIR_TCP_TIME_WAIT, TF_PASSIVE);
	/* The handle has nothing to do with it any more. */
	assert_int_equal(tapir_close(f->w.t, f->s), 0);
	tf_quiet(f);
}

/* The same after a connection with timestamps whose last TSval of the peer was `val`. */
static void time_wait_ts(struct tf *f, uint32_t val)
{
	struct ts o = ts(val);

	tf_open(f);
	f->opts[0] = 2;
	f->opts[1] = 4;
	f->opts[2] = 5;
	f->opts[3] = 180;
	memcpy(f->opts + 4, o.b, 12);
	f->nopts = 16;
	tf_to(f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
	tf_seg_opts(f, f->rport, TF_ACK, f->rcv, f->snd, o.b, 12, 0);
	f->s = tapir_accept(f->w.t, f->ls, NULL);
	assert_true(f->s > 0);
	assert_int_equal(tapir_shutdown(f->w.t, f->s, TAPIR_SHUT_WR), 0);
	tf_expect(f, TF_FIN | TF_ACK, f->snd, f->rcv, 0);
	f->snd++;
	tf_seg_opts(f, f->rport, TF_FIN | TF_ACK, f->rcv, f->snd, o.b, 12, 0);
	f->rcv++;
	tf_expect_ack(f);
	assert_int_equal(tf_state(f), TAPIR_TCP_TIME_WAIT);
	tapir_close(f->w.t, f->s);
}

/* FIN-WAIT-2 of a connection that was closed altogether. */
static void orphan_fin_wait2(struct tf *f)
{
	tf_open(f);
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_close(f->w.t, f->s), 0);
	tf_expect(f, TF_FIN | TF_ACK, f->snd, f->rcv, 0);
	f->snd++;
	tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
	assert_int_equal(tf_state(f), TAPIR_TCP_FIN_WAIT_2);
	assert_int_equal(f->w.t->tcp->nconn, 0);
	tf_quiet(f);
}

TEST(a_record_has_80_bytes_and_the_connection_is_gone, "")
{
	struct tf f;

	assert_true(sizeof(struct tcp_tw) <= 80);
	time_wait(&f);
	assert_int_equal(f.w.t->tcp->ntw, 1);
	assert_int_equal(f.w.t->tcp->nconn, 0);
	tf_close(&f);
}

TEST(the_tuple_is_held_for_exactly_two_msl, "MUST-13 EVT-46")
{
	struct tf f;

	time_wait(&f);
	world_step(&f.w, MSL2 - WORLD_MS);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	world_step(&f.w, WORLD_MS);
	assert_int_equal(tf_count(&f, 0), 0);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TW), 1);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(msl_is_a_setting, "MUST-13")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_msl_ms = 120000;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_TIME_WAIT, TF_ACTIVE);
	world_step(&f.w, 240 * WORLD_S - WORLD_MS);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	world_step(&f.w, WORLD_MS);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(a_reset_is_ignored, "R1337-1 TC-17 EVT-23")
{
	struct tf f;

	time_wait(&f);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	tf_seg(&f, TF_RST | TF_ACK, f.rcv, f.snd, 0);
	tf_seg(&f, TF_RST, f.rcv + 1, 0, 0);
	tf_quiet(&f);
	/* The whole hazard: an old segment, our ACK, the other side's RST to it. */
	tf_seg(&f, TF_ACK, f.irs + 1, f.iss + 1, 1);
	tf_expect_ack(&f);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	world_step(&f.w, MSL2 - WORLD_MS);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	tf_close(&f);
}

TEST(without_rfc_1337_only_the_exact_reset_ends_it, "EVT-23 EVT-20")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_rfc1337 = 0;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_TIME_WAIT, TF_PASSIVE);
	tf_seg(&f, TF_RST, f.rcv + 1, 0, 0);
	tf_seg(&f, TF_RST, f.rcv - 1, 0, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(a_repeated_fin_is_acknowledged_and_begins_the_wait_anew, "EVT-34 EVT-43")
{
	struct tf f;

	time_wait(&f);
	world_step(&f.w, MSL2 - WORLD_S);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv - 1, f.snd, 0);
	tf_expect_ack(&f);
	world_step(&f.w, MSL2 - WORLD_MS);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	world_step(&f.w, WORLD_MS);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(a_fin_with_its_text_again_is_a_repeated_fin_too, "EVT-34")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_FIN_WAIT_2, TF_PASSIVE);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, 100);
	f.rcv += 101;
	tf_expect_ack(&f);
	world_step(&f.w, 30 * WORLD_S);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv - 101, f.snd, 100);
	tf_expect_ack(&f);
	world_step(&f.w, MSL2 - WORLD_MS);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	tf_close(&f);
}

TEST(answers_are_limited_in_rate, "TC-39")
{
	struct tf f;
	unsigned n;

	time_wait(&f);
	for (int i = 0; i < 1000; i++)
		tf_seg(&f, TF_ACK, f.rcv - 1, f.snd, 0);
	assert_int_equal(tf_drain(&f), 1);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPACKSkippedTimeWait), 999);
	/* Two a second at most. */
	for (n = 0; n < 100; n++) {
		world_step(&f.w, 100 * WORLD_MS);
		tf_seg(&f, TF_ACK, f.rcv - 1, f.snd, 0);
	}
	assert_int_equal(tf_drain(&f), 20);
	tf_close(&f);
}

TEST(old_and_mad_segments_are_answered_with_our_numbers, "EVT-18 EVT-26 R1337-2")
{
	struct tf f;
	struct {
		uint8_t flags;
		int32_t seq;
		uint32_t len;
	} segs[] = {
		{TF_ACK, -100, 50}, {TF_ACK, -1, 0},	     {TF_ACK | TF_PSH, 0, 10},
		{TF_ACK, 70000, 0}, {TF_ACK | TF_URG, 0, 1}, {TF_ACK | TF_FIN, 5, 0},
		{0, 0, 10},	    {TF_FIN, 0, 0},
	};

	time_wait(&f);
	for (size_t i = 0; i < sizeof(segs) / sizeof(segs[0]); i++) {
		world_step(&f.w, WORLD_S);
		tf_seg(&f, segs[i].flags, f.rcv + (uint32_t)segs[i].seq, f.snd, segs[i].len);
		tf_expect_ack(&f);
		assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	}
	/* As Linux, those with an ACK made it wait anew. */
	world_step(&f.w, MSL2 - 3 * WORLD_S);
	assert_int_equal(tf_count(&f, 0), 1);
	world_step(&f.w, WORLD_S);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(urgent_data_and_text_are_ignored, "EVT-35 EVT-36")
{
	struct tf f;
	uint8_t buf[10];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_TIME_WAIT, TF_PASSIVE);
	tf_seg(&f, TF_ACK | TF_URG | TF_PSH, f.rcv, f.snd, 10);
	assert_int_equal(tf_read(&f, buf, 10), 0);
	assert_int_equal(tapir_poll(f.w.t, f.s) & TAPIR_PRI, 0);
	tf_close(&f);
}

TEST(an_empty_segment_where_one_is_expected_is_not_answered, "EVT-26")
{
	struct tf f;

	time_wait(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_seg(&f, 0, f.rcv, 0, 0);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(a_syn_with_ack_is_challenged, "EVT-24")
{
	struct tf f;

	time_wait(&f);
	tf_seg(&f, TF_SYN | TF_ACK, f.rcv + 100, f.snd, 0);
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	tf_close(&f);
}

/* ---- RFC 6191: when a new SYN may take over ---- */

/* A SYN `above` RCV.NXT with that timestamp (0: none); whether it was taken. */
static bool syn_taken(struct tf *f, int32_t above, uint32_t tsval)
{
	struct ts o = ts(tsval);
	uint32_t old_snd = f->snd;

	tf_seg_opts(f, f->rport, TF_SYN, f->rcv + (uint32_t)above, 0, o.b, tsval ? 12 : 0, 0);
	assert_true(tf_pop(f));
	if (f->p.flags == TF_ACK) {
		/* As Linux: our numbers. */
		assert_int_equal(f->p.ack, f->rcv);
		assert_int_equal(tf_state(f), TAPIR_TCP_TIME_WAIT);
		world_step(&f->w, WORLD_S);
		return false;
	}
	assert_int_equal(f->p.flags, TF_SYN | TF_ACK);
	assert_int_equal(f->p.ack, f->rcv + (uint32_t)above + 1);
	/* MAY-2: our numbers begin above all that were used. */
	assert_int_equal(f->p.seq, old_snd + 65537);
	assert_int_equal(tf_state(f), TAPIR_TCP_SYN_RECEIVED);
	assert_int_equal(world_stat(&f->w, STAT_TcpExt_TWRecycled), 1);
	return true;
}

TEST(a_newer_timestamp_lets_a_syn_in_whatever_its_number, "R6191-1 SHLD-4 MAY-2")
{
	struct tf f;

	time_wait_ts(&f, 1000);
	assert_false(syn_taken(&f, 1000, 999));
	assert_false(syn_taken(&f, -1000, 999));
	assert_true(syn_taken(&f, -1000, 1001));
	tf_close(&f);
}

TEST(an_equal_timestamp_or_none_needs_a_greater_number, "R6191-2")
{
	struct tf f;

	time_wait_ts(&f, 1000);
	assert_false(syn_taken(&f, 0, 1000));
	assert_false(syn_taken(&f, -1, 1000));
	assert_true(syn_taken(&f, 1, 1000));
	tf_close(&f);
	time_wait_ts(&f, 1000);
	assert_false(syn_taken(&f, 0, 0));
	assert_false(syn_taken(&f, -1000, 0));
	assert_true(syn_taken(&f, 1000, 0));
	tf_close(&f);
}

TEST(after_a_connection_without_timestamps, "R6191-3")
{
	struct tf f;

	time_wait(&f);
	assert_false(syn_taken(&f, -1000, 5)); /* as Linux; RFC 6191: taken */
	assert_true(syn_taken(&f, 1000, 5));
	tf_close(&f);
	time_wait(&f);
	assert_false(syn_taken(&f, -1000, 0));
	assert_false(syn_taken(&f, 0, 0));
	assert_true(syn_taken(&f, 1, 0));
	tf_close(&f);
}

TEST(timestamps_that_are_switched_off_do_not_count, "R6191-3")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_timestamps = 0;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_TIME_WAIT, TF_PASSIVE);
	assert_false(syn_taken(&f, -1000, 5));
	assert_true(syn_taken(&f, 1, 5));
	tf_close(&f);
}

TEST(without_a_listener_a_new_syn_changes_nothing, "")
{
	struct tf f;

	time_wait(&f);
	tapir_close(f.w.t, f.ls);
	assert_false(syn_taken(&f, 1000, 0));
	tf_close(&f);
}

TEST(the_new_incarnation_takes_no_old_segment, "R1337-2")
{
	struct tf f;
	uint32_t old_rcv, old_snd;
	uint8_t buf[100];

	time_wait(&f);
	old_rcv = f.rcv;
	old_snd = f.snd;
	f.irs = f.rcv + 100000;
	tf_shake(&f, f.rport);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	assert_true(f.s > 0);
	tf_seg(&f, TF_ACK, old_rcv - 10, old_snd, 10);
	tf_seg(&f, TF_ACK, f.rcv, old_snd - 65535 * 3, 10);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_drain(&f);
	tf_close(&f);
}

/* ---- connect() over TIME-WAIT ---- */

static int connect_from(struct tf *f, uint16_t lport, uint16_t rport)
{
	struct tapir_sockaddr us = tapir_sockaddr_v4(0, lport);
	struct tapir_sockaddr to = tapir_sockaddr_v4(WORLD_PEER, rport);
	tapir_sock_t s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	int one = 1, r;

	tapir_setsockopt(f->w.t, s, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(tapir_bind(f->w.t, s, &us), 0);
	r = tapir_connect(f->w.t, s, &to);
	if (r != -EINPROGRESS)
		tapir_close(f->w.t, s);
	return r;
}

TEST(connect_takes_a_tuple_over_when_timestamps_make_it_safe, "SHLD-4 R6528-3")
{
	struct tf f;

	time_wait_ts(&f, 1000);
	tapir_close(f.w.t, f.ls);
	world_step(&f.w, WORLD_S);
	/* As configured it is so for loopback alone. */
	assert_int_equal(connect_from(&f, f.lport, f.rport), -EADDRNOTAVAIL);
	f.w.t->conf.tcp_tw_reuse = 1;
	/* Not within the first second: its timestamp might not be newer. */
	assert_int_equal(connect_from(&f, f.lport, f.rport), -EADDRNOTAVAIL);
	world_step(&f.w, WORLD_MS);
	assert_int_equal(connect_from(&f, f.lport, f.rport), -EINPROGRESS);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.flags, TF_SYN);
	assert_int_equal(f.p.seq, f.snd + 65537);
	assert_int_equal(tf_count(&f, TAPIR_TCP_TIME_WAIT), 0);
	tf_close(&f);
}

TEST(a_shorter_msl_makes_no_record_older_than_it_is, "")
{
	struct tf f;

	time_wait_ts(&f, 1000);
	tapir_close(f.w.t, f.ls);
	assert_int_equal(tapir_sysctl(f.w.t, "net.tapir.tcp_msl_ms", 0, 1000), 0);
	assert_int_equal(connect_from(&f, f.lport, f.rport), -EADDRNOTAVAIL);
	tf_close(&f);
}

TEST(connect_leaves_a_tuple_alone_when_they_do_not, "R6056-3")
{
	struct tf f;

	time_wait(&f); /* without timestamps */
	tapir_close(f.w.t, f.ls);
	world_step(&f.w, 59 * WORLD_S);
	assert_int_equal(connect_from(&f, f.lport, f.rport), -EADDRNOTAVAIL);
	world_step(&f.w, WORLD_S);
	assert_int_equal(connect_from(&f, f.lport, f.rport), -EINPROGRESS);
	tf_close(&f);
}

/* ---- FIN-WAIT-2 without a handle ---- */

TEST(an_orphan_in_fin_wait_2_becomes_a_record_that_takes_the_fin, "EVT-42")
{
	struct tf f;

	orphan_fin_wait2(&f);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, 0);
	f.rcv++;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	world_step(&f.w, MSL2 - WORLD_MS);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	world_step(&f.w, WORLD_MS);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(it_does_not_wait_for_ever, "TC-25")
{
	struct tf f;

	orphan_fin_wait2(&f);
	world_step(&f.w, 60 * WORLD_S - WORLD_MS);
	assert_int_equal(tf_state(&f), TAPIR_TCP_FIN_WAIT_2);
	world_step(&f.w, WORLD_MS);
	assert_int_equal(tf_count(&f, 0), 0);
	/* What comes later meets a closed connection. */
	tapir_close(f.w.t, f.ls);
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, 0);
	tf_expect(&f, TF_RST, f.snd, 0, 0);
	tf_close(&f);
}

TEST(data_after_close_is_reset, "SHLD-3 MAY-1")
{
	struct tf f;

	orphan_fin_wait2(&f);
	tf_seg(&f, TF_ACK | TF_PSH, f.rcv, f.snd, 10);
	tf_expect(&f, TF_RST, f.snd, 0, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPAbortOnData), 1);
	assert_int_equal(world_drops(&f.w, DROP_TCP_CLOSED_DATA), 1);
	tf_close(&f);
}

TEST(the_record_knows_resets_and_syns, "EVT-20 EVT-24 EVT-18")
{
	struct tf f;

	orphan_fin_wait2(&f);
	tf_seg(&f, TF_RST, f.rcv - 1, 0, 0); /* outside */
	tf_expect_ack(&f);
	world_step(&f.w, WORLD_S);
	tf_seg(&f, TF_ACK, f.rcv - 5, f.snd, 5); /* old text */
	tf_expect_ack(&f);
	world_step(&f.w, WORLD_S);
	tf_seg(&f, 0, f.rcv, 0, 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_FIN_WAIT_2);
	tf_seg(&f, TF_RST, f.rcv + 1, 0, 0); /* inside */
	tf_quiet(&f);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);

	orphan_fin_wait2(&f);
	tf_seg(&f, TF_SYN, f.rcv + 1, 0, 0); /* the peer begins anew */
	tf_expect(&f, TF_RST | TF_ACK, 0, f.rcv + 2, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);

	orphan_fin_wait2(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 1, 5); /* text, whatever it acknowledges */
	tf_expect(&f, TF_RST, f.snd + 1, 0, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(a_fin_ahead_of_missing_data_resets, "SHLD-3")
{
	struct tf f;

	orphan_fin_wait2(&f);
	/* As Linux: what lies before it would be lost. */
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv + 100, f.snd, 0);
	tf_expect(&f, TF_RST, f.snd, 0, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

/* ---- limits and order ---- */

/* A connection from rport that we close first. */
static void wait_one(struct tf *f, uint16_t rport)
{
	tf_shake(f, rport);
	f->s = tapir_accept(f->w.t, f->ls, NULL);
	assert_true(f->s > 0);
	assert_int_equal(tapir_close(f->w.t, f->s), 0);
	tf_expect(f, TF_FIN | TF_ACK, f->snd, f->rcv, 0);
	f->snd++;
	tf_seg(f, TF_FIN | TF_ACK, f->rcv, f->snd, 0);
	f->rcv++;
	tf_expect_ack(f);
}

TEST(at_the_limit_a_new_record_is_not_kept, "")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_max_tw_buckets = 3;
	tf_start(&f);
	tf_listen(&f);
	for (uint16_t i = 0; i < 5; i++)
		wait_one(&f, (uint16_t)(40000 + i));
	assert_int_equal(f.w.t->tcp->ntw, 3);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPTimeWaitOverflow), 2);
	f.rport = 40000;
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	f.rport = 40004;
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(thousands_expire_each_in_its_time, "")
{
	enum { N = 2000 };
	struct tf f;
	struct rnd rnd = {3};
	uint32_t rcv[N], snd[N];

	tf_open(&f);
	tf_listen(&f);
	f.w.no_check = true;
	for (uint16_t i = 0; i < N; i++) {
		wait_one(&f, (uint16_t)(1024 + i));
		rcv[i] = f.rcv;
		snd[i] = f.snd;
		world_step(&f.w, 10 * WORLD_MS);
	}
	/* At 20 s some begin anew. */
	for (unsigned k = 0; k < 300; k++) {
		uint32_t i = rnd_below(&rnd, N);

		f.rport = (uint16_t)(1024 + i);
		tf_seg(&f, TF_FIN | TF_ACK, rcv[i] - 1, snd[i], 0);
	}
	tapir_check(f.w.t);
	world_step(&f.w, 40 * WORLD_S);
	/* The first half second of those that did not is over. */
	for (int s = 0; s < 30; s++) {
		tapir_check(f.w.t);
		world_step(&f.w, WORLD_S);
	}
	assert_int_equal(f.w.t->tcp->ntw, 0);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TW), N);
	tf_close(&f);
}

TEST(without_memory_the_wait_is_cut_short, "")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_FIN_WAIT_2, TF_PASSIVE);
	f.w.alloc.fail_all = f.w.alloc.calls + 3; /* the packet itself gets its memory */
	tf_seg(&f, TF_FIN | TF_ACK, f.rcv, f.snd, 0);
	f.w.alloc.fail_all = 0;
	tf_drain(&f);
	assert_true(tf_count(&f, 0) <= 1);
	tf_close(&f);
}

TEST(the_iterator_shows_each_record_once, "EVT-53")
{
	struct tf f;
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info i;
	unsigned seen[300] = {0};

	tf_open(&f);
	tf_listen(&f);
	for (uint16_t k = 0; k < 300; k++)
		wait_one(&f, (uint16_t)(40000 + k));
	while (tapir_sock_next(f.w.t, &it, &i)) {
		if (i.state == TAPIR_TCP_TIME_WAIT)
			seen[i.peer.port - 40000]++;
	}
	for (unsigned k = 0; k < 300; k++)
		assert_int_equal(seen[k], 1);
	tf_close(&f);
}

TEST(bind_meets_time_wait_unless_both_allow_reuse, "")
{
	struct tf f;
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, TF_PORT);
	tapir_sock_t s;
	int one = 1;

	time_wait(&f); /* its listener had SO_REUSEADDR */
	tapir_close(f.w.t, f.ls);
	s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_bind(f.w.t, s, &sa), -EADDRINUSE);
	tapir_setsockopt(f.w.t, s, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(tapir_bind(f.w.t, s, &sa), 0);
	assert_int_equal(tapir_listen(f.w.t, s, 1), 0);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_has_80_bytes_and_the_connection_is_gone),
		cmocka_unit_test(the_tuple_is_held_for_exactly_two_msl),
		cmocka_unit_test(msl_is_a_setting),
		cmocka_unit_test(a_reset_is_ignored),
		cmocka_unit_test(without_rfc_1337_only_the_exact_reset_ends_it),
		cmocka_unit_test(a_repeated_fin_is_acknowledged_and_begins_the_wait_anew),
		cmocka_unit_test(a_fin_with_its_text_again_is_a_repeated_fin_too),
		cmocka_unit_test(answers_are_limited_in_rate),
		cmocka_unit_test(old_and_mad_segments_are_answered_with_our_numbers),
		cmocka_unit_test(urgent_data_and_text_are_ignored),
		cmocka_unit_test(an_empty_segment_where_one_is_expected_is_not_answered),
		cmocka_unit_test(a_syn_with_ack_is_challenged),
		cmocka_unit_test(a_newer_timestamp_lets_a_syn_in_whatever_its_number),
		cmocka_unit_test(an_equal_timestamp_or_none_needs_a_greater_number),
		cmocka_unit_test(after_a_connection_without_timestamps),
		cmocka_unit_test(timestamps_that_are_switched_off_do_not_count),
		cmocka_unit_test(without_a_listener_a_new_syn_changes_nothing),
		cmocka_unit_test(the_new_incarnation_takes_no_old_segment),
		cmocka_unit_test(connect_takes_a_tuple_over_when_timestamps_make_it_safe),
		cmocka_unit_test(a_shorter_msl_makes_no_record_older_than_it_is),
		cmocka_unit_test(connect_leaves_a_tuple_alone_when_they_do_not),
		cmocka_unit_test(an_orphan_in_fin_wait_2_becomes_a_record_that_takes_the_fin),
		cmocka_unit_test(it_does_not_wait_for_ever),
		cmocka_unit_test(data_after_close_is_reset),
		cmocka_unit_test(the_record_knows_resets_and_syns),
		cmocka_unit_test(a_fin_ahead_of_missing_data_resets),
		cmocka_unit_test(at_the_limit_a_new_record_is_not_kept),
		cmocka_unit_test(thousands_expire_each_in_its_time),
		cmocka_unit_test(without_memory_the_wait_is_cut_short),
		cmocka_unit_test(the_iterator_shows_each_record_once),
		cmocka_unit_test(bind_meets_time_wait_unless_both_allow_reuse),
	};

	return tapir_test_run("unit/tcp/test_timewait", tests);
}
