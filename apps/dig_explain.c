/*
 * +explain: what every octet of both messages is, and how the query went. Octets stand left, at most eight a line, as the wire had them;
 * what they mean stands right, deeper where it is a part of what is above:
 *
 *	0x000c                           question 1
 *	0x000c  03 77 77 77                label "www"
 *	0x0010  07 65 78 61 6d 70 6c 65    label "example"
 *	...
 *	0x0021  c0 0c                      pointer -> 0x000c www.example.com.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "apps/app.h"
#include "apps/dig.h"
#include "dns/annotate.h"

enum { HEX_WIDTH = 8 };

/* Octets [at, at + len), the first line with its meaning behind, further ones alone. */
static void put_octets(FILE *f, const uint8_t *b, size_t at, size_t len)
{
	fprintf(f, ";  0x%04zx  ", at);
	for (size_t i = 0; i < HEX_WIDTH; i++) {
		if (i < len)
			fprintf(f, "%02x ", b[at + i]);
		else
			fputs("   ", f);
	}
	fputc(' ', f);
}

/* The rest of a field that is longer than a line. */
static void put_more(FILE *f, const uint8_t *b, size_t at, size_t len)
{
	for (size_t i = HEX_WIDTH; i < len; i += HEX_WIDTH) {
		fputs(";          ", f);
		for (size_t k = i; k < len && k < i + HEX_WIDTH; k++)
			fprintf(f, "%s%02x", k > i ? " " : "", b[at + k]);
		fputc('\n', f);
	}
}

/* "..1. .... .... ...." with the bits that it is about, as they are. */
static void put_bits(FILE *f, const uint8_t *b, const struct dns_note *n)
{
	unsigned word = (unsigned)b[n->at] << 8 | b[n->at + 1];
	fputs(";          ", f);
	for (unsigned i = 0; i < 16; i++) {
		bool ours = i >= n->bit && i < (unsigned)n->bit + n->bits;
		if (i && i % 4 == 0)
			fputc(' ', f);
		fputc(ours ? (word >> (15 - i) & 1 ? '1' : '0') : '.', f);
	}
	fputs("       ", f);
}

static void put_note(FILE *f, const uint8_t *b, size_t len, const struct dns_note *n)
{
	int deep = (int)(2 * n->depth);
	bool told;
	switch (n->kind) {
	case DNS_NOTE_GROUP:
		/* RDATA without a text of its own is told by its parts. */
		told = *n->text && strncmp(n->text, "\\#", 2) != 0;
		fprintf(f, ";  0x%04zx  %*s%s%s%s%s\n", n->at, 3 * HEX_WIDTH + 1 + deep, "",
			n->name, told ? " (" : "", told ? n->text : "", told ? ")" : "");
		return;
	case DNS_NOTE_BITS:
		put_bits(f, b, n);
		fprintf(f, "%*s%s %s\n", deep, "", n->name, n->text);
		return;
	case DNS_NOTE_FIELD:
		put_octets(f, b, n->at, n->len);
		fprintf(f, "%*s%s%s%s\n", deep, "", n->name, *n->text ? " " : "", n->text);
		break;
	case DNS_NOTE_LABEL:
		put_octets(f, b, n->at, n->len);
		if (n->len > 1)
			fprintf(f, "%*slabel \"%s\"\n", deep, "", n->text);
		else
			fprintf(f, "%*sroot: the name's end\n", deep, "");
		break;
	case DNS_NOTE_POINTER:
		put_octets(f, b, n->at, n->len);
		fprintf(f, "%*spointer -> 0x%04zx %s\n", deep, "", n->target, n->text);
		break;
	case DNS_NOTE_FLAW:
		put_octets(f, b, n->at, len - n->at);
		fprintf(f, "%*sFLAW: %s: the rest is not read\n", deep, "", n->text);
		put_more(f, b, n->at, len - n->at);
		return;
	}
	put_more(f, b, n->at, n->len);
}

static void explain_message(FILE *f, const char *title, const uint8_t *b, size_t len)
{
	struct dns_notes notes;
	const struct dns_note *n;
	fprintf(f, ";; %s, %zu OCTETS:\n", title, len);
	dns_notes_begin(&notes, b, len);
	while (dns_notes_next(&notes, &n))
		put_note(f, b, len, n);
	fputs(";\n", f);
}

/* --- the story --- */

