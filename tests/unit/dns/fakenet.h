#ifndef TAPIR_TESTS_UNIT_DNS_FAKENET_H
#define TAPIR_TESTS_UNIT_DNS_FAKENET_H

/*
 * The resolver over exchanges that the test plays by hand: dns_net's functions are defined here, so that what the resolver asks is
 * seen, and each question is answered when and how the test says, in virtual time. Included once in a test program.
 *
 *	struct world w;
 *	world_open(&w, NULL);
 *	ask(&w, "www.example", DNS_TYPE_A, 0);		one question is out: w.net.n == 1
 *	struct reply r;
 *	reply_to(&r, fake_asked(&w, "www.example", DNS_TYPE_A));
 *	reply_a(&r, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
 *	reply_send(&w, &r);				got(&w, 0)->status == DNS_OK
 *	world_close(&w);				nothing is left in memory
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns/dns.h"
#include "dns/net.h"
#include "stack/netif.h"
#include "tests/support/alloc.h"
#include "tests/unit/dns/names.h"

enum { FAKE_ASKS = 4096, GOT_MAX = 256, REPLY_MAX = 4096 };

#define SECOND UINT64_C(1000000000)
#define MILLI  UINT64_C(1000000)

struct dns_net {
	struct tapir *t;
	struct tapir_env mem;
	struct dns_conf conf;
	struct list pending, ended;
};

/* What a callback was told. */
struct got {
	int64_t id;
	enum dns_status status;
	struct dns_question asked;
	struct dns_name canonical;
	uint8_t source;
	bool joined;
	int ede;
	char ede_text[128];
	uint16_t rcode, flags; /* of its message */
	unsigned answers;
	uint32_t age_s, ttl_s;	/* the first record's */
	struct tapir_addr addr; /* of the first A or AAAA */
	unsigned naddrs;
	bool has_msg;
	uint64_t at_ns;
};

struct world {
	struct test_alloc alloc;
	struct tapir *t;
	struct test_alloc stack_alloc;
	struct dns *d;
	struct dns_net *net;
	uint64_t now;
	struct got got[GOT_MAX];
	unsigned ngot;
	void (*on_done)(struct world *w, struct got *g); /* in the callback */
};

static unsigned fake_asks; /* questions that dns_net was given since the world began */
static struct dns_net *fake_net;

/* ---- dns_net ---- */

int dns_net_create(struct dns_net **out, struct tapir *t, const struct dns_env *env,
		   const struct dns_conf *conf, struct chacha_rng *rng)
{
	struct dns_net *n = env->mem.alloc(env->mem.ctx, sizeof(*n));

	(void)rng;
	if (!n)
		return -ENOMEM;
	n->t = t;
	n->mem = env->mem;
	n->conf = *conf;
	list_init(&n->pending);
	list_init(&n->ended);
	*out = fake_net = n;
	return 0;
}

void dns_net_destroy(struct dns_net *n)
{
	assert_true(list_empty(&n->pending) && list_empty(&n->ended));
	n->mem.free(n->mem.ctx, n, sizeof(*n));
	fake_net = NULL;
}

int dns_net_configure(struct dns_net *n, const struct dns_conf *conf)
{
	n->conf = *conf;
	return 0;
}

int dns_net_ask(struct dns_net *n, struct dns_ask *a)
{
	a->story = n->mem.alloc(n->mem.ctx, sizeof(*a->story));
	if (!a->story)
		return -ENOMEM;
	memset(a->story, 0, sizeof(*a->story));
	a->reply = NULL;
	a->status = DNS_OK;
	list_add_tail(&n->pending, &a->node);
	fake_asks++;
	return 0;
}

void dns_net_cancel(struct dns_net *n, struct dns_ask *a)
{
	(void)n;
	list_del(&a->node);
}

struct dns_ask *dns_net_pop(struct dns_net *n)
{
	struct list *first = list_pop(&n->ended);

	return first ? container_of(first, struct dns_ask, node) : NULL;
}

void dns_ask_release(struct dns_net *n, struct dns_ask *a)
{
	if (a->reply)
		n->mem.free(n->mem.ctx, a->reply, a->reply_len);
	if (a->story)
		n->mem.free(n->mem.ctx, a->story, sizeof(*a->story));
	a->reply = NULL;
	a->story = NULL;
}

