/*
 * dig's text, to the byte: what dig 9.18 wrote of the same messages stands here as literals.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/apps/digfix.h"

static uint8_t query[512];
static char *text;
static size_t text_len;

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	begin_result("192.0.2.53");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	return 0;
}

static void begin(uint16_t flags, uint8_t rcode, const char *qname, uint16_t type)
{
	struct dns_name n = name(qname);
	dns_enc_begin(&enc, reply, sizeof reply, 0x1234, flags, 0, rcode);
	assert_int_equal(dns_enc_question(&enc, &n, type, DNS_CLASS_IN), 0);
}

static void rr(enum dns_section s, const char *owner, uint16_t type, uint32_t ttl, const void *p,
	       size_t len)
{
	struct dns_name n = name(owner);
	assert_int_equal(dns_enc_rr(&enc, s, &n, type, DNS_CLASS_IN, ttl, p, len), 0);
}

static void rr_name(enum dns_section s, const char *owner, uint16_t type, uint32_t ttl,
		    const char *target)
{
	struct dns_name n = name(target);
	rr(s, owner, type, ttl, n.b, n.len);
}

static void decode(void)
{
	r.msg = reply;
	r.len = enc.len;
	assert_int_equal(dns_msg_decode(&r.m, reply, enc.len, NULL), 0);
}

static void print(bool sent)
{
	free(text);
	FILE *f = open_memstream(&text, &text_len);
	dig_print(f, &r, sent);
	fclose(f);
}

#define prints(want)                             \
	do {                                     \
		decode();                        \
		print(false);                    \
		assert_string_equal(text, want); \
	} while (0)

static const uint8_t a80[] = {192, 0, 2, 80};

/* www.example.com as a server of the tests has it. */
static void www(void)
{
	static const uint8_t ns[] = {192, 0, 2, 1};
	begin(DNS_QR | DNS_AA | DNS_RD | DNS_RA, 0, "www.example.com", DNS_TYPE_A);
	rr_name(DNS_ANSWER, "www.example.com", DNS_TYPE_CNAME, 300, "web.example.com");
	rr(DNS_ANSWER, "web.example.com", DNS_TYPE_A, 300, a80, 4);
	rr_name(DNS_AUTHORITY, "example.com", DNS_TYPE_NS, 86400000, "ns.example.com");
	rr(DNS_ADDITIONAL, "ns.example.com", DNS_TYPE_A, 5, ns, 4);
}

TEST(whole_reply_is_digs_text, "")
{
	www();
	assert_int_equal(dns_enc_opt(&enc, 1232, 0, 0, NULL, 0), 0);
	prints(";; Got answer:\n"
	       ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4660\n"
	       ";; flags: qr aa rd ra; QUERY: 1, ANSWER: 2, AUTHORITY: 1, ADDITIONAL: 2\n"
	       "\n"
	       ";; OPT PSEUDOSECTION:\n"
	       "; EDNS: version: 0, flags:; udp: 1232\n"
	       ";; QUESTION SECTION:\n"
	       ";www.example.com.\t\tIN\tA\n"
	       "\n"
	       ";; ANSWER SECTION:\n"
	       "www.example.com.\t300\tIN\tCNAME\tweb.example.com.\n"
	       "web.example.com.\t300\tIN\tA\t192.0.2.80\n"
	       "\n"
	       ";; AUTHORITY SECTION:\n"
	       "example.com.\t\t86400000 IN\tNS\tns.example.com.\n"
	       "\n"
	       ";; ADDITIONAL SECTION:\n"
	       "ns.example.com.\t\t5\tIN\tA\t192.0.2.1\n"
	       "\n"
	       ";; Query time: 1 msec\n"
	       ";; SERVER: 192.0.2.53#53(192.0.2.53) (UDP)\n"
	       ";; WHEN: Fri Nov 20 22:18:37 UTC 2026\n"
	       ";; MSG SIZE  rcvd: 111\n"
	       "\n");
}

