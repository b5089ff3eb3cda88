/*
 * Messages and records as text: a record's line as dig writes it.
 */
#ifndef TAPIR_DNS_TEXT_H
#define TAPIR_DNS_TEXT_H

#include "dns/rr.h"

/*
 * One record of a decoded message in dig's columns: owner, TTL, class, type, RDATA, without a newline. At most cap - 1 characters and a
 * NUL; returns the length that it has, as snprintf.
 */
TAPIR_API size_t dns_rr_text(const struct dns_msg *m, const struct dns_rr *rr, char *out,
			     size_t cap);

/* The same without all but RDATA: +short. */
TAPIR_API size_t dns_rr_short(const struct dns_msg *m, const struct dns_rr *rr, char *out,
			      size_t cap);

#endif
