/* Messages: what the decoder takes, where and why it refuses, and that what the encoder makes comes back as it was. */
#include <time.h>

#include "tests/support/rnd.h"
#include "tests/unit/dns/wire.h"

/* Every prefix of a good message is refused, in memory of its size. */
static void refuse_truncations(const struct wire *w)
{
	wire_taken(w);
	for (size_t n = 0; n < w->len; n++)
		if (wire_try(w, n, NULL) != -EBADMSG)
			fail_msg("taken when cut at %zu of %zu", n, w->len);
}

TEST(a_reply_is_read_field_by_field, "D1035-3")
{
	struct wire w;
	struct dns_msg m;
	struct dns_rr_iter it;
	struct dns_rr rr;

	wire_reply(&w, 2, 1, 1);
	wire_add(&w, "c00c 0001 0001 0000012c 0004 c0000201");
	wire_add(&w, "'WwW' c00e 0010 0003 00000001 0003 'ab'");
	wire_add(&w, "c00e 0002 0001 80000000 0005 'ns' c00c");
	wire_add(&w, "00 0029 04d0 12 00 8001 0006 000a 0002 beef");
	assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.flags, DNS_QR | DNS_RD | DNS_RA);
	assert_int_equal(m.opcode, 0);
	assert_int_equal(m.q.type, 1);
	assert_int_equal(m.q.class, 1);
	assert_memory_equal(m.q.name.b, "\1a\1b", 5);
	assert_int_equal(m.records, 21);
	dns_rr_begin(&m, &it);
	assert_true(dns_rr_next(&m, &it, &rr));
	assert_int_equal(rr.section, DNS_ANSWER);
	assert_true(dns_name_eq(&rr.name, &m.q.name));
	assert_int_equal(rr.type, DNS_TYPE_A);
	assert_int_equal(rr.ttl, 300);
	assert_int_equal(rr.rdlen, 4);
	assert_memory_equal(w.b + rr.rdata, "\300\0\2\1", 4);
	assert_true(dns_rr_next(&m, &it, &rr));
	assert_int_equal(rr.section, DNS_ANSWER);
	assert_memory_equal(rr.name.b, "\3WwW\1b", 7);
	assert_int_equal(rr.class, DNS_CLASS_CH);
	assert_true(dns_rr_next(&m, &it, &rr));
	assert_int_equal(rr.section, DNS_AUTHORITY);
	assert_int_equal(rr.ttl, 0x80000000);
	assert_true(dns_rr_next(&m, &it, &rr));
	assert_int_equal(rr.section, DNS_ADDITIONAL);
	assert_int_equal(rr.type, DNS_TYPE_OPT);
	assert_false(dns_rr_next(&m, &it, &rr));
	assert_false(dns_rr_next(&m, &it, &rr));
	refuse_truncations(&w);
}

TEST(a_ttl_with_its_top_bit_set_is_zero, "D2181-4 D1035-1")
{
	assert_int_equal(dns_ttl(0), 0);
	assert_int_equal(dns_ttl(0x7fffffff), 0x7fffffff);
	assert_int_equal(dns_ttl(0x80000000), 0);
	assert_int_equal(dns_ttl(0xffffffff), 0);
}

TEST(the_header_alone_may_stand, "")
{
	struct wire w = {0};
	struct dns_msg m;

	wire_add(&w, "ffff 7b8f 0000 0000 0000 0000");
	assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
	assert_int_equal(m.flags, DNS_TC | DNS_RD | DNS_RA);
	assert_int_equal(m.opcode, 15);
	assert_int_equal(m.rcode, 15);
	wire_refused(&(struct wire){0}, 0, "shorter than a header");
	w.len = 11;
	wire_refused(&w, 11, "shorter than a header");
}

TEST(header_and_question_can_be_read_without_the_rest, "D1035-8")
{
	struct wire w;
	struct dns_msg m;

	wire_reply(&w, 700, 0, 9);
	wire_add(&w, "3f 61");
	w.b[2] |= 2;
	assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), -EBADMSG);
	assert_int_equal(dns_msg_head(&m, w.b, w.len, NULL), 0);
	assert_true(m.flags & DNS_TC);
	assert_memory_equal(m.q.name.b, "\1a\1b", 5);
	for (size_t n = 0; n < 21; n++)
		assert_int_equal(dns_msg_head(&m, w.b, n, NULL), -EBADMSG);
	assert_int_equal(dns_msg_head(&m, w.b, 21, NULL), 0);
}

