/*
 * What a reply says.
 *
 *	question   www.a.	A
 *	answer	   c.b.		A	192.0.2.1	<- the end of the chain
 *		   www.a.	CNAME	x.b.		<- in whatever order they stand
 *		   x.b.		CNAME	c.b.
 *		   evil.c.	A	203.0.113.1	<- no name of the chain: not there for us
 *
 * The CNAME records are collected once, the chain is followed among them by the names' hashes, and then each record of the type asked for
 * is looked up among the chain's names, at most 17: the work grows with the message's size, whatever it holds. Three passes, no memory.
 *
 * D2181-6: where a name owns both a CNAME and what was asked for, what was asked for counts, and the chain ends there.
 */
#include "dns/answer.h"

#include <errno.h>
#include <string.h>

#include "dns/codec.h"
#include "stack/base.h"

/* CNAMEs that are looked at. A chain has 16 at most: who sends more than four times that sends none. */
enum { CNAMES_MAX = 64 };

struct link {
	struct dns_rr_at rr;
	uint32_t owner; /* hash */
};

struct reading {
	const struct dns_msg *m;
	const struct dns_question *q;
	unsigned ncnames;
	bool signatures; /* there are RRSIGs */
	struct link cname[CNAMES_MAX];
	/* The chain: name[0] is the question's; via[i] is the CNAME from name[i] to name[i + 1]. */
	unsigned n;
	bool loop;
	uint8_t via[DNS_CHAIN_MAX];
	uint32_t hash[DNS_CHAIN_MAX + 1];
	struct dns_name name[DNS_CHAIN_MAX + 1];
};

/* FNV-1a without case. It only saves comparisons: equal hashes are compared in full. */
static uint32_t hash_name(const uint8_t *b, size_t at)
{
	uint32_t h = 2166136261u;

	for (;;) {
		unsigned c = b[at];

		if (c >= 0xc0) {
			at = dns_get16(b + at) & 0x3fffu;
			continue;
		}
		for (unsigned i = 0; i <= c; i++)
			h = (h ^ dns_fold(b[at + i])) * 16777619u;
		if (c == 0)
			return h;
		at += c + 1;
	}
}

/* D2181-3, D1035-17: the answer section and the question's class alone. */
static bool counts(const struct reading *r, const struct dns_rr_at *rr)
{
	return rr->section == DNS_ANSWER && rr->class == r->q->class;
}

static bool is_asked(const struct reading *r, const struct dns_rr_at *rr)
{
	return rr->type == r->q->type || (r->q->type == DNS_TYPE_ANY && rr->type != DNS_TYPE_OPT);
}

static bool follows(const struct reading *r)
{
	return r->q->type != DNS_TYPE_CNAME && r->q->type != DNS_TYPE_ANY;
}

static void collect(struct reading *r)
{
	struct dns_rr_iter it;
	struct dns_rr_at rr;

	dns_rr_begin(r->m, &it);
	while (dns_rr_skim(r->m, &it, &rr) && rr.section == DNS_ANSWER) {
		if (!counts(r, &rr))
			continue;
		r->signatures |= rr.type == DNS_TYPE_RRSIG;
		if (rr.type != DNS_TYPE_CNAME || !follows(r))
			continue;
		if (r->ncnames == CNAMES_MAX) {
			r->loop = true;
			return;
		}
		struct link *l = &r->cname[r->ncnames++];

		l->rr = rr;
		l->owner = hash_name(r->m->b, rr.name);
	}
}

/* Adds the name that CNAME `i` leads to. False: the chain ends in a circle, or is too long (D1034-4, DN-24). */
static bool step(struct reading *r, unsigned i)
{
	struct dns_name *to = &r->name[r->n + 1];

	if (r->n == DNS_CHAIN_MAX)
		return false;
	if (dns_name_decode(r->m->b, r->m->len, r->cname[i].rr.rdata, to) < 0)
		return false;
	for (unsigned k = 0; k <= r->n; k++)
		if (dns_name_eq(&r->name[k], to))
			return false;
	r->via[r->n++] = (uint8_t)i;
	r->hash[r->n] = hash_name(to->b, 0);
	return true;
}

