/*
 * The loop over a driver whose wire is a socket pair: timers in order, descriptors, signals, a device
 * that goes away. No test waits for time to pass: deadlines are in the past or a descriptor is ready.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "drivers/host.h"
#include "drivers/loop.h"
#include "tests/support/test.h"

struct fixture {
	struct tapir *t;
	struct driver *d;
	struct loop *l;
	int peer;
};

static void begin(struct fixture *f)
{
	static const uint8_t seed[TAPIR_SEED_LEN] = {1};
	struct tapir_env env = host_env();
	struct tapir_netif_conf nc = {.name = "wire0",
				      .type = TAPIR_NETIF_ETHER,
				      .mac = {{2, 0, 0, 0, 0, 1}},
				      .mtu = 1500};
	struct drv_error err = {""};
	int fd[2];

	memset(f, 0, sizeof(*f));
	assert_int_equal(tapir_create(&f->t, &env, NULL, seed, 1000), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	f->peer = fd[1];
	f->d = fd_open(fd[0], 0, &err);
	assert_non_null(f->d);
	int ifindex = tapir_netif_add(f->t, &nc);
	assert_true(ifindex > 0);
	assert_int_equal(tapir_netif_up(f->t, ifindex), 0);
	f->l = loop_new(f->t, ifindex, f->d, 1000, &err);
	assert_non_null(f->l);
}

static void end(struct fixture *f)
{
	loop_free(f->l);
	driver_close(f->d);
	if (f->peer >= 0)
		close(f->peer);
	tapir_destroy(f->t);
}

/* The system's clocks, in place of the library's call, so that they can jump for us alone. */
static int64_t jump_s;
static int64_t held_s; /* how long something held the program: the monotonic clock went on */

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's names are reserved */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_REALTIME)
		ts->tv_sec += jump_s;
	if (id == CLOCK_MONOTONIC)
		ts->tv_sec += held_s;
	return r;
}

static char fired[64];

struct named_timer {
	struct loop_timer tm;
	char name;
};

static void on_timer(struct loop *l, struct loop_timer *tm)
{
	size_t n = strlen(fired);

	(void)l;
	fired[n] = ((struct named_timer *)tm)->name;
	fired[n + 1] = '\0';
}

enum { SLACK_MS = 100 };

TEST(ten_minutes_at_a_breakpoint_move_the_clock_by_100_ms, "")
{
	struct named_timer tm = {.tm.fn = on_timer, .name = 'x'};
	struct fixture f;

	begin(&f);
	fired[0] = '\0';
	assert_int_equal(loop_turn(f.l, 0), 0);
	uint64_t before = loop_now(f.l), skipped = loop_skipped(f.l);
	loop_timer_set(f.l, &tm.tm, before + (SLACK_MS + 1) * NS_PER_MS);
	held_s += 600;
	assert_int_equal(loop_turn(f.l, 0), 0);
	assert_true(loop_now(f.l) <= before + SLACK_MS * NS_PER_MS);
	assert_true(tapir_now(f.t) <= before + SLACK_MS * NS_PER_MS);
	assert_string_equal(fired, "");
	/* What was cut is counted: nothing is lost of the real time. */
	uint64_t real = loop_now(f.l) - before + loop_skipped(f.l) - skipped;
	assert_true(real >= 600 * NS_PER_S && real < 660 * NS_PER_S);
	loop_timer_cancel(f.l, &tm.tm);
	end(&f);
}

static void hold_and_ask(struct loop *l, struct loop_timer *tm)
{
	(void)tm;
	for (int i = 0; i < 10; i++) {
		held_s += 60;
		loop_clock(l);
	}
}

TEST(however_often_a_turn_is_held_its_clock_moves_by_100_ms, "")
{
	struct named_timer tm = {.tm.fn = hold_and_ask};
	struct fixture f;

	begin(&f);
	uint64_t before = loop_now(f.l);
	loop_timer_set(f.l, &tm.tm, before);
	held_s += 60;
	assert_int_equal(loop_turn(f.l, 0), 0);
	assert_true(loop_now(f.l) <= before + SLACK_MS * NS_PER_MS);
	held_s += 60;
	loop_clock(f.l);
	assert_true(loop_now(f.l) <= before + SLACK_MS * NS_PER_MS);
	/* The next turn has its own 100 ms. */
	assert_int_equal(loop_turn(f.l, 0), 0);
	assert_true(loop_now(f.l) <= before + 2 * SLACK_MS * NS_PER_MS);
	end(&f);
}

