/*
 * Tail loss probes (RFC 8985 7).
 *
 * When the end of a flight is lost, nothing arrives that would tell. After two round trips of silence one segment
 * goes again, or a new one, long before the retransmission timeout: its ACK carries what SACK knows, and recovery
 * begins from that. It goes whatever the congestion window says, alone, and once: until it is accounted for there
 * is no other.
 *
 * If the probe was a copy, an ACK beyond it can mean that it repaired a loss: then the window is cut as for any loss.
 * Two answers, or a D-SACK, mean that both copies arrived (7.4).
 */
#include "stack/tcp/tcp_recovery.h"

#define SLACK_NS UINT64_C(2000000) /* as Linux: two ticks */

bool tcp_tlp_schedule(struct tapir *t, struct tcp_conn *c, bool advancing)
{
	const struct tcp_act *a = c->act;
	uint64_t pto_ns, rto_ns;

	/* 7.1: needs SACK, and an orderly state: recovery has its own clock. */
	if (t->conf.tcp_early_retrans < 3 || list_empty(&a->recs) || !tcp_has_sack(c) ||
	    !tcp_state_synchronized(c->ep.state) ||
	    (c->ca_state != TCP_CA_OPEN && c->ca_state != TCP_CA_CWR))
		return false;
	/* R8985-5: the ACK of a lone segment may be delayed; as Linux by the smallest RTO. */
	if (c->rtt.srtt_us == 0)
		pto_ns = (uint64_t)t->conf.tcp_rto_init_ms * 1000000;
	else if (a->segs_out == 1)
		pto_ns = (2 * (uint64_t)c->rtt.srtt_us + tcp_rto_min_us(t, &c->opt)) * 1000;
	else
		pto_ns = 2 * (uint64_t)c->rtt.srtt_us * 1000 + SLACK_NS;
	rto_ns = advancing ? tcp_rto_ns(t, c) : tcp_rto_left_ns(t, c);
	tcp_rexmt_set(t, c, TCP_TIMER_TLP, rto_ns ? min_u64(pto_ns, rto_ns) : pto_ns);
	return true;
}

void tcp_tlp_fire(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	enum tcp_tlp_sent sent;

	/* R8985-6: one at a time, and not again before a round trip was measured. */
	if (c->tlp_out || c->tlp_stale) {
		tcp_rexmt_rearm(t, c);
		return;
	}
	sent = tcp_send_tlp(t, c);
	if (sent != TCP_TLP_NOTHING) {
		c->tlp_out = true;
		c->tlp_stale = true;
		c->tlp_retrans = sent == TCP_TLP_OLD;
		c->tlp_high_seq = c->snd_nxt;
		STAT_INC(t, TcpExt, TCPLossProbes);
		tcp_tell(t, &c->ep.tuple, TAPIR_EV_TCP_PROBE, "RFC 8985 7.3", c->tlp_retrans, 0);
		a->deadline_ns[TCP_D_REXMT] = TAPIR_NEVER; /* a whole RTO from now */
	}
	tcp_rexmt_rearm(t, c);
}

void tcp_tlp_ack(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p)
{
	if (!c->tlp_out || seq_lt(p->seg->ack, c->tlp_high_seq))
		return;
	if (!c->tlp_retrans || p->flags & TCP_ACK_DSACK_TLP) {
		c->tlp_out = false; /* new data arrived; or both copies did */
	} else if (seq_gt(p->seg->ack, c->tlp_high_seq)) {
		/* R8985-8: something later is acknowledged and no second copy was told of: a loss. */
		c->tlp_out = false;
		tcp_prr_start(c, TCP_CC_LOSS);
		tcp_ca_set(t, c, TCP_CA_CWR);
		tcp_prr_end(c);
		tcp_try_keep_open(t, c);
		STAT_INC(t, TcpExt, TCPLossProbeRecovery);
	} else if (!(p->flags & (TCP_ACK_UNA_ADVANCED | TCP_ACK_NOT_DUP | TCP_ACK_DATA_SACKED))) {
		c->tlp_out = false; /* a second ACK of the same: both copies arrived */
	}
}
