#ifndef TAPIR_TESTS_SUPPORT_SCRIPT_PARSE_H
#define TAPIR_TESTS_SUPPORT_SCRIPT_PARSE_H

/*
 * Parts of the script parser, private to it: script_parse.c has words and events, script_value.c the
 * arguments of calls, script_packet.c packets. After the first error all readers do nothing.
 */
#include "tests/support/script.h"

/* A place in the text. */
struct cursor {
	struct script *s;
	const char *at;
	int line;
	bool failed;
};

void cur_fail(struct cursor *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Steps over blanks and comments. */
void cur_blanks(struct cursor *c);
/* Takes `text` if it comes next; a word only as a whole. */
bool cur_take(struct cursor *c, const char *text);
void cur_expect(struct cursor *c, const char *text);
bool cur_is_word(char ch);
/* n bytes that live as long as the script, and a zero. */
char *cur_copy(struct cursor *c, const char *from, size_t n);
const char *cur_name(struct cursor *c);
int64_t cur_number(struct cursor *c);
uint32_t cur_number_up_to(struct cursor *c, int64_t max);
uint32_t cur_ip4(struct cursor *c);
/* A name's number, from the script's definitions or the system's. False: unknown. */
bool cur_constant(const struct cursor *c, const char *name, int64_t *value);

/* The arguments of a call, after its '(', to its ')' included. */
struct script_value *cur_arguments(struct cursor *c);
/* `= 3`, `= -1 EAGAIN (text)`, `= ?` */
void cur_result(struct cursor *c, struct script_event *e);
/* A packet after its '<' or '>'. */
void cur_packet(struct cursor *c, struct script_event *e, bool out);

#endif
