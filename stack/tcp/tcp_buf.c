/*
 * The memory of an active connection.
 *
 * What is to be sent stands in one ring that begins at SND.UNA. It starts at a page and doubles while
 * the application writes faster than the peer acknowledges, up to a limit that follows the congestion
 * window: twice the window lets the application refill while a window is in flight. The limit is of memory, and is
 * counted as Linux counts it, packet by packet, since programs see when they may write.
 *
 * What arrives goes to its final place at once: the receive buffer is an array of pages, and the byte
 * with sequence number s stands in page (s / TCP_PAGE) mod npages, in order or not. There is nothing
 * to move when a gap fills, and only pages that were written to exist.
 *
 *	rcv_user             rcv_nxt          [ooo)            rcv_nxt + rcv_wnd
 *	   |  readable          |     gap     |####|    gap          |
 *	---+--------+--------+--+-----+-------++---+---+--------+----+----
 *	   |  page  |  page  |  page  | (none) |  page  | (none) |
 *
 * All of it is charged to one account: see tcp_mem.c.
 */
#include "stack/base/bits.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_recovery.h"
#include "stack/tcp/tcp_user.h"

enum {
	SND_RING_MIN = 4096,
	PACKET_HEAD = 832, /* what a packet of Linux's costs beside its text */
	POOL_PAGES = 256,  /* free pages kept */
	RCV_PAGES_MIN = 4,
	MEM_SHARE = TCP_MEM_SHARE,
};

/* ---- sending ---- */

/* What a window may become at any moment: the initial one, or what reordering keeps outstanding. */
static uint64_t snd_floor(const struct tapir *t, const struct tcp_conn *c)
{
	uint64_t mss = tcp_conn_smss(c);

	return max_u64((uint64_t)t->conf.tcp_init_cwnd * mss,
		       ((uint64_t)t->conf.tcp_reordering + 1) * mss);
}

uint32_t tcp_snd_shown(const struct tapir *t, const struct tcp_conn *c)
{
	uint32_t mss = tcp_conn_smss(c);
	/* What a packet of Linux's takes besides its text: headers, and two structs. */
	uint64_t each = roundup_pow2_u32(c->mss + 640u) + 256;
	uint64_t segs = max_u64(c->cc.cwnd, snd_floor(t, c)) / mss;

	return (uint32_t)min_u64(max_u64(2 * segs * each, (uint64_t)t->conf.tcp_wmem_default),
				 (uint64_t)t->conf.tcp_wmem_max);
}

/* The memory that it may cost, as SO_SNDBUF shows it. */
uint32_t tcp_snd_limit(const struct tapir *t, const struct tcp_conn *c)
{
	if (c->opt.sndbuf)
		return (uint32_t)min_u64(2 * (uint64_t)c->opt.sndbuf, INT32_MAX);
	if (tcp_mem_pressed(t))
		return (uint32_t)t->conf.tcp_wmem_default;
	return tcp_snd_shown(t, c);
}

/* TCP_NOTSENT_LOWAT, or its setting; 0: none. */
static uint32_t notsent_lowat(const struct tapir *t, const struct tcp_conn *c)
{
	if (c->opt.notsent_lowat)
		return c->opt.notsent_lowat;
	return t->conf.tcp_notsent_lowat < UINT32_MAX ? (uint32_t)t->conf.tcp_notsent_lowat : 0;
}

static uint32_t unsent(const struct tcp_conn *c)
{
	uint32_t n;

	tcp_user_queued(c, NULL, NULL, &n);
	return n;
}

/*
 * What is queued would cost Linux: its bytes, and a head for each of the packets that hold them. A packet that is not sent
 * yet is filled up to the goal of tcp_push.c; what was sent has one for each segment, or for two where the driver joins them.
 */
