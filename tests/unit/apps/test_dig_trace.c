/*
 * +trace over a world of zones in a table: descent by glue and by looked-up addresses, and every way in which a delegation can be
 * wrong, each of which must end, and be told. The asking is the test's: dig_ask() below answers as the servers of the table would.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/dig.h"
#include "dns/rr.h"
#include "tests/support/test.h"

/* What the server at an address says of names at or below `under`: NS of `zone` (with glue), an A record, or an rcode. */
struct says {
	const char *ip, *under;
	const char *zone, *ns, *glue; /* a referral */
	const char *a;		      /* an answer */
	int rcode;
	bool silent;
	unsigned more; /* NS records besides: n0, n1 ... below `ns` */
};

static struct dig_run run;
static struct dig_query q;
static const struct says *world;
static size_t nworld;
static unsigned asked, looked_up, known;
static char *text;
static size_t text_len;
static char hints_path[64];

static struct dns_name name(const char *s)
{
	struct dns_name n;
	assert_int_equal(dns_name_parse(&n, s, strlen(s), NULL), 0);
	return n;
}

static uint32_t ip4(const char *s)
{
	uint32_t v = 0;
	assert_true(opt_ip4(s, &v));
	return v;
}

static void put_a(struct dns_enc *e, enum dns_section s, const struct dns_name *owner,
		  const char *addr)
{
	uint32_t v = ip4(addr);
	uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
	assert_int_equal(dns_enc_rr(e, s, owner, DNS_TYPE_A, DNS_CLASS_IN, 300, b, 4), 0);
}

/* In place of dig.c's: the table's answer. */
int dig_ask(struct dig_run *r, const struct dig_query *query, const struct dns_question *question,
	    const struct dig_server *server, unsigned flags)
{
	struct dig_result *res = &r->result;
	const struct says *best = NULL;
	struct dns_enc e;
	asked++;
	assert_true(flags & DNS_Q_NO_RD);
	for (size_t i = 0; i < nworld; i++) {
		struct dns_name under = name(world[i].under);
		if (ip4(world[i].ip) == tapir_addr_to_v4(&server->addr.addr) &&
		    dns_name_under(&question->name, &under) && !best)
			best = &world[i];
	}
	res->args = &r->args;
	res->q = query;
	res->server = server->addr;
	res->server_name = server->name;
	res->msg = NULL;
	if (!best || best->silent)
		return 1;
	dns_enc_begin(&e, r->reply, sizeof r->reply, 1, DNS_QR, 0, (uint8_t)best->rcode);
	dns_enc_question(&e, &question->name, question->type, question->class);
	if (best->a)
		put_a(&e, DNS_ANSWER, &question->name, best->a);
	if (best->zone) {
		struct dns_name zone = name(best->zone), ns = name(best->ns);
		dns_enc_rr(&e, DNS_AUTHORITY, &zone, DNS_TYPE_NS, DNS_CLASS_IN, 300, ns.b, ns.len);
		for (unsigned i = 0; i < best->more; i++) {
			char text_of[40];
			snprintf(text_of, sizeof text_of, "n%u.%s", i, best->ns);
			ns = name(text_of);
			dns_enc_rr(&e, DNS_AUTHORITY, &zone, DNS_TYPE_NS, DNS_CLASS_IN, 300, ns.b,
				   ns.len);
		}
		if (best->glue)
			put_a(&e, DNS_ADDITIONAL, &ns, best->glue);
	}
	res->msg = r->reply;
	res->len = e.len;
	assert_int_equal(dns_msg_decode(&res->m, r->reply, e.len, NULL), 0);
	return 0;
}

void dig_print_failure(const struct dig_result *r, const struct dig_server *server,
		       const struct dns_name *n)
{
	(void)r;
	(void)n;
	printf(";; no reply from %s\n", server->name);
}

/* With a server configured it knows one name of those that a zone has for its servers: another address each time. */
int dig_resolve(struct dig_run *r, const char *n, struct dig_server *out, unsigned max)
{
	assert_true(r->nservers > 0 && max == 1);
	looked_up++;
	if (strncmp(n, "n30.", 4) != 0)
		return 0;
	out->addr = tapir_sockaddr_v4(ip4("192.0.2.1") + ++known, 0);
	return 1;
}

