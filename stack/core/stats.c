/*
 * Names of counters and drop reasons, made from the .def files. The counters themselves are plain
 * numbers in the instance; nothing is ever reset.
 */
#include <assert.h>

#include "stack/core/instance.h"

static const char *const stat_groups[] = {
#define STAT(group, name) #group,
#include "stack/stats.def"
#undef STAT
};
static const char *const stat_names[] = {
#define STAT(group, name) #name,
#include "stack/stats.def"
#undef STAT
};
static_assert(ARRAY_SIZE(stat_names) == STAT_COUNT, "every counter has a name");

struct drop_words {
	const char *name, *text, *source;
};

static const struct drop_words drops[] = {
#define DROP(reason, text, source) [DROP_##reason] = {#reason, text, source},
#include "stack/drop.def"
#undef DROP
};
static_assert(ARRAY_SIZE(drops) == DROP_COUNT, "every reason has words");

const struct tapir_stats *tapir_stats_of(const struct tapir *t)
{
	return &t->stats;
}

const char *tapir_stat_group(enum tapir_stat s)
{
	return (unsigned)s < STAT_COUNT ? stat_groups[s] : "?";
}

const char *tapir_stat_name(enum tapir_stat s)
{
	return (unsigned)s < STAT_COUNT ? stat_names[s] : "?";
}

const char *tapir_drop_name(enum drop_reason r)
{
	return (unsigned)r < DROP_COUNT ? drops[r].name : "?";
}

const char *tapir_drop_text(enum drop_reason r)
{
	return (unsigned)r < DROP_COUNT ? drops[r].text : "?";
}

const char *tapir_drop_source(enum drop_reason r)
{
	return (unsigned)r < DROP_COUNT ? drops[r].source : "";
}
