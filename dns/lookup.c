/*
 * The way of a query.
 *
 * A query goes through candidate names (the name as it is, and with each domain of the search list), and of each asks its
 * legs, one a type, at the same time. A leg looks, in this order, at what is known here (own.c), the cache, and the
 * servers or the link (fetch.c); where a CNAME leads out of an answer it goes on with its target.
 *
 *	query: candidate "www.corp.example."      -> NXDOMAIN of all legs -> next candidate
 *	          leg A     -> own -> cache -> fetch -> CNAME www.cdn.example. -> own -> cache -> fetch -> records
 *	          leg AAAA  -> own -> cache -> fetch -> NODATA
 *
 * Nothing recurses: leg_go() runs one leg until it waits or is over, query_go() all legs until the query waits or is over.
 *
 * The search list, as glibc has it (D1123-20, DN-33): a name with at least `ndots` dots is tried as it is first, then with each
 * domain; one with fewer is tried with each domain, then as it is. No such name, or no such record, goes on to the next; that the
 * name did exist is remembered, so that "no data" is said at the end rather than "no such name". A SERVFAIL in the
 * list goes on too and is remembered (a broken domain in the list does not hide the others); of the name as it is, when
 * that comes first, it ends the search: it may well exist, and nobody else is to be told of it. A time-out or an unreachable
 * server ends it in any case, as there is no one to ask (glibc would still try the name as it is). The list is walked once,
 * never with names that are known here or belong to the link, and not at all without DNS_Q_SEARCH.
 */
#include <errno.h>

#include "dns/resolver.h"

enum { STALE_TTL_S = 30 };
static const uint64_t STALE_WAIT_NS = UINT64_C(1800000000); /* RFC 8767 5: client response timer */
static const uint64_t RESOLUTION_DELAY_NS = UINT64_C(50000000); /* RFC 8305 3 */

/* --- what is found --- */

void leg_release(struct dns *d, struct leg *l)
{
	fetch_leave(d, l);
	if (l->fetch)
		fetch_unref(d, l->fetch);
	l->fetch = NULL;
	dns_put(d, l->own, l->own_len);
	l->own = NULL;
	l->own_len = 0;
}

static void leg_over(struct dns *d, struct leg *l)
{
	l->over = true;
	l->over_ns = tapir_now(d->t);
	fetch_leave(d, l);
}

static void leg_fail(struct dns *d, struct leg *l, enum dns_status status)
{
	dns_put(d, l->own, l->own_len);
	l->own = NULL;
	l->own_len = 0;
	memset(&l->found, 0, sizeof(l->found));
	l->found.status = status;
	l->found.ede = -1;
	l->found.target = l->q.name;
	leg_over(d, l);
}

static void leg_drop_fetch(struct dns *d, struct leg *l)
{
	fetch_leave(d, l);
	if (l->fetch)
		fetch_unref(d, l->fetch);
	l->fetch = NULL;
}

/* Makes f's bytes the leg's own. */
static bool leg_copy(struct dns *d, struct leg *l, const uint8_t *msg, size_t len)
{
	uint8_t *own = dns_get(d, len);

	if (!own)
		return false;
	memcpy(own, msg, len);
	dns_put(d, l->own, l->own_len);
	l->own = own;
	l->own_len = len;
	return true;
}

/* The question at hand has its answer: the leg is over, or has another question. */
static void leg_take(struct dns *d, struct leg *l, const struct found *f, bool shared)
{
	const uint8_t *msg = f->msg;
	size_t len = f->len;

	if (f->status == DNS_NOMEM) {
		leg_fail(d, l, DNS_NOMEM);
		return;
	}
	if (l->own && msg &&
	    (f->status == DNS_OK || f->status == DNS_NODATA || f->status == DNS_NXDOMAIN)) {
		/* D1034-4, DN-24: the chain so far and what goes on from its end, bounded and without a circle */
		int n = dns_answer_append(l->own, l->own_len, msg, len, d->work[1], DNS_MSG_MAX);

		if (n < 0) {
			leg_fail(d, l, n == -ELOOP ? DNS_LOOP : DNS_BADREPLY);
			return;
		}
		msg = d->work[1];
		len = (size_t)n;
		shared = false;
	}
	if (msg && (!shared || f->more) && !leg_copy(d, l, msg, len)) {
		leg_fail(d, l, DNS_NOMEM);
		return;
	}
	if (f->more) {
		/* D1034-3: the server did not follow; we do */
		l->q.name = f->target;
		leg_drop_fetch(d, l);
		return;
	}
	l->found = *f;
	l->found.msg = shared || !msg ? msg : l->own;
	l->found.len = len;
	leg_over(d, l);
}

