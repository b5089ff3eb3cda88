/*
 * tapir dns: the resolver of a stack that runs, asked over its control socket.
 *
 *	cache           what it remembers, in the order of the names, each with the seconds that it is still good for
 *	flush [NAME]    makes it forget NAME and what is below, or all
 *	query NAME      asks it, as the stack's own programs would
 *	servers, stats  what it knows of its name servers, and its figures
 *
 * Lines are those of a zone file, what is no record a comment in it; --json has everything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/cmd.h"
#include "apps/ctl_client.h"
#include "dns/rr.h"

enum {
	ENTRIES_MAX = 1000000,
	QUERY_MS = 60000, /* longer than any query takes */
};

struct dns_cmd {
	struct ctl_conn conn; /* first: ctl_set_path() */
	bool json;
	char **word; /* operands behind the first */
	int nwords;
};

static int set_json(void *to, const char *value, struct opt_why *why)
{
	(void)value;
	(void)why;
	((struct dns_cmd *)to)->json = true;
	return 0;
}

static const struct opt options[] = {
	{"json", 0, NULL, "as JSON, with all that is known", set_json},
	CTL_CLIENT_OPT,
};

/* Asks for all parts of an answer, lists joined. NULL: a line on stderr has said why not. */
static json_t *ask(struct dns_cmd *c, json_t *request)
{
	struct opt_why why = {""};
	json_t *value, *all = NULL;
	bool more;
	enum ctl_answer a = ctl_ask(&c->conn, request, &value, &more, &why);

	while (a == CTL_OK) {
		if (!all) {
			all = value;
		} else {
			json_array_extend(all, value);
			json_decref(value);
		}
		if (!more || json_array_size(all) > ENTRIES_MAX)
			return all;
		a = ctl_more(&c->conn, &value, &more, &why);
	}
	json_decref(all);
	if (a == CTL_REFUSED)
		ctl_told(&c->conn, why.text);
	return NULL;
}

static const char *str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static int print_json(const json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
	return 0;
}

/* --- cache --- */

/* An entry beside what it is sorted by. */
struct entry {
	struct dns_name name;
	uint16_t type;
	json_t *j; /* the list's */
};

static int in_order(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int d = dns_name_cmp(&x->name, &y->name);

	return d ? d : (int)x->type - (int)y->type;
}

/* The list in the canonical order of its names (RFC 4034 6.1), or NULL: no memory. */
static json_t *sorted(const json_t *list)
{
	size_t n = json_array_size(list);
	struct entry *e = calloc(n + 1, sizeof *e);
	json_t *out = json_array();

	for (size_t i = 0; e && i < n; i++) {
		const char *name, *type;

		e[i].j = json_array_get(list, i);
		name = str(e[i].j, "name");
		type = str(e[i].j, "type");
		if (dns_name_parse(&e[i].name, name, strlen(name), NULL) < 0)
			e[i].name = (struct dns_name){.len = 1};
		dns_type_parse(type, strlen(type), &e[i].type);
	}
	if (e)
		qsort(e, n, sizeof *e, in_order);
	for (size_t i = 0; e && i < n; i++)
		json_array_append(out, e[i].j);
	free(e);
	return e ? out : NULL;
}

static void print_records(const json_t *reply)
{
	const json_t *list = json_object_get(reply, "records");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *line = json_string_value(json_array_get(list, i));

		ctl_puts(line ? line : "", stdout);
		putchar('\n');
	}
	if (number(reply, "left_out"))
		printf("; and %lld more\n", (long long)number(reply, "left_out"));
}

/* "; gone.example.  57  IN  A  NXDOMAIN" */
static void print_negative(const json_t *entry)
{
	fputs("; ", stdout);
	ctl_puts(str(entry, "name"), stdout);
	printf("\t%lld\t", (long long)number(entry, "ttl"));
	ctl_puts(str(entry, "class"), stdout);
	putchar('\t');
	ctl_puts(str(entry, "type"), stdout);
	putchar('\t');
	ctl_puts(str(entry, "status"), stdout);
	putchar('\n');
}

