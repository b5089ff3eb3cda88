/*
 * ARP lets any hardware and protocol talk about addresses of any length; over Ethernet and IPv4 all
 * of that is fixed, and so are the offsets. A packet that says otherwise is not ours to read: its
 * fields would lie elsewhere.
 *
 *	0     2     4 5 6    8         14      18        24      28
 *	|htype|ptype|6|4| op | sha     | spa   | tha     | tpa   |
 */
#include "stack/wire/arp.h"
#include "stack/wire/bytes.h"

#define ARP_HTYPE_ETHER 1
#define ARP_PLEN	4

int arp_decode(const uint8_t *p, size_t len, struct arp_pkt *out)
{
	/* R826-7: all 28 bytes, or nothing; padding behind them is no part of it. */
	if (len < ARP_LEN)
		return WIRE_ESHORT;
	/* R826-1: types and lengths before any address is used. */
	if (get_be16(p) != ARP_HTYPE_ETHER)
		return WIRE_EHTYPE;
	if (get_be16(p + 2) != ETH_TYPE_IPV4)
		return WIRE_EPTYPE;
	if (p[4] != ETH_ALEN)
		return WIRE_EHLEN;
	if (p[5] != ARP_PLEN)
		return WIRE_EPLEN;
	out->op = get_be16(p + 6);
	mac_copy(out->sha, p + 8);
	out->spa = get_be32(p + 14);
	mac_copy(out->tha, p + 18);
	out->tpa = get_be32(p + 24);
	return ARP_LEN;
}

int arp_encode(uint8_t *p, const struct arp_pkt *a)
{
	put_be16(p, ARP_HTYPE_ETHER);
	put_be16(p + 2, ETH_TYPE_IPV4);
	p[4] = ETH_ALEN;
	p[5] = ARP_PLEN;
	put_be16(p + 6, a->op);
	mac_copy(p + 8, a->sha);
	put_be32(p + 14, a->spa);
	mac_copy(p + 18, a->tha);
	put_be32(p + 24, a->tpa);
	return ARP_LEN;
}
