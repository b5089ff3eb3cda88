/*
 * Socket options.
 *
 * The stack has most of them, by Linux's numbers; it is asked first. Here are: lengths as Linux treats them, the
 * structures that the stack has in another form, what blocking needs, and options that only have to be remembered
 * because nothing on the wire follows from them, or because the rest of this folder acts on them.
 */
#include <errno.h>
#include <limits.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tools/packetdrill/pd.h"

#ifndef TCP_INQ
#define TCP_INQ 36
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

enum {
	VALUE_MAX = 1024,
	OPT_ID_TCP = 1 << 16,
	BIND_PHC = 1 << 15,
	/* Younger than some C libraries. */
	OPT_TIMESTAMP_NEW = 63,
	OPT_TIMESTAMPNS_NEW = 64,
	OPT_PREFER_BUSY_POLL = 69,
	OPT_RCVMARK = 75,
	OPT_RCVPRIORITY = 82,
	OPT_RECVERR_RFC4884 = 26,
	OPT_RCVTIMEO_NEW = 66,
	OPT_SNDTIMEO_NEW = 67,
	CA_NAME_MAX = 16,
	IP_LAST = 60, /* no number of an option at level IP is larger */
	DGRAM = 1,
	STREAM = 2,
	BOTH = 3
};

/* Remembered: number, whose, limits, what it is at first. */
static const struct stored {
	int level, name, whose, min, max, first;
	bool flag; /* whatever is set: read back as 0 or 1 */
} stored[] = {
	{SOL_SOCKET, SO_DEBUG, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_PRIORITY, BOTH, INT_MIN, INT_MAX, 0, false},
	{SOL_SOCKET, SO_MARK, BOTH, INT_MIN, INT_MAX, 0, false},
	{SOL_SOCKET, SO_TIMESTAMP, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_TIMESTAMPNS, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_TIMESTAMPING, BOTH, 0, (1 << 17) - 1, 0, false},
	{SOL_SOCKET, SO_ZEROCOPY, BOTH, 0, 1, 0, false},
	{SOL_SOCKET, SO_BUSY_POLL, BOTH, 0, INT_MAX, 0, false},
	{SOL_SOCKET, SO_RXQ_OVFL, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_WIFI_STATUS, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_NOFCS, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_INCOMING_CPU, BOTH, INT_MIN, INT_MAX, -1, false},
	{SOL_SOCKET, OPT_TIMESTAMP_NEW, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, OPT_TIMESTAMPNS_NEW, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, OPT_PREFER_BUSY_POLL, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, OPT_RCVMARK, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, OPT_RCVPRIORITY, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_NO_CHECK, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_BROADCAST, STREAM, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_KEEPALIVE, DGRAM, INT_MIN, INT_MAX, 0, true},
	{SOL_SOCKET, SO_OOBINLINE, DGRAM, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_MINTTL, DGRAM, 0, 255, 0, false},
	{SOL_IP, IP_MULTICAST_TTL, STREAM, 1, 0, 1, false},
	{SOL_IP, IP_MULTICAST_LOOP, STREAM, INT_MIN, INT_MAX, 1, true},
	{SOL_IP, IP_RECVOPTS, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_RETOPTS, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_PASSSEC, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_RECVORIGDSTADDR, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_CHECKSUM, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, OPT_RECVERR_RFC4884, BOTH, 0, 1, 0, true},
	{SOL_IP, IP_MULTICAST_ALL, BOTH, 0, 1, 1, true},
	{SOL_IP, IP_PKTINFO, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_RECVTTL, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_RECVTOS, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_FREEBIND, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_TRANSPARENT, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IP, IP_BIND_ADDRESS_NO_PORT, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_TCP, TCP_INQ, STREAM, 0, 1, 0, false},
	{SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS, STREAM, 0, 1, 0, false},
	{SOL_TCP, TCP_THIN_DUPACK, STREAM, 0, 1, 0, false},
	{SOL_IPV6, IPV6_V6ONLY, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IPV6, IPV6_RECVERR, BOTH, INT_MIN, INT_MAX, 0, true},
	{SOL_IPV6, IPV6_TCLASS, BOTH, -1, 255, 0, false},
};

