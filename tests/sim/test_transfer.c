/*
 * Bulk transfers between two stacks, every byte checked, over links that lose, swap, double and
 * corrupt. `make sim-long` runs many more seeds; TAPIR_SIM_SEEDS=N says how many, TAPIR_SEED=N one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

/* `up` and `down` bytes at the same time over a link with that loss. */
static void transfer(uint64_t seed, uint64_t up, uint64_t down, uint32_t loss_ppm,
		     const char *replay)
{
	struct sim_conf conf;
	struct sim *s;

	sim_conf_default(&conf, seed);
	conf.replay = replay;
	conf.link.loss_ppm = loss_ppm;
	conf.link.coalesce_ns = 20 * SIM_US;
	s = sim_new(&conf);
	sim_bulk_pair(s, up, down, NULL);
	if (!sim_run(s, 86400 * SIM_S))
		sim_fail(s, "not done after a day");
	printf("loss %u ppm: %.1f s, %llu frames, %llu steps, retransmitted %llu\n", loss_ppm,
	       (double)(s->now_ns - s->start_ns) / 1e9, (unsigned long long)s->frames,
	       (unsigned long long)s->steps,
	       (unsigned long long)wirecheck_totals_of(s->wire)->retrans_segs);
	if (getenv("TAPIR_SIM_TELL"))
		sim_fail(s, "%llu frames %llu steps", (unsigned long long)s->frames,
			 (unsigned long long)s->steps);
	sim_free(s);
}

enum { MIB = 1 << 20 };

TEST(hundred_mib_each_way_without_loss, "")
{
	transfer(1, 100 * MIB, 100 * MIB, 0, "test_transfer hundred_mib_each_way_without_loss");
}

TEST(hundred_mib_each_way_at_1_percent_loss, "")
{
	transfer(2, 100 * MIB, 100 * MIB, 10000, "test_transfer hundred_mib_each_way_at_1");
}

TEST(hundred_mib_each_way_at_5_percent_loss, "")
{
	transfer(3, 100 * MIB, 100 * MIB, 50000, "test_transfer hundred_mib_each_way_at_5");
}

TEST(hundred_mib_each_way_at_20_percent_loss, "")
{
	transfer(4, 100 * MIB, 100 * MIB, 200000, "test_transfer hundred_mib_each_way_at_20");
}

/* A random network and random applications, all from one seed. */
static void random_conf(struct sim_conf *conf, struct sim_bulk_conf *c, struct sim_bulk_conf *d,
			uint64_t seed)
{
	struct rnd rnd = {.state = seed ^ UINT64_C(0x7261746573)};
	struct simlink_conf *l = &conf->link;
	uint64_t rate = 1000000 * (1 + rnd_below(&rnd, 200));

	sim_conf_default(conf, seed);
	conf->mtu = rnd_below(&rnd, 3) ? 1500 : 576 + rnd_below(&rnd, 8000);
	conf->type = rnd_below(&rnd, 4) ? TAPIR_NETIF_RAW_IP : TAPIR_NETIF_ETHER;
	conf->start_ns = rnd_u64(&rnd) >> 16;
	l->rate_bps = rate;
	l->delay_ns = rnd_below(&rnd, 50) * SIM_MS;
	l->jitter_ns = rnd_below(&rnd, 3) ? 0 : rnd_below(&rnd, 20) * SIM_MS;
	l->queue_bytes = 20000 + rnd_below(&rnd, 500000);
	l->backpressure = rnd_below(&rnd, 2);
	l->coalesce_ns = rnd_below(&rnd, 2) ? 0 : rnd_below(&rnd, 1000) * SIM_US;
	if (rnd_below(&rnd, 2))
		l->loss_ppm = rnd_below(&rnd, 100000);
	if (rnd_below(&rnd, 2))
		l->dup_ppm = rnd_below(&rnd, 100000);
	if (rnd_below(&rnd, 2))
		l->corrupt_ppm = rnd_below(&rnd, 100000);
	if (rnd_below(&rnd, 2)) {
		l->reorder_ppm = rnd_below(&rnd, 200000);
		l->reorder_ns = rnd_below(&rnd, 30) * SIM_MS;
	}
	if (rnd_below(&rnd, 4) == 0) {
		l->burst_enter_ppm = rnd_below(&rnd, 10000);
		l->burst_leave_ppm = 300000 + rnd_below(&rnd, 500000);
		l->burst_loss_ppm = 500000 + rnd_below(&rnd, 500000);
	}
	/* Luck may lose a SYN or a segment many times: that is no reason to give up here. */
	conf->conf.tcp_syn_retries = 30;
	conf->conf.tcp_retries2 = 100;
	conf->conf.tcp_orphan_retries = 100;
	if (rnd_below(&rnd, 4) == 0)
		conf->conf.tcp_timestamps = 0;
	if (rnd_below(&rnd, 4) == 0)
		conf->conf.tcp_sack = 0;
	if (rnd_below(&rnd, 4) == 0)
		conf->conf.tcp_window_scaling = 0;
	if (rnd_below(&rnd, 4) == 0)
		conf->conf.tcp_max_ooo_ranges = 4 + rnd_below(&rnd, 8);

	*c = (struct sim_bulk_conf){.send = 262144,
				    .expect = 262144,
				    .key_send = 1,
				    .key_expect = 2};
	*d = (struct sim_bulk_conf){.send = 262144,
				    .expect = 262144,
				    .key_send = 2,
				    .key_expect = 1};
	for (struct sim_bulk_conf *b = c; b; b = b == c ? d : NULL) {
		b->write_max = 1 + rnd_below(&rnd, 65536);
		b->read_max = 1 + rnd_below(&rnd, 65536);
		b->nodelay = rnd_below(&rnd, 2);
		b->wait_eof = b == c && rnd_below(&rnd, 4) == 0;
		if (rnd_below(&rnd, 4) == 0)
			b->rcvbuf = 4096 + rnd_below(&rnd, 100000);
		if (rnd_below(&rnd, 4) == 0)
			b->sndbuf = 4096 + rnd_below(&rnd, 100000);
		if (rnd_below(&rnd, 8) == 0) {
			b->read_max = 16384;
			b->read_pause_ns = rnd_below(&rnd, 50) * SIM_MS;
		}
	}
}

