/*
 * dig's result as JSON: one object a query, on one line. The messages are RFC 8427's: its names for the header, the question and
 * the records, queryMessage and responseMessage for the two. What it has no name for (EDNS, the way that the query took) is beside them.
 * RDATAHEX has the names in RDATA written out, for bytes that point into another place say nothing alone; RDLENGTH is as received.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "apps/app.h"
#include "apps/dig.h"
#include "dns/rr.h"

/* Jansson's setters take a NULL value for no memory and hand it on: *ok remembers. */
static void set(json_t *o, const char *key, json_t *value, bool *ok)
{
	if (json_object_set_new(o, key, value) < 0)
		*ok = false;
}

static void add(json_t *array, json_t *value, bool *ok)
{
	if (json_array_append_new(array, value) < 0)
		*ok = false;
}

static json_t *hex(const uint8_t *p, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	char *text = malloc(2 * len + 1);
	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	json_t *v = json_stringn(text, 2 * len);
	free(text);
	return v;
}

static json_t *name_text(const struct dns_name *n)
{
	char text[DNS_NAME_TEXT_MAX];
	dns_name_text(n, text);
	return json_string(text);
}

static json_t *type_text(uint16_t type)
{
	char text[16];
	dns_type_text(type, text);
	return json_string(text);
}

static json_t *class_text(uint16_t class)
{
	char text[16];
	dns_class_text(class, text);
	return json_string(text);
}

/* RDATA as octets and as dig's text, under RFC 8427's name for the type and under one that all have. */
static void set_rdata(json_t *o, const struct dns_msg *m, const struct dns_rr *rr, bool *ok)
{
	char key[5 + 16] = "rdata", type[16];
	uint8_t *b;
	size_t len;
	char *text = dig_rdata(m, rr, &b, &len);

	if (text) {
		set(o, "RDATAHEX", hex(b, len), ok);
		dns_type_text(rr->type, type);
		memcpy(key + 5, type, strlen(type) + 1);
		set(o, key, json_string(text), ok);
		set(o, "text", json_string(text), ok);
	} else {
		*ok = false;
	}
	free(text);
	free(b);
}

static json_t *record(const struct dns_msg *m, const struct dns_rr *rr, bool *ok)
{
	json_t *o = json_object();
	set(o, "NAME", name_text(&rr->name), ok);
	set(o, "TYPE", json_integer(rr->type), ok);
	set(o, "TYPEname", type_text(rr->type), ok);
	set(o, "CLASS", json_integer(rr->class), ok);
	set(o, "CLASSname", class_text(rr->class), ok);
	set(o, "TTL", json_integer(rr->ttl), ok);
	set(o, "RDLENGTH", json_integer(rr->rdlen), ok);
	if (rr->type != DNS_TYPE_OPT)
		set_rdata(o, m, rr, ok);
	return o;
}

static void set_records(json_t *o, const struct dns_msg *m, bool *ok)
{
	static const char *const keys[] = {[DNS_ANSWER] = "answerRRs",
					   [DNS_AUTHORITY] = "authorityRRs",
					   [DNS_ADDITIONAL] = "additionalRRs"};
	struct dns_rr_iter it;
	struct dns_rr rr;
	json_t *array[4] = {NULL};
	for (int s = DNS_ANSWER; s <= DNS_ADDITIONAL; s++) {
		array[s] = json_array();
		set(o, keys[s], array[s], ok);
	}
	dns_rr_begin(m, &it);
	while (*ok && dns_rr_next(m, &it, &rr))
		add(array[rr.section], record(m, &rr, ok), ok);
}

static json_t *printable(const uint8_t *p, size_t len)
{
	char *text = malloc(len + 1);
	if (!text)
		return NULL;
	len = dig_utf8(p, len, text);
	json_t *v = json_stringn(text, len);
	free(text);
	return v;
}

