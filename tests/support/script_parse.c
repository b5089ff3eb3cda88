/*
 * Packet scripts: from text to events.
 *
 * A cursor walks over the text; each function reads one thing at it and leaves it behind that. The first
 * error stops all: what is wrong and the line stand in script.error, and every reader returns at once.
 * Nested values are read with a pointer to the container that is open, not by recursion.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script.h"
#include "tests/support/wireview.h"

struct block {
	struct block *next;
	max_align_t data[];
};

struct cursor {
	struct script *s;
	const char *at;
	int line;
	bool failed;
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

static void fail(struct cursor *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct cursor *c, const char *fmt, ...)
{
	va_list ap;
	char what[300];

	if (c->failed)
		return;
	c->failed = true;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(c->s->error, sizeof(c->s->error), "%s:%d: %s", c->s->path, c->line, what);
}

/* ---- words ---- */

static void blanks(struct cursor *c)
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
				fail(c, "a comment has no end");
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

static bool is_word(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

/* Takes `text` if it comes next; a word only as a whole. */
static bool take(struct cursor *c, const char *text)
{
	size_t n = strlen(text);

	blanks(c);
	if (strncmp(c->at, text, n) != 0 || (is_word(text[n - 1]) && is_word(c->at[n])))
		return false;
	c->at += n;
	return true;
}

static void expect(struct cursor *c, const char *text)
{
	if (!c->failed && !take(c, text))
		fail(c, "expected '%s' before '%.20s'", text, c->at);
}

static char *copy(struct cursor *c, const char *from, size_t n)
{
	char *p = script_alloc(c->s, n + 1);

	memcpy(p, from, n);
	return p;
}

static const char *name(struct cursor *c)
{
	const char *from;

	blanks(c);
	from = c->at;
	while (is_word(*c->at))
		c->at++;
	if (c->at == from)
		fail(c, "expected a name before '%.20s'", from);
	return copy(c, from, (size_t)(c->at - from));
}

static int64_t number(struct cursor *c)
{
	char *end;
	int64_t v;

	blanks(c);
	if (!isdigit((unsigned char)*c->at) && *c->at != '-') {
		fail(c, "expected a number before '%.20s'", c->at);
		return 0;
	}
	v = (int64_t)strtoll(c->at, &end, 0);
	c->at = end;
	return v;
}

static uint32_t number_up_to(struct cursor *c, int64_t max)
{
	int64_t v = number(c);

	if (v < 0 || v > max)
		fail(c, "%lld is not in 0..%lld", (long long)v, (long long)max);
	return (uint32_t)v;
}

static uint32_t seq_number(struct cursor *c)
{
	return number_up_to(c, UINT32_MAX);
}

/* ---- time ---- */

/* Seconds with a fraction, as ns. "0...1" has no fraction: the dots are an ellipsis. */
static uint64_t seconds(struct cursor *c)
{
	uint64_t ns = 0, unit = 1000000000;
	bool any = false;

	blanks(c);
	for (; isdigit((unsigned char)*c->at); c->at++, any = true)
		ns = ns * 10 + (uint64_t)(*c->at - '0') * 1000000000;
	if (c->at[0] == '.' && isdigit((unsigned char)c->at[1])) {
		for (c->at++; isdigit((unsigned char)*c->at); c->at++) {
			unit /= 10;
			ns += (uint64_t)(*c->at - '0') * unit;
		}
		any = true;
	}
	if (!any)
		fail(c, "expected a time before '%.20s'", c->at);
	return ns;
}

static void event_time(struct cursor *c, struct script_event *e)
{
	if (take(c, "*")) {
		e->when = WHEN_ANY;
		return;
	}
	e->when = take(c, "+") ? WHEN_RELATIVE : WHEN_ABSOLUTE;
	e->from_ns = e->to_ns = seconds(c);
	if (c->failed)
		return;
	if (strncmp(c->at, "...", 3) == 0) {
		c->at += 3;
		e->blocks = true;
	} else if (take(c, "~")) {
		e->range = true;
	} else {
		return;
	}
	take(c, "+");
	e->to_ns = seconds(c);
	if (e->to_ns < e->from_ns)
		fail(c, "the range ends before it begins");
}

/* ---- values of calls ---- */

static struct script_value *append(struct cursor *c, struct script_value *up)
{
	struct script_value *v = script_alloc(c->s, sizeof(*v));

	v->up = up;
	if (up->last)
		up->last->next = v;
	else
		up->child = v;
	up->last = v;
	return v;
}

static void string(struct cursor *c, struct script_value *v)
{
	char *out = script_alloc(c->s, strlen(c->at) + 1);
	size_t n = 0;

	v->kind = VALUE_STRING;
	v->text = out;
	for (c->at++; *c->at && *c->at != '"'; c->at++) {
		if (*c->at == '\\' && c->at[1])
			c->at++;
		out[n++] = *c->at;
	}
	if (*c->at != '"')
		fail(c, "a string has no end");
	else
		c->at++;
}

/* A name, a number, or several joined with |. */
static void scalar(struct cursor *c, struct script_value *v)
{
	v->kind = VALUE_INT;
	do {
		blanks(c);
		if (is_word(*c->at) && !isdigit((unsigned char)*c->at)) {
			const char *word = name(c);
			int64_t k = 0;

			if (!script_constant(word, strlen(word), &k))
				fail(c, "unknown name %s", word);
			v->i |= k;
		} else {
			v->i |= number(c);
		}
	} while (!c->failed && take(c, "|"));
}

/* Looks whether a name is followed by `ch`. */
static bool name_then(const struct cursor *c, char ch)
{
	const char *p = c->at;

	if (!isalpha((unsigned char)*p) && *p != '_')
		return false;
	while (is_word(*p))
		p++;
	while (*p == ' ' || *p == '\t')
		p++;
	return *p == ch && !(ch == '=' && p[1] == '=');
}

/* Opens a container or reads a leaf; returns the container that is open then. */
static struct script_value *item(struct cursor *c, struct script_value *up)
{
	struct script_value *v = append(c, up);

	blanks(c);
	if (name_then(c, '=')) {
		v->field = name(c);
		expect(c, "=");
		blanks(c);
	}
	if (strncmp(c->at, "...", 3) == 0) {
		c->at += 3;
		v->kind = VALUE_ELLIPSIS;
	} else if (take(c, "?")) {
		v->kind = VALUE_ANY;
	} else if (take(c, "[")) {
		v->kind = VALUE_LIST;
		return v;
	} else if (take(c, "{")) {
		v->kind = VALUE_STRUCT;
		return v;
	} else if (*c->at == '"') {
		string(c, v);
	} else if (name_then(c, '(')) {
		v->kind = VALUE_CALL;
		v->text = name(c);
		expect(c, "(");
		return v;
	} else {
		scalar(c, v);
	}
	return up;
}

/* The arguments of a call, after its '(', to its ')' included. */
static struct script_value *arguments(struct cursor *c)
{
	struct script_value *top = script_alloc(c->s, sizeof(*top)), *open = top;
	bool want_item = true;

	top->kind = VALUE_CALL;
	while (!c->failed) {
		blanks(c);
		if (*c->at == ')' || *c->at == ']' || *c->at == '}') {
			static const char closes[] = {
				[VALUE_LIST] = ']', [VALUE_STRUCT] = '}', [VALUE_CALL] = ')'};

			if (*c->at != closes[open->kind])
				fail(c, "'%c' closes nothing", *c->at);
			c->at++;
			if (open == top)
				return top;
			open = open->up;
			want_item = false;
		} else if (!want_item) {
			expect(c, ",");
			want_item = true;
		} else {
			struct script_value *before = open;

			open = item(c, open);
			want_item = open != before;
		}
	}
	return top;
}

/* `= 3`, `= -1 EAGAIN (text)`, `= ?` */
static void result(struct cursor *c, struct script_event *e)
{
	if (!take(c, "="))
		return;
	e->result = script_alloc(c->s, sizeof(*e->result));
	if (take(c, "?")) {
		e->result->kind = VALUE_ANY;
		return;
	}
	scalar(c, e->result);
	while (*c->at == ' ' || *c->at == '\t')
		c->at++;
	if (*c->at == 'E') {
		const char *word = name(c);
		int64_t v = 0;

		if (!script_constant(word, strlen(word), &v))
			fail(c, "unknown error %s", word);
		e->err = (int)v;
	}
	while (*c->at == ' ' || *c->at == '\t')
		c->at++;
	if (*c->at == '(') {
		c->at += strcspn(c->at, ")\n");
		expect(c, ")");
	}
}

/* ---- packets ---- */

static const struct {
	const char *name;
	int tos, mask;
} ecn_names[] = {
	{"noecn", 0, 3}, {"nonect", 0, 3}, {"ect1", 1, 3},   {"ect0", 2, 3},
	{"ce", 3, 3},	 {"ect01", -2, 3}, {"tos", -1, 255},
};

/* Bytes as pairs of digits. Returns how many. */
static unsigned hex_bytes(struct cursor *c, uint8_t *out, unsigned max)
{
	unsigned n = 0;

	blanks(c);
	while (isxdigit((unsigned char)c->at[0]) && isxdigit((unsigned char)c->at[1])) {
		char two[3] = {c->at[0], c->at[1], 0};

		if (n == max) {
			fail(c, "more bytes than there is room for");
			break;
		}
		out[n++] = (uint8_t)strtoul(two, NULL, 16);
		c->at += 2;
	}
	return n;
}

static uint32_t ip4(struct cursor *c)
{
	uint32_t a = 0;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			expect(c, ".");
		a = a << 8 | number_up_to(c, 255);
	}
	return a;
}

