/*
 * The simulated world: see sim.h.
 *
 * Its turn is a driver's loop for all hosts at once. At each moment the link hands over what is due and
 * takes what was sent, applications are served, until nothing moves any more; then the clock jumps to the
 * nearest deadline of anyone: a stack, the link, an application. Nobody waits, so hours of a
 * connection's life cost what their packets cost.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/siphash.h"
#include "tests/support/sim.h"
#include "tests/support/test_note.h"

enum { READY_BATCH = 64, TURNS_MAX = 20000 };

static const struct siphash_key hash_key = {UINT64_C(0x7461706972), 1};

/* ---- failures ---- */

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "at %.6f s: ", (double)(s->now_ns - s->start_ns) / 1e9);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n%s\n", s->note);
	fflush(stderr);
	tapir_test_note = NULL;
	abort();
}

bool sim_seed_given(void)
{
	return getenv("TAPIR_SEED") != NULL;
}

uint64_t sim_seed(uint64_t seed)
{
	const char *given = getenv("TAPIR_SEED");

	return given ? strtoull(given, NULL, 0) : seed;
}

unsigned sim_seeds(unsigned usual, unsigned many)
{
	const char *given = getenv("TAPIR_SIM_SEEDS");

	if (sim_seed_given())
		return 1;
	if (given && atoi(given) > 0)
		return (unsigned)atoi(given);
	return getenv("TAPIR_SIM_LONG") ? many : usual;
}

/* ---- the hosts ---- */

static void *host_alloc(void *ctx, size_t n)
{
	struct sim_host *h = ctx;
	struct sim *s = h->s;
	void *p;

	if (s->alloc_fail_ppm && rnd_below(&s->alloc_rnd, 1000000) < s->alloc_fail_ppm) {
		s->alloc_failed++;
		if (s->wire)
			wirecheck_no_memory(s->wire);
		return NULL;
	}
	p = malloc(n);
	if (p) {
		h->live++;
		h->live_bytes += n;
	}
	return p;
}

static void host_free(void *ctx, void *p, size_t n)
{
	struct sim_host *h = ctx;

	h->live--;
	h->live_bytes -= n;
	free(p);
}

static void *plain_alloc(void *ctx, size_t n)
{
	(void)ctx;
	return malloc(n);
}

static void plain_free(void *ctx, void *p, size_t n)
{
	(void)ctx;
	(void)n;
	free(p);
}

/* Makes the instance of host i and plugs it in. */
static void host_start(struct sim *s, unsigned i)
{
	struct sim_host *h = &s->host[i];
	struct tapir_env env = {h, host_alloc, host_free, NULL};
	struct tapir_netif_conf nc = {
		.name = "sim0",
		.type = s->conf.type,
		.mac = {{0x02, 0, 0, 0, 0, (uint8_t)(i + 1)}},
		.mtu = s->conf.mtu,
		.txq_bytes = s->conf.txq_bytes,
	};
	struct tapir_addr a;
	uint8_t seed[TAPIR_SEED_LEN];

	h->s = s;
	h->ip4 = TAPIR_IP4(10, 0, 0, i + 1);
	a = tapir_addr_v4(h->ip4);
	rnd_bytes(&s->rnd, seed, sizeof(seed));
	sim_assert(s, tapir_create(&h->t, &env, &s->conf.conf, seed, s->now_ns) == 0);
	h->ifi = tapir_netif_add(h->t, &nc);
	sim_assert(s, h->ifi > 0);
	sim_assert(s, tapir_addr_add(h->t, h->ifi, &a, SIM_PREFIX) == 0);
	sim_assert(s, tapir_netif_up(h->t, h->ifi) == 0);
	h->port = simlink_attach(s->link, h->t, h->ifi);
	sim_assert(s, h->port >= 0);
	s->host_of_port[h->port] = (uint8_t)i;
	simlink_set(s->link, h->port, &s->conf.link);
}

