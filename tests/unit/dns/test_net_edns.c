/*
 * EDNS, cookies, the case of the name (dns/net.h): what a server can't do is found out, remembered, and not to be had by forging.
 */
#include "tests/unit/dns/netfix.h"

#define WWW TAPIR_IP4(192, 0, 2, 80)

/* ---- EDNS ---- */

TEST(a_server_that_refuses_edns_is_asked_without_and_remembered, "D6891-6")
{
	static const unsigned rcodes[2] = {DNS_RCODE_FORMERR, DNS_RCODE_NOTIMP};

	for (unsigned i = 0; i < 2; i++) {
		struct netfix *f = nf_begin(1);
		struct dns_ask a;

		dnsworld_habit(&f->w, 0)->formerr_edns = i == 0;
		dnsworld_habit(&f->w, 0)->notimp_edns = i == 1;
		nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(nf_ip4(&a), WWW);
		nf_attempt(&a, 0, DNS_TRIED_NO_EDNS, 1);
		assert_int_equal(a.story->attempt[0].rcode, rcodes[i]);
		nf_attempt(&a, 1, DNS_TRIED_ANSWERED, 1);
		assert_true(a.story->attempt[0].edns && !a.story->attempt[1].edns);
		assert_int_equal(a.story->attempt[1].transport, DNS_UDP);
		nf_free(f, &a);
		assert_int_equal(f->w.nseen, 2);
		assert_false(nf_server(f, 0).edns);
		nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(a.story->nattempts, 1);
		assert_false(nf_seen(f, 2)->edns);
		nf_free(f, &a);
		/* After a while it is tried anew. */
		dnsworld_pass(&f->w, 601 * NF_S);
		nf_lookup(f, &a, "www.example.", 0);
		assert_true(nf_seen(f, 3)->edns);
		assert_int_equal(a.story->nattempts, 2);
		nf_free(f, &a);
		nf_end(f);
	}
}

TEST(a_bare_formerr_is_only_a_hint, "DN-32 D1035-8")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->formerr_edns = true;
	dnsworld_habit(&f->w, 0)->formerr_bare = true;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	/* Only after the wait for a better one. */
	assert_true(nf_seen(f, 1)->at_ns - nf_seen(f, 0)->at_ns >= 999 * NF_MS);
	assert_false(nf_seen(f, 1)->edns);
	nf_attempt(&a, 0, DNS_TRIED_NO_EDNS, 1);
	assert_int_equal(a.story->attempt[0].ignored, 1);
	nf_free(f, &a);
	/* Nothing is remembered that anybody could have said. */
	assert_true(nf_server(f, 0).edns);
	nf_end(f);
}

/* A bare FORMERR, and then, unless there is a ctx, the right answer. */
static unsigned bare_first(struct dnsworld_server *s, const struct dnsworld_query *q,
			   uint8_t *reply, size_t *len)
{
	uint8_t b[12] = {0};

	memcpy(b, reply, 2);
	b[2] = 0x81;
	b[3] = 0x81;
	if (!q->tcp)
		dnsworld_send(s, q, b, sizeof(b));
	return *len > 0 && s->h.ctx == NULL;
}

TEST(a_bare_formerr_is_no_hint_where_a_cookie_should_be, "DN-32 D7873-2")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;
	int silent;

	dnsworld_habit(&f->w, 0)->cookies = true;
	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	dnsworld_habit(&f->w, 0)->hook = bare_first;
	dnsworld_habit(&f->w, 0)->ctx = &silent;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_TIMEOUT);
	for (size_t i = 1; i < f->w.nseen; i++)
		assert_int_equal(nf_seen(f, i)->cookie_len, 16);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_bare_error_without_edns_leads_to_tcp, "DN-26")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;
	int silent;

	dnsworld_habit(&f->w, 0)->hook = bare_first;
	dnsworld_habit(&f->w, 0)->ctx = &silent;
	nf_ask(f, &a, "www.example.", DNS_Q_NO_EDNS);
	dnsworld_pass(&f->w, 900 * NF_MS);
	dnsworld_habit(&f->w, 0)->hook = NULL;
	assert_true(dnsworld_run(&f->w, NF_S));
	assert_int_equal(nf_ip4(&a), WWW);
	nf_attempt(&a, 0, DNS_TRIED_MALFORMED, 1);
	assert_int_equal(a.story->attempt[1].transport, DNS_TCP);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_failure_that_edns_is_not_the_cause_of_is_not_remembered_as_one, "D6891-6")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	/* SERVFAIL without OPT, to both. */
	dnsworld_habit(&f->w, 0)->fail = true;
	dnsworld_habit(&f->w, 0)->no_edns = true;
	dnsworld_habit(&f->w, 0)->rcode = DNS_RCODE_SERVFAIL;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_SERVFAIL);
	assert_int_equal(f->w.nseen, 2);
	nf_attempt(&a, 0, DNS_TRIED_NO_EDNS, 1);
	nf_attempt(&a, 1, DNS_TRIED_RCODE, 1);
	assert_true(nf_server(f, 0).edns);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_server_without_edns_that_passes_over_it_needs_one_query, "D6891-6")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->no_edns = true;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(a.story->nattempts, 1);
	nf_free(f, &a);
	nf_end(f);
}

