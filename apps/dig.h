/*
 * tapir dig, in parts: the command line (dig_args.c), what is printed (dig_print.c, dig_json.c, dig_explain.c), the way from the
 * root (dig_trace.c), and the run (dig.c). All but the last two are pure: arguments and replies in, text out.
 */
#ifndef TAPIR_APPS_DIG_H
#define TAPIR_APPS_DIG_H

#include <stdio.h>
#include <time.h>

#include "apps/app.h"
#include "drivers/names.h"

enum {
	DIG_NAME_MAX = DNS_NAME_TEXT_MAX,
	DIG_SERVER_MAX = 256,
	DIG_OPTIONS_MAX = 600, /* octets of EDNS options besides the cookie */
	DIG_LOOKUPS_MAX = 10000,
	DIG_LINE_MAX = 4096, /* of a batch file */
	DIG_WORDS_MAX = 62,  /* of such a line */
	DIG_ATTEMPTS_MAX = 64,
	DIG_SHOWN_MAX = 1100, /* of a word that is quoted */
};

/* dig's exit codes; where several queries end in different ways the highest stands. */
enum dig_exit { DIG_OK = 0, DIG_USAGE = 1, DIG_BATCH = 8, DIG_NO_REPLY = 9, DIG_INTERNAL = 10 };

/* One query and how its reply is to be shown. Options before the first name are every query's; later ones that query's. */
struct dig_query {
	char name[DIG_NAME_MAX];
	uint16_t type, class;
	bool type_set, class_set;
	char server[DIG_SERVER_MAX]; /* "": the configured ones */
	/* of the question */
	bool tcp, tcp_set, ignore_tc, recurse, ad, cd, dnssec, edns, cookie, search, show_search,
		trace, next_on_servfail, cache, x20;
	uint16_t udp_size; /* 0: the default */
	unsigned tries, ndots;
	bool ndots_set;
	char domain[DIG_NAME_MAX]; /* "": that of resolv.conf */
	uint8_t options[DIG_OPTIONS_MAX];
	size_t options_len;
	/* of the text */
	bool comments, question, answer, authority, additional, stats, identify, qr;
	bool multiline, ttl, ttl_units, class_shown, crypto, unknown, expand_aaaa;
	signed char rr_comments; /* 1 on, -1 off, 0 with multiline only */
	int split; /* width of a part of base64 or hex; 0: no split; -1: the default */
	bool json, explain;
	/* said before the reply: the command line, where this query is the first of its line */
	char *greeting;
	bool greet_servers; /* its servers were given before its name, and are counted there */
};

/* What a command line asks for. */
struct dig_args {
	struct dig_query defaults;
	struct dig_query **query; /* in order */
	size_t nqueries;
	const char *batch; /* -f */
	const char *hints; /* --hints, +hints= */
	char hints_text[DIG_LINE_MAX];
	bool brief, cmd; /* +short, +cmd: every query's wherever they stand */
	bool usec;
	bool no_rc;    /* -r: no ~/.digrc */
	uint16_t port; /* -p, 0: 53 */
	uint32_t timeout_s;
	FILE *err; /* stderr, or a test's */
};

/* Where words come from decides what the first options mean. */
enum dig_words { DIG_COMMAND_LINE, DIG_BATCH_LINE, DIG_RC_LINE };

enum { DIG_GO = -1 };

/* A word of a command line or a batch file as an error may quote it: '?' for what does not print, so that no file talks to the terminal. Returns `out`. */
const char *dig_shown(const char *text, char out[DIG_SHOWN_MAX]);
/* Octets of the letter that begins here; 0: what does not print, or might tell a terminal something (C1 in UTF-8 too). */
size_t dig_letter(const char *text);

void dig_args_init(struct dig_args *a, FILE *err);
void dig_args_free(struct dig_args *a);
/*
 * Reads words, argv[0] left out, and appends their queries. DIG_GO, or an exit status after a line or some on a->err: 0 for -h (nothing is
 * printed: the caller has the help) and -v, which is told by a->err too.
 */
int dig_parse(struct dig_args *a, enum dig_words from, int argc, char **argv, bool *help);
/* Where nothing was asked for: the root's name servers. */
int dig_parse_default(struct dig_args *a, int argc, char **argv);
/* Cuts a line of a batch file into words, in place. Returns how many, at most `max`. */
int dig_split(char *line, char **words, int max);
/* Drops queries from the list's end. */
void dig_args_forget(struct dig_args *a, size_t keep);

