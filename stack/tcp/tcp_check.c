/*
 * What must be true of every endpoint between two entries, whatever came in. Tests and fuzzers run it
 * after each entry. It states what the other files rely on: that numbers are in order, that records and
 * rings tell the same story, that what was promised is kept, and that nobody waits without a timer.
 *
 * All of it is read only, but for one memory in debug builds: the right edge of each window, which must
 * never move back (RFC 9293 3.8.6, SHLD-14).
 */
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_passive.h"

#define STATE(s) (1u << TAPIR_TCP_##s)

static const uint32_t sent_fin_in =
	STATE(FIN_WAIT_1) | STATE(FIN_WAIT_2) | STATE(CLOSING) | STATE(LAST_ACK);
static const uint32_t got_fin_in = STATE(CLOSE_WAIT) | STATE(CLOSING) | STATE(LAST_ACK);
/* Here our FIN may wait for its turn behind data; in CLOSE-WAIT it was not asked for yet. */
static const uint32_t fin_asked_in = STATE(SYN_SENT) | STATE(SYN_RECEIVED) | STATE(FIN_WAIT_1) |
				     STATE(CLOSING) | STATE(LAST_ACK);

static void check_ep(struct tapir *t, const struct tcp_ep *ep)
{
	TAPIR_ASSERT(ep->state >= TAPIR_TCP_ESTABLISHED && ep->state <= TAPIR_TCP_CLOSING);
	if (ep->epflags & TCP_EP_HASHED) {
		TAPIR_ASSERT(ep->state != TAPIR_TCP_CLOSED);
		if (ep->kind != TCP_EP_LISTENER)
			TAPIR_ASSERT(tcp_demux_find(t, &ep->tuple) == ep);
	}
	if (ep->epflags & TCP_EP_BOUND)
		TAPIR_ASSERT(ep->tuple.lport != 0);
}

/* ---- connections ---- */

static void check_records(const struct tcp_conn *c)
{
	const struct tcp_act *a = c->act;
	const struct tcp_rec *r;
	uint32_t seq = c->snd_una, n = 0, listed = 0;
	struct tcp_act sum = {0};
	bool first_lost = a->lost_hint == NULL;

	LIST_FOREACH (r, &a->recs, const struct tcp_rec, seq_link) {
		bool waits = (r->flags & (TCP_REC_LOST | TCP_REC_RETRANS)) == TCP_REC_LOST;
		uint32_t segs = tcp_rec_segs(r);

		TAPIR_ASSERT(r->seq == seq && r->len > 0 && r->times > 0 && r->mss > 0);
		TAPIR_ASSERT(!(r->flags & TCP_REC_SACKED && r->flags & TCP_REC_LOST));
		TAPIR_ASSERT(!(r->flags & TCP_REC_SYN) || r->seq == c->iss);
		TAPIR_ASSERT(!(r->flags & TCP_REC_FIN) || r->seq + r->len == c->snd_max);
		/* In the list by time is what is awaited, and no other. */
		TAPIR_ASSERT(list_linked(&r->time_link) == !(waits || r->flags & TCP_REC_SACKED));
		listed += list_linked(&r->time_link);
		first_lost |= r == a->lost_hint;
		TAPIR_ASSERT(!waits || first_lost);
		sum.segs_out += segs;
		if (!(r->flags & (TCP_REC_SACKED | TCP_REC_LOST)))
			sum.in_flight += r->len;
		if (r->flags & TCP_REC_RETRANS) {
			sum.in_flight += r->len;
			sum.segs_retrans += segs;
		}
		if (r->flags & TCP_REC_LOST) {
			sum.lost_bytes += r->len;
			sum.segs_lost += segs;
		}
		if (r->flags & TCP_REC_SACKED) {
			sum.segs_sacked += segs;
			sum.judged_sacked += seq_lt(r->seq, a->judged) ? segs : 0;
			TAPIR_ASSERT(seq_geq(a->high_sacked, r->seq + r->len));
		}
		seq += r->len;
		n++;
	}
	if (n > 0)
		TAPIR_ASSERT(seq == c->snd_max);
	TAPIR_ASSERT(n == a->nrecs && listed == list_count(&a->recs_time));
	TAPIR_ASSERT(sum.in_flight == a->in_flight && sum.lost_bytes == a->lost_bytes);
	TAPIR_ASSERT(sum.segs_out == a->segs_out && sum.segs_lost == a->segs_lost &&
		     sum.segs_sacked == a->segs_sacked && sum.segs_retrans == a->segs_retrans &&
		     sum.judged_sacked == a->judged_sacked);
	/* R9937-2: duplicates stand for no more than is out there. */
	TAPIR_ASSERT(a->reno_sacked <= a->segs_out && (!a->reno_sacked || !a->segs_sacked));
}