static int setup(void **state)
{
	(void)state;
	dig_args_init(&run.args, stderr);
	q = run.args.defaults;
	q.recurse = q.comments = q.question = q.additional = q.stats = false;
	q.identify = q.trace = true;
	q.tries = 1;
	asked = looked_up = known = 0;
	run.nservers = 0;
	strcpy(hints_path, "/tmp/tapir-hints-XXXXXX");
	int fd = mkstemp(hints_path);
	assert_true(fd >= 0);
	FILE *f = fdopen(fd, "w");
	fputs(". NS a.root.\na.root. A 192.0.2.1\n", f);
	fclose(f);
	run.args.hints = hints_path;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	remove(hints_path);
	free(text);
	text = NULL;
	return 0;
}

/* Traces a name in a world; the exit status. What was printed is in `text`. */
static int trace(const char *what, const struct says *w, size_t n)
{
	struct dns_question question = {name(what), DNS_TYPE_A, DNS_CLASS_IN};
	FILE *out = stdout;
	world = w;
	nworld = n;
	free(text);
	text = NULL;
	stdout = open_memstream(&text, &text_len);
	int status = dig_trace(&run, &q, &question, NULL, 0);
	fclose(stdout);
	stdout = out;
	return status;
}

#define TRACE(what, w) trace(what, w, sizeof(w) / sizeof((w)[0]))
#define says_that(want)                                          \
	do {                                                     \
		if (!strstr(text, want))                         \
			fail_msg("no '%s' in:\n%s", want, text); \
	} while (0)

TEST(glue_leads_down_to_the_answer, "")
{
	static const struct says w[] = {
		{.ip = "192.0.2.1",
		 .under = ".",
		 .zone = "test",
		 .ns = "ns.test",
		 .glue = "192.0.2.2"},
		{.ip = "192.0.2.2",
		 .under = "test",
		 .zone = "a.test",
		 .ns = "ns.a.test",
		 .glue = "192.0.2.3"},
		{.ip = "192.0.2.3", .under = "a.test", .a = "192.0.2.80"},
	};
	assert_int_equal(TRACE("www.a.test", w), 0);
	assert_int_equal(asked, 3);
	says_that(".\t\t\t3600000\tIN\tNS\ta.root.\n");
	says_that(";; Read 1 server of the root from /tmp/tapir-hints-");
	says_that("test.\t\t\t300\tIN\tNS\tns.test.\n");
	says_that("www.a.test.\t\t300\tIN\tA\t192.0.2.80\n");
	says_that("from 192.0.2.3#53(ns.a.test) in ");
}

TEST(server_without_glue_is_looked_up_out_of_sight, "")
{
	static const struct says w[] = {
		{.ip = "192.0.2.1", .under = "a.test", .zone = "a.test", .ns = "ns.b.test"},
		{.ip = "192.0.2.1",
		 .under = "b.test",
		 .zone = "b.test",
		 .ns = "ns.b.test",
		 .glue = "192.0.2.4"},
		{.ip = "192.0.2.4", .under = "ns.b.test", .a = "192.0.2.5"},
		{.ip = "192.0.2.5", .under = "a.test", .a = "192.0.2.80"},
	};
	assert_int_equal(TRACE("www.a.test", w), 0);
	assert_int_equal(asked, 4);
	says_that("192.0.2.80\n");
	assert_null(strstr(text, "b.test.\t\t\t300"));
}

TEST(servers_that_need_each_other_come_to_an_end, "")
{
	static const struct says w[] = {
		{.ip = "192.0.2.1", .under = "a.test", .zone = "a.test", .ns = "ns.b.test"},
		{.ip = "192.0.2.1", .under = "b.test", .zone = "b.test", .ns = "ns.a.test"},
	};
	assert_int_equal(TRACE("www.a.test", w), DIG_NO_REPLY);
	assert_int_equal(asked, 3);
	says_that(";; couldn't get address for 'ns.b.test.': not found\n");
	says_that(";; no server of a.test. is of use\n");
}

TEST(referral_to_the_same_zone_is_refused, "")
{
	static const struct says w[] = {
		{.ip = "192.0.2.1",
		 .under = "test",
		 .zone = "test",
		 .ns = "ns.test",
		 .glue = "192.0.2.2"},
		{.ip = "192.0.2.2",
		 .under = "test",
		 .zone = "test",
		 .ns = "ns.test",
		 .glue = "192.0.2.2"},
	};
	assert_int_equal(TRACE("a.test", w), DIG_NO_REPLY);
	assert_int_equal(asked, 2);
	says_that(";; BAD (HORIZONTAL) REFERRAL: 192.0.2.2#53(ns.test) refers to test.\n");
}

