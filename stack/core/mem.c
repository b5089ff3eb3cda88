/*
 * Memory of the instance: a thin layer over the environment's alloc and free, so that every failure
 * is counted in one place. There is no malloc in the core; sizes are given back at free, so that an
 * environment needs no headers of its own to account for them.
 */
#include <string.h>

#include "stack/core/instance.h"

void *mem_alloc(struct tapir *t, size_t n)
{
	void *p = t->env.alloc(t->env.ctx, n);

	if (!p)
		STAT_INC(t, Tapir, NoMemory);
	return p;
}

void *mem_zalloc(struct tapir *t, size_t n)
{
	void *p = mem_alloc(t, n);

	if (p)
		memset(p, 0, n);
	return p;
}

void mem_free(struct tapir *t, void *p, size_t n)
{
	if (p)
		t->env.free(t->env.ctx, p, n);
}
