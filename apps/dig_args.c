/*
 * dig's command line. Words are read once, left to right: "@server", "+option", "-letter", and all others are type, class or name
 * by what they look like and by what came before. There is one query that all others are copies of; until the first name
 * it is the one that options change, so that they hold for all. After a name they change that query alone.
 *
 *	dig +tcp @a  x.example mx +short   y.example
 *	    `------'  `--------------'      `-------'
 *	    of all    the first's           the second, over TCP to a
 *
 * A "+option" may be cut short as long as one name begins so. Names that dig has and we don't are in the table as well: so
 * that what is ambiguous for dig is ambiguous here, and that they are refused with a reason.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apps/dig.h"
#include "apps/opts.h"
#include "dns/addrinfo.h"
#include "dns/rr.h"
#include "stack/tapir.h"

void dig_args_init(struct dig_args *a, FILE *err)
{
	*a = (struct dig_args){.cmd = true, .timeout_s = 5, .err = err};
	a->defaults = (struct dig_query){
		.type = DNS_TYPE_A,
		.class = DNS_CLASS_IN,
		.recurse = true,
		.ad = true,
		.edns = true,
		.cookie = true,
		.tries = 3,
		.comments = true,
		.question = true,
		.answer = true,
		.authority = true,
		.additional = true,
		.stats = true,
		.ttl = true,
		.class_shown = true,
		.crypto = true,
		.split = -1,
	};
}

void dig_args_forget(struct dig_args *a, size_t keep)
{
	while (a->nqueries > keep) {
		struct dig_query *q = a->query[--a->nqueries];
		free(q->greeting);
		free(q);
	}
}

void dig_args_free(struct dig_args *a)
{
	dig_args_forget(a, 0);
	free(a->query);
	a->query = NULL;
}

int dig_split(char *line, char **words, int max)
{
	int n = 0;
	char *save = NULL;
	for (char *w = strtok_r(line, " \t\r\n", &save); w && n < max;
	     w = strtok_r(NULL, " \t\r\n", &save))
		words[n++] = w;
	return n;
}

/* --- +options --- */

enum plus {
	P_ADDITIONAL,
	P_AD,
	P_ALL,
	P_ANSWER,
	P_AUTHORITY,
	P_BUFSIZE,
	P_CACHE,
	P_CD,
	P_CLASS,
	P_CMD,
	P_COMMENTS,
	P_COOKIE,
	P_CRYPTO,
	P_DNSSEC,
	P_DOMAIN,
	P_EDNS,
	P_EDNSOPT,
	P_EXPANDAAAA,
	P_EXPLAIN,
	P_FAIL,
	P_HINTS,
	P_IDENTIFY,
	P_IGNORE,
	P_JSON,
	P_KEEPALIVE,
	P_MULTILINE,
	P_NDOTS,
	P_NSID,
	P_QR,
	P_QUESTION,
	P_RECURSE,
	P_RETRY,
	P_RRCOMMENTS,
	P_SEARCH,
	P_SHORT,
	P_SHOWSEARCH,
	P_SPLIT,
	P_STATS,
	P_SUBNET,
	P_TCP,
	P_TIME,
	P_TRACE,
	P_TRIES,
	P_TTL,
	P_TTLUNITS,
	P_UNKNOWN,
	P_X20,
	P_NOTHING, /* said and not needed: we do so anyway, or it is of no effect in dig either */
	P_REFUSED, /* dig has it, we don't */
};

enum value { NONE, MAY, MUST };

/* The names; several of one meaning. An exact name comes before all that it begins. */
static const struct plus_row {
	const char *name;
	enum plus what;
	enum value value;
} rows[] = {
#define PLUS(name, what, value) {name, P_##what, value},
#include "apps/dig_plus.def"
#undef PLUS
};

/* The row that a word of `len` letters means: an exact name, or the one meaning that all names with this beginning have. NULL: none or several. */
static const struct plus_row *find_row(const char *word, size_t len)
{
	const struct plus_row *found = NULL;
	bool several = false;
	for (size_t i = 0; len && i < sizeof rows / sizeof *rows; i++) {
		if (strncasecmp(rows[i].name, word, len) != 0)
			continue;
		if (rows[i].name[len] == 0)
			return &rows[i];
		several |= found && (found->what != rows[i].what || found->what >= P_NOTHING);
		found = &rows[i];
	}
	return several ? NULL : found;
}

