/* Domain names: text and back, comparison and order, and the walk over compressed names that attackers write. */
#include "tests/support/rnd.h"
#include "tests/unit/dns/wire.h"

/* Parses text that lies in memory of exactly its size. */
static int parse(const char *text, size_t len, struct dns_name *n, bool *absolute)
{
	char *p = malloc(len ? len : 1);

	assert_non_null(p);
	memcpy(p, text, len);
	int err = dns_name_parse(n, p, len, absolute);

	free(p);
	return err;
}

static void assert_parse(const char *text, int expected)
{
	struct dns_name n = {.len = 77};
	int err = parse(text, strlen(text), &n, NULL);

	if (err != expected)
		fail_msg("\"%.40s\": %d", text, err);
	if (err)
		assert_int_equal(n.len, 77);
}

/* `text` is read and written as `back`. */
static void assert_text(const char *text, const char *back)
{
	char out[DNS_NAME_TEXT_MAX];
	struct dns_name n = wire_name(text);

	assert_int_equal(dns_name_text(&n, out), strlen(back));
	assert_string_equal(out, back);
}

/* Decodes the name at `at` in memory of exactly w's size. */
static int decode(const struct wire *w, size_t at, struct dns_name *n)
{
	uint8_t *p = malloc(w->len ? w->len : 1);

	assert_non_null(p);
	memcpy(p, w->b, w->len);
	int r = dns_name_decode(p, w->len, at, n);

	free(p);
	return r;
}

/* The name at the end of w, written in hex behind what is there, is refused at that octet for that reason. */
static void assert_refused(struct wire *w, const char *hex, size_t flaw_at, const char *why)
{
	size_t at = w->len;
	struct dns_flaw flaw = {0, ""};

	wire_add(w, hex);
	uint8_t *p = malloc(w->len ? w->len : 1);

	assert_non_null(p);
	memcpy(p, w->b, w->len);
	assert_int_equal(dns_name_scan(p, w->len, at, 0, NULL, NULL, &flaw), -EBADMSG);
	assert_string_equal(flaw.why, why);
	assert_int_equal(flaw.at, flaw_at);
	free(p);
	w->len = at;
}

/* The text of n labels of `each` characters. */
static size_t labels_text(char *out, unsigned n, unsigned each)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		memset(out + len, 'x', each);
		len += each;
		out[len++] = '.';
	}
	return len;
}

TEST(labels_hold_63_octets_and_names_255, "D1034-1 D1035-1")
{
	char t[600];
	struct dns_name n;
	size_t len = labels_text(t, 1, 63);

	assert_int_equal(parse(t, len, &n, NULL), 0);
	assert_int_equal(n.len, 65);
	len = labels_text(t, 1, 64);
	assert_int_equal(parse(t, len, &n, NULL), -ENAMETOOLONG);
	/* 3 * 64 + 62 + 1 = 255 */
	len = labels_text(t, 3, 63);
	len += labels_text(t + len, 1, 61);
	assert_int_equal(parse(t, len, &n, NULL), 0);
	assert_int_equal(n.len, 255);
	assert_int_equal(parse(t, len - 1, &n, NULL), 0);
	assert_int_equal(n.len, 255);
	len = labels_text(t, 3, 63);
	len += labels_text(t + len, 1, 62);
	assert_int_equal(parse(t, len, &n, NULL), -ENAMETOOLONG);
	assert_int_equal(parse(t, len - 1, &n, NULL), -ENAMETOOLONG);
	len = labels_text(t, 127, 1);
	assert_int_equal(parse(t, len, &n, NULL), 0);
	assert_int_equal(n.len, 255);
	assert_int_equal(dns_name_labels(&n), 127);
	len = labels_text(t, 128, 1);
	assert_int_equal(parse(t, len, &n, NULL), -ENAMETOOLONG);
}