/* The ring begins at the first byte not acknowledged and holds all that was sent, and what was not. */
static void check_ring(const struct tcp_conn *c)
{
	uint32_t fin = c->flags & TCP_F_FIN_SENT && c->snd_una != c->snd_max ? 1 : 0;
	uint32_t base = tcp_snd_base(c);

	if (seq_lt(c->snd_max, base))
		return; /* the SYN was not sent */
	if (c->flags & TCP_F_FIN_SENT)
		TAPIR_ASSERT(tcp_snd_end(c) + fin == c->snd_max);
	else
		TAPIR_ASSERT(seq_geq(tcp_snd_end(c), c->snd_max));
}

static void check_ranges(const struct tcp_conn *c)
{
	const struct ranges *s = &c->act->ooo;
	uint32_t after = c->rcv_nxt;

	for (unsigned i = 0; i < s->n; i++) {
		/* A gap before each. */
		TAPIR_ASSERT(seq_gt(s->r[i].start, after) && seq_gt(s->r[i].end, s->r[i].start));
		after = s->r[i].end;
	}
	if (s->n > 0)
		/* A segment that begins within the window may end beyond it. */
		TAPIR_ASSERT(seq_leq(after, c->rcv_nxt + c->rcv_wnd + UINT16_MAX));
}

static bool any_deadline(const struct tcp_conn *c)
{
	for (int i = 0; i < TCP_D_COUNT; i++) {
		if (c->act->deadline_ns[i] != TAPIR_NEVER)
			return true;
	}
	return false;
}

/* "A timer bug that hangs a connection": something to do, and nothing that will do it. */
static void check_progress(const struct tapir *t, const struct tcp_conn *c)
{
	const struct tcp_act *a = c->act;
	uint64_t min = c->keep_ns;
	bool unsent;

	for (int i = 0; a && i < TCP_D_COUNT; i++)
		min = min_u64(min, a->deadline_ns[i]);
	if (list_linked(&c->out))
		return; /* its turn comes with the flush, or when the interface has room */
	if (min != TAPIR_NEVER)
		TAPIR_ASSERT(timer_armed(&c->timer) && timer_deadline(&c->timer) <= min);
	unsent = tcp_snd_end(c) != c->snd_max && !(c->flags & TCP_F_FIN_SENT);
	if (c->flags & TCP_F_FIN_QUEUED && !(c->flags & TCP_F_FIN_SENT))
		unsent = true;
	if (!a) {
		/* A FIN that found no memory tries again by the slow timer. */
		TAPIR_ASSERT(!unsent || min != TAPIR_NEVER);
		TAPIR_ASSERT(c->snd_una == c->snd_max);
		return;
	}
	if (!list_empty(&a->recs))
		TAPIR_ASSERT(a->deadline_ns[TCP_D_REXMT] != TAPIR_NEVER);
	else if (unsent && !(c->fo & TCP_FO_DEFER)) /* that one waits for the application */
		TAPIR_ASSERT(any_deadline(c));
	if (c->flags & TCP_F_DELACK)
		TAPIR_ASSERT(a->deadline_ns[TCP_D_DELACK] != TAPIR_NEVER);
	(void)t;
}