static int usage(const struct dig_args *a)
{
	fputs("Usage:  tapir dig [options] [@server] name [type] [class] [+option...] [name...]\n"
	      "Use \"tapir dig -h\" for the options\n",
	      a->err);
	return DIG_USAGE;
}

static int invalid(const struct dig_args *a, char sign, const char *word)
{
	char shown[DIG_SHOWN_MAX];
	fprintf(a->err, "Invalid option: %c%s\n", sign, dig_shown(word, shown));
	return usage(a);
}

/* dig's own words, and its exit status for a number. */
static int bad_number(const struct dig_args *a, const char *value, const char *what,
		      const char *why)
{
	char shown[DIG_SHOWN_MAX];
	fprintf(a->err, "invalid %s '%s': %s\ndig: Couldn't parse %s\n", what,
		dig_shown(value, shown), why, what);
	return DIG_INTERNAL;
}

static int number(const struct dig_args *a, const char *value, const char *what, unsigned long max,
		  unsigned long *out)
{
	char *end;
	errno = 0;
	unsigned long v = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end)
		return bad_number(a, value, what, "not a valid number");
	if (errno || v > max)
		return bad_number(a, value, what, "out of range");
	*out = v;
	return DIG_GO;
}

static int add_option(struct dig_args *a, struct dig_query *q, uint16_t code, const void *p,
		      size_t n)
{
	if (dns_put_option(q->options, sizeof q->options, &q->options_len, code, p, n) == 0)
		return DIG_GO;
	fputs("dig: too many EDNS options\n", a->err);
	return DIG_USAGE;
}

/* An option given before is taken out. */
static void drop_option(struct dig_query *q, uint16_t code)
{
	size_t at = 0;
	while (at + 4 <= q->options_len) {
		uint8_t *o = q->options + at;
		size_t n = 4 + (size_t)(o[2] << 8 | o[3]);
		if ((o[0] << 8 | o[1]) == code) {
			memmove(o, o + n, q->options_len - at - n);
			q->options_len -= n;
		} else {
			at += n;
		}
	}
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? (tolower((unsigned char)c) - 'a') + 10
					    : -1;
}

/* Octets from hexadecimal: how many, or -1. */
static int unhex(const char *text, uint8_t *out, size_t cap)
{
	size_t n = 0;
	for (; *text; text += 2, n++) {
		int hi = hex_digit(text[0]), lo = hi < 0 ? -1 : hex_digit(text[1]);
		if (lo < 0 || n == cap)
			return -1;
		out[n] = (uint8_t)(hi << 4 | lo);
	}
	return (int)n;
}

/* +ednsopt=CODE[:HEX] */
static int set_ednsopt(struct dig_args *a, struct dig_query *q, const char *value)
{
	static const struct {
		const char *name;
		uint16_t code;
	} names[] = {{"NSID", DNS_OPT_NSID},
		     {"ECS", DNS_OPT_CLIENT_SUBNET},
		     {"EXPIRE", 9},
		     {"COOKIE", DNS_OPT_COOKIE},
		     {"KEEPALIVE", DNS_OPT_KEEPALIVE},
		     {"PADDING", DNS_OPT_PADDING},
		     {"PAD", DNS_OPT_PADDING},
		     {"CHAIN", 13},
		     {"KEY-TAG", 14},
		     {"EDE", DNS_OPT_EDE}};
	uint8_t octets[DIG_OPTIONS_MAX];
	const char *colon = strchr(value, ':');
	size_t len = colon ? (size_t)(colon - value) : strlen(value);
	unsigned long code = 0;
	char text[16], shown[DIG_SHOWN_MAX];
	int n = colon ? unhex(colon + 1, octets, sizeof octets) : 0;
	if (n < 0) {
		fprintf(a->err,
			"dig: +ednsopt=%s: hexadecimal digits are to stand behind the colon\n",
			dig_shown(value, shown));
		return DIG_USAGE;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strlen(names[i].name) == len && strncasecmp(names[i].name, value, len) == 0)
			return add_option(a, q, names[i].code, octets, (size_t)n);
	}
	snprintf(text, sizeof text, "%.*s", (int)(len < 12 ? len : 12), value);
	int status = number(a, text, "ednsopt", 65535, &code);
	return status == DIG_GO ? add_option(a, q, (uint16_t)code, octets, (size_t)n) : status;
}

