/*
 * The resolver's life, and that of its queries: any name, any type (D1034-6).
 *
 * A query is in one of three lists: `active` until it is over, then `told` (its `done` is to be called) or `kept` (dns_pop()
 * takes it). Nothing calls out while the resolver works: what is over is told at the end of dns_advance() and dns_ready(), from
 * one flat loop that takes the first of `told`, forgets it as a query, and calls. So a callback finds the resolver at rest and may begin and
 * cancel whatever it likes; what it begins, and is over at once, waits for the next turn (`kick` makes that due now).
 *
 *	dns_query() -> active -> query_finish() -> told -> deliver() -> done()
 *	                                        -> kept -> dns_pop()
 *
 * Ids count up and are never used twice, so a late dns_cancel() finds nothing rather than another's query. A query's memory is
 * given back when it has been told, or at the dns_pop() after that which took it.
 *
 * The next deadline is the least of three minima: the heap of queries, that of multicast exchanges, and the exchanges' own.
 */
#include <errno.h>

#include "dns/resolver.h"

enum {
	MAX_QUERIES = 1 << 20,
	BUCKETS_MIN = 64,
	BUCKETS_MAX = 65536,
};

static const uint64_t NS_PER_MS = 1000000;

/* --- settings --- */

void dns_conf_default(struct dns_conf *c)
{
	memset(c, 0, sizeof(*c));
	c->ndots = 1;
	c->timeout_ms = 5000;
	c->attempts = 2;
	c->udp_size = 1232;
	c->spoof_limit = 10;
	c->max_queries = 4096;
	c->max_records = 512;
	c->tcp_idle_ms = 10000;
	c->cache_bytes = 4 << 20;
	c->cache_max_ttl_s = 86400;
	c->cache_max_negative_s = 10800;
	c->cache_failure_s = 5;
	c->prefetch_percent = 10;
}

static bool conf_good(const struct dns_conf *c)
{
	for (unsigned i = 0; i < c->nservers && i < DNS_SERVERS_MAX; i++) {
		if (tapir_addr_is_any(&c->server[i].addr) || !tapir_addr_is_v4(&c->server[i].addr))
			return false;
	}
	return c->nservers <= DNS_SERVERS_MAX && c->nsearch <= DNS_SEARCH_MAX && c->ndots <= 127 &&
	       c->timeout_ms > 0 && c->timeout_ms <= 600000 && c->attempts > 0 &&
	       c->attempts <= 3 && c->udp_size >= 512 && c->max_queries > 0 &&
	       c->max_queries <= MAX_QUERIES && c->max_records > 0 &&
	       c->ndenied <= DNS_DENIED_PORTS_MAX && c->prefetch_percent <= 100;
}

static struct dns_cache_conf cache_conf(const struct dns_conf *c)
{
	return (struct dns_cache_conf){
		.max_bytes = c->cache_bytes,
		.max_ttl_s = c->cache_max_ttl_s,
		.min_ttl_s = c->cache_min_ttl_s,
		.max_negative_s = c->cache_max_negative_s,
		.failure_s = c->cache_failure_s,
		.stale_s = c->stale_s,
		.prefetch_percent = c->prefetch_percent,
	};
}

static int new_cache(struct dns *d, const struct dns_conf *c)
{
	struct dns_cache_conf cc = cache_conf(c);
	uint8_t key[16];

	if (!c->cache_bytes)
		return 0;
	chacha_rng_bytes(&d->rng, key, sizeof(key));
	return dns_cache_new(&d->cache, &d->env.mem, &cc, key);
}

/* What was learnt with settings `a` may be told under `b`. */
static bool same_answers(const struct dns_conf *a, const struct dns_conf *b)
{
	if (a->nservers != b->nservers || a->trust_ad != b->trust_ad ||
	    a->filter_private != b->filter_private)
		return false;
	for (unsigned i = 0; i < a->nservers; i++) {
		if (!tapir_addr_eq(&a->server[i].addr, &b->server[i].addr) ||
		    a->server[i].port != b->server[i].port)
			return false;
	}
	return true;
}

