/*
 * Intrusive doubly linked list. A head and a node are the same struct: a ring in which the head is
 * the place between last and first. A node that is in no list points to itself, so list_del() may
 * be called on it at any time and list_linked() tells the truth; hence every node needs
 * list_init().
 */
#ifndef TAPIR_BASE_LIST_H
#define TAPIR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "stack/base/assert.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

/* The list headed by l has no node; or, the node l is in no list. */
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* The node l is in some list. */
static inline bool list_linked(const struct list *l)
{
	return l->next != l;
}

/* Put n (in no list) right after pos, a node or a head. */
static inline void list_add_after(struct list *pos, struct list *n)
{
	n->prev = pos;
	n->next = pos->next;
	pos->next->prev = n;
	pos->next = n;
}

/* Put n (in no list) right before pos, a node or a head. */
static inline void list_add_before(struct list *pos, struct list *n)
{
	list_add_after(pos->prev, n);
}

static inline void list_add_head(struct list *head, struct list *n)
{
	list_add_after(head, n);
}

static inline void list_add_tail(struct list *head, struct list *n)
{
	list_add_after(head->prev, n);
}

/* Take n out of its list, if any, and leave it initialised. */
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* The first node, the last node: NULL when the list is empty. */
static inline struct list *list_first(const struct list *head)
{
	return list_empty(head) ? NULL : head->next;
}

static inline struct list *list_last(const struct list *head)
{
	return list_empty(head) ? NULL : head->prev;
}

/* The node after n, before n, in the list of head: NULL at the end. */
static inline struct list *list_next(const struct list *head, const struct list *n)
{
	return n->next == head ? NULL : n->next;
}

static inline struct list *list_prev(const struct list *head, const struct list *n)
{
	return n->prev == head ? NULL : n->prev;
}

/* Take out and return the first node, or NULL. */
static inline struct list *list_pop(struct list *head)
{
	struct list *n = list_first(head);

	if (n)
		list_del(n);
	return n;
}

/* Move all nodes of from to the tail of to, in order; from is left empty. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* Move all nodes of from to the head of to, in order; from is left empty. */
static inline void list_splice_head(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->prev->next = to->next;
	to->next->prev = from->prev;
	from->next->prev = to;
	to->next = from->next;
	list_init(from);
}

/* How many nodes. Walks the list: for tests and checks, keep a counter where it matters. */
static inline size_t list_count(const struct list *head)
{
	size_t n = 0;

	for (const struct list *l = head->next; l != head; l = l->next)
		n++;
	return n;
}

/* The object of TYPE that holds the first (last) node of the list HEAD by MEMBER, or NULL. */
#ifndef __clang_analyzer__
#define LIST_FIRST(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->next, type, member))
#define LIST_LAST(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->prev, type, member))
#else
/* The analyzer forgets that a list was found not empty, and would see NULL in every such use. */
#define LIST_FIRST(head, type, member) container_of((head)->next, type, member)
#define LIST_LAST(head, type, member)  container_of((head)->prev, type, member)
#endif

/*
 * for each object POS (a variable of TYPE *) that hangs in the list HEAD by MEMBER. The list must
 * not change meanwhile; with the SAFE form POS itself may leave it (NXT is a second variable of
 * TYPE *). After the loop POS has no meaning.
 */
#define LIST_FOREACH(pos, head, type, member)                                            \
	for ((pos) = container_of((head)->next, type, member); &(pos)->member != (head); \
	     (pos) = container_of((pos)->member.next, type, member))

#define LIST_FOREACH_SAFE(pos, nxt, head, type, member)             \
	for ((pos) = container_of((head)->next, type, member),      \
	    (nxt) = container_of((pos)->member.next, type, member); \
	     &(pos)->member != (head);                              \
	     (pos) = (nxt), (nxt) = container_of((nxt)->member.next, type, member))

#endif
