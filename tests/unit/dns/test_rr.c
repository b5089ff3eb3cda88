/* Record types: the form of each one's RDATA, what is taken and what is refused, and the words for numbers. */
#include "tests/support/rnd.h"
#include "tests/unit/dns/wire.h"

/* One good RDATA of each type that has a form; `most`: octets at the end that may be cut off and leave a whole. */
static const struct sample {
	unsigned type;
	const char *rdata;
	unsigned most;
} samples[] = {
	{1, "c0000201", 0},
	{2, "'ns' 'b' 00", 0},
	{5, "'c' c00c", 0},
	{6, "'ns' c00c 'hm' c00e 00000001 00000e10 00000384 00093a80 0000012c", 0},
	{12, "'ptr' c00c", 0},
	{13, "'PDP-11' 'UNIX'", 0},
	{14, "c00c c00e", 0},
	{15, "000a 'mail' c00c", 0},
	{16, "'one' 'two'", 4},
	{17, "'hm' c00c 'txt' c00e", 0},
	{18, "0001 'afs' c00c", 0},
	{19, "'311061700956'", 0},
	{20, "'150862028003217' '004'", 4},
	{21, "000a 'rt' c00c", 0},
	{26, "000a c00c c00e", 0},
	{27, "'-32.6882' '116.8652' '10.0'", 0},
	{28, "20010db8 00000000 00000000 00000001", 0},
	{29, "00 12 16 13 8b0d2c8c 7ff8fca5 00989680", 0},
	{33, "0001 0002 01bb 'srv' 'b' 00", 0},
	{35, "0064 000a 'S' 'SIP+D2U' '!a!b!' 'sip' c00c", 0},
	{36, "000a 'kx' c00c", 0},
	{37, "0001 0002 08 aabbcc", 2},
	{39, "'d' 'b' 00", 0},
	{43, "4d0d 0d 02 e2d3c916", 3},
	{44, "01 01 aabbccdd", 3},
	{46, "0001 08 02 0000012c 6553f100 6553f100 1234 'b' 00 aabbccdd", 3},
	{47, "'n' 'b' 00 0001 62", 0},
	{48, "0101 03 08 0102030405", 4},
	{49, "000201636fc0b8271c", 8},
	{50, "01 00 000a 02aabb 02 ccdd 0001 40", 3},
	{51, "01 00 000a 02aabb", 0},
	{52, "03 01 01 aabbcc", 2},
	{53, "03 01 01 aabbcc", 2},
	{59, "0000 00 00 00", 0},
	{60, "0000 03 00 00", 0},
	{61, "aabbcc", 2},
	{62, "00000001 0003 0001 62", 3},
	{63, "00000001 01 01 aabbcc", 2},
	{64, "0000 'svc' 'b' 00", 0},
	{65, "0001 00 0001 0006 'h2' 'h3' 0003 0002 01bb 0004 0004 c0000201", 8},
	{99, "'v=spf1'", 0},
	{104, "000a 00144fff ff20ee64", 0},
	{105, "000a 0a010200", 0},
	{106, "000a 20010db8 1140 1000", 0},
	{107, "000a 'l64' 'b' 00", 0},
	{108, "00005ef00500", 0},
	{109, "00005eef00000042", 0},
	{256, "000a 0001 66", 1},
	{257, "00 'issue' 6361", 2},
};

static void message(struct wire *w, unsigned type, const char *rdata)
{
	wire_reply(w, 1, 0, 0);
	wire_rr(w, "c00c", type, 1, rdata);
}

/* Some types may lose their last items, and what is left is whole. */
static bool is_whole(const struct sample *s, size_t n, size_t rdlen)
{
	switch (s->type) {
	case 16:
	case 20:
	case 50:
	case 62:
		return rdlen - n == s->most;
	case 65:
		return n == 3 || n == 13 || n == 19;
	default:
		return rdlen - n <= s->most;
	}
}

TEST(every_form_is_taken_whole_and_refused_cut_short, "DN-11 D1035-4 D9267-4")
{
	struct wire w;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];

		message(&w, s->type, s->rdata);
		wire_taken(&w);
		size_t full = w.len, rdlen = full - 33;

		for (size_t n = 0; n < rdlen; n++) {
			bool whole = is_whole(s, n, rdlen);

			dns_put16(w.b + 31, (uint16_t)n);
			w.len = 33 + n;
			if (whole)
				wire_taken(&w);
			else if (wire_try(&w, w.len, NULL) != -EBADMSG)
				fail_msg("type %u taken with %zu of %zu octets", s->type, n, rdlen);
		}
	}
}

