/*
 * Segments in: the demultiplexer, and then RFC 9293 3.10.7 as a numbered list of steps.
 *
 * A step looks at the segment and at the connection and says NEXT (go on), DROP (this segment ends
 * here, the connection goes on) or GONE (there is no connection any more). Steps change state and mark
 * what is owed; they send nothing but the ACK that belongs to this very segment: a duplicate ACK or a
 * challenge, which must not be merged with others. All else leaves by tcp_output() when the batch of
 * frames that this segment came with has been read.
 */
#include <errno.h>

#include "stack/core/emit.h"
#include "stack/core/pktq.h"
#include "stack/ip/ip.h"
#include "stack/tcp/tcp_recovery.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_user.h"
#include "stack/tcp/tcp_info.h"

#define SYN_AGAIN_NS UINT64_C(10000000) /* behind the RST, and behind another ACK on its way */
#define PAWS_WINDOW  1			/* Linux's TCP_PAWS_WINDOW, in ticks of the peer's clock */
/* s: as Linux, since a peer's clock may count microseconds; RFC 7323 5.5: 24 days */
#define PAWS_VALID_S (INT32_MAX / 1000000u)

/* ---- helpers of the steps ---- */

static uint32_t now_ms(const struct tapir *t)
{
	return (uint32_t)(t->now_ns / 1000000);
}

/*
 * The ACK that an unacceptable segment gets (RFC 9293 3.10.7.4, first). An empty one comes from a
 * keepalive, a probe, or somebody who wants us to send: these are answered at a bounded rate.
 */
static void ack_unacceptable(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
			     enum tapir_stat skipped)
{
	uint32_t limit = (uint32_t)t->conf.tcp_invalid_ratelimit_ms;
	uint32_t now = now_ms(t) | 1; /* never 0, which stands for "not yet" */

	if (seg->len == 0 && limit && c->oow_ack_ms && now - c->oow_ack_ms < limit) {
		t->stats.n[skipped]++;
		return;
	}
	if (seg->len == 0)
		c->oow_ack_ms = now;
	tcp_send_ack(t, c);
}

/*
 * TC-10, R5961-5: each connection has its own limit, as Linux from 6.1 on, so that what one gets says nothing of what
 * others got (CVE-2016-5696 counted a limit for all); tcp_challenge_ack_limit may add one, randomised.
 */
void tcp_challenge(struct tapir *t, struct tcp_conn *c)
{
	uint32_t limit = (uint32_t)t->conf.tcp_invalid_ratelimit_ms;
	uint32_t now = now_ms(t) | 1;

	if (limit && c->oow_ack_ms && now - c->oow_ack_ms < limit) {
		STAT_INC(t, TcpExt, TCPACKSkippedChallenge);
		return;
	}
	c->oow_ack_ms = now;
	if (!tcp_challenge_allowed(t))
		return;
	tcp_tell(t, &c->ep.tuple, TAPIR_EV_TCP_CHALLENGE_ACK, "RFC 5961 3, 4, 5", c->rcv_nxt, 0);
	tcp_send_ack(t, c);
}

/* A RST was believed: EVT-10, EVT-21, EVT-22, EVT-23; MUST-12: an error, never an end of stream. */
static enum tcp_step reset_by_peer(struct tapir *t, struct tcp_conn *c)
{
	int err = ECONNRESET;

	if (tcp_fastopen_child(c))
		tcp_fastopen_done(t, c, true);
	else if (c->ep.state == TAPIR_TCP_SYN_SENT)
		err = ECONNREFUSED; /* RFC 9293 3.10.7.3: the open was refused; 3.10.7.4 in SYN-RECEIVED too, Linux not */
	else if (c->ep.state == TAPIR_TCP_CLOSE_WAIT)
		err = EPIPE;
	tcp_conn_drop(t, c, err);
	return TCP_STEP_GONE;
}

/* ---- options of the handshake ---- */

/* What the peer's SYN or SYN-ACK agreed to. */
static void take_syn_opts(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	const struct tcp_opts *o = &seg->opt;

	if (o->has & TCP_HAS_MSS && o->mss)
		c->peer_mss = o->mss; /* MUST-14; MUST-15: else 536 */
	else
		c->peer_mss = TCP_MSS_DEFAULT;
	/* R7323-3: here and nowhere else. */
	if (o->has & c->offered & TCP_HAS_WSCALE) {
		c->flags |= TCP_F_WS; /* R7323-2: both sent it */
		c->snd_wscale = o->wscale;
	} else {
		c->rcv_wnd = min_u32(c->rcv_wnd, UINT16_MAX);
	}
	if (o->has & c->offered & TCP_HAS_TS) {
		c->flags |= TCP_F_TS;
		c->ts_recent = o->tsval;
		c->ts_recent_s = (uint32_t)(t->now_ns / 1000000000);
	}
	if (o->has & c->offered & TCP_HAS_SACK_OK)
		c->flags |= TCP_F_SACK;
	tcp_conn_update_mss(t, c);
}

