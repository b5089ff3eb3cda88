#ifndef TAPIR_TESTS_SUPPORT_DNSLOOK_H
#define TAPIR_TESTS_SUPPORT_DNSLOOK_H

/* Lookups by a resolver in the world of dnsworld.h: asked in one line, with what became of them. */
#include "dns/addrinfo.h"
#include "tests/support/dnsworld.h"

struct dnslook {
	struct dnsworld w; /* first: dnsworld_...(&l->w) */
	struct dns *d;
	struct dns_conf conf; /* change before dnslook_open() */
	unsigned told;	      /* calls of done() */
};

/* One lookup. It stays in place until it is over. */
struct look {
	struct dnslook
		*l; /* this and what follows: filled when asking, but for `after` and `ctx` */
	int64_t id; /* 0: not under way */
	bool over;
	enum dns_status status;
	unsigned nrecords; /* A or AAAA */
	uint32_t ip4;	   /* of the first A */
	uint64_t took_ns;
	enum dns_source source;
	unsigned nattempts;
	struct dns_attempt first, last;
	uint32_t ignored; /* of all attempts that are kept */
	int eai;	  /* of addresses */
	/* Called last of all, from within done(); may ask, with this look too, and cancel. NULL: nothing. Set before asking. */
	void (*after)(struct look *k);
	void *ctx;
};

/* The world and a resolver over it with all its servers: *wc and l->conf (after dnslook_defaults()) say how. */
void dnslook_defaults(struct dnslook *l);
void dnslook_open(struct dnslook *l, const struct dnsworld_conf *wc);
/* 0, or what dns_create() said; the world stands all the same. */
int dnslook_try_open(struct dnslook *l, const struct dnsworld_conf *wc);
void dnslook_close(struct dnslook *l);

/* Asks; *k is filled when it is over. What dns_query() returned. */
int64_t dnslook_ask(struct dnslook *l, struct look *k, const char *name, uint16_t type,
		    unsigned flags);
/* The same for a name's addresses. */
int64_t dnslook_addresses(struct dnslook *l, struct look *k, const char *name, int family,
			  int flags);
/* Asks for an A and runs the world until it is known, for 120 s at most. */
enum dns_status dnslook_now(struct dnslook *l, struct look *k, const char *name);
/* Forgets it. */
int dnslook_cancel(struct look *k);

#endif
