/*
 * The resolver's life and its queries': ids, callbacks, joining, cancelling, deadlines, memory that fails.
 */
#include "dns/addrinfo.h"
#include "tests/support/rnd.h"
#include "tests/unit/dns/fakenet.h"

TEST(a_query_is_asked_answered_and_told_once, "")
{
	struct world w;

	world_open(&w, NULL);
	int64_t id = ask(&w, "www.example", DNS_TYPE_A, 0);
	settle(&w);
	assert_int_equal(w.ngot, 0);
	assert_int_equal(fake_asks, 1);
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	struct got *g = got(&w, 0);
	assert_int_equal(g->id, id);
	assert_int_equal(g->status, DNS_OK);
	assert_int_equal(g->source, DNS_FROM_SERVER);
	assert_int_equal(tapir_addr_to_v4(&g->addr), TAPIR_IP4(192, 0, 2, 1));
	assert_true(name_is(&g->asked.name, "www.example"));
	assert_true(name_is(&g->canonical, "www.example"));
	pass(&w, 60 * SECOND);
	assert_int_equal(w.ngot, 1);
	assert_int_equal(dns_cancel(w.d, id), -ENOENT);
	world_close(&w);
}

TEST(addresses_names_and_any_other_type_are_asked_for, "D1034-6")
{
	static const uint8_t txt[] = "\5hello";
	struct dns_name host = name_of("host.example");
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "9.2.0.192.in-addr.arpa", DNS_TYPE_PTR, 0);
	reply_to(&r, fake_asked("9.2.0.192.in-addr.arpa", DNS_TYPE_PTR));
	reply_rr(&r, DNS_ANSWER, "9.2.0.192.in-addr.arpa", DNS_TYPE_PTR, 60, host.b, host.len);
	reply_send(&w, &r);
	ask(&w, "t.example", DNS_TYPE_TXT, 0);
	reply_to(&r, fake_asked("t.example", DNS_TYPE_TXT));
	reply_rr(&r, DNS_ANSWER, "t.example", DNS_TYPE_TXT, 60, txt, 6);
	reply_send(&w, &r);
	ask(&w, "u.example", 65280, 0);
	reply_to(&r, fake_asked("u.example", 65280));
	reply_rr(&r, DNS_ANSWER, "u.example", 65280, 60, txt, 6);
	reply_send(&w, &r);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(got(&w, i)->status, DNS_OK);
		assert_int_equal(got(&w, i)->answers, 1);
	}
	world_close(&w);
}

TEST(a_callback_is_never_called_from_within_the_call, "")
{
	struct world w;

	world_open(&w, NULL);
	ask(&w, "localhost", DNS_TYPE_A, 0);
	assert_int_equal(w.ngot, 0);
	assert_true(dns_next_deadline(w.d) <= w.now);
	dns_advance(w.d);
	assert_int_equal(w.ngot, 1);
	assert_int_equal(dns_next_deadline(w.d), TAPIR_NEVER);
	world_close(&w);
}

TEST(four_ways_to_end_have_four_codes, "D1123-11 D1123-19")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "is.example", DNS_TYPE_A, 0);
	ask(&w, "nodata.example", DNS_TYPE_A, 0);
	ask(&w, "none.example", DNS_TYPE_A, 0);
	ask(&w, "fail.example", DNS_TYPE_A, 0);
	ask(&w, "silent.example", DNS_TYPE_A, 0);
	ask(&w, "refused.example", DNS_TYPE_A, 0);
	answer_a(&w, "is.example", 60, TAPIR_IP4(192, 0, 2, 1));
	answer_nodata(&w, "nodata.example", DNS_TYPE_A, 60);
	answer_nxdomain(&w, "none.example", DNS_TYPE_A, 60);
	reply_rcode(&r, fake_asked("fail.example", DNS_TYPE_A), DNS_RCODE_SERVFAIL);
	reply_ede(&r, 22, "no\nanswer\x80");
	reply_end(&r, DNS_SERVFAIL);
	answer_fail(&w, "refused.example", DNS_TYPE_A, DNS_REFUSED);
	pass(&w, 20 * SECOND);
	assert_int_equal(w.ngot, 6);
	assert_int_equal(got(&w, 0)->status, DNS_OK);
	assert_int_equal(got(&w, 1)->status, DNS_NODATA);
	assert_int_equal(got(&w, 1)->rcode, DNS_RCODE_NOERROR);
	assert_int_equal(got(&w, 2)->status, DNS_NXDOMAIN);
	assert_int_equal(got(&w, 2)->rcode, DNS_RCODE_NXDOMAIN);
	assert_int_equal(got(&w, 3)->status, DNS_SERVFAIL);
	assert_int_equal(got(&w, 4)->status, DNS_REFUSED);
	assert_int_equal(got(&w, 5)->status, DNS_TIMEOUT);
	world_close(&w);
}

