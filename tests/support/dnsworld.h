#ifndef TAPIR_TESTS_SUPPORT_DNSWORLD_H
#define TAPIR_TESTS_SUPPORT_DNSWORLD_H

/*
 * A world for tests of the resolver, in virtual time: its stack at 10.0.0.1, and on a second stack name servers at
 * 10.0.0.53, .54 and on, with a table of records and habits that a test may change at any moment, over a simulated link.
 *
 *	struct dnsworld w;
 *	struct dnsworld_conf conf;
 *
 *	dnsworld_conf_default(&conf, seed);
 *	dnsworld_open(&w, &conf);
 *	dnsworld_zone(&w, "example.", 300);
 *	dnsworld_a(&w, "www.example.", 60, TAPIR_IP4(192, 0, 2, 80));
 *	dns_create(&d, w.t, &w.env, &dc, w.seed);	dc.server[i] = dnsworld_addr(&w, i)
 *	dnsworld_bind_dns(&w, d);			or dnsworld_bind_net(&w, n)
 *	w.busy++, dns_query(), and w.busy-- when it is done
 *	dnsworld_run(&w, 10 * DNSWORLD_S)		until busy is 0; false: it isn't
 *	dns_destroy(d);
 *	dnsworld_close(&w);				panics when the resolver or its stack left memory
 *
 * Messages are read and written here by code of its own, not by the codec of dns/. Whatever is random follows from the seed.
 * Nothing here uses cmocka. TAPIR_SIM_TRACE=1 in the environment prints every query and reply that a server sees.
 */
#include "dns/dns.h"
#include "dns/net.h"
#include "drivers/simlink.h"
#include "stack/conf.h"
#include "stack/netif.h"
#include "stack/socket.h"
#include "stack/stats.h"
#include "tests/support/alloc.h"
#include "tests/support/rnd.h"

enum { DNSWORLD_SERVERS_MAX = 8, DNSWORLD_MSG = 65535 };

#define DNSWORLD_US  TAPIR_IP4(10, 0, 0, 1)
#define DNSWORLD_NS0 TAPIR_IP4(10, 0, 0, 53)
#define DNSWORLD_MS  UINT64_C(1000000)
#define DNSWORLD_S   UINT64_C(1000000000)

/* A query as a server saw it. */
struct dnsworld_query {
	unsigned server; /* its number; DNSWORLD_SERVERS_MAX: the one that answers mDNS */
	uint64_t at_ns;
	struct tapir_sockaddr from, to; /* the 4-tuple */
	bool tcp;
	uint16_t id, flags; /* flags: the header's second word, opcode and rcode too */
	uint8_t name[255];  /* the question, with its case, on the wire's form */
	unsigned name_len;
	uint16_t type, class;
	uint16_t qdcount, ancount, nscount, arcount;
	bool edns, do_;
	uint8_t edns_version;
	uint16_t udp_size;
	uint8_t cookie[40]; /* client's 8 and server's, of the COOKIE option */
	unsigned cookie_len;
	bool keepalive;	 /* the TCP keepalive option was there */
	unsigned len;	 /* of the message */
	unsigned answer; /* bytes sent for it; 0: none yet, or never */
};

struct dnsworld;
struct dnsworld_server;

/*
 * How a server behaves: all zero is a good one. Times a test changes them take effect with the next query.
 */
