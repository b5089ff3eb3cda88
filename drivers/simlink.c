/*
 * The simulated link: what happens to a frame on its way is simlink_path.c's affair.
 *
 * A frame taken from an instance is decided upon once, when it is taken: each rule draws from the
 * link's own generator, in the order of this file, so that a run depends on the seed and on what was
 * sent when, and on nothing else. A rule that is off (0) draws nothing: switching one on does not shift the
 * luck of frames before.
 *
 *	taken -> MTU -> burst loss -> loss -> queue and rate -> { delay, jitter } -> corrupt -> heap
 *	                                                    \-> the same again for a duplicate
 *
 * What is on its way lies in a binary heap by (arrival, number of entry): equal times arrive in the order
 * in which they were taken. Entries are packets of the receiver, so that its own memory limit counts
 * them; without memory a frame is lost, which a real wire does as well.
 */
#include <errno.h>
#include <string.h>

#include "drivers/simlink_path.h"
#include "stack/netif.h"

enum { BATCH = 64, HEAP_FIRST = 256, ETH_HEADER = 14, ETHERTYPE_AT = 12, IPV4_HEADER = 20 };

struct flight {
	uint64_t arrives_ns, order;
	struct pkt *p;
	uint32_t to; /* port */
};

struct port {
	struct tapir *t; /* NULL: pulled out */
	int ifindex;
	bool ether;
	bool blocked; /* backpressure: frames wait for room */
	struct simpath path;
};

struct simlink {
	struct tapir_env env;
	uint64_t rng;
	void (*see)(void *ctx, const struct simlink_frame *f);
	void *see_ctx;
	uint64_t now_ns;
	struct flight *heap;
	size_t n, cap;
	uint64_t next_order;
	uint32_t nports;
	struct port port[SIMLINK_PORTS_MAX];
};

static bool earlier(const struct flight *a, const struct flight *b)
{
	return a->arrives_ns < b->arrives_ns ||
	       (a->arrives_ns == b->arrives_ns && a->order < b->order);
}

static bool heap_grow(struct simlink *l)
{
	size_t cap = l->cap ? 2 * l->cap : HEAP_FIRST;
	struct flight *heap = l->env.alloc(l->env.ctx, cap * sizeof(*heap));

	if (!heap)
		return false;
	if (l->heap) {
		memcpy(heap, l->heap, l->n * sizeof(*heap));
		l->env.free(l->env.ctx, l->heap, l->cap * sizeof(*heap));
	}
	l->heap = heap;
	l->cap = cap;
	return true;
}

static bool heap_push(struct simlink *l, const struct flight *f)
{
	size_t i = l->n;

	if (l->n == l->cap && !heap_grow(l))
		return false;
	l->n++;
	while (i > 0 && earlier(f, &l->heap[(i - 1) / 2])) {
		l->heap[i] = l->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	l->heap[i] = *f;
	return true;
}

/* Moves the entry at i down to where it belongs. */
static void heap_sink(struct simlink *l, size_t i)
{
	struct flight f = l->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= l->n)
			break;
		if (child + 1 < l->n && earlier(&l->heap[child + 1], &l->heap[child]))
			child++;
		if (!earlier(&l->heap[child], &f))
			break;
		l->heap[i] = l->heap[child];
		i = child;
	}
	l->heap[i] = f;
}

static struct flight heap_pop(struct simlink *l)
{
	struct flight first = l->heap[0];

	l->heap[0] = l->heap[--l->n];
	if (l->n > 0)
		heap_sink(l, 0);
	return first;
}

struct simlink *simlink_create(const struct tapir_env *env, uint64_t seed)
{
	struct simlink *l = env->alloc(env->ctx, sizeof(*l));

	if (!l)
		return NULL;
	memset(l, 0, sizeof(*l));
	l->env = *env;
	l->rng = seed;
	return l;
}

void simlink_destroy(struct simlink *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		tapir_pkt_free(l->heap[i].p);
	if (l->heap)
		l->env.free(l->env.ctx, l->heap, l->cap * sizeof(*l->heap));
	l->env.free(l->env.ctx, l, sizeof(*l));
}

