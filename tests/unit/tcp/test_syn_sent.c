/*
 * RFC 9293 3.10.7.3, SEGMENT ARRIVES in SYN-SENT: rows EVT-9 to EVT-13.
 */
#include <errno.h>

#include "tests/support/tcpfix.h"

TEST(syn_sent_an_ack_of_what_was_not_sent_is_reset, "EVT-9 TC-45")
{
	static const uint32_t off[] = {0, 2, 1000, 0x80000000, 0xffffffff};
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		tf_seg(&f, TF_SYN | TF_ACK, f.irs, f.iss + off[i], 0);
		tf_expect(&f, TF_RST, f.iss + off[i], 0, 0);
		tf_seg(&f, TF_ACK, f.irs, f.iss + off[i], 0);
		tf_expect(&f, TF_RST, f.iss + off[i], 0, 0);
		tf_seg(&f, TF_RST | TF_ACK, f.irs, f.iss + off[i], 0);
		tf_quiet(&f);
		assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_SENT);
	}
	tf_close(&f);
}

TEST(syn_sent_a_reset_counts_only_with_our_number, "EVT-10 R5961-2")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_RST, f.irs, 0, 0);
	tf_seg(&f, TF_RST, f.irs, f.snd, 0); /* no ACK bit */
	assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_SENT);
	tf_seg(&f, TF_RST | TF_ACK, 0, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
	assert_int_equal(tf_error(&f), ECONNREFUSED);
	tf_close(&f);
}

TEST(syn_sent_a_syn_ack_establishes, "EVT-11")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_SYN | TF_ACK, f.irs, f.snd, 0);
	f.rcv = f.irs + 1;
	tf_expect_ack(&f);
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	assert_int_equal(tapir_poll(f.w.t, f.s) & TAPIR_OUT, TAPIR_OUT);
	assert_int_equal(tf_info(&f).snd_una, f.snd);
	tf_close(&f);
}

/* As Linux: they come again. */
TEST(syn_sent_text_and_fin_on_the_syn_ack_are_not_taken, "EVT-11 EVT-40")
{
	struct tf f;
	uint8_t buf[20];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_SYN | TF_ACK | TF_FIN, f.irs, f.snd, 10);
	f.rcv = f.irs + 1;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), -EAGAIN);
	tf_seg(&f, TF_ACK | TF_FIN, f.rcv, f.snd, 10);
	f.rcv += 11;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSE_WAIT);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 10);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 0);
	tf_close(&f);
}

TEST(syn_sent_a_syn_opens_simultaneously, "EVT-12 MUST-10")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_SYN, f.irs, 0, 0);
	f.rcv = f.irs + 1;
	tf_expect(&f, TF_SYN | TF_ACK, f.iss, f.rcv, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_RECEIVED);
	/* The peer's SYN-ACK says the same of us. */
	tf_seg(&f, TF_SYN | TF_ACK, f.irs, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	assert_int_equal(tf_count(&f, 0), 1);
	tf_drain(&f);
	/* Data in both directions. */
	tf_seg(&f, TF_ACK | TF_PSH, f.rcv, f.snd, 5);
	f.rcv += 5;
	tf_expect_ack(&f);
	assert_int_equal(tf_write(&f, 7), 7);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 7);
	tf_close(&f);
}

TEST(syn_sent_anything_else_is_dropped_and_the_syn_goes_on, "EVT-13 EVT-38 TC-50")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	for (int i = 0; i < 100; i++) {
		tf_seg(&f, TF_ACK, f.irs, f.snd, 0);
		tf_seg(&f, TF_ACK | TF_PSH, f.irs, f.snd, 10);
		tf_seg(&f, TF_FIN, f.irs, 0, 0);
		tf_seg(&f, TF_FIN | TF_ACK, f.irs, f.snd, 0);
		tf_seg(&f, 0, f.irs, 0, 0);
	}
	tf_quiet(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_SYN_SENT);
	world_step(&f.w, WORLD_S);
	tf_expect(&f, TF_SYN, f.iss, 0, 0);
	tf_quiet(&f);
	tf_close(&f);
}

/* RFC 9293 3.5, a middlebox's trick: the answer in two halves. */
TEST(a_split_handshake_makes_one_connection, "TC-37")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_SYN_SENT, TF_ACTIVE);
	tf_seg(&f, TF_ACK, f.irs, f.snd, 0);
	tf_quiet(&f);
	tf_seg(&f, TF_SYN, f.irs, 0, 0);
	f.rcv = f.irs + 1;
	tf_expect(&f, TF_SYN | TF_ACK, f.iss, f.rcv, 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	assert_int_equal(tf_count(&f, 0), 1);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_sent_an_ack_of_what_was_not_sent_is_reset),
		cmocka_unit_test(syn_sent_a_reset_counts_only_with_our_number),
		cmocka_unit_test(syn_sent_a_syn_ack_establishes),
		cmocka_unit_test(syn_sent_text_and_fin_on_the_syn_ack_are_not_taken),
		cmocka_unit_test(syn_sent_a_syn_opens_simultaneously),
		cmocka_unit_test(syn_sent_anything_else_is_dropped_and_the_syn_goes_on),
		cmocka_unit_test(a_split_handshake_makes_one_connection),
	};

	return tapir_test_run("unit/tcp/test_syn_sent", tests);
}
