/*
 * Paths that are hard in one way each: slow, lossy or bursty on the way back, reordering, marking, shared, with an MTU or
 * a delay that changes under way. Whatever the path does, every byte arrives, no invariant breaks, the judge of the
 * wire has nothing to say, and no one waits longer than the mechanism at work explains. The bounds are about
 * twice what is seen; the exact numbers of plain paths are in throughput.golden.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

#define MBIT UINT64_C(1000000)

enum { MB = 1000000, FLOWS_MAX = 8 };

struct trial {
	struct sim_conf conf;
	struct simlink_conf forth, back;
	struct sim *s;
	struct sim_listener *l[FLOWS_MAX];
	struct sim_bulk *b[FLOWS_MAX];
	unsigned n;
};

/* 50 Mbit/s both ways, 40 ms there and back, a queue of one bandwidth-delay product. */
static void prepare(struct trial *t, uint64_t seed)
{
	*t = (struct trial){0};
	sim_conf_default(&t->conf, sim_seed(seed));
	t->conf.replay = "test_paths";
	t->conf.link.backpressure = false;
	t->conf.check = true;
	t->forth = (struct simlink_conf){.rate_bps = 50 * MBIT,
					 .delay_ns = 20 * SIM_MS,
					 .queue_bytes = 250000};
	t->back = t->forth;
}

static void begin(struct trial *t)
{
	t->s = sim_new(&t->conf);
	sim_link(t->s, 0, &t->forth);
	sim_link(t->s, 1, &t->back);
}

/* One more flow from host 0 to host 1, each on a port of its own. */
static void flow(struct trial *t, uint64_t bytes, const char *cc)
{
	struct sim_bulk_conf up = {.send = bytes, .key_send = t->n + 1, .cc = cc};
	struct sim_bulk_conf down = {.expect = bytes, .key_expect = t->n + 1};
	uint16_t port = (uint16_t)(80 + t->n);

	t->l[t->n] = sim_listen(t->s, 1, port, 4, &down);
	t->b[t->n] = sim_connect(t->s, 0, 1, port, &up);
	t->n++;
}

/* All is over within `ns`, and the reader never waited longer than stall_ns. */
static void finish_within(struct trial *t, uint64_t ns, uint64_t stall_ns)
{
	bool done = sim_run(t->s, ns);
	const struct sim_bulk *r = t->l[0]->last;

	printf("%.3f s, retransmitted %llu, time-outs %llu, longest wait %.3f s\n",
	       (double)(t->s->now_ns - t->s->start_ns) / 1e9,
	       (unsigned long long)sim_stat(t->s, 0, STAT_Tcp_RetransSegs),
	       (unsigned long long)sim_stat(t->s, 0, STAT_TcpExt_TCPTimeouts),
	       r ? (double)r->stall_ns / 1e9 : 0.0);
	if (!done)
		sim_fail(t->s, "not done in time, %llu bytes are there",
			 (unsigned long long)(r ? r->got : 0));
	if (r->stall_ns > stall_ns)
		sim_fail(t->s, "the reader waited for %.3f s", (double)r->stall_ns / 1e9);
}

static uint64_t retransmitted(struct trial *t)
{
	return sim_stat(t->s, 0, STAT_Tcp_RetransSegs);
}

static void end(struct trial *t)
{
	sim_free(t->s);
}

TEST(acks_through_a_narrow_way_back_do_not_stop_the_data, "")
{
	struct trial t;

	prepare(&t, 1);
	t.back.rate_bps = MBIT / 4;
	t.back.queue_bytes = 20000;
	begin(&t);
	flow(&t, 8 * MB, NULL);
	finish_within(&t, 10 * SIM_S, 500 * SIM_MS);
	end(&t);
}

TEST(lost_acks_cost_little, "")
{
	struct trial t;

	prepare(&t, 2);
	t.back.loss_ppm = 300000;
	begin(&t);
	flow(&t, 8 * MB, NULL);
	finish_within(&t, 4 * SIM_S, 500 * SIM_MS);
	end(&t);
}