int dns_configure(struct dns *d, const struct dns_conf *conf)
{
	struct dns_cache_conf cc;
	int v = 0;

	if (!conf_good(conf))
		return -EINVAL;
	if (!d->cache)
		v = new_cache(d, conf);
	if (v == 0)
		v = dns_net_configure(d->net, conf);
	if (v < 0)
		return v;
	if (!conf->cache_bytes && d->cache) {
		dns_cache_free(d->cache);
		d->cache = NULL;
	}
	if (d->cache) {
		cc = cache_conf(conf);
		dns_cache_configure(d->cache, &cc);
	}
	if (!same_answers(&d->conf, conf)) {
		struct fetch *f;

		/* What the old servers still say is for those who wait for it: in the new network it may be wrong. */
		LIST_FOREACH (f, &d->fetches, struct fetch, node)
			f->old = true;
		dns_cache_forget(d, NULL);
	}
	d->conf = *conf;
	return 0;
}

const struct dns_conf *dns_settings(const struct dns *d)
{
	return &d->conf;
}

int dns_set_hosts(struct dns *d, const char *text, size_t len)
{
	struct dns_hosts *h;
	int v = dns_hosts_new(&h, &d->env.mem, d->hosts_key, text, len);

	if (v < 0)
		return v;
	if (d->hosts)
		dns_hosts_free(d->hosts);
	d->hosts = h;
	return 0;
}

/* --- life --- */

static uint32_t buckets_for(unsigned max_queries)
{
	uint32_t n = BUCKETS_MIN;

	while (n < max_queries && n < BUCKETS_MAX)
		n *= 2;
	return n;
}

int dns_create(struct dns **out, struct tapir *t, const struct dns_env *env,
	       const struct dns_conf *conf, const uint8_t seed[TAPIR_SEED_LEN])
{
	struct dns *d;
	uint8_t key[16];
	int v = -ENOMEM;

	if (!conf_good(conf) || !env->mem.alloc || !env->mem.free)
		return -EINVAL;
	d = env->mem.alloc(env->mem.ctx, sizeof(*d));
	if (!d)
		return -ENOMEM;
	memset(d, 0, sizeof(*d));
	d->t = t;
	d->env = *env;
	d->conf = *conf;
	chacha_rng_init(&d->rng, seed);
	chacha_rng_bytes(&d->rng, key, sizeof(key));
	d->key = siphash_key_from_bytes(key);
	chacha_rng_bytes(&d->rng, d->hosts_key, sizeof(d->hosts_key));
	list_init(&d->active);
	list_init(&d->told);
	list_init(&d->kept);
	list_init(&d->fetches);
	list_init(&d->mdns);
	heap_init(&d->timers);
	heap_init(&d->mdns_timers);
	d->nbuckets = buckets_for(conf->max_queries);
	void *ids = dns_get(d, htab_bytes(d->nbuckets));
	void *asked = dns_get(d, htab_bytes(d->nbuckets));
	if (!ids || !asked)
		goto fail;
	htab_init(&d->ids, ids, d->nbuckets);
	htab_init(&d->asked, asked, d->nbuckets);
	v = new_cache(d, conf);
	if (v < 0)
		goto fail;
	v = dns_net_create(&d->net, t, &d->env, conf, &d->rng);
	if (v < 0)
		goto fail;
	*out = d;
	return 0;
fail:
	if (d->cache)
		dns_cache_free(d->cache);
	dns_put(d, ids, htab_bytes(d->nbuckets));
	dns_put(d, asked, htab_bytes(d->nbuckets));
	dns_put(d, d, sizeof(*d));
	return v;
}

