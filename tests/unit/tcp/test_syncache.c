#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/tcpfix.h"

/* mss 1460, TS val 1000 ecr 0 */
static const uint8_t ts_opts[] = {2, 4, 5, 180, 1, 1, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0};

static void half_open(struct tf *f)
{
	tf_open(f);
	tf_to(f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
}

static void half_open_ts(struct tf *f)
{
	tf_open(f);
	memcpy(f->opts, ts_opts, sizeof(ts_opts));
	f->nopts = sizeof(ts_opts);
	tf_to(f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
}

/* The record is gone, nobody was told, and the listener takes the next. */
static void assert_back_to_listen(struct tf *f)
{
	assert_int_equal(tf_count(f, 0), 0);
	assert_int_equal(tf_state(f), TAPIR_TCP_LISTEN);
	assert_int_equal(tapir_accept(f->w.t, f->ls, NULL), -EAGAIN);
	assert_int_equal(world_stat(&f->w, STAT_Tcp_AttemptFails), 1);
	f->irs += 5000;
	tf_shake(f, f->rport);
	assert_true(tapir_accept(f->w.t, f->ls, NULL) > 0);
	tf_close(f);
}

TEST(a_record_is_no_connection, "R4987-1")
{
	struct tf f;

	half_open(&f);
	assert_int_equal(f.w.t->tcp->nconn, 0);
	assert_int_equal(f.w.t->tcp->nsyn, 1);
	assert_true(sizeof(struct tcp_syn_ent) < 320);
	tf_close(&f);
}

TEST(an_unanswered_syn_earns_six_syn_acks_and_an_end, "TC-20 R4987-3 EVT-45")
{
	static const unsigned after_s[] = {1, 2, 4, 8, 16};
	struct tf f;

	half_open_ts(&f);
	for (size_t i = 0; i < 5; i++) {
		world_step(&f.w, after_s[i] * WORLD_S - WORLD_MS);
		tf_quiet(&f);
		world_step(&f.w, WORLD_MS);
		tf_expect(&f, TF_SYN | TF_ACK, f.iss, f.rcv, 0);
		assert_true(20 + f.p.l4_len <= 60);
	}
	world_step(&f.w, 32 * WORLD_S - WORLD_MS);
	assert_int_equal(tf_count(&f, TAPIR_TCP_SYN_RECEIVED), 1);
	world_step(&f.w, WORLD_MS);
	tf_quiet(&f);
	assert_int_equal(world_stat(&f.w, STAT_Tcp_RetransSegs), 5);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPSynRetrans), 5);
	assert_back_to_listen(&f);
}

TEST(a_reset_stops_the_syn_acks, "TC-20")
{
	struct tf f;

	half_open(&f);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	world_step(&f.w, 100 * WORLD_S);
	tf_quiet(&f);
	assert_back_to_listen(&f);
}

TEST(a_repeated_syn_is_answered_with_the_same_isn, "EVT-25")
{
	struct tf f;

	half_open(&f);
	world_step(&f.w, 600 * WORLD_MS);
	tf_seg(&f, TF_SYN, f.irs, 0, 0);
	tf_expect(&f, TF_SYN | TF_ACK, f.iss, f.rcv, 0);
	/* At most once in tcp_invalid_ratelimit. */
	for (int i = 0; i < 100; i++)
		tf_seg(&f, TF_SYN, f.irs, 0, 0);
	tf_quiet(&f);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPACKSkippedSynRecv), 100);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

TEST(a_repeated_syn_moves_the_next_syn_ack_on, "R4987-3")
{
	struct tf f;

	half_open(&f);
	world_step(&f.w, 600 * WORLD_MS);
	tf_seg(&f, TF_SYN, f.irs, 0, 0);
	assert_int_equal(tf_drain(&f), 1);
	world_step(&f.w, 900 * WORLD_MS); /* later than the first would have had it */
	tf_quiet(&f);
	world_step(&f.w, 200 * WORLD_MS);
	assert_int_equal(tf_drain(&f), 1);
	world_step(&f.w, 63 * WORLD_S); /* and who is not heard of any more is forgotten */
	tf_drain(&f);
	assert_back_to_listen(&f);
}

