/* What replies say: chains in any order, RRsets, negative answers, referrals; and the messages made of them. */
#include "dns/answer.h"
#include "dns/text.h"
#include "tests/support/rnd.h"
#include "tests/unit/dns/wire.h"

/* A reply under way, its records as text: "www CNAME x", "a A 1". Names are single labels below "b." but for what ends in a dot. */
struct reply {
	struct dns_enc e;
	uint8_t b[DNS_MSG_MAX];
};

static struct dns_name below_b(const char *text)
{
	struct dns_name n = wire_name(text), b = wire_name("b"), out;

	if (text[strlen(text) - 1] == '.')
		return n;
	assert_int_equal(dns_name_join(&n, &b, &out), 0);
	return out;
}

static void begin(struct reply *r, const char *name, unsigned type, unsigned flags, unsigned rcode)
{
	struct dns_name n = below_b(name);

	assert_int_equal(dns_enc_begin(&r->e, r->b, sizeof(r->b), 7,
				       (uint16_t)(DNS_QR | DNS_RD | DNS_RA | flags), 0,
				       (uint8_t)rcode),
			 0);
	assert_int_equal(dns_enc_question(&r->e, &n, (uint16_t)type, 1), 0);
}

static void add(struct reply *r, enum dns_section s, const char *owner, unsigned type, unsigned ttl,
		const void *rdata, size_t len)
{
	struct dns_name n = below_b(owner);

	assert_int_equal(dns_enc_rr(&r->e, s, &n, (uint16_t)type, 1, ttl, rdata, len), 0);
}

static void cname(struct reply *r, const char *owner, const char *to, unsigned ttl)
{
	struct dns_name n = below_b(to);

	add(r, DNS_ANSWER, owner, DNS_TYPE_CNAME, ttl, n.b, n.len);
}

static void a(struct reply *r, const char *owner, unsigned last, unsigned ttl)
{
	uint8_t ip[4] = {192, 0, (uint8_t)(2 + (last >> 8)), (uint8_t)last};

	add(r, DNS_ANSWER, owner, DNS_TYPE_A, ttl, ip, 4);
}

static void soa(struct reply *r, const char *zone, unsigned ttl, unsigned minimum)
{
	uint8_t rdata[22] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4};

	dns_put32(rdata + 18, minimum);
	add(r, DNS_AUTHORITY, zone, DNS_TYPE_SOA, ttl, rdata, sizeof(rdata));
}

static void ns(struct reply *r, const char *zone)
{
	add(r, DNS_AUTHORITY, zone, DNS_TYPE_NS, 300, "\2ns\1c", 6);
}

static void rrsig(struct reply *r, enum dns_section s, const char *owner, unsigned covered)
{
	uint8_t rdata[20] = {(uint8_t)(covered >> 8), (uint8_t)covered, 8, 2};

	rdata[19] = 0x5a;
	add(r, s, owner, DNS_TYPE_RRSIG, 300, rdata, sizeof(rdata));
}

/* What is read, and the records of the message made of it, one a line: "owner ttl type rdata". */
struct read {
	int len;
	struct dns_answer a;
	uint8_t b[DNS_MSG_MAX];
	char text[8192];
};

static void show(struct read *o)
{
	struct dns_msg m;
	struct dns_rr_iter it;
	struct dns_rr rr;
	struct dns_flaw flaw = {0, ""};
	size_t at = 0;

	if (dns_msg_decode(&m, o->b, (size_t)o->len, &flaw))
		fail_msg("what was made is refused at %zu: %s", flaw.at, flaw.why);
	assert_int_equal(m.id, 0);
	assert_true(m.flags & DNS_QR);
	o->text[0] = '\0';
	dns_rr_begin(&m, &it);
	while (dns_rr_next(&m, &it, &rr) && at < sizeof(o->text) - 1000) {
		char name[DNS_NAME_TEXT_MAX], type[16], data[400];

		dns_name_text(&rr.name, name);
		dns_type_text(rr.type, type);
		dns_rr_short(&m, &rr, data, sizeof(data));
		at += (size_t)snprintf(o->text + at, sizeof(o->text) - at, "%s%s %u %s %s\n",
				       rr.section == DNS_ANSWER ? "" : "+", name, rr.ttl, type,
				       data);
	}
}

