/*
 * Packet scripts: from text to events.
 *
 * A cursor walks over the text; each function reads one thing at it and leaves it behind that. The first
 * error stops all: what is wrong and the line stand in script.error, and every reader returns at once. Here
 * are the words, times, events and the runner's options; script_value.c reads calls, script_packet.c packets.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script_parse.h"

/* Thirty years: no sum of a script's times overflows. */
enum { SECONDS_MAX = 1000000000 };

struct block {
	struct block *next;
	max_align_t data[];
};

void *script_alloc(struct script *s, size_t n)
{
	struct block *b = calloc(1, sizeof(*b) + n);

	if (!b)
		abort();
	b->next = s->arena;
	s->arena = b;
	return b->data;
}

void cur_fail(struct cursor *c, const char *fmt, ...)
{
	va_list ap;
	char what[300], *nl;

	if (c->failed)
		return;
	c->failed = true;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	/* What is quoted of the script stands last, and ends with its line. */
	nl = strchr(what, '\n');
	if (nl)
		strcpy(nl, "'");
	snprintf(c->s->error, sizeof(c->s->error), "%s:%d: %s", c->s->path, c->line, what);
}

/* ---- words ---- */

void cur_blanks(struct cursor *c)
{
	for (;;) {
		if (*c->at == '\n')
			c->line++;
		if (isspace((unsigned char)*c->at)) {
			c->at++;
		} else if (*c->at == '#' || (c->at[0] == '/' && c->at[1] == '/')) {
			c->at += strcspn(c->at, "\n");
		} else if (c->at[0] == '/' && c->at[1] == '*') {
			const char *end = strstr(c->at + 2, "*/");

			if (!end) {
				cur_fail(c, "a comment has no end");
				c->at += strlen(c->at);
				return;
			}
			for (; c->at < end + 2; c->at++)
				c->line += *c->at == '\n';
		} else {
			return;
		}
	}
}

