/*
 * Messages: one decoder, one encoder.
 *
 *	 0        12                                      len
 *	| header | question | answer | authority | additional |
 *
 * dns_msg_decode() looks at every octet once before anybody else sees the message: names, lengths, RDATA by its type, counts against
 * what is there, the OPT record and its options, and that nothing is left over. It refuses the whole message with a place and a sentence,
 * or it is right to the end: the walks over a decoded message need no further checks of lengths. Nothing is copied but the question's name.
 *
 * The encoder keeps the places where labels stand, found by a hash of the name's tail from there on, so that finding a tail to
 * point to does not depend on how many names there are.
 */
#include "dns/codec.h"

#include <errno.h>
#include <string.h>

#include "stack/base.h"

enum { RR_FIXED = 10, FLAG_BITS = 0x87f0 };

int dns_msg_head(struct dns_msg *m, const uint8_t *b, size_t len, struct dns_flaw *flaw)
{
	memset(m, 0, offsetof(struct dns_msg, q));
	memset(&m->edns, 0, sizeof(m->edns));
	m->q.name.len = 0;
	if (len < DNS_HEADER_LEN)
		return dns_flawed(flaw, len, "shorter than a header");
	if (len > DNS_MSG_MAX)
		return dns_flawed(flaw, DNS_MSG_MAX, "longer than a message can be");
	m->b = b;
	m->len = len;
	m->id = dns_get16(b);
	m->flags = dns_get16(b + 2) & FLAG_BITS;
	m->opcode = b[2] >> 3 & 15;
	m->rcode = b[3] & 15;
	for (unsigned i = 0; i < 4; i++)
		m->count[i] = dns_get16(b + 4 + 2 * i);
	m->records = DNS_HEADER_LEN;
	if (m->count[DNS_QUESTION] == 0)
		return 0;
	/* D1035-8, RFC 9619 4 */
	if (m->count[DNS_QUESTION] > 1)
		return dns_flawed(flaw, 4, "more than one question");
	int at = dns_name_scan(b, len, DNS_HEADER_LEN, 0, m->q.name.b, &m->q.name.len, flaw);

	if (at < 0)
		return at;
	if (len - (size_t)at < 4)
		return dns_flawed(flaw, len, "the question runs over the end");
	m->q.type = dns_get16(b + at);
	m->q.class = dns_get16(b + at + 2);
	m->records = (size_t)at + 4;
	return 0;
}

/* D6891-1, D6891-3: the OPT record's fixed fields; its options were walked over already. */
static int read_opt(struct dns_msg *m, size_t name, const struct dns_rr_at *rr,
		    struct dns_flaw *flaw)
{
	if (rr->section != DNS_ADDITIONAL)
		return dns_flawed(flaw, name, "an OPT record outside the additional section");
	if (m->b[name] != 0)
		return dns_flawed(flaw, name, "an OPT record whose owner is not the root");
	if (m->edns.present)
		return dns_flawed(flaw, name, "a second OPT record");
	m->edns.present = true;
	m->edns.version = (uint8_t)(rr->ttl >> 16);
	m->edns.flags = (uint16_t)rr->ttl;
	m->edns.do_ = rr->ttl & 0x8000;
	m->edns.udp_size = rr->class;
	m->edns.options = rr->rdata;
	m->edns.options_len = rr->rdlen;
	m->rcode = (uint16_t)((rr->ttl >> 24) << 4 | (m->rcode & 15u));
	return 0;
}

/* One record at *at: checks it whole and steps over it. */
static int read_rr(struct dns_msg *m, size_t *at, unsigned section, struct dns_flaw *flaw)
{
	struct dns_rr_at rr = {.name = *at, .section = (uint8_t)section};
	struct rr_walk w;
	struct rr_part part;
	int r = dns_name_scan(m->b, m->len, *at, 0, NULL, NULL, flaw);

	if (r < 0)
		return r;
	const uint8_t *p = m->b + r;
	size_t left = m->len - (size_t)r;

	if (left < RR_FIXED)
		return dns_flawed(flaw, m->len, "a record runs over the end");
	rr.type = dns_get16(p);
	rr.class = dns_get16(p + 2);
	rr.ttl = dns_get32(p + 4);
	rr.rdlen = dns_get16(p + 8);
	rr.rdata = (size_t)r + RR_FIXED;
	/* D1035-3, D9267-4, AM33-21, AM33-29, IH-01 */
	if (rr.rdlen > left - RR_FIXED)
		return dns_flawed(flaw, rr.rdata - 2, "RDATA runs over the end");
	rr_walk_begin(&w, m->b, rr.rdata, rr.rdlen, rr.type, rr.class, false);
	while ((r = rr_walk_next(&w, &part, flaw)) > 0)
		;
	if (r < 0)
		return r;
	*at = rr.rdata + rr.rdlen;
	return rr.type == DNS_TYPE_OPT ? read_opt(m, rr.name, &rr, flaw) : 0;
}

