/*
 * Listeners: passive OPEN, the segments that reach LISTEN, and the queue of what awaits accept().
 *
 *	SYN --> record (tcp_syncache.c) or cookie (tcp_syncookie.c)
 *	                 |  the ACK of our SYN
 *	                 v
 *	        tcp_listen_complete: a connection, which the ACK then runs through
 *	                 |
 *	                 v
 *	        accept queue --> tapir_accept()
 *
 * Limits as Linux's. A backlog of n lets n + 1 connections wait. When they do, SYNs are dropped, and so is
 * the ACK that would complete a handshake: the record stays, and its SYN-ACK is sent again, so that a client
 * gets in when there is room. Data on a SYN is dropped, not kept: the client sends it again (RFC 9293
 * 3.10.7.2, EVT-7, lets us queue it; a flood of SYNs with data would then cost us memory, TC-36); but for
 * Fast Open, where a cookie stands for the address (tcp_fastopen.c).
 */
#include <errno.h>

#include "stack/core/emit.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/tcp/tcp_user.h"

/* ---- the user's calls ---- */

static uint32_t clamp_backlog(const struct tapir *t, int backlog)
{
	/* As Linux: a negative one is a large one. */
	return min_u32((uint32_t)backlog, (uint32_t)t->conf.somaxconn);
}

static struct tcp_listener *listener_new(struct tapir *t, const struct tcp_conn *c)
{
	struct tcp_listener *l = mem_zalloc(t, sizeof(*l));

	if (!l)
		return NULL;
	l->t = t;
	l->ep.kind = TCP_EP_LISTENER;
	l->ep.tuple.laddr = c->ep.tuple.laddr;
	l->ep.tuple.lport = c->ep.tuple.lport;
	l->ep.epflags = c->ep.epflags & (TCP_EP_NAMED_ADDR | TCP_EP_NAMED_PORT);
	l->opt = c->opt;
	l->cc = c->cc.ops;
	l->id = t->tcp->listener_id++;
	list_init(&l->acceptq);
	list_init(&l->syns);
	list_init(&l->all);
	list_init(&l->fo_children);
	ready_init(&l->rdy, 0);
	return l;
}

int tcp_user_listen(struct tapir *t, struct tcp_conn *c, int backlog, struct tcp_listener **out)
{
	static const struct tapir_addr any = {{0}};
	struct tcp_listener *l;
	bool bound;
	int err = 0;

	if (c->ep.state != TAPIR_TCP_CLOSED || c->flags & TCP_F_DETACHED)
		return -EINVAL;
	bound = c->ep.epflags & TCP_EP_BOUND;
	if (!bound)
		err = tcp_port_bind(t, c, &any, 0);
	if (!err)
		err = tcp_port_listen(t, c);
	if (err)
		return err;
	l = listener_new(t, c);
	if (!l) {
		/* As it was: a port that nobody asked for is given back. */
		if (!bound) {
			tcp_port_unref(t, &c->ep);
			c->ep.tuple.lport = 0;
		}
		return -ENOMEM;
	}
	err = tcp_port_ref(t, &l->ep);
	TAPIR_ASSERT(err == 0); /* c holds one */
	l->fo_keys = c->fo_keys;
	c->fo_keys = NULL;
	l->backlog = clamp_backlog(t, backlog);
	tcp_set_state(t, &l->ep, TAPIR_TCP_CLOSED);
	tcp_set_state(t, &l->ep, TAPIR_TCP_LISTEN);
	list_add_tail(&t->tcp->listeners, &l->all);
	tcp_demux_insert(t, &l->ep);
	tcp_conn_free(t, c);
	*out = l;
	return 0;
}

int tcp_listener_backlog(struct tapir *t, struct tcp_listener *l, int backlog)
{
	l->backlog = clamp_backlog(t, backlog);
	return 0;
}

struct tcp_conn *tcp_listener_accept(struct tapir *t, struct tcp_listener *l)
{
	struct tcp_conn *c = LIST_FIRST(&l->acceptq, struct tcp_conn, accept_link);

	(void)t;
	if (!c)
		return NULL;
	list_del(&c->accept_link);
	l->naccept--;
	c->listener = NULL;
	c->flags &= ~(uint32_t)TCP_F_PASSIVE;
	return c;
}

