/*
 * What dig prints. The words, blanks and tabs are those of dig 9.18, since scripts read them: a record is owner, TTL, class, type, RDATA,
 * each from its column on (tabs of 8), or one blank behind the last where that is over the column already.
 *
 *	www.example.com.        300     IN      CNAME   web.example.com.
 *	0                       24      32      40      48                      with TTL and class
 *	0                       24              32      40                      without one of them
 *	0                       24                      32                      without both
 *
 * RDATA's text is that of dns/text.h; what options make of it (parts of another width, lines, left-out keys) is made from that text.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "apps/app.h"
#include "apps/dig.h"
#include "dns/addrinfo.h"
#include "dns/rr.h"
#include "dns/text.h"

struct columns {
	unsigned ttl, class, type, rdata;
};

static struct columns columns_of(const struct dig_query *q)
{
	if (q->multiline || (!q->ttl && !q->class_shown))
		return (struct columns){24, 24, 24, 32};
	if (!q->ttl || !q->class_shown)
		return (struct columns){24, 24, 32, 40};
	return (struct columns){24, 32, 40, 48};
}

/* From column *at on to `to`, by at least one blank. */
static void indent(FILE *f, size_t *at, size_t to)
{
	if (to < *at + 1)
		to = *at + 1;
	for (size_t tabs = to / 8 - *at / 8; tabs > 0; tabs--) {
		fputc('\t', f);
		*at = *at / 8 * 8 + 8;
	}
	for (; *at < to; ++*at)
		fputc(' ', f);
}

static void put(FILE *f, size_t *at, const char *text)
{
	fputs(text, f);
	*at += strlen(text);
}

void dig_sockaddr_text(const struct tapir_sockaddr *sa, char out[64])
{
	char addr[16];
	snprintf(out, 64, "%s#%u", app_ip4(tapir_addr_to_v4(&sa->addr), addr),
		 sa->port ? sa->port : (unsigned)DNS_PORT);
}

/* --- times --- */

static const struct {
	uint32_t s;
	char letter;
	const char *word;
} units[] = {{604800, 'w', "week"},
	     {86400, 'd', "day"},
	     {3600, 'h', "hour"},
	     {60, 'm', "minute"},
	     {1, 's', "second"}};

/* "1h30m" or "1 hour 30 minutes". */
static void duration(uint32_t s, bool words, char out[80])
{
	size_t n = 0;
	out[0] = 0;
	for (unsigned i = 0; i < 5; i++) {
		uint32_t v = s / units[i].s;
		s %= units[i].s;
		if (!v && !(i == 4 && n == 0))
			continue;
		if (words)
			n += (size_t)snprintf(out + n, 80 - n, "%s%" PRIu32 " %s%s", n ? " " : "",
					      v, units[i].word, v == 1 ? "" : "s");
		else
			n += (size_t)snprintf(out + n, 80 - n, "%" PRIu32 "%c", v, units[i].letter);
	}
}

/* --- RDATA --- */

/* Types whose RDATA ends in base64 or hexadecimal, and how many words stand before it. */
static const struct {
	uint16_t type;
	uint8_t words;
	bool crypto; /* +nocrypto leaves it out */
} blobs[] = {
	{DNS_TYPE_DNSKEY, 3, true},
	{60, 3, true},
	{25, 3, true},
	{DNS_TYPE_DS, 3, true},
	{59, 3, true},
	{32769, 3, true},
	{DNS_TYPE_RRSIG, 8, true},
	{24, 8, true},
	{52, 3, false},
	{53, 3, false},
	{44, 2, false},
	{37, 3, false},
	{61, 0, true},
	{49, 0, false},
	{63, 3, true},
};

/* Behind the first `words` words of text. */
static const char *behind_words(const char *text, unsigned words)
{
	for (; words; words--) {
		text += strcspn(text, " ");
		text += strspn(text, " ");
	}
	return text;
}

/* Base64 or hexadecimal in parts of `width` characters (0: in one), `between` between them. */
static void put_blob(FILE *f, const char *blob, int width, const char *between)
{
	int n = 0;
	for (; *blob; blob++) {
		if (*blob == ' ')
			continue;
		if (width && n == width) {
			fputs(between, f);
			n = 0;
		}
		fputc(*blob, f);
		n++;
	}
}

