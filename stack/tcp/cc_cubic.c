/*
 * CUBIC (RFC 9438): the window as a cubic function of the time since the last congestion, and not of the round trip.
 *
 *	W_cubic(t) = C (t - K)^3 + W_max           C = 0.4 segments/s^3, t and K in seconds        (4.2, figure 1)
 *	K = cbrt((W_max - cwnd_epoch) / C)         when it is back at W_max                        (figure 2)
 *
 *	cwnd |                         .'
 *	W_max|. . . . . . . . . ..---''        steep at first, flat about W_max, where the path was full, then
 *	     |          .--''                  steep again, to find out what else there is
 *	     |      .-'
 *	     |    .'
 *	     +---+------------------+------> t
 *	       epoch                K
 *
 * Beside it runs an estimate W_est of what Reno would have, made as aggressive as Reno is with a beta of 0.7 (4.3).
 * Where that is more, it is followed: on short or slow paths CUBIC is Reno. The time in which the program gave too little
 * to send does not count (R9438-1): else the curve would run away meanwhile.
 *
 * All is integer: windows in bytes, times in milliseconds, and C, beta, alpha as fractions. A test compares it with
 * the same in floating point. The window itself moves in whole segments, as in Linux; and as there it grows
 * by a twentieth a round trip at least as long as no loss has said what the path takes, and by a half at most.
 */
#include <assert.h>

#include "stack/base/assert.h"
#include "stack/base/bits.h"
#include "stack/tcp/tcp_cc.h"

/* R9438-4: beta 0.7, as Linux rounds it: 10 segments become 7. C 0.4. */
enum {
	BETA = 717,
	BETA_UNIT = 1024,
	C_NUM = 4,
	C_DEN = 10,
	/* alpha = 3 (1 - beta) / (1 + beta) = 0.9 / 1.7 */
	ALPHA_NUM = 9,
	ALPHA_DEN = 17,
	DIST_MAX_MS = 1 << 20, /* from K: beyond 17 minutes any target is at its clamp */
};

struct cubic {
	uint32_t
		epoch_ms; /* when this congestion avoidance began, shifted by what does not count */
	uint32_t k_ms;
	uint32_t w_max;	   /* origin of the curve in this epoch */
	uint32_t last_max; /* W_max as the last loss left it; 0: none yet */
	uint32_t w_est;	   /* 0: no epoch */
	uint32_t cwnd_prior;
	uint32_t est_acked; /* acknowledged, and not in w_est yet */
	uint32_t seen_ms;   /* the last ACK, or start of sending */
};
static_assert(sizeof(struct cubic) <= sizeof(((struct tcp_cc *)0)->priv), "fits");

static struct cubic *state(struct tcp_cc *cc)
{
	return (struct cubic *)(void *)cc->priv;
}

/* C d^3 for d ms, in bytes of whole segments, as Linux has it: before K that is a segment ahead, after K behind. */
static uint64_t curve(uint32_t d_ms, uint32_t mss)
{
	uint64_t d = min_u32(d_ms, DIST_MAX_MS);

	return mul_div_u64(d * d * d, C_NUM, C_DEN * UINT64_C(1000000000)) * mss;
}

/* R9438-3: W_cubic after t ms of this epoch. */
static uint64_t w_cubic(const struct cubic *q, uint32_t t_ms, uint32_t mss)
{
	uint64_t c;

	if (t_ms >= q->k_ms)
		return q->w_max + curve(t_ms - q->k_ms, mss);
	c = curve(q->k_ms - t_ms, mss);
	return c < q->w_max ? q->w_max - c : 0;
}

static void begin_epoch(struct tcp_cc *cc, struct cubic *q, uint32_t now_ms, uint32_t mss)
{
	uint32_t cwnd = cc->cwnd;

	q->epoch_ms = now_ms;
	q->w_est = cwnd;
	q->est_acked = 0;
	if (q->cwnd_prior == 0)
		q->cwnd_prior = cwnd; /* slow start ended without a loss (4.3) */
	if (q->last_max <= cwnd) {
		q->k_ms = 0;
		q->w_max = cwnd; /* 4.8, 4.10 */
		return;
	}
	q->w_max = q->last_max;
	q->k_ms = cube_root_u64((q->w_max - cwnd) * (C_DEN * UINT64_C(1000000000)) / C_NUM / mss);
}

/* R9438-2, RFC 9438 4.3: alpha segments a window of bytes; once beyond where the loss was, one, as Reno. */
static void estimate_reno(struct cubic *q, uint32_t cwnd, uint32_t acked, uint32_t mss)
{
	bool past = q->w_est >= q->cwnd_prior;
	uint64_t num = past ? 1 : ALPHA_NUM, den = past ? 1 : ALPHA_DEN;

	q->est_acked += min_u32(acked, TCP_CWND_MAX);
	/* In pieces large enough to divide well. */
	if (q->est_acked < cwnd / 16)
		return;
	q->w_est =
		(uint32_t)min_u64(q->w_est + num * q->est_acked * mss / (den * cwnd), TCP_CWND_MAX);
	q->est_acked = 0;
}

