/*
 * Pointers that lead nowhere, and lengths that can't be, on the kernel's sockets and on ours (twin.h): EFAULT and EINVAL where
 * the kernel says so, in its order, with what the call did before it noticed.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "tests/support/twin.h"

/* No page, one that can be read only, and two bytes before one that can't be had. */
static char *none, *readonly, *edge;

static void map(void)
{
	char *p;

	if (none)
		return;
	p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	none = p;
	readonly = p + 4096;
	edge = p + 3 * 4096 - 2;
	mprotect(none, 4096, PROT_NONE);
	mprotect(readonly, 4096, PROT_READ);
	mprotect(p + 3 * 4096, 4096, PROT_NONE);
}

enum { BAD = 6 };

static const char *const bad_name[BAD] = {"NULL", "8", "no page", "read-only", "edge", "kernel's"};

static void *bad(unsigned i)
{
	void *const p[BAD] = {NULL, (void *)8, none, readonly, edge, (void *)-4096};

	return p[i];
}

static void title(char *what, size_t cap, const char *call, unsigned i)
{
	snprintf(what, cap, "%s %s", call, bad_name[i]);
}

/* `what` of the call of this line. */
#define EACH(text, call)                            \
	for (unsigned i = 0; i < BAD; i++) {        \
		char each[80];                      \
                                                    \
		title(each, sizeof(each), text, i); \
		SAY(each, call);                    \
	}

static void names(void)
{
	static const socklen_t lens[] = {0, 1, 2, 8, 16, 128, 129, 1000, (socklen_t)-1};
	int s = twin_make(SOCK_STREAM), t = twin_make(SOCK_DGRAM), ep = IFC.epoll_create(U, 1);
	char what[80];

	map();
	EACH("bind", IFC.bind(U, s, bad(i), 16));
	EACH("connect", IFC.connect(U, s, bad(i), 16));
	EACH("connect datagram", IFC.connect(U, t, bad(i), 16));
	EACH("bind a set", IFC.bind(U, ep, bad(i), 16));
	EACH("connect a set", IFC.connect(U, ep, bad(i), 16));
	EACH("bind closed", IFC.bind(U, 999, bad(i), 16));
	for (unsigned k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
		union {
			struct sockaddr_in in;
			char room[1024];
		} a;

		memset(&a, 0, sizeof(a));
		a.in = twin_lo(7300);
		snprintf(what, sizeof(what), "length %d", (int)lens[k]);
		SAY(what, IFC.bind(U, 999, (void *)&a, lens[k]));
		SAY(what, IFC.connect(U, 999, (void *)&a, lens[k]));
		SAY(what, IFC.bind(U, ep, (void *)&a, lens[k]));
		SAY(what, IFC.connect(U, ep, (void *)&a, lens[k]));
		SAY(what, IFC.bind(U, s, NULL, lens[k]));
		SAY(what, IFC.connect(U, s, NULL, lens[k]));
		SAY(what, IFC.connect(U, s, (void *)&a, lens[k]));
		SAY(what, IFC.sendto(U, t, "x", 1, 0, (void *)&a, lens[k]));
		SAY(what, IFC.sendto(U, t, "x", 1, 0, NULL, lens[k]));
	}
	IFC.close(U, s);
	IFC.close(U, t);
	IFC.close(U, ep);
}

