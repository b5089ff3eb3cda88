/*
 * Events leave the core as numbers and static strings; nothing here makes text. The names and the
 * one-line meanings come from event.def, for those who print.
 */
#include <assert.h>
#include <string.h>

#include "stack/core/emit.h"

static const char *const event_names[] = {
#define EVENT(type, text) [TAPIR_EV_##type] = #type,
#include "stack/event.def"
#undef EVENT
};
static const char *const event_texts[] = {
#define EVENT(type, text) [TAPIR_EV_##type] = text,
#include "stack/event.def"
#undef EVENT
};
static_assert(ARRAY_SIZE(event_names) == TAPIR_EV_COUNT, "every event has a name");

const char *tapir_event_name(enum tapir_event_type type)
{
	return (unsigned)type < TAPIR_EV_COUNT ? event_names[type] : "?";
}

const char *tapir_event_text(enum tapir_event_type type)
{
	return (unsigned)type < TAPIR_EV_COUNT ? event_texts[type] : "?";
}

struct tapir_event emit_begin(const struct tapir *t, enum tapir_event_type type, const char *source)
{
	struct tapir_event ev;

	/* Padding too: a recording compares events as bytes. */
	memset(&ev, 0, sizeof(ev));
	ev.type = type;
	ev.time_ns = t->now_ns;
	ev.source = source ? source : "";
	return ev;
}

void emit(struct tapir *t, const struct tapir_event *ev)
{
	if (t->env.event)
		t->env.event(t->env.ctx, ev);
}

void emit_nobody(void *ctx, const struct tapir_event *ev)
{
	(void)ctx;
	(void)ev;
}