void sim_conf_default(struct sim_conf *conf, uint64_t seed)
{
	memset(conf, 0, sizeof(*conf));
	conf->seed = seed;
	conf->nhosts = 2;
	conf->type = TAPIR_NETIF_RAW_IP;
	conf->mtu = 1500;
	conf->start_ns = 1000 * SIM_S;
	conf->link.rate_bps = 1000000000;
	conf->link.delay_ns = SIM_MS;
	conf->link.queue_bytes = 1 << 20;
	conf->link.backpressure = true;
	tapir_conf_default(&conf->conf);
	conf->replay = "?";
#ifdef TAPIR_DEBUG
	conf->check = true;
#else
	conf->check = getenv("TAPIR_SIM_CHECK") != NULL;
#endif
}

/* ---- what the wire shows ---- */

static void trace(const struct sim *s, const struct simlink_frame *f, const uint8_t *ip, size_t n)
{
	struct wireview v;
	char text[400];
	const char *bad = wireview_read(ip, n, &v);

	fprintf(stderr, "%11.6f host %d %s %u>%u %s%s%s\n", (double)(s->now_ns - s->start_ns) / 1e9,
		f->port, f->arrives ? "<" : ">", v.sport, v.dport,
		wireview_text(&v, 0, 0, text, sizeof(text)), bad ? " BAD " : "", bad ? bad : "");
}

static void see(void *ctx, const struct simlink_frame *f)
{
	struct sim *s = ctx;
	unsigned host = s->host_of_port[f->port];
	struct sim_host *h = &s->host[host];
	uint32_t off = s->conf.type == TAPIR_NETIF_ETHER ? 14 : 0, n;
	const char *bad;

	s->frames += !f->arrives;
	if (s->conf.hash)
		s->hash = siphash_4u64(s->hash, f->time_ns, (uint64_t)f->port * 2 + f->arrives,
				       siphash13(f->p, f->len, &hash_key), &hash_key);
	if (off && (f->len < off + 20 || f->p[12] != 0x08 || f->p[13] != 0x00))
		return;
	n = f->len - off;
	/* Without the padding of short frames. */
	if (off && n > 20 && (uint32_t)(f->p[off + 2] << 8 | f->p[off + 3]) < n)
		n = (uint32_t)(f->p[off + 2] << 8 | f->p[off + 3]);
	if (s->trace)
		trace(s, f, f->p + off, n);
	if (s->tell_mtu && !f->arrives && host == 0 && n > s->tell_mtu) {
		memcpy(s->too_big, f->p + off, sizeof(s->too_big));
		s->too_big_seen = true;
	}
	if (!s->wire)
		return;
	if (f->arrives) {
		wirecheck_arrives(s->wire, h->ip4, f->time_ns, f->p + off, n);
		return;
	}
	bad = wirecheck_leaves(s->wire, h->ip4, f->time_ns, f->p + off, n);
	if (bad)
		sim_fail(s, "host %u, on the wire: %s", host, bad);
}

struct sim *sim_new(const struct sim_conf *conf)
{
	static const struct tapir_env env = {NULL, plain_alloc, plain_free, NULL};
	struct wirecheck_rules rules = {
		.mtu = conf->mtu,
		.ttl = (uint8_t)conf->conf.ip_default_ttl,
		.mangled = conf->link.corrupt_many_ppm > 0,
		.prompt = !conf->link.backpressure,
		.scoreboard = true,
	};
	struct sim *s = calloc(1, sizeof(*s));

	TAPIR_ASSERT(s && conf->nhosts <= SIM_HOSTS_MAX);
	s->conf = *conf;
	s->now_ns = s->start_ns = conf->start_ns;
	s->rnd.state = conf->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	s->alloc_rnd.state = conf->seed + 1;
	s->trace = getenv("TAPIR_SIM_TRACE") != NULL;
	heap_init(&s->timers);
	snprintf(s->note, sizeof(s->note),
		 "seed %llu; again: TAPIR_SEED=%llu TAPIR_SIM_TRACE=1 build/plain/tests/sim/%s",
		 (unsigned long long)conf->seed, (unsigned long long)conf->seed, conf->replay);
	tapir_test_note = s->note;
	s->link = simlink_create(&env, rnd_u64(&s->rnd));
	TAPIR_ASSERT(s->link);
	simlink_observe(s->link, see, s);
	if (!conf->no_wirecheck)
		s->wire = wirecheck_new(&rules);
	for (unsigned i = 0; i < conf->nhosts; i++)
		host_start(s, i);
	return s;
}

