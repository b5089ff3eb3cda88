/*
 * A request is read in lines and then in counted bytes:
 *
 *   LINE --> FIELDS --+--> BODY -----------------------------+--> END
 *                     |                                      |
 *                     +--> SIZE --> DATA --> CRLF --> SIZE   |
 *                     |     `--(size 0)--> TRAILERS ---------+
 *                     +--------------------------------------+
 *
 * Bytes of a line are copied into buf, one after the other, each checked for what no line may hold; at CR LF
 * the line is judged as a whole. So the verdict can't depend on how the bytes were cut on their way: a chunk
 * of input carries no meaning. Two parsers that disagree about where a message ends are the root of request
 * smuggling, so whatever RFC 9112 lets a recipient mend is refused here instead: bare LF, folded lines,
 * white space before a colon, repeated or listed lengths, a length beside a transfer coding.
 *
 *   buf  "GET\0/a/b\0q=1\0HTTP/1.1\0" "Host\0h\0..." ... | trailer or chunk line being read
 *         0   path  query              field[]           line                     len     cap
 *
 * White space and CR after a part are overwritten by NUL, so parts are C strings; a request holds no NUL of
 * its own. buf grows by doubling up to a bound that follows from the limits. Lines after the head reuse the
 * space behind it.
 */
#include "apps/http_parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum phase {
	PH_LINE,
	PH_FIELDS,
	PH_BODY,
	PH_SIZE,
	PH_DATA,
	PH_CRLF,
	PH_TRAILERS,
	PH_END,
	PH_BAD,
};

enum {
	BUF_FIRST = 1024,
	BUF_KEEP = 4096, /* a larger buffer is not kept between requests */
	BUF_MAX = HTTP_MAX_LINE + HTTP_MAX_HEAD + HTTP_MAX_TRAILERS + HTTP_MAX_CHUNK_LINE + 16,
};

_Static_assert(BUF_MAX <= UINT16_MAX, "offsets into buf are 16 bits wide");

static const struct {
	int status;
	const char *text;
} reject[HTTP_WHY_COUNT] = {
	[HTTP_WHY_NONE] = {0, ""},
#define HTTP_REJECT(name, status, text) [HTTP_WHY_##name] = {status, text},
#include "apps/http_parse.def"
#undef HTTP_REJECT
};

static const char *const method_name[] = {
#define X(name) [HTTP_##name] = #name,
	HTTP_METHODS(X)
#undef X
};

_Static_assert(sizeof method_name / sizeof *method_name == HTTP_OTHER, "a name for each method");

const char *http_why_text(enum http_why why)
{
	return reject[why].text;
}

int http_why_status(enum http_why why)
{
	return reject[why].status;
}

static enum http_event bad(struct http_parser *p, enum http_why why)
{
	p->phase = PH_BAD;
	p->why = why;
	p->status = reject[why].status;
	p->keep = false;
	return HTTP_EV_BAD;
}

