/* RFC 6724's order: the examples of its section 10.2, each rule alone, and that any number of addresses is sorted. */
#include <stdio.h>
#include <stdlib.h>

#include "dns/addrinfo.h"
#include "dns/local.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

static struct tapir_addr addr(const char *text)
{
	struct dns_addr a = {0};

	if (*text)
		assert_int_equal(dns_addr_parse(text, false, &a), 0);
	return a.addr;
}

/* Pairs "destination source" in the order wanted, tried in every order of up to four. A source "" is none. */
static void assert_order(const char *const (*pair)[2], unsigned n, uint8_t prefix)
{
	unsigned perm[4] = {0, 1, 2, 3};
	unsigned count[4] = {0};

	for (bool more = true; more;) {
		struct tapir_addr dst[4], src[4];
		uint8_t len[4];

		for (unsigned i = 0; i < n; i++) {
			dst[i] = addr(pair[perm[i]][0]);
			src[i] = addr(pair[perm[i]][1]);
			len[i] = prefix;
		}
		if (prefix)
			dns_sort_prefixes(dst, src, len, n);
		else
			dns_sort(dst, src, n);
		for (unsigned i = 0; i < n; i++) {
			struct tapir_addr d = addr(pair[i][0]), s = addr(pair[i][1]);

			if (!tapir_addr_eq(&dst[i], &d))
				fail_msg("%s is not at %u", pair[i][0], i);
			assert_true(tapir_addr_eq(&src[i], &s));
		}
		/* The next permutation (Heap's algorithm). */
		more = false;
		for (unsigned i = 1; i < n; i++) {
			if (count[i] < i) {
				unsigned a = i % 2 ? count[i] : 0, t = perm[a];

				perm[a] = perm[i];
				perm[i] = t;
				count[i]++;
				more = true;
				break;
			}
			count[i] = 0;
		}
	}
}

#define ORDER(prefix, ...)                                                       \
	do {                                                                     \
		static const char *const pair_[][2] = {__VA_ARGS__};             \
		assert_order(pair_, sizeof(pair_) / sizeof(pair_[0]), (prefix)); \
	} while (0)

TEST(the_examples_of_rfc6724_come_out_as_written, "")
{
	/* 10.2, but those that need deprecated or home addresses. */
	ORDER(0, {"2001:db8:1::1", "2001:db8:1::2"}, {"198.51.100.121", "169.254.13.78"});
	ORDER(0, {"198.51.100.121", "198.51.100.117"}, {"2001:db8:1::1", "fe80::1"});
	ORDER(0, {"2001:db8:1::1", "2001:db8:1::2"}, {"10.1.2.3", "10.1.2.4"});
	ORDER(0, {"fe80::1", "fe80::2"}, {"2001:db8:1::1", "2001:db8:1::2"});
	ORDER(0, {"2001:db8:1::1", "2001:db8:1::2"}, {"2001:db8:3ffe::1", "2001:db8:3f44::2"});
	ORDER(0, {"2002:c633:6401::1", "2002:c633:6401::2"},
	      {"2001:db8:1::1", "2002:c633:6401::2"});
	ORDER(0, {"2001:db8:1::1", "2001:db8:1::2"}, {"2002:c633:6401::1", "2002:c633:6401::2"});
}

TEST(an_address_without_a_source_comes_last, "")
{
	ORDER(0, {"192.0.2.1", "192.0.2.9"}, {"2001:db8::1", ""});
	ORDER(0, {"169.254.1.1", "192.0.2.9"}, {"::1", ""});
	/* Among those the later rules go on, and IPv6's precedence is higher. */
	ORDER(0, {"2001:db8::1", ""}, {"192.0.2.1", ""});
}

TEST(scopes_labels_and_precedences_decide_in_turn, "")
{
	/* 2: a link-local destination from a global source loses. */
	ORDER(0, {"192.0.2.1", "192.0.2.9"}, {"169.254.3.4", "192.0.2.9"});
	/* 5: Teredo has a label of its own. */
	ORDER(0, {"192.0.2.1", "192.0.2.9"}, {"2001:db8::1", "2001:0:1::2"});
	/* 6: 50, 40, 35, 30. */
	ORDER(0, {"2001:db8::1", "2001:db8::2"}, {"192.0.2.1", "192.0.2.9"},
	      {"2002::1", "2002::2"});
	ORDER(0, {"192.0.2.1", "192.0.2.9"}, {"fd00::1", "fd00::2"});
	/* 8: of equal precedence the smaller scope. */
	ORDER(0, {"169.254.1.1", "169.254.1.2"}, {"192.0.2.1", "192.0.2.9"});
	ORDER(0, {"127.0.0.1", "127.0.0.1"}, {"10.0.0.1", "10.0.0.2"});
	ORDER(0, {"ff02::1", "fe80::1"}, {"ff0e::1", "2001:db8::1"});
}

/* RFC 6724 3.2: 10/8 and the like are global, so that a host behind a NAT has IPv4's whole precedence. */
TEST(private_ipv4_addresses_are_of_global_scope, "")
{
	ORDER(0, {"198.51.100.1", "10.0.0.2"}, {"169.254.1.1", "10.0.0.2"});
	struct tapir_addr dst[] = {addr("198.51.100.1"), addr("10.0.0.1"), addr("192.168.1.1")};
	struct tapir_addr src[] = {addr("10.0.0.2"), addr("10.0.0.2"), addr("10.0.0.2")};
	struct tapir_addr was[3];

	memcpy(was, dst, sizeof(dst));
	dns_sort(dst, src, 3);
	assert_memory_equal(dst, was, sizeof(dst));
}

