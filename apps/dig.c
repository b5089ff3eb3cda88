/*
 * tapir dig: asks name servers and shows what they say, in the words and with the exit codes of the dig that people know.
 *
 * The question goes out by the resolver of dns/ in its raw form: no cache, no hosts file, no CNAME followed, the reply whole. How
 * often and whom to ask is dig's affair, not the resolver's: the first server `tries` times, each further one once, a line for each
 * failure when it happens. What the resolver does within one try stays its own: a truncated reply leads to TCP, a forged one
 * is waited past. With +cache the question goes the way of any program's instead: hosts file, special names, cache, servers by
 * latency; that is where +explain has a cache to tell of.
 */
#include "apps/dig.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/cmd.h"
#include "dns/rr.h"
#include "drivers/host.h"

enum { SERVER_WAIT_S = 10 };

/* --- servers --- */

/* An address that a server can have, or why it can't. */
static const char *server_addr(const char *text, struct tapir_sockaddr *out)
{
	uint32_t ip;
	struct dns_addr a;
	if (opt_ip4(text, &ip)) {
		if (ip >> 24 == 127)
			return "the stack's own loopback, where nobody answers: give a server's "
			       "address";
		if (ip >> 24 == 0 || ip >> 28 >= 14)
			return "no host's address";
		*out = tapir_sockaddr_v4(ip, 0);
		return NULL;
	}
	if (strchr(text, ':') && dns_addr_parse(text, false, &a) == 0)
		return "name servers are reached over IPv4 only";
	return "";
}

int dig_resolve(struct dig_run *run, const char *name, struct dig_server *out, unsigned max)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *list = NULL;
	uint64_t until = loop_now(run->app.loop) + SERVER_WAIT_S * NS_PER_S;
	unsigned n = 0;
	int eai = tapir_getaddrinfo(run->names, name, NULL, &hints, &list, until);
	if (eai == EAI_SYSTEM && (errno == EINTR || errno == ENODEV))
		return -errno;
	for (struct addrinfo *ai = eai ? NULL : list; ai && n < max; ai = ai->ai_next) {
		const struct sockaddr_in *sin = (const void *)ai->ai_addr;
		if (ai->ai_family != AF_INET)
			continue;
		out[n].addr = tapir_sockaddr_v4(ntohl(sin->sin_addr.s_addr), run->args.port);
		snprintf(out[n].name, sizeof out[n].name, "%s", name);
		n++;
	}
	if (!eai)
		tapir_freeaddrinfo(list);
	return (int)n;
}

/* Whom to ask: "@server", else those configured. How many, or an exit status below 0 after a line: -1 - status. */
static int find_servers(struct dig_run *run, const struct dig_query *q, struct dig_server *out)
{
	const struct dns_conf *conf = dns_settings(names_dns(run->names));
	if (!*q->server) {
		for (unsigned i = 0; i < conf->nservers; i++) {
			out[i].addr = conf->server[i];
			if (run->args.port)
				out[i].addr.port = run->args.port;
			app_ip4(tapir_addr_to_v4(&out[i].addr.addr), out[i].name);
		}
		if (!conf->nservers)
			app_error("dig", "no name server is configured that the stack can reach: "
					 "give @SERVER or --dns ADDR");
		return conf->nservers ? (int)conf->nservers : -1 - DIG_USAGE;
	}
	const char *wrong = server_addr(q->server, &out[0].addr);
	if (!wrong) {
		out[0].addr.port = run->args.port;
		snprintf(out[0].name, sizeof out[0].name, "%s", q->server);
		return 1;
	}
	char shown[DIG_SHOWN_MAX];
	int n = *wrong ? 0 : dig_resolve(run, q->server, out, DNS_SERVERS_MAX);
	if (n < 0)
		return -1 - (n == -EINTR ? DIG_NO_REPLY : app_lost(&run->app));
	if (n == 0)
		fprintf(stderr, "dig: couldn't get address for '%s': %s\n",
			dig_shown(q->server, shown),
			*wrong ? wrong
			: conf->nservers
				? "not found"
				: "no name server is configured: give its address, or --dns "
				  "ADDR");
	return n ? n : -1 - DIG_USAGE;
}

/* --- a question --- */

