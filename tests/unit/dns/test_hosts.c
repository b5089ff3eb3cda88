/* The hosts file: what is a line, what is a name, and block lists. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "dns/addrinfo.h"
#include "dns/local.h"
#include "tests/support/alloc.h"
#include "tests/support/rnd.h"
#include "tests/unit/dns/names.h"

enum { A = 1, MX = 15, AAAA = 28 };

static const uint8_t key[16] = {9, 8, 7};

struct fix {
	struct test_alloc mem;
	struct tapir_env env;
	struct dns_hosts *h;
};

static void *fix_read(struct fix *f, const char *text, size_t len)
{
	/* To the byte: whoever reads too far is seen by the sanitizer. */
	char *copy = malloc(len + !len);

	assert_non_null(copy);
	memcpy(copy, text, len);
	test_alloc_init(&f->mem, TEST_ALLOC_PLAIN);
	f->env =
		(struct tapir_env){.ctx = &f->mem, .alloc = test_alloc_get, .free = test_alloc_put};
	assert_int_equal(dns_hosts_new(&f->h, &f->env, key, copy, len), 0);
	free(copy);
	return f->h;
}

static void fix_end(struct fix *f)
{
	dns_hosts_free(f->h);
	assert_int_equal(f->mem.live, 0);
	test_alloc_end(&f->mem);
}

#define READ(f, text) fix_read((f), (text), sizeof(text) - 1)

static bool has(struct fix *f, const char *name)
{
	struct dns_name n = name_of(name);

	return dns_hosts_has(f->h, &n);
}

/* The addresses of a name, each behind a blank; the canonical name of the first in *canonical. */
static const char *addrs(struct fix *f, const char *name, uint16_t type)
{
	static char text[512];
	struct dns_name n = name_of(name), canonical;
	struct dns_addr a = {.family = type == A ? DNS_AF_INET : DNS_AF_INET6};

	text[0] = 0;
	for (unsigned i = 0; dns_hosts_addr(f->h, &n, type, i, &a.addr, &canonical); i++) {
		char one[46];

		assert_true(strlen(text) + 50 < sizeof(text));
		dns_addr_text(&a, one);
		strcat(text, " ");
		strcat(text, one);
	}
	return text;
}

static void assert_name(struct fix *f, const char *addr, unsigned i, const char *want)
{
	struct dns_addr a;
	struct dns_name n, wanted;

	assert_int_equal(dns_addr_parse(addr, false, &a), 0);
	assert_int_equal(dns_hosts_name(f->h, &a.addr, i, &n), want != NULL);
	if (!want)
		return;
	wanted = name_of(want);
	assert_int_equal(n.len, wanted.len);
	assert_memory_equal(n.b, wanted.b, n.len);
}

TEST(lines_have_an_address_and_names_between_any_blanks, "")
{
	struct fix f;

	READ(&f, "127.0.0.1\tlocalhost\n"
		 "  192.0.2.1 \t a.example  a\tb.example. # not.this\r\n"
		 "::1 localhost ip6-localhost\n"
		 "#192.0.2.2 comment.example\n"
		 "\n \t \n"
		 "192.0.2.3 glued#comment\n"
		 "192.0.2.4\n"
		 "2001:DB8::4 v6.example\n"
		 "192.0.2.5 last.example");
	assert_string_equal(addrs(&f, "localhost", A), " 127.0.0.1");
	assert_string_equal(addrs(&f, "localhost", AAAA), " ::1");
	assert_string_equal(addrs(&f, "localhost", MX), "");
	assert_string_equal(addrs(&f, "a.example", A), " 192.0.2.1");
	assert_string_equal(addrs(&f, "a", A), " 192.0.2.1");
	assert_string_equal(addrs(&f, "b.example", A), " 192.0.2.1");
	assert_string_equal(addrs(&f, "B.EXAMPLE.", A), " 192.0.2.1");
	assert_false(has(&f, "not.this"));
	assert_false(has(&f, "comment.example"));
	assert_true(has(&f, "glued"));
	assert_string_equal(addrs(&f, "v6.example", AAAA), " 2001:db8::4");
	assert_string_equal(addrs(&f, "v6.example", A), "");
	assert_true(has(&f, "v6.example"));
	assert_string_equal(addrs(&f, "last.example", A), " 192.0.2.5");
	assert_false(has(&f, "example"));
	assert_false(has(&f, "."));
	fix_end(&f);
}

