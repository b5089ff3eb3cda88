/*
 * The one door for a state.
 *
 * RFC 9293 3.3.2's drawing as a table: from each state, the states that may follow. Besides the drawing
 * any state may fall to CLOSED (ABORT, RST, time-out). State 0 is memory just cleared: an endpoint that
 * takes over from another (a TIME-WAIT record from its connection, a listener from its socket) begins in
 * the state that the other had, silently, since the other has told it.
 *
 *	              CLOSED --listen--> LISTEN
 *	   connect |     | passive          | SYN arrives (a record)
 *	           v     v                  v
 *	        SYN-SENT ----SYN----> SYN-RECEIVED ----RST, time-out----> LISTEN (passive), CLOSED
 *	           |                        |
 *	           +-------> ESTABLISHED <--+
 *	               close |       | FIN arrives
 *	          FIN-WAIT-1 v       v CLOSE-WAIT
 *	   CLOSING  FIN-WAIT-2       LAST-ACK
 *	      \________ TIME-WAIT       |
 *	                    \________ CLOSED
 */
#include "stack/core/emit.h"
#include "stack/tcp/tcp_passive.h"

#define BIT(s) (1u << TAPIR_TCP_##s)

/* New endpoints: what a record or a listener may begin as. */
#define EDGES_NEW (BIT(CLOSED) | BIT(LISTEN) | BIT(TIME_WAIT) | BIT(FIN_WAIT_2))

static const uint16_t edges[] = {
	[0] = EDGES_NEW,
	[TAPIR_TCP_CLOSED] = BIT(LISTEN) | BIT(SYN_SENT) | BIT(SYN_RECEIVED),
	[TAPIR_TCP_LISTEN] = BIT(CLOSED) | BIT(SYN_RECEIVED),
	[TAPIR_TCP_SYN_SENT] = BIT(CLOSED) | BIT(SYN_RECEIVED) | BIT(ESTABLISHED),
	/* EVT-40: a FIN on the last ACK of the handshake goes by ESTABLISHED. */
	[TAPIR_TCP_SYN_RECEIVED] = BIT(CLOSED) | BIT(LISTEN) | BIT(ESTABLISHED) | BIT(FIN_WAIT_1),
	[TAPIR_TCP_ESTABLISHED] = BIT(CLOSED) | BIT(FIN_WAIT_1) | BIT(CLOSE_WAIT),
	[TAPIR_TCP_FIN_WAIT_1] = BIT(CLOSED) | BIT(FIN_WAIT_2) | BIT(CLOSING) | BIT(TIME_WAIT),
	[TAPIR_TCP_FIN_WAIT_2] = BIT(CLOSED) | BIT(TIME_WAIT),
	[TAPIR_TCP_CLOSE_WAIT] = BIT(CLOSED) | BIT(LAST_ACK),
	[TAPIR_TCP_CLOSING] = BIT(CLOSED) | BIT(TIME_WAIT),
	[TAPIR_TCP_LAST_ACK] = BIT(CLOSED),
	[TAPIR_TCP_TIME_WAIT] = BIT(CLOSED),
};

static_assert(ARRAY_SIZE(edges) == TAPIR_TCP_CLOSING + 1, "a row for each state");

static const char *const names[] = {
	[0] = "NEW",
	[TAPIR_TCP_ESTABLISHED] = "ESTABLISHED",
	[TAPIR_TCP_SYN_SENT] = "SYN-SENT",
	[TAPIR_TCP_SYN_RECEIVED] = "SYN-RECEIVED",
	[TAPIR_TCP_FIN_WAIT_1] = "FIN-WAIT-1",
	[TAPIR_TCP_FIN_WAIT_2] = "FIN-WAIT-2",
	[TAPIR_TCP_TIME_WAIT] = "TIME-WAIT",
	[TAPIR_TCP_CLOSED] = "CLOSED",
	[TAPIR_TCP_CLOSE_WAIT] = "CLOSE-WAIT",
	[TAPIR_TCP_LAST_ACK] = "LAST-ACK",
	[TAPIR_TCP_LISTEN] = "LISTEN",
	[TAPIR_TCP_CLOSING] = "CLOSING",
};

static_assert(ARRAY_SIZE(names) == ARRAY_SIZE(edges), "a name for each state");

const char *tapir_tcp_state_name(enum tapir_tcp_state s)
{
	return (unsigned)s < ARRAY_SIZE(names) ? names[s] : "?";
}

/* tcpCurrEstab counts ESTABLISHED and CLOSE-WAIT (RFC 4022 3). */
static bool counts_established(uint8_t s)
{
	return s == TAPIR_TCP_ESTABLISHED || s == TAPIR_TCP_CLOSE_WAIT;
}

