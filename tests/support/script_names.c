/*
 * Names that packet scripts may use, with Linux's numbers.
 */
#include <errno.h>
#include <string.h>

#include "stack/socket.h"
#include "tests/support/script.h"

struct name {
	const char *name;
	int64_t value;
};

static const struct name errnos[] = {
#define E(name)             \
	{                   \
#name, name \
	}
	E(EAGAIN),	    E(EINPROGRESS),   E(EALREADY),     E(EISCONN),	E(ENOTCONN),
	E(EPIPE),	    E(ECONNRESET),    E(ECONNREFUSED), E(ECONNABORTED), E(ETIMEDOUT),
	E(EHOSTUNREACH),    E(ENETUNREACH),   E(ENETDOWN),     E(EINVAL),	E(EBADF),
	E(EADDRINUSE),	    E(EADDRNOTAVAIL), E(EMSGSIZE),     E(ENOBUFS),	E(ENOMEM),
	E(EACCES),	    E(EPERM),	      E(EOPNOTSUPP),   E(EPROTO),	E(ENOPROTOOPT),
	E(EPROTONOSUPPORT), E(EAFNOSUPPORT),  E(EDESTADDRREQ), E(EFAULT),	E(EINTR),
	E(ENOSYS),	    E(EHOSTDOWN),     E(ENOENT),       E(ERANGE),	E(ENFILE),
#undef E
};

static const struct name others[] = {
	{"AF_INET", TAPIR_AF_INET},
	{"PF_INET", TAPIR_AF_INET},
	{"SOCK_STREAM", TAPIR_STREAM},
	{"SOCK_DGRAM", TAPIR_DGRAM},
	{"SOCK_NONBLOCK", 04000},
	{"IPPROTO_IP", 0},
	{"IPPROTO_ICMP", 1},
	{"IPPROTO_TCP", 6},
	{"IPPROTO_UDP", 17},
	{"SOL_IP", TAPIR_SOL_IP},
	{"SOL_SOCKET", TAPIR_SOL_SOCKET},
	{"SOL_TCP", TAPIR_SOL_TCP},
	{"INADDR_ANY", 0},
	{"SO_REUSEADDR", TAPIR_SO_REUSEADDR},
	{"SO_REUSEPORT", TAPIR_SO_REUSEPORT},
	{"SO_TYPE", TAPIR_SO_TYPE},
	{"SO_ERROR", TAPIR_SO_ERROR},
	{"SO_DONTROUTE", TAPIR_SO_DONTROUTE},
	{"SO_BROADCAST", TAPIR_SO_BROADCAST},
	{"SO_SNDBUF", TAPIR_SO_SNDBUF},
	{"SO_RCVBUF", TAPIR_SO_RCVBUF},
	{"SO_KEEPALIVE", TAPIR_SO_KEEPALIVE},
	{"SO_OOBINLINE", TAPIR_SO_OOBINLINE},
	{"SO_LINGER", TAPIR_SO_LINGER},
	{"SO_ACCEPTCONN", TAPIR_SO_ACCEPTCONN},
	{"IP_TOS", TAPIR_IP_TOS},
	{"IP_TTL", TAPIR_IP_TTL},
	{"IP_RECVERR", TAPIR_IP_RECVERR},
	{"IP_MTU_DISCOVER", TAPIR_IP_MTU_DISCOVER},
	{"IP_PMTUDISC_DONT", TAPIR_PMTUDISC_DONT},
	{"IP_PMTUDISC_WANT", TAPIR_PMTUDISC_WANT},
	{"IP_PMTUDISC_DO", TAPIR_PMTUDISC_DO},
	{"IP_MTU", TAPIR_IP_MTU},
	{"TCP_NODELAY", TAPIR_TCP_NODELAY},
	{"TCP_MAXSEG", TAPIR_TCP_MAXSEG},
	{"TCP_CORK", TAPIR_TCP_CORK},
	{"TCP_KEEPIDLE", TAPIR_TCP_KEEPIDLE},
	{"TCP_KEEPINTVL", TAPIR_TCP_KEEPINTVL},
	{"TCP_KEEPCNT", TAPIR_TCP_KEEPCNT},
	{"TCP_SYNCNT", TAPIR_TCP_SYNCNT},
	{"TCP_LINGER2", TAPIR_TCP_LINGER2},
	{"TCP_QUICKACK", TAPIR_TCP_QUICKACK},
	{"TCP_CONGESTION", TAPIR_TCP_CONGESTION},
	{"TCP_USER_TIMEOUT", TAPIR_TCP_USER_TIMEOUT},
	{"TCP_NOTSENT_LOWAT", TAPIR_TCP_NOTSENT_LOWAT},
	{"MSG_OOB", TAPIR_MSG_OOB},
	{"MSG_PEEK", TAPIR_MSG_PEEK},
	{"MSG_DONTROUTE", TAPIR_MSG_DONTROUTE},
	{"MSG_TRUNC", TAPIR_MSG_TRUNC},
	{"MSG_MORE", TAPIR_MSG_MORE},
	{"MSG_DONTWAIT", 0x40},
	{"MSG_NOSIGNAL", 0x4000},
	{"SHUT_RD", TAPIR_SHUT_RD},
	{"SHUT_WR", TAPIR_SHUT_WR},
	{"SHUT_RDWR", TAPIR_SHUT_RDWR},
	{"F_GETFL", 3},
	{"F_SETFL", 4},
	{"O_RDONLY", 0},
	{"O_WRONLY", 1},
	{"O_RDWR", 2},
	{"O_NONBLOCK", 04000},
	{"SIOCINQ", 0x541b},
	{"FIONREAD", 0x541b},
	{"SIOCOUTQ", 0x5411},
	{"POLLIN", TAPIR_IN},
	{"POLLPRI", TAPIR_PRI},
	{"POLLOUT", TAPIR_OUT},
	{"POLLERR", TAPIR_ERR},
	{"POLLHUP", TAPIR_HUP},
	{"POLLRDHUP", TAPIR_RDHUP},
	{"TCP_ESTABLISHED", TAPIR_TCP_ESTABLISHED},
	{"TCP_SYN_SENT", TAPIR_TCP_SYN_SENT},
	{"TCP_SYN_RECV", TAPIR_TCP_SYN_RECEIVED},
	{"TCP_FIN_WAIT1", TAPIR_TCP_FIN_WAIT_1},
	{"TCP_FIN_WAIT2", TAPIR_TCP_FIN_WAIT_2},
	{"TCP_TIME_WAIT", TAPIR_TCP_TIME_WAIT},
	{"TCP_CLOSE", TAPIR_TCP_CLOSED},
	{"TCP_CLOSE_WAIT", TAPIR_TCP_CLOSE_WAIT},
	{"TCP_LAST_ACK", TAPIR_TCP_LAST_ACK},
	{"TCP_LISTEN", TAPIR_TCP_LISTEN},
	{"TCP_CLOSING", TAPIR_TCP_CLOSING},
};

static bool find(const struct name *table, size_t n, const char *name, size_t len, int64_t *value)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0) {
			*value = table[i].value;
			return true;
		}
	}
	return false;
}

bool script_constant(const char *name, size_t len, int64_t *value)
{
	return find(others, sizeof(others) / sizeof(others[0]), name, len, value) ||
	       find(errnos, sizeof(errnos) / sizeof(errnos[0]), name, len, value);
}

const char *script_errno_name(int err)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
		if (errnos[i].value == err)
			return errnos[i].name;
	}
	return strerror(err);
}
