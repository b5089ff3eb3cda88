/*
 * Probing for the path's MTU without ICMP (RFC 4821, RFC 8899), as Linux does it: net.ipv4.tcp_mtu_probing.
 *
 *	1500 -+- mtu_high   nothing larger is tried for now
 *	      |
 *	1282 -+- a probe: one segment of new data, as large as the middle
 *	      |
 *	1064 -+- mtu_low    known to pass: ordinary segments are as large as that
 *
 * A probe that is acknowledged raises mtu_low; one that is lost alone lowers mtu_high, and the congestion window
 * stays as it was (R4821-2): it leaves only where enough follows it to find its loss by, never
 * while anything else is amiss. The search ends when tcp_probe_threshold is reached, and begins anew after
 * tcp_probe_interval, since paths change.
 *
 * With 0, Linux's default and ours, none of it happens, and messages of ICMP are needed (RFC 1191). With 1 it begins
 * when a black hole shows (R4821-1): text that stays unanswered over R1 retransmissions may be too large to pass,
 * and the segments that carry it shrink to tcp_base_mss, then by halves. With 2 each connection that we open begins there, one
 * that was opened to us when a probe has passed. What
 * ICMP tells, where it does, bounds the search from above.
 */
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_recovery.h"

enum { WINDOW_SEGS = 11 }; /* of cwnd at least: the loss of one must not be the loss of much */

#define SEC UINT64_C(1000000000)

static uint32_t opts_len(const struct tcp_conn *c)
{
	return c->flags & TCP_F_TS ? TCP_TS_LEN : 0;
}

/* IP packets that carry `text` bytes, and what an MTU leaves for text. */
static uint16_t mtu_of(const struct tcp_conn *c, uint32_t text)
{
	return (uint16_t)min_u32(text + opts_len(c) + IP_TCP_HLEN, UINT16_MAX);
}

static uint32_t text_of(const struct tcp_conn *c, uint32_t mtu)
{
	uint32_t less = opts_len(c) + IP_TCP_HLEN;

	return mtu > less ? mtu - less : 1;
}

/* What no probe may exceed, whatever the path: the peer's MSS, and the program's. */
static uint16_t ends_take(const struct tcp_conn *c)
{
	uint32_t mss = c->opt.maxseg ? min_u32(c->peer_mss, c->opt.maxseg) : c->peer_mss;

	return (uint16_t)min_u32(mss + IP_TCP_HLEN, UINT16_MAX);
}

void tcp_mtup_start(struct tapir *t, struct tcp_conn *c)
{
	c->mtup_on = t->conf.tcp_mtu_probing == 2;
	c->mtu_high = ends_take(c);
	c->mtu_low = mtu_of(c, (uint32_t)t->conf.tcp_base_mss);
	c->mtu_probe = 0;
	c->mtup_ns = t->now_ns;
	/*
	 * As Linux, until a probe, the path or a timeout says something: who was called sends full segments, who called
	 * counts the options that its SYN offered.
	 */
	c->mtu_now = UINT16_MAX;
	if (c->flags & TCP_F_ACTIVE)
		c->mtu_now =
			(uint16_t)min_u32(c->mtu_low + (c->offered & TCP_HAS_TS ? TCP_TS_LEN : 0) -
						  opts_len(c),
					  UINT16_MAX);
	if (c->mtup_on)
		tcp_conn_update_mss(t, c);
}

uint32_t tcp_mtup_bound(struct tcp_conn *c, uint32_t mtu)
{
	if (c->mtu_high > mtu)
		c->mtu_high = (uint16_t)mtu;
	if (c->mss && (uint32_t)c->mss + IP_TCP_HLEN > mtu)
		c->mtu_now = c->mtu_low;
	return c->mtup_on ? min_u32(mtu, c->mtu_now) : mtu;
}

/* Another round, after a long time: what passes is known, what else may is not. */
static void begin_anew(struct tapir *t, struct tcp_conn *c)
{
	if (t->now_ns - c->mtup_ns < (uint64_t)t->conf.tcp_probe_interval_s * SEC)
		return;
	c->mtu_probe = 0;
	c->mtu_high = ends_take(c);
	c->mtu_low = mtu_of(c, tcp_conn_smss(c));
	c->mtu_now = c->mtu_low;
	c->mtup_ns = t->now_ns;
	tcp_conn_update_mss(t, c);
}

