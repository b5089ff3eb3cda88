/* Lookups in a test's world: see dnslook.h. */
#include <string.h>

#include "stack/base/assert.h"
#include "tests/support/dnslook.h"

void dnslook_defaults(struct dnslook *l)
{
	memset(l, 0, sizeof(*l));
	dns_conf_default(&l->conf);
}

int dnslook_try_open(struct dnslook *l, const struct dnsworld_conf *wc)
{
	int err;

	dnsworld_open(&l->w, wc);
	for (unsigned i = 0; i < wc->nservers; i++)
		l->conf.server[i] = dnsworld_addr(&l->w, i);
	l->conf.nservers = wc->nservers;
	err = dns_create(&l->d, l->w.t, &l->w.env, &l->conf, l->w.seed);
	if (!err)
		dnsworld_bind_dns(&l->w, l->d);
	else
		l->d = NULL;
	return err;
}

void dnslook_open(struct dnslook *l, const struct dnsworld_conf *wc)
{
	int err = dnslook_try_open(l, wc);

	TAPIR_ASSERT(!err);
}

void dnslook_close(struct dnslook *l)
{
	if (l->d)
		dns_destroy(l->d);
	l->w.user = (struct dnsworld_user){0};
	dnsworld_close(&l->w);
}

static void read_records(struct look *k, const struct dns_reply *r)
{
	struct dns_rr_iter it;
	struct dns_msg m;
	struct dns_rr rr;

	if (!r->msg)
		return;
	/* What is handed out is a message that the decoder takes. */
	TAPIR_ASSERT(dns_msg_decode(&m, r->msg, r->len, NULL) == 0);
	dns_rr_begin(&m, &it);
	while (dns_rr_next(&m, &it, &rr)) {
		const uint8_t *p = r->msg + rr.rdata;

		if (rr.section != DNS_ANSWER || (rr.type != DNS_TYPE_A && rr.type != DNS_TYPE_AAAA))
			continue;
		if (rr.type == DNS_TYPE_A && k->nrecords == 0)
			k->ip4 = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
				 p[3];
		k->nrecords++;
	}
}

static void done(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct look *k = ctx;
	const struct dns_story *s = r->story;

	/* Told once, and of a query that is under way. */
	TAPIR_ASSERT(!k->over && (uint64_t)k->id == id);
	k->over = true;
	k->id = 0;
	k->status = r->status;
	k->took_ns = r->took_ns;
	if (s) {
		unsigned n = min_u32(s->nattempts, DNS_ATTEMPTS_MAX);

		k->source = (enum dns_source)s->source;
		k->nattempts = s->nattempts;
		for (unsigned i = 0; i < n; i++)
			k->ignored += s->attempt[i].ignored;
		if (n > 0) {
			k->first = s->attempt[0];
			k->last = s->attempt[n - 1];
		}
	}
	read_records(k, r);
	k->l->told++;
	k->l->w.busy--;
	if (k->after)
		k->after(k);
}

static void done_addresses(void *ctx, int64_t id, const struct dns_addrs *a)
{
	struct look *k = ctx;

	TAPIR_ASSERT(!k->over && k->id == id && a->n <= DNS_ADDRS_MAX);
	TAPIR_ASSERT(a->eai != DNS_EAI_OK || a->n > 0);
	k->over = true;
	k->id = 0;
	k->status = a->status;
	k->eai = a->eai;
	k->nrecords = a->n;
	k->took_ns = a->took_ns;
	for (unsigned i = 0; i < a->n && k->ip4 == 0; i++) {
		if (a->addr[i].family == DNS_AF_INET)
			k->ip4 = tapir_addr_to_v4(&a->addr[i].addr);
	}
	k->l->told++;
	k->l->w.busy--;
	if (k->after)
		k->after(k);
}

static void fresh(struct dnslook *l, struct look *k)
{
	*k = (struct look){.l = l, .after = k->after, .ctx = k->ctx};
}

int64_t dnslook_addresses(struct dnslook *l, struct look *k, const char *name, int family,
			  int flags)
{
	struct dns_addrs_query q = {
		.node = name, .family = family, .flags = flags, .done = done_addresses, .ctx = k};

	fresh(l, k);
	k->id = dns_addrs_query(l->d, &q);
	if (k->id > 0)
		l->w.busy++;
	return k->id;
}

int64_t dnslook_ask(struct dnslook *l, struct look *k, const char *name, uint16_t type,
		    unsigned flags)
{
	struct dns_query q = {.flags = flags, .done = done, .ctx = k};
	int err = dns_name_parse(&q.q.name, name, strlen(name), NULL);

	TAPIR_ASSERT(!err);
	fresh(l, k);
	q.q.type = type;
	k->id = dns_query(l->d, &q);
	if (k->id > 0)
		l->w.busy++;
	return k->id;
}

enum dns_status dnslook_now(struct dnslook *l, struct look *k, const char *name)
{
	if (dnslook_ask(l, k, name, DNS_TYPE_A, 0) < 0)
		return DNS_NOMEM;
	dnsworld_run(&l->w, 120 * DNSWORLD_S);
	TAPIR_ASSERT(k->over);
	return k->status;
}

int dnslook_cancel(struct look *k)
{
	int err = dns_cancel(k->l->d, k->id);

	if (!err) {
		k->id = 0;
		k->l->w.busy--;
	}
	return err;
}