/*
 * R5681-3, RFC 5681 3.1: whether our SYN was lost, so that the initial window is one segment. As Linux, a single loss is
 * none yet; nor is it one when the timestamp echoed is the first SYN's: that was slow.
 */
static bool syns_lost(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	bool first = c->offered & seg->opt.has & TCP_HAS_TS && c->act &&
		     seg->opt.tsecr == tcp_ts_at(c->ts_off, c->act->retrans_start_ns);

	return c->total_retrans > 1 && !first;
}

/* The first round trip, where no SYN gave it: by the timestamp; else a long RTO is safe (R6298-9, RFC 6298 5.7). */
static void first_rtt(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t ms = tcp_ts_now(t, c->ts_off) - seg->opt.tsecr;

	if (c->rtt.srtt_us)
		return;
	if (!(c->flags & TCP_F_TS) || !(seg->opt.has & TCP_HAS_TS) || !seg->opt.tsecr ||
	    ms > INT32_MAX / 1000000) {
		c->rtt.rto_us = TCP_RTO_FALLBACK_US;
		return;
	}
	tcp_conn_rtt_sample(t, c, max_u64(ms, 1) * 1000000);
	tcp_conn_min_rtt(t, c, max_u64(ms, 1) * 1000000);
}

/* The handshake is over on our side. */
static void established(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
			bool syn_lost)
{
	/* First, so that who stops at the state sees them (RFC 9293 3.10.7.3, 3.10.7.4). */
	c->snd_wnd = seg->wnd;
	c->snd_wl1 = seg->seq;
	c->snd_wl2 = seg->ack;
	tcp_set_state(t, &c->ep, TAPIR_TCP_ESTABLISHED);
	c->flags |= TCP_F_CONNECTED;
	tcp_info_start(t, c);
	/* As Linux: what a listener's SYN said of the window does not count. */
	c->max_snd_wnd = c->flags & TCP_F_ACTIVE || tcp_fastopen_child(c)
				 ? max_u32(c->max_snd_wnd, seg->wnd)
				 : seg->wnd;
	tcp_conn_update_mss(t, c);
	c->backoff = 0;
	c->probes_out = 0;
	c->soft_err = 0;
	if (!tcp_fastopen_child(c))
		tcp_rcv_start(t, c);
	if (!(c->flags & TCP_F_PASSIVE)) /* they have done so: tcp_conn_passive() */
		tcp_mtup_start(t, c);
	if (c->flags & TCP_F_ACTIVE) {
		tcp_conn_start_cc(t, c, syn_lost);
	} else if (tcp_fastopen_child(c) && syn_lost) {
		tcp_conn_start_cc(t, c, true);
	}
	first_rtt(t, c, seg);
	tcp_fastopen_done(t, c, false);
	tcp_uto_changed(t, c);
	tcp_keepalive_start(t, c);
	ready_mark(t, &c->rdy, TAPIR_OUT);
}

/* ---- 3.10.7.4: the steps for all other states ---- */

/*
 * A duplicate ACK that others overtook: as Linux, it is heard though its timestamp is a little old, when it is
 * nothing but that. Else reordering would hide losses.
 */
static bool overtaken_ack(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t behind_ms = c->ts_recent - seg->opt.tsval;

	if (!(seg->flags & TCP_ACK) || seg->len || seg->seq != c->rcv_nxt || seg->ack != c->snd_una)
		return false;
	if (seq_gt(seg->seq, c->snd_wl1) || seg->wnd > c->snd_wnd || !seg->wnd)
		return false; /* it would change the window */
	return behind_ms <= c->rtt.rto_us / 1000 * 6 / 5;
}

/* Timestamps before the sequence number (RFC 7323 5.3). R7323-13: what was never agreed is not looked at. */
static enum tcp_step step_timestamp(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
				    enum drop_reason *reason)
{
	uint32_t age, behind;

	if (!(c->flags & TCP_F_TS) || seg->flags & TCP_RST)
		return TCP_STEP_NEXT;
	/* R7323-12: RFC 7323 3.2 would drop what has no timestamp; as Linux, there is nothing to look at then (TC-54). */
	if (!(seg->opt.has & TCP_HAS_TS))
		return TCP_STEP_NEXT;
	/* As Linux: one tick back counts still, and a TS.Recent of 0 says nothing: some peers' SYNs have that. */
	behind = c->ts_recent - seg->opt.tsval;
	if (behind <= PAWS_WINDOW || behind > INT32_MAX || c->ts_recent == 0)
		return TCP_STEP_NEXT;
	age = (uint32_t)(t->now_ns / 1000000000) - c->ts_recent_s;
	if (age > PAWS_VALID_S) /* R7323-18 */
		return TCP_STEP_NEXT;
	if (overtaken_ack(c, seg))
		return TCP_STEP_NEXT;
	*reason = DROP_TCP_PAWS; /* R7323-17 */
	if (seg->flags & TCP_SYN) {
		tcp_challenge(t, c);
		return TCP_STEP_DROP;
	}
	/* Old ACKs are common, and an answer to each would help nobody: as Linux, none. */
	if (seg->len == 0 && seg->flags & TCP_ACK && seq_lt(seg->seq, c->rcv_nxt)) {
		STAT_INC(t, TcpExt, PAWSOldAck);
		return TCP_STEP_DROP;
	}
	STAT_INC(t, TcpExt, PAWSEstab);
	ack_unacceptable(t, c, seg, STAT_TcpExt_TCPACKSkippedPAWS);
	return TCP_STEP_DROP;
}

