/*
 * Runs the packet scripts below tests/script/ through tapir-packetdrill.so, by a player that does as packetdrill does,
 * and those of tests/tso/, in which segments leave in chunks as over a device with offloads; or those that the arguments name. What the hook or the published language does not have is skipped, and counted
 * by reason at the end.
 *
 * Each script has a process of its own, and, where that is allowed, a network namespace of its own: its settings are
 * written there, and read from there by the shared object.
 */
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/pdlib.h"
#include "tests/support/pdplay.h"

enum { SECONDS = 60, REASONS = 16, SKIP_STATUS = 77, EVERY = 40 };

static struct {
	char why[160];
	unsigned n;
} reasons[REASONS];
static unsigned left_out_total;

static void run_child(const char *path, int fd)
{
	static struct script s;
	bool own = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	const char *why;
	unsigned left_out;
	bool ok;

	dup2(fd, STDERR_FILENO);
	dup2(fd, STDOUT_FILENO);
	alarm(SECONDS);
	ok = script_load(&s, path, NULL);
	if (ok && (why = play_cannot(&s, &left_out))) {
		printf("%s", why);
		fflush(NULL);
		_exit(SKIP_STATUS);
	}
	ok = ok && play_script(&s, own) == PLAY_OK;
	if (!ok)
		fprintf(stderr, "%s\n", s.error);
	else
		printf("%u", left_out);
	fflush(NULL);
	_exit(ok ? 0 : 1);
}

static void note(const char *why)
{
	for (unsigned i = 0; i < REASONS; i++) {
		if (reasons[i].n == 0)
			snprintf(reasons[i].why, sizeof(reasons[i].why), "%s", why);
		if (strcmp(reasons[i].why, why) == 0) {
			reasons[i].n++;
			return;
		}
	}
}

static bool run_one(const char *path, size_t k)
{
	static char text[65536];
	const char *name = strncmp(path, "tests/", 6) == 0 ? path + 6 : path;
	int fd = memfd_create("script", MFD_CLOEXEC), status = 0;
	char *save = NULL;
	ssize_t n;
	pid_t pid;

	fflush(NULL);
	pid = fd < 0 ? -1 : fork();
	if (pid < 0) {
		perror("test_packetdrill");
		exit(1);
	}
	if (pid == 0)
		run_child(path, fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIP_STATUS) {
		note(text);
		return true;
	}
	printf("%sok %zu - %s\n", status == 0 ? "" : "not ", k, name);
	if (status == 0)
		left_out_total += (unsigned)atoi(text);
	if (WIFSIGNALED(status))
		printf("# %s: killed by signal %d%s\n", path, WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (no end)" : "");
	for (char *line = strtok_r(text, "\n", &save); status != 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		printf("# %s\n", line);
	fflush(stdout);
	return status == 0;
}

static bool wanted(const char *path, char **patterns, int n)
{
	for (int i = 0; i < n; i++) {
		if (strstr(path, patterns[i]) || fnmatch(patterns[i], path, 0) == 0)
			return true;
	}
	return n == 0;
}

/* Whether the script can be played: read once more, for the plan needs the number. */
static bool playable(const char *path)
{
	static struct script s;
	const char *why = NULL;
	unsigned left_out;

	if (script_load(&s, path, NULL))
		why = play_cannot(&s, &left_out);
	if (why)
		note(why);
	script_free(&s);
	return !why;
}

/*
 * Under valgrind a child's code would be translated anew for each script, which takes longer than the script: what is
 * translated before a child is made is there in it. So each EVERY-th is played here beforehand; its verdict is the child's.
 */
static void warm_up(char **path, const char *take, size_t n)
{
	const char *preload = getenv("LD_PRELOAD");
	static struct script s;

	pdlib_load();
	for (size_t i = 0; preload && strstr(preload, "vgpreload") && i < n; i += EVERY) {
		if (take[i] && script_load(&s, path[i], NULL))
			play_script(&s, false);
		script_free(&s);
	}
}

int main(int argc, char **argv)
{
	size_t n = 0, k = 0, failed = 0;
	glob_t found;
	static char *take; /* static: in a child of ours nothing else may point at it */

	if (glob("tests/script/*/*.pkt", 0, NULL, &found) != 0 ||
	    glob("tests/tso/*.pkt", GLOB_APPEND, NULL, &found) != 0) {
		printf("1..1\nnot ok 1 - tests/script/*/*.pkt: no script here\n");
		return 1;
	}
	take = calloc(found.gl_pathc, 1);
	for (size_t i = 0; take && i < found.gl_pathc; i++) {
		take[i] = wanted(found.gl_pathv[i], argv + 1, argc - 1) &&
			  playable(found.gl_pathv[i]);
		n += (size_t)take[i];
	}
	printf("# suite script/test_packetdrill\n1..%zu\n", n);
	if (take)
		warm_up(found.gl_pathv, take, found.gl_pathc);
	for (size_t i = 0; take && i < found.gl_pathc; i++) {
		if (take[i])
			failed += !run_one(found.gl_pathv[i], ++k);
	}
	for (unsigned i = 0; i < REASONS && reasons[i].n; i++)
		printf("# left out: %u scripts: %s\n", reasons[i].n, reasons[i].why);
	printf("# left out: %u assertions on counters and states that the hook cannot see\n",
	       left_out_total);
	free(take);
	globfree(&found);
	return failed > 0 || n == 0;
}