/* RFC 4034 B: a key's tag. */
static unsigned key_tag(const uint8_t *rdata, size_t len)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
	return (sum + (sum >> 16)) & 0xffff;
}

static const char *algorithm(uint8_t number, char out[8])
{
	static const char *const names[] = {[1] = "RSAMD5",
					    [2] = "DH",
					    [3] = "DSA",
					    [5] = "RSASHA1",
					    [6] = "NSEC3DSA",
					    [7] = "NSEC3RSASHA1",
					    [8] = "RSASHA256",
					    [10] = "RSASHA512",
					    [12] = "ECCGOST",
					    [13] = "ECDSAP256SHA256",
					    [14] = "ECDSAP384SHA384",
					    [15] = "ED25519",
					    [16] = "ED448"};
	if (number < sizeof names / sizeof *names && names[number])
		return names[number];
	snprintf(out, 8, "%u", number);
	return out;
}

static bool is_key(uint16_t type)
{
	return type == DNS_TYPE_DNSKEY || type == 60 || type == 25;
}

/* "KSK; alg = ECDSAP256SHA256 ; key id = 2371" */
static void put_key_comment(FILE *f, const uint8_t *rdata, size_t len)
{
	char alg[8];
	unsigned flags = (unsigned)rdata[0] << 8 | rdata[1];
	fprintf(f, " ; %s%s; alg = %s ; key id = %u", flags & 0x80 ? "revoked " : "",
		flags & 1 ? "KSK" : "ZSK", algorithm(rdata[3], alg), key_tag(rdata, len));
}

/* A style as it bears on RDATA. */
struct rdata {
	const struct dig_query *q;
	uint16_t type;
	const uint8_t *b; /* expanded */
	size_t len;
	const char *text; /* dns_rdata_text()'s */
};

#define NEXT_LINE "\n\t\t\t\t"

/* SOA over lines, each number with its meaning. */
static void put_soa(FILE *f, const struct rdata *r)
{
	static const char *const meaning[] = {"serial", "refresh", "retry", "expire", "minimum"};
	const char *numbers = behind_words(r->text, 2);
	bool told = r->q->rr_comments >= 0;
	fprintf(f, "%.*s(", (int)(numbers - r->text), r->text);
	for (unsigned i = 0; i < 5 && *numbers; i++) {
		char *end, words[80];
		unsigned long v = strtoul(numbers, &end, 10);
		duration((uint32_t)v, true, words);
		if (!told)
			fprintf(f, NEXT_LINE "%lu", v);
		else if (i == 0)
			fprintf(f, NEXT_LINE "%-10lu ; %s", v, meaning[i]);
		else
			fprintf(f, NEXT_LINE "%-10lu ; %s (%s)", v, meaning[i], words);
		numbers = end;
	}
	fputs(told ? NEXT_LINE ")" : ")", f);
}

/* What ends in base64 or hexadecimal: in parts of the width wanted, over lines, or left out. */
static void put_with_blob(FILE *f, const struct rdata *r, unsigned words, bool crypto)
{
	const struct dig_query *q = r->q;
	const char *blob = behind_words(r->text, words);
	bool key = is_key(r->type) && r->len >= 4;
	bool told = q->rr_comments > 0 || (q->rr_comments == 0 && q->multiline);
	if (!q->multiline) {
		fprintf(f, "%.*s", (int)(blob - r->text), r->text);
	} else if (words == 8) {
		/* RRSIG: the times, the key's tag and the signer stand on a line of their own. */
		const char *times = behind_words(r->text, 4);
		fprintf(f, "%.*s(" NEXT_LINE "%.*s", (int)(times - r->text), r->text,
			(int)(blob - times - 1), times);
	} else {
		fprintf(f, "%.*s(", (int)(blob - r->text), r->text);
	}
	if (q->multiline)
		fputs(words ? NEXT_LINE : " ", f);
	if (q->crypto || !crypto)
		put_blob(f, blob,
			 q->multiline	? 44
			 : q->split < 0 ? 56
					: q->split,
			 q->multiline ? NEXT_LINE : " ");
	else if (key)
		fprintf(f, "[key id = %u]", key_tag(r->b, r->len));
	else
		fputs("[omitted]", f);
	if (q->multiline)
		fputs(key && told ? NEXT_LINE ")" : " )", f);
	if (key && told) {
		if (!q->multiline)
			fputc(' ', f);
		put_key_comment(f, r->b, r->len);
	}
}

