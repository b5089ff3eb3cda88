/*
 * tapir-packetdrill.so, driven by hand as packetdrill drives it: one thread plays the script, a second one makes the
 * calls that block.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/support/pdlib.h"
#include "tests/support/test.h"

#define U lib.ifc.userdata

static struct pdlib lib;
static const uint8_t mss_opt[4] = {2, 4, 5, 0xb4};

static int setup(void **state)
{
	const char *why = "";

	(void)state;
	if (pdlib_open(&lib, NULL, &why))
		return 0;
	print_error("%s\n", why);
	return -1;
}

static int teardown(void **state)
{
	(void)state;
	pdlib_close(&lib);
	return 0;
}

static struct sockaddr_in addr(uint32_t ip, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(ip)};
}

static int listener(uint16_t port)
{
	struct sockaddr_in a = addr(PDLIB_LOCAL, port);
	int fd = lib.ifc.socket(U, AF_INET, SOCK_STREAM, IPPROTO_TCP);

	assert_true(fd >= 3);
	assert_int_equal(lib.ifc.bind(U, fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(lib.ifc.listen(U, fd, 5), 0);
	return fd;
}

/* The peer at `sport` opens; returns our ISN. */
static uint32_t peer_opens(uint16_t sport, uint16_t port)
{
	struct wireview v;
	long long at;

	assert_int_equal(pdlib_send_tcp(&lib, sport, port, 1000, 0, WV_SYN, 65535, mss_opt, 4, 0),
			 0);
	assert_true(pdlib_receive(&lib, &v, &at));
	assert_int_equal(v.flags, WV_SYN | WV_ACK);
	assert_int_equal(v.ack, 1001);
	assert_int_equal(pdlib_send_tcp(&lib, sport, port, 1001, v.seq + 1, WV_ACK, 65535, NULL, 0,
					0),
			 0);
	return v.seq;
}

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
	struct sockaddr_in a = addr(PDLIB_REMOTE, 80);
	struct pollfd p = {.fd = b->fd, .events = POLLIN};
	void *buf = calloc(1, b->n + 1);

	errno = 0;
	b->tid = gettid();
	switch (b->what) {
	case ACCEPT:
		b->result = lib.ifc.accept(U, b->fd, NULL, NULL);
		break;
	case READ:
		b->result = (int)lib.ifc.read(U, b->fd, buf, b->n);
		break;
	case WRITE:
		b->result = (int)lib.ifc.write(U, b->fd, buf, b->n);
		break;
	case CONNECT:
		b->result = lib.ifc.connect(U, b->fd, (struct sockaddr *)&a, sizeof(a));
		break;
	case POLL:
		b->result = lib.ifc.poll(U, &p, 1, (int)b->n);
		break;
	case CLOSE:
		b->result = lib.ifc.close(U, b->fd);
		break;
	}
	b->error = errno;
	b->end_us = pdlib_now(&lib);
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
	long long t0 = pdlib_now(&lib), t1 = pdlib_now(&lib);

	assert_true(t1 >= t0 + 1);
	lib.ifc.usleep(U, 1000000);
	assert_true(pdlib_now(&lib) >= t1 + 1000000);
	assert_true(pdlib_now(&lib) < t1 + 1000100);
}

TEST(nothing_to_come_is_told_by_a_count_of_zero, "")
{
	uint8_t b[100];
	size_t n = sizeof(b);
	long long at;

	assert_int_equal(lib.ifc.netdev_receive(U, b, &n, &at), 0);
	assert_int_equal(n, 0);
}

