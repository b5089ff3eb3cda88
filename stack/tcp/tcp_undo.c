/*
 * Undoing a cut that was a mistake.
 *
 * A window is cut for a loss that was only believed. What shows the mistake:
 *
 *	D-SACK (RFC 2883, RFC 3708)   every retransmission of the episode was reported as a duplicate: undo_retrans counts
 *	                              them out and in
 *	Eifel (RFC 3522)              the ACK that ends it echoes a timestamp older than the first retransmission: the
 *	                              original was only late
 *	F-RTO (RFC 5682)              after a timeout something never sent again is acknowledged: tcp_recovery.c
 *
 * Then cwnd and ssthresh go back to what they were (RFC 4015), the algorithm is told, and what was marked lost may not
 * be. Once congestion was proved otherwise, by ECN, nothing is undone: prior_ssthresh is 0.
 */
#include "stack/tcp/tcp_recovery.h"

enum { PERSIST_MAX = 16 }; /* as in tcp_rack.c */

uint32_t tcp_current_ssthresh(const struct tcp_conn *c)
{
	uint32_t mss = tcp_conn_smss(c), segs = c->cc.cwnd / mss;

	/* Half of what a window that grew slowly had reached is no use as a threshold: three quarters (RFC 2861). */
	if (tcp_in_reduction(c))
		return c->cc.ssthresh;
	return max_u32(c->cc.ssthresh, (segs / 2 + segs / 4) * mss);
}

void tcp_undo_start(struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	c->undo_open = true;
	c->undo_marker = c->snd_una;
	/* Copies that are still on the way may be reported yet, a tail probe's too. */
	c->undo_retrans = (int32_t)a->segs_retrans;
	if (c->tlp_out && c->tlp_retrans)
		c->undo_retrans++;
	if (c->undo_retrans == 0)
		c->undo_retrans = -1; /* 0 says that all are accounted for */
}

static void undo(struct tapir *t, struct tcp_conn *c, bool unmark)
{
	struct tcp_act *a = c->act;

	if (unmark && a)
		tcp_rec_unmark_lost(c);
	if (c->cc.prior_ssthresh) {
		c->cc.cwnd = max_u32(c->cc.cwnd, c->cc.prior_cwnd);
		if (c->cc.prior_ssthresh > c->cc.ssthresh) {
			c->cc.ssthresh = c->cc.prior_ssthresh;
			tcp_ecn_uncut(c);
		}
		if (c->cc.ops->undo)
			c->cc.ops->undo(&c->cc);
	}
	c->undo_open = false;
	if (a)
		a->rack_advanced = true; /* what is truly lost is to be found again */
	tcp_tell(t, &c->ep.tuple, TAPIR_EV_TCP_RECOVERED, "RFC 4015 3.2", c->cc.cwnd,
		 c->cc.ssthresh);
}

/* RFC 3522 3.2: the ACK was caused by the original, which was only late; or nothing was sent again at all. */
static bool original_arrived(const struct tcp_conn *c, const struct tcp_ack_pass *p)
{
	const struct tcp_act *a = c->act;

	/* must_stay() forgets when it was sent: what comes then is late, and says nothing about the cut. */
	if (!a->retrans_stamp_ns)
		return tcp_has_sack(c) || seq_lt(c->snd_una, c->recover);
	return tcp_echo_before(c, p, a->retrans_stamp);
}

static bool may_undo(const struct tcp_conn *c, const struct tcp_ack_pass *p)
{
	return c->undo_open && (c->undo_retrans == 0 || original_arrived(c, p));
}

/* R6582-2, RFC 6582 4: without SACK late duplicates would begin another recovery: stay until something above is acknowledged. */
static bool must_stay(struct tcp_conn *c)
{
	if (tcp_has_sack(c) || c->snd_una != c->recover)
		return false;
	if (!tcp_any_retrans(c))
		c->act->retrans_stamp_ns = 0;
	return true;
}

bool tcp_undo_recovery(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p)
{
	if (may_undo(c, p)) {
		if (c->ca_state == TCP_CA_LOSS)
			STAT_INC(t, TcpExt, TCPLossUndo);
		else
			STAT_INC(t, TcpExt, TCPFullUndo);
		undo(t, c, false);
	} else if (c->rack_persist) {
		c->rack_persist--;
	}
	if (must_stay(c))
		return true;
	tcp_ca_set(t, c, TCP_CA_OPEN);
	c->act->reneged = false;
	return false;
}

bool tcp_undo_dsack(struct tapir *t, struct tcp_conn *c)
{
	if (!c->undo_open || c->undo_retrans != 0)
		return false;
	c->rack_persist = (uint8_t)min_u32(c->rack_persist + 1u, PERSIST_MAX);
	undo(t, c, false);
	STAT_INC(t, TcpExt, TCPDSACKUndo);
	return true;
}

bool tcp_undo_loss(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p, bool frto)
{
	if (!frto && !may_undo(c, p))
		return false;
	undo(t, c, true);
	STAT_INC(t, TcpExt, TCPLossUndo);
	if (frto)
		STAT_INC(t, TcpExt, TCPSpuriousRTOs); /* R5682-1 */
	c->retransmits = 0;
	if (must_stay(c))
		return true;
	if (frto || tcp_has_sack(c)) {
		tcp_ca_set(t, c, TCP_CA_OPEN);
		c->act->reneged = false;
	}
	return true;
}

bool tcp_undo_partial(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p)
{
	struct tcp_act *a = c->act;

	if (!c->undo_open || !original_arrived(c, p))
		return false;
	/* The hole was filled by what was only late. */
	tcp_reordering_seen(t, c, p->prior_una, true);
	if (a->segs_retrans)
		return true; /* let them arrive before the window grows; mark nobody else meanwhile */
	if (!tcp_any_retrans(c))
		a->retrans_stamp_ns = 0;
	undo(t, c, true);
	STAT_INC(t, TcpExt, TCPPartialUndo);
	tcp_try_keep_open(t, c);
	return false;
}
