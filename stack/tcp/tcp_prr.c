/*
 * Proportional rate reduction (RFC 9937, before it RFC 6937): how the window gets from what it was to ssthresh while
 * ACKs come.
 *
 * While more is in flight than ssthresh, ssthresh / RecoverFS segments leave for each one delivered: the flight shrinks in
 * proportion over one round trip, without a pause and without a burst. When losses took it below ssthresh
 * already, it grows back by what is delivered, and by one more when the ACK moved SND.UNA and told of no further loss.
 *
 * Counted in segments, as Linux does, so that its pattern of sending comes out. RecoverFS is the window that was cut,
 * as in Linux, and not the flight: they differ only when the window was not full, and then by what is sent a little
 * slower (R9937-1, a deviation).
 */
#include "stack/tcp/tcp_recovery.h"

uint32_t tcp_prr_quota(const struct tcp_prr *p, uint32_t now, bool safe)
{
	uint32_t quota;

	if (p->pipe > p->ssthresh) {
		/* R9937-3, R6937-1, 6.2: CEIL(prr_delivered * ssthresh / RecoverFS) - prr_out. */
		uint64_t fs = max_u32(p->recover_fs, 1);
		uint64_t due = ((uint64_t)p->delivered * p->ssthresh + fs - 1) / fs;

		quota = due > p->out ? (uint32_t)min_u64(due - p->out, UINT32_MAX) : 0;
	} else {
		quota = max_u32(p->delivered > p->out ? p->delivered - p->out : 0, now);
		if (safe)
			quota++;
		quota = min_u32(quota, p->ssthresh - p->pipe);
	}
	/* The fast retransmission leaves whatever the rate: recovery could not begin else. */
	return max_u32(quota, p->out ? 0 : 1);
}

void tcp_prr_start(struct tcp_conn *c, enum tcp_cc_why why)
{
	struct tcp_act *a = c->act;

	c->recover = c->snd_nxt;
	c->tlp_out = false;
	c->cc.prior_cwnd = c->cc.cwnd;
	a->prr_delivered = 0;
	a->prr_out = 0;
	c->cc.ops->cut(&c->cc, why, tcp_conn_smss(c));
	tcp_ecn_cut(c);
}

void tcp_prr_ack(struct tcp_conn *c, uint32_t delivered, bool safe)
{
	struct tcp_act *a = c->act;
	uint32_t mss = tcp_conn_smss(c);
	struct tcp_prr p;

	if (delivered == 0)
		return;
	a->prr_delivered += delivered;
	p = (struct tcp_prr){
		.delivered = a->prr_delivered,
		.out = a->prr_out,
		.ssthresh = max_u32(c->cc.ssthresh / mss, 1),
		.recover_fs = c->cc.prior_cwnd / mss,
		.pipe = tcp_pipe_segs(a),
	};
	/* R9937-3: cwnd = inflight + SndCnt. */
	c->cc.cwnd = max_u32(tcp_pipe(c) + tcp_prr_quota(&p, delivered, safe) * mss, mss);
}

void tcp_prr_end(struct tcp_conn *c)
{
	/* R9937-4: unless what was cut was put back meanwhile. */
	if (c->cc.ssthresh != TCP_SSTHRESH_INF && (c->ca_state == TCP_CA_CWR || c->undo_open))
		c->cc.cwnd = c->cc.ssthresh;
}
