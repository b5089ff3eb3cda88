/*
 * Names of the link: one-shot multicast DNS, over two stacks on a simulated link, with a responder and with liars.
 */
#include <errno.h>
#include <stdio.h>

#include "tests/support/dnsworld.h"
#include "tests/unit/dns/names.h"

enum { TOLD_MAX = 32, MDNS_PORT = 5353 };

struct told {
	enum dns_status status;
	uint8_t source, transport, outcome;
	unsigned sent, ignored, answers, naddrs;
	struct tapir_addr addr;
	uint32_t ttl_s;
	uint64_t at_ns;
};

struct fix {
	struct dnsworld w;
	struct dns *d;
	struct told told[TOLD_MAX];
	unsigned ntold;
};

static void begin(struct fix *f, bool responder)
{
	struct dnsworld_conf wc;
	struct dns_conf c;

	memset(f, 0, sizeof(*f));
	dnsworld_conf_default(&wc, 5);
	dnsworld_open(&f->w, &wc);
	if (responder)
		dnsworld_mdns(&f->w);
	dns_conf_default(&c);
	c.nservers = 1;
	c.server[0] = dnsworld_addr(&f->w, 0);
	assert_int_equal(dns_create(&f->d, f->w.t, &f->w.env, &c, f->w.seed), 0);
	dnsworld_bind_dns(&f->w, f->d);
}

static void end(struct fix *f)
{
	dns_destroy(f->d);
	dnsworld_close(&f->w);
}

static void on_done(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct fix *f = ctx;
	struct told *t = &f->told[f->ntold++];
	uint8_t rdata[512];
	struct dns_rr_iter it;
	struct dns_msg m;
	struct dns_rr rr;

	(void)id;
	f->w.busy--;
	t->status = r->status;
	t->source = r->story->source;
	t->at_ns = f->w.now_ns;
	if (r->story->nattempts) {
		t->transport = r->story->attempt[0].transport;
		t->outcome = r->story->attempt[0].outcome;
		t->sent = r->story->attempt[0].sent;
		t->ignored = r->story->attempt[0].ignored;
	}
	if (!r->msg || dns_msg_decode(&m, r->msg, r->len, NULL) < 0)
		return;
	for (dns_rr_begin(&m, &it); dns_rr_next(&m, &it, &rr);) {
		int n = dns_rdata_expand(&m, &rr, rdata, sizeof(rdata));

		t->answers++;
		t->ttl_s = rr.ttl;
		assert_int_equal(rr.class, DNS_CLASS_IN);
		if (rr.type == DNS_TYPE_A && n > 0 && t->naddrs++ == 0)
			dns_rdata_addr(rr.type, rdata, (size_t)n, &t->addr);
	}
}

static void ask(struct fix *f, const char *name, uint16_t type)
{
	const struct dns_query q = {.q = {name_of(name), type, DNS_CLASS_IN},
				    .done = on_done,
				    .ctx = f};

	f->w.busy++;
	assert_true(dns_query(f->d, &q) > 0);
}

/* The i-th question that the link saw. */
static const struct dnsworld_query *seen(struct fix *f, size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < f->w.nseen; k++) {
		if (f->w.seen[k].server == DNSWORLD_SERVERS_MAX && n++ == i)
			return &f->w.seen[k];
	}
	fail_msg("the link saw %zu questions", n);
	return NULL;
}

static size_t nseen(const struct fix *f)
{
	size_t n = 0;

	for (size_t k = 0; k < f->w.nseen; k++)
		n += f->w.seen[k].server == DNSWORLD_SERVERS_MAX;
	return n;
}

