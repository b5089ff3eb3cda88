/*
 * Packet scripts: the arguments and results of calls.
 *
 * Nested values are read with a pointer to the container that is open, not by recursion: they may be nested as deep
 * as a file is long.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script_parse.h"

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

/* The byte that an escape of C means; leaves the cursor at its last letter. */
static char escaped(struct cursor *c)
{
	static const char letters[] = "nrt0\\\"'", bytes[] = "\n\r\t\0\\\"'";
	const char *at;
	char hex[3] = {0};

	c->at++;
	if (*c->at == 'x' && isxdigit((unsigned char)c->at[1]) &&
	    isxdigit((unsigned char)c->at[2])) {
		memcpy(hex, c->at + 1, 2);
		c->at += 2;
		return (char)strtoul(hex, NULL, 16);
	}
	at = *c->at ? strchr(letters, *c->at) : NULL;
	if (at)
		return bytes[at - letters];
	cur_fail(c, "'\\%.1s' is no escape", c->at);
	c->at--;
	return 0;
}

static void string(struct cursor *c, struct script_value *v)
{
	char *out = script_alloc(c->s, strlen(c->at) + 1);
	size_t n = 0;

	v->kind = VALUE_STRING;
	v->text = out;
	for (c->at++; *c->at && *c->at != '"' && *c->at != '\n'; c->at++)
		out[n++] = *c->at == '\\' ? escaped(c) : *c->at;
	if (*c->at != '"')
		cur_fail(c, "a string has no end");
	else
		c->at++;
	v->i = (int64_t)n;
}

/* A name, a number, or several joined with |. */
static void scalar(struct cursor *c, struct script_value *v)
{
	v->kind = VALUE_INT;
	do {
		cur_blanks(c);
		if (cur_is_word(*c->at) && !isdigit((unsigned char)*c->at)) {
			const char *word = cur_name(c);
			int64_t k = 0;

			if (!cur_constant(c, word, &k))
				cur_fail(c, "unknown name %s", word);
			v->i |= k;
		} else {
			v->i |= cur_number(c);
		}
	} while (!c->failed && cur_take(c, "|"));
}

/* Looks whether a name is followed by `ch`. */
static bool name_then(const struct cursor *c, char ch)
{
	const char *p = c->at;

	if (!isalpha((unsigned char)*p) && *p != '_')
		return false;
	while (cur_is_word(*p))
		p++;
	while (*p == ' ' || *p == '\t')
		p++;
	return *p == ch && !(ch == '=' && p[1] == '=');
}

/* name(3)=, name(...)=: a field of a msghdr, and how many there are. */
static bool field_with_length(const struct cursor *c)
{
	const char *p = c->at;

	if (!name_then(c, '('))
		return false;
	p += strcspn(p, "(") + 1;
	p += strspn(p, " \t.0123456789");
	if (*p++ != ')')
		return false;
	p += strspn(p, " \t");
	return *p == '=' && p[1] != '=';
}

bool cur_constant(const struct cursor *c, const char *name, int64_t *value)
{
	return script_defined(c->s, name, strlen(name), value) ||
	       script_constant(name, strlen(name), value);
}

/* Opens a container or reads a leaf; returns the container that is open then. */
static struct script_value *item(struct cursor *c, struct script_value *up)
{
	struct script_value *v = append(c, up);

	cur_blanks(c);
	if (name_then(c, '=') || field_with_length(c)) {
		v->field = cur_name(c);
		c->at += strcspn(c->at, "=");
		cur_expect(c, "=");
		cur_blanks(c);
	}
	if (strncmp(c->at, "...", 3) == 0) {
		c->at += 3;
		v->kind = VALUE_ELLIPSIS;
	} else if (cur_take(c, "?")) {
		v->kind = VALUE_ANY;
	} else if (cur_take(c, "[")) {
		v->kind = VALUE_LIST;
		return v;
	} else if (cur_take(c, "{")) {
		v->kind = VALUE_STRUCT;
		return v;
	} else if (*c->at == '"') {
		string(c, v);
	} else if (name_then(c, '(')) {
		v->kind = VALUE_CALL;
		v->text = cur_name(c);
		cur_expect(c, "(");
		return v;
	} else {
		scalar(c, v);
	}
	return up;
}

/* The arguments of a call, after its '(', to its ')' included. */
struct script_value *cur_arguments(struct cursor *c)
{
	struct script_value *top = script_alloc(c->s, sizeof(*top)), *open = top;
	bool want_item = true;

	top->kind = VALUE_CALL;
	while (!c->failed) {
		cur_blanks(c);
		if (*c->at == ')' || *c->at == ']' || *c->at == '}') {
			static const char closes[] = {
				[VALUE_LIST] = ']', [VALUE_STRUCT] = '}', [VALUE_CALL] = ')'};

			if (*c->at != closes[open->kind])
				cur_fail(c, "'%c' closes nothing", *c->at);
			c->at++;
			if (open == top)
				return top;
			open = open->up;
			want_item = false;
		} else if (!want_item) {
			cur_expect(c, ",");
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
void cur_result(struct cursor *c, struct script_event *e)
{
	if (!cur_take(c, "="))
		return;
	e->result = script_alloc(c->s, sizeof(*e->result));
	if (cur_take(c, "?")) {
		e->result->kind = VALUE_ANY;
		return;
	}
	scalar(c, e->result);
	while (*c->at == ' ' || *c->at == '\t')
		c->at++;
	if (*c->at == 'E') {
		const char *word = cur_name(c);
		int64_t v = 0;

		if (!script_constant(word, strlen(word), &v))
			cur_fail(c, "unknown error %s", word);
		if (e->result->i != -1)
			cur_fail(c, "an error goes with -1");
		e->err = (int)v;
	}
	while (*c->at == ' ' || *c->at == '\t')
		c->at++;
	if (*c->at == '(') {
		c->at += strcspn(c->at, ")\n");
		cur_expect(c, ")");
	}
}
