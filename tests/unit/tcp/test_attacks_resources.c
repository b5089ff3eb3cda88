/*
 * Attacks on TCP that aim at memory and work: each of them costs a bounded amount of both, and others go on.
 */
#include <errno.h>

#include "tests/support/rnd.h"
#include "tests/support/tcpopt.h"

/* Unread bytes of the connection. */
static uint32_t unread(struct tf *f)
{
	struct tcp_conn *c = tf_conn(f);

	return c->rcv_nxt - c->rcv_user;
}

/*
 * The window field is a multiple of the scale, and what is left of a promise is not. Rounded up each time, the
 * edge moves by as much as small segments bring; what they cost is the end of it.
 */
TEST(small_segments_do_not_stretch_the_receive_buffer, "R7323-7 R7323-8")
{
	struct tf f;
	uint32_t limit, edge = 0, len;

	tf_open(&f);
	tf_syn_opts(&f, 1);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	limit = tf_conn(&f)->rcv_buf;
	for (unsigned i = 0; i < 20000; i++) {
		len = i % 3 ? 7 : 100;
		tf_seg_ts(&f, TF_ACK, f.rcv, f.snd, 1, 0, len);
		world_step(&f.w, 50 * WORLD_MS);
		while (tf_pop(&f)) {
			uint32_t e = f.p.ack + ((uint32_t)f.p.wnd << tf_info(&f).rcv_wscale);

			f.rcv = f.p.ack;
			if (edge)
				assert_true((int32_t)(e - edge) >= 0);
			edge = e;
		}
		assert_true(unread(&f) <= limit);
	}
	assert_true(unread(&f) > limit / 2);
	tf_close(&f);
}

TEST(what_was_promised_is_taken_though_the_field_was_rounded, "R7323-7 R7323-8")
{
	struct tf f;
	uint32_t edge = 0;

	tf_open(&f);
	tf_syn_opts(&f, 1);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	for (unsigned i = 0; i < 40; i++) {
		tf_seg_ts(&f, TF_ACK, f.rcv, f.snd, 1, 0, 1448);
		world_step(&f.w, 50 * WORLD_MS);
		while (tf_pop(&f)) {
			uint32_t e = f.p.ack + ((uint32_t)f.p.wnd << tf_info(&f).rcv_wscale);

			f.rcv = f.p.ack;
			assert_true(!edge || (int32_t)(e - edge) >= 0);
			edge = e;
		}
		/* The last octet that the last ACK allowed. */
		tf_seg_ts(&f, TF_ACK, edge - 1, f.snd, 1, 0, 1);
		assert_int_equal(world_drops(&f.w, DROP_TCP_WINDOW), 0);
		(void)tf_drain(&f);
	}
	tf_close(&f);
}

/* ---- out of order ---- */

/* One octet at a place in the window. */
static void octet(struct tf *f, uint32_t at)
{
	tf_seg(f, TF_ACK, f->rcv + at, f->snd, 1);
}

