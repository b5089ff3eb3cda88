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

/* RCV.NXT moves forward by n in-order bytes. */
static void advance(struct tcp_conn *c, uint32_t n)
{
	c->rcv_nxt += n;
	c->rcv_wnd = c->rcv_wnd > n ? c->rcv_wnd - n : 0;
	c->bytes_received += n;
}

/* What stood beyond the hole is in order now. */
static bool absorb_ooo(struct tcp_conn *c)
{
	struct ranges *s = &c->act->ooo;
	bool filled = false;

	while (s->n && seq_leq(s->r[0].start, c->rcv_nxt)) {
		if (seq_gt(s->r[0].end, c->rcv_nxt))
			advance(c, s->r[0].end - c->rcv_nxt);
		ranges_remove(s, 0);
		filled = true;
	}
	return filled;
}

static enum tcp_step text_in_order(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg,
				   enum drop_reason *reason)
{
	struct ranges_added added = {0};
	bool had_hole = c->act->ooo.n > 0;

	if (had_hole && ranges_overlaps(&c->act->ooo, seg->seq, seg->seq + seg->text_len)) {
		uint32_t end = seg->seq + seg->text_len;

		/* Bytes that are already here are not written again: the first copy stands. */
		added.dup_start = seq_max(c->act->ooo.r[0].start, seg->seq);
		added.dup_end = seq_min(c->act->ooo.r[0].end, end);
		tcp_sack_duplicate(t, c, added.dup_start, added.dup_end, false);
		c->flags |= TCP_F_ACK_NOW;
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
	if (had_hole) {
		absorb_ooo(c);
		c->flags |= TCP_F_ACK_NOW; /* R5681-8: a hole (partly) filled */
	} else {
		tcp_rcv_ack(t, c);
	}
	ready_mark(t, &c->rdy, TAPIR_IN);
	return TCP_STEP_NEXT;
}

static enum tcp_step text_out_of_order(struct tapir *t, struct tcp_conn *c,
				       const struct tcp_seg *seg, enum drop_reason *reason)
{
	struct tcp_act *a = c->act;
	struct ranges_added added;
	uint32_t end = seg->seq + seg->text_len;
	int err;

	/* SHLD-13, SHLD-31, MAY-13, R2018-3: each is answered by itself. */
	c->flags |= TCP_F_ACK_DUP;
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
	if (tcp_rcv_refuses(t, c, seg->seq, seg->text_len) ||
	    !tcp_rcv_store(t, c, seg->seq, seg->text, seg->text_len)) {
		STAT_INC(t, TcpExt, TCPOFODrop);
		*reason = DROP_TCP_OOO_FULL;
		return TCP_STEP_DROP;
	}
	ranges_insert(&a->ooo, seg->seq, end, &added);
	tcp_mem_hoards(t, c);
	if (added.duplicate)
		tcp_sack_duplicate(t, c, added.dup_start, added.dup_end, false);
	return TCP_STEP_NEXT;
}

/* TC-61: once the peer has named its end, what comes behind it is none of the stream. */
static void cut_at_fin(struct tcp_conn *c, struct tcp_seg *seg)
{
	const struct tcp_act *a = c->act;

	if (!a->fin_seen || seq_leq(seg->seq + seg->text_len, a->fin_seq))
		return;
	seg->text_len = seq_gt(a->fin_seq, seg->seq) ? a->fin_seq - seg->seq : 0;
	seg->flags &= (uint16_t)~TCP_FIN;
	c->flags |= TCP_F_ACK_DUP;
}

/*
 * A FIN ahead of its turn. The first one stands, as octets do; and one before octets that are here already,
 * delivered or waiting, contradicts them.
 */
static void remember_fin(struct tcp_conn *c, uint32_t at)
{
	struct tcp_act *a = c->act;

	if (a->fin_seen || seq_lt(at, c->rcv_nxt) ||
	    (a->ooo.n && seq_gt(a->ooo.r[a->ooo.n - 1].end, at)))
		return;
	a->fin_seen = true;
	a->fin_seq = at;
}

enum tcp_step tcp_text_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			     enum drop_reason *reason)
{
	if (seg->text_len == 0)
		return TCP_STEP_NEXT;
	if (!tcp_act_get(t, c)) {
		STAT_INC(t, TcpExt, TCPRcvQDrop);
		*reason = DROP_TCP_MEMORY;
		return TCP_STEP_DROP;
	}
	tcp_ecn_data(t, c, seg); /* R3168-5: what lies outside the window never came here */
	cut_at_fin(c, seg);
	if (seg->text_len == 0)
		return TCP_STEP_NEXT;
	if (seg->seq == c->rcv_nxt)
		return text_in_order(t, c, seg, reason);
	return text_out_of_order(t, c, seg, reason);
}

bool tcp_fin_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg)
{
	uint32_t at = seg->seq + seg->text_len;

	if (seg->flags & TCP_FIN && !(c->flags & TCP_F_FIN_RCVD)) {
		if (at == c->rcv_nxt) {
			c->flags |= TCP_F_ACK_NOW;
		} else if (tcp_act_get(t, c)) {
			remember_fin(c, at);
			c->flags |= TCP_F_ACK_DUP;
		}
	}
	if (c->flags & TCP_F_FIN_RCVD)
		return false;
	if (c->act && c->act->fin_seen && c->act->fin_seq == c->rcv_nxt) {
		at = c->rcv_nxt;
		c->act->fin_seen = false;
	} else if (!(seg->flags & TCP_FIN) || at != c->rcv_nxt) {
		return false;
	}
	c->flags |= TCP_F_FIN_RCVD | TCP_F_ACK_NOW;
	c->rcv_nxt = at + 1;
	if (c->rcv_wnd)
		c->rcv_wnd--;
	if (c->act) {
		c->act->fin_seen = false;
		ranges_clear(&c->act->ooo); /* nothing can follow a FIN */
	}
	ready_mark(t, &c->rdy, TAPIR_IN | TAPIR_RDHUP);
	return true;
}
