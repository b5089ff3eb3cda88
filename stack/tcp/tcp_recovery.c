/*
 * The congestion state: what follows from what ACKs and the timer tell.
 *
 *	        SACK, dup ACK            found lost                    ACK >= recover
 *	  OPEN <-------------> DISORDER -----------> RECOVERY ---------------------------> OPEN
 *	    \ ECE              /    \                   | partial ACKs: PRR, next losses
 *	     +--> CWR <-------+      \ RTO              | RTO
 *	                              +-------> LOSS <--+                      (or undone: tcp_undo.c)
 *	                                          slow start; ACK >= recover ---> OPEN
 *
 * `recover` is SND.NXT as it was when the state last changed; until it is acknowledged no new episode begins, so
 * that one window's losses reduce the rate once. In CWR and RECOVERY PRR leads the window down (tcp_prr.c); in LOSS it
 * starts again from one segment. Who is lost is tcp_rack.c's to say.
 *
 * F-RTO (RFC 5682): after a timeout only the first segment goes again, then, if the ACK moves SND.UNA, new data and no
 * other retransmission. If that brings an acknowledgment of something never sent again, the timeout was spurious;
 * if it brings a duplicate, the losses are real.
 */
#include "stack/core/emit.h"
#include "stack/tcp/tcp_recovery.h"

enum { REC_STEPS = 64 }; /* records looked at for one duplicate */

static void tell(struct tapir *t, const struct tcp_conn *c, enum tapir_event_type type,
		 const char *source)
{
	tcp_tell(t, &c->ep.tuple, type, source, c->cc.cwnd, c->cc.ssthresh);
}

void tcp_ca_set(struct tapir *t, struct tcp_conn *c, enum tcp_ca_state s)
{
	if (s == TCP_CA_OPEN && c->ca_state >= TCP_CA_RECOVERY)
		tell(t, c, TAPIR_EV_TCP_RECOVERED, "RFC 6675 5; RFC 5681 3.1");
	c->ca_state = (uint8_t)s;
}

/* Whether something sent again is still unacknowledged. */
bool tcp_any_retrans(const struct tcp_conn *c)
{
	const struct tcp_rec *r = LIST_FIRST(&c->act->recs, struct tcp_rec, seq_link);

	return c->act->segs_retrans || (!list_empty(&c->act->recs) && r->times > 1);
}

void tcp_try_keep_open(struct tapir *t, struct tcp_conn *c)
{
	const struct tcp_act *a = c->act;
	enum tcp_ca_state s = TCP_CA_OPEN;

	if (tcp_sacked_segs(a) + a->segs_lost || tcp_any_retrans(c))
		s = TCP_CA_DISORDER;
	if (c->ca_state == s)
		return;
	tcp_ca_set(t, c, s);
	c->recover = c->snd_nxt;
}

static void enter_cwr(struct tapir *t, struct tcp_conn *c)
{
	c->cc.prior_ssthresh = 0; /* congestion is proved: nothing to undo */
	if (c->ca_state >= TCP_CA_CWR)
		return;
	c->undo_open = false;
	tcp_prr_start(c, TCP_CC_ECN);
	tcp_ca_set(t, c, TCP_CA_CWR);
}

static void try_to_open(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p)
{
	if (!tcp_any_retrans(c))
		c->act->retrans_stamp_ns = 0;
	/* R3168-4: after an episode that `recover` has ended, and not within one: once a round trip (TC-34). */
	if (p->flags & TCP_ACK_ECE)
		enter_cwr(t, c);
	if (c->ca_state != TCP_CA_CWR)
		tcp_try_keep_open(t, c);
}