TEST(a_name_of_the_link_is_asked_of_the_link_and_no_server, "D1123-9")
{
	struct fix f;

	begin(&f, true);
	dnsworld_zone(&f.w, "local", 10);
	dnsworld_a(&f.w, "printer.local", 10, TAPIR_IP4(10, 0, 0, 77));
	ask(&f, "Printer.local", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, 10 * DNSWORLD_S));
	assert_int_equal(f.told[0].status, DNS_OK);
	assert_int_equal(f.told[0].source, DNS_FROM_MDNS);
	assert_int_equal(f.told[0].transport, DNS_MDNS);
	assert_int_equal(f.told[0].outcome, DNS_TRIED_ANSWERED);
	assert_int_equal(tapir_addr_to_v4(&f.told[0].addr), TAPIR_IP4(10, 0, 0, 77));
	const struct dnsworld_query *q = seen(&f, 0);
	/* a plain question: RD=0, from a port that is not 5353 */
	assert_int_equal(q->flags, 0);
	assert_int_equal(q->qdcount, 1);
	assert_int_equal(q->arcount, 0);
	assert_int_equal(q->class, DNS_CLASS_IN);
	assert_int_not_equal(q->from.port, MDNS_PORT);
	assert_int_equal(dnsworld_count(&f.w, 0, false), 0);
	/* its TTL serves, then it is asked anew from another port */
	ask(&f, "printer.local", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, DNSWORLD_S));
	assert_int_equal(f.told[1].source, DNS_FROM_CACHE);
	dnsworld_pass(&f.w, 11 * DNSWORLD_S);
	ask(&f, "printer.local", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, 10 * DNSWORLD_S));
	assert_int_equal(nseen(&f), 2);
	assert_int_not_equal(seen(&f, 1)->from.port, seen(&f, 0)->from.port);
	end(&f);
}

TEST(an_answer_of_the_link_serves_for_ten_seconds_at_most, "")
{
	struct fix f;

	begin(&f, true);
	dnsworld_zone(&f.w, "local", 10);
	dnsworld_a(&f.w, "printer.local", 86400, TAPIR_IP4(10, 0, 0, 77));
	ask(&f, "printer.local", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, 10 * DNSWORLD_S));
	assert_int_equal(f.told[0].ttl_s, 10);
	dnsworld_pass(&f.w, 11 * DNSWORLD_S);
	ask(&f, "printer.local", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, 10 * DNSWORLD_S));
	assert_int_equal(f.told[1].source, DNS_FROM_MDNS);
	assert_int_equal(nseen(&f), 2);
	end(&f);
}

TEST(a_name_that_nobody_has_is_asked_for_three_times_and_then_is_none, "")
{
	struct fix f;

	begin(&f, true);
	uint64_t began = f.w.now_ns;
	ask(&f, "nobody.local", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, 10 * DNSWORLD_S));
	assert_int_equal(f.told[0].status, DNS_NXDOMAIN);
	assert_int_equal(f.told[0].sent, 3);
	assert_int_equal(f.told[0].at_ns - began, 4 * DNSWORLD_S);
	assert_int_equal(nseen(&f), 3);
	assert_in_range(seen(&f, 1)->at_ns - seen(&f, 0)->at_ns, DNSWORLD_S, DNSWORLD_S);
	assert_in_range(seen(&f, 2)->at_ns - seen(&f, 1)->at_ns, 2 * DNSWORLD_S, 2 * DNSWORLD_S);
	assert_int_equal(dnsworld_count(&f.w, -1, false), nseen(&f));
	end(&f);
}

TEST(equal_questions_share_one_exchange_and_cancelling_all_ends_it, "D5452-9")
{
	struct fix f;

	begin(&f, false);
	const struct dns_query q = {.q = {name_of("x.local"), DNS_TYPE_A, DNS_CLASS_IN},
				    .done = on_done,
				    .ctx = &f};
	int64_t a = dns_query(f.d, &q), b = dns_query(f.d, &q);
	assert_int_equal(dns_cancel(f.d, a), 0);
	assert_true(dns_next_deadline(f.d) < TAPIR_NEVER);
	assert_int_equal(dns_cancel(f.d, b), 0);
	assert_int_equal(dns_next_deadline(f.d), TAPIR_NEVER);
	end(&f);
}

/* An answer as a host of the link would give it; `say` changes it. */
struct answer {
	uint32_t from;
	uint16_t port, id_xor, flags, rr_class, rr_type;
	uint8_t rcode;
	const char *question, *owner;
	uint32_t ip4;
};

