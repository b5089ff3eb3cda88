/*
 * ICMP errors as TCP sees them (RFC 5927): believed only about what is in flight, never a reason to abort a
 * synchronized connection, and a smaller MTU only as far as what got through does not contradict it.
 */
#include <errno.h>

#include "tests/support/tcpopt.h"

enum { UNREACH = 3, QUENCH = 4, EXCEEDED = 11, PARAM = 12, FRAG_NEEDED = 4 };

#define ROUTER TAPIR_IP4(192, 0, 2, 9)

/* An error about our segment at `seq`, as long as `quoted` says. */
static void icmp_len(struct tf *f, uint8_t type, uint8_t code, uint32_t rest, uint32_t seq,
		     uint16_t quoted)
{
	static uint8_t ip[WORLD_FRAME], buf[WORLD_FRAME];
	size_t n = world_tcp(ip, WORLD_US, WORLD_PEER, f->lport, f->rport, seq, 0, TF_ACK, 0, NULL,
			     0, NULL, 0);

	assert_true(n >= 28);
	ip[2] = (uint8_t)(quoted >> 8);
	ip[3] = (uint8_t)quoted;
	ip[6] = 0x40;
	ip[10] = ip[11] = 0;
	n = world_cksum(ip, 20, 0);
	ip[10] = (uint8_t)(n >> 8);
	ip[11] = (uint8_t)n;
	n = world_icmp(buf, ROUTER, WORLD_US, type, code, rest, ip, 28);
	assert_int_equal(world_push(&f->w, buf, n), 0);
}

static void icmp(struct tf *f, uint8_t type, uint8_t code, uint32_t rest, uint32_t seq)
{
	icmp_len(f, type, code, rest, seq, 1500);
}

static uint64_t stat_oow(struct tf *f)
{
	return world_stat(&f->w, STAT_TcpExt_OutOfWindowIcmps);
}

/* What TCP_INFO shows, without what counts segments. */
static struct tapir_tcp_info look(struct tf *f)
{
	struct tapir_tcp_info i = tf_info(f);

	i.segs_in = 0;
	return i;
}

/* A connection with `n` full segments in flight; MSS 1460. */
static void fly(struct tf *f, unsigned n)
{
	tf_open(f);
	tf_syn_mss(f, 1460);
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(f, n * 1460), n * 1460);
	assert_int_equal(tf_drain(f), n);
}

static const struct {
	uint8_t type, code;
} errors[] = {
	{UNREACH, 0},  {UNREACH, 1},  {UNREACH, 2},  {UNREACH, 3},  {UNREACH, 5},
	{UNREACH, 6},  {UNREACH, 7},  {UNREACH, 8},  {UNREACH, 9},  {UNREACH, 10},
	{UNREACH, 11}, {UNREACH, 12}, {UNREACH, 13}, {UNREACH, 14}, {UNREACH, 15},
	{QUENCH, 0},   {EXCEEDED, 0}, {EXCEEDED, 1}, {PARAM, 0},    {PARAM, 1},
};

enum { N_ERRORS = sizeof(errors) / sizeof(errors[0]) };

TEST(no_error_ends_a_synchronized_connection, "R5927-2 TC-13 MUST-56")
{
	static const enum tapir_tcp_state states[] = {
		TAPIR_TCP_ESTABLISHED, TAPIR_TCP_FIN_WAIT_1, TAPIR_TCP_FIN_WAIT_2,
		TAPIR_TCP_CLOSE_WAIT,  TAPIR_TCP_CLOSING,    TAPIR_TCP_LAST_ACK,
	};

	for (unsigned s = 0; s < 6; s++) {
		for (unsigned e = 0; e < N_ERRORS; e++) {
			struct tf f;

			tf_open(&f);
			tf_to(&f, states[s], TF_PASSIVE);
			if (states[s] == TAPIR_TCP_ESTABLISHED ||
			    states[s] == TAPIR_TCP_CLOSE_WAIT) {
				assert_int_equal(tf_write(&f, 100), 100);
				(void)tf_drain(&f);
			}
			icmp(&f, errors[e].type, errors[e].code, 0, tf_info(&f).snd_una);
			tf_quiet(&f);
			assert_int_equal(tf_state(&f), states[s]);
			assert_int_equal(tapir_poll(f.w.t, f.s) & TAPIR_ERR, 0);
			tf_close(&f);
		}
	}
}

