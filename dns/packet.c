/*
 * A query and its reply as octets.
 *
 * A query has one question in the form in which it was given, without compression, so that its section is a run of octets from
 * offset 12. A reply that repeats it repeats those octets: a name at offset 12 has nothing before it to point to. Comparing
 * them one by one is therefore exact, and is done before anything of the reply is decoded.
 *
 *	0       2       4       6 ...  12                12 + question_len
 *	| ID    | flags | 1     | ...  | QNAME  QTYPE QCLASS | OPT ...
 *
 * What an attacker off the path must guess: the ID (16 bits), our port (16, udp.c), a bit for each letter of the name
 * (draft-vixie-dnsext-dns0x20), the cookie (64 bits) where the server has them.
 */
#include <errno.h>

#include "dns/packet.h"

enum { HEADER = DNS_HEADER_LEN };

uint32_t dns_dice_bits(struct dns_dice *d, unsigned n)
{
	uint32_t mask;

	if (d->limited) {
		n = min_u32(n, d->left);
		d->left -= n;
	}
	if (n == 0)
		return 0;
	mask = n >= 32 ? UINT32_MAX : ((uint32_t)1 << n) - 1;
	return chacha_rng_u32(d->rng) & mask;
}

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static uint16_t get16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

/* D0x20-1, D0x20-2: a random bit for every letter. Octets of length are below 64 and so no letters. */
static void mix_case(uint8_t *name, size_t len, struct dns_dice *dice)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < len; i++) {
		if (!is_letter(name[i]))
			continue;
		if (dice->limited) {
			name[i] = (uint8_t)(name[i] ^ dns_dice_bits(dice, 1) << 5);
			continue;
		}
		if (have == 0) {
			bits = chacha_rng_u32(dice->rng);
			have = 32;
		}
		name[i] = (uint8_t)((name[i] & 0xdf) | (bits & 1) << 5);
		bits >>= 1;
		have--;
	}
}

static int put_options(const struct dns_packet_form *f, uint8_t *room, size_t cap, size_t *len)
{
	int err = 0;

	*len = 0;
	if (f->options_len > cap)
		return -EMSGSIZE;
	if (f->options_len > 0)
		memcpy(room, f->options, f->options_len);
	*len = f->options_len;
	if (f->cookie_len > 0)
		err = dns_put_option(room, cap, len, DNS_OPTION_COOKIE, f->cookie, f->cookie_len);
	/* RFC 7828 3.2.1: an empty option asks how long the connection may stay; 3.1: never over UDP. */
	if (!err && f->keepalive)
		err = dns_put_option(room, cap, len, DNS_OPTION_KEEPALIVE, NULL, 0);
	return err;
}

int dns_packet_make(struct dns_packet *p, const struct dns_packet_form *f, struct dns_dice *dice)
{
	/* D1035-5, D1123-3: RD as wished, AD and CD as wished, everything else of the header zero. */
	uint16_t flags =
		(uint16_t)((f->flags & DNS_Q_NO_RD ? 0 : DNS_RD) |
			   (f->flags & DNS_Q_AD ? DNS_AD : 0) | (f->flags & DNS_Q_CD ? DNS_CD : 0));
	uint8_t options[DNS_QUERY_MAX];
	struct dns_enc e;
	size_t len;
	int err;

	p->id = f->id;
	p->edns = f->edns;
	p->mixed = f->x20;
	p->cookie_len = 0;
	/* D1035-8: one question. */
	if ((err = dns_enc_begin(&e, p->b, sizeof(p->b), p->id, flags, 0, 0)) ||
	    (err = dns_enc_question(&e, &f->q->name, f->q->type, f->q->class)))
		return err;
	p->question_len = (uint16_t)(e.len - HEADER);
	if (f->x20)
		mix_case(p->b + HEADER, f->q->name.len, dice);
	if (f->edns) {
		/* D6891-4: never below 512. R8900-2: what every path takes whole. D6891-3: version 0. */
		uint16_t size = (uint16_t)max_u32(f->udp_size, 512);
		uint16_t edns_flags = (uint16_t)(f->flags & DNS_Q_DO ? 0x8000 : 0);

		if ((err = put_options(f, options, sizeof(options), &len)) ||
		    (err = dns_enc_opt(&e, size, edns_flags, 0, options, len)))
			return err;
		if (f->cookie_len > 0) {
			p->cookie_len = (uint8_t)f->cookie_len;
			memcpy(p->cookie, f->cookie, sizeof(p->cookie));
		}
	}
	p->len = (uint16_t)e.len;
	return 0;
}

