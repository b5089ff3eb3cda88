/* Records as text: what dig 9.18 printed of the same octets. */
#include "dns/text.h"
#include "tests/support/rnd.h"
#include "tests/unit/dns/wire.h"

static void one(struct wire *w, const char *owner, unsigned type, unsigned class, const char *rdata,
		struct dns_msg *m, struct dns_rr *rr)
{
	struct dns_rr_iter it;

	wire_reply(w, 1, 0, 0);
	wire_rr(w, owner, type, class, rdata);
	struct dns_flaw flaw = {0, ""};

	if (dns_msg_decode(m, w->b, w->len, &flaw))
		fail_msg("%s: refused at %zu: %s", rdata, flaw.at, flaw.why);
	dns_rr_begin(m, &it);
	assert_true(dns_rr_next(m, &it, rr));
}

/* RDATA as text from the message and written out: the same, however it is cut. */
static void assert_rdata(unsigned type, const char *rdata, const char *text)
{
	struct wire w;
	struct dns_msg m;
	struct dns_rr rr;
	uint8_t flat[2000];
	char out[4000];

	one(&w, "c00c", type, 1, rdata, &m, &rr);
	size_t len = dns_rr_short(&m, &rr, out, sizeof(out));

	assert_string_equal(out, text);
	assert_int_equal(len, strlen(text));
	int n = dns_rdata_expand(&m, &rr, flat, sizeof(flat));

	assert_true(n >= 0);
	len = dns_rdata_text((uint16_t)type, 1, flat, (size_t)n, out, sizeof(out));
	assert_string_equal(out, text);
	for (size_t cap = 0; cap <= len; cap++) {
		char *p = malloc(cap ? cap : 1);

		assert_non_null(p);
		assert_int_equal(dns_rdata_text((uint16_t)type, 1, flat, (size_t)n, p, cap), len);
		if (cap) {
			assert_memory_equal(p, text, cap - 1);
			assert_int_equal(p[cap - 1], '\0');
		}
		free(p);
	}
}

static void assert_line(const char *owner, unsigned type, unsigned class, const char *rdata,
			const char *text)
{
	struct wire w;
	struct dns_msg m;
	struct dns_rr rr;
	char out[1000];

	one(&w, owner, type, class, rdata, &m, &rr);
	size_t len = dns_rr_text(&m, &rr, out, sizeof(out));

	assert_string_equal(out, text);
	assert_int_equal(len, strlen(text));
}

TEST(lines_stand_in_digs_columns, "")
{
	assert_line("c00c", 1, 1, "c0000201", "a.b.\t\t\t300\tIN\tA\t192.0.2.1");
	assert_line("'www' 'example' 'com' 00", 28, 1, "20010db8 00000000 00000000 00000001",
		    "www.example.com.\t300\tIN\tAAAA\t2001:db8::1");
	assert_line("'www1' 'www' 'examples' 'com' 00", 1, 1, "c0000201",
		    "www1.www.examples.com.\t300\tIN\tA\t192.0.2.1");
	assert_line("'www12' 'www' 'examples' 'com' 00", 1, 1, "c0000201",
		    "www12.www.examples.com.\t300\tIN\tA\t192.0.2.1");
	assert_line("'www123' 'www' 'examples' 'com' 00", 1, 1, "c0000201",
		    "www123.www.examples.com. 300\tIN\tA\t192.0.2.1");
	assert_line("'a-very-long-label' 'of-a-long-name' 'example' 00", 1, 1, "c0000201",
		    "a-very-long-label.of-a-long-name.example. 300 IN A 192.0.2.1");
	assert_line("00", 65280, 1, "dead", ".\t\t\t300\tIN\tTYPE65280 \\# 2 DEAD");
	assert_line("00", 51, 1, "01 00 000a 00", ".\t\t\t300\tIN\tNSEC3PARAM 1 0 10 -");
	assert_line("c00c", 16, 3, "'9.18'", "a.b.\t\t\t300\tCH\tTXT\t\"9.18\"");
	assert_line("c00c", 16, 9999, "'x'", "a.b.\t\t\t300\tCLASS9999 TXT\t\"x\"");
	assert_line("c00c", 1, 3, "c0000201", "a.b.\t\t\t300\tCH\tA\t\\# 4 C0000201");
}

