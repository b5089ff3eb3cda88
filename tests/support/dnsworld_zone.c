/*
 * What the name servers of the test's world know, and how they write it: a table of records, and a small codec of its
 * own for RFC 1035's messages. Names are looked up in lower case on the wire's form; answers point back to the
 * question's name where that is theirs and spell out all others.
 */
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/siphash.h"
#include "tests/support/dnsworld.h"

enum { CHAIN_MAX = 40, QUESTION_AT = 12 };

struct dnsworld_rr {
	uint8_t name[255]; /* lower case */
	unsigned name_len;
	uint16_t type;
	bool zone;	   /* an SOA that makes a zone */
	bool any, any_six; /* all names below it */
	uint32_t ttl;
	uint16_t len;
	uint8_t *rdata;
};

/* ---- names ---- */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static void lower_name(uint8_t *out, const uint8_t *name, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		out[i] = lower(name[i]);
}

unsigned dnsworld_name(const char *text, uint8_t out[255])
{
	unsigned n = 0;

	while (*text && strcmp(text, ".") != 0) {
		size_t label = strcspn(text, ".");

		TAPIR_ASSERT(label > 0 && label <= 63 && n + 1 + label + 1 <= 255);
		out[n++] = (uint8_t)label;
		memcpy(out + n, text, label);
		n += (unsigned)label;
		text += label;
		text += *text == '.';
	}
	out[n++] = 0;
	return n;
}

const char *dnsworld_qname(const struct dnsworld_query *q, char out[256])
{
	unsigned n = 0;

	for (unsigned at = 0; q->name[at]; at += q->name[at] + 1u) {
		memcpy(out + n, q->name + at + 1, q->name[at]);
		n += q->name[at];
		out[n++] = '.';
	}
	if (n == 0)
		out[n++] = '.';
	out[n] = 0;
	return out;
}

/* RDATA that is a name and nothing else: a test may have put anything there. */
static bool is_name(const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (at < len && p[at] != 0 && p[at] <= 63)
		at += p[at] + 1u;
	return at + 1 == len && p[at] == 0 && len <= 255;
}

/* The name is the zone's or below it. */
static bool under(const uint8_t *name, unsigned len, const uint8_t *zone, unsigned zone_len)
{
	unsigned at = 0;

	while (len - at > zone_len)
		at += name[at] + 1u;
	return len - at == zone_len && memcmp(name + at, zone, zone_len) == 0;
}

uint32_t dnsworld_any_ip4(const uint8_t *name, unsigned len)
{
	static const struct siphash_key key = {1, 2};
	uint8_t low[255];

	lower_name(low, name, len);
	return TAPIR_IP4(10, 0, 0, 0) | ((uint32_t)siphash13(low, len, &key) & 0xffffff);
}

/* ---- the table ---- */

static struct dnsworld_rr *add(struct dnsworld *w, const char *name, uint16_t type, uint32_t ttl,
			       const void *rdata, size_t len)
{
	struct dnsworld_rr *r;
	uint8_t wire[255];

	if (w->nrr == w->rr_cap) {
		w->rr_cap = w->rr_cap ? 2 * w->rr_cap : 64;
		w->rr = realloc(w->rr, w->rr_cap * sizeof(*w->rr));
		TAPIR_ASSERT(w->rr);
	}
	TAPIR_ASSERT(len <= UINT16_MAX);
	r = &w->rr[w->nrr++];
	memset(r, 0, sizeof(*r));
	r->name_len = dnsworld_name(name, wire);
	lower_name(r->name, wire, r->name_len);
	r->type = type;
	r->ttl = ttl;
	r->len = (uint16_t)len;
	r->rdata = malloc(len + 1);
	TAPIR_ASSERT(r->rdata);
	memcpy(r->rdata, rdata, len);
	return r;
}

void dnsworld_rr(struct dnsworld *w, const char *name, uint16_t type, uint32_t ttl,
		 const void *rdata, size_t len)
{
	add(w, name, type, ttl, rdata, len);
}