TEST(any_error_refuses_an_opening_but_only_with_its_number, "R5927-1 TC-13")
{
	static const struct {
		uint8_t type, code;
		int err;
	} errs[] = {
		{UNREACH, 0, ENETUNREACH},
		{UNREACH, 1, EHOSTUNREACH},
		{UNREACH, 2, ENOPROTOOPT},
		{UNREACH, 3, ECONNREFUSED},
		{UNREACH, 13, EHOSTUNREACH},
		{EXCEEDED, 0, EHOSTUNREACH},
		{12, 0, EPROTO},
	};
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	icmp(&f, UNREACH, 3, 0, f.iss - 1);
	icmp(&f, UNREACH, 3, 0, f.iss + 1);
	icmp(&f, UNREACH, 2, 0, f.iss + 0x80000000);
	assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_SENT);
	assert_int_equal(stat_oow(&f), 3);
	tf_close(&f);
	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		tf_open(&f);
		tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
		icmp(&f, 4, 0, 0, f.iss); /* source quench says nothing */
		assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_SENT);
		icmp(&f, errs[i].type, errs[i].code, 0, f.iss);
		assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
		assert_int_equal(tf_error(&f), errs[i].err);
		tf_quiet(&f);
		tf_close(&f);
	}
}

TEST(what_is_not_in_flight_is_not_believed, "R5927-1 TC-14")
{
	struct tf f;
	struct tapir_tcp_info before, now;
	uint32_t una, max;

	fly(&f, 4);
	una = f.snd;
	max = f.snd + 4 * 1460;
	before = look(&f);
	icmp(&f, UNREACH, FRAG_NEEDED, 600, una - 1);
	icmp(&f, UNREACH, FRAG_NEEDED, 600, max);
	icmp(&f, UNREACH, FRAG_NEEDED, 600, una + 0x80000000);
	icmp(&f, UNREACH, 1, 0, max);
	tf_quiet(&f);
	now = look(&f);
	assert_memory_equal(&before, &now, sizeof(now));
	assert_int_equal(stat_oow(&f), 4);
	assert_int_equal(tf_conn(&f)->soft_err, 0);
	/* The last octet in flight is. */
	icmp(&f, UNREACH, 1, 0, max - 1);
	assert_int_equal(tf_conn(&f)->soft_err, EHOSTUNREACH);
	tf_close(&f);
}

TEST(soft_errors_are_told_to_who_asks_and_wake_nobody, "SHLD-20 MUST-47")
{
	struct tf f;
	struct tapir_ready ev;
	char byte;

	fly(&f, 4);
	while (tapir_ready_pop(f.w.t, &ev, 1) > 0)
		;
	icmp(&f, UNREACH, 0, 0, f.snd);
	icmp(&f, EXCEEDED, 0, 0, f.snd);
	assert_int_equal(tapir_ready_pop(f.w.t, &ev, 1), 0);
	assert_int_equal(tf_read(&f, &byte, 1), -EAGAIN);
	assert_int_equal(tf_write(&f, 1), 1);
	assert_int_equal(tf_error(&f), EHOSTUNREACH);
	tf_close(&f);
}

TEST(source_quench_throttles_nothing, "R5927-3 TC-15")
{
	struct tf f;
	struct tapir_tcp_info before, now;

	fly(&f, 4);
	before = look(&f);
	for (unsigned i = 0; i < 10; i++)
		icmp(&f, QUENCH, 0, 0, f.snd + 100 * i);
	tf_quiet(&f);
	now = look(&f);
	assert_memory_equal(&before, &now, sizeof(now));
	assert_int_equal(tf_conn(&f)->soft_err, 0);
	tf_close(&f);
}

