/*
 * tapir doctor: what this machine lacks for us, and what to type to mend it.
 *
 * What can be tried without a trace is tried: a child process makes its private network, a TAP in it and a
 * pair of veths, and its end takes everything with it. The rest is looked up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/app.h"
#include "apps/cmd.h"
#include "apps/machine.h"
#include "drivers/netlink.h"

/* What a child found out: tried[] in order, "" for what works. */
enum { TRY_NET, TRY_TAP, TRY_PACKET, TRIES };

static void try_packet(struct drv_error *why)
{
	int v = nl_veth_add("tapir0", "tapir1");
	struct nl_link link;

	if (v == 0)
		v = nl_link_get("tapir1", &link);
	if (v == 0)
		v = nl_link_set(link.ifindex, true, 0, NULL);
	if (v < 0) {
		drv_fail(why, "a veth pair can't be made: %s: sudo modprobe veth", strerror(-v));
		return;
	}
	struct driver *d = packet_open("tapir1", 0, why);
	driver_close(d);
	if (d)
		why->text[0] = '\0';
}

/* Runs in the child. */
static void try_all(struct drv_error tried[TRIES])
{
	struct drv_error why = {""};

	if (machine_private_net(&tried[TRY_NET]) < 0)
		return;
	tried[TRY_NET].text[0] = '\0';
	if (machine_tun(&why) < 0 || machine_tap(&why) < 0)
		tried[TRY_TAP] = why;
	try_packet(&tried[TRY_PACKET]);
}

static int in_a_child(struct drv_error tried[TRIES])
{
	int p[2], status;

	memset(tried, 0, sizeof(*tried) * TRIES);
	if (pipe(p) != 0)
		return app_error("doctor", "no pipe: %s", strerror(errno));
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		try_all(tried);
		ssize_t n = write(p[1], tried, sizeof(*tried) * TRIES);
		_exit(n < 0);
	}
	close(p[1]);
	size_t have = 0;
	ssize_t n;
	while ((n = read(p[0], (char *)tried + have, sizeof(*tried) * TRIES - have)) > 0)
		have += (size_t)n;
	close(p[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || have != sizeof(*tried) * TRIES)
		return app_error("doctor", "a child process failed: %s", strerror(errno));
	return 0;
}

static int nmissing;

static void tell(const char *what, const struct drv_error *why)
{
	if (why->text[0]) {
		printf("missing  %s\n", why->text);
		nmissing++;
	} else {
		printf("ok       %s\n", what);
	}
}

int cmd_doctor(int argc, char **argv)
{
	static const struct {
		const char *program, *package, *what;
	} tools[] = {
		{"ping", "iputils-ping", "ping, which the demo shows"},
		{"curl", "curl", "curl, which the demo shows"},
		{"sha256sum", "coreutils", "sha256sum, which the demo shows"},
	};
	struct drv_error tried[TRIES], why = {""};
	int first;
	const struct opt_command cmd = {
		.name = "doctor",
		.operands = "",
		.about = "Says what is missing on this machine and how to mend it.\n"
			 "Exit status: 0 nothing is missing, 1 something is.",
	};
	int status = opts_parse(&cmd, argc, argv, &first);

	if (status != OPTS_GO)
		return status;
	nmissing = 0;
	machine_tun(&why);
	tell("/dev/net/tun can be opened", &why);
	if (in_a_child(tried) != 0)
		return 1;
	tell("private network namespaces can be made: for 'tapir demo'", &tried[TRY_NET]);
	if (!tried[TRY_NET].text[0]) {
		if (!why.text[0])
			tell("a TAP works in them", &tried[TRY_TAP]);
		tell("a packet socket works in them", &tried[TRY_PACKET]);
	}
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		why.text[0] = '\0';
		machine_tool(tools[i].program, tools[i].package, &why);
		tell(tools[i].what, &why);
	}
	if (machine_net_admin())
		printf("ok       the right to make a TAP on this machine: for 'tapir up' and the "
		       "others\n");
	else
		printf("note     'tapir up' and the others need root, or a TAP made for you: sudo "
		       "ip "
		       "tuntap add dev tap0 mode tap user $USER\n");
	if (nmissing == 0)
		printf("Nothing is missing.\n");
	else
		printf("%d missing: see above how to mend it.\n", nmissing);
	return nmissing > 0;
}
