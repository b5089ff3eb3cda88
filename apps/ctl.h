/*
 * The control socket of a running stack: who owns it may ask and change things from another terminal. Served by the stack's own
 * loop, one step at a time: nobody who talks to it can hold the stack up, by silence, slowness, or size.
 *
 * To add something that can be asked: a row in ctl.def and a function of this form,
 *
 *	enum ctl_next ctl_stack_info(struct ctl_call *call)
 *	{
 *		return ctl_ok(call, json_pack("{s:s}", "version", TAPIR_VERSION));
 *	}
 */
#ifndef TAPIR_APPS_CTL_H
#define TAPIR_APPS_CTL_H

#include <jansson.h>

#include "apps/app.h"

enum { CTL_CLIENTS = 8 };

/* What becomes of a call: what its function returns. */
enum ctl_next {
	CTL_DONE, /* answered */
	CTL_MORE, /* a part is answered: to be called again when that has left */
	CTL_LATER, /* ctl_ok() or ctl_fail() comes from another handler of the loop, or call->gone is called */
};

/* One request. A CTL_LATER call may be kept until it is answered, or gone. */
struct ctl_call {
	struct app *app;
	json_t *in; /* the request: an object, with its "verb" */
	/* The verb's own. */
	uint64_t at[4]; /* where its next part begins; zeroes at first */
	void *to;
	/* The client has left, or the stack ends: there is nobody to answer. Only of a CTL_LATER call. */
	void (*gone)(struct ctl_call *call);
};

/* Answers {"ok": value}; value is taken, NULL counts as one for which there was no memory. Returns CTL_DONE. */
enum ctl_next ctl_ok(struct ctl_call *call, json_t *value);
/* The same, and {"more": true} with it. Returns CTL_MORE. */
enum ctl_next ctl_part(struct ctl_call *call, json_t *value);
/* Answers {"error": "..."}, a line as the user shall read it. Returns CTL_DONE. */
__attribute__((format(printf, 2, 3))) enum ctl_next ctl_fail(struct ctl_call *call, const char *fmt,
							     ...);

/*
 * The request's members by json_unpack()'s format, none besides: ctl_args(call, "{s:s}", "name", &name), where "verb" stands
 * already. False: the error has been answered, and the verb returns CTL_DONE.
 */
bool ctl_args(struct ctl_call *call, const char *fmt, ...);

struct ctl;

/*
 * Opens a started stack's socket as its options say: NULL and 0 in *status where there is to be none. A socket that was asked for
 * and can't be had is an error: NULL, 1 in *status, after a line on stderr.
 */
struct ctl *ctl_start(struct app *a, const struct stack_opts *o, int *status);
/* Ends it; NULL is fine. Before the loop comes to its end. */
void ctl_stop(struct ctl *c);

#define VERB(name, fn) enum ctl_next fn(struct ctl_call *call);
#include "apps/ctl.def"
#undef VERB

#endif
