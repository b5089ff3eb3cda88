/*
 * The same calls on the kernel's sockets and on ours, over loopback, line by line: results, errno, values, readiness.
 *
 * A scenario is written once over the table of calls that packetdrill uses; one table is tapir-packetdrill.so's, the
 * other one libc's, in a network namespace of its own. Each call leaves a line; the lines must be equal. What is
 * known to differ stands in the table below with its reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/support/libc_table.h"
#include "tests/support/pdlib.h"
#include "tests/support/test.h"

/* ---- one side's run ---- */

enum { LINES = 1200, LINE = 120 };

struct side {
	struct packetdrill_interface ifc;
	char line[LINES][LINE];
	unsigned n;
};

static struct side *on;
static struct side sides[2];
static char buf[70000];

#define IFC on->ifc
#define U   on->ifc.userdata

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (on->n < LINES)
		vsnprintf(on->line[on->n++], LINE, fmt, ap);
	va_end(ap);
}

/* A call's result: descriptors are only said to be some. */
static long told(const char *what, long r)
{
	int err = errno;

	if (r >= 0)
		note("%s = %ld", what, r);
	else
		note("%s = -1 %s", what, strerrorname_np(err));
	return r;
}

static int told_fd(const char *what, int fd)
{
	int err = errno;

	note("%s = %s", what, fd >= 0 ? "fd" : strerrorname_np(err));
	return fd;
}

#define SAY(what, call) (errno = 0, told(what, (long)(call)))

