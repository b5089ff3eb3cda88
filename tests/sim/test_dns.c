/*
 * The whole resolver over its stack against name servers on a path that loses, swaps and doubles: what is asked is
 * answered, rightly, in time and with few packets; a dead server costs little once and then nothing; cancelling at any
 * moment and memory that fails at any moment leave nothing behind; and a seed replays it to the byte.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/dnslook.h"
#include "tests/support/test.h"

enum { MANY = 1000 };

static struct dnslook l;
static struct look look[MANY];

static unsigned long_runs(unsigned usual, unsigned many)
{
	return getenv("TAPIR_SIM_LONG") ? many : usual;
}

static void defaults(struct dnsworld_conf *wc, uint64_t seed)
{
	dnsworld_conf_default(wc, seed);
	dnslook_defaults(&l);
}

/* Names below any.example. have an address each. */
static void open_world(const struct dnsworld_conf *wc)
{
	dnslook_open(&l, wc);
	dnsworld_zone(&l.w, "example.", 300);
	dnsworld_any(&l.w, "any.example.", 300, false);
}

static const char *name_of(unsigned i)
{
	static char name[64];

	snprintf(name, sizeof(name), "host-%u.any.example", i);
	return name;
}

static uint32_t address_of(unsigned i)
{
	uint8_t wire[255];
	unsigned len = dnsworld_name(name_of(i), wire);

	return dnsworld_any_ip4(wire, len);
}

static void assert_right(unsigned i)
{
	assert_int_equal(look[i].status, DNS_OK);
	assert_int_equal(look[i].nrecords, 1);
	assert_int_equal(look[i].ip4, address_of(i));
}

/* ---- the path ---- */

/* Lookups one after the other with that loss; how many had no answer. */
static unsigned lossy(uint64_t seed, uint32_t loss_ppm, unsigned n, uint64_t *worst_ns)
{
	struct dnsworld_conf wc;
	unsigned failed = 0;

	defaults(&wc, seed);
	wc.link.loss_ppm = loss_ppm;
	wc.link.dup_ppm = 50000;
	wc.link.reorder_ppm = 100000;
	wc.link.reorder_ns = 20 * DNSWORLD_MS;
	wc.link.jitter_ns = 3 * DNSWORLD_MS;
	open_world(&wc);
	*worst_ns = 0;
	for (unsigned i = 0; i < n; i++) {
		assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A, 0) > 0);
		dnsworld_pass(&l.w, 20 * DNSWORLD_MS);
	}
	assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
	for (unsigned i = 0; i < n; i++) {
		assert_true(look[i].over);
		if (look[i].status == DNS_OK) {
			assert_right(i);
		} else {
			assert_int_equal(look[i].status, DNS_TIMEOUT);
			failed++;
		}
		*worst_ns = look[i].took_ns > *worst_ns ? look[i].took_ns : *worst_ns;
	}
	dnslook_close(&l);
	return failed;
}

TEST(lookups_survive_loss_reordering_and_duplication, "")
{
	static const uint32_t loss[] = {0, 10000, 50000, 100000, 200000};

	for (unsigned i = 0; i < sizeof(loss) / sizeof(loss[0]); i++) {
		for (unsigned seed = 0; seed < long_runs(1, 20); seed++) {
			uint64_t worst;
			unsigned failed = lossy(100 + seed, loss[i], 300, &worst);

			tapir_test_say("loss %2u %%: %u of 300 unanswered, the slowest %.0f ms",
				       loss[i] / 10000, failed, (double)worst / 1e6);
			/* Each server is asked twice: 0.36^4 of 300 is 5 for a fifth each way. */
			assert_true(failed <= (loss[i] >= 200000 ? 12 : loss[i] >= 100000 ? 3 : 0));
			assert_true(worst <= 10 * DNSWORLD_S + DNSWORLD_MS);
		}
	}
}

