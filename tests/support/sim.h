#ifndef TAPIR_TESTS_SUPPORT_SIM_H
#define TAPIR_TESTS_SUPPORT_SIM_H

/*
 * Several stacks on one simulated link, in virtual time, with applications that move data.
 *
 *	struct sim_conf conf;
 *	struct sim *s;
 *
 *	sim_conf_default(&conf, seed);
 *	conf.link.loss_ppm = 10000;
 *	s = sim_new(&conf);
 *	sim_bulk_pair(s, &client, &server, 80);
 *	sim_run(s, 600 * SIM_S);
 *	sim_free(s);                       leaks fail too
 *
 * Everything follows from the seed: the stacks' own seeds, the link's luck, the sizes of reads and writes.
 * What goes wrong ends in sim_fail(), which says what, the seed, and how to run it again, and
 * aborts. Host i has the address 10.0.0.(i + 1). TAPIR_SIM_TRACE=1 in the environment prints every packet.
 */
#include "drivers/simlink.h"
#include "stack/base/heap.h"
#include "stack/conf.h"
#include "stack/netif.h"
#include "stack/socket.h"
#include "stack/stats.h"
#include "tests/support/rnd.h"
#include "tests/support/wirecheck.h"

enum { SIM_HOSTS_MAX = 8, SIM_PREFIX = 24 };

#define SIM_US UINT64_C(1000)
#define SIM_MS UINT64_C(1000000)
#define SIM_S  UINT64_C(1000000000)

struct sim_conf {
	uint64_t seed;
	unsigned nhosts;
	enum tapir_netif_type type;
	uint32_t mtu;
	uint32_t txq_bytes;
	uint64_t start_ns;	  /* where the clocks begin */
	struct simlink_conf link; /* of each port */
	struct tapir_conf conf;	  /* of each stack */
	bool check;		  /* tapir_check() after each step */
	bool hash;		  /* sim_hash() means something */
	bool no_wirecheck;
	const char *replay; /* how the test is run for one seed, "test_transfer random" */
};

struct sim_host {
	struct sim *s;
	struct tapir *t;
	uint32_t ip4;
	int ifi, port;
	size_t live, live_bytes; /* its memory */
	uint64_t seed;
};

struct sim_app;

struct sim {
	struct sim_conf conf;
	uint64_t now_ns, start_ns;
	struct sim_host host[SIM_HOSTS_MAX];
	uint8_t host_of_port[SIMLINK_PORTS_MAX];
	struct simlink *link;
	struct wirecheck *wire;
	struct heap timers; /* of applications */
	struct rnd rnd;
	uint64_t hash, frames, steps;
	unsigned busy;	      /* applications that are not done */
	struct sim_app *apps; /* all, for sim_free() */
	uint32_t
		alloc_fail_ppm; /* a stack's allocation fails that often; a test sets it when all is set up */
	struct rnd alloc_rnd;
	uint64_t alloc_failed;
	bool trace;
	char note[200];
	/* A router before the path: it tells host 0 of each packet above this (ICMP 3, 4); 0: nobody does. */
	uint16_t tell_mtu;
	uint8_t too_big[28];
	bool too_big_seen;
};

/* Two hosts, RAW_IP, MTU 1500, a link of 1 Gbit/s and 1 ms each way, clocks at 1000 s. */
void sim_conf_default(struct sim_conf *conf, uint64_t seed);
struct sim *sim_new(const struct sim_conf *conf);
/* Closes what is open, destroys all; fails if memory is left. */
void sim_free(struct sim *s);

/* Runs until no application is busy, or for `ns` at most. Returns whether none is busy. */
bool sim_run(struct sim *s, uint64_t ns);
/* Runs for exactly `ns`, busy or not. */
void sim_pass(struct sim *s, uint64_t ns);
/* One turn at the present moment: everything that can happen now has happened then. */
void sim_settle(struct sim *s);

/* A word over every frame so far and its time, if conf.hash. */
static inline uint64_t sim_hash(const struct sim *s)
{
	return s->hash;
}

static inline uint64_t sim_stat(const struct sim *s, unsigned host, enum tapir_stat stat)
{
	return tapir_stats_of(s->host[host].t)->n[stat];
}

/* Rules of what leaves one host, from now on. */
void sim_link(struct sim *s, unsigned host, const struct simlink_conf *conf);
/* The host is gone without a word: nothing reaches it, and it does nothing any more. */
void sim_vanish(struct sim *s, unsigned host);