static json_t *edns(const struct dns_msg *m, bool *ok)
{
	json_t *o = json_object(), *options = json_array();
	size_t at = m->edns.options, len;
	uint16_t code;
	const uint8_t *p;
	set(o, "version", json_integer(m->edns.version), ok);
	set(o, "DO", json_integer(m->edns.do_), ok);
	set(o, "flags", json_integer(m->edns.flags), ok);
	set(o, "udpPayloadSize", json_integer(m->edns.udp_size), ok);
	set(o, "options", options, ok);
	while (*ok && dns_option_next(m, &at, &code, &p, &len)) {
		json_t *option = json_object();
		set(option, "code", json_integer(code), ok);
		set(option, "HEX", hex(p, len), ok);
		if (code == DNS_OPT_EDE && len >= 2) {
			unsigned ede = (unsigned)p[0] << 8 | p[1];
			const char *text = dns_ede_text((uint16_t)ede);
			set(option, "infoCode", json_integer(ede), ok);
			if (text)
				set(option, "infoCodeName", json_string(text), ok);
			set(option, "extraText", printable(p + 2, len - 2), ok);
		}
		add(options, option, ok);
	}
	return o;
}

/* RFC 8427 2.1 to 2.3. */
static json_t *message(const struct dns_msg *m, bool *ok)
{
	static const struct {
		const char *key;
		uint16_t bit;
	} flags[] = {{"QR", DNS_QR}, {"AA", DNS_AA}, {"TC", DNS_TC}, {"RD", DNS_RD},
		     {"RA", DNS_RA}, {"AD", DNS_AD}, {"CD", DNS_CD}};
	static const char *const counts[] = {"QDCOUNT", "ANCOUNT", "NSCOUNT", "ARCOUNT"};
	char rcode[16];
	json_t *o = json_object();
	set(o, "msgLength", json_integer((json_int_t)m->len), ok);
	set(o, "ID", json_integer(m->id), ok);
	set(o, "Opcode", json_integer(m->opcode), ok);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		set(o, flags[i].key, json_integer((m->flags & flags[i].bit) != 0), ok);
	set(o, "RCODE", json_integer(m->rcode), ok);
	dns_rcode_text(m->rcode, rcode);
	set(o, "RCODEname", json_string(rcode), ok);
	for (size_t i = 0; i < 4; i++)
		set(o, counts[i], json_integer(m->count[i]), ok);
	if (m->count[DNS_QUESTION] > 0) {
		set(o, "QNAME", name_text(&m->q.name), ok);
		set(o, "QTYPE", json_integer(m->q.type), ok);
		set(o, "QTYPEname", type_text(m->q.type), ok);
		set(o, "QCLASS", json_integer(m->q.class), ok);
		set(o, "QCLASSname", class_text(m->q.class), ok);
	}
	set_records(o, m, ok);
	if (m->edns.present)
		set(o, "EDNS", edns(m, ok), ok);
	set(o, "messageOctetsHEX", hex(m->b, m->len), ok);
	return o;
}

static json_t *attempt(const struct dns_attempt *a, uint64_t begin_ns, bool *ok)
{
	static const char *const outcomes[] = {
		[DNS_TRIED_PENDING] = "pending",     [DNS_TRIED_ANSWERED] = "answered",
		[DNS_TRIED_TIMEOUT] = "timeout",     [DNS_TRIED_ICMP] = "icmp",
		[DNS_TRIED_CONNECT] = "connect",     [DNS_TRIED_CLOSED] = "closed",
		[DNS_TRIED_TRUNCATED] = "truncated", [DNS_TRIED_NO_EDNS] = "no-edns",
		[DNS_TRIED_BADVERS] = "badvers",     [DNS_TRIED_BADCOOKIE] = "badcookie",
		[DNS_TRIED_RCODE] = "rcode",	     [DNS_TRIED_LAME] = "lame",
		[DNS_TRIED_FORGED] = "forged",	     [DNS_TRIED_MALFORMED] = "malformed",
		[DNS_TRIED_CASE] = "case",
	};
	static const char *const transports[] = {"UDP", "TCP", "TLS", "mDNS"};
	static const char *const cookies[] = {"none", "sent", "answered", "absent"};
	char server[64];
	json_t *o = json_object();
	dig_sockaddr_text(&a->server, server);
	set(o, "server", json_string(server), ok);
	set(o, "transport", json_string(transports[a->transport & 3]), ok);
	set(o, "localPort", json_integer(a->local_port), ok);
	set(o, "ID", json_integer(a->id), ok);
	set(o, "outcome",
	    json_string(a->outcome <= DNS_TRIED_CASE ? outcomes[a->outcome] : "unknown"), ok);
	set(o, "RCODE", json_integer(a->rcode), ok);
	set(o, "errno", json_integer(a->error), ok);
	set(o, "EDNS", json_boolean(a->edns), ok);
	set(o, "cookie", json_string(cookies[a->cookie & 3]), ok);
	set(o, "caseMixed", json_boolean(a->case_mixed), ok);
	set(o, "caseKept", json_boolean(a->case_kept), ok);
	set(o, "sent", json_integer(a->sent), ok);
	set(o, "ignored", json_integer(a->ignored), ok);
	set(o, "queryLength", json_integer(a->query_len), ok);
	set(o, "replyLength", json_integer(a->reply_len), ok);
	set(o, "beginUs", json_integer((json_int_t)((a->sent_ns - begin_ns) / 1000)), ok);
	set(o, "tookUs",
	    json_integer(a->ended_ns > a->sent_ns ? (json_int_t)((a->ended_ns - a->sent_ns) / 1000)
						  : 0),
	    ok);
	return o;
}

