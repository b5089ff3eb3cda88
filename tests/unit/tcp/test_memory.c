/*
 * The memory of all connections: what is charged, what pressure does, what makes room, and that nothing stays behind.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "stack/core/netif.h"
#include "stack/tcp/tcp_buf.h"
#include "tests/support/tcpopt.h"

enum { MIB = 1 << 20, FIRST = 10000, TEXT = 1400 };

static void begin(struct tf *f, int64_t max)
{
	tf_init(f);
	f->w.no_check = true;
	f->w.conf.tcp_mem_max = max;
	f->backlog = 5000;
	tf_start(f);
	tf_listen(f);
}

/* A connection from rport, accepted; f->rcv and f->snd are its numbers. */
static tapir_sock_t opened(struct tf *f, uint16_t rport)
{
	tapir_sock_t s;

	tf_shake(f, rport);
	s = tapir_accept(f->w.t, f->ls, NULL);
	assert_true(s > 0);
	return s;
}

/* `n` segments of the connection, from the k-th place on. */
static void text(struct tf *f, uint16_t rport, unsigned k, unsigned n)
{
	for (; n > 0; n--, k++)
		tf_seg_opts(f, rport, TF_ACK, f->rcv + TEXT * k, f->snd, NULL, 0, TEXT);
	(void)tf_drain(f);
}

static uint64_t used(const struct tf *f)
{
	return f->w.t->tcp->mem_bytes;
}

/* Peers that leave a hole, until there is pressure. */
static unsigned hoard(struct tf *f)
{
	unsigned i;

	for (i = 0; i < 1000 && !tcp_mem_pressed(f->w.t); i++) {
		f->s = opened(f, (uint16_t)(FIRST + i));
		text(f, (uint16_t)(FIRST + i), 1, 40);
	}
	f->s = 0;
	return i;
}

TEST(what_is_charged_is_no_less_than_what_is_taken, "TC-09")
{
	/* One octet in each page, in order and not; text in small writes. */
	for (int way = 0; way < 3; way++) {
		struct tf f;
		size_t before;
		uint64_t charged;

		tf_init(&f);
		f.w.no_check = true;
		f.backlog = 1000;
		tf_start(&f);
		tf_listen(&f);
		for (uint16_t i = 0; i < 50; i++)
			(void)opened(&f, (uint16_t)(FIRST + i));
		before = f.w.alloc.live_bytes;
		charged = used(&f);
		for (uint16_t i = 0; i < 50; i++) {
			tapir_sock_t s = opened(&f, (uint16_t)(20000 + i));

			f.s = s;
			for (uint32_t k = 0; way < 2 && k < 12; k++)
				tf_seg_opts(&f, (uint16_t)(20000 + i), TF_ACK,
					    f.rcv + (way ? 1 + k * 4097 : k), f.snd, NULL, 0, 1);
			for (int k = 0; way == 2 && k < 20; k++)
				(void)tf_write(&f, 100);
			(void)tf_drain(&f);
		}
		/* Connections and their handles themselves are bounded by number. */
		assert_true(f.w.alloc.live_bytes - before <=
			    used(&f) - charged + 50 * (sizeof(struct tcp_conn) + 512) + 65536);
		f.s = 0;
		tf_close(&f);
	}
}

TEST(pressure_comes_and_goes_at_its_marks, "")
{
	struct tf f;
	uint64_t low, mark = 3 * MIB;
	unsigned n;

	begin(&f, 4 * MIB);
	assert_int_equal(tapir_sysctl(f.w.t, "net.ipv4.tcp_mem", 0, 2 * MIB), 0);
	low = 2 * MIB;
	n = hoard(&f);
	assert_true(n > 10);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPMemoryPressures), 1);
	assert_true(used(&f) > mark - 10000);
	/* One after the other gives up, and pressure lasts to the lower mark. */
	for (unsigned i = 0; i < n; i++) {
		bool was = tcp_mem_pressed(f.w.t);

		tf_seg_opts(&f, (uint16_t)(FIRST + i), TF_RST, f.rcv, 0, NULL, 0, 0);
		if (was && !tcp_mem_pressed(f.w.t))
			assert_true(used(&f) <= low && used(&f) > low - 300000);
	}
	assert_false(tcp_mem_pressed(f.w.t));
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPMemoryPressures), 1);
	tf_close(&f);
}

