/*
 * Fragments become datagrams again (RFC 791 3.2, RFC 815).
 *
 * Each datagram under way keeps its pieces in an array in order of offset. A piece finds its place by
 * bisection and looks at its two neighbours there: that tells at once whether it is a duplicate, an
 * overlap or new. When the pieces' lengths add up to the end of the last one, there is no hole.
 *
 *	piece   [0,1480)   [1480,2960)   .   [4440,5000)
 *	                               ^ hole: 2960..4440, nobody need write it down
 *
 * Overlap is never innocent (RFC 1858, RFC 3128, RFC 5722): it serves to show one packet to a filter and
 * another to us. So a datagram with an overlap is lost as a whole, and what else comes of it is lost too,
 * until its time is over. A piece that repeats one byte for byte is a duplicate and does no harm.
 *
 * Memory is the other front (Rose, FragmentSmack). Everything is charged at its true size, packet
 * structures and spare capacity included; a tiny piece in a large buffer is moved to a small one. When
 * the limit is reached, something old has to go:
 *
 *	- if one source holds more than a quarter of all: the oldest datagram of the heaviest source
 *	- else the oldest datagram of all
 *
 * The first rule keeps one noisy source from driving out the others; the second lets honest datagrams,
 * whole within milliseconds, outlive a flood from many forged sources, whose pieces only age. Finding
 * the heaviest is a heap's business; all else here is a hash or the head of a list. A
 * datagram's pieces, and a source's datagrams, are bounded besides.
 */
#include <errno.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/hash.h"
#include "stack/base/heap.h"
#include "stack/base/siphash.h"
#include "stack/core/emit.h"
#include "stack/core/random.h"
#include "stack/ip/icmp.h"
#include "stack/ip/ip.h"
#include "stack/ip/ip_state.h"
#include "stack/ip/reass.h"
#include "stack/wire/bytes.h"
#include "stack/wire/cksum.h"
#include "stack/wire/icmp.h"
#include "stack/wire/tcp.h"
#include "stack/wire/udp.h"

#define NS_PER_S UINT64_C(1000000000)

enum {
	FIRST_BUCKETS = 64,
	FIRST_PIECES = 4,
	HEAVY_SHARE = 4,    /* a source above a quarter of the limit pays first */
	SMALL_PIECE = 256,  /* header and bytes up to this are moved ... */
	LARGE_BUFFER = 512, /* ... out of a buffer above this */
	TOTAL_UNKNOWN = UINT32_MAX >> 1,
};

struct piece {
	struct pkt *p; /* data at the piece's bytes, its IP header right below */
	uint32_t off, len;
	bool mf;
};

struct reass_src {
	struct hnode node;
	struct heap_node weight; /* key: UINT64_MAX - bytes */
	struct list datagrams;	 /* oldest first */
	uint64_t bytes;
	uint32_t n;
	uint32_t ip4;
};

struct reass {
	struct hnode node;
	struct list age;    /* all, oldest first */
	struct list of_src; /* the source's, oldest first */
	struct reass_src *from;
	struct timer timer;
	uint32_t src, dst;
	uint16_t id, ifindex;
	uint8_t proto;
	uint8_t dst_kind; /* enum rx_dst */
	uint8_t ecn;	  /* a bit for each ECN codepoint that came (RFC 3168 5.3) */
	uint8_t hdr_len;  /* of the first piece's IP header, once that is there */
	bool dead;	  /* lost already: what else comes is lost too, and for the same reason */
	uint8_t why;	  /* enum drop_reason of that */
	uint16_t flags;	  /* link broadcast and multicast, of any piece */
	uint16_t n, cap;
	uint32_t total; /* bytes of payload, TOTAL_UNKNOWN before the last piece came */
	uint32_t have;
	uint64_t bytes; /* charged */
	struct piece *piece;
};

struct reass_table {
	struct htab tab;     /* struct reass */
	struct htab sources; /* struct reass_src */
	struct heap heavy;
	struct list age;
	struct siphash_key key;
	uint64_t bytes;
};

