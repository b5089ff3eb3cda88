/*
 * Settings that change while connections live: any of them, to anything within its limits, every few milliseconds, on
 * both hosts, while data flows over a bad network. Every byte arrives all the same, and tapir_check() finds nothing wrong
 * after any step.
 */
#include <string.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

/* Those whose very purpose is to give a connection up, or to refuse one. */
static bool may_end_it(const char *name)
{
	static const char *const word[] = {
		"retries",
		"tcp_rto_m",
		"orphan",
		"keepalive",
		"max_conns",
		"max_syn_backlog",
		"abort_on",
		"somaxconn",
		"max_sockets",
		"conf.all",
		"tcp_fin_timeout",
		"neigh",
		"arp",
		"syncookies",
		"rst_limit",
		"port_range",
		"route",
		/* short of memory, what was closed and still sends is ended */
		"tcp_mem",
		/* the peer says when to give up */
		"tcp_uto",
	};

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		if (strstr(name, word[i]))
			return true;
	return false;
}

static int64_t any_value(struct rnd *r, const struct tapir_conf_item *c)
{
	uint64_t span = (uint64_t)(c->max - c->min);

	switch (rnd_below(r, 5)) {
	case 0:
		return c->min;
	case 1:
		return c->max;
	case 2:
		return c->def;
	case 3: /* close to the default */
		span = c->def - c->min < 16 ? 16 : (uint64_t)(c->def - c->min) / 4;
		return c->def + (int64_t)rnd_below(r, (uint32_t)(span & 0xffffff) + 1) <= c->max
			       ? c->def + (int64_t)rnd_below(r, (uint32_t)(span & 0xffffff) + 1)
			       : c->max;
	default: /* of any size */
		span >>= rnd_below(r, 40);
		return c->min + (int64_t)(span ? rnd_u64(r) % span : 0);
	}
}

static void change_one(struct sim *s, struct rnd *r)
{
	const struct tapir_conf_item *c;
	unsigned n = 0;

	while (tapir_conf_item(n))
		n++;
	c = tapir_conf_item(rnd_below(r, n));
	if (may_end_it(c->name))
		return;
	/* What contradicts another is refused. */
	(void)tapir_sysctl(s->host[rnd_below(r, 2)].t, c->name, c->index, any_value(r, c));
}

static void all_default(struct sim *s)
{
	const struct tapir_conf_item *c;

	/* Twice: ranges may refuse to change before their other end has. */
	for (int again = 0; again < 2; again++)
		for (unsigned h = 0; h < 2; h++)
			for (unsigned i = 0; (c = tapir_conf_item(i)) != NULL; i++)
				(void)tapir_sysctl(s->host[h].t, c->name, c->index, c->def);
}

static void run(uint64_t seed)
{
	struct rnd r = {seed ^ 0x5e77};
	struct sim_conf conf;
	struct sim *s;

	sim_conf_default(&conf, seed);
	conf.replay = "test_settings";
	conf.check = true;
	conf.no_wirecheck = true; /* it judges by the settings of the beginning */
	conf.link.delay_ns = rnd_below(&r, 20) * SIM_MS;
	conf.link.loss_ppm = rnd_below(&r, 2) ? 20000 : 0;
	conf.link.reorder_ppm = rnd_below(&r, 2) ? 50000 : 0;
	conf.link.reorder_ns = 5 * SIM_MS;
	conf.link.rate_bps = 20000000;
	s = sim_new(&conf);
	sim_bulk_pair(s, 1 << 20, 1 << 20, NULL);
	sim_pass(s, 200 * SIM_MS); /* both ends are there */
	for (unsigned i = 0; i < 400 && s->busy; i++) {
		change_one(s, &r);
		change_one(s, &r);
		sim_pass(s, 5 * SIM_MS);
	}
	all_default(s);
	if (!sim_run(s, 3600 * SIM_S))
		sim_fail(s, "not done");
	sim_free(s);
}

TEST(settings_may_change_at_any_time, "")
{
	unsigned n = sim_seeds(150, 10000);
	uint64_t first = sim_seed(1);

	for (unsigned i = 0; i < n; i++)
		run(first + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_may_change_at_any_time),
	};

	return tapir_test_run("sim/test_settings", tests);
}
