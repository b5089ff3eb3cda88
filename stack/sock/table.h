/*
 * The table of handles.
 */
#ifndef TAPIR_SOCK_TABLE_H
#define TAPIR_SOCK_TABLE_H

#include "stack/core/instance.h"
#include "stack/socket.h"

struct tcp_conn;
struct tcp_listener;
struct udp_sock;

enum sock_kind {
	SOCK_FREE,
	SOCK_UDP, /* UDP, and echo clients */
	SOCK_TCP,
	SOCK_LISTEN,
};

/* One handle's place. It never moves. */
struct sock {
	union {
		struct udp_sock *udp;
		struct tcp_conn *conn;
		struct tcp_listener *listener;
		uint32_t next_free; /* index + 1; 0: none */
	} u;
	uint32_t gen; /* of the handle in use, or of the next one; 0: the place is used up */
	unsigned kind : 8;
	unsigned index : 24;
};

enum { SOCK_CHUNK = 256 };

struct sock_table {
	struct sock **chunk; /* nchunk pointers to SOCK_CHUNK places each */
	uint32_t nchunk, chunk_cap;
	uint32_t n;	    /* in use */
	uint32_t high;	    /* places ever used */
	uint32_t free_head; /* index + 1; 0: none */
};

/* The socket of a handle; NULL: stale, forged, or none. */
struct sock *sock_find(const struct tapir *t, tapir_sock_t h);
/* By index below table.high; kind may be SOCK_FREE. */
struct sock *sock_at(const struct sock_table *st, uint32_t index);
/* A free place, SOCK_FREE still: the caller sets kind and u. -ENFILE, -ENOMEM. */
int sock_take(struct tapir *t, struct sock **out);
/* The handle is given up: it will never mean anything again. */
void sock_release(struct tapir *t, struct sock *s);
tapir_sock_t sock_handle(const struct sock *s);

#endif