TEST(under_pressure_no_window_and_no_buffer_grows, "")
{
	struct tf f;
	uint32_t before;
	uint8_t buf[TEXT];

	begin(&f, 4 * MIB);
	(void)hoard(&f);
	assert_true(tcp_mem_pressed(f.w.t));
	f.wnd = 65535;
	f.s = opened(&f, 5000);
	before = tf_conn(&f)->rcv_ssthresh;
	for (unsigned k = 0; k < 20; k++) {
		text(&f, 5000, k, 1);
		assert_int_equal(tf_read(&f, buf, TEXT), TEXT);
	}
	assert_true(tf_conn(&f)->rcv_ssthresh <= before);
	assert_true(tcp_snd_limit(f.w.t, tf_conn(&f)) == f.w.conf.tcp_wmem_default);
	f.s = 0;
	tf_close(&f);
}

TEST(what_is_out_of_order_makes_way_for_what_is_in_order, "TC-07")
{
	struct tf f;
	struct ranges *ooo;
	uint8_t buf[TEXT];
	unsigned n;

	begin(&f, 4 * MIB);
	n = hoard(&f);
	/* In order, unread, beyond the share of one connection: others' islands go. */
	f.s = opened(&f, 5000);
	text(&f, 5000, 0, 30);
	assert_int_equal(world_drops(&f.w, DROP_TCP_RCVBUF), 0);
	assert_true(world_stat(&f.w, STAT_TcpExt_OfoPruned) > 0);
	assert_true(world_stat(&f.w, STAT_TcpExt_PruneCalled) >=
		    world_stat(&f.w, STAT_TcpExt_OfoPruned));
	assert_true(world_stat(&f.w, STAT_TcpExt_OfoPruned) < n); /* no more than needed */
	for (unsigned k = 0; k < 30; k++)
		assert_int_equal(tf_read(&f, buf, TEXT), TEXT);
	/* One's own go before those of others. */
	text(&f, 5000, 32, 5);
	ooo = &tf_conn(&f)->act->ooo;
	if (ooo->n) {
		text(&f, 5000, 30, 1);
		assert_true(ooo->n <= 1);
	}
	f.s = 0;
	tf_close(&f);
}

TEST(who_was_pruned_gets_it_all_again, "")
{
	struct tf f;
	static uint8_t buf[41 * TEXT];
	unsigned n;

	begin(&f, 4 * MIB);
	n = hoard(&f);
	f.s = opened(&f, 5000);
	text(&f, 5000, 0, 44);
	f.s = 0;
	/* The senders fill their holes and send again what was forgotten: every stream is whole. */
	for (unsigned i = 0; i < n; i++) {
		struct tapir_sock_iter it = {0};
		struct tapir_sock_info info;
		uint16_t rport = (uint16_t)(FIRST + i);
		uint32_t base = f.rcv, got = 0;

		f.s = 0;
		while (tapir_sock_next(f.w.t, &it, &info) && !f.s)
			if (info.peer.port == rport)
				f.s = info.sock;
		assert_true(f.s > 0);
		f.rport = rport;
		base = tf_conn(&f)->irs + 1;
		f.rcv = base;
		f.snd = tf_conn(&f)->snd_nxt;
		for (unsigned k = 0; k < 41; k++) {
			int64_t r;

			text(&f, rport, k, 1);
			r = tf_read(&f, buf, sizeof(buf));
			for (int64_t b = 0; b < r; b++)
				assert_int_equal(buf[b], (uint8_t)(base + got + (uint32_t)b));
			got += r > 0 ? (uint32_t)r : 0;
		}
		assert_int_equal(got, 41 * TEXT);
	}
	f.s = 0;
	tf_close(&f);
}

