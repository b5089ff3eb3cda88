/*
 * Attacks by lengths: TCP headers and options that lie about their size, in segments that reach TCP as they would
 * come off a wire. What the option codec does with each is tests/unit/wire/test_tcp_opt.c's.
 */
#include <errno.h>

#include "tests/support/rnd.h"
#include "tests/support/tcpopt.h"

enum { KINDS = 256 };

/*
 * A segment whose options are `n` bytes at `o`, padded to a multiple of 4 by what the last of them would make a
 * reader run into, for a port. The packet ends there: its memory too, for tools that watch it.
 */
static void seg_raw(struct tf *f, uint16_t dport, uint8_t flags, uint32_t seq, uint32_t ack,
		    const uint8_t *o, size_t n, const void *text, size_t len)
{
	uint8_t opts[40], ip[200];
	size_t total;

	assert_true(n <= sizeof(opts) && len <= 100);
	memset(opts, 0x41, sizeof(opts));
	memcpy(opts, o, n);
	total = world_tcp(ip, WORLD_PEER, WORLD_US, f->rport, dport, seq, ack, flags, 65535, opts,
			  (n + 3) & ~(size_t)3, text, len);
	assert_int_equal(world_push(&f->w, ip, total), 0);
}

/* An established connection that works both ways. */
static void assert_works(struct tf *f)
{
	uint8_t buf[16];

	(void)tf_drain(f);
	assert_int_equal(tf_state(f), TAPIR_TCP_ESTABLISHED);
	tf_seg(f, TF_ACK, f->rcv, f->snd, 10);
	f->rcv += 10;
	assert_int_equal(tf_read(f, buf, sizeof(buf)), 10);
	assert_int_equal(tf_write(f, 5), 5);
	(void)tf_drain(f);
	f->snd += 5;
	tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
	assert_int_equal(tf_info(f).unacked, 0);
	(void)tf_drain(f);
}

TEST(every_kind_with_every_bad_length_ends_and_serves_on, "AM33-03 CL-27 TC-52 CL-28 CL-33")
{
	static const uint8_t lens[] = {0, 1, 2, 3, 39, 40, 41, 128, 255};
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		for (unsigned i = 0; i < sizeof(lens); i++) {
			uint8_t o[8] = {(uint8_t)kind, lens[i], (uint8_t)kind, 0, 1, 1, 1,
					(uint8_t)kind};

			/* To our connection, to a listener and to nobody; whole and as the last octet. */
			seg_raw(&f, f.lport, TF_ACK, f.rcv, f.snd, o, 8, NULL, 0);
			seg_raw(&f, f.lport, TF_SYN, f.irs + 0x70000000, 0, o, 8, NULL, 0);
			f.rport = (uint16_t)(20000 + kind);
			seg_raw(&f, TF_PORT, TF_SYN, 1, 0, o, 8, NULL, 0);
			seg_raw(&f, TF_PORT, TF_RST, 2, 0, o, 2, NULL, 0);
			seg_raw(&f, 9, TF_SYN, 1, 0, o, 1, NULL, 0);
			f.rport = TF_PEER_PORT;
			(void)tf_drain(&f);
		}
	}
	assert_works(&f);
	tf_close(&f);
}

TEST(an_mss_of_impossible_length_means_the_default, "AM33-05")
{
	static const uint8_t bad[][6] = {
		{2, 0, 5, 180},	   {2, 1, 5, 180},	 {2, 2, 5, 180},   {2, 3, 5, 180},
		{2, 5, 5, 180, 0}, {2, 6, 5, 180, 0, 0}, {2, 200, 5, 180}, {1, 1, 1, 2},
	};

	for (unsigned i = 0; i < 8; i++) {
		struct tf f;

		tf_open(&f);
		memcpy(f.opts, bad[i], 4);
		f.nopts = 4;
		if (bad[i][1] == 5 || bad[i][1] == 6) {
			memcpy(f.opts, bad[i], 6);
			memset(f.opts + 6, 0, 2);
			f.nopts = 8;
		}
		tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
		assert_int_equal(tf_write(&f, 2000), 2000);
		tf_expect(&f, TF_ACK, f.snd, f.rcv, 536);
		tf_close(&f);
	}
}

TEST(an_mss_of_next_to_nothing_is_raised_to_a_floor, "FR-02 CL-44 TC-03")
{
	for (uint16_t mss = 0; mss < 60; mss++) {
		for (int how = 0; how < 2; how++) {
			struct tf f;
			uint32_t least;

			tf_open(&f);
			tf_syn_mss(&f, mss);
			tf_to(&f, TAPIR_TCP_ESTABLISHED, (enum tf_open)how);
			least = mss == 0 ? 536 : mss < 48 ? 48 : mss;
			assert_int_equal(tf_info(&f).snd_mss, least);
			assert_int_equal(tf_write(&f, 1000), 1000);
			assert_true(tf_pop(&f));
			assert_int_equal(f.p.len, least);
			(void)tf_drain(&f);
			world_step(&f.w, 3 * WORLD_S);
			tf_close(&f);
		}
	}
}

