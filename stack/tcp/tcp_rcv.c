/*
 * The receiver: how much to offer, and when to acknowledge. Both as Linux 6 does it, since peers are tuned to that.
 *
 * The window. A buffer of tcp_rmem[1] bytes, or SO_RCVBUF, is counted with its overhead: half of it
 * is window, until a segment larger than any before shows how much of the memory that it takes
 * is text. We have no such overhead, but the peer sees the window, and when an ACK goes depends on it; so each
 * segment is charged with what Linux's packet would take (packet_cost()). What is offered stays below three bounds:
 *
 *	free space   what the program has not read takes room
 *	rcv_clamp    the buffer less one segment, which the program's own reading may lag behind
 *	rcv_ssthresh begins with the window of the SYN and grows by two segments for each one that wastes no memory, so
 *	             that a peer is trusted with a large window only as it fills it with full segments
 *
 * The edge never moves back (RFC 9293 3.8.6, SHLD-14), and forward by worthwhile steps (3.8.6.2.2). The buffer grows
 * with what the program reads in a round trip (dynamic right-sizing): twice that, more while it still
 * accelerates, up to tcp_rmem[2].
 *
 * Acknowledgments (RFC 9293 3.8.6.3, RFC 5681 4.2). Quick mode answers each segment: at the start, after
 * an idle RTO, after a duplicate or a mark of congestion, for up to 16 ACKs or half of the window; it serves
 * slow start. Pingpong mode is the opposite: who was seen to answer soon after something came lets the ACK
 * ride on the answer. In between an ACK waits for the second full segment, or for the ATO: an estimate
 * of the time between segments, at least 40 ms, doubled when it was waited for in vain, at most 200 ms or a
 * round trip.
 */
#include "stack/base/bits.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"

enum {
	US = 1000,
	MS = 1000000,
	TICK_US = 1000,
	GROW_MIN = 128, /* segments smaller than this earn no window */
	RATIO_UNIT = 256,
	CLAMP_LEAST = 1152,
	/* Linux's packet: its struct; room before the headers; what stands behind the text; the smallest buffer. */
	PACKET_STRUCT = 256,
	PACKET_PAD = 64,
	PACKET_TAIL = 320,
	PACKET_HEAD = 576,
	PACKET_PAGE = 4096,
	PACKET_JOINED = PACKET_PAGE - PACKET_TAIL, /* text of a page, when small ones were joined */
	MSS_LEAST = 88,
	DUPS_AT_ONCE = 3,    /* the duplicate ACKs by which a loss is seen (RFC 5681 3.2) */
	BLOCKS_EXPECTED = 2, /* so many SACK blocks of an ACK are sure to be read: ACKs get lost */
};

/* ---- space ---- */

uint32_t tcp_win_from_space(uint64_t space)
{
	/* As Linux since 6.6: a half, whatever tcp_adv_win_scale says. */
	return (uint32_t)min_u64(space / 2, INT32_MAX);
}

static uint32_t win_from(const struct tcp_conn *c, uint64_t space)
{
	return (uint32_t)min_u64(space * c->rcv_ratio / RATIO_UNIT, INT32_MAX);
}

/* The other way round: how much buffer a window needs. */
static uint64_t space_from_win(const struct tcp_conn *c, uint64_t win)
{
	return win * RATIO_UNIT / c->rcv_ratio;
}

/* What a packet of `len` bytes would take of a buffer of Linux's; *room: bytes that still fit into it. */
static uint32_t packet_cost(uint32_t len, uint32_t *room)
{
	uint32_t need = len + PACKET_PAD + PACKET_TAIL, have = PACKET_HEAD;

	*room = 0;
	if (need > PACKET_PAGE)
		return (need + PACKET_PAGE - 1) / PACKET_PAGE * PACKET_PAGE + PACKET_STRUCT;
	if (need > have)
		have = max_u32(roundup_pow2_u32(need), 1024);
	*room = have - need;
	return have + PACKET_STRUCT;
}

/* What `n` bytes would take when they were copied together, page by page. */
static uint64_t joined_cost(uint32_t n)
{
	uint32_t rest = n % PACKET_JOINED, need = rest + PACKET_TAIL;
	uint64_t cost = (uint64_t)(n / PACKET_JOINED) * (PACKET_PAGE + PACKET_STRUCT);

	if (rest == 0)
		return cost;
	return cost + PACKET_STRUCT +
	       (need > PACKET_HEAD ? max_u32(roundup_pow2_u32(need), 1024) : PACKET_HEAD);
}

static uint32_t seg_cost(const struct tcp_seg *seg, uint32_t *room)
{
	return packet_cost(IP_TCP_HLEN - TCP_HLEN + seg->hdr.hdr_len + seg->text_len, room);
}