TEST(over_tcp_loss_costs_time_and_no_answer, "")
{
	struct dnsworld_conf wc;
	uint64_t worst = 0;

	defaults(&wc, 51);
	wc.link.loss_ppm = 50000;
	wc.link.reorder_ppm = 50000;
	wc.link.reorder_ns = 20 * DNSWORLD_MS;
	l.conf.timeout_ms = 30000;
	open_world(&wc);
	for (unsigned i = 0; i < 2; i++) {
		dnsworld_habit(&l.w, i)->tc = true;
		dnsworld_habit(&l.w, i)->tcp_reverse = true;
	}
	for (unsigned i = 0; i < 300; i++) {
		assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A, 0) > 0);
		dnsworld_pass(&l.w, (i & 1) * 20 * DNSWORLD_MS);
	}
	assert_true(dnsworld_run(&l.w, 90 * DNSWORLD_S));
	for (unsigned i = 0; i < 300; i++) {
		assert_right(i);
		worst = look[i].took_ns > worst ? look[i].took_ns : worst;
	}
	tapir_test_say("300 truncated answers: %llu connections, the slowest %.0f ms",
		       (unsigned long long)(l.w.server[0].conns + l.w.server[1].conns),
		       (double)worst / 1e6);
	assert_true(l.w.server[0].conns + l.w.server[1].conns <= 10);
	dnslook_close(&l);
}

TEST(a_thousand_questions_at_once_are_all_answered, "D5452-6 D1123-4")
{
	struct dnsworld_conf wc;
	static uint8_t port[65536];
	unsigned same = 0;

	defaults(&wc, 3);
	wc.link.loss_ppm = 20000;
	wc.link.reorder_ppm = 200000;
	wc.link.reorder_ns = 50 * DNSWORLD_MS;
	open_world(&wc);
	dnsworld_habit(&l.w, 0)->jitter_ns = 30 * DNSWORLD_MS;
	dnsworld_habit(&l.w, 1)->jitter_ns = 30 * DNSWORLD_MS;
	for (unsigned i = 0; i < MANY; i++)
		assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A, 0) > 0);
	dnsworld_settle(&l.w);
	assert_true(dnsworld_run(&l.w, 30 * DNSWORLD_S));
	for (unsigned i = 0; i < MANY; i++)
		assert_right(i);
	/* Each had a port of its own. */
	memset(port, 0, sizeof(port));
	for (unsigned i = 0; i < MANY; i++) {
		same += port[look[i].first.local_port];
		port[look[i].first.local_port] = 1;
	}
	assert_int_equal(same, 0);
	dnslook_close(&l);
}

/* ---- servers that are dead ---- */

TEST(a_dead_server_costs_the_first_lookup_a_moment_and_later_ones_nothing, "D1034-7 D1123-17")
{
	struct dnsworld_conf wc;
	uint64_t total = 0;

	for (unsigned how = 0; how < 2; how++) {
		defaults(&wc, 11 + how);
		open_world(&wc);
		if (how == 0)
			dnsworld_habit(&l.w, 0)->silent = true;
		else
			dnsworld_habit(&l.w, 0)->refuse = true;
		dnsworld_serve(&l.w, 0);
		assert_int_equal(dnslook_now(&l, &look[0], name_of(0)), DNS_OK);
		assert_right(0);
		tapir_test_say("first lookup with a %s server: %.1f ms",
			       how ? "refusing" : "silent", (double)look[0].took_ns / 1e6);
		/* The path's own 10 ms, and at most 300. */
		assert_true(look[0].took_ns <= 310 * DNSWORLD_MS);
		total = 0;
		for (unsigned i = 1; i <= 100; i++) {
			assert_int_equal(dnslook_now(&l, &look[i], name_of(i)), DNS_OK);
			total += look[i].took_ns;
			dnsworld_pass(&l.w, 100 * DNSWORLD_MS);
		}
		tapir_test_say("later lookups: %.2f ms on the average", (double)total / 100 / 1e6);
		assert_true(total / 100 <= 11 * DNSWORLD_MS);
		dnslook_close(&l);
	}
}