static void ip_info_word(struct cursor *c, struct script_packet *p)
{
	for (size_t i = 0; i < sizeof(ecn_names) / sizeof(ecn_names[0]); i++) {
		if (!take(c, ecn_names[i].name))
			continue;
		p->tos_mask = ecn_names[i].mask;
		p->tos = ecn_names[i].tos;
		if (p->tos == -1)
			p->tos = (int)number_up_to(c, 255);
		return;
	}
	if (take(c, "ttl"))
		p->ttl = (int)number_up_to(c, 255);
	else if (take(c, "df"))
		p->df = 1;
	else if (take(c, "nodf"))
		p->df = 0;
	else if (take(c, "badcsum"))
		p->bad_csum = true;
	else if (take(c, "badipcsum"))
		p->bad_ip_csum = true;
	else if (take(c, "doff"))
		p->doff = (int)number_up_to(c, 15);
	else if (take(c, "rsv"))
		p->rsv = (int)number_up_to(c, 7);
	else if (take(c, "batch"))
		p->batch = true;
	else if (take(c, "src"))
		p->has_src = true, p->src = ip4(c);
	else if (take(c, "dst"))
		p->has_dst = true, p->dst = ip4(c);
	else if (take(c, "ipopt"))
		p->nip_opt = hex_bytes(c, p->ip_opt, sizeof(p->ip_opt));
	else
		fail(c, "what is '%.20s' of an IP header", c->at);
}