/* The window as the last ACK said it. */
static uint32_t announced(const struct tcp_conn *c)
{
	return c->rcv_wnd + (c->rcv_nxt - c->last_ack_sent);
}

/* Bytes that wait for the program, or for a hole to be filled. */
static uint32_t rcv_waiting(const struct tcp_conn *c)
{
	return tcp_rcv_end(c) - c->rcv_user + (c->act ? ranges_bytes(&c->act->ooo) : 0);
}

/* What the bytes that wait are charged with: what was read, or given up, is forgotten first, packet by packet. */
static uint32_t rcv_cost(const struct tcp_conn *c)
{
	struct tcp_charges *q = c->act ? &c->act->charges : NULL;
	uint16_t kept = 0;

	if (!q || q->n == 0)
		return 0;
	for (unsigned i = 0; i < q->n; i++) {
		const struct tcp_charge *e = &q->c[i];

		if (seq_leq(e->end, c->rcv_user) ||
		    (c->act->ooo.n == 0 && seq_gt(e->end, c->rcv_nxt)))
			q->sum -= e->cost;
		else
			q->c[kept++] = *e;
	}
	if (kept < q->n && (kept == 0 || q->c[kept - 1].end != q->c[q->n - 1].end))
		q->room = 0;
	q->n = kept;
	return q->sum;
}

uint32_t tcp_rcv_charged(const struct tcp_conn *c)
{
	return rcv_cost(c);
}

/* Two neighbours are one from now on, so that there is room for more. */
static void halve(struct tcp_charges *q)
{
	uint16_t n = 0;

	for (unsigned i = 0; i + 1 < q->n; i += 2) {
		struct tcp_charge *a = &q->c[i], *b = &q->c[i + 1];

		q->c[n++] = (struct tcp_charge){.end = seq_max(a->end, b->end),
						.cost = a->cost + b->cost};
	}
	if (q->n % 2)
		q->c[n++] = q->c[q->n - 1];
	q->n = n;
}

/* A segment was taken, in order or not: it is charged, as part of the one before where it would fit into that. */
static void charge(struct tcp_conn *c, const struct tcp_seg *seg)
{
	struct tcp_charges *q = &c->act->charges;
	uint32_t room, cost = seg_cost(seg, &room), end = seg->seq + seg->text_len;

	rcv_cost(c);
	if (q->n && q->c[q->n - 1].end == seg->seq && seg->text_len <= q->room) {
		q->c[q->n - 1].end = end;
		q->room = (uint16_t)(q->room - seg->text_len);
		return;
	}
	if (q->n == TCP_CHARGES)
		halve(q);
	q->c[q->n++] = (struct tcp_charge){.end = end, .cost = cost};
	q->sum += cost;
	q->room = (uint16_t)room;
}

bool tcp_rcv_too_costly(struct tcp_conn *c)
{
	uint32_t used = rcv_cost(c), waiting;
	uint64_t joined;

	/* As Linux: the last one may reach beyond the end. */
	if (used <= c->rcv_buf)
		return false;
	waiting = rcv_waiting(c);
	joined = joined_cost(waiting);
	/* Small ones are joined, then there may be room. */
	if (win_from(c, used) <= waiting || joined >= used)
		return true;
	while (c->act->charges.n > 1)
		halve(&c->act->charges);
	c->act->charges.c[0].cost = c->act->charges.sum = (uint32_t)joined;
	c->act->charges.room = 0;
	return joined > c->rcv_buf;
}

/* What the receive buffer has room for, from RCV.NXT on. */
static uint32_t rcv_free(const struct tcp_conn *c)
{
	uint32_t used = rcv_cost(c);
	uint32_t room = used == 0	    ? tcp_rcv_full(c)
			: used < c->rcv_buf ? win_from(c, c->rcv_buf - used)
					    : 0;

	return room > c->held ? room - c->held : 0;
}

uint32_t tcp_rcv_full(const struct tcp_conn *c)
{
	uint32_t win = win_from(c, c->rcv_buf);

	/* Whatever the share: a segment, or nothing would ever come. */
	return max_u32(win, min_u32(c->rcv_buf, TCP_MSS_DEFAULT));
}

void tcp_rcv_buffer(struct tapir *t, struct tcp_conn *c)
{
	const struct tcp_opt *o = &c->opt;
	uint64_t space = o->rcvbuf ? 2 * (uint64_t)o->rcvbuf : (uint64_t)t->conf.tcp_rmem_default;

	/* Of the setting; at least something, and less than all. */
	c->rcv_ratio =
		(uint8_t)clamp_u32(tcp_win_from_space(4096 * RATIO_UNIT) / 4096, 1, RATIO_UNIT - 1);
	c->rcv_buf = (uint32_t)min_u64(space, INT32_MAX);
}

