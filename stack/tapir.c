/*
 * The instance: its life, its turn, and the way of a frame.
 *
 * input() is the whole pipeline. A stage looks at its own header and says what comes next; nobody
 * calls up. What is sent to ourselves lands on the loopback interface's queue, and so do our answers
 * to it: stack_leave() takes it off again after the outermost entry has done its own work, so many
 * packets a turn and no more; if some remain, tapir_next_deadline() says "now".
 *
 *	tapir_input ----> input() ----> stages ... transports ----+
 *	                    ^                                     | ip_output to ourselves
 *	stack_leave --------+---------- loopback's queue <--------+
 */
#include <errno.h>
#include <string.h>

#include "stack/core/entry.h"
#include "stack/core/instance.h"
#include "stack/core/netif.h"
#include "stack/core/rx.h"
#include "stack/ip/icmp.h"
#include "stack/ip/igmp.h"
#include "stack/ip/ip.h"
#include "stack/ip/pmtu.h"
#include "stack/ip/reass.h"
#include "stack/link/arp.h"
#include "stack/link/ether.h"
#include "stack/link/neigh.h"
#include "stack/sock/sock.h"
#include "stack/tcp/tcp.h"
#include "stack/udp/udp.h"
#include "stack/wire/bytes.h"
#include "stack/wire/icmp.h"

/* Packets to ourselves that one entry handles. */
enum { LOOP_BUDGET = 512 };

/*
 * Hands an ICMP error, or a local failure in its likeness, to the transport that it is about. DROP_NONE, or
 * why the transport would have none of it.
 */
static enum drop_reason input_icmp_err(struct tapir *t, const struct icmp_err *e)
{
	switch (e->proto) {
	case TAPIR_IPPROTO_TCP:
		return tcp_icmp_err(t, e);
	case TAPIR_IPPROTO_UDP:
		return udp_icmp_err(t, e);
	case TAPIR_IPPROTO_ICMP:
		return echo_icmp_err(t, e);
	default:
		return DROP_ICMP_NO_SOCKET;
	}
}

/* The way of a frame, from the interface to the socket. Consumes p. */
static void input(struct tapir *t, struct netif *ifp, struct pkt *p)
{
	struct rx rx = {.pkt = p, .ifp = ifp, .looped = ifp->conf.type == TAPIR_NETIF_LOOP};
	enum drop_reason why;
	enum verdict v = ifp->conf.type == TAPIR_NETIF_ETHER ? ether_input(t, &rx) : V_NEXT_IP;

	while (v != V_DONE) {
		switch (v) {
		case V_NEXT_ARP:
			v = arp_input(t, &rx);
			break;
		case V_NEXT_IP:
			v = ip_input(t, &rx);
			break;
		case V_NEXT_ICMP:
			v = icmp_input(t, &rx);
			break;
		case V_NEXT_IGMP:
			v = igmp_input(t, &rx);
			break;
		case V_NEXT_UDP:
			v = udp_input(t, &rx);
			break;
		case V_NEXT_TCP:
			v = tcp_input(t, &rx);
			break;
		case V_NEXT_ECHO:
			v = echo_input(t, &rx);
			break;
		case V_ICMP_ERR:
			why = input_icmp_err(t, &rx.err);
			if (why == DROP_NONE)
				pkt_free(rx.pkt);
			else
				pkt_drop(rx.pkt, why);
			v = V_DONE;
			break;
		case V_DONE:
			break;
		}
	}
}

/*
 * A packet that its neighbour never took: what ICMP would have said, had a router told us
 * (RFC 1122 2.4: the link layer reports to IP, IP to the transport).
 */
static void unreachable(struct tapir *t, struct pkt *p)
{
	struct icmp_err e = {.type = ICMP_UNREACH, .code = ICMP_UNREACH_HOST, .local = true};
	struct ipv4_hdr ip;
	int n = ipv4_hdr_decode_quoted(p->data, p->len, &ip);

	if (n > 0 && ip.frag_off == 0 && p->len >= (uint32_t)n + 8) {
		const uint8_t *l4 = p->data + n;

		e.proto = ip.proto;
		e.src = e.from = ip.src;
		e.dst = ip.dst;
		e.quoted_len = ip.total_len;
		if (ip.proto == TAPIR_IPPROTO_ICMP) {
			e.sport = get_be16(l4 + 4);
			e.seq = get_be16(l4 + 6);
		} else {
			e.sport = get_be16(l4);
			e.dport = get_be16(l4 + 2);
			e.seq = ip.proto == TAPIR_IPPROTO_TCP ? get_be32(l4 + 4) : 0;
		}
	}
	pkt_drop(p, DROP_NEIGH_FAILED);
	if (e.proto != 0)
		input_icmp_err(t, &e);
}

static struct netif *loopback(const struct tapir *t)
{
	return t->netif[TAPIR_LOOPBACK];
}