struct dnsworld_habit {
	uint64_t delay_ns, jitter_ns; /* before it answers; the path has its own */
	uint32_t drop_ppm;	      /* queries over UDP that it doesn't answer */
	uint32_t dup_ppm;	      /* answers over UDP that it sends twice */
	bool silent;	 /* never answers, over UDP or TCP; TCP connections come about */
	bool silent_udp; /* the same, UDP alone */
	bool refuse;	 /* no UDP socket, no listener: ICMP port unreachable, RST */
	bool refuse_udp, refuse_tcp;
	bool tc;	   /* over UDP: TC and no record */
	bool tc_some;	   /* over UDP: TC with the answer's records all the same */
	bool tc_tcp;	   /* over TCP too */
	bool fail;	   /* answers with `rcode` whatever is asked */
	unsigned rcode;	   /* 0 to 15, or above with EDNS */
	bool no_ra;	   /* RA=0, and nothing in the answer */
	bool referral;	   /* NS records of the zone in the authority section, nothing else */
	bool lower_case;   /* the question comes back in lower case */
	bool no_edns;	   /* doesn't know OPT and passes over it */
	bool formerr_edns; /* FORMERR to a query with OPT, bare header and question */
	bool formerr_bare; /* with formerr_edns: without the question (QDCOUNT 0) */
	bool notimp_edns;  /* NOTIMP to it */
	bool drop_edns;	   /* silence to it */
	bool badvers;	   /* BADVERS to it */
	bool cookies;	   /* gives server cookies (RFC 7873) */
	bool want_cookie;  /* BADCOOKIE over UDP without a right one */
	uint64_t secret;   /* of its cookies: another one makes those given invalid */
	unsigned ede;	   /* with rcodes: extended error ede - 1 (RFC 8914); 0: none */
	const char *ede_text;
	/* TCP */
	bool tcp_close;		  /* closes after accepting */
	bool tcp_close_after_one; /* after the first answer */
	bool tcp_reverse;	  /* answers what came in one read last first */
	uint64_t tcp_idle_ns;	  /* closes connections idle for so long; 0: never */
	bool tcp_drip;		  /* a byte each 5 ms */
	unsigned keepalive_100ms; /* in its keepalive option, if it was asked (RFC 7828); 0: none */
	/*
	 * The last word: may change the reply of *len bytes (room DNSWORLD_MSG); returns how many copies are sent, 0: none.
	 * It may send others before by dnsworld_send().
	 */
	unsigned (*hook)(struct dnsworld_server *s, const struct dnsworld_query *q, uint8_t *reply,
			 size_t *len);
	void *ctx;
};

struct dnsworld_server {
	struct dnsworld *w;
	unsigned i;
	struct tapir_sockaddr addr;
	struct dnsworld_habit h;
	tapir_sock_t udp, listener;
	uint64_t queries_udp, queries_tcp, answers, conns; /* seen */
	unsigned conns_open;
};

/* Who is tested. */
struct dnsworld_user {
	void *ctx;
	void (*ready)(void *ctx, tapir_sock_t s, uint32_t bits);
	void (*advance)(void *ctx);
	uint64_t (*next)(void *ctx);
};

struct dnsworld_conf {
	uint64_t seed;
	unsigned nservers;	  /* 2 */
	struct simlink_conf link; /* both ways: 5 ms, 1 Gbit/s */
	enum test_alloc_mode mode;
	struct tapir_conf stack; /* of the resolver's stack */
	uint64_t start_ns;
	uint32_t txq_bytes; /* of the resolver's interface: 4 MiB */
};

struct dnsworld {
	struct tapir *t; /* the resolver's stack */
	struct tapir *far;
	int ifi, far_ifi, port, far_port;
	struct simlink *link;
	uint64_t now_ns, start_ns;
	struct dns_env env;	       /* for dns_create(): memory of `alloc`, watch NULL */
	struct test_alloc alloc;       /* the resolver's memory */
	struct test_alloc stack_alloc; /* its stack's */
	struct test_alloc far_alloc;
	uint8_t seed[TAPIR_SEED_LEN]; /* for dns_create() */
	struct rnd rnd;
	struct dnsworld_user user;
	unsigned busy; /* the test's: lookups that are not over */
	struct dnsworld_server server[DNSWORLD_SERVERS_MAX];
	unsigned nservers;
	/* What servers saw, in order. */
	struct dnsworld_query *seen;
	size_t nseen, seen_cap;
	bool forget;	 /* keep none, for long runs */
	uint64_t hash;	 /* over all frames and their times */
	uint64_t frames; /* that the resolver's side sent */
	bool trace;
	/* inner */
	uint64_t turns;
	struct dnsworld_rr *rr;
	size_t nrr, rr_cap;
	struct dnsworld_conn *conns;
	struct dnsworld_due *due;
	tapir_sock_t mdns;
};

void dnsworld_conf_default(struct dnsworld_conf *conf, uint64_t seed);
void dnsworld_open(struct dnsworld *w, const struct dnsworld_conf *conf);
void dnsworld_close(struct dnsworld *w);

/* Server i's address, for struct dns_conf. */
struct tapir_sockaddr dnsworld_addr(const struct dnsworld *w, unsigned i);
/* Its habits, to be changed; after `refuse...` dnsworld_serve() opens or closes its sockets. */
static inline struct dnsworld_habit *dnsworld_habit(struct dnsworld *w, unsigned i)
{
	return &w->server[i].h;
}
void dnsworld_serve(struct dnsworld *w, unsigned i);
/* A responder of multicast DNS on the link (RFC 6762): answers what the table has of .local, by unicast. */
void dnsworld_mdns(struct dnsworld *w);

