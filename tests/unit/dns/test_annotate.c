/* The annotated walk: every octet has one field, in order, whatever the octets are; what is said of them is right. */
#include "dns/annotate.h"
#include "tests/support/rnd.h"
#include "tests/unit/dns/wire.h"

/* Walks n octets in memory of that size and checks what must hold of any; notes in *all if not NULL. */
static unsigned walk(const uint8_t *b, size_t n, struct dns_note *all, unsigned max)
{
	uint8_t *exact = malloc(n ? n : 1);
	struct dns_notes s;
	const struct dns_note *note;
	struct dns_flaw flaw = {0, NULL};
	struct dns_msg m;
	size_t at = 0;
	unsigned count = 0, flaws = 0;

	assert_non_null(exact);
	if (n)
		memcpy(exact, b, n);
	int err = dns_msg_decode(&m, exact, n, &flaw);

	dns_notes_begin(&s, exact, n);
	while (dns_notes_next(&s, &note)) {
		if (all && count < max)
			all[count] = *note;
		count++;
		assert_non_null(note->name);
		assert_true(strlen(note->text) < DNS_NOTE_TEXT);
		assert_in_range(note->depth, 0, 3);
		assert_true(note->at + note->len <= n);
		switch (note->kind) {
		case DNS_NOTE_FIELD:
		case DNS_NOTE_LABEL:
		case DNS_NOTE_POINTER:
			assert_int_equal(note->at, at);
			assert_true(note->len > 0);
			at += note->len;
			break;
		case DNS_NOTE_GROUP:
			assert_true(note->at >= at);
			break;
		case DNS_NOTE_BITS:
			assert_in_range(note->bit + note->bits, 1, 16);
			break;
		case DNS_NOTE_FLAW:
			flaws++;
			assert_string_equal(note->text, flaw.why);
			assert_int_equal(note->at, flaw.at);
			break;
		}
	}
	assert_int_equal(at, n);
	assert_int_equal(flaws, err != 0);
	assert_false(dns_notes_next(&s, &note));
	free(exact);
	return count;
}

static void assert_note(const struct dns_note *n, enum dns_note_kind kind, unsigned depth,
			size_t at, size_t len, const char *name, const char *text)
{
	assert_string_equal(n->name, name);
	assert_string_equal(n->text, text);
	assert_int_equal(n->kind, kind);
	assert_int_equal(n->depth, depth);
	assert_int_equal(n->at, at);
	assert_int_equal(n->len, len);
}

TEST(every_field_is_named, "")
{
	struct wire w;
	static struct dns_note n[64];

	wire_reply(&w, 1, 0, 1);
	wire_rr(&w, "c00c", 15, 1, "000a 'm' c00e");
	wire_rr(&w, "00", 41, 1232, "000f 0005 0016 6e6f2e");
	assert_int_equal(walk(w.b, w.len, n, 64), 52);
	assert_note(&n[0], DNS_NOTE_GROUP, 0, 0, 12, "header", "");
	assert_note(&n[1], DNS_NOTE_FIELD, 1, 0, 2, "ID", "0x1234");
	assert_note(&n[3], DNS_NOTE_BITS, 2, 2, 2, "QR", "response");
	assert_int_equal(n[3].bits, 1);
	assert_note(&n[12], DNS_NOTE_BITS, 2, 2, 2, "RCODE", "NOERROR");
	assert_int_equal(n[12].bit, 12);
	assert_int_equal(n[12].bits, 4);
	assert_note(&n[14], DNS_NOTE_FIELD, 1, 6, 2, "ANCOUNT", "1");
	assert_note(&n[17], DNS_NOTE_GROUP, 0, 12, 9, "question", "a.b. A");
	assert_note(&n[18], DNS_NOTE_GROUP, 1, 12, 5, "name", "a.b.");
	assert_note(&n[19], DNS_NOTE_LABEL, 2, 12, 2, "label", "a");
	assert_note(&n[21], DNS_NOTE_LABEL, 2, 16, 1, "root", ".");
	assert_note(&n[23], DNS_NOTE_FIELD, 1, 19, 2, "class", "IN");
	assert_note(&n[24], DNS_NOTE_GROUP, 0, 21, 18, "answer", "a.b. MX");
	assert_note(&n[26], DNS_NOTE_POINTER, 2, 21, 2, "pointer", "a.b.");
	assert_int_equal(n[26].target, 12);
	assert_note(&n[29], DNS_NOTE_FIELD, 1, 27, 4, "TTL", "300");
	assert_note(&n[30], DNS_NOTE_FIELD, 1, 31, 2, "RDLENGTH", "6");
	assert_note(&n[31], DNS_NOTE_GROUP, 1, 33, 6, "RDATA", "10 m.b.");
	assert_note(&n[32], DNS_NOTE_FIELD, 2, 33, 2, "preference", "10");
	assert_note(&n[33], DNS_NOTE_GROUP, 2, 35, 4, "exchange", "m.b.");
	assert_note(&n[34], DNS_NOTE_LABEL, 3, 35, 2, "label", "m");
	assert_note(&n[35], DNS_NOTE_POINTER, 3, 37, 2, "pointer", "b.");
	assert_note(&n[36], DNS_NOTE_GROUP, 0, 39, 20, "additional", ". OPT");
	assert_note(&n[40], DNS_NOTE_FIELD, 1, 42, 2, "UDP size", "1232");
	assert_note(&n[51], DNS_NOTE_FIELD, 3, 56, 3, "EXTRA-TEXT", "\"no.\"");
	assert_note(&n[50], DNS_NOTE_FIELD, 3, 54, 2, "INFO-CODE", "No Reachable Authority");
}