/* +subnet=ADDR[/LEN]: RFC 7871 6. */
static int set_subnet(struct dig_args *a, struct dig_query *q, const char *value)
{
	char text[64], shown[DIG_SHOWN_MAX];
	struct dns_addr addr = {.family = DNS_AF_INET};
	unsigned long len = 0;
	const char *slash = strchr(value, '/');
	size_t n = slash ? (size_t)(slash - value) : strlen(value);
	snprintf(text, sizeof text, "%.*s", (int)(n < 60 ? n : 60), value);
	bool none = strcmp(text, "0") == 0; /* "+subnet=0": no address at all */
	if (!none && dns_addr_parse(text, false, &addr) < 0) {
		fprintf(a->err, "dig: invalid prefix %s\n", dig_shown(value, shown));
		return DIG_USAGE;
	}
	unsigned long most = addr.family == DNS_AF_INET6 ? 128 : 32;
	len = none ? 0 : most;
	if (slash) {
		int status = number(a, slash + 1, "prefix length", most, &len);
		if (status != DIG_GO)
			return status;
	}
	uint8_t option[20] = {0, addr.family == DNS_AF_INET6 ? 2 : 1, (uint8_t)len, 0};
	size_t octets = (len + 7) / 8;
	const uint8_t *from = addr.addr.b + (addr.family == DNS_AF_INET6 ? 0 : 12);
	memcpy(option + 4, from, octets);
	if (len % 8)
		option[4 + octets - 1] &= (uint8_t)(0xff00u >> len % 8);
	drop_option(q, DNS_OPT_CLIENT_SUBNET);
	return add_option(a, q, DNS_OPT_CLIENT_SUBNET, option, 4 + octets);
}

/* What we can't: the word, and why. */
static int refuse(const struct dig_args *a, const char *name)
{
	const char *why = "dig has it, tapir dig does not: leave it out";
	if (strncmp(name, "tls", 3) == 0 || strncmp(name, "http", 4) == 0)
		why = "DNS over TLS and HTTPS are not built yet: leave it out, or +tcp";
	else if (strcmp(name, "yaml") == 0)
		why = "not supported: +json has the same";
	else if (strncmp(name, "idn", 3) == 0)
		why = "names in other scripts (IDN) are not supported: give their xn-- form";
	fprintf(a->err, "dig: +%s: %s\n", name, why);
	return DIG_USAGE;
}

static void set_all(struct dig_args *a, struct dig_query *q, bool on)
{
	a->cmd = q->question = q->answer = q->authority = q->additional = on;
	q->comments = q->stats = on;
}

static void set_short(struct dig_args *a, struct dig_query *q, bool on)
{
	a->brief = on;
	if (!on)
		return;
	a->cmd = q->question = q->authority = q->additional = q->comments = q->stats = false;
	q->answer = true;
	q->rr_comments = -1;
}

static void set_trace(struct dig_query *q, bool on)
{
	q->trace = on;
	if (!on)
		return;
	q->recurse = q->comments = q->question = q->additional = q->stats = q->search = false;
	q->identify = q->authority = q->dnssec = q->edns = q->cookie = true;
}

