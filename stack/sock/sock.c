/*
 * The calls of stack/socket.h, by kind of socket.
 *
 * A handle stands for a datagram socket (udp/), a connection or a listener (tcp/). listen() turns the
 * second into the third under the same handle. Here the application's arguments are checked (RS-07):
 * what goes further down points to memory, counts what it says, and names a socket that exists.
 */
#include <errno.h>
#include <limits.h>

#include "stack/sock/sock.h"
#include "stack/tcp/tcp_user.h"
#include "stack/udp/udp.h"

/* iov[0..n) can be used, and its bytes counted. Returns their sum, or a negative errno. */
static int64_t iov_check(const struct iovec *iov, int n)
{
	uint64_t sum = 0;

	if (n < 0)
		return -EINVAL;
	if (n > SOCK_IOV_MAX)
		return -EMSGSIZE;
	if (n > 0 && !iov)
		return -EFAULT;
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > 0 && !iov[i].iov_base)
			return -EFAULT;
		if (iov[i].iov_len > (uint64_t)INT64_MAX - sum)
			return -EINVAL;
		sum += iov[i].iov_len;
	}
	return (int64_t)sum;
}

static int addr_check(const struct tapir_sockaddr *sa)
{
	if (!sa)
		return -EFAULT;
	return tapir_addr_is_v4(&sa->addr) ? 0 : -EAFNOSUPPORT;
}

struct ready *sock_ready(const struct tapir *t, const struct sock *s)
{
	(void)t;
	switch ((enum sock_kind)s->kind) {
	case SOCK_UDP:
		return &s->u.udp->rdy;
	case SOCK_TCP:
		return &s->u.conn->rdy;
	case SOCK_LISTEN:
		return tcp_listener_ready(s->u.listener);
	case SOCK_FREE:
		break;
	}
	TAPIR_UNREACHABLE();
}

static int open_udp(struct tapir *t, struct sock *s, bool echo)
{
	s->u.udp = udp_open(t, echo);
	if (!s->u.udp)
		return -ENOMEM;
	s->kind = SOCK_UDP;
	return 0;
}

static int open_tcp(struct tapir *t, struct sock *s)
{
	s->u.conn = tcp_conn_new(t);
	if (!s->u.conn)
		return -ENOMEM;
	s->kind = SOCK_TCP;
	return 0;
}

tapir_sock_t sock_open(struct tapir *t, int family, int type, int protocol)
{
	bool stream = type == TAPIR_STREAM && (protocol == 0 || protocol == TAPIR_IPPROTO_TCP);
	bool echo = type == TAPIR_DGRAM && protocol == TAPIR_IPPROTO_ICMP;
	bool udp = type == TAPIR_DGRAM && (protocol == 0 || protocol == TAPIR_IPPROTO_UDP);
	struct sock *s;
	int err;

	if (family != TAPIR_AF_INET)
		return -EAFNOSUPPORT;
	if (!stream && !udp && !echo)
		return -EPROTONOSUPPORT;
	err = sock_take(t, &s);
	if (err)
		return err;
	err = stream ? open_tcp(t, s) : open_udp(t, s, echo);
	if (err) {
		sock_release(t, s);
		return err;
	}
	ready_init(sock_ready(t, s), sock_handle(s));
	return sock_handle(s);
}

int sock_bind(struct tapir *t, tapir_sock_t h, const struct tapir_sockaddr *sa)
{
	struct sock *s = sock_find(t, h);
	int err = addr_check(sa);

	if (!s)
		return -EBADF;
	if (err)
		return err;
	if (sa->ifindex && !netif_get(t, sa->ifindex))
		return -ENODEV;
	switch ((enum sock_kind)s->kind) {
	case SOCK_UDP:
		return udp_bind(t, s->u.udp, sa);
	case SOCK_TCP:
		return tcp_user_bind(t, s->u.conn, sa);
	case SOCK_LISTEN:
	case SOCK_FREE:
		break;
	}
	return -EINVAL;
}

int sock_listen(struct tapir *t, tapir_sock_t h, int backlog)
{
	struct sock *s = sock_find(t, h);
	struct tcp_listener *l;
	struct ready *r;
	uint64_t cookie;
	uint32_t interest;
	int err;

	if (!s)
		return -EBADF;
	/* As Linux: a negative number is a large one. */
	if (backlog < 0 || backlog > t->conf.somaxconn)
		backlog = (int)t->conf.somaxconn;
	if (s->kind == SOCK_LISTEN)
		return tcp_listener_backlog(t, s->u.listener, backlog);
	if (s->kind != SOCK_TCP)
		return -EOPNOTSUPP;
	cookie = s->u.conn->rdy.cookie;
	interest = s->u.conn->rdy.interest;
	err = tcp_user_listen(t, s->u.conn, backlog, &l);
	if (err)
		return err;
	s->kind = SOCK_LISTEN;
	s->u.listener = l;
	r = tcp_listener_ready(l);
	ready_init(r, sock_handle(s));
	ready_interest(r, interest, cookie);
	return 0;
}

