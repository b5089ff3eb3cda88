/*
 * UDP (RFC 768, RFC 1122 4.1) and echo clients: datagram sockets.
 *
 * A datagram socket is one struct udp_sock. Bound ones hang at their local port (echo clients: at their
 * ICMP id, which takes the port's place everywhere here), connected ones also in a table by both ends.
 * sock/ translates the public calls to these.
 */
#ifndef TAPIR_UDP_UDP_H
#define TAPIR_UDP_UDP_H

#include "stack/base/hash.h"
#include "stack/base/siphash.h"
#include "stack/core/ready.h"
#include "stack/core/rx.h"
#include "stack/ip/route.h"

enum udp_flag {
	UDP_BOUND = 1 << 0,
	UDP_CONNECTED = 1 << 1,
	UDP_REUSEADDR = 1 << 2,
	UDP_REUSEPORT = 1 << 3,
	UDP_BROADCAST = 1 << 4,
	UDP_RECVERR = 1 << 5,
	UDP_MCAST_LOOP = 1 << 6,
	UDP_SHUT_RD = 1 << 7,
	UDP_SHUT_WR = 1 << 8,
	UDP_ECHO = 1 << 9, /* an ICMP echo client: ports are ids */
	UDP_WANT_OUT = 1 << 10,
	UDP_DONTROUTE = 1 << 11,
	UDP_SRC_GIVEN = 1 << 12, /* bound to an address by hand, not by connect */
	UDP_NOFRAG = 1 << 13,	 /* what came in fragments is refused */
};

struct udp_member {
	struct list link;
	uint32_t group;
	int ifindex;
};

/* The sockets on one local port (or id), in the order in which they were bound. */
struct udp_port {
	struct hnode node; /* udp_state.ports */
	struct list socks; /* struct udp_sock by port_link */
	uint32_t n;
	uint16_t port;
	bool echo;
};

struct udp_sock {
	struct hnode node; /* udp_state.conns, while connected */
	struct list port_link, all, want;
	struct udp_port *port; /* NULL: not bound */
	struct ready rdy;
	uint32_t laddr, raddr; /* 0: any */
	uint16_t lport, rport;
	uint16_t flags;	  /* enum udp_flag */
	uint16_t ifindex; /* bound to, 0: any */
	uint8_t ttl;	  /* 0: net.ipv4.ip_default_ttl */
	uint8_t tos, mcast_ttl, pmtudisc;
	uint16_t mcast_ifindex;
	uint16_t want_ifindex; /* whose queue had no room */
	uint16_t nmember;
	uint16_t sent_max; /* the longest IP packet sent, to the peer when connected; 0: none */
	int err;	   /* pending SO_ERROR, positive */
	struct pktq rxq;   /* each: data at the payload, struct udp_meta right below */
	uint32_t rcvbuf, sndbuf; /* bytes, as charged */
	uint32_t rx_charged;
	struct pkt_charge *tx; /* made with the first datagram sent */
	struct list members;
	struct route rt; /* cached when connected */
};

struct udp_state {
	struct siphash_key key;
	struct htab ports; /* struct udp_port */
	struct htab conns; /* connected sockets by both ends */
	struct list all;   /* every socket, in the order of opening */
	struct list want;  /* those that met -EAGAIN, in that order */
};

/* What is known of a received datagram besides its bytes. */
struct udp_meta {
	uint32_t src, dst;
	uint16_t sport, ifindex;
	uint8_t ttl, tos, icmp_type, icmp_code;
};

int udp_init(struct tapir *t);
/* Frees every socket. */
void udp_fini(struct tapir *t);
void udp_check(struct tapir *t);

/* ---- udp.c: sockets, ports, who gets what ---- */
struct udp_sock *udp_open(struct tapir *t, bool echo); /* NULL: no memory */
void udp_close(struct tapir *t, struct udp_sock *u);
int udp_bind(struct tapir *t, struct udp_sock *u, const struct tapir_sockaddr *sa);
/* To ifindex, 0: any; what it was connected to by another interface is looked up anew. */
int udp_bind_device(struct tapir *t, struct udp_sock *u, int ifindex);
/* An ephemeral port (RFC 6056), unless it is bound already. -EADDRNOTAVAIL, -ENOMEM. */
int udp_autobind(struct tapir *t, struct udp_sock *u);
int udp_connect(struct tapir *t, struct udp_sock *u, const struct tapir_sockaddr *sa);
int udp_shutdown(struct tapir *t, struct udp_sock *u, int how);
int udp_join(struct tapir *t, struct udp_sock *u, uint32_t group, int ifindex);
int udp_leave(struct tapir *t, struct udp_sock *u, uint32_t group, int ifindex);
void udp_names(const struct udp_sock *u, struct tapir_sockaddr *local, struct tapir_sockaddr *peer);
void udp_queues(const struct udp_sock *u, uint32_t *recv_q, uint32_t *send_q);
int udp_poll(const struct tapir *t, const struct udp_sock *u);
/* A positive errno waits for the application, and wakes it. */
void udp_set_err(struct tapir *t, struct udp_sock *u, int err);
/*
 * The socket for a datagram from src:sport to our dst:dport by ifp: connected beats bound beats any;
 * sockets that share a port by SO_REUSEPORT take turns by tuple, by SO_REUSEADDR the latest has it.
 */
struct udp_sock *udp_lookup(struct tapir *t, bool echo, uint32_t src, uint16_t sport, uint32_t dst,
			    uint16_t dport, int ifindex);
/* An address that a socket may be bound to but no packet can come from. */
bool udp_is_group_or_broadcast(const struct tapir *t, uint32_t ip4);
struct udp_port *udp_port_find(struct tapir *t, bool echo, uint16_t port);
/* An address of ours is gone: sockets bound to it get an error. */
void udp_addr_gone(struct tapir *t, uint32_t ip4);
/* An interface is about to be deleted: memberships on it end, what is bound to it gets an error. */
void udp_if_gone(struct tapir *t, struct netif *ifp);

/* ---- udp_input.c ---- */
enum verdict udp_input(struct tapir *t, struct rx *rx);	 /* always V_DONE */
enum verdict echo_input(struct tapir *t, struct rx *rx); /* an ICMP echo reply; always V_DONE */
/* Errors about what a socket sent: DROP_NONE, or why they were not taken. */
enum drop_reason udp_icmp_err(struct tapir *t, const struct icmp_err *e);
enum drop_reason echo_icmp_err(struct tapir *t, const struct icmp_err *e);
int64_t udp_recv(struct tapir *t, struct udp_sock *u, const struct iovec *iov, int n, int flags,
		 struct tapir_msg *m);

/* ---- udp_output.c ---- */
int64_t udp_send(struct tapir *t, struct udp_sock *u, const struct iovec *iov, int n, int flags,
		 const struct tapir_msg *m);
void udp_set_sndbuf(struct tapir *t, struct udp_sock *u, uint32_t bytes);
/* Whether a datagram could be sent now, as far as queues go. */
bool udp_writable(const struct tapir *t, const struct udp_sock *u);
/* The socket is told when it may send again. */
void udp_want_out(struct tapir *t, struct udp_sock *u);
/* Packets left or were dropped: sockets that met -EAGAIN may write again. */
void udp_tx_room(struct tapir *t);

#endif
