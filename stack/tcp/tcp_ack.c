/*
 * The fifth step of RFC 9293 3.10.7.4: the ACK field.
 *
 * Order matters: the window is updated; SACK blocks mark records, then what is acknowledged is taken off, then the
 * round-trip time is sampled; loss detection and the congestion state hear of all that together, then the timer is
 * set, then the window grows or shrinks. What may be sent as a consequence is tcp_output()'s affair.
 */
#include "stack/core/emit.h"
#include "stack/link/neigh.h"
#include "stack/tcp/tcp_info.h"
#include "stack/tcp/tcp_recovery.h"

/*
 * EVT-29, RFC 5961 5.2, R5961-4, TC-12, TC-28, MAY-12: acceptable is [SND.UNA - MAX.SND.WND, SND.MAX]; and, as Linux
 * from 6.7 on, nothing from before our first octet: a young connection would else take what nobody can have sent.
 */
static enum tcp_step check_range(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
				 enum drop_reason *reason)
{
	uint32_t low = c->bytes_acked < c->max_snd_wnd ? seq_min(c->iss + 1, c->snd_una)
						       : c->snd_una - c->max_snd_wnd;

	if (seq_gt(seg->ack, c->snd_max)) {
		*reason = DROP_TCP_ACK_BAD;
		tcp_challenge(t, c);
		return TCP_STEP_DROP;
	}
	if (seq_lt(seg->ack, low)) {
		*reason = DROP_TCP_ACK_OLD;
		tcp_challenge(t, c);
		return TCP_STEP_DROP;
	}
	return TCP_STEP_NEXT;
}

/*
 * R8985-2: the least round trip. The answer to a short segment by itself may have been delayed: it is no reason to
 * take the path for longer than it was, as in Linux.
 */
static void sample_min(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p,
		       uint64_t rtt_ns)
{
	bool delayed =
		p->segs_acked == 1 && p->bytes < tcp_conn_smss(c) && p->prior_high == p->prior_una;

	if (delayed && c->min_rtt_us && rtt_ns / 1000 > c->min_rtt_us)
		return;
	tcp_conn_min_rtt(t, c, rtt_ns);
}

/*
 * Takes a round-trip time from what was acknowledged or SACKed, if any is there. R6298-5, R7323-15: where only
 * retransmissions were acknowledged, timestamps tell which copy it was, and its age is the sample; as Linux also
 * where the answer to it was lost, and what comes now is a repetition: then our own time-out is measured too.
 */
static bool sample_rtt(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	const struct tcp_opts *o = &p->seg->opt;
	uint64_t age_ns, latest_ns = 0;
	uint32_t ms;

	if (p->first_ack_ns && !(p->flags & TCP_ACK_RETRANS_ACKED)) {
		age_ns = t->now_ns - p->first_ack_ns;
		latest_ns = t->now_ns - p->last_ack_ns;
	} else if (p->first_sack_ns) {
		age_ns = t->now_ns - p->first_sack_ns;
	} else {
		if (!(p->flags & TCP_ACK_ACKED) || !(c->flags & TCP_F_TS) ||
		    !(o->has & TCP_HAS_TS) || !o->tsecr)
			return false;
		ms = tcp_ts_now(t, c->ts_off) - o->tsecr;
		if (ms > 0x7fffffff / 1000) /* TC-35 */
			return false;
		age_ns = (uint64_t)max_u32(ms, 1) * 1000000;
		tcp_conn_rtt_sample(t, c, age_ns);
		sample_min(t, c, p, age_ns);
		return true;
	}
	if (p->first_sack_ns)
		latest_ns = t->now_ns - p->last_sack_ns;
	p->rtt_us = (uint32_t)min_u64(max_u64(latest_ns / 1000, 1), UINT32_MAX);
	tcp_conn_rtt_sample(t, c, age_ns);
	sample_min(t, c, p, latest_ns);
	return true;
}

/* The path works: tell the neighbour cache, so that it need not ask (R1122-83). */
static void confirm_first_hop(struct tapir *t, const struct tcp_conn *c)
{
	const struct route *rt = &c->act->rt;
	struct netif *ifp = rt->gen == t->route_gen ? netif_get(t, rt->ifindex) : NULL;

	if (ifp && !rt->local)
		neigh_confirm(t, ifp, rt->nexthop);
}

