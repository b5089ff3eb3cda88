/*
 * The whole resolver over its stack. The input is a program: questions, cancels, steps of time, habits of the name
 * servers, records in their table, what becomes of each reply on its way (bytes changed, cut, sent twice, forged beside it), memory
 * that fails, new settings and hosts files. The servers and the path are those of tests/support/dnsworld.h, so TCP and ICMP are
 * the real ones.
 *
 * What must hold whatever comes: every question that was not cancelled is told of exactly once and within the time
 * that it has; what is told is a message that the decoder takes; the packets for it are bounded; nothing leaks.
 *
 *	byte 0, 1       settings
 *	then            operation, arguments; ...
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "tests/support/dnslook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOOKS = 24, OPS_MAX = 160, NSERVERS = 3, RDATA_MAX = 300 };

struct fuzz {
	struct dnslook l;
	struct look look[LOOKS];
	const uint8_t *p, *end;
	unsigned asked;
	/* What becomes of the next replies. */
	uint8_t script[64];
	unsigned script_len;
	uint8_t within[4]; /* what done() does, round and round */
	unsigned calls;
	bool ending;
};

static struct fuzz *fuzzed;
static const char *const names[] = {
	"www.example",	"alias.example", "deep.alias.example",	   "no.example",
	"loop.example", "a.any.example", "b.any.example",	   "host",
	"localhost",	"thing.local",	 "1.0.0.127.in-addr.arpa", ".",
	"x.onion",	"192.0.2.7",	 "elsewhere.test",	   "host.example.",
};
static const uint16_t types[] = {DNS_TYPE_A,   DNS_TYPE_AAAA,  DNS_TYPE_MX,  DNS_TYPE_TXT,
				 DNS_TYPE_SOA, DNS_TYPE_PTR,   DNS_TYPE_SRV, DNS_TYPE_CNAME,
				 DNS_TYPE_ANY, DNS_TYPE_HTTPS, DNS_TYPE_DS,  65280};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t take(struct fuzz *f, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | (f->p < f->end ? *f->p++ : 0);
	return v;
}

static size_t take_bytes(struct fuzz *f, uint8_t *to, size_t max)
{
	size_t n = take(f, 1);

	n = n > max ? max : n;
	for (size_t i = 0; i < n; i++)
		to[i] = f->p < f->end ? *f->p++ : (uint8_t)i;
	return n;
}

/* A reply on its way: the script says what happens to it. */
static unsigned mangle(struct dnsworld_server *s, const struct dnsworld_query *q, uint8_t *reply,
		       size_t *len)
{
	struct fuzz *f = s->h.ctx;
	unsigned copies = 1;

	for (unsigned i = 0; i + 2 < f->script_len; i += 3) {
		unsigned at = f->script[i + 1];
		uint8_t v = f->script[i + 2];

		switch (f->script[i] % 9) {
		case 0: /* a byte from the front becomes another */
			if (at < *len)
				reply[at] = v;
			break;
		case 1: /* from the end */
			if (at < *len)
				reply[*len - 1 - at] = v;
			break;
		case 2:
			if (at < *len)
				reply[at] ^= (uint8_t)(1u << (v & 7));
			break;
		case 3: /* cut */
			*len = at < *len ? at : *len;
			break;
		case 4: /* longer */
			for (unsigned k = 0; k < at && *len < DNSWORLD_MSG; k++)
				reply[(*len)++] = v;
			break;
		case 5: /* the flags */
			if (*len >= 4) {
				reply[2] ^= (uint8_t)at;
				reply[3] ^= v;
			}
			break;
		case 6: /* a count */
			if (*len >= 12)
				reply[4 + at % 8] = v;
			break;
		case 7: /* another comes before it */
			if (!q->tcp && s->udp) {
				uint8_t other[600];
				size_t n = *len < sizeof(other) ? *len : sizeof(other);

				memcpy(other, reply, n);
				if (at < n)
					other[at] ^= v;
				dnsworld_send(s, q, other, n);
			}
			break;
		case 8:
			copies = v % 3;
			break;
		}
	}
	return copies;
}

