/*
 * +trace: the way from the root. Each step asks the servers of a zone, one after the other until one is of use, without
 * recursion, and is either referred further down or has the answer:
 *
 *	.                 a.root-servers.test     -> NS of test.        (referral: below ".", above the name)
 *	test.             ns.test. by its glue    -> NS of example.test.
 *	example.test.     ns.elsewhere.           no glue: its address is looked up first
 *
 * A referral must lead down: to a zone below the one that was asked and not below the name itself. So no loop is possible, and the
 * number of labels bounds the steps. Glue counts when it lies in the zone that was asked (bailiwick, RFC 5452 6; RFC 2181 5.4.1).
 *
 * A server without glue is looked up by the resolver where name servers are configured, else by a walk of the same kind, out of
 * sight, that is put on top of the walk that needs it; WALKS_MAX of them, and a name that is being looked for is not looked for twice.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apps/dig.h"
#include "dns/rr.h"

enum {
	WALKS_MAX = 6,
	STEPS_MAX = 40,	   /* of one walk */
	QUERIES_MAX = 400, /* of a trace with all that it looks up */
	ZONE_SERVERS_MAX = 32,
	HINTS_BYTES_MAX = 1 << 20,
};

/* A zone's server. */
struct server {
	struct dns_name name;
	uint32_t ip4;  /* 0: not known */
	bool given_up; /* asked in vain, or no address to be had */
};

struct walk {
	struct dns_question q;
	struct dns_name zone;
	struct server server[ZONE_SERVERS_MAX];
	unsigned nservers, steps;
	bool shown;
};

struct trace {
	struct dig_run *run;
	const struct dig_query *query;
	struct server root[ZONE_SERVERS_MAX];
	unsigned nroot, nqueries, depth;
	struct walk walk[WALKS_MAX];
};

/* What a step leads to. */
enum step { STEP_ON, STEP_DONE, STEP_DEAD };

/* --- root hints --- */

/* A word of a line; false at its end or a comment. */
static bool word(const char **at, const char *end, const char **from, size_t *len)
{
	while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r'))
		++*at;
	*from = *at;
	while (*at < end && !strchr(" \t\r;", **at))
		++*at;
	*len = (size_t)(*at - *from);
	return *len > 0;
}

static bool is_word(const char *p, size_t len, const char *want)
{
	return strlen(want) == len && strncasecmp(p, want, len) == 0;
}

/* "owner [TTL] [IN] TYPE data": an owner left out is that of the line before. Servers of the root, or with `addresses` whose they are. */
static int hint_line(const char *at, const char *end, bool addresses, struct dns_name *owner,
		     struct dig_hint *out, unsigned *n)
{
	const char *p;
	size_t len;
	uint32_t ttl = 3600000, ip4;
	char text[64];
	bool blank = at < end && (*at == ' ' || *at == '\t');
	if (!word(&at, end, &p, &len) || *p == '$')
		return 0;
	if (!blank && (dns_name_parse(owner, p, len, NULL) < 0 || !word(&at, end, &p, &len)))
		return -EINVAL;
	if (*p >= '0' && *p <= '9') {
		ttl = (uint32_t)strtoul(p, NULL, 10);
		if (!word(&at, end, &p, &len))
			return -EINVAL;
	}
	if (is_word(p, len, "IN") && !word(&at, end, &p, &len))
		return -EINVAL;
	bool ns = is_word(p, len, "NS"), a = is_word(p, len, "A");
	if (!ns && !a)
		return is_word(p, len, "AAAA") ? 0 : -EINVAL;
	if (!word(&at, end, &p, &len))
		return -EINVAL;
	if (ns && !addresses && dns_name_is_root(owner) && *n < DIG_HINTS_MAX) {
		out[*n].ttl = ttl;
		out[*n].ip4 = 0;
		if (dns_name_parse(&out[(*n)++].name, p, len, NULL) < 0)
			return -EINVAL;
	}
	if (ns || !addresses)
		return 0;
	snprintf(text, sizeof text, "%.*s", (int)(len < 60 ? len : 60), p);
	if (!opt_ip4(text, &ip4))
		return -EINVAL;
	for (unsigned i = 0; i < *n; i++) {
		if (!out[i].ip4 && dns_name_eq(&out[i].name, owner))
			out[i].ip4 = ip4;
	}
	return 0;
}

