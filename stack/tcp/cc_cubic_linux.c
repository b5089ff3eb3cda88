/*
 * CUBIC (RFC 9438) in Linux's arithmetic: for net.tapir.tcp_cubic = 1. cc_cubic.c has the theory; this has Linux's figures, so that the window
 * grows by the same ACK as there:
 *
 *	- windows are of whole segments; time is in milliseconds, and in 1024ths of a second within the curve;
 *	- the curve is asked again only when the window has moved or 31 ms have passed, and where it will be one least round trip ahead;
 *	- Reno's share keeps its alpha of 8/15 also beyond where the loss was;
 *	- only time in which nothing was in flight does not count;
 *	- a timeout forgets all, and an undo nothing.
 */
#include <assert.h>

#include "stack/base/assert.h"
#include "stack/base/bits.h"
#include "stack/tcp/tcp_cc.h"

/* R9438-4: beta 0.7, as Linux rounds it: 10 segments become 7. C 0.4. */
enum {
	BETA = 717,
	BETA_UNIT = 1024,
	C_OF_1024 = 410,
	/* 1 / alpha = (1 + beta) / 3 (1 - beta), in eighths */
	RENO_EIGHTHS = 15,
	CURVE_AGAIN_MS = 1000 / 32,
	SEGS_UNKNOWN = 20,
	DIST_MAX = 1 << 20, /* from K: beyond 17 minutes any target is at its clamp */
};

#define FLAT (1u << 31)

struct cubic {
	uint32_t
		epoch_ms; /* when this congestion avoidance began, shifted by what does not count */
	uint32_t k; /* in 1024ths of a second; flat, where K is 0: FLAT and the curve's origin */
	uint32_t last_max;	     /* W_max as the last loss left it; 0: none yet */
	uint32_t w_est;		     /* 0: no epoch */
	uint32_t est_acked;	     /* acknowledged, and not in w_est yet */
	uint32_t cnt;		     /* the window grows by a segment for so many */
	uint32_t last_cwnd, last_ms; /* for which, and when, the curve was asked */
};
static_assert(sizeof(struct cubic) <= sizeof(((struct tcp_cc *)0)->priv), "fits");

static struct cubic *state(struct tcp_cc *cc)
{
	return (struct cubic *)(void *)cc->priv;
}

/* R9438-3: W_cubic, t 1024ths of a second into this epoch. */
static uint32_t w_cubic(const struct cubic *q, uint64_t t)
{
	uint32_t k = q->k & FLAT ? 0 : q->k, w_max = q->k & FLAT ? q->k & ~FLAT : q->last_max;
	uint64_t d = min_u64(t < k ? k - t : t - k, DIST_MAX);
	uint32_t c = (uint32_t)min_u64(mul_div_u64(d * d * d, C_OF_1024, UINT64_C(1) << 40),
				       TCP_CWND_MAX);

	if (t >= k)
		return w_max + c;
	return c < w_max ? w_max - c : 0;
}

static void begin_epoch(struct cubic *q, uint32_t now_ms, uint32_t cwnd)
{
	q->epoch_ms = now_ms;
	q->w_est = cwnd;
	q->est_acked = 0;
	if (q->last_max <= cwnd)
		q->k = FLAT | cwnd; /* 4.8, 4.10 */
	else
		q->k = cube_root_u64((UINT64_C(1) << 40) / C_OF_1024 * (q->last_max - cwnd));
}

/* How many segments must be acknowledged for the window to grow by one, by the curve. */
static void ask_curve(struct cubic *q, uint32_t now_ms, uint32_t cwnd, uint32_t min_rtt_us)
{
	uint64_t ms = now_ms - q->epoch_ms + (uint64_t)(min_rtt_us + UINT64_C(999)) / 1000;
	uint32_t target;

	/* R9438-1: where the curve is a round trip ahead; below, all but still. */
	target = w_cubic(q, ms * 1024 / 1000);
	q->cnt = target > cwnd ? cwnd / (target - cwnd) : 100 * cwnd;
	/* How much the path takes nobody knows yet. */
	if (q->last_max == 0)
		q->cnt = min_u32(q->cnt, SEGS_UNKNOWN);
}

