/*
 * Scenarios on two stacks (twin.h): the lines of each side, and what compares them.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/support/libc_table.h"
#include "tests/support/pdlib.h"
#include "tests/support/twin.h"

enum { LINES = 4000, LINE = 120 };

struct side {
	struct packetdrill_interface ifc;
	char line[LINES][LINE];
	unsigned n;
};

static struct side *on;
static struct side sides[2];
struct packetdrill_interface *twin_table;
char twin_buf[70000];

void twin_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (on->n < LINES)
		vsnprintf(on->line[on->n], LINE, fmt, ap);
	on->n++;
	va_end(ap);
}

long twin_told(const char *what, long r)
{
	int err = errno;

	if (r >= 0)
		twin_note("%s = %ld", what, r);
	else
		twin_note("%s = -1 %s", what, strerrorname_np(err));
	return r;
}

int twin_told_fd(const char *what, int fd)
{
	int err = errno;

	twin_note("%s = %s", what, fd >= 0 ? "fd" : strerrorname_np(err));
	return fd;
}

struct sockaddr_in twin_lo(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int twin_make(int type)
{
	return IFC.socket(U, AF_INET, type, 0);
}

int twin_bind(const char *what, int fd, uint16_t port)
{
	struct sockaddr_in a = twin_lo(port);

	return (int)SAY(what, IFC.bind(U, fd, (struct sockaddr *)&a, sizeof(a)));
}

int twin_connect(const char *what, int fd, uint16_t port)
{
	struct sockaddr_in a = twin_lo(port);

	return (int)SAY(what, IFC.connect(U, fd, (struct sockaddr *)&a, sizeof(a)));
}

void twin_settle(void)
{
	IFC.usleep(U, 3000);
}

void twin_nonblock(int fd)
{
	IFC.fcntl(U, fd, F_SETFL, O_RDWR | O_NONBLOCK);
}

void twin_revents(const char *what, int fd)
{
	struct pollfd p = {.fd = fd,
			   .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM |
				     POLLWRNORM | POLLRDBAND | POLLWRBAND};

	IFC.poll(U, &p, 1, 0);
	twin_note("%s: poll%s%s%s%s%s%s%s%s%s%s", what, p.revents & POLLIN ? " IN" : "",
		  p.revents & POLLOUT ? " OUT" : "", p.revents & POLLPRI ? " PRI" : "",
		  p.revents & POLLERR ? " ERR" : "", p.revents & POLLHUP ? " HUP" : "",
		  p.revents & POLLRDHUP ? " RDHUP" : "", p.revents & POLLRDNORM ? " RDNORM" : "",
		  p.revents & POLLWRNORM ? " WRNORM" : "", p.revents & POLLRDBAND ? " RDBAND" : "",
		  p.revents & POLLWRBAND ? " WRBAND" : "");
}

void twin_get(const char *what, int fd, int level, int name)
{
	unsigned char out[64];
	socklen_t len = 32;
	int v = 0, r, err;

	memset(out, 0, sizeof(out));
	errno = 0;
	r = IFC.getsockopt(U, fd, level, name, out, &len);
	err = errno;
	memcpy(&v, out, sizeof(v));
	if (r < 0)
		twin_note("%s: -1 %s", what, strerrorname_np(err));
	else
		twin_note("%s: %d (%u bytes)", what, v, (unsigned)len);
}

void twin_queues(const char *what, int fd)
{
	int in = -1, out = -1, nsd = -1, mark = -1, r[4];

	r[0] = IFC.ioctl(U, fd, (unsigned long)SIOCINQ, &in);
	r[1] = IFC.ioctl(U, fd, (unsigned long)SIOCOUTQ, &out);
	r[2] = IFC.ioctl(U, fd, (unsigned long)SIOCOUTQNSD, &nsd);
	r[3] = IFC.ioctl(U, fd, (unsigned long)SIOCATMARK, &mark);
	twin_note("%s: queues %d:%d %d:%d %d:%d %d:%d", what, r[0], in, r[1], out, r[2], nsd, r[3],
		  mark);
}

void twin_pair(uint16_t port, int *a, int *b, int *l)
{
	struct sockaddr_in at = twin_lo(port);
	int one = 1;

	*l = twin_make(SOCK_STREAM);
	IFC.setsockopt(U, *l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	IFC.bind(U, *l, (struct sockaddr *)&at, sizeof(at));
	IFC.listen(U, *l, 5);
	*a = twin_make(SOCK_STREAM);
	IFC.connect(U, *a, (struct sockaddr *)&at, sizeof(at));
	twin_settle();
	*b = IFC.accept(U, *l, NULL, NULL);
	twin_note("pair: %s", *a >= 0 && *b >= 0 ? "made" : "not made");
	twin_nonblock(*a);
	twin_nonblock(*b);
}

void twin_drop(int fd)
{
	struct linger l = {1, 0};

	IFC.setsockopt(U, fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	IFC.close(U, fd);
}

bool twin_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

static bool is_known(const char *line, const struct twin_known *known)
{
	for (; known && known->line; known++) {
		if (strncmp(line, known->line, strlen(known->line)) == 0)
			return true;
	}
	return false;
}

void twin_compare(void (*scenario)(void), const struct twin_known *known)
{
	struct pdlib lib;
	const char *why = "";
	unsigned differ = 0;

	if (!pdlib_open(&lib, "ip=192.168.0.1", &why))
		fail_msg("%s", why);
	sides[0].ifc = libc_table;
	sides[1].ifc = lib.ifc;
	for (unsigned i = 0; i < 2; i++) {
		on = &sides[i];
		on->n = 0;
		twin_table = &on->ifc;
		scenario();
	}
	pdlib_close(&lib);
	assert_in_range(sides[0].n, 1, LINES);
	for (unsigned i = 0; i < sides[0].n && i < sides[1].n; i++) {
		const char *linux_says = sides[0].line[i], *we_say = sides[1].line[i];

		if (strcmp(linux_says, we_say) == 0 || is_known(linux_says, known))
			continue;
		print_error("Linux: %-56s ours: %s\n", linux_says, we_say);
		differ++;
	}
	assert_int_equal(differ, 0);
	assert_int_equal(sides[0].n, sides[1].n);
}

int twin_setup(void **state)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};
	int fd;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		tapir_test_skip("no network namespace of its own");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return -1;
	close(fd);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}
