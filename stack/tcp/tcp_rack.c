/*
 * Who is lost: RACK (RFC 8985 6), by time of sending.
 *
 *	sent:        1   2   3   4   5        3 was delivered, and took RTT
 *	                     ^
 *	1 and 2 were sent before it. Each is lost when RTT plus the reordering window has passed since
 *	it was sent; until then a timer waits, in case it is only late.
 *
 * One rule finds lost segments, lost retransmissions and lost tails alike, as long as anything sent later arrives. The
 * window is a quarter of the smallest round trip; none while nothing was ever seen out of order and three segments
 * have arrived beyond the hole, which makes RACK as quick as duplicate ACKs were; more after D-SACKs, which say that it
 * was too small; and never more than a round trip, whatever D-SACKs claim (R8985-2, TC-32).
 *
 * The records that are in flight hang in a list by time, so that those looked at are those sent before the latest
 * delivered: the ones to be marked, and the few that wait (R8985-1).
 *
 * It comes together with PRR, which sends what it finds at the pace of what arrives (R9937-5).
 *
 * With RACK off it is RFC 6675's count of SACKed segments above; without SACK it is NewReno's (RFC 6582).
 */
#include "stack/tcp/tcp_recovery.h"

enum {
	STEPS_MAX = 2048,    /* records that wait, looked at in one ACK */
	PERSIST = 16,	     /* recoveries that a grown window lasts (RFC 8985 6.2, step 4) */
	STEPS_WND_MAX = 255, /* quarters of the smallest round trip; SRTT bounds it long before */
	RACK_STATIC = 2,     /* of tcp_recovery */
	RACK_NO_DUPTHRESH = 4,
	TIMER_SLACK_NS = 2000000, /* as Linux: two ticks */
};

/*
 * RFC 8985 5.2, RACK_sent_after(): whether RACK's segment was sent after r, up to `end`. A batch is handled at one
 * moment: among what was sent then the order of sending decides, and only within one record that of sequence. By
 * sequence alone what goes again would seem to have left before all new data of its moment, and to be lost with it.
 */
static bool sent_after(const struct tcp_act *a, const struct tcp_rec *r, uint32_t end)
{
	if (a->rack_ns != r->sent_ns)
		return a->rack_ns > r->sent_ns;
	return a->rack_tx != r->tx ? seq_gt(a->rack_tx, r->tx) : seq_gt(a->rack_end, end);
}

void tcp_rack_advance(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r, uint32_t end)
{
	struct tcp_act *a = c->act;
	uint64_t rtt_ns = t->now_ns - r->sent_ns;

	/* Step 2: sooner than any answer ever came: it was the first copy that arrived. */
	if (r->times > 1 && rtt_ns / 1000 < c->min_rtt_us)
		return;
	a->rack_advanced = true;
	a->rack_rtt_ns = rtt_ns;
	if (!a->rack_ns || !sent_after(a, r, end)) {
		a->rack_ns = r->sent_ns;
		a->rack_end = end;
		a->rack_tx = r->tx;
	}
}

void tcp_rack_adapt(struct tapir *t, struct tcp_conn *c)
{
	if (t->conf.tcp_recovery & RACK_STATIC)
		return;
	/* Once a round trip: what reports copies of before the last step says nothing about it. */
	if (c->rack_dsack && seq_lt(c->snd_una, c->rack_round))
		c->rack_dsack = false;
	if (c->rack_dsack) {
		c->rack_steps = (uint8_t)min_u32(max_u32(c->rack_steps, 1) + 1, STEPS_WND_MAX);
		c->rack_dsack = false;
		c->rack_round = c->snd_nxt;
		c->rack_persist = PERSIST;
	} else if (!c->rack_persist) {
		c->rack_steps = 1;
		c->rack_round = c->snd_una; /* not ahead of it after 2 GiB more */
	}
}

uint64_t tcp_rack_reo_wnd_ns(const struct tapir *t, const struct tcp_conn *c)
{
	uint64_t wnd_us = (uint64_t)(c->min_rtt_us / 4) * max_u32(c->rack_steps, 1);

	/* R8985-2: in a hurry, while nothing was ever seen out of order. */
	if (!c->m.reord_seen) {
		if (c->ca_state >= TCP_CA_RECOVERY)
			return 0;
		if (c->act->segs_sacked >= tcp_reordering(t, c) &&
		    !(t->conf.tcp_recovery & RACK_NO_DUPTHRESH))
			return 0;
	}
	return min_u64(wnd_us, c->rtt.srtt_us) * 1000;
}

uint64_t tcp_rack_wait_ns(const struct tapir *t, const struct tcp_conn *c, const struct tcp_rec *r,
			  uint64_t reo_wnd_ns)
{
	uint64_t due = r->sent_ns + c->act->rack_rtt_ns + reo_wnd_ns;

	return sub_sat_u64(due, t->now_ns);
}

/* R8985-3: marks who is lost; ns until the last of those that wait would be, 0: none waits. */
static uint64_t detect(struct tapir *t, struct tcp_conn *c)
{
	uint64_t wnd = tcp_rack_reo_wnd_ns(t, c), timeout = 0;
	struct tcp_act *a = c->act;
	struct tcp_rec *r, *next;
	unsigned steps = STEPS_MAX;

	LIST_FOREACH_SAFE (r, next, &a->recs_time, struct tcp_rec, time_link) {
		uint64_t wait;

		if (!sent_after(a, r, r->seq + r->len))
			break;
		wait = tcp_rack_wait_ns(t, c, r, wnd);
		if (wait == 0) {
			tcp_rec_mark_lost(t, c, r);
			continue;
		}
		timeout = max_u64(timeout, wait);
		if (--steps == 0)
			break;
	}
	return timeout;
}

