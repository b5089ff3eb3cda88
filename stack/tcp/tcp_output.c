/*
 * The only sender of a connection.
 *
 * tcp_output() is called when something may have changed: an ACK came, the application wrote, a timer
 * fired, the interface has room. It asks the same questions in the same order each time, and sends as
 * long as the answers allow: what was lost and is to be sent again; then new data, within the peer's
 * window (RFC 9293 3.8.6), the congestion window (RFC 5681 3.1), and the rules against silly segments
 * (RFC 9293 3.8.6.2.1) and small ones (Nagle, 3.7.4); then FIN; then an ACK by itself, if nothing that
 * was sent carried it. What it leaves running are the deadlines.
 */
#include <errno.h>

#include "stack/core/emit.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_recovery.h"

enum {
	SEGS_PER_CALL = 1024,  /* a bound on one connection's share of a flush */
	NEXT_SEG_STEPS = 1024, /* records looked at for what RFC 6675 lets go last */
	UNCUT_NS = 10000000,   /* see note_uncut() */
};

/* The window field for an outgoing segment; records what it promises. */
static uint32_t window_field(struct tapir *t, struct tcp_conn *c, bool syn)
{
	/* R7323-4: never scaled in a SYN, so never above 65535; what was promised stays. */
	return syn ? min_u32(c->rcv_wnd, UINT16_MAX) : tcp_rcv_window_field(t, c);
}

/* ---- options ---- */

/* The options of a segment in a synchronized state: timestamps, SACK blocks. */
static void segment_opts(struct tapir *t, struct tcp_conn *c, struct tcp_opts *o)
{
	*o = (struct tcp_opts){0};
	if (c->flags & TCP_F_TS) { /* R7323-11 */
		o->has |= TCP_HAS_TS;
		o->tsval = tcp_ts_now(t, c->ts_off);
		o->tsecr = c->ts_recent;
	}
	if (c->flags & TCP_F_SACK) /* R2018-2 */
		tcp_sack_blocks(c, o);
	tcp_uto_opts(t, c, false, o);
}

/*
 * The options of our SYN (active open) or SYN-ACK; MUST-65: MSS is in no other segment. As Linux, the SYN-ACK of a
 * simultaneous open has all that our SYN has, whatever the peer's has; that of a Fast Open, what was agreed.
 */
static void syn_opts(struct tapir *t, struct tcp_conn *c, bool synack, struct tcp_opts *o)
{
	struct route rt;
	uint32_t mtu = tcp_conn_route(t, c, &rt) == 0 ? rt.mtu : 576;
	bool child = !(c->flags & TCP_F_ACTIVE);

	*o = (struct tcp_opts){.has = TCP_HAS_MSS};
	o->mss = tcp_mss_announce(&c->opt, mtu);
	if (child ? c->flags & TCP_F_TS : c->offered & TCP_HAS_TS) {
		o->has |= TCP_HAS_TS;
		o->tsval = tcp_ts_now(t, c->ts_off);
		o->tsecr = synack ? c->ts_recent : 0; /* R7323-14 */
	}
	if (child ? c->flags & TCP_F_SACK : c->offered & TCP_HAS_SACK_OK)
		o->has |= TCP_HAS_SACK_OK; /* R2018-1: in SYNs alone */
	if (child ? c->flags & TCP_F_WS : c->offered & TCP_HAS_WSCALE) {
		o->has |= TCP_HAS_WSCALE; /* R7323-1: also with a shift of 0 */
		o->wscale = c->rcv_wscale;
	}
	tcp_uto_opts(t, c, true, o);
}

/* ---- one segment ---- */

/* What has been sent acknowledges everything up to now. */
static void ack_sent(struct tapir *t, struct tcp_conn *c)
{
	tcp_rcv_ack_sent(t, c);
	c->last_ack_sent = c->rcv_nxt;
	c->flags &= ~(uint32_t)(TCP_F_ACK_NOW | TCP_F_DELACK | TCP_F_WND_UPDATE);
	if (!c->act)
		return;
	c->act->dsack = false;
}

/* The section by which a segment goes again now; outside recovery only a tail probe does. */
static const char *rexmit_source(const struct tcp_conn *c)
{
	if (c->ca_state == TCP_CA_LOSS || !tcp_state_synchronized(c->ep.state))
		return "RFC 6298 5.4";
	if (c->ca_state < TCP_CA_RECOVERY)
		return "RFC 8985 7.3";
	return tcp_has_sack(c) ? "RFC 8985 6.2; RFC 6675 5" : "RFC 6582 3.2";
}

/*
 * Sends [seq, seq + len) of the ring with `flags`. Returns tcp_xmit()'s value. -EMSGSIZE lowers the MSS
 * first, so that the caller may cut anew.
 */