TEST(one_octet_more_is_refused_where_the_form_has_an_end, "D1035-4 R20-06")
{
	static const uint16_t open[] = {16, 20, 37, 43, 44, 46,	 48,  49,  52,	53, 56,
					59, 60, 61, 63, 99, 256, 257, 258, 261, 262};
	struct wire w;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		message(&w, samples[i].type, samples[i].rdata);
		w.b[w.len++] = 1;
		dns_put16(w.b + 31, (uint16_t)(w.len - 33));
		bool is_open = false;

		for (size_t k = 0; k < sizeof(open) / sizeof(open[0]); k++)
			is_open |= open[k] == samples[i].type;
		if ((wire_try(&w, w.len, NULL) == 0) !=
		    (is_open && samples[i].type != 16 && samples[i].type != 20 &&
		     samples[i].type != 99))
			fail_msg("type %u", samples[i].type);
	}
}

TEST(written_out_and_encoded_again_every_form_is_the_same, "D3597-2")
{
	struct wire w;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		uint8_t flat[300], again[300], b[600];
		struct dns_msg m;
		struct dns_rr_iter it;
		struct dns_rr rr;
		struct dns_enc e;

		message(&w, samples[i].type, samples[i].rdata);
		assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
		dns_rr_begin(&m, &it);
		assert_true(dns_rr_next(&m, &it, &rr));
		int n = dns_rdata_expand(&m, &rr, flat, sizeof(flat));

		assert_in_range(n, 1, 300);
		assert_int_equal(dns_enc_begin(&e, b, sizeof(b), 1, 0, 0, 0), 0);
		assert_int_equal(dns_enc_question(&e, &m.q.name, 1, 1), 0);
		assert_int_equal(dns_enc_rr(&e, DNS_ANSWER, &rr.name, rr.type, 1, 0, flat,
					    (size_t)n),
				 0);
		assert_int_equal(dns_msg_decode(&m, b, e.len, NULL), 0);
		dns_rr_begin(&m, &it);
		assert_true(dns_rr_next(&m, &it, &rr));
		assert_int_equal(dns_rdata_expand(&m, &rr, again, sizeof(again)), n);
		assert_memory_equal(flat, again, n);
	}
}

TEST(compressed_names_are_taken_where_the_rfcs_say_so, "D3597-2 D2782-2")
{
	static const struct {
		unsigned type;
		const char *rdata;
		bool taken;
	} t[] = {
		{2, "c00c", true},
		{6, "c00c c00c 0000000000000000000000000000000000000000", true},
		{14, "c00c c00c", true},
		{17, "c00c c00c", true},
		{18, "0001 c00c", true},
		{21, "0001 c00c", true},
		{33, "0001 0002 0003 c00c", true},
		{33, "0001 0002 0003 'x' c00c", true},
		{35, "0001 0002 'a' 'b' 'c' c00c", true},
		{36, "0001 c00c", true},
		{39, "c00c", true},
		{47, "c00c 0001 62", true},
		{46, "0001 08 02 0000012c 6553f100 6553f100 1234 c00c aabbccdd", false},
		{64, "0001 c00c", false},
		{65, "0001 c00c", false},
		{107, "0001 c00c", false},
	};
	struct wire w;
	struct dns_flaw flaw;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		message(&w, t[i].type, t[i].rdata);
		if (t[i].taken) {
			wire_taken(&w);
			continue;
		}
		assert_int_equal(wire_try(&w, w.len, &flaw), -EBADMSG);
		assert_string_equal(flaw.why, "a compression pointer where none is allowed");
	}
}

TEST(a_compressed_srv_target_is_written_out, "D2782-2 D2782-3 D2782-5")
{
	struct wire w;
	struct dns_msg m;
	struct dns_rr_iter it;
	struct dns_rr rr;
	struct dns_name n, expected = wire_name("host.a.b");
	uint8_t flat[300];

	message(&w, 33, "0001 0002 0003 'host' c00c");
	assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
	dns_rr_begin(&m, &it);
	assert_true(dns_rr_next(&m, &it, &rr));
	int len = dns_rdata_expand(&m, &rr, flat, sizeof(flat));

	assert_int_equal(len, 6 + 10);
	assert_int_equal(dns_rdata_name(33, flat, (size_t)len, &n), 0);
	assert_true(dns_name_eq(&n, &expected));
	/* no such service: the root */
	message(&w, 33, "0001 0002 0003 00");
	wire_taken(&w);
	assert_int_equal(dns_rdata_name(33, (const uint8_t *)"\0\1\0\2\0\3", 7, &n), 0);
	assert_true(dns_name_is_root(&n));
	/* six octets and no target */
	message(&w, 33, "0001 0002 0003");
	wire_refused(&w, 39, "a name runs over the end");
	/* five, which are not even a port */
	message(&w, 33, "0001 0002 00");
	assert_int_equal(wire_try(&w, w.len, NULL), -EBADMSG);
}