int32_t tcp_mtup_due(struct tapir *t, struct tcp_conn *c, uint32_t avail, uint32_t wnd,
		     uint32_t pipe)
{
	struct tcp_act *a = c->act;
	uint32_t mss = tcp_conn_smss(c), mtu, len, need;

	if (!c->mtup_on || c->mtu_probe || c->ca_state != TCP_CA_OPEN ||
	    c->cc.cwnd < WINDOW_SEGS * mss || a->ooo.n || a->dsack)
		return -1;
	c->mtu_high = (uint16_t)min_u32(c->mtu_high, ends_take(c));
	mtu = ((uint32_t)c->mtu_high + c->mtu_low) / 2;
	if (c->mtu_high < c->mtu_low + max_u32((uint32_t)t->conf.tcp_probe_threshold, 1)) {
		begin_anew(t, c);
		return -1;
	}
	/* What follows it shows that it is missing. */
	len = text_of(c, mtu);
	need = len + (tcp_reordering(t, c) + 1) * mss;
	if (avail < need || c->snd_wnd < need)
		return -1;
	if (wnd < need)
		return 0;
	if (pipe + 2 * mss > c->cc.cwnd)
		return pipe ? 0 : -1;
	return (int32_t)len;
}

void tcp_mtup_sent(struct tcp_conn *c, uint32_t seq, uint32_t len)
{
	c->mtu_probe = mtu_of(c, len);
	c->mtu_probe_seq = seq;
	c->mtup_lost = false;
	c->cc.cwnd -= tcp_conn_smss(c); /* as Linux: it counts for two */
}

void tcp_mtup_acked(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r)
{
	uint32_t end = c->mtu_probe_seq + text_of(c, c->mtu_probe), segs;

	if (!c->mtu_probe || seq_lt(r->seq + r->len, end))
		return;
	STAT_INC(t, TcpExt, TCPMTUPSuccess);
	/* As Linux: fewer segments, which are larger now: about the same in bytes. */
	segs = (uint32_t)((uint64_t)(c->cc.cwnd / tcp_conn_smss(c)) * mtu_of(c, tcp_conn_smss(c)) /
			  c->mtu_probe);
	c->mtu_low = c->mtu_probe;
	c->mtu_probe = 0;
	c->mtu_now = c->mtu_low;
	tcp_conn_update_mss(t, c);
	c->cc.cwnd = max_u32(segs, 1) * tcp_conn_smss(c);
	c->cc.ssthresh = tcp_current_ssthresh(c);
}

void tcp_mtup_lost(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r)
{
	(void)t;
	if (!c->mtu_probe)
		return;
	/* In the midst of other losses it says nothing. */
	if (r->seq == c->mtu_probe_seq && r->seq == c->snd_una && c->ca_state < TCP_CA_CWR)
		c->mtup_lost = true;
	else
		c->mtu_probe = 0;
}

bool tcp_mtup_only_lost(struct tapir *t, struct tcp_conn *c)
{
	if (!c->mtup_lost)
		return false;
	c->mtup_lost = false;
	if (!c->mtu_probe || c->snd_una != c->mtu_probe_seq)
		return false;
	/* R4821-2, R8900-3: the path does not carry it. */
	c->mtu_high = (uint16_t)(c->mtu_probe - 1);
	c->mtu_probe = 0;
	c->cc.cwnd += tcp_conn_smss(c);
	STAT_INC(t, TcpExt, TCPMTUPFail);
	return true;
}

void tcp_mtup_timeout(struct tapir *t, struct tcp_conn *c, bool r1)
{
	uint16_t before = c->mss;
	uint32_t mss;

	c->mtu_probe = 0; /* inconclusive */
	if (!r1 || !t->conf.tcp_mtu_probing)
		return;
	/* R4821-1: it is silent for so long: a black hole for segments of this size, it may be. */
	if (!c->mtup_on) {
		c->mtup_on = true;
		c->mtup_ns = t->now_ns;
	} else {
		mss = min_u32(text_of(c, c->mtu_low) / 2, (uint32_t)t->conf.tcp_base_mss);
		mss = max_u32(mss, max_u32((uint32_t)t->conf.tcp_mtu_probe_floor,
					   (uint32_t)t->conf.tcp_min_snd_mss));
		c->mtu_low = mtu_of(c, mss);
	}
	c->mtu_now = c->mtu_low;
	tcp_conn_update_mss(t, c);
	if (c->mss < before)
		tcp_tell(t, &c->ep.tuple, TAPIR_EV_TCP_RTO, "RFC 4821 7.7", c->mss, before);
}
