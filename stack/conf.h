/*
 * Settings of an instance: one field a line of conf.def, all of 64 bits, named as Linux's sysctls.
 */
#ifndef TAPIR_CONF_H
#define TAPIR_CONF_H

#include "stack/tapir.h"

struct tapir_conf {
#define CONF(field, name, index, min, max, def, doc) int64_t field;
#include "stack/conf.def"
#undef CONF
	/* Features of the processor, filled by drivers/host: variants of a function with equal results. */
	uint32_t cpu_features;
};

enum tapir_cpu_feature {
	TAPIR_CPU_AVX2 = 1 << 0,
};

/* What there is to know about a setting. */
struct tapir_conf_item {
	const char *name;
	unsigned index;
	int64_t min, max, def;
	const char *doc;
};

/*
 * Names that stand for a setting's values, from its minimum on, divided by blanks ("cubic reno"); NULL: it is a number.
 * And the value that one of them stands for: -ENOENT when it is none, or the setting has none.
 */
TAPIR_API const char *tapir_conf_words(const char *name);
TAPIR_API int64_t tapir_conf_word(const char *name, const char *word);

/*
 * A setting that is a key, or two: written as Linux does, four numbers of 32 bits in hexadecimal with hyphens between them,
 * a comma between keys ("net.ipv4.tcp_fastopen_key"). -ENOENT: name is none such; -EINVAL: text is no key; conf is
 * unchanged then. And the reverse: out is "" while no key is set.
 */
enum { TAPIR_CONF_KEY_TEXT = 2 * 36 };
TAPIR_API int tapir_conf_set_key(struct tapir_conf *conf, const char *name, const char *text);
TAPIR_API int tapir_conf_get_key(const struct tapir_conf *conf, const char *name,
				 char out[TAPIR_CONF_KEY_TEXT]);

/* Every setting at its default. */
TAPIR_API void tapir_conf_default(struct tapir_conf *conf);

/* The i-th setting's description, or NULL past the last: for help and listings. */
TAPIR_API const struct tapir_conf_item *tapir_conf_item(unsigned i);

/*
 * Sets value `index` of setting `name` ("net.ipv4.tcp_rmem"). -ENOENT: no such setting or index;
 * -ERANGE: outside the limits; conf unchanged then.
 */
TAPIR_API int tapir_conf_set(struct tapir_conf *conf, const char *name, unsigned index,
			     int64_t value);
TAPIR_API int tapir_conf_get(const struct tapir_conf *conf, const char *name, unsigned index,
			     int64_t *value);

/* The field of `conf` that is the i-th line of conf.def: for loops over all of them. */
TAPIR_API int64_t tapir_conf_value(const struct tapir_conf *conf, unsigned i);

/* The name of a setting of which a value is outside its limits or contradicts another (a minimum above its maximum); NULL: none. */
TAPIR_API const char *tapir_conf_conflict(const struct tapir_conf *conf);
/* -EINVAL when a field is outside its limits or two contradict each other (min above max). */
TAPIR_API int tapir_conf_check(const struct tapir_conf *conf);

/* What a setting that is changed in a running instance is a change for. */
enum tapir_conf_when {
	/*
	 * Everything, from its next step on. A timer that runs keeps its time; what a lower limit has no room for stays
	 * until it goes by itself; a socket that was told its own value by an option keeps that.
	 */
	TAPIR_CONF_AT_ONCE,
	/* What is made afterwards: sockets, connections, addresses, datagrams. */
	TAPIR_CONF_NEW,
	/* Interfaces that are added afterwards: for a program with one interface, its next start. */
	TAPIR_CONF_INTERFACE,
};

/* Which of them it is; of a name that is no setting's, TAPIR_CONF_AT_ONCE. */
TAPIR_API enum tapir_conf_when tapir_conf_when(const char *name, unsigned index);

/* A running instance's settings: read them, or change one. As tapir_conf_set(), and -EINVAL as tapir_conf_check(). */
TAPIR_API const struct tapir_conf *tapir_conf_of(const struct tapir *t);
TAPIR_API int tapir_sysctl(struct tapir *t, const char *name, unsigned index, int64_t value);

/*
 * Changes them all in one step, for what belongs together (the three values of tcp_rmem, the ends of a range of ports, a key).
 * -EINVAL as tapir_conf_check(), and nothing is changed. The processor's features stay.
 */
TAPIR_API int tapir_conf_change(struct tapir *t, const struct tapir_conf *next);

#endif
