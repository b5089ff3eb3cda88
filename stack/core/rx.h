/*
 * A packet on its way up, and the verdicts that move it.
 *
 * A stage is `enum verdict stage(struct tapir *t, struct rx *rx)`. It decodes its header into rx, pulls
 * it off the packet, and says what comes next; tapir_input() makes that call, so that the whole path
 * of a frame is one function. V_NEXT_x leaves rx->pkt with the caller (reassembly may have put a
 * whole one there); V_DONE means it was consumed.
 */
#ifndef TAPIR_CORE_RX_H
#define TAPIR_CORE_RX_H

#include "stack/core/netif.h"
#include "stack/wire/eth.h"
#include "stack/wire/ipv4.h"

enum verdict {
	V_DONE,
	V_NEXT_ARP,
	V_NEXT_IP,
	V_NEXT_ICMP,
	V_NEXT_IGMP,
	V_NEXT_UDP,
	V_NEXT_TCP,
	V_NEXT_ECHO, /* an echo reply, for the echo clients' sockets */
	V_ICMP_ERR,  /* rx->err is for the transport rx->err.proto; rx->pkt still to be freed */
};

/* What kind of destination an IP packet came to. */
enum rx_dst { RX_UNICAST, RX_BROADCAST, RX_MULTICAST };

/* An ICMP error, or a local failure in its likeness, decoded for a transport (RFC 5927 checks are its own). */
struct icmp_err {
	uint8_t type, code; /* RFC 792 */
	uint8_t proto;	    /* of the quoted datagram */
	bool local;	    /* not from the wire: the neighbour failed, or the interface refused */
	uint32_t src, dst;  /* of the quoted datagram: src is ours */
	uint16_t sport, dport;
	uint32_t seq;	     /* TCP: quoted sequence number; echo: id in sport, sequence here */
	uint32_t mtu;	     /* fragmentation needed: next-hop MTU, 0 when the router told none */
	uint16_t quoted_len; /* total length that the quote claims */
	uint32_t from;	     /* who sent the error */
};

struct rx {
	struct pkt *pkt;
	struct netif *ifp;
	struct eth_hdr eth; /* ETHER only */
	struct ipv4_hdr ip; /* after ip_input */
	const uint8_t *l3;  /* the IP header as received, for quoting; valid while pkt is */
	uint32_t l3_len;    /* header and payload */
	enum rx_dst dst_kind;
	bool looped; /* from our own loopback: may have our own addresses as source */
	struct icmp_err err;
};

#endif
