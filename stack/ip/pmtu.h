/*
 * What ICMP taught about path MTUs (RFC 1191): a bounded cache by destination, aged.
 */
#ifndef TAPIR_IP_PMTU_H
#define TAPIR_IP_PMTU_H

#include "stack/core/instance.h"

int pmtu_init(struct tapir *t);
void pmtu_fini(struct tapir *t);

/* The MTU of the path to dst: at most link_mtu. */
uint32_t pmtu_get(struct tapir *t, uint32_t dst, uint32_t link_mtu);

/*
 * A message that the transport found plausible (RFC 5927 7.2) told `mtu` (0: not told). Lowers the estimate, never below
 * net.ipv4.route.min_pmtu, never raises it. Returns the estimate now, raises t->route_gen when it changed.
 */
uint32_t pmtu_update(struct tapir *t, uint32_t dst, uint32_t mtu, uint32_t link_mtu);

/* TIMER_PMTU: forgets what is too old. */
void pmtu_timer(struct tapir *t, struct timer *tm);
void pmtu_check(struct tapir *t);

#endif