TEST(short_is_the_data_of_the_answer, "")
{
	args.brief = true;
	www();
	prints("web.example.com.\n192.0.2.80\n");
	q.identify = true;
	prints("web.example.com. from server 192.0.2.53 in 1 ms.\n"
	       "192.0.2.80 from server 192.0.2.53 in 1 ms.\n");
}

TEST(columns_move_without_ttl_and_class, "")
{
	q.comments = q.question = q.authority = q.additional = q.stats = false;
	q.ttl = false;
	www();
	prints("www.example.com.\tIN\tCNAME\tweb.example.com.\n"
	       "web.example.com.\tIN\tA\t192.0.2.80\n");
	q.class_shown = false;
	prints("www.example.com.\tCNAME\tweb.example.com.\n"
	       "web.example.com.\tA\t192.0.2.80\n");
	q.ttl = true;
	prints("www.example.com.\t300\tCNAME\tweb.example.com.\n"
	       "web.example.com.\t300\tA\t192.0.2.80\n");
}

TEST(long_owner_has_one_blank_behind, "")
{
	q.comments = q.question = q.stats = false;
	begin(DNS_QR | DNS_RD | DNS_RA, 0,
	      "a.very.long.name.that.goes.beyond.the.columns.example.com", DNS_TYPE_A);
	rr(DNS_ANSWER, "a.very.long.name.that.goes.beyond.the.columns.example.com", DNS_TYPE_A, 300,
	   a80, 4);
	prints("a.very.long.name.that.goes.beyond.the.columns.example.com. 300 IN A 192.0.2.80\n");
}

TEST(ttl_units, "")
{
	static const struct {
		uint32_t s;
		const char *want;
	} rows[] = {{0, "0s"}, {300, "5m"}, {5400, "1h30m"}, {694861, "1w1d1h1m1s"}};
	q.comments = q.question = q.stats = false;
	q.ttl_units = true;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char want[80];
		begin(DNS_QR | DNS_RD | DNS_RA, 0, "a.example", DNS_TYPE_A);
		rr(DNS_ANSWER, "a.example", DNS_TYPE_A, rows[i].s, a80, 4);
		snprintf(want, sizeof want, "a.example.\t\t%s%sIN\tA\t192.0.2.80\n", rows[i].want,
			 strlen(rows[i].want) > 7 ? " " : "\t");
		prints(want);
	}
}

static void soa(void)
{
	uint8_t p[600];
	struct dns_name ns = name("ns.example.com"), mbox = name("hostmaster.example.com");
	static const uint8_t numbers[] = {0x78, 0xc3, 0x45, 0x09, 0,  0,   14, 16, 0, 0,
					  3,	132,  0,    9,	  58, 128, 0,  0,  1, 44};
	memcpy(p, ns.b, ns.len);
	memcpy(p + ns.len, mbox.b, mbox.len);
	memcpy(p + ns.len + mbox.len, numbers, 20);
	begin(DNS_QR | DNS_RD | DNS_RA, 0, "example.com", DNS_TYPE_SOA);
	rr(DNS_ANSWER, "example.com", DNS_TYPE_SOA, 300, p, (size_t)ns.len + mbox.len + 20);
}

TEST(multiline_soa_says_what_its_numbers_are, "")
{
	q.comments = q.stats = false;
	q.multiline = true;
	soa();
	prints(";example.com.\t\tIN SOA\n"
	       "example.com.\t\t300 IN SOA ns.example.com. hostmaster.example.com. (\n"
	       "\t\t\t\t2026063113 ; serial\n"
	       "\t\t\t\t3600       ; refresh (1 hour)\n"
	       "\t\t\t\t900        ; retry (15 minutes)\n"
	       "\t\t\t\t604800     ; expire (1 week)\n"
	       "\t\t\t\t300        ; minimum (5 minutes)\n"
	       "\t\t\t\t)\n");
}