TEST(badvers_leads_to_a_query_without_edns_and_no_loop, "D6891-3")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->badvers = true;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	nf_attempt(&a, 0, DNS_TRIED_BADVERS, 1);
	assert_int_equal(a.story->attempt[0].rcode, DNS_RCODE_BADVERS);
	nf_attempt(&a, 1, DNS_TRIED_ANSWERED, 1);
	nf_free(f, &a);
	assert_int_equal(f->w.nseen, 2);
	nf_end(f);
}

TEST(without_edns_in_the_settings_no_query_has_it, "")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a;

	f->conf.no_edns = true;
	nf_start(f);
	nf_lookup(f, &a, "www.example.", DNS_Q_DO);
	assert_false(nf_seen(f, 0)->edns);
	assert_int_equal(nf_seen(f, 0)->arcount, 0);
	nf_free(f, &a);
	nf_end(f);
}

/* A reply of `room` octets that says that its sender takes datagrams of 512 only. */
static unsigned padded(struct dnsworld_server *s, const struct dnsworld_query *q, uint8_t *reply,
		       size_t *len)
{
	struct dns_name n = {.len = (uint8_t)q->name_len};
	size_t *room = s->h.ctx;
	static uint8_t pad[1500];
	struct dns_enc e;

	memcpy(n.b, q->name, q->name_len);
	dns_enc_begin(&e, reply, DNSWORLD_MSG, q->id, DNS_QR | DNS_RD | DNS_RA, 0, 0);
	dns_enc_question(&e, &n, q->type, q->class);
	assert_int_equal(dns_enc_rr(&e, DNS_ANSWER, &n, DNS_TYPE_A, 1, 60,
				    (const uint8_t *)"\300\0\002\120", 4),
			 0);
	assert_int_equal(dns_enc_rr(&e, DNS_ADDITIONAL, &n, 65280, 1, 60, pad, *room - e.len - 23),
			 0);
	assert_int_equal(dns_enc_opt(&e, 512, 0, 0, NULL, 0), 0);
	*len = e.len;
	return 1;
}

TEST(a_reply_larger_than_agreed_is_read_within_its_buffer, "D1035-12 D6891-5")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;
	size_t room = 1400;

	dnsworld_habit(&f->w, 0)->hook = padded;
	dnsworld_habit(&f->w, 0)->ctx = &room;
	nf_lookup(f, &a, "www.example.", DNS_Q_NO_EDNS);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(a.reply_len, 1400);
	assert_int_equal(nf_seen(f, 0)->to.port, 53);
	nf_free(f, &a);
	/* The 512 that it told is nothing to the next query. */
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_seen(f, 1)->udp_size, 1232);
	nf_free(f, &a);
	nf_end(f);
}

/* ---- cookies ---- */

TEST(a_servers_cookie_is_shown_to_it_and_to_nobody_else, "D7873-1 D9018-1")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->cookies = true;
	dnsworld_habit(&f->w, 1)->cookies = true;
	for (unsigned i = 0; i < 4; i++) {
		nf_form(f, &a, "www.example.", 0);
		a.server = dnsworld_addr(&f->w, i % 2);
		nf_send(f, &a);
		assert_true(dnsworld_run(&f->w, NF_S));
		assert_int_equal(a.story->attempt[0].cookie, DNS_COOKIE_ANSWERED);
		nf_free(f, &a);
	}
	assert_int_equal(nf_seen(f, 0)->cookie_len, 8);
	assert_int_equal(nf_seen(f, 1)->cookie_len, 8);
	assert_memory_not_equal(nf_seen(f, 0)->cookie, nf_seen(f, 1)->cookie, 8);
	assert_true(nf_seen(f, 2)->cookie_len >= 16);
	assert_memory_equal(nf_seen(f, 2)->cookie, nf_seen(f, 0)->cookie, 8);
	assert_memory_not_equal(nf_seen(f, 2)->cookie + 8, nf_seen(f, 3)->cookie + 8, 8);
	assert_true(nf_server(f, 0).cookie);
	nf_end(f);
}