TEST(more_than_one_question_is_refused, "D1035-8 AM33-24 IH-03")
{
	struct wire w;

	wire_reply(&w, 0, 0, 0);
	wire_taken(&w);
	w.b[5] = 2;
	wire_refused(&w, 4, "more than one question");
	wire_add(&w, "c00c 0001 0001");
	wire_refused(&w, 4, "more than one question");
	w.b[4] = w.b[5] = 0xff;
	wire_refused(&w, 4, "more than one question");
	/* none: the question is no record */
	w.b[4] = w.b[5] = 0;
	wire_refused(&w, 12, "octets behind the last record");
	w.len = 12;
	wire_taken(&w);
}

TEST(counts_beyond_the_records_are_refused, "D9267-5 AM33-19 AM33-24 AM33-30 NW-06")
{
	struct wire w;

	for (unsigned s = 1; s < 4; s++) {
		wire_reply(&w, 0, 0, 0);
		dns_put16(w.b + 4 + 2 * s, 0xffff);
		wire_refused(&w, 21, "fewer records than the header says");
		wire_add(&w, "c00c 0001 0001 0000012c 0004 c0000201");
		wire_refused(&w, 37, "fewer records than the header says");
		dns_put16(w.b + 4 + 2 * s, 2);
		wire_refused(&w, 37, "fewer records than the header says");
		dns_put16(w.b + 4 + 2 * s, 1);
		wire_taken(&w);
		dns_put16(w.b + 4 + 2 * s, 0);
		wire_refused(&w, 21, "octets behind the last record");
	}
	wire_reply(&w, 0xffff, 0xffff, 0xffff);
	wire_add(&w, "c00c 0001 0001 0000012c 0004 c0000201");
	wire_refused(&w, 37, "fewer records than the header says");
}

TEST(counts_in_a_bare_header_are_refused, "IH-03 D9267-5")
{
	struct wire w = {0};

	wire_add(&w, "1234 8180 ffff ffff ffff ffff");
	wire_refused(&w, 4, "more than one question");
	w.b[4] = w.b[5] = 0;
	wire_refused(&w, 12, "fewer records than the header says");
	w.b[5] = 1;
	wire_refused(&w, 12, "a name runs over the end");
}

TEST(octets_behind_the_last_record_are_refused, "")
{
	struct wire w;

	wire_reply(&w, 1, 0, 0);
	wire_add(&w, "c00c 0001 0001 0000012c 0004 c0000201 00");
	wire_refused(&w, 37, "octets behind the last record");
}

TEST(rdlength_beyond_the_message_is_refused, "D1035-3 D9267-4 AM33-21 AM33-29 NW-06")
{
	static const unsigned over[] = {5, 6, 0x100, 0x1000, 65535};
	struct wire w;

	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		wire_reply(&w, 2, 0, 0);
		wire_add(&w, "c00c 0001 0001 0000012c 0004 c0000201");
		wire_add(&w, "c00c 0001 0001 0000012c");
		wire_u16(&w, over[i]);
		wire_add(&w, "c0000202");
		wire_refused(&w, 47, "RDATA runs over the end");
	}
	/* AM33-21: the octets are there, over TCP, but an address has four */
	wire_reply(&w, 1, 0, 0);
	wire_add(&w, "c00c 0001 0001 0000012c 1000");
	memset(w.b + w.len, 1, 4096);
	w.len += 4096;
	wire_refused(&w, 37, "RDATA is longer than its fields");
}

TEST(addresses_have_their_size, "D1035-4 IH-01")
{
	struct wire w;

	for (unsigned n = 0; n <= 20; n++) {
		for (unsigned type = 1; type <= 28; type += 27) {
			wire_reply(&w, 1, 0, 0);
			wire_add(&w, "c00c");
			wire_u16(&w, type);
			wire_add(&w, "0001 0000012c");
			wire_u16(&w, n);
			memset(w.b + w.len, 9, n);
			w.len += n;
			unsigned size = type == 1 ? 4 : 16;

			if (n == size)
				wire_taken(&w);
			else
				wire_refused(&w, n < size ? 33 : 33 + size,
					     n < size ? "RDATA is shorter than its fields"
						      : "RDATA is longer than its fields");
		}
	}
	/* IH-01: 65535 claimed, four there */
	wire_reply(&w, 1, 0, 0);
	wire_add(&w, "c00c 0001 0001 0000012c ffff c0000201");
	wire_refused(&w, 31, "RDATA runs over the end");
}

