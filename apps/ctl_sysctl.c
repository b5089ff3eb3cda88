/*
 * Settings over the control socket. A change is made on a copy of all settings, by the same parser as --sysctl, held
 * against the others there, and put in place as a whole: whatever is refused has changed nothing.
 */
#include <string.h>

#include "apps/ctl.h"

enum {
	PAGE = 64,  /* settings of one part of a list */
	TEXT = 128, /* of a value */
};

static const char *when_text(const char *name)
{
	/* Of a name with several values: what holds for the first. */
	switch (tapir_conf_when(name, 0)) {
	case TAPIR_CONF_AT_ONCE:
		return "now";
	case TAPIR_CONF_NEW:
		return "new";
	case TAPIR_CONF_INTERFACE:
		return "start";
	}
	return "now";
}

static json_t *setting(const struct tapir_conf *conf, const char *name)
{
	char text[TEXT];

	return opt_setting_text(conf, name, text, sizeof text)
		       ? json_pack("{s:s,s:s,s:s}", "name", name, "value", text, "when",
				   when_text(name))
		       : NULL;
}

static enum ctl_next no_such(struct ctl_call *call, const char *name)
{
	struct opt_why why = {""};

	opt_no_setting(name, &why);
	return ctl_fail(call, "%s", why.text);
}

static bool is_setting(const char *name)
{
	int64_t v;
	struct tapir_conf conf;

	tapir_conf_default(&conf);
	return tapir_conf_get(&conf, name, 0, &v) == 0;
}

enum ctl_next ctl_sysctl_get(struct ctl_call *call)
{
	const char *name;

	if (!ctl_args(call, "{s:s}", "name", &name))
		return CTL_DONE;
	if (!is_setting(name))
		return no_such(call, name);
	return ctl_ok(call, setting(tapir_conf_of(call->app->t), name));
}

/* Whether it is below a folder of settings: net.ipv4 has net.ipv4.tcp_sack; "" has all. */
static bool is_below(const char *name, const char *folder)
{
	size_t n = strlen(folder);

	return n == 0 || (strncmp(name, folder, n) == 0 &&
			  (name[n] == '.' || name[n] == 0 || folder[n - 1] == '.'));
}

/* at[0]: the place in the table from which the next part goes on. */
enum ctl_next ctl_sysctl_list(struct ctl_call *call)
{
	const struct tapir_conf_item *item = NULL;
	const char *below = "";
	unsigned i = (unsigned)call->at[0];

	if (!ctl_args(call, "{s?:s}", "below", &below))
		return CTL_DONE;
	json_t *list = json_array();
	for (; json_array_size(list) < PAGE && (item = tapir_conf_item(i)); i++) {
		if (item->index == 0 && is_below(item->name, below) &&
		    json_array_append_new(list, setting(tapir_conf_of(call->app->t), item->name)))
			goto no_memory;
	}
	call->at[1] += json_array_size(list);
	if (*below && call->at[1] == 0) {
		json_decref(list);
		return no_such(call, below);
	}
	call->at[0] = i;
	return item ? ctl_part(call, list) : ctl_ok(call, list);
no_memory:
	json_decref(list);
	return ctl_fail(call, "no memory");
}

enum ctl_next ctl_sysctl_set(struct ctl_call *call)
{
	struct tapir *t = call->app->t;
	struct tapir_conf next = *tapir_conf_of(t);
	const char *name, *value;
	char line[1024];
	struct opt_why why = {""};

	if (!ctl_args(call, "{s:s,s:s}", "name", &name, "value", &value))
		return CTL_DONE;
	if (!is_setting(name))
		return no_such(call, name);
	if (tapir_conf_when(name, 0) == TAPIR_CONF_INTERFACE)
		return ctl_fail(call,
				"%s: can't change while the stack runs: give it at the start, by "
				"--sysctl %s=%.40s",
				name, name, value);
	if (snprintf(line, sizeof line, "%s=%s", name, value) >= (int)sizeof line)
		return ctl_fail(call, "%s: no such value", name);
	if (opt_setting(&next, line, &why))
		return ctl_fail(call, "%s", why.text);
	const char *wrong = opt_conflict(&next, &why);
	if (wrong || tapir_conf_change(t, &next))
		return ctl_fail(call, "%s: %s", why.text, wrong);
	return ctl_ok(call, setting(tapir_conf_of(t), name));
}
