/*
 * Packets of which several bytes are wrong. The Internet checksum does not catch all of them, so that no byte
 * is promised here: nothing crashes, hangs or leaks, whatever arrives. What went through unseen is counted,
 * as the limit of a sum of 16 bits.
 */
#include <stdio.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

static uint64_t corrupted, wrong, failed;

static void run(uint64_t seed)
{
	struct sim_bulk_conf c = {.send = 100000,
				  .expect = 1 << 30,
				  .key_send = 1,
				  .key_expect = 2,
				  .may_fail = true,
				  .count_wrong = true};
	struct sim_bulk_conf d = c;
	struct sim_listener *l;
	struct sim_bulk *b;
	struct sim_conf conf;
	struct sim *s;

	sim_conf_default(&conf, seed);
	conf.replay = "test_corrupt";
	conf.type = seed % 2 ? TAPIR_NETIF_RAW_IP : TAPIR_NETIF_ETHER;
	conf.link.corrupt_many_ppm = 50000 + (uint32_t)(seed * 7919 % 250000);
	s = sim_new(&conf);
	d.key_send = 2;
	d.key_expect = 1;
	l = sim_listen(s, 1, 80, 16, &d);
	b = sim_connect(s, 0, 1, 80, &c);
	sim_run(s, 3600 * SIM_S);
	corrupted +=
		simlink_stats_of(s->link, 0)->corrupted + simlink_stats_of(s->link, 1)->corrupted;
	wrong += b->wrong + (l->last ? l->last->wrong : 0);
	failed += b->err != 0;
	sim_free(s);
}

TEST(packets_with_many_wrong_bytes_harm_nobody, "")
{
	unsigned n = sim_seeds(300, 20000);
	uint64_t first = sim_seed(1);

	for (unsigned i = 0; i < n; i++)
		run(first + i);
	printf("%llu packets corrupt, %llu reads with a wrong byte, %llu connections ended\n",
	       (unsigned long long)corrupted, (unsigned long long)wrong,
	       (unsigned long long)failed);
	assert_true(sim_seed_given() || corrupted > 1000);
	/* About one corrupt packet in 65,536 has a right sum by luck; no more may get through. */
	assert_true(wrong <= 2 + corrupted / 10000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_with_many_wrong_bytes_harm_nobody),
	};

	return tapir_test_run("sim/test_corrupt", tests);
}
