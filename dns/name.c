/*
 * Domain names: text, wire form, and the one walk over a name in a message.
 *
 * A compressed name is a row of parts, each some labels and then a pointer to the next part, further to the front (RFC 1035 4.1.4):
 *
 *	0x0c  3 w w w  7 e x a m p l e  0
 *	0x30  4 m a i l  c0 10			the part at 0x30 ends in a pointer to 0x10
 *
 * "Further to the front" is what makes the walk end: a pointer must point before the first octet of the part that it ends, so
 * the parts' offsets fall strictly, whatever an attacker writes. Names are at most 255 octets and so have at most 127 labels;
 * pointers without labels between them are counted too. A walk thus takes 254 steps at most (RFC 9267 2, 3).
 */
#include "dns/codec.h"

#include <errno.h>
#include <string.h>

#include "stack/base.h"

int dns_flawed(struct dns_flaw *flaw, size_t at, const char *why)
{
	if (flaw) {
		flaw->at = at;
		flaw->why = why;
	}
	return -EBADMSG;
}

int dns_name_scan(const uint8_t *msg, size_t limit, size_t at, unsigned flags, uint8_t *out,
		  uint8_t *out_len, struct dns_flaw *flaw)
{
	size_t part = at; /* where the part being read begins */
	size_t behind = 0;
	unsigned n = 0, hops = 0;

	for (;;) {
		/* D1035-2, D9267-3, AM33-09, AM33-27, AM33-28, NW-05: the root label is looked for within the octets there are. */
		if (at >= limit)
			return dns_flawed(flaw, at, "a name runs over the end");
		unsigned c = msg[at];

		if (c == 0)
			break;
		if (c <= DNS_LABEL_MAX) {
			/* D9267-2, AM33-20, AM33-31, FR-14: before anything is copied. */
			if (c >= limit - at)
				return dns_flawed(flaw, at, "a label runs over the end");
			/* D1034-1, D1035-1, AM33-32, NW-02, NW-03, FR-04: one octet is kept for the root label. */
			if (n + c + 2 > DNS_NAME_MAX)
				return dns_flawed(flaw, at, "a name is longer than 255 octets");
			if (out)
				memcpy(out + n, msg + at, c + 1);
			n += c + 1;
			at += c + 1;
			continue;
		}
		/* D1035-10 */
		if (c < 0xc0)
			return dns_flawed(flaw, at, "a label of a reserved type (01 or 10)");
		if (limit - at < 2)
			return dns_flawed(flaw, at, "a compression pointer runs over the end");
		if (flags & DNS_SCAN_FLAT)
			return dns_flawed(flaw, at, "a compression pointer where none is allowed");
		size_t to = dns_get16(msg + at) & 0x3fffu;

		/* D1035-9, D9267-1, AM33-23, NW-01, NW-04, NW-07, NW-09, IH-02 */
		if (to < DNS_HEADER_LEN)
			return dns_flawed(flaw, at, "a compression pointer into the header");
		if (to >= part)
			return dns_flawed(flaw, at, "a compression pointer that does not go back");
		/* D1035-11, DN-23 */
		if (++hops > DNS_HOPS_MAX)
			return dns_flawed(flaw, at, "a name of too many compression pointers");
		if (!behind)
			behind = at + 2;
		at = part = to;
	}
	if (out) {
		out[n] = 0;
		*out_len = (uint8_t)(n + 1);
	}
	return (int)(behind ? behind : at + 1);
}

int dns_name_decode(const uint8_t *msg, size_t len, size_t at, struct dns_name *out)
{
	return dns_name_scan(msg, len, at, 0, out->b, &out->len, NULL);
}

bool dns_name_eq_at(const uint8_t *msg, size_t at, const struct dns_name *n)
{
	unsigned i = 0;

	for (;;) {
		unsigned c = msg[at];

		if (c >= 0xc0) {
			at = dns_get16(msg + at) & 0x3fffu;
			continue;
		}
		if (c != n->b[i])
			return false;
		if (c == 0)
			return true;
		for (unsigned k = 1; k <= c; k++)
			if (dns_fold(msg[at + k]) != dns_fold(n->b[i + k]))
				return false;
		at += c + 1;
		i += c + 1;
	}
}

