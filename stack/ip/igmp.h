/*
 * Multicast membership: IGMPv3 (RFC 3376) with fall-back to v2 (RFC 2236) and v1 queriers.
 */
#ifndef TAPIR_IP_IGMP_H
#define TAPIR_IP_IGMP_H

#include "stack/core/rx.h"

enum verdict igmp_input(struct tapir *t, struct rx *rx); /* always V_DONE */

/* One more, or one less, socket wants `group` on ifp; reports go out with the first and the last. */
int igmp_join(struct tapir *t, struct netif *ifp, uint32_t group);
int igmp_leave(struct tapir *t, struct netif *ifp, uint32_t group);
/* Whether frames to group are for us; 224.0.0.1 always is (RFC 1112 7.2). */
bool igmp_is_member(const struct netif *ifp, uint32_t group);

void igmp_timer(struct tapir *t, struct timer *tm);    /* TIMER_IGMP */
void igmp_if_timer(struct tapir *t, struct timer *tm); /* TIMER_IGMP_IF */
void igmp_if_up(struct tapir *t, struct netif *ifp);
void igmp_if_down(struct tapir *t, struct netif *ifp); /* keeps the groups, for the next up */
/* Forgets all groups: the interface goes. */
void igmp_flush(struct tapir *t, struct netif *ifp);

#endif