_Static_assert(sizeof(stored) / sizeof(stored[0]) <= PD_STORED, "room for all");

/* Options of the stack that are no int: their bytes go as they are. */
static bool is_struct(int level, int name)
{
	if (level == SOL_SOCKET)
		return name == SO_LINGER || name == SO_MAX_PACING_RATE;
	if (level == SOL_TCP)
		return name == TCP_CONGESTION || name == TCP_INFO || name == TCP_CC_INFO ||
		       name == TCP_FASTOPEN_KEY || name == TCP_MD5SIG || name == TCP_ULP;
	return false;
}

static int find_stored(const struct pd_file *f, int level, int name)
{
	int whose = f->type == SOCK_STREAM ? STREAM : DGRAM;

	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
		if (stored[i].level == level && stored[i].name == name && stored[i].whose & whose)
			return (int)i;
	}
	return -1;
}

int pd_stored(const struct pd_file *f, int level, int name)
{
	int i = find_stored(f, level, name);

	return i < 0 ? 0 : f->stored[i];
}

void pd_stored_default(struct pd_file *f)
{
	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++)
		f->stored[i] = stored[i].first;
}

/* ---- setting ---- */

static int set_timeout(struct pd_file *f, int name, const void *val, socklen_t len)
{
	struct timeval tv;
	uint64_t ns;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, val, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	ns = tv.tv_sec < 0 ? 1 : (uint64_t)tv.tv_sec * PD_SEC + (uint64_t)tv.tv_usec * PD_US;
	if (name == SO_RCVTIMEO || name == OPT_RCVTIMEO_NEW)
		f->rcvtimeo_ns = ns;
	else
		f->sndtimeo_ns = ns;
	return 0;
}

/* SO_SNDBUFFORCE and its like: the limit of the settings steps aside. */
static int set_forced(struct pd *pd, struct pd_file *f, int name, const void *val)
{
	bool rcv = name == SO_RCVBUFFORCE;
	const char *limit = rcv ? "net.core.rmem_max" : "net.core.wmem_max";
	int64_t was = rcv ? tapir_conf_of(pd->t)->rmem_max : tapir_conf_of(pd->t)->wmem_max;
	int err;

	tapir_sysctl(pd->t, limit, 0, INT_MAX / 2);
	err = tapir_setsockopt(pd->t, f->sock, SOL_SOCKET, rcv ? SO_RCVBUF : SO_SNDBUF, val,
			       sizeof(int));
	tapir_sysctl(pd->t, limit, 0, was);
	return err;
}

/* struct ip_mreq and ip_mreqn, and an interface by its address. */
static int set_group(struct pd *pd, struct pd_file *f, int name, const void *val, socklen_t len)
{
	struct ip_mreqn in = {.imr_ifindex = 0};
	struct tapir_mreq m = {.ifindex = 0};
	int ifindex;

	if (len < sizeof(struct in_addr) ||
	    (name != IP_MULTICAST_IF && len < sizeof(struct ip_mreq)))
		return -EINVAL;
	if (name == IP_MULTICAST_IF && len < sizeof(struct ip_mreq))
		memcpy(&in.imr_address, val, sizeof(in.imr_address));
	else
		memcpy(&in, val, len < sizeof(in) ? len : sizeof(in));
	m.group = tapir_addr_v4(ntohl(in.imr_multiaddr.s_addr));
	m.ifaddr = tapir_addr_v4(ntohl(in.imr_address.s_addr));
	m.ifindex = in.imr_ifindex;
	if (name != IP_MULTICAST_IF)
		return tapir_setsockopt(pd->t, f->sock, SOL_IP, name, &m, sizeof(m));
	ifindex = in.imr_ifindex || in.imr_address.s_addr ? pd->ifi : 0;
	return tapir_setsockopt(pd->t, f->sock, SOL_IP, name, &ifindex, sizeof(ifindex));
}