static void conn_names(const struct tcp_conn *c, struct tapir_sockaddr *local,
		       struct tapir_sockaddr *peer)
{
	*local = (struct tapir_sockaddr){c->ep.tuple.laddr, c->ep.tuple.lport, c->opt.ifindex};
	*peer = (struct tapir_sockaddr){c->ep.tuple.raddr, c->ep.tuple.rport, 0};
}

tapir_sock_t sock_accept(struct tapir *t, tapir_sock_t h, struct tapir_sockaddr *peer)
{
	struct sock *s = sock_find(t, h), *fresh;
	struct tapir_sockaddr local;
	uint32_t waiting, backlog;
	struct tcp_conn *c;
	int err;

	if (!s)
		return -EBADF;
	if (s->kind != SOCK_LISTEN)
		return s->kind == SOCK_TCP ? -EINVAL : -EOPNOTSUPP;
	tcp_listener_queues(s->u.listener, &waiting, &backlog);
	if (waiting == 0)
		return -EAGAIN;
	/* The handle first: without one the connection stays where it is. */
	err = sock_take(t, &fresh);
	if (err)
		return err;
	c = tcp_listener_accept(t, s->u.listener);
	if (!c) {
		sock_release(t, fresh);
		return -EAGAIN;
	}
	fresh->kind = SOCK_TCP;
	fresh->u.conn = c;
	ready_init(&c->rdy, sock_handle(fresh));
	/* Reset while it waited: nothing more will happen to it that could be told. */
	if (c->flags & TCP_F_DETACHED)
		ready_mark(t, &c->rdy, TAPIR_HUP | (c->err ? TAPIR_ERR : 0));
	if (peer)
		conn_names(c, &local, peer);
	return sock_handle(fresh);
}

/* The handle's connection or listener is another one from now on: who waited hears of it. */
static void now_stands_for(struct tapir *t, struct sock *s, struct tcp_conn *c, uint64_t cookie,
			   uint32_t interest)
{
	s->kind = SOCK_TCP;
	s->u.conn = c;
	ready_init(&c->rdy, sock_handle(s));
	ready_interest(&c->rdy, interest, cookie);
	ready_mark(t, &c->rdy, (uint32_t)tcp_user_poll(t, c));
}

/* As Linux: connect() to no address. Also what is left of a listener, and of an open, that is shut. */
static int disconnect(struct tapir *t, struct sock *s)
{
	struct ready *r = sock_ready(t, s);
	uint64_t cookie = r->cookie;
	uint32_t interest = r->interest;
	struct tcp_conn *c;
	int err;

	if (s->kind == SOCK_LISTEN)
		err = tcp_listener_renew(t, s->u.listener, &c);
	else
		err = tcp_user_renew(t, s->u.conn, &c);
	if (!err)
		now_stands_for(t, s, c, cookie, interest);
	return err;
}

static int connect_stream(struct tapir *t, struct sock *s, const struct tapir_sockaddr *sa)
{
	struct tcp_conn *c = s->u.conn;
	int err;

	if (sa->port == 0 && tapir_addr_is_any(&sa->addr))
		return disconnect(t, s);
	if (!(c->flags & TCP_F_DETACHED) || c->flags & TCP_F_CONNECTED)
		return tcp_user_connect(t, c, sa);
	/* As Linux: who asks is told how the open before failed, and may try again. */
	err = c->err ? c->err : ECONNABORTED;
	c->err = 0;
	disconnect(t, s);
	return -err;
}

int sock_connect(struct tapir *t, tapir_sock_t h, const struct tapir_sockaddr *sa)
{
	struct sock *s = sock_find(t, h);
	int err = addr_check(sa);

	if (!s)
		return -EBADF;
	if (err)
		return err;
	if (sa->ifindex && !netif_get(t, sa->ifindex))
		return -ENODEV;
	switch ((enum sock_kind)s->kind) {
	case SOCK_UDP:
		return udp_connect(t, s->u.udp, sa);
	case SOCK_TCP:
		return connect_stream(t, s, sa);
	case SOCK_LISTEN:
		return sa->port == 0 && tapir_addr_is_any(&sa->addr) ? disconnect(t, s) : -EISCONN;
	case SOCK_FREE:
		break;
	}
	return -EINVAL;
}

