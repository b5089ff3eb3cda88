/*
 * UDP (RFC 768, RFC 1122 4.1) and echo clients: datagram sockets.
 *
 * A datagram socket is one struct udp_sock in a table keyed by local port (echo clients: by ICMP id).
 * sock/udp_sock.c translates the public calls to these.
 */
#ifndef TAPIR_UDP_UDP_H
#define TAPIR_UDP_UDP_H

#include "stack/base/hash.h"
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
};

struct udp_member {
	struct list link;
	uint32_t group;
	int ifindex;
};

struct udp_sock {
	struct hnode node; /* by local port */
	struct ready rdy;
	uint32_t laddr, raddr; /* 0: any */
	uint16_t lport, rport;
	uint16_t flags;	  /* enum udp_flag */
	uint16_t ifindex; /* bound to, 0: any */
	uint8_t ttl, tos, mcast_ttl, pmtudisc;
	uint16_t mcast_ifindex;
	uint16_t nmember;
	int err;	 /* pending SO_ERROR, positive */
	struct pktq rxq; /* each: data at the payload; control kept in struct udp_meta below data */
	uint32_t rcvbuf, sndbuf; /* bytes, as charged */
	uint32_t rx_charged;
	struct list members;
	struct route rt; /* cached when connected */
};

int udp_init(struct tapir *t);
void udp_fini(struct tapir *t);

enum verdict udp_input(struct tapir *t, struct rx *rx);	 /* always V_DONE */
enum verdict echo_input(struct tapir *t, struct rx *rx); /* an ICMP echo reply; always V_DONE */
void udp_icmp_err(struct tapir *t, const struct icmp_err *e);
void echo_icmp_err(struct tapir *t, const struct icmp_err *e);

struct udp_sock *udp_open(struct tapir *t, bool echo); /* NULL: no memory */
void udp_close(struct tapir *t, struct udp_sock *u);
int udp_bind(struct tapir *t, struct udp_sock *u, const struct tapir_sockaddr *sa);
int udp_connect(struct tapir *t, struct udp_sock *u, const struct tapir_sockaddr *sa);
int64_t udp_send(struct tapir *t, struct udp_sock *u, const struct iovec *iov, int n, int flags,
		 const struct tapir_msg *m);
int64_t udp_recv(struct tapir *t, struct udp_sock *u, const struct iovec *iov, int n, int flags,
		 struct tapir_msg *m);
int udp_poll(const struct udp_sock *u);
int udp_join(struct tapir *t, struct udp_sock *u, uint32_t group, int ifindex);
int udp_leave(struct tapir *t, struct udp_sock *u, uint32_t group, int ifindex);
/* An interface transmitted: sockets that met -EAGAIN may write again. */
void udp_tx_room(struct tapir *t, struct netif *ifp);
/* An interface is about to be deleted: memberships on it end, what is bound to it gets an error. */
void udp_if_gone(struct tapir *t, struct netif *ifp);
/* An address of ours is gone: sockets bound to it get an error. */
void udp_addr_gone(struct tapir *t, uint32_t ip4);
void udp_check(struct tapir *t);

#endif