static void accepting(void)
{
	struct sockaddr_in a = twin_lo(7310), got;
	socklen_t len;
	int s = twin_make(SOCK_STREAM), c;

	map();
	IFC.bind(U, s, (void *)&a, sizeof(a));
	IFC.listen(U, s, 20);
	twin_nonblock(s);
	len = (socklen_t)-1;
	SAY("nobody", IFC.accept(U, s, NULL, &len));
	SAY("nobody", IFC.accept(U, s, bad(1), bad(1)));
	for (unsigned i = 0; i < BAD; i++) {
		len = sizeof(got);
		c = twin_make(SOCK_STREAM);
		IFC.connect(U, c, (void *)&a, sizeof(a));
		twin_settle();
		twin_note("%s", bad_name[i]);
		if (i == 0)
			twin_told_fd("no address", IFC.accept(U, s, NULL, bad(i)));
		else
			SAY("address", IFC.accept(U, s, bad(i), &len) >= 0 ? 1 : -1);
		SAY("gone", IFC.accept(U, s, NULL, NULL) >= 0 ? 1 : -1);
		c = twin_make(SOCK_STREAM);
		IFC.connect(U, c, (void *)&a, sizeof(a));
		twin_settle();
		SAY("length", IFC.accept(U, s, (void *)&got, bad(i)) >= 0 ? 1 : -1);
		SAY("gone", IFC.accept(U, s, NULL, NULL) >= 0 ? 1 : -1);
	}
	for (int n = -1; n < 20; n += 3) {
		c = twin_make(SOCK_STREAM);
		IFC.connect(U, c, (void *)&a, sizeof(a));
		twin_settle();
		memset(&got, 0, sizeof(got));
		len = (socklen_t)n;
		SAY("length", IFC.accept(U, s, (void *)&got, &len) >= 0 ? 1 : -1);
		twin_note("of %d: %d, %x", n, (int)len, ntohl(got.sin_addr.s_addr));
	}
	IFC.close(U, s);
}

static void reading(void)
{
	int a, b, l, ep = IFC.epoll_create(U, 1);
	struct iovec two[2] = {{twin_buf, 10}, {NULL, 10}};
	struct msghdr m = {.msg_iov = two, .msg_iovlen = 2};

	map();
	twin_pair(7320, &a, &b, &l);
	EACH("read nothing there", IFC.read(U, b, bad(i), 10));
	EACH("readv nothing there", IFC.readv(U, b, bad(i), 1));
	EACH("recvmsg nothing there", IFC.recvmsg(U, b, bad(i), 0));
	EACH("read closed", IFC.read(U, 999, bad(i), 10));
	EACH("read a set", IFC.read(U, ep, bad(i), 10));
	EACH("recv a set", IFC.recv(U, ep, bad(i), 10, 0));
	EACH("read of 0", IFC.read(U, b, bad(i), 0));
	SAY("a writes", IFC.send(U, a, twin_buf, 100, 0));
	twin_settle();
	EACH("read", IFC.read(U, b, bad(i), 10));
	EACH("recv", IFC.recv(U, b, bad(i), 10, 0));
	EACH("peek", IFC.recv(U, b, bad(i), 10, MSG_PEEK));
	EACH("readv", IFC.readv(U, b, bad(i), 1));
	EACH("readv of none", IFC.readv(U, b, bad(i), 0));
	EACH("recvmsg", IFC.recvmsg(U, b, bad(i), 0));
	two[1].iov_base = none;
	SAY("readv half", IFC.readv(U, b, two, 2));
	SAY("readv first", IFC.readv(U, b, two, 1));
	SAY("readv -1", IFC.readv(U, b, two, -1));
	SAY("readv 1025", IFC.readv(U, b, two, 1025));
	m.msg_iovlen = 1025;
	SAY("recvmsg 1025", IFC.recvmsg(U, b, &m, 0));
	m.msg_iovlen = 1;
	m.msg_namelen = -1;
	SAY("recvmsg namelen", IFC.recvmsg(U, b, &m, 0));
	m.msg_namelen = 0;
	two[0].iov_len = SIZE_MAX;
	SAY("readv negative", IFC.readv(U, b, two, 1));
	SAY("recvmsg negative", IFC.recvmsg(U, b, &m, 0));
	two[0].iov_len = 10;
	for (unsigned i = 0; i < BAD; i++) {
		socklen_t len = 16;

		twin_note("%s", bad_name[i]);
		SAY("from", IFC.recvfrom(U, b, twin_buf, 2, 0, bad(i), &len));
		twin_note("%u", (unsigned)len);
		SAY("length", IFC.recvfrom(U, b, twin_buf, 2, 0, (void *)twin_buf, bad(i)));
		m = (struct msghdr){.msg_iov = two, .msg_iovlen = 1};
		m.msg_name = bad(i);
		m.msg_namelen = 16;
		two[0].iov_len = 2;
		SAY("msg_name", IFC.recvmsg(U, b, &m, 0));
		m = (struct msghdr){.msg_iov = bad(i), .msg_iovlen = 1};
		SAY("msg_iov", IFC.recvmsg(U, b, &m, 0));
		m = (struct msghdr){.msg_iov = two, .msg_iovlen = 1};
		m.msg_control = bad(i);
		m.msg_controllen = 64;
		SAY("msg_control", IFC.recvmsg(U, b, &m, 0));
	}
	SAY("the rest", IFC.read(U, b, twin_buf, 200));
	SAY("a writes", IFC.send(U, a, twin_buf, 100, 0));
	twin_settle();
	SAY("trunc", IFC.recv(U, b, none, 10, MSG_TRUNC));
	EACH("waitall", IFC.recv(U, b, bad(i), 10, MSG_WAITALL));
	SAY("a oob", IFC.send(U, a, "d", 1, MSG_OOB));
	twin_settle();
	EACH("oob", IFC.recv(U, b, bad(i), 10, MSG_OOB));
	SAY("oob", IFC.recv(U, b, twin_buf, 10, MSG_OOB));
	twin_queues("b", b);
	twin_drop(a);
	twin_settle();
	EACH("reset", IFC.read(U, b, bad(i), 10));
	twin_drop(b);
	IFC.close(U, l);
	IFC.close(U, ep);
}