static void put_unknown(FILE *f, const struct rdata *r)
{
	int width = r->q->split < 0 ? 56 : r->q->split, n = 0;
	fprintf(f, "\\# %zu", r->len);
	for (size_t i = 0; i < r->len; i++, n += 2) {
		if (i == 0 || (width && n == width)) {
			fputc(' ', f);
			n = 0;
		}
		fprintf(f, "%02X", r->b[i]);
	}
}

static void put_rdata(FILE *f, const struct rdata *r)
{
	const struct dig_query *q = r->q;
	if (q->unknown) {
		put_unknown(f, r);
		return;
	}
	if (r->type == DNS_TYPE_AAAA && q->expand_aaaa && r->len == 16) {
		for (unsigned i = 0; i < 16; i += 2)
			fprintf(f, "%s%02x%02x", i ? ":" : "", r->b[i], r->b[i + 1]);
		return;
	}
	if (r->type == DNS_TYPE_SOA && q->multiline) {
		put_soa(f, r);
		return;
	}
	bool plain = !q->multiline && q->crypto && q->split < 0 &&
		     !(q->rr_comments > 0 && is_key(r->type));
	for (size_t i = 0; !plain && i < sizeof blobs / sizeof *blobs; i++) {
		if (blobs[i].type == r->type && strncmp(r->text, "\\#", 2) != 0) {
			put_with_blob(f, r, blobs[i].words, blobs[i].crypto);
			return;
		}
	}
	fputs(r->text, f);
}

char *dig_rdata(const struct dns_msg *m, const struct dns_rr *rr, uint8_t **b, size_t *len)
{
	/* Names written out can make it longer than it came. */
	uint8_t *p = malloc(DNS_MSG_MAX);
	int n = p ? dns_rdata_expand(m, rr, p, DNS_MSG_MAX) : -1;
	size_t size = n < 0 ? 0 : dns_rdata_text(rr->type, rr->class, p, (size_t)n, NULL, 0) + 1;
	char *text = size ? malloc(size) : NULL;

	*b = NULL;
	*len = 0;
	if (!text) {
		free(p);
		return NULL;
	}
	dns_rdata_text(rr->type, rr->class, p, (size_t)n, text, size);
	*b = p;
	*len = (size_t)n;
	return text;
}

/* RDATA of a record in the query's style. */
static void print_rdata(FILE *f, const struct dig_query *q, const struct dns_msg *m,
			const struct dns_rr *rr)
{
	uint8_t *b;
	size_t len;
	char *text = dig_rdata(m, rr, &b, &len);

	if (text) {
		const struct rdata r = {q, rr->type, b, len, text};
		put_rdata(f, &r);
	}
	free(text);
	free(b);
}

/* --- records --- */

static void class_text(const struct dig_query *q, uint16_t class, char out[16])
{
	if (q->unknown)
		snprintf(out, 16, "CLASS%u", class);
	else
		dns_class_text(class, out);
}

static void type_text(const struct dig_query *q, uint16_t type, char out[16])
{
	if (q->unknown)
		snprintf(out, 16, "TYPE%u", type);
	else
		dns_type_text(type, out);
}

