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

/* What is not built, or is another's by its nature. */
static const struct {
	int level, name;
	const char *why;
} left_out[] = {
	{SOL_SOCKET, 14, "SO_BSDCOMPAT: a relic that is taken and forgotten"},
	{SOL_SOCKET, 16, "SO_PASSCRED: of local sockets"},
	{SOL_SOCKET, 17, "SO_PEERCRED: the same"},
	{SOL_SOCKET, SO_BINDTODEVICE, "there is one device, whatever its name"},
	{SOL_SOCKET, 26, "SO_ATTACH_FILTER"},
	{SOL_SOCKET, 27, "SO_DETACH_FILTER"},
	{SOL_SOCKET, 28, "SO_PEERNAME"},
	{SOL_SOCKET, 34, "SO_PASSSEC"},
	{SOL_SOCKET, 42, "SO_PEEK_OFF"},
	{SOL_SOCKET, 44, "SO_LOCK_FILTER"},
	{SOL_SOCKET, 45, "SO_SELECT_ERR_QUEUE"},
	{SOL_SOCKET, 47, "SO_MAX_PACING_RATE: of a rate of 0 nothing would ever leave"},
	{SOL_SOCKET, 48, "SO_BPF_EXTENSIONS"},
	{SOL_SOCKET, 50, "SO_ATTACH_BPF"},
	{SOL_SOCKET, 51, "SO_ATTACH_REUSEPORT_CBPF"},
	{SOL_SOCKET, 52, "SO_ATTACH_REUSEPORT_EBPF"},
	{SOL_SOCKET, 53, "SO_CNX_ADVICE"},
	{SOL_SOCKET, 56, "SO_INCOMING_NAPI_ID"},
	{SOL_SOCKET, 57, "SO_COOKIE"},
	{SOL_SOCKET, 59, "SO_PEERGROUPS"},
	{SOL_SOCKET, 61, "SO_TXTIME"},
	{SOL_SOCKET, 62, "SO_BINDTOIFINDEX"},
	{SOL_SOCKET, 65, "SO_TIMESTAMPING_NEW"},
	{SOL_SOCKET, 68, "SO_DETACH_REUSEPORT_BPF"},
	{SOL_SOCKET, 70, "SO_BUSY_POLL_BUDGET"},
	{SOL_SOCKET, 71, "SO_NETNS_COOKIE"},
	{SOL_SOCKET, 72, "SO_BUF_LOCK"},
	{SOL_SOCKET, 73, "SO_RESERVE_MEM"},
	{SOL_SOCKET, 74, "SO_TXREHASH"},
	{SOL_SOCKET, 76, "SO_PASSPIDFD: of local sockets"},
	{SOL_SOCKET, 77, "SO_PEERPIDFD: the same"},
	{SOL_SOCKET, 80, "SO_DEVMEM_DONTNEED"},
	{SOL_SOCKET, 83, "SO_PASSRIGHTS: of local sockets"},
	{IPPROTO_IP, 3, "IP_HDRINCL: of raw sockets"},
	{IPPROTO_IP, IP_OPTIONS, "refused on purpose"},
	{IPPROTO_IP, 5, "IP_ROUTER_ALERT"},
	{IPPROTO_IP, 9, "IP_PKTOPTIONS"},
	{IPPROTO_IP, 16, "IP_IPSEC_POLICY"},
	{IPPROTO_IP, 17, "IP_XFRM_POLICY"},
	{IPPROTO_IP, 22, "IP_NODEFRAG: of raw sockets"},
	{IPPROTO_IP, 25, "IP_RECVFRAGSIZE: the same"},
	{IPPROTO_IP, 32, "IP_MULTICAST_IF of a stream"},
	{IPPROTO_IP, 35, "IP_ADD_MEMBERSHIP of a stream"},
	{IPPROTO_IP, 36, "IP_DROP_MEMBERSHIP of a stream"},
	{IPPROTO_IP, 37, "IP_UNBLOCK_SOURCE"},
	{IPPROTO_IP, 38, "IP_BLOCK_SOURCE"},
	{IPPROTO_IP, 39, "IP_ADD_SOURCE_MEMBERSHIP"},
	{IPPROTO_IP, 40, "IP_DROP_SOURCE_MEMBERSHIP"},
	{IPPROTO_IP, 41, "IP_MSFILTER"},
	{IPPROTO_IP, 42, "MCAST_JOIN_GROUP"},
	{IPPROTO_IP, 43, "MCAST_BLOCK_SOURCE"},
	{IPPROTO_IP, 44, "MCAST_UNBLOCK_SOURCE"},
	{IPPROTO_IP, 45, "MCAST_LEAVE_GROUP"},
	{IPPROTO_IP, 46, "MCAST_JOIN_SOURCE_GROUP"},
	{IPPROTO_IP, 47, "MCAST_LEAVE_SOURCE_GROUP"},
	{IPPROTO_IP, 48, "MCAST_MSFILTER"},
	{IPPROTO_IP, 50, "IP_UNICAST_IF"},
	{IPPROTO_IP, 51, "IP_LOCAL_PORT_RANGE"},
	{IPPROTO_IP, 52, "IP_PROTOCOL"},
	{IPPROTO_TCP, 14, "TCP_MD5SIG"},
	{IPPROTO_TCP, TCP_REPAIR, "nobody has the right"},
	{IPPROTO_TCP, TCP_REPAIR_QUEUE, "the same"},
	{IPPROTO_TCP, TCP_QUEUE_SEQ, "the same"},
	{IPPROTO_TCP, TCP_REPAIR_OPTIONS, "the same"},
	{IPPROTO_TCP, TCP_TIMESTAMP, "another clock"},
	{IPPROTO_TCP, TCP_SAVE_SYN, "TCP_SAVE_SYN"},
	{IPPROTO_TCP, TCP_SAVED_SYN, "TCP_SAVED_SYN"},
	{IPPROTO_TCP, TCP_REPAIR_WINDOW, "nobody has the right"},
	{IPPROTO_TCP, TCP_ULP, "TCP_ULP"},
	{IPPROTO_TCP, 32, "TCP_MD5SIG_EXT"},
	{IPPROTO_TCP, TCP_FASTOPEN_KEY, "a key is there from the start"},
	{IPPROTO_TCP, 35, "TCP_ZEROCOPY_RECEIVE"},
	{IPPROTO_TCP, 37, "TCP_TX_DELAY"},
	{IPPROTO_TCP, 38, "TCP_AO_ADD_KEY"},
	{IPPROTO_TCP, 39, "TCP_AO_DEL_KEY"},
	{IPPROTO_TCP, 40, "TCP_AO_INFO"},
	{IPPROTO_TCP, 41, "TCP_AO_GET_KEYS"},
	{IPPROTO_TCP, 42, "TCP_AO_REPAIR"},
	{IPPROTO_TCP, 43, "TCP_IS_MPTCP"},
};