static void habit(struct fuzz *f)
{
	struct dnsworld_habit *h = dnsworld_habit(&f->l.w, take(f, 1) % NSERVERS);
	unsigned which = take(f, 1) % 26, v = take(f, 1);

	switch (which) {
	case 0:
		h->delay_ns = v * 20 * DNSWORLD_MS;
		break;
	case 1:
		h->jitter_ns = v * DNSWORLD_MS;
		break;
	case 2:
		h->drop_ppm = v * 4000;
		break;
	case 3:
		h->dup_ppm = v * 4000;
		break;
	case 4:
		h->silent = v & 1;
		break;
	case 5:
		h->silent_udp = v & 1;
		break;
	case 6:
		h->refuse = v & 1;
		break;
	case 7:
		h->refuse_tcp = v & 1;
		break;
	case 8:
		h->tc = v & 1;
		break;
	case 9:
		h->tc_some = v & 1;
		break;
	case 10:
		h->tc_tcp = v & 1;
		break;
	case 11:
		h->fail = v & 0x80;
		h->rcode = v & 31;
		break;
	case 12:
		h->no_ra = v & 1;
		break;
	case 13:
		h->referral = v & 1;
		break;
	case 14:
		h->lower_case = v & 1;
		break;
	case 15:
		h->no_edns = v & 1;
		break;
	case 16:
		h->formerr_edns = v & 1;
		h->formerr_bare = v & 2;
		break;
	case 17:
		h->drop_edns = v & 1;
		break;
	case 18:
		h->badvers = v & 1;
		break;
	case 19:
		h->cookies = v & 1;
		h->want_cookie = v & 2;
		h->secret = v;
		break;
	case 20:
		h->ede = v;
		h->ede_text = v & 1 ? "be\x01\xff\"k" : NULL;
		break;
	case 21:
		h->tcp_close = v & 1;
		h->tcp_close_after_one = v & 2;
		break;
	case 22:
		h->tcp_reverse = v & 1;
		break;
	case 23:
		h->tcp_idle_ns = v * 100 * DNSWORLD_MS;
		break;
	case 24:
		h->tcp_drip = v & 1;
		break;
	case 25:
		h->keepalive_100ms = v;
		break;
	}
	for (unsigned i = 0; i < NSERVERS; i++)
		dnsworld_serve(&f->l.w, i);
}

static void settings(struct fuzz *f, struct dns_conf *c)
{
	uint32_t v = take(f, 2);

	c->use_tcp = (v & 7) == 7;
	c->no_edns = v >> 3 & 1;
	c->no_x20 = v >> 4 & 1;
	c->no_cookies = v >> 5 & 1;
	c->rotate = v >> 6 & 1;
	c->stale_s = v >> 7 & 1 ? 3600 : 0;
	c->cache_bytes = v >> 8 & 1 ? c->cache_bytes : v >> 9 & 1 ? 2000 : 0;
	c->spoof_limit = v >> 10 & 1 ? 2 : c->spoof_limit;
	c->max_queries = v >> 11 & 1 ? 4 : c->max_queries;
	c->filter_private = v >> 12 & 1;
	c->no_aaaa = v >> 13 & 1;
	c->max_records = v >> 14 & 1 ? 3 : c->max_records;
	c->nsearch = v >> 15 & 1;
	dns_name_parse(&c->search[0], "example", 7, NULL);
}

/* done() asks again or gives another up. */
static void after(struct look *k)
{
	struct fuzz *f = k->ctx;
	uint8_t v = f->within[f->calls++ % sizeof(f->within)];
	struct look *other = &f->look[v % LOOKS];

	if (f->ending || f->calls > 200)
		return;
	if (v & 0x40)
		dnslook_ask(&f->l, k, names[v % COUNT(names)], DNS_TYPE_A,
			    v & 0x20 ? DNS_Q_TCP : 0);
	if ((v & 0x80) && other->id > 0)
		TAPIR_ASSERT(dnslook_cancel(other) == 0);
}

static struct look *next_look(struct fuzz *f)
{
	struct look *k = &f->look[f->asked % LOOKS];

	if (k->id > 0)
		return NULL;
	f->asked++;
	k->after = after;
	k->ctx = f;
	return k;
}

static void ask(struct fuzz *f)
{
	const char *name = names[take(f, 1) % COUNT(names)];
	uint16_t type = types[take(f, 1) % COUNT(types)];
	uint32_t flags = take(f, 2) & (DNS_Q_IGNORE_TC * 4 - 1) & ~(uint32_t)DNS_Q_TLS;
	struct look *k = next_look(f);

	if (k)
		dnslook_ask(&f->l, k, name, type, flags);
}

/* Both families, the search list, sorting; or a query that is popped. */
static void ask_otherwise(struct fuzz *f)
{
	const char *name = names[take(f, 1) % COUNT(names)];
	uint32_t how = take(f, 1);
	struct dns_query q = {.q.type = DNS_TYPE_A, .flags = how};
	struct look *k;

	if (how & 0x80) {
		dns_name_parse(&q.q.name, name, strlen(name), NULL);
		if (dns_query(f->l.d, &q) > 0)
			f->l.w.busy++;
		return;
	}
	k = next_look(f);
	if (k)
		dnslook_addresses(&f->l, k, name,
				  how & 1   ? DNS_AF_UNSPEC
				  : how & 2 ? DNS_AF_INET
					    : DNS_AF_INET6,
				  (int)(how >> 2 & 0x3e));
}

/* dns_advance(), and what has no done() is taken. */
static void advance(void *d)
{
	struct fuzz *f = fuzzed;
	struct dns_reply r;
	struct dns_msg m;

	dns_advance(d);
	while (dns_pop(d, &r) > 0) {
		TAPIR_ASSERT(!r.msg || dns_msg_decode(&m, r.msg, r.len, NULL) == 0);
		f->l.w.busy--;
	}
}

static void record(struct fuzz *f)
{
	uint8_t rdata[RDATA_MAX];
	const char *name = names[take(f, 1) % COUNT(names)];
	uint16_t type = types[take(f, 1) % COUNT(types)];
	uint32_t ttl = take(f, 1) << (take(f, 1) % 25);

	dnsworld_rr(&f->l.w, name, type, ttl, rdata, take_bytes(f, rdata, sizeof(rdata)));
}