int dns_msg_decode(struct dns_msg *m, const uint8_t *b, size_t len, struct dns_flaw *flaw)
{
	int err = dns_msg_head(m, b, len, flaw);

	if (err)
		return err;
	size_t at = m->records;

	/* D9267-5, AM33-19, AM33-24, AM33-30, NW-06, IH-03: each turn uses up 11 octets at least, so that a count that lies ends at the end. */
	for (unsigned s = DNS_ANSWER; s <= DNS_ADDITIONAL; s++)
		for (unsigned i = 0; i < m->count[s]; i++) {
			if (at == len)
				return dns_flawed(flaw, at, "fewer records than the header says");
			err = read_rr(m, &at, s, flaw);
			if (err)
				return err;
		}
	return at < len ? dns_flawed(flaw, at, "octets behind the last record") : 0;
}

void dns_rr_begin(const struct dns_msg *m, struct dns_rr_iter *it)
{
	it->at = m->records;
	for (unsigned i = 0; i < 3; i++)
		it->left[i] = m->count[i + 1];
}

bool dns_rr_skim(const struct dns_msg *m, struct dns_rr_iter *it, struct dns_rr_at *rr)
{
	unsigned s = 0;

	while (s < 3 && it->left[s] == 0)
		s++;
	if (s == 3)
		return false;
	it->left[s]--;
	rr->section = (uint8_t)(s + DNS_ANSWER);
	rr->name = it->at;
	size_t at = dns_name_skip(m->b, it->at);
	const uint8_t *p = m->b + at;

	rr->type = dns_get16(p);
	rr->class = dns_get16(p + 2);
	rr->ttl = dns_get32(p + 4);
	rr->rdlen = dns_get16(p + 8);
	rr->rdata = at + RR_FIXED;
	it->at = rr->rdata + rr->rdlen;
	TAPIR_ASSERT(it->at <= m->len);
	return true;
}

bool dns_rr_next(const struct dns_msg *m, struct dns_rr_iter *it, struct dns_rr *rr)
{
	struct dns_rr_at at;

	if (!dns_rr_skim(m, it, &at))
		return false;
	if (dns_name_decode(m->b, m->len, at.name, &rr->name) < 0)
		return false;
	rr->type = at.type;
	rr->class = at.class;
	rr->ttl = at.ttl;
	rr->section = at.section;
	rr->rdlen = at.rdlen;
	rr->rdata = at.rdata;
	return true;
}

bool dns_option_next(const struct dns_msg *m, size_t *at, uint16_t *code, const uint8_t **p,
		     size_t *len)
{
	if (!m->edns.present || *at >= m->edns.options + m->edns.options_len)
		return false;
	const uint8_t *b = m->b + *at;

	*code = dns_get16(b);
	*len = dns_get16(b + 2);
	*p = b + 4;
	*at += 4 + *len;
	return true;
}

bool dns_option_find(const struct dns_msg *m, uint16_t code, const uint8_t **p, size_t *len)
{
	size_t at = m->edns.options;
	uint16_t c;

	while (dns_option_next(m, &at, &c, p, len))
		if (c == code)
			return true;
	return false;
}

/* What is taken back when something did not fit. */
struct mark {
	size_t len;
	uint16_t nplaces;
};

static struct mark mark(const struct dns_enc *e)
{
	return (struct mark){e->len, e->nplaces};
}

static int take_back(struct dns_enc *e, struct mark m, int err)
{
	e->len = m.len;
	while (e->nplaces > m.nplaces) {
		e->nplaces--;
		e->head[e->bucket[e->nplaces]] = e->next[e->nplaces];
	}
	return err;
}

