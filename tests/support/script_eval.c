/*
 * The assertion form of %{ }% blocks: statements divided by newlines or semicolons,
 *
 *	assert EXPRESSION [, EXPRESSION]        a word about it, a string or a value, may follow
 *	print EXPRESSION                        shown on stderr
 *
 * over numbers and names with C's operators, `and`, `or` and `not` as in Python (`a < b < c` too); # begins a comment,
 * and within parentheses a line goes on. Names are fields of TCP_INFO, constants,
 * counters as Group.Name, and what else the runner knows.
 *
 * The expression is read once, left to right, onto a stack of values and one of operators.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script.h"

enum op {
	OP_OPEN,
	OP_OR,
	OP_AND,
	OP_NOT_WORD,
	OP_CHAIN, /* between the two halves of a < b < c */
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_BITOR,
	OP_BITAND,
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_MOD,
	OP_NOT,
	OP_NEG,
};

static const struct {
	const char *text;
	enum op op;
} spellings[] = {
	{"||", OP_OR}, {"&&", OP_AND},	{"==", OP_EQ}, {"!=", OP_NE},	{"<=", OP_LE},
	{">=", OP_GE}, {"<", OP_LT},	{">", OP_GT},  {"|", OP_BITOR}, {"&", OP_BITAND},
	{"+", OP_ADD}, {"-", OP_SUB},	{"*", OP_MUL}, {"/", OP_DIV},	{"%", OP_MOD},
	{"or", OP_OR}, {"and", OP_AND},
};

static const int precedence[] = {
	[OP_NOT_WORD] = 3, [OP_CHAIN] = 4, [OP_OPEN] = 0,   [OP_OR] = 1,  [OP_AND] = 2,
	[OP_EQ] = 4,	   [OP_NE] = 4,	   [OP_LT] = 4,	    [OP_LE] = 4,  [OP_GT] = 4,
	[OP_GE] = 4,	   [OP_BITOR] = 5, [OP_BITAND] = 6, [OP_ADD] = 7, [OP_SUB] = 7,
	[OP_MUL] = 8,	   [OP_DIV] = 8,   [OP_MOD] = 8,    [OP_NOT] = 9, [OP_NEG] = 9,
};

enum { DEPTH = 64 };

struct eval {
	const char *at;
	bool (*lookup)(void *ctx, const char *name, int64_t *value);
	void *ctx;
	char *buf;
	size_t cap;
	int64_t value[DEPTH];
	enum op op[DEPTH];
	unsigned nvalue, nop;
	bool failed;
};

static void fail(struct eval *e, const char *what, const char *detail)
{
	if (!e->failed)
		snprintf(e->buf, e->cap, "%s: %.60s", what, detail);
	e->failed = true;
}

/* Sums and products modulo 2^64: no script's numbers are undefined. */
static int64_t wrapped(int64_t a, enum op op, int64_t b)
{
	uint64_t x = (uint64_t)a, y = (uint64_t)b;

	return (int64_t)(op == OP_ADD ? x + y : op == OP_SUB ? x - y : x * y);
}

static bool compares(enum op op)
{
	return op >= OP_EQ && op <= OP_GE;
}

static void apply(struct eval *e)
{
	enum op op = e->op[--e->nop];
	int64_t b = e->nvalue > 0 ? e->value[--e->nvalue] : 0, a, r = 0;

	if (op == OP_NOT || op == OP_NOT_WORD || op == OP_NEG) {
		e->value[e->nvalue++] = op == OP_NEG ? wrapped(0, OP_SUB, b) : !b;
		return;
	}
	if (e->nvalue == 0) {
		fail(e, "an operand is missing before", e->at);
		return;
	}
	a = e->value[--e->nvalue];
	if ((op == OP_DIV || op == OP_MOD) && b == 0) {
		fail(e, "division by zero before", e->at);
		return;
	}
	if (b == -1 && (op == OP_DIV || op == OP_MOD)) {
		e->value[e->nvalue++] = op == OP_MOD ? 0 : wrapped(0, OP_SUB, a);
		return;
	}
	switch (op) {
	case OP_OR:
		r = a || b;
		break;
	case OP_AND:
	case OP_CHAIN:
		r = a && b;
		break;
	case OP_EQ:
		r = a == b;
		break;
	case OP_NE:
		r = a != b;
		break;
	case OP_LT:
		r = a < b;
		break;
	case OP_LE:
		r = a <= b;
		break;
	case OP_GT:
		r = a > b;
		break;
	case OP_GE:
		r = a >= b;
		break;
	case OP_BITOR:
		r = a | b;
		break;
	case OP_BITAND:
		r = a & b;
		break;
	case OP_ADD:
	case OP_SUB:
	case OP_MUL:
		r = wrapped(a, op, b);
		break;
	case OP_DIV:
		r = a / b;
		break;
	case OP_MOD:
		r = a % b;
		break;
	case OP_OPEN:
	case OP_NOT:
	case OP_NOT_WORD:
	case OP_NEG:
		break;
	}
	e->value[e->nvalue++] = r;
}

