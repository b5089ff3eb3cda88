/*
 * The peer's selective acknowledgments (RFC 2018 5, RFC 2883, RFC 6675 4: Update()).
 *
 *	SND.UNA                                                SND.MAX
 *	   | lost? | SACKED | SACKED | lost? | SACKED | in flight |
 *	                                              ^ high_sacked
 *
 * The scoreboard is the records themselves. A block marks whole segments: what it covers of a segment in part counts
 * as not SACKed, so that single octets cut nothing (TC-04); neighbours that were SACKed become one record. An ACK may
 * say what it likes: a block is believed only if it lies within what was sent and is not acknowledged yet; work is
 * bounded by the records looked at, and what is beyond the bound waits for the next ACK that repeats it (TC-02).
 *
 * Nothing is freed because of a SACK: the peer may change its mind (RFC 2018 8), and data is kept until the
 * cumulative ACK passes it (R2018-6, TC-31).
 *
 * The first block may report a duplicate instead, a D-SACK: it lies below the ACK of the same segment (R2883-3),
 * or within the second block. It acknowledges nothing, but tells that a retransmission was not needed.
 */
#include "stack/tcp/tcp_recovery.h"

enum {
	BLOCKS = 4,
	STEPS_MAX = 4096, /* records looked at in one ACK */
};

struct block {
	uint32_t start, end;
	bool dup;
};

/* ---- D-SACK ---- */

/* Segments that a D-SACK reports; 0: nothing that we sent again can have caused it (TC-32). */
static uint32_t dsack_segs(const struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p,
			   uint32_t start, uint32_t end)
{
	uint32_t len = end - start, mss = tcp_conn_smss(c), n = 1;

	(void)t;
	if (!seq_lt(start, end) || len > c->max_snd_wnd)
		return 0;
	if (len > mss)
		n = (len + mss - 1) / mss;
	else if (c->tlp_out && c->tlp_high_seq == end)
		p->flags |= TCP_ACK_DSACK_TLP;
	c->m.dsack_dups += n;
	/* No more duplicates than we made ourselves; the network's are not our mistakes. */
	if (c->m.dsack_dups > c->total_retrans)
		return 0;
	/* RFC 8985 6.2 step 4: not of the tail probe, whose copies were meant. */
	if (c->m.reord_seen && !(p->flags & TCP_ACK_DSACK_TLP))
		c->rack_dsack = true;
	p->flags |= TCP_ACK_DSACK;
	p->delivered += n;
	return n;
}

/* Whether the first block is a D-SACK (RFC 2883 5). */
static bool take_dsack(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	const struct tcp_opts *o = &p->seg->opt;
	uint32_t start = o->sack[0].start, end = o->sack[0].end, n;

	/* R2883-3: by the ACK of this very segment, not by SND.UNA: old ACKs come late. */
	if (seq_lt(start, p->seg->ack)) {
		STAT_INC(t, TcpExt, TCPDSACKRecv);
	} else if (o->n_sack > 1 && seq_leq(end, o->sack[1].end) &&
		   seq_geq(start, o->sack[1].start)) {
		STAT_INC(t, TcpExt, TCPDSACKOfoRecv);
	} else {
		return false;
	}
	n = dsack_segs(t, c, p, start, end);
	if (!n) {
		STAT_INC(t, TcpExt, TCPDSACKIgnoredDubious);
		return false;
	}
	STAT_ADD(t, TcpExt, TCPDSACKRecvSegs, n);
	/* Of what is acknowledged and forgotten: no record tells any more, so it is only counted. */
	if (c->undo_open && c->undo_retrans > 0 && seq_leq(end, p->prior_una) &&
	    seq_gt(end, c->undo_marker))
		c->undo_retrans -= (int32_t)min_u32((uint32_t)c->undo_retrans, n);
	return true;
}

/* ---- which blocks count ---- */

/* SND.UNA as this very ACK leaves it: it moves only when the blocks have been looked at. */
static uint32_t una_of(const struct tcp_conn *c, const struct tcp_ack_pass *p)
{
	return seq_max(p->seg->ack, c->snd_una);
}