TEST(unknown_types_are_octets, "D3597-1 D3597-2 D1123-16")
{
	static const unsigned types[] = {0, 10, 11, 24, 41 + 9999, 250, 255, 260, 65280, 65535};
	struct wire w;
	struct dns_msg m;
	struct dns_rr_iter it;
	struct dns_rr rr;
	uint8_t out[20];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		wire_reply(&w, 2, 0, 0);
		wire_rr(&w, "c00c", types[i], 1, "c0ff c000 40 3f ffff c00c");
		wire_rr(&w, "c00c", 1, 1, "c0000201");
		assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
		dns_rr_begin(&m, &it);
		assert_true(dns_rr_next(&m, &it, &rr));
		assert_int_equal(dns_rdata_expand(&m, &rr, out, sizeof(out)), 10);
		assert_memory_equal(out, "\xc0\xff\xc0\0\x40\x3f\xff\xff\xc0\x0c", 10);
		/* by its length the next one is found */
		assert_true(dns_rr_next(&m, &it, &rr));
		assert_int_equal(rr.type, 1);
		wire_reply(&w, 1, 0, 0);
		wire_rr(&w, "c00c", types[i], 1, "");
		wire_taken(&w);
	}
}

TEST(types_of_class_in_are_octets_in_other_classes, "D3597-1")
{
	static const unsigned own[] = {1, 28, 33, 36, 64, 65};
	struct wire w;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		wire_reply(&w, 1, 0, 0);
		wire_rr(&w, "c00c", own[i], 3, "c0");
		wire_taken(&w);
		wire_reply(&w, 1, 0, 0);
		wire_rr(&w, "c00c", own[i], 1, "c0");
		assert_int_equal(wire_try(&w, w.len, NULL), -EBADMSG);
	}
	/* multicast DNS has a bit of its own in the class's field */
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "c00c", 33, 0x8001, "0001 0002 0003 c00c");
	wire_taken(&w);
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "c00c", 1, 0x8001, "c00002");
	wire_refused(&w, 33, "RDATA is shorter than its fields");
	/* TXT is the same everywhere: version.bind */
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "c00c", 16, 3, "05 61");
	assert_int_equal(wire_try(&w, w.len, NULL), -EBADMSG);
}

TEST(service_parameters_are_held_to_rfc_9460, "")
{
	static const struct {
		const char *rdata, *why; /* NULL: good */
	} t[] = {
		{"0001 00", NULL},
		{"0001 00 0001 0003 'h2' 0002 0000", NULL},
		{"0001 00 0002 0000 0001 0003 'h2'", "parameters out of order"},
		{"0001 00 0003 0002 01bb 0003 0002 01bb", "parameters out of order"},
		{"0001 00 0001", "a parameter runs over the end of RDATA"},
		{"0001 00 0001 0003 0268", "a parameter runs over the end of RDATA"},
		{"0001 00 0001 0000", "an empty list of protocols"},
		{"0001 00 0001 0001 00", "a protocol name of a wrong length"},
		{"0001 00 0001 0002 0268", "a protocol name of a wrong length"},
		{"0001 00 0002 0001 00", "no-default-alpn with a value"},
		{"0001 00 0003 0003 01bb00", "a port that is not 2 octets"},
		{"0001 00 0004 0000", "IPv4 hints that are no addresses"},
		{"0001 00 0004 0005 c000020100", "IPv4 hints that are no addresses"},
		{"0001 00 0005 0000", "an empty ECH configuration"},
		{"0001 00 0006 0004 c0000201", "IPv6 hints that are no addresses"},
		{"0001 00 0000 0002 0003 0003 0002 01bb", NULL},
		{"0001 00 0000 0002 0003 0001 0003 'h2'", "a mandatory key that is not there"},
		{"0001 00 0000 0002 0003", "a mandatory key that is not there"},
		{"0001 00 0000 0002 0000", "mandatory keys out of order"},
		{"0001 00 0000 0004 0003 0003 0003 0002 01bb", "mandatory keys out of order"},
		{"0001 00 0000 0003 000300", "a list of mandatory keys of a wrong length"},
		{"0001 00 0000 0000", "a list of mandatory keys of a wrong length"},
		{"0001 00 ff00 0003 010203", NULL},
		/* alias mode: parameters are ignored, but they are parameters */
		{"0000 'b' 00 0003 0001 01", NULL},
		{"0000 'b' 00 0003 0002 01", "a parameter runs over the end of RDATA"},
	};
	struct wire w;
	struct dns_flaw flaw;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		message(&w, DNS_TYPE_HTTPS, t[i].rdata);
		if (!t[i].why) {
			wire_taken(&w);
			continue;
		}
		assert_int_equal(wire_try(&w, w.len, &flaw), -EBADMSG);
		assert_string_equal(flaw.why, t[i].why);
	}
}

