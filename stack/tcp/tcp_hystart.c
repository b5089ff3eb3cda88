/*
 * HyStart++ (RFC 9406): to leave the first slow start before it loses half a window.
 *
 * A queue that builds up shows as a round trip that grows. Time is divided in rounds, each a window of data. When the
 * least RTT of this round, over eight samples at least, is above the last round's by an eighth (4 ms at least, 16
 * at most), slow start becomes conservative (CSS): the window grows by a quarter of what is acknowledged. If the
 * RTT falls again, it was jitter, and slow start goes on. After five such rounds it was none: ssthresh is where the
 * window stands, and congestion avoidance begins.
 *
 *	            RTT grew by RttThresh
 *	  SLOW -----------------------------> CSS -----------> congestion avoidance
 *	     ^                                 |   5 rounds
 *	     +---------------------------------+
 *	            below what it was when CSS began
 *
 * RFC 9406's limit L on the growth by one ACK is infinite here: see tcp_cc_slow_start().
 *
 * Linux's CUBIC has the older HyStart (Ha and Rhee, 2011), which ends slow start at once, in any slow start: when the least
 * of more than eight RTTs of a round is above the least of all by as much; or when ACKs have followed each other closely
 * from the round's beginning for half of the least RTT: then the window fills the path. It is there to be compared
 * with (net.tapir.tcp_hystart = 3).
 */
#include "stack/base/assert.h"
#include "stack/base/seq.h"
#include "stack/tcp/tcp_cc.h"

/* RFC 9406 4.3, its values. */
enum {
	MIN_RTT_THRESH_US = 4000,
	MAX_RTT_THRESH_US = 16000,
	MIN_RTT_DIVISOR = 8,
	N_RTT_SAMPLE = 8,
	CSS_GROWTH_DIVISOR = 4,
	CSS_ROUNDS = 5,
};

/* Linux's. */
enum { LOW_WINDOW = 16, TRAIN_GAP_US = 2000, TRAIN_SLACK_US = 1000 };

#define NONE UINT32_MAX

void tcp_hystart_start(struct tcp_hystart *h, enum tcp_hystart_state state)
{
	*h = (struct tcp_hystart){.last_us = NONE,
				  .now_us = NONE,
				  .css_us = NONE,
				  .state = (uint8_t)state};
}

static void next_round(struct tcp_hystart *h, const struct tcp_cc_ack *a)
{
	h->begun = true;
	h->round_end = a->snd_nxt;
	h->last_us = h->now_us;
	h->now_us = NONE;
	h->samples = 0;
}

static bool delay_grew(const struct tcp_hystart *h)
{
	uint32_t thresh;

	if (h->samples < N_RTT_SAMPLE || h->now_us == NONE || h->last_us == NONE)
		return false;
	thresh = clamp_u32(h->last_us / MIN_RTT_DIVISOR, MIN_RTT_THRESH_US, MAX_RTT_THRESH_US);
	return h->now_us >= h->last_us + (uint64_t)thresh;
}

/* SLOW or CSS by what this round has shown so far. */
static void decide(struct tcp_hystart *h)
{
	if (h->state == TCP_HYSTART_SLOW) {
		if (!delay_grew(h))
			return;
		h->css_us = h->now_us;
		h->css_rounds = 0;
		h->state = TCP_HYSTART_CSS;
	} else if (h->samples >= N_RTT_SAMPLE && h->now_us < h->css_us) {
		h->css_us = NONE;
		h->state = TCP_HYSTART_SLOW;
	}
}

uint32_t tcp_hystart_ack(struct tcp_hystart *h, const struct tcp_cc_ack *a, bool *done)
{
	*done = false;
	if (h->state == TCP_HYSTART_OFF)
		return a->acked;
	/* The octet at SND.NXT, as it was when the round began, is acknowledged: another round. */
	if (!h->begun) {
		next_round(h, a);
	} else if (seq_gt(a->snd_una, h->round_end)) {
		/* The round in whose middle CSS began counts too. */
		if (h->state == TCP_HYSTART_CSS && ++h->css_rounds >= CSS_ROUNDS) {
			h->state = TCP_HYSTART_OFF;
			*done = true;
			return a->acked / CSS_GROWTH_DIVISOR;
		}
		next_round(h, a);
	}
	if (a->rtt_us) {
		h->now_us = min_u32(h->now_us, a->rtt_us);
		if (h->samples < UINT8_MAX)
			h->samples++;
	}
	decide(h);
	return h->state == TCP_HYSTART_CSS ? a->acked / CSS_GROWTH_DIVISOR : a->acked;
}

bool tcp_hystart_linux(struct tcp_hystart *h, const struct tcp_cc_ack *a, uint32_t cwnd_segs)
{
	uint32_t now_us = (uint32_t)(a->now_ns / 1000), limit;

	if (h->state != TCP_HYSTART_LINUX || !a->rtt_us)
		return false;
	h->last_us = min_u32(h->last_us, a->rtt_us);
	if (!h->begun || seq_gt(a->snd_una, h->round_end)) {
		h->begun = true;
		h->round_end = a->snd_nxt;
		h->round_start_us = h->train_us = now_us;
		h->now_us = NONE;
		h->samples = 0;
	}
	if (cwnd_segs < LOW_WINDOW)
		return false;
	if (now_us - h->train_us <= TRAIN_GAP_US) {
		h->train_us = now_us;
		if (now_us - h->round_start_us > (h->last_us + TRAIN_SLACK_US) / 2)
			return true;
	}
	h->now_us = min_u32(h->now_us, a->rtt_us);
	if (h->samples < N_RTT_SAMPLE) {
		h->samples++;
		return false;
	}
	limit = clamp_u32(h->last_us / MIN_RTT_DIVISOR, MIN_RTT_THRESH_US, MAX_RTT_THRESH_US);
	return h->now_us > (uint64_t)h->last_us + limit;
}
