/*
 * The resolver of a running stack, over the control socket: what its cache holds, with the lives as they are now; what its servers
 * are like; a question asked through it. A stack that nobody asked for a name yet has no resolver, and an empty cache.
 *
 * A list is told in parts of some entries or bytes, whichever is over first; the cache may change between two. What is told
 * of one entry is bounded too: a message of 64 KiB with compressed names can be megabytes of text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/ctl.h"
#include "dns/dns.h"
#include "dns/text.h"
#include "drivers/names.h"

enum {
	PART_ENTRIES = 256,
	PART_BYTES = 65536,   /* of records, after which a part ends */
	ENTRY_BYTES = 262144, /* of one entry's records; what is beyond is counted */
	LINE_BYTES = 4096,    /* of a record, for which no memory is asked */
};

static const char *status_word(enum dns_status s)
{
	static const char *const words[] = {
		[DNS_OK] = "NOERROR",	     [DNS_NODATA] = "NODATA",
		[DNS_NXDOMAIN] = "NXDOMAIN", [DNS_SERVFAIL] = "SERVFAIL",
		[DNS_REFUSED] = "REFUSED",   [DNS_FORMERR] = "FORMERR",
		[DNS_NOTIMP] = "NOTIMP",     [DNS_RCODE] = "RCODE",
		[DNS_TIMEOUT] = "TIMEOUT",   [DNS_UNREACHABLE] = "UNREACHABLE",
		[DNS_LOOP] = "LOOP",	     [DNS_BADREPLY] = "BADREPLY",
		[DNS_NOSERVER] = "NOSERVER", [DNS_BADNAME] = "BADNAME",
		[DNS_NOMEM] = "NOMEM",	     [DNS_CANCELLED] = "CANCELLED",
	};

	return (size_t)s < sizeof words / sizeof words[0] ? words[s] : "UNKNOWN";
}

/* One record's line as a string; NULL: no memory. */
static json_t *line_of(const struct dns_msg *m, const struct dns_rr *rr, size_t *bytes)
{
	char line[LINE_BYTES];
	size_t n = dns_rr_text(m, rr, line, sizeof line);

	*bytes = n;
	if (n < sizeof line)
		return json_string(line);
	char *more = malloc(n + 1);
	if (!more)
		return NULL;
	dns_rr_text(m, rr, more, n + 1);
	json_t *j = json_string(more);
	free(more);
	return j;
}

/* Puts the answer section of a reply into `to` as "records". False: no memory. */
static bool put_records(json_t *to, const struct dns_reply *r, size_t *bytes)
{
	json_t *list = json_array();
	json_int_t left_out = 0;
	struct dns_rr_iter it;
	struct dns_msg m;
	struct dns_rr rr;
	bool good = list != NULL;

	*bytes = 0;
	if (r->msg && dns_msg_decode(&m, r->msg, r->len, NULL) == 0) {
		dns_rr_begin(&m, &it);
		while (good && dns_rr_next(&m, &it, &rr) && rr.section == DNS_ANSWER) {
			size_t n = 0;

			if (*bytes >= ENTRY_BYTES) {
				left_out++;
				continue;
			}
			json_t *line = line_of(&m, &rr, &n);
			good = json_array_append_new(list, line) == 0;
			*bytes += n;
		}
	}
	if (left_out)
		json_object_set_new(to, "left_out", json_integer(left_out));
	if (json_object_set_new(to, "records", list) != 0)
		good = false;
	return good;
}

