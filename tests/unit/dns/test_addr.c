/* Addresses as text, held against the C library where it does the same, and the words for what went wrong. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns/addrinfo.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

static void assert_refused(const char *text, bool loose)
{
	struct dns_addr a;

	if (dns_addr_parse(text, loose, &a) != -EINVAL)
		fail_msg("taken: \"%.80s\"", text);
}

static void assert_v4(const char *text, bool loose, uint32_t ip4)
{
	struct dns_addr a;

	if (dns_addr_parse(text, loose, &a))
		fail_msg("refused: \"%.80s\"", text);
	assert_int_equal(a.family, DNS_AF_INET);
	assert_int_equal(tapir_addr_to_v4(&a.addr), ip4);
	assert_true(tapir_addr_is_v4(&a.addr));
}

TEST(dotted_decimal_is_read_strictly, "D1123-18")
{
	assert_v4("0.0.0.0", false, 0);
	assert_v4("1.2.3.4", false, 0x01020304);
	assert_v4("255.255.255.255", false, 0xffffffff);
	static const char *const bad[] = {
		"",	     ".",	  "1",	      "1.2.3",	    "1.2.3.4.",
		"1.2.3.4.5", "1..2.3",	  ".1.2.3.4", "256.1.1.1",  "1.1.1.256",
		"01.2.3.4",  "1.2.3.00",  "1.2.3.4 ", " 1.2.3.4",   "+1.2.3.4",
		"1.2.3.-4",  "0x1.2.3.4", "1.2.3.a",  "1.2.3.4/24", "4294967297.1.1.1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i], false);
}

TEST(loose_reading_takes_the_forms_of_inet_aton, "")
{
	assert_v4("1.2.3", true, 0x01020003);
	assert_v4("127.1", true, 0x7f000001);
	assert_v4("0x7f.1", true, 0x7f000001);
	assert_v4("0177.0.0.01", true, 0x7f000001);
	assert_v4("16909060", true, 0x01020304);
	assert_v4("1.131844", true, 0x010202f4 + 0x10);
	assert_v4("4294967295", true, 0xffffffff);
	assert_v4("0xFFFFFFFF", true, 0xffffffff);
	assert_v4("0", true, 0);
	static const char *const bad[] = {"4294967296", "256.1",	"1.16777216", "1.2.65536",
					  "1.2.3.256",	"08",		"0x",	      "0x.1",
					  "1.2.3.4.5",	"1.",		"1 ",	      "a",
					  "-1",		"0x1ffffffff1", "1.2.3.09",   "1.0xg"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct in_addr in;

		assert_refused(bad[i], true);
		/* glibc's allows blanks and anything behind them. */
		if (!strchr(bad[i], ' '))
			assert_int_equal(inet_aton(bad[i], &in), 0);
	}
}

TEST(ipv6_is_read_by_rfc4291_and_nothing_else, "")
{
	static const char *const good[] = {
		"::",
		"::1",
		"1::",
		"1:2:3:4:5:6:7:8",
		"2001:DB8::A",
		"1:2:3:4:5:6:7::",
		"::2:3:4:5:6:7:8",
		"::ffff:192.0.2.1",
		"1:2:3:4:5:6:192.0.2.1",
		"1:2:3:4:5::192.0.2.1",
		"0001:0002:0003:0004:0005:0006:0007:0008",
		"fe80::1",
		"0:0:0:0:0:0:0:0",
	};
	static const char *const bad[] = {
		":",
		":::",
		"1:2",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:",
		"1:2:3:4:5:6:7:8::",
		"1:2:3:4:5:6:7:8:9",
		":1:2:3:4:5:6:7:8",
		"1::2::3",
		"1:2:3:4::5:6:7:8",
		"00001::",
		"g::",
		"::1%eth0",
		"fe80::1%1",
		"::1 ",
		"::192.0.2",
		"::192.0.2.256",
		"::192.0.2.01",
		"::192.0.2.1:1",
		"1:2:3:4:5:6:7:192.0.2.1",
		"1:2:3:4:5:6::192.0.2.1:",
		"[::1]",
		"12345::",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct dns_addr a;
		struct in6_addr in6;

		if (dns_addr_parse(good[i], false, &a))
			fail_msg("refused: %s", good[i]);
		assert_int_equal(a.family, DNS_AF_INET6);
		assert_int_equal(inet_pton(AF_INET6, good[i], &in6), 1);
		assert_memory_equal(a.addr.b, in6.s6_addr, 16);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_refused(bad[i], false);
		assert_refused(bad[i], true);
	}
}

TEST(the_text_of_an_address_is_rfc5952s_and_reads_back, "")
{
	static const struct {
		const char *in, *out;
	} v[] = {
		{"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* 4.2.2: not for one group */
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},	  /* 4.2.3: the longest */
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},	  /* 4.2.3: the first of equals */
		{"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"::1", "::1"},
		{"::ffff:c000:201", "::ffff:192.0.2.1"}, /* 5 */
		{"::c000:201", "::192.0.2.1"},
		{"64:ff9b::c000:201", "64:ff9b::c000:201"},
		{"255.0.10.9", "255.0.10.9"},
		{"0.0.0.0", "0.0.0.0"},
	};
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct dns_addr a;
		char text[46];

		assert_int_equal(dns_addr_parse(v[i].in, false, &a), 0);
		assert_int_equal(dns_addr_text(&a, text), strlen(v[i].out));
		assert_string_equal(text, v[i].out);
	}
}

