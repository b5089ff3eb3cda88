/*
 * Stand-ins for parts that have not landed yet, so that the instance links. Each goes by itself when
 * its real file is there; the whole file goes with the last.
 */
#include <errno.h>

#include "stack/core/rx.h"
#include "stack/ip/icmp.h"
#include "stack/ip/igmp.h"
#include "stack/ip/ip.h"
#include "stack/ip/pmtu.h"
#include "stack/ip/reass.h"
#include "stack/link/arp.h"
#include "stack/link/ether.h"
#include "stack/link/neigh.h"
#include "stack/sock/sock.h"
#include "stack/udp/udp.h"

#define ERR_RETURN(sig)         \
	sig;                    \
	sig                     \
	{                       \
		return -ENOSYS; \
	}
#define OK_RETURN(sig)    \
	sig;              \
	sig               \
	{                 \
		return 0; \
	}
#define NOTHING(sig) \
	sig;         \
	sig          \
	{            \
	}
#define DROP_ALL(sig)                             \
	sig;                                      \
	sig                                       \
	{                                         \
		(void)t;                          \
		pkt_drop(rx->pkt, DROP_IP_PROTO); \
		return V_DONE;                    \
	}
#pragma GCC diagnostic ignored "-Wunused-parameter"

#if !__has_include("stack/udp/udp.c")
OK_RETURN(int udp_init(struct tapir *t))
NOTHING(void udp_fini(struct tapir *t))
DROP_ALL(enum verdict udp_input(struct tapir *t, struct rx *rx))
DROP_ALL(enum verdict echo_input(struct tapir *t, struct rx *rx))
NOTHING(void udp_icmp_err(struct tapir *t, const struct icmp_err *e))
NOTHING(void echo_icmp_err(struct tapir *t, const struct icmp_err *e))
NOTHING(void udp_tx_room(struct tapir *t))
NOTHING(void udp_if_gone(struct tapir *t, struct netif *ifp))
NOTHING(void udp_addr_gone(struct tapir *t, uint32_t ip4))
NOTHING(void udp_check(struct tapir *t))
#endif
#if !__has_include("stack/sock/table.c")
OK_RETURN(int sock_init(struct tapir *t))
NOTHING(void sock_fini(struct tapir *t))
NOTHING(void sock_check(struct tapir *t))
#endif
#if !__has_include("stack/tcp/tcp_input.c")
DROP_ALL(enum verdict tcp_input(struct tapir *t, struct rx *rx))
NOTHING(void tcp_icmp_err(struct tapir *t, const struct icmp_err *e))
#endif
#if !__has_include("stack/tcp/tcp_input.c")
OK_RETURN(int tcp_init(struct tapir *t))
NOTHING(void tcp_fini(struct tapir *t))
NOTHING(void tcp_addr_gone(struct tapir *t, uint32_t ip4))
#endif
#if !__has_include("stack/tcp/tcp_output.c")
NOTHING(void tcp_flush(struct tapir *t))
#endif
#if !__has_include("stack/tcp/tcp_timer.c")
NOTHING(void tcp_conn_timer(struct tapir *t, struct timer *tm))
#endif
#if !__has_include("stack/tcp/tcp_input.c")
NOTHING(void tcp_syn_timer(struct tapir *t, struct timer *tm))
#endif
#if !__has_include("stack/tcp/tcp_input.c")
NOTHING(void tcp_tw_timer(struct tapir *t, struct timer *tm))
#endif
#if !__has_include("stack/tcp/tcp_input.c")
NOTHING(void tcp_listen_timer(struct tapir *t, struct timer *tm))
#endif
#if !__has_include("stack/tcp/tcp_input.c")
NOTHING(void tcp_check(struct tapir *t))
#endif
#if !__has_include("stack/socket.c")
#include "stack/socket.h"
ERR_RETURN(tapir_sock_t tapir_socket(struct tapir *t, int family, int type, int protocol))
ERR_RETURN(int tapir_bind(struct tapir *t, tapir_sock_t s, const struct tapir_sockaddr *sa))
ERR_RETURN(int tapir_listen(struct tapir *t, tapir_sock_t s, int backlog))
ERR_RETURN(tapir_sock_t tapir_accept(struct tapir *t, tapir_sock_t s, struct tapir_sockaddr *peer))
ERR_RETURN(int tapir_connect(struct tapir *t, tapir_sock_t s, const struct tapir_sockaddr *sa))
ERR_RETURN(int64_t tapir_send(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n,
			      int flags))
ERR_RETURN(int64_t tapir_sendmsg(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n,
				 int flags, const struct tapir_msg *m))
ERR_RETURN(int64_t tapir_recv(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n,
			      int flags))
ERR_RETURN(int64_t tapir_recvmsg(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n,
				 int flags, struct tapir_msg *m))
ERR_RETURN(int64_t tapir_sendto(struct tapir *t, tapir_sock_t s, const void *buf, size_t len,
				int flags, const struct tapir_sockaddr *to))
ERR_RETURN(int64_t tapir_recvfrom(struct tapir *t, tapir_sock_t s, void *buf, size_t len, int flags,
				  struct tapir_sockaddr *from))
