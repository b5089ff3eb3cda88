/*
 * Events: typed decisions of the stack, each with the source that it rests on. They are emitted
 * through tapir_env.event; text is made outside the core.
 */
#ifndef TAPIR_EVENT_H
#define TAPIR_EVENT_H

#include "stack/stats.h"
#include "stack/tapir.h"

enum tapir_event_type {
#define EVENT(type, text) TAPIR_EV_##type,
#include "stack/event.def"
#undef EVENT
	TAPIR_EV_COUNT
};

struct tapir_event {
	enum tapir_event_type type;
	int ifindex; /* 0 when it concerns none */
	uint64_t time_ns;
	const char *source;		   /* "RFC 9293 3.10.7.4": static, never NULL */
	struct tapir_sockaddr local, peer; /* the connection or datagram, as far as known */
	union {
		struct {
			enum drop_reason reason;
			uint32_t len;
		} drop; /* PKT_DROP */
		struct {
			uint8_t from, to; /* enum tapir_tcp_state, or enum tapir_neigh_state */
		} state;		  /* TCP_STATE, NEIGH_STATE */
		struct {
			uint32_t seq, ack, len, wnd;
			uint16_t flags; /* TCP's flag bits, RFC 9293 3.1 */
		} seg;			/* TCP_SEG_*, TCP_RETRANSMIT, ... */
		struct {
			uint8_t type, code;
			uint32_t mtu;
		} icmp; /* ICMP_*, PMTU */
		struct {
			uint64_t a, b; /* numbers by type: see the place that emits it */
		} num;
	} u;
};

/* "segment is sent again". Never NULL for a valid type. */
TAPIR_API const char *tapir_event_text(enum tapir_event_type type);
/* "TCP_RETRANSMIT". */
TAPIR_API const char *tapir_event_name(enum tapir_event_type type);

#endif