static int send_segment(struct tapir *t, struct tcp_conn *c, uint32_t seq, uint32_t len,
			uint16_t flags, bool rexmit)
{
	struct tcp_opts o;
	struct route rt;
	bool syn = flags & TCP_SYN;
	struct tcp_xmit x = {
		.tuple = &c->ep.tuple,
		.seq = seq,
		.ack = flags & TCP_ACK ? c->rcv_nxt : 0,
		.flags = flags,
		.opt = &o,
		.len = len,
		.ttl = c->opt.ttl, /* MUST-49 */
		.tos = c->opt.tos, /* MUST-48, SHLD-21, SHLD-22 */
		.pmtudisc = c->opt.pmtudisc,
		.ifindex = c->opt.ifindex,
		.reserve = len == 0,
		.rexmit = rexmit,
		.more = len && c->act && c->act->chunk_more,
		.source = rexmit ? rexmit_source(c) : NULL,
	};
	uint16_t size;
	int route = tcp_conn_route(t, c, &rt), r;

	x.rt = &rt;
	if (syn) {
		syn_opts(t, c, flags & TCP_ACK, &o);
		x.flags |= tcp_ecn_syn(t, c, flags & TCP_ACK, rexmit);
		if (!rexmit && !(c->flags & TCP_F_ACTIVE && flags & TCP_ACK))
			tcp_fastopen_syn_opts(t, c, &o);
	} else {
		segment_opts(t, c, &o);
		x.tos |= tcp_ecn_mark(c, len && !rexmit, &x.flags);
	}
	x.wnd = flags & TCP_RST ? 0 : window_field(t, c, syn);
	if (len) {
		x.data = &c->act->snd;
		if (!c->txc)
			c->txc = pkt_charge_new(t); /* without memory nobody counts */
		x.charge = c->txc;
		x.off = syn ? 0 : seq - tcp_snd_base(c);
	}
	x.urg = syn || flags & TCP_RST ? 0 : tcp_urg_pointer(c, seq);
	if (x.urg)
		x.flags |= TCP_URG;
	/* No way to the peer is a loss as any other: the timers find out (RFC 9293 3.9.2.2, MUST-20). */
	r = route < 0 ? 0 : tcp_xmit(t, &x);
	if (r == -EMSGSIZE)
		tcp_conn_update_mss(t, c);
	if (r < 0 && r != -EHOSTUNREACH && r != -ENETDOWN)
		return r; /* nothing left, so nothing was acknowledged */
	if (!syn) {
		tcp_ecn_sent(c, x.flags);
		c->uto_due = c->uto_due && !(o.has & TCP_HAS_UTO);
	}
	c->segs_out++;
	c->retry_shift = 0;
	if (len) {
		tcp_pace_sent(t, c, len);
		c->data_segs_out++;
		c->bytes_sent += len;
		tcp_rcv_sent_data(t, c);
		size = (uint16_t)(len + tcp_opts_len(&o, tcp_opt_style(t)) + IP_TCP_HLEN);
		if (size > c->max_sent) {
			c->max_sent = size;
			c->big_end = seq + len;
		}
	}
	if (rexmit) {
		c->total_retrans++;
		c->last_data_ns = len ? t->now_ns : c->last_data_ns;
		c->bytes_retrans += len;
	}
	if (c->flags & TCP_F_WND_UPDATE)
		tcp_tell(t, &c->ep.tuple, TAPIR_EV_TCP_WINDOW_UPDATE, "RFC 9293 3.8.6.2.2",
			 c->rcv_nxt, c->rcv_wnd);
	/* The peer answers a probe, whose number is an old one, and reads no more of it: the ACK is still owed. */
	if (flags & TCP_ACK && seq_geq(seq, c->snd_una))
		ack_sent(t, c);
	return 0;
}

uint32_t tcp_segment_room(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_opts o = {.has = c->flags & TCP_F_TS ? TCP_HAS_TS : 0};
	uint32_t optlen;

	if (c->flags & TCP_F_SACK)
		tcp_sack_number(c, &o);
	tcp_uto_opts(t, c, false, &o);
	optlen = (uint32_t)tcp_opts_len(&o, tcp_opt_style(t));
	return c->mss > optlen ? c->mss - optlen : 1;
}

static struct netif *out_netif(struct tapir *t, struct tcp_conn *c)
{
	struct route rt;

	return tcp_conn_route(t, c, &rt) == 0 ? netif_get(t, rt.ifindex) : NULL;
}

/*
 * What of an interface's queue one connection may fill: net.ipv4.tcp_limit_output_bytes, and a quarter. More
 * would be delay for all others, and for its own retransmissions.
 */
static bool share_left(struct tapir *t, const struct tcp_conn *c, const struct netif *ifp)
{
	uint64_t most = min_u64((uint64_t)t->conf.tcp_limit_output_bytes, ifp->txq_limit / 4);

	return !c->txc || c->txc->npkt < 2 || c->txc->bytes < most;
}

