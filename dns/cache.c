/*
 * A keyed hash table whose nodes hang in one list by use. An entry is one block of memory, of exactly the size that it needs:
 *
 *	struct entry | name as it was asked | message
 *
 * A question has up to three entries, told apart by their slot. DATA and FAILURE belong to name, type and class; NXDOMAIN to name and class alone.
 * The slot, type and class are hashed behind the name, so that the key of a name above is the tail of the key below it:
 *
 *	key   3 w w w 7 e x a m p l e 0 | type class slot
 *	              ^ of "example."
 *
 * Life. An entry carries when it was put and for how long. One that is met after its time is freed, or kept while it may serve stale (data) or while the
 * next failure must last longer than this one (failures). What nobody meets sinks to the tail of the list; each put
 * looks at CACHE_SWEEP entries there and frees those that are of no use any more, before it frees any that is.
 *
 * Failures hang in a second list, also by use, so that their part of the memory has its own bound.
 *
 * Memory. Whatever is allocated is counted, with CACHE_BLOCK_COST for the allocator's own; the buckets too, both arrays while the table grows. The table takes no more than
 * half of the limit and an entry no more than the other; if there is no memory for a larger table chains get longer instead.
 */
#include <errno.h>
#include <string.h>

#include "dns/ascii.h"
#include "dns/cache.h"
#include "stack/base.h"

#define NS_PER_S UINT64_C(1000000000)

enum {
	CACHE_BLOCK_COST = 16,
	CACHE_BUCKETS = 16,
	CACHE_SWEEP = 2,
	CACHE_MAX_TTL_S = 86400,
	CACHE_MAX_NEGATIVE_S = 10800,
	CACHE_FAILURE_S = 5,
	CACHE_FAILURE_MAX_S = 300,
	CACHE_STALE_MAX_S = 7 * 86400,
	CACHE_TAIL = 5, /* octets of the key behind the name */
};

enum slot { SLOT_DATA, SLOT_NXDOMAIN, SLOT_FAILURE };

struct entry {
	struct hnode node;
	struct list lru;
	struct list failure; /* linked if slot is SLOT_FAILURE */
	uint64_t used;	     /* grows with each use: the list's order, and the place in a walk */
	uint64_t put_ns;
	uint32_t life_s;
	uint32_t len; /* of the message */
	int status;
	uint16_t type, class, ede;
	uint8_t kind, slot, name_len;
	bool prefetched;
	uint8_t data[]; /* name, message */
};

struct dns_cache {
	struct tapir_env env;
	struct dns_cache_conf conf;
	struct siphash_key key;
	struct htab tab;
	struct list lru, failures;
	size_t bytes, failure_bytes;
	size_t nxdomains; /* entries of that slot: without any, names above need no look */
	uint64_t uses;
	struct entry *walk; /* where dns_cache_next() goes on, a hint */
	struct dns_cache_stats stats;
};

struct key {
	uint8_t b[DNS_NAME_MAX + CACHE_TAIL];
	unsigned name_len;
};

static void key_make(struct key *k, const struct dns_name *n)
{
	dns_octets_lower(k->b, n->b, n->len);
	k->name_len = n->len;
}

/* The hash of the name that begins at `at` within k's, as slot `s` has it. */
static uint32_t key_hash(const struct dns_cache *c, struct key *k, unsigned at,
			 const struct dns_question *q, enum slot s)
{
	uint8_t *p = k->b + k->name_len;
	uint16_t type = s == SLOT_NXDOMAIN ? 0 : q->type;

	p[0] = (uint8_t)(type >> 8);
	p[1] = (uint8_t)type;
	p[2] = (uint8_t)(q->class >> 8);
	p[3] = (uint8_t)q->class;
	p[4] = (uint8_t)s;
	return (uint32_t)siphash13(k->b + at, k->name_len - at + CACHE_TAIL, &c->key);
}

static struct entry *find(const struct dns_cache *c, struct key *k, unsigned at,
			  const struct dns_question *q, enum slot s)
{
	struct hnode *n = htab_first(&c->tab, key_hash(c, k, at, q, s));

	for (; n; n = htab_next(n)) {
		struct entry *e = container_of(n, struct entry, node);

		/* RFC 4343 3: names are the same whatever their case. */
		if (e->slot == s && e->class == q->class &&
		    (s == SLOT_NXDOMAIN || e->type == q->type) && e->name_len == k->name_len - at &&
		    dns_octets_eq(e->data, k->b + at, e->name_len))
			return e;
	}
	return NULL;
}

