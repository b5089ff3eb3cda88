/*
 * TIME-WAIT, and FIN-WAIT-2 of a connection that no handle holds any more: a record of 80 bytes instead of
 * a connection (RFC 9293 3.6.1).
 *
 * Such a record has three things to do: to acknowledge the peer's FIN again when its ACK was lost; to keep
 * old segments away from a new incarnation of the tuple; and to let a new incarnation in when it can be told
 * from old segments (RFC 6191). It takes no data.
 *
 * Records live in chunks of a pool, by index. Each state has a FIFO in order of expiry: all of TIME-WAIT
 * wait equally long, so joining at the tail keeps the order, and so does a record that begins to wait anew.
 * One timer serves both FIFOs at the earlier head.
 *
 *	tw_head -> [expires first] <-> [ ] <-> [ ] <-> [expires last] <- tw_tail        tw_free -> [ ] -> [ ]
 *
 * At the limit a new record is not kept, as with Linux (TCPTimeWaitOverflow): evicting the oldest would let
 * whoever opens connections fastest end the waiting of others.
 */
#include "stack/base/seq.h"
#include "stack/tcp/tcp_passive.h"

enum {
	TW_CHUNK = 256,
	/* Records that one firing of the timer frees; more are due at the next. */
	TW_FIRE_MAX = 4096,
	/* FIN-WAIT-2 records (TCP_LINGER2 shortens some) passed to find the place in the FIFO. */
	TW_SORT_MAX = 64,
	TW_INDEX_MASK = 0xffffff,
	TW_WSCALE_SHIFT = 24,
};

#define NS_PER_MS UINT64_C(1000000)

static struct tcp_tw *tw_at(const struct tcp_state *ts, uint32_t idx)
{
	return idx == 0 ? NULL : ts->tw_chunk[(idx - 1) / TW_CHUNK] + (idx - 1) % TW_CHUNK;
}

static uint32_t tw_prev(const struct tcp_tw *tw)
{
	return tw->ep.node.aux & TW_INDEX_MASK;
}

static void tw_set_next(struct tcp_tw *tw, uint32_t idx)
{
	tw->fifo_next = idx & TW_INDEX_MASK;
}

static void tw_set_prev(struct tcp_tw *tw, uint32_t idx)
{
	tw->ep.node.aux = (tw->ep.node.aux & ~(uint32_t)TW_INDEX_MASK) | idx;
}

static unsigned tw_wscale(const struct tcp_tw *tw)
{
	return tw->ep.node.aux >> TW_WSCALE_SHIFT;
}

/* The head and tail of the FIFO of a state. */
static uint32_t *fifo_head(struct tcp_state *ts, uint8_t state)
{
	return state == TAPIR_TCP_TIME_WAIT ? &ts->tw_head : &ts->fw2_head;
}

static uint32_t *fifo_tail(struct tcp_state *ts, uint8_t state)
{
	return state == TAPIR_TCP_TIME_WAIT ? &ts->tw_tail : &ts->fw2_tail;
}

static uint32_t tw_index(struct tcp_state *ts, const struct tcp_tw *tw)
{
	uint32_t next = tw->fifo_next, prev = tw_prev(tw);

	/* A neighbour or the FIFO's end knows it: no look at addresses. */
	if (prev)
		return tw_at(ts, prev)->fifo_next;
	if (next)
		return tw_prev(tw_at(ts, next));
	return *fifo_head(ts, tw->ep.state);
}

static uint32_t now_ms(const struct tapir *t)
{
	return (uint32_t)(t->now_ns / NS_PER_MS);
}

static void fifo_insert(struct tcp_state *ts, struct tcp_tw *tw, uint32_t idx)
{
	uint32_t *head = fifo_head(ts, tw->ep.state), *tail = fifo_tail(ts, tw->ep.state);
	uint32_t prev = *tail, next;

	for (unsigned i = 0; prev && i < TW_SORT_MAX; i++) {
		if (seq_leq(tw_at(ts, prev)->expire_ms, tw->expire_ms))
			break;
		prev = tw_prev(tw_at(ts, prev));
	}
	next = prev ? tw_at(ts, prev)->fifo_next : *head;
	tw_set_next(tw, next);
	tw_set_prev(tw, prev);
	if (prev)
		tw_set_next(tw_at(ts, prev), idx);
	else
		*head = idx;
	if (next)
		tw_set_prev(tw_at(ts, next), idx);
	else
		*tail = idx;
}