bool cur_is_word(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

/* Takes `text` if it comes next; a word only as a whole. */
bool cur_take(struct cursor *c, const char *text)
{
	size_t n = strlen(text);

	cur_blanks(c);
	if (strncmp(c->at, text, n) != 0 || (cur_is_word(text[n - 1]) && cur_is_word(c->at[n])))
		return false;
	c->at += n;
	return true;
}

void cur_expect(struct cursor *c, const char *text)
{
	if (!c->failed && !cur_take(c, text))
		cur_fail(c, "expected '%s' before '%.20s'", text, c->at);
}

char *cur_copy(struct cursor *c, const char *from, size_t n)
{
	char *p = script_alloc(c->s, n + 1);

	memcpy(p, from, n);
	return p;
}

const char *cur_name(struct cursor *c)
{
	const char *from;

	cur_blanks(c);
	from = c->at;
	while (cur_is_word(*c->at))
		c->at++;
	if (c->at == from)
		cur_fail(c, "expected a name before '%.20s'", from);
	return cur_copy(c, from, (size_t)(c->at - from));
}

int64_t cur_number(struct cursor *c)
{
	char *end;
	int64_t v;

	cur_blanks(c);
	errno = 0;
	v = (int64_t)strtoll(c->at, &end, 0);
	if (isspace((unsigned char)*c->at) || *c->at == '+' || end == c->at || cur_is_word(*end)) {
		cur_fail(c, "expected a number before '%.20s'", c->at);
		return 0;
	}
	if (errno == ERANGE)
		cur_fail(c, "'%.30s' is too large", c->at);
	c->at = end;
	return v;
}

uint32_t cur_number_up_to(struct cursor *c, int64_t max)
{
	int64_t v = cur_number(c);

	if (v < 0 || v > max)
		cur_fail(c, "%lld is not in 0..%lld", (long long)v, (long long)max);
	return (uint32_t)v;
}

/* ---- time ---- */

/* Seconds with a fraction, as ns. "0...1" has no fraction: the dots are an ellipsis. */
static uint64_t seconds(struct cursor *c)
{
	uint64_t s = 0, ns = 0, unit = 1000000000;
	bool any = false;

	cur_blanks(c);
	for (; isdigit((unsigned char)*c->at); c->at++, any = true) {
		if (s <= SECONDS_MAX)
			s = s * 10 + (uint64_t)(*c->at - '0');
	}
	if (c->at[0] == '.' && isdigit((unsigned char)c->at[1])) {
		for (c->at++; isdigit((unsigned char)*c->at); c->at++) {
			unit /= 10;
			ns += (uint64_t)(*c->at - '0') * unit;
		}
		any = true;
	}
	if (!any)
		cur_fail(c, "expected a time before '%.20s'", c->at);
	else if (s > SECONDS_MAX)
		cur_fail(c, "later than a script may last");
	return s * 1000000000 + ns;
}

static void event_time(struct cursor *c, struct script_event *e)
{
	if (cur_take(c, "*")) {
		e->when = WHEN_ANY;
		return;
	}
	e->when = cur_take(c, "+") ? WHEN_RELATIVE : WHEN_ABSOLUTE;
	e->from_ns = e->to_ns = seconds(c);
	if (c->failed)
		return;
	if (strncmp(c->at, "...", 3) == 0) {
		c->at += 3;
		e->blocks = true;
	} else if (cur_take(c, "~")) {
		e->range = true;
	} else {
		return;
	}
	cur_take(c, "+");
	e->to_ns = seconds(c);
	if (e->to_ns < e->from_ns)
		cur_fail(c, "the range ends before it begins");
}

/* ---- events ---- */

static const char *until(struct cursor *c, const char *end)
{
	const char *to = strstr(c->at, end);
	const char *text;

	if (!to) {
		cur_fail(c, "%s is missing", end);
		return "";
	}
	text = cur_copy(c, c->at, (size_t)(to - c->at));
	for (; c->at < to; c->at++)
		c->line += *c->at == '\n';
	c->at += strlen(end);
	return text;
}

static void event(struct cursor *c)
{
	struct script *s = c->s;
	struct script_event e = {.line = c->line};

	e.when = WHEN_RELATIVE;
	if (*c->at == '+' || *c->at == '*' || *c->at == '.' || isdigit((unsigned char)*c->at))
		event_time(c, &e);
	else if (*c->at != '`' && *c->at != '%')
		cur_fail(c, "expected a time before '%.20s'", c->at);
	cur_blanks(c);
	e.line = c->line;
	if (cur_take(c, "`")) {
		e.kind = EVENT_SYSCTL;
		e.text = until(c, "`");
	} else if (cur_take(c, "%{")) {
		e.kind = EVENT_CODE;
		e.text = until(c, "}%");
	} else if (cur_take(c, "<")) {
		cur_packet(c, &e, false);
	} else if (cur_take(c, ">")) {
		cur_packet(c, &e, true);
	} else {
		e.kind = EVENT_CALL;
		e.call = cur_name(c);
		cur_expect(c, "(");
		e.args = c->failed ? NULL : cur_arguments(c);
		cur_result(c, &e);
	}
	if (e.blocks && e.kind != EVENT_CALL)
		cur_fail(c, "only a call can block");
	if (c->failed)
		return;
	if (s->nevent == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->event = realloc(s->event, s->cap * sizeof(*s->event));
		if (!s->event)
			abort();
	}
	s->event[s->nevent++] = e;
}

/* ---- options ---- */

/* Options that other runners of the language know. */
static const struct {
	const char *name;
	bool harmless;
	const char *why;
} foreign[] = {
	{"gateway_ip", true, "the interface has no gateway"},
	{"netmask_ip", true, "the same"},
	{"speed", true, "there is no device"},
	{"tun_dev", true, "the same"},
	{"persistent_tun_dev", true, "the same"},
	{"send_omit_free", true, "the same"},
	{"strict_segments", true, "segments are always compared one by one"},
	{"tcp_ts_ecr_scaled", true, "echoes are always the peer's own"},
	{"verbose", true, "an error says all that there is"},
	{"v", true, "the same"},
	{"debug", true, "the same"},
	{"init_scripts", false, "no program is run: put `sysctl -w NAME=VALUE` into the script"},
	{"non_fatal", false, "what is wrong is wrong"},
	{"mss", false, "TCP_MAXSEG and --mtu set what a segment may hold"},
	{"code_command", false, "%{ }% holds assertions, and no program is run"},
	{"code_format", false, "%{ }% holds assertions, and no program is run"},
	{"code_sockopt", false, "%{ }% holds assertions, and no program is run"},
	{"so_filename", false, "the stack is the one in this process"},
	{"so_flags", false, "the stack is the one in this process"},
	{"udp_encapsulation", false, "there are no tunnels"},
	{"wire_client", false, "there is no wire"},
	{"wire_server", false, "there is no wire"},
	{"wire_client_dev", false, "there is no wire"},
	{"wire_server_dev", false, "there is no wire"},
	{"wire_server_ip", false, "there is no wire"},
	{"wire_server_port", false, "there is no wire"},
};

static void foreign_option(struct cursor *c)
{
	const char *name = cur_name(c);

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (strcmp(foreign[i].name, name) != 0)
			continue;
		if (!foreign[i].harmless)
			cur_fail(c, "--%s is not taken: %s", name, foreign[i].why);
		if (*c->at == '=')
			c->at += strcspn(c->at, " \t\r\n");
		return;
	}
	cur_fail(c, "unknown option --%.40s", name);
}