static size_t entry_size(const struct entry *e)
{
	return sizeof(*e) + e->name_len + e->len;
}

static size_t table_cost(uint32_t nbuckets)
{
	return htab_bytes(nbuckets) + CACHE_BLOCK_COST;
}

/* What the cache costs without entries. */
static size_t fixed_cost(const struct dns_cache *c)
{
	return sizeof(*c) + CACHE_BLOCK_COST + table_cost(htab_buckets(&c->tab)) +
	       (c->tab.old ? table_cost(c->tab.old_mask + 1) : 0);
}

static void free_retired(struct dns_cache *c)
{
	uint32_t n;
	void *mem = htab_retired(&c->tab, &n);

	if (!mem)
		return;
	c->env.free(c->env.ctx, mem, htab_bytes(n));
	c->bytes -= table_cost(n);
}

/* Half of the limit stays for entries, so that the largest one that is taken (entry_fits) always fits. */
static void grow(struct dns_cache *c)
{
	uint32_t more = htab_buckets(&c->tab) * 2;

	free_retired(c);
	if (!htab_should_grow(&c->tab) || fixed_cost(c) + table_cost(more) > c->conf.max_bytes / 2)
		return;

	void *mem = c->env.alloc(c->env.ctx, htab_bytes(more));

	if (!mem)
		return;
	htab_grow_begin(&c->tab, mem, more);
	c->bytes += table_cost(more);
}

static void entry_free(struct dns_cache *c, struct entry *e)
{
	size_t cost = entry_size(e) + CACHE_BLOCK_COST;

	if (c->walk == e)
		c->walk = NULL;
	htab_remove(&c->tab, &e->node);
	list_del(&e->lru);
	list_del(&e->failure);
	c->bytes -= cost;
	if (e->slot == SLOT_FAILURE)
		c->failure_bytes -= cost;
	else if (e->slot == SLOT_NXDOMAIN)
		c->nxdomains--;
	c->env.free(c->env.ctx, e, entry_size(e));
	free_retired(c);
}

static uint64_t age_ns(const struct entry *e, uint64_t now_ns)
{
	return now_ns > e->put_ns ? now_ns - e->put_ns : 0;
}

static bool alive(const struct entry *e, uint64_t now_ns)
{
	return age_ns(e, now_ns) < e->life_s * NS_PER_S;
}

/* Expired data that may still serve (RFC 8767 5). */
static bool servable(const struct dns_cache *c, const struct entry *e, uint64_t now_ns)
{
	return e->slot != SLOT_FAILURE &&
	       age_ns(e, now_ns) < ((uint64_t)e->life_s + c->conf.stale_s) * NS_PER_S;
}

/* A failure is remembered behind its end, so that another one lasts longer. */
static bool of_use(const struct dns_cache *c, const struct entry *e, uint64_t now_ns)
{
	if (e->slot == SLOT_FAILURE)
		return age_ns(e, now_ns) < (e->life_s + CACHE_FAILURE_MAX_S) * NS_PER_S;
	return servable(c, e, now_ns);
}

static void touch(struct dns_cache *c, struct entry *e)
{
	if (c->walk == e)
		c->walk = NULL;
	list_del(&e->lru);
	list_add_head(&c->lru, &e->lru);
	if (e->slot == SLOT_FAILURE) {
		list_del(&e->failure);
		list_add_head(&c->failures, &e->failure);
	}
	e->used = ++c->uses;
}

static void evict(struct dns_cache *c, struct entry *e)
{
	entry_free(c, e);
	c->stats.evictions++;
}

/* Brings the cache back below its limits; `keep` stays. */
static void make_room(struct dns_cache *c, const struct entry *keep)
{
	/* D9520-5 */
	while (c->failure_bytes > c->conf.max_bytes / DNS_CACHE_FAILURE_PART) {
		struct entry *e = LIST_LAST(&c->failures, struct entry, failure);

		if (e == keep)
			break;
		evict(c, e);
	}
	while (c->bytes > c->conf.max_bytes) {
		struct entry *e = LIST_LAST(&c->lru, struct entry, lru);

		if (!e || e == keep)
			break;
		evict(c, e);
	}
}