/* R9438-2, RFC 9438 4.3: alpha segments a window, in whole ones; beyond where the loss was too, as Linux. */
static void estimate_reno(struct cubic *q, uint32_t cwnd)
{
	uint32_t per = max_u32((uint32_t)((uint64_t)cwnd * RENO_EIGHTHS >> 3), 1), n;

	if (q->est_acked > per) {
		n = (q->est_acked - 1) / per;
		q->est_acked -= n * per;
		q->w_est += n;
	}
	/* The Reno-friendly region: the window is W_est a round trip from now. */
	if (q->w_est > cwnd)
		q->cnt = min_u32(q->cnt, cwnd / (q->w_est - cwnd));
}

static void update(struct cubic *q, uint32_t now_ms, uint32_t cwnd, uint32_t acked,
		   uint32_t min_rtt_us)
{
	q->est_acked += acked;
	if (q->last_cwnd == cwnd && now_ms - q->last_ms <= CURVE_AGAIN_MS)
		return;
	if (q->w_est == 0 || now_ms != q->last_ms) {
		q->last_cwnd = cwnd;
		q->last_ms = now_ms;
		if (q->w_est == 0) {
			begin_epoch(q, now_ms, cwnd);
			q->est_acked = acked;
		}
		ask_curve(q, now_ms, cwnd, min_rtt_us);
	}
	estimate_reno(q, cwnd);
	/* R9438-1: [cwnd, 1.5 cwnd]. */
	q->cnt = max_u32(q->cnt, 2);
}

static void cubic_ack(struct tcp_cc *cc, const struct tcp_cc_ack *a)
{
	struct cubic *q = state(cc);
	uint32_t now_ms = (uint32_t)(a->now_ns / 1000000), acked = a->acked;

	/* Not right after a recovery, whose queue is still there. */
	if (tcp_cc_in_slow_start(cc) && !(q->w_est && now_ms - q->epoch_ms < 1000) &&
	    tcp_hystart_linux(&cc->hs, a, cc->cwnd / a->mss))
		cc->ssthresh = cc->cwnd;
	/* R9438-7: a window that was not used does not grow. */
	if (!a->cwnd_limited)
		return;
	if (tcp_cc_in_slow_start(cc)) { /* R9438-6 */
		acked = tcp_cc_slow_start(cc, a);
		if (acked == 0)
			return;
	}
	update(q, now_ms, max_u32(cc->cwnd / a->mss, 1), acked / a->mss, a->min_rtt_us);
	tcp_cc_avoid(cc, acked, (uint32_t)min_u64((uint64_t)q->cnt * a->mss, UINT32_MAX), a->mss);
}

static void cubic_cut(struct tcp_cc *cc, enum tcp_cc_why why, uint32_t mss)
{
	struct cubic *q = state(cc);
	/* Of whole segments, as Linux. R9438-7: of the window; it grows only where it is used. */
	uint32_t segs = cc->cwnd / mss;

	cc->acked_ca = 0;
	q->w_est = 0; /* the epoch is over */
	/* R9438-5, RFC 9438 4.7: less than last time: others have come, who get more room. */
	if (segs < q->last_max)
		q->last_max = (uint32_t)((uint64_t)segs * (BETA_UNIT + BETA) / (2 * BETA_UNIT));
	else
		q->last_max = segs;
	/* RFC 9438 4.8: what follows a timeout begins with K 0, at the window it then has. Of the past nothing counts. */
	if (why == TCP_CC_RTO)
		*q = (struct cubic){0};
	/* R9438-4: two segments at least. */
	cc->ssthresh = (uint32_t)max_u64((uint64_t)segs * BETA / BETA_UNIT, 2) * mss;
}

static void cubic_tx_start(struct tcp_cc *cc, uint64_t now_ns, uint64_t idle_ns)
{
	struct cubic *q = state(cc);
	uint32_t now_ms = (uint32_t)(now_ns / 1000000);

	/* R9438-1: time in which nothing was sent does not count, from the last sending on, as Linux. */
	if (q->w_est)
		q->epoch_ms += (uint32_t)min_u64(idle_ns / 1000000, now_ms - q->epoch_ms);
}

const struct tcp_cc_ops cc_cubic_linux = {
	.name = "cubic",
	.ack = cubic_ack,
	.cut = cubic_cut,
	.tx_start = cubic_tx_start,
};
