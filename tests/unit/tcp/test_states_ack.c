/*
 * RFC 9293 3.10.7.4, SEGMENT ARRIVES in the synchronized states, the fifth to eighth checks: ACK, URG, text, FIN
 * (EVT-26 to EVT-43).
 */
#include <errno.h>

#include "tests/unit/tcp/states.h"

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
	tf_answer_all(&f);
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
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 10); /* WL1 = SEQ: which is the later one? */
	f.rcv += 10;
	assert_int_equal(tf_info(&f).snd_wnd, 65535);
	f.wnd = 6000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0); /* WL1 < SEQ */
	assert_int_equal(tf_info(&f).snd_wnd, 6000);
	f.wnd = 7000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0); /* WL1 = SEQ, and larger */
	assert_int_equal(tf_info(&f).snd_wnd, 7000);
	f.wnd = 0;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0); /* WL1 = SEQ, and none */
	assert_int_equal(tf_info(&f).snd_wnd, 0);
	f.wnd = 7000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
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

/* As Linux the pointer counts: its octet is none of the stream, but MSG_OOB has it. */
TEST(after_the_peers_fin_text_is_ignored_and_urg_is_told, "EVT-35 EVT-36 TC-61")
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
		assert_int_equal(tapir_poll(f.w.t, f.s) & TAPIR_PRI, TAPIR_PRI);
		assert_int_equal(tapir_recv(f.w.t, f.s, &(struct iovec){buf, 10}, 1, TAPIR_MSG_OOB),
				 1);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_segment_without_ack_is_dropped),
		cmocka_unit_test(syn_received_actively_takes_only_its_own_ack),
		cmocka_unit_test(a_partial_ack_leaves_the_rest_to_be_sent_again),
		cmocka_unit_test(a_duplicate_ack_moves_nothing_and_one_ahead_drops_the_segment),
		cmocka_unit_test(the_window_follows_newer_segments_only),
		cmocka_unit_test(fin_wait_1_waits_for_the_ack_of_the_fin_itself),
		cmocka_unit_test(closing_waits_for_the_ack_of_the_fin_itself),
		cmocka_unit_test(last_ack_ends_with_the_ack_of_the_fin),
		cmocka_unit_test(after_the_peers_fin_text_is_ignored_and_urg_is_told),
		cmocka_unit_test(text_is_taken_until_the_peers_fin),
		cmocka_unit_test(the_right_edge_of_the_window_never_moves_back),
		cmocka_unit_test(a_fin_is_reached_only_when_all_before_it_is_there),
		cmocka_unit_test(fin_in_fin_wait_1_closes_one_way_or_the_other),
		cmocka_unit_test(fin_in_fin_wait_2_starts_time_wait_and_stops_all_else),
		cmocka_unit_test(a_second_fin_is_acknowledged_and_moves_nothing),
	};

	return tapir_test_run("unit/tcp/test_states_ack", tests);
}
