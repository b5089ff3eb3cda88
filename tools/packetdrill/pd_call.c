/*
 * Socket calls that make, name and end things.
 *
 * The stack's calls do not block; here they do, on descriptors that are not O_NONBLOCK, with Linux's results.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tools/packetdrill/pd.h"

static uint64_t deadline(const struct pd *pd, uint64_t timeo_ns)
{
	return timeo_ns ? tapir_now(pd->t) + timeo_ns : TAPIR_NEVER;
}

static bool bits_ready(struct pd *pd, const struct pd_wait *w)
{
	return (pd_level(pd, w->file) & w->bits) != 0;
}

static int open_socket(struct pd *pd, int domain, int type, int protocol)
{
	int kind = type & 0xf;
	struct pd_file *f;
	tapir_sock_t s;

	if (type & ~(0xf | SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (kind < 0 || kind > SOCK_PACKET)
		return -EINVAL;
	if (protocol < 0 || protocol >= IPPROTO_MAX)
		return -EINVAL;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_RAW)
		return -ESOCKTNOSUPPORT;
	if (!pd->sysctls_read || protocol != IPPROTO_ICMP)
		pd_read_sysctls(pd);
	s = tapir_socket(pd->t, TAPIR_AF_INET, kind, protocol);
	if (s < 0)
		return (int)s;
	f = pd_file_new(pd, PD_SOCKET);
	if (!f) {
		tapir_close(pd->t, s);
		return -errno;
	}
	f->sock = s;
	f->family = domain;
	f->type = kind;
	f->protocol = protocol ? protocol : kind == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	f->nonblock = (type & SOCK_NONBLOCK) != 0;
	f->fd_flags = type & SOCK_CLOEXEC ? FD_CLOEXEC : 0;
	f->rcvlowat = 1;
	pd_stored_default(f);
	return f->fd;
}

int pd_socket(void *u, int domain, int type, int protocol)
{
	struct pd *pd = u;
	int r = -EINVAL;

	pd_enter(pd);
	if (pd->t)
		r = open_socket(pd, domain, type, protocol);
	pd_leave(pd);
	return (int)pd_ret(r);
}

int pd_bind(void *u, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct pd *pd = u;
	struct tapir_sockaddr a;
	struct pd_file *f;
	int r = -1;

	pd_enter(pd);
	f = pd_sock_get(pd, fd);
	if (f) {
		r = pd_addr_there(sa, len);
		if (r == 0)
			r = pd_addr_in(f, sa, len, &a);
		if (r == 0) {
			pd_learn_address(pd, tapir_addr_to_v4(&a.addr));
			r = tapir_bind(pd->t, f->sock, &a);
		}
		r = (int)pd_ret(r);
	}
	pd_leave(pd);
	return r;
}

int pd_listen(void *u, int fd, int backlog)
{
	struct pd *pd = u;
	struct pd_file *f;
	int r = -1;

	pd_enter(pd);
	f = pd_sock_get(pd, fd);
	if (f) {
		r = tapir_listen(pd->t, f->sock, backlog);
		if (r == 0)
			f->listening = true;
		r = (int)pd_ret(r);
	}
	pd_leave(pd);
	return r;
}

/* What a connection has from its listener, as Linux copies a socket. */
static void inherit(struct pd_file *f, const struct pd_file *l)
{
	f->family = l->family;
	f->type = l->type;
	f->protocol = l->protocol;
	f->rcvtimeo_ns = l->rcvtimeo_ns;
	f->sndtimeo_ns = l->sndtimeo_ns;
	f->rcvlowat = l->rcvlowat;
	memcpy(f->stored, l->stored, sizeof(f->stored));
}