static unsigned query_flags(const struct dig_query *q)
{
	unsigned flags = 0;
	static const struct {
		size_t at;
		bool when;
		unsigned flag;
	} rows[] = {
		{offsetof(struct dig_query, tcp), true, DNS_Q_TCP},
		{offsetof(struct dig_query, recurse), false, DNS_Q_NO_RD},
		{offsetof(struct dig_query, dnssec), true, DNS_Q_DO},
		{offsetof(struct dig_query, cd), true, DNS_Q_CD},
		{offsetof(struct dig_query, ad), true, DNS_Q_AD},
		{offsetof(struct dig_query, edns), false, DNS_Q_NO_EDNS},
		{offsetof(struct dig_query, cookie), false, DNS_Q_NO_COOKIE},
		{offsetof(struct dig_query, ignore_tc), true, DNS_Q_IGNORE_TC},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool v;
		memcpy(&v, (const char *)q + rows[i].at, sizeof v);
		if (v == rows[i].when)
			flags |= rows[i].flag;
	}
	/* dig's habit: ANY is what makes replies large. */
	if (q->type == DNS_TYPE_ANY && !q->tcp_set)
		flags |= DNS_Q_TCP;
	if (q->cache)
		return flags & ~(unsigned)DNS_Q_AD;
	return flags | DNS_Q_RAW | DNS_Q_ONE_SERVER_FIRST;
}

/* What of the question the resolver takes from its settings. */
static int configure(struct dig_run *run, const struct dig_query *q)
{
	struct dns *d = names_dns(run->names);
	struct dns_conf c = *dns_settings(d), fresh;
	bool x20 = q->x20 || q->cache;
	dns_conf_default(&fresh);
	uint16_t size = q->udp_size ? q->udp_size : fresh.udp_size;
	if (c.no_x20 == !x20 && c.udp_size == size)
		return 0;
	c.no_x20 = !x20;
	c.udp_size = size;
	return dns_configure(d, &c);
}

/* The reply is copied: the resolver's goes with its next query. */
static void take_reply(struct dig_run *run, const struct dns_reply *reply)
{
	struct dig_result *r = &run->result;
	const struct dns_story *story = reply->story;
	r->status = reply->status;
	r->took_us = reply->took_ns / 1000;
	r->source = DNS_FROM_SERVER;
	r->joined = false;
	if (story) {
		unsigned n = story->nattempts < DNS_ATTEMPTS_MAX ? story->nattempts
								 : (unsigned)DNS_ATTEMPTS_MAX;
		r->source = (enum dns_source)story->source;
		r->cache_age_s = story->cache_age_s;
		r->joined = story->joined;
		r->query_len = story->query_len;
		memcpy(r->query, story->query, story->query_len);
		for (unsigned i = 0; i < n && r->nattempts < DIG_ATTEMPTS_MAX; i++) {
			const struct dns_attempt *a = &story->attempt[i];
			r->attempt[r->nattempts++] = *a;
			if (a->outcome != DNS_TRIED_ANSWERED)
				continue;
			r->server = a->server;
			if (!*r->server_name)
				r->server_name = app_ip4(tapir_addr_to_v4(&a->server.addr),
							 run->server_text);
			r->transport = (enum dns_transport)a->transport;
			if (!r->q->cache)
				r->took_us = (a->ended_ns - a->sent_ns) / 1000;
		}
	}
	r->msg = NULL;
	if (!reply->msg || reply->len > sizeof run->reply)
		return;
	memcpy(run->reply, reply->msg, reply->len);
	if (dns_msg_decode(&r->m, run->reply, reply->len, NULL) == 0) {
		r->msg = run->reply;
		r->len = reply->len;
	}
}

