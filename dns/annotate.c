/*
 * The walk over a message for people. It goes field by field with the decoder's own tools (the walk over a name, the walk over RDATA by
 * its row) and stops where they stop; the sentence is the decoder's. Each turn makes the notes of one label or one field, a header's or
 * a record's fixed part at once, so that little is kept, however large the message.
 */
#include "dns/annotate.h"

#include <string.h>

#include "stack/base.h"

enum step { N_HEADER, N_OWNER, N_LABELS, N_FIXED, N_RDATA, N_REST, N_END };

void dns_notes_begin(struct dns_notes *s, const uint8_t *b, size_t len)
{
	struct dns_msg m;

	s->b = b;
	s->len = min_size(len, DNS_MSG_MAX);
	s->at = 0;
	s->flaw = (struct dns_flaw){0, NULL};
	s->step = N_HEADER;
	s->back = N_END;
	s->section = s->index = 0;
	s->bad = false;
	s->first = s->n = 0;
	s->type = s->class = s->rdlen = 0;
	memset(s->count, 0, sizeof(s->count));
	dns_msg_decode(&m, b, len, &s->flaw);
}

static struct dns_note *push(struct dns_notes *s, enum dns_note_kind kind, unsigned depth,
			     size_t at, size_t len, const char *name)
{
	TAPIR_ASSERT(s->n < DNS_NOTES_AHEAD);
	struct dns_note *n = &s->ahead[s->n++];

	n->kind = kind;
	n->depth = depth;
	n->at = at;
	n->len = len;
	n->bit = n->bits = 0;
	n->section = (uint8_t)s->section;
	n->index = s->index;
	n->target = 0;
	n->name = name;
	n->text[0] = '\0';
	return n;
}

/* Octets that are read now. */
static struct dns_note *field(struct dns_notes *s, unsigned depth, size_t len, const char *name)
{
	struct dns_note *n = push(s, DNS_NOTE_FIELD, depth, s->at, len, name);

	s->at += len;
	return n;
}

static struct dns_out text(struct dns_note *n)
{
	return (struct dns_out){n->text, sizeof(n->text), 0};
}

static void number(struct dns_note *n, uint32_t v)
{
	struct dns_out o = text(n);

	dns_out_uint(&o, v, 0);
	dns_out_end(&o);
}

static void words(struct dns_note *n, const char *t)
{
	struct dns_out o = text(n);

	dns_out_str(&o, t);
	dns_out_end(&o);
}

static void hex(struct dns_note *n, const uint8_t *p, size_t len)
{
	struct dns_out o = text(n);

	dns_out_str(&o, "0x");
	for (size_t i = 0; i < len; i++) {
		dns_out_char(&o, "0123456789abcdef"[p[i] >> 4]);
		dns_out_char(&o, "0123456789abcdef"[p[i] & 15]);
	}
	dns_out_end(&o);
}

static void quoted(struct dns_note *n, const uint8_t *p, size_t len)
{
	struct dns_out o = text(n);

	dns_out_quoted(&o, p, len);
	dns_out_end(&o);
}

/* The name at `at`, as far as it is one. */
static void name_text(struct dns_out *o, const struct dns_notes *s, size_t limit, size_t at)
{
	uint8_t b[DNS_NAME_MAX], len;

	if (dns_name_scan(s->b, limit, at, 0, b, &len, NULL) >= 0)
		dns_out_name(o, b);
}

static void bits(struct dns_notes *s, size_t at, unsigned bit, unsigned n, const char *name)
{
	struct dns_note *note = push(s, DNS_NOTE_BITS, 2, at, 2, name);
	unsigned v = (unsigned)dns_get16(s->b + at) >> (16 - bit - n) & ((1u << n) - 1);

	note->bit = (uint8_t)bit;
	note->bits = (uint8_t)n;
	number(note, v);
}

static void next_section(struct dns_notes *s)
{
	while (s->section < 4 && s->index >= s->count[s->section]) {
		s->section++;
		s->index = 0;
	}
	s->step = N_OWNER;
}