static void writing(void)
{
	int a, b, l, s = twin_make(SOCK_STREAM), ep = IFC.epoll_create(U, 1);
	struct iovec two[2] = {{twin_buf, 10}, {NULL, 10}};
	struct msghdr m = {.msg_iov = two, .msg_iovlen = 2};

	map();
	EACH("write fresh", IFC.write(U, s, bad(i), 10));
	EACH("send fresh", IFC.send(U, s, bad(i), 10, 0));
	EACH("write a set", IFC.write(U, ep, bad(i), 10));
	EACH("send a set", IFC.send(U, ep, bad(i), 10, 0));
	twin_pair(7330, &a, &b, &l);
	EACH("write", IFC.write(U, a, bad(i), 10));
	EACH("write of 0", IFC.write(U, a, bad(i), 0));
	EACH("send", IFC.send(U, a, bad(i), 10, 0));
	EACH("send more", IFC.send(U, a, bad(i), 10, MSG_MORE));
	EACH("send oob", IFC.send(U, a, bad(i), 10, MSG_OOB));
	EACH("writev", IFC.writev(U, a, bad(i), 1));
	EACH("writev of none", IFC.writev(U, a, bad(i), 0));
	EACH("sendmsg", IFC.sendmsg(U, a, bad(i), 0));
	EACH("sendto", IFC.sendto(U, a, twin_buf, 1, 0, bad(i), 16));
	two[1].iov_base = none;
	SAY("writev half", IFC.writev(U, a, two, 2));
	SAY("writev -1", IFC.writev(U, a, two, -1));
	SAY("writev 1025", IFC.writev(U, a, two, 1025));
	m.msg_iovlen = 1025;
	SAY("sendmsg 1025", IFC.sendmsg(U, a, &m, 0));
	m.msg_iovlen = 1;
	m.msg_namelen = -1;
	SAY("sendmsg namelen", IFC.sendmsg(U, a, &m, 0));
	m.msg_name = twin_buf;
	SAY("sendmsg name, namelen", IFC.sendmsg(U, a, &m, 0));
	two[0].iov_len = SIZE_MAX;
	m.msg_namelen = 0;
	SAY("writev negative", IFC.writev(U, a, two, 1));
	SAY("sendmsg negative", IFC.sendmsg(U, a, &m, 0));
	two[0].iov_len = 10;
	for (unsigned i = 0; i < BAD; i++) {
		twin_note("%s", bad_name[i]);
		m = (struct msghdr){.msg_iov = two, .msg_iovlen = 1};
		m.msg_name = bad(i);
		m.msg_namelen = 16;
		SAY("msg_name", IFC.sendmsg(U, a, &m, 0));
		m = (struct msghdr){.msg_iov = bad(i), .msg_iovlen = 1};
		SAY("msg_iov", IFC.sendmsg(U, a, &m, 0));
		m = (struct msghdr){.msg_iov = two, .msg_iovlen = 1};
		m.msg_control = bad(i);
		m.msg_controllen = 64;
		SAY("msg_control", IFC.sendmsg(U, a, &m, 0));
	}
	twin_settle();
	SAY("b has", IFC.read(U, b, twin_buf, 1000));
	SAY("shut", IFC.shutdown(U, a, SHUT_WR));
	EACH("shut", IFC.write(U, a, bad(i), 10));
	twin_drop(a);
	twin_drop(b);
	IFC.close(U, l);
	IFC.close(U, s);
	IFC.close(U, ep);
}

