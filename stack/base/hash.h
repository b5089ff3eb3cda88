/*
 * Intrusive chained hash table. The caller hashes (with a secret key: siphash.h), compares, and
 * owns the memory of the buckets: nothing here allocates. Growing is incremental: while a bigger
 * bucket array is being filled, each insertion and removal moves a few old buckets, so that no
 * single call pays for all. Theory is in hash.c.
 *
 * The order in which nodes come out of a walk is not defined and nothing may depend on it: it
 * changes with the key and the size. Order by handle, pool index or arrival instead (a list).
 */
#ifndef TAPIR_BASE_HASH_H
#define TAPIR_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One object's place in a table. */
struct hnode {
	struct hnode *next;
	uint32_t hash;
	uint32_t aux; /* the owner's, not looked at here: would be padding */
};

struct htab {
	struct hnode **b; /* mask + 1 buckets */
	struct hnode *
		*old; /* while growing: old_mask + 1 buckets, those from old_at on still in use */
	uint32_t mask, old_mask, old_at;
	uint32_t n; /* nodes in the table */
};

/* Bytes of memory for nbuckets buckets. */
static inline size_t htab_bytes(uint32_t nbuckets)
{
	return (size_t)nbuckets * sizeof(struct hnode *);
}

/* An empty table over nbuckets buckets (a power of two >= 1) at mem, aligned for pointers, of
 * htab_bytes(nbuckets). */
void htab_init(struct htab *t, void *mem, uint32_t nbuckets);

/* Put n in under hash; n is in no table. Equal hashes and equal keys are the caller's affair. */
void htab_insert(struct htab *t, struct hnode *n, uint32_t hash);

/* Take n, which is in t, out. */
void htab_remove(struct htab *t, struct hnode *n);

/* Put n in the place of old, which has the same hash and leaves the table. */
void htab_replace(struct htab *t, struct hnode *old, struct hnode *n);

/* The first node under exactly this hash, or NULL; then the next one. The table must not change
 * between the calls. */
struct hnode *htab_first(const struct htab *t, uint32_t hash);
struct hnode *htab_next(const struct hnode *n);

/* More nodes than buckets and no growth under way: time for htab_grow_begin() with twice as many,
 * if memory allows. */
bool htab_should_grow(const struct htab *t);

/* Buckets in use. */
static inline uint32_t htab_buckets(const struct htab *t)
{
	return t->mask + 1;
}

/* Begin to grow into nbuckets (a power of two, more than now) at mem. No growth may be under way.
 */
void htab_grow_begin(struct htab *t, void *mem, uint32_t nbuckets);

/*
 * When a growth has just ended, the old buckets' memory, for the caller to free (*nbuckets tells
 * the size, may be NULL); given once. NULL otherwise. Ask after each insertion or removal. *t must
 * be asked before the next htab_grow_begin().
 */
void *htab_retired(struct htab *t, uint32_t *nbuckets);

/* Move all that is left of a growth at once (before destruction). */
void htab_grow_finish(struct htab *t);

/* Walk over all nodes in no defined order. at = {0} begins; NULL ends. The table must not change
 * meanwhile. */
struct htab_iter {
	uint64_t bucket;
	struct hnode *next;
};
struct hnode *htab_walk(const struct htab *t, struct htab_iter *at);

/* Take out and return some node, NULL when empty: to empty a table. */
struct hnode *htab_pop_any(struct htab *t);

#endif
