/*
 * The HTTP server's connections over the real stack, in virtual time: server and clients are sockets of one
 * instance, joined by its loopback interface. Clients are driven by hand, the server by its handlers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/http_conn.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

enum { HEAR_MAX = 1 << 16, BIG = 3000000 };

static struct bench {
	struct world w;
	struct http_server srv;
	struct http_server_conf conf;
	struct http_site site;
	struct http_log log;
	char dir[64];
	uint64_t tick_ns; /* when the next tick is due */
	bool awake;
	/* what a client has received */
	char heard[HEAR_MAX + 1];
	size_t heard_len;
	bool eof;
	int error; /* the errno that ended it, or 0 */
} b;

static int watch(void *ctx, tapir_sock_t s, uint32_t bits, struct loop_handler *h)
{
	(void)ctx;
	return tapir_interest(b.w.t, s, bits, (uint64_t)(uintptr_t)h);
}

static void wake(void *ctx)
{
	(void)ctx;
	b.awake = true;
}

static time_t wall(void *ctx)
{
	(void)ctx;
	return 784111777 + (time_t)(tapir_now(b.w.t) / WORLD_S);
}

static char *file_name(const char *name)
{
	static char path[200];
	snprintf(path, sizeof path, "%s/%s", b.dir, name);
	return path;
}