TEST(a_dead_server_is_asked_again_later_and_taken_back, "")
{
	struct dnsworld_conf wc;
	struct dns_server_info info;
	size_t before, during;

	defaults(&wc, 21);
	l.conf.cache_bytes = 0;
	open_world(&wc);
	dnsworld_habit(&l.w, 0)->silent = true;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(dnslook_now(&l, &look[i], name_of(i)), DNS_OK);
		dnsworld_pass(&l.w, DNSWORLD_S);
	}
	assert_int_equal(dns_server_get(l.d, 0, &info), 0);
	assert_true(info.dead);
	before = dnsworld_count(&l.w, 0, false);
	/* An hour of lookups: it is tried now and then, and nobody waits for it. */
	for (unsigned i = 0; i < 360; i++) {
		assert_int_equal(dnslook_now(&l, &look[i], name_of(i)), DNS_OK);
		assert_true(look[i].took_ns <= 60 * DNSWORLD_MS);
		dnsworld_pass(&l.w, 10 * DNSWORLD_S);
	}
	during = dnsworld_count(&l.w, 0, false) - before;
	tapir_test_say("%zu probes of a dead server in an hour", during);
	assert_in_range(during, 2, 360);
	/* It comes back, and has its share again when the other one goes. */
	dnsworld_habit(&l.w, 0)->silent = false;
	for (unsigned i = 0; i < 120; i++) {
		assert_int_equal(dnslook_now(&l, &look[i], name_of(i)), DNS_OK);
		dnsworld_pass(&l.w, 10 * DNSWORLD_S);
	}
	assert_int_equal(dns_server_get(l.d, 0, &info), 0);
	assert_false(info.dead);
	dnsworld_habit(&l.w, 1)->silent = true;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(dnslook_now(&l, &look[i], name_of(i)), DNS_OK);
	dnslook_close(&l);
}

TEST(when_all_servers_are_dead_it_ends_in_time_and_with_few_packets, "D9520-1 DN-25 D1123-10")
{
	struct dnsworld_conf wc;

	for (unsigned how = 0; how < 3; how++) {
		defaults(&wc, 31 + how);
		wc.nservers = 3;
		open_world(&wc);
		for (unsigned i = 0; i < 3; i++) {
			dnsworld_habit(&l.w, i)->silent = how != 1;
			dnsworld_habit(&l.w, i)->refuse = how == 1;
			dnsworld_serve(&l.w, i);
		}
		assert_true(dnslook_ask(&l, &look[0], name_of(0), DNS_TYPE_A,
					how == 2 ? DNS_Q_TCP : 0) > 0);
		assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
		assert_true(look[0].status == (how == 1 ? DNS_UNREACHABLE : DNS_TIMEOUT));
		assert_true(look[0].took_ns <= 10 * DNSWORLD_S + DNSWORLD_MS);
		for (unsigned i = 0; i < 3; i++) {
			assert_true(dnsworld_count(&l.w, (int)i, false) <= 3);
			assert_true(dnsworld_count(&l.w, (int)i, true) <= 3);
		}
		tapir_test_say("all %s: %.0f ms, %zu queries over UDP, %zu over TCP, %llu frames",
			       how == 1 ? "refuse" : "silent", (double)look[0].took_ns / 1e6,
			       dnsworld_count(&l.w, -1, false), dnsworld_count(&l.w, -1, true),
			       (unsigned long long)l.w.frames);
		assert_true(l.w.frames <= 60);
		/* Nothing goes on behind it. */
		size_t seen = l.w.nseen;
		dnsworld_pass(&l.w, 3 * DNSWORLD_S);
		assert_int_equal(l.w.nseen, seen);
		dnslook_close(&l);
	}
}