/* ---- tables ---- */

static uint32_t hash_datagram(const struct reass_table *rt, uint32_t src, uint32_t dst,
			      uint8_t proto, uint16_t id, uint16_t ifindex)
{
	/* CL-09: by a secret key, so that collisions can't be made. */
	return (uint32_t)siphash_2u64((uint64_t)src << 32 | dst,
				      (uint64_t)ifindex << 32 | (uint64_t)proto << 16 | id,
				      &rt->key);
}

static uint32_t hash_source(const struct reass_table *rt, uint32_t ip4)
{
	return (uint32_t)siphash_1u64(ip4, &rt->key);
}

static void table_insert(struct tapir *t, struct htab *tab, struct hnode *n, uint32_t hash)
{
	htab_insert(tab, n, hash);
	if (htab_should_grow(tab)) {
		uint32_t nb = htab_buckets(tab) * 2;
		void *mem = mem_alloc(t, htab_bytes(nb));

		if (mem)
			htab_grow_begin(tab, mem, nb);
	}
}

static void table_retire(struct tapir *t, struct htab *tab)
{
	uint32_t nb;
	void *old = htab_retired(tab, &nb);

	if (old)
		mem_free(t, old, htab_bytes(nb));
}

static void table_remove(struct tapir *t, struct htab *tab, struct hnode *n)
{
	htab_remove(tab, n);
	table_retire(t, tab);
}

/* R791-4: by source, destination, protocol and identification; and by interface. */
static struct reass *find(const struct reass_table *rt, const struct rx *rx, uint32_t hash)
{
	for (struct hnode *h = htab_first(&rt->tab, hash); h; h = htab_next(h)) {
		struct reass *r = container_of(h, struct reass, node);

		if (r->src == rx->ip.src && r->dst == rx->ip.dst && r->proto == rx->ip.proto &&
		    r->id == rx->ip.id && r->ifindex == rx->ifp->ifindex)
			return r;
	}
	return NULL;
}

static struct reass_src *find_source(const struct reass_table *rt, uint32_t ip4)
{
	struct hnode *h = htab_first(&rt->sources, hash_source(rt, ip4));

	for (; h; h = htab_next(h)) {
		struct reass_src *s = container_of(h, struct reass_src, node);

		if (s->ip4 == ip4)
			return s;
	}
	return NULL;
}

static struct reass_src *get_source(struct tapir *t, uint32_t ip4)
{
	struct reass_table *rt = t->ip->reass;
	struct reass_src *s = find_source(rt, ip4);

	if (s)
		return s;
	s = mem_zalloc(t, sizeof(*s));
	if (!s)
		return NULL;
	s->ip4 = ip4;
	list_init(&s->datagrams);
	heap_node_init(&s->weight);
	heap_insert(&rt->heavy, &s->weight, UINT64_MAX);
	table_insert(t, &rt->sources, &s->node, hash_source(rt, ip4));
	return s;
}

static void put_source(struct tapir *t, struct reass_src *s)
{
	struct reass_table *rt = t->ip->reass;

	if (s->n > 0)
		return;
	TAPIR_ASSERT(s->bytes == 0);
	heap_remove(&rt->heavy, &s->weight);
	table_remove(t, &rt->sources, &s->node);
	mem_free(t, s, sizeof(*s));
}

/* ---- accounts ---- */

static void charge(struct tapir *t, struct reass *r, uint64_t bytes)
{
	r->bytes += bytes;
	r->from->bytes += bytes;
	t->ip->reass->bytes += bytes;
	heap_rekey(&t->ip->reass->heavy, &r->from->weight, UINT64_MAX - r->from->bytes);
}

static void discharge(struct tapir *t, struct reass *r, uint64_t bytes)
{
	r->bytes -= bytes;
	r->from->bytes -= bytes;
	t->ip->reass->bytes -= bytes;
	heap_rekey(&t->ip->reass->heavy, &r->from->weight, UINT64_MAX - r->from->bytes);
}