/* The counters of RFC 4022 that hang on a change of state, as Linux counts them. */
static void count(struct tapir *t, const struct tcp_ep *ep, uint8_t from, uint8_t to)
{
	bool was = counts_established(from), is = counts_established(to);

	if (is && !was)
		STAT_INC(t, Tcp, CurrEstab);
	if (was && !is)
		STAT_DEC(t, Tcp, CurrEstab);
	if (was && to == TAPIR_TCP_CLOSED)
		STAT_INC(t, Tcp, EstabResets);
	if ((from == TAPIR_TCP_SYN_SENT || from == TAPIR_TCP_SYN_RECEIVED) &&
	    (to == TAPIR_TCP_CLOSED || to == TAPIR_TCP_LISTEN))
		STAT_INC(t, Tcp, AttemptFails);
	if (from == TAPIR_TCP_CLOSED && to == TAPIR_TCP_SYN_SENT)
		STAT_INC(t, Tcp, ActiveOpens);
	/* As Linux: when the handshake has made a connection of a record, not when the SYN came. */
	if (from == TAPIR_TCP_CLOSED && to == TAPIR_TCP_SYN_RECEIVED && ep->kind == TCP_EP_CONN)
		STAT_INC(t, Tcp, PassiveOpens);
}

/* Where RFC 9293 has the edge: an open, a close, a segment's steps, a time-out; 3.3.2 where several have. */
static const char *edge_source(uint8_t from, uint8_t to)
{
	switch (to) {
	case TAPIR_TCP_SYN_SENT:
		return "RFC 9293 3.10.1";
	case TAPIR_TCP_LISTEN:
		return from == TAPIR_TCP_CLOSED ? "RFC 9293 3.10.1" : "RFC 9293 3.10.7.4";
	case TAPIR_TCP_SYN_RECEIVED:
		return from == TAPIR_TCP_SYN_SENT ? "RFC 9293 3.10.7.3" : "RFC 9293 3.10.7.2";
	case TAPIR_TCP_ESTABLISHED:
		return from == TAPIR_TCP_SYN_SENT ? "RFC 9293 3.10.7.3" : "RFC 9293 3.10.7.4";
	case TAPIR_TCP_FIN_WAIT_1:
	case TAPIR_TCP_LAST_ACK:
		return "RFC 9293 3.10.4";
	case TAPIR_TCP_CLOSE_WAIT:
	case TAPIR_TCP_FIN_WAIT_2:
	case TAPIR_TCP_CLOSING:
	case TAPIR_TCP_TIME_WAIT:
		return "RFC 9293 3.10.7.4";
	case TAPIR_TCP_CLOSED:
		if (from == TAPIR_TCP_LISTEN)
			return "RFC 9293 3.10.4";
		if (from == TAPIR_TCP_LAST_ACK)
			return "RFC 9293 3.10.7.4";
		return from == TAPIR_TCP_TIME_WAIT ? "RFC 9293 3.10.8" : "RFC 9293 3.3.2";
	default:
		return "RFC 9293 3.3.2";
	}
}

static void tell(struct tapir *t, const struct tcp_ep *ep, uint8_t from, uint8_t to)
{
	struct tapir_event ev = emit_begin(t, TAPIR_EV_TCP_STATE, edge_source(from, to));

	ev.local = (struct tapir_sockaddr){ep->tuple.laddr, ep->tuple.lport, 0};
	ev.peer = (struct tapir_sockaddr){ep->tuple.raddr, ep->tuple.rport, 0};
	ev.u.state.from = from;
	ev.u.state.to = to;
	emit(t, &ev);
}

void tcp_state_entered(struct tapir *t, const struct tcp_ep *ep, enum tapir_tcp_state from,
		       enum tapir_tcp_state to)
{
	if (from == 0)
		return;
	count(t, ep, (uint8_t)from, (uint8_t)to);
	if (emit_wanted(t))
		tell(t, ep, (uint8_t)from, (uint8_t)to);
}

void tcp_set_state(struct tapir *t, struct tcp_ep *ep, enum tapir_tcp_state to)
{
	uint8_t from = ep->state;

	TAPIR_ASSERT(from < ARRAY_SIZE(edges) && (unsigned)to < ARRAY_SIZE(edges));
	if (from == to)
		return;
	TAPIR_ASSERT(edges[from] & 1u << to);
	ep->state = (uint8_t)to;
	tcp_state_entered(t, ep, (enum tapir_tcp_state)from, to);
}
