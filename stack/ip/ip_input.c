/*
 * An IPv4 packet arrives.
 *
 * The checks go from what can be judged by the bytes alone to what needs to know who we are:
 *
 *	1  form          version, lengths, checksum; padding is cut off
 *	2  options       well formed, and none that steers
 *	3  source        a host's address, not one of ours, not 127/8 from outside
 *	4  destination   ours on this interface, a broadcast, or a group that we joined
 *	5  fragments     put together (reass.c)
 *	6  protocol      handed on
 *
 * Nothing is forwarded: a packet that is not for us ends at step 4 (R1122-17). No error is sent before
 * step 6 (R1122-19, R1122-20, R1122-23, R1122-24): what failed earlier is either damaged, or not ours
 * to answer, or its source can't be believed.
 *
 * The strong model of RFC 1122 3.3.4.2 holds: a packet for an address of ours counts only on the
 * interface that has the address (R1122-95), so that a service bound to an inner address can't be
 * reached from outside by way of a wrong route.
 */
#include "stack/base/assert.h"
#include "stack/ip/icmp.h"
#include "stack/ip/igmp.h"
#include "stack/ip/ip.h"
#include "stack/ip/reass.h"
#include "stack/wire/bytes.h"
#include "stack/wire/icmp.h"

/* R1122-18: nothing vanishes without being counted under its reason. */
static enum verdict lose(struct rx *rx, enum drop_reason reason)
{
	rx->ifp->rx_drops++;
	pkt_drop(rx->pkt, reason);
	return V_DONE;
}

static enum verdict lose_form(struct tapir *t, struct rx *rx, enum drop_reason reason)
{
	STAT_INC(t, Ip, InHdrErrors);
	return lose(rx, reason);
}

static enum verdict lose_addr(struct tapir *t, struct rx *rx, enum drop_reason reason)
{
	STAT_INC(t, Ip, InAddrErrors);
	return lose(rx, reason);
}

/*
 * Step 1: IHL, total length and what arrived must agree before anything else is read; whoever forgot
 * one of these read beyond the frame (AM33-02, AM33-10, AM33-33, FR-05, FR-11, IH-11, NUC-03, R20-14).
 * DROP_NONE, with rx->ip filled and the packet cut to its total length; or why not.
 */
static enum drop_reason check_form(struct tapir *t, struct rx *rx)
{
	struct pkt *p = rx->pkt;

	switch (ipv4_hdr_decode(p->data, p->len, &rx->ip)) {
	case WIRE_ESHORT: /* R6274-1 */
		return DROP_IP_SHORT;
	case WIRE_EVERSION: /* R1122-19, R6274-2 */
		return DROP_IP_VERSION;
	case WIRE_EHDRLEN: /* R6274-3 */
		return DROP_IP_IHL;
	case WIRE_ELEN: /* R791-1, R6274-4 */
		if (rx->ip.total_len > p->len)
			STAT_INC(t, IpExt, InTruncatedPkts);
		return DROP_IP_LENGTH;
	default:
		break;
	}
	/* R1122-20 */
	if (!ipv4_csum_ok(p->data, rx->ip.hdr_len)) {
		STAT_INC(t, IpExt, InCsumErrors);
		return DROP_IP_CSUM;
	}
	pkt_trim(p, rx->ip.total_len);
	return DROP_NONE;
}

/* Step 2. */
static enum drop_reason check_options(const struct rx *rx)
{
	unsigned saw = 0;

	if (rx->ip.hdr_len == IPV4_HLEN)
		return DROP_NONE;
	/*
	 * R791-2, R6274-9: lengths are checked (AM33-01, AM33-11, AM33-13, AM33-14, CL-34); nothing is ever
	 * written into an option or reflected (IP-01, NUC-01, U11-01).
	 */
	/* MUST-50: what is well formed and refuses nothing is passed over. */
	if (ipv4_opts_scan(rx->pkt->data, rx->ip.hdr_len, &saw, NULL) < 0)
		return DROP_IP_OPTION;
	/* R6274-10, CL-23: no address of a source route is used, also when it has come to its end. */
	if (saw & (IPV4_SAW_LSRR | IPV4_SAW_SSRR))
		return DROP_IP_SOURCE_ROUTE;
	/* R1122-37, R1122-39: all others are stepped over. */
	return DROP_NONE;
}

/* Step 3. */
static enum drop_reason check_source(const struct tapir *t, const struct rx *rx)
{
	uint32_t src = rx->ip.src;

	/* R1122-24, R6274-13, IP-02, MUST-63 */
	if (src >> 24 == 0 || src >> 28 >= 14 || netif_is_broadcast(rx->ifp, src))
		return DROP_IP_SRC;
	if (rx->looped)
		return DROP_NONE;
	/* R1122-25 */
	if (src >> 24 == 127)
		return DROP_IP_LOOPBACK_ADDR;
	/* R6274-14, CL-13, CL-14, CL-30: from outside, in our own name. */
	if (netif_by_addr(t, src))
		return DROP_IP_OWN_SRC;
	return DROP_NONE;
}