TEST(compressed_acks_are_used, "")
{
	struct trial t;

	prepare(&t, 3);
	t.back.coalesce_ns = 30 * SIM_MS;
	begin(&t);
	flow(&t, 8 * MB, NULL);
	finish_within(&t, 4 * SIM_S, 500 * SIM_MS);
	end(&t);
}

TEST(bursts_of_loss_are_overcome, "")
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct trial t;

		prepare(&t, seed);
		t.forth.burst_enter_ppm = 2000;
		t.forth.burst_leave_ppm = 200000;
		t.forth.burst_loss_ppm = 800000;
		begin(&t);
		flow(&t, 4 * MB, NULL);
		finish_within(&t, 8 * SIM_S, 500 * SIM_MS);
		end(&t);
	}
}

TEST(reordering_is_not_taken_for_loss, "")
{
	struct trial t;

	prepare(&t, 5);
	t.forth.reorder_ppm = 200000;
	t.forth.reorder_ns = 8 * SIM_MS;
	begin(&t);
	flow(&t, 8 * MB, NULL);
	finish_within(&t, 4 * SIM_S, 500 * SIM_MS);
	sim_assert(t.s, retransmitted(&t) < 600);
	sim_assert(t.s, sim_stat(t.s, 0, STAT_TcpExt_TCPTimeouts) == 0);
	end(&t);
}

TEST(a_marking_bottleneck_loses_nothing, "")
{
	struct trial t;

	prepare(&t, 6);
	if (tapir_conf_set(&t.conf.conf, "net.ipv4.tcp_ecn", 0, 1) == 0) {
		t.forth.mark_bytes = 100000;
		t.forth.queue_bytes = 4000000;
		begin(&t);
		flow(&t, 8 * MB, NULL);
		finish_within(&t, 5 * SIM_S, 500 * SIM_MS);
		sim_assert(t.s, retransmitted(&t) == 0);
		sim_assert(t.s, simlink_stats_of(t.s->link, t.s->host[0].port)->marked > 0);
		sim_assert(t.s, wirecheck_totals_of(t.s->wire)->cwr > 0);
		end(&t);
	}
}

/* Goodput of each flow while all are there, and Jain's index of them in percent. */
static unsigned jain(struct trial *t, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t before[FLOWS_MAX];
	double sum = 0, squares = 0;

	sim_pass(t->s, from_ns);
	for (unsigned i = 0; i < t->n; i++)
		before[i] = t->l[i]->last ? t->l[i]->last->got : 0;
	sim_pass(t->s, to_ns - from_ns);
	for (unsigned i = 0; i < t->n; i++) {
		double x = (double)((t->l[i]->last ? t->l[i]->last->got : 0) - before[i]);

		printf("flow %u: %.2f Mbit/s\n", i, x * 8e3 / (double)(to_ns - from_ns));
		sum += x;
		squares += x * x;
	}
	return squares > 0 ? (unsigned)(100 * sum * sum / (t->n * squares)) : 0;
}

TEST(flows_of_one_kind_share_evenly, "")
{
	struct trial t;

	prepare(&t, 7);
	t.conf.check = false;
	begin(&t);
	for (int i = 0; i < 4; i++)
		flow(&t, 1000 * (uint64_t)MB, NULL);
	sim_assert(t.s, jain(&t, 10 * SIM_S, 40 * SIM_S) >= 85);
	end(&t);
}