TEST(text_is_read_with_its_escapes, "")
{
	bool absolute = true;
	struct dns_name n;

	assert_int_equal(parse("www.Example.com", 15, &n, &absolute), 0);
	assert_false(absolute);
	assert_memory_equal(n.b, "\3www\7Example\3com", 17);
	assert_int_equal(parse("www.Example.com.", 16, &n, &absolute), 0);
	assert_true(absolute);
	assert_int_equal(n.len, 17);
	assert_int_equal(parse(".", 1, &n, &absolute), 0);
	assert_true(absolute && dns_name_is_root(&n));
	assert_int_equal(parse("a\\.b.c", 6, &n, &absolute), 0);
	assert_memory_equal(n.b, "\3a.b\1c", 7);
	assert_int_equal(parse("\\065\\000\\255", 12, &n, NULL), 0);
	assert_memory_equal(n.b, "\3A\0\377", 5);
	assert_int_equal(parse("a\0b", 3, &n, NULL), 0);
	assert_memory_equal(n.b, "\3a\0b", 5);
}

TEST(what_is_no_name_is_refused, "")
{
	static const char *const bad[] = {"",	  "..",	  ".a",	     "a..",	"a..b",	    "\\",
					  "a\\",  "\\0",  "\\00",    "\\256",	"\\999",    "\\1a2",
					  "a.\\", "\\25", "a\\06.b", "a.b\\12", "\\00a.com"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_parse(bad[i], -EINVAL);
}

TEST(an_escape_at_the_end_writes_and_reads_nothing_beyond, "DN-10")
{
	char t[600];
	struct dns_name n;

	assert_parse("a\\.", 0);
	assert_parse("a\\", -EINVAL);
	assert_parse("\\000", 0);
	assert_text("a\\.", "a\\..");
	assert_text("a\\.\\\\.", "a\\.\\\\.");
	/* the longest name, whose last octet comes by an escape */
	size_t len = labels_text(t, 3, 63);

	len += labels_text(t + len, 1, 60);
	memcpy(t + --len, "\\.", 2);
	assert_int_equal(parse(t, len + 2, &n, NULL), 0);
	assert_int_equal(n.len, 255);
	assert_int_equal(n.b[253], '.');
	memcpy(t + len, "\\..", 3);
	assert_int_equal(parse(t, len + 3, &n, NULL), 0);
	assert_int_equal(n.len, 255);
	memcpy(t + len, "\\046\\046", 8);
	assert_int_equal(parse(t, len + 8, &n, NULL), -ENAMETOOLONG);
}

TEST(kilobytes_of_digits_and_dots_are_refused, "DN-07")
{
	static char t[4097];
	struct dns_name n;

	for (size_t len = 1000; len <= 4096; len += 96) {
		memset(t, '1', sizeof(t));
		assert_int_equal(parse(t, len, &n, NULL), -ENAMETOOLONG);
		memset(t, '.', sizeof(t));
		assert_int_equal(parse(t, len, &n, NULL), -EINVAL);
		for (size_t i = 0; i < len; i++)
			t[i] = i % 4 == 3 ? '.' : '1';
		assert_int_equal(parse(t, len, &n, NULL), -ENAMETOOLONG);
	}
}

TEST(text_is_as_dig_writes_it, "D2181-7 DN-13 D4343-2")
{
	assert_text(".", ".");
	assert_text("WwW.eXample.", "WwW.eXample.");
	assert_text("a\\ b", "a\\032b.");
	assert_text("\\\"\\$\\(\\)\\.\\;\\@\\\\", "\\\"\\$\\(\\)\\.\\;\\@\\\\.");
	assert_text("\\000\\010\\127\\200\\255", "\\000\\010\\127\\200\\255.");
	assert_text("<script>'&", "<script>'&.");
	/* the longest text there is fits */
	struct dns_name n;
	char out[DNS_NAME_TEXT_MAX];

	n.len = 255;
	memset(n.b, 1, 254);
	n.b[254] = 0;
	for (unsigned i = 0; i < 254; i += 64)
		n.b[i] = i < 192 ? 63 : 61;
	assert_int_equal(dns_name_text(&n, out), 4 * (63 * 3 + 61) + 4);
	assert_true(strlen(out) < DNS_NAME_TEXT_MAX);
}

TEST(any_octets_go_to_text_and_back, "D2181-7 D9267-3")
{
	struct rnd r = {7};

	for (unsigned i = 0; i < 3000; i++) {
		struct dns_name n = {.len = 0}, back;
		char out[DNS_NAME_TEXT_MAX];
		bool absolute;

		for (unsigned k = rnd_below(&r, 6); k; k--) {
			unsigned len = 1 + rnd_below(&r, rnd_below(&r, 4) ? 10 : 63);

			if (n.len + len + 2 > DNS_NAME_MAX)
				break;
			n.b[n.len] = (uint8_t)len;
			rnd_bytes(&r, n.b + n.len + 1, len);
			n.len = (uint8_t)(n.len + len + 1);
		}
		n.b[n.len++] = 0;
		size_t len = dns_name_text(&n, out);

		assert_int_equal(strlen(out), len);
		assert_int_equal(parse(out, len, &back, &absolute), 0);
		assert_true(absolute && dns_name_eq_case(&n, &back));
	}
}

TEST(names_compare_without_regard_to_ascii_case, "D1034-2 D4343-1 D4592-1")
{
	struct dns_name a = wire_name("WWW.exAMple.com"), b = wire_name("www.EXample.COM");

	assert_true(dns_name_eq(&a, &b));
	assert_false(dns_name_eq_case(&a, &b));
	assert_int_equal(dns_name_cmp(&a, &b), 0);
	/* only A to Z: not what lies 32 apart beside the letters, nor above ASCII */
	for (unsigned x = 0; x < 256; x++)
		for (unsigned y = 0; y < 256; y++) {
			struct dns_name p = {3, {1, (uint8_t)x, 0}}, q = {3, {1, (uint8_t)y, 0}};
			bool letters = (x ^ y) == 32 && (x | 32) >= 'a' && (x | 32) <= 'z';

			assert_int_equal(dns_name_eq(&p, &q), x == y || letters);
			assert_int_equal(dns_name_cmp(&p, &q) == 0, x == y || letters);
		}
	a = wire_name("*.example");
	b = wire_name("a.example");
	assert_false(dns_name_eq(&a, &b));
	dns_name_lower(&(struct dns_name){4, {2, 'Q', 0xc1, 0}}, &a);
	assert_memory_equal(a.b, "\2q\301", 4);
}

TEST(names_with_dots_in_labels_differ_from_those_between, "D2181-7")
{
	struct dns_name a = wire_name("a\\.b.c"), b = wire_name("a.b.c"), c = wire_name("c");

	assert_false(dns_name_eq(&a, &b));
	assert_int_equal(dns_name_labels(&a), 2);
	assert_true(dns_name_under(&a, &c));
	/* the octets of "c." stand at the end of \001c., in one label */
	a = wire_name("x\\001c");
	assert_false(dns_name_under(&a, &c));
}

TEST(the_canonical_order_is_rfc_4034s, "")
{
	static const char *const order[] = {
		"example.",	    "a.example.",      "yljkjljk.a.example.",
		"Z.a.example.",	    "zABC.a.EXAMPLE.", "z.example.",
		"\\001.z.example.", "*.z.example.",    "\\200.z.example."};
	size_t n = sizeof(order) / sizeof(order[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			struct dns_name a = wire_name(order[i]), b = wire_name(order[k]);
			int d = dns_name_cmp(&a, &b);

			assert_int_equal(d < 0 ? -1 : d > 0, i < k ? -1 : i > k);
		}
}

TEST(parents_joins_and_zones, "")
{
	struct dns_name n = wire_name("a.b.c"), up, root = wire_name("."), j;

	assert_true(dns_name_parent(&n, &up));
	assert_true(dns_name_eq(&up, &(struct dns_name){5, {1, 'b', 1, 'c', 0}}));
	assert_true(dns_name_under(&n, &up) && dns_name_under(&n, &n) && dns_name_under(&n, &root));
	assert_false(dns_name_under(&up, &n));
	assert_true(dns_name_parent(&up, &up) && dns_name_parent(&up, &up));
	assert_true(dns_name_is_root(&up));
	assert_false(dns_name_parent(&up, &up));
	struct dns_name w = wire_name("www"), e = wire_name("example.com"), all;

	all = wire_name("www.example.com");
	assert_int_equal(dns_name_join(&w, &e, &j), 0);
	assert_true(dns_name_eq(&j, &all));
	j = w;
	assert_int_equal(dns_name_join(&j, &e, &j), 0);
	assert_true(dns_name_eq(&j, &all));
	j = e;
	assert_int_equal(dns_name_join(&w, &j, &j), 0);
	assert_true(dns_name_eq(&j, &all));
	j = w;
	assert_int_equal(dns_name_join(&j, &j, &j), 0);
	all = wire_name("www.www");
	assert_true(dns_name_eq(&j, &all));
	char t[300];
	size_t len = labels_text(t, 3, 63);
	struct dns_name big;

	assert_int_equal(parse(t, len, &big, NULL), 0);
	j = w;
	assert_int_equal(dns_name_join(&big, &big, &j), -ENAMETOOLONG);
	assert_true(dns_name_eq(&j, &w));
	len = labels_text(t, 1, 61);
	assert_int_equal(parse(t, len, &e, NULL), 0);
	assert_int_equal(dns_name_join(&e, &big, &j), 0);
	assert_int_equal(j.len, 255);
	len = labels_text(t, 1, 62);
	assert_int_equal(parse(t, len, &e, NULL), 0);
	assert_int_equal(dns_name_join(&e, &big, &j), -ENAMETOOLONG);
}

TEST(names_fit_for_a_program_are_told_from_others, "DN-13 D2181-7")
{
	static const char *const good[] = {"a",	   "3com.example", "a-b.c",  "_sip._tcp.x",
					   "x--y", "A.B.",	   "1.2.3.4"};
	static const char *const bad[] = {".",	      "-a",	 "a-.b",     "a b",  "a\\000b",
					  "a\\.b",    "*.x",	 "<script>", "a\"b", "a\\010b",
					  "\\255.de", "a;rm.-x", "$(x).de",  "a/b",  "a'b"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct dns_name n = wire_name(good[i]);

		if (!dns_name_is_host(&n))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dns_name n = strcmp(bad[i], ".") ? wire_name(bad[i]) : wire_name(".");

		if (dns_name_is_host(&n))
			fail_msg("%s", bad[i]);
	}
}

TEST(reverse_names, "D1034-6")
{
	struct tapir_addr a = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 130));
	struct dns_name n;
	char out[DNS_NAME_TEXT_MAX];

	dns_name_reverse(&a, &n);
	dns_name_text(&n, out);
	assert_string_equal(out, "130.2.0.192.in-addr.arpa.");
	memcpy(a.b, "\x43\x21\0\0\0\0\0\0\0\1\0\2\0\3\0\x4b", 16);
	dns_name_reverse(&a, &n);
	dns_name_text(&n, out);
	/* RFC 3596 2.5 */
	assert_string_equal(out, "b.4.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.2.3.4."
				 "ip6.arpa.");
	assert_int_equal(n.len, strlen(out) + 1);
}