TEST(timers_fire_in_order_of_time, "")
{
	static const uint64_t when[] = {50, 10, 40, 20, 30, 70, 60};
	struct named_timer tm[7];
	struct fixture f;

	begin(&f);
	fired[0] = '\0';
	memset(tm, 0, sizeof(tm));
	for (int i = 0; i < 7; i++) {
		tm[i].tm.fn = on_timer;
		tm[i].name = (char)('0' + when[i] / 10);
		assert_int_equal(loop_timer_set(f.l, &tm[i].tm, when[i]), 0);
	}
	assert_int_equal(loop_turn(f.l, 0), 0);
	assert_string_equal(fired, "1234567");
	end(&f);
}

TEST(a_cancelled_timer_does_not_fire_and_a_moved_one_fires_once, "")
{
	struct named_timer tm[20];
	struct fixture f;

	begin(&f);
	fired[0] = '\0';
	memset(tm, 0, sizeof(tm));
	for (int i = 0; i < 20; i++) {
		tm[i].tm.fn = on_timer;
		tm[i].name = (char)('a' + i);
		loop_timer_set(f.l, &tm[i].tm, (uint64_t)(i + 1));
	}
	for (int i = 0; i < 20; i++) {
		if (i % 3 == 0)
			loop_timer_cancel(f.l, &tm[i].tm);
		else if (i % 3 == 1)
			loop_timer_set(f.l, &tm[i].tm, (uint64_t)(100 - i));
	}
	loop_timer_cancel(f.l, &tm[0].tm);
	assert_int_equal(loop_turn(f.l, 0), 0);
	assert_string_equal(fired, "cfilor"
				   "tqnkheb");
	end(&f);
}

TEST(a_jump_of_the_wall_clock_changes_no_timer, "RS-04")
{
	static const int64_t jumps[] = {365 * 86400, -365 * 86400, 1, -1};
	time_t wall = host_wall().tv_sec;
	struct named_timer due, later;
	struct fixture f;
	uint64_t began;

	begin(&f);
	memset(&later, 0, sizeof(later));
	later.tm.fn = on_timer;
	later.name = 'l';
	began = loop_clock(f.l);
	loop_timer_set(f.l, &later.tm, began + 86400 * NS_PER_S);
	for (int i = 0; i < 4; i++) {
		jump_s = jumps[i];
		assert_true(llabs(host_wall().tv_sec - wall - jump_s) < 100);
		memset(&due, 0, sizeof(due));
		due.tm.fn = on_timer;
		due.name = 'd';
		loop_timer_set(f.l, &due.tm, loop_now(f.l));
		fired[0] = '\0';
		assert_int_equal(loop_turn(f.l, 0), 0);
		assert_string_equal(fired, "d");
		assert_in_range(loop_clock(f.l), began, began + 100 * NS_PER_S);
	}
	jump_s = 0;
	end(&f);
}

static void on_fd(struct loop *l, struct loop_fd *fd, uint32_t events)
{
	char c;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(fd->fd, &c, 1), 1);
	strncat(fired, &c, 1);
	if (c == 'x')
		loop_stop(l);
}

TEST(a_descriptors_handler_is_called_and_may_stop_the_loop, "")
{
	struct fixture f;
	struct loop_fd lf = {.fn = on_fd};
	int p[2];

	begin(&f);
	fired[0] = '\0';
	assert_int_equal(pipe(p), 0);
	lf.fd = p[0];
	assert_int_equal(loop_fd_add(f.l, &lf, EPOLLIN), 0);
	assert_int_equal(write(p[1], "abx", 3), 3);
	assert_int_equal(loop_run(f.l), 0);
	assert_string_equal(fired, "abx");
	assert_int_equal(loop_stopping(f.l), 0);
	loop_fd_del(f.l, &lf);
	close(p[0]);
	close(p[1]);
	end(&f);
}

static struct loop_fd *other_of[2];

static void on_fd_delete_other(struct loop *l, struct loop_fd *fd, uint32_t events)
{
	(void)events;
	strncat(fired, "d", 2);
	loop_fd_del(l, other_of[fd == other_of[0]]);
}

