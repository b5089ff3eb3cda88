/*
 * Two TCPs over the same simulated path in real time: the kernel's, ours, or one of each.
 *
 *	netns of the sender                 this process                  netns of the receiver
 *	write() -- kernel TCP -- tun ====== struct simpath, each way ====== tun -- kernel TCP -- read()
 *	                   or: a stack of ours in this process, without a tun
 *
 * The path is that of the simulated link (drivers/simlink_path.h), the same seed for every pair: loss, delay,
 * a rate with a queue. It is a raw IP path, segments are cut to 1500 bytes before it, on both kinds. The kernel's
 * congestion control is named for each socket, never taken from the host's default. What is told is what
 * reached the reading program within the time, from the beginning of connect(), and segments sent again.
 *
 *	simpath [-t SECONDS] [-r MBIT] [-s SEED] [-l PERMILLE,...] [-d RTT_MS,...] [-c CC,...]
 *
 * Needs /dev/net/tun and either root or user namespaces. `make bench-path` runs it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drivers/simlink_path.h"
#include "stack/base/assert.h"
#include "stack/conf.h"
#include "stack/netif.h"
#include "stack/socket.h"
#include "stack/stats.h"

enum { MTU = 1500, PORT = 5001, CHUNK = 65536, BATCH = 64, LIST_MAX = 8, FLIGHTS_MAX = 65536 };

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

enum side { SENDER, RECEIVER };

struct setup {
	unsigned seconds;
	uint64_t rate_bps, seed;
	unsigned loss_permille, rtt_ms;
	const char *cc;
	bool ours[2];
};

struct result {
	uint64_t bytes, retrans;
};

_Noreturn void tapir_panic(const char *file, int line, const char *expr)
{
	fprintf(stderr, "simpath: %s:%d: %s\n", file, line, expr);
	abort();
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "simpath: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint32_t address(enum side side)
{
	return 0x0a090001 + (uint32_t)side;
}

/* ---- a side on the kernel: a child in a network namespace of its own ---- */

struct kernel_side {
	pid_t pid;
	int tun;     /* of its namespace */
	int control; /* a byte: begin; then a struct result comes back */
};

static void set_up(int tun, enum side side)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct ifreq ifr = {0};
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	ifr.ifr_flags = IFF_TUN | IFF_NO_PI;
	strcpy(ifr.ifr_name, "sim0");
	if (s < 0 || ioctl(tun, TUNSETIFF, &ifr) < 0)
		die("TUNSETIFF");
	sin.sin_addr.s_addr = htonl(address(side));
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	if (ioctl(s, SIOCSIFADDR, &ifr) < 0)
		die("SIOCSIFADDR");
	sin.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&ifr.ifr_netmask, &sin, sizeof(sin));
	if (ioctl(s, SIOCSIFNETMASK, &ifr) < 0)
		die("SIOCSIFNETMASK");
	ifr.ifr_mtu = MTU;
	if (ioctl(s, SIOCSIFMTU, &ifr) < 0)
		die("SIOCSIFMTU");
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		die("SIOCSIFFLAGS");
	close(s);
}

static void pass_fd(int control, int fd)
{
	char byte = 0, buf[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = buf,
			   .msg_controllen = sizeof(buf)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(control, &m, 0) < 0)
		die("sendmsg");
}

