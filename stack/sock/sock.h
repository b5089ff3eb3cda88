/*
 * Sockets: what each public call does for each kind of socket.
 *
 * The functions of sock.c and opts.c are those of stack/socket.h under another name: stack/socket.c
 * puts the entry and the leave around them. All arguments come from the application and are believed
 * in nothing.
 */
#ifndef TAPIR_SOCK_SOCK_H
#define TAPIR_SOCK_SOCK_H

#include "stack/core/instance.h"
#include "stack/core/ready.h"
#include "stack/sock/table.h"
#include "stack/socket.h"

enum { SOCK_IOV_MAX = 1024 };

int sock_init(struct tapir *t);
/* Forgets every handle; what they stood for is freed by udp_fini() and tcp_fini(). */
void sock_fini(struct tapir *t);
void sock_check(struct tapir *t);

/* ---- sock.c ---- */
tapir_sock_t sock_open(struct tapir *t, int family, int type, int protocol);
int sock_bind(struct tapir *t, tapir_sock_t h, const struct tapir_sockaddr *sa);
int sock_listen(struct tapir *t, tapir_sock_t h, int backlog);
tapir_sock_t sock_accept(struct tapir *t, tapir_sock_t h, struct tapir_sockaddr *peer);
int sock_connect(struct tapir *t, tapir_sock_t h, const struct tapir_sockaddr *sa);
int64_t sock_send(struct tapir *t, tapir_sock_t h, const struct iovec *iov, int n, int flags,
		  const struct tapir_msg *m);
int64_t sock_recv(struct tapir *t, tapir_sock_t h, const struct iovec *iov, int n, int flags,
		  struct tapir_msg *m);
int64_t sock_reserve(struct tapir *t, tapir_sock_t h, size_t want, struct iovec *iov, int max,
		     int *niov);
int sock_commit(struct tapir *t, tapir_sock_t h, size_t len, int flags);
int64_t sock_peek(struct tapir *t, tapir_sock_t h, struct iovec *iov, int max, int *niov);
int sock_consume(struct tapir *t, tapir_sock_t h, size_t len);
int64_t sock_urgent(struct tapir *t, tapir_sock_t h);
int sock_held(struct tapir *t, tapir_sock_t h, size_t bytes);
int sock_shutdown(struct tapir *t, tapir_sock_t h, int how);
int sock_close(struct tapir *t, tapir_sock_t h);
int sock_abort(struct tapir *t, tapir_sock_t h);
int sock_getsockname(struct tapir *t, tapir_sock_t h, struct tapir_sockaddr *sa);
int sock_getpeername(struct tapir *t, tapir_sock_t h, struct tapir_sockaddr *sa);
int sock_poll(struct tapir *t, tapir_sock_t h);
int sock_interest(struct tapir *t, tapir_sock_t h, uint32_t bits, uint64_t cookie);
int sock_next(struct tapir *t, struct tapir_sock_iter *it, struct tapir_sock_info *out);
/* The ready node of a socket in use. */
struct ready *sock_ready(const struct tapir *t, const struct sock *s);

/* ---- opts.c ---- */
int sock_setopt(struct tapir *t, tapir_sock_t h, int level, int name, const void *val, size_t len);
int sock_getopt(struct tapir *t, tapir_sock_t h, int level, int name, void *val, size_t *len);

/* ---- opts_open.c: how a connection opens ---- */
/* A stream taken apart: conn, or the listener l. */
struct open_target {
	struct tapir *t;
	struct tcp_opt *opt;
	struct tcp_conn *conn;
	struct tcp_listener *l;
};

/* As tapir_setsockopt() and tapir_getsockopt() at level TAPIR_SOL_TCP; -ENOPROTOOPT: not one of these. */
int sock_set_open_opt(struct open_target *o, int name, const void *val, size_t len);
int sock_get_open_opt(struct open_target *o, int name, int *v);
int sock_get_fastopen_key(struct open_target *o, void *val, size_t *len);

#endif