TEST(segments_bear_df_and_a_smaller_mtu_cuts_anew, "R1191-6 R7323-21 R1191-7")
{
	struct tf f;
	uint32_t cwnd;

	fly(&f, 3);
	cwnd = tf_info(&f).snd_cwnd;
	icmp(&f, UNREACH, FRAG_NEEDED, 1000, f.snd);
	/* The flight goes again, each segment in pieces that fit, once. */
	for (uint32_t i = 0; i < 6; i++) {
		assert_true(tf_pop(&f));
		assert_true(f.p.df);
		assert_int_equal(f.p.seq, f.snd + i / 2 * 1460 + i % 2 * 960);
		assert_int_equal(f.p.len, i % 2 ? 1460 - 960 : 960);
	}
	icmp(&f, UNREACH, FRAG_NEEDED, 1000, f.snd + 1460);
	icmp(&f, UNREACH, FRAG_NEEDED, 1000, f.snd + 2 * 1460);
	tf_quiet(&f);
	assert_int_equal(tf_info(&f).snd_cwnd, cwnd);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 3 * 1460, 0);
	assert_int_equal(tf_write(&f, 3000), 3000);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(tf_pop(&f));
		assert_true(f.p.df);
		assert_int_equal(f.p.len, 960);
	}
	tf_close(&f);

	/* With timestamps too: PAWS and path MTU discovery go together. */
	tf_open(&f);
	tf_syn_opts(&f, 1);
	f.irs = 5;
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(&f, 1448), 1448);
	assert_true(tf_pop(&f));
	assert_true(f.p.df && f.p.len == 1448);
	tf_close(&f);

	/* Unless it is switched off. */
	tf_init(&f);
	f.w.conf.ip_no_pmtu_disc = 1;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(&f, 100), 100);
	assert_true(tf_pop(&f));
	assert_false(f.p.df);
	tf_close(&f);
}

TEST(an_mtu_that_makes_no_sense_is_not_believed, "R5927-5 R1191-4 R1191-5")
{
	static const uint32_t mtus[] = {1500, 1501, 9000, 65535};
	struct tf f;

	for (unsigned i = 0; i < 4; i++) {
		fly(&f, 3);
		icmp(&f, UNREACH, FRAG_NEEDED, mtus[i], f.snd);
		tf_quiet(&f);
		assert_int_equal(tf_info(&f).snd_mss, 1460);
		tf_close(&f);
	}
	/* Below the floor it is the floor that counts. */
	fly(&f, 3);
	icmp(&f, UNREACH, FRAG_NEEDED, 68, f.snd);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.len, (size_t)f.w.conf.ip_min_pmtu - 40);
	tf_close(&f);
}

/* A connection over which 1500 bytes have got through, with three more in flight. */
static void proven(struct tf *f)
{
	fly(f, 3);
	tf_seg(f, TF_ACK, f->rcv, f->snd + 3 * 1460, 0);
	f->snd += 3 * 1460;
	assert_int_equal(tf_write(f, 3 * 1460), 3 * 1460);
	assert_int_equal(tf_drain(f), 3);
}

TEST(what_contradicts_the_evidence_waits_for_a_timeout, "R5927-4 TC-14")
{
	struct tf f;

	proven(&f);
	icmp(&f, UNREACH, FRAG_NEEDED, 1000, f.snd);
	tf_quiet(&f);
	assert_int_equal(tf_info(&f).snd_mss, 1460);
	/* It was true: the segment does not get through, and goes in pieces. */
	world_step(&f.w, 2 * WORLD_S);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.len, 960);
	assert_int_equal(tf_info(&f).snd_mss, 960);
	tf_close(&f);
}

TEST(a_forged_mtu_is_forgotten_when_its_segment_gets_through, "R5927-4 TC-14")
{
	struct tf f;

	proven(&f);
	icmp(&f, UNREACH, FRAG_NEEDED, 600, f.snd + 1460);
	/* What lies before it proves nothing ... */
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 1460, 0);
	assert_int_equal(tf_conn(&f)->mtu_pending, 600);
	/* ... its own ACK does: a loss much later is none of its making. */
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 3 * 1460, 0);
	f.snd += 3 * 1460;
	tf_quiet(&f);
	world_step(&f.w, 60 * WORLD_S);
	assert_int_equal(tf_write(&f, 1460), 1460);
	assert_int_equal(tf_drain(&f), 1);
	world_step(&f.w, 5 * WORLD_S);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.len, 1460);
	assert_int_equal(tf_info(&f).snd_mss, 1460);
	tf_close(&f);
}

TEST(a_stream_of_forged_mtus_does_not_slow_what_goes_on, "TC-14 R5927-4")
{
	struct tf f;

	proven(&f);
	for (unsigned i = 0; i < 50; i++) {
		for (unsigned k = 0; k < 3; k++)
			icmp(&f, UNREACH, FRAG_NEEDED, 552 + i, f.snd + k * 1460);
		world_step(&f.w, 10 * WORLD_MS);
		tf_seg(&f, TF_ACK, f.rcv, f.snd + 3 * 1460, 0);
		f.snd += 3 * 1460;
		assert_int_equal(tf_write(&f, 3 * 1460), 3 * 1460);
		assert_int_equal(tf_drain(&f), 3);
	}
	assert_int_equal(tf_info(&f).snd_mss, 1460);
	assert_int_equal(tf_info(&f).total_retrans, 0);
	tf_close(&f);
}

