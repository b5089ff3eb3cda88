/*
 * Records of what was sent: they partition [SND.UNA, SND.MAX).
 *
 * One record stands for everything sent in one go; it is split when a part of it meets another fate
 * (acknowledged, lost, sent again) and merged when neighbours become equal. Two lists run through
 * them: by sequence, for acknowledgment and retransmission, and by time of sending, for the loss
 * detection that works by time. Their number is bounded; at the bound, and without memory, pieces of
 * one fate are lumped together, which costs precision and never progress.
 */
#include "stack/tcp/tcp_recovery.h"

/* What is of a record's last segment. */
#define REC_END (TCP_REC_FIN | TCP_REC_PSH | TCP_REC_EOR)

enum {
	RECS_MAX = 8192, /* a connection */
	POOL_RECS = 1024,
	REJOIN_STEPS = 64,
};

static struct tcp_rec *rec_get(struct tapir *t, struct tcp_act *a)
{
	struct tcp_rec *r = t->tcp->rec_free;

	if (a->nrecs >= RECS_MAX)
		return NULL;
	if (r) {
		struct list *next = r->seq_link.next;

		t->tcp->rec_free = next ? container_of(next, struct tcp_rec, seq_link) : NULL;
		t->tcp->nrec_free--;
	} else {
		r = tcp_mem_alloc(t, sizeof(*r));
		if (!r)
			return NULL;
	}
	*r = (struct tcp_rec){0};
	a->nrecs++;
	return r;
}

static void rec_put(struct tapir *t, struct tcp_act *a, struct tcp_rec *r)
{
	if (a->lost_hint == r)
		a->lost_hint = tcp_rec_next(a, r);
	if (a->sack_hint == r)
		a->sack_hint = tcp_rec_next(a, r);
	if (a->judged_hint == r)
		a->judged_hint = tcp_rec_next(a, r);
	list_del(&r->seq_link);
	list_del(&r->time_link);
	a->nrecs--;
	if (r == &a->rec0) {
		a->rec0_used = false;
		return;
	}
	if (t->tcp->nrec_free >= POOL_RECS) {
		tcp_mem_free(t, r, sizeof(*r));
		return;
	}
	r->seq_link.next = t->tcp->rec_free ? &t->tcp->rec_free->seq_link : NULL;
	t->tcp->rec_free = r;
	t->tcp->nrec_free++;
}

void tcp_pools_fini(struct tapir *t)
{
	while (t->tcp->rec_free) {
		struct tcp_rec *r = t->tcp->rec_free;

		t->tcp->rec_free =
			r->seq_link.next ? container_of(r->seq_link.next, struct tcp_rec, seq_link)
					 : NULL;
		tcp_mem_free(t, r, sizeof(*r));
	}
	while (t->tcp->page_free) {
		struct tcp_free *p = t->tcp->page_free;

		t->tcp->page_free = p->next;
		tcp_mem_free(t, p, TCP_PAGE);
	}
	while (t->tcp->act_free) {
		struct tcp_free *a = t->tcp->act_free;

		t->tcp->act_free = a->next;
		tcp_mem_free(t, a, sizeof(struct tcp_act));
	}
	t->tcp->npage_free = 0;
	t->tcp->nrec_free = 0;
	t->tcp->nact_free = 0;
}

/* What is left of r's segments, counted as they were cut. */
static uint32_t rec_segs(const struct tcp_rec *r)
{
	uint32_t text = r->len - (r->flags & (TCP_REC_FIN | TCP_REC_SYN) ? 1 : 0);

	return text <= r->mss ? 1 : (text + r->mss - 1) / r->mss;
}

uint32_t tcp_rec_segs(const struct tcp_rec *r)
{
	return rec_segs(r);
}

uint32_t tcp_rec_segs_within(const struct tcp_rec *r, uint32_t n)
{
	uint32_t left = r->len - n - (r->flags & TCP_REC_FIN && n < r->len ? 1 : 0);

	/* Of a segment acknowledged in part nothing has arrived yet that would count. */
	if (n == r->len)
		return rec_segs(r);
	return rec_segs(r) - (left <= r->mss ? 1 : (left + r->mss - 1) / r->mss);
}

/* Whether r waits to be sent again. */
static bool rec_waits(const struct tcp_rec *r)
{
	return (r->flags & (TCP_REC_LOST | TCP_REC_RETRANS)) == TCP_REC_LOST;
}