uint32_t tcp_rcv_initial(const struct tapir *t, const struct tcp_opt *o, uint32_t mss)
{
	uint32_t space = tcp_rcv_limit(t, o);

	if (o->window_clamp)
		space = min_u32(space, o->window_clamp);
	/* Whole segments, and as Linux more than the SYN can say: the first segment behind it says the rest. */
	if (space > mss && !t->conf.tcp_persona)
		space -= space % mss;
	return t->conf.tcp_persona ? min_u32(space, UINT16_MAX) : space;
}

uint32_t tcp_rcv_limit(const struct tapir *t, const struct tcp_opt *o)
{
	return tcp_win_from_space(o->rcvbuf ? 2 * (uint64_t)o->rcvbuf
					    : (uint64_t)t->conf.tcp_rmem_default);
}

void tcp_rcv_start(struct tapir *t, struct tcp_conn *c)
{
	uint32_t max = (uint32_t)UINT16_MAX << (c->flags & TCP_F_WS ? c->rcv_wscale : 0);
	uint32_t app = (uint32_t)t->conf.tcp_app_win, full = tcp_rcv_full(c), hint;
	struct route rt;
	uint32_t mss = tcp_mss_announce(&c->opt, tcp_conn_route(t, c, &rt) ? 576 : rt.mtu);

	if (c->flags & TCP_F_TS)
		mss = mss > TCP_TS_LEN ? mss - TCP_TS_LEN : mss;
	c->rcv_advmss = (uint16_t)mss;
	c->rcv_ssthresh = c->rcv_wnd;
	c->rcv_clamp = max;
	if (c->rcv_clamp >= full) {
		c->rcv_clamp = full;
		if (app && full > 4 * mss)
			c->rcv_clamp = max_u32(full - (app > 31 ? 0 : full >> app), 4 * mss);
	}
	if (app && c->rcv_clamp > 2 * mss && c->rcv_clamp + mss > full)
		c->rcv_clamp = max_u32(2 * mss, full - mss);
	if (c->opt.window_clamp)
		c->rcv_clamp = min_u32(c->rcv_clamp, c->opt.window_clamp);
	c->rcv_ssthresh = min_u32(c->rcv_ssthresh, c->rcv_clamp);
	c->drs_space = min_u32(min_u32(c->rcv_ssthresh, c->rcv_wnd), 10 * mss);
	c->drs_seq = c->rcv_user;
	c->drs_ns = t->now_ns;
	/* What "full-sized" means until segments have shown it. */
	hint = min_u32(min_u32(mss, tcp_conn_smss(c)), c->rcv_wnd / 2);
	c->rcv_mss = (uint16_t)max_u32(min_u32(hint, TCP_MSS_DEFAULT), MSS_LEAST);
	c->data_rcv_ns = t->now_ns;
	c->ato_us = 0;
	if (c->opt.flags & TCP_O_QUICKACK_OFF)
		tcp_rcv_pingpong(t, c);
}

/* ---- the window ---- */

/* net.ipv4.tcp_shrink_window: what the memory bears counts, and not what was promised; only where the field is scaled. */
static bool may_shrink(const struct tapir *t, const struct tcp_conn *c)
{
	return t->conf.tcp_shrink_window && c->flags & TCP_F_WS && c->rcv_wscale;
}

/* What we would like to offer (MUST-39, RFC 9293 3.8.6.2.2). */
static uint32_t select_window(struct tapir *t, struct tcp_conn *c)
{
	uint32_t shift = c->flags & TCP_F_WS ? c->rcv_wscale : 0;
	uint32_t unit = UINT32_C(1) << shift;
	uint32_t free = rcv_free(c);
	uint32_t space = tcp_rcv_full(c), full = min_u32(c->rcv_clamp, space);
	uint32_t mss = min_u32(c->rcv_mss, full);
	uint32_t wnd = announced(c);

	if (mss == 0)
		return 0;
	if (may_shrink(t, c))
		free -= free % unit;
	if (free < full / 2) {
		c->quickacks = 0;
		if (tcp_mem_pressed(t))
			c->rcv_ssthresh = min_u32(c->rcv_ssthresh, 4 * (uint32_t)c->rcv_advmss);
		free -= free % unit;
		/* A silly remainder is none. */
		if (free < space / 16 || free < mss)
			return 0;
	}
	free = min_u32(free, c->rcv_ssthresh);
	mss = max_u32(min_u32(mss, c->rcv_ssthresh), 1);
	if (shift)
		return (free + unit - 1) &
		       ~(unit - 1); /* up, lest the field say less than there is */
	if (wnd + mss <= free || wnd > free)
		return free - free % mss;
	if (mss == full && free > wnd + full / 2)
		return free;
	return wnd;
}

