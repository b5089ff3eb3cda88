/*
 * The neighbour cache: states, ageing, held packets. ARP fills it; IPv6's ND later calls down into it.
 */
#ifndef TAPIR_LINK_NEIGH_H
#define TAPIR_LINK_NEIGH_H

#include "stack/core/rx.h"

int neigh_init(struct tapir *t);
void neigh_fini(struct tapir *t);

/*
 * The address of `ip4` on ifp: 0 with *mac filled; -EINPROGRESS when p was taken to be held (p may be
 * NULL: only ask); -EHOSTUNREACH when it failed lately, p then not consumed.
 */
int neigh_resolve(struct tapir *t, struct netif *ifp, uint32_t ip4, struct pkt *p,
		  struct tapir_mac *mac);

/* Positive advice: data to ip4 got through (RFC 1122 3.3.1.4). */
void neigh_confirm(struct tapir *t, struct netif *ifp, uint32_t ip4);
/* Negative advice: a transport had to retransmit; re-validate at the next packet. */
void neigh_suspect(struct tapir *t, struct netif *ifp, uint32_t ip4);
/* Whether ip4 failed to answer lately: routes go elsewhere when they can. */
bool neigh_failed(struct tapir *t, struct netif *ifp, uint32_t ip4);

/* TIMER_NEIGH fired. */
struct timer;
void neigh_timer(struct tapir *t, struct timer *tm);

/* An interface goes: its neighbours with it. */
void neigh_flush(struct tapir *t, struct netif *ifp);

/* Checks of the table, for tapir_check(). */
void neigh_check(struct tapir *t);

#endif
