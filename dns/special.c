/*
 * Names that no server is asked for. A name is held against the table below from its end; what is not in it goes
 * to the servers. That is so, on purpose, of
 *	- test. and example. and the like (D6761-3: RFC 6761 6.2, 6.5 let them be looked up as all others);
 *	- the reverse names of private networks, such as 10.in-addr.arpa. (D6761-4: RFC 6761 6.1: the configured server may well know them);
 *	- home.arpa. (D8375-1: RFC 8375 4: asked of the configured server alone, which is all that a stub asks);
 *	- ipv4only.arpa. (RFC 8880), resolver.arpa. (RFC 9462) and service.arpa. (RFC 9665): questions to that very server or network.
 */
#include <string.h>

#include "dns/ascii.h"
#include "dns/local.h"

struct special {
	const char *suffix; /* on the wire, in lower case, without the root's empty label */
	enum dns_special kind;
};

#define V6_LOOPBACK_NIBBLES                        \
	"\0011\0010\0010\0010\0010\0010\0010\0010" \
	"\0010\0010\0010\0010\0010\0010\0010\0010" \
	"\0010\0010\0010\0010\0010\0010\0010\0010" \
	"\0010\0010\0010\0010\0010\0010\0010\0010"

/* Each with all names below it; the first that matches counts. */
static const struct special specials[] = {
	/* D6761-1: RFC 6761 6.3 */
	{"\011localhost", DNS_SPECIAL_LOCALHOST},
	/* D6761-2: RFC 6761 6.4 */
	{"\007invalid", DNS_SPECIAL_NXDOMAIN},
	/* D7686-1: RFC 7686 2: Tor's; a name that gets out tells on its user. */
	{"\005onion", DNS_SPECIAL_NXDOMAIN},
	/* RFC 9476 2: names of no DNS at all. */
	{"\003alt", DNS_SPECIAL_NXDOMAIN},
	/* RFC 6762 3, 4: link-local names, and those of link-local addresses. */
	{"\005local", DNS_SPECIAL_MDNS},
	{"\003254\003169\007in-addr\004arpa", DNS_SPECIAL_MDNS},
	{"\0018\001e\001f\003ip6\004arpa", DNS_SPECIAL_MDNS},
	{"\0019\001e\001f\003ip6\004arpa", DNS_SPECIAL_MDNS},
	{"\001a\001e\001f\003ip6\004arpa", DNS_SPECIAL_MDNS},
	{"\001b\001e\001f\003ip6\004arpa", DNS_SPECIAL_MDNS},
	{V6_LOOPBACK_NIBBLES "\003ip6\004arpa", DNS_SPECIAL_LOOPBACK_PTR},
};

static bool ends_in(const struct dns_name *n, const char *suffix)
{
	size_t len = strlen(suffix);
	size_t rest = (size_t)n->len - 1; /* without the root's label */
	size_t at = 0;

	/* A match must begin where a label does. */
	while (rest - at > len)
		at += (size_t)n->b[at] + 1;
	return rest - at == len && dns_octets_eq(n->b + at, (const uint8_t *)suffix, len);
}

/* d.c.b.127.in-addr.arpa.: all of 127/8 is the machine itself (RFC 1122 3.2.1.3 (g)), so its reverse names are too. */
static bool loopback_v4(const struct dns_name *n)
{
	static const char suffix[] = "\003127\007in-addr\004arpa";
	size_t at = 0, labels = 0;

	if (!ends_in(n, suffix))
		return false;
	for (; n->b[at]; at += (size_t)n->b[at] + 1, labels++) {
		unsigned v = 0;

		if (labels >= 3)
			continue;
		for (unsigned i = 1; i <= n->b[at]; i++) {
			unsigned c = n->b[at + i];

			/* No zeros in front: those would be other names. */
			if (c < '0' || c > '9' || (i > 1 && v == 0))
				return false;
			v = v * 10 + (c - '0');
			if (v > 255)
				return false;
		}
	}
	return labels == 6;
}

enum dns_special dns_special(const struct dns_name *n)
{
	if (loopback_v4(n))
		return DNS_SPECIAL_LOOPBACK_PTR;
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (ends_in(n, specials[i].suffix))
			return specials[i].kind;
	return DNS_SPECIAL_NONE;
}