void tcp_listener_close(struct tapir *t, struct tcp_listener *l)
{
	struct tcp_conn *c;

	/*
	 * RFC 9293 3.10.4: CLOSE in LISTEN deletes the TCB; what it had begun ends with it: as Linux, in silence where the
	 * handshake is not over: what the peer says next gets a RST.
	 */
	tcp_syncache_purge(t, l);
	tcp_fastopen_listener_gone(l);
	while ((c = LIST_FIRST(&l->acceptq, struct tcp_conn, accept_link)) != NULL) {
		tcp_listener_forget(t, c);
		if (c->flags & TCP_F_DETACHED) { /* reset while it waited */
			tcp_conn_free(t, c);
			continue;
		}
		/* Nobody will ever read or answer: as ABORT (RFC 9293 3.10.5). */
		tcp_respond_rst_conn(t, c);
		tcp_conn_drop(t, c, ECONNABORTED);
	}
	tcp_set_state(t, &l->ep, TAPIR_TCP_CLOSED);
	tcp_demux_remove(t, &l->ep);
	tcp_port_unref(t, &l->ep);
	list_del(&l->all);
	ready_end(&l->rdy);
	if (l->fo_keys)
		mem_free(t, l->fo_keys, sizeof(*l->fo_keys));
	mem_free(t, l, sizeof(*l));
}

int tcp_listener_poll(const struct tcp_listener *l)
{
	return l->naccept ? TAPIR_IN : 0;
}

struct tcp_opt *tcp_listener_opt(struct tcp_listener *l)
{
	return &l->opt;
}

const struct tcp_cc_ops **tcp_listener_cc(struct tcp_listener *l)
{
	return &l->cc;
}

struct tcp_fo_keys **tcp_listener_keys(struct tcp_listener *l)
{
	return &l->fo_keys;
}

struct ready *tcp_listener_ready(struct tcp_listener *l)
{
	return &l->rdy;
}

void tcp_listener_queues(const struct tcp_listener *l, uint32_t *waiting, uint32_t *backlog)
{
	*waiting = l->naccept;
	*backlog = l->backlog;
}

/* ---- the accept queue ---- */

/* TC-21: who finishes handshakes and is silent takes no more than these places. */
bool tcp_listener_full(const struct tcp_listener *l)
{
	return l->naccept > l->backlog;
}

bool tcp_listener_established(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_listener *l = c->listener;

	if (!l || tcp_listener_full(l))
		return false;
	TAPIR_ASSERT(!list_linked(&c->accept_link));
	list_add_tail(&l->acceptq, &c->accept_link);
	l->naccept++;
	ready_mark(t, &l->rdy, TAPIR_IN);
	return true;
}

void tcp_listener_forget(struct tapir *t, struct tcp_conn *c)
{
	(void)t;
	if (!list_linked(&c->accept_link))
		return;
	list_del(&c->accept_link);
	c->listener->naccept--;
	c->listener = NULL;
}

/* ---- segments ---- */

static void tell_refused(struct tapir *t, const struct tcp_listener *l, const struct tcp_seg *seg)
{
	struct tapir_event ev;

	if (!emit_wanted(t))
		return;
	ev = emit_begin(t, TAPIR_EV_TCP_SYN_DROP, "RFC 9293 3.9.1; RFC 4987");
	ev.local = (struct tapir_sockaddr){seg->tuple.laddr, seg->tuple.lport, 0};
	ev.peer = (struct tapir_sockaddr){seg->tuple.raddr, seg->tuple.rport, 0};
	ev.u.num.a = l->nsyn;
	ev.u.num.b = l->naccept;
	emit(t, &ev);
}

/* A SYN that we have no place for: counted as Linux counts, and the client tries again. */
static void refuse(struct tapir *t, struct tcp_listener *l, struct tcp_seg *seg,
		   enum drop_reason why)
{
	STAT_INC(t, TcpExt, ListenDrops);
	tell_refused(t, l, seg);
	pkt_drop(seg->rx->pkt, why);
}

