/*
 * A seed replays a run to the byte: the same frames at the same times. And it does so whatever addresses the
 * allocator hands out.
 */
#include <stdlib.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

struct result {
	uint64_t hash, frames, end_ns;
};

static struct result run(uint64_t seed, bool litter)
{
	struct sim_conf conf;
	struct result r;
	struct sim *s;
	void *waste[64];

	/* Holes in the heap of the process: other addresses for the same run. */
	for (unsigned i = 0; litter && i < 64; i++)
		waste[i] = malloc(100 + 977 * i);
	for (unsigned i = 0; litter && i < 64; i += 2)
		free(waste[i]);

	sim_conf_default(&conf, seed);
	conf.type = TAPIR_NETIF_ETHER;
	conf.hash = true;
	conf.link.loss_ppm = 20000;
	conf.link.dup_ppm = 20000;
	conf.link.corrupt_ppm = 20000;
	conf.link.reorder_ppm = 50000;
	conf.link.reorder_ns = 3 * SIM_MS;
	conf.link.jitter_ns = SIM_MS;
	s = sim_new(&conf);
	sim_bulk_pair(s, 300000, 300000, NULL);
	for (unsigned i = 0; i < 3; i++) {
		struct sim_bulk_conf c = {.send = 300000,
					  .expect = 300000,
					  .key_send = 11,
					  .key_expect = 22};

		sim_connect(s, 0, 1, 80, &c);
	}
	sim_assert(s, sim_run(s, 3600 * SIM_S));
	r = (struct result){sim_hash(s), s->frames, s->now_ns};
	sim_free(s);
	for (unsigned i = 1; litter && i < 64; i += 2)
		free(waste[i]);
	return r;
}

TEST(same_seed_replays_to_the_byte, "")
{
	struct result a = run(7, false), b = run(7, false);

	assert_true(a.frames > 1000);
	assert_int_equal(a.hash, b.hash);
	assert_int_equal(a.frames, b.frames);
	assert_int_equal(a.end_ns, b.end_ns);
}

TEST(addresses_of_memory_do_not_matter, "")
{
	struct result a = run(8, false), b = run(8, true);

	assert_int_equal(a.hash, b.hash);
	assert_int_equal(a.end_ns, b.end_ns);
}

TEST(other_seeds_give_other_runs, "")
{
	struct result a = run(9, false), b = run(10, false);

	assert_true(a.hash != b.hash);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_replays_to_the_byte),
		cmocka_unit_test(addresses_of_memory_do_not_matter),
		cmocka_unit_test(other_seeds_give_other_runs),
	};

	return tapir_test_run("sim/test_replay", tests);
}
