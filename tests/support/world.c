/*
 * The world around one instance: see world.h. After each entry the instance's invariants are checked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "tests/support/world.h"

const struct tapir_mac world_mac = {{0x02, 0, 0, 0, 0, 0x02}};
const struct tapir_mac world_peer_mac = {{0x02, 0, 0, 0, 0, 0x01}};

static void on_event(void *ctx, const struct tapir_event *ev);

static void *env_alloc(void *ctx, size_t n)
{
	return test_alloc_get(&((struct world *)ctx)->alloc, n);
}

static void env_free(void *ctx, void *p, size_t n)
{
	test_alloc_put(&((struct world *)ctx)->alloc, p, n);
}

static void on_event(void *ctx, const struct tapir_event *ev)
{
	struct world *w = ctx;
	struct tapir_event plain = *ev;

	/* The source as its text: where it lies in memory says nothing. */
	w->ev_hash = world_hash(w->ev_hash, ev->source, strlen(ev->source));
	plain.source = NULL;
	w->ev_hash = world_hash(w->ev_hash, &plain, sizeof(plain));
	w->ev[w->nev++ % WORLD_EVENTS] = *ev;
	if (w->print)
		fprintf(stderr, "%llu.%09llu %s %s\n", (unsigned long long)(ev->time_ns / WORLD_S),
			(unsigned long long)(ev->time_ns % WORLD_S), tapir_event_name(ev->type),
			ev->type == TAPIR_EV_PKT_DROP ? tapir_drop_name(ev->u.drop.reason)
						      : ev->source);
}

uint64_t world_hash(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	h ^= UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return h;
}

static void check(struct world *w)
{
	if (!w->no_check)
		tapir_check(w->t);
}

void world_init(struct world *w, enum test_alloc_mode mode)
{
	memset(w, 0, sizeof(*w));
	test_alloc_init(&w->alloc, mode);
	tapir_conf_default(&w->conf);
	for (unsigned i = 0; i < sizeof(w->seed); i++)
		w->seed[i] = (uint8_t)(i * 7 + 1);
	w->env = (struct tapir_env){w, env_alloc, env_free, on_event};
	w->ev = calloc(WORLD_EVENTS, sizeof(*w->ev));
	TAPIR_ASSERT(w->ev);
}

int world_start(struct world *w)
{
	return tapir_create(&w->t, &w->env, &w->conf, w->seed, 1000 * WORLD_S);
}

int world_netif(struct world *w, enum tapir_netif_type type, uint32_t ip4, uint8_t prefix_len,
		uint32_t mtu, uint32_t offload)
{
	struct tapir_netif_conf conf = {
		.name = "test0", .type = type, .mac = world_mac, .mtu = mtu, .offload = offload};
	struct tapir_addr a = tapir_addr_v4(ip4);
	int ifi = tapir_netif_add(w->t, &conf), err = 0;

	if (ifi < 0)
		return ifi;
	if (ip4)
		err = tapir_addr_add(w->t, ifi, &a, prefix_len);
	if (err == 0)
		err = tapir_netif_up(w->t, ifi);
	if (!w->ifi) {
		w->ifi = ifi;
		w->type = type;
	}
	return err ? err : ifi;
}

void world_settle(struct world *w)
{
	uint8_t buf[64];

	if (w->type == TAPIR_NETIF_ETHER)
		world_step(w, 10 * WORLD_S);
	while (world_pop(w, buf, sizeof(buf)) > 0)
		;
}

void world_open(struct world *w, enum tapir_netif_type type)
{
	struct tapir_route gw = {.gw = tapir_addr_v4(WORLD_PEER)};

	world_init(w, TEST_ALLOC_PLAIN);
	TAPIR_ASSERT(world_start(w) == 0);
	TAPIR_ASSERT(world_netif(w, type, WORLD_US, 24, 1500, 0) == 2);
	TAPIR_ASSERT(tapir_route_add(w->t, &gw) == 0);
	if (type == TAPIR_NETIF_ETHER)
		TAPIR_ASSERT(tapir_neigh_set(w->t, w->ifi, &gw.gw, &world_peer_mac) == 0);
	world_settle(w);
	w->nev = 0;
}

