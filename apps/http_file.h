/*
 * From a request's path to an open file below a root directory, and never to one that is not below it.
 */
#ifndef TAPIR_APPS_HTTP_FILE_H
#define TAPIR_APPS_HTTP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { HTTP_MAX_PATH = 4096 }; /* bytes of a decoded path with its NUL; a longer one is 414 */

struct http_root {
	int fd;	   /* the directory, O_PATH */
	bool walk; /* openat2 is refused here: go component by component, and follow no link at all */
};

/* A path of a request, decoded once and with "." and ".." resolved by RFC 3986 5.2.4. */
struct http_path {
	char text[HTTP_MAX_PATH]; /* relative to the root, without outer slashes; "" is the root */
	size_t len;
	bool slash; /* it named a directory: it ended in "/", "/." or "/.." */
};

struct http_file {
	int fd; /* readable, O_NONBLOCK; the caller closes it */
	uint64_t size;
	time_t mtime;
	const char *type; /* media type, static */
};

/* Opens the root directory. Returns 0 or a negative errno (-ENOTDIR, -ENOENT, -EACCES...). */
int http_root_open(struct http_root *r, const char *dir);
void http_root_close(struct http_root *r);

/*
 * Decodes a path as it stands in a request ("/a%20b/"). Returns 200; 400 for a malformed or dangerous one
 * (bad escape, NUL or control character, ".." above the root); 404 for one that can't name a file of ours
 * (hidden, or a slash within a name); 414 when it is too long.
 */
int http_path_decode(const char *raw, struct http_path *out);

/*
 * Percent-encodes a decoded path into a target that begins with exactly one slash, with `slash` at its end
 * and the query behind a "?" unless NULL. Returns its length, or 0 when cap bytes (with NUL) are too few.
 */
size_t http_path_encode(const struct http_path *p, bool slash, const char *query, char *out,
			size_t cap);

/*
 * Opens what the path names: 200 with *out filled; 301 for a directory named without a slash; 403 for what
 * may not be read (rights, a link out of the root, a FIFO, socket or device, a directory without
 * index.html); 404; 500 or 503 when the system fails or is out of descriptors or memory.
 */
int http_file_open(const struct http_root *r, const struct http_path *path, struct http_file *out);

/* The media type of a file name, by its ending. */
const char *http_mime_type(const char *name);

#endif
