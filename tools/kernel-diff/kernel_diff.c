/*
 * Plays our packet scripts to the kernel of this machine, in real time, and says where it does otherwise than the
 * script, which our stack keeps.
 *
 * Each script has a process and a network namespace of its own; many run at a time, since they mostly sleep. A script
 * that differs is played again, so that what a busy machine did is not taken for the kernel's doing. Times may be off
 * by some milliseconds; counters, states and times of TCP_INFO by the millisecond are left out.
 *
 *	kernel_diff [-r] [-j AT-ONCE] [-t MAX-SECONDS] [-d DIFFERS.tsv] [PATTERN...]
 *
 * It prints `same`, `differs` or `none` (not comparable, and why) for each, and the sums. Scripts in the list of
 * -d are known: `known`, or `stale` if they are the same after all. Exits with 1 when any differs that is not in it.
 *
 * With -r nothing is compared: what the kernel does is printed, as a script, to the calls and the segments of the peer
 * that a script has. Files may be anywhere.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/pdplay.h"
#include "tools/kernel-diff/kernel.h"

enum {
	AT_ONCE = 24,
	MAX_SECONDS = 8,
	TRIES = 3,
	ALARM = 30,
	TOLERANCE_US = 15000,
	RECORD_US = 1500000,
	NONE_STATUS = 77
};

struct job {
	const char *path;
	pid_t pid;
	int fd, tries;
	bool over;
};

static const char *known;
static unsigned sums[5];
static bool record;
static double max_seconds = MAX_SECONDS;

/* About how long a script is. */
static double seconds_of(const struct script *s)
{
	uint64_t at = 0;

	for (size_t i = 0; i < s->nevent; i++) {
		const struct script_event *e = &s->event[i];

		if (e->when == WHEN_RELATIVE && !e->blocks)
			at += e->from_ns;
		else if (e->when == WHEN_ABSOLUTE)
			at = e->from_ns;
	}
	return (double)at / 1e9;
}

/* The first setting of a script that the kernel can't be given, in `word`. */
static bool foreign_setting(const char *text, char *word, size_t cap)
{
	for (const char *p = text; (p = strstr(p, "net.")); p++) {
		char path[128] = "/proc/sys/";
		size_t n = strcspn(p, "= \t");

		if (n + 20 > sizeof(path))
			continue;
		snprintf(word, cap, "%.*s", (int)n, p);
		if (strcmp(word, "net.tapir.tcp_cubic") == 0)
			continue; /* its 1 is what the kernel does */
		for (size_t i = 0; i < n; i++)
			path[10 + i] = p[i] == '.' ? '/' : p[i];
		if (access(path, F_OK) != 0 || strncmp(p, "net.ipv4.tcp_mem", 16) == 0 ||
		    (strncmp(p, "net.core.", 9) == 0 && strncmp(p, "net.core.somaxconn", 18) != 0))
			return true;
	}
	return false;
}

static const char *cannot(const struct script *s, char *buf, size_t cap)
{
	unsigned left_out;
	const char *why = play_cannot(s, &left_out);
	char word[128];

	if (why)
		return why;
	for (size_t i = 0; i < s->nevent; i++) {
		if (s->event[i].kind != EVENT_SYSCTL ||
		    !foreign_setting(s->event[i].text, word, sizeof(word)))
			continue;
		snprintf(buf, cap, "the setting %s", word);
		return buf;
	}
	if (seconds_of(s) > max_seconds)
		return "longer than -t seconds";
	return NULL;
}

static void run_child(const char *path, int fd)
{
	static struct play_target kernel = {.init = kernel_interface_init,
					    .receive_until_us = &kernel_receive_until_us,
					    .tolerance_us = TOLERANCE_US};
	static struct script s;
	char buf[200];
	const char *why;

	dup2(fd, STDERR_FILENO);
	dup2(fd, STDOUT_FILENO);
	alarm(ALARM);
	if (!script_load(&s, path, NULL)) {
		printf("%s\n", s.error);
		goto none;
	}
	alarm(ALARM + (unsigned)(seconds_of(&s) * 1.2));
	if (!kernel_netns(s.local_ip4, s.mtu, s.chunks, &why)) {
		printf("%s: %s\n", why, strerror(errno));
		goto none;
	}
	why = cannot(&s, buf, sizeof(buf));
	if (why) {
		printf("%s\n", why);
		goto none;
	}
	/* It sleeps for the most part, and should wake in time. */
	sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});
	if (record) {
		kernel.record = stdout;
		kernel.record_us = RECORD_US;
	}
	if (play_script_on(&s, &kernel) == PLAY_OK)
		_exit(0);
	printf("%s\n", s.error);
	fflush(NULL);
	_exit(1);
none:
	fflush(NULL);
	_exit(NONE_STATUS);
}

static void start(struct job *j)
{
	j->fd = memfd_create("script", MFD_CLOEXEC);
	j->tries++;
	fflush(NULL);
	j->pid = fork();
	if (j->fd < 0 || j->pid < 0) {
		perror("kernel_diff");
		exit(2);
	}
	if (j->pid == 0)
		run_child(j->path, j->fd);
}