size_t world_end(struct world *w)
{
	size_t left;

	if (w->t)
		tapir_destroy(w->t);
	w->t = NULL;
	left = w->alloc.live;
	test_alloc_end(&w->alloc);
	free(w->ev);
	w->ev = NULL;
	return left;
}

void world_close(struct world *w)
{
	TAPIR_ASSERT(world_end(w) == 0);
}

int world_push_if(struct world *w, int ifindex, const void *frame, size_t len)
{
	struct pkt *p = tapir_pkt_alloc(w->t, len);
	int err;

	if (!p)
		return -1;
	memcpy(p->data, frame, len);
	p->len = (uint32_t)len;
	err = tapir_input(w->t, ifindex, p);
	check(w);
	return err;
}

int world_push(struct world *w, const void *frame, size_t len)
{
	return world_push_if(w, w->ifi, frame, len);
}

int world_push_ip(struct world *w, const void *packet, size_t len)
{
	static uint8_t frame[WORLD_FRAME + 14];

	if (w->type != TAPIR_NETIF_ETHER)
		return world_push(w, packet, len);
	len = world_eth(frame, &world_mac, &world_peer_mac, 0x0800, packet, len);
	return world_push(w, frame, len);
}

size_t world_pop_if(struct world *w, int ifindex, void *buf, size_t cap)
{
	const struct pkt *p;
	size_t n = 0;

	if (tapir_tx_peek(w->t, ifindex, &p, 1) == 0)
		return 0;
	if (cap > 0)
		memcpy(buf, p->data, p->len < cap ? p->len : cap);
	n = p->len;
	for (unsigned i = 0; i < p->nspan; i++) {
		size_t room = n < cap ? cap - n : 0;

		if (room > 0)
			memcpy((uint8_t *)buf + n, p->span[i].p,
			       p->span[i].len < room ? p->span[i].len : room);
		n += p->span[i].len;
	}
	tapir_tx_done(w->t, ifindex, 1);
	check(w);
	return n;
}

size_t world_pop(struct world *w, void *buf, size_t cap)
{
	return world_pop_if(w, w->ifi, buf, cap);
}

size_t world_pop_ip(struct world *w, void *buf, size_t cap)
{
	static uint8_t frame[WORLD_FRAME + 14];
	size_t n;

	if (w->type != TAPIR_NETIF_ETHER)
		return world_pop(w, buf, cap);
	while ((n = world_pop(w, frame, sizeof(frame))) > 0) {
		if (frame[12] != 0x08 || frame[13] != 0x00)
			continue;
		n -= 14;
		/* Without the padding of short frames. */
		if (n > (size_t)(frame[16] << 8 | frame[17]))
			n = (size_t)(frame[16] << 8 | frame[17]);
		memcpy(buf, frame + 14, n < cap ? n : cap);
		return n;
	}
	return 0;
}

size_t world_pending(struct world *w)
{
	struct tapir_netif_info info;

	tapir_flush(w->t);
	return tapir_netif_info(w->t, w->ifi, &info) == 0 ? info.txq_len : 0;
}

void world_step(struct world *w, uint64_t ns)
{
	uint64_t end = tapir_now(w->t) + ns, d;
	unsigned turns = 0;

	while ((d = tapir_next_deadline(w->t)) <= end) {
		tapir_advance(w->t, d);
		check(w);
		TAPIR_ASSERT(turns++ < 10000000);
	}
	tapir_advance(w->t, end);
	check(w);
}

bool world_next(struct world *w, uint64_t max_ns)
{
	uint64_t d = tapir_next_deadline(w->t);

	if (d == TAPIR_NEVER || d > tapir_now(w->t) + max_ns)
		return false;
	tapir_advance(w->t, d);
	check(w);
	return true;
}

size_t world_events(const struct world *w, enum tapir_event_type type)
{
	size_t n = 0;

	for (size_t i = w->nev > WORLD_EVENTS ? w->nev - WORLD_EVENTS : 0; i < w->nev; i++)
		n += w->ev[i % WORLD_EVENTS].type == type;
	return n;
}

