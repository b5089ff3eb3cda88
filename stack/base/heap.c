/*
 * A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): a tree in which no child comes before
 * its parent. Children of a node are a list from child by next; prev leads to the sibling before,
 * from the first child to the parent. The root's prev is itself, so that a node outside any heap
 * (prev NULL) can be told.
 *
 *	root --child--> a --next--> b --next--> c
 *	                |child
 *	                d --next--> e
 *
 * To meld two trees the later root becomes the first child of the earlier. Removing a node melds
 * its children in two passes: pairs from left to right, then all pairs from right to left. The
 * passes use the sibling pointers as a stack, so nothing recurses and nothing is allocated, however
 * odd the shape.
 *
 * Why not a binary heap: it needs an array that grows, and a timer must never fail for want of
 * memory. Why not a wheel: its cost depends on the distance of deadlines, and next_deadline() must
 * be exact.
 */
#include "stack/base/assert.h"
#include "stack/base/heap.h"

/* a comes before b: never equal, since orders differ. */
static inline bool heap_before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

/* Meld two roots (prev and next without meaning) into one; returns it, next NULL, prev not set. */
static struct heap_node *heap_meld(struct heap_node *a, struct heap_node *b)
{
	if (heap_before(b, a)) {
		struct heap_node *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	b->prev = a;
	if (a->child)
		a->child->prev = b;
	a->child = b;
	a->next = NULL;
	return a;
}

/* Meld a list of siblings into one tree; NULL for an empty list. */
static struct heap_node *heap_meld_list(struct heap_node *n)
{
	struct heap_node *pairs = NULL; /* a stack by next */

	while (n) {
		struct heap_node *a = n, *b = n->next;

		n = NULL;
		if (b) {
			n = b->next;
			a = heap_meld(a, b);
		}
		a->next = pairs;
		pairs = a;
	}
	if (!pairs)
		return NULL;

	struct heap_node *root = pairs;

	pairs = root->next;
	root->next = NULL;
	while (pairs) {
		struct heap_node *next = pairs->next;

		root = heap_meld(root, pairs);
		pairs = next;
	}
	return root;
}

static void heap_set_root(struct heap *h, struct heap_node *root)
{
	h->root = root;
	if (root) {
		root->next = NULL;
		root->prev = root;
	}
}

/* Meld a lone tree into the heap. */
static void heap_add_tree(struct heap *h, struct heap_node *n)
{
	heap_set_root(h, h->root ? heap_meld(h->root, n) : n);
}

/* Unhook n, not the root, with its subtree, from its siblings and parent. */
static void heap_cut(struct heap_node *n)
{
	if (n->prev->child == n)
		n->prev->child = n->next;
	else
		n->prev->next = n->next;
	if (n->next)
		n->next->prev = n->prev;
	n->next = NULL;
}

void heap_init(struct heap *h)
{
	*h = (struct heap){0};
}

void heap_node_init(struct heap_node *n)
{
	*n = (struct heap_node){0};
}

void heap_insert(struct heap *h, struct heap_node *n, uint64_t key)
{
	TAPIR_ASSERT(!heap_queued(n));
	n->key = key;
	n->order = h->next_order++;
	n->child = NULL;
	n->next = NULL;
	heap_add_tree(h, n);
	h->n++;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	TAPIR_ASSERT(heap_queued(n));

	struct heap_node *rest = heap_meld_list(n->child);

	if (n == h->root) {
		heap_set_root(h, rest);
	} else {
		heap_cut(n);
		if (rest)
			heap_add_tree(h, rest);
	}
	n->child = NULL;
	n->next = NULL;
	n->prev = NULL;
	h->n--;
}

void heap_rekey(struct heap *h, struct heap_node *n, uint64_t key)
{
	TAPIR_ASSERT(heap_queued(n));
	if (key == n->key)
		return;
	if (key < n->key && n != h->root) {
		/* Earlier: its children still come after it, the whole subtree moves. */
		heap_cut(n);
		n->key = key;
		n->order = h->next_order++;
		heap_add_tree(h, n);
		return;
	}
	if (key < n->key) {
		n->key = key;
		n->order = h->next_order++;
		return;
	}
	heap_remove(h, n);
	heap_insert(h, n, key);
}

struct heap_node *heap_pop(struct heap *h)
{
	struct heap_node *n = h->root;

	if (n)
		heap_remove(h, n);
	return n;
}
