/*
 * Socket calls that move bytes.
 *
 * All of them are two: take() and give(), over a vector. What Linux does and the stack does not: blocking with a
 * low-water mark, MSG_WAITALL and time-outs, a stream's bytes thrown away by MSG_TRUNC, control messages, and the
 * error queue.
 */
#include <errno.h>
#include <limits.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "tools/packetdrill/pd.h"

#ifndef TCP_CM_INQ
#define TCP_CM_INQ 36
#endif

enum {
	IOV_MOST = 1024,
	/* What the stack knows of a call's flags; the rest is ours, or of no meaning here. */
	SEND_FLAGS = MSG_OOB | MSG_DONTROUTE | MSG_MORE | MSG_FASTOPEN,
	RECV_FLAGS = MSG_OOB | MSG_PEEK | MSG_TRUNC,
};

/* ---- vectors ---- */

/* The sum of a vector's lengths, or a negative errno as the kernel's. */
static ssize_t iov_sum(const struct iovec *iov, int n)
{
	size_t sum = 0;

	if (n < 0 || n > IOV_MOST)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > SSIZE_MAX - sum)
			return -EINVAL;
		sum += iov[i].iov_len;
	}
	return (ssize_t)sum;
}

/* The vector without its first `skip` bytes, in `out`. Returns its length. */
static int iov_behind(const struct iovec *iov, int n, size_t skip, struct iovec *out)
{
	int k = 0;

	for (int i = 0; i < n; i++) {
		size_t cut = skip < iov[i].iov_len ? skip : iov[i].iov_len;

		skip -= cut;
		if (iov[i].iov_len > cut) {
			out[k].iov_base = iov[i].iov_base ? (char *)iov[i].iov_base + cut : NULL;
			out[k++].iov_len = iov[i].iov_len - cut;
		}
	}
	return k;
}

/* ---- receiving ---- */

static bool readable(struct pd *pd, const struct pd_wait *w)
{
	/* Not pd_level(): SO_RCVLOWAT is poll()'s; who reads takes what there is, and waits for more. */
	return (tapir_poll(pd->t, w->file->sock) & (TAPIR_IN | TAPIR_ERR | TAPIR_HUP)) != 0;
}

/* Throws bytes of a stream away: MSG_TRUNC, whose buffer may be none. */
static ssize_t discard(struct pd *pd, struct pd_file *f, size_t n)
{
	struct iovec slice[2];
	int nslice = 0;
	int64_t got = tapir_recv_peek(pd->t, f->sock, slice, 2, &nslice);

	if (got <= 0)
		return (ssize_t)got;
	if ((size_t)got > n)
		got = (int64_t)n;
	tapir_recv_consume(pd->t, f->sock, (size_t)got);
	return (ssize_t)got;
}

static ssize_t take_once(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n,
			 int flags, struct tapir_msg *m)
{
	if (f->type == SOCK_STREAM && flags & MSG_TRUNC && !(flags & (MSG_PEEK | MSG_OOB)))
		return discard(pd, f, (size_t)iov_sum(iov, n));
	flags &= f->type == SOCK_STREAM ? ~MSG_TRUNC : ~MSG_OOB;
	return (ssize_t)tapir_recvmsg(pd->t, f->sock, iov, n, flags & RECV_FLAGS, m);
}

/* recv(): the bytes, or a negative errno. */
static ssize_t take(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n, int flags,
		    struct tapir_msg *m)
{
	struct pd_wait w = {.ready = readable,
			    .file = f,
			    .deadline_ns = f->rcvtimeo_ns ? tapir_now(pd->t) + f->rcvtimeo_ns
							  : TAPIR_NEVER};
	bool block = !f->nonblock && !(flags & (MSG_DONTWAIT | MSG_OOB));
	ssize_t want = iov_sum(iov, n), got, target;
	struct iovec rest[IOV_MOST];
	size_t done = 0;

	if (want < 0)
		return want;
	if (f->err) {
		got = -f->err;
		f->err = 0;
		return got;
	}
	target = flags & MSG_WAITALL || want < f->rcvlowat ? want : f->rcvlowat;
	for (;;) {
		got = take_once(pd, f, rest, iov_behind(iov, n, done, rest), flags, m);
		if (got > 0 && (f->type == SOCK_DGRAM || flags & (MSG_PEEK | MSG_OOB)))
			return got;
		if (got > 0) {
			done += (size_t)got;
			if ((ssize_t)done >= target)
				break;
			continue;
		}
		/* 0 is the end. */
		if (got == -EAGAIN && block) {
			int err = pd_sleep(pd, &w);

			if (err == 0)
				continue;
			got = err == ETIMEDOUT ? -EAGAIN : -err;
		}
		break;
	}
	/* An open that failed, and has been told: there is no more to come. */
	if (got == -ENOTCONN && f->connecting)
		got = 0;
	return done > 0 ? (ssize_t)done : got;
}