static int accept_one(struct pd *pd, struct pd_file *l, struct sockaddr *sa, socklen_t *len)
{
	struct pd_wait w = {.ready = bits_ready,
			    .file = l,
			    .bits = TAPIR_IN | TAPIR_ERR | TAPIR_HUP,
			    .deadline_ns = deadline(pd, l->rcvtimeo_ns)};
	struct tapir_sockaddr peer;
	struct pd_file *f;
	tapir_sock_t s;
	int err;

	while ((s = tapir_accept(pd->t, l->sock, &peer)) == -EAGAIN && !l->nonblock) {
		err = pd_sleep(pd, &w);
		if (err)
			return err == ETIMEDOUT ? -EAGAIN : -err;
	}
	if (s < 0)
		return (int)s;
	f = pd_file_new(pd, PD_SOCKET);
	if (!f) {
		tapir_close(pd->t, s);
		return -errno;
	}
	f->sock = s;
	inherit(f, l);
	err = pd_addr_out(f, &peer, sa, len);
	if (err) {
		/* As Linux: it was accepted, and nobody can be told. */
		tapir_close(pd->t, s);
		pd_file_del(pd, f);
		return err;
	}
	return f->fd;
}

int pd_accept(void *u, int fd, struct sockaddr *sa, socklen_t *len)
{
	struct pd *pd = u;
	struct pd_file *l;
	int r = -1;

	pd_enter(pd);
	l = pd_sock_get(pd, fd);
	if (l)
		r = (int)pd_ret(accept_one(pd, l, sa, len));
	pd_leave(pd);
	return r;
}

/* ---- connect ---- */

static int so_error(struct pd *pd, struct pd_file *f)
{
	int err = 0;
	size_t len = sizeof(err);

	tapir_getsockopt(pd->t, f->sock, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &err, &len);
	return err;
}

/* Gives the connection up and keeps the descriptor: connect() to AF_UNSPEC. */
static int disconnect(struct pd *pd, struct pd_file *f)
{
	struct tapir_sockaddr none = {0};
	int r = tapir_connect(pd->t, f->sock, &none);

	if (r == 0 && f->type == SOCK_STREAM) {
		f->connecting = f->listening = f->ending = false;
		pd_edge(pd, f, EPOLLOUT | EPOLLHUP);
	}
	return r;
}

static bool connect_over(struct pd *pd, const struct pd_wait *w)
{
	return (tapir_poll(pd->t, w->file->sock) & (TAPIR_OUT | TAPIR_ERR | TAPIR_HUP)) != 0;
}

/* Whether it came to a connection, whatever became of it. */
static bool established(struct pd *pd, const struct pd_file *f)
{
	struct tapir_sockaddr peer;

	return tapir_getpeername(pd->t, f->sock, &peer) == 0;
}

/* Told that an open failed, or of a connection that it ended meanwhile, the socket is as new. */
static int open_failed(struct pd *pd, struct pd_file *f, const struct tapir_sockaddr *a)
{
	int r = tapir_connect(pd->t, f->sock, a), err;

	if (r != -EISCONN)
		return r;
	err = so_error(pd, f);
	disconnect(pd, f);
	return -(err ? err : ECONNABORTED);
}

static int connect_to(struct pd *pd, struct pd_file *f, const struct tapir_sockaddr *a)
{
	struct pd_wait w = {.ready = connect_over,
			    .file = f,
			    .deadline_ns = deadline(pd, f->sndtimeo_ns)};
	bool second = f->connecting;
	int r = f->ending ? -EINVAL : second ? -EALREADY : tapir_connect(pd->t, f->sock, a);

	if (f->ending)
		return r;
	if (!second && r == -EINPROGRESS)
		f->connecting = true;
	else if (!second)
		return r;
	if (!second && f->nonblock)
		return r;
	/* A second call tells how the first one ended, or waits for it. */
	while (!connect_over(pd, &w)) {
		int err = f->nonblock ? ETIMEDOUT : pd_sleep(pd, &w);

		if (err == ETIMEDOUT)
			return second ? -EALREADY : -EINPROGRESS;
		if (err)
			return -err;
	}
	f->connecting = false;
	if (!established(pd, f))
		return open_failed(pd, f, a);
	return -so_error(pd, f);
}

int pd_connect_told(struct pd *pd, struct pd_file *f, const struct tapir_sockaddr *a)
{
	struct pd_wait w = {.file = f};

	if (!f->connecting || !connect_over(pd, &w))
		return 0;
	f->connecting = false;
	return established(pd, f) ? 1 : open_failed(pd, f, a);
}