void tcp_enter_recovery(struct tapir *t, struct tcp_conn *c, bool ece)
{
	struct tcp_act *a = c->act;

	if (!tcp_any_retrans(c))
		a->retrans_stamp_ns = 0;
	c->cc.prior_ssthresh = 0;
	tcp_undo_start(c);
	a->rescued = false;
	/* R6675-4, R9937-1; within CWR the window is on its way down already. */
	if (!tcp_in_reduction(c)) {
		if (!ece)
			c->cc.prior_ssthresh = tcp_current_ssthresh(c);
		tcp_prr_start(c, TCP_CC_LOSS);
	}
	tcp_ca_set(t, c, TCP_CA_RECOVERY);
	if (tcp_has_sack(c))
		STAT_INC(t, TcpExt, TCPSackRecovery);
	else
		STAT_INC(t, TcpExt, TCPRenoRecovery);
	tell(t, c, TAPIR_EV_TCP_FAST_RETRANSMIT,
	     tcp_has_sack(c) ? "RFC 6675 5; RFC 8985 6.2" : "RFC 6582 3.2");
}

/* ---- without SACK: duplicate ACKs stand for segments that arrived ---- */

/* TC-30: no more can have left the network than were in it, but for the hole. True: it was more. */
static bool limit_reno(struct tcp_act *a)
{
	uint32_t holes = min_u32(max_u32(a->segs_lost, 1), a->segs_out);

	if (a->reno_sacked + holes <= a->segs_out)
		return false;
	a->reno_sacked = a->segs_out - holes;
	return true;
}

/* More duplicates than segments: some came twice, or out of order. */
static void check_reno_reordering(struct tapir *t, struct tcp_conn *c, uint32_t addend)
{
	struct tcp_act *a = c->act;

	if (!limit_reno(a))
		return;
	c->reordering =
		(uint16_t)min_u32(a->segs_out + addend, (uint32_t)t->conf.tcp_max_reordering);
	c->m.reord_seen++;
	STAT_INC(t, TcpExt, TCPRenoReorder);
}

/* Segments out that an answer can have come to: not those sent within the least round trip (of the last records). */
static uint32_t segs_answerable(const struct tapir *t, const struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	uint32_t recent = 0;
	int steps = REC_STEPS;

	for (const struct list *l = a->recs.prev; l != &a->recs && steps > 0;
	     l = l->prev, steps--) {
		const struct tcp_rec *r = container_of(l, const struct tcp_rec, seq_link);

		if (t->now_ns - r->sent_ns >= (uint64_t)c->min_rtt_us * 1000)
			break;
		recent += tcp_rec_segs(r);
	}
	return steps > 0 ? a->segs_out - recent : 0;
}

static void add_reno(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	struct tcp_act *a = c->act;
	uint32_t before = a->reno_sacked;

	if (!p->num_dupack)
		return;
	if (a->reno_sacked == 0)
		a->reno_flight = a->segs_out;
	/* TC-30, RFC 9937 6.2: a flight causes no more duplicates than it had segments, however much is sent for them. */
	if (a->reno_sacked >= max_u32(a->reno_flight, segs_answerable(t, c)))
		return;
	a->reno_sacked += p->num_dupack;
	check_reno_reordering(t, c, 0);
	if (a->reno_sacked > before)
		p->delivered += a->reno_sacked - before;
}

void tcp_reno_acked(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	struct tcp_act *a = c->act;
	uint32_t n = p->segs_acked, had = a->reno_sacked;

	if (n > 0) {
		/* One segment filled the hole, the others were counted when their duplicates came. */
		p->delivered += n > had ? n - had : 1;
		a->reno_sacked = had > n - 1 ? had - (n - 1) : 0;
	}
	check_reno_reordering(t, c, n);
}

/* ---- LOSS ---- */

/* Whether there is anything new to send: text, or our FIN. */
static bool anything_new(const struct tcp_conn *c)
{
	return tcp_snd_end(c) != c->snd_nxt ||
	       (c->flags & (TCP_F_FIN_QUEUED | TCP_F_FIN_SENT)) == TCP_F_FIN_QUEUED;
}