/* RFC 6605 6.1's key, as BIND's dig shows it. */
static void key(void)
{
	static const uint8_t p[] = {1,	  1,	3,    13,   0x99, 0xdb, 0x2c, 0xc1, 0x4c, 0xab,
				    0xdc, 0x33, 0xd6, 0xd7, 0x7d, 0xa6, 0x3a, 0x2f, 0x15, 0xf7,
				    0x11, 0x12, 0x58, 0x4f, 0x23, 0x4e, 0x8d, 0x1d, 0xc4, 0x28,
				    0xe3, 0x9e, 0x8a, 0x4a, 0x97, 0xe1, 0xaa, 0x27, 0x1a, 0x55,
				    0x5d, 0xc9, 0x07, 0x01, 0xe1, 0x7e, 0x2a, 0x4c, 0x4b, 0x6f,
				    0x12, 0x0b, 0x7c, 0x32, 0xd4, 0x4f, 0x4a, 0xc0, 0x2b, 0xd8,
				    0x94, 0xcf, 0x2d, 0x4b, 0xe7, 0x77, 0x8a, 0x19};
	begin(DNS_QR | DNS_RD | DNS_RA, 0, "key.example.com", DNS_TYPE_DNSKEY);
	rr(DNS_ANSWER, "key.example.com", DNS_TYPE_DNSKEY, 300, p, sizeof p);
	q.comments = q.question = q.stats = false;
}

TEST(dnskey_in_every_style, "")
{
	key();
	prints("key.example.com.\t300\tIN\tDNSKEY\t257 3 13 "
	       "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+ "
	       "KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n");
	q.split = 0;
	prints("key.example.com.\t300\tIN\tDNSKEY\t257 3 13 "
	       "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+"
	       "KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n");
	q.split = -1;
	q.rr_comments = 1;
	prints("key.example.com.\t300\tIN\tDNSKEY\t257 3 13 "
	       "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+ "
	       "KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==  ; KSK; alg = ECDSAP256SHA256 ; key id = 2371\n");
	q.rr_comments = 0;
	q.crypto = false;
	prints("key.example.com.\t300\tIN\tDNSKEY\t257 3 13 [key id = 2371]\n");
	q.crypto = true;
	q.multiline = true;
	prints("key.example.com.\t300 IN DNSKEY 257 3 13 (\n"
	       "\t\t\t\tmdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+Gq\n"
	       "\t\t\t\tJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n"
	       "\t\t\t\t) ; KSK; alg = ECDSAP256SHA256 ; key id = 2371\n");
}

TEST(ds_split_and_on_lines, "")
{
	static const uint8_t p[] = {0xec, 0x45, 5,    1,    0x2b, 0xb1, 0x83, 0xaf,
				    0x5f, 0x22, 0x58, 0x81, 0x79, 0xa5, 0x3b, 0x0a,
				    0x98, 0x63, 0x1f, 0xad, 0x1a, 0x29, 0x21, 0x18};
	begin(DNS_QR | DNS_RD | DNS_RA, 0, "ds.example.com", DNS_TYPE_DS);
	rr(DNS_ANSWER, "ds.example.com", DNS_TYPE_DS, 300, p, sizeof p);
	q.comments = q.question = q.stats = false;
	q.split = 4;
	prints("ds.example.com.\t\t300\tIN\tDS\t60485 5 1 2BB1 83AF 5F22 5881 79A5 3B0A 9863 1FAD "
	       "1A29 2118\n");
	q.multiline = true;
	prints("ds.example.com.\t\t300 IN DS 60485 5 1 (\n"
	       "\t\t\t\t2BB183AF5F22588179A53B0A98631FAD1A292118 )\n");
}