TEST(a_name_in_rdata_ends_where_rdata_ends, "R20-06 D1035-4 D9267-4")
{
	struct wire w;

	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "c00c", DNS_TYPE_CNAME, 1, "'c' c00e");
	wire_taken(&w);
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "c00c", DNS_TYPE_CNAME, 1, "'c' c00e 00");
	wire_refused(&w, 37, "RDATA is longer than its fields");
	/* the name goes on behind RDATA, in octets that belong to nobody */
	wire_reply(&w, 2, 0, 0);
	wire_add(&w, "c00c 0005 0001 0000012c 0003 'c' c0");
	wire_add(&w, "0e 0001 0001 0000012c 0000");
	wire_refused(&w, 35, "a compression pointer runs over the end");
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "c00c", DNS_TYPE_CNAME, 1, "03 6162");
	wire_refused(&w, 33, "a label runs over the end");
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "c00c", DNS_TYPE_CNAME, 1, "'ab'");
	wire_refused(&w, 36, "a name runs over the end");
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "c00c", DNS_TYPE_CNAME, 1, "");
	wire_refused(&w, 33, "a name runs over the end");
	/* MX: two octets before the name */
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "c00c", DNS_TYPE_MX, 1, "000a c00c c00c");
	wire_refused(&w, 37, "RDATA is longer than its fields");
}

TEST(a_compressed_name_counts_as_written_out, "R20-06 DN-21")
{
	struct wire w;
	struct dns_msg m;
	struct dns_rr_iter it;
	struct dns_rr rr;
	uint8_t out[300];

	/* the longest name as owner, and then two octets that stand for all of it */
	wire_reply(&w, 2, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		unsigned n = i < 3 ? 63 : 61;

		w.b[w.len++] = (uint8_t)n;
		memset(w.b + w.len, 'y', n);
		w.len += n;
	}
	wire_rr(&w, "00", DNS_TYPE_MX, 1, "0005 c015");
	wire_rr(&w, "c015", DNS_TYPE_SOA, 1,
		"c015 c015 00000001 00000002 00000003 00000004 00000005");
	assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
	dns_rr_begin(&m, &it);
	assert_true(dns_rr_next(&m, &it, &rr));
	assert_int_equal(rr.rdlen, 4);
	for (size_t cap = 0; cap < 257; cap++)
		assert_int_equal(dns_rdata_expand(&m, &rr, out, cap), -EMSGSIZE);
	assert_int_equal(dns_rdata_expand(&m, &rr, out, 257), 257);
	assert_true(dns_rr_next(&m, &it, &rr));
	uint8_t *exact = malloc(530);

	assert_non_null(exact);
	assert_int_equal(dns_rdata_expand(&m, &rr, exact, 529), -EMSGSIZE);
	assert_int_equal(dns_rdata_expand(&m, &rr, exact, 530), 530);
	free(exact);
}

TEST(record_names_are_checked_as_names, "NW-05 AM33-28 AM33-20 FR-14 IH-02")
{
	static const struct {
		const char *tail;
		size_t at;
		const char *why;
	} bad[] = {
		{"'www'", 25, "a name runs over the end"},
		{"'example' 'com'", 33, "a name runs over the end"},
		{"3f 61", 21, "a label runs over the end"},
		{"ffff", 21, "a compression pointer that does not go back"},
		{"c0ff", 21, "a compression pointer that does not go back"},
		{"c015", 21, "a compression pointer that does not go back"},
		{"c003", 21, "a compression pointer into the header"},
		{"40", 21, "a label of a reserved type (01 or 10)"},
		{"00 0001 0001 0000012c 00", 29 + 3, "a record runs over the end"},
		{"c00c 0001", 25, "a record runs over the end"},
	};
	struct wire w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wire_reply(&w, 1, 0, 0);
		wire_add(&w, bad[i].tail);
		wire_refused(&w,
			     strcmp(bad[i].why, "a record runs over the end") ? bad[i].at : w.len,
			     bad[i].why);
	}
	wire_reply(&w, 0, 0, 0);
	w.len = 20;
	wire_refused(&w, 20, "the question runs over the end");
}