TEST(records_of_the_first_days, "")
{
	assert_rdata(1, "ffffffff", "255.255.255.255");
	assert_rdata(2, "'ns1' c00c", "ns1.a.b.");
	assert_rdata(5, "c00c", "a.b.");
	assert_rdata(12, "00", ".");
	assert_rdata(39, "'d' 'b' 00", "d.b.");
	assert_rdata(15, "000a 'Mail' c00e", "10 Mail.b.");
	assert_rdata(
		6, "'ns' c00c 08686d2e61646d696e c00e 78b3cf01 00000e10 00000384 00093a80 ffffffff",
		"ns.a.b. hm\\.admin.b. 2025049857 3600 900 604800 4294967295");
	assert_rdata(13, "'PDP-11' 'U\"X\\' ", "\"PDP-11\" \"U\\\"X\\\\\"");
	assert_rdata(33, "0001 0002 01bb c00c", "1 2 443 a.b.");
	assert_rdata(35, "0064 000a 'S' 'SIP+D2U' 00 'sip' c00c",
		     "100 10 \"S\" \"SIP+D2U\" \"\" sip.a.b.");
	assert_rdata(17, "'hm' c00c c00c", "hm.a.b. a.b.");
	assert_rdata(19, "'311061700956'", "\"311061700956\"");
}

TEST(character_strings_are_escaped, "D2181-7")
{
	assert_rdata(16, "'v=spf1 -all'", "\"v=spf1 -all\"");
	assert_rdata(16, "00", "\"\"");
	assert_rdata(16, "'one' 00 'two'", "\"one\" \"\" \"two\"");
	assert_rdata(16, "0a 00 09 0a 1f 20 7e 7f 80 ff 3b",
		     "\"\\000\\009\\010\\031 ~\\127\\128\\255;\"");
	assert_rdata(16, "05 22 5c 40 24 2c", "\"\\\"\\\\@$,\"");
	assert_rdata(257, "00 'issue' 6c6574 22 3b", "0 issue \"let\\\";\"");
	assert_rdata(257, "80 'IODEF' ", "128 IODEF \"\"");
	assert_rdata(256, "000a 0001 687474703a2f2f61", "10 1 \"http://a\"");
}

TEST(ipv6_addresses_are_short, "")
{
	assert_rdata(28, "00000000 00000000 00000000 00000000", "::");
	assert_rdata(28, "00000000 00000000 00000000 00000001", "::1");
	assert_rdata(28, "20010db8 00000001 00000000 00010000", "2001:db8:0:1::1:0");
	assert_rdata(28, "20010db8 00000000 00010000 00000000", "2001:db8:0:0:1::");
	assert_rdata(28, "20010db8 00010000 00010001 00010001", "2001:db8:1:0:1:1:1:1");
	assert_rdata(28, "00000000 00000000 0000ffff c0000201", "::ffff:192.0.2.1");
	assert_rdata(28, "00000000 00000000 00000000 c0000201", "::192.0.2.1");
	assert_rdata(28, "fe800000 00000000 02005eff fe0000ff", "fe80::200:5eff:fe00:ff");
	assert_rdata(28, "00010002 00030004 00050006 00070008", "1:2:3:4:5:6:7:8");
}

TEST(records_of_dnssec, "")
{
	assert_rdata(
		43, "4d0d 0d 02 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766",
		"19725 13 2 E2D3C916F6DEEAC73294E8268FB5885044A833FC5459588F4A9184CF C41A5766");
	assert_rdata(
		48,
		"0101 03 08 030001 9dc1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9eaf0"
		"112233445566778899aabbccddeeff",
		"257 3 8 AwABncGis8TV5veoucDR4vOktcbX6PmgscLT5PWmt8jZ6vARIjNEVWZ3 iJmqu8zd7v8=");
	assert_rdata(46, "0001 08 02 0000012c 65a0b0c0 659f5f40 3039 'ex' 00 0102",
		     "A 8 2 300 20240112032344 20240111032344 12345 ex. AQI=");
	assert_rdata(46, "ff00 0d 00 00000000 00000000 ffffffff 0000 00 00",
		     "TYPE65280 13 0 0 19700101000000 21060207062815 0 . AA==");
	assert_rdata(47, "'n' c00c 0006 400100000003 0101 40", "n.a.b. A MX RRSIG NSEC CAA");
	assert_rdata(50,
		     "01 01 000a 04 aabbccdd 14 0123456789abcdef0123456789abcdef01234567 0001 40",
		     "1 1 10 AABBCCDD 04HKAPS9LF6UU0938LJOJAUDTS0I6HB7 A");
	assert_rdata(60, "0000 03 00 00", "0 3 0 AA==");
}

