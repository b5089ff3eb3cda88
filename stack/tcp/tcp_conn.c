/*
 * The life of a connection: made, activated, idle, handed over to a record, gone.
 *
 * Two things hold a connection: the network (it is in the demux and has timers) and a handle. It goes
 * when both are through with it. tcp_conn_drop() ends the network's part, tcp_user_close() the
 * handle's; whichever comes second frees. In between it is DETACHED (a handle still reads what had
 * arrived) or an ORPHAN (the network still delivers what was written).
 */
#include "stack/core/emit.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"

struct tcp_conn *tcp_conn_new(struct tapir *t)
{
	struct tcp_conn *c;

	/* TC-21, TC-58: silent ones cost little, and so many are the most; the program ends those that it tires of. */
	if (t->tcp->nconn >= (uint64_t)t->conf.tcp_max_conns) {
		STAT_INC(t, Tapir, TcpConnsFull);
		return NULL;
	}
	c = mem_zalloc(t, sizeof(*c)); /* U11-04: nothing of another connection is left in it */
	if (!c)
		return NULL;
	t->tcp->nconn++;
	c->ep.kind = TCP_EP_CONN;
	tcp_set_state(t, &c->ep, TAPIR_TCP_CLOSED);
	c->cc.ops = tcp_cc_nth(t->conf.tcp_congestion_control, t->conf.tcp_cubic); /* MAY-18 */
	c->opt.linger_s = -1;
	c->opt.uto_s = -1;
	c->keep_ns = TAPIR_NEVER;
	c->fw2_ns = TAPIR_NEVER;
	tcp_rcv_buffer(t, c);
	c->peer_mss = TCP_MSS_DEFAULT;
	c->mss = TCP_MSS_DEFAULT;
	c->rcv_mss = TCP_MSS_DEFAULT;
	c->last_rcv_ns = t->now_ns;
	c->m.rate_app_limited = true;
	tcp_rtt_init(&c->rtt, (uint32_t)t->conf.tcp_rto_init_ms * 1000);
	list_init(&c->out);
	list_init(&c->accept_link);
	list_add_tail(&t->tcp->conns, &c->all);
	ready_init(&c->rdy, 0);
	timer_init(&c->timer, TIMER_TCP_CONN);
	return c;
}

void tcp_tell(struct tapir *t, const struct tcp_tuple *tu, enum tapir_event_type type,
	      const char *source, uint64_t a, uint64_t b)
{
	struct tapir_event ev;

	if (!emit_wanted(t))
		return;
	ev = emit_begin(t, type, source);
	ev.local = (struct tapir_sockaddr){tu->laddr, tu->lport, 0};
	ev.peer = (struct tapir_sockaddr){tu->raddr, tu->rport, 0};
	ev.u.num.a = a;
	ev.u.num.b = b;
	emit(t, &ev);
}

/* ---- active state ---- */

enum { POOL_ACTS = 256 }; /* free ones kept */

struct tcp_act *tcp_act_get(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_free *f = t->tcp->act_free;
	struct tcp_act *a = c->act;

	if (a)
		return a;
	a = (void *)f;
	if (f) {
		t->tcp->act_free = f->next;
		t->tcp->nact_free--;
	} else {
		a = tcp_mem_alloc(t, sizeof(*a));
	}
	if (!a)
		return NULL;
	memset(a, 0, sizeof(*a));
	ring_init(&a->snd, NULL, 0);
	list_init(&a->recs);
	list_init(&a->recs_time);
	list_init(&a->fo_link);
	list_init(&a->hoard);
	ranges_init(&a->ooo, a->ooo_mem,
		    (uint16_t)min_u64(TCP_OOO_FIRST, (uint64_t)t->conf.tcp_max_ooo_ranges));
	for (int i = 0; i < TCP_D_COUNT; i++)
		a->deadline_ns[i] = TAPIR_NEVER;
	a->rt.gen = t->route_gen - 1;
	c->act = a;
	return a;
}

static void act_free(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct tcp_free *f = (void *)a;

	list_del(&a->hoard);
	tcp_ooo_shrink(t, c);
	tcp_rec_free_all(t, c);
	tcp_snd_free(t, c);
	tcp_rcv_free(t, c);
	c->act = NULL;
	if (t->tcp->nact_free >= POOL_ACTS) {
		tcp_mem_free(t, a, sizeof(*a));
		return;
	}
	f->next = t->tcp->act_free;
	t->tcp->act_free = f;
	t->tcp->nact_free++;
}