TEST(after_an_attack_nothing_but_bounded_pools_stays, "TC-07")
{
	struct tf f;
	size_t before;
	unsigned n;

	begin(&f, 16 * MIB);
	before = f.w.alloc.live_bytes;
	n = hoard(&f);
	assert_true(f.w.alloc.live_bytes - before > 10 * MIB);
	for (unsigned i = 0; i < n; i++)
		tf_seg_opts(&f, (uint16_t)(FIRST + i), TF_RST, f.rcv, 0, NULL, 0, 0);
	(void)tf_drain(&f);
	/* 256 pages, 256 active parts, 1024 records; the handles are still open. */
	assert_true(used(&f) <=
		    256 * (TCP_PAGE + sizeof(struct tcp_act)) + 1024 * sizeof(struct tcp_rec));
	assert_true(f.w.alloc.live_bytes - before < 3 * MIB + n * 2048);
	tf_close(&f);
}

TEST(under_pressure_nobody_waits_for_what_was_abandoned, "TC-24 TC-22")
{
	struct tf f;
	uint64_t before;

	begin(&f, 4 * MIB);
	/* A download that its program closed and whose peer takes nothing. */
	f.wnd = 0;
	f.s = opened(&f, 5000);
	assert_int_equal(tf_write(&f, 10000), 10000);
	(void)tf_drain(&f);
	f.rport = 5000;
	assert_int_equal(tapir_close(f.w.t, f.s), 0);
	f.s = 0;
	f.wnd = 65535;
	world_step(&f.w, 2 * WORLD_S);
	(void)tf_drain(&f);
	assert_int_equal(f.w.t->tcp->norphan, 1);
	before = world_stat(&f.w, STAT_TcpExt_TCPAbortOnMemory);
	(void)hoard(&f);
	/* Its next probe is its last. */
	world_step(&f.w, 10 * WORLD_S);
	assert_int_equal(f.w.t->tcp->norphan, 0);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_TCPAbortOnMemory), before + 1);
	tf_close(&f);
}

TEST(a_users_time_ends_an_answered_closed_window, "TC-23")
{
	struct tf f;
	int ms = 20000;
	bool ended = false;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_USER_TIMEOUT, &ms,
					  sizeof(ms)),
			 0);
	f.wnd = 0;
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	assert_int_equal(tf_write(&f, 1000), 1000);
	for (unsigned i = 0; i < 600 && !ended; i++) {
		world_step(&f.w, 100 * WORLD_MS);
		/* Each probe is answered: closed still. */
		while (tf_pop(&f)) {
			if (!(f.p.flags & TF_RST))
				tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
		}
		ended = tf_state(&f) == TAPIR_TCP_CLOSED;
		if (ended)
			assert_in_range(i, 190, 420);
	}
	assert_true(ended);
	assert_int_equal(tf_error(&f), ETIMEDOUT);
	tf_close(&f);
}

TEST(a_lasting_lack_of_memory_is_asked_for_ever_more_rarely, "")
{
	struct tf f;
	unsigned wakes = 0;
	uint64_t end;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tf_write(&f, 100), 100);
	assert_int_equal(tf_drain(&f), 1);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 100, 0);
	f.snd += 100;
	f.w.t->conf.pkt_max_bytes = 0; /* no packet can be had */
	(void)tf_write(&f, 5000);
	end = tapir_now(f.w.t) + 10 * WORLD_S;
	while (tapir_now(f.w.t) < end && wakes < 10000) {
		uint64_t next = tapir_next_deadline(f.w.t);

		assert_true(next != TAPIR_NEVER);
		tapir_advance(f.w.t, next > tapir_now(f.w.t) ? next : tapir_now(f.w.t) + 1);
		wakes++;
	}
	assert_true(wakes < 60);
	/* And at once again when there is some. */
	f.w.t->conf.pkt_max_bytes = f.w.conf.pkt_max_bytes;
	world_step(&f.w, WORLD_S);
	assert_true(tf_drain(&f) > 0);
	tf_close(&f);
}

