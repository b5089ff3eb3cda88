/*
 * What every state has in common: sequence numbers anywhere in their space, and the header (EVT-57 to EVT-60).
 */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/tcpfix.h"

/* ---- numbers anywhere ---- */

/* Lets the clock run until a passive opening from f->rport gets this ISN. */
static void aim_isn(struct tf *f, uint32_t iss)
{
	struct tcp_tuple tu = {.laddr = tapir_addr_v4(WORLD_US),
			       .raddr = tapir_addr_v4(WORLD_PEER),
			       .lport = TF_PORT,
			       .rport = f->rport};
	uint32_t d = iss - tcp_isn(f->w.t, &tu);

	world_step(&f->w, (uint64_t)d * 4000);
}

static void whole_life(uint32_t iss, uint32_t irs)
{
	struct tf f;
	uint8_t buf[4000];

	tf_open(&f);
	tf_listen(&f);
	f.irs = irs;
	aim_isn(&f, iss);
	tf_shake(&f, f.rport);
	assert_int_equal(f.iss, iss);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	assert_true(f.s > 0);
	/* Out of order across the edge, then our own data with a partial ACK. */
	tf_seg(&f, TF_ACK, f.rcv + 1000, f.snd, 1000);
	tf_expect_ack(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 1000);
	f.rcv += 2000;
	tf_expect_ack(&f);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 2000);
	assert_int_equal(tf_write(&f, 1000), 1000);
	while (tf_pop(&f))
		;
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 400, 0);
	world_step(&f.w, 3 * WORLD_S);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.seq, f.snd + 400);
	tf_drain(&f);
	f.snd += 1000;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_drain(&f);
	/* A reset off the mark, then both close. */
	tf_seg(&f, TF_RST, f.rcv + 1, 0, 0);
	tf_expect_ack(&f);
	tapir_close(f.w.t, f.s);
	tf_expect(&f, TF_FIN | TF_ACK, f.snd, f.rcv, 0);
	f.snd++;
	tf_seg(&f, TF_ACK | TF_FIN, f.rcv, f.snd, 0);
	f.rcv++;
	tf_expect_ack(&f);
	assert_int_equal(tf_state(&f), TAPIR_TCP_TIME_WAIT);
	world_step(&f.w, 60 * WORLD_S + WORLD_MS);
	assert_int_equal(tf_count(&f, 0), 0);
	tf_close(&f);
}

TEST(a_whole_life_is_the_same_wherever_the_numbers_are, "EVT-57 TC-43")
{
	static const uint32_t at[] = {0, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffc00, 12345};

	for (size_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < 6; k++)
			whole_life(at[i], at[k]);
	}
}

/* ---- the header ---- */

TEST(reserved_bits_mean_nothing_and_are_never_sent, "EVT-58")
{
	struct tf f;
	uint8_t buf[200], got[100];
	size_t n;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (int bit = 0; bit < 4; bit++) {
		n = world_tcp(buf, WORLD_PEER, WORLD_US, f.rport, f.lport, f.rcv, f.snd, TF_ACK,
			      1000, NULL, 0, "x", 1);
		buf[20 + 12] |= (uint8_t)(1 << bit);
		world_fix(buf, n);
		world_push(&f.w, buf, n);
		f.rcv++;
		tf_expect_ack(&f);
		assert_int_equal(f.p.l4[12] & 0xf, 0);
		assert_int_equal(tf_read(&f, got, sizeof(got)), 1);
	}
	tf_close(&f);
}

TEST(a_data_offset_out_of_range_is_discarded, "EVT-59")
{
	struct tf f;
	uint8_t buf[200];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (unsigned doff = 0; doff < 16; doff++) {
		size_t n = world_tcp(buf, WORLD_PEER, WORLD_US, f.rport, f.lport, f.rcv, f.snd,
				     TF_ACK | TF_RST, 1000, NULL, 0, "abcd", 4);

		if (doff == 5 || doff == 6)
			continue;
		buf[20 + 12] = (uint8_t)(doff << 4);
		world_fix(buf, n);
		world_push(&f.w, buf, n);
		tf_quiet(&f);
		assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	}
	assert_int_equal(world_drops(&f.w, DROP_TCP_SHORT), 14);
	tf_close(&f);
}

TEST(a_restart_begins_with_numbers_of_its_own, "EVT-60 NJ-04 NJ-05")
{
	uint32_t iss[20];
	for (unsigned i = 0; i < 20; i++) {
		struct tf f;

		tf_init(&f);
		f.w.seed[0] = (uint8_t)i;
		tf_start(&f);
		tf_to(&f, TAPIR_TCP_SYN_RECEIVED, TF_PASSIVE);
		iss[i] = f.iss;
		for (unsigned k = 0; k < i; k++) {
			assert_int_not_equal(iss[i], iss[k]);
			assert_true(i < 2 || iss[i] - iss[i - 1] != iss[i - 1] - iss[i - 2]);
		}
		/* What belongs to the incarnation before the restart is not taken. */
		tf_seg(&f, TF_ACK, f.rcv, i ? iss[i - 1] + 1 : 1, 10);
		assert_int_equal(tapir_accept(f.w.t, f.ls, NULL), -EAGAIN);
		tf_close(&f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_life_is_the_same_wherever_the_numbers_are),
		cmocka_unit_test(reserved_bits_mean_nothing_and_are_never_sent),
		cmocka_unit_test(a_data_offset_out_of_range_is_discarded),
		cmocka_unit_test(a_restart_begins_with_numbers_of_its_own),
	};

	return tapir_test_run("unit/tcp/test_states_numbers", tests);
}