TEST(a_descriptor_deleted_by_anothers_handler_is_not_served_in_that_turn, "")
{
	struct fixture f;
	struct loop_fd a = {.fn = on_fd_delete_other}, b = {.fn = on_fd_delete_other};
	int p[2], q[2];

	begin(&f);
	fired[0] = '\0';
	other_of[0] = &a;
	other_of[1] = &b;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	a.fd = p[0];
	b.fd = q[0];
	loop_fd_add(f.l, &a, EPOLLIN);
	loop_fd_add(f.l, &b, EPOLLIN);
	assert_int_equal(write(p[1], "1", 1), 1);
	assert_int_equal(write(q[1], "1", 1), 1);
	assert_int_equal(loop_turn(f.l, 0), 0); /* the first only reads the device */
	if (!fired[0])
		assert_int_equal(loop_turn(f.l, 0), 0);
	assert_string_equal(fired, "d");
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
	end(&f);
}

TEST(a_signal_stops_the_loop_even_if_it_was_ignored, "")
{
	struct fixture f;

	for (int i = 0; i < 2; i++) {
		int signum = i ? SIGTERM : SIGINT;

		signal(signum, SIG_IGN);
		begin(&f);
		assert_int_equal(loop_catch_signals(f.l), 0);
		assert_int_equal(loop_stopping(f.l), -1);
		raise(signum);
		assert_int_equal(loop_run(f.l), 0);
		assert_int_equal(loop_stopping(f.l), signum);
		end(&f);
		struct sigaction now;
		sigaction(signum, NULL, &now);
		assert_true(now.sa_handler == SIG_IGN);
		signal(signum, SIG_DFL);
	}
}

TEST(a_hang_up_that_was_ignored_stays_ignored, "")
{
	struct fixture f;

	signal(SIGHUP, SIG_IGN);
	begin(&f);
	assert_int_equal(loop_catch_signals(f.l), 0);
	raise(SIGHUP);
	assert_int_equal(loop_turn(f.l, 0), 0);
	assert_int_equal(loop_stopping(f.l), -1);
	end(&f);
	signal(SIGHUP, SIG_DFL);
}

TEST(a_device_that_goes_away_ends_the_loop_with_the_reason, "")
{
	struct fixture f;

	begin(&f);
	assert_null(loop_error(f.l));
	close(f.peer);
	f.peer = -1;
	assert_int_equal(loop_run(f.l), -1);
	assert_non_null(strstr(loop_error(f.l), "the other end is gone"));
	loop_finish(f.l);
	end(&f);
}

TEST(frames_from_the_wire_reach_the_interface, "")
{
	static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9};
	struct tapir_netif_info info;
	struct fixture f;

	begin(&f);
	for (int i = 0; i < 100; i++)
		assert_int_equal(write(f.peer, frame, sizeof(frame)), sizeof(frame));
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_turn(f.l, 0), 0);
	assert_int_equal(tapir_netif_info(f.t, 2, &info), 0);
	assert_int_equal(info.rx_packets, 100);
	end(&f);
}

TEST(the_clock_begins_where_the_instance_does_and_moves, "")
{
	struct fixture f;

	begin(&f);
	assert_int_equal(loop_now(f.l), 1000);
	uint64_t before = loop_clock(f.l);
	assert_true(before >= 1000);
	while (loop_clock(f.l) == before)
		;
	assert_int_equal(loop_turn(f.l, 0), 0);
	assert_true(loop_now(f.l) > before);
	assert_int_equal(tapir_now(f.t), loop_now(f.l));
	end(&f);
}

/* --- straight-line code: against a listener in the same stack, by its loopback --- */

static const uint64_t SOON = 5000 * NS_PER_MS;

static tapir_sock_t listener(struct fixture *f, uint16_t port)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(TAPIR_IP4(127, 0, 0, 1), port);
	tapir_sock_t s = tapir_socket(f->t, TAPIR_AF_INET, TAPIR_STREAM, 0);

	assert_true(s > 0);
	assert_int_equal(tapir_bind(f->t, s, &sa), 0);
	assert_int_equal(tapir_listen(f->t, s, 8), 0);
	return s;
}

