/*
 * JSON is left to a library that is kept well, but not without a fence: it decodes by recursion, so how deep a text goes is
 * counted before it is called, in one pass that knows strings and brackets and nothing else. Length is bounded by the frame.
 *
 *	 0   1   2   3   4
 *	+---+---+---+---+---- ... ----+
 *	|    length     | JSON object |
 *	+---+---+---+---+---- ... ----+
 */
#include "apps/ctl_frame.h"

#include <stdlib.h>
#include <string.h>

uint32_t ctl_head_get(const uint8_t head[CTL_HEAD])
{
	return (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
}

/* How many brackets are open at most, outside of strings. Text that is no JSON has some number too. */
static size_t depth_of(const uint8_t *bytes, size_t len)
{
	size_t depth = 0, most = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted) {
			if (bytes[i] == '\\')
				i++;
			else if (bytes[i] == '"')
				quoted = false;
		} else if (bytes[i] == '"') {
			quoted = true;
		} else if (bytes[i] == '{' || bytes[i] == '[') {
			depth++;
			most = depth > most ? depth : most;
		} else if ((bytes[i] == '}' || bytes[i] == ']') && depth > 0) {
			depth--;
		}
	}
	return most;
}

json_t *ctl_frame_parse(const uint8_t *bytes, size_t len, struct opt_why *why)
{
	json_error_t error;

	if (depth_of(bytes, len) > CTL_DEPTH_MAX) {
		opt_refuse(why, "JSON deeper than %d", CTL_DEPTH_MAX);
		return NULL;
	}
	json_t *value = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, &error);
	if (!value) {
		opt_refuse(why, "no JSON: line %d, column %d: %.120s", error.line, error.column,
			   error.text);
		return NULL;
	}
	if (!json_is_object(value)) {
		opt_refuse(why, "no JSON object");
		json_decref(value);
		return NULL;
	}
	return value;
}

uint8_t *ctl_frame_make(const json_t *value, size_t max, size_t *len)
{
	size_t n = json_dumpb(value, NULL, 0, JSON_COMPACT);

	if (n == 0 || n > max || n > CTL_FRAME_MAX)
		return NULL;
	uint8_t *frame = malloc(CTL_HEAD + n);
	if (!frame)
		return NULL;
	for (size_t i = 0; i < CTL_HEAD; i++)
		frame[i] = (uint8_t)(n >> (24 - 8 * i));
	if (json_dumpb(value, (char *)frame + CTL_HEAD, n, JSON_COMPACT) != n) {
		free(frame);
		return NULL;
	}
	*len = CTL_HEAD + n;
	return frame;
}