TEST(a_thousand_questions_to_dead_servers_are_no_flood, "D9520-1")
{
	struct dnsworld_conf wc;

	defaults(&wc, 41);
	open_world(&wc);
	for (unsigned i = 0; i < 2; i++)
		dnsworld_habit(&l.w, i)->silent = true;
	for (unsigned i = 0; i < MANY; i++)
		assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A, 0) > 0);
	assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(look[i].status, DNS_TIMEOUT);
		assert_true(dnsworld_count_name(&l.w, name_of(i), 0) <= 2 * 3);
		assert_true(look[i].took_ns <= 10 * DNSWORLD_S + DNSWORLD_MS);
	}
	tapir_test_say("1000 questions, two dead servers: %zu queries", l.w.nseen);
	dnslook_close(&l);
}

/* ---- the stack below it ---- */

TEST(an_interface_that_goes_and_comes_costs_the_questions_of_that_time, "")
{
	struct dnsworld_conf wc;

	defaults(&wc, 61);
	open_world(&wc);
	assert_int_equal(dnslook_now(&l, &look[0], name_of(0)), DNS_OK);
	for (unsigned i = 1; i < 20; i++)
		assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A,
					i & 1 ? DNS_Q_TCP : 0) > 0);
	dnsworld_pass(&l.w, 3 * DNSWORLD_MS);
	assert_int_equal(tapir_netif_down(l.w.t, l.w.ifi), 0);
	for (unsigned i = 20; i < 40; i++)
		assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A,
					i & 1 ? DNS_Q_TCP : 0) > 0);
	assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
	for (unsigned i = 1; i < 40; i++)
		assert_true(look[i].over && look[i].status != DNS_OK &&
			    look[i].took_ns <= 11 * DNSWORLD_S);
	assert_int_equal(tapir_netif_up(l.w.t, l.w.ifi), 0);
	/* Failures are remembered for a moment (RFC 9520), servers' for longer; then it is as ever. */
	dnsworld_pass(&l.w, 10 * DNSWORLD_S);
	for (unsigned i = 1; i < 40; i++) {
		assert_int_equal(dnslook_now(&l, &look[i], name_of(i)), DNS_OK);
		assert_right(i);
	}
	dnslook_close(&l);
}

TEST(a_full_socket_table_ends_some_questions_and_harms_none, "")
{
	struct dnsworld_conf wc;
	unsigned good = 0;

	defaults(&wc, 62);
	wc.stack.max_sockets = 20;
	l.conf.cache_bytes = 0;
	open_world(&wc);
	for (unsigned i = 0; i < 200; i++)
		assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A, 0) > 0);
	assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
	for (unsigned i = 0; i < 200; i++) {
		assert_true(look[i].over);
		good += look[i].status == DNS_OK;
		if (look[i].status == DNS_OK)
			assert_right(i);
	}
	tapir_test_say("20 sockets, 200 questions: %u answered", good);
	assert_true(good >= 20);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(dnslook_now(&l, &look[i], name_of(i)), DNS_OK);
	dnslook_close(&l);
}

TEST(a_short_transmit_queue_delays_questions_and_loses_none, "")
{
	struct dnsworld_conf wc;

	defaults(&wc, 63);
	wc.txq_bytes = 4000;
	wc.link.rate_bps = 10000000;
	wc.link.queue_bytes = 4000;
	wc.link.backpressure = true;
	open_world(&wc);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A, 0) > 0);
	assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
	for (unsigned i = 0; i < MANY; i++)
		assert_right(i);
	dnslook_close(&l);
}