static void run_random(uint64_t seed)
{
	struct sim_bulk_conf c, d;
	struct sim_conf conf;
	struct sim *s;

	random_conf(&conf, &c, &d, seed);
	conf.replay = "test_transfer random_networks";
	s = sim_new(&conf);
	sim_listen(s, 1, 80, 4, &d);
	sim_connect(s, 0, 1, 80, &c);
	if (!sim_run(s, 86400 * SIM_S))
		sim_fail(s, "not done after a day");
	sim_free(s);
}

TEST(random_networks_deliver_every_byte, "MUST-2 MUST-69 SHLD-14 R7323-7 R7323-8")
{
	unsigned n = sim_seeds(2000, 200000);
	uint64_t first = sim_seed(1);

	for (unsigned i = 0; i < n; i++)
		run_random(first + i);
}

/* Allocations fail at random on both sides: calls say so, packets are lost, and all is delivered in the end. */
TEST(memory_that_fails_delays_but_breaks_nothing, "")
{
	unsigned n = sim_seeds(200, 20000);
	uint64_t first = sim_seed(1), failed = 0;

	for (unsigned i = 0; i < n; i++) {
		struct sim_bulk_conf c, d;
		struct sim_conf conf;
		struct sim *s;

		random_conf(&conf, &c, &d, first + i);
		conf.replay = "test_transfer memory_that_fails";
		c.send = c.expect = d.send = d.expect = 300000;
		s = sim_new(&conf);
		sim_listen(s, 1, 80, 4, &d);
		sim_connect(s, 0, 1, 80, &c);
		s->alloc_fail_ppm = 2000 << ((first + i - 1) % 7);
		if (!sim_run(s, 86400 * SIM_S))
			sim_fail(s, "not done after a day, %llu allocations failed",
				 (unsigned long long)s->alloc_failed);
		failed += s->alloc_failed;
		sim_free(s);
	}
	printf("%llu allocations failed\n", (unsigned long long)failed);
	assert_true(failed > n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hundred_mib_each_way_without_loss),
		cmocka_unit_test(hundred_mib_each_way_at_1_percent_loss),
		cmocka_unit_test(hundred_mib_each_way_at_5_percent_loss),
		cmocka_unit_test(hundred_mib_each_way_at_20_percent_loss),
		cmocka_unit_test(random_networks_deliver_every_byte),
		cmocka_unit_test(memory_that_fails_delays_but_breaks_nothing),
	};

	return tapir_test_run("sim/test_transfer", tests);
}
