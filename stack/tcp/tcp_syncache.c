/*
 * SYN-RECEIVED by passive open: a record, not a connection (RFC 4987 3.5).
 *
 * A record holds what the two SYNs agreed on and answers for the connection until our SYN is acknowledged:
 * it goes through the steps of RFC 9293 3.10.7.4 as far as they mean anything here. Then it makes way for a
 * connection, through which the same segment runs again, since it may carry data or a FIN.
 *
 * Its SYN-ACK is sent again after 1, 2, 4, ... seconds, tcp_synack_retries times; then the record goes
 * (R4987-3, TC-20). A peer that never answers thus gets at most six SYN-ACKs of at most 60 bytes for its SYN. A
 * repeated SYN is answered too, at most once in tcp_invalid_ratelimit, and the wait begins anew with it.
 *
 * What does not fit is answered as by Linux: a wrong ACK by RST, before anything else is looked at; another SYN within
 * the window by RST, and the record goes (RFC 9293 3.10.7.4 goes back to LISTEN; RFC 5961 4 would challenge); what lies
 * outside, is old by its timestamp, or echoes a timestamp that no SYN-ACK had, by our ACK.
 */
#include "stack/base/seq.h"
#include "stack/ip/icmp.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/wire/icmp.h"

enum { SYNACK_MAX_MS = 120000 };

static void ent_free(struct tapir *t, struct tcp_syn_ent *e)
{
	timer_stop(t, &e->timer);
	if (e->ep.epflags & TCP_EP_HASHED)
		tcp_demux_remove(t, &e->ep);
	list_del(&e->link);
	e->l->nsyn--;
	e->l->nyoung -= e->retries == 0;
	t->tcp->nsyn--;
	mem_free(t, e, sizeof(*e));
}

/* EVT-21, MUST-11: of a passive open only a LISTEN remains, and the user is not told. */
static void back_to_listen(struct tapir *t, struct tcp_syn_ent *e)
{
	tcp_set_state(t, &e->ep, TAPIR_TCP_LISTEN);
	ent_free(t, e);
}

/* The wait after the n-th SYN-ACK, n from 0. */
static uint64_t wait_ns(const struct tapir *t, unsigned n)
{
	uint64_t ms = (uint64_t)t->conf.tcp_rto_init_ms << min_u32(n, 20);

	/* As Linux: two minutes at most, whatever tcp_rto_max_ms says. */
	return min_u64(ms, SYNACK_MAX_MS) * 1000000;
}

bool tcp_syncache_add(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *p,
		      const struct tcp_fo_cookie *foc)
{
	struct tcp_syn_ent *e = mem_zalloc(t, sizeof(*e));

	if (!e)
		return false;
	e->ep.tuple = p->tuple;
	e->ep.kind = TCP_EP_SYN;
	e->l = l;
	e->p = *p;
	e->p.synack_sent_ns = t->now_ns;
	e->ts_first = e->ts_last = tcp_ts_now(t, p->ts_off);
	e->first_ns = t->now_ns;
	timer_init(&e->timer, TIMER_TCP_SYN);
	list_init(&e->link);
	list_add_tail(&l->syns, &e->link);
	l->nsyn++;
	l->nyoung++;
	t->tcp->nsyn++;
	/* EVT-6: RCV.NXT = SEG.SEQ+1, IRS = SEG.SEQ, SND.NXT = ISS+1, SND.UNA = ISS: all by iss and irs. */
	tcp_set_state(t, &e->ep, TAPIR_TCP_LISTEN);
	tcp_set_state(t, &e->ep, TAPIR_TCP_SYN_RECEIVED);
	tcp_demux_insert(t, &e->ep);
	timer_set(t, &e->timer, t->now_ns + wait_ns(t, 0));
	tcp_respond_synack(t, l, &e->p, foc, false);
	return true;
}

void tcp_syncache_purge(struct tapir *t, struct tcp_listener *l)
{
	struct tcp_syn_ent *e;

	while ((e = LIST_FIRST(&l->syns, struct tcp_syn_ent, link)) != NULL)
		back_to_listen(t, e);
}