/* A reply and its question; NULL: no memory. */
static json_t *reply_json(const struct dns_reply *r, size_t *bytes)
{
	char name[DNS_NAME_TEXT_MAX], type[16], class[16];

	dns_name_text(&r->asked.name, name);
	dns_type_text(r->asked.type, type);
	dns_class_text(r->asked.class, class);
	json_t *j = json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", name, "type", type, "class", class,
			      "status", status_word(r->status), "text", dns_status_text(r->status));
	if (r->ede >= 0)
		json_object_set_new(j, "ede", json_integer(r->ede));
	if (r->ede >= 0 && r->ede_text[0])
		json_object_set_new(j, "ede_text", json_string(r->ede_text));
	if (!j || !put_records(j, r, bytes)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* --- the cache --- */

static struct dns *resolver(const struct ctl_call *call)
{
	return call->app->names ? names_dns(call->app->names) : NULL;
}

/* at[0]: the place in the cache from which the next part goes on. */
enum ctl_next ctl_dns_cache(struct ctl_call *call)
{
	struct dns *d = resolver(call);
	struct dns_reply r;
	uint32_t ttl = 0;
	size_t bytes = 0, n = 0;
	bool more = false;

	if (!ctl_args(call, "{}"))
		return CTL_DONE;
	json_t *list = json_array();
	while (d && json_array_size(list) < PART_ENTRIES && bytes < PART_BYTES) {
		more = dns_cache_dump(d, &call->at[0], &r, &ttl) > 0;
		if (!more)
			break;
		json_t *entry = reply_json(&r, &n);
		bytes += n;
		json_object_set_new(entry, "ttl", json_integer(ttl));
		if (json_array_append_new(list, entry)) {
			json_decref(list);
			return ctl_fail(call, "no memory");
		}
	}
	return more ? ctl_part(call, list) : ctl_ok(call, list);
}

static bool parse_name(struct ctl_call *call, const char *text, struct dns_name *out,
		       bool *absolute)
{
	if (dns_name_parse(out, text, strlen(text), absolute) == 0)
		return true;
	ctl_fail(call, "%.200s: not a domain name: give one like www.example.com", text);
	return false;
}

enum ctl_next ctl_dns_flush(struct ctl_call *call)
{
	struct dns *d = resolver(call);
	const char *text = NULL;
	struct dns_name under;

	if (!ctl_args(call, "{s?:s}", "below", &text) ||
	    (text && !parse_name(call, text, &under, NULL)))
		return CTL_DONE;
	size_t n = d ? dns_cache_forget(d, text ? &under : NULL) : 0;
	return ctl_ok(call, json_pack("{s:I}", "entries", (json_int_t)n));
}

/* --- figures --- */

enum ctl_next ctl_dns_stats(struct ctl_call *call)
{
	struct dns *d = resolver(call);
	struct dns_stats s = {0};

	if (!ctl_args(call, "{}"))
		return CTL_DONE;
	if (d)
		dns_stats_get(d, &s);
	json_t *j = json_object();
#define FIGURE(name) json_object_set_new(j, #name, json_integer((json_int_t)s.name));
	FIGURE(queries)
	FIGURE(outstanding)
	FIGURE(joined)
	FIGURE(cancelled)
	FIGURE(udp_sent)
	FIGURE(udp_received)
	FIGURE(tcp_sent)
	FIGURE(tcp_received)
	FIGURE(tcp_connections)
	FIGURE(tls_connections)
	FIGURE(retransmits)
	FIGURE(hedges)
	FIGURE(timeouts)
	FIGURE(truncated)
	FIGURE(forged)
	FIGURE(spoof_to_tcp)
	FIGURE(malformed)
	FIGURE(formerr_fallbacks)
	FIGURE(badcookie)
	FIGURE(cache_entries)
	FIGURE(cache_bytes)
	FIGURE(cache_hits)
	FIGURE(cache_negative_hits)
	FIGURE(cache_failure_hits)
	FIGURE(cache_stale_hits)
	FIGURE(cache_misses)
	FIGURE(cache_evictions)
	FIGURE(prefetches)
#undef FIGURE
	return ctl_ok(call, j);
}

enum ctl_next ctl_dns_servers(struct ctl_call *call)
{
	struct dns_server_info s;
	struct drv_error why;
	char ip[16];

	if (!ctl_args(call, "{}"))
		return CTL_DONE;
	struct names *names = app_names(call->app, &why);
	if (!names)
		return ctl_fail(call, "the resolver does not start: %s", why.text);
	json_t *list = json_array();
	for (unsigned i = 0; dns_server_get(names_dns(names), i, &s) == 0; i++) {
		json_t *j =
			json_pack("{s:s,s:i,s:I,s:i,s:b,s:b,s:b,s:b,s:b,s:I,s:I}", "address",
				  app_ip4(tapir_addr_to_v4(&s.addr.addr), ip), "port",
				  (int)s.addr.port, "srtt_us", (json_int_t)s.srtt_us, "failures",
				  (int)s.failures, "dead", (int)s.dead, "edns", (int)s.edns, "case",
				  (int)s.x20, "cookie", (int)s.cookie, "tcp_open", (int)s.tcp_open,
				  "sent", (json_int_t)s.sent, "answered", (json_int_t)s.answered);
		if (json_array_append_new(list, j)) {
			json_decref(list);
			return ctl_fail(call, "no memory");
		}
	}
	return ctl_ok(call, list);
}

/* --- a question --- */

static void on_reply(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct ctl_call *call = ctx;
	size_t bytes;
	json_t *j = reply_json(r, &bytes);

	(void)id;
	json_object_set_new(j, "took_us", json_integer((json_int_t)(r->took_ns / 1000)));
	if (r->story)
		json_object_set_new(j, "source", json_string(dns_source_text(r->story->source)));
	ctl_ok(call, j);
}

/* at[0]: the query's id. */
static void query_gone(struct ctl_call *call)
{
	struct dns *d = resolver(call);

	if (d) {
		dns_cancel(d, (int64_t)call->at[0]);
		names_changed(call->app->names);
	}
}

enum ctl_next ctl_dns_query(struct ctl_call *call)
{
	struct dns_query q = {.q = {.type = DNS_TYPE_A}, .done = on_reply, .ctx = call};
	const char *name, *type = "A";
	struct drv_error why;
	bool absolute;

	if (!ctl_args(call, "{s:s,s?:s}", "name", &name, "type", &type) ||
	    !parse_name(call, name, &q.q.name, &absolute))
		return CTL_DONE;
	if (dns_type_parse(type, strlen(type), &q.q.type) < 0)
		return ctl_fail(call, "%.40s: not a record type: give one like A or TYPE65", type);
	q.flags = absolute ? 0 : DNS_Q_SEARCH;
	struct names *names = app_names(call->app, &why);
	if (!names)
		return ctl_fail(call, "the resolver does not start: %s", why.text);
	int64_t id = dns_query(names_dns(names), &q);
	if (id < 0)
		return ctl_fail(call, "not asked: %s",
				id == -EAGAIN ? "too many queries are under way"
					      : strerror((int)-id));
	call->at[0] = (uint64_t)id;
	call->gone = query_gone;
	names_changed(names);
	return CTL_LATER;
}
