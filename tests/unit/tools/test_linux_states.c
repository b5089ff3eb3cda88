/*
 * Every call in every state of a stream, and what the next calls say then, on the kernel's sockets and on ours (twin.h).
 */
#include <stdio.h>
#include <sys/ioctl.h>

#include "tests/support/twin.h"

enum state {
	FRESH,
	BOUND,
	LISTENING,
	LISTENING_WAITED_FOR, /* with a connection that nobody accepted yet */
	SYN_SENT,
	ESTABLISHED,
	UNREAD, /* established, with bytes to read */
	SHUT_FOR_READING,
	CLOSE_WAIT,
	CLOSE_WAIT_UNREAD,
	FIN_WAIT_2,
	CLOSED, /* both have ended, the peer first */
	TIME_WAIT,
	RESET,
	RESET_TOLD,
	REFUSED,
	REFUSED_TOLD,
	STATES
};

static const char *const state_name[STATES] = {"fresh",	       "bound",
					       "listening",    "listening, one waits",
					       "SYN-SENT",     "established",
					       "unread",       "shut RD",
					       "CLOSE-WAIT",   "CLOSE-WAIT, unread",
					       "FIN-WAIT-2",   "closed",
					       "TIME-WAIT",    "reset",
					       "reset, told",  "refused",
					       "refused, told"};

/* The descriptors of one run: the one in question, its peer, listeners. */
static int fd, peer, listener, extra;
static uint16_t port = 7400;

static void make_listener(int backlog)
{
	int one = 1;
	struct sockaddr_in a = twin_lo(port);

	listener = twin_make(SOCK_STREAM);
	IFC.setsockopt(U, listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	IFC.bind(U, listener, (struct sockaddr *)&a, sizeof(a));
	IFC.listen(U, listener, backlog);
	twin_nonblock(listener);
}

static int open_to(uint16_t to)
{
	struct sockaddr_in a = twin_lo(to);
	int s = twin_make(SOCK_STREAM);

	twin_nonblock(s);
	IFC.connect(U, s, (struct sockaddr *)&a, sizeof(a));
	twin_settle();
	return s;
}

static void told(void)
{
	int v;
	socklen_t len = sizeof(v);

	IFC.getsockopt(U, fd, SOL_SOCKET, SO_ERROR, &v, &len);
}

/* Brings fd there; what is connected is connected as a program does it, told by a second connect(). */
static void enter(enum state s)
{
	struct sockaddr_in a = twin_lo(port);

	peer = extra = -1;
	if (s >= SYN_SENT)
		make_listener(s == SYN_SENT ? 0 : 5);
	if (s <= LISTENING_WAITED_FOR) {
		fd = twin_make(SOCK_STREAM);
		twin_nonblock(fd);
		listener = -1;
		if (s >= BOUND)
			IFC.bind(U, fd, (struct sockaddr *)&a, sizeof(a));
		if (s >= LISTENING)
			IFC.listen(U, fd, 5);
		if (s == LISTENING_WAITED_FOR)
			extra = open_to(port);
		return;
	}
	if (s == SYN_SENT)
		extra = open_to(port); /* takes the only place */
	if (s >= REFUSED) {
		fd = open_to(9);
		if (s == REFUSED_TOLD)
			told();
		return;
	}
	fd = open_to(port);
	if (s == SYN_SENT)
		return;
	IFC.connect(U, fd, (struct sockaddr *)&a, sizeof(a));
	peer = IFC.accept(U, listener, NULL, NULL);
	twin_nonblock(peer);
	if (s == UNREAD || s == CLOSE_WAIT_UNREAD)
		IFC.send(U, peer, "0123456789", 10, 0);
	if (s == SHUT_FOR_READING)
		IFC.shutdown(U, fd, SHUT_RD);
	if (s == FIN_WAIT_2 || s == TIME_WAIT)
		IFC.shutdown(U, fd, SHUT_WR);
	twin_settle();
	if (s == CLOSE_WAIT || s == CLOSE_WAIT_UNREAD || s == CLOSED || s == TIME_WAIT)
		IFC.shutdown(U, peer, SHUT_WR);
	twin_settle();
	if (s == CLOSED)
		IFC.shutdown(U, fd, SHUT_WR);
	if (s == RESET || s == RESET_TOLD)
		twin_drop(peer);
	twin_settle();
	if (s == RESET_TOLD)
		told();
}

static void leave(void)
{
	if (extra >= 0)
		twin_drop(extra);
	if (peer >= 0)
		IFC.close(U, peer);
	IFC.close(U, fd);
	if (listener >= 0)
		IFC.close(U, listener);
	port++;
}

static int info_state(void)
{
	unsigned char info[8] = {0};
	socklen_t len = sizeof(info);

	return IFC.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, info, &len) < 0 ? -1 : info[0];
}