TEST(any_address_as_text_is_the_c_librarys, "")
{
	struct rnd rnd = {1};

	for (unsigned i = 0; i < 200000; i++) {
		struct dns_addr a = {.family = DNS_AF_INET6}, back;
		char ours[46], theirs[46];
		uint64_t zero = rnd_u64(&rnd), some = rnd_u64(&rnd), mask = rnd_u64(&rnd);

		for (unsigned k = 0; k < 16; k++)
			if (!(zero >> k / 2 & 1))
				a.addr.b[k] = (uint8_t)(mask >> k % 2 * 8 & 1 ? some >> k % 8 * 8
									      : rnd_u64(&rnd));
		if (i % 16 == 0)
			memcpy(a.addr.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		inet_ntop(AF_INET6, a.addr.b, theirs, sizeof(theirs));
		dns_addr_text(&a, ours);
		assert_string_equal(ours, theirs);
		assert_int_equal(dns_addr_parse(ours, i & 1, &back), 0);
		assert_memory_equal(&back.addr, &a.addr, 16);
	}
}

/* All short texts of the characters that matter, strictly and loosely, as the C library takes them. */
TEST(every_short_text_is_taken_or_refused_as_the_c_library_does, "D1123-18")
{
	static const char set[] = "0129:.fx";
	const unsigned k = sizeof(set) - 1;

	for (unsigned len = 1; len <= 7; len++) {
		uint64_t n = 1;

		for (unsigned i = 0; i < len; i++)
			n *= k;
		for (uint64_t v = 0; v < n; v++) {
			char text[16];
			uint64_t w = v;
			struct dns_addr a;
			uint8_t b[16];
			struct in_addr in;

			for (unsigned i = 0; i < len; i++, w /= k)
				text[i] = set[w % k];
			text[len] = 0;
			bool v4 = inet_pton(AF_INET, text, b) == 1;
			bool v6 = inet_pton(AF_INET6, text, b) == 1;
			bool aton = inet_aton(text, &in) == 1;
			bool strict = dns_addr_parse(text, false, &a) == 0;

			if (strict != (v4 || v6))
				fail_msg("strictly: %s", text);
			if (v6)
				assert_memory_equal(a.addr.b, b, 16);
			bool loose = dns_addr_parse(text, true, &a) == 0;
			if (loose != (aton || v6))
				fail_msg("loosely: %s", text);
			if (aton)
				assert_int_equal(tapir_addr_to_v4(&a.addr), ntohl(in.s_addr));
		}
	}
}

/* The class of GHOST: long texts of digits and dots that a C library may take for a number. */
TEST(kilobytes_of_digits_and_dots_are_refused_safely, "DN-07")
{
	static const char *const unit[] = {"0", "1", ".", "0.", "1.", ":", "0:", "0x", "f", "::"};

	for (size_t u = 0; u < sizeof(unit) / sizeof(unit[0]); u++) {
		for (size_t len = 900; len <= 4100; len += 61) {
			/* To the byte: whoever reads too far is seen by the sanitizer. */
			char *text = malloc(len + 1);
			struct dns_addr a;

			assert_non_null(text);
			for (size_t i = 0; i < len; i++)
				text[i] = unit[u][i % strlen(unit[u])];
			text[len] = 0;
			assert_refused(text, false);
			/* Zeros alone are a number, however many: nothing is copied. */
			if (u == 0) {
				assert_int_equal(dns_addr_parse(text, true, &a), 0);
				assert_true(tapir_addr_is_any(&a.addr));
			} else {
				assert_refused(text, true);
			}
			free(text);
		}
	}
}

TEST(every_error_has_glibcs_sentence, "")
{
	for (int e = DNS_EAI_SYSTEM; e < 0; e++)
		if (e != -9) /* EAI_ADDRFAMILY, which we never give */
			assert_string_equal(dns_eai_text(e), gai_strerror(e));
	assert_string_equal(dns_eai_text(-9999), "Unknown error");
	assert_string_equal(dns_eai_text(1), "Unknown error");
	assert_string_equal(dns_eai_text(0), "Success");
}

TEST(every_status_has_words_of_its_own, "")
{
	for (int s = DNS_OK; s <= DNS_CANCELLED; s++) {
		assert_string_not_equal(dns_status_text((enum dns_status)s), "unknown status");
		for (int t = DNS_OK; t < s; t++)
			assert_string_not_equal(dns_status_text((enum dns_status)s),
						dns_status_text((enum dns_status)t));
	}
	assert_string_equal(dns_status_text((enum dns_status)99), "unknown status");
	assert_string_equal(dns_status_text((enum dns_status) - 1), "unknown status");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(dotted_decimal_is_read_strictly),
		cmocka_unit_test(loose_reading_takes_the_forms_of_inet_aton),
		cmocka_unit_test(ipv6_is_read_by_rfc4291_and_nothing_else),
		cmocka_unit_test(the_text_of_an_address_is_rfc5952s_and_reads_back),
		cmocka_unit_test(any_address_as_text_is_the_c_librarys),
		cmocka_unit_test(every_short_text_is_taken_or_refused_as_the_c_library_does),
		cmocka_unit_test(kilobytes_of_digits_and_dots_are_refused_safely),
		cmocka_unit_test(every_error_has_glibcs_sentence),
		cmocka_unit_test(every_status_has_words_of_its_own),
	};
	return tapir_test_run("unit/dns/test_addr", tests);
}