/* D1034-3, D4592-1: from name to name, exact labels. */
static void follow(struct reading *r)
{
	unsigned i = 0;

	while (i < r->ncnames) {
		struct link *l = &r->cname[i];

		if (l->owner != r->hash[r->n] ||
		    !dns_name_eq_at(r->m->b, l->rr.name, &r->name[r->n])) {
			i++;
			continue;
		}
		if (!step(r, i)) {
			r->loop = true;
			return;
		}
		i = 0;
	}
}

/* Which name of the chain owns the record; -1: none of the first n + 1. */
static int owner(const struct reading *r, const struct dns_rr_at *rr)
{
	uint32_t h = hash_name(r->m->b, rr->name);

	for (unsigned i = 0; i <= r->n; i++)
		if (r->hash[i] == h && dns_name_eq_at(r->m->b, rr->name, &r->name[i]))
			return (int)i;
	return -1;
}

/* Looks for what was asked for, and cuts the chain at the first name that has it. Records and the least TTL there. */
static unsigned find(struct reading *r, uint32_t *ttl)
{
	struct dns_rr_iter it;
	struct dns_rr_at rr;
	unsigned n = 0;

	dns_rr_begin(r->m, &it);
	while (dns_rr_skim(r->m, &it, &rr) && rr.section == DNS_ANSWER) {
		int i;

		if (!counts(r, &rr) || !is_asked(r, &rr) || (i = owner(r, &rr)) < 0)
			continue;
		if (n == 0 || (unsigned)i < r->n) {
			n = 0;
			r->n = (unsigned)i;
			*ttl = UINT32_MAX;
		}
		n++;
		/* D2181-2, D2181-4: an RRset has one TTL, the least. */
		*ttl = min_u32(*ttl, dns_ttl(rr.ttl));
	}
	return n;
}

/* Where it all goes. */
struct writing {
	struct dns_enc e;
	struct dns_answer *a;
	unsigned max;
};

static void write_chain(const struct reading *r, struct writing *w)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct dns_rr_at rr = r->cname[r->via[i]].rr;

		rr.ttl = dns_ttl(rr.ttl);
		w->a->ttl_s = min_u32(w->a->ttl_s, rr.ttl);
		/* Records without the way to them are of no use. */
		if (dns_enc_copy(&w->e, r->m, &r->name[i], &rr) < 0)
			w->max = 0;
	}
}

static void write_records(const struct reading *r, struct writing *w, uint32_t ttl)
{
	struct dns_rr_iter it;
	struct dns_rr_at rr;

	w->a->ttl_s = min_u32(w->a->ttl_s, ttl);
	dns_rr_begin(r->m, &it);
	while (dns_rr_skim(r->m, &it, &rr) && rr.section == DNS_ANSWER) {
		if (!counts(r, &rr) || !is_asked(r, &rr) || owner(r, &rr) != (int)r->n)
			continue;
		/* ANY has several sets, each with its own TTL. */
		rr.ttl = r->q->type == DNS_TYPE_ANY ? dns_ttl(rr.ttl) : ttl;
		/* D1035-20, DN-08, DN-12: the surplus is counted and left out. */
		if (w->a->nrecords >= w->max || dns_enc_copy(&w->e, r->m, &r->name[r->n], &rr) < 0)
			w->a->dropped++;
		else
			w->a->nrecords++;
	}
}

/* Signatures over the chain's CNAMEs and over the records at its end. */
static void write_signatures(const struct reading *r, struct writing *w)
{
	struct dns_rr_iter it;
	struct dns_rr_at rr;
	unsigned n = 0;

	if (!r->signatures || r->q->type == DNS_TYPE_RRSIG || r->q->type == DNS_TYPE_ANY)
		return;
	dns_rr_begin(r->m, &it);
	while (n < w->max && dns_rr_skim(r->m, &it, &rr) && rr.section == DNS_ANSWER) {
		if (!counts(r, &rr) || rr.type != DNS_TYPE_RRSIG)
			continue;
		int i = owner(r, &rr);
		uint16_t of = (unsigned)i < r->n ? DNS_TYPE_CNAME : r->q->type;

		if (i < 0 || dns_get16(r->m->b + rr.rdata) != of)
			continue;
		rr.ttl = dns_ttl(rr.ttl);
		dns_enc_copy(&w->e, r->m, &r->name[i], &rr);
		n++;
	}
}

/* A record of the authority section that speaks for the chain's last name: of a zone around it. */
static bool speaks(const struct reading *r, const struct dns_rr_at *rr, uint16_t type,
		   struct dns_name *zone)
{
	return rr->section == DNS_AUTHORITY && rr->class == r->q->class && rr->type == type &&
	       dns_name_decode(r->m->b, r->m->len, rr->name, zone) >= 0 &&
	       dns_name_under(&r->name[r->n], zone);
}