void dig_print_rr(FILE *f, const struct dig_query *q, const struct dns_msg *m,
		  const struct dns_rr *rr)
{
	struct columns c = columns_of(q);
	char name[DNS_NAME_TEXT_MAX], word[80];
	size_t at = 0;
	dns_name_text(&rr->name, name);
	put(f, &at, name);
	if (q->ttl) {
		indent(f, &at, c.ttl);
		if (q->ttl_units)
			duration(rr->ttl, false, word);
		else
			snprintf(word, sizeof word, "%" PRIu32, rr->ttl);
		put(f, &at, word);
	}
	if (q->class_shown) {
		indent(f, &at, c.class);
		class_text(q, rr->class, word);
		put(f, &at, word);
	}
	indent(f, &at, c.type);
	type_text(q, rr->type, word);
	put(f, &at, word);
	indent(f, &at, c.rdata);
	print_rdata(f, q, m, rr);
	fputc('\n', f);
}

void dig_print_question(FILE *f, const struct dig_query *q, const struct dns_question *question)
{
	struct columns c = columns_of(q);
	char name[DNS_NAME_TEXT_MAX], word[16];
	size_t at = 0;
	dns_name_text(&question->name, name);
	put(f, &at, name);
	indent(f, &at, c.class);
	class_text(q, question->class, word);
	put(f, &at, word);
	indent(f, &at, c.type);
	type_text(q, question->type, word);
	put(f, &at, word);
	fputc('\n', f);
}

/* --- the OPT pseudosection --- */

