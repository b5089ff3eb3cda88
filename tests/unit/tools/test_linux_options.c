/*
 * Socket options on the kernel's sockets and on ours (twin.h): every one with every value, lengths, buffers.
 */
#include <stdio.h>
#include <sys/time.h>

#include "tests/support/twin.h"

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
		int fd = twin_make(type);

		snprintf(what, sizeof(what), "%d %s fresh", type, options[i].text);
		twin_get(what, fd, options[i].level, options[i].name);
		for (unsigned k = 0; settable(i) && k < VALUES; k++) {
			snprintf(what, sizeof(what), "%d set %s %d", type, options[i].text,
				 values[k]);
			SAY(what, IFC.setsockopt(U, fd, options[i].level, options[i].name,
						 &values[k], sizeof(int)));
			snprintf(what, sizeof(what), "%d %s after %d", type, options[i].text,
				 values[k]);
			twin_get(what, fd, options[i].level, options[i].name);
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
	int s = twin_make(SOCK_STREAM), one = 1, v;
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
		twin_note("%d in %u", v, (unsigned)len);
		len = lens[i];
		v = 0;
		SAY("get IP_TTL", IFC.getsockopt(U, s, SOL_IP, IP_TTL, &v, &len));
		twin_note("%d in %u", v, (unsigned)len);
		len = lens[i];
		v = 0;
		SAY("get TCP_NODELAY", IFC.getsockopt(U, s, SOL_TCP, TCP_NODELAY, &v, &len));
		twin_note("%d in %u", v, (unsigned)len);
	}
	SAY("timeout", IFC.setsockopt(U, s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	tv.tv_usec = 1000000;
	SAY("timeout of a million us",
	    IFC.setsockopt(U, s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	memset(&tv, 0, sizeof(tv));
	len = sizeof(tv);
	SAY("get it", IFC.getsockopt(U, s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	twin_note("%ld.%06ld in %u", (long)tv.tv_sec, (long)tv.tv_usec, (unsigned)len);
	SAY("congestion", IFC.setsockopt(U, s, SOL_TCP, TCP_CONGESTION, "reno", 4));
	len = sizeof(name);
	memset(name, 0, sizeof(name));
	SAY("get it", IFC.getsockopt(U, s, SOL_TCP, TCP_CONGESTION, name, &len));
	twin_note("%s in %u", name, (unsigned)len);
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
			int s = twin_make(types[k]);

			SAY("sndbuf",
			    IFC.setsockopt(U, s, SOL_SOCKET, SO_SNDBUF, &sizes[i], sizeof(int)));
			twin_get("sndbuf", s, SOL_SOCKET, SO_SNDBUF);
			SAY("rcvbuf",
			    IFC.setsockopt(U, s, SOL_SOCKET, SO_RCVBUF, &sizes[i], sizeof(int)));
			twin_get("rcvbuf", s, SOL_SOCKET, SO_RCVBUF);
			IFC.close(U, s);
		}
	}
}

/* ---- what is known to differ ---- */

static const struct twin_known known[] = {
	{"1 TCP_SAVE_SYN", "no such option"},
	{"1 set TCP_SAVE_SYN", "no such option"},
	{"2 set IP_MULTICAST_TTL 0", "what is not to leave is refused, not dropped"},
	{"2 IP_MULTICAST_TTL after 0", "the same"},
	{NULL, NULL},
};

SAME(stream_options)
SAME(datagram_options)
SAME(option_lengths)
SAME(buffers)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TWIN(stream_options),
		TWIN(datagram_options),
		TWIN(option_lengths),
		TWIN(buffers),
	};

	return tapir_test_run("unit/tools/test_linux_options", tests);
}
