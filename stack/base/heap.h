/*
 * A priority queue for timers: an intrusive pairing heap, which never needs memory. Smallest key
 * first; among equal keys, the one inserted (or re-keyed) first. Insertion and looking at the
 * minimum are O(1), removal is O(log n) amortised, nothing recurses. Theory is in heap.c.
 */
#ifndef TAPIR_BASE_HEAP_H
#define TAPIR_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t key;
	uint64_t order;		 /* set by the heap: breaks ties */
	struct heap_node *child; /* first child */
	struct heap_node *next;	 /* next sibling */
	struct heap_node *prev;	 /* previous sibling, or parent of a first child; itself when in a
				    heap as root */
};

struct heap {
	struct heap_node *root;
	uint64_t next_order;
	size_t n;
};

void heap_init(struct heap *h);

/* A node that is in no heap. */
void heap_node_init(struct heap_node *n);

/* The node is in a heap. */
static inline bool heap_queued(const struct heap_node *n)
{
	return n->prev != NULL;
}

static inline size_t heap_count(const struct heap *h)
{
	return h->n;
}

/* The node with the smallest key, or NULL. */
static inline struct heap_node *heap_min(const struct heap *h)
{
	return h->root;
}

/* Put n (initialised, in no heap) in under key. */
void heap_insert(struct heap *h, struct heap_node *n, uint64_t key);

/* Take n, which is in h, out. Its key stays readable. */
void heap_remove(struct heap *h, struct heap_node *n);

/* Give n, which is in h, another key, smaller or greater; it goes behind those that have that key
 * already. The same key changes nothing. */
void heap_rekey(struct heap *h, struct heap_node *n, uint64_t key);

/* Take out and return the minimum, or NULL. */
struct heap_node *heap_pop(struct heap *h);

#endif