static void header(struct dns_notes *s)
{
	static const char *const count[] = {"QDCOUNT", "ANCOUNT", "NSCOUNT", "ARCOUNT"};
	static const char *const opcode[] = {"QUERY", "IQUERY", "STATUS", NULL, "NOTIFY", "UPDATE"};
	char t[16];

	if (s->len < DNS_HEADER_LEN) {
		s->step = N_REST;
		return;
	}
	push(s, DNS_NOTE_GROUP, 0, 0, DNS_HEADER_LEN, "header");
	hex(field(s, 1, 2, "ID"), s->b, 2);
	hex(field(s, 1, 2, "flags"), s->b + 2, 2);
	bits(s, 2, 0, 1, "QR");
	words(&s->ahead[s->n - 1], s->b[2] & 0x80 ? "response" : "query");
	bits(s, 2, 1, 4, "opcode");
	unsigned op = s->b[2] >> 3 & 15;

	if (op < ARRAY_SIZE(opcode) && opcode[op])
		words(&s->ahead[s->n - 1], opcode[op]);
	bits(s, 2, 5, 1, "AA");
	bits(s, 2, 6, 1, "TC");
	bits(s, 2, 7, 1, "RD");
	bits(s, 2, 8, 1, "RA");
	bits(s, 2, 9, 1, "Z");
	bits(s, 2, 10, 1, "AD");
	bits(s, 2, 11, 1, "CD");
	bits(s, 2, 12, 4, "RCODE");
	dns_rcode_text(s->b[3] & 15, t);
	words(&s->ahead[s->n - 1], t);
	for (unsigned i = 0; i < 4; i++) {
		s->count[i] = dns_get16(s->b + s->at);
		number(field(s, 1, 2, count[i]), s->count[i]);
	}
	next_section(s);
}

/* A question or a record begins: what it spans, and its name. */
static void owner(struct dns_notes *s)
{
	static const char *const section[] = {"question", "answer", "authority", "additional"};
	size_t fixed = s->section == DNS_QUESTION ? 4 : 10, end = s->len;
	char t[16];

	if (s->flaw.why && (s->at == s->flaw.at || s->flaw.at < DNS_HEADER_LEN)) {
		s->step = N_REST;
		return;
	}
	if (s->section > DNS_ADDITIONAL) {
		s->step = N_END;
		return;
	}
	int r = dns_name_scan(s->b, s->len, s->at, 0, NULL, NULL, NULL);
	struct dns_note *group = push(s, DNS_NOTE_GROUP, 0, s->at, 0, section[s->section]);
	struct dns_out o = text(group);

	name_text(&o, s, s->len, s->at);
	if (r >= 0 && s->len - (size_t)r >= fixed) {
		dns_out_char(&o, ' ');
		dns_type_text(dns_get16(s->b + r), t);
		dns_out_str(&o, t);
		end = (size_t)r + fixed;
		if (fixed == 10)
			end = min_size(end + dns_get16(s->b + r + 8), s->len);
	}
	dns_out_end(&o);
	group->len = end - s->at;
	struct dns_note *name =
		push(s, DNS_NOTE_GROUP, 1, s->at, (r >= 0 ? (size_t)r : s->len) - s->at, "name");

	o = text(name);
	name_text(&o, s, s->len, s->at);
	dns_out_end(&o);
	s->bad = r < 0;
	s->step = N_LABELS;
	s->back = N_FIXED;
}