/* After a timeout: F-RTO's decision, an undo, or on with slow start. */
static void process_loss(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	struct tcp_act *a = c->act;
	bool advanced = p->flags & TCP_ACK_UNA_ADVANCED;
	bool recovered = seq_geq(c->snd_una, c->recover);

	if (advanced && tcp_undo_loss(t, c, p, false))
		return;
	if (a->frto) {
		/* R5682-1, step 3b (and the SACK form): something sent once was delivered. */
		if (p->flags & TCP_ACK_ORIG && tcp_undo_loss(t, c, p, true))
			return;
		if (seq_gt(c->snd_nxt, c->recover)) {
			if (p->flags & TCP_ACK_DATA_SACKED || p->num_dupack)
				a->frto = false; /* step 3a: the loss is real */
		} else if (advanced && !recovered) {
			c->recover = c->snd_nxt;
			/* Step 2b: two new segments, if there are any and the window takes them; as Linux a FIN is one. */
			if (anything_new(c) && seq_gt(c->snd_una + c->snd_wnd, c->snd_nxt)) {
				a->rexmit = TCP_REXMIT_NEW;
				return;
			}
			a->frto = false;
		}
	}
	if (recovered) {
		tcp_undo_recovery(t, c, p);
		return;
	}
	if (!tcp_has_sack(c)) {
		/* R6582-2: duplicates of what we sent twice ourselves say nothing; of new data they do. */
		if (seq_gt(c->snd_nxt, c->recover) && p->num_dupack)
			add_reno(t, c, p);
		else if (advanced)
			a->reno_sacked = 0;
	}
	a->rexmit = TCP_REXMIT_LOST;
}

/* Marks what the timeout makes lost; RACK leaves out what was sent too lately to be judged. */
static void mark_timeout(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *head = LIST_FIRST(&a->recs, struct tcp_rec, seq_link), *r;
	bool reneg = head->flags & TCP_REC_SACKED, by_time = tcp_use_rack(t) || !tcp_has_sack(c);

	/* R2018-7: the left edge goes again whatever was SACKed; a SACKed one at the left edge was reneged. */
	if (reneg) {
		STAT_INC(t, TcpExt, TCPSACKReneging);
		tcp_rec_forget_sacks(c);
		a->reneged = true;
	}
	a->reno_sacked = 0;
	if (by_time && !reneg && tcp_rec_segs(head) > 1 && tcp_rack_wait_ns(t, c, head, 0) > 0)
		tcp_rec_split(t, a, head, head->mss);
	LIST_FOREACH (r, &a->recs, struct tcp_rec, seq_link) {
		if (!reneg && r != head && by_time && tcp_rack_wait_ns(t, c, r, 0) > 0)
			continue;
		tcp_rec_mark_lost(t, c, r);
	}
}

static void count_failure(struct tapir *t, const struct tcp_conn *c)
{
	bool sack = tcp_has_sack(c);

	if (c->ca_state == TCP_CA_RECOVERY && sack)
		STAT_INC(t, TcpExt, TCPSackRecoveryFail);
	else if (c->ca_state == TCP_CA_RECOVERY)
		STAT_INC(t, TcpExt, TCPRenoRecoveryFail);
	else if (c->ca_state == TCP_CA_LOSS)
		STAT_INC(t, TcpExt, TCPLossFailures);
	else if ((c->ca_state == TCP_CA_DISORDER || tcp_sacked_segs(c->act)) && sack)
		STAT_INC(t, TcpExt, TCPSackFailures);
	else if (c->ca_state == TCP_CA_DISORDER || tcp_sacked_segs(c->act))
		STAT_INC(t, TcpExt, TCPRenoFailures);
}

