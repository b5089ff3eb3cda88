/*
 * A question's way through the servers.
 *
 * A question has candidates: the servers in the order in which they should be asked (server.c), or the one that it names. step() does
 * what is to be done now and sets the question's one timer:
 *
 *	1. What must be sent at once is: the first candidate, a copy for a server that is due for a probe, what a reply demands (TCP
 *	   after TC, without EDNS, with the new cookie).
 *	2. Nothing under way: the next candidate, at once. None left: it has failed.
 *	3. The one that was asked last is late (its hedge is over): the next candidate is asked too; both may answer.
 *	4. All have been asked: the one that waits longest gets the same packet again when its resend is over.
 *
 * So any server that lives is enough (D1034-7, D1123-5, D1123-17), all are asked before one is asked again (RFC 1035 7.2), a dead one costs its hedge and no more, and a
 * question is sent to one server over one transport `attempts` times at most, and never more than three times (RFC 9520 3.1).
 *
 *	0 ms        250                 350          1000            1350
 *	|---A-------|---B---------------|---C--------|---A again-----|---B again   until the deadline
 *
 * Every end of a question is in dns_net_finish(). Deadlines lie in a heap, tries are found by their socket in a hash table, questions
 * that are over lie in a list: what one costs does not depend on how many there are (D1123-4).
 *
 * DN-15: nothing that a reply, an end of a connection or a caller does frees what is being looked at: it marks the candidate, and
 * the next step is done by work().
 */
#include <errno.h>

#include "dns/exchange.h"

enum { BUCKETS = 64, STARVED_MS = 20 };

/* ---- tables ---- */

int dns_net_watch(struct dns_net *n, tapir_sock_t s, uint32_t bits)
{
	if (n->env.watch)
		return n->env.watch(n->env.ctx, s, bits);
	return tapir_interest(n->t, s, bits, 0);
}

uint32_t dns_net_hash(const struct dns_net *n, uint64_t a, uint64_t b)
{
	return (uint32_t)siphash_2u64(a, b, &n->hash_key);
}

static void table_care(struct dns_net *n, struct htab *h)
{
	uint32_t nbuckets;
	void *old = htab_retired(h, &nbuckets), *mem;

	net_free(n, old, old ? htab_bytes(nbuckets) : 0);
	if (!htab_should_grow(h))
		return;
	/* Without memory the chains are longer. */
	mem = net_alloc(n, htab_bytes(2 * htab_buckets(h)));
	if (mem)
		htab_grow_begin(h, mem, 2 * htab_buckets(h));
}

static void table_free(struct dns_net *n, struct htab *h)
{
	uint32_t nbuckets;
	void *old;

	if (!h->b)
		return;
	htab_grow_finish(h);
	old = htab_retired(h, &nbuckets);
	net_free(n, old, old ? htab_bytes(nbuckets) : 0);
	net_free(n, h->b, htab_bytes(htab_buckets(h)));
	h->b = NULL;
}

void dns_net_hold(struct dns_net *n, struct htab *h, struct hnode *node, uint64_t a, uint64_t b)
{
	htab_insert(h, node, dns_net_hash(n, a, b));
	table_care(n, h);
}

void dns_net_unhold(struct dns_net *n, struct htab *h, struct hnode *node)
{
	htab_remove(h, node);
	table_care(n, h);
}

/* ---- servers ---- */

static void server_free(struct dns_net *n, struct dns_server *s)
{
	TAPIR_ASSERT(s->refs == 0 && !s->lingers);
	dns_pipe_close(n, &s->tcp);
	dns_pipe_close(n, &s->tls);
	list_del(&s->node);
	n->nservers--;
	net_free(n, s, sizeof(*s));
}

/* What is known of servers that nobody uses just now is kept, of some. */
static void servers_trim(struct dns_net *n, unsigned most)
{
	struct dns_server *s, *next;

	LIST_FOREACH_SAFE (s, next, &n->servers, struct dns_server, node) {
		if (n->nservers <= most)
			return;
		if (s->refs == 0)
			server_free(n, s);
	}
}

