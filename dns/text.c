/*
 * Records as text, to the byte as dig writes them: master file form (RFC 1035 5.1) with the owner, TTL, class and type in columns of 24, 32, 40
 * and 48, filled by tabs of 8; hex and base64 in words of 56; upper case hex; character-strings in quotes with \DDD for
 * what does not print. Text is made straight from the message: nothing is copied first, however large the record.
 */
#include "dns/text.h"

#include <string.h>

#include "dns/codec.h"
#include "stack/base.h"

enum { WORD = 56 };

static const char hex_upper[] = "0123456789ABCDEF", hex_lower[] = "0123456789abcdef";

/* Octets as hex. `word`: characters between blanks, 0: none. */
static void out_hex(struct dns_out *o, const uint8_t *p, size_t n, unsigned word)
{
	for (size_t i = 0; i < n; i++) {
		if (i && word && 2 * i % word == 0)
			dns_out_char(o, ' ');
		dns_out_char(o, hex_upper[p[i] >> 4]);
		dns_out_char(o, hex_upper[p[i] & 15]);
	}
}

/* RFC 4648 4. */
static void out_base64(struct dns_out *o, const uint8_t *p, size_t n, unsigned word)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		if (i && word && i / 3 * 4 % word == 0)
			dns_out_char(o, ' ');
		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		dns_out_char(o, digit[v >> 18]);
		dns_out_char(o, digit[v >> 12 & 63]);
		dns_out_char(o, i + 1 < n ? digit[v >> 6 & 63] : '=');
		dns_out_char(o, i + 2 < n ? digit[v & 63] : '=');
	}
}

/* RFC 4648 7, without padding (RFC 5155 3.3). */
static void out_base32hex(struct dns_out *o, const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
	uint32_t v = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < n; i++) {
		v = v << 8 | p[i];
		bits += 8;
		for (; bits >= 5; bits -= 5)
			dns_out_char(o, digit[v >> (bits - 5) & 31]);
	}
	if (bits)
		dns_out_char(o, digit[v << (5 - bits) & 31]);
}

/* A character of quoted text (RFC 1035 5.1). */
static void out_quoted_char(struct dns_out *o, uint8_t c)
{
	if (c < ' ' || c >= 0x7f) {
		dns_out_char(o, '\\');
		dns_out_uint(o, c, 3);
		return;
	}
	if (c == '"' || c == '\\')
		dns_out_char(o, '\\');
	dns_out_char(o, (char)c);
}

void dns_out_quoted(struct dns_out *o, const uint8_t *p, size_t n)
{
	dns_out_char(o, '"');
	for (size_t i = 0; i < n; i++)
		out_quoted_char(o, p[i]);
	dns_out_char(o, '"');
}

void dns_out_addr4(struct dns_out *o, const uint8_t *p)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			dns_out_char(o, '.');
		dns_out_uint(o, p[i], 0);
	}
}

static void out_hex16(struct dns_out *o, unsigned v)
{
	unsigned shift = 12;

	while (shift && !(v >> shift))
		shift -= 4;
	for (;; shift -= 4) {
		dns_out_char(o, hex_lower[v >> shift & 15]);
		if (!shift)
			return;
	}
}

/* RFC 5952; the last 32 bits in decimal for mapped and compatible addresses, as inet_ntop(3) has it. */
void dns_out_addr6(struct dns_out *o, const uint8_t *p)
{
	unsigned best = 8, best_len = 1, groups = 8;

	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;

		while (i + n < 8 && dns_get16(p + 2 * (i + n)) == 0)
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
		i += n;
	}
	if (best == 0 && (best_len == 6 || (best_len == 5 && dns_get16(p + 10) == 0xffff)))
		groups = 6;
	for (unsigned i = 0; i < groups;) {
		if (i == best) {
			dns_out_str(o, "::");
			i += best_len;
			continue;
		}
		if (i && i != best + best_len)
			dns_out_char(o, ':');
		out_hex16(o, dns_get16(p + 2 * i));
		i++;
	}
	if (groups == 6) {
		if (best + best_len < 6)
			dns_out_char(o, ':');
		dns_out_addr4(o, p + 12);
	}
}

/* Days since 1970 into a date of the Gregorian calendar: eras of 400 years begin on the first of March, so that the leap day is a year's last. */
static void out_date(struct dns_out *o, uint32_t days)
{
	uint32_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	uint32_t month = mp < 10 ? mp + 3 : mp - 9;

	dns_out_uint(o, yoe + era * 400 + (month <= 2), 4);
	dns_out_uint(o, month, 2);
	dns_out_uint(o, doy - (153 * mp + 2) / 5 + 1, 2);
}