static void memory(struct fuzz *f)
{
	struct test_alloc *a = take(f, 1) & 1 ? &f->l.w.alloc : &f->l.w.stack_alloc;
	uint32_t v = take(f, 1);

	a->fail_at = v ? a->calls + v : 0;
}

/* A datagram out of nowhere, to the port that the last question left from. */
static void stranger(struct fuzz *f)
{
	struct dnsworld *w = &f->l.w;
	uint8_t msg[300];
	size_t n = take_bytes(f, msg, sizeof(msg));

	if (w->nseen > 0 && !w->seen[w->nseen - 1].tcp)
		dnsworld_forge(w, w->seen[w->nseen - 1].to, w->seen[w->nseen - 1].from, msg, n);
}

static void look_around(struct fuzz *f)
{
	struct dns_server_info info;
	struct dns_stats st;
	struct dns_reply r;
	struct dns_msg m;
	struct dns_name n;
	uint64_t at = 0;
	uint32_t ttl;

	dns_stats_get(f->l.d, &st);
	for (unsigned i = 0; i <= NSERVERS; i++)
		dns_server_get(f->l.d, i, &info);
	while (dns_cache_dump(f->l.d, &at, &r, &ttl) == 1)
		TAPIR_ASSERT(!r.msg || dns_msg_decode(&m, r.msg, r.len, NULL) == 0);
	if (take(f, 1) & 1) {
		dns_name_parse(&n, "example", 7, NULL);
		dns_cache_forget(f->l.d, take(f, 1) & 1 ? &n : NULL);
	}
}

static void step(struct fuzz *f)
{
	struct dns_conf conf;
	uint8_t text[200];
	size_t n;

	switch (take(f, 1) % 15) {
	case 0:
	case 1:
		ask(f);
		break;
	case 13:
		ask_otherwise(f);
		break;
	case 14:
		for (unsigned i = 0; i < sizeof(f->within); i++)
			f->within[i] = (uint8_t)take(f, 1);
		break;
	case 2: {
		struct look *k = &f->look[take(f, 1) % LOOKS];

		if (k->id > 0)
			TAPIR_ASSERT(dnslook_cancel(k) == 0);
		break;
	}
	case 3:
		dnsworld_pass(&f->l.w, take(f, 1) * DNSWORLD_MS);
		break;
	case 4:
		dnsworld_pass(&f->l.w, take(f, 1) % 32 * DNSWORLD_S);
		break;
	case 5:
	case 6:
		habit(f);
		break;
	case 7:
		f->script_len = (unsigned)take_bytes(f, f->script, sizeof(f->script));
		break;
	case 8:
		record(f);
		break;
	case 9:
		memory(f);
		break;
	case 10:
		stranger(f);
		break;
	case 11:
		look_around(f);
		break;
	case 12:
		n = take_bytes(f, text, sizeof(text));
		if (n & 1) {
			dns_set_hosts(f->l.d, (const char *)text, n);
		} else {
			conf = f->l.conf;
			settings(f, &conf);
			conf.nservers = 1 + (unsigned)n / 2 % NSERVERS;
			dns_configure(f->l.d, &conf);
		}
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;
	struct dnsworld_conf wc;
	unsigned ops = 0;
	uint64_t frames;

	memset(&f, 0, sizeof(f));
	f.p = data;
	f.end = data + size;
	dnsworld_conf_default(&wc, 1);
	wc.nservers = NSERVERS;
	dnslook_defaults(&f.l);
	settings(&f, &f.l.conf);
	dnslook_open(&f.l, &wc);
	fuzzed = &f;
	f.l.w.user.advance = advance;
	dnsworld_zone(&f.l.w, "example", 60);
	dnsworld_a(&f.l.w, "www.example", 30, TAPIR_IP4(192, 0, 2, 1));
	dnsworld_cname(&f.l.w, "alias.example", 30, "www.example");
	dnsworld_cname(&f.l.w, "deep.alias.example", 30, "alias.example");
	dnsworld_cname(&f.l.w, "loop.example", 30, "loop.example");
	dnsworld_any(&f.l.w, "any.example", 30, true);
	for (unsigned i = 0; i < NSERVERS; i++) {
		dnsworld_habit(&f.l.w, i)->hook = mangle;
		dnsworld_habit(&f.l.w, i)->ctx = &f;
	}
	while (f.p < f.end && ops++ < OPS_MAX)
		step(&f);
	/* Half of them end halfway. */
	if (size > 0 && data[size - 1] & 1) {
		dnslook_close(&f.l);
		return 0;
	}
	f.ending = true;
	frames = f.l.w.frames;
	TAPIR_ASSERT(dnsworld_run(&f.l.w, 300 * DNSWORLD_S));
	/* What is left to be sent after the last question is bounded. */
	TAPIR_ASSERT(f.l.w.frames - frames < 40000);
	for (unsigned i = 0; i < LOOKS; i++)
		TAPIR_ASSERT(f.look[i].id <= 0);
	dnslook_close(&f.l);
	return 0;
}