static uint64_t snd_cost(const struct tcp_conn *c, uint32_t goal, uint32_t mss)
{
	const struct tcp_act *a = c->act;
	uint32_t left = a ? unsent(c) : 0, sent;
	uint64_t packets;

	if (!a)
		return 0;
	sent = list_empty(&a->recs) ? 0 : a->segs_out;
	packets = goal > mss ? (sent + 1) / 2 : sent;
	packets += (left + goal - 1) / goal;
	return a->snd.len + packets * PACKET_HEAD;
}

/* Bytes that the last packet takes still. */
static uint32_t tail_room(const struct tcp_conn *c, uint32_t goal)
{
	uint32_t end = tcp_snd_end(c), from, held;

	if (!c->act || unsent(c) == 0)
		return 0;
	from = seq_max(c->act->push.tail, c->snd_nxt);
	held = seq_lt(from, end) ? end - from : 0;
	return held && held < goal ? goal - held : 0;
}

uint32_t tcp_snd_charged(struct tapir *t, struct tcp_conn *c)
{
	return (uint32_t)min_u64(snd_cost(c, tcp_goal(t, c), tcp_segment_room(t, c)), UINT32_MAX);
}

uint32_t tcp_windows_left(const struct tcp_conn *c)
{
	uint32_t pipe = c->act ? tcp_pipe(c) : 0;

	return min_u32(tcp_wnd_left(c), c->cc.cwnd > pipe ? c->cc.cwnd - pipe : 0);
}

uint32_t tcp_snd_leaves(const struct tcp_conn *c)
{
	return c->act && unsent(c) ? 0 : tcp_windows_left(c);
}

/*
 * As Linux: a write goes on as long as there is room for another packet, or bytes below the mark wait; then it fills
 * that, and so takes more than there is room for by up to a packet.
 */
uint32_t tcp_snd_room(struct tapir *t, struct tcp_conn *c, uint64_t want)
{
	uint32_t limit = tcp_snd_limit(t, c), low = notsent_lowat(t, c);
	uint32_t mss = tcp_segment_room(t, c), goal = tcp_goal(t, c);
	uint64_t cost = snd_cost(c, goal, mss), room = tail_room(c, goal);
	uint64_t waits = c->act ? unsent(c) : 0, leaves = tcp_snd_leaves(c);

	cost += room;
	waits += room;
	while (room < want && room < INT32_MAX && cost < limit &&
	       (!low || waits - min_u64(waits, leaves) < low)) {
		room += goal;
		waits += goal;
		cost += goal + PACKET_HEAD;
	}
	return (uint32_t)min_u64(min_u64(room, want), INT32_MAX);
}

bool tcp_snd_writable(struct tapir *t, struct tcp_conn *c)
{
	uint32_t limit = tcp_snd_limit(t, c), low = notsent_lowat(t, c);
	uint64_t cost = snd_cost(c, tcp_goal(t, c), tcp_segment_room(t, c));

	/* As Linux: a third of the buffer is free, and less than half of the mark waits. */
	if (low && 2 * (uint64_t)unsent(c) >= low)
		return false;
	return cost < limit && limit - cost >= cost / 2;
}

uint32_t tcp_snd_grow(struct tapir *t, struct tcp_conn *c, uint32_t want)
{
	struct ring *r = &c->act->snd;
	uint32_t cap = r->cap ? r->cap : SND_RING_MIN;
	uint32_t old_cap = r->cap;
	void *mem, *old;

	if (ring_space(r) >= want)
		return want;
	while (cap < r->len + want && cap < UINT32_C(1) << 31)
		cap *= 2;
	/* TC-22: in the last quarter a share and no more. */
	if (cap > MEM_SHARE && tcp_mem_refuses(t, cap))
		cap = MEM_SHARE;
	if (cap <= r->cap || r->kept)
		return min_u32(want, ring_space(r));
	mem = tcp_mem_alloc(t, cap);
	if (!mem)
		return ring_space(r);
	old = ring_relocate(r, mem, cap);
	tcp_mem_free(t, old, old_cap);
	return min_u32(want, ring_space(r));
}

void tcp_snd_free(struct tapir *t, struct tcp_conn *c)
{
	struct ring *r = &c->act->snd;

	tcp_mem_free(t, r->buf, r->cap);
	ring_init(r, NULL, 0);
}