/* The record of an address, with a reference; NULL: no memory. */
static struct dns_server *server_get(struct dns_net *n, const struct tapir_sockaddr *sa)
{
	struct tapir_sockaddr to = *sa;
	struct dns_server *s;

	if (to.port == 0)
		to.port = DNS_PORT;
	LIST_FOREACH (s, &n->servers, struct dns_server, node) {
		if (tapir_addr_eq(&s->addr.addr, &to.addr) && s->addr.port == to.port &&
		    s->addr.ifindex == to.ifindex)
			goto found;
	}
	servers_trim(n, DNS_SERVERS_MAX + DNS_SERVERS_KEPT - 1);
	s = net_alloc(n, sizeof(*s));
	if (!s)
		return NULL;
	dns_server_init(s, &to);
	n->nservers++;
found:
	list_del(&s->node);
	list_add_tail(&n->servers, &s->node);
	s->refs++;
	return s;
}

static void server_put(struct dns_server *s)
{
	TAPIR_ASSERT(s->refs > 0);
	s->refs--;
}

static void configured_put(struct dns_server **s, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		server_put(s[i]);
}

int dns_net_configure(struct dns_net *n, const struct dns_conf *conf)
{
	struct dns_server *s[DNS_SERVERS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < conf->nservers && i < DNS_SERVERS_MAX; i++) {
		bool twice = false;

		s[count] = server_get(n, &conf->server[i]);
		if (!s[count]) {
			configured_put(s, count);
			return -ENOMEM;
		}
		for (unsigned k = 0; k < count; k++)
			twice = twice || s[k] == s[count];
		if (twice)
			server_put(s[count]);
		else
			count++;
	}
	configured_put(n->configured, n->nconfigured);
	for (unsigned i = 0; i < count; i++)
		n->configured[i] = s[i];
	n->nconfigured = count;
	n->conf = *conf;
	return 0;
}

/* ---- life ---- */

int dns_net_create(struct dns_net **out, struct tapir *t, const struct dns_env *env,
		   const struct dns_conf *conf, struct chacha_rng *rng)
{
	struct dns_net *n = env->mem.alloc(env->mem.ctx, sizeof(*n));
	void *socks, *ids;
	uint8_t key[16];

	if (!n)
		return -ENOMEM;
	memset(n, 0, sizeof(*n));
	n->t = t;
	n->env = *env;
	n->rng = rng;
	chacha_rng_bytes(rng, key, sizeof(key));
	n->hash_key = siphash_key_from_bytes(key);
	chacha_rng_bytes(rng, key, sizeof(key));
	n->cookie_key = siphash_key_from_bytes(key);
	list_init(&n->servers);
	list_init(&n->all);
	list_init(&n->todo);
	list_init(&n->starved);
	list_init(&n->done);
	heap_init(&n->asks);
	heap_init(&n->pipes);
	heap_init(&n->lingering);
	n->buf = net_alloc(n, DNS_RECV_MAX);
	socks = net_alloc(n, htab_bytes(BUCKETS));
	if (socks)
		htab_init(&n->socks, socks, BUCKETS);
	ids = net_alloc(n, htab_bytes(BUCKETS));
	if (ids)
		htab_init(&n->ids, ids, BUCKETS);
	if (!n->buf || !socks || !ids || dns_net_configure(n, conf)) {
		dns_net_destroy(n);
		return -ENOMEM;
	}
	*out = n;
	return 0;
}

void dns_net_destroy(struct dns_net *n)
{
	struct dns_server *s;

	while (!list_empty(&n->all))
		dns_net_cancel(n, LIST_FIRST(&n->all, struct exchange, all)->ask);
	configured_put(n->configured, n->nconfigured);
	LIST_FOREACH (s, &n->servers, struct dns_server, node) {
		if (s->lingers)
			dns_try_drop(n, s->lingers);
	}
	servers_trim(n, 0);
	TAPIR_ASSERT(n->nservers == 0 && n->ntries == 0);
	table_free(n, &n->socks);
	table_free(n, &n->ids);
	net_free(n, n->buf, DNS_RECV_MAX);
	/* What cookies are made of is nobody's business any more. */
	memset(&n->cookie_key, 0, sizeof(n->cookie_key));
	n->env.mem.free(n->env.mem.ctx, n, sizeof(*n));
}