static struct sockaddr_in lo(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int make(int type)
{
	return IFC.socket(U, AF_INET, type, 0);
}

static int try_bind(const char *what, int fd, uint16_t port)
{
	struct sockaddr_in a = lo(port);

	return (int)SAY(what, IFC.bind(U, fd, (struct sockaddr *)&a, sizeof(a)));
}

static int try_connect(const char *what, int fd, uint16_t port)
{
	struct sockaddr_in a = lo(port);

	return (int)SAY(what, IFC.connect(U, fd, (struct sockaddr *)&a, sizeof(a)));
}

/* What has to happen between two ends has happened. */
static void settle(void)
{
	IFC.usleep(U, 3000);
}

static void nonblock(int fd)
{
	IFC.fcntl(U, fd, F_SETFL, O_RDWR | O_NONBLOCK);
}

static void revents(const char *what, int fd)
{
	struct pollfd p = {.fd = fd,
			   .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM |
				     POLLWRNORM | POLLRDBAND | POLLWRBAND};

	IFC.poll(U, &p, 1, 0);
	note("%s: poll%s%s%s%s%s%s%s%s%s%s", what, p.revents & POLLIN ? " IN" : "",
	     p.revents & POLLOUT ? " OUT" : "", p.revents & POLLPRI ? " PRI" : "",
	     p.revents & POLLERR ? " ERR" : "", p.revents & POLLHUP ? " HUP" : "",
	     p.revents & POLLRDHUP ? " RDHUP" : "", p.revents & POLLRDNORM ? " RDNORM" : "",
	     p.revents & POLLWRNORM ? " WRNORM" : "", p.revents & POLLRDBAND ? " RDBAND" : "",
	     p.revents & POLLWRBAND ? " WRBAND" : "");
}

static void get(const char *what, int fd, int level, int name)
{
	unsigned char out[64];
	socklen_t len = 32;
	int v = 0, r, err;

	memset(out, 0, sizeof(out));
	errno = 0;
	r = IFC.getsockopt(U, fd, level, name, out, &len);
	err = errno;
	memcpy(&v, out, sizeof(v));
	if (r < 0)
		note("%s: -1 %s", what, strerrorname_np(err));
	else
		note("%s: %d (%u bytes)", what, v, (unsigned)len);
}

static void queues(const char *what, int fd)
{
	int in = -1, out = -1, nsd = -1, mark = -1, r[4];

	r[0] = IFC.ioctl(U, fd, (unsigned long)SIOCINQ, &in);
	r[1] = IFC.ioctl(U, fd, (unsigned long)SIOCOUTQ, &out);
	r[2] = IFC.ioctl(U, fd, (unsigned long)SIOCOUTQNSD, &nsd);
	r[3] = IFC.ioctl(U, fd, (unsigned long)SIOCATMARK, &mark);
	note("%s: queues %d:%d %d:%d %d:%d %d:%d", what, r[0], in, r[1], out, r[2], nsd, r[3],
	     mark);
}

/* Both ends of a connection to a listener at `port`, blocking. */
static void pair(uint16_t port, int *a, int *b, int *l)
{
	struct sockaddr_in at = lo(port);
	int one = 1;

	*l = make(SOCK_STREAM);
	IFC.setsockopt(U, *l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	IFC.bind(U, *l, (struct sockaddr *)&at, sizeof(at));
	IFC.listen(U, *l, 5);
	*a = make(SOCK_STREAM);
	IFC.connect(U, *a, (struct sockaddr *)&at, sizeof(at));
	settle();
	*b = IFC.accept(U, *l, NULL, NULL);
	note("pair: %s", *a >= 0 && *b >= 0 ? "made" : "not made");
	nonblock(*a);
	nonblock(*b);
}

static void drop(int fd)
{
	struct linger l = {1, 0};

	IFC.setsockopt(U, fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	IFC.close(U, fd);
}

/* ---- options ---- */

static const struct {
	const char *text;
	int level, name;
} options[] = {
#define O(level, name)             \
	{                          \
#name, level, name \
	}
	O(SOL_SOCKET, SO_DEBUG),
	O(SOL_SOCKET, SO_REUSEADDR),
	O(SOL_SOCKET, SO_TYPE),
	O(SOL_SOCKET, SO_ERROR),
	O(SOL_SOCKET, SO_DONTROUTE),
	O(SOL_SOCKET, SO_BROADCAST),
	O(SOL_SOCKET, SO_KEEPALIVE),
	O(SOL_SOCKET, SO_OOBINLINE),
	O(SOL_SOCKET, SO_NO_CHECK),
	O(SOL_SOCKET, SO_PRIORITY),
	O(SOL_SOCKET, SO_LINGER),
	O(SOL_SOCKET, SO_REUSEPORT),
	O(SOL_SOCKET, SO_RCVLOWAT),
	O(SOL_SOCKET, SO_SNDLOWAT),
	O(SOL_SOCKET, SO_RCVTIMEO),
	O(SOL_SOCKET, SO_SNDTIMEO),
	O(SOL_SOCKET, SO_TIMESTAMP),
	O(SOL_SOCKET, SO_ACCEPTCONN),
	O(SOL_SOCKET, SO_TIMESTAMPNS),
	O(SOL_SOCKET, SO_MARK),
	O(SOL_SOCKET, SO_TIMESTAMPING),
	O(SOL_SOCKET, SO_PROTOCOL),
	O(SOL_SOCKET, SO_DOMAIN),
	O(SOL_SOCKET, SO_BUSY_POLL),
	O(SOL_SOCKET, SO_ZEROCOPY),
	O(SOL_SOCKET, 9999),
	O(SOL_IP, IP_TOS),
	O(SOL_IP, IP_TTL),
	O(SOL_IP, IP_OPTIONS),
	O(SOL_IP, IP_PKTINFO),
	O(SOL_IP, IP_MTU_DISCOVER),
	O(SOL_IP, IP_RECVERR),
	O(SOL_IP, IP_RECVTTL),
	O(SOL_IP, IP_RECVTOS),
	O(SOL_IP, IP_FREEBIND),
	O(SOL_IP, IP_TRANSPARENT),
	O(SOL_IP, IP_MINTTL),
	O(SOL_IP, IP_MULTICAST_TTL),
	O(SOL_IP, IP_MULTICAST_LOOP),
	O(SOL_IP, IP_BIND_ADDRESS_NO_PORT),
	O(SOL_IP, 9999),
	O(SOL_TCP, TCP_NODELAY),
	O(SOL_TCP, TCP_MAXSEG),
	O(SOL_TCP, TCP_CORK),
	O(SOL_TCP, TCP_KEEPIDLE),
	O(SOL_TCP, TCP_KEEPINTVL),
	O(SOL_TCP, TCP_KEEPCNT),
	O(SOL_TCP, TCP_SYNCNT),
	O(SOL_TCP, TCP_LINGER2),
	O(SOL_TCP, TCP_DEFER_ACCEPT),
	O(SOL_TCP, TCP_WINDOW_CLAMP),
	O(SOL_TCP, TCP_QUICKACK),
	O(SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS),
	O(SOL_TCP, TCP_THIN_DUPACK),
	O(SOL_TCP, TCP_USER_TIMEOUT),
	O(SOL_TCP, TCP_FASTOPEN),
	O(SOL_TCP, TCP_NOTSENT_LOWAT),
	O(SOL_TCP, TCP_SAVE_SYN),
	O(SOL_TCP, TCP_FASTOPEN_CONNECT),
	O(SOL_TCP, 36 /* TCP_INQ */),
	O(SOL_TCP, 9999),
#undef O
};

static const int values[] = {-1, 0, 1, 2, 60, 127, 128, 256, 1000, 70000};

enum {
	OPTIONS = sizeof(options) / sizeof(options[0]),
	VALUES = sizeof(values) / sizeof(values[0])
};

static bool settable(unsigned i)
{
	/* Those whose value depends on time, or that change more than themselves. */
	return options[i].name != TCP_TIMESTAMP &&
	       !(options[i].level == SOL_IP && options[i].name == IP_OPTIONS);
}

/* Every option with every value, and what is read back; each on a socket of its own. */
static void options_of(int type)
{
	char what[80];

	for (unsigned i = 0; i < OPTIONS; i++) {
		int fd = make(type);

		snprintf(what, sizeof(what), "%d %s fresh", type, options[i].text);
		get(what, fd, options[i].level, options[i].name);
		for (unsigned k = 0; settable(i) && k < VALUES; k++) {
			snprintf(what, sizeof(what), "%d set %s %d", type, options[i].text,
				 values[k]);
			SAY(what, IFC.setsockopt(U, fd, options[i].level, options[i].name,
						 &values[k], sizeof(int)));
			snprintf(what, sizeof(what), "%d %s after %d", type, options[i].text,
				 values[k]);
			get(what, fd, options[i].level, options[i].name);
		}
		IFC.close(U, fd);
	}
}

static void stream_options(void)
{
	options_of(SOCK_STREAM);
}

static void datagram_options(void)
{
	options_of(SOCK_DGRAM);
}

static void option_lengths(void)
{
	static const socklen_t lens[] = {0, 1, 2, 3, 4, 5, 8};
	int s = make(SOCK_STREAM), one = 1, v;
	char what[60], name[40];
	struct linger l = {1, 5};
	struct timeval tv = {1, 500000};
	socklen_t len;

	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		long both[2] = {one, 0};

		snprintf(what, sizeof(what), "set of %u bytes ", (unsigned)lens[i]);
		SAY(what, IFC.setsockopt(U, s, SOL_SOCKET, SO_KEEPALIVE, both, lens[i]));
		SAY(what, IFC.setsockopt(U, s, SOL_IP, IP_TTL, both, lens[i]));
		SAY(what, IFC.setsockopt(U, s, SOL_TCP, TCP_NODELAY, both, lens[i]));
		SAY(what, IFC.setsockopt(U, s, SOL_SOCKET, SO_LINGER, &l, lens[i]));
		len = lens[i];
		v = 0;
		SAY("get SO_KEEPALIVE", IFC.getsockopt(U, s, SOL_SOCKET, SO_KEEPALIVE, &v, &len));
		note("%d in %u", v, (unsigned)len);
		len = lens[i];
		v = 0;
		SAY("get IP_TTL", IFC.getsockopt(U, s, SOL_IP, IP_TTL, &v, &len));
		note("%d in %u", v, (unsigned)len);
		len = lens[i];
		v = 0;
		SAY("get TCP_NODELAY", IFC.getsockopt(U, s, SOL_TCP, TCP_NODELAY, &v, &len));
		note("%d in %u", v, (unsigned)len);
	}
	SAY("timeout", IFC.setsockopt(U, s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	tv.tv_usec = 1000000;
	SAY("timeout of a million us",
	    IFC.setsockopt(U, s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	memset(&tv, 0, sizeof(tv));
	len = sizeof(tv);
	SAY("get it", IFC.getsockopt(U, s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	note("%ld.%06ld in %u", (long)tv.tv_sec, (long)tv.tv_usec, (unsigned)len);
	SAY("congestion", IFC.setsockopt(U, s, SOL_TCP, TCP_CONGESTION, "reno", 4));
	len = sizeof(name);
	memset(name, 0, sizeof(name));
	SAY("get it", IFC.getsockopt(U, s, SOL_TCP, TCP_CONGESTION, name, &len));
	note("%s in %u", name, (unsigned)len);
	SAY("congestion unknown", IFC.setsockopt(U, s, SOL_TCP, TCP_CONGESTION, "nosuch", 6));
	SAY("level unknown", IFC.setsockopt(U, s, 999, 1, &one, sizeof(one)));
	IFC.close(U, s);
}

static void buffers(void)
{
	static const int sizes[] = {0, 1, 1000, 2304, 4096, 65536, 200000};
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};

	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			int s = make(types[k]);

			SAY("sndbuf",
			    IFC.setsockopt(U, s, SOL_SOCKET, SO_SNDBUF, &sizes[i], sizeof(int)));
			get("sndbuf", s, SOL_SOCKET, SO_SNDBUF);
			SAY("rcvbuf",
			    IFC.setsockopt(U, s, SOL_SOCKET, SO_RCVBUF, &sizes[i], sizeof(int)));
			get("rcvbuf", s, SOL_SOCKET, SO_RCVBUF);
			IFC.close(U, s);
		}
	}
}

/* ---- states ---- */

/* Every call that asks little of a socket. */
static void all_calls(const char *state, int fd)
{
	char what[80];
	struct sockaddr_in a = lo(9), got;
	socklen_t len = sizeof(got);

#define CALL(name, call)                                             \
	do {                                                         \
		snprintf(what, sizeof(what), "%s: %s", state, name); \
		SAY(what, call);                                     \
	} while (0)
	revents(state, fd);
	queues(state, fd);
	CALL("read", IFC.read(U, fd, buf, 10));
	CALL("read 0", IFC.read(U, fd, buf, 0));
	CALL("recv peek", IFC.recv(U, fd, buf, 10, MSG_PEEK | MSG_DONTWAIT));
	CALL("recv oob", IFC.recv(U, fd, buf, 10, MSG_OOB));
	CALL("recv errqueue", IFC.recv(U, fd, buf, 10, MSG_ERRQUEUE | MSG_DONTWAIT));
	CALL("send 0", IFC.send(U, fd, buf, 0, MSG_DONTWAIT));
	CALL("accept", IFC.accept(U, fd, (struct sockaddr *)&got, &len));
	CALL("bind", IFC.bind(U, fd, (struct sockaddr *)&a, sizeof(a)));
	CALL("shutdown 3", IFC.shutdown(U, fd, 3));
	get(state, fd, SOL_SOCKET, SO_ERROR);
	get(state, fd, SOL_SOCKET, SO_ACCEPTCONN);
	revents(state, fd);
#undef CALL
}

static void fresh(void)
{
	int s = make(SOCK_STREAM);

	nonblock(s);
	all_calls("fresh", s);
	SAY("write", IFC.send(U, s, buf, 10, 0));
	SAY("shutdown RD", IFC.shutdown(U, s, SHUT_RD));
	SAY("shutdown WR", IFC.shutdown(U, s, SHUT_WR));
	SAY("getfl", IFC.fcntl(U, s, F_GETFL, 0));
	SAY("getfd", IFC.fcntl(U, s, F_GETFD, 0));
	SAY("close", IFC.close(U, s));
	SAY("close again", IFC.close(U, s));
	SAY("read closed", IFC.read(U, s, buf, 1));
	SAY("listen closed", IFC.listen(U, s, 1));
	SAY("opt closed", IFC.setsockopt(U, s, SOL_SOCKET, SO_KEEPALIVE, buf, 4));
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
		fd = told_fd(what, IFC.socket(U, kinds[i][0], kinds[i][1], kinds[i][2]));
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
	int s = make(SOCK_STREAM), t = make(SOCK_STREAM), one = 1;
	struct sockaddr_in a = lo(7001), far = lo(7001);

	far.sin_addr.s_addr = htonl(0x01020304);
	SAY("short", IFC.bind(U, s, (struct sockaddr *)&a, 8));
	SAY("foreign", IFC.bind(U, s, (struct sockaddr *)&far, sizeof(far)));
	a.sin_family = AF_INET6;
	SAY("family", IFC.bind(U, s, (struct sockaddr *)&a, sizeof(a)));
	a.sin_family = AF_UNSPEC;
	SAY("unspec", IFC.bind(U, s, (struct sockaddr *)&a, sizeof(a)));
	IFC.setsockopt(U, s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	try_bind("bind", s, 7001);
	try_bind("twice", s, 7002);
	try_bind("taken", t, 7001);
	IFC.setsockopt(U, t, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	try_bind("reuse", t, 7001);
	SAY("listen", IFC.listen(U, s, 1));
	SAY("listen beside", IFC.listen(U, t, 1));
	SAY("listen again", IFC.listen(U, s, 10));
	IFC.close(U, s);
	IFC.close(U, t);
}

static void listening(void)
{
	int s = make(SOCK_STREAM);

	nonblock(s);
	try_bind("bind", s, 7010);
	SAY("listen", IFC.listen(U, s, 1));
	all_calls("listening", s);
	try_connect("connect", s, 7011);
	SAY("write", IFC.send(U, s, buf, 10, 0));
	get("maxseg", s, SOL_TCP, TCP_KEEPCNT);
	SAY("shutdown WR", IFC.shutdown(U, s, SHUT_WR));
	revents("after WR", s);
	SAY("shutdown RD", IFC.shutdown(U, s, SHUT_RD));
	revents("after RD", s);
	SAY("accept", IFC.accept(U, s, NULL, NULL));
	SAY("listen", IFC.listen(U, s, 1));
	IFC.close(U, s);
}

/* It minds what the kernel refuses. */
static bool valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

static void established(void)
{
	int a, b, l;

	pair(7020, &a, &b, &l);
	all_calls("established", a);
	SAY("listen", IFC.listen(U, a, 1));
	try_connect("connect", a, 7020);
	SAY("send 100", IFC.send(U, a, buf, 100, 0));
	settle();
	revents("b has data", b);
	queues("b has data", b);
	SAY("peek", IFC.recv(U, b, buf, 1000, MSG_PEEK));
	SAY("peek 10", IFC.recv(U, b, buf, 10, MSG_PEEK));
	SAY("trunc peek", IFC.recv(U, b, buf, 10, MSG_PEEK | MSG_TRUNC));
	SAY("trunc 30", IFC.recv(U, b, valgrind() ? buf : NULL, 30, MSG_TRUNC));
	SAY("waitall dontwait", IFC.recv(U, b, buf, 100, MSG_WAITALL | MSG_DONTWAIT));
	SAY("empty", IFC.recv(U, b, buf, 100, 0));
	SAY("recv 0", IFC.recv(U, b, buf, 0, 0));
	SAY("send to someone",
	    IFC.sendto(U, a, buf, 7, 0,
		       (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET,
								.sin_port = 9},
		       sizeof(struct sockaddr_in)));
	settle();
	SAY("read", IFC.read(U, b, buf, 1000));
	if (!valgrind())
		SAY("fault", IFC.send(U, a, NULL, 10, 0));
	SAY("shutdown 7", IFC.shutdown(U, a, 7));
	SAY("shutdown -1", IFC.shutdown(U, a, -1));
	drop(a);
	settle();
	drop(b);
	IFC.close(U, l);
}

static void half_close(void)
{
	int a, b, l;

	pair(7030, &a, &b, &l);
	SAY("shutdown WR", IFC.shutdown(U, a, SHUT_WR));
	settle();
	revents("a in FIN-WAIT-2", a);
	revents("b in CLOSE-WAIT", b);
	SAY("write", IFC.send(U, a, buf, 1, 0));
	SAY("write 0", IFC.send(U, a, buf, 0, 0));
	SAY("shutdown WR again", IFC.shutdown(U, a, SHUT_WR));
	SAY("end of stream", IFC.read(U, b, buf, 10));
	SAY("end of stream again", IFC.read(U, b, buf, 10));
	SAY("peek at the end", IFC.recv(U, b, buf, 10, MSG_PEEK));
	SAY("b writes", IFC.send(U, b, buf, 50, 0));
	settle();
	SAY("a reads", IFC.read(U, a, buf, 100));
	queues("a", a);
	queues("b", b);
	SAY("b shutdown WR", IFC.shutdown(U, b, SHUT_WR));
	settle();
	revents("a in TIME-WAIT", a);
	revents("b closed", b);
	SAY("a end", IFC.read(U, a, buf, 10));
	SAY("b end", IFC.read(U, b, buf, 10));
	SAY("a write", IFC.send(U, a, buf, 1, 0));
	SAY("b write", IFC.send(U, b, buf, 1, 0));
	SAY("a shutdown", IFC.shutdown(U, a, SHUT_RDWR));
	SAY("b shutdown", IFC.shutdown(U, b, SHUT_RDWR));
	get("a", a, SOL_SOCKET, SO_ERROR);
	get("b", b, SOL_SOCKET, SO_ERROR);
	try_connect("a connect", a, 7030);
	IFC.close(U, a);
	IFC.close(U, b);
	IFC.close(U, l);
}

static void shut_read(void)
{
	int a, b, l;

	pair(7040, &a, &b, &l);
	SAY("shutdown RD", IFC.shutdown(U, b, SHUT_RD));
	revents("b", b);
	SAY("b reads", IFC.read(U, b, buf, 10));
	SAY("a writes", IFC.send(U, a, buf, 10, 0));
	settle();
	revents("b with data", b);
	SAY("b reads", IFC.read(U, b, buf, 100));
	SAY("b reads", IFC.read(U, b, buf, 100));
	SAY("b writes", IFC.send(U, b, buf, 10, 0));
	SAY("b both", IFC.shutdown(U, b, SHUT_RDWR));
	settle();
	revents("b", b);
	revents("a", a);
	drop(a);
	drop(b);
	IFC.close(U, l);
}

static void reset(void)
{
	int a, b, l;

	pair(7050, &a, &b, &l);
	SAY("b writes", IFC.send(U, b, buf, 10, 0));
	settle();
	drop(b);
	settle();
	revents("a reset", a);
	queues("a reset", a);
	SAY("a reads", IFC.read(U, a, buf, 100));
	SAY("a reads again", IFC.read(U, a, buf, 100));
	SAY("a writes", IFC.send(U, a, buf, 10, 0));
	get("error", a, SOL_SOCKET, SO_ERROR);
	SAY("a shutdown", IFC.shutdown(U, a, SHUT_WR));
	revents("a", a);
	IFC.close(U, a);
	IFC.close(U, l);

	pair(7051, &a, &b, &l);
	drop(b);
	settle();
	SAY("write first", IFC.send(U, a, buf, 10, 0));
	SAY("write again", IFC.send(U, a, buf, 10, 0));
	SAY("read", IFC.read(U, a, buf, 10));
	IFC.close(U, a);
	IFC.close(U, l);

	pair(7052, &a, &b, &l);
	drop(b);
	settle();
	get("error", a, SOL_SOCKET, SO_ERROR);
	get("error again", a, SOL_SOCKET, SO_ERROR);
	SAY("read", IFC.read(U, a, buf, 10));
	revents("a", a);
	IFC.close(U, a);
	IFC.close(U, l);
}

/* Data unread at close: the peer sees a reset. */
static void unread(void)
{
	int a, b, l;

	pair(7060, &a, &b, &l);
	SAY("a writes", IFC.send(U, a, buf, 10, 0));
	settle();
	SAY("b closes", IFC.close(U, b));
	settle();
	revents("a", a);
	SAY("a reads", IFC.read(U, a, buf, 10));
	SAY("a reads", IFC.read(U, a, buf, 10));
	IFC.close(U, a);
	IFC.close(U, l);
}

static void refused(void)
{
	int s = make(SOCK_STREAM);

	try_connect("blocking", s, 7099);
	revents("refused", s);
	SAY("read", IFC.read(U, s, buf, 10));
	SAY("write", IFC.send(U, s, buf, 10, 0));
	get("error", s, SOL_SOCKET, SO_ERROR);
	try_connect("again", s, 7099);
	IFC.close(U, s);
	s = make(SOCK_STREAM);
	nonblock(s);
	try_connect("not blocking", s, 7099);
	settle();
	revents("refused", s);
	try_connect("told by connect", s, 7099);
	settle();
	get("error", s, SOL_SOCKET, SO_ERROR);
	get("error", s, SOL_SOCKET, SO_ERROR);
	revents("told", s);
	IFC.close(U, s);
	s = make(SOCK_STREAM);
	nonblock(s);
	try_connect("not blocking", s, 7099);
	settle();
	SAY("told by read", IFC.read(U, s, buf, 10));
	SAY("then", IFC.read(U, s, buf, 10));
	IFC.close(U, s);
	s = make(SOCK_STREAM);
	nonblock(s);
	try_connect("not blocking", s, 7099);
	settle();
	SAY("told by write", IFC.send(U, s, buf, 10, 0));
	SAY("then", IFC.send(U, s, buf, 10, 0));
	IFC.close(U, s);
}

static void connecting(void)
{
	struct sockaddr un = {.sa_family = AF_UNSPEC};
	struct sockaddr_in a = lo(7070);
	int l = make(SOCK_STREAM), s = make(SOCK_STREAM);

	try_bind("bind", l, 7070);
	SAY("listen", IFC.listen(U, l, 5));
	SAY("short", IFC.connect(U, s, (struct sockaddr *)&a, 8));
	a.sin_family = AF_INET6;
	SAY("family", IFC.connect(U, s, (struct sockaddr *)&a, sizeof(a)));
	nonblock(s);
	try_connect("begins", s, 7070);
	settle();
	revents("done", s);
	try_connect("told", s, 7070);
	try_connect("again", s, 7070);
	SAY("listen", IFC.listen(U, s, 5));
	SAY("disconnect", IFC.connect(U, s, &un, sizeof(un)));
	revents("disconnected", s);
	SAY("read", IFC.read(U, s, buf, 10));
	try_connect("anew", s, 7070);
	settle();
	revents("done", s);
	IFC.close(U, s);
	IFC.close(U, l);
}

static void urgent(void)
{
	int a, b, l;

	pair(7080, &a, &b, &l);
	SAY("send", IFC.send(U, a, "abc", 3, 0));
	SAY("send oob", IFC.send(U, a, "d", 1, MSG_OOB));
	SAY("send", IFC.send(U, a, "ef", 2, 0));
	settle();
	revents("b", b);
	queues("b", b);
	SAY("read to the mark", IFC.read(U, b, buf, 100));
	queues("b at the mark", b);
	SAY("oob", IFC.recv(U, b, buf, 10, MSG_OOB));
	SAY("oob again", IFC.recv(U, b, buf, 10, MSG_OOB));
	revents("b", b);
	SAY("read on", IFC.read(U, b, buf, 100));
	revents("b", b);
	drop(a);
	drop(b);
	IFC.close(U, l);
}

static void datagrams(void)
{
	int s = make(SOCK_DGRAM), t = make(SOCK_DGRAM);
	struct sockaddr_in a = lo(7090), from;
	struct sockaddr un = {.sa_family = AF_UNSPEC};
	struct iovec iov = {buf, 10};
	struct msghdr m = {.msg_name = &from,
			   .msg_namelen = sizeof(from),
			   .msg_iov = &iov,
			   .msg_iovlen = 1};
	socklen_t len = sizeof(from);

	nonblock(s);
	nonblock(t);
	revents("fresh", s);
	queues("fresh", s);
	SAY("send", IFC.send(U, s, buf, 10, 0));
	SAY("write", IFC.write(U, s, buf, 10));
	SAY("listen", IFC.listen(U, s, 1));
	SAY("accept", IFC.accept(U, s, NULL, NULL));
	SAY("recv", IFC.recv(U, s, buf, 10, 0));
	SAY("recv oob", IFC.recv(U, s, buf, 10, MSG_OOB));
	SAY("send oob", IFC.sendto(U, s, buf, 10, MSG_OOB, (struct sockaddr *)&a, sizeof(a)));
	SAY("short address", IFC.sendto(U, s, buf, 10, 0, (struct sockaddr *)&a, 8));
	SAY("to nobody", IFC.sendto(U, s, buf, 10, 0, (struct sockaddr *)&a, sizeof(a)));
	settle();
	revents("s", s);
	get("error", s, SOL_SOCKET, SO_ERROR);
	SAY("too large", IFC.sendto(U, s, buf, 65508, 0, (struct sockaddr *)&a, sizeof(a)));
	a.sin_port = 0;
	SAY("to port 0", IFC.sendto(U, s, buf, 10, 0, (struct sockaddr *)&a, sizeof(a)));
	a = lo(7090);
	try_bind("bind", t, 7090);
	try_bind("taken", s, 7090);
	SAY("send 100", IFC.sendto(U, s, buf, 100, 0, (struct sockaddr *)&a, sizeof(a)));
	SAY("send 0", IFC.sendto(U, s, buf, 0, 0, (struct sockaddr *)&a, sizeof(a)));
	SAY("send 50", IFC.sendto(U, s, buf, 50, 0, (struct sockaddr *)&a, sizeof(a)));
	settle();
	revents("t", t);
	queues("t", t);
	SAY("peek trunc", IFC.recv(U, t, buf, 10, MSG_PEEK | MSG_TRUNC));
	SAY("recvmsg", IFC.recvmsg(U, t, &m, 0));
	note("flags %x", (unsigned)m.msg_flags);
	SAY("empty one", IFC.recvfrom(U, t, buf, 100, 0, (struct sockaddr *)&from, &len));
	note("from %x, %u", ntohl(from.sin_addr.s_addr), (unsigned)len);
	SAY("trunc", IFC.recv(U, t, buf, 10, MSG_TRUNC));
	SAY("none", IFC.recv(U, t, buf, 10, 0));
	SAY("connect", IFC.connect(U, s, (struct sockaddr *)&a, sizeof(a)));
	SAY("shutdown RD", IFC.shutdown(U, s, SHUT_RD));
	revents("s", s);
	SAY("recv after SHUT_RD", IFC.recv(U, s, buf, 10, 0));
	SAY("shutdown WR", IFC.shutdown(U, s, SHUT_WR));
	SAY("send", IFC.send(U, s, buf, 10, 0));
	revents("s", s);
	IFC.close(U, s);
	s = make(SOCK_DGRAM);
	nonblock(s);
	a = lo(7091);
	SAY("connect", IFC.connect(U, s, (struct sockaddr *)&a, sizeof(a)));
	SAY("send", IFC.send(U, s, buf, 10, 0));
	settle();
	revents("refused", s);
	SAY("recv", IFC.recv(U, s, buf, 10, 0));
	SAY("recv", IFC.recv(U, s, buf, 10, 0));
	SAY("send", IFC.send(U, s, buf, 10, 0));
	settle();
	SAY("send", IFC.send(U, s, buf, 10, 0));
	settle();
	get("error", s, SOL_SOCKET, SO_ERROR);
	SAY("disconnect", IFC.connect(U, s, &un, sizeof(un)));
	SAY("send", IFC.send(U, s, buf, 10, 0));
	IFC.close(U, s);
	IFC.close(U, t);
}

static void waiting(void)
{
	int a, b, l, ep = IFC.epoll_create(U, 1), p[2];
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET}, got[4];

	pair(7100, &a, &b, &l);
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
	note("%x", got[0].events);
	SAY("once", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("b writes", IFC.send(U, b, buf, 10, 0));
	settle();
	SAY("wait", IFC.epoll_wait(U, ep, got, 4, 0));
	note("%x", got[0].events);
	SAY("once", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("a reads 5", IFC.read(U, a, buf, 5));
	SAY("no edge", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("b writes", IFC.send(U, b, buf, 10, 0));
	settle();
	SAY("an edge", IFC.epoll_wait(U, ep, got, 4, 0));
	ev.events = EPOLLIN | EPOLLONESHOT;
	SAY("mod", IFC.epoll_ctl(U, ep, EPOLL_CTL_MOD, a, &ev));
	SAY("wait", IFC.epoll_wait(U, ep, got, 4, 0));
	note("%x", got[0].events);
	SAY("disarmed", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("mod", IFC.epoll_ctl(U, ep, EPOLL_CTL_MOD, a, &ev));
	SAY("armed", IFC.epoll_wait(U, ep, got, 4, 0));
	ev.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
	SAY("mod", IFC.epoll_ctl(U, ep, EPOLL_CTL_MOD, a, &ev));
	SAY("b ends", IFC.shutdown(U, b, SHUT_WR));
	settle();
	SAY("wait", IFC.epoll_wait(U, ep, got, 4, 0));
	note("%x", got[0].events);
	SAY("a closes", IFC.close(U, a));
	SAY("nothing", IFC.epoll_wait(U, ep, got, 4, 0));
	SAY("read epoll", IFC.read(U, ep, buf, 1));
	SAY("write epoll", IFC.write(U, ep, buf, 1));
	SAY("listen epoll", IFC.listen(U, ep, 1));
	drop(b);
	IFC.close(U, l);
	IFC.close(U, ep);

	pair(7101, &a, &b, &l);
	IFC.pipe(U, p);
	revents("in", p[0]);
	revents("out", p[1]);
	SAY("write pipe", IFC.write(U, p[1], buf, 1000));
	revents("in", p[0]);
	SAY("pipe to a", IFC.splice(U, p[0], NULL, a, NULL, 5000, 0));
	settle();
	SAY("b to pipe", IFC.splice(U, b, NULL, p[1], NULL, 5000, 0));
	SAY("b to pipe, none", IFC.splice(U, b, NULL, p[1], NULL, 5000, 0));
	SAY("read pipe", IFC.read(U, p[0], buf, 5000));
	SAY("socket to socket", IFC.splice(U, a, NULL, b, NULL, 10, 0));
	SAY("wrong end", IFC.splice(U, p[1], NULL, b, NULL, 10, 0));
	SAY("read wrong end", IFC.read(U, p[1], buf, 10));
	SAY("listen pipe", IFC.listen(U, p[0], 1));
	IFC.close(U, p[1]);
	revents("in, alone", p[0]);
	SAY("read end", IFC.read(U, p[0], buf, 10));
	SAY("splice end", IFC.splice(U, p[0], NULL, a, NULL, 10, 0));
	IFC.close(U, p[0]);
	drop(a);
	drop(b);
	IFC.close(U, l);
}

static void timeouts(void)
{
	int a, b, l;
	struct timeval tv = {0, 20000};

	pair(7110, &a, &b, &l);
	IFC.fcntl(U, a, F_SETFL, O_RDWR);
	IFC.setsockopt(U, a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	SAY("read", IFC.read(U, a, buf, 10));
	SAY("b writes", IFC.send(U, b, buf, 5, 0));
	settle();
	SAY("waitall", IFC.recv(U, a, buf, 10, MSG_WAITALL));
	IFC.setsockopt(U, l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	SAY("accept", IFC.accept(U, l, NULL, NULL));
	drop(a);
	drop(b);
	IFC.close(U, l);
}

/* ---- what is known to differ ---- */

static const struct {
	const char *line; /* how the kernel's begins */
	const char *why;
} known[] = {
	{"1 IP_MINTTL", "no such option (RFC 5082)"},
	{"1 set IP_MINTTL", "no such option"},
	{"2 IP_MINTTL", "no such option"},
	{"2 set IP_MINTTL", "no such option"},
	{"1 TCP_SAVE_SYN", "no such option"},
	{"1 set TCP_SAVE_SYN", "no such option"},
	{"2 set IP_MULTICAST_TTL 0", "what is not to leave is refused, not dropped"},
	{"2 IP_MULTICAST_TTL after 0", "the same"},
	{"recv after SHUT_RD", "a datagram socket shut for reading is at its end, blocking or not"},
	{NULL, NULL},
};

static bool is_known(const char *line)
{
	for (unsigned i = 0; known[i].line; i++) {
		if (strncmp(line, known[i].line, strlen(known[i].line)) == 0)
			return true;
	}
	return false;
}

static void compare(void (*scenario)(void))
{
	struct pdlib lib;
	const char *why = "";
	unsigned differ = 0;

	if (!pdlib_open(&lib, "ip=192.168.0.1", &why))
		fail_msg("%s", why);
	sides[0].ifc = libc_table;
	sides[1].ifc = lib.ifc;
	for (unsigned i = 0; i < 2; i++) {
		on = &sides[i];
		on->n = 0;
		scenario();
	}
	pdlib_close(&lib);
	for (unsigned i = 0; i < sides[0].n || i < sides[1].n; i++) {
		const char *linux_says = i < sides[0].n ? sides[0].line[i] : "";
		const char *we_say = i < sides[1].n ? sides[1].line[i] : "";

		if (strcmp(linux_says, we_say) == 0 || is_known(linux_says))
			continue;
		print_error("Linux: %-56s ours: %s\n", linux_says, we_say);
		differ++;
	}
	assert_int_equal(differ, 0);
}

#define SAME(name)             \
	TEST(same_##name, "")  \
	{                      \
		compare(name); \
	}

SAME(kinds)
SAME(stream_options)
SAME(datagram_options)
SAME(option_lengths)
SAME(buffers)
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
SAME(datagrams)
SAME(waiting)
SAME(timeouts)

static int own_namespace(void **state)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};
	int fd;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		tapir_test_skip("no network namespace of its own");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return -1;
	close(fd);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

#define T(name) cmocka_unit_test_setup(same_##name, own_namespace)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(kinds),	T(stream_options), T(datagram_options), T(option_lengths),
		T(buffers),	T(fresh),	   T(binding),		T(listening),
		T(established), T(half_close),	   T(shut_read),	T(reset),
		T(unread),	T(refused),	   T(connecting),	T(urgent),
		T(datagrams),	T(waiting),	   T(timeouts),
	};

	return tapir_test_run("unit/tools/test_linux_calls", tests);
}
