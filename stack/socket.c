/*
 * The public calls on sockets: each is sock/'s, between an entry and a leave, so that what a call sends
 * to ourselves arrives before it returns (see stack/tapir.c). tapir_ready_pop() is in tapir.c.
 */
#include <errno.h>

#include "stack/core/entry.h"
#include "stack/sock/sock.h"

/* Runs `call`, of `type`, as a public entry. */
#define ENTRY(type, call) \
	type result;      \
                          \
	stack_enter(t);   \
	result = call;    \
	stack_leave(t);   \
	return result

tapir_sock_t tapir_socket(struct tapir *t, int family, int type, int protocol)
{
	return sock_open(t, family, type, protocol);
}

int tapir_bind(struct tapir *t, tapir_sock_t s, const struct tapir_sockaddr *sa)
{
	return sock_bind(t, s, sa);
}

int tapir_listen(struct tapir *t, tapir_sock_t s, int backlog)
{
	return sock_listen(t, s, backlog);
}

tapir_sock_t tapir_accept(struct tapir *t, tapir_sock_t s, struct tapir_sockaddr *peer)
{
	ENTRY(tapir_sock_t, sock_accept(t, s, peer));
}

int tapir_connect(struct tapir *t, tapir_sock_t s, const struct tapir_sockaddr *sa)
{
	ENTRY(int, sock_connect(t, s, sa));
}

int64_t tapir_send(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n, int flags)
{
	ENTRY(int64_t, sock_send(t, s, iov, n, flags, NULL));
}

int64_t tapir_sendmsg(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n, int flags,
		      const struct tapir_msg *m)
{
	ENTRY(int64_t, sock_send(t, s, iov, n, flags, m));
}

int64_t tapir_recv(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n, int flags)
{
	ENTRY(int64_t, sock_recv(t, s, iov, n, flags, NULL));
}

int64_t tapir_recvmsg(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n, int flags,
		      struct tapir_msg *m)
{
	ENTRY(int64_t, sock_recv(t, s, iov, n, flags, m));
}

int64_t tapir_sendto(struct tapir *t, tapir_sock_t s, const void *buf, size_t len, int flags,
		     const struct tapir_sockaddr *to)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
	struct tapir_msg m = {.tos = -1};

	if (to)
		m.peer = *to;
	ENTRY(int64_t, sock_send(t, s, &iov, 1, flags, to ? &m : NULL));
}

int64_t tapir_recvfrom(struct tapir *t, tapir_sock_t s, void *buf, size_t len, int flags,
		       struct tapir_sockaddr *from)
{
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct tapir_msg m = {.tos = -1};
	int64_t n;

	stack_enter(t);
	n = sock_recv(t, s, &iov, 1, flags, from ? &m : NULL);
	stack_leave(t);
	if (n >= 0 && from)
		*from = m.peer;
	return n;
}

int64_t tapir_send_reserve(struct tapir *t, tapir_sock_t s, size_t want, struct iovec *iov, int max,
			   int *niov)
{
	return sock_reserve(t, s, want, iov, max, niov);
}

int tapir_send_commit(struct tapir *t, tapir_sock_t s, size_t len, int flags)
{
	ENTRY(int, sock_commit(t, s, len, flags));
}

int64_t tapir_recv_peek(struct tapir *t, tapir_sock_t s, struct iovec *iov, int max, int *niov)
{
	return sock_peek(t, s, iov, max, niov);
}

int tapir_recv_consume(struct tapir *t, tapir_sock_t s, size_t len)
{
	ENTRY(int, sock_consume(t, s, len));
}

int64_t tapir_urgent(struct tapir *t, tapir_sock_t s)
{
	return sock_urgent(t, s);
}

int tapir_recv_held(struct tapir *t, tapir_sock_t s, size_t bytes)
{
	ENTRY(int, sock_held(t, s, bytes));
}

int tapir_shutdown(struct tapir *t, tapir_sock_t s, int how)
{
	ENTRY(int, sock_shutdown(t, s, how));
}

int tapir_close(struct tapir *t, tapir_sock_t s)
{
	ENTRY(int, sock_close(t, s));
}

int tapir_abort(struct tapir *t, tapir_sock_t s)
{
	ENTRY(int, sock_abort(t, s));
}

int tapir_setsockopt(struct tapir *t, tapir_sock_t s, int level, int name, const void *val,
		     size_t len)
{
	ENTRY(int, sock_setopt(t, s, level, name, val, len));
}

int tapir_getsockopt(struct tapir *t, tapir_sock_t s, int level, int name, void *val, size_t *len)
{
	return sock_getopt(t, s, level, name, val, len);
}

int tapir_getsockname(struct tapir *t, tapir_sock_t s, struct tapir_sockaddr *sa)
{
	return sock_getsockname(t, s, sa);
}

int tapir_getpeername(struct tapir *t, tapir_sock_t s, struct tapir_sockaddr *sa)
{
	return sock_getpeername(t, s, sa);
}

int tapir_poll(struct tapir *t, tapir_sock_t s)
{
	return sock_poll(t, s);
}

int tapir_interest(struct tapir *t, tapir_sock_t s, uint32_t bits, uint64_t cookie)
{
	return sock_interest(t, s, bits, cookie);
}

int tapir_sock_next(struct tapir *t, struct tapir_sock_iter *it, struct tapir_sock_info *out)
{
	return sock_next(t, it, out);
}
