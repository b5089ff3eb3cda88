/*
 * The main of a fuzz target where libFuzzer is not: runs LLVMFuzzerTestOneInput over every file of the
 * folders and files given, so that the committed corpus is replayed by `make test` with any compiler. With no
 * corpus it runs the empty input, which every target must bear. One TAP result a target; a crash names its file.
 */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static char current[4096];
static unsigned long count;

static void on_death(int sig)
{
	if (write(STDERR_FILENO, "died on input ", 14) < 0 ||
	    write(STDERR_FILENO, current, strlen(current)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
		_exit(1);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* libFuzzer hands over exactly `size` bytes of heap, so that a byte too far is seen; so do we. */
static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (!f)
		return; /* a folder, or gone */
	snprintf(current, sizeof(current), "%s", path);
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && size < (16 << 20)) {
		data = malloc(size ? (size_t)size : 1);
		if (data && fseek(f, 0, SEEK_SET) == 0 &&
		    fread(data, 1, (size_t)size, f) == (size_t)size) {
			LLVMFuzzerTestOneInput(data, (size_t)size);
			count++;
		}
		free(data);
	}
	fclose(f);
}

static void replay_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort); /* the same order everywhere */

	if (n < 0) {
		replay_file(path);
		return;
	}
	for (int i = 0; i < n; i++) {
		char file[4096];

		if (entries[i]->d_name[0] != '.') {
			snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
			replay_file(file);
		}
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM};
	const char *name = strrchr(argv[0], '/');
	uint8_t *nothing = malloc(1);

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], on_death);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	name = name ? name + 1 : argv[0];
	printf("# suite fuzz/%s\n1..1\n", name);
	fflush(stdout);
	snprintf(current, sizeof(current), "(empty)");
	LLVMFuzzerTestOneInput(nothing, 0);
	free(nothing);
	for (int i = 1; i < argc; i++)
		replay_folder(argv[i]);
	printf("ok 1 - replays_its_corpus\n# %lu inputs\n", count);
	return 0;
}