TEST(an_extended_error_is_told_with_a_text_fit_for_people, "D8914-1")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "fail.example", DNS_TYPE_A, 0);
	reply_rcode(&r, fake_asked("fail.example", DNS_TYPE_A), DNS_RCODE_SERVFAIL);
	reply_ede(&r, 22, "no\nanswer\x80 \xc3\xa9\xed\xa0\x80\\");
	reply_end(&r, DNS_SERVFAIL);
	assert_int_equal(got(&w, 0)->ede, 22);
	assert_string_equal(got(&w, 0)->ede_text,
			    "no\\x0aanswer\\x80 \xc3\xa9\\xed\\xa0\\x80\\x5c");
	/* however long */
	char long_text[190], name[] = "x.example";
	for (unsigned n = 100; n < 190; n++) {
		memset(long_text, n & 1 ? 'a' : '\n', n);
		long_text[n - 1] = '\0';
		name[0] = (char)('0' + n % 10);
		ask(&w, name, DNS_TYPE_A, DNS_Q_NO_CACHE);
		reply_rcode(&r, fake_asked(name, DNS_TYPE_A), DNS_RCODE_SERVFAIL);
		reply_ede(&r, 22, long_text);
		reply_end(&r, DNS_SERVFAIL);
		struct got *g = got(&w, n - 99);
		assert_true(memchr(g->ede_text, '\0', sizeof(g->ede_text)) != NULL);
		assert_true(strlen(g->ede_text) >= 98);
	}
	/* of the cached failure the code is left */
	struct got *g = at_once(&w, "fail.example", DNS_TYPE_A, 0);
	assert_int_equal(g->status, DNS_SERVFAIL);
	assert_int_equal(g->ede, 22);
	world_close(&w);
}

TEST(a_hundred_equal_questions_are_one_on_the_wire, "D5452-9 DN-02")
{
	struct world w;
	struct dns_stats st;

	world_open(&w, NULL);
	for (unsigned i = 0; i < 100; i++)
		ask(&w, i % 2 ? "WWW.example" : "www.EXAMPLE", DNS_TYPE_A, 0);
	ask(&w, "www.example", DNS_TYPE_AAAA, 0);
	ask(&w, "www2.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 3);
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(w.ngot, 100);
	assert_false(got(&w, 0)->joined);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(got(&w, i)->status, DNS_OK);
		assert_true(i == 0 || got(&w, i)->joined);
	}
	dns_stats_get(w.d, &st);
	assert_int_equal(st.joined, 99);
	assert_int_equal(st.outstanding, 2);
	world_close(&w);
}

TEST(questions_whose_flags_matter_are_not_joined, "")
{
	static const unsigned flags[] = {0,	      DNS_Q_TCP, DNS_Q_DO,     DNS_Q_CD,
					 DNS_Q_NO_RD, DNS_Q_RAW, DNS_Q_NO_EDNS};
	struct world w;

	world_open(&w, NULL);
	for (unsigned i = 0; i < 7; i++)
		ask(&w, "www.example", DNS_TYPE_A, flags[i]);
	assert_int_equal(fake_asks, 7);
	/* that one of them is not cached is nothing to the wire */
	ask(&w, "www.example", DNS_TYPE_A, DNS_Q_NO_CACHE);
	assert_int_equal(fake_asks, 7);
	world_close(&w);
}

TEST(an_exchange_goes_on_while_anyone_waits_and_ends_when_none_does, "D5452-9")
{
	struct world w;
	int64_t id[3];

	world_open(&w, NULL);
	for (unsigned i = 0; i < 3; i++)
		id[i] = ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(dns_cancel(w.d, id[0]), 0);
	assert_int_equal(dns_cancel(w.d, id[0]), -ENOENT);
	assert_non_null(fake_find("www.example", DNS_TYPE_A));
	assert_int_equal(dns_cancel(w.d, id[2]), 0);
	answer_a(&w, "www.example", 0, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(w.ngot, 1);
	assert_int_equal(got(&w, 0)->id, id[1]);
	id[0] = ask(&w, "www.example", DNS_TYPE_A, 0);
	id[1] = ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 2);
	dns_cancel(w.d, id[1]);
	dns_cancel(w.d, id[0]);
	assert_null(fake_find("www.example", DNS_TYPE_A));
	assert_int_equal(dns_next_deadline(w.d), TAPIR_NEVER);
	world_close(&w);
}