/* A connection from the stack to itself: both its ends. */
static void connected(struct fixture *f, tapir_sock_t ends[2])
{
	struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(127, 0, 0, 1), 4000);
	struct tapir_sockaddr peer;
	uint64_t deadline = loop_clock(f->l) + SOON;
	tapir_sock_t s = listener(f, 4000);

	ends[0] = loop_connect(f->l, &to, deadline);
	assert_true(ends[0] > 0);
	ends[1] = loop_accept(f->l, s, &peer, deadline);
	assert_true(ends[1] > 0);
	assert_int_equal(tapir_addr_to_v4(&peer.addr), TAPIR_IP4(127, 0, 0, 1));
	tapir_close(f->t, s);
}

TEST(a_connection_is_made_and_bytes_pass_both_ways, "")
{
	struct fixture f;
	tapir_sock_t ends[2];
	char got[16];

	begin(&f);
	connected(&f, ends);
	uint64_t deadline = loop_clock(f.l) + SOON;
	assert_int_equal(loop_send(f.l, ends[0], "to and fro", 10, deadline), 10);
	assert_int_equal(loop_recv_all(f.l, ends[1], got, 10, deadline), 10);
	assert_memory_equal(got, "to and fro", 10);
	assert_int_equal(loop_send(f.l, ends[1], "fro", 3, deadline), 3);
	assert_int_equal(loop_recv(f.l, ends[0], got, sizeof(got), deadline), 3);
	assert_memory_equal(got, "fro", 3);
	tapir_close(f.t, ends[1]);
	assert_int_equal(loop_recv(f.l, ends[0], got, sizeof(got), deadline), 0);
	tapir_close(f.t, ends[0]);
	end(&f);
}

/* Reads and checks what the other end sends. */
struct reader {
	struct loop_handler handler;
	uint64_t n;
	bool wrong;
};

static void on_data(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits)
{
	struct reader *r = (struct reader *)h;
	static uint8_t buf[65536];
	struct iovec iov = {buf, sizeof(buf)};
	int64_t n;

	(void)bits;
	while ((n = tapir_recv(loop_tapir(l), s, &iov, 1, 0)) > 0) {
		for (int64_t i = 0; i < n; i++, r->n++)
			r->wrong |= buf[i] != (uint8_t)(r->n * 7 >> 3);
	}
}

TEST(more_than_the_buffers_hold_is_sent_while_a_handler_reads, "")
{
	enum { MANY = 8 << 20 };
	struct reader r = {{on_data}, 0, false};
	struct fixture f;
	tapir_sock_t ends[2];
	uint8_t *bytes = test_malloc(MANY);

	begin(&f);
	connected(&f, ends);
	for (uint64_t i = 0; i < MANY; i++)
		bytes[i] = (uint8_t)(i * 7 >> 3);
	assert_true(loop_watch(f.l, ends[1], TAPIR_IN, &r.handler) >= 0);
	uint64_t deadline = loop_clock(f.l) + 12 * SOON;
	assert_int_equal(loop_send(f.l, ends[0], bytes, MANY, deadline), MANY);
	while (r.n < MANY && loop_clock(f.l) < deadline)
		assert_int_equal(loop_turn(f.l, deadline), 0);
	assert_int_equal(r.n, MANY);
	assert_false(r.wrong);
	test_free(bytes);
	end(&f);
}

TEST(a_port_where_nobody_listens_refuses, "")
{
	struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(127, 0, 0, 1), 9);
	struct fixture f;

	begin(&f);
	assert_int_equal(loop_connect(f.l, &to, loop_clock(f.l) + SOON), -ECONNREFUSED);
	end(&f);
}

TEST(a_deadline_in_the_past_is_a_timeout, "")
{
	struct fixture f;
	tapir_sock_t ends[2];
	char got[4];

	begin(&f);
	connected(&f, ends);
	assert_int_equal(loop_recv(f.l, ends[0], got, sizeof(got), 0), -ETIMEDOUT);
	assert_int_equal(loop_wait(f.l, ends[0], TAPIR_IN, loop_now(f.l)), -ETIMEDOUT);
	tapir_sock_t s = listener(&f, 4001);
	assert_int_equal(loop_accept(f.l, s, NULL, 0), -ETIMEDOUT);
	end(&f);
}

TEST(a_loop_asked_to_stop_interrupts_who_waits, "")
{
	struct fixture f;
	tapir_sock_t ends[2];
	char got[4];

	begin(&f);
	connected(&f, ends);
	loop_stop(f.l);
	assert_int_equal(loop_recv(f.l, ends[0], got, sizeof(got), TAPIR_NEVER), -EINTR);
	end(&f);
}

