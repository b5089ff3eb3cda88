/*
 * Socket options.
 *
 * Numbers, names and meanings are Linux's; sizes are exact and values in range, or the answer is
 * -EINVAL; what a kind of socket has no use for is unknown to it (-ENOPROTOOPT), so that nothing is
 * ignored in silence. They may be set in any state (FR-01). An option is set in three places: flags and numbers of a datagram socket, struct
 * tcp_opt of a connection, and that of a listener, whose connections inherit it.
 *
 * Each level has a function to set and one to get; both are flat switches over the option's number.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "stack/sock/sock.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_user.h"
#include "stack/udp/udp.h"

/* Linux's smallest buffers (SOCK_MIN_RCVBUF, SOCK_MIN_SNDBUF), and limits of TCP's options. */
enum {
	RCVBUF_MIN = 2304,
	SNDBUF_MIN = 4608,
	MAXSEG_MIN = 88,
	MAXSEG_MAX = 32767,
	KEEP_MAX_S = 32767,
	COUNT_MAX = 127,
	LINGER2_MAX_S = 120,
	RTO_MAX_MIN_MS = 1000,
	RTO_MAX_MAX_MS = 120000,
	TICKS_MAX_US = 200000,
};

/* A socket taken apart: exactly one of udp and opt is set; conn only for a connection. */
struct target {
	struct tapir *t;
	struct sock *s;
	struct udp_sock *udp;
	struct tcp_opt *opt;
	struct tcp_conn *conn;
};

static int target_of(struct tapir *t, tapir_sock_t h, struct target *o)
{
	*o = (struct target){.t = t, .s = sock_find(t, h)};
	if (!o->s)
		return -EBADF;
	switch ((enum sock_kind)o->s->kind) {
	case SOCK_UDP:
		o->udp = o->s->u.udp;
		TAPIR_ASSERT(o->udp);
		return 0;
	case SOCK_TCP:
		o->conn = o->s->u.conn;
		TAPIR_ASSERT(o->conn);
		o->opt = &o->conn->opt;
		return 0;
	case SOCK_LISTEN:
		o->opt = tcp_listener_opt(o->s->u.listener);
		TAPIR_ASSERT(o->opt);
		return 0;
	case SOCK_FREE:
		break;
	}
	return -EBADF;
}

/* An int option's value, at its exact size and within limits. */
static int get_int(const void *val, size_t len, int min, int max, int *out)
{
	if (len != sizeof(*out))
		return -EINVAL;
	memcpy(out, val, sizeof(*out));
	return *out < min || *out > max ? -EINVAL : 0;
}

static void set_flag16(uint16_t *flags, uint16_t bit, int on)
{
	*flags = (uint16_t)(on ? *flags | bit : *flags & ~bit);
}

/* A flag that datagram sockets and TCP both have (0: not this one). */
static int set_flag(struct target *o, const void *val, size_t len, uint16_t udp, uint16_t tcp)
{
	int v, err;

	if (o->udp ? udp == 0 : tcp == 0)
		return -ENOPROTOOPT;
	err = get_int(val, len, INT_MIN, INT_MAX, &v);
	if (err)
		return err;
	if (o->udp)
		set_flag16(&o->udp->flags, udp, v);
	else
		set_flag16(&o->opt->flags, tcp, v);
	return 0;
}

static int set_buffer(struct target *o, bool rcv, const void *val, size_t len)
{
	const struct tapir_conf *conf = &o->t->conf;
	int64_t max = rcv ? conf->rmem_max : conf->wmem_max;
	int64_t min = rcv ? RCVBUF_MIN : SNDBUF_MIN;
	int v, err = get_int(val, len, INT_MIN, INT_MAX, &v);
	uint32_t twice;

	if (err)
		return err;
	/* As Linux: cut to the largest allowed, a negative one too, then doubled for overhead. */
	if (v < 0 || v > max)
		v = (int)max;
	twice = (uint32_t)v * 2;
	if (twice < min)
		twice = (uint32_t)min;
	if (o->udp && rcv)
		o->udp->rcvbuf = twice;
	else if (o->udp)
		udp_set_sndbuf(o->t, o->udp, twice);
	else if (rcv)
		o->opt->rcvbuf = twice / 2;
	else
		o->opt->sndbuf = twice / 2;
	return 0;
}