int dig_ask(struct dig_run *run, const struct dig_query *q, const struct dns_question *question,
	    const struct dig_server *server, unsigned flags)
{
	struct dig_result *r = &run->result;
	struct dns_reply reply = {.status = DNS_NOSERVER};
	struct dns_query ask = {
		.q = *question,
		.flags = query_flags(q) | flags,
		.timeout_ms = run->args.timeout_s * 1000,
		.attempts = 1,
		.options = q->options_len ? q->options : NULL,
		.options_len = q->options_len,
	};
	r->args = &run->args;
	r->q = q;
	r->when = host_wall().tv_sec;
	r->msg = NULL;
	r->server = (struct tapir_sockaddr){0};
	r->server_name = "";
	r->nknown = 0;
	if (server) {
		ask.server = server->addr;
		r->server = server->addr;
		r->server_name = server->name;
	}
	if (!server || q->cache) {
		/* The resolver's own way: it retries by itself. */
		ask.attempts = q->tries < 3 ? q->tries : 3;
		ask.timeout_ms *= ask.attempts;
	}
	int err = configure(run, q);
	while (!server && r->nknown < DNS_SERVERS_MAX &&
	       dns_server_get(names_dns(run->names), r->nknown, &r->known[r->nknown]) == 0)
		r->nknown++;
	if (err == 0) {
		uint64_t until = loop_now(run->app.loop) + (ask.timeout_ms + 2000ull) * NS_PER_MS;
		err = names_query(run->names, &ask, &reply, until);
	}
	if (err == -ETIMEDOUT) {
		r->status = DNS_TIMEOUT;
		return 1;
	}
	if (err < 0)
		return err;
	take_reply(run, &reply);
	r->when = host_wall().tv_sec;
	return r->msg ? 0 : 1;
}

/* dig's words for what the system says in others. */
static const char *error_text(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "connection refused";
	case EHOSTUNREACH:
		return "host unreachable";
	case ENETUNREACH:
		return "network unreachable";
	case ETIMEDOUT:
	case 0:
		return "timed out";
	case ECONNRESET:
		return "connection reset";
	}
	return strerror(error);
}

/* The last attempt was a TCP connection that did not come about: dig's last words stand behind each such. */
static bool unconnected(const struct dig_result *r)
{
	const struct dns_attempt *a = &r->attempt[r->nattempts ? r->nattempts - 1 : 0];
	return r->nattempts &&
	       (a->outcome == DNS_TRIED_CONNECT || (a->transport == DNS_TCP && !a->sent));
}

void dig_print_failure(const struct dig_result *r, const struct dig_server *server,
		       const struct dns_name *name)
{
	const struct dns_attempt *a = r->nattempts ? &r->attempt[r->nattempts - 1] : NULL;
	char where[64], text[DNS_NAME_TEXT_MAX];
	if (!a) {
		printf(";; no query could be sent: %s\n", dns_status_text(r->status));
		return;
	}
	dig_sockaddr_text(&a->server, where);
	enum dns_outcome outcome = (enum dns_outcome)a->outcome;
	switch (unconnected(r) ? DNS_TRIED_CONNECT : outcome) {
	case DNS_TRIED_CONNECT: {
		size_t n = dns_name_text(name, text);
		if (n > 1)
			text[n - 1] = 0;
		printf(";; Connection to %s(%s) for %s failed: %s.\n", where,
		       server ? server->name : where, text, error_text(a->error));
		break;
	}
	case DNS_TRIED_CLOSED:
		printf(";; communications error to %s: end of file\n", where);
		break;
	case DNS_TRIED_MALFORMED:
		printf(";; Got bad packet from %s: what came is no DNS message\n", where);
		break;
	case DNS_TRIED_BADVERS:
	case DNS_TRIED_BADCOOKIE:
	case DNS_TRIED_RCODE:
	case DNS_TRIED_LAME:
	case DNS_TRIED_NO_EDNS:
		printf(";; %s: %s\n", where, dns_status_text(r->status));
		break;
	case DNS_TRIED_FORGED:
		printf(";; %s: too many forged replies, and no other over TCP\n", where);
		break;
	case DNS_TRIED_ANSWERED:
	case DNS_TRIED_PENDING:
	case DNS_TRIED_TIMEOUT:
	case DNS_TRIED_ICMP:
	case DNS_TRIED_TRUNCATED:
	case DNS_TRIED_CASE:
		printf(";; communications error to %s: %s\n", where, error_text(a->error));
		break;
	}
}

/* Lines about the way to the reply, as dig has them, from an attempt on. */
static void print_way(const struct dig_result *r, unsigned from)
{
	if (!r->q->comments || r->args->brief)
		return;
	for (unsigned i = from; i < r->nattempts; i++) {
		const struct dns_attempt *a = &r->attempt[i];
		char where[64];
		dig_sockaddr_text(&a->server, where);
		if (a->outcome == DNS_TRIED_TRUNCATED)
			puts(";; Truncated, retrying in TCP mode.");
		if (a->outcome == DNS_TRIED_BADCOOKIE)
			puts(";; BADCOOKIE, retrying.");
		if (a->outcome == DNS_TRIED_FORGED)
			puts(";; Too many forged replies, retrying in TCP mode.");
		if (a->ignored && i + 1 == r->nattempts)
			printf(";; Warning: %u datagram%s from %s passed over: no reply to this "
			       "query\n",
			       (unsigned)a->ignored, a->ignored == 1 ? "" : "s", where);
	}
}