TEST(a_reset_with_the_exact_number_returns_to_listen_untold, "EVT-21 MUST-11 TC-57")
{
	struct tf f;

	half_open(&f);
	tf_seg(&f, TF_RST, f.rcv, 0, 0); /* without ACK */
	tf_quiet(&f);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_EmbryonicRsts), 1);
	assert_back_to_listen(&f);

	half_open(&f);
	tf_seg(&f, TF_RST | TF_ACK, f.rcv, 12345, 0); /* its ACK does not matter */
	tf_quiet(&f);
	assert_back_to_listen(&f);
}

TEST(an_inexact_reset_is_challenged_and_one_outside_is_not_heard, "EVT-20 R5961-1")
{
	struct tf f;

	half_open(&f);
	world_step(&f.w, 600 * WORLD_MS);
	tf_seg(&f, TF_RST, f.rcv + 1, 0, 0);
	tf_expect_ack(&f);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPChallengeACK), 1);
	world_step(&f.w, 600 * WORLD_MS);
	tf_drain(&f);
	tf_seg(&f, TF_RST, f.rcv - 1, 0, 0);
	tf_seg(&f, TF_RST, f.rcv + 65536, 0, 0);
	tf_seg(&f, TF_RST, f.irs, 0, 0);
	tf_quiet(&f);
	assert_int_equal(tf_count(&f, TAPIR_TCP_SYN_RECEIVED), 1);
	tf_close(&f);
}

TEST(a_wrong_acknowledgment_is_reset_and_the_record_stays, "EVT-27 TC-44")
{
	static const int32_t off[] = {-1, 1, -2, 1000, -1000000, INT32_MAX, INT32_MIN};
	struct tf f;

	half_open(&f);
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		tf_seg(&f, TF_ACK, f.rcv, f.snd + (uint32_t)off[i], 0);
		tf_expect(&f, TF_RST, f.snd + (uint32_t)off[i], 0, 0);
		assert_int_equal(tf_count(&f, TAPIR_TCP_SYN_RECEIVED), 1);
	}
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

TEST(a_segment_without_ack_is_dropped, "EVT-26")
{
	struct tf f;

	half_open(&f);
	tf_seg(&f, 0, f.rcv, 0, 0);
	tf_seg(&f, TF_PSH, f.rcv, 0, 100);
	tf_seg(&f, TF_FIN, f.rcv, 0, 0);
	tf_quiet(&f);
	assert_int_equal(world_drops(&f.w, DROP_TCP_NO_ACK), 3);
	assert_int_equal(tf_count(&f, TAPIR_TCP_SYN_RECEIVED), 1);
	tf_close(&f);
}

TEST(a_segment_outside_the_window_is_answered_by_ack, "EVT-18")
{
	struct tf f;

	half_open(&f);
	world_step(&f.w, 600 * WORLD_MS);
	tf_seg(&f, TF_ACK, f.rcv + 65536, f.snd, 0);
	tf_expect_ack(&f);
	assert_int_equal(tf_count(&f, TAPIR_TCP_SYN_RECEIVED), 1);
	/* Not more often than the limit. */
	for (int i = 0; i < 10; i++)
		tf_seg(&f, TF_ACK, f.rcv - 1000, f.snd, 0);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(another_syn_in_the_window_is_reset_and_ends_the_record, "EVT-25")
{
	struct tf f;

	half_open(&f);
	world_step(&f.w, 600 * WORLD_MS);
	tf_seg(&f, TF_SYN, f.rcv + 100, 0, 0);
	tf_expect(&f, TF_RST | TF_ACK, 0, f.rcv + 101, 0);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_EmbryonicRsts), 1);
	assert_back_to_listen(&f);
}