/* One packet that we sent to ourselves arrives. */
static void loop_one(struct tapir *t)
{
	struct netif *lo = loopback(t);
	struct pkt *p = pktq_pop(&lo->txq);

	lo->tx_packets++;
	lo->rx_packets++;
	lo->tx_bytes += p->len;
	lo->rx_bytes += p->len;
	/* A sum that was never made can't be wrong: the bytes did not leave our memory. */
	if (p->flags & PKT_CSUM_PARTIAL)
		p->flags |= PKT_CSUM_VALID;
	p->flags &= PKT_CSUM_VALID | PKT_RESERVE;
	p->flags |= PKT_LOOPED;
	p->gso_type = PKT_GSO_NONE;
	input(t, lo, p);
}

/* What the outermost entry left behind: failures to tell, packets to ourselves. */
static void settle(struct tapir *t)
{
	struct netif *lo = loopback(t);
	unsigned n = 0;
	struct pkt *p;

	for (; n < LOOP_BUDGET && (t->unreach.n > 0 || lo->txq.n > 0); n++) {
		if ((p = pktq_pop(&t->unreach)))
			unreachable(t, p);
		else
			loop_one(t);
	}
	/* Half of the queue is free again: who waited for it may send. */
	if (n > 0 && lo->txq.bytes <= lo->txq_limit / 2) {
		list_splice_tail(&t->dirty, &lo->txwait);
		udp_tx_room(t);
	}
}

void stack_enter(struct tapir *t)
{
	t->depth++;
}

void stack_leave(struct tapir *t)
{
	TAPIR_ASSERT(t->depth > 0);
	if (t->depth == 1)
		settle(t);
	t->depth--;
}

int tapir_input(struct tapir *t, int ifindex, struct pkt *p)
{
	struct netif *ifp = netif_get(t, ifindex);

	/* RS-09: any bytes. Only the driver's word on checksums counts; all else is ours to say. */
	p->flags &= PKT_CSUM_PARTIAL | PKT_CSUM_VALID | PKT_RESERVE;
	if (p->flags & PKT_CSUM_PARTIAL)
		p->flags = (uint16_t)((p->flags & PKT_RESERVE) | PKT_CSUM_VALID);
	p->next = NULL;
	p->ifindex = ifp ? (uint16_t)ifindex : 0;
	p->time_ns = t->now_ns;
	if (!ifp || !ifp->up || ifp->conf.type == TAPIR_NETIF_LOOP || pkt_own(&p) < 0) {
		if (ifp)
			ifp->rx_drops++;
		pkt_drop(p, DROP_IF_DOWN);
		return -ENODEV;
	}
	ifp->rx_packets++;
	ifp->rx_bytes += p->len;
	stack_enter(t);
	input(t, ifp, p);
	stack_leave(t);
	return 0;
}

void tapir_flush(struct tapir *t)
{
	stack_enter(t);
	tcp_flush(t);
	stack_leave(t);
}

/* A timer is due. */
static void fire(struct tapir *t, struct timer *tm)
{
	switch ((enum timer_kind)tm->kind) {
	case TIMER_NEIGH:
		neigh_timer(t, tm);
		break;
	case TIMER_ARP: {
		uint32_t ip4 = container_of(tm, struct ifaddr, arp_timer)->ip4;

		/* RFC 5227 2.4: an address given up takes its connections with it. */
		if (arp_timer(t, tm))
			stack_addr_gone(t, ip4);
		break;
	}
	case TIMER_REASS:
		reass_timer(t, tm);
		break;
	case TIMER_PMTU:
		pmtu_timer(t, tm);
		break;
	case TIMER_IGMP:
		igmp_timer(t, tm);
		break;
	case TIMER_IGMP_IF:
		igmp_if_timer(t, tm);
		break;
	case TIMER_TCP_CONN:
		tcp_conn_timer(t, tm);
		break;
	case TIMER_TCP_SYN:
		tcp_syn_timer(t, tm);
		break;
	case TIMER_TCP_TW:
		tcp_tw_timer(t, tm);
		break;
	case TIMER_KINDS:
		TAPIR_UNREACHABLE();
	}
}

void tapir_advance(struct tapir *t, uint64_t now_ns)
{
	struct timer *tm;
	bool fired = false;

	stack_enter(t);
	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
	timers_collect(t);
	while ((tm = timers_pop(t))) {
		fire(t, tm);
		fired = true;
	}
	tcp_flush(t);
	/* Packets held for a neighbour may have been given up. */
	if (fired)
		udp_tx_room(t);
	stack_leave(t);
}

uint64_t tapir_now(const struct tapir *t)
{
	return t->now_ns;
}

uint64_t tapir_next_deadline(struct tapir *t)
{
	if (!list_empty(&t->dirty) || t->unreach.n > 0 || loopback(t)->txq.n > 0)
		return t->now_ns;
	return timers_next(t);
}

