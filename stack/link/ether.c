/*
 * Ethernet II frames (RFC 894), the only encapsulation that we speak.
 *
 *	| destination 6 | source 6 | type 2 | payload 46..1500 | (check sequence: the hardware's) |
 *
 * In: who the frame is for is decided before anything in it is read. A frame for another station's
 * address reaches us on a TAP or on an interface in promiscuous mode, and is none of our business
 * (IP-08). That a frame came to all or to many is noted on the packet, because the IP layer must not
 * answer such a packet with an error (RFC 1122 2.4).
 *
 * Out: an IPv4 address becomes a MAC address in one of three ways: broadcast and multicast by rule,
 * all else by asking the neighbour (neigh.c). Frames shorter than 60 bytes are filled with zeros:
 * what lies behind the packet in our memory is nobody's business either.
 *
 * A tag of 802.1Q, a length of 802.3 and an unknown type are losses with reasons of their own, so that
 * a wrong switch port can be told from a broken peer.
 */
#include <errno.h>

#include "stack/link/ether.h"
#include "stack/link/neigh.h"
#include "stack/base/assert.h"
#include "stack/wire/bytes.h"

static enum verdict lose(struct rx *rx, enum drop_reason reason)
{
	rx->ifp->rx_drops++;
	pkt_drop(rx->pkt, reason);
	return V_DONE;
}

enum verdict ether_input(struct tapir *t, struct rx *rx)
{
	struct pkt *p = rx->pkt;
	const uint8_t *own = rx->ifp->conf.mac.b;
	int n = eth_hdr_decode(p->data, p->len, &rx->eth);

	(void)t;
	switch (n) {
	case ETH_HLEN:
		break;
	case WIRE_EVLAN: /* IP-07: a tag says of which network the frame is: not ours */
		return lose(rx, DROP_ETH_VLAN);
	case WIRE_E8023:
		/* R1122-10: no form of 802.3 is spoken, so none is understood. */
		return lose(rx, DROP_ETH_8023);
	default: /* R20-11 */
		return lose(rx, DROP_ETH_SHORT);
	}
	if (!mac_is_unicast(rx->eth.src))
		return lose(rx, DROP_ETH_SRC_BAD);
	if (mac_equal(rx->eth.src, own))
		return lose(rx, DROP_ETH_OWN_SRC);

	/* R1122-12: IP is told whether the frame came to many. */
	if (mac_is_broadcast(rx->eth.dst))
		p->flags |= PKT_L2_BROADCAST;
	else if (mac_is_group(rx->eth.dst))
		p->flags |= PKT_L2_MULTICAST;
	else if (!mac_equal(rx->eth.dst, own)) /* IP-08 */
		return lose(rx, DROP_ETH_NOT_OURS);

	pkt_pull(p, ETH_HLEN);
	switch (rx->eth.type) {
	case ETH_TYPE_IPV4: /* R1122-7 */
		return V_NEXT_IP;
	case ETH_TYPE_ARP:
		return V_NEXT_ARP;
	default:
		/* R1122-2: trailers, RARP (U11-08), and IPv6 in whatever state (AM33-16, R20-02, R20-04, R20-18). */
		return lose(rx, DROP_ETH_TYPE);
	}
}

/*
 * Room for `pad` bytes behind the contiguous ones, by moving these down when there is none: a frame so
 * short that it wants padding leaves room enough on one side of the smallest buffer.
 */
static void make_tailroom(struct pkt *p, uint32_t pad)
{
	uint32_t room = (uint32_t)pkt_tailroom(p);

	if (room >= pad)
		return;
	TAPIR_ASSERT(pkt_headroom(p) >= pad - room);
	memmove(p->data - (pad - room), p->data, p->len);
	p->data -= pad - room;
}

int ether_send(struct netif *ifp, struct pkt *p, const struct tapir_mac *dst, uint16_t type)
{
	struct eth_hdr h = {.type = type};
	uint32_t len;

	TAPIR_ASSERT(pkt_headroom(p) >= ETH_HLEN);
	mac_copy(h.dst, dst->b);
	mac_copy(h.src, ifp->conf.mac.b);
	eth_hdr_encode(pkt_push(p, ETH_HLEN), &h);
	p->csum_start = (uint16_t)(p->csum_start + ETH_HLEN);

	len = pkt_wire_len(p);
	if (len < ETH_ZLEN) {
		uint32_t pad = ETH_ZLEN - len;

		/* IP-05: zeros, whatever was in the buffer before (CVE-2003-0001). */
		if (pkt_own(&p) < 0) {
			ifp->tx_drops++;
			pkt_drop(p, DROP_NO_MEMORY);
			return -ENOBUFS;
		}
		make_tailroom(p, pad);
		memset(pkt_put(p, pad), 0, pad);
	}
	return netif_enqueue(ifp, p);
}

int ether_output(struct tapir *t, struct netif *ifp, struct pkt *p, uint32_t nexthop)
{
	struct tapir_mac mac;
	int err;

	if (ifp->conf.type != TAPIR_NETIF_ETHER)
		return netif_enqueue(ifp, p);
	if (!ifp->up) {
		ifp->tx_drops++;
		pkt_drop(p, DROP_IF_DOWN);
		return -ENETDOWN;
	}
	/* R1122-99: to many in IP means to many on the link. */
	if (netif_is_broadcast(ifp, nexthop)) {
		mac_set_broadcast(mac.b);
		return ether_send(ifp, p, &mac, ETH_TYPE_IPV4);
	}
	if (nexthop >> 28 == 14) {
		mac_from_ip4_group(mac.b, nexthop);
		return ether_send(ifp, p, &mac, ETH_TYPE_IPV4);
	}
	/* R1122-11: nothing leaves before the neighbour has told its address. */
	err = neigh_resolve(t, ifp, nexthop, p, &mac);
	if (err == 0)
		return ether_send(ifp, p, &mac, ETH_TYPE_IPV4);
	if (err == -EINPROGRESS)
		return 0; /* R1122-14: waiting is no error */
	ifp->tx_drops++;
	pkt_drop(p, err == -ENOBUFS ? DROP_NEIGH_TABLE_FULL : DROP_NEIGH_FAILED);
	return err;
}