int dig_hints_parse(const char *text, size_t len, struct dig_hint *out, unsigned *line)
{
	unsigned n = 0;
	for (int pass = 0; pass < 2; pass++) {
		struct dns_name owner = {.len = 1};
		*line = 0;
		for (size_t at = 0; at < len;) {
			const char *nl = memchr(text + at, '\n', len - at);
			const char *end = nl ? nl : text + len;
			++*line;
			if (hint_line(text + at, end, pass > 0, &owner, out, &n) < 0)
				return -EINVAL;
			at = (size_t)(end - text) + 1;
		}
	}
	return (int)n;
}

/* --- a zone's servers --- */

/* Whether there is room for one more, and it is none of those. */
static bool is_new_server(const struct walk *w, const struct dns_name *name)
{
	for (unsigned i = 0; i < w->nservers; i++) {
		if (dns_name_eq(&w->server[i].name, name))
			return false;
	}
	return w->nservers < ZONE_SERVERS_MAX;
}

/* The address that a section of the reply has for a name, 0: none. */
static uint32_t glue(const struct dns_msg *m, const struct dns_name *name)
{
	struct dns_rr_iter it;
	struct dns_rr rr;
	dns_rr_begin(m, &it);
	while (dns_rr_next(m, &it, &rr)) {
		if (rr.section == DNS_ADDITIONAL && rr.type == DNS_TYPE_A &&
		    rr.class == DNS_CLASS_IN && rr.rdlen == 4 && dns_name_eq(&rr.name, name)) {
			const uint8_t *p = m->b + rr.rdata;
			return TAPIR_IP4(p[0], p[1], p[2], p[3]);
		}
	}
	return 0;
}

/*
 * The servers that a referral to `zone` names. Glue from outside `asked` is nobody's to give. It is looked for, which takes a walk over
 * the whole reply, only for those that are taken: thousands of NS records cost no more than their own length.
 */
static void take_servers(struct walk *w, const struct dns_msg *m, enum dns_section section,
			 const struct dns_name *zone, const struct dns_name *asked)
{
	uint8_t b[DNS_NAME_MAX];
	struct dns_rr_iter it;
	struct dns_rr rr;
	w->nservers = 0;
	dns_rr_begin(m, &it);
	while (dns_rr_next(m, &it, &rr)) {
		struct dns_name ns;
		if (rr.section != section || rr.type != DNS_TYPE_NS || !dns_name_eq(&rr.name, zone))
			continue;
		int len = dns_rdata_expand(m, &rr, b, sizeof b);
		if (len < 0 || dns_rdata_name(DNS_TYPE_NS, b, (size_t)len, &ns) < 0)
			continue;
		if (is_new_server(w, &ns))
			w->server[w->nservers++] =
				(struct server){.name = ns,
						.ip4 = dns_name_under(&ns, asked) ? glue(m, &ns)
										  : 0};
	}
}

/* The zone that a reply refers to: the owner of NS records in its authority section. */
static bool referral(const struct dns_msg *m, struct dns_name *zone)
{
	struct dns_rr_iter it;
	struct dns_rr rr;
	bool found = false;
	dns_rr_begin(m, &it);
	while (dns_rr_next(m, &it, &rr)) {
		if (rr.section == DNS_AUTHORITY && rr.type == DNS_TYPE_SOA)
			return false; /* a negative answer (RFC 2308 2) */
		if (rr.section == DNS_AUTHORITY && rr.type == DNS_TYPE_NS && !found) {
			*zone = rr.name;
			found = true;
		}
	}
	return found;
}

/* --- what is shown --- */

static char *text_of(const struct dns_name *n, char out[DNS_NAME_TEXT_MAX])
{
	dns_name_text(n, out);
	return out;
}