TEST(a_cookie_from_an_error_reply_is_kept, "D7873-4")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->cookies = true;
	dnsworld_habit(&f->w, 0)->fail = true;
	dnsworld_habit(&f->w, 0)->rcode = DNS_RCODE_REFUSED;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_REFUSED);
	nf_free(f, &a);
	assert_true(nf_server(f, 0).cookie);
	nf_end(f);
}

TEST(a_server_without_cookies_is_not_shown_one_for_five_minutes, "D9018-2")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	for (unsigned i = 0; i < 3; i++) {
		nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(a.story->attempt[0].cookie,
				 i == 1 ? DNS_COOKIE_NONE : DNS_COOKIE_ABSENT);
		nf_free(f, &a);
		if (i == 1)
			dnsworld_pass(&f->w, 301 * NF_S);
	}
	assert_int_equal(nf_seen(f, 0)->cookie_len, 8);
	assert_int_equal(nf_seen(f, 1)->cookie_len, 0);
	assert_int_equal(nf_seen(f, 2)->cookie_len, 8);
	nf_end(f);
}

TEST(badcookie_is_answered_once_with_the_new_cookie, "D7873-3")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->cookies = true;
	dnsworld_habit(&f->w, 0)->want_cookie = true;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	nf_attempt(&a, 0, DNS_TRIED_BADCOOKIE, 1);
	nf_attempt(&a, 1, DNS_TRIED_ANSWERED, 1);
	assert_int_equal(a.story->attempt[1].transport, DNS_UDP);
	nf_free(f, &a);
	/* The server has another secret: what was given is wrong now. */
	dnsworld_habit(&f->w, 0)->secret = 99;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(a.story->nattempts, 2);
	nf_free(f, &a);
	assert_int_equal(nf_stats(f).badcookie, 2);
	nf_end(f);
}

static unsigned new_secret(struct dnsworld_server *s, const struct dnsworld_query *q,
			   uint8_t *reply, size_t *len)
{
	(void)q;
	(void)reply;
	(void)len;
	s->h.secret++;
	return 1;
}

TEST(badcookie_again_and_again_leads_to_tcp, "D7873-3 DN-15 D1035-14")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->cookies = true;
	dnsworld_habit(&f->w, 0)->want_cookie = true;
	dnsworld_habit(&f->w, 0)->hook = new_secret;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(a.story->nattempts, 3);
	nf_attempt(&a, 1, DNS_TRIED_BADCOOKIE, 1);
	nf_attempt(&a, 2, DNS_TRIED_ANSWERED, 1);
	assert_int_equal(a.story->attempt[2].transport, DNS_TCP);
	nf_free(f, &a);
	nf_end(f);
}

/* Where the COOKIE option's length stands in a reply; 0: nowhere. */
static size_t cookie_at(const uint8_t *b, size_t len)
{
	const uint8_t *p;
	struct dns_msg m;
	size_t n;

	if (dns_msg_decode(&m, b, len, NULL) || !dns_option_find(&m, DNS_OPTION_COOKIE, &p, &n))
		return 0;
	return (size_t)(p - b) - 2;
}

/* Sends replies with cookies of all wrong kinds before the right one. */
static unsigned wrong_cookies(struct dnsworld_server *s, const struct dnsworld_query *q,
			      uint8_t *reply, size_t *len)
{
	size_t at = cookie_at(reply, *len);
	static uint8_t b[1000];

	if (q->tcp)
		return 1;
	assert_true(at > 0);
	for (unsigned bit = 0; bit < 64; bit++) {
		memcpy(b, reply, *len);
		b[at + 2 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		dnsworld_send(s, q, b, *len);
	}
	/* The option is the last of the message: any length is made by cutting or adding. */
	for (unsigned n = 0; n <= 45; n++) {
		size_t old = (size_t)(reply[at] << 8 | reply[at + 1]), total = *len - old + n;
		size_t rdlen_at = at - 4;

		if (n == 8 || (n >= 16 && n <= 40))
			continue;
		memset(b, 0, sizeof(b));
		memcpy(b, reply, *len);
		b[at + 1] = (uint8_t)n;
		b[rdlen_at + 1] = (uint8_t)(4 + n);
		dnsworld_send(s, q, b, total);
	}
	return 1;
}

TEST(replies_with_wrong_cookies_are_passed_over_and_the_right_one_wins, "D7873-2")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a;

	f->conf.spoof_limit = 0;
	nf_start(f);
	dnsworld_habit(&f->w, 0)->cookies = true;
	dnsworld_habit(&f->w, 0)->hook = wrong_cookies;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(a.story->nattempts, 1);
	/* 64 flipped bits; lengths 0 to 7, 9 to 15, 41 to 45. */
	assert_int_equal(a.story->attempt[0].ignored, 64 + 8 + 7 + 5);
	nf_free(f, &a);
	nf_end(f);
}