TEST(a_smaller_mss_while_memory_fails_frees_once, "TC-53")
{
	/* Every allocation from the message on, one after the other. */
	for (unsigned at = 1; at < 12; at++) {
		struct tf f;

		fly(&f, 6);
		f.w.alloc.fail_at = f.w.alloc.calls + at;
		icmp(&f, UNREACH, FRAG_NEEDED, 600, f.snd + 1460);
		(void)tf_drain(&f);
		icmp(&f, UNREACH, FRAG_NEEDED, 560, f.snd);
		(void)tf_drain(&f);
		tf_seg(&f, TF_ACK, f.rcv, f.snd + 700, 0);
		(void)tf_drain(&f);
		f.w.alloc.fail_at = 0;
		/* And it goes on: all of it arrives in the end. */
		for (unsigned i = 0; i < 40 && tf_info(&f).unacked; i++) {
			uint32_t una = tf_info(&f).snd_una;

			world_step(&f.w, 200 * WORLD_MS);
			while (tf_pop(&f)) {
				if ((int32_t)(f.p.seq - una) <= 0 &&
				    (int32_t)(f.p.seq + (uint32_t)f.p.len - una) > 0)
					una = f.p.seq + (uint32_t)f.p.len;
			}
			tf_seg(&f, TF_ACK, f.rcv, una, 0);
		}
		assert_int_equal(tf_info(&f).unacked, 0);
		assert_int_equal(tf_info(&f).snd_una, f.snd + 6 * 1460);
		tf_close(&f);
	}
}

/* The message comes while a tail probe is awaited, which then repeats what waits to be sent again. */
TEST(a_tail_probe_of_what_is_cut_anew_breaks_no_order, "TC-53 R8985-7")
{
	struct tf f;
	int on = 1;

	tf_open(&f);
	memcpy(f.opts, "\2\4\5\264\4\2\1\1", 8);
	f.nopts = 8;
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, &on,
					  sizeof(on)),
			 0);
	/* Nine small ones fill the window but for one that is too large. */
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(tf_write(&f, 100), 100);
		assert_int_equal(tf_drain(&f), 1);
	}
	assert_int_equal(tf_write(&f, 1000), 1000);
	assert_int_equal(tf_drain(&f), 1);
	icmp(&f, UNREACH, FRAG_NEEDED, 576, f.snd + 900);
	assert_int_equal(tf_drain(&f), 1);
	assert_true(tf_info(&f).lost > 0);
	/* Every entry on the way is checked; then all of it arrives. */
	for (unsigned i = 0; i < 40 && tf_info(&f).unacked; i++) {
		world_step(&f.w, 200 * WORLD_MS);
		if (tf_drain(&f) && i > 5)
			tf_seg(&f, TF_ACK, f.rcv,
			       f.snd + (536 * (i - 5) < 1900 ? 536 * (i - 5) : 1900), 0);
	}
	assert_int_equal(tf_info(&f).unacked, 0);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_error_ends_a_synchronized_connection),
		cmocka_unit_test(any_error_refuses_an_opening_but_only_with_its_number),
		cmocka_unit_test(what_is_not_in_flight_is_not_believed),
		cmocka_unit_test(soft_errors_are_told_to_who_asks_and_wake_nobody),
		cmocka_unit_test(source_quench_throttles_nothing),
		cmocka_unit_test(segments_bear_df_and_a_smaller_mtu_cuts_anew),
		cmocka_unit_test(an_mtu_that_makes_no_sense_is_not_believed),
		cmocka_unit_test(what_contradicts_the_evidence_waits_for_a_timeout),
		cmocka_unit_test(a_forged_mtu_is_forgotten_when_its_segment_gets_through),
		cmocka_unit_test(a_stream_of_forged_mtus_does_not_slow_what_goes_on),
		cmocka_unit_test(a_smaller_mss_while_memory_fails_frees_once),
		cmocka_unit_test(a_tail_probe_of_what_is_cut_anew_breaks_no_order),
	};

	return tapir_test_run("unit/tcp/test_icmp", tests);
}
