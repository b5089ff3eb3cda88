#ifndef TAPIR_TESTS_SUPPORT_TEST_H
#define TAPIR_TESTS_SUPPORT_TEST_H

/*
 * What every C test program starts from: cmocka's assertions, with results told in TAP.
 *
 *	TEST(reset_in_window_closes, "MUST-58 R1122-20")
 *	{
 *		assert_int_equal(...);
 *	}
 *
 *	int main(int argc, char **argv)
 *	{
 *		static const struct CMUnitTest tests[] = {
 *			cmocka_unit_test(reset_in_window_closes),
 *		};
 *		return tapir_test_run("unit/tcp/test_tcp_input", tests);
 *	}
 *
 * The second argument of TEST lists the requirements that the test shows, separated by spaces, "" for
 * none; tools/rfc-ledger reads the line as text, so it starts in column 0.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

#define TEST(name, ids) static void name(__attribute__((unused)) void **state)

/*
 * Runs the tests of an array and prints TAP on stdout, after a line "# suite NAME". What a test prints
 * itself is held back, and shown only if it fails. Returns the exit status for main: 0 if nothing failed.
 *
 * The program's own arguments (read from the system, main need not pass them): -l lists the tests; any
 * other is a pattern of fnmatch(3), or a part of a name, and only the tests that match one run.
 */
#define tapir_test_run(suite, tests) \
	tapir_test_run_n((suite), (tests), sizeof(tests) / sizeof((tests)[0]))
int tapir_test_run_n(const char *suite, const struct CMUnitTest *tests, size_t n);

/* A figure that is told whether the test fails or not: a line, printed as a comment behind the test's result. */
void tapir_test_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Ends the running test as skipped, with the reason. As root a skip is a failure of the whole run. */
_Noreturn void tapir_test_skip(const char *why);

/*
 * Runs a statement that must end in tapir_panic (TAPIR_ASSERT); fails the test if it comes back. What
 * the statement had allocated is lost: keep it to memory that the test owns.
 */
#define assert_panics(statement)                              \
	do {                                                  \
		jmp_buf panic_env_;                           \
		if (setjmp(panic_env_) == 0) {                \
			tapir_test_panic_env = &panic_env_;   \
			statement;                            \
			tapir_test_panic_env = NULL;          \
			fail_msg("no panic: %s", #statement); \
		}                                             \
	} while (0)
extern jmp_buf *tapir_test_panic_env;

#endif