static void query_free(struct dns *d, struct query *q)
{
	for (unsigned i = 0; i < q->nlegs; i++)
		leg_release(d, &q->leg[i]);
	if (heap_queued(&q->timer))
		heap_remove(&d->timers, &q->timer);
	list_del(&q->node);
	dns_put(d, q, sizeof(*q) + q->nlegs * sizeof(q->leg[0]));
}

/* Out of the table: nobody finds it by its id any more. */
static void query_forget(struct dns *d, struct query *q)
{
	htab_remove(&d->ids, &q->h);
	d->nqueries--;
}

static void free_all(struct dns *d, struct list *head)
{
	while (!list_empty(head)) {
		struct query *q = LIST_FIRST(head, struct query, node);

		query_forget(d, q);
		query_free(d, q);
	}
}

void dns_destroy(struct dns *d)
{
	struct fetch *f;

	if (!d)
		return;
	free_all(d, &d->active);
	free_all(d, &d->told);
	free_all(d, &d->kept);
	if (d->popped)
		query_free(d, d->popped);
	/* what is left goes on in the background */
	while (!list_empty(&d->fetches)) {
		f = LIST_FIRST(&d->fetches, struct fetch, node);
		fetch_unref(d, f);
	}
	dns_net_destroy(d->net);
	if (d->cache)
		dns_cache_free(d->cache);
	if (d->hosts)
		dns_hosts_free(d->hosts);
	dns_put(d, d->ids.b, htab_bytes(d->nbuckets));
	dns_put(d, d->asked.b, htab_bytes(d->nbuckets));
	dns_put(d, d, sizeof(*d));
}

/* --- queries --- */

static uint32_t id_hash(const struct dns *d, int64_t id)
{
	return (uint32_t)siphash_1u64((uint64_t)id, &d->key);
}

struct query *query_new(struct dns *d, unsigned nlegs, uint32_t timeout_ms, int *err)
{
	size_t size = sizeof(struct query) + nlegs * sizeof(struct leg);
	uint64_t ns = timeout_ms ? timeout_ms * NS_PER_MS
				 : (uint64_t)d->conf.timeout_ms * d->conf.attempts * NS_PER_MS;

	*err = -EAGAIN;
	if (d->nqueries >= d->conf.max_queries)
		return NULL;
	struct query *q = dns_get(d, size);
	*err = -ENOMEM;
	if (!q)
		return NULL;
	memset(q, 0, size);
	q->nlegs = nlegs;
	for (unsigned i = 0; i < nlegs; i++) {
		q->leg[i].of = q;
		list_init(&q->leg[i].wait);
	}
	heap_node_init(&q->timer);
	q->began_ns = tapir_now(d->t);
	q->deadline_ns = q->began_ns + ns;
	q->soft_ns = q->stale_ns = TAPIR_NEVER;
	/*
	 * A round of the settings is seconds long and a resend comes after a fraction of one. So the rounds leave time for one resend
	 * more than they are: with 2, one server and a moment of trouble there, the third packet is the one that is answered. 3 is the most (D9520-1).
	 */
	q->attempts = d->conf.attempts < 3 ? d->conf.attempts + 1 : 3;
	q->id = ++d->last_id;
	htab_insert(&d->ids, &q->h, id_hash(d, q->id));
	list_add_tail(&d->active, &q->node);
	d->nqueries++;
	d->stats.queries++;
	return q;
}

static struct query *query_find(struct dns *d, int64_t id)
{
	for (struct hnode *h = htab_first(&d->ids, id_hash(d, id)); h; h = htab_next(h)) {
		struct query *q = container_of(h, struct query, h);

		if (q->id == id)
			return q;
	}
	return NULL;
}

void query_arm(struct dns *d, struct query *q)
{
	uint64_t at = min_u64(q->deadline_ns, min_u64(q->soft_ns, q->stale_ns));

	if (heap_queued(&q->timer))
		heap_rekey(&d->timers, &q->timer, at);
	else
		heap_insert(&d->timers, &q->timer, at);
}