static unsigned wrong_cookie_over_tcp(struct dnsworld_server *s, const struct dnsworld_query *q,
				      uint8_t *reply, size_t *len)
{
	(void)s;
	if (q->tcp)
		reply[cookie_at(reply, *len) + 2] ^= 1;
	return 1;
}

/* An OPT record with a size, a cookie of ours and a server's, behind a reply that has none. */
static unsigned unasked_opt(struct dnsworld_server *s, const struct dnsworld_query *q,
			    uint8_t *reply, size_t *len)
{
	static const uint8_t opt[] = {0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 20, 0, 10, 0, 16, 1,
				      2, 3, 4,	5,  6, 7, 8, 9, 9, 9, 9,  9, 9,	 9, 9};
	(void)s;
	(void)q;
	memcpy(reply + *len, opt, sizeof(opt));
	*len += sizeof(opt);
	reply[11]++;
	return 1;
}

TEST(an_opt_record_that_was_not_asked_for_changes_nothing, "D6891-7")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a;

	f->conf.no_edns = true;
	nf_start(f);
	dnsworld_habit(&f->w, 0)->hook = unasked_opt;
	for (unsigned i = 0; i < 2; i++) {
		nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(nf_ip4(&a), WWW);
		assert_int_equal(a.story->nattempts, 1);
		assert_int_equal(a.story->attempt[0].ignored, 0);
		assert_false(nf_seen(f, i)->edns);
		nf_free(f, &a);
	}
	assert_false(nf_server(f, 0).cookie);
	nf_end(f);
}

TEST(a_wrong_cookie_is_no_answer_over_tcp_either, "D7873-2")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->cookies = true;
	dnsworld_habit(&f->w, 0)->hook = wrong_cookie_over_tcp;
	nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	/* The other server's. */
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(a.story->nattempts, 2);
	assert_false(nf_server(f, 0).cookie);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_missing_cookie_that_was_expected_leads_to_tcp, "D7873-2 DN-32")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->cookies = true;
	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	/* FORMERR without OPT, which who can't know the cookie could have sent. */
	dnsworld_habit(&f->w, 0)->cookies = false;
	dnsworld_habit(&f->w, 0)->formerr_edns = true;
	nf_lookup(f, &a, "www.example.", 0);
	nf_attempt(&a, 0, DNS_TRIED_BADCOOKIE, 1);
	assert_int_equal(a.story->attempt[0].cookie, DNS_COOKIE_ABSENT);
	assert_int_equal(a.story->attempt[1].transport, DNS_TCP);
	nf_free(f, &a);
	dnsworld_habit(&f->w, 0)->formerr_edns = false;
	/* Over TCP it was missing too: it has none any more. */
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.story->nattempts, 1);
	assert_int_equal(a.status, DNS_OK);
	nf_free(f, &a);
	nf_end(f);
}

TEST(another_address_of_ours_is_another_cookie, "D9018-1")
{
	struct netfix *f = nf_begin(1);
	struct tapir_addr other = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 2));
	struct tapir_addr us = tapir_addr_v4(DNSWORLD_US);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->cookies = true;
	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	assert_int_equal(tapir_addr_add(f->w.t, f->w.ifi, &other, 24), 0);
	assert_int_equal(tapir_addr_del(f->w.t, f->w.ifi, &us), 0);
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_OK);
	nf_free(f, &a);
	assert_int_equal(nf_seen(f, 1)->cookie_len, 8);
	assert_memory_not_equal(nf_seen(f, 0)->cookie, nf_seen(f, 1)->cookie, 8);
	nf_end(f);
}