TEST(expanded_and_unknown_formats, "")
{
	static const uint8_t p[16] = {0x20, 1, 0xd, 0xb8, [15] = 0x80};
	begin(DNS_QR | DNS_RD | DNS_RA, 0, "web.example.com", DNS_TYPE_AAAA);
	rr(DNS_ANSWER, "web.example.com", DNS_TYPE_AAAA, 300, p, 16);
	q.comments = q.question = q.stats = false;
	q.expand_aaaa = true;
	prints("web.example.com.\t300\tIN\tAAAA\t2001:0db8:0000:0000:0000:0000:0000:0080\n");
	q.unknown = true;
	prints("web.example.com.\t300\tCLASS1\tTYPE28\t\\# 16 20010DB8000000000000000000000080\n");
}

/* The lines of the OPT pseudosection for these options. */
static const char *opt_lines(const void *options, size_t len, uint16_t flags)
{
	begin(DNS_QR | DNS_RD | DNS_RA, 0, "a.example", DNS_TYPE_A);
	assert_int_equal(dns_enc_opt(&enc, 1232, flags, 0, options, len), 0);
	q.question = q.stats = false;
	decode();
	print(false);
	return strstr(text, "; EDNS");
}

TEST(edns_options_each_in_digs_words, "D8914-1")
{
	static const uint8_t nsid[] = {0, 3, 0, 3, 'n', 's', '1'};
	static const uint8_t subnet[] = {0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2};
	static const uint8_t alive[] = {0, 11, 0, 2, 0, 101};
	static const uint8_t ede[] = {0, 15, 0, 7, 0, 18, 'n', 'o', 7, 0xff, '!'};
	static const uint8_t ede_bare[] = {0, 15, 0, 2, 0, 18};
	static const uint8_t expire[] = {0, 9, 0, 4, 0, 0, 14, 16};
	static const uint8_t pad[] = {0, 12, 0, 3, 0, 0, 0};
	static const uint8_t tags[] = {0, 14, 0, 4, 0, 1, 1, 2};
	static const uint8_t other[] = {0xff, 0xfe, 0, 2, 0xab, 0x41};
	assert_string_equal(opt_lines(NULL, 0, 0x8000),
			    "; EDNS: version: 0, flags: do; udp: 1232\n");
	assert_string_equal(opt_lines(NULL, 0, 0x0001),
			    "; EDNS: version: 0, flags:; MBZ: 0x0001, udp: 1232\n");
	assert_non_null(strstr(opt_lines(nsid, sizeof nsid, 0), "\n; NSID: 6e 73 31 (\"ns1\")\n"));
	assert_non_null(
		strstr(opt_lines(subnet, sizeof subnet, 0), "\n; CLIENT-SUBNET: 192.0.2.0/24/0\n"));
	assert_non_null(
		strstr(opt_lines(alive, sizeof alive, 0), "\n; TCP KEEPALIVE: 10.1 secs\n"));
	assert_non_null(
		strstr(opt_lines(ede, sizeof ede, 0), "\n; EDE: 18 (Prohibited): (no..!)\n"));
	assert_non_null(
		strstr(opt_lines(ede_bare, sizeof ede_bare, 0), "\n; EDE: 18 (Prohibited)\n"));
	assert_non_null(strstr(opt_lines(expire, sizeof expire, 0), "\n; EXPIRE: 3600 (1 hour)\n"));
	assert_non_null(strstr(opt_lines(pad, sizeof pad, 0), "\n; PAD: (3 bytes)\n"));
	assert_non_null(strstr(opt_lines(tags, sizeof tags, 0), "\n; KEY-TAG: 1, 258\n"));
	assert_non_null(
		strstr(opt_lines(other, sizeof other, 0), "\n; OPT=65534: ab 41 (\".A\")\n"));
}

