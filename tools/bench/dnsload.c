/*
 * Lookups of A records by the stack's resolver and by the C library, for `make bench-dns` (tools/bench/dns). The rest is in dnsload.h.
 *
 *	dnsload ours DEV IP/LEN SERVER[,SERVER] TOTAL OUTSTANDING [GAP_MS]    over a TAP, dns_query() without the cache
 *	dnsload cached DEV IP/LEN SERVER[,SERVER] NAMES MS            lookups a second that the cache answers, of so many names in turn
 *	dnsload glibc TOTAL OUTSTANDING [GAP_MS]                      getaddrinfo() in so many threads, servers of resolv.conf
 *	dnsload sink ADDR                                             a server that is silent: takes queries, answers none
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

#include "apps/app.h"
#include "drivers/names.h"
#include "tools/bench/dnsload.h"

#define NS_PER_MS UINT64_C(1000000)

enum { WAIT_S = 120 };

_Noreturn void tapir_panic(const char *file, int line, const char *expr)
{
	fprintf(stderr, "dnsload: %s:%d: %s\n", file, line, expr);
	abort();
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "dnsload: %s\n", what);
	exit(1);
}

/* ---- ours */

struct ours {
	struct app a;
	struct names *n;
	struct dns *d;
	struct load load;
};

/* Its own place, so that done() knows which of them it was. */
struct slot {
	struct ours *o;
	unsigned i;
	bool free;
};

static void ours_done(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct slot *s = ctx;
	struct load *l = &s->o->load;

	(void)id;
	l->took_ns[s->i] = load_clock() - l->began_ns[s->i];
	l->ended++;
	l->lost += r->status != DNS_OK;
	s->free = true;
}

static void ours_ask(struct ours *o, struct slot *s, const char *name, unsigned flags)
{
	struct dns_query q = {.q = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN},
			      .flags = flags,
			      .done = ours_done,
			      .ctx = s};

	if (dns_name_parse(&q.q.name, name, strlen(name), NULL))
		die("a bad name");
	s->o = o;
	s->i = o->load.begun++;
	s->free = false;
	o->load.began_ns[s->i] = load_clock();
	if (dns_query(o->d, &q) < 0)
		die("dns_query() refuses");
}

static void ours_start(struct ours *o, char **argv)
{
	struct stack_opts so;
	char *arg[] = {"dnsload", "--dev", argv[0], "--ip", argv[1],
		       "--dns",	  argv[2], "--ctl", "none", NULL};
	const struct opt_command cmd = {.name = "dnsload",
					.operands = "",
					.about = "",
					.stack = &so};
	struct drv_error why;
	int first;

	if (opts_parse(&cmd, 9, arg, &first) != OPTS_GO || app_start(&o->a, "dnsload", &so))
		exit(1);
	o->n = app_names(&o->a, &why);
	if (!o->n)
		die(why.text);
	o->d = names_dns(o->n);
}

static void ours_turn(struct ours *o, uint64_t until_ns)
{
	names_changed(o->n);
	if (loop_turn(o->a.loop, until_ns))
		die("the device is gone");
}

/* Time for ARP, so that the first lookup is not about that. */
static void ours_warm(struct ours *o, const char *server)
{
	struct slot s = {.o = o};
	struct load keep = o->load;
	uint64_t took[1], began[1];

	(void)server;
	o->load = (struct load){.took_ns = took, .began_ns = began};
	ours_ask(o, &s, "warm.bench.test", DNS_Q_NO_CACHE);
	while (!s.free)
		ours_turn(o, loop_now(o->a.loop) + 100 * NS_PER_MS);
	o->load = keep;
}

static int ours(char **argv)
{
	static struct ours o;
	struct slot *slots;
	uint64_t end;

	ours_start(&o, argv);
	load_init(&o.load, argv + 3);
	slots = calloc(o.load.outstanding, sizeof(*slots));
	if (!slots)
		die("no memory");
	for (unsigned i = 0; i < o.load.outstanding; i++)
		slots[i].free = true;
	/* The second lookup of all is the first with a warm neighbour; with a gap a dead server's cost is looked at, and nothing is warm. */
	if (!o.load.gap_ms)
		ours_warm(&o, argv[2]);
	o.load.start_ns = load_clock();
	end = o.load.start_ns + WAIT_S * 1000 * NS_PER_MS;
	while (o.load.ended < o.load.total && load_clock() < end) {
		for (unsigned i = 0; i < o.load.outstanding && o.load.begun < o.load.total; i++) {
			char name[64];

			if (!slots[i].free)
				continue;
			load_name(&o.load, o.load.begun, name);
			ours_ask(&o, &slots[i], name, DNS_Q_NO_CACHE);
		}
		unsigned before = o.load.ended;
		ours_turn(&o, loop_now(o.a.loop) + 1000 * NS_PER_MS);
		if (o.load.gap_ms && o.load.ended > before) {
			uint64_t until = loop_clock(o.a.loop) + o.load.gap_ms * NS_PER_MS;
			while (loop_clock(o.a.loop) < until)
				ours_turn(&o, until);
		}
	}
	o.load.lost += o.load.total - o.load.ended;
	load_tell(&o.load);
	app_stop(&o.a);
	free(slots);
	return 0;
}