static void fifo_remove(struct tcp_state *ts, struct tcp_tw *tw)
{
	uint32_t next = tw->fifo_next, prev = tw_prev(tw);

	if (prev)
		tw_set_next(tw_at(ts, prev), next);
	else
		*fifo_head(ts, tw->ep.state) = next;
	if (next)
		tw_set_prev(tw_at(ts, next), prev);
	else
		*fifo_tail(ts, tw->ep.state) = prev;
	tw_set_next(tw, 0);
	tw_set_prev(tw, 0);
}

/* CL-35, CL-36: ms until an expiry, 0 when it is past: all lie within 2^31 ms of now. */
static uint32_t ms_left(const struct tapir *t, uint32_t expire_ms)
{
	return seq_gt(expire_ms, now_ms(t)) ? expire_ms - now_ms(t) : 0;
}

/* Arms the timer at the earlier head; a timer that is early already finds nothing due and comes here. */
static void timer_tend(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;
	struct tcp_tw *a = tw_at(ts, ts->tw_head), *b = tw_at(ts, ts->fw2_head);
	uint64_t at;

	if (!a && !b) {
		timer_stop(t, &ts->tw_timer);
		return;
	}
	at = t->now_ns / NS_PER_MS + min_u32(a ? ms_left(t, a->expire_ms) : UINT32_MAX,
					     b ? ms_left(t, b->expire_ms) : UINT32_MAX);
	at *= NS_PER_MS;
	if (!timer_armed(&ts->tw_timer) || timer_deadline(&ts->tw_timer) > at)
		timer_set(t, &ts->tw_timer, at);
}

/* ---- the pool ---- */

int tcp_tw_init(struct tapir *t)
{
	timer_init(&t->tcp->tw_timer, TIMER_TCP_TW);
	return 0;
}

void tcp_tw_fini(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;

	while (ts->tw_head)
		tcp_tw_free(t, tw_at(ts, ts->tw_head));
	while (ts->fw2_head)
		tcp_tw_free(t, tw_at(ts, ts->fw2_head));
	timer_stop(t, &ts->tw_timer);
	for (uint32_t i = 0; i < ts->tw_chunks; i++)
		mem_free(t, ts->tw_chunk[i], TW_CHUNK * sizeof(struct tcp_tw));
	if (ts->tw_chunk)
		mem_free(t, ts->tw_chunk, ts->tw_chunk_room * sizeof(*ts->tw_chunk));
	ts->tw_chunk = NULL;
	ts->tw_chunks = ts->tw_chunk_room = ts->tw_free_idx = 0;
}

/* Room for one more pointer to a chunk. */
static bool pool_room(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;
	uint32_t room = max_u32(16, ts->tw_chunk_room * 2);
	struct tcp_tw **more;

	if (ts->tw_chunks < ts->tw_chunk_room)
		return true;
	more = mem_alloc(t, room * sizeof(*more));
	if (!more)
		return false;
	if (ts->tw_chunk) {
		memcpy(more, ts->tw_chunk, ts->tw_chunks * sizeof(*more));
		mem_free(t, ts->tw_chunk, ts->tw_chunk_room * sizeof(*more));
	}
	ts->tw_chunk = more;
	ts->tw_chunk_room = room;
	return true;
}

/* One more chunk, whose records become the free list, lowest index first. */
static bool pool_grow(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;
	uint32_t base = ts->tw_chunks * TW_CHUNK;
	struct tcp_tw *chunk;

	if (base + TW_CHUNK > TW_INDEX_MASK || !pool_room(t))
		return false;
	chunk = mem_zalloc(t, TW_CHUNK * sizeof(*chunk));
	if (!chunk)
		return false;
	ts->tw_chunk[ts->tw_chunks++] = chunk;
	for (uint32_t i = 0; i < TW_CHUNK; i++)
		tw_set_next(&chunk[i], i + 1 < TW_CHUNK ? base + i + 2 : ts->tw_free_idx);
	ts->tw_free_idx = base + 1;
	return true;
}

/* ---- life ---- */

/* The window as the connection advertised it last, in the header's unit. */
static uint32_t window_field(const struct tcp_conn *c)
{
	return min_u32(c->rcv_wnd >> (c->flags & TCP_F_WS ? c->rcv_wscale : 0), 65535);
}

uint32_t tcp_tw_window(const struct tcp_tw *tw)
{
	return (uint32_t)tw->wnd_hi << 8 | tw->wnd_lo;
}

