/*
 * Text and FIN: the seventh and eighth steps of RFC 9293 3.10.7.4.
 *
 * Text that arrives is put where it belongs, in order or not; the range set remembers what lies
 * beyond RCV.NXT, and is both the reassembly queue and the source of SACK blocks. A FIN ahead of its
 * turn is remembered as a number.
 *
 * What is out of order, fills a hole or was a duplicate is acknowledged at once (RFC 5681 4.2); when all
 * else is, tcp_rcv.c decides.
 */
#include <errno.h>

#include "stack/core/emit.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_user.h"

/* RCV.NXT moves forward by n in-order bytes. */
static void advance(struct tcp_conn *c, uint32_t n)
{
	c->rcv_nxt += n;
	c->rcv_wnd = c->rcv_wnd > n ? c->rcv_wnd - n : 0;
	c->bytes_received += n;
}

/* What stood beyond the hole is in order now; a FIN's octet among it is the eighth step's. */
static void absorb_ooo(struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct ranges *s = &a->ooo;

	while (s->n && seq_leq(s->r[0].start, c->rcv_nxt)) {
		uint32_t end = s->r[0].end;

		if (a->fin_seen)
			end = seq_min(end, a->fin_seq);
		if (seq_gt(end, c->rcv_nxt))
			advance(c, end - c->rcv_nxt);
		ranges_remove(s, 0);
	}
}

static enum tcp_step text_in_order(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
				   enum drop_reason *reason)
{
	struct ranges_added added = {0};
	bool had_hole = c->act->ooo.n > 0;

	if (had_hole && !(seg->flags & TCP_FIN) &&
	    ranges_overlaps(&c->act->ooo, seg->seq, seg->seq + seg->text_len)) {
		uint32_t end = seg->seq + seg->text_len;

		/* Bytes that are already here are not written again: the first copy stands. */
		added.dup_start = seq_max(c->act->ooo.r[0].start, seg->seq);
		added.dup_end = seq_min(c->act->ooo.r[0].end, end);
		tcp_sack_duplicate(t, c, added.dup_start, added.dup_end, false);
	}
	if (!tcp_mem_take(t, c, seg->seq, seg->text, seg->text_len)) {
		STAT_INC(t, TcpExt, TCPRcvQDrop);
		/* Reading what is there makes room, and the peer learns what was not taken. */
		c->flags |= TCP_F_ACK_NOW;
		ready_mark(t, &c->rdy, c->rcv_user != tcp_rcv_end(c) ? TAPIR_IN : 0);
		*reason = DROP_TCP_RCVBUF;
		return TCP_STEP_DROP;
	}
	advance(c, seg->text_len);
	c->m.last_data_ms = (uint32_t)(t->now_ns / 1000000);
	tcp_rcv_data(t, c, seg);
	/* R3168-5; behind the receiver's look at it, or the first mark would be the end of the quick ACKs. */
	tcp_ecn_data(t, c, seg);
	c->flags |= TCP_F_ACK_SCHED;
	if (had_hole) {
		absorb_ooo(c);
		/* R5681-8: a hole is filled, wholly; where another is left tcp_rcv_ack() finds it. */
		if (c->act->ooo.n == 0 && !(seg->flags & TCP_FIN))
			c->flags |= TCP_F_ACK_NOW;
	}
	ready_mark(t, &c->rdy, TAPIR_IN);
	return TCP_STEP_NEXT;
}

/*
 * Whether a FIN ahead of its turn, at `at`, may stand. The first one does, as octets do; one before octets that are here
 * already, delivered or waiting, contradicts them.
 */
static bool fin_stands(const struct tcp_act *a, uint32_t at)
{
	if (a->fin_seen)
		return at == a->fin_seq;
	return a->ooo.n == 0 || seq_leq(a->ooo.r[a->ooo.n - 1].end, at);
}

/* TC-61: once the peer has named its end, what comes behind it is none of the stream. */
static void cut_at_fin(const struct tcp_act *a, struct tcp_seg *seg)
{
	if (!a->fin_seen || seq_leq(seg->seq + seg->text_len, a->fin_seq))
		return;
	seg->text_len = seq_gt(a->fin_seq, seg->seq) ? a->fin_seq - seg->seq : 0;
	seg->flags &= (uint16_t)~TCP_FIN;
}

