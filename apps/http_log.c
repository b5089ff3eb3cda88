/*
 * A line a response: host, time, request line, status, body bytes, Referer and User-Agent. What the client
 * sent can hold anything, terminal escapes and forged line ends too, so only printable ASCII but the quote
 * and the backslash passes as it is. Lines gather in a buffer and are written together; when the reader
 * of our output stands still, lines are lost and counted, and the server goes on.
 */
#include "apps/http_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void http_log_init(struct http_log *log, int fd)
{
	memset(log, 0, sizeof *log);
	log->fd = fd;
	log->stamp_of = -1;
}

char *http_log_addr(const struct tapir_addr *a, char out[16])
{
	snprintf(out, 16, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
	return out;
}

/* HT-27: appends escaped text, its escaped form cut to HTTP_LOG_PART bytes. */
static size_t escape(char *out, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	for (size_t i = 0; i < len && n + 4 <= HTTP_LOG_PART; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
			out[n++] = (char)c;
		} else {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		}
	}
	return n;
}

static size_t add_field(char *out, const struct http_parser *req, const char *name)
{
	const char *value = req ? http_parser_field(req, name) : NULL;
	size_t n = 0;
	out[n++] = ' ';
	out[n++] = '"';
	if (value)
		n += escape(out + n, value, strlen(value));
	else
		out[n++] = '-';
	out[n++] = '"';
	return n;
}

void http_log_add(struct http_log *log, const struct tapir_addr *peer, time_t now,
		  const struct http_parser *req, int status, uint64_t body_bytes)
{
	char line[HTTP_LOG_PART + 1], addr[16];
	if (log->fd < 0)
		return;
	if (sizeof log->buf - log->len < 3 * HTTP_LOG_PART + 200)
		http_log_flush(log);
	if (sizeof log->buf - log->len < 3 * HTTP_LOG_PART + 200) {
		log->lost++;
		return;
	}
	if (now != log->stamp_of) {
		struct tm tm;
		localtime_r(&now, &tm);
		strftime(log->stamp, sizeof log->stamp, "%d/%b/%Y:%H:%M:%S %z", &tm);
		log->stamp_of = now;
	}
	char *out = log->buf + log->len;
	size_t n =
		(size_t)snprintf(out, 100, "%s - - [%s] \"", http_log_addr(peer, addr), log->stamp);
	size_t len = req ? http_parser_request_line(req, line, sizeof line) : 0;
	n += escape(out + n, line, len);
	n += (size_t)snprintf(out + n, 60, "\" %d %llu", status, (unsigned long long)body_bytes);
	n += add_field(out + n, req, "Referer");
	n += add_field(out + n, req, "User-Agent");
	out[n++] = '\n';
	log->len += n;
}

void http_log_flush(struct http_log *log)
{
	size_t done = 0;
	while (done < log->len && log->fd >= 0) {
		ssize_t n = write(log->fd, log->buf + done, log->len - done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n < 0 && errno != EINTR)
			log->fd = -1; /* the reader has gone: serve on without a log */
	}
	memmove(log->buf, log->buf + done, log->len - done);
	log->len -= done;
	if (log->fd < 0)
		log->len = 0;
}