TEST(an_opt_record_gives_edns, "D6891-3 D6891-2")
{
	struct wire w;
	struct dns_msg m;
	size_t at, len;
	uint16_t code;
	const uint8_t *p;

	wire_reply(&w, 0, 0, 1);
	w.b[3] |= 7;
	wire_add(&w, "00 0029 0200 01 02 8003 0012 ffee 0000 000a 0003 010203 0003 0003 616263");
	assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
	assert_true(m.edns.present && m.edns.do_);
	assert_int_equal(m.edns.version, 2);
	assert_int_equal(m.edns.udp_size, 512);
	assert_int_equal(m.edns.flags, 0x8003);
	assert_int_equal(m.rcode, 0x17);
	at = m.edns.options;
	assert_true(dns_option_next(&m, &at, &code, &p, &len));
	assert_int_equal(code, 0xffee);
	assert_int_equal(len, 0);
	assert_true(dns_option_next(&m, &at, &code, &p, &len));
	assert_int_equal(code, DNS_OPT_COOKIE);
	assert_int_equal(len, 3);
	assert_memory_equal(p, "\1\2\3", 3);
	assert_true(dns_option_next(&m, &at, &code, &p, &len));
	assert_false(dns_option_next(&m, &at, &code, &p, &len));
	assert_true(dns_option_find(&m, DNS_OPT_NSID, &p, &len));
	assert_memory_equal(p, "abc", 3);
	assert_false(dns_option_find(&m, DNS_OPT_EDE, &p, &len));
	refuse_truncations(&w);
	wire_reply(&w, 0, 0, 0);
	assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
	assert_false(m.edns.present);
	assert_false(dns_option_find(&m, DNS_OPT_COOKIE, &p, &len));
}

TEST(option_lengths_stay_within_the_opt_record, "D6891-2")
{
	static const char *const bad[] = {"00",		  "000a",
					  "000a00",	  "000a 0001",
					  "000a ffff 00", "000a 0000 01",
					  "000a 0002 00", "000a 0001 00 0003 00"};
	struct wire w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wire_reply(&w, 0, 0, 2);
		wire_rr(&w, "00", DNS_TYPE_OPT, 1232, bad[i]);
		wire_rr(&w, "c00c", DNS_TYPE_A, 1, "c0000201");
		struct dns_flaw flaw;

		assert_int_equal(wire_try(&w, w.len, &flaw), -EBADMSG);
		assert_string_equal(flaw.why, "an option runs over the end of the OPT record");
	}
}

TEST(one_opt_record_at_the_root_in_the_additional_section, "D6891-1")
{
	struct wire w;

	wire_reply(&w, 0, 0, 2);
	wire_rr(&w, "00", DNS_TYPE_OPT, 1232, "");
	wire_rr(&w, "00", DNS_TYPE_OPT, 1232, "");
	wire_refused(&w, 32, "a second OPT record");
	wire_reply(&w, 0, 0, 1);
	wire_rr(&w, "c00c", DNS_TYPE_OPT, 1232, "");
	wire_refused(&w, 21, "an OPT record whose owner is not the root");
	wire_reply(&w, 1, 0, 0);
	wire_rr(&w, "00", DNS_TYPE_OPT, 1232, "");
	wire_refused(&w, 21, "an OPT record outside the additional section");
	wire_reply(&w, 0, 1, 0);
	wire_rr(&w, "00", DNS_TYPE_OPT, 1232, "");
	wire_refused(&w, 21, "an OPT record outside the additional section");
}