static void read_with(const struct reply *r, unsigned max, struct read *o)
{
	struct dns_msg m;
	uint8_t *exact = malloc(r->e.len);

	assert_non_null(exact);
	memcpy(exact, r->b, r->e.len);
	assert_int_equal(dns_msg_decode(&m, exact, r->e.len, NULL), 0);
	o->len = dns_answer_read(&m, &m.q, max, o->b, sizeof(o->b), &o->a);
	assert_in_range(o->len, 12, DNS_MSG_MAX);
	free(exact);
	show(o);
}

static struct reply *r;
static struct read *o;

static int setup(void **state)
{
	(void)state;
	r = calloc(1, sizeof(*r));
	o = calloc(1, sizeof(*o));
	return r && o ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(r);
	free(o);
	return 0;
}

static void assert_target(const char *name)
{
	struct dns_name n = below_b(name);

	assert_true(dns_name_eq(&o->a.target, &n));
}

TEST(records_of_the_name_asked_for, "D1034-2 D4343-2")
{
	begin(r, "WwW", 1, DNS_AD | DNS_AA, 0);
	a(r, "www", 1, 300);
	a(r, "WWW", 2, 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_RECORDS);
	assert_int_equal(o->a.nrecords, 2);
	assert_int_equal(o->a.chain, 0);
	assert_int_equal(o->a.ttl_s, 300);
	assert_int_equal(o->a.dropped, 0);
	/* owners as the question has them; the rest as received */
	assert_string_equal(o->text, "WwW.b. 300 A 192.0.2.1\nWwW.b. 300 A 192.0.2.2\n");
	assert_int_equal(dns_get16(o->b + 2), DNS_QR | DNS_RD | DNS_RA | DNS_AD);
}

TEST(a_chain_is_followed_in_any_order, "D1034-3 DN-12")
{
	struct rnd rnd = {2};

	for (unsigned n = 1; n <= 16; n++)
		for (unsigned round = 0; round < 20; round++) {
			unsigned order[17];

			for (unsigned i = 0; i <= n; i++) {
				unsigned k = rnd_below(&rnd, i + 1);

				order[i] = order[k];
				order[k] = i;
			}
			begin(r, "c0", 1, 0, 0);
			for (unsigned i = 0; i <= n; i++) {
				char from[16], to[16];

				snprintf(from, sizeof(from), "%c%u", i == n ? 'C' : 'c', order[i]);
				snprintf(to, sizeof(to), "C%u", order[i] + 1);
				if (order[i] == n)
					a(r, from, 9, 77);
				else
					cname(r, from, to, 100 + order[i]);
			}
			read_with(r, 10, o);
			assert_int_equal(o->a.kind, DNS_ANSWER_RECORDS);
			assert_int_equal(o->a.chain, n);
			assert_int_equal(o->a.nrecords, 1);
			assert_int_equal(o->a.ttl_s, 77);
			char last[16], *at = o->text;

			snprintf(last, sizeof(last), "c%u", n);
			assert_target(last);
			/* in order */
			for (unsigned i = 0; i < n; i++) {
				char line[40];
				int len = snprintf(line, sizeof(line), "%c%u.b. %u CNAME C%u.b.\n",
						   i ? 'C' : 'c', i, 100 + i, i + 1);

				assert_memory_equal(at, line, len);
				at += len;
			}
		}
}