/* Step 4, with rx->dst_kind filled. */
static enum drop_reason check_destination(const struct tapir *t, struct rx *rx)
{
	uint32_t dst = rx->ip.dst;
	struct netif *owner;

	rx->dst_kind = RX_UNICAST;
	if (dst >> 28 == 14) {
		rx->dst_kind = RX_MULTICAST;
		/* R1122-101 */
		return igmp_is_member(rx->ifp, dst) ? DROP_NONE : DROP_IP_GROUP;
	}
	/* R1122-98: the limited and the directed broadcast, of ones and of zeros. */
	if (netif_is_broadcast(rx->ifp, dst)) {
		rx->dst_kind = RX_BROADCAST;
		return DROP_NONE;
	}
	owner = netif_addr_find(rx->ifp, dst, false) ? rx->ifp : netif_by_addr(t, dst);
	if (rx->looped)
		return owner ? DROP_NONE : DROP_IP_DST;
	if (dst >> 24 == 127)
		return DROP_IP_LOOPBACK_ADDR;
	/* R1122-23, R1122-16 */
	if (!owner)
		return DROP_IP_DST;
	if (owner != rx->ifp)
		return DROP_IP_WRONG_IF;
	/* R1122-100 */
	if (rx->pkt->flags & (PKT_L2_BROADCAST | PKT_L2_MULTICAST))
		return DROP_IP_L2_MISMATCH;
	return DROP_NONE;
}

/* Step 6. */
static enum verdict next_protocol(struct tapir *t, struct rx *rx)
{
	switch (rx->ip.proto) {
	case IPPROTO_NUM_ICMP:
		STAT_INC(t, Ip, InDelivers);
		return V_NEXT_ICMP;
	case IPPROTO_NUM_IGMP:
		STAT_INC(t, Ip, InDelivers);
		return V_NEXT_IGMP;
	case IPPROTO_NUM_UDP:
		STAT_INC(t, Ip, InDelivers);
		return V_NEXT_UDP;
	case IPPROTO_NUM_TCP:
		STAT_INC(t, Ip, InDelivers);
		return V_NEXT_TCP;
	default:
		/* R1122-56: a tunnel is one of these, and is not looked into (R20-01, R20-05, R20-07, CL-26). */
		STAT_INC(t, Ip, InUnknownProtos);
		icmp_send_error(t, rx, ICMP_UNREACH, ICMP_UNREACH_PROTOCOL, 0);
		return lose(rx, DROP_IP_PROTO);
	}
}

enum verdict ip_input(struct tapir *t, struct rx *rx)
{
	struct pkt *p = rx->pkt;
	enum drop_reason why;

	STAT_INC(t, Ip, InReceives);
	STAT_ADD(t, IpExt, InOctets, p->len);
	/* A broadcast or multicast of our own counts as heard on the interface that it left by. */
	if (rx->looped && p->loop_ifindex != 0) {
		struct netif *ifp = netif_get(t, p->loop_ifindex);

		if (!ifp)
			return lose(rx, DROP_IF_DOWN);
		rx->ifp = ifp;
	}
	if ((why = check_form(t, rx)) != DROP_NONE || (why = check_options(rx)) != DROP_NONE)
		return lose_form(t, rx, why);
	/* Not-ECT, ECT(1), ECT(0), CE: in the order of the field's values (RFC 3168 5). */
	static_assert(STAT_IpExt_InCEPkts == STAT_IpExt_InNoECTPkts + 3, "four in a row");
	t->stats.n[STAT_IpExt_InNoECTPkts + (rx->ip.tos & 3)]++;
	if ((why = check_source(t, rx)) != DROP_NONE ||
	    (why = check_destination(t, rx)) != DROP_NONE)
		return lose_addr(t, rx, why);
	if (rx->dst_kind == RX_MULTICAST)
		STAT_INC(t, IpExt, InMcastPkts);
	else if (rx->dst_kind == RX_BROADCAST)
		STAT_INC(t, IpExt, InBcastPkts);

	/* R1122-33, IP-03: TTL is not looked at: the packet has arrived. */
	rx->l3 = p->data;
	rx->l3_len = p->len;
	/* R1122-36: the options stay readable at rx->l3, the payload begins behind them. */
	pkt_pull(p, rx->ip.hdr_len);

	/*
	 * R1122-27; R6864-1, R6864-3: of a whole datagram the identification is never looked at, nor is DF
	 * of a fragment (R6274-6).
	 */
	if (ipv4_is_frag(&rx->ip) && !reass_input(t, rx))
		return V_DONE;
	return next_protocol(t, rx);
}