bool tcp_rack_detect(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	uint64_t wait;

	if (!a->rack_advanced)
		return false;
	a->rack_advanced = false;
	wait = detect(t, c);
	if (!wait)
		return false;
	/* R8985-4: the rest of the wait, lest it end with the RTO. */
	tcp_rexmt_set(t, c, TCP_TIMER_REO, wait + TIMER_SLACK_NS);
	return true;
}

void tcp_rack_timeout(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	uint32_t flight = tcp_pipe_segs(a), lost = a->lost_total;

	detect(t, c);
	if (tcp_pipe_segs(a) != flight) {
		/* R4821-2: a size probe alone is no congestion, by whatever clock it is found lost; Linux minds ACKs only. */
		bool probe = c->ca_state < TCP_CA_CWR && tcp_mtup_only_lost(t, c);

		if (!probe && c->ca_state != TCP_CA_RECOVERY) {
			tcp_enter_recovery(t, c, false);
			tcp_prr_ack(c, 1, lost == a->lost_total);
		}
		a->rexmit = TCP_REXMIT_LOST;
	}
	if (a->timer_kind == TCP_TIMER_REO || a->deadline_ns[TCP_D_REXMT] == TAPIR_NEVER)
		tcp_rexmt_rearm(t, c);
}

/* ---- the others ---- */

/* R5681-9, R6582-1, RFC 6582 3.2: three duplicates, or a partial ACK: the first segment is lost. */
static void newreno_mark_lost(struct tapir *t, struct tcp_conn *c, bool advanced)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *r = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);
	bool dups = c->ca_state < TCP_CA_RECOVERY && a->reno_sacked >= tcp_reordering(t, c);

	if (!(dups || (c->ca_state == TCP_CA_RECOVERY && advanced)) || r->flags & TCP_REC_LOST)
		return;
	if (tcp_rec_segs(r) > 1)
		tcp_rec_split(t, a, r, r->mss); /* without memory more than needed is sent */
	tcp_rec_mark_lost(t, c, r);
}

void tcp_find_lost(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	struct tcp_act *a = c->act;
	uint32_t retrans = a->segs_retrans;

	if (list_empty(&a->recs))
		return;
	if (!tcp_has_sack(c)) {
		newreno_mark_lost(t, c, p->flags & TCP_ACK_UNA_ADVANCED);
	} else if (tcp_use_rack(t)) {
		if (tcp_rack_detect(t, c))
			p->flags &= ~(uint32_t)TCP_ACK_SET_TIMER;
		if (a->segs_retrans < retrans)
			p->flags |= TCP_ACK_LOST_RETRANS;
	}
}

/* What was sent again is given the time of the RTO: RFC 6675 knows no lost retransmission. */
static void mark_by_number(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r)
{
	if (r->flags & TCP_REC_RETRANS && !(r->flags & TCP_REC_LOST))
		tcp_rec_mark_original_lost(c->act, r);
	else if (!(r->flags & TCP_REC_LOST))
		tcp_rec_mark_lost(t, c, r);
}

/*
 * R6675-2, IsLost(): DupThresh segments above were SACKed. A record SACKed in part counts by its segments, which is
 * DupThresh ranges or more than DupThresh - 1 full segments, whichever comes first.
 *
 * More are only SACKed above what was found lost once, so each record is passed once, and not at each ACK: `judged` moves on
 * while the SACKed segments above it are enough. An ACK that tells of one more hole among thousands takes some 300
 * instructions, as without them; with a look at each of them it was up to 930 us. An undo, and what a peer takes back, let it begin anew.
 */
void tcp_sack_mark_lost(struct tapir *t, struct tcp_conn *c, bool head)
{
	struct tcp_act *a = c->act;
	uint32_t thresh = tcp_reordering(t, c);
	struct tcp_rec *r = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);

	if (head && !(r->flags & TCP_REC_SACKED)) {
		if (a->segs_sacked < thresh && tcp_rec_segs(r) > 1)
			tcp_rec_split(t, a, r, r->mss);
		mark_by_number(t, c, r);
	}
	if (!a->judged_hint || seq_lt(a->judged, c->snd_una) || seq_gt(a->judged, c->snd_nxt))
		tcp_rec_judge_anew(c);
	r = a->judged_hint ? a->judged_hint : LIST_FIRST(&a->recs, struct tcp_rec, seq_link);
	for (; r; r = tcp_rec_next(a, r)) {
		a->judged_hint = r;
		if (r->flags & TCP_REC_SACKED) {
			/* One that began below already counts already. */
			if (seq_geq(r->seq, a->judged))
				a->judged_sacked += tcp_rec_segs(r);
		} else if (a->segs_sacked - a->judged_sacked < thresh) {
			return;
		} else {
			mark_by_number(t, c, r);
		}
		/* Never back: the rest of a record that was cut since counts already, if it was SACKed. */
		a->judged = seq_max(a->judged, r->seq + r->len);
	}
}
