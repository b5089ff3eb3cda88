#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/rnd.h"
#include "tests/support/tcpfix.h"

static void open_with(struct tf *f, int64_t cookies, int backlog)
{
	tf_init(f);
	f->w.conf.tcp_syncookies = cookies;
	f->backlog = backlog;
	tf_start(f);
	tf_listen(f);
}

/* A SYN with an MSS option, or with all options; leaves f as after tf_to(SYN_RECEIVED). */
static void syn(struct tf *f, uint16_t rport, uint16_t mss, bool all)
{
	uint8_t o[] = {
		2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3,
		3, 7};

	f->rport = rport;
	tf_seg_opts(f, rport, TF_SYN, f->irs, 0, o, all ? sizeof(o) : 4, 0);
	assert_true(tf_pop(f));
	assert_int_equal(f->p.flags, TF_SYN | TF_ACK);
	assert_int_equal(f->p.ack, f->irs + 1);
	f->iss = f->p.seq;
	f->snd = f->iss + 1;
	f->rcv = f->irs + 1;
}

/* The ACK of it, echoing the timestamp if there was one. */
static void last_ack(struct tf *f, uint32_t len)
{
	uint8_t o[12] = {1, 1, 8, 10, 0, 0, 0, 10};
	const uint8_t *ts = tf_opt(f, 8);

	if (ts)
		memcpy(o + 8, ts, 4);
	tf_seg_opts(f, f->rport, TF_ACK, f->rcv, f->snd, o, ts ? 12 : 0, len);
}

static uint32_t nsyn(const struct tf *f)
{
	return f->w.t->tcp->nsyn;
}

TEST(cookies_are_sent_only_when_the_queue_is_full, "R4987-4")
{
	struct tf f;

	open_with(&f, 1, 1); /* as Linux, one more than it says */
	syn(&f, 40000, 1460, false);
	syn(&f, 40001, 1460, false);
	assert_int_equal(nsyn(&f), 2);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesSent), 0);
	syn(&f, 40002, 1460, false);
	assert_int_equal(nsyn(&f), 2);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesSent), 1);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPReqQFullDoCookies), 1);
	assert_int_equal(world_events(&f.w, TAPIR_EV_TCP_COOKIE_SENT), 1);
	tf_close(&f);
}

TEST(a_setting_sends_them_always_or_never, "R4987-4")
{
	struct tf f;

	open_with(&f, 2, 8);
	syn(&f, 40000, 1460, false);
	assert_int_equal(nsyn(&f), 0);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesSent), 1);
	tf_close(&f);
	open_with(&f, 0, 1);
	syn(&f, 40000, 1460, false);
	syn(&f, 40001, 1460, false);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesSent), 0);
	tf_close(&f);
}

TEST(a_cookie_is_sent_once_and_keeps_nothing, "TC-20 R4987-4")
{
	struct tf f;
	size_t live;

	open_with(&f, 2, 8);
	syn(&f, 40000, 1460, true);
	live = f.w.alloc.live;
	for (uint16_t i = 1; i < 1000; i++)
		syn(&f, (uint16_t)(40000 + i), 1460, true);
	assert_int_equal(f.w.alloc.live, live);
	world_step(&f.w, 100 * WORLD_S);
	tf_quiet(&f);
	tf_close(&f);
}

TEST(the_ack_of_a_cookie_opens_a_connection_that_works, "R4987-2")
{
	struct tf f;
	uint8_t buf[200];

	open_with(&f, 2, 8);
	syn(&f, 40000, 1460, false);
	last_ack(&f, 100);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesRecv), 1);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	assert_true(f.s > 0);
	assert_int_equal(tf_read(&f, buf, sizeof(buf)), 100);
	tf_drain(&f);
	f.rcv += 100;
	assert_int_equal(tf_write(&f, 50), 50);
	tf_expect(&f, TF_ACK, f.snd, f.rcv, 50);
	tf_close(&f);
}

TEST(the_mss_survives_in_the_four_steps_of_linux, "R4987-2")
{
	static const uint16_t told[] = {48,   100,  216,  535,	536,  1219, 1220, 1359,
					1400, 1440, 1459, 1460, 1500, 8959, 8960, 65535};
	static const uint16_t kept[] = {536,  536,  536,  536,	536,  536,  536,  1300,
					1300, 1440, 1440, 1460, 1460, 1460, 1460, 1460};

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct tf f;

		open_with(&f, 2, 8);
		syn(&f, 40000, told[i], false);
		last_ack(&f, 0);
		f.s = tapir_accept(f.w.t, f.ls, NULL);
		assert_true(f.s > 0);
		assert_int_equal(tf_info(&f).snd_mss, kept[i]);
		tf_close(&f);
	}
}

