/*
 * Timers: collect, then fire.
 *
 * The heap orders by deadline and then by the order of setting. timers_collect() first moves all that
 * is due to a list and only then are they handed out one by one: a timer that sets itself (or another)
 * for the past waits for the next advance, so that one advance is bounded by what was due when it
 * began. What is collected can still be stopped: firing one may free the object of another.
 */
#include "stack/core/timer.h"
#include "stack/core/instance.h"

void timers_init(struct timers *ts)
{
	heap_init(&ts->heap);
	list_init(&ts->due);
}

void timer_init(struct timer *tm, enum timer_kind kind)
{
	heap_node_init(&tm->node);
	list_init(&tm->due);
	tm->kind = (uint8_t)kind;
}

void timer_set(struct tapir *t, struct timer *tm, uint64_t deadline_ns)
{
	TAPIR_ASSERT(tm->kind < TIMER_KINDS);
	list_del(&tm->due);
	if (heap_queued(&tm->node))
		heap_rekey(&t->timers.heap, &tm->node, deadline_ns);
	else
		heap_insert(&t->timers.heap, &tm->node, deadline_ns);
}

void timer_stop(struct tapir *t, struct timer *tm)
{
	list_del(&tm->due);
	if (heap_queued(&tm->node))
		heap_remove(&t->timers.heap, &tm->node);
}

bool timer_armed(const struct timer *tm)
{
	return heap_queued(&tm->node) || list_linked(&tm->due);
}

uint64_t timer_deadline(const struct timer *tm)
{
	TAPIR_ASSERT(timer_armed(tm));
	return tm->node.key;
}

void timers_collect(struct tapir *t)
{
	struct heap_node *n;

	while ((n = heap_min(&t->timers.heap)) && n->key <= t->now_ns) {
		struct timer *tm = container_of(n, struct timer, node);

		heap_remove(&t->timers.heap, n);
		list_add_tail(&t->timers.due, &tm->due);
	}
}

struct timer *timers_pop(struct tapir *t)
{
	struct list *l = list_pop(&t->timers.due);

	return l ? container_of(l, struct timer, due) : NULL;
}

uint64_t timers_next(const struct tapir *t)
{
	const struct heap_node *n = heap_min(&t->timers.heap);

	if (!list_empty(&t->timers.due))
		return t->now_ns;
	return n ? n->key : TAPIR_NEVER;
}