static uint64_t pkt_size(const struct pkt *p)
{
	return sizeof(*p) + p->cap;
}

static uint64_t own_size(void)
{
	return sizeof(struct reass) + sizeof(struct reass_src);
}

/* ---- a datagram's life ---- */

/* Gives up the pieces, and their array; the record stays. */
static void drop_pieces(struct tapir *t, struct reass *r, enum drop_reason reason)
{
	for (unsigned i = 0; i < r->n; i++)
		pkt_drop(r->piece[i].p, reason);
	if (r->piece)
		mem_free(t, r->piece, r->cap * sizeof(*r->piece));
	r->piece = NULL;
	r->n = 0;
	r->cap = 0;
	r->have = 0;
	discharge(t, r, r->bytes - own_size());
}

static void reass_free(struct tapir *t, struct reass *r, enum drop_reason reason)
{
	struct reass_table *rt = t->ip->reass;
	struct reass_src *s = r->from;

	drop_pieces(t, r, reason);
	discharge(t, r, r->bytes);
	timer_stop(t, &r->timer);
	list_del(&r->age);
	list_del(&r->of_src);
	table_remove(t, &rt->tab, &r->node);
	s->n--;
	put_source(t, s);
	mem_free(t, r, sizeof(*r));
}

/* Lost, and remembered as lost until its time is over, so that no later piece starts it anew. */
static void reass_kill(struct tapir *t, struct reass *r, enum drop_reason reason)
{
	STAT_INC(t, Ip, ReasmFails);
	drop_pieces(t, r, reason);
	r->dead = true;
	r->why = (uint8_t)reason;
}

static void evict(struct tapir *t, struct reass *r)
{
	if (!r->dead)
		STAT_INC(t, Ip, ReasmFails);
	reass_free(t, r, DROP_FRAG_LIMIT);
}

/* Who has to go when memory is short: see above. */
static struct reass *victim(const struct tapir *t)
{
	const struct reass_table *rt = t->ip->reass;
	const struct heap_node *top = heap_min(&rt->heavy);
	const struct reass_src *s;

	if (!top)
		return NULL;
	s = container_of(top, struct reass_src, weight);
	if (s->bytes > (uint64_t)t->conf.ipfrag_high_thresh / HEAVY_SHARE)
		return LIST_FIRST(&s->datagrams, struct reass, of_src);
	return LIST_FIRST(&rt->age, struct reass, age);
}

/*
 * R6274-11, R6274-12, CL-07, CL-08: room for `bytes` more. False: there is none without giving up `keep` (which may be
 * NULL), or none at all.
 */
static bool make_room(struct tapir *t, uint64_t bytes, const struct reass *keep)
{
	const struct reass_table *rt = t->ip->reass;
	uint64_t limit = (uint64_t)t->conf.ipfrag_high_thresh;

	while (rt->bytes + bytes > limit) {
		struct reass *v = victim(t);

		STAT_INC(t, Tapir, FragMemFull);
		if (!v || v == keep)
			return false;
		evict(t, v);
	}
	return true;
}

static struct reass *reass_new(struct tapir *t, const struct rx *rx, uint32_t hash)
{
	struct reass_table *rt = t->ip->reass;
	struct reass_src *s = find_source(rt, rx->ip.src);
	struct reass *r;

