/* The hash table: look-up through growth, and that no single operation pays for the whole of it. */
#include <stdlib.h>

#include "stack/base/assert.h"
#include "stack/base/hash.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

struct obj {
	struct hnode node;
	uint32_t key;
	bool in;
};

#define OBJS 3000

static struct obj objs[OBJS];

/* Few distinct values, so that equal hashes with different keys occur. */
static uint32_t hash_of(uint32_t key)
{
	return (key % 1000) * UINT32_C(0x9e3779b1);
}

static struct obj *find(const struct htab *t, uint32_t key)
{
	for (struct hnode *n = htab_first(t, hash_of(key)); n; n = htab_next(n)) {
		struct obj *o = container_of(n, struct obj, node);

		assert_int_equal(n->hash, hash_of(key));
		if (o->key == key)
			return o;
	}
	return NULL;
}

static void *buckets(uint32_t n)
{
	void *mem = malloc(htab_bytes(n));

	assert_non_null(mem);
	return mem;
}

/* Grow when it is due, free what is retired. */
static void tend(struct htab *t)
{
	free(htab_retired(t, NULL));
	if (htab_should_grow(t))
		htab_grow_begin(t, buckets(htab_buckets(t) * 2), htab_buckets(t) * 2);
}

static void destroy(struct htab *t)
{
	htab_grow_finish(t);
	free(htab_retired(t, NULL));
	free(t->b);
}

TEST(a_node_is_found_by_its_hash_until_removed, "")
{
	struct htab t;
	struct obj a = {.key = 1}, b = {.key = 1001}, c = {.key = 2};

	htab_init(&t, buckets(1), 1);
	htab_insert(&t, &a.node, hash_of(1));
	htab_insert(&t, &b.node, hash_of(1001)); /* the same hash */
	htab_insert(&t, &c.node, hash_of(2));	 /* the same bucket */
	assert_ptr_equal(find(&t, 1), &a);
	assert_ptr_equal(find(&t, 1001), &b);
	assert_ptr_equal(find(&t, 2), &c);
	assert_null(find(&t, 3));
	htab_remove(&t, &a.node);
	assert_null(find(&t, 1));
	assert_ptr_equal(find(&t, 1001), &b);
	assert_int_equal(t.n, 2);
	assert_panics(htab_remove(&t, &a.node));
	a.key = 1001;
	htab_replace(&t, &b.node, &a.node);
	assert_ptr_equal(find(&t, 1001), &a);
	assert_int_equal(t.n, 2);
	destroy(&t);
}

TEST(every_node_is_found_at_every_moment_of_growth, "")
{
	struct htab t;

	htab_init(&t, buckets(2), 2);
	for (uint32_t i = 0; i < OBJS; i++) {
		objs[i] = (struct obj){.key = i};
		tend(&t);
		htab_insert(&t, &objs[i].node, hash_of(i));
		if (i % 37 == 0)
			for (uint32_t k = 0; k <= i; k++)
				assert_ptr_equal(find(&t, k), &objs[k]);
	}
	assert_true(htab_buckets(&t) >= OBJS / 2);
	for (uint32_t i = 0; i < OBJS; i++) {
		htab_remove(&t, &objs[i].node);
		assert_null(find(&t, i));
	}
	assert_int_equal(t.n, 0);
	destroy(&t);
}

TEST(growth_ends_before_the_next_one_is_due, "")
{
	struct htab t;

	htab_init(&t, buckets(8), 8);
	for (uint32_t i = 0; i < OBJS; i++) {
		free(htab_retired(&t, NULL));
		assert_true(t.n <= 2 * (t.mask + 1));
		if (htab_should_grow(&t)) {
			assert_null(t.old);
			htab_grow_begin(&t, buckets(htab_buckets(&t) * 2), htab_buckets(&t) * 2);
		}
		htab_insert(&t, &objs[i].node, hash_of(i * 7));
	}
	destroy(&t);
}

TEST(an_operation_moves_only_a_few_buckets, "")
{
	struct htab t;
	uint32_t n = 0;

	htab_init(&t, buckets(1024), 1024);
	for (uint32_t i = 0; i < 1024; i++)
		htab_insert(&t, &objs[i].node, i);
	htab_grow_begin(&t, buckets(4096), 4096);
	assert_null(htab_retired(&t, NULL));
	for (uint32_t before = t.old_at; t.old_at < 1024; before = t.old_at) {
		htab_insert(&t, &objs[1024 + n].node, 5000 + n);
		n++;
		assert_true(t.old_at > before && t.old_at - before <= 8);
	}

	uint32_t size = 0;
	void *old = htab_retired(&t, &size);

	assert_non_null(old);
	assert_int_equal(size, 1024);
	assert_null(htab_retired(&t, NULL));
	free(old);
	destroy(&t);
}

TEST(a_walk_meets_each_node_once_even_in_growth, "")
{
	struct htab t;
	struct htab_iter it = {0};
	struct hnode *n;
	uint32_t seen = 0;

	htab_init(&t, buckets(64), 64);
	for (uint32_t i = 0; i < 100; i++) {
		objs[i] = (struct obj){.key = i};
		htab_insert(&t, &objs[i].node, hash_of(i));
	}
	htab_grow_begin(&t, buckets(256), 256);
	htab_remove(&t, &objs[99].node); /* moves some buckets */
	while ((n = htab_walk(&t, &it))) {
		struct obj *o = container_of(n, struct obj, node);

		assert_false(o->in);
		o->in = true;
		seen++;
	}
	assert_int_equal(seen, 99);
	for (seen = 0; htab_pop_any(&t); seen++)
		;
	assert_int_equal(seen, 99);
	assert_int_equal(t.n, 0);
	destroy(&t);
}

TEST(random_use_agrees_with_flags, "")
{
	struct rnd rnd = {5};
	struct htab t;

	memset(objs, 0, sizeof(objs));
	htab_init(&t, buckets(1), 1);
	for (int i = 0; i < 60000; i++) {
		uint32_t k = rnd_below(&rnd, OBJS);
		struct obj *o = &objs[k];

		assert_ptr_equal(find(&t, k), o->in ? o : NULL);
		o->key = k;
		if (o->in)
			htab_remove(&t, &o->node);
		else
			htab_insert(&t, &o->node, hash_of(k));
		o->in = !o->in;
		tend(&t);
	}
	destroy(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_is_found_by_its_hash_until_removed),
		cmocka_unit_test(every_node_is_found_at_every_moment_of_growth),
		cmocka_unit_test(growth_ends_before_the_next_one_is_due),
		cmocka_unit_test(an_operation_moves_only_a_few_buckets),
		cmocka_unit_test(a_walk_meets_each_node_once_even_in_growth),
		cmocka_unit_test(random_use_agrees_with_flags),
	};
	return tapir_test_run("unit/base/test_hash", tests);
}