TEST(compressed_names_are_put_together, "D1035-9 D1035-11")
{
	struct wire w = {0};
	struct dns_name n;
	char out[DNS_NAME_TEXT_MAX];

	w.len = 12;
	wire_add(&w, "'F' 'ISI' 'ARPA' 00"); /* RFC 1035 4.1.4's example: 12 */
	wire_add(&w, "'FOO' c00c");	     /* 24 */
	wire_add(&w, "c012");		     /* 30: ARPA, 18 is its length octet... */
	wire_add(&w, "00 c018 c021"); /* 32: the root; 33: to FOO; 35: a pointer to a pointer */
	assert_int_equal(decode(&w, 24, &n), 30);
	dns_name_text(&n, out);
	assert_string_equal(out, "FOO.F.ISI.ARPA.");
	assert_int_equal(decode(&w, 30, &n), 32);
	dns_name_text(&n, out);
	assert_string_equal(out, "ARPA.");
	assert_int_equal(decode(&w, 32, &n), 33);
	assert_true(dns_name_is_root(&n));
	assert_int_equal(decode(&w, 35, &n), 37);
	dns_name_text(&n, out);
	assert_string_equal(out, "FOO.F.ISI.ARPA.");
}

TEST(pointers_must_go_back_and_stay_in_the_message, "D1035-9 D9267-1 AM33-23 NW-09 IH-02")
{
	struct wire w = {.len = 12};
	const char *forth = "a compression pointer that does not go back";

	wire_add(&w, "'a' 'b' 00");		    /* 12 to 16 */
	assert_refused(&w, "c011", 17, forth);	    /* itself */
	assert_refused(&w, "c012", 17, forth);	    /* its own second octet */
	assert_refused(&w, "c013", 17, forth);	    /* just past the end */
	assert_refused(&w, "c064", 17, forth);	    /* 100, beyond */
	assert_refused(&w, "c0ff", 17, forth);	    /* 255, in a message of 19 */
	assert_refused(&w, "'c' c011", 19, forth);  /* its own first label */
	assert_refused(&w, "c013 c011", 17, forth); /* forward to one that goes back */
	assert_refused(&w, "c000", 17, "a compression pointer into the header");
	assert_refused(&w, "c00b", 17, "a compression pointer into the header");
	assert_refused(&w, "'x' c00b", 19, "a compression pointer into the header");
	/* NW-09: the question's own name at 12, alone and in a pair */
	w.len = 12;
	assert_refused(&w, "c00c", 12, forth);
	assert_refused(&w, "c00e c00c", 12, forth);
	wire_add(&w, "c00e");
	assert_refused(&w, "c00c", 12, forth);
	/* a label that the pointer behind it ends, and to which it points */
	w.len = 12;
	wire_add(&w, "0161");
	assert_refused(&w, "c00c", 14, forth);
}

