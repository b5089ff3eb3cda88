/*
 * A head is short and known at once, so it is written out whole into a fixed buffer, with the page of an error
 * behind it; a file follows from its descriptor, straight into the connection's send buffer, however large.
 * Nothing that a client sent is copied into a page or a head but the path of a redirect, which is encoded
 * again on its way.
 */
#include "apps/http_response.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stack/tapir.h"

const char *http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} table[] = {
		{200, "OK"},
		{204, "No Content"},
		{301, "Moved Permanently"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{417, "Expectation Failed"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (table[i].status == status)
			return table[i].text;
	}
	return "Unknown";
}

char *http_date(time_t when, char out[HTTP_DATE_LEN])
{
	static const char day[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char month[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm;
	/* Four digits of a year are all that the form has: a file from beyond them is dated to their edge. */
	const time_t last = 253402300799;
	when = when < 0 ? 0 : when > last ? last : when;
	gmtime_r(&when, &tm);
	snprintf(out, HTTP_DATE_LEN, "%s, %02u %s %04u %02u:%02u:%02u GMT", day[tm.tm_wday % 7],
		 (unsigned)tm.tm_mday % 100u, month[tm.tm_mon % 12],
		 (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)tm.tm_hour % 100u,
		 (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u);
	return out;
}

void http_response_init(struct http_response *r)
{
	memset(r, 0, sizeof *r);
	r->status = 500;
	r->why = "";
	r->fd = -1;
}

void http_response_free(struct http_response *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

void http_response_error(struct http_response *r, int status, const char *why)
{
	http_response_free(r);
	r->status = status;
	r->why = why;
}

__attribute__((format(printf, 2, 3))) static void put(struct http_response *r, const char *fmt, ...)
{
	size_t room = sizeof r->text - r->text_len;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(r->text + r->text_len, room, fmt, ap);
	va_end(ap);
	/* The parts are bounded so that all of them fit (a test tries the longest). */
	r->text_len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static int make_page(const struct http_response *r, char *out, size_t cap)
{
	const char *text = http_status_text(r->status);
	return snprintf(out, cap,
			"<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
			"charset=\"utf-8\"><title>%d %s</title></head>\n"
			"<body><h1>%d %s</h1><p>%s</p></body></html>\n",
			r->status, text, r->status, text, r->why);
}

void http_response_finish(struct http_response *r, int minor, const char *date)
{
	char page[640], modified[HTTP_DATE_LEN];
	bool bare = r->status == 204; /* RFC 9110 15.3.5: has no content, nor its length */
	int page_len = r->fd < 0 && !bare ? make_page(r, page, sizeof page) : 0;
	r->text_len = 0;
	r->text_sent = 0;
	put(r, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: tapir/" TAPIR_VERSION "\r\n", r->status,
	    http_status_text(r->status), date);
	if (r->fd >= 0) {
		put(r, "Content-Type: %s\r\nContent-Length: %llu\r\nLast-Modified: %s\r\n", r->type,
		    (unsigned long long)r->size, http_date(r->mtime, modified));
	} else if (!bare) {
		put(r, "Content-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n",
		    page_len);
	}
	put(r, "X-Content-Type-Options: nosniff\r\n");
	if (r->allow)
		put(r, "Allow: %s\r\n", r->allow);
	if (*r->location)
		put(r, "Location: %s\r\n", r->location);
	/* RFC 9112 9.6: say so when the connection ends; 9.3: HTTP/1.0 must be told when it does not. */
	if (!r->keep)
		put(r, "Connection: close\r\n");
	else if (minor == 0)
		put(r, "Connection: keep-alive\r\n");
	put(r, "\r\n");
	r->head_len = r->text_len;
	r->off = 0;
	/* HT-31 */
	r->left = r->fd >= 0 && !r->no_body ? r->size : 0;
	if (page_len && !r->no_body)
		put(r, "%s", page);
}

uint64_t http_response_body_sent(const struct http_response *r)
{
	return r->off + (r->text_sent > r->head_len ? r->text_sent - r->head_len : 0);
}