TEST(each_of_the_joined_has_its_own_deadline, "D5452-9")
{
	struct world w;

	world_open(&w, NULL);
	uint64_t began = w.now;
	ask_for(&w, "www.example", DNS_TYPE_A, 0, 3000);
	ask_for(&w, "www.example", DNS_TYPE_A, 0, 1000);
	ask_for(&w, "www.example", DNS_TYPE_A, 0, 2000);
	assert_int_equal(dns_next_deadline(w.d), began + SECOND);
	pass(&w, 5 * SECOND);
	assert_int_equal(w.ngot, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(got(&w, i)->status, DNS_TIMEOUT);
		assert_int_equal(got(&w, i)->at_ns, began + (i + 1) * SECOND);
	}
	assert_int_equal(fake_asks, 1);
	world_close(&w);
}

TEST(who_joined_and_has_more_time_asks_again_on_its_own, "D5452-9")
{
	struct world w;

	world_open(&w, NULL);
	ask_for(&w, "www.example", DNS_TYPE_A, 0, 100);
	ask_for(&w, "www.example", DNS_TYPE_A, 0, 8000);
	pass(&w, 200 * MILLI);
	assert_int_equal(w.ngot, 1);
	assert_int_equal(got(&w, 0)->status, DNS_TIMEOUT);
	assert_int_equal(fake_asks, 2);
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(got(&w, 1)->status, DNS_OK);
	world_close(&w);
}

TEST(ids_are_never_used_twice, "")
{
	struct world w;
	int64_t last = 0;

	world_open(&w, NULL);
	for (unsigned i = 0; i < 3000; i++) {
		int64_t id = ask(&w, "www.example", DNS_TYPE_A, 0);

		assert_true(id > last);
		last = id;
		assert_int_equal(dns_cancel(w.d, id), 0);
		assert_int_equal(dns_cancel(w.d, id), -ENOENT);
	}
	assert_int_equal(dns_cancel(w.d, 0), -ENOENT);
	assert_int_equal(dns_cancel(w.d, -1), -ENOENT);
	assert_int_equal(dns_cancel(w.d, INT64_MAX), -ENOENT);
	world_close(&w);
}

static int64_t others[4];

static void cancel_all(struct world *w, struct got *g)
{
	/* its own is over; the others, over or not, are never told of */
	assert_int_equal(dns_cancel(w->d, g->id), -ENOENT);
	for (unsigned i = 0; i < 4; i++) {
		if (others[i] != g->id)
			assert_int_equal(dns_cancel(w->d, others[i]), 0);
	}
}

TEST(a_callback_may_cancel_any_query_even_one_that_is_over, "")
{
	struct world w;

	world_open(&w, NULL);
	for (unsigned i = 0; i < 3; i++)
		others[i] = ask(&w, "www.example", DNS_TYPE_A, 0);
	others[3] = ask(&w, "other.example", DNS_TYPE_A, 0);
	w.on_done = cancel_all;
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	pass(&w, 30 * SECOND);
	assert_int_equal(w.ngot, 1);
	world_close(&w);
}

static void ask_more(struct world *w, struct got *g)
{
	(void)g;
	if (w->ngot < 50) {
		unsigned n = w->ngot;

		/* from the cache, and from a server */
		ask(w, "www.example", DNS_TYPE_A, 0);
		assert_int_equal(w->ngot, n);
	}
}

TEST(a_callback_may_ask_and_is_not_told_within_itself, "")
{
	struct world w;

	world_open(&w, NULL);
	w.on_done = ask_more;
	ask(&w, "www.example", DNS_TYPE_A, 0);
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(w.ngot, 50);
	assert_int_equal(fake_asks, 1);
	world_close(&w);
}

static void ask_for_ever(struct world *w, struct got *g)
{
	(void)g;
	ask(w, "localhost", DNS_TYPE_A, 0);
}

TEST(a_callback_that_always_asks_again_does_not_hold_the_loop, "")
{
	struct world w;

	world_open(&w, NULL);
	w.on_done = ask_for_ever;
	ask(&w, "localhost", DNS_TYPE_A, 0);
	ask(&w, "localhost", DNS_TYPE_A, 0);
	for (unsigned i = 1; i < 5; i++) {
		dns_advance(w.d);
		assert_int_equal(w.ngot, 2 * i);
		assert_true(dns_next_deadline(w.d) <= w.now);
	}
	w.on_done = NULL;
	world_close(&w);
}