/* ---- ends ---- */

void dns_net_todo(struct dns_net *n, struct exchange *x)
{
	if (!x->over && !list_linked(&x->todo))
		list_add_tail(&n->todo, &x->todo);
}

void dns_net_give_up(struct dns_net *n, struct exchange *x, struct dns_cand *c)
{
	TAPIR_ASSERT(!c->y);
	c->state = CAND_DONE;
	/* The next server's turn is now. */
	x->step_ns = net_now(n);
	dns_net_todo(n, x);
}

void dns_net_follow(struct dns_net *n, struct exchange *x, struct dns_cand *c,
		    enum dns_transport transport)
{
	if (c->sent[transport] >= DNS_SENDS_MAX) {
		/* D9520-1, D1035-14: no loop, whatever it is that sends us round. */
		dns_net_give_up(n, x, c);
		return;
	}
	TAPIR_ASSERT(!c->y);
	c->transport = transport;
	c->state = CAND_DUE;
	c->soft = c->soft_edns = false;
	c->soft_error = 0;
	dns_net_todo(n, x);
}

static void unqueue(struct dns_net *n, struct exchange *x)
{
	list_del(&x->todo);
	list_del(&x->starved);
	if (heap_queued(&x->ask->timer))
		heap_remove(&n->asks, &x->ask->timer);
}

static void release_servers(struct exchange *x)
{
	for (unsigned i = 0; i < x->ncand; i++)
		server_put(x->cand[i].server);
	x->ncand = 0;
}

void dns_net_finish(struct dns_net *n, struct exchange *x, enum dns_status status)
{
	struct dns_ask *a = x->ask;

	TAPIR_ASSERT(!x->over);
	while (!list_empty(&a->tries))
		dns_try_leave(n, LIST_FIRST(&a->tries, struct dns_try, node));
	unqueue(n, x);
	release_servers(x);
	x->over = true;
	a->status = status;
	n->nasks--;
	list_add_tail(&n->done, &a->node);
}

/* Every candidate failed: as what? What a server said comes first, then the cause that one can do most about. */
static enum dns_status failure_of(const struct exchange *x)
{
	if (x->ask->reply)
		return x->failed_as;
	if (x->unsendable)
		return DNS_BADNAME;
	if (x->nomem)
		return DNS_NOMEM;
	if (x->malformed)
		return DNS_BADREPLY;
	return x->timeout ? DNS_TIMEOUT : DNS_UNREACHABLE;
}

/* What a try that waited in vain has met. */
static void expire_try(struct dns_net *n, struct exchange *x, struct dns_cand *c)
{
	bool garbage = c->soft || c->soft_edns;

	if (garbage)
		x->malformed = true;
	else
		x->timeout = true;
	if (c->y->sent > 0 && !garbage && (c->transport == DNS_UDP || c->sent[DNS_UDP] == 0))
		dns_server_failed(c->server, net_now(n));
	n->stats.timeouts++;
	dns_try_end(n, c->y, garbage ? DNS_TRIED_MALFORMED : DNS_TRIED_TIMEOUT, 0);
	c->state = CAND_DONE;
}

static void expire(struct dns_net *n, struct exchange *x)
{
	for (unsigned i = 0; i < x->ncand; i++) {
		if (x->cand[i].y)
			expire_try(n, x, &x->cand[i]);
	}
	/* Not even a socket was to be had. */
	if (!x->malformed && !x->unreachable && !x->nomem && !x->unsendable)
		x->timeout = true;
	/* D1123-11: a temporary failure, which is not NXDOMAIN. */
	dns_net_finish(n, x, failure_of(x));
}

/* ---- steps ---- */

static unsigned sends_of(const struct exchange *x)
{
	/* D9520-1, DN-25, D1035-14, D1123-10: bounded whatever comes. */
	return clamp_u32(x->ask->attempts, 1, DNS_SENDS_MAX);
}

/* Who is next: one that was not asked yet, else the one whose packet is to go again first; NULL: nobody. */
static struct dns_cand *next_of(struct exchange *x)
{
	struct dns_cand *best = NULL;