/* Whether a segment of `len` may leave now: by the pace, and by the interface, in whose line c waits if not. */
static bool tx_room(struct tapir *t, struct tcp_conn *c, uint32_t len)
{
	struct netif *ifp = out_netif(t, c);
	bool share = !ifp || share_left(t, c, ifp);

	if (len && !tcp_pace_allows(t, c))
		return false;
	if (!ifp || (share && netif_has_room(ifp, len + 120)))
		return true;
	/* What waits elsewhere, for a neighbour, leaves without a word from the queue. */
	if (!share)
		c->act->deadline_ns[TCP_D_RETRY] =
			min_u64(c->act->deadline_ns[TCP_D_RETRY], t->now_ns + TCP_SHARE_NS);
	list_del(&c->out);
	netif_wait(ifp, &c->out);
	c->flags |= TCP_F_TX_WAIT;
	return false;
}

/* ---- SYN ---- */

static void output_syn(struct tapir *t, struct tcp_conn *c)
{
	bool synack = c->ep.state == TAPIR_TCP_SYN_RECEIVED;
	struct tcp_rec *lost;
	struct tcp_rec *first = LIST_FIRST(&c->act->recs, struct tcp_rec, seq_link);
	uint16_t flags = (uint16_t)(TCP_SYN | (synack ? TCP_ACK : 0));
	bool again = first != NULL;
	/* RFC 7413 4.2.1: data goes with the first SYN alone: who did not answer that may not bear it. */
	uint32_t len = c->fo & TCP_FO_DATA && !again && !synack ? c->act->snd.len : 0;

	/* The SYN's alone: what went with it waits for the handshake. */
	lost = tcp_rec_first_lost(c);
	if (lost != first)
		lost = NULL;
	if (again && !lost) {
		if (!(c->flags & TCP_F_ACK_NOW) || tcp_fastopen_child(c))
			return;
		if (!synack) {
			send_segment(t, c, c->snd_nxt, 0, TCP_ACK, false);
		} else if (send_segment(t, c, c->iss, 0, flags, false) == 0) {
			/* A simultaneous open: it is the SYN no more than it is another: a round trip counts from now. */
			first = tcp_rec_resent(t, c, first, 1, true);
			first->times = 1;
		}
		return;
	}
	if (send_segment(t, c, c->iss, len, flags, again) < 0 && again)
		return; /* the timer tries again */
	if (again) {
		STAT_INC(t, TcpExt, TCPSynRetrans);
		tcp_rec_resent(t, c, lost, lost->len, false);
	} else {
		tcp_rec_sent(t, c, c->iss, 1, TCP_REC_SYN);
		if (len) {
			tcp_rec_sent(t, c, c->iss + 1, len, TCP_REC_PSH); /* of what goes again */
			STAT_INC(t, TcpExt, TCPOrigDataSent);
		}
		c->snd_nxt = c->snd_max = c->iss + 1 + len;
		c->pushed_seq = c->snd_nxt;
	}
	/* As Linux: a SYN that is repeated to a Fast Open child moves no timer of its. */
	if (again && tcp_fastopen_child(c))
		tcp_rexmt_arm_if_off(t, c);
	else
		tcp_rexmt_arm(t, c);
}

/* ---- retransmission ---- */

/*
 * R7323-9, MAY-7, SHLD-16, RFC 7323 2.4: what of the text at `seq` may go again in one segment: within the window as it is
 * now, as Linux. Beyond it the first segment goes alone, of any size: it is what the timer asked for, and a probe of a
 * closed window.
 */
static uint32_t resend_room(struct tapir *t, struct tcp_conn *c, uint32_t seq)
{
	uint32_t edge = c->snd_una + c->snd_wnd, room = tcp_segment_room(t, c);

	if (seq_gt(edge, seq))
		return min_u32(room, edge - seq);
	return seq == c->snd_una ? room : 0;
}

static void note_sent(struct tapir *t, struct tcp_conn *c, uint32_t len, uint8_t flags);

/* What a record remembers of the flags that its last segment left with. */
static uint8_t rec_flags(uint16_t flags)
{
	return (uint8_t)((flags & TCP_FIN ? TCP_REC_FIN : 0) | (flags & TCP_PSH ? TCP_REC_PSH : 0));
}

/* What was sent again counts against the reduction, and towards an undo. */
static void note_resent(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t flight)
{
	struct tcp_act *a = c->act;

	if (!a->retrans_start_ns)
		a->retrans_start_ns = t->now_ns;
	if (!a->retrans_stamp_ns) {
		a->retrans_stamp_ns = t->now_ns;
		a->retrans_stamp = tcp_ts_now(t, c->ts_off);
	}
	c->undo_retrans = (c->undo_retrans > 0 ? c->undo_retrans : 0) + 1;
	if (c->ca_state == TCP_CA_LOSS)
		STAT_INC(t, TcpExt, TCPSlowStartRetrans);
	else
		STAT_INC(t, TcpExt, TCPFastRetrans);
	if (tcp_in_reduction(c))
		a->prr_out++;
	/* Whatever becomes of a size probe that is out now, it says nothing clear (RFC 4821 7.6.3). */
	c->mtu_probe = 0;
	tcp_rate_sent(t, c, r, flight);
}

