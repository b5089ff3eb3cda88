/*
 * The stub resolver (RFC 1034 5.3.1), over a stack's own sockets.
 *
 * It belongs to an instance of the stack and to its thread. Time is the instance's; randomness comes from a seed; it sleeps nowhere.
 * Whoever owns the loop
 *	- gives it its sockets' readiness: dns_ready(), for every socket that it asked to watch;
 *	- calls dns_advance() after tapir_advance() and at dns_next_deadline().
 * Both end by telling of queries that are over: by calling their `done`, or, where a query has none, by dns_pop(). `done` is called from a
 * flat loop with nothing of the resolver under way: it may begin and cancel any query, but not destroy the resolver.
 * docs/example_dns.c is a whole program.
 */
#ifndef TAPIR_DNS_DNS_H
#define TAPIR_DNS_DNS_H

#include "dns/rr.h"
#include "stack/socket.h"

struct dns;
struct dns_stream_ops;

enum { DNS_SERVERS_MAX = 8, DNS_SEARCH_MAX = 8, DNS_PORT = 53, DNS_DENIED_PORTS_MAX = 64 };

/* How a query ended. */
enum dns_status {
	DNS_OK,	      /* records */
	DNS_NODATA,   /* the name exists, no record of that type does (RFC 2308 2.2) */
	DNS_NXDOMAIN, /* no such name */
	DNS_SERVFAIL, /* every server that could be asked failed in answering */
	DNS_REFUSED,
	DNS_FORMERR,
	DNS_NOTIMP,
	DNS_RCODE,	 /* another rcode: the message has it */
	DNS_TIMEOUT,	 /* no server answered in time */
	DNS_UNREACHABLE, /* no server could be reached: no route, ICMP, connection refused */
	DNS_LOOP,	 /* CNAMEs in a circle, or too many */
	DNS_BADREPLY,	 /* only replies that are no DNS, or referrals */
	DNS_NOSERVER,	 /* none is configured */
	DNS_BADNAME,	 /* too long with the search domain, or not to be asked for */
	DNS_NOMEM,
	DNS_CANCELLED, /* never told of; for texts */
};

/* A word or some for people: "no such name". Never NULL. */
TAPIR_API const char *dns_status_text(enum dns_status s);

enum dns_transport { DNS_UDP, DNS_TCP, DNS_TLS, DNS_MDNS };

struct dns_conf {
	struct tapir_sockaddr server[DNS_SERVERS_MAX]; /* port 0: 53 */
	unsigned nservers;
	struct dns_name search[DNS_SEARCH_MAX];
	unsigned nsearch;
	unsigned ndots;	     /* 1 */
	uint32_t timeout_ms; /* 5000: the most that one round over the servers takes */
	unsigned
		attempts; /* 2: rounds of timeout_ms; a server gets one query more over one transport, at most 3 (RFC 9520 3.1) */
	bool rotate;	  /* begin with another server each time */
	bool use_tcp;	  /* no UDP ("use-vc") */
	bool no_edns;
	bool trust_ad; /* AD of replies is passed on (RFC 4035 4.9.3) */
	bool no_aaaa;
	bool no_x20;	     /* queries keep their case (draft-vixie-dnsext-dns0x20) */
	bool no_cookies;     /* RFC 7873 */
	bool no_mdns;	     /* .local goes nowhere (RFC 6762 3) instead of to the link */
	bool filter_private; /* addresses of private networks in answers are dropped (DN-27) */
	uint16_t udp_size;   /* 1232 */
	unsigned
		spoof_limit; /* forged replies to one query after which it goes to TCP (10); 0: never */
	unsigned max_queries;			    /* 4096 that are not over, then -EAGAIN */
	unsigned max_records;			    /* of one answer (512); the rest is dropped */
	uint32_t tcp_idle_ms;			    /* 10000 */
	uint16_t denied_port[DNS_DENIED_PORTS_MAX]; /* never a source port (RFC 5452 9.2) */
	unsigned ndenied;
	size_t cache_bytes; /* 4 MiB; 0: no cache */
	uint32_t cache_max_ttl_s, cache_min_ttl_s, cache_max_negative_s, cache_failure_s;
	uint32_t stale_s;		  /* 0: expired answers never serve (RFC 8767) */
	uint32_t prefetch_percent;	  /* 10 */
	const struct dns_stream_ops *tls; /* NULL: none; dns/stream.h */
	void *tls_ctx;
	/* Test hooks. */
	unsigned
		entropy_bits; /* 0: all; else only so many are random: the ID's lowest first, then the port's from 32768 on, then the case's */
};

