#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/tcpfix.h"

TEST(what_has_no_ack_is_reset_with_zero_and_an_acknowledgment, "EVT-1")
{
	static const struct {
		uint8_t flags;
		uint32_t seq, len, ack;
	} c[] = {
		{TF_SYN, 100, 0, 101},
		{TF_FIN, 100, 0, 101},
		{0, 100, 0, 100},
		{0, 100, 10, 110},
		{TF_PSH | TF_URG, 100, 10, 110},
		{TF_SYN | TF_FIN, 100, 10, 112},
		{TF_SYN, 0xffffffff, 0, 0},
		{TF_SYN | TF_FIN, 0xfffffffe, 1, 1},
	};
	struct tf f;

	tf_open(&f);
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		f.wnd = (uint16_t)(i * 1000);
		tf_seg(&f, c[i].flags, c[i].seq, 555, c[i].len);
		tf_expect(&f, TF_RST | TF_ACK, 0, c[i].ack, 0);
		assert_int_equal(f.p.sport, TF_PORT);
		assert_int_equal(f.p.dport, TF_PEER_PORT);
	}
	tf_quiet(&f);
	tf_close(&f);
}

TEST(what_has_ack_is_reset_with_that_number, "EVT-2 EVT-55")
{
	static const uint8_t flags[] = {TF_ACK, TF_ACK | TF_PSH, TF_SYN | TF_ACK, TF_FIN | TF_ACK,
					TF_SYN | TF_FIN | TF_ACK | TF_URG};
	struct tf f;

	tf_open(&f);
	for (size_t i = 0; i < sizeof(flags); i++) {
		tf_seg(&f, flags[i], 100, 0xfffffff0 + (uint32_t)i, 20);
		tf_expect(&f, TF_RST, 0xfffffff0 + (uint32_t)i, 0, 0);
		assert_int_equal(f.p.flags, TF_RST);
		assert_int_equal(f.p.ack, 0);
	}
	tf_quiet(&f);
	tf_close(&f);
}

TEST(a_reset_is_never_answered, "EVT-3")
{
	struct tf f;

	tf_open(&f);
	tf_seg(&f, TF_RST, 100, 0, 0);
	tf_seg(&f, TF_RST | TF_ACK, 100, 100, 0);
	tf_seg(&f, TF_RST | TF_SYN, 100, 100, 0);
	tf_seg(&f, TF_RST | TF_ACK | TF_FIN | TF_SYN | TF_PSH | TF_URG, 100, 100, 50);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(a_reset_has_40_bytes_and_is_not_larger_than_what_it_answers, "TC-40 TC-41")
{
	struct tf f;

	tf_open(&f);
	tf_seg(&f, TF_PSH | TF_ACK, 100, 200, 400);
	assert_true(tf_pop(&f));
	assert_int_equal(20 + f.p.l4_len, 40);
	tf_seg(&f, TF_SYN, 100, 0, 0);
	assert_true(tf_pop(&f));
	assert_int_equal(20 + f.p.l4_len, 40);
	/* A request without a handshake earns the same on an open port. */
	tf_listen(&f);
	tf_seg(&f, TF_PSH | TF_ACK, 100, 200, 400);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.flags, TF_RST);
	assert_int_equal(20 + f.p.l4_len, 40);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(resets_are_limited_in_number, "TC-41")
{
	struct tf f;
	unsigned n;

	tf_init(&f);
	f.w.conf.tcp_rst_limit = 100;
	tf_start(&f);
	for (int s = 0; s < 20; s++) {
		n = 0;
		for (int i = 0; i < 1000; i++) {
			tf_seg(&f, TF_SYN, 100, 0, 0);
			n += tf_drain(&f);
		}
		assert_in_range(n, 50, 150);
		world_step(&f.w, WORLD_S);
	}
	tf_close(&f);
}

TEST(no_limit_is_a_setting_and_so_is_none_at_all, "")
{
	struct tf f;
	unsigned n = 0;

	tf_init(&f);
	f.w.conf.tcp_rst_limit = INT32_MAX;
	tf_start(&f);
	for (int i = 0; i < 30000; i++) {
		tf_seg(&f, TF_SYN, 100, 0, 0);
		n += tf_drain(&f);
	}
	assert_int_equal(n, 30000);
	tf_close(&f);

	tf_init(&f);
	f.w.conf.tcp_rst_limit = 0;
	tf_start(&f);
	tf_seg(&f, TF_SYN, 100, 0, 0);
	tf_quiet(&f);
	tf_close(&f);
}

/* ---- challenge ACKs ---- */

TEST(challenges_are_limited_and_the_limit_is_drawn_each_second, "R5961-5")
{
	struct tf f;
	unsigned least = 1000, most = 0, differ = 0, was = 0;

	tf_init(&f);
	f.w.conf.tcp_challenge_ack_limit = 100;
	tf_start(&f);
	for (int s = 0; s < 200; s++) {
		unsigned n = 0;

		for (int i = 0; i < 1000; i++)
			n += tcp_challenge_allowed(f.w.t);
		differ += n != was;
		was = n;
		least = n < least ? n : least;
		most = n > most ? n : most;
		world_step(&f.w, WORLD_S);
	}
	/* Limit 100: from 50 to 149, and not the same twice in a row as a rule. */
	assert_true(least >= 50 && least < 60);
	assert_true(most <= 149 && most > 139);
	assert_true(differ > 180);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPChallengeACK) +
				 world_stat(&f.w, STAT_TcpExt_TCPACKSkippedChallenge),
			 200000);
	tf_close(&f);
}

