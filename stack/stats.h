/*
 * Counters and drop reasons.
 */
#ifndef TAPIR_STATS_H
#define TAPIR_STATS_H

#include "stack/tapir.h"

enum tapir_stat {
#define STAT(group, name) STAT_##group##_##name,
#include "stack/stats.def"
#undef STAT
	STAT_COUNT
};

enum drop_reason {
#define DROP(reason, text, source) DROP_##reason,
#include "stack/drop.def"
#undef DROP
	DROP_COUNT
};

struct tapir_stats {
	uint64_t n[STAT_COUNT];
	uint64_t drop[DROP_COUNT];
};

/* The instance's counters: live, read only. */
TAPIR_API const struct tapir_stats *tapir_stats_of(const struct tapir *t);

/* "Tcp" and "ActiveOpens" of a counter. Never NULL for a valid one. */
TAPIR_API const char *tapir_stat_group(enum tapir_stat s);
TAPIR_API const char *tapir_stat_name(enum tapir_stat s);

/* "TCP_WINDOW", "outside the receive window" and "RFC 9293 3.10.7.4" of a reason. */
TAPIR_API const char *tapir_drop_name(enum drop_reason r);
TAPIR_API const char *tapir_drop_text(enum drop_reason r);
TAPIR_API const char *tapir_drop_source(enum drop_reason r);

#endif