static bool find_authority(const struct reading *r, uint16_t type, struct dns_rr_at *rr,
			   struct dns_name *zone)
{
	struct dns_rr_iter it;

	dns_rr_begin(r->m, &it);
	while (dns_rr_skim(r->m, &it, rr))
		if (speaks(r, rr, type, zone))
			return true;
	return false;
}

/* The SOA of a negative answer and its signatures. D2308-3: it lives as long as the lesser of its TTL and its MINIMUM. */
static void write_soa(const struct reading *r, struct writing *w, struct dns_rr_at *soa,
		      const struct dns_name *zone)
{
	uint32_t minimum = dns_get32(r->m->b + soa->rdata + soa->rdlen - 4);
	struct dns_rr_iter it;
	struct dns_rr_at rr;
	struct dns_name name;
	unsigned n = 0;

	soa->ttl = min_u32(dns_ttl(soa->ttl), minimum);
	w->a->has_soa = true;
	w->a->ttl_s = min_u32(w->a->ttl_s, soa->ttl);
	if (dns_enc_copy(&w->e, r->m, zone, soa) < 0)
		return;
	dns_rr_begin(r->m, &it);
	while (n < w->max && dns_rr_skim(r->m, &it, &rr)) {
		if (!speaks(r, &rr, DNS_TYPE_RRSIG, &name) || !dns_name_eq(&name, zone) ||
		    dns_get16(r->m->b + rr.rdata) != DNS_TYPE_SOA)
			continue;
		rr.ttl = min_u32(dns_ttl(rr.ttl), soa->ttl);
		dns_enc_copy(&w->e, r->m, zone, &rr);
		n++;
	}
}

/* No records at the end of the chain: what that means (RFC 2308 2). */
static enum dns_answer_kind nothing(const struct reading *r, struct writing *w)
{
	struct dns_rr_at rr;
	struct dns_name zone;

	if (r->loop)
		return DNS_ANSWER_LOOP;
	bool soa = find_authority(r, DNS_TYPE_SOA, &rr, &zone);

	if (!soa && r->m->rcode == DNS_RCODE_NOERROR) {
		if (r->n > 0)
			return DNS_ANSWER_CNAME;
		/* D2308-2: a server that has the zone says so (AA), and then NS records are no referral. */
		if (!(r->m->flags & DNS_AA) && find_authority(r, DNS_TYPE_NS, &rr, &zone))
			return DNS_ANSWER_REFERRAL;
	}
	if (soa)
		write_soa(r, w, &rr, &zone);
	else
		w->a->ttl_s = 0; /* D2308-4: nobody says how long */
	/* D2308-1: the code is about the last name. */
	return r->m->rcode == DNS_RCODE_NXDOMAIN ? DNS_ANSWER_NXDOMAIN : DNS_ANSWER_NODATA;
}

static int begin(struct writing *w, const struct dns_msg *m, const struct dns_question *q,
		 uint8_t *out, size_t cap)
{
	/* Twelve bits do not fit without OPT. */
	uint8_t rcode = m->rcode < 16 ? (uint8_t)m->rcode : DNS_RCODE_SERVFAIL;
	int err = dns_enc_begin(&w->e, out, cap, 0,
				DNS_QR | (m->flags & (DNS_RD | DNS_RA | DNS_AD)), 0, rcode);

	return err ? err : dns_enc_question(&w->e, &q->name, q->type, q->class);
}