/* RFC 4034 3.2. */
static void out_time(struct dns_out *o, uint32_t t)
{
	out_date(o, t / 86400);
	t %= 86400;
	dns_out_uint(o, t / 3600, 2);
	dns_out_uint(o, t / 60 % 60, 2);
	dns_out_uint(o, t % 60, 2);
}

static void out_type(struct dns_out *o, uint16_t type)
{
	char b[16];

	dns_type_text(type, b);
	dns_out_str(o, b);
}

static void out_bitmap(struct dns_out *o, const uint8_t *p, size_t n)
{
	bool first = true;

	for (size_t i = 0; i < n; i += 2u + p[i + 1])
		for (unsigned k = 0; k < 8u * p[i + 1]; k++) {
			if (!(p[i + 2 + k / 8] & 0x80 >> k % 8))
				continue;
			if (!first)
				dns_out_char(o, ' ');
			first = false;
			out_type(o, (uint16_t)(p[i] << 8 | k));
		}
}

/* RFC 4398 2.1. */
static void out_cert(struct dns_out *o, uint16_t type)
{
	static const char *const name[] = {NULL,    "PKIX", "SPKI",   "PGP",	"IPKIX",
					   "ISPKI", "IPGP", "ACPKIX", "IACPKIX"};

	if (type < ARRAY_SIZE(name) && name[type])
		dns_out_str(o, name[type]);
	else if (type == 253 || type == 254)
		dns_out_str(o, type == 253 ? "URI" : "OID");
	else
		dns_out_uint(o, type, 0);
}

static void out_algorithm(struct dns_out *o, uint8_t alg)
{
	static const struct {
		uint8_t number;
		const char *name;
	} known[] = {
		{1, "RSAMD5"},
		{2, "DH"},
		{3, "DSA"},
		{5, "RSASHA1"},
		{6, "NSEC3DSA"},
		{7, "NSEC3RSASHA1"},
		{8, "RSASHA256"},
		{10, "RSASHA512"},
		{12, "ECCGOST"},
		{13, "ECDSAP256SHA256"},
		{14, "ECDSAP384SHA384"},
		{15, "ED25519"},
		{16, "ED448"},
		{252, "INDIRECT"},
		{253, "PRIVATEDNS"},
		{254, "PRIVATEOID"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].number == alg) {
			dns_out_str(o, known[i].name);
			return;
		}
	dns_out_uint(o, alg, 0);
}

/* Thousandths of an arc second from the equator or the meridian (RFC 1876 3). */
static void out_angle(struct dns_out *o, uint32_t v, char plus, char minus)
{
	uint32_t a = v >= 0x80000000u ? v - 0x80000000u : 0x80000000u - v;

	dns_out_uint(o, a / 3600000, 0);
	dns_out_char(o, ' ');
	dns_out_uint(o, a / 60000 % 60, 0);
	dns_out_char(o, ' ');
	dns_out_uint(o, a / 1000 % 60, 0);
	dns_out_char(o, '.');
	dns_out_uint(o, a % 1000, 3);
	dns_out_char(o, ' ');
	dns_out_char(o, v >= 0x80000000u ? plus : minus);
	dns_out_char(o, ' ');
}

/* A size or precision: a digit and a power of ten of centimetres. */
static void out_size(struct dns_out *o, uint8_t v)
{
	static const uint32_t ten[] = {1,      10,	100,	  1000,	     10000,
				       100000, 1000000, 10000000, 100000000, 1000000000};
	uint64_t cm = (uint64_t)(v >> 4) * ten[v & 15];

	dns_out_uint(o, cm / 100, 0);
	if ((v & 15) < 2) {
		dns_out_char(o, '.');
		dns_out_uint(o, cm % 100, 2);
	}
	dns_out_char(o, 'm');
}

/* D3597-3. */
static void out_generic(struct dns_out *o, const uint8_t *p, size_t n, unsigned word)
{
	dns_out_str(o, "\\# ");
	dns_out_uint(o, n, 0);
	if (n)
		dns_out_char(o, ' ');
	out_hex(o, p, n, word);
}

static bool is_loc(const uint8_t *p)
{
	for (unsigned i = 1; i < 4; i++)
		if ((p[i] & 15) > 9 || p[i] >> 4 > 9)
			return false;
	return p[0] == 0;
}

static void out_loc(struct dns_out *o, const uint8_t *p)
{
	uint32_t alt = dns_get32(p + 12), base = 10000000;
	uint32_t a = alt < base ? base - alt : alt - base;

	out_angle(o, dns_get32(p + 4), 'N', 'S');
	out_angle(o, dns_get32(p + 8), 'E', 'W');
	if (alt < base)
		dns_out_char(o, '-');
	dns_out_uint(o, a / 100, 0);
	dns_out_char(o, '.');
	dns_out_uint(o, a % 100, 2);
	dns_out_char(o, 'm');
	for (unsigned i = 1; i < 4; i++) {
		dns_out_char(o, ' ');
		out_size(o, p[i]);
	}
}

