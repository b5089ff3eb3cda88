/*
 * Interfaces as the layers above see them: a number, addresses, a bounded transmit queue.
 *
 * The queue is where packets wait for the driver, which looks at its head (tapir_tx_peek) and later
 * says how many left (tapir_tx_done). It is bounded in bytes; TCP asks before it cuts a segment and
 * waits in `txwait` when there is no room, so that only datagrams and control messages are ever lost
 * here. The loopback's queue is the same thing, drained by the stack itself.
 *
 * Addresses stand in order of addition: the first valid one is the preferred source.
 */
#include <errno.h>
#include <string.h>

#include "stack/core/netif.h"
#include "stack/wire/eth.h"

static const uint32_t loopback_ip4 = TAPIR_IP4(127, 0, 0, 1);

struct netif *netif_get(const struct tapir *t, int ifindex)
{
	return ifindex >= 1 && ifindex <= NETIF_MAX ? t->netif[ifindex] : NULL;
}

static bool conf_ok(const struct tapir_netif_conf *conf)
{
	if (conf->mtu < TAPIR_MTU_MIN || conf->mtu > TAPIR_MTU_MAX)
		return false;
	if (!memchr(conf->name, '\0', sizeof(conf->name)))
		return false;
	if (conf->offload &
	    ~(uint32_t)(TAPIR_OFFLOAD_TX_CSUM | TAPIR_OFFLOAD_TSO4 | TAPIR_OFFLOAD_USO4))
		return false;
	/* Segmenting makes new checksums: it can't be had without them. */
	if (conf->offload & ~(uint32_t)TAPIR_OFFLOAD_TX_CSUM &&
	    !(conf->offload & TAPIR_OFFLOAD_TX_CSUM))
		return false;
	switch (conf->type) {
	case TAPIR_NETIF_ETHER:
		return mac_is_unicast(conf->mac.b);
	case TAPIR_NETIF_RAW_IP:
	case TAPIR_NETIF_LOOP:
		return true;
	}
	return false;
}

static int add_at(struct tapir *t, int ifindex, const struct tapir_netif_conf *conf)
{
	struct netif *ifp;

	if (!conf_ok(conf))
		return -EINVAL;
	ifp = mem_zalloc(t, sizeof(*ifp));
	if (!ifp)
		return -ENOMEM;
	ifp->t = t;
	ifp->ifindex = ifindex;
	ifp->conf = *conf;
	ifp->txq_limit = conf->txq_bytes ? conf->txq_bytes : (uint32_t)t->conf.txq_bytes;
	/* One packet of any legal size must fit, or nothing could ever leave. */
	ifp->txq_limit = max_u32(ifp->txq_limit, PKT_MAX_LEN);
	pktq_init(&ifp->txq);
	list_init(&ifp->txwait);
	list_init(&ifp->groups);
	timer_init(&ifp->igmp_timer, TIMER_IGMP_IF);
	t->netif[ifindex] = ifp;
	if (ifindex > t->netif_top)
		t->netif_top = ifindex;
	return ifindex;
}

int netif_add(struct tapir *t, const struct tapir_netif_conf *conf)
{
	if (conf->type == TAPIR_NETIF_LOOP)
		return -EINVAL;
	for (int i = TAPIR_LOOPBACK + 1; i <= NETIF_MAX; i++) {
		if (!t->netif[i])
			return add_at(t, i, conf);
	}
	return -ENOSPC;
}

void netif_free(struct netif *ifp)
{
	struct tapir *t = ifp->t;

	TAPIR_ASSERT(list_empty(&ifp->groups));
	while (ifp->naddr > 0)
		netif_addr_free(ifp->addr[ifp->naddr - 1]);
	pktq_flush(&ifp->txq, DROP_TXQ_FLUSH);
	/* Who waited looks for another way. */
	list_splice_tail(&t->dirty, &ifp->txwait);
	timer_stop(t, &ifp->igmp_timer);
	t->netif[ifp->ifindex] = NULL;
	while (t->netif_top > 0 && !t->netif[t->netif_top])
		t->netif_top--;
	mem_free(t, ifp, sizeof(*ifp));
}