/* SO_TIMESTAMPING's bits: a stream's bytes can be counted only where there is a stream. */
static bool stamps_ok(struct pd *pd, const struct pd_file *f, int v)
{
	struct tapir_sock_info info = {0};

	if ((v & OPT_ID_TCP && !(v & SOF_TIMESTAMPING_OPT_ID)) ||
	    (v & SOF_TIMESTAMPING_OPT_STATS && !(v & SOF_TIMESTAMPING_OPT_TSONLY)))
		return false;
	if (!(v & SOF_TIMESTAMPING_OPT_ID) || f->type != SOCK_STREAM ||
	    pd_stored(f, SOL_SOCKET, SO_TIMESTAMPING) & SOF_TIMESTAMPING_OPT_ID)
		return true;
	return pd_sock_info(pd, f, &info) && info.state != TAPIR_TCP_CLOSED &&
	       info.state != TAPIR_TCP_LISTEN;
}

static int set_stored(struct pd *pd, struct pd_file *f, int i, int v)
{
	if (v < stored[i].min || v > stored[i].max)
		return -EINVAL;
	if (stored[i].level == SOL_SOCKET && stored[i].name == SO_TIMESTAMPING &&
	    !stamps_ok(pd, f, v))
		return -EINVAL;
	if (stored[i].level == SOL_SOCKET && stored[i].name == SO_TIMESTAMPING && v & BIND_PHC)
		return -EOPNOTSUPP; /* a clock of a device that there is not */
	/* It came and went: taken, and of no effect. */
	if (stored[i].level == SOL_TCP && stored[i].name == TCP_THIN_DUPACK)
		return 0;
	if (stored[i].level == SOL_SOCKET && stored[i].name == SO_TIMESTAMPING)
		pd_stamps_set(pd, f, (uint32_t)f->stored[i], (uint32_t)v);
	f->stored[i] = stored[i].flag ? v != 0 : v;
	return 0;
}

static int set_socket(struct pd *pd, struct pd_file *f, int name, const void *val, socklen_t len,
		      int v)
{
	int device;

	switch (name) {
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
	case OPT_RCVTIMEO_NEW:
	case OPT_SNDTIMEO_NEW:
		return set_timeout(f, name, val, len);
	case SO_RCVLOWAT:
		f->rcvlowat = v < 0 ? INT_MAX : v ? v : 1;
		/* More than half of the buffer would never be there. */
		if (f->type == SOCK_STREAM && f->rcvlowat > tapir_conf_of(pd->t)->tcp_rmem_max / 2)
			f->rcvlowat = (int)(tapir_conf_of(pd->t)->tcp_rmem_max / 2);
		return 0;
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		return set_forced(pd, f, name, val);
	case SO_BINDTODEVICE:
		device = len > 0 && *(const char *)val ? pd->ifi : 0;
		return tapir_setsockopt(pd->t, f->sock, SOL_SOCKET, name, &device, sizeof(device));
	default:
		return 1;
	}
}

static int set_option(struct pd *pd, struct pd_file *f, int level, int name, const void *val,
		      socklen_t len)
{
	bool group = level == SOL_IP && f->type == SOCK_DGRAM &&
		     (name == IP_MULTICAST_IF || name == IP_ADD_MEMBERSHIP ||
		      name == IP_DROP_MEMBERSHIP);
	int i, v = 0, r;

	if (group)
		return set_group(pd, f, name, val, len);
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return set_socket(pd, f, name, val, len, 0);
	if (level == SOL_SOCKET && name == SO_LINGER && f->type == SOCK_DGRAM) {
		if (len < sizeof(f->linger))
			return -EINVAL;
		memcpy(&f->linger, val, sizeof(f->linger));
		return 0;
	}
	/* What is longer is cut. */
	if (level == SOL_SOCKET && name == SO_LINGER && len > sizeof(f->linger))
		len = sizeof(f->linger);
	if (level == SOL_TCP && name == TCP_CONGESTION && len > CA_NAME_MAX - 1)
		len = CA_NAME_MAX - 1;
	/* Before the name is looked at, but for those that are a text or a key. */
	if (level == SOL_TCP && f->type == SOCK_STREAM && len < sizeof(v) &&
	    name != TCP_CONGESTION && name != TCP_FASTOPEN_KEY && name != TCP_ULP)
		return -EINVAL;
	if (is_struct(level, name))
		return tapir_setsockopt(pd->t, f->sock, level, name, val, len);
	/* An int; at level IP one byte will do. */
	if (len >= sizeof(v))
		memcpy(&v, val, sizeof(v));
	else if (level == SOL_IP) /* and of none it is 0 */
		v = len > 0 ? *(const uint8_t *)val : 0;
	else
		return -EINVAL;
	r = level == SOL_SOCKET ? set_socket(pd, f, name, val, len, v) : 1;
	if (r <= 0)
		return r;
	r = tapir_setsockopt(pd->t, f->sock, level, name, &v, sizeof(v));
	/* Nobody here may repair: as Linux to who lacks the right. */
	if (level == SOL_TCP && f->type == SOCK_STREAM &&
	    (name == TCP_REPAIR || name == TCP_REPAIR_QUEUE || name == TCP_REPAIR_WINDOW))
		return -EPERM;
	i = r == -ENOPROTOOPT ? find_stored(f, level, name) : -1;
	return i < 0 ? r : set_stored(pd, f, i, v);
}

