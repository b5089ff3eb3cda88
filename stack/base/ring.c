/*
 * The positions of a ring run freely modulo 2^32 and are masked by the capacity, a power of two,
 * only when memory is touched: no position ever has to be wrapped by hand and "full" and "empty"
 * differ.
 *
 *	        head - kept        head                  head + len
 *	            |    kept       |        stream           |
 *	... room ...|###############|=========================|... room (reserve, write_at) ...
 *	            `------------------- at most cap ---------'
 *
 * The drawing is a circle: room's end is where kept begins. Bytes are put into room at their final
 * place, in order by append or reserve, out of order by write_at; commit moves the end of the
 * stream over them. A piece of the circle is at most two pieces of memory.
 */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/bits.h"
#include "stack/base/ring.h"

static bool ring_cap_ok(const void *buf, uint32_t cap)
{
	return cap == 0 || (buf && is_pow2_u64(cap));
}

/* Bytes of memory from stream offset off up to where the memory ends. */
static size_t ring_to_wrap(const struct ring *r, uint32_t off, uint32_t *index)
{
	*index = (r->head + off) & (r->cap - 1);
	return r->cap - *index;
}

/* Copy n bytes into the ring's memory from offset off on; the caller has checked the room. */
static void ring_put(struct ring *r, uint32_t off, const uint8_t *p, size_t n)
{
	uint32_t at;
	size_t first = min_size(n, ring_to_wrap(r, off, &at));

	memcpy(r->buf + at, p, first);
	if (n > first)
		memcpy(r->buf, p + first, n - first);
}

void ring_init(struct ring *r, void *buf, uint32_t cap)
{
	TAPIR_ASSERT(ring_cap_ok(buf, cap));
	*r = (struct ring){.buf = buf, .cap = cap};
}

size_t ring_append(struct ring *r, const void *p, size_t n)
{
	n = min_size(n, ring_space(r));
	if (n) {
		ring_put(r, r->len, p, n);
		r->len += (uint32_t)n;
	}
	return n;
}

unsigned ring_peek(const struct ring *r, uint32_t off, size_t n, struct ring_span out[2])
{
	if (off >= r->len)
		return 0;
	n = min_size(n, r->len - off);
	if (n == 0)
		return 0;

	uint32_t at;
	size_t first = min_size(n, ring_to_wrap(r, off, &at));

	out[0] = (struct ring_span){.p = r->buf + at, .len = first};
	if (first == n)
		return 1;
	out[1] = (struct ring_span){.p = r->buf, .len = n - first};
	return 2;
}

size_t ring_copy_out(const struct ring *r, uint32_t off, void *dst, size_t n)
{
	struct ring_span s[2];
	unsigned pieces = ring_peek(r, off, n, s);
	size_t done = 0;

	for (unsigned i = 0; i < pieces; i++) {
		memcpy((uint8_t *)dst + done, s[i].p, s[i].len);
		done += s[i].len;
	}
	return done;
}

void ring_consume(struct ring *r, uint32_t n)
{
	TAPIR_ASSERT(n <= r->len);
	TAPIR_ASSERT(r->kept == 0);
	r->head += n;
	r->len -= n;
}

void ring_keep(struct ring *r, uint32_t n)
{
	TAPIR_ASSERT(n <= r->len);
	r->head += n;
	r->len -= n;
	r->kept += n;
}

void ring_release(struct ring *r, uint32_t n)
{
	TAPIR_ASSERT(n <= r->kept);
	r->kept -= n;
}

void ring_unappend(struct ring *r, uint32_t n)
{
	TAPIR_ASSERT(n <= r->len);
	r->len -= n;
}

unsigned ring_reserve(const struct ring *r, size_t n, struct ring_wspan out[2])
{
	n = min_size(n, ring_space(r));
	if (n == 0)
		return 0;

	uint32_t at;
	size_t first = min_size(n, ring_to_wrap(r, r->len, &at));

	out[0] = (struct ring_wspan){.p = r->buf + at, .len = first};
	if (first == n)
		return 1;
	out[1] = (struct ring_wspan){.p = r->buf, .len = n - first};
	return 2;
}

void ring_commit(struct ring *r, uint32_t n)
{
	TAPIR_ASSERT(n <= ring_space(r));
	r->len += n;
}

void ring_write_at(struct ring *r, uint32_t off, const void *p, size_t n)
{
	size_t reach = (size_t)r->len + ring_space(r);

	TAPIR_ASSERT(off <= reach && n <= reach - off);
	if (n)
		ring_put(r, off, p, n);
}

void *ring_relocate(struct ring *r, void *buf, uint32_t cap)
{
	TAPIR_ASSERT(ring_cap_ok(buf, cap) && cap >= r->len);
	TAPIR_ASSERT(r->kept == 0);

	void *old = r->buf;

	if (r->len)
		ring_copy_out(r, 0, buf, r->len);
	r->buf = buf;
	r->cap = cap;
	r->head = 0;
	return old;
}
