/*
 * An IPv4 packet leaves.
 *
 *	transport header and data, checksum done or left to the interface
 *	  -> route (given by the caller while it is fresh, or looked up)
 *	  -> whole, when it fits the path; in fragments, when it may be cut; else refused
 *	  -> ourselves: the loopback's queue; others: ether_output()
 *
 * DF and the identification (RFC 6864): with DF set a datagram is never cut, here or on its way, so its
 * identification means nothing and is 0. Without DF it is one from ip_id.c, unique for two minutes.
 *
 * Fragments are all made before the first leaves: memory, or room in the queue, is there for all of them or
 * none is sent, because half a datagram is only a burden on its receiver.
 *
 * Offload: a checksum left to be done travels with the packet to an interface that can do it, and is done
 * here for one that can't, or when the packet is cut. A super-segment (GSO) goes only to an interface
 * that cuts it itself.
 */
#include <errno.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/ip/igmp.h"
#include "stack/ip/ip.h"
#include "stack/ip/ip_state.h"
#include "stack/link/ether.h"
#include "stack/wire/bytes.h"
#include "stack/wire/cksum.h"

enum { IP_TOTAL_HEADROOM = IPV4_HLEN_RA + ETH_HLEN };

static int fail(struct tapir *t, struct pkt *p, enum drop_reason reason, int err)
{
	STAT_INC(t, Ip, OutDiscards);
	pkt_drop(p, reason);
	return err;
}

/* Headers before p's data must fit: a packet that came from a driver with less room is copied. */
static int make_headroom(struct pkt **pp)
{
	struct pkt *p = *pp, *c;
	uint32_t len = pkt_wire_len(p);

	if (pkt_headroom(p) >= IP_TOTAL_HEADROOM)
		return 0;
	if (len > IP_MAX_LEN)
		return -EMSGSIZE;
	c = pkt_alloc(p->t, PKT_HEADROOM, len);
	if (!c)
		return -ENOMEM;
	c->flags = p->flags & (uint16_t)~PKT_RESERVE;
	c->csum_start = p->csum_start;
	c->csum_offset = p->csum_offset;
	c->gso_size = p->gso_size;
	c->gso_type = p->gso_type;
	memcpy(pkt_put(c, p->len), p->data, p->len);
	for (unsigned i = 0; i < p->nspan; i++)
		memcpy(pkt_put(c, p->span[i].len), p->span[i].p, p->span[i].len);
	pkt_free(p);
	*pp = c;
	return 0;
}

/* Does what PKT_CSUM_PARTIAL left to do. Offsets count from data. */
static void finish_csum(struct tapir *t, struct pkt *p)
{
	uint32_t start = p->csum_start, off = p->len - start;
	uint8_t *field = p->data + start + p->csum_offset;
	uint16_t csum;
	uint32_t sum;

	if (!(p->flags & PKT_CSUM_PARTIAL))
		return;
	TAPIR_ASSERT(start + p->csum_offset + 2u <= p->len);
	sum = t->cksum->partial(p->data + start, p->len - start, 0);
	for (unsigned i = 0; i < p->nspan; i++) {
		uint32_t piece = t->cksum->partial(p->span[i].p, p->span[i].len, 0);

		sum = cksum_join(sum, piece, off);
		off += p->span[i].len;
	}
	csum = cksum_fold(sum);
	/* R768-2: UDP's zero means that there is none; for TCP both forms are the same number. */
	put_be16(field, csum ? csum : 0xffff);
	p->flags &= (uint16_t)~PKT_CSUM_PARTIAL;
}

/* Puts the header on p, whose csum_start follows the move of data. */
static void put_header(struct pkt *p, const struct ipv4_hdr *h, bool ra)
{
	uint32_t hlen = ra ? IPV4_HLEN_RA : IPV4_HLEN;
	uint8_t *at = pkt_push(p, hlen);

	p->csum_start = (uint16_t)(p->csum_start + hlen);
	if (ra)
		ipv4_hdr_encode_ra(at, h);
	else
		ipv4_hdr_encode(at, h);
}

/* Groups hear their own members, and a broadcast is for this host too. */
static bool loops_back(const struct netif *ifp, const struct route *rt, const struct ip_tx *tx,
		       uint32_t src)
{
	if (src == 0)
		return false;
	if (rt->kind == RX_MULTICAST)
		return !(tx->flags & IP_TX_NO_LOOP) && igmp_is_member(ifp, tx->dst);
	return rt->kind == RX_BROADCAST;
}