static bool known_level(const struct pd_file *f, int level)
{
	return level == SOL_SOCKET || level == SOL_IP ||
	       (level == SOL_TCP && f->type == SOCK_STREAM) ||
	       (level == SOL_IPV6 && f->family == AF_INET6);
}

/* How many bytes of a value of len the kernel reads; 0: it says what is wrong without. */
static size_t value_size(int level, int name, size_t len)
{
	if (level == SOL_TCP && name == TCP_CONGESTION)
		return len < CA_NAME_MAX ? len : CA_NAME_MAX - 1;
	if (level == SOL_TCP && name == TCP_FASTOPEN_KEY)
		return len == 16 || len == 32 ? len : 0;
	if (level == SOL_SOCKET && name == SO_LINGER && len >= sizeof(struct linger))
		return sizeof(struct linger);
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO) &&
	    len >= sizeof(struct timeval))
		return sizeof(struct timeval);
	if (level == SOL_IP && name <= IP_LAST && len < sizeof(int))
		return len > 0;
	if (level == SOL_SOCKET || level == SOL_TCP || (level == SOL_IP && name <= IP_LAST))
		return len < sizeof(int) ? 0 : sizeof(int);
	return 0;
}

/* With the value fetched: as much of it as there may be. */
static int set_option_in(struct pd *pd, struct pd_file *f, int level, int name, const void *val,
			 socklen_t len)
{
	uint8_t here[VALUE_MAX] = {0};
	size_t n = len < sizeof(here) ? len : sizeof(here);
	size_t need = value_size(level, name, n);

	if (!pd_user_readable(val, n)) {
		if (!pd_user_readable(val, need))
			return -EFAULT;
		n = need;
	}
	if (n > 0)
		memcpy(here, val, n);
	return set_option(pd, f, level, name, here, len);
}

int pd_setsockopt(void *u, int fd, int level, int name, const void *val, socklen_t len)
{
	struct pd *pd = u;
	struct pd_file *f;
	int r = -1;

	pd_enter(pd);
	f = pd_sock_get(pd, fd);
	if (f && (int)len < 0)
		r = (int)pd_ret(-EINVAL);
	else if (f && !known_level(f, level))
		r = (int)pd_ret(-ENOPROTOOPT);
	else if (f)
		r = (int)pd_ret(set_option_in(pd, f, level, name, val, len));
	pd_leave(pd);
	return r;
}

/* ---- asking ---- */

static int get_timeout(const struct pd_file *f, int name, void *out, size_t *len)
{
	bool rcv = name == SO_RCVTIMEO || name == OPT_RCVTIMEO_NEW;
	uint64_t ns = rcv ? f->rcvtimeo_ns : f->sndtimeo_ns;
	struct timeval tv = {.tv_sec = (time_t)(ns / PD_SEC),
			     .tv_usec = (suseconds_t)(ns % PD_SEC / PD_US)};

	memcpy(out, &tv, sizeof(tv));
	*len = sizeof(tv);
	return 0;
}

static int get_int(void *out, size_t *len, int v)
{
	memcpy(out, &v, sizeof(v));
	*len = sizeof(v);
	return 0;
}