	for (unsigned i = 0; i < x->ncand; i++) {
		struct dns_cand *c = &x->cand[i];

		/* D1035-15: all of them before one again. */
		if (c->state == CAND_FRESH)
			return c;
		if (c->state != CAND_WAITS || c->transport != DNS_UDP)
			continue;
		if (!c->soft && !c->soft_edns && !c->soft_error && c->y->sent > 0 &&
		    c->sent[DNS_UDP] >= sends_of(x))
			continue;
		if (!best || c->again_ns < best->again_ns)
			best = c;
	}
	return best;
}

static uint64_t due(const struct exchange *x, const struct dns_cand *c)
{
	if (c->state == CAND_FRESH)
		return x->step_ns;
	/* One that could not be sent yet does not wait for others. */
	return c->y->sent == 0 ? c->again_ns : max_u64(x->step_ns, c->again_ns);
}

/* False: it waits for a socket. */
static bool start(struct dns_net *n, struct exchange *x, struct dns_cand *c)
{
	int err = dns_try_begin(n, x, c);

	if (err == -ENFILE) {
		c->state = CAND_DUE;
		if (!list_linked(&x->starved))
			list_add_tail(&n->starved, &x->starved);
		n->starved_ns = net_now(n) + STARVED_MS * DNS_MS;
		return false;
	}
	x->step_ns = net_now(n) + dns_server_hedge_ns(c->server);
	if (!err)
		return true;
	if (err == -ENOMEM)
		x->nomem = true;
	else if (err == -EMSGSIZE)
		x->unsendable = true;
	else
		x->unreachable = true;
	if (err != -ENOMEM && err != -EMSGSIZE && err != -EADDRNOTAVAIL)
		dns_server_failed(c->server, net_now(n));
	dns_net_give_up(n, x, c);
	return true;
}

/* The hedge is over: who has not answered is late. */
static void mark_late(struct dns_net *n, struct exchange *x)
{
	for (unsigned i = 0; i < x->ncand; i++) {
		struct dns_cand *c = &x->cand[i];

		/* Over TCP too where that is what it is asked over: then the connection may not come about. */
		if (c->state == CAND_WAITS &&
		    (c->transport == DNS_UDP ? c->y->sent > 0 : c->sent[DNS_UDP] == 0))
			dns_server_late(c->server, net_now(n) - c->y->first_ns);
	}
}

/* The same question to the same server again: the same packet, so that only one stands open (DN-02, RFC 5452 5). */
static void again(struct dns_net *n, struct exchange *x, struct dns_cand *c)
{
	int err;

	if (c->soft || c->soft_edns) {
		/* What came was garbage, and nothing better did. */
		bool tcp = c->soft || !c->y->packet.edns;

		x->malformed = true;
		c->no_edns = c->no_edns || !tcp;
		dns_try_end(n, c->y, tcp ? DNS_TRIED_MALFORMED : DNS_TRIED_NO_EDNS, 0);
		dns_net_follow(n, x, c, tcp ? DNS_TCP : DNS_UDP);
		return;
	}
	if (c->soft_error) {
		dns_judge_failure(n, c->y, DNS_TRIED_ICMP, c->soft_error);
		return;
	}
	err = dns_udp_transmit(n, c->y);
	if (err == -EMSGSIZE)
		c->again_ns = net_now(n) + STARVED_MS * DNS_MS;
	else if (err)
		dns_judge_failure(n, c->y, DNS_TRIED_ICMP, -err);
	else
		x->step_ns = net_now(n) + DNS_HEDGE_MIN_NS;
}

/* When it is to be given up because only servers that fail anyway have not answered, and the others have said no. */
static uint64_t hopeless_at(const struct exchange *x)
{
	uint64_t at = 0;

	if (!x->ask->reply)
		return TAPIR_NEVER;
	for (unsigned i = 0; i < x->ncand; i++) {
		const struct dns_cand *c = &x->cand[i];

		if (c->state == CAND_DONE)
			continue;
		if (c->state != CAND_WAITS || c->server->failures == 0)
			return TAPIR_NEVER;
		at = max_u64(at, c->y->first_ns + DNS_HEDGE_MAX_NS);
	}
	return at;
}