TEST(a_flaw_is_shown_where_it_is_and_the_rest_is_not_read, "")
{
	struct wire w;
	static struct dns_note n[64];

	wire_reply(&w, 2, 0, 0);
	wire_rr(&w, "c00c", 1, 1, "c0000201 ff");
	wire_rr(&w, "c00c", 1, 1, "c0000201");
	unsigned count = walk(w.b, w.len, n, 64);

	assert_note(&n[count - 3], DNS_NOTE_FIELD, 2, 33, 4, "address", "192.0.2.1");
	assert_note(&n[count - 2], DNS_NOTE_FLAW, 0, 37, 1, "flaw",
		    "RDATA is longer than its fields");
	assert_note(&n[count - 1], DNS_NOTE_FIELD, 0, 37, 17, "not read", "");
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "'x' c015", 1, 1, "c0000201");
	count = walk(w.b, w.len, n, 64);
	assert_note(&n[count - 3], DNS_NOTE_POINTER, 2, 23, 2, "pointer", "");
	assert_note(&n[count - 2], DNS_NOTE_FLAW, 0, 23, 1, "flaw",
		    "a compression pointer that does not go back");
	/* the label that makes a name too long is not shown as one */
	wire_reply(&w, 1, 0, 0);
	for (unsigned i = 0; i < 5; i++) {
		w.b[w.len++] = 63;
		memset(w.b + w.len, 'x', 63);
		w.len += 63;
	}
	wire_rr(&w, "00", 1, 1, "c0000201");
	count = walk(w.b, w.len, n, 64);
	assert_int_equal(n[count - 3].kind, DNS_NOTE_LABEL);
	assert_int_equal(n[count - 3].at, 21 + 2 * 64);
	assert_note(&n[count - 2], DNS_NOTE_FLAW, 0, 21 + 3 * 64, 1, "flaw",
		    "a name is longer than 255 octets");
}

TEST(every_cut_and_broken_message_is_covered_octet_by_octet, "D9267-1 D9267-4")
{
	static const struct {
		unsigned type;
		const char *rdata;
	} rr[] = {
		{1, "c0000201"},
		{6, "'ns' c00c 'hm' c00e 00000001 00000e10 00000384 00093a80 0000012c"},
		{16, "'one' 00 'two'"},
		{65, "0001 00 0001 0006 'h2' 'h3' 0003 0002 01bb 0004 0004 c0000201"},
		{50, "01 00 000a 02aabb 02 ccdd 0001 40"},
		{47, "'n' c00c 0001 62"},
		{65280, "c00cc00c"},
		{41, "000f 0005 0016 6e6f2e 000a 0000 ff00 0001 01"},
		{257, "00 'issue' 6361"},
		{29, "00 12 16 13 8b0d2c8c 7ff8fca5 00989680"},
	};
	struct rnd rnd = {8};
	struct wire w;

	for (unsigned i = 0; i < sizeof(rr) / sizeof(rr[0]); i++) {
		wire_reply(&w, 1, 0, 1);
		wire_rr(&w, "'o' c00c", rr[(i + 1) % 7].type, 1, rr[(i + 1) % 7].rdata);
		wire_rr(&w, rr[i].type == 41 ? "00" : "c015", rr[i].type, 1, rr[i].rdata);
		wire_taken(&w);
		for (size_t n = 0; n <= w.len; n++)
			walk(w.b, n, NULL, 0);
		for (unsigned k = 0; k < 2000; k++) {
			struct wire broken = {.len = w.len};

			memcpy(broken.b, w.b, w.len);
			for (unsigned j = 1 + rnd_below(&rnd, 3); j; j--)
				broken.b[rnd_below(&rnd, (uint32_t)w.len)] =
					(uint8_t)(rnd_below(&rnd, 2) ? rnd_u32(&rnd) : 0xc0);
			walk(broken.b, broken.len, NULL, 0);
		}
	}
	walk(NULL, 0, NULL, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_named),
		cmocka_unit_test(a_flaw_is_shown_where_it_is_and_the_rest_is_not_read),
		cmocka_unit_test(every_cut_and_broken_message_is_covered_octet_by_octet),
	};
	return tapir_test_run("unit/dns/test_annotate", tests);
}