const struct tapir_event *world_last(const struct world *w, enum tapir_event_type type)
{
	for (size_t i = w->nev; i > 0 && i + WORLD_EVENTS > w->nev; i--) {
		if (w->ev[(i - 1) % WORLD_EVENTS].type == type)
			return &w->ev[(i - 1) % WORLD_EVENTS];
	}
	return NULL;
}

uint64_t world_drops(const struct world *w, enum drop_reason reason)
{
	return tapir_stats_of(w->t)->drop[reason];
}

uint64_t world_stat(const struct world *w, enum tapir_stat stat)
{
	return tapir_stats_of(w->t)->n[stat];
}

/* ---- building ---- */

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void world_put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

uint32_t world_get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

uint32_t world_get32(const uint8_t *p)
{
	return world_get16(p) << 16 | world_get16(p + 2);
}

uint16_t world_cksum(const void *p, size_t n, uint32_t sum)
{
	const uint8_t *b = p;
	uint64_t s = sum;

	for (size_t i = 0; i < n; i++)
		s += i & 1 ? b[i] : (uint64_t)b[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static uint32_t pseudo(const uint8_t *ip, size_t n)
{
	return world_get16(ip + 12) + world_get16(ip + 14) + world_get16(ip + 16) +
	       world_get16(ip + 18) + ip[9] + (uint32_t)n;
}

void world_fix(uint8_t *ip, size_t n)
{
	size_t hl = (size_t)(ip[0] & 15) * 4, l4 = n - hl;
	uint8_t *p = ip + hl;
	uint16_t c;

	put16(ip + 10, 0);
	put16(ip + 10, world_cksum(ip, hl, 0));
	if (ip[9] == 17 && l4 >= 8) {
		put16(p + 6, 0);
		c = world_cksum(p, l4, pseudo(ip, l4));
		put16(p + 6, c ? c : 0xffff);
	} else if (ip[9] == 6 && l4 >= 20) {
		put16(p + 16, 0);
		put16(p + 16, world_cksum(p, l4, pseudo(ip, l4)));
	} else if ((ip[9] == 1 || ip[9] == 2) && l4 >= 4) {
		put16(p + 2, 0);
		put16(p + 2, world_cksum(p, l4, 0));
	}
}

size_t world_ip(uint8_t *buf, uint32_t src, uint32_t dst, uint8_t proto, const void *payload,
		size_t n)
{
	memset(buf, 0, 20);
	buf[0] = 0x45;
	put16(buf + 2, (uint32_t)(20 + n));
	put16(buf + 4, 0x1234);
	buf[8] = 64;
	buf[9] = proto;
	world_put32(buf + 12, src);
	world_put32(buf + 16, dst);
	if (n > 0)
		memmove(buf + 20, payload, n);
	put16(buf + 10, world_cksum(buf, 20, 0));
	return 20 + n;
}

size_t world_udp(uint8_t *buf, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
		 const void *data, size_t n)
{
	uint8_t *p = buf + 20;

	put16(p, sport);
	put16(p + 2, dport);
	put16(p + 4, (uint32_t)(8 + n));
	put16(p + 6, 0);
	if (n > 0)
		memcpy(p + 8, data, n);
	n = world_ip(buf, src, dst, 17, p, 8 + n);
	world_fix(buf, n);
	return n;
}

size_t world_icmp(uint8_t *buf, uint32_t src, uint32_t dst, uint8_t type, uint8_t code,
		  uint32_t rest, const void *data, size_t n)
{
	uint8_t *p = buf + 20;

	p[0] = type;
	p[1] = code;
	world_put32(p + 4, rest);
	if (n > 0)
		memcpy(p + 8, data, n);
	n = world_ip(buf, src, dst, 1, p, 8 + n);
	world_fix(buf, n);
	return n;
}

size_t world_tcp(uint8_t *buf, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
		 uint32_t seq, uint32_t ack, uint8_t flags, uint16_t wnd, const void *opts,
		 size_t nopts, const void *data, size_t n)
{
	uint8_t *p = buf + 20;
	size_t hl = (20 + nopts + 3) & ~(size_t)3;

	memset(p, 0, hl);
	put16(p, sport);
	put16(p + 2, dport);
	world_put32(p + 4, seq);
	world_put32(p + 8, ack);
	p[12] = (uint8_t)(hl / 4 << 4);
	p[13] = flags;
	put16(p + 14, wnd);
	if (nopts > 0)
		memcpy(p + 20, opts, nopts);
	if (n > 0)
		memcpy(p + hl, data, n);
	n = world_ip(buf, src, dst, 6, p, hl + n);
	world_fix(buf, n);
	return n;
}

size_t world_eth(uint8_t *buf, const struct tapir_mac *dst, const struct tapir_mac *src,
		 uint16_t type, const void *payload, size_t n)
{
	if (n > 0)
		memmove(buf + 14, payload, n);
	memcpy(buf, dst->b, 6);
	memcpy(buf + 6, src->b, 6);
	put16(buf + 12, type);
	return 14 + n;
}

/* ---- reading ---- */

static bool read_l4(const uint8_t *ip, struct world_pkt *o)
{
	const uint8_t *p = o->l4;
	size_t n = o->l4_len, hl;

	switch (o->proto) {
	case 17:
		if (n < 8 || world_get16(p + 4) != n || world_get16(p + 6) == 0 ||
		    world_cksum(p, n, pseudo(ip, n)) != 0)
			return false;
		o->sport = (uint16_t)world_get16(p);
		o->dport = (uint16_t)world_get16(p + 2);
		hl = 8;
		break;
	case 6:
		if (n < 20 || world_cksum(p, n, pseudo(ip, n)) != 0)
			return false;
		hl = (size_t)(p[12] >> 4) * 4;
		if (hl < 20 || hl > n || (p[12] & 15))
			return false;
		o->sport = (uint16_t)world_get16(p);
		o->dport = (uint16_t)world_get16(p + 2);
		o->seq = world_get32(p + 4);
		o->ack = world_get32(p + 8);
		o->flags = p[13];
		o->wnd = (uint16_t)world_get16(p + 14);
		o->urg = (uint16_t)world_get16(p + 18);
		o->opts = p + 20;
		o->nopts = hl - 20;
		break;
	case 1:
	case 2:
		if (n < 8 || world_cksum(p, n, 0) != 0)
			return false;
		o->type = p[0];
		o->code = p[1];
		o->rest = world_get32(p + 4);
		hl = 8;
		break;
	default:
		hl = 0;
	}
	o->data = p + hl;
	o->len = n - hl;
	return true;
}

bool world_read(const uint8_t *ip, size_t n, struct world_pkt *o)
{
	size_t hl = (size_t)(ip[0] & 15) * 4;

	memset(o, 0, sizeof(*o));
	if (n < 20 || ip[0] >> 4 != 4 || hl < 20 || hl > n || world_get16(ip + 2) != n ||
	    world_cksum(ip, hl, 0) != 0 || (ip[6] & 0x80))
		return false;
	o->tos = ip[1];
	o->id = (uint16_t)world_get16(ip + 4);
	o->df = ip[6] & 0x40;
	o->mf = ip[6] & 0x20;
	o->frag_off = (uint16_t)((world_get16(ip + 6) & 0x1fff) * 8);
	o->ttl = ip[8];
	o->proto = ip[9];
	o->src = world_get32(ip + 12);
	o->dst = world_get32(ip + 16);
	o->l4 = o->data = ip + hl;
	o->l4_len = o->len = n - hl;
	if (o->mf || o->frag_off)
		return true;
	return read_l4(ip, o);
}

bool world_expect(struct world *w, uint8_t *buf, struct world_pkt *out)
{
	size_t n = world_pop_ip(w, buf, WORLD_FRAME);

	if (n == 0)
		return false;
	TAPIR_ASSERT(n <= WORLD_FRAME && world_read(buf, n, out));
	return true;
}