TEST(a_segment_shorter_than_its_header_is_dropped, "AM33-26 R20-12 FR-13 AM33-04")
{
	static const uint8_t nothing[40] = {0};
	struct tf f;
	uint8_t ip[200];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (unsigned open = 0; open < 2; open++) {
		uint16_t port = open ? f.lport : 9;
		uint64_t before = world_drops(&f.w, DROP_TCP_SHORT);
		uint64_t want = 0;

		/* 0 to 19 octets of TCP, whatever they say. */
		for (size_t len = 0; len < 20; len++, want++) {
			size_t n = world_tcp(ip, WORLD_PEER, WORLD_US, f.rport, port, f.rcv, f.snd,
					     TF_ACK, 100, NULL, 0, NULL, 0);

			assert_int_equal(n, 40);
			n = 20 + len;
			ip[3] = (uint8_t)n;
			world_fix(ip, n);
			assert_int_equal(world_push(&f.w, ip, n), 0);
		}
		/* Every data offset with every length that it does not fit. */
		for (unsigned off = 0; off < 16; off++) {
			for (size_t len = 20; len <= 60; len += 4) {
				size_t n;

				if (off >= 5 && off * 4 <= len)
					continue;
				n = world_tcp(ip, WORLD_PEER, WORLD_US, f.rport, port, f.rcv, f.snd,
					      TF_ACK, 100, NULL, 0, nothing, len - 20);
				ip[20 + 12] = (uint8_t)(off << 4);
				world_fix(ip, n);
				assert_int_equal(world_push(&f.w, ip, n), 0);
				want++;
			}
		}
		assert_int_equal(world_drops(&f.w, DROP_TCP_SHORT) - before, want);
		tf_quiet(&f);
	}
	assert_works(&f);
	tf_close(&f);
}

TEST(a_total_length_that_lies_is_dropped_or_cut, "IH-12 NUC-05 IH-10 AM33-04")
{
	static const uint8_t text[100] = "0123456789";
	struct tf f;
	uint8_t ip[200], buf[200];

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (unsigned sum = 0; sum < 2; sum++) {
		/* More than came, by one and by much; less than the headers; less than IP's. */
		static const uint16_t lies[] = {141, 200, 1500, 0x7fff, 0x8000, 0xffff,
						39,  21,  20,	19,	1,	0};

		for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
			size_t n = world_tcp(ip, WORLD_PEER, WORLD_US, f.rport, f.lport, f.rcv,
					     f.snd, TF_ACK, 65535, NULL, 0, text, 100);
			uint16_t c;

			assert_int_equal(n, 140);
			ip[2] = (uint8_t)(lies[i] >> 8);
			ip[3] = (uint8_t)lies[i];
			ip[10] = ip[11] = 0;
			c = world_cksum(ip, 20, 0);
			ip[10] = (uint8_t)(c >> 8);
			ip[11] = (uint8_t)c;
			if (sum)
				ip[20 + 16] ^= 0x55;
			assert_int_equal(world_push(&f.w, ip, n), 0);
			tf_quiet(&f);
			assert_int_equal(tf_read(&f, buf, sizeof(buf)), -EAGAIN);
		}
	}
	assert_works(&f);
	tf_close(&f);
}

TEST(bad_options_outside_the_window_reset_nothing, "U11-07")
{
	static const uint8_t bad[][4] = {
		{8, 0, 0, 0}, {8, 10, 0, 0},  {3, 2, 0, 0},
		{5, 9, 0, 0}, {253, 1, 0, 0}, {2, 255, 1, 1},
	};
	static const uint8_t flags[] = {TF_ACK, TF_SYN, TF_RST, TF_FIN | TF_ACK, TF_RST | TF_ACK};

	for (int ts = 0; ts < 2; ts++) {
		struct tf f;
		uint32_t wnd;

		tf_open(&f);
		if (ts)
			tf_syn_opts(&f, 1);
		tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
		wnd = tf_info(&f).rcv_wnd;
		for (unsigned i = 0; i < 6; i++) {
			for (unsigned k = 0; k < 5; k++) {
				seg_raw(&f, f.lport, flags[k], f.rcv + 2 * wnd + i, f.snd, bad[i],
					4, NULL, 0);
				seg_raw(&f, f.lport, flags[k], f.rcv - 100 - i, f.snd, bad[i], 4,
					NULL, 0);
				(void)tf_drain(&f);
			}
		}
		assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
		assert_int_equal(tf_error(&f), 0);
		assert_int_equal(tf_info(&f).rcv_nxt, f.rcv);
		tf_close(&f);
	}
}

/* ---- options that we know and do not use ---- */

