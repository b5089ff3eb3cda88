/*
 * Routing: longest prefix, then metric, dead gateways last (RFC 1122 3.3.1).
 */
#ifndef TAPIR_IP_ROUTE_H
#define TAPIR_IP_ROUTE_H

#include "stack/core/netif.h"

/* Where a packet goes. Cache it with `gen` and look again when t->route_gen differs. */
struct route {
	uint32_t dst;
	uint32_t src;	  /* source address to use */
	uint32_t nexthop; /* on-link address */
	uint32_t mtu;	  /* of the path: interface, route, and what ICMP taught (ip/pmtu.c) */
	uint32_t gen;
	uint16_t ifindex;
	uint8_t kind; /* enum rx_dst of dst */
	bool local;   /* to ourselves: ifindex is the loopback's */
	bool gateway;
};

/*
 * Finds the way to dst. `src` 0: choose; else it must be ours and, for other than loopback, of the
 * interface chosen (strong host model, RFC 1122 3.3.4.2). `ifindex` 0: any. Broadcast and multicast
 * without an ifindex take the default route's interface, or the only one.
 * -ENETUNREACH, -EADDRNOTAVAIL (src not ours), -EHOSTUNREACH, -EINVAL (dst 0/8, class E).
 */
int route_lookup(struct tapir *t, uint32_t dst, uint32_t src, int ifindex, struct route *out);

int route_init(struct tapir *t); /* within ip_init */
void route_fini(struct tapir *t);
int route_add(struct tapir *t, const struct tapir_route *r);
int route_del(struct tapir *t, const struct tapir_route *r);
/* The i-th, longest prefixes first; -ESRCH past the last. */
int route_get(const struct tapir *t, unsigned i, struct tapir_route *out);
void route_check(struct tapir *t); /* within ip_check */
/* Connected route of a new or vanishing address. */
int route_add_connected(struct tapir *t, const struct ifaddr *a);
void route_del_connected(struct tapir *t, const struct ifaddr *a);
void route_flush(struct tapir *t, int ifindex);
/* ICMP redirect, already checked by icmp.c: a host route by way of gw. */
int route_redirect(struct tapir *t, uint32_t dst, uint32_t from, uint32_t gw, int ifindex);

#endif
