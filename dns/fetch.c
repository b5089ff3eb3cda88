/*
 * One question on its way, for all who ask it.
 *
 * At most one is out for the same name, type, class and flags that matter: whoever asks meanwhile joins it (RFC 5452 5: many equal
 * questions at once multiply a forger's chances). A fetch lives as long as a leg waits for it, or the cache wants its answer (a
 * renewal in the background); it stays in memory as long as a leg looks at its bytes and its story.
 *
 *	legs of queries    o  o  o          o
 *	                   |  |  |          |
 *	fetch            [ www.example A ] [ printer.local A ]
 *	                   |                |
 *	                 dns_net          mdns.c
 *
 * When it has ended the reply is read once (dns/answer.h), put into the cache, and every leg goes on with the same bytes.
 *
 * An expired answer that served because no server gave another is not asked for again before 30 s are over (RFC 8767 5): a small table
 * of keyed hashes remembers that; where two meet in a place the older is forgotten, which costs a query.
 */
#include <errno.h>

#include "dns/resolver.h"

static const uint64_t RECHECK_NS = 30 * UINT64_C(1000000000);

/* --- who is asked for --- */

static uint64_t question_hash(const struct dns *d, const struct dns_question *q, unsigned flags,
			      const struct tapir_sockaddr *server)
{
	uint8_t b[DNS_NAME_MAX + 32] = {0};
	struct dns_name low;

	dns_name_lower(&q->name, &low);
	memcpy(b, low.b, low.len);
	uint8_t *p = b + low.len;
	*p++ = (uint8_t)(q->type >> 8);
	*p++ = (uint8_t)q->type;
	*p++ = (uint8_t)(q->class >> 8);
	*p++ = (uint8_t)q->class;
	*p++ = (uint8_t)(flags >> 8);
	*p++ = (uint8_t)flags;
	if (server) {
		memcpy(p, server->addr.b, 16);
		p += 16;
		*p++ = (uint8_t)(server->port >> 8);
		*p++ = (uint8_t)server->port;
	}
	return siphash13(b, (size_t)(p - b), &d->key);
}

static bool same_question(const struct dns_question *a, const struct dns_question *b, bool exact)
{
	return a->type == b->type && a->class == b->class &&
	       (exact ? dns_name_eq_case(&a->name, &b->name) : dns_name_eq(&a->name, &b->name));
}

static struct fetch *fetch_find(struct dns *d, const struct dns_ask *want, bool multicast)
{
	uint32_t hash = (uint32_t)question_hash(d, &want->q, want->flags, &want->server);

	for (struct hnode *h = htab_first(&d->asked, hash); h; h = htab_next(h)) {
		struct fetch *f = container_of(h, struct fetch, h);

		/* with RAW the reply's question is what the user sees: its case too */
		if (!f->old && f->ask.flags == want->flags && !f->ask.options &&
		    f->multicast == multicast &&
		    tapir_addr_eq(&f->ask.server.addr, &want->server.addr) &&
		    f->ask.server.port == want->server.port &&
		    same_question(&f->ask.q, &want->q, (want->flags & DNS_Q_RAW) != 0))
			return f;
	}
	return NULL;
}

/* --- life --- */

void fetch_stop(struct dns *d, struct fetch *f)
{
	if (!f->running)
		return;
	f->running = false;
	htab_remove(&d->asked, &f->h);
	if (f->multicast)
		mdns_end(d, f);
	else
		dns_net_cancel(d->net, &f->ask);
}

void fetch_unref(struct dns *d, struct fetch *f)
{
	TAPIR_ASSERT(f->refs > 0);
	if (--f->refs > 0)
		return;
	fetch_stop(d, f);
	list_del(&f->node);
	if (f->multicast)
		dns_put(d, f->ask.story, sizeof(*f->ask.story));
	else
		dns_ask_release(d->net, &f->ask);
	dns_put(d, f->own, f->found.len);
	dns_put(d, f, sizeof(*f));
}

static void background_end(struct dns *d, struct fetch *f)
{
	if (!f->background)
		return;
	f->background = false;
	d->nbackground--;
	fetch_unref(d, f);
}