/* RFC 9110 5.6.2: the characters of a token. */
static bool is_token(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

/*
 * RFC 3986 wants more characters escaped than browsers escape: the URL standard leaves "|" and "^" alone in
 * a path, and "\ ^ ` { | }" in a query. Those have one meaning only and pass. Whatever could end or split a
 * target (controls, space, "#", quotes, angle brackets) and every byte above 0x7e does not.
 */
static bool is_target(unsigned char c, bool query)
{
	if (c <= ' ' || c >= 0x7f)
		return false;
	return !strchr(query ? "\"#<>" : "\"#<>\\`{}", c);
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(unsigned char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* RFC 9110 7.2 and RFC 3986 3.2.2: uri-host [ ":" port ], neither user information nor an empty host. */
static bool host_valid(const char *s, size_t len)
{
	size_t i = 0;
	if (len && s[0] == '[') {
		i = 1;
		while (i < len &&
		       (hex_value((unsigned char)s[i]) >= 0 || s[i] == ':' || s[i] == '.'))
			i++;
		if (i < 3 || i >= len || s[i] != ']')
			return false;
		i++;
	} else {
		while (i < len && s[i] != ':') {
			unsigned char c = (unsigned char)s[i];
			bool alnum =
				is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
			if (!alnum && !(c && strchr("-._~!$&'()*+,;=%", c)))
				return false;
			i++;
		}
		if (i == 0)
			return false;
	}
	if (i == len)
		return true;
	if (s[i++] != ':' || len - i > 5)
		return false;
	while (i < len && is_digit((unsigned char)s[i]))
		i++;
	return i == len;
}

void http_parser_init(struct http_parser *p)
{
	memset(p, 0, sizeof *p);
}

void http_parser_free(struct http_parser *p)
{
	free(p->buf);
	http_parser_init(p);
}

void http_parser_next(struct http_parser *p)
{
	char *buf = p->buf;
	uint32_t cap = p->cap;
	if (cap > BUF_KEEP) {
		free(buf);
		buf = NULL;
		cap = 0;
	}
	/* The field table is not worth clearing: nfields bounds it. */
	memset(p, 0, offsetof(struct http_parser, field));
	p->buf = buf;
	p->cap = cap;
}

bool http_parser_idle(const struct http_parser *p)
{
	return p->phase == PH_LINE && p->len == 0;
}

/* Room for one byte more. */
static bool grow(struct http_parser *p)
{
	if (p->len < p->cap)
		return true;
	uint32_t cap = p->cap ? p->cap * 2 : BUF_FIRST;
	if (cap > BUF_MAX)
		cap = BUF_MAX;
	if (cap <= p->len)
		return false; /* the limits of the sections stop a line before this */
	char *buf = realloc(p->buf, cap);
	if (!buf)
		return false;
	p->buf = buf;
	p->cap = cap;
	return true;
}

/*
 * Judge one byte that would be added to the line at hand, before it is. Only what holds for any place in the
 * line is refused here, so that garbage does not wait for the end of a line that may never come.
 */
static enum http_why judge_byte(struct http_parser *p, unsigned char c)
{
	uint32_t n = p->len - p->line;
	if (p->cr)
		return HTTP_WHY_BARE_CR; /* HT-14, RFC 9112 2.2: it makes the element invalid */
	if (p->phase == PH_CRLF)
		return c == '\r' ? HTTP_WHY_NONE : HTTP_WHY_CHUNK_END;
	if (c == '\r')
		return HTTP_WHY_NONE;
	if ((c < ' ' && c != '\t') || c == 0x7f)
		return HTTP_WHY_CTL;
	switch ((enum phase)p->phase) {
	case PH_LINE:
		if (!p->space) {
			p->space = c == ' ';
			if (!p->space && !is_token(c))
				return HTTP_WHY_METHOD_CHAR;
			/* HT-22, RFC 9112 3: 501 for a method longer than any we know, 414 for the target. */
			if (!p->space && n >= HTTP_MAX_METHOD)
				return HTTP_WHY_METHOD_LONG;
		}
		return n >= HTTP_MAX_LINE ? HTTP_WHY_TARGET_LONG : HTTP_WHY_NONE;
	case PH_FIELDS:
		return p->section + n + 3 > HTTP_MAX_HEAD ? HTTP_WHY_FIELDS_LONG : HTTP_WHY_NONE;
	case PH_TRAILERS:
		return p->section + n + 3 > HTTP_MAX_TRAILERS ? HTTP_WHY_FIELDS_LONG
							      : HTTP_WHY_NONE;
	case PH_SIZE:
		return n >= HTTP_MAX_CHUNK_LINE ? HTTP_WHY_CHUNK_EXT : HTTP_WHY_NONE;
	case PH_BODY:
	case PH_DATA:
	case PH_CRLF:
	case PH_END:
	case PH_BAD:
		break;
	}
	return HTTP_WHY_NONE;
}

/* RFC 9112 3.2.2: take scheme and host off; the host's text moves left by one to make room for its NUL. */
static enum http_why absolute_form(struct http_parser *p, char *target, size_t len, size_t scheme)
{
	char *host = target + scheme;
	size_t n = strcspn(host, "/?");
	if (!host_valid(host, n))
		return HTTP_WHY_TARGET_HOST;
	memmove(host - 1, host, n);
	host[n - 1] = 0;
	p->absolute = true;
	p->host_off = (uint16_t)(host - 1 - p->buf);
	p->path_off = host[n] == '/' && scheme + n < len ? (uint16_t)(host + n - p->buf) : 0;
	if (host[n] == '?') {
		host[n] = 0;
		p->query_off = (uint16_t)(host + n + 1 - p->buf);
	}
	return HTTP_WHY_NONE;
}

/* The four forms of RFC 9112 3.2; target is NUL-terminated and its characters are good. */
static enum http_why target_form(struct http_parser *p, char *target, size_t len)
{
	p->path_off = (uint16_t)(target - p->buf);
	if (p->method == HTTP_CONNECT) {
		const char *colon = strrchr(target, ':');
		return host_valid(target, len) && colon && colon[1] && colon[1] != ']'
			       ? HTTP_WHY_NONE
			       : HTTP_WHY_TARGET_FORM;
	}
	if (strcmp(target, "*") == 0) {
		p->asterisk = true;
		return p->method == HTTP_OPTIONS ? HTTP_WHY_NONE : HTTP_WHY_TARGET_FORM;
	}
	if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
		enum http_why why = absolute_form(p, target, len, target[4] == ':' ? 7 : 8);
		if (why)
			return why;
	} else if (target[0] != '/') {
		return HTTP_WHY_TARGET_FORM;
	}
	char *query = p->path_off ? strchr(p->buf + p->path_off, '?') : NULL;
	if (query) {
		*query = 0;
		p->query_off = (uint16_t)(query + 1 - p->buf);
	}
	return HTTP_WHY_NONE;
}

/* HT-17, RFC 9112 3: method SP request-target SP HTTP-version, n bytes at the start of buf. */
static enum http_why request_line(struct http_parser *p, size_t n)
{
	char *s = p->buf;
	char *sp1 = memchr(s, ' ', n);
	char *sp2 = memrchr(s, ' ', n);
	if (!sp1 || sp1 == s || sp2 == sp1)
		return HTTP_WHY_REQUEST_LINE;
	const char *v = sp2 + 1;
	if (s + n - v != 8 || memcmp(v, "HTTP/", 5) != 0 || !is_digit((unsigned char)v[5]) ||
	    v[6] != '.' || !is_digit((unsigned char)v[7]))
		return HTTP_WHY_REQUEST_LINE;
	char *target = sp1 + 1;
	size_t len = (size_t)(sp2 - target);
	if (len == 0)
		return HTTP_WHY_REQUEST_LINE;
	bool query = false;
	for (size_t i = 0; i < len; i++) {
		query = query || target[i] == '?';
		if (!is_target((unsigned char)target[i], query))
			return HTTP_WHY_TARGET_CHAR;
	}
	/* RFC 9112 2.3: the major version says whether we understand the message at all. */
	if (v[5] != '1')
		return HTTP_WHY_VERSION;
	p->minor = v[7] == '0' ? 0 : 1;
	*sp1 = 0;
	*sp2 = 0;
	p->method = HTTP_OTHER;
	for (int i = 0; i < HTTP_OTHER; i++) {
		if (strcmp(s, method_name[i]) == 0)
			p->method = (enum http_method)i;
	}
	enum http_why why = target_form(p, target, len);
	if (why) {
		*sp1 = ' '; /* the log shows the line as it came */
		*sp2 = ' ';
		return why;
	}
	p->line_known = true;
	return HTTP_WHY_NONE;
}

/* RFC 9112 5: field-name ":" OWS field-value OWS, n bytes at s, NUL behind them. Cuts name and value apart. */
static enum http_why field_line(char *s, size_t n, char **value)
{
	/* HT-15, RFC 9112 2.2 and 5.2: folding, and white space before the first field, are refused. */
	if (s[0] == ' ' || s[0] == '\t')
		return HTTP_WHY_FOLD;
	char *colon = memchr(s, ':', n);
	if (!colon)
		return HTTP_WHY_NO_COLON;
	/* HT-15, RFC 9112 5.1: white space before the colon is answered with 400. */
	if (colon > s && (colon[-1] == ' ' || colon[-1] == '\t'))
		return HTTP_WHY_NAME_SPACE;
	if (colon == s)
		return HTTP_WHY_NAME_CHAR; /* HT-16 */
	for (const char *c = s; c < colon; c++) {
		if (!is_token((unsigned char)*c))
			return HTTP_WHY_NAME_CHAR;
	}
	char *v = colon + 1, *end = s + n;
	while (*v == ' ' || *v == '\t')
		v++;
	while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = 0;
	*colon = 0;
	*value = v;
	return HTTP_WHY_NONE;
}

/* HT-09, IH-07, RFC 9110 8.6: 1*DIGIT, no sign, no list; a value past 64 bits saturates, to be refused as too large. */
static bool decimal(const char *s, uint64_t *out)
{
	uint64_t v = 0;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (!is_digit((unsigned char)*s))
			return false;
		unsigned d = (unsigned)(*s - '0');
		v = v > (UINT64_MAX - d) / 10 ? UINT64_MAX : v * 10 + d;
	}
	*out = v;
	return true;
}

/* HT-23: the next element of a comma-separated list (RFC 9110 5.6.1), or false at the end. May be empty. */
static bool list_next(const char **s, const char **item, size_t *len)
{
	if (!*s)
		return false;
	const char *at = *s + strspn(*s, " \t");
	size_t n = strcspn(at, ",");
	*s = at[n] ? at + n + 1 : NULL;
	while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
		n--;
	*item = at;
	*len = n;
	return true;
}

static bool is_word(const char *item, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(item, word, len) == 0;
}

/* What a header line means for the framing, as it comes. */
static enum http_why field_known(struct http_parser *p, const char *name, const char *value)
{
	const char *item;
	size_t len;
	if (strcasecmp(name, "Host") == 0) {
		/* HT-18, RFC 9112 3.2: more than one Host, or an invalid one, is answered with 400. */
		for (unsigned i = 0; i < p->nfields; i++) {
			if (strcasecmp(p->buf + p->field[i].name, "Host") == 0)
				return HTTP_WHY_HOST_TWICE;
		}
		return host_valid(value, strlen(value)) ? HTTP_WHY_NONE : HTTP_WHY_HOST_VALUE;
	}
	if (strcasecmp(name, "Content-Length") == 0) {
		/* HT-08, RFC 9112 6.3: equal repeated lengths may be merged; refusing them is the safe choice. */
		if (p->have_cl)
			return HTTP_WHY_CL_TWICE;
		p->have_cl = true;
		return decimal(value, &p->content_len) ? HTTP_WHY_NONE : HTTP_WHY_CL_VALUE;
	}
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		p->have_te = true;
	} else if (strcasecmp(name, "Connection") == 0) {
		while (list_next(&value, &item, &len)) {
			p->close = p->close || is_word(item, len, "close");
			p->keep_alive = p->keep_alive || is_word(item, len, "keep-alive");
		}
	} else if (strcasecmp(name, "Expect") == 0 && p->minor > 0) {
		/* HT-30, RFC 9110 10.1.1: 417 for what is not 100-continue; HTTP/1.0 knows no Expect. */
		if (strcasecmp(value, "100-continue") != 0)
			return HTTP_WHY_EXPECT;
		p->expect_continue = true;
	}
	return HTTP_WHY_NONE;
}