/* What nobody asked for again is met here. */
static void sweep(struct dns_cache *c, uint64_t now_ns)
{
	for (unsigned i = 0; i < CACHE_SWEEP; i++) {
		struct entry *e = LIST_LAST(&c->lru, struct entry, lru);

		if (!e || of_use(c, e, now_ns))
			return;
		entry_free(c, e);
	}
}

static void set_conf(struct dns_cache *c, const struct dns_cache_conf *conf)
{
	struct dns_cache_conf *to = &c->conf;

	*to = *conf;
	if (to->max_ttl_s == 0)
		to->max_ttl_s = CACHE_MAX_TTL_S;
	if (to->max_negative_s == 0)
		to->max_negative_s = CACHE_MAX_NEGATIVE_S;
	if (to->failure_s == 0)
		to->failure_s = CACHE_FAILURE_S;
	/* D9520-3 */
	if (to->failure_s > CACHE_FAILURE_MAX_S)
		to->failure_s = CACHE_FAILURE_MAX_S;
	/* D8767-1 */
	if (to->stale_s > CACHE_STALE_MAX_S)
		to->stale_s = CACHE_STALE_MAX_S;
}

int dns_cache_new(struct dns_cache **out, const struct tapir_env *env,
		  const struct dns_cache_conf *conf, const uint8_t key[16])
{
	struct dns_cache *c = env->alloc(env->ctx, sizeof(*c));
	void *mem = c ? env->alloc(env->ctx, htab_bytes(CACHE_BUCKETS)) : NULL;

	if (!mem) {
		if (c)
			env->free(env->ctx, c, sizeof(*c));
		return -ENOMEM;
	}
	*c = (struct dns_cache){.env = *env, .key = siphash_key_from_bytes(key)};
	set_conf(c, conf);
	htab_init(&c->tab, mem, CACHE_BUCKETS);
	list_init(&c->lru);
	list_init(&c->failures);
	c->bytes = sizeof(*c) + CACHE_BLOCK_COST + table_cost(CACHE_BUCKETS);
	*out = c;
	return 0;
}

void dns_cache_free(struct dns_cache *c)
{
	struct entry *e, *next;

	if (!c)
		return;
	htab_grow_finish(&c->tab);
	free_retired(c);
	LIST_FOREACH_SAFE (e, next, &c->lru, struct entry, lru)
		c->env.free(c->env.ctx, e, entry_size(e));
	c->env.free(c->env.ctx, c->tab.b, htab_bytes(htab_buckets(&c->tab)));
	c->env.free(c->env.ctx, c, sizeof(*c));
}

void dns_cache_configure(struct dns_cache *c, const struct dns_cache_conf *conf)
{
	set_conf(c, conf);
	make_room(c, NULL);
	/* A table that was made for a larger cache goes with what is in it. */
	if (fixed_cost(c) <= c->conf.max_bytes / 2 || htab_buckets(&c->tab) == CACHE_BUCKETS)
		return;
	dns_cache_flush(c, NULL);
	htab_grow_finish(&c->tab);
	free_retired(c);

	void *mem = c->env.alloc(c->env.ctx, htab_bytes(CACHE_BUCKETS));

	if (!mem)
		return;
	c->bytes -= table_cost(htab_buckets(&c->tab));
	c->env.free(c->env.ctx, c->tab.b, htab_bytes(htab_buckets(&c->tab)));
	htab_init(&c->tab, mem, CACHE_BUCKETS);
	c->bytes += table_cost(CACHE_BUCKETS);
}

/* A section's count in a message. */
static unsigned count_at(const struct dns_cached *what, unsigned at)
{
	return (unsigned)what->msg[at] << 8 | what->msg[at + 1];
}

static enum slot slot_of(const struct dns_cached *what)
{
	switch (what->kind) {
	case DNS_CACHED_ANSWER:
	case DNS_CACHED_NODATA:
		return SLOT_DATA;
	case DNS_CACHED_NXDOMAIN:
		/* With an alias in the answer section it is the alias's target that does not exist (RFC 2308 2.1). */
		return count_at(what, 6) ? SLOT_DATA : SLOT_NXDOMAIN;
	case DNS_CACHED_FAILURE:
		return SLOT_FAILURE;
	}
	return SLOT_FAILURE;
}