/* One octet of text, with its escape: 1 and *c, *at moved; 0 for a dot that parts labels; -EINVAL. */
static int unescape(const char *text, size_t len, size_t *at, uint8_t *c)
{
	size_t i = *at;
	unsigned ch = (uint8_t)text[i];

	if (ch == '.') {
		*at = i + 1;
		return 0;
	}
	if (ch != '\\') {
		*c = (uint8_t)ch;
		*at = i + 1;
		return 1;
	}
	/* DN-10: a backslash at the end is followed by nothing that could be read. */
	if (++i >= len)
		return -EINVAL;
	ch = (uint8_t)text[i];
	if (ch - '0' < 10) {
		unsigned v = 0;

		if (len - i < 3)
			return -EINVAL;
		for (unsigned k = 0; k < 3; k++) {
			unsigned d = (unsigned)(uint8_t)text[i + k] - '0';

			if (d > 9)
				return -EINVAL;
			v = v * 10 + d;
		}
		if (v > 255)
			return -EINVAL;
		ch = v;
		i += 2;
	}
	*c = (uint8_t)ch;
	*at = i + 1;
	return 1;
}

int dns_name_parse(struct dns_name *out, const char *text, size_t len, bool *absolute)
{
	struct dns_name n;
	unsigned label = 0, used = 1; /* where the label's length stands, octets so far with it */
	bool dot = false;
	int err = 0;

	if (len == 0)
		return -EINVAL;
	if (len == 1 && text[0] == '.') {
		n.b[0] = 0;
		used = 1;
		dot = true;
		goto done;
	}
	for (size_t i = 0; i < len;) {
		uint8_t c;
		int r = unescape(text, len, &i, &c);

		if (r < 0)
			return r;
		dot = r == 0;
		if (!dot) {
			/* A syntax error further on goes before a length. */
			if (used - label > DNS_LABEL_MAX || used >= DNS_NAME_MAX - 1) {
				err = -ENAMETOOLONG;
				continue;
			}
			n.b[used++] = c;
			continue;
		}
		if (err)
			continue;
		if (used == label + 1)
			return -EINVAL;
		n.b[label] = (uint8_t)(used - label - 1);
		label = used;
		if (i < len)
			used++;
	}
	if (err)
		return err;
	if (!dot) {
		n.b[label] = (uint8_t)(used - label - 1);
		label = used;
	}
	n.b[label] = 0;
	used = label + 1;
done:
	n.len = (uint8_t)used;
	memcpy(out->b, n.b, used);
	out->len = n.len;
	if (absolute)
		*absolute = dot;
	return 0;
}

void dns_out_str(struct dns_out *o, const char *s)
{
	while (*s)
		dns_out_char(o, *s++);
}