static int put(struct dns_enc *e, const void *p, size_t n)
{
	if (n > e->cap - e->len)
		return -EMSGSIZE;
	if (n)
		memcpy(e->b + e->len, p, n);
	e->len += n;
	return 0;
}

static int put16(struct dns_enc *e, uint16_t v)
{
	uint8_t b[2];

	dns_put16(b, v);
	return put(e, b, 2);
}

/* Hashes of the tails of a name, from each label on: hash[i] for the label at octet i. Only equal tails matter, not who made them. */
static void tail_hashes(const uint8_t *name, size_t len, uint8_t hash[DNS_NAME_MAX])
{
	uint32_t h = 2166136261u;

	for (size_t i = len; i-- > 0;) {
		h = (h ^ name[i]) * 16777619u;
		hash[i] = (uint8_t)((h >> 16 ^ h) & (DNS_ENC_BUCKETS - 1));
	}
}

/* The name's tail stands at `at` of what was written, to the octet. */
static bool stands_at(const struct dns_enc *e, size_t at, const uint8_t *tail)
{
	for (;;) {
		unsigned c = e->b[at];

		if (c >= 0xc0) {
			at = dns_get16(e->b + at) & 0x3fffu;
			continue;
		}
		if (c != *tail || memcmp(e->b + at, tail, c + 1) != 0)
			return false;
		if (c == 0)
			return true;
		at += c + 1;
		tail += c + 1;
	}
}

static int find_tail(const struct dns_enc *e, const uint8_t *tail, uint8_t bucket)
{
	for (unsigned i = e->head[bucket]; i; i = e->next[i - 1])
		if (stands_at(e, e->place[i - 1], tail))
			return e->place[i - 1];
	return -1;
}

/*
 * A name, uncompressed at `name`. Its labels become places to point to once the whole name is there, so that no comparison runs
 * into what is not written yet.
 */
static int put_name(struct dns_enc *e, const uint8_t *name, size_t len, bool compress)
{
	uint8_t hash[DNS_NAME_MAX];
	size_t at = e->len, i = 0;
	int to = -1, err;

	tail_hashes(name, len, hash);
	while (name[i]) {
		to = compress ? find_tail(e, name + i, hash[i]) : -1;
		if (to >= 0)
			break;
		i += name[i] + 1u;
	}
	err = put(e, name, i);
	if (!err) {
		if (to >= 0)
			err = put16(e, (uint16_t)(0xc000 | to));
		else
			err = put(e, name + i, 1);
	}
	if (err)
		return err;
	/* Nothing points into RDATA that others may copy as octets (RFC 3597 4). */
	for (size_t k = 0;
	     compress && k < i && at + k < 0x4000 && e->nplaces < ARRAY_SIZE(e->place);
	     k += name[k] + 1u) {
		unsigned n = e->nplaces++;

		e->place[n] = (uint16_t)(at + k);
		e->bucket[n] = hash[k];
		e->next[n] = e->head[hash[k]];
		e->head[hash[k]] = (uint8_t)(n + 1);
	}
	return 0;
}

int dns_enc_begin(struct dns_enc *e, uint8_t *b, size_t cap, uint16_t id, uint16_t flags,
		  uint8_t opcode, uint8_t rcode)
{
	e->b = b;
	e->cap = min_size(cap, DNS_MSG_MAX);
	e->len = 0;
	e->section = DNS_QUESTION;
	e->nplaces = 0;
	memset(e->head, 0, sizeof(e->head));
	if (cap < DNS_HEADER_LEN) {
		e->cap = 0;
		return -EMSGSIZE;
	}
	memset(b, 0, DNS_HEADER_LEN);
	dns_put16(b, id);
	dns_put16(b + 2, (uint16_t)((flags & FLAG_BITS) | (opcode & 15u) << 11 | (rcode & 15u)));
	e->len = DNS_HEADER_LEN;
	return 0;
}

/* One more in a section. */
static int count(struct dns_enc *e, enum dns_section s)
{
	uint8_t *p = e->b + 4 + 2 * s;
	unsigned n = dns_get16(p);

	if (n == UINT16_MAX)
		return -EMSGSIZE;
	dns_put16(p, (uint16_t)(n + 1));
	e->section = s;
	return 0;
}