static void set_timer(struct dns_net *n, struct exchange *x, uint64_t at)
{
	struct heap_node *timer = &x->ask->timer;

	at = min_u64(at, x->ask->deadline_ns);
	if (heap_queued(timer))
		heap_rekey(&n->asks, timer, at);
	else
		heap_insert(&n->asks, timer, at);
}

/* 1: what must be sent at once. How many are under way then; -1: it waits for a socket. */
static int send_due(struct dns_net *n, struct exchange *x)
{
	int waiting = 0;

	for (unsigned i = 0; i < x->ncand; i++) {
		struct dns_cand *c = &x->cand[i];

		if (c->state == CAND_DUE && !start(n, x, c))
			return -1;
		waiting += c->state == CAND_WAITS;
	}
	return waiting;
}

static void step(struct dns_net *n, struct exchange *x)
{
	uint64_t now = net_now(n), at = TAPIR_NEVER;

	if (now >= x->ask->deadline_ns) {
		expire(n, x);
		return;
	}
	/* Ends: each turn sends something, of which there is a bounded number, or gives a candidate up. */
	for (;;) {
		int waiting = send_due(n, x);
		struct dns_cand *c;

		if (waiting < 0)
			break;
		c = next_of(x);
		if (waiting == 0 && !c) {
			dns_net_finish(n, x, failure_of(x));
			return;
		}
		if (now >= hopeless_at(x)) {
			expire(n, x);
			return;
		}
		if (!c)
			break;
		if (waiting > 0 && now < due(x, c)) {
			at = due(x, c);
			break;
		}
		if (c->state == CAND_FRESH) {
			if (waiting > 0) {
				n->stats.hedges++;
				mark_late(n, x);
			}
			c->state = CAND_DUE;
		} else {
			again(n, x, c);
			if (x->over)
				return;
		}
	}
	list_del(&x->todo);
	set_timer(n, x, min_u64(at, hopeless_at(x)));
}

/* Everything that is due now. A flat loop: a step that ends a question only puts it on a list. */
static void work(struct dns_net *n)
{
	uint64_t now = net_now(n);

	for (;;) {
		struct heap_node *h;

		if (!list_empty(&n->todo)) {
			struct exchange *x = LIST_FIRST(&n->todo, struct exchange, todo);

			list_del(&x->todo);
			step(n, x);
			continue;
		}
		h = heap_min(&n->pipes);
		if (h && h->key <= now) {
			dns_pipe_timer(n, container_of(h, struct dns_pipe, timer));
			continue;
		}
		/* One that waits for a socket for each that was closed, in order. */
		if (!list_empty(&n->starved) && (n->freed || now >= n->starved_ns)) {
			struct exchange *x = LIST_FIRST(&n->starved, struct exchange, starved);

			n->freed = false;
			n->starved_ns = now + STARVED_MS * DNS_MS;
			list_del(&x->starved);
			step(n, x);
			if (list_linked(&x->starved)) {
				/* Not yet: it keeps its place. */
				list_del(&x->starved);
				list_add_head(&n->starved, &x->starved);
			} else {
				n->freed = true;
			}
			continue;
		}
		break;
	}
	n->freed = false;
}

/* ---- questions ---- */

static int add_candidate(struct exchange *x, struct dns_server *s)
{
	struct dns_cand *c = &x->cand[x->ncand++];

	memset(c, 0, sizeof(*c));
	c->server = s;
	return 0;
}

