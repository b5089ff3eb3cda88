/*
 * tapir demo --gdb: gdb on two stacks (apps/demo_two.c), with our commands for it loaded.
 *
 * The commands are Python in tools/gdb/, and know the stack's types from the program's debug information. In a build
 * tree they are found by the stub that make leaves beside the program, where installed below share/.
 */
#include "apps/demo_gdb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/app.h"
#include "apps/machine.h"

enum { PATH_LEN = 4096 };

/* Runs gdb on `script` alone and quietly. Whether it exits with 0. */
static bool gdb_can(const char *script)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execlp("gdb", "gdb", "-nx", "-q", "-batch", "-ex", script, (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* Where our commands are, into `out`. */
static bool find_commands(const char *exe, char *out)
{
	static const char *const places[] = {"tapir-gdb.py", "../share/tapir/gdb/tapir.py"};
	const char *end = strrchr(exe, '/');

	for (size_t i = 0; end && i < sizeof(places) / sizeof(places[0]); i++) {
		int n = snprintf(out, PATH_LEN, "%.*s/%s", (int)(end - exe), exe, places[i]);

		if (n < PATH_LEN && access(out, R_OK) == 0)
			return true;
	}
	return false;
}

int demo_gdb(bool batch)
{
	char exe[PATH_LEN], commands[PATH_LEN];
	struct drv_error why;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n < 0)
		return app_error("demo", "/proc/self/exe: %s: mount /proc", strerror(errno));
	exe[n] = '\0';
	if (machine_tool("gdb", "gdb", &why) < 0)
		return app_error("demo", "%s", why.text);
	if (!gdb_can("python print(1)"))
		return app_error("demo",
				 "this gdb has no Python: install the package gdb in place of "
				 "gdb-minimal: sudo apt-get install gdb");
	if (!find_commands(exe, commands))
		return app_error("demo",
				 "the commands for gdb are neither beside %s nor in its "
				 "../share/tapir/gdb: make, or make install",
				 exe);
	fflush(NULL);
	execlp("gdb", "gdb", "-q", "-iex", "set debuginfod enabled off", "-iex",
	       "set auto-load python-scripts off", "-iex", "set print entry-values no",
	       batch ? "-nx" : "-q", batch ? "-batch" : "-q", "-x", commands, "-ex",
	       batch ? "tapir tour" : "tapir welcome", "--args", exe, "demo", "--two-stacks",
	       (char *)NULL);
	return app_error("demo", "gdb: %s: reinstall it: sudo apt-get install --reinstall gdb",
			 strerror(errno));
}
