/*
 * Retransmission and loss recovery: RFC 6298's timer, RFC 5681's duplicate ACKs, RFC 6582's NewReno, RFC 3042's
 * limited transmit; what a receiver can make of them by lying; and ends that come though nothing is answered.
 */
#include <errno.h>

#include "stack/core/instance.h"
#include "tests/support/tcpopt.h"

enum { MSS = 1000 };

/* A connection without timestamps and SACK whose segments carry MSS bytes; n of them are out. By RFC 5681 alone. */
static void fly(struct tf *f, unsigned n)
{
	tf_init(f);
	f->w.conf.tcp_congestion_control = 1;
	tf_start(f);
	tf_syn_mss(f, MSS);
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(f, n * MSS), n * MSS);
	for (unsigned i = 0; i < n; i++)
		tf_expect(f, TF_ACK, f->snd + i * MSS, f->rcv, MSS);
	tf_quiet(f);
}

/* The peer acknowledges `n` segments from the first one. */
static void ack(struct tf *f, unsigned n)
{
	tf_seg(f, TF_ACK, f->rcv, f->snd + n * MSS, 0);
}

/* The next segment that leaves is the k-th, from 0. */
static void expect_seg(struct tf *f, unsigned k)
{
	tf_expect(f, TF_ACK, f->snd + k * MSS, f->rcv, MSS);
}

static uint64_t rto_ns(struct tf *f)
{
	return (uint64_t)tf_info(f).rto * 1000;
}

/* ms until the next segment leaves. */
static uint64_t ms_to_next(struct tf *f, uint64_t max_ms)
{
	for (uint64_t ms = 0; ms <= max_ms; ms++) {
		if (world_pending(&f->w))
			return ms;
		world_step(&f->w, WORLD_MS);
	}
	fail_msg("nothing leaves within %u ms", (unsigned)max_ms);
	return 0;
}

/* ---- the timer ---- */

TEST(the_first_timeout_is_a_second_and_each_one_doubles, "R6298-1 R6298-8 R6298-7")
{
	struct tf f;
	uint64_t want = 1000;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_ACTIVE);
	for (unsigned i = 0; i < 5; i++, want *= 2) {
		assert_in_range(ms_to_next(&f, 100000), want - 1, want);
		tf_expect(&f, TF_SYN | TF_ACK, f.iss, f.rcv, 0);
	}
	tf_close(&f);
}