enum { ANSWER_MASK = 0xffffff };

/* ms since the last answer, modulo 2^24. */
static uint32_t answer_age(const struct tapir *t, const struct tcp_tw *tw)
{
	return (now_ms(t) - tw->answer_ms) & ANSWER_MASK;
}

static uint64_t life_ms(const struct tapir *t, const struct tcp_conn *c, uint8_t state)
{
	if (state == TAPIR_TCP_TIME_WAIT)
		return 2 * (uint64_t)t->conf.tcp_msl_ms; /* MUST-13 */
	/* TC-25: nobody waits for the peer's FIN for ever. */
	if (c->fw2_ns != TAPIR_NEVER)
		return min_u64(c->fw2_ns > t->now_ns ? (c->fw2_ns - t->now_ns) / NS_PER_MS : 0,
			       INT32_MAX);
	return (uint64_t)t->conf.tcp_fin_timeout_s * 1000;
}

struct tcp_tw *tcp_tw_new(struct tapir *t, struct tcp_conn *c, enum tapir_tcp_state state)
{
	struct tcp_state *ts = t->tcp;
	struct tcp_tw *tw;
	uint32_t idx;

	if (ts->ntw >= (uint64_t)t->conf.tcp_max_tw_buckets ||
	    (!ts->tw_free_idx && !pool_grow(t))) {
		STAT_INC(t, TcpExt, TCPTimeWaitOverflow);
		return NULL;
	}
	idx = ts->tw_free_idx;
	tw = tw_at(ts, idx);
	ts->tw_free_idx = tw->fifo_next;
	ts->ntw++;

	*tw = (struct tcp_tw){0};
	tw->ep.tuple = c->ep.tuple;
	tw->ep.kind = TCP_EP_TW;
	tw->ep.epflags = (uint16_t)((c->ep.epflags & TCP_EP_NOREUSE) |
				    (c->flags & TCP_F_TS ? TCP_EP_TS : 0));
	tw->ep.node.aux = (uint32_t)(c->flags & TCP_F_WS ? c->rcv_wscale : 0) << TW_WSCALE_SHIFT;
	tw->snd_nxt = c->snd_max;
	tw->rcv_nxt = c->rcv_nxt;
	tw->ts_recent = c->ts_recent;
	tw->wnd_hi = (uint8_t)(window_field(c) >> 8);
	tw->wnd_lo = (uint8_t)window_field(c);
	/* Rounded up: never shorter than it should be. */
	tw->expire_ms =
		(uint32_t)((t->now_ns + NS_PER_MS - 1) / NS_PER_MS + life_ms(t, c, (uint8_t)state));
	tw->answer_ms = (now_ms(t) - (uint32_t)t->conf.tcp_invalid_ratelimit_ms) & ANSWER_MASK;
	tcp_set_state(t, &tw->ep, state);
	fifo_insert(ts, tw, idx);
	TAPIR_ASSERT(tcp_port_ref(t, &tw->ep) == 0); /* the connection holds one */
	tcp_demux_insert(t, &tw->ep);
	timer_tend(t);
	return tw;
}

void tcp_tw_free(struct tapir *t, struct tcp_tw *tw)
{
	struct tcp_state *ts = t->tcp;
	uint32_t idx = tw_index(ts, tw);

	TAPIR_ASSERT(tw_at(ts, idx) == tw);
	fifo_remove(ts, tw);
	tcp_set_state(t, &tw->ep, TAPIR_TCP_CLOSED);
	tcp_demux_remove(t, &tw->ep);
	tcp_port_unref(t, &tw->ep);
	*tw = (struct tcp_tw){0};
	tw_set_next(tw, ts->tw_free_idx);
	ts->tw_free_idx = idx;
	ts->ntw--;
	timer_tend(t);
}

void tcp_tw_timer(struct tapir *t, struct timer *tm)
{
	struct tcp_state *ts = t->tcp;
	uint32_t *const heads[] = {&ts->tw_head, &ts->fw2_head};
	unsigned left = TW_FIRE_MAX;

	(void)tm;
	for (unsigned i = 0; i < ARRAY_SIZE(heads); i++) {
		for (struct tcp_tw *tw; left > 0 && (tw = tw_at(ts, *heads[i])) != NULL; left--) {
			if (ms_left(t, tw->expire_ms) > 0)
				break;
			/* EVT-46, RFC 9293 3.10.8: the wait is over. */
			STAT_INC(t, TcpExt, TW);
			tcp_tw_free(t, tw);
		}
	}
	timer_tend(t);
}