/* Adds r to the sums, or takes it out (`n` and `len` negated, modulo 2^32). */
static void sums(struct tcp_act *a, const struct tcp_rec *r, uint32_t n, uint32_t len)
{
	a->segs_out += n;
	if (!(r->flags & (TCP_REC_SACKED | TCP_REC_LOST)))
		a->in_flight += len;
	if (r->flags & TCP_REC_SACKED) {
		a->segs_sacked += n;
		if (seq_lt(r->seq, a->judged))
			a->judged_sacked += n;
	}
	if (r->flags & TCP_REC_LOST) {
		a->segs_lost += n;
		a->lost_bytes += len;
	}
	if (r->flags & TCP_REC_RETRANS) {
		a->segs_retrans += n;
		a->in_flight += len;
	}
}

/* Around every change of len or flags. TC-01: 32 bits count the segments of any window, one octet each. */
static void sums_out(struct tcp_act *a, const struct tcp_rec *r)
{
	sums(a, r, 0 - rec_segs(r), 0 - r->len);
}

static void sums_in(struct tcp_act *a, const struct tcp_rec *r)
{
	sums(a, r, rec_segs(r), r->len);
}

/* In the list by time are those whose arrival is still awaited: RACK looks at no others. */
static void time_join(struct tcp_act *a, struct tcp_rec *r)
{
	r->tx = ++a->tx_count;
	list_del(&r->time_link);
	list_add_tail(&a->recs_time, &r->time_link);
}

/*
 * Whether b, right behind a, can become part of it. Only full segments may have something behind them, so that
 * segments can be counted; but with many records precision gives way.
 */
static bool rec_mergeable(const struct tcp_act *act, const struct tcp_rec *a,
			  const struct tcp_rec *b)
{
	/* PSH is of a record's last segment; what is SACKED is most likely never sent again. */
	bool psh = a->flags & (TCP_REC_PSH | TCP_REC_EOR) && !(a->flags & TCP_REC_SACKED) &&
		   act->nrecs < RECS_MAX / 2;

	if (a->seq + a->len != b->seq || psh ||
	    (a->flags & ~(TCP_REC_PSH | TCP_REC_EOR)) != (b->flags & ~REC_END) ||
	    a->flags & (TCP_REC_SYN | TCP_REC_FIN | TCP_REC_PROBE) || rec_waits(a))
		return false;
	if (b->len - (b->flags & TCP_REC_FIN ? 1 : 0) == 0)
		return false; /* a FIN by itself is a segment */
	if ((a->len % a->mss || b->mss > a->mss || (b->mss < a->mss && b->len > b->mss)) &&
	    act->nrecs < RECS_MAX / 2)
		return false;
	if (a->flags & TCP_REC_SACKED)
		return (a->times > 1) == (b->times > 1); /* nobody asks again when it was sent */
	return a->times == b->times && a->sent_ns == b->sent_ns;
}

/* Puts b, right behind a, into it. */
static void rec_absorb(struct tapir *t, struct tcp_act *act, struct tcp_rec *a, struct tcp_rec *b)
{
	sums_out(act, a);
	sums_out(act, b);
	a->len += b->len;
	a->flags = (uint8_t)((a->flags & ~REC_END) | (b->flags & REC_END));
	sums_in(act, a);
	b->flags = 0;
	if (act->judged_hint == b)
		act->judged_hint = a;
	rec_put(t, act, b);
}

static struct tcp_rec *rec_prev(const struct tcp_act *a, const struct tcp_rec *r)
{
	struct list *l = list_prev(&a->recs, &r->seq_link);

	return l ? container_of(l, struct tcp_rec, seq_link) : NULL;
}

struct tcp_rec *tcp_rec_next(const struct tcp_act *a, const struct tcp_rec *r)
{
	struct list *l = list_next(&a->recs, &r->seq_link);

	return l ? container_of(l, struct tcp_rec, seq_link) : NULL;
}

