/*
 * Each block has a header with its size and a place in a list, so that a free with another size than
 * was asked for, of a block that is not in use, or not of ours stops the test at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/support/alloc.h"

enum { ARENA_BYTES = 256 << 20 };

struct test_block {
	struct test_block *next, *prev;
	void *mem; /* what free() wants; NULL: in the arena */
	size_t n;
	uint64_t magic;
	uint64_t pad;
};

static const uint64_t live_magic = 0x6c6976652d6d656dull;

static uint64_t next_random(struct test_alloc *a)
{
	a->rnd = a->rnd * 6364136223846793005ull + 1442695040888963407ull;
	return a->rnd >> 33;
}

void test_alloc_init(struct test_alloc *a, enum test_alloc_mode mode)
{
	memset(a, 0, sizeof(*a));
	a->mode = mode;
	a->rnd = 12345;
	if (mode == TEST_ALLOC_REVERSE) {
		a->arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (a->arena == MAP_FAILED)
			abort();
		a->arena_at = a->arena + ARENA_BYTES;
	}
}

void *test_alloc_get(void *ctx, size_t n)
{
	struct test_alloc *a = ctx;
	size_t total = (sizeof(struct test_block) + n + 15) & ~(size_t)15;
	size_t gap = 0;
	struct test_block *b;
	void *mem = NULL;

	a->calls++;
	if (a->calls == a->fail_at || (a->fail_all && a->calls >= a->fail_all)) {
		a->failed++;
		return NULL;
	}
	if (a->mode == TEST_ALLOC_REVERSE) {
		if ((size_t)(a->arena_at - a->arena) < total)
			return NULL;
		a->arena_at -= total;
		b = (struct test_block *)(void *)a->arena_at;
	} else {
		if (a->mode == TEST_ALLOC_GAPS)
			gap = (next_random(a) % 4096) & ~(size_t)15;
		mem = malloc(gap + total);
		if (!mem)
			return NULL;
		b = (struct test_block *)(void *)((char *)mem + gap);
	}
	b->mem = mem;
	b->n = n;
	b->magic = live_magic;
	b->prev = NULL;
	b->next = a->blocks;
	if (b->next)
		b->next->prev = b;
	a->blocks = b;
	a->live++;
	a->live_bytes += n;
	if (a->live_bytes > a->peak_bytes)
		a->peak_bytes = a->live_bytes;
	memset(b + 1,
	       a->mode == TEST_ALLOC_PLAIN     ? 0xa5
	       : a->mode == TEST_ALLOC_REVERSE ? 0x3c
					       : (int)(next_random(a) & 0xff),
	       n);
	return b + 1;
}

static void unlink_block(struct test_alloc *a, struct test_block *b)
{
	if (b->prev)
		b->prev->next = b->next;
	else
		a->blocks = b->next;
	if (b->next)
		b->next->prev = b->prev;
	a->live--;
	a->live_bytes -= b->n;
	b->magic = 0;
	if (b->mem)
		free(b->mem);
	else
		memset(b + 1, 0xdd, b->n);
}

void test_alloc_put(void *ctx, void *p, size_t n)
{
	struct test_alloc *a = ctx;
	struct test_block *b;

	if (!p)
		return;
	b = (struct test_block *)p - 1;
	if (b->magic != live_magic || b->n != n) {
		fprintf(stderr, "test_alloc: free of %p with size %zu: %s\n", p, n,
			b->magic == live_magic ? "another size was asked for" : "not in use");
		abort();
	}
	unlink_block(a, b);
}

void test_alloc_end(struct test_alloc *a)
{
	while (a->blocks)
		unlink_block(a, a->blocks);
	if (a->arena)
		munmap(a->arena, ARENA_BYTES);
	a->arena = NULL;
}