TEST(tiny_segments_at_random_places_cost_bounded_memory, "TC-05 TC-06 CL-29")
{
	struct rnd r = {5};
	struct tf f;
	struct ranges *ooo;
	uint32_t wnd;
	uint64_t before;
	static uint8_t buf[70000];
	uint32_t base;

	tf_open(&f);
	tf_syn_sack(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	wnd = tf_info(&f).rcv_wnd;
	base = f.rcv;
	before = f.w.t->tcp->mem_bytes;
	for (unsigned i = 0; i < 50000; i++) {
		octet(&f, 1 + rnd_below(&r, wnd - 1));
		if (i % 64 == 0)
			(void)tf_drain(&f);
	}
	(void)tf_drain(&f);
	/* However many came: so many islands, and no more than the window in pages. */
	ooo = &tf_conn(&f)->act->ooo;
	assert_int_equal(ooo->n, f.w.conf.tcp_max_ooo_ranges);
	assert_true(f.w.t->tcp->mem_bytes - before <
		    wnd + 2 * 4096 + sizeof(struct tcp_act) + 1024 * sizeof(struct seq_range));
	assert_true(world_drops(&f.w, DROP_TCP_OOO_FULL) > 40000);
	/* The stream itself goes on, and takes all of it along. */
	for (uint32_t at = 0; at < 60000; at += 1000) {
		tf_seg(&f, TF_ACK, base + at, f.snd, 1000);
		(void)tf_drain(&f);
	}
	assert_int_equal(tf_read(&f, buf, 60000), 60000);
	for (uint32_t i = 0; i < 60000; i++)
		assert_int_equal(buf[i], (uint8_t)(base + i));
	tf_close(&f);
}

TEST(at_the_limit_of_islands_every_border_case_is_right, "TC-08")
{
	struct rnd r = {17};
	static uint8_t buf[4000];

	for (unsigned round = 0; round < 300; round++) {
		struct tf f;
		uint32_t base;

		tf_init(&f);
		f.w.conf.tcp_max_ooo_ranges = 4;
		tf_start(&f);
		tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
		base = f.rcv;
		for (unsigned i = 0; i < 60; i++) {
			tf_seg(&f, TF_ACK, base + rnd_below(&r, 200), f.snd, 1 + rnd_below(&r, 20));
			(void)tf_drain(&f);
			if (tf_conn(&f)->act)
				assert_true(tf_conn(&f)->act->ooo.n <= 4);
		}
		tf_seg(&f, TF_ACK, base, f.snd, 250);
		assert_int_equal(tf_read(&f, buf, sizeof(buf)), 250);
		for (uint32_t i = 0; i < 250; i++)
			assert_int_equal(buf[i], (uint8_t)(base + i));
		tf_close(&f);
	}
}

/* ---- the demultiplexer ---- */

/* Half-open connections from chosen ports and addresses; the longest chain that they make. */
static unsigned longest_chain(uint8_t seed, const uint32_t (*from)[2], unsigned n)
{
	static uint8_t buf[100];
	struct tf f;
	struct htab_iter it = {0};
	unsigned count[4096] = {0}, longest = 0;
	uint32_t buckets;

	tf_init(&f);
	f.w.seed[0] = seed;
	f.w.conf.tcp_max_syn_backlog = 8192;
	f.backlog = 8192;
	f.w.conf.somaxconn = 8192;
	f.w.no_check = true;
	tf_start(&f);
	tf_listen(&f);
	for (unsigned i = 0; i < n; i++) {
		size_t len = world_tcp(buf, from[i][0], WORLD_US, (uint16_t)from[i][1], TF_PORT, i,
				       0, TF_SYN, 1000, NULL, 0, NULL, 0);

		assert_int_equal(world_push(&f.w, buf, len), 0);
		(void)tf_drain(&f);
	}
	buckets = 1024; /* judged at a size of our own: growth may be under way */
	for (struct hnode *h; (h = htab_walk(&f.w.t->tcp->eps, &it)) != NULL;) {
		unsigned c = ++count[h->hash % buckets];

		longest = c > longest ? c : longest;
	}
	tf_close(&f);
	return longest;
}

TEST(chosen_tuples_do_not_share_a_bucket, "CL-43")
{
	/* All low bits equal; one port after the other; sums equal: what simple hashes stumble over. */
	static uint32_t from[3][1024][2];

	for (uint32_t i = 0; i < 1024; i++) {
		from[0][i][0] = TAPIR_IP4(198, 51, 100, 7);
		from[0][i][1] = 64 * (i % 1000) + 1;
		from[0][i][0] += (i / 1000) << 16;
		from[1][i][0] = TAPIR_IP4(198, 51, 100, 7);
		from[1][i][1] = 1024 + i;
		from[2][i][0] = TAPIR_IP4(100, 64, 0, 0) + i * 2;
		from[2][i][1] = 60000 - i * 2;
	}
	for (unsigned k = 0; k < 3; k++) {
		/* A thousand balls in a thousand boxes: ten in one have a chance of one in ten thousand. */
		for (uint8_t seed = 1; seed <= 2; seed++)
			assert_in_range(longest_chain(seed, from[k], 1024), 2, 10);
	}
}

TEST(tuples_that_collide_in_one_instance_do_not_in_the_next, "CL-43")
{
	static uint32_t from[64][2];
	struct tf f;
	unsigned n = 0;
	uint8_t buf[100];

	/* An attacker who knew the key of one instance: 64 tuples for one bucket of 1024. */
	tf_init(&f);
	f.w.seed[0] = 1;
	f.w.no_check = true;
	f.backlog = 1;
	tf_start(&f);
	tf_listen(&f);
	for (uint32_t i = 0; n < 64; i++) {
		uint32_t src = TAPIR_IP4(198, 51, 100, 7) + (i / 60000 << 8);
		uint16_t port = (uint16_t)(1024 + i % 60000);
		size_t len = world_tcp(buf, src, WORLD_US, port, TF_PORT, i, 0, TF_SYN, 1000, NULL,
				       0, NULL, 0);
		struct tcp_tuple tu = {tapir_addr_v4(WORLD_US), tapir_addr_v4(src), TF_PORT, port};
		struct tcp_ep *ep;

		assert_int_equal(world_push(&f.w, buf, len), 0);
		(void)tf_drain(&f);
		ep = tcp_demux_find(f.w.t, &tu);
		if (ep && ep->node.hash % 1024 == 77) {
			from[n][0] = src;
			from[n++][1] = port;
		}
		/* The record goes, so that the next one is kept too. */
		len = world_tcp(buf, src, WORLD_US, port, TF_PORT, i + 1, 0, TF_RST, 0, NULL, 0,
				NULL, 0);
		assert_int_equal(world_push(&f.w, buf, len), 0);
	}
	tf_close(&f);
	assert_int_equal(longest_chain(1, from, 64), 64);
	assert_in_range(longest_chain(2, from, 64), 1, 4);
}

/* ---- silly windows ---- */

TEST(a_window_opened_octet_by_octet_earns_no_octet_sized_segments, "TC-60 SHLD-15")
{
	struct tf f;
	unsigned segs = 0;
	uint64_t bytes = 0;
	uint32_t una;

	tf_open(&f);
	tf_syn_mss(&f, 1000);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	f.wnd = 0;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_write(&f, 10000), 10000);
	tf_quiet(&f);
	/* A reader that takes an octet each millisecond and tells so each time: a second of it. */
	una = f.snd;
	for (unsigned i = 0; i < 1000; i++) {
		f.wnd = (uint16_t)(f.wnd + 1);
		tf_seg(&f, TF_ACK, f.rcv, una, 0);
		while (tf_pop(&f)) {
			segs++;
			bytes += f.p.len;
			f.wnd = (uint16_t)(f.wnd - f.p.len);
			una += (uint32_t)f.p.len;
		}
		world_step(&f.w, WORLD_MS);
	}
	/* One segment when the override's time comes, one when a full one fits: not a thousand. */
	assert_true(segs <= 4);
	assert_true(segs == 0 || bytes / segs >= 100);
	tf_close(&f);
}