void sim_free(struct sim *s)
{
	for (struct sim_app *a = s->apps, *next; a; a = next) {
		next = a->next;
		a->end(a);
	}
	simlink_destroy(s->link);
	for (unsigned i = 0; i < s->conf.nhosts; i++) {
		struct sim_host *h = &s->host[i];

		tapir_destroy(h->t);
		if (h->live || h->live_bytes)
			sim_fail(s, "host %u leaks %zu blocks, %zu bytes", i, h->live,
				 h->live_bytes);
	}
	wirecheck_free(s->wire);
	tapir_test_note = NULL;
	free(s);
}

void sim_link(struct sim *s, unsigned host, const struct simlink_conf *conf)
{
	simlink_set(s->link, s->host[host].port, conf);
}

void sim_vanish(struct sim *s, unsigned host)
{
	simlink_detach(s->link, s->host[host].port);
	tapir_netif_down(s->host[host].t, s->host[host].ifi);
}

void sim_restart(struct sim *s, unsigned host)
{
	struct sim_app **at = &s->apps;

	while (*at) {
		struct sim_app *a = *at;

		if (a->host != host) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		sim_app_timer(a, TAPIR_NEVER);
		a->sock = 0; /* it goes with the instance */
		a->end(a);
	}
	simlink_detach(s->link, s->host[host].port);
	tapir_destroy(s->host[host].t);
	sim_assert(s, s->host[host].live == 0);
	if (s->wire)
		wirecheck_restart(s->wire, s->host[host].ip4);
	host_start(s, host);
}

void sim_inject(struct sim *s, unsigned host, const uint8_t *ip, size_t n)
{
	struct sim_host *h = &s->host[host];
	struct pkt *p = tapir_pkt_alloc(h->t, n);

	sim_assert(s, p && s->conf.type == TAPIR_NETIF_RAW_IP);
	memcpy(p->data, ip, n);
	p->len = (uint32_t)n;
	if (s->wire)
		wirecheck_arrives(s->wire, h->ip4, s->now_ns, ip, n);
	tapir_input(h->t, h->ifi, p);
}

/* ---- the turn ---- */

void sim_app_add(struct sim *s, struct sim_app *a, unsigned host, tapir_sock_t sock, uint32_t bits)
{
	a->s = s;
	a->host = host;
	a->sock = sock;
	heap_node_init(&a->timer);
	a->next = s->apps;
	s->apps = a;
	sim_assert(s, tapir_interest(s->host[host].t, sock, bits, (uint64_t)(uintptr_t)a) == 0);
}

void sim_app_timer(struct sim_app *a, uint64_t at_ns)
{
	if (at_ns == TAPIR_NEVER) {
		if (heap_queued(&a->timer))
			heap_remove(&a->s->timers, &a->timer);
	} else if (heap_queued(&a->timer)) {
		heap_rekey(&a->s->timers, &a->timer, at_ns);
	} else {
		heap_insert(&a->s->timers, &a->timer, at_ns);
	}
}

static size_t serve(struct sim *s)
{
	struct tapir_ready ev[READY_BATCH];
	size_t served = 0, n;

	for (unsigned i = 0; i < s->conf.nhosts; i++) {
		while ((n = tapir_ready_pop(s->host[i].t, ev, READY_BATCH)) > 0) {
			for (size_t k = 0; k < n; k++) {
				struct sim_app *a = (struct sim_app *)(uintptr_t)ev[k].cookie;

				/* Closed by one that was served before it in this batch. */
				if (a && a->sock == ev[k].sock)
					a->on(a, ev[k].bits);
			}
			served += n;
		}
	}
	while (heap_count(&s->timers) > 0 && heap_min(&s->timers)->key <= s->now_ns) {
		struct heap_node *node = heap_pop(&s->timers);
		struct sim_app *a = container_of(node, struct sim_app, timer);

		a->on(a, 0);
		served++;
	}
	return served;
}