/* As Linux: who has sent a FIN and goes away without having heard of its ACK may reset with the FIN's own number. */
static bool reset_at_fin(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	switch (c->ep.state) {
	case TAPIR_TCP_CLOSE_WAIT:
	case TAPIR_TCP_CLOSING:
	case TAPIR_TCP_LAST_ACK:
		return seg->seq == c->rcv_nxt - 1;
	default:
		return false;
	}
}

/*
 * First: the sequence number (EVT-14, EVT-15, EVT-16, EVT-17, EVT-18, EVT-61: no RST, and the state is kept). As Linux
 * from 6.17 on: a segment may end where our last ACK stood, so that an ACK is heard that came with what we have
 * already; begin at the very edge, since that is what a peer that filled the window sends; and end beyond it only while
 * nothing waits to be read. A FIN needs no room.
 */
static enum tcp_step step_sequence(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
				   enum drop_reason *reason)
{
	uint32_t end = seg->seq + seg->len, edge = c->rcv_nxt + c->rcv_wnd;
	uint32_t fin = seg->flags & TCP_FIN ? 1 : 0;
	bool unread = c->rcv_user != tcp_rcv_end(c);

	if (seq_lt(end, c->last_ack_sent))
		*reason = DROP_TCP_OLD;
	else if (seq_gt(seg->seq, edge) || (seq_gt(end - fin, edge) && unread))
		*reason = DROP_TCP_WINDOW;
	else
		return TCP_STEP_NEXT;
	if (seg->flags & TCP_RST)
		return reset_at_fin(c, seg) ? reset_by_peer(t, c) : TCP_STEP_DROP;
	if (seg->flags & TCP_SYN) {
		/* R5961-3. Our own SYN-ACK may be lost: in SYN-RECEIVED the peer repeats its SYN. */
		tcp_challenge(t, c);
		return TCP_STEP_DROP;
	}
	if (*reason == DROP_TCP_WINDOW)
		STAT_INC(t, TcpExt, BeyondWindow);
	if (seg->len && seq_lt(seg->seq, c->rcv_nxt)) {
		/* Our ACK was lost, or the peer's RTO is too short: ACKs go at once for a while. */
		STAT_INC(t, TcpExt, DelayedACKLost);
		tcp_rcv_quick(t, c, TCP_QUICKACKS_MAX);
		tcp_sack_duplicate(t, c, seg->seq, seq_min(end, c->rcv_nxt), true);
	}
	ack_unacceptable(t, c, seg, STAT_TcpExt_TCPACKSkippedSeq);
	return TCP_STEP_DROP;
}

/*
 * Second: the RST bit (EVT-20, RFC 5961 3.2, R5961-1, TC-11, TC-51); its text does not matter (SHLD-2). As Linux, it
 * counts also at the end of what lies farthest ahead: the peer's next number where segments before it were lost.
 */
static enum tcp_step step_rst(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
			      enum drop_reason *reason)
{
	if (!(seg->flags & TCP_RST))
		return TCP_STEP_NEXT;
	if (seg->seq == c->rcv_nxt || reset_at_fin(c, seg))
		return reset_by_peer(t, c);
	if (c->flags & TCP_F_SACK && c->act && c->act->ooo.n &&
	    seg->seq == c->act->ooo.r[c->act->ooo.n - 1].end)
		return reset_by_peer(t, c);
	*reason = DROP_TCP_RST_SEQ;
	tcp_challenge(t, c);
	return TCP_STEP_DROP;
}

/* Fourth: the SYN bit (EVT-24, EVT-54, RFC 5961 4.2, R5961-3, TC-62). */
static enum tcp_step step_syn(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			      enum drop_reason *reason)
{
	if (!(seg->flags & TCP_SYN))
		return TCP_STEP_NEXT;
	*reason = DROP_TCP_SYN_CHALLENGE;
	STAT_INC(t, TcpExt, TCPSYNChallenge);
	tcp_challenge(t, c);
	return TCP_STEP_DROP;
}

/*
 * The peer's SYN-ACK in a simultaneous open begins with the SYN that we have: without it, it is the
 * ACK that we wait for (RFC 9293 3.5, figure 8), of all that was sent. As Linux, it is told that its SYN came twice.
 */
