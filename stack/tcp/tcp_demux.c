/*
 * Who gets a segment, and who may use a port.
 *
 *	eps         4-tuple -> connection, SYN record or TIME-WAIT record
 *	listening   local port -> listeners; the one bound to the address beats the one bound to any
 *	port[]      local port -> how many use it, and in which way
 *
 * Both tables hash under a secret key (SipHash-1-3; CL-43), so that nobody can choose tuples that share a
 * bucket. A bigger table is made when there are more endpoints than buckets; without memory the chains
 * grow and nothing fails.
 *
 * Ports. bind() follows Linux: a port that anybody uses is taken, unless both have SO_REUSEADDR and
 * nobody listens on it, or both have SO_REUSEPORT, or their addresses or interfaces differ. TIME-WAIT
 * and connections count as users: hence a server wants SO_REUSEADDR (MUST-42). connect() may share a port with
 * other connections as long as the 4-tuple is new.
 *
 * Ephemeral ports for connect() are RFC 6056's algorithm 4: for each (local address, remote address,
 * remote port) a secret offset, plus a counter picked from a table by a second hash. Ports to one
 * destination do not repeat soon (a peer's TIME-WAIT is not met), ports to different destinations tell
 * nothing of one another, and steps are random, so that counting ours tells little either. The hashes
 * change every ten seconds: who finds out which destinations share a counter (CVE-2022-1012, CL-40) finds
 * others the next time, and can't recognise us by them (CL-42).
 */
#include <errno.h>

#include "stack/core/random.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/wire/bytes.h"

enum {
	DEMUX_BUCKETS = 256,
	LISTEN_BUCKETS = 32,
	PORT_CHUNK = 256,
	/* RFC 6056 3.3.5: at most this much between two ports taken one after the other. */
	PORT_STEP = 8,
	PORT_EPOCH_S = 10,
};

/* ---- the tables ---- */

static uint32_t hash_tuple(const struct tcp_state *ts, const struct tcp_tuple *tu)
{
	uint64_t v[4], ports = (uint64_t)tu->lport << 16 | tu->rport;
	uint64_t l0 = get_be64(tu->laddr.b), r0 = get_be64(tu->raddr.b);

	siphash_begin(v, &ts->hash_key);
	siphash_word(v, get_be64(tu->laddr.b + 8), 1);
	siphash_word(v, get_be64(tu->raddr.b + 8), 1);
	/* Both halves are zero for IPv4; the last word, a length, keeps the two forms apart. */
	if (l0 | r0) {
		siphash_word(v, l0, 1);
		siphash_word(v, r0, 1);
		siphash_word(v, UINT64_C(36) << 56 | ports, 1);
	} else {
		siphash_word(v, UINT64_C(20) << 56 | ports, 1);
	}
	return (uint32_t)siphash_end(v, 3);
}

static uint32_t hash_port(const struct tcp_state *ts, uint16_t lport)
{
	return (uint32_t)siphash_1u64(lport, &ts->hash_key);
}

static bool tuple_eq(const struct tcp_tuple *a, const struct tcp_tuple *b)
{
	return a->lport == b->lport && a->rport == b->rport &&
	       tapir_addr_eq(&a->laddr, &b->laddr) && tapir_addr_eq(&a->raddr, &b->raddr);
}

static struct tcp_ep *ep_of(struct hnode *n)
{
	return container_of(n, struct tcp_ep, node);
}

static int table_init(struct tapir *t, struct htab *h, uint32_t nbuckets)
{
	void *mem = mem_alloc(t, htab_bytes(nbuckets));

	if (!mem)
		return -ENOMEM;
	htab_init(h, mem, nbuckets);
	return 0;
}

static void table_retire(struct tapir *t, struct htab *h)
{
	uint32_t n;
	void *old = htab_retired(h, &n);

	if (old)
		mem_free(t, old, htab_bytes(n));
}

static void table_fini(struct tapir *t, struct htab *h)
{
	if (!h->b)
		return;
	htab_grow_finish(h);
	table_retire(t, h);
	mem_free(t, h->b, htab_bytes(htab_buckets(h)));
	*h = (struct htab){0};
}

