/*
 * What another stack does to a script, written as a script.
 *
 * Nothing is expected: the script's calls and its peer's segments happen at their times, as if nothing else did. What
 * leaves is taken from the stack before each of them, so that numbers count from the right ISN, and at the end. A call
 * is noted when it is over, by the time at which it began; so all is sorted by time in the end. What a call gives
 * beside its result stands in a comment below it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/pdplay_run.h"

enum { RECORDS = 4096 };

struct play_record {
	long long at;
	char text[500];
};

void play_record_begin(struct play *p)
{
	p->rec = p->on && p->on->record ? calloc(RECORDS, sizeof(*p->rec)) : NULL;
}

void play_note(struct play *p, long long at, const char *fmt, ...)
{
	struct play_record *rec = &p->rec[p->nrec];
	va_list ap;

	if (p->nrec == RECORDS)
		return;
	p->nrec++;
	rec->at = at;
	va_start(ap, fmt);
	vsnprintf(rec->text, sizeof(rec->text), fmt, ap);
	va_end(ap);
}

static long long began(const struct pcall *k)
{
	return k->e->blocks ? k->p->event_us : k->p->time_us;
}

void play_note_call(struct pcall *k, long got, int err, bool descriptor)
{
	const struct script_value *want = k->e->result;
	char text[300], range[40] = "";

	if (k->e->blocks)
		snprintf(range, sizeof(range), "...%.6f", (double)k->p->live_end_us / 1e6);
	play_note(k->p, began(k), "%.6f%s\t%s\t= %ld%s%s", (double)began(k) / 1e6, range,
		  run_source(&k->p->r, k->e, text, sizeof(text)),
		  descriptor && got >= 0 && want ? (long)want->i : got, err ? " " : "",
		  err ? script_errno_name(err) : "");
}

void play_note_value(struct pcall *k, const char *what, int64_t value)
{
	play_note(k->p, began(k), "//%s %" PRId64, what, value);
}

void play_note_packet(struct play *p, const struct script_event *e)
{
	char text[300];

	play_note(p, p->time_us, "%.6f\t%s", (double)p->time_us / 1e6,
		  run_source(&p->r, e, text, sizeof(text)));
}

void play_note_sent(struct play *p, const struct run_sent *s, long long at)
{
	char text[400];

	run_learn(&p->r, s);
	run_text(&p->r, s, text, sizeof(text));
	play_note(p, at - p->start_us, "%.6f\t%s", (double)(at - p->start_us) / 1e6,
		  strchr(text, '>'));
}

/* All names of TCP_INFO in an assertion, with what they are. */
void play_note_assertion(struct play *p, const char *code,
			 bool (*lookup)(void *ctx, const char *name, int64_t *value))
{
	char text[400] = "", name[64];
	size_t n = 0;

	for (const char *at = code; (at = strstr(at, "tcpi_")) && n < sizeof(text);) {
		size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789");
		int64_t value = 0;

		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		at += len;
		if (lookup(p, name, &value))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s == %" PRId64,
					      n ? " and " : "", name, value);
	}
	play_note(p, p->time_us, "%.6f\t%%{ assert %s }%%", (double)p->time_us / 1e6, text);
}

static int earlier(const void *a, const void *b)
{
	const struct play_record *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x < y ? -1 : x > y;
}

void play_record_end(struct play *p)
{
	qsort(p->rec, p->nrec, sizeof(*p->rec), earlier);
	for (size_t i = 0; i < p->nrec; i++)
		fprintf(p->on->record, "%s\n", p->rec[i].text);
	fflush(p->on->record);
	free(p->rec);
}
