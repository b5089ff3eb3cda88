/*
 * The request parser. Each case is parsed whole, cut in two at every byte, and byte by byte; all must tell
 * the same story, which is written down as text: "GET /p?q host=h 1.1 keep body=2:hi; BAD 400 BARE_LF @17".
 */
#include <stdio.h>
#include <stdlib.h>

#include "apps/http_parse.h"
#include "tests/support/test.h"

struct story {
	char text[1200];
	size_t len;
	struct http_parser p;
	char body[200];
	size_t body_len;
	size_t at; /* bytes used so far */
	bool over;
};

static const char *const why_name[] = {
	"NONE",
#define HTTP_REJECT(name, status, text) #name,
#include "apps/http_parse.def"
#undef HTTP_REJECT
};

__attribute__((format(printf, 2, 3))) static void tell(struct story *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(s->text + s->len, sizeof s->text - s->len, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof s->text - s->len);
	s->len += (size_t)n;
}

static void tell_head(struct story *s)
{
	struct http_parser *p = &s->p;
	const char *query = http_parser_query(p), *host = http_parser_host(p);
	tell(s, "%s%s %s%s%s", s->len ? "; " : "", http_parser_method(p), http_parser_path(p),
	     query ? "?" : "", query ? query : "");
	if (host)
		tell(s, " host=%s", host);
	tell(s, " 1.%d %s%s", p->minor, p->keep ? "keep" : "close",
	     p->expect_continue ? " expect" : "");
	s->body_len = 0;
}

/* Feeds one piece as the server does: until the parser wants more. */
static void feed(struct story *s, const char *in, size_t len)
{
	/* An own copy of exact size, so that reading past the end shows under the sanitizers. */
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, in, len);
	size_t off = 0;
	while (!s->over) {
		size_t used = 0;
		enum http_event ev = http_parse(&s->p, copy + off, len - off, &used);
		assert_true(used <= len - off);
		off += used;
		s->at += used;
		if (ev == HTTP_EV_MORE) {
			assert_int_equal(off, len);
			break;
		}
		if (ev == HTTP_EV_HEAD) {
			tell_head(s);
		} else if (ev == HTTP_EV_BODY) {
			assert_true(s->p.body_len > 0);
			for (size_t i = 0; i < s->p.body_len; i++) {
				if (s->body_len < sizeof s->body - 1)
					s->body[s->body_len] = (char)s->p.body[i];
				s->body_len++;
			}
		} else if (ev == HTTP_EV_END) {
			size_t n = s->body_len < sizeof s->body ? s->body_len : 0;
			assert_int_equal(s->body_len, s->p.body_seen);
			if (s->body_len)
				tell(s, " body=%zu:%.*s", s->body_len, (int)n, s->body);
			tell(s, ".");
			http_parser_next(&s->p);
		} else {
			tell(s, "%sBAD %d %s @%zu", s->len ? "; " : "", s->p.status,
			     why_name[s->p.why], s->at);
			assert_false(s->p.keep);
			assert_int_equal(http_why_status(s->p.why), s->p.status);
			s->over = true;
		}
	}
	free(copy);
}

static void story_begin(struct story *s)
{
	memset(s, 0, sizeof *s);
	http_parser_init(&s->p);
}

static void story_end(struct story *s)
{
	if (!s->over && !http_parser_idle(&s->p))
		tell(s, "%s...", s->len ? "; " : "");
	http_parser_free(&s->p);
}

static void check_cut(const char *in, size_t len, size_t cut, const char *want)
{
	static struct story s;
	story_begin(&s);
	feed(&s, in, cut);
	feed(&s, in + cut, len - cut);
	story_end(&s);
	if (strcmp(s.text, want) != 0)
		fail_msg("cut at %zu of: %.*s\n  want: %s\n  got:  %s", cut, (int)len, in, want,
			 s.text);
}