size_t tapir_tx_peek(struct tapir *t, int ifindex, const struct pkt **pkts, size_t max)
{
	struct netif *ifp = netif_get(t, ifindex);
	size_t n = 0;

	tapir_flush(t);
	if (!ifp || ifp->conf.type == TAPIR_NETIF_LOOP)
		return 0;
	for (const struct pkt *p = ifp->txq.head; p && n < max; p = p->next)
		pkts[n++] = p;
	return n;
}

void tapir_tx_done(struct tapir *t, int ifindex, size_t n)
{
	struct netif *ifp = netif_get(t, ifindex);

	if (!ifp || ifp->conf.type == TAPIR_NETIF_LOOP || ifp->txq.n == 0 || n == 0)
		return;
	stack_enter(t);
	for (struct pkt *p; n > 0 && (p = pktq_pop(&ifp->txq)); n--) {
		ifp->tx_packets++;
		ifp->tx_bytes += pkt_wire_len(p);
		pkt_free(p);
	}
	if (ifp->txq.bytes <= ifp->txq_limit / 2) {
		list_splice_tail(&t->dirty, &ifp->txwait);
		udp_tx_room(t);
	}
	stack_leave(t);
}

size_t tapir_ready_pop(struct tapir *t, struct tapir_ready *out, size_t max)
{
	tapir_flush(t);
	return ready_pop(t, out, max);
}

/* Tells the transports that an address of ours is gone. */
void stack_addr_gone(struct tapir *t, uint32_t ip4)
{
	tcp_addr_gone(t, ip4);
	udp_addr_gone(t, ip4);
}

int tapir_create(struct tapir **out, const struct tapir_env *env, const struct tapir_conf *conf,
		 const uint8_t seed[TAPIR_SEED_LEN], uint64_t now_ns)
{
	struct tapir_conf defaults;
	struct tapir *t;
	int err;

	*out = NULL;
	if (!env || !env->alloc || !env->free || !seed)
		return -EINVAL;
	if (!conf) {
		tapir_conf_default(&defaults);
		conf = &defaults;
	}
	err = tapir_conf_check(conf);
	if (err)
		return err;
	t = env->alloc(env->ctx, sizeof(*t));
	if (!t)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	t->now_ns = now_ns;
	t->env = *env;
	t->conf = *conf;
	t->cksum = cksum_select(conf->cpu_features & TAPIR_CPU_AVX2);
	timers_init(&t->timers);
	chacha_rng_init(&t->rng, seed);
	ready_list_init(&t->ready);
	list_init(&t->dirty);
	pktq_init(&t->unreach);

	if ((err = pkt_pool_init(t)) || (err = netif_init(t)) || (err = neigh_init(t)) ||
	    (err = ip_init(t)) || (err = icmp_init(t)) || (err = udp_init(t)) ||
	    (err = tcp_init(t)) || (err = sock_init(t))) {
		tapir_destroy(t);
		return err;
	}
	*out = t;
	return 0;
}

/* Also of an instance that was made in part: every NAME_fini() bears a NAME_init() that never ran. */
void tapir_destroy(struct tapir *t)
{
	if (!t)
		return;
	sock_fini(t);
	tcp_fini(t);
	udp_fini(t);
	for (int i = 1; i <= NETIF_MAX; i++) {
		if (t->netif[i])
			igmp_flush(t, t->netif[i]);
	}
	icmp_fini(t);
	ip_fini(t);
	neigh_fini(t);
	pktq_flush(&t->unreach, DROP_TXQ_FLUSH);
	netif_fini(t);
	pkt_pool_fini(t);
	mem_free(t, t, sizeof(*t));
}

static void pktq_check(const struct pktq *q)
{
	uint32_t n = 0, bytes = 0;

	for (const struct pkt *p = q->head; p; p = p->next) {
		n++;
		bytes += pkt_wire_len(p);
		TAPIR_ASSERT(p->next || p == q->tail);
		TAPIR_ASSERT(p->data >= p->buf && pkt_headroom(p) + p->len <= p->cap);
	}
	TAPIR_ASSERT(n == q->n && bytes == q->bytes);
	TAPIR_ASSERT((q->head == NULL) == (q->n == 0));
}

void tapir_check(struct tapir *t)
{
	TAPIR_ASSERT(t->depth == 0);
	TAPIR_ASSERT(list_empty(&t->timers.due));
	TAPIR_ASSERT(t->pool.bytes <= t->pool.limit);
	pktq_check(&t->unreach);
	for (int i = 1; i <= NETIF_MAX; i++) {
		const struct netif *ifp = t->netif[i];

		if (!ifp)
			continue;
		TAPIR_ASSERT(ifp->ifindex == i && ifp->naddr <= NETIF_ADDR_MAX);
		TAPIR_ASSERT(ifp->txq.bytes <= ifp->txq_limit);
		TAPIR_ASSERT(ifp->up || ifp->txq.n == 0);
		pktq_check(&ifp->txq);
	}
	neigh_check(t);
	ip_check(t);
	udp_check(t);
	tcp_check(t);
	sock_check(t);
}