/* Those with a number. */
static int plus_number(struct dig_args *a, struct dig_query *q, enum plus what, const char *value)
{
	unsigned long v = 0;
	int status;
	switch ((int)what) {
	case P_BUFSIZE:
		status = number(a, value, "buffer size", 65535, &v);
		if (status == DIG_GO) {
			q->udp_size = (uint16_t)v;
			q->edns = true;
		}
		return status;
	case P_TIME:
		status = number(a, value, "timeout", 65535, &v);
		if (status == DIG_GO)
			a->timeout_s = v ? (uint32_t)v : 1;
		return status;
	case P_TRIES:
		status = number(a, value, "tries", UINT32_MAX, &v);
		if (status == DIG_GO)
			q->tries = v ? (unsigned)(v < 1000 ? v : 1000) : 1;
		return status;
	case P_RETRY:
		status = number(a, value, "retries", UINT32_MAX - 1, &v);
		if (status == DIG_GO)
			q->tries = (unsigned)(v < 1000 ? v : 999) + 1;
		return status;
	case P_NDOTS:
		status = number(a, value, "ndots", 65535, &v);
		if (status == DIG_GO) {
			q->ndots = (unsigned)v;
			q->ndots_set = true;
		}
		return status;
	case P_SPLIT:
		status = number(a, value, "split", 1023, &v);
		if (status == DIG_GO)
			q->split = (int)((v + 3) / 4 * 4);
		return status;
	case P_EDNS:
		status = number(a, value, "edns", 255, &v);
		if (status == DIG_GO && v != 0) {
			fputs("dig: +edns: there is no version but 0: give +edns\n", a->err);
			return DIG_USAGE;
		}
		return status;
	}
	return DIG_GO;
}

/* A flag's value, where it has one to set. */
static bool *plus_flag(struct dig_query *q, enum plus what)
{
	switch ((int)what) {
	case P_ADDITIONAL:
		return &q->additional;
	case P_AD:
		return &q->ad;
	case P_ANSWER:
		return &q->answer;
	case P_AUTHORITY:
		return &q->authority;
	case P_CACHE:
		return &q->cache;
	case P_CD:
		return &q->cd;
	case P_CLASS:
		return &q->class_shown;
	case P_COMMENTS:
		return &q->comments;
	case P_CRYPTO:
		return &q->crypto;
	case P_EXPANDAAAA:
		return &q->expand_aaaa;
	case P_EXPLAIN:
		return &q->explain;
	case P_IDENTIFY:
		return &q->identify;
	case P_IGNORE:
		return &q->ignore_tc;
	case P_JSON:
		return &q->json;
	case P_MULTILINE:
		return &q->multiline;
	case P_QR:
		return &q->qr;
	case P_QUESTION:
		return &q->question;
	case P_RECURSE:
		return &q->recurse;
	case P_SEARCH:
		return &q->search;
	case P_STATS:
		return &q->stats;
	case P_TTL:
		return &q->ttl;
	case P_UNKNOWN:
		return &q->unknown;
	case P_X20:
		return &q->x20;
	}
	return NULL;
}

/* Options that are sent with the question, and their like: with a value, or with `on`. */
static int plus_other(struct dig_args *a, struct dig_query *q, enum plus what, bool on,
		      const char *value)
{
	char shown[DIG_SHOWN_MAX];
	uint8_t octets[64];
	int n;
	switch ((int)what) {
	case P_ALL:
		set_all(a, q, on);
		break;
	case P_SHORT:
		set_short(a, q, on);
		break;
	case P_TRACE:
		set_trace(q, on);
		break;
	case P_TCP:
		q->tcp = on;
		q->tcp_set = true;
		break;
	case P_CMD:
		a->cmd = on;
		break;
	case P_SHOWSEARCH:
		q->search = q->show_search = on;
		break;
	case P_DNSSEC:
		q->dnssec = on;
		q->edns |= on;
		break;
	case P_EDNS:
		q->edns = on;
		return on && value ? plus_number(a, q, what, value) : DIG_GO;
	case P_BUFSIZE:
		q->udp_size = 0;
		return value ? plus_number(a, q, what, value) : DIG_GO;
	case P_COOKIE:
		q->cookie = on;
		q->edns |= on;
		drop_option(q, DNS_OPT_COOKIE);
		if (!on || !value)
			break;
		n = unhex(value, octets, 40);
		if (n < 0 || (n != 8 && n < 16)) {
			fprintf(a->err,
				"dig: +cookie=%s: give 16 hexadecimal digits, or 32 to 80\n",
				dig_shown(value, shown));
			return DIG_USAGE;
		}
		q->cookie = false; /* the resolver's own stays out: one option is enough */
		return add_option(a, q, DNS_OPT_COOKIE, octets, (size_t)n);
	case P_NSID:
	case P_KEEPALIVE: {
		uint16_t code = what == P_NSID ? DNS_OPT_NSID : DNS_OPT_KEEPALIVE;
		drop_option(q, code);
		q->edns |= on;
		return on ? add_option(a, q, code, NULL, 0) : DIG_GO;
	}
	case P_SUBNET:
		q->edns = true;
		return value ? set_subnet(a, q, value) : DIG_GO;
	case P_EDNSOPT:
		if (!on)
			q->options_len = 0;
		if (!on || !value)
			break;
		q->edns = true;
		return set_ednsopt(a, q, value);
	case P_DOMAIN:
		snprintf(q->domain, sizeof q->domain, "%s", value);
		q->search = true;
		break;
	case P_HINTS:
		snprintf(a->hints_text, sizeof a->hints_text, "%s", value);
		a->hints = a->hints_text;
		break;
	case P_FAIL:
		q->next_on_servfail = !on;
		break;
	case P_RRCOMMENTS:
		q->rr_comments = on ? 1 : -1;
		break;
	case P_TTLUNITS:
		q->ttl_units = on;
		q->ttl |= on;
		break;
	case P_SPLIT:
		q->split = on ? -1 : 0;
		return on && value ? plus_number(a, q, what, value) : DIG_GO;
	default:
		return value ? plus_number(a, q, what, value) : DIG_GO;
	}
	return DIG_GO;
}