TEST(chains_that_are_too_long_or_circular_are_errors, "D1034-4 DN-24")
{
	begin(r, "a", 1, 0, 0);
	cname(r, "a", "a", 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_LOOP);
	begin(r, "a", 1, 0, 0);
	cname(r, "a", "x", 300);
	cname(r, "x", "A", 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_LOOP);
	assert_string_equal(o->text, "");
	/* into a circle that the question is not part of */
	begin(r, "a", 1, 0, 0);
	cname(r, "y", "x", 300);
	cname(r, "x", "y", 300);
	cname(r, "a", "x", 300);
	a(r, "z", 1, 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_LOOP);
	for (unsigned n = 16; n <= 1000; n = n < 18 ? n + 1 : n * 4)
		for (unsigned back = 0; back < 2; back++) {
			begin(r, "c0", 1, 0, 0);
			for (unsigned i = 0; i < n; i++) {
				char from[16], to[16];
				unsigned k = back ? n - 1 - i : i;

				snprintf(from, sizeof(from), "c%u", k);
				snprintf(to, sizeof(to), "c%u", k + 1);
				cname(r, from, to, 300);
			}
			char last[16];

			snprintf(last, sizeof(last), "c%u", n);
			a(r, last, 1, 300);
			read_with(r, 10, o);
			assert_int_equal(o->a.kind, n == 16 ? DNS_ANSWER_RECORDS : DNS_ANSWER_LOOP);
		}
}

TEST(a_chain_may_end_in_a_name_without_records, "D1034-3")
{
	begin(r, "a", 1, 0, 0);
	cname(r, "a", "x", 60);
	cname(r, "x", "far.away.", 30);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_CNAME);
	assert_int_equal(o->a.chain, 2);
	assert_int_equal(o->a.ttl_s, 30);
	assert_target("far.away.");
	assert_string_equal(o->text, "a.b. 60 CNAME x.b.\nx.b. 30 CNAME far.away.\n");
	/* an SOA of another zone says nothing of that name */
	soa(r, "b.", 300, 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_CNAME);
}

TEST(only_owners_in_the_chain_count, "D4592-1")
{
	begin(r, "a", 1, 0, 0);
	a(r, "evil", 1, 300);
	a(r, "*", 2, 300);
	a(r, "aa", 3, 300);
	a(r, "b.", 4, 300);
	a(r, "x.a", 5, 300);
	cname(r, "other", "a", 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NODATA);
	assert_int_equal(o->a.nrecords, 0);
	assert_string_equal(o->text, "");
	a(r, "a", 6, 300);
	read_with(r, 10, o);
	assert_string_equal(o->text, "a.b. 300 A 192.0.2.6\n");
	assert_int_equal(o->a.nrecords, 1);
}

TEST(only_the_answer_section_answers, "D2181-3")
{
	begin(r, "a", 1, 0, 0);
	add(r, DNS_AUTHORITY, "a", DNS_TYPE_A, 300, "\300\0\2\1", 4);
	add(r, DNS_AUTHORITY, "a", DNS_TYPE_CNAME, 300, "\1x\1b", 5);
	add(r, DNS_ADDITIONAL, "a", DNS_TYPE_A, 300, "\300\0\2\2", 4);
	add(r, DNS_ADDITIONAL, "x", DNS_TYPE_A, 300, "\300\0\2\3", 4);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NODATA);
	assert_false(o->a.has_soa);
	assert_string_equal(o->text, "");
}

TEST(records_of_another_class_are_left_out, "D1035-17")
{
	struct dns_name n = below_b("a"), x = below_b("x");

	begin(r, "a", 16, 0, 0);
	assert_int_equal(dns_enc_rr(&r->e, DNS_ANSWER, &n, 16, DNS_CLASS_CH, 300,
				    (const uint8_t *)"\2no", 3),
			 0);
	assert_int_equal(dns_enc_rr(&r->e, DNS_ANSWER, &n, DNS_TYPE_CNAME, DNS_CLASS_CH, 300, x.b,
				    x.len),
			 0);
	assert_int_equal(dns_enc_rr(&r->e, DNS_ANSWER, &n, 16, 254, 300, (const uint8_t *)"\2no",
				    3),
			 0);
	add(r, DNS_ANSWER, "a", 16, 300, "\3yes", 4);
	read_with(r, 10, o);
	assert_string_equal(o->text, "a.b. 300 TXT \"yes\"\n");
}

