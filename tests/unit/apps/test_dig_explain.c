/*
 * +explain: every octet of a message stands in its dump once and in order, whatever the message is; the story tells what the attempts
 * were, each outcome in its words.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/apps/digfix.h"

static char *text;

static int setup(void **state)
{
	(void)state;
	begin_result(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	return 0;
}

static void explain(void)
{
	size_t len;
	free(text);
	FILE *f = open_memstream(&text, &len);
	dig_explain(f, &r);
	fclose(f);
}

#define says(want)                                               \
	do {                                                     \
		if (!strstr(text, want))                         \
			fail_msg("no '%s' in:\n%s", want, text); \
	} while (0)

static void www(void)
{
	struct dns_name n = name("www.example.com"), web = name("web.example.com");
	static const uint8_t a[] = {192, 0, 2, 80};
	dns_enc_begin(&enc, reply, sizeof reply, 0x1234, DNS_QR | DNS_RD | DNS_RA, 0, 0);
	dns_enc_question(&enc, &n, DNS_TYPE_A, DNS_CLASS_IN);
	dns_enc_rr(&enc, DNS_ANSWER, &n, DNS_TYPE_CNAME, DNS_CLASS_IN, 300, web.b, web.len);
	dns_enc_rr(&enc, DNS_ANSWER, &web, DNS_TYPE_A, DNS_CLASS_IN, 60, a, 4);
	r.msg = reply;
	r.len = enc.len;
	assert_int_equal(dns_msg_decode(&r.m, reply, enc.len, NULL), 0);
}

/* The octets of a dump, put together again. */
static size_t octets(const char *title, uint8_t *out)
{
	size_t n = 0;
	const char *line = strstr(text, title);
	assert_non_null(line);
	while ((line = strchr(line, '\n')) && strncmp(line + 1, ";\n", 2) != 0) {
		const char *p = ++line;
		unsigned at, b;
		int used = 0;
		if (sscanf(p, ";  0x%4x%n", &at, &used) == 1)
			assert_true(at >= n || (p[used + 2] == ' ' && at <= n));
		/* Octets stand in columns 11 to 34. */
		for (size_t i = 0; i < 8 && strlen(p) > 12 + 3 * i; i++) {
			const char *h = p + 11 + 3 * i;
			if (h[2] != ' ' && h[2] != '\n')
				break;
			if (sscanf(h, "%2x", &b) != 1 || h[0] == ' ' || h[1] == ' ')
				break;
			out[n++] = (uint8_t)b;
		}
	}
	return n;
}

TEST(every_octet_stands_once_and_in_order, "")
{
	uint8_t got[2048], long_one[101] = {100};
	struct dns_name n = name("txt.a-label-longer-than-two-lines-of-octets.example.com");
	www();
	for (uint8_t i = 1; i <= 100; i++)
		long_one[i] = i;
	dns_enc_rr(&enc, DNS_ADDITIONAL, &n, DNS_TYPE_TXT, DNS_CLASS_IN, 300, long_one, 101);
	r.len = enc.len;
	explain();
	assert_int_equal(octets(";; REPLY", got), enc.len);
	assert_memory_equal(got, reply, enc.len);
}

TEST(fields_and_pointers_are_named, "")
{
	www();
	explain();
	says(";  0x0000  12 34                    ");
	says("03 77 77 77                  label \"www\"\n");
	says("pointer -> 0x000c www.example.com.\n");
	says("00 00 01 2c                TTL 300\n");
	says("c0 00 02 50                  address 192.0.2.80\n");
}

TEST(malformed_reply_is_shown_up_to_its_flaw, "")
{
	www();
	reply[enc.len - 5] = 99; /* RDLENGTH */
	r.m.len = enc.len;
	explain();
	says("FLAW: ");
	says("the rest is not read\n");
}

TEST(any_octets_at_all_are_explained, "")
{
	uint32_t x = 12345;
	for (unsigned round = 0; round < 400; round++) {
		www();
		r.len = enc.len;
		for (unsigned i = 0; i < 3; i++) {
			x = x * 1664525 + 1013904223;
			reply[(x >> 8) % r.len] = (uint8_t)(x >> 24);
		}
		if (round & 1)
			r.len = (x >> 4) % enc.len;
		explain();
		says(";; STORY:\n");
	}
}

/* The story of one attempt. */
static void attempt(struct dns_attempt a)
{
	a.server = r.server;
	a.local_port = 50000;
	a.id = 4660;
	a.sent = 1;
	a.sent_ns = 1000000;
	a.ended_ns = 3500000;
	r.attempt[0] = a;
	r.nattempts = 1;
	explain();
	says(";  1. 192.0.2.53#53 over ");
	says(", from port 50000 with ID 4660: random both (RFC 5452 9.2)\n");
}