void dig_greet(struct dig_run *run, struct dig_query *q, unsigned nservers)
{
	if (!q->greeting)
		return;
	fputs(q->greeting, stdout);
	if (q->greet_servers && !run->server_counted)
		printf("; (%u server%s found)\n", nservers, nservers == 1 ? "" : "s");
	run->server_counted |= q->greet_servers;
	printf(";; global options:%s +cmd\n", run->args.brief && run->args.cmd ? " +short" : "");
	free(q->greeting);
	q->greeting = NULL;
}

/* --- a query --- */

/* All that a query has to say of its end. */
static int tell(struct dig_run *run, struct dig_query *q, unsigned nservers)
{
	struct dig_result *r = &run->result;
	if (q->json)
		return dig_print_json(stdout, r) < 0 ? DIG_INTERNAL : DIG_OK;
	if (r->msg) {
		print_way(r, run->ntold);
		if (run->args.cmd && !run->args.brief)
			dig_greet(run, q, nservers);
		if (q->qr)
			dig_print(stdout, r, true);
		dig_print(stdout, r, false);
	}
	if (q->explain)
		dig_explain(stdout, r);
	return DIG_OK;
}

/* No server replied: dig's last words. */
static int tell_none(struct dig_run *run, struct dig_query *q, unsigned nservers)
{
	const struct dig_result *r = &run->result;
	if (!q->json) {
		if (!unconnected(r)) {
			if (r->source == DNS_FROM_SERVER)
				dig_greet(run, q, nservers);
			puts(";; no servers could be reached");
		}
		if (q->explain)
			dig_explain(stdout, r);
	} else if (dig_print_json(stdout, r) < 0) {
		return DIG_INTERNAL;
	}
	return DIG_NO_REPLY;
}

/* A try that was in vain. Flags for the next: a truncated reply leads to TCP for good. */
static unsigned tell_failure(struct dig_run *run, const struct dig_query *q,
			     const struct dig_server *server, const struct dns_name *name)
{
	const struct dig_result *r = &run->result;
	unsigned flags = 0;
	for (unsigned i = run->ntold; i < r->nattempts; i++) {
		if (r->attempt[i].outcome == DNS_TRIED_TRUNCATED)
			flags = DNS_Q_TCP;
	}
	if (!q->json) {
		print_way(r, run->ntold);
		dig_print_failure(r, server, name);
		if (unconnected(r))
			puts(";; no servers could be reached");
	}
	run->ntold = r->nattempts;
	fflush(stdout);
	return flags;
}

/* The servers in turn until one replies: 0, 1 when none did, or as dig_ask(). */
static int ask_servers(struct dig_run *run, struct dig_query *q,
		       const struct dns_question *question, const struct dig_server *server,
		       unsigned nservers)
{
	struct dig_result *r = &run->result;
	r->nattempts = run->ntold = 0;
	r->query_len = 0;
	if (q->cache)
		return dig_ask(run, q, question, *q->server ? server : NULL, 0);
	for (unsigned i = 0; i < nservers; i++) {
		/* dig's habit: patience with the first, a chance for each other. */
		unsigned tries = i == 0 ? q->tries : 1, flags = 0;
		for (unsigned k = 0; k < tries; k++) {
			int err = dig_ask(run, q, question, &server[i], flags);
			if (err < 0)
				return err;
			bool next = err == 0 && r->m.rcode == DNS_RCODE_SERVFAIL &&
				    q->next_on_servfail && i + 1 < nservers;
			if (err == 0 && !next)
				return 0;
			if (next)
				break;
			flags |= tell_failure(run, q, &server[i], &question->name);
		}
	}
	return 1;
}

/* Why a name is none, in dig's words. */
static const char *name_flaw(const char *name, int err)
{
	if (err != -ENAMETOOLONG)
		return strstr(name, "..") || *name == '.' ? "empty label" : "bad escape";
	for (size_t n; *name; name += n + (name[n] == '.')) {
		n = strcspn(name, ".");
		if (n > DNS_LABEL_MAX)
			return "label too long";
	}
	return "ran out of space";
}

