/*
 * Calls in every state of a stream on the kernel's sockets and on ours (twin.h).
 */
#include <fcntl.h>
#include <stdio.h>

#include "tests/support/twin.h"

/* Every call that asks little of a socket. */
static void all_calls(const char *state, int fd)
{
	char what[80];
	struct sockaddr_in a = twin_lo(9), got;
	socklen_t len = sizeof(got);

#define CALL(name, call)                                             \
	do {                                                         \
		snprintf(what, sizeof(what), "%s: %s", state, name); \
		SAY(what, call);                                     \
	} while (0)
	twin_revents(state, fd);
	twin_queues(state, fd);
	CALL("read", IFC.read(U, fd, twin_buf, 10));
	CALL("read 0", IFC.read(U, fd, twin_buf, 0));
	CALL("recv peek", IFC.recv(U, fd, twin_buf, 10, MSG_PEEK | MSG_DONTWAIT));
	CALL("recv oob", IFC.recv(U, fd, twin_buf, 10, MSG_OOB));
	CALL("recv errqueue", IFC.recv(U, fd, twin_buf, 10, MSG_ERRQUEUE | MSG_DONTWAIT));
	CALL("send 0", IFC.send(U, fd, twin_buf, 0, MSG_DONTWAIT));
	CALL("accept", IFC.accept(U, fd, (struct sockaddr *)&got, &len));
	CALL("bind", IFC.bind(U, fd, (struct sockaddr *)&a, sizeof(a)));
	CALL("shutdown 3", IFC.shutdown(U, fd, 3));
	twin_get(state, fd, SOL_SOCKET, SO_ERROR);
	twin_get(state, fd, SOL_SOCKET, SO_ACCEPTCONN);
	twin_revents(state, fd);
#undef CALL
}

static void fresh(void)
{
	int s = twin_make(SOCK_STREAM);

	twin_nonblock(s);
	all_calls("fresh", s);
	SAY("write", IFC.send(U, s, twin_buf, 10, 0));
	SAY("shutdown RD", IFC.shutdown(U, s, SHUT_RD));
	SAY("shutdown WR", IFC.shutdown(U, s, SHUT_WR));
	SAY("getfl", IFC.fcntl(U, s, F_GETFL, 0));
	SAY("getfd", IFC.fcntl(U, s, F_GETFD, 0));
	SAY("close", IFC.close(U, s));
	SAY("close again", IFC.close(U, s));
	SAY("read closed", IFC.read(U, s, twin_buf, 1));
	SAY("listen closed", IFC.listen(U, s, 1));
	SAY("opt closed", IFC.setsockopt(U, s, SOL_SOCKET, SO_KEEPALIVE, twin_buf, 4));
}

static void kinds(void)
{
	static const int kinds[][3] = {
		{AF_INET, SOCK_STREAM, IPPROTO_UDP},
		{AF_INET, SOCK_DGRAM, IPPROTO_TCP},
		{AF_INET, 7, 0},
		{AF_INET, SOCK_SEQPACKET, 0},
		{AF_INET, SOCK_RDM, 0},
		{AF_INET, 0, 0},
		{AF_INET, 11, 0},
		{AF_INET, SOCK_STREAM, 999},
		{AF_INET, SOCK_STREAM, -1},
		{999, SOCK_STREAM, 0},
		{-1, SOCK_STREAM, 0},
		{AF_INET, SOCK_STREAM | 0x100, 0},
		{AF_INET, SOCK_STREAM, 300},
	};
	char what[60];
	int fd;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(what, sizeof(what), "socket(%d, %d, %d)", kinds[i][0], kinds[i][1],
			 kinds[i][2]);
		errno = 0;
		fd = twin_told_fd(what, IFC.socket(U, kinds[i][0], kinds[i][1], kinds[i][2]));
		if (fd >= 0)
			IFC.close(U, fd);
	}
	fd = IFC.socket(U, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	SAY("getfl", IFC.fcntl(U, fd, F_GETFL, 0));
	SAY("getfd", IFC.fcntl(U, fd, F_GETFD, 0));
	IFC.close(U, fd);
}