TEST(the_timer_starts_with_data_and_again_with_each_ack_that_frees, "R6298-8 R6298-7")
{
	struct tf f;
	uint64_t rto;

	fly(&f, 4);
	rto = rto_ns(&f) / WORLD_MS;
	assert_true(rto >= 200);
	world_step(&f.w, (rto - 50) * WORLD_MS);
	ack(&f, 1); /* restarts it, with a new estimate */
	tf_quiet(&f);
	rto = rto_ns(&f) / WORLD_MS;
	assert_in_range(ms_to_next(&f, 5000), rto - 1, rto + 1);
	expect_seg(&f, 1);
	tf_quiet(&f);
	ack(&f, 4);
	assert_int_equal(tf_info(&f).unacked, 0);
	/* All is acknowledged: nothing is sent again, ever. */
	world_step(&f.w, 600 * WORLD_S);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(a_fast_retransmission_restarts_the_timer, "R6298-7")
{
	struct tf f;
	uint64_t rto;

	fly(&f, 8);
	world_step(&f.w, 20 * WORLD_MS);
	ack(&f, 1);
	rto = rto_ns(&f) / WORLD_MS;
	world_step(&f.w, (rto - 20) * WORLD_MS);
	for (unsigned i = 0; i < 3; i++)
		ack(&f, 1);
	expect_seg(&f, 1);
	tf_quiet(&f);
	/* This segment went just now: it does not go again before an RTO has passed. */
	assert_in_range(ms_to_next(&f, 5000), rto - 1, 2 * rto);
	expect_seg(&f, 1);
	tf_close(&f);
}

/* As Linux, one lost SYN does not make the initial window smaller; two do. */
TEST(lost_syns_make_the_timer_three_seconds, "R6298-9 R5681-3")
{
	for (int how = 0; how < 4; how++) {
		for (int ts = 0; ts < 2; ts++) {
			uint32_t lost = how < 2 ? 1 : 2;
			struct tf f;

			tf_open(&f);
			if (ts)
				tf_syn_opts(&f, 1);
			else
				tf_syn_mss(&f, MSS);
			if (how % 2 == TF_ACTIVE) {
				tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
				world_step(&f.w, lost * 1000 * WORLD_MS + 100 * WORLD_MS);
				assert_int_equal(tf_drain(&f), lost);
				if (ts)
					tf_put32(f.opts + 12, 0);
				tf_seg_opts(&f, f.rport, TF_SYN | TF_ACK, f.irs, f.snd, f.opts,
					    f.nopts, 0);
				f.rcv = f.irs + 1;
				tf_expect_ack(&f);
			} else {
				tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
				world_step(&f.w, (lost == 1 ? 1100 : 3100) * WORLD_MS);
				assert_int_equal(tf_drain(&f), lost);
				if (ts)
					tf_seg_ts(&f, TF_ACK, f.rcv, f.snd, 1, 0, 0);
				else
					tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
				f.s = tapir_accept(f.w.t, f.ls, NULL);
				assert_true(f.s > 0);
			}
			assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
			assert_int_equal(tf_info(&f).rto, 3000000);
			assert_int_equal(tf_info(&f).snd_cwnd, lost == 1 ? 10 : 1);
			tf_close(&f);
		}
	}
}

TEST(each_round_trip_is_measured, "R6298-6")
{
	struct tf f;

	fly(&f, 1);
	world_step(&f.w, 40 * WORLD_MS);
	ack(&f, 1);
	for (unsigned i = 1; i < 60; i++) {
		assert_int_equal(tf_write(&f, MSS), MSS);
		expect_seg(&f, i);
		world_step(&f.w, 80 * WORLD_MS);
		ack(&f, i + 1);
	}
	/* It follows: 7/8 and 1/8 a round trip. */
	assert_in_range(tf_info(&f).rtt, 79000, 81000);
	tf_close(&f);
}

/* The route is looked for anew when a gateway does not seem to forward: after R1, and not before. */
TEST(the_third_retransmission_asks_for_another_way, "SHLD-10 MUST-20")
{
	struct tapir_sockaddr far = tapir_sockaddr_v4(WORLD_FAR, 80);
	struct world w;
	uint8_t buf[WORLD_FRAME];
	struct world_pkt p;
	tapir_sock_t s;
	unsigned syns = 0, asked_at = 0;
	uint32_t gen;

	world_open(&w, TAPIR_NETIF_RAW_IP);
	assert_int_equal(w.conf.tcp_retries1, 3);
	s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_connect(w.t, s, &far), -EINPROGRESS);
	gen = w.t->route_gen;
	for (unsigned i = 0; i < 200 && !asked_at; i++) {
		while (world_expect(&w, buf, &p))
			syns++;
		if (w.t->route_gen != gen)
			asked_at = syns;
		world_step(&w, 100 * WORLD_MS);
	}
	assert_in_range(asked_at, 1 + 3, 1 + 4);
	world_close(&w);
}

/* ---- duplicate ACKs ---- */

TEST(the_third_duplicate_retransmits_and_the_first_two_send_new_data, "R5681-9 R3042-1")
{
	struct tf f;

	fly(&f, 10); /* the window is full */
	assert_int_equal(tf_info(&f).snd_cwnd, 10);
	assert_int_equal(tf_write(&f, 6 * MSS), 6 * MSS);
	tf_quiet(&f);
	ack(&f, 0);
	expect_seg(&f, 10);
	ack(&f, 0);
	expect_seg(&f, 11);
	tf_quiet(&f);
	assert_int_equal(tf_info(&f).snd_cwnd, 10); /* cwnd is what it was */
	ack(&f, 0);
	expect_seg(&f, 0);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(limited_transmit_keeps_to_the_peers_window, "R3042-1 R5681-1")
{
	struct tf f;

	tf_open(&f);
	tf_syn_mss(&f, MSS);
	f.wnd = 10 * MSS;
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(&f, 16 * MSS), 16 * MSS);
	assert_int_equal(tf_drain(&f), 10);
	ack(&f, 0);
	ack(&f, 0);
	tf_quiet(&f);
	tf_close(&f);
}

