/*
 * The program: a table of commands, a row each. A command is a main of its own in a file of its own, and
 * answers --help itself from the same table that it parses its options with, so that help can't lag behind.
 *
 *	tapir COMMAND [options]      run it
 *	tapir help [COMMAND]         the same as tapir COMMAND --help
 *
 * Exit status everywhere: 0 done, 1 the network or the peer said no, 2 usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/cmd.h"
#include "stack/tapir.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
#define COMMAND(name, summary) {#name, cmd_##name, summary},
#include "apps/cmd.def"
#undef COMMAND
	{NULL, NULL, NULL},
};

/* A broken invariant of the stack: say where, and leave a core dump. */
_Noreturn void tapir_panic(const char *file, int line, const char *expr)
{
	fprintf(stderr,
		"tapir: %s:%d: the stack's invariant '%s' does not hold: a bug of ours: "
		"report it with this line\n",
		file, line, expr);
	abort();
}

static void usage(FILE *f)
{
	fputs("usage: tapir COMMAND [options]\n"
	      "A TCP/IP stack in user space, on a TAP device or another source of Ethernet "
	      "frames.\n\n",
	      f);
	for (size_t i = 0; commands[i].name; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("  help     explains a command: tapir help COMMAND\n\n"
	      "  --help   shows this          --version   shows the version\n"
	      "To see it: tapir demo. By hand: sudo tapir up, and from another terminal\n"
	      "ping 192.0.2.2.\n"
	      "Exit status: 0 done, 1 the network or the peer said no, 2 usage.\n",
	      f);
}

/* Help and version that nobody could read are a failure. */
static int told(void)
{
	if (fflush(stdout) == 0)
		return 0;
	perror("tapir: stdout");
	return 1;
}

static int run(const char *name, int argc, char **argv)
{
	for (size_t i = 0; commands[i].name; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(argc, argv);
	}
	fprintf(stderr, "tapir: %s: no such command: see 'tapir --help'\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	const char *word = argv[1];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	    (strcmp(word, "help") == 0 && (argc == 2 || strcmp(argv[2], "help") == 0))) {
		usage(stdout);
		return told();
	}
	if (strcmp(word, "--version") == 0) {
		puts("tapir " TAPIR_VERSION);
		return told();
	}
	if (strcmp(word, "help") == 0) {
		char *help[] = {argv[2], (char[]){"--help"}, NULL};
		if (argc > 3) {
			fprintf(stderr, "tapir: help: more than one command: give one\n");
			return 2;
		}
		return run(argv[2], 2, help);
	}
	if (word[0] == '-') {
		fprintf(stderr, "tapir: %s: no such option: see 'tapir --help'\n", word);
		return 2;
	}
	return run(word, argc - 1, argv + 1);
}