/* ---- numbers of connections ---- */

TEST(downloads_that_were_abandoned_hold_bounded_memory, "TC-24 TC-26")
{
	struct tf f;

	tf_init(&f);
	f.w.conf.tcp_max_orphans = 8;
	f.w.conf.tcp_max_tw_buckets = 8;
	f.w.no_check = true;
	tf_start(&f);
	tf_listen(&f);
	/* Each client connects, takes nothing, and is closed with something still to be delivered. */
	for (uint16_t i = 0; i < 200; i++) {
		f.wnd = 0;
		tf_shake(&f, (uint16_t)(1024 + i));
		f.s = tapir_accept(f.w.t, f.ls, NULL);
		assert_true(f.s > 0);
		assert_int_equal(tf_write(&f, 1000), 1000);
		assert_int_equal(tapir_close(f.w.t, f.s), 0);
		f.s = 0;
		(void)tf_drain(&f);
		assert_true(f.w.t->tcp->norphan <= 8);
		assert_true(f.w.t->tcp->nconn <= 9);
		assert_true(f.w.t->tcp->mem_bytes < 12 * (8192 + sizeof(struct tcp_act)));
	}
	world_step(&f.w, 1000 * WORLD_S);
	(void)tf_drain(&f);
	assert_int_equal(f.w.t->tcp->norphan, 0);
	assert_int_equal(f.w.t->tcp->nconn, 0);
	tf_close(&f);
}

/* ---- all memory ---- */

enum { HOARDERS = 70 };

/* A connection from rport, accepted; its peer knows f->rcv and f->snd. */
static tapir_sock_t accept_from(struct tf *f, uint16_t rport)
{
	tapir_sock_t s;

	tf_shake(f, rport);
	s = tapir_accept(f->w.t, f->ls, NULL);
	assert_true(s > 0);
	return s;
}

static void hoard_begin(struct tf *f)
{
	tf_init(f);
	f->w.no_check = true;
	f->w.conf.tcp_mem_max = 4 << 20;
	f->backlog = 1000;
	tf_start(f);
	tf_listen(f);
}

/* One more is served, both ways. */
static void one_more(struct tf *f)
{
	char buf[1000];

	f->wnd = 65535;
	f->s = accept_from(f, 5000);
	(void)tf_drain(f);
	tf_seg(f, TF_ACK | TF_PSH, f->rcv, f->snd, 1000);
	assert_int_equal(tf_read(f, buf, sizeof(buf)), 1000);
	assert_int_equal(tf_write(f, 10000), 10000);
}