/* Three duplicates for ten segments in flight: half of ten, reached in proportion to what arrives. */
TEST(recovery_halves_what_was_in_flight_without_what_limited_transmit_added, "R5681-10 R9937-3")
{
	struct tf f;

	fly(&f, 10);
	assert_int_equal(tf_write(&f, 10 * MSS), 10 * MSS);
	for (unsigned i = 0; i < 3; i++) {
		ack(&f, 0);
		assert_int_equal(tf_drain(&f), 1);
	}
	assert_int_equal(tf_info(&f).snd_ssthresh, 5);
	/* Twelve are out, three have arrived, one is lost: the retransmission makes nine. */
	assert_int_equal(tf_info(&f).snd_cwnd, 9);
	/* For each two that arrive one leaves. */
	for (unsigned i = 0; i < 2; i++) {
		ack(&f, 0);
		tf_quiet(&f);
		ack(&f, 0);
		expect_seg(&f, 12 + i);
		tf_quiet(&f);
	}
	/* Recovery ends at ssthresh; the same ACK counts for growth from there. */
	ack(&f, 13);
	(void)tf_drain(&f);
	assert_in_range(tf_info(&f).snd_cwnd, 5, 6);
	tf_close(&f);
}

TEST(a_partial_ack_resends_the_next_hole_and_a_full_one_ends_recovery, "R6582-1")
{
	struct tf f;

	fly(&f, 10); /* the first, the fifth and the eighth are lost */
	for (unsigned i = 0; i < 3; i++)
		ack(&f, 0);
	expect_seg(&f, 0);
	for (unsigned i = 0; i < 4; i++)
		ack(&f, 0);
	tf_quiet(&f);
	ack(&f, 4);
	expect_seg(&f, 4);
	tf_quiet(&f);
	ack(&f, 7);
	expect_seg(&f, 7);
	tf_quiet(&f);
	assert_int_equal(tf_info(&f).total_retrans, 3);
	assert_int_equal(tf_info(&f).snd_ssthresh, 5); /* one reduction for one window */
	ack(&f, 10);
	tf_quiet(&f);
	assert_int_equal(tf_info(&f).unacked, 0);
	assert_int_equal(tf_info(&f).snd_ssthresh, 5);
	tf_close(&f);
}

TEST(duplicates_after_a_timeout_reduce_nothing_more, "R6582-2 R5681-7")
{
	struct tf f;
	uint32_t ssthresh;

	fly(&f, 10);
	world_step(&f.w, rto_ns(&f) + WORLD_MS);
	expect_seg(&f, 0);
	ssthresh = tf_info(&f).snd_ssthresh;
	assert_int_equal(ssthresh, 5);
	assert_int_equal(tf_info(&f).snd_cwnd, 1);
	/* The flight was late, not lost: its ACKs come as duplicates of what we send twice. */
	for (unsigned i = 0; i < 6; i++)
		ack(&f, 0);
	tf_quiet(&f);
	ack(&f, 4);
	(void)tf_drain(&f);
	for (unsigned i = 0; i < 6; i++)
		ack(&f, 4);
	(void)tf_drain(&f);
	assert_int_equal(tf_info(&f).snd_ssthresh, ssthresh);
	/* Also just after the last of them is acknowledged. */
	ack(&f, 10);
	assert_int_equal(tf_write(&f, 6 * MSS), 6 * MSS);
	assert_true(tf_drain(&f) > 2);
	for (unsigned i = 0; i < 3; i++)
		ack(&f, 10);
	(void)tf_drain(&f);
	assert_int_equal(tf_info(&f).snd_ssthresh, ssthresh);
	tf_close(&f);
}