void tcp_recovery_rto(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	uint32_t mss = tcp_conn_smss(c), sacked = tcp_sacked_segs(a);
	bool fresh = c->ca_state < TCP_CA_RECOVERY;

	if (c->retransmits == 0)
		count_failure(t, c);
	mark_timeout(t, c);
	/*
	 * MUST-19, R5681-7: ssthresh falls once for what was in flight together; again when progress was made
	 * since (R5681-13: a retransmission that was lost too).
	 */
	if (c->ca_state <= TCP_CA_DISORDER || seq_leq(c->recover, c->snd_una) ||
	    (c->ca_state == TCP_CA_LOSS && c->retransmits == 0)) {
		c->cc.prior_ssthresh = tcp_current_ssthresh(c);
		c->cc.prior_cwnd = c->cc.cwnd;
		c->cc.ops->cut(&c->cc, TCP_CC_RTO, mss);
		tcp_undo_start(c);
	}
	c->cc.cwnd = tcp_pipe(c) + mss;
	/* So many out of order, and yet a loss: reordering was thought too well of. */
	if (c->ca_state <= TCP_CA_DISORDER && sacked >= (uint32_t)t->conf.tcp_reordering)
		c->reordering =
			(uint16_t)min_u32(tcp_reordering(t, c), (uint32_t)t->conf.tcp_reordering);
	tcp_ca_set(t, c, TCP_CA_LOSS);
	c->recover = c->snd_nxt; /* R6582-2, R6675-5 */
	c->tlp_out = false;
	tcp_ecn_cut(c);
	/* R5682-1, step 1: not in the middle of another recovery, unless that timed out repeatedly. */
	a->frto = t->conf.tcp_frto && (fresh || c->retransmits);
	a->rexmit = TCP_REXMIT_LOST;
}

void tcp_loss_no_congestion(struct tapir *t, struct tcp_conn *c)
{
	if (c->ca_state == TCP_CA_LOSS)
		return;
	c->recover = c->snd_nxt;
	c->cc.ssthresh = tcp_current_ssthresh(c);
	c->cc.prior_ssthresh = 0;
	c->undo_open = false;
	c->act->frto = false;
	tcp_ca_set(t, c, TCP_CA_LOSS);
}

void tcp_recovery_recut(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *r;

	/* As Linux only those that are too large: the others may well arrive. */
	LIST_FOREACH (r, &a->recs, struct tcp_rec, seq_link) {
		if (r->mss > tcp_conn_smss(c))
			tcp_rec_mark_lost(t, c, r);
	}
	a->rexmit = TCP_REXMIT_LOST;
	if (!a->segs_lost)
		return;
	if (!tcp_has_sack(c))
		limit_reno(a);
	tcp_loss_no_congestion(t, c);
}

/* ---- the state hears of an ACK ---- */

/* `recover` is passed: the episode ends. True: it stays for now. */
static bool try_exit(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	switch ((enum tcp_ca_state)c->ca_state) {
	case TCP_CA_CWR:
		/* Only by something above it, so that CWR has reached the peer. */
		if (c->snd_una != c->recover) {
			tcp_prr_end(c);
			tcp_ca_set(t, c, TCP_CA_OPEN);
		}
		break;
	case TCP_CA_RECOVERY:
		if (!tcp_has_sack(c))
			c->act->reno_sacked = 0;
		if (tcp_undo_recovery(t, c, p))
			return true;
		tcp_prr_end(c);
		break;
	case TCP_CA_OPEN:
	case TCP_CA_DISORDER:
	case TCP_CA_LOSS:
		break;
	}
	return false;
}

/* RACK off: RFC 6675 or nothing. */
static bool time_to_recover(struct tapir *t, const struct tcp_conn *c)
{
	if (c->act->segs_lost)
		return true;
	return !tcp_use_rack(t) && tcp_sacked_segs(c->act) >= tcp_reordering(t, c);
}

/* RECOVERY hears of p. False: nothing more to do. */
static bool in_recovery(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	if (!(p->flags & TCP_ACK_UNA_ADVANCED)) {
		if (!tcp_has_sack(c))
			add_reno(t, c, p);
	} else if (tcp_undo_partial(t, c, p)) {
		return false;
	}
	if (tcp_undo_dsack(t, c))
		try_to_open(t, c, p);
	tcp_find_lost(t, c, p);
	if (c->ca_state != TCP_CA_RECOVERY) {
		if (!time_to_recover(t, c))
			return false;
		tcp_enter_recovery(t, c, p->flags & TCP_ACK_ECE);
	}
	return true;
}

