/*
 * The world of dnsworld.h: two stacks on a link, a clock, and the name servers as an application of the second stack.
 *
 * A turn is a driver's loop for both: the link moves what is due, the servers read what came and put their answers on a
 * list by the time when they are due, the resolver is told of its sockets; until nothing moves any more. Then the clock jumps
 * to the nearest deadline of a stack, the link, the resolver, an answer, or a connection of a server.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/siphash.h"
#include "tests/support/dnsworld.h"
#include "tests/support/world.h"

enum {
	READY_BATCH = 64,
	TURNS_MAX = 100000,
	COOKIE_UDP = 1, /* of readiness: + server */
	COOKIE_LISTEN = 101,
	COOKIE_MDNS = 201,
	COOKIE_SMALL = 4096, /* above: a connection's address */
	REPLY_ROOM = DNSWORLD_MSG + 1024,
	MDNS_PORT = 5353,
};

#define MDNS_GROUP TAPIR_IP4(224, 0, 0, 251)
#define DRIP_NS	   (5 * DNSWORLD_MS)

struct dnsworld_conn {
	struct dnsworld_conn *next;
	struct dnsworld_server *s;
	tapir_sock_t sock;
	struct tapir_sockaddr from;
	uint8_t *in, *out; /* `in` of DNSWORLD_MSG + 2 */
	size_t in_len, out_len, out_cap;
	uint64_t idle_at_ns, drip_at_ns;
	unsigned answered;
	bool closing; /* once `out` is sent */
};

/* An answer that is sent at its time. */
struct dnsworld_due {
	struct dnsworld_due *next;
	uint64_t at_ns;
	tapir_sock_t sock; /* UDP's, or a connection's */
	bool tcp;
	struct tapir_sockaddr to;
	size_t len;
	uint8_t bytes[];
};

static void *zalloc(size_t n)
{
	void *p = calloc(1, n);

	TAPIR_ASSERT(p);
	return p;
}

static void *plain_alloc(void *ctx, size_t n)
{
	(void)ctx;
	return malloc(n);
}

static void plain_free(void *ctx, void *p, size_t n)
{
	(void)ctx;
	(void)n;
	free(p);
}

/* ---- the world ---- */

void dnsworld_conf_default(struct dnsworld_conf *conf, uint64_t seed)
{
	memset(conf, 0, sizeof(*conf));
	conf->seed = seed;
	conf->nservers = 2;
	conf->link.delay_ns = 5 * DNSWORLD_MS;
	conf->link.rate_bps = 1000000000;
	conf->start_ns = 1000 * DNSWORLD_S;
	conf->txq_bytes = 4 << 20;
	tapir_conf_default(&conf->stack);
}

static void see(void *ctx, const struct simlink_frame *f)
{
	static const struct siphash_key key = {3, 4};
	struct dnsworld *w = ctx;

	if (f->arrives)
		return;
	w->frames += f->port == w->port;
	w->hash = siphash_4u64(w->hash, f->time_ns, (uint64_t)f->port,
			       siphash13(f->p, f->len, &key), &key);
}

static int stack(struct dnsworld *w, struct tapir **t, struct test_alloc *alloc,
		 const struct tapir_conf *conf, uint32_t ip4, uint32_t txq_bytes)
{
	struct tapir_env env = {alloc, test_alloc_get, test_alloc_put, NULL};
	struct tapir_netif_conf nc = {.name = "sim0",
				      .type = TAPIR_NETIF_RAW_IP,
				      .mtu = 1500,
				      .txq_bytes = txq_bytes};
	struct tapir_addr a = tapir_addr_v4(ip4);
	uint8_t seed[TAPIR_SEED_LEN];
	int ifi;

	rnd_bytes(&w->rnd, seed, sizeof(seed));
	TAPIR_ASSERT(tapir_create(t, &env, conf, seed, w->now_ns) == 0);
	ifi = tapir_netif_add(*t, &nc);
	TAPIR_ASSERT(ifi > 0 && tapir_addr_add(*t, ifi, &a, 24) == 0 &&
		     tapir_netif_up(*t, ifi) == 0);
	return ifi;
}

void dnsworld_link(struct dnsworld *w, const struct simlink_conf *conf)
{
	simlink_set(w->link, w->port, conf);
	simlink_set(w->link, w->far_port, conf);
}