/* After an insertion or removal: frees what a finished growth left, begins the next if it is due. */
static void table_tend(struct tapir *t, struct htab *h)
{
	void *mem;

	table_retire(t, h);
	if (!htab_should_grow(h))
		return;
	mem = mem_alloc(t, htab_bytes(htab_buckets(h) * 2));
	if (mem)
		htab_grow_begin(h, mem, htab_buckets(h) * 2);
}

int tcp_demux_init(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;
	int err = table_init(t, &ts->eps, DEMUX_BUCKETS);

	if (err)
		return err;
	for (unsigned i = 0; i < TCP_PORT_TABLE; i++)
		ts->port_count[i] = random_u32(t);
	return table_init(t, &ts->listening, LISTEN_BUCKETS);
}

void tcp_demux_fini(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;

	table_fini(t, &ts->eps);
	table_fini(t, &ts->listening);
	for (unsigned i = 0; i < ARRAY_SIZE(ts->port); i++) {
		if (ts->port[i])
			mem_free(t, ts->port[i], PORT_CHUNK * sizeof(struct tcp_port));
		ts->port[i] = NULL;
	}
}

struct tcp_ep *tcp_demux_find(struct tapir *t, const struct tcp_tuple *tu)
{
	uint32_t hash = hash_tuple(t->tcp, tu);

	for (struct hnode *n = htab_first(&t->tcp->eps, hash); n; n = htab_next(n)) {
		if (tuple_eq(&ep_of(n)->tuple, tu))
			return ep_of(n);
	}
	return NULL;
}

/* How well l fits: 0 not at all; the bound address counts more than the bound interface. */
static unsigned listener_score(const struct tcp_listener *l, const struct tcp_tuple *tu,
			       int ifindex)
{
	unsigned score = 1;

	if (l->ep.tuple.lport != tu->lport)
		return 0;
	if (!tapir_addr_is_any(&l->ep.tuple.laddr)) {
		/* MUST-43: only what comes to that address. */
		if (!tapir_addr_eq(&l->ep.tuple.laddr, &tu->laddr))
			return 0;
		score += 2;
	}
	if (l->opt.ifindex) {
		if (l->opt.ifindex != ifindex)
			return 0;
		score += 1;
	}
	return score;
}

/* Among equals (SO_REUSEPORT) each tuple has its own favourite, which stays when others come and go. */
static uint64_t listener_draw(const struct tcp_state *ts, const struct tcp_listener *l,
			      const struct tcp_tuple *tu)
{
	return siphash_2u64(hash_tuple(ts, tu), l->id, &ts->hash_key);
}

struct tcp_listener *tcp_demux_listener(struct tapir *t, const struct tcp_tuple *tu, int ifindex)
{
	const struct tcp_state *ts = t->tcp;
	struct tcp_listener *best = NULL;
	unsigned best_score = 0;
	uint32_t hash = hash_port(ts, tu->lport);

	for (struct hnode *n = htab_first(&ts->listening, hash); n; n = htab_next(n)) {
		struct tcp_listener *l = (struct tcp_listener *)ep_of(n);
		unsigned score = listener_score(l, tu, ifindex);

		if (score > best_score ||
		    (score && score == best_score &&
		     listener_draw(ts, l, tu) > listener_draw(ts, best, tu))) {
			best = l;
			best_score = score;
		}
	}
	return best;
}

void tcp_demux_insert(struct tapir *t, struct tcp_ep *ep)
{
	struct tcp_state *ts = t->tcp;
	bool listener = ep->kind == TCP_EP_LISTENER;
	struct htab *h = listener ? &ts->listening : &ts->eps;

	TAPIR_ASSERT(!(ep->epflags & TCP_EP_HASHED));
	htab_insert(h, &ep->node,
		    listener ? hash_port(ts, ep->tuple.lport) : hash_tuple(ts, &ep->tuple));
	ep->epflags |= TCP_EP_HASHED;
	table_tend(t, h);
}

