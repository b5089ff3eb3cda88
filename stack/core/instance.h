/*
 * struct tapir: the instance. Lower parts are members; the parts above core/ are pointers whose
 * types only their own layer knows, made and ended by NAME_init() and NAME_fini() from tapir.c.
 *
 * RS-06: it belongs to one thread, and no two instances share anything that is written.
 */
#ifndef TAPIR_CORE_INSTANCE_H
#define TAPIR_CORE_INSTANCE_H

#include "stack/base/chacha.h"
#include "stack/base/list.h"
#include "stack/conf.h"
#include "stack/core/pktq.h"
#include "stack/core/ready.h"
#include "stack/core/timer.h"
#include "stack/stats.h"
#include "stack/tapir.h"
#include "stack/wire/cksum.h"

enum { NETIF_MAX = 64 };

struct netif;
struct neigh_table;
struct ip_state;
struct udp_state;
struct tcp_state;
struct sock_table;

/* Free packets kept for reuse, by size class, and the account of all packet memory. */
struct pkt_pool {
	struct pkt *small, *large, *reserve; /* lists by next */
	uint32_t nsmall, nlarge, nreserve;
	uint64_t bytes; /* held by packets in use and kept ones */
	uint64_t
		limit; /* pkt_max_bytes when it grew last: a setting may fall below what is in use */
};

struct tapir {
	uint64_t now_ns;
	struct tapir_env env;
	struct tapir_conf conf;
	struct tapir_stats stats;
	struct timers timers;
	struct chacha_rng rng;
	struct pkt_pool pool;
	struct ready_list ready;
	const struct cksum_ops *cksum; /* the variant chosen by conf.cpu_features */

	struct netif *netif[NETIF_MAX + 1]; /* by ifindex; [0] unused */
	int netif_top;	    /* the highest in use: each packet asks whose an address is */
	uint32_t route_gen; /* raised by every change of route, address, link or path MTU */

	/*
	 * Connections that owe the network something, in order of joining, by tcp_conn.out. A
	 * connection without room on its interface waits on netif.txwait by the same node.
	 */
	struct list dirty;
	/* Packets that could not be delivered to a neighbour: tapir.c tells their transports. */
	struct pktq unreach;

	struct neigh_table *neigh;
	struct ip_state *ip;
	struct udp_state *udp;
	struct tcp_state *tcp;
	struct sock_table *sock;

	uint8_t depth; /* of public entries: the outermost drains the loopback queue */
};

/* Memory of the instance. RS-01: NULL when the environment has none; counted in Tapir NoMemory. */
void *mem_alloc(struct tapir *t, size_t n);
/* The same, zeroed. */
void *mem_zalloc(struct tapir *t, size_t n);
void mem_free(struct tapir *t, void *p, size_t n);

#define STAT_INC(t, group, name)    ((t)->stats.n[STAT_##group##_##name]++)
#define STAT_ADD(t, group, name, k) ((t)->stats.n[STAT_##group##_##name] += (k))
#define STAT_DEC(t, group, name)    ((t)->stats.n[STAT_##group##_##name]--)

#endif