TEST(a_leap_of_the_clock_ends_what_was_under_way, "")
{
	struct dnsworld_conf wc;

	for (unsigned tcp = 0; tcp < 2; tcp++) {
		defaults(&wc, 64 + tcp);
		open_world(&wc);
		for (unsigned i = 0; i < 50; i++)
			assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A,
						tcp ? DNS_Q_TCP : 0) > 0);
		dnsworld_pass(&l.w, 2 * DNSWORLD_MS);
		/* The machine slept for a day. */
		l.w.now_ns += 86400 * DNSWORLD_S;
		dnsworld_settle(&l.w);
		assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
		for (unsigned i = 0; i < 50; i++)
			assert_true(look[i].over);
		dnsworld_pass(&l.w, 10 * DNSWORLD_S);
		for (unsigned i = 0; i < 50; i++)
			assert_int_equal(dnslook_now(&l, &look[i], name_of(i)), DNS_OK);
		dnslook_close(&l);
	}
}

/* ---- its end at any moment ---- */

/* Many lookups of which every third is given up at some moment. Every other one ends. */
static void cancelling(uint64_t seed)
{
	struct dnsworld_conf wc;
	unsigned cancelled = 0, over = 0;
	struct rnd r = {seed};

	defaults(&wc, seed);
	wc.link.loss_ppm = 100000;
	wc.link.reorder_ppm = 100000;
	wc.link.reorder_ns = 50 * DNSWORLD_MS;
	open_world(&wc);
	dnsworld_habit(&l.w, 0)->jitter_ns = 40 * DNSWORLD_MS;
	dnsworld_habit(&l.w, 1)->tc = seed & 1;
	dnsworld_habit(&l.w, 1)->tcp_reverse = true;
	for (unsigned i = 0; i < 300; i++) {
		/* Some ask the same at the same time. */
		unsigned type = rnd_below(&r, 4) ? DNS_TYPE_A : DNS_TYPE_AAAA;
		unsigned flags = rnd_below(&r, 8) ? 0 : DNS_Q_TCP;

		assert_true(dnslook_ask(&l, &look[i], name_of(rnd_below(&r, 100)), (uint16_t)type,
					flags) > 0);
		dnsworld_pass(&l.w, rnd_u64(&r) % (5 * DNSWORLD_MS));
		for (unsigned k = 0; k < 3; k++) {
			unsigned at = i - rnd_below(&r, i + 1 < 8 ? i + 1 : 8);

			if (look[at].id && rnd_below(&r, 4) == 0) {
				assert_int_equal(dnslook_cancel(&look[at]), 0);
				cancelled++;
			}
		}
	}
	assert_int_equal(dns_cancel(l.d, 1 << 30), -ENOENT);
	/* Half of the time it is all over at once. */
	if (seed & 2) {
		l.w.busy = 0;
		dnslook_close(&l);
		return;
	}
	assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
	for (unsigned i = 0; i < 300; i++) {
		over += look[i].over;
		assert_int_equal(look[i].id, 0);
	}
	assert_int_equal(over + cancelled, 300);
	assert_true(cancelled > 50);
	dnslook_close(&l);
}

TEST(lookups_are_given_up_at_any_moment, "")
{
	for (unsigned seed = 0; seed < long_runs(12, 400); seed++)
		cancelling(1000 + seed);
}

/* What done() does: asks the same again, three times for each, and gives a neighbour up now and then. */
static void again(struct look *k)
{
	unsigned i = (unsigned)(k - look), *left = k->ctx;
	struct look *neighbour = &look[(i + 7) % 100];

	if (*left % 5 == 0 && neighbour->id > 0)
		assert_int_equal(dnslook_cancel(neighbour), 0);
	if (*left > 0) {
		(*left)--;
		assert_true(dnslook_ask(&l, k, name_of(i + *left), DNS_TYPE_A,
					*left & 1 ? DNS_Q_TCP : 0) > 0);
	}
}