/*
 * R2018-9: within what is outstanding; a D-SACK may also lie below, as far as the undo reaches, and below what comes
 * with it: the ACK that ends a recovery is often the one that says that it was needless.
 */
static bool block_valid(const struct tcp_conn *c, const struct tcp_ack_pass *p,
			const struct block *b)
{
	uint32_t una = una_of(c, p);

	if (seq_gt(b->end, c->snd_nxt) || !seq_lt(b->start, b->end) ||
	    !seq_lt(b->start, c->snd_nxt))
		return false;
	if (seq_gt(b->start, una))
		return true;
	if (!b->dup || !c->undo_open || seq_gt(b->end, una))
		return false;
	if (seq_geq(b->start, c->undo_marker))
		return true;
	return seq_gt(b->end, c->undo_marker) && seq_geq(b->start, b->end - c->max_snd_wnd);
}

static void discard(struct tapir *t, const struct tcp_conn *c, const struct tcp_ack_pass *p,
		    const struct block *b)
{
	if (b->dup && c->undo_open)
		STAT_INC(t, TcpExt, TCPDSACKIgnoredOld);
	else if (b->dup)
		STAT_INC(t, TcpExt, TCPDSACKIgnoredNoUndo);
	else if (p->seg->ack == una_of(c, p) || seq_gt(b->end, c->snd_una))
		STAT_INC(t, TcpExt, TCPSACKDiscard); /* and not just an ACK that came late */
}

/* The blocks to look at, by sequence. */
static unsigned choose(struct tapir *t, const struct tcp_conn *c, const struct tcp_ack_pass *p,
		       bool dup, struct block *out)
{
	const struct tcp_opts *o = &p->seg->opt;
	unsigned n = 0;

	for (unsigned i = 0; i < o->n_sack && i < BLOCKS; i++) {
		struct block b = {o->sack[i].start, o->sack[i].end, dup && i == 0};
		unsigned at = n;

		if (!block_valid(c, p, &b)) {
			discard(t, c, p, &b);
			continue;
		}
		if (seq_leq(b.end, p->prior_una))
			continue;
		for (; at > 0 && seq_gt(out[at - 1].start, b.start); at--)
			out[at] = out[at - 1];
		out[at] = b;
		n++;
	}
	return n;
}

/* ---- marking ---- */

static uint32_t distance(uint32_t a, uint32_t b)
{
	int32_t d = seq_diff(a, b);

	return (uint32_t)(d < 0 ? -d : d);
}

/* The record that has `seq`, or the first; from whichever of three is nearest. */
static struct tcp_rec *locate(struct tcp_act *a, uint32_t seq, unsigned *steps)
{
	struct tcp_rec *r = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);
	struct tcp_rec *last = LIST_LAST(&a->recs, struct tcp_rec, seq_link);

	if (distance(last->seq, seq) < distance(r->seq, seq))
		r = last;
	if (a->sack_hint && distance(a->sack_hint->seq, seq) < distance(r->seq, seq))
		r = a->sack_hint;
	while (seq_gt(r->seq, seq) && r->seq_link.prev != &a->recs && *steps) {
		r = container_of(r->seq_link.prev, struct tcp_rec, seq_link);
		--*steps;
	}
	while (r && seq_leq(r->seq + r->len, seq) && *steps) {
		r = tcp_rec_next(a, r);
		--*steps;
	}
	return r;
}

/* The part of r that [start, end) covers in whole segments, cut out; NULL: none, or it can't be. */
static struct tcp_rec *cut_out(struct tapir *t, struct tcp_act *a, struct tcp_rec *r,
			       uint32_t start, uint32_t end)
{
	uint32_t text = r->len - (r->flags & (TCP_REC_FIN | TCP_REC_SYN) ? 1 : 0);
	uint32_t from = 0, to = r->len;

	if (seq_gt(start, r->seq))
		from = (start - r->seq + r->mss - 1) / r->mss * r->mss;
	if (seq_lt(end, r->seq + r->len)) {
		to = end - r->seq;
		if (to != text)
			to = to / r->mss * r->mss;
	}
	if (from >= to)
		return NULL;
	if (from > 0) {
		if (!tcp_rec_split(t, a, r, from))
			return NULL;
		r = tcp_rec_next(a, r);
	}
	if (to - from < r->len && !tcp_rec_split(t, a, r, to - from))
		return NULL;
	return r;
}