	if (s && s->n >= (uint32_t)t->conf.ipfrag_max_per_src) {
		STAT_INC(t, Tapir, FragSrcFull);
		evict(t, LIST_FIRST(&s->datagrams, struct reass, of_src));
	}
	if (!make_room(t, own_size() + FIRST_PIECES * sizeof(*r->piece), NULL))
		return NULL;
	r = mem_zalloc(t, sizeof(*r));
	s = r ? get_source(t, rx->ip.src) : NULL;
	if (!s) {
		if (r)
			mem_free(t, r, sizeof(*r));
		return NULL;
	}
	r->from = s;
	r->src = rx->ip.src;
	r->dst = rx->ip.dst;
	r->proto = rx->ip.proto;
	r->id = rx->ip.id;
	r->ifindex = (uint16_t)rx->ifp->ifindex;
	r->dst_kind = (uint8_t)rx->dst_kind;
	r->total = TOTAL_UNKNOWN;
	s->n++;
	list_init(&r->age);
	list_init(&r->of_src);
	list_add_tail(&rt->age, &r->age);
	list_add_tail(&s->datagrams, &r->of_src);
	table_insert(t, &rt->tab, &r->node, hash);
	charge(t, r, own_size());
	/* R1122-88, R1122-89: a constant, from the first piece that came. */
	timer_init(&r->timer, TIMER_REASS);
	timer_set(t, &r->timer, t->now_ns + (uint64_t)t->conf.ipfrag_time_s * NS_PER_S);
	return r;
}

/* Room for one more piece in the array; false: no memory. */
static bool grow_pieces(struct tapir *t, struct reass *r)
{
	uint32_t cap = r->cap ? r->cap * 2u : FIRST_PIECES;
	struct piece *mem;

	if (r->n < r->cap)
		return true;
	mem = mem_alloc(t, cap * sizeof(*mem));
	if (!mem)
		return false;
	if (r->piece) {
		memcpy(mem, r->piece, r->n * sizeof(*mem));
		mem_free(t, r->piece, r->cap * sizeof(*mem));
	}
	charge(t, r, (cap - r->cap) * sizeof(*mem));
	r->piece = mem;
	r->cap = (uint16_t)cap;
	return true;
}

/* ---- a piece's checks ---- */

/* The least header of a transport, all of which the first piece must hold. */
static uint32_t least_header(uint8_t proto)
{
	return proto == IPPROTO_NUM_TCP ? TCP_HLEN : 8;
}

/* What can be judged of a fragment by itself. */
static enum drop_reason check_piece(const struct rx *rx)
{
	uint32_t off = rx->ip.frag_off, len = rx->pkt->len;

	/* R791-5, AM33-17 */
	if (len == 0 || (rx->ip.mf && len % 8 != 0))
		return DROP_FRAG_BAD;
	/* R791-6, CL-01, CL-06, AM33-07 */
	if (off + len + rx->ip.hdr_len > IPV4_LEN_MAX)
		return DROP_FRAG_TOO_BIG;
	/* R1858-1, R3128-1, R6274-7, CL-11: every fragment at offset 0, also a second one. */
	if (off == 0 && len < least_header(rx->ip.proto))
		return DROP_FRAG_TINY;
	if (off == 0 && rx->ip.proto == IPPROTO_NUM_TCP &&
	    (uint32_t)(rx->pkt->data[12] >> 4) * 4 > len)
		return DROP_FRAG_TINY;
	/* R1858-2, CL-12: nobody else writes into the transport's header. */
	if (off != 0 && off < least_header(rx->ip.proto))
		return DROP_FRAG_TINY;
	return DROP_NONE;
}