/* --- the cache --- */

bool cache_find(struct dns *d, const struct dns_question *q, bool stale, struct found *out)
{
	struct dns_cached c;

	if (!d->cache || !dns_cache_get(d->cache, q, tapir_now(d->t), stale, &c))
		return false;
	if (c.kind == DNS_CACHED_FAILURE) {
		if (stale)
			return false;
		memset(out, 0, sizeof(*out));
		out->status = (enum dns_status)c.status;
		out->target = q->name;
	} else if (c.from_above) {
		/* D8020-1: there is nothing below a name that does not exist */
		own_empty(q, DNS_RCODE_NXDOMAIN, d->work[0], out);
	} else {
		struct dns_question asked = *q;
		size_t at = DNS_HEADER_LEN + q->name.len;

		/* that there is no such name may have been said of another type: then only the question differs */
		asked.type = (uint16_t)(c.msg[at] << 8 | c.msg[at + 1]);
		found_read(d, &asked, c.msg, c.len, c.age_s, out);
		if (out->status == DNS_BADREPLY)
			return false;
		d->work[0][at] = (uint8_t)(q->type >> 8);
		d->work[0][at + 1] = (uint8_t)q->type;
		if (c.stale) /* D8767-1, RFC 8767 4: whoever keeps it asks again soon */
			dns_answer_age(d->work[0], out->len, 0, STALE_TTL_S);
	}
	out->source = c.stale ? DNS_FROM_STALE : DNS_FROM_CACHE;
	out->age_s = c.age_s;
	out->ede = (int)c.ede - 1;
	if (c.stale && out->ede < 0)
		out->ede = 3; /* Stale Answer (RFC 8914 4.4) */
	if (c.prefetch)
		fetch_renew(d, q);
	return true;
}

static bool cacheable(const struct query *q)
{
	/* what these flags bring differs from what others would be given */
	return !(q->flags &
		 (DNS_Q_NO_CACHE | DNS_Q_RAW | DNS_Q_DO | DNS_Q_CD | DNS_Q_AD | DNS_Q_NO_RD)) &&
	       tapir_addr_is_any(&q->server.addr);
}

/* D8767-1: when no server answers, an expired answer may be better than none. */
static bool leg_stale(struct dns *d, struct leg *l)
{
	struct found f;

	if (!d->conf.stale_s || !cacheable(l->of) || !cache_find(d, &l->q, true, &f))
		return false;
	if (l->fetch)
		fetch_to_background(d, l->fetch);
	leg_drop_fetch(d, l);
	leg_take(d, l, &f, false);
	return true;
}

/* --- a leg --- */

static void leg_step(struct dns *d, struct leg *l)
{
	struct query *q = l->of;
	bool multicast = false;
	struct found f;

	if (l->asks++ > DNS_CHAIN_MAX) {
		leg_fail(d, l, DNS_LOOP);
		return;
	}
	if (!(q->flags & (DNS_Q_NO_LOCAL | DNS_Q_RAW)) &&
	    own_answer(d, &l->q, l->asks > 1, d->work[0], &f, &multicast)) {
		leg_take(d, l, &f, false);
		return;
	}
	if (cacheable(q)) {
		if (cache_find(d, &l->q, false, &f)) {
			leg_take(d, l, &f, false);
			return;
		}
		if (fetch_rechecked(d, &l->q) && leg_stale(d, l))
			return;
	}
	if (!multicast && !d->conf.nservers && tapir_addr_is_any(&q->server.addr)) {
		leg_fail(d, l, DNS_NOSERVER);
		return;
	}
	if (fetch_join(d, l, cacheable(q), multicast) < 0)
		leg_fail(d, l, DNS_NOMEM);
}

/* Until it waits or is over. */
static void leg_go(struct dns *d, struct leg *l)
{
	while (!l->over && !list_linked(&l->wait))
		leg_step(d, l);
}

static bool failed(enum dns_status s)
{
	return s != DNS_OK && s != DNS_NODATA && s != DNS_NXDOMAIN && s != DNS_NOMEM;
}

