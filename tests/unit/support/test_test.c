/* The runner itself: what the other tests rest on. */
#include <stdio.h>

#include "stack/base/assert.h"
#include "tests/support/test.h"

TEST(a_panic_that_is_expected_is_caught, "")
{
	assert_panics(tapir_panic("x.c", 1, "false"));
	assert_null(tapir_test_panic_env);
}

TEST(what_a_passing_test_prints_is_held_back, "")
{
	printf("not ok 99 - this line is never seen as a result\n");
	fprintf(stderr, "nor this\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_panic_that_is_expected_is_caught),
		cmocka_unit_test(what_a_passing_test_prints_is_held_back),
	};

	return tapir_test_run("unit/support/test_test", tests);
}