TEST(an_rrset_has_its_least_ttl, "D2181-2 D2181-4")
{
	begin(r, "a", 1, 0, 0);
	cname(r, "a", "x", 1000);
	a(r, "x", 1, 900);
	a(r, "x", 2, 40);
	a(r, "x", 3, 700);
	read_with(r, 10, o);
	assert_int_equal(o->a.ttl_s, 40);
	assert_string_equal(o->text,
			    "a.b. 1000 CNAME x.b.\nx.b. 40 A 192.0.2.1\nx.b. 40 A 192.0.2.2\n"
			    "x.b. 40 A 192.0.2.3\n");
	begin(r, "a", 1, 0, 0);
	a(r, "a", 1, 0x80000000);
	read_with(r, 10, o);
	assert_int_equal(o->a.ttl_s, 0);
	assert_string_equal(o->text, "a.b. 0 A 192.0.2.1\n");
	begin(r, "a", 1, 0, 0);
	cname(r, "a", "x", 0xffffffff);
	a(r, "x", 1, 0x7fffffff);
	read_with(r, 10, o);
	assert_int_equal(o->a.ttl_s, 0);
}

TEST(what_was_asked_for_goes_before_a_cname_beside_it, "D2181-6")
{
	begin(r, "a", 1, 0, 0);
	cname(r, "a", "x", 300);
	a(r, "x", 2, 300);
	a(r, "a", 1, 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_RECORDS);
	assert_int_equal(o->a.chain, 0);
	assert_string_equal(o->text, "a.b. 300 A 192.0.2.1\n");
	/* two CNAMEs of one name: the first */
	begin(r, "a", 1, 0, 0);
	cname(r, "a", "x", 300);
	cname(r, "a", "y", 300);
	a(r, "y", 2, 300);
	a(r, "x", 1, 300);
	read_with(r, 10, o);
	assert_string_equal(o->text, "a.b. 300 CNAME x.b.\nx.b. 300 A 192.0.2.1\n");
}

TEST(a_cname_that_is_asked_for_is_not_followed, "D8482-1")
{
	begin(r, "a", DNS_TYPE_CNAME, 0, 0);
	cname(r, "a", "a", 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_RECORDS);
	assert_string_equal(o->text, "a.b. 300 CNAME a.b.\n");
	begin(r, "a", DNS_TYPE_ANY, 0, 0);
	cname(r, "a", "x", 300);
	a(r, "x", 1, 300);
	add(r, DNS_ANSWER, "a", 13, 3600, "\7RFC8482\0", 9);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_RECORDS);
	assert_string_equal(o->text, "a.b. 300 CNAME x.b.\na.b. 3600 HINFO \"RFC8482\" \"\"\n");
}

TEST(a_dname_counts_by_its_cname, "")
{
	begin(r, "x.d", 1, 0, 0);
	add(r, DNS_ANSWER, "d", DNS_TYPE_DNAME, 300, "\1t\1b", 5);
	cname(r, "x.d", "x.t", 0);
	a(r, "x.t", 1, 300);
	read_with(r, 10, o);
	assert_string_equal(o->text, "x.d.b. 0 CNAME x.t.b.\nx.t.b. 300 A 192.0.2.1\n");
	assert_int_equal(o->a.ttl_s, 0);
}

TEST(nxdomain_is_about_the_last_name, "D2308-1 D2308-3")
{
	begin(r, "a", 1, 0, DNS_RCODE_NXDOMAIN);
	soa(r, "b.", 900, 120);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NXDOMAIN);
	assert_true(o->a.has_soa);
	assert_int_equal(o->a.ttl_s, 120);
	assert_string_equal(o->text, "+b. 120 SOA . . 1 2 3 4 120\n");
	assert_int_equal(o->b[3] & 15, 3);
	begin(r, "a", 1, 0, DNS_RCODE_NXDOMAIN);
	cname(r, "a", "gone.c.", 50);
	soa(r, "c.", 60, 120);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NXDOMAIN);
	assert_int_equal(o->a.chain, 1);
	assert_target("gone.c.");
	assert_int_equal(o->a.ttl_s, 50);
	assert_string_equal(o->text, "a.b. 50 CNAME gone.c.\n+c. 60 SOA . . 1 2 3 4 120\n");
	/* the greatest numbers: the TTL with its top bit counts as 0 */
	begin(r, "a", 1, 0, DNS_RCODE_NXDOMAIN);
	soa(r, "b.", 0xffffffff, 0xffffffff);
	read_with(r, 10, o);
	assert_int_equal(o->a.ttl_s, 0);
	begin(r, "a", 1, 0, DNS_RCODE_NXDOMAIN);
	soa(r, ".", 0x7fffffff, 0xffffffff);
	read_with(r, 10, o);
	assert_int_equal(o->a.ttl_s, 0x7fffffff);
	/* records beside the code are not believed */
	begin(r, "a", 1, 0, DNS_RCODE_NXDOMAIN);
	a(r, "a", 1, 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NXDOMAIN);
	assert_string_equal(o->text, "");
}