/* Begins to wait 2 MSL (MUST-13); tw is in no FIFO. */
static void wait_2msl(struct tapir *t, struct tcp_tw *tw, uint32_t idx)
{
	tw->expire_ms = (uint32_t)((t->now_ns + NS_PER_MS - 1) / NS_PER_MS +
				   2 * (uint64_t)t->conf.tcp_msl_ms);
	fifo_insert(t->tcp, tw, idx);
	timer_tend(t);
}

/* The same anew (EVT-34, EVT-43). */
static void restart(struct tapir *t, struct tcp_tw *tw)
{
	uint32_t idx = tw_index(t->tcp, tw);

	fifo_remove(t->tcp, tw);
	wait_2msl(t, tw, idx);
}

const struct tcp_tw *tcp_tw_at(struct tapir *t, uint32_t at)
{
	return at < t->tcp->tw_chunks * TW_CHUNK ? tw_at(t->tcp, at + 1) : NULL;
}

/* One FIFO: linked both ways, of one state, in order unless a setting changed, every record found. */
static uint32_t check_fifo(struct tapir *t, uint8_t state)
{
	struct tcp_state *ts = t->tcp;
	uint32_t n = 0, prev = 0;

	for (uint32_t i = *fifo_head(ts, state); i; i = tw_at(ts, i)->fifo_next) {
		struct tcp_tw *tw = tw_at(ts, i);

		TAPIR_ASSERT(tw->ep.kind == TCP_EP_TW && tw->ep.state == state);
		TAPIR_ASSERT(tw_prev(tw) == prev && tw_index(ts, tw) == i);
		TAPIR_ASSERT(tw->ep.epflags & TCP_EP_BOUND);
		TAPIR_ASSERT(tcp_demux_find(t, &tw->ep.tuple) == &tw->ep);
		prev = i;
		n++;
	}
	TAPIR_ASSERT(prev == *fifo_tail(ts, state));
	return n;
}

void tcp_tw_check(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;
	uint32_t n = check_fifo(t, TAPIR_TCP_TIME_WAIT) + check_fifo(t, TAPIR_TCP_FIN_WAIT_2);

	TAPIR_ASSERT(n == ts->ntw && n <= ts->tw_chunks * TW_CHUNK);
	TAPIR_ASSERT(n == 0 || timer_armed(&ts->tw_timer));
}

/* ---- segments ---- */

/*
 * TC-39, RFC 5961 7: two ends that are out of step do not answer each other for ever. Text and FIN come again only if their
 * sender has not heard us, so these are answered each time, as Linux does.
 */
static void answer(struct tapir *t, struct tcp_tw *tw, const struct tcp_seg *seg)
{
	bool limited = seg->len == 0 || seg->flags & TCP_SYN;

	if (limited && answer_age(t, tw) < (uint64_t)t->conf.tcp_invalid_ratelimit_ms) {
		if (tw->ep.state == TAPIR_TCP_TIME_WAIT)
			STAT_INC(t, TcpExt, TCPACKSkippedTimeWait);
		else
			STAT_INC(t, TcpExt, TCPACKSkippedFinWait2);
		return;
	}
	if (limited)
		tw->answer_ms = now_ms(t) & ANSWER_MASK;
	tcp_respond_ack_tw(t, tw);
}

static void answer_and_drop(struct tapir *t, struct tcp_tw *tw, struct tcp_seg *seg,
			    enum drop_reason why)
{
	answer(t, tw, seg);
	pkt_drop(seg->rx->pkt, why);
}

/* Both sides used timestamps, and this one is from before what was seen last (RFC 7323 5.3). */
static bool paws_old(const struct tcp_tw *tw, const struct tcp_seg *seg)
{
	return tw->ep.epflags & TCP_EP_TS && seg->opt.has & TCP_HAS_TS &&
	       tcp_ts_older(seg->opt.tsval, tw->ts_recent);
}

static void learn_ts(struct tcp_tw *tw, const struct tcp_seg *seg)
{
	if (tw->ep.epflags & TCP_EP_TS && seg->opt.has & TCP_HAS_TS && !paws_old(tw, seg))
		tw->ts_recent = seg->opt.tsval;
}