TEST(pointers_to_far_offsets_are_refused_in_short_messages, "NW-04 NW-07 AM33-20")
{
	static const uint16_t offsets[] = {0xfe00, 0xc200, 0xffff, 0xfffe, 0xc063, 0xc064, 0xe000};

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct wire w = {.len = 12};
		char hex[8];

		wire_add(&w, "'a' 00");
		snprintf(hex, sizeof(hex), "%04x", offsets[i]);
		assert_refused(&w, hex, 15, "a compression pointer that does not go back");
	}
	struct wire w = {.len = 12};

	assert_refused(&w, "c0", 12, "a compression pointer runs over the end");
	assert_refused(&w, "ff", 12, "a compression pointer runs over the end");
	assert_refused(&w, "3f 61", 12, "a label runs over the end");
}

TEST(reserved_label_types_are_refused, "D1035-10 AM33-31")
{
	for (unsigned c = 0x40; c < 0xc0; c++) {
		struct wire w = {.len = 12};

		wire_add(&w, "'a'");
		w.b[w.len++] = (uint8_t)c;
		memset(w.b + w.len, 0, 200);
		w.len += 200;
		struct dns_flaw flaw;

		assert_int_equal(dns_name_scan(w.b, w.len, 12, 0, NULL, NULL, &flaw), -EBADMSG);
		assert_string_equal(flaw.why, "a label of a reserved type (01 or 10)");
		assert_int_equal(flaw.at, 14);
	}
}