static uint8_t big_byte(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static void make_files(void)
{
	static uint8_t big[BIG];
	snprintf(b.dir, sizeof b.dir, "/tmp/tapir-http-conn-XXXXXX");
	assert_non_null(mkdtemp(b.dir));
	int fd = open(file_name("index.html"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = big_byte(i);
	fd = open(file_name("big"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, big, sizeof big), sizeof big);
	close(fd);
}

static int setup(void **state)
{
	(void)state;
	static const struct http_ops ops = {NULL, watch, wake, wall};
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, 80);
	memset(&b, 0, sizeof b);
	make_files();
	world_init(&b.w, TEST_ALLOC_PLAIN);
	b.w.no_check = true; /* the stack's own tests do that; here it would take the time */
	assert_int_equal(world_start(&b.w), 0);
	http_log_init(&b.log, -1);
	assert_int_equal(http_root_open(&b.site.root, b.dir), 0);
	b.conf = http_server_conf_default();
	assert_int_equal(http_server_start(&b.srv, b.w.t, &ops, &b.conf, &b.site, &b.log, &sa), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_server_stop(&b.srv, true);
	http_root_close(&b.site.root);
	world_end(&b.w);
	unlink(file_name("index.html"));
	unlink(file_name("big"));
	return rmdir(b.dir);
}

/* Serves edges until there are none. */
static void serve(void)
{
	struct tapir_ready ev[16];
	size_t n;
	while ((n = tapir_ready_pop(b.w.t, ev, 16)) > 0) {
		for (size_t i = 0; i < n; i++) {
			struct loop_handler *h = (struct loop_handler *)(uintptr_t)ev[i].cookie;
			if (h && tapir_poll(b.w.t, ev[i].sock) >= 0)
				h->fn(NULL, h, ev[i].sock, ev[i].bits);
		}
	}
}

/* Lets `ns` pass, stopping at each deadline of the stack and the server. */
static void run(uint64_t ns)
{
	uint64_t end = tapir_now(b.w.t) + ns;
	serve();
	for (;;) {
		uint64_t now = tapir_now(b.w.t), at = tapir_next_deadline(b.w.t);
		if (b.awake && b.tick_ns < at)
			at = b.tick_ns;
		if (at > end)
			break;
		tapir_advance(b.w.t, at > now ? at : now);
		if (b.awake && at >= b.tick_ns) {
			b.awake = http_server_tick(&b.srv);
			b.tick_ns = tapir_now(b.w.t) + 100 * WORLD_MS;
		}
		serve();
	}
	tapir_advance(b.w.t, end);
	serve();
}

static tapir_sock_t dial(void)
{
	struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(127, 0, 0, 1), 80);
	tapir_sock_t s = tapir_socket(b.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_true(s > 0);
	int err = tapir_connect(b.w.t, s, &to);
	assert_true(err == 0 || err == -EINPROGRESS);
	run(WORLD_MS);
	assert_true(tapir_poll(b.w.t, s) & TAPIR_OUT);
	b.heard_len = 0;
	b.eof = false;
	b.error = 0;
	return s;
}

static void say_len(tapir_sock_t s, const char *text, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)text, len};
	assert_int_equal(tapir_send(b.w.t, s, &iov, 1, 0), len);
	run(5 * WORLD_MS);
}

static void say(tapir_sock_t s, const char *text)
{
	say_len(s, text, strlen(text));
}

/* Reads what is there, into b.heard. Returns the text. */
static const char *hear(tapir_sock_t s)
{
	for (;;) {
		struct iovec iov = {b.heard + b.heard_len, HEAR_MAX - b.heard_len};
		int64_t n = iov.iov_len ? tapir_recv(b.w.t, s, &iov, 1, 0) : -EAGAIN;
		if (n <= 0) {
			b.eof = n == 0;
			b.error = n < 0 && n != -EAGAIN ? (int)-n : 0;
			break;
		}
		b.heard_len += (size_t)n;
	}
	b.heard[b.heard_len] = 0;
	return b.heard;
}

/* How often a text occurs in what was heard. */
static unsigned times(const char *text)
{
	unsigned n = 0;
	for (const char *p = b.heard; (p = strstr(p, text)); p += strlen(text))
		n++;
	return n;
}

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
static const char get_big[] = "GET /big HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(kept_connection_answers_again_and_again, "")
{
	tapir_sock_t s = dial();
	for (unsigned i = 1; i <= 5; i++) {
		say(s, get);
		hear(s);
		assert_int_equal(times("HTTP/1.1 200 OK\r\n"), i);
		assert_int_equal(times("\r\n\r\nhello"), i);
		assert_false(b.eof);
		run(WORLD_S);
	}
	assert_int_equal(b.srv.nconns, 1);
	tapir_close(b.w.t, s);
	run(WORLD_S);
	assert_int_equal(b.srv.nconns, 0);
}

TEST(connection_ends_after_the_response_when_the_client_says_so, "")
{
	tapir_sock_t s = dial();
	say(s, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	assert_non_null(strstr(hear(s), "Connection: close\r\n"));
	assert_string_equal(b.heard + b.heard_len - 5, "hello");
	assert_true(b.eof);
	s = dial();
	say(s, "GET / HTTP/1.0\r\n\r\n");
	hear(s);
	assert_true(b.eof);
}

TEST(pipelined_requests_are_answered_in_order, "HT-12 HT-31")
{
	tapir_sock_t s = dial();
	say(s, "GET / HTTP/1.1\r\nHost: h\r\n\r\nHEAD /big HTTP/1.1\r\nHost: h\r\n\r\nGET /none "
	       "HTTP/1.1\r\nHost: h\r\n"
	       "Content-Length: 29\r\n\r\nGET /evil HTTP/1.1\r\nHost: h\r\nGET / HTTP/1.1\r\nHost: "
	       "h\r\n"
	       "Connection: close\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
	run(WORLD_S);
	hear(s);
	assert_true(b.eof);
	assert_int_equal(times("HTTP/1.1 "), 4);
	const char *first = strstr(b.heard, "hello"),
		   *second = strstr(b.heard, "Content-Length: 3000000");
	const char *third = strstr(b.heard, "404 Not Found");
	assert_true(first && second && third && first < second && second < third);
	assert_int_equal(times("hello"), 2);
}

TEST(many_pipelined_requests_are_all_answered, "")
{
	static char text[500 * sizeof get];
	size_t n = 0;
	for (int i = 0; i < 300; i++)
		n += (size_t)snprintf(text + n, sizeof text - n,
				      "GET /none HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	tapir_sock_t s = dial();
	struct iovec iov = {text, n};
	assert_int_equal(tapir_send(b.w.t, s, &iov, 1, 0), n);
	unsigned answers = 0;
	for (int i = 0; i < 100 && answers < 300; i++) {
		run(10 * WORLD_MS);
		b.heard_len = 0;
		hear(s);
		answers += times("HTTP/1.1 404");
	}
	assert_int_equal(b.srv.requests, 300);
}

TEST(request_may_come_byte_by_byte, "HT-25")
{
	tapir_sock_t s = dial();
	for (size_t i = 0; i < sizeof get - 1; i++) {
		assert_int_equal(hear(s)[0], 0);
		say_len(s, get + i, 1);
	}
	run(WORLD_S); /* the client's Nagle */
	assert_non_null(strstr(hear(s), "\r\n\r\nhello"));
}

/* Receives the big file; returns the bytes of it that came right. */
static size_t take_big(tapir_sock_t s, uint64_t pause_ns, size_t step, uint64_t limit_ns)
{
	static uint8_t buf[65536];
	size_t at = 0, head = 0, matched = 0;
	uint64_t end = tapir_now(b.w.t) + limit_ns;
	char tail[5] = "";
	b.eof = false;
	b.error = 0;
	while (matched < BIG && tapir_now(b.w.t) < end) {
		struct iovec iov = {buf, step};
		int64_t n = tapir_recv(b.w.t, s, &iov, 1, 0);
		if (n == 0 || (n < 0 && n != -EAGAIN)) {
			b.eof = n == 0;
			b.error = (int)-n;
			break;
		}
		for (int64_t i = 0; i < n; i++) {
			if (!head) {
				memmove(tail, tail + 1, 3);
				tail[3] = (char)buf[i];
				at++;
				if (memcmp(tail, "\r\n\r\n", 4) == 0)
					head = at;
			} else {
				assert_int_equal(buf[i], big_byte(matched));
				matched++;
			}
		}
		run(n > 0 ? pause_ns : 10 * WORLD_MS);
	}
	return matched;
}

TEST(large_file_comes_whole_and_the_connection_lives, "")
{
	tapir_sock_t s = dial();
	say(s, get_big);
	assert_int_equal(take_big(s, WORLD_MS, 65536, 60 * WORLD_S), BIG);
	b.heard_len = 0;
	say(s, get);
	assert_non_null(strstr(hear(s), "hello"));
}

TEST(slow_header_has_a_deadline_that_bytes_do_not_move, "")
{
	tapir_sock_t silent = dial(), slow = dial();
	for (int i = 0; i < 14; i++) {
		say(slow, "G");
		run(WORLD_S);
	}
	assert_int_equal(b.srv.nconns, 2);
	run(2 * WORLD_S);
	hear(silent);
	assert_int_equal(b.heard_len, 0);
	assert_true(b.eof);
	assert_non_null(strstr(hear(slow), "HTTP/1.1 408 "));
	assert_true(b.eof);
	run(5 * WORLD_S);
	assert_int_equal(b.srv.nconns, 0);
}

TEST(slow_body_ends_for_lack_of_progress, "HT-02")
{
	tapir_sock_t s = dial();
	say(s, "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
	for (int i = 0; i < 9; i++) {
		say(s, "x");
		run(WORLD_S);
	}
	assert_int_equal(b.srv.timeouts, 0);
	run(2 * WORLD_S);
	assert_non_null(strstr(hear(s), "HTTP/1.1 408 "));
	assert_true(b.eof);
	/* One that sends enough goes on for longer than the period. */
	char kilo[1000];
	memset(kilo, 'x', sizeof kilo);
	s = dial();
	say(s, "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n\r\n");
	for (int i = 0; i < 30; i++) {
		say_len(s, kilo, sizeof kilo);
		run(WORLD_S);
	}
	assert_non_null(strstr(hear(s), "HTTP/1.1 200 "));
}

TEST(client_that_does_not_read_is_reset, "HT-03")
{
	tapir_sock_t s = dial();
	say(s, get_big);
	run(20 * WORLD_S);
	assert_int_equal(b.srv.nconns, 1);
	run(60 * WORLD_S);
	assert_int_equal(b.srv.nconns, 0);
	assert_int_equal(b.srv.timeouts, 1);
	assert_true(take_big(s, 0, 65536, WORLD_S) < BIG);
	assert_int_equal(b.error, ECONNRESET);
}

TEST(client_that_reads_slowly_is_served, "")
{
	tapir_sock_t s = dial();
	say(s, get_big);
	/* 20 kB a second for two minutes, then all at once. */
	size_t some = take_big(s, WORLD_S / 2, 10000, 120 * WORLD_S);
	assert_true(some > 1000000 && some < BIG);
	assert_int_equal(b.error, 0);
	assert_int_equal(b.srv.timeouts, 0);
}

TEST(idle_connection_is_closed_and_holds_little, "HT-29")
{
	tapir_sock_t s = dial();
	say(s, get);
	hear(s);
	run(55 * WORLD_S);
	hear(s);
	assert_false(b.eof);
	run(7 * WORLD_S);
	hear(s);
	assert_true(b.eof);
	assert_int_equal(b.srv.nconns, 0);
}

TEST(longest_idle_connection_makes_room, "HT-29")
{
	b.srv.conf.max_conns = 3;
	tapir_sock_t s[4];
	for (int i = 0; i < 3; i++) {
		s[i] = dial();
		say(s[i], get);
	}
	s[3] = dial();
	say(s[3], get);
	assert_non_null(strstr(hear(s[3]), "hello"));
	b.heard_len = 0;
	hear(s[0]);
	assert_true(b.eof);
	hear(s[1]);
	assert_false(b.eof);
	assert_int_equal(b.srv.evicted, 1);
	assert_int_equal(b.srv.nconns, 3);
}

TEST(connections_beyond_the_limit_wait_to_be_accepted, "")
{
	b.srv.conf.max_conns = 2;
	tapir_sock_t busy[2], s;
	for (int i = 0; i < 2; i++) {
		busy[i] = dial();
		say(busy[i], "GET / HT");
	}
	s = dial();
	say(s, get);
	assert_string_equal(hear(s), "");
	tapir_close(b.w.t, busy[0]);
	run(WORLD_S);
	assert_non_null(strstr(hear(s), "hello"));
	assert_int_equal(b.srv.nconns, 2);
}

TEST(slow_headers_at_the_limit_do_not_keep_others_out, "")
{
	b.srv.conf.max_conns = 50;
	tapir_sock_t slow[50], s;
	for (int i = 0; i < 50; i++) {
		slow[i] = dial();
		say(slow[i], "GET / HT");
	}
	for (int i = 0; i < 20; i++) {
		s = dial();
		say(s, get);
		run(3 * WORLD_S);
		assert_non_null(strstr(hear(s), "hello"));
		tapir_close(b.w.t, s);
		/* the attacker comes back */
		slow[i] = dial();
		say(slow[i], "GET / HT");
	}
}

TEST(slow_readers_at_the_limit_do_not_keep_others_out, "HT-03")
{
	b.srv.conf.max_conns = 50;
	tapir_sock_t slow[50], s;
	for (int i = 0; i < 50; i++) {
		slow[i] = dial();
		say(slow[i], get_big);
	}
	run(6 * WORLD_S);
	for (int i = 0; i < 20; i++) {
		s = dial();
		say(s, get);
		run(6 * WORLD_S);
		assert_non_null(strstr(hear(s), "hello"));
		tapir_close(b.w.t, s);
		/* the attacker comes back */
		slow[i] = dial();
		say(slow[i], get_big);
	}
	assert_true(b.srv.evicted > 0);
}

TEST(slow_bodies_at_the_limit_do_not_keep_others_out, "HT-02")
{
	b.srv.conf.max_conns = 50;
	tapir_sock_t s;
	for (int i = 0; i < 50; i++)
		say(dial(), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\na");
	s = dial();
	say(s, get);
	run(6 * WORLD_S);
	assert_non_null(strstr(hear(s), "hello"));
}

TEST(quick_readers_at_the_limit_are_not_sent_away, "HT-03")
{
	b.srv.conf.max_conns = 1;
	tapir_sock_t s = dial(), other;
	say(s, get_big);
	/* Somebody waits for the place all the time, of one who reads 20 kB a second. */
	other = dial();
	say(other, get);
	take_big(s, WORLD_S / 2, 10000, 60 * WORLD_S);
	assert_int_equal(b.error, 0);
	assert_int_equal(b.srv.evicted, 0);
}

TEST(refusal_is_heard_though_the_client_still_sends, "IH-06 HT-06")
{
	static char body[50000];
	tapir_sock_t s = dial();
	memset(body, 'x', sizeof body);
	say(s, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n");
	for (int i = 0; i < 10; i++)
		say_len(s, body, sizeof body);
	assert_non_null(strstr(hear(s), "HTTP/1.1 413 "));
	assert_true(b.eof);
	assert_int_equal(b.error, 0);
	tapir_close(b.w.t, s);
	run(WORLD_S);
	assert_int_equal(b.srv.nconns, 0);
	s = dial();
	say(s, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
	       "4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n");
	hear(s);
	assert_int_equal(times("HTTP/1.1 "), 1);
	assert_int_equal(times("HTTP/1.1 400 "), 1);
	assert_true(b.eof);
}

TEST(garbage_is_refused_and_the_server_serves_on, "IH-08")
{
	static const char *const garbage[] = {"\r\n\r\n\r\n\r\n\r\n", "\x16\x03\x01\x02", "FOO\r\n",
					      "\n", "GET / HTTP/9.9\r\n"};
	for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
		tapir_sock_t s = dial();
		say(s, garbage[i]);
		hear(s);
		assert_int_equal(times("HTTP/1.1 400 ") + times("HTTP/1.1 505 "), 1);
		assert_true(b.eof);
		tapir_close(b.w.t, s);
	}
	tapir_sock_t s = dial();
	say(s, get);
	assert_non_null(strstr(hear(s), "hello"));
}

TEST(continue_is_said_once_or_the_answer_instead, "HT-30")
{
	tapir_sock_t s = dial();
	say(s, "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_string_equal(hear(s), "HTTP/1.1 100 Continue\r\n\r\n");
	say(s, "hi");
	assert_non_null(strstr(hear(s), "hello"));
	assert_int_equal(times("100 Continue"), 1);
	s = dial();
	say(s, "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	hear(s);
	assert_int_equal(times("HTTP/1.1 "), 1);
	assert_int_equal(times("HTTP/1.1 405 "), 1);
	assert_true(b.eof);
	s = dial();
	say(s, "GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-maybe\r\n\r\n");
	hear(s);
	assert_int_equal(times("HTTP/1.1 417 "), 1);
	assert_true(b.eof);
}

TEST(client_that_goes_away_leaves_nothing, "")
{
	int before = dup(0);
	close(before);
	for (int how = 0; how < 3; how++) {
		tapir_sock_t s = dial();
		say(s, how == 2 ? "GET / HT" : get_big);
		assert_int_equal(b.srv.nconns, 1);
		if (how == 0)
			tapir_abort(b.w.t, s);
		else
			tapir_close(b.w.t, s);
		run(5 * WORLD_S);
		assert_int_equal(b.srv.nconns, 0);
	}
	int after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

TEST(half_closed_client_gets_its_response, "")
{
	tapir_sock_t s = dial();
	say(s, get_big);
	tapir_shutdown(b.w.t, s, TAPIR_SHUT_WR);
	assert_int_equal(take_big(s, WORLD_MS, 65536, 60 * WORLD_S), BIG);
	run(WORLD_S);
	hear(s);
	assert_true(b.eof);
	assert_int_equal(b.srv.nconns, 0);
}

TEST(file_that_shrinks_ends_in_a_reset_not_in_an_end, "")
{
	tapir_sock_t s = dial();
	/* The client's buffer fills, the server waits with the rest still in the file. */
	say(s, get_big);
	assert_int_equal(truncate(file_name("big"), 1000), 0);
	assert_true(take_big(s, WORLD_MS, 65536, 60 * WORLD_S) < BIG);
	assert_int_equal(b.error, ECONNRESET);
	assert_int_equal(b.srv.nconns, 0);
}

TEST(drain_ends_idle_connections_and_finishes_the_others, "")
{
	tapir_sock_t idle = dial(), asking, busy;
	say(idle, get);
	hear(idle);
	asking = dial();
	say(asking, "GET / HTTP/1.1\r\nHo");
	busy = dial();
	say(busy, get_big);
	http_server_drain(&b.srv);
	run(10 * WORLD_MS);
	b.heard_len = 0;
	hear(idle);
	assert_true(b.eof);
	say(asking, "st: h\r\n\r\n");
	assert_non_null(strstr(hear(asking), "Connection: close\r\n"));
	assert_true(b.eof);
	tapir_close(b.w.t, asking);
	assert_int_equal(take_big(busy, WORLD_MS, 65536, 60 * WORLD_S), BIG);
	tapir_close(b.w.t, busy);
	run(WORLD_S);
	assert_int_equal(b.srv.nconns, 0);
}

TEST(hundreds_of_clients_at_once_are_served, "")
{
	enum { N = 300 };
	static tapir_sock_t s[N];
	for (int i = 0; i < N; i++)
		s[i] = dial();
	for (int i = 0; i < N; i++) {
		struct iovec iov = {(void *)(uintptr_t)get, sizeof get - 1};
		assert_int_equal(tapir_send(b.w.t, s[i], &iov, 1, 0), sizeof get - 1);
	}
	run(WORLD_S);
	assert_int_equal(b.srv.nconns, N);
	for (int i = 0; i < N; i++) {
		b.heard_len = 0;
		assert_non_null(strstr(hear(s[i]), "\r\n\r\nhello"));
		tapir_close(b.w.t, s[i]);
	}
	run(WORLD_S);
	assert_int_equal(b.srv.nconns, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(kept_connection_answers_again_and_again),
		T(connection_ends_after_the_response_when_the_client_says_so),
		T(pipelined_requests_are_answered_in_order),
		T(many_pipelined_requests_are_all_answered),
		T(request_may_come_byte_by_byte),
		T(large_file_comes_whole_and_the_connection_lives),
		T(slow_header_has_a_deadline_that_bytes_do_not_move),
		T(slow_body_ends_for_lack_of_progress),
		T(client_that_does_not_read_is_reset),
		T(client_that_reads_slowly_is_served),
		T(idle_connection_is_closed_and_holds_little),
		T(longest_idle_connection_makes_room),
		T(connections_beyond_the_limit_wait_to_be_accepted),
		T(slow_headers_at_the_limit_do_not_keep_others_out),
		T(slow_readers_at_the_limit_do_not_keep_others_out),
		T(slow_bodies_at_the_limit_do_not_keep_others_out),
		T(quick_readers_at_the_limit_are_not_sent_away),
		T(refusal_is_heard_though_the_client_still_sends),
		T(garbage_is_refused_and_the_server_serves_on),
		T(continue_is_said_once_or_the_answer_instead),
		T(client_that_goes_away_leaves_nothing),
		T(half_closed_client_gets_its_response),
		T(file_that_shrinks_ends_in_a_reset_not_in_an_end),
		T(drain_ends_idle_connections_and_finishes_the_others),
		T(hundreds_of_clients_at_once_are_served),
	};
	return tapir_test_run("unit/apps/test_http_conn", tests);
}
