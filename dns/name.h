/*
 * Domain names (RFC 1035 3.1, RFC 1034 3.1): a name is held as it stands on the wire without compression, its case
 * as it came. Whoever has a struct dns_name has a valid one: at most 255 octets with the root's empty label, each label
 * 1 to 63, any octet allowed in it (RFC 2181 11).
 */
#ifndef TAPIR_DNS_NAME_H
#define TAPIR_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/addr.h"

enum {
	DNS_NAME_MAX = 255,
	DNS_LABEL_MAX = 63,
	DNS_LABELS_MAX = 127,
	/* Every octet as \DDD, the dots, a NUL: no name's text is longer. */
	DNS_NAME_TEXT_MAX = 1025,
};

struct dns_name {
	uint8_t len; /* octets of b in use, 1 to 255 */
	uint8_t b[DNS_NAME_MAX];
};

/*
 * Reads a name as people write it (RFC 1035 5.1): labels between dots, \. and \\ and \DDD. A final dot may stand or not and
 * is told in *absolute (unless NULL). "." is the root. 0, or -EINVAL (an empty label, a bad escape, no text), -ENAMETOOLONG
 * (a label over 63, a name over 255). Reads `len` bytes, which may hold anything.
 */
TAPIR_API int dns_name_parse(struct dns_name *out, const char *text, size_t len, bool *absolute);

/* Its text with a final dot, escaped as dig does it; NUL-terminated. Returns its length. */
TAPIR_API size_t dns_name_text(const struct dns_name *n, char out[DNS_NAME_TEXT_MAX]);

/*
 * Reads the name at `at` of a message of `len` bytes, following compression pointers (RFC 1035 4.1.4): each must point before
 * the part that it ends, and not into the header; the name is held to 255 octets as it grows. Returns the offset
 * behind it, or -EBADMSG.
 */
TAPIR_API int dns_name_decode(const uint8_t *msg, size_t len, size_t at, struct dns_name *out);

/* ASCII letters compare without case, every other octet exactly (RFC 4343 3). */
TAPIR_API bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);
/* Octet by octet: what 0x20 needs. */
TAPIR_API bool dns_name_eq_case(const struct dns_name *a, const struct dns_name *b);
/* The canonical order of RFC 4034 6.1: < 0, 0, > 0. */
TAPIR_API int dns_name_cmp(const struct dns_name *a, const struct dns_name *b);
/* `n` is `zone` or below it. */
TAPIR_API bool dns_name_under(const struct dns_name *n, const struct dns_name *zone);

static inline bool dns_name_is_root(const struct dns_name *n)
{
	return n->len == 1;
}

/* Labels without the root's: "a.b." has 2. */
TAPIR_API unsigned dns_name_labels(const struct dns_name *n);
/* Takes the first label off: false at the root, with *out untouched. `out` may be `n`. */
TAPIR_API bool dns_name_parent(const struct dns_name *n, struct dns_name *out);
/* a followed by b ("www" + "example.com."): 0 or -ENAMETOOLONG. `out` may be either. */
TAPIR_API int dns_name_join(const struct dns_name *a, const struct dns_name *b,
			    struct dns_name *out);
/* In lower case; `out` may be `n`. */
TAPIR_API void dns_name_lower(const struct dns_name *n, struct dns_name *out);

/* Letters, digits, hyphens and underscores in every label, no hyphen first or last (RFC 1123 2.1): fit to be given to a program as a host's name. */
TAPIR_API bool dns_name_is_host(const struct dns_name *n);

/* The name to ask for an address's PTR: 4.3.2.1.in-addr.arpa., or the nibbles under ip6.arpa. (RFC 3596 2.5). */
TAPIR_API void dns_name_reverse(const struct tapir_addr *a, struct dns_name *out);

#endif
