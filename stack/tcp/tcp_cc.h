/*
 * Congestion control: an ops table over a small state. It sees samples, never the connection.
 * Windows are in bytes.
 */
#ifndef TAPIR_TCP_TCP_CC_H
#define TAPIR_TCP_TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_cc;

/* What an ACK of new data says. */
struct tcp_cc_ack {
	uint64_t now_ns;
	uint32_t acked;	     /* bytes newly acknowledged (RFC 3465) */
	uint32_t flight;     /* bytes in flight before this ACK */
	uint32_t mss;	     /* SMSS */
	uint32_t srtt_us;    /* 0: unknown */
	uint32_t min_rtt_us; /* 0: unknown */
	bool cwnd_limited;   /* the window, not the application or the peer, held us back */
};

struct tcp_cc_ops {
	const char *name; /* TCP_CONGESTION's */
	void (*init)(struct tcp_cc *cc, uint32_t mss);
	void (*ack)(struct tcp_cc *cc, const struct tcp_cc_ack *a); /* outside recovery */
	/* Loss found by duplicate ACKs: sets ssthresh; the caller moves cwnd. `flight` in bytes. */
	void (*loss)(struct tcp_cc *cc, uint32_t flight, uint32_t mss, uint64_t now_ns);
	/* Retransmission timeout; `first`: not a repeat for the same segment (RFC 5681 3.1). Sets both. */
	void (*rto)(struct tcp_cc *cc, uint32_t flight, uint32_t mss, bool first, uint64_t now_ns);
	/* Nothing was sent for an RTO (RFC 5681 4.1): restart window. */
	void (*idle)(struct tcp_cc *cc, uint32_t restart_window);
};

struct tcp_cc {
	const struct tcp_cc_ops *ops;
	uint32_t cwnd, ssthresh;
	uint32_t acked_ca; /* bytes acknowledged since cwnd last grew in congestion avoidance */
};

enum { TCP_CC_NAME_MAX = 16 };
#define TCP_SSTHRESH_INF UINT32_MAX

/* RFC 6928: min(10 MSS, max(2 MSS, 14600)), or fewer segments by the setting. */
uint32_t tcp_cc_initial_window(uint32_t mss, unsigned segments);

extern const struct tcp_cc_ops cc_newreno;
/* By name; NULL: unknown. */
const struct tcp_cc_ops *tcp_cc_find(const char *name);

#endif