/* Rules of the path, both ways, from now on. */
void dnsworld_link(struct dnsworld *w, const struct simlink_conf *conf);

/* ---- records; names in text without escapes, with or without the final dot ---- */
/* A zone that the servers know: NXDOMAIN and NODATA in it have its SOA, with that TTL and MINIMUM. */
void dnsworld_zone(struct dnsworld *w, const char *name, uint32_t ttl);
void dnsworld_a(struct dnsworld *w, const char *name, uint32_t ttl, uint32_t ip4);
void dnsworld_aaaa(struct dnsworld *w, const char *name, uint32_t ttl, const uint8_t ip6[16]);
void dnsworld_cname(struct dnsworld *w, const char *name, uint32_t ttl, const char *target);
void dnsworld_rr(struct dnsworld *w, const char *name, uint16_t type, uint32_t ttl,
		 const void *rdata, size_t len);
/* Every name directly or deeper below it has one A, dnsworld_any_ip4() of the name, and no AAAA unless `six`. */
void dnsworld_any(struct dnsworld *w, const char *name, uint32_t ttl, bool six);
/* That address; `name` on the wire's form, case doesn't count. */
uint32_t dnsworld_any_ip4(const uint8_t *name, unsigned len);
void dnsworld_forget_records(struct dnsworld *w);
/* A name's wire form; returns its length. */
unsigned dnsworld_name(const char *text, uint8_t out[255]);

/* ---- running ---- */
/* Until busy is 0 or `ns` are over: whether it is. */
bool dnsworld_run(struct dnsworld *w, uint64_t ns);
/* For exactly `ns`. */
void dnsworld_pass(struct dnsworld *w, uint64_t ns);
/* All that can happen now has happened then. */
void dnsworld_settle(struct dnsworld *w);

/* ---- what was seen ---- */
/* Queries that server i (or any: -1) saw over UDP, TCP since the beginning, as counted in `seen`. */
size_t dnsworld_count(const struct dnsworld *w, int server, bool tcp);
/* Those for that name (text; NULL: any) and type (0: any). */
size_t dnsworld_count_name(const struct dnsworld *w, const char *name, uint16_t type);
/* The question as text, its case kept, into out. */
const char *dnsworld_qname(const struct dnsworld_query *q, char out[256]);

/* ---- by hand ---- */
/* A good reply of the table to q into out; its length. */
size_t dnsworld_answer(struct dnsworld *w, const struct dnsworld_habit *h,
		       const struct dnsworld_query *q, uint8_t *out);
/* Reads a query's message: false when it is none with one question. */
bool dnsworld_read(const uint8_t *msg, size_t len, struct dnsworld_query *q);
/* A datagram from any address and port to the resolver's side, as an IP packet that arrives there now. */
void dnsworld_forge(struct dnsworld *w, struct tapir_sockaddr from, struct tapir_sockaddr to,
		    const void *msg, size_t len);
/* An IP packet arrives at the resolver's stack. */
void dnsworld_inject(struct dnsworld *w, const void *ip, size_t len);
/* Server s sends a datagram to whom q came from. */
void dnsworld_send(struct dnsworld_server *s, const struct dnsworld_query *q, const void *msg,
		   size_t len);

/* ---- who is tested ---- */
static inline void dnsworld_dns_ready_(void *d, tapir_sock_t s, uint32_t bits)
{
	dns_ready(d, s, bits);
}

static inline void dnsworld_dns_advance_(void *d)
{
	dns_advance(d);
}

static inline uint64_t dnsworld_dns_next_(void *d)
{
	return dns_next_deadline(d);
}

static inline void dnsworld_bind_dns(struct dnsworld *w, struct dns *d)
{
	w->user = (struct dnsworld_user){d, dnsworld_dns_ready_, dnsworld_dns_advance_,
					 dnsworld_dns_next_};
}

/* The test pops what is over by itself: after dnsworld_run(), or in an `advance` of its own that calls dns_net_advance(). */
static inline void dnsworld_net_ready_(void *n, tapir_sock_t s, uint32_t bits)
{
	dns_net_ready(n, s, bits);
}

static inline void dnsworld_net_advance_(void *n)
{
	dns_net_advance(n);
}

static inline uint64_t dnsworld_net_next_(void *n)
{
	return dns_net_next_deadline(n);
}

static inline void dnsworld_bind_net(struct dnsworld *w, struct dns_net *n)
{
	w->user = (struct dnsworld_user){n, dnsworld_net_ready_, dnsworld_net_advance_,
					 dnsworld_net_next_};
}

#endif
