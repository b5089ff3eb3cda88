/*
 * What all congestion control algorithms have in common: the table of them, the initial window, slow start, and
 * growing by a segment for so many bytes acknowledged.
 *
 * What was acknowledged is counted, in whole segments, and not ACKs (RFC 3465): a receiver that divides its ACKs gains
 * nothing (TC-29), and one that merges them loses nothing. What an ACK brings beyond ssthresh counts in congestion avoidance.
 */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/bits.h"
#include "stack/tcp/tcp_cc.h"

enum { HYSTART_LOW_WINDOW = 16 }; /* segments: a queue of fewer is no sign of anything */

/* In the order of net.ipv4.tcp_congestion_control's names: stack/core/conf.c. */
static const struct tcp_cc_ops *const all[] = {&cc_cubic, &cc_newreno};

/* Of the two that are called cubic the one that net.tapir.tcp_cubic names. */
static const struct tcp_cc_ops *version(const struct tcp_cc_ops *ops, bool as_linux)
{
	return ops == &cc_cubic && as_linux ? &cc_cubic_linux : ops;
}

const struct tcp_cc_ops *tcp_cc_find(const char *name, bool as_linux)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(all[i]->name, name) == 0)
			return version(all[i], as_linux);
	}
	return NULL;
}

const struct tcp_cc_ops *tcp_cc_nth(int64_t value, bool as_linux)
{
	return version(value >= 0 && (uint64_t)value < ARRAY_SIZE(all) ? all[value] : all[0],
		       as_linux);
}

uint32_t tcp_cc_initial_window(uint32_t mss, unsigned segments)
{
	/* R6928-1, R5681-2, RFC 6928 2: min(10 MSS, max(2 MSS, 14600)). */
	uint64_t w = min_u64(10 * (uint64_t)mss, max_u64(2 * (uint64_t)mss, 14600));

	return (uint32_t)min_u64(w, max_u64(segments, 1) * (uint64_t)mss);
}

void tcp_cc_start(struct tcp_cc *cc, uint32_t mss, uint32_t cwnd, unsigned hystart)
{
	*cc = (struct tcp_cc){.ops = cc->ops, .cwnd = cwnd};
	/* R5681-5: arbitrarily high at first. */
	cc->ssthresh = TCP_SSTHRESH_INF;
	/* R9438-6: on for CUBIC; for every algorithm by the setting. */
	bool cubic = cc->ops == &cc_cubic || cc->ops == &cc_cubic_linux;
	if (hystart == TCP_HYSTART_ALWAYS || (hystart == TCP_HYSTART_CUBIC && cubic))
		tcp_hystart_start(&cc->hs, TCP_HYSTART_SLOW);
	else if (hystart == TCP_HYSTART_AS_LINUX && cubic)
		tcp_hystart_start(&cc->hs, TCP_HYSTART_LINUX);
	if (cc->ops->init)
		cc->ops->init(cc, mss);
}

void tcp_cc_switch(struct tcp_cc *cc, const struct tcp_cc_ops *ops, uint32_t mss)
{
	if (cc->ops == ops)
		return;
	cc->ops = ops;
	cc->acked_ca = 0;
	memset(cc->priv, 0, sizeof(cc->priv));
	if (ops->init)
		ops->init(cc, mss);
}

uint32_t tcp_cc_rescaled(uint32_t window, uint32_t from, uint32_t to)
{
	/* No more than a path's: a segment of 48 octets that becomes one of 64 KB. */
	return (uint32_t)min_u64(((uint64_t)window / from * to), TCP_CWND_MAX);
}

void tcp_cc_rescale(struct tcp_cc *cc, uint32_t from, uint32_t to)
{
	cc->cwnd = max_u32(tcp_cc_rescaled(cc->cwnd, from, to), to);
	cc->prior_cwnd = tcp_cc_rescaled(cc->prior_cwnd, from, to);
	if (cc->ssthresh != TCP_SSTHRESH_INF)
		cc->ssthresh = tcp_cc_rescaled(cc->ssthresh, from, to);
	if (cc->prior_ssthresh != TCP_SSTHRESH_INF)
		cc->prior_ssthresh = tcp_cc_rescaled(cc->prior_ssthresh, from, to);
	cc->acked_ca = 0;
	if (cc->ops->rescale)
		cc->ops->rescale(cc, from, to);
}

static void grow(struct tcp_cc *cc, uint32_t n)
{
	cc->cwnd += min_u32(n, TCP_CWND_MAX - min_u32(cc->cwnd, TCP_CWND_MAX));
}

uint32_t tcp_cc_slow_start(struct tcp_cc *cc, const struct tcp_cc_ack *a)
{
	bool done = false;
	uint32_t n = a->acked;
	uint32_t room;

	/* RFC 9406 4.3: only in the first slow start, whose end nobody knows yet; and, as Linux, not in a small window. */
	if (cc->hs.state != TCP_HYSTART_LINUX && cc->ssthresh == TCP_SSTHRESH_INF &&
	    cc->cwnd >= HYSTART_LOW_WINDOW * a->mss)
		n = tcp_hystart_ack(&cc->hs, a, &done);
	room = cc->ssthresh - cc->cwnd;
	/*
	 * By what was acknowledged, and no more; what is left over past ssthresh counts elsewhere. RFC 5681 3.1 would
	 * stop at a segment an ACK, and RFC 9406 4.3 at eight: an ACK of a receiver that merges segments stands for
	 * dozens, and slow start would crawl (R5681-4, a deviation, as Linux).
	 */
	grow(cc, min_u32(n, room));
	if (done) {
		cc->ssthresh = cc->cwnd;
		return 0;
	}
	return n > room ? n - room : 0;
}

void tcp_cc_avoid(struct tcp_cc *cc, uint32_t acked, uint32_t per, uint32_t mss)
{
	uint32_t n;

	per = max_u32(per, 1);
	/* What was collected for a slower growth is not paid out at once when growth becomes faster. */
	if (cc->acked_ca >= per) {
		cc->acked_ca = 0;
		grow(cc, mss);
	}
	cc->acked_ca += min_u32(acked, TCP_CWND_MAX);
	n = cc->acked_ca / per;
	if (n == 0)
		return;
	cc->acked_ca -= n * per;
	grow(cc, (uint32_t)min_u64((uint64_t)n * mss, TCP_CWND_MAX));
}