/* RFC 9293 figure 9: an old SYN; the peer's RST; then the real one. */
TEST(an_old_duplicate_syn_is_undone_by_a_reset, "EVT-56")
{
	struct tf f;

	tf_open(&f);
	tf_listen(&f);
	tf_seg(&f, TF_SYN, 90, 0, 0);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.ack, 91);
	tf_seg(&f, TF_RST, 91, 0, 0);
	tf_quiet(&f);
	assert_int_equal(tf_count(&f, 0), 0);
	f.irs = 100;
	tf_shake(&f, f.rport);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

/* The same with the new SYN coming while the record of the old one stands: our ACK brings the RST. */
TEST(a_new_syn_from_a_restarted_peer_gets_an_ack_that_it_resets, "EVT-54")
{
	struct tf f;

	half_open(&f);
	world_step(&f.w, 600 * WORLD_MS);
	tf_seg(&f, TF_SYN, f.irs + 1000000, 0, 0);
	tf_expect_ack(&f);
	tf_seg(&f, TF_RST, f.rcv, 0, 0);
	tf_quiet(&f);
	assert_back_to_listen(&f);
}

TEST(an_old_timestamp_is_refused_before_anything_else, "R7323-17")
{
	static const uint8_t old[] = {1, 1, 8, 10, 0, 0, 3, 231, 0, 0, 0, 0};
	struct tf f;

	half_open_ts(&f);
	world_step(&f.w, 600 * WORLD_MS);
	tf_seg_opts(&f, f.rport, TF_ACK, f.rcv, f.snd, old, sizeof(old), 0);
	tf_expect_ack(&f);
	assert_non_null(tf_opt(&f, 8));
	assert_int_equal(world_drops(&f.w, DROP_TCP_PAWS), 1);
	assert_int_equal(tf_count(&f, TAPIR_TCP_SYN_RECEIVED), 1);
	/* A RST is exempt. */
	tf_seg_opts(&f, f.rport, TF_RST, f.rcv, 0, old, sizeof(old), 0);
	tf_quiet(&f);
	assert_back_to_listen(&f);
}