/* How many of `n` RSTs off RCV.NXT on port `rport`, a tenth of a second apart, are challenged. */
static unsigned challenged(struct tf *f, uint16_t rport, uint32_t seq, unsigned n, unsigned others,
			   uint16_t other_port)
{
	unsigned got = 0;

	for (unsigned i = 0; i < n; i++) {
		/* Somebody else's segments, before each of ours. */
		for (unsigned k = 0; k < others; k++)
			tf_seg_opts(f, other_port, TF_RST, f->rcv + 2 + k, 0, NULL, 0, 0);
		tf_drain(f);
		tf_seg_opts(f, rport, TF_RST, seq, 0, NULL, 0, 0);
		got += tf_drain(f);
		world_step(&f->w, 100 * WORLD_MS);
	}
	return got;
}

TEST(challenges_of_one_connection_say_nothing_of_anothers, "TC-10 R5961-5")
{
	static const unsigned others[] = {0, 1, 2, 100, 300};
	unsigned alone = 0;

	/* By default, and with a limit for all, each connection is answered by a limit of its own. */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct tf f;
		unsigned n;

		tf_open(&f);
		f.backlog = 8;
		tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
		tf_shake(&f, 41000); /* the attacker's own */
		tf_drain(&f);
		n = challenged(&f, 41000, f.rcv + 5, 50, others[i], TF_PEER_PORT);
		if (i == 0)
			alone = n;
		assert_int_equal(n, alone);
		assert_int_equal(n, 10); /* one in half a second */
		tf_close(&f);
	}
}

TEST(the_challenge_limit_can_be_taken_away_or_be_zero, "R5961-5")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_challenge_ack_limit = INT32_MAX;
	tf_start(&f);
	for (int i = 0; i < 100000; i++)
		assert_true(tcp_challenge_allowed(f.w.t));
	tf_close(&f);
	tf_init(&f);
	f.w.conf.tcp_challenge_ack_limit = 0;
	tf_start(&f);
	for (int i = 0; i < 1000; i++)
		assert_false(tcp_challenge_allowed(f.w.t));
	tf_close(&f);
}

TEST(a_connections_reset_carries_its_numbers_and_a_fresh_timestamp, "R7323-11")
{
	static const uint8_t opts[] = {2, 4, 5, 180, 1, 1, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0};
	static const uint8_t ts[] = {1, 1, 8, 10, 0, 0, 3, 233, 0, 0, 0, 0};
	struct tf f;
	uint8_t first[4];

	tf_open(&f);
	memcpy(f.opts, opts, sizeof(opts));
	f.nopts = sizeof(opts);
	tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
	memcpy(first, tf_opt(&f, 8), 4);
	tf_seg_opts(&f, f.rport, TF_ACK, f.rcv, f.snd, ts, sizeof(ts), 0);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	world_step(&f.w, 5 * WORLD_MS);
	assert_int_equal(tapir_abort(f.w.t, f.s), 0);
	tf_expect(&f, TF_RST | TF_ACK, f.snd, f.rcv, 0);
	assert_non_null(tf_opt(&f, 8));
	assert_int_equal((uint8_t)(tf_opt(&f, 8)[3] - first[3]), 5);
	assert_int_equal(tf_opt(&f, 8)[7], 233); /* the last one of the peer */
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_no_ack_is_reset_with_zero_and_an_acknowledgment),
		cmocka_unit_test(what_has_ack_is_reset_with_that_number),
		cmocka_unit_test(a_reset_is_never_answered),
		cmocka_unit_test(a_reset_has_40_bytes_and_is_not_larger_than_what_it_answers),
		cmocka_unit_test(resets_are_limited_in_number),
		cmocka_unit_test(no_limit_is_a_setting_and_so_is_none_at_all),
		cmocka_unit_test(challenges_are_limited_and_the_limit_is_drawn_each_second),
		cmocka_unit_test(challenges_of_one_connection_say_nothing_of_anothers),
		cmocka_unit_test(the_challenge_limit_can_be_taken_away_or_be_zero),
		cmocka_unit_test(a_connections_reset_carries_its_numbers_and_a_fresh_timestamp),
	};

	return tapir_test_run("unit/tcp/test_respond", tests);
}
