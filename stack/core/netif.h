/*
 * An interface: its addresses, its transmit queue, and who waits for room in it.
 */
#ifndef TAPIR_CORE_NETIF_H
#define TAPIR_CORE_NETIF_H

#include "stack/core/instance.h"
#include "stack/netif.h"

enum { NETIF_ADDR_MAX = 16 };

struct ifaddr {
	uint32_t ip4;
	uint8_t prefix_len;
	uint8_t state;		/* enum tapir_addr_state */
	uint8_t arp_left;	/* probes or announcements still to send */
	uint8_t arp_phase;	/* link/arp.c's */
	uint8_t conflicts;	/* met while probing (RFC 5227 2.1.1) */
	uint64_t defended_ns;	/* last defence (RFC 5227 2.4) */
	struct timer arp_timer; /* TIMER_ARP */
	struct netif *ifp;
};

struct netif {
	struct tapir *t;
	int ifindex;
	bool up;
	struct tapir_netif_conf conf;
	struct ifaddr *addr[NETIF_ADDR_MAX]; /* in order of addition */
	unsigned naddr;

	struct pktq
		txq; /* on an ETHER or RAW_IP interface: what the driver takes; loopback: what comes back */
	uint32_t txq_limit; /* bytes */
	struct list txwait; /* connections that wait for room, by tcp_conn.out */

	struct list groups;			     /* multicast: struct igmp_group, ip/igmp.c */
	struct timer igmp_timer;		     /* TIMER_IGMP_IF */
	uint64_t igmp_v1_until_ns, igmp_v2_until_ns; /* older querier heard (RFC 3376 7.2.1) */
	uint64_t igmp_answered_ns;		     /* last answer to a general query */

	uint64_t rx_packets, rx_bytes, rx_drops;
	uint64_t tx_packets, tx_bytes, tx_drops;
};

/* By number, up or not; NULL: none. */
struct netif *netif_get(const struct tapir *t, int ifindex);

/*
 * Gives a whole frame (or IP packet) to the driver; consumes p. -ENETDOWN, -ENOBUFS (queue full):
 * dropped with a reason. A packet with borrowed spans may only come here.
 */
int netif_enqueue(struct netif *ifp, struct pkt *p);
/* Whether `bytes` more fit in the transmit queue. TCP asks before it cuts a segment. */
bool netif_has_room(const struct netif *ifp, uint32_t bytes);
/* Puts a connection's node at the end of the waiters; tx_done moves waiters to t->dirty. */
void netif_wait(struct netif *ifp, struct list *out);

/* The VALID address entry of the interface with this value, or any state with `any_state`; NULL. */
struct ifaddr *netif_addr_find(const struct netif *ifp, uint32_t ip4, bool any_state);
/* Whether ip4 is a valid address of any interface that is up (127/8 belongs to the loopback, RFC 1122 3.2.1.3 g). */
struct netif *netif_by_addr(const struct tapir *t, uint32_t ip4);
/* A source for talking to dst over ifp: the address on dst's subnet, else the first valid one; 0: none. */
uint32_t netif_source_for(const struct netif *ifp, uint32_t dst);
/* Whether dst is a broadcast of the interface: limited, subnet-directed, or the old all-zeros forms (RFC 1122 3.3.6). */
bool netif_is_broadcast(const struct netif *ifp, uint32_t dst);

static inline uint32_t prefix_mask(unsigned len)
{
	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

/* A change of route, address, link or path MTU: cached routes look again. */
static inline void route_changed(struct tapir *t)
{
	t->route_gen++;
}

/* Creates the loopback; frees all interfaces. */
int netif_init(struct tapir *t);
void netif_fini(struct tapir *t);

/* Core's part of tapir_netif_add and so on; stack/tapir.c adds what upper layers must do. */
int netif_add(struct tapir *t, const struct tapir_netif_conf *conf);
void netif_free(struct netif *ifp);
int netif_addr_add(struct netif *ifp, uint32_t ip4, uint8_t prefix_len, struct ifaddr **out);
void netif_addr_free(struct ifaddr *a);

#endif