TEST(a_query_that_nobody_popped_holds_no_exchange, "D5452-9")
{
	struct dns_query q = {.q = {name_of("www.example"), DNS_TYPE_A, 0}, .timeout_ms = 1000};
	struct dns_reply r;
	struct world w;

	world_open(&w, NULL);
	int64_t first = ask_for(&w, "www.example", DNS_TYPE_A, 0, 8000);
	assert_true(dns_query(w.d, &q) > 0);
	dns_cancel(w.d, first);
	assert_non_null(fake_find("www.example", DNS_TYPE_A));
	pass(&w, 2 * SECOND);
	assert_null(fake_find("www.example", DNS_TYPE_A));
	assert_true(dns_pop(w.d, &r) > 0);
	assert_int_equal(r.status, DNS_TIMEOUT);
	assert_true(r.story->joined);
	world_close(&w);
}

TEST(without_a_callback_queries_are_popped, "")
{
	const struct dns_query q = {.q = {name_of("localhost"), DNS_TYPE_A, DNS_CLASS_IN}};
	struct dns_query p = {.q = {name_of("www.example"), DNS_TYPE_A, 0}};
	struct dns_reply r;
	struct world w;

	world_open(&w, NULL);
	assert_int_equal(dns_pop(w.d, &r), 0);
	int64_t a = dns_query(w.d, &q), b = dns_query(w.d, &p), c = dns_query(w.d, &q);
	assert_true(dns_next_deadline(w.d) <= w.now);
	settle(&w);
	assert_int_equal(dns_pop(w.d, &r), a);
	assert_int_equal(r.status, DNS_OK);
	assert_int_equal(r.story->source, DNS_FROM_SPECIAL);
	assert_int_equal(dns_cancel(w.d, a), -ENOENT);
	/* over and not popped: still to be cancelled */
	assert_int_equal(dns_cancel(w.d, c), 0);
	assert_int_equal(dns_pop(w.d, &r), 0);
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(dns_pop(w.d, &r), b);
	assert_int_equal(r.asked.class, DNS_CLASS_IN);
	world_close(&w);
}

TEST(not_more_than_max_queries_are_taken, "")
{
	struct dns_conf c;
	struct world w;
	char name[32];

	world_conf(&c);
	c.max_queries = 100;
	world_open(&w, &c);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		ask(&w, name, DNS_TYPE_A, 0);
	}
	assert_int_equal(ask_for(&w, "more.example", DNS_TYPE_A, 0, 0), -EAGAIN);
	answer_a(&w, "n5.example", 60, TAPIR_IP4(192, 0, 2, 1));
	assert_true(ask_for(&w, "more.example", DNS_TYPE_A, 0, 0) > 0);
	world_close(&w);
}

TEST(many_questions_at_once_end_each_on_its_own, "D1123-4")
{
	struct world w;
	char name[32];

	world_open(&w, NULL);
	for (unsigned i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		ask(&w, name, DNS_TYPE_A, 0);
	}
	assert_int_equal(fake_asks, 64);
	for (unsigned i = 64; i-- > 0;) {
		snprintf(name, sizeof(name), "n%u.example", i);
		answer_a(&w, name, 60, TAPIR_IP4(192, 0, 2, i));
		assert_int_equal(w.ngot, 64 - i);
		assert_true(name_is(&got(&w, 63 - i)->asked.name, name));
		assert_int_equal(tapir_addr_to_v4(&got(&w, 63 - i)->addr), TAPIR_IP4(192, 0, 2, i));
	}
	world_close(&w);
}

TEST(a_raw_reply_is_given_whole_whatever_it_says, "")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	/* not even a local name is kept from the server */
	ask(&w, "localhost", DNS_TYPE_A, DNS_Q_RAW | DNS_Q_SEARCH);
	reply_rcode(&r, fake_asked("localhost", DNS_TYPE_A), DNS_RCODE_REFUSED);
	reply_cname(&r, "localhost", 60, "elsewhere.example");
	reply_soa(&r, "elsewhere.example", 60, 60);
	reply_send(&w, &r);
	struct got *g = got(&w, 0);
	assert_int_equal(g->status, DNS_OK);
	assert_int_equal(g->rcode, DNS_RCODE_REFUSED);
	assert_int_equal(g->answers, 1);
	assert_int_equal(fake_asks, 1);
	world_close(&w);
}