TEST(a_name_on_several_lines_has_all_their_addresses_in_order, "")
{
	struct fix f;
	struct dns_name n = name_of("MULTI.example"), canonical;
	struct tapir_addr a;

	READ(&f, "192.0.2.9 first.example multi.example\n"
		 "2001:db8::1 multi.example\n"
		 "192.0.2.1 Multi.Example other\n"
		 "192.0.2.5 x MULTI.EXAMPLE\n");
	assert_string_equal(addrs(&f, "multi.example", A), " 192.0.2.9 192.0.2.1 192.0.2.5");
	assert_string_equal(addrs(&f, "multi.example", AAAA), " 2001:db8::1");
	/* The canonical name is each line's first, as it is written there (D4343-2). */
	assert_true(dns_hosts_addr(f.h, &n, A, 0, &a, &canonical));
	assert_memory_equal(canonical.b, "\5first\7example", 15);
	assert_true(dns_hosts_addr(f.h, &n, A, 1, &a, &canonical));
	assert_memory_equal(canonical.b, "\5Multi\7Example", 15);
	assert_true(dns_hosts_addr(f.h, &n, A, 2, &a, NULL));
	assert_false(dns_hosts_addr(f.h, &n, A, 3, &a, &canonical));
	fix_end(&f);
}

TEST(an_address_has_the_first_name_of_each_of_its_lines, "D4343-2")
{
	struct fix f;

	READ(&f,
	     "192.0.2.1 One.Example alias\n192.0.2.2 two\n192.0.2.1 three one.example\n::1 six\n");
	assert_name(&f, "192.0.2.1", 0, "One.Example");
	assert_name(&f, "192.0.2.1", 1, "three");
	assert_name(&f, "192.0.2.1", 2, NULL);
	assert_name(&f, "192.0.2.2", 0, "two");
	assert_name(&f, "::1", 0, "six");
	assert_name(&f, "192.0.2.3", 0, NULL);
	fix_end(&f);
}