static int64_t send_fastopen(struct tapir *t, struct tcp_conn *c, const struct iovec *iov, int n,
			     const struct tapir_msg *m)
{
	int err = m ? addr_check(&m->peer) : -EDESTADDRREQ;

	if (err && !(c->fo & TCP_FO_DEFER))
		return err;
	return tcp_user_send_fastopen(t, c, iov, n, m ? &m->peer : NULL);
}

int64_t sock_send(struct tapir *t, tapir_sock_t h, const struct iovec *iov, int n, int flags,
		  const struct tapir_msg *m)
{
	struct sock *s = sock_find(t, h);
	int64_t len = iov_check(iov, n);

	if (!s)
		return -EBADF;
	if (len < 0)
		return len;
	if (flags & ~(TAPIR_MSG_OOB | TAPIR_MSG_DONTROUTE | TAPIR_MSG_MORE | TAPIR_MSG_FASTOPEN |
		      TAPIR_MSG_EOR))
		return -EINVAL;
	switch ((enum sock_kind)s->kind) {
	case SOCK_UDP:
		if (flags & TAPIR_MSG_FASTOPEN)
			return -EOPNOTSUPP;
		return udp_send(t, s->u.udp, iov, n, flags, m);
	case SOCK_TCP:
		if (flags & TAPIR_MSG_FASTOPEN)
			return send_fastopen(t, s->u.conn, iov, n, m);
		/* A stream has one peer; it can't be named anew with each piece. */
		if (m && (m->peer.port || !tapir_addr_is_any(&m->peer.addr)))
			return s->u.conn->flags & TCP_F_CONNECTED ? -EISCONN : -ENOTCONN;
		return tcp_user_send(t, s->u.conn, iov, n, flags);
	case SOCK_LISTEN:
		return -EPIPE; /* as Linux */
	case SOCK_FREE:
		break;
	}
	return -EBADF;
}

int64_t sock_recv(struct tapir *t, tapir_sock_t h, const struct iovec *iov, int n, int flags,
		  struct tapir_msg *m)
{
	struct sock *s = sock_find(t, h);
	int64_t len = iov_check(iov, n);

	if (!s)
		return -EBADF;
	if (len < 0)
		return len;
	if (flags & ~(TAPIR_MSG_OOB | TAPIR_MSG_PEEK | TAPIR_MSG_TRUNC))
		return -EINVAL;
	switch ((enum sock_kind)s->kind) {
	case SOCK_UDP:
		return udp_recv(t, s->u.udp, iov, n, flags, m);
	case SOCK_TCP:
		if (flags & TAPIR_MSG_TRUNC)
			return -EOPNOTSUPP;
		if (m) {
			*m = (struct tapir_msg){.tos = -1};
			conn_names(s->u.conn, &m->local, &m->peer);
		}
		return tcp_user_recv(t, s->u.conn, iov, n, flags);
	case SOCK_LISTEN:
		return -ENOTCONN;
	case SOCK_FREE:
		break;
	}
	return -EBADF;
}

/* The connection of a handle, for calls that only a stream has. */
static int stream_of(const struct tapir *t, tapir_sock_t h, struct tcp_conn **c)
{
	struct sock *s = sock_find(t, h);

	if (!s)
		return -EBADF;
	if (s->kind == SOCK_LISTEN)
		return -ENOTCONN;
	if (s->kind != SOCK_TCP)
		return -EOPNOTSUPP;
	*c = s->u.conn;
	return 0;
}

int64_t sock_reserve(struct tapir *t, tapir_sock_t h, size_t want, struct iovec *iov, int max,
		     int *niov)
{
	struct tcp_conn *c;
	int err = stream_of(t, h, &c);

	if (err)
		return err;
	if (!iov || !niov)
		return -EFAULT;
	if (max < 1 || want == 0)
		return -EINVAL;
	*niov = 0;
	return tcp_user_reserve(t, c, want, iov, max, niov);
}

int sock_commit(struct tapir *t, tapir_sock_t h, size_t len, int flags)
{
	struct tcp_conn *c;
	int err = stream_of(t, h, &c);

	if (err)
		return err;
	if (flags & ~(TAPIR_MSG_OOB | TAPIR_MSG_DONTROUTE | TAPIR_MSG_MORE | TAPIR_MSG_EOR))
		return -EINVAL;
	return tcp_user_commit(t, c, len, flags);
}