static bool is_known(const char *path)
{
	const char *p = known;
	size_t n = strlen(path);

	for (; p && (p = strstr(p, path)); p++) {
		if ((p == known || p[-1] == '\n') && p[n] == '\t')
			return true;
	}
	return false;
}

static void say(struct job *j, int status)
{
	enum { SAME, DIFFERS, NONE, KNOWN, STALE };
	static const char *const words[] = {"same", "differs", "none", "known", "stale"};
	const char *name = strncmp(j->path, "tests/script/", 13) == 0 ? j->path + 13 : j->path;
	unsigned what = WIFEXITED(status) && WEXITSTATUS(status) == 0		  ? SAME
			: WIFEXITED(status) && WEXITSTATUS(status) == NONE_STATUS ? NONE
										  : DIFFERS;
	char text[65536], *save = NULL;
	ssize_t n;

	if (is_known(name))
		what = what == SAME ? STALE : what == DIFFERS ? KNOWN : what;
	sums[what]++;
	printf("%s %s\n", words[what], name);
	n = pread(j->fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (WIFSIGNALED(status))
		printf("\tended by signal %d\n", WTERMSIG(status));
	for (char *line = strtok_r(text, "\n", &save); line && what != KNOWN;
	     line = strtok_r(NULL, "\n", &save))
		printf("\t%s\n", line);
}

static void ended(struct job *j, int status)
{
	bool fine = WIFEXITED(status) &&
		    (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == NONE_STATUS);

	if (!fine && j->tries < TRIES) {
		close(j->fd);
		start(j);
		return;
	}
	say(j, status);
	close(j->fd);
	j->over = true;
}

static bool wanted(const char *path, char **patterns, int n)
{
	for (int i = 0; i < n; i++) {
		if (strstr(path, patterns[i]) || fnmatch(patterns[i], path, 0) == 0)
			return true;
	}
	return n == 0;
}

static const char *slurp(const char *path)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");

	if (!f) {
		perror(path);
		exit(2);
	}
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void run_all(struct job *jobs, size_t n, unsigned at_once)
{
	size_t next = 0, over = 0, running = 0;

	while (over < n) {
		int status;
		pid_t pid;

		while (next < n && running < at_once) {
			start(&jobs[next++]);
			running++;
		}
		pid = wait(&status);
		for (size_t i = 0; i < next; i++) {
			if (jobs[i].over || jobs[i].pid != pid)
				continue;
			ended(&jobs[i], status);
			running -= jobs[i].over;
			over += jobs[i].over;
			break;
		}
	}
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: kernel_diff [-r] [-j AT-ONCE] [-t MAX-SECONDS] [-d DIFFERS.tsv] "
		"[SCRIPT|PART OF A PATH|PATTERN]...\n"
		"Plays packet scripts to the kernel of this machine: tests/script/README.md.\n");
	return 2;
}

int main(int argc, char **argv)
{
	unsigned at_once = AT_ONCE;
	struct job *jobs;
	size_t n = 0;
	glob_t found;
	int opt;

	while ((opt = getopt(argc, argv, "j:t:d:r")) != -1) {
		if (opt == 'j')
			at_once = (unsigned)atoi(optarg);
		else if (opt == 't')
			max_seconds = atof(optarg);
		else if (opt == 'r')
			record = true;
		else if (opt == 'd')
			known = slurp(optarg);
		else
			return usage();
	}
	if (glob("tests/script/*/*.pkt", 0, NULL, &found) != 0 ||
	    glob("tests/tso/*.pkt", GLOB_APPEND, NULL, &found) != 0) {
		fprintf(stderr, "kernel_diff: no script in tests/script/\n");
		return 2;
	}
	jobs = calloc(found.gl_pathc + (size_t)argc, sizeof(*jobs));
	if (!jobs)
		return 2;
	setpriority(PRIO_PROCESS, 0, -15);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (wanted(found.gl_pathv[i], argv + optind, argc - optind))
			jobs[n++].path = found.gl_pathv[i];
	}
	for (int i = optind; i < argc; i++) {
		if (strncmp(argv[i], "tests/script/", 13) != 0 &&
		    strncmp(argv[i], "tests/tso/", 10) != 0 && access(argv[i], F_OK) == 0 &&
		    !is_folder(argv[i]))
			jobs[n++].path = argv[i];
	}
	if (n == 0) {
		fprintf(stderr,
			"kernel_diff: no script has that in its path: give a folder, as close/, "
			"or a file\n");
		return 2;
	}
	run_all(jobs, n, at_once ? at_once : 1);
	printf("%zu scripts: %u same, %u differ, %u known to differ, %u listed but the same, %u "
	       "not "
	       "comparable\n",
	       n, sums[0], sums[1], sums[3], sums[4], sums[2]);
	free(jobs);
	globfree(&found);
	return sums[1] > 0;
}