TEST(what_is_no_address_or_no_name_is_passed_over, "DN-07")
{
	struct fix f;
	static const char text[] = "1.2.3 short\n"
				   "01.2.3.4 octal\n"
				   "fe80::1%lo0 zone\n"
				   "name 192.0.2.1\n"
				   "192.0.2.1.5 five\n"
				   "192.0.2.7 a..b .c . .. good x..\n"
				   "192.0.2.8 -dash _under w\xc3\xb6rter 1.2.3.4 back\\.slash\n"
				   "192.0.2.9 before\0after\n"
				   "\0 192.0.2.10 nul\n"
				   "192.0.2.11 next\n";

	READ(&f, text);
	static const char *const none[] = {"short", "octal", "zone", "192.0.2.1", "five", "a",
					   "b",	    "c",     "x",    "after",	  "nul"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(has(&f, none[i]));
	assert_name(&f, "192.0.2.7", 0, "good");
	assert_true(has(&f, "-dash"));
	assert_true(has(&f, "_under"));
	assert_true(has(&f, "w\xc3\xb6rter"));
	assert_false(has(&f, "w\xc3\x96rter"));
	assert_true(has(&f, "1.2.3.4"));
	assert_true(has(&f, "back\\.slash")); /* nothing is escaped here */
	assert_true(has(&f, "before"));
	assert_true(has(&f, "next"));
	fix_end(&f);
}

TEST(names_are_taken_up_to_their_limits, "D1123-18 DN-07")
{
	struct fix f;
	char text[9000], label[65], name[300];

	memset(label, 'a', 64);
	label[64] = 0;
	snprintf(name, sizeof(name), "%.63s.%.63s.%.63s.%.61s", label, label, label, label);
	snprintf(text, sizeof(text),
		 "192.0.2.1 %.63s\n192.0.2.2 %.64s\n192.0.2.3 %s\n192.0.2.4 %sa\n192.0.2.5 b\n"
		 "192.0.2.6 3com.example\n",
		 label, label, name, name);
	fix_read(&f, text, strlen(text));
	assert_name(&f, "192.0.2.1", 0,
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_name(&f, "192.0.2.2", 0, NULL);
	assert_name(&f, "192.0.2.3", 0, name);
	assert_name(&f, "192.0.2.4", 0, NULL);
	assert_true(has(&f, "3com.example"));
	fix_end(&f);
	/* Digits and dots by the kilobyte, as an address and as a name. */
	for (unsigned len = 1000; len < 4200; len += 100) {
		size_t at = 0;

		for (unsigned k = 0; k < 2; k++) {
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s",
					       k ? " x\n192.0.2.1 " : "");
			for (unsigned i = 0; i < len; i++)
				text[at++] = i % 7 == 6 ? '.' : '0';
		}
		fix_read(&f, text, at);
		assert_name(&f, "192.0.2.1", 0, NULL);
		fix_end(&f);
	}
}

TEST(a_line_may_be_of_any_length, "")
{
	struct fix f;
	enum { NAMES = 50000 };
	char *text = malloc(NAMES * 16 + 64), *p = text;

	assert_non_null(text);
	p += sprintf(p, "192.0.2.1");
	for (unsigned i = 0; i < NAMES; i++)
		p += sprintf(p, " n%u.x", i);
	fix_read(&f, text, (size_t)(p - text));
	assert_string_equal(addrs(&f, "n0.x", A), " 192.0.2.1");
	assert_string_equal(addrs(&f, "n49999.x", A), " 192.0.2.1");
	assert_false(has(&f, "n50000.x"));
	fix_end(&f);
	free(text);
}

TEST(a_block_list_of_100000_lines_takes_reasonable_memory, "")
{
	struct fix f;
	enum { LINES = 100000 };
	char *text = malloc(LINES * 64), *p = text;

	assert_non_null(text);
	for (unsigned i = 0; i < LINES; i++)
		p += sprintf(p, "0.0.0.0 tracker%u.ads%u.example\n", i, i % 977);
	for (unsigned i = 0; i < LINES; i += 2)
		p += sprintf(p, ":: tracker%u.ads%u.example\n", i, i % 977);
	fix_read(&f, text, (size_t)(p - text));
	assert_string_equal(addrs(&f, "tracker0.ads0.example", A), " 0.0.0.0");
	assert_string_equal(addrs(&f, "tracker0.ads0.example", AAAA), " ::");
	assert_string_equal(addrs(&f, "tracker99999.ads345.example", A), " 0.0.0.0");
	assert_string_equal(addrs(&f, "tracker99999.ads345.example", AAAA), "");
	assert_int_equal(f.mem.live, 1);
	/* Within four times the text, and 120 octets a line. */
	assert_true(f.mem.peak_bytes < 4 * (size_t)(p - text));
	assert_true(f.mem.peak_bytes < 150000 * 120);
	for (unsigned i = 0; i < LINES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "tracker%u.ads%u.example", i, i % 977);
		assert_true(has(&f, name));
	}
	fix_end(&f);
	free(text);
}

/* One name, or one address, 100,000 times: each line is added in the same time, and others are found at once. */
TEST(the_same_name_or_address_on_every_line_costs_no_more, "")
{
	struct fix f;
	enum { LINES = 100000 };
	char *text = malloc(LINES * 32), *p = text;
	struct dns_name same = name_of("same");
	struct tapir_addr a;

	assert_non_null(text);
	for (unsigned i = 0; i < LINES; i++)
		p += sprintf(p, "10.%u.%u.%u same\n", i >> 16, i >> 8 & 255, i & 255);
	for (unsigned i = 0; i < 1000; i++)
		p += sprintf(p, "10.0.0.1 n%u\n", i);
	fix_read(&f, text, (size_t)(p - text));
	assert_true(dns_hosts_addr(f.h, &same, A, LINES - 1, &a, NULL));
	assert_int_equal(tapir_addr_to_v4(&a), 0x0a000000 + LINES - 1);
	assert_false(dns_hosts_addr(f.h, &same, A, LINES, &a, NULL));
	assert_name(&f, "10.0.0.1", 1000, "n999");
	assert_name(&f, "10.0.0.1", 1001, NULL);
	fix_end(&f);
	free(text);
}