static void forge(struct fix *f, const struct answer *a)
{
	const struct dnsworld_query *q = seen(f, 0);
	struct dns_name question = name_of(a->question), owner = name_of(a->owner);
	const uint8_t rdata[4] = {(uint8_t)(a->ip4 >> 24), (uint8_t)(a->ip4 >> 16),
				  (uint8_t)(a->ip4 >> 8), (uint8_t)a->ip4};
	uint8_t b[512];
	struct dns_enc e;

	dns_enc_begin(&e, b, sizeof(b), q->id ^ a->id_xor, a->flags, 0, a->rcode);
	dns_enc_question(&e, &question, q->type, q->class);
	assert_int_equal(dns_enc_rr(&e, DNS_ANSWER, &owner, a->rr_type, a->rr_class, 10, rdata, 4),
			 0);
	dnsworld_forge(&f->w, tapir_sockaddr_v4(a->from, a->port),
		       tapir_sockaddr_v4(DNSWORLD_US, q->from.port), b, e.len);
	dnsworld_settle(&f->w);
}

static const struct answer good = {.from = TAPIR_IP4(10, 0, 0, 9),
				   .port = MDNS_PORT,
				   .flags = DNS_QR | DNS_AA,
				   .rr_class = DNS_CLASS_IN | 0x8000, /* cache-flush */
				   .rr_type = DNS_TYPE_A,
				   .question = "printer.local",
				   .owner = "printer.local",
				   .ip4 = TAPIR_IP4(10, 0, 0, 9)};

TEST(only_who_is_on_the_link_and_answers_our_question_counts, "D5452-3 D5452-4 D1035-16")
{
	struct answer liars[8];
	struct fix f;

	begin(&f, true);
	ask(&f, "printer.local", DNS_TYPE_A);
	dnsworld_pass(&f.w, 20 * DNSWORLD_MS);
	const uint64_t due = dns_next_deadline(f.d);
	for (unsigned i = 0; i < 8; i++) {
		liars[i] = good;
		liars[i].ip4 = TAPIR_IP4(6, 6, 6, 6);
	}
	liars[0].from = TAPIR_IP4(192, 0, 2, 66); /* RFC 6762 11 */
	liars[1].port = 53;
	liars[2].id_xor = 1;
	liars[3].flags = 0;
	liars[4].question = "scanner.local";
	liars[5].rcode = 3;		  /* an rcode (18.11) */
	liars[6].owner = "scanner.local"; /* answers another question: no answer, no lie */
	liars[7].rr_class = DNS_CLASS_CH;
	for (unsigned i = 0; i < 8; i++) {
		forge(&f, &liars[i]);
		if (dns_next_deadline(f.d) != due)
			fail_msg("liar %u is believed", i);
	}
	assert_int_equal(f.ntold, 0);
	forge(&f, &good);
	assert_true(dnsworld_run(&f.w, DNSWORLD_S));
	assert_int_equal(f.told[0].status, DNS_OK);
	assert_int_equal(f.told[0].naddrs, 1);
	assert_int_equal(tapir_addr_to_v4(&f.told[0].addr), TAPIR_IP4(10, 0, 0, 9));
	assert_int_equal(f.told[0].ignored, 6);
	assert_int_equal(f.told[0].ttl_s, 10);
	end(&f);
}

TEST(several_answers_in_the_window_are_told_together, "")
{
	struct answer second = good;
	struct fix f;

	begin(&f, true);
	ask(&f, "printer.local", DNS_TYPE_A);
	dnsworld_pass(&f.w, 10 * DNSWORLD_MS);
	uint64_t began = f.w.now_ns;
	forge(&f, &good);
	forge(&f, &good); /* the same again */
	dnsworld_pass(&f.w, 10 * DNSWORLD_MS);
	second.from = second.ip4 = TAPIR_IP4(10, 0, 0, 10);
	forge(&f, &second);
	assert_true(dnsworld_run(&f.w, DNSWORLD_S));
	assert_int_equal(f.told[0].naddrs, 2);
	assert_int_equal(f.told[0].at_ns - began, 20 * DNSWORLD_MS);
	end(&f);
}

