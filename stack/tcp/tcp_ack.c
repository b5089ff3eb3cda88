/*
 * The fifth step of RFC 9293 3.10.7.4: the ACK field.
 *
 * Order matters: what the ACK acknowledges is taken off first, then the round-trip time is sampled
 * and timers move, then congestion control and recovery hear of it, then the window is updated. What
 * may be sent as a consequence is tcp_output()'s affair.
 */
#include "stack/core/emit.h"
#include "stack/link/neigh.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_info.h"

/* EVT-29, RFC 5961 5.2, R5961-4, TC-12, TC-28, MAY-12: acceptable is [SND.UNA - MAX.SND.WND, SND.MAX]. */
static enum tcp_step check_range(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
				 enum drop_reason *reason)
{
	if (seq_gt(seg->ack, c->snd_max)) {
		*reason = DROP_TCP_ACK_BAD;
		if (tcp_challenge_allowed(t))
			tcp_send_ack(t, c);
		return TCP_STEP_DROP;
	}
	if (seq_lt(seg->ack, c->snd_una - c->max_snd_wnd)) {
		*reason = DROP_TCP_ACK_OLD;
		if (tcp_challenge_allowed(t))
			tcp_send_ack(t, c);
		return TCP_STEP_DROP;
	}
	return TCP_STEP_NEXT;
}

/* RFC 5681 2: a duplicate ACK says nothing but that a segment arrived behind a hole. */
static bool is_duplicate(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	return c->act && !list_empty(&c->act->recs) && seg->len == 0 && seg->ack == c->snd_una &&
	       seg->wnd == c->snd_wnd;
}

/*
 * Takes a round-trip time from what was acknowledged, if any is there. R6298-5, R7323-15: where only
 * retransmissions were acknowledged, timestamps tell which copy it was: its age is the sample, but for one case. An
 * echo from before the latest retransmission may say that the first copy's answer comes late; or that the answer
 * to an earlier copy was lost, and a repetition of it comes now. That one would measure our own time-out, each
 * longer than the last. If it comes sooner after the retransmission than any answer ever came, it is the
 * former; else nobody can tell, and Karn's rule stands.
 */