TEST(a_server_that_lost_its_cookies_and_has_no_tcp_is_still_of_use, "")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->cookies = true;
	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	dnsworld_habit(&f->w, 0)->cookies = false;
	dnsworld_habit(&f->w, 0)->refuse_tcp = true;
	dnsworld_serve(&f->w, 0);
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(a.story->nattempts, 3);
	nf_attempt(&a, 0, DNS_TRIED_BADCOOKIE, 1);
	nf_attempt(&a, 1, DNS_TRIED_CONNECT, 0);
	assert_int_equal(nf_seen(f, 2)->cookie_len, 0);
	nf_free(f, &a);
	nf_end(f);
}

/* ---- the case ---- */

TEST(the_case_of_every_letter_is_random_and_nothing_else_is, "D0x20-1 D0x20-2")
{
	struct netfix *f = nf_begin(1);
	unsigned upper[26] = {0};
	struct dns_ask a;

	for (unsigned i = 0; i < 200; i++) {
		const struct dnsworld_query *q;

		nf_lookup(f, &a, "abcdefghijklmnopqrstuvwxyz.0-9.any.example.", 0);
		q = nf_seen(f, i);
		assert_int_equal(a.status, DNS_OK);
		assert_true(a.story->attempt[0].case_mixed && a.story->attempt[0].case_kept);
		for (unsigned k = 0; k < 26; k++) {
			assert_int_equal(q->name[1 + k] | 0x20, 'a' + k);
			upper[k] += !(q->name[1 + k] & 0x20);
		}
		assert_memory_equal(q->name + 27, "\0030-9", 4);
		nf_free(f, &a);
	}
	/* 100 of 200, 7 standard deviations each way. */
	for (unsigned k = 0; k < 26; k++)
		assert_in_range(upper[k], 51, 149);
	nf_end(f);
}

TEST(a_reply_is_handed_on_in_the_case_that_was_asked_and_raw_as_it_came, "D4343-2")
{
	static const char asked[] = "\012aBcDeFgHiJ\003any\007example";
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	for (unsigned i = 0; i < 2; i++) {
		nf_lookup(f, &a, "aBcDeFgHiJ.any.example.", i ? DNS_Q_RAW : 0);
		assert_int_equal(a.status, DNS_OK);
		assert_true(a.story->attempt[0].case_mixed && a.story->attempt[0].case_kept);
		assert_memory_not_equal(nf_seen(f, i)->name, asked, sizeof(asked));
		assert_memory_equal(a.reply + DNS_HEADER_LEN,
				    i ? (const char *)nf_seen(f, i)->name : asked, sizeof(asked));
		nf_free(f, &a);
	}
	nf_end(f);
}

TEST(a_name_without_letters_has_no_case, "D0x20-2")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	nf_lookup(f, &a, "1.2.3.", 0);
	assert_memory_equal(nf_seen(f, 0)->name, "\0011\0012\0013", 7);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_server_that_lower_cases_is_found_out_by_tcp_and_remembered, "D0x20-1")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->lower_case = true;
	nf_lookup(f, &a, "averylongname.any.example.", 0);
	assert_int_equal(a.status, DNS_OK);
	nf_attempt(&a, 0, DNS_TRIED_CASE, 1);
	nf_attempt(&a, 1, DNS_TRIED_ANSWERED, 1);
	assert_int_equal(a.story->attempt[1].transport, DNS_TCP);
	nf_free(f, &a);
	assert_false(nf_server(f, 0).x20);
	nf_lookup(f, &a, "averylongname.any.example.", 0);
	assert_int_equal(a.story->nattempts, 1);
	assert_false(a.story->attempt[0].case_mixed);
	nf_free(f, &a);
	/* After an hour it is tried anew. */
	dnsworld_pass(&f->w, 3601 * NF_S);
	assert_true(nf_server(f, 0).x20);
	nf_end(f);
}

TEST(without_tcp_a_server_that_lower_cases_is_asked_without_mixing, "D0x20-1")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->lower_case = true;
	dnsworld_habit(&f->w, 0)->refuse_tcp = true;
	dnsworld_serve(&f->w, 0);
	nf_lookup(f, &a, "averylongname.any.example.", 0);
	assert_int_equal(a.status, DNS_OK);
	/* Twice: once might be one lucky guess. */
	assert_int_equal(a.story->nattempts, 5);
	nf_attempt(&a, 1, DNS_TRIED_CONNECT, 0);
	nf_attempt(&a, 2, DNS_TRIED_CASE, 1);
	assert_true(a.story->attempt[2].case_mixed);
	nf_attempt(&a, 4, DNS_TRIED_ANSWERED, 1);
	assert_false(a.story->attempt[4].case_mixed);
	nf_free(f, &a);
	nf_end(f);
}