void fetch_to_background(struct dns *d, struct fetch *f)
{
	/* the options are the query's, and go with it */
	if (!f->running || f->background || f->ask.options || d->nbackground >= BACKGROUND_MAX)
		return;
	f->background = true;
	f->refs++;
	d->nbackground++;
}

void fetch_leave(struct dns *d, struct leg *l)
{
	struct fetch *f = l->fetch;

	list_del(&l->wait);
	if (f && f->running && list_empty(&f->waiters) && !f->background)
		fetch_stop(d, f);
}

/* What is asked, of whom: all that dns_net wants to be told, in `want`. */
static struct fetch *fetch_new(struct dns *d, const struct dns_ask *want, bool multicast)
{
	struct fetch *f = dns_get(d, sizeof(*f));

	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	list_init(&f->waiters);
	heap_node_init(&f->timer);
	f->ede_text[0] = '\0';
	f->found.ede = -1;
	f->began_ns = tapir_now(d->t);
	f->ask = *want;
	f->multicast = multicast;
	list_init(&f->ask.node);
	list_init(&f->ask.tries);
	heap_node_init(&f->ask.timer);
	if ((multicast ? mdns_begin(d, f) : dns_net_ask(d->net, &f->ask)) < 0) {
		dns_put(d, f, sizeof(*f));
		return NULL;
	}
	f->running = true;
	f->refs = 1;
	list_add_tail(&d->fetches, &f->node);
	htab_insert(&d->asked, &f->h,
		    (uint32_t)question_hash(d, &want->q, want->flags, &want->server));
	return f;
}

static unsigned fetch_flags(const struct dns *d, unsigned flags)
{
	flags &= FETCH_FLAGS;
	/* trust-ad: the servers are trusted with AD, so it is asked for (RFC 6840 5.7) */
	if (d->conf.trust_ad && !(flags & DNS_Q_RAW))
		flags |= DNS_Q_AD;
	return flags;
}

int fetch_join(struct dns *d, struct leg *l, bool cacheable, bool multicast)
{
	const struct query *q = l->of;
	const struct dns_ask want = {
		.q = l->q,
		.flags = fetch_flags(d, q->flags),
		.server = q->server,
		.deadline_ns = q->deadline_ns,
		.attempts = q->attempts,
		.options = q->options,
		.options_len = q->options_len,
	};
	/* D5452-9, DN-02: an equal question that is out is not sent a second time */
	struct fetch *f = want.options ? NULL : fetch_find(d, &want, multicast);

	if (f) {
		f->refs++;
		l->joined = true;
		d->stats.joined++;
	} else {
		f = fetch_new(d, &want, multicast);
		if (!f)
			return -ENOMEM;
	}
	f->fill |= cacheable;
	l->fetch = f;
	list_add_tail(&f->waiters, &l->wait);
	return 0;
}

void fetch_renew(struct dns *d, const struct dns_question *q)
{
	uint64_t total_ns = (uint64_t)d->conf.timeout_ms * d->conf.attempts * 1000000;
	const struct dns_ask want = {
		.q = *q,
		.flags = fetch_flags(d, 0),
		.deadline_ns = tapir_now(d->t) + total_ns,
		.attempts = d->conf.attempts,
	};

	if (d->nbackground >= BACKGROUND_MAX || !d->conf.nservers || fetch_find(d, &want, false))
		return;
	struct fetch *f = fetch_new(d, &want, false);
	if (!f)
		return; /* it will be asked for when it has expired */
	f->fill = true;
	f->background = true;
	d->nbackground++;
	d->stats.prefetches++;
}

/* --- what came --- */

