/*
 * The neighbour cache: states, ageing, held packets. ARP fills it; IPv6's ND later calls down into it.
 */
#ifndef TAPIR_LINK_NEIGH_H
#define TAPIR_LINK_NEIGH_H

#include "stack/base/siphash.h"
#include "stack/core/rx.h"

int neigh_init(struct tapir *t);
void neigh_fini(struct tapir *t);

/*
 * The address of `ip4` on ifp: 0 with *mac filled; -EINPROGRESS when p was taken to be held (p may be
 * NULL: only ask); p not consumed: -EHOSTUNREACH when it failed lately, -ENOBUFS when there is no room
 * for an entry.
 */
int neigh_resolve(struct tapir *t, struct netif *ifp, uint32_t ip4, struct pkt *p,
		  struct tapir_mac *mac);

/* Positive advice: data to ip4 got through (RFC 1122 3.3.1.4). */
void neigh_confirm(struct tapir *t, struct netif *ifp, uint32_t ip4);
/* Negative advice: a transport had to retransmit; re-validate at the next packet. */
void neigh_suspect(struct tapir *t, struct netif *ifp, uint32_t ip4);
/* Whether ip4 failed to answer lately: routes go elsewhere when they can. */
bool neigh_failed(struct tapir *t, struct netif *ifp, uint32_t ip4);

/* What an ARP packet from the link is worth; the policy is argued in neigh.c. */
enum neigh_word {
	NEIGH_ANSWER, /* a reply to us: asked for, or it counts as a claim */
	NEIGH_ASK,    /* a request for our address: may make an entry, of the class evicted first */
	NEIGH_CLAIM,  /* anything else that names a sender: never makes an entry */
};

/*
 * ip4 on ifp says that it has mac. Returns whether the word was of use: false when nothing is known of
 * ip4 and none was to be learnt, or when the claim contradicts an entry that counts for more.
 */
bool neigh_learn(struct tapir *t, struct netif *ifp, uint32_t ip4, const struct tapir_mac *mac,
		 enum neigh_word word);

/* Whether our own traffic uses the neighbour ip4, and it has this MAC address. */
bool neigh_in_use(const struct tapir *t, const struct netif *ifp, uint32_t ip4,
		  const struct tapir_mac *mac);

/* By hand: a PERMANENT entry (0, -ENOSPC, -ENOMEM); any entry is forgotten (-ESRCH); the i-th (-ESRCH). */
int neigh_set(struct tapir *t, struct netif *ifp, uint32_t ip4, const struct tapir_mac *mac);
int neigh_del(struct tapir *t, struct netif *ifp, uint32_t ip4);
int neigh_get(const struct tapir *t, unsigned i, struct tapir_neigh *out);

/* TIMER_NEIGH fired. */
struct timer;
void neigh_timer(struct tapir *t, struct timer *tm);

/* An interface goes: its neighbours with it. */
void neigh_flush(struct tapir *t, struct netif *ifp);

/* What arp.c's answers may cost: words of core/limit.h, a station's chosen by keyed hash. */
enum { ARP_LIMIT_SLOTS = 4096 };
struct arp_limits {
	struct siphash_key key;
	uint64_t all_full_ns;
	uint64_t host_full_ns[ARP_LIMIT_SLOTS];
};
struct arp_limits *neigh_arp_limits(struct tapir *t);

/* Checks of the table, for tapir_check(). */
void neigh_check(struct tapir *t);

#endif