static ssize_t take_file(struct pd *pd, int fd, const struct iovec *iov, int n)
{
	struct pd_file *f = pd_file_get(pd, fd);

	if (!f)
		return -errno;
	if (f->kind == PD_PIPE_READ)
		return pd_pipe_read(pd, f, iov, n);
	if (f->kind != PD_SOCKET)
		return f->kind == PD_PIPE_WRITE ? -EBADF : -EINVAL;
	/* read() of nothing asks nothing. */
	if (iov_sum(iov, n) == 0)
		return 0;
	return take(pd, f, iov, n, 0, NULL);
}

static ssize_t take_sock(struct pd *pd, int fd, const struct iovec *iov, int n, int flags,
			 struct tapir_msg *m, struct pd_file **out)
{
	struct pd_file *f = pd_sock_get(pd, fd);

	*out = f;
	return f ? take(pd, f, iov, n, flags, m) : -errno;
}

ssize_t pd_readv(void *u, int fd, const struct iovec *iov, int n)
{
	struct pd *pd = u;
	ssize_t r;

	pd_enter(pd);
	r = take_file(pd, fd, iov, n);
	pd_leave(pd);
	return pd_ret(r);
}

ssize_t pd_read(void *u, int fd, void *buf, size_t n)
{
	struct iovec iov = {buf, n};

	return pd_readv(u, fd, &iov, 1);
}

ssize_t pd_recvfrom(void *u, int fd, void *buf, size_t n, int flags, struct sockaddr *sa,
		    socklen_t *len)
{
	struct iovec iov = {buf, n};
	struct pd *pd = u;
	struct tapir_msg m = {0};
	struct pd_file *f;
	ssize_t r;

	pd_enter(pd);
	if (flags & MSG_ERRQUEUE) {
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

		pd_leave(pd);
		return pd_recvmsg(u, fd, &msg, flags);
	}
	r = take_sock(pd, fd, &iov, 1, flags, &m, &f);
	if (r >= 0 && sa && len && f->type == SOCK_STREAM)
		*len = 0; /* as Linux: a stream's peer is not told again */
	else if (r >= 0)
		pd_addr_out(f, &m.peer, sa, len);
	pd_leave(pd);
	return pd_ret(r);
}

ssize_t pd_recv(void *u, int fd, void *buf, size_t n, int flags)
{
	return pd_recvfrom(u, fd, buf, n, flags, NULL, NULL);
}

/* ---- control messages ---- */

static void control(struct pd *pd, struct pd_file *f, struct msghdr *msg, const struct tapir_msg *m)
{
	struct tapir_sock_info info;
	size_t used = 0;
	int v;

	if (f->type == SOCK_STREAM && pd_stored(f, SOL_TCP, TCP_INQ) &&
	    pd_sock_info(pd, f, &info)) {
		/* As Linux: the peer's FIN is one more to read. */
		v = (int)info.recv_q + ((tapir_poll(pd->t, f->sock) & TAPIR_RDHUP) != 0);
		pd_put_cmsg(msg, &used, SOL_TCP, TCP_CM_INQ, &v, sizeof(v));
	}
	if (f->type == SOCK_DGRAM && pd_stored(f, SOL_IP, IP_PKTINFO)) {
		struct in_pktinfo pi = {.ipi_ifindex = pd->ifi};

		pi.ipi_addr.s_addr = pi.ipi_spec_dst.s_addr =
			htonl(tapir_addr_to_v4(&m->local.addr));
		pd_put_cmsg(msg, &used, SOL_IP, IP_PKTINFO, &pi, sizeof(pi));
	}
	if (f->type == SOCK_DGRAM && pd_stored(f, SOL_IP, IP_RECVTTL)) {
		v = m->ttl;
		pd_put_cmsg(msg, &used, SOL_IP, IP_TTL, &v, sizeof(v));
	}
	if (f->type == SOCK_DGRAM && pd_stored(f, SOL_IP, IP_RECVTOS)) {
		uint8_t tos = (uint8_t)m->tos;

		pd_put_cmsg(msg, &used, SOL_IP, IP_TOS, &tos, sizeof(tos));
	}
	msg->msg_controllen = used;
}

