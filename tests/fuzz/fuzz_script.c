/*
 * The reader of packet scripts, and what it hands on: any text is read or refused with a reason that names the place, each
 * block of assertions is worked out or refused, and a short script that was read is played on an instance of its own, with
 * whatever calls and segments it has: it may fail, and nothing else.
 *
 *	the text of a script
 */
#include <string.h>

#include "stack/base/assert.h"
#include "tests/support/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 8192, PLAYED_EVENTS = 60 };

static const uint64_t PLAYED_NS = UINT64_C(100000000000); /* all waits together */
static const uint64_t EVENT_NS = UINT64_C(10000000000000);

/* Names have numbers, but for some. */
static bool lookup(void *ctx, const char *name, int64_t *value)
{
	(void)ctx;
	*value = (int64_t)strlen(name);
	return name[0] != 'u';
}

static bool is_short(const struct script *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->nevent; i++) {
		const struct script_event *e = &s->event[i];
		uint64_t to = e->range || e->blocks ? e->to_ns : e->from_ns;

		if (e->from_ns > EVENT_NS || (to != SCRIPT_NEVER && to > EVENT_NS))
			return false;
		sum += e->from_ns + (to == SCRIPT_NEVER ? 0 : to);
	}
	return s->nevent <= PLAYED_EVENTS && sum <= PLAYED_NS && s->start_ns <= EVENT_NS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s;
	char text[TEXT_MAX], why[512];

	if (size > sizeof(text))
		return 0;
	memcpy(text, data, size);
	if (script_parse(&s, "fuzz.pkt", text, size)) {
		TAPIR_ASSERT(!s.error[0]);
		for (size_t i = 0; i < s.nevent; i++) {
			if (s.event[i].kind == EVENT_CODE)
				(void)script_eval(s.event[i].text, lookup, NULL, why, sizeof(why));
		}
		if (is_short(&s) && !script_run(&s))
			TAPIR_ASSERT(s.error[0]);
	} else {
		TAPIR_ASSERT(strncmp(s.error, "fuzz.pkt:", 9) == 0);
	}
	script_free(&s);
	return 0;
}