/* How long, in seconds; 0: not at all. `old` is the question's failure before. */
static uint32_t life(const struct dns_cache *c, const struct dns_cached *what,
		     const struct entry *old, uint64_t now_ns)
{
	/* D2181-4, DN-29: RFC 2181 8 */
	uint32_t ttl = dns_ttl(what->ttl_s);

	switch (what->kind) {
	case DNS_CACHED_ANSWER:
		/* D1123-1: RFC 1123 6.1.2.1, RFC 1035 7.4: 0 is for the one question; no minimum makes more of it. */
		if (ttl == 0)
			return 0;
		ttl = ttl < c->conf.min_ttl_s ? c->conf.min_ttl_s : ttl;
		return ttl < c->conf.max_ttl_s ? ttl : c->conf.max_ttl_s;
	case DNS_CACHED_NODATA:
	case DNS_CACHED_NXDOMAIN:
		/* D2308-4: RFC 2308 5: without a SOA in the authority section it may not be cached. */
		if (count_at(what, 8) == 0)
			return 0;
		/* D2308-3, D1123-13, DN-28 */
		return ttl < c->conf.max_negative_s ? ttl : c->conf.max_negative_s;
	case DNS_CACHED_FAILURE:
		if (!old || !of_use(c, old, now_ns))
			return c->conf.failure_s;
		/* Told of again within its life, by questions that were on their way together: that is one failure. */
		if (alive(old, now_ns))
			return old->life_s;
		/* D9520-4, D9520-3, D2308-5 */
		return old->life_s < CACHE_FAILURE_MAX_S / 2 ? old->life_s * 2
							     : CACHE_FAILURE_MAX_S;
	}
	return 0;
}

/* What stands in the way of new knowledge. */
static void drop_contradicted(struct dns_cache *c, struct key *k, const struct dns_question *q,
			      enum slot s)
{
	struct entry *e = find(c, k, 0, q, s);

	if (e)
		entry_free(c, e);
	if (s == SLOT_FAILURE)
		return;
	e = find(c, k, 0, q, SLOT_FAILURE);
	if (e)
		entry_free(c, e);
	if (s == SLOT_NXDOMAIN) {
		e = find(c, k, 0, q, SLOT_DATA);
		if (e)
			entry_free(c, e);
		return;
	}
	for (unsigned at = 0; c->nxdomains && k->b[at]; at += (unsigned)k->b[at] + 1) {
		e = find(c, k, at, q, SLOT_NXDOMAIN);
		if (e)
			entry_free(c, e);
	}
}

static bool entry_fits(const struct dns_cache *c, size_t cost, enum slot s)
{
	size_t part = s == SLOT_FAILURE ? DNS_CACHE_FAILURE_PART : 2;

	return cost <= c->conf.max_bytes / part && fixed_cost(c) + cost <= c->conf.max_bytes;
}

int dns_cache_put(struct dns_cache *c, const struct dns_question *q, const struct dns_cached *what,
		  uint64_t now_ns)
{
	struct key k;
	enum slot s;
	struct entry *e = NULL;

	TAPIR_ASSERT(what->kind == DNS_CACHED_FAILURE || what->len >= DNS_HEADER_LEN);
	key_make(&k, &q->name);
	s = slot_of(what);

	uint32_t life_s = life(c, what, find(c, &k, 0, q, SLOT_FAILURE), now_ns);
	uint32_t len = what->kind == DNS_CACHED_FAILURE ? 0 : (uint32_t)what->len;
	size_t size = sizeof(*e) + q->name.len + len;
	size_t cost = size + CACHE_BLOCK_COST;
	bool fits = what->len <= DNS_MSG_MAX && entry_fits(c, cost, s);

	if (life_s && fits) {
		e = c->env.alloc(c->env.ctx, size);
		if (!e)
			return -ENOMEM;
	}
	drop_contradicted(c, &k, q, s);
	if (!e)
		return fits ? 0 : -E2BIG;
	*e = (struct entry){.put_ns = now_ns,
			    .life_s = life_s,
			    .len = len,
			    .status = what->status,
			    .type = q->type,
			    .class = q->class,
			    .ede = what->ede,
			    .kind = (uint8_t)what->kind,
			    .slot = (uint8_t)s,
			    .name_len = q->name.len};
	/* D4343-2: as it was asked. */
	memcpy(e->data, q->name.b, q->name.len);
	if (len)
		memcpy(e->data + q->name.len, what->msg, len);
	list_init(&e->lru);
	list_init(&e->failure);
	sweep(c, now_ns);
	htab_insert(&c->tab, &e->node, key_hash(c, &k, 0, q, s));
	touch(c, e);
	c->bytes += cost;
	if (s == SLOT_FAILURE)
		c->failure_bytes += cost;
	else if (s == SLOT_NXDOMAIN)
		c->nxdomains++;
	c->stats.insertions++;
	grow(c);
	make_room(c, e);
	return 0;
}

