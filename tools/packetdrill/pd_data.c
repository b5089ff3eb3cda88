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
	SEND_FLAGS = MSG_OOB | MSG_DONTROUTE | MSG_MORE | MSG_FASTOPEN | MSG_EOR,
	RECV_FLAGS = MSG_OOB | MSG_PEEK | MSG_TRUNC,
};

/* ---- vectors ---- */

/* The sum of a vector's lengths, of one that was looked at (pd_iov_check). */
static size_t iov_sum(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len < PD_RW_MAX - sum ? iov[i].iov_len : PD_RW_MAX - sum;
	return sum;
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

/* MSG_OOB: the byte is taken before it is seen that there is nowhere to put it. */
static ssize_t take_urgent(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n,
			   int flags)
{
	char byte;
	struct iovec one = {&byte, iov_sum(iov, n) ? 1 : 0};
	ssize_t got = (ssize_t)tapir_recvmsg(pd->t, f->sock, &one, 1, flags & RECV_FLAGS, NULL);

	if (got <= 0 || flags & MSG_TRUNC)
		return got;
	if (!pd_iov_writable(iov, n, 1))
		return -EFAULT;
	while (iov->iov_len == 0)
		iov++;
	memcpy(iov->iov_base, &byte, 1);
	return got;
}

/*
 * Whether what there is can be put where it is wanted: 1; 0: there is nothing but the end; or a negative errno. A datagram
 * that can't be is lost.
 */
static ssize_t lands(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n, int flags)
{
	char byte;
	struct iovec one = {&byte, 1};
	bool stream = f->type == SOCK_STREAM;
	int unread = 0;
	size_t len = sizeof(unread);
	ssize_t there;

	if (pd_iov_writable(iov, n, SIZE_MAX))
		return 1;
	there = (ssize_t)tapir_recv(pd->t, f->sock, &one, 1,
				    TAPIR_MSG_PEEK | (stream ? 0 : TAPIR_MSG_TRUNC));
	if (there <= 0)
		return there;
	if (stream &&
	    tapir_getsockopt(pd->t, f->sock, TAPIR_SOL_SOCKET, TAPIR_SO_INQ, &unread, &len) == 0)
		there = unread;
	if (pd_iov_writable(iov, n, (size_t)there))
		return 1;
	if (!stream && !(flags & MSG_PEEK))
		tapir_recv(pd->t, f->sock, &one, 1, 0);
	return -EFAULT;
}

static ssize_t take_once(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n,
			 int flags, struct tapir_msg *m)
{
	ssize_t there;

	if (f->type == SOCK_STREAM && flags & MSG_OOB)
		return take_urgent(pd, f, iov, n, flags & ~MSG_TRUNC);
	if (f->type == SOCK_STREAM && flags & MSG_TRUNC && !(flags & MSG_PEEK))
		return discard(pd, f, iov_sum(iov, n));
	there = lands(pd, f, iov, n, flags);
	if (there <= 0)
		return there;
	flags &= f->type == SOCK_STREAM ? ~MSG_TRUNC : ~MSG_OOB;
	return (ssize_t)tapir_recvmsg(pd->t, f->sock, iov, n, flags & RECV_FLAGS, m);
}

/* As Linux: behind what was moved already, an error is for the next call to tell. */
static bool failed_meanwhile(struct pd *pd, const struct pd_file *f, bool reading)
{
	struct tapir_sock_info info;

	if (!(tapir_poll(pd->t, f->sock) & TAPIR_ERR))
		return false;
	return !reading || !pd_sock_info(pd, f, &info) || info.recv_q == 0;
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
	ssize_t want = (ssize_t)iov_sum(iov, n), got, target;
	struct iovec rest[IOV_MOST];
	size_t done = 0;

	target = flags & MSG_WAITALL || want < f->rcvlowat ? want : f->rcvlowat;
	for (;;) {
		if (done > 0 && failed_meanwhile(pd, f, true))
			break;
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
	return done > 0 ? (ssize_t)done : got;
}

static ssize_t take_file(struct pd *pd, int fd, const struct iovec *iov, int n)
{
	struct pd_file *f = pd_file_get(pd, fd);
	ssize_t sum;

	if (!f)
		return -errno;
	if (f->kind == PD_PIPE_READ) {
		sum = pd_iov_check(iov, n);
		return sum <= 0 ? sum : pd_pipe_read(pd, f, iov, n);
	}
	if (f->kind != PD_SOCKET)
		return f->kind == PD_PIPE_WRITE ? -EBADF : -EINVAL;
	/* read() of nothing asks nothing. */
	sum = pd_iov_check(iov, n);
	return sum <= 0 ? sum : take(pd, f, iov, n, 0, NULL);
}

static ssize_t take_sock(struct pd *pd, int fd, const struct iovec *iov, int n, int flags,
			 struct tapir_msg *m, struct pd_file **out)
{
	struct pd_file *f = pd_sock_get(pd, fd);
	ssize_t sum;

	*out = f;
	if (!f)
		return -errno;
	sum = pd_iov_check(iov, n);
	return sum < 0 ? sum : take(pd, f, iov, n, flags, m);
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
	/* Before the descriptor is looked at. */
	r = pd_user_range(buf, n) ? take_sock(pd, fd, &iov, 1, flags, &m, &f) : -EFAULT;
	if (r >= 0) {
		/* As Linux: a stream's peer is not told again. */
		int err = pd_addr_out(f, f->type == SOCK_STREAM ? NULL : &m.peer, sa, len);

		r = err ? err : r;
	}
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

/* A message's header as the kernel takes it in: 0 or a negative errno. */
static ssize_t msg_check(const struct msghdr *msg)
{
	ssize_t sum;

	if (!pd_user_readable(msg, sizeof(*msg)))
		return -EFAULT;
	if (msg->msg_name && (int)msg->msg_namelen < 0)
		return -EINVAL;
	if (msg->msg_iovlen > IOV_MOST)
		return -EMSGSIZE;
	sum = pd_iov_check(msg->msg_iov, (int)msg->msg_iovlen);
	return sum < 0 ? sum : 0;
}

static ssize_t take_msg(struct pd *pd, struct pd_file *f, struct msghdr *msg, int flags)
{
	struct tapir_msg m = {0};
	socklen_t namelen = msg->msg_namelen;
	ssize_t r = take(pd, f, msg->msg_iov, (int)msg->msg_iovlen, flags, &m);
	int err;

	if (r < 0)
		return r;
	err = pd_addr_out(f, f->type == SOCK_STREAM ? NULL : &m.peer, msg->msg_name, &namelen);
	if (err || !pd_user_writable(msg, sizeof(*msg)))
		return -EFAULT;
	if (msg->msg_name)
		msg->msg_namelen = namelen;
	msg->msg_flags =
		(f->type == SOCK_DGRAM ? m.flags & MSG_TRUNC : 0) | (flags & MSG_CMSG_CLOEXEC);
	control(pd, f, msg, &m);
	return r;
}

ssize_t pd_recvmsg(void *u, int fd, struct msghdr *msg, int flags)
{
	struct pd *pd = u;
	struct pd_file *f;
	ssize_t r;

	pd_enter(pd);
	f = pd_sock_get(pd, fd);
	r = f ? msg_check(msg) : -errno;
	if (r == 0 && flags & MSG_ERRQUEUE)
		r = pd_errq_take(f, msg);
	else if (r == 0)
		r = take_msg(pd, f, msg, flags);
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

/* What can't be read can't be sent; but what else is wrong, or that there is no room, is told first. */
static ssize_t unreadable(struct pd *pd, struct pd_file *f, size_t want, int flags,
			  const struct tapir_msg *m)
{
	struct tapir_sockaddr peer;
	ssize_t got;

	if (f->type == SOCK_STREAM) {
		got = (ssize_t)tapir_sendmsg(pd->t, f->sock, NULL, 0, flags & SEND_FLAGS, m);
		if (got < 0)
			return got;
		return tapir_poll(pd->t, f->sock) & TAPIR_OUT ? -EFAULT : -EAGAIN;
	}
	if (want > 65507)
		return -EMSGSIZE;
	if ((!m || m->peer.port == 0) && tapir_getpeername(pd->t, f->sock, &peer) < 0)
		return -EDESTADDRREQ;
	return -EFAULT;
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
	ssize_t want = (ssize_t)iov_sum(iov, n), got;
	struct iovec rest[IOV_MOST];
	size_t done = 0;
	int asked = flags;
	bool there = pd_iov_readable(iov, n);

	for (;;) {
		int k = iov_behind(iov, n, done, rest), err;

		if (done > 0 && failed_meanwhile(pd, f, false))
			break;
		if (there && !(flags & MSG_PROXY && !stream))
			got = (ssize_t)tapir_sendmsg(pd->t, f->sock, stream ? rest : iov,
						     stream ? k : n, flags & SEND_FLAGS, m);
		else
			got = unreadable(pd, f, (size_t)want, flags, m);
		/* Only asked whether it could. */
		if (got == -EFAULT && there)
			return want;
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
	ssize_t sum;

	if (!f)
		return -errno;
	if (f->kind != PD_PIPE_WRITE && f->kind != PD_SOCKET)
		return f->kind == PD_PIPE_READ ? -EBADF : -EINVAL;
	sum = pd_iov_check(iov, n);
	if (sum < 0)
		return sum;
	if (f->kind == PD_PIPE_WRITE)
		return pd_pipe_write(pd, f, iov, n);
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

static ssize_t give_sock(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n,
			 int flags, const struct sockaddr *sa, socklen_t len,
			 const struct msghdr *msg)
{
	struct tapir_msg m = {.tos = -1};
	int err;

	/* A stream's peer is known: Linux does not look at the address. */
	if (f->type == SOCK_STREAM && flags & MSG_FASTOPEN && sa &&
	    pd_addr_in(f, sa, len, &m.peer) == 0) {
		err = pd_connect_told(pd, f, &m.peer);
		if (err < 0)
			return err;
		if (err)
			flags &= ~MSG_FASTOPEN;
	}
	if (f->type == SOCK_STREAM && !(flags & MSG_FASTOPEN))
		return give(pd, f, iov, n, flags, NULL, stamps_asked(f, msg));
	read_control(msg, &m);
	err = sa ? pd_addr_in(f, sa, len, &m.peer) : 0;
	if (!err && sa && f->type == SOCK_DGRAM && m.peer.port == 0)
		err = -EINVAL;
	return err ? err : give(pd, f, iov, n, flags, &m, stamps_asked(f, msg));
}

ssize_t pd_sendto(void *u, int fd, const void *buf, size_t n, int flags, const struct sockaddr *sa,
		  socklen_t len)
{
	struct iovec iov = {(void *)(uintptr_t)buf, n};
	struct pd *pd = u;
	struct pd_file *f;
	ssize_t r;

	pd_enter(pd);
	/* Before the descriptor is looked at. */
	f = pd_user_range(buf, n) ? pd_sock_get(pd, fd) : NULL;
	r = f ? pd_iov_check(&iov, 1) : pd_user_range(buf, n) ? -errno : -EFAULT;
	if (r >= 0 && sa)
		r = pd_addr_there(sa, len);
	if (r >= 0)
		r = give_sock(pd, f, &iov, 1, flags, sa, len, NULL);
	pd_leave(pd);
	return pd_ret(r);
}

ssize_t pd_send(void *u, int fd, const void *buf, size_t n, int flags)
{
	return pd_sendto(u, fd, buf, n, flags, NULL, 0);
}

/* Here, other than in sendto(), what is too long is cut. */
static socklen_t name_length(const struct msghdr *msg)
{
	const socklen_t most = sizeof(struct sockaddr_storage);

	return msg->msg_namelen < most ? msg->msg_namelen : most;
}

static bool socket_message_ok(const struct cmsghdr *c)
{
	const uint32_t may = SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_TX_SOFTWARE |
			     SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK;
	uint32_t v;

	if (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_CREDENTIALS)
		return true; /* of local sockets: passed over */
	if (c->cmsg_type != SO_TIMESTAMPING || c->cmsg_len != CMSG_LEN(sizeof(v)))
		return false;
	memcpy(&v, CMSG_DATA(c), sizeof(v));
	return (v & ~may) == 0;
}

static bool ip_message_ok(const struct cmsghdr *c)
{
	int v = 0;

	if (c->cmsg_type == IP_PKTINFO)
		return c->cmsg_len == CMSG_LEN(sizeof(struct in_pktinfo));
	if (c->cmsg_type == IP_TOS && c->cmsg_len == CMSG_LEN(1))
		return true;
	if (c->cmsg_len != CMSG_LEN(sizeof(v)))
		return false;
	memcpy(&v, CMSG_DATA(c), sizeof(v));
	return v <= 255 &&
	       ((c->cmsg_type == IP_TTL && v >= 1) || (c->cmsg_type == IP_TOS && v >= 0));
}

/* Control messages that can be read, that fit, and that say something: 0 or a negative errno. */
static ssize_t control_check(const struct pd_file *f, const struct msghdr *msg)
{
	if (msg->msg_controllen > INT_MAX)
		return -ENOBUFS;
	if (!pd_user_readable(msg->msg_control, msg->msg_controllen))
		return -EFAULT;
	for (const struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)msg, (struct cmsghdr *)(uintptr_t)c)) {
		size_t at = (size_t)((const char *)c - (const char *)msg->msg_control);

		if (c->cmsg_len < sizeof(*c) || c->cmsg_len > msg->msg_controllen - at)
			return -EINVAL;
		if (c->cmsg_level == SOL_SOCKET && !socket_message_ok(c))
			return -EINVAL;
		if (c->cmsg_level == SOL_IP && f->type == SOCK_DGRAM && !ip_message_ok(c))
			return -EINVAL;
	}
	return 0;
}

ssize_t pd_sendmsg(void *u, int fd, const struct msghdr *msg, int flags)
{
	struct pd *pd = u;
	struct pd_file *f;
	ssize_t r;

	pd_enter(pd);
	f = pd_sock_get(pd, fd);
	r = f ? msg_check(msg) : -errno;
	if (r == 0 && msg->msg_name)
		r = pd_addr_there(msg->msg_name, name_length(msg));
	if (r == 0)
		r = control_check(f, msg);
	if (r == 0)
		r = give_sock(pd, f, msg->msg_iov, (int)msg->msg_iovlen, flags,
			      msg->msg_namelen ? msg->msg_name : NULL, name_length(msg), msg);
	pd_leave(pd);
	return pd_ret(r);
}