static bool is_left_out(int level, int name)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		if (left_out[i].level == level && left_out[i].name == name)
			return true;
	}
	return false;
}

enum state { FRESH, LISTENING, CONNECTED };
static const char *const state_name[] = {"fresh", "listening", "connected"};

/* A socket in the state, and its peer or -1, and the listener or -1. */
static int in_state(enum state state, uint16_t port, int *peer, int *listener)
{
	struct sockaddr_in a = twin_lo(port);
	int s;

	*peer = *listener = -1;
	if (state == CONNECTED) {
		twin_pair(port, &s, peer, listener);
		return s;
	}
	s = twin_make(SOCK_STREAM);
	if (state == LISTENING) {
		IFC.bind(U, s, (struct sockaddr *)&a, sizeof(a));
		IFC.listen(U, s, 5);
	}
	return s;
}

/* Every number there is, each on a socket of its own. */
static void all_numbers(enum state state)
{
	static const int levels[][2] = {{SOL_SOCKET, 85}, {IPPROTO_IP, 60}, {IPPROTO_TCP, 50}};
	static const int set[] = {-1, 0, 1, 1000, 40000};
	char what[80];
	uint16_t port = 7600;

	for (unsigned l = 0; l < 3; l++) {
		for (int name = 1; name < levels[l][1]; name++) {
			int s, peer, listener;

			if (is_left_out(levels[l][0], name))
				continue;
			s = in_state(state, port++, &peer, &listener);
			/* The machine may have another one by default. */
			IFC.setsockopt(U, s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
			snprintf(what, sizeof(what), "%s %d %d", state_name[state], levels[l][0],
				 name);
			twin_get(what, s, levels[l][0], name);
			for (unsigned i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
				SAY(what,
				    IFC.setsockopt(U, s, levels[l][0], name, &set[i], sizeof(int)));
				twin_get(what, s, levels[l][0], name);
			}
			twin_drop(s);
			if (peer >= 0)
				twin_drop(peer);
			if (listener >= 0)
				IFC.close(U, listener);
		}
	}
}

static void fresh_numbers(void)
{
	all_numbers(FRESH);
}

static void listening_numbers(void)
{
	all_numbers(LISTENING);
}

static void connected_numbers(void)
{
	all_numbers(CONNECTED);
}

/* ---- what is known to differ ---- */

static const struct twin_known known[] = {
	{"1 TCP_SAVE_SYN", "no such option"},
	{"1 set TCP_SAVE_SYN", "no such option"},
	{"2 set IP_MULTICAST_TTL 0", "what is not to leave is refused, not dropped"},
	{"2 IP_MULTICAST_TTL after 0", "the same"},
	{"connected 1 7:", "SO_SNDBUF grows by other sizes of segments"},
	{"connected 1 49:", "SO_INCOMING_CPU: there is one"},
	{"connected 6 2:", "TCP_MAXSEG: another loopback"},
	{NULL, NULL},
};

SAME(stream_options)
SAME(datagram_options)
SAME(option_lengths)
SAME(buffers)
SAME(fresh_numbers)
SAME(listening_numbers)
SAME(connected_numbers)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TWIN(stream_options),	 TWIN(datagram_options), TWIN(option_lengths),
		TWIN(buffers),		 TWIN(fresh_numbers),	 TWIN(listening_numbers),
		TWIN(connected_numbers),
	};

	return tapir_test_run("unit/tools/test_linux_options", tests);
}