TEST(connected_networks_come_first_where_prefixes_are_known, "D1123-15")
{
	ORDER(24, {"192.0.2.1", "192.0.2.9"}, {"198.51.100.1", "192.0.2.9"});
	ORDER(16, {"10.1.200.1", "10.1.0.9"}, {"10.2.0.1", "10.1.0.9"});
	/* Beyond the prefix bits in common mean nothing: the order stays. */
	struct tapir_addr dst[] = {addr("192.0.2.200"), addr("192.0.2.8")};
	struct tapir_addr src[] = {addr("192.0.2.9"), addr("192.0.2.9")};
	uint8_t len[] = {24, 24};

	dns_sort_prefixes(dst, src, len, 2);
	assert_int_equal(dst[0].b[15], 200);
	/* Nor do fewer: 10.0.0.9 and 8.8.8.8 have six bits in common. */
	struct tapir_addr spread[] = {addr("192.0.2.200"), addr("8.8.8.8"), addr("9.9.9.9")};
	struct tapir_addr own[] = {addr("10.0.0.9"), addr("10.0.0.9"), addr("10.0.0.9")};
	uint8_t own_len[] = {24, 24, 24};

	dns_sort_prefixes(spread, own, own_len, 3);
	assert_int_equal(spread[0].b[12], 192);
	assert_int_equal(spread[1].b[12], 8);
	/* And without a known prefix of IPv4 too; of IPv6 it is 64. */
	struct tapir_addr far[] = {addr("198.51.100.1"), addr("192.0.2.8")};

	dns_sort(far, src, 2);
	assert_int_equal(far[0].b[12], 198);
	ORDER(0, {"2001:db8:1::1", "2001:db8:1::2"}, {"2001:db8:2::1", "2001:db8:1::2"});
}

TEST(equals_stay_as_they_came, "")
{
	struct tapir_addr dst[64], src[64];

	for (unsigned i = 0; i < 64; i++) {
		dst[i] = i % 2 ? tapir_addr_v4(0xc6336400u + i) : addr("2001:db8:1::1");
		if (i % 2 == 0)
			dst[i].b[15] = (uint8_t)i;
		src[i] = i % 2 ? addr("192.0.2.9") : addr("2001:db8:1::9");
	}
	dns_sort(dst, src, 64);
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(dst[i].b[15], 2 * i);
		assert_int_equal(dst[32 + i].b[15], 2 * i + 1);
	}
}

/* musl once put the 49th result beyond an array. */
TEST(any_number_of_addresses_is_sorted_within_its_arrays, "DN-09")
{
	static const unsigned count[] = {0, 1, 2, 47, 48, 49, 63, 64, 65, 127, 128, 129, 700};
	static const char *const some[] = {"::1",	   "fe80::1",	  "fec0::1",   "fd00::1",
					   "2001:db8::1",  "2002:101::1", "2001::1",   "3ffe::1",
					   "::192.0.2.1",  "ff02::1",	  "ff0e::1",   "127.0.0.1",
					   "169.254.1.1",  "10.0.0.1",	  "192.0.2.1", "224.0.0.1",
					   "64:ff9b::101", "100::1"};
	const unsigned kinds = sizeof(some) / sizeof(some[0]);
	struct rnd rnd = {7};

	for (size_t c = 0; c < sizeof(count) / sizeof(count[0]); c++) {
		unsigned n = count[c];
		/* To the byte, for the sanitizer. */
		struct tapir_addr *dst = malloc(n * sizeof(*dst) + !n);
		struct tapir_addr *src = malloc(n * sizeof(*src) + !n);
		uint8_t *len = malloc(n + !n);
		unsigned sum = 0, sum_after = 0;

		assert_true(dst && src && len);
		for (unsigned i = 0; i < n; i++) {
			dst[i] = addr(some[rnd_u64(&rnd) % kinds]);
			src[i] = rnd_u64(&rnd) % 4 ? addr(some[rnd_u64(&rnd) % kinds]) : addr("");
			dst[i].b[15] = (uint8_t)rnd_u64(&rnd);
			len[i] = (uint8_t)rnd_u64(&rnd);
			sum += dst[i].b[15];
		}
		if (c % 2)
			dns_sort(dst, src, n);
		else
			dns_sort_prefixes(dst, src, len, n);
		bool none = false;
		for (unsigned i = 0; i < n; i++) {
			sum_after += dst[i].b[15];
			none |= tapir_addr_is_any(&src[i]);
			assert_int_equal(tapir_addr_is_any(&src[i]), none);
		}
		assert_int_equal(sum, sum_after);
		free(dst);
		free(src);
		free(len);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_rfc6724_come_out_as_written),
		cmocka_unit_test(an_address_without_a_source_comes_last),
		cmocka_unit_test(scopes_labels_and_precedences_decide_in_turn),
		cmocka_unit_test(private_ipv4_addresses_are_of_global_scope),
		cmocka_unit_test(connected_networks_come_first_where_prefixes_are_known),
		cmocka_unit_test(equals_stay_as_they_came),
		cmocka_unit_test(any_number_of_addresses_is_sorted_within_its_arrays),
	};
	return tapir_test_run("unit/dns/test_sort", tests);
}