TEST(one_connection_leaves_room_in_the_transmit_queue_for_others, "")
{
	struct tf f;
	struct netif *ifp;
	tapir_sock_t greedy;
	uint32_t una;
	int size = 4 * MIB;

	tf_init(&f);
	f.w.conf.txq_bytes = 1 * MIB;
	f.w.conf.tcp_init_cwnd = 10;
	f.w.no_check = true;
	tf_start(&f);
	f.w.conf.wmem_max = 8 * MIB;
	assert_int_equal(tapir_sysctl(f.w.t, "net.core.wmem_max", 0, 8 * MIB), 0);
	tf_syn_opts(&f, 7);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	greedy = f.s;
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, &size,
					  sizeof(size)),
			 0);
	tf_conn(&f)->cc.cwnd = 16 * MIB;
	una = f.snd;
	(void)una;
	tf_conn(&f)->snd_wnd = tf_conn(&f)->max_snd_wnd = 8 * MIB;
	for (int i = 0; i < 64; i++)
		(void)tf_write(&f, 65536);
	ifp = netif_get(f.w.t, f.w.ifi);
	tapir_flush(f.w.t);
	/* A quarter, with overhead. */
	assert_true(ifp->txq.bytes > MIB / 16);
	assert_true(ifp->txq.bytes <= MIB / 4 + 4096);
	assert_true(tf_conn(&f)->txc->bytes <= MIB / 4 + 4096);
	/* As it drains, it goes on. */
	for (unsigned k = 0; k < 50; k++) {
		assert_true(tf_pop(&f));
		assert_true(ifp->txq.bytes <= MIB / 4 + 4096);
	}
	assert_true(ifp->txq.bytes > MIB / 16);
	f.s = greedy;
	tf_close(&f);
}

/* Nanoseconds of this process for storing one byte near the end of `n` islands, four bytes apart; the best of many. */
static uint64_t store_ns(struct tf *f, struct tcp_conn *c, unsigned n)
{
	enum { ROUNDS = 20, STORES = 500 };
	struct timespec a, b;
	uint64_t best = UINT64_MAX;

	ranges_clear(&c->act->ooo);
	for (unsigned i = 0; i < n; i++)
		assert_true(ranges_insert(&c->act->ooo, c->rcv_nxt + 4 * i + 2,
					  c->rcv_nxt + 4 * i + 3, NULL) >= 0);
	for (int k = 0; k < ROUNDS; k++) {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
		for (int i = 0; i < STORES; i++)
			assert_true(tcp_rcv_store(f->w.t, c, c->rcv_nxt + 4 * n - 4,
						  (const uint8_t *)"abcd", 4));
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
		best = min_u64(best, (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000 +
					     (uint64_t)b.tv_nsec - (uint64_t)a.tv_nsec);
	}
	return best / STORES;
}

TEST(a_byte_is_stored_among_thousands_of_islands_as_fast_as_among_a_few, "TC-08 TC-06")
{
	struct tf f;
	struct tcp_conn *c;
	uint64_t few, many;

	tf_init(&f);
	f.w.no_check = true;
	f.w.conf.tcp_max_ooo_ranges = 4096;
	tf_start(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	tf_seg(&f, TF_ACK, f.rcv + 10, f.snd, 1);
	c = tf_conn(&f);
	while (tcp_ooo_grow(f.w.t, c))
		;
	few = store_ns(&f, c, 8);
	many = store_ns(&f, c, 4096);
	assert_in_range(many, 0, 10 * few + 100);
	ranges_clear(&c->act->ooo);
	tf_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_byte_is_stored_among_thousands_of_islands_as_fast_as_among_a_few),
		cmocka_unit_test(what_is_charged_is_no_less_than_what_is_taken),
		cmocka_unit_test(pressure_comes_and_goes_at_its_marks),
		cmocka_unit_test(under_pressure_no_window_and_no_buffer_grows),
		cmocka_unit_test(what_is_out_of_order_makes_way_for_what_is_in_order),
		cmocka_unit_test(who_was_pruned_gets_it_all_again),
		cmocka_unit_test(after_an_attack_nothing_but_bounded_pools_stays),
		cmocka_unit_test(under_pressure_nobody_waits_for_what_was_abandoned),
		cmocka_unit_test(a_users_time_ends_an_answered_closed_window),
		cmocka_unit_test(a_lasting_lack_of_memory_is_asked_for_ever_more_rarely),
		cmocka_unit_test(one_connection_leaves_room_in_the_transmit_queue_for_others),
	};

	return tapir_test_run("unit/tcp/test_memory", tests);
}
