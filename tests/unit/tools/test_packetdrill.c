/*
 * tapir-packetdrill.so, driven by hand as packetdrill drives it: one thread plays the script, a second one makes the
 * calls that block.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/support/pdhand.h"

/* ---- a call on the second thread ---- */

struct blocked {
	pthread_t thread;
	int fd, result, error;
	long long end_us;
	enum { ACCEPT, READ, CONNECT, POLL, WRITE, CLOSE } what;
	size_t n;
	_Atomic pid_t tid; /* 0: not yet at the call */
	atomic_bool over;
};

static void *make_call(void *arg)
{
	struct blocked *b = arg;
	struct sockaddr_in a = pdhand_addr(PDLIB_REMOTE, 80);
	struct pollfd p = {.fd = b->fd, .events = POLLIN};
	void *buf = calloc(1, b->n + 1);

	errno = 0;
	b->tid = gettid();
	switch (b->what) {
	case ACCEPT:
		b->result = pdhand.ifc.accept(U, b->fd, NULL, NULL);
		break;
	case READ:
		b->result = (int)pdhand.ifc.read(U, b->fd, buf, b->n);
		break;
	case WRITE:
		b->result = (int)pdhand.ifc.write(U, b->fd, buf, b->n);
		break;
	case CONNECT:
		b->result = pdhand.ifc.connect(U, b->fd, (struct sockaddr *)&a, sizeof(a));
		break;
	case POLL:
		b->result = pdhand.ifc.poll(U, &p, 1, (int)b->n);
		break;
	case CLOSE:
		b->result = pdhand.ifc.close(U, b->fd);
		break;
	}
	b->error = errno;
	b->end_us = pdlib_now(&pdhand);
	b->over = true;
	free(buf);
	return NULL;
}

/* Begins it, and waits until it sleeps, as packetdrill does. */
static void begin(struct blocked *b)
{
	assert_int_equal(pthread_create(&b->thread, NULL, make_call, b), 0);
	while (b->tid == 0)
		sched_yield();
	do
		sched_yield();
	while (!b->over && !pdlib_asleep(b->tid));
}

static void end(struct blocked *b)
{
	pthread_join(b->thread, NULL);
}

/* ---- tests ---- */

