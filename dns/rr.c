/*
 * Record types. dns/rr.def has a row a type: which fields its RDATA is made of. rr_walk_next() goes over RDATA by that row and is the
 * only code that does so (DN-11): the decoder uses it to check, the expander to write names out, the encoder to compress them again, the text
 * and the hex dump to show. RDATA must be used up exactly (D1035-4, D9267-4, R20-06): a name that ends before or behind the last octet is a flaw.
 *
 * D3597-1, D1123-16: of a type that has no row, and of one that belongs to class IN in another class, RDATA is octets (RFC 3597 3): nothing in it is taken
 * for a pointer.
 */
#include "dns/codec.h"

#include <errno.h>
#include <string.h>

#include "stack/base.h"

static const struct rr_type rows[] = {
#define RR(name, number, flags, ...) {number, flags, #name, {__VA_ARGS__}},
#include "dns/rr.def"
#undef RR
};

enum {
#define RR(name, number, flags, ...) ROW_##name,
#include "dns/rr.def"
#undef RR
	ROWS
};
static_assert(ROWS < 255, "an octet numbers the rows");

/* Row + 1 by number, 0: none. */
static const uint8_t row_of[] = {
#define RR(name, number, flags, ...) [number] = ROW_##name + 1,
#include "dns/rr.def"
#undef RR
};

static const struct rr_type opaque = {0, 0, NULL, {{RF_OPAQUE, "data"}}};

const struct rr_type *rr_type_of(uint16_t type, uint16_t class)
{
	if (type >= ARRAY_SIZE(row_of) || !row_of[type])
		return &opaque;
	const struct rr_type *row = &rows[row_of[type] - 1];

	/* RFC 3597 4: a type's format may be another in another class. RFC 6762 10.2: the top bit is none of the class's on the link. */
	return (row->flags & RR_IN) && (class & 0x7fff) != DNS_CLASS_IN ? &opaque : row;
}

void rr_walk_begin(struct rr_walk *w, const uint8_t *b, size_t at, size_t len, uint16_t type,
		   uint16_t class, bool flat)
{
	w->b = b;
	w->begin = w->at = at;
	w->end = at + len;
	w->row = rr_type_of(type, class);
	w->f = w->row->field;
	w->flat = flat || !(w->row->flags & (RR_COMPRESS | RR_POINTERS));
	w->more = false;
	w->last = -1;
}

/* Octets of the fields that have a fixed number of them; 0: another rule. */
static const uint8_t fixed[RF_OPAQUE + 1] = {
	[RF_U8] = 1,   [RF_U16] = 2,  [RF_U32] = 4,  [RF_IP4] = 4,   [RF_IP6] = 16,
	[RF_TYPE] = 2, [RF_TIME] = 4, [RF_LOC] = 16, [RF_EUI48] = 6, [RF_EUI64] = 8,
	[RF_ID64] = 8, [RF_CERT] = 2, [RF_ALG] = 1,
};

/* RFC 4034 4.1.2: windows in rising order, 1 to 32 octets each, the last one not 0. */
static int check_bitmap(const uint8_t *b, size_t at, size_t end, struct dns_flaw *flaw)
{
	int last = -1;

	while (at < end) {
		if (end - at < 3)
			return dns_flawed(flaw, at, "a type bitmap runs over the end of RDATA");
		unsigned window = b[at], n = b[at + 1];

		if ((int)window <= last)
			return dns_flawed(flaw, at, "type bitmaps out of order");
		if (n < 1 || n > 32)
			return dns_flawed(flaw, at + 1, "a type bitmap of 0 or over 32 octets");
		if (n > end - at - 2)
			return dns_flawed(flaw, at, "a type bitmap runs over the end of RDATA");
		if (b[at + 1 + n] == 0)
			return dns_flawed(flaw, at + 1 + n, "a type bitmap that ends in zeros");
		last = (int)window;
		at += 2 + n;
	}
	return 0;
}

static int check_alpn(const uint8_t *p, size_t at, size_t len, struct dns_flaw *flaw)
{
	size_t i = 0;

	if (len == 0)
		return dns_flawed(flaw, at, "an empty list of protocols");
	while (i < len) {
		if (p[i] == 0 || p[i] > len - i - 1)
			return dns_flawed(flaw, at + i, "a protocol name of a wrong length");
		i += 1u + p[i];
	}
	return 0;
}

/* RFC 9460 8: keys in rising order, not its own, and each there among the parameters behind it, up to `end`. */
static int check_mandatory(const uint8_t *b, size_t at, size_t len, size_t end,
			   struct dns_flaw *flaw)
{
	size_t next = at + len;
	unsigned last = 0;

