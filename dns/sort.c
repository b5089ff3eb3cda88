/*
 * Which address to try first (RFC 6724). A pair of a destination and the source that would be used for it has a rank made of the
 * rules' answers in their order; pairs are sorted by rank, stably, in place.
 *
 *	rule 1   a source there is                           any: none, unreachable
 *	rule 2   both have the same scope
 *	rule 3   the source is not deprecated                has no meaning: addresses of this stack have no lifetimes
 *	rule 4   the source is a home address                has no meaning: no Mobile IP
 *	rule 5   both have the same label
 *	rule 6   the destination's precedence is higher
 *	rule 7   no encapsulation on the way                 has no meaning: the stack has no tunnels
 *	rule 8   the destination's scope is smaller
 *	rule 9   the longer common prefix, up to the length of the source's, within one family
 *	rule 10  as they came
 *
 * Rule 9 needs the length of the source's prefix; where that is not known it is 64 for IPv6. For IPv4 the rule counts only an address on the
 * source's own network: fewer bits in common say nothing there, and would undo the order by which a server spreads its clients
 * (RFC 6724 lets the rule be superseded by what is known better).
 *
 * Nothing is counted apart from the caller's arrays, so there is no number of addresses that they could outgrow (DN-09).
 */
#include <string.h>

#include "dns/local.h"

/* RFC 6724 2.1. */
struct policy {
	uint8_t prefix[16];
	uint8_t len, precedence, label;
};

static const struct policy policies[] = {
	/* Longest prefix first. */
	{{[15] = 1}, 128, 50, 0},  {{[10] = 0xff, [11] = 0xff}, 96, 35, 4},
	{{0}, 96, 1, 3},	   {{0x20, 0x01}, 32, 5, 5},
	{{0x20, 0x02}, 16, 30, 2}, {{0x3f, 0xfe}, 16, 1, 12},
	{{0xfe, 0xc0}, 10, 1, 11}, {{0xfc}, 7, 3, 13},
	{{0}, 0, 40, 1},
};

enum { SCOPE_LINK = 2, SCOPE_SITE = 5, SCOPE_GLOBAL = 14 };

static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned max)
{
	unsigned n = 0;

	while (n < max && !((a[n / 8] ^ b[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

static const struct policy *policy(const struct tapir_addr *a)
{
	const struct policy *p = policies;

	while (common_bits(a->b, p->prefix, p->len) < p->len)
		p++; /* ::/0 ends it */
	return p;
}

static bool is_v4(const struct tapir_addr *a)
{
	return !tapir_addr_is_any(a) && tapir_addr_is_v4(a);
}

/* RFC 6724 3.1, 3.2: loopback is of link-local scope in both families; private IPv4 addresses are global. */
static unsigned scope(const struct tapir_addr *a)
{
	static const struct tapir_addr loopback = {{[15] = 1}};

	if (is_v4(a)) {
		uint32_t ip4 = tapir_addr_to_v4(a);

		return ip4 >> 24 == 127 || ip4 >> 16 == 0xa9fe ? SCOPE_LINK : SCOPE_GLOBAL;
	}
	if (a->b[0] == 0xff)
		return a->b[1] & 15;
	if (a->b[0] == 0xfe && a->b[1] >> 6 == 2)
		return SCOPE_LINK;
	if (a->b[0] == 0xfe && a->b[1] >> 6 == 3)
		return SCOPE_SITE;
	return tapir_addr_eq(a, &loopback) ? SCOPE_LINK : SCOPE_GLOBAL;
}

/* D1123-15: the length of the IPv4 network that both are on, 0: not known, or not the same. */
static uint32_t connected(const struct tapir_addr *dst, const struct tapir_addr *src,
			  const uint8_t *src_len)
{
	unsigned len = src_len && *src_len <= 32 ? *src_len : 0;

	return common_bits(dst->b + 12, src->b + 12, len) == len ? len : 0;
}

/* The rules' answers, the first in the highest bits: the higher number goes first. */
static uint32_t rank(const struct tapir_addr *dst, const struct tapir_addr *src,
		     const uint8_t *src_len)
{
	const struct policy *p = policy(dst);
	unsigned s = scope(dst);
	uint32_t r = (uint32_t)p->precedence << 12 | (15 - s) << 8;

	if (tapir_addr_is_any(src))
		return r;
	r |= UINT32_C(1) << 31;
	if (scope(src) == s)
		r |= UINT32_C(1) << 30;
	if (policy(src)->label == p->label)
		r |= UINT32_C(1) << 29;
	/* Equal up to here means one family, as no other entry of the table has IPv4's precedence. */
	if (is_v4(dst) && is_v4(src))
		r |= connected(dst, src, src_len);
	else if (!is_v4(dst) && !is_v4(src))
		r |= common_bits(dst->b, src->b, src_len ? (*src_len < 128 ? *src_len : 128) : 64);
	return r;
}

void dns_sort_prefixes(struct tapir_addr *dst, struct tapir_addr *src, uint8_t *src_len, unsigned n)
{
	/* By insertion: stable, needs no room, and an answer has DNS_ADDRS_MAX addresses at most. */
	for (unsigned i = 1; i < n; i++) {
		struct tapir_addr d = dst[i], s = src[i];
		uint8_t len = src_len ? src_len[i] : 0;
		uint32_t r = rank(&d, &s, src_len ? &len : NULL);
		unsigned at = i;

		for (; at > 0; at--) {
			if (rank(&dst[at - 1], &src[at - 1], src_len ? &src_len[at - 1] : NULL) >=
			    r)
				break;
			dst[at] = dst[at - 1];
			src[at] = src[at - 1];
			if (src_len)
				src_len[at] = src_len[at - 1];
		}
		dst[at] = d;
		src[at] = s;
		if (src_len)
			src_len[at] = len;
	}
}

void dns_sort(struct tapir_addr *dst, struct tapir_addr *src, unsigned n)
{
	dns_sort_prefixes(dst, src, NULL, n);
}