int simlink_attach(struct simlink *l, struct tapir *t, int ifindex)
{
	struct tapir_netif_info info;
	struct port *port;
	bool ether;

	if (tapir_netif_info(t, ifindex, &info) < 0)
		return -ENODEV;
	ether = info.conf.type == TAPIR_NETIF_ETHER;
	if (info.conf.type == TAPIR_NETIF_LOOP || info.conf.offload != 0 ||
	    (l->nports > 0 && ether != l->port[0].ether))
		return -EINVAL;
	if (l->nports == SIMLINK_PORTS_MAX)
		return -ENOSPC;
	port = &l->port[l->nports];
	port->t = t;
	port->ifindex = ifindex;
	port->ether = ether;
	return (int)l->nports++;
}

void simlink_detach(struct simlink *l, int port)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->heap[i].to == (uint32_t)port)
			tapir_pkt_free(l->heap[i].p);
		else
			l->heap[kept++] = l->heap[i];
	}
	l->n = kept;
	for (size_t i = kept / 2; i-- > 0;)
		heap_sink(l, i);
	l->port[port].t = NULL;
	l->port[port].blocked = false;
}

void simlink_set(struct simlink *l, int port, const struct simlink_conf *conf)
{
	l->port[port].path.conf = *conf;
	l->port[port].blocked = false;
}

void simlink_observe(struct simlink *l, void (*see)(void *ctx, const struct simlink_frame *f),
		     void *ctx)
{
	l->see = see;
	l->see_ctx = ctx;
}

static void show(struct simlink *l, uint32_t port, bool arrives, const struct pkt *p)
{
	struct simlink_frame f = {
		.port = (int)port,
		.arrives = arrives,
		.time_ns = l->now_ns,
		.p = p->data,
		.len = p->len,
	};

	if (l->see)
		l->see(l->see_ctx, &f);
}

/* The frame's bytes, spans and all, as a packet of t. NULL without memory. */
static struct pkt *copy_for(struct tapir *t, const struct pkt *p)
{
	struct pkt *copy = tapir_pkt_alloc(t, pkt_wire_len(p));

	if (!copy)
		return NULL;
	memcpy(copy->data, p->data, p->len);
	copy->len = p->len;
	for (unsigned i = 0; i < p->nspan; i++) {
		memcpy(copy->data + copy->len, p->span[i].p, p->span[i].len);
		copy->len += p->span[i].len;
	}
	return copy;
}

/* Where the IP packet is within a frame: *off and its length, 0 when there is none. */
static uint32_t ip_part(const struct port *port, const struct pkt *p, uint32_t *off)
{
	uint32_t len, total;

	*off = port->ether ? ETH_HEADER : 0;
	if (p->len < *off + IPV4_HEADER)
		return 0;
	if (port->ether && (p->data[ETHERTYPE_AT] != 0x08 || p->data[ETHERTYPE_AT + 1] != 0x00))
		return 0;
	len = p->len - *off;
	total = (uint32_t)p->data[*off + 2] << 8 | p->data[*off + 3];
	return total >= IPV4_HEADER && total < len ? total : len;
}

static void corrupt(struct simlink *l, struct port *from, struct pkt *p)
{
	uint32_t off, len = ip_part(from, p, &off);

	if (simpath_chance(&l->rng, from->path.conf.corrupt_ppm) && len > 0) {
		uint32_t bit = simpath_below(&l->rng, 8 * len);

		p->data[off + bit / 8] ^= (uint8_t)(1u << (bit % 8));
		from->path.stats.corrupted++;
	}
	if (simpath_chance(&l->rng, from->path.conf.corrupt_many_ppm) && len > 0) {
		uint32_t n = 2 + simpath_below(&l->rng, 15);

		for (uint32_t i = 0; i < n; i++)
			p->data[off + simpath_below(&l->rng, len)] = (uint8_t)simpath_draw(&l->rng);
		from->path.stats.corrupted++;
	}
}