static int do_cache(struct dns_cmd *c)
{
	json_t *list = ask(c, json_pack("{s:s}", "verb", "dns.cache"));
	json_t *stats = list ? ask(c, json_pack("{s:s}", "verb", "dns.stats")) : NULL;
	json_t *all = stats ? sorted(list) : NULL;

	if (all && c->json) {
		print_json(all);
	} else if (all) {
		for (size_t i = 0; i < json_array_size(all); i++) {
			const json_t *entry = json_array_get(all, i);

			if (strcmp(str(entry, "status"), "NOERROR") == 0)
				print_records(entry);
			else
				print_negative(entry);
		}
		printf("; %zu %s, %lld bytes\n", json_array_size(all),
		       json_array_size(all) == 1 ? "entry" : "entries",
		       (long long)number(stats, "cache_bytes"));
	}
	json_decref(list);
	json_decref(stats);
	json_decref(all);
	return all ? 0 : 1;
}

static int do_flush(struct dns_cmd *c)
{
	json_t *request = json_pack("{s:s}", "verb", "dns.flush");

	if (c->nwords)
		json_object_set_new(request, "below", json_string(c->word[0]));
	json_t *j = ask(c, request);
	if (j && c->json)
		print_json(j);
	else if (j)
		printf("%lld %s forgotten\n", (long long)number(j, "entries"),
		       number(j, "entries") == 1 ? "entry" : "entries");
	json_decref(j);
	return j ? 0 : 1;
}

/* --- query --- */

/* What could be asked of no stack is a matter of usage: 0, or 2 after a line. */
static int check_question(const struct dns_cmd *c)
{
	struct dns_name name;
	uint16_t type;

	if (c->nwords > 1 && dns_type_parse(c->word[1], strlen(c->word[1]), &type) < 0)
		return opts_error("dns", c->word[1],
				  "not a record type: give one like A or TYPE65");
	if (dns_name_parse(&name, c->word[0], strlen(c->word[0]), NULL) < 0)
		return opts_error("dns", c->word[0],
				  "not a domain name: give one like www.example.com");
	return 0;
}

static int do_query(struct dns_cmd *c)
{
	json_t *request = json_pack("{s:s,s:s,s:s}", "verb", "dns.query", "name", c->word[0],
				    "type", c->nwords > 1 ? c->word[1] : "A");
	int status = 1;

	c->conn.patience_ms = QUERY_MS;
	json_t *j = ask(c, request);
	if (!j)
		return 1;
	bool good = strcmp(str(j, "status"), "NOERROR") == 0;
	if (c->json) {
		print_json(j);
		status = good ? 0 : 1;
	} else if (good) {
		print_records(j);
		printf("; from: %s, in %lld.%03lld ms\n", str(j, "source"),
		       (long long)number(j, "took_us") / 1000,
		       (long long)number(j, "took_us") % 1000);
		status = 0;
	} else {
		char text[600];

		bool none = strcmp(str(j, "status"), "NOSERVER") == 0;
		const char *more = str(j, "ede_text");
		snprintf(text, sizeof text, "%.300s: %.60s%s%.150s%s%s", c->word[0], str(j, "text"),
			 *more ? " (" : "", more, *more ? ")" : "",
			 none ? ": start the stack with --dns ADDR" : "");
		ctl_told(&c->conn, text);
	}
	json_decref(j);
	return status;
}

/* --- figures --- */

