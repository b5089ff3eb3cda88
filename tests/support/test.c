/*
 * cmocka's own TAP differs between its versions, and it lets a test's chatter run into the results. So cmocka
 * runs each test as a group of one, with stdout and stderr turned to a file in memory, and the result lines are
 * printed here. If the process dies on the way (abort, a sanitizer's report, the runner's time-out) the
 * handler below first copies what was held back to the real stderr: nothing of a crash's report is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/test_note.h"

static int held_fd = -1; /* what the running test printed */
static int real_out = -1, real_err = -1;
static const char *running;
static char skip_why[200];
static char said[8192];

/* Sanitizers: end in abort(), so that the handler sees it, and keep cmocka's from catching a bad access. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "abort_on_error=1:handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_sigill=2:"
	       "detect_stack_use_after_return=1:strict_string_checks=1";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

/* Copies what is held, each line marked as a TAP comment when `mark` is set. Safe in a signal handler. */
static void held_copy(int to, bool mark)
{
	char buf[4096], out[2 * sizeof(buf) + 2];
	bool line_start = true;
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(held_fd, buf, sizeof(buf), at);
		size_t m = 0;

		if (n <= 0)
			break;
		at += n;
		for (ssize_t i = 0; i < n; i++) {
			if (mark && line_start)
				out[m++] = '#';
			line_start = buf[i] == '\n';
			out[m++] = buf[i];
		}
		if (write(to, out, m) < 0)
			break;
	}
	if (!line_start && write(to, "\n", 1) < 0)
		return;
}

static void on_death(int sig)
{
	static const char died[] = "died in test ";

	if (running && real_err >= 0) {
		held_copy(real_err, false);
		if (write(real_err, died, sizeof(died) - 1) > 0 &&
		    write(real_err, running, strlen(running)) > 0 && write(real_err, "\n", 1) < 0)
			errno = 0;
		if (tapir_test_note &&
		    write(real_err, tapir_test_note, strlen(tapir_test_note)) > 0 &&
		    write(real_err, "\n", 1) < 0)
			errno = 0;
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

void tapir_test_skip(const char *why)
{
	snprintf(skip_why, sizeof(skip_why), "%s", why);
	skip();
	abort(); /* skip() jumps */
}

void tapir_test_say(const char *fmt, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said + n, sizeof(said) - n, fmt, ap);
	va_end(ap);
	/* What failed tells them too, among what else it printed. */
	fprintf(stderr, "%s\n", said + n);
	n = strlen(said);
	snprintf(said + n, sizeof(said) - n, "\n");
}

static void say(void)
{
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		printf("#   %s\n", line);
}

static void hold(void)
{
	fflush(stdout);
	fflush(stderr);
	if (ftruncate(held_fd, 0) < 0 || lseek(held_fd, 0, SEEK_SET) < 0)
		abort();
	dup2(held_fd, STDOUT_FILENO);
	dup2(held_fd, STDERR_FILENO);
}

static void unhold(void)
{
	fflush(stdout);
	fflush(stderr);
	dup2(real_out, STDOUT_FILENO);
	dup2(real_err, STDERR_FILENO);
}

/* cmocka tells of a skip only in its text. */
static bool held_says_skipped(void)
{
	static char text[65536];
	ssize_t n = pread(held_fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		n = 0;
	text[n] = '\0';
	return strstr(text, "[  SKIPPED ]") != NULL;
}

static bool wanted(const char *name, char **patterns, size_t n)
{
	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (fnmatch(patterns[i], name, 0) == 0 || strstr(name, patterns[i]))
			return true;
	}
	return false;
}

/* The process's arguments without its name; they live until it ends. */
static size_t read_arguments(char **argv, size_t max)
{
	static char text[65536];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	size_t n = 0;

	if (fd >= 0)
		close(fd);
	for (char *p = text; len > 0 && p < text + len && n <= max; p += strlen(p) + 1) {
		if (n > 0)
			argv[n - 1] = p;
		n++;
	}
	return n > 0 ? n - 1 : 0;
}

static int run_one(const struct CMUnitTest *test, size_t k)
{
	int failed;

	skip_why[0] = '\0';
	said[0] = '\0';
	running = test->name;
	hold();
	failed = _cmocka_run_group_tests(test->name, test, 1, NULL, NULL);
	unhold();
	running = NULL;

	if (failed) {
		printf("not ok %zu - %s\n", k, test->name);
		fflush(stdout);
		held_copy(STDOUT_FILENO, true);
	} else if (held_says_skipped()) {
		printf("ok %zu - %s # SKIP %s\n", k, test->name, skip_why);
	} else {
		printf("ok %zu - %s\n", k, test->name);
		say();
	}
	fflush(stdout);
	return failed;
}

int tapir_test_run_n(const char *suite, const struct CMUnitTest *tests, size_t n)
{
	static const int deadly[] = {SIGABRT, SIGTERM, SIGALRM};
	char *patterns[64];
	size_t n_patterns = read_arguments(patterns, 63), count = 0, k = 0;
	int failed = 0;

	if (n_patterns > 0 && strcmp(patterns[0], "-l") == 0) {
		for (size_t i = 0; i < n; i++)
			printf("%s\n", tests[i].name);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		count += wanted(tests[i].name, patterns, n_patterns);

	held_fd = memfd_create("held", MFD_CLOEXEC);
	real_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	real_err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	if (held_fd < 0 || real_out < 0 || real_err < 0) {
		perror("tapir_test_run");
		return 1;
	}
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], on_death);
	cmocka_set_message_output(CM_OUTPUT_STDOUT);

	printf("# suite %s\n1..%zu\n", suite, count);
	fflush(stdout);
	for (size_t i = 0; i < n; i++) {
		if (wanted(tests[i].name, patterns, n_patterns))
			failed += run_one(&tests[i], ++k) != 0;
	}
	return failed || count == 0;
}