static void blanks(struct eval *e)
{
	for (;; e->at++) {
		bool inside = false;

		if (*e->at == '#')
			e->at += strcspn(e->at, "\n");
		for (unsigned i = 0; i < e->nop && !inside && *e->at == '\n'; i++)
			inside = e->op[i] == OP_OPEN;
		if (*e->at != ' ' && *e->at != '\t' && *e->at != '\r' && !inside)
			return;
	}
}

/* A number or a name. */
static void operand(struct eval *e)
{
	const char *from = e->at;
	char name[100];
	int64_t v;
	size_t n;

	if (e->nvalue == DEPTH) {
		fail(e, "too deep", from);
		return;
	}
	if (isdigit((unsigned char)*from)) {
		char *end;

		v = (int64_t)strtoull(from, &end, 0);
		e->at = end;
		if (isalnum((unsigned char)*end) || *end == '_' || *end == '.')
			fail(e, "what number is", from);
		e->value[e->nvalue++] = v;
		return;
	}
	while (isalnum((unsigned char)*e->at) || *e->at == '_' || *e->at == '.')
		e->at++;
	n = (size_t)(e->at - from);
	if (n == 0 || n >= sizeof(name)) {
		fail(e, "neither a number nor a name", from);
		return;
	}
	memcpy(name, from, n);
	name[n] = '\0';
	if (!script_constant(name, n, &v) && !e->lookup(e->ctx, name, &v)) {
		fail(e, "unknown name", name);
		return;
	}
	e->value[e->nvalue++] = v;
}

static bool operator_at(struct eval *e, enum op *op)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		size_t n = strlen(spellings[i].text);

		if (strncmp(e->at, spellings[i].text, n) == 0 &&
		    !(isalpha((unsigned char)*e->at) &&
		      (isalnum((unsigned char)e->at[n]) || e->at[n] == '_'))) {
			*op = spellings[i].op;
			e->at += n;
			return true;
		}
	}
	return false;
}

/* Everything before the operand: parentheses and signs. */
static void prefixes(struct eval *e)
{
	for (;; e->at++) {
		blanks(e);
		if (e->nop == DEPTH) {
			fail(e, "too deep", e->at);
			return;
		}
		if (*e->at == '(') {
			e->op[e->nop++] = OP_OPEN;
		} else if (*e->at == '-') {
			e->op[e->nop++] = OP_NEG;
		} else if (*e->at == '!') {
			e->op[e->nop++] = OP_NOT;
		} else if (strncmp(e->at, "not", 3) == 0 && (e->at[3] == ' ' || e->at[3] == '(')) {
			e->op[e->nop++] = OP_NOT_WORD;
			e->at += 2;
		} else {
			return;
		}
	}
}

/* Before the second comparison of a < b < c: a < b is judged, and b stays. */
static void chain(struct eval *e)
{
	int64_t b;

	while (!e->failed && e->nop > 0 && precedence[e->op[e->nop - 1]] > precedence[OP_EQ])
		apply(e);
	if (e->failed || e->nop == 0 || !compares(e->op[e->nop - 1]) || e->nvalue < 2)
		return;
	b = e->value[e->nvalue - 1];
	apply(e);
	if (e->nop > 0 && e->op[e->nop - 1] == OP_CHAIN)
		apply(e);
	if (e->nvalue == DEPTH || e->nop == DEPTH) {
		fail(e, "too deep", e->at);
		return;
	}
	e->op[e->nop++] = OP_CHAIN;
	e->value[e->nvalue++] = b;
}