static int take_fd(int control)
{
	char byte, buf[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = buf,
			   .msg_controllen = sizeof(buf)};
	int fd = -1;

	if (recvmsg(control, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static struct result kernel_send(const struct setup *u, uint64_t end_ns)
{
	static char buf[CHUNK];
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(PORT),
				 .sin_addr.s_addr = htonl(address(RECEIVER))};
	struct result r = {0};
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, u->cc, (socklen_t)strlen(u->cc)) < 0)
		die("TCP_CONGESTION");
	if (connect(s, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		die("connect");
	while (clock_ns() < end_ns) {
		struct pollfd p = {.fd = s, .events = POLLOUT};

		if (poll(&p, 1, 20) > 0 && write(s, buf, sizeof(buf)) < 0 && errno != EAGAIN)
			break;
	}
	getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &len);
	r.retrans = info.tcpi_total_retrans;
	close(s);
	return r;
}

static struct result kernel_receive(int listener, uint64_t end_ns)
{
	static char buf[CHUNK];
	struct result r = {0};
	int s = -1;

	while (clock_ns() < end_ns) {
		struct pollfd p = {.fd = s < 0 ? listener : s, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, 20) <= 0)
			continue;
		if (s < 0) {
			s = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
			continue;
		}
		n = read(s, buf, sizeof(buf));
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		r.bytes += n > 0 ? (uint64_t)n : 0;
	}
	return r;
}

static _Noreturn void kernel_child(const struct setup *u, enum side side, int control)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int listener = -1, flags = CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0), tun;
	struct result r;
	uint64_t end_ns;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(flags) < 0)
		die("a network namespace");
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (tun < 0)
		die("/dev/net/tun");
	set_up(tun, side);
	if (side == RECEIVER) {
		listener = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 ||
		    listen(listener, 1) < 0)
			die("listen");
	}
	pass_fd(control, tun);
	close(tun);
	if (read(control, &end_ns, sizeof(end_ns)) != sizeof(end_ns))
		exit(1);
	r = side == SENDER ? kernel_send(u, end_ns) : kernel_receive(listener, end_ns);
	if (write(control, &r, sizeof(r)) != sizeof(r))
		exit(1);
	exit(0);
}

static struct kernel_side kernel_start(const struct setup *u, enum side side)
{
	struct kernel_side k;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		die("socketpair");
	k.pid = fork();
	if (k.pid < 0)
		die("fork");
	if (k.pid == 0) {
		close(pair[0]);
		kernel_child(u, side, pair[1]);
	}
	close(pair[1]);
	k.control = pair[0];
	k.tun = take_fd(k.control);
	if (k.tun < 0)
		exit(1);
	return k;
}

/* ---- a side on our stack ---- */

struct our_side {
	struct tapir *t;
	int ifi;
	enum side side;
	tapir_sock_t listener, s;
	uint64_t bytes;
};

static void *host_alloc(void *ctx, size_t n)
{
	(void)ctx;
	return malloc(n);
}

static void host_free(void *ctx, void *p, size_t n)
{
	(void)ctx;
	(void)n;
	free(p);
}

static void our_start(struct our_side *o, enum side side, uint64_t now_ns)
{
	static const struct tapir_env env = {NULL, host_alloc, host_free, NULL};
	struct tapir_netif_conf nc = {.name = "sim0", .type = TAPIR_NETIF_RAW_IP, .mtu = MTU};
	struct tapir_addr a = tapir_addr_v4(address(side));
	uint8_t seed[TAPIR_SEED_LEN] = {(uint8_t)side, 7};
	struct tapir_conf conf;

	*o = (struct our_side){.side = side};
	tapir_conf_default(&conf);
	TAPIR_ASSERT(tapir_create(&o->t, &env, &conf, seed, now_ns) == 0);
	o->ifi = tapir_netif_add(o->t, &nc);
	TAPIR_ASSERT(o->ifi > 0 && tapir_addr_add(o->t, o->ifi, &a, 24) == 0);
	TAPIR_ASSERT(tapir_netif_up(o->t, o->ifi) == 0);
}

static void our_begin(struct our_side *o, const struct setup *u)
{
	struct tapir_sockaddr any = tapir_sockaddr_v4(0, PORT);
	struct tapir_sockaddr to = tapir_sockaddr_v4(address(RECEIVER), PORT);
	tapir_sock_t s = tapir_socket(o->t, TAPIR_AF_INET, TAPIR_STREAM, 0);

	if (o->side == RECEIVER) {
		o->listener = s;
		TAPIR_ASSERT(tapir_bind(o->t, s, &any) == 0 && tapir_listen(o->t, s, 1) == 0);
		return;
	}
	o->s = s;
	if (tapir_setsockopt(o->t, s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION, u->cc, strlen(u->cc)) <
	    0)
		fprintf(stderr, "simpath: the stack has no %s\n", u->cc);
	tapir_connect(o->t, s, &to);
}