static void strip_repeated_syn(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg)
{
	if (c->flags & TCP_F_SYN_ACKED || seg->seq != c->irs || seg->ack != c->snd_nxt ||
	    (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != (TCP_SYN | TCP_ACK))
		return;
	seg->seq++;
	seg->len--;
	seg->flags &= (uint16_t) ~(TCP_SYN | TCP_ECE); /* of the SYN-ACK: no echo of a mark */
	STAT_INC(t, TcpExt, DelayedACKLost);
	tcp_rcv_quick(t, c, TCP_QUICKACKS_MAX);
	tcp_sack_duplicate(t, c, c->irs, c->irs + 1, true);
	c->flags |= TCP_F_ACK_NOW;
}

/* EVT-27: in SYN-RECEIVED an acceptable ACK establishes; any other is answered by RST. */
static enum tcp_step step_ack_syn_received(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
					   enum drop_reason *reason)
{
	bool syn_lost = syns_lost(c, seg), queued = tcp_fastopen_child(c);

	if (!(seq_lt(c->snd_una, seg->ack) && seq_leq(seg->ack, c->snd_nxt))) {
		*reason = DROP_TCP_ACK_BAD;
		tcp_respond_rst(t, seg);
		return TCP_STEP_DROP;
	}
	if (c->flags & TCP_F_ACTIVE || tcp_fastopen_child(c)) {
		/* A simultaneous or fast open: the SYN's record and timer are ours to end. */
		tcp_ack_input(t, c, seg, reason);
	} else {
		c->snd_una = seg->ack;
		c->flags |= TCP_F_SYN_ACKED;
	}
	established(t, c, seg, syn_lost);
	if (c->flags & TCP_F_PASSIVE && !queued && !tcp_listener_established(t, c)) {
		/* No room to be accepted: who completed the open looked for it, so this is rare. */
		tcp_respond_rst_conn(t, c);
		tcp_conn_drop(t, c, ECONNABORTED);
		return TCP_STEP_GONE;
	}
	return TCP_STEP_NEXT;
}

/* Our FIN was acknowledged: who closes moves on (EVT-31, EVT-32, EVT-33). */
static enum tcp_step fin_acked(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	switch ((enum tapir_tcp_state)c->ep.state) {
	case TAPIR_TCP_FIN_WAIT_1:
		tcp_set_state(t, &c->ep, TAPIR_TCP_FIN_WAIT_2);
		ready_mark(t, &c->rdy, TAPIR_OUT);
		/* An orphan waits for the peer's FIN as a record, unless TCP_LINGER2 says not at all: the peer is told. */
		if (c->flags & TCP_F_ORPHAN && c->opt.linger2_s < 0) {
			STAT_INC(t, TcpExt, TCPAbortOnData);
			tcp_respond_rst(t, seg);
			tcp_conn_drop(t, c, 0);
			return TCP_STEP_GONE;
		}
		break;
	case TAPIR_TCP_CLOSING:
		tcp_conn_to_timewait(t, c);
		return TCP_STEP_GONE;
	case TAPIR_TCP_LAST_ACK:
		tcp_conn_drop(t, c, 0);
		return TCP_STEP_GONE;
	case TAPIR_TCP_ESTABLISHED:
	case TAPIR_TCP_SYN_SENT:
	case TAPIR_TCP_SYN_RECEIVED:
	case TAPIR_TCP_FIN_WAIT_2:
	case TAPIR_TCP_TIME_WAIT:
	case TAPIR_TCP_CLOSED:
	case TAPIR_TCP_CLOSE_WAIT:
	case TAPIR_TCP_LISTEN:
		break;
	}
	return TCP_STEP_NEXT;
}

/* Fifth: the ACK field. */
static enum tcp_step step_ack(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			      enum drop_reason *reason)
{
	enum tcp_step r;

	if (c->ep.state == TAPIR_TCP_SYN_RECEIVED)
		r = step_ack_syn_received(t, c, seg, reason);
	else
		r = tcp_ack_input(t, c, seg, reason);
	if (r != TCP_STEP_NEXT)
		return r;
	if (c->flags & TCP_F_SYN_ACKED)
		tcp_fastopen_done(t, c, false); /* closed before its handshake was over */
	if (c->flags & TCP_F_FIN_SENT && c->snd_una == c->snd_max)
		return fin_acked(t, c, seg);
	return TCP_STEP_NEXT;
}

/* TS.Recent moves with the segment that the last ACK asked for (RFC 7323 4.3, R7323-16); TC-16: a valid one. */
static void update_ts_recent(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
			     uint32_t orig_seq)
{
	if (!(c->flags & TCP_F_TS) || !(seg->opt.has & TCP_HAS_TS))
		return;
	if (seq_gt(orig_seq, c->last_ack_sent))
		return;
	if (tcp_ts_older(seg->opt.tsval, c->ts_recent) &&
	    (uint32_t)(t->now_ns / 1000000000) - c->ts_recent_s <= PAWS_VALID_S)
		return;
	c->ts_recent = seg->opt.tsval;
	c->ts_recent_s = (uint32_t)(t->now_ns / 1000000000);
}

/* Text for which nobody is there any more: RFC 1122 4.2.2.13: the peer must know. */
static enum tcp_step abort_on_text(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
				   enum drop_reason *reason)
{
	STAT_INC(t, TcpExt, TCPAbortOnData);
	*reason = DROP_TCP_CLOSED_DATA;
	tcp_respond_rst(t, seg);
	if (c->flags & TCP_F_ORPHAN) {
		tcp_conn_drop(t, c, 0);
		return TCP_STEP_GONE;
	}
	return reset_by_peer(t, c);
}

/* Seventh: text. Whether this state takes it (EVT-36, TC-61). */
static enum tcp_step step_text(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			       enum drop_reason *reason)
{
	bool closed = c->flags & (TCP_F_ORPHAN | TCP_F_SHUT_RD);

	if (seg->len == 0)
		return TCP_STEP_NEXT;
	switch ((enum tapir_tcp_state)c->ep.state) {
	case TAPIR_TCP_ESTABLISHED:
		closed = c->flags & TCP_F_ORPHAN;
		break;
	case TAPIR_TCP_FIN_WAIT_1:
	case TAPIR_TCP_FIN_WAIT_2:
		break;
	case TAPIR_TCP_CLOSE_WAIT:
	case TAPIR_TCP_CLOSING:
	case TAPIR_TCP_LAST_ACK:
		closed = true; /* by the peer */
		if (seq_lt(seg->seq, c->rcv_nxt))
			break;		      /* something of it is here already: it is answered */
		*reason = DROP_TCP_FIN_STATE; /* "this should not occur": the peer has sent FIN */
		return TCP_STEP_DROP;
	case TAPIR_TCP_TIME_WAIT:
	case TAPIR_TCP_CLOSED:
	case TAPIR_TCP_LISTEN:
	case TAPIR_TCP_SYN_SENT:
	case TAPIR_TCP_SYN_RECEIVED:
		*reason = DROP_TCP_FIN_STATE;
		return TCP_STEP_DROP;
	}
	if (closed && seg->text_len && seq_gt(seg->seq + seg->text_len, c->rcv_nxt))
		return abort_on_text(t, c, seg, reason);
	return tcp_text_input(t, c, seg, reason);
}

/* Eighth: FIN (EVT-39, EVT-40, EVT-41, EVT-42, EVT-43). */
static enum tcp_step step_fin(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg)
{
	if (!(seg->flags & TCP_FIN) && !(c->act && c->act->fin_seen))
		return TCP_STEP_NEXT;
	if (!tcp_fin_input(t, c, seg))
		return TCP_STEP_NEXT;
	switch ((enum tapir_tcp_state)c->ep.state) {
	case TAPIR_TCP_ESTABLISHED:
	case TAPIR_TCP_SYN_RECEIVED:
		tcp_set_state(t, &c->ep, TAPIR_TCP_CLOSE_WAIT);
		tcp_rcv_pingpong(t, c); /* as Linux: our end of it is awaited */
		break;
	case TAPIR_TCP_FIN_WAIT_1:
		/* Were our FIN acknowledged, step five would have moved us on. */
		tcp_send_ack(t, c);
		c->flags &= ~(uint32_t)TCP_F_ACK_SCHED;
		tcp_set_state(t, &c->ep, TAPIR_TCP_CLOSING);
		break;
	case TAPIR_TCP_FIN_WAIT_2:
		tcp_send_ack(t, c);
		tcp_conn_to_timewait(t, c);
		return TCP_STEP_GONE;
	case TAPIR_TCP_CLOSE_WAIT:
	case TAPIR_TCP_CLOSING:
	case TAPIR_TCP_LAST_ACK:
	case TAPIR_TCP_TIME_WAIT:
	case TAPIR_TCP_CLOSED:
	case TAPIR_TCP_LISTEN:
	case TAPIR_TCP_SYN_SENT:
		break;
	}
	return TCP_STEP_NEXT;
}

/* Steps six (EVT-35) to eight. */
static enum tcp_step steps_text(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
				enum drop_reason *reason)
{
	enum tcp_step r;

	if (seg->flags & TCP_URG && c->ep.state != TAPIR_TCP_SYN_RECEIVED)
		tcp_urg_input(t, c, seg);
	tcp_urg_text(t, c, seg);
	r = step_text(t, c, seg, reason);
	return r == TCP_STEP_NEXT ? step_fin(t, c, seg) : r;
}

/* ---- 3.10.7.3: SYN-SENT ---- */

static enum tcp_step syn_sent_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
				    enum drop_reason *reason)
{
	bool acks = seg->flags & TCP_ACK;
	bool syn_lost = syns_lost(c, seg);
	bool takes = c->fo & (TCP_FO_OPTION | TCP_FO_DATA);
	enum tcp_step step;
	uint32_t ecr_age, syn_age;