/* ---- receiving ---- */

static uint8_t *page_get(struct tapir *t)
{
	struct tcp_free *p = t->tcp->page_free;

	if (p) {
		t->tcp->page_free = p->next;
		t->tcp->npage_free--;
		return (uint8_t *)p;
	}
	return tcp_mem_alloc(t, TCP_PAGE);
}

static void page_put(struct tapir *t, uint8_t *p)
{
	struct tcp_free *f = (void *)p;

	if (t->tcp->npage_free >= POOL_PAGES) {
		tcp_mem_free(t, p, TCP_PAGE);
		return;
	}
	f->next = t->tcp->page_free;
	t->tcp->page_free = f;
	t->tcp->npage_free++;
}

static uint32_t page_index(const struct tcp_rcvbuf *b, uint32_t seq)
{
	return (seq / TCP_PAGE) & (b->npages - 1);
}

/* Makes the table cover [rcv_user, end). Pages keep their place in sequence space. */
static bool rcv_cover(struct tapir *t, struct tcp_conn *c, uint32_t end)
{
	struct tcp_rcvbuf *b = &c->act->rcv;
	uint32_t first = c->rcv_user / TCP_PAGE;
	uint32_t need = (uint32_t)(end - 1 - first * TCP_PAGE) / TCP_PAGE + 1;
	uint32_t n = b->npages ? b->npages : RCV_PAGES_MIN;
	uint8_t **tab;

	if (need <= b->npages)
		return true;
	while (n < need)
		n *= 2;
	tab = tcp_mem_alloc(t, n * sizeof(*tab));
	if (!tab)
		return false;
	memset(tab, 0, n * sizeof(*tab));
	for (uint32_t i = 0; i < b->npages; i++) {
		uint32_t pg = first + i;

		tab[pg & (n - 1)] = b->page[pg & (b->npages - 1)];
	}
	tcp_mem_free(t, b->page, b->npages * sizeof(*tab));
	b->page = tab;
	b->npages = n;
	return true;
}

bool tcp_rcv_refuses(struct tapir *t, struct tcp_conn *c, uint32_t seq, uint32_t len)
{
	/* As Linux: whoever has nothing to read can always be given something. */
	if ((seq != c->rcv_nxt || c->rcv_user != tcp_rcv_end(c)) && tcp_rcv_too_costly(c))
		return true;
	/* TC-07: of what waits, in order or not, in the last quarter a share and no more. */
	if (seq == c->rcv_nxt && seq + len - c->rcv_user <= MEM_SHARE)
		return false;
	return tcp_mem_refuses(t, TCP_PAGE);
}

bool tcp_rcv_write(struct tapir *t, struct tcp_conn *c, uint32_t seq, const uint8_t *p,
		   uint32_t len)
{
	struct tcp_rcvbuf *b = &c->act->rcv;

	if (!rcv_cover(t, c, seq + len))
		return false;
	while (len > 0) {
		uint32_t off = seq % TCP_PAGE;
		uint32_t n = min_u32(len, TCP_PAGE - off);
		uint8_t **pg = &b->page[page_index(b, seq)];

		if (!*pg) {
			*pg = page_get(t);
			if (!*pg)
				return false;
			b->npages_used++;
		}
		memcpy(*pg + off, p, n);
		seq += n;
		p += n;
		len -= n;
	}
	return true;
}

bool tcp_rcv_store(struct tapir *t, struct tcp_conn *c, uint32_t seq, const uint8_t *p,
		   uint32_t len)
{
	/* TC-42: the first octets to arrive stand. TC-08: each gap is found by halving, however many islands there are. */
	const struct ranges *s = &c->act->ooo;
	uint32_t end = seq + len, at = seq, from, to;

	if (s->n == 0)
		return tcp_rcv_write(t, c, seq, p, len);
	while (ranges_next_gap(s, &at, end, &from, &to)) {
		if (!tcp_rcv_write(t, c, from, p + (from - seq), to - from))
			return false;
	}
	return true;
}

