/*
 * The resolver bound to an event loop: its sockets and deadlines are served whenever the loop runs, its settings come from the machine's
 * resolv.conf unless given, the hosts file is read again when it has changed. Calls that wait run the loop, as those of loop.h; they are not
 * for callbacks of queries, whose result they would write over.
 */
#ifndef TAPIR_DRIVERS_NAMES_H
#define TAPIR_DRIVERS_NAMES_H

#include <netdb.h>

#include "dns/addrinfo.h"
#include "drivers/loop.h"

struct names;

struct names_conf {
	const struct tapir_sockaddr
		*server; /* given (--dns): nothing of resolv.conf's servers is used */
	unsigned nservers;
	const char *resolv_conf; /* NULL: /etc/resolv.conf */
	const char *hosts;	 /* NULL: /etc/hosts */
	/* Told of lines of resolv.conf that can't be followed; NULL: nobody is. */
	void (*note)(void *ctx, const char *line);
	void *ctx;
};

/* NULL with the reason in *err: no entropy, no memory. Having no server is none: queries end in DNS_NOSERVER
 * (names_servers() is 0), and a note has told why and what to do. */
struct names *names_open(struct loop *l, const struct names_conf *conf, struct drv_error *err);
void names_close(struct names *n);
unsigned names_servers(const struct names *n);
/* For queries of one's own; call names_changed() after beginning or cancelling some, unless the loop's turn is under way. */
struct dns *names_dns(struct names *n);
void names_changed(struct names *n);

/*
 * POSIX's calls. `deadline_ns` is a value of the loop's clock. Results are the C library's struct, freed by tapir_freeaddrinfo(). Return 0 or an EAI_ code
 * (EAI_SYSTEM with errno: EINTR the loop is to stop, ENODEV). EAI_AGAIN: timed out, or a server's failure: try later.
 */
int tapir_getaddrinfo(struct names *n, const char *node, const char *service,
		      const struct addrinfo *hints, struct addrinfo **res, uint64_t deadline_ns);
void tapir_freeaddrinfo(struct addrinfo *ai);
int tapir_getnameinfo(struct names *n, const struct sockaddr *sa, socklen_t salen, char *host,
		      socklen_t hostlen, char *serv, socklen_t servlen, int flags,
		      uint64_t deadline_ns);
const char *tapir_gai_strerror(int code);

/* One query, waited for: 0 with *r (valid until the next call), or -EINTR, -ENODEV, -ETIMEDOUT, or as dns_query(). q->done is not used. */
int names_query(struct names *n, const struct dns_query *q, struct dns_reply *r,
		uint64_t deadline_ns);

#endif
