/*
 * Paths that swallow large packets without a word, in one direction or both, from the start or later: with
 * net.ipv4.tcp_mtu_probing a transfer finds the size that passes, loses little to the search, and goes on when the
 * path becomes wider again.
 */
#include <stdio.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

enum { MIB = 1 << 20 };

static struct sim *begin(uint64_t seed, int probing, uint32_t there, uint32_t back, uint32_t loss)
{
	static const char *const replay = "test_blackhole";
	struct simlink_conf link;
	struct sim_conf conf;
	struct sim *s;

	sim_conf_default(&conf, seed);
	conf.replay = replay;
	conf.link.delay_ns = 10 * SIM_MS;
	conf.link.loss_ppm = loss;
	conf.conf.tcp_mtu_probing = probing;
	s = sim_new(&conf);
	link = conf.link;
	link.mtu = there;
	sim_link(s, 0, &link);
	link.mtu = back;
	sim_link(s, 1, &link);
	return s;
}

TEST(a_black_hole_is_found_and_passed_in_both_directions, "R4821-1 R8900-3")
{
	static const uint32_t mtu[] = {1400, 1300, 1100, 1000, 600, 300};

	for (int probing = 1; probing <= 2; probing++) {
		for (unsigned i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
			struct sim *s = begin(i + 1, probing, mtu[i], mtu[i] - 50, 0);

			sim_bulk_pair(s, 4 * MIB, 4 * MIB, NULL);
			if (!sim_run(s, 120 * SIM_S))
				sim_fail(s, "mtu %u, probing %d: not done", mtu[i], probing);
			/* A search that begins below the hole's size finds it by probes. */
			if (mtu[i] > 1150)
				sim_assert(s, sim_stat(s, 0, STAT_TcpExt_TCPMTUPSuccess) > 0);
			sim_free(s);
		}
	}
}

TEST(the_search_ends_close_below_the_limit, "R4821-1")
{
	struct sim *s = begin(1, 2, 1387, 1387, 0);
	struct sim_bulk *b = sim_bulk_pair(s, 16 * MIB, 0, NULL);
	uint32_t mss;

	while (b->sent < 12 * MIB && !b->done)
		sim_pass(s, 10 * SIM_MS);
	mss = sim_info(s, 0, b->app.sock).snd_mss;
	sim_assert(s, mss <= 1387 - 52 && mss > 1387 - 52 - 16);
	sim_assert(s, sim_run(s, 120 * SIM_S));
	sim_free(s);
}

TEST(a_path_that_becomes_narrow_under_way_is_followed, "R4821-1 R8900-3")
{
	struct sim *s = begin(1, 1, 0, 0, 0);
	struct sim_bulk *b = sim_bulk_pair(s, 16 * MIB, 16 * MIB, NULL);
	struct simlink_conf link = s->conf.link;

	while (b->sent < 2 * MIB)
		sim_pass(s, 10 * SIM_MS);
	link.mtu = 900;
	sim_link(s, 0, &link);
	sim_link(s, 1, &link);
	sim_assert(s, sim_run(s, 120 * SIM_S));
	sim_free(s);
}

TEST(losses_do_not_stop_the_search, "R4821-2")
{
	for (uint64_t seed = 1; seed <= sim_seeds(6, 100); seed++) {
		struct sim *s = begin(seed, 2, 1300 - (uint32_t)seed * 20, 1280, 10000);

		sim_bulk_pair(s, 2 * MIB, 2 * MIB, NULL);
		if (!sim_run(s, 600 * SIM_S))
			sim_fail(s, "not done");
		sim_assert(s, sim_stat(s, 0, STAT_TcpExt_TCPMTUPSuccess) +
					      sim_stat(s, 1, STAT_TcpExt_TCPMTUPSuccess) >
				      0);
		sim_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_black_hole_is_found_and_passed_in_both_directions),
		cmocka_unit_test(the_search_ends_close_below_the_limit),
		cmocka_unit_test(a_path_that_becomes_narrow_under_way_is_followed),
		cmocka_unit_test(losses_do_not_stop_the_search),
	};

	return tapir_test_run("sim/test_blackhole", tests);
}
