/* Path MTUs: lowered by what was believed, aged, bounded. */
#include "stack/core/instance.h"
#include "stack/ip/pmtu.h"
#include "stack/ip/route.h"
#include "tests/unit/ip/ip_world.h"

static uint32_t mtu_of(struct world *w, uint32_t dst)
{
	struct route rt;

	tapir_check(w->t);
	assert_int_equal(route_lookup(w->t, dst, 0, 0, &rt), 0);
	return rt.mtu;
}

TEST(a_believed_message_lowers_the_path_at_once, "R1191-1 R1191-2")
{
	struct world *w = *state;
	uint32_t gen = w->t->route_gen;

	assert_int_equal(mtu_of(w, WORLD_FAR), 1500);
	assert_int_equal(pmtu_update(w->t, WORLD_FAR, 1400, 1500), 1400);
	assert_int_equal(mtu_of(w, WORLD_FAR), 1400);
	assert_int_not_equal(w->t->route_gen, gen);
	/* Other destinations keep theirs. */
	assert_int_equal(mtu_of(w, WORLD_FAR + 1), 1500);
	assert_int_equal(pmtu_update(w->t, WORLD_FAR, 1300, 1500), 1300);
	assert_int_equal(mtu_of(w, WORLD_FAR), 1300);
	assert_int_equal(world_events(w, TAPIR_EV_PMTU), 2);
}

TEST(no_message_raises_it, "R1191-5")
{
	struct world *w = *state;
	uint32_t gen;

	pmtu_update(w->t, WORLD_FAR, 1300, 1500);
	gen = w->t->route_gen;
	assert_int_equal(pmtu_update(w->t, WORLD_FAR, 1400, 1500), 1300);
	assert_int_equal(pmtu_update(w->t, WORLD_FAR, 65535, 1500), 1300);
	assert_int_equal(pmtu_update(w->t, WORLD_FAR, 1300, 1500), 1300);
	assert_int_equal(mtu_of(w, WORLD_FAR), 1300);
	assert_int_equal(w->t->route_gen, gen);
	/* Nor is anything noted that is no smaller than the link. */
	assert_int_equal(pmtu_update(w->t, WORLD_PEER, 1500, 1500), 1500);
	assert_int_equal(world_stat(w, STAT_Tapir_PmtuUpdates), 1);
}

TEST(it_never_goes_below_the_floor, "R1191-4 R5927-5")
{
	struct world *w = *state;

	assert_int_equal(pmtu_update(w->t, WORLD_FAR, 68, 1500), 552);
	assert_int_equal(mtu_of(w, WORLD_FAR), 552);
	/* The floor is a setting, which itself can't go below 68. */
	assert_int_equal(tapir_sysctl(w->t, "net.ipv4.route.min_pmtu", 0, 67), -34);
	assert_int_equal(tapir_sysctl(w->t, "net.ipv4.route.min_pmtu", 0, 68), 0);
	assert_int_equal(pmtu_update(w->t, WORLD_FAR, 1, 1500), 68);
	assert_int_equal(mtu_of(w, WORLD_FAR), 68);
}

TEST(a_message_without_an_mtu_leads_to_the_floor, "R1191-3")
{
	struct world *w = *state;

	assert_int_equal(pmtu_update(w->t, WORLD_FAR, 0, 1500), 552);
	assert_int_equal(mtu_of(w, WORLD_FAR), 552);
	assert_int_equal(pmtu_update(w->t, WORLD_PEER, 0, 500), 500);
}

TEST(it_is_forgotten_after_ten_minutes, "R1191-8 R1191-2")
{
	struct world *w = *state;
	uint32_t gen;

	pmtu_update(w->t, WORLD_FAR, 1300, 1500);
	world_step(w, 300 * WORLD_S);
	pmtu_update(w->t, WORLD_FAR + 1, 1300, 1500);
	world_step(w, 299 * WORLD_S);
	gen = w->t->route_gen;
	assert_int_equal(mtu_of(w, WORLD_FAR), 1300);
	world_step(w, WORLD_S);
	assert_int_equal(mtu_of(w, WORLD_FAR), 1500);
	assert_int_equal(mtu_of(w, WORLD_FAR + 1), 1300);
	/* Who sends there looks again; nothing is sent for it. */
	assert_int_not_equal(w->t->route_gen, gen);
	expect_silence(w);
	world_step(w, 300 * WORLD_S);
	assert_int_equal(mtu_of(w, WORLD_FAR + 1), 1500);
	/* A later decrease lasts from then on. */
	pmtu_update(w->t, WORLD_FAR, 1300, 1500);
	world_step(w, 400 * WORLD_S);
	pmtu_update(w->t, WORLD_FAR, 1200, 1500);
	world_step(w, 400 * WORLD_S);
	assert_int_equal(mtu_of(w, WORLD_FAR), 1200);
	world_step(w, 201 * WORLD_S);
	assert_int_equal(mtu_of(w, WORLD_FAR), 1500);
}

TEST(the_cache_is_bounded_and_loses_the_oldest, "")
{
	struct world *w = *state;

	for (uint32_t i = 0; i < 5000; i++) {
		pmtu_update(w->t, TAPIR_IP4(10, 0, 0, 0) + i, 1000, 1500);
		if (i % 500 == 0)
			tapir_check(w->t);
	}
	assert_int_equal(mtu_of(w, TAPIR_IP4(10, 0, 0, 0) + 4999), 1000);
	assert_int_equal(mtu_of(w, TAPIR_IP4(10, 0, 0, 0) + 4999 - 1023), 1000);
	assert_int_equal(mtu_of(w, TAPIR_IP4(10, 0, 0, 0) + 4999 - 1024), 1500);
	assert_int_equal(world_stat(w, STAT_Tapir_PmtuTableFull), 5000 - 1024);
}

TEST(without_memory_nothing_is_noted, "")
{
	for (unsigned k = 0; k < 4; k++) {
		static struct world w;
		uint32_t got;

		world_open(&w, TAPIR_NETIF_RAW_IP);
		w.alloc.fail_at = w.alloc.calls + 1 + k;
		got = pmtu_update(w.t, WORLD_FAR, 1000, 1500);
		assert_int_equal(got, mtu_of(&w, WORLD_FAR));
		world_close(&w);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_believed_message_lowers_the_path_at_once),
		T(no_message_raises_it),
		T(it_never_goes_below_the_floor),
		T(a_message_without_an_mtu_leads_to_the_floor),
		T(it_is_forgotten_after_ten_minutes),
		T(the_cache_is_bounded_and_loses_the_oldest),
		cmocka_unit_test(without_memory_nothing_is_noted),
	};

	return tapir_test_run("unit/ip/test_pmtu", tests);
}