/* `recover` is compared as a sequence number: 2 GiB behind it would be ahead. */
TEST(fast_retransmit_works_after_two_gigabytes_without_a_loss, "R6582-2 EVT-57")
{
	struct tf f;
	struct tcp_conn *c;

	fly(&f, 1);
	ack(&f, 1);
	c = tf_conn(&f);
	c->recover = c->snd_una - 0x7fffffffu + 3 * MSS;
	for (unsigned i = 1; i < 8; i++) {
		assert_int_equal(tf_write(&f, MSS), MSS);
		expect_seg(&f, i);
		ack(&f, i + 1);
	}
	assert_int_equal(tf_write(&f, 5 * MSS), 5 * MSS);
	assert_int_equal(tf_drain(&f), 5);
	for (unsigned i = 0; i < 3; i++)
		ack(&f, 8);
	expect_seg(&f, 8);
	tf_close(&f);
}

/* ---- what a receiver can gain by lying ---- */

TEST(forged_duplicates_inflate_by_no_more_than_is_outstanding, "TC-30")
{
	struct tf f;
	unsigned sent = 0;

	fly(&f, 10);
	f.wnd = 65535;
	assert_int_equal(tf_write(&f, 65535 - 10 * MSS), 65535 - 10 * MSS);
	for (unsigned i = 0; i < 1000; i++) {
		ack(&f, 0);
		sent += tf_drain(&f);
	}
	/* Two by limited transmit, the retransmission, and half a window more. */
	assert_in_range(sent, 3, 8);
	assert_in_range(tf_info(&f).snd_cwnd, 5, 15);
	tf_close(&f);
}

TEST(acks_of_what_was_not_sent_are_not_honoured, "TC-28 R5961-4")
{
	struct tf f;
	struct tapir_tcp_info before, now;

	fly(&f, 3);
	before = tf_info(&f);
	f.wnd = 1;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 3 * MSS + 1, 0);
	tf_expect(&f, TF_ACK, f.snd + 3 * MSS, f.rcv, 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 0x40000000, 0);
	(void)tf_drain(&f);
	now = tf_info(&f);
	assert_int_equal(now.snd_una, before.snd_una);
	assert_int_equal(now.snd_cwnd, before.snd_cwnd);
	assert_int_equal(now.snd_wnd, before.snd_wnd);
	assert_int_equal(now.unacked, 3);
	/* Early ones, for what is still on its way, gain what they name and no more. */
	f.wnd = 65535;
	ack(&f, 3);
	assert_true(tf_info(&f).snd_cwnd <= before.snd_cwnd + 3);
	tf_close(&f);
}

/* ---- the window, shrunk ---- */

TEST(all_data_keeps_to_the_newest_window_but_for_the_first_segment, "R7323-9 TC-46 MAY-7")
{
	struct tf f;

	fly(&f, 8);
	assert_int_equal(tf_write(&f, 4 * MSS), 4 * MSS);
	assert_int_equal(tf_drain(&f), 2); /* up to cwnd */
	f.wnd = 2 * MSS;
	ack(&f, 1); /* the edge is now behind what is in flight */
	tf_quiet(&f);
	world_step(&f.w, rto_ns(&f) + WORLD_MS);
	expect_seg(&f, 1);
	tf_quiet(&f);
	/* Slow start: two may go, and the window takes one and a half. */
	f.wnd = MSS + MSS / 2;
	ack(&f, 2);
	expect_seg(&f, 2);
	tf_expect(&f, TF_ACK, f.snd + 3 * MSS, f.rcv, MSS / 2);
	tf_quiet(&f);
	/* Closed: the head alone is a probe, by each ACK that moves it and by the next timeout. */
	f.wnd = 0;
	ack(&f, 4);
	expect_seg(&f, 4);
	tf_quiet(&f);
	world_step(&f.w, rto_ns(&f) + WORLD_MS);
	expect_seg(&f, 4);
	tf_quiet(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 4 * MSS + 500, 0);
	tf_quiet(&f);
	/* No new data meanwhile. */
	assert_int_equal(tf_info(&f).notsent_bytes, 2 * MSS);
	f.wnd = 65535;
	ack(&f, 10);
	assert_int_equal(tf_drain(&f), 2);
	tf_close(&f);
}