static void check_flags(const struct tcp_conn *c)
{
	uint32_t s = 1u << c->ep.state;

	/* CLOSED keeps its flags: a handle may still read. */
	if (c->ep.state == TAPIR_TCP_CLOSED)
		return;
	TAPIR_ASSERT(!(s & (STATE(LISTEN) | STATE(TIME_WAIT))));
	if (c->flags & TCP_F_FIN_SENT)
		TAPIR_ASSERT(s & sent_fin_in);
	TAPIR_ASSERT(!(c->flags & TCP_F_FIN_RCVD) == !(s & got_fin_in));
	if (c->flags & TCP_F_FIN_QUEUED)
		TAPIR_ASSERT(s & (fin_asked_in | STATE(FIN_WAIT_2)));
	if (s & (STATE(FIN_WAIT_2)))
		TAPIR_ASSERT(c->flags & TCP_F_FIN_SENT && c->snd_una == c->snd_max);
	if (c->flags & TCP_F_ORPHAN)
		TAPIR_ASSERT(c->rdy.sock == 0);
	if (c->listener)
		TAPIR_ASSERT(c->flags & TCP_F_PASSIVE && c->rdy.sock == 0);
	TAPIR_ASSERT(c->ep.epflags & TCP_EP_HASHED && c->ep.epflags & TCP_EP_BOUND);
}

/* What was advertised is never taken back. */
static void check_window(const struct tapir *t, struct tcp_conn *c)
{
#ifdef TAPIR_DEBUG
	uint32_t edge = c->rcv_nxt + c->rcv_wnd;

	if (!tcp_state_synchronized(c->ep.state))
		return;
	if (c->check_edge_set && !t->conf.tcp_shrink_window)
		TAPIR_ASSERT(seq_geq(edge, c->check_edge));
	c->check_edge = edge;
	c->check_edge_set = true;
#else
	(void)t;
	(void)c;
#endif
}

static void check_conn(struct tapir *t, struct tcp_conn *c)
{
	TAPIR_ASSERT(c->ep.kind == TCP_EP_CONN);
	check_ep(t, &c->ep);
	check_flags(c);
	if (c->ep.state == TAPIR_TCP_CLOSED) {
		TAPIR_ASSERT(!list_linked(&c->out) && !timer_armed(&c->timer));
		if (c->act)
			TAPIR_ASSERT(list_empty(&c->act->recs) && c->act->in_flight == 0);
		return;
	}
	TAPIR_ASSERT(seq_leq(c->snd_una, c->snd_nxt) && seq_leq(c->snd_nxt, c->snd_max));
	TAPIR_ASSERT(seq_leq(c->rcv_user, c->rcv_nxt));
	TAPIR_ASSERT(c->mss >= TCP_MSS_FLOOR);
	TAPIR_ASSERT(c->cc.cwnd > 0 || !(c->flags & TCP_F_CONNECTED));
	check_window(t, c);
	if (c->act) {
		check_records(c);
		check_ring(c);
		check_ranges(c);
	}
	check_progress(t, c);
}

/* ---- the others ---- */