/* The servers that it may ask, in order. */
static int candidates(struct dns_net *n, struct exchange *x)
{
	const struct dns_ask *a = x->ask;
	bool as_given = a->flags & DNS_Q_ONE_SERVER_FIRST, probing = false;
	struct dns_server *s[DNS_SERVERS_MAX];
	unsigned count = n->nconfigured, first = 0;

	if (!tapir_addr_is_any(&a->server.addr)) {
		s[0] = server_get(n, &a->server);
		if (!s[0])
			return -ENOMEM;
		return add_candidate(x, s[0]);
	}
	if (count == 0)
		return 0;
	if (n->conf.rotate && !as_given)
		first = n->turn++ % count;
	for (unsigned i = 0; i < count; i++) {
		s[i] = n->configured[(first + i) % count];
		s[i]->refs++;
	}
	/* Those that fail come last even where the settings want turns to be taken. */
	if (!as_given)
		dns_server_sort(s, count, n->conf.rotate);
	for (unsigned i = 0; i < count; i++) {
		add_candidate(x, s[i]);
		/* D2308-6: a copy beside the first, for the server's sake. One a question is enough. */
		if (i > 0 && !as_given && !probing && s[0]->failures == 0 &&
		    dns_server_probe(s[i], net_now(n))) {
			x->cand[i].state = CAND_DUE;
			probing = true;
		}
	}
	return 0;
}

int dns_net_ask(struct dns_net *n, struct dns_ask *a)
{
	struct exchange *x = net_alloc(n, sizeof(*x));
	enum dns_transport transport = DNS_UDP;

	list_init(&a->node);
	list_init(&a->tries);
	heap_node_init(&a->timer);
	a->reply = NULL;
	a->reply_len = 0;
	a->story = NULL;
	a->priv = NULL;
	if (!x)
		return -ENOMEM;
	memset(x, 0, sizeof(*x));
	list_init(&x->todo);
	list_init(&x->starved);
	x->ask = a;
	x->spread = chacha_rng_below(n->rng, DNS_SPREAD);
	if (candidates(n, x)) {
		net_free(n, x, sizeof(*x));
		return -ENOMEM;
	}
	a->priv = x;
	a->story = &x->story;
	list_add_tail(&n->all, &x->all);
	n->nasks++;
	if (a->flags & DNS_Q_TLS)
		transport = DNS_TLS;
	else if ((a->flags & DNS_Q_TCP) || n->conf.use_tcp)
		transport = DNS_TCP;
	for (unsigned i = 0; i < x->ncand; i++)
		x->cand[i].transport = transport;
	if (x->ncand == 0) {
		dns_net_finish(n, x, DNS_NOSERVER);
		return 0;
	}
	x->cand[0].state = CAND_DUE;
	/* Who comes later does not take the socket that another waits for. */
	if (!list_empty(&n->starved)) {
		list_add_tail(&n->starved, &x->starved);
		set_timer(n, x, TAPIR_NEVER);
	} else {
		dns_net_todo(n, x);
	}
	work(n);
	return 0;
}

void dns_ask_release(struct dns_net *n, struct dns_ask *a)
{
	struct exchange *x = a->priv;

	net_free(n, a->reply, a->reply_len);
	a->reply = NULL;
	a->reply_len = 0;
	a->priv = NULL;
	a->story = NULL;
	if (!x)
		return;
	TAPIR_ASSERT(x->over && list_empty(&a->tries));
	list_del(&x->all);
	net_free(n, x, sizeof(*x));
}

void dns_net_cancel(struct dns_net *n, struct dns_ask *a)
{
	struct exchange *x = a->priv;

	if (!x)
		return;
	if (!x->over) {
		while (!list_empty(&a->tries))
			dns_try_end(n, LIST_FIRST(&a->tries, struct dns_try, node),
				    DNS_TRIED_PENDING, 0);
		unqueue(n, x);
		release_servers(x);
		x->over = true;
		n->nasks--;
	}
	list_del(&a->node);
	dns_ask_release(n, a);
}

struct dns_ask *dns_net_pop(struct dns_net *n)
{
	struct dns_ask *a = LIST_FIRST(&n->done, struct dns_ask, node);

	if (a)
		list_del(&a->node);
	return a;
}

/* ---- the loop's side ---- */

bool dns_net_ready(struct dns_net *n, tapir_sock_t s, uint32_t bits)
{
	struct hnode *h = htab_first(&n->socks, dns_net_hash(n, (uint64_t)s, 0));

	(void)bits;
	for (; h; h = htab_next(h)) {
		if (h->aux == 1) {
			struct dns_pipe *p = container_of(h, struct dns_pipe, node);

			if (p->sock != s)
				continue;
			dns_pipe_ready(n, p);
		} else {
			struct dns_try *y = container_of(h, struct dns_try, hnode);

			if (y->sock != s)
				continue;
			dns_udp_ready(n, y);
		}
		work(n);
		return true;
	}
	return false;
}