TEST(a_resolver_may_go_with_everything_under_way, "")
{
	struct dns_conf c;
	struct world w;
	char name[32];

	world_conf(&c);
	c.nsearch = 1;
	c.search[0] = name_of("corp.example");
	world_open(&w, &c);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "n%u.example", i / 2);
		ask(&w, name, DNS_TYPE_A, i % 3 ? DNS_Q_SEARCH : 0);
	}
	ask(&w, "printer.local", DNS_TYPE_A, 0);
	answer_nxdomain(&w, "n3.example", DNS_TYPE_A, 60);
	ask(&w, "localhost", DNS_TYPE_A, 0);
	world_close(&w);
}

/* A little of everything, with allocation k failing. */
static void a_day(struct world *w)
{
	static const char hosts[] = "192.0.2.7 known.example alias\n";
	struct reply r;
	struct dns_ask *a;

	dns_set_hosts(w->d, hosts, sizeof(hosts) - 1);
	ask_for(w, "known.example", DNS_TYPE_A, 0, 0);
	ask_for(w, "www.example", DNS_TYPE_A, 0, 0);
	ask_for(w, "www.example", DNS_TYPE_A, 0, 0);
	ask_for(w, "host", DNS_TYPE_A, DNS_Q_SEARCH, 0);
	ask_for(w, "printer.local", DNS_TYPE_A, 0, 0);
	settle(w);
	if ((a = fake_find("www.example", DNS_TYPE_A))) {
		reply_to(&r, a);
		reply_cname(&r, "www.example", 60, "cdn.example");
		reply_send(w, &r);
	}
	if ((a = fake_find("cdn.example", DNS_TYPE_A)))
		answer_a(w, "cdn.example", 60, TAPIR_IP4(192, 0, 2, 1));
	if ((a = fake_find("host.corp.example", DNS_TYPE_A)))
		answer_nxdomain(w, "host.corp.example", DNS_TYPE_A, 60);
	pass(w, 30 * SECOND);
	ask_for(w, "www.example", DNS_TYPE_A, 0, 0);
	pass(w, 30 * SECOND);
}

TEST(memory_may_fail_at_any_moment, "")
{
	struct dns_conf c;
	struct world w;
	bool more = true;

	world_conf(&c);
	c.nsearch = 1;
	c.search[0] = name_of("corp.example");
	for (uint64_t k = 1; more; k++) {
		world_open(&w, &c);
		w.alloc.fail_at = w.alloc.calls + k;
		a_day(&w);
		more = w.alloc.failed > 0;
		/* each that was taken is told, once */
		for (unsigned i = 0; i < w.ngot; i++) {
			for (unsigned j = 0; j < i; j++)
				assert_int_not_equal(w.got[i].id, w.got[j].id);
		}
		struct dns_stats st;
		dns_stats_get(w.d, &st);
		assert_int_equal(st.outstanding, 0);
		world_close(&w);
	}
}

TEST(without_memory_there_is_no_resolver_and_nothing_is_left, "")
{
	static const uint8_t seed[TAPIR_SEED_LEN] = {7};
	struct test_alloc al;
	struct dns_conf c;
	struct dns *d = NULL;
	struct world w;
	int v = -ENOMEM;

	world_open(&w, NULL);
	world_conf(&c);
	for (uint64_t k = 1; v < 0; k++) {
		test_alloc_init(&al, TEST_ALLOC_PLAIN);
		al.fail_at = k;
		const struct dns_env env = {
			.mem = {.ctx = &al, .alloc = test_alloc_get, .free = test_alloc_put}};
		v = dns_create(&d, w.t, &env, &c, seed);
		assert_true(v == 0 || v == -ENOMEM);
		if (v == 0)
			dns_destroy(d);
		assert_int_equal(al.live, 0);
		test_alloc_end(&al);
		assert_true(k < 100);
	}
	fake_net = w.net;
	world_close(&w);
}

/* ---- everything at random ---- */

enum { IDS = 4096, NAMES = 24 };

enum fate { FREE, ASKED, TOLD, CANCELLED };

static struct monkey {
	struct world w;
	struct rnd rnd;
	enum fate fate[IDS]; /* by id */
	bool popped_kind[IDS];
	unsigned asked, told, cancelled;
} monkey;

static void monkey_act(struct monkey *m, bool inside);

