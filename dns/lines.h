/*
 * Texts of lines and words, as hosts(5) and resolv.conf(5) have them: walked in place, without a copy and without a bound on the length of
 * either. Blanks are space, tab, carriage return, vertical tab and form feed. A NUL ends what counts of its line, as it does where the
 * text is read as C strings.
 */
#ifndef TAPIR_DNS_LINES_H
#define TAPIR_DNS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The text from `at` on, and how many lines were taken. */
struct dns_lines {
	const char *at, *end;
	unsigned n;
};

/* The rest of a line, and the last word taken from it. */
struct dns_words {
	const char *at, *end;
	const char *word;
	size_t len;
};

static inline bool dns_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The next line, up to a comment that one of `comments` begins anywhere. False at the end of the text. */
static inline bool dns_line_next(struct dns_lines *it, const char *comments, struct dns_words *w)
{
	if (it->at == it->end)
		return false;

	const char *nl = memchr(it->at, '\n', (size_t)(it->end - it->at));
	const char *end = nl ? nl : it->end;

	*w = (struct dns_words){it->at, it->at, it->at, 0};
	while (w->end < end && *w->end && !strchr(comments, *w->end))
		w->end++;
	it->at = nl ? nl + 1 : it->end;
	it->n++;
	return true;
}

/* The next word: true, in w->word and w->len; false at the end of the line. */
static inline bool dns_word_next(struct dns_words *w)
{
	while (w->at < w->end && dns_is_blank(*w->at))
		w->at++;
	w->word = w->at;
	while (w->at < w->end && !dns_is_blank(*w->at))
		w->at++;
	w->len = (size_t)(w->at - w->word);
	return w->len > 0;
}

#endif