void tcp_act_release_if_idle(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	if (!a || a->snd.len || a->snd.kept || !list_empty(&a->recs) || a->ooo.n || a->fin_seen ||
	    a->dsack || c->rcv_user != tcp_rcv_end(c) ||
	    c->flags & (TCP_F_ACK_NOW | TCP_F_DELACK) || c->ca_state > TCP_CA_DISORDER)
		return;
	if (c->flags & TCP_F_FIN_QUEUED && !(c->flags & TCP_F_FIN_SENT))
		return;
	for (int i = 0; i < TCP_D_COUNT; i++) {
		if (a->deadline_ns[i] != TAPIR_NEVER)
			return;
	}
	act_free(t, c);
}

void tcp_conn_dirty(struct tapir *t, struct tcp_conn *c)
{
	if (c->flags & TCP_F_TX_WAIT && list_linked(&c->out))
		return; /* waits for room on its interface: flushing it sooner would change nothing */
	if (!list_linked(&c->out))
		list_add_tail(&t->dirty, &c->out);
}

/* ---- the end ---- */

void tcp_conn_free(struct tapir *t, struct tcp_conn *c)
{
	timer_stop(t, &c->timer);
	list_del(&c->out);
	if (list_linked(&c->accept_link))
		tcp_listener_forget(t, c);
	ready_end(&c->rdy);
	if (c->ep.epflags & TCP_EP_HASHED)
		tcp_demux_remove(t, &c->ep);
	if (c->ep.epflags & TCP_EP_BOUND)
		tcp_port_unref(t, &c->ep);
	tcp_fastopen_done(t, c, false);
	if (c->act)
		act_free(t, c);
	if (c->fo_keys)
		mem_free(t, c->fo_keys, sizeof(*c->fo_keys));
	pkt_charge_end(t, c->txc);
	if (c->flags & TCP_F_ORPHAN)
		t->tcp->norphan--;
	list_del(&c->all);
	t->tcp->conns_gen++;
	t->tcp->nconn--;
	mem_free(t, c, sizeof(*c));
}

/* Takes c off the network: what both ways of ending have in common. */
static void conn_unlink(struct tapir *t, struct tcp_conn *c)
{
	timer_stop(t, &c->timer);
	list_del(&c->out);
	c->flags &= ~(uint32_t)(TCP_F_TX_WAIT | TCP_F_ACK_NOW | TCP_F_DELACK | TCP_F_PERSIST);
	c->ca_state = TCP_CA_OPEN;
	c->keep_ns = TAPIR_NEVER;
	tcp_fastopen_done(t, c, false);
	if (c->ep.epflags & TCP_EP_HASHED)
		tcp_demux_remove(t, &c->ep);
	if (c->ep.epflags & TCP_EP_BOUND)
		tcp_port_unref(t, &c->ep);
	if (!c->act)
		return;
	tcp_rec_free_all(t, c);
	tcp_snd_free(t, c);
	ranges_clear(&c->act->ooo);
	c->act->fin_seen = false;
	c->act->dsack = false;
	for (int i = 0; i < TCP_D_COUNT; i++)
		c->act->deadline_ns[i] = TAPIR_NEVER;
}

/* The network is through with c: a handle keeps it DETACHED, else it goes. */
static void conn_detach(struct tapir *t, struct tcp_conn *c)
{
	c->flags |= TCP_F_DETACHED;
	/* As Linux: accept() still gives it out, what came is read, and then why it ended. */
	if (c->rdy.sock == 0 && list_linked(&c->accept_link)) {
		tcp_act_release_if_idle(t, c);
		return;
	}
	if (c->rdy.sock == 0) {
		tcp_conn_free(t, c);
		return;
	}
	tcp_act_release_if_idle(t, c);
	ready_mark(t, &c->rdy,
		   TAPIR_IN | TAPIR_OUT | TAPIR_RDHUP | TAPIR_HUP | (c->err ? TAPIR_ERR : 0));
}

void tcp_conn_drop(struct tapir *t, struct tcp_conn *c, int err)
{
	if (err && !c->err)
		c->err = err;
	if (err)
		tcp_tell(t, &c->ep.tuple, TAPIR_EV_TCP_ABORT, "RFC 9293 3.10.7.4; 3.8.3",
			 (uint64_t)err, 0);
	tcp_set_state(t, &c->ep, TAPIR_TCP_CLOSED);
	conn_unlink(t, c);
	conn_detach(t, c);
}