/* The first n bytes of r, all of it or part, are acknowledged. */
static void take_record(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p,
			struct tcp_rec *r, uint32_t n, uint32_t *reord)
{
	uint32_t end = r->seq + n, segs = tcp_rec_segs_within(r, n);
	struct tcp_act *a = c->act;

	/* As Linux: a part of a segment has arrived with nothing: it measures nothing, and is no sign of reordering. */
	if (segs == 0 && !(r->flags & TCP_REC_SYN)) {
		p->bytes += n;
		tcp_rec_ack(t, a, r, n);
		return;
	}
	if (r->times > 1) {
		p->flags |= TCP_ACK_RETRANS_ACKED;
	} else if (!(r->flags & TCP_REC_SACKED)) {
		p->last_ack_ns = max_u64(r->sent_ns, 1);
		if (!p->first_ack_ns)
			p->first_ack_ns = p->last_ack_ns;
		*reord = seq_min(*reord, r->seq);
		if (seq_leq(end, c->recover))
			p->flags |= TCP_ACK_ORIG;
	}
	if (!(r->flags & TCP_REC_SACKED)) {
		tcp_rate_delivered(t, c, r, n, &p->rs);
		if (tcp_has_sack(c)) {
			p->delivered += segs;
			/* The answer to the copy before: its time says nothing about the last one. */
			if (r->times == 1 ||
			    !tcp_echo_before(c, p, tcp_ts_at(c->ts_off, r->sent_ns)))
				tcp_rack_advance(t, c, r, end);
		}
	}
	if (n == r->len && r->flags & TCP_REC_PROBE)
		tcp_mtup_acked(t, c, r);
	p->syn |= (r->flags & TCP_REC_SYN) != 0;
	p->flags |= r->flags & TCP_REC_SYN ? TCP_ACK_SYN_ACKED : TCP_ACK_DATA_ACKED;
	p->segs_acked += segs;
	p->bytes += n;
	tcp_rec_ack(t, a, r, n);
}

/* EVT-28: SND.UNA < SEG.ACK <= SND.MAX: what the ACK covers is done with. */
static void take_acked(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	struct tcp_act *a = c->act;
	uint32_t base = tcp_snd_base(c), end = tcp_snd_end(c), ack = p->seg->ack;
	uint32_t reord = c->snd_nxt, data;
	struct tcp_rec *r;

	while (!list_empty(&a->recs)) {
		r = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);
		if (seq_leq(ack, r->seq))
			break;
		take_record(t, c, p, r, min_u32(ack - r->seq, r->len), &reord);
	}
	if (!(c->flags & TCP_F_SYN_ACKED))
		c->flags |= TCP_F_SYN_ACKED;
	data = seq_gt(ack, base) ? seq_min(ack, end) - base : 0;
	ring_consume(&a->snd, data);
	c->snd_una = ack;
	c->bytes_acked += data;
	c->retransmits = 0;
	if (seq_geq(ack, c->big_end))
		c->max_acked = c->max_sent;
	/* R5927-4, RFC 5927 7.2: the segment that was said not to fit has got through. */
	if (c->mtu_pending && seq_gt(ack, c->mtu_seq))
		c->mtu_pending = 0;
	if (p->flags & TCP_ACK_ACKED) {
		p->flags |= TCP_ACK_SET_TIMER;
		if (!tcp_has_sack(c)) {
			tcp_reno_acked(t, c, p);
			/* Without SACK nobody can tell which copy it was. */
			if (p->flags & TCP_ACK_RETRANS_ACKED)
				p->flags &= ~(uint32_t)TCP_ACK_ORIG;
		} else if (seq_lt(reord, p->prior_high)) {
			tcp_reordering_seen(t, c, reord, false);
		}
	}
	r = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);
	if (!list_empty(&a->recs) && r->flags & TCP_REC_SACKED)
		p->flags |= TCP_ACK_RENEGING;
	/* Far behind would look ahead one day. */
	if (c->ca_state == TCP_CA_OPEN && seq_gt(c->snd_una, c->recover + (1u << 30)))
		c->recover = c->snd_una - 1;
	if (c->undo_open && seq_gt(c->snd_una, c->undo_marker + (1u << 30)))
		c->undo_open = false;
	if (c->flags & TCP_F_URG_SENT && seq_geq(c->snd_una, c->snd_up))
		c->flags &= ~(uint32_t)TCP_F_URG_SENT;
	confirm_first_hop(t, c);
	c->probes_out = 0;
	c->soft_err = 0;
	a->retrans_start_ns = 0;
}

