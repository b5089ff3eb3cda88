/*
 * Chunks: how much leaves at a time over an interface whose driver joins segments (netif_conf.gso_bytes).
 *
 * The stack sends segments. But where a driver joins what leaves together, how much that is shows to who looks there, and
 * it is to be as Linux hands it to a device that cuts by itself: no more than half of the congestion window, what goes out in
 * a millisecond at the pace though two segments at least, more on a short path; and less than that waits for the
 * ACK that is about to let more go. All but the last segment of a chunk say that another follows.
 */
#include "stack/tcp/tcp_info.h"
#include "stack/tcp/tcp_recovery.h"

enum { PACING_SHIFT = 10, DEFER_NS = 1000000 };

/* Segments of the largest chunk (Linux: tcp_tso_autosize()). */
static uint32_t autosize(const struct tapir *t, const struct tcp_conn *c, uint32_t most,
			 uint32_t mss)
{
	uint64_t bytes = tcp_pacing_rate(t, c) >> PACING_SHIFT;
	uint32_t shift = t->conf.tcp_tso_rtt_log && c->min_rtt_us
				 ? c->min_rtt_us >> t->conf.tcp_tso_rtt_log
				 : 32; /* 0: unknown */

	if (shift < 32)
		bytes = min_u64(bytes, most) + (most >> shift);
	bytes = min_u64(bytes, most);
	return max_u32((uint32_t)bytes / mss, (uint32_t)t->conf.tcp_min_tso_segs);
}

/*
 * Whether less than a good chunk waits for the next ACK, which is due: `may` bytes could leave of the `len` at hand, and
 * the window takes `wnd` (Linux: tcp_tso_should_defer()).
 */
static bool defers(const struct tapir *t, struct tcp_conn *c, uint32_t len, bool last, uint32_t wnd,
		   uint32_t left, uint32_t full)
{
	const struct tcp_rec *head = LIST_FIRST(&c->act->recs, struct tcp_rec, seq_link);
	uint64_t srtt_ns = (uint64_t)c->rtt.srtt_us * 1000;
	uint32_t limit = min_u32(wnd, left), divisor = (uint32_t)t->conf.tcp_tso_win_divisor;

	if (c->ca_state >= TCP_CA_RECOVERY || list_empty(&c->act->recs) ||
	    t->now_ns - c->last_data_ns > DEFER_NS || limit >= full || (!last && limit >= len))
		return false;
	if (divisor && limit >= min_u32(c->snd_wnd, c->cc.cwnd) / divisor)
		return false;
	if (head->sent_ns + srtt_ns > t->now_ns + min_u64(srtt_ns / 2, DEFER_NS))
		return false;
	if (left < wnd && left <= len) {
		c->act->deferred = true;
		return true;
	}
	if (left >= wnd && wnd <= len)
		return true;
	return !(last && c->flags & TCP_F_FIN_QUEUED) && !tcp_push_eor_at(c, len);
}

uint32_t tcp_tso_chunk(const struct tapir *t, struct tcp_conn *c, uint32_t most, uint32_t mss,
		       uint32_t wnd, bool nagle)
{
	uint32_t smss = tcp_conn_smss(c), avail = tcp_snd_end(c) - c->snd_nxt;
	uint32_t cwnd = c->cc.cwnd / smss, pipe = tcp_pipe_segs(c->act);
	uint32_t left = cwnd > pipe ? cwnd - pipe : 1, segs = autosize(t, c, most, mss), len, part;
	/* As Linux: what is written leaves packet by packet, none larger than half of the largest window; an ACK lets them join. */
	uint32_t goal = c->last_rcv_ns == t->now_ns ? UINT32_MAX / mss
						    : max_u32(tcp_half_window(c, most) / mss, 1);
	uint32_t quota = min_u32(min_u32(max_u32(cwnd / 2, 1), left), min_u32(segs, goal));
	bool last;

	len = tcp_push_until_eor(c, avail);
	len = min_u32(len, max_u32(quota * mss, min_u32(tcp_push_piece(c, avail), goal * mss)));
	last = len == avail;
	/* As Linux: what is written behind a packet fills it up to what may leave, and its PSH is at the new end. */
	tcp_push_moves(c, len);
	if (len <= mss)
		return len;
	if (defers(t, c, len, last, wnd, left * smss, segs * smss))
		return 0;
	if (c->flags & TCP_F_URG_SENT && seq_gt(c->snd_up, c->snd_una))
		return mss;
	if (quota * mss <= min_u32(len, wnd))
		return quota * mss;
	if (!last && quota * mss <= wnd)
		return len;
	len = min_u32(len, wnd);
	part = len % mss;
	return nagle ? len - part : len;
}