struct tcp_rec *tcp_rec_sent(struct tapir *t, struct tcp_conn *c, uint32_t seq, uint32_t len,
			     uint8_t flags)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *last = LIST_LAST(&a->recs, struct tcp_rec, seq_link);
	uint32_t text = len - (flags & (TCP_REC_FIN | TCP_REC_SYN) ? 1 : 0);
	struct tcp_rec want = {.seq = seq,
			       .len = len,
			       .sent_ns = t->now_ns,
			       .mss = (uint16_t)max_u32(min_u32(text, tcp_conn_smss(c)), 1),
			       .times = 1,
			       .flags = flags};
	struct tcp_rec *r;

	if (flags & TCP_REC_PROBE)
		want.mss = (uint16_t)min_u32(text, UINT16_MAX);
	/* Not if something was sent in between: the order of sending is what RACK stands on. */
	if (last && !(flags & TCP_REC_PROBE) && last->time_link.next == &a->recs_time &&
	    rec_mergeable(a, last, &want)) {
		sums_out(a, last);
		last->len += len;
		last->flags = (uint8_t)((last->flags & ~REC_END) | (flags & REC_END));
		sums_in(a, last);
		return last;
	}
	r = rec_get(t, a);
	if (!r && !a->rec0_used) {
		r = &a->rec0;
		a->rec0_used = true;
		a->nrecs++;
	}
	if (!r) {
		/* Lump it: two transmissions, so that Karn's rule takes no sample from it. */
		TAPIR_ASSERT(last);
		sums_out(a, last);
		last->len += len;
		last->flags = (uint8_t)((last->flags | flags) &
					~(TCP_REC_LOST | TCP_REC_RETRANS | TCP_REC_SACKED));
		last->times = 2;
		sums_in(a, last);
		time_join(a, last);
		return last;
	}
	*r = want;
	list_init(&r->time_link);
	list_add_tail(&a->recs, &r->seq_link);
	time_join(a, r);
	sums_in(a, r);
	return r;
}

void tcp_rec_ack(struct tapir *t, struct tcp_act *a, struct tcp_rec *r, uint32_t n)
{
	sums_out(a, r);
	if (n < r->len) {
		r->seq += n;
		r->len -= n;
		r->flags &= (uint8_t)~TCP_REC_SYN;
		sums_in(a, r);
		return;
	}
	r->flags = 0;
	rec_put(t, a, r);
}

bool tcp_rec_split(struct tapir *t, struct tcp_act *a, struct tcp_rec *r, uint32_t len)
{
	struct tcp_rec *rest = rec_get(t, a);

	if (!rest)
		return false;
	sums_out(a, r);
	*rest = *r;
	rest->seq += len;
	rest->len -= len;
	rest->flags &= (uint8_t)~TCP_REC_SYN;
	r->len = len;
	r->flags &= (uint8_t)~REC_END;
	r->mss = (uint16_t)min_u32(r->mss, len);
	list_add_after(&r->seq_link, &rest->seq_link);
	if (list_linked(&r->time_link))
		list_add_after(&r->time_link, &rest->time_link);
	else
		list_init(&rest->time_link);
	sums_in(a, r);
	sums_in(a, rest);
	return true;
}

struct tcp_rec *tcp_rec_first_lost(struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *r = a->lost_hint;

	if (a->segs_lost == 0)
		return NULL;
	if (!r)
		r = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);
	for (; r; r = tcp_rec_next(a, r)) {
		if (rec_waits(r)) {
			a->lost_hint = r;
			return r;
		}
	}
	a->lost_hint = LIST_LAST(&a->recs, struct tcp_rec, seq_link);
	return NULL;
}

void tcp_rec_mark_lost(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r)
{
	struct tcp_act *a = c->act;

	if (r->flags & TCP_REC_SACKED || rec_waits(r))
		return;
	sums_out(a, r);
	a->lost_total += rec_segs(r);
	if (r->flags & TCP_REC_LOST)
		STAT_ADD(t, TcpExt, TCPLostRetransmit, rec_segs(r)); /* R8985-3: lost once more */
	if (r->flags & TCP_REC_PROBE) {
		/* R4821-2: the path did not carry it: told to those who asked, and an ordinary segment now. */
		tcp_mtup_lost(t, c, r);
		r->flags &= (uint8_t)~TCP_REC_PROBE;
	}
	r->flags = (uint8_t)((r->flags | TCP_REC_LOST) & ~TCP_REC_RETRANS);
	sums_in(a, r);
	list_del(&r->time_link);
	if (a->lost_hint && seq_lt(r->seq, a->lost_hint->seq))
		a->lost_hint = r;
}