TEST(without_an_soa_nobody_says_how_long, "D2308-4")
{
	begin(r, "a", 1, 0, DNS_RCODE_NXDOMAIN);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NXDOMAIN);
	assert_false(o->a.has_soa);
	assert_int_equal(o->a.ttl_s, 0);
	/* the SOA of a zone that the name is not in */
	soa(r, "a.a.b.", 300, 300);
	soa(r, "c.", 300, 300);
	read_with(r, 10, o);
	assert_false(o->a.has_soa);
	assert_string_equal(o->text, "");
}

TEST(no_data_is_told_from_a_referral, "D2308-2")
{
	begin(r, "a", 28, 0, 0);
	soa(r, "b.", 900, 120);
	ns(r, "b.");
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NODATA);
	assert_true(o->a.has_soa);
	assert_int_equal(o->a.ttl_s, 120);
	begin(r, "a", 28, 0, 0);
	a(r, "a", 1, 300);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NODATA);
	assert_false(o->a.has_soa);
	assert_int_equal(o->a.ttl_s, 0);
	begin(r, "a", 28, 0, 0);
	ns(r, "b.");
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_REFERRAL);
	begin(r, "a", 28, 0, 0);
	ns(r, ".");
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_REFERRAL);
	/* of another zone, or from the zone's own server */
	begin(r, "a", 28, 0, 0);
	ns(r, "c.");
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NODATA);
	begin(r, "a", 28, DNS_AA, 0);
	ns(r, "b.");
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_NODATA);
}

TEST(other_codes_are_failures, "")
{
	for (unsigned code = 1; code < 16; code++) {
		if (code == DNS_RCODE_NXDOMAIN)
			continue;
		begin(r, "a", 1, 0, code);
		a(r, "a", 1, 300);
		read_with(r, 10, o);
		assert_int_equal(o->a.kind, DNS_ANSWER_FAILURE);
		assert_int_equal(o->b[3] & 15, code);
		assert_string_equal(o->text, "");
	}
	/* twelve bits: what the message can't say is a server failure */
	begin(r, "a", 1, 0, 0);
	assert_int_equal(dns_enc_opt(&r->e, 1232, 0, 1, NULL, 0), 0);
	read_with(r, 10, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_FAILURE);
	assert_int_equal(o->b[3] & 15, DNS_RCODE_SERVFAIL);
}

TEST(signatures_of_what_counts_are_kept_behind_it, "")
{
	begin(r, "a", 1, 0, 0);
	rrsig(r, DNS_ANSWER, "a", DNS_TYPE_CNAME);
	cname(r, "a", "x", 300);
	rrsig(r, DNS_ANSWER, "x", DNS_TYPE_A);
	rrsig(r, DNS_ANSWER, "x", DNS_TYPE_AAAA);
	rrsig(r, DNS_ANSWER, "y", DNS_TYPE_A);
	rrsig(r, DNS_ANSWER, "a", DNS_TYPE_A);
	a(r, "x", 1, 300);
	read_with(r, 10, o);
	assert_string_equal(o->text,
			    "a.b. 300 CNAME x.b.\nx.b. 300 A 192.0.2.1\n"
			    "a.b. 300 RRSIG CNAME 8 2 0 19700101000000 19700101000000 0 . Wg==\n"
			    "x.b. 300 RRSIG A 8 2 0 19700101000000 19700101000000 0 . Wg==\n");
	assert_int_equal(o->a.nrecords, 1);
	begin(r, "a", 1, 0, DNS_RCODE_NXDOMAIN);
	rrsig(r, DNS_AUTHORITY, "b.", DNS_TYPE_SOA);
	rrsig(r, DNS_AUTHORITY, "b.", DNS_TYPE_NSEC);
	soa(r, "b.", 60, 60);
	read_with(r, 10, o);
	assert_string_equal(o->text,
			    "+b. 60 SOA . . 1 2 3 4 60\n"
			    "+b. 60 RRSIG SOA 8 2 0 19700101000000 19700101000000 0 . Wg==\n");
	begin(r, "a", DNS_TYPE_RRSIG, 0, 0);
	rrsig(r, DNS_ANSWER, "a", DNS_TYPE_A);
	read_with(r, 10, o);
	assert_int_equal(o->a.nrecords, 1);
}

