/*
 * Packet memory.
 *
 * A packet is one allocation: the struct, then its bytes. Two sizes cover nearly all traffic and are
 * kept for reuse (last freed, first used, still warm); anything larger goes back to the environment at
 * once.
 *
 *	small   headers and a little data: ACK, RST, ARP, ICMP
 *	large   a full Ethernet frame
 *	other   reassembled datagrams, super-segments: exact size, never kept
 *
 * All of it, kept packets included, counts against net.tapir.pkt_max_bytes. At that limit kept ones
 * are given back first. A handful of small packets are set aside when the instance is made: the
 * reserve, from which ACK, RST, ARP and ICMP come when everything else is used up, and to which these
 * return. Without it a stack drowned in data could not even acknowledge the data that would drain it.
 */
#include <errno.h>
#include <string.h>

#include "stack/core/emit.h"
#include "stack/core/pktq.h"

enum {
	SMALL_CAP = PKT_HEADROOM + 128,
	LARGE_CAP = PKT_HEADROOM + 1664, /* a frame of 1518 bytes, with room to pad and tag */
	SMALL_KEEP = 256,
	LARGE_KEEP = 256,
	RESERVE = 32,
};

void pktq_init(struct pktq *q)
{
	*q = (struct pktq){0};
}

void pktq_push(struct pktq *q, struct pkt *p)
{
	p->next = NULL;
	if (q->tail)
		q->tail->next = p;
	else
		q->head = p;
	q->tail = p;
	q->n++;
	q->bytes += pkt_wire_len(p);
}

struct pkt *pktq_pop(struct pktq *q)
{
	struct pkt *p = q->head;

	if (!p)
		return NULL;
	q->head = p->next;
	if (!q->head)
		q->tail = NULL;
	p->next = NULL;
	q->n--;
	q->bytes -= pkt_wire_len(p);
	return p;
}

void pktq_flush(struct pktq *q, enum drop_reason reason)
{
	struct pkt *p;

	while ((p = pktq_pop(q)))
		pkt_drop(p, reason);
}

static void release(struct tapir *t, struct pkt *p)
{
	size_t size = sizeof(*p) + p->cap;

	t->pool.bytes -= size;
	mem_free(t, p, size);
}

static void release_list(struct tapir *t, struct pkt **list, uint32_t *n)
{
	while (*list) {
		struct pkt *p = *list;

		*list = p->next;
		release(t, p);
	}
	*n = 0;
}

/* Fresh memory within the limit; kept packets go first when the limit is met. */
static struct pkt *obtain(struct tapir *t, size_t cap)
{
	size_t size = sizeof(struct pkt) + cap;
	uint64_t max = (uint64_t)t->conf.pkt_max_bytes;
	struct pkt *p;

	if (t->pool.bytes + size > max) {
		release_list(t, &t->pool.small, &t->pool.nsmall);
		release_list(t, &t->pool.large, &t->pool.nlarge);
		if (t->pool.bytes + size > max) {
			STAT_INC(t, Tapir, PktMemFull);
			return NULL;
		}
	}
	p = mem_alloc(t, size);
	if (!p)
		return NULL;
	t->pool.bytes += size;
	t->pool.limit = max;
	p->cap = (uint32_t)cap;
	return p;
}

static struct pkt *take(struct pkt **list, uint32_t *n)
{
	struct pkt *p = *list;

	if (p) {
		*list = p->next;
		(*n)--;
	}
	return p;
}

/* A packet as new, whatever it was before: only its capacity survives. */
static struct pkt *fresh(struct tapir *t, struct pkt *p, size_t headroom)
{
	uint32_t cap = p->cap;

	memset(p, 0, sizeof(*p));
	p->t = t;
	p->cap = cap;
	p->buf = (uint8_t *)(p + 1);
	p->data = p->buf + headroom;
	return p;
}

struct pkt *pkt_alloc(struct tapir *t, size_t headroom, size_t room)
{
	struct pkt_pool *pool = &t->pool;
	struct pkt *p;

	if (room > PKT_MAX_LEN || headroom > PKT_MAX_LEN)
		return NULL;
	if (headroom + room <= SMALL_CAP) {
		p = take(&pool->small, &pool->nsmall);
		if (!p)
			p = obtain(t, SMALL_CAP);
	} else if (headroom + room <= LARGE_CAP) {
		p = take(&pool->large, &pool->nlarge);
		if (!p)
			p = obtain(t, LARGE_CAP);
	} else {
		p = obtain(t, headroom + room);
	}
	return p ? fresh(t, p, headroom) : NULL;
}

struct pkt *pkt_alloc_reserve(struct tapir *t)
{
	struct pkt *p = pkt_alloc(t, PKT_HEADROOM, SMALL_CAP - PKT_HEADROOM);

	if (p)
		return p;
	p = take(&t->pool.reserve, &t->pool.nreserve);
	if (!p)
		return NULL;
	p = fresh(t, p, PKT_HEADROOM);
	p->flags = PKT_RESERVE;
	return p;
}

struct pkt *tapir_pkt_alloc(struct tapir *t, size_t room)
{
	return pkt_alloc(t, PKT_HEADROOM, room);
}

void tapir_pkt_free(struct pkt *p)
{
	if (p)
		pkt_free(p);
}