	/* First: the ACK bit (EVT-9, TC-45). */
	if (acks && (seq_leq(seg->ack, c->iss) || seq_gt(seg->ack, c->snd_nxt))) {
		*reason = DROP_TCP_ACK_BAD;
		tcp_respond_rst(t, seg);
		/*
		 * The peer has an old connection still (RFC 9293 3.5.1, figure 9), and our RST has just ended it: as
		 * Linux, our SYN goes again soon behind that, once, and not a second later; behind a RST likewise.
		 */
		if (c->total_retrans == 0 && c->act && !list_empty(&c->act->recs) &&
		    c->act->timer_kind != TCP_TIMER_SYN) {
			tcp_rexmt_set(t, c, TCP_TIMER_SYN, SYN_AGAIN_NS);
			tcp_timer_update(t, c);
		}
		return TCP_STEP_DROP;
	}
	/* An echo of what we never sent is somebody else's SYN-ACK (RFC 7323 5.8). */
	ecr_age = tcp_ts_now(t, c->ts_off) - seg->opt.tsecr;
	syn_age = tcp_ts_now(t, 0) - tcp_ts_at(0, c->last_rcv_ns);
	if (acks && seg->opt.has & TCP_HAS_TS && seg->opt.tsecr && c->offered & TCP_HAS_TS &&
	    !(seg->flags & TCP_RST) && ecr_age > syn_age) {
		STAT_INC(t, TcpExt, PAWSActive);
		*reason = DROP_TCP_PAWS;
		tcp_respond_rst(t, seg);
		return TCP_STEP_DROP;
	}
	/* Second: the RST bit. EVT-10, R5961-2: only one that acknowledges our SYN. */
	if (seg->flags & TCP_RST) {
		if (acks)
			return reset_by_peer(t, c);
		*reason = DROP_TCP_RST_SEQ;
		return TCP_STEP_DROP;
	}
	/* Third: security: none. Fourth: the SYN bit (EVT-13, TC-50: without it nothing happens). */
	if (!(seg->flags & TCP_SYN)) {
		*reason = DROP_TCP_FLAGS;
		return TCP_STEP_DROP;
	}
	c->irs = seg->seq;
	c->rcv_nxt = seg->seq + 1;
	c->rcv_user = c->rcv_nxt;
	c->rcv_up = c->irs;
	c->last_ack_sent = c->rcv_nxt;
	c->last_rcv_ns = t->now_ns;
	take_syn_opts(t, c, seg);
	tcp_ecn_syn_answer(c, seg);
	if (seg->opt.has & TCP_HAS_UTO)
		tcp_uto_heard(t, c, seg->opt.uto);
	if (!acks) {
		/* EVT-12, MUST-10, TC-37: simultaneous open: our SYN goes again, as SYN-ACK. */
		tcp_set_state(t, &c->ep, TAPIR_TCP_SYN_RECEIVED);
		c->snd_wnd = seg->wnd;
		c->max_snd_wnd = seg->wnd;
		tcp_conn_update_mss(t, c);
		c->snd_wl1 = seg->seq;
		c->snd_wl2 = c->iss;
		c->probes_out = 0;
		c->flags |= TCP_F_ACK_NOW; /* the SYN's timer goes on, as Linux */
		tcp_conn_dirty(t, c);
		*reason = DROP_NONE;
		return TCP_STEP_DROP;
	}
	tcp_ack_input(t, c, seg, reason);
	established(t, c, seg, syn_lost);
	/* What is sent again carries the ACK; and data that is about to be written, where the program says so. */
	if (tcp_fastopen_synack(t, c, seg)) {
		takes = false;
	} else {
		if (c->opt.defer_accept || c->opt.flags & TCP_O_QUICKACK_OFF)
			tcp_rcv_ack_synack_late(t, c);
		else
			c->flags |= TCP_F_ACK_NOW;
	}
	/*
	 * EVT-11: as Linux an urgent pointer is heard; text and FIN are not, and come again, unless the SYN was one of
	 * Fast Open (RFC 7413 4.2.1).
	 */
	seg->seq++;
	seg->len--;
	seg->flags &= (uint16_t) ~(TCP_SYN | TCP_ECE);
	if (!takes) {
		seg->text_len = 0;
		seg->len = 0;
		seg->flags &= (uint16_t)~TCP_FIN;
	}
	step = steps_text(t, c, seg, reason);
	c->flags &= ~(uint32_t)TCP_F_ACK_SCHED; /* settled above */
	return step;
}