/* HT-07, RFC 9112 6.1 and 6.3: chunked must be the last coding and appear once; we know no other. */
static enum http_why transfer_codings(const struct http_parser *p)
{
	bool last_chunked = false, other = false;
	for (unsigned i = 0; i < p->nfields; i++) {
		const char *s = p->buf + p->field[i].value, *item;
		size_t len;
		if (strcasecmp(p->buf + p->field[i].name, "Transfer-Encoding") != 0)
			continue;
		while (list_next(&s, &item, &len)) {
			if (last_chunked || len == 0)
				return HTTP_WHY_TE_FINAL;
			last_chunked = is_word(item, len, "chunked");
			other = other || !last_chunked;
		}
	}
	if (!last_chunked)
		return HTTP_WHY_TE_FINAL;
	return other ? HTTP_WHY_TE_UNKNOWN : HTTP_WHY_NONE;
}

/* The empty line after the header: what only the whole of it can tell. */
static enum http_event head_done(struct http_parser *p)
{
	const char *host = http_parser_field(p, "Host");
	if (!host && p->minor > 0)
		return bad(p, HTTP_WHY_HOST_MISSING);
	if (host && !p->absolute)
		p->host_off = (uint16_t)(host - p->buf);
	if (p->have_te) {
		if (p->have_cl)
			return bad(p, HTTP_WHY_CL_AND_TE); /* HT-05, HT-06 */
		if (p->minor == 0)
			return bad(p, HTTP_WHY_TE_IN_10);
		enum http_why why = transfer_codings(p);
		if (why)
			return bad(p, why);
		p->chunked = true;
	}
	if (p->content_len > HTTP_MAX_BODY)
		return bad(p, HTTP_WHY_BODY_LONG); /* IH-06 */
	p->keep = !p->close && (p->minor > 0 || p->keep_alive);
	p->expect_continue = p->expect_continue && (p->chunked || p->content_len);
	p->left = p->content_len;
	p->phase = p->chunked ? PH_SIZE : PH_BODY;
	p->line = p->len;
	return HTTP_EV_HEAD;
}