/* A datagram that could not be copied is gone. */
static void datagrams(void)
{
	struct sockaddr_in a = twin_lo(7340);
	int s = twin_make(SOCK_DGRAM), t = twin_make(SOCK_DGRAM);

	map();
	twin_nonblock(s);
	EACH("nobody", IFC.send(U, t, bad(i), 10, 0));
	IFC.bind(U, s, (void *)&a, sizeof(a));
	IFC.connect(U, t, (void *)&a, sizeof(a));
	EACH("send", IFC.send(U, t, bad(i), 10, 0));
	EACH("to", IFC.sendto(U, t, "x", 1, 0, bad(i), 16));
	EACH("nothing there", IFC.recv(U, s, bad(i), 10, 0));
	for (unsigned i = 0; i < BAD; i++) {
		twin_note("%s", bad_name[i]);
		SAY("send", IFC.send(U, t, twin_buf, 10, 0));
		twin_settle();
		SAY("peek", IFC.recv(U, s, bad(i), 10, MSG_PEEK));
		SAY("recv", IFC.recv(U, s, bad(i), 10, 0));
		SAY("gone", IFC.recv(U, s, twin_buf, 10, 0));
		SAY("send", IFC.send(U, t, twin_buf, 10, 0));
		twin_settle();
		SAY("of 2", IFC.recv(U, s, bad(i), 2, 0));
		SAY("gone", IFC.recv(U, s, twin_buf, 10, 0));
	}
	IFC.close(U, s);
	IFC.close(U, t);
}