static void check_len(const char *in, size_t len, const char *want)
{
	static struct story s;
	check_cut(in, len, len, want);
	size_t step = len > 4000 ? len / 97 : 1;
	for (size_t cut = 0; cut < len; cut += step)
		check_cut(in, len, cut, want);
	story_begin(&s);
	for (size_t i = 0; i < len; i++)
		feed(&s, in + i, 1);
	story_end(&s);
	assert_string_equal(s.text, want);
}

static void check(const char *in, const char *want)
{
	check_len(in, strlen(in), want);
}

/* A request whose only oddity is one header line. */
static void check_field(const char *line, const char *want)
{
	char in[9000];
	int n = snprintf(in, sizeof in, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n", line);
	assert_true(n > 0 && (size_t)n < sizeof in);
	static struct story s;
	story_begin(&s);
	feed(&s, in, (size_t)n);
	story_end(&s);
	const char *got = s.text;
	char bad[64] = "";
	const char *b = strstr(s.text, "BAD ");
	if (b) {
		sscanf(b + 4, "%60[^@]", bad);
		bad[strlen(bad) - 1] = 0;
		got = bad;
	}
	if (strcmp(got, want) != 0)
		fail_msg("line: %s\n  want: %s\n  got:  %s", line, want, got);
	check(in, s.text);
}

TEST(simple_request_is_parsed, "")
{
	check("GET /a/b%20c?x=1&y=2 HTTP/1.1\r\nHost: example.com:8080\r\nAccept: */*\r\n\r\n",
	      "GET /a/b%20c?x=1&y=2 host=example.com:8080 1.1 keep.");
	check("HEAD / HTTP/1.1\r\nhOST:h\r\n\r\n", "HEAD / host=h 1.1 keep.");
	check("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", "BREW /pot host=h 1.1 keep.");
	check("get / HTTP/1.1\r\nHost: h\r\n\r\n", "get / host=h 1.1 keep.");
}

TEST(header_fields_are_found_in_any_case_and_trimmed, "")
{
	const char *in =
		"GET / HTTP/1.1\r\nHost: h\r\nX-One: \t a b \t\r\nx-one: second\r\nEmpty:\r\n\r\n";
	struct http_parser p;
	size_t used;
	http_parser_init(&p);
	assert_int_equal(http_parse(&p, (const uint8_t *)in, strlen(in), &used), HTTP_EV_HEAD);
	assert_string_equal(http_parser_field(&p, "x-ONE"), "a b");
	assert_string_equal(http_parser_field(&p, "empty"), "");
	assert_null(http_parser_field(&p, "none"));
	assert_int_equal(p.method, HTTP_GET);
	http_parser_free(&p);
}

TEST(wait_for_the_end_of_a_request_that_never_ends, "HT-25")
{
	check("", "");
	check("G", "...");
	check("GET / HTTP/1.1\r\nHost: h\r\n\r", "...");
	check("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab",
	      "GET / host=h 1.1 keep; ...");
}

TEST(pipelined_requests_are_framed_exactly, "HT-12 HT-13")
{
	check("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
	      "GET /1 host=h 1.1 keep.; GET /2 host=h 1.1 keep.");
	check("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 25\r\n\r\nGET /evil HTTP/1.1\r\nX: "
	      "y\nGET /2 HTTP/1.1\r\n"
	      "Host: h\r\n\r\n",
	      "GET / host=h 1.1 keep body=25:GET /evil HTTP/1.1\r\nX: y\n.; GET /2 host=h 1.1 "
	      "keep.");
	check("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\nPOST /b HTTP/1.1\r\nHost: "
	      "h\r\n"
	      "Content-Length: 2\r\n\r\nhiGET /c HTTP/1.1\r\nHost: h\r\n\r\n",
	      "POST /a host=h 1.1 keep.; POST /b host=h 1.1 keep body=2:hi.; GET /c host=h 1.1 "
	      "keep.");
}

TEST(empty_lines_before_a_request_are_ignored_within_reason, "")
{
	check("\r\n\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n", "GET / 1.0 close.");
	check("\r\n\r\n\r\n\r\n\r\n", "BAD 400 EMPTY_LINES @10");
	check("\n", "BAD 400 BARE_LF @0");
}

TEST(connection_persists_as_version_and_options_say, "HT-23")
{
	check("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close.");
	check("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0 keep.");
	check("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / host=h 1.1 close.");
	check("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Close\r\n\r\n",
	      "GET / host=h 1.1 close.");
	check("GET / HTTP/1.1\r\nHost: h\r\nConnection: ,\r\nConnection: TE,,Keep-Alive ,\r\n\r\n",
	      "GET / host=h 1.1 keep.");
	check("GET / HTTP/1.1\r\nHost: h\r\nConnection: closed, xclose\r\n\r\n",
	      "GET / host=h 1.1 keep.");
}

TEST(malformed_request_lines_are_refused, "HT-17 IH-08")
{
	check("GET\r\n", "BAD 400 REQUEST_LINE @5");
	check("GET /\r\n", "BAD 400 REQUEST_LINE @7");
	check("GET / \r\n", "BAD 400 REQUEST_LINE @8");
	check("GET  / HTTP/1.1\r\n", "BAD 400 TARGET_CHAR @17");
	check("GET /a b HTTP/1.1\r\n", "BAD 400 TARGET_CHAR @19");
	check("GET / HTTP/1.1 \r\n", "BAD 400 REQUEST_LINE @17");
	check(" GET / HTTP/1.1\r\n", "BAD 400 REQUEST_LINE @17");
	check("GET / HTTP/1.32\r\n", "BAD 400 REQUEST_LINE @17");
	check("GET / HTTP/4294967297.1\r\n", "BAD 400 REQUEST_LINE @25");
	check("GET / http/1.1\r\n", "BAD 400 REQUEST_LINE @16");
	check("GET / HTTP/2.0\r\n", "BAD 505 VERSION @16");
	check("GET / HTTP/0.9\r\n", "BAD 505 VERSION @16");
	check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "BAD 505 VERSION @16");
	check("GET / HTTP/1.9\r\nHost: h\r\n\r\n", "GET / host=h 1.1 keep.");
	check("GET / HTTP/1.1\nHost: h\n\n", "BAD 400 BARE_LF @14");
	check_len("\x00 / HTTP/1.1\r\n", 14, "BAD 400 CTL @0");
	check_len("GET /\x00 HTTP/1.1\r\n", 17, "BAD 400 CTL @5");
	check("\x16\x03\x01\x02", "BAD 400 CTL @0");
	check("\x80\x80", "BAD 400 METHOD_CHAR @0");
	check("G(T / HTTP/1.1\r\n", "BAD 400 METHOD_CHAR @1");
	check("GET\t/ HTTP/1.1\r\n", "BAD 400 METHOD_CHAR @3");
	check("GET /\xc3\xa9 HTTP/1.1\r\n", "BAD 400 TARGET_CHAR @18");
	check("GET /a#b HTTP/1.1\r\n", "BAD 400 TARGET_CHAR @19");
	check("GET /?a#b HTTP/1.1\r\n", "BAD 400 TARGET_CHAR @20");
	check("GET /\"<> HTTP/1.1\r\n", "BAD 400 TARGET_CHAR @19");
	check("GET /a\\b HTTP/1.1\r\n", "BAD 400 TARGET_CHAR @19");
	check("GET /?{a|b}^\\ HTTP/1.0\r\n\r\n", "GET /?{a|b}^\\ 1.0 close.");
}

