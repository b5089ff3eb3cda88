/* Any allocation may fail: nothing crashes, nothing leaks, and the rest goes on. timeout: 120 */
#include <stdio.h>

#include "tests/support/duet.h"
#include "tests/support/test.h"

static struct duet d;

/* Plays with the n-th allocation of instance `who` failing (or all from it on); true if any failed. */
static bool play(int who, enum tapir_netif_type type, uint64_t at, bool all)
{
	bool failed;

	memset(&d, 0, sizeof(d));
	d.type = type;
	for (int i = 0; i < 2; i++) {
		world_init(&d.w[i], TEST_ALLOC_PLAIN);
		d.w[i].no_check = true;
	}
	if (all)
		d.w[who].alloc.fail_all = at;
	else
		d.w[who].alloc.fail_at = at;
	duet_play(&d);
	failed = d.w[who].alloc.failed > 0;
	print_message("allocation %lu of %d: %lu bytes arrived\n", (unsigned long)at, who,
		      (unsigned long)d.received);
	for (int i = 0; i < 2; i++)
		assert_int_equal(world_end(&d.w[i]), 0);
	return failed;
}

TEST(each_allocation_may_fail_alone, "")
{
	for (int who = 0; who < 2; who++) {
		uint64_t at = 1;

		while (play(who, TAPIR_NETIF_ETHER, at, false))
			at++;
		assert_true(at > 50);
	}
}

TEST(memory_may_run_out_for_good_at_any_point, "")
{
	for (int who = 0; who < 2; who++) {
		uint64_t at = 1;

		while (play(who, TAPIR_NETIF_RAW_IP, at, true))
			at++;
		assert_true(at > 50);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_may_fail_alone),
		cmocka_unit_test(memory_may_run_out_for_good_at_any_point),
	};

	return tapir_test_run("unit/core/test_memory", tests);
}