static double milliseconds(const struct wire *w, int expected)
{
	struct timespec a, b;
	struct dns_msg m;
	double best = 1e9;

	for (unsigned i = 0; i < 3; i++) {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
		assert_int_equal(dns_msg_decode(&m, w->b, w->len, NULL), expected);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
		double t =
			(double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;

		if (t < best)
			best = t;
	}
	return best;
}

/* Room for a sanitizer and for a machine that others use too; docs/performance.md has the figures. */
enum { BOMB_MS = 200 };

TEST(compression_bombs_cost_bounded_work, "DN-23 D1035-11")
{
	static struct wire w;
	size_t last;

	/* 126 names of one label each more, then records whose owner and RDATA are the longest of them */
	wire_reply(&w, 0, 0, 0);
	last = 12;
	for (unsigned i = 0; i < 124; i++) {
		size_t at = w.len;

		wire_add(&w, "'x'");
		wire_u16(&w, (unsigned)(0xc000 | last));
		wire_add(&w, "0002 0001 00000000 0002");
		wire_u16(&w, (unsigned)(0xc000 | at));
		last = at;
	}
	unsigned n = 124;

	while (w.len + 14 <= DNS_MSG_MAX) {
		wire_u16(&w, (unsigned)(0xc000 | last));
		wire_add(&w, "0002 0001 00000000 0002");
		wire_u16(&w, (unsigned)(0xc000 | last));
		n++;
	}
	dns_put16(w.b + 6, (uint16_t)n);
	assert_in_range(n, 4000, 65535);
	assert_true(milliseconds(&w, 0) < BOMB_MS);
	/* pointers alone, as many as there may be: at the first name that has more it ends */
	wire_reply(&w, 4000, 0, 0);
	while (w.len + 2 <= DNS_MSG_MAX - 20)
		wire_u16(&w, (unsigned)(0xc000 | (w.len < 0x3fff ? w.len - 2 : 0x3ffe)));
	assert_true(milliseconds(&w, -EBADMSG) < BOMB_MS);
}

TEST(thousands_of_options_are_read_in_linear_time, "DN-31")
{
	static struct wire w;
	struct dns_msg m;
	const uint8_t *p;
	uint16_t code;
	size_t at, len, n = 0;

	wire_reply(&w, 0, 0, 1);
	wire_add(&w, "00 0029 04d0 00000000");
	size_t room = DNS_MSG_MAX - w.len - 2, options = room / 4;

	wire_u16(&w, (unsigned)(options * 4));
	for (size_t i = 0; i < options; i++)
		wire_add(&w, "ff00 0000");
	assert_in_range(options, 16000, 16384);
	assert_true(milliseconds(&w, 0) < BOMB_MS);
	assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
	at = m.edns.options;
	while (dns_option_next(&m, &at, &code, &p, &len))
		n++;
	assert_int_equal(n, options);
	assert_false(dns_option_find(&m, DNS_OPT_COOKIE, &p, &len));
}

TEST(messages_of_every_large_size_stay_within_bounds, "DN-06 DN-19")
{
	static struct wire w;
	static const size_t sizes[] = {2047, 2048, 2049, 4096, 16384, 32768, 65534, 65535};
	uint8_t rdata[] = "\377"
			  "0123456789";
	struct dns_msg m;
	struct dns_flaw flaw;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		/* PTR answers whose labels are high octets, to the size */
		wire_reply(&w, 0, 0, 0);
		unsigned n = 0;

		while (w.len + 32 < sizes[i]) {
			wire_rr(&w, "c00c", DNS_TYPE_PTR, 1,
				"0f fffefdfcfbfaf9f8f7f6f5f4f3f2f1 c00c");
			n++;
		}
		dns_put16(w.b + 6, (uint16_t)n);
		wire_taken(&w);
		assert_int_equal(wire_try(&w, w.len - 1, &flaw), -EBADMSG);
		/* filled up with an opaque record to the octet */
		n++;
		dns_put16(w.b + 6, (uint16_t)n);
		size_t rest = sizes[i] - w.len - 12;

		wire_add(&w, "c00c ff00 0001 00000000");
		wire_u16(&w, (unsigned)rest);
		for (size_t k = 0; k < rest; k++)
			w.b[w.len++] = rdata[k % sizeof(rdata)];
		assert_int_equal(w.len, sizes[i]);
		wire_taken(&w);
	}
	/* no message is longer than 65535 */
	assert_int_equal(dns_msg_decode(&m, w.b, DNS_MSG_MAX + 1, &flaw), -EBADMSG);
	assert_string_equal(flaw.why, "longer than a message can be");
}

TEST(sizes_do_not_wrap_at_64_kib, "DN-21")
{
	static struct wire w;
	static uint8_t out[200000];
	struct dns_msg m;
	struct dns_rr_iter it;
	struct dns_rr rr;

	/* RDATA of 64 KB, of the type of SIGRed and of one that nobody knows */
	for (unsigned type = 24; type <= 65281; type += 65257) {
		wire_reply(&w, 1, 0, 0);
		wire_add(&w, "c00c");
		wire_u16(&w, type);
		wire_add(&w, "0001 00000000");
		size_t n = DNS_MSG_MAX - w.len - 2;

		wire_u16(&w, (unsigned)n);
		for (size_t i = 0; i < n; i++)
			w.b[w.len++] = i % 2 ? 0x0c : 0xc0;
		assert_int_equal(dns_msg_decode(&m, w.b, w.len, NULL), 0);
		dns_rr_begin(&m, &it);
		assert_true(dns_rr_next(&m, &it, &rr));
		/* pointers in there are octets */
		assert_int_equal(dns_rdata_expand(&m, &rr, out, sizeof(out)), n);
		assert_memory_equal(out, w.b + rr.rdata, n);
		assert_int_equal(dns_rdata_expand(&m, &rr, out, n - 1), -EMSGSIZE);
	}
}

/* The encoder. */

static const struct dns_name a_b = {5, {1, 'a', 1, 'b', 0}};