/* UTF-8 that people may see; all else as \xHH (RFC 8914 2: it is not to be trusted). */
static void printable(const uint8_t *p, size_t len, char out[EDE_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		size_t chars = 1;

		if (p[i] >= 0xc2 && p[i] <= 0xdf)
			chars = 2;
		else if (p[i] >= 0xe0 && p[i] <= 0xef)
			chars = 3;
		bool good = p[i] >= 0x20 && p[i] != 0x7f && p[i] != '\\' &&
			    (chars > 1 || p[i] < 0x80) && i + chars <= len;
		for (size_t k = 1; good && k < chars; k++)
			good = (p[i + k] & 0xc0) == 0x80;
		/* neither overlong forms, surrogates nor the C1 controls */
		if (good &&
		    ((p[i] == 0xc2 && p[i + 1] < 0xa0) || (p[i] == 0xe0 && p[i + 1] < 0xa0) ||
		     (p[i] == 0xed && p[i + 1] >= 0xa0)))
			good = false;
		if (n + (good ? chars : 4) >= EDE_TEXT)
			break;
		if (good) {
			memcpy(out + n, p + i, chars);
			n += chars;
			i += chars;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[p[i] >> 4];
		out[n++] = hex[p[i] & 15];
		i++;
	}
	out[n] = '\0';
}

/* D8914-1: the extended error, for people. */
static void read_ede(struct fetch *f, const struct dns_msg *m)
{
	const uint8_t *p;
	size_t len;

	if (!m->edns.present || !dns_option_find(m, DNS_OPT_EDE, &p, &len) || len < 2)
		return;
	f->found.ede = p[0] << 8 | p[1];
	printable(p + 2, len - 2, f->ede_text);
}

/* What an answer read by dns_answer_read() means. */
static void read_kind(const struct dns_answer *a, uint16_t rcode, struct found *out)
{
	out->target = a->target;
	out->more = a->kind == DNS_ANSWER_CNAME;
	switch (a->kind) {
	/* D8482-1: of ANY too, whose answer is all that the server cared to say and tells nothing of other types */
	case DNS_ANSWER_RECORDS:
	case DNS_ANSWER_CNAME:
		out->status = DNS_OK;
		break;
	case DNS_ANSWER_NODATA:
		out->status = DNS_NODATA;
		break;
	case DNS_ANSWER_NXDOMAIN:
		out->status = DNS_NXDOMAIN;
		break;
	case DNS_ANSWER_REFERRAL:
		/* D2308-2: the server sends us elsewhere, which a stub does not go */
		out->status = DNS_BADREPLY;
		break;
	case DNS_ANSWER_LOOP:
		out->status = DNS_LOOP;
		break;
	case DNS_ANSWER_FAILURE:
		out->status = dns_rcode_status(rcode);
		break;
	}
}

void found_read(struct dns *d, const struct dns_question *q, const uint8_t *msg, size_t len,
		uint32_t age_s, struct found *out)
{
	struct dns_answer a;
	struct dns_msg m;

	memset(out, 0, sizeof(*out));
	out->ede = -1;
	out->age_s = age_s;
	out->status = DNS_BADREPLY;
	if (dns_msg_decode(&m, msg, len, NULL) < 0)
		return;
	int n = dns_answer_read(&m, q, d->conf.max_records, d->work[0], DNS_MSG_MAX, &a);
	if (n < 0)
		return;
	read_kind(&a, m.rcode, out);
	dns_answer_age(d->work[0], (size_t)n, age_s, 0);
	out->msg = d->work[0];
	out->len = (size_t)n;
}

/* An address that no name of the world's DNS has cause to have (RFC 1918, 6890; DN-27). */
static bool is_private(const struct tapir_addr *a)
{
	static const struct {
		uint32_t net;
		uint8_t len;
	} nets[] = {
		{TAPIR_IP4(0, 0, 0, 0), 8},	     {TAPIR_IP4(10, 0, 0, 0), 8},
		{TAPIR_IP4(100, 64, 0, 0), 10},	     {TAPIR_IP4(127, 0, 0, 0), 8},
		{TAPIR_IP4(169, 254, 0, 0), 16},     {TAPIR_IP4(172, 16, 0, 0), 12},
		{TAPIR_IP4(192, 168, 0, 0), 16},     {TAPIR_IP4(198, 18, 0, 0), 15},
		{TAPIR_IP4(255, 255, 255, 255), 32},
	};
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8_t zero[12];
	bool v4 =
		tapir_addr_is_v4(a) || memcmp(a->b, nat64, 12) == 0 || memcmp(a->b, zero, 12) == 0;

	if (!v4) {
		/* fc00::/7, fe80::/10 */
		return (a->b[0] & 0xfe) == 0xfc || (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80);
	}
	uint32_t ip4 = tapir_addr_to_v4(a);
	for (size_t i = 0; i < ARRAY_SIZE(nets); i++) {
		if ((ip4 ^ nets[i].net) >> (32 - nets[i].len) == 0)
			return true;
	}
	return false;
}

/*
 * DN-27: takes records with private addresses out of the message in work[0], by way of work[1]. Returns its new length; *kept and *lost count the
 * records of the question's type.
 */
static size_t without_private(struct dns *d, const struct dns_question *q, size_t len,
			      unsigned *kept, unsigned *lost)
{
	struct dns_rr_iter it;
	struct tapir_addr a;
	struct dns_msg m;
	struct dns_enc e;
	struct dns_rr rr;
	uint8_t *rdata = d->rdata;

	*kept = *lost = 0;
	if (dns_msg_decode(&m, d->work[0], len, NULL) < 0)
		return len;
	dns_enc_begin(&e, d->work[1], DNS_MSG_MAX, m.id, m.flags, m.opcode, (uint8_t)m.rcode);
	dns_enc_question(&e, &q->name, q->type, q->class);
	for (dns_rr_begin(&m, &it); dns_rr_next(&m, &it, &rr);) {
		int n = dns_rdata_expand(&m, &rr, rdata, DNS_MSG_MAX);

		if (n < 0)
			continue;
		bool address = (rr.type == DNS_TYPE_A || rr.type == DNS_TYPE_AAAA) &&
			       dns_rdata_addr(rr.type, rdata, (size_t)n, &a) == 0;
		if (address && is_private(&a)) {
			(*lost)++;
			continue;
		}
		*kept += rr.type == q->type;
		dns_enc_rr(&e, rr.section, &rr.name, rr.type, rr.class, rr.ttl, rdata, (size_t)n);
	}
	if (*lost == 0)
		return len;
	memcpy(d->work[0], d->work[1], e.len);
	return e.len;
}

/* Reads the reply of an exchange that succeeded into f->found; its bytes into f->own. */
void fetch_read(struct dns *d, struct fetch *f, const uint8_t *msg, size_t msg_len)
{
	const struct dns_question *q = &f->ask.q;
	unsigned kept, lost = 0;
	struct dns_answer a;
	struct dns_msg m;
	int n = dns_msg_decode(&m, msg, msg_len, NULL);

	if (n == 0)
		n = dns_answer_read(&m, q, d->conf.max_records, d->work[0], DNS_MSG_MAX, &a);
	if (n < 0) {
		f->found.status = DNS_BADREPLY;
		return;
	}
	size_t len = (size_t)n;
	read_kind(&a, m.rcode, &f->found);
	/* D4035-1: AD says nothing unless the way to the server is trusted */
	if (!d->conf.trust_ad)
		d->work[0][3] &= (uint8_t)~DNS_AD;
	if (d->conf.filter_private && !f->multicast &&
	    (q->type == DNS_TYPE_A || q->type == DNS_TYPE_AAAA)) {
		len = without_private(d, q, len, &kept, &lost);
		if (lost && !kept && f->found.status == DNS_OK) {
			f->found.status = DNS_NODATA;
			f->found.ede = 17; /* Filtered (RFC 8914 4.18) */
		}
	}
	f->ttl_s = a.ttl_s;
	/* D2308-4: without an SOA nothing says how long a negative answer holds */
	f->cacheable =
		a.kind == DNS_ANSWER_RECORDS || a.kind == DNS_ANSWER_CNAME ||
		((a.kind == DNS_ANSWER_NODATA || a.kind == DNS_ANSWER_NXDOMAIN) && a.has_soa);
	f->own = dns_get(d, len);
	if (!f->own) {
		f->found.status = DNS_NOMEM;
		f->found.more = false;
		return;
	}
	memcpy(f->own, d->work[0], len);
	f->found.msg = f->own;
	f->found.len = len;
}

/* --- the cache --- */

static struct recheck *recheck_at(struct dns *d, const struct dns_question *q, uint64_t *hash)
{
	*hash = question_hash(d, q, 0, NULL);
	return &d->recheck[*hash % RECHECKS];
}

bool fetch_rechecked(struct dns *d, const struct dns_question *q)
{
	uint64_t hash;
	struct recheck *r = recheck_at(d, q, &hash);

	return r->hash == hash && r->until_ns > tapir_now(d->t);
}

static bool has_stale(struct dns *d, const struct dns_question *q)
{
	struct dns_cached c;

	return d->conf.stale_s && dns_cache_get(d->cache, q, tapir_now(d->t), true, &c) &&
	       c.kind != DNS_CACHED_FAILURE;
}

/* Whether a failure says something about the question that holds for the next seconds (RFC 9520 2). */
static bool is_failure(const struct dns *d, const struct fetch *f)
{
	switch (f->found.status) {
	case DNS_SERVFAIL:
	case DNS_REFUSED:
	case DNS_FORMERR:
	case DNS_NOTIMP:
	case DNS_RCODE:
	case DNS_UNREACHABLE:
	case DNS_LOOP:
	case DNS_BADREPLY:
		return true;
	case DNS_TIMEOUT:
		/* one that was given less time than a round takes says nothing to those who have more */
		return tapir_now(d->t) - f->began_ns >= (uint64_t)d->conf.timeout_ms * 1000000;
	case DNS_OK:
	case DNS_NODATA:
	case DNS_NXDOMAIN:
	case DNS_NOSERVER:
	case DNS_BADNAME:
	case DNS_NOMEM:
	case DNS_CANCELLED:
		break;
	}
	return false;
}

/* Puts what came into the cache. */
static void keep(struct dns *d, struct fetch *f)
{
	struct dns_cached c = {.status = (int)f->found.status,
			       .msg = f->found.msg,
			       .len = f->found.len,
			       .ttl_s = f->ttl_s};
	uint64_t now = tapir_now(d->t), hash;

	if (!d->cache || !f->fill || f->old)
		return;
	if (is_failure(d, f)) {
		/* RFC 8767 5: an expired answer is worth more than the failure that it stands in for */
		if (has_stale(d, &f->ask.q)) {
			struct recheck *r = recheck_at(d, &f->ask.q, &hash);

			*r = (struct recheck){hash, now + RECHECK_NS};
			return;
		}
		/* D9520-2, D1123-12: asked again only after a while */
		c.kind = DNS_CACHED_FAILURE;
		c.ede = (uint16_t)(f->found.ede + 1);
		c.msg = NULL;
		c.len = 0;
		dns_cache_put(d->cache, &f->ask.q, &c, now);
		return;
	}
	/* D1035-19, D1123-8: what is kept answers the question that we asked, and dns_net lets nothing through that was cut */
	if (!f->cacheable || !f->found.msg)
		return;
	/* D2308-1: NXDOMAIN behind a CNAME is about the last name, which the cache sees by itself */
	if (f->found.status == DNS_OK)
		c.kind = DNS_CACHED_ANSWER;
	else
		c.kind = f->found.status == DNS_NXDOMAIN ? DNS_CACHED_NXDOMAIN : DNS_CACHED_NODATA;
	c.ede = (uint16_t)(f->found.ede + 1);
	dns_cache_put(d->cache, &f->ask.q, &c, now);
}

void fetch_over(struct dns *d, struct fetch *f)
{
	if (f->running) {
		f->running = false;
		htab_remove(&d->asked, &f->h);
	}
	keep(d, f);
	f->refs++;
	query_fetched(d, f);
	TAPIR_ASSERT(list_empty(&f->waiters));
	background_end(d, f);
	fetch_unref(d, f);
}

void fetch_ended(struct dns *d, struct fetch *f)
{
	struct dns_ask *a = &f->ask;
	struct dns_msg m;

	f->found.status = a->status;
	f->found.source = DNS_FROM_SERVER;
	f->found.target = a->q.name;
	if (a->reply && dns_msg_decode(&m, a->reply, a->reply_len, NULL) == 0) {
		read_ede(f, &m);
		if (a->flags & DNS_Q_RAW)
			f->found.status = DNS_OK;
		if ((a->flags & DNS_Q_RAW) || a->status != DNS_OK) {
			f->found.msg = a->reply;
			f->found.len = a->reply_len;
		} else {
			fetch_read(d, f, a->reply, a->reply_len);
		}
	} else if (a->status == DNS_OK) {
		f->found.status = DNS_BADREPLY;
	}
	fetch_over(d, f);
}