/* ---- all of it ---- */

/*
 * Whether seg is the next text of a stream that goes one way without a hole, as Linux's header prediction has it: its
 * text is taken before its ACK is looked at, and what goes again acknowledges it.
 */
static bool predicted(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t hlen = TCP_HLEN + (c->flags & TCP_F_TS ? TCP_TS_LEN : 0);

	return seg->text_len && (seg->flags & ~TCP_PSH) == TCP_ACK && seg->seq == c->rcv_nxt &&
	       seg->hdr.hdr_len == hlen && seg->wnd == c->snd_wnd && c->rcv_wnd &&
	       !(c->flags & TCP_F_URG_RCVD) && (!c->act || c->act->ooo.n == 0);
}

/* CL-19: in this order, whatever the flags. */
static enum tcp_step steps(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			   enum drop_reason *reason)
{
	uint32_t orig_seq;
	enum tcp_step r;
	bool plain;

	if (c->ep.state == TAPIR_TCP_SYN_SENT)
		return syn_sent_input(t, c, seg, reason);
	if (!(seg->flags & TCP_SYN))
		seg->wnd <<= c->snd_wscale; /* R7323-5; 0 unless negotiated */
	strip_repeated_syn(t, c, seg);
	if (seg->flags & TCP_SYN && tcp_fastopen_syn_again(t, c, seg)) {
		*reason = DROP_TCP_SYN_DUP;
		return TCP_STEP_DROP;
	}
	r = step_timestamp(t, c, seg, reason);
	if (r == TCP_STEP_NEXT)
		r = step_sequence(t, c, seg, reason);
	if (r != TCP_STEP_NEXT)
		return r;
	orig_seq = seg->seq;
	r = step_rst(t, c, seg, reason);
	if (r == TCP_STEP_NEXT)
		r = step_syn(t, c, seg, reason);
	if (r != TCP_STEP_NEXT)
		return r;
	/* Fifth, its first half (EVT-26). */
	if (!(seg->flags & TCP_ACK)) {
		*reason = DROP_TCP_NO_ACK;
		return TCP_STEP_DROP;
	}
	plain = predicted(c, seg);
	r = step_ack(t, c, seg, reason);
	if (r != TCP_STEP_NEXT)
		return r;
	update_ts_recent(t, c, seg, orig_seq);
	/* As Linux: what was lost goes again now, with the acknowledgment of what was here before this segment. */
	if (seg->len && !plain && tcp_state_synchronized(c->ep.state))
		tcp_output_recovery(t, c);
	tcp_ecn_cwr(c, seg);
	if (seg->opt.has & TCP_HAS_UTO)
		tcp_uto_heard(t, c, seg->opt.uto);
	c->last_rcv_ns = t->now_ns;
	if (c->act == NULL || !(c->flags & TCP_F_PERSIST))
		c->probes_out = 0;
	return steps_text(t, c, seg, reason);
}

