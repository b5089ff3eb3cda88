/*
 * A response: what a handler decides, the bytes of its head, and where its body comes from.
 */
#ifndef TAPIR_APPS_HTTP_RESPONSE_H
#define TAPIR_APPS_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
	HTTP_MAX_LOCATION = 1536,  /* bytes of a Location; a redirect beyond it is 414 */
	HTTP_RESPONSE_TEXT = 2560, /* bytes of a head and the small page behind it */
	HTTP_DATE_LEN = 30,	   /* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL */
};

struct http_response {
	/* decided by the handler */
	int status;
	const char *why;   /* a sentence for the page of an error, static */
	const char *allow; /* Allow, or NULL */
	const char *type;  /* media type of the file */
	uint64_t size;	   /* bytes of the file */
	time_t mtime;	   /* Last-Modified of the file */
	int fd;		   /* the file to send, owned; -1: a page made from status and why */
	bool keep;	   /* the connection persists after it */
	bool no_body;	   /* the answer to HEAD */
	char location[HTTP_MAX_LOCATION];

	/* progress, kept by the connection */
	char text[HTTP_RESPONSE_TEXT]; /* head, then the page if it is one */
	size_t text_len, text_sent, head_len;
	uint64_t off, left; /* of the file */
};

/* An empty response, without a file. */
void http_response_init(struct http_response *r);

/* Closes the file if there is one. */
void http_response_free(struct http_response *r);

/* Makes it an error or notice without a file: status, and a static sentence about it. */
void http_response_error(struct http_response *r, int status, const char *why);

/*
 * Writes head and page into text, and sets what is to be sent. `minor` is the request's version (of 1.x),
 * `date` the Date field's value.
 */
void http_response_finish(struct http_response *r, int minor, const char *date);

/* Body bytes handed to the connection so far, for the log. */
uint64_t http_response_body_sent(const struct http_response *r);

/* "Not Found" and so on, RFC 9110 15. */
const char *http_status_text(int status);

/* RFC 9110 5.6.7: the preferred form of a date. Returns out. */
char *http_date(time_t when, char out[HTTP_DATE_LEN]);

#endif
