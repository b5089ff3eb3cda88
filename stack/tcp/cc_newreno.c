/*
 * The congestion window of RFC 5681.
 *
 * Slow start: the window grows by what was acknowledged, until ssthresh. Congestion avoidance: by one
 * segment for each window of bytes acknowledged. Neither grows when the window was not what held the sender
 * back: a window never used says nothing about the path (tcp_cwnd.c). NewReno's part, what happens within recovery, is the
 * same for all algorithms and not here.
 */
#include "stack/base/assert.h"
#include "stack/base/bits.h"
#include "stack/tcp/tcp_cc.h"

static void newreno_ack(struct tcp_cc *cc, const struct tcp_cc_ack *a)
{
	uint32_t acked = a->acked;

	if (!a->cwnd_limited)
		return;
	if (tcp_cc_in_slow_start(cc)) {
		acked = tcp_cc_slow_start(cc, a);
		if (acked == 0)
			return;
	}
	/* R5681-6: one segment a window of bytes, thus at most one a round trip. */
	tcp_cc_avoid(cc, acked, cc->cwnd, a->mss);
}

/*
 * R5681-7, a deviation: half of the window, in whole segments, as Linux; RFC 5681 eqn. 4 says half of what is in flight,
 * for a window that was never used might be cut to more than the path takes. That one can't be much larger than what
 * was in use: it does not grow then, and falls back within RTOs (tcp_cwnd.c).
 */
static void newreno_cut(struct tcp_cc *cc, enum tcp_cc_why why, uint32_t mss)
{
	(void)why;
	cc->acked_ca = 0;
	cc->ssthresh = max_u32(cc->cwnd / mss / 2, 2) * mss;
}

const struct tcp_cc_ops cc_newreno = {
	.name = "reno",
	.ack = newreno_ack,
	.cut = newreno_cut,
};