void tcp_syncache_addr_gone(struct tapir *t, struct tcp_listener *l, const struct tapir_addr *a)
{
	struct tcp_syn_ent *e, *next;

	LIST_FOREACH_SAFE (e, next, &l->syns, struct tcp_syn_ent, link) {
		if (!tapir_addr_eq(&e->ep.tuple.laddr, a))
			continue;
		tcp_respond_rst_syn(t, e);
		back_to_listen(t, e);
	}
}

/*
 * How often a SYN-ACK is sent again. As Linux: fewer times when the queue is more than half full, and most of those
 * in it are old, that is, when nobody answers.
 */
static unsigned max_retries(const struct tapir *t, const struct tcp_listener *l)
{
	unsigned max = l->opt.syncnt ? l->opt.syncnt : (unsigned)t->conf.tcp_synack_retries;
	uint64_t young = 2 * (uint64_t)l->nyoung;

	if (2 * (uint64_t)l->nsyn <= max_u32(8, l->backlog))
		return max;
	for (; max > 2 && l->nsyn >= young; young *= 2)
		max--;
	return max;
}

/* R6298-5: no sample of a SYN-ACK that was sent again. */
static void synack_again(struct tapir *t, struct tcp_syn_ent *e)
{
	e->p.synack_sent_ns = 0;
	if (e->again < UINT8_MAX)
		e->again++;
	e->ts_last = tcp_ts_now(t, e->p.ts_off);
	STAT_INC(t, TcpExt, TCPSynRetrans);
	tcp_respond_synack(t, e->l, &e->p, NULL, true);
}

void tcp_syn_timer(struct tapir *t, struct timer *tm)
{
	struct tcp_syn_ent *e = container_of(tm, struct tcp_syn_ent, timer);
	unsigned defer = e->l->opt.defer_accept;

	STAT_INC(t, TcpExt, TCPTimeouts);
	/* TC-20: an end to it; one that waits for data, its ACK here already, may wait as long as was asked for. */
	if (e->retries >= max_retries(t, e->l) && !(defer && e->acked && e->retries < defer)) {
		back_to_listen(t, e);
		return;
	}
	/* EVT-45: RETRANSMISSION TIMEOUT; but who has answered is not asked again before the last moment. */
	if (!(defer && e->acked && e->retries + 1u < defer))
		synack_again(t, e);
	e->l->nyoung -= e->retries == 0;
	e->retries++;
	timer_set(t, &e->timer, t->now_ns + wait_ns(t, e->retries));
}

/*
 * Whether one more segment of this record's may be answered now (RFC 5961 7). As Linux: the first at once, and data
 * always, since no loop of ACKs is made of it.
 */
static bool may_answer(struct tapir *t, struct tcp_syn_ent *e, const struct tcp_seg *seg)
{
	uint64_t least = (uint64_t)t->conf.tcp_invalid_ratelimit_ms * 1000000;

	if (seg->len && !(seg->flags & TCP_SYN))
		return true;
	if (e->last_answer_ns && t->now_ns - e->last_answer_ns < least) {
		STAT_INC(t, TcpExt, TCPACKSkippedSynRecv);
		return false;
	}
	e->last_answer_ns = t->now_ns;
	return true;
}

static void answer_ack(struct tapir *t, struct tcp_syn_ent *e, const struct tcp_seg *seg,
		       bool challenge)
{
	if (may_answer(t, e, seg) && (!challenge || tcp_challenge_allowed(t)))
		tcp_respond_ack_syn(t, e);
}

/* RFC 9293 3.10.7.4, first, for RCV.NXT = IRS+1 and the window of our SYN-ACK. */
static bool acceptable(const struct tcp_passive *p, const struct tcp_seg *seg)
{
	uint32_t wnd = min_u32(p->rcv_wnd, UINT16_MAX);
	uint32_t nxt = p->irs + 1, edge = nxt + wnd, end = seg->seq + seg->len;

	if (seg->len == 0) /* at the very edge too, as for a connection */
		return seq_geq(seg->seq, nxt) && seq_leq(seg->seq, edge);
	if (wnd == 0)
		return false;
	return seq_in_window(seg->seq, nxt, wnd) || seq_in_window(end - 1, nxt, wnd) ||
	       (seq_lt(seg->seq, nxt) && seq_gt(end, edge));
}

