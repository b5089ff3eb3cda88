/*
 * ARP (RFC 826) with address conflict detection (RFC 5227).
 */
#ifndef TAPIR_LINK_ARP_H
#define TAPIR_LINK_ARP_H

#include "stack/core/rx.h"

enum verdict arp_input(struct tapir *t, struct rx *rx); /* always V_DONE */

/* Asks for ip4: broadcast, or unicast to *mac when it is known. */
void arp_request(struct tapir *t, struct netif *ifp, uint32_t ip4, const struct tapir_mac *mac);

/* A new address, or its interface came up: probe or announce it as the settings say. */
void arp_addr_start(struct tapir *t, struct ifaddr *a);
void arp_addr_stop(struct tapir *t, struct ifaddr *a);

/* TIMER_ARP fired. Returns true when the address became unusable (the caller resets its connections). */
bool arp_timer(struct tapir *t, struct timer *tm);

#endif
