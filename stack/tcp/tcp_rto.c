/*
 * The retransmission timeout (RFC 6298): a smoothed round-trip time and its mean deviation.
 *
 *	first sample R:   SRTT = R, RTTVAR = R/2                                     (2.2)
 *	then:             MDEV = 3/4 MDEV + 1/4 |SRTT - R|, SRTT = 7/8 SRTT + 1/8 R   (2.3)
 *	always:           RTO = SRTT + 4 RTTVAR
 *
 * RTTVAR is not MDEV itself, of which many samples a round trip would soon leave nothing (RFC 6298 4, on taking several):
 * as in Linux it is the greatest that MDEV was in a round trip, or a quarter of the minimum where that is more. A greater one
 * counts at once; where a whole round trip had none as great, RTTVAR comes a quarter of the way down at its end.
 *
 *	MDEV     _/\___/\_______________
 *	RTTVAR   _|-------.___.----.____      .: a round trip ends
 *
 * So the minimum stands beside SRTT and not below the sum, as Linux has it: with a minimum of 200 ms the
 * timer then never fires within a jitter of 200 ms, however long the path; with 1 s it is never below
 * the 1 s of RFC 6298 2.4. All is integer microseconds, 64 bits wide within and saturating: a sample of
 * an hour, or of a peer that echoes nonsense, ends at the maximum (TC-49, R6298-4).
 *
 * Beside it the least round trip of the last minutes, which RACK measures reordering by. It forgets, so that a path that
 * became longer is not judged by what it was (RFC 8985 6.2, step 1). Three candidates are kept, as the window moves on:
 *
 *	us[0] least of all | us[1] least since then | us[2] least since that
 *
 * When the first is too old the second takes its place. Lest all be of one moment, the others are taken anew after a
 * quarter and a half of the window (K. Nichols' filter, which Linux uses too).
 */
#include "stack/base/assert.h"
#include "stack/base/bits.h"
#include "stack/base/seq.h"
#include "stack/tcp/tcp_rto.h"

/* Keeps every sum below within 32 bits. */
#define RTT_MAX_US (UINT32_MAX / 8)

/* RFC 6298 2.3: K * RTTVAR counts at least one clock tick. */
#define GRANULARITY_US 1000u

void tcp_rtt_init(struct tcp_rtt *r, uint32_t rto_init_us)
{
	/* R6298-1: until there is a sample, the initial RTO. */
	*r = (struct tcp_rtt){.rto_us = rto_init_us};
}

/* A round trip shorter than any before is no sign of a jittery path: of it little is taken. */
static uint32_t mdev4(uint32_t mdev4_us, uint32_t srtt_us, uint32_t m)
{
	int64_t err = (int64_t)m - srtt_us;

	if (err < 0) {
		err = -err - mdev4_us / 4;
		if (err > 0)
			err /= 8;
	} else {
		err -= mdev4_us / 4;
	}
	return (uint32_t)(mdev4_us + err);
}

/* RTTVAR by the deviation as it is now. */
static void follow_deviation(struct tcp_rtt *r, uint32_t snd_una, uint32_t snd_nxt,
			     uint32_t rto_min_us)
{
	r->mdev4_max_us = max_u32(r->mdev4_max_us, r->mdev4_us);
	r->var4_us = max_u32(r->var4_us, r->mdev4_max_us);
	if (!seq_gt(snd_una, r->round_end))
		return;
	r->var4_us -= (r->var4_us - r->mdev4_max_us) / 4;
	r->round_end = snd_nxt;
	r->mdev4_max_us = rto_min_us;
}

void tcp_rtt_sample(struct tcp_rtt *r, uint32_t rtt_us, uint32_t snd_una, uint32_t snd_nxt,
		    uint32_t rto_min_us, uint32_t rto_max_us)
{
	uint32_t m = clamp_u32(rtt_us, 1, RTT_MAX_US);
	uint64_t rto;

	rto_min_us = clamp_u32(rto_min_us, GRANULARITY_US, RTT_MAX_US);
	if (r->srtt_us == 0) {
		r->srtt_us = m;
		r->mdev4_us = m * 2;
		r->mdev4_max_us = r->var4_us = max_u32(r->mdev4_us, rto_min_us);
		r->round_end = snd_nxt;
	} else {
		/* R6298-2, RFC 6298 2.3: the deviation first, from the old SRTT. */
		r->mdev4_us = mdev4(r->mdev4_us, r->srtt_us, m);
		follow_deviation(r, snd_una, snd_nxt, rto_min_us);
		r->srtt_us = max_u32((uint32_t)((7 * (uint64_t)r->srtt_us + m) / 8), 1);
	}
	rto = (uint64_t)r->srtt_us + max_u32(r->var4_us, rto_min_us);
	r->rto_us = (uint32_t)min_u64(rto, rto_max_us);
}

uint64_t tcp_rto_backed_off_us(const struct tcp_rtt *r, unsigned backoff, uint32_t rto_max_us)
{
	/* R6298-8, RFC 6298 5.5: doubled each time; 32 doublings of a microsecond pass any maximum. */
	uint64_t rto = backoff < 32 ? (uint64_t)r->rto_us << backoff : UINT64_MAX;

	return min_u64(rto, rto_max_us);
}

static void candidate(struct tcp_min_rtt *m, unsigned from, uint32_t now_ms, uint32_t us)
{
	for (unsigned i = from; i < ARRAY_SIZE(m->us); i++) {
		m->us[i] = us;
		m->ms[i] = now_ms;
	}
}

uint32_t tcp_min_rtt_sample(struct tcp_min_rtt *m, uint32_t now_ms, uint32_t window_ms, uint32_t us)
{
	us = max_u32(us, 1);
	if (m->us[0] == 0 || us <= m->us[0] || now_ms - m->ms[2] > window_ms) {
		candidate(m, 0, now_ms, us);
		return us;
	}
	if (us <= m->us[1])
		candidate(m, 1, now_ms, us);
	else if (us <= m->us[2])
		candidate(m, 2, now_ms, us);
	if (now_ms - m->ms[0] > window_ms) {
		/* Twice at most: the last one is not too old. */
		while (now_ms - m->ms[0] > window_ms) {
			m->us[0] = m->us[1];
			m->ms[0] = m->ms[1];
			m->us[1] = m->us[2];
			m->ms[1] = m->ms[2];
			candidate(m, 2, now_ms, us);
		}
	} else if (m->ms[1] == m->ms[0] && now_ms - m->ms[0] > window_ms / 4) {
		candidate(m, 1, now_ms, us);
	} else if (m->ms[2] == m->ms[1] && now_ms - m->ms[0] > window_ms / 2) {
		candidate(m, 2, now_ms, us);
	}
	return m->us[0];
}
