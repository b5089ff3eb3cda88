/*
 * Record types: the layout of RDATA, as one table that the decoder, the expander, the encoder, the text and the hex dump all use.
 */
#ifndef TAPIR_DNS_RR_H
#define TAPIR_DNS_RR_H

#include "dns/msg.h"

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_HINFO = 13,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_NAPTR = 35,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_DS = 43,
	DNS_TYPE_RRSIG = 46,
	DNS_TYPE_NSEC = 47,
	DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_ANY = 255,
	DNS_TYPE_CAA = 257,
};

/* "A", "AAAA", "TYPE65280" (RFC 3597 5) into out. */
TAPIR_API size_t dns_type_text(uint16_t type, char out[16]);
/* "aaaa", "TYPE28", ignoring case. 0 or -EINVAL. */
TAPIR_API int dns_type_parse(const char *text, size_t len, uint16_t *type);
/* "IN", "CH", "CLASS7". */
TAPIR_API size_t dns_class_text(uint16_t class, char out[16]);
TAPIR_API int dns_class_parse(const char *text, size_t len, uint16_t *class);
/* "NOERROR" ... "BADCOOKIE", "RESERVED12" as dig has them. */
TAPIR_API size_t dns_rcode_text(uint16_t rcode, char out[16]);
/* RFC 8914's names of extended errors ("Stale Answer"), NULL for an unknown one. */
TAPIR_API const char *dns_ede_text(uint16_t code);

/*
 * RDATA of a record of a decoded message with every name in it written out. Returns its length (at most 65535), or -EMSGSIZE when
 * cap is too small.
 */
TAPIR_API int dns_rdata_expand(const struct dns_msg *m, const struct dns_rr *rr, uint8_t *out,
			       size_t cap);

/* The name in the expanded RDATA of CNAME NS PTR DNAME (offset 0), MX (2), SRV (6): 0 or -EINVAL. */
TAPIR_API int dns_rdata_name(uint16_t type, const uint8_t *rdata, size_t len, struct dns_name *out);

/* The address of an A (IPv4-mapped) or AAAA record: 0 or -EINVAL. */
TAPIR_API int dns_rdata_addr(uint16_t type, const uint8_t *rdata, size_t len,
			     struct tapir_addr *out);

/*
 * RDATA as dig writes it: "10 mail.example.", "\# 2 abcd" for unknown types (RFC 3597 5). `rdata` is expanded. Writes at most
 * cap - 1 characters and a NUL; returns the length that it has (as snprintf).
 */
TAPIR_API size_t dns_rdata_text(uint16_t type, uint16_t class, const uint8_t *rdata, size_t len,
				char *out, size_t cap);

#endif
