/*
 * The parts of the resolver that dns.c, lookup.c, fetch.c, own.c, addrinfo.c and mdns.c share. Private to dns/.
 *
 *	query   what a user asked and waits for (dns.c: its life; lookup.c: its way)
 *	leg     one of the one or two types that a query asks of the name at hand (lookup.c)
 *	fetch   one question on its way to the servers or the link, for all legs that wait for it (fetch.c, mdns.c)
 */
#ifndef TAPIR_DNS_RESOLVER_H
#define TAPIR_DNS_RESOLVER_H

#include "dns/addrinfo.h"
#include "dns/answer.h"
#include "dns/cache.h"
#include "dns/local.h"
#include "dns/net.h"

enum {
	LEGS_MAX = 2,
	RECHECKS = 64,	      /* questions whose stale answer was given lately (RFC 8767 5) */
	BACKGROUND_MAX = 256, /* fetches that nobody waits for */
	EDE_TEXT = 128,
};

/* Flags that change what is sent, or what comes back: questions that differ in them are different ones. */
#define FETCH_FLAGS                                                                         \
	(DNS_Q_RAW | DNS_Q_TCP | DNS_Q_TLS | DNS_Q_NO_RD | DNS_Q_DO | DNS_Q_CD | DNS_Q_AD | \
	 DNS_Q_NO_EDNS | DNS_Q_NO_COOKIE | DNS_Q_IGNORE_TC | DNS_Q_ONE_SERVER_FIRST)

/* An answer to one question, wherever it came from. */
struct found {
	enum dns_status status;
	uint8_t source;	    /* enum dns_source */
	bool more;	    /* its chain ends in a name to be asked for: `target` */
	const uint8_t *msg; /* NULL: none */
	size_t len;
	struct dns_name target; /* the last name of the chain */
	uint32_t age_s;
	int ede; /* -1: none */
};

struct fetch {
	struct hnode h;		/* in dns.asked while it runs */
	struct list node;	/* in dns.fetches */
	struct list waiters;	/* legs */
	struct heap_node timer; /* mDNS */
	unsigned refs;		/* legs that look at it, one more while `background` */
	bool running;
	bool background; /* goes on though nobody may wait */
	bool fill;	 /* its answer is to be cached */
	bool old; /* asked with settings under which other answers may come: not cached, not joined */
	uint64_t began_ns;
	struct dns_ask ask; /* of mDNS only q, server, flags, deadline_ns and story */
	bool multicast;
	struct mdns *mdns; /* while it runs */
	struct found found;
	bool cacheable; /* `found` may be cached */
	uint32_t ttl_s;
	uint8_t *own; /* found.msg where it is not ask.reply, allocated */
	char ede_text[EDE_TEXT];
};

struct leg {
	struct query *of;
	struct dns_question q; /* at hand: the candidate, then the end of its CNAMEs */
	struct dns_name asked; /* the candidate */
	struct list wait;      /* in fetch.waiters */
	struct fetch *fetch;   /* the last one: waited for, or kept for its story and bytes */
	bool over;
	bool joined;
	bool again;    /* asked a second time: the fetch that it joined ended before its own time */
	unsigned asks; /* questions of the chain, this one too */
	uint64_t over_ns;
	struct found found; /* once over; its msg is own, or the fetch's */
	uint8_t *own;	    /* allocated: the chain so far, at last the answer */
	size_t own_len;
};

struct query {
	int64_t id;
	struct hnode h;
	struct list node; /* in dns.active, .told or .kept */
	struct heap_node timer;
	bool over;
	uint64_t seq; /* order of being over */
	uint64_t began_ns, over_ns, deadline_ns;
	uint64_t soft_ns;  /* TAPIR_NEVER: else what is there by then is the answer */
	uint64_t stale_ns; /* TAPIR_NEVER: else when an expired answer may serve (RFC 8767 5) */
	struct dns_name name;
	uint16_t class;
	unsigned flags, attempts;
	struct tapir_sockaddr server;
	const uint8_t *options; /* EDNS options of the user's, or NULL */
	size_t options_len;
	/* the search list's way */
	bool search;
	bool as_is_first;
	unsigned turn; /* candidates tried before the one at hand */
	bool saw_nodata, saw_servfail, saw_name;
	/* who is told */
	dns_done_fn *done;
	void (*addrs_done)(void *ctx, int64_t id, const struct dns_addrs *a);
	void *ctx;
	/* dns_addrs_query */
	int ai_family, ai_flags;
	int ai_eai; /* over without a question: its result, or 0 with `literal` */
	bool ai_literal;
	struct dns_addr literal;
	unsigned nlegs; /* 0: over without a question */
	struct leg leg[];
};

struct recheck {
	uint64_t hash, until_ns;
};