TEST(windows_of_zero_leave_memory_for_others, "TC-22")
{
	struct tf f;

	hoard_begin(&f);
	for (uint16_t i = 0; i < HOARDERS; i++) {
		f.wnd = 0;
		f.s = accept_from(&f, (uint16_t)(10000 + i));
		/* As much as it takes: more than there is, all together. */
		for (size_t n = 65536; n >= 1024; n /= 4) {
			while (tf_write(&f, n) > 0)
				;
		}
		(void)tf_drain(&f);
	}
	assert_true(world_stat(&f.w, STAT_Tapir_TcpMemFull) > 0);
	one_more(&f);
	f.s = 0;
	tf_close(&f);
}

TEST(what_waits_unread_or_out_of_order_leaves_memory_for_others, "TC-07")
{
	for (int hole = 0; hole < 2; hole++) {
		struct tf f;

		hoard_begin(&f);
		for (uint16_t i = 0; i < HOARDERS; i++) {
			uint32_t at;

			f.s = accept_from(&f, (uint16_t)(10000 + i));
			at = f.rcv + (hole ? 1 : 0);
			for (unsigned k = 0; k < 44; k++)
				tf_seg_opts(&f, (uint16_t)(10000 + i), TF_ACK, at + 1400 * k, f.snd,
					    NULL, 0, 1400);
			(void)tf_drain(&f);
		}
		assert_true(world_stat(&f.w, STAT_Tapir_TcpMemFull) > 0);
		one_more(&f);
		f.s = 0;
		tf_close(&f);
	}
}

TEST(idle_connections_are_bounded_by_number_and_the_program_ends_the_dead, "TC-58 TC-21")
{
	enum { MAX = 40 };
	tapir_sock_t s[MAX];
	struct tf f;
	size_t idle;
	int one = 1, secs = 10, gone = 0;

	tf_init(&f);
	f.w.no_check = true;
	f.w.conf.tcp_max_conns = MAX;
	f.backlog = 1000;
	tf_start(&f);
	tf_listen(&f);
	tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_SOCKET, TAPIR_SO_KEEPALIVE, &one, sizeof(one));
	tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_KEEPIDLE, &secs, sizeof(secs));
	idle = f.w.alloc.live_bytes;
	for (uint16_t i = 0; i < MAX; i++) {
		s[i] = accept_from(&f, (uint16_t)(1024 + i));
		(void)tf_drain(&f);
	}
	/* One that says nothing costs a connection and a handle, no buffers. */
	assert_true(f.w.alloc.live_bytes - idle < MAX * (sizeof(struct tcp_conn) + 2048));
	/* No more than that; nobody is told that he was accepted. */
	tf_shake(&f, 9000);
	(void)tf_drain(&f);
	assert_true(tapir_accept(f.w.t, f.ls, NULL) == -EAGAIN);
	assert_true(world_stat(&f.w, STAT_Tapir_TcpConnsFull) > 0);
	/* The dead ones are found, their handles say so, and there is room. */
	world_step(&f.w, 1000 * WORLD_S);
	(void)tf_drain(&f);
	for (unsigned i = 0; i < MAX; i++) {
		if (tapir_poll(f.w.t, s[i]) & TAPIR_ERR)
			gone++;
		assert_int_equal(tapir_close(f.w.t, s[i]), 0);
	}
	assert_int_equal(gone, MAX);
	f.s = accept_from(&f, 9001);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_segments_do_not_stretch_the_receive_buffer),
		cmocka_unit_test(what_was_promised_is_taken_though_the_field_was_rounded),
		cmocka_unit_test(tiny_segments_at_random_places_cost_bounded_memory),
		cmocka_unit_test(at_the_limit_of_islands_every_border_case_is_right),
		cmocka_unit_test(chosen_tuples_do_not_share_a_bucket),
		cmocka_unit_test(tuples_that_collide_in_one_instance_do_not_in_the_next),
		cmocka_unit_test(a_window_opened_octet_by_octet_earns_no_octet_sized_segments),
		cmocka_unit_test(downloads_that_were_abandoned_hold_bounded_memory),
		cmocka_unit_test(windows_of_zero_leave_memory_for_others),
		cmocka_unit_test(what_waits_unread_or_out_of_order_leaves_memory_for_others),
		cmocka_unit_test(
			idle_connections_are_bounded_by_number_and_the_program_ends_the_dead),
	};

	return tapir_test_run("unit/tcp/test_attacks_resources", tests);
}