/* A reply of the walk that people look at. A server that is known by its address alone has that for a name. */
static void show(struct trace *t, const struct walk *w, bool final)
{
	const struct dig_result *r = &t->run->result;
	if (!w->shown)
		return;
	if (t->query->json) {
		dig_print_json(stdout, r);
		return;
	}
	if (!t->run->args.brief || final)
		dig_print(stdout, r, false);
	if (t->query->explain)
		dig_explain(stdout, r);
}

/* Something that a trace has to say by itself. */
__attribute__((format(printf, 3, 4))) static void say(const struct trace *t, const struct walk *w,
						      const char *fmt, ...)
{
	va_list ap;
	if (!w->shown || t->query->json)
		return;
	va_start(ap, fmt);
	fputs(";; ", stdout);
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
	fflush(stdout);
}

static int say_enough(const struct trace *t, const struct walk *w)
{
	say(t, w, "more than %d queries: given up", QUERIES_MAX);
	return 0;
}

/* --- steps --- */

static bool is_being_walked(const struct trace *t, const struct dns_name *name)
{
	for (unsigned i = 0; i < t->depth; i++) {
		if (t->walk[i].q.type == DNS_TYPE_A && dns_name_eq(&t->walk[i].q.name, name))
			return true;
	}
	return false;
}

static void push(struct trace *t, const struct dns_question *q, bool shown)
{
	struct walk *w = &t->walk[t->depth++];
	*w = (struct walk){.q = *q, .zone = {.len = 1}, .nservers = t->nroot, .shown = shown};
	memcpy(w->server, t->root, t->nroot * sizeof t->root[0]);
}

/* A server without an address: asked for, or a walk begun that finds it. */
static int find_address(struct trace *t, struct walk *w, struct server *s)
{
	char name[DNS_NAME_TEXT_MAX];
	struct dig_server found;
	text_of(&s->name, name);
	if (t->run->nservers > 0) {
		/* It counts: a delegation to thousands of names without addresses is an old trick. */
		if (++t->nqueries > QUERIES_MAX)
			return say_enough(t, w);
		int n = dig_resolve(t->run, name, &found, 1);
		if (n < 0)
			return n;
		if (n > 0)
			s->ip4 = tapir_addr_to_v4(&found.addr.addr);
	} else if (t->depth < WALKS_MAX && !is_being_walked(t, &s->name)) {
		const struct dns_question q = {s->name, DNS_TYPE_A, DNS_CLASS_IN};
		push(t, &q, false);
		return 0;
	}
	if (!s->ip4) {
		s->given_up = true;
		say(t, w, "couldn't get address for '%s': not found", name);
	}
	return 0;
}

/* What a reply is good for. STEP_DEAD: nothing, on to the next server. */
static enum step judge(struct trace *t, struct walk *w, const struct dig_server *server)
{
	const struct dns_msg *m = &t->run->result.m;
	char rcode[16], zone[DNS_NAME_TEXT_MAX], where[64];
	struct dns_name down;
	dig_sockaddr_text(&server->addr, where);
	dns_rcode_text(m->rcode, rcode);
	if (m->rcode != DNS_RCODE_NOERROR && m->rcode != DNS_RCODE_NXDOMAIN) {
		say(t, w, "lame: %s(%s) says %s about %s", where, server->name, rcode,
		    text_of(&w->zone, zone));
		return STEP_DEAD;
	}
	if (m->count[DNS_ANSWER] > 0 || m->rcode == DNS_RCODE_NXDOMAIN || !referral(m, &down)) {
		show(t, w, true);
		return STEP_DONE;
	}
	if (!dns_name_under(&w->q.name, &down) || !dns_name_under(&down, &w->zone) ||
	    dns_name_eq(&down, &w->zone)) {
		/* RFC 1034 5.3.3, 4b: a referral leads closer to the name, or the server is lame. */
		say(t, w, "BAD %sREFERRAL: %s(%s) refers to %s",
		    dns_name_eq(&down, &w->zone) ? "(HORIZONTAL) " : "", where, server->name,
		    text_of(&down, zone));
		return STEP_DEAD;
	}
	show(t, w, false);
	take_servers(w, m, DNS_AUTHORITY, &down, &w->zone);
	w->zone = down;
	w->steps++;
	return STEP_ON;
}

