/* Timers: order, ties, the past, and stopping what was collected. */
#include "stack/core/instance.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

static struct world w;

static int setup(void **state)
{
	(void)state;
	world_init(&w, TEST_ALLOC_PLAIN);
	return world_start(&w);
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

TEST(timers_come_in_order_of_deadline_and_ties_in_order_of_setting, "")
{
	static const uint64_t at[] = {50, 10, 30, 10, 50, 10, 20};
	static const unsigned order[] = {1, 3, 5, 6, 2, 0, 4};
	struct timer tm[7];
	uint64_t base = w.t->now_ns;

	for (unsigned i = 0; i < 7; i++) {
		timer_init(&tm[i], TIMER_TCP_CONN);
		assert_false(timer_armed(&tm[i]));
		timer_set(w.t, &tm[i], base + at[i]);
		assert_true(timer_armed(&tm[i]));
		assert_int_equal(timer_deadline(&tm[i]), base + at[i]);
	}
	assert_int_equal(timers_next(w.t), base + 10);
	w.t->now_ns += 100;
	timers_collect(w.t);
	for (unsigned i = 0; i < 7; i++) {
		struct timer *got = timers_pop(w.t);

		assert_ptr_equal(got, &tm[order[i]]);
		assert_false(timer_armed(got));
	}
	assert_null(timers_pop(w.t));
	assert_int_equal(timers_next(w.t), TAPIR_NEVER);
}

TEST(a_collected_timer_can_be_stopped_or_moved, "")
{
	struct timer a, b, c;
	uint64_t now = w.t->now_ns;

	timer_init(&a, TIMER_ARP);
	timer_init(&b, TIMER_ARP);
	timer_init(&c, TIMER_ARP);
	timer_set(w.t, &a, now);
	timer_set(w.t, &b, now);
	timer_set(w.t, &c, now);
	timers_collect(w.t);
	assert_int_equal(timers_next(w.t), now);
	assert_ptr_equal(timers_pop(w.t), &a);
	timer_stop(w.t, &b);
	assert_false(timer_armed(&b));
	timer_set(w.t, &c, now + 5);
	assert_null(timers_pop(w.t));
	assert_int_equal(timers_next(w.t), now + 5);
	timer_stop(w.t, &c);
	timer_stop(w.t, &c);
	assert_int_equal(timers_next(w.t), TAPIR_NEVER);
}

TEST(a_timer_set_for_the_past_waits_for_the_next_advance, "")
{
	struct timer a;

	timer_init(&a, TIMER_ARP);
	timers_collect(w.t);
	timer_set(w.t, &a, 1);
	assert_null(timers_pop(w.t));
	assert_int_equal(tapir_next_deadline(w.t), 1);
	timers_collect(w.t);
	assert_ptr_equal(timers_pop(w.t), &a);
}

TEST(time_never_goes_back, "")
{
	uint64_t now = tapir_now(w.t);

	tapir_advance(w.t, now - 1);
	assert_int_equal(tapir_now(w.t), now);
	tapir_advance(w.t, now + 1);
	assert_int_equal(tapir_now(w.t), now + 1);
	tapir_advance(w.t, UINT64_MAX - 1);
	tapir_advance(w.t, 5);
	assert_int_equal(tapir_now(w.t), UINT64_MAX - 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(timers_come_in_order_of_deadline_and_ties_in_order_of_setting),
		T(a_collected_timer_can_be_stopped_or_moved),
		T(a_timer_set_for_the_past_waits_for_the_next_advance),
		T(time_never_goes_back),
	};

	return tapir_test_run("unit/core/test_timer", tests);
}