/* What happened, for programs; dns_status_text() has it for people. */
static const char *status_word(enum dns_status s)
{
	static const char *const words[] = {
		[DNS_OK] = "ok",
		[DNS_NODATA] = "nodata",
		[DNS_NXDOMAIN] = "nxdomain",
		[DNS_SERVFAIL] = "servfail",
		[DNS_REFUSED] = "refused",
		[DNS_FORMERR] = "formerr",
		[DNS_NOTIMP] = "notimp",
		[DNS_RCODE] = "rcode",
		[DNS_TIMEOUT] = "timeout",
		[DNS_UNREACHABLE] = "unreachable",
		[DNS_LOOP] = "loop",
		[DNS_BADREPLY] = "badreply",
		[DNS_NOSERVER] = "noserver",
		[DNS_BADNAME] = "badname",
		[DNS_NOMEM] = "nomem",
		[DNS_CANCELLED] = "cancelled",
	};
	return (unsigned)s < sizeof words / sizeof *words ? words[s] : "unknown";
}

static json_t *result(const struct dig_result *r, bool *ok)
{
	json_t *o = json_object(), *attempts = json_array();
	struct dns_msg sent;
	char text[64];
	struct tm tm;
	set(o, "status", json_string(status_word(r->status)), ok);
	set(o, "source", json_string(dns_source_text(r->source)), ok);
	if (r->source == DNS_FROM_CACHE || r->source == DNS_FROM_STALE)
		set(o, "cacheAge", json_integer(r->cache_age_s), ok);
	if (r->msg && r->source == DNS_FROM_SERVER) {
		dig_sockaddr_text(&r->server, text);
		set(o, "server", json_string(text), ok);
		set(o, "serverName", json_string(r->server_name), ok);
	}
	set(o, "queryTimeUs", json_integer((json_int_t)r->took_us), ok);
	if (gmtime_r(&r->when, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		set(o, "dateString", json_string(text), ok);
	set(o, "dateSeconds", json_integer((json_int_t)r->when), ok);
	if (r->query_len && dns_msg_decode(&sent, r->query, r->query_len, NULL) == 0)
		set(o, "queryMessage", message(&sent, ok), ok);
	if (r->msg)
		set(o, "responseMessage", message(&r->m, ok), ok);
	set(o, "attempts", attempts, ok);
	for (unsigned i = 0; *ok && i < r->nattempts; i++)
		add(attempts, attempt(&r->attempt[i], r->attempt[0].sent_ns, ok), ok);
	return o;
}

int dig_print_json(FILE *f, const struct dig_result *r)
{
	bool ok = true;
	json_t *o = result(r, &ok);
	char *text = ok && o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text)
		fprintf(f, "%s\n", text);
	free(text);
	json_decref(o);
	return text ? 0 : -ENOMEM;
}