/* Octets as people may read them, "." for the others. */
static void put_ascii(FILE *f, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fputc(p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.', f);
}

static void put_hex(FILE *f, const uint8_t *p, size_t len, const char *before)
{
	for (size_t i = 0; i < len; i++)
		fprintf(f, "%s%02x", before, p[i]);
}

/* RFC 7871 6: family, lengths of source and scope, the address as far as it goes. False: not one. */
static bool put_subnet(FILE *f, const uint8_t *p, size_t len)
{
	if (len < 4)
		return false;
	unsigned family = (unsigned)p[0] << 8 | p[1], source = p[2], scope = p[3];
	size_t octets = (source + 7) / 8;
	struct dns_addr a = {.family = family == 2 ? DNS_AF_INET6 : DNS_AF_INET};
	char text[46] = "0";
	if (family > 2 ||
	    source > (family == 2   ? 128u
		      : family == 1 ? 32u
				    : 0u) ||
	    len != 4 + octets)
		return false;
	if (family == 1)
		a.addr = tapir_addr_v4(0);
	if (family)
		memcpy(a.addr.b + (family == 1 ? 12 : 0), p + 4, octets);
	if (family)
		dns_addr_text(&a, text);
	fprintf(f, " %s/%u/%u", text, source, scope);
	return true;
}

/* The code point that begins at p, and how many octets it has; 0: no UTF-8 (RFC 3629 4). */
static size_t utf8(const uint8_t *p, size_t len, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80	 ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;
	if (n == 0 || n > len)
		return 0;
	*code = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	return *code < least[n] || *code > 0x10ffff || *code >> 11 == 0x1b ? 0 : n;
}

size_t dig_letter(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = 0;
	if (p[0] < 0x80)
		return p[0] >= ' ' && p[0] != 0x7f;
	if (p[0] >= 0xc2 && p[0] < 0xf5)
		n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return p[0] == 0xc2 && p[1] < 0xa0 ? 0 : n;
}

const char *dig_shown(const char *text, char out[DIG_SHOWN_MAX])
{
	size_t n = 0;
	while (*text && n + 4 < DIG_SHOWN_MAX) {
		size_t len = dig_letter(text);
		memcpy(out + n, len ? text : "?", len ? len : 1);
		n += len ? len : 1;
		text += len ? len : 1;
	}
	out[n] = 0;
	return out;
}

size_t dig_utf8(const uint8_t *p, size_t len, char *out)
{
	size_t n = 0, step;
	for (size_t i = 0; i < len; i += step ? step : 1) {
		uint32_t c = 0;
		step = utf8(p + i, len - i, &c);
		/* Controls, and what turns a line's direction round, are nobody's to send to a terminal. */
		if (!step || c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
		    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) {
			out[n++] = '.';
			continue;
		}
		memcpy(out + n, p + i, step);
		n += step;
	}
	out[n] = 0;
	return n;
}

/* RFC 8914 2: a code and UTF-8 text. */
static void put_ede(FILE *f, const uint8_t *p, size_t len)
{
	unsigned code = (unsigned)p[0] << 8 | p[1];
	const char *name = dns_ede_text((uint16_t)code);
	fprintf(f, " %u", code);
	if (name)
		fprintf(f, " (%s)", name);
	char *text = len > 2 ? malloc(len) : NULL;
	if (text) {
		dig_utf8(p + 2, len - 2, text);
		fprintf(f, ": (%s)", text);
	}
	free(text);
}

/* What our own cookie became (RFC 7873 5.3). */
static const char *cookie_verdict(const struct dig_result *r, const uint8_t *p, size_t len)
{
	struct dns_msg sent;
	const uint8_t *ours;
	size_t n;
	if (dns_msg_decode(&sent, r->query, r->query_len, NULL) < 0 ||
	    !dns_option_find(&sent, DNS_OPT_COOKIE, &ours, &n) || n < 8)
		return "";
	if (len < 8 || memcmp(ours, p, 8) != 0)
		return " (bad)";
	return len == 8 ? " (echoed)" : " (good)";
}

/* Options that have words or numbers of their own. False: octets. */
static bool put_known_option(FILE *f, uint16_t code, const uint8_t *p, size_t len)
{
	char words[80];
	uint32_t v = 0;
	if (code == DNS_OPT_CLIENT_SUBNET) {
		if (put_subnet(f, p, len) || !len)
			return true;
		put_hex(f, p, len, " ");
		fputc(' ', f);
		return true;
	}
	if (code == DNS_OPT_PADDING && len > 0) {
		fprintf(f, " (%zu bytes)", len);
		return true;
	}
	if (code == DNS_OPT_EDE && len >= 2) {
		put_ede(f, p, len);
		return true;
	}
	for (size_t i = 0; i < len && len <= 4; i++)
		v = v << 8 | p[i];
	if (code == DNS_OPT_KEEPALIVE && len == 2) {
		fprintf(f, " %" PRIu32 ".%" PRIu32 " secs", v / 10, v % 10);
		return true;
	}
	if (code == 9 && len == 4) { /* RFC 7314 */
		duration(v, true, words);
		fprintf(f, " %" PRIu32 " (%s)", v, words);
		return true;
	}
	if ((code == 14 && len > 0 && len % 2 == 0) || ((code == 16 || code == 17) && len == 2)) {
		for (size_t i = 0; i < len; i += 2)
			fprintf(f, "%s %u", i ? "," : "", (unsigned)p[i] << 8 | p[i + 1]);
		return true;
	}
	return false;
}

static void print_option(FILE *f, const struct dig_result *r, bool sent, uint16_t code,
			 const uint8_t *p, size_t len)
{
	static const struct {
		uint16_t code;
		const char *name;
	} names[] = {{1, "LLQ"},     {3, "NSID"},	    {8, "CLIENT-SUBNET"}, {9, "EXPIRE"},
		     {10, "COOKIE"}, {11, "TCP KEEPALIVE"}, {12, "PAD"},	  {14, "KEY-TAG"},
		     {15, "EDE"},    {16, "CLIENT-TAG"},    {17, "SERVER-TAG"}};
	const char *name = NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].code == code)
			name = names[i].name;
	}
	if (name)
		fprintf(f, "; %s", name);
	else
		fprintf(f, "; OPT=%u", code);
	if (code == DNS_OPT_COOKIE) {
		fputs(": ", f);
		put_hex(f, p, len, "");
		fprintf(f, "%s\n", sent ? "" : cookie_verdict(r, p, len));
		return;
	}
	fputc(':', f);
	if (put_known_option(f, code, p, len)) {
		fputc('\n', f);
		return;
	}
	put_hex(f, p, len, " ");
	if (len) {
		fputs(" (\"", f);
		put_ascii(f, p, len);
		fputs("\")", f);
	}
	fputc('\n', f);
}