/*
 * Sends r's first segment again: its text, and FIN where it ends. 0: sent; else tcp_xmit()'s errno, -EAGAIN without room
 * on the interface or in the window. *sent is the sequence space that went.
 */
static int resend(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r, uint32_t *sent)
{
	uint32_t room = min_u32(resend_room(t, c, r->seq), r->mss);
	uint32_t text = r->len - (r->flags & TCP_REC_FIN ? 1 : 0);
	bool with_fin = r->flags & TCP_REC_FIN && text <= room;
	bool psh = r->flags & TCP_REC_PSH && text <= room; /* as it left first */
	uint16_t flags = TCP_ACK;

	if (r->flags & TCP_REC_SYN) {
		/* TC-55: closed before our SYN of a simultaneous open was acknowledged (3.10.4). */
		*sent = 1;
		return send_segment(t, c, c->iss, 0, TCP_SYN | TCP_ACK, true);
	}
	text = min_u32(text, room);
	*sent = text + (with_fin ? 1 : 0);
	if (!room || !tx_room(t, c, text))
		return -EAGAIN;
	if (with_fin)
		flags |= TCP_FIN;
	if (text && psh)
		flags |= TCP_PSH;
	return send_segment(t, c, r->seq, text, flags, true);
}

/*
 * R6675-3, rule 3 and 4 of NextSeg(), where RACK is off and there is nothing else to send: what lies below the highest
 * SACK and was not sent again yet; then, once a recovery, the last segment (a rescue).
 */
static struct tcp_rec *next_seg_without_loss(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *r, *last = LIST_LAST(&a->recs, struct tcp_rec, seq_link);
	unsigned steps = NEXT_SEG_STEPS;

	if (tcp_use_rack(t) || !tcp_has_sack(c) || c->ca_state != TCP_CA_RECOVERY)
		return NULL;
	/* What is below is SACKed or lost: tcp_sack_mark_lost(). */
	r = a->judged_hint ? a->judged_hint : LIST_FIRST(&a->recs, struct tcp_rec, seq_link);
	for (; r && steps && seq_lt(r->seq, tcp_high_sacked(c)); r = tcp_rec_next(a, r), steps--) {
		/* Not one that went already (HighRxt): it would never end. */
		if (!(r->flags & (TCP_REC_SACKED | TCP_REC_LOST | TCP_REC_RETRANS)))
			return r;
	}
	if (a->rescued || last->flags & (TCP_REC_SACKED | TCP_REC_LOST))
		return NULL;
	a->rescued = true;
	return tcp_rec_last_segment(t, c);
}

/*
 * What was sent of r can't be remembered apart: it stays lost as a whole. That it went twice is remembered, for
 * Karn's rule and for whoever would undo; and it does not go a third time before an ACK moves SND.UNA or a round
 * trip has passed, or each of a flight of duplicate ACKs would fetch another copy.
 */
static void note_uncut(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t flight)
{
	struct tcp_act *a = c->act;

	if (r->times < UINT8_MAX)
		r->times++;
	note_resent(t, c, r, flight);
	a->uncut_una = c->snd_una;
	a->uncut_ns = t->now_ns + max_u64((uint64_t)c->rtt.srtt_us * 1000, UNCUT_NS);
	a->deadline_ns[TCP_D_RETRY] = min_u64(a->deadline_ns[TCP_D_RETRY], a->uncut_ns);
	tcp_rexmt_arm_if_off(t, c);
}

static bool uncut_waits(const struct tapir *t, const struct tcp_conn *c)
{
	return c->act->uncut_ns > t->now_ns && c->act->uncut_una == c->snd_una;
}

/*
 * RFC 9293 3.8.1 lets a retransmission be cut anew: the short segments behind r go in one with it, and FIN, as far as a
 * segment and the window take them. As Linux not what a device still holds: the caller looks.
 */
static void join_small(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	if (t->conf.tcp_retrans_collapse)
		tcp_rec_join(t, c, r, resend_room(t, c, r->seq), edge);
}

