/*
 * Path MTUs that ICMP taught (RFC 1191).
 *
 * A message of the kind "fragmentation needed" is easily forged, so it comes here only after the
 * transport has found it plausible (RFC 5927 7.2), can only lower an estimate, and never below a floor. An
 * estimate lasts ten minutes; then the path is tried again with full size (R1191-2, R1191-8).
 *
 * Entries stand in a table by keyed hash and in a list in order of their end. All last equally long, so
 * the list is ordered by itself; its head sets the one timer. A full table gives up the entry
 * nearest to its end: the worst that a flood does is that a path is measured again.
 */
#include <errno.h>

#include "stack/base/assert.h"
#include "stack/base/hash.h"
#include "stack/base/siphash.h"
#include "stack/core/emit.h"
#include "stack/core/random.h"
#include "stack/ip/ip_state.h"
#include "stack/ip/pmtu.h"
#include "stack/netif.h"

#define NS_PER_S UINT64_C(1000000000)

enum { FIRST_BUCKETS = 16 };

struct pmtu {
	struct hnode node;
	struct list link; /* by end */
	uint32_t dst;
	uint32_t mtu;
	uint64_t until_ns;
};

struct pmtu_table {
	struct htab tab;
	struct list by_end;
	struct siphash_key key;
	struct timer timer;
};

static struct pmtu *find(const struct pmtu_table *pt, uint32_t dst, uint32_t hash)
{
	for (struct hnode *h = htab_first(&pt->tab, hash); h; h = htab_next(h)) {
		struct pmtu *e = container_of(h, struct pmtu, node);

		if (e->dst == dst)
			return e;
	}
	return NULL;
}

static uint32_t hash_of(const struct pmtu_table *pt, uint32_t dst)
{
	return (uint32_t)siphash_1u64(dst, &pt->key);
}

static void forget(struct tapir *t, struct pmtu *e)
{
	struct pmtu_table *pt = t->ip->pmtu;
	uint32_t nb;
	void *old;

	list_del(&e->link);
	htab_remove(&pt->tab, &e->node);
	old = htab_retired(&pt->tab, &nb);
	if (old)
		mem_free(t, old, htab_bytes(nb));
	mem_free(t, e, sizeof(*e));
	/* R1191-9: who sends there looks again, at its next segment. */
	t->route_gen++;
}

static void set_timer(struct tapir *t)
{
	struct pmtu_table *pt = t->ip->pmtu;
	const struct pmtu *first = LIST_FIRST(&pt->by_end, struct pmtu, link);

	if (first)
		timer_set(t, &pt->timer, first->until_ns);
	else
		timer_stop(t, &pt->timer);
}

uint32_t pmtu_get(struct tapir *t, uint32_t dst, uint32_t link_mtu)
{
	const struct pmtu_table *pt = t->ip->pmtu;
	const struct pmtu *e;

	if (pt->tab.n == 0)
		return link_mtu;
	e = find(pt, dst, hash_of(pt, dst));
	return e && t->now_ns < e->until_ns && e->mtu < link_mtu ? e->mtu : link_mtu;
}

static struct pmtu *make(struct tapir *t, uint32_t dst)
{
	struct pmtu_table *pt = t->ip->pmtu;
	struct pmtu *e;

	if (pt->tab.n >= (uint32_t)t->conf.ip_pmtu_max) {
		STAT_INC(t, Tapir, PmtuTableFull);
		e = LIST_FIRST(&pt->by_end, struct pmtu, link);
		TAPIR_ASSERT(e);
		forget(t, e);
	}
	e = mem_zalloc(t, sizeof(*e));
	if (!e)
		return NULL;
	e->dst = dst;
	list_init(&e->link);
	htab_insert(&pt->tab, &e->node, hash_of(pt, dst));
	if (htab_should_grow(&pt->tab)) {
		uint32_t nb = htab_buckets(&pt->tab) * 2;
		void *mem = mem_alloc(t, htab_bytes(nb));

		if (mem)
			htab_grow_begin(&pt->tab, mem, nb);
	}
	return e;
}