static void define(struct cursor *c)
{
	struct script_define *d = script_alloc(c->s, sizeof(*d));

	d->name = cur_name(c);
	cur_expect(c, "=");
	d->value = cur_number(c);
	d->next = c->s->define;
	c->s->define = d;
}

bool script_defined(const struct script *s, const char *name, size_t len, int64_t *value)
{
	for (const struct script_define *d = s->define; d; d = d->next) {
		if (strlen(d->name) == len && memcmp(d->name, name, len) == 0) {
			*value = d->value;
			return true;
		}
	}
	return false;
}

/* --name=value, before the first event. */
static void option(struct cursor *c)
{
	struct script *s = c->s;

	if (cur_take(c, "tolerance_usecs=")) {
		s->tolerance_ns = (uint64_t)cur_number_up_to(c, 10000000) * 1000;
	} else if (cur_take(c, "tolerance_percent=")) {
		s->tolerance_percent = cur_number_up_to(c, 100);
	} else if (cur_take(c, "ip_version=")) {
		if (!cur_take(c, "ipv4"))
			cur_fail(c, "IPv4 only, not '%.20s'", c->at);
	} else if (cur_take(c, "local_ip=")) {
		s->local_ip4 = cur_ip4(c);
	} else if (cur_take(c, "remote_ip=")) {
		s->remote_ip4 = cur_ip4(c);
	} else if (cur_take(c, "mtu=")) {
		s->mtu = cur_number_up_to(c, 65535);
	} else if (cur_take(c, "bind_port=") || cur_take(c, "connect_port=")) {
		s->port = (uint16_t)cur_number_up_to(c, 65535);
	} else if (cur_take(c, "tcp_ts_tick_usecs=")) {
		s->ts_tick_us = cur_number_up_to(c, 1000000);
	} else if (cur_take(c, "define=")) {
		define(c);
	} else if (cur_take(c, "dry_run")) {
		s->dry_run = true;
	} else if (cur_take(c, "start_ms=")) {
		s->start_ns = (uint64_t)cur_number_up_to(c, UINT32_MAX) * 1000000;
	} else {
		foreign_option(c);
	}
}

static void options(struct cursor *c)
{
	cur_blanks(c);
	while (!c->failed && cur_take(c, "--")) {
		option(c);
		cur_blanks(c);
	}
}

static bool parse(struct script *s, const char *path, const char *text, size_t n, const char *given)
{
	struct cursor c = {.s = s, .line = 1};

	memset(s, 0, sizeof(*s));
	s->source = malloc(n + 1);
	if (!s->source)
		abort();
	memcpy(s->source, text, n);
	s->source[n] = '\0';
	s->tolerance_ns = 1000000;
	s->local_ip4 = 0xc0000202;
	s->remote_ip4 = 0xc0000201;
	s->mtu = 1500;
	s->port = 8080;
	s->ts_tick_us = 1000;
	s->start_ns = UINT64_C(1000000000000);
	if (given) {
		s->path = "command line";
		c.at = given;
		options(&c);
		if (!c.failed && *c.at)
			cur_fail(&c, "what is '%.40s'", c.at);
	}
	s->path = path;
	s->chunks = strstr(path, "tests/tso/") != NULL;
	c.at = s->source;
	c.line = 1;
	if (!c.failed && strlen(s->source) != n)
		cur_fail(&c, "a zero byte");
	options(&c);
	while (!c.failed && *c.at) {
		event(&c);
		cur_blanks(&c);
	}
	if (!c.failed && s->nevent == 0)
		cur_fail(&c, "no event");
	return !c.failed;
}

bool script_parse(struct script *s, const char *path, const char *text, size_t n)
{
	return parse(s, path, text, n, NULL);
}

bool script_load(struct script *s, const char *path, const char *given)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t n = 0, got;
	bool ok;

	memset(s, 0, sizeof(*s));
	if (!f) {
		snprintf(s->error, sizeof(s->error), "%s: cannot be read", path);
		return false;
	}
	do {
		text = realloc(text, n + 65536);
		if (!text)
			abort();
		got = fread(text + n, 1, 65536, f);
		n += got;
	} while (got > 0);
	fclose(f);
	ok = parse(s, path, text, n, given);
	free(text);
	return ok;
}

void script_free(struct script *s)
{
	for (struct block *b = s->arena, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(s->event);
	free(s->source);
	s->arena = NULL;
	s->event = NULL;
	s->source = NULL;
}