/* Lets go of a borrowed ring; the last borrower of a ring whose connection is gone frees it. */
static void unpin(struct pkt *p)
{
	struct tcp_ring_pin *pin = p->pin;

	p->pin = NULL;
	p->nspan = 0;
	if (!pin)
		return;
	TAPIR_ASSERT(pin->pins > 0);
	pin->pins--;
	if (pin->pins == 0 && pin->orphaned) {
		/* The pin may lie within the memory that it guards. */
		uint8_t *buf = pin->buf;
		size_t size = pin->size;

		mem_free(p->t, buf, size);
	}
}

struct pkt_charge *pkt_charge_new(struct tapir *t)
{
	return mem_zalloc(t, sizeof(struct pkt_charge));
}

void pkt_charge_end(struct tapir *t, struct pkt_charge *c)
{
	if (!c)
		return;
	if (c->npkt > 0)
		c->orphaned = true;
	else
		mem_free(t, c, sizeof(*c));
}

void pkt_charge_to(struct pkt *p, struct pkt_charge *c)
{
	TAPIR_ASSERT(!p->charge);
	if (!c)
		return;
	p->charge = c;
	c->bytes += pkt_truesize(p);
	c->npkt++;
}

static void uncharge(struct pkt *p)
{
	struct pkt_charge *c = p->charge;

	p->charge = NULL;
	if (!c)
		return;
	TAPIR_ASSERT(c->npkt > 0 && c->bytes >= pkt_truesize(p));
	c->npkt--;
	c->bytes -= pkt_truesize(p);
	if (c->npkt == 0 && c->orphaned)
		mem_free(p->t, c, sizeof(*c));
}

void pkt_free(struct pkt *p)
{
	struct tapir *t = p->t;
	struct pkt_pool *pool = &t->pool;

	unpin(p);
	uncharge(p);
	if ((p->flags & PKT_RESERVE) && pool->nreserve < RESERVE) {
		p->next = pool->reserve;
		pool->reserve = p;
		pool->nreserve++;
	} else if (p->cap == SMALL_CAP && pool->nsmall < SMALL_KEEP) {
		p->next = pool->small;
		pool->small = p;
		pool->nsmall++;
	} else if (p->cap == LARGE_CAP && pool->nlarge < LARGE_KEEP) {
		p->next = pool->large;
		pool->large = p;
		pool->nlarge++;
	} else {
		release(t, p);
	}
}

void pkt_drop(struct pkt *p, enum drop_reason reason)
{
	struct tapir *t = p->t;

	TAPIR_ASSERT(reason > DROP_NONE && reason < DROP_COUNT);
	t->stats.drop[reason]++;
	if (emit_wanted(t)) {
		struct tapir_event ev = emit_begin(t, TAPIR_EV_PKT_DROP, tapir_drop_source(reason));

		ev.ifindex = p->ifindex;
		ev.u.drop.reason = reason;
		ev.u.drop.len = pkt_wire_len(p);
		emit(t, &ev);
	}
	pkt_free(p);
}

struct pkt *pkt_copy(const struct pkt *p)
{
	size_t headroom = pkt_headroom(p);
	struct pkt *c = pkt_alloc(p->t, headroom, max_size(pkt_wire_len(p), pkt_tailroom(p)));

	if (!c)
		return NULL;
	c->ifindex = p->ifindex;
	c->flags = p->flags & (uint16_t)~PKT_RESERVE;
	c->loop_ifindex = p->loop_ifindex;
	c->gso_size = p->gso_size;
	c->gso_type = p->gso_type;
	c->csum_start = p->csum_start;
	c->csum_offset = p->csum_offset;
	c->time_ns = p->time_ns;
	memcpy(pkt_put(c, p->len), p->data, p->len);
	for (unsigned i = 0; i < p->nspan; i++)
		memcpy(pkt_put(c, p->span[i].len), p->span[i].p, p->span[i].len);
	return c;
}

int pkt_own(struct pkt **p)
{
	struct pkt *c;

	if ((*p)->nspan == 0)
		return 0;
	c = pkt_copy(*p);
	if (!c)
		return -ENOMEM;
	pkt_free(*p);
	*p = c;
	return 0;
}

void pkt_pull(struct pkt *p, uint32_t n)
{
	TAPIR_ASSERT(n <= p->len);
	p->data += n;
	p->len -= n;
}

uint8_t *pkt_push(struct pkt *p, uint32_t n)
{
	TAPIR_ASSERT(n <= pkt_headroom(p));
	p->data -= n;
	p->len += n;
	return p->data;
}

uint8_t *pkt_put(struct pkt *p, uint32_t n)
{
	uint8_t *at = p->data + p->len;

	TAPIR_ASSERT(n <= pkt_tailroom(p));
	p->len += n;
	return at;
}

void pkt_trim(struct pkt *p, uint32_t n)
{
	TAPIR_ASSERT(n <= p->len && p->nspan == 0);
	p->len = n;
}

int pkt_pool_init(struct tapir *t)
{
	t->pool = (struct pkt_pool){0};
	while (t->pool.nreserve < RESERVE) {
		struct pkt *p = obtain(t, SMALL_CAP);

		if (!p)
			return -ENOMEM;
		p->next = t->pool.reserve;
		t->pool.reserve = p;
		t->pool.nreserve++;
	}
	return 0;
}

void pkt_pool_fini(struct tapir *t)
{
	release_list(t, &t->pool.small, &t->pool.nsmall);
	release_list(t, &t->pool.large, &t->pool.nlarge);
	release_list(t, &t->pool.reserve, &t->pool.nreserve);
}