/* HT-10, HT-11, R20-20, RFC 9112 7.1: chunk-size [ chunk-ext ]. At most 16 digits, so the value can't overflow. */
static enum http_why chunk_line(struct http_parser *p, const char *s, size_t n)
{
	uint64_t size = 0;
	size_t i = 0;
	while (i < n && hex_value((unsigned char)s[i]) >= 0) {
		if (i == 16)
			return HTTP_WHY_CHUNK_SIZE;
		size = size << 4 | (unsigned)hex_value((unsigned char)s[i++]);
	}
	if (i == 0 || (i < n && s[i] != ';'))
		return HTTP_WHY_CHUNK_SIZE;
	p->ext_bytes += (uint32_t)(n - i);
	if (p->ext_bytes > HTTP_MAX_CHUNK_EXT)
		return HTTP_WHY_CHUNK_EXT;
	if (size > HTTP_MAX_BODY - p->body_seen)
		return HTTP_WHY_BODY_LONG;
	p->left = size;
	p->section = 0;
	p->phase = size ? PH_DATA : PH_TRAILERS;
	return HTTP_WHY_NONE;
}

/* A line stands whole at buf + line: n bytes and a NUL. HTTP_EV_MORE goes on with the next. */
static enum http_event line_done(struct http_parser *p, size_t n)
{
	char *s = p->buf + p->line, *value;
	enum http_why why = HTTP_WHY_NONE;
	switch ((enum phase)p->phase) {
	case PH_LINE:
		if (n == 0) {
			/* RFC 9112 2.2: ignore empty lines before a request, within reason. */
			p->len = 0;
			return ++p->empty_lines > HTTP_MAX_EMPTY_LINES
				       ? bad(p, HTTP_WHY_EMPTY_LINES)
				       : HTTP_EV_MORE;
		}
		why = request_line(p, n);
		p->phase = PH_FIELDS;
		break;
	case PH_FIELDS:
		if (n == 0)
			return head_done(p);
		p->section += (uint32_t)n + 2;
		/* HT-28, NUC-06: a bounded table, searched in order. */
		why = p->nfields < HTTP_MAX_FIELDS ? field_line(s, n, &value)
						   : HTTP_WHY_FIELDS_MANY;
		if (!why)
			why = field_known(p, s, value);
		if (!why) {
			struct http_field *f = &p->field[p->nfields++];
			f->name = (uint16_t)(s - p->buf);
			f->value = (uint16_t)(value - p->buf);
		}
		break;
	case PH_SIZE:
		why = chunk_line(p, s, n);
		p->len = p->line;
		break;
	case PH_CRLF:
		p->phase = PH_SIZE;
		p->len = p->line;
		break;
	case PH_TRAILERS:
		/* RFC 9112 7.1.2: trailer fields are checked, counted and let go. */
		if (n == 0) {
			p->phase = PH_END;
			return HTTP_EV_END;
		}
		p->section += (uint32_t)n + 2;
		why = field_line(s, n, &value);
		p->len = p->line;
		break;
	case PH_BODY:
	case PH_DATA:
	case PH_END:
	case PH_BAD:
		break;
	}
	if (why)
		return bad(p, why);
	p->line = p->len;
	return HTTP_EV_MORE;
}

