/* The intrusive list: order, removal, splicing, and loops that survive removal. */
#include "stack/base/list.h"
#include "tests/support/test.h"

struct item {
	int v;
	struct list link;
};

static struct item items[8];

static void fill(struct list *head, int from, int to)
{
	list_init(head);
	for (int i = from; i < to; i++) {
		items[i].v = i;
		list_init(&items[i].link);
		list_add_tail(head, &items[i].link);
	}
}

/* The list holds exactly the n values, forwards and backwards. */
static void assert_list(const struct list *head, const int *want, int n)
{
	struct list *l = list_first(head);

	assert_int_equal(list_count(head), n);
	for (int i = 0; i < n; i++, l = list_next(head, l))
		assert_int_equal(container_of(l, struct item, link)->v, want[i]);
	assert_null(l);
	l = list_last(head);
	for (int i = n - 1; i >= 0; i--, l = list_prev(head, l))
		assert_int_equal(container_of(l, struct item, link)->v, want[i]);
	assert_null(l);
}

TEST(an_empty_list_has_no_ends, "")
{
	struct list head;

	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_first(&head));
	assert_null(list_last(&head));
	assert_null(list_pop(&head));
	assert_int_equal(list_count(&head), 0);
	assert_null(LIST_FIRST(&head, struct item, link));
}

TEST(head_and_tail_keep_order, "")
{
	struct list head;
	struct item first = {.v = -1};

	fill(&head, 0, 3);
	list_add_head(&head, &first.link);
	assert_list(&head, (int[]){-1, 0, 1, 2}, 4);
	assert_int_equal(LIST_FIRST(&head, struct item, link)->v, -1);
	assert_int_equal(LIST_LAST(&head, struct item, link)->v, 2);
	list_del(&items[1].link);
	list_add_before(&items[0].link, &items[1].link);
	assert_list(&head, (int[]){-1, 1, 0, 2}, 4);
}

TEST(a_removed_node_may_be_removed_again, "")
{
	struct list head;

	fill(&head, 0, 3);
	assert_true(list_linked(&items[1].link));
	list_del(&items[1].link);
	assert_false(list_linked(&items[1].link));
	list_del(&items[1].link);
	assert_list(&head, (int[]){0, 2}, 2);
	assert_ptr_equal(list_pop(&head), &items[0].link);
	assert_ptr_equal(list_pop(&head), &items[2].link);
	assert_true(list_empty(&head));
}

TEST(splice_moves_all_in_order_and_empties_the_source, "")
{
	struct list a, b;

	fill(&a, 0, 2);
	fill(&b, 2, 4);
	list_splice_tail(&a, &b);
	assert_list(&a, (int[]){0, 1, 2, 3}, 4);
	assert_true(list_empty(&b));
	list_splice_tail(&a, &b);
	list_splice_head(&a, &b);
	assert_int_equal(list_count(&a), 4);
	fill(&b, 4, 6);
	list_splice_head(&a, &b);
	assert_list(&a, (int[]){4, 5, 0, 1, 2, 3}, 6);
	list_splice_head(&b, &a);
	assert_int_equal(list_count(&b), 6);
	assert_true(list_empty(&a));
}

TEST(the_safe_loop_survives_removal_of_its_node, "")
{
	struct list head;
	struct item *it, *next;
	int sum = 0;

	fill(&head, 0, 8);
	LIST_FOREACH_SAFE (it, next, &head, struct item, link) {
		if (it->v % 2)
			list_del(&it->link);
	}
	assert_list(&head, (int[]){0, 2, 4, 6}, 4);
	LIST_FOREACH (it, &head, struct item, link)
		sum += it->v;
	assert_int_equal(sum, 12);
	LIST_FOREACH_SAFE (it, next, &head, struct item, link)
		list_del(&it->link);
	assert_true(list_empty(&head));
	LIST_FOREACH_SAFE (it, next, &head, struct item, link)
		fail();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_list_has_no_ends),
		cmocka_unit_test(head_and_tail_keep_order),
		cmocka_unit_test(a_removed_node_may_be_removed_again),
		cmocka_unit_test(splice_moves_all_in_order_and_empties_the_source),
		cmocka_unit_test(the_safe_loop_survives_removal_of_its_node),
	};
	return tapir_test_run("unit/base/test_list", tests);
}