static void monkey_told(struct monkey *m, int64_t id, bool popped)
{
	assert_in_range(id, 1, IDS - 1);
	/* once, and only if it was asked and not cancelled */
	assert_int_equal(m->fate[id], ASKED);
	assert_int_equal(m->popped_kind[id], popped);
	m->fate[id] = TOLD;
	m->told++;
}

static void monkey_done(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct dns_msg msg;

	monkey_told(ctx, (int64_t)id, false);
	if (r->msg)
		assert_int_equal(dns_msg_decode(&msg, r->msg, r->len, NULL), 0);
	if (rnd_below(&((struct monkey *)ctx)->rnd, 3) == 0)
		monkey_act(ctx, true);
}

static void monkey_addrs(void *ctx, int64_t id, const struct dns_addrs *a)
{
	monkey_told(ctx, id, false);
	assert_true(a->eai == 0 ? a->n > 0 : a->n == 0);
	if (rnd_below(&((struct monkey *)ctx)->rnd, 3) == 0)
		monkey_act(ctx, true);
}

static const char *monkey_name(struct monkey *m, char out[40])
{
	static const char *const odd[] = {"localhost", "x.invalid", "p.local",
					  "192.0.2.1", "box",	    "3.2.0.192.in-addr.arpa"};
	uint32_t i = rnd_below(&m->rnd, NAMES);

	if (i < 6)
		return odd[i];
	snprintf(out, 40, i < 12 ? "n%u" : "n%u.example", i % 6);
	return out;
}

static void monkey_ask(struct monkey *m)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_PTR, DNS_TYPE_ANY};
	static const unsigned flags[] = {0,
					 0,
					 0,
					 DNS_Q_SEARCH,
					 DNS_Q_SEARCH,
					 DNS_Q_NO_CACHE,
					 DNS_Q_RAW,
					 DNS_Q_NO_LOCAL,
					 DNS_Q_DO,
					 DNS_Q_TCP};
	char room[40];
	const char *name = monkey_name(m, room);
	uint32_t timeout_ms = rnd_below(&m->rnd, 3) ? 0 : 1 + rnd_below(&m->rnd, 8000);
	bool pop = rnd_below(&m->rnd, 4) == 0;
	int64_t id;

	if (m->asked >= IDS - 8)
		return;
	if (rnd_below(&m->rnd, 3) == 0) {
		const struct dns_addrs_query q = {.node = name,
						  .timeout_ms = timeout_ms,
						  .done = monkey_addrs,
						  .ctx = m};
		pop = false;
		id = dns_addrs_query(m->w.d, &q);
	} else {
		const struct dns_query q = {.q = {name_of(name), types[rnd_below(&m->rnd, 4)], 0},
					    .flags = flags[rnd_below(&m->rnd, 10)],
					    .timeout_ms = timeout_ms,
					    .done = pop ? NULL : monkey_done,
					    .ctx = m};
		id = dns_query(m->w.d, &q);
	}
	if (id < 0) {
		assert_true(id == -EAGAIN || id == -ENOMEM);
		return;
	}
	m->asked++;
	assert_in_range(id, 1, IDS - 1);
	assert_int_equal(m->fate[id], FREE);
	m->fate[id] = ASKED;
	m->popped_kind[id] = pop;
}

static void monkey_cancel(struct monkey *m)
{
	int64_t id = rnd_below(&m->rnd, IDS);
	int v;

	/* most ids are of nobody: look for one */
	for (unsigned i = 0; i < IDS && m->fate[id] != ASKED; i++)
		id = (id + 1) % IDS;
	v = dns_cancel(m->w.d, id);
	assert_int_equal(v, m->fate[id] == ASKED ? 0 : -ENOENT);
	if (v == 0) {
		m->fate[id] = CANCELLED;
		m->cancelled++;
	}
}

static void monkey_pop(struct monkey *m)
{
	struct dns_reply r;
	int64_t id = dns_pop(m->w.d, &r);

	if (id)
		monkey_told(m, id, true);
}

