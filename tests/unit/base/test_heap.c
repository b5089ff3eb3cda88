/* The timers' queue: order, ties, removal from anywhere, and shapes that would break recursion. */
#include <stdlib.h>

#include "stack/base/assert.h"
#include "stack/base/heap.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

#define NODES 512

struct obj {
	struct heap_node node;
	uint64_t key;
	uint64_t order;
};

TEST(an_empty_heap_has_no_minimum, "")
{
	struct heap h;

	heap_init(&h);
	assert_null(heap_min(&h));
	assert_null(heap_pop(&h));
	assert_int_equal(heap_count(&h), 0);
}

TEST(equal_keys_come_out_in_order_of_insertion, "")
{
	struct heap h;
	struct heap_node n[64];

	heap_init(&h);
	for (int i = 0; i < 64; i++) {
		heap_node_init(&n[i]);
		heap_insert(&h, &n[i], 7);
	}
	/* re-keying away and back puts a node behind its equals; to the same key leaves it */
	heap_rekey(&h, &n[3], 9);
	heap_rekey(&h, &n[3], 7);
	heap_rekey(&h, &n[5], 3);
	heap_rekey(&h, &n[5], 7);
	heap_rekey(&h, &n[8], 7);
	for (int i = 0; i < 64; i++)
		if (i != 3 && i != 5)
			assert_ptr_equal(heap_pop(&h), &n[i]);
	assert_ptr_equal(heap_pop(&h), &n[3]);
	assert_ptr_equal(heap_pop(&h), &n[5]);
	assert_null(heap_pop(&h));
}

TEST(a_node_knows_whether_it_is_queued, "")
{
	struct heap h;
	struct heap_node a, b;

	heap_init(&h);
	heap_node_init(&a);
	heap_node_init(&b);
	assert_false(heap_queued(&a));
	heap_insert(&h, &a, 1);
	heap_insert(&h, &b, 2);
	assert_true(heap_queued(&a));
	assert_true(heap_queued(&b));
	assert_panics(heap_insert(&h, &a, 3));
	heap_remove(&h, &a);
	assert_false(heap_queued(&a));
	assert_panics(heap_remove(&h, &a));
	assert_panics(heap_rekey(&h, &a, 1));
	assert_ptr_equal(heap_min(&h), &b);
	assert_int_equal(heap_count(&h), 1);
}

/* The minimum by a plain search. */
static struct obj *slow_min(struct obj *o)
{
	struct obj *best = NULL;

	for (int i = 0; i < NODES; i++) {
		if (!heap_queued(&o[i].node))
			continue;
		if (!best || o[i].key < best->key ||
		    (o[i].key == best->key && o[i].order < best->order))
			best = &o[i];
	}
	return best;
}

TEST(random_use_agrees_with_a_plain_search, "")
{
	static struct obj o[NODES];
	struct rnd rnd = {6};
	struct heap h;
	uint64_t order = 0;

	heap_init(&h);
	for (int i = 0; i < 60000; i++) {
		struct obj *x = &o[rnd_below(&rnd, NODES)];
		uint64_t key = rnd_below(&rnd, 100);

		if (!heap_queued(&x->node)) {
			heap_insert(&h, &x->node, key);
			x->key = key;
			x->order = order++;
		} else if (rnd_below(&rnd, 3)) {
			heap_rekey(&h, &x->node, key);
			if (x->key != key)
				x->order = order++;
			x->key = key;
		} else {
			heap_remove(&h, &x->node);
		}
		if (rnd_below(&rnd, 4) == 0) {
			struct obj *want = slow_min(o);

			assert_ptr_equal(heap_pop(&h), want ? &want->node : NULL);
		}

		struct obj *min = slow_min(o);

		assert_ptr_equal(heap_min(&h), min ? &min->node : NULL);
	}
}

TEST(a_million_nodes_in_the_worst_shapes_come_out_sorted, "")
{
	const size_t n = 1000000;
	struct heap_node *nodes = calloc(n, sizeof(*nodes));
	struct heap h;
	uint64_t last = 0;

	assert_non_null(nodes);
	heap_init(&h);
	/* ascending: one node with a million children; descending: a chain a million deep */
	for (size_t i = 0; i < n / 2; i++)
		heap_insert(&h, &nodes[i], n + i);
	for (size_t i = n / 2; i < n; i++)
		heap_insert(&h, &nodes[i], n - i);
	for (size_t i = 0; i < n; i += 5)
		heap_remove(&h, &nodes[i]);
	assert_int_equal(heap_count(&h), n - n / 5);
	for (struct heap_node *x; (x = heap_pop(&h)); last = x->key)
		assert_true(x->key >= last && !heap_queued(x));
	free(nodes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_heap_has_no_minimum),
		cmocka_unit_test(equal_keys_come_out_in_order_of_insertion),
		cmocka_unit_test(a_node_knows_whether_it_is_queued),
		cmocka_unit_test(random_use_agrees_with_a_plain_search),
		cmocka_unit_test(a_million_nodes_in_the_worst_shapes_come_out_sorted),
	};
	return tapir_test_run("unit/base/test_heap", tests);
}