/* OPEN, DISORDER and CWR hear of p; LOSS when it changed. False: nothing is lost. */
static bool in_order(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	if (!tcp_has_sack(c)) {
		if (p->flags & TCP_ACK_UNA_ADVANCED)
			c->act->reno_sacked = 0;
		add_reno(t, c, p);
	}
	if (c->ca_state <= TCP_CA_DISORDER)
		tcp_undo_dsack(t, c);
	tcp_find_lost(t, c, p);
	if (!time_to_recover(t, c)) {
		try_to_open(t, c, p);
		return false;
	}
	/* A segment that probes the path's MTU and is lost alone says nothing of congestion (R4821-2). */
	if (c->ca_state < TCP_CA_CWR && tcp_mtup_only_lost(t, c)) {
		c->act->rexmit = TCP_REXMIT_LOST;
		return false;
	}
	tcp_enter_recovery(t, c, p->flags & TCP_ACK_ECE);
	return true;
}

/* The peer forgot what it had SACKed: wait a little for it to come back, then begin anew (RFC 2018 8). */
static bool check_reneging(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	uint64_t wait_us = max_u64(c->rtt.srtt_us / 2, 10000);

	if (!(p->flags & TCP_ACK_RENEGING) || !(p->flags & TCP_ACK_UNA_ADVANCED))
		return false;
	tcp_rexmt_set(t, c, TCP_TIMER_RTO, wait_us * 1000);
	p->flags &= ~(uint32_t)TCP_ACK_SET_TIMER;
	return true;
}

void tcp_recovery_alert(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	struct tcp_act *a = c->act;
	bool entered = false, go;

	a->rexmit = TCP_REXMIT_NONE;
	if (list_empty(&a->recs))
		a->reno_sacked = 0;
	if (p->flags & TCP_ACK_ECE)
		c->cc.prior_ssthresh = 0;
	if (check_reneging(t, c, p))
		return;
	if (c->ca_state == TCP_CA_OPEN)
		a->retrans_stamp_ns = 0;
	else if (seq_geq(c->snd_una, c->recover) && try_exit(t, c, p))
		return;
	if (c->ca_state == TCP_CA_RECOVERY) {
		go = in_recovery(t, c, p);
	} else if (c->ca_state == TCP_CA_LOSS) {
		process_loss(t, c, p);
		tcp_find_lost(t, c, p);
		if (c->ca_state != TCP_CA_OPEN && !(p->flags & TCP_ACK_LOST_RETRANS))
			return;
		/* Undone, or a retransmission was lost: it may be recovery's turn (R5681-13). */
		go = entered = in_order(t, c, p);
	} else {
		go = entered = in_order(t, c, p);
	}
	if (!go)
		return;
	/* R6675-6: only where RACK is off. */
	if (tcp_has_sack(c) && !tcp_use_rack(t))
		tcp_sack_mark_lost(t, c, entered);
	a->rexmit = TCP_REXMIT_LOST;
}

/* ---- the window ---- */

void tcp_cong_control(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	struct tcp_cc_ack ack = {
		.now_ns = t->now_ns,
		.acked = (uint32_t)min_u64((uint64_t)p->delivered * tcp_conn_smss(c), TCP_CWND_MAX),
		.mss = tcp_conn_smss(c),
		.rtt_us = p->rtt_us,
		.srtt_us = c->rtt.srtt_us,
		.min_rtt_us = c->min_rtt_us,
		.snd_una = c->snd_una,
		.snd_nxt = c->snd_nxt,
		.cwnd_limited = tcp_cwnd_is_limited(c),
	};
	bool lost = c->act->lost_total != p->lost_before;

	if (tcp_in_reduction(c)) {
		/* RFC 9937 6.2: SafeACK: SND.UNA moved and nothing else was found lost. */
		tcp_prr_ack(c, p->delivered, p->flags & TCP_ACK_UNA_ADVANCED && !lost);
		return;
	}
	/* R5681-3: the handshake grows nothing. Where much comes out of order SACKs count as progress. */
	if (p->syn || !ack.acked)
		return;
	if (p->flags & TCP_ACK_DATA_ACKED ||
	    (tcp_reordering(t, c) > (uint32_t)t->conf.tcp_reordering &&
	     p->flags & TCP_ACK_DATA_SACKED))
		tcp_cwnd_acked(t, c, &ack);
}