int dns_answer_read(const struct dns_msg *m, const struct dns_question *q, unsigned max_records,
		    uint8_t *out, size_t cap, struct dns_answer *a)
{
	struct writing w = {.a = a, .max = max_records};
	struct reading r;
	uint32_t ttl = 0;
	int err = begin(&w, m, q, out, cap);

	r.m = m;
	r.q = q;
	r.n = r.ncnames = 0;
	r.loop = r.signatures = false;
	r.name[0] = q->name;
	r.hash[0] = hash_name(q->name.b, 0);
	memset(a, 0, offsetof(struct dns_answer, target));
	a->chain = a->nrecords = a->dropped = 0;
	a->has_soa = false;
	a->ttl_s = UINT32_MAX;
	a->target = q->name;
	if (m->rcode != DNS_RCODE_NOERROR && m->rcode != DNS_RCODE_NXDOMAIN) {
		a->kind = DNS_ANSWER_FAILURE;
		a->ttl_s = 0;
		return err ? err : (int)w.e.len;
	}
	collect(&r);
	follow(&r);
	/* A code that says there is no such name goes before records that say there is. */
	bool records = m->rcode == DNS_RCODE_NOERROR && find(&r, &ttl) > 0;

	a->chain = r.n;
	a->target = r.name[r.n];
	if (records || !r.loop)
		write_chain(&r, &w);
	if (records) {
		a->kind = DNS_ANSWER_RECORDS;
		write_records(&r, &w, ttl);
	}
	if (records || !r.loop)
		write_signatures(&r, &w);
	if (!records)
		a->kind = nothing(&r, &w);
	if (a->ttl_s == UINT32_MAX)
		a->ttl_s = 0;
	return err ? err : (int)w.e.len;
}

void dns_answer_age(uint8_t *msg, size_t len, uint32_t age_s, uint32_t least_s)
{
	struct dns_rr_iter it;
	struct dns_rr_at rr;
	struct dns_msg m;

	if (dns_msg_head(&m, msg, len, NULL) < 0)
		return;
	dns_rr_begin(&m, &it);
	while (dns_rr_skim(&m, &it, &rr)) {
		if (rr.type == DNS_TYPE_OPT)
			continue;
		rr.ttl = dns_ttl(rr.ttl);
		rr.ttl = rr.ttl > age_s ? rr.ttl - age_s : 0;
		dns_put32(msg + rr.rdata - 6, max_u32(rr.ttl, least_s));
	}
}

/* CNAMEs of a message's answer section. */
static unsigned links(const struct dns_msg *m, struct dns_rr_at at[DNS_CHAIN_MAX + 1])
{
	struct dns_rr_iter it;
	struct dns_rr_at rr;
	unsigned n = 0;

	dns_rr_begin(m, &it);
	while (n <= DNS_CHAIN_MAX && dns_rr_skim(m, &it, &rr))
		if (rr.section == DNS_ANSWER && rr.type == DNS_TYPE_CNAME)
			at[n++] = rr;
	return n;
}

/* The two chains are too long together, or the second comes back to the first. */
static bool meet(const struct dns_msg *a, const struct dns_msg *b)
{
	struct dns_rr_at la[DNS_CHAIN_MAX + 1], lb[DNS_CHAIN_MAX + 1];
	unsigned na = links(a, la), nb = links(b, lb);

	if (na + nb > DNS_CHAIN_MAX)
		return true;
	for (unsigned k = 0; k < nb; k++) {
		struct dns_name to;

		if (dns_name_decode(b->b, b->len, lb[k].rdata, &to) < 0)
			return true;
		for (unsigned i = 0; i < na; i++)
			if (dns_name_eq_at(a->b, la[i].name, &to))
				return true;
	}
	return false;
}

/* All records of m's sections up to `last`. */
static int copy(struct dns_enc *e, const struct dns_msg *m, enum dns_section last)
{
	struct dns_rr_iter it;
	struct dns_rr_at rr;

	dns_rr_begin(m, &it);
	while (dns_rr_skim(m, &it, &rr) && rr.section <= last) {
		struct dns_name name;
		int err = dns_name_decode(m->b, m->len, rr.name, &name);

		if (err >= 0)
			err = dns_enc_copy(e, m, &name, &rr);
		if (err < 0)
			return err;
	}
	return 0;
}

int dns_answer_append(const uint8_t *first, size_t first_len, const uint8_t *second,
		      size_t second_len, uint8_t *out, size_t cap)
{
	struct writing w;
	struct dns_msg a, b;
	int err;

	if (dns_msg_decode(&a, first, first_len, NULL) < 0 ||
	    dns_msg_decode(&b, second, second_len, NULL) < 0)
		return -EBADMSG;
	if (meet(&a, &b))
		return -ELOOP;
	/* Authenticated only if both were. */
	b.flags &= (uint16_t)(a.flags | ~(unsigned)DNS_AD);
	err = begin(&w, &b, &a.q, out, cap);
	if (!err)
		err = copy(&w.e, &a, DNS_ANSWER);
	if (!err)
		err = copy(&w.e, &b, DNS_AUTHORITY);
	return err ? err : (int)w.e.len;
}