void tcp_conn_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg)
{
	enum drop_reason reason = DROP_NONE;
	struct pkt *p = seg->rx->pkt;
	enum tcp_step r;

	seg->rx->pkt = NULL;
	c->segs_in++; /* whatever comes of them, as Linux counts */
	c->data_segs_in += seg->text_len ? 1 : 0;
	r = steps(t, c, seg, &reason);
	if (reason == DROP_NONE)
		pkt_free(p);
	else
		pkt_drop(p, reason);
	if (r == TCP_STEP_GONE)
		return;
	if (c->flags & TCP_F_ACK_SCHED) {
		c->flags &= ~(uint32_t)TCP_F_ACK_SCHED;
		tcp_rcv_ack(t, c);
	}
	/* FIN-WAIT-2 of an orphan needs no more than a record. */
	if (c->ep.state == TAPIR_TCP_FIN_WAIT_2 && c->flags & TCP_F_ORPHAN) {
		tcp_conn_to_finwait2_record(t, c);
		return;
	}
	tcp_conn_dirty(t, c);
}

/* ---- the demultiplexer ---- */

static bool checksum_ok(struct tapir *t, const struct rx *rx)
{
	const struct pkt *p = rx->pkt;
	uint32_t sum;

	if (p->flags & PKT_CSUM_VALID)
		return true;
	sum = cksum_pseudo_ip4(rx->ip.src, rx->ip.dst, TAPIR_IPPROTO_TCP, (uint16_t)p->len);
	sum = cksum_join(sum, t->cksum->partial(p->data, p->len, 0), 0);
	return cksum_fold(sum) ==
	       0; /* MUST-3; AM33-04: over what came, whatever lengths it tells */
}

/* Decodes and checks what every segment must satisfy (EVT-58, EVT-59). DROP_NONE: seg is filled. */
static enum drop_reason decode(struct tapir *t, struct rx *rx, struct tcp_seg *seg)
{
	struct pkt *p = rx->pkt;
	int hlen = tcp_hdr_decode(p->data, p->len, &seg->hdr);

