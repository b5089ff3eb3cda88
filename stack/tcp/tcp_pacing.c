/*
 * Pacing: a window spread over its round trip instead of sent in bursts.
 *
 * The pace is the window divided by the smoothed round trip, times a ratio that leaves room to grow: 200 percent while
 * slow start is far from its threshold, 120 percent else (Linux's ratios), and at most SO_MAX_PACING_RATE. What was
 * sent is worth a time by this pace; pace_ns is where the sum of them stands. A segment may leave as long as that is not
 * ahead of the clock by more than a quantum, a millisecond's worth or two segments, so that timers stay few:
 *
 *	      now                        pace_ns
 *	-------|----------- quantum --------|------>  not before the clock has reached pace_ns
 *
 * The first ten segments of a connection are not paced, nor is what carries no text. It is off unless
 * net.tapir.tcp_pacing or a largest rate asks for it; TCP_INFO tells the pace all the same.
 */
#include "stack/base/bits.h"
#include "stack/base/seq.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_info.h"

enum { FREE_SEGS = 10 };

#define SEC_NS UINT64_C(1000000000)

uint64_t tcp_pacing_rate(const struct tapir *t, const struct tcp_conn *c)
{
	uint64_t max = c->opt.max_pacing_rate ? c->opt.max_pacing_rate : UINT64_MAX, rate;
	uint64_t ratio = (uint64_t)(c->cc.cwnd < c->cc.ssthresh / 2 ? t->conf.tcp_pacing_ss_ratio
								    : t->conf.tcp_pacing_ca_ratio);

	if (c->rtt.srtt_us == 0)
		return max;
	/* Below 2^32 * 1000 * 10^4. */
	rate = (uint64_t)max_u32(c->cc.cwnd, c->snd_nxt - c->snd_una) * ratio * 10000;
	return min_u64(rate / c->rtt.srtt_us, max);
}

/* Bytes a second, at least a few; UINT64_MAX: this connection is not paced. */
static uint64_t pace(const struct tapir *t, const struct tcp_conn *c)
{
	if (!t->conf.tcp_pacing && !c->opt.max_pacing_rate)
		return UINT64_MAX;
	return max_u64(tcp_pacing_rate(t, c), 1);
}

static uint64_t worth_ns(uint64_t bytes, uint64_t rate)
{
	return mul_div_u64(bytes, SEC_NS, rate);
}

bool tcp_pace_allows(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	uint64_t rate = pace(t, c), quantum;
	uint32_t mss = tcp_conn_smss(c);

	if (rate == UINT64_MAX || a->pace_ns <= t->now_ns || c->data_segs_out < FREE_SEGS)
		return true;
	quantum = max_u64(2 * (uint64_t)mss, rate / 1000);
	if (a->pace_ns + worth_ns(mss, rate) <= t->now_ns + worth_ns(quantum, rate))
		return true;
	a->deadline_ns[TCP_D_PACE] = a->pace_ns;
	return false;
}

void tcp_pace_sent(struct tapir *t, struct tcp_conn *c, uint32_t len)
{
	struct tcp_act *a = c->act;
	uint64_t rate = pace(t, c);

	if (rate == UINT64_MAX || c->data_segs_out < FREE_SEGS) {
		a->pace_ns = 0;
		return;
	}
	/* At most an hour ahead, whatever the rate. */
	a->pace_ns = max_u64(a->pace_ns, t->now_ns) + min_u64(worth_ns(len, rate), 3600 * SEC_NS);
}
