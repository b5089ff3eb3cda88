/*
 * Whether the congestion window is what holds the sender back.
 *
 * A window that was never used up says nothing about the path, so it must not grow, and after a while it must
 * shrink to what was used: the aim of RFC 7661, by the rules of Linux (RFC 2861's in spirit).
 *
 *	- the window counts as used when no whole segment fits into it any more; that is remembered for one window
 *	  of data, together with the most that was out. In slow start half of the window is enough, for it is the
 *	  ACKs of this window that must double the next (tcp_cwnd_is_limited);
 *	- while it is not used, and nothing is acknowledged for an RTO, the window goes half way to what was in use, and
 *	  ssthresh keeps three quarters of it in mind;
 *	- with nothing in flight and nothing sent, it halves each RTO, down to the restart window.
 */
#include "stack/tcp/tcp_info.h"
#include "stack/tcp/tcp_recovery.h"
#include "stack/tcp/tcp_user.h"

static uint32_t now_ms(const struct tapir *t)
{
	return (uint32_t)(t->now_ns / 1000000);
}

static uint32_t initial_window(const struct tapir *t, const struct tcp_conn *c)
{
	return tcp_cc_initial_window(tcp_conn_smss(c), (unsigned)t->conf.tcp_init_cwnd);
}

bool tcp_cwnd_is_limited(const struct tcp_conn *c)
{
	/* R9438-7: the window is what is cut at a loss, so it may not grow beyond what is in use. */
	if (c->cwnd_limited)
		return true;
	return c->cc.cwnd < c->cc.ssthresh && c->cc.cwnd < 2 * (uint64_t)c->max_out;
}

/* The program, or the peer, gives us less to send than the window allows, for an RTO now. */
static void application_limited(struct tapir *t, struct tcp_conn *c)
{
	uint32_t used = max_u32(c->cwnd_used, initial_window(t, c)), mss = tcp_conn_smss(c);

	if (c->ca_state == TCP_CA_OPEN && !(c->flags & TCP_F_WANT_OUT) && used < c->cc.cwnd) {
		c->cc.ssthresh = tcp_current_ssthresh(c);
		c->cc.cwnd = (c->cc.cwnd + used) / mss / 2 * mss;
	}
	c->cwnd_used = 0;
	c->cwnd_full_ms = now_ms(t);
}

/* What is queued and may not leave: a whole segment does not fit into the peer's window. */
static bool rwnd_limited(const struct tcp_conn *c, uint32_t unsent)
{
	uint32_t edge = c->snd_una + c->snd_wnd;
	uint32_t wnd = seq_gt(edge, c->snd_nxt) ? edge - c->snd_nxt : 0;

	return unsent > 0 && wnd < min_u32(unsent, tcp_conn_smss(c));
}

/* The window's use, remembered over one window of data. */
static void note_use(struct tcp_conn *c, uint32_t out, bool limited)
{
	if (seq_geq(c->snd_una, c->cwnd_usage_seq) || limited ||
	    (!c->cwnd_limited && out > c->max_out)) {
		c->cwnd_limited = limited;
		c->max_out = out;
		c->cwnd_usage_seq = c->snd_nxt;
	}
}

void tcp_cwnd_validate(struct tapir *t, struct tcp_conn *c, bool sent)
{
	uint32_t out = tcp_outstanding(c), unsent;
	bool limited = c->act->deferred || tcp_pipe(c) + (uint64_t)tcp_conn_smss(c) > c->cc.cwnd;

	tcp_user_queued(c, NULL, NULL, &unsent);
	if (!limited && rwnd_limited(c, unsent))
		tcp_chrono_start(t, c, TCP_CHRONO_RWND);
	else if (c->ca_state != TCP_CA_LOSS || c->last_rcv_ns == t->now_ns)
		tcp_chrono_stop(t, c, TCP_CHRONO_RWND); /* but not by a timeout, as Linux */
	/* As Linux: only where something was to be sent. */
	if (!sent && !(limited && unsent))
		return;
	note_use(c, out, limited);
	if (tcp_cwnd_is_limited(c)) {
		c->cwnd_used = 0;
		c->cwnd_full_ms = now_ms(t);
		return;
	}
	c->cwnd_used = max_u32(c->cwnd_used, out);
	if (t->conf.tcp_slow_start_after_idle &&
	    now_ms(t) - c->cwnd_full_ms >= c->rtt.rto_us / 1000)
		application_limited(t, c);
	/* All is sent, the window is not full, and the program waits for room: the buffer is too small. */
	if (unsent == 0 && c->flags & TCP_F_WANT_OUT)
		tcp_chrono_start(t, c, TCP_CHRONO_SNDBUF);
}

void tcp_cwnd_acked(struct tapir *t, struct tcp_conn *c, const struct tcp_cc_ack *ack)
{
	c->cc.ops->ack(&c->cc, ack);
	c->cwnd_full_ms =
		now_ms(t); /* as Linux: the path answers, whatever of the window is in use */
}

void tcp_cwnd_after_idle(struct tapir *t, struct tcp_conn *c)
{
	uint64_t rto_ns = (uint64_t)c->rtt.rto_us * 1000, idle_ns;
	uint32_t mss = tcp_conn_smss(c), restart, segs;

	if (!t->conf.tcp_slow_start_after_idle || !list_empty(&c->act->recs) || !c->last_data_ns ||
	    tcp_snd_end(c) == c->snd_nxt)
		return;
	/* What a call before has seen of this idleness it has answered. */
	idle_ns = min_u64(t->now_ns - c->last_data_ns,
			  (uint64_t)(now_ms(t) - c->cwnd_idle_ms) * 1000000);
	if (idle_ns <= rto_ns || !rto_ns)
		return;
	/* R5681-11, RFC 5681 4.1: the restart window; as Linux not at one blow, but halving each RTO. */
	restart = min_u32(initial_window(t, c), c->cc.cwnd);
	c->cc.ssthresh = tcp_current_ssthresh(c);
	for (segs = c->cc.cwnd / mss; idle_ns > rto_ns && segs > restart / mss; idle_ns -= rto_ns)
		segs /= 2;
	c->cc.cwnd = max_u32(segs * mss, restart);
	c->cwnd_full_ms = c->cwnd_idle_ms = now_ms(t);
	c->cwnd_used = 0;
}
