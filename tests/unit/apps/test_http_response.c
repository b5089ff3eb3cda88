/*
 * The bytes of responses, and the handler's choices, over a small real directory; and the log's lines.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/http_handler.h"
#include "apps/http_log.h"
#include "apps/http_parse.h"
#include "stack/tapir.h"
#include "tests/support/test.h"

static char dir[64];
static struct http_site site;
static struct http_response resp;
static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";

static int setup(void **state)
{
	(void)state;
	char path[100];
	struct timespec when[2] = {{784111777, 0}, {784111777, 0}};
	snprintf(dir, sizeof dir, "/tmp/tapir-http-response-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/a.txt", dir);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(futimens(fd, when), 0);
	close(fd);
	snprintf(path, sizeof path, "%s/sub d", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(http_root_open(&site.root, dir), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	char path[100];
	http_response_free(&resp);
	http_root_close(&site.root);
	snprintf(path, sizeof path, "%s/a.txt", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/sub d", dir);
	rmdir(path);
	return rmdir(dir);
}

/* The response to a whole request; its text is in resp. */
static void answer(const char *request)
{
	struct http_parser p;
	size_t used;
	http_parser_init(&p);
	assert_int_equal(http_parse(&p, (const uint8_t *)request, strlen(request), &used),
			 HTTP_EV_HEAD);
	http_response_free(&resp);
	http_response_init(&resp);
	http_handle(&site, &p, &resp);
	resp.keep = p.keep;
	http_response_finish(&resp, p.minor, date);
	http_parser_free(&p);
	resp.text[resp.text_len] = 0;
}

#define VERSION_LINE "Server: tapir/" TAPIR_VERSION "\r\n"