static void binding(void)
{
	int s = twin_make(SOCK_STREAM), t = twin_make(SOCK_STREAM), one = 1;
	struct sockaddr_in a = twin_lo(7001), far = twin_lo(7001);

	far.sin_addr.s_addr = htonl(0x01020304);
	SAY("short", IFC.bind(U, s, (struct sockaddr *)&a, 8));
	SAY("foreign", IFC.bind(U, s, (struct sockaddr *)&far, sizeof(far)));
	a.sin_family = AF_INET6;
	SAY("family", IFC.bind(U, s, (struct sockaddr *)&a, sizeof(a)));
	a.sin_family = AF_UNSPEC;
	SAY("unspec", IFC.bind(U, s, (struct sockaddr *)&a, sizeof(a)));
	IFC.setsockopt(U, s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	twin_bind("bind", s, 7001);
	twin_bind("twice", s, 7002);
	twin_bind("taken", t, 7001);
	IFC.setsockopt(U, t, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	twin_bind("reuse", t, 7001);
	SAY("listen", IFC.listen(U, s, 1));
	SAY("listen beside", IFC.listen(U, t, 1));
	SAY("listen again", IFC.listen(U, s, 10));
	IFC.close(U, s);
	IFC.close(U, t);
}

static void listening(void)
{
	int s = twin_make(SOCK_STREAM);

	twin_nonblock(s);
	twin_bind("bind", s, 7010);
	SAY("listen", IFC.listen(U, s, 1));
	all_calls("listening", s);
	twin_connect("connect", s, 7011);
	SAY("write", IFC.send(U, s, twin_buf, 10, 0));
	twin_get("maxseg", s, SOL_TCP, TCP_KEEPCNT);
	SAY("shutdown WR", IFC.shutdown(U, s, SHUT_WR));
	twin_revents("after WR", s);
	SAY("shutdown RD", IFC.shutdown(U, s, SHUT_RD));
	twin_revents("after RD", s);
	SAY("accept", IFC.accept(U, s, NULL, NULL));
	SAY("listen", IFC.listen(U, s, 1));
	IFC.close(U, s);
}

static void established(void)
{
	int a, b, l;

	twin_pair(7020, &a, &b, &l);
	all_calls("established", a);
	SAY("listen", IFC.listen(U, a, 1));
	twin_connect("connect", a, 7020);
	SAY("send 100", IFC.send(U, a, twin_buf, 100, 0));
	twin_settle();
	twin_revents("b has data", b);
	twin_queues("b has data", b);
	SAY("peek", IFC.recv(U, b, twin_buf, 1000, MSG_PEEK));
	SAY("peek 10", IFC.recv(U, b, twin_buf, 10, MSG_PEEK));
	SAY("trunc peek", IFC.recv(U, b, twin_buf, 10, MSG_PEEK | MSG_TRUNC));
	SAY("trunc 30", IFC.recv(U, b, twin_valgrind() ? twin_buf : NULL, 30, MSG_TRUNC));
	SAY("waitall dontwait", IFC.recv(U, b, twin_buf, 100, MSG_WAITALL | MSG_DONTWAIT));
	SAY("empty", IFC.recv(U, b, twin_buf, 100, 0));
	SAY("recv 0", IFC.recv(U, b, twin_buf, 0, 0));
	SAY("send to someone",
	    IFC.sendto(U, a, twin_buf, 7, 0,
		       (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET,
								.sin_port = 9},
		       sizeof(struct sockaddr_in)));
	twin_settle();
	SAY("read", IFC.read(U, b, twin_buf, 1000));
	if (!twin_valgrind())
		SAY("fault", IFC.send(U, a, NULL, 10, 0));
	SAY("shutdown 7", IFC.shutdown(U, a, 7));
	SAY("shutdown -1", IFC.shutdown(U, a, -1));
	twin_drop(a);
	twin_settle();
	twin_drop(b);
	IFC.close(U, l);
}

static void half_close(void)
{
	int a, b, l;

	twin_pair(7030, &a, &b, &l);
	SAY("shutdown WR", IFC.shutdown(U, a, SHUT_WR));
	twin_settle();
	twin_revents("a in FIN-WAIT-2", a);
	twin_revents("b in CLOSE-WAIT", b);
	SAY("write", IFC.send(U, a, twin_buf, 1, 0));
	SAY("write 0", IFC.send(U, a, twin_buf, 0, 0));
	SAY("shutdown WR again", IFC.shutdown(U, a, SHUT_WR));
	SAY("end of stream", IFC.read(U, b, twin_buf, 10));
	SAY("end of stream again", IFC.read(U, b, twin_buf, 10));
	SAY("peek at the end", IFC.recv(U, b, twin_buf, 10, MSG_PEEK));
	SAY("b writes", IFC.send(U, b, twin_buf, 50, 0));
	twin_settle();
	SAY("a reads", IFC.read(U, a, twin_buf, 100));
	twin_queues("a", a);
	twin_queues("b", b);
	SAY("b shutdown WR", IFC.shutdown(U, b, SHUT_WR));
	twin_settle();
	twin_revents("a in TIME-WAIT", a);
	twin_revents("b closed", b);
	SAY("a end", IFC.read(U, a, twin_buf, 10));
	SAY("b end", IFC.read(U, b, twin_buf, 10));
	SAY("a write", IFC.send(U, a, twin_buf, 1, 0));
	SAY("b write", IFC.send(U, b, twin_buf, 1, 0));
	SAY("a shutdown", IFC.shutdown(U, a, SHUT_RDWR));
	SAY("b shutdown", IFC.shutdown(U, b, SHUT_RDWR));
	twin_get("a", a, SOL_SOCKET, SO_ERROR);
	twin_get("b", b, SOL_SOCKET, SO_ERROR);
	twin_connect("a connect", a, 7030);
	IFC.close(U, a);
	IFC.close(U, b);
	IFC.close(U, l);
}

static void shut_read(void)
{
	int a, b, l;

	twin_pair(7040, &a, &b, &l);
	SAY("shutdown RD", IFC.shutdown(U, b, SHUT_RD));
	twin_revents("b", b);
	SAY("b reads", IFC.read(U, b, twin_buf, 10));
	SAY("a writes", IFC.send(U, a, twin_buf, 10, 0));
	twin_settle();
	twin_revents("b with data", b);
	SAY("b reads", IFC.read(U, b, twin_buf, 100));
	SAY("b reads", IFC.read(U, b, twin_buf, 100));
	SAY("b writes", IFC.send(U, b, twin_buf, 10, 0));
	SAY("b both", IFC.shutdown(U, b, SHUT_RDWR));
	twin_settle();
	twin_revents("b", b);
	twin_revents("a", a);
	twin_drop(a);
	twin_drop(b);
	IFC.close(U, l);
}

static void reset(void)
{
	int a, b, l;

	twin_pair(7050, &a, &b, &l);
	SAY("b writes", IFC.send(U, b, twin_buf, 10, 0));
	twin_settle();
	twin_drop(b);
	twin_settle();
	twin_revents("a reset", a);
	twin_queues("a reset", a);
	SAY("a reads", IFC.read(U, a, twin_buf, 100));
	SAY("a reads again", IFC.read(U, a, twin_buf, 100));
	SAY("a writes", IFC.send(U, a, twin_buf, 10, 0));
	twin_get("error", a, SOL_SOCKET, SO_ERROR);
	SAY("a shutdown", IFC.shutdown(U, a, SHUT_WR));
	twin_revents("a", a);
	IFC.close(U, a);
	IFC.close(U, l);

	twin_pair(7051, &a, &b, &l);
	twin_drop(b);
	twin_settle();
	SAY("write first", IFC.send(U, a, twin_buf, 10, 0));
	SAY("write again", IFC.send(U, a, twin_buf, 10, 0));
	SAY("read", IFC.read(U, a, twin_buf, 10));
	IFC.close(U, a);
	IFC.close(U, l);

	twin_pair(7052, &a, &b, &l);
	twin_drop(b);
	twin_settle();
	twin_get("error", a, SOL_SOCKET, SO_ERROR);
	twin_get("error again", a, SOL_SOCKET, SO_ERROR);
	SAY("read", IFC.read(U, a, twin_buf, 10));
	twin_revents("a", a);
	IFC.close(U, a);
	IFC.close(U, l);
}

/* Data unread at close: the peer sees a reset. */
static void unread(void)
{
	int a, b, l;

	twin_pair(7060, &a, &b, &l);
	SAY("a writes", IFC.send(U, a, twin_buf, 10, 0));
	twin_settle();
	SAY("b closes", IFC.close(U, b));
	twin_settle();
	twin_revents("a", a);
	SAY("a reads", IFC.read(U, a, twin_buf, 10));
	SAY("a reads", IFC.read(U, a, twin_buf, 10));
	IFC.close(U, a);
	IFC.close(U, l);
}

static void refused(void)
{
	int s = twin_make(SOCK_STREAM);

	twin_connect("blocking", s, 7099);
	twin_revents("refused", s);
	SAY("read", IFC.read(U, s, twin_buf, 10));
	SAY("write", IFC.send(U, s, twin_buf, 10, 0));
	twin_get("error", s, SOL_SOCKET, SO_ERROR);
	twin_connect("again", s, 7099);
	IFC.close(U, s);
	s = twin_make(SOCK_STREAM);
	twin_nonblock(s);
	twin_connect("not blocking", s, 7099);
	twin_settle();
	twin_revents("refused", s);
	twin_connect("told by connect", s, 7099);
	twin_settle();
	twin_get("error", s, SOL_SOCKET, SO_ERROR);
	twin_get("error", s, SOL_SOCKET, SO_ERROR);
	twin_revents("told", s);
	IFC.close(U, s);
	s = twin_make(SOCK_STREAM);
	twin_nonblock(s);
	twin_connect("not blocking", s, 7099);
	twin_settle();
	SAY("told by read", IFC.read(U, s, twin_buf, 10));
	SAY("then", IFC.read(U, s, twin_buf, 10));
	IFC.close(U, s);
	s = twin_make(SOCK_STREAM);
	twin_nonblock(s);
	twin_connect("not blocking", s, 7099);
	twin_settle();
	SAY("told by write", IFC.send(U, s, twin_buf, 10, 0));
	SAY("then", IFC.send(U, s, twin_buf, 10, 0));
	IFC.close(U, s);
}

static void connecting(void)
{
	struct sockaddr un = {.sa_family = AF_UNSPEC};
	struct sockaddr_in a = twin_lo(7070);
	int l = twin_make(SOCK_STREAM), s = twin_make(SOCK_STREAM);

	twin_bind("bind", l, 7070);
	SAY("listen", IFC.listen(U, l, 5));
	SAY("short", IFC.connect(U, s, (struct sockaddr *)&a, 8));
	a.sin_family = AF_INET6;
	SAY("family", IFC.connect(U, s, (struct sockaddr *)&a, sizeof(a)));
	twin_nonblock(s);
	twin_connect("begins", s, 7070);
	twin_settle();
	twin_revents("done", s);
	twin_connect("told", s, 7070);
	twin_connect("again", s, 7070);
	SAY("listen", IFC.listen(U, s, 5));
	SAY("disconnect", IFC.connect(U, s, &un, sizeof(un)));
	twin_revents("disconnected", s);
	SAY("read", IFC.read(U, s, twin_buf, 10));
	twin_connect("anew", s, 7070);
	twin_settle();
	twin_revents("done", s);
	IFC.close(U, s);
	IFC.close(U, l);
}

static void urgent(void)
{
	int a, b, l;

	twin_pair(7080, &a, &b, &l);
	SAY("send", IFC.send(U, a, "abc", 3, 0));
	SAY("send oob", IFC.send(U, a, "d", 1, MSG_OOB));
	SAY("send", IFC.send(U, a, "ef", 2, 0));
	twin_settle();
	twin_revents("b", b);
	twin_queues("b", b);
	SAY("read to the mark", IFC.read(U, b, twin_buf, 100));
	twin_queues("b at the mark", b);
	SAY("oob", IFC.recv(U, b, twin_buf, 10, MSG_OOB));
	SAY("oob again", IFC.recv(U, b, twin_buf, 10, MSG_OOB));
	twin_revents("b", b);
	SAY("read on", IFC.read(U, b, twin_buf, 100));
	twin_revents("b", b);
	twin_drop(a);
	twin_drop(b);
	IFC.close(U, l);
}

/* ---- what is known to differ ---- */

static const struct twin_known known[] = {
	{NULL, NULL},
};

SAME(kinds)
SAME(fresh)
SAME(binding)
SAME(listening)
SAME(established)
SAME(half_close)
SAME(shut_read)
SAME(reset)
SAME(unread)
SAME(refused)
SAME(connecting)
SAME(urgent)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TWIN(kinds),	   TWIN(fresh),	     TWIN(binding),    TWIN(listening),
		TWIN(established), TWIN(half_close), TWIN(shut_read),  TWIN(reset),
		TWIN(unread),	   TWIN(refused),    TWIN(connecting), TWIN(urgent),
	};

	return tapir_test_run("unit/tools/test_linux_calls", tests);
}