/* R8985-9: sends again what is marked lost, within the window. False: stop, nothing more can leave now. */
static bool output_lost(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	/* Of an earlier moment, and by that what is to go again. */
	bool held = c->txc && c->txc->npkt;

	if (a->rexmit != TCP_REXMIT_LOST)
		return true;
	if (uncut_waits(t, c))
		return false;
	for (int n = 0; n < SEGS_PER_CALL; n++) {
		struct tcp_rec *r = tcp_rec_first_lost(c), *again;
		uint32_t flight = tcp_pipe(c), mss = tcp_conn_smss(c), len = 0, room;
		bool head;
		int err;

		if (!r)
			return true;
		head = r->seq == c->snd_una;
		room = tcp_segment_room(t, c);
		/* R1191-7, as Linux: a segment that is too large by now goes in pieces, and the next begins where it did. */
		if (r->mss > room && r->len > r->mss)
			tcp_rec_split(t, a, r, r->mss); /* without memory it is cut anew */
		if (flight && flight + mss > c->cc.cwnd)
			return false;
		if (!held)
			join_small(t, c, r);
		err = resend(t, c, r, &len);
		if (err == -EMSGSIZE && tcp_segment_room(t, c) < room)
			continue; /* c->mss is smaller now */
		if (err == -EAGAIN)
			return false;
		if (err < 0) {
			STAT_INC(t, TcpExt, TCPRetransFail);
			/* Not at the next time-out, which may be minutes away. */
			tcp_retry_soon(t, c);
			return false;
		}
		again = tcp_rec_resent(t, c, r, len, false);
		if (!again) {
			note_uncut(t, c, r, flight);
			return false;
		}
		note_resent(t, c, again, flight);
		/* R6298-7: the timer counts from now when the first is sent again. */
		if (head &&
		    (a->timer_kind != TCP_TIMER_REO || a->deadline_ns[TCP_D_REXMT] == TAPIR_NEVER))
			tcp_rexmt_arm(t, c);
		else
			tcp_rexmt_arm_if_off(t, c);
	}
	tcp_conn_dirty(t, c); /* more is to go: let others have their turn first */
	return false;
}

/* After new data: what RFC 6675 lets go when nothing else may. */
static void output_rescue(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	while (a->rexmit == TCP_REXMIT_LOST && tcp_pipe(c) + tcp_conn_smss(c) <= c->cc.cwnd) {
		struct tcp_rec *r = next_seg_without_loss(t, c), *again;
		uint32_t flight = tcp_pipe(c), len;

		if (!r || uncut_waits(t, c) || resend(t, c, r, &len) < 0)
			return;
		/* Both copies count as in flight (RFC 6675 4, SetPipe). */
		again = tcp_rec_resent(t, c, r, len, false);
		if (!again) {
			note_uncut(t, c, r, flight);
			return;
		}
		note_resent(t, c, again, flight);
	}
}

/* The new segment that would leave next. */
struct next {
	uint32_t len; /* text */
	uint32_t wnd; /* what the peer's window leaves */
	bool fin;     /* FIN is part of it */
	bool last;    /* nothing is queued behind it but, maybe, FIN */
	bool fits;    /* into the window, with FIN */
};

/* False: there is none. */
static bool next_new(struct tapir *t, struct tcp_conn *c, struct next *n)
{
	uint32_t avail = tcp_snd_end(c) - c->snd_nxt;

	if (c->flags & TCP_F_FIN_SENT)
		return false;
	n->wnd = tcp_wnd_left(c);
	n->len = min_u32(tcp_push_until_eor(c, avail), tcp_segment_room(t, c));
	n->last = n->len == avail;
	n->fin = n->last && c->flags & TCP_F_FIN_QUEUED;
	n->fits = n->len + (n->fin ? 1 : 0) <= n->wnd;
	return n->len || n->fin;
}

static uint16_t new_flags(struct tcp_conn *c, const struct next *n)
{
	return (uint16_t)(TCP_ACK | (n->fin ? TCP_FIN : 0) |
			  (n->len && tcp_push_within(c, n->len) ? TCP_PSH : 0));
}

static uint8_t new_rec_flags(const struct tcp_conn *c, const struct next *n, uint16_t flags)
{
	return (uint8_t)(rec_flags(flags) | (tcp_push_eor_at(c, n->len) ? TCP_REC_EOR : 0));
}

enum tcp_tlp_sent tcp_send_tlp(struct tapir *t, struct tcp_conn *c)
{
	uint32_t len, flight = tcp_pipe(c);
	struct tcp_rec *r;
	struct next n;

	/* R8985-7: new data, or a FIN, if the peer's window allows it; whatever cwnd and Nagle say. */
	if (next_new(t, c, &n) && n.fits) {
		uint16_t flags = new_flags(c, &n);

		if (!tx_room(t, c, n.len) ||
		    send_segment(t, c, c->snd_nxt, n.len, flags, false) < 0)
			return TCP_TLP_NOTHING;
		note_sent(t, c, n.len, new_rec_flags(c, &n, flags));
		return TCP_TLP_NEW;
	}
	r = tcp_rec_last_segment(t, c);
	if (!r || r->flags & TCP_REC_SYN || resend(t, c, r, &len) < 0)
		return TCP_TLP_NOTHING;
	r = tcp_rec_resent(t, c, r, len, true);
	if (r)
		tcp_rate_sent(t, c, r, flight);
	return TCP_TLP_OLD;
}