static bool sample_rtt(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
		       const struct tcp_acked *acked)
{
	uint64_t age_ns;
	uint32_t ms;

	if (acked->rtt_ns != UINT64_MAX) {
		tcp_conn_rtt_sample(t, c, acked->rtt_ns);
		return true;
	}
	if (!(c->flags & TCP_F_TS) || !(seg->opt.has & TCP_HAS_TS) || !seg->opt.tsecr)
		return false;
	ms = tcp_ts_now(t, c->ts_off) - seg->opt.tsecr;
	if (ms > 0x7fffffff / 1000) /* TC-35 */
		return false;
	age_ns = (uint64_t)max_u32(ms, 1) * 1000000;
	if (acked->again_ns + 1000000 < age_ns &&
	    (c->min_rtt_us == 0 || acked->again_ns / 1000 >= c->min_rtt_us))
		return false;
	tcp_conn_rtt_sample(t, c, age_ns);
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

/* EVT-28: SND.UNA < SEG.ACK <= SND.MAX. */
static void new_ack(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	struct tcp_act *a = c->act;
	uint32_t flight = a->in_flight;
	uint32_t base = tcp_snd_base(c);
	uint32_t end = tcp_snd_end(c);
	struct tcp_acked acked;
	uint32_t data;

	tcp_rec_acked(t, c, seg->ack, &acked);
	if (!(c->flags & TCP_F_SYN_ACKED))
		c->flags |= TCP_F_SYN_ACKED;
	data = seq_gt(seg->ack, base) ? seq_min(seg->ack, end) - base : 0;
	ring_consume(&a->snd, data);
	c->snd_una = seg->ack;
	c->bytes_acked += data;
	if (tcp_ecn_echoed(c, seg))
		tcp_ecn_delivered(t, c, acked.bytes);
	if (seq_geq(seg->ack, c->big_end))
		c->max_acked = c->max_sent;
	/* R5927-4, RFC 5927 7.2: the segment that was said not to fit has got through. */
	if (c->mtu_pending && seq_gt(seg->ack, c->mtu_seq))
		c->mtu_pending = 0;
	/* R6298-5: Karn's second half: the backed-off RTO stays until a round trip is measured again, as in Linux. */
	if (sample_rtt(t, c, seg, &acked)) /* R6298-6, MUST-18 */
		c->backoff = 0;
	confirm_first_hop(t, c);
	c->probes_out = 0;
	c->soft_err = 0;
	a->retrans_start_ns = 0;
	/* R6298-8: 5.2 and 5.3; R6582-1: in recovery only the first partial ACK restarts the timer. */
	if (list_empty(&a->recs))
		tcp_rexmt_stop(c);
	else if (!(c->flags & TCP_F_RECOVERY) || !(c->flags & TCP_F_PARTIAL))
		tcp_rexmt_arm(t, c);
	if (c->flags & TCP_F_RECOVERY)
		c->flags |= TCP_F_PARTIAL;
	if (tcp_state_synchronized(c->ep.state) && !acked.syn)
		tcp_recovery_acked(t, c, &acked, flight);
	if (!(c->flags & TCP_F_RECOVERY))
		c->flags &= ~(uint32_t)TCP_F_PARTIAL;
	if (c->flags & TCP_F_URG_SENT && seq_geq(c->snd_una, c->snd_up))
		c->flags &= ~(uint32_t)TCP_F_URG_SENT;
	tcp_user_wake(t, c);
}

/*
 * RFC 9293 3.10.7.4, EVT-30: only a newer segment may change the window (SND.WL1, SND.WL2). One that acknowledges
 * more is newer whatever its sequence number, as in Linux: a retransmission may carry it. Without
 * that SND.UNA would move on under the old window, and the edge with it, beyond what the peer offered.
 */
static void update_window(struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (seq_lt(seg->ack, c->snd_una))
		return;
	if (!(seq_lt(c->snd_wl1, seg->seq) || seq_gt(seg->ack, c->snd_wl2) ||
	      (c->snd_wl1 == seg->seq && seq_leq(c->snd_wl2, seg->ack))))
		return;
	if (c->snd_wnd != seg->wnd && c->act && c->flags & TCP_F_PERSIST && seg->wnd) {
		/* The window opened: what waited goes now, and probing starts afresh. */
		c->flags &= ~(uint32_t)TCP_F_PERSIST;
		c->persist_shift = 0;
		c->act->deadline_ns[TCP_D_PERSIST] = TAPIR_NEVER;
		c->act->persist_ns = 0;
	}
	c->snd_wnd = seg->wnd; /* MUST-1, REC-1: unsigned, 32 bits; MUST-34: smaller ones too */
	c->max_snd_wnd = max_u32(c->max_snd_wnd, seg->wnd);
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
}

enum tcp_step tcp_ack_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			    enum drop_reason *reason)
{
	uint32_t una = c->snd_una;

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
	/* R3168-4: before the window could grow by what this ACK acknowledges. */
	if (tcp_ecn_echoed(c, seg) && seq_geq(seg->ack, c->snd_una) && c->act &&
	    !list_empty(&c->act->recs))
		tcp_recovery_ece(t, c);
	if (seq_gt(seg->ack, c->snd_una) && c->act) {
		new_ack(t, c, seg);
	} else if (is_duplicate(c, seg)) {
		tcp_recovery_dupack(t, c);
	} else if (seg->len == 0) {
		STAT_INC(t, TcpExt, TCPPureAcks);
	}
	update_window(c, seg);
	tcp_info_acked(t, c, c->snd_una != una);
	return TCP_STEP_NEXT;
}