TEST(a_name_without_an_end_is_refused, "D1035-2 D9267-3 AM33-09 AM33-27 FR-14")
{
	struct wire w = {.len = 12};

	assert_refused(&w, "", 12, "a name runs over the end");
	assert_refused(&w, "'www'", 16, "a name runs over the end");
	assert_refused(&w, "'example' 'com'", 24, "a name runs over the end");
	assert_refused(&w, "07 6578616d", 12, "a label runs over the end");
	assert_refused(&w, "3f", 12, "a label runs over the end");
	assert_refused(&w, "01", 12, "a label runs over the end");
	/* 512 octets of 0x3f: each a label of 63 */
	memset(w.b + 12, 0x3f, 500);
	w.len = 512;
	struct dns_name n;

	assert_int_equal(decode(&w, 12, &n), -EBADMSG);
	/* behind the end there is nothing to read */
	assert_int_equal(decode(&w, 512, &n), -EBADMSG);
	assert_int_equal(decode(&w, 60000, &n), -EBADMSG);
}

/* A label of n octets. */
static void add_label(struct wire *w, unsigned n)
{
	w->b[w->len++] = (uint8_t)n;
	memset(w->b + w->len, 'x', n);
	w->len += n;
}

static void add_pointer(struct wire *w, size_t to)
{
	wire_u16(w, (unsigned)(0xc000 | to));
}

