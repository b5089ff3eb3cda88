/*
 * Routes: from a destination to an interface, a source and a next hop.
 *
 * The table is one array in the order of preference: longer prefixes first, within a length by
 * destination, within a destination by metric and then by age. `first[len]` says where a length
 * begins, so that a lookup is a binary search for each length in use, from 32 down to 0.
 *
 *	first[32]        first[24]                      first[0]
 *	   v                v                              v
 *	| 192.0.2.9/32 | 10.0.0.0/24 | 192.0.2.0/24 | 0/0 metric 0 | 0/0 metric 10 |
 *
 * Among routes of one prefix the first wins whose gateway has not failed (RFC 1122 3.3.1.5): the
 * neighbour cache knows. When all have failed the first is tried all the same.
 *
 * Connected routes come and go with addresses. A redirect, where they are believed at all, is a route
 * of length 32 of its own kind: it never outlives its time, its gateway or its share of the table.
 *
 * Broadcast and multicast have no next hop to look up, only an interface: the one that was asked for,
 * that of the source, that of a route (for instance the default), or the only one that there is.
 */
#include <errno.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/ip/ip_state.h"
#include "stack/ip/pmtu.h"
#include "stack/ip/route.h"
#include "stack/link/neigh.h"

#define NS_PER_S UINT64_C(1000000000)
/* A redirect is believed for ten minutes (R1122-81), as a path MTU is. */
#define REDIRECT_NS (600 * NS_PER_S)

enum { REDIRECT_SHARE = 4 }; /* redirects take at most a quarter of the table */

enum rt_kind { RT_STATIC, RT_CONNECTED, RT_REDIRECT };

struct rt_entry {
	uint32_t dst;
	uint32_t gw; /* 0: on link */
	uint32_t metric;
	uint32_t mtu; /* 0: the interface's */
	uint16_t ifindex;
	uint8_t len;
	uint8_t kind; /* enum rt_kind */
	uint64_t made_ns;
	uint32_t addr; /* RT_CONNECTED: the address that it belongs to */
};

struct route_table {
	struct rt_entry *e;
	uint32_t n, cap;
	uint32_t first[34]; /* by 32 - length; [33] is n */
	uint32_t redirects;
};

static void index_lengths(struct route_table *rt)
{
	uint32_t i = 0;

	for (unsigned k = 0; k <= 32; k++) {
		rt->first[k] = i;
		while (i < rt->n && rt->e[i].len == 32 - k)
			i++;
	}
	rt->first[33] = rt->n;
	TAPIR_ASSERT(i == rt->n);
}

/* Whether a stands before b. */
static bool entry_before(const struct rt_entry *a, const struct rt_entry *b)
{
	if (a->len != b->len)
		return a->len > b->len;
	if (a->dst != b->dst)
		return a->dst < b->dst;
	return a->metric < b->metric;
}

static void remove_at(struct tapir *t, uint32_t i)
{
	struct route_table *rt = t->ip->route;

	if (rt->e[i].kind == RT_REDIRECT)
		rt->redirects--;
	memmove(&rt->e[i], &rt->e[i + 1], (rt->n - i - 1) * sizeof(rt->e[0]));
	rt->n--;
	index_lengths(rt);
	route_changed(t);
}

static int insert(struct tapir *t, const struct rt_entry *e)
{
	struct route_table *rt = t->ip->route;
	uint32_t at = 0;

	if (rt->n >= (uint32_t)t->conf.ip_route_max) {
		STAT_INC(t, Tapir, RouteTableFull);
		return -ENOSPC;
	}
	if (rt->n == rt->cap) {
		uint32_t cap = rt->cap ? rt->cap * 2 : 8;
		struct rt_entry *mem = mem_alloc(t, cap * sizeof(*mem));

		if (!mem)
			return -ENOMEM;
		if (rt->n)
			memcpy(mem, rt->e, rt->n * sizeof(*mem));
		if (rt->e)
			mem_free(t, rt->e, rt->cap * sizeof(*mem));
		rt->e = mem;
		rt->cap = cap;
	}
	/* Behind its equals: among these the older is preferred. */
	while (at < rt->n && !entry_before(e, &rt->e[at]))
		at++;
	memmove(&rt->e[at + 1], &rt->e[at], (rt->n - at) * sizeof(*e));
	rt->e[at] = *e;
	rt->n++;
	if (e->kind == RT_REDIRECT)
		rt->redirects++;
	index_lengths(rt);
	route_changed(t);
	return 0;
}

