/*
 * ICMP messages begin alike: type, code, checksum over the whole message, four bytes whose meaning
 * the type gives.
 *
 *	0    1    2       4               8
 *	|type|code| csum  | rest          | data, or the quoted datagram ...
 *
 * An error quotes the IP header and at least the first 8 bytes behind it of the datagram that it is
 * about: enough for the ports and TCP's sequence number. Whoever sent the error wrote that quote:
 * nothing in it is believed beyond the bytes that are there. Its total length is expected to go
 * past the message's end; its options and IHL may not.
 */
#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/cksum.h"
#include "stack/wire/icmp.h"

/* What an error quotes of the transport's header at least (RFC 792). */
#define ICMP_QUOTE_L4 8

int icmp_hdr_decode(const uint8_t *p, size_t len, struct icmp_hdr *out)
{
	if (len < ICMP_HLEN)
		return WIRE_ESHORT; /* R792-3, R20-15 */
	out->type = p[0];
	out->code = p[1];
	out->csum = get_be16(p + 2);
	out->rest = get_be32(p + 4);
	return ICMP_HLEN;
}

int icmp_hdr_encode(uint8_t *p, const struct icmp_hdr *h)
{
	p[0] = h->type;
	p[1] = h->code;
	put_be16(p + 2, 0);
	put_be32(p + 4, h->rest);
	return ICMP_HLEN;
}

void icmp_finish(uint8_t *p, size_t len)
{
	TAPIR_ASSERT(len >= ICMP_HLEN);
	put_be16(p + 2, 0);
	put_be16(p + 2, cksum_fold(cksum_partial(p, len, 0)));
}

bool icmp_csum_ok(const uint8_t *p, size_t len)
{
	return cksum_fold(cksum_partial(p, len, 0)) == 0;
}

bool icmp_is_error(uint8_t type)
{
	switch (type) {
	case ICMP_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAM_PROBLEM:
		return true;
	default:
		return false;
	}
}

size_t icmp_min_len(uint8_t type)
{
	switch (type) {
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMP_REPLY:
		return ICMP_HLEN + 12;
	case ICMP_MASK:
	case ICMP_MASK_REPLY:
		return ICMP_HLEN + 4;
	default:
		return icmp_is_error(type) ? ICMP_HLEN + IPV4_HLEN + ICMP_QUOTE_L4 : ICMP_HLEN;
	}
}

/*
 * The bytes of the message that may belong to the quote. RFC 4884: in types 3, 11 and 12 byte 5
 * counts the 32-bit words of the quote when extensions follow it.
 */
static size_t icmp_quote_room(const uint8_t *p, size_t len)
{
	size_t room = len - ICMP_HLEN;
	size_t told = p[5] * 4u;

	if (p[0] != ICMP_UNREACH && p[0] != ICMP_TIME_EXCEEDED && p[0] != ICMP_PARAM_PROBLEM)
		return room;
	/* R4884-1: zero means no extensions; a length past the message is not believed. */
	return told != 0 && told < room ? told : room;
}

/* Fill in what the quoted transport header tells. */
static void icmp_quote_l4(struct icmp_quote *q)
{
	switch (q->ip.proto) {
	case IPPROTO_NUM_TCP:
		q->tcp_seq = get_be32(q->l4 + 4);
		q->sport = get_be16(q->l4);
		q->dport = get_be16(q->l4 + 2);
		break;
	case IPPROTO_NUM_UDP:
		q->sport = get_be16(q->l4);
		q->dport = get_be16(q->l4 + 2);
		break;
	case IPPROTO_NUM_ICMP:
		if (q->l4[0] == ICMP_ECHO || q->l4[0] == ICMP_ECHO_REPLY) {
			q->echo_id = get_be16(q->l4 + 4);
			q->echo_seq = get_be16(q->l4 + 6);
		}
		break;
	default:
		break;
	}
}

int icmp_quote_decode(const uint8_t *p, size_t len, struct icmp_quote *out)
{
	if (len < ICMP_HLEN)
		return WIRE_ESHORT;
	if (!icmp_is_error(p[0]))
		return WIRE_ETYPE;

	size_t room = icmp_quote_room(p, len);

	*out = (struct icmp_quote){0};

	/* R792-4: version, IHL and lengths of the quote, and 8 bytes behind its header. */
	int n = ipv4_hdr_decode_quoted(p + ICMP_HLEN, room, &out->ip);

	if (n < 0)
		return n;
	out->l4 = p + ICMP_HLEN + n;
	out->l4_len = min_size(room - (size_t)n, out->ip.total_len - (size_t)n);
	if (out->l4_len < ICMP_QUOTE_L4)
		return WIRE_ESHORT;
	/* CL-25: of a fragment the bytes behind the IP header are no transport header. */
	out->has_l4 = out->ip.frag_off == 0;
	if (out->has_l4)
		icmp_quote_l4(out);
	return ICMP_HLEN + n;
}
