/*
 * Octets of names, without case. D4343-1: only 0x41 to 0x5a have another form, and by that alone (RFC 4343 3): no locale, no
 * table of Unicode. Names on the wire may be treated octet by octet, as the lengths between the labels (at most 63) are no letters.
 */
#ifndef TAPIR_DNS_ASCII_H
#define TAPIR_DNS_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint8_t dns_octet_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static inline bool dns_octets_eq(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (dns_octet_lower(a[i]) != dns_octet_lower(b[i]))
			return false;
	return true;
}

static inline void dns_octets_lower(uint8_t *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = dns_octet_lower(p[i]);
}

#endif