void query_finish(struct dns *d, struct query *q)
{
	TAPIR_ASSERT(!q->over);
	q->over = true;
	q->over_ns = tapir_now(d->t);
	q->seq = ++d->last_seq;
	if (heap_queued(&q->timer))
		heap_remove(&d->timers, &q->timer);
	list_del(&q->node);
	list_add_tail(q->done || q->addrs_done ? &d->told : &d->kept, &q->node);
	d->kick = true;
}

int64_t dns_query(struct dns *d, const struct dns_query *in)
{
	int err = 0;

	if (in->q.name.len == 0 || in->attempts > 3 || ((in->flags & DNS_Q_TLS) && !d->conf.tls) ||
	    !tapir_addr_is_v4(&in->server.addr))
		return -EINVAL;
	struct query *q = query_new(d, 1, in->timeout_ms, &err);
	if (!q)
		return err;
	q->name = in->q.name;
	/* D1123-2: IN unless another is asked for by number */
	q->class = in->q.class ? in->q.class : DNS_CLASS_IN;
	q->flags = in->flags;
	if (in->attempts)
		q->attempts = in->attempts;
	q->server = in->server;
	q->options = in->options;
	q->options_len = in->options ? in->options_len : 0;
	if (!tapir_addr_is_any(&q->server.addr) && !q->server.port)
		q->server.port = DNS_PORT;
	q->done = in->done;
	q->ctx = in->ctx;
	q->leg[0].q.type = in->q.type;
	q->leg[0].q.class = q->class;
	query_begin(d, q);
	return q->id;
}

int dns_cancel(struct dns *d, int64_t id)
{
	struct query *q = query_find(d, id);

	if (!q)
		return -ENOENT;
	d->stats.cancelled++;
	query_forget(d, q);
	query_free(d, q);
	return 0;
}

/* --- telling --- */

const struct dns_story *leg_story(struct dns *d, const struct leg *l, unsigned i)
{
	struct dns_story *s = &d->story[i];

	if (l->fetch && l->fetch->ask.story) {
		*s = *l->fetch->ask.story;
	} else {
		/* nothing was sent: the rest is not looked at */
		s->nattempts = 0;
		s->query_len = 0;
	}
	s->source = l->found.source;
	s->cache_age_s = l->found.age_s;
	s->joined = l->joined;
	return s;
}

static void fill_reply(struct dns *d, const struct query *q, struct dns_reply *r)
{
	const struct leg *l = &q->leg[0];
	const struct found *f = &l->found;

	r->status = f->status;
	r->msg = f->msg;
	r->len = f->len;
	r->asked.name = l->asked;
	r->asked.type = l->q.type;
	r->asked.class = l->q.class;
	r->canonical = f->target;
	r->ede = f->ede;
	r->ede_text[0] = '\0';
	/* of the reply, not of an answer that the cache had instead */
	if (l->fetch && f->ede >= 0 && f->ede == l->fetch->found.ede)
		memcpy(r->ede_text, l->fetch->ede_text, sizeof(r->ede_text));
	r->took_ns = q->over_ns - q->began_ns;
	r->story = leg_story(d, l, 0);
}

/* Tells of what was over when it began; what the callbacks bring about comes next time. */
static void deliver(struct dns *d)
{
	uint64_t upto = d->last_seq;

	d->kick = false;
	while (!list_empty(&d->told)) {
		struct query *q = LIST_FIRST(&d->told, struct query, node);

		if (q->seq > upto) {
			d->kick = true;
			break;
		}
		list_del(&q->node);
		query_forget(d, q);
		if (q->addrs_done) {
			addrs_deliver(d, q);
		} else {
			fill_reply(d, q, &d->reply);
			q->done(q->ctx, (uint64_t)q->id, &d->reply);
		}
		query_free(d, q);
	}
}

