/*
 * Congestion control: an ops table over a small state. It sees samples, never the connection.
 * Windows are in bytes, but of segments: as in Linux each in flight counts as a full one, whatever its size (tcp_pipe()), and
 * what an ACK brings is so many times SMSS.
 */
#ifndef TAPIR_TCP_TCP_CC_H
#define TAPIR_TCP_TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_cc;

/* What an ACK says. */
struct tcp_cc_ack {
	uint64_t now_ns;
	uint32_t acked;		   /* segments newly known to have arrived (RFC 3465), times SMSS */
	uint32_t mss;		   /* SMSS */
	uint32_t rtt_us;	   /* sampled by this ACK; 0: none */
	uint32_t srtt_us;	   /* 0: unknown */
	uint32_t min_rtt_us;	   /* 0: unknown */
	uint32_t snd_una, snd_nxt; /* after this ACK: rounds are counted by them (RFC 9406 4.2) */
	bool cwnd_limited;	   /* the window, not the application or the peer, held us back */
};

/* Why the window is cut. */
enum tcp_cc_why {
	TCP_CC_LOSS, /* found by SACK, RACK or duplicate ACKs */
	TCP_CC_ECN,  /* the path marked, nothing was lost (RFC 3168 6.1.2) */
	TCP_CC_RTO,
};

struct tcp_cc_ops {
	const char *name; /* TCP_CONGESTION's */
	/* Its own state, zero before. The windows are there already. May be NULL. */
	void (*init)(struct tcp_cc *cc, uint32_t mss);
	void (*ack)(struct tcp_cc *cc, const struct tcp_cc_ack *a); /* outside recovery */
	/*
	 * Congestion: sets ssthresh, and remembers what it will. How cwnd gets there, and that it is told once of what
	 * was in flight together, is the caller's.
	 */
	void (*cut)(struct tcp_cc *cc, enum tcp_cc_why why, uint32_t mss);
	/* The last cut was a mistake; the caller has put cwnd and ssthresh back. May be NULL. */
	void (*undo)(struct tcp_cc *cc);
	/* Segments are of `to` bytes from now on, and windows as many segments as they were: its own. May be NULL. */
	void (*rescale)(struct tcp_cc *cc, uint32_t from, uint32_t to);
	/* Sending begins with nothing in flight, idle_ns after the last sending (RFC 9438 4.2). May be NULL. */
	void (*tx_start)(struct tcp_cc *cc, uint64_t now_ns, uint64_t idle_ns);
};

/* Leaving the first slow start before it loses half a window: see tcp_hystart.c. */
enum tcp_hystart_state {
	TCP_HYSTART_OFF,
	TCP_HYSTART_SLOW, /* HyStart++ (RFC 9406): slow start, looking out for a delay that grows */
	TCP_HYSTART_CSS,  /* conservative slow start: was it jitter? */
	TCP_HYSTART_LINUX, /* Linux's HyStart looks out */
};

struct tcp_hystart {
	uint32_t round_end; /* acknowledged: the round is over */
	uint32_t now_us;    /* least RTT of this round; UINT32_MAX: none */
	uint32_t last_us;   /* of the last round; Linux's: of all */
	uint32_t css_us;    /* when CSS began */
	uint32_t round_start_us,
		train_us; /* Linux's: when the round began; its last ACK in an unbroken train */
	uint8_t state;	  /* enum tcp_hystart_state */
	uint8_t samples, css_rounds;
	bool begun;
};

struct tcp_cc {
	const struct tcp_cc_ops *ops;
	uint32_t cwnd, ssthresh;
	uint32_t acked_ca; /* bytes acknowledged since cwnd last grew in congestion avoidance */
	/* As they were before the last cut, for its undoing; prior_cwnd 0: there is nothing to undo. */
	uint32_t prior_cwnd, prior_ssthresh;
	struct tcp_hystart hs;
	uint64_t priv[4]; /* the algorithm's own */
};

enum { TCP_CC_NAME_MAX = 16 };
#define TCP_SSTHRESH_INF UINT32_MAX
/* No window of a path is larger (RFC 7323 2.3), and sums with it stay within 32 bits. */
#define TCP_CWND_MAX (1u << 30)

/* ---- tcp_cc.c ---- */
/* RFC 6928: min(10 MSS, max(2 MSS, 14600)), or fewer segments by the setting. */
uint32_t tcp_cc_initial_window(uint32_t mss, unsigned segments);
/* A connection begins, with a window of cwnd bytes; `hystart`: net.tapir.tcp_hystart. */
void tcp_cc_start(struct tcp_cc *cc, uint32_t mss, uint32_t cwnd, unsigned hystart);
/* Another algorithm takes over, windows and threshold as they are. */
void tcp_cc_switch(struct tcp_cc *cc, const struct tcp_cc_ops *ops, uint32_t mss);
/*
 * Segments are of `to` bytes from now on, and were of `from`: windows stay as many segments as they were, as Linux's, which
 * counts segments. Also one of another's in the same units, without its becoming none.
 */
void tcp_cc_rescale(struct tcp_cc *cc, uint32_t from, uint32_t to);
uint32_t tcp_cc_rescaled(uint32_t window, uint32_t from, uint32_t to);
/*
 * By name; NULL: unknown. By net.ipv4.tcp_congestion_control's value: never NULL. `as_linux`: of CUBIC, net.tapir.tcp_cubic.
 */
const struct tcp_cc_ops *tcp_cc_find(const char *name, bool as_linux);
const struct tcp_cc_ops *tcp_cc_nth(int64_t value, bool as_linux);

static inline bool tcp_cc_in_slow_start(const struct tcp_cc *cc)
{
	return cc->cwnd < cc->ssthresh;
}

/* Slow start: grows by what was acknowledged up to ssthresh; returns what is left of it. */
uint32_t tcp_cc_slow_start(struct tcp_cc *cc, const struct tcp_cc_ack *a);
/* Congestion avoidance: a segment for each `per` bytes acknowledged; what is left over is kept. */
void tcp_cc_avoid(struct tcp_cc *cc, uint32_t acked, uint32_t per, uint32_t mss);

/* ---- tcp_hystart.c: pure ---- */
/* net.tapir.tcp_hystart. */
enum { TCP_HYSTART_NEVER, TCP_HYSTART_CUBIC, TCP_HYSTART_ALWAYS, TCP_HYSTART_AS_LINUX };
void tcp_hystart_start(struct tcp_hystart *h, enum tcp_hystart_state state);
/* In slow start, before it grows: how much of a->acked the window may take. *done: slow start is over. */
uint32_t tcp_hystart_ack(struct tcp_hystart *h, const struct tcp_cc_ack *a, bool *done);
/* Linux's: any ACK with a sample, in slow start with a window of so many segments. True: slow start is over. */
bool tcp_hystart_linux(struct tcp_hystart *h, const struct tcp_cc_ack *a, uint32_t cwnd_segs);

extern const struct tcp_cc_ops cc_newreno, cc_cubic, cc_cubic_linux;

#endif