TEST(fast_open_is_ignored, "R7413-2 R7413-3")
{
	/* Its length wrong, and right: empty (a request) and cookies of 4 to 16. */
	for (uint8_t len = 0; len < 24; len++) {
		struct tf f;
		char buf[10];
		bool has_cookie = false;

		tf_open(&f);
		tf_listen(&f);
		memset(f.opts, 0x77, sizeof(f.opts));
		f.opts[0] = 34;
		f.opts[1] = len;
		f.nopts = ((unsigned)len + 7) & ~3u;
		memset(f.opts + (len < 2 ? 2 : len), 1, sizeof(f.opts) - (len < 2 ? 2 : len));
		/* With text on the SYN, as a client with a cookie sends it. */
		tf_seg_opts(&f, f.rport, TF_SYN, f.irs, 0, f.opts, f.nopts, 10);
		f.rcv = f.irs + 1;
		assert_true(tf_pop(&f));
		assert_int_equal(f.p.flags, TF_SYN | TF_ACK);
		assert_int_equal(f.p.ack,
				 f.rcv); /* the SYN alone: the client sends its text again */
		has_cookie = len >= 2 && tf_opt(&f, 34);
		assert_false(has_cookie);
		f.iss = f.p.seq;
		f.snd = f.iss + 1;
		assert_int_equal(tapir_accept(f.w.t, f.ls, NULL), -EAGAIN);
		tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
		f.s = tapir_accept(f.w.t, f.ls, NULL);
		assert_true(f.s > 0);
		assert_int_equal(tf_read(&f, buf, 10), -EAGAIN);
		/* In another segment too. */
		tf_seg_opts(&f, f.rport, TF_ACK, f.rcv, f.snd, f.opts, f.nopts, 10);
		assert_int_equal(tf_read(&f, buf, 10), 10);
		tf_close(&f);
	}
}

TEST(the_user_timeout_option_is_ignored, "R5482-1")
{
	/* One second, in the SYN and later. */
	static const uint8_t uto[] = {28, 4, 0, 1};
	struct tf f;

	tf_open(&f);
	memcpy(f.opts, uto, 4);
	f.nopts = 4;
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg_opts(&f, f.rport, TF_ACK, f.rcv, f.snd, uto, 4, 10);
	f.rcv += 10;
	(void)tf_drain(&f);
	assert_int_equal(tf_write(&f, 10), 10);
	world_step(&f.w, 120 * WORLD_S);
	assert_true(tf_drain(&f) > 3);
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 10, 0);
	assert_int_equal(tf_info(&f).unacked, 0);
	assert_int_equal(tf_info(&f).snd_una, f.snd + 10);
	tf_close(&f);
}

/* ---- by chance ---- */

TEST(random_headers_and_options_harm_nothing, "FR-03 R20-17 AM33-22 CL-32")
{
	struct rnd r = {11};
	struct tf f;

	tf_open(&f);
	tf_syn_opts(&f, 1);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t ip[160];
		size_t n = 40 + rnd_below(&r, 100);
		uint8_t keep[4];

		world_tcp(ip, WORLD_PEER, WORLD_US, f.rport, rnd_below(&r, 3) ? f.lport : TF_PORT,
			  f.rcv + rnd_below(&r, 100) - 50, f.snd - rnd_below(&r, 3), TF_ACK, 65535,
			  NULL, 0, NULL, 0);
		memcpy(keep, ip + 20, 4);
		rnd_bytes(&r, ip + 32, n - 32);
		if (i % 3 == 0)
			rnd_bytes(&r, ip + 24, 8);
		ip[33] &= (uint8_t) ~(TF_RST | TF_FIN);
		ip[2] = (uint8_t)(n >> 8);
		ip[3] = (uint8_t)n;
		memcpy(ip + 20, keep, 4);
		world_fix(ip, n);
		assert_int_equal(world_push(&f.w, ip, n), 0);
		if (i % 16 == 0) {
			(void)tf_drain(&f);
			world_step(&f.w, 20 * WORLD_MS);
		}
	}
	assert_int_equal(tf_state(&f), TAPIR_TCP_ESTABLISHED);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_with_every_bad_length_ends_and_serves_on),
		cmocka_unit_test(an_mss_of_impossible_length_means_the_default),
		cmocka_unit_test(an_mss_of_next_to_nothing_is_raised_to_a_floor),
		cmocka_unit_test(a_segment_shorter_than_its_header_is_dropped),
		cmocka_unit_test(a_total_length_that_lies_is_dropped_or_cut),
		cmocka_unit_test(bad_options_outside_the_window_reset_nothing),
		cmocka_unit_test(fast_open_is_ignored),
		cmocka_unit_test(the_user_timeout_option_is_ignored),
		cmocka_unit_test(random_headers_and_options_harm_nothing),
	};

	return tapir_test_run("unit/tcp/test_attacks_options", tests);
}