int64_t sock_peek(struct tapir *t, tapir_sock_t h, struct iovec *iov, int max, int *niov)
{
	struct tcp_conn *c;
	int err = stream_of(t, h, &c);

	if (err)
		return err;
	if (!iov || !niov)
		return -EFAULT;
	if (max < 1)
		return -EINVAL;
	*niov = 0;
	return tcp_user_peek(t, c, iov, max, niov);
}

int sock_consume(struct tapir *t, tapir_sock_t h, size_t len)
{
	struct tcp_conn *c;
	int err = stream_of(t, h, &c);

	return err ? err : tcp_user_consume(t, c, len);
}

int64_t sock_urgent(struct tapir *t, tapir_sock_t h)
{
	struct tcp_conn *c;
	int err = stream_of(t, h, &c);

	return err ? err : tcp_user_urgent(c);
}

int sock_held(struct tapir *t, tapir_sock_t h, size_t bytes)
{
	struct tcp_conn *c;
	int err = stream_of(t, h, &c);

	return err ? err : tcp_user_held(t, c, bytes);
}

int sock_shutdown(struct tapir *t, tapir_sock_t h, int how)
{
	struct sock *s = sock_find(t, h);

	if (!s)
		return -EBADF;
	if (how != TAPIR_SHUT_RD && how != TAPIR_SHUT_WR && how != TAPIR_SHUT_RDWR)
		return -EINVAL;
	switch ((enum sock_kind)s->kind) {
	case SOCK_UDP:
		return udp_shutdown(t, s->u.udp, how);
	case SOCK_TCP:
		/* As Linux: an open under way ends by it, in whatever direction. */
		if (s->u.conn->ep.state == TAPIR_TCP_SYN_SENT)
			return disconnect(t, s);
		return tcp_user_shutdown(t, s->u.conn, how);
	case SOCK_LISTEN:
		/* As Linux: it has no direction to write; without the other it listens no more. */
		return how == TAPIR_SHUT_WR ? 0 : disconnect(t, s);
	case SOCK_FREE:
		break;
	}
	return -ENOTCONN;
}

static int give_up(struct tapir *t, tapir_sock_t h, bool abort)
{
	struct sock *s = sock_find(t, h), was;

	if (!s)
		return -EBADF;
	was = *s;
	sock_release(t, s);
	switch ((enum sock_kind)was.kind) {
	case SOCK_UDP:
		udp_close(t, was.u.udp);
		break;
	case SOCK_TCP:
		if (abort)
			tcp_user_abort(t, was.u.conn);
		else
			tcp_user_close(t, was.u.conn);
		break;
	case SOCK_LISTEN:
		tcp_listener_close(t, was.u.listener);
		break;
	case SOCK_FREE:
		TAPIR_UNREACHABLE();
	}
	return 0;
}

int sock_close(struct tapir *t, tapir_sock_t h)
{
	return give_up(t, h, false);
}

int sock_abort(struct tapir *t, tapir_sock_t h)
{
	return give_up(t, h, true);
}

/* Whether TCP's peer is known to be one: getpeername() and the iterator. */
static bool has_peer(const struct tcp_conn *c)
{
	return c->ep.state != TAPIR_TCP_CLOSED && c->ep.state != TAPIR_TCP_SYN_SENT;
}

static void names(const struct sock *s, struct tapir_sockaddr *local, struct tapir_sockaddr *peer)
{
	const struct tcp_ep *ep;

	switch ((enum sock_kind)s->kind) {
	case SOCK_UDP:
		udp_names(s->u.udp, local, peer);
		return;
	case SOCK_TCP:
		conn_names(s->u.conn, local, peer);
		return;
	case SOCK_LISTEN:
		/* An endpoint is the first member of whatever the demultiplexer holds. */
		ep = (const struct tcp_ep *)(const void *)s->u.listener;
		*local = (struct tapir_sockaddr){ep->tuple.laddr, ep->tuple.lport,
						 tcp_listener_opt(s->u.listener)->ifindex};
		*peer = (struct tapir_sockaddr){0};
		return;
	case SOCK_FREE:
		break;
	}
	TAPIR_UNREACHABLE();
}

int sock_getsockname(struct tapir *t, tapir_sock_t h, struct tapir_sockaddr *sa)
{
	struct sock *s = sock_find(t, h);
	struct tapir_sockaddr peer;

	if (!s)
		return -EBADF;
	if (!sa)
		return -EFAULT;
	names(s, sa, &peer);
	return 0;
}

