/*
 * Messages for tests of the codec: written in hex with blanks, put together octet by octet, and decoded in memory of
 * exactly their size, so that a sanitizer sees one octet too far.
 */
#ifndef TAPIR_TESTS_UNIT_DNS_WIRE_H
#define TAPIR_TESTS_UNIT_DNS_WIRE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns/codec.h"
#include "tests/support/test.h"

struct wire {
	size_t len;
	uint8_t b[DNS_MSG_MAX + 1];
};

static inline unsigned wire_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Adds octets: hex digits, blanks between, and "text" in single quotes as a label with its length. */
static inline void wire_add(struct wire *w, const char *hex)
{
	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		if (*hex == '\'') {
			const char *end = strchr(hex + 1, '\'');

			w->b[w->len++] = (uint8_t)(end - hex - 1);
			while (++hex < end)
				w->b[w->len++] = (uint8_t)*hex;
			continue;
		}
		w->b[w->len++] = (uint8_t)(wire_digit(hex[0]) << 4 | wire_digit(hex[1]));
		hex++;
	}
	assert_in_range(w->len, 0, DNS_MSG_MAX);
}

static inline void wire_u16(struct wire *w, unsigned v)
{
	dns_put16(w->b + w->len, (uint16_t)v);
	w->len += 2;
}

/* A response without errors to the question "a.b. IN A" (octets 12 to 20), with these counts. */
static inline void wire_reply(struct wire *w, unsigned an, unsigned ns, unsigned ar)
{
	w->len = 0;
	wire_add(w, "1234 8180 0001");
	wire_u16(w, an);
	wire_u16(w, ns);
	wire_u16(w, ar);
	wire_add(w, "'a' 'b' 00 0001 0001");
}

/* A record with TTL 300; its owner and RDATA as wire_add() takes them. */
static inline void wire_rr(struct wire *w, const char *owner, unsigned type, unsigned class,
			   const char *rdata)
{
	wire_add(w, owner);
	wire_u16(w, type);
	wire_u16(w, class);
	wire_add(w, "0000012c");
	size_t at = w->len;

	wire_u16(w, 0);
	wire_add(w, rdata);
	dns_put16(w->b + at, (uint16_t)(w->len - at - 2));
}

/* Decodes a copy of the first n octets in memory of that size; the copy is freed and *m must not be walked. */
static inline int wire_try(const struct wire *w, size_t n, struct dns_flaw *flaw)
{
	uint8_t *p = malloc(n ? n : 1);
	struct dns_msg m;

	assert_non_null(p);
	memcpy(p, w->b, n);
	int err = dns_msg_decode(&m, p, n, flaw);

	free(p);
	return err;
}

static inline void wire_taken(const struct wire *w)
{
	struct dns_flaw flaw = {0, ""};

	if (wire_try(w, w->len, &flaw))
		fail_msg("refused at %zu: %s", flaw.at, flaw.why);
}

/* Refused, at that octet and for that reason. */
static inline void wire_refused(const struct wire *w, size_t at, const char *why)
{
	struct dns_flaw flaw = {0, ""};

	if (wire_try(w, w->len, &flaw) != -EBADMSG)
		fail_msg("taken; expected: %s", why);
	assert_string_equal(flaw.why, why);
	assert_int_equal(flaw.at, at);
}

/* A name from its text, which must be one. */
static inline struct dns_name wire_name(const char *text)
{
	struct dns_name n;

	if (dns_name_parse(&n, text, strlen(text), NULL))
		fail_msg("no name: %s", text);
	return n;
}

#endif