/* The defaults, without servers. */
TAPIR_API void dns_conf_default(struct dns_conf *c);

struct dns_env {
	void *ctx;
	/* The resolver has made socket `s` and wants `bits` of it told by dns_ready(): 0 or a negative errno. NULL: tapir_interest() with cookie 0. */
	int (*watch)(void *ctx, tapir_sock_t s, uint32_t bits);
	struct tapir_env mem; /* alloc and free only */
};

/* Makes a resolver over `t`, which must outlive it. 0, -EINVAL (conf), -ENOMEM. */
TAPIR_API int dns_create(struct dns **out, struct tapir *t, const struct dns_env *env,
			 const struct dns_conf *conf, const uint8_t seed[TAPIR_SEED_LEN]);
/* Closes its sockets. Queries that are not over are forgotten without a word. */
TAPIR_API void dns_destroy(struct dns *d);
/* Other settings from now on; queries under way go on with the old servers' answers. The cache stays unless the servers changed. */
TAPIR_API int dns_configure(struct dns *d, const struct dns_conf *conf);
TAPIR_API const struct dns_conf *dns_settings(const struct dns *d);

TAPIR_API void dns_ready(struct dns *d, tapir_sock_t s, uint32_t bits);
TAPIR_API void dns_advance(struct dns *d);
/* When dns_advance() must be called at the latest; TAPIR_NEVER. */
TAPIR_API uint64_t dns_next_deadline(struct dns *d);

/* Names of the machine: lines of a hosts file (hosts(5)). A copy is made; the old ones go. 0 or -ENOMEM; lines that are none are passed over. */
TAPIR_API int dns_set_hosts(struct dns *d, const char *text, size_t len);

enum dns_query_flag {
	DNS_Q_SEARCH = 1,   /* the search list and ndots apply (dns_lookup's habit) */
	DNS_Q_NO_CACHE = 2, /* neither looked into nor filled */
	DNS_Q_NO_LOCAL =
		4, /* no hosts file, no special names (RFC 6761), no mDNS: to the servers whatever it is */
	DNS_Q_RAW =
		8, /* the reply as it came, whole, whatever rcode; no CNAME followed. Implies NO_CACHE and NO_LOCAL */
	DNS_Q_TCP = 16, /* TCP from the start */
	DNS_Q_TLS = 32,
	DNS_Q_NO_RD = 64, /* recursion not desired */
	DNS_Q_DO = 128,	  /* DNSSEC records wanted (RFC 3225) */
	DNS_Q_CD = 256,
	DNS_Q_AD = 512,
	DNS_Q_NO_EDNS = 1024,
	DNS_Q_NO_COOKIE = 2048,
	DNS_Q_IGNORE_TC = 4096,	       /* with RAW: a truncated reply is the answer */
	DNS_Q_ONE_SERVER_FIRST = 8192, /* in the order given, not by latency (dig's habit) */
};

/* What was done to one server. */
enum dns_outcome {
	DNS_TRIED_PENDING,
	DNS_TRIED_ANSWERED,
	DNS_TRIED_TIMEOUT,
	DNS_TRIED_ICMP,	     /* an ICMP error, or no route: `error` */
	DNS_TRIED_CONNECT,   /* TCP did not come about: `error` */
	DNS_TRIED_CLOSED,    /* the connection ended without an answer */
	DNS_TRIED_TRUNCATED, /* TC: on to TCP */
	DNS_TRIED_NO_EDNS,   /* FORMERR or the like to EDNS: again without */
	DNS_TRIED_BADVERS,
	DNS_TRIED_BADCOOKIE,
	DNS_TRIED_RCODE,     /* an rcode that sends us to the next server */
	DNS_TRIED_LAME,	     /* no recursion, or a referral */
	DNS_TRIED_FORGED,    /* too many forged replies: on to TCP */
	DNS_TRIED_MALFORMED, /* only what is no DNS came */
	DNS_TRIED_CASE,	     /* the reply did not keep the case: on to TCP, and remembered */
};

enum dns_cookie_state { DNS_COOKIE_NONE, DNS_COOKIE_SENT, DNS_COOKIE_ANSWERED, DNS_COOKIE_ABSENT };

struct dns_attempt {
	struct tapir_sockaddr server;
	uint16_t local_port, id;
	uint8_t transport; /* enum dns_transport */
	uint8_t outcome;   /* enum dns_outcome */
	uint8_t cookie;	   /* enum dns_cookie_state */
	bool edns, case_mixed, case_kept;
	uint16_t rcode;
	uint16_t sent;	  /* times this query was sent */
	uint32_t ignored; /* datagrams that did not fit: forged, late, of another question */
	int error;	  /* errno, positive */
	uint64_t sent_ns, ended_ns; /* first sent, told */
	uint32_t query_len, reply_len;
};