void tcp_conn_to_timewait(struct tapir *t, struct tcp_conn *c)
{
	tcp_set_state(t, &c->ep, TAPIR_TCP_TIME_WAIT);
	tcp_demux_remove(t, &c->ep);
	tcp_tw_new(t, c,
		   TAPIR_TCP_TIME_WAIT); /* without one, TIME-WAIT is cut short: counted there */
	tcp_set_state(t, &c->ep, TAPIR_TCP_CLOSED);
	conn_unlink(t, c);
	conn_detach(t, c);
}

void tcp_conn_to_finwait2_record(struct tapir *t, struct tcp_conn *c)
{
	if (c->opt.linger2_s > 0)
		c->fw2_ns = t->now_ns + min_u64((uint64_t)c->opt.linger2_s,
						(uint64_t)t->conf.tcp_fin_timeout_s) *
						UINT64_C(1000000000);
	tcp_demux_remove(t, &c->ep);
	tcp_tw_new(t, c, TAPIR_TCP_FIN_WAIT_2);
	tcp_set_state(t, &c->ep, TAPIR_TCP_CLOSED);
	conn_unlink(t, c);
	conn_detach(t, c);
}

/* ---- passive opens ---- */

struct tcp_conn *tcp_conn_passive(struct tapir *t, struct tcp_listener *l,
				  const struct tcp_passive *p)
{
	struct tcp_conn *c = tcp_conn_new(t);

	if (!c)
		return NULL;
	c->ep.tuple = p->tuple;
	c->opt = l->opt; /* before the reference: it counts SO_REUSEADDR */
	if (tcp_port_ref(t, &c->ep) < 0) {
		tcp_conn_free(t, c);
		return NULL;
	}
	if (l->cc)
		c->cc.ops = l->cc;
	tcp_rcv_buffer(t, c);
	c->listener = l;
	c->flags |= TCP_F_PASSIVE;
	c->segs_in = 1; /* the SYN */
	c->iss = p->iss;
	c->snd_una = p->iss;
	c->snd_nxt = p->iss + 1;
	c->snd_max = p->iss + 1;
	c->snd_sml = p->iss;
	c->snd_up = p->iss;
	c->recover = p->iss;
	c->irs = p->irs;
	c->rcv_nxt = p->irs + 1;
	c->rcv_user = p->irs + 1;
	c->rcv_up = p->irs;
	c->last_ack_sent = p->irs + 1;
	c->rcv_wnd = p->rcv_wnd;
	c->snd_wnd = p->snd_wnd;
	c->max_snd_wnd = p->snd_wnd;
	c->pushed_seq = p->iss + 1;
	c->snd_wl1 = p->irs;
	c->snd_wl2 = p->iss;
	c->peer_mss = p->peer_mss;
	c->ts_off = p->ts_off;
	c->flags |= (p->ts ? TCP_F_TS : 0) | (p->sack ? TCP_F_SACK : 0) | (p->ws ? TCP_F_WS : 0);
	c->ecn = p->ecn ? TCP_ECN_OK : 0;
	tcp_uto_heard(t, c, p->uto);
	if (p->ts) {
		c->ts_recent = p->ts_recent;
		c->ts_recent_s = (uint32_t)(t->now_ns / 1000000000);
	}
	if (p->ws) {
		c->snd_wscale = p->snd_wscale;
		c->rcv_wscale = p->rcv_wscale;
	}
	tcp_mtup_start(t, c);
	tcp_conn_update_mss(t, c);
	c->total_retrans = p->synacks_again;
	tcp_conn_start_cc(t, c, p->syn_lost);
	tcp_set_state(t, &c->ep, TAPIR_TCP_SYN_RECEIVED);
	tcp_demux_insert(t, &c->ep);
	if (p->synack_sent_ns) {
		tcp_conn_rtt_sample(t, c, t->now_ns - p->synack_sent_ns);
		tcp_conn_min_rtt(t, c, t->now_ns - p->synack_sent_ns);
	}
	return c;
}

/* ---- what both opens share ---- */

