/*
 * IPv4: input, output, and the state that the files of stack/ip/ share.
 */
#ifndef TAPIR_IP_IP_H
#define TAPIR_IP_IP_H

#include "stack/core/rx.h"
#include "stack/ip/route.h"

enum ip_tx_flag {
	IP_TX_DF = 1 << 0,	     /* set DF; larger than the path: -EMSGSIZE */
	IP_TX_IGNORE_PMTU = 1 << 1,  /* only the interface's MTU bounds it (probes) */
	IP_TX_ROUTER_ALERT = 1 << 2, /* IGMP (RFC 2236 2) */
	IP_TX_NO_LOOP = 1 << 3,	     /* multicast: no copy to ourselves */
	IP_TX_FORCE_IF = 1 << 4, /* rt->ifindex, or ifindex, without an address of its own (DHCP) */
	IP_TX_MAY_DF = 1 << 5,	 /* DF when identifications have run out, if it fits (R6864-6) */
};

/* What a transport says of a packet that it sends. Addresses in host order. */
struct ip_tx {
	uint32_t src, dst;
	uint8_t proto;
	uint8_t ttl; /* 0: net.ipv4.ip_default_ttl */
	uint8_t tos;
	uint8_t flags;		/* enum ip_tx_flag */
	const struct route *rt; /* a fresh route to dst, or NULL: look it up */
	int ifindex;		/* with rt NULL: 0 or the interface to use */
};

/*
 * Sends p, whose data begins at the transport header with its checksum done (or PKT_CSUM_PARTIAL and
 * csum_start/offset relative to data). Fragments when allowed and needed. Consumes p on all paths.
 * 0, -EMSGSIZE (DF and too big), -ENETUNREACH, -EHOSTUNREACH, -ENOBUFS, -ENETDOWN, -ENOMEM,
 * -EAGAIN (no fresh IP ID for a fragmentable packet: RFC 6864 5.2).
 */
int ip_output(struct tapir *t, struct pkt *p, const struct ip_tx *tx);

/* Validates, reassembles, finds the protocol: V_NEXT_ICMP/IGMP/UDP/TCP, or V_DONE. */
enum verdict ip_input(struct tapir *t, struct rx *rx);

/* Headers between the link's payload and a transport's: what ip_output will add. */
enum { IP_HDR_LEN = 20, IP_MAX_LEN = 65535 };

/*
 * The largest message of a transport (RFC 1122 3.3.2, 3.3.3): what can be received, the same from
 * everywhere; and what can be sent over a route, whole (MMS_R and MMS_S).
 */
static inline uint32_t ip_mms_r(void)
{
	return IP_MAX_LEN - IP_HDR_LEN; /* R1122-87 */
}

static inline uint32_t ip_mms_s(const struct route *rt)
{
	return rt->mtu - IP_HDR_LEN; /* R1122-90 */
}

int ip_init(struct tapir *t); /* route, reass, pmtu with it; icmp_init() comes after */
void ip_fini(struct tapir *t);
void ip_check(struct tapir *t);

#endif
