/*
 * Settings. conf.def is the only list: it makes the struct, this table of names, limits and
 * defaults, and whatever help or listing a program prints. All values have 64 bits, so that one
 * loop handles them. A setting is an offset into the struct; its name is Linux's.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "stack/conf.h"
#include "stack/core/instance.h"

static const struct tapir_conf_item items[] = {
#define CONF(field, name, index, min, max, def, doc) {name, index, min, max, def, doc},
#include "stack/conf.def"
#undef CONF
};
static const uint16_t offsets[] = {
#define CONF(field, name, index, min, max, def, doc) offsetof(struct tapir_conf, field),
#include "stack/conf.def"
#undef CONF
};
static_assert(sizeof(struct tapir_conf) < UINT16_MAX, "offsets fit");

static int64_t *field(struct tapir_conf *conf, size_t i)
{
	return (int64_t *)(void *)((char *)conf + offsets[i]);
}

static const int64_t *field_const(const struct tapir_conf *conf, size_t i)
{
	return (const int64_t *)(const void *)((const char *)conf + offsets[i]);
}

/* The place of a setting in the table, or -1. */
static int find(const char *name, unsigned index)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(items); i++) {
		if (items[i].index == index && strcmp(items[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

void tapir_conf_default(struct tapir_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		*field(conf, i) = items[i].def;
}

const struct tapir_conf_item *tapir_conf_item(unsigned i)
{
	return i < ARRAY_SIZE(items) ? &items[i] : NULL;
}

int64_t tapir_conf_value(const struct tapir_conf *conf, unsigned i)
{
	return i < ARRAY_SIZE(items) ? *field_const(conf, i) : 0;
}

int tapir_conf_set(struct tapir_conf *conf, const char *name, unsigned index, int64_t value)
{
	int i = find(name, index);

	if (i < 0)
		return -ENOENT;
	if (value < items[i].min || value > items[i].max)
		return -ERANGE;
	*field(conf, (size_t)i) = value;
	return 0;
}

int tapir_conf_get(const struct tapir_conf *conf, const char *name, unsigned index, int64_t *value)
{
	int i = find(name, index);

	if (i < 0)
		return -ENOENT;
	*value = *field_const(conf, (size_t)i);
	return 0;
}

/* In the order of their numbers: the algorithms' is that of tcp_cc.c. */
static const struct {
	const char *name, *words;
} named[] = {
	{"net.ipv4.tcp_congestion_control", "cubic reno"},
};

const char *tapir_conf_words(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(named); i++) {
		if (strcmp(named[i].name, name) == 0)
			return named[i].words;
	}
	return NULL;
}

int64_t tapir_conf_word(const char *name, const char *word)
{
	const char *at = tapir_conf_words(name);
	size_t len = word && !strchr(word, ' ') ? strlen(word) : 0;

	for (int64_t v = 0; at && len > 0; v++) {
		if (strncmp(at, word, len) == 0 && (at[len] == ' ' || at[len] == '\0'))
			return v;
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return -ENOENT;
}

/* ---- keys ---- */

enum { KEY_WORDS = 4, KEYS = 2 };

static const char *const key_names[] = {"net.ipv4.tcp_fastopen_key"};

static bool is_key(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(key_names); i++) {
		if (strcmp(key_names[i], name) == 0)
			return true;
	}
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One number of at most eight digits at *at; false: there is none. */
static bool hex_word(const char **at, int64_t *v)
{
	unsigned n = 0;

	for (*v = 0; n < 8 && hex_digit(**at) >= 0; n++)
		*v = *v * 16 + hex_digit(*(*at)++);
	return n > 0;
}

int tapir_conf_set_key(struct tapir_conf *conf, const char *name, const char *text)
{
	int64_t v[KEYS * KEY_WORDS];
	size_t n = 0;

	if (!is_key(name))
		return -ENOENT;
	for (;; text++) {
		if (!hex_word(&text, &v[n++]))
			return -EINVAL;
		if (n % KEY_WORDS == 0 && *text == '\0')
			break;
		if (n == ARRAY_SIZE(v) || *text != (n % KEY_WORDS ? '-' : ','))
			return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		*field(conf, (size_t)find(name, (unsigned)i)) = i < n ? v[i] : -1;
	return 0;
}

int tapir_conf_get_key(const struct tapir_conf *conf, const char *name,
		       char out[TAPIR_CONF_KEY_TEXT])
{
	char *to = out;

	if (!is_key(name))
		return -ENOENT;
	for (unsigned i = 0; i < KEYS * KEY_WORDS; i++) {
		int64_t v = *field_const(conf, (size_t)find(name, i));

		if (v < 0)
			break;
		if (i)
			*to++ = i % KEY_WORDS ? '-' : ',';
		for (int shift = 28; shift >= 0; shift -= 4)
			*to++ = "0123456789abcdef"[v >> shift & 15];
	}
	*to = '\0';
	return 0;
}

const char *tapir_conf_conflict(const struct tapir_conf *conf)
{
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		int64_t v = *field_const(conf, i);

		if (v < items[i].min || v > items[i].max)
			return items[i].name;
	}
	if (conf->ip_local_port_min > conf->ip_local_port_max)
		return "net.ipv4.ip_local_port_range";
	if (conf->tcp_rmem_min > conf->tcp_rmem_default ||
	    conf->tcp_rmem_default > conf->tcp_rmem_max)
		return "net.ipv4.tcp_rmem";
	if (conf->tcp_wmem_min > conf->tcp_wmem_default ||
	    conf->tcp_wmem_default > conf->tcp_wmem_max)
		return "net.ipv4.tcp_wmem";
	if (conf->tcp_rto_min_us > conf->tcp_rto_max_ms * 1000)
		return "net.ipv4.tcp_rto_min_us";
	return NULL;
}

int tapir_conf_check(const struct tapir_conf *conf)
{
	return tapir_conf_conflict(conf) ? -EINVAL : 0;
}

const struct tapir_conf *tapir_conf_of(const struct tapir *t)
{
	return &t->conf;
}

/* Where not all values of a name are alike, the place; else -1. */
static const struct {
	const char *name;
	int index;
	enum tapir_conf_when when;
} whens[] = {
	{"net.core.rmem_default", -1, TAPIR_CONF_NEW},
	{"net.core.wmem_default", -1, TAPIR_CONF_NEW},
	{"net.core.somaxconn", -1, TAPIR_CONF_NEW},
	{"net.ipv4.ip_no_pmtu_disc", -1, TAPIR_CONF_NEW},
	{"net.ipv4.ipfrag_time", -1, TAPIR_CONF_NEW},
	{"net.ipv4.tcp_app_win", -1, TAPIR_CONF_NEW},
	{"net.ipv4.tcp_base_mss", -1, TAPIR_CONF_NEW},
	{"net.ipv4.tcp_congestion_control", -1, TAPIR_CONF_NEW},
	{"net.ipv4.tcp_ecn", -1, TAPIR_CONF_NEW},
	{"net.ipv4.tcp_mtu_probing", -1, TAPIR_CONF_NEW},
	{"net.ipv4.tcp_rmem", 1, TAPIR_CONF_NEW},
	{"net.ipv4.tcp_sack", -1, TAPIR_CONF_NEW},
	{"net.ipv4.tcp_timestamps", -1, TAPIR_CONF_NEW},
	{"net.ipv4.tcp_window_scaling", -1, TAPIR_CONF_NEW},
	{"net.tapir.arp_announce_num", -1, TAPIR_CONF_NEW},
	{"net.tapir.arp_probe", -1, TAPIR_CONF_NEW},
	{"net.tapir.tcp_cubic", -1, TAPIR_CONF_NEW},
	{"net.tapir.tcp_hystart", -1, TAPIR_CONF_NEW},
	{"net.tapir.tcp_init_cwnd", -1, TAPIR_CONF_NEW},
	{"net.tapir.tcp_msl_ms", -1, TAPIR_CONF_NEW},
	{"net.tapir.tcp_persona", -1, TAPIR_CONF_NEW},
	{"net.tapir.tcp_rto_init_ms", -1, TAPIR_CONF_NEW},
	{"net.tapir.txq_bytes", -1, TAPIR_CONF_INTERFACE},
};

enum tapir_conf_when tapir_conf_when(const char *name, unsigned index)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(whens); i++) {
		if (strcmp(whens[i].name, name) == 0 &&
		    (whens[i].index < 0 || (unsigned)whens[i].index == index))
			return whens[i].when;
	}
	return TAPIR_CONF_AT_ONCE;
}

int tapir_conf_change(struct tapir *t, const struct tapir_conf *next)
{
	uint32_t features = t->conf.cpu_features;
	int err = tapir_conf_check(next);

	if (err)
		return err;
	t->conf = *next;
	t->conf.cpu_features = features;
	return 0;
}

int tapir_sysctl(struct tapir *t, const char *name, unsigned index, int64_t value)
{
	struct tapir_conf next = t->conf;
	int err = tapir_conf_set(&next, name, index, value);

	if (err)
		return err;
	return tapir_conf_change(t, &next);
}
