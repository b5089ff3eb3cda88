/*
 * Round-trip times and the retransmission timeout (RFC 6298). Pure functions over a small state.
 */
#ifndef TAPIR_TCP_TCP_RTO_H
#define TAPIR_TCP_TCP_RTO_H

#include <stdint.h>

struct tcp_rtt {
	uint32_t srtt_us;      /* 0: no sample yet */
	uint32_t var4_us;      /* what stands beside SRTT in the RTO: four of RTTVAR */
	uint32_t rto_us;       /* without back-off */
	uint32_t mdev4_us;     /* four times the mean deviation as it is now: TCP_INFO shows it */
	uint32_t mdev4_max_us; /* its greatest since round_end was acknowledged */
	uint32_t round_end;    /* SND.NXT when this round trip began */
};

/* The least round trip of late: three candidates, each the least since the one before it. {0} to begin with. */
struct tcp_min_rtt {
	uint32_t us[3], ms[3];
};

void tcp_rtt_init(struct tcp_rtt *r, uint32_t rto_init_us);
/* A sample with SND.UNA and SND.NXT as they are now (RFC 6298 2.2, 2.3), then the new RTO within the limits (2.4, 2.5). */
void tcp_rtt_sample(struct tcp_rtt *r, uint32_t rtt_us, uint32_t snd_una, uint32_t snd_nxt,
		    uint32_t rto_min_us, uint32_t rto_max_us);
/* rto_us doubled `backoff` times, at most rto_max_us (5.5). */
uint64_t tcp_rto_backed_off_us(const struct tcp_rtt *r, unsigned backoff, uint32_t rto_max_us);
/* A sample at `now_ms`. Returns the least of the last `window_ms`, not 0 (RFC 8985 6.2, step 1). */
uint32_t tcp_min_rtt_sample(struct tcp_min_rtt *m, uint32_t now_ms, uint32_t window_ms,
			    uint32_t us);

#endif