static int take_plus(struct dig_args *a, struct dig_query *q, const char *word)
{
	const char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value++ - word) : strlen(word);
	bool on = !(len > 2 && strncasecmp(word, "no", 2) == 0);
	const struct plus_row *row = on ? find_row(word, len) : find_row(word + 2, len - 2);
	if (!row || (row->value == MUST && (!value || !on)))
		return invalid(a, '+', word);
	if (row->what == P_NOTHING)
		return DIG_GO;
	if (row->what == P_REFUSED)
		return on ? refuse(a, row->name) : DIG_GO;
	bool *flag = plus_flag(q, row->what);
	if (flag) {
		*flag = on;
		return DIG_GO;
	}
	return plus_other(a, q, row->what, on, value);
}

/* --- names, types, letters --- */

/* A parse under way. */
struct parse {
	struct dig_args *a;
	enum dig_words from;
	int argc;
	char **argv;
	struct dig_query *q;	 /* that options change now */
	struct dig_query *fresh; /* a batch line's, that waits for its name */
	bool named;		 /* a name came: the greeting stands with it */
	bool typed;		 /* -t or -c stood: bare words are names from now on */
	bool help;
};

/* "; <<>> DiG tapir-0.1.0 <<>> www.example mx" */
static char *greeting(int argc, char **argv)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	fprintf(f, "\n; <<>> DiG tapir-" TAPIR_VERSION " <<>>");
	for (int i = 0; i < argc; i++) {
		fputc(' ', f);
		for (const char *c = argv[i]; *c;) {
			size_t len = dig_letter(c);
			fwrite(len ? c : "?", 1, len ? len : 1, f);
			c += len ? len : 1;
		}
	}
	fputc('\n', f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int no_memory(const struct dig_args *a)
{
	fputs("dig: out of memory: free some and try again\n", a->err);
	return DIG_INTERNAL;
}

static int copy_query(struct dig_args *a, struct dig_query **out)
{
	*out = malloc(sizeof **out);
	if (!*out)
		return no_memory(a);
	**out = a->defaults;
	(*out)->greeting = NULL;
	return DIG_GO;
}

/* A name makes a query of what holds for all, or of what its batch line has said so far. */
static int add_query(struct parse *p, const char *name)
{
	struct dig_args *a = p->a;
	char shown[DIG_SHOWN_MAX];
	if (strlen(name) >= DIG_NAME_MAX) {
		fprintf(a->err, "dig: '%.60s...' is not a legal name (too long)\n",
			dig_shown(name, shown));
		return DIG_INTERNAL;
	}
	if (a->nqueries == DIG_LOOKUPS_MAX) {
		fprintf(a->err, "dig: more than %d names: use -f\n", DIG_LOOKUPS_MAX);
		return DIG_USAGE;
	}
	/* The list grows by doubling: at each power of two. */
	if ((a->nqueries & (a->nqueries - 1)) == 0) {
		size_t n = a->nqueries ? 2 * a->nqueries : 1;
		struct dig_query **more = realloc(a->query, n * sizeof(*more));
		if (!more)
			return no_memory(a);
		a->query = more;
	}
	if (p->fresh) {
		p->q = p->fresh;
		p->fresh = NULL;
	} else if (copy_query(a, &p->q) != DIG_GO) {
		return DIG_INTERNAL;
	}
	a->query[a->nqueries++] = p->q;
	memcpy(p->q->name, name, strlen(name) + 1);
	if (!p->named && a->cmd) {
		p->q->greet_servers = *p->q->server != 0;
		p->q->greeting = greeting(p->argc, p->argv);
		if (!p->q->greeting)
			return no_memory(a);
	}
	p->named = true;
	return DIG_GO;
}

/* Zone transfers are a protocol of their own (RFC 5936). */
static int refuse_transfer(const struct dig_args *a, const char *word)
{
	char shown[DIG_SHOWN_MAX];
	fprintf(a->err, "dig: %s: zone transfers are not supported\n", dig_shown(word, shown));
	return DIG_USAGE;
}

static bool is_transfer(const char *word)
{
	return strcasecmp(word, "axfr") == 0 || strcasecmp(word, "ixfr") == 0 ||
	       strncasecmp(word, "ixfr=", 5) == 0;
}

static void set_type(const struct parse *p, uint16_t type)
{
	if (p->q->type_set)
		fputs(";; Warning, extra type option\n", p->a->err);
	p->q->type = type;
	p->q->type_set = true;
}

static void set_class(const struct parse *p, uint16_t class)
{
	if (p->q->class_set)
		fputs(";; Warning, extra class option\n", p->a->err);
	p->q->class = class;
	p->q->class_set = true;
}

static int take_word(struct parse *p, const char *word)
{
	uint16_t v;
	if (p->typed)
		return add_query(p, word);
	if (is_transfer(word))
		return refuse_transfer(p->a, word);
	if (dns_type_parse(word, strlen(word), &v) == 0)
		set_type(p, v);
	else if (dns_class_parse(word, strlen(word), &v) == 0)
		set_class(p, v);
	else
		return add_query(p, word);
	return DIG_GO;
}

/* "1.2.3.4" as "4.3.2.1.in-addr.arpa.": dig turns round whatever has dots, and an IPv6 address by its digits. */
static int take_reverse(struct parse *p, const char *value)
{
	char name[DIG_NAME_MAX], shown[DIG_SHOWN_MAX];
	struct dns_addr addr;
	size_t n = 0;
	if (strchr(value, ':') && dns_addr_parse(value, false, &addr) == 0) {
		struct dns_name reverse;
		dns_name_reverse(&addr.addr, &reverse);
		dns_name_text(&reverse, name);
	} else {
		if (strlen(value) > DIG_NAME_MAX - 20) {
			fprintf(p->a->err, "Invalid IP address %.60s...\n",
				dig_shown(value, shown));
			return DIG_USAGE;
		}
		for (const char *end = value + strlen(value); end >= value;) {
			const char *from = end;
			while (from > value && from[-1] != '.')
				from--;
			memcpy(name + n, from, (size_t)(end - from));
			n += (size_t)(end - from);
			name[n++] = '.';
			end = from - 1;
		}
		memcpy(name + n, "in-addr.arpa.", 14);
	}
	int status = add_query(p, name);
	if (status != DIG_GO)
		return status;
	if (!p->q->type_set)
		p->q->type = DNS_TYPE_PTR;
	return DIG_GO;
}

/* The letters that are complete by themselves. */
static int take_letter(struct parse *p, char c)
{
	switch (c) {
	case '6':
		fputs("dig: -6: name servers are reached over IPv4 only\n", p->a->err);
		return DIG_USAGE;
	case 'h':
		p->help = true;
		return 0;
	case 'r':
		p->a->no_rc = true;
		break;
	case 'u':
		p->a->usec = true;
		break;
	case 'v':
		fputs("DiG tapir-" TAPIR_VERSION "\n", p->a->err);
		return 0;
	}
	return DIG_GO; /* 4, m: nothing to do */
}

static int take_valued(struct parse *p, char c, const char *value, const char *word)
{
	struct dig_args *a = p->a;
	char shown[DIG_SHOWN_MAX];
	unsigned long v = 0;
	uint16_t number16;
	switch (c) {
	case 'c':
		p->typed = true;
		if (dns_class_parse(value, strlen(value), &number16) == 0)
			set_class(p, number16);
		else
			fprintf(a->err, ";; Warning, ignoring invalid class %s\n",
				dig_shown(value, shown));
		return DIG_GO;
	case 'f':
		if (p->from == DIG_COMMAND_LINE)
			a->batch = value;
		return DIG_GO;
	case 'p':
		if (number(a, value, "port number", 65535, &v) != DIG_GO)
			return DIG_USAGE;
		a->port = (uint16_t)v;
		return DIG_GO;
	case 'q':
		return add_query(p, value);
	case 't':
		p->typed = true;
		if (is_transfer(value))
			return refuse_transfer(a, value);
		if (dns_type_parse(value, strlen(value), &number16) == 0)
			set_type(p, number16);
		else
			fprintf(a->err, ";; Warning, ignoring invalid type %s\n",
				dig_shown(value, shown));
		return DIG_GO;
	case 'x':
		return take_reverse(p, value);
	case 'b':
		fputs("dig: -b: the stack has one address: give it by --ip\n", a->err);
		return DIG_USAGE;
	case 'k':
	case 'y':
		fprintf(a->err, "dig: -%c: signed queries (TSIG) are not supported\n", c);
		return DIG_USAGE;
	}
	return invalid(a, '-', word);
}

/* "-4", "-ru", "-tmx", "-t mx". *used: the next word was the value. */
static int take_dash(struct parse *p, const char *word, const char *next, bool *used)
{
	const char *c = word;
	for (; *c && strchr("46dhmruv", *c); c++) {
		int status = take_letter(p, *c);
		if (status != DIG_GO)
			return status;
	}
	if (!*c)
		return c == word ? invalid(p->a, '-', word) : DIG_GO;
	if (!strchr("bcfkpqtxy", *c))
		return invalid(p->a, '-', word);
	*used = !c[1];
	const char *value = c[1] ? c + 1 : next;
	if (!value)
		return invalid(p->a, '-', word);
	return take_valued(p, *c, value, word);
}

static int take_server(const struct parse *p, const char *server)
{
	char shown[DIG_SHOWN_MAX];
	if (!*server || strlen(server) >= DIG_SERVER_MAX) {
		fprintf(p->a->err, "dig: couldn't get address for '%.80s': not found\n",
			dig_shown(server, shown));
		return DIG_USAGE;
	}
	snprintf(p->q->server, sizeof p->q->server, "%s", server);
	return DIG_GO;
}

int dig_parse(struct dig_args *a, enum dig_words from, int argc, char **argv, bool *help)
{
	struct parse p = {.a = a,
			  .from = from,
			  .argc = argc,
			  .argv = argv,
			  .q = &a->defaults,
			  .named = false};
	int status = DIG_GO;
	if (from == DIG_BATCH_LINE) {
		status = copy_query(a, &p.fresh);
		if (!p.fresh)
			return status;
		p.q = p.fresh;
	}
	for (int i = 0; status == DIG_GO && i < argc; i++) {
		const char *word = argv[i];
		bool used = false;
		if (from == DIG_RC_LINE && *word != '+' && *word != '-' && *word != '@')
			continue; /* what holds for all has no name */
		if (*word == '@')
			status = take_server(&p, word + 1);
		else if (*word == '+')
			status = take_plus(a, p.q, word + 1);
		else if (*word == '-')
			status = take_dash(&p, word + 1, i + 1 < argc ? argv[i + 1] : NULL, &used);
		else
			status = take_word(&p, word);
		i += used;
	}
	if (p.fresh)
		free(p.fresh);
	*help = p.help;
	return status;
}

int dig_parse_default(struct dig_args *a, int argc, char **argv)
{
	struct parse p = {.a = a, .argc = argc, .argv = argv, .q = &a->defaults};
	int status = add_query(&p, ".");
	if (status == DIG_GO)
		p.q->type = DNS_TYPE_NS;
	return status;
}
