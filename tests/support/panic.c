/*
 * The core ends a broken invariant in tapir_panic, a symbol that each program defines for itself. In tests it
 * says where and aborts, so that the core dump or the sanitizer's report shows the stack; a test that wants
 * the panic (assert_panics) is gone back to instead. It stands in a file of its own so that fuzz targets, which
 * don't link cmocka, can use it too.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "stack/base/assert.h"
#include "tests/support/test_note.h"

extern jmp_buf *tapir_test_panic_env;
jmp_buf *tapir_test_panic_env;
_Thread_local const char *tapir_test_note;

_Noreturn void tapir_panic(const char *file, int line, const char *expr)
{
	jmp_buf *env = tapir_test_panic_env;

	if (env) {
		tapir_test_panic_env = NULL;
		longjmp(*env, 1);
	}
	fprintf(stderr, "tapir_panic: %s:%d: %s\n", file, line, expr);
	fflush(stderr);
	abort();
}