int pd_connect(void *u, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct pd *pd = u;
	struct tapir_sockaddr a;
	struct pd_file *f;
	int r = -1;

	pd_enter(pd);
	f = pd_file_get(pd, fd);
	if (f) {
		r = pd_addr_there(sa, len);
		if (r == 0 && f->kind != PD_SOCKET)
			r = -ENOTSOCK;
		if (r)
			; /* in this order, other than bind() */
		else if (len < sizeof(sa->sa_family))
			r = -EINVAL;
		else if (sa->sa_family == AF_UNSPEC)
			r = disconnect(pd, f);
		else if ((r = pd_addr_in(f, sa, len, &a)) == 0)
			r = connect_to(pd, f, &a);
		r = (int)pd_ret(r);
	}
	pd_leave(pd);
	return r;
}

/* ---- the end ---- */

static bool lingered(struct pd *pd, const struct pd_wait *w)
{
	struct tapir_sock_info info;

	if (!pd_sock_info(pd, w->file, &info))
		return true;
	return info.state != TAPIR_TCP_FIN_WAIT_1 && info.state != TAPIR_TCP_CLOSING &&
	       info.state != TAPIR_TCP_LAST_ACK;
}

/* SO_LINGER: close() returns when all is acknowledged, FIN too, or the time is over. */
static void linger(struct pd *pd, struct pd_file *f)
{
	struct tapir_linger l = {0};
	struct tapir_sock_info info;
	struct pd_wait w = {.ready = lingered, .file = f};
	size_t len = sizeof(l);

	if (f->type != SOCK_STREAM ||
	    tapir_getsockopt(pd->t, f->sock, TAPIR_SOL_SOCKET, TAPIR_SO_LINGER, &l, &len) < 0 ||
	    !l.onoff || l.linger == 0)
		return;
	/* With data unread close() resets, and there is nothing to wait for. */
	if (!pd_sock_info(pd, f, &info) || info.recv_q > 0 || info.state == TAPIR_TCP_LISTEN ||
	    tapir_shutdown(pd->t, f->sock, TAPIR_SHUT_RDWR) < 0)
		return;
	w.deadline_ns = tapir_now(pd->t) + (uint64_t)l.linger * PD_SEC;
	pd_settle(pd);
	if (!lingered(pd, &w))
		pd_sleep(pd, &w);
}

int pd_close(void *u, int fd)
{
	struct pd *pd = u;
	struct pd_file *f;
	int r = -1;

	pd_enter(pd);
	f = pd_file_get(pd, fd);
	if (f) {
		if (f->kind == PD_SOCKET) {
			linger(pd, f);
			tapir_close(pd->t, f->sock);
		}
		pd_file_del(pd, f);
		r = 0;
	}
	pd_leave(pd);
	return r;
}

int pd_shutdown(void *u, int fd, int how)
{
	struct pd *pd = u;
	struct tapir_sock_info info;
	struct pd_file *f;
	int r = -1;

	pd_enter(pd);
	f = pd_sock_get(pd, fd);
	if (f && how >= SHUT_RD && how <= SHUT_RDWR && pd_sock_info(pd, f, &info)) {
		/* As Linux: of an open that failed, and nobody was told, it ends the socket for good. */
		if (f->connecting && info.state == TAPIR_TCP_CLOSED)
			f->ending = true;
		if (info.state == TAPIR_TCP_SYN_SENT)
			f->connecting = false;
		if (info.state == TAPIR_TCP_LISTEN && how != SHUT_WR)
			f->listening = false;
	}
	if (f)
		r = (int)pd_ret(tapir_shutdown(pd->t, f->sock, how));
	pd_leave(pd);
	return r;
}

/* ---- fcntl, ioctl ---- */

static int do_fcntl(struct pd_file *f, int cmd, long arg)
{
	switch (cmd) {
	case F_GETFL:
		return (f->kind == PD_PIPE_READ	   ? O_RDONLY
			: f->kind == PD_PIPE_WRITE ? O_WRONLY
						   : O_RDWR) |
		       (f->nonblock ? O_NONBLOCK : 0);
	case F_SETFL:
		f->nonblock = (arg & O_NONBLOCK) != 0;
		return 0;
	case F_GETFD:
		return f->fd_flags;
	case F_SETFD:
		f->fd_flags = (int)arg & FD_CLOEXEC;
		return 0;
	case F_GETPIPE_SZ:
		return f->pipe ? PD_PIPE_BYTES : -EBADF;
	default:
		return -EINVAL;
	}
}