TEST(what_only_ourselves_hear_is_not_waited_for, "")
{
	static uint8_t b[100000];
	struct sockaddr_in a = addr(PDLIB_LOCAL, 80);
	int l = listener(80), fd = lib.ifc.socket(U, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	size_t n = sizeof(b);
	long long at;

	assert_int_equal(lib.ifc.connect(U, fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(lib.ifc.fcntl(U, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	/* Nobody reads: the window closes, and is probed until the end of time. */
	for (int i = 0; i < 1000 && lib.ifc.write(U, fd, b, sizeof(b)) > 0; i++)
		lib.ifc.usleep(U, 1000);
	assert_int_equal(lib.ifc.netdev_receive(U, b, &n, &at), 0);
	assert_int_equal(n, 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(l), 0);
}

TEST(handshake_accept_and_read_without_blocking, "")
{
	int l = listener(8080), fd;
	uint8_t buf[2000];
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int v;

	peer_opens(40000, 8080);
	fd = lib.ifc.accept(U, l, (struct sockaddr *)&peer, &len);
	assert_true(fd > l);
	assert_int_equal(len, sizeof(peer));
	assert_int_equal(ntohl(peer.sin_addr.s_addr), PDLIB_REMOTE);
	assert_int_equal(ntohs(peer.sin_port), 40000);
	assert_int_equal(lib.ifc.fcntl(U, fd, F_GETFL), O_RDWR);
	assert_int_equal(lib.ifc.fcntl(U, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	assert_int_equal(lib.ifc.read(U, fd, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	pdlib_send_tcp(&lib, 40000, 8080, 1001, 0, WV_ACK, 65535, NULL, 0, 0);
	/* 1000 bytes with our ACK number unknown here: taken from the SYN-ACK by peer_opens in real scripts. */
	assert_int_equal(lib.ifc.ioctl(U, fd, (unsigned long)SIOCINQ, &v), 0);
	assert_int_equal(v, 0);
	/* Left open: libc's close() is what packetdrill does at its end. */
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(l), 0);
}

TEST(blocking_accept_and_read_end_when_the_packet_comes, "")
{
	int l = listener(8080);
	struct blocked a = {.fd = l, .what = ACCEPT}, r = {.what = READ, .n = 2000};
	long long t;
	uint32_t iss;

	begin(&a);
	lib.ifc.usleep(U, 10000);
	iss = peer_opens(40000, 8080);
	t = pdlib_now(&lib);
	end(&a);
	assert_true(a.result > l);
	assert_in_range(a.end_us, t - 10, t + 10);
	r.fd = a.result;
	begin(&r);
	lib.ifc.usleep(U, 50000);
	pdlib_send_tcp(&lib, 40000, 8080, 1001, iss + 1, WV_ACK | WV_PSH, 65535, NULL, 0, 1000);
	/* The reader must read the clock before main can make it jump. */
	lib.ifc.usleep(U, 5000000);
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

	c.fd = lib.ifc.socket(U, AF_INET, SOCK_STREAM, 0);
	begin(&c);
	assert_true(pdlib_receive(&lib, &v, &at));
	assert_int_equal(v.flags, WV_SYN);
	assert_int_equal(v.dst, PDLIB_REMOTE);
	assert_int_equal(v.src, PDLIB_LOCAL);
	for (unsigned i = 0; i < 10; i++) {
		last = at;
		assert_true(pdlib_receive(&lib, &v, &at));
		assert_int_equal(v.flags, WV_SYN);
		assert_in_range(at - last, gaps_s[i] * 1000000 - 10000,
				gaps_s[i] * 1000000 + 10000);
	}
	assert_false(pdlib_receive(&lib, &v, &at));
	end(&c);
	assert_int_equal(c.result, -1);
	assert_int_equal(c.error, ETIMEDOUT);
}

TEST(poll_times_out_in_virtual_time_while_main_waits_outside, "")
{
	struct blocked p = {.fd = listener(8080), .what = POLL, .n = 300};
	long long t0 = pdlib_now(&lib);

	/* Main is in pthread_join(), a futex: nobody else makes time go. */
	begin(&p);
	end(&p);
	assert_int_equal(p.result, 0);
	assert_in_range(p.end_us, t0 + 300000, t0 + 300010);
}

TEST(a_call_that_blocks_main_makes_time_go, "")
{
	int fd = listener(8080);
	struct timeval tv = {.tv_sec = 2};
	long long t0 = pdlib_now(&lib);

	assert_int_equal(lib.ifc.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(lib.ifc.accept(U, fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_in_range(pdlib_now(&lib), t0 + 2000000, t0 + 2000010);
	tv.tv_sec = 0;
	lib.ifc.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(lib.ifc.accept(U, fd, NULL, NULL), -1);
	assert_int_equal(errno, EDEADLK);
}

TEST(several_connections_epoll_and_splice, "")
{
	int l = listener(8080), ep = lib.ifc.epoll_create(U, 1), a, b, pipe[2];
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET}, got[4];
	uint32_t iss_a = peer_opens(40000, 8080), iss_b = peer_opens(40001, 8080);
	loff_t none = 0;
	uint8_t buf[3000];
	struct wireview v;
	long long at;

	a = lib.ifc.accept(U, l, NULL, NULL);
	b = lib.ifc.accept(U, l, NULL, NULL);
	assert_true(a > 0 && b > 0);
	ev.data.fd = b;
	assert_int_equal(lib.ifc.epoll_ctl(U, ep, EPOLL_CTL_ADD, b, &ev), 0);
	assert_int_equal(lib.ifc.epoll_ctl(U, ep, EPOLL_CTL_ADD, b, &ev), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(lib.ifc.epoll_wait(U, ep, got, 4, 0), 0);
	pdlib_send_tcp(&lib, 40001, 8080, 1001, iss_b + 1, WV_ACK, 65535, NULL, 0, 500);
	assert_int_equal(lib.ifc.epoll_wait(U, ep, got, 4, 0), 1);
	assert_int_equal(got[0].events, EPOLLIN);
	assert_int_equal(got[0].data.fd, b);
	/* An edge is told once, and again when more comes. */
	assert_int_equal(lib.ifc.epoll_wait(U, ep, got, 4, 0), 0);
	pdlib_send_tcp(&lib, 40001, 8080, 1501, iss_b + 1, WV_ACK, 65535, NULL, 0, 500);
	assert_int_equal(lib.ifc.epoll_wait(U, ep, got, 4, 0), 1);
	assert_int_equal(lib.ifc.pipe(U, pipe), 0);
	assert_int_equal(lib.ifc.splice(U, b, &none, pipe[1], &none, 4096, 0), 1000);
	assert_int_equal(lib.ifc.splice(U, pipe[0], &none, a, &none, 600, 0), 600);
	assert_int_equal(lib.ifc.read(U, pipe[0], buf, sizeof(buf)), 400);
	do
		assert_true(pdlib_receive(&lib, &v, &at));
	while (v.len == 0);
	assert_int_equal(v.dport, 40000);
	assert_int_equal(v.len, 600);
	assert_int_equal(v.seq, iss_a + 1);
	assert_int_equal(lib.ifc.close(U, ep), 0);
	assert_int_equal(lib.ifc.read(U, ep, buf, 1), -1);
	assert_int_equal(errno, EBADF);
}

TEST(writing_blocks_until_the_peer_makes_room, "")
{
	int l = listener(8080), fd, size = 4096;
	uint32_t iss = peer_opens(40000, 8080);
	struct blocked w = {.what = WRITE, .n = 60000};
	struct wireview v;
	long long at, t;

	fd = lib.ifc.accept(U, l, NULL, NULL);
	lib.ifc.setsockopt(U, fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	w.fd = fd;
	t = pdlib_now(&lib);
	begin(&w);
	for (uint32_t acked = 0; acked < 60000;) {
		assert_true(pdlib_receive(&lib, &v, &at));
		if (v.seq + v.len - (iss + 1) <= acked)
			continue;
		acked = v.seq + v.len - (iss + 1);
		lib.ifc.usleep(U, 1000);
		pdlib_send_tcp(&lib, 40000, 8080, 1001, iss + 1 + acked, WV_ACK, 65535, NULL, 0, 0);
	}
	end(&w);
	assert_int_equal(w.result, 60000);
	assert_in_range(w.end_us, t + 1000, t + 200000);
}

TEST(lingering_close_waits_for_the_last_acknowledgment, "")
{
	int l = listener(8080);
	uint32_t iss = peer_opens(40000, 8080);
	struct blocked c = {.what = CLOSE};
	struct linger on = {1, 10};
	struct wireview v;
	long long at, t;

	c.fd = lib.ifc.accept(U, l, NULL, NULL);
	lib.ifc.setsockopt(U, c.fd, SOL_SOCKET, SO_LINGER, &on, sizeof(on));
	assert_int_equal(lib.ifc.write(U, c.fd, "abc", 3), 3);
	begin(&c);
	assert_true(pdlib_receive(&lib, &v, &at));
	lib.ifc.usleep(U, 20000);
	t = pdlib_now(&lib);
	pdlib_send_tcp(&lib, 40000, 8080, 1001, iss + 5, WV_ACK, 65535, NULL, 0, 0);
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
	struct sockaddr_in a = addr(PDLIB_REMOTE, 80);
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
	struct sockaddr_in a = addr(PDLIB_REMOTE, 80);
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
	struct sockaddr_in v4 = addr(PDLIB_REMOTE, 80);
	int fd = lib.ifc.socket(U, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP), l;
	struct wireview v;
	long long at;
	socklen_t len = sizeof(a);

	assert_true(fd >= 0);
	inet_pton(AF_INET6, "2001:db8::1", &real.sin6_addr);
	assert_int_equal(lib.ifc.connect(U, fd, (struct sockaddr *)&real, sizeof(real)), -1);
	assert_int_equal(errno, ENETUNREACH);
	assert_int_equal(lib.ifc.connect(U, fd, (struct sockaddr *)&v4, sizeof(v4)), -1);
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &a.sin6_addr);
	assert_int_equal(lib.ifc.connect(U, fd, (struct sockaddr *)&a, sizeof(a)), -1);
	assert_int_equal(errno, EINPROGRESS);
	assert_true(pdlib_receive(&lib, &v, &at));
	assert_int_equal(v.dst, PDLIB_REMOTE);
	l = lib.ifc.socket(U, AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	a.sin6_addr = in6addr_any;
	a.sin6_port = htons(8080);
	assert_int_equal(lib.ifc.bind(U, l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(lib.ifc.listen(U, l, 1), 0);
	peer_opens(40000, 8080);
	assert_true(lib.ifc.accept(U, l, (struct sockaddr *)&a, &len) >= 0);
	assert_int_equal(len, sizeof(a));
	assert_true(IN6_IS_ADDR_V4MAPPED(&a.sin6_addr));
	assert_int_equal(ntohs(a.sin6_port), 40000);
}

TEST(settings_of_the_namespace_count_at_each_socket, "")
{
	struct sockaddr_in a = addr(PDLIB_REMOTE, 80);
	static const char *const off_on[] = {"0", "1"};
	struct wireview v;
	long long at;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		tapir_test_skip("no network namespace of its own");
	for (unsigned i = 0; i < 2; i++) {
		int fd = open("/proc/sys/net/ipv4/tcp_timestamps", O_WRONLY);

		assert_int_equal(write(fd, off_on[i], 1), 1);
		close(fd);
		fd = lib.ifc.socket(U, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		lib.ifc.connect(U, fd, (struct sockaddr *)&a, sizeof(a));
		assert_true(pdlib_receive(&lib, &v, &at));
		assert_int_equal(v.has_ts, i);
		lib.ifc.close(U, fd);
	}
}

TEST(captures_what_crosses, "")
{
	char path[] = "/tmp/tapir-pd-XXXXXX", flags[64];
	int fd = mkstemp(path);
	struct sockaddr_in a = addr(PDLIB_REMOTE, 80);
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

/* The error queue's first message; false: none. */
static bool error_message(int fd, struct sock_extended_err *ee, long long *stamp_us)
{
	char control[512];
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};

	if (lib.ifc.recvmsg(U, fd, &m, MSG_ERRQUEUE) < 0)
		return false;
	*stamp_us = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct timespec ts;

		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) {
			memcpy(ee, CMSG_DATA(c), sizeof(*ee));
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			*stamp_us = ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
		}
	}
	return true;
}

TEST(writes_are_stamped_when_they_leave_and_are_acknowledged, "")
{
	int l = listener(8080), fd,
	    flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK |
		    SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
		    SOF_TIMESTAMPING_OPT_TSONLY;
	uint32_t iss = peer_opens(40000, 8080);
	struct sock_extended_err ee;
	struct pollfd p;
	long long at, t0, t1;

	fd = lib.ifc.accept(U, l, NULL, NULL);
	assert_int_equal(lib.ifc.setsockopt(U, fd, SOL_SOCKET, SO_TIMESTAMPING, &flags,
					    sizeof(flags)),
			 0);
	t0 = pdlib_now(&lib);
	assert_int_equal(lib.ifc.write(U, fd, "abcdefghij", 10), 10);
	assert_true(error_message(fd, &ee, &at));
	assert_int_equal(ee.ee_errno, ENOMSG);
	assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_TIMESTAMPING);
	assert_int_equal(ee.ee_info, SCM_TSTAMP_SND);
	assert_int_equal(ee.ee_data, 9);
	assert_in_range(at, t0, t0 + 10);
	assert_false(error_message(fd, &ee, &at));
	assert_int_equal(errno, EAGAIN);
	lib.ifc.usleep(U, 20000);
	t1 = pdlib_now(&lib);
	pdlib_send_tcp(&lib, 40000, 8080, 1001, iss + 11, WV_ACK, 65535, NULL, 0, 0);
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	assert_int_equal(lib.ifc.poll(U, &p, 1, 0), 1);
	assert_int_equal(p.revents, POLLERR);
	assert_true(error_message(fd, &ee, &at));
	assert_int_equal(ee.ee_info, SCM_TSTAMP_ACK);
	assert_int_equal(ee.ee_data, 9);
	assert_in_range(at, t1, t1 + 10);
}

TEST(zero_copy_writes_are_told_when_acknowledged, "")
{
	int l = listener(8080), fd, on = 1;
	uint32_t iss = peer_opens(40000, 8080);
	struct sock_extended_err ee;
	long long at;

	fd = lib.ifc.accept(U, l, NULL, NULL);
	lib.ifc.setsockopt(U, fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Without the option the flag asks for nothing. */
	assert_int_equal(lib.ifc.send(U, fd, "abc", 3, MSG_ZEROCOPY), 3);
	assert_int_equal(lib.ifc.setsockopt(U, fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
	assert_int_equal(lib.ifc.send(U, fd, "abc", 3, MSG_ZEROCOPY), 3);
	assert_int_equal(lib.ifc.send(U, fd, "abc", 3, MSG_ZEROCOPY), 3);
	assert_int_equal(lib.ifc.send(U, fd, "abc", 3, MSG_ZEROCOPY), 3);
	assert_false(error_message(fd, &ee, &at));
	pdlib_send_tcp(&lib, 40000, 8080, 1001, iss + 1 + 9, WV_ACK, 65535, NULL, 0, 0);
	assert_true(error_message(fd, &ee, &at));
	assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	assert_int_equal(ee.ee_errno, 0);
	assert_int_equal(ee.ee_info, 0);
	assert_int_equal(ee.ee_data, 1);
	assert_int_equal(ee.ee_code, SO_EE_CODE_ZEROCOPY_COPIED);
	assert_false(error_message(fd, &ee, &at));
	/* A reset gives the last buffer back. */
	pdlib_send_tcp(&lib, 40000, 8080, 1001, 0, WV_RST, 0, NULL, 0, 0);
	assert_true(error_message(fd, &ee, &at));
	assert_int_equal(ee.ee_info, 2);
}

TEST(unread_bytes_are_told_with_those_read, "")
{
	int l = listener(8080), fd, on = 1, v = -1;
	uint32_t iss = peer_opens(40000, 8080);
	char buf[100], control[64];
	struct iovec iov = {buf, 40};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;

	fd = lib.ifc.accept(U, l, NULL, NULL);
	assert_int_equal(lib.ifc.setsockopt(U, fd, SOL_TCP, 36 /* TCP_INQ */, &on, sizeof(on)), 0);
	pdlib_send_tcp(&lib, 40000, 8080, 1001, iss + 1, WV_ACK, 65535, NULL, 0, 100);
	assert_int_equal(lib.ifc.recvmsg(U, fd, &m, 0), 40);
	c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	assert_int_equal(c->cmsg_level, SOL_TCP);
	memcpy(&v, CMSG_DATA(c), sizeof(v));
	assert_int_equal(v, 60);
}

TEST(a_descriptor_may_be_closed_under_a_sleeper, "")
{
	int l = listener(8080);
	struct blocked r = {.what = READ, .n = 10}, a = {.what = ACCEPT, .fd = l};

	peer_opens(40000, 8080);
	r.fd = lib.ifc.accept(U, l, NULL, NULL);
	begin(&r);
	assert_int_equal(lib.ifc.close(U, r.fd), 0);
	end(&r);
	assert_int_equal(r.result, -1);
	assert_int_equal(r.error, EBADF);
	begin(&a);
	assert_int_equal(lib.ifc.close(U, l), 0);
	end(&a);
	assert_int_equal(a.result, -1);
	assert_int_equal(a.error, EBADF);
}

/* A connection whose handshake took `rtt_us`. */
static int connection_of(unsigned rtt_us)
{
	int l = listener(8080);
	struct wireview v;
	long long at;

	pdlib_send_tcp(&lib, 40000, 8080, 1000, 0, WV_SYN, 65535, mss_opt, 4, 0);
	assert_true(pdlib_receive(&lib, &v, &at));
	lib.ifc.usleep(U, rtt_us);
	pdlib_send_tcp(&lib, 40000, 8080, 1001, v.seq + 1, WV_ACK, 65535, NULL, 0, 0);
	return lib.ifc.accept(U, l, NULL, NULL);
}

/* What leaves has these lengths, one behind the other, with PSH where there is more than one segment in it, or at the end. */
static void expect_chunks(const uint32_t *len, unsigned n, uint32_t mss)
{
	struct wireview v;
	long long at;
	uint32_t seq = 0;

	for (unsigned i = 0; i < n; i++) {
		assert_true(pdlib_receive(&lib, &v, &at)); /* checks the sums too */
		assert_int_equal(v.len, len[i]);
		assert_int_equal((v.flags & WV_PSH) != 0, len[i] > mss || i == n - 1);
		if (i > 0)
			assert_int_equal(v.seq, seq);
		seq = v.seq + v.len;
	}
}

TEST(on_a_slow_path_chunks_are_of_two_segments, "")
{
	static const uint32_t len[] = {2920, 2920, 2920, 1240};
	int fd = connection_of(100000);
	uint8_t data[10000] = {0};

	assert_int_equal(lib.ifc.write(U, fd, data, sizeof(data)), sizeof(data));
	expect_chunks(len, 4, 1460);
}

TEST(on_a_fast_path_chunks_are_of_half_the_window, "")
{
	static const uint32_t len[] = {7300, 2700};
	int fd = connection_of(50);
	uint8_t data[10000] = {0};

	assert_int_equal(lib.ifc.write(U, fd, data, sizeof(data)), sizeof(data));
	expect_chunks(len, 2, 1460);
}

TEST(the_timer_sends_one_segment_of_a_chunk, "")
{
	static const uint32_t len[] = {2920, 1080};
	int fd = connection_of(100000);
	struct wireview v;
	long long at;
	uint32_t first;
	uint8_t data[4000] = {0};

	assert_int_equal(lib.ifc.write(U, fd, data, sizeof(data)), sizeof(data));
	expect_chunks(len, 2, 1460);
	/* The timer sends the head alone. */
	assert_true(pdlib_receive(&lib, &v, &at));
	assert_int_equal(v.len, 1460);
	first = v.seq;
	assert_true(pdlib_receive(&lib, &v, &at));
	assert_int_equal(v.seq, first);
}

TEST(segments_go_one_by_one_where_asked, "")
{
	struct pdlib p;
	struct wireview v;
	const char *why;
	long long at;

	assert_true(pdlib_open(&p, "notso", &why));
	lib = p;
	assert_int_equal(lib.ifc.write(U, connection_of(50), "0123456789", 10), 10);
	assert_true(pdlib_receive(&lib, &v, &at));
	assert_int_equal(v.len, 10);
	pdlib_close(&lib);
}

/* ---- any calls ---- */

static uint32_t rnd_state;

static unsigned rnd(unsigned n)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (rnd_state >> 8) % n;
}

/* A descriptor: one of those made, or none. */
static int some_fd(const int *fds, unsigned n)
{
	return rnd(20) ? fds[rnd(n)] : (int)rnd(40) - 3;
}

static void any_packet(void)
{
	static const uint16_t ports[] = {8080, 8081, 7};
	static const uint16_t flags[] = {WV_SYN,	  WV_ACK, WV_ACK | WV_PSH,
					 WV_FIN | WV_ACK, WV_RST, WV_SYN | WV_ACK};
	uint8_t noise[200];

	if (rnd(3)) {
		pdlib_send_tcp(&lib, (uint16_t)(40000 + rnd(4)), ports[rnd(3)], 1000 + rnd(3000),
			       rnd(2) ? 0 : rnd_state, flags[rnd(6)], (uint16_t)rnd(65536), mss_opt,
			       rnd(2) ? 4 : 0, rnd(1500));
		return;
	}
	for (unsigned i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)rnd(256);
	noise[0] = 0x45;
	lib.ifc.netdev_send(U, noise, rnd(sizeof(noise)));
}

/* Answers what leaves as a peer would, so that connections come to be. */
static void answer(void)
{
	struct wireview v;
	long long at;

	for (unsigned i = 0; i < 3 && pdlib_receive(&lib, &v, &at); i++) {
		if (v.proto == WV_TCP && v.flags & WV_SYN)
			pdlib_send_tcp(&lib, v.dport, v.sport, v.flags & WV_ACK ? v.ack : 5000,
				       v.seq + 1, v.flags & WV_ACK ? WV_ACK : WV_SYN | WV_ACK,
				       65535, NULL, 0, 0);
		else if (v.proto == WV_TCP && rnd(2))
			pdlib_send_tcp(&lib, v.dport, v.sport, v.ack, v.seq + v.len, WV_ACK, 65535,
				       NULL, 0, rnd(100));
	}
}

/* long: a flat switch, one case a call. */
static void any_call(int *fds, unsigned n)
{
	static const int levels[] = {SOL_SOCKET, SOL_IP, SOL_TCP, 41, 17},
			 names[] = {0, 1, -1, 9999};
	static char buf[4096];
	int fd = some_fd(fds, n), other = some_fd(fds, n), v = (int)rnd(5) - 1;
	struct sockaddr_in a = addr(rnd(2)   ? PDLIB_REMOTE
				    : rnd(2) ? INADDR_LOOPBACK
					     : PDLIB_LOCAL,
				    rnd(2) ? 8080 : (uint16_t)rnd(65536));
	struct epoll_event ev = {.events = 1u << rnd(32)}, got[4];
	struct pollfd p[2] = {{.fd = fd, .events = (short)rnd(65536)},
			      {.fd = other, .events = POLLIN}};
	struct iovec iov[2] = {{buf, rnd(3000)}, {buf + 3000, rnd(1000)}};
	char control[128];
	struct msghdr m = {.msg_name = rnd(2) ? &a : NULL,
			   .msg_namelen = rnd(2) ? sizeof(a) : 3,
			   .msg_iov = iov,
			   .msg_iovlen = rnd(3),
			   .msg_control = rnd(2) ? control : NULL,
			   .msg_controllen = rnd(2) ? sizeof(control) : 0};
	int flags = rnd(4) ? MSG_DONTWAIT : 1 << rnd(31), pipe[2];
	struct timeval soon = {0, 5000};
	socklen_t len = sizeof(a);
	loff_t none = 0;

	memset(control, 0, sizeof(control));
	switch (rnd(26)) {
	case 0:
		fd = lib.ifc.socket(U, rnd(9) ? AF_INET : AF_INET6,
				    (int)rnd(4) | (rnd(2) ? SOCK_NONBLOCK : 0), 0);
		if (fd < 0)
			return;
		/* Nobody else will make time go. */
		lib.ifc.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
		lib.ifc.setsockopt(U, fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
		v = (int)rnd(n);
		lib.ifc.close(U, fds[v]);
		fds[v] = fd;
		return;
	case 1:
		lib.ifc.bind(U, fd, (struct sockaddr *)&a, rnd(9) ? sizeof(a) : rnd(30));
		return;
	case 2:
		lib.ifc.listen(U, fd, v);
		return;
	case 3:
		fd = lib.ifc.accept(U, fd, (struct sockaddr *)&a, &len);
		if (fd >= 0) {
			v = (int)rnd(n);
			lib.ifc.close(U, fds[v]);
			fds[v] = fd;
		}
		return;
	case 4:
		a.sin_family = rnd(5) ? AF_INET : (sa_family_t)rnd(12);
		lib.ifc.connect(U, fd, (struct sockaddr *)&a, rnd(9) ? sizeof(a) : rnd(30));
		return;
	case 5:
		lib.ifc.read(U, fd, buf, rnd(4096));
		return;
	case 6:
		lib.ifc.readv(U, fd, iov, (int)rnd(4) - 1 < 2 ? (int)rnd(3) : -1);
		return;
	case 7:
		lib.ifc.recvfrom(U, fd, buf, rnd(4096), flags, (struct sockaddr *)&a, &len);
		return;
	case 8:
		lib.ifc.recvmsg(U, fd, &m, flags);
		return;
	case 9:
		lib.ifc.write(U, fd, buf, rnd(4096));
		return;
	case 10:
		lib.ifc.writev(U, fd, iov, 2);
		return;
	case 11:
		lib.ifc.sendto(U, fd, buf, rnd(4096), flags, rnd(2) ? (struct sockaddr *)&a : NULL,
			       sizeof(a));
		return;
	case 12:
		lib.ifc.sendmsg(U, fd, &m, flags);
		return;
	case 13:
		lib.ifc.fcntl(U, fd, (int)rnd(6), (int)rnd(2) * O_NONBLOCK);
		return;
	case 14:
		lib.ifc.ioctl(U, fd, rnd(2) ? FIONREAD : TIOCOUTQ + rnd(100),
			      rnd(5) ? &v : (int *)8);
		return;
	case 15:
		lib.ifc.shutdown(U, fd, v);
		return;
	case 16:
	case 17:
		lib.ifc.setsockopt(U, fd, levels[rnd(5)], rnd(9) ? (int)rnd(70) : names[rnd(4)],
				   buf, rnd(20));
		lib.ifc.setsockopt(U, fd, levels[rnd(5)], (int)rnd(70), &v, sizeof(v));
		return;
	case 18:
		len = rnd(300);
		lib.ifc.getsockopt(U, fd, levels[rnd(5)], rnd(9) ? (int)rnd(70) : names[rnd(4)],
				   buf, &len);
		return;
	case 19:
		lib.ifc.poll(U, p, rnd(3), (int)rnd(20));
		return;
	case 20:
		lib.ifc.epoll_ctl(U, fds[0], 1 + (int)rnd(3), other, &ev);
		return;
	case 21:
		lib.ifc.epoll_wait(U, rnd(9) ? fds[0] : fd, got, 4, (int)rnd(20));
		return;
	case 22:
		if (rnd(5) == 0 && lib.ifc.pipe(U, pipe) == 0) {
			lib.ifc.close(U, fds[1]);
			lib.ifc.close(U, fds[2]);
			fds[1] = pipe[0];
			fds[2] = pipe[1];
		}
		return;
	case 23:
		lib.ifc.splice(U, fd, &none, other, &none, rnd(4096), SPLICE_F_NONBLOCK * rnd(2));
		return;
	case 24:
		any_packet();
		return;
	default:
		lib.ifc.usleep(U, rnd(300000));
		answer();
	}
}

TEST(any_calls_in_any_order_do_no_harm, "")
{
	int fds[12];

	for (rnd_state = 1; rnd_state < 12; rnd_state += 1) {
		uint32_t seed = rnd_state;
		const char *why = "";

		if (!pdlib_open(&lib, "seed=7", &why))
			fail_msg("%s", why);
		fds[0] = lib.ifc.epoll_create(U, 1);
		for (unsigned i = 1; i < 12; i++)
			fds[i] = -1;
		for (unsigned i = 0; i < 4000; i++) {
			any_call(fds, 12);
			if (i % 50 == 0)
				answer();
		}
		for (unsigned i = 0; i < 12; i++) {
			if (fds[i] >= 0 && rnd(2))
				close(fds[i]);
			else
				lib.ifc.close(U, fds[i]);
		}
		pdlib_close(&lib);
		rnd_state = seed;
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_symbol_is_exported),
		cmocka_unit_test_setup_teardown(spinning_on_the_clock_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_to_come_is_told_by_a_count_of_zero, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_only_ourselves_hear_is_not_waited_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(handshake_accept_and_read_without_blocking, setup,
						teardown),
		cmocka_unit_test_setup_teardown(blocking_accept_and_read_end_when_the_packet_comes,
						setup, teardown),
		cmocka_unit_test_setup_teardown(connect_blocks_through_syn_retries_to_its_timeout,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			poll_times_out_in_virtual_time_while_main_waits_outside, setup, teardown),
		cmocka_unit_test_setup_teardown(a_call_that_blocks_main_makes_time_go, setup,
						teardown),
		cmocka_unit_test_setup_teardown(several_connections_epoll_and_splice, setup,
						teardown),
		cmocka_unit_test_setup_teardown(writing_blocks_until_the_peer_makes_room, setup,
						teardown),
		cmocka_unit_test_setup_teardown(lingering_close_waits_for_the_last_acknowledgment,
						setup, teardown),
		cmocka_unit_test(wrong_flags_fail_every_call_and_crash_nothing),
		cmocka_unit_test(flags_set_mtu_settings_and_persona),
		cmocka_unit_test(freebsds_persona_has_its_syn),
		cmocka_unit_test_setup_teardown(mapped_addresses_of_the_other_family, setup,
						teardown),
		cmocka_unit_test_setup_teardown(settings_of_the_namespace_count_at_each_socket,
						setup, teardown),
		cmocka_unit_test(captures_what_crosses),
		cmocka_unit_test_setup_teardown(
			writes_are_stamped_when_they_leave_and_are_acknowledged, setup, teardown),
		cmocka_unit_test_setup_teardown(zero_copy_writes_are_told_when_acknowledged, setup,
						teardown),
		cmocka_unit_test_setup_teardown(unread_bytes_are_told_with_those_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_descriptor_may_be_closed_under_a_sleeper, setup,
						teardown),
		cmocka_unit_test_setup_teardown(on_a_slow_path_chunks_are_of_two_segments, setup,
						teardown),
		cmocka_unit_test_setup_teardown(on_a_fast_path_chunks_are_of_half_the_window, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_timer_sends_one_segment_of_a_chunk, setup,
						teardown),
		cmocka_unit_test(segments_go_one_by_one_where_asked),
		cmocka_unit_test(any_calls_in_any_order_do_no_harm),
	};

	return tapir_test_run("unit/tools/test_packetdrill", tests);
}
