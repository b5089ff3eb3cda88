/*
 * An incremental parser of HTTP/1.1 requests, without I/O: bytes in, events out. It is strict where laxity
 * has let two parsers disagree about one message (RFC 9112 section 11.2), and bounded everywhere.
 */
#ifndef TAPIR_APPS_HTTP_PARSE_H
#define TAPIR_APPS_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_MAX_EMPTY_LINES = 4,    /* CRLFs tolerated before a request line */
	HTTP_MAX_METHOD = 32,	     /* bytes of a method; longer ones are 501 */
	HTTP_MAX_LINE = 8192,	     /* bytes of a request line without its CRLF; beyond it 414 */
	HTTP_MAX_FIELDS = 100,	     /* header lines; beyond it 431 */
	HTTP_MAX_HEAD = 16384,	     /* bytes of all header lines with their CRLFs; beyond it 431 */
	HTTP_MAX_TRAILERS = 4096,    /* bytes of all trailer lines; beyond it 431 */
	HTTP_MAX_CHUNK_LINE = 256,   /* bytes of a chunk's size and extensions */
	HTTP_MAX_CHUNK_EXT = 4096,   /* bytes of all chunk extensions of a body */
	HTTP_MAX_BODY = 1024 * 1024, /* bytes of a body; beyond it 413 */
};

/* What http_parse() has to tell. */
enum http_event {
	HTTP_EV_MORE, /* the input is used up and the request is not whole */
	HTTP_EV_HEAD, /* the request line and header are whole: the accessors below are valid */
	HTTP_EV_BODY, /* some bytes of the body: body, body_len point into the input */
	HTTP_EV_END,  /* the request is whole; http_parser_next() begins the next one */
	HTTP_EV_BAD, /* refused: status and why say how to answer; the connection is to be closed */
};

/* The methods of RFC 9110 section 9 and RFC 5789; every other token is HTTP_OTHER. */
#define HTTP_METHODS(X) \
	X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE) X(PATCH)

enum http_method {
#define X(name) HTTP_##name,
	HTTP_METHODS(X)
#undef X
		HTTP_OTHER
};

enum http_why {
	HTTP_WHY_NONE,
#define HTTP_REJECT(name, status, text) HTTP_WHY_##name,
#include "apps/http_parse.def"
#undef HTTP_REJECT
	HTTP_WHY_COUNT
};

/* A header line: offsets of two NUL-terminated strings in http_parser.buf. */
struct http_field {
	uint16_t name, value;
};

/*
 * One request. After HTTP_EV_HEAD and until http_parser_next() the request's parts are valid; the strings are
 * NUL-terminated (no byte of a request can be NUL) and live in buf.
 */
struct http_parser {
	/* the request */
	enum http_method method;
	uint8_t minor;	      /* 0 or 1 of HTTP/1.x; higher minors count as 1 */
	bool keep;	      /* the client lets the connection persist (RFC 9112 9.3) */
	bool expect_continue; /* Expect: 100-continue, and a body to come */
	bool chunked;	      /* the body is framed by chunks */
	bool asterisk;	      /* the target is '*', for OPTIONS alone */
	uint64_t content_len; /* Content-Length, 0 without one */
	uint64_t body_seen;   /* bytes of the body so far, without framing */
	/* a refusal */
	enum http_why why;
	int status; /* 4xx or 5xx after HTTP_EV_BAD, else 0 */
	/* the last HTTP_EV_BODY */
	const uint8_t *body;
	size_t body_len;

	/* private from here */
	uint8_t phase, empty_lines;
	bool cr;	 /* the last byte was a CR */
	bool space;	 /* the request line's first space has come */
	bool line_known; /* the request line has been taken apart */
	bool absolute;	 /* the target came with scheme and host */
	bool have_cl, have_te, close, keep_alive;
	uint16_t path_off, query_off, host_off; /* in buf, 0 for none; the method is at 0 */
	uint16_t nfields;
	uint32_t line, len, cap; /* start of the line being read, bytes in buf, its size */
	uint32_t section;	 /* bytes of the header or trailer so far */
	uint32_t ext_bytes;	 /* bytes of chunk extensions so far */
	uint64_t left;		 /* bytes to come of this body or chunk */
	char *buf;
	struct http_field field[HTTP_MAX_FIELDS];
};

/* Make a parser that waits for a request's first byte. It owns no memory yet. */
void http_parser_init(struct http_parser *p);

/* Give back what the parser holds; init makes it usable again. */
void http_parser_free(struct http_parser *p);

/* After HTTP_EV_END: wait for the next request of the connection; a small buffer is kept. */
void http_parser_next(struct http_parser *p);

/*
 * Read up to len bytes; *used gets how many were taken (always all of them for HTTP_EV_MORE, none
 * after HTTP_EV_BAD). Call again with the rest until HTTP_EV_MORE. The events, their order and the verdict don't depend
 * on how the bytes are cut into calls.
 */
enum http_event http_parse(struct http_parser *p, const uint8_t *in, size_t len, size_t *used);

/* True while not a byte of the request has come (empty lines don't count). */
bool http_parser_idle(const struct http_parser *p);

/* The path as it came, still percent-encoded, beginning with '/', or "*" (or CONNECT's host:port). */
const char *http_parser_path(const struct http_parser *p);

/* The query without its '?', or NULL. */
const char *http_parser_query(const struct http_parser *p);

/* The host that is asked, with its port: the absolute target's, else Host's; NULL in a bare HTTP/1.0 request. */
const char *http_parser_host(const struct http_parser *p);

/* The first header line of this name (any case), its value without outer white space; NULL for none. */
const char *http_parser_field(const struct http_parser *p, const char *name);

/* The method as it came. */
const char *http_parser_method(const struct http_parser *p);

/*
 * The request line for a log, as far as it is known, even of a refused request: raw bytes, possibly
 * malicious, into out (NUL-terminated, cut to cap - 1 bytes). Returns its length.
 */
size_t http_parser_request_line(const struct http_parser *p, char *out, size_t cap);

/* A refusal's text and status. */
const char *http_why_text(enum http_why why);
int http_why_status(enum http_why why);

#endif