static const char *transport_words(unsigned t)
{
	switch ((enum dns_transport)t) {
	case DNS_UDP:
		return "UDP";
	case DNS_TCP:
		return "TCP (RFC 7766)";
	case DNS_TLS:
		return "TLS (RFC 7858)";
	case DNS_MDNS:
		return "multicast (RFC 6762)";
	}
	return "?";
}

/* How an attempt ended, and the section that makes it so. */
static void put_outcome(FILE *f, const struct dns_attempt *a)
{
	char rcode[16];
	double ms = a->ended_ns > a->sent_ns ? (double)(a->ended_ns - a->sent_ns) / 1e6 : 0;
	dns_rcode_text(a->rcode, rcode);
	fprintf(f, ";     after %.3f ms: ", ms);
	switch ((enum dns_outcome)a->outcome) {
	case DNS_TRIED_PENDING:
		fputs("no longer waited for\n", f);
		break;
	case DNS_TRIED_ANSWERED:
		fprintf(f, "answered: %s, %" PRIu32 " octets\n", rcode, a->reply_len);
		break;
	case DNS_TRIED_TIMEOUT:
		fputs("no reply: given up (RFC 1035 4.2.1)\n", f);
		break;
	case DNS_TRIED_ICMP:
		fprintf(f, "unreachable: %s (RFC 1122 4.1.3.3)\n", strerror(a->error));
		break;
	case DNS_TRIED_CONNECT:
		fprintf(f, "no connection: %s (RFC 7766 6.2)\n", strerror(a->error));
		break;
	case DNS_TRIED_CLOSED:
		fputs("the server closed the connection before it answered (RFC 7766 6.2.4)\n", f);
		break;
	case DNS_TRIED_TRUNCATED:
		fprintf(f,
			"truncated (TC), %" PRIu32
			" octets: nothing of it is used, on to TCP (RFC 1035 4.1.1, RFC 7766 5)\n",
			a->reply_len);
		break;
	case DNS_TRIED_NO_EDNS:
		fprintf(f, "%s to EDNS: again without, and remembered (RFC 6891 7)\n", rcode);
		break;
	case DNS_TRIED_BADVERS:
		fputs("BADVERS: the server has no EDNS version 0 (RFC 6891 6.1.3)\n", f);
		break;
	case DNS_TRIED_BADCOOKIE:
		fputs("BADCOOKIE: again with the server's new cookie (RFC 7873 5.3)\n", f);
		break;
	case DNS_TRIED_RCODE:
		fprintf(f, "%s: on to the next server (RFC 1035 7.2)\n", rcode);
		break;
	case DNS_TRIED_LAME:
		fputs("the server does not recurse for us: on to the next (RFC 1034 4.3.1)\n", f);
		break;
	case DNS_TRIED_FORGED:
		fputs("too many forged replies: on to TCP (RFC 5452 9.1)\n", f);
		break;
	case DNS_TRIED_MALFORMED:
		fputs("only what is no DNS message came (RFC 1035 7.3)\n", f);
		break;
	case DNS_TRIED_CASE:
		fputs("the name came back in another case: on to TCP, and remembered "
		      "(draft-vixie-dnsext-dns0x20)\n",
		      f);
		break;
	}
}

static void put_checks(FILE *f, const struct dns_attempt *a)
{
	static const char *const cookie[] = {
		[DNS_COOKIE_NONE] = "not sent",
		[DNS_COOKIE_SENT] = "sent; no reply that could have it",
		[DNS_COOKIE_ANSWERED] = "sent, and ours came back (RFC 7873 5.3)",
		[DNS_COOKIE_ABSENT] = "sent; the reply has none (RFC 7873 5.3)",
	};
	bool replied = a->reply_len > 0;
	fprintf(f, ";     EDNS: %s\n", a->edns ? "version 0 (RFC 6891)" : "none");
	fprintf(f, ";     cookie: %s\n", a->cookie <= DNS_COOKIE_ABSENT ? cookie[a->cookie] : "?");
	fprintf(f, ";     case: %s\n",
		!a->case_mixed ? "not mixed"
		: !replied     ? "mixed at random; no reply to compare"
		: a->case_kept ? "mixed at random, and came back so (draft-vixie-dnsext-dns0x20)"
			       : "mixed at random, and came back otherwise");
	if (replied)
		fputs(";     reply: address, port, ID and question are those of the query (RFC "
		      "5452 "
		      "9.1)\n",
		      f);
	if (a->ignored)
		fprintf(f,
			";     ignored: %" PRIu32
			" that did not fit: forged, late or of another question (RFC 5452 9.1)\n",
			a->ignored);
}