static bool is(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static int do_servers(struct dns_cmd *c)
{
	json_t *list = ask(c, json_pack("{s:s}", "verb", "dns.servers"));

	if (list && c->json)
		print_json(list);
	for (size_t i = 0; !c->json && i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);
		long long us = number(s, "srtt_us");

		ctl_puts(str(s, "address"), stdout);
		printf("#%lld\tsent %lld\tanswered %lld\t", (long long)number(s, "port"),
		       (long long)number(s, "sent"), (long long)number(s, "answered"));
		if (us)
			printf("%lld.%03lld ms", us / 1000, us % 1000);
		else
			fputs("-", stdout);
		printf("\tfailures %lld%s%s%s%s%s\n", (long long)number(s, "failures"),
		       is(s, "dead") ? ", dead" : "", is(s, "edns") ? ", EDNS" : "",
		       is(s, "cookie") ? ", cookie" : "", is(s, "case") ? ", keeps case" : "",
		       is(s, "tcp_open") ? ", TCP" : "");
	}
	if (list && !c->json && json_array_size(list) == 0)
		puts("; no name servers: start the stack with --dns ADDR");
	json_decref(list);
	return list ? 0 : 1;
}

static int do_stats(struct dns_cmd *c)
{
	json_t *j = ask(c, json_pack("{s:s}", "verb", "dns.stats"));
	const char *key;
	json_t *value;

	if (j && c->json) {
		print_json(j);
	} else {
		json_object_foreach(j, key, value)
		{
			ctl_puts(key, stdout);
			printf(" = %lld\n", (long long)json_integer_value(value));
		}
	}
	json_decref(j);
	return j ? 0 : 1;
}

static const struct {
	const char *name;
	int (*run)(struct dns_cmd *c);
	int min, max; /* words behind it */
	const char *usage;
} actions[] = {
	{"cache", do_cache, 0, 0, "tapir dns cache"},
	{"flush", do_flush, 0, 1, "tapir dns flush [NAME]"},
	{"query", do_query, 1, 2, "tapir dns query NAME [TYPE]"},
	{"servers", do_servers, 0, 0, "tapir dns servers"},
	{"stats", do_stats, 0, 0, "tapir dns stats"},
};

/* Runs one action with its words. */
static int run(struct dns_cmd *c, const char *name)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		struct opt_why why = {""};
		int status;

		if (strcmp(actions[i].name, name) != 0)
			continue;
		if (c->nwords < actions[i].min || c->nwords > actions[i].max) {
			opt_refuse(&why, "%s: give '%s'",
				   c->nwords < actions[i].min ? "a word is missing"
							      : "too many words",
				   actions[i].usage);
			return opts_error("dns", name, why.text);
		}
		for (int k = 0; k < c->nwords; k++) {
			json_t *text = json_string(c->word[k]);

			if (!text)
				return opts_error("dns", c->word[k],
						  "not text: write octets as \\DDD");
			json_decref(text);
		}
		status = actions[i].run == do_query ? check_question(c) : 0;
		if (status)
			return status;
		status = ctl_open(&c->conn, "dns");
		if (status)
			return status;
		status = actions[i].run(c);
		ctl_close(&c->conn);
		return status;
	}
	return opts_error("dns", name,
			  "no such action: give cache, flush, query, servers or stats");
}

int cmd_dns(int argc, char **argv)
{
	struct dns_cmd c = {.json = false};
	int first;
	const struct opt_command cmd = {
		.name = "dns",
		.operands = "cache | flush [NAME] | query NAME [TYPE] | servers | stats",
		.about = "Asks the resolver of a stack that runs: what its cache holds and for how "
			 "many seconds,\nto forget it, or NAME and all below; a question of yours; "
			 "its servers; its figures.\nExit status: 0 done, 1 no such name or no "
			 "answer, 2 usage.",
		.opts = options,
		.nopts = sizeof options / sizeof *options,
		.to = &c,
		.max_operands = 3,
	};
	int status = opts_parse(&cmd, argc, argv, &first);

	if (status != OPTS_GO)
		return status;
	if (first == argc)
		return opts_error("dns", "an action",
				  "missing: give cache, flush, query, servers or stats");
	c.word = argv + first + 1;
	c.nwords = argc - first - 1;
	status = run(&c, argv[first]);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("tapir dns: stdout");
		return 1;
	}
	return status;
}