/* Sends one copy on its way to every other port; `leaves_ns`: its last bit is out. */
static void launch(struct simlink *l, uint32_t from_port, const struct pkt *p, uint64_t leaves_ns,
		   bool mark)
{
	struct port *from = &l->port[from_port];
	uint64_t at = simpath_arrival(&from->path, &l->rng, leaves_ns);

	for (uint32_t to = 0; to < l->nports; to++) {
		struct flight f = {.arrives_ns = at, .to = to};
		uint32_t off, len;

		if (to == from_port || !l->port[to].t)
			continue;
		f.order = l->next_order++;
		f.p = copy_for(l->port[to].t, p);
		if (!f.p) {
			from->path.stats.lost_memory++;
			continue;
		}
		if (mark && (len = ip_part(from, f.p, &off)) > 0 &&
		    simpath_mark_ip4(f.p->data + off, len))
			from->path.stats.marked++;
		corrupt(l, from, f.p);
		if (!heap_push(l, &f)) {
			tapir_pkt_free(f.p);
			from->path.stats.lost_memory++;
		}
	}
}

static void take(struct simlink *l, uint32_t from_port, const struct pkt *p)
{
	struct port *from = &l->port[from_port];
	uint32_t len = pkt_wire_len(p);
	bool mark = simpath_marks(&from->path, l->now_ns);
	uint64_t leaves_ns;

	if (!simpath_enter(&from->path, &l->rng, l->now_ns, len,
			   len - (from->ether ? ETH_HEADER : 0), &leaves_ns))
		return;
	launch(l, from_port, p, leaves_ns, mark);
	if (simpath_doubles(&from->path, &l->rng))
		launch(l, from_port, p, leaves_ns, mark);
}

/* An observer sees flat bytes; a frame with spans is shown by way of a copy. */
static void show_taken(struct simlink *l, uint32_t port, const struct pkt *p)
{
	struct pkt *flat;

	if (!l->see)
		return;
	if (p->nspan == 0) {
		show(l, port, false, p);
		return;
	}
	flat = copy_for(l->port[port].t, p);
	if (flat)
		show(l, port, false, flat);
	tapir_pkt_free(flat);
}

/* Takes what the instance at a port wants to send. */
static size_t take_all(struct simlink *l, uint32_t port)
{
	struct port *from = &l->port[port];
	const struct pkt *pkts[BATCH];
	size_t taken = 0, n, i;

	from->blocked = false;
	while ((n = tapir_tx_peek(from->t, from->ifindex, pkts, BATCH)) > 0) {
		for (i = 0; i < n; i++) {
			from->blocked = from->path.conf.backpressure &&
					simpath_full(&from->path, l->now_ns, pkt_wire_len(pkts[i]));
			if (from->blocked)
				break;
			show_taken(l, port, pkts[i]);
			take(l, port, pkts[i]);
		}
		if (i > 0)
			tapir_tx_done(from->t, from->ifindex, i);
		taken += i;
		if (from->blocked)
			break;
	}
	return taken;
}

size_t simlink_step(struct simlink *l, uint64_t now_ns)
{
	size_t moved = 0;

	if (now_ns > l->now_ns)
		l->now_ns = now_ns;
	while (l->n > 0 && l->heap[0].arrives_ns <= l->now_ns) {
		struct flight f = heap_pop(l);
		struct port *to = &l->port[f.to];

		show(l, f.to, true, f.p);
		to->path.stats.delivered++;
		tapir_input(to->t, to->ifindex, f.p);
		moved++;
	}
	for (uint32_t i = 0; i < l->nports; i++) {
		if (l->port[i].t)
			moved += take_all(l, i);
	}
	return moved;
}

uint64_t simlink_next_deadline(const struct simlink *l)
{
	uint64_t next = l->n > 0 ? l->heap[0].arrives_ns : TAPIR_NEVER;

	for (uint32_t i = 0; i < l->nports; i++) {
		const struct simpath *p = &l->port[i].path;

		/* A blocked port is looked at again when its queue is half empty: not for every frame. */
		if (l->port[i].blocked) {
			uint64_t half =
				p->conf.queue_bytes / 2 * UINT64_C(8000000000) / p->conf.rate_bps;
			uint64_t at = p->free_ns > half ? p->free_ns - half : 0;

			if (at <= l->now_ns)
				at = l->now_ns + 1000;
			next = at < next ? at : next;
		}
	}
	return next;
}

const struct simlink_stats *simlink_stats_of(const struct simlink *l, int port)
{
	return &l->port[port].path.stats;
}

size_t simlink_in_flight(const struct simlink *l)
{
	return l->n;
}