static void option_pointers(void)
{
	static const int opts[][2] = {{SOL_SOCKET, SO_KEEPALIVE}, {SOL_SOCKET, SO_LINGER},
				      {SOL_SOCKET, SO_RCVTIMEO},  {SOL_SOCKET, SO_ERROR},
				      {SOL_SOCKET, 9999},	  {IPPROTO_IP, IP_TTL},
				      {IPPROTO_IP, IP_TOS},	  {IPPROTO_IP, 9999},
				      {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_CONGESTION},
				      {IPPROTO_TCP, TCP_INFO},	  {IPPROTO_TCP, TCP_MAXSEG},
				      {IPPROTO_TCP, TCP_CC_INFO}, {IPPROTO_TCP, TCP_FASTOPEN},
				      {IPPROTO_TCP, 9999},	  {999, 1}};
	static const int lens[] = {-1, 0, 1, 2, 4, 16, 5000};
	int s = twin_make(SOCK_STREAM);

	map();
	/* The machine may have another one by default. */
	SAY("cubic", IFC.setsockopt(U, s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
	for (unsigned k = 0; k < sizeof(opts) / sizeof(opts[0]); k++) {
		for (unsigned j = 0; j < sizeof(lens) / sizeof(lens[0]); j++) {
			for (unsigned i = 0; i < BAD; i++) {
				socklen_t len = (socklen_t)lens[j];
				char what[80];

				snprintf(what, sizeof(what), "%d %d, %s of %d", opts[k][0],
					 opts[k][1], bad_name[i], lens[j]);
				SAY(what, IFC.setsockopt(U, s, opts[k][0], opts[k][1], bad(i),
							 (socklen_t)lens[j]));
				SAY(what,
				    IFC.getsockopt(U, s, opts[k][0], opts[k][1], bad(i), &len));
				twin_note("%s: %d", what, (int)len);
				SAY(what,
				    IFC.getsockopt(U, s, opts[k][0], opts[k][1], twin_buf, bad(i)));
			}
		}
	}
	EACH("closed", IFC.getsockopt(U, 999, SOL_SOCKET, SO_ERROR, bad(i), bad(i)));
	EACH("closed", IFC.setsockopt(U, 999, SOL_SOCKET, SO_KEEPALIVE, bad(i), 4));
	IFC.close(U, s);
}

static void others(void)
{
	struct epoll_event ev = {.events = EPOLLOUT};
	int s = twin_make(SOCK_STREAM), ep = IFC.epoll_create(U, 1);

	map();
	EACH("FIONREAD", IFC.ioctl(U, s, (unsigned long)FIONREAD, bad(i)));
	EACH("SIOCOUTQ", IFC.ioctl(U, s, (unsigned long)SIOCOUTQ, bad(i)));
	EACH("SIOCATMARK", IFC.ioctl(U, s, (unsigned long)SIOCATMARK, bad(i)));
	EACH("FIONBIO", IFC.ioctl(U, s, (unsigned long)FIONBIO, bad(i)));
	EACH("unknown", IFC.ioctl(U, s, 0x5499ul, bad(i)));
	EACH("closed", IFC.ioctl(U, 999, (unsigned long)FIONREAD, bad(i)));
	EACH("poll", IFC.poll(U, bad(i), 1, 0));
	EACH("poll none", IFC.poll(U, bad(i), 0, 0));
	EACH("poll too many", IFC.poll(U, bad(i), 0x7fffffff, 0));
	EACH("epoll_ctl", IFC.epoll_ctl(U, ep, EPOLL_CTL_ADD, s, bad(i)));
	EACH("epoll_ctl del", IFC.epoll_ctl(U, ep, EPOLL_CTL_DEL, s, bad(i)));
	EACH("epoll_ctl closed", IFC.epoll_ctl(U, 999, EPOLL_CTL_ADD, s, bad(i)));
	EACH("epoll_ctl no set", IFC.epoll_ctl(U, s, EPOLL_CTL_ADD, s, bad(i)));
	EACH("epoll_wait", IFC.epoll_wait(U, ep, bad(i), 4, 0));
	SAY("add", IFC.epoll_ctl(U, ep, EPOLL_CTL_ADD, s, &ev));
	EACH("epoll_wait", IFC.epoll_wait(U, ep, bad(i), 4, 0));
	EACH("epoll_wait closed", IFC.epoll_wait(U, 999, bad(i), 4, 0));
	EACH("epoll_wait max", IFC.epoll_wait(U, ep, bad(i), 1 << 30, 0));
	EACH("pipe", IFC.pipe(U, bad(i)));
	IFC.close(U, s);
	IFC.close(U, ep);
}

static const struct twin_known known[] = {
	{"6 11, NULL of 5000: 280", "what is ours stands behind Linux's"},
	{"6 11, 8 of 5000: 280", "the same"},
	{"6 11, no page of 5000: 280", "the same"},
	{"6 11, read-only of 5000: 280", "the same"},
	{"6 11, edge of 5000: 280", "the same"},
	{"6 11, kernel's of 5000: 280", "the same"},
	{NULL, NULL},
};

/* valgrind minds what the kernel refuses. */
#define SAME_BUT_FOR_VALGRIND(name)                \
	TEST(same_##name, "")                      \
	{                                          \
		if (!twin_valgrind())              \
			twin_compare(name, known); \
	}

SAME_BUT_FOR_VALGRIND(names)
SAME_BUT_FOR_VALGRIND(accepting)
SAME_BUT_FOR_VALGRIND(reading)
SAME_BUT_FOR_VALGRIND(writing)
SAME_BUT_FOR_VALGRIND(datagrams)
SAME_BUT_FOR_VALGRIND(option_pointers)
SAME_BUT_FOR_VALGRIND(others)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TWIN(names),	 TWIN(accepting),	TWIN(reading), TWIN(writing),
		TWIN(datagrams), TWIN(option_pointers), TWIN(others),
	};

	return tapir_test_run("unit/tools/test_linux_pointers", tests);
}
