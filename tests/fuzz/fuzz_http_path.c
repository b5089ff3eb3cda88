/*
 * Paths of requests. Whatever is accepted must be a path that can't climb, can't hide and survives being
 * encoded and decoded again; http_file_open() is tried against an empty directory, which it must not leave.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/http_file.h"

static void need(int ok)
{
	if (!ok)
		abort();
}

static void check_text(const struct http_path *p)
{
	need(p->len < HTTP_MAX_PATH && strlen(p->text) == p->len);
	need(p->text[0] != '/' && (p->len == 0 || p->text[p->len - 1] != '/'));
	for (size_t i = 0; i < p->len; i++) {
		need((unsigned char)p->text[i] >= ' ' && p->text[i] != 0x7f);
		if (i == 0 || p->text[i - 1] == '/')
			need(p->text[i] != '.' && p->text[i] != '/');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_root root = {.fd = -1};
	static struct http_path path, again;
	static char target[3 * HTTP_MAX_PATH + 8];
	struct http_file file;
	if (root.fd < 0) {
		char dir[] = "/tmp/tapir-fuzz-path-XXXXXX";
		need(mkdtemp(dir) != NULL && http_root_open(&root, dir) == 0 && rmdir(dir) == 0);
	}
	char *raw = malloc(size + 1);
	need(raw != NULL);
	if (size)
		memcpy(raw, data, size);
	raw[size] = 0;
	int status = http_path_decode(raw, &path);
	free(raw);
	need(status == 200 || status == 400 || status == 404 || status == 414);
	if (status != 200)
		return 0;
	check_text(&path);
	need(http_path_encode(&path, path.slash, NULL, target, sizeof target) > 0 &&
	     target[0] == '/');
	need(http_path_decode(target, &again) == 200);
	need(strcmp(path.text, again.text) == 0);
	status = http_file_open(&root, &path, &file);
	need(status >= 301 && status < 600);
	return 0;
}
