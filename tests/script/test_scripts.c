/*
 * Runs all packet scripts below tests/script/, or those that the arguments name: a script's path, wherever it is, a
 * part of one below tests/script/, or a pattern. Each is a test. -l lists them. --name=value are options as at
 * the top of a script, for all of them.
 *
 * A script runs in a process of its own, so that a broken invariant of the stack fails one script only.
 */
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/script.h"

enum { SECONDS = 60, WARM_SCRIPTS = 16 };

/* The options of the command line. */
static char given[4096];

/* What the child says: its error, then what the stack's asserts printed. */
static void run_child(const char *path, int fd)
{
	static struct script s;
	bool ok;

	dup2(fd, STDERR_FILENO);
	dup2(fd, STDOUT_FILENO);
	alarm(SECONDS);
	ok = script_load(&s, path, given) && script_run(&s);
	if (!ok)
		fprintf(stderr, "%s\n", s.error);
	script_free(&s);
	fflush(NULL);
	exit(ok ? 0 : 1);
}

static void print_comments(int fd)
{
	static char text[65536];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	char *save = NULL;

	text[n > 0 ? n : 0] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		printf("# %s\n", line);
}

static bool run_one(const char *path, size_t k)
{
	const char *name = strncmp(path, "tests/", 6) == 0 ? path + 6 : path;
	int fd = memfd_create("script", MFD_CLOEXEC), status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fd < 0 ? -1 : fork();
	if (pid < 0) {
		perror("test_scripts");
		exit(1);
	}
	if (pid == 0)
		run_child(path, fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	printf("%sok %zu - %s\n", status == 0 ? "" : "not ", k, name);
	if (WIFSIGNALED(status))
		printf("# %s: killed by signal %d%s\n", path, WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (no end)" : "");
	print_comments(fd); /* why it failed, or what it prints */
	fflush(stdout);
	close(fd);
	return status == 0;
}

/* A script's path; else a pattern over those below tests/script/. */
static bool is_file(const char *arg)
{
	struct stat st;

	return stat(arg, &st) == 0 && S_ISREG(st.st_mode);
}

static bool wanted(const char *path, char **patterns, int n)
{
	for (int i = 0; i < n; i++) {
		if (!is_file(patterns[i]) &&
		    (strstr(path, patterns[i]) || fnmatch(patterns[i], path, 0) == 0))
			return true;
	}
	return n == 0;
}

/* Options that are wrong are wrong for all scripts: said once, by way of a script without events. */
static bool options_hold(void)
{
	static struct script s;
	bool ok = script_load(&s, "/dev/null", given) || strncmp(s.error, "command line", 12) != 0;

	if (!ok)
		printf("1..1\nnot ok 1 - the command line\n# %s\n", s.error);
	script_free(&s);
	return ok;
}

/*
 * Under valgrind what a process has run once is known to those that it forks: a few scripts are played here first, or
 * each child would have the whole stack translated anew.
 */
static void warm(char **paths, size_t n)
{
	const char *preload = getenv("LD_PRELOAD");
	static struct script s;

	if (!preload || !strstr(preload, "vgpreload"))
		return;
	for (size_t i = 0; i < n; i += n / WARM_SCRIPTS + 1) {
		if (script_load(&s, paths[i], given))
			script_run(&s);
		script_free(&s);
	}
}

int main(int argc, char **argv)
{
	glob_t found;
	size_t n = 0, k = 0, failed = 0;
	int args = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			printf("usage: test_scripts [-l] [--OPTION=VALUE]... [SCRIPT|PART OF A "
			       "PATH|PATTERN]...\n"
			       "Runs packet scripts, all of tests/script/ unless some are named; "
			       "-l lists them.\n"
			       "tests/script/README.md has the options and the language.\n");
			return 0;
		}
		if (strncmp(argv[i], "--", 2) != 0) {
			argv[1 + args++] = argv[i];
		} else if (strlen(given) + strlen(argv[i]) + 2 < sizeof(given)) {
			strcat(given, argv[i]);
			strcat(given, "\n");
		}
	}

	if (glob("tests/script/*/*.pkt", 0, NULL, &found) != 0) {
		printf("1..1\nnot ok 1 - tests/script/*/*.pkt: no script here\n");
		return 1;
	}
	if (args > 0 && strcmp(argv[1], "-l") == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			printf("%s\n", found.gl_pathv[i]);
		globfree(&found);
		return 0;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		n += wanted(found.gl_pathv[i], argv + 1, args);
	for (int i = 0; i < args; i++)
		n += is_file(argv[1 + i]);
	if (!options_hold())
		return 1;
	if (n == 0) {
		printf("1..1\nnot ok 1 - %s: neither a file nor a part of a script's path: -l "
		       "lists them\n",
		       argv[1]);
		return 1;
	}
	printf("# suite script/test_scripts\n1..%zu\n", n);
	warm(found.gl_pathv, found.gl_pathc);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (wanted(found.gl_pathv[i], argv + 1, args))
			failed += !run_one(found.gl_pathv[i], ++k);
	}
	for (int i = 0; i < args; i++) {
		if (is_file(argv[1 + i]))
			failed += !run_one(argv[1 + i], ++k);
	}
	globfree(&found);
	return failed > 0;
}