int64_t dns_pop(struct dns *d, struct dns_reply *r)
{
	if (d->popped)
		query_free(d, d->popped);
	d->popped = NULL;
	if (list_empty(&d->kept))
		return 0;
	struct query *q = LIST_FIRST(&d->kept, struct query, node);
	list_del(&q->node);
	query_forget(d, q);
	d->popped = q;
	fill_reply(d, q, r);
	return q->id;
}

/* --- the owner's turns --- */

static void take_ended(struct dns *d)
{
	for (struct dns_ask *a; (a = dns_net_pop(d->net));)
		fetch_ended(d, container_of(a, struct fetch, ask));
}

void dns_ready(struct dns *d, tapir_sock_t s, uint32_t bits)
{
	if (!dns_net_ready(d->net, s, bits))
		mdns_ready(d, s);
	take_ended(d);
	deliver(d);
}

void dns_advance(struct dns *d)
{
	uint64_t now = tapir_now(d->t);
	struct heap_node *n;

	dns_net_advance(d->net);
	take_ended(d);
	while ((n = heap_min(&d->mdns_timers)) && n->key <= now)
		mdns_timer(d, container_of(n, struct fetch, timer));
	while ((n = heap_min(&d->timers)) && n->key <= now)
		query_timer(d, container_of(n, struct query, timer));
	take_ended(d);
	deliver(d);
}

uint64_t dns_next_deadline(struct dns *d)
{
	const struct heap_node *q = heap_min(&d->timers), *m = heap_min(&d->mdns_timers);
	uint64_t at = dns_net_next_deadline(d->net);

	if (d->kick)
		return tapir_now(d->t);
	if (q)
		at = min_u64(at, q->key);
	return m ? min_u64(at, m->key) : at;
}

/* --- figures --- */

void dns_stats_get(const struct dns *d, struct dns_stats *out)
{
	struct dns_cache_stats c;

	*out = d->stats;
	dns_net_stats(d->net, out);
	out->outstanding = d->nqueries;
	if (!d->cache)
		return;
	dns_cache_stats(d->cache, &c);
	out->cache_hits = c.hits;
	out->cache_misses = c.misses;
	out->cache_negative_hits = c.negative_hits;
	out->cache_failure_hits = c.failure_hits;
	out->cache_stale_hits = c.stale_hits;
	out->cache_evictions = c.evictions;
	out->cache_entries = c.entries;
	out->cache_bytes = c.bytes;
}

int dns_server_get(const struct dns *d, unsigned i, struct dns_server_info *out)
{
	return dns_net_server(d->net, i, out);
}

static enum dns_status cached_status(const struct dns_cached *c)
{
	switch (c->kind) {
	case DNS_CACHED_ANSWER:
		return DNS_OK;
	case DNS_CACHED_NODATA:
		return DNS_NODATA;
	case DNS_CACHED_NXDOMAIN:
		return DNS_NXDOMAIN;
	case DNS_CACHED_FAILURE:
		break;
	}
	return (enum dns_status)c->status;
}

int dns_cache_dump(struct dns *d, uint64_t *at, struct dns_reply *r, uint32_t *ttl_s)
{
	struct dns_cached c;
	struct found f;

	memset(r, 0, sizeof(*r));
	r->ede = -1;
	if (!d->cache || !dns_cache_next(d->cache, tapir_now(d->t), at, &r->asked, &c))
		return 0;
	*ttl_s = c.ttl_s;
	r->status = cached_status(&c);
	r->ede = (int)c.ede - 1;
	r->canonical = r->asked.name;
	if (!c.msg)
		return 1;
	found_read(d, &r->asked, c.msg, c.len, c.age_s, &f);
	if (f.msg) {
		r->msg = f.msg;
		r->len = f.len;
		r->status = f.status;
		r->canonical = f.target;
	}
	return 1;
}

size_t dns_cache_forget(struct dns *d, const struct dns_name *under)
{
	if (!under)
		memset(d->recheck, 0, sizeof(d->recheck));
	return d->cache ? dns_cache_flush(d->cache, under) : 0;
}