/* e as the caller sees it. */
static void show(const struct entry *e, uint64_t now_ns, struct dns_cached *out)
{
	uint64_t age_s = age_ns(e, now_ns) / NS_PER_S;
	bool stale = !alive(e, now_ns);

	*out = (struct dns_cached){
		.kind = (enum dns_cache_kind)e->kind,
		.status = e->status,
		.ede = e->ede,
		.msg = e->kind == DNS_CACHED_FAILURE ? NULL : e->data + e->name_len,
		.len = e->len,
		/* D1035-18, D1123-6: RFC 1035 7.4: what is given shows what is left. */
		.ttl_s = stale ? 0 : e->life_s - (uint32_t)age_s,
		.age_s = age_s < UINT32_MAX ? (uint32_t)age_s : UINT32_MAX,
		.stale = stale,
	};
}

/* The entry if it lives; an expired one that is of no use is freed. */
static struct entry *look(struct dns_cache *c, struct key *k, unsigned at,
			  const struct dns_question *q, enum slot s, uint64_t now_ns)
{
	struct entry *e = find(c, k, at, q, s);

	if (!e || alive(e, now_ns))
		return e;
	if (!of_use(c, e, now_ns))
		entry_free(c, e);
	return NULL;
}

/* D8767-1: what was known last of the question or of the name and may still serve. */
static struct entry *look_stale(struct dns_cache *c, struct key *k, const struct dns_question *q,
				uint64_t now_ns)
{
	struct entry *data = find(c, k, 0, q, SLOT_DATA);
	struct entry *nx = find(c, k, 0, q, SLOT_NXDOMAIN);

	if (data && !servable(c, data, now_ns))
		data = NULL;
	if (nx && !servable(c, nx, now_ns))
		nx = NULL;
	return data && (!nx || data->put_ns > nx->put_ns) ? data : nx;
}

/* D8020-1: a living NXDOMAIN of a name above. A name has DNS_LABELS_MAX labels at most. */
static struct entry *look_above(struct dns_cache *c, struct key *k, const struct dns_question *q,
				uint64_t now_ns)
{
	unsigned at = 0;

	while (c->nxdomains && k->b[at]) {
		at += (unsigned)k->b[at] + 1;

		struct entry *e = look(c, k, at, q, SLOT_NXDOMAIN, now_ns);

		if (e)
			return e;
	}
	return NULL;
}

/* Little of e's life is left: once an entry this is so. */
static bool worth_renewing(const struct dns_cache *c, const struct entry *e, uint64_t now_ns)
{
	if (e->kind != DNS_CACHED_ANSWER || e->prefetched || !alive(e, now_ns))
		return false;

	uint64_t left_ns = e->life_s * NS_PER_S - age_ns(e, now_ns);

	return left_ns < e->life_s * (NS_PER_S / 100) * c->conf.prefetch_percent;
}

static void count_hit(struct dns_cache *c, const struct entry *e, const struct dns_cached *out)
{
	if (out->stale)
		c->stats.stale_hits++;
	else if (e->kind == DNS_CACHED_ANSWER)
		c->stats.hits++;
	else if (e->kind == DNS_CACHED_FAILURE)
		c->stats.failure_hits++;
	else
		c->stats.negative_hits++;
}

bool dns_cache_get(struct dns_cache *c, const struct dns_question *q, uint64_t now_ns, bool stale,
		   struct dns_cached *out)
{
	struct key k;
	struct entry *e;
	bool from_above = false;

	key_make(&k, &q->name);
	e = c->nxdomains ? look(c, &k, 0, q, SLOT_NXDOMAIN, now_ns) : NULL;
	if (!e)
		e = look(c, &k, 0, q, SLOT_DATA, now_ns);
	if (!e) {
		e = look_above(c, &k, q, now_ns);
		from_above = e != NULL;
	}
	if (!e && stale)
		e = look_stale(c, &k, q, now_ns);
	/* D9520-2, D1123-12 */
	if (!e)
		e = look(c, &k, 0, q, SLOT_FAILURE, now_ns);
	if (!e) {
		c->stats.misses += !stale;
		return false;
	}
	touch(c, e);
	show(e, now_ns, out);
	out->from_above = from_above;
	count_hit(c, e, out);
	if (worth_renewing(c, e, now_ns)) {
		e->prefetched = true;
		out->prefetch = true;
		c->stats.prefetches++;
	}
	return true;
}

