/*
 * The transport's own life: keys and tables at the start, everything at the end; and what concerns all its
 * endpoints at once. Keys come from the instance's generator, each for one use (RFC 6528 3, RFC 4987 3.6,
 * RFC 6056 3.3.4), so that learning one tells nothing of another (CL-41). A stack that restarts has other
 * keys: its numbers lie elsewhere, and no quiet time is needed (EVT-60).
 */
#include <errno.h>

#include "stack/core/random.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/tcp/tcp_user.h"

static struct siphash_key new_key(struct tapir *t)
{
	return (struct siphash_key){random_u64(t), random_u64(t)};
}

int tcp_init(struct tapir *t)
{
	struct tcp_state *ts = mem_zalloc(t, sizeof(*ts));
	int err;

	if (!ts)
		return -ENOMEM;
	t->tcp = ts;
	ts->hash_key = new_key(t);
	ts->isn_key = new_key(t);
	ts->ts_key = new_key(t);
	ts->port_key = new_key(t);
	for (unsigned i = 0; i < ARRAY_SIZE(ts->cookie_key); i++)
		ts->cookie_key[i] = new_key(t);
	list_init(&ts->listeners);
	list_init(&ts->conns);
	tcp_fastopen_init(t);
	list_init(&ts->hoarders);
	err = tcp_tw_init(t);
	return err ? err : tcp_demux_init(t);
}

void tcp_fini(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;
	struct tcp_listener *l;
	struct tcp_conn *c;

	if (!ts)
		return;
	while ((c = LIST_FIRST(&ts->conns, struct tcp_conn, all)) != NULL)
		tcp_conn_free(t, c);
	while ((l = LIST_FIRST(&ts->listeners, struct tcp_listener, all)) != NULL) {
		tcp_syncache_purge(t, l);
		tcp_listener_close(t, l);
	}
	tcp_fastopen_fini(t);
	tcp_tw_fini(t);
	tcp_demux_fini(t);
	tcp_pools_fini(t);
	t->tcp = NULL;
	mem_free(t, ts, sizeof(*ts));
}

void tcp_addr_gone(struct tapir *t, uint32_t ip4)
{
	struct tapir_addr addr = tapir_addr_v4(ip4);
	struct tcp_state *ts = t->tcp;
	struct tcp_conn *c, *next;
	struct tcp_listener *l;

	/* RFC 5227 2.4: hosts should reset connections of an address that they give up. */
	LIST_FOREACH_SAFE (c, next, &ts->conns, struct tcp_conn, all) {
		if (c->ep.state == TAPIR_TCP_CLOSED || !tapir_addr_eq(&c->ep.tuple.laddr, &addr))
			continue;
		tcp_respond_rst_conn(t, c);
		tcp_conn_drop(t, c, ECONNABORTED);
	}
	LIST_FOREACH (l, &ts->listeners, struct tcp_listener, all)
		tcp_syncache_addr_gone(t, l, &addr);
	/* A TIME-WAIT record can't answer any more, but keeps the tuple from being reused too soon. */
}

/* The records of all listeners are one sequence: the pos-th. */
static const struct tcp_syn_ent *nth_syn(const struct tcp_state *ts, uint32_t pos)
{
	const struct tcp_listener *l;
	const struct tcp_syn_ent *e;

	LIST_FOREACH (l, &ts->listeners, const struct tcp_listener, all) {
		if (pos >= l->nsyn) {
			pos -= l->nsyn;
			continue;
		}
		LIST_FOREACH (e, &l->syns, const struct tcp_syn_ent, link) {
			if (pos-- == 0)
				return e;
		}
	}
	return NULL;
}

static void info_of(const struct tcp_ep *ep, struct tapir_sock_info *out)
{
	*out = (struct tapir_sock_info){
		.type = TAPIR_STREAM,
		.protocol = TAPIR_IPPROTO_TCP,
		.state = ep->state,
		.local = {ep->tuple.laddr, ep->tuple.lport, 0},
		.peer = {ep->tuple.raddr, ep->tuple.rport, 0},
	};
}

/*
 * Connections without a handle, from the pos-th of all on. Where the last call stopped is remembered as long
 * as no connection went, so that a listing is not quadratic.
 */
static int next_orphan(struct tapir *t, uint32_t *pos, struct tapir_sock_info *out)
{
	struct tcp_state *ts = t->tcp;
	uint32_t at = ts->nsyn;
	struct list *n = ts->conns.next;

	if (ts->iter_at && ts->iter_pos == *pos && ts->iter_gen == ts->conns_gen) {
		n = ts->iter_at;
		at = *pos;
	}
	for (; n != &ts->conns; n = n->next, at++) {
		const struct tcp_conn *c = container_of(n, struct tcp_conn, all);

		if (at < *pos || c->rdy.sock != 0)
			continue;
		info_of(&c->ep, out);
		tcp_user_queues(c, &out->recv_q, &out->send_q);
		*pos = at + 1;
		ts->iter_at = n->next;
		ts->iter_pos = *pos;
		ts->iter_gen = ts->conns_gen;
		return 1;
	}
	return 0;
}

int tcp_sock_next(struct tapir *t, unsigned stage, uint32_t *pos, struct tapir_sock_info *out)
{
	const struct tcp_syn_ent *e;
	const struct tcp_tw *tw;

	if (stage == 1) {
		while ((tw = tcp_tw_at(t, *pos)) != NULL) {
			(*pos)++;
			if (tw->ep.state) {
				info_of(&tw->ep, out);
				return 1;
			}
		}
		return 0;
	}
	e = *pos < t->tcp->nsyn ? nth_syn(t->tcp, *pos) : NULL;
	if (!e)
		return next_orphan(t, pos, out);
	(*pos)++;
	info_of(&e->ep, out);
	return 1;
}