/* Asks a server of the walk's zone that has an address. A step, or as dig_ask(). */
static int ask(struct trace *t, struct walk *w, struct server *s)
{
	struct dig_server server = {.addr = tapir_sockaddr_v4(s->ip4, t->run->args.port)};
	char name[DNS_NAME_TEXT_MAX];
	size_t len = dns_name_text(&s->name, name);
	if (len > 1)
		name[len - 1] = 0;
	snprintf(server.name, sizeof server.name, "%.*s", DIG_SERVER_MAX - 1, name);
	t->run->result.nattempts = 0;
	t->run->result.query_len = 0;
	for (unsigned i = 0; i < t->query->tries; i++) {
		if (++t->nqueries > QUERIES_MAX) {
			say_enough(t, w);
			return STEP_DEAD;
		}
		int err = dig_ask(t->run, t->query, &w->q, &server, DNS_Q_NO_RD);
		if (err < 0)
			return err;
		if (err == 0)
			return (int)judge(t, w, &server);
		if (w->shown && !t->query->json)
			dig_print_failure(&t->run->result, &server, &w->q.name);
		fflush(stdout);
	}
	return STEP_DEAD;
}

/* One thing done for the walk on top: STEP_ON, STEP_DONE it is over, STEP_DEAD it leads nowhere; or as dig_ask(). */
static int step(struct trace *t)
{
	struct walk *w = &t->walk[t->depth - 1];
	char zone[DNS_NAME_TEXT_MAX];
	struct server *s = NULL;
	if (w->steps >= STEPS_MAX || t->nqueries > QUERIES_MAX) {
		if (w->steps >= STEPS_MAX)
			say(t, w, "more than %d steps: given up", STEPS_MAX);
		return STEP_DEAD;
	}
	/* Those whose address is known first. */
	for (unsigned i = 0; i < w->nservers; i++) {
		struct server *one = &w->server[i];
		if (!one->given_up && (!s || (!s->ip4 && one->ip4)))
			s = one;
	}
	if (!s) {
		say(t, w, "no server of %s is of use", text_of(&w->zone, zone));
		return STEP_DEAD;
	}
	if (!s->ip4) {
		int err = find_address(t, w, s);
		return err < 0 ? err : STEP_ON;
	}
	s->given_up = true; /* unless it is of use */
	int next = ask(t, w, s);
	return next == STEP_DEAD ? STEP_ON : next;
}

/* A walk out of sight is over: its address goes to who waits for it. */
static void hand_down(struct trace *t, bool found)
{
	const struct walk *done = &t->walk[t->depth];
	struct walk *w = &t->walk[t->depth - 1];
	const struct dns_msg *m = &t->run->result.m;
	char name[DNS_NAME_TEXT_MAX];
	struct dns_rr_iter it;
	struct dns_rr rr;
	uint32_t ip4 = 0;
	if (found)
		dns_rr_begin(m, &it);
	while (found && !ip4 && dns_rr_next(m, &it, &rr)) {
		const uint8_t *p = m->b + rr.rdata;
		if (rr.section == DNS_ANSWER && rr.type == DNS_TYPE_A && rr.rdlen == 4 &&
		    dns_name_eq(&rr.name, &done->q.name))
			ip4 = TAPIR_IP4(p[0], p[1], p[2], p[3]);
	}
	for (unsigned i = 0; i < w->nservers; i++) {
		if (!dns_name_eq(&w->server[i].name, &done->q.name))
			continue;
		w->server[i].ip4 = ip4;
		w->server[i].given_up = !ip4;
		if (!ip4)
			say(t, w, "couldn't get address for '%s': not found",
			    text_of(&done->q.name, name));
	}
}

/* --- the root --- */