void dnsworld_open(struct dnsworld *w, const struct dnsworld_conf *conf)
{
	static const struct tapir_env env = {NULL, plain_alloc, plain_free, NULL};
	struct tapir_conf far;

	memset(w, 0, sizeof(*w));
	w->rnd.state = conf->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	w->now_ns = w->start_ns = conf->start_ns;
	w->trace = getenv("TAPIR_SIM_TRACE") != NULL;
	test_alloc_init(&w->alloc, conf->mode);
	test_alloc_init(&w->stack_alloc, conf->mode);
	test_alloc_init(&w->far_alloc, conf->mode);
	w->ifi = stack(w, &w->t, &w->stack_alloc, &conf->stack, DNSWORLD_US, conf->txq_bytes);
	/* Servers' ICMP is not what is tested. */
	tapir_conf_default(&far);
	far.icmp_ratelimit_ms = 0;
	far.icmp_msgs_per_sec = 0;
	w->far_ifi = stack(w, &w->far, &w->far_alloc, &far, DNSWORLD_NS0, 4 << 20);
	w->link = simlink_create(&env, rnd_u64(&w->rnd));
	TAPIR_ASSERT(w->link);
	simlink_observe(w->link, see, w);
	w->port = simlink_attach(w->link, w->t, w->ifi);
	w->far_port = simlink_attach(w->link, w->far, w->far_ifi);
	TAPIR_ASSERT(w->port >= 0 && w->far_port >= 0);
	dnsworld_link(w, &conf->link);
	w->env.mem = (struct tapir_env){&w->alloc, test_alloc_get, test_alloc_put, NULL};
	rnd_bytes(&w->rnd, w->seed, sizeof(w->seed));
	TAPIR_ASSERT(conf->nservers <= DNSWORLD_SERVERS_MAX);
	w->nservers = conf->nservers;
	for (unsigned i = 0; i < DNSWORLD_SERVERS_MAX && i < w->nservers; i++) {
		struct dnsworld_server *s = &w->server[i];
		struct tapir_addr a = tapir_addr_v4(DNSWORLD_NS0 + i);

		s->w = w;
		s->i = i;
		s->addr = tapir_sockaddr_v4(DNSWORLD_NS0 + i, DNS_PORT);
		TAPIR_ASSERT(i == 0 || tapir_addr_add(w->far, w->far_ifi, &a, 24) == 0);
		dnsworld_serve(w, i);
	}
}

struct tapir_sockaddr dnsworld_addr(const struct dnsworld *w, unsigned i)
{
	return w->server[i].addr;
}

void dnsworld_serve(struct dnsworld *w, unsigned i)
{
	struct dnsworld_server *s = &w->server[i];
	bool udp = !s->h.refuse && !s->h.refuse_udp, tcp = !s->h.refuse && !s->h.refuse_tcp;
	int one = 1;

	if (s->udp && !udp) {
		tapir_close(w->far, s->udp);
		s->udp = 0;
	}
	if (s->listener && !tcp) {
		tapir_close(w->far, s->listener);
		s->listener = 0;
	}
	if (!s->udp && udp) {
		int bytes = 4 << 20;

		s->udp = tapir_socket(w->far, TAPIR_AF_INET, TAPIR_DGRAM, 0);
		TAPIR_ASSERT(s->udp > 0 && tapir_bind(w->far, s->udp, &s->addr) == 0);
		tapir_setsockopt(w->far, s->udp, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, &bytes,
				 sizeof(bytes));
		tapir_setsockopt(w->far, s->udp, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, &bytes,
				 sizeof(bytes));
		tapir_interest(w->far, s->udp, TAPIR_IN, COOKIE_UDP + i);
	}
	if (!s->listener && tcp) {
		s->listener = tapir_socket(w->far, TAPIR_AF_INET, TAPIR_STREAM, 0);
		TAPIR_ASSERT(s->listener > 0);
		tapir_setsockopt(w->far, s->listener, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, &one,
				 sizeof(one));
		TAPIR_ASSERT(tapir_bind(w->far, s->listener, &s->addr) == 0 &&
			     tapir_listen(w->far, s->listener, 128) == 0);
		tapir_interest(w->far, s->listener, TAPIR_IN, COOKIE_LISTEN + i);
	}
}