void tcp_demux_remove(struct tapir *t, struct tcp_ep *ep)
{
	struct tcp_state *ts = t->tcp;
	struct htab *h = ep->kind == TCP_EP_LISTENER ? &ts->listening : &ts->eps;

	TAPIR_ASSERT(ep->epflags & TCP_EP_HASHED);
	htab_remove(h, &ep->node);
	ep->epflags &= (uint16_t)~TCP_EP_HASHED;
	table_tend(t, h);
}

/* ---- ports ---- */

static const struct tcp_port *port_look(const struct tcp_state *ts, uint16_t p)
{
	static const struct tcp_port nobody;
	const struct tcp_port *chunk = ts->port[p / PORT_CHUNK];

	return chunk ? chunk + p % PORT_CHUNK : &nobody;
}

static struct tcp_port *port_get(struct tapir *t, uint16_t p)
{
	struct tcp_port **chunk = &t->tcp->port[p / PORT_CHUNK];

	if (!*chunk)
		*chunk = mem_zalloc(t, PORT_CHUNK * sizeof(struct tcp_port));
	return *chunk ? *chunk + p % PORT_CHUNK : NULL;
}

static uint16_t ep_optflags(const struct tcp_ep *ep)
{
	switch ((enum tcp_ep_kind)ep->kind) {
	case TCP_EP_CONN:
		return ((const struct tcp_conn *)ep)->opt.flags;
	case TCP_EP_LISTENER:
		return ((const struct tcp_listener *)ep)->opt.flags;
	case TCP_EP_SYN:
	case TCP_EP_TW:
		break;
	}
	return 0;
}

/* Whether an endpoint's reference counts as one without SO_REUSEADDR. A TIME-WAIT record brings it along. */
static bool ep_noreuse(const struct tcp_ep *ep)
{
	if (ep->kind == TCP_EP_TW)
		return ep->epflags & TCP_EP_NOREUSE;
	return !(ep_optflags(ep) & TCP_O_REUSEADDR);
}

int tcp_port_ref(struct tapir *t, struct tcp_ep *ep)
{
	struct tcp_port *p = port_get(t, ep->tuple.lport);
	bool explicit = ep->kind == TCP_EP_LISTENER || ep->epflags & TCP_EP_EXPLICIT;
	bool noreuse = ep_noreuse(ep);

	if (!p)
		return -ENOMEM;
	TAPIR_ASSERT(!(ep->epflags & TCP_EP_BOUND));
	p->refs++;
	p->noreuse += noreuse;
	p->explicit += explicit;
	ep->epflags &= (uint16_t) ~(TCP_EP_NOREUSE | TCP_EP_EXPLICIT);
	ep->epflags |= (uint16_t)(TCP_EP_BOUND | (noreuse ? TCP_EP_NOREUSE : 0) |
				  (explicit ? TCP_EP_EXPLICIT : 0));
	return 0;
}

void tcp_port_unref(struct tapir *t, struct tcp_ep *ep)
{
	struct tcp_port *p = port_get(t, ep->tuple.lport);

	TAPIR_ASSERT(ep->epflags & TCP_EP_BOUND && p && p->refs > 0);
	p->refs--;
	p->noreuse -= ep->epflags & TCP_EP_NOREUSE ? 1 : 0;
	p->explicit -= ep->epflags & TCP_EP_EXPLICIT ? 1 : 0;
	ep->epflags &= (uint16_t) ~(TCP_EP_BOUND | TCP_EP_NOREUSE | TCP_EP_EXPLICIT);
}

void tcp_port_reuse_changed(struct tapir *t, struct tcp_ep *ep)
{
	struct tcp_port *p = port_get(t, ep->tuple.lport);
	bool was = ep->epflags & TCP_EP_NOREUSE, is = ep_noreuse(ep);

	if (!(ep->epflags & TCP_EP_BOUND) || !p || was == is)
		return;
	p->noreuse = p->noreuse - was + is;
	ep->epflags ^= TCP_EP_NOREUSE;
}