/* HT-25: take bytes of lines until a line tells something or the input ends. */
static enum http_event parse_lines(struct http_parser *p, const uint8_t *in, size_t len,
				   size_t *used)
{
	enum http_event ev = HTTP_EV_MORE;
	while (*used < len && ev == HTTP_EV_MORE && p->phase != PH_DATA) {
		unsigned char c = in[*used];
		if (c == '\n') {
			if (!p->cr)
				return bad(p, HTTP_WHY_BARE_LF);
			p->cr = false;
			++*used;
			p->buf[p->len - 1] = 0; /* over the CR */
			ev = line_done(p, p->len - 1 - p->line);
			continue;
		}
		enum http_why why = judge_byte(p, c);
		if (why)
			return bad(p, why);
		if (!grow(p))
			return bad(p, HTTP_WHY_MEMORY);
		p->cr = c == '\r';
		p->buf[p->len++] = (char)c;
		++*used;
	}
	return ev;
}

enum http_event http_parse(struct http_parser *p, const uint8_t *in, size_t len, size_t *used)
{
	*used = 0;
	for (;;) {
		switch ((enum phase)p->phase) {
		case PH_LINE:
		case PH_FIELDS:
		case PH_SIZE:
		case PH_CRLF:
		case PH_TRAILERS: {
			enum http_event ev = parse_lines(p, in, len, used);
			if (ev != HTTP_EV_MORE || p->phase != PH_DATA)
				return ev;
			break;
		}
		case PH_BODY:
		case PH_DATA:
			if (p->left == 0) {
				p->phase = p->phase == PH_BODY ? PH_END : PH_CRLF;
				break;
			}
			if (*used == len)
				return HTTP_EV_MORE;
			p->body = in + *used;
			p->body_len = len - *used < p->left ? len - *used : (size_t)p->left;
			p->left -= p->body_len;
			p->body_seen += p->body_len;
			*used += p->body_len;
			return HTTP_EV_BODY;
		case PH_END:
			return HTTP_EV_END;
		case PH_BAD:
			return HTTP_EV_BAD;
		}
	}
}

