/*
 * Handles: an index and a generation.
 *
 *	63      56          24          0
 *	+--------+-----------+----------+
 *	|   0    | generation| index + 1|
 *	+--------+-----------+----------+
 *
 * Places live in chunks of 256 that never move; only the array of pointers to them grows. A place's
 * generation rises each time that it is given up, so that an old handle never names a new socket; a
 * place that has been through all generations is not used again. Free places are taken last in, first
 * out: which index a socket gets follows from the calls alone.
 */
#include <errno.h>
#include <string.h>

#include "stack/sock/sock.h"
#include "stack/sock/table.h"

enum { INDEX_BITS = 24 };

struct sock *sock_at(const struct sock_table *st, uint32_t index)
{
	return &st->chunk[index / SOCK_CHUNK][index % SOCK_CHUNK];
}

tapir_sock_t sock_handle(const struct sock *s)
{
	return (tapir_sock_t)((uint64_t)s->gen << INDEX_BITS | (s->index + 1));
}

struct sock *sock_find(const struct tapir *t, tapir_sock_t h)
{
	const struct sock_table *st = t->sock;
	uint64_t v = (uint64_t)h;
	uint32_t index = (uint32_t)(v & ((1u << INDEX_BITS) - 1));
	struct sock *s;

	if (h <= 0 || index == 0 || index > st->high)
		return NULL;
	s = sock_at(st, index - 1);
	return s->kind != SOCK_FREE && s->gen == v >> INDEX_BITS ? s : NULL;
}

/* One more chunk. */
static int grow(struct tapir *t)
{
	struct sock_table *st = t->sock;
	struct sock *c;

	if (st->nchunk == st->chunk_cap) {
		uint32_t cap = st->chunk_cap ? 2 * st->chunk_cap : 8;
		struct sock **p = mem_alloc(t, cap * sizeof(struct sock *));

		if (!p)
			return -ENOMEM;
		if (st->nchunk > 0)
			memcpy(p, st->chunk, st->nchunk * sizeof(struct sock *));
		mem_free(t, st->chunk, st->chunk_cap * sizeof(struct sock *));
		st->chunk = p;
		st->chunk_cap = cap;
	}
	c = mem_zalloc(t, SOCK_CHUNK * sizeof(struct sock));
	if (!c)
		return -ENOMEM;
	st->chunk[st->nchunk++] = c;
	return 0;
}

int sock_take(struct tapir *t, struct sock **out)
{
	struct sock_table *st = t->sock;
	struct sock *s;

	if (st->n >= (uint64_t)t->conf.max_sockets || st->high + 1 >= 1u << INDEX_BITS) {
		STAT_INC(t, Tapir, SocketTableFull);
		return -ENFILE;
	}
	if (st->free_head) {
		s = sock_at(st, st->free_head - 1);
		st->free_head = s->u.next_free;
	} else {
		if (st->high == st->nchunk * SOCK_CHUNK) {
			int err = grow(t);

			if (err)
				return err;
		}
		s = sock_at(st, st->high);
		s->index = st->high++ & ((1u << INDEX_BITS) - 1);
		s->gen = 1;
	}
	s->u.next_free = 0;
	st->n++;
	*out = s;
	return 0;
}

void sock_release(struct tapir *t, struct sock *s)
{
	struct sock_table *st = t->sock;

	s->kind = SOCK_FREE;
	st->n--;
	s->u.next_free = 0;
	if (++s->gen == 0)
		return;
	s->u.next_free = st->free_head;
	st->free_head = s->index + 1;
}

int sock_init(struct tapir *t)
{
	t->sock = mem_zalloc(t, sizeof(*t->sock));
	return t->sock ? 0 : -ENOMEM;
}

void sock_fini(struct tapir *t)
{
	struct sock_table *st = t->sock;

	if (!st)
		return;
	for (uint32_t i = 0; i < st->nchunk; i++)
		mem_free(t, st->chunk[i], SOCK_CHUNK * sizeof(struct sock));
	mem_free(t, st->chunk, st->chunk_cap * sizeof(struct sock *));
	mem_free(t, st, sizeof(*st));
	t->sock = NULL;
}

void sock_check(struct tapir *t)
{
	const struct sock_table *st = t->sock;
	uint32_t used = 0, free = 0;

	for (uint32_t i = 0; i < st->high; i++) {
		const struct sock *s = sock_at(st, i);

		TAPIR_ASSERT(s->index == i);
		used += s->kind != SOCK_FREE;
		free += s->kind == SOCK_FREE && s->gen != 0;
		TAPIR_ASSERT(s->kind == SOCK_FREE || s->u.udp != NULL);
		TAPIR_ASSERT(s->kind == SOCK_FREE || sock_ready(t, s)->sock == sock_handle(s));
	}
	TAPIR_ASSERT(used == st->n);
	for (uint32_t at = st->free_head; at; at = sock_at(st, at - 1)->u.next_free) {
		TAPIR_ASSERT(at <= st->high && sock_at(st, at - 1)->kind == SOCK_FREE);
		TAPIR_ASSERT(free-- > 0);
	}
	TAPIR_ASSERT(free == 0);
}