static int64_t expression(struct eval *e)
{
	enum op op;

	e->nvalue = e->nop = 0;
	for (;;) {
		prefixes(e);
		if (!e->failed)
			operand(e);
		blanks(e);
		while (!e->failed && *e->at == ')') {
			while (e->nop > 0 && e->op[e->nop - 1] != OP_OPEN)
				apply(e);
			if (e->nop == 0)
				break;
			e->nop--;
			e->at++;
			blanks(e);
		}
		if (e->failed || !operator_at(e, &op))
			break;
		if (compares(op))
			chain(e);
		while (!e->failed && e->nop > 0 && e->op[e->nop - 1] != OP_CHAIN &&
		       precedence[e->op[e->nop - 1]] >= precedence[op])
			apply(e);
		while (!e->failed && !compares(op) && e->nop > 0 &&
		       precedence[e->op[e->nop - 1]] >= precedence[op])
			apply(e);
		if (e->nop == DEPTH)
			fail(e, "too deep", e->at);
		else
			e->op[e->nop++] = op;
	}
	while (!e->failed && e->nop > 0) {
		if (e->op[e->nop - 1] == OP_OPEN)
			fail(e, "a parenthesis is not closed before", e->at);
		else
			apply(e);
	}
	return e->nvalue > 0 ? e->value[0] : 0;
}

static bool word(struct eval *e, const char *w)
{
	size_t n = strlen(w);

	if (strncmp(e->at, w, n) != 0 || isalnum((unsigned char)e->at[n]) || e->at[n] == '_')
		return false;
	e->at += n;
	return true;
}

/* The word about it that may stand behind an assertion, in quotes, is told with it. */
static void add_note(struct eval *e, const char *at)
{
	size_t n = strlen(e->buf);

	at += strspn(at, " \t");
	if (*at != ',' || n >= e->cap)
		return;
	at++;
	at += strspn(at, " \t");
	if (*at == '\'' || *at == '"')
		snprintf(e->buf + n, e->cap - n, " (%.*s)",
			 (int)strcspn(at + 1, *at == '"' ? "\"\n" : "'\n"), at + 1);
}

static void statement(struct eval *e)
{
	const char *from = e->at;
	bool print = word(e, "print");
	int64_t v;

	if (!print && !word(e, "assert")) {
		fail(e, "neither assert nor print", from);
		return;
	}
	v = expression(e);
	if (print) {
		fprintf(stderr, "%.*s: %" PRId64 "\n", (int)(e->at - from), from, v);
		return;
	}
	if (!e->failed && v == 0) {
		const char *end = e->at;
		size_t n = (size_t)(end - from);

		while (n > 0 && isspace((unsigned char)from[n - 1]))
			n--;
		n = (size_t)snprintf(e->buf, e->cap, "%.*s is not true", (int)n, from);
		/* What the first name of the expression is, for whoever mends it. */
		e->at = from + strlen("assert");
		blanks(e);
		while (word(e, "not"))
			blanks(e);
		e->nvalue = 0;
		if (isalpha((unsigned char)*e->at)) {
			const char *name = e->at;

			operand(e);
			if (!e->failed && e->nvalue == 1 && n < e->cap)
				snprintf(e->buf + n, e->cap - n, ": %.*s is %" PRId64,
					 (int)(e->at - name), name, e->value[0]);
		}
		add_note(e, end);
		e->failed = true;
		return;
	}
	blanks(e);
	if (!e->failed && *e->at == ',') {
		e->at++;
		blanks(e);
		if (*e->at == '"' || *e->at == '\'')
			e->at += strcspn(e->at, "\n");
		else
			expression(e);
	}
}

const char *script_eval(const char *code,
			bool (*lookup)(void *ctx, const char *name, int64_t *value), void *ctx,
			char *buf, size_t cap)
{
	struct eval e = {.at = code, .lookup = lookup, .ctx = ctx, .buf = buf, .cap = cap};

	for (;;) {
		e.nop = 0;
		while (isspace((unsigned char)*e.at) || *e.at == ';' || *e.at == '#')
			e.at += *e.at == '#' ? strcspn(e.at, "\n") : 1;
		if (!*e.at)
			return NULL;
		statement(&e);
		if (e.failed)
			return buf;
		blanks(&e);
		if (*e.at && *e.at != ';' && *e.at != '\n' && *e.at != '\r') {
			fail(&e, "what is this", e.at);
			return buf;
		}
	}
}