/* A query's end, for those who tell of it. */
struct dig_result {
	const struct dig_args *args;
	const struct dig_query *q;
	const uint8_t *msg; /* the reply, decoded as m */
	size_t len;
	struct dns_msg m;
	struct tapir_sockaddr server;
	const char *server_name; /* as it was given, or its address */
	enum dns_transport transport;
	uint64_t took_us;
	time_t when;
	/* what was done: attempts of all tries, and the last story's other parts */
	struct dns_attempt attempt[DIG_ATTEMPTS_MAX];
	unsigned nattempts;
	/* the configured servers as they stood before it, where the resolver was to choose */
	struct dns_server_info known[DNS_SERVERS_MAX];
	unsigned nknown;
	enum dns_source source;
	uint32_t cache_age_s;
	bool joined;
	uint16_t query_len;
	uint8_t query[DNS_QUERY_MAX];
	enum dns_status status;
};

/* "192.0.2.53#53" */
void dig_sockaddr_text(const struct tapir_sockaddr *sa, char out[64]);

/* UTF-8 from a server as it may be shown: what is none, and what would move a terminal's cursor, as dots. `out` has room for len + 1. */
size_t dig_utf8(const uint8_t *p, size_t len, char *out);

/*
 * RDATA of a record with its names written out (*b, *len octets), and its text: NULL, with *b NULL too, without memory. Both are the caller's
 * to free.
 */
char *dig_rdata(const struct dns_msg *m, const struct dns_rr *rr, uint8_t **b, size_t *len);

/* The reply as dig shows it: +short, the sections, the statistics. `sent`: the query instead (+qr). */
void dig_print(FILE *f, const struct dig_result *r, bool sent);
/* One record as dig's line, with a newline, in the style that the query asks for. */
void dig_print_rr(FILE *f, const struct dig_query *q, const struct dns_msg *m,
		  const struct dns_rr *rr);
/* Name, class and type of the question without the semicolon in front. */
void dig_print_question(FILE *f, const struct dig_query *q, const struct dns_question *question);

/* One line of JSON: RFC 8427's names, and ours for what it has none for. 0 or -ENOMEM. */
int dig_print_json(FILE *f, const struct dig_result *r);

/* Both messages byte by byte, and the story. */
void dig_explain(FILE *f, const struct dig_result *r);

/* A run: the stack, the resolver over it, and what came of the queries so far. */
struct dig_run {
	struct app app;
	struct stack_opts stack;
	struct names *names;
	unsigned nservers; /* configured: --dns or resolv.conf */
	struct dig_args args;
	struct dig_result result; /* of the last question */
	uint8_t reply[DNS_MSG_MAX];
	char server_text[16]; /* of a server that nobody named */
	unsigned ntold;	      /* attempts of the result that were told of */
	bool server_counted;  /* "(1 server found)" was said */
	int status;	      /* highest of enum dig_exit */
};

struct dig_server {
	struct tapir_sockaddr addr;
	char name[DIG_SERVER_MAX]; /* as dig shows it in parentheses */
};

/*
 * Asks one server once and fills run->result: 0 with a reply in it, 1 without one (the story has why), or -EINTR, -ENODEV, -ENOMEM
 * when there is no point in going on. `flags` are added to what the query asks for.
 */
int dig_ask(struct dig_run *run, const struct dig_query *q, const struct dns_question *question,
	    const struct dig_server *server, unsigned flags);
/* Says why there was no reply, in dig's words, on stdout. */
void dig_print_failure(const struct dig_result *r, const struct dig_server *server,
		       const struct dns_name *name);
/* Says what a query is greeted with, once. */
void dig_greet(struct dig_run *run, struct dig_query *q, unsigned nservers);
/* Addresses of a server's name, at most `max`; 0: none, or -EINTR, -ENODEV. */
int dig_resolve(struct dig_run *run, const char *name, struct dig_server *out, unsigned max);

/*
 * +trace: from the root's servers down. `first` are whom to ask for the root's servers where no hints file is given. 0, an exit status, or as
 * dig_ask().
 */
int dig_trace(struct dig_run *run, const struct dig_query *q, const struct dns_question *question,
	      const struct dig_server *first, unsigned nfirst);

/* Root hints: a file in named.cache's form, or any zone file's of NS, A and AAAA records a line each. */
struct dig_hint {
	struct dns_name name;
	uint32_t ip4; /* 0: none known */
	uint32_t ttl;
};
enum { DIG_HINTS_MAX = 32 };
/* How many servers of the root stand in it, or -EINVAL with the line's number. */
int dig_hints_parse(const char *text, size_t len, struct dig_hint *out, unsigned *line);

#endif