/* The name at p, of len octets, is `zone` or below it. */
static bool below(const uint8_t *p, size_t len, const uint8_t *zone, size_t zone_len)
{
	while (len > zone_len) {
		len -= (size_t)*p + 1;
		p += (size_t)*p + 1;
	}
	return len == zone_len && dns_octets_eq(p, zone, len);
}

size_t dns_cache_flush(struct dns_cache *c, const struct dns_name *under)
{
	struct entry *e, *next;
	size_t n = 0;

	LIST_FOREACH_SAFE (e, next, &c->lru, struct entry, lru) {
		if (under && !below(e->data, e->name_len, under->b, under->len) &&
		    !(e->slot == SLOT_NXDOMAIN &&
		      below(under->b, under->len, e->data, e->name_len)))
			continue;
		entry_free(c, e);
		n++;
	}
	return n;
}

void dns_cache_stats(const struct dns_cache *c, struct dns_cache_stats *out)
{
	*out = c->stats;
	out->entries = c->tab.n;
	out->bytes = c->bytes;
}

bool dns_cache_next(struct dns_cache *c, uint64_t now_ns, uint64_t *at, struct dns_question *q,
		    struct dns_cached *out)
{
	struct list *l = c->lru.next;

	/* The list is ordered by `used`: behind the last one shown, by the hint or from the front. */
	if (*at && c->walk && c->walk->used == *at)
		l = c->walk->lru.next;
	for (; l != &c->lru; l = l->next) {
		struct entry *e = container_of(l, struct entry, lru);

		if ((*at && e->used >= *at) || !alive(e, now_ns))
			continue;
		*at = e->used;
		c->walk = e;
		q->name.len = e->name_len;
		memcpy(q->name.b, e->data, e->name_len);
		q->type = e->type;
		q->class = e->class;
		show(e, now_ns, out);
		return true;
	}
	return false;
}

void dns_cache_check(const struct dns_cache *c)
{
	const struct entry *e;
	size_t n = 0, nx = 0, failures = 0, failure_bytes = 0;
	size_t bytes = fixed_cost(c);
	uint64_t used = UINT64_MAX;

	LIST_FOREACH (e, &c->lru, struct entry, lru) {
		struct key k;
		struct dns_question q = {.type = e->type, .class = e->class};

		q.name.len = e->name_len;
		memcpy(q.name.b, e->data, e->name_len);
		key_make(&k, &q.name);
		TAPIR_ASSERT(find(c, &k, 0, &q, (enum slot)e->slot) == e);
		TAPIR_ASSERT(e->used < used && e->used <= c->uses && e->life_s > 0);
		used = e->used;
		n++;
		nx += e->slot == SLOT_NXDOMAIN;
		bytes += entry_size(e) + CACHE_BLOCK_COST;
		TAPIR_ASSERT(list_linked(&e->failure) == (e->slot == SLOT_FAILURE));
		TAPIR_ASSERT((e->kind == DNS_CACHED_FAILURE) == (e->slot == SLOT_FAILURE));
	}
	used = UINT64_MAX;
	LIST_FOREACH (e, &c->failures, struct entry, failure) {
		TAPIR_ASSERT(e->slot == SLOT_FAILURE && e->used < used);
		TAPIR_ASSERT(e->life_s <= CACHE_FAILURE_MAX_S);
		used = e->used;
		failures++;
		failure_bytes += entry_size(e) + CACHE_BLOCK_COST;
	}
	TAPIR_ASSERT(failures <= n && n == c->tab.n && nx == c->nxdomains);
	TAPIR_ASSERT(bytes == c->bytes && failure_bytes == c->failure_bytes);
	TAPIR_ASSERT(n == 0 || bytes <= c->conf.max_bytes);
	TAPIR_ASSERT(failure_bytes <= c->conf.max_bytes / DNS_CACHE_FAILURE_PART);
}

unsigned dns_cache_longest_chain(const struct dns_cache *c)
{
	unsigned longest = 0;

	TAPIR_ASSERT(!c->tab.old);
	for (uint32_t i = 0; i < htab_buckets(&c->tab); i++) {
		unsigned n = 0;

		for (const struct hnode *h = c->tab.b[i]; h; h = h->next)
			n++;
		longest = n > longest ? n : longest;
	}
	return longest;
}