TEST(with_timestamps_window_scale_and_sack_survive_too, "R4987-2")
{
	for (int i = 0; i < 200; i++) {
		struct tf f;
		struct tapir_tcp_info info;

		open_with(&f, 2, 8);
		/* Whatever the low bits of the clock are. */
		world_step(&f.w, (uint64_t)i * 13 * WORLD_MS);
		syn(&f, 40000, 1460, true);
		assert_int_equal(f.p.nopts, 20);
		last_ack(&f, 0);
		f.s = tapir_accept(f.w.t, f.ls, NULL);
		assert_true(f.s > 0);
		info = tf_info(&f);
		assert_int_equal(info.options, 7);
		assert_int_equal(info.snd_wscale, 7);
		assert_int_equal(info.rcv_wscale, 10);
		tf_close(&f);
	}
}

TEST(timestamps_do_not_go_back_after_a_cookie, "")
{
	struct tf f;
	uint32_t first, next;

	open_with(&f, 2, 8);
	syn(&f, 40000, 1460, true);
	first = (uint32_t)tf_opt(&f, 8)[0] << 24 | (uint32_t)tf_opt(&f, 8)[1] << 16 |
		(uint32_t)tf_opt(&f, 8)[2] << 8 | tf_opt(&f, 8)[3];
	last_ack(&f, 0);
	f.s = tapir_accept(f.w.t, f.ls, NULL);
	tf_write(&f, 10);
	assert_true(tf_pop(&f));
	next = (uint32_t)tf_opt(&f, 8)[0] << 24 | (uint32_t)tf_opt(&f, 8)[1] << 16 |
	       (uint32_t)tf_opt(&f, 8)[2] << 8 | tf_opt(&f, 8)[3];
	assert_true(next - first < 64);
	tf_close(&f);
}

TEST(without_timestamps_neither_is_offered, "R4987-2")
{
	static const uint8_t o[] = {2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7};
	struct tf f;

	open_with(&f, 2, 8);
	tf_seg_opts(&f, f.rport, TF_SYN, f.irs, 0, o, sizeof(o), 0);
	assert_true(tf_pop(&f));
	assert_int_equal(f.p.nopts, 4);
	tf_close(&f);
}

TEST(a_cookie_is_good_for_its_tuple_and_number_only, "R4987-2 EVT-5")
{
	struct tf f;

	open_with(&f, 2, 8);
	syn(&f, 40000, 1460, false);
	/* Another port; another IRS; another number. */
	f.rport = 40001;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_expect(&f, TF_RST, f.snd, 0, 0);
	f.rport = 40000;
	tf_seg(&f, TF_ACK, f.rcv + 1, f.snd, 0);
	tf_expect(&f, TF_RST, f.snd, 0, 0);
	for (uint32_t d = 8; d < 100; d++) { /* below 8 it would be another MSS */
		tf_seg(&f, TF_ACK, f.rcv, f.snd + d, 0);
		tf_expect(&f, TF_RST, f.snd + d, 0, 0);
	}
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesFailed), 94);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesRecv), 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

TEST(a_cookie_expires_after_two_minutes, "R4987-2")
{
	for (int late = 0; late < 2; late++) {
		struct tf f;

		open_with(&f, 2, 8);
		syn(&f, 40000, 1460, false);
		world_step(&f.w, (late ? 129 : 60) * WORLD_S);
		/* Cookies go on being sent, to others. */
		f.rport = 40001;
		tf_seg(&f, TF_SYN, f.irs, 0, 0);
		assert_true(tf_pop(&f));
		f.rport = 40000;
		tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
		if (late)
			tf_expect(&f, TF_RST, f.snd, 0, 0);
		assert_int_equal(tf_count(&f, TAPIR_TCP_ESTABLISHED), !late);
		tf_close(&f);
	}
}