/* The host loses all it knew, its applications too, and starts again at the same place with another seed. */
void sim_restart(struct sim *s, unsigned host);
/* An IP packet that nobody of the world sent arrives at a host. */
void sim_inject(struct sim *s, unsigned host, const uint8_t *ip, size_t n);

_Noreturn void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define sim_assert(s, x)                                                              \
	do {                                                                          \
		if (!(x))                                                             \
			sim_fail((s), "%s:%d: not true: %s", __FILE__, __LINE__, #x); \
	} while (0)

/* The seed that the environment asks for (TAPIR_SEED), else `seed`; and how many seeds to run. */
uint64_t sim_seed(uint64_t seed);
bool sim_seed_given(void);
unsigned sim_seeds(unsigned usual, unsigned many);

/*
 * An application: a socket, what to do when it is ready, and a timer. The world calls `on` with the
 * ready bits, or 0 when the timer went off.
 */
struct sim_app {
	struct sim *s;
	struct sim_app *next;
	unsigned host;
	tapir_sock_t sock; /* 0: none */
	void (*on)(struct sim_app *a, uint32_t bits);
	void (*end)(struct sim_app *a); /* frees it */
	struct heap_node timer;
};

/* Adds an application that wants the readiness `bits` of its socket. */
void sim_app_add(struct sim *s, struct sim_app *a, unsigned host, tapir_sock_t sock, uint32_t bits);
void sim_app_timer(struct sim_app *a, uint64_t at_ns);

/* ---- bulk data ---- */

struct sim_bulk_conf {
	uint64_t send, expect;	       /* bytes; `expect` must be what the other side sends */
	uint64_t key_send, key_expect; /* of the pattern */
	uint32_t write_max, read_max;  /* sizes are random up to these; 0: 64 KiB */
	uint64_t read_pause_ns;	       /* a slow reader waits this long after each read */
	uint64_t write_pause_ns;
	bool wait_eof;	     /* finishes sending only after the peer's end of stream (half-close) */
	bool hold_open;	     /* does not close its socket at the end: a test goes on with it */
	bool may_fail;	     /* an error ends it, and is kept */
	bool count_wrong;    /* a wrong byte is counted, no failure */
	bool ignore_content; /* the bytes are not looked at */
	uint32_t rcvbuf, sndbuf;
	bool nodelay;
	struct tapir_linger linger;
	const char *cc; /* TCP_CONGESTION; NULL: as configured */
};

struct sim_bulk {
	struct sim_app app; /* first */
	struct sim_bulk_conf conf;
	struct rnd rnd;
	uint64_t sent, got;
	uint64_t read_at_ns, write_at_ns; /* pauses end */
	uint64_t wrong;			  /* reads with a wrong byte, with count_wrong */
	bool connected, shut, eof, done;
	int err; /* positive errno that ended it */
	uint64_t done_ns;
	uint64_t got_ns, stall_ns; /* when it last got something; the longest between two */
};

/* Takes one connection after another and gives each what conf says. */
struct sim_listener {
	struct sim_app app;
	struct sim_bulk_conf conf;
	struct sim_bulk *last; /* the latest */
	unsigned accepted;
};

struct sim_listener *sim_listen(struct sim *s, unsigned host, uint16_t port, int backlog,
				const struct sim_bulk_conf *conf);
struct sim_bulk *sim_connect(struct sim *s, unsigned host, unsigned to, uint16_t port,
			     const struct sim_bulk_conf *conf);
/* Sets what conf says of buffers, NODELAY, LINGER; before connect, for the window scale. */
void sim_options(struct sim *s, unsigned host, tapir_sock_t sock, const struct sim_bulk_conf *conf);
/* An application over a socket that exists, connecting or connected. */
struct sim_bulk *sim_bulk(struct sim *s, unsigned host, tapir_sock_t sock,
			  const struct sim_bulk_conf *conf);
/* A listener on port 80 of host 1 and a connection from host 0 that move `up` and `down` bytes. */
struct sim_bulk *sim_bulk_pair(struct sim *s, uint64_t up, uint64_t down,
			       struct sim_listener **listener);

/* Bytes [off, off + n) of the stream with that key. */
void sim_pattern(uint64_t key, uint64_t off, uint8_t *p, size_t n);
/* Where p first differs from them; n: nowhere. */
size_t sim_pattern_diff(uint64_t key, uint64_t off, const uint8_t *p, size_t n);

/* A socket address of a host. */
struct tapir_sockaddr sim_addr(const struct sim *s, unsigned host, uint16_t port);
struct tapir_tcp_info sim_info(struct sim *s, unsigned host, tapir_sock_t sock);

#endif