/* Whether the congestion state must hear of p: it is not plain progress in an orderly state. */
static bool dubious(const struct tcp_conn *c, const struct tcp_ack_pass *p)
{
	return !(p->flags & TCP_ACK_NOT_DUP) || p->flags & TCP_ACK_ALERT ||
	       c->ca_state != TCP_CA_OPEN;
}

/*
 * An ACK of what was acknowledged already: what it says of SACK counts, late as it is; else nothing. As Linux: it may find
 * losses, but the window, which PRR would bound, is left to the ACKs that come in time.
 */
static void take_old_ack(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	if (!(p->flags & (TCP_ACK_DATA_SACKED | TCP_ACK_DSACK)))
		return;
	tcp_recovery_alert(t, c, p);
	c->m.delivered += p->delivered;
	tcp_conn_dirty(t, c);
}

/* An ACK for a connection that has something outstanding. */
static void take_ack(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	struct tcp_act *a = c->act;
	const struct tcp_rec *head;
	bool old = seq_lt(p->seg->ack, c->snd_una);

	p->prior_high = tcp_high_sacked(c);
	p->lost_before = a->lost_total;
	tcp_scoreboard(t, c, p);
	if (old) {
		take_old_ack(t, c, p);
		return;
	}
	if (p->flags & TCP_ACK_UNA_ADVANCED)
		take_acked(t, c, p);
	if (p->flags & TCP_ACK_ECE && p->delivered)
		tcp_ecn_delivered(t, c, p->delivered * tcp_conn_smss(c));
	/* R6298-5: Karn's second half: the backed-off RTO stays until a round trip is measured again, as in Linux. */
	if (sample_rtt(t, c, p)) { /* R6298-6, MUST-18 */
		c->backoff = 0;
		c->tlp_stale = false;
		/* A SACK of what was sent after the head says that the path is not as slow as feared. */
		head = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);
		if (!(p->flags & TCP_ACK_ACKED) && !list_empty(&a->recs) && p->first_sack_ns &&
		    p->first_sack_ns < head->sent_ns)
			p->flags |= TCP_ACK_SET_TIMER;
	}
	tcp_rack_adapt(t, c);
	if (p->syn) {
		c->m.delivered += p->delivered;
		tcp_rexmt_rearm(t, c);
		return;
	}
	tcp_tlp_ack(t, c, p);
	if (dubious(c, p)) {
		if (!(p->flags & (TCP_ACK_UNA_ADVANCED | TCP_ACK_NOT_DUP | TCP_ACK_DSACK)))
			p->num_dupack = 1;
		tcp_recovery_alert(t, c, p);
	}
	/* R6298-8: 5.2 and 5.3. */
	if (p->flags & TCP_ACK_SET_TIMER && !tcp_tlp_schedule(t, c, true))
		tcp_rexmt_rearm(t, c);
	c->m.delivered += p->delivered;
	tcp_rate_ack(t, c, &p->rs);
	tcp_cong_control(t, c, p);
}

/* With nothing outstanding an ACK can only end what is still open: a probe, an undo. */
static void take_idle_ack(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	tcp_scoreboard(t, c, p);
	c->m.delivered += p->delivered;
	if (p->flags & TCP_ACK_DSACK && c->ca_state <= TCP_CA_DISORDER)
		tcp_undo_dsack(t, c);
	if (c->act)
		tcp_tlp_ack(t, c, p);
	else if (c->tlp_out && seq_geq(p->seg->ack, c->tlp_high_seq))
		c->tlp_out = false;
}

/*
 * RFC 9293 3.10.7.4, EVT-30, as Linux: only a newer segment may change the window: one that acknowledges more, whatever
 * its sequence number, for a retransmission may carry it, and SND.UNA would move on under the old window else; or one
 * from further on than the last that did (SND.WL1). Of two with the same numbers nobody can tell which was sent
 * later: the larger window is taken, and zero, which costs no more than a probe if it is the older one. SND.WL2 would
 * take the one that came last, and shrink the window by what the network turned round; it is kept for those who look.
 */
static bool moves_window(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	return seq_gt(seg->ack, c->snd_una) || seq_gt(seg->seq, c->snd_wl1) ||
	       (seg->seq == c->snd_wl1 && (seg->wnd > c->snd_wnd || seg->wnd == 0));
}

