/*
 * Datagrams, epoll, pipes and timeouts on the kernel's sockets and on ours (twin.h).
 */
#include <fcntl.h>
#include <stdio.h>

#include "tests/support/twin.h"

static void datagrams(void)
{
	int s = twin_make(SOCK_DGRAM), t = twin_make(SOCK_DGRAM);
	struct sockaddr_in a = twin_lo(7090), from;
	struct sockaddr un = {.sa_family = AF_UNSPEC};
	struct iovec iov = {twin_buf, 10};
	struct msghdr m = {.msg_name = &from,
			   .msg_namelen = sizeof(from),
			   .msg_iov = &iov,
			   .msg_iovlen = 1};
	socklen_t len = sizeof(from);

	twin_nonblock(s);
	twin_nonblock(t);
	twin_revents("fresh", s);
	twin_queues("fresh", s);
	SAY("send", IFC.send(U, s, twin_buf, 10, 0));
	SAY("write", IFC.write(U, s, twin_buf, 10));
	SAY("listen", IFC.listen(U, s, 1));
	SAY("accept", IFC.accept(U, s, NULL, NULL));
	SAY("recv", IFC.recv(U, s, twin_buf, 10, 0));
	SAY("recv oob", IFC.recv(U, s, twin_buf, 10, MSG_OOB));
	SAY("send oob", IFC.sendto(U, s, twin_buf, 10, MSG_OOB, (struct sockaddr *)&a, sizeof(a)));
	SAY("short address", IFC.sendto(U, s, twin_buf, 10, 0, (struct sockaddr *)&a, 8));
	SAY("to nobody", IFC.sendto(U, s, twin_buf, 10, 0, (struct sockaddr *)&a, sizeof(a)));
	twin_settle();
	twin_revents("s", s);
	twin_get("error", s, SOL_SOCKET, SO_ERROR);
	SAY("too large", IFC.sendto(U, s, twin_buf, 65508, 0, (struct sockaddr *)&a, sizeof(a)));
	a.sin_port = 0;
	SAY("to port 0", IFC.sendto(U, s, twin_buf, 10, 0, (struct sockaddr *)&a, sizeof(a)));
	a = twin_lo(7090);
	twin_bind("bind", t, 7090);
	twin_bind("taken", s, 7090);
	SAY("send 100", IFC.sendto(U, s, twin_buf, 100, 0, (struct sockaddr *)&a, sizeof(a)));
	SAY("send 0", IFC.sendto(U, s, twin_buf, 0, 0, (struct sockaddr *)&a, sizeof(a)));
	SAY("send 50", IFC.sendto(U, s, twin_buf, 50, 0, (struct sockaddr *)&a, sizeof(a)));
	twin_settle();
	twin_revents("t", t);
	twin_queues("t", t);
	SAY("peek trunc", IFC.recv(U, t, twin_buf, 10, MSG_PEEK | MSG_TRUNC));
	SAY("recvmsg", IFC.recvmsg(U, t, &m, 0));
	twin_note("flags %x", (unsigned)m.msg_flags);
	SAY("empty one", IFC.recvfrom(U, t, twin_buf, 100, 0, (struct sockaddr *)&from, &len));
	twin_note("from %x, %u", ntohl(from.sin_addr.s_addr), (unsigned)len);
	SAY("trunc", IFC.recv(U, t, twin_buf, 10, MSG_TRUNC));
	SAY("none", IFC.recv(U, t, twin_buf, 10, 0));
	SAY("connect", IFC.connect(U, s, (struct sockaddr *)&a, sizeof(a)));
	SAY("shutdown RD", IFC.shutdown(U, s, SHUT_RD));
	twin_revents("s", s);
	SAY("recv after SHUT_RD", IFC.recv(U, s, twin_buf, 10, 0));
	SAY("shutdown WR", IFC.shutdown(U, s, SHUT_WR));
	SAY("send", IFC.send(U, s, twin_buf, 10, 0));
	twin_revents("s", s);
	IFC.close(U, s);
	s = twin_make(SOCK_DGRAM);
	twin_nonblock(s);
	a = twin_lo(7091);
	SAY("connect", IFC.connect(U, s, (struct sockaddr *)&a, sizeof(a)));
	SAY("send", IFC.send(U, s, twin_buf, 10, 0));
	twin_settle();
	twin_revents("refused", s);
	SAY("recv", IFC.recv(U, s, twin_buf, 10, 0));
	SAY("recv", IFC.recv(U, s, twin_buf, 10, 0));
	SAY("send", IFC.send(U, s, twin_buf, 10, 0));
	twin_settle();
	SAY("send", IFC.send(U, s, twin_buf, 10, 0));
	twin_settle();
	twin_get("error", s, SOL_SOCKET, SO_ERROR);
	SAY("disconnect", IFC.connect(U, s, &un, sizeof(un)));
	SAY("send", IFC.send(U, s, twin_buf, 10, 0));
	IFC.close(U, s);
	IFC.close(U, t);
}

