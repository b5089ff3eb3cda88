#ifndef TAPIR_TESTS_SUPPORT_TWIN_H
#define TAPIR_TESTS_SUPPORT_TWIN_H

/*
 * The same calls on the kernel's sockets and on ours, over loopback, line by line: results, errno, values, readiness.
 *
 * A scenario is a function written once over the table of calls that packetdrill uses (T below); one table is
 * tapir-packetdrill.so's, the other one libc's, in a network namespace of its own. Each call leaves a line by
 * twin_note(); the lines must be equal. What is known to differ stands in a list with its reason.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "tests/support/test.h"
#include "tools/packetdrill/packetdrill_interface.h"

/* The table of the side that runs, and its first argument. */
extern struct packetdrill_interface *twin_table;
#define IFC (*twin_table)
#define U   (twin_table->userdata)

/* Room for any message. */
extern char twin_buf[70000];

/* Leaves a line. */
__attribute__((format(printf, 1, 2))) void twin_note(const char *fmt, ...);

/* A call's result as a line; descriptors are only said to be some. Returned as given. */
long twin_told(const char *what, long r);
int twin_told_fd(const char *what, int fd);
#define SAY(what, call) (errno = 0, twin_told(what, (long)(call)))

/* A port of loopback's address. */
struct sockaddr_in twin_lo(uint16_t port);
int twin_make(int type);
int twin_bind(const char *what, int fd, uint16_t port);
int twin_connect(const char *what, int fd, uint16_t port);
/* What has to happen between two ends has happened. */
void twin_settle(void);
void twin_nonblock(int fd);
/* A line with what poll() says of it, of all that may be asked. */
void twin_revents(const char *what, int fd);
/* A line with an option's first four bytes and its length. */
void twin_get(const char *what, int fd, int level, int name);
/* A line with SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK. */
void twin_queues(const char *what, int fd);
/* Both ends of a connection to a listener at `port`, not blocking; *l blocks. */
void twin_pair(uint16_t port, int *a, int *b, int *l);
/* Closes with a reset. */
void twin_drop(int fd);
/* Under valgrind, which minds what the kernel refuses: bad pointers aren't given. */
bool twin_valgrind(void);

/* How the kernel's line begins that may differ from ours, and why; the last has a NULL line. */
struct twin_known {
	const char *line, *why;
};

/* Runs the scenario on both and fails the test if a line differs that is not known to. */
void twin_compare(void (*scenario)(void), const struct twin_known *known);
/* A test's setup: a network namespace of its own with a loopback, and no SIGPIPE. */
int twin_setup(void **state);

#define SAME(name)                         \
	TEST(same_##name, "")              \
	{                                  \
		twin_compare(name, known); \
	}
#define TWIN(name) cmocka_unit_test_setup(same_##name, twin_setup)

#endif