bool dns_net_ready(struct dns_net *n, tapir_sock_t s, uint32_t bits)
{
	(void)n;
	(void)s;
	(void)bits;
	return false;
}

void dns_net_advance(struct dns_net *n)
{
	struct dns_ask *a, *next;

	LIST_FOREACH_SAFE (a, next, &n->pending, struct dns_ask, node) {
		if (a->deadline_ns > tapir_now(n->t))
			continue;
		a->status = DNS_TIMEOUT;
		list_del(&a->node);
		list_add_tail(&n->ended, &a->node);
	}
}

uint64_t dns_net_next_deadline(struct dns_net *n)
{
	uint64_t at = list_empty(&n->ended) ? TAPIR_NEVER : tapir_now(n->t);
	struct dns_ask *a;

	LIST_FOREACH (a, &n->pending, struct dns_ask, node) {
		at = min_u64(at, a->deadline_ns);
	}
	return at;
}

void dns_net_stats(const struct dns_net *n, struct dns_stats *s)
{
	(void)n;
	(void)s;
}

int dns_net_server(const struct dns_net *n, unsigned i, struct dns_server_info *out)
{
	memset(out, 0, sizeof(*out));
	if (i >= n->conf.nservers)
		return -ESRCH;
	out->addr = n->conf.server[i];
	return 0;
}

void dns_net_check(const struct dns_net *n)
{
	(void)n;
}

/* ---- the world ---- */

static inline void world_conf(struct dns_conf *c)
{
	dns_conf_default(c);
	c->nservers = 1;
	c->server[0] = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 53), 53);
}

/* `conf` NULL: world_conf()'s. */
static inline void world_open(struct world *w, const struct dns_conf *conf)
{
	static const uint8_t seed[TAPIR_SEED_LEN] = {7};
	const struct tapir_addr us = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 1));
	struct tapir_netif_conf nic = {.name = "wire0", .type = TAPIR_NETIF_RAW_IP, .mtu = 1500};
	struct dns_conf c;

	memset(w, 0, sizeof(*w));
	test_alloc_init(&w->alloc, TEST_ALLOC_PLAIN);
	test_alloc_init(&w->stack_alloc, TEST_ALLOC_PLAIN);
	const struct tapir_env env = {.ctx = &w->stack_alloc,
				      .alloc = test_alloc_get,
				      .free = test_alloc_put};
	w->now = 1000 * SECOND;
	assert_int_equal(tapir_create(&w->t, &env, NULL, seed, w->now), 0);
	int ifi = tapir_netif_add(w->t, &nic);
	assert_int_equal(tapir_addr_add(w->t, ifi, &us, 24), 0);
	assert_int_equal(tapir_netif_up(w->t, ifi), 0);
	const struct dns_env denv = {
		.mem = {.ctx = &w->alloc, .alloc = test_alloc_get, .free = test_alloc_put}};
	if (!conf) {
		world_conf(&c);
		conf = &c;
	}
	fake_asks = 0;
	assert_int_equal(dns_create(&w->d, w->t, &denv, conf, seed), 0);
	w->net = fake_net;
}

static inline void world_close(struct world *w)
{
	dns_destroy(w->d);
	assert_int_equal(w->alloc.live, 0);
	tapir_destroy(w->t);
	test_alloc_end(&w->alloc);
	test_alloc_end(&w->stack_alloc);
}

/* What is due now. */
static inline void settle(struct world *w)
{
	struct tapir_ready r[8];

	for (unsigned i = 0; i < 1000; i++) {
		size_t n = tapir_ready_pop(w->t, r, 8);

		for (size_t k = 0; k < n; k++)
			dns_ready(w->d, r[k].sock, r[k].bits);
		if (n)
			continue;
		if (dns_next_deadline(w->d) > w->now)
			return;
		dns_advance(w->d);
	}
	fail_msg("the resolver never comes to rest");
}

/* Lets `ns` pass, stopping at every deadline. */
static inline void pass(struct world *w, uint64_t ns)
{
	uint64_t end = w->now + ns;

	settle(w);
	while (w->now < end) {
		uint64_t at = dns_next_deadline(w->d);

		w->now = at < end ? at : end;
		tapir_advance(w->t, w->now);
		settle(w);
	}
}

/* ---- asking ---- */