static bool paws_old(const struct tcp_passive *p, const struct tcp_seg *seg)
{
	return p->ts && seg->opt.has & TCP_HAS_TS && tcp_ts_older(seg->opt.tsval, p->ts_recent);
}

/* An echo of none of the TSvals that our SYN-ACKs had: somebody else's segment (RFC 7323 5.8), as Linux sees it. */
static bool echo_wrong(const struct tcp_syn_ent *e, const struct tcp_seg *seg)
{
	if (!e->p.ts || !(seg->opt.has & TCP_HAS_TS) || !seg->opt.tsecr)
		return false;
	return seg->opt.tsecr - e->ts_first > e->ts_last - e->ts_first;
}

/* The same SYN again: our answer was lost, or is slow. */
static bool is_repeated_syn(const struct tcp_syn_ent *e, const struct tcp_seg *seg)
{
	return (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN &&
	       seg->seq == e->p.irs;
}

/*
 * The steps up to the ACK. DROP_NONE: seg completes the handshake; else why it goes no further. The record
 * may be gone then: *gone tells.
 */
static enum drop_reason steps(struct tapir *t, struct tcp_syn_ent *e, struct tcp_seg *seg,
			      bool *gone)
{
	const struct tcp_passive *p = &e->p;

	bool old = paws_old(p, seg) && !(seg->flags & TCP_RST);

	/* EVT-25: the ISN stays what it was. */
	if (is_repeated_syn(e, seg) && !old) {
		if (may_answer(t, e, seg)) {
			synack_again(t, e);
			/* As Linux: the wait begins anew, and is no shorter for what came before. */
			timer_set(t, &e->timer, t->now_ns + wait_ns(t, e->retries));
		}
		return DROP_TCP_SYN_DUP;
	}
	/* Fifth, ACK (EVT-26, EVT-27, TC-44), first as in Linux: SND.UNA < SEG.ACK =< SND.NXT is ISS+1 alone. */
	if (seg->flags & TCP_ACK && !(seg->flags & TCP_RST) && seg->ack != p->iss + 1) {
		tcp_respond_rst(t, seg);
		return DROP_TCP_ACK_BAD;
	}
	/* R7323-17: PAWS comes before the sequence number; a RST is exempt. Without an option it says nothing (TC-54). */
	if (old) {
		STAT_INC(t, TcpExt, PAWSEstab);
		answer_ack(t, e, seg, false);
		return DROP_TCP_PAWS;
	}
	if (echo_wrong(e, seg)) {
		STAT_INC(t, TcpExt, TSEcrRejected);
		if (!(seg->flags & TCP_RST))
			answer_ack(t, e, seg, false);
		return DROP_TCP_TS_ECHO;
	}
	/* First, the sequence number (EVT-18). */
	if (!acceptable(p, seg)) {
		if (!(seg->flags & TCP_RST))
			answer_ack(t, e, seg, false);
		return DROP_TCP_WINDOW;
	}
	/* Second, RST, with or without ACK: exactly RCV.NXT, or it is challenged (EVT-20, EVT-21, R5961-1, TC-57). */
	if (seg->flags & TCP_RST) {
		if (seg->seq == p->irs + 1) {
			STAT_INC(t, TcpExt, EmbryonicRsts);
			back_to_listen(t, e);
			*gone = true;
			return DROP_NONE;
		}
		answer_ack(t, e, seg, true);
		return DROP_TCP_RST_SEQ;
	}
	/*
	 * Fourth, SYN (see above): the peer begins anew with another number, and has forgotten this one. As Linux, which
	 * ends it by a RST where RFC 9293 3.10.7.4 goes back to LISTEN or challenges.
	 */
	if (seg->flags & TCP_SYN && seg->seq != p->irs) {
		STAT_INC(t, TcpExt, EmbryonicRsts);
		tcp_respond_rst(t, seg);
		back_to_listen(t, e);
		*gone = true;
		return DROP_NONE;
	}
	if (seg->flags & TCP_SYN) {
		STAT_INC(t, TcpExt, TCPSYNChallenge);
		answer_ack(t, e, seg, true);
		return DROP_TCP_SYN_CHALLENGE;
	}
	return seg->flags & TCP_ACK ? DROP_NONE : DROP_TCP_NO_ACK;
}

/*
 * TCP_DEFER_ACCEPT: a bare ACK makes no connection yet; whoever speaks first will speak soon. False: this segment
 * makes it, or the time is over.
 */
static bool deferred(struct tapir *t, struct tcp_syn_ent *e, const struct tcp_seg *seg)
{
	if (e->retries >= e->l->opt.defer_accept || seg->len != 0)
		return false;
	e->acked = true;
	e->p.synack_sent_ns = 0; /* the data's time is no round trip */
	STAT_INC(t, TcpExt, TCPDeferAcceptDrop);
	return true;
}

/*
 * R5681-3: whether SYN-ACKs were lost, so that the initial window is one segment: as Linux, from the second that went again
 * on, one by the timer among them, and not where the timestamp echoed is the first one's: that was slow, not lost.
 */
static bool synacks_lost(const struct tcp_syn_ent *e, const struct tcp_seg *seg)
{
	bool first = e->p.ts && seg->opt.has & TCP_HAS_TS &&
		     seg->opt.tsecr == tcp_ts_at(e->p.ts_off, e->first_ns);

	return e->retries > 0 && e->again > 1 && !first;
}

/* The handshake is complete, if there is room for what it makes. */
static void complete(struct tapir *t, struct tcp_syn_ent *e, struct tcp_seg *seg)
{
	struct tcp_listener *l = e->l;

	if (tcp_listener_full(l)) {
		STAT_INC(t, TcpExt, ListenOverflows);
		STAT_INC(t, TcpExt, ListenDrops);
		e->acked = true;
		if (t->conf.tcp_abort_on_overflow) {
			STAT_INC(t, TcpExt, EmbryonicRsts);
			tcp_respond_rst(t, seg);
			back_to_listen(t, e);
		}
		pkt_drop(seg->rx->pkt, DROP_TCP_LISTEN_OVERFLOW);
		return;
	}
	e->p.syn_lost = synacks_lost(e, seg);
	e->p.synacks_again = e->again;
	tcp_demux_remove(t, &e->ep);
	if (tcp_listen_complete(t, l, &e->p, seg)) {
		ent_free(t, e);
		return;
	}
	tcp_demux_insert(t, &e->ep);
	STAT_INC(t, TcpExt, ListenDrops);
	pkt_drop(seg->rx->pkt, DROP_TCP_MEMORY);
}

void tcp_syncache_input(struct tapir *t, struct tcp_syn_ent *e, struct tcp_seg *seg)
{
	bool gone = false;
	enum drop_reason why = steps(t, e, seg, &gone);

	if (why != DROP_NONE)
		pkt_drop(seg->rx->pkt, why);
	else if (gone)
		pkt_free(seg->rx->pkt);
	else if (deferred(t, e, seg))
		pkt_drop(seg->rx->pkt, DROP_TCP_DEFER_ACCEPT);
	else
		complete(t, e, seg);
}

enum drop_reason tcp_syncache_icmp_err(struct tapir *t, struct tcp_syn_ent *e,
				       const struct icmp_err *err)
{
	/* RFC 5927 4.1: it must quote what we sent: the SYN-ACK. */
	if (!err->local && err->seq != e->p.iss) {
		STAT_INC(t, TcpExt, OutOfWindowIcmps);
		return DROP_ICMP_SEQ;
	}
	/*
	 * SHLD-26, MUST-56: as Linux, what says that our SYN-ACK did not get there ends what is half open, to spare the
	 * repetitions; not so what a host or its firewall says: who asked is there.
	 */
	if (err->type == ICMP_PARAM_PROBLEM || err->type == ICMP_TIME_EXCEEDED ||
	    (err->type == ICMP_UNREACH &&
	     (err->code == ICMP_UNREACH_NET || err->code == ICMP_UNREACH_HOST))) {
		STAT_INC(t, TcpExt, ListenDrops);
		back_to_listen(t, e);
	}
	return DROP_NONE;
}