TEST(referral_upwards_or_aside_is_refused, "")
{
	static const struct says up[] = {
		{.ip = "192.0.2.1",
		 .under = "test",
		 .zone = "test",
		 .ns = "ns.test",
		 .glue = "192.0.2.2"},
		{.ip = "192.0.2.2",
		 .under = "test",
		 .zone = ".",
		 .ns = "a.root",
		 .glue = "192.0.2.1"},
	};
	static const struct says aside[] = {
		{.ip = "192.0.2.1",
		 .under = "test",
		 .zone = "example",
		 .ns = "ns.test",
		 .glue = "192.0.2.2"},
	};
	assert_int_equal(TRACE("a.test", up), DIG_NO_REPLY);
	says_that(";; BAD REFERRAL: 192.0.2.2#53(ns.test) refers to .\n");
	assert_int_equal(TRACE("a.test", aside), DIG_NO_REPLY);
	says_that(";; BAD REFERRAL: 192.0.2.1#53(a.root) refers to example.\n");
}

TEST(lame_and_silent_servers_are_passed_over, "")
{
	FILE *f = fopen(hints_path, "w");
	static const struct says w[] = {
		{.ip = "192.0.2.1", .under = ".", .rcode = DNS_RCODE_REFUSED},
		{.ip = "192.0.2.6", .under = ".", .silent = true},
		{.ip = "192.0.2.7", .under = ".", .a = "192.0.2.80"},
	};
	fputs(". NS a.root.\n. NS b.root.\n. NS c.root.\na.root. A 192.0.2.1\n"
	      "b.root. A 192.0.2.6\nc.root. A 192.0.2.7\n",
	      f);
	fclose(f);
	assert_int_equal(TRACE("a.test", w), 0);
	says_that(";; lame: 192.0.2.1#53(a.root) says REFUSED about .\n");
	says_that(";; no reply from b.root\n");
	says_that("192.0.2.80\n");
}

TEST(glue_from_outside_the_zone_that_was_asked_is_not_taken, "")
{
	static const struct says w[] = {
		{.ip = "192.0.2.1",
		 .under = "evil.test",
		 .zone = "test",
		 .ns = "ns.test",
		 .glue = "192.0.2.2"},
		{.ip = "192.0.2.2",
		 .under = "evil.test",
		 .zone = "evil.test",
		 .ns = "ns.bank.example",
		 .glue = "192.0.2.66"},
		{.ip = "192.0.2.66", .under = "evil.test", .a = "192.0.2.99"},
		{.ip = "192.0.2.1", .under = "bank.example", .a = "192.0.2.7"},
		{.ip = "192.0.2.7", .under = "evil.test", .a = "192.0.2.80"},
	};
	assert_int_equal(TRACE("www.evil.test", w), 0);
	says_that("192.0.2.80\n");
	assert_null(strstr(text, "192.0.2.99"));
}

TEST(nxdomain_is_an_end, "")
{
	static const struct says w[] = {
		{.ip = "192.0.2.1", .under = ".", .rcode = DNS_RCODE_NXDOMAIN},
	};
	assert_int_equal(TRACE("a.test", w), 0);
	assert_int_equal(asked, 1);
}

TEST(deep_delegations_are_followed, "")
{
	static struct says w[60];
	static char zones[60][200], servers[60][210], ips[61][16];
	char what[200] = "";
	for (unsigned i = 0; i < 60; i++) {
		for (unsigned k = 0; k < i; k++)
			memcpy(zones[i] + 2 * k, "x.", 2);
		memcpy(zones[i] + 2 * i, "test", 5);
		snprintf(servers[i], sizeof servers[i], "ns.%.190s", zones[i]);
		snprintf(ips[i], sizeof ips[i], "10.0.0.%u", i + 1);
	}
	snprintf(ips[60], sizeof ips[60], "10.0.0.61");
	for (unsigned i = 0; i < 60; i++)
		w[i] = (struct says){.ip = i ? ips[i] : "192.0.2.1",
				     .under = i ? zones[i - 1] : ".",
				     .zone = zones[i],
				     .ns = servers[i],
				     .glue = ips[i + 1]};
	snprintf(what, sizeof what, "%s", zones[59]);
	/* More steps than a name has any use for: it ends, and says why. */
	assert_int_equal(trace(what, w, 60), DIG_NO_REPLY);
	says_that("more than 40 steps");
	assert_in_range(asked, 40, 42);
}