/* The servers of the root from the file, shown as the records that they are. */
static int root_from_file(struct trace *t, const char *path)
{
	struct dig_hint hint[DIG_HINTS_MAX];
	char *text = malloc(HINTS_BYTES_MAX);
	char name[DNS_NAME_TEXT_MAX], shown[DIG_SHOWN_MAX];
	unsigned line = 0;
	int n = -1;
	FILE *f = text ? fopen(path, "re") : NULL;
	if (!text)
		return -ENOMEM;
	path = dig_shown(path, shown);
	if (f) {
		size_t len = fread(text, 1, HINTS_BYTES_MAX, f);
		n = ferror(f) ? -1 : dig_hints_parse(text, len, hint, &line);
		if (n < 0 && !ferror(f))
			app_error("dig",
				  "%s: line %u is no NS, A or AAAA record: give a file like "
				  "named.cache",
				  path, line);
		else if (n == 0)
			app_error("dig",
				  "%s: no server of the root stands there: give a file like "
				  "named.cache",
				  path);
	}
	if (!f || ferror(f))
		app_error("dig", "%s: %s: give a file of root hints", path, strerror(errno));
	if (f)
		fclose(f);
	free(text);
	if (n <= 0)
		return DIG_USAGE;
	for (int i = 0; i < n; i++) {
		t->root[i] = (struct server){.name = hint[i].name, .ip4 = hint[i].ip4};
		if (!t->run->args.brief && !t->query->json)
			printf(".\t\t\t%" PRIu32 "\tIN\tNS\t%s\n", hint[i].ttl,
			       text_of(&hint[i].name, name));
	}
	t->nroot = (unsigned)n;
	if (!t->run->args.brief && !t->query->json)
		printf(";; Read %d server%s of the root from %s\n\n", n, n == 1 ? "" : "s", path);
	return 0;
}

/* dig's way without hints: a server is asked for them, with recursion. */
static int root_from_server(struct trace *t, const struct dig_server *first, unsigned nfirst)
{
	const struct dns_question q = {{.len = 1}, DNS_TYPE_NS, DNS_CLASS_IN};
	struct dig_query plain = *t->query;
	struct dig_result *r = &t->run->result;
	struct walk *w = &t->walk[0];
	plain.recurse = true;
	*w = (struct walk){.q = q, .zone = {.len = 1}, .shown = true};
	for (unsigned i = 0; i < nfirst; i++) {
		for (unsigned k = 0; k < (i == 0 ? t->query->tries : 1); k++) {
			r->nattempts = 0;
			int err = dig_ask(t->run, &plain, &q, &first[i], 0);
			if (err < 0)
				return err;
			if (err > 0) {
				dig_print_failure(r, &first[i], &q.name);
				continue;
			}
			show(t, w, false);
			take_servers(w, &r->m, DNS_ANSWER, &q.name, &q.name);
			memcpy(t->root, w->server, sizeof t->root);
			t->nroot = w->nservers;
			if (t->nroot)
				return 0;
			say(t, w, "no server of the root is known to %s: give --hints FILE",
			    first[i].name);
			return DIG_NO_REPLY;
		}
	}
	puts(";; no servers could be reached");
	return DIG_NO_REPLY;
}

static int walk_down(struct trace *t, const struct dns_question *question)
{
	int next = STEP_ON;
	push(t, question, true);
	while (t->depth > 0) {
		next = step(t);
		if (next < 0)
			return next;
		if (next == STEP_ON)
			continue;
		if (--t->depth > 0)
			hand_down(t, next == STEP_DONE);
	}
	return next == STEP_DONE ? 0 : DIG_NO_REPLY;
}

int dig_trace(struct dig_run *run, const struct dig_query *q, const struct dns_question *question,
	      const struct dig_server *first, unsigned nfirst)
{
	struct trace *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->run = run;
	t->query = q;
	int err = run->args.hints ? root_from_file(t, run->args.hints)
				  : root_from_server(t, first, nfirst);
	if (err == 0)
		err = walk_down(t, question);
	free(t);
	return err;
}