const uint8_t *tcp_rcv_at(const struct tcp_conn *c, uint32_t seq, uint32_t len, uint32_t *n)
{
	const struct tcp_rcvbuf *b = &c->act->rcv;
	uint32_t off = seq % TCP_PAGE;

	*n = min_u32(len, TCP_PAGE - off);
	return b->page[page_index(b, seq)] + off;
}

void tcp_rcv_read(const struct tcp_conn *c, uint32_t seq, uint8_t *dst, uint32_t len)
{
	while (len > 0) {
		uint32_t n;
		const uint8_t *p = tcp_rcv_at(c, seq, len, &n);

		memcpy(dst, p, n);
		dst += n;
		seq += n;
		len -= n;
	}
}

void tcp_rcv_release(struct tapir *t, struct tcp_conn *c, uint32_t from, uint32_t seq)
{
	struct tcp_rcvbuf *b = &c->act->rcv;
	/* The page of seq itself stays: more may arrive in it. Page numbers wrap with the sequence. */
	uint32_t n = (seq / TCP_PAGE - from / TCP_PAGE) & (UINT32_MAX / TCP_PAGE);

	if (n > b->npages)
		n = b->npages;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t **pg = &b->page[(from / TCP_PAGE + i) & (b->npages - 1)];

		if (*pg) {
			page_put(t, *pg);
			*pg = NULL;
			b->npages_used--;
		}
	}
}

void tcp_rcv_drop_ooo(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct tcp_rcvbuf *b = &a->rcv;
	uint32_t end = tcp_rcv_end(c), last, first, n;

	if (a->ooo.n == 0)
		return;
	/* The page of the last byte in order stays. */
	first = end == c->rcv_user ? end / TCP_PAGE
				   : ((end - 1) / TCP_PAGE + 1) & (UINT32_MAX / TCP_PAGE);
	last = a->ooo.r[a->ooo.n - 1].end - 1;
	/* A FIN's octet is no byte of a page, and is forgotten with the others. */
	if (a->fin_seen)
		last = seq_min(last, a->fin_seq - 1);
	a->fin_seen = false;
	last /= TCP_PAGE;
	n = (last - first + 1) & (UINT32_MAX / TCP_PAGE);
	for (uint32_t i = 0; i < n && i < b->npages; i++) {
		uint8_t **pg = &b->page[(first + i) & (b->npages - 1)];

		if (*pg) {
			page_put(t, *pg);
			*pg = NULL;
			b->npages_used--;
		}
	}
	ranges_clear(&a->ooo);
	tcp_ooo_shrink(t, c);
}

bool tcp_ooo_grow(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	uint32_t most = (uint32_t)t->conf.tcp_max_ooo_ranges;
	uint32_t max = min_u32(2 * (uint32_t)a->ooo.max, most), had = a->ooo.max;
	struct seq_range *old, *more;

	if (max <= had)
		return false;
	more = tcp_mem_alloc(t, max * sizeof(*more));
	if (!more)
		return false;
	old = ranges_relocate(&a->ooo, more, (uint16_t)max);
	if (old != a->ooo_mem)
		tcp_mem_free(t, old, had * sizeof(*old));
	return true;
}

void tcp_ooo_shrink(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	uint32_t had = a->ooo.max;
	struct seq_range *old;

	if (a->ooo.r == a->ooo_mem)
		return;
	ranges_clear(&a->ooo);
	old = ranges_relocate(&a->ooo, a->ooo_mem, TCP_OOO_FIRST);
	tcp_mem_free(t, old, had * sizeof(*old));
}

void tcp_rcv_free(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_rcvbuf *b = &c->act->rcv;

	for (uint32_t i = 0; i < b->npages; i++) {
		if (b->page[i])
			page_put(t, b->page[i]);
	}
	tcp_mem_free(t, b->page, b->npages * sizeof(*b->page));
	*b = (struct tcp_rcvbuf){0};
}