static void ip_info(struct cursor *c, struct script_packet *p)
{
	const char *close = take(c, "[") ? "]" : take(c, "(") ? ")" : NULL;

	if (!close)
		return;
	do
		ip_info_word(c, p);
	while (!c->failed && take(c, ","));
	expect(c, close);
}

/* SPORT > DPORT, if it comes next. */
static void ports(struct cursor *c, struct script_packet *p)
{
	blanks(c);
	if (!isdigit((unsigned char)*c->at))
		return;
	p->sport = (uint16_t)number_up_to(c, 65535);
	expect(c, ">");
	p->dport = (uint16_t)number_up_to(c, 65535);
}

static void flags(struct cursor *c, struct script_packet *p)
{
	static const char letters[] = "FSRP.UEWA";
	const char *from, *at;

	blanks(c);
	from = c->at;
	for (; *c->at && !isspace((unsigned char)*c->at); c->at++) {
		if (*c->at == '-')
			continue;
		at = strchr(letters, *c->at);
		if (!at) {
			fail(c, "'%c' is no flag of TCP", *c->at);
			return;
		}
		p->flags |= (uint16_t)(1u << (at - letters));
	}
	if (c->at == from)
		fail(c, "flags are missing");
}

static void seq_range(struct cursor *c, uint32_t *seq, uint32_t *len)
{
	uint32_t end;

	*seq = seq_number(c);
	expect(c, ":");
	end = seq_number(c);
	expect(c, "(");
	*len = number_up_to(c, 65535);
	expect(c, ")");
	if (!c->failed && *seq + *len != end)
		fail(c, "%u to %u are not %u bytes", *seq, end, *len);
}