struct dns {
	struct tapir *t;
	struct dns_env env;
	struct dns_conf conf;
	struct chacha_rng rng;
	struct siphash_key key;
	uint8_t hosts_key[16];
	struct dns_net *net;
	struct dns_cache *cache; /* NULL: none */
	struct dns_hosts *hosts; /* NULL: none */
	struct htab ids;	 /* queries */
	struct htab asked;	 /* fetches that run */
	uint32_t nbuckets;
	struct list active; /* queries */
	struct list told;   /* over, `done` is still to be called */
	struct list kept;   /* over, for dns_pop() */
	struct list fetches;
	struct list mdns;	 /* multicast exchanges */
	struct heap timers;	 /* queries */
	struct heap mdns_timers; /* fetches */
	struct query *popped;
	int64_t last_id;
	uint64_t last_seq;
	unsigned nqueries, nbackground;
	bool kick; /* a query came to its end outside of dns_advance() and dns_ready() */
	struct dns_stats stats;
	struct recheck recheck[RECHECKS];
	struct dns_story story[LEGS_MAX]; /* of what is being told */
	struct dns_reply reply;
	struct dns_addrs addrs;
	uint8_t work[2][DNS_MSG_MAX];
	uint8_t rdata[DNS_MSG_MAX];
};

static inline void *dns_get(struct dns *d, size_t n)
{
	return d->env.mem.alloc(d->env.mem.ctx, n);
}

static inline void dns_put(struct dns *d, void *p, size_t n)
{
	if (p)
		d->env.mem.free(d->env.mem.ctx, p, n);
}

/* dns.c: a query with `nlegs` legs, in the table and active, or a negative errno in *err. */
struct query *query_new(struct dns *d, unsigned nlegs, uint32_t timeout_ms, int *err);
/* It is over: will be told. */
void query_finish(struct dns *d, struct query *q);
/* Sets its timer by deadline_ns, soft_ns and stale_ns. */
void query_arm(struct dns *d, struct query *q);
/* The story of a leg in d->story[i], NULL when there is none. */
const struct dns_story *leg_story(struct dns *d, const struct leg *l, unsigned i);

/* lookup.c */
/* Begins a query whose name, class, flags and legs' types are set. It may be over afterwards. */
void query_begin(struct dns *d, struct query *q);
/* A fetch is over: its legs go on. */
void query_fetched(struct dns *d, struct fetch *f);
/* Its timer has come. */
void query_timer(struct dns *d, struct query *q);
/* Lets go of all that the leg holds. */
void leg_release(struct dns *d, struct leg *l);
/* What all legs together say about the name at hand. */
enum dns_status query_status(const struct query *q);
/* The cached answer to a question in *out (its bytes in d->work[0]): true. */
bool cache_find(struct dns *d, const struct dns_question *q, bool stale, struct found *out);

/* fetch.c */
/* The leg waits for its question: by a fetch that runs, or a new one. 0 or -ENOMEM. */
int fetch_join(struct dns *d, struct leg *l, bool cacheable, bool multicast);
/* The leg waits no more; a fetch that nobody waits for ends, unless it is in the background. Its story stays with the leg. */
void fetch_leave(struct dns *d, struct leg *l);
void fetch_unref(struct dns *d, struct fetch *f);
/* Lets it go on for the cache's sake, where that is allowed. */
void fetch_to_background(struct dns *d, struct fetch *f);
/* Asks in the background (a prefetch), if it is not asked already. */
void fetch_renew(struct dns *d, const struct dns_question *q);
/* dns_net has ended it: reads and caches what came and lets its legs go on. */
void fetch_ended(struct dns *d, struct fetch *f);
/* What there is in f->found is its end. */
void fetch_over(struct dns *d, struct fetch *f);
/* Reads `msg`, a reply to its question with rcode 0 or NXDOMAIN, into f->found. */
void fetch_read(struct dns *d, struct fetch *f, const uint8_t *msg, size_t len);
/* Stops it, without a word to anyone. */
void fetch_stop(struct dns *d, struct fetch *f);
/* The question's stale answer was given not long ago, and its renewal failed (RFC 8767 5). */
bool fetch_rechecked(struct dns *d, const struct dns_question *q);
/* Reads message `msg` made by dns_answer_read() or from the cache, aged, into d->work[0] and *out. */
void found_read(struct dns *d, const struct dns_question *q, const uint8_t *msg, size_t len,
		uint32_t age_s, struct found *out);

/* own.c */
/*
 * Answers without any packet: literals, hosts, special names; message in `out` (of DNS_MSG_MAX). `target`: a CNAME of somebody else led here, so nothing
 * of this machine is told. False: to be asked for; *multicast: on the link.
 */
bool own_answer(struct dns *d, const struct dns_question *q, bool target, uint8_t *out,
		struct found *f, bool *multicast);
/* An answer without records, with that rcode. */
void own_empty(const struct dns_question *q, uint8_t rcode, uint8_t *out, struct found *f);
/* The address that a name under in-addr.arpa. or ip6.arpa. stands for. */
bool own_reverse(const struct dns_name *n, struct tapir_addr *out);

/* addrinfo.c: tells. */
void addrs_deliver(struct dns *d, struct query *q);

/* mdns.c */
/* Begins the exchange of f->ask.q. 0, -ENOMEM; without a link to ask on it is over by its timer. */
int mdns_begin(struct dns *d, struct fetch *f);
void mdns_end(struct dns *d, struct fetch *f);
bool mdns_ready(struct dns *d, tapir_sock_t s);
void mdns_timer(struct dns *d, struct fetch *f);

#endif
