/*
 * TCP Fast Open (RFC 7413): data in the SYN. Private to stack/tcp/ and to the socket options.
 */
#ifndef TAPIR_TCP_TCP_FASTOPEN_H
#define TAPIR_TCP_TCP_FASTOPEN_H

#include "stack/base/siphash.h"
#include "stack/tcp/tcp_conn.h"

struct tcp_listener;

/* Bits of net.ipv4.tcp_fastopen, Linux's. */
enum tcp_fastopen_setting {
	TCP_FASTOPEN_CLIENT = 0x1,	  /* programs may ask for it */
	TCP_FASTOPEN_SERVER = 0x2,	  /* listeners may ask for it */
	TCP_FASTOPEN_CLIENT_BARE = 0x4,	  /* data in a SYN without any cookie */
	TCP_FASTOPEN_SERVER_BARE = 0x200, /* data is taken without a cookie */
	TCP_FASTOPEN_SERVER_ALL = 0x400,  /* every listener, without TCP_FASTOPEN */
};

enum { TCP_FASTOPEN_COOKIE = 8, TCP_FASTOPEN_KEY_LEN = 16, TCP_FASTOPEN_KEYS = 2 };

/* The keys of one listener (TCP_FASTOPEN_KEY): the first makes cookies, both are believed. */
struct tcp_fo_keys {
	struct siphash_key key[TCP_FASTOPEN_KEYS];
	unsigned n;
};

/* A cookie to put into a SYN-ACK. */
struct tcp_fo_cookie {
	bool set, exp; /* exp: in the option's experimental form */
	uint8_t len;
	uint8_t v[TCP_TFO_MAX];
};

void tcp_fastopen_init(struct tapir *t);
void tcp_fastopen_fini(struct tapir *t);

/* ---- the side that listens ---- */
/*
 * A SYN for l, whose offer with ISN is *p. Makes the connection when data may be taken now, queues it for
 * accept(), sends the SYN-ACK and returns true; seg->rx->pkt stays the caller's. Else *out is what the SYN-ACK
 * should carry.
 */
bool tcp_fastopen_syn(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *p,
		      const struct tcp_seg *seg, struct tcp_fo_cookie *out);
/* The cookie of a client's address under l's first key. */
void tcp_fastopen_cookie(struct tapir *t, const struct tcp_listener *l, const struct tcp_tuple *tu,
			 uint8_t out[TCP_FASTOPEN_COOKIE]);
/* Whether c was opened by data on a SYN, and its handshake is not over: it may send and receive. */
static inline bool tcp_fastopen_child(const struct tcp_conn *c)
{
	return c->fo & TCP_FO_CHILD;
}
/* A SYN for such a c: if it is the one that opened it, the SYN-ACK goes again, and true: it is dealt with. */
bool tcp_fastopen_syn_again(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg);
/* The handshake of c is over; `reset`: by a RST, of which the listener takes note. */
void tcp_fastopen_done(struct tapir *t, struct tcp_conn *c, bool reset);
/* l goes: its children forget it. */
void tcp_fastopen_listener_gone(struct tcp_listener *l);
/* setsockopt(TCP_FASTOPEN_KEY): 16 or 32 bytes; getsockopt: returns how many bytes were written. */
int tcp_fastopen_set_key(struct tapir *t, struct tcp_fo_keys **keys, const void *val, size_t len);
size_t tcp_fastopen_get_key(struct tapir *t, const struct tcp_fo_keys *keys, uint8_t out[32]);

/* ---- the side that connects ---- */
/* Before the SYN of c with data: whether data may go with it. False: the SYN asks for a cookie, if it may. */
bool tcp_fastopen_may_send(struct tapir *t, struct tcp_conn *c);
/* Our first SYN, or a child's SYN-ACK: adds the option that it should have. */
void tcp_fastopen_syn_opts(struct tapir *t, const struct tcp_conn *c, struct tcp_opts *o);
/* The SYN-ACK of c came, and what it acknowledges has been taken off. True: data went for nothing and is sent anew. */
bool tcp_fastopen_synack(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg);
/* A retransmission timed out, the n-th in a row, 1 the first; `last`: c is given up. */
void tcp_fastopen_timeout(struct tapir *t, const struct tcp_conn *c, unsigned n, bool last);

#endif