TEST(the_last_ack_without_timestamps_still_opens, "TC-54")
{
	struct tf f;

	half_open_ts(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

TEST(what_was_agreed_on_reaches_the_connection, "R7323-5 R7323-6 CL-45")
{
	uint8_t opts[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 15};
	struct tf f;
	struct tapir_tcp_info i;

	tf_open(&f);
	memcpy(f.opts, opts, sizeof(opts));
	f.nopts = sizeof(opts);
	f.wnd = 100;
	tf_listen(&f);
	tf_shake(&f, f.rport);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	i = tf_info(&f);
	assert_int_equal(i.options, 7);
	assert_int_equal(i.snd_wscale, 14); /* 15 is taken as 14 */
	assert_int_equal(i.rcv_wscale, 10);
	assert_int_equal(i.snd_wnd, 100u << 14);
	assert_int_equal(i.iss, f.iss);
	assert_int_equal(i.irs, f.irs);
	tf_close(&f);
}

TEST(the_handshake_gives_a_round_trip_unless_the_syn_ack_was_repeated, "R6298-5")
{
	struct tf f;

	half_open(&f);
	world_step(&f.w, 70 * WORLD_MS);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	assert_int_equal(tf_info(&f).rtt, 70000);
	tf_close(&f);

	half_open(&f);
	world_step(&f.w, 1070 * WORLD_MS);
	tf_drain(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	assert_int_equal(tf_info(&f).rtt, 0);
	tf_close(&f);
}

TEST(after_two_lost_syn_acks_the_first_flight_is_one_segment, "R5681-3 R6928-1")
{
	struct tf f;

	half_open(&f);
	world_step(&f.w, 1000 * WORLD_MS);
	tf_drain(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	tf_write(&f, 10000);
	assert_true(tf_drain(&f) > 1); /* as Linux: one is none */
	tf_close(&f);

	half_open(&f);
	world_step(&f.w, 3000 * WORLD_MS);
	tf_drain(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	tf_write(&f, 10000);
	assert_int_equal(tf_drain(&f), 1);
	tf_close(&f);
}

TEST(without_cookies_a_new_one_is_refused_when_the_queue_is_full, "R4987-3")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_syncookies = 0;
	f.backlog = 2; /* as Linux, one more than it says */
	tf_start(&f);
	tf_listen(&f);
	for (uint16_t i = 0; i < 4; i++) {
		tf_seg_opts(&f, (uint16_t)(40000 + i), TF_SYN, f.irs, 0, NULL, 0, 0);
		assert_int_equal(tf_pop(&f), i < 3);
		if (i == 0)
			f.snd = f.p.seq + 1;
	}
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPReqQFullDrop), 1);
	assert_int_equal(world_drops(&f.w, DROP_TCP_SYN_QUEUE_FULL), 1);
	f.rcv = f.irs + 1;
	f.rport = 40000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	/* A place is free again; and in the end all are, by themselves. */
	tf_seg_opts(&f, 40003, TF_SYN, f.irs, 0, NULL, 0, 0);
	assert_true(tf_pop(&f));
	world_step(&f.w, 200 * WORLD_S);
	(void)tf_drain(&f);
	assert_int_equal(f.w.t->tcp->nsyn, 0);
	tf_close(&f);
}

TEST(tcp_max_syn_backlog_bounds_records_too, "R4987-1")
{
	struct tf f;
	size_t live;

	tf_init(&f);
	f.w.conf.tcp_syncookies = 0;
	f.w.conf.tcp_max_syn_backlog = 16;
	f.backlog = 1000;
	f.w.no_check = true;
	tf_start(&f);
	tf_listen(&f);
	/* Its last quarter is for peers that are known. */
	for (unsigned i = 0; i < 13; i++)
		tf_seg_opts(&f, (uint16_t)(1024 + i), TF_SYN, i, 0, NULL, 0, 0);
	tf_drain(&f);
	live = f.w.alloc.live_bytes;
	for (unsigned i = 13; i < 20000; i++) {
		tf_seg_opts(&f, (uint16_t)(1024 + i), TF_SYN, i, 0, NULL, 0, 0);
		tf_drain(&f);
	}
	assert_int_equal(f.w.t->tcp->nsyn, 13);
	assert_true(f.w.alloc.live_bytes <= live + 4096);
	tf_close(&f);
}

/* An ICMP destination unreachable about our segment with that number. */
static void unreachable(struct tf *f, uint8_t code, uint32_t seq)
{
	uint8_t quote[100], buf[200];
	size_t n = world_tcp(quote, WORLD_US, WORLD_PEER, f->lport, f->rport, seq, f->rcv,
			     TF_SYN | TF_ACK, 1000, NULL, 0, NULL, 0);

	n = world_icmp(buf, WORLD_FAR, WORLD_US, 3, code, 0, quote, n);
	world_push(&f->w, buf, n);
}

TEST(an_icmp_error_from_the_way_ends_a_record_if_it_quotes_what_was_sent, "SHLD-26")
{
	static const uint8_t kept[] = {2, 3, 5, 6, 7, 9, 10, 11, 12, 13};
	struct tf f;

	half_open(&f);
	unreachable(&f, 1, f.iss + 1000); /* a guess */
	unreachable(&f, 1, f.iss + 1);
	assert_int_equal(tf_count(&f, TAPIR_TCP_SYN_RECEIVED), 1);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_OutOfWindowIcmps), 2);
	/* What its host says, or a firewall: as Linux, no reason. */
	for (size_t i = 0; i < sizeof(kept); i++)
		unreachable(&f, kept[i], f.iss);
	assert_int_equal(tf_count(&f, TAPIR_TCP_SYN_RECEIVED), 1);
	unreachable(&f, 1, f.iss);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_ListenDrops), 1);
	assert_back_to_listen(&f);
	half_open(&f);
	unreachable(&f, 0, f.iss);
	assert_back_to_listen(&f);
}

