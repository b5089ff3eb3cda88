/*
 * Delivery rate samples (after the IETF draft on delivery rate estimation, in Linux's form).
 *
 *	       first_tx   sent                     (the flight that the sample is about)
 *	 sends ---|--------|------------------------------------->
 *	          |<------>|  interval of sending
 *	 ACKs  -------|----------------------|------------------->
 *	          prior_ns                  now
 *	              |<-------------------->|  interval of acknowledging
 *	              delivered then         delivered now
 *
 * Between the moment when a piece left and the one when it is acknowledged so many segments were delivered (counted
 * as Linux does, a short one as one too); divided
 * by the longer of the two intervals that is what the path carried, as ACKs that come in a heap can't make it look
 * faster than we sent. A sample from a time when the program gave less than the window is a lower bound: it
 * counts only where it is above what is known.
 */
#include "stack/tcp/tcp_recovery.h"

void tcp_rate_sent(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t flight)
{
	struct tcp_act *a = c->act;

	if (!r)
		return;
	/* Nothing else is out: what comes back now tells of the time from now on. */
	if (flight == 0 && LIST_FIRST(&a->recs, struct tcp_rec, seq_link) == r &&
	    LIST_LAST(&a->recs, struct tcp_rec, seq_link) == r && r->times == 1) {
		a->first_tx_ns = t->now_ns;
		a->delivered_ns = t->now_ns;
	}
	r->first_tx_ns = a->first_tx_ns;
	r->delivered_ns = a->delivered_ns;
	r->delivered = a->delivered;
	r->app_limited = a->app_limited_set;
}

void tcp_rate_delivered(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r, uint32_t len,
			struct tcp_rate_sample *rs)
{
	struct tcp_act *a = c->act;
	uint32_t end = r->seq + len, segs = tcp_rec_segs_within(r, len);

	(void)t;
	rs->delivered += segs;
	a->delivered += segs;
	if (r->delivered_ns == 0 && r->first_tx_ns == 0)
		return; /* never told of */
	/* The piece that was sent last says most. */
	if (rs->prior_ns && (r->sent_ns < rs->last_sent_ns ||
			     (r->sent_ns == rs->last_sent_ns && seq_leq(end, rs->last_end))))
		return;
	rs->prior_delivered = r->delivered;
	rs->prior_ns = max_u64(r->delivered_ns, 1);
	rs->app_limited = r->app_limited;
	rs->retransmitted = r->times > 1;
	rs->last_sent_ns = r->sent_ns;
	rs->last_end = end;
	rs->send_ns = r->sent_ns - r->first_tx_ns;
	a->first_tx_ns = r->sent_ns;
}

void tcp_rate_ack(struct tapir *t, struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	struct tcp_act *a = c->act;
	uint64_t took_us, ack_ns;
	uint32_t segs;

	if (!a)
		return;
	/* What the program was late with is delivered: the path counts again. */
	if (a->app_limited_set && seq_gt(a->delivered, a->app_limited))
		a->app_limited_set = false;
	if (rs->delivered)
		a->delivered_ns = t->now_ns;
	if (!rs->prior_ns)
		return;
	segs = a->delivered - rs->prior_delivered;
	ack_ns = t->now_ns - rs->prior_ns;
	took_us = max_u64(rs->send_ns, ack_ns) / 1000;
	/* No flight takes less than the path: a repetition that was not needed is answered by the first copy's ACK. */
	if (took_us == 0 || took_us < c->min_rtt_us)
		return;
	took_us = min_u64(took_us, UINT32_MAX);
	if (rs->app_limited && (uint64_t)segs * c->m.rate_us < (uint64_t)c->m.rate_segs * took_us)
		return;
	c->m.rate_segs = segs;
	c->m.rate_us = (uint32_t)took_us;
	c->m.rate_app_limited = rs->app_limited;
}

void tcp_rate_check_app_limited(struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	uint32_t mss = tcp_conn_smss(c);
	uint32_t sent_to = seq_max(c->snd_nxt, tcp_snd_base(c));

	/* What was lost and is not sent again yet would be sent if it could. */
	if (tcp_snd_end(c) - sent_to >= mss || c->flags & TCP_F_TX_WAIT ||
	    a->segs_lost > a->segs_retrans || tcp_pipe(c) + mss > c->cc.cwnd)
		return;
	a->app_limited = a->delivered + tcp_pipe_segs(a);
	a->app_limited_set = true;
}