/* The fetch that it waited for is over. */
static void leg_fetched(struct dns *d, struct leg *l, struct fetch *f)
{
	const struct found *r = &f->found;

	/* who joined may have more time than the one who asked first: it asks once on its own */
	if (r->status == DNS_TIMEOUT && l->joined && !l->again &&
	    l->of->deadline_ns > f->ask.deadline_ns &&
	    tapir_now(d->t) - f->began_ns < (uint64_t)d->conf.timeout_ms * 1000000) {
		l->again = true;
		l->asks--;
		leg_drop_fetch(d, l);
	} else if (!failed(r->status) || !leg_stale(d, l)) {
		leg_take(d, l, r, true);
	}
	leg_go(d, l);
}

static void leg_begin(struct dns *d, struct leg *l, const struct dns_name *name)
{
	leg_release(d, l);
	l->q.name = *name;
	l->asked = *name;
	l->over = l->joined = l->again = false;
	l->asks = 0;
	leg_go(d, l);
}

/* --- a query --- */

/*
 * The name of the candidate at hand: false when it would be too long. The settings may have changed since the last; a turn that
 * has no domain any more is the name as it is.
 */
static bool candidate(const struct dns *d, const struct query *q, struct dns_name *out)
{
	unsigned domain = q->as_is_first ? q->turn - 1 : q->turn;

	*out = q->name;
	if (!q->search || (q->as_is_first && q->turn == 0) || domain >= d->conf.nsearch)
		return true;
	/* D1034-1: what would be longer than 255 octets is no name */
	return dns_name_join(&q->name, &d->conf.search[domain], out) == 0;
}

enum dns_status query_status(const struct query *q)
{
	enum dns_status s = DNS_NXDOMAIN;

	for (unsigned i = 0; i < q->nlegs; i++) {
		enum dns_status one = q->leg[i].found.status;

		if (one == DNS_OK)
			return DNS_OK;
		/* a failure says that there may be more than the other leg found */
		if (one != DNS_NXDOMAIN && (s == DNS_NXDOMAIN || s == DNS_NODATA))
			s = one;
	}
	return s;
}

/* All candidates are through, or the search is at its end with `s`: what is said of the name. */
static void query_verdict(struct dns *d, struct query *q, enum dns_status s)
{
	struct found f;

	/* D1123-19: hard and soft failures apart, and "exists" from "does not" */
	if (s == DNS_NXDOMAIN || s == DNS_NODATA || s == DNS_BADNAME || s == DNS_SERVFAIL) {
		if (q->saw_nodata)
			s = DNS_NODATA;
		else if (q->saw_servfail)
			s = DNS_SERVFAIL;
		else if (q->saw_name)
			s = DNS_NXDOMAIN;
	}
	for (unsigned i = 0; i < q->nlegs; i++) {
		struct leg *l = &q->leg[i];

		if (l->found.status == s)
			continue;
		/* said of the name as it was given: the last candidate's answer is another */
		l->q.name = l->asked = q->name;
		leg_release(d, l);
		leg_fail(d, l, s);
		if (s != DNS_NODATA && s != DNS_NXDOMAIN)
			continue;
		own_empty(&l->q, s == DNS_NODATA ? DNS_RCODE_NOERROR : DNS_RCODE_NXDOMAIN,
			  d->work[0], &f);
		f.source = DNS_FROM_SERVER;
		if (leg_copy(d, l, f.msg, f.len)) {
			l->found = f;
			l->found.msg = l->own;
		}
	}
	query_finish(d, q);
}

/* All legs are over: the query is, or there is another candidate. */
static bool query_judge(struct dns *d, struct query *q)
{
	enum dns_status s = query_status(q);
	bool as_is = q->as_is_first && q->turn == 0;

	if (s == DNS_OK || !q->search) {
		query_finish(d, q);
		return true;
	}
	switch (s) {
	case DNS_NXDOMAIN:
		q->saw_name = true;
		break;
	case DNS_NODATA:
		q->saw_nodata = true;
		break;
	case DNS_SERVFAIL:
		if (as_is) {
			query_finish(d, q);
			return true;
		}
		q->saw_servfail = true;
		break;
	case DNS_BADNAME:
		break;
	case DNS_OK:
	case DNS_REFUSED:
	case DNS_FORMERR:
	case DNS_NOTIMP:
	case DNS_RCODE:
	case DNS_TIMEOUT:
	case DNS_UNREACHABLE:
	case DNS_LOOP:
	case DNS_BADREPLY:
	case DNS_NOSERVER:
	case DNS_NOMEM:
	case DNS_CANCELLED:
		query_finish(d, q);
		return true;
	}
	if (++q->turn > d->conf.nsearch) {
		query_verdict(d, q, s);
		return true;
	}
	return false;
}