int dns_enc_question(struct dns_enc *e, const struct dns_name *name, uint16_t type, uint16_t class)
{
	struct mark back = mark(e);
	int err;

	if (e->section != DNS_QUESTION)
		return -EINVAL;
	if (e->len < DNS_HEADER_LEN)
		return -EMSGSIZE;
	err = put_name(e, name->b, name->len, true);
	if (!err)
		err = put16(e, type);
	if (!err)
		err = put16(e, class);
	if (!err)
		err = count(e, DNS_QUESTION);
	return err ? take_back(e, back, err) : 0;
}

/* RDATA at `at` of b, its names compressed where that is allowed. -EINVAL: it is none of that type. */
static int put_rdata(struct dns_enc *e, uint16_t type, uint16_t class, const uint8_t *b, size_t at,
		     size_t len, bool flat)
{
	struct rr_walk w;
	struct rr_part p;
	int r;

	rr_walk_begin(&w, b, at, len, type, class, flat);
	while ((r = rr_walk_next(&w, &p, NULL)) > 0) {
		struct dns_name name;
		int err;

		if (p.kind != RF_NAME) {
			err = put(e, b + p.at, p.len);
		} else {
			if (dns_name_scan(b, w.end, p.at, 0, name.b, &name.len, NULL) < 0)
				return -EINVAL;
			/* D3597-2: only RFC 1035's types are compressed. */
			err = put_name(e, name.b, name.len, w.row->flags & RR_COMPRESS);
		}
		if (err)
			return err;
	}
	return r < 0 ? -EINVAL : 0;
}

/* A record whose RDATA lies at `at` of b. */
static int put_rr(struct dns_enc *e, const struct dns_name *name, const struct dns_rr_at *rr,
		  const uint8_t *b, bool flat)
{
	enum dns_section s = rr->section;
	struct mark back = mark(e);
	uint8_t fixed[RR_FIXED];
	int err;

	if (s < e->section || s == DNS_QUESTION || s > DNS_ADDITIONAL)
		return -EINVAL;
	if (e->len < DNS_HEADER_LEN)
		return -EMSGSIZE;
	dns_put16(fixed, rr->type);
	dns_put16(fixed + 2, rr->class);
	dns_put32(fixed + 4, rr->ttl);
	dns_put16(fixed + 8, 0);
	err = put_name(e, name->b, name->len, true);
	size_t at = e->len;

	if (!err)
		err = put(e, fixed, sizeof(fixed));
	if (!err)
		err = put_rdata(e, rr->type, rr->class, b, rr->rdata, rr->rdlen, flat);
	if (!err)
		err = count(e, s);
	if (err)
		return take_back(e, back, err);
	dns_put16(e->b + at + 8, (uint16_t)(e->len - at - RR_FIXED));
	return 0;
}

int dns_enc_rr(struct dns_enc *e, enum dns_section s, const struct dns_name *name, uint16_t type,
	       uint16_t class, uint32_t ttl, const uint8_t *rdata, size_t rdlen)
{
	struct dns_rr_at rr = {.ttl = ttl, .type = type, .class = class, .section = (uint8_t)s};

	if (rdlen > UINT16_MAX)
		return -EMSGSIZE;
	rr.rdlen = (uint16_t)rdlen;
	return put_rr(e, name, &rr, rdata, true);
}

int dns_enc_copy(struct dns_enc *e, const struct dns_msg *m, const struct dns_name *name,
		 const struct dns_rr_at *rr)
{
	return put_rr(e, name, rr, m->b, false);
}

int dns_enc_opt(struct dns_enc *e, uint16_t udp_size, uint16_t flags, uint8_t ext_rcode,
		const uint8_t *options, size_t len)
{
	static const struct dns_name root = {1, {0}};

	return dns_enc_rr(e, DNS_ADDITIONAL, &root, DNS_TYPE_OPT, udp_size,
			  (uint32_t)ext_rcode << 24 | flags, options, len);
}

int dns_put_option(uint8_t *options, size_t cap, size_t *len, uint16_t code, const void *p,
		   size_t n)
{
	if (n > UINT16_MAX || cap - *len < 4 || n > cap - *len - 4)
		return -EMSGSIZE;
	dns_put16(options + *len, code);
	dns_put16(options + *len + 2, (uint16_t)n);
	if (n)
		memcpy(options + *len + 4, p, n);
	*len += 4 + n;
	return 0;
}