/* The first entry of prefix `dst`/`len`, or the end of that length's part. */
static uint32_t lower_bound(const struct route_table *rt, uint32_t dst, unsigned len)
{
	uint32_t lo = rt->first[32 - len], hi = rt->first[33 - len];

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (rt->e[mid].dst < dst)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool usable(const struct tapir *t, const struct rt_entry *e, uint32_t src, int ifindex)
{
	const struct netif *ifp = netif_get(t, e->ifindex);

	if (!ifp || !ifp->up || (ifindex != 0 && ifindex != e->ifindex))
		return false;
	/* R1122-95: the strong model: a packet leaves by the interface of its source. */
	if (src != 0 && !netif_addr_find(ifp, src, false))
		return false;
	return e->kind != RT_REDIRECT || t->now_ns - e->made_ns < REDIRECT_NS;
}

/* Longest prefix, then metric, then a living gateway; NULL: none. */
static const struct rt_entry *best(struct tapir *t, uint32_t dst, uint32_t src, int ifindex)
{
	const struct route_table *rt = t->ip->route;

	/* R1122-21, R1122-76 */
	for (unsigned k = 0; k <= 32; k++) {
		uint32_t end = rt->first[k + 1], net = dst & prefix_mask(32 - k);
		const struct rt_entry *any = NULL;

		if (rt->first[k] == end)
			continue;
		for (uint32_t i = lower_bound(rt, net, 32 - k); i < end && rt->e[i].dst == net;
		     i++) {
			const struct rt_entry *e = &rt->e[i];

			if (!usable(t, e, src, ifindex))
				continue;
			/* R1122-84: a dead gateway gives way to the next. */
			if (e->gw == 0 || !neigh_failed(t, netif_get(t, e->ifindex), e->gw))
				return e;
			if (!any && e->kind != RT_REDIRECT)
				any = e;
		}
		if (any)
			return any;
	}
	return NULL;
}

static int lookup_local(struct tapir *t, uint32_t dst, uint32_t src, struct route *out)
{
	const struct netif *lo = netif_get(t, TAPIR_LOOPBACK);

	if (src != 0 && !netif_by_addr(t, src))
		return -EADDRNOTAVAIL;
	*out = (struct route){
		.dst = dst,
		.src = src ? src : dst,
		.nexthop = dst,
		.mtu = lo->conf.mtu,
		.gen = t->route_gen,
		.ifindex = TAPIR_LOOPBACK,
		.kind = RX_UNICAST,
		.local = true,
	};
	return 0;
}

/* The interface that a broadcast or multicast leaves by; NULL: can't be told. */
static struct netif *many_netif(struct tapir *t, uint32_t dst, uint32_t src, int ifindex)
{
	const struct rt_entry *e;
	struct netif *only = NULL;

	if (ifindex != 0)
		return netif_get(t, ifindex);
	if (src != 0)
		return netif_by_addr(t, src);
	e = best(t, dst, 0, 0);
	if (e)
		return netif_get(t, e->ifindex);
	for (int i = TAPIR_LOOPBACK + 1; i <= t->netif_top; i++) {
		struct netif *ifp = t->netif[i];

		if (!ifp || !ifp->up)
			continue;
		if (only)
			return NULL;
		only = ifp;
	}
	return only;
}

static int lookup_many(struct tapir *t, uint32_t dst, uint32_t src, int ifindex, enum rx_dst kind,
		       struct route *out)
{
	const struct netif *ifp = many_netif(t, dst, src, ifindex);

	if (!ifp || !ifp->up)
		return -ENETUNREACH;
	/* R1122-94, R1122-22 */
	if (src != 0 && !netif_addr_find(ifp, src, false))
		return -EADDRNOTAVAIL;
	if (src == 0)
		src = netif_source_for(ifp, dst);
	if (src == 0)
		return -EADDRNOTAVAIL;
	*out = (struct route){
		.dst = dst,
		.src = src,
		.nexthop = dst,
		.mtu = ifp->conf.mtu,
		.gen = t->route_gen,
		.ifindex = (uint16_t)ifp->ifindex,
		.kind = (uint8_t)kind,
	};
	return 0;
}

/* The interface of which dst is a directed broadcast; NULL: none. */
static struct netif *broadcast_netif(const struct tapir *t, uint32_t dst, int ifindex)
{
	for (int i = TAPIR_LOOPBACK + 1; i <= t->netif_top; i++) {
		struct netif *ifp = t->netif[i];

		if (ifp && ifp->up && (ifindex == 0 || ifindex == i) &&
		    netif_is_broadcast(ifp, dst))
			return ifp;
	}
	return NULL;
}

int route_lookup(struct tapir *t, uint32_t dst, uint32_t src, int ifindex, struct route *out)
{
	const struct rt_entry *e;
	const struct netif *ifp;
	uint32_t mtu;

	if (ifindex != 0 && !netif_get(t, ifindex))
		return -ENETUNREACH;
	if (dst == UINT32_MAX)
		return lookup_many(t, dst, src, ifindex, RX_BROADCAST, out);
	if (dst >> 28 == 14)
		return lookup_many(t, dst, src, ifindex, RX_MULTICAST, out);
	if (dst >> 24 == 0 || dst >> 28 == 15)
		return -EINVAL;
	/* R1122-25: 127/8 and what is ours never leaves. */
	if (netif_by_addr(t, dst))
		return lookup_local(t, dst, src, out);
	if (dst >> 24 == 127)
		return -ENETUNREACH;
	if (src >> 24 == 127)
		return -EINVAL;
	if (src != 0 && !netif_by_addr(t, src))
		return -EADDRNOTAVAIL;
	ifp = broadcast_netif(t, dst, ifindex);
	if (ifp)
		return lookup_many(t, dst, src, ifp->ifindex, RX_BROADCAST, out);

	e = best(t, dst, src, ifindex);
	if (!e)
		return -ENETUNREACH;
	ifp = netif_get(t, e->ifindex);
	if (src == 0)
		src = netif_source_for(ifp, e->gw ? e->gw : dst);
	if (src == 0)
		return -EADDRNOTAVAIL;
	mtu = ifp->conf.mtu;
	if (e->mtu != 0)
		mtu = min_u32(mtu, e->mtu);
	*out = (struct route){
		.dst = dst,
		.src = src,
		.nexthop = e->gw ? e->gw : dst,
		.mtu = pmtu_get(t, dst, mtu),
		.gen = t->route_gen,
		.ifindex = e->ifindex,
		.kind = RX_UNICAST,
		.gateway = e->gw != 0,
	};
	return 0;
}

/* The interface, other than loopback, on whose subnet gw is and which it is not itself; NULL: none. */
static const struct netif *gateway_netif(const struct tapir *t, uint32_t gw, int ifindex)
{
	for (int i = TAPIR_LOOPBACK + 1; i <= t->netif_top; i++) {
		const struct netif *ifp = t->netif[i];

		if (!ifp || (ifindex != 0 && ifindex != i))
			continue;
		for (unsigned k = 0; k < ifp->naddr; k++) {
			const struct ifaddr *a = ifp->addr[k];

			if (((a->ip4 ^ gw) & prefix_mask(a->prefix_len)) == 0 && a->ip4 != gw)
				return ifp;
		}
	}
	return NULL;
}

/* Turns a public route into an entry; 0 or -EINVAL, -ENODEV, -ENETUNREACH. */
static int entry_from(const struct tapir *t, const struct tapir_route *r, struct rt_entry *e)
{
	const struct netif *ifp;

	if (r->prefix_len > 32 || !tapir_addr_is_v4(&r->dst) || !tapir_addr_is_v4(&r->gw))
		return -EINVAL;
	*e = (struct rt_entry){
		.dst = tapir_addr_to_v4(&r->dst),
		.gw = tapir_addr_to_v4(&r->gw),
		.metric = r->metric,
		.mtu = r->mtu,
		.len = r->prefix_len,
		.kind = RT_STATIC,
		.made_ns = t->now_ns,
	};
	if (e->dst & ~prefix_mask(e->len))
		return -EINVAL;
	if (r->mtu != 0 && r->mtu < TAPIR_MTU_MIN)
		return -EINVAL;
	if (e->gw != 0 && (e->gw >> 28 >= 14 || e->gw >> 24 == 127 || e->gw >> 24 == 0))
		return -EINVAL;
	if (r->ifindex != 0 && !netif_get(t, r->ifindex))
		return -ENODEV;
	if (e->gw == 0) {
		if (r->ifindex == 0)
			return -EINVAL;
		e->ifindex = (uint16_t)r->ifindex;
		return 0;
	}
	ifp = gateway_netif(t, e->gw, r->ifindex);
	/* A gateway must be on the link; on a link without neighbours any address will do. */
	if (!ifp && r->ifindex != 0 && netif_get(t, r->ifindex)->conf.type == TAPIR_NETIF_RAW_IP)
		ifp = netif_get(t, r->ifindex);
	if (!ifp)
		return -ENETUNREACH;
	e->ifindex = (uint16_t)ifp->ifindex;
	return 0;
}

/* The index of the same route (prefix, gateway, interface, kind), or n. */
static uint32_t find_same(const struct route_table *rt, const struct rt_entry *e)
{
	uint32_t i = lower_bound(rt, e->dst, e->len);

	for (; i < rt->first[33 - e->len] && rt->e[i].dst == e->dst; i++) {
		const struct rt_entry *o = &rt->e[i];

		if (o->gw == e->gw && o->ifindex == e->ifindex && o->kind == e->kind &&
		    o->addr == e->addr)
			return i;
	}
	return rt->n;
}

/* R1122-78, R1122-85: static routes and gateways, by hand. */
int route_add(struct tapir *t, const struct tapir_route *r)
{
	struct rt_entry e;
	int err = entry_from(t, r, &e);

	if (err < 0)
		return err;
	if (find_same(t->ip->route, &e) < t->ip->route->n)
		return -EEXIST;
	return insert(t, &e);
}

int route_del(struct tapir *t, const struct tapir_route *r)
{
	struct route_table *rt = t->ip->route;
	struct rt_entry e;
	uint32_t i;

	if (r->prefix_len > 32 || !tapir_addr_is_v4(&r->dst) || !tapir_addr_is_v4(&r->gw))
		return -EINVAL;
	e.dst = tapir_addr_to_v4(&r->dst) & prefix_mask(r->prefix_len);
	i = lower_bound(rt, e.dst, r->prefix_len);
	for (; i < rt->first[33 - r->prefix_len] && rt->e[i].dst == e.dst; i++) {
		const struct rt_entry *o = &rt->e[i];

		if (o->gw != tapir_addr_to_v4(&r->gw) ||
		    (r->ifindex != 0 && r->ifindex != o->ifindex))
			continue;
		remove_at(t, i);
		return 0;
	}
	return -ESRCH;
}

int route_get(const struct tapir *t, unsigned i, struct tapir_route *out)
{
	const struct route_table *rt = t->ip->route;
	const struct rt_entry *e;

	if (i >= rt->n)
		return -ESRCH;
	e = &rt->e[i];
	*out = (struct tapir_route){
		.dst = tapir_addr_v4(e->dst),
		.prefix_len = e->len,
		.gw = tapir_addr_v4(e->gw),
		.ifindex = e->ifindex,
		.metric = e->metric,
		.mtu = e->mtu,
	};
	return 0;
}

static struct rt_entry connected_entry(const struct ifaddr *a)
{
	return (struct rt_entry){
		.dst = a->ip4 & prefix_mask(a->prefix_len),
		.ifindex = (uint16_t)a->ifp->ifindex,
		.len = a->prefix_len,
		.kind = RT_CONNECTED,
		.addr = a->ip4,
	};
}

int route_add_connected(struct tapir *t, const struct ifaddr *a)
{
	struct rt_entry e = connected_entry(a);

	return insert(t, &e);
}

void route_del_connected(struct tapir *t, const struct ifaddr *a)
{
	struct rt_entry e = connected_entry(a);
	uint32_t i = find_same(t->ip->route, &e);

	if (i < t->ip->route->n)
		remove_at(t, i);
}

void route_flush(struct tapir *t, int ifindex)
{
	struct route_table *rt = t->ip->route;

	for (uint32_t i = rt->n; i-- > 0;) {
		if (rt->e[i].ifindex == ifindex)
			remove_at(t, i);
	}
}

/* The oldest redirect, or n. */
static uint32_t oldest_redirect(const struct route_table *rt)
{
	uint32_t old = rt->n;

	for (uint32_t i = rt->first[0]; i < rt->first[1]; i++) {
		if (rt->e[i].kind == RT_REDIRECT &&
		    (old == rt->n || rt->e[i].made_ns < rt->e[old].made_ns))
			old = i;
	}
	return old;
}

int route_redirect(struct tapir *t, uint32_t dst, uint32_t from, uint32_t gw, int ifindex)
{
	struct route_table *rt = t->ip->route;
	struct rt_entry e = {
		.dst = dst,
		.gw = gw,
		.ifindex = (uint16_t)ifindex,
		.len = 32,
		.kind = RT_REDIRECT,
		.made_ns = t->now_ns,
	};
	const struct netif *via = gateway_netif(t, gw, ifindex);
	struct route now;
	uint32_t i;

	if (!t->conf.accept_redirects)
		return -EPERM;
	/* R1122-61: only from the gateway in use, to another on the same link, about a single host. */
	if (route_lookup(t, dst, 0, ifindex, &now) < 0 || now.local || now.kind != RX_UNICAST ||
	    !now.gateway || now.nexthop != from || now.ifindex != ifindex)
		return -EPERM;
	if (!via || via->ifindex != ifindex || gw == from || netif_by_addr(t, gw) ||
	    gw >> 28 >= 14 || netif_is_broadcast(via, gw))
		return -EPERM;
	/* The newest word about a destination replaces the older ones. */
	i = lower_bound(rt, dst, 32);
	while (i < rt->first[1] && rt->e[i].dst == dst) {
		if (rt->e[i].kind == RT_REDIRECT)
			remove_at(t, i);
		else
			i++;
	}
	if (rt->redirects >= max_u32((uint32_t)t->conf.ip_route_max / REDIRECT_SHARE, 1))
		remove_at(t, oldest_redirect(rt));
	return insert(t, &e);
}

int route_init(struct tapir *t)
{
	t->ip->route = mem_zalloc(t, sizeof(*t->ip->route));
	return t->ip->route ? 0 : -ENOMEM;
}

void route_fini(struct tapir *t)
{
	struct route_table *rt = t->ip->route;

	if (!rt)
		return;
	if (rt->e)
		mem_free(t, rt->e, rt->cap * sizeof(rt->e[0]));
	mem_free(t, rt, sizeof(*rt));
	t->ip->route = NULL;
}

void route_check(struct tapir *t)
{
	const struct route_table *rt = t->ip->route;
	uint32_t redirects = 0;

	TAPIR_ASSERT(rt->n <= rt->cap && rt->first[33] == rt->n);
	for (uint32_t i = 0; i < rt->n; i++) {
		const struct rt_entry *e = &rt->e[i];

		TAPIR_ASSERT(e->len <= 32 && (e->dst & ~prefix_mask(e->len)) == 0);
		TAPIR_ASSERT(i == 0 || !entry_before(e, e - 1));
		TAPIR_ASSERT(i >= rt->first[32 - e->len] && i < rt->first[33 - e->len]);
		redirects += e->kind == RT_REDIRECT;
	}
	TAPIR_ASSERT(redirects == rt->redirects);
}
