/*
 * The runner of packet scripts: its world, and its time.
 *
 * An instance with one RAW_IP interface is the whole world; the script is its peer, its application and its
 * clock. Events run in order. Before a call or an inbound packet the clock goes to the event's time, stopping at
 * each deadline of the stack on the way; an event that expects a packet lets the clock run until one
 * leaves. What leaves is kept in order with its time, and must be expected by an event: a packet too many
 * is found before the next event of another kind, or at the end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script_run.h"

enum { TX_BATCH = 32, STEPS_MAX = 1000000 };

/* How long `*` waits for a packet. */
#define ANY_NS (UINT64_C(100000) * 1000000000)

/* ---- telling ---- */

const char *run_source(struct run *r, const struct script_event *e, char *buf, size_t cap)
{
	const char *p = r->s->source;
	size_t n;

	for (int line = 1; line < e->line && p; line++) {
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return "";
	p += strspn(p, " \t");
	n = strcspn(p, "\n");
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
		n--;
	snprintf(buf, cap, "%.*s", (int)n, p);
	return buf;
}

static size_t tell_events(struct run *r, char *buf, size_t cap)
{
	size_t from = r->nev > 6 ? r->nev - 6 : 0, n = 0;

	for (size_t i = from; i < r->nev && n < cap; i++) {
		const struct tapir_event *ev = &r->ev[i % RUN_EVENTS];
		const char *what = ev->source;

		if (ev->type == TAPIR_EV_PKT_DROP)
			what = tapir_drop_text(ev->u.drop.reason);
		else if (ev->type == TAPIR_EV_TCP_STATE)
			what = tapir_tcp_state_name(ev->u.state.to);
		n += (size_t)snprintf(buf + n, cap - n, "\n  event:    %.6f %s: %s",
				      (double)(ev->time_ns - r->start_ns) / 1e9,
				      tapir_event_name(ev->type), what);
	}
	return n;
}

void run_fail(struct run *r, const struct script_event *e, const char *fmt, ...)
{
	char *buf = r->s->error;
	size_t cap = sizeof(r->s->error), n;
	va_list ap;

	if (r->failed)
		return;
	r->failed = true;
	n = (size_t)snprintf(buf, cap, "%s:%d: ", r->s->path, e ? e->line : 0);
	va_start(ap, fmt);
	n += (size_t)vsnprintf(buf + n, cap - n, fmt, ap);
	va_end(ap);
	if (n < cap)
		tell_events(r, buf + n, cap - n);
}

/* ---- the world ---- */

static void *env_alloc(void *ctx, size_t n)
{
	struct run *r = ctx;
	void *p = malloc(n);

	if (p) {
		memset(p, 0xa5, n);
		r->live++;
		r->live_bytes += n;
	}
	return p;
}

static void env_free(void *ctx, void *p, size_t n)
{
	struct run *r = ctx;

	r->live--;
	r->live_bytes -= n;
	free(p);
}

static void env_event(void *ctx, const struct tapir_event *ev)
{
	struct run *r = ctx;

	if (ev->type != TAPIR_EV_TCP_SEG_IN && ev->type != TAPIR_EV_TCP_SEG_OUT)
		r->ev[r->nev++ % RUN_EVENTS] = *ev;
}

static void collect(struct run *r)
{
	const struct pkt *pkts[TX_BATCH];
	size_t n;

	while ((n = tapir_tx_peek(r->t, r->ifi, pkts, TX_BATCH)) > 0) {
		for (size_t i = 0; i < n; i++) {
			const struct pkt *p = pkts[i];
			struct run_sent *sent = malloc(sizeof(*sent) + pkt_wire_len(p));

			if (!sent)
				abort();
			sent->next = NULL;
			sent->time_ns = tapir_now(r->t);
			sent->len = p->len;
			memcpy(sent->p, p->data, p->len);
			for (unsigned k = 0; k < p->nspan; k++) {
				memcpy(sent->p + sent->len, p->span[k].p, p->span[k].len);
				sent->len += p->span[k].len;
			}
			*r->tail = sent;
			r->tail = &sent->next;
		}
		tapir_tx_done(r->t, r->ifi, n);
		tapir_check(r->t);
	}
}

/* What may happen now has happened, and what left is in the queue. */
static void settle(struct run *r)
{
	collect(r);
	run_retry(r);
	collect(r);
}

static void pop(struct run *r)
{
	struct run_sent *sent = r->head;

	r->head = sent->next;
	if (!r->head)
		r->tail = &r->head;
	free(sent);
}

/* One deadline of the stack, or `end`, whichever is first. False: `end` is reached. */
static bool step(struct run *r, uint64_t end)
{
	uint64_t next = tapir_next_deadline(r->t);

	if (r->pending && r->poll_end_ns < next)
		next = r->poll_end_ns;
	if (next > end)
		next = end;
	tapir_advance(r->t, next);
	tapir_check(r->t);
	settle(r);
	return next < end;
}

static void advance_to(struct run *r, const struct script_event *e, uint64_t at_ns)
{
	unsigned steps = 0;

	while (step(r, at_ns)) {
		if (++steps > STEPS_MAX) {
			run_fail(r, e, "the stack's deadlines have no end");
			return;
		}
	}
}

static bool start(struct run *r)
{
	struct tapir_env env = {r, env_alloc, env_free, env_event};
	struct tapir_netif_conf nc = {.name = "script0",
				      .type = TAPIR_NETIF_RAW_IP,
				      .mtu = r->s->mtu};
	struct tapir_addr local = tapir_addr_v4(r->s->local_ip4);
	struct tapir_route gw = {.gw = tapir_addr_v4((r->s->local_ip4 & 0xffffff00) | 254)};
	uint8_t seed[TAPIR_SEED_LEN];
	int err;

	for (unsigned i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)(i * 11 + 5);
	r->start_ns = r->s->start_ns;
	err = tapir_create(&r->t, &env, &r->conf, seed, r->start_ns);
	if (err) {
		const char *name = tapir_conf_conflict(&r->conf);

		if (name)
			run_conflict(r, r->conf_event, &r->conf, name);
		else
			run_fail(r, NULL, "the instance does not start: error %d", err);
		return false;
	}
	r->ifi = tapir_netif_add(r->t, &nc);
	if (r->ifi < 0 || tapir_addr_add(r->t, r->ifi, &local, 24) < 0 ||
	    tapir_netif_up(r->t, r->ifi) < 0 || tapir_route_add(r->t, &gw) < 0) {
		run_fail(r, NULL, "the interface does not come up");
		return false;
	}
	collect(r);
	while (r->head)
		pop(r);
	return true;
}

static void stop(struct run *r)
{
	while (r->head)
		pop(r);
	for (unsigned i = 0; i < RUN_FDS && r->t; i++) {
		if (r->fd[i].sock)
			tapir_close(r->t, r->fd[i].sock);
		free(r->fd[i].epoll);
	}
	if (r->t)
		tapir_destroy(r->t);
	r->t = NULL;
	if (!r->failed && (r->live || r->live_bytes)) {
		snprintf(r->s->error, sizeof(r->s->error), "%s: %zu blocks, %zu bytes leak",
			 r->s->path, r->live, r->live_bytes);
		r->failed = true;
	}
}

/* ---- events ---- */

static uint64_t tolerance_of(const struct run *r, uint64_t at_ns)
{
	uint64_t part = (at_ns - r->base_ns) / 100 * r->s->tolerance_percent;

	return at_ns > r->base_ns && part > r->s->tolerance_ns ? part : r->s->tolerance_ns;
}

static void expect_packet(struct run *r, const struct script_event *e, uint64_t from_ns,
			  uint64_t to_ns)
{
	uint64_t tolerance = e->when == WHEN_ANY ? 0 : tolerance_of(r, from_ns);
	uint64_t end = to_ns + tolerance;
	char want[300], got[400];

	while (!r->head && !r->failed && tapir_now(r->t) < end)
		step(r, end);
	if (r->failed)
		return;
	if (!r->head) {
		run_fail(r, e, "nothing leaves\n  expected: %s",
			 run_source(r, e, want, sizeof(want)));
		return;
	}
	run_compare(r, e, r->head);
	if (!r->failed && e->when != WHEN_ANY &&
	    (r->head->time_ns + tolerance < from_ns || r->head->time_ns > end))
		run_fail(r, e, "time: expected at %.6f\n  expected: %s\n  got:      %s",
			 (double)(from_ns - r->start_ns) / 1e9,
			 run_source(r, e, want, sizeof(want)),
			 run_text(r, r->head, got, sizeof(got)));
	if (!r->failed)
		pop(r);
}

/* A packet that left earlier than this event, and that no event before it wanted. */
static void refuse_leftover(struct run *r, const struct script_event *e)
{
	char want[300], got[400];

	if (r->head && !r->failed && r->head->time_ns + r->s->tolerance_ns < tapir_now(r->t))
		run_fail(r, e, "a packet that nothing expects, before: %s\n  got:      %s",
			 run_source(r, e, want, sizeof(want)),
			 run_text(r, r->head, got, sizeof(got)));
}

/* Runs one event; `base_ns` is the time of the one before. Returns the time of this one. */
static uint64_t run_event(struct run *r, const struct script_event *e, uint64_t base_ns)
{
	uint64_t from = r->start_ns + e->from_ns, to = r->start_ns + e->to_ns;

	r->base_ns = base_ns;
	if (e->when == WHEN_RELATIVE) {
		from = base_ns + e->from_ns;
		to = base_ns + e->to_ns;
	} else if (e->when == WHEN_ANY) {
		from = tapir_now(r->t);
		to = from + ANY_NS;
	}
	if (e->kind == EVENT_PACKET && e->packet.out) {
		if (from < base_ns) {
			run_fail(r, e, "goes back in time");
			return from;
		}
		expect_packet(r, e, from, to);
		return e->when == WHEN_ANY || e->range ? tapir_now(r->t) : from;
	}
	if (from < tapir_now(r->t) && tapir_now(r->t) - from > r->s->tolerance_ns) {
		run_fail(r, e, "goes back in time: it is %.6f already", (double)run_now(r) / 1e9);
		return from;
	}
	if (!r->batching) {
		if (!(e->range && r->head))
			advance_to(r, e, from);
		refuse_leftover(r, e);
	}
	r->batching = e->kind == EVENT_PACKET && e->packet.batch;
	if (r->failed)
		return from;
	switch (e->kind) {
	case EVENT_PACKET:
		run_inbound(r, e);
		break;
	case EVENT_CALL:
		run_call(r, e);
		break;
	case EVENT_SYSCTL:
		run_sysctl(r, e);
		break;
	case EVENT_CODE:
		run_code(r, e);
		break;
	}
	if (!r->failed && !r->batching)
		settle(r);
	return tapir_now(r->t) > from ? from : tapir_now(r->t);
}

static void run_end(struct run *r)
{
	char got[400];
	const struct script_event *last = &r->s->event[r->s->nevent - 1];

	if (r->pending)
		run_fail(r, r->pending, "the call still blocks at the end");
	if (r->head)
		run_fail(r, last, "a packet that nothing expects, at the end\n  got:      %s",
			 run_text(r, r->head, got, sizeof(got)));
}

bool script_run(struct script *s)
{
	struct run *r = calloc(1, sizeof(*r));
	uint64_t base;
	size_t i = 0;
	bool ok;

	if (!r)
		abort();
	if (s->dry_run) {
		free(r);
		return true;
	}
	r->s = s;
	r->tail = &r->head;
	r->lport = s->port;
	r->rport = RUN_PEER_PORT;
	r->last_conn = -1;
	r->poll_end_ns = TAPIR_NEVER;
	tapir_conf_default(&r->conf);
	/* Settings at the top are those that the instance begins with. */
	for (; i < s->nevent && s->event[i].kind == EVENT_SYSCTL && !r->failed; i++)
		run_sysctl(r, &s->event[i]);
	if (!r->failed && start(r)) {
		base = r->start_ns;
		for (; i < s->nevent && !r->failed; i++)
			base = run_event(r, &s->event[i], base);
		if (!r->failed)
			run_end(r);
	}
	stop(r);
	ok = !r->failed;
	free(r);
	return ok;
}
