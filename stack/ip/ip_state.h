/*
 * What the files of stack/ip/ share: the parts of struct ip_state, each known to its own file.
 */
#ifndef TAPIR_IP_IP_STATE_H
#define TAPIR_IP_IP_STATE_H

#include "stack/core/instance.h"

struct route_table;
struct reass_table;
struct pmtu_table;
struct icmp_limits;
struct ipid;

struct ip_state {
	struct route_table *route;
	struct reass_table *reass;
	struct pmtu_table *pmtu;
	struct icmp_limits *icmp; /* NULL until icmp_init() */
	struct ipid *ipid;
};

/* Identifications (ip_id.c). */
int ipid_init(struct tapir *t);
void ipid_fini(struct tapir *t);
/*
 * An identification for a datagram that may be fragmented: not used for this source, destination and
 * protocol within the last two minutes (RFC 6864 4.3). -EAGAIN: too many of them lately.
 */
int ipid_next(struct tapir *t, uint32_t src, uint32_t dst, uint8_t proto, uint16_t *id);

#endif