void tcp_rec_mark_original_lost(struct tcp_act *a, struct tcp_rec *r)
{
	sums_out(a, r);
	r->flags |= TCP_REC_LOST;
	sums_in(a, r);
}

/* Whether the record at l was sent after r. */
static bool sent_later(const struct list *l, const struct tcp_rec *r)
{
	const struct tcp_rec *other = container_of(l, const struct tcp_rec, time_link);

	if (other->sent_ns != r->sent_ns)
		return other->sent_ns > r->sent_ns;
	return seq_gt(other->tx, r->tx);
}

/*
 * Behind whom r belongs in the list by time, searched from `at`, where its neighbour by sequence went: mostly that is
 * its place. Not from the head: beyond the bound the order would turn round there, and RACK end its look too early.
 */
static struct list *time_place(struct tcp_act *a, struct list *at, const struct tcp_rec *r)
{
	int steps = REJOIN_STEPS;

	while (at != &a->recs_time && sent_later(at, r) && steps-- > 0)
		at = at->prev;
	while (at->next != &a->recs_time && !sent_later(at->next, r) && steps-- > 0)
		at = at->next;
	return at;
}

void tcp_rec_unmark_lost(struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct list *at = &a->recs_time;
	struct tcp_rec *r;

	LIST_FOREACH (r, &a->recs, struct tcp_rec, seq_link) {
		if (!(r->flags & TCP_REC_LOST))
			continue;
		sums_out(a, r);
		r->flags &= (uint8_t)~TCP_REC_LOST;
		sums_in(a, r);
		if (!list_linked(&r->time_link)) {
			at = time_place(a, at, r);
			list_add_after(at, &r->time_link);
			at = &r->time_link;
		}
	}
	a->lost_hint = NULL;
	tcp_rec_judge_anew(c);
}

void tcp_rec_judge_anew(struct tcp_conn *c)
{
	c->act->judged = c->snd_una;
	c->act->judged_sacked = 0;
	c->act->judged_hint = NULL;
}

struct tcp_rec *tcp_rec_mark_sacked(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *p;

	sums_out(a, r);
	/*
	 * As Linux: what was sent again but is held lost no more (an undo) has its copy still on the way. R6675-1: but
	 * SetPipe() knows no copies of what is SACKed.
	 */
	if (r->flags & TCP_REC_LOST || !tcp_use_rack(t))
		r->flags &= (uint8_t) ~(TCP_REC_LOST | TCP_REC_RETRANS);
	r->flags |= TCP_REC_SACKED;
	sums_in(a, r);
	list_del(&r->time_link);
	p = rec_prev(a, r);
	if (p && p->flags & TCP_REC_SACKED && rec_mergeable(a, p, r)) {
		STAT_INC(t, TcpExt, TCPSackMerged);
		rec_absorb(t, a, p, r);
		r = p;
	}
	p = tcp_rec_next(a, r);
	if (p && p->flags & TCP_REC_SACKED && rec_mergeable(a, r, p)) {
		STAT_INC(t, TcpExt, TCPSackMerged);
		rec_absorb(t, a, r, p);
	}
	a->sack_hint = r;
	return r;
}

void tcp_rec_forget_sacks(struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *r;

	LIST_FOREACH (r, &a->recs, struct tcp_rec, seq_link) {
		if (!(r->flags & TCP_REC_SACKED))
			continue;
		sums_out(a, r);
		r->flags &= (uint8_t)~TCP_REC_SACKED;
		sums_in(a, r);
		list_add_head(&a->recs_time, &r->time_link);
	}
	tcp_rec_judge_anew(c);
}

void tcp_rec_clear_retrans(struct tcp_act *a, struct tcp_rec *r)
{
	sums_out(a, r);
	r->flags &= (uint8_t)~TCP_REC_RETRANS;
	sums_in(a, r);
	/* Found lost and not on its way any more: it waits, and RACK need not look at it. */
	if (r->flags & (TCP_REC_LOST | TCP_REC_SACKED))
		list_del(&r->time_link);
	if (rec_waits(r) && a->lost_hint && seq_lt(r->seq, a->lost_hint->seq))
		a->lost_hint = r;
}