void dns_out_uint(struct dns_out *o, uint64_t v, unsigned digits)
{
	char b[20];
	unsigned n = 0;

	do {
		b[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (unsigned i = n; i < digits; i++)
		dns_out_char(o, '0');
	while (n)
		dns_out_char(o, b[--n]);
}

size_t dns_out_end(struct dns_out *o)
{
	if (o->cap)
		o->p[min_size(o->len, o->cap - 1)] = '\0';
	return o->len;
}

void dns_out_name(struct dns_out *o, const uint8_t *name)
{
	const uint8_t *p = name;

	if (*p == 0)
		dns_out_char(o, '.');
	while (*p) {
		for (unsigned n = *p++; n; n--, p++) {
			uint8_t c = *p;

			/* D2181-7, DN-13: what is no plain character is told by its number. */
			if (c <= ' ' || c >= 0x7f) {
				dns_out_char(o, '\\');
				dns_out_uint(o, c, 3);
				continue;
			}
			if (memchr("\"$().;@\\", c, 8))
				dns_out_char(o, '\\');
			dns_out_char(o, (char)c);
		}
		dns_out_char(o, '.');
	}
}

size_t dns_name_text(const struct dns_name *n, char out[DNS_NAME_TEXT_MAX])
{
	struct dns_out o = {out, DNS_NAME_TEXT_MAX, 0};

	dns_out_name(&o, n->b);
	return dns_out_end(&o);
}

/* D1034-2, D4343-1. Length octets are below 64 and so no letters: the wire form may be folded as one. */
static bool same(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (dns_fold(a[i]) != dns_fold(b[i]))
			return false;
	return true;
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && same(a->b, b->b, a->len);
}

bool dns_name_eq_case(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

/* Offsets of the labels, the root's not among them. */
static unsigned labels(const struct dns_name *n, uint8_t at[DNS_LABELS_MAX])
{
	unsigned k = 0;

	for (unsigned i = 0; n->b[i]; i += n->b[i] + 1u)
		at[k++] = (uint8_t)i;
	return k;
}

int dns_name_cmp(const struct dns_name *a, const struct dns_name *b)
{
	uint8_t la[DNS_LABELS_MAX], lb[DNS_LABELS_MAX];
	unsigned na = labels(a, la), nb = labels(b, lb);

	while (na && nb) {
		const uint8_t *pa = a->b + la[--na], *pb = b->b + lb[--nb];

		for (unsigned i = 1; i <= *pa && i <= *pb; i++) {
			int d = dns_fold(pa[i]) - dns_fold(pb[i]);

			if (d)
				return d;
		}
		if (*pa != *pb)
			return *pa - *pb;
	}
	return (int)na - (int)nb;
}

bool dns_name_under(const struct dns_name *n, const struct dns_name *zone)
{
	unsigned i = 0;

	while (n->len - i > zone->len)
		i += n->b[i] + 1u;
	return n->len - i == zone->len && same(n->b + i, zone->b, zone->len);
}

unsigned dns_name_labels(const struct dns_name *n)
{
	unsigned k = 0;

	for (unsigned i = 0; n->b[i]; i += n->b[i] + 1u)
		k++;
	return k;
}

bool dns_name_parent(const struct dns_name *n, struct dns_name *out)
{
	if (dns_name_is_root(n))
		return false;
	unsigned skip = n->b[0] + 1u, len = n->len - skip;

	memmove(out->b, n->b + skip, len);
	out->len = (uint8_t)len;
	return true;
}

int dns_name_join(const struct dns_name *a, const struct dns_name *b, struct dns_name *out)
{
	unsigned na = a->len - 1u, nb = b->len;

	if (na + nb > DNS_NAME_MAX)
		return -ENAMETOOLONG;
	memmove(out->b + na, b->b, nb);
	if (out != a) {
		/* `out` is b perhaps, whose octets have just moved away from here */
		memmove(out->b, a->b, na);
	}
	out->len = (uint8_t)(na + nb);
	return 0;
}

void dns_name_lower(const struct dns_name *n, struct dns_name *out)
{
	for (unsigned i = 0; i < n->len; i++)
		out->b[i] = dns_fold(n->b[i]);
	out->len = n->len;
}

bool dns_name_is_host(const struct dns_name *n)
{
	if (dns_name_is_root(n))
		return false;
	for (unsigned i = 0; n->b[i]; i += n->b[i] + 1u) {
		unsigned c = n->b[i];

		for (unsigned k = 1; k <= c; k++) {
			uint8_t ch = n->b[i + k];
			bool hyphen = ch == '-' && k > 1 && k < c;

			if (!hyphen && ch != '_' && (uint8_t)(ch - '0') > 9 &&
			    (uint8_t)(dns_fold(ch) - 'a') > 25)
				return false;
		}
	}
	return true;
}

void dns_name_reverse(const struct tapir_addr *a, struct dns_name *out)
{
	static const uint8_t v4[] = "\7in-addr\4arpa", v6[] = "\3ip6\4arpa";
	unsigned n = 0;

	if (tapir_addr_is_v4(a)) {
		for (unsigned i = 16; i-- > 12;) {
			struct dns_out o = {(char *)out->b + n + 1, 4, 0};

			dns_out_uint(&o, a->b[i], 0);
			out->b[n] = (uint8_t)dns_out_end(&o);
			n += out->b[n] + 1u;
		}
		memcpy(out->b + n, v4, sizeof(v4));
		out->len = (uint8_t)(n + sizeof(v4));
		return;
	}
	for (unsigned i = 32; i-- > 0; n += 2) {
		unsigned nibble = i & 1 ? a->b[i / 2] & 15u : a->b[i / 2] >> 4;

		out->b[n] = 1;
		out->b[n + 1] = (uint8_t) "0123456789abcdef"[nibble];
	}
	memcpy(out->b + n, v6, sizeof(v6));
	out->len = (uint8_t)(n + sizeof(v6));
}