/* The names to ask for, in order: with the search list where it is wanted, then as it is. How many; `out` has room for DNS_SEARCH_MAX + 1. */
static unsigned candidates(const struct dig_run *run, const struct dig_query *q,
			   const struct dns_name *name, bool absolute, struct dns_name *out)
{
	const struct dns_conf *conf = dns_settings(names_dns(run->names));
	struct dns_name domain;
	unsigned n = 0, ndots = q->ndots_set ? q->ndots : conf->ndots;
	/* dig's habit: a name with so many dots is tried as it is alone. */
	bool listed = q->search && !absolute && dns_name_labels(name) <= ndots;
	if (listed && *q->domain) {
		if (dns_name_parse(&domain, q->domain, strlen(q->domain), NULL) == 0 &&
		    dns_name_join(name, &domain, &out[n]) == 0)
			n++;
	} else if (listed) {
		for (unsigned i = 0; i < conf->nsearch; i++)
			n += dns_name_join(name, &conf->search[i], &out[n]) == 0;
	}
	out[n++] = *name;
	return n;
}

/* One query to its end. An exit status; *go_on is false when the run is over. */
static int run_query(struct dig_run *run, struct dig_query *q, bool *go_on)
{
	struct dig_server server[DNS_SERVERS_MAX];
	struct dns_name list[DNS_SEARCH_MAX + 2];
	struct dns_question question = {.type = q->type, .class = q->class};
	char shown[DIG_SHOWN_MAX];
	bool absolute = false;
	for (const char *c = q->name; *c; c++) {
		if (!(*c & 0x80))
			continue;
		*go_on = false;
		fprintf(stderr,
			"dig: '%s': names in other scripts (IDN) are not supported: give the xn-- "
			"form\n",
			dig_shown(q->name, shown));
		return DIG_USAGE;
	}
	int err = dns_name_parse(&question.name, q->name, strlen(q->name), &absolute);
	if (err < 0) {
		*go_on = false;
		fprintf(stderr, "dig: '%s' is not a legal name (%s)\n", dig_shown(q->name, shown),
			name_flaw(q->name, err));
		return DIG_INTERNAL;
	}
	int nservers = find_servers(run, q, server);
	if (nservers < 0 && !(q->trace && run->args.hints)) {
		*go_on = false;
		return -1 - nservers;
	}
	unsigned n = candidates(run, q, &question.name, absolute, list);
	err = 1;
	for (unsigned i = 0; i < n; i++) {
		question.name = list[i];
		if (q->trace) {
			if (run->args.cmd && !run->args.brief)
				dig_greet(run, q, nservers > 0 ? (unsigned)nservers : 0);
			err = dig_trace(run, q, &question, server,
					nservers > 0 ? (unsigned)nservers : 0);
			break;
		}
		err = ask_servers(run, q, &question, server, (unsigned)nservers);
		if (err != 0 || run->result.m.rcode != DNS_RCODE_NXDOMAIN)
			break;
		if (q->show_search && i + 1 < n)
			tell(run, q, (unsigned)nservers);
	}
	if (err == -EINTR) {
		*go_on = false;
		return DIG_NO_REPLY;
	}
	if (err < 0) {
		*go_on = false;
		if (err == -ENODEV)
			return app_lost(&run->app);
		fprintf(stderr, "dig: %s\n", strerror(-err));
		return DIG_INTERNAL;
	}
	if (q->trace)
		return err;
	return err == 0 ? tell(run, q, (unsigned)nservers) : tell_none(run, q, (unsigned)nservers);
}

/* The queries from `first` on; then they are forgotten down to `keep`. False: the run is over. */
static bool run_queries(struct dig_run *run, size_t first)
{
	bool go_on = true;
	for (size_t i = first; i < run->args.nqueries && go_on; i++) {
		int status = run_query(run, run->args.query[i], &go_on);
		if (status > run->status)
			run->status = status;
		if (fflush(stdout) != 0 || ferror(stdout))
			return false;
	}
	dig_args_forget(&run->args, first);
	return go_on;
}

/* --- the run --- */

/* What fgets() read is a whole line, without a NUL: nobody waits for the end of /dev/zero. */
static bool is_line(const char *line, FILE *f)
{
	return *line && (strchr(line, '\n') || feof(f));
}