uint32_t tcp_rcv_window_field(struct tapir *t, struct tcp_conn *c)
{
	unsigned shift = c->flags & TCP_F_WS ? c->rcv_wscale : 0; /* R7323-4 */
	uint32_t old = c->rcv_wnd, had = announced(c);
	uint32_t wnd = select_window(t, c);
	uint32_t field = min_u32(wnd >> shift, UINT16_MAX);

	if (may_shrink(t, c))
		old = 0;
	if (wnd < old) {
		/*
		 * SHLD-14, EVT-37 (3.8.6): what was promised is kept even when the buffer became smaller. What is left of a
		 * promise is no multiple of the unit, and is rounded up, as in Linux: the edge moves on by what small
		 * segments bring, until their cost has filled the buffer (R7323-7, R7323-8; RFC 7323 2.4).
		 */
		if (wnd == 0)
			STAT_INC(t, TcpExt, TCPWantZeroWindowAdv);
		field = min_u32((old + (UINT32_C(1) << shift) - 1) >> shift, UINT16_MAX);
	}
	c->rcv_wnd = max_u32(field << shift, old);
	if (had >> shift && !field)
		STAT_INC(t, TcpExt, TCPToZeroWindowAdv);
	if (!(had >> shift) && field)
		STAT_INC(t, TcpExt, TCPFromZeroWindowAdv);
	return field;
}

/*
 * Whether a segment that wastes more than the window allows for would do as long as the window is small: by half of it
 * for each halving of the most that the window may become (Linux: __tcp_grow_window()).
 */
static uint32_t grow_small(const struct tapir *t, const struct tcp_conn *c, uint32_t len,
			   uint32_t cost)
{
	uint32_t share = win_from(c, cost) / 2;
	uint32_t window = win_from(c, (uint64_t)t->conf.tcp_rmem_max) / 2;

	while (c->rcv_ssthresh <= window) {
		if (share <= len)
			return 2 * (uint32_t)c->rcv_mss;
		share /= 2;
		window /= 2;
	}
	return 0;
}

/* Segments that use the memory they take earn a larger window: two for one, as long as there is room for it. */
static void grow_window(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t room = min_u32(c->rcv_clamp, rcv_free(c)), len = seg->text_len, left, by;
	uint32_t cost = seg_cost(seg, &left);

	if (len < GROW_MIN || room <= c->rcv_ssthresh)
		return;
	if (tcp_mem_pressed(t)) {
		c->rcv_ssthresh = min_u32(c->rcv_ssthresh, 4 * (uint32_t)c->rcv_advmss);
		return;
	}
	by = win_from(c, cost) <= len ? 2 * (uint32_t)c->rcv_advmss : grow_small(t, c, len, cost);
	if (by == 0)
		return;
	c->rcv_ssthresh += min_u32(room - c->rcv_ssthresh, max_u32(by, 2 * len));
	if (t->conf.tcp_quickack_segs)
		c->quickacks |= 1;
}

/* ---- right-sizing ---- */

static void rtt_update(struct tcp_conn *c, uint32_t us, bool of_window)
{
	uint32_t old = c->drs_rtt8_us;

	us = min_u32(max_u32(us, 1), UINT32_MAX / 16);
	if (!old)
		c->drs_rtt8_us = us * 8;
	else if (of_window) /* a whole window's time is at least a round trip: the least counts */
		c->drs_rtt8_us = min_u32(old, us * 8);
	else
		c->drs_rtt8_us = old - old / 8 + us;
}

/* The receiver's own estimate of the round trip: by timestamps, else by the time a window takes. */
static void measure_rtt(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (c->flags & TCP_F_TS && seg->opt.has & TCP_HAS_TS && seg->opt.tsecr) {
		uint32_t ms = tcp_ts_now(t, c->ts_off) - seg->opt.tsecr;

		if (seg->opt.tsecr == c->drs_tsecr || seg->text_len < c->rcv_mss)
			return;
		c->drs_tsecr = seg->opt.tsecr;
		if (ms < INT32_MAX / 8000) /* TC-35: an echo from the far past says nothing */
			rtt_update(c, max_u32(ms, 1) * 1000, false);
		return;
	}
	if (c->drs_wnd_ns) {
		if (seq_lt(c->rcv_nxt, c->drs_wnd_seq))
			return;
		rtt_update(c, (uint32_t)min_u64((t->now_ns - c->drs_wnd_ns) / US, UINT32_MAX),
			   true);
	}
	c->drs_wnd_seq = c->rcv_nxt + announced(c);
	c->drs_wnd_ns = t->now_ns;
}