static void tcp_option(struct cursor *c, struct script_opt *o)
{
	if (take(c, "mss")) {
		o->kind = OPT_MSS;
		o->a = number_up_to(c, 65535);
	} else if (take(c, "wscale")) {
		o->kind = OPT_WSCALE;
		o->a = number_up_to(c, 255);
	} else if (take(c, "sackOK")) {
		o->kind = OPT_SACK_OK;
	} else if (take(c, "nop")) {
		o->kind = OPT_NOP;
	} else if (take(c, "eol")) {
		o->kind = OPT_EOL;
	} else if (take(c, "TS")) {
		o->kind = OPT_TS;
		expect(c, "val");
		o->a = seq_number(c);
		expect(c, "ecr");
		o->b = seq_number(c);
	} else if (take(c, "sack")) {
		o->kind = OPT_SACK;
		do {
			if (o->n == 4) {
				fail(c, "more than four SACK blocks");
				return;
			}
			o->block[o->n][0] = seq_number(c);
			expect(c, ":");
			o->block[o->n++][1] = seq_number(c);
			blanks(c);
		} while (!c->failed && isdigit((unsigned char)*c->at));
	} else if (take(c, "raw")) {
		o->kind = OPT_RAW;
		o->n = hex_bytes(c, o->raw, sizeof(o->raw));
	} else {
		fail(c, "what option is '%.20s'", c->at);
	}
}

static void tcp_options(struct cursor *c, struct script_packet *p)
{
	if (take(c, "...")) {
		p->any_options = true;
		expect(c, ">");
		return;
	}
	do {
		if (p->nopt == sizeof(p->opt) / sizeof(p->opt[0])) {
			fail(c, "too many options");
			return;
		}
		tcp_option(c, &p->opt[p->nopt++]);
	} while (!c->failed && take(c, ","));
	expect(c, ">");
}

static void tcp_packet(struct cursor *c, struct script_packet *p)
{
	flags(c, p);
	seq_range(c, &p->seq, &p->len);
	while (!c->failed) {
		if (take(c, "ack")) {
			p->has_ack = true;
			p->ack = seq_number(c);
		} else if (take(c, "win")) {
			p->has_win = true;
			p->win = (uint16_t)number_up_to(c, 65535);
		} else if (take(c, "urg")) {
			p->has_urg = true;
			p->urg = (uint16_t)number_up_to(c, 65535);
		} else {
			break;
		}
	}
	/* A '<' here opens options, not the next event: events begin with a time. */
	if (take(c, "<"))
		tcp_options(c, p);
	if (p->has_ack != ((p->flags & WV_ACK) != 0))
		fail(c, "`ack` and the flag '.' go together");
	if (!p->out && !p->has_win && !(p->flags & WV_RST))
		fail(c, "an inbound segment wants a window: `win N`");
}

static const struct {
	const char *name;
	int type, code;
} icmp_names[] = {
	{"net_unreachable", 3, 0},
	{"host_unreachable", 3, 1},
	{"protocol_unreachable", 3, 2},
	{"port_unreachable", 3, 3},
	{"frag_needed", 3, 4},
	{"source_route_failed", 3, 5},
	{"net_unknown", 3, 6},
	{"host_unknown", 3, 7},
	{"source_host_isolated", 3, 8},
	{"net_prohibited", 3, 9},
	{"host_prohibited", 3, 10},
	{"net_unreachable_for_tos", 3, 11},
	{"host_unreachable_for_tos", 3, 12},
	{"packet_filtered", 3, 13},
	{"precedence_violation", 3, 14},
	{"precedence_cutoff", 3, 15},
	{"exceed_ttl", 11, 0},
	{"exceed_fragtime", 11, 1},
};