static void put_attempt(FILE *f, const struct dig_result *r, unsigned i)
{
	const struct dns_attempt *a = &r->attempt[i];
	char server[64];
	dig_sockaddr_text(&a->server, server);
	fprintf(f, ";  %u. %s over %s, from port %u with ID %u: random both (RFC 5452 9.2)\n",
		i + 1, server, transport_words(a->transport), a->local_port, a->id);
	fprintf(f, ";     at %.3f ms: sent %u time%s, %" PRIu32 " octets\n",
		(double)(a->sent_ns - r->attempt[0].sent_ns) / 1e6, a->sent,
		a->sent == 1 ? "" : "s", a->query_len);
	for (unsigned k = 0; k < i; k++) {
		if (r->attempt[k].ended_ns > a->sent_ns) {
			fprintf(f, ";     a hedge: %u was still waited for (RFC 1035 7.2)\n",
				k + 1);
			break;
		}
	}
	put_checks(f, a);
	put_outcome(f, a);
}

/* What the resolver knew of its servers when it chose. */
static void put_known(FILE *f, const struct dns_server_info *s)
{
	char server[64];
	dig_sockaddr_text(&s->addr, server);
	fprintf(f, ";    %s: ", server);
	if (s->srtt_us)
		fprintf(f, "%.3f ms", (double)s->srtt_us / 1e3);
	else
		fputs("not measured yet", f);
	if (s->failures)
		fprintf(f, ", failed %u time%s in a row%s", s->failures,
			s->failures == 1 ? "" : "s", s->dead ? ": asked last" : "");
	fprintf(f, "%s%s%s\n", s->edns ? "" : ", without EDNS", s->x20 ? "" : ", case as it is",
		s->cookie ? ", its cookie is known" : "");
}

static void put_source(FILE *f, const struct dig_result *r)
{
	switch (r->source) {
	case DNS_FROM_SERVER:
		fprintf(f, ";  cache: %s\n",
			r->q->cache ? "not in it (RFC 1034 5.3.3)"
				    : "not asked: dig asks the server; +cache asks the resolver");
		break;
	case DNS_FROM_CACHE:
		fprintf(f, ";  cache: answered, %" PRIu32 " s old (RFC 1034 5.3.3, RFC 2308 5)\n",
			r->cache_age_s);
		break;
	case DNS_FROM_STALE:
		fprintf(f, ";  cache: answered over its time, put %" PRIu32 " s ago (RFC 8767)\n",
			r->cache_age_s);
		break;
	case DNS_FROM_HOSTS:
		fputs(";  answered by the hosts file (hosts(5)): no server was asked\n", f);
		break;
	case DNS_FROM_SPECIAL:
		fputs(";  a special-use name (RFC 6761): no server was asked\n", f);
		break;
	case DNS_FROM_MDNS:
		fputs(";  asked on the link by multicast DNS (RFC 6762 5.1)\n", f);
		break;
	case DNS_FROM_ADDRESS:
		fputs(";  the name is an address (RFC 1123 2.1): no server was asked\n", f);
		break;
	}
	if (r->joined)
		fputs(";  another query had asked the same: one question for both (RFC 5452 5)\n",
		      f);
}

static void explain_story(FILE *f, const struct dig_result *r)
{
	uint64_t all_us = r->took_us;
	fputs(";; STORY:\n", f);
	if (r->source == DNS_FROM_SERVER)
		fprintf(f, ";  server: %s\n",
			*r->q->server ? "the one given"
			: r->q->cache ? "of those configured, by smoothed latency and failures "
					"(RFC 1035 7.2):"
				      : "of those configured, in their order");
	for (unsigned i = 0; r->source == DNS_FROM_SERVER && i < r->nknown; i++)
		put_known(f, &r->known[i]);
	put_source(f, r);
	for (unsigned i = 0; i < r->nattempts; i++)
		put_attempt(f, r, i);
	if (r->nattempts && !r->q->cache)
		all_us = (r->attempt[r->nattempts - 1].ended_ns - r->attempt[0].sent_ns) / 1000;
	fprintf(f, ";  in all %.3f ms: %s\n\n", (double)all_us / 1e3,
		r->msg ? "a reply" : dns_status_text(r->status));
}

void dig_explain(FILE *f, const struct dig_result *r)
{
	if (r->query_len)
		explain_message(f, "QUERY", r->query, r->query_len);
	if (r->msg)
		explain_message(f, r->q->cache ? "ANSWER AS THE RESOLVER MADE IT" : "REPLY", r->msg,
				r->len);
	explain_story(f, r);
}