/* The MSS that the peer's SYN told, within reason. */
static uint16_t peer_mss(const struct tapir *t, const struct tcp_listener *l,
			 const struct tcp_opts *opt)
{
	/* MUST-15: without one, 536. */
	uint32_t mss = opt->has & TCP_HAS_MSS && opt->mss ? opt->mss : TCP_MSS_DEFAULT;

	if (l->opt.maxseg)
		mss = min_u32(mss, l->opt.maxseg);
	/* TC-03, CL-44: not so small that headers are all that we send. */
	return (uint16_t)max_u32(mss, (uint32_t)t->conf.tcp_min_snd_mss);
}

bool tcp_listen_offer(struct tapir *t, struct tcp_listener *l, const struct tcp_seg *seg,
		      struct tcp_passive *p)
{
	uint32_t mss;
	struct route rt;

	if (route_lookup(t, tapir_addr_to_v4(&seg->tuple.raddr),
			 tapir_addr_to_v4(&seg->tuple.laddr), l->opt.ifindex, &rt) < 0)
		return false;
	*p = (struct tcp_passive){.tuple = seg->tuple, .irs = seg->seq};
	p->snd_wnd = seg->hdr.wnd;
	p->peer_mss = peer_mss(t, l, &seg->opt);
	/* R7323-2, R7323-10: only what both want. R5482-1: user timeouts are not. */
	p->ts = t->conf.tcp_timestamps && seg->opt.has & TCP_HAS_TS;
	p->sack = t->conf.tcp_sack && seg->opt.has & TCP_HAS_SACK_OK;
	p->ws = t->conf.tcp_window_scaling && seg->opt.has & TCP_HAS_WSCALE;
	if (p->ws) {
		p->snd_wscale =
			(uint8_t)min_u32(seg->opt.wscale, TCP_WSCALE_MAX); /* R7323-6, CL-45 */
		p->rcv_wscale = tcp_wscale_for(tcp_rcv_space_max(t, &l->opt));
	}
	p->ecn = tcp_ecn_asked(t, seg);
	p->uto = seg->opt.has & TCP_HAS_UTO ? seg->opt.uto : 0;
	mss = tcp_mss_announce(&l->opt, rt.mtu);
	p->rcv_wnd =
		tcp_rcv_initial(t, &l->opt, p->ts && mss > TCP_TS_LEN ? mss - TCP_TS_LEN : mss);
	if (!p->ws)
		p->rcv_wnd = min_u32(p->rcv_wnd, UINT16_MAX);
	p->ts_off = tcp_ts_offset(t, &seg->tuple);
	p->ts_recent = p->ts ? seg->opt.tsval : 0;
	return true;
}

bool tcp_listen_complete(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *p,
			 struct tcp_seg *seg)
{
	struct tcp_conn *c = tcp_conn_passive(t, l, p);
	struct tcp_ep *ep;

	if (!c)
		return false;
	tcp_conn_input(t, c, seg);
	/*
	 * It joined the accept queue on the way, or is gone already: ask who has the tuple now. One that
	 * the ACK did not establish would have nothing to keep it alive.
	 */
	ep = tcp_demux_find(t, &p->tuple);
	if (ep && ep->kind == TCP_EP_CONN && ep->state == TAPIR_TCP_SYN_RECEIVED)
		tcp_conn_drop(t, tcp_conn_of(ep), ECONNABORTED);
	return true;
}

/*
 * As Linux: where cookies are off, the last quarter of tcp_max_syn_backlog is for peers that were measured before. None is
 * remembered here.
 */
static bool last_quarter(const struct tapir *t, const struct tcp_listener *l)
{
	int64_t max = t->conf.tcp_max_syn_backlog;

	return t->conf.tcp_syncookies == 0 && max - (int64_t)l->nsyn < max / 4;
}