static void icmp_packet(struct cursor *c, struct script_packet *p)
{
	p->proto = PROTO_ICMP;
	if (take(c, "unreachable"))
		p->type = 3;
	else if (take(c, "source_quench"))
		p->type = 4;
	else if (take(c, "redirect"))
		p->type = 5;
	else if (take(c, "echo_request"))
		p->type = 8;
	else if (take(c, "echo_reply"))
		p->type = 0;
	else if (take(c, "time_exceeded"))
		p->type = 11;
	else if (take(c, "parameter_problem"))
		p->type = 12;
	else
		fail(c, "what ICMP type is '%.20s'", c->at);
	for (size_t i = 0; i < sizeof(icmp_names) / sizeof(icmp_names[0]); i++) {
		if (icmp_names[i].type == p->type && take(c, icmp_names[i].name))
			p->code = icmp_names[i].code;
	}
	if (take(c, "code"))
		p->code = (int)number_up_to(c, 255);
	if (take(c, "mtu"))
		p->mtu = number_up_to(c, 65535);
	if (take(c, "[")) {
		if (take(c, "udp")) {
			p->quoted = PROTO_UDP;
			expect(c, "(");
			p->quoted_len = number_up_to(c, 65507);
			expect(c, ")");
		} else {
			take(c, "tcp");
			seq_range(c, &p->quoted_seq, &p->quoted_len);
		}
		expect(c, "]");
	}
}

static void packet(struct cursor *c, struct script_event *e, bool out)
{
	struct script_packet *p = &e->packet;

	e->kind = EVENT_PACKET;
	p->out = out;
	p->tos = p->ttl = p->df = p->doff = p->rsv = -1;
	ip_info(c, p);
	ports(c, p);
	if (take(c, "icmp")) {
		icmp_packet(c, p);
	} else if (take(c, "udp")) {
		p->proto = PROTO_UDP;
		expect(c, "(");
		p->len = number_up_to(c, 65507);
		expect(c, ")");
	} else {
		tcp_packet(c, p);
	}
}

/* ---- events ---- */

static const char *until(struct cursor *c, const char *end)
{
	const char *to = strstr(c->at, end);
	const char *text;

	if (!to) {
		fail(c, "%s is missing", end);
		return "";
	}
	text = copy(c, c->at, (size_t)(to - c->at));
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
		fail(c, "expected a time before '%.20s'", c->at);
	blanks(c);
	e.line = c->line;
	if (take(c, "`")) {
		e.kind = EVENT_SYSCTL;
		e.text = until(c, "`");
	} else if (take(c, "%{")) {
		e.kind = EVENT_CODE;
		e.text = until(c, "}%");
	} else if (take(c, "<")) {
		packet(c, &e, false);
	} else if (take(c, ">")) {
		packet(c, &e, true);
	} else {
		e.kind = EVENT_CALL;
		e.call = name(c);
		expect(c, "(");
		e.args = c->failed ? NULL : arguments(c);
		result(c, &e);
	}
	if (e.blocks && e.kind != EVENT_CALL)
		fail(c, "only a call can block");
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

/* --name=value, before the first event. */
static void option(struct cursor *c)
{
	struct script *s = c->s;

	if (take(c, "tolerance_usecs=")) {
		s->tolerance_ns = (uint64_t)number_up_to(c, 10000000) * 1000;
	} else if (take(c, "local_ip=")) {
		s->local_ip4 = ip4(c);
	} else if (take(c, "remote_ip=")) {
		s->remote_ip4 = ip4(c);
	} else if (take(c, "mtu=")) {
		s->mtu = number_up_to(c, 65535);
	} else if (take(c, "bind_port=") || take(c, "connect_port=")) {
		s->port = (uint16_t)number_up_to(c, 65535);
	} else if (take(c, "tcp_ts_tick_usecs=")) {
		s->ts_tick_us = number_up_to(c, 1000000);
	} else if (take(c, "start_ms=")) {
		s->start_ns = (uint64_t)number(c) * 1000000;
	} else {
		fail(c, "unknown option --%.20s", c->at);
	}
}

bool script_parse(struct script *s, const char *path, const char *text, size_t n)
{
	struct cursor c = {.s = s, .line = 1};

	memset(s, 0, sizeof(*s));
	s->path = path;
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
	c.at = s->source;
	if (strlen(s->source) != n)
		fail(&c, "a zero byte");
	blanks(&c);
	while (!c.failed && take(&c, "--")) {
		option(&c);
		blanks(&c);
	}
	while (!c.failed && *c.at) {
		event(&c);
		blanks(&c);
	}
	if (!c.failed && s->nevent == 0)
		fail(&c, "no event");
	return !c.failed;
}

bool script_load(struct script *s, const char *path)
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
	ok = script_parse(s, path, text, n);
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