/* Some question that is out comes to some end. */
static void monkey_reply(struct monkey *m)
{
	static const enum dns_status ends[] = {DNS_SERVFAIL, DNS_TIMEOUT,  DNS_UNREACHABLE,
					       DNS_REFUSED,  DNS_BADREPLY, DNS_NOMEM};
	size_t n = list_count(&fake_net->pending);
	struct dns_ask *a = NULL, *one;
	char owner[DNS_NAME_TEXT_MAX], target[40];
	uint32_t ttl = rnd_below(&m->rnd, 30);
	struct reply r;

	if (!n)
		return;
	n = rnd_below(&m->rnd, (uint32_t)n);
	LIST_FOREACH (one, &fake_net->pending, struct dns_ask, node) {
		if (n-- == 0)
			a = one;
	}
	dns_name_text(&a->q.name, owner);
	reply_rcode(&r, a, DNS_RCODE_NOERROR);
	switch (rnd_below(&m->rnd, 6)) {
	case 0:
		reply_a(&r, owner, ttl, TAPIR_IP4(192, 0, 2, 1));
		break;
	case 1:
		reply_aaaa(&r, owner, ttl, 1);
		break;
	case 2:
		snprintf(target, sizeof(target), "n%u.example", rnd_below(&m->rnd, 6));
		reply_cname(&r, owner, ttl, target);
		break;
	case 3:
		reply_rcode(&r, a, DNS_RCODE_NXDOMAIN);
		reply_soa(&r, ".", ttl, ttl);
		break;
	case 4:
		reply_soa(&r, ".", ttl, ttl);
		break;
	default:
		a->status = ends[rnd_below(&m->rnd, 6)];
		list_del(&a->node);
		list_add_tail(&fake_net->ended, &a->node);
		return;
	}
	reply_end(&r, DNS_OK);
}

static void monkey_settings(struct monkey *m)
{
	struct dns_conf c = *dns_settings(m->w.d);
	struct dns_name under = name_of("n1.example");

	switch (rnd_below(&m->rnd, 6)) {
	case 0:
		c.nsearch = rnd_below(&m->rnd, 3);
		c.search[0] = name_of("corp.test");
		c.search[1] = name_of("example");
		break;
	case 1:
		c.stale_s = rnd_below(&m->rnd, 2) * 60;
		break;
	case 2:
		c.cache_bytes = rnd_below(&m->rnd, 3) * 4096;
		break;
	case 3:
		c.nservers = rnd_below(&m->rnd, 4) ? 1 : 0;
		break;
	case 4:
		dns_cache_forget(m->w.d, rnd_below(&m->rnd, 2) ? &under : NULL);
		return;
	default:
		dns_set_hosts(m->w.d, "192.0.2.3 box\n", rnd_below(&m->rnd, 2) * 14);
		return;
	}
	int v = dns_configure(m->w.d, &c);
	assert_true(v == 0 || v == -ENOMEM);
}

static void monkey_act(struct monkey *m, bool inside)
{
	uint32_t what = rnd_below(&m->rnd, 100);

	if (what < 40)
		monkey_ask(m);
	else if (what < 50)
		monkey_cancel(m);
	else if (what < 60)
		monkey_pop(m);
	else if (what < 90)
		monkey_reply(m);
	else if (what < 93)
		monkey_settings(m);
	else if (what < 95)
		m->w.alloc.fail_at = m->w.alloc.calls + 1 + rnd_below(&m->rnd, 8);
	else if (!inside)
		pass(&m->w, rnd_below(&m->rnd, 4) ? rnd_below(&m->rnd, 100) * MILLI
						  : rnd_below(&m->rnd, 20) * SECOND);
	if (!inside && rnd_below(&m->rnd, 2))
		settle(&m->w);
}

TEST(at_random_each_query_is_told_once_or_cancelled_and_nothing_is_left, "")
{
	struct monkey *m = &monkey;
	struct dns_stats st;
	struct dns_conf c;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		memset(m, 0, sizeof(*m));
		m->rnd.state = seed;
		world_conf(&c);
		c.max_queries = 64;
		world_open(&m->w, &c);
		for (unsigned i = 0; i < 3000; i++)
			monkey_act(m, false);
		if (seed % 2) {
			m->w.alloc.fail_at = 0;
			pass(&m->w, 100 * SECOND);
			for (unsigned i = 0; i < 64; i++)
				monkey_pop(m);
			/* what callbacks asked for in the meantime ends too */
			pass(&m->w, 100 * SECOND);
			for (unsigned i = 0; i < 64; i++)
				monkey_pop(m);
			dns_stats_get(m->w.d, &st);
			assert_int_equal(m->asked, m->told + m->cancelled + st.outstanding);
		}
		world_close(&m->w);
	}
}