TEST(an_empty_text_has_nothing, "")
{
	struct fix f;

	READ(&f, "");
	assert_false(has(&f, "localhost"));
	assert_name(&f, "127.0.0.1", 0, NULL);
	fix_end(&f);
	READ(&f, "\n\n# nothing\n");
	assert_false(has(&f, "nothing"));
	fix_end(&f);
}

TEST(no_memory_is_told, "")
{
	struct test_alloc mem;
	struct tapir_env env = {.ctx = &mem, .alloc = test_alloc_get, .free = test_alloc_put};
	struct dns_hosts *h;

	test_alloc_init(&mem, TEST_ALLOC_PLAIN);
	mem.fail_at = 1;
	assert_int_equal(dns_hosts_new(&h, &env, key, "::1 a", 5), -ENOMEM);
	assert_int_equal(mem.live, 0);
	test_alloc_end(&mem);
	dns_hosts_free(NULL);
}

/* Random texts of what matters against a reader that is plain and slow. */
TEST(random_texts_agree_with_a_plain_reader, "")
{
	static const char *const piece[] = {"192.0.2.1", "192.0.2.2", "::1",	 "a",  "B.c",
					    "b.C.",	 "d",	      " ",	 "  ", "\t",
					    "\n",	 "\n",	      "\n",	 "#",  "\r",
					    "x..",	 "e",	      "10.0.0.1"};
	struct rnd rnd = {3};

	for (unsigned round = 0; round < 3000; round++) {
		char text[400] = "", copy[400];
		const char *ask[] = {"a", "b.c", "d", "e", "x"};
		struct fix f;

		for (unsigned i = rnd_below(&rnd, 60); i > 0; i--)
			strcat(text, piece[rnd_below(&rnd, sizeof(piece) / sizeof(piece[0]))]);
		fix_read(&f, text, strlen(text));
		for (unsigned n = 0; n < 5; n++) {
			char want[400] = "", *line_at, *word_at;

			strcpy(copy, text);
			for (char *line = strtok_r(copy, "\n", &line_at); line;
			     line = strtok_r(NULL, "\n", &line_at)) {
				char *addr;

				line[strcspn(line, "#")] = 0;
				addr = strtok_r(line, " \t\r", &word_at);
				if (!addr || (strcmp(addr, "192.0.2.1") != 0 &&
					      strcmp(addr, "192.0.2.2") != 0 &&
					      strcmp(addr, "10.0.0.1") != 0))
					continue;
				for (char *w; (w = strtok_r(NULL, " \t\r", &word_at));) {
					size_t len = strlen(w);

					if (len && w[len - 1] == '.')
						w[len - 1] = 0;
					if (strcasecmp(w, ask[n]) == 0) {
						strcat(want, " ");
						strcat(want, addr);
					}
				}
			}
			assert_string_equal(addrs(&f, ask[n], A), want);
		}
		fix_end(&f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_an_address_and_names_between_any_blanks),
		cmocka_unit_test(a_name_on_several_lines_has_all_their_addresses_in_order),
		cmocka_unit_test(an_address_has_the_first_name_of_each_of_its_lines),
		cmocka_unit_test(what_is_no_address_or_no_name_is_passed_over),
		cmocka_unit_test(names_are_taken_up_to_their_limits),
		cmocka_unit_test(a_line_may_be_of_any_length),
		cmocka_unit_test(a_block_list_of_100000_lines_takes_reasonable_memory),
		cmocka_unit_test(the_same_name_or_address_on_every_line_costs_no_more),
		cmocka_unit_test(an_empty_text_has_nothing),
		cmocka_unit_test(no_memory_is_told),
		cmocka_unit_test(random_texts_agree_with_a_plain_reader),
	};
	return tapir_test_run("unit/dns/test_hosts", tests);
}