/* A copy for ourselves of what goes to many, heard on the interface that it leaves by. */
static void loop_copy(struct tapir *t, const struct netif *ifp, const struct pkt *p,
		      const struct ipv4_hdr *h, bool ra)
{
	struct pkt *c = pkt_copy(p);

	if (!c)
		return;
	finish_csum(t, c);
	put_header(c, h, ra);
	c->loop_ifindex = (uint16_t)ifp->ifindex;
	netif_enqueue(netif_get(t, TAPIR_LOOPBACK), c);
}

/* The i-th piece of p, cut at `mtu`, with its header; NULL: no memory. */
static struct pkt *make_fragment(struct tapir *t, const struct pkt *p, const struct ipv4_hdr *whole,
				 bool ra, uint32_t off, uint32_t len)
{
	struct pkt *f = pkt_alloc(t, PKT_HEADROOM, len);
	struct ipv4_hdr h = *whole;

	if (!f)
		return NULL;
	pkt_charge_to(f, p->charge);
	memcpy(pkt_put(f, len), p->data + off, len);
	h.frag_off = (uint16_t)off;
	h.mf = off + len < p->len;
	h.total_len = (uint16_t)(len + (ra ? IPV4_HLEN_RA : IPV4_HLEN));
	put_header(f, &h, ra);
	return f;
}

/* R1122-91: p, whose data begins at the transport header, in pieces of at most `mtu` bytes. */
static int output_fragments(struct tapir *t, struct netif *ifp, struct pkt *p,
			    const struct ipv4_hdr *h, bool ra, uint32_t nexthop, uint32_t mtu)
{
	uint32_t hlen = ra ? IPV4_HLEN_RA : IPV4_HLEN;
	/* R791-5 */
	uint32_t piece = (mtu - hlen) & ~7u;
	uint32_t nfrag = (p->len + piece - 1) / piece;
	struct pktq q;
	struct pkt *f;
	int err = 0;

	pktq_init(&q);
	if (!netif_has_room(ifp, p->len + nfrag * (hlen + ETH_HLEN + ETH_ZLEN))) {
		STAT_INC(t, Ip, FragFails);
		return fail(t, p, DROP_TXQ_FULL, -ENOBUFS);
	}
	for (uint32_t off = 0; off < p->len; off += piece) {
		f = make_fragment(t, p, h, ra, off, min_u32(piece, p->len - off));
		if (!f) {
			pktq_flush(&q, DROP_NO_MEMORY);
			STAT_INC(t, Ip, FragFails);
			return fail(t, p, DROP_NO_MEMORY, -ENOMEM);
		}
		pktq_push(&q, f);
	}
	pkt_free(p);
	while ((f = pktq_pop(&q))) {
		STAT_INC(t, Ip, FragCreates);
		STAT_INC(t, Ip, OutTransmits);
		STAT_ADD(t, IpExt, OutOctets, f->len);
		if (err == 0)
			err = ether_output(t, ifp, f, nexthop);
		else
			pkt_drop(f, DROP_TXQ_FULL);
	}
	if (err == 0)
		STAT_INC(t, Ip, FragOKs);
	else
		STAT_INC(t, Ip, FragFails);
	return err;
}

static int output_whole(struct tapir *t, struct netif *ifp, struct pkt *p, uint32_t nexthop)
{
	STAT_INC(t, Ip, OutTransmits);
	STAT_ADD(t, IpExt, OutOctets, pkt_wire_len(p));
	if (!(ifp->conf.offload & TAPIR_OFFLOAD_TX_CSUM) && p->gso_type == PKT_GSO_NONE)
		finish_csum(t, p);
	return ether_output(t, ifp, p, nexthop);
}

/* The way: the caller's while it is fresh (R1122-77, R1122-79: the route cache), else looked up. */
static int find_route(struct tapir *t, const struct ip_tx *tx, struct route *rt)
{
	const struct netif *ifp;
	int err;

	if (tx->flags & IP_TX_FORCE_IF) {
		/* Before it has an address a host can only ask for one, by broadcast (RFC 1122 3.2.1.3 a). */
		ifp = netif_get(t, tx->rt ? tx->rt->ifindex : tx->ifindex);
		if (!ifp || !ifp->up)
			return -ENETDOWN;
		*rt = (struct route){.dst = tx->dst,
				     .src = tx->src,
				     .nexthop = tx->dst,
				     .mtu = ifp->conf.mtu,
				     .gen = t->route_gen,
				     .ifindex = (uint16_t)ifp->ifindex,
				     .kind = netif_is_broadcast(ifp, tx->dst) ? RX_BROADCAST
					     : tx->dst >> 28 == 14	      ? RX_MULTICAST
									      : RX_UNICAST};
		return 0;
	}
	if (tx->rt && tx->rt->gen == t->route_gen && tx->rt->dst == tx->dst &&
	    (tx->src == 0 || tx->src == tx->rt->src)) {
		*rt = *tx->rt;
		return 0;
	}
	/* R1122-22, R1122-26, R1122-97: a source that is not ours finds no route. */
	err = route_lookup(t, tx->dst, tx->src, tx->rt ? tx->rt->ifindex : tx->ifindex, rt);
	if (err < 0)
		STAT_INC(t, Ip, OutNoRoutes);
	return err;
}

