/*
 * The IPv4 header. Three lengths have to agree before anything else is believed: IHL (the header),
 * the total length (the datagram) and the bytes received: 20 <= hdr_len <= total_len <= received.
 * Each broken relation has its own error. Bytes received beyond the total length are link padding,
 * which the caller cuts off.
 *
 *	 0       8       16              32
 *	|ver|ihl| tos   | total length   |
 *	| identification |rdm| offset/8  |    r reserved, d don't fragment, m more fragments
 *	| ttl   | proto | checksum       |
 *	| source                         |
 *	| destination                    |
 *	| options: type [length data...] ...
 */
#include "stack/wire/bytes.h"
#include "stack/wire/cksum.h"
#include "stack/wire/ipv4.h"

#define IPV4_RF 0x8000u
#define IPV4_DF 0x4000u
#define IPV4_MF 0x2000u

int ipv4_hdr_decode_quoted(const uint8_t *p, size_t len, struct ipv4_hdr *out)
{
	if (len < IPV4_HLEN)
		return WIRE_ESHORT;
	if (p[0] >> 4 != 4)
		return WIRE_EVERSION; /* R1122-19 */

	unsigned hdr_len = (p[0] & 15u) * 4;
	unsigned frag = get_be16(p + 6);

	/* R791-1, R20-14, and AM33-33 for a quoted header: the lengths agree before they are used. */
	if (hdr_len < IPV4_HLEN || hdr_len > len)
		return WIRE_EHDRLEN;
	out->hdr_len = (uint8_t)hdr_len;
	out->tos = p[1];
	out->total_len = get_be16(p + 2);
	out->id = get_be16(p + 4);
	out->rf = frag & IPV4_RF;
	out->df = frag & IPV4_DF;
	out->mf = frag & IPV4_MF;
	out->frag_off = (uint16_t)((frag & 0x1fff) * 8);
	out->ttl = p[8];
	out->proto = p[9];
	out->csum = get_be16(p + 10);
	out->src = get_be32(p + 12);
	out->dst = get_be32(p + 16);
	if (out->total_len < hdr_len) /* IH-10 */
		return WIRE_ELEN;
	return (int)hdr_len;
}

int ipv4_hdr_decode(const uint8_t *p, size_t len, struct ipv4_hdr *out)
{
	int n = ipv4_hdr_decode_quoted(p, len, out);

	if (n > 0 && out->total_len > len)
		return WIRE_ELEN; /* R791-1, IH-12, NUC-05 */
	return n;
}

bool ipv4_csum_ok(const uint8_t *p, size_t hdr_len)
{
	return cksum_fold(cksum_partial(p, hdr_len, 0)) == 0;
}

/* All fields but the checksum; hdr_len is that of the header being written. */
static void ipv4_put(uint8_t *p, const struct ipv4_hdr *h, unsigned hdr_len)
{
	unsigned frag = h->frag_off / 8u;

	/* R791-10: the reserved flag is sent as zero. */
	if (h->df)
		frag |= IPV4_DF;
	if (h->mf)
		frag |= IPV4_MF;
	p[0] = (uint8_t)(4 << 4 | hdr_len / 4);
	p[1] = h->tos;
	put_be16(p + 2, h->total_len);
	put_be16(p + 4, h->id);
	put_be16(p + 6, (uint16_t)frag);
	p[8] = h->ttl;
	p[9] = h->proto;
	put_be16(p + 10, 0);
	put_be32(p + 12, h->src);
	put_be32(p + 16, h->dst);
}

int ipv4_hdr_encode(uint8_t *p, const struct ipv4_hdr *h)
{
	ipv4_put(p, h, IPV4_HLEN);
	put_be16(p + 10, cksum_fold(cksum_partial(p, IPV4_HLEN, 0)));
	return IPV4_HLEN;
}

int ipv4_hdr_encode_ra(uint8_t *p, const struct ipv4_hdr *h)
{
	ipv4_put(p, h, IPV4_HLEN_RA);
	/* RFC 2113 2.1: type 148, length 4, value 0 (routers shall examine the packet). */
	p[20] = IPV4_OPT_RA;
	p[21] = 4;
	put_be16(p + 22, 0);
	put_be16(p + 10, cksum_fold(cksum_partial(p, IPV4_HLEN_RA, 0)));
	return IPV4_HLEN_RA;
}

void ipv4_opts_begin(struct ipv4_opt_iter *it, const uint8_t *p, size_t hdr_len)
{
	it->at = p + IPV4_HLEN;
	it->end = p + hdr_len;
}

int ipv4_opts_next(struct ipv4_opt_iter *it, struct ipv4_opt *out)
{
	size_t left = (size_t)(it->end - it->at);

	/* R791-3: EOL ends the options, what follows is padding. */
	if (left == 0 || it->at[0] == IPV4_OPT_EOL)
		return 0;

	/* R791-2, R6274-9: one byte, or type and length >= 2, and all of it within the header. */
	size_t len = 1;

	if (it->at[0] != IPV4_OPT_NOP) {
		if (left < 2 || it->at[1] < 2 || it->at[1] > left)
			return WIRE_EOPT;
		len = it->at[1];
	}
	*out = (struct ipv4_opt){.type = it->at[0], .len = (uint8_t)len, .p = it->at};
	it->at += len;
	return 1;
}

int ipv4_opts_scan(const uint8_t *p, size_t hdr_len, unsigned *saw, unsigned *bad_at)
{
	struct ipv4_opt_iter it;
	struct ipv4_opt opt;
	int more;

	*saw = 0;
	ipv4_opts_begin(&it, p, hdr_len);
	while ((more = ipv4_opts_next(&it, &opt)) > 0) {
		switch (opt.type) {
		case IPV4_OPT_NOP:
			break;
		case IPV4_OPT_LSRR:
		case IPV4_OPT_SSRR:
			/* R1122-42: more than one source route is seen as such. */
			if (*saw & (IPV4_SAW_LSRR | IPV4_SAW_SSRR))
				*saw |= IPV4_SAW_SR_MANY;
			*saw |= opt.type == IPV4_OPT_LSRR ? IPV4_SAW_LSRR : IPV4_SAW_SSRR;
			break;
		/* IP-01: these are known and stepped over; their pointers are never followed. */
		case IPV4_OPT_RR:
			*saw |= IPV4_SAW_RR;
			break;
		case IPV4_OPT_TS:
			*saw |= IPV4_SAW_TS;
			break;
		case IPV4_OPT_RA:
			*saw |= IPV4_SAW_RA;
			break;
		default:
			*saw |= IPV4_SAW_UNKNOWN;
			break;
		}
	}
	if (more < 0 && bad_at)
		*bad_at = (unsigned)(it.at - p);
	return more;
}