/* RFC 9293 3.10.7.2, third: a SYN. */
static void listen_syn(struct tapir *t, struct tcp_listener *l, struct tcp_seg *seg)
{
	bool queue_full = l->nsyn > l->backlog;
	/*
	 * As Linux: not for one that takes over from TIME-WAIT: it is no flood, its peer is real; and a cookie's
	 * number could not begin above the old incarnation's (R6528-3).
	 */
	bool again = tcp_isn_recycled(t, &seg->tuple);
	bool cookie = !again &&
		      (t->conf.tcp_syncookies == 2 || (t->conf.tcp_syncookies == 1 && queue_full));
	struct tcp_fo_cookie foc;
	struct tcp_passive p;

	/* R4987-3: as Linux, no record gives way to a new one; cookies are what helps, and here they are off. */
	if (queue_full && !again && !cookie) {
		STAT_INC(t, TcpExt, TCPReqQFullDrop);
		refuse(t, l, seg, DROP_TCP_SYN_QUEUE_FULL);
		return;
	}
	if (tcp_listener_full(l)) {
		STAT_INC(t, TcpExt, ListenOverflows);
		refuse(t, l, seg, DROP_TCP_LISTEN_OVERFLOW);
		return;
	}
	if (!tcp_listen_offer(t, l, seg, &p)) {
		refuse(t, l, seg, DROP_IP_NO_ROUTE);
		return;
	}
	if (last_quarter(t, l) && !again) {
		refuse(t, l, seg, DROP_TCP_SYN_QUEUE_FULL);
		return;
	}
	if (!cookie) {
		p.iss = tcp_isn(t, &p.tuple);
		if (tcp_fastopen_syn(t, l, &p, seg, &foc)) {
			pkt_free(seg->rx->pkt);
			return;
		}
		/* R4987-1: a record, not a connection. */
		if (!tcp_syncache_add(t, l, &p, &foc)) {
			refuse(t, l, seg, DROP_NO_MEMORY);
			return;
		}
	} else {
		/* R4987-4, TC-18: only under pressure, unless asked for. */
		if (queue_full)
			STAT_INC(t, TcpExt, TCPReqQFullDoCookies);
		tcp_syncookie_send(t, l, &p, seg);
	}
	pkt_free(seg->rx->pkt);
}

/* Second: an ACK, which may bring a cookie back. */
static void listen_ack(struct tapir *t, struct tcp_listener *l, struct tcp_seg *seg)
{
	struct tcp_passive p;
	enum drop_reason why = tcp_syncookie_check(t, l, seg, &p);

	if (why != DROP_NONE) {
		/* EVT-5: it acknowledges what was not sent. */
		tcp_respond_rst(t, seg);
		pkt_drop(seg->rx->pkt, why);
		return;
	}
	if (tcp_listener_full(l)) {
		STAT_INC(t, TcpExt, ListenOverflows);
		if (t->conf.tcp_abort_on_overflow)
			tcp_respond_rst(t, seg);
		refuse(t, l, seg, DROP_TCP_LISTEN_OVERFLOW);
		return;
	}
	if (!tcp_listen_complete(t, l, &p, seg))
		refuse(t, l, seg, DROP_TCP_MEMORY);
}

void tcp_listen_input(struct tapir *t, struct tcp_listener *l, struct tcp_seg *seg)
{
	bool own = seg->tuple.lport == seg->tuple.rport &&
		   tapir_addr_eq(&seg->tuple.laddr, &seg->tuple.raddr);

	/* First, RST (EVT-4): nothing here can be reset. */
	if (seg->flags & TCP_RST) {
		pkt_drop(seg->rx->pkt, DROP_TCP_RST_NO_SOCKET);
		return;
	}
	if (seg->flags & TCP_ACK && !(seg->flags & TCP_SYN)) {
		listen_ack(t, l, seg);
		return;
	}
	if (seg->flags & TCP_ACK) {
		/* EVT-5, EVT-56: a SYN-ACK is for somebody else. */
		tcp_respond_rst(t, seg);
		pkt_drop(seg->rx->pkt, DROP_TCP_NOT_LISTENING);
		return;
	}
	/* EVT-8, EVT-38: without RST, ACK and SYN there is nothing to do. */
	if (!(seg->flags & TCP_SYN)) {
		pkt_drop(seg->rx->pkt, DROP_TCP_NOT_LISTENING);
		return;
	}
	/* As Linux: SYN with FIN opens nothing (CL-20); nor does a segment from ourselves to itself (CL-13). */
	if (seg->flags & TCP_FIN || own) {
		pkt_drop(seg->rx->pkt, DROP_TCP_FLAGS);
		return;
	}
	listen_syn(t, l, seg);
}