/* A super-segment: only for an interface that cuts it, and each piece must fit the path. */
static bool gso_fits(const struct netif *ifp, const struct pkt *p, uint32_t mtu)
{
	bool tcp = p->gso_type == PKT_GSO_TCPV4;
	uint32_t offload = tcp ? TAPIR_OFFLOAD_TSO4 : TAPIR_OFFLOAD_USO4;

	return (ifp->conf.offload & offload) != 0 && p->gso_size > 0 &&
	       p->gso_size + IPV4_HLEN + (tcp ? 20u : 8u) <= mtu;
}

int ip_output(struct tapir *t, struct pkt *p, const struct ip_tx *tx)
{
	bool ra = tx->flags & IP_TX_ROUTER_ALERT;
	uint32_t hlen = ra ? IPV4_HLEN_RA : IPV4_HLEN;
	struct ipv4_hdr h;
	struct netif *ifp;
	struct route rt;
	uint32_t mtu, len;
	bool df, gso;
	int err;

	STAT_INC(t, Ip, OutRequests);
	p->flags &= PKT_CSUM_PARTIAL | PKT_RESERVE | PKT_GSO_MORE;
	p->loop_ifindex = 0;
	err = find_route(t, tx, &rt);
	if (err < 0)
		return fail(t, p, err == -ENETDOWN ? DROP_IF_DOWN : DROP_IP_NO_ROUTE, err);
	ifp = netif_get(t, rt.ifindex);
	TAPIR_ASSERT(ifp);
	len = pkt_wire_len(p) + hlen;
	/* R20-09: pkt_wire_len() is bounded by what a packet can hold: no sum of these overflows. */
	if (len > IP_MAX_LEN)
		return fail(t, p, DROP_PKT_TOO_BIG, -EMSGSIZE);
	err = make_headroom(&p);
	if (err < 0)
		return fail(t, p, DROP_NO_MEMORY, err);

	mtu = tx->flags & IP_TX_IGNORE_PMTU ? ifp->conf.mtu : min_u32(rt.mtu, ifp->conf.mtu);
	df = tx->flags & IP_TX_DF;
	gso = p->gso_type != PKT_GSO_NONE;
	/* R791-8, R6864-5 */
	if (gso ? !gso_fits(ifp, p, mtu) : len > mtu && df) {
		STAT_INC(t, Ip, FragFails);
		return fail(t, p, DROP_PKT_TOO_BIG, -EMSGSIZE);
	}
	h = (struct ipv4_hdr){
		.tos = tx->tos, /* R1122-31: as it is */
		/* R1122-32: never 0. R1122-34, R6274-8: a setting, or the caller's (R1122-102). */
		.ttl = tx->ttl ? tx->ttl : (uint8_t)t->conf.ip_default_ttl,
		.proto = tx->proto,
		.total_len = (uint16_t)len,
		.df = df,
		.src = tx->src ? tx->src : rt.src,
		.dst = tx->dst,
	};
	/* R6864-2: what stays whole bears 0. The loopback loses nothing and reorders nothing. */
	if (!df && !rt.local) {
		err = ipid_next(t, h.src, h.dst, h.proto, &h.id);
		h.df = err < 0 && (tx->flags & IP_TX_MAY_DF) && len <= mtu;
		if (err < 0 && !h.df)
			return fail(t, p, DROP_IP_ID, err);
	}
	if (rt.kind == RX_MULTICAST)
		STAT_INC(t, IpExt, OutMcastPkts);
	else if (rt.kind == RX_BROADCAST)
		STAT_INC(t, IpExt, OutBcastPkts);

	if (loops_back(ifp, &rt, tx, h.src))
		loop_copy(t, ifp, p, &h, ra);
	if (!gso && len > mtu) {
		/* What is cut must be whole and finished first. */
		err = pkt_own(&p);
		if (err < 0)
			return fail(t, p, DROP_NO_MEMORY, err);
		finish_csum(t, p);
		return output_fragments(t, ifp, p, &h, ra, rt.nexthop, mtu);
	}
	put_header(p, &h, ra);
	return output_whole(t, ifp, p, rt.nexthop);
}
