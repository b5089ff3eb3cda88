/*
 * UDP repeats IP's length in its own field, which is the one that counts: it may be smaller than
 * the IP payload, never greater, and never smaller than the header.
 *
 *	0      2      4      6      8
 *	|sport |dport | len  | csum | data ...
 */
#include "stack/wire/bytes.h"
#include "stack/wire/udp.h"

int udp_hdr_decode(const uint8_t *p, size_t len, struct udp_hdr *out)
{
	if (len < UDP_HLEN)
		return WIRE_ESHORT;
	out->sport = get_be16(p);
	out->dport = get_be16(p + 2);
	out->len = get_be16(p + 4);
	out->csum = get_be16(p + 6);
	/* R768-1: the length is judged before anything, the checksum included, is computed over it.
	 */
	if (out->len < UDP_HLEN || out->len > len)
		return WIRE_ELEN;
	return UDP_HLEN;
}

int udp_hdr_encode(uint8_t *p, const struct udp_hdr *h)
{
	put_be16(p, h->sport);
	put_be16(p + 2, h->dport);
	put_be16(p + 4, h->len);
	put_be16(p + 6, h->csum);
	return UDP_HLEN;
}