static int set_device(struct target *o, const void *val, size_t len)
{
	int v, err = get_int(val, len, 0, NETIF_MAX, &v);

	if (err)
		return err;
	if (v != 0 && !netif_get(o->t, v))
		return -ENODEV;
	if (o->udp)
		return udp_bind_device(o->t, o->udp, v);
	TAPIR_ASSERT(o->opt);
	/* A connection that is under way goes where it goes. */
	if (o->conn && o->conn->ep.state != TAPIR_TCP_CLOSED)
		return -EISCONN;
	o->opt->ifindex = (uint16_t)v;
	return 0;
}

static int set_linger(struct target *o, const void *val, size_t len)
{
	struct tapir_linger l;

	if (!o->opt)
		return -ENOPROTOOPT;
	if (len != sizeof(l))
		return -EINVAL;
	memcpy(&l, val, sizeof(l));
	if (l.onoff && l.linger < 0)
		return -EINVAL;
	o->opt->linger_s = l.onoff ? l.linger : -1;
	return 0;
}

/* Bytes a second, 32 bits of them or 64; all ones: as fast as may be. */
static int set_pacing_rate(struct target *o, const void *val, size_t len)
{
	uint32_t narrow;
	uint64_t rate;

	if (!o->opt)
		return -ENOPROTOOPT;
	if (len == sizeof(narrow)) {
		memcpy(&narrow, val, sizeof(narrow));
		rate = narrow == UINT32_MAX ? UINT64_MAX : narrow;
	} else if (len == sizeof(rate)) {
		memcpy(&rate, val, sizeof(rate));
	} else {
		return -EINVAL;
	}
	/* Of a rate of 0 nothing would ever leave: as slow as can be. */
	o->opt->max_pacing_rate = rate == UINT64_MAX ? 0 : max_u64(rate, 1);
	return 0;
}

static int set_socket(struct target *o, int name, const void *val, size_t len)
{
	int r;

	switch (name) {
	case TAPIR_SO_REUSEADDR:
		r = set_flag(o, val, len, UDP_REUSEADDR, TCP_O_REUSEADDR);
		if (r == 0 && o->conn)
			tcp_user_reuse_changed(o->t, o->conn);
		return r;
	case TAPIR_SO_REUSEPORT:
		return set_flag(o, val, len, UDP_REUSEPORT, TCP_O_REUSEPORT);
	case TAPIR_SO_DONTROUTE:
		return set_flag(o, val, len, UDP_DONTROUTE, TCP_O_DONTROUTE);
	case TAPIR_SO_BROADCAST:
		return set_flag(o, val, len, UDP_BROADCAST, 0);
	case TAPIR_SO_KEEPALIVE:
		return set_flag(o, val, len, 0, TCP_O_KEEPALIVE);
	case TAPIR_SO_OOBINLINE:
		return set_flag(o, val, len, 0, TCP_O_OOBINLINE);
	case TAPIR_SO_SNDBUF:
		return set_buffer(o, false, val, len);
	case TAPIR_SO_RCVBUF:
		return set_buffer(o, true, val, len);
	case TAPIR_SO_LINGER:
		return set_linger(o, val, len);
	case TAPIR_SO_BINDTODEVICE:
		return set_device(o, val, len);
	case TAPIR_SO_MAX_PACING_RATE:
		return set_pacing_rate(o, val, len);
	default:
		/* SO_TYPE, SO_ERROR and their like too: Linux refuses to set them with this. */
		return -ENOPROTOOPT;
	}
}

static int set_membership(struct target *o, bool join, const void *val, size_t len)
{
	struct tapir_mreq m;
	int ifindex;

	if (len != sizeof(m))
		return -EINVAL;
	memcpy(&m, val, sizeof(m));
	if (!tapir_addr_is_v4(&m.group) || !tapir_addr_is_v4(&m.ifaddr))
		return -EINVAL;
	ifindex = m.ifindex;
	if (ifindex == 0 && !tapir_addr_is_any(&m.ifaddr)) {
		const struct netif *ifp = netif_by_addr(o->t, tapir_addr_to_v4(&m.ifaddr));

		if (!ifp)
			return -ENODEV;
		ifindex = ifp->ifindex;
	}
	if (join)
		return udp_join(o->t, o->udp, tapir_addr_to_v4(&m.group), ifindex);
	return udp_leave(o->t, o->udp, tapir_addr_to_v4(&m.group), ifindex);
}