static void run_batch(struct dig_run *run, FILE *f)
{
	char line[DIG_LINE_MAX], *words[DIG_WORDS_MAX];
	bool help = false;
	while (fgets(line, sizeof line, f)) {
		if (!is_line(line, f)) {
			fprintf(stderr,
				"dig: a line of the batch file is longer than %d, or has a NUL\n",
				DIG_LINE_MAX - 2);
			run->status = DIG_USAGE > run->status ? DIG_USAGE : run->status;
			return;
		}
		if (strchr("\r\n#;", line[0]))
			continue;
		int n = dig_split(line, words, DIG_WORDS_MAX);
		int status = dig_parse(&run->args, DIG_BATCH_LINE, n, words, &help);
		if (status != DIG_GO) {
			run->status = status > run->status ? status : run->status;
			return;
		}
		if (!run_queries(run, 0))
			return;
	}
	if (ferror(f)) {
		int status = errno == EINTR ? DIG_NO_REPLY : DIG_BATCH;
		if (status == DIG_BATCH) {
			perror(run->args.batch);
			fputs("dig: couldn't read batch file\n", stderr);
		}
		run->status = status > run->status ? status : run->status;
	}
}

static int run_all(struct dig_run *run, FILE *batch)
{
	struct drv_error why;
	run->names = app_names(&run->app, &why);
	if (!run->names)
		return app_error("dig", "%s", why.text);
	run->nservers = names_servers(run->names);
	if (run_queries(run, 0) && batch)
		run_batch(run, batch);
	if (fflush(stdout) != 0 || ferror(stdout))
		return app_error("dig", "stdout: can't be written to: give it a place");
	return run->status;
}

/* ~/.digrc: options that hold for all. */
static int read_rc(struct dig_args *a)
{
	char path[DIG_LINE_MAX], line[DIG_LINE_MAX], *words[DIG_WORDS_MAX];
	const char *home = getenv("HOME");
	int status = DIG_GO;
	bool help;
	if (!home || (size_t)snprintf(path, sizeof path, "%s/.digrc", home) >= sizeof path)
		return DIG_GO;
	FILE *f = fopen(path, "re");
	while (f && status == DIG_GO && fgets(line, sizeof line, f)) {
		if (!is_line(line, f)) {
			app_error("dig",
				  "%s: a line is longer than %d, or has a NUL: mend it, or give -r",
				  path, DIG_LINE_MAX - 2);
			status = DIG_USAGE;
			break;
		}
		if (strchr("\r\n#;", line[0]))
			continue;
		int n = dig_split(line, words, DIG_WORDS_MAX);
		status = dig_parse(a, DIG_RC_LINE, n, words, &help);
	}
	if (f)
		fclose(f);
	return status;
}

static int set_hints(void *to, const char *value, struct opt_why *why)
{
	if (!*value)
		return opt_refuse(why, "not a file's name: give one like root.hints");
	((struct dig_args *)to)->hints = value;
	return 0;
}

static const struct opt options[] = {
	{"hints", 0, "FILE", "root servers for +trace, in the form of named.cache; +hints=FILE",
	 set_hints},
};

static const char about[] =
	"Asks name servers and shows what they say, in dig's words. Several names may stand on a "
	"line; options\n"
	"before the first name hold for all, behind a name for that one.\n"
	"\n"
	"  @server        whom to ask: an address or a name (--dns, else /etc/resolv.conf)\n"
	"  -t TYPE -c CLASS -q NAME -x ADDR -p PORT -f FILE    -u: microseconds; -r: no ~/.digrc\n"
	"\n"
	"  the question   +[no]tcp +[no]dnssec +[no]recurse +[no]cdflag +[no]adflag +[no]edns "
	"+bufsize=N\n"
	"                 +[no]cookie[=HEX] +nsid +subnet=ADDR/LEN +ednsopt=CODE[:HEX] "
	"+keepalive\n"
	"                 +[no]ignore (truncation) +[no]x20 (mixed case)\n"
	"  the way        +time=S (5) +tries=N (3) +retry=N +[no]fail +[no]search +[no]showsearch "
	"+domain=NAME\n"
	"                 +ndots=N +trace (from the root down; --hints)\n"
	"                 +cache (by the resolver: hosts file, special names, cache, CNAMEs; "
	"+explain "
	"tells of them)\n"
	"  the text       +short +[no]all +[no]comments +[no]question +[no]answer +[no]authority\n"
	"                 +[no]additional +[no]stats +[no]cmd +[no]ttlid +[no]ttlunits +[no]class "
	"+[no]multiline\n"
	"                 +[no]crypto +[no]rrcomments +[no]split[=N] +[no]identify +[no]qr "
	"+[no]expandaaaa\n"
	"                 +[no]unknownformat\n"
	"                 +json (one object a query, RFC 8427's names)\n"
	"                 +explain (both messages octet by octet, and how the query went)\n"
	"\n"
	"Options may be cut short while one begins so (+multi). Zone transfers, TSIG, IDN and "
	"servers over IPv6 are not there.\n"
	"Exit status, as dig's: 0 a reply came, 1 usage or no device, 8 no batch file, 9 no reply, "
	"10 internal, or a name\n"
	"or number that is none.";