TEST(callbacks_ask_and_give_up_while_cookies_and_connections_fail, "DN-15")
{
	static unsigned left[100];
	struct dnsworld_conf wc;

	for (unsigned seed = 0; seed < long_runs(10, 200); seed++) {
		defaults(&wc, 700 + seed);
		wc.link.loss_ppm = 20000;
		open_world(&wc);
		for (unsigned i = 0; i < 2; i++) {
			struct dnsworld_habit *h = dnsworld_habit(&l.w, i);

			h->cookies = h->want_cookie = true;
			h->tcp_close_after_one = i == 0;
			h->tcp_close = i == 1;
			h->tcp_reverse = true;
		}
		for (unsigned i = 0; i < 100; i++) {
			left[i] = 3;
			look[i].after = again;
			look[i].ctx = &left[i];
			assert_true(dnslook_ask(&l, &look[i], name_of(i), DNS_TYPE_A,
						i & 1 ? DNS_Q_TCP : 0) > 0);
			/* Cookies given so far are void. */
			if (i % 10 == 0)
				dnsworld_habit(&l.w, i / 10 & 1)->secret++;
			dnsworld_pass(&l.w, i % 3 * DNSWORLD_MS);
		}
		assert_true(dnsworld_run(&l.w, 120 * DNSWORLD_S));
		assert_true(l.told > 200);
		dnslook_close(&l);
		memset(look, 0, sizeof(look));
	}
}

/* One run with the n-th allocation failing; false: there was no n-th. */
static bool without_memory(uint64_t n, bool stack)
{
	struct dnsworld_conf wc;
	struct test_alloc *a;
	bool failed;

	defaults(&wc, 5);
	wc.link.jitter_ns = DNSWORLD_MS;
	open_world(&wc);
	a = stack ? &l.w.stack_alloc : &l.w.alloc;
	a->fail_at = a->calls + n;
	dnsworld_habit(&l.w, 0)->tc = true;
	dnsworld_habit(&l.w, 1)->cookies = true;
	dnsworld_cname(&l.w, "alias.example.", 60, "www.example.");
	dnsworld_a(&l.w, "www.example.", 60, TAPIR_IP4(192, 0, 2, 1));
	for (unsigned i = 0; i < 6; i++) {
		static const char *const names[] = {"alias.example", "www.example",
						    "no.example",    "host-1.any.example",
						    "alias.example", "host-2.any.example"};

		memset(&look[i], 0, sizeof(look[i]));
		if (dnslook_ask(&l, &look[i], names[i], DNS_TYPE_A, 0) < 0)
			assert_int_equal(look[i].id, -ENOMEM);
		if (i == 3)
			dnsworld_pass(&l.w, 30 * DNSWORLD_MS);
	}
	assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
	failed = a->failed > 0;
	for (unsigned i = 0; i < 6; i++) {
		if (look[i].over && look[i].status == DNS_OK)
			assert_true(look[i].nrecords == 1 && i != 2);
	}
	/* With memory again it works as if nothing had been. */
	a->fail_at = 0;
	dnsworld_pass(&l.w, 400 * DNSWORLD_S);
	assert_int_equal(dnslook_now(&l, &look[0], "alias.example"), DNS_OK);
	assert_int_equal(look[0].ip4, TAPIR_IP4(192, 0, 2, 1));
	dnslook_close(&l);
	return failed;
}

TEST(every_allocation_may_fail, "")
{
	for (unsigned stack = 0; stack < 2; stack++) {
		uint64_t n = 1;

		while (without_memory(n, stack))
			n++;
		tapir_test_say("%u allocations of the %s failed one by one", (unsigned)n - 1,
			       stack ? "stack" : "resolver");
		assert_true(n > 10);
	}
}

TEST(a_resolver_that_can_t_be_made_leaves_nothing, "")
{
	struct dnsworld_conf wc;

	for (uint64_t n = 1;; n++) {
		int err;

		defaults(&wc, 5);
		dnsworld_open(&l.w, &wc);
		l.conf.server[0] = dnsworld_addr(&l.w, 0);
		l.conf.nservers = 1;
		l.w.alloc.fail_at = n;
		err = dns_create(&l.d, l.w.t, &l.w.env, &l.conf, l.w.seed);
		if (!err) {
			dns_destroy(l.d);
			assert_true(n > 1);
		}
		dnsworld_close(&l.w);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
	}
}