TEST(text_of_servers_is_shown_as_utf8_without_controls, "D8914-1")
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"plain", "plain"},
		{"na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80",
		 "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\033[2J\a\177", ".[2J.."},
		{"\xc2\x9b"
		 "1m",
		 "."
		 "1m"},
		{"\xe2\x80\xae"
		 "a",
		 "."
		 "a"},
		{"\xff\xfe\x80", "..."},
		{"\xc0\xaf", ".."},
		{"\xed\xa0\x80", "..."},
		{"\xf4\x90\x80\x80", "...."},
		{"\xe2\x82", ".."},
	};
	char out[64];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		dig_utf8((const uint8_t *)rows[i].in, strlen(rows[i].in), out);
		assert_string_equal(out, rows[i].want);
	}
}

TEST(odd_edns_options_never_read_beyond_their_end, "")
{
	/* Each is too short, or says more of itself than there is. */
	static const uint8_t all[] = {0, 8, 0, 3, 0,  1, 24, 0, 8, 0,  5, 0, 1, 33, 0,	 1,  0, 15,
				      0, 1, 9, 0, 11, 0, 1,  7, 0, 10, 0, 2, 1, 2,  0,	 12, 0, 0,
				      0, 8, 0, 4, 0,  9, 0,  0, 0, 8,  0, 5, 0, 2,  129, 0,  1};
	assert_non_null(strstr(opt_lines(all, sizeof all, 0), "; PAD:\n"));
	assert_non_null(strstr(text, "; EDE: 09 (\".\")\n"));
	static const uint8_t cut[] = {0, 8, 0, 4, 0, 1, 24, 0};
	assert_non_null(strstr(opt_lines(cut, sizeof cut, 0), "; CLIENT-SUBNET: 00 01 18 00 \n"));
}

/* The reply's cookie, judged by the query's. */
static const char *cookie_line(const void *sent, size_t nsent, const void *got, size_t ngot)
{
	uint8_t options[64];
	size_t len = 0;
	struct dns_name n = name("a.example");
	struct dns_enc e;
	dns_enc_begin(&e, query, sizeof query, 1, DNS_RD, 0, 0);
	dns_enc_question(&e, &n, DNS_TYPE_A, DNS_CLASS_IN);
	dns_put_option(options, sizeof options, &len, DNS_OPT_COOKIE, sent, nsent);
	dns_enc_opt(&e, 1232, 0, 0, options, len);
	memcpy(r.query, query, e.len);
	r.query_len = (uint16_t)e.len;
	len = 0;
	dns_put_option(options, sizeof options, &len, DNS_OPT_COOKIE, got, ngot);
	opt_lines(options, len, 0);
	return strstr(text, "; COOKIE");
}

TEST(cookie_is_good_bad_or_echoed, "")
{
	assert_string_equal(cookie_line("01234567", 8, "01234567abcdefgh", 16),
			    "; COOKIE: 30313233343536376162636465666768 (good)\n");
	assert_string_equal(cookie_line("01234567", 8, "01234567", 8),
			    "; COOKIE: 3031323334353637 (echoed)\n");
	assert_string_equal(cookie_line("01234567", 8, "x1234567abcdefgh", 16),
			    "; COOKIE: 78313233343536376162636465666768 (bad)\n");
}

TEST(header_tells_flags_rcodes_and_warnings, "")
{
	q.question = q.stats = false;
	begin(DNS_QR | DNS_TC | DNS_RD | DNS_AD | DNS_CD | DNS_Z, DNS_RCODE_FORMERR, "x.local",
	      DNS_TYPE_A);
	prints(";; Got answer:\n"
	       ";; WARNING: .local is reserved for Multicast DNS\n"
	       ";; You are currently testing what happens when an mDNS query is leaked to DNS\n"
	       ";; ->>HEADER<<- opcode: QUERY, status: FORMERR, id: 4660\n"
	       ";; flags: qr tc rd ad cd; MBZ: 0x4; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: "
	       "0\n"
	       ";; WARNING: recursion requested but not available\n"
	       "\n"
	       ";; WARNING: EDNS query returned status FORMERR - retry with '+noedns'\n"
	       "\n");
}

