/*
 * A line a response: host, time, request line, status, body bytes, Referer and User-Agent. What the client
 * sent can hold anything, terminal escapes and forged line ends too, so only printable ASCII but the quote
 * and the backslash passes as it is. Lines gather in a buffer and are written together; when the reader
 * of our output stands still, lines are lost and counted, and the server goes on.
 *
 * For that no write may block, and nothing else than O_NONBLOCK makes sure of it. But that flag belongs to
 * the open file, which our shell and our standard error may share. So a pipe or terminal is opened once
 * more, by its name in /proc, and the flag is ours alone. Where that fails we ask before each write
 * and write no more than a pipe that has room takes at once.
 */
#include "apps/http_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Our own way to the file behind fd, which does not block; -1: there is none. */
static int open_again(int fd)
{
	char name[32];
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0 || (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)))
		return -1;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void http_log_init(struct http_log *log, int fd)
{
	memset(log, 0, sizeof *log);
	log->own = open_again(fd);
	log->fd = log->own >= 0 ? log->own : fd;
	log->stamp_of = -1;
}

void http_log_end(struct http_log *log)
{
	http_log_flush(log);
	if (log->own >= 0)
		close(log->own);
	log->own = log->fd = -1;
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

/* How much may be written without waiting; 0: nothing now. */
static size_t room(const struct http_log *log, size_t want)
{
	struct pollfd p = {.fd = log->fd, .events = POLLOUT};
	if (log->own >= 0)
		return want;
	if (poll(&p, 1, 0) <= 0)
		return 0;
	return want < PIPE_BUF ? want : PIPE_BUF;
}

void http_log_flush(struct http_log *log)
{
	size_t done = 0, most;
	while (done < log->len && log->fd >= 0 && (most = room(log, log->len - done)) > 0) {
		ssize_t n = write(log->fd, log->buf + done, most);
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
