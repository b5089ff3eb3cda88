/*
 * The user calls of RFC 9293 3.9.1, as sock/sock.c makes them: OPEN SEND RECEIVE CLOSE ABORT STATUS.
 * All return >= 0 or a negative errno, with stack/socket.h's meaning.
 */
#ifndef TAPIR_TCP_TCP_USER_H
#define TAPIR_TCP_TCP_USER_H

#include "stack/tcp/tcp_conn.h"

/* tcp_user.c, over a connection */
int tcp_user_bind(struct tapir *t, struct tcp_conn *c, const struct tapir_sockaddr *sa);
int tcp_user_connect(struct tapir *t, struct tcp_conn *c, const struct tapir_sockaddr *sa);
int64_t tcp_user_send(struct tapir *t, struct tcp_conn *c, const struct iovec *iov, int n,
		      int flags);
/*
 * SEND with OPEN in it (RFC 7413; MSG_FASTOPEN): the SYN carries what it may of iov, which is returned; -EINPROGRESS: none of
 * it. peer is not looked at after a connect() that waits for data. -EOPNOTSUPP by setting, and connect()'s errors.
 */
int64_t tcp_user_send_fastopen(struct tapir *t, struct tcp_conn *c, const struct iovec *iov, int n,
			       const struct tapir_sockaddr *peer);
int64_t tcp_user_recv(struct tapir *t, struct tcp_conn *c, const struct iovec *iov, int n,
		      int flags);
int64_t tcp_user_reserve(struct tapir *t, struct tcp_conn *c, size_t want, struct iovec *iov,
			 int max, int *niov);
int tcp_user_commit(struct tapir *t, struct tcp_conn *c, size_t len, int flags);
int64_t tcp_user_peek(struct tapir *t, struct tcp_conn *c, struct iovec *iov, int max, int *niov);
int tcp_user_consume(struct tapir *t, struct tcp_conn *c, size_t len);
int tcp_user_held(struct tapir *t, struct tcp_conn *c, size_t bytes);
/* Bytes in front of the urgent byte; -EAGAIN: there is no mark. */
int64_t tcp_user_urgent(const struct tcp_conn *c);
int tcp_user_shutdown(struct tapir *t, struct tcp_conn *c, int how);
/* The handle is given up (rdy.sock becomes 0); c may be freed. */
void tcp_user_close(struct tapir *t, struct tcp_conn *c);
void tcp_user_abort(struct tapir *t, struct tcp_conn *c);
/* SO_REUSEADDR changed. */
void tcp_user_reuse_changed(struct tapir *t, struct tcp_conn *c);
int tcp_user_poll(struct tapir *t, struct tcp_conn *c);
void tcp_user_info(struct tapir *t, const struct tcp_conn *c, struct tapir_tcp_info *out);
/* Bytes unread, and bytes unsent or unacknowledged. */
void tcp_user_queues(const struct tcp_conn *c, uint32_t *recv_q, uint32_t *send_q);
/* The same, and those of the latter not sent yet; each may be NULL. */
void tcp_user_queued(const struct tcp_conn *c, uint32_t *unread, uint32_t *unacked,
		     uint32_t *unsent);
/* TCP_NODELAY was set: what Nagle, CORK or MSG_MORE hold back goes, as in Linux. */
void tcp_user_push(struct tapir *t, struct tcp_conn *c);
/* tcp_pmtu.c: TAPIR_PMTUDISC_... of a struct tcp_opt's pmtudisc. */
unsigned tcp_pmtu_mode(const struct tapir *t, uint8_t pmtudisc);
struct tcp_listener;
/*
 * The socket begins anew (tcp_renew.c): *out, CLOSED, has the options and the name of c, which ends as by ABORT, and the error
 * that Linux leaves. -ENOMEM: nothing has changed.
 */
int tcp_user_renew(struct tapir *t, struct tcp_conn *c, struct tcp_conn **out);
/* The same of a listener, which ends as by CLOSE. */
int tcp_listener_renew(struct tapir *t, struct tcp_listener *l, struct tcp_conn **out);
/* c->opt was changed by setsockopt: let it act (KEEPALIVE starts, buffers grow ...). */
void tcp_user_opt_changed(struct tapir *t, struct tcp_conn *c);

/* tcp_listen.c */
/*
 * c, bound or not (an ephemeral port then), becomes a listener: on success c is freed and *out has its
 * options, port and address. -EADDRINUSE, -EINVAL (connected), -ENOMEM.
 */
int tcp_user_listen(struct tapir *t, struct tcp_conn *c, int backlog, struct tcp_listener **out);
int tcp_listener_backlog(struct tapir *t, struct tcp_listener *l, int backlog);
/* The oldest established connection, without a handle yet; NULL: none. The caller gives it one. */
struct tcp_conn *tcp_listener_accept(struct tapir *t, struct tcp_listener *l);
/* Purges SYN records, resets connections not accepted, frees l (RFC 9293 3.10.4, LISTEN). */
void tcp_listener_close(struct tapir *t, struct tcp_listener *l);
int tcp_listener_poll(const struct tcp_listener *l);
struct tcp_opt *tcp_listener_opt(struct tcp_listener *l);
/* Where its connections take their congestion control from. */
const struct tcp_cc_ops **tcp_listener_cc(struct tcp_listener *l);
/* Where TCP_FASTOPEN_KEY of a listener is. */
struct tcp_fo_keys;
struct tcp_fo_keys **tcp_listener_keys(struct tcp_listener *l);
struct ready *tcp_listener_ready(struct tcp_listener *l);
void tcp_listener_info(const struct tapir *t, const struct tcp_listener *l,
		       struct tapir_tcp_info *o);
void tcp_listener_queues(const struct tcp_listener *l, uint32_t *waiting, uint32_t *backlog);

#endif
