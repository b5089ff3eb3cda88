/*
 * Interfaces, addresses, routes, neighbours: the configuration plane.
 *
 * Interfaces are named by a small positive number, as the kernel's are. Number 1 is the loopback.
 * Calls return >= 0 or a negative errno: -ENODEV for an unknown interface, -EINVAL for a bad value,
 * -ENOMEM, -EEXIST, -ESRCH, -ENOSPC when a configured limit is reached.
 */
#ifndef TAPIR_NETIF_H
#define TAPIR_NETIF_H

#include "stack/tapir.h"

enum tapir_netif_type {
	TAPIR_NETIF_ETHER,  /* Ethernet II frames, ARP */
	TAPIR_NETIF_RAW_IP, /* IP packets, no neighbours: TUN, packet scripts */
	TAPIR_NETIF_LOOP,   /* the loopback that every instance has; cannot be added */
};

enum tapir_netif_offload {
	TAPIR_OFFLOAD_TX_CSUM = 1 << 0, /* driver finishes PKT_CSUM_PARTIAL */
	TAPIR_OFFLOAD_TSO4 = 1 << 1,	/* driver segments PKT_GSO_TCPV4 */
	TAPIR_OFFLOAD_USO4 = 1 << 2,	/* driver segments PKT_GSO_UDPV4 */
};

enum { TAPIR_LOOPBACK = 1, TAPIR_IFNAME_MAX = 16 };

/* The limits of an MTU: RFC 791 3.2 (every link carries 68) and the largest IPv4 packet. */
enum { TAPIR_MTU_MIN = 68, TAPIR_MTU_MAX = 65535 };

struct tapir_netif_conf {
	char name[TAPIR_IFNAME_MAX]; /* NUL-terminated, for people */
	enum tapir_netif_type type;
	struct tapir_mac mac; /* ETHER: unicast */
	uint32_t mtu;	      /* bytes of IP packet */
	uint32_t offload;     /* enum tapir_netif_offload */
	uint32_t txq_bytes;   /* bound of the transmit queue in bytes; 0: net.tapir.txq_bytes */
	uint32_t
		gso_bytes; /* TCP text that the driver joins to one packet, at most: PSH follows it; 0: none */
};

struct tapir_netif_info {
	struct tapir_netif_conf conf;
	int ifindex;
	bool up;
	uint64_t rx_packets, rx_bytes, rx_drops;
	uint64_t tx_packets, tx_bytes, tx_drops;
	uint32_t txq_len, txq_used_bytes;
};

/* Adds an interface, down. Returns its ifindex. */
TAPIR_API int tapir_netif_add(struct tapir *t, const struct tapir_netif_conf *conf);
/* Takes it down and forgets it, its addresses, routes and neighbours. */
TAPIR_API int tapir_netif_del(struct tapir *t, int ifindex);
/* Up: announces its addresses (RFC 5227 2.3). Down: drops what is queued, keeps the addresses. */
TAPIR_API int tapir_netif_up(struct tapir *t, int ifindex);
TAPIR_API int tapir_netif_down(struct tapir *t, int ifindex);
/* `mtu` from TAPIR_MTU_MIN to TAPIR_MTU_MAX, at any time; connections follow it. */
TAPIR_API int tapir_netif_set_mtu(struct tapir *t, int ifindex, uint32_t mtu);
/* A copy of its settings and counters as they are now, in *out. */
TAPIR_API int tapir_netif_info(const struct tapir *t, int ifindex, struct tapir_netif_info *out);

enum tapir_addr_state {
	TAPIR_ADDR_TENTATIVE, /* being probed (RFC 5227 2.1), not used yet */
	TAPIR_ADDR_VALID,
	TAPIR_ADDR_CONFLICT, /* another host has it: not used */
};

struct tapir_ifaddr {
	struct tapir_addr addr;
	uint8_t prefix_len;
	uint8_t state; /* enum tapir_addr_state */
};

/*
 * Adds an address and its connected route. With net.tapir.arp_probe it is TENTATIVE for some
 * seconds first. The first address of an interface is its preferred source.
 */
TAPIR_API int tapir_addr_add(struct tapir *t, int ifindex, const struct tapir_addr *addr,
			     uint8_t prefix_len);
/* Removes it; connections bound to it get ECONNABORTED (RFC 5227 2.4). */
TAPIR_API int tapir_addr_del(struct tapir *t, int ifindex, const struct tapir_addr *addr);
/* The i-th address of an interface (0, 1, ...), or -ESRCH past the last. */
TAPIR_API int tapir_addr_get(const struct tapir *t, int ifindex, unsigned i,
			     struct tapir_ifaddr *out);

struct tapir_route {
	struct tapir_addr dst; /* any with prefix_len 0: the default route */
	uint8_t prefix_len;    /* of the IPv4 address: 0 to 32 */
	struct tapir_addr gw;  /* any: on link */
	int ifindex;	       /* 0 in an addition with a gateway: found from the gateway */
	uint32_t metric;       /* of equal prefixes the lowest with a living gateway wins */
	uint32_t mtu;	       /* 0: the interface's */
};

/*
 * Routes by hand, besides the connected ones (RFC 1122 3.3.1.1). del takes the route that is the same in all but
 * metric and MTU, -ESRCH when there is none; get gives the i-th of all (0, 1, ...), -ESRCH past the last.
 */
TAPIR_API int tapir_route_add(struct tapir *t, const struct tapir_route *r);
TAPIR_API int tapir_route_del(struct tapir *t, const struct tapir_route *r);
TAPIR_API int tapir_route_get(const struct tapir *t, unsigned i, struct tapir_route *out);

/* RFC 826's cache with the states of RFC 4861 7.3.2, as far as ARP has them. */
enum tapir_neigh_state {
	TAPIR_NEIGH_INCOMPLETE, /* asked, no answer yet; packets are held */
	TAPIR_NEIGH_REACHABLE,	/* confirmed lately */
	TAPIR_NEIGH_STALE,	/* usable, to be confirmed when next used */
	TAPIR_NEIGH_PROBE,	/* being asked again, by unicast */
	TAPIR_NEIGH_FAILED,	/* did not answer */
	TAPIR_NEIGH_PERMANENT,	/* set by hand */
};

struct tapir_neigh {
	struct tapir_addr addr;
	struct tapir_mac mac;
	int ifindex;
	enum tapir_neigh_state state;
	uint64_t confirmed_ns; /* when last confirmed, 0: never */
	uint32_t held;	       /* packets that wait for it */
};

/*
 * Neighbours by hand, on an ETHER interface. set makes or changes an entry that stays (PERMANENT) and is never asked
 * for; del forgets an entry of any state and drops what waits for it; get gives the i-th of all, -ESRCH
 * past the last.
 */
TAPIR_API int tapir_neigh_set(struct tapir *t, int ifindex, const struct tapir_addr *addr,
			      const struct tapir_mac *mac);
TAPIR_API int tapir_neigh_del(struct tapir *t, int ifindex, const struct tapir_addr *addr);
TAPIR_API int tapir_neigh_get(const struct tapir *t, unsigned i, struct tapir_neigh *out);

#endif