/* RFC 9293 3.10.7.4, first: within what was advertised. */
static bool acceptable(const struct tcp_tw *tw, const struct tcp_seg *seg)
{
	uint32_t wnd = tcp_tw_window(tw) << tw_wscale(tw);
	uint32_t edge = tw->rcv_nxt + wnd, end = seg->seq + seg->len;

	if (seg->len == 0) /* at the very edge too, as for a connection */
		return seq_geq(seg->seq, tw->rcv_nxt) && seq_leq(seg->seq, edge);
	return seq_in_window(seg->seq, tw->rcv_nxt, wnd) ||
	       seq_in_window(end - 1, tw->rcv_nxt, wnd) ||
	       (seq_lt(seg->seq, tw->rcv_nxt) && seq_gt(end, edge));
}

/*
 * Whether a SYN cannot be an old duplicate, so that a new incarnation may begin (RFC 6191 2;
 * RFC 9293 3.6.1, SHLD-4, MAY-2).
 */
static bool syn_is_new(const struct tcp_tw *tw, const struct tcp_seg *seg)
{
	bool both_ts = tw->ep.epflags & TCP_EP_TS && seg->opt.has & TCP_HAS_TS;

	if (paws_old(tw, seg))
		return false;
	/*
	 * R6191-2, R6191-3: by the number, and as Linux also where the new one has timestamps and the old one had none;
	 * R6191-1: by the timestamp.
	 */
	return seq_gt(seg->seq, tw->rcv_nxt) || (both_ts && seq_gt(seg->opt.tsval, tw->ts_recent));
}

/* The tuple is given up for a new incarnation, whose numbers must begin above ours. */
static void recycle(struct tapir *t, struct tcp_tw *tw)
{
	struct tcp_state *ts = t->tcp;

	/* As Linux: beyond anything that a window of the old one could have covered. */
	ts->recycled = tw->ep.tuple;
	ts->recycled_seq = tw->snd_nxt + 65535 + 2;
	ts->recycled_set = true;
	STAT_INC(t, TcpExt, TWRecycled);
	tcp_tw_free(t, tw);
}

static bool loopback(const struct tapir_addr *a)
{
	return tapir_addr_to_v4(a) >> 24 == 127;
}

bool tcp_tw_reuse(struct tapir *t, struct tcp_tw *tw)
{
	uint32_t life = 2 * (uint32_t)t->conf.tcp_msl_ms, left = ms_left(t, tw->expire_ms);
	uint32_t age = life > left ? life - left : 0; /* the setting may have become smaller */

	if (t->conf.tcp_tw_reuse == 2 && !loopback(&tw->ep.tuple.laddr) &&
	    !loopback(&tw->ep.tuple.raddr))
		return false;
	/*
	 * Safe when our SYN's timestamp will be newer than all that the peer has seen of us, which
	 * a second makes sure at any tick (RFC 6191 2; RFC 7323 5.4).
	 */
	if (!t->conf.tcp_tw_reuse || !t->conf.tcp_timestamps ||
	    tw->ep.state != TAPIR_TCP_TIME_WAIT || !(tw->ep.epflags & TCP_EP_TS) ||
	    age <= (uint64_t)t->conf.tcp_tw_reuse_delay_ms)
		return false;
	recycle(t, tw);
	return true;
}

/* As Linux. A new SYN has been looked at before. */
static void time_wait_input(struct tapir *t, struct tcp_tw *tw, struct tcp_seg *seg)
{
	bool old = paws_old(tw, seg);

	if (!old && seg->seq == tw->rcv_nxt && (seg->len == 0 || seg->flags & TCP_RST)) {
		if (!(seg->flags & TCP_RST)) {
			restart(t, tw);
		} else if (!t->conf.tcp_rfc1337) {
			/* EVT-23, R5961-1: the exact number alone counts. */
			tcp_tw_free(t, tw);
			pkt_drop(seg->rx->pkt, DROP_TCP_TIME_WAIT);
			return;
		}
		/* R1337-1, TC-17: fix F1 ignores the RST. A bare ACK where one is expected says nothing new. */
		learn_ts(tw, seg);
		pkt_drop(seg->rx->pkt, DROP_TCP_TIME_WAIT);
		return;
	}
	if (old)
		STAT_INC(t, TcpExt, PAWSTimewait);
	if (seg->flags & TCP_RST) {
		pkt_drop(seg->rx->pkt, DROP_TCP_TIME_WAIT);
		return;
	}
	/*
	 * EVT-34, EVT-43, RFC 9293 3.10.7.4: the peer's FIN again, whose ACK was lost; as Linux, whatever has an ACK lets the
	 * wait begin anew, since the peer is alive. A SYN may be an old duplicate, or a new one with a smaller number.
	 */
	if (old || seg->flags & TCP_ACK)
		restart(t, tw);
	/*
	 * EVT-18, EVT-24, EVT-26, R1337-2: all that is old, or mad, or a SYN that opens nothing: our numbers are the
	 * answer, by which a peer that has begun anew ends this (RFC 9293 3.5.1). EVT-35, EVT-36: text and URG are ignored.
	 */
	answer_and_drop(t, tw, seg,
			old			  ? DROP_TCP_PAWS
			: seg->flags & TCP_SYN	  ? DROP_TCP_SYN_CHALLENGE
			: !(seg->flags & TCP_ACK) ? DROP_TCP_NO_ACK
						  : DROP_TCP_TIME_WAIT);
}