TEST(service_bindings_are_as_dig_writes_them, "")
{
	assert_rdata(65, "0001 00 0001 0006 'h2' 'h3' 0003 0002 01bb 0004 0004 c0000201",
		     "1 . alpn=\"h2,h3\" port=443 ipv4hint=192.0.2.1");
	assert_rdata(64, "0000 'svc' 'b' 00", "0 svc.b.");
	assert_rdata(65,
		     "0010 'f' 00 0000 0004 0001 0004 0001 0003 'h2' 0004 0008 c0000201 c0000202",
		     "16 f. mandatory=alpn,ipv4hint alpn=\"h2\" ipv4hint=192.0.2.1,192.0.2.2");
	assert_rdata(
		65,
		"0001 00 0001 0003 'h2' 0002 0000 0005 0003 414243 0006 0010 20010db8 00000000 "
		"00000000 00000001 0007 0001 2f ff35 0002 2220 ffff 0000",
		"1 . alpn=\"h2\" no-default-alpn ech=QUJD ipv6hint=2001:db8::1 key7=\"/\" "
		"key65333=\"\\\" \" key65535");
	/* RFC 9460 A.1: f\oo,bar and h2 */
	assert_rdata(64, "0010 00 0001 000c 08665c6f6f2c626172 'h2'",
		     "16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"");
	assert_rdata(64, "0001 00 0001 0003 02 2041", "1 . alpn=\"\\032A\"");
}

TEST(other_records_that_people_look_at, "")
{
	assert_rdata(52, "03 01 01 0aff", "3 1 1 0AFF");
	assert_rdata(44, "04 02 0aff", "4 2 0AFF");
	assert_rdata(29, "00 12 16 13 8b0d2c8c 7ff8fca5 00989680",
		     "51 30 12.748 N 0 7 39.611 W 0.00m 1m 10000m 10m");
	assert_rdata(29, "00 10 21 93 8b0d2c8c 80000000 00000000",
		     "51 30 12.748 N 0 0 0.000 E -100000.00m 0.01m 0.20m 90m");
	assert_rdata(29, "01 12 16 13 8b0d2c8c 7ff8fca5 00989680",
		     "\\# 16 011216138B0D2C8C7FF8FCA500989680");
	assert_rdata(37, "0001 0002 08 010203", "PKIX 2 RSASHA256 AQID");
	assert_rdata(37, "00ff 0002 0b 010203", "255 2 11 AQID");
	assert_rdata(108, "00005ef0050a", "00-00-5e-f0-05-0a");
	assert_rdata(104, "000a 00144fff ff20ee64", "10 14:4fff:ff20:ee64");
	assert_rdata(61, "0102", "AQI=");
	assert_rdata(62, "00000001 0003 0001 62", "1 3 A NS SOA");
	assert_rdata(62, "00000001 0003", "1 3");
}

TEST(unknown_types_are_written_as_octets, "D3597-3")
{
	assert_rdata(65280, "", "\\# 0");
	assert_rdata(65280, "00", "\\# 1 00");
	assert_rdata(10, "c00c", "\\# 2 C00C");
	assert_rdata(65280, "deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefde",
		     "\\# 29 DEADBEEFDEADBEEFDEADBEEFDEADBEEFDEADBEEFDEADBEEFDEADBEEF DE");
}

TEST(what_does_not_fit_its_type_is_written_as_octets, "D3597-3")
{
	char out[100];

	assert_int_equal(dns_rdata_text(1, 1, (const uint8_t *)"abc", 3, out, sizeof(out)), 11);
	assert_string_equal(out, "\\# 3 616263");
	dns_rdata_text(5, 1, (const uint8_t *)"\300\14", 2, out, sizeof(out));
	assert_string_equal(out, "\\# 2 C00C");
	dns_rdata_text(16, 1, NULL, 0, out, sizeof(out));
	assert_string_equal(out, "\\# 0");
}

TEST(names_from_answers_cannot_leave_their_line, "DN-13")
{
	assert_rdata(12, "0b 3c7363726970743e0a0d22 00", "<script>\\010\\013\\\".");
	assert_rdata(5, "06 6120620063 27 00", "a\\032b\\000c'.");
	assert_line("04 0a2e3b00 00", 16, 1, "04 0a222e5c",
		    "\\010\\.\\;\\000.\t\t300\tIN\tTXT\t\"\\010\\\".\\\\\"");
	/* whatever the octets, a record is one line of printable ASCII */
	struct rnd r = {1};

	for (unsigned i = 0; i < 3000; i++) {
		uint8_t b[300];
		char out[2000];
		size_t n = rnd_below(&r, 60);

		rnd_bytes(&r, b, n);
		uint16_t type = (uint16_t)rnd_below(&r, 265);

		dns_rdata_text(type, 1, b, n, out, sizeof(out));
		for (const char *p = out; *p; p++)
			assert_in_range(*p, ' ', '~');
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_stand_in_digs_columns),
		cmocka_unit_test(records_of_the_first_days),
		cmocka_unit_test(character_strings_are_escaped),
		cmocka_unit_test(ipv6_addresses_are_short),
		cmocka_unit_test(records_of_dnssec),
		cmocka_unit_test(service_bindings_are_as_dig_writes_them),
		cmocka_unit_test(other_records_that_people_look_at),
		cmocka_unit_test(unknown_types_are_written_as_octets),
		cmocka_unit_test(what_does_not_fit_its_type_is_written_as_octets),
		cmocka_unit_test(names_from_answers_cannot_leave_their_line),
	};
	return tapir_test_run("unit/dns/test_text", tests);
}