/* What is about to take a port. */
struct claim {
	const struct tcp_ep *self; /* not in conflict with itself */
	struct tapir_addr laddr;
	uint16_t lport, ifindex;
	uint16_t optflags;
};

static bool apart(const struct claim *c, const struct tapir_addr *laddr, uint16_t ifindex)
{
	if (c->ifindex && ifindex && c->ifindex != ifindex)
		return true;
	return !tapir_addr_is_any(&c->laddr) && !tapir_addr_is_any(laddr) &&
	       !tapir_addr_eq(&c->laddr, laddr);
}

static bool listener_conflicts(const struct tcp_state *ts, const struct claim *c)
{
	uint32_t hash = hash_port(ts, c->lport);

	for (struct hnode *n = htab_first(&ts->listening, hash); n; n = htab_next(n)) {
		const struct tcp_listener *l = (const struct tcp_listener *)ep_of(n);

		if (&l->ep == c->self || l->ep.tuple.lport != c->lport)
			continue;
		/* A listener shares its port by SO_REUSEPORT only. */
		if (c->optflags & l->opt.flags & TCP_O_REUSEPORT)
			continue;
		if (!apart(c, &l->ep.tuple.laddr, l->opt.ifindex))
			return true;
	}
	return false;
}

static bool conn_conflicts(const struct claim *c, const struct tcp_conn *o)
{
	if (&o->ep == c->self || !(o->ep.epflags & TCP_EP_BOUND) || o->ep.tuple.lport != c->lport)
		return false;
	if (c->optflags & o->opt.flags & TCP_O_REUSEPORT)
		return false;
	if (c->optflags & TCP_O_REUSEADDR && !(o->ep.epflags & TCP_EP_NOREUSE))
		return false;
	return !apart(c, &o->ep.tuple.laddr, o->opt.ifindex);
}

/* The same of TIME-WAIT records, which are found by the table only: asked of it as a whole. */
static bool tw_conflicts(const struct tcp_state *ts, const struct claim *c)
{
	struct htab_iter at = {0};

	for (struct hnode *n; (n = htab_walk(&ts->eps, &at));) {
		const struct tcp_ep *ep = ep_of(n);

		if (ep->kind != TCP_EP_TW || ep->tuple.lport != c->lport)
			continue;
		if (c->optflags & TCP_O_REUSEADDR && !(ep->epflags & TCP_EP_NOREUSE))
			continue;
		if (!apart(c, &ep->tuple.laddr, 0))
			return true;
	}
	return false;
}

/*
 * Whether bind() must refuse. The counters answer for most; only where somebody is in the way, or
 * seems to be, everybody is looked at, for the sake of hosts with several addresses.
 */
static bool port_conflicts(const struct tapir *t, const struct claim *c)
{
	const struct tcp_state *ts = t->tcp;
	const struct tcp_port *p = port_look(ts, c->lport);
	const struct tcp_conn *o;

	if (p->refs == 0)
		return false;
	if (listener_conflicts(ts, c))
		return true;
	if (c->optflags & TCP_O_REUSEADDR && p->noreuse == 0)
		return false;
	LIST_FOREACH (o, &ts->conns, const struct tcp_conn, all) {
		if (conn_conflicts(c, o))
			return true;
	}
	return tw_conflicts(ts, c);
}

static uint32_t range_of(const struct tapir *t, uint16_t *min)
{
	*min = (uint16_t)t->conf.ip_local_port_min;
	return (uint32_t)(t->conf.ip_local_port_max - t->conf.ip_local_port_min + 1);
}

/* A port for bind() to port 0: nobody uses it. Random, then upwards; the whole range at most. 0: none. */
static uint16_t port_unused(struct tapir *t)
{
	uint16_t min;
	uint32_t n = range_of(t, &min), at = random_below(t, n);

	for (uint32_t i = 0; i < n; i++) {
		uint16_t p = (uint16_t)(min + (at + i) % n);

		if (port_look(t->tcp, p)->refs == 0)
			return p;
	}
	STAT_INC(t, Tapir, EphemeralPortsFull);
	return 0;
}