static void print_opt(FILE *f, const struct dig_result *r, bool sent, const struct dns_msg *m)
{
	size_t at = m->edns.options, len;
	uint16_t code, mbz = m->edns.flags & 0x7fff;
	const uint8_t *p;
	if (!m->edns.present)
		return;
	fprintf(f, ";; OPT PSEUDOSECTION:\n; EDNS: version: %u, flags:%s", m->edns.version,
		m->edns.do_ ? " do" : "");
	if (mbz)
		fprintf(f, "; MBZ: 0x%.4x, udp: %u\n", mbz, m->edns.udp_size);
	else
		fprintf(f, "; udp: %u\n", m->edns.udp_size);
	while (dns_option_next(m, &at, &code, &p, &len))
		print_option(f, r, sent, code, p, len);
}

/* --- the message --- */

static const char *opcode_text(uint8_t opcode, char out[16])
{
	static const char *const names[] = {
		"QUERY", "IQUERY", "STATUS", "RESERVED3", "NOTIFY", "UPDATE",
	};
	if (opcode < 6)
		return names[opcode];
	snprintf(out, 16, "RESERVED%u", opcode);
	return out;
}

/* RFC 6762 3: such a name is nobody's business but the link's. */
static bool is_local(const struct dns_msg *m)
{
	static const struct dns_name local = {7, "\5local"};
	return m->count[DNS_QUESTION] > 0 && dns_name_under(&m->q.name, &local);
}

static void print_header(FILE *f, const struct dig_result *r, bool sent, const struct dns_msg *m)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} flags[] = {{DNS_QR, "qr"}, {DNS_AA, "aa"}, {DNS_TC, "tc"}, {DNS_RD, "rd"},
		     {DNS_RA, "ra"}, {DNS_AD, "ad"}, {DNS_CD, "cd"}};
	char opcode[16], rcode[16];
	fputs(sent ? ";; Sending:\n" : ";; Got answer:\n", f);
	if (is_local(m))
		fputs(";; WARNING: .local is reserved for Multicast DNS\n"
		      ";; You are currently testing what happens when an mDNS query is leaked to "
		      "DNS\n",
		      f);
	dns_rcode_text(m->rcode, rcode);
	fprintf(f, ";; ->>HEADER<<- opcode: %s, status: %s, id: %u\n;; flags:",
		opcode_text(m->opcode, opcode), rcode, m->id);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		if (m->flags & flags[i].bit)
			fprintf(f, " %s", flags[i].name);
	}
	if (m->flags & DNS_Z)
		fputs("; MBZ: 0x4", f);
	fprintf(f, "; QUERY: %u, ANSWER: %u, AUTHORITY: %u, ADDITIONAL: %u\n",
		m->count[DNS_QUESTION], m->count[DNS_ANSWER], m->count[DNS_AUTHORITY],
		m->count[DNS_ADDITIONAL]);
	if (!sent && m->flags & DNS_RD && !(m->flags & DNS_RA))
		fputs(";; WARNING: recursion requested but not available\n", f);
	if (!sent && r->q->edns && !m->edns.present &&
	    (m->rcode == DNS_RCODE_FORMERR || m->rcode == DNS_RCODE_NOTIMP))
		fprintf(f, "\n;; WARNING: EDNS query returned status %s - retry with '%s+noedns'\n",
			rcode, r->q->dnssec ? "+nodnssec " : "");
	fputc('\n', f);
}

static void print_section(FILE *f, const struct dig_query *q, const struct dns_msg *m,
			  enum dns_section section)
{
	static const char *const title[] = {"QUESTION", "ANSWER", "AUTHORITY", "ADDITIONAL"};
	struct dns_rr_iter it;
	struct dns_rr rr;
	bool any = false;
	if (section == DNS_QUESTION && m->count[DNS_QUESTION] > 0) {
		any = true;
		if (q->comments)
			fputs(";; QUESTION SECTION:\n", f);
		fputc(';', f);
		dig_print_question(f, q, &m->q);
	}
	dns_rr_begin(m, &it);
	while (section != DNS_QUESTION && dns_rr_next(m, &it, &rr)) {
		if (rr.section != section || rr.type == DNS_TYPE_OPT)
			continue;
		if (!any && q->comments)
			fprintf(f, ";; %s SECTION:\n", title[section]);
		any = true;
		dig_print_rr(f, q, m, &rr);
	}
	if (any && q->comments)
		fputc('\n', f);
}