static bool cc_known(struct trial *t, const char *cc)
{
	tapir_sock_t sock = tapir_socket(t->s->host[0].t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	int r = tapir_setsockopt(t->s->host[0].t, sock, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION, cc,
				 strlen(cc));

	tapir_close(t->s->host[0].t, sock);
	return r == 0;
}

TEST(reno_and_cubic_share_a_bottleneck, "")
{
	struct trial t;

	prepare(&t, 8);
	t.conf.check = false;
	begin(&t);
	if (cc_known(&t, "cubic")) {
		flow(&t, 1000 * (uint64_t)MB, "cubic");
		flow(&t, 1000 * (uint64_t)MB, "reno");
		flow(&t, 1000 * (uint64_t)MB, "cubic");
		flow(&t, 1000 * (uint64_t)MB, "reno");
		sim_assert(t.s, jain(&t, 10 * SIM_S, 40 * SIM_S) >= 60);
	}
	end(&t);
}

/* Who comes later gets a share too. */
TEST(a_late_comer_gets_its_share, "")
{
	struct trial t;
	uint64_t got;

	prepare(&t, 9);
	t.conf.check = false;
	begin(&t);
	flow(&t, 1000 * (uint64_t)MB, NULL);
	sim_pass(t.s, 20 * SIM_S);
	flow(&t, 1000 * (uint64_t)MB, NULL);
	sim_pass(t.s, 40 * SIM_S);
	got = t.l[1]->last->got;
	sim_pass(t.s, 20 * SIM_S);
	got = t.l[1]->last->got - got;
	printf("%.2f Mbit/s\n", (double)got * 8 / 20e6);
	sim_assert(t.s, got * 8 / 20 > 10 * MBIT);
	end(&t);
}

TEST(a_smaller_path_mtu_is_learnt_in_mid_transfer, "")
{
	struct trial t;

	prepare(&t, 10);
	begin(&t);
	flow(&t, 8 * MB, NULL);
	sim_pass(t.s, SIM_S);
	t.forth.mtu = t.s->tell_mtu = 1300;
	sim_link(t.s, 0, &t.forth);
	finish_within(&t, 6 * SIM_S, SIM_S);
	end(&t);
}

TEST(a_black_hole_is_found_by_probing, "")
{
	struct trial t;

	prepare(&t, 11);
	if (tapir_conf_set(&t.conf.conf, "net.ipv4.tcp_mtu_probing", 0, 1) == 0) {
		begin(&t);
		flow(&t, 8 * MB, NULL);
		sim_pass(t.s, SIM_S);
		t.forth.mtu = 1300;
		sim_link(t.s, 0, &t.forth);
		finish_within(&t, 15 * SIM_S, 8 * SIM_S);
		end(&t);
	}
}

TEST(a_path_that_is_away_for_a_while_is_taken_up_again, "")
{
	struct trial t;
	struct simlink_conf away;

	prepare(&t, 12);
	begin(&t);
	flow(&t, 8 * MB, NULL);
	sim_pass(t.s, SIM_S);
	away = t.forth;
	away.loss_ppm = SIMLINK_ALWAYS;
	sim_link(t.s, 0, &away);
	sim_pass(t.s, 5 * SIM_S);
	sim_link(t.s, 0, &t.forth);
	/* The RTO has doubled meanwhile: twice the time away at most. */
	finish_within(&t, 25 * SIM_S, 11 * SIM_S);
	end(&t);
}

TEST(a_delay_that_jumps_costs_one_time_out, "")
{
	struct trial t;

	prepare(&t, 13);
	begin(&t);
	flow(&t, 8 * MB, NULL);
	sim_pass(t.s, SIM_S);
	t.forth.delay_ns = 400 * SIM_MS;
	sim_link(t.s, 0, &t.forth);
	finish_within(&t, 10 * SIM_S, SIM_S);
	end(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(acks_through_a_narrow_way_back_do_not_stop_the_data),
		cmocka_unit_test(lost_acks_cost_little),
		cmocka_unit_test(compressed_acks_are_used),
		cmocka_unit_test(bursts_of_loss_are_overcome),
		cmocka_unit_test(reordering_is_not_taken_for_loss),
		cmocka_unit_test(a_marking_bottleneck_loses_nothing),
		cmocka_unit_test(flows_of_one_kind_share_evenly),
		cmocka_unit_test(reno_and_cubic_share_a_bottleneck),
		cmocka_unit_test(a_late_comer_gets_its_share),
		cmocka_unit_test(a_smaller_path_mtu_is_learnt_in_mid_transfer),
		cmocka_unit_test(a_black_hole_is_found_by_probing),
		cmocka_unit_test(a_path_that_is_away_for_a_while_is_taken_up_again),
		cmocka_unit_test(a_delay_that_jumps_costs_one_time_out),
	};

	return tapir_test_run("sim/test_paths", tests);
}