TEST(while_no_cookie_is_out_none_is_believed, "TC-19")
{
	struct tf f;

	open_with(&f, 1, 0);
	syn(&f, 40000, 1460, false);
	syn(&f, 40001, 1460, false);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesSent), 1);
	world_step(&f.w, 200 * WORLD_S);
	tf_drain(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_expect(&f, TF_RST, f.snd, 0, 0);
	/* It was not even looked at. */
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesFailed), 0);
	tf_close(&f);
}

TEST(forged_acks_open_nothing, "TC-19 R4987-2")
{
	struct tf f;
	struct rnd rnd = {42};

	open_with(&f, 2, 8);
	f.w.no_check = true;
	f.w.env.event = NULL;
	syn(&f, 40000, 1460, false);
	for (int i = 0; i < 200000; i++) {
		tf_seg_opts(&f, (uint16_t)(1024 + rnd_below(&rnd, 60000)), TF_ACK, rnd_u32(&rnd),
			    rnd_u32(&rnd), NULL, 0, 0);
		if (i % 64 == 0)
			tf_drain(&f);
	}
	tf_drain(&f);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_SyncookiesRecv), 0);
	assert_int_equal(f.w.t->tcp->nconn, 0);
	tf_close(&f);
}

TEST(a_flood_leaves_others_served_in_constant_memory, "TC-18 R4987-1")
{
	struct tf f;
	struct rnd rnd = {1};
	uint8_t buf[100];
	size_t peak = 0, n;
	unsigned served = 0;

	open_with(&f, 1, 128);
	f.w.no_check = true;
	for (int i = 0; i < 100000; i++) {
		n = world_tcp(buf, TAPIR_IP4(198, 51, 100, 0) + rnd_below(&rnd, 256), WORLD_US,
			      (uint16_t)(1024 + rnd_below(&rnd, 60000)), TF_PORT, rnd_u32(&rnd), 0,
			      TF_SYN, 1000, NULL, 0, NULL, 0);
		world_push(&f.w, buf, n);
		if (i % 32 == 31)
			tf_drain(&f);
		if (i == 5000)
			peak = f.w.alloc.peak_bytes;
		if (i % 1000 == 999) {
			tf_drain(&f);
			syn(&f, (uint16_t)(30000 + i / 1000), 1460, true);
			last_ack(&f, 0);
			f.s = tapir_accept(f.w.t, f.ls, NULL);
			served += f.s > 0;
			if (f.s > 0)
				tapir_abort(f.w.t, f.s);
			world_step(&f.w, 5 * WORLD_MS);
		}
	}
	assert_int_equal(served, 100);
	assert_true(f.w.alloc.peak_bytes < peak + 65536);
	tf_drain(&f);
	tf_close(&f);
}

TEST(an_ack_of_a_cookie_that_finds_the_accept_queue_full_can_come_again, "")
{
	struct tf f;
	uint32_t second;

	open_with(&f, 2, 0);
	syn(&f, 40001, 1460, false);
	second = f.snd;
	syn(&f, 40000, 1460, false);
	last_ack(&f, 0);
	f.rport = 40001;
	f.snd = second;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_quiet(&f);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_ListenOverflows), 1);
	assert_int_equal(tf_count(&f, 0), 0);
	assert_true(tapir_accept(f.w.t, f.ls, NULL) > 0);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_are_sent_only_when_the_queue_is_full),
		cmocka_unit_test(a_setting_sends_them_always_or_never),
		cmocka_unit_test(a_cookie_is_sent_once_and_keeps_nothing),
		cmocka_unit_test(the_ack_of_a_cookie_opens_a_connection_that_works),
		cmocka_unit_test(the_mss_survives_in_the_four_steps_of_linux),
		cmocka_unit_test(with_timestamps_window_scale_and_sack_survive_too),
		cmocka_unit_test(timestamps_do_not_go_back_after_a_cookie),
		cmocka_unit_test(without_timestamps_neither_is_offered),
		cmocka_unit_test(a_cookie_is_good_for_its_tuple_and_number_only),
		cmocka_unit_test(a_cookie_expires_after_two_minutes),
		cmocka_unit_test(while_no_cookie_is_out_none_is_believed),
		cmocka_unit_test(forged_acks_open_nothing),
		cmocka_unit_test(a_flood_leaves_others_served_in_constant_memory),
		cmocka_unit_test(
			an_ack_of_a_cookie_that_finds_the_accept_queue_full_can_come_again),
	};

	return tapir_test_run("unit/tcp/test_syncookie", tests);
}