static void update_window(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (seq_lt(seg->ack, c->snd_una) || !moves_window(c, seg))
		return;
	c->snd_wnd = seg->wnd; /* MUST-1, REC-1: unsigned, 32 bits; MUST-34: smaller ones too */
	if (seg->wnd > c->max_snd_wnd) {
		c->max_snd_wnd = seg->wnd;
		tcp_conn_update_mss(t, c); /* which follows it */
	}
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
}

/*
 * An ACK while the window is probed, or CORK holds: what fits into the window now goes, by the next flush, or is held
 * anew; else the time to the next probe counts from here (Linux: tcp_ack_probe()).
 */
static void probe_answered(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	if (!tcp_next_fits(t, c)) {
		a->deadline_ns[TCP_D_PERSIST] = t->now_ns + tcp_persist_ns(t, c);
		return;
	}
	c->flags &= ~(uint32_t)TCP_F_PERSIST;
	c->persist_shift = 0;
	a->deadline_ns[TCP_D_PERSIST] = TAPIR_NEVER;
	a->persist_ns = 0;
}

/*
 * As Linux: text alone, in order and with nothing else new, is no reason to look what can be sent; all else that comes
 * is, and lets go what MSG_MORE held.
 */
static bool only_text(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	return seg->text_len && seg->seq == c->rcv_nxt && seg->ack == c->snd_una &&
	       seg->wnd == c->snd_wnd && !(seg->flags & (TCP_FIN | TCP_URG)) &&
	       !(c->act && c->act->ooo.n);
}

static uint32_t ack_flags(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t flags = 0;

	if (seg->len)
		flags |= TCP_ACK_DATA;
	if (seq_gt(seg->ack, c->snd_una))
		flags |= TCP_ACK_UNA_ADVANCED;
	/* RFC 5681 2: one that moves the window is no duplicate. */
	if (moves_window(c, seg))
		flags |= TCP_ACK_WND_UPDATE;
	if (tcp_ecn_echoed(c, seg) && seq_geq(seg->ack, c->snd_una))
		flags |= TCP_ACK_ECE;
	return flags;
}

/*
 * ACKs of one batch merge: what they let leave leaves at its end. But before one that may tell of a loss it leaves
 * first, as if each had been answered by itself: recovery goes by what is in flight, and with a window's worth still unsent
 * it would take the path for empty, and the window for a few segments.
 */
static void send_first(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (!c->act || list_empty(&c->act->recs) || !list_linked(&c->out) ||
	    c->flags & TCP_F_TX_WAIT || c->ca_state > TCP_CA_DISORDER ||
	    !tcp_state_synchronized(c->ep.state))
		return;
	if (seg->opt.has & TCP_HAS_SACK ||
	    (seg->ack == c->snd_una && seg->len == 0 && seg->wnd == c->snd_wnd))
		tcp_output(t, c);
}

enum tcp_step tcp_ack_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			    enum drop_reason *reason)
{
	struct tcp_ack_pass pass;
	bool outstanding, news;

	if (check_range(t, c, seg, reason) != TCP_STEP_NEXT)
		return TCP_STEP_DROP;
	if (c->act && (c->flags & TCP_F_PERSIST ||
		       (!c->snd_wnd && !seg->wnd && !(c->flags & TCP_F_ORPHAN)))) {
		/*
		 * MUST-37: an answer to a probe: the peer lives; only its silence counts. SHLD-17: so is
		 * one to what is in flight beyond a window that was closed since.
		 */
		c->act->retrans_start_ns = 0;
		c->probes_out = 0;
	}
	news = !only_text(c, seg);
	if (news)
		c->flags &= ~(uint32_t)TCP_F_MORE;
	send_first(t, c, seg);
	pass = (struct tcp_ack_pass){.seg = seg, .prior_una = c->snd_una};
	pass.flags = ack_flags(c, seg);
	update_window(t, c, seg);
	outstanding = c->act && !list_empty(&c->act->recs);
	if (news && !outstanding && c->flags & TCP_F_PERSIST)
		probe_answered(t, c);
	if (seg->len == 0 && !(pass.flags & TCP_ACK_UNA_ADVANCED))
		STAT_INC(t, TcpExt, TCPPureAcks);
	if (outstanding || (pass.flags & TCP_ACK_UNA_ADVANCED && c->act))
		take_ack(t, c, &pass);
	else
		take_idle_ack(t, c, &pass);
	if (pass.flags & TCP_ACK_UNA_ADVANCED)
		tcp_user_wake(t, c);
	tcp_info_acked(t, c, pass.flags & TCP_ACK_UNA_ADVANCED);
	return TCP_STEP_NEXT;
}
