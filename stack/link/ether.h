/*
 * Ethernet II (RFC 894): frames in and out.
 */
#ifndef TAPIR_LINK_ETHER_H
#define TAPIR_LINK_ETHER_H

#include "stack/core/rx.h"

/* Checks the frame's header and addressee; V_NEXT_ARP, V_NEXT_IP or V_DONE. */
enum verdict ether_input(struct tapir *t, struct rx *rx);

/*
 * Sends the IPv4 packet p to the on-link host `nexthop` over the ETHER or RAW_IP interface ifp:
 * broadcast and multicast are mapped (RFC 1122 3.3.6, RFC 1112 6.4), else the neighbour is resolved
 * and p waits for it when need be. Consumes p. Returns 0, or -ENETDOWN, -ENOBUFS, -EHOSTUNREACH (the
 * neighbour is known not to answer).
 */
int ether_output(struct tapir *t, struct netif *ifp, struct pkt *p, uint32_t nexthop);

/* Puts an Ethernet header on p and queues it, padded to 60 bytes. Consumes p. */
int ether_send(struct netif *ifp, struct pkt *p, const struct tapir_mac *dst, uint16_t type);

#endif