static void out_key(struct dns_out *o, uint16_t key)
{
	/* As dig 9.18 names them: key7 has no name there (dohpath, RFC 9461 5). */
	static const char *const name[] = {"mandatory", "alpn", "no-default-alpn", "port",
					   "ipv4hint",	"ech",	"ipv6hint"};

	if (key < ARRAY_SIZE(name)) {
		dns_out_str(o, name[key]);
		return;
	}
	dns_out_str(o, "key");
	dns_out_uint(o, key, 0);
}

/* Protocol names in one quoted list: a comma or backslash in a name is escaped for the list, and then once more (RFC 9460 A.1). */
static void out_alpn(struct dns_out *o, const uint8_t *p, size_t n)
{
	dns_out_char(o, '"');
	for (size_t i = 0; i < n; i += 1u + p[i]) {
		if (i)
			dns_out_char(o, ',');
		for (unsigned k = 1; k <= p[i]; k++) {
			uint8_t c = p[i + k];

			if (c == ',' || c == '\\')
				dns_out_str(o, "\\\\");
			/* dig writes a blank by its number here, and only here */
			if (c == ' ')
				dns_out_str(o, "\\032");
			else
				out_quoted_char(o, c);
		}
	}
	dns_out_char(o, '"');
}

/* A SvcParam (RFC 9460 2.1). The value was checked, but for alias mode. */
static void out_param(struct dns_out *o, const uint8_t *p, size_t n)
{
	uint16_t key = dns_get16(p);

	p += 4;
	n -= 4;
	out_key(o, key);
	if (n == 0)
		return;
	dns_out_char(o, '=');
	switch (key) {
	case 0:
		for (size_t i = 0; i + 1 < n; i += 2) {
			if (i)
				dns_out_char(o, ',');
			out_key(o, dns_get16(p + i));
		}
		return;
	case 1:
		out_alpn(o, p, n);
		return;
	case 3:
		dns_out_uint(o, dns_get16(p), 0);
		return;
	case 4:
	case 6:
		for (size_t i = 0, size = key == 4 ? 4 : 16; i < n; i += size) {
			if (i)
				dns_out_char(o, ',');
			if (key == 4)
				dns_out_addr4(o, p + i);
			else
				dns_out_addr6(o, p + i);
		}
		return;
	case 5:
		out_base64(o, p, n, 0);
		return;
	default:
		dns_out_quoted(o, p, n);
	}
}

/* In alias mode values are ignored and so were not checked: they are shown as octets. */
static void out_any_param(struct dns_out *o, const struct rr_walk *w, const uint8_t *p, size_t n)
{
	if (dns_get16(w->b + w->begin) != 0) {
		out_param(o, p, n);
		return;
	}
	out_key(o, dns_get16(p));
	if (n > 4) {
		dns_out_char(o, '=');
		dns_out_quoted(o, p + 4, n - 4);
	}
}

static void out_groups(struct dns_out *o, const uint8_t *p)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			dns_out_char(o, ':');
		out_hex16(o, dns_get16(p + 2 * i));
	}
}

static void out_eui(struct dns_out *o, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			dns_out_char(o, '-');
		dns_out_char(o, hex_lower[p[i] >> 4]);
		dns_out_char(o, hex_lower[p[i] & 15]);
	}
}

static void out_name_at(struct dns_out *o, const struct rr_walk *w, size_t at)
{
	uint8_t b[DNS_NAME_MAX], len;

	if (dns_name_scan(w->b, w->end, at, w->flat ? DNS_SCAN_FLAT : 0, b, &len, NULL) >= 0)
		dns_out_name(o, b);
}

