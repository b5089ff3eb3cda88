/* resolv.conf: what is taken, what is passed over, and what people are told. */
#include <stdio.h>
#include <stdlib.h>

#include "dns/local.h"
#include "tests/support/rnd.h"
#include "tests/unit/dns/names.h"

enum { NOTES = 16 };

struct fix {
	struct dns_conf c;
	struct dns_resolvconf_note note[NOTES];
	unsigned notes;
};

static void fix_read(struct fix *f, const char *text, size_t len)
{
	char *copy = malloc(len + !len);

	assert_non_null(copy);
	memcpy(copy, text, len);
	memset(f, 0, sizeof(*f));
	f->c.ndots = 1;
	f->c.timeout_ms = 5000;
	f->c.attempts = 2;
	f->notes = dns_resolvconf(&f->c, copy, len, f->note, NOTES);
	free(copy);
}

#define READ(f, text) fix_read((f), (text), sizeof(text) - 1)

static void assert_server(const struct fix *f, unsigned i, uint32_t ip4)
{
	assert_true(i < f->c.nservers);
	assert_int_equal(tapir_addr_to_v4(&f->c.server[i].addr), ip4);
	assert_int_equal(f->c.server[i].port, 0);
}

static void assert_search(const struct fix *f, unsigned i, const char *want)
{
	struct dns_name n = name_of(want);

	assert_true(i < f->c.nsearch);
	assert_true(dns_name_eq(&f->c.search[i], &n));
}

TEST(a_usual_file_is_read_whole, "")
{
	struct fix f;

	READ(&f, "# made by somebody\n"
		 "; another comment\n"
		 "nameserver 192.0.2.1\n"
		 "nameserver\t192.0.2.2 # behind it\n"
		 "nameserver 192.0.2.3;glued\n"
		 "search example.com Sub.Example.\n"
		 "options ndots:2 timeout:3 attempts:1 rotate use-vc edns0 trust-ad no-aaaa\n"
		 "sortlist 130.155.160.0/255.255.240.0\n"
		 "family inet4\n");
	assert_int_equal(f.notes, 0);
	assert_int_equal(f.c.nservers, 3);
	assert_server(&f, 0, 0xc0000201);
	assert_server(&f, 1, 0xc0000202);
	assert_server(&f, 2, 0xc0000203);
	assert_int_equal(f.c.nsearch, 2);
	assert_search(&f, 0, "example.com");
	assert_search(&f, 1, "sub.example");
	assert_int_equal(f.c.ndots, 2);
	assert_int_equal(f.c.timeout_ms, 3000);
	assert_int_equal(f.c.attempts, 1);
	assert_true(f.c.rotate && f.c.use_tcp && f.c.trust_ad && f.c.no_aaaa && !f.c.no_edns);
}

TEST(servers_that_the_stack_can_not_reach_are_skipped_with_a_word_of_the_mend, "")
{
	static const struct {
		const char *addr, *word;
	} skipped[] = {
		{"127.0.0.1", "loopback"},    {"127.0.0.53", "loopback"},
		{"0.0.0.0", "loopback"},      {"::1", "loopback"},
		{"::", "loopback"},	      {"::ffff:127.0.0.1", "loopback"},
		{"2001:db8::1", "IPv6"},      {"fe80::1%eth0", "IPv6"},
		{"224.0.0.251", "no server"}, {"255.255.255.255", "no server"},
	};

	for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
		struct fix f;
		char text[200];

		snprintf(text, sizeof(text), "# one\nnameserver %s\nnameserver 192.0.2.1\n",
			 skipped[i].addr);
		fix_read(&f, text, strlen(text));
		assert_int_equal(f.c.nservers, 1);
		assert_server(&f, 0, 0xc0000201);
		assert_int_equal(f.notes, 1);
		assert_int_equal(f.note[0].line, 2);
		assert_non_null(strstr(f.note[0].text, skipped[i].addr));
		assert_non_null(strstr(f.note[0].text, skipped[i].word));
		assert_non_null(strstr(f.note[0].text, "--dns"));
	}
}