TEST(one_symbol_is_exported, "")
{
	char cmd[5000], line[256], all[1024] = "";
	FILE *f;

	snprintf(cmd, sizeof(cmd), "nm -D --defined-only '%s'", pdlib_path());
	f = popen(cmd, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		strncat(all, line, sizeof(all) - strlen(all) - 1);
	pclose(f);
	assert_non_null(strstr(all, " T packetdrill_interface_init\n"));
	assert_ptr_equal(strchr(all, '\n'), strrchr(all, '\n'));
}

TEST(spinning_on_the_clock_ends, "")
{
	long long t0 = pdlib_now(&pdhand), t1 = pdlib_now(&pdhand);

	assert_true(t1 >= t0 + 1);
	pdhand.ifc.usleep(U, 1000000);
	assert_true(pdlib_now(&pdhand) >= t1 + 1000000);
	assert_true(pdlib_now(&pdhand) < t1 + 1000100);
}

TEST(nothing_to_come_is_told_by_a_count_of_zero, "")
{
	uint8_t b[100];
	size_t n = sizeof(b);
	long long at;

	assert_int_equal(pdhand.ifc.netdev_receive(U, b, &n, &at), 0);
	assert_int_equal(n, 0);
}

TEST(what_only_ourselves_hear_is_not_waited_for, "")
{
	static uint8_t b[100000];
	struct sockaddr_in a = pdhand_addr(PDLIB_LOCAL, 80);
	int l = pdhand_listener(80), fd = pdhand.ifc.socket(U, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	size_t n = sizeof(b);
	long long at;

	assert_int_equal(pdhand.ifc.connect(U, fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(pdhand.ifc.fcntl(U, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	/* Nobody reads: the window closes, and is probed until the end of time. */
	for (int i = 0; i < 1000 && pdhand.ifc.write(U, fd, b, sizeof(b)) > 0; i++)
		pdhand.ifc.usleep(U, 1000);
	assert_int_equal(pdhand.ifc.netdev_receive(U, b, &n, &at), 0);
	assert_int_equal(n, 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(l), 0);
}

TEST(handshake_accept_and_read_without_blocking, "")
{
	int l = pdhand_listener(8080), fd;
	uint8_t buf[2000];
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int v;

	pdhand_peer_opens(40000, 8080);
	fd = pdhand.ifc.accept(U, l, (struct sockaddr *)&peer, &len);
	assert_true(fd > l);
	assert_int_equal(len, sizeof(peer));
	assert_int_equal(ntohl(peer.sin_addr.s_addr), PDLIB_REMOTE);
	assert_int_equal(ntohs(peer.sin_port), 40000);
	assert_int_equal(pdhand.ifc.fcntl(U, fd, F_GETFL), O_RDWR);
	assert_int_equal(pdhand.ifc.fcntl(U, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	assert_int_equal(pdhand.ifc.read(U, fd, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	pdlib_send_tcp(&pdhand, 40000, 8080, 1001, 0, WV_ACK, 65535, NULL, 0, 0);
	/* 1000 bytes with our ACK number unknown here: taken from the SYN-ACK by peer_opens in real scripts. */
	assert_int_equal(pdhand.ifc.ioctl(U, fd, (unsigned long)SIOCINQ, &v), 0);
	assert_int_equal(v, 0);
	/* Left open: libc's close() is what packetdrill does at its end. */
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(l), 0);
}

TEST(blocking_accept_and_read_end_when_the_packet_comes, "")
{
	int l = pdhand_listener(8080);
	struct blocked a = {.fd = l, .what = ACCEPT}, r = {.what = READ, .n = 2000};
	long long t;
	uint32_t iss;

	begin(&a);
	pdhand.ifc.usleep(U, 10000);
	iss = pdhand_peer_opens(40000, 8080);
	t = pdlib_now(&pdhand);
	end(&a);
	assert_true(a.result > l);
	assert_in_range(a.end_us, t - 10, t + 10);
	r.fd = a.result;
	begin(&r);
	pdhand.ifc.usleep(U, 50000);
	pdlib_send_tcp(&pdhand, 40000, 8080, 1001, iss + 1, WV_ACK | WV_PSH, 65535, NULL, 0, 1000);
	/* The reader must read the clock before main can make it jump. */
	pdhand.ifc.usleep(U, 5000000);
	end(&r);
	assert_int_equal(r.result, 1000);
	assert_in_range(r.end_us, t + 50000, t + 50100);
}

TEST(connect_blocks_through_syn_retries_to_its_timeout, "")
{
	struct blocked c = {.what = CONNECT};
	static const int gaps_s[] = {1, 1, 1, 1, 1, 2, 4, 8, 16, 32};
	struct wireview v;
	long long at, last;

	c.fd = pdhand.ifc.socket(U, AF_INET, SOCK_STREAM, 0);
	begin(&c);
	assert_true(pdlib_receive(&pdhand, &v, &at));
	assert_int_equal(v.flags, WV_SYN);
	assert_int_equal(v.dst, PDLIB_REMOTE);
	assert_int_equal(v.src, PDLIB_LOCAL);
	for (unsigned i = 0; i < 10; i++) {
		last = at;
		assert_true(pdlib_receive(&pdhand, &v, &at));
		assert_int_equal(v.flags, WV_SYN);
		assert_in_range(at - last, gaps_s[i] * 1000000 - 10000,
				gaps_s[i] * 1000000 + 10000);
	}
	assert_false(pdlib_receive(&pdhand, &v, &at));
	end(&c);
	assert_int_equal(c.result, -1);
	assert_int_equal(c.error, ETIMEDOUT);
}

TEST(poll_times_out_in_virtual_time_while_main_waits_outside, "")
{
	struct blocked p = {.fd = pdhand_listener(8080), .what = POLL, .n = 300};
	long long t0 = pdlib_now(&pdhand);

	/* Main is in pthread_join(), a futex: nobody else makes time go. */
	begin(&p);
	end(&p);
	assert_int_equal(p.result, 0);
	assert_in_range(p.end_us, t0 + 300000, t0 + 300010);
}

TEST(a_call_that_blocks_main_makes_time_go, "")
{
	int fd = pdhand_listener(8080);
	struct timeval tv = {.tv_sec = 2};
	long long t0 = pdlib_now(&pdhand);

	assert_int_equal(pdhand.ifc.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(pdhand.ifc.accept(U, fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_in_range(pdlib_now(&pdhand), t0 + 2000000, t0 + 2000010);
	tv.tv_sec = 0;
	pdhand.ifc.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(pdhand.ifc.accept(U, fd, NULL, NULL), -1);
	assert_int_equal(errno, EDEADLK);
}

TEST(several_connections_epoll_and_splice, "")
{
	int l = pdhand_listener(8080), ep = pdhand.ifc.epoll_create(U, 1), a, b, pipe[2];
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET}, got[4];
	uint32_t iss_a = pdhand_peer_opens(40000, 8080), iss_b = pdhand_peer_opens(40001, 8080);
	loff_t none = 0;
	uint8_t buf[3000];
	struct wireview v;
	long long at;

	a = pdhand.ifc.accept(U, l, NULL, NULL);
	b = pdhand.ifc.accept(U, l, NULL, NULL);
	assert_true(a > 0 && b > 0);
	ev.data.fd = b;
	assert_int_equal(pdhand.ifc.epoll_ctl(U, ep, EPOLL_CTL_ADD, b, &ev), 0);
	assert_int_equal(pdhand.ifc.epoll_ctl(U, ep, EPOLL_CTL_ADD, b, &ev), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(pdhand.ifc.epoll_wait(U, ep, got, 4, 0), 0);
	pdlib_send_tcp(&pdhand, 40001, 8080, 1001, iss_b + 1, WV_ACK, 65535, NULL, 0, 500);
	assert_int_equal(pdhand.ifc.epoll_wait(U, ep, got, 4, 0), 1);
	assert_int_equal(got[0].events, EPOLLIN);
	assert_int_equal(got[0].data.fd, b);
	/* An edge is told once, and again when more comes. */
	assert_int_equal(pdhand.ifc.epoll_wait(U, ep, got, 4, 0), 0);
	pdlib_send_tcp(&pdhand, 40001, 8080, 1501, iss_b + 1, WV_ACK, 65535, NULL, 0, 500);
	assert_int_equal(pdhand.ifc.epoll_wait(U, ep, got, 4, 0), 1);
	assert_int_equal(pdhand.ifc.pipe(U, pipe), 0);
	assert_int_equal(pdhand.ifc.splice(U, b, &none, pipe[1], &none, 4096, 0), 1000);
	assert_int_equal(pdhand.ifc.splice(U, pipe[0], &none, a, &none, 600, 0), 600);
	assert_int_equal(pdhand.ifc.read(U, pipe[0], buf, sizeof(buf)), 400);
	do
		assert_true(pdlib_receive(&pdhand, &v, &at));
	while (v.len == 0);
	assert_int_equal(v.dport, 40000);
	assert_int_equal(v.len, 600);
	assert_int_equal(v.seq, iss_a + 1);
	assert_int_equal(pdhand.ifc.close(U, ep), 0);
	assert_int_equal(pdhand.ifc.read(U, ep, buf, 1), -1);
	assert_int_equal(errno, EBADF);
}

TEST(writing_blocks_until_the_peer_makes_room, "")
{
	int l = pdhand_listener(8080), fd, size = 4096;
	uint32_t iss = pdhand_peer_opens(40000, 8080);
	struct blocked w = {.what = WRITE, .n = 60000};
	struct wireview v;
	long long at, t;

	fd = pdhand.ifc.accept(U, l, NULL, NULL);
	pdhand.ifc.setsockopt(U, fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	w.fd = fd;
	t = pdlib_now(&pdhand);
	begin(&w);
	for (uint32_t acked = 0; acked < 60000;) {
		assert_true(pdlib_receive(&pdhand, &v, &at));
		if (v.seq + v.len - (iss + 1) <= acked)
			continue;
		acked = v.seq + v.len - (iss + 1);
		pdhand.ifc.usleep(U, 1000);
		pdlib_send_tcp(&pdhand, 40000, 8080, 1001, iss + 1 + acked, WV_ACK, 65535, NULL, 0,
			       0);
	}
	end(&w);
	assert_int_equal(w.result, 60000);
	assert_in_range(w.end_us, t + 1000, t + 200000);
}

TEST(lingering_close_waits_for_the_last_acknowledgment, "")
{
	int l = pdhand_listener(8080);
	uint32_t iss = pdhand_peer_opens(40000, 8080);
	struct blocked c = {.what = CLOSE};
	struct linger on = {1, 10};
	struct wireview v;
	long long at, t;

	c.fd = pdhand.ifc.accept(U, l, NULL, NULL);
	pdhand.ifc.setsockopt(U, c.fd, SOL_SOCKET, SO_LINGER, &on, sizeof(on));
	assert_int_equal(pdhand.ifc.write(U, c.fd, "abc", 3), 3);
	begin(&c);
	assert_true(pdlib_receive(&pdhand, &v, &at));
	pdhand.ifc.usleep(U, 20000);
	t = pdlib_now(&pdhand);
	pdlib_send_tcp(&pdhand, 40000, 8080, 1001, iss + 5, WV_ACK, 65535, NULL, 0, 0);
	end(&c);
	assert_int_equal(c.result, 0);
	assert_in_range(c.end_us, t, t + 20);
}

TEST(wrong_flags_fail_every_call_and_crash_nothing, "")
{
	static const char *const wrong[] = {"solaris",
					    "mtu=1",
					    "mtu=x",
					    "ip=1.2.3",
					    "sysctl:net.ipv4.no=1",
					    "sysctl:net.ipv4.tcp_sack",
					    "seed=",
					    "linux,what"};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct pdlib p;
		const char *why;
		struct wireview v;
		long long at;

		assert_true(pdlib_open(&p, wrong[i], &why));
		assert_int_equal(p.ifc.socket(p.ifc.userdata, AF_INET, SOCK_STREAM, 0), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(p.ifc.poll(p.ifc.userdata, NULL, 0, 0), -1);
		assert_int_equal(p.ifc.close(p.ifc.userdata, 3), -1);
		assert_true(pdlib_now(&p) < pdlib_now(&p));
		assert_false(pdlib_receive(&p, &v, &at));
		pdlib_close(&p);
	}
}

TEST(flags_set_mtu_settings_and_persona, "")
{
	struct sockaddr_in a = pdhand_addr(PDLIB_REMOTE, 80);
	struct wireview v;
	struct pdlib p;
	const char *why;
	long long at;
	int fd;

	assert_true(pdlib_open(&p, "linux,mtu=600,seed=1,sysctl:net.ipv4.tcp_timestamps=0", &why));
	fd = p.ifc.socket(p.ifc.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(p.ifc.connect(p.ifc.userdata, fd, (struct sockaddr *)&a, sizeof(a)), -1);
	assert_int_equal(errno, EINPROGRESS);
	assert_true(pdlib_receive(&p, &v, &at));
	assert_int_equal(v.mss, 560);
	assert_false(v.has_ts);
	pdlib_close(&p);
}

TEST(freebsds_persona_has_its_syn, "")
{
	static const uint8_t want[20] = {2, 4, 5, 0xb4, 1, 3, 3, 6, 4, 2, 8, 10};
	struct sockaddr_in a = pdhand_addr(PDLIB_REMOTE, 80);
	struct wireview v;
	struct pdlib p;
	const char *why;
	long long at;
	int fd;

	assert_true(pdlib_open(&p, "freebsd", &why));
	fd = p.ifc.socket(p.ifc.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	p.ifc.connect(p.ifc.userdata, fd, (struct sockaddr *)&a, sizeof(a));
	assert_true(pdlib_receive(&p, &v, &at));
	assert_int_equal(v.wnd, 65535);
	assert_int_equal(v.nopts, sizeof(want));
	assert_memory_equal(v.opts, want, 12);
	pdlib_close(&p);
}

TEST(mapped_addresses_of_the_other_family, "")
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	struct sockaddr_in6 real = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	struct sockaddr_in v4 = pdhand_addr(PDLIB_REMOTE, 80);
	int fd = pdhand.ifc.socket(U, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP), l;
	struct wireview v;
	long long at;
	socklen_t len = sizeof(a);

	assert_true(fd >= 0);
	inet_pton(AF_INET6, "2001:db8::1", &real.sin6_addr);
	assert_int_equal(pdhand.ifc.connect(U, fd, (struct sockaddr *)&real, sizeof(real)), -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_int_equal(pdhand.ifc.connect(U, fd, (struct sockaddr *)&v4, sizeof(v4)), -1);
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &a.sin6_addr);
	assert_int_equal(pdhand.ifc.connect(U, fd, (struct sockaddr *)&a, sizeof(a)), -1);
	assert_int_equal(errno, EINPROGRESS);
	assert_true(pdlib_receive(&pdhand, &v, &at));
	assert_int_equal(v.dst, PDLIB_REMOTE);
	l = pdhand.ifc.socket(U, AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	a.sin6_addr = in6addr_any;
	a.sin6_port = htons(8080);
	assert_int_equal(pdhand.ifc.bind(U, l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(pdhand.ifc.listen(U, l, 1), 0);
	pdhand_peer_opens(40000, 8080);
	assert_true(pdhand.ifc.accept(U, l, (struct sockaddr *)&a, &len) >= 0);
	assert_int_equal(len, sizeof(a));
	assert_true(IN6_IS_ADDR_V4MAPPED(&a.sin6_addr));
	assert_int_equal(ntohs(a.sin6_port), 40000);
}

TEST(settings_of_the_namespace_count_at_each_socket, "")
{
	struct sockaddr_in a = pdhand_addr(PDLIB_REMOTE, 80);
	static const char *const off_on[] = {"0", "1"};
	struct wireview v;
	long long at;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		tapir_test_skip("no network namespace of its own");
	for (unsigned i = 0; i < 2; i++) {
		int fd = open("/proc/sys/net/ipv4/tcp_timestamps", O_WRONLY);

		assert_int_equal(write(fd, off_on[i], 1), 1);
		close(fd);
		fd = pdhand.ifc.socket(U, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		pdhand.ifc.connect(U, fd, (struct sockaddr *)&a, sizeof(a));
		assert_true(pdlib_receive(&pdhand, &v, &at));
		assert_int_equal(v.has_ts, i);
		pdhand.ifc.close(U, fd);
	}
}

TEST(captures_what_crosses, "")
{
	char path[] = "/tmp/tapir-pd-XXXXXX", flags[64];
	int fd = mkstemp(path);
	struct sockaddr_in a = pdhand_addr(PDLIB_REMOTE, 80);
	uint32_t head[10];
	struct wireview v;
	struct pdlib p;
	const char *why;
	long long at;

	snprintf(flags, sizeof(flags), "pcap=%s", path);
	assert_true(pdlib_open(&p, flags, &why));
	p.ifc.connect(p.ifc.userdata,
		      p.ifc.socket(p.ifc.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
		      (struct sockaddr *)&a, sizeof(a));
	assert_true(pdlib_receive(&p, &v, &at));
	pdlib_close(&p);
	assert_int_equal(read(fd, head, sizeof(head)), sizeof(head));
	assert_int_equal(head[0], 0xa1b2c3d4);
	assert_int_equal(head[5], 101);
	assert_int_equal(head[6] * 1000000LL + head[7], at);
	assert_int_equal(head[8], v.total_len);
	close(fd);
	unlink(path);
}

TEST(a_descriptor_may_be_closed_under_a_sleeper, "")
{
	int l = pdhand_listener(8080);
	struct blocked r = {.what = READ, .n = 10}, a = {.what = ACCEPT, .fd = l};

	pdhand_peer_opens(40000, 8080);
	r.fd = pdhand.ifc.accept(U, l, NULL, NULL);
	begin(&r);
	assert_int_equal(pdhand.ifc.close(U, r.fd), 0);
	end(&r);
	assert_int_equal(r.result, -1);
	assert_int_equal(r.error, EBADF);
	begin(&a);
	assert_int_equal(pdhand.ifc.close(U, l), 0);
	end(&a);
	assert_int_equal(a.result, -1);
	assert_int_equal(a.error, EBADF);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_symbol_is_exported),
		PDHAND(spinning_on_the_clock_ends),
		PDHAND(nothing_to_come_is_told_by_a_count_of_zero),
		PDHAND(what_only_ourselves_hear_is_not_waited_for),
		PDHAND(handshake_accept_and_read_without_blocking),
		PDHAND(blocking_accept_and_read_end_when_the_packet_comes),
		PDHAND(connect_blocks_through_syn_retries_to_its_timeout),
		PDHAND(poll_times_out_in_virtual_time_while_main_waits_outside),
		PDHAND(a_call_that_blocks_main_makes_time_go),
		PDHAND(several_connections_epoll_and_splice),
		PDHAND(writing_blocks_until_the_peer_makes_room),
		PDHAND(lingering_close_waits_for_the_last_acknowledgment),
		cmocka_unit_test(wrong_flags_fail_every_call_and_crash_nothing),
		cmocka_unit_test(flags_set_mtu_settings_and_persona),
		cmocka_unit_test(freebsds_persona_has_its_syn),
		PDHAND(mapped_addresses_of_the_other_family),
		PDHAND(settings_of_the_namespace_count_at_each_socket),
		cmocka_unit_test(captures_what_crosses),
		PDHAND(a_descriptor_may_be_closed_under_a_sleeper),
	};

	return tapir_test_run("unit/tools/test_packetdrill", tests);
}
