/*
 * tapir sysctl: reads and sets a running stack's settings, with the habits of sysctl(8): the words on the command line are
 * names, folders of names, and NAME=VALUE, done in their order; one that fails is told of and the others are done all
 * the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/cmd.h"
#include "apps/ctl_client.h"

enum {
	WORDS_MAX = 1000,
	NAME_MAX_LEN = 256,
	SETTINGS_MAX = 10000,
};

struct sysctl {
	struct ctl_conn conn; /* first: ctl_set_path() */
	bool all, values, names, ignore, quiet;
	int status;
};

#define FLAG(field)                                                              \
	static int set_##field(void *to, const char *value, struct opt_why *why) \
	{                                                                        \
		(void)value;                                                     \
		(void)why;                                                       \
		((struct sysctl *)to)->field = true;                             \
		return 0;                                                        \
	}
FLAG(all)
FLAG(values)
FLAG(names)
FLAG(ignore)
FLAG(quiet)
#undef FLAG

/* NAME=VALUE says it. */
static int set_write(void *to, const char *value, struct opt_why *why)
{
	(void)to;
	(void)value;
	(void)why;
	return 0;
}

static const struct opt options[] = {
	{"all", 'a', NULL, "all settings", set_all},
	{"values", 'n', NULL, "values only", set_values},
	{"names", 'N', NULL, "names only", set_names},
	{"ignore", 'e', NULL, "say nothing of names that are no setting's", set_ignore},
	{"quiet", 'q', NULL, "say nothing of what was set", set_quiet},
	{"write", 'w', NULL, "as without it: NAME=VALUE sets", set_write},
	CTL_CLIENT_OPT,
};

static void print(struct sysctl *s, const json_t *setting)
{
	const char *name = json_string_value(json_object_get(setting, "name"));
	const char *value = json_string_value(json_object_get(setting, "value"));

	if (!name || !value)
		return;
	if (!s->values || s->names)
		ctl_puts(name, stdout);
	if (!s->values && !s->names)
		fputs(" = ", stdout);
	if (!s->names)
		ctl_puts(value, stdout);
	putchar('\n');
}

static int by_name(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	const char *p = json_string_value(json_object_get(*x, "name"));
	const char *q = json_string_value(json_object_get(*y, "name"));

	return strcmp(p ? p : "", q ? q : "");
}

/* In the order of their names: the stack's own is by topic. */
static void print_all(struct sysctl *s, json_t *list)
{
	size_t n = json_array_size(list);
	json_t **sorted = calloc(n ? n : 1, sizeof(json_t *));

	for (size_t i = 0; sorted && i < n; i++)
		sorted[i] = json_array_get(list, i);
	if (sorted)
		qsort(sorted, n, sizeof(json_t *), by_name);
	for (size_t i = 0; i < n; i++)
		print(s, sorted ? sorted[i] : json_array_get(list, i));
	free(sorted);
}

/* net/ipv4/tcp_sack is net.ipv4.tcp_sack: the first of the two that comes divides, as for sysctl(8). */
static void dotted(const char *word, size_t len, char out[NAME_MAX_LEN])
{
	size_t mark = strcspn(word, "./");
	bool slashes = mark < len && word[mark] == '/';

	snprintf(out, NAME_MAX_LEN, "%.*s", (int)(len < NAME_MAX_LEN ? len : NAME_MAX_LEN - 1),
		 word);
	for (char *p = out; slashes && *p; p++)
		*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
}

/* Returns false when there is nobody to ask any more. */
static bool refused(struct sysctl *s, enum ctl_answer a, const struct opt_why *why)
{
	s->status = 1;
	if (a == CTL_REFUSED)
		ctl_told(&s->conn, why->text);
	return a == CTL_REFUSED;
}

static bool list(struct sysctl *s, const char *below)
{
	struct opt_why why = {""};
	json_t *value;
	bool more;
	enum ctl_answer a =
		ctl_ask(&s->conn, json_pack("{s:s,s:s}", "verb", "sysctl.list", "below", below),
			&value, &more, &why);

	json_t *all = json_array();
	while (a == CTL_OK && json_array_size(all) < SETTINGS_MAX) {
		json_array_extend(all, value);
		json_decref(value);
		if (!more)
			break;
		a = ctl_more(&s->conn, &value, &more, &why);
	}
	if (a == CTL_OK)
		print_all(s, all);
	json_decref(all);
	if (a == CTL_OK || (a == CTL_REFUSED && s->ignore))
		return true;
	return refused(s, a, &why);
}

static bool set(struct sysctl *s, const char *name, const char *to)
{
	struct opt_why why = {""};
	json_t *value;
	bool more;
	enum ctl_answer a =
		ctl_ask(&s->conn,
			json_pack("{s:s,s:s,s:s}", "verb", "sysctl.set", "name", name, "value", to),
			&value, &more, &why);

	if (a != CTL_OK)
		return refused(s, a, &why);
	if (!s->quiet)
		print(s, value);
	json_decref(value);
	return true;
}

/* One word. Returns false when there is nobody to ask any more. */
static bool one(struct sysctl *s, const char *word)
{
	const char *equals = strchr(word, '=');
	char name[NAME_MAX_LEN];
	json_t *text = json_string(word);

	json_decref(text);
	if (!text) {
		opts_error(s->conn.name, word, "no such setting: it is not even text");
		s->status = 1;
		return true;
	}
	/* "NAME = VALUE", as it is printed, is three words: sysctl(8) takes no blanks either. */
	if (equals == word || !*word) {
		opts_error(s->conn.name, word, "no name: give NAME=VALUE without blanks");
		s->status = 1;
		return true;
	}
	dotted(word, equals ? (size_t)(equals - word) : strlen(word), name);
	/* A setting is the only one below itself. */
	return equals ? set(s, name, equals + 1) : list(s, name);
}

int cmd_sysctl(int argc, char **argv)
{
	struct sysctl s = {.status = 0};
	int first;
	const struct opt_command cmd = {
		.name = "sysctl",
		.operands = "NAME | NAME=VALUE ...",
		.about = "Reads and sets the settings of a stack that runs; docs/limits.md lists "
			 "them.\nA NAME may be a folder of them, like net.ipv4. Exit status: 0 all "
			 "was done, 1 something\nwas not, 2 usage.",
		.opts = options,
		.nopts = sizeof options / sizeof *options,
		.to = &s,
		.max_operands = WORDS_MAX,
	};
	int status = opts_parse(&cmd, argc, argv, &first);

	if (status != OPTS_GO)
		return status;
	if (!s.all && first == argc)
		return opts_error("sysctl", "NAME",
				  "missing: give one or NAME=VALUE, or -a for all");
	status = ctl_open(&s.conn, "sysctl");
	if (status)
		return status;
	bool going = !s.all || list(&s, "");
	for (int i = first; going && i < argc; i++)
		going = one(&s, argv[i]);
	ctl_close(&s.conn);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("tapir sysctl: stdout");
		return 1;
	}
	return s.status;
}
