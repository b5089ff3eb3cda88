/*
 * The configuration plane: what stack/core/netif.c does for one interface or address, and what every
 * layer above must do with it. Going up and coming down are mirror images: addresses are announced and
 * groups joined; queues are flushed, neighbours and fragments forgotten. Addresses and routes survive
 * a down, so that up again is all it takes.
 */
#include <errno.h>

#include "stack/core/entry.h"
#include "stack/core/netif.h"
#include "stack/ip/igmp.h"
#include "stack/ip/reass.h"
#include "stack/ip/route.h"
#include "stack/link/arp.h"
#include "stack/link/neigh.h"
#include "stack/udp/udp.h"
#include "stack/wire/eth.h"

int tapir_netif_add(struct tapir *t, const struct tapir_netif_conf *conf)
{
	return conf ? netif_add(t, conf) : -EINVAL;
}

/* The interface of that number, unless it is the loopback, which is not the caller's to change. */
static int changeable(const struct tapir *t, int ifindex, struct netif **out)
{
	*out = netif_get(t, ifindex);
	if (!*out)
		return -ENODEV;
	return (*out)->conf.type == TAPIR_NETIF_LOOP ? -EINVAL : 0;
}

int tapir_netif_up(struct tapir *t, int ifindex)
{
	struct netif *ifp;
	int err = changeable(t, ifindex, &ifp);

	if (err)
		return err;
	if (ifp->up)
		return 0;
	stack_enter(t);
	ifp->up = true;
	route_changed(t);
	for (unsigned i = 0; i < ifp->naddr; i++)
		arp_addr_start(t, ifp->addr[i]);
	igmp_if_up(t, ifp);
	stack_leave(t);
	return 0;
}

static void take_down(struct tapir *t, struct netif *ifp)
{
	if (!ifp->up)
		return;
	ifp->up = false;
	route_changed(t);
	for (unsigned i = 0; i < ifp->naddr; i++)
		arp_addr_stop(t, ifp->addr[i]);
	igmp_if_down(t, ifp);
	neigh_flush(t, ifp);
	reass_flush(t, ifp->ifindex);
	ifp->tx_drops += ifp->txq.n;
	pktq_flush(&ifp->txq, DROP_TXQ_FLUSH);
	/* Who waited for room finds out now that there is no interface. */
	list_splice_tail(&t->dirty, &ifp->txwait);
	udp_tx_room(t);
}

int tapir_netif_down(struct tapir *t, int ifindex)
{
	struct netif *ifp;
	int err = changeable(t, ifindex, &ifp);

	if (err)
		return err;
	stack_enter(t);
	take_down(t, ifp);
	stack_leave(t);
	return 0;
}

static void remove_addr(struct tapir *t, struct ifaddr *a)
{
	/* While it is still ours: resets leave with it as their source. */
	stack_addr_gone(t, a->ip4);
	arp_addr_stop(t, a);
	route_del_connected(t, a);
	netif_addr_free(a);
}

int tapir_netif_del(struct tapir *t, int ifindex)
{
	struct netif *ifp;
	int err = changeable(t, ifindex, &ifp);

	if (err)
		return err;
	stack_enter(t);
	while (ifp->naddr > 0)
		remove_addr(t, ifp->addr[ifp->naddr - 1]);
	udp_if_gone(t, ifp);
	take_down(t, ifp);
	route_flush(t, ifindex);
	neigh_flush(t, ifp);
	igmp_flush(t, ifp);
	netif_free(ifp);
	route_changed(t);
	stack_leave(t);
	return 0;
}

int tapir_netif_set_mtu(struct tapir *t, int ifindex, uint32_t mtu)
{
	struct netif *ifp;
	int err = changeable(t, ifindex, &ifp);

	if (err)
		return err;
	if (mtu < TAPIR_MTU_MIN || mtu > TAPIR_MTU_MAX)
		return -EINVAL;
	ifp->conf.mtu = mtu;
	route_changed(t);
	return 0;
}

int tapir_netif_info(const struct tapir *t, int ifindex, struct tapir_netif_info *out)
{
	const struct netif *ifp = netif_get(t, ifindex);

	if (!ifp)
		return -ENODEV;
	*out = (struct tapir_netif_info){
		.conf = ifp->conf,
		.ifindex = ifindex,
		.up = ifp->up,
		.rx_packets = ifp->rx_packets,
		.rx_bytes = ifp->rx_bytes,
		.rx_drops = ifp->rx_drops,
		.tx_packets = ifp->tx_packets,
		.tx_bytes = ifp->tx_bytes,
		.tx_drops = ifp->tx_drops,
		.txq_len = ifp->txq.n,
		.txq_used_bytes = ifp->txq.bytes,
	};
	return 0;
}