/* Parts argv into what the stack's options are (they begin with two dashes) and dig's words. Returns the number of words. */
static int part(int argc, char **argv, char **shared, int *nshared, char **words)
{
	int n = 0;
	*nshared = 0;
	shared[(*nshared)++] = argv[0];
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0 || !argv[i][2]) {
			words[n++] = argv[i];
			continue;
		}
		shared[(*nshared)++] = argv[i];
		bool alone = strchr(argv[i], '=') || strcmp(argv[i], "--help") == 0;
		if (!alone && i + 1 < argc)
			shared[(*nshared)++] = argv[++i];
	}
	shared[*nshared] = NULL;
	return n;
}

/* Everything that can be refused before a device is touched. DIG_GO or an exit status. */
static int prepare(struct dig_run *run, int argc, char **argv, FILE **batch)
{
	const struct opt_command cmd = {
		.name = "dig",
		.operands = "[@server] name [type] [class] [+option...] [name...]",
		.about = about,
		.opts = options,
		.nopts = sizeof options / sizeof *options,
		.to = &run->args,
		.stack = &run->stack,
	};
	char **shared = calloc(2 * (size_t)argc + 2, sizeof *shared);
	char **words = shared ? shared + argc + 1 : NULL;
	int nshared, nwords, first, status;
	bool help = false;
	if (!shared)
		return app_error("dig", "no memory: free some and try again");
	nwords = part(argc, argv, shared, &nshared, words);
	status = opts_parse(&cmd, nshared, shared, &first);
	bool rc = status == OPTS_GO;
	for (int i = 0; i < nwords; i++)
		rc &= strcmp(words[i], "-r") != 0;
	if (rc)
		status = read_rc(&run->args);
	if (status == DIG_GO)
		status = dig_parse(&run->args, DIG_COMMAND_LINE, nwords, words, &help);
	if (help) {
		opts_help(&cmd, stdout);
		status = fflush(stdout) == 0 ? 0 : 1;
	}
	if (status == DIG_GO && !run->args.nqueries && !run->args.batch)
		status = dig_parse_default(&run->args, nwords, words);
	free(shared);
	if (status != DIG_GO)
		return status == 2 ? DIG_USAGE : status;
	if (run->args.batch) {
		bool in = strcmp(run->args.batch, "-") == 0;
		*batch = in ? stdin : fopen(run->args.batch, "re");
		if (!*batch) {
			perror(run->args.batch);
			fputs("dig: couldn't open specified batch file\n", stderr);
			return DIG_BATCH;
		}
	}
	return DIG_GO;
}

int cmd_dig(int argc, char **argv)
{
	struct dig_run *run = calloc(1, sizeof *run);
	FILE *batch = NULL;
	if (!run)
		return app_error("dig", "no memory: free some and try again");
	dig_args_init(&run->args, stderr);
	int status = prepare(run, argc, argv, &batch);
	/* Nobody asks a stack that lives for a question. */
	run->stack.ctl_off |= !run->stack.ctl;
	if (status == DIG_GO)
		status = app_start(&run->app, "dig", &run->stack);
	else
		goto out;
	if (status == 0) {
		status = run_all(run, batch);
		app_stop(&run->app);
	}
out:
	if (batch && batch != stdin)
		fclose(batch);
	dig_args_free(&run->args);
	free(run);
	return status;
}