TEST(a_peer_that_took_its_window_back_is_not_given_up_while_it_answers, "SHLD-17 MUST-37")
{
	struct tf f;

	fly(&f, 3);
	f.wnd = 0;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	for (unsigned s = 0; s < 7200; s++) {
		world_step(&f.w, WORLD_S);
		if (tf_drain(&f))
			tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	}
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	f.wnd = 65535;
	ack(&f, 3);
	assert_int_equal(tf_info(&f).unacked, 0);
	/* But when it falls silent. */
	f.wnd = 0;
	assert_int_equal(tf_write(&f, MSS), MSS);
	assert_int_equal(tf_drain(&f), 1);
	ack(&f, 3);
	world_step(&f.w, 3600 * WORLD_S);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_int_equal(tf_error(&f), ETIMEDOUT);
	tf_close(&f);
}

/* ---- ends ---- */

/* Writes without end to a peer that takes nothing, then closes. */
static void stuffed(struct tf *f, bool fin_in)
{
	tf_open(f);
	tf_syn_mss(f, MSS);
	tf_to(f, fin_in ? TAPIR_TCP_CLOSE_WAIT : TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	f->wnd = 0;
	tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
	assert_int_equal(tf_write(f, 5000), 5000);
	tf_quiet(f);
	assert_int_equal(tapir_close(f->w.t, f->s), 0);
	tf_quiet(f);
}

/* Answers each probe, window still closed; the seconds until we give up. */
static uint64_t answered_until_the_end(struct tf *f, uint64_t max_s)
{
	for (uint64_t s = 0; s < max_s; s++) {
		if (tf_state(f) == TAPIR_TCP_CLOSED)
			return s;
		world_step(&f->w, WORLD_S);
		while (tf_pop(f))
			if (!(f->p.flags & TF_RST))
				tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
	}
	fail_msg("still there");
	return 0;
}

TEST(last_ack_ends_though_the_window_stays_closed, "TC-26")
{
	struct tf f;

	stuffed(&f, true);
	assert_int_equal(tf_state(&f), TAPIR_TCP_LAST_ACK);
	assert_true(answered_until_the_end(&f, 1000) >= 60);
	tf_close(&f);
}

TEST(a_closed_connection_does_not_wait_for_a_closed_window_for_ever, "TC-26")
{
	struct tf f;

	stuffed(&f, false);
	assert_int_equal(tf_state(&f), TAPIR_TCP_FIN_WAIT_1);
	assert_true(answered_until_the_end(&f, 1000) >= 60);
	tf_close(&f);
}

TEST(closing_ends_though_the_peer_has_gone, "TC-27")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_CLOSING, TF_PASSIVE);
	assert_int_equal(tapir_close(f.w.t, f.s), 0);
	world_step(&f.w, 600 * WORLD_S);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_true(tf_drain(&f) >= 3); /* the FIN, again and again */
	tf_close(&f);

	/* With a handle too, after R2. */
	tf_open(&f);
	tf_to(&f, TAPIR_TCP_CLOSING, TF_PASSIVE);
	world_step(&f.w, 3600 * WORLD_S);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_int_equal(tf_error(&f), ETIMEDOUT);
	tf_close(&f);
}