	if (len == 0 || len % 2)
		return dns_flawed(flaw, at, "a list of mandatory keys of a wrong length");
	for (size_t i = at; i < at + len; i += 2) {
		unsigned key = dns_get16(b + i);

		if (key <= last)
			return dns_flawed(flaw, i, "mandatory keys out of order");
		last = key;
		while (end - next >= 4 && dns_get16(b + next) < key &&
		       dns_get16(b + next + 2) <= end - next - 4)
			next += 4u + dns_get16(b + next + 2);
		if (end - next < 4 || dns_get16(b + next) != key)
			return dns_flawed(flaw, i, "a mandatory key that is not there");
	}
	return 0;
}

/* RFC 9460 2.2, 7, 8: a value that its key doesn't allow makes the record malformed. */
static int check_param(const uint8_t *b, size_t at, size_t len, size_t end, struct dns_flaw *flaw)
{
	const uint8_t *p = b + at;

	switch (dns_get16(p - 4)) {
	case 0:
		return check_mandatory(b, at, len, end, flaw);
	case 1:
		return check_alpn(p, at, len, flaw);
	case 2:
		return len ? dns_flawed(flaw, at, "no-default-alpn with a value") : 0;
	case 3:
		return len != 2 ? dns_flawed(flaw, at, "a port that is not 2 octets") : 0;
	case 4:
		return len == 0 || len % 4
			       ? dns_flawed(flaw, at, "IPv4 hints that are no addresses")
			       : 0;
	case 5:
		return len == 0 ? dns_flawed(flaw, at, "an empty ECH configuration") : 0;
	case 6:
		return len == 0 || len % 16
			       ? dns_flawed(flaw, at, "IPv6 hints that are no addresses")
			       : 0;
	default:
		return 0;
	}
}

/* One SvcParam. */
static int next_param(struct rr_walk *w, struct rr_part *p, struct dns_flaw *flaw)
{
	size_t left = w->end - w->at;

	if (left < 4 || dns_get16(w->b + w->at + 2) > left - 4)
		return dns_flawed(flaw, w->at, "a parameter runs over the end of RDATA");
	int key = dns_get16(w->b + w->at);

	if (key <= w->last)
		return dns_flawed(flaw, w->at, "parameters out of order");
	w->last = key;
	p->len = 4u + dns_get16(w->b + w->at + 2);
	/* RFC 9460 2.4.2: in alias mode parameters are ignored, whatever they say. */
	if (dns_get16(w->b + w->begin) == 0)
		return 0;
	return check_param(w->b, w->at + 4, p->len - 4, w->end, flaw);
}

/* The length of the variable field at w->at, into p->len. */
static int measure(struct rr_walk *w, struct rr_part *p, struct dns_flaw *flaw)
{
	const uint8_t *b = w->b + w->at;
	size_t left = w->end - w->at;
	int behind;

	switch (p->kind) {
	case RF_NAME:
		behind = dns_name_scan(w->b, w->end, w->at, w->flat ? DNS_SCAN_FLAT : 0, NULL, NULL,
				       flaw);
		if (behind < 0)
			return behind;
		p->len = (size_t)behind - w->at;
		return 0;
	case RF_STR:
	case RF_STRS:
	case RF_TAG:
	case RF_SALT:
	case RF_HASH:
		if (left == 0 || b[0] > left - 1)
			return dns_flawed(flaw, w->at, "a string runs over the end of RDATA");
		p->len = 1u + b[0];
		break;
	case RF_OPTION:
		/* D6891-2, DN-31: once, and no further than RDLENGTH */
		if (left < 4 || dns_get16(b + 2) > left - 4)
			return dns_flawed(flaw, w->at,
					  "an option runs over the end of the OPT record");
		p->len = 4u + dns_get16(b + 2);
		return 0;
	case RF_PARAM:
		return next_param(w, p, flaw);
	default:
		p->len = left;
	}
	switch (p->kind) {
	case RF_TAG:
		if (b[0] == 0)
			return dns_flawed(flaw, w->at, "a property without a name");
		for (unsigned i = 1; i <= b[0]; i++)
			if ((uint8_t)(b[i] - '0') > 9 && (uint8_t)(dns_fold(b[i]) - 'a') > 25)
				return dns_flawed(flaw, w->at + i,
						  "a property's name is letters and digits");
		return 0;
	case RF_HASH:
		return b[0] == 0 ? dns_flawed(flaw, w->at, "an empty hash") : 0;
	case RF_HEX:
	case RF_B64:
		return left == 0 ? dns_flawed(flaw, w->at, "RDATA ends before its last field") : 0;
	case RF_BITMAP:
		if (left == 0)
			return dns_flawed(flaw, w->at, "RDATA ends before its last field");
		return check_bitmap(w->b, w->at, w->end, flaw);
	case RF_BITMAP0:
		return check_bitmap(w->b, w->at, w->end, flaw);
	default:
		return 0;
	}
}