/* The index of the first piece at or behind off. */
static unsigned place(const struct reass *r, uint32_t off)
{
	unsigned lo = 0, hi = r->n;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (r->piece[mid].off < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Whether the piece fits beside the others at index i: DROP_NONE, DROP_FRAG_DUP for one that is there
 * already, else the reason for which the datagram is lost.
 */
static enum drop_reason check_place(const struct reass *r, const struct piece *n, unsigned i)
{
	uint32_t end = n->off + n->len;

	if (i < r->n && r->piece[i].off == n->off && r->piece[i].len == n->len &&
	    r->piece[i].mf == n->mf && memcmp(r->piece[i].p->data, n->p->data, n->len) == 0)
		return DROP_FRAG_DUP;
	if (i > 0 && r->piece[i - 1].off + r->piece[i - 1].len > n->off)
		return DROP_FRAG_OVERLAP;
	if (i < r->n && r->piece[i].off < end)
		return DROP_FRAG_OVERLAP;
	/* Beyond the end, or a second end. */
	if (end > r->total || (!n->mf && (r->total != TOTAL_UNKNOWN || i < r->n)))
		return DROP_FRAG_OVERLAP;
	return DROP_NONE;
}

/* A small piece in a large buffer: to a small one, header and all. */
static struct pkt *shrink(struct pkt *p, uint32_t hdr_len)
{
	struct pkt *c;

	if (p->cap <= LARGE_BUFFER || hdr_len + p->len > SMALL_PIECE)
		return p;
	c = pkt_alloc(p->t, 0, hdr_len + p->len);
	if (!c)
		return p;
	c->flags = p->flags & (uint16_t)~PKT_RESERVE;
	c->ifindex = p->ifindex;
	c->time_ns = p->time_ns;
	memcpy(pkt_put(c, hdr_len + p->len), p->data - hdr_len, hdr_len + p->len);
	pkt_pull(c, hdr_len);
	pkt_free(p);
	return c;
}

/* ---- the whole ---- */

/* R3168-7: the ECN field of the whole; -1 when the pieces contradict each other. */
static int merge_ecn(uint8_t mask, uint8_t first)
{
	const uint8_t not_ect = 1 << 0, ce = 1 << 3;

	if (mask & ce)
		return mask & not_ect ? -1 : 3;
	return mask & not_ect ? 0 : first & 3;
}

/*
 * All is there, up to the greatest datagram (R1122-86): rx describes the whole, made of received bytes and
 * of these alone (R20-03), for the transport to verify (R6864-7). False: consumed and lost.
 */
static bool complete(struct tapir *t, struct reass *r, struct rx *rx)
{
	uint32_t hlen = r->hdr_len;
	const uint8_t *h = r->piece[0].p->data - hlen;
	int ecn = merge_ecn(r->ecn, h[1]);
	struct pkt *p;
	int n;

	if (ecn < 0) {
		reass_kill(t, r, DROP_FRAG_ECN);
		return false;
	}
	/* R791-6: the first piece's header may be longer than that of the last one, which was judged. */
	if (hlen + r->total > IPV4_LEN_MAX) {
		reass_kill(t, r, DROP_FRAG_TOO_BIG);
		return false;
	}
	p = pkt_alloc(t, PKT_HEADROOM, hlen + r->total);
	if (!p) {
		reass_kill(t, r, DROP_NO_MEMORY);
		return false;
	}
	/* The first piece's header, made that of a whole datagram. */
	memcpy(pkt_put(p, hlen), h, hlen);
	p->data[1] = (uint8_t)((p->data[1] & 0xfc) | ecn);
	put_be16(p->data + 2, (uint16_t)(hlen + r->total));
	put_be16(p->data + 6, 0);
	put_be16(p->data + 10, 0);
	put_be16(p->data + 10, cksum_fold(t->cksum->partial(p->data, hlen, 0)));
	for (unsigned i = 0; i < r->n; i++)
		memcpy(pkt_put(p, r->piece[i].len), r->piece[i].p->data, r->piece[i].len);

	p->flags = (uint16_t)(r->flags | PKT_REASSEMBLED);
	p->ifindex = r->ifindex;
	p->time_ns = t->now_ns;
	n = ipv4_hdr_decode(p->data, p->len, &rx->ip);
	TAPIR_ASSERT(n == (int)hlen);
	rx->pkt = p;
	rx->l3 = p->data;
	rx->l3_len = p->len;
	rx->dst_kind = (enum rx_dst)r->dst_kind;
	pkt_pull(p, hlen);
	STAT_INC(t, Ip, ReasmOKs);
	if (emit_wanted(t)) {
		struct tapir_event ev = emit_begin(t, TAPIR_EV_REASS_DONE, "RFC 791 3.2");

		ev.ifindex = r->ifindex;
		ev.peer.addr = tapir_addr_v4(r->src);
		ev.local.addr = tapir_addr_v4(r->dst);
		ev.u.num.a = r->total;
		ev.u.num.b = r->n;
		emit(t, &ev);
	}
	/* The pieces reached the end of their way: they are not lost. */
	for (unsigned i = 0; i < r->n; i++)
		pkt_free(r->piece[i].p);
	r->n = 0;
	reass_free(t, r, DROP_FRAG_LIMIT);
	return true;
}

/* Puts the piece, which was found to fit, in at index i. */
static void add_piece(struct tapir *t, struct reass *r, const struct rx *rx, struct piece n,
		      unsigned i)
{
	n.p = shrink(n.p, rx->ip.hdr_len);
	memmove(&r->piece[i + 1], &r->piece[i], (r->n - i) * sizeof(n));
	r->piece[i] = n;
	r->n++;
	r->have += n.len;
	r->ecn |= (uint8_t)(1 << (rx->ip.tos & 3));
	r->flags |= n.p->flags & (PKT_L2_BROADCAST | PKT_L2_MULTICAST);
	if (n.off == 0)
		r->hdr_len = rx->ip.hdr_len;
	if (!n.mf)
		r->total = n.off + n.len;
	charge(t, r, pkt_size(n.p));
}

static bool lose(struct rx *rx, enum drop_reason reason)
{
	rx->ifp->rx_drops++;
	pkt_drop(rx->pkt, reason);
	return false;
}

bool reass_input(struct tapir *t, struct rx *rx)
{
	struct reass_table *rt = t->ip->reass;
	struct piece n = {rx->pkt, rx->ip.frag_off, rx->pkt->len, rx->ip.mf};
	uint32_t hash = hash_datagram(rt, rx->ip.src, rx->ip.dst, rx->ip.proto, rx->ip.id,
				      (uint16_t)rx->ifp->ifindex);
	struct reass *r = find(rt, rx, hash);
	enum drop_reason why = check_piece(rx);
	unsigned i;

	STAT_INC(t, Ip, ReasmReqds);
	if (why != DROP_NONE) {
		/* CL-01: a datagram that would be too long is none. */
		if (r && !r->dead && why == DROP_FRAG_TOO_BIG)
			reass_kill(t, r, why);
		return lose(rx, why);
	}
	if (r && r->dead)
		return lose(rx, (enum drop_reason)r->why);
	if (!r && !(r = reass_new(t, rx, hash)))
		return lose(rx, DROP_FRAG_LIMIT);

	i = place(r, n.off);
	why = check_place(r, &n, i);
	if (why == DROP_FRAG_DUP) /* CL-31: it changes nothing, not even the time */
		return lose(rx, why);
	if (why == DROP_FRAG_OVERLAP) {
		/* R1858-2, R3128-1, CL-02, CL-03, CL-04, CL-05, CL-10 */
		STAT_INC(t, IpExt, ReasmOverlaps);
		reass_kill(t, r, why);
		return lose(rx, why);
	}
	if (r->n >= t->conf.ipfrag_max_frags || !make_room(t, pkt_size(n.p), r)) {
		reass_kill(t, r, DROP_FRAG_LIMIT);
		return lose(rx, DROP_FRAG_LIMIT);
	}
	if (!grow_pieces(t, r)) {
		reass_kill(t, r, DROP_NO_MEMORY);
		return lose(rx, DROP_NO_MEMORY);
	}
	add_piece(t, r, rx, n, i);
	/* R791-7, R815-1: no two overlap, so equal sums mean that nothing is missing. */
	return r->have == r->total && complete(t, r, rx);
}

void reass_timer(struct tapir *t, struct timer *tm)
{
	struct reass *r = container_of(tm, struct reass, timer);

	if (!r->dead) {
		STAT_INC(t, Ip, ReasmTimeout);
		STAT_INC(t, Ip, ReasmFails);
	}
	/* R1122-88: said once, to who sent the first piece. */
	if (r->n > 0 && r->piece[0].off == 0) {
		struct pkt *p = r->piece[0].p;
		struct rx rx = {
			.pkt = p,
			.ifp = netif_get(t, r->ifindex),
			.l3 = p->data - r->hdr_len,
			.l3_len = p->len + r->hdr_len,
			.dst_kind = (enum rx_dst)r->dst_kind,
			.looped = r->ifindex == TAPIR_LOOPBACK,
		};

		if (ipv4_hdr_decode_quoted(rx.l3, rx.l3_len, &rx.ip) > 0)
			icmp_send_error(t, &rx, ICMP_TIME_EXCEEDED, ICMP_TIMEX_REASS, 0);
	}
	reass_free(t, r, DROP_FRAG_TIMEOUT);
}

void reass_flush(struct tapir *t, int ifindex)
{
	struct reass *r, *next;

	LIST_FOREACH_SAFE (r, next, &t->ip->reass->age, struct reass, age) {
		if (r->ifindex == ifindex)
			reass_free(t, r, DROP_IF_DOWN);
	}
}

static void table_fini(struct tapir *t, struct htab *tab)
{
	htab_grow_finish(tab);
	table_retire(t, tab);
	mem_free(t, tab->b, htab_bytes(htab_buckets(tab)));
}

int reass_init(struct tapir *t)
{
	struct reass_table *rt = mem_zalloc(t, sizeof(*rt));
	void *a = rt ? mem_alloc(t, htab_bytes(FIRST_BUCKETS)) : NULL;
	void *b = a ? mem_alloc(t, htab_bytes(FIRST_BUCKETS)) : NULL;

	if (!b) {
		if (a)
			mem_free(t, a, htab_bytes(FIRST_BUCKETS));
		if (rt)
			mem_free(t, rt, sizeof(*rt));
		return -ENOMEM;
	}
	htab_init(&rt->tab, a, FIRST_BUCKETS);
	htab_init(&rt->sources, b, FIRST_BUCKETS);
	heap_init(&rt->heavy);
	list_init(&rt->age);
	random_bytes(t, &rt->key, sizeof(rt->key));
	t->ip->reass = rt;
	return 0;
}

void reass_fini(struct tapir *t)
{
	struct reass_table *rt = t->ip->reass;

	if (!rt)
		return;
	while (!list_empty(&rt->age))
		reass_free(t, LIST_FIRST(&rt->age, struct reass, age), DROP_IF_DOWN);
	table_fini(t, &rt->tab);
	table_fini(t, &rt->sources);
	mem_free(t, rt, sizeof(*rt));
	t->ip->reass = NULL;
}

void reass_check(struct tapir *t)
{
	const struct reass_table *rt = t->ip->reass;
	struct reass *r;
	uint64_t all = 0;
	uint32_t n = 0;

	LIST_FOREACH (r, &rt->age, struct reass, age) {
		uint64_t bytes = own_size() + r->cap * sizeof(*r->piece);
		uint32_t have = 0;

		for (unsigned i = 0; i < r->n; i++) {
			const struct piece *a = &r->piece[i];

			bytes += pkt_size(a->p);
			have += a->len;
			TAPIR_ASSERT(a->p->len == a->len && a->off + a->len <= r->total);
			TAPIR_ASSERT(i == 0 || a[-1].off + a[-1].len <= a->off);
		}
		TAPIR_ASSERT(bytes == r->bytes && have == r->have && have < r->total);
		TAPIR_ASSERT(r->n <= r->cap && (!r->dead || r->n == 0));
		TAPIR_ASSERT(timer_armed(&r->timer));
		all += bytes;
		n++;
	}
	TAPIR_ASSERT(all == rt->bytes && n == rt->tab.n);
	TAPIR_ASSERT(heap_count(&rt->heavy) == rt->sources.n);
}
