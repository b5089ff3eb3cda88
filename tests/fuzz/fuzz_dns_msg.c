/*
 * DNS messages: any octets are decoded, shown and read as an answer without a step too far; what was decoded can be walked,
 * written out, encoded again and decoded to the same; the annotated walk covers every octet; a header read alone agrees.
 */
#include <stdlib.h>
#include <string.h>

#include "dns/annotate.h"
#include "dns/answer.h"
#include "dns/text.h"
#include "stack/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t flat[1 << 18], again[1 << 18], out[DNS_MSG_MAX], more[2 * DNS_MSG_MAX];
static char line[1 << 20];

/* Printable ASCII and tabs, as long as was said. */
static void printable(const char *s, size_t len)
{
	TAPIR_ASSERT(len < sizeof(line) && strlen(s) == len);
	for (; *s; s++)
		TAPIR_ASSERT((*s >= ' ' && *s <= '~') || *s == '\t');
}

static void annotate(const uint8_t *data, size_t size, const struct dns_flaw *flaw)
{
	struct dns_notes s;
	const struct dns_note *n;
	size_t at = 0;
	bool told = false;

	dns_notes_begin(&s, data, size);
	while (dns_notes_next(&s, &n)) {
		TAPIR_ASSERT(n->at + n->len <= size && strlen(n->text) < sizeof(n->text));
		if (n->kind == DNS_NOTE_FLAW) {
			TAPIR_ASSERT(flaw->why && n->at == flaw->at);
			told = true;
		}
		if (n->kind == DNS_NOTE_FIELD || n->kind == DNS_NOTE_LABEL ||
		    n->kind == DNS_NOTE_POINTER) {
			TAPIR_ASSERT(n->at == at && n->len > 0);
			at += n->len;
		}
	}
	TAPIR_ASSERT(at == size && told == (flaw->why != NULL));
}

/* The records of m and of what the encoder made of them are the same, in order. */
static void same(const struct dns_msg *m, const uint8_t *b, size_t len)
{
	struct dns_rr_iter x, y;
	struct dns_rr p, q;
	struct dns_msg o;

	TAPIR_ASSERT(dns_msg_decode(&o, b, len, NULL) == 0);
	TAPIR_ASSERT(o.id == m->id && o.flags == m->flags && o.opcode == m->opcode &&
		     o.rcode == m->rcode && memcmp(o.count, m->count, sizeof(o.count)) == 0);
	TAPIR_ASSERT(o.edns.present == m->edns.present &&
		     o.edns.options_len == m->edns.options_len);
	dns_rr_begin(m, &x);
	dns_rr_begin(&o, &y);
	while (dns_rr_next(m, &x, &p)) {
		TAPIR_ASSERT(dns_rr_next(&o, &y, &q));
		TAPIR_ASSERT(dns_name_eq_case(&p.name, &q.name) && p.type == q.type &&
			     p.class == q.class && p.ttl == q.ttl && p.section == q.section);
		int n = dns_rdata_expand(m, &p, flat, sizeof(flat));

		TAPIR_ASSERT(n >= 0 && dns_rdata_expand(&o, &q, again, sizeof(again)) == n &&
			     memcmp(flat, again, (size_t)n) == 0);
	}
	TAPIR_ASSERT(!dns_rr_next(&o, &y, &q));
}

static void records(const struct dns_msg *m)
{
	struct dns_rr_iter it;
	struct dns_rr rr;
	struct dns_enc e;
	bool whole = true;

	TAPIR_ASSERT(dns_enc_begin(&e, out, sizeof(out), m->id, m->flags, m->opcode,
				   m->rcode & 15) == 0);
	if (m->count[DNS_QUESTION])
		TAPIR_ASSERT(dns_enc_question(&e, &m->q.name, m->q.type, m->q.class) == 0);
	dns_rr_begin(m, &it);
	while (dns_rr_next(m, &it, &rr)) {
		int n = dns_rdata_expand(m, &rr, flat, sizeof(flat));

		/* grown over what a record can hold */
		if (n < 0) {
			TAPIR_ASSERT(rr.rdlen > DNS_MSG_MAX - 3 * DNS_NAME_MAX);
			whole = false;
			continue;
		}
		size_t len = dns_rr_text(m, &rr, line, sizeof(line));

		printable(line, len);
		len = dns_rr_short(m, &rr, line, sizeof(line));
		printable(line, len);
		/* written out it has the same text */
		static char text[sizeof(line)];

		TAPIR_ASSERT(dns_rdata_text(rr.type, rr.class, flat, (size_t)n, text,
					    sizeof(text)) == len &&
			     strcmp(text, line) == 0);
		if (dns_enc_rr(&e, rr.section, &rr.name, rr.type, rr.class, rr.ttl, flat,
			       (size_t)n))
			whole = false;
	}
	if (whole)
		same(m, out, e.len);
}

static void answer(const struct dns_msg *m)
{
	struct dns_answer a, b;
	struct dns_msg o;
	int len = dns_answer_read(m, &m->q, 100, out, sizeof(out), &a);

	TAPIR_ASSERT(len >= DNS_HEADER_LEN && a.chain <= DNS_CHAIN_MAX && a.nrecords <= 100);
	TAPIR_ASSERT(dns_msg_decode(&o, out, (size_t)len, NULL) == 0);
	if (a.kind != DNS_ANSWER_LOOP && a.kind != DNS_ANSWER_REFERRAL && !a.dropped) {
		int back = dns_answer_read(&o, &m->q, 100, again, sizeof(out), &b);

		TAPIR_ASSERT(back == len && memcmp(out, again, (size_t)len) == 0 &&
			     a.kind == b.kind && a.ttl_s == b.ttl_s && a.nrecords == b.nrecords);
	}
	dns_answer_age(out, (size_t)len, 100, 0);
	TAPIR_ASSERT(dns_msg_decode(&o, out, (size_t)len, NULL) == 0);
	int joined = dns_answer_append(out, (size_t)len, out, (size_t)len, more, DNS_MSG_MAX);

	if (joined >= 0)
		TAPIR_ASSERT(dns_msg_decode(&o, more, (size_t)joined, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_flaw flaw = {0, NULL};
	struct dns_msg m, head;

	if (size > DNS_MSG_MAX)
		return 0;
	int err = dns_msg_decode(&m, data, size, &flaw);

	TAPIR_ASSERT((err != 0) == (flaw.why != NULL) && flaw.at <= size);
	annotate(data, size, &flaw);
	int head_err = dns_msg_head(&head, data, size, NULL);

	if (err)
		return 0;
	TAPIR_ASSERT(head_err == 0 && head.records == m.records && head.id == m.id);
	const uint8_t *p;
	size_t at = m.edns.options, len, sum = 0;
	uint16_t code;

	while (dns_option_next(&m, &at, &code, &p, &len))
		sum += 4 + len;
	TAPIR_ASSERT(sum == m.edns.options_len);
	records(&m);
	if (m.count[DNS_QUESTION])
		answer(&m);
	return 0;
}
