/*
 * Lookups a second: COUNT names below bench.test are asked for, WINDOW at a time, of one server, by one of
 *
 *	tapir   our resolver, over a TAP that this program makes (192.0.2.2/24 on tap0)
 *	cares   c-ares, the machine's libcares.so.2, over the kernel's sockets
 *	glibc   getaddrinfo(), WINDOW threads, over the kernel's sockets and /etc/resolv.conf
 *	cached  our resolver again, one name out of its cache: SERVER is asked once
 *
 *	dnslookups WHO SERVER COUNT WINDOW
 *
 * Prints one line: who, names answered, names lost, seconds, CPU-seconds of this process. tools/bench/dns runs them in turn.
 * c-ares is called by its published interface without its header, which the machine needn't have.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>

#include "drivers/host.h"
#include "drivers/loop.h"
#include "drivers/names.h"
#include "stack/conf.h"

static unsigned long count, window;
static unsigned long asked, answered, lost;
static const char *server;

_Noreturn void tapir_panic(const char *file, int line, const char *expr)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, expr);
	abort();
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "dnslookups: %s\n", what);
	exit(1);
}

static void next_name(char out[64])
{
	snprintf(out, 64, "n%lu.bench.test", __atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED));
}

/* ---- ours ---- */

static void ask_ours(struct names *n);

static void on_reply(void *ctx, uint64_t id, const struct dns_reply *r)
{
	(void)id;
	*(r->status == DNS_OK ? &answered : &lost) += 1;
	if (asked < count)
		ask_ours(ctx);
}

static void ask_ours(struct names *n)
{
	struct dns_query q = {.q = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN}, .done = on_reply};
	char name[64];

	next_name(name);
	dns_name_parse(&q.q.name, name, strlen(name), NULL);
	q.ctx = n;
	if (dns_query(names_dns(n), &q) < 0)
		die("dns_query() takes no more");
}

static struct names *ours_up(struct loop **loop)
{
	const struct driver_host host = {.leave = true};
	struct tapir_netif_conf nic = {.name = "tap0", .type = TAPIR_NETIF_ETHER};
	const struct tapir_addr us = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 2));
	struct tapir_sockaddr to = {.port = 53};
	struct tapir_env env = host_env();
	struct drv_error err = {""};
	uint8_t seed[TAPIR_SEED_LEN];
	struct tapir_conf conf;
	struct dns_addr a;
	struct tapir *t;

	if (dns_addr_parse(server, false, &a) < 0)
		die("no address");
	to.addr = a.addr;
	struct driver *d = tap_open("tap0", 0, &host, &err);
	if (!d)
		die(err.text);
	tapir_conf_default(&conf);
	conf.cpu_features = host_cpu_features();
	uint64_t now = host_clock_ns();
	if (host_entropy(seed, sizeof(seed)) < 0 || tapir_create(&t, &env, &conf, seed, now) < 0)
		die("no stack");
	nic.mac = host_default_mac("tap0", TAPIR_IP4(192, 0, 2, 2));
	nic.mtu = d->mtu;
	nic.offload = d->offload;
	int ifindex = tapir_netif_add(t, &nic);
	if (ifindex < 0 || tapir_addr_add(t, ifindex, &us, 24) < 0 ||
	    tapir_netif_up(t, ifindex) < 0)
		die("no interface");
	*loop = loop_new(t, ifindex, d, now, &err);
	const struct names_conf nc = {.server = &to, .nservers = 1};
	struct names *n = *loop ? names_open(*loop, &nc, &err) : NULL;
	if (!n)
		die(err.text);
	return n;
}

static void run_ours(void)
{
	struct loop *l;
	struct names *n = ours_up(&l);

	for (unsigned long i = 0; i < window && asked < count; i++)
		ask_ours(n);
	names_changed(n);
	while (answered + lost < count) {
		if (loop_turn(l, loop_now(l) + NS_PER_S) < 0)
			die(loop_error(l));
	}
}

static void on_cached(void *ctx, uint64_t id, const struct dns_reply *r)
{
	(void)ctx;
	(void)id;
	*(r->status == DNS_OK ? &answered : &lost) += 1;
}

static uint64_t began_ns;

static void run_cached(void)
{
	struct dns_query q = {.q = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN}};
	struct dns_reply r;
	struct loop *l;
	struct names *n = ours_up(&l);

	dns_name_parse(&q.q.name, "www.bench.test", 14, NULL);
	if (names_query(n, &q, &r, TAPIR_NEVER) < 0 || r.status != DNS_OK)
		die("the first has no answer");
	struct dns *d = names_dns(n);
	q.done = on_cached;
	began_ns = host_clock_ns();
	for (asked = 0; asked < count; asked++) {
		if (dns_query(d, &q) < 0)
			die("dns_query() takes no more");
		if (asked % window == window - 1)
			dns_advance(d);
	}
	dns_advance(d);
}