TEST(lookups_of_servers_count_among_the_queries, "")
{
	static char zones[30][80], ips[30][16];
	struct says w[30];
	for (unsigned i = 0; i < 30; i++) {
		for (unsigned k = 0; k < i; k++)
			memcpy(zones[i] + 2 * k, "z.", 2);
		memcpy(zones[i] + 2 * i, "z", 2);
		snprintf(ips[i], sizeof ips[i], "192.0.2.%u", i + 1);
		w[i] = (struct says){.ip = ips[i],
				     .under = i ? zones[i - 1] : ".",
				     .zone = zones[i],
				     .ns = "no.glue",
				     .more = 31};
	}
	run.nservers = 1;
	assert_int_equal(trace(zones[29], w, 30), DIG_NO_REPLY);
	says_that("more than 400 queries: given up");
	assert_in_range(asked + looked_up, 390, 401);
}

TEST(thousands_of_servers_cost_their_own_length, "")
{
	static const struct says w[] = {
		{.ip = "192.0.2.1",
		 .under = ".",
		 .zone = "test",
		 .ns = "test",
		 .glue = "192.0.2.2",
		 .more = 3000},
	};
	/* Of those that are taken none has an address. What is beyond them is not looked for. */
	run.nservers = 1;
	assert_int_equal(TRACE("www.a.test", w), DIG_NO_REPLY);
	assert_int_equal(looked_up, 32);
	says_that("no server of test. is of use");
}

/* --- hints --- */

static int hints(const char *file, struct dig_hint *out)
{
	unsigned line;
	int n = dig_hints_parse(file, strlen(file), out, &line);
	return n < 0 ? -(int)line : n;
}

TEST(hints_of_named_cache_are_read, "")
{
	struct dig_hint h[DIG_HINTS_MAX];
	char txt[DNS_NAME_TEXT_MAX];
	assert_int_equal(hints("; formerly NS.INTERNIC.NET\n;\n"
			       ".                        3600000      NS    A.ROOT-SERVERS.NET.\n"
			       "A.ROOT-SERVERS.NET.      3600000      A     198.41.0.4\n"
			       "A.ROOT-SERVERS.NET.      3600000      AAAA  2001:503:ba3e::2:30\n"
			       "\n$TTL 5\n"
			       ".  518400 IN NS b.root-servers.net. ; a comment\r\n"
			       "\t\t\tNS c.root-servers.net\n"
			       "b.Root-servers.net. IN A 192.228.79.201",
			       h),
			 3);
	dns_name_text(&h[0].name, txt);
	assert_string_equal(txt, "A.ROOT-SERVERS.NET.");
	assert_int_equal(h[0].ip4, ip4("198.41.0.4"));
	assert_int_equal(h[1].ip4, ip4("192.228.79.201"));
	assert_int_equal(h[1].ttl, 518400);
	assert_int_equal(h[2].ip4, 0);
}

TEST(hints_that_are_none_are_told_by_their_line, "")
{
	struct dig_hint h[DIG_HINTS_MAX];
	assert_int_equal(hints("", h), 0);
	assert_int_equal(hints(". NS a.root.\nnonsense\n", h), -2);
	assert_int_equal(hints(". NS\n", h), -1);
	assert_int_equal(hints(". 5 IN\n", h), -1);
	assert_int_equal(hints(". NS a..b\n", h), -1);
	assert_int_equal(hints(". NS a.root.\na.root. A 1.2.3\n", h), -2);
	assert_int_equal(hints("test. NS a.root.\n", h), 0);
}

TEST(more_hints_than_there_is_room_for_are_left_out, "")
{
	struct dig_hint h[DIG_HINTS_MAX];
	char file[4000];
	size_t n = 0;
	for (unsigned i = 0; i < 60; i++)
		n += (size_t)snprintf(file + n, sizeof file - n, ". NS ns%u.root.\n", i);
	assert_int_equal(hints(file, h), DIG_HINTS_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(glue_leads_down_to_the_answer),
		T(server_without_glue_is_looked_up_out_of_sight),
		T(servers_that_need_each_other_come_to_an_end),
		T(referral_to_the_same_zone_is_refused),
		T(referral_upwards_or_aside_is_refused),
		T(lame_and_silent_servers_are_passed_over),
		T(glue_from_outside_the_zone_that_was_asked_is_not_taken),
		T(nxdomain_is_an_end),
		T(deep_delegations_are_followed),
		T(lookups_of_servers_count_among_the_queries),
		T(thousands_of_servers_cost_their_own_length),
		cmocka_unit_test(hints_of_named_cache_are_read),
		cmocka_unit_test(hints_that_are_none_are_told_by_their_line),
		cmocka_unit_test(more_hints_than_there_is_room_for_are_left_out),
	};
	return tapir_test_run("unit/apps/test_dig_trace", tests);
}