static void grow_buffer(struct tapir *t, struct tcp_conn *c, uint32_t copied)
{
	uint64_t wnd, grow, buf;
	uint32_t limit;

	if (!t->conf.tcp_moderate_rcvbuf || c->opt.rcvbuf || c->drs_space == 0)
		return;
	/* Twice what was read covers a loss; and what the peer accelerates by until the next chance twice again. */
	wnd = 2 * (uint64_t)copied + 16 * (uint64_t)c->rcv_advmss;
	grow = wnd * (copied - c->drs_space) / c->drs_space;
	wnd += 2 * grow;
	buf = min_u64(space_from_win(c, wnd), (uint64_t)t->conf.tcp_rmem_max);
	if (buf <= c->rcv_buf)
		return;
	/* Under pressure nobody's buffer grows. */
	if (tcp_mem_pressed(t))
		return;
	c->rcv_buf = (uint32_t)min_u64(buf, INT32_MAX);
	limit = tcp_rcv_full(c);
	/* What the field cannot say is no reason for an update. */
	c->rcv_clamp =
		min_u32(limit, (uint32_t)UINT16_MAX << (c->flags & TCP_F_WS ? c->rcv_wscale : 0));
	if (c->opt.window_clamp)
		c->rcv_clamp = min_u32(c->rcv_clamp, c->opt.window_clamp);
}

void tcp_rcv_set_clamp(struct tcp_conn *c)
{
	uint32_t clamp = c->opt.window_clamp;

	/* As Linux: a lower one counts for what is not promised yet, a higher one up to what is. */
	if (!clamp || !tcp_state_synchronized(c->ep.state))
		return;
	if (clamp < c->rcv_clamp)
		c->rcv_ssthresh = min_u32(c->rcv_ssthresh, clamp);
	else
		c->rcv_ssthresh = max_u32(c->rcv_ssthresh, min_u32(announced(c), clamp));
	c->rcv_clamp = clamp;
}

void tcp_rcv_adjust(struct tapir *t, struct tcp_conn *c)
{
	uint32_t copied = c->rcv_user - c->drs_seq;

	if (!c->drs_rtt8_us || t->now_ns - c->drs_ns < (uint64_t)(c->drs_rtt8_us / 8) * US)
		return;
	if (copied > c->drs_space) {
		grow_buffer(t, c, copied);
		c->drs_space = copied;
	}
	c->drs_seq = c->rcv_user;
	c->drs_ns = t->now_ns;
}

void tcp_rcv_resize(struct tcp_conn *c)
{
	uint32_t limit;

	if (!c->opt.rcvbuf || c->rcv_buf == min_u64(2 * (uint64_t)c->opt.rcvbuf, INT32_MAX))
		return;
	/* MAY-8: a smaller one takes nothing back: no more is promised until the program has read enough. */
	c->rcv_buf = (uint32_t)min_u64(2 * (uint64_t)c->opt.rcvbuf, INT32_MAX);
	limit = tcp_rcv_full(c);
	c->rcv_clamp =
		min_u32(limit, (uint32_t)UINT16_MAX << (c->flags & TCP_F_WS ? c->rcv_wscale : 0));
	c->rcv_ssthresh = min_u32(c->rcv_ssthresh, c->rcv_clamp);
}

/* ---- acknowledging ---- */

static uint32_t ato_min_us(const struct tapir *t)
{
	return (uint32_t)t->conf.tcp_delack_min_ms * 1000;
}

static bool in_pingpong(const struct tapir *t, const struct tcp_conn *c)
{
	return c->pingpong >= t->conf.tcp_pingpong_thresh;
}

void tcp_rcv_pingpong(struct tapir *t, struct tcp_conn *c)
{
	c->pingpong = (uint8_t)t->conf.tcp_pingpong_thresh;
}

bool tcp_rcv_quickack_on(const struct tapir *t, const struct tcp_conn *c)
{
	return !in_pingpong(t, c);
}

/* So many ACKs at once as half of the window has segments, at most `max`. */
static void more_quickacks(struct tcp_conn *c, unsigned max)
{
	uint32_t n = announced(c) / (2 * max_u32(c->rcv_mss, 1));

	n = min_u32(n ? n : 2, max);
	if (n > c->quickacks)
		c->quickacks = (uint8_t)n;
}

void tcp_rcv_quick(struct tapir *t, struct tcp_conn *c, unsigned max)
{
	more_quickacks(c, max);
	c->pingpong = 0;
	c->ato_us = ato_min_us(t);
}

