/*
 * TCP (RFC 9293): what the rest of the stack sees, and the types that the files of stack/tcp/ share.
 *
 * The demultiplexer holds endpoints: whatever can receive a segment begins with a struct tcp_ep.
 *
 *	tcp_listener   LISTEN                                   tcp_listen.c
 *	tcp_syn_ent    SYN-RECEIVED by passive open, a record   tcp_syncache.c
 *	tcp_conn       all other states while a handle or data needs it
 *	tcp_tw         TIME-WAIT, and FIN-WAIT-2 without a handle, at most 80 bytes   tcp_timewait.c
 */
#ifndef TAPIR_TCP_TCP_H
#define TAPIR_TCP_TCP_H

#include "stack/base/hash.h"
#include "stack/core/rx.h"
#include "stack/socket.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_opt.h"

/* Both ends of a connection, as this end sees them. */
struct tcp_tuple {
	struct tapir_addr laddr, raddr;
	uint16_t lport, rport;
};

enum tcp_ep_kind { TCP_EP_CONN, TCP_EP_LISTENER, TCP_EP_SYN, TCP_EP_TW };

enum tcp_epflag {
	TCP_EP_HASHED = 1 << 0, /* in the demux by its tuple */
	TCP_EP_BOUND = 1 << 1,	/* holds a reference on its local port */
	/* tcp_demux.c's, how that reference was counted */
	TCP_EP_NOREUSE = 1 << 2,  /* taken without SO_REUSEADDR */
	TCP_EP_EXPLICIT = 1 << 3, /* by bind() or listen(): connect() leaves the port alone */
	/* tcp_renew.c's: what bind() named, for as long as the endpoint lives */
	TCP_EP_NAMED_ADDR = 1 << 5,
	TCP_EP_NAMED_PORT = 1 << 6,
	TCP_EP_TS = 1 << 4, /* a TIME-WAIT record: the connection used timestamps */
};

/* Enums and not integers, so that a debugger shows their names. */
struct tcp_ep {
	struct hnode node; /* in the demux; see tcp_demux.c */
	struct tcp_tuple tuple;
	enum tapir_tcp_state state : 8; /* only tcp_set_state() writes it */
	enum tcp_ep_kind kind : 8;
	enum tcp_epflag epflags : 16;
};

/* A segment on its way through the steps of RFC 9293 3.10.7. */
struct tcp_seg {
	struct rx *rx;
	struct tcp_hdr hdr;
	struct tcp_opts opt;
	struct tcp_tuple tuple; /* laddr is ours */
	uint32_t seq, ack;
	uint32_t up;	     /* SEG.UP as a number, whatever is cut off before it */
	uint32_t len;	     /* SEG.LEN: text, SYN and FIN */
	uint32_t wnd;	     /* SEG.WND, scaled once the connection is known */
	uint16_t flags;	     /* TCP_SYN ... */
	const uint8_t *text; /* within rx->pkt */
	uint32_t text_len;
	uint8_t ecn; /* IP's two bits */
};

int tcp_init(struct tapir *t);
void tcp_fini(struct tapir *t);

/* A segment for us; data at the TCP header. Consumes rx->pkt. Always V_DONE. */
enum verdict tcp_input(struct tapir *t, struct rx *rx);
/* An ICMP error about a segment of ours, or a local failure (RFC 9293 3.9.2.2, RFC 5927).
 * DROP_NONE, or why it was not believed. */
enum drop_reason tcp_icmp_err(struct tapir *t, const struct icmp_err *e);

/* Lets the connections on t->dirty send, in order of joining. */
void tcp_flush(struct tapir *t);

/* Timers: TIMER_TCP_CONN, _SYN, _TW. */
void tcp_conn_timer(struct tapir *t, struct timer *tm);
void tcp_syn_timer(struct tapir *t, struct timer *tm);
void tcp_tw_timer(struct tapir *t, struct timer *tm);

/* An address of ours is gone: its connections get ECONNABORTED and RSTs leave (RFC 5227 2.4). */
void tcp_addr_gone(struct tapir *t, uint32_t ip4);

/* Records without a handle, for tapir_sock_next(): stage 0 SYN-RECEIVED and orphans, 1 TIME-WAIT. 1 or 0 at the end. */
int tcp_sock_next(struct tapir *t, unsigned stage, uint32_t *pos, struct tapir_sock_info *out);

/* Every invariant of every endpoint (tcp_check.c). */
void tcp_check(struct tapir *t);

/* In which order our options stand (net.tapir.tcp_persona). */
static inline enum tcp_opt_style tcp_opt_style(const struct tapir *t)
{
	return t->conf.tcp_persona ? TCP_OPTS_FREEBSD : TCP_OPTS_LINUX;
}

#endif