TEST(settings_out_of_range_are_refused_and_change_nothing, "")
{
	struct dns_conf c;
	struct world w;

	world_open(&w, NULL);
	world_conf(&c);
	c.attempts = 4; /* RFC 9520 3.1 */
	assert_int_equal(dns_configure(w.d, &c), -EINVAL);
	world_conf(&c);
	c.server[0].addr = (struct tapir_addr){{0}};
	assert_int_equal(dns_configure(w.d, &c), -EINVAL);
	world_conf(&c);
	c.nservers = DNS_SERVERS_MAX + 1;
	assert_int_equal(dns_configure(w.d, &c), -EINVAL);
	assert_int_equal(dns_settings(w.d)->attempts, 2);
	struct dns_query q = {.q = {.type = DNS_TYPE_A}};
	assert_int_equal(dns_query(w.d, &q), -EINVAL);
	world_close(&w);
}

TEST(other_servers_begin_with_an_empty_cache_and_the_old_answers_still_count, "")
{
	struct dns_conf c;
	struct world w;

	world_open(&w, NULL);
	world_conf(&c);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	answer_a(&w, "www.example", 600, TAPIR_IP4(192, 0, 2, 1));
	c.timeout_ms = 1000;
	assert_int_equal(dns_configure(w.d, &c), 0);
	at_once(&w, "www.example", DNS_TYPE_A, 0);
	ask(&w, "slow.example", DNS_TYPE_A, 0);
	c.server[0] = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 54), 53);
	assert_int_equal(dns_configure(w.d, &c), 0);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 3);
	answer_a(&w, "slow.example", 600, TAPIR_IP4(192, 0, 2, 2));
	assert_int_equal(got(&w, 2)->status, DNS_OK);
	world_close(&w);
}

TEST(without_a_server_a_query_says_so_at_once, "")
{
	struct dns_conf c;
	struct world w;

	world_conf(&c);
	c.nservers = 0;
	world_open(&w, &c);
	assert_int_equal(at_once(&w, "www.example", DNS_TYPE_A, 0)->status, DNS_NOSERVER);
	assert_int_equal(at_once(&w, "localhost", DNS_TYPE_A, 0)->status, DNS_OK);
	/* one that is named will do */
	struct dns_query q = {.q = {name_of("www.example"), DNS_TYPE_A, 0},
			      .server = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 9), 0),
			      .done = on_done,
			      .ctx = &w};
	assert_true(dns_query(w.d, &q) > 0);
	assert_int_equal(fake_asked("www.example", DNS_TYPE_A)->server.port, 53);
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(got(&w, 2)->status, DNS_OK);
	world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_is_asked_answered_and_told_once),
		cmocka_unit_test(addresses_names_and_any_other_type_are_asked_for),
		cmocka_unit_test(a_callback_is_never_called_from_within_the_call),
		cmocka_unit_test(four_ways_to_end_have_four_codes),
		cmocka_unit_test(an_extended_error_is_told_with_a_text_fit_for_people),
		cmocka_unit_test(a_hundred_equal_questions_are_one_on_the_wire),
		cmocka_unit_test(questions_whose_flags_matter_are_not_joined),
		cmocka_unit_test(an_exchange_goes_on_while_anyone_waits_and_ends_when_none_does),
		cmocka_unit_test(each_of_the_joined_has_its_own_deadline),
		cmocka_unit_test(who_joined_and_has_more_time_asks_again_on_its_own),
		cmocka_unit_test(ids_are_never_used_twice),
		cmocka_unit_test(a_callback_may_cancel_any_query_even_one_that_is_over),
		cmocka_unit_test(a_callback_may_ask_and_is_not_told_within_itself),
		cmocka_unit_test(a_callback_that_always_asks_again_does_not_hold_the_loop),
		cmocka_unit_test(a_query_that_nobody_popped_holds_no_exchange),
		cmocka_unit_test(without_a_callback_queries_are_popped),
		cmocka_unit_test(not_more_than_max_queries_are_taken),
		cmocka_unit_test(many_questions_at_once_end_each_on_its_own),
		cmocka_unit_test(a_raw_reply_is_given_whole_whatever_it_says),
		cmocka_unit_test(a_resolver_may_go_with_everything_under_way),
		cmocka_unit_test(memory_may_fail_at_any_moment),
		cmocka_unit_test(without_memory_there_is_no_resolver_and_nothing_is_left),
		cmocka_unit_test(
			at_random_each_query_is_told_once_or_cancelled_and_nothing_is_left),
		cmocka_unit_test(settings_out_of_range_are_refused_and_change_nothing),
		cmocka_unit_test(
			other_servers_begin_with_an_empty_cache_and_the_old_answers_still_count),
		cmocka_unit_test(without_a_server_a_query_says_so_at_once),
	};

	return tapir_test_run("unit/dns/test_dns", tests);
}
