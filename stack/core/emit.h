/*
 * Emitting events. Cheap when nobody listens: test emit_wanted() before filling a struct.
 */
#ifndef TAPIR_CORE_EMIT_H
#define TAPIR_CORE_EMIT_H

#include "stack/core/instance.h"
#include "stack/event.h"

static inline bool emit_wanted(const struct tapir *t)
{
	return t->env.event != NULL;
}

/* An event of `type` resting on `source`, with time filled in. */
struct tapir_event emit_begin(const struct tapir *t, enum tapir_event_type type,
			      const char *source);
/* Where every event leaves. A debugger stops here (tools/gdb), so it is a call in every build. */
__attribute__((noinline)) void emit(struct tapir *t, const struct tapir_event *ev);
/*
 * Listens to nothing. Nobody in the program calls it: a debugger that wants events of an instance which
 * has no listener makes it env.event.
 */
void emit_nobody(void *ctx, const struct tapir_event *ev);

#endif
