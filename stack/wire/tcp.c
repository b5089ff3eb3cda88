/*
 * The fixed part of TCP's header. The data offset is the one length in it: 20 <= hdr_len <= bytes
 * of the segment.
 *
 *	 0              16              32
 *	| source port   | dest. port    |
 *	| sequence number               |
 *	| acknowledgment number         |
 *	|doff|rsv|A CEUAPRSF| window    |
 *	| checksum      | urgent pointer|
 *	| options ...                   |
 */
#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/tcp.h"

int tcp_hdr_decode(const uint8_t *p, size_t len, struct tcp_hdr *out)
{
	/* FR-13, AM33-26, R20-12: by size, then by data offset. */
	if (len < TCP_HLEN)
		return WIRE_ESHORT;

	unsigned off_flags = get_be16(p + 12);
	unsigned hdr_len = (off_flags >> 12) * 4;

	if (hdr_len < TCP_HLEN || hdr_len > len)
		return WIRE_EHDRLEN;
	out->sport = get_be16(p);
	out->dport = get_be16(p + 2);
	out->seq = get_be32(p + 4);
	out->ack = get_be32(p + 8);
	out->hdr_len = (uint8_t)hdr_len;
	out->flags = off_flags & 0xfff;
	out->wnd = get_be16(p + 14);
	out->csum = get_be16(p + 16);
	out->urg = get_be16(p + 18);
	return (int)hdr_len;
}

int tcp_hdr_encode(uint8_t *p, const struct tcp_hdr *h)
{
	TAPIR_ASSERT(h->hdr_len >= TCP_HLEN && h->hdr_len <= TCP_HLEN_MAX && h->hdr_len % 4 == 0);
	put_be16(p, h->sport);
	put_be16(p + 2, h->dport);
	put_be32(p + 4, h->seq);
	put_be32(p + 8, h->ack);
	put_be16(p + 12, (uint16_t)((h->hdr_len / 4u) << 12 | (h->flags & 0xfffu)));
	put_be16(p + 14, h->wnd);
	put_be16(p + TCP_CSUM_OFF, h->csum);
	put_be16(p + 18, h->urg);
	return TCP_HLEN;
}