TEST(no_memory_for_the_connection_leaves_the_record, "")
{
	struct tf f;
	uint8_t buf[100];
	bool failed = false;

	for (uint16_t k = 1; k < 10 && !failed; k++) {
		size_t n;

		half_open(&f);
		n = world_tcp(buf, WORLD_PEER, WORLD_US, f.rport, f.lport, f.rcv, f.snd, TF_ACK,
			      1000, NULL, 0, NULL, 0);
		f.w.alloc.fail_at = f.w.alloc.calls + k;
		if (world_push(&f.w, buf, n) == 0 && tf_count(&f, TAPIR_TCP_SYN_RECEIVED) == 1) {
			failed = true;
			assert_int_equal(world_drops(&f.w, DROP_TCP_MEMORY), 1);
			world_step(&f.w, WORLD_S);
			tf_expect(&f, TF_SYN | TF_ACK, f.iss, f.rcv, 0);
			tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
			assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
		}
		tf_close(&f);
	}
	assert_true(failed);
}

TEST(an_address_that_goes_takes_its_records_along, "")
{
	struct tf f;
	struct tapir_addr us = tapir_addr_v4(WORLD_US);

	half_open(&f);
	assert_int_equal(tapir_addr_del(f.w.t, f.w.ifi, &us), 0);
	tf_expect(&f, TF_RST | TF_ACK, f.snd, f.rcv, 0);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(the_iterator_shows_each_record_once, "EVT-53")
{
	struct tf f;
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info i;
	unsigned seen[64] = {0}, n = 0;

	tf_init(&f);
	f.backlog = 100;
	tf_start(&f);
	tf_listen(&f);
	for (uint16_t k = 0; k < 64; k++)
		tf_seg_opts(&f, (uint16_t)(40000 + k), TF_SYN, k, 0, NULL, 0, 0);
	tf_drain(&f);
	while (tapir_sock_next(f.w.t, &it, &i)) {
		if (i.state != TAPIR_TCP_SYN_RECEIVED)
			continue;
		assert_int_equal(i.sock, 0);
		seen[i.peer.port - 40000]++;
		n++;
	}
	assert_int_equal(n, 64);
	for (unsigned k = 0; k < 64; k++)
		assert_int_equal(seen[k], 1);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_no_connection),
		cmocka_unit_test(an_unanswered_syn_earns_six_syn_acks_and_an_end),
		cmocka_unit_test(a_reset_stops_the_syn_acks),
		cmocka_unit_test(a_repeated_syn_is_answered_with_the_same_isn),
		cmocka_unit_test(a_repeated_syn_moves_the_next_syn_ack_on),
		cmocka_unit_test(a_reset_with_the_exact_number_returns_to_listen_untold),
		cmocka_unit_test(an_inexact_reset_is_challenged_and_one_outside_is_not_heard),
		cmocka_unit_test(a_wrong_acknowledgment_is_reset_and_the_record_stays),
		cmocka_unit_test(a_segment_without_ack_is_dropped),
		cmocka_unit_test(a_segment_outside_the_window_is_answered_by_ack),
		cmocka_unit_test(another_syn_in_the_window_is_reset_and_ends_the_record),
		cmocka_unit_test(an_old_duplicate_syn_is_undone_by_a_reset),
		cmocka_unit_test(a_new_syn_from_a_restarted_peer_gets_an_ack_that_it_resets),
		cmocka_unit_test(an_old_timestamp_is_refused_before_anything_else),
		cmocka_unit_test(the_last_ack_without_timestamps_still_opens),
		cmocka_unit_test(what_was_agreed_on_reaches_the_connection),
		cmocka_unit_test(the_handshake_gives_a_round_trip_unless_the_syn_ack_was_repeated),
		cmocka_unit_test(after_two_lost_syn_acks_the_first_flight_is_one_segment),
		cmocka_unit_test(without_cookies_a_new_one_is_refused_when_the_queue_is_full),
		cmocka_unit_test(tcp_max_syn_backlog_bounds_records_too),
		cmocka_unit_test(
			an_icmp_error_from_the_way_ends_a_record_if_it_quotes_what_was_sent),
		cmocka_unit_test(no_memory_for_the_connection_leaves_the_record),
		cmocka_unit_test(an_address_that_goes_takes_its_records_along),
		cmocka_unit_test(the_iterator_shows_each_record_once),
	};

	return tapir_test_run("unit/tcp/test_syncache", tests);
}