TEST(records_beyond_the_bound_are_left_out_and_counted, "D1035-20 DN-08 DN-12")
{
	begin(r, "a", 1, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		char from[16], to[16];

		snprintf(from, sizeof(from), "%s%u", i ? "c" : "a", i);
		snprintf(to, sizeof(to), "c%u", i + 1);
		cname(r, i ? from : "a", to, 300);
	}
	for (unsigned i = 0; i < 500; i++)
		a(r, "c10", i, 300);
	read_with(r, 64, o);
	assert_int_equal(o->a.kind, DNS_ANSWER_RECORDS);
	assert_int_equal(o->a.chain, 10);
	assert_int_equal(o->a.nrecords, 64);
	assert_int_equal(o->a.dropped, 436);
	read_with(r, 0, o);
	assert_int_equal(o->a.dropped, 500);
	read_with(r, 10000, o);
	assert_int_equal(o->a.nrecords, 500);
	assert_int_equal(o->a.dropped, 0);
}

TEST(in_every_room_the_message_is_whole, "D1035-20")
{
	struct dns_msg m, made;
	struct dns_answer got;

	begin(r, "a", 1, 0, 0);
	cname(r, "a", "x", 300);
	for (unsigned i = 0; i < 5; i++)
		a(r, "x", i, 300);
	rrsig(r, DNS_ANSWER, "x", 1);
	assert_int_equal(dns_msg_decode(&m, r->b, r->e.len, NULL), 0);
	for (size_t cap = 0; cap < 250; cap++) {
		uint8_t *exact = malloc(cap ? cap : 1);

		assert_non_null(exact);
		int len = dns_answer_read(&m, &m.q, 10, exact, cap, &got);

		assert_int_equal(got.kind, DNS_ANSWER_RECORDS);
		assert_int_equal(got.nrecords + got.dropped, 5);
		assert_int_equal(len, cap < 21 ? -EMSGSIZE : len);
		if (len >= 0) {
			assert_in_range(len, 21, cap);
			assert_int_equal(dns_msg_decode(&made, exact, (size_t)len, NULL), 0);
		}
		free(exact);
	}
}

TEST(age_is_taken_from_every_ttl, "")
{
	begin(r, "a", 1, 0, 0);
	cname(r, "a", "x", 1000);
	a(r, "x", 1, 30);
	a(r, "x", 2, 30);
	read_with(r, 10, o);
	dns_answer_age(o->b, (size_t)o->len, 0, 0);
	show(o);
	assert_string_equal(o->text,
			    "a.b. 1000 CNAME x.b.\nx.b. 30 A 192.0.2.1\nx.b. 30 A 192.0.2.2\n");
	dns_answer_age(o->b, (size_t)o->len, 29, 0);
	show(o);
	assert_string_equal(o->text,
			    "a.b. 971 CNAME x.b.\nx.b. 1 A 192.0.2.1\nx.b. 1 A 192.0.2.2\n");
	dns_answer_age(o->b, (size_t)o->len, 0xffffffff, 0);
	show(o);
	assert_string_equal(o->text, "a.b. 0 CNAME x.b.\nx.b. 0 A 192.0.2.1\nx.b. 0 A 192.0.2.2\n");
	dns_answer_age(o->b, 5, 1, 0);
}