int pd_fcntl(void *u, int fd, int cmd, ...)
{
	struct pd *pd = u;
	struct pd_file *f;
	int r = -1;
	va_list ap;
	long arg = 0;

	va_start(ap, cmd);
	if (cmd == F_SETFL || cmd == F_SETFD)
		arg = va_arg(ap, int);
	va_end(ap);
	pd_enter(pd);
	f = pd_file_get(pd, fd);
	if (f)
		r = (int)pd_ret(do_fcntl(f, cmd, arg));
	pd_leave(pd);
	return r;
}

/* Bytes of the stream that have not been sent at all. */
static int not_sent(struct pd *pd, const struct pd_file *f)
{
	struct tapir_tcp_info info;
	size_t len = sizeof(info);

	if (tapir_getsockopt(pd->t, f->sock, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &len) < 0)
		return 0;
	return (int)info.notsent_bytes;
}

static bool pd_oobinline(struct pd *pd, const struct pd_file *f)
{
	int v = 0;
	size_t len = sizeof(v);

	return tapir_getsockopt(pd->t, f->sock, TAPIR_SOL_SOCKET, TAPIR_SO_OOBINLINE, &v, &len) ==
		       0 &&
	       v != 0;
}

/* What ioctl() answers, in *v: 0 or a negative errno. */
static int ask(struct pd *pd, struct pd_file *f, unsigned long request, int *v)
{
	struct tapir_sock_info info = {0};
	int64_t ahead;

	if (f->pipe && request == FIONREAD) {
		*v = (int)f->pipe->n;
		return 0;
	}
	if (f->kind != PD_SOCKET)
		return -ENOTTY;
	if (!pd_sock_info(pd, f, &info))
		return -EINVAL;
	if (f->type == SOCK_STREAM && info.state == TAPIR_TCP_LISTEN && request != SIOCATMARK)
		return -EINVAL;
	switch (request) {
	case FIONREAD: /* SIOCINQ: a datagram's length, a stream's no further than the urgent mark */
		if (f->type == SOCK_DGRAM) {
			*v = (int)pd_first_datagram(pd, f);
			return 0;
		}
		ahead = f->type == SOCK_STREAM && !pd_oobinline(pd, f)
				? tapir_urgent(pd->t, f->sock)
				: -1;
		*v = ahead >= 0 && ahead < info.recv_q ? (int)ahead : (int)info.recv_q;
		return 0;
	case TIOCOUTQ: /* SIOCOUTQ */
		*v = (int)info.send_q;
		return 0;
	case SIOCOUTQNSD:
		if (f->type != SOCK_STREAM)
			return -ENOTTY;
		*v = not_sent(pd, f);
		return 0;
	case SIOCATMARK:
		if (f->type != SOCK_STREAM)
			return -ENOTTY;
		*v = tapir_urgent(pd->t, f->sock) == 0;
		return 0;
	default:
		return -ENOTTY;
	}
}

/* packetdrill may call without a third argument, and what is read instead points anywhere. */
static int do_ioctl(struct pd *pd, struct pd_file *f, unsigned long request, int *arg)
{
	int v, err;

	if (request == FIONBIO) {
		if (!pd_user_readable(arg, sizeof(*arg)))
			return -EFAULT;
		f->nonblock = *arg != 0;
		return 0;
	}
	err = ask(pd, f, request, &v);
	if (err)
		return err;
	if (!pd_user_writable(arg, sizeof(*arg)))
		return -EFAULT;
	*arg = v;
	return 0;
}

int pd_ioctl(void *u, int fd, unsigned long request, ...)
{
	struct pd *pd = u;
	struct pd_file *f;
	int r = -1, *arg;
	va_list ap;

	va_start(ap, request);
	arg = va_arg(ap, int *);
	va_end(ap);
	pd_enter(pd);
	f = pd_file_get(pd, fd);
	if (f)
		r = (int)pd_ret(do_ioctl(pd, f, request, arg));
	pd_leave(pd);
	return r;
}
