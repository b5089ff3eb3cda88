/*
 * How fast, and at what cost: one transfer in each cell of loss x reordering x round-trip time x bottleneck
 * queue, for each congestion control and some settings, over a path of 50 Mbit/s in virtual time. The numbers are
 * exact, since everything follows from seeds, and are kept in throughput.golden: whoever changes the behaviour
 * sees it there, line by line, and decides whether it is for the better. `make golden` writes the file anew.
 *
 *	goodput   Mbit/s that reached the application, from connect() on
 *	retrans   segments sent again          spurious   of these, that the receiver had already
 *	rto       retransmission time-outs     loss       segments that the path lost
 *
 * TAPIR_GOLDEN_EVERY=N looks at each Nth row only, as `make unit` does;
 * TAPIR_ROW="reno  default loss 1 " shows the rows that have this in them.
 * timeout: 300
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

#define GOLDEN "tests/sim/throughput.golden"

enum { LINE = 200, LINES_MAX = 1000, DIFFS_SHOWN = 60 };

#define RATE_BPS UINT64_C(50000000)
#define BYTES	 UINT64_C(10000000)
#define TIME_NS	 (30 * SIM_S)
#define SMALL	 UINT32_C(30000) /* bytes of the small queue: 20 segments */

struct flavour {
	const char *name;
	const char *sysctl[3]; /* set if there */
	int64_t value[3];
	bool wide; /* buffers that hold any path, not grown on the way */
};

static const struct flavour flavours[] = {
	{.name = "default"},
	{.name = "nosack", .sysctl = {"net.ipv4.tcp_sack"}, .value = {0}},
	{.name = "notime", .sysctl = {"net.ipv4.tcp_timestamps"}, .value = {0}},
	{.name = "norack", .sysctl = {"net.ipv4.tcp_recovery"}, .value = {0}},
	{.name = "wide", .wide = true},
};

enum { N_FLAVOURS = sizeof(flavours) / sizeof(flavours[0]) };

static const char *const ccs[] = {"cubic", "reno"};
static const uint32_t losses_ppm[] = {0, 1000, 10000, 30000, 100000};
static const uint32_t rtts_ms[] = {1, 20, 100, 300};
static const char *const reorders[] = {"none", "mild", "heavy"};
static const char *const queues[] = {"small", "bdp", "large"};

struct cell {
	const struct flavour *flavour;
	const char *cc;
	unsigned loss, reorder, rtt, queue;
};

static void path_of(const struct cell *c, struct simlink_conf *l)
{
	uint64_t rtt_ns = rtts_ms[c->rtt] * SIM_MS;
	uint32_t bdp = (uint32_t)(RATE_BPS / 8 * rtts_ms[c->rtt] / 1000);

	*l = (struct simlink_conf){.rate_bps = RATE_BPS, .delay_ns = rtt_ns / 2};
	l->loss_ppm = losses_ppm[c->loss];
	/* Mild: one in a hundred comes late by up to an eighth of the RTT. Heavy: one in ten, by up to half. */
	if (c->reorder == 1) {
		l->reorder_ppm = 10000;
		l->reorder_ns = rtt_ns / 8;
	} else if (c->reorder == 2) {
		l->reorder_ppm = 100000;
		l->reorder_ns = rtt_ns / 2;
	}
	l->queue_bytes = c->queue == 0 ? SMALL : c->queue == 1 ? bdp : 4 * bdp;
	if (l->queue_bytes < SMALL)
		l->queue_bytes = SMALL;
}