/* One label, or the pointer that ends the name. */
static void label(struct dns_notes *s)
{
	size_t limit = s->back == N_RDATA ? s->walk.end : s->len;
	unsigned depth = s->back == N_RDATA ? 3 : 2, c = s->at < limit ? s->b[s->at] : 0x80;
	struct dns_note *n;
	struct dns_out o;

	s->step = N_REST;
	if (c == 0) {
		words(push(s, DNS_NOTE_LABEL, depth, s->at, 1, "root"), ".");
		s->at++;
		s->step = s->bad ? N_REST : s->back;
	} else if (c <= DNS_LABEL_MAX && c < limit - s->at) {
		uint8_t one[DNS_LABEL_MAX + 2];

		n = push(s, DNS_NOTE_LABEL, depth, s->at, c + 1, "label");
		memcpy(one, s->b + s->at, c + 1);
		one[c + 1] = 0;
		o = text(n);
		dns_out_name(&o, one);
		o.len--; /* without the dot */
		dns_out_end(&o);
		s->at += c + 1;
		/* The label that makes a name too long is refused itself; a pointer is shown. */
		bool stop = s->bad && s->at == s->flaw.at && s->at < limit && s->b[s->at] < 0xc0;

		s->step = stop ? N_REST : N_LABELS;
	} else if (c >= 0xc0 && limit - s->at >= 2) {
		n = push(s, DNS_NOTE_POINTER, depth, s->at, 2, "pointer");
		n->target = dns_get16(s->b + s->at) & 0x3fffu;
		o = text(n);
		name_text(&o, s, limit, s->at);
		dns_out_end(&o);
		s->at += 2;
		s->step = s->bad ? N_REST : s->back;
	}
}

static void opt_fields(struct dns_notes *s)
{
	const uint8_t *p = s->b + s->at;

	number(field(s, 1, 2, "UDP size"), dns_get16(p));
	number(field(s, 1, 1, "extended RCODE"), p[2]);
	number(field(s, 1, 1, "EDNS version"), p[3]);
	hex(field(s, 1, 2, "EDNS flags"), p + 4, 2);
	bits(s, s->at - 2, 0, 1, "DO");
}

/* Type and class, and of a record TTL and length. */
static void fixed_part(struct dns_notes *s)
{
	const uint8_t *p = s->b + s->at;
	bool record = s->section != DNS_QUESTION;
	char t[16];

	if (s->len - s->at < (record ? 10 : 4)) {
		s->step = N_REST;
		return;
	}
	s->type = dns_get16(p);
	s->class = dns_get16(p + 2);
	dns_type_text(s->type, t);
	words(field(s, 1, 2, "type"), t);
	if (record && s->type == DNS_TYPE_OPT) {
		opt_fields(s);
	} else {
		dns_class_text(s->class, t);
		words(field(s, 1, 2, "class"), t);
		if (record)
			number(field(s, 1, 4, "TTL"), dns_get32(p + 4));
	}
	if (!record) {
		s->index++;
		next_section(s);
		return;
	}
	s->rdlen = dns_get16(p + 8);
	number(field(s, 1, 2, "RDLENGTH"), s->rdlen);
	if (s->rdlen > s->len - s->at) {
		s->step = N_REST;
		return;
	}
	rr_walk_begin(&s->walk, s->b, s->at, s->rdlen, s->type, s->class, false);
	s->step = N_RDATA;
	if (s->rdlen) {
		struct dns_note *n = push(s, DNS_NOTE_GROUP, 1, s->at, s->rdlen, "RDATA");
		struct dns_out o = text(n);

		dns_out_rdata(&o, s->b, s->at, s->rdlen, s->type, s->class);
		dns_out_end(&o);
	}
}

static const char *option_name(uint16_t code)
{
	static const char *const name[] = {
		[1] = "LLQ",	  [2] = "UL",	      [3] = "NSID",	     [5] = "DAU",
		[6] = "DHU",	  [7] = "N3U",	      [8] = "CLIENT-SUBNET", [9] = "EXPIRE",
		[10] = "COOKIE",  [11] = "KEEPALIVE", [12] = "PADDING",	     [13] = "CHAIN",
		[14] = "KEY-TAG", [15] = "EDE",
	};

	return code < ARRAY_SIZE(name) && name[code] ? name[code] : "option";
}