/* One forged reply with everything right but the case, before the right one. */
static unsigned wrong_case(struct dnsworld_server *s, const struct dnsworld_query *q,
			   uint8_t *reply, size_t *len)
{
	uint8_t b[1000];

	if (q->tcp)
		return 1;
	memcpy(b, reply, *len);
	b[13] ^= 0x20;
	dnsworld_send(s, q, b, *len);
	return 1;
}

TEST(forged_cases_cost_a_connection_but_not_the_protection, "D0x20-1 DN-01 DN-32")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	/* Over TCP the case is kept, so it never is the server's way, however often it comes. */
	dnsworld_habit(&f->w, 0)->hook = wrong_case;
	for (unsigned i = 0; i < 10; i++) {
		nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(nf_ip4(&a), WWW);
		assert_int_equal(a.story->attempt[1].transport, DNS_TCP);
		nf_free(f, &a);
		assert_true(nf_server(f, 0).x20);
	}
	nf_end(f);
}

TEST(without_0x20_the_name_is_sent_as_it_is_and_any_case_accepted, "")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a;

	f->conf.no_x20 = true;
	nf_start(f);
	dnsworld_habit(&f->w, 0)->lower_case = true;
	nf_lookup(f, &a, "WwW.exAmple.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(a.story->nattempts, 1);
	assert_false(a.story->attempt[0].case_mixed || a.story->attempt[0].case_kept);
	assert_memory_equal(nf_seen(f, 0)->name + 1, "WwW", 3);
	nf_free(f, &a);
	nf_end(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_refuses_edns_is_asked_without_and_remembered),
		cmocka_unit_test(a_bare_formerr_is_only_a_hint),
		cmocka_unit_test(a_bare_formerr_is_no_hint_where_a_cookie_should_be),
		cmocka_unit_test(a_bare_error_without_edns_leads_to_tcp),
		cmocka_unit_test(a_failure_that_edns_is_not_the_cause_of_is_not_remembered_as_one),
		cmocka_unit_test(a_server_without_edns_that_passes_over_it_needs_one_query),
		cmocka_unit_test(badvers_leads_to_a_query_without_edns_and_no_loop),
		cmocka_unit_test(without_edns_in_the_settings_no_query_has_it),
		cmocka_unit_test(a_reply_larger_than_agreed_is_read_within_its_buffer),
		cmocka_unit_test(a_servers_cookie_is_shown_to_it_and_to_nobody_else),
		cmocka_unit_test(a_cookie_from_an_error_reply_is_kept),
		cmocka_unit_test(a_server_without_cookies_is_not_shown_one_for_five_minutes),
		cmocka_unit_test(badcookie_is_answered_once_with_the_new_cookie),
		cmocka_unit_test(badcookie_again_and_again_leads_to_tcp),
		cmocka_unit_test(replies_with_wrong_cookies_are_passed_over_and_the_right_one_wins),
		cmocka_unit_test(an_opt_record_that_was_not_asked_for_changes_nothing),
		cmocka_unit_test(a_wrong_cookie_is_no_answer_over_tcp_either),
		cmocka_unit_test(a_missing_cookie_that_was_expected_leads_to_tcp),
		cmocka_unit_test(a_server_that_lost_its_cookies_and_has_no_tcp_is_still_of_use),
		cmocka_unit_test(another_address_of_ours_is_another_cookie),
		cmocka_unit_test(the_case_of_every_letter_is_random_and_nothing_else_is),
		cmocka_unit_test(
			a_reply_is_handed_on_in_the_case_that_was_asked_and_raw_as_it_came),
		cmocka_unit_test(a_name_without_letters_has_no_case),
		cmocka_unit_test(a_server_that_lower_cases_is_found_out_by_tcp_and_remembered),
		cmocka_unit_test(without_tcp_a_server_that_lower_cases_is_asked_without_mixing),
		cmocka_unit_test(forged_cases_cost_a_connection_but_not_the_protection),
		cmocka_unit_test(without_0x20_the_name_is_sent_as_it_is_and_any_case_accepted),
	};

	return tapir_test_run("unit/dns/test_net_edns", tests);
}