/* ---- new data ---- */

/* SHLD-7, MAY-16: Nagle as Minshall amended it: one short segment in flight. */
static bool nagle_waits(const struct tcp_conn *c)
{
	bool small_out = seq_gt(c->snd_sml, c->snd_una) && seq_leq(c->snd_sml, c->snd_nxt);

	if (c->flags & TCP_F_PUSH || (c->flags & TCP_F_URG_SENT && seq_gt(c->snd_up, c->snd_una)))
		return false;
	if (c->opt.flags & TCP_O_CORK || c->flags & TCP_F_MORE)
		return true; /* until an RTO, NODELAY or a full segment */
	return !(c->opt.flags & TCP_O_NODELAY) && small_out; /* MUST-17 */
}

/*
 * EVT-63, MUST-38, SHLD-15, SHLD-27, SHLD-28, TC-60, RFC 9293 3.7.4 and 3.8.6.2.1: whether it is worth a segment. Since
 * none is larger than half of the largest window, what the window takes whole is no silly one; and only the last of what is
 * queued can be short because the program wrote no more.
 */
static bool worth_sending(const struct tcp_conn *c, const struct next *n, uint32_t room)
{
	if (!n->fits)
		return false;
	return n->len >= room || !n->last || n->fin || !nagle_waits(c);
}

/* New data left; `flags` of its record: FIN, a probe. */
static void note_sent(struct tapir *t, struct tcp_conn *c, uint32_t len, uint8_t flags)
{
	bool fin = flags & TCP_REC_FIN;
	uint32_t n = len + (fin ? 1 : 0), flight = tcp_pipe(c);
	struct tcp_act *a = c->act;
	bool first = list_empty(&a->recs);
	struct tcp_rec *r = tcp_rec_sent(t, c, c->snd_nxt, n, flags);

	if (len && first && c->cc.ops->tx_start && c->last_data_ns)
		c->cc.ops->tx_start(&c->cc, t->now_ns, t->now_ns - c->last_data_ns);
	tcp_rate_sent(t, c, r, flight);
	if (len && len < tcp_conn_smss(c))
		c->snd_sml = c->snd_nxt + len;
	c->snd_nxt += n;
	c->snd_max = c->snd_nxt;
	if (fin)
		c->flags |= TCP_F_FIN_SENT;
	if (len) {
		c->last_data_ns = t->now_ns;
		STAT_INC(t, TcpExt, TCPOrigDataSent);
	}
	if (tcp_in_reduction(c))
		a->prr_out++;
	/* R6298-8: RFC 6298 5.1; a probe's time counts from the last sending, the RTO from the first. */
	if (first || a->timer_kind == TCP_TIMER_TLP)
		tcp_rexmt_rearm(t, c);
	else
		tcp_rexmt_arm_if_off(t, c);
}

/* New data in one segment larger than usual. False: it goes as usual. */
static bool send_mtu_probe(struct tapir *t, struct tcp_conn *c, uint32_t len)
{
	uint32_t seq = c->snd_nxt;

	uint16_t flags = (uint16_t)(TCP_ACK | (tcp_push_within(c, len) ? TCP_PSH : 0));

	if (!tx_room(t, c, len) || send_segment(t, c, seq, len, flags, false) < 0)
		return false;
	note_sent(t, c, len, (uint8_t)(TCP_REC_PROBE | rec_flags(flags)));
	tcp_mtup_sent(c, seq, len);
	return true;
}

/*
 * Cuts and sends new data and FIN. R3042-1, R3042-2: limited transmit needs no rule of its own: what was SACKed, or a
 * duplicate ACK stands for, is not in flight any more, so that one new segment may leave for it, cwnd unchanged; and a
 * duplicate that SACKs nothing new lets nothing leave.
 */