TEST(names_are_compressed_where_they_may_be, "D3597-2")
{
	uint8_t b[512], mx[] = "\0\12\1m\1A\1b", srv[] = "\0\1\0\2\0\3\1m\1a\1b";
	struct dns_enc e;
	struct wire w = {0};

	assert_int_equal(dns_enc_begin(&e, b, sizeof(b), 0x1234, DNS_QR | DNS_RD | DNS_RA, 0, 0),
			 0);
	assert_int_equal(dns_enc_question(&e, &a_b, 15, 1), 0);
	assert_int_equal(dns_enc_rr(&e, DNS_ANSWER, &a_b, 15, 1, 300, mx, sizeof(mx)), 0);
	assert_int_equal(dns_enc_rr(&e, DNS_ANSWER, &a_b, 15, 1, 300, mx, sizeof(mx)), 0);
	assert_int_equal(dns_enc_rr(&e, DNS_ADDITIONAL, &a_b, 33, 1, 300, srv, sizeof(srv)), 0);
	assert_int_equal(dns_enc_opt(&e, 1232, 0x8000, 0, NULL, 0), 0);
	wire_reply(&w, 2, 0, 2);
	w.b[18] = 15;
	/* case is kept: "A" is no "a", but "b." is there already */
	wire_rr(&w, "c00c", 15, 1, "000a 'm' 'A' c00e");
	wire_rr(&w, "c00c", 15, 1, "000a c023");
	wire_rr(&w, "c00c", 33, 1, "0001 0002 0003 'm' 'a' 'b' 00");
	wire_add(&w, "00 0029 04d0 0000 8000 0000");
	assert_int_equal(e.len, w.len);
	assert_memory_equal(b, w.b, w.len);
}

TEST(what_does_not_fit_leaves_the_message_as_it_was, "")
{
	uint8_t mx[] = "\0\12\1m\1c", before[200];

	for (size_t cap = 0; cap < 80; cap++) {
		uint8_t *b = malloc(cap ? cap : 1);
		struct dns_enc e;
		int err;

		assert_non_null(b);
		err = dns_enc_begin(&e, b, cap, 1, 0, 0, 0);
		assert_int_equal(err, cap < 12 ? -EMSGSIZE : 0);
		for (unsigned step = 0; step < 5; step++) {
			size_t len = e.len;

			memcpy(before, b, len);
			err = step == 0 ? dns_enc_question(&e, &a_b, 15, 1)
			      : step < 4
				      ? dns_enc_rr(&e, DNS_ANSWER, &a_b, 15, 1, 300, mx, sizeof(mx))
				      : dns_enc_opt(&e, 1232, 0, 0, NULL, 0);
			assert_true(e.len <= cap || cap < 12);
			if (err == 0)
				continue;
			assert_int_equal(err, -EMSGSIZE);
			assert_int_equal(e.len, len);
			assert_memory_equal(before, b, len);
		}
		struct dns_msg m;

		if (cap >= 12)
			assert_int_equal(dns_msg_decode(&m, b, e.len, NULL), 0);
		free(b);
	}
}

TEST(what_is_no_record_is_not_written, "")
{
	uint8_t b[200];
	struct dns_enc e;

	assert_int_equal(dns_enc_begin(&e, b, sizeof(b), 1, 0, 0, 0), 0);
	assert_int_equal(dns_enc_rr(&e, DNS_QUESTION, &a_b, 1, 1, 0, b, 4), -EINVAL);
	assert_int_equal(dns_enc_rr(&e, DNS_ANSWER, &a_b, 1, 1, 0, (const uint8_t *)"abc", 3),
			 -EINVAL);
	/* a pointer in RDATA that is given written out */
	assert_int_equal(dns_enc_rr(&e, DNS_ANSWER, &a_b, 5, 1, 0, (const uint8_t *)"\300\14", 2),
			 -EINVAL);
	assert_int_equal(e.len, 12);
	assert_int_equal(dns_enc_rr(&e, DNS_AUTHORITY, &a_b, 1, 1, 0, (const uint8_t *)"abcd", 4),
			 0);
	assert_int_equal(dns_enc_rr(&e, DNS_ANSWER, &a_b, 1, 1, 0, (const uint8_t *)"abcd", 4),
			 -EINVAL);
	assert_int_equal(dns_enc_question(&e, &a_b, 1, 1), -EINVAL);
}

TEST(options_are_put_within_their_room, "")
{
	uint8_t o[10];
	size_t len = 0;

	assert_int_equal(dns_put_option(o, sizeof(o), &len, 10, "ab", 2), 0);
	assert_int_equal(len, 6);
	assert_int_equal(dns_put_option(o, sizeof(o), &len, 3, "a", 1), -EMSGSIZE);
	assert_int_equal(dns_put_option(o, sizeof(o), &len, 3, NULL, 0), 0);
	assert_int_equal(dns_put_option(o, sizeof(o), &len, 3, NULL, 0), -EMSGSIZE);
	assert_int_equal(dns_put_option(o, sizeof(o), &len, 3, o, 70000), -EMSGSIZE);
	assert_memory_equal(o, "\0\12\0\2ab\0\3\0\0", 10);
}