/* Code or key, length, value: an EDNS option or a SvcParam. */
static void triple(struct dns_notes *s, const struct rr_part *p)
{
	const uint8_t *b = s->b + p->at;
	bool option = p->kind == RF_OPTION;
	struct dns_note *group = push(s, DNS_NOTE_GROUP, 2, p->at, p->len, p->name);
	struct dns_out o = text(group);

	if (option)
		dns_out_str(&o, option_name(dns_get16(b)));
	else
		rr_part_text(&o, &s->walk, p, 0);
	dns_out_end(&o);
	number(field(s, 3, 2, option ? "code" : "key"), dns_get16(b));
	number(field(s, 3, 2, "length"), dns_get16(b + 2));
	if (p->len == 4)
		return;
	if (!option) {
		quoted(field(s, 3, p->len - 4, "value"), b + 4, p->len - 4);
	} else if (dns_get16(b) == DNS_OPT_EDE && p->len >= 6) {
		const char *why = dns_ede_text(dns_get16(b + 4));
		struct dns_note *n = field(s, 3, 2, "INFO-CODE");

		number(n, dns_get16(b + 4));
		if (why)
			words(n, why);
		if (p->len > 6)
			quoted(field(s, 3, p->len - 6, "EXTRA-TEXT"), b + 6, p->len - 6);
	} else {
		hex(field(s, 3, p->len - 4, "data"), b + 4, p->len - 4);
	}
}

/* A length octet and what it counts. */
static void counted(struct dns_notes *s, const struct rr_part *p)
{
	number(field(s, 2, 1, "length"), s->b[p->at]);
	if (p->len == 1)
		return;
	struct dns_note *n = field(s, 2, p->len - 1, p->name);
	struct dns_out o = text(n);

	rr_part_text(&o, &s->walk, p, 0);
	dns_out_end(&o);
}

static void rdata(struct dns_notes *s)
{
	struct rr_part p;
	struct dns_out o;
	const struct rr_field *f = s->walk.f;
	int r = rr_walk_next(&s->walk, &p, NULL);

	if (r == 0) {
		s->index++;
		next_section(s);
		return;
	}
	s->bad = r < 0;
	if (r < 0 && (f->kind != RF_NAME || s->at == s->walk.end)) {
		s->step = N_REST;
		return;
	}
	if (f->kind == RF_NAME) {
		struct dns_note *n = push(s, DNS_NOTE_GROUP, 2, s->at,
					  r < 0 ? s->walk.end - s->at : p.len, f->name);

		o = text(n);
		name_text(&o, s, s->walk.end, s->at);
		dns_out_end(&o);
		s->step = N_LABELS;
		s->back = N_RDATA;
		return;
	}
	switch ((enum rr_kind)p.kind) {
	case RF_OPTION:
	case RF_PARAM:
		triple(s, &p);
		return;
	case RF_STR:
	case RF_STRS:
	case RF_TAG:
	case RF_SALT:
	case RF_HASH:
		counted(s, &p);
		return;
	default:
		if (p.len == 0)
			return;
		o = text(field(s, 2, p.len, p.name));
		rr_part_text(&o, &s->walk, &p, 0);
		dns_out_end(&o);
	}
}

static void rest(struct dns_notes *s)
{
	size_t at = min_size(s->flaw.at, s->len);

	words(push(s, DNS_NOTE_FLAW, 0, at, at < s->len, "flaw"), s->flaw.why ? s->flaw.why : "");
	if (s->at < s->len)
		field(s, 0, s->len - s->at, "not read");
	s->step = N_END;
}

bool dns_notes_next(struct dns_notes *s, const struct dns_note **n)
{
	if (s->first == s->n)
		s->first = s->n = 0;
	while (s->n == 0) {
		switch ((enum step)s->step) {
		case N_HEADER:
			header(s);
			break;
		case N_OWNER:
			owner(s);
			break;
		case N_LABELS:
			label(s);
			break;
		case N_FIXED:
			fixed_part(s);
			break;
		case N_RDATA:
			rdata(s);
			break;
		case N_REST:
			rest(s);
			break;
		case N_END:
			return false;
		}
	}
	*n = &s->ahead[s->first++];
	return true;
}
