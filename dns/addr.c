/*
 * Addresses as text. D1123-18: reading is strict: what is taken for an address is never asked for as a name, so "1.2.3" or
 * "fe80::1%eth0" must not half succeed. With `loose` the forms of inet_aton(3) count too, which people type and
 * C libraries take: one to four numbers, decimal, octal (0...) or hexadecimal (0x...), the last of which fills what is left:
 *
 *	1.2.3.4   a.b.c.d      1.2.772   a.b.cd      1.131844   a.bcd      16909060   abcd
 *
 * No form has a bound on its length, as zeros may stand in front: the text is walked once and nothing is copied (DN-07, the
 * class of CVE-2015-0235, is a buffer whose size was counted apart from what was written).
 */
#include <errno.h>
#include <string.h>

#include "dns/addrinfo.h"

/* The value of a digit in any base up to 16, or 16. */
static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

/* A C number at *at, at most 32 bits; *at is left behind it. */
static bool c_number(const char **at, uint32_t *out)
{
	const char *p = *at;
	unsigned base = 10;
	uint64_t v = 0;

	if (digit(*p) > 9)
		return false;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
		if (digit(*p) > 15)
			return false;
	} else if (p[0] == '0') {
		base = 8;
	}
	for (; digit(*p) < base; p++) {
		v = v * base + digit(*p);
		if (v > UINT32_MAX)
			return false;
	}
	*at = p;
	*out = (uint32_t)v;
	return true;
}

/* inet_aton(3)'s forms, without the rest of a line that it allows behind. */
static bool loose_v4(const char *p, uint32_t *ip4)
{
	uint32_t v = 0, part;

	for (unsigned i = 0; i < 4; i++) {
		if (!c_number(&p, &part))
			return false;
		if (*p == 0) {
			if (part > UINT32_MAX >> 8 * i)
				return false;
			*ip4 = v | part;
			return true;
		}
		if (*p++ != '.' || part > 255 || i == 3)
			return false;
		v |= part << (24 - 8 * i);
	}
	return false;
}

/* Four decimal numbers up to 255 without zeros in front, and nothing behind. */
static bool strict_v4(const char *p, uint32_t *ip4)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned part = digit(*p);

		if (part > 9)
			return false;
		for (p++; digit(*p) <= 9; p++) {
			if (part == 0)
				return false;
			part = part * 10 + digit(*p);
			if (part > 255)
				return false;
		}
		if (*p != (i < 3 ? '.' : 0))
			return false;
		p++;
		v = v << 8 | part;
	}
	*ip4 = v;
	return true;
}

/* Up to four hexadecimal digits at *at: how many, 0 if there is none or one too many. */
static unsigned group(const char **at, unsigned *out)
{
	unsigned n = 0, v = 0;

	while (n <= 4 && digit((*at)[n]) < 16)
		v = v << 4 | digit((*at)[n++]);
	if (n > 4)
		return 0;
	*at += n;
	*out = v;
	return n;
}

/* Puts the octets from `gap` on at the end, with zeros between. "::" stands for one group at least (RFC 4291 2.2). */
static bool fill_gap(uint8_t b[16], unsigned n, unsigned gap)
{
	if (n > 14)
		return false;
	memmove(b + 16 - (n - gap), b + gap, n - gap);
	memset(b + gap, 0, 16 - n);
	return true;
}

/* RFC 4291 2.2: eight groups, "::" once, the last two perhaps as an IPv4 address. */
static bool parse_v6(const char *p, uint8_t b[16])
{
	enum { NONE = 17 };
	unsigned n = 0, gap = NONE, v;
	uint32_t ip4;

	if (*p == ':') {
		if (p[1] != ':')
			return false;
		gap = 0;
		p += 2;
	}
	while (*p) {
		if (n <= 12 && strict_v4(p, &ip4)) {
			for (unsigned i = 0; i < 4; i++)
				b[n++] = (uint8_t)(ip4 >> (24 - 8 * i));
			break;
		}
		if (n == 16 || group(&p, &v) == 0)
			return false;
		b[n++] = (uint8_t)(v >> 8);
		b[n++] = (uint8_t)v;
		if (*p == 0)
			break;
		if (*p++ != ':')
			return false;
		if (*p == ':') {
			if (gap != NONE)
				return false;
			gap = n;
			p++;
		} else if (*p == 0) {
			return false; /* a single colon at the end */
		}
	}
	return gap == NONE ? n == 16 : fill_gap(b, n, gap);
}

int dns_addr_parse(const char *text, bool loose, struct dns_addr *out)
{
	uint32_t ip4;
	struct tapir_addr a = {{0}};

	if (strict_v4(text, &ip4) || (loose && loose_v4(text, &ip4))) {
		*out = (struct dns_addr){tapir_addr_v4(ip4), DNS_AF_INET};
		return 0;
	}
	if (!parse_v6(text, a.b))
		return -EINVAL;
	*out = (struct dns_addr){a, DNS_AF_INET6};
	return 0;
}

static size_t put_decimal(char *out, unsigned v)
{
	size_t n = 0;

	if (v >= 100)
		out[n++] = (char)('0' + v / 100);
	if (v >= 10)
		out[n++] = (char)('0' + v / 10 % 10);
	out[n++] = (char)('0' + v % 10);
	return n;
}

static size_t put_v4(char *out, const uint8_t b[4])
{
	size_t n = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			out[n++] = '.';
		n += put_decimal(out + n, b[i]);
	}
	return n;
}

/* A group without zeros in front, in lower case (RFC 5952 4.1, 4.3). */
static size_t put_group(char *out, unsigned v)
{
	size_t n = 0;

	for (int shift = 12; shift >= 0; shift -= 4)
		if (v >> shift || shift == 0)
			out[n++] = "0123456789abcdef"[v >> shift & 15];
	return n;
}

/* The longest run of zero groups, the first of several: its start, *len of it; one alone is none (RFC 5952 4.2). */
static unsigned longest_zeros(const unsigned g[8], unsigned *len)
{
	unsigned at = 8;

	*len = 1;
	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;

		while (i + n < 8 && g[i + n] == 0)
			n++;
		if (n > *len) {
			at = i;
			*len = n;
		}
	}
	return at;
}

static size_t put_v6(char *out, const uint8_t b[16])
{
	unsigned g[8], len, groups = 8;
	size_t n = 0;

	for (unsigned i = 0; i < 8; i++)
		g[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];

	unsigned zeros = longest_zeros(g, &len);

	/* RFC 5952 5: an IPv4 address within is shown, where RFC 4291 2.5.5 says that it is one. */
	if (zeros == 0 && (len == 6 || (len == 5 && g[5] == 0xffff)))
		groups = 6;
	for (unsigned i = 0; i < groups; i++) {
		if (i == zeros) {
			out[n++] = ':';
			out[n++] = ':';
			i += len - 1;
			continue;
		}
		if (i && i != zeros + len)
			out[n++] = ':';
		n += put_group(out + n, g[i]);
	}
	if (groups == 6) {
		if (len == 5)
			out[n++] = ':';
		n += put_v4(out + n, b + 12);
	}
	return n;
}

size_t dns_addr_text(const struct dns_addr *a, char out[46])
{
	size_t n = a->family == DNS_AF_INET ? put_v4(out, a->addr.b + 12) : put_v6(out, a->addr.b);

	out[n] = 0;
	return n;
}