void rr_part_text(struct dns_out *o, const struct rr_walk *w, const struct rr_part *part,
		  unsigned word)
{
	const uint8_t *p = w->b + part->at;
	size_t n = part->len;

	switch ((enum rr_kind)part->kind) {
	case RF_U8:
		dns_out_uint(o, *p, 0);
		return;
	case RF_U16:
		dns_out_uint(o, dns_get16(p), 0);
		return;
	case RF_U32:
		dns_out_uint(o, dns_get32(p), 0);
		return;
	case RF_IP4:
		dns_out_addr4(o, p);
		return;
	case RF_IP6:
		dns_out_addr6(o, p);
		return;
	case RF_NAME:
		out_name_at(o, w, part->at);
		return;
	case RF_TYPE:
		out_type(o, dns_get16(p));
		return;
	case RF_TIME:
		out_time(o, dns_get32(p));
		return;
	case RF_STR:
	case RF_STRS:
		dns_out_quoted(o, p + 1, n - 1);
		return;
	case RF_TEXT:
		dns_out_quoted(o, p, n);
		return;
	case RF_TAG:
		for (size_t i = 1; i < n; i++)
			dns_out_char(o, (char)p[i]);
		return;
	case RF_HEX:
		out_hex(o, p, n, word);
		return;
	case RF_B64:
		out_base64(o, p, n, word);
		return;
	case RF_SALT:
		if (n == 1)
			dns_out_char(o, '-');
		out_hex(o, p + 1, n - 1, 0);
		return;
	case RF_HASH:
		out_base32hex(o, p + 1, n - 1);
		return;
	case RF_BITMAP:
	case RF_BITMAP0:
		out_bitmap(o, p, n);
		return;
	case RF_PARAM:
		out_any_param(o, w, p, n);
		return;
	case RF_LOC:
		if (is_loc(p))
			out_loc(o, p);
		else
			out_generic(o, p, n, word);
		return;
	case RF_EUI48:
	case RF_EUI64:
		out_eui(o, p, n);
		return;
	case RF_ID64:
		out_groups(o, p);
		return;
	case RF_CERT:
		out_cert(o, dns_get16(p));
		return;
	case RF_ALG:
		out_algorithm(o, *p);
		return;
	case RF_OPTION:
	case RF_OPAQUE:
		out_generic(o, p, n, word);
		return;
	case RF_END:
		return;
	}
}

/* RDATA at `at`. Whatever does not fit its type is octets: nothing here can fail. */
static void out_rdata(struct dns_out *o, const uint8_t *b, size_t at, size_t len, uint16_t type,
		      uint16_t class, bool flat)
{
	struct rr_walk w;
	struct rr_part p;
	size_t start = o->len;
	bool first = true;
	int r = -1;

	if (type != DNS_TYPE_OPT) {
		rr_walk_begin(&w, b, at, len, type, class, flat);
		while ((r = rr_walk_next(&w, &p, NULL)) > 0) {
			bool nothing = p.kind == RF_BITMAP0 && p.len == 0;

			if (!first && !nothing)
				dns_out_char(o, ' ');
			first = false;
			rr_part_text(o, &w, &p, WORD);
		}
	}
	if (r < 0 || first) {
		o->len = start;
		out_generic(o, b + at, len, WORD);
	}
}

void dns_out_rdata(struct dns_out *o, const uint8_t *b, size_t at, size_t len, uint16_t type,
		   uint16_t class)
{
	out_rdata(o, b, at, len, type, class, false);
}

size_t dns_rdata_text(uint16_t type, uint16_t class, const uint8_t *rdata, size_t len, char *out,
		      size_t cap)
{
	struct dns_out o = {out, cap, 0};

	out_rdata(&o, rdata, 0, len, type, class, true);
	return dns_out_end(&o);
}

/* From column *from to column `to`, and one column at least, with tabs of 8 and blanks. */
static void indent(struct dns_out *o, size_t from, size_t to)
{
	if (to < from + 1)
		to = from + 1;
	for (; from / 8 < to / 8; from = (from / 8 + 1) * 8)
		dns_out_char(o, '\t');
	for (; from < to; from++)
		dns_out_char(o, ' ');
}

size_t dns_rr_text(const struct dns_msg *m, const struct dns_rr *rr, char *out, size_t cap)
{
	struct dns_out o = {out, cap, 0};
	char word[16];
	size_t column, before;

	dns_out_name(&o, rr->name.b);
	column = o.len;
	indent(&o, column, 24);
	column = max_size(column + 1, 24);
	before = o.len;
	dns_out_uint(&o, rr->ttl, 0);
	column += o.len - before;
	indent(&o, column, 32);
	column = max_size(column + 1, 32);
	column += dns_class_text(rr->class, word);
	dns_out_str(&o, word);
	indent(&o, column, 40);
	column = max_size(column + 1, 40);
	column += dns_type_text(rr->type, word);
	dns_out_str(&o, word);
	indent(&o, column, 48);
	dns_out_rdata(&o, m->b, rr->rdata, rr->rdlen, rr->type, rr->class);
	return dns_out_end(&o);
}

size_t dns_rr_short(const struct dns_msg *m, const struct dns_rr *rr, char *out, size_t cap)
{
	struct dns_out o = {out, cap, 0};

	dns_out_rdata(&o, m->b, rr->rdata, rr->rdlen, rr->type, rr->class);
	return dns_out_end(&o);
}