	if (hlen < 0)
		return DROP_TCP_SHORT;
	if (rx->dst_kind != RX_UNICAST)
		return DROP_TCP_BCAST; /* MUST-57 */
	if (!checksum_ok(t, rx)) {
		STAT_INC(t, Tcp, InCsumErrors);
		return DROP_TCP_CSUM;
	}
	if (seg->hdr.sport == 0 || seg->hdr.dport == 0)
		return DROP_TCP_PORT_ZERO;
	/* MUST-5, MUST-7, U11-07: options may come in any segment; a malformed one ends them, no more. */
	tcp_opts_parse(p->data + TCP_HLEN, (size_t)hlen - TCP_HLEN, &seg->opt);
	seg->rx = rx;
	seg->seq = seg->hdr.seq;
	seg->ack = seg->hdr.ack;
	/*
	 * MUST-62: the octet after the urgent data; RFC 1122 4.2.2.4 meant the last of it. As Linux, 0 can only mean the
	 * first one, either way.
	 */
	seg->up = seg->seq + (t->conf.tcp_stdurg ? seg->hdr.urg + 1u : max_u32(seg->hdr.urg, 1));
	seg->flags = seg->hdr.flags;
	seg->wnd = seg->hdr.wnd;
	seg->text = p->data + hlen;
	seg->text_len = p->len - (uint32_t)hlen;
	seg->len = seg->text_len + (seg->flags & TCP_SYN ? 1 : 0) + (seg->flags & TCP_FIN ? 1 : 0);
	seg->ecn = rx->ip.tos & 3;
	seg->tuple = (struct tcp_tuple){
		.laddr = tapir_addr_v4(rx->ip.dst),
		.raddr = tapir_addr_v4(rx->ip.src),
		.lport = seg->hdr.dport,
		.rport = seg->hdr.sport,
	};
	return DROP_NONE;
}

static void emit_in(struct tapir *t, const struct tcp_seg *seg)
{
	struct tapir_event ev = emit_begin(t, TAPIR_EV_TCP_SEG_IN, "RFC 9293 3.10.7");

	ev.local = (struct tapir_sockaddr){seg->tuple.laddr, seg->tuple.lport, 0};
	ev.peer = (struct tapir_sockaddr){seg->tuple.raddr, seg->tuple.rport, 0};
	ev.u.seg.seq = seg->seq;
	ev.u.seg.ack = seg->ack;
	ev.u.seg.len = seg->text_len;
	ev.u.seg.wnd = seg->wnd;
	ev.u.seg.flags = seg->flags;
	emit(t, &ev);
}

/*
 * RFC 5082 3: who knows how far off the peer is believes nothing that came further. As Linux the SYN is looked at, and what
 * reaches a connection; what answers our SYN-ACK has its number to show.
 */
static bool from_too_far(struct tapir *t, struct rx *rx, const struct tcp_opt *opt)
{
	if (rx->ip.ttl >= opt->min_ttl)
		return false;
	STAT_INC(t, TcpExt, TCPMinTTLDrop);
	pkt_drop(rx->pkt, DROP_TCP_MINTTL);
	return true;
}

enum verdict tcp_input(struct tapir *t, struct rx *rx)
{
	struct tcp_seg seg;
	struct tcp_listener *l;
	struct tcp_ep *ep;
	enum drop_reason reason;

	STAT_INC(t, Tcp, InSegs);
	reason = decode(t, rx, &seg);
	if (reason != DROP_NONE) {
		STAT_INC(t, Tcp, InErrs);
		pkt_drop(rx->pkt, reason);
		return V_DONE;
	}
	if (emit_wanted(t))
		emit_in(t, &seg);
	ep = tcp_demux_find(t, &seg.tuple);
	l = ep ? NULL : tcp_demux_listener(t, &seg.tuple, rx->ifp->ifindex);
	if (seg.opt.has & TCP_HAS_MD5 && (l || (ep && ep->kind != TCP_EP_TW))) {
		/* As Linux: RFC 2385 2 asks the other way round, but who signs takes us for somebody with a key. */
		STAT_INC(t, TcpExt, TCPMD5Unexpected);
		pkt_drop(rx->pkt, DROP_TCP_MD5);
		return V_DONE;
	}
	if (ep) {
		switch ((enum tcp_ep_kind)ep->kind) {
		case TCP_EP_CONN:
			if (!from_too_far(t, rx, &tcp_conn_of(ep)->opt))
				tcp_conn_input(t, tcp_conn_of(ep), &seg);
			return V_DONE;
		case TCP_EP_SYN:
			tcp_syncache_input(t, container_of(ep, struct tcp_syn_ent, ep), &seg);
			return V_DONE;
		case TCP_EP_TW:
			if (!tcp_tw_input(t, container_of(ep, struct tcp_tw, ep), &seg))
				return V_DONE;
			/* A new incarnation: on to the listener. */
			l = tcp_demux_listener(t, &seg.tuple, rx->ifp->ifindex);
			break;
		case TCP_EP_LISTENER:
			TAPIR_UNREACHABLE(); /* a listener has no 4-tuple */
		}
	}
	if (l) {
		if (!from_too_far(t, rx, tcp_listener_opt(l)))
			tcp_listen_input(t, l, &seg);
		return V_DONE;
	}
	/* 3.10.7.1: CLOSED (EVT-1, EVT-2, EVT-3, EVT-55). */
	tcp_respond_rst(t, &seg);
	pkt_drop(rx->pkt, seg.flags & TCP_RST ? DROP_TCP_RST_NO_SOCKET : DROP_TCP_NO_SOCKET);
	return V_DONE;
}