int netif_addr_add(struct netif *ifp, uint32_t ip4, uint8_t prefix_len, struct ifaddr **out)
{
	struct tapir *t = ifp->t;
	struct ifaddr *a;

	if (prefix_len > 32)
		return -EINVAL;
	for (int i = 1; i <= NETIF_MAX; i++) {
		if (t->netif[i] && netif_addr_find(t->netif[i], ip4, true))
			return -EEXIST;
	}
	if (ifp->naddr == NETIF_ADDR_MAX)
		return -ENOSPC;
	a = mem_zalloc(t, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->ip4 = ip4;
	a->prefix_len = prefix_len;
	a->state = TAPIR_ADDR_VALID;
	a->ifp = ifp;
	timer_init(&a->arp_timer, TIMER_ARP);
	ifp->addr[ifp->naddr++] = a;
	*out = a;
	route_changed(t);
	return 0;
}

void netif_addr_free(struct ifaddr *a)
{
	struct netif *ifp = a->ifp;
	struct tapir *t = ifp->t;
	unsigned i = 0;

	timer_stop(t, &a->arp_timer);
	while (i < ifp->naddr && ifp->addr[i] != a)
		i++;
	TAPIR_ASSERT(i < ifp->naddr);
	memmove(&ifp->addr[i], &ifp->addr[i + 1], (ifp->naddr - i - 1) * sizeof(ifp->addr[0]));
	ifp->naddr--;
	mem_free(t, a, sizeof(*a));
	route_changed(t);
}

struct ifaddr *netif_addr_find(const struct netif *ifp, uint32_t ip4, bool any_state)
{
	for (unsigned i = 0; i < ifp->naddr; i++) {
		struct ifaddr *a = ifp->addr[i];

		if (a->ip4 == ip4 && (any_state || a->state == TAPIR_ADDR_VALID))
			return a;
	}
	return NULL;
}

struct netif *netif_by_addr(const struct tapir *t, uint32_t ip4)
{
	if (ip4 == 0)
		return NULL;
	/* RFC 1122 3.2.1.3 g: all of 127/8 is this host, and nothing else is. */
	if (ip4 >> 24 == 127) {
		struct netif *lo = t->netif[TAPIR_LOOPBACK];

		return lo && lo->up ? lo : NULL;
	}
	for (int i = 1; i <= t->netif_top; i++) {
		struct netif *ifp = t->netif[i];

		if (ifp && ifp->up && netif_addr_find(ifp, ip4, false))
			return ifp;
	}
	return NULL;
}

uint32_t netif_source_for(const struct netif *ifp, uint32_t dst)
{
	uint32_t first = 0;

	for (unsigned i = 0; i < ifp->naddr; i++) {
		const struct ifaddr *a = ifp->addr[i];

		if (a->state != TAPIR_ADDR_VALID)
			continue;
		if (((a->ip4 ^ dst) & prefix_mask(a->prefix_len)) == 0)
			return a->ip4;
		if (first == 0)
			first = a->ip4;
	}
	return first;
}

bool netif_is_broadcast(const struct netif *ifp, uint32_t dst)
{
	if (dst == UINT32_MAX || dst == 0)
		return true;
	for (unsigned i = 0; i < ifp->naddr; i++) {
		const struct ifaddr *a = ifp->addr[i];
		uint32_t mask = prefix_mask(a->prefix_len);

		/* RFC 3021: a /31 has two hosts and no broadcast; a /32 has one host. */
		if (a->prefix_len >= 31 || ((a->ip4 ^ dst) & mask) != 0)
			continue;
		if ((dst & ~mask) == ~mask || (dst & ~mask) == 0)
			return true;
	}
	return false;
}

bool netif_has_room(const struct netif *ifp, uint32_t bytes)
{
	return ifp->txq.bytes <= ifp->txq_limit && bytes <= ifp->txq_limit - ifp->txq.bytes;
}

void netif_wait(struct netif *ifp, struct list *out)
{
	list_del(out);
	list_add_tail(&ifp->txwait, out);
}

int netif_enqueue(struct netif *ifp, struct pkt *p)
{
	struct tapir *t = ifp->t;
	bool loop = ifp->conf.type == TAPIR_NETIF_LOOP;
	uint32_t link = ifp->conf.type == TAPIR_NETIF_ETHER ? ETH_HLEN : 0;
	uint32_t len = pkt_wire_len(p);

	p->ifindex = (uint16_t)ifp->ifindex;
	if (!ifp->up) {
		ifp->tx_drops++;
		pkt_drop(p, DROP_IF_DOWN);
		return -ENETDOWN;
	}
	if (p->gso_type == PKT_GSO_NONE && len > ifp->conf.mtu + link) {
		ifp->tx_drops++;
		pkt_drop(p, DROP_PKT_TOO_BIG);
		return -EMSGSIZE;
	}
	if (!netif_has_room(ifp, len)) {
		ifp->tx_drops++;
		if (loop)
			STAT_INC(t, Tapir, LoopbackFull);
		else
			STAT_INC(t, Tapir, TxQueueFull);
		pkt_drop(p, loop ? DROP_LOOPBACK_FULL : DROP_TXQ_FULL);
		return -ENOBUFS;
	}
	/* What comes back to us must not lean on the ring of the connection that sent it. */
	if (loop && pkt_own(&p) < 0) {
		ifp->tx_drops++;
		pkt_drop(p, DROP_NO_MEMORY);
		return -ENOBUFS;
	}
	p->time_ns = t->now_ns;
	pktq_push(&ifp->txq, p);
	return 0;
}

int netif_init(struct tapir *t)
{
	struct tapir_netif_conf conf = {
		.name = "lo",
		.type = TAPIR_NETIF_LOOP,
		.mtu = TAPIR_MTU_MAX,
		/* Nothing can go wrong on the way from us to us: the sum is not even made. */
		.offload = TAPIR_OFFLOAD_TX_CSUM,
	};
	struct ifaddr *a;
	int err = add_at(t, TAPIR_LOOPBACK, &conf);

	if (err < 0)
		return err;
	t->netif[TAPIR_LOOPBACK]->up = true;
	return netif_addr_add(t->netif[TAPIR_LOOPBACK], loopback_ip4, 8, &a);
}

void netif_fini(struct tapir *t)
{
	for (int i = NETIF_MAX; i >= 1; i--) {
		if (t->netif[i])
			netif_free(t->netif[i]);
	}
}