TEST(names_are_held_to_255_octets_while_they_grow, "D9267-2 AM33-32 NW-02 NW-03 FR-04")
{
	struct wire w = {.len = 12};
	const char *why = "a name is longer than 255 octets";
	struct dns_name n;
	struct dns_flaw flaw;

	/* 254 octets of labels and the root: 255, the most */
	for (unsigned i = 0; i < 3; i++)
		add_label(&w, 63);
	add_label(&w, 61);
	w.b[w.len++] = 0;
	assert_int_equal(decode(&w, 12, &n), (int)w.len);
	assert_int_equal(n.len, 255);
	/* one more label in front of it */
	size_t at = w.len;

	add_label(&w, 1);
	add_pointer(&w, 12);
	assert_int_equal(dns_name_scan(w.b, w.len, at, 0, NULL, NULL, &flaw), -EBADMSG);
	assert_string_equal(flaw.why, why);
	assert_int_equal(decode(&w, at, &n), -EBADMSG);
	/* 256 in place */
	w.len = 12;
	for (unsigned i = 0; i < 3; i++)
		add_label(&w, 63);
	add_label(&w, 62);
	w.b[w.len++] = 0;
	assert_int_equal(decode(&w, 12, &n), -EBADMSG);
	/* NW-02: five labels of 63 joined by pointers */
	w.len = 12;
	add_label(&w, 63);
	w.b[w.len++] = 0;
	for (unsigned i = 0; i < 4; i++) {
		size_t before = i == 0 ? 12 : w.len - 66;

		add_label(&w, 63);
		add_pointer(&w, before);
		assert_int_equal(decode(&w, w.len - 66, &n), i < 2 ? (int)w.len : -EBADMSG);
	}
	/* NW-03: 64 of the longest labels on end, to the limit of a message over TCP */
	w.len = 12;
	for (unsigned i = 0; i < 64; i++)
		add_label(&w, 63);
	w.b[w.len++] = 0;
	assert_int_equal(decode(&w, 12, &n), -EBADMSG);
	assert_int_equal(dns_name_scan(w.b, w.len, 12, 0, NULL, NULL, &flaw), -EBADMSG);
	assert_int_equal(flaw.at, 12 + 3 * 64);
}