enum dns_source {
	DNS_FROM_SERVER,
	DNS_FROM_CACHE,
	DNS_FROM_STALE,
	DNS_FROM_HOSTS,
	DNS_FROM_SPECIAL,
	DNS_FROM_MDNS,
	DNS_FROM_ADDRESS
};

/* A word for programs: "server", "cache" ... Never NULL. */
TAPIR_API const char *dns_source_text(enum dns_source source);

enum { DNS_ATTEMPTS_MAX = 24, DNS_QUERY_MAX = 512 };

/* The story of a query. */
struct dns_story {
	uint8_t source;	      /* enum dns_source of the (last) answer */
	uint32_t cache_age_s; /* from the cache: how old */
	bool joined;	      /* waited for another query with the same question */
	unsigned nattempts;   /* more than fit in `attempt` are counted only */
	struct dns_attempt attempt[DNS_ATTEMPTS_MAX];
	uint16_t query_len;
	uint8_t query
		[DNS_QUERY_MAX]; /* the query that was answered, or the last; without TCP's length */
};

struct dns_reply {
	enum dns_status status;
	const uint8_t *
		msg; /* a whole message that dns_msg_decode() takes, or NULL; valid in done(), or to the next dns_pop() */
	size_t len;
	struct dns_question asked; /* with search domain */
	struct dns_name canonical; /* end of the CNAME chain */
	int ede;		   /* RFC 8914 code of the last failure or answer, -1: none */
	char ede_text[128];	   /* printable UTF-8 or escaped; "" */
	uint64_t took_ns;
	const struct dns_story *story;
};

typedef void dns_done_fn(void *ctx, uint64_t id, const struct dns_reply *r);

struct dns_query {
	struct dns_question q; /* class 0: IN */
	unsigned flags;	       /* enum dns_query_flag */
	struct tapir_sockaddr
		server;	     /* any: the configured ones; else this one alone, port 0: 53 */
	uint32_t timeout_ms; /* in all; 0: timeout_ms x attempts of the settings */
	unsigned attempts;   /* 0: the settings' */
	/* EDNS options besides the cookie (dns_put_option), for RAW; the caller's, in place until the query is over. NULL: none */
	const uint8_t *options;
	size_t options_len;
	dns_done_fn *done; /* NULL: dns_pop() */
	void *ctx;
};

/*
 * Asks. `done` is never called from within. Returns the query's id, > 0, or -EAGAIN (max_queries), -EINVAL, -ENOMEM.
 */
TAPIR_API int64_t dns_query(struct dns *d, const struct dns_query *q);
/* Forgets a query: it will not be told of. -ENOENT: it is over, or never was. */
TAPIR_API int dns_cancel(struct dns *d, int64_t id);
/* A query without `done` that is over: its id, with *r filled; 0: none. */
TAPIR_API int64_t dns_pop(struct dns *d, struct dns_reply *r);

/* Figures. */
struct dns_stats {
	uint64_t queries, udp_sent, udp_received, tcp_sent, tcp_received, tcp_connections,
		tls_connections;
	uint64_t retransmits, timeouts, hedges, truncated, forged, malformed, formerr_fallbacks,
		badcookie, joined, spoof_to_tcp, cancelled;
	uint64_t cache_hits, cache_misses, cache_negative_hits, cache_failure_hits,
		cache_stale_hits, cache_evictions, prefetches;
	size_t cache_entries, cache_bytes;
	unsigned outstanding;
};
TAPIR_API void dns_stats_get(const struct dns *d, struct dns_stats *out);

/* A server as it stands. */
struct dns_server_info {
	struct tapir_sockaddr addr;
	uint32_t srtt_us;  /* 0: not measured yet */
	unsigned failures; /* in a row */
	bool dead, edns, x20, cookie, tcp_open;
	uint64_t sent, answered;
};
TAPIR_API int dns_server_get(const struct dns *d, unsigned i, struct dns_server_info *out);

/* The cache: *at = 0 begins; 1 with an entry, 0 at the end. r->msg has TTLs as they stand now; took_ns is 0, story NULL. *ttl_s: what is left. */
TAPIR_API int dns_cache_dump(struct dns *d, uint64_t *at, struct dns_reply *r, uint32_t *ttl_s);
/* Forgets `under` and all below it, NULL: everything. Returns how many entries. */
TAPIR_API size_t dns_cache_forget(struct dns *d, const struct dns_name *under);

#endif