static inline void note_message(struct got *g, const uint8_t *b, size_t len)
{
	uint8_t rdata[4096];
	struct dns_rr_iter it;
	struct dns_msg m;
	struct dns_rr rr;

	if (!b)
		return;
	g->has_msg = true;
	assert_int_equal(dns_msg_decode(&m, b, len, NULL), 0);
	/* whatever the answer was made of, its question is the one that was asked */
	assert_int_equal(m.q.type, g->asked.type);
	assert_true(dns_name_eq(&m.q.name, &g->asked.name));
	g->rcode = m.rcode;
	g->flags = m.flags;
	for (dns_rr_begin(&m, &it); dns_rr_next(&m, &it, &rr);) {
		if (rr.section != DNS_ANSWER)
			continue;
		if (g->answers++ == 0)
			g->ttl_s = rr.ttl;
		int n = dns_rdata_expand(&m, &rr, rdata, sizeof(rdata));
		if ((rr.type == DNS_TYPE_A || rr.type == DNS_TYPE_AAAA) && n > 0 &&
		    g->naddrs++ == 0)
			dns_rdata_addr(rr.type, rdata, (size_t)n, &g->addr);
	}
}

static inline void on_done(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct world *w = ctx;
	struct got *g = &w->got[w->ngot++];

	assert_true(w->ngot < GOT_MAX);
	memset(g, 0, sizeof(*g));
	g->id = (int64_t)id;
	g->status = r->status;
	g->asked = r->asked;
	g->canonical = r->canonical;
	g->source = r->story->source;
	g->joined = r->story->joined;
	g->age_s = r->story->cache_age_s;
	g->ede = r->ede;
	memcpy(g->ede_text, r->ede_text, sizeof(g->ede_text));
	g->at_ns = w->now;
	note_message(g, r->msg, r->len);
	if (w->on_done)
		w->on_done(w, g);
}

static inline int64_t ask_for(struct world *w, const char *name, uint16_t type, unsigned flags,
			      uint32_t timeout_ms)
{
	const struct dns_query q = {
		.q = {name_of(name), type, DNS_CLASS_IN},
		.flags = flags,
		.timeout_ms = timeout_ms,
		.done = on_done,
		.ctx = w,
	};

	return dns_query(w->d, &q);
}

static inline int64_t ask(struct world *w, const char *name, uint16_t type, unsigned flags)
{
	int64_t id = ask_for(w, name, type, flags, 0);

	assert_true(id > 0);
	return id;
}

/* The i-th that was told. */
static inline struct got *got(struct world *w, unsigned i)
{
	settle(w);
	assert_true(i < w->ngot);
	return &w->got[i];
}

/* Asks and has it at once, without any question to a server. */
static inline struct got *at_once(struct world *w, const char *name, uint16_t type, unsigned flags)
{
	unsigned asks = fake_asks, n = w->ngot;

	ask(w, name, type, flags);
	settle(w);
	assert_int_equal(fake_asks, asks);
	assert_int_equal(w->ngot, n + 1);
	return &w->got[n];
}

static inline bool name_is(const struct dns_name *n, const char *text)
{
	struct dns_name other = name_of(text);

	return dns_name_eq(n, &other);
}

/* ---- answering ---- */

/* The question that is out for that name, or NULL. */
static inline struct dns_ask *fake_find(const char *name, uint16_t type)
{
	struct dns_ask *a;

	LIST_FOREACH (a, &fake_net->pending, struct dns_ask, node) {
		if (a->q.type == type && name_is(&a->q.name, name))
			return a;
	}
	return NULL;
}

static inline struct dns_ask *fake_asked(const char *name, uint16_t type)
{
	struct dns_ask *a = fake_find(name, type);

	if (!a)
		fail_msg("nobody asked for %s", name);
	return a;
}

struct reply {
	struct dns_ask *a;
	struct dns_enc e;
	uint8_t b[REPLY_MAX];
};

static inline void reply_rcode(struct reply *r, struct dns_ask *a, uint8_t rcode)
{
	r->a = a;
	dns_enc_begin(&r->e, r->b, sizeof(r->b), 77, DNS_QR | DNS_RD | DNS_RA, 0, rcode);
	dns_enc_question(&r->e, &a->q.name, a->q.type, a->q.class);
}

static inline void reply_to(struct reply *r, struct dns_ask *a)
{
	reply_rcode(r, a, DNS_RCODE_NOERROR);
}