ssize_t pd_recvmsg(void *u, int fd, struct msghdr *msg, int flags)
{
	struct pd *pd = u;
	struct tapir_msg m = {0};
	struct pd_file *f;
	ssize_t r;

	pd_enter(pd);
	if (flags & MSG_ERRQUEUE) {
		f = pd_sock_get(pd, fd);
		r = f ? pd_errq_take(f, msg) : -errno;
		pd_leave(pd);
		return pd_ret(r);
	}
	r = take_sock(pd, fd, msg->msg_iov, (int)msg->msg_iovlen, flags, &m, &f);
	if (r >= 0) {
		socklen_t namelen = msg->msg_namelen;

		msg->msg_flags = f->type == SOCK_DGRAM ? m.flags & MSG_TRUNC : 0;
		if (f->type == SOCK_STREAM)
			namelen = 0;
		else
			pd_addr_out(f, &m.peer, msg->msg_name, &namelen);
		msg->msg_namelen = namelen;
		control(pd, f, msg, &m);
	}
	pd_leave(pd);
	return pd_ret(r);
}

/* ---- sending ---- */

static bool writable(struct pd *pd, const struct pd_wait *w)
{
	return (pd_level(pd, w->file) & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0;
}

/*
 * MSG_FASTOPEN is connect() and send() in one. On a blocking socket it waits for the handshake, data in the SYN or not.
 * 1: go on with what is left; else the result.
 */
static ssize_t after_fastopen(struct pd *pd, struct pd_file *f, ssize_t got, bool block)
{
	struct pd_wait w = {.ready = writable,
			    .file = f,
			    .deadline_ns = f->sndtimeo_ns ? tapir_now(pd->t) + f->sndtimeo_ns
							  : TAPIR_NEVER};
	int err = 0;
	size_t len = sizeof(err);

	if (got < 0 && got != -EINPROGRESS)
		return got;
	f->connecting = true;
	if (!block)
		return got;
	pd_settle(pd);
	while (!writable(pd, &w)) {
		err = pd_sleep(pd, &w);
		if (err)
			return err == ETIMEDOUT ? -EINPROGRESS : -err;
	}
	f->connecting = false;
	tapir_getsockopt(pd->t, f->sock, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &err, &len);
	return err ? -err : 1;
}

/* send(): the bytes, or a negative errno. */
static ssize_t give(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n, int flags,
		    const struct tapir_msg *m, uint32_t tx)
{
	struct pd_wait w = {.ready = writable,
			    .file = f,
			    .deadline_ns = f->sndtimeo_ns ? tapir_now(pd->t) + f->sndtimeo_ns
							  : TAPIR_NEVER};
	bool stream = f->type == SOCK_STREAM, block = !f->nonblock && !(flags & MSG_DONTWAIT);
	ssize_t want = iov_sum(iov, n), got;
	struct iovec rest[IOV_MOST];
	size_t done = 0;
	int asked = flags;

	if (want < 0)
		return want;
	if (f->err) {
		got = -f->err;
		f->err = 0;
		return got;
	}
	for (;;) {
		int k = iov_behind(iov, n, done, rest), err;

		got = (ssize_t)tapir_sendmsg(pd->t, f->sock, stream ? rest : iov, stream ? k : n,
					     flags & SEND_FLAGS, m);
		if (got > 0)
			done += (size_t)got;
		if (stream && ((flags & MSG_FASTOPEN && m) || got == -EINPROGRESS)) {
			got = after_fastopen(pd, f, got, block);
			flags &= ~MSG_FASTOPEN;
			m = NULL;
			if (got < 0) {
				done = 0;
				break;
			}
			got = got > 0 ? got : -EAGAIN;
		}
		if (!stream || (got < 0 && got != -EAGAIN) || (ssize_t)done >= want || !block)
			break;
		/* What was taken must have a chance to leave first. */
		pd_settle(pd);
		if (got > 0)
			continue;
		err = pd_sleep(pd, &w);
		if (err) {
			got = err == ETIMEDOUT ? -EAGAIN : -err;
			break;
		}
	}
	if (done > 0 && stream) {
		f->written += done;
		pd_mark_write(pd, f, asked, done, tx);
	}
	/* Linux says so of a socket that has no connection, too. */
	if (stream && got == -ENOTCONN)
		got = -EPIPE;
	return done > 0 ? (ssize_t)done : got;
}

/* The stamps that a write of this socket is to have; a control message asks otherwise for one. */
static uint32_t stamps_of(const struct pd_file *f)
{
	return (uint32_t)pd_stored(f, SOL_SOCKET, SO_TIMESTAMPING);
}

static uint32_t stamps_asked(const struct pd_file *f, const struct msghdr *msg)
{
	uint32_t tx = stamps_of(f);

	for (const struct cmsghdr *c = msg ? CMSG_FIRSTHDR(msg) : NULL; c;
	     c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)msg, (struct cmsghdr *)(uintptr_t)c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPING &&
		    c->cmsg_len >= CMSG_LEN(sizeof(tx)))
			memcpy(&tx, CMSG_DATA(c), sizeof(tx));
	}
	return tx;
}

