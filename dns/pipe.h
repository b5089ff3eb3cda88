/*
 * All questions to one server over one kind of stream: one connection, opened when there is something to ask, questions sent without
 * waiting for answers (RFC 7766 6.2.1.1), closed when it is idle. Part of a server's record.
 */
#ifndef TAPIR_DNS_PIPE_H
#define TAPIR_DNS_PIPE_H

#include "dns/dns.h"
#include "dns/stream.h"
#include "stack/base.h"

struct dns_net;
struct dns_server;
struct dns_try;

enum dns_pipe_state {
	DNS_PIPE_IDLE,	  /* no connection */
	DNS_PIPE_PAUSE,	  /* none, but questions wait: the next is opened at the timer */
	DNS_PIPE_OPENING, /* connecting, bounded by the timer */
	DNS_PIPE_OPEN,	  /* with nothing to do the timer ends it */
};

enum {
	DNS_PIPE_FLYING_MAX =
		4096, /* unanswered on one connection, so that an ID is always to be found */
	DNS_PIPE_BAD_MAX = 16, /* messages that are none; then it is given up */
	DNS_PIPE_IN_MAX = 2 + 65535,
	DNS_TLS_PORT = 853,
};

struct dns_pipe {
	struct dns_server *server;
	enum dns_transport transport;
	enum dns_pipe_state state;
	const struct dns_stream_ops *ops;
	void *stream;
	tapir_sock_t sock;
	uint32_t bits;	   /* watched for */
	struct hnode node; /* dns_net.socks */
	struct heap_node timer;
	struct list waiting, flying; /* struct dns_try: not sent yet; sent */
	unsigned nwaiting, nflying;
	unsigned window; /* how many may fly: what a server took that closed early; 0: no bound */
	uint64_t window_ns;    /* forgotten then */
	unsigned fruitless;    /* connections in a row without an answer */
	unsigned answers, bad; /* of this connection */
	uint64_t idle_ns;      /* how long it may be idle */
	uint64_t last_ns;      /* last answer, or the opening */
	int error;	       /* positive: it has ended so, which the timer deals with */
	uint16_t out_len, out_at;
	uint8_t out[2 + DNS_QUERY_MAX];
	uint8_t *in; /* DNS_PIPE_IN_MAX, while there is a connection */
	size_t in_len;
};

void dns_pipe_init(struct dns_pipe *p, struct dns_server *s, enum dns_transport transport);
void dns_pipe_check(const struct dns_pipe *p);

/* Asks over it: how it ends is told by net_reply() or net_failed(), never from within. */
void dns_pipe_submit(struct dns_net *n, struct dns_pipe *p, struct dns_try *y);
/* Takes a try out, wherever it is; `silent`: it waited in vain, and the connection is ended if nothing came at all since. */
void dns_pipe_forget(struct dns_net *n, struct dns_pipe *p, struct dns_try *y, bool silent);
void dns_pipe_ready(struct dns_net *n, struct dns_pipe *p);
void dns_pipe_timer(struct dns_net *n, struct dns_pipe *p);
/* Sends what waits. Idempotent. */
void dns_pipe_pump(struct dns_net *n, struct dns_pipe *p);
/* The server wishes the connection to be kept for so many 100 ms when it is idle (RFC 7828). */
void dns_pipe_keepalive(struct dns_pipe *p, unsigned units);
/* Ends the connection; no try may be left. */
void dns_pipe_close(struct dns_net *n, struct dns_pipe *p);

#endif