/* False: there is no such congestion control. */
static bool cc_known(struct sim *s, const char *cc)
{
	tapir_sock_t sock = tapir_socket(s->host[0].t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	int r = tapir_setsockopt(s->host[0].t, sock, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION, cc,
				 strlen(cc));

	tapir_close(s->host[0].t, sock);
	return r == 0;
}

/* TAPIR_ROW: only rows whose beginning has this in it. */
static const char *only;

static void run_cell(const struct cell *c, uint64_t seed, char *line)
{
	struct sim_bulk_conf up = {.send = BYTES, .key_send = 1, .hold_open = true, .cc = c->cc};
	struct sim_bulk_conf down = {.expect = BYTES, .key_expect = 1};
	struct simlink_conf forth, back;
	const struct simlink_stats *st;
	struct sim_listener *l;
	struct sim_conf conf;
	uint64_t ns, got, bps;
	struct sim *s;
	int n;

	sim_conf_default(&conf, seed);
	conf.replay = "test_throughput";
	for (unsigned i = 0; i < 3 && c->flavour->sysctl[i]; i++)
		tapir_conf_set(&conf.conf, c->flavour->sysctl[i], 0, c->flavour->value[i]);
	if (c->flavour->wide) {
		conf.conf.tcp_rmem_default = 16 << 20;
		conf.conf.tcp_wmem_default = 4 << 20;
	}
	path_of(c, &forth);
	back = (struct simlink_conf){.rate_bps = RATE_BPS, .delay_ns = forth.delay_ns};
	s = sim_new(&conf);
	sim_link(s, 0, &forth);
	sim_link(s, 1, &back);
	n = snprintf(line, LINE, "%-5s %-7s loss %-4s reorder %-5s rtt %3u queue %-5s ", c->cc,
		     c->flavour->name, (const char *[]){"0", "0.1", "1", "3", "10"}[c->loss],
		     reorders[c->reorder], rtts_ms[c->rtt], queues[c->queue]);
	if (only && !strstr(line, only)) {
		sim_free(s);
		return;
	}
	if (!cc_known(s, c->cc)) {
		snprintf(line + n, LINE - (size_t)n, "| no such congestion control");
		sim_free(s);
		return;
	}
	l = sim_listen(s, 1, 80, 4, &down);
	sim_connect(s, 0, 1, 80, &up);
	sim_run(s, TIME_NS);
	got = l->last ? l->last->got : 0;
	ns = l->last && l->last->done ? l->last->done_ns - s->start_ns : TIME_NS;
	bps = got * 8000 / (ns / SIM_MS);
	st = simlink_stats_of(s->link, s->host[0].port);
	snprintf(line + n, LINE - (size_t)n,
		 "| goodput %6.2f retrans %5llu spurious %4llu rto %2llu loss %5llu",
		 (double)bps / 1e6, (unsigned long long)sim_stat(s, 0, STAT_Tcp_RetransSegs),
		 (unsigned long long)(sim_stat(s, 1, STAT_TcpExt_TCPDSACKOldSent) +
				      sim_stat(s, 1, STAT_TcpExt_TCPDSACKOfoSent)),
		 (unsigned long long)sim_stat(s, 0, STAT_TcpExt_TCPTimeouts),
		 (unsigned long long)(st->lost + st->lost_queue));
	sim_free(s);
}

/* The whole table for the defaults; other flavours at the places that tell most. */
static bool in_table(const struct cell *c)
{
	if (c->flavour == &flavours[0])
		return true;
	return c->cc == ccs[0] && c->queue == 1 && (c->rtt == 1 || c->rtt == 2) && c->loss < 4;
}

static char now[LINES_MAX][LINE], golden[LINES_MAX][LINE];
static unsigned nnow, ngolden;

static void run_table(unsigned every)
{
	uint64_t seed = 1;

	for (unsigned f = 0; f < N_FLAVOURS; f++) {
		for (unsigned k = 0; k < 2 * 5 * 3 * 4 * 3; k++) {
			struct cell c = {
				.flavour = &flavours[f],
				.cc = ccs[k / 180],
				.loss = k / 36 % 5,
				.reorder = k / 12 % 3,
				.rtt = k / 3 % 4,
				.queue = k % 3,
			};

			if (!in_table(&c))
				continue;
			/* The luck of a cell hangs on its place, not on what else is run. */
			seed = f * 1000 + k % 180 + 1;
			if (nnow % every == 0)
				run_cell(&c, seed, now[nnow]);
			nnow++;
			assert_true(nnow < LINES_MAX);
		}
	}
}

static void read_golden(void)
{
	FILE *f = fopen(GOLDEN, "r");
	char line[LINE];

	if (!f) {
		fail_msg("%s: %s", GOLDEN, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] != '#' && ngolden < LINES_MAX)
			snprintf(golden[ngolden++], LINE, "%s", line);
	}
	fclose(f);
}

static void write_golden(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f) {
		fail_msg("%s: %s", path, strerror(errno));
		return;
	}
	fprintf(f,
		"# Written by `make golden`; tests/sim/test_throughput.c tells what it means.\n");
	for (unsigned i = 0; i < nnow; i++)
		fprintf(f, "%s\n", now[i]);
	fclose(f);
}

TEST(throughput_is_what_the_golden_table_says, "")
{
	unsigned every = 1, differ = 0, held = 0;

#ifdef TAPIR_DEBUG
	every = 17; /* the sanitizers are slow; each row stands for itself */
#endif
	if (getenv("TAPIR_GOLDEN_EVERY"))
		every = (unsigned)atoi(getenv("TAPIR_GOLDEN_EVERY"));
	assert_true(every > 0);
	only = getenv("TAPIR_ROW");
	run_table(every);
	if (only) {
		for (unsigned i = 0; i < nnow; i++) {
			if (strstr(now[i], "|"))
				fprintf(stderr, "%s\n", now[i]);
		}
		fail_msg("only some rows were run");
	}
	if (getenv("TAPIR_GOLDEN")) {
		write_golden(GOLDEN);
		return;
	}
	read_golden();
	for (unsigned i = 0; i < nnow; i += every) {
		const char *was = i < ngolden ? golden[i] : "";

		held++;
		if (strcmp(was, now[i]) == 0)
			continue;
		if (differ++ < DIFFS_SHOWN)
			fprintf(stderr, "-%s\n+%s\n", was, now[i]);
	}
	if (differ || ngolden != nnow)
		fail_msg("%u of %u rows differ from " GOLDEN "; if that is meant: make golden",
			 differ, held);
	printf("%u rows\n", held);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(throughput_is_what_the_golden_table_says),
	};

	return tapir_test_run("sim/test_throughput", tests);
}
