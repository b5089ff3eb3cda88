/* Which names no server is asked for, and which look as if they were such and are not. */
#include "dns/local.h"
#include "tests/unit/dns/names.h"

static enum dns_special kind(const char *text)
{
	struct dns_name n = name_of(text);

	return dns_special(&n);
}

TEST(localhost_and_all_below_it_are_the_machine, "D6761-1")
{
	assert_int_equal(kind("localhost"), DNS_SPECIAL_LOCALHOST);
	assert_int_equal(kind("LocalHost."), DNS_SPECIAL_LOCALHOST);
	assert_int_equal(kind("a.b.localhost"), DNS_SPECIAL_LOCALHOST);
	assert_int_equal(kind("localhost.localdomain"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("notlocalhost"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("localhost.example"), DNS_SPECIAL_NONE);
}

TEST(invalid_and_alt_do_not_exist, "D6761-2")
{
	assert_int_equal(kind("invalid"), DNS_SPECIAL_NXDOMAIN);
	assert_int_equal(kind("www.INVALID"), DNS_SPECIAL_NXDOMAIN);
	assert_int_equal(kind("gns.alt"), DNS_SPECIAL_NXDOMAIN);
	assert_int_equal(kind("alt."), DNS_SPECIAL_NXDOMAIN);
	assert_int_equal(kind("salt"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("invalid.example"), DNS_SPECIAL_NONE);
}

TEST(onion_does_not_exist, "D7686-1")
{
	assert_int_equal(kind("onion"), DNS_SPECIAL_NXDOMAIN);
	assert_int_equal(kind("duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.Onion"),
			 DNS_SPECIAL_NXDOMAIN);
	assert_int_equal(kind("onion.example"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("redonion"), DNS_SPECIAL_NONE);
}

TEST(test_and_example_are_names_as_all_others, "D6761-3")
{
	assert_int_equal(kind("test"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("a.test"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("example"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("www.example.com"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("example.net"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("example.org"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("."), DNS_SPECIAL_NONE);
}

TEST(private_reverse_names_are_looked_up, "D6761-4")
{
	assert_int_equal(kind("10.in-addr.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("1.0.0.10.in-addr.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("1.1.16.172.in-addr.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("1.1.31.172.in-addr.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("1.1.168.192.in-addr.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("d.f.ip6.arpa"), DNS_SPECIAL_NONE);
}

TEST(home_arpa_is_looked_up, "D8375-1")
{
	assert_int_equal(kind("home.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("printer.home.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("_dns.resolver.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("ipv4only.arpa"), DNS_SPECIAL_NONE);
}

TEST(local_and_link_local_reverse_names_are_the_links, "")
{
	assert_int_equal(kind("local"), DNS_SPECIAL_MDNS);
	assert_int_equal(kind("printer.LOCAL."), DNS_SPECIAL_MDNS);
	assert_int_equal(kind("a.b.local"), DNS_SPECIAL_MDNS);
	assert_int_equal(kind("254.169.in-addr.arpa"), DNS_SPECIAL_MDNS);
	assert_int_equal(kind("9.8.254.169.in-addr.arpa"), DNS_SPECIAL_MDNS);
	assert_int_equal(kind("8.e.f.ip6.arpa"), DNS_SPECIAL_MDNS);
	assert_int_equal(kind("9.E.F.ip6.arpa"), DNS_SPECIAL_MDNS);
	assert_int_equal(kind("1.0.a.e.f.ip6.arpa"), DNS_SPECIAL_MDNS);
	assert_int_equal(kind("b.e.f.ip6.arpa"), DNS_SPECIAL_MDNS);
	assert_int_equal(kind("c.e.f.ip6.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("7.e.f.ip6.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("e.f.ip6.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("253.169.in-addr.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("x254.169.in-addr.arpa"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("local.example"), DNS_SPECIAL_NONE);
}

TEST(loopback_reverse_names_are_localhosts, "")
{
	assert_int_equal(kind("1.0.0.127.in-addr.arpa"), DNS_SPECIAL_LOOPBACK_PTR);
	assert_int_equal(kind("255.1.10.127.IN-ADDR.arpa"), DNS_SPECIAL_LOOPBACK_PTR);
	assert_int_equal(
		kind("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"),
		DNS_SPECIAL_LOOPBACK_PTR);
	static const char *const other[] = {
		"127.in-addr.arpa",
		"0.127.in-addr.arpa",
		"0.0.127.in-addr.arpa",
		"2.1.0.0.127.in-addr.arpa",
		"01.0.0.127.in-addr.arpa",
		"256.0.0.127.in-addr.arpa",
		"x.0.0.127.in-addr.arpa",
		"1.0.0.126.in-addr.arpa",
		"127.0.0.1",
		"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
		"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
	};
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_int_equal(kind(other[i]), DNS_SPECIAL_NONE);
}

/* A label may hold a dot or any octet: it must not be taken for the end of another. */
TEST(labels_are_compared_as_labels, "D4343-1")
{
	struct dns_name dot = {.len = 13, .b = "\013a.localhost"};

	assert_int_equal(dns_special(&dot), DNS_SPECIAL_NONE);
	/* '@' and '`', '[' and '{' differ by the bit that makes a small letter, and are no letters. */
	assert_int_equal(kind("loca\x0c"), DNS_SPECIAL_NONE);
	assert_int_equal(kind("\xec"
			      "ocal"),
			 DNS_SPECIAL_NONE);
	assert_int_equal(kind("\xcc"
			      "ocal"),
			 DNS_SPECIAL_NONE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(localhost_and_all_below_it_are_the_machine),
		cmocka_unit_test(invalid_and_alt_do_not_exist),
		cmocka_unit_test(onion_does_not_exist),
		cmocka_unit_test(test_and_example_are_names_as_all_others),
		cmocka_unit_test(private_reverse_names_are_looked_up),
		cmocka_unit_test(home_arpa_is_looked_up),
		cmocka_unit_test(local_and_link_local_reverse_names_are_the_links),
		cmocka_unit_test(loopback_reverse_names_are_localhosts),
		cmocka_unit_test(labels_are_compared_as_labels),
	};
	return tapir_test_run("unit/dns/test_special", tests);
}