static inline void reply_rr(struct reply *r, enum dns_section s, const char *owner, uint16_t type,
			    uint32_t ttl, const void *rdata, size_t len)
{
	struct dns_name n = name_of(owner);

	assert_int_equal(dns_enc_rr(&r->e, s, &n, type, DNS_CLASS_IN, ttl, rdata, len), 0);
}

static inline void reply_a(struct reply *r, const char *owner, uint32_t ttl, uint32_t ip4)
{
	const uint8_t b[4] = {(uint8_t)(ip4 >> 24), (uint8_t)(ip4 >> 16), (uint8_t)(ip4 >> 8),
			      (uint8_t)ip4};

	reply_rr(r, DNS_ANSWER, owner, DNS_TYPE_A, ttl, b, 4);
}

static inline void reply_aaaa(struct reply *r, const char *owner, uint32_t ttl, uint8_t last)
{
	const uint8_t b[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = last};

	reply_rr(r, DNS_ANSWER, owner, DNS_TYPE_AAAA, ttl, b, 16);
}

static inline void reply_cname(struct reply *r, const char *owner, uint32_t ttl, const char *target)
{
	struct dns_name n = name_of(target);

	reply_rr(r, DNS_ANSWER, owner, DNS_TYPE_CNAME, ttl, n.b, n.len);
}

static inline void reply_soa(struct reply *r, const char *zone, uint32_t ttl, uint32_t minimum)
{
	uint8_t b[64] = {0};
	size_t at = 0;

	/* the root as MNAME and RNAME, five numbers */
	at += 2 + 16;
	b[at++] = (uint8_t)(minimum >> 24);
	b[at++] = (uint8_t)(minimum >> 16);
	b[at++] = (uint8_t)(minimum >> 8);
	b[at++] = (uint8_t)minimum;
	reply_rr(r, DNS_AUTHORITY, zone, DNS_TYPE_SOA, ttl, b, at);
}

static inline void reply_ede(struct reply *r, uint16_t code, const char *text)
{
	uint8_t options[256], ede[200] = {(uint8_t)(code >> 8), (uint8_t)code};
	size_t len = 0, n = strlen(text);

	memcpy(ede + 2, text, n);
	assert_int_equal(dns_put_option(options, sizeof(options), &len, DNS_OPT_EDE, ede, n + 2),
			 0);
	assert_int_equal(dns_enc_opt(&r->e, 1232, 0, 0, options, len), 0);
}

/* Ends the question with the reply and a status; the resolver learns of it with its next turn. */
static inline void reply_end(struct reply *r, enum dns_status status)
{
	struct dns_ask *a = r->a;

	a->reply = fake_net->mem.alloc(fake_net->mem.ctx, r->e.len);
	if (a->reply) {
		memcpy(a->reply, r->b, r->e.len);
		a->reply_len = r->e.len;
		a->status = status;
	} else {
		a->status = DNS_NOMEM;
	}
	list_del(&a->node);
	list_add_tail(&fake_net->ended, &a->node);
}

static inline void reply_send(struct world *w, struct reply *r)
{
	reply_end(r, DNS_OK);
	settle(w);
}

/* Short for all of it. */
static inline void answer_a(struct world *w, const char *name, uint32_t ttl, uint32_t ip4)
{
	struct reply r;

	reply_to(&r, fake_asked(name, DNS_TYPE_A));
	reply_a(&r, name, ttl, ip4);
	reply_send(w, &r);
}

static inline void answer_nxdomain(struct world *w, const char *name, uint16_t type, uint32_t ttl)
{
	struct reply r;

	reply_rcode(&r, fake_asked(name, type), DNS_RCODE_NXDOMAIN);
	reply_soa(&r, ".", ttl, ttl);
	reply_send(w, &r);
}

static inline void answer_nodata(struct world *w, const char *name, uint16_t type, uint32_t ttl)
{
	struct reply r;

	reply_to(&r, fake_asked(name, type));
	reply_soa(&r, ".", ttl, ttl);
	reply_send(w, &r);
}

/* Ends the question without an answer. */
static inline void answer_fail(struct world *w, const char *name, uint16_t type,
			       enum dns_status status)
{
	struct dns_ask *a = fake_asked(name, type);

	a->status = status;
	list_del(&a->node);
	list_add_tail(&fake_net->ended, &a->node);
	settle(w);
}

#endif