void dnsworld_mdns(struct dnsworld *w)
{
	struct tapir_sockaddr any = tapir_sockaddr_v4(0, MDNS_PORT);
	struct tapir_mreq m = {tapir_addr_v4(MDNS_GROUP), tapir_addr_v4(0), w->far_ifi};

	w->mdns = tapir_socket(w->far, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	TAPIR_ASSERT(w->mdns > 0 && tapir_bind(w->far, w->mdns, &any) == 0);
	TAPIR_ASSERT(tapir_setsockopt(w->far, w->mdns, TAPIR_SOL_IP, TAPIR_IP_ADD_MEMBERSHIP, &m,
				      sizeof(m)) == 0);
	tapir_interest(w->far, w->mdns, TAPIR_IN, COOKIE_MDNS);
}

static void conn_end(struct dnsworld *w, struct dnsworld_conn *c, bool abort)
{
	struct dnsworld_conn **at = &w->conns;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->s->conns_open--;
	if (abort)
		tapir_abort(w->far, c->sock);
	else
		tapir_close(w->far, c->sock);
	free(c->in);
	free(c->out);
	free(c);
}

void dnsworld_close(struct dnsworld *w)
{
	while (w->conns)
		conn_end(w, w->conns, true);
	while (w->due) {
		struct dnsworld_due *d = w->due;

		w->due = d->next;
		free(d);
	}
	dnsworld_forget_records(w);
	free(w->seen);
	simlink_destroy(w->link);
	tapir_destroy(w->t);
	tapir_destroy(w->far);
	TAPIR_ASSERT(w->alloc.live == 0);
	TAPIR_ASSERT(w->stack_alloc.live == 0 && w->far_alloc.live == 0);
	test_alloc_end(&w->alloc);
	test_alloc_end(&w->stack_alloc);
	test_alloc_end(&w->far_alloc);
}

/* ---- answers ---- */

static void trace(const struct dnsworld *w, const struct dnsworld_query *q, const char *what,
		  size_t len)
{
	char name[256];

	fprintf(stderr, "%11.6f server %u %s port %u id %04x %s type %u%s%s: %s, %zu bytes\n",
		(double)(w->now_ns - w->start_ns) / 1e9, q->server, q->tcp ? "TCP" : "UDP",
		q->from.port, q->id, dnsworld_qname(q, name), q->type, q->edns ? " EDNS" : "",
		q->cookie_len ? " cookie" : "", what, len);
}

static void later(struct dnsworld *w, uint64_t at_ns, tapir_sock_t sock, bool tcp,
		  const struct tapir_sockaddr *to, const void *msg, size_t len)
{
	struct dnsworld_due *d = zalloc(sizeof(*d) + len), **at = &w->due;

	d->at_ns = at_ns;
	d->sock = sock;
	d->tcp = tcp;
	d->to = *to;
	d->len = len;
	memcpy(d->bytes, msg, len);
	while (*at && (*at)->at_ns <= at_ns)
		at = &(*at)->next;
	d->next = *at;
	*at = d;
}

/* Keeps it; the entry, to which what was answered is added. */
static void keep(struct dnsworld *w, const struct dnsworld_query *q)
{
	if (w->forget)
		return;
	if (w->nseen == w->seen_cap) {
		w->seen_cap = w->seen_cap ? 2 * w->seen_cap : 256;
		w->seen = realloc(w->seen, w->seen_cap * sizeof(*w->seen));
		TAPIR_ASSERT(w->seen);
	}
	w->seen[w->nseen++] = *q;
}

void dnsworld_send(struct dnsworld_server *s, const struct dnsworld_query *q, const void *msg,
		   size_t len)
{
	later(s->w, s->w->now_ns, s->udp, false, &q->from, msg, len);
}

static bool chance(struct dnsworld *w, uint32_t ppm)
{
	return ppm > 0 && rnd_below(&w->rnd, SIMLINK_ALWAYS) < ppm;
}

/* One query at a server: decides what comes of it, and when. */
static void serve_query(struct dnsworld_server *s, struct dnsworld_query *q, tapir_sock_t sock)
{
	static uint8_t reply[REPLY_ROOM];
	struct dnsworld *w = s->w;
	const struct dnsworld_habit *h = &s->h;
	uint64_t at = w->now_ns + h->delay_ns;
	unsigned copies = 1;
	size_t len = 0;

	if (q->tcp)
		s->queries_tcp++;
	else
		s->queries_udp++;
	if (h->jitter_ns)
		at += rnd_u64(&w->rnd) % h->jitter_ns;
	if (h->silent || (!q->tcp && (h->silent_udp || chance(w, h->drop_ppm))) ||
	    (q->edns && h->drop_edns)) {
		copies = 0;
	} else {
		len = dnsworld_answer(w, h, q, reply);
		if (!q->tcp && chance(w, h->dup_ppm))
			copies = 2;
		if (h->hook)
			copies *= h->hook(s, q, reply, &len);
	}
	q->answer = copies ? (unsigned)len : 0;
	keep(w, q);
	if (w->trace)
		trace(w, q, copies ? "answers" : "silent", len);
	s->answers += copies > 0;
	while (copies-- > 0)
		later(w, at, sock, q->tcp, &q->from, reply, len);
}

static void read_udp(struct dnsworld_server *s)
{
	static uint8_t buf[DNSWORLD_MSG];
	struct dnsworld *w = s->w;

	for (;;) {
		struct dnsworld_query q = {.server = s->i, .at_ns = w->now_ns, .to = s->addr};
		int64_t n = tapir_recvfrom(w->far, s->udp, buf, sizeof(buf), 0, &q.from);

		if (n == -EAGAIN || n == -EBADF)
			return;
		/* An ICMP error about an answer, or no query. */
		if (n >= 0 && dnsworld_read(buf, (size_t)n, &q) && !(q.flags & DNS_QR))
			serve_query(s, &q, s->udp);
	}
}

static void read_mdns(struct dnsworld *w)
{
	static uint8_t buf[DNSWORLD_MSG], reply[REPLY_ROOM];
	static const struct dnsworld_habit plain;

	for (;;) {
		struct dnsworld_query q = {.server = DNSWORLD_SERVERS_MAX,
					   .at_ns = w->now_ns,
					   .to = tapir_sockaddr_v4(MDNS_GROUP, MDNS_PORT)};
		int64_t n = tapir_recvfrom(w->far, w->mdns, buf, sizeof(buf), 0, &q.from);
		size_t len;

		if (n < 0)
			return;
		if (!dnsworld_read(buf, (size_t)n, &q) || (q.flags & DNS_QR))
			continue;
		/* The top bit of the class asks for an answer by unicast (RFC 6762 5.4). */
		q.class &= 0x7fff;
		len = dnsworld_answer(w, &plain, &q, reply);
		/* Who has no answer is silent (6). */
		if (reply[6] == 0 && reply[7] == 0)
			len = 0;
		q.answer = (unsigned)len;
		keep(w, &q);
		if (w->trace)
			trace(w, &q, "mDNS", len);
		reply[2] |= 0x04; /* AA */
		if (len > 0)
			later(w, w->now_ns, w->mdns, false, &q.from, reply, len);
	}
}

/* ---- TCP ---- */

static struct dnsworld_conn *conn_of(const struct dnsworld *w, tapir_sock_t sock)
{
	struct dnsworld_conn *c = w->conns;

	while (c && c->sock != sock)
		c = c->next;
	return c;
}

static void touch(struct dnsworld *w, struct dnsworld_conn *c)
{
	c->idle_at_ns = c->s->h.tcp_idle_ns ? w->now_ns + c->s->h.tcp_idle_ns : TAPIR_NEVER;
}

/* Sends what waits; false: the connection is gone. */
static bool conn_write(struct dnsworld *w, struct dnsworld_conn *c)
{
	bool drip = c->s->h.tcp_drip;

	while (c->out_len > 0 && w->now_ns >= c->drip_at_ns) {
		struct iovec iov = {c->out, drip ? 1 : c->out_len};
		int64_t n = tapir_send(w->far, c->sock, &iov, 1, 0);

		if (n == -EAGAIN)
			return true;
		if (n <= 0) {
			conn_end(w, c, true);
			return false;
		}
		memmove(c->out, c->out + n, c->out_len - (size_t)n);
		c->out_len -= (size_t)n;
		c->drip_at_ns = drip ? w->now_ns + DRIP_NS : 0;
	}
	if (c->out_len == 0 && c->closing) {
		conn_end(w, c, false);
		return false;
	}
	return true;
}

/* A message is due on a connection: its length and it. */
static void conn_put(struct dnsworld *w, struct dnsworld_conn *c, const uint8_t *msg, size_t len)
{
	size_t need = c->out_len + 2 + len;

	if (c->closing)
		return;
	if (need > c->out_cap) {
		c->out_cap = need + 4096;
		c->out = realloc(c->out, c->out_cap);
		TAPIR_ASSERT(c->out);
	}
	c->out[c->out_len] = (uint8_t)(len >> 8);
	c->out[c->out_len + 1] = (uint8_t)len;
	memcpy(c->out + c->out_len + 2, msg, len);
	c->out_len = need;
	c->answered++;
	c->closing |= c->s->h.tcp_close_after_one;
	touch(w, c);
	conn_write(w, c);
}

static void conn_read(struct dnsworld *w, struct dnsworld_conn *c)
{
	struct dnsworld_query batch[64];
	unsigned n = 0;

	for (;;) {
		int64_t got = tapir_recvfrom(w->far, c->sock, c->in + c->in_len,
					     DNSWORLD_MSG + 2 - c->in_len, 0, NULL);

		if (got == -EAGAIN)
			break;
		if (got <= 0) {
			conn_end(w, c, got < 0);
			return;
		}
		c->in_len += (size_t)got;
		touch(w, c);
		while (c->in_len >= 2 && n < 64) {
			size_t len = (size_t)c->in[0] << 8 | c->in[1];
			struct dnsworld_query *q = &batch[n];

			if (c->in_len < 2 + len)
				break;
			*q = (struct dnsworld_query){.server = c->s->i,
						     .at_ns = w->now_ns,
						     .to = c->s->addr,
						     .from = c->from,
						     .tcp = true};
			n += dnsworld_read(c->in + 2, len, q) && !(q->flags & DNS_QR);
			memmove(c->in, c->in + 2 + len, c->in_len - 2 - len);
			c->in_len -= 2 + len;
		}
	}
	for (unsigned i = 0; i < n; i++)
		serve_query(c->s, &batch[c->s->h.tcp_reverse ? n - 1 - i : i], c->sock);
}

static void accept_all(struct dnsworld_server *s)
{
	struct dnsworld *w = s->w;
	struct tapir_sockaddr from;
	tapir_sock_t sock;

	while ((sock = tapir_accept(w->far, s->listener, &from)) > 0) {
		struct dnsworld_conn *c;
		int one = 1;

		s->conns++;
		if (s->h.tcp_close) {
			tapir_close(w->far, sock);
			continue;
		}
		c = zalloc(sizeof(*c));
		c->s = s;
		c->sock = sock;
		c->from = from;
		c->in = zalloc(DNSWORLD_MSG + 2);
		c->next = w->conns;
		w->conns = c;
		s->conns_open++;
		touch(w, c);
		tapir_setsockopt(w->far, sock, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, &one, sizeof(one));
		tapir_interest(w->far, sock, TAPIR_IN | TAPIR_OUT, COOKIE_SMALL);
	}
}

/* ---- the turn ---- */

static size_t serve_far(struct dnsworld *w)
{
	struct tapir_ready ev[READY_BATCH];
	size_t served = 0, n;

	while ((n = tapir_ready_pop(w->far, ev, READY_BATCH)) > 0) {
		for (size_t k = 0; k < n; k++) {
			struct dnsworld_conn *c;

			if (ev[k].cookie == COOKIE_MDNS) {
				read_mdns(w);
			} else if (ev[k].cookie == COOKIE_SMALL) {
				c = conn_of(w, ev[k].sock);
				if (c && conn_write(w, c))
					conn_read(w, c);
			} else {
				bool listen = ev[k].cookie >= COOKIE_LISTEN;
				uint64_t i = ev[k].cookie - (listen ? COOKIE_LISTEN : COOKIE_UDP);

				/* Others are a test's own. */
				if (i < w->nservers && listen)
					accept_all(&w->server[i]);
				else if (i < w->nservers)
					read_udp(&w->server[i]);
			}
		}
		served += n;
	}
	return served;
}

static size_t answer_due(struct dnsworld *w)
{
	struct dnsworld_conn *c, *next;
	size_t n = 0;

	while (w->due && w->due->at_ns <= w->now_ns) {
		struct dnsworld_due *d = w->due;

		w->due = d->next;
		c = d->tcp ? conn_of(w, d->sock) : NULL;
		if (c)
			conn_put(w, c, d->bytes, d->len);
		else if (!d->tcp)
			tapir_sendto(w->far, d->sock, d->bytes, d->len, 0, &d->to);
		free(d);
		n++;
	}
	for (c = w->conns; c; c = next) {
		next = c->next;
		if (c->idle_at_ns <= w->now_ns) {
			conn_end(w, c, false);
			n++;
		} else if (c->drip_at_ns && c->drip_at_ns <= w->now_ns && c->out_len > 0) {
			conn_write(w, c);
			n++;
		}
	}
	return n;
}

static size_t tell_user(struct dnsworld *w)
{
	struct tapir_ready ev[READY_BATCH];
	size_t told = 0, n;

	if (!w->user.ctx)
		return 0;
	while ((n = tapir_ready_pop(w->t, ev, READY_BATCH)) > 0) {
		for (size_t k = 0; k < n; k++)
			w->user.ready(w->user.ctx, ev[k].sock, ev[k].bits);
		told += n;
	}
	w->user.advance(w->user.ctx);
	return told;
}

void dnsworld_settle(struct dnsworld *w)
{
	unsigned turns = 0;
	uint64_t frames;
	size_t moved;

	do {
		tapir_advance(w->t, w->now_ns);
		tapir_advance(w->far, w->now_ns);
		moved = simlink_step(w->link, w->now_ns);
		moved += serve_far(w);
		moved += answer_due(w);
		frames = w->frames;
		moved += tell_user(w);
		moved += simlink_step(w->link, w->now_ns);
		moved += w->frames != frames;
		TAPIR_ASSERT(++turns < TURNS_MAX);
	} while (moved > 0);
#ifdef TAPIR_DEBUG
	/* It looks at everything; now and then is often enough. */
	if (w->turns++ % 16 == 0)
		tapir_check(w->t);
#endif
}

static void sooner(uint64_t *next, uint64_t at)
{
	if (at < *next)
		*next = at;
}

static uint64_t next_deadline(struct dnsworld *w)
{
	uint64_t next = simlink_next_deadline(w->link);

	sooner(&next, tapir_next_deadline(w->t));
	sooner(&next, tapir_next_deadline(w->far));
	if (w->user.ctx)
		sooner(&next, w->user.next(w->user.ctx));
	if (w->due)
		sooner(&next, w->due->at_ns);
	for (const struct dnsworld_conn *c = w->conns; c; c = c->next) {
		sooner(&next, c->idle_at_ns);
		if (c->out_len > 0 && c->drip_at_ns)
			sooner(&next, c->drip_at_ns);
	}
	return next;
}

static bool run(struct dnsworld *w, uint64_t ns, bool until_idle)
{
	uint64_t end = w->now_ns + ns, next;
	unsigned stuck = 0;

	for (;;) {
		dnsworld_settle(w);
		if (until_idle && w->busy == 0)
			return true;
		next = next_deadline(w);
		if (next > end)
			break;
		stuck = next <= w->now_ns ? stuck + 1 : 0;
		TAPIR_ASSERT(stuck < 1000); /* a deadline that stays in the past */
		w->now_ns = next > w->now_ns ? next : w->now_ns;
	}
	w->now_ns = end;
	dnsworld_settle(w);
	return w->busy == 0;
}

bool dnsworld_run(struct dnsworld *w, uint64_t ns)
{
	return run(w, ns, true);
}

void dnsworld_pass(struct dnsworld *w, uint64_t ns)
{
	run(w, ns, false);
}

/* ---- strangers ---- */

void dnsworld_inject(struct dnsworld *w, const void *ip, size_t len)
{
	struct pkt *p = tapir_pkt_alloc(w->t, len);

	if (!p)
		return;
	memcpy(p->data, ip, len);
	p->len = (uint32_t)len;
	tapir_input(w->t, w->ifi, p);
}

void dnsworld_forge(struct dnsworld *w, struct tapir_sockaddr from, struct tapir_sockaddr to,
		    const void *msg, size_t len)
{
	static uint8_t ip[WORLD_FRAME];
	size_t n = world_udp(ip, tapir_addr_to_v4(&from.addr), tapir_addr_to_v4(&to.addr),
			     from.port, to.port, msg, len);

	dnsworld_inject(w, ip, n);
}
