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

/* A running instance's settings: read them, or change one; new connections use the new value. */
TAPIR_API const struct tapir_conf *tapir_conf_of(const struct tapir *t);
TAPIR_API int tapir_sysctl(struct tapir *t, const char *name, unsigned index, int64_t value);

#endif