int rr_walk_next(struct rr_walk *w, struct rr_part *p, struct dns_flaw *flaw)
{
	size_t left = w->end - w->at;

	if (w->more && left == 0) {
		w->more = false;
		w->f++;
	}
	/* Fields that repeat from nothing on are not there at the end. */
	if (left == 0 &&
	    (w->f->kind == RF_OPTION || w->f->kind == RF_PARAM || w->f->kind == RF_OPAQUE))
		w->f++;
	if (w->f->kind == RF_END)
		return left ? dns_flawed(flaw, w->at, "RDATA is longer than its fields") : 0;
	p->kind = w->f->kind;
	p->name = w->f->name;
	p->at = w->at;
	if (fixed[p->kind]) {
		if (left < fixed[p->kind])
			return dns_flawed(flaw, w->at, "RDATA is shorter than its fields");
		p->len = fixed[p->kind];
	} else {
		int err = measure(w, p, flaw);

		if (err)
			return err;
	}
	w->at += p->len;
	if (p->kind == RF_STRS || p->kind == RF_OPTION || p->kind == RF_PARAM)
		w->more = true;
	else
		w->f++;
	return 1;
}

int dns_rdata_expand(const struct dns_msg *m, const struct dns_rr *rr, uint8_t *out, size_t cap)
{
	struct rr_walk w;
	struct rr_part p;
	size_t n = 0;
	int r;

	rr_walk_begin(&w, m->b, rr->rdata, rr->rdlen, rr->type, rr->class, false);
	/* DN-21: sizes are size_t, and RDATA that grows over 65535 has no place. */
	while ((r = rr_walk_next(&w, &p, NULL)) > 0) {
		if (p.kind == RF_NAME) {
			struct dns_name name;

			if (dns_name_decode(m->b, m->len, p.at, &name) < 0)
				return -EBADMSG;
			if (name.len > cap - n)
				return -EMSGSIZE;
			memcpy(out + n, name.b, name.len);
			n += name.len;
			continue;
		}
		if (p.len > cap - n)
			return -EMSGSIZE;
		memcpy(out + n, m->b + p.at, p.len);
		n += p.len;
	}
	return r < 0 ? r : n > UINT16_MAX ? -EMSGSIZE : (int)n;
}

int dns_rdata_name(uint16_t type, const uint8_t *rdata, size_t len, struct dns_name *out)
{
	size_t at = 0;

	switch (type) {
	case DNS_TYPE_CNAME:
	case DNS_TYPE_NS:
	case DNS_TYPE_PTR:
	case DNS_TYPE_DNAME:
		break;
	case DNS_TYPE_MX:
		at = 2;
		break;
	case DNS_TYPE_SRV:
		at = 6;
		break;
	default:
		return -EINVAL;
	}
	int end = dns_name_scan(rdata, len, at, DNS_SCAN_FLAT, out->b, &out->len, NULL);

	return end >= 0 && (size_t)end == len ? 0 : -EINVAL;
}

int dns_rdata_addr(uint16_t type, const uint8_t *rdata, size_t len, struct tapir_addr *out)
{
	if (type == DNS_TYPE_A && len == 4) {
		memset(out->b, 0, 10);
		memset(out->b + 10, 0xff, 2);
		memcpy(out->b + 12, rdata, 4);
		return 0;
	}
	if (type == DNS_TYPE_AAAA && len == 16) {
		memcpy(out->b, rdata, 16);
		return 0;
	}
	return -EINVAL;
}

/* A number with a name. */
struct word {
	uint16_t value;
	const char *text;
};

/* Types that have a name and no row: of queries, of transactions, or shown as octets. */
static const struct word other_types[] = {
	{10, "NULL"},	 {11, "WKS"},	 {22, "NSAP"},	 {23, "NSAP-PTR"}, {24, "SIG"},
	{25, "KEY"},	 {30, "NXT"},	 {31, "EID"},	 {32, "NIMLOC"},   {34, "ATMA"},
	{38, "A6"},	 {40, "SINK"},	 {42, "APL"},	 {45, "IPSECKEY"}, {55, "HIP"},
	{57, "RKEY"},	 {58, "TALINK"}, {100, "UINFO"}, {101, "UID"},	   {102, "GID"},
	{103, "UNSPEC"}, {249, "TKEY"},	 {250, "TSIG"},	 {251, "IXFR"},	   {252, "AXFR"},
	{253, "MAILB"},	 {254, "MAILA"}, {255, "ANY"},	 {259, "DOA"},	   {260, "AMTRELAY"},
	{66, "DSYNC"},	 {67, "HHIT"},	 {68, "BRID"},	 {32768, "TA"},	   {32769, "DLV"},
};