static ssize_t give_file(struct pd *pd, int fd, const struct iovec *iov, int n)
{
	struct pd_file *f = pd_file_get(pd, fd);

	if (!f)
		return -errno;
	if (f->kind == PD_PIPE_WRITE)
		return pd_pipe_write(pd, f, iov, n);
	if (f->kind != PD_SOCKET)
		return f->kind == PD_PIPE_READ ? -EBADF : -EINVAL;
	return give(pd, f, iov, n, 0, NULL, stamps_of(f));
}

ssize_t pd_writev(void *u, int fd, const struct iovec *iov, int n)
{
	struct pd *pd = u;
	ssize_t r;

	pd_enter(pd);
	r = give_file(pd, fd, iov, n);
	pd_leave(pd);
	return pd_ret(r);
}

ssize_t pd_write(void *u, int fd, const void *buf, size_t n)
{
	struct iovec iov = {(void *)(uintptr_t)buf, n};

	return pd_writev(u, fd, &iov, 1);
}

/* IP_TTL, IP_TOS and IP_PKTINFO of a datagram to send. */
static void read_control(const struct msghdr *msg, struct tapir_msg *m)
{
	for (const struct cmsghdr *c = msg ? CMSG_FIRSTHDR(msg) : NULL; c;
	     c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)msg, (struct cmsghdr *)(uintptr_t)c)) {
		const uint8_t *data = CMSG_DATA(c);
		int v = c->cmsg_len > CMSG_LEN(0) ? data[0] : 0;
		struct in_pktinfo pi;

		if (c->cmsg_level != SOL_IP)
			continue;
		if (c->cmsg_len >= CMSG_LEN(sizeof(v)))
			memcpy(&v, data, sizeof(v));
		if (c->cmsg_type == IP_TTL) {
			m->ttl = v;
		} else if (c->cmsg_type == IP_TOS) {
			m->tos = v & 255;
		} else if (c->cmsg_type == IP_PKTINFO && c->cmsg_len >= CMSG_LEN(sizeof(pi))) {
			memcpy(&pi, data, sizeof(pi));
			m->local.addr = tapir_addr_v4(ntohl(pi.ipi_spec_dst.s_addr));
		}
	}
}

static ssize_t give_sock(struct pd *pd, int fd, const struct iovec *iov, int n, int flags,
			 const struct sockaddr *sa, socklen_t len, const struct msghdr *msg)
{
	struct pd_file *f = pd_sock_get(pd, fd);
	struct tapir_msg m = {.tos = -1};
	int err;

	if (!f)
		return -errno;
	/* A stream's peer is known: Linux does not look at the address. */
	if (f->type == SOCK_STREAM && !(flags & MSG_FASTOPEN))
		return give(pd, f, iov, n, flags, NULL, stamps_asked(f, msg));
	read_control(msg, &m);
	err = sa && len > 0 ? pd_addr_in(f, sa, len, &m.peer) : 0;
	return err ? err : give(pd, f, iov, n, flags, &m, stamps_asked(f, msg));
}

ssize_t pd_sendto(void *u, int fd, const void *buf, size_t n, int flags, const struct sockaddr *sa,
		  socklen_t len)
{
	struct iovec iov = {(void *)(uintptr_t)buf, n};
	struct pd *pd = u;
	ssize_t r;

	pd_enter(pd);
	r = give_sock(pd, fd, &iov, 1, flags, sa, len, NULL);
	pd_leave(pd);
	return pd_ret(r);
}

ssize_t pd_send(void *u, int fd, const void *buf, size_t n, int flags)
{
	return pd_sendto(u, fd, buf, n, flags, NULL, 0);
}

ssize_t pd_sendmsg(void *u, int fd, const struct msghdr *msg, int flags)
{
	struct pd *pd = u;
	ssize_t r;

	pd_enter(pd);
	r = give_sock(pd, fd, msg->msg_iov, (int)msg->msg_iovlen, flags, msg->msg_name,
		      msg->msg_namelen, msg);
	pd_leave(pd);
	return pd_ret(r);
}