const char *http_parser_method(const struct http_parser *p)
{
	return p->buf;
}

const char *http_parser_path(const struct http_parser *p)
{
	return p->path_off ? p->buf + p->path_off : "/";
}

const char *http_parser_query(const struct http_parser *p)
{
	return p->query_off ? p->buf + p->query_off : NULL;
}

const char *http_parser_host(const struct http_parser *p)
{
	return p->host_off ? p->buf + p->host_off : NULL;
}

const char *http_parser_field(const struct http_parser *p, const char *name)
{
	for (unsigned i = 0; i < p->nfields; i++) {
		if (strcasecmp(p->buf + p->field[i].name, name) == 0)
			return p->buf + p->field[i].value;
	}
	return NULL;
}

size_t http_parser_request_line(const struct http_parser *p, char *out, size_t cap)
{
	const char *part[8];
	size_t n = 0, len = 0;
	char version[] = "  HTTP/1.0";
	if (!p->line_known) {
		/* Refused while it was read: show what came, to the end of the line if it has one. */
		while (len < p->len && p->buf[len] && p->buf[len] != '\r' && len + 1 < cap) {
			out[len] = p->buf[len];
			len++;
		}
		out[len] = 0;
		return len;
	}
	version[9] = (char)('0' + p->minor);
	part[n++] = http_parser_method(p);
	part[n++] = " ";
	if (p->absolute) {
		part[n++] = "http://";
		part[n++] = http_parser_host(p);
	}
	part[n++] = p->path_off || p->query_off == 0 ? http_parser_path(p) : "";
	if (p->query_off) {
		part[n++] = "?";
		part[n++] = http_parser_query(p);
	}
	part[n++] = version + 1;
	for (size_t i = 0; i < n; i++) {
		for (const char *s = part[i]; *s && len + 1 < cap; s++)
			out[len++] = *s;
	}
	out[len] = 0;
	return len;
}