TEST(type_bitmaps_are_held_to_rfc_4034, "")
{
	static const struct {
		const char *rdata, *why;
	} t[] = {
		{"00 0001 01 0101 01 ff01 01", NULL},
		{"00", "RDATA ends before its last field"},
		{"00 00", "a type bitmap runs over the end of RDATA"},
		{"00 0001", "a type bitmap runs over the end of RDATA"},
		{"00 0002 01", "a type bitmap runs over the end of RDATA"},
		{"00 0000 0001 01", "a type bitmap of 0 or over 32 octets"},
		{"00 0021 01", "a type bitmap of 0 or over 32 octets"},
		{"00 0101 01 0001 01", "type bitmaps out of order"},
		{"00 0001 01 0001 01", "type bitmaps out of order"},
		{"00 0002 0100", "a type bitmap that ends in zeros"},
	};
	struct wire w;
	struct dns_flaw flaw;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		message(&w, DNS_TYPE_NSEC, t[i].rdata);
		if (!t[i].why) {
			wire_taken(&w);
			continue;
		}
		assert_int_equal(wire_try(&w, w.len, &flaw), -EBADMSG);
		assert_string_equal(flaw.why, t[i].why);
	}
}

TEST(properties_have_names_of_letters_and_digits, "")
{
	struct wire w;

	message(&w, DNS_TYPE_CAA, "00 'issue'");
	wire_taken(&w);
	message(&w, DNS_TYPE_CAA, "80 00 6162");
	wire_refused(&w, 34, "a property without a name");
	message(&w, DNS_TYPE_CAA, "80 'is ue' 6162");
	wire_refused(&w, 37, "a property's name is letters and digits");
	message(&w, DNS_TYPE_CAA, "80 09 6162");
	wire_refused(&w, 34, "a string runs over the end of RDATA");
}