/* A segment shows how much of the memory that it takes is text: of what is free so much is window. */
static void measure_ratio(struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t room, cost = seg_cost(seg, &room), clamp;
	uint8_t ratio = (uint8_t)clamp_u32((uint32_t)((uint64_t)seg->text_len * RATIO_UNIT / cost),
					   1, RATIO_UNIT - 1);

	if (ratio == c->rcv_ratio)
		return;
	c->rcv_ratio = ratio;
	clamp = max_u32(tcp_rcv_full(c), CLAMP_LEAST);
	if (c->opt.window_clamp)
		clamp = min_u32(clamp, c->opt.window_clamp);
	if (clamp < c->rcv_clamp)
		c->rcv_ssthresh = min_u32(c->rcv_ssthresh, clamp);
	else if (clamp > c->rcv_clamp)
		c->rcv_ssthresh = max_u32(c->rcv_ssthresh, min_u32(announced(c), clamp));
	c->rcv_clamp = clamp;
	c->drs_space = min_u32(c->drs_space, clamp);
}

/* The largest segment lately: what "full-sized" means; and whether the program's write ended here. */
static void measure_mss(struct tcp_conn *c, const struct tcp_seg *seg)
{
	struct tcp_act *a = c->act;
	uint32_t len = seg->text_len, last = c->last_seg_size;
	uint32_t hlen = TCP_HLEN + (c->flags & TCP_F_TS ? TCP_TS_LEN : 0);
	bool psh = seg->flags & TCP_PSH;

	c->last_seg_size = 0;
	if (len >= c->rcv_mss) {
		if (len != c->rcv_mss)
			measure_ratio(c, seg);
		/* A driver may have joined segments: none of the peer's is larger than what we announced. */
		c->rcv_mss = (uint16_t)max_u32(min_u32(len, c->rcv_advmss), MSS_LEAST);
		if (psh && len == c->rcv_mss)
			a->pushed |= TCP_PUSHED;
		return;
	}
	/* Smaller ones count when two in a row agree: the peer's MSS fell. */
	if (len + seg->hdr.hdr_len >= TCP_MSS_DEFAULT + TCP_HLEN ||
	    (len + seg->hdr.hdr_len >= MSS_LEAST + TCP_HLEN &&
	     !(seg->flags & (TCP_FIN | TCP_URG | TCP_SYN | TCP_PSH)))) {
		uint32_t net = len + seg->hdr.hdr_len - hlen;

		c->last_seg_size = (uint16_t)min_u32(net, TCP_MSS_MAX);
		if (net == last) {
			c->rcv_mss = (uint16_t)min_u32(max_u32(net, MSS_LEAST), TCP_MSS_MAX);
			return;
		}
	}
	a->pushed = a->pushed & TCP_PUSHED ? TCP_PUSHED | TCP_PUSHED2 : TCP_PUSHED;
}

void tcp_rcv_data(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint64_t gap_us = (t->now_ns - c->data_rcv_ns) / US;
	uint32_t least = ato_min_us(t), rto_us = c->rtt.rto_us;

	charge(c, seg);
	/* Of a SYN's, which the SYN-ACK acknowledges, nothing is learnt, as in Linux. */
	if (tcp_fastopen_child(c))
		return;
	measure_mss(c, seg);
	measure_rtt(t, c, seg);
	if (!c->ato_us) {
		/* The first. */
		more_quickacks(c, (unsigned)t->conf.tcp_quickack_segs);
		c->ato_us = max_u32(least, 1);
	} else if (gap_us <= least / 2) {
		c->ato_us = c->ato_us / 2 + least / 2;
	} else if (gap_us < c->ato_us) {
		c->ato_us = min_u32(c->ato_us / 2 + (uint32_t)gap_us, rto_us);
	} else if (gap_us > rto_us) {
		/* The peer was idle and may be in slow start again. */
		more_quickacks(c, (unsigned)t->conf.tcp_quickack_segs);
	}
	c->data_rcv_ns = t->now_ns;
	grow_window(t, c, seg);
}

void tcp_rcv_island(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	charge(c, seg);
	measure_mss(c, seg);
	grow_window(t, c, seg);
}

void tcp_rcv_sent_data(struct tapir *t, struct tcp_conn *c)
{
	/* An answer, soon after something came. */
	if (c->ato_us && t->now_ns - c->data_rcv_ns < (uint64_t)c->ato_us * US &&
	    c->pingpong < UINT8_MAX)
		c->pingpong++;
}