void dnsworld_zone(struct dnsworld *w, const char *name, uint32_t ttl)
{
	uint8_t soa[600];
	unsigned n = 0;

	memcpy(soa + n, "\2ns", 3);
	n += 3;
	n += dnsworld_name(name, soa + n);
	memcpy(soa + n, "\4root", 5);
	n += 5;
	n += dnsworld_name(name, soa + n);
	for (unsigned i = 0; i < 5; i++) {
		uint32_t v = i == 4 ? ttl : 3600 + i;

		soa[n++] = (uint8_t)(v >> 24);
		soa[n++] = (uint8_t)(v >> 16);
		soa[n++] = (uint8_t)(v >> 8);
		soa[n++] = (uint8_t)v;
	}
	add(w, name, DNS_TYPE_SOA, ttl, soa, n)->zone = true;
}

void dnsworld_a(struct dnsworld *w, const char *name, uint32_t ttl, uint32_t ip4)
{
	uint8_t a[4] = {(uint8_t)(ip4 >> 24), (uint8_t)(ip4 >> 16), (uint8_t)(ip4 >> 8),
			(uint8_t)ip4};

	add(w, name, DNS_TYPE_A, ttl, a, 4);
}

void dnsworld_aaaa(struct dnsworld *w, const char *name, uint32_t ttl, const uint8_t ip6[16])
{
	add(w, name, DNS_TYPE_AAAA, ttl, ip6, 16);
}

void dnsworld_cname(struct dnsworld *w, const char *name, uint32_t ttl, const char *target)
{
	uint8_t to[255];

	add(w, name, DNS_TYPE_CNAME, ttl, to, dnsworld_name(target, to));
}

void dnsworld_any(struct dnsworld *w, const char *name, uint32_t ttl, bool six)
{
	struct dnsworld_rr *r = add(w, name, 0, ttl, "", 0);

	r->any = true;
	r->any_six = six;
}

void dnsworld_forget_records(struct dnsworld *w)
{
	for (size_t i = 0; i < w->nrr; i++)
		free(w->rr[i].rdata);
	free(w->rr);
	w->rr = NULL;
	w->nrr = w->rr_cap = 0;
}

/* ---- reading ---- */

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* The OPT record's options, all of them whole. */
static bool read_options(const uint8_t *p, size_t len, struct dnsworld_query *q)
{
	while (len >= 4) {
		unsigned code = get16(p), n = get16(p + 2);

		if (n > len - 4)
			return false;
		if (code == DNS_OPT_COOKIE && n <= sizeof(q->cookie)) {
			memcpy(q->cookie, p + 4, n);
			q->cookie_len = n;
		}
		q->keepalive |= code == DNS_OPT_KEEPALIVE;
		p += 4 + n;
		len -= 4 + n;
	}
	return len == 0;
}

bool dnsworld_read(const uint8_t *msg, size_t len, struct dnsworld_query *q)
{
	size_t at = QUESTION_AT;

	if (len < QUESTION_AT)
		return false;
	q->len = (unsigned)len;
	q->id = (uint16_t)get16(msg);
	q->flags = (uint16_t)get16(msg + 2);
	q->qdcount = (uint16_t)get16(msg + 4);
	q->ancount = (uint16_t)get16(msg + 6);
	q->nscount = (uint16_t)get16(msg + 8);
	q->arcount = (uint16_t)get16(msg + 10);
	if (q->qdcount != 1)
		return false;
	for (;;) {
		unsigned label;

		if (at >= len)
			return false;
		label = msg[at];
		if (label > 63 || at + 1 + label > len || at + 1 + label - QUESTION_AT > 255)
			return false;
		at += 1 + label;
		if (label == 0)
			break;
	}
	q->name_len = (unsigned)(at - QUESTION_AT);
	memcpy(q->name, msg + QUESTION_AT, q->name_len);
	if (at + 4 > len)
		return false;
	q->type = (uint16_t)get16(msg + at);
	q->class = (uint16_t)get16(msg + at + 2);
	at += 4;
	/* An OPT behind it, and nothing else. */
	if (q->arcount == 1 && q->ancount + q->nscount == 0 && len - at >= 11 && msg[at] == 0 &&
	    get16(msg + at + 1) == DNS_TYPE_OPT) {
		q->edns = true;
		q->udp_size = (uint16_t)get16(msg + at + 3);
		q->edns_version = msg[at + 6];
		q->do_ = msg[at + 7] & 0x80;
		if (get16(msg + at + 9) != len - at - 11 ||
		    !read_options(msg + at + 11, len - at - 11, q))
			return false;
		at = len;
	}
	return at == len;
}

