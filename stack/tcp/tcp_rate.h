/*
 * Delivery rate: how fast the peer got what we sent, measured at each ACK (after the IETF draft on delivery rate
 * estimation). Private to stack/tcp/.
 *
 * Each record carries what had been delivered when it left; when it is acknowledged, cumulatively or by SACK,
 * the difference over the longer of the two intervals, of sending and of acknowledging, is a sample.
 */
#ifndef TAPIR_TCP_TCP_RATE_H
#define TAPIR_TCP_TCP_RATE_H

#include "stack/tcp/tcp_conn.h"

/* What one ACK says, gathered over the records that it acknowledges. {0} to begin with. */
struct tcp_rate_sample {
	uint64_t prior_ns;	  /* when prior_delivered was counted; 0: no sample */
	uint64_t last_sent_ns;	  /* when the latest of the records was sent */
	uint64_t send_ns;	  /* the interval of sending */
	uint32_t last_end;	  /* where it ends: among those of one moment the last counts */
	uint32_t prior_delivered; /* segments delivered when the latest of the records was sent */
	uint32_t delivered;	  /* segments newly delivered by this ACK, SACKed ones included */
	bool app_limited;
	bool retransmitted; /* the latest of the records had been sent again */
};

/* r was sent now, first or again; what was in flight before. */
void tcp_rate_sent(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t flight);
/* The first `len` bytes of r were delivered now, as told for the first time. */
void tcp_rate_delivered(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r, uint32_t len,
			struct tcp_rate_sample *rs);
/* The ACK has been taken off: turn its sample into c's rate. */
void tcp_rate_ack(struct tapir *t, struct tcp_conn *c, const struct tcp_rate_sample *rs);
/* The program is about to write: was it late, so that the path stood idle? Before the bytes are queued. */
void tcp_rate_check_app_limited(struct tcp_conn *c);

#endif