/* What the stack does not have, into `out` of VALUE_MAX bytes. */
static int get_ours(struct pd *pd, struct pd_file *f, int level, int name, void *out, size_t *len)
{
	int i = find_stored(f, level, name), device = 0;
	size_t n = sizeof(device);

	if (level == SOL_SOCKET) {
		switch (name) {
		case SO_RCVTIMEO:
		case SO_SNDTIMEO:
		case OPT_RCVTIMEO_NEW:
		case OPT_SNDTIMEO_NEW:
			return get_timeout(f, name, out, len);
		case SO_RCVLOWAT:
			return get_int(out, len, f->rcvlowat);
		case SO_LINGER:
			if (f->type != SOCK_DGRAM)
				break;
			memcpy(out, &f->linger, sizeof(f->linger));
			*len = sizeof(f->linger);
			return 0;
		case SO_SNDLOWAT:
			return get_int(out, len, 1);
		case SO_TIMESTAMPING: /* and which clock: none */
			memset(out, 0, 8);
			get_int(out, len, pd_stored(f, level, name));
			*len = 8;
			return 0;
		case SO_DOMAIN:
			return get_int(out, len, f->family);
		case SO_BINDTODEVICE:
			tapir_getsockopt(pd->t, f->sock, level, name, &device, &n);
			*len = device ? strlen("packetdrill0") + 1 : 0;
			memcpy(out, "packetdrill0", *len);
			return 0;
		default:
			break;
		}
	}
	if (level == SOL_IP && name == IP_OPTIONS) {
		*len = 0;
		return 0;
	}
	/* Linux's own word of a datagram socket's TCP options. */
	if (level == SOL_TCP && f->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	return i < 0 ? -ENOPROTOOPT : get_int(out, len, f->stored[i]);
}

static int get_option(struct pd *pd, struct pd_file *f, int level, int name, void *val,
		      socklen_t *len)
{
	uint8_t out[VALUE_MAX];
	size_t n = sizeof(out);
	int r = get_ours(pd, f, level, name, out, &n), v;

	if (r == -ENOPROTOOPT || (r == 0 && n == sizeof(v) && find_stored(f, level, name) >= 0)) {
		size_t m = sizeof(out);
		int own = r;
		uint8_t theirs[VALUE_MAX];

		/* Asked first where both could know. */
		r = tapir_getsockopt(pd->t, f->sock, level, name, theirs, &m);
		/* What of it is ours stands behind Linux's: for who asks for more than that. */
		if (r == 0) {
			memcpy(out, theirs, m);
			n = m;
		} else if (r == -ENOPROTOOPT) {
			r = own;
		}
	}
	if (r < 0)
		return r;
	memcpy(&v, out, sizeof(v));
	/* A small number at level IP fits into the byte that is asked for. */
	if (level == SOL_IP && n == sizeof(v) && *len > 0 && *len < sizeof(v) && v >= 0 &&
	    v <= 255) {
		out[0] = (uint8_t)v;
		n = 1;
	}
	if (n > *len)
		n = *len;
	/* The protocols tell the length first, whatever becomes of the value; a socket last. */
	if (level == SOL_SOCKET && !pd_user_writable(val, n))
		return -EFAULT;
	if (!pd_user_writable(len, sizeof(*len)))
		return -EFAULT;
	*len = (socklen_t)n;
	if (!pd_user_writable(val, n))
		return -EFAULT;
	if (n > 0)
		memcpy(val, out, n);
	return 0;
}

int pd_getsockopt(void *u, int fd, int level, int name, void *val, socklen_t *len)
{
	struct pd *pd = u;
	struct pd_file *f;
	int r = -1;

	pd_enter(pd);
	f = pd_sock_get(pd, fd);
	if (f && !known_level(f, level))
		r = (int)pd_ret(-EOPNOTSUPP);
	else if (f && !pd_user_readable(len, sizeof(*len)))
		r = (int)pd_ret(-EFAULT);
	else if (f && (int)*len < 0)
		r = (int)pd_ret(-EINVAL);
	else if (f)
		r = (int)pd_ret(get_option(pd, f, level, name, val, len));
	pd_leave(pd);
	return r;
}