static void cut_and_send(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	const struct netif *ifp = out_netif(t, c);
	uint32_t gso = ifp ? ifp->conf.gso_bytes : 0, chunk = 0;
	int err;

	a->deferred = false;

	for (int n = 0; n < SEGS_PER_CALL || chunk; n++) {
		uint32_t room = tcp_segment_room(t, c);
		uint32_t pipe = tcp_pipe(c);
		uint16_t flags;
		uint32_t sml;
		int32_t probe;
		struct next next;

		if (!next_new(t, c, &next))
			return;
		if (chunk)
			goto leave;
		/* No probe goes across an end of MSG_EOR's. */
		probe = tcp_mtup_due(t, c, tcp_push_until_eor(c, tcp_snd_end(c) - c->snd_nxt),
				     next.wnd, pipe);
		if (probe == 0)
			return;
		if (probe > 0 && send_mtu_probe(t, c, (uint32_t)probe))
			continue;
		/* As Linux: the window is of segments, whatever their size, and one may always leave. */
		if (pipe && pipe + tcp_conn_smss(c) > c->cc.cwnd)
			return;
		if (!worth_sending(c, &next, room))
			return; /* until an ACK, or the timer of persist_check() */
		chunk = next.len;
		if (gso)
			chunk = tcp_tso_chunk(t, c, gso, room, next.wnd, nagle_waits(c));
		if (chunk == 0 && next.len)
			return;
	leave:
		if (next.len > chunk) {
			next.len = chunk;
			next.fin = false;
		}
		if (!tx_room(t, c, next.len))
			return;
		flags = new_flags(c, &next);
		a->chunk_more = chunk > next.len;
		err = send_segment(t, c, c->snd_nxt, next.len, flags, false);
		a->chunk_more = false;
		switch (err) {
		case 0:
			break;
		case -EMSGSIZE:
			if (tcp_segment_room(t, c) < room)
				continue; /* c->mss is smaller now */
			tcp_retry_soon(t, c);
			return;
		default:
			tcp_retry_soon(t, c);
			return;
		}
		sml = c->snd_sml;
		note_sent(t, c, next.len, new_rec_flags(c, &next, flags));
		chunk -= next.len;
		if (next.len == room)
			c->snd_sml = sml; /* full beside SACK blocks: none of Nagle's small ones */
		if (seq_geq(c->snd_nxt, tcp_snd_end(c)))
			c->flags &= ~(uint32_t)(TCP_F_PUSH);
		a->deadline_ns[TCP_D_RETRY] = TAPIR_NEVER;
	}
	tcp_conn_dirty(t, c); /* more is to be sent: let others have their turn first */
}

static void output_new(struct tapir *t, struct tcp_conn *c)
{
	uint32_t before = c->snd_nxt;

	tcp_cwnd_after_idle(t, c);
	cut_and_send(t, c);
	if (c->snd_nxt != before)
		tcp_tlp_schedule(t, c, false);
}

/* What recovery sends first. False: nothing more can, or is to, leave now. */
static bool output_recovery(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	if (a->rexmit == TCP_REXMIT_NEW) {
		/* R5682-1, step 2b: new data whatever Nagle says; without any it is an ordinary timeout. */
		c->flags |= TCP_F_PUSH;
		output_new(t, c);
		if (seq_gt(c->snd_nxt, c->recover) || c->flags & TCP_F_TX_WAIT)
			return false;
		a->frto = false;
		a->rexmit = TCP_REXMIT_LOST;
	}
	return output_lost(t, c);
}

/* What was lost, and what is new, in the order that recovery says. */
static void output_data(struct tapir *t, struct tcp_conn *c)
{
	if (output_recovery(t, c)) {
		output_new(t, c);
		output_rescue(t, c);
	}
}

void tcp_output_recovery(struct tapir *t, struct tcp_conn *c)
{
	if (c->act && c->act->rexmit != TCP_REXMIT_NONE && !(c->flags & TCP_F_TX_WAIT))
		output_recovery(t, c);
}

/* ---- what runs while nothing is sent ---- */

/*
 * With nothing in flight and something to send (MUST-60), only a probe can learn that the window opened. What CORK or
 * MSG_MORE holds back then waits for the same timer, as in Linux, an RTO of 200 ms at least. (Nagle holds nothing back then:
 * nothing is in flight.) And a transmit queue that moves no more holds an orphan no longer than a closed window would.
 */
static void persist_check(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	bool pending = tcp_snd_end(c) != c->snd_nxt ||
		       (c->flags & TCP_F_FIN_QUEUED && !(c->flags & TCP_F_FIN_SENT));
	bool waits = !(c->flags & TCP_F_TX_WAIT) && (a->deadline_ns[TCP_D_RETRY] != TAPIR_NEVER ||
						     a->deadline_ns[TCP_D_PACE] != TAPIR_NEVER);

	if (!list_empty(&a->recs) && c->flags & TCP_F_PERSIST) {
		c->flags &= ~(uint32_t)TCP_F_PERSIST;
		a->persist_ns = 0;
		/* What left starts anew. */
		a->retrans_start_ns = 0;
		c->probes_out = 0;
		c->persist_shift = 0;
	}
	if (!list_empty(&a->recs) || !pending || waits) {
		a->deadline_ns[TCP_D_PERSIST] = TAPIR_NEVER;
		return;
	}
	/* MUST-35, MUST-36, SHLD-29, SHLD-30 (3.8.6.1): first at the RTO, then at growing intervals. */
	if (a->deadline_ns[TCP_D_PERSIST] == TAPIR_NEVER) {
		c->flags |= TCP_F_PERSIST;
		a->deadline_ns[TCP_D_PERSIST] = t->now_ns + tcp_persist_ns(t, c);
	}
}