TEST(target_has_one_of_four_forms, "HT-17")
{
	check("GET http://h.example:80/p?q HTTP/1.1\r\nHost: other\r\n\r\n",
	      "GET /p?q host=h.example:80 1.1 keep.");
	check("GET HTTP://h HTTP/1.1\r\nHost: h\r\n\r\n", "GET / host=h 1.1 keep.");
	check("GET https://h?q=/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?q=/ host=h 1.1 keep.");
	check("GET http://[::1]:8/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET / host=[::1]:8 1.1 keep.");
	check("GET http:///p HTTP/1.1\r\nHost: h\r\n\r\n", "BAD 400 TARGET_HOST @24");
	check("GET http://user@h/ HTTP/1.1\r\nHost: h\r\n\r\n", "BAD 400 TARGET_HOST @29");
	check("GET http://h:80:80/ HTTP/1.1\r\n", "BAD 400 TARGET_HOST @30");
	check("GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "BAD 400 TARGET_FORM @23");
	check("GET index.html HTTP/1.1\r\n", "BAD 400 TARGET_FORM @25");
	check("GET * HTTP/1.1\r\nHost: h\r\n\r\n", "BAD 400 TARGET_FORM @16");
	check("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * host=h 1.1 keep.");
	check("OPTIONS *x HTTP/1.1\r\n", "BAD 400 TARGET_FORM @21");
	check("GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "BAD 400 TARGET_FORM @19");
	check("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:80 host=h 1.1 keep.");
	check("CONNECT /p HTTP/1.1\r\n", "BAD 400 TARGET_FORM @21");
	check("CONNECT h HTTP/1.1\r\n", "BAD 400 TARGET_FORM @20");
}

TEST(exactly_one_good_host_is_demanded, "HT-18")
{
	check("GET / HTTP/1.1\r\n\r\n", "BAD 400 HOST_MISSING @18");
	check("GET http://h/ HTTP/1.1\r\n\r\n", "BAD 400 HOST_MISSING @26");
	check("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n", "BAD 400 HOST_TWICE @34");
	check("GET / HTTP/1.1\r\nHost:\r\n\r\n", "BAD 400 HOST_VALUE @23");
	static const char *const wrong[] = {"../etc", "a b", "a/b", "a:b", "a:123456", "[::1",
					    "[]",     "u@h", "a,b", ":80", "[::1]x"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char in[100];
		static struct story s;
		snprintf(in, sizeof in, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", wrong[i]);
		story_begin(&s);
		feed(&s, in, strlen(in));
		if (strcmp(wrong[i], "a,b") == 0) /* a sub-delim of reg-name (RFC 3986 3.2.2) */
			assert_string_equal(s.text, "GET / host=a,b 1.1 keep.");
		else if (strncmp(s.text, "BAD 400 HOST_VALUE", 18) != 0)
			fail_msg("Host: %s gives %s", wrong[i], s.text);
		story_end(&s);
	}
}

TEST(both_lengths_at_once_are_refused, "HT-05 HT-06")
{
	check_field("Content-Length: 6\r\nTransfer-Encoding: chunked", "400 CL_AND_TE");
	check_field("Transfer-Encoding: chunked\r\nContent-Length: 4", "400 CL_AND_TE");
	check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	      "BAD 400 TE_IN_10 @47");
}

TEST(transfer_coding_is_chunked_exactly, "HT-07")
{
	check_field("Transfer-Encoding: \tchunked \t", "GET / host=h 1.1 keep; ...");
	check_field("Transfer-Encoding: CHUNKED", "GET / host=h 1.1 keep; ...");
	check_field("Transfer-Encoding: xchunked", "400 TE_FINAL");
	check_field("Transfer-Encoding: \x0b"
		    "chunked",
		    "400 CTL");
	check_field("Transfer-Encoding: \xa0"
		    "chunked",
		    "400 TE_FINAL");
	check_field("Transfer-Encoding: ,chunked", "400 TE_FINAL");
	check_field("Transfer-Encoding: chunked,", "400 TE_FINAL");
	check_field("Transfer-Encoding:", "400 TE_FINAL");
	check_field("Transfer-Encoding: identity", "400 TE_FINAL");
	check_field("Transfer-Encoding: chunked, chunked", "400 TE_FINAL");
	check_field("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "400 TE_FINAL");
	check_field("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "400 TE_FINAL");
	check_field("Transfer-Encoding: \"chunked\"", "400 TE_FINAL");
	check_field("Transfer-Encoding: chunked;a=b", "400 TE_FINAL");
	check_field("Transfer-Encoding: identity, chunked", "501 TE_UNKNOWN");
	check_field("Transfer-Encoding: gzip, chunked", "501 TE_UNKNOWN");
	check_field("Transfer-Encoding : chunked", "400 NAME_SPACE");
	check_field("Transfer-Encoding\x0b: chunked", "400 CTL");
}

TEST(content_length_is_digits_once, "HT-08 HT-09 IH-07")
{
	check_field("Content-Length: 0", "GET / host=h 1.1 keep.");
	check_field("Content-Length: 010", "GET / host=h 1.1 keep; ...");
	static const char *const wrong[] = {"+5",   "-48", "-1",  "0x10", "1_0",   "1Z", "",
					    "5, 6", "5,5", "5 5", "1.0",  "\"5\"", "٣"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char line[64];
		snprintf(line, sizeof line, "Content-Length: %s", wrong[i]);
		check_field(line, "400 CL_VALUE");
	}
	check_field("Content-Length: 5\r\nContent-Length: 6", "400 CL_TWICE");
	check_field("Content-Length: 5\r\ncontent-length: 5", "400 CL_TWICE");
	check_field("Content-Length : 5", "400 NAME_SPACE");
}

TEST(body_past_the_limit_is_refused_before_it_comes, "IH-06 IH-07 HT-09")
{
	check_field("Content-Length: 1048577", "413 BODY_LONG");
	check_field("Content-Length: 2147483648", "413 BODY_LONG");
	check_field("Content-Length: 4294967295", "413 BODY_LONG");
	check_field("Content-Length: 18446744073709551616", "413 BODY_LONG");
	check_field("Content-Length: 99999999999999999999999999999999", "413 BODY_LONG");
	check("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n",
	      "POST / host=h 1.1 keep; BAD 413 BODY_LONG @64");
	/* The sum counts, not a chunk alone. */
	static char in[1100000];
	size_t n = (size_t)snprintf(
		in, sizeof in,
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n");
	memset(in + n, 'x', 1 << 20);
	n += 1 << 20;
	n += (size_t)snprintf(in + n, sizeof in - n, "\r\n1\r\nx");
	static struct story s;
	story_begin(&s);
	feed(&s, in, n);
	assert_non_null(strstr(s.text, "BAD 413 BODY_LONG"));
	story_end(&s);
}

TEST(chunked_body_is_taken_apart, "")
{
	const char *head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
	char in[600];
	snprintf(in, sizeof in,
		 "%s5\r\nhello\r\n0006;x=y\r\n world\r\n0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", head);
	check(in, "POST / host=h 1.1 keep body=11:hello world.; GET /2 1.0 close.");
	snprintf(in, sizeof in,
		 "%s0\r\nX-Sum: 1\r\nContent-Length: 50\r\nHost: evil\r\n\r\nGET /2 "
		 "HTTP/1.0\r\n\r\n",
		 head);
	check(in, "POST / host=h 1.1 keep.; GET /2 1.0 close.");
	snprintf(in, sizeof in, "%sA\r\n0123456789\r\n00000000000000a\r\nabcdefghij\r\n0\r\n\r\n",
		 head);
	check(in, "POST / host=h 1.1 keep body=20:0123456789abcdefghij.");
}

/* What follows a chunked head, and how it is refused. */
static void check_chunk(const char *body, const char *want)
{
	char in[9000];
	int n = snprintf(in, sizeof in,
			 "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%s",
			 body);
	assert_true(n > 0 && (size_t)n < sizeof in);
	static struct story s;
	story_begin(&s);
	feed(&s, in, (size_t)n);
	story_end(&s);
	const char *got = strstr(s.text, "BAD ");
	if (!got || strncmp(got + 4, want, strlen(want)) != 0)
		fail_msg("body: %s\n  want: %s\n  got:  %s", body, want, s.text);
	check(in, s.text);
}

TEST(chunk_sizes_are_hexadecimal_and_bounded, "HT-10")
{
	check_chunk("FFFFFFFFFFFFFFFF\r\n", "413 BODY_LONG");
	check_chunk("8000000000000000\r\n", "413 BODY_LONG");
	check_chunk("00000000000000001\r\n", "400 CHUNK_SIZE");
	check_chunk("0x5\r\n", "400 CHUNK_SIZE");
	check_chunk("-1\r\n", "400 CHUNK_SIZE");
	check_chunk("+5\r\n", "400 CHUNK_SIZE");
	check_chunk("\r\n", "400 CHUNK_SIZE");
	check_chunk("5 ;x\r\n", "400 CHUNK_SIZE");
	check_chunk("5 \r\n", "400 CHUNK_SIZE");
	check_chunk(" 5\r\n", "400 CHUNK_SIZE");
	check_chunk(";x\r\n", "400 CHUNK_SIZE");
	check_chunk("5g\r\n", "400 CHUNK_SIZE");
}

TEST(chunk_ends_are_strict_and_extensions_bounded, "HT-11 R20-20")
{
	char body[8000], ext[5000];
	check_chunk("0\n\r\n", "400 BARE_LF");
	check_chunk("5\r\r;ABCD\r\n", "400 BARE_CR");
	check_chunk("5\rX", "400 BARE_CR");
	check_chunk("5\r\nhelloX\r\n", "400 CHUNK_END");
	check_chunk("5\r\nhello\n", "400 BARE_LF");
	check_chunk("5\r\nhello\r\r\n", "400 BARE_CR");
	check_chunk("0\r\nbad trailer\r\n", "400 NO_COLON");
	check_chunk("0\r\n folded: x\r\n", "400 FOLD");
	memset(ext, 'e', sizeof ext);
	snprintf(body, sizeof body, "1;%.255s\r\n", ext);
	check_chunk(body, "400 CHUNK_EXT");
	size_t n = 0;
	for (int i = 0; i < 30; i++)
		n += (size_t)snprintf(body + n, sizeof body - n, "1;%.200s\r\nx\r\n", ext);
	check_chunk(body, "400 CHUNK_EXT");
	snprintf(body, sizeof body, "0\r\nX: %.4200s\r\n", ext);
	check_chunk(body, "431 FIELDS_LONG");
}

TEST(control_characters_and_stray_line_ends_are_refused, "HT-14")
{
	check_field("X: a\rb", "400 BARE_CR");
	check_field("X: a\nb", "400 BARE_LF");
	check_field("X: a\x01", "400 CTL");
	check_field("X: a\x7f", "400 CTL");
	check_field("X: a\r\n folded", "400 FOLD");
	check_field("X: a\r\n\tfolded", "400 FOLD");
	check_field("X: a\r\n\rX: b", "400 BARE_CR");
	check_field("X: \xff\xfe obs-text\tis fine", "GET / host=h 1.1 keep.");
	check_len("GET / HTTP/1.1\r\nHost: h\0\r\n\r\n", 28, "BAD 400 CTL @23");
	check_len("GET / HTTP/1.1\r\nHo\0st: h\r\n\r\n", 28, "BAD 400 CTL @18");
}

TEST(white_space_around_header_names_is_refused, "HT-15")
{
	check_field("X : y", "400 NAME_SPACE");
	check_field("X\t: y", "400 NAME_SPACE");
	check("GET / HTTP/1.1\r\n\tContent-Length: 1\r\nHost: h\r\n\r\n", "BAD 400 FOLD @36");
	check("GET / HTTP/1.1\r\n Host: h\r\n\r\n", "BAD 400 FOLD @26");
}

TEST(header_names_are_tokens, "HT-16")
{
	check_field(": v", "400 NAME_CHAR");
	check_field("no colon at all", "400 NO_COLON");
	for (int c = 1; c < 256; c++) {
		char line[16];
		bool alnum =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		snprintf(line, sizeof line, "a%cb: v", c);
		if (alnum || strchr("!#$%&'*+-.^_`|~", c))
			check_field(line, "GET / host=h 1.1 keep.");
		else if (c == ':')
			check_field(line, "GET / host=h 1.1 keep.");
		else if (c == '\n')
			check_field(line, "400 BARE_LF");
		else if (c == '\r')
			check_field(line, "400 BARE_CR");
		else if ((c < ' ' && c != '\t') || c == 0x7f)
			check_field(line, "400 CTL");
		else
			check_field(line, "400 NAME_CHAR");
	}
}

/* "GET /aaa... HTTP/1.1", a request line of n bytes, then a Host. */
static size_t long_line(char *in, size_t n)
{
	memcpy(in, "GET /", 5);
	memset(in + 5, 'a', n - 14);
	memcpy(in + n - 9, " HTTP/1.1\r\nHost: h\r\n\r\n", 22);
	return n + 13;
}

TEST(request_line_limit_is_exact, "HT-22 NUC-06")
{
	static char in[2 << 20];
	static struct story s;
	for (size_t n = HTTP_MAX_LINE - 2; n <= HTTP_MAX_LINE + 2; n++) {
		size_t len = long_line(in, n);
		struct http_parser p;
		size_t used;
		http_parser_init(&p);
		enum http_event ev = http_parse(&p, (const uint8_t *)in, len, &used);
		if (n <= HTTP_MAX_LINE) {
			assert_int_equal(ev, HTTP_EV_HEAD);
			assert_int_equal(strlen(http_parser_path(&p)), n - 13);
		} else {
			assert_int_equal(ev, HTTP_EV_BAD);
			assert_int_equal(p.status, 414);
			assert_int_equal(used, HTTP_MAX_LINE);
		}
		http_parser_free(&p);
	}
	check_len(in, long_line(in, HTTP_MAX_LINE + 1), "BAD 414 TARGET_LONG @8192");
	memset(in, 'a', sizeof in);
	memcpy(in, "GET /", 5);
	story_begin(&s);
	feed(&s, in, sizeof in);
	assert_string_equal(s.text, "BAD 414 TARGET_LONG @8192");
	story_end(&s);
	check("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", "BAD 501 METHOD_LONG @32");
	check("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.0\r\n\r\n",
	      "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / 1.0 close.");
}

TEST(header_limits_are_exact, "HT-22 HT-28")
{
	static char in[40000];
	static struct story s;
	for (int extra = 0; extra < 2; extra++) {
		size_t n = (size_t)snprintf(in, sizeof in, "GET / HTTP/1.1\r\nHost: h\r\n");
		for (int i = 0; i < HTTP_MAX_FIELDS - 1 + extra; i++)
			n += (size_t)snprintf(in + n, sizeof in - n, "X%d: y\r\n", i);
		n += (size_t)snprintf(in + n, sizeof in - n, "\r\n");
		story_begin(&s);
		feed(&s, in, n);
		if (extra)
			assert_non_null(strstr(s.text, "BAD 431 FIELDS_MANY"));
		else
			assert_string_equal(s.text, "GET / host=h 1.1 keep.");
		story_end(&s);
	}
	for (size_t n = HTTP_MAX_HEAD - 1; n <= HTTP_MAX_HEAD + 1; n++) {
		/* "Host: h" CRLF is 9 bytes, "X: " and CRLF 5 more */
		size_t fill = n - 9 - 5;
		size_t len = (size_t)snprintf(in, sizeof in, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
		memset(in + len, 'v', fill);
		memcpy(in + len + fill, "\r\n\r\n", 4);
		story_begin(&s);
		feed(&s, in, len + fill + 4);
		if (n > HTTP_MAX_HEAD)
			assert_non_null(strstr(s.text, "BAD 431 FIELDS_LONG"));
		else
			assert_string_equal(s.text, "GET / host=h 1.1 keep.");
		story_end(&s);
	}
}

TEST(memory_of_a_request_is_bounded_and_given_back, "HT-22")
{
	static char in[60000];
	struct http_parser p;
	size_t used, len = long_line(in, HTTP_MAX_LINE) - 2;
	memcpy(in + len, "X: ", 3);
	memset(in + len + 3, 'v', HTTP_MAX_HEAD - 9 - 5);
	len += 3 + HTTP_MAX_HEAD - 9 - 5;
	memcpy(in + len, "\r\n\r\n", 4);
	http_parser_init(&p);
	assert_int_equal(http_parse(&p, (const uint8_t *)in, len + 4, &used), HTTP_EV_HEAD);
	assert_true(p.cap <= 32768);
	assert_int_equal(http_parse(&p, NULL, 0, &used), HTTP_EV_END);
	http_parser_next(&p);
	assert_null(p.buf);
	assert_true(http_parser_idle(&p));
	http_parser_free(&p);
}

TEST(expectations_other_than_continue_are_refused, "HT-30")
{
	check("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
	      "POST / host=h 1.1 keep expect body=1:x.");
	check("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
	      "POST / host=h 1.1 keep.");
	check("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
	      "POST / 1.0 close body=1:x.");
	check_field("Expect: 100-continue, more", "417 EXPECT");
	check_field("Expect: 200-ok", "417 EXPECT");
}

TEST(refused_parser_stays_refused, "")
{
	struct http_parser p;
	size_t used;
	http_parser_init(&p);
	assert_int_equal(http_parse(&p, (const uint8_t *)"\n", 1, &used), HTTP_EV_BAD);
	assert_int_equal(http_parse(&p, (const uint8_t *)"GET / HTTP/1.0\r\n\r\n", 18, &used),
			 HTTP_EV_BAD);
	assert_int_equal(used, 0);
	http_parser_free(&p);
}

TEST(request_line_is_kept_for_the_log, "")
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b HTTP/1.1"},
		{"GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/a?b HTTP/1.1"},
		{"GET http://h?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h?b HTTP/1.1"},
		{"GET /a HTTP/1.1\r\nbad\r\n\r\n", "GET /a HTTP/1.1"},
		{"GET /a b HTTP/1.1\r\n", "GET /a b HTTP/1.1"},
		{"GET ftp://x HTTP/1.1\r\n", "GET ftp://x HTTP/1.1"},
		{"GET /\x80\n", "GET /\x80"},
		{"\n", ""},
		{"OPTIONS * HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.0"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct http_parser p;
		size_t used;
		char line[64];
		http_parser_init(&p);
		http_parse(&p, (const uint8_t *)cases[i].in, strlen(cases[i].in), &used);
		assert_int_equal(http_parser_request_line(&p, line, sizeof line),
				 strlen(cases[i].want));
		assert_string_equal(line, cases[i].want);
		assert_int_equal(http_parser_request_line(&p, line, 4),
				 strlen(cases[i].want) < 3 ? strlen(cases[i].want) : 3);
		http_parser_free(&p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_request_is_parsed),
		cmocka_unit_test(header_fields_are_found_in_any_case_and_trimmed),
		cmocka_unit_test(wait_for_the_end_of_a_request_that_never_ends),
		cmocka_unit_test(pipelined_requests_are_framed_exactly),
		cmocka_unit_test(empty_lines_before_a_request_are_ignored_within_reason),
		cmocka_unit_test(connection_persists_as_version_and_options_say),
		cmocka_unit_test(malformed_request_lines_are_refused),
		cmocka_unit_test(target_has_one_of_four_forms),
		cmocka_unit_test(exactly_one_good_host_is_demanded),
		cmocka_unit_test(both_lengths_at_once_are_refused),
		cmocka_unit_test(transfer_coding_is_chunked_exactly),
		cmocka_unit_test(content_length_is_digits_once),
		cmocka_unit_test(body_past_the_limit_is_refused_before_it_comes),
		cmocka_unit_test(chunked_body_is_taken_apart),
		cmocka_unit_test(chunk_sizes_are_hexadecimal_and_bounded),
		cmocka_unit_test(chunk_ends_are_strict_and_extensions_bounded),
		cmocka_unit_test(control_characters_and_stray_line_ends_are_refused),
		cmocka_unit_test(white_space_around_header_names_is_refused),
		cmocka_unit_test(header_names_are_tokens),
		cmocka_unit_test(request_line_limit_is_exact),
		cmocka_unit_test(header_limits_are_exact),
		cmocka_unit_test(memory_of_a_request_is_bounded_and_given_back),
		cmocka_unit_test(expectations_other_than_continue_are_refused),
		cmocka_unit_test(refused_parser_stays_refused),
		cmocka_unit_test(request_line_is_kept_for_the_log),
	};
	return tapir_test_run("unit/apps/test_http_parse", tests);
}