static const struct word classes[] = {
	{1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"},
};

static const struct word rcodes[] = {
	{0, "NOERROR"},	    {1, "FORMERR"},	{2, "SERVFAIL"},    {3, "NXDOMAIN"},
	{4, "NOTIMP"},	    {5, "REFUSED"},	{6, "YXDOMAIN"},    {7, "YXRRSET"},
	{8, "NXRRSET"},	    {9, "NOTAUTH"},	{10, "NOTZONE"},    {11, "RESERVED11"},
	{12, "RESERVED12"}, {13, "RESERVED13"}, {14, "RESERVED14"}, {15, "RESERVED15"},
	{16, "BADVERS"},    {23, "BADCOOKIE"},
};

static const char *word_of(const struct word *w, size_t n, unsigned value)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].value == value)
			return w[i].text;
	return NULL;
}

static bool is_word(const char *text, size_t len, const char *word)
{
	size_t i = 0;

	while (i < len && word[i] && dns_fold((uint8_t)text[i]) == dns_fold((uint8_t)word[i]))
		i++;
	return i == len && !word[i];
}

static bool value_of(const struct word *w, size_t n, const char *text, size_t len, uint16_t *v)
{
	for (size_t i = 0; i < n; i++)
		if (is_word(text, len, w[i].text)) {
			*v = w[i].value;
			return true;
		}
	return false;
}

/* "TYPE123", "CLASS7" (RFC 3597 5). */
static int parse_numbered(const char *text, size_t len, const char *prefix, size_t n, uint16_t *v)
{
	unsigned x = 0;

	if (len <= n || len > n + 5 || !is_word(text, n, prefix))
		return -EINVAL;
	for (size_t i = n; i < len; i++) {
		unsigned d = (unsigned)(uint8_t)text[i] - '0';

		if (d > 9)
			return -EINVAL;
		x = x * 10 + d;
	}
	if (x > UINT16_MAX)
		return -EINVAL;
	*v = (uint16_t)x;
	return 0;
}

static size_t named(char out[16], const char *word, const char *prefix, unsigned number)
{
	struct dns_out o = {out, 16, 0};

	dns_out_str(&o, word ? word : prefix);
	if (!word)
		dns_out_uint(&o, number, 0);
	return dns_out_end(&o);
}

size_t dns_type_text(uint16_t type, char out[16])
{
	const char *word = type < ARRAY_SIZE(row_of) && row_of[type]
				   ? rows[row_of[type] - 1].name
				   : word_of(other_types, ARRAY_SIZE(other_types), type);

	return named(out, word, "TYPE", type);
}

int dns_type_parse(const char *text, size_t len, uint16_t *type)
{
	for (size_t i = 0; i < ROWS; i++)
		if (is_word(text, len, rows[i].name)) {
			*type = rows[i].type;
			return 0;
		}
	if (value_of(other_types, ARRAY_SIZE(other_types), text, len, type))
		return 0;
	return parse_numbered(text, len, "TYPE", 4, type);
}

size_t dns_class_text(uint16_t class, char out[16])
{
	return named(out, word_of(classes, ARRAY_SIZE(classes), class), "CLASS", class);
}

int dns_class_parse(const char *text, size_t len, uint16_t *class)
{
	if (value_of(classes, ARRAY_SIZE(classes), text, len, class))
		return 0;
	if (is_word(text, len, "CHAOS")) {
		*class = DNS_CLASS_CH;
		return 0;
	}
	return parse_numbered(text, len, "CLASS", 5, class);
}

size_t dns_rcode_text(uint16_t rcode, char out[16])
{
	return named(out, word_of(rcodes, ARRAY_SIZE(rcodes), rcode), "?", rcode);
}

const char *dns_ede_text(uint16_t code)
{
	/* The registry of RFC 8914 5.2, as of 2024. */
	static const char *const text[] = {
		"Other",
		"Unsupported DNSKEY Algorithm",
		"Unsupported DS Digest Type",
		"Stale Answer",
		"Forged Answer",
		"DNSSEC Indeterminate",
		"DNSSEC Bogus",
		"Signature Expired",
		"Signature Not Yet Valid",
		"DNSKEY Missing",
		"RRSIGs Missing",
		"No Zone Key Bit Set",
		"NSEC Missing",
		"Cached Error",
		"Not Ready",
		"Blocked",
		"Censored",
		"Filtered",
		"Prohibited",
		"Stale NXDOMAIN Answer",
		"Not Authoritative",
		"Not Supported",
		"No Reachable Authority",
		"Network Error",
		"Invalid Data",
		"Signature Expired before Valid",
		"Too Early",
		"Unsupported NSEC3 Iterations Value",
		"Unable to conform to policy",
		"Synthesized",
		"Invalid Query Type",
	};

	return code < ARRAY_SIZE(text) ? text[code] : NULL;
}