static void query_try(struct dns *d, struct query *q)
{
	struct dns_name name;
	bool fits = candidate(d, q, &name);

	for (unsigned i = 0; i < q->nlegs; i++) {
		if (fits) {
			leg_begin(d, &q->leg[i], &name);
		} else {
			leg_release(d, &q->leg[i]);
			leg_fail(d, &q->leg[i], DNS_BADNAME);
		}
	}
}

static unsigned legs_over(const struct query *q)
{
	unsigned n = 0;

	for (unsigned i = 0; i < q->nlegs; i++)
		n += q->leg[i].over;
	return n;
}

static void query_go(struct dns *d, struct query *q)
{
	while (!q->over && legs_over(q) == q->nlegs) {
		if (!query_judge(d, q))
			query_try(d, q);
	}
	if (q->over)
		return;
	uint64_t now = tapir_now(d->t);
	/* addresses: with those of A there the others get as long again as these took, and 50 ms (RFC 8305 3) */
	if (q->nlegs == 2 && q->leg[0].over && q->leg[0].found.status == DNS_OK &&
	    q->soft_ns == TAPIR_NEVER)
		q->soft_ns = now + (now - q->began_ns) + RESOLUTION_DELAY_NS;
	query_arm(d, q);
}

/* A name that is known here, or is the link's, or an address: the search list is not for it, and must not tell of it (DN-33). */
static bool is_ours(struct dns *d, const struct query *q)
{
	struct found f;
	bool multicast;

	if (q->flags & (DNS_Q_NO_LOCAL | DNS_Q_RAW))
		return false;
	for (unsigned i = 0; i < q->nlegs; i++) {
		struct dns_question one = {q->name, q->leg[i].q.type, q->class};

		/* no-aaaa is said of every name */
		if (d->conf.no_aaaa && one.type == DNS_TYPE_AAAA)
			one.type = DNS_TYPE_A;
		if (own_answer(d, &one, false, d->work[0], &f, &multicast) || multicast)
			return true;
	}
	return false;
}

void query_begin(struct dns *d, struct query *q)
{
	unsigned labels = dns_name_labels(&q->name);

	q->search = (q->flags & DNS_Q_SEARCH) && !(q->flags & DNS_Q_RAW) && d->conf.nsearch &&
		    labels && !is_ours(d, q);
	q->as_is_first = labels && labels - 1 >= d->conf.ndots;
	q->turn = 0;
	if (d->conf.stale_s)
		q->stale_ns = q->began_ns + STALE_WAIT_NS;
	query_try(d, q);
	query_go(d, q);
}

void query_fetched(struct dns *d, struct fetch *f)
{
	for (struct list *n; (n = list_pop(&f->waiters));) {
		struct leg *l = container_of(n, struct leg, wait);
		struct query *q = l->of;

		leg_fetched(d, l, f);
		query_go(d, q);
	}
}

void query_timer(struct dns *d, struct query *q)
{
	uint64_t now = tapir_now(d->t);

	if (now >= q->stale_ns) {
		q->stale_ns = TAPIR_NEVER;
		for (unsigned i = 0; i < q->nlegs; i++) {
			if (!q->leg[i].over && leg_stale(d, &q->leg[i]))
				leg_go(d, &q->leg[i]);
		}
	}
	bool late = now >= q->deadline_ns;
	for (unsigned i = 0; i < q->nlegs && (late || now >= q->soft_ns); i++) {
		struct leg *l = &q->leg[i];

		if (l->over)
			continue;
		if (late && leg_stale(d, l)) {
			leg_go(d, l);
			if (l->over)
				continue;
		}
		/* its answer is still good for the next who asks */
		if (!late && l->fetch)
			fetch_to_background(d, l->fetch);
		leg_fail(d, l, DNS_TIMEOUT);
	}
	query_go(d, q);
}