/* The router that could not forward it says so (RFC 1191 4): next-hop MTU, header and 8 bytes. */
static void tell_too_big(struct sim *s)
{
	uint8_t ip[56] = {0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 254};
	uint16_t sum;

	s->too_big_seen = false;
	for (unsigned i = 0; i < 4; i++)
		ip[16 + i] = (uint8_t)(s->host[0].ip4 >> (24 - 8 * i));
	ip[20] = 3;
	ip[21] = 4;
	ip[26] = (uint8_t)(s->tell_mtu >> 8);
	ip[27] = (uint8_t)s->tell_mtu;
	memcpy(ip + 28, s->too_big, sizeof(s->too_big));
	sum = wireview_cksum(ip, 20, 0);
	memcpy(ip + 10, (uint8_t[]){(uint8_t)(sum >> 8), (uint8_t)sum}, 2);
	sum = wireview_cksum(ip + 20, 36, 0);
	memcpy(ip + 22, (uint8_t[]){(uint8_t)(sum >> 8), (uint8_t)sum}, 2);
	sim_inject(s, 0, ip, sizeof(ip));
}

void sim_settle(struct sim *s)
{
	unsigned turns = 0;
	size_t moved;

	do {
		for (unsigned i = 0; i < s->conf.nhosts; i++)
			tapir_advance(s->host[i].t, s->now_ns);
		moved = simlink_step(s->link, s->now_ns);
		if (s->too_big_seen)
			tell_too_big(s);
		moved += serve(s);
		if (s->conf.check) {
			for (unsigned i = 0; i < s->conf.nhosts; i++)
				tapir_check(s->host[i].t);
		}
		if (++turns > TURNS_MAX)
			sim_fail(s, "no end of turns at one moment");
	} while (moved > 0);
	s->steps++;
}

static uint64_t next_deadline(struct sim *s)
{
	uint64_t next = simlink_next_deadline(s->link), at;

	for (unsigned i = 0; i < s->conf.nhosts; i++) {
		at = tapir_next_deadline(s->host[i].t);
		next = at < next ? at : next;
	}
	if (heap_count(&s->timers) > 0 && heap_min(&s->timers)->key < next)
		next = heap_min(&s->timers)->key;
	return next;
}

static bool run(struct sim *s, uint64_t ns, bool until_idle)
{
	uint64_t end = s->now_ns + ns, next;
	unsigned stuck = 0;

	for (;;) {
		sim_settle(s);
		if (until_idle && s->busy == 0)
			return true;
		next = next_deadline(s);
		if (next > end)
			break;
		stuck = next <= s->now_ns ? stuck + 1 : 0;
		if (stuck > 1000)
			sim_fail(s, "a deadline that stays in the past");
		s->now_ns = next > s->now_ns ? next : s->now_ns;
	}
	s->now_ns = end;
	sim_settle(s);
	return s->busy == 0;
}

bool sim_run(struct sim *s, uint64_t ns)
{
	return run(s, ns, true);
}

void sim_pass(struct sim *s, uint64_t ns)
{
	run(s, ns, false);
}

struct tapir_sockaddr sim_addr(const struct sim *s, unsigned host, uint16_t port)
{
	return tapir_sockaddr_v4(s->host[host].ip4, port);
}

struct tapir_tcp_info sim_info(struct sim *s, unsigned host, tapir_sock_t sock)
{
	struct tapir_tcp_info info;
	size_t len = sizeof(info);

	sim_assert(s, tapir_getsockopt(s->host[host].t, sock, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info,
				       &len) == 0);
	return info;
}