ERR_RETURN(int tapir_shutdown(struct tapir *t, tapir_sock_t s, int how))
ERR_RETURN(int tapir_close(struct tapir *t, tapir_sock_t s))
ERR_RETURN(int tapir_abort(struct tapir *t, tapir_sock_t s))
ERR_RETURN(int tapir_setsockopt(struct tapir *t, tapir_sock_t s, int level, int name,
				const void *val, size_t len))
ERR_RETURN(int tapir_getsockopt(struct tapir *t, tapir_sock_t s, int level, int name, void *val,
				size_t *len))
ERR_RETURN(int tapir_getsockname(struct tapir *t, tapir_sock_t s, struct tapir_sockaddr *sa))
ERR_RETURN(int tapir_getpeername(struct tapir *t, tapir_sock_t s, struct tapir_sockaddr *sa))
ERR_RETURN(int tapir_poll(struct tapir *t, tapir_sock_t s))
ERR_RETURN(int tapir_interest(struct tapir *t, tapir_sock_t s, uint32_t bits, uint64_t cookie))
ERR_RETURN(int64_t tapir_send_reserve(struct tapir *t, tapir_sock_t s, size_t want,
				      struct iovec *iov, int max, int *niov))
ERR_RETURN(int tapir_send_commit(struct tapir *t, tapir_sock_t s, size_t len, int flags))
ERR_RETURN(int64_t tapir_recv_peek(struct tapir *t, tapir_sock_t s, struct iovec *iov, int max,
				   int *niov))
ERR_RETURN(int tapir_recv_consume(struct tapir *t, tapir_sock_t s, size_t len))
OK_RETURN(int tapir_sock_next(struct tapir *t, struct tapir_sock_iter *it,
			      struct tapir_sock_info *out))
#endif

#include "stack/tcp/tcp_user.h"
#if !__has_include("stack/tcp/tcp_conn.c")
struct tcp_conn *tcp_conn_new(struct tapir *t)
{
	return NULL;
}
#endif
#if !__has_include("stack/tcp/cc_newreno.c")
const struct tcp_cc_ops *tcp_cc_find(const char *name)
{
	return NULL;
}
#endif
#if !__has_include("stack/tcp/tcp_user.c")
ERR_RETURN(int tcp_user_bind(struct tapir *t, struct tcp_conn *c, const struct tapir_sockaddr *sa))
ERR_RETURN(int tcp_user_connect(struct tapir *t, struct tcp_conn *c,
				const struct tapir_sockaddr *sa))
ERR_RETURN(int64_t tcp_user_send(struct tapir *t, struct tcp_conn *c, const struct iovec *iov,
				 int n, int flags))
ERR_RETURN(int64_t tcp_user_recv(struct tapir *t, struct tcp_conn *c, const struct iovec *iov,
				 int n, int flags))
ERR_RETURN(int64_t tcp_user_reserve(struct tapir *t, struct tcp_conn *c, size_t want,
				    struct iovec *iov, int max, int *niov))
ERR_RETURN(int tcp_user_commit(struct tapir *t, struct tcp_conn *c, size_t len, int flags))
ERR_RETURN(int64_t tcp_user_peek(struct tapir *t, struct tcp_conn *c, struct iovec *iov, int max,
				 int *niov))
ERR_RETURN(int tcp_user_consume(struct tapir *t, struct tcp_conn *c, size_t len))
ERR_RETURN(int tcp_user_held(struct tapir *t, struct tcp_conn *c, size_t bytes))
ERR_RETURN(int tcp_user_shutdown(struct tapir *t, struct tcp_conn *c, int how))
NOTHING(void tcp_user_close(struct tapir *t, struct tcp_conn *c))
NOTHING(void tcp_user_abort(struct tapir *t, struct tcp_conn *c))
OK_RETURN(int tcp_user_poll(struct tapir *t, const struct tcp_conn *c))
NOTHING(void tcp_user_info(struct tapir *t, const struct tcp_conn *c, struct tapir_tcp_info *out))
NOTHING(void tcp_user_queues(const struct tcp_conn *c, uint32_t *recv_q, uint32_t *send_q))
NOTHING(void tcp_user_opt_changed(struct tapir *t, struct tcp_conn *c))
#endif
#if !__has_include("stack/tcp/tcp_input.c")
OK_RETURN(int tcp_sock_next(struct tapir *t, unsigned stage, uint32_t *pos,
			    struct tapir_sock_info *out))
#endif
#if !__has_include("stack/tcp/tcp_input.c")
ERR_RETURN(int tcp_user_listen(struct tapir *t, struct tcp_conn *c, int backlog,
			       struct tcp_listener **out))
ERR_RETURN(int tcp_listener_backlog(struct tapir *t, struct tcp_listener *l, int backlog))
struct tcp_conn *tcp_listener_accept(struct tapir *t, struct tcp_listener *l)
{
	return NULL;
}
NOTHING(void tcp_listener_close(struct tapir *t, struct tcp_listener *l))
OK_RETURN(int tcp_listener_poll(const struct tcp_listener *l))
struct tcp_opt *tcp_listener_opt(struct tcp_listener *l)
{
	return NULL;
}
const struct tcp_cc_ops **tcp_listener_cc(struct tcp_listener *l)
{
	return NULL;
}
struct ready *tcp_listener_ready(struct tcp_listener *l)
{
	return NULL;
}
NOTHING(void tcp_listener_queues(const struct tcp_listener *l, uint32_t *waiting,
				 uint32_t *backlog))
#endif