/* Whether a host may have the address: RFC 1122 3.2.1.3, by what it excludes. */
static bool host_address(uint32_t ip4, uint8_t prefix_len)
{
	uint32_t mask = prefix_mask(prefix_len);

	if (ip4 >> 24 == 0 || ip4 >> 24 == 127 || ip4 >= TAPIR_IP4(224, 0, 0, 0))
		return false;
	return prefix_len >= 31 || ((ip4 & ~mask) != 0 && (ip4 & ~mask) != ~mask);
}

int tapir_addr_add(struct tapir *t, int ifindex, const struct tapir_addr *addr, uint8_t prefix_len)
{
	struct netif *ifp;
	struct ifaddr *a;
	uint32_t ip4;
	int err = changeable(t, ifindex, &ifp);

	if (err)
		return err;
	if (!addr || !tapir_addr_is_v4(addr) || prefix_len > 32)
		return -EINVAL;
	ip4 = tapir_addr_to_v4(addr);
	if (!host_address(ip4, prefix_len)) /* U11-09: nor a group */
		return -EINVAL;
	err = netif_addr_add(ifp, ip4, prefix_len, &a);
	if (err)
		return err;
	err = route_add_connected(t, a);
	if (err) {
		netif_addr_free(a);
		return err;
	}
	if (ifp->up) {
		stack_enter(t);
		arp_addr_start(t, a);
		stack_leave(t);
	}
	return 0;
}

int tapir_addr_del(struct tapir *t, int ifindex, const struct tapir_addr *addr)
{
	struct netif *ifp;
	struct ifaddr *a;
	int err = changeable(t, ifindex, &ifp);

	if (err)
		return err;
	if (!addr || !tapir_addr_is_v4(addr))
		return -EINVAL;
	a = netif_addr_find(ifp, tapir_addr_to_v4(addr), true);
	if (!a)
		return -ESRCH;
	stack_enter(t);
	remove_addr(t, a);
	stack_leave(t);
	return 0;
}

int tapir_addr_get(const struct tapir *t, int ifindex, unsigned i, struct tapir_ifaddr *out)
{
	const struct netif *ifp = netif_get(t, ifindex);

	if (!ifp)
		return -ENODEV;
	if (i >= ifp->naddr)
		return -ESRCH;
	*out = (struct tapir_ifaddr){
		.addr = tapir_addr_v4(ifp->addr[i]->ip4),
		.prefix_len = ifp->addr[i]->prefix_len,
		.state = ifp->addr[i]->state,
	};
	return 0;
}

int tapir_route_add(struct tapir *t, const struct tapir_route *r)
{
	return r ? route_add(t, r) : -EINVAL;
}

int tapir_route_del(struct tapir *t, const struct tapir_route *r)
{
	return r ? route_del(t, r) : -EINVAL;
}

int tapir_route_get(const struct tapir *t, unsigned i, struct tapir_route *out)
{
	return route_get(t, i, out);
}

/* The interface and IPv4 address that a call about a neighbour means. */
static int neigh_args(const struct tapir *t, int ifindex, const struct tapir_addr *addr,
		      struct netif **ifp, uint32_t *ip4)
{
	int err = changeable(t, ifindex, ifp);

	if (err)
		return err;
	if ((*ifp)->conf.type != TAPIR_NETIF_ETHER || !addr || !tapir_addr_is_v4(addr))
		return -EINVAL;
	*ip4 = tapir_addr_to_v4(addr);
	if (*ip4 == 0 || *ip4 >> 24 == 127 || *ip4 >= TAPIR_IP4(224, 0, 0, 0))
		return -EINVAL;
	return 0;
}

int tapir_neigh_set(struct tapir *t, int ifindex, const struct tapir_addr *addr,
		    const struct tapir_mac *mac)
{
	struct netif *ifp;
	uint32_t ip4;
	int err = neigh_args(t, ifindex, addr, &ifp, &ip4);

	if (err)
		return err;
	if (!mac || !mac_is_unicast(mac->b))
		return -EINVAL;
	stack_enter(t);
	err = neigh_set(t, ifp, ip4, mac);
	stack_leave(t);
	return err;
}

int tapir_neigh_del(struct tapir *t, int ifindex, const struct tapir_addr *addr)
{
	struct netif *ifp;
	uint32_t ip4;
	int err = neigh_args(t, ifindex, addr, &ifp, &ip4);

	if (err)
		return err;
	stack_enter(t);
	err = neigh_del(t, ifp, ip4);
	stack_leave(t);
	return err;
}

int tapir_neigh_get(const struct tapir *t, unsigned i, struct tapir_neigh *out)
{
	return neigh_get(t, i, out);
}
