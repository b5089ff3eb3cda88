/*
 * The access log, in the combined format that log readers know.
 */
#ifndef TAPIR_APPS_HTTP_LOG_H
#define TAPIR_APPS_HTTP_LOG_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "apps/http_parse.h"
#include "stack/addr.h"

enum {
	HTTP_LOG_BUF = 65536,
	HTTP_LOG_PART =
		2048, /* bytes of a request line, Referer or User-Agent that are logged, escaped */
};

struct http_log {
	int fd;	 /* -1: nobody listens */
	int own; /* the same file, opened by us so that writing does not block; or -1 */
	char buf[HTTP_LOG_BUF];
	size_t len;
	uint64_t lost; /* lines that had no room because the reader is slow */
	time_t stamp_of;
	char stamp[32];
};

/* Lines go to fd, which stays the caller's; -1: no log. */
void http_log_init(struct http_log *log, int fd);

/* Writes what has gathered, as far as it can be without waiting, and closes what init opened. */
void http_log_end(struct http_log *log);

/*
 * Adds a line for a request, refused ones too. Bytes of the client that are not plain text are escaped as
 * \xHH. Only formats: http_log_flush() writes. `req` may be NULL when nothing of a request came.
 */
void http_log_add(struct http_log *log, const struct tapir_addr *peer, time_t now,
		  const struct http_parser *req, int status, uint64_t body_bytes);

/* Writes what has gathered, as far as the reader takes it: never waits. */
void http_log_flush(struct http_log *log);

/* "192.0.2.1" into out. Returns out. */
char *http_log_addr(const struct tapir_addr *a, char out[16]);

#endif
