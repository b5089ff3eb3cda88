/*
 * Loss found by duplicate ACKs, and what follows: fast retransmit and fast recovery (RFC 5681 3.2) in
 * the NewReno form (RFC 6582), and the slow start after a timeout.
 *
 *	          3 duplicate ACKs                    ACK >= recover
 *	  open ---------------------> RECOVERY ----------------------> open
 *	    \                            |  partial ACK: the next hole, stay
 *	     \  RTO                      | RTO
 *	      +-----------------------> LOSS -------------------------> open
 *	                                 ACK >= recover
 *
 * `recover` is SND.MAX as it was when the episode began; until it is acknowledged no new episode
 * begins, so that one window's losses reduce the rate once.
 */
#include "stack/core/emit.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"

static void tell(struct tapir *t, const struct tcp_conn *c, enum tapir_event_type type,
		 const char *source)
{
	tcp_tell(t, &c->ep.tuple, type, source, c->cc.cwnd, c->cc.ssthresh);
}

static void cut(struct tapir *t, struct tcp_conn *c, enum tcp_cc_why why, uint32_t flight, bool first)
{
	struct tcp_cc_cut how = {.why = why,
				 .flight = flight,
				 .mss = tcp_conn_smss(c),
				 .first = first,
				 .now_ns = t->now_ns};

	c->cc.ops->cut(&c->cc, &how);
}

static void enter_recovery(struct tapir *t, struct tcp_conn *c)
{
	uint32_t mss = tcp_conn_smss(c);

	c->recover = c->snd_max;
	/* RFC 5681 3.2, step 2: what limited transmit has added meanwhile does not count. */
	cut(t, c, TCP_CC_LOSS, c->act->prior_flight, true);
	/* R5681-10: inflated by the segments that left the network. */
	c->cc.cwnd = c->cc.ssthresh + (uint32_t)t->conf.tcp_reordering * mss;
	c->flags |= TCP_F_RECOVERY;
	tcp_rec_mark_head_lost(t, c, mss);
	STAT_INC(t, TcpExt, TCPRenoRecovery);
	tell(t, c, TAPIR_EV_TCP_FAST_RETRANSMIT, "RFC 6582 3.2");
}

void tcp_recovery_dupack(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	if (c->flags & TCP_F_LOSS)
		return; /* R6582-2: duplicates of what we sent twice ourselves */
	a->dupacks++;
	if (c->flags & TCP_F_RECOVERY) {
		/* TC-30, RFC 5681 3.2, step 4: no more segments can have left the network than were in it. */
		c->cc.cwnd = min_u32(c->cc.cwnd + tcp_conn_smss(c),
				     max_u32(c->cc.cwnd, c->cc.ssthresh + a->prior_flight));
		return;
	}
	if (a->dupacks == 1)
		a->prior_flight = c->snd_nxt - c->snd_una;
	if (a->dupacks < (uint32_t)t->conf.tcp_reordering)
		return; /* R5681-9: limited transmit is output's (RFC 3042) */
	/* RFC 6582 3.2 step 2: not for duplicates of an episode that is over. */
	if (a->dupacks == (uint32_t)t->conf.tcp_reordering && seq_gt(c->snd_una, c->recover))
		enter_recovery(t, c);
}

/* RFC 6582 3.2 step 3. */
static void recovery_acked(struct tapir *t, struct tcp_conn *c, uint32_t acked)
{
	uint32_t mss = tcp_conn_smss(c);

	if (seq_geq(c->snd_una, c->recover)) {
		uint32_t flight = c->act->in_flight + c->act->lost_bytes;

		/* Full: the conservative form, which sends no burst. */
		c->cc.cwnd = min_u32(c->cc.ssthresh, max_u32(flight, mss) + mss);
		c->flags &= ~(uint32_t)TCP_F_RECOVERY;
		c->act->dupacks = 0;
		tell(t, c, TAPIR_EV_TCP_RECOVERED, "RFC 6582 3.2");
		return;
	}
	/* R6582-1: partial: the next hole at once, deflate by what left, add one back. */
	tcp_rec_mark_head_lost(t, c, mss);
	c->cc.cwnd = c->cc.cwnd > acked ? c->cc.cwnd - acked : 0;
	if (acked >= mss)
		c->cc.cwnd += mss;
	c->cc.cwnd = max_u32(c->cc.cwnd, mss);
}

void tcp_recovery_acked(struct tapir *t, struct tcp_conn *c, const struct tcp_acked *acked,
			uint32_t flight)
{
	struct tcp_cc_ack a = {
		.now_ns = t->now_ns,
		.acked = acked->bytes,
		.flight = flight,
		.mss = tcp_conn_smss(c),
		.rtt_us = acked->rtt_ns == UINT64_MAX
				  ? 0
				  : (uint32_t)min_u64(acked->rtt_ns / 1000, UINT32_MAX),
		.srtt_us = c->rtt.srtt_us,
		.min_rtt_us = c->min_rtt_us,
		.snd_una = c->snd_una,
		.snd_nxt = c->snd_nxt,
		/* After a timeout the window of one segment is what holds us back, to the ACK that ends it. */
		.cwnd_limited = tcp_cwnd_is_limited(c) || c->flags & TCP_F_LOSS,
	};

	if (c->flags & TCP_F_RECOVERY) {
		recovery_acked(t, c, acked->bytes);
		return;
	}
	c->act->dupacks = 0;
	if (c->flags & TCP_F_LOSS && seq_geq(c->snd_una, c->recover)) {
		c->flags &= ~(uint32_t)TCP_F_LOSS;
		tell(t, c, TAPIR_EV_TCP_RECOVERED, "RFC 5681 3.1");
	}
	if (seq_gt(c->snd_una, c->recover))
		c->recover = c->snd_una - 1; /* close behind: 2 GiB behind would look ahead */
	c->cc.ops->ack(&c->cc, &a);
}

void tcp_recovery_rto(struct tapir *t, struct tcp_conn *c)
{
	/* MUST-19, R5681-7: ssthresh is not reduced again for the same segment. */
	bool first = c->backoff == 0 && !(c->flags & TCP_F_LOSS);

	cut(t, c, TCP_CC_RTO, c->snd_nxt - c->snd_una, first);
	c->cc.cwnd = tcp_conn_smss(c);
	c->flags = (c->flags & ~(uint32_t)TCP_F_RECOVERY) | TCP_F_LOSS;
	c->recover = c->snd_max; /* R6582-2 */
	c->act->dupacks = 0;
	tcp_rec_mark_all_lost(c);
}

void tcp_recovery_ece(struct tapir *t, struct tcp_conn *c)
{
	(void)t;
	(void)c;
}
