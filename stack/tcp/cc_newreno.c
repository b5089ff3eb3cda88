/*
 * The congestion window of RFC 5681, counted in bytes (RFC 3465), and the table of all algorithms.
 *
 * Slow start: the window grows by what was acknowledged, until ssthresh. Congestion avoidance: by one
 * segment for each window of bytes acknowledged. Counting bytes, and not ACKs, makes a receiver that
 * divides its ACKs gain nothing (TC-29). Neither grows when the window was not what held the sender back: a
 * window never used says nothing about the path (Linux; RFC 7661's aim). NewReno's part, what happens
 * within recovery, is tcp_recovery.c's, the same for all algorithms.
 */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/bits.h"
#include "stack/tcp/tcp_cc.h"

/* No window of a path is larger (RFC 7323 2.3), and sums with it stay within 32 bits. */
#define CWND_MAX (1u << 30)

uint32_t tcp_cc_initial_window(uint32_t mss, unsigned segments)
{
	/* R6928-1, R5681-2, RFC 6928 2: min(10 MSS, max(2 MSS, 14600)). */
	uint64_t w = min_u64(10 * (uint64_t)mss, max_u64(2 * (uint64_t)mss, 14600));

	return (uint32_t)min_u64(w, max_u64(segments, 1) * (uint64_t)mss);
}

static void newreno_init(struct tcp_cc *cc, uint32_t mss)
{
	cc->cwnd = tcp_cc_initial_window(mss, 10);
	/* R5681-5: arbitrarily high at first. */
	cc->ssthresh = TCP_SSTHRESH_INF;
	cc->acked_ca = 0;
}

static void newreno_ack(struct tcp_cc *cc, const struct tcp_cc_ack *a)
{
	uint32_t acked = a->acked;

	if (!a->cwnd_limited)
		return;
	if (cc->cwnd < cc->ssthresh) {
		/*
		 * By what was acknowledged, and no more; what is left over past ssthresh counts below. RFC
		 * 5681 3.1 would stop at a segment an ACK: an ACK of a receiver that merges segments stands
		 * for dozens, and slow start would crawl (R5681-4, a deviation, as Linux).
		 */
		uint32_t grow = min_u32(acked, cc->ssthresh - cc->cwnd);

		cc->cwnd += min_u32(grow, CWND_MAX - min_u32(cc->cwnd, CWND_MAX));
		acked -= grow;
		if (acked == 0)
			return;
	}
	/* R5681-6: one segment a window of bytes, thus at most one a round trip. */
	cc->acked_ca += min_u32(acked, CWND_MAX);
	while (cc->acked_ca >= cc->cwnd && cc->cwnd < CWND_MAX) {
		cc->acked_ca -= cc->cwnd;
		cc->cwnd += a->mss;
	}
	cc->acked_ca = min_u32(cc->acked_ca, CWND_MAX);
}

/* RFC 5681 eqn. 4: half of what was in flight, not of the window, which may never have been used. */
static uint32_t half_flight(uint32_t flight, uint32_t mss)
{
	return max_u32(flight / 2, 2 * mss);
}

static void newreno_cut(struct tcp_cc *cc, const struct tcp_cc_cut *cut)
{
	cc->acked_ca = 0;
	/* R5681-7: a repeat for the same segment finds little in flight and must not lower ssthresh again. */
	if (cut->why == TCP_CC_RTO && !cut->first)
		return;
	cc->ssthresh = half_flight(cut->flight, cut->mss);
}

const struct tcp_cc_ops cc_newreno = {
	.name = "reno",
	.init = newreno_init,
	.ack = newreno_ack,
	.cut = newreno_cut,
};

const struct tcp_cc_ops *tcp_cc_find(const char *name)
{
	static const struct tcp_cc_ops *const all[] = {&cc_newreno};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	}
	return NULL;
}
