/*
 * Decoders are tried on memory of exactly the bytes that they are told of, so that under
 * AddressSanitizer or valgrind one byte too far is seen. A copy made by exact() is freed by
 * exact_free().
 */
#ifndef TAPIR_TESTS_UNIT_WIRE_EXACT_H
#define TAPIR_TESTS_UNIT_WIRE_EXACT_H

#include <stdlib.h>

#include "tests/support/test.h"

static inline uint8_t *exact(const void *p, size_t n)
{
	uint8_t *m = malloc(n ? n : 1);

	assert_non_null(m);
	if (n)
		memcpy(m, p, n);
	return m;
}

static inline void exact_free(uint8_t *m)
{
	free(m);
}

#endif