/* ---- writing ---- */

struct out {
	uint8_t *b;
	size_t len, max; /* what a datagram may have; over it: TC */
	bool over;
	const struct dnsworld_query *q;
	const uint8_t *name; /* the question's, in lower case */
	unsigned count[4];   /* of records, by section */
};

static void put_rr(struct out *o, unsigned section, const uint8_t *name, unsigned name_len,
		   uint16_t type, uint32_t ttl, const void *rdata, size_t len)
{
	bool own = name_len == o->q->name_len && memcmp(name, o->name, name_len) == 0;
	size_t need = (own ? 2 : name_len) + 10 + len;
	uint8_t *p = o->b + o->len;

	if (o->over || o->len + need > DNSWORLD_MSG) {
		o->over = true;
		return;
	}
	if (own) {
		put16(p, 0xc000 | QUESTION_AT);
		p += 2;
	} else {
		memcpy(p, name, name_len);
		p += name_len;
	}
	put16(p, type);
	put16(p + 2, DNS_CLASS_IN);
	put32(p + 4, ttl);
	put16(p + 8, (unsigned)len);
	memcpy(p + 10, rdata, len);
	o->len += need;
	o->count[section]++;
}

static const struct dnsworld_rr *zone_of(const struct dnsworld *w, const uint8_t *name,
					 unsigned len)
{
	const struct dnsworld_rr *best = NULL;

	for (size_t i = 0; i < w->nrr; i++) {
		const struct dnsworld_rr *r = &w->rr[i];

		if (r->zone && under(name, len, r->name, r->name_len) &&
		    (!best || r->name_len > best->name_len))
			best = r;
	}
	return best;
}

/* Puts the records of `type` at name; *cname is set to where it points when that is all there is. Whether the name exists. */
static bool put_name(struct out *o, const struct dnsworld *w, const uint8_t *name, unsigned len,
		     uint16_t type, const struct dnsworld_rr **cname)
{
	bool exists = false;
	uint32_t ip4;
	uint8_t a[16] = {0x20, 0x01, 0x0d, 0xb8};

	*cname = NULL;
	for (size_t i = 0; i < w->nrr; i++) {
		const struct dnsworld_rr *r = &w->rr[i];
		bool same = r->name_len == len && memcmp(r->name, name, len) == 0;

		exists |= !r->any && under(r->name, r->name_len, name, len);
		if (same && r->type == DNS_TYPE_CNAME && type != DNS_TYPE_CNAME)
			*cname = r;
		if (same && (r->type == type || (type == DNS_TYPE_ANY && !r->any)))
			put_rr(o, DNS_ANSWER, name, len, r->type, r->ttl, r->rdata, r->len);
	}
	if (exists)
		return true;
	for (size_t i = 0; i < w->nrr; i++) {
		const struct dnsworld_rr *r = &w->rr[i];

		if (!r->any || len == r->name_len || !under(name, len, r->name, r->name_len))
			continue;
		ip4 = dnsworld_any_ip4(name, len);
		put32(a + 12, ip4);
		if (type == DNS_TYPE_A)
			put_rr(o, DNS_ANSWER, name, len, type, r->ttl, a + 12, 4);
		else if (type == DNS_TYPE_AAAA && r->any_six)
			put_rr(o, DNS_ANSWER, name, len, type, r->ttl, a, 16);
		return true;
	}
	return false;
}