/* r, whole, is in a block. Returns the record that it is part of now. */
static struct tcp_rec *tag(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p,
			   struct tcp_rec *r, bool dup, uint32_t *reord)
{
	struct tcp_act *a = c->act;
	uint32_t end = r->seq + r->len, n = tcp_rec_segs(r);

	if (dup && r->times > 1) {
		if (c->undo_open && c->undo_retrans > 0 && seq_gt(end, c->undo_marker))
			c->undo_retrans -= (int32_t)min_u32((uint32_t)c->undo_retrans, n);
		if (r->flags & TCP_REC_SACKED)
			*reord = seq_min(*reord, r->seq);
	}
	if (seq_leq(end, una_of(c, p)))
		return r; /* it is about to be acknowledged: no news */
	if (!(r->flags & TCP_REC_SACKED)) {
		tcp_rack_advance(t, c, r, end);
		if (r->times == 1) {
			/* A hole filled by what was sent once: it came late, and was not lost. */
			if (seq_lt(r->seq, tcp_high_sacked(c)))
				*reord = seq_min(*reord, r->seq);
			if (seq_leq(end, c->recover))
				p->flags |= TCP_ACK_ORIG;
			if (!p->first_sack_ns)
				p->first_sack_ns = max_u64(r->sent_ns, 1);
			p->last_sack_ns = max_u64(r->sent_ns, 1);
		}
		p->flags |= TCP_ACK_DATA_SACKED;
		p->delivered += n;
		tcp_rate_delivered(t, c, r, r->len, &p->rs);
		if (!a->segs_sacked || seq_gt(end, a->high_sacked))
			a->high_sacked = end;
		r = tcp_rec_mark_sacked(t, c, r);
	}
	if (dup && r->flags & TCP_REC_RETRANS)
		tcp_rec_clear_retrans(a, r);
	return r;
}

static void mark_block(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p,
		       const struct block *b, unsigned *steps, uint32_t *reord)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *r = locate(a, b->start, steps);

	while (r && seq_lt(r->seq, b->end) && *steps) {
		struct tcp_rec *whole = r;

		--*steps;
		a->sack_hint = r;
		if (!(r->flags & TCP_REC_SACKED) || b->dup) {
			if (seq_lt(r->seq, b->start) || seq_gt(r->seq + r->len, b->end))
				whole = cut_out(t, a, r, b->start, b->end);
			if (whole)
				r = tag(t, c, p, whole, b->dup, reord);
		}
		r = tcp_rec_next(a, r);
	}
}

void tcp_scoreboard(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p)
{
	const struct tcp_opts *o = &p->seg->opt;
	uint32_t reord = c->snd_nxt;
	struct block b[BLOCKS];
	unsigned n, steps = STEPS_MAX;
	bool dup;

	if (!(o->has & TCP_HAS_SACK) || o->n_sack == 0 || !tcp_has_sack(c))
		return;
	dup = take_dsack(t, c, p);
	if (!c->act || list_empty(&c->act->recs))
		return;
	n = choose(t, c, p, dup, b);
	for (unsigned i = 0; i < n && steps; i++)
		mark_block(t, c, p, &b[i], &steps, &reord);
	if (c->ca_state != TCP_CA_LOSS || c->undo_open)
		tcp_reordering_seen(t, c, reord, false);
}

void tcp_reordering_seen(struct tapir *t, struct tcp_conn *c, uint32_t low, bool ts)
{
	uint32_t high = tcp_high_sacked(c), mss = tcp_conn_smss(c);
	uint32_t metric;

	if (!seq_lt(low, high))
		return;
	metric = high - low;
	if (metric > (uint64_t)tcp_reordering(t, c) * mss)
		c->reordering = (uint16_t)min_u32((metric + mss - 1) / mss,
						  (uint32_t)t->conf.tcp_max_reordering);
	c->m.reord_seen++;
	if (ts)
		STAT_INC(t, TcpExt, TCPTSReorder);
	else
		STAT_INC(t, TcpExt, TCPSACKReorder);
}