/* A record at random, written out. */
struct some {
	struct dns_name name;
	uint16_t type;
	uint32_t ttl;
	size_t rdlen;
	uint8_t rdata[700];
};

static struct dns_name some_name(struct rnd *r)
{
	static const char *const label[] = {"a",       "b",   "www", "Example",
					    "example", "com", "x-y", "mail"};
	struct dns_name n = {.len = 0};

	for (unsigned k = rnd_below(r, 5); k; k--) {
		const char *l = label[rnd_below(r, 8)];
		size_t len = strlen(l);

		n.b[n.len] = (uint8_t)len;
		memcpy(n.b + n.len + 1, l, len);
		n.len = (uint8_t)(n.len + len + 1);
	}
	n.b[n.len++] = 0;
	return n;
}

static void some_rr(struct rnd *r, struct some *s)
{
	static const uint16_t types[] = {1,  2,	 5,  6,	 12, 15, 16,  28,
					 33, 35, 39, 46, 47, 64, 257, 999};
	struct wire *w = calloc(1, sizeof(*w));
	struct dns_name n;

	assert_non_null(w);
	s->name = some_name(r);
	s->type = types[rnd_below(r, 16)];
	s->ttl = rnd_u32(r);
	const struct rr_type *row = rr_type_of(s->type, 1);

	for (const struct rr_field *f = row->field; f->kind != RF_END; f++)
		switch ((enum rr_kind)f->kind) {
		case RF_NAME:
			n = some_name(r);
			memcpy(w->b + w->len, n.b, n.len);
			w->len += n.len;
			break;
		case RF_STR:
		case RF_STRS:
		case RF_TAG:
			wire_add(w, "'abc'");
			break;
		case RF_BITMAP:
			wire_add(w, "00 01 62 01 02 00 01");
			break;
		case RF_PARAM:
			wire_add(w, "0001 0003 'h2' 0003 0002 01bb");
			break;
		case RF_IP6:
			rnd_bytes(r, w->b + w->len, 16);
			w->len += 16;
			break;
		case RF_U8:
			w->b[w->len++] = (uint8_t)rnd_u32(r);
			break;
		case RF_U16:
		case RF_TYPE:
			wire_u16(w, rnd_u32(r) & 0xffff);
			break;
		default: /* four octets, or any number */
			rnd_bytes(r, w->b + w->len, 4);
			w->len += 4;
		}
	s->rdlen = w->len;
	memcpy(s->rdata, w->b, w->len);
	free(w);
}

TEST(random_messages_come_back_as_they_were, "D1035-4")
{
	struct rnd r = {3};
	static uint8_t b[DNS_MSG_MAX], out[1000];

	for (unsigned i = 0; i < 1500; i++) {
		struct some s[20];
		struct dns_enc e;
		struct dns_msg m;
		struct dns_rr_iter it;
		struct dns_rr rr;
		struct dns_name q = some_name(&r);
		unsigned n = rnd_below(&r, 20), cut = rnd_below(&r, 21);
		size_t flat = 12 + q.len + 4;

		assert_int_equal(dns_enc_begin(&e, b, sizeof(b), (uint16_t)i, 0xffff, 5, 6), 0);
		assert_int_equal(dns_enc_question(&e, &q, 28, 1), 0);
		for (unsigned k = 0; k < n; k++) {
			some_rr(&r, &s[k]);
			flat += s[k].name.len + 10 + s[k].rdlen;
			assert_int_equal(dns_enc_rr(&e, k < cut ? DNS_ANSWER : DNS_ADDITIONAL,
						    &s[k].name, s[k].type, 1, s[k].ttl, s[k].rdata,
						    s[k].rdlen),
					 0);
		}
		assert_true(e.len <= flat);
		struct dns_flaw flaw = {0, ""};

		if (dns_msg_decode(&m, b, e.len, &flaw))
			fail_msg("%u: refused at %zu: %s", i, flaw.at, flaw.why);
		assert_int_equal(m.id, i);
		assert_int_equal(m.opcode, 5);
		assert_int_equal(m.rcode, 6);
		assert_true(dns_name_eq_case(&m.q.name, &q));
		dns_rr_begin(&m, &it);
		for (unsigned k = 0; k < n; k++) {
			assert_true(dns_rr_next(&m, &it, &rr));
			assert_int_equal(rr.section, k < cut ? DNS_ANSWER : DNS_ADDITIONAL);
			assert_true(dns_name_eq_case(&rr.name, &s[k].name));
			assert_int_equal(rr.type, s[k].type);
			assert_int_equal(rr.ttl, s[k].ttl);
			assert_int_equal(dns_rdata_expand(&m, &rr, out, sizeof(out)), s[k].rdlen);
			assert_memory_equal(out, s[k].rdata, s[k].rdlen);
		}
		assert_false(dns_rr_next(&m, &it, &rr));
	}
}

