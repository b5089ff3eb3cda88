/*
 * Frames of the control socket. What is taken is an object, no deeper than we say, and the frame made of it is taken again
 * and is the same; what is refused has a reason. The decoder itself is a library's: the fence around it is ours.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apps/ctl_frame.h"

static void need(int ok)
{
	if (!ok)
		abort();
}

/* How many objects and lists hold the innermost value at most: level by level, for a value may be wide too. */
static void need_shallow(json_t *top)
{
	json_t *level = json_array(), *next = NULL;

	json_array_append(level, top);
	for (int depth = 0; json_array_size(level) > 0; depth++) {
		need(depth <= CTL_DEPTH_MAX);
		next = json_array();
		for (size_t i = 0; i < json_array_size(level); i++) {
			json_t *v = json_array_get(level, i);

			for (void *it = json_object_iter(v); it; it = json_object_iter_next(v, it))
				json_array_append(next, json_object_iter_value(it));
			for (size_t k = 0; k < json_array_size(v); k++)
				json_array_append(next, json_array_get(v, k));
		}
		json_decref(level);
		level = next;
	}
	json_decref(level);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct opt_why why = {""};
	size_t len = 0;

	if (size > CTL_REQUEST_MAX)
		return 0;
	/* A copy of its own size: reading beyond it shows. */
	uint8_t *bytes = malloc(size ? size : 1);
	need(bytes != NULL);
	if (size)
		memcpy(bytes, data, size);
	json_t *j = ctl_frame_parse(bytes, size, &why);
	free(bytes);
	if (!j) {
		need(why.text[0] != '\0');
		return 0;
	}
	need(json_is_object(j));
	need_shallow(j);
	uint8_t *frame = ctl_frame_make(j, CTL_FRAME_MAX, &len);
	need(frame != NULL && len > CTL_HEAD && ctl_head_get(frame) == len - CTL_HEAD);
	json_t *again = ctl_frame_parse(frame + CTL_HEAD, len - CTL_HEAD, &why);
	need(again != NULL && json_equal(j, again));
	json_decref(again);
	json_decref(j);
	free(frame);
	return 0;
}
