/* The control socket's frames: JSON in, JSON out, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "apps/ctl_client.h"
#include "apps/ctl_frame.h"
#include "tests/support/test.h"

static const char *parse(const void *bytes, size_t len)
{
	static struct opt_why why;
	json_t *j;

	memset(&why, 0, sizeof why);
	j = ctl_frame_parse(bytes, len, &why);
	if (j)
		assert_true(json_is_object(j));
	else
		assert_true(why.text[0] != 0);
	json_decref(j);
	return why.text;
}

static void refuses(const char *text, const char *why)
{
	const char *got = parse(text, strlen(text));

	if (!strstr(got, why) || !*got)
		fail_msg("'%s' gives '%s', not '%s'", text, got, why);
}

/* `n` lists within each other, in an object. */
static char *deep(size_t n)
{
	char *text = calloc(1, 2 * n + 16);

	assert_non_null(text);
	strcpy(text, "{\"a\":");
	memset(text + 5, '[', n);
	memset(text + 5 + n, ']', n);
	text[5 + 2 * n] = '}';
	return text;
}

TEST(an_object_is_taken, "")
{
	static const char *const good[] = {
		"{}",
		" {\"verb\":\"x\", \"a\":[1,{\"b\":null}]}\n",
		"{\"\\u00e9\":\"[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"}",
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_string_equal(parse(good[i], strlen(good[i])), "");
}

TEST(what_is_no_object_is_refused, "")
{
	static const uint8_t nul[] = {'{', '"', 'a', '"', ':', '"', 0, '"', '}'};
	static const uint8_t bad_utf8[] = {'{', '"', 0xc0, 0x80, '"', ':', '1', '}'};

	refuses("", "no JSON");
	refuses("[]", "no JSON object");
	refuses("1", "no JSON");
	refuses("\"x\"", "no JSON");
	refuses("{", "no JSON: line 1");
	refuses("{\"a\":1}x", "no JSON");
	refuses("{\"a\":1}{}", "no JSON");
	refuses("{\"a\":1,\"a\":2}", "no JSON");
	refuses("{\"a\":\"\\u0000\"}", "no JSON");
	refuses("{'a':1}", "no JSON");
	refuses("{\"a\":01}", "no JSON");
	refuses("{\"a\":1e999}", "no JSON");
	refuses("{\"a\":99999999999999999999}", "no JSON");
	refuses("{\"a\":NaN}", "no JSON");
	assert_non_null(strstr(parse(nul, sizeof nul), "no JSON"));
	assert_non_null(strstr(parse(bad_utf8, sizeof bad_utf8), "no JSON"));
}

TEST(depth_is_bounded_before_it_is_decoded, "")
{
	char *text = deep(CTL_DEPTH_MAX - 1);

	assert_string_equal(parse(text, strlen(text)), "");
	free(text);
	text = deep(CTL_DEPTH_MAX);
	refuses(text, "JSON deeper than 16");
	free(text);
	text = deep(30000);
	refuses(text, "JSON deeper than 16");
	text[40000] = 0;
	refuses(text, "JSON deeper than 16");
	free(text);
	/* What closes more than it opened gains nothing by it. */
	refuses("]]]]]]]]]]]]]]]]]]]][[[[[[[[[[[[[[[[[[", "JSON deeper than 16");
}

TEST(a_frame_is_its_length_and_its_text, "")
{
	json_t *j = json_pack("{s:s,s:i}", "ok", "a\tb", "n", 7);
	struct opt_why why = {""};
	size_t len = 0;
	uint8_t *frame = ctl_frame_make(j, CTL_FRAME_MAX, &len);

	assert_non_null(frame);
	assert_int_equal(ctl_head_get(frame), len - CTL_HEAD);
	json_t *back = ctl_frame_parse(frame + CTL_HEAD, len - CTL_HEAD, &why);
	assert_true(json_equal(j, back));
	json_decref(back);
	free(frame);
	assert_null(ctl_frame_make(j, len - CTL_HEAD - 1, &len));
	frame = ctl_frame_make(j, len - CTL_HEAD, &len);
	assert_non_null(frame);
	free(frame);
	json_decref(j);
	assert_int_equal(ctl_head_get((const uint8_t[]){0xff, 0xff, 0xff, 0xff}), UINT32_MAX);
	assert_int_equal(ctl_head_get((const uint8_t[]){0, 1, 2, 3}), 0x10203);
}

TEST(a_frame_beyond_a_mebibyte_is_not_made, "")
{
	char *text = malloc(CTL_FRAME_MAX + 1);
	size_t len;

	assert_non_null(text);
	memset(text, 'x', CTL_FRAME_MAX);
	text[CTL_FRAME_MAX] = 0;
	json_t *j = json_pack("{s:s}", "ok", text);
	assert_null(ctl_frame_make(j, SIZE_MAX, &len));
	json_decref(j);
	text[CTL_FRAME_MAX - 9] = 0; /* {"ok":""} */
	j = json_pack("{s:s}", "ok", text);
	uint8_t *frame = ctl_frame_make(j, SIZE_MAX, &len);
	assert_non_null(frame);
	assert_int_equal(len, CTL_HEAD + CTL_FRAME_MAX);
	free(frame);
	json_decref(j);
	free(text);
}

TEST(what_a_stack_says_moves_no_cursor, "")
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	ctl_puts("a\tb\033[2J\177 \302\233 b\303\274cher \302\251 \302", f);
	fclose(f);
	assert_string_equal(text, "a\tb\\x1b[2J\\x7f \\xc2\\x9b b\303\274cher \302\251 \302");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_taken),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(depth_is_bounded_before_it_is_decoded),
		cmocka_unit_test(a_frame_is_its_length_and_its_text),
		cmocka_unit_test(a_frame_beyond_a_mebibyte_is_not_made),
		cmocka_unit_test(what_a_stack_says_moves_no_cursor),
	};

	return tapir_test_run("unit/apps/test_ctl_frame", tests);
}