TEST(chains_of_pointers_end_after_127_labels_or_126_hops, "D1035-11 D9267-1")
{
	struct wire w = {.len = 12};
	struct dns_name n;

	/* each name is one label before the last */
	wire_add(&w, "'a' 00");
	for (unsigned i = 1; i < 127; i++) {
		size_t last = i == 1 ? 12 : w.len - 4;

		wire_add(&w, "'a'");
		add_pointer(&w, last);
		assert_int_equal(decode(&w, w.len - 4, &n), (int)w.len);
		assert_int_equal(n.len, 2 * (i + 1) + 1);
	}
	wire_add(&w, "'a'");
	add_pointer(&w, w.len - 6);
	assert_int_equal(decode(&w, w.len - 4, &n), -EBADMSG);
	/* pointers to pointers */
	w.len = 12;
	wire_add(&w, "'a' 00 c00c");
	for (unsigned i = 1; i < 126; i++)
		add_pointer(&w, w.len - 2);
	assert_int_equal(decode(&w, w.len - 2, &n), (int)w.len);
	add_pointer(&w, w.len - 2);
	assert_int_equal(decode(&w, w.len - 2, &n), -EBADMSG);
}

TEST(a_list_of_compressed_names_outside_a_message_is_decoded_within_bounds, "NW-01")
{
	/* a search list as of DHCP's option 119, with pointers past its end and to itself */
	static const char *const lists[] = {"'eng' c0ff",    "c000", "'a' c003",
					    "'eng' 05 6170", "3f",   "'apple' c007"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct wire w = {0};
		struct dns_name n;

		wire_add(&w, lists[i]);
		assert_int_equal(decode(&w, 0, &n), -EBADMSG);
	}
}

TEST(octets_at_random_are_never_read_beyond, "D9267-1 D9267-2 D9267-3")
{
	struct rnd r = {11};
	unsigned good = 0;

	for (unsigned i = 0; i < 20000; i++) {
		struct wire w = {.len = 12 + rnd_below(&r, 80)};
		struct dns_name n = {.len = 0};

		memset(w.b, 0, 12);
		for (size_t k = 12; k < w.len; k++)
			w.b[k] = (uint8_t)(rnd_below(&r, 3)   ? rnd_below(&r, 5)
					   : rnd_below(&r, 2) ? 0xc0
							      : rnd_u32(&r));
		int end = decode(&w, 12 + rnd_below(&r, (uint32_t)w.len - 11), &n);

		if (end < 0)
			continue;
		good++;
		assert_in_range(end, 13, w.len);
		assert_in_range(n.len, 1, 255);
		unsigned at = 0;

		while (n.b[at])
			at += n.b[at] + 1u;
		assert_int_equal(at + 1, n.len);
	}
	assert_in_range(good, 1000, 19000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_hold_63_octets_and_names_255),
		cmocka_unit_test(text_is_read_with_its_escapes),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(an_escape_at_the_end_writes_and_reads_nothing_beyond),
		cmocka_unit_test(kilobytes_of_digits_and_dots_are_refused),
		cmocka_unit_test(text_is_as_dig_writes_it),
		cmocka_unit_test(any_octets_go_to_text_and_back),
		cmocka_unit_test(names_compare_without_regard_to_ascii_case),
		cmocka_unit_test(names_with_dots_in_labels_differ_from_those_between),
		cmocka_unit_test(the_canonical_order_is_rfc_4034s),
		cmocka_unit_test(parents_joins_and_zones),
		cmocka_unit_test(names_fit_for_a_program_are_told_from_others),
		cmocka_unit_test(reverse_names),
		cmocka_unit_test(compressed_names_are_put_together),
		cmocka_unit_test(pointers_must_go_back_and_stay_in_the_message),
		cmocka_unit_test(pointers_to_far_offsets_are_refused_in_short_messages),
		cmocka_unit_test(reserved_label_types_are_refused),
		cmocka_unit_test(a_name_without_an_end_is_refused),
		cmocka_unit_test(names_are_held_to_255_octets_while_they_grow),
		cmocka_unit_test(chains_of_pointers_end_after_127_labels_or_126_hops),
		cmocka_unit_test(
			a_list_of_compressed_names_outside_a_message_is_decoded_within_bounds),
		cmocka_unit_test(octets_at_random_are_never_read_beyond),
	};
	return tapir_test_run("unit/dns/test_name", tests);
}
