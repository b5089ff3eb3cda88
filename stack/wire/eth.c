/*
 * An Ethernet II frame: destination, source, type, payload. The same 14 bytes can be an 802.3
 * frame, whose third field is a length below 1536, or carry a VLAN tag, whose type stands where
 * ours would: neither is spoken here (RFC 1122 2.3.3 makes receiving RFC 1042 frames a SHOULD and
 * sending them optional), but each is recognised so that it is dropped with its own reason.
 *
 *	0        6        12   14
 *	| dst    | src    |type| payload ...
 */
#include "stack/wire/bytes.h"
#include "stack/wire/eth.h"

int eth_hdr_decode(const uint8_t *p, size_t len, struct eth_hdr *out)
{
	if (len < ETH_HLEN)
		return WIRE_ESHORT;
	mac_copy(out->dst, p);
	mac_copy(out->src, p + 6);
	out->type = get_be16(p + 12);
	if (out->type < ETH_TYPE_MIN)
		return WIRE_E8023;
	if (out->type == ETH_TYPE_VLAN || out->type == ETH_TYPE_QINQ)
		return WIRE_EVLAN;
	return ETH_HLEN;
}

int eth_hdr_encode(uint8_t *p, const struct eth_hdr *h)
{
	mac_copy(p, h->dst);
	mac_copy(p + 6, h->src);
	put_be16(p + 12, h->type);
	return ETH_HLEN;
}