/* A chain from..to-1 of CNAMEs, then an address at its end if `end`. */
static int chain(unsigned from, unsigned to, bool end, uint8_t *out, size_t cap)
{
	struct dns_msg m;
	struct dns_answer got;
	char name[16], next[16];

	snprintf(name, sizeof(name), "c%u", from);
	begin(r, name, 1, DNS_AD, 0);
	for (unsigned i = from; i < to; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		snprintf(next, sizeof(next), "c%u", i + 1);
		cname(r, name, next, 100 + i);
	}
	snprintf(name, sizeof(name), "c%u", to);
	if (end)
		a(r, name, 1, 50);
	assert_int_equal(dns_msg_decode(&m, r->b, r->e.len, NULL), 0);
	int len = dns_answer_read(&m, &m.q, 10, out, cap, &got);

	assert_int_equal(got.kind, end ? DNS_ANSWER_RECORDS : DNS_ANSWER_CNAME);
	return len;
}

TEST(a_second_answer_carries_on_the_first, "D1034-3")
{
	static uint8_t first[2000], second[2000];
	int a1 = chain(0, 2, false, first, sizeof(first)),
	    a2 = chain(2, 4, true, second, sizeof(second));

	o->len = dns_answer_append(first, (size_t)a1, second, (size_t)a2, o->b, sizeof(o->b));
	assert_in_range(o->len, 21, 2000);
	show(o);
	assert_string_equal(o->text,
			    "c0.b. 100 CNAME c1.b.\nc1.b. 101 CNAME c2.b.\nc2.b. 102 CNAME c3.b.\n"
			    "c3.b. 103 CNAME c4.b.\nc4.b. 50 A 192.0.2.1\n");
	assert_true(dns_get16(o->b + 2) & DNS_AD);
	struct dns_msg m;
	struct dns_name c0 = below_b("c0");

	assert_int_equal(dns_msg_decode(&m, o->b, (size_t)o->len, NULL), 0);
	assert_true(dns_name_eq(&m.q.name, &c0));
	for (size_t cap = 0; cap < (size_t)o->len; cap++)
		assert_int_equal(dns_answer_append(first, (size_t)a1, second, (size_t)a2, second,
						   0),
				 -EMSGSIZE);
	/* authenticated only if both were */
	first[3] &= 0xdf;
	o->len = dns_answer_append(first, (size_t)a1, second, (size_t)a2, o->b, sizeof(o->b));
	assert_false(dns_get16(o->b + 2) & DNS_AD);
	/* the second is negative */
	begin(r, "c2", 1, 0, DNS_RCODE_NXDOMAIN);
	soa(r, "b.", 60, 60);
	assert_int_equal(dns_msg_decode(&m, r->b, r->e.len, NULL), 0);
	a2 = dns_answer_read(&m, &m.q, 10, second, sizeof(second), &o->a);
	o->len = dns_answer_append(first, (size_t)a1, second, (size_t)a2, o->b, sizeof(o->b));
	show(o);
	assert_string_equal(o->text, "c0.b. 100 CNAME c1.b.\nc1.b. 101 CNAME c2.b.\n"
				     "+b. 60 SOA . . 1 2 3 4 60\n");
	assert_int_equal(o->b[3] & 15, 3);
}

TEST(chains_that_are_too_long_together_or_meet_are_refused, "D1034-4 DN-24")
{
	static uint8_t first[2000], second[2000], out[4000];
	int a1 = chain(0, 8, false, first, sizeof(first)),
	    a2 = chain(8, 16, true, second, sizeof(second));

	assert_true(dns_answer_append(first, (size_t)a1, second, (size_t)a2, out, sizeof(out)) > 0);
	a2 = chain(8, 17, true, second, sizeof(second));
	assert_int_equal(dns_answer_append(first, (size_t)a1, second, (size_t)a2, out, sizeof(out)),
			 -ELOOP);
	/* back to a name of the first */
	struct dns_msg m;

	begin(r, "c8", 1, 0, 0);
	cname(r, "c8", "C3", 300);
	assert_int_equal(dns_msg_decode(&m, r->b, r->e.len, NULL), 0);
	a2 = dns_answer_read(&m, &m.q, 10, second, sizeof(second), &o->a);
	assert_int_equal(dns_answer_append(first, (size_t)a1, second, (size_t)a2, out, sizeof(out)),
			 -ELOOP);
	assert_int_equal(dns_answer_append(first, 11, second, (size_t)a2, out, sizeof(out)),
			 -EBADMSG);
}