/* How many bytes must be acknowledged for the window to grow by a segment. */
static uint32_t bytes_per_segment(const struct tcp_cc *cc, const struct cubic *q, uint32_t t_ms,
				  const struct tcp_cc_ack *a)
{
	uint64_t cwnd = cc->cwnd, target, per;

	if (w_cubic(q, t_ms, a->mss) < q->w_est) {
		/* The Reno-friendly region: the window is W_est, as soon as that is a segment more. */
		target = q->w_est >= cwnd + a->mss ? cwnd + cwnd / 2 : 0;
	} else {
		/* R9438-1: [cwnd, 1.5 cwnd]. */
		target = min_u64(w_cubic(q, t_ms + a->srtt_us / 1000, a->mss), cwnd + cwnd / 2);
	}
	/* As Linux: all but still below W_max, when it was overshot. */
	per = target > cwnd ? cwnd * a->mss / (target - cwnd) : 100 * cwnd;
	/* How much the path takes nobody knows yet. */
	if (q->last_max == 0)
		per = min_u64(per, 20 * (uint64_t)a->mss);
	return (uint32_t)min_u64(max_u64(per, 2 * (uint64_t)a->mss), UINT32_MAX);
}

static void cubic_ack(struct tcp_cc *cc, const struct tcp_cc_ack *a)
{
	struct cubic *q = state(cc);
	uint32_t now_ms = (uint32_t)(a->now_ns / 1000000), acked = a->acked;

	/* Not right after a recovery, whose queue is still there. */
	if (tcp_cc_in_slow_start(cc) && !(q->w_est && now_ms - q->epoch_ms < 1000) &&
	    tcp_hystart_linux(&cc->hs, a, cc->cwnd / a->mss))
		cc->ssthresh = cc->cwnd;
	/* R9438-1, R9438-7: time in which the window was not used does not count, and nothing grows. */
	if (!a->cwnd_limited) {
		if (q->w_est)
			q->epoch_ms += now_ms - q->seen_ms;
		q->seen_ms = now_ms;
		return;
	}
	q->seen_ms = now_ms;
	if (tcp_cc_in_slow_start(cc)) { /* R9438-6 */
		acked = tcp_cc_slow_start(cc, a);
		if (acked == 0)
			return;
	}
	if (q->w_est == 0)
		begin_epoch(cc, q, now_ms, a->mss);
	estimate_reno(q, max_u32(cc->cwnd, 1), acked, a->mss);
	tcp_cc_avoid(cc, acked, bytes_per_segment(cc, q, now_ms - q->epoch_ms, a), a->mss);
}

static void cubic_cut(struct tcp_cc *cc, enum tcp_cc_why why, uint32_t mss)
{
	struct cubic *q = state(cc);
	/* Of whole segments, as Linux. R9438-7: of the window; it grows only where it is used. */
	uint32_t segs = cc->cwnd / mss;

	cc->acked_ca = 0;
	q->w_est = 0; /* the epoch is over */
	q->cwnd_prior = cc->cwnd;
	/* R9438-5, RFC 9438 4.7: less than last time: others have come, who get more room. */
	if (cc->cwnd < q->last_max)
		q->last_max = (uint32_t)((uint64_t)cc->cwnd * (BETA_UNIT + BETA) / (2 * BETA_UNIT));
	else
		q->last_max = cc->cwnd;
	/* RFC 9438 4.8: what follows a timeout begins with K 0, at the window it then has. */
	if (why == TCP_CC_RTO)
		q->last_max = 0;
	/* R9438-4: two segments at least. */
	cc->ssthresh = (uint32_t)max_u64((uint64_t)segs * BETA / BETA_UNIT, 2) * mss;
}

static void cubic_undo(struct tcp_cc *cc)
{
	struct cubic *q = state(cc);

	/* RFC 9438 4.9: the window is what it was, and so is where the curve stands: at its origin, or beyond. */
	q->w_est = 0;
	q->last_max = max_u32(q->last_max, min_u32(q->cwnd_prior, cc->cwnd));
}

static void cubic_tx_start(struct tcp_cc *cc, uint64_t now_ns, uint64_t idle_ns)
{
	struct cubic *q = state(cc);
	uint32_t now_ms = (uint32_t)(now_ns / 1000000);

	/* R9438-1: from what was heard or sent last. */
	if (q->w_est)
		q->epoch_ms += min_u32((uint32_t)min_u64(idle_ns / 1000000, UINT32_MAX),
				       now_ms - q->seen_ms);
	q->seen_ms = now_ms;
}

static void cubic_rescale(struct tcp_cc *cc, uint32_t from, uint32_t to)
{
	struct cubic *q = state(cc);

	q->w_max = tcp_cc_rescaled(q->w_max, from, to);
	q->last_max = tcp_cc_rescaled(q->last_max, from, to);
	q->w_est = tcp_cc_rescaled(q->w_est, from, to);
	q->cwnd_prior = tcp_cc_rescaled(q->cwnd_prior, from, to);
}

const struct tcp_cc_ops cc_cubic = {
	.name = "cubic",
	.ack = cubic_ack,
	.cut = cubic_cut,
	.undo = cubic_undo,
	.rescale = cubic_rescale,
	.tx_start = cubic_tx_start,
};