static void our_serve(struct our_side *o)
{
	static uint8_t buf[CHUNK];
	struct tapir_ready ev[BATCH];
	int64_t n;

	while (tapir_ready_pop(o->t, ev, BATCH) > 0)
		;
	if (o->side == RECEIVER && o->s <= 0)
		o->s = tapir_accept(o->t, o->listener, NULL);
	if (o->s <= 0)
		return;
	do {
		struct iovec iov = {buf, sizeof(buf)};

		n = o->side == SENDER ? tapir_send(o->t, o->s, &iov, 1, 0)
				      : tapir_recv(o->t, o->s, &iov, 1, 0);
		o->bytes += n > 0 ? (uint64_t)n : 0;
	} while (n > 0);
}

/* ---- the relay ---- */

struct flight {
	uint64_t at_ns, order;
	uint32_t len;
	uint8_t *p;
};

struct way {
	struct simpath path;
	uint64_t rng, order;
	struct flight *heap;
	size_t n;
};

struct relay {
	struct kernel_side kernel[2];
	struct our_side our[2];
	const struct setup *u;
	struct way way[2]; /* from the sender, from the receiver */
	uint64_t now_ns;
};

static bool earlier(const struct flight *a, const struct flight *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

static void heap_push(struct way *w, struct flight f)
{
	size_t i = w->n++;

	for (; i > 0 && earlier(&f, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = f;
}

static struct flight heap_pop(struct way *w)
{
	struct flight first = w->heap[0], f = w->heap[--w->n];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= w->n)
			break;
		if (child + 1 < w->n && earlier(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!earlier(&w->heap[child], &f))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = f;
	return first;
}

/* A packet leaves a side. */
static void enter(struct relay *r, enum side from, const uint8_t *p, uint32_t len)
{
	struct way *w = &r->way[from];
	uint64_t leaves;
	struct flight f;

	if (!simpath_enter(&w->path, &w->rng, r->now_ns, len, len, &leaves) || w->n == FLIGHTS_MAX)
		return;
	f = (struct flight){.at_ns = simpath_arrival(&w->path, &w->rng, leaves),
			    .order = w->order++,
			    .len = len,
			    .p = malloc(len)};
	if (!f.p)
		die("malloc");
	memcpy(f.p, p, len);
	heap_push(w, f);
}

static void take_all(struct relay *r, enum side from)
{
	static uint8_t buf[CHUNK];
	const struct pkt *pkts[BATCH];
	ssize_t len;
	size_t n;

	if (!r->u->ours[from]) {
		while ((len = read(r->kernel[from].tun, buf, sizeof(buf))) > 0) {
			/* What else the kernel sends (router solicitations) is no concern of the path. */
			if (buf[0] >> 4 == 4)
				enter(r, from, buf, (uint32_t)len);
		}
		return;
	}
	while ((n = tapir_tx_peek(r->our[from].t, r->our[from].ifi, pkts, BATCH)) > 0) {
		for (size_t i = 0; i < n; i++) {
			uint32_t at = pkts[i]->len;

			memcpy(buf, pkts[i]->data, at);
			for (unsigned k = 0; k < pkts[i]->nspan; k++) {
				memcpy(buf + at, pkts[i]->span[k].p, pkts[i]->span[k].len);
				at += pkts[i]->span[k].len;
			}
			enter(r, from, buf, at);
		}
		tapir_tx_done(r->our[from].t, r->our[from].ifi, n);
	}
}

static void deliver(struct relay *r, enum side from)
{
	struct way *w = &r->way[from];
	enum side to = from == SENDER ? RECEIVER : SENDER;

	while (w->n > 0 && w->heap[0].at_ns <= r->now_ns) {
		struct flight f = heap_pop(w);

		if (!r->u->ours[to]) {
			if (write(r->kernel[to].tun, f.p, f.len) < 0 && errno != EAGAIN)
				die("write to tun");
		} else {
			struct pkt *p = tapir_pkt_alloc(r->our[to].t, f.len);

			TAPIR_ASSERT(p);
			memcpy(p->data, f.p, f.len);
			p->len = f.len;
			tapir_input(r->our[to].t, r->our[to].ifi, p);
		}
		free(f.p);
	}
}

static void sleep_until_next(struct relay *r)
{
	uint64_t next = r->now_ns + 20 * NS_PER_MS, ns;
	struct pollfd fds[2];
	nfds_t n = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (r->way[i].n > 0 && r->way[i].heap[0].at_ns < next)
			next = r->way[i].heap[0].at_ns;
		if (!r->u->ours[i]) {
			fds[n++] = (struct pollfd){.fd = r->kernel[i].tun, .events = POLLIN};
			continue;
		}
		ns = tapir_next_deadline(r->our[i].t);
		next = ns < next ? ns : next;
	}
	ns = clock_ns();
	ns = next > ns ? next - ns : 0;
	ppoll(fds, n, &(struct timespec){.tv_nsec = (long)ns}, NULL);
}

static struct result run(const struct setup *u)
{
	static struct relay r;
	struct result res = {0}, got;
	uint64_t start, end;

	r.u = u;
	prctl(PR_SET_TIMERSLACK, 1000);
	r.now_ns = clock_ns();
	for (unsigned i = 0; i < 2; i++) {
		struct way *w = &r.way[i];
		uint32_t bdp = (uint32_t)(u->rate_bps / 8 * u->rtt_ms / 1000);

		w->heap = calloc(FLIGHTS_MAX, sizeof(*w->heap));
		w->rng = u->seed + i;
		w->path.conf = (struct simlink_conf){.rate_bps = u->rate_bps,
						     .delay_ns = u->rtt_ms * NS_PER_MS / 2};
		if (i == SENDER) {
			w->path.conf.loss_ppm = u->loss_permille * 1000;
			w->path.conf.queue_bytes = bdp > 30000 ? bdp : 30000;
		}
		if (u->ours[i])
			our_start(&r.our[i], (enum side)i, r.now_ns);
		else
			r.kernel[i] = kernel_start(u, (enum side)i);
	}
	start = clock_ns();
	end = start + u->seconds * NS_PER_S;
	for (int i = 1; i >= 0; i--) {
		if (u->ours[i]) {
			tapir_advance(r.our[i].t, start);
			our_begin(&r.our[i], u);
		} else if (write(r.kernel[i].control, &end, sizeof(end)) != sizeof(end)) {
			die("a side");
		}
	}
	while ((r.now_ns = clock_ns()) < end) {
		for (unsigned i = 0; i < 2; i++) {
			if (u->ours[i])
				tapir_advance(r.our[i].t, r.now_ns);
		}
		for (unsigned i = 0; i < 2; i++)
			deliver(&r, (enum side)i);
		for (unsigned i = 0; i < 2; i++) {
			if (u->ours[i])
				our_serve(&r.our[i]);
		}
		for (unsigned i = 0; i < 2; i++)
			take_all(&r, (enum side)i);
		sleep_until_next(&r);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (u->ours[i]) {
			got.bytes = r.our[i].bytes;
			got.retrans = tapir_stats_of(r.our[i].t)->n[STAT_Tcp_RetransSegs];
		} else if (read(r.kernel[i].control, &got, sizeof(got)) != sizeof(got)) {
			die("a result");
		} else {
			waitpid(r.kernel[i].pid, NULL, 0);
		}
		if (i == SENDER)
			res.retrans = got.retrans;
		else
			res.bytes = got.bytes;
	}
	return res;
}

/* ---- the table ---- */

static unsigned numbers(char *list, unsigned *out)
{
	unsigned n = 0;

	for (char *save, *p = strtok_r(list, ",", &save); p && n < LIST_MAX;
	     p = strtok_r(NULL, ",", &save))
		out[n++] = (unsigned)atoi(p);
	return n;
}

/* A row: every pair at the same time, each over a path of its own. */
static void row(const struct setup *u)
{
	static const bool pairs[4][2] = {{false, false},
					 {true, false},
					 {false, true},
					 {true, true}};
	struct result r[4];
	int out[4][2];
	pid_t pid[4];

	fflush(stdout);
	for (unsigned i = 0; i < 4; i++) {
		if (pipe(out[i]) < 0 || (pid[i] = fork()) < 0)
			die("fork");
		if (pid[i] == 0) {
			struct setup mine = *u;

			mine.ours[SENDER] = pairs[i][0];
			mine.ours[RECEIVER] = pairs[i][1];
			r[i] = run(&mine);
			_exit(write(out[i][1], &r[i], sizeof(r[i])) != sizeof(r[i]));
		}
		close(out[i][1]);
	}
	printf("%-6s %4.1f %% %5u ms ", u->cc, u->loss_permille / 10.0, u->rtt_ms);
	for (unsigned i = 0; i < 4; i++) {
		if (read(out[i][0], &r[i], sizeof(r[i])) == sizeof(r[i]))
			printf(" %9.2f %6llu", (double)r[i].bytes * 8 / (double)u->seconds / 1e6,
			       (unsigned long long)r[i].retrans);
		else
			printf(" %9s %6s", "-", "-");
		close(out[i][0]);
		waitpid(pid[i], NULL, 0);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	unsigned loss[LIST_MAX] = {0, 10, 30}, rtt[LIST_MAX] = {20, 100}, nloss = 3, nrtt = 2,
		 ncc = 2;
	const char *cc[LIST_MAX] = {"cubic", "reno"};
	struct setup u = {.seconds = 5, .rate_bps = 50000000, .seed = 1};
	int c;

	while ((c = getopt(argc, argv, "t:r:s:l:d:c:")) != -1) {
		switch (c) {
		case 't':
			u.seconds = (unsigned)atoi(optarg);
			break;
		case 'r':
			u.rate_bps = (uint64_t)atoi(optarg) * 1000000;
			break;
		case 's':
			u.seed = (uint64_t)atoll(optarg);
			break;
		case 'l':
			nloss = numbers(optarg, loss);
			break;
		case 'd':
			nrtt = numbers(optarg, rtt);
			break;
		case 'c':
			ncc = 0;
			for (char *save, *p = strtok_r(optarg, ",", &save); p && ncc < LIST_MAX;
			     p = strtok_r(NULL, ",", &save))
				cc[ncc++] = p;
			break;
		default:
			fprintf(stderr, "usage: simpath [-t SECONDS] [-r MBIT] [-s SEED] "
					"[-l PERMILLE,...] [-d RTT_MS,...] [-c CC,...]\n");
			return 2;
		}
	}
	printf("%llu Mbit/s, queue of one bandwidth-delay product, %u s a cell; Mbit/s to the "
	       "reader, "
	       "segments sent again\n",
	       (unsigned long long)(u.rate_bps / 1000000), u.seconds);
	printf("%-6s %6s %8s  %16s %16s %16s %16s\n", "", "loss", "RTT", "linux>linux",
	       "tapir>linux", "linux>tapir", "tapir>tapir");
	for (unsigned i = 0; i < ncc * nloss * nrtt; i++) {
		u.cc = cc[i / nrtt / nloss];
		u.loss_permille = loss[i / nrtt % nloss];
		u.rtt_ms = rtt[i % nrtt];
		row(&u);
	}
	return 0;
}