/* Text, FIN or both beyond RCV.NXT; as Linux the FIN's octet is one of the island's (R2018-3). */
static enum tcp_step text_out_of_order(struct tapir *t, struct tcp_conn *c,
				       const struct tcp_seg *seg, enum drop_reason *reason)
{
	struct tcp_act *a = c->act;
	struct ranges_added added;
	uint32_t text_end = seg->seq + seg->text_len, end;
	bool fin = seg->flags & TCP_FIN && fin_stands(a, text_end);
	int err;

	/* SHLD-13, SHLD-31, MAY-13, R2018-3: each is answered by itself. */
	c->flags |= TCP_F_ACK_SCHED;
	end = text_end + (fin ? 1 : 0);
	if (end == seg->seq)
		return TCP_STEP_NEXT;
	STAT_INC(t, TcpExt, TCPOFOQueue);
	c->m.rcv_ooopack++;
	/* TC-05, TC-06, TC-08, CL-29: so many islands; one more is dropped, and not reported (R2018-8). */
	err = ranges_can_insert(&a->ooo, seg->seq, end);
	if (err && (err != -ENOSPC || !tcp_ooo_grow(t, c))) {
		STAT_INC(t, TcpExt, TCPOFODrop);
		STAT_INC(t, Tapir, TcpOooFull);
		*reason = DROP_TCP_OOO_FULL;
		return TCP_STEP_DROP;
	}
	if (seg->text_len && (tcp_rcv_refuses(t, c, seg->seq, seg->text_len) ||
			      !tcp_rcv_store(t, c, seg->seq, seg->text, seg->text_len))) {
		STAT_INC(t, TcpExt, TCPOFODrop);
		*reason = DROP_TCP_OOO_FULL;
		return TCP_STEP_DROP;
	}
	tcp_rcv_ack_held(t, c, seg->seq, end);
	ranges_insert(&a->ooo, seg->seq, end, &added);
	if (fin) {
		a->fin_seen = true;
		a->fin_seq = text_end;
	}
	if (added.new_bytes)
		tcp_rcv_island(t, c, seg);
	tcp_mem_hoards(t, c);
	if (added.duplicate)
		tcp_sack_duplicate(t, c, added.dup_start, added.dup_end, false);
	return TCP_STEP_NEXT;
}

/* What is not taken earns an ACK, and so do the next ones. */
static enum tcp_step refuse(struct tapir *t, struct tcp_conn *c, enum drop_reason why,
			    enum drop_reason *reason)
{
	tcp_rcv_quick(t, c, TCP_QUICKACKS_MAX);
	c->flags |= TCP_F_ACK_SCHED;
	*reason = why;
	return TCP_STEP_DROP;
}

static enum tcp_step closed_window(struct tapir *t, struct tcp_conn *c, enum drop_reason *reason)
{
	STAT_INC(t, TcpExt, TCPZeroWindowDrop);
	return refuse(t, c, DROP_TCP_WINDOW, reason);
}

enum tcp_step tcp_text_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			     enum drop_reason *reason)
{
	uint32_t end = seg->seq + seg->len;

	/* MUST-66: its ACK, URG and RST were heard; a FIN by itself needs no room (as Linux). */
	if (seg->seq == c->rcv_nxt && c->rcv_wnd == 0 && seg->text_len)
		return closed_window(t, c, reason);
	if (seq_leq(end, c->rcv_nxt)) {
		/* Our ACK was lost, or the peer's RTO is too short: ACKs go at once for a while (EVT-18). */
		STAT_INC(t, TcpExt, DelayedACKLost);
		tcp_sack_duplicate(t, c, seg->seq, end, true);
		return refuse(t, c, DROP_TCP_OLD, reason);
	}
	if (seg->seq != c->rcv_nxt && seq_geq(seg->seq, c->rcv_nxt + c->rcv_wnd))
		return refuse(t, c, DROP_TCP_WINDOW, reason);
	if (seq_lt(seg->seq, c->rcv_nxt)) {
		/* EVT-19, TC-47: what is known is cut off, and told when the rest is acknowledged, as Linux does. */
		uint32_t n = min_u32(c->rcv_nxt - seg->seq, seg->text_len);

		tcp_sack_duplicate(t, c, seg->seq, c->rcv_nxt, true);
		if (c->rcv_wnd == 0)
			return closed_window(t, c, reason);
		seg->text += n;
		seg->text_len -= n;
		seg->len = end - c->rcv_nxt;
		seg->seq = c->rcv_nxt;
	}
	if (seg->text_len == 0 && seg->seq == c->rcv_nxt)
		return TCP_STEP_NEXT; /* a FIN */
	if (!tcp_act_get(t, c)) {
		STAT_INC(t, TcpExt, TCPRcvQDrop);
		c->flags |= TCP_F_ACK_SCHED;
		*reason = DROP_TCP_MEMORY;
		return TCP_STEP_DROP;
	}
	cut_at_fin(c->act, seg);
	if (seg->seq != c->rcv_nxt) {
		tcp_ecn_data(t, c, seg); /* R3168-5: what lies outside the window never came here */
		return text_out_of_order(t, c, seg, reason);
	}
	if (seg->text_len == 0)
		return TCP_STEP_NEXT;
	return text_in_order(t, c, seg, reason);
}

bool tcp_fin_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg)
{
	bool here = seg->flags & TCP_FIN && seg->seq + seg->text_len == c->rcv_nxt;

	if (c->act && c->act->fin_seen && c->act->fin_seq == c->rcv_nxt)
		here = true;
	if (!here || c->flags & TCP_F_FIN_RCVD)
		return false;
	/* As Linux: acknowledged as text is, together with the answer where one follows (SHLD-18). */
	c->flags |= TCP_F_FIN_RCVD | TCP_F_ACK_SCHED;
	c->rcv_nxt++;
	if (c->rcv_wnd)
		c->rcv_wnd--;
	if (c->act) {
		c->act->fin_seen = false;
		ranges_clear(&c->act->ooo); /* nothing can follow a FIN */
	}
	/* All that is true is told anew, as by Linux when the state changes. */
	ready_mark(t, &c->rdy, TAPIR_IN | TAPIR_RDHUP | (uint32_t)tcp_user_poll(t, c));
	return true;
}
