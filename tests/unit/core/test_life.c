/* An instance is made and ended, at every shortage of memory, and leaks nothing. */
#include <errno.h>

#include "tests/support/test.h"
#include "tests/support/world.h"

TEST(create_and_destroy_leaves_nothing, "")
{
	struct world w;

	world_init(&w, TEST_ALLOC_PLAIN);
	assert_int_equal(world_start(&w), 0);
	tapir_check(w.t);
	assert_true(w.alloc.live > 0);
	assert_int_equal(world_end(&w), 0);
}

TEST(create_without_memory_says_so_and_leaves_nothing, "")
{
	uint64_t calls = 1;

	for (uint64_t at = 1; at <= calls; at++) {
		struct world w;
		int err;

		world_init(&w, TEST_ALLOC_PLAIN);
		w.alloc.fail_at = at;
		err = world_start(&w);
		if (at == 1)
			calls = 100;
		if (w.alloc.failed == 0) {
			assert_int_equal(err, 0);
			calls = 0;
		} else {
			assert_int_equal(err, -ENOMEM);
			assert_null(w.t);
		}
		assert_int_equal(world_end(&w), 0);
	}
}

TEST(a_setting_out_of_range_is_refused, "")
{
	struct world w;

	world_init(&w, TEST_ALLOC_PLAIN);
	w.conf.ip_default_ttl = 0;
	assert_int_equal(world_start(&w), -EINVAL);
	w.conf.ip_default_ttl = 64;
	w.conf.ip_local_port_min = 50000;
	w.conf.ip_local_port_max = 40000;
	assert_int_equal(world_start(&w), -EINVAL);
	assert_int_equal(world_end(&w), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_and_destroy_leaves_nothing),
		cmocka_unit_test(create_without_memory_says_so_and_leaves_nothing),
		cmocka_unit_test(a_setting_out_of_range_is_refused),
	};

	return tapir_test_run("unit/core/test_life", tests);
}
