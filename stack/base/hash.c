/*
 * Chains in a power-of-two array of heads. The hash is kept in the node, so that growing and
 * comparing need no second look at the key.
 *
 * Growing: the caller gives a bigger array. A hash h lives in exactly one chain at any time: old
 * buckets are emptied in order, and old_at is the first that has not been. If h's old bucket is at
 * or after old_at the chain is there, else in the new array. So a look-up walks one chain, and
 * changes nothing. Each insertion and removal empties HTAB_STEP old buckets; from n to 2n nodes
 * there are n insertions, thus the growth has ended long before the next is due. With a secret hash
 * key no bucket is long, so a step is bounded in practice as in count.
 *
 *	old  [ . . . . | x x x x ]      b  [ x x x x . . . . x x x x . . . . ]
 *	               ^ old_at
 */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/bits.h"
#include "stack/base/hash.h"

/* Old buckets emptied by each insertion or removal. */
#define HTAB_STEP 4

/* The bucket that holds, or would hold, nodes of this hash. */
static struct hnode **htab_bucket(const struct htab *t, uint32_t hash)
{
	if (t->old && (hash & t->old_mask) >= t->old_at)
		return &t->old[hash & t->old_mask];
	return &t->b[hash & t->mask];
}

static bool htab_growing(const struct htab *t)
{
	return t->old && t->old_at <= t->old_mask;
}

static void htab_step(struct htab *t, uint32_t buckets)
{
	while (buckets-- > 0 && htab_growing(t)) {
		struct hnode *n = t->old[t->old_at];

		t->old[t->old_at++] = NULL;
		while (n) {
			struct hnode *next = n->next;
			struct hnode **to = &t->b[n->hash & t->mask];

			n->next = *to;
			*to = n;
			n = next;
		}
	}
}

void htab_init(struct htab *t, void *mem, uint32_t nbuckets)
{
	TAPIR_ASSERT(mem && is_pow2_u64(nbuckets));
	*t = (struct htab){.b = mem, .mask = nbuckets - 1};
	for (uint32_t i = 0; i < nbuckets; i++)
		t->b[i] = NULL;
}

void htab_insert(struct htab *t, struct hnode *n, uint32_t hash)
{
	htab_step(t, HTAB_STEP);

	struct hnode **to = htab_bucket(t, hash);

	n->hash = hash;
	n->next = *to;
	*to = n;
	t->n++;
}

/* The pointer that points to n, which must be in t. */
static struct hnode **htab_link(struct htab *t, struct hnode *n)
{
	struct hnode **at = htab_bucket(t, n->hash);

	while (*at && *at != n)
		at = &(*at)->next;
	TAPIR_ASSERT(*at == n);
	return at;
}

void htab_remove(struct htab *t, struct hnode *n)
{
	*htab_link(t, n) = n->next;
	n->next = NULL;
	t->n--;
	htab_step(t, HTAB_STEP);
}

void htab_replace(struct htab *t, struct hnode *old, struct hnode *n)
{
	*htab_link(t, old) = n;
	n->next = old->next;
	n->hash = old->hash;
	old->next = NULL;
}

/* n or the first node behind it with this hash. */
static struct hnode *htab_skip(struct hnode *n, uint32_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hnode *htab_first(const struct htab *t, uint32_t hash)
{
	return htab_skip(*htab_bucket(t, hash), hash);
}

struct hnode *htab_next(const struct hnode *n)
{
	return htab_skip(n->next, n->hash);
}

bool htab_should_grow(const struct htab *t)
{
	return t->n > t->mask && !t->old;
}

void htab_grow_begin(struct htab *t, void *mem, uint32_t nbuckets)
{
	TAPIR_ASSERT(mem && is_pow2_u64(nbuckets) && nbuckets > t->mask + 1);
	TAPIR_ASSERT(!t->old);
	t->old = t->b;
	t->old_mask = t->mask;
	t->old_at = 0;
	t->b = mem;
	t->mask = nbuckets - 1;
	for (uint32_t i = 0; i < nbuckets; i++)
		t->b[i] = NULL;
}

void *htab_retired(struct htab *t, uint32_t *nbuckets)
{
	if (!t->old || htab_growing(t))
		return NULL;

	void *mem = t->old;

	if (nbuckets)
		*nbuckets = t->old_mask + 1;
	t->old = NULL;
	return mem;
}

void htab_grow_finish(struct htab *t)
{
	htab_step(t, UINT32_MAX);
}

struct hnode *htab_walk(const struct htab *t, struct htab_iter *at)
{
	uint64_t nold = t->old ? (uint64_t)t->old_mask + 1 : 0;
	uint64_t all = nold + t->mask + 1;

	while (!at->next && at->bucket < all) {
		at->next = at->bucket < nold ? t->old[at->bucket] : t->b[at->bucket - nold];
		at->bucket++;
	}

	struct hnode *n = at->next;

	if (n)
		at->next = n->next;
	return n;
}

struct hnode *htab_pop_any(struct htab *t)
{
	struct htab_iter it = {0};
	struct hnode *n = htab_walk(t, &it);

	if (n)
		htab_remove(t, n);
	return n;
}
