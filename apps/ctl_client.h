/*
 * The other side of the control socket: a command that asks a running stack. Blocking, with a deadline for each answer.
 */
#ifndef TAPIR_APPS_CTL_CLIENT_H
#define TAPIR_APPS_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "apps/opts.h"

struct ctl_conn {
	const char *name; /* the command's, for errors */
	const char *path; /* --ctl; NULL: the only stack that runs here */
	int fd;
	int patience_ms; /* for an answer: 5 s unless changed after ctl_open() */
};

/*
 * The row of --ctl for a command that asks, to be put into its options. The command's `to` begins with a struct ctl_conn,
 * zero at first.
 */
#define CTL_CLIENT_OPT                                                                  \
	{                                                                               \
		"ctl", 0, "PATH", "the stack's control socket (the one that is there)", \
			ctl_set_path                                                    \
	}
int ctl_set_path(void *to, const char *value, struct opt_why *why);

/*
 * Connects to the stack whose socket is c->path. 0, or the exit status after a line on
 * stderr.
 */
int ctl_open(struct ctl_conn *c, const char *name);
void ctl_close(struct ctl_conn *c);

/* What came of a question. */
enum ctl_answer {
	CTL_OK,
	CTL_REFUSED, /* the stack said no: *why, which the caller prints */
	CTL_BROKEN,  /* no answer will come any more: a line on stderr has said so */
};

/*
 * Asks, and waits for the first part of the answer: its "ok" in *value, the caller's to give back, and in *more whether
 * ctl_more() has another. `request` is taken; NULL counts as no memory.
 */
enum ctl_answer ctl_ask(struct ctl_conn *c, json_t *request, json_t **value, bool *more,
			struct opt_why *why);
enum ctl_answer ctl_more(struct ctl_conn *c, json_t **value, bool *more, struct opt_why *why);

/* Text from a stack, as it may go to a terminal: control characters, but for tabs, as \xNN. */
void ctl_puts(const char *text, FILE *f);

/* A line on stderr: "tapir NAME: text", what came from the stack escaped. Returns 1. */
int ctl_told(const struct ctl_conn *c, const char *text);

#endif