TEST(a_full_message_has_every_record_that_fits, "")
{
	static uint8_t b[DNS_MSG_MAX];
	struct dns_enc e;
	struct dns_msg m;
	struct rnd r = {5};
	unsigned n = 0;

	assert_int_equal(dns_enc_begin(&e, b, 70000, 1, DNS_QR, 0, 0), 0);
	assert_int_equal(e.cap, DNS_MSG_MAX);
	for (;;) {
		struct some s;

		some_rr(&r, &s);
		if (dns_enc_rr(&e, DNS_ANSWER, &s.name, s.type, 1, s.ttl, s.rdata, s.rdlen))
			break;
		n++;
	}
	assert_in_range(e.len, DNS_MSG_MAX - 200, DNS_MSG_MAX);
	assert_int_equal(dns_msg_decode(&m, b, e.len, NULL), 0);
	assert_int_equal(m.count[DNS_ANSWER], n);
}

TEST(messages_broken_at_random_are_never_read_beyond, "D9267-1 D9267-4 D9267-5")
{
	struct rnd r = {9};
	static struct wire w;

	for (unsigned i = 0; i < 6000; i++) {
		struct dns_enc e;
		struct dns_name q = some_name(&r);
		unsigned n = rnd_below(&r, 6);

		assert_int_equal(dns_enc_begin(&e, w.b, 2000, 1, 0, 0, 0), 0);
		dns_enc_question(&e, &q, 1, 1);
		for (unsigned k = 0; k < n; k++) {
			struct some s;

			some_rr(&r, &s);
			dns_enc_rr(&e, DNS_ANSWER, &s.name, s.type, 1, s.ttl, s.rdata, s.rdlen);
		}
		w.len = e.len;
		for (unsigned k = 1 + rnd_below(&r, 4); k; k--)
			w.b[rnd_below(&r, (uint32_t)w.len)] =
				(uint8_t)(rnd_below(&r, 2) ? rnd_u32(&r) : 0xc0);
		wire_try(&w, w.len, NULL);
		wire_try(&w, rnd_below(&r, (uint32_t)w.len), NULL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_is_read_field_by_field),
		cmocka_unit_test(a_ttl_with_its_top_bit_set_is_zero),
		cmocka_unit_test(the_header_alone_may_stand),
		cmocka_unit_test(header_and_question_can_be_read_without_the_rest),
		cmocka_unit_test(more_than_one_question_is_refused),
		cmocka_unit_test(counts_beyond_the_records_are_refused),
		cmocka_unit_test(counts_in_a_bare_header_are_refused),
		cmocka_unit_test(octets_behind_the_last_record_are_refused),
		cmocka_unit_test(rdlength_beyond_the_message_is_refused),
		cmocka_unit_test(addresses_have_their_size),
		cmocka_unit_test(a_name_in_rdata_ends_where_rdata_ends),
		cmocka_unit_test(a_compressed_name_counts_as_written_out),
		cmocka_unit_test(record_names_are_checked_as_names),
		cmocka_unit_test(an_opt_record_gives_edns),
		cmocka_unit_test(option_lengths_stay_within_the_opt_record),
		cmocka_unit_test(one_opt_record_at_the_root_in_the_additional_section),
		cmocka_unit_test(compression_bombs_cost_bounded_work),
		cmocka_unit_test(thousands_of_options_are_read_in_linear_time),
		cmocka_unit_test(messages_of_every_large_size_stay_within_bounds),
		cmocka_unit_test(sizes_do_not_wrap_at_64_kib),
		cmocka_unit_test(names_are_compressed_where_they_may_be),
		cmocka_unit_test(what_does_not_fit_leaves_the_message_as_it_was),
		cmocka_unit_test(what_is_no_record_is_not_written),
		cmocka_unit_test(options_are_put_within_their_room),
		cmocka_unit_test(random_messages_come_back_as_they_were),
		cmocka_unit_test(a_full_message_has_every_record_that_fits),
		cmocka_unit_test(messages_broken_at_random_are_never_read_beyond),
	};
	return tapir_test_run("unit/dns/test_msg", tests);
}