/* RFC 9293 3.10.7.4 for a FIN-WAIT-2 that nobody reads any more. */
static void fin_wait2_input(struct tapir *t, struct tcp_tw *tw, struct tcp_seg *seg)
{
	if (!(seg->flags & TCP_RST) && paws_old(tw, seg)) {
		STAT_INC(t, TcpExt, PAWSEstab);
		answer_and_drop(t, tw, seg, DROP_TCP_PAWS);
		return;
	}
	/* First, sequence (EVT-18). As Linux, for a record: a RST outside is answered too. */
	if (!acceptable(tw, seg)) {
		answer_and_drop(t, tw, seg, DROP_TCP_WINDOW);
		return;
	}
	/* Second (EVT-20, EVT-22): as Linux any in the window: what is lost by it is a record of nobody's. */
	if (seg->flags & TCP_RST) {
		tcp_tw_free(t, tw);
		pkt_free(seg->rx->pkt);
		return;
	}
	/* Fourth (EVT-24): the peer has begun anew. */
	if (seg->flags & TCP_SYN && seq_geq(seg->seq, tw->rcv_nxt)) {
		tcp_respond_rst(t, seg);
		tcp_tw_free(t, tw);
		pkt_drop(seg->rx->pkt, DROP_TCP_SYN_CHALLENGE);
		return;
	}
	/* Fifth, ACK: our FIN was acknowledged, and the number is not looked at any more, as in Linux. */
	if (!(seg->flags & TCP_ACK)) {
		pkt_drop(seg->rx->pkt, DROP_TCP_NO_ACK);
		return;
	}
	/* Seventh, text: SHLD-3, data after CLOSE is lost, and the peer must be told so. As Linux, of a FIN behind it too. */
	if (seq_gt(seg->seq + seg->len, tw->rcv_nxt) && seg->len &&
	    (!(seg->flags & TCP_FIN) || seg->seq + seg->len != tw->rcv_nxt + 1)) {
		STAT_INC(t, TcpExt, TCPAbortOnData);
		tcp_respond_rst(t, seg);
		tcp_tw_free(t, tw);
		pkt_drop(seg->rx->pkt, DROP_TCP_CLOSED_DATA);
		return;
	}
	/* Eighth, FIN (EVT-42), in sequence only (EVT-39). */
	if (seg->flags & TCP_FIN && seg->seq + seg->text_len == tw->rcv_nxt) {
		uint32_t idx = tw_index(t->tcp, tw);

		fifo_remove(t->tcp, tw);
		tw->rcv_nxt++;
		tcp_set_state(t, &tw->ep, TAPIR_TCP_TIME_WAIT);
		wait_2msl(t, tw, idx);
		learn_ts(tw, seg);
		tcp_respond_ack_tw(t, tw);
		pkt_free(seg->rx->pkt);
		return;
	}
	pkt_drop(seg->rx->pkt, DROP_TCP_OLD);
}

bool tcp_tw_input(struct tapir *t, struct tcp_tw *tw, struct tcp_seg *seg)
{
	uint16_t opening = seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);

	if (tw->ep.state == TAPIR_TCP_FIN_WAIT_2) {
		fin_wait2_input(t, tw, seg);
		return false;
	}
	if (opening == TCP_SYN && syn_is_new(tw, seg) &&
	    tcp_demux_listener(t, &seg->tuple, seg->rx->ifp->ifindex)) {
		recycle(t, tw);
		return true;
	}
	time_wait_input(t, tw, seg);
	return false;
}