void tcp_rcv_ack_sent(struct tapir *t, struct tcp_conn *c)
{
	if (c->quickacks && c->flags & (TCP_F_ACK_NOW | TCP_F_DELACK)) {
		c->quickacks--;
		if (!c->quickacks)
			c->ato_us = ato_min_us(t);
	}
	if (!c->act)
		return;
	if (c->act->comp_held) {
		STAT_ADD(t, TcpExt, TCPAckCompressed, c->act->comp_held);
		c->act->comp_held = 0;
		c->act->deadline_ns[TCP_D_COMPACK] = TAPIR_NEVER;
	}
	c->act->pushed = 0;
	c->act->deadline_ns[TCP_D_DELACK] = TAPIR_NEVER;
}

static void delay_ack(struct tapir *t, struct tcp_conn *c)
{
	uint32_t least = ato_min_us(t), ato = c->ato_us;
	uint64_t *at = &c->act->deadline_ns[TCP_D_DELACK];

	if (ato > least && c->rtt.srtt_us)
		ato = min_u32(ato, max_u32(c->rtt.srtt_us, least));
	ato = min_u32(ato, tcp_delack_max_us(t, &c->opt));
	/* A FIN before any text: as long as Linux's timer takes for no time, and a program for its close(). */
	ato = max_u32(ato, TICK_US);
	if (c->flags & TCP_F_DELACK && *at != TAPIR_NEVER) {
		if (*at <= t->now_ns + (uint64_t)ato * US / 4) {
			c->flags |= TCP_F_ACK_NOW; /* it is about to go anyway */
			return;
		}
		*at = min_u64(*at, t->now_ns + (uint64_t)ato * US);
		return;
	}
	c->flags |= TCP_F_DELACK;
	*at = t->now_ns + (uint64_t)ato * US;
}

/*
 * What is answered by itself, since something is out of order or came twice, does not wait for the other segments of
 * the batch; new data that may leave carries it, as in Linux.
 */
static void ack_now(struct tapir *t, struct tcp_conn *c, bool ofo)
{
	c->flags |= TCP_F_ACK_NOW;
	if (!ofo && !c->act->dsack)
		return;
	tcp_output(t, c);
	if (c->flags & TCP_F_ACK_NOW)
		tcp_send_ack(t, c); /* it waits for room, an ACK does not */
}

/*
 * Duplicate ACKs tell the peer little that the next one does not tell as well: after as many as it takes to see a loss,
 * those to the same RCV.NXT are held back for a moment and merged (SACK compression), as Linux does; without SACK
 * their number is what counts, and none is.
 */
static bool may_compress(const struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	if (!(c->flags & TCP_F_SACK) || a->comp_held >= t->conf.tcp_comp_sack_nr)
		return false;
	if (a->comp_nxt != c->rcv_nxt) {
		a->comp_nxt = c->rcv_nxt;
		a->comp_dups = 0;
	}
	if (a->comp_dups < DUPS_AT_ONCE) {
		a->comp_dups++;
		return false;
	}
	return true;
}

/* Held back for a twentieth of the round trip, at most tcp_comp_sack_delay_ns. */
static void compress_ack(struct tapir *t, struct tcp_conn *c)
{
	uint64_t *at = &c->act->deadline_ns[TCP_D_COMPACK];
	uint64_t rtt8_us = c->drs_rtt8_us, wait_ns;

	c->act->comp_held++;
	if (*at != TAPIR_NEVER)
		return;
	if (c->rtt.srtt_us)
		rtt8_us = min_u64(rtt8_us, 8 * (uint64_t)c->rtt.srtt_us);
	wait_ns = min_u64((uint64_t)t->conf.tcp_comp_sack_delay_ns, rtt8_us * (US / 8) / 20);
	/* The slack is what Linux's timer may be late by, to fire together with others; an idle machine's is. */
	*at = t->now_ns + wait_ns + (uint64_t)t->conf.tcp_comp_sack_slack_ns;
}

void tcp_rcv_ack(struct tapir *t, struct tcp_conn *c)
{
	uint32_t unacked = c->rcv_nxt - c->last_ack_sent;
	bool ofo;

	if (!tcp_act_get(t, c)) {
		c->flags |= TCP_F_ACK_NOW;
		return;
	}
	ofo = c->act->ooo.n > 0;
	/*
	 * SHLD-19, R5681-12: every second full segment, if the edge moves with it; if not, the program's reading
	 * moves it, and tcp_rcv_read_ack() answers.
	 */
	if ((unacked > c->rcv_mss && select_window(t, c) >= c->rcv_wnd + unacked) ||
	    (c->quickacks && !in_pingpong(t, c)) || t->conf.tcp_delack_min_ms == 0 ||
	    c->flags & TCP_F_ACK_NOW) {
		ack_now(t, c, ofo);
		return;
	}
	if (!ofo) {
		delay_ack(t, c);
		return;
	}
	if (may_compress(t, c))
		compress_ack(t, c);
	else
		ack_now(t, c, ofo);
}