TEST(names_and_addresses_are_given_from_rdata, "")
{
	struct dns_name n;
	struct tapir_addr a;
	const uint8_t *mx = (const uint8_t *)"\0\12\1a\1b",
		      *aaaa = (const uint8_t *)"0123456789abcdef";

	assert_int_equal(dns_rdata_name(DNS_TYPE_MX, mx, 7, &n), 0);
	assert_int_equal(n.len, 5);
	assert_int_equal(dns_rdata_name(DNS_TYPE_PTR, mx + 2, 5, &n), 0);
	for (size_t len = 0; len < 7; len++)
		assert_int_equal(dns_rdata_name(DNS_TYPE_MX, mx, len, &n), -EINVAL);
	assert_int_equal(dns_rdata_name(DNS_TYPE_CNAME, mx, 7, &n), -EINVAL);
	assert_int_equal(dns_rdata_name(DNS_TYPE_A, mx + 2, 5, &n), -EINVAL);
	assert_int_equal(dns_rdata_name(DNS_TYPE_CNAME, (const uint8_t *)"\300\0", 2, &n), -EINVAL);
	assert_int_equal(dns_rdata_addr(DNS_TYPE_A, (const uint8_t *)"\300\0\2\1", 4, &a), 0);
	assert_int_equal(tapir_addr_to_v4(&a), TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(dns_rdata_addr(DNS_TYPE_AAAA, aaaa, 16, &a), 0);
	assert_memory_equal(a.b, aaaa, 16);
	/* 0.0.0.0 stays an IPv4 address */
	assert_int_equal(dns_rdata_addr(DNS_TYPE_A, (const uint8_t *)"\0\0\0\0", 4, &a), 0);
	assert_true(tapir_addr_is_v4(&a) && !tapir_addr_is_any(&a));
	for (size_t len = 0; len < 20; len++) {
		assert_int_equal(dns_rdata_addr(DNS_TYPE_A, aaaa, len, &a), len == 4 ? 0 : -EINVAL);
		assert_int_equal(dns_rdata_addr(DNS_TYPE_AAAA, aaaa, len, &a),
				 len == 16 ? 0 : -EINVAL);
	}
	assert_int_equal(dns_rdata_addr(DNS_TYPE_TXT, aaaa, 4, &a), -EINVAL);
}

static void assert_type(const char *text, unsigned type)
{
	uint16_t t = 77;
	char out[16];

	if (dns_type_parse(text, strlen(text), &t) || t != type)
		fail_msg("%s: %u", text, t);
	size_t len = dns_type_text((uint16_t)type, out);

	assert_int_equal(len, strlen(out));
	assert_int_equal(dns_type_parse(out, strlen(out), &t), 0);
	assert_int_equal(t, type);
}

TEST(types_have_names_and_numbers, "D3597-3")
{
	char out[16];
	uint16_t t;

	assert_type("A", 1);
	assert_type("aaaa", 28);
	assert_type("hTTPs", 65);
	assert_type("TYPE1", 1);
	assert_type("type65535", 65535);
	assert_type("TYPE0", 0);
	assert_type("ANY", 255);
	assert_type("AXFR", 252);
	for (unsigned i = 0; i < 65536; i++) {
		dns_type_text((uint16_t)i, out);
		assert_int_equal(dns_type_parse(out, strlen(out), &t), 0);
		assert_int_equal(t, i);
	}
	static const char *const bad[] = {"",	    "AA",     "B",	"TYPE",	      "TYPE65536",
					  "TYPE-1", "TYPE 1", "TYPE1x", "TYPE000001", "TYPE99999",
					  "A ",	    " A",     "1"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (dns_type_parse(bad[i], strlen(bad[i]), &t) != -EINVAL)
			fail_msg("taken: \"%s\"", bad[i]);
	dns_type_text(65280, out);
	assert_string_equal(out, "TYPE65280");
}

TEST(classes_codes_and_extended_errors_have_names, "D8914-1")
{
	char out[16];
	uint16_t c;

	for (unsigned i = 0; i < 65536; i++) {
		dns_class_text((uint16_t)i, out);
		assert_int_equal(dns_class_parse(out, strlen(out), &c), 0);
		assert_int_equal(c, i);
	}
	dns_class_text(1, out);
	assert_string_equal(out, "IN");
	assert_int_equal(dns_class_parse("chaos", 5, &c), 0);
	assert_int_equal(c, DNS_CLASS_CH);
	assert_int_equal(dns_class_parse("CLASS", 5, &c), -EINVAL);
	dns_rcode_text(3, out);
	assert_string_equal(out, "NXDOMAIN");
	dns_rcode_text(12, out);
	assert_string_equal(out, "RESERVED12");
	dns_rcode_text(23, out);
	assert_string_equal(out, "BADCOOKIE");
	dns_rcode_text(4095, out);
	assert_string_equal(out, "?4095");
	assert_string_equal(dns_ede_text(3), "Stale Answer");
	assert_string_equal(dns_ede_text(22), "No Reachable Authority");
	assert_null(dns_ede_text(49151));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_taken_whole_and_refused_cut_short),
		cmocka_unit_test(one_octet_more_is_refused_where_the_form_has_an_end),
		cmocka_unit_test(written_out_and_encoded_again_every_form_is_the_same),
		cmocka_unit_test(compressed_names_are_taken_where_the_rfcs_say_so),
		cmocka_unit_test(a_compressed_srv_target_is_written_out),
		cmocka_unit_test(unknown_types_are_octets),
		cmocka_unit_test(types_of_class_in_are_octets_in_other_classes),
		cmocka_unit_test(service_parameters_are_held_to_rfc_9460),
		cmocka_unit_test(type_bitmaps_are_held_to_rfc_4034),
		cmocka_unit_test(properties_have_names_of_letters_and_digits),
		cmocka_unit_test(names_and_addresses_are_given_from_rdata),
		cmocka_unit_test(types_have_names_and_numbers),
		cmocka_unit_test(classes_codes_and_extended_errors_have_names),
	};
	return tapir_test_run("unit/dns/test_rr", tests);
}