uint16_t tcp_mss_announce(const struct tcp_opt *o, uint32_t mtu)
{
	/* RFC 9293 3.7.1, MUST-67: the MTU less the fixed headers, options not counted. */
	uint32_t mss = mtu > IP_TCP_HLEN ? mtu - IP_TCP_HLEN : 1;

	if (o->maxseg && o->maxseg < mss)
		mss = o->maxseg;
	return (uint16_t)min_u32(mss, TCP_MSS_MAX);
}

uint8_t tcp_wscale_for(uint64_t space)
{
	uint8_t shift = 0;

	/* As Linux: the smallest shift that lets the largest buffer be announced. */
	while (shift < TCP_WSCALE_MAX && space > UINT16_MAX) {
		space >>= 1;
		shift++;
	}
	return shift;
}

int tcp_conn_route(struct tapir *t, struct tcp_conn *c, struct route *out)
{
	struct tcp_act *a = c->act;
	int r;

	if (a && a->rt.gen == t->route_gen) {
		*out = a->rt;
		return 0;
	}
	r = route_lookup(t, tapir_addr_to_v4(&c->ep.tuple.raddr),
			 tapir_addr_to_v4(&c->ep.tuple.laddr), c->opt.ifindex, out);
	if (r == 0 && a)
		a->rt = *out;
	return r;
}

void tcp_conn_update_mss(struct tapir *t, struct tcp_conn *c)
{
	struct route rt;
	uint32_t ts = c->flags & TCP_F_TS ? TCP_TS_LEN : 0;
	/* FR-02: 48 at least. */
	uint32_t mss = max_u32(c->peer_mss, (uint32_t)t->conf.tcp_min_snd_mss);
	uint32_t before = tcp_conn_smss(c), now;

	/* RFC 9293 3.7.1, MUST-16: what the peer takes, and what the path carries. */
	if (tcp_conn_route(t, c, &rt) == 0) {
		uint32_t mtu = tcp_mtup_bound(c, rt.mtu);

		if (mtu > IP_TCP_HLEN)
			mss = min_u32(mss, mtu - IP_TCP_HLEN);
	}
	if (c->opt.maxseg)
		mss = min_u32(mss, c->opt.maxseg);
	mss = min_u32(max_u32(mss, TCP_MSS_FLOOR), TCP_MSS_MAX);
	/* As Linux: two segments at least fill the largest window, so that each ACK lets another go. */
	c->mss = (uint16_t)(tcp_half_window(c, mss - ts) + ts);
	now = tcp_conn_smss(c);
	if (now == before || !c->cc.cwnd)
		return;
	tcp_cc_rescale(&c->cc, before, now);
	c->max_out = tcp_cc_rescaled(c->max_out, before, now);
	c->cwnd_used = tcp_cc_rescaled(c->cwnd_used, before, now);
}

uint32_t tcp_conn_smss(const struct tcp_conn *c)
{
	return c->flags & TCP_F_TS ? (uint32_t)c->mss - TCP_TS_LEN : c->mss;
}

void tcp_conn_start_cc(struct tapir *t, struct tcp_conn *c, bool syn_lost)
{
	uint32_t mss = tcp_conn_smss(c);

	/* R5681-3: after lost SYNs, two by Linux's rule, the initial window is one segment. */
	tcp_cc_start(&c->cc, mss,
		     syn_lost ? mss : tcp_cc_initial_window(mss, (unsigned)t->conf.tcp_init_cwnd),
		     (unsigned)t->conf.tcp_hystart);
	c->cwnd_full_ms = c->cwnd_idle_ms = (uint32_t)(t->now_ns / 1000000);
	c->cwnd_usage_seq = c->snd_una;
}

void tcp_conn_rtt_sample(struct tapir *t, struct tcp_conn *c, uint64_t rtt_ns)
{
	uint32_t us = (uint32_t)min_u64(max_u64(rtt_ns / 1000, 1), UINT32_MAX);

	tcp_rtt_sample(&c->rtt, us, c->snd_una, c->snd_nxt, tcp_rto_min_us(t, &c->opt),
		       tcp_rto_max_us(t, &c->opt));
}

void tcp_conn_min_rtt(struct tapir *t, struct tcp_conn *c, uint64_t rtt_ns)
{
	uint32_t us = (uint32_t)min_u64(rtt_ns / 1000, UINT32_MAX);

	c->min_rtt_us = tcp_min_rtt_sample(&c->min_rtt, (uint32_t)(t->now_ns / 1000000),
					   (uint32_t)t->conf.tcp_min_rtt_wlen * 1000, us);
}