TEST(a_device_that_is_gone_fails_who_waits, "")
{
	struct fixture f;
	tapir_sock_t ends[2];
	char got[4];

	begin(&f);
	connected(&f, ends);
	close(f.peer);
	f.peer = -1;
	assert_int_equal(loop_recv(f.l, ends[0], got, sizeof(got), TAPIR_NEVER), -ENODEV);
	end(&f);
}

static unsigned count_unfinished(struct tapir *t)
{
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info s;
	unsigned n = 0;

	while (tapir_sock_next(t, &it, &s))
		n += s.state != TAPIR_TCP_TIME_WAIT && s.state != TAPIR_TCP_CLOSED;
	return n;
}

TEST(the_end_closes_every_conversation_and_listener, "")
{
	struct fixture f;
	tapir_sock_t ends[2];

	begin(&f);
	connected(&f, ends);
	listener(&f, 4001);
	assert_int_equal(loop_send(f.l, ends[0], "unread", 6, loop_clock(f.l) + SOON), 6);
	uint64_t before = host_clock_ns();
	loop_finish(f.l);
	assert_true(host_clock_ns() - before < 2000 * NS_PER_MS);
	assert_int_equal(count_unfinished(f.t), 0);
	assert_int_equal(tapir_poll(f.t, ends[0]), -EBADF);
	assert_int_equal(tapir_poll(f.t, ends[1]), -EBADF);
	end(&f);
}

/* Closes the other end's socket: what was told of it is void then. */
struct closer {
	struct loop_handler handler;
	tapir_sock_t other;
	int called;
};

static void on_close_other(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits)
{
	struct closer *c = (struct closer *)h;

	(void)s;
	(void)bits;
	c->called++;
	tapir_abort(loop_tapir(l), c->other);
}

TEST(a_socket_closed_by_anothers_handler_is_not_served, "")
{
	struct fixture f;
	tapir_sock_t a[2];
	struct closer c[2];

	begin(&f);
	connected(&f, a);
	for (int i = 0; i < 2; i++) {
		c[i] = (struct closer){{on_close_other}, a[1 - i], 0};
		/* writable from the start: both are told in the same turn */
		assert_true(loop_watch(f.l, a[i], TAPIR_OUT, &c[i].handler) >= 0);
	}
	assert_int_equal(loop_turn(f.l, 0), 0);
	/* the reset may be told to the one that is left */
	assert_true((c[0].called == 0) != (c[1].called == 0));
	end(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_minutes_at_a_breakpoint_move_the_clock_by_100_ms),
		cmocka_unit_test(however_often_a_turn_is_held_its_clock_moves_by_100_ms),
		cmocka_unit_test(timers_fire_in_order_of_time),
		cmocka_unit_test(a_jump_of_the_wall_clock_changes_no_timer),
		cmocka_unit_test(a_cancelled_timer_does_not_fire_and_a_moved_one_fires_once),
		cmocka_unit_test(a_descriptors_handler_is_called_and_may_stop_the_loop),
		cmocka_unit_test(
			a_descriptor_deleted_by_anothers_handler_is_not_served_in_that_turn),
		cmocka_unit_test(a_signal_stops_the_loop_even_if_it_was_ignored),
		cmocka_unit_test(a_hang_up_that_was_ignored_stays_ignored),
		cmocka_unit_test(a_device_that_goes_away_ends_the_loop_with_the_reason),
		cmocka_unit_test(frames_from_the_wire_reach_the_interface),
		cmocka_unit_test(the_clock_begins_where_the_instance_does_and_moves),
		cmocka_unit_test(a_connection_is_made_and_bytes_pass_both_ways),
		cmocka_unit_test(more_than_the_buffers_hold_is_sent_while_a_handler_reads),
		cmocka_unit_test(a_port_where_nobody_listens_refuses),
		cmocka_unit_test(a_deadline_in_the_past_is_a_timeout),
		cmocka_unit_test(a_loop_asked_to_stop_interrupts_who_waits),
		cmocka_unit_test(a_device_that_is_gone_fails_who_waits),
		cmocka_unit_test(the_end_closes_every_conversation_and_listener),
		cmocka_unit_test(a_socket_closed_by_anothers_handler_is_not_served),
	};
	return tapir_test_run("unit/drivers/test_loop", tests);
}