TEST(addresses_are_read_as_inet_aton_does, "")
{
	struct fix f;

	READ(&f, "nameserver 10.1\nnameserver ::ffff:192.0.2.9\nnameserver dns.example\n"
		 "nameserver\nnameserver 192.0.2.1%eth0\nnameserver 192.0.2.256\n");
	assert_int_equal(f.c.nservers, 2);
	assert_server(&f, 0, 0x0a000001);
	assert_server(&f, 1, 0xc0000209);
	assert_int_equal(f.notes, 4);
	assert_string_equal(f.note[0].text, "nameserver dns.example: not an address");
	assert_string_equal(f.note[1].text, "nameserver: not an address");
}

TEST(eight_servers_are_used_and_each_once, "")
{
	struct fix f;
	char text[1000] = "";

	for (unsigned i = 1; i <= 10; i++)
		for (unsigned twice = 0; twice < 2; twice++)
			sprintf(text + strlen(text), "nameserver 192.0.2.%u\n", i);
	fix_read(&f, text, strlen(text));
	assert_int_equal(f.c.nservers, DNS_SERVERS_MAX);
	for (unsigned i = 0; i < 8; i++)
		assert_server(&f, i, 0xc0000201 + i);
	assert_int_equal(f.notes, 4);
}

TEST(the_last_of_search_and_domain_counts, "")
{
	struct fix f;

	READ(&f, "search a.example b.example\ndomain c.example d.example\n");
	assert_int_equal(f.c.nsearch, 1);
	assert_search(&f, 0, "c.example");
	READ(&f, "domain c.example\nsearch a.example b.example\n");
	assert_int_equal(f.c.nsearch, 2);
	assert_search(&f, 1, "b.example");
	/* An empty list, or the root alone: no list. */
	READ(&f, "search a.example\nsearch\n");
	assert_int_equal(f.c.nsearch, 0);
	READ(&f, "search a.example\nsearch .\n");
	assert_int_equal(f.c.nsearch, 0);
	READ(&f, "search a.example ; b.example\n");
	assert_int_equal(f.c.nsearch, 1);
}

TEST(the_search_list_is_bounded_and_its_names_are_names, "")
{
	struct fix f;
	char text[2000] = "search";

	for (unsigned i = 0; i < 20; i++)
		sprintf(text + strlen(text), " d%u.example", i);
	fix_read(&f, text, strlen(text));
	assert_int_equal(f.c.nsearch, DNS_SEARCH_MAX);
	assert_search(&f, 7, "d7.example");
	assert_int_equal(f.notes, 1);
	READ(&f, "search a..b ok.example .c\n");
	assert_int_equal(f.c.nsearch, 1);
	assert_search(&f, 0, "ok.example");
	assert_int_equal(f.notes, 2);
	assert_string_equal(f.note[0].text, "search a..b: not a name");
	strcpy(text, "search ");
	memset(text + 7, 'x', 300);
	text[307] = 0;
	fix_read(&f, text, 307);
	assert_int_equal(f.c.nsearch, 0);
	assert_int_equal(f.notes, 1);
	assert_true(strlen(f.note[0].text) < 80);
}

TEST(options_are_held_to_their_bounds, "")
{
	struct fix f;

	READ(&f, "options ndots:99 timeout:1000 attempts:5\n");
	assert_int_equal(f.c.ndots, 15);
	assert_int_equal(f.c.timeout_ms, 30000);
	assert_int_equal(f.c.attempts, 3);
	assert_int_equal(f.notes, 3);
	assert_non_null(strstr(f.note[2].text, "RFC 9520"));
	READ(&f, "options ndots:0 timeout:0 attempts:0\n");
	assert_int_equal(f.c.ndots, 0);
	assert_int_equal(f.c.timeout_ms, 1000);
	assert_int_equal(f.c.attempts, 1);
	READ(&f, "options ndots:99999999999999999999 timeout:4294967297\n");
	assert_int_equal(f.c.ndots, 15);
	assert_int_equal(f.c.timeout_ms, 30000);
	/* The last counts; what is no number changes nothing. */
	READ(&f, "options ndots:3\noptions ndots:4 ndots:x timeout: attempts:-1 attempts:2x\n");
	assert_int_equal(f.c.ndots, 4);
	assert_int_equal(f.c.timeout_ms, 5000);
	assert_int_equal(f.c.attempts, 2);
	assert_int_equal(f.notes, 4);
}

