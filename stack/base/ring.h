/*
 * A ring of bytes over memory that the caller gives. The stream's bytes [head, head + len) are at
 * offsets 0..len-1 of every function here. Theory and a drawing are in ring.c.
 *
 * Bytes already consumed may be kept for a while (a packet in a transmit queue still points to
 * them): ring_keep() moves them from the stream to the kept part, which takes room until
 * ring_release().
 */
#ifndef TAPIR_BASE_RING_H
#define TAPIR_BASE_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *buf;  /* cap bytes, the caller's; NULL when cap is 0 */
	uint32_t cap;  /* a power of two up to 2^31, or 0 */
	uint32_t head; /* position of the first byte of the stream, free running modulo 2^32 */
	uint32_t len;  /* bytes in the stream */
	uint32_t kept; /* bytes right before head that must not be overwritten yet */
};

/* A piece of the ring's memory to read from. */
struct ring_span {
	const uint8_t *p;
	size_t len;
};

/* A piece of the ring's memory to write to. */
struct ring_wspan {
	uint8_t *p;
	size_t len;
};

/* An empty ring over cap bytes at buf: cap a power of two, or 0 with buf NULL. */
void ring_init(struct ring *r, void *buf, uint32_t cap);

/* Room for new bytes at the tail. */
static inline uint32_t ring_space(const struct ring *r)
{
	return r->cap - r->len - r->kept;
}

/* Append up to n bytes of p; returns how many fitted (0..n). */
size_t ring_append(struct ring *r, const void *p, size_t n);

/*
 * The bytes [off, off + n) of the stream as one or two pieces in order. Returns the number of
 * pieces (0 when n is 0 or off is at or past the end); what reaches past the end is cut off. The
 * pieces are valid until the bytes are released or the ring is moved.
 */
unsigned ring_peek(const struct ring *r, uint32_t off, size_t n, struct ring_span out[2]);

/* Copy out [off, off + n), cut at the end of the stream; returns the bytes copied. */
size_t ring_copy_out(const struct ring *r, uint32_t off, void *dst, size_t n);

/* Drop n <= len bytes from the head; their room is free at once (kept bytes before them stay kept:
 * drop only with nothing kept, else use ring_keep). */
void ring_consume(struct ring *r, uint32_t n);

/* Take n <= len bytes off the head of the stream, but keep their memory until ring_release(). */
void ring_keep(struct ring *r, uint32_t n);

/* Free the room of the n <= kept oldest kept bytes. */
void ring_release(struct ring *r, uint32_t n);

/* Drop n <= len bytes from the tail (an append taken back). */
void ring_unappend(struct ring *r, uint32_t n);

/*
 * Room for up to n bytes at the tail as one or two pieces to fill in; returns the number of pieces.
 * Nothing is in the stream before ring_commit().
 */
unsigned ring_reserve(const struct ring *r, size_t n, struct ring_wspan out[2]);

/* Add the first n <= ring_space() bytes of the reserved room to the stream. */
void ring_commit(struct ring *r, uint32_t n);

/*
 * Copy n bytes to the stream's position off, which may lie beyond the tail: bytes that arrive out
 * of order are put where they will be, and ring_commit() adds them when the gap before them is
 * filled. off + n <= len + ring_space().
 */
void ring_write_at(struct ring *r, uint32_t off, const void *p, size_t n);

/*
 * Move the stream to buf (cap bytes, cap >= len, a power of two or 0) to grow or shrink. Nothing
 * may be kept or lie beyond the tail. Returns the old memory, for the caller to free.
 */
void *ring_relocate(struct ring *r, void *buf, uint32_t cap);

#endif