void tcp_output(struct tapir *t, struct tcp_conn *c)
{
	uint32_t before = c->snd_nxt;

	if (c->flags & TCP_F_TX_WAIT && list_linked(&c->out))
		return;
	c->flags &= ~(uint32_t)TCP_F_TX_WAIT;
	switch ((enum tapir_tcp_state)c->ep.state) {
	case TAPIR_TCP_CLOSED:
	case TAPIR_TCP_LISTEN:
	case TAPIR_TCP_TIME_WAIT:
		return;
	case TAPIR_TCP_SYN_SENT:
	case TAPIR_TCP_SYN_RECEIVED:
		if (c->fo & TCP_FO_DEFER)
			return; /* the SYN waits for the data that it is to carry */
		if (tcp_act_get(t, c))
			output_syn(t, c);
		if (!tcp_fastopen_child(c))
			break;
		/* RFC 7413 4.2.2: the answer need not wait for the handshake's end. */
		output_new(t, c);
		if (c->flags & TCP_F_ACK_NOW)
			send_segment(t, c, c->snd_nxt, 0, TCP_ACK, false);
		break;
	case TAPIR_TCP_ESTABLISHED:
	case TAPIR_TCP_FIN_WAIT_1:
	case TAPIR_TCP_FIN_WAIT_2:
	case TAPIR_TCP_CLOSE_WAIT:
	case TAPIR_TCP_CLOSING:
	case TAPIR_TCP_LAST_ACK:
		if (c->flags & TCP_F_FIN_QUEUED && !(c->flags & TCP_F_FIN_SENT) &&
		    !tcp_act_get(t, c)) {
			tcp_retry_soon(t, c);
			break;
		}
		if (c->act) {
			c->act->deadline_ns[TCP_D_PACE] = TAPIR_NEVER; /* asked anew */
			/* The path may carry more than it did (R1191-8), or less: segments follow it. */
			if (c->act->rt.gen != t->route_gen)
				tcp_conn_update_mss(t, c);
			output_data(t, c);
			tcp_cwnd_validate(t, c, c->snd_nxt != before);
			persist_check(t, c);
			tcp_user_wake(t, c); /* with TCP_NOTSENT_LOWAT what was sent makes room */
		}
		if (c->flags & TCP_F_ACK_NOW &&
		    send_segment(t, c, c->snd_nxt, 0, TCP_ACK, false) < 0)
			tcp_retry_soon(t, c);
		break;
	}
	tcp_act_release_if_idle(t, c);
	tcp_timer_update(t, c);
}

uint32_t tcp_goal(struct tapir *t, struct tcp_conn *c)
{
	if (c->act && c->act->rt.gen != t->route_gen)
		tcp_conn_update_mss(t, c);
	return tcp_push_goal(c, out_netif(t, c), tcp_segment_room(t, c));
}

void tcp_send_ack(struct tapir *t, struct tcp_conn *c)
{
	send_segment(t, c, c->snd_nxt, 0, TCP_ACK, false);
}

void tcp_send_probe(struct tapir *t, struct tcp_conn *c)
{
	/* A closed window does not keep the peer from hearing of urgent data (RFC 9293 3.8.6.1). */
	if (c->flags & TCP_F_URG_SENT && tcp_urg_pointer(c, c->snd_una))
		send_segment(t, c, c->snd_una, 0, TCP_ACK, false);
	/* As Linux probes: no data (SHLD-12), one before SND.UNA, which the peer must answer (3.8.6.1). */
	send_segment(t, c, c->snd_una - 1, 0, TCP_ACK, false);
}

bool tcp_next_fits(struct tapir *t, struct tcp_conn *c)
{
	struct next n;

	return next_new(t, c, &n) && n.fits;
}

bool tcp_send_forced(struct tapir *t, struct tcp_conn *c)
{
	struct next n;
	uint32_t len = next_new(t, c, &n) ? min_u32(n.len, n.wnd) : 0;

	if (len == 0 || send_segment(t, c, c->snd_nxt, len, TCP_ACK | TCP_PSH, false) < 0)
		return false;
	n.len = len;
	note_sent(t, c, len, new_rec_flags(c, &n, TCP_ACK | TCP_PSH));
	c->pushed_seq = seq_max(c->pushed_seq, c->snd_nxt);
	return true;
}

void tcp_flush(struct tapir *t)
{
	struct list batch;

	list_init(&batch);
	/* MUST-58, MUST-59: all that came in this batch has been read, and earns one ACK. */
	/* One pass over who is dirty now: one that joins again meanwhile is for the next flush. */
	list_splice_tail(&batch, &t->dirty);
	while (!list_empty(&batch)) {
		struct tcp_conn *c = LIST_FIRST(&batch, struct tcp_conn, out);

		list_del(&c->out);
		tcp_output(t, c);
	}
}