void tcp_rcv_ack_held(struct tapir *t, struct tcp_conn *c, uint32_t start, uint32_t end)
{
	struct tcp_act *a = c->act;
	const struct ranges *s = &a->ooo;
	uint32_t at = start - 1, from, to;
	unsigned newer = 0;
	int i;

	if (!a->comp_held)
		return;
	/* The island that it extends, if any: the one that holds or ends at `start`, or the next one within reach. */
	i = ranges_find(s, at);
	if (i < 0 && ranges_next_gap(s, &at, end + 1, &from, &to) && seq_leq(to, end))
		i = ranges_find(s, to);
	if (i < 0)
		newer = s->n; /* a new one: all others are older than it, and newer in what was told */
	else if (s->r[i].stamp == s->clock)
		return; /* the newest, as usual */
	for (unsigned k = s->n; i >= 0 && k > 0 && newer < BLOCKS_EXPECTED; k--)
		newer += seq_gt(s->r[k - 1].stamp, s->r[i].stamp);
	if (newer < BLOCKS_EXPECTED)
		return;
	a->comp_held--; /* one of them goes after all */
	tcp_send_ack(t, c);
	/* It counts for this segment too, as in Linux, though it says nothing of it: the next one will. */
	c->flags &= ~(uint32_t)TCP_F_ACK_SCHED;
}

void tcp_rcv_ack_compressed(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	a->deadline_ns[TCP_D_COMPACK] = TAPIR_NEVER;
	if (!a->comp_held)
		return;
	a->comp_held--;
	tcp_send_ack(t, c);
}

void tcp_rcv_ack_synack_late(struct tapir *t, struct tcp_conn *c)
{
	if (!tcp_act_get(t, c)) {
		c->flags |= TCP_F_ACK_NOW;
		return;
	}
	tcp_rcv_quick(t, c, UINT8_MAX);
	c->flags |= TCP_F_DELACK;
	c->act->deadline_ns[TCP_D_DELACK] = t->now_ns + (uint64_t)TCP_DELACK_MAX_US * US;
}

void tcp_rcv_ack_late(struct tapir *t, struct tcp_conn *c)
{
	c->act->deadline_ns[TCP_D_DELACK] = TAPIR_NEVER;
	if (!(c->flags & TCP_F_DELACK))
		return;
	if (in_pingpong(t, c)) {
		c->pingpong = 0; /* no answer came to ride on */
		c->ato_us = ato_min_us(t);
	} else {
		c->ato_us = min_u32(c->ato_us * 2, c->rtt.rto_us);
	}
	STAT_INC(t, TcpExt, DelayedACKs);
	c->flags |= TCP_F_ACK_NOW;
}

void tcp_rcv_read_ack(struct tapir *t, struct tcp_conn *c, bool read)
{
	uint32_t now = c->rcv_wnd, next;

	if (c->flags & TCP_F_DETACHED || !tcp_state_synchronized(c->ep.state))
		return;
	if (c->flags & TCP_F_DELACK && c->act) {
		uint8_t pushed = c->act->pushed;

		/* All that came has been read, the write ended with it, and no answer is expected. */
		if (c->rcv_nxt - c->last_ack_sent > c->rcv_mss ||
		    (read && c->rcv_user == tcp_rcv_end(c) &&
		     (pushed & TCP_PUSHED2 || (pushed && !in_pingpong(t, c))))) {
			c->flags |= TCP_F_ACK_NOW;
			tcp_conn_dirty(t, c);
			return;
		}
	}
	if (!read || c->flags & (TCP_F_FIN_RCVD | TCP_F_SHUT_RD))
		return;
	/* An update leaves when the window would at least double. */
	if (2 * (uint64_t)now > c->rcv_clamp)
		return;
	next = select_window(t, c);
	if (next && next >= 2 * (uint64_t)now) {
		c->flags |= TCP_F_ACK_NOW | TCP_F_WND_UPDATE;
		tcp_conn_dirty(t, c);
	}
}

void tcp_rcv_set_quickack(struct tapir *t, struct tcp_conn *c, int on)
{
	if (!on) {
		tcp_rcv_pingpong(t, c);
		return;
	}
	c->pingpong = 0;
	if ((c->ep.state == TAPIR_TCP_ESTABLISHED || c->ep.state == TAPIR_TCP_CLOSE_WAIT) &&
	    c->flags & TCP_F_DELACK && c->act) {
		c->act->pushed |= TCP_PUSHED;
		tcp_rcv_read_ack(t, c, true);
		/* An even number: this once, and then delayed again. */
		if (!(on & 1))
			tcp_rcv_pingpong(t, c);
	}
}
