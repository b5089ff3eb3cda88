/*
 * From names to addresses and back (POSIX getaddrinfo, getnameinfo; RFC 3493 6), without waiting: a lookup asks A and AAAA
 * together, reads the hosts file and the special names, follows the search list once for both, sorts by RFC 6724, and has POSIX's results.
 * drivers/names.h has the call that waits, with the C library's struct addrinfo.
 */
#ifndef TAPIR_DNS_ADDRINFO_H
#define TAPIR_DNS_ADDRINFO_H

#include "dns/dns.h"

/* Linux's numbers. */
enum dns_eai {
	DNS_EAI_OK = 0,
	DNS_EAI_BADFLAGS = -1,
	DNS_EAI_NONAME = -2,
	DNS_EAI_AGAIN = -3,
	DNS_EAI_FAIL = -4,
	DNS_EAI_NODATA = -5,
	DNS_EAI_FAMILY = -6,
	DNS_EAI_SOCKTYPE = -7,
	DNS_EAI_SERVICE = -8,
	DNS_EAI_ADDRFAMILY = -9,
	DNS_EAI_MEMORY = -10,
	DNS_EAI_SYSTEM = -11,
	DNS_EAI_OVERFLOW = -12,
};

enum dns_ai_flag {
	DNS_AI_PASSIVE = 0x0001,
	DNS_AI_CANONNAME = 0x0002,
	DNS_AI_NUMERICHOST = 0x0004,
	DNS_AI_V4MAPPED = 0x0008,
	DNS_AI_ALL = 0x0010,
	DNS_AI_ADDRCONFIG = 0x0020,
	DNS_AI_NUMERICSERV = 0x0400,
};

enum { DNS_AF_UNSPEC = 0, DNS_AF_INET = 2, DNS_AF_INET6 = 10, DNS_ADDRS_MAX = 64 };

struct dns_addr {
	struct tapir_addr addr;
	int family; /* DNS_AF_INET or DNS_AF_INET6: ::ffff:192.0.2.1 is an IPv6 address only with V4MAPPED */
};

struct dns_addrs {
	int eai;		/* enum dns_eai */
	enum dns_status status; /* why, closer: of the last question */
	int ede;
	char ede_text[128];
	unsigned n; /* in RFC 6724's order, at most DNS_ADDRS_MAX */
	struct dns_addr addr[DNS_ADDRS_MAX];
	struct dns_name canonical;
	bool has_canonical;
	uint8_t source; /* enum dns_source */
	uint64_t took_ns;
	const struct dns_story *story[2]; /* of A and AAAA, or NULL; valid in done() */
};

struct dns_addrs_query {
	const char *node; /* a name or an address as text, NUL-terminated */
	int family;
	int flags; /* enum dns_ai_flag: NUMERICHOST, CANONNAME, V4MAPPED, ALL, ADDRCONFIG */
	unsigned query_flags; /* enum dns_query_flag besides: TCP, NO_CACHE... */
	uint32_t timeout_ms;
	void (*done)(void *ctx, int64_t id, const struct dns_addrs *a);
	void *ctx;
};

/* As dns_query(): an id to cancel it by with dns_cancel(), -EAGAIN, -EINVAL (no node, bad flags), -ENOMEM. `done` is needed, and never called from within. */
TAPIR_API int64_t dns_addrs_query(struct dns *d, const struct dns_addrs_query *q);

/* "no such name" and so on, glibc's words. Never NULL. */
TAPIR_API const char *dns_eai_text(int eai);

/* Where a service is to be had (RFC 2782). */
struct dns_srv {
	uint16_t priority, weight, port;
	struct dns_name target;
};

/*
 * The SRV records of an answer (of dns_query() for "_service._proto.name."), at most `max`: how many, 0 too; -ENOENT: the answer says that the
 * service is not there; -EINVAL: no message.
 */
TAPIR_API int dns_srv_read(const uint8_t *msg, size_t len, struct dns_srv *out, unsigned max);
/* Puts them into the order in which to try them: by priority, drawn by weight among equals. Their addresses are then looked up by dns_addrs_query(). */
TAPIR_API void dns_srv_order(struct dns *d, struct dns_srv *s, unsigned n);

/* Reads an address: four decimal numbers, or the shorter and other forms of inet_aton(3) with `loose`; IPv6 (RFC 4291 2.2) too. 0 or -EINVAL. */
TAPIR_API int dns_addr_parse(const char *text, bool loose, struct dns_addr *out);
/* Its text: "192.0.2.1", or RFC 5952's. */
TAPIR_API size_t dns_addr_text(const struct dns_addr *a, char out[46]);

#endif
