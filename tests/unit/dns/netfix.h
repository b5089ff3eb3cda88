#ifndef TAPIR_TESTS_UNIT_DNS_NETFIX_H
#define TAPIR_TESTS_UNIT_DNS_NETFIX_H

/*
 * What the tests of dns/net.h share: a world of name servers (tests/support/dnsworld.h) with a dns_net in it, and questions.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns/exchange.h"
#include "dns/rr.h"
#include "tests/support/dnsworld.h"
#include "tests/support/test.h"

#define NF_MS DNSWORLD_MS
#define NF_S  DNSWORLD_S

struct netfix {
	struct dnsworld w;
	struct dnsworld_conf wc;
	struct dns_conf conf;
	struct chacha_rng rng;
	struct dns_net *n;
	unsigned nover;
};

static inline void nf_reap(struct netfix *f)
{
	while (dns_net_pop(f->n)) {
		f->nover++;
		f->w.busy--;
	}
#ifdef TAPIR_DEBUG
	dns_net_check(f->n);
#endif
}

static inline void nf_ready(void *ctx, tapir_sock_t s, uint32_t bits)
{
	struct netfix *f = ctx;

	dns_net_ready(f->n, s, bits);
	dns_net_check(f->n);
	nf_reap(f);
}

static inline void nf_advance(void *ctx)
{
	struct netfix *f = ctx;

	dns_net_advance(f->n);
	dns_net_check(f->n);
	nf_reap(f);
}

static inline uint64_t nf_next(void *ctx)
{
	struct netfix *f = ctx;

	return dns_net_next_deadline(f->n);
}

/* A world with that many servers; the settings may be changed before nf_start(). */
static inline struct netfix *nf_new(unsigned nservers)
{
	struct netfix *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	dnsworld_conf_default(&f->wc, 7);
	f->wc.nservers = nservers;
	dns_conf_default(&f->conf);
	return f;
}

static inline void nf_start(struct netfix *f)
{
	dnsworld_open(&f->w, &f->wc);
	dnsworld_zone(&f->w, "example.", 300);
	dnsworld_a(&f->w, "www.example.", 60, TAPIR_IP4(192, 0, 2, 80));
	dnsworld_a(&f->w, "3com.example.", 60, TAPIR_IP4(192, 0, 2, 3));
	dnsworld_any(&f->w, "any.example.", 60, false);
	f->conf.nservers = f->wc.nservers;
	for (unsigned i = 0; i < f->wc.nservers; i++)
		f->conf.server[i] = dnsworld_addr(&f->w, i);
	chacha_rng_init(&f->rng, f->w.seed);
	assert_int_equal(dns_net_create(&f->n, f->w.t, &f->w.env, &f->conf, &f->rng), 0);
	f->w.user = (struct dnsworld_user){f, nf_ready, nf_advance, nf_next};
}

/* The usual: default settings, that many servers. */
static inline struct netfix *nf_begin(unsigned nservers)
{
	struct netfix *f = nf_new(nservers);

	nf_start(f);
	return f;
}

static inline void nf_end(struct netfix *f)
{
	dns_net_destroy(f->n);
	dnsworld_close(&f->w);
	free(f);
}

static inline void nf_name(struct dns_name *n, const char *text)
{
	n->len = (uint8_t)dnsworld_name(text, n->b);
}

static inline void nf_form(struct netfix *f, struct dns_ask *a, const char *name, unsigned flags)
{
	memset(a, 0, sizeof(*a));
	nf_name(&a->q.name, name);
	a->q.type = DNS_TYPE_A;
	a->q.class = DNS_CLASS_IN;
	a->flags = flags;
	a->deadline_ns = tapir_now(f->w.t) + 10 * NF_S;
	a->attempts = 2;
}

/* Asks; does not wait. */
static inline void nf_send(struct netfix *f, struct dns_ask *a)
{
	f->w.busy++;
	assert_int_equal(dns_net_ask(f->n, a), 0);
	dns_net_check(f->n);
}

static inline void nf_ask(struct netfix *f, struct dns_ask *a, const char *name, unsigned flags)
{
	nf_form(f, a, name, flags);
	nf_send(f, a);
}

/* Asks and waits: how long it took. */
static inline uint64_t nf_lookup(struct netfix *f, struct dns_ask *a, const char *name,
				 unsigned flags)
{
	uint64_t began = f->w.now_ns;

	nf_ask(f, a, name, flags);
	assert_true(dnsworld_run(&f->w, 30 * NF_S));
	return f->w.now_ns - began;
}

static inline void nf_free(struct netfix *f, struct dns_ask *a)
{
	dns_ask_release(f->n, a);
}

/* The first A record of a reply; 0: none. */
static inline uint32_t nf_ip4(const struct dns_ask *a)
{
	struct dns_rr_iter it;
	struct dns_msg m;
	struct dns_rr rr;

	assert_non_null(a->reply);
	assert_int_equal(dns_msg_decode(&m, a->reply, a->reply_len, NULL), 0);
	dns_rr_begin(&m, &it);
	while (dns_rr_next(&m, &it, &rr)) {
		const uint8_t *p = a->reply + rr.rdata;

		if (rr.section == DNS_ANSWER && rr.type == DNS_TYPE_A)
			return TAPIR_IP4(p[0], p[1], p[2], p[3]);
	}
	return 0;
}

static inline unsigned nf_rcode(const struct dns_ask *a)
{
	struct dns_msg m;

	assert_non_null(a->reply);
	assert_int_equal(dns_msg_decode(&m, a->reply, a->reply_len, NULL), 0);
	return m.rcode;
}

static inline struct dns_stats nf_stats(const struct netfix *f)
{
	struct dns_stats s = {0};

	dns_net_stats(f->n, &s);
	return s;
}

static inline struct dns_server_info nf_server(const struct netfix *f, unsigned i)
{
	struct dns_server_info s;

	assert_int_equal(dns_net_server(f->n, i, &s), 0);
	return s;
}

/* The i-th query that any server saw. */
static inline const struct dnsworld_query *nf_seen(const struct netfix *f, size_t i)
{
	assert_in_range(i, 0, f->w.nseen - 1);
	return &f->w.seen[i];
}

/* Query i and attempt i agree, and the latter ended so. */
#define nf_attempt(a, i, how, how_many)                                  \
	do {                                                             \
		assert_in_range(i, 0, (a)->story->nattempts - 1);        \
		assert_int_equal((a)->story->attempt[i].outcome, how);   \
		assert_int_equal((a)->story->attempt[i].sent, how_many); \
	} while (0)

#endif