static unsigned put_answer(struct out *o, const struct dnsworld *w)
{
	const struct dnsworld_rr *zone = zone_of(w, o->name, o->q->name_len), *cname = NULL;
	const uint8_t *name = o->name;
	unsigned len = o->q->name_len, rcode = DNS_RCODE_NOERROR, before = 0;
	uint8_t at[255];

	if (!zone)
		return DNS_RCODE_REFUSED;
	for (unsigned i = 0; i < CHAIN_MAX; i++) {
		bool exists;

		before = o->count[DNS_ANSWER];
		exists = put_name(o, w, name, len, o->q->type, &cname);
		if (!cname) {
			rcode = exists ? DNS_RCODE_NOERROR : DNS_RCODE_NXDOMAIN;
			break;
		}
		put_rr(o, DNS_ANSWER, name, len, DNS_TYPE_CNAME, cname->ttl, cname->rdata,
		       cname->len);
		if (!is_name(cname->rdata, cname->len))
			return DNS_RCODE_NOERROR;
		lower_name(at, cname->rdata, cname->len);
		name = at;
		len = cname->len;
		zone = zone_of(w, name, len);
		if (!zone)
			return DNS_RCODE_NOERROR;
	}
	if (!cname && o->count[DNS_ANSWER] == before)
		put_rr(o, DNS_AUTHORITY, zone->name, zone->name_len, DNS_TYPE_SOA, zone->ttl,
		       zone->rdata, zone->len);
	return rcode;
}

static void put_referral(struct out *o, const struct dnsworld *w)
{
	const struct dnsworld_rr *zone = zone_of(w, o->name, o->q->name_len);
	uint8_t ns[260] = "\2ns";

	if (!zone)
		return;
	memcpy(ns + 3, zone->name, zone->name_len);
	put_rr(o, DNS_AUTHORITY, zone->name, zone->name_len, DNS_TYPE_NS, 3600, ns,
	       3 + zone->name_len);
}

static size_t put_option(uint8_t *p, unsigned code, const void *data, size_t n)
{
	put16(p, code);
	put16(p + 2, (unsigned)n);
	memcpy(p + 4, data, n);
	return 4 + n;
}