void tcp_rec_mark_head_lost(struct tapir *t, struct tcp_conn *c)
{
	if (!list_empty(&c->act->recs))
		tcp_rec_mark_lost(t, c, LIST_FIRST(&c->act->recs, struct tcp_rec, seq_link));
	c->act->rexmit = TCP_REXMIT_LOST;
}

void tcp_rec_mark_all_lost(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_rec *r;

	LIST_FOREACH (r, &c->act->recs, struct tcp_rec, seq_link)
		tcp_rec_mark_lost(t, c, r);
	c->act->rexmit = TCP_REXMIT_LOST;
}

struct tcp_rec *tcp_rec_resent(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t len,
			       bool probe)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *p;

	if (len < r->len && !tcp_rec_split(t, a, r, len))
		return NULL;
	sums_out(a, r);
	if (!probe)
		r->flags |= TCP_REC_RETRANS;
	if (r->times < UINT8_MAX)
		r->times++;
	r->sent_ns = t->now_ns;
	sums_in(a, r);
	/* A tail probe may repeat what was SACKed, which nobody waits for, or what was found lost, which goes again all the same. */
	if (!(r->flags & TCP_REC_SACKED) && !rec_waits(r))
		time_join(a, r);
	p = rec_prev(a, r);
	if (p && p->time_link.next == &r->time_link && rec_mergeable(a, p, r)) {
		if (a->lost_hint == r)
			a->lost_hint = p;
		rec_absorb(t, a, p, r);
		r = p;
	}
	return r;
}

/* Text of r, SYN and FIN not counted. */
static uint32_t rec_text(const struct tcp_rec *r)
{
	return r->len - (r->flags & (TCP_REC_FIN | TCP_REC_SYN) ? 1 : 0);
}

/* r's first segments become one of up to `room` bytes of text; false: r holds more than that one. */
static bool join_within(struct tapir *t, struct tcp_act *a, struct tcp_rec *r, uint32_t room)
{
	uint32_t text = rec_text(r), n = min_u32(text, room / r->mss * r->mss);

	if (text > room || text > n) {
		if (n > r->mss && tcp_rec_split(t, a, r, n)) {
			sums_out(a, r);
			r->mss = (uint16_t)n;
			sums_in(a, r);
		}
		return false;
	}
	sums_out(a, r);
	r->mss = (uint16_t)max_u32(text, 1);
	sums_in(a, r);
	return true;
}

void tcp_rec_join(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t room,
		  uint32_t edge)
{
	struct tcp_act *a = c->act;
	uint32_t had = a->segs_out;

	if (r->flags & (TCP_REC_SYN | TCP_REC_FIN | TCP_REC_PROBE) || r->mss >= room ||
	    !join_within(t, a, r, room))
		return;
	for (struct tcp_rec *n;
	     (n = tcp_rec_next(a, r)) && !(r->flags & (TCP_REC_FIN | TCP_REC_EOR));) {
		uint32_t first = min_u32(n->mss, rec_text(n));
		bool whole = first == rec_text(n);

		if (n->flags & (TCP_REC_SACKED | TCP_REC_SYN | TCP_REC_PROBE) ||
		    rec_text(r) + first > room || seq_gt(n->seq + (whole ? n->len : first), edge))
			break;
		if (!whole && !tcp_rec_split(t, a, n, first))
			break;
		sums_out(a, r);
		sums_out(a, n);
		r->len += n->len;
		r->mss = (uint16_t)max_u32(r->mss + first, 1);
		r->flags |= (uint8_t)(n->flags & REC_END);
		sums_in(a, r);
		n->flags = 0;
		rec_put(t, a, n);
	}
	/* There are fewer segments now that duplicate ACKs can stand for. */
	a->reno_sacked -= min_u32(a->reno_sacked, had - a->segs_out);
}

struct tcp_rec *tcp_rec_last_segment(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *r = LIST_LAST(&a->recs, struct tcp_rec, seq_link);
	uint32_t n = r ? rec_segs(r) : 0;

	if (n <= 1)
		return r;
	if (!tcp_rec_split(t, a, r, (n - 1) * r->mss))
		return NULL;
	return tcp_rec_next(a, r);
}

void tcp_rec_free_all(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	while (!list_empty(&a->recs)) {
		struct tcp_rec *r = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);

		sums_out(a, r);
		rec_put(t, a, r);
	}
	a->reno_sacked = 0;
}
