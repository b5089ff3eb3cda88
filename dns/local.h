/*
 * What is answered without a server: the hosts file (hosts(5)), special-use names (RFC 6761, RFC 7686, RFC 6762), the settings
 * file (resolv.conf(5)).
 */
#ifndef TAPIR_DNS_LOCAL_H
#define TAPIR_DNS_LOCAL_H

#include "dns/dns.h"

struct dns_hosts;

/*
 * Reads the text of a hosts file: *out, or -ENOMEM (a text over 1 GiB too). `key` is secret. Lookups are by hash: thousands of lines (block
 * lists) cost nothing. It takes some 60 octets a name and 40 a line besides the names themselves.
 */
int dns_hosts_new(struct dns_hosts **out, const struct tapir_env *env, const uint8_t key[16],
		  const char *text, size_t len);
void dns_hosts_free(struct dns_hosts *h);
/* The i-th address of a name, in the file's order, of A or AAAA as `type` says: true. *canonical is the line's first name. */
bool dns_hosts_addr(const struct dns_hosts *h, const struct dns_name *name, uint16_t type,
		    unsigned i, struct tapir_addr *out, struct dns_name *canonical);
/* The name stands in the file, whatever addresses it has. */
bool dns_hosts_has(const struct dns_hosts *h, const struct dns_name *name);
/* The i-th name of an address: the line's first, of each line that has it. */
bool dns_hosts_name(const struct dns_hosts *h, const struct tapir_addr *a, unsigned i,
		    struct dns_name *out);

enum dns_special {
	DNS_SPECIAL_NONE,
	DNS_SPECIAL_LOCALHOST, /* localhost., *.localhost.: loopback, else NODATA (RFC 6761 6.3) */
	DNS_SPECIAL_LOOPBACK_PTR, /* the reverse name of an address of 127/8 or of ::1: localhost. */
	DNS_SPECIAL_NXDOMAIN, /* invalid., onion., alt. and below: no such name, no query (6.4, RFC 7686 2, RFC 9476 2) */
	DNS_SPECIAL_MDNS, /* local. and link-local reverse names (RFC 6762 3, 4) */
};
enum dns_special dns_special(const struct dns_name *n);

/* A line that resolv.conf has and that we can't follow: told once to people. */
struct dns_resolvconf_note {
	unsigned line;
	char text[160];
};

/*
 * Reads the text of resolv.conf into *c, over what is there: nameserver (IPv4; an IPv6 one or a loopback is skipped with a note), search and domain
 * (the last wins; at most DNS_SEARCH_MAX), options ndots timeout attempts rotate use-vc edns0 trust-ad no-aaaa; unknown options and keywords are
 * passed over, as are lines that begin with a blank. Bounds as resolv.conf(5): ndots 15, timeout 30 s; attempts 3 (RFC 9520 3.1). What
 * the file does not speak of stays; its first nameserver line, taken or not, does away with the servers that were in *c.
 * Returns how many notes there are; at most `max` are written.
 */
unsigned dns_resolvconf(struct dns_conf *c, const char *text, size_t len,
			struct dns_resolvconf_note *notes, unsigned max);

/*
 * RFC 6724 6: sorts destination addresses, best first, stable. src[i] is the source address that would be used, any: unreachable. Both
 * are put in order. Meant for DNS_ADDRS_MAX; any n works, in time n^2.
 */
void dns_sort(struct tapir_addr *dst, struct tapir_addr *src, unsigned n);
/*
 * The same where the lengths of the sources' prefixes are known (of an IPv4 address 0 to 32), which rule 9 needs: with them an
 * address on a connected network goes before others (D1123-15: RFC 1123 6.1.3.4). NULL: not known.
 */
void dns_sort_prefixes(struct tapir_addr *dst, struct tapir_addr *src, uint8_t *src_len,
		       unsigned n);

#endif
