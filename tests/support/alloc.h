#ifndef TAPIR_TESTS_SUPPORT_ALLOC_H
#define TAPIR_TESTS_SUPPORT_ALLOC_H

/*
 * An allocator for tests: counts, checks sizes given back, fails when told to, and can hand out
 * addresses in a strange order, so that whatever depends on the value of a pointer or on memory that
 * was not written shows.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/tapir.h"

enum test_alloc_mode {
	TEST_ALLOC_PLAIN,   /* malloc, filled with 0xa5 */
	TEST_ALLOC_REVERSE, /* each address below the one before, filled with 0x3c */
	TEST_ALLOC_GAPS,    /* random distances, filled with what was random */
};

struct test_block;

struct test_alloc {
	enum test_alloc_mode mode;
	struct test_block *blocks; /* those in use */
	size_t live, live_bytes, peak_bytes;
	uint64_t calls;	   /* allocations asked for */
	uint64_t fail_at;  /* the call (1, 2, ...) that fails; 0: none */
	uint64_t fail_all; /* from this call on all fail; 0: never */
	uint64_t failed;   /* how many did */
	uint64_t rnd;
	uint8_t *arena, *arena_at;
};

void test_alloc_init(struct test_alloc *a, enum test_alloc_mode mode);
/* Frees what was left, without complaint: look at `live` before. */
void test_alloc_end(struct test_alloc *a);

/* For struct tapir_env, with ctx = the struct test_alloc. */
void *test_alloc_get(void *ctx, size_t n);
void test_alloc_put(void *ctx, void *p, size_t n);

#endif