TEST(close_before_the_syn_is_acknowledged_sends_syn_and_fin_again, "TC-55")
{
	for (int abrupt = 0; abrupt < 2; abrupt++) {
		struct tf f;

		tf_open(&f);
		tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_ACTIVE);
		if (abrupt)
			assert_int_equal(tapir_close(f.w.t, f.s), 0);
		else
			assert_int_equal(tapir_shutdown(f.w.t, f.s, TAPIR_SHUT_WR), 0);
		(void)tf_drain(&f);
		/* Whatever was sent before the SYN is acknowledged, the SYN itself goes again. */
		world_step(&f.w, 1100 * WORLD_MS);
		assert_true(tf_pop(&f));
		assert_int_equal(f.p.flags & (TF_SYN | TF_ACK), TF_SYN | TF_ACK);
		assert_int_equal(f.p.seq, f.iss);
		(void)tf_drain(&f);
		/* The peer's ACK of it, then of our FIN. */
		tf_seg(&f, TF_ACK, f.rcv, f.iss + 1, 0);
		(void)tf_drain(&f);
		tf_seg(&f, TF_ACK, f.rcv, f.iss + 2, 0);
		(void)tf_drain(&f);
		assert_int_equal(tf_state(&f), TAPIR_TCP_FIN_WAIT_2);
		tf_close(&f);
	}
}

/* Without memory to remember its first segment apart, a lost piece would leave again at each duplicate ACK. */
TEST(what_cannot_be_cut_goes_once_a_round_trip, "")
{
	struct tf f;
	int64_t max;

	fly(&f, 8);
	max = f.w.t->conf.tcp_mem_max;
	f.w.t->conf.tcp_mem_max = 0;
	for (int i = 0; i < 3; i++)
		ack(&f, 0);
	expect_seg(&f, 0);
	for (int i = 0; i < 4; i++)
		ack(&f, 0);
	tf_quiet(&f);
	/* It counts as sent twice: Karn's rule, and nobody undoes. */
	assert_int_equal(tf_info(&f).total_retrans, 1);
	world_step(&f.w, 10 * WORLD_MS);
	expect_seg(&f, 0);
	ack(&f, 0);
	tf_quiet(&f);
	/* An ACK that moves SND.UNA is progress, whatever the time. */
	ack(&f, 1);
	expect_seg(&f, 1);
	f.w.t->conf.tcp_mem_max = max;
	ack(&f, 8);
	tf_drain(&f);
	assert_int_equal(tf_info(&f).unacked, 0);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_timeout_is_a_second_and_each_one_doubles),
		cmocka_unit_test(the_timer_starts_with_data_and_again_with_each_ack_that_frees),
		cmocka_unit_test(a_fast_retransmission_restarts_the_timer),
		cmocka_unit_test(lost_syns_make_the_timer_three_seconds),
		cmocka_unit_test(each_round_trip_is_measured),
		cmocka_unit_test(the_third_retransmission_asks_for_another_way),
		cmocka_unit_test(the_third_duplicate_retransmits_and_the_first_two_send_new_data),
		cmocka_unit_test(limited_transmit_keeps_to_the_peers_window),
		cmocka_unit_test(
			recovery_halves_what_was_in_flight_without_what_limited_transmit_added),
		cmocka_unit_test(a_partial_ack_resends_the_next_hole_and_a_full_one_ends_recovery),
		cmocka_unit_test(duplicates_after_a_timeout_reduce_nothing_more),
		cmocka_unit_test(fast_retransmit_works_after_two_gigabytes_without_a_loss),
		cmocka_unit_test(forged_duplicates_inflate_by_no_more_than_is_outstanding),
		cmocka_unit_test(acks_of_what_was_not_sent_are_not_honoured),
		cmocka_unit_test(all_data_keeps_to_the_newest_window_but_for_the_first_segment),
		cmocka_unit_test(a_peer_that_took_its_window_back_is_not_given_up_while_it_answers),
		cmocka_unit_test(last_ack_ends_though_the_window_stays_closed),
		cmocka_unit_test(a_closed_connection_does_not_wait_for_a_closed_window_for_ever),
		cmocka_unit_test(closing_ends_though_the_peer_has_gone),
		cmocka_unit_test(close_before_the_syn_is_acknowledged_sends_syn_and_fin_again),
		cmocka_unit_test(what_cannot_be_cut_goes_once_a_round_trip),
	};

	return tapir_test_run("unit/tcp/test_rtx", tests);
}