TEST(outcomes_in_their_words, "")
{
	static const struct {
		enum dns_outcome outcome;
		int error;
		const char *want;
	} rows[] = {
		{DNS_TRIED_ANSWERED, 0, "after 2.500 ms: answered: NXDOMAIN, 72 octets\n"},
		{DNS_TRIED_TIMEOUT, 0, "no reply: given up"},
		{DNS_TRIED_ICMP, ECONNREFUSED, "unreachable: Connection refused"},
		{DNS_TRIED_CONNECT, ECONNREFUSED, "no connection: Connection refused"},
		{DNS_TRIED_CLOSED, 0, "closed the connection before it answered"},
		{DNS_TRIED_TRUNCATED, 0,
		 "truncated (TC), 72 octets: nothing of it is used, on to TCP"},
		{DNS_TRIED_NO_EDNS, 0, "to EDNS: again without"},
		{DNS_TRIED_BADVERS, 0, "BADVERS: "},
		{DNS_TRIED_BADCOOKIE, 0, "BADCOOKIE: again"},
		{DNS_TRIED_RCODE, 0, "on to the next server"},
		{DNS_TRIED_LAME, 0, "does not recurse for us"},
		{DNS_TRIED_FORGED, 0, "too many forged replies"},
		{DNS_TRIED_MALFORMED, 0, "only what is no DNS message came"},
		{DNS_TRIED_CASE, 0, "came back in another case"},
		{DNS_TRIED_PENDING, 0, "no longer waited for"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		attempt((struct dns_attempt){.outcome = (uint8_t)rows[i].outcome,
					     .error = rows[i].error,
					     .rcode = DNS_RCODE_NXDOMAIN,
					     .reply_len = 72});
		says(rows[i].want);
	}
}

TEST(checks_of_cookie_case_and_what_was_ignored, "")
{
	attempt((struct dns_attempt){.outcome = DNS_TRIED_ANSWERED,
				     .edns = true,
				     .cookie = DNS_COOKIE_ANSWERED,
				     .case_mixed = true,
				     .case_kept = true,
				     .reply_len = 72,
				     .ignored = 3});
	says("EDNS: version 0 (RFC 6891)\n");
	says("cookie: sent, and ours came back (RFC 7873 5.3)\n");
	says("case: mixed at random, and came back so");
	says("reply: address, port, ID and question are those of the query");
	says("ignored: 3 that did not fit");
	attempt((struct dns_attempt){.outcome = DNS_TRIED_ANSWERED,
				     .cookie = DNS_COOKIE_ABSENT,
				     .reply_len = 72});
	says("EDNS: none\n");
	says("cookie: sent; the reply has none");
	says("case: not mixed\n");
}

TEST(hedge_is_told_by_its_overlap, "")
{
	r.nattempts = 2;
	r.attempt[0] = (struct dns_attempt){.server = r.server, .sent_ns = 0, .ended_ns = 9000000};
	r.attempt[1] =
		(struct dns_attempt){.server = r.server, .sent_ns = 4000000, .ended_ns = 5000000};
	explain();
	says("at 4.000 ms: ");
	says("a hedge: 1 was still waited for");
}

TEST(servers_are_told_as_they_stood_when_one_was_chosen, "")
{
	q.cache = true;
	r.nknown = 2;
	r.known[0] = (struct dns_server_info){
		.addr = r.server, .srtt_us = 1234, .edns = true, .x20 = true, .cookie = true};
	r.known[1] = (struct dns_server_info){.addr = tapir_sockaddr_v4(0xc0000236, 0),
					      .failures = 2,
					      .dead = true,
					      .edns = true};
	explain();
	says("by smoothed latency and failures");
	says(";    192.0.2.53#53: 1.234 ms, its cookie is known\n");
	says(";    192.0.2.54#53: not measured yet, failed 2 times in a row: asked last, case as "
	     "it "
	     "is\n");
}

TEST(source_of_an_answer_is_told, "")
{
	static const struct {
		enum dns_source source;
		bool cache;
		const char *want;
	} rows[] = {
		{DNS_FROM_SERVER, false, "cache: not asked: dig asks the server"},
		{DNS_FROM_SERVER, true, "cache: not in it"},
		{DNS_FROM_CACHE, true, "cache: answered, 17 s old"},
		{DNS_FROM_STALE, true, "cache: answered over its time"},
		{DNS_FROM_HOSTS, true, "answered by the hosts file"},
		{DNS_FROM_SPECIAL, true, "a special-use name (RFC 6761)"},
		{DNS_FROM_MDNS, true, "multicast DNS (RFC 6762"},
		{DNS_FROM_ADDRESS, true, "the name is an address"},
	};
	r.cache_age_s = 17;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		r.source = rows[i].source;
		q.cache = rows[i].cache;
		explain();
		says(rows[i].want);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(every_octet_stands_once_and_in_order),
		T(fields_and_pointers_are_named),
		T(malformed_reply_is_shown_up_to_its_flaw),
		T(any_octets_at_all_are_explained),
		T(outcomes_in_their_words),
		T(checks_of_cookie_case_and_what_was_ignored),
		T(hedge_is_told_by_its_overlap),
		T(servers_are_told_as_they_stood_when_one_was_chosen),
		T(source_of_an_answer_is_told),
	};
	return tapir_test_run("unit/apps/test_dig_explain", tests);
}