int sock_getpeername(struct tapir *t, tapir_sock_t h, struct tapir_sockaddr *sa)
{
	struct sock *s = sock_find(t, h);
	struct tapir_sockaddr local;

	if (!s)
		return -EBADF;
	if (!sa)
		return -EFAULT;
	if (s->kind == SOCK_LISTEN || (s->kind == SOCK_TCP && !has_peer(s->u.conn)) ||
	    (s->kind == SOCK_UDP && !(s->u.udp->flags & UDP_CONNECTED)))
		return -ENOTCONN;
	names(s, &local, sa);
	return 0;
}

static uint32_t level(struct tapir *t, const struct sock *s)
{
	switch ((enum sock_kind)s->kind) {
	case SOCK_UDP:
		return (uint32_t)udp_poll(t, s->u.udp);
	case SOCK_TCP:
		return (uint32_t)tcp_user_poll(t, s->u.conn);
	case SOCK_LISTEN:
		return (uint32_t)tcp_listener_poll(s->u.listener);
	case SOCK_FREE:
		break;
	}
	TAPIR_UNREACHABLE();
}

int sock_poll(struct tapir *t, tapir_sock_t h)
{
	struct sock *s = sock_find(t, h);

	return s ? (int)level(t, s) : -EBADF;
}

int sock_interest(struct tapir *t, tapir_sock_t h, uint32_t bits, uint64_t cookie)
{
	const uint32_t known =
		TAPIR_IN | TAPIR_PRI | TAPIR_OUT | TAPIR_ERR | TAPIR_HUP | (uint32_t)TAPIR_RDHUP;
	struct sock *s = sock_find(t, h);
	uint32_t now;

	if (!s)
		return -EBADF;
	if (bits & ~known)
		return -EINVAL;
	now = level(t, s);
	ready_interest(sock_ready(t, s), bits, cookie);
	ready_mark(t, sock_ready(t, s), now);
	/* Who asks for room while there is none will be told when there is. */
	if (bits & ~now & TAPIR_OUT) {
		if (s->kind == SOCK_UDP)
			udp_want_out(t, s->u.udp);
		else if (s->kind == SOCK_TCP)
			s->u.conn->flags |= TCP_F_WANT_OUT;
	}
	return 0;
}

static void describe(struct tapir *t, const struct sock *s, struct tapir_sock_info *out)
{
	*out = (struct tapir_sock_info){.sock = sock_handle(s), .state = TAPIR_TCP_CLOSED};
	names(s, &out->local, &out->peer);
	switch ((enum sock_kind)s->kind) {
	case SOCK_UDP:
		out->type = TAPIR_DGRAM;
		out->protocol = s->u.udp->flags & UDP_ECHO ? TAPIR_IPPROTO_ICMP : TAPIR_IPPROTO_UDP;
		if (s->u.udp->flags & UDP_CONNECTED)
			out->state = TAPIR_TCP_ESTABLISHED;
		udp_queues(s->u.udp, &out->recv_q, &out->send_q);
		return;
	case SOCK_TCP:
		out->type = TAPIR_STREAM;
		out->protocol = TAPIR_IPPROTO_TCP;
		out->state = s->u.conn->ep.state;
		tcp_user_queues(s->u.conn, &out->recv_q, &out->send_q);
		return;
	case SOCK_LISTEN:
		out->type = TAPIR_STREAM;
		out->protocol = TAPIR_IPPROTO_TCP;
		out->state = TAPIR_TCP_LISTEN;
		tcp_listener_queues(s->u.listener, &out->recv_q, &out->send_q);
		return;
	case SOCK_FREE:
		break;
	}
	(void)t;
	TAPIR_UNREACHABLE();
}

int sock_next(struct tapir *t, struct tapir_sock_iter *it, struct tapir_sock_info *out)
{
	const struct sock_table *st = t->sock;

	if (!it || !out)
		return -EFAULT;
	/* Handles by index; then TCP's records without one; then TIME-WAIT. */
	while (it->stage == 0 && it->pos < st->high) {
		const struct sock *s = sock_at(st, it->pos++);

		if (s->kind != SOCK_FREE) {
			describe(t, s, out);
			return 1;
		}
	}
	if (it->stage == 0) {
		it->stage = 1;
		it->pos = 0;
	}
	while (it->stage == 1 || it->stage == 2) {
		if (tcp_sock_next(t, it->stage - 1, &it->pos, out) > 0)
			return 1;
		it->stage++;
		it->pos = 0;
	}
	return 0;
}