/* Options of IP that only datagram sockets have. */
static int set_ip_udp(struct target *o, int name, const void *val, size_t len)
{
	struct udp_sock *u = o->udp;
	int v, err = 0;

	switch (name) {
	case TAPIR_IP_RECVERR:
		return set_flag(o, val, len, UDP_RECVERR, 0);
	case TAPIR_IP_MULTICAST_LOOP:
		return set_flag(o, val, len, UDP_MCAST_LOOP, 0);
	case TAPIR_IP_NOFRAG:
		return set_flag(o, val, len, UDP_NOFRAG, 0);
	case TAPIR_IP_MTU_DISCOVER:
		err = get_int(val, len, TAPIR_PMTUDISC_DONT, TAPIR_PMTUDISC_PROBE, &v);
		if (!err)
			u->pmtudisc = (uint8_t)v;
		return err;
	case TAPIR_IP_MULTICAST_TTL:
		/* Linux takes 0 (this host only) as well; we refuse what we would not do. */
		err = get_int(val, len, -1, 255, &v);
		if (!err && v == 0)
			err = -EINVAL;
		if (!err)
			u->mcast_ttl = (uint8_t)(v < 0 ? 1 : v);
		return err;
	case TAPIR_IP_MULTICAST_IF:
		err = get_int(val, len, 0, NETIF_MAX, &v);
		if (!err && v != 0 && !netif_get(o->t, v))
			err = -ENODEV;
		if (!err)
			u->mcast_ifindex = (uint16_t)v;
		return err;
	case TAPIR_IP_ADD_MEMBERSHIP:
		return set_membership(o, true, val, len);
	case TAPIR_IP_DROP_MEMBERSHIP:
		return set_membership(o, false, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

/* Options of IP that only streams have, or have with other values. */
static int set_ip_tcp(struct target *o, int name, const void *val, size_t len)
{
	int v, err;

	switch (name) {
	case TAPIR_IP_RECVERR:
		return set_flag(o, val, len, 0, TCP_O_RECVERR);
	case TAPIR_IP_MTU_DISCOVER:
		err = get_int(val, len, TAPIR_PMTUDISC_DONT, TAPIR_PMTUDISC_OMIT, &v);
		if (!err)
			o->opt->pmtudisc = (uint8_t)(v + 1);
		return err;
	case TAPIR_IP_MINTTL:
		err = get_int(val, len, 0, 255, &v);
		if (!err)
			o->opt->min_ttl = (uint8_t)v;
		return err;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_ip(struct target *o, int name, const void *val, size_t len)
{
	int v, err;

	switch (name) {
	case TAPIR_IP_TOS:
		/* As Linux: of a larger number the low byte counts. */
		err = get_int(val, len, INT_MIN, INT_MAX, &v);
		if (err)
			return err;
		/* TCP's two ECN bits are its own (RFC 3168 6.1). */
		if (o->udp)
			o->udp->tos = (uint8_t)v;
		else
			o->opt->tos = (uint8_t)(v & ~3);
		return 0;
	case TAPIR_IP_TTL:
		err = get_int(val, len, -1, 255, &v);
		if (err || v == 0)
			return -EINVAL;
		if (o->udp)
			o->udp->ttl = (uint8_t)(v < 0 ? 0 : v);
		else
			o->opt->ttl = (uint8_t)(v < 0 ? 0 : v);
		return 0;
	default:
		return o->udp ? set_ip_udp(o, name, val, len) : set_ip_tcp(o, name, val, len);
	}
}

static int set_congestion(struct target *o, const void *val, size_t len)
{
	char name[TCP_CC_NAME_MAX] = {0};
	const struct tcp_cc_ops *ops;

	if (len == 0 || len > sizeof(name))
		return -EINVAL;
	memcpy(name, val, len);
	if (name[TCP_CC_NAME_MAX - 1] != '\0')
		return -EINVAL;
	ops = tcp_cc_find(name, o->t->conf.tcp_cubic);
	if (!ops)
		return -ENOENT;
	if (o->conn)
		tcp_cc_switch(&o->conn->cc, ops, tcp_conn_smss(o->conn));
	else
		*tcp_listener_cc(o->s->u.listener) = ops;
	return 0;
}

static int set_tcp_int(struct tcp_opt *opt, int name, const void *val, size_t len)
{
	int v, err;

	switch (name) {
	case TAPIR_TCP_MAXSEG:
		err = get_int(val, len, 0, MAXSEG_MAX, &v);
		if (!err && v != 0 && v < MAXSEG_MIN)
			err = -EINVAL;
		if (!err)
			opt->maxseg = (uint16_t)v;
		return err;
	case TAPIR_TCP_KEEPIDLE:
		err = get_int(val, len, 1, KEEP_MAX_S, &v);
		if (!err)
			opt->keepidle_s = (uint16_t)v;
		return err;
	case TAPIR_TCP_KEEPINTVL:
		err = get_int(val, len, 1, KEEP_MAX_S, &v);
		if (!err)
			opt->keepintvl_s = (uint16_t)v;
		return err;
	case TAPIR_TCP_KEEPCNT:
		err = get_int(val, len, 1, COUNT_MAX, &v);
		if (!err)
			opt->keepcnt = (uint8_t)v;
		return err;
	case TAPIR_TCP_SYNCNT:
		err = get_int(val, len, 1, COUNT_MAX, &v);
		if (!err)
			opt->syncnt = (uint8_t)v;
		return err;
	case TAPIR_TCP_LINGER2:
		err = get_int(val, len, INT_MIN, INT_MAX, &v);
		if (!err)
			opt->linger2_s = (int16_t)(v < 0	       ? -1
						   : v > LINGER2_MAX_S ? LINGER2_MAX_S
								       : v);
		return err;
	case TAPIR_TCP_USER_TIMEOUT:
		err = get_int(val, len, 0, INT_MAX, &v);
		if (!err)
			opt->user_timeout_ms = (uint32_t)v;
		return err;
	case TAPIR_TCP_RTO_MAX_MS:
		err = get_int(val, len, RTO_MAX_MIN_MS, RTO_MAX_MAX_MS, &v);
		if (!err)
			opt->rto_max_ms = (uint32_t)v;
		return err;
	case TAPIR_TCP_RTO_MIN_US:
	case TAPIR_TCP_DELACK_MAX_US:
		/* As Linux of 1000 ticks a second: above one of them, to 200, and rounded up. */
		err = get_int(val, len, 1001, TICKS_MAX_US, &v);
		if (!err && name == TAPIR_TCP_RTO_MIN_US)
			opt->rto_min_ms = (uint8_t)((v + 999) / 1000);
		else if (!err)
			opt->delack_max_ms = (uint8_t)((v + 999) / 1000);
		return err;
	case TAPIR_TCP_NOTSENT_LOWAT:
		err = get_int(val, len, INT_MIN, INT_MAX, &v);
		if (!err)
			opt->notsent_lowat = (uint32_t)v;
		return err;
	default:
		return -ENOPROTOOPT;
	}
}

/* What opts_open.c needs to know. */
static struct open_target open_target(const struct target *o)
{
	return (struct open_target){.t = o->t,
				    .opt = o->opt,
				    .conn = o->conn,
				    .l = o->s->kind == SOCK_LISTEN ? o->s->u.listener : NULL};
}

static int set_open(struct target *o, int name, const void *val, size_t len)
{
	struct open_target to = open_target(o);

	return sock_set_open_opt(&to, name, val, len);
}

static int set_tcp(struct target *o, int name, const void *val, size_t len)
{
	int v, err;
	uint16_t had;

	if (!o->opt)
		return -ENOPROTOOPT;
	switch (name) {
	case TAPIR_TCP_NODELAY:
		err = set_flag(o, val, len, 0, TCP_O_NODELAY);
		if (!err && o->conn && o->opt->flags & TCP_O_NODELAY)
			tcp_user_push(o->t, o->conn);
		return err;
	case TAPIR_TCP_CORK:
		return set_flag(o, val, len, 0, TCP_O_CORK);
	case TAPIR_TCP_QUICKACK:
		err = get_int(val, len, INT_MIN, INT_MAX, &v);
		if (err)
			return err;
		set_flag16(&o->opt->flags, TCP_O_QUICKACK_OFF, !v);
		if (o->conn)
			tcp_rcv_set_quickack(o->t, o->conn, v);
		return 0;
	case TAPIR_TCP_CONGESTION:
		return set_congestion(o, val, len);
	case TAPIR_TCP_MAXSEG:
		/* As Linux: the SYNs agree on it, and what comes later changes nothing. */
		had = o->opt->maxseg;
		err = set_tcp_int(o->opt, name, val, len);
		if (o->conn && tcp_state_synchronized(o->conn->ep.state))
			o->opt->maxseg = had;
		return err;
	default:
		err = set_tcp_int(o->opt, name, val, len);
		return err == -ENOPROTOOPT ? set_open(o, name, val, len) : err;
	}
}

int sock_setopt(struct tapir *t, tapir_sock_t h, int level, int name, const void *val, size_t len)
{
	struct target o;
	int err = target_of(t, h, &o);

	if (err)
		return err;
	if (!val)
		return -EFAULT;
	switch (level) {
	case TAPIR_SOL_SOCKET:
		err = set_socket(&o, name, val, len);
		break;
	case TAPIR_SOL_IP:
		err = set_ip(&o, name, val, len);
		break;
	case TAPIR_SOL_TCP:
		err = set_tcp(&o, name, val, len);
		break;
	default:
		return -ENOPROTOOPT;
	}
	if (err == 0 && o.conn)
		tcp_user_opt_changed(t, o.conn);
	return err;
}

/* ---- get: the value, or an errno; *v is an int's ---- */

static bool flag_of(const struct target *o, uint16_t udp, uint16_t tcp)
{
	return o->udp ? (o->udp->flags & udp) != 0 : (o->opt->flags & tcp) != 0;
}

/* SO_ERROR: what is pending, cleared by being read. */
static int take_error(struct target *o)
{
	int v = 0;

	if (o->udp) {
		v = o->udp->err;
		o->udp->err = 0;
	} else if (o->conn) {
		v = o->conn->err;
		o->conn->err = 0;
		/* As Linux: what ICMP said meanwhile is better than nothing. */
		if (v == 0) {
			v = o->conn->soft_err;
			o->conn->soft_err = 0;
		}
	}
	return v;
}

static int get_buffer(const struct target *o, bool rcv)
{
	const struct tapir_conf *conf = &o->t->conf;
	uint32_t set;

	if (o->udp)
		return (int)(rcv ? o->udp->rcvbuf : o->udp->sndbuf);
	set = rcv ? o->opt->rcvbuf : o->opt->sndbuf;
	if (set)
		return (int)(set * 2);
	if (!rcv && o->conn && tcp_state_synchronized(o->conn->ep.state))
		return (int)tcp_snd_shown(o->t, o->conn);
	return (int)(rcv ? conf->tcp_rmem_default : conf->tcp_wmem_default);
}

/* Bytes that wait in the socket, and of those to be sent the ones that were not sent yet. */
static void queues(const struct target *o, uint32_t *in, uint32_t *out, uint32_t *unsent)
{
	*in = *out = *unsent = 0;
	if (o->udp)
		udp_queues(o->udp, in, out);
	else if (o->conn)
		tcp_user_queued(o->conn, in, out, unsent);
}

/* Linux's SIOCINQ, SIOCOUTQ, SIOCOUTQNSD. */
static int get_queue(const struct target *o, int name, int *v)
{
	uint32_t in, out, unsent;

	if (name != TAPIR_SO_INQ && name != TAPIR_SO_OUTQ && name != TAPIR_SO_OUTQNSD)
		return -ENOPROTOOPT;
	if (o->s->kind == SOCK_LISTEN)
		return -EINVAL; /* as Linux */
	queues(o, &in, &out, &unsent);
	if (o->udp && name != TAPIR_SO_OUTQ)
		return -ENOPROTOOPT;
	*v = (int)(name == TAPIR_SO_INQ ? in : name == TAPIR_SO_OUTQ ? out : unsent);
	return 0;
}

static int get_socket(struct target *o, int name, int *v)
{
	switch (name) {
	case TAPIR_SO_REUSEADDR:
		*v = flag_of(o, UDP_REUSEADDR, TCP_O_REUSEADDR);
		return 0;
	case TAPIR_SO_REUSEPORT:
		*v = flag_of(o, UDP_REUSEPORT, TCP_O_REUSEPORT);
		return 0;
	case TAPIR_SO_DONTROUTE:
		*v = flag_of(o, UDP_DONTROUTE, TCP_O_DONTROUTE);
		return 0;
	case TAPIR_SO_BROADCAST:
		*v = flag_of(o, UDP_BROADCAST, 0);
		return o->udp ? 0 : -ENOPROTOOPT;
	case TAPIR_SO_KEEPALIVE:
		*v = flag_of(o, 0, TCP_O_KEEPALIVE);
		return o->udp ? -ENOPROTOOPT : 0;
	case TAPIR_SO_OOBINLINE:
		*v = flag_of(o, 0, TCP_O_OOBINLINE);
		return o->udp ? -ENOPROTOOPT : 0;
	case TAPIR_SO_TYPE:
		*v = o->udp ? TAPIR_DGRAM : TAPIR_STREAM;
		return 0;
	case TAPIR_SO_PROTOCOL:
		*v = !o->udp			  ? TAPIR_IPPROTO_TCP
		     : (o->udp->flags & UDP_ECHO) ? TAPIR_IPPROTO_ICMP
						  : TAPIR_IPPROTO_UDP;
		return 0;
	case TAPIR_SO_DOMAIN:
		*v = TAPIR_AF_INET;
		return 0;
	case TAPIR_SO_ACCEPTCONN:
		*v = o->s->kind == SOCK_LISTEN;
		return 0;
	case TAPIR_SO_ERROR:
		*v = take_error(o);
		return 0;
	case TAPIR_SO_SNDBUF:
		*v = get_buffer(o, false);
		return 0;
	case TAPIR_SO_RCVBUF:
		*v = get_buffer(o, true);
		return 0;
	case TAPIR_SO_BINDTODEVICE:
		*v = o->udp ? o->udp->ifindex : o->opt->ifindex;
		return 0;
	default:
		return get_queue(o, name, v);
	}
}

/* The MTU of the path to a connected peer. */
static int get_mtu(const struct target *o, int *v)
{
	uint32_t dst, src;
	struct route rt;
	int err, ifindex;

	if (o->udp) {
		if (!(o->udp->flags & UDP_CONNECTED))
			return -ENOTCONN;
		dst = o->udp->raddr;
		src = o->udp->laddr;
		ifindex = o->udp->ifindex;
	} else {
		if (!o->conn || tapir_addr_is_any(&o->conn->ep.tuple.raddr) ||
		    o->conn->ep.state == TAPIR_TCP_CLOSED)
			return -ENOTCONN;
		dst = tapir_addr_to_v4(&o->conn->ep.tuple.raddr);
		src = tapir_addr_to_v4(&o->conn->ep.tuple.laddr);
		ifindex = o->opt->ifindex;
	}
	err = route_lookup(o->t, dst, src, ifindex, &rt);
	*v = err ? 0 : (int)rt.mtu;
	return err;
}

static int get_ip(const struct target *o, int name, int *v)
{
	uint8_t ttl = o->udp ? o->udp->ttl : o->opt->ttl;

	switch (name) {
	case TAPIR_IP_TOS:
		*v = o->udp ? o->udp->tos : o->opt->tos;
		return 0;
	case TAPIR_IP_TTL:
		*v = ttl ? ttl : (int)o->t->conf.ip_default_ttl;
		return 0;
	case TAPIR_IP_MTU:
		return get_mtu(o, v);
	default:
		break;
	}
	if (!o->udp && name == TAPIR_IP_MINTTL) {
		*v = o->opt->min_ttl;
		return 0;
	}
	if (!o->udp && name == TAPIR_IP_RECVERR) {
		*v = flag_of(o, 0, TCP_O_RECVERR);
		return 0;
	}
	if (!o->udp && name == TAPIR_IP_MTU_DISCOVER) {
		*v = (int)tcp_pmtu_mode(o->t, o->opt->pmtudisc);
		return 0;
	}
	if (!o->udp)
		return -ENOPROTOOPT;
	switch (name) {
	case TAPIR_IP_RECVERR:
		*v = flag_of(o, UDP_RECVERR, 0);
		return 0;
	case TAPIR_IP_MULTICAST_LOOP:
		*v = flag_of(o, UDP_MCAST_LOOP, 0);
		return 0;
	case TAPIR_IP_NOFRAG:
		*v = flag_of(o, UDP_NOFRAG, 0);
		return 0;
	case TAPIR_IP_MTU_DISCOVER:
		*v = o->udp->pmtudisc;
		return 0;
	case TAPIR_IP_MULTICAST_TTL:
		*v = o->udp->mcast_ttl;
		return 0;
	case TAPIR_IP_MULTICAST_IF:
		*v = o->udp->mcast_ifindex;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_tcp(const struct target *o, int name, int *v)
{
	const struct tapir_conf *conf = &o->t->conf;
	const struct tcp_opt *opt = o->opt;

	switch (name) {
	case TAPIR_TCP_NODELAY:
		*v = flag_of(o, 0, TCP_O_NODELAY);
		return 0;
	case TAPIR_TCP_CORK:
		*v = flag_of(o, 0, TCP_O_CORK);
		return 0;
	case TAPIR_TCP_QUICKACK:
		*v = o->conn && o->conn->ep.state != TAPIR_TCP_CLOSED
			     ? tcp_rcv_quickack_on(o->t, o->conn)
			     : !flag_of(o, 0, TCP_O_QUICKACK_OFF);
		return 0;
	case TAPIR_TCP_MAXSEG:
		/* As Linux: what is in force, before a connection what was asked for. */
		if (o->conn && tcp_state_synchronized(o->conn->ep.state))
			*v = (int)tcp_conn_smss(o->conn); /* and less timestamps */
		else
			*v = opt->maxseg ? opt->maxseg : TCP_MSS_DEFAULT;
		return 0;
	case TAPIR_TCP_KEEPIDLE:
		*v = opt->keepidle_s ? opt->keepidle_s : (int)conf->tcp_keepalive_time_s;
		return 0;
	case TAPIR_TCP_KEEPINTVL:
		*v = opt->keepintvl_s ? opt->keepintvl_s : (int)conf->tcp_keepalive_intvl_s;
		return 0;
	case TAPIR_TCP_KEEPCNT:
		*v = opt->keepcnt ? opt->keepcnt : (int)conf->tcp_keepalive_probes;
		return 0;
	case TAPIR_TCP_SYNCNT:
		*v = opt->syncnt ? opt->syncnt : (int)conf->tcp_syn_retries;
		return 0;
	case TAPIR_TCP_LINGER2:
		*v = opt->linger2_s ? opt->linger2_s : (int)conf->tcp_fin_timeout_s;
		return 0;
	case TAPIR_TCP_USER_TIMEOUT:
		*v = (int)opt->user_timeout_ms;
		return 0;
	case TAPIR_TCP_RTO_MAX_MS:
		*v = (int)(tcp_rto_max_us(o->t, opt) / 1000);
		return 0;
	case TAPIR_TCP_RTO_MIN_US:
		*v = (int)tcp_rto_min_us(o->t, opt);
		return 0;
	case TAPIR_TCP_DELACK_MAX_US:
		*v = opt->delack_max_ms ? opt->delack_max_ms * 1000 : TCP_DELACK_MAX_US;
		return 0;
	case TAPIR_TCP_NOTSENT_LOWAT:
		*v = (int)opt->notsent_lowat;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* Copies what fits of a struct; as Linux, a caller built against an older one gets its beginning. */
static int put_struct(const void *src, size_t size, void *val, size_t *len)
{
	if (*len == 0)
		return -EINVAL;
	*len = min_size(*len, size);
	memcpy(val, src, *len);
	return 0;
}

static int get_info(const struct target *o, void *val, size_t *len)
{
	struct tapir_tcp_info info;

	memset(&info, 0, sizeof(info));
	if (o->conn)
		tcp_user_info(o->t, o->conn, &info);
	else
		tcp_listener_info(o->t, o->s->u.listener, &info);
	return put_struct(&info, sizeof(info), val, len);
}

/* Nothing: neither algorithm has anything to tell, as in Linux, where a length of 0 is the answer. */
static int get_cc_info(size_t *len)
{
	*len = 0;
	return 0;
}

static int get_pacing_rate(const struct target *o, void *val, size_t *len)
{
	uint64_t rate;
	uint32_t narrow;

	if (!o->opt)
		return -ENOPROTOOPT;
	rate = o->opt->max_pacing_rate ? o->opt->max_pacing_rate : UINT64_MAX;
	if (*len >= sizeof(rate))
		return put_struct(&rate, sizeof(rate), val, len);
	narrow = (uint32_t)min_u64(rate, UINT32_MAX);
	if (*len < sizeof(narrow))
		return -EINVAL;
	return put_struct(&narrow, sizeof(narrow), val, len);
}

static int get_meminfo(const struct target *o, void *val, size_t *len)
{
	uint32_t m[TAPIR_MEMINFO_VARS] = {0}, unsent;

	queues(o, &m[TAPIR_MEMINFO_RMEM_ALLOC], &m[TAPIR_MEMINFO_WMEM_QUEUED], &unsent);
	/* Of a stream what waits to be read and acknowledged is what Linux would charge for it, as SO_RCVBUF is. */
	if (o->conn) {
		m[TAPIR_MEMINFO_WMEM_ALLOC] = m[TAPIR_MEMINFO_WMEM_QUEUED] - unsent;
		m[TAPIR_MEMINFO_RMEM_ALLOC] = tcp_rcv_charged(o->conn);
		m[TAPIR_MEMINFO_WMEM_QUEUED] = tcp_snd_charged(o->t, o->conn);
	}
	m[TAPIR_MEMINFO_RCVBUF] = (uint32_t)get_buffer(o, true);
	m[TAPIR_MEMINFO_SNDBUF] = (uint32_t)get_buffer(o, false);
	/* What is in the interface's queue is charged there, but for datagrams. */
	if (o->udp)
		m[TAPIR_MEMINFO_WMEM_ALLOC] = m[TAPIR_MEMINFO_WMEM_QUEUED];
	return put_struct(m, sizeof(m), val, len);
}

static int get_congestion(const struct target *o, void *val, size_t *len)
{
	char name[TCP_CC_NAME_MAX] = {0};
	const struct tcp_cc_ops *ops =
		o->conn ? o->conn->cc.ops : *tcp_listener_cc(o->s->u.listener);

	for (size_t i = 0; i < sizeof(name) - 1 && ops->name[i] != '\0'; i++)
		name[i] = ops->name[i];
	return put_struct(name, sizeof(name), val, len);
}

int sock_getopt(struct tapir *t, tapir_sock_t h, int level, int name, void *val, size_t *len)
{
	struct target o;
	int err = target_of(t, h, &o), v = 0;
	struct open_target to;

	if (err)
		return err;
	if (!val || !len)
		return -EFAULT;
	if (level == TAPIR_SOL_TCP && !o.opt)
		return -ENOPROTOOPT;
	to = open_target(&o);
	if (level == TAPIR_SOL_TCP && name == TAPIR_TCP_FASTOPEN_KEY)
		return sock_get_fastopen_key(&to, val, len);
	/* Those that are no int. */
	if (level == TAPIR_SOL_TCP && name == TAPIR_TCP_INFO)
		return get_info(&o, val, len);
	if (level == TAPIR_SOL_TCP && name == TAPIR_TCP_CONGESTION)
		return get_congestion(&o, val, len);
	if (level == TAPIR_SOL_TCP && name == TAPIR_TCP_CC_INFO)
		return get_cc_info(len);
	if (level == TAPIR_SOL_SOCKET && name == TAPIR_SO_MAX_PACING_RATE)
		return get_pacing_rate(&o, val, len);
	if (level == TAPIR_SOL_SOCKET && name == TAPIR_SO_MEMINFO)
		return get_meminfo(&o, val, len);
	if (level == TAPIR_SOL_SOCKET && name == TAPIR_SO_LINGER) {
		struct tapir_linger l = {0};

		if (!o.opt)
			return -ENOPROTOOPT;
		if (*len < sizeof(l))
			return -EINVAL;
		l.onoff = o.opt->linger_s >= 0;
		l.linger = l.onoff ? o.opt->linger_s : 0;
		return put_struct(&l, sizeof(l), val, len);
	}
	/* Before the value is made: reading SO_ERROR clears it. */
	if (*len < sizeof(v))
		return -EINVAL;
	switch (level) {
	case TAPIR_SOL_SOCKET:
		err = get_socket(&o, name, &v);
		break;
	case TAPIR_SOL_IP:
		err = get_ip(&o, name, &v);
		break;
	case TAPIR_SOL_TCP:
		err = get_tcp(&o, name, &v);
		if (err == -ENOPROTOOPT)
			err = sock_get_open_opt(&to, name, &v);
		break;
	default:
		return -ENOPROTOOPT;
	}
	return err ? err : put_struct(&v, sizeof(v), val, len);
}