TEST(what_is_unknown_is_passed_over, "")
{
	struct fix f;

	READ(&f, "options debug inet6 single-request no-tld-query rotatee rotat Rotate ndots2\n"
		 "nameservers 192.0.2.1\n"
		 "NAMESERVER 192.0.2.1\n"
		 " nameserver 192.0.2.1\n"
		 "\tsearch a.example\n"
		 "nameserver192.0.2.1\n"
		 "search\xff a\n"
		 "\x01\x02\x03\n");
	assert_int_equal(f.notes, 0);
	assert_int_equal(f.c.nservers, 0);
	assert_int_equal(f.c.nsearch, 0);
	assert_false(f.c.rotate);
	assert_int_equal(f.c.ndots, 1);
}

TEST(odd_blanks_nul_octets_and_a_missing_newline_do_no_harm, "")
{
	struct fix f;

	READ(&f, "nameserver \t \v 192.0.2.1 \t\r\n\r\n\nnameserver 192.0.2.2\0garbage\n"
		 "nameserver\0 192.0.2.7\nsearch a.example\toptions\nnameserver 192.0.2.3");
	assert_int_equal(f.c.nservers, 3);
	assert_server(&f, 1, 0xc0000202);
	assert_server(&f, 2, 0xc0000203);
	assert_int_equal(f.notes, 1);
	assert_int_equal(f.c.nsearch, 2);
	READ(&f, "");
	assert_int_equal(f.notes, 0);
	READ(&f, "nameserver");
	assert_int_equal(f.notes, 1);
}

TEST(what_the_file_does_not_speak_of_stays, "")
{
	struct dns_conf c = {.ndots = 7, .nservers = 1, .nsearch = 1};

	c.server[0] = tapir_sockaddr_v4(0xc0000263, 5353);
	c.search[0] = name_of("was.example");
	assert_int_equal(dns_resolvconf(&c, "options rotate\n", 15, NULL, 0), 0);
	assert_int_equal(c.ndots, 7);
	assert_int_equal(c.nservers, 1);
	assert_int_equal(c.nsearch, 1);
	/* A nameserver line does away with the old ones even if it can't be used itself. */
	assert_int_equal(dns_resolvconf(&c, "nameserver 127.0.0.53\n", 22, NULL, 0), 1);
	assert_int_equal(c.nservers, 0);
}

TEST(notes_are_printable_and_counted_beyond_their_room, "")
{
	struct fix f;
	struct rnd rnd = {11};
	char text[4000];

	for (unsigned round = 0; round < 200; round++) {
		size_t at = 0;

		for (unsigned i = 0; i < 20; i++) {
			unsigned n = rnd_below(&rnd, 150);

			at += (size_t)sprintf(text + at, "nameserver ");
			while (n-- > 0)
				text[at++] = (char)(rnd_below(&rnd, 255) + 1);
			text[at++] = '\n';
		}
		fix_read(&f, text, at);
		for (unsigned i = 0; i < f.notes && i < NOTES; i++) {
			assert_true(strlen(f.note[i].text) < sizeof(f.note[i].text));
			for (const char *p = f.note[i].text; *p; p++)
				assert_true(*p >= ' ' && *p <= '~');
		}
	}
	READ(&f, "nameserver a\nnameserver b\nnameserver c\n");
	struct dns_resolvconf_note one;
	assert_int_equal(dns_resolvconf(&f.c, "nameserver a\nnameserver b\n", 26, &one, 1), 2);
	assert_int_equal(one.line, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_usual_file_is_read_whole),
		cmocka_unit_test(
			servers_that_the_stack_can_not_reach_are_skipped_with_a_word_of_the_mend),
		cmocka_unit_test(addresses_are_read_as_inet_aton_does),
		cmocka_unit_test(eight_servers_are_used_and_each_once),
		cmocka_unit_test(the_last_of_search_and_domain_counts),
		cmocka_unit_test(the_search_list_is_bounded_and_its_names_are_names),
		cmocka_unit_test(options_are_held_to_their_bounds),
		cmocka_unit_test(what_is_unknown_is_passed_over),
		cmocka_unit_test(odd_blanks_nul_octets_and_a_missing_newline_do_no_harm),
		cmocka_unit_test(what_the_file_does_not_speak_of_stays),
		cmocka_unit_test(notes_are_printable_and_counted_beyond_their_room),
	};
	return tapir_test_run("unit/dns/test_resolvconf", tests);
}