static void waiting(void)
{
	int a, b, l, ep = IFC.epoll_create(U, 1), p[2];
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET}, got[4];

	twin_pair(7100, &a, &b, &l);
	SAY("del none", IFC.epoll_ctl(U, ep, EPOLL_CTL_DEL, a, &ev));
	SAY("mod none", IFC.epoll_ctl(U, ep, EPOLL_CTL_MOD, a, &ev));
	SAY("add", IFC.epoll_ctl(U, ep, EPOLL_CTL_ADD, a, &ev));
	SAY("add twice", IFC.epoll_ctl(U, ep, EPOLL_CTL_ADD, a, &ev));
	SAY("add itself", IFC.epoll_ctl(U, ep, EPOLL_CTL_ADD, ep, &ev));
	SAY("add closed", IFC.epoll_ctl(U, ep, EPOLL_CTL_ADD, 999, &ev));
	SAY("op", IFC.epoll_ctl(U, ep, 9, a, &ev));
	SAY("no epoll", IFC.epoll_ctl(U, a, EPOLL_CTL_ADD, b, &ev));
	SAY("max 0", IFC.epoll_wait(U, ep, got, 0, 0));
	SAY("size 0", IFC.epoll_create(U, 0));
	SAY("wait", IFC.epoll_wait(U, ep, got, 4, 0));
	twin_note("%x", got[0].events);
	SAY("once", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("b writes", IFC.send(U, b, twin_buf, 10, 0));
	twin_settle();
	SAY("wait", IFC.epoll_wait(U, ep, got, 4, 0));
	twin_note("%x", got[0].events);
	SAY("once", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("a reads 5", IFC.read(U, a, twin_buf, 5));
	SAY("no edge", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("b writes", IFC.send(U, b, twin_buf, 10, 0));
	twin_settle();
	SAY("an edge", IFC.epoll_wait(U, ep, got, 4, 0));
	ev.events = EPOLLIN | EPOLLONESHOT;
	SAY("mod", IFC.epoll_ctl(U, ep, EPOLL_CTL_MOD, a, &ev));
	SAY("wait", IFC.epoll_wait(U, ep, got, 4, 0));
	twin_note("%x", got[0].events);
	SAY("disarmed", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("mod", IFC.epoll_ctl(U, ep, EPOLL_CTL_MOD, a, &ev));
	SAY("armed", IFC.epoll_wait(U, ep, got, 4, 0));
	ev.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
	SAY("mod", IFC.epoll_ctl(U, ep, EPOLL_CTL_MOD, a, &ev));
	SAY("b ends", IFC.shutdown(U, b, SHUT_WR));
	twin_settle();
	SAY("wait", IFC.epoll_wait(U, ep, got, 4, 0));
	twin_note("%x", got[0].events);
	SAY("a closes", IFC.close(U, a));
	SAY("nothing", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("read epoll", IFC.read(U, ep, twin_buf, 1));
	SAY("write epoll", IFC.write(U, ep, twin_buf, 1));
	SAY("listen epoll", IFC.listen(U, ep, 1));
	twin_drop(b);
	IFC.close(U, l);
	IFC.close(U, ep);

	twin_pair(7101, &a, &b, &l);
	IFC.pipe(U, p);
	twin_revents("in", p[0]);
	twin_revents("out", p[1]);
	SAY("write pipe", IFC.write(U, p[1], twin_buf, 1000));
	twin_revents("in", p[0]);
	SAY("pipe to a", IFC.splice(U, p[0], NULL, a, NULL, 5000, 0));
	twin_settle();
	SAY("b to pipe", IFC.splice(U, b, NULL, p[1], NULL, 5000, 0));
	SAY("b to pipe, none", IFC.splice(U, b, NULL, p[1], NULL, 5000, 0));
	SAY("read pipe", IFC.read(U, p[0], twin_buf, 5000));
	SAY("socket to socket", IFC.splice(U, a, NULL, b, NULL, 10, 0));
	SAY("wrong end", IFC.splice(U, p[1], NULL, b, NULL, 10, 0));
	SAY("read wrong end", IFC.read(U, p[1], twin_buf, 10));
	SAY("listen pipe", IFC.listen(U, p[0], 1));
	IFC.close(U, p[1]);
	twin_revents("in, alone", p[0]);
	SAY("read end", IFC.read(U, p[0], twin_buf, 10));
	SAY("splice end", IFC.splice(U, p[0], NULL, a, NULL, 10, 0));
	IFC.close(U, p[0]);
	twin_drop(a);
	twin_drop(b);
	IFC.close(U, l);
}

static void timeouts(void)
{
	int a, b, l;
	struct timeval tv = {0, 20000};

	twin_pair(7110, &a, &b, &l);
	IFC.fcntl(U, a, F_SETFL, O_RDWR);
	IFC.setsockopt(U, a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	SAY("read", IFC.read(U, a, twin_buf, 10));
	SAY("b writes", IFC.send(U, b, twin_buf, 5, 0));
	twin_settle();
	SAY("waitall", IFC.recv(U, a, twin_buf, 10, MSG_WAITALL));
	IFC.setsockopt(U, l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	SAY("accept", IFC.accept(U, l, NULL, NULL));
	twin_drop(a);
	twin_drop(b);
	IFC.close(U, l);
}

/* ---- what is known to differ ---- */

static const struct twin_known known[] = {
	{"recv after SHUT_RD", "a datagram socket shut for reading is at its end, blocking or not"},
	{NULL, NULL},
};

SAME(datagrams)
SAME(waiting)
SAME(timeouts)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TWIN(datagrams),
		TWIN(waiting),
		TWIN(timeouts),
	};

	return tapir_test_run("unit/tools/test_linux_waiting", tests);
}