TEST(file_is_answered_with_its_length_type_and_date, "")
{
	answer("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_string_equal(
		resp.text, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n" VERSION_LINE
			   "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n"
			   "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			   "X-Content-Type-Options: nosniff\r\n\r\n");
	assert_int_equal(resp.left, 5);
	assert_true(resp.fd >= 0);
}

TEST(head_has_the_head_of_get_and_no_body, "HT-31")
{
	static char get[HTTP_RESPONSE_TEXT + 1];
	static const char *const paths[] = {"/a.txt", "/none", "/sub%20d", "/%zz"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		char req[100];
		snprintf(req, sizeof req, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", paths[i]);
		answer(req);
		memcpy(get, resp.text, resp.head_len);
		get[resp.head_len] = 0;
		assert_true(resp.left > 0 || resp.text_len > resp.head_len);
		snprintf(req, sizeof req, "HEAD %s HTTP/1.1\r\nHost: h\r\n\r\n", paths[i]);
		answer(req);
		assert_string_equal(resp.text, get);
		assert_int_equal(resp.left, 0);
		assert_int_equal(resp.text_len, resp.head_len);
	}
	answer("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(resp.status, 204);
	assert_int_equal(resp.text_len, resp.head_len);
	assert_null(strstr(resp.text, "Content-Length"));
	assert_non_null(strstr(resp.text, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
}

TEST(page_of_an_error_has_the_length_it_tells, "")
{
	answer("GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
	const char *len = strstr(resp.text, "Content-Length: ");
	assert_int_equal(resp.status, 404);
	assert_non_null(len);
	assert_int_equal(strtoul(len + 16, NULL, 10), resp.text_len - resp.head_len);
	assert_non_null(strstr(resp.text, "404 Not Found"));
	resp.text_sent = resp.head_len + 3;
	assert_int_equal(http_response_body_sent(&resp), 3);
}

TEST(connection_field_says_what_the_version_needs, "")
{
	answer("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_null(strstr(resp.text, "Connection:"));
	answer("GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	assert_non_null(strstr(resp.text, "\r\nConnection: close\r\n"));
	answer("GET /a.txt HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(resp.text, "\r\nConnection: close\r\n"));
	answer("GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_non_null(strstr(resp.text, "\r\nConnection: keep-alive\r\n"));
}

TEST(methods_without_meaning_here_are_405_and_unknown_ones_501, "IH-08")
{
	static const char *const known[] = {"POST", "PUT", "DELETE", "TRACE", "PATCH"};
	static const char *const unknown[] = {"BREW", "get", "PROPFIND"};
	char req[100];
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		snprintf(req, sizeof req, "%s /a.txt HTTP/1.1\r\nHost: h\r\n\r\n", known[i]);
		answer(req);
		assert_int_equal(resp.status, 405);
		assert_non_null(strstr(resp.text, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
	}
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		snprintf(req, sizeof req, "%s /a.txt HTTP/1.1\r\nHost: h\r\n\r\n", unknown[i]);
		answer(req);
		assert_int_equal(resp.status, 501);
	}
}

TEST(redirect_encodes_what_was_asked, "HT-26")
{
	answer("GET //sub%20d?a=b HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(resp.status, 301);
	assert_non_null(strstr(resp.text, "\r\nLocation: /sub%20d/?a=b\r\n"));
	answer("GET /sub%20d%0d%0aX:y HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(resp.status, 400);
	assert_null(strstr(resp.text, "X:y"));
}

TEST(longest_head_fits, "")
{
	static char req[4000];
	/* A query that makes Location as long as may be, and one byte more. */
	for (int more = 0; more < 2; more++) {
		size_t n = (size_t)snprintf(req, sizeof req, "GET /sub%%20d?");
		/* "/" "sub%20d" "/" "?" and the NUL; the bound is reckoned with three bytes a byte of path */
		size_t fill = HTTP_MAX_LOCATION - 5 * 3 - 2 - 1 - 1 + (size_t)more;
		memset(req + n, 'q', fill);
		snprintf(req + n + fill, sizeof req - n - fill,
			 " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
		answer(req);
		assert_int_equal(resp.status, more ? 414 : 301);
		assert_string_equal(resp.text + resp.text_len - 8, "</html>\n");
	}
}

TEST(dates_are_in_the_preferred_form, "")
{
	char out[HTTP_DATE_LEN];
	assert_string_equal(http_date(0, out), "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_string_equal(http_date(-1, out), "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_string_equal(http_date(951782400, out), "Tue, 29 Feb 2000 00:00:00 GMT");
	assert_string_equal(http_date((time_t)INT64_MAX, out), "Fri, 31 Dec 9999 23:59:59 GMT");
}

/* The line that is logged for a request, as it comes or cut. */
static char *log_line(struct http_log *log, const char *request, size_t len)
{
	struct http_parser p;
	struct tapir_addr peer = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 1));
	size_t used;
	log->len = 0;
	http_parser_init(&p);
	http_parse(&p, (const uint8_t *)request, len, &used);
	http_log_add(log, &peer, 784111777, &p, 200, 12345678901u);
	http_parser_free(&p);
	log->buf[log->len] = 0;
	return log->buf;
}

TEST(log_line_is_in_the_combined_format, "")
{
	static struct http_log log;
	const char *req = "GET /a?b HTTP/1.1\r\nHost: h\r\nReferer: http://r/\r\nUser-Agent: "
			  "curl/8 (x)\r\n\r\n";
	setenv("TZ", "UTC", 1);
	http_log_init(&log, 1);
	assert_string_equal(
		log_line(&log, req, strlen(req)),
		"192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 12345678901 "
		"\"http://r/\" \"curl/8 (x)\"\n");
	assert_string_equal(
		log_line(&log, "", 0),
		"192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"\" 200 12345678901 \"-\" \"-\"\n");
}

TEST(log_escapes_what_a_terminal_or_reader_would_obey, "HT-27")
{
	static struct http_log log;
	static char req[9000];
	const char *esc = "GET /\" HTTP/1.1\r\n";
	http_log_init(&log, 1);
	assert_non_null(strstr(log_line(&log, esc, strlen(esc)), "\"GET /\\x22 HTTP/1.1\""));
	esc = "GET /\x1b[2J HTTP/1.1\r\n";
	assert_non_null(strstr(log_line(&log, esc, strlen(esc)), "\"GET /\""));
	esc = "GET / HTTP/1.0\r\nUser-Agent: a\"b\\c\xff\t\xc2\x9b\r\n\r\n";
	assert_non_null(strstr(log_line(&log, esc, strlen(esc)),
			       "\"a\\x22b\\x5cc\\xff\\x09\\xc2\\x9b\"\n"));
	size_t n = (size_t)snprintf(req, sizeof req, "GET / HTTP/1.0\r\nUser-Agent: ");
	memset(req + n, 0xff, 8000);
	memcpy(req + n + 8000, "\r\n\r\n", 4);
	char *line = log_line(&log, req, n + 8004);
	assert_true(strlen(line) < HTTP_LOG_PART + 200);
	for (char *c = line; c[1]; c++)
		assert_true(*c >= ' ' && *c < 0x7f);
}

TEST(log_without_a_reader_loses_lines_and_counts_them, "")
{
	static struct http_log log;
	const char *req = "GET /a HTTP/1.0\r\n\r\n";
	struct tapir_addr peer = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 1));
	struct http_parser p;
	size_t used;
	int fds[2];
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	http_log_init(&log, fds[1]);
	http_parser_init(&p);
	http_parse(&p, (const uint8_t *)req, strlen(req), &used);
	for (int i = 0; i < 10000; i++)
		http_log_add(&log, &peer, 784111777, &p, 200, 1);
	assert_true(log.lost > 0);
	assert_true(log.len < sizeof log.buf);
	close(fds[0]);
	/* And one who went away is not written to again. */
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	http_log_flush(&log);
	signal(SIGPIPE, old);
	assert_int_equal(log.fd, -1);
	assert_int_equal(log.len, 0);
	http_log_end(&log);
	close(fds[1]);
	http_parser_free(&p);
}

/* Fills the log well beyond what a pipe takes, whose reader stands still. */
static void log_much(struct http_log *log)
{
	struct tapir_addr peer = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 1));
	struct http_parser p;
	http_parser_init(&p);
	alarm(20); /* what waits here waits for ever */
	for (int i = 0; i < 5000; i++)
		http_log_add(log, &peer, 784111777, &p, 200, 1);
	http_log_flush(log);
	alarm(0);
	assert_true(log->lost > 0);
	http_parser_free(&p);
}

TEST(log_whose_reader_stands_still_does_not_stop_us, "")
{
	static struct http_log log;
	static char got[1 << 20];
	for (int again = 1; again >= 0; again--) {
		int fds[2];
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		http_log_init(&log, fds[1]);
		assert_true(log.own >= 0);
		if (!again) { /* as where there is no /proc */
			close(log.own);
			log.own = -1;
			log.fd = fds[1];
		}
		log_much(&log);
		/* Others who write to the same pipe still may wait. */
		assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
		ssize_t n = read(fds[0], got, sizeof got);
		assert_true(n > 0);
		assert_memory_equal(got, "192.0.2.1 - - ", 14);
		/* There is room again. */
		size_t left = log.len;
		http_log_flush(&log);
		assert_true(log.len < left);
		http_log_end(&log);
		close(fds[0]);
		close(fds[1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(file_is_answered_with_its_length_type_and_date,
						setup, teardown),
		cmocka_unit_test_setup_teardown(head_has_the_head_of_get_and_no_body, setup,
						teardown),
		cmocka_unit_test_setup_teardown(page_of_an_error_has_the_length_it_tells, setup,
						teardown),
		cmocka_unit_test_setup_teardown(connection_field_says_what_the_version_needs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			methods_without_meaning_here_are_405_and_unknown_ones_501, setup, teardown),
		cmocka_unit_test_setup_teardown(redirect_encodes_what_was_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(longest_head_fits, setup, teardown),
		cmocka_unit_test(dates_are_in_the_preferred_form),
		cmocka_unit_test(log_line_is_in_the_combined_format),
		cmocka_unit_test(log_escapes_what_a_terminal_or_reader_would_obey),
		cmocka_unit_test(log_without_a_reader_loses_lines_and_counts_them),
		cmocka_unit_test(log_whose_reader_stands_still_does_not_stop_us),
	};
	resp.fd = -1;
	return tapir_test_run("unit/apps/test_http_response", tests);
}