TEST(an_nsec_record_says_that_there_is_no_such_type, "")
{
	/* next name, window 0, 1 octet: bit 1, A */
	static const uint8_t nsec[] = "\7printer\5local\0\0\1\x40";
	struct dns_name owner = name_of("printer.local");
	uint8_t b[512];
	struct dns_enc e;
	struct fix f;

	begin(&f, true);
	uint64_t began = f.w.now_ns;
	ask(&f, "printer.local", DNS_TYPE_AAAA);
	dnsworld_pass(&f.w, 20 * DNSWORLD_MS);
	const struct dnsworld_query *q = seen(&f, 0);
	dns_enc_begin(&e, b, sizeof(b), q->id, DNS_QR | DNS_AA, 0, 0);
	dns_enc_question(&e, &owner, q->type, q->class);
	assert_int_equal(dns_enc_rr(&e, DNS_ADDITIONAL, &owner, DNS_TYPE_NSEC, DNS_CLASS_IN, 10,
				    nsec, sizeof(nsec) - 1),
			 0);
	dnsworld_forge(&f.w, tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 9), MDNS_PORT),
		       tapir_sockaddr_v4(DNSWORLD_US, q->from.port), b, e.len);
	assert_true(dnsworld_run(&f.w, 10 * DNSWORLD_S));
	assert_int_equal(f.told[0].status, DNS_NODATA);
	assert_true(f.told[0].at_ns - began < 100 * DNSWORLD_MS);
	end(&f);
}

TEST(link_local_reverse_names_go_to_the_link_too, "")
{
	struct fix f;

	begin(&f, true);
	ask(&f, "1.2.254.169.in-addr.arpa", DNS_TYPE_PTR);
	dnsworld_pass(&f.w, 20 * DNSWORLD_MS);
	assert_int_equal(nseen(&f), 1);
	assert_int_equal(dnsworld_count(&f.w, 0, false), 0);
	end(&f);
}

TEST(without_a_link_or_with_no_mdns_local_names_go_nowhere, "")
{
	struct dns_conf c;
	struct fix f;

	begin(&f, true);
	c = *dns_settings(f.d);
	c.no_mdns = true;
	assert_int_equal(dns_configure(f.d, &c), 0);
	ask(&f, "printer.local", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, DNSWORLD_S));
	assert_int_equal(f.told[0].status, DNS_NXDOMAIN);
	assert_int_equal(f.w.nseen, 0);
	c.no_mdns = false;
	assert_int_equal(dns_configure(f.d, &c), 0);
	tapir_netif_down(f.w.t, f.w.ifi);
	ask(&f, "printer.local", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, DNSWORLD_S));
	assert_int_equal(f.told[1].status, DNS_UNREACHABLE);
	end(&f);
}

TEST(a_flood_of_answers_ends_in_time_and_bounded, "")
{
	struct answer a = good;
	struct fix f;

	begin(&f, true);
	ask(&f, "printer.local", DNS_TYPE_A);
	dnsworld_pass(&f.w, 20 * DNSWORLD_MS);
	for (unsigned i = 0; i < 2000 && f.ntold == 0; i++) {
		a.ip4 = TAPIR_IP4(10, 0, i / 250, i % 250);
		forge(&f, &a);
	}
	assert_true(dnsworld_run(&f.w, DNSWORLD_S));
	assert_int_equal(f.told[0].status, DNS_OK);
	assert_true(f.told[0].naddrs <= 64);
	end(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_of_the_link_is_asked_of_the_link_and_no_server),
		cmocka_unit_test(an_answer_of_the_link_serves_for_ten_seconds_at_most),
		cmocka_unit_test(a_name_that_nobody_has_is_asked_for_three_times_and_then_is_none),
		cmocka_unit_test(equal_questions_share_one_exchange_and_cancelling_all_ends_it),
		cmocka_unit_test(only_who_is_on_the_link_and_answers_our_question_counts),
		cmocka_unit_test(several_answers_in_the_window_are_told_together),
		cmocka_unit_test(an_nsec_record_says_that_there_is_no_such_type),
		cmocka_unit_test(link_local_reverse_names_go_to_the_link_too),
		cmocka_unit_test(without_a_link_or_with_no_mdns_local_names_go_nowhere),
		cmocka_unit_test(a_flood_of_answers_ends_in_time_and_bounded),
	};

	return tapir_test_run("unit/dns/test_mdns", tests);
}