void dns_net_advance(struct dns_net *n)
{
	uint64_t now = net_now(n);
	struct heap_node *h;

	while ((h = heap_min(&n->lingering)) && h->key <= now) {
		struct dns_try *y = container_of(h, struct dns_try, timer);

		/* Another answered, this one never did. */
		dns_server_failed(y->server, now);
		dns_try_drop(n, y);
	}
	while ((h = heap_min(&n->asks)) && h->key <= now) {
		struct dns_ask *a = container_of(h, struct dns_ask, timer);

		heap_remove(&n->asks, h);
		dns_net_todo(n, a->priv);
	}
	work(n);
}

uint64_t dns_net_next_deadline(struct dns_net *n)
{
	const struct heap *heaps[] = {&n->asks, &n->pipes, &n->lingering};
	uint64_t at = TAPIR_NEVER;

	for (size_t i = 0; i < ARRAY_SIZE(heaps); i++) {
		const struct heap_node *h = heap_min(heaps[i]);

		if (h)
			at = min_u64(at, h->key);
	}
	return list_empty(&n->starved) ? at : min_u64(at, n->starved_ns);
}

void dns_net_stats(const struct dns_net *n, struct dns_stats *s)
{
	const struct dns_stats *o = &n->stats;

	s->udp_sent = o->udp_sent;
	s->udp_received = o->udp_received;
	s->tcp_sent = o->tcp_sent;
	s->tcp_received = o->tcp_received;
	s->tcp_connections = o->tcp_connections;
	s->tls_connections = o->tls_connections;
	s->retransmits = o->retransmits;
	s->timeouts = o->timeouts;
	s->hedges = o->hedges;
	s->truncated = o->truncated;
	s->forged = o->forged;
	s->malformed = o->malformed;
	s->formerr_fallbacks = o->formerr_fallbacks;
	s->badcookie = o->badcookie;
	s->spoof_to_tcp = o->spoof_to_tcp;
}

int dns_net_server(const struct dns_net *n, unsigned i, struct dns_server_info *out)
{
	const struct dns_server *s;
	uint64_t now = net_now(n);

	if (i >= n->nconfigured)
		return -ENOENT;
	s = n->configured[i];
	*out = (struct dns_server_info){
		.addr = s->addr,
		.srtt_us = s->srtt_us,
		.failures = s->failures,
		.dead = dns_server_dead(s),
		.edns = !n->conf.no_edns && dns_server_edns(s, now),
		.x20 = !n->conf.no_x20 && dns_server_x20(s, now),
		.cookie = s->cookie_len > 0,
		.tcp_open = s->tcp.state == DNS_PIPE_OPEN,
		.sent = s->sent,
		.answered = s->answered,
	};
	return 0;
}

void dns_net_check(const struct dns_net *n)
{
	const struct dns_server *s;
	const struct exchange *x;
	unsigned asks = 0, lingering = 0;
	size_t servers = 0;

	LIST_FOREACH (s, &n->servers, struct dns_server, node) {
		dns_server_check(s);
		lingering += s->lingers != NULL;
		servers++;
	}
	TAPIR_ASSERT(servers == n->nservers && lingering == heap_count(&n->lingering));
	LIST_FOREACH (x, &n->all, struct exchange, all) {
		if (x->over) {
			TAPIR_ASSERT(list_empty(&x->ask->tries) && !heap_queued(&x->ask->timer));
			continue;
		}
		asks++;
		TAPIR_ASSERT(list_linked(&x->todo) || heap_queued(&x->ask->timer));
		for (unsigned i = 0; i < x->ncand; i++) {
			const struct dns_cand *c = &x->cand[i];

			TAPIR_ASSERT((c->state == CAND_WAITS) == (c->y != NULL));
			TAPIR_ASSERT(c->sent[DNS_UDP] <= DNS_SENDS_MAX &&
				     c->sent[DNS_TCP] <= DNS_SENDS_MAX);
		}
	}
	TAPIR_ASSERT(asks == n->nasks);
}