int tcp_port_bind(struct tapir *t, struct tcp_conn *c, const struct tapir_addr *laddr,
		  uint16_t lport)
{
	struct claim claim = {.self = &c->ep,
			      .laddr = *laddr,
			      .lport = lport,
			      .ifindex = c->opt.ifindex,
			      .optflags = c->opt.flags};
	int err;

	TAPIR_ASSERT(!(c->ep.epflags & TCP_EP_BOUND));
	if (lport == 0)
		lport = port_unused(t);
	else if (port_conflicts(t, &claim))
		return -EADDRINUSE;
	if (lport == 0)
		return -EADDRNOTAVAIL;
	c->ep.tuple.laddr = *laddr;
	c->ep.tuple.lport = lport;
	c->ep.epflags |= TCP_EP_EXPLICIT;
	err = tcp_port_ref(t, &c->ep);
	if (err) {
		c->ep.epflags &= (uint16_t)~TCP_EP_EXPLICIT;
		c->ep.tuple.laddr = (struct tapir_addr){{0}};
		c->ep.tuple.lport = 0;
	}
	return err;
}

int tcp_port_listen(struct tapir *t, const struct tcp_conn *c)
{
	struct claim claim = {.self = &c->ep,
			      .laddr = c->ep.tuple.laddr,
			      .lport = c->ep.tuple.lport,
			      .ifindex = c->opt.ifindex,
			      .optflags = c->opt.flags};

	/* MUST-41: a second listener is refused, whoever listens already is untouched. */
	return listener_conflicts(t->tcp, &claim) ? -EADDRINUSE : 0;
}

/* Whether connect() may use tu: R6056-3, EVT-47, nobody has it, or a TIME-WAIT record gives it up. */
static bool tuple_usable(struct tapir *t, const struct tcp_tuple *tu)
{
	struct tcp_ep *ep;

	/* TC-38: a connection to itself would open simultaneously with itself. */
	if (tu->lport == tu->rport && tapir_addr_eq(&tu->laddr, &tu->raddr))
		return false;
	ep = tcp_demux_find(t, tu);
	return !ep || (ep->kind == TCP_EP_TW && tcp_tw_reuse(t, (struct tcp_tw *)ep));
}

/* RFC 6056 3.3.4's F and G: two hashes of what the local port shall not depend on. */
static void port_hashes(const struct tapir *t, const struct tcp_tuple *tu, uint32_t *offset,
			uint32_t *index)
{
	uint8_t b[38];
	uint64_t h;

	memcpy(b, tu->laddr.b, 16);
	memcpy(b + 16, tu->raddr.b, 16);
	put_be16(b + 32, tu->rport);
	put_be32(b + 34, (uint32_t)(t->now_ns / (PORT_EPOCH_S * UINT64_C(1000000000))));
	h = siphash24(b, sizeof(b), &t->tcp->port_key);
	*offset = (uint32_t)h;
	*index = (uint32_t)(h >> 32) % TCP_PORT_TABLE;
}

int tcp_port_connect(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_tuple tu = c->ep.tuple;
	uint32_t offset, index, n, *count;
	uint16_t min;

	if (c->ep.epflags & TCP_EP_BOUND)
		return tuple_usable(t, &tu) ? 0 : -EADDRNOTAVAIL;

	/* R6056-1, R6056-2: the whole range, from a secret place on. */
	n = range_of(t, &min);
	port_hashes(t, &tu, &offset, &index);
	count = &t->tcp->port_count[index];
	*count += random_below(t, PORT_STEP);
	for (uint32_t i = 0; i < n; i++) {
		tu.lport = (uint16_t)(min + (offset + (*count)++) % n);
		if (port_look(t->tcp, tu.lport)->explicit || !tuple_usable(t, &tu))
			continue;
		c->ep.tuple.lport = tu.lport;
		if (tcp_port_ref(t, &c->ep) == 0)
			return 0;
		c->ep.tuple.lport = 0;
		return -ENOMEM;
	}
	/* TC-59: a clean end, after the whole range and no more. */
	STAT_INC(t, Tapir, EphemeralPortsFull);
	return -EADDRNOTAVAIL;
}