static void check_listener(struct tapir *t, const struct tcp_listener *l)
{
	const struct tcp_syn_ent *e;
	const struct tcp_conn *c;
	uint32_t n = 0;

	check_ep(t, &l->ep);
	TAPIR_ASSERT(l->ep.kind == TCP_EP_LISTENER && l->ep.state == TAPIR_TCP_LISTEN);
	TAPIR_ASSERT(l->ep.epflags & TCP_EP_HASHED && l->ep.epflags & TCP_EP_BOUND);
	LIST_FOREACH (e, &l->syns, const struct tcp_syn_ent, link) {
		check_ep(t, &e->ep);
		TAPIR_ASSERT(e->ep.kind == TCP_EP_SYN && e->l == l);
		TAPIR_ASSERT(e->ep.state == TAPIR_TCP_SYN_RECEIVED);
		TAPIR_ASSERT(e->ep.epflags & TCP_EP_HASHED && timer_armed(&e->timer));
		n++;
	}
	TAPIR_ASSERT(n == l->nsyn);
	n = 0;
	LIST_FOREACH (c, &l->acceptq, const struct tcp_conn, accept_link) {
		/* Fast Open ones wait before their handshake is over; and a reset one is still given out. */
		TAPIR_ASSERT(c->listener == l);
		TAPIR_ASSERT(tcp_state_synchronized(c->ep.state) || c->fo & TCP_FO_CHILD ||
			     c->flags & TCP_F_DETACHED);
		n++;
	}
	TAPIR_ASSERT(n == l->naccept);
}

/* Every reference on a port is somebody's. */
static void check_ports(const struct tapir *t, uint32_t bound)
{
	uint64_t refs = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(t->tcp->port); i++) {
		for (unsigned k = 0; t->tcp->port[i] && k < 256; k++) {
			const struct tcp_port *p = &t->tcp->port[i][k];

			TAPIR_ASSERT(p->noreuse <= p->refs && p->explicit <= p->refs);
			refs += p->refs;
		}
	}
	TAPIR_ASSERT(refs == bound);
}

/* What a connection's activity costs. */
static uint64_t act_bytes(const struct tcp_act *a)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < a->rcv.npages; i++)
		used += a->rcv.page[i] != NULL;
	TAPIR_ASSERT(used == a->rcv.npages_used);
	return sizeof(*a) + a->snd.cap + a->rcv.npages * sizeof(*a->rcv.page) +
	       (uint64_t)used * TCP_PAGE +
	       (a->ooo.r == a->ooo_mem ? 0 : a->ooo.max * sizeof(*a->ooo.r)) +
	       (uint64_t)(a->nrecs - (a->rec0_used ? 1 : 0)) * sizeof(struct tcp_rec);
}

/* And what pools keep. Together they are all that is charged. */
static uint64_t pool_bytes(const struct tcp_state *ts)
{
	uint64_t sum = (uint64_t)ts->npage_free * TCP_PAGE +
		       (uint64_t)ts->nrec_free * sizeof(struct tcp_rec);

	for (const struct tcp_free *f = ts->act_free; f; f = f->next)
		sum += sizeof(struct tcp_act);
	return sum;
}

void tcp_check(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;
	uint32_t nconn = 0, norphan = 0, nsyn = 0, nlisten = 0, hashed = 0, bound = 0;
	uint64_t bytes = pool_bytes(ts);
	struct tcp_listener *l;
	struct tcp_conn *c;

	LIST_FOREACH (c, &ts->conns, struct tcp_conn, all) {
		check_conn(t, c);
		bytes += c->act ? act_bytes(c->act) : 0;
		nconn++;
		norphan += c->flags & TCP_F_ORPHAN ? 1 : 0;
		hashed += c->ep.epflags & TCP_EP_HASHED ? 1 : 0;
		bound += c->ep.epflags & TCP_EP_BOUND ? 1 : 0;
	}
	LIST_FOREACH (l, &ts->listeners, struct tcp_listener, all) {
		check_listener(t, l);
		nsyn += l->nsyn;
		nlisten++;
	}
	TAPIR_ASSERT(nconn == ts->nconn && norphan == ts->norphan && nsyn == ts->nsyn);
	TAPIR_ASSERT(ts->listening.n == nlisten);
	TAPIR_ASSERT(ts->eps.n == hashed + nsyn + ts->ntw);
	TAPIR_ASSERT(ts->mem_bytes == bytes && bytes <= ts->mem_limit);
	tcp_tw_check(t);
	check_ports(t, bound + nlisten + ts->ntw);
}