TEST(random_replies_are_read_and_read_again_the_same, "DN-12")
{
	struct rnd rnd = {4};
	static uint8_t again[DNS_MSG_MAX];

	for (unsigned i = 0; i < 4000; i++) {
		char name[4] = "n0", to[4] = "n0";
		unsigned n = rnd_below(&rnd, 25);

		begin(r, "n0", rnd_below(&rnd, 4) ? 1 : 255, rnd_below(&rnd, 2) ? DNS_AA : 0,
		      rnd_below(&rnd, 4) ? 0 : 3);
		for (unsigned k = 0; k < n; k++) {
			name[1] = (char)('0' + rnd_below(&rnd, 10));
			to[1] = (char)('0' + rnd_below(&rnd, 10));
			if (rnd_below(&rnd, 2))
				cname(r, name, to, rnd_u32(&rnd));
			else
				a(r, name, k, rnd_u32(&rnd));
		}
		if (rnd_below(&rnd, 3) == 0)
			soa(r, rnd_below(&rnd, 2) ? "b." : "c.", rnd_u32(&rnd), rnd_u32(&rnd));
		if (rnd_below(&rnd, 3) == 0)
			ns(r, "b.");
		read_with(r, rnd_below(&rnd, 30), o);
		assert_true(o->a.chain <= DNS_CHAIN_MAX);
		if (o->a.kind == DNS_ANSWER_LOOP || o->a.kind == DNS_ANSWER_REFERRAL ||
		    o->a.dropped)
			continue;
		/* what was made says the same */
		struct dns_msg m;
		struct dns_answer b;

		assert_int_equal(dns_msg_decode(&m, o->b, (size_t)o->len, NULL), 0);
		int len = dns_answer_read(&m, &m.q, 1000, again, sizeof(again), &b);

		assert_int_equal(len, o->len);
		assert_memory_equal(again, o->b, (size_t)len);
		assert_int_equal(b.kind, o->a.kind);
		assert_int_equal(b.chain, o->a.chain);
		assert_int_equal(b.nrecords, o->a.nrecords);
		assert_int_equal(b.has_soa, o->a.has_soa);
		assert_int_equal(b.ttl_s, o->a.ttl_s);
		assert_true(dns_name_eq(&b.target, &o->a.target));
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(records_of_the_name_asked_for),
		T(a_chain_is_followed_in_any_order),
		T(chains_that_are_too_long_or_circular_are_errors),
		T(a_chain_may_end_in_a_name_without_records),
		T(only_owners_in_the_chain_count),
		T(only_the_answer_section_answers),
		T(records_of_another_class_are_left_out),
		T(an_rrset_has_its_least_ttl),
		T(what_was_asked_for_goes_before_a_cname_beside_it),
		T(a_cname_that_is_asked_for_is_not_followed),
		T(a_dname_counts_by_its_cname),
		T(nxdomain_is_about_the_last_name),
		T(without_an_soa_nobody_says_how_long),
		T(no_data_is_told_from_a_referral),
		T(other_codes_are_failures),
		T(signatures_of_what_counts_are_kept_behind_it),
		T(records_beyond_the_bound_are_left_out_and_counted),
		T(in_every_room_the_message_is_whole),
		T(age_is_taken_from_every_ttl),
		T(a_second_answer_carries_on_the_first),
		T(chains_that_are_too_long_together_or_meet_are_refused),
		T(random_replies_are_read_and_read_again_the_same),
	};
	return tapir_test_run("unit/dns/test_answer", tests);
}