/* What one can see of it, and what it says to the usual calls. */
static void look(const char *what, bool wait)
{
	if (wait)
		twin_settle();
	/* The kernel may delay its ACK of a FIN. */
	for (unsigned i = 0; i < 30 && info_state() == TCP_FIN_WAIT1; i++)
		twin_settle();
	twin_note("%s: state %d", what, info_state());
	twin_revents(what, fd);
	/* Of a closed one Linux counts what is left of numbers. */
	if (info_state() != TCP_CLOSE)
		twin_queues(what, fd);
	SAY("then read", IFC.read(U, fd, twin_buf, 100));
	SAY("then write", IFC.send(U, fd, "x", 1, 0));
	twin_get("then error", fd, SOL_SOCKET, SO_ERROR);
	SAY("then read again", IFC.read(U, fd, twin_buf, 100));
	SAY("then write again", IFC.send(U, fd, "x", 1, 0));
	twin_connect("then connect", fd, 9);
	twin_settle();
	twin_connect("then connect again", fd, 9);
	twin_revents("at last", fd);
	if (peer >= 0) {
		twin_revents("the peer", peer);
		SAY("the peer reads", IFC.read(U, peer, twin_buf, 100));
		SAY("the peer reads on", IFC.read(U, peer, twin_buf, 100));
	}
}

static long disconnect(void)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	return IFC.connect(U, fd, &none, sizeof(none));
}

static long disconnect_and_open(void)
{
	struct sockaddr_in a = twin_lo(port);
	int l = listener;
	long r = disconnect();

	twin_settle();
	if (l >= 0)
		twin_note("again: %d", IFC.connect(U, fd, (struct sockaddr *)&a, sizeof(a)));
	twin_settle();
	if (l >= 0)
		SAY("told", IFC.connect(U, fd, (struct sockaddr *)&a, sizeof(a)));
	return r;
}

static long shut_rd(void)
{
	return IFC.shutdown(U, fd, SHUT_RD);
}

static long shut_wr(void)
{
	return IFC.shutdown(U, fd, SHUT_WR);
}

static long shut_both(void)
{
	return IFC.shutdown(U, fd, SHUT_RDWR);
}

static long listens(void)
{
	return IFC.listen(U, fd, 3);
}

static long binds(void)
{
	struct sockaddr_in a = twin_lo((uint16_t)(port + 1000));

	return IFC.bind(U, fd, (struct sockaddr *)&a, sizeof(a));
}

static long connects(void)
{
	struct sockaddr_in a = twin_lo(9);

	return IFC.connect(U, fd, (struct sockaddr *)&a, sizeof(a));
}

static long accepts(void)
{
	int r = IFC.accept(U, fd, NULL, NULL);

	return r >= 0 ? 0 : r;
}

static long sends(void)
{
	return IFC.send(U, fd, "y", 1, 0);
}

static long sends_nothing(void)
{
	return IFC.send(U, fd, "y", 0, 0);
}

static long sends_urgent(void)
{
	return IFC.send(U, fd, "y", 1, MSG_OOB);
}

static long sends_to(void)
{
	struct sockaddr_in a = twin_lo(9);

	return IFC.sendto(U, fd, "y", 1, 0, (struct sockaddr *)&a, sizeof(a));
}

static long peeks(void)
{
	return IFC.recv(U, fd, twin_buf, 100, MSG_PEEK);
}

static long takes_urgent(void)
{
	return IFC.recv(U, fd, twin_buf, 100, MSG_OOB);
}

static long waits_for_all(void)
{
	return IFC.recv(U, fd, twin_buf, 100, MSG_WAITALL);
}

static long nothing(void)
{
	return 0;
}

static const struct {
	const char *name;
	long (*call)(void);
} actions[] = {
	{"nothing", nothing},
	{"disconnect", disconnect},
	{"disconnect, open", disconnect_and_open},
	{"shutdown RD", shut_rd},
	{"shutdown WR", shut_wr},
	{"shutdown RDWR", shut_both},
	{"listen", listens},
	{"bind", binds},
	{"connect", connects},
	{"accept", accepts},
	{"send", sends},
	{"send 0", sends_nothing},
	{"send OOB", sends_urgent},
	{"sendto", sends_to},
	{"peek", peeks},
	{"recv OOB", takes_urgent},
	{"recv all", waits_for_all},
};

static void every_call(enum state from, enum state to)
{
	port = (uint16_t)(7400 + from * 40);
	for (enum state s = from; s <= to; s++) {
		for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
			char what[60];

			snprintf(what, sizeof(what), "%s, %s", state_name[s], actions[i].name);
			enter(s);
			SAY(what, actions[i].call());
			look(what, true);
			leave();
		}
	}
}

static void unconnected(void)
{
	every_call(FRESH, SYN_SENT);
}

static void connected(void)
{
	every_call(ESTABLISHED, SHUT_FOR_READING);
}

static void half_closed(void)
{
	every_call(CLOSE_WAIT, FIN_WAIT_2);
}

static void over(void)
{
	every_call(CLOSED, RESET_TOLD);
}

static void refused(void)
{
	every_call(REFUSED, REFUSED_TOLD);
}

static const struct twin_known known[] = {
	{"closed, bind",
	 "a connection that is over keeps its name; Linux takes another, of no use"},
	{"TIME-WAIT, bind", "the same"},
	{"reset, bind", "the same"},
	{"reset, told, bind", "the same"},
	{"refused, bind", "the same"},
	{"refused, told, bind", "the same"},
	{NULL, NULL},
};

SAME(unconnected)
SAME(connected)
SAME(half_closed)
SAME(over)
SAME(refused)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TWIN(unconnected), TWIN(connected), TWIN(half_closed), TWIN(over), TWIN(refused),
	};

	return tapir_test_run("unit/tools/test_linux_states", tests);
}