TEST(received_line_stands_where_statistics_are_off, "")
{
	q.comments = q.question = q.answer = q.authority = q.additional = q.stats = false;
	q.identify = true;
	www();
	prints(";; Received 100 bytes from 192.0.2.53#53(192.0.2.53) in 1 ms\n\n");
	args.usec = true;
	prints(";; Received 100 bytes from 192.0.2.53#53(192.0.2.53) in 1234 us\n\n");
}

TEST(query_is_shown_as_sent, "")
{
	struct dns_enc e;
	struct dns_name n = name("a.example");
	dns_enc_begin(&e, r.query, sizeof r.query, 7, DNS_RD | DNS_AD, 0, 0);
	dns_enc_question(&e, &n, DNS_TYPE_MX, DNS_CLASS_IN);
	r.query_len = (uint16_t)e.len;
	print(true);
	assert_string_equal(text,
			    ";; Sending:\n"
			    ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 7\n"
			    ";; flags: rd ad; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0\n"
			    "\n"
			    ";; QUESTION SECTION:\n"
			    ";a.example.\t\t\tIN\tMX\n"
			    "\n"
			    ";; QUERY SIZE: 27\n"
			    "\n");
}

/* Octets changed at random in replies of every sort: what still decodes is printed in every style, to its end. */
TEST(whatever_decodes_is_printed_in_every_style, "")
{
	uint32_t x = 99;
	unsigned printed = 0;
	for (unsigned round = 0; round < 6000; round++) {
		q = args.defaults;
		switch (round % 4) {
		case 0:
			www();
			break;
		case 1:
			soa();
			break;
		case 2:
			key();
			q = args.defaults;
			break;
		case 3:
			opt_lines("\0\10\0\7\0\1\30\0\300\0\2\0\17\0\4\0\22no", 19, 0);
			q = args.defaults;
			break;
		}
		for (unsigned i = 0; i <= round % 3; i++) {
			x = x * 1664525 + 1013904223;
			reply[(x >> 8) % enc.len] = (uint8_t)(x >> 24);
		}
		if (dns_msg_decode(&r.m, reply, enc.len, NULL) < 0)
			continue;
		r.msg = reply;
		r.len = enc.len;
		q.multiline = x & 1;
		q.crypto = x & 2;
		q.unknown = (x & 12) == 0;
		q.split = x & 16 ? 8 : -1;
		q.rr_comments = x & 32 ? 1 : 0;
		q.ttl_units = x & 64;
		args.brief = (x & 384) == 0;
		print(false);
		printed += text_len > 0;
	}
	assert_true(printed > 2000);
}

TEST(answers_without_a_server_say_where_from, "")
{
	q.comments = q.question = q.answer = q.authority = q.additional = false;
	r.source = DNS_FROM_HOSTS;
	www();
	decode();
	print(false);
	assert_non_null(strstr(text, ";; SERVER: none asked: from the hosts file\n"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(whole_reply_is_digs_text),
		T(short_is_the_data_of_the_answer),
		T(columns_move_without_ttl_and_class),
		T(long_owner_has_one_blank_behind),
		T(ttl_units),
		T(multiline_soa_says_what_its_numbers_are),
		T(dnskey_in_every_style),
		T(ds_split_and_on_lines),
		T(expanded_and_unknown_formats),
		T(edns_options_each_in_digs_words),
		T(text_of_servers_is_shown_as_utf8_without_controls),
		T(odd_edns_options_never_read_beyond_their_end),
		T(cookie_is_good_bad_or_echoed),
		T(header_tells_flags_rcodes_and_warnings),
		T(received_line_stands_where_statistics_are_off),
		T(query_is_shown_as_sent),
		T(whatever_decodes_is_printed_in_every_style),
		T(answers_without_a_server_say_where_from),
	};
	return tapir_test_run("unit/apps/test_dig_print", tests);
}