/* ---- c-ares ---- */

struct ares {
	void *channel;
	int (*init)(void **channel);
	int (*set_servers)(void *channel, const char *csv);
	void (*query)(void *channel, const char *name, int class, int type,
		      void (*fn)(void *arg, int status, int timeouts, unsigned char *buf, int len),
		      void *arg);
	int (*fds)(void *channel, fd_set *r, fd_set *w);
	void (*process)(void *channel, fd_set *r, fd_set *w);
	struct timeval *(*timeout)(void *channel, struct timeval *max, struct timeval *tv);
};

static void ask_ares(struct ares *a);

static void on_ares(void *arg, int status, int timeouts, unsigned char *buf, int len)
{
	(void)timeouts;
	(void)buf;
	(void)len;
	*(status == 0 ? &answered : &lost) += 1;
	if (asked < count)
		ask_ares(arg);
}

static void ask_ares(struct ares *a)
{
	char name[64];

	next_name(name);
	a->query(a->channel, name, 1, 1, on_ares, a);
}

static void symbol(void *lib, const char *name, void *to)
{
	void *p = dlsym(lib, name);

	if (!p)
		die(name);
	memcpy(to, &p, sizeof(p));
}

static void run_ares(void)
{
	void *lib = dlopen("libcares.so.2", RTLD_NOW);
	struct ares a = {NULL};

	if (!lib)
		die("libcares.so.2 is missing: apt-get install libc-ares2");
	symbol(lib, "ares_init", &a.init);
	symbol(lib, "ares_set_servers_csv", &a.set_servers);
	symbol(lib, "ares_query", &a.query);
	symbol(lib, "ares_fds", &a.fds);
	symbol(lib, "ares_process", &a.process);
	symbol(lib, "ares_timeout", &a.timeout);
	if (a.init(&a.channel) != 0 || a.set_servers(a.channel, server) != 0)
		die("c-ares does not start");
	for (unsigned long i = 0; i < window && asked < count; i++)
		ask_ares(&a);
	while (answered + lost < count) {
		struct timeval tv, most = {1, 0};
		fd_set r, w;

		FD_ZERO(&r);
		FD_ZERO(&w);
		int n = a.fds(a.channel, &r, &w);
		select(n, &r, &w, NULL, a.timeout(a.channel, &most, &tv));
		a.process(a.channel, &r, &w);
	}
}

/* ---- glibc ---- */

static void *glibc_thread(void *arg)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *ai;
	char name[65];

	for (;;) {
		next_name(name);
		if (strtoul(name + 1, NULL, 10) >= count)
			return arg;
		strcat(name, "."); /* no search list */
		bool ok = getaddrinfo(name, NULL, &hints, &ai) == 0;
		if (ok)
			freeaddrinfo(ai);
		__atomic_fetch_add(ok ? &answered : &lost, 1, __ATOMIC_RELAXED);
	}
}

static void run_glibc(void)
{
	pthread_t *t = calloc(window, sizeof(*t));

	for (unsigned long i = 0; t && i < window; i++) {
		if (pthread_create(&t[i], NULL, glibc_thread, NULL) != 0)
			die("no thread");
	}
	for (unsigned long i = 0; t && i < window; i++)
		pthread_join(t[i], NULL);
	free(t);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} who[] = {{"tapir", run_ours},
		   {"cares", run_ares},
		   {"glibc", run_glibc},
		   {"cached", run_cached}};
	struct rusage u;

	if (argc != 5)
		die("give WHO SERVER COUNT WINDOW");
	server = argv[2];
	count = strtoul(argv[3], NULL, 10);
	window = strtoul(argv[4], NULL, 10);
	if (!count || !window)
		die("COUNT and WINDOW are numbers");
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		if (strcmp(who[i].name, argv[1]) != 0)
			continue;
		began_ns = host_clock_ns();
		who[i].run();
		double s = (double)(host_clock_ns() - began_ns) / 1e9;
		getrusage(RUSAGE_SELF, &u);
		printf("%s\t%lu\t%lu\t%.3f\t%.2f\n", who[i].name, answered, lost, s,
		       (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
		return 0;
	}
	die("WHO is tapir, cares, glibc or cached");
}