uint32_t pmtu_update(struct tapir *t, uint32_t dst, uint32_t mtu, uint32_t link_mtu)
{
	struct pmtu_table *pt = t->ip->pmtu;
	uint32_t now = pmtu_get(t, dst, link_mtu);
	struct pmtu *e;

	/* R1191-4, R5927-5; R1191-3, a deviation: a router that names none (0) is taken for one that needs the least. */
	mtu = max_u32(mtu, (uint32_t)t->conf.ip_min_pmtu);
	/* R1191-5 */
	if (mtu >= now)
		return now;
	e = find(pt, dst, hash_of(pt, dst));
	if (!e)
		e = make(t, dst);
	if (!e)
		return now;
	/* R1191-1 */
	e->mtu = mtu;
	e->until_ns = t->now_ns + (uint64_t)t->conf.ip_pmtu_expires_s * NS_PER_S;
	list_del(&e->link);
	list_add_tail(&pt->by_end, &e->link);
	set_timer(t);
	STAT_INC(t, Tapir, PmtuUpdates);
	t->route_gen++;
	if (emit_wanted(t)) {
		struct tapir_event ev = emit_begin(t, TAPIR_EV_PMTU, "RFC 1191 3");

		ev.peer.addr = tapir_addr_v4(dst);
		ev.u.icmp.mtu = mtu;
		emit(t, &ev);
	}
	return mtu;
}

void pmtu_timer(struct tapir *t, struct timer *tm)
{
	struct pmtu_table *pt = container_of(tm, struct pmtu_table, timer);
	struct pmtu *e;

	while ((e = LIST_FIRST(&pt->by_end, struct pmtu, link)) && e->until_ns <= t->now_ns)
		forget(t, e);
	set_timer(t);
}

int pmtu_init(struct tapir *t)
{
	struct pmtu_table *pt = mem_zalloc(t, sizeof(*pt));
	void *mem = pt ? mem_alloc(t, htab_bytes(FIRST_BUCKETS)) : NULL;

	if (!mem) {
		if (pt)
			mem_free(t, pt, sizeof(*pt));
		return -ENOMEM;
	}
	htab_init(&pt->tab, mem, FIRST_BUCKETS);
	list_init(&pt->by_end);
	timer_init(&pt->timer, TIMER_PMTU);
	random_bytes(t, &pt->key, sizeof(pt->key));
	t->ip->pmtu = pt;
	return 0;
}

void pmtu_fini(struct tapir *t)
{
	struct pmtu_table *pt = t->ip->pmtu;
	struct pmtu *e;
	uint32_t nb;
	void *old;

	if (!pt)
		return;
	while ((e = LIST_FIRST(&pt->by_end, struct pmtu, link)))
		forget(t, e);
	timer_stop(t, &pt->timer);
	htab_grow_finish(&pt->tab);
	old = htab_retired(&pt->tab, &nb);
	if (old)
		mem_free(t, old, htab_bytes(nb));
	mem_free(t, pt->tab.b, htab_bytes(htab_buckets(&pt->tab)));
	mem_free(t, pt, sizeof(*pt));
	t->ip->pmtu = NULL;
}

void pmtu_check(struct tapir *t)
{
	struct pmtu_table *pt = t->ip->pmtu;
	struct pmtu *e;
	uint32_t n = 0;

	LIST_FOREACH (e, &pt->by_end, struct pmtu, link) {
		n++;
		TAPIR_ASSERT(e->mtu >= TAPIR_MTU_MIN);
		TAPIR_ASSERT(find(pt, e->dst, hash_of(pt, e->dst)) == e);
	}
	TAPIR_ASSERT(n == pt->tab.n);
	TAPIR_ASSERT(timer_armed(&pt->timer) == (n > 0));
}