/* From dns_query() to done(), the loop's own turn included in neither: the resolver alone. */
static int cached(char **argv)
{
	static struct ours o;
	unsigned names = (unsigned)atoi(argv[3]), n = 0;
	uint64_t ms = (uint64_t)atoi(argv[4]), start, took;
	uint64_t scratch[2];
	struct slot s = {.o = &o, .free = true};

	ours_start(&o, argv);
	for (unsigned i = 0; i < names; i++) {
		char name[64];

		o.load = (struct load){.began_ns = scratch, .took_ns = scratch + 1};
		snprintf(name, sizeof(name), "c%u.bench.test", i);
		ours_ask(&o, &s, name, 0);
		while (!s.free)
			ours_turn(&o, loop_now(o.a.loop) + 100 * NS_PER_MS);
		if (o.load.lost)
			die("a name that is to be cached has no answer");
	}
	start = load_clock();
	do {
		for (unsigned k = 0; k < 100; k++, n++) {
			char name[64];

			o.load = (struct load){.began_ns = scratch, .took_ns = scratch + 1};
			snprintf(name, sizeof(name), "c%u.bench.test", n % names);
			ours_ask(&o, &s, name, 0);
			dns_advance(o.d);
			if (!s.free || o.load.lost)
				die("not from the cache");
		}
		took = load_clock() - start;
	} while (took < ms * NS_PER_MS);

	struct dns_stats st;

	dns_stats_get(o.d, &st);
	if (st.cache_hits < n)
		die("not all from the cache");
	printf("%.0f\t0\t0\t%.3f\t0\t0\n", n / ((double)took / 1e9), (double)took / 1e3 / n);
	app_stop(&o.a);
	return 0;
}

/* ---- the C library */

static struct load shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *glibc_thread(void *arg)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

	(void)arg;
	for (;;) {
		struct addrinfo *res;
		char name[64];
		unsigned i;

		pthread_mutex_lock(&lock);
		i = shared.begun++;
		pthread_mutex_unlock(&lock);
		if (i >= shared.total)
			return NULL;
		load_name(&shared, i, name);

		uint64_t began = load_clock();
		int err = getaddrinfo(name, NULL, &hints, &res);

		shared.took_ns[i] = load_clock() - began;
		if (err) {
			pthread_mutex_lock(&lock);
			shared.lost++;
			pthread_mutex_unlock(&lock);
		} else {
			freeaddrinfo(res);
		}
		if (shared.gap_ms)
			usleep(shared.gap_ms * 1000);
	}
}

static int glibc(char **argv)
{
	pthread_attr_t attr;
	pthread_t *thread;

	load_init(&shared, argv);
	thread = calloc(shared.outstanding, sizeof(*thread));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	for (unsigned i = 0; i < shared.outstanding; i++)
		if (!thread || pthread_create(&thread[i], &attr, glibc_thread, NULL))
			die("no thread");
	for (unsigned i = 0; i < shared.outstanding; i++)
		pthread_join(thread[i], NULL);
	load_tell(&shared);
	free(thread);
	return 0;
}

static int sink(const char *addr)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(53)};
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	char buf[512];

	if (inet_pton(AF_INET, addr, &sin.sin_addr) != 1 ||
	    bind(s, (struct sockaddr *)&sin, sizeof(sin)))
		die("sink: the address can't be had");
	for (;;)
		if (recv(s, buf, sizeof(buf), 0) < 0)
			return 1;
}

int main(int argc, char **argv)
{
	if (argc >= 7 && strcmp(argv[1], "ours") == 0)
		return ours(argv + 2);
	if (argc == 7 && strcmp(argv[1], "cached") == 0)
		return cached(argv + 2);
	if (argc >= 4 && strcmp(argv[1], "glibc") == 0)
		return glibc(argv + 2);
	if (argc == 3 && strcmp(argv[1], "sink") == 0)
		return sink(argv[2]);
	fprintf(stderr, "usage: see the head of tools/bench/dnsload.c\n");
	return 2;
}