/* +short: the answer's data, a line each. */
static void print_short(FILE *f, const struct dig_result *r)
{
	struct dns_rr_iter it;
	struct dns_rr rr;
	dns_rr_begin(&r->m, &it);
	while (dns_rr_next(&r->m, &it, &rr)) {
		char from[64];
		if (rr.section != DNS_ANSWER)
			continue;
		print_rdata(f, r->q, &r->m, &rr);
		if (r->q->identify) {
			dig_sockaddr_text(&r->server, from);
			from[strcspn(from, "#")] = 0;
			fprintf(f, " from server %s in %" PRIu64 " %s.", from,
				r->args->usec ? r->took_us : r->took_us / 1000,
				r->args->usec ? "us" : "ms");
		}
		fputc('\n', f);
	}
}

static const char *transport_text(enum dns_transport t)
{
	switch (t) {
	case DNS_UDP:
		return "UDP";
	case DNS_TCP:
		return "TCP";
	case DNS_TLS:
		return "TLS";
	case DNS_MDNS:
		return "mDNS";
	}
	return "?";
}

/* What the resolver had without a server, in +cache. */
static const char *source_text(enum dns_source s)
{
	switch (s) {
	case DNS_FROM_SERVER:
		return NULL;
	case DNS_FROM_CACHE:
		return "the cache";
	case DNS_FROM_STALE:
		return "the cache, over its time (stale)";
	case DNS_FROM_HOSTS:
		return "the hosts file";
	case DNS_FROM_SPECIAL:
		return "a special-use name (RFC 6761)";
	case DNS_FROM_MDNS:
		return "multicast DNS";
	case DNS_FROM_ADDRESS:
		return "the name itself, an address";
	}
	return NULL;
}

static void print_stats(FILE *f, const struct dig_result *r)
{
	char server[64], when[64] = "";
	const char *source = source_text(r->source);
	struct tm tm;
	dig_sockaddr_text(&r->server, server);
	if (!r->q->stats) {
		if (r->q->identify && !r->args->brief)
			fprintf(f, ";; Received %zu bytes from %s(%s) in %" PRIu64 " %s\n\n",
				r->len, server, r->server_name,
				r->args->usec ? r->took_us : r->took_us / 1000,
				r->args->usec ? "us" : "ms");
		return;
	}
	fprintf(f, ";; Query time: %" PRIu64 " %s\n",
		r->args->usec ? r->took_us : r->took_us / 1000, r->args->usec ? "usec" : "msec");
	if (source)
		fprintf(f, ";; SERVER: none asked: from %s\n", source);
	else
		fprintf(f, ";; SERVER: %s(%s) (%s)\n", server, r->server_name,
			transport_text(r->transport));
	if (localtime_r(&r->when, &tm))
		strftime(when, sizeof when, "%a %b %d %H:%M:%S %Z %Y", &tm);
	fprintf(f, ";; WHEN: %s\n;; MSG SIZE  rcvd: %zu\n\n", when, r->len);
}

void dig_print(FILE *f, const struct dig_result *r, bool sent)
{
	const struct dig_query *q = r->q;
	struct dns_msg query;
	const struct dns_msg *m = &r->m;
	if (sent) {
		if (dns_msg_decode(&query, r->query, r->query_len, NULL) < 0)
			return;
		m = &query;
	}
	if (r->args->brief) {
		if (q->answer && !sent)
			print_short(f, r);
		return;
	}
	if (q->comments) {
		print_header(f, r, sent, m);
		print_opt(f, r, sent, m);
	}
	if (q->question)
		print_section(f, q, m, DNS_QUESTION);
	if (q->answer)
		print_section(f, q, m, DNS_ANSWER);
	if (q->authority)
		print_section(f, q, m, DNS_AUTHORITY);
	if (q->additional)
		print_section(f, q, m, DNS_ADDITIONAL);
	if (!sent)
		print_stats(f, r);
	else if (q->stats)
		fprintf(f, ";; QUERY SIZE: %u\n\n", r->query_len);
}