/* ---- the same again ---- */

static uint64_t replayed(uint64_t seed, enum test_alloc_mode mode, uint64_t *frames)
{
	struct dnsworld_conf wc;
	uint64_t hash;

	defaults(&wc, seed);
	wc.mode = mode;
	wc.link.loss_ppm = 100000;
	wc.link.dup_ppm = 50000;
	wc.link.reorder_ppm = 100000;
	wc.link.reorder_ns = 10 * DNSWORLD_MS;
	wc.nservers = 3;
	open_world(&wc);
	dnsworld_habit(&l.w, 0)->tc = true;
	dnsworld_habit(&l.w, 1)->cookies = true;
	dnsworld_habit(&l.w, 1)->want_cookie = true;
	dnsworld_habit(&l.w, 2)->formerr_edns = true;
	for (unsigned i = 0; i < 200; i++) {
		assert_true(dnslook_ask(&l, &look[i], name_of(i % 150), DNS_TYPE_A, 0) > 0);
		dnsworld_pass(&l.w, (i % 7) * DNSWORLD_MS);
		if (i % 9 == 8 && look[i - 4].id)
			dnslook_cancel(&look[i - 4]);
	}
	assert_true(dnsworld_run(&l.w, 60 * DNSWORLD_S));
	dnsworld_pass(&l.w, 60 * DNSWORLD_S);
	hash = l.w.hash;
	*frames = l.w.frames;
	dnslook_close(&l);
	return hash;
}

TEST(a_seed_replays_to_the_byte_under_any_allocator, "")
{
	for (unsigned seed = 0; seed < long_runs(2, 30); seed++) {
		uint64_t frames[4];
		uint64_t plain = replayed(seed, TEST_ALLOC_PLAIN, &frames[0]);

		assert_true(replayed(seed, TEST_ALLOC_PLAIN, &frames[1]) == plain);
		assert_true(replayed(seed, TEST_ALLOC_REVERSE, &frames[2]) == plain);
		assert_true(replayed(seed, TEST_ALLOC_GAPS, &frames[3]) == plain);
		assert_true(frames[0] > 200);
		assert_true(frames[0] == frames[1] && frames[1] == frames[2] &&
			    frames[2] == frames[3]);
		assert_true(replayed(seed + 5000, TEST_ALLOC_PLAIN, &frames[1]) != plain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups_survive_loss_reordering_and_duplication),
		cmocka_unit_test(over_tcp_loss_costs_time_and_no_answer),
		cmocka_unit_test(a_thousand_questions_at_once_are_all_answered),
		cmocka_unit_test(
			a_dead_server_costs_the_first_lookup_a_moment_and_later_ones_nothing),
		cmocka_unit_test(a_dead_server_is_asked_again_later_and_taken_back),
		cmocka_unit_test(when_all_servers_are_dead_it_ends_in_time_and_with_few_packets),
		cmocka_unit_test(a_thousand_questions_to_dead_servers_are_no_flood),
		cmocka_unit_test(an_interface_that_goes_and_comes_costs_the_questions_of_that_time),
		cmocka_unit_test(a_full_socket_table_ends_some_questions_and_harms_none),
		cmocka_unit_test(a_short_transmit_queue_delays_questions_and_loses_none),
		cmocka_unit_test(a_leap_of_the_clock_ends_what_was_under_way),
		cmocka_unit_test(lookups_are_given_up_at_any_moment),
		cmocka_unit_test(callbacks_ask_and_give_up_while_cookies_and_connections_fail),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(a_resolver_that_can_t_be_made_leaves_nothing),
		cmocka_unit_test(a_seed_replays_to_the_byte_under_any_allocator),
	};

	return tapir_test_run("sim/test_dns", tests);
}