/* The server's part of a cookie, 8 octets (RFC 7873 4.2: whatever it can check). */
static void server_cookie(const struct dnsworld_habit *h, const struct dnsworld_query *q,
			  uint8_t out[8])
{
	struct siphash_key key = {h->secret, q->server};
	uint8_t in[12];
	uint64_t v;

	memcpy(in, q->cookie, 8);
	put32(in + 8, tapir_addr_to_v4(&q->from.addr));
	v = siphash24(in, sizeof(in), &key);
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static bool cookie_right(const struct dnsworld_habit *h, const struct dnsworld_query *q)
{
	uint8_t want[8];

	server_cookie(h, q, want);
	return q->cookie_len == 16 && memcmp(q->cookie + 8, want, 8) == 0;
}

static void put_opt(struct out *o, const struct dnsworld_habit *h, unsigned rcode)
{
	const struct dnsworld_query *q = o->q;
	uint8_t *p = o->b + o->len, cookie[16];
	size_t n = 11;

	p[0] = 0;
	put16(p + 1, DNS_TYPE_OPT);
	put16(p + 3, 1232);
	p[5] = (uint8_t)(rcode >> 4);
	p[6] = 0;
	put16(p + 7, q->do_ ? 0x8000 : 0);
	if (h->cookies && q->cookie_len >= 8) {
		memcpy(cookie, q->cookie, 8);
		server_cookie(h, q, cookie + 8);
		n += put_option(p + n, DNS_OPT_COOKIE, cookie, 16);
	}
	if (h->ede) {
		uint8_t ede[256];
		size_t text = h->ede_text ? strlen(h->ede_text) : 0;

		TAPIR_ASSERT(text <= 250);
		put16(ede, h->ede - 1);
		if (text > 0)
			memcpy(ede + 2, h->ede_text, text);
		n += put_option(p + n, DNS_OPT_EDE, ede, 2 + text);
	}
	if (h->keepalive_100ms && q->tcp && q->keepalive) {
		uint8_t v[2];

		put16(v, h->keepalive_100ms);
		n += put_option(p + n, DNS_OPT_KEEPALIVE, v, 2);
	}
	put16(p + 9, (unsigned)(n - 11));
	o->len += n;
	o->count[DNS_ADDITIONAL]++;
}

/* What the habits say to it before the table is asked: an rcode, or -1. */
static int refusal(const struct dnsworld_habit *h, const struct dnsworld_query *q)
{
	if (q->edns && h->formerr_edns)
		return DNS_RCODE_FORMERR;
	if (q->edns && h->notimp_edns)
		return DNS_RCODE_NOTIMP;
	if (q->edns && (h->badvers || q->edns_version > 0))
		return DNS_RCODE_BADVERS;
	if (h->want_cookie && !q->tcp && q->edns && !h->no_edns && q->cookie_len >= 8 &&
	    !cookie_right(h, q))
		return DNS_RCODE_BADCOOKIE;
	if (q->flags >> 11 & 15)
		return DNS_RCODE_NOTIMP;
	return h->fail ? (int)h->rcode : -1;
}

size_t dnsworld_answer(struct dnsworld *w, const struct dnsworld_habit *h,
		       const struct dnsworld_query *q, uint8_t *out)
{
	bool opt = q->edns && !h->no_edns && !h->formerr_edns && !h->notimp_edns;
	unsigned flags = DNS_QR | (q->flags & (DNS_RD | DNS_CD)) | (h->no_ra ? 0 : DNS_RA);
	int refused = refusal(h, q);
	unsigned rcode = refused >= 0 ? (unsigned)refused : DNS_RCODE_NOERROR;
	bool bare = q->edns && h->formerr_edns && h->formerr_bare;
	size_t question_end = QUESTION_AT + q->name_len + 4;
	uint8_t low[255];
	struct out o = {.b = out, .len = question_end, .q = q, .name = low};

	lower_name(low, q->name, q->name_len);
	memcpy(out + QUESTION_AT, h->lower_case ? low : q->name, q->name_len);
	put16(out + question_end - 4, q->type);
	put16(out + question_end - 2, q->class);
	o.max = q->tcp ? DNSWORLD_MSG : opt && q->udp_size > 512 ? q->udp_size : 512;
	if (refused < 0 && h->referral)
		put_referral(&o, w);
	else if (refused < 0 && !h->no_ra)
		rcode = put_answer(&o, w);
	if (o.len + (opt ? 11 + 20 + 6 + 4 : 0) > o.max)
		o.over = true;
	if (q->tcp ? h->tc_tcp : h->tc || h->tc_some)
		o.over = true;
	if (o.over) {
		flags |= DNS_TC;
		if (!h->tc_some) {
			o.len = question_end;
			o.count[DNS_ANSWER] = o.count[DNS_AUTHORITY] = 0;
		}
	}
	if (bare)
		o.len = QUESTION_AT;
	if (opt)
		put_opt(&o, h, rcode);
	put16(out, q->id);
	put16(out + 2, flags | (rcode & 15));
	put16(out + 4, bare ? 0 : 1);
	put16(out + 6, o.count[DNS_ANSWER]);
	put16(out + 8, o.count[DNS_AUTHORITY]);
	put16(out + 10, o.count[DNS_ADDITIONAL]);
	return o.len;
}

size_t dnsworld_count(const struct dnsworld *w, int server, bool tcp)
{
	size_t n = 0;

	for (size_t i = 0; i < w->nseen; i++)
		n += (server < 0 || w->seen[i].server == (unsigned)server) && w->seen[i].tcp == tcp;
	return n;
}

size_t dnsworld_count_name(const struct dnsworld *w, const char *name, uint16_t type)
{
	uint8_t want[255], low[255];
	unsigned len = 0;
	size_t n = 0;

	if (name) {
		len = dnsworld_name(name, low);
		lower_name(want, low, len);
	}
	for (size_t i = 0; i < w->nseen; i++) {
		const struct dnsworld_query *q = &w->seen[i];

		lower_name(low, q->name, q->name_len);
		n += (!name || (q->name_len == len && memcmp(low, want, len) == 0)) &&
		     (!type || q->type == type);
	}
	return n;
}