/* ASCII letters without case, the rest exactly (RFC 4343 3). */
static bool same_without_case(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i] && (!is_letter(a[i]) || (a[i] ^ b[i]) != 0x20))
			return false;
	}
	return true;
}

enum { QUESTION_OTHER, QUESTION_CASE, QUESTION_SAME };

/* D5452-4, D7766-7, DN-18: name, type and class, octet by octet against what was sent. */
static int question(const struct dns_packet *p, const uint8_t *b, size_t len)
{
	const uint8_t *ours = p->b + HEADER, *theirs = b + HEADER;
	size_t n = p->question_len, name = n - 4;

	if (get16(b + 4) != 1 || len < HEADER + n)
		return QUESTION_OTHER;
	if (memcmp(ours + name, theirs + name, 4) != 0 || !same_without_case(ours, theirs, name))
		return QUESTION_OTHER;
	return memcmp(ours, theirs, name) == 0 ? QUESTION_SAME : QUESTION_CASE;
}

/* A header alone that says that something failed. */
static bool is_bare(const uint8_t *b)
{
	unsigned rcode = b[3] & 15;

	return get16(b + 4) == 0 && get16(b + 6) == 0 && get16(b + 8) == 0 &&
	       (rcode == DNS_RCODE_FORMERR || rcode == DNS_RCODE_NOTIMP ||
		rcode == DNS_RCODE_SERVFAIL || rcode == DNS_RCODE_REFUSED);
}

static enum dns_fit cookie(const struct dns_packet *p, const struct dns_msg *m)
{
	const uint8_t *c;
	size_t len;

	if (p->cookie_len == 0)
		return DNS_FIT_YES;
	if (!m->edns.present || !dns_option_find(m, DNS_OPTION_COOKIE, &c, &len))
		return p->cookie_len > sizeof(p->cookie) ? DNS_FIT_NO_COOKIE : DNS_FIT_YES;
	/* D7873-2, RFC 7873 5.3: of an illegal length, or with another client cookie: discarded. */
	if (len != 8 && (len < 16 || len > 40))
		return DNS_FIT_COOKIE;
	return memcmp(c, p->cookie, sizeof(p->cookie)) == 0 ? DNS_FIT_YES : DNS_FIT_COOKIE;
}

enum dns_fit dns_packet_fit(const struct dns_packet *p, bool stream, const uint8_t *b, size_t len,
			    struct dns_msg *m, bool *kept)
{
	int same;

	*kept = true;
	if (len < HEADER)
		return DNS_FIT_SHORT;
	/* D5452-3, D1035-16, D1035-5, AM33-08, FR-08: our ID, QR set (a query is no reply, CL-17 and DN-22: nor is it answered), opcode 0. */
	if (get16(b) != p->id || !(b[2] & 0x80) || (b[2] & 0x78) != 0)
		return DNS_FIT_OTHER;
	if (is_bare(b)) {
		/* D7873-2, DN-32: without a question and without the cookie that should be there it shows nothing at all. */
		if (!stream && p->cookie_len > sizeof(p->cookie))
			return DNS_FIT_OTHER;
		if (dns_msg_decode(m, b, len, NULL) < 0)
			return DNS_FIT_OTHER;
		return DNS_FIT_BARE;
	}
	same = question(p, b, len);
	if (same == QUESTION_OTHER)
		return DNS_FIT_OTHER;
	*kept = same == QUESTION_SAME;
	/* D0x20-1: never accepted where the case was ours to choose. */
	if (!*kept && p->mixed && !stream)
		return DNS_FIT_CASE;
	if (dns_msg_decode(m, b, len, NULL) < 0)
		return DNS_FIT_MALFORMED;
	return cookie(p, m);
}
