/*
 * The control socket's frames: four bytes of length, big endian, and so many bytes of JSON, an object. Pure: bytes in, values
 * out. docs/control.md has the protocol.
 */
#ifndef TAPIR_APPS_CTL_FRAME_H
#define TAPIR_APPS_CTL_FRAME_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "apps/opts.h"

enum {
	CTL_HEAD = 4,
	CTL_FRAME_MAX = 1 << 20,   /* bytes of JSON in any frame */
	CTL_REQUEST_MAX = 1 << 16, /* and in one to a stack */
	CTL_DEPTH_MAX = 16,	   /* objects and lists within each other */
};

/* The length of the frame that begins with these bytes. */
uint32_t ctl_head_get(const uint8_t head[CTL_HEAD]);

/*
 * What a frame holds, to be given back by json_decref(). NULL with the reason in *why: no JSON (which has no NUL, no two
 * members of one name in an object), deeper than CTL_DEPTH_MAX, or no object.
 */
json_t *ctl_frame_parse(const uint8_t *bytes, size_t len, struct opt_why *why);

/*
 * The frame of a value, head and all, to be given back by free(); *len is its length. NULL: no memory, or more than
 * `max` bytes of JSON. The value stays the caller's.
 */
uint8_t *ctl_frame_make(const json_t *value, size_t max, size_t *len);

#endif
