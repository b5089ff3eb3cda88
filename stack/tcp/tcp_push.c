/*
 * Where PSH goes: as Linux sets it, on data that is not sent yet.
 *
 * A ring of bytes forgets where one write ended and the next began, and TCP may (RFC 9293 3.8.6.2.1). But PSH shows
 * on the wire, and Linux, whose queue is one of packets, sets it on packets: each write fills the last one up to a
 * goal, which is a full segment, or as many as the device takes at a time, and at most half of the largest window that the
 * peer offered; then it begins another. A packet gets PSH where a write ends in it, unless MSG_MORE said that more
 * follows, and loses it when the next write adds to it; and where it is full and ends more than half of the largest
 * window behind the last PSH, so that a receiver with a small buffer is told to hand that over. So here are remembered the
 * ends with PSH, from SND.NXT on, and where the last packet begins:
 *
 *	SND.NXT                           tail             end of what is queued
 *	   |    .    .    .    P    .    .  |                P|
 *
 * And MSG_EOR closes a packet: what is written later joins no segment of it, also not when it goes again.
 *
 * A segment has PSH when it holds such an end. Their number is bounded; beyond, one inside is forgotten, which delays
 * nothing: the last of what is queued keeps its own.
 */
#include <string.h>

#include "stack/core/netif.h"
#include "stack/socket.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"

static uint32_t *mark_at(struct tcp_push *p, unsigned i)
{
	return &p->at[(p->head + i) % TCP_PUSHES];
}

/* Forgets the marks up to `end`. False: there is none. */
static bool forget(struct tcp_push *p, uint32_t end)
{
	uint8_t had = p->n;

	while (p->n && seq_leq(*mark_at(p, 0), end)) {
		p->head = (uint8_t)((p->head + 1) % TCP_PUSHES);
		p->n--;
	}
	return p->n < had;
}

/* Forgets what has been sent. */
static void settle(struct tcp_push *p, uint32_t snd_nxt)
{
	forget(p, snd_nxt);
	while (p->neor && seq_leq(p->eor[0], snd_nxt)) {
		p->neor--;
		memmove(p->eor, p->eor + 1, p->neor * sizeof(p->eor[0]));
	}
}

uint32_t tcp_push_until_eor(struct tcp_conn *c, uint32_t avail)
{
	struct tcp_push *p = &c->act->push;

	settle(p, c->snd_nxt);
	return p->neor ? min_u32(avail, p->eor[0] - c->snd_nxt) : avail;
}

bool tcp_push_eor_at(const struct tcp_conn *c, uint32_t len)
{
	const struct tcp_push *p = &c->act->push;

	return p->neor && p->eor[0] == c->snd_nxt + len;
}

bool tcp_push_within(struct tcp_conn *c, uint32_t len)
{
	struct tcp_push *p = &c->act->push;

	settle(p, c->snd_nxt);
	return p->n && seq_leq(*mark_at(p, 0), c->snd_nxt + len);
}

static void mark(struct tcp_conn *c, uint32_t at)
{
	struct tcp_push *p = &c->act->push;

	c->pushed_seq = at;
	if (p->n == TCP_PUSHES)
		p->n--;
	*mark_at(p, p->n) = at;
	p->n++;
}

/* Whether so much was written since the last PSH that the receiver may need another (Linux: forced_push()). */
static bool overdue(const struct tcp_conn *c, uint32_t at)
{
	return seq_gt(at, c->pushed_seq + c->max_snd_wnd / 2);
}

uint32_t tcp_push_piece(const struct tcp_conn *c, uint32_t avail)
{
	const struct tcp_push *p = &c->act->push;

	if (!p->goal || seq_geq(c->snd_nxt, p->tail))
		return avail;
	return min_u32(avail, (p->tail - c->snd_nxt - 1) % p->goal + 1);
}

void tcp_push_moves(struct tcp_conn *c, uint32_t len)
{
	struct tcp_push *p = &c->act->push;
	uint32_t end = c->snd_nxt + len;

	settle(p, c->snd_nxt);
	if (!forget(p, end))
		return;
	p->head = (uint8_t)((p->head + TCP_PUSHES - 1) % TCP_PUSHES);
	p->n++;
	*mark_at(p, 0) = end;
}

void tcp_push_written(struct tcp_conn *c, uint32_t n, uint32_t goal, uint32_t leaves, int flags)
{
	struct tcp_push *p = &c->act->push;
	uint32_t end = tcp_snd_end(c), at = end - n;
	bool ended;

	settle(p, c->snd_nxt);
	ended = p->neor && p->eor[p->neor - 1] == at;
	if (c->snd_nxt == at || ended)
		p->tail = at; /* all was sent, or is closed: a new one */
	else
		p->tail = seq_max(p->tail, c->snd_nxt);
	if (!ended && at - p->tail < goal && p->n && *mark_at(p, p->n - 1u) == at)
		p->n--;
	p->goal = goal;
	leaves += c->snd_nxt;
	while (at != end) {
		/* What is full begins to leave at once, and makes room for more behind it. */
		if (at - p->tail >= goal && seq_gt(leaves, p->tail))
			p->tail = seq_min(leaves, at);
		if (at - p->tail >= goal)
			p->tail = at;
		at += min_u32(goal - (at - p->tail), end - at);
		if (at != end && overdue(c, at))
			mark(c, at);
	}
	/* MUST-61 (RFC 9293 3.9.1.2), MAY-8: the end of a write is pushed, unless more follows. */
	if (!(flags & TAPIR_MSG_MORE) || overdue(c, at))
		mark(c, at);
	if (flags & TAPIR_MSG_EOR) {
		if (p->neor == TCP_EORS)
			p->neor--;
		p->eor[p->neor++] = at;
	}
}

uint32_t tcp_half_window(const struct tcp_conn *c, uint32_t n)
{
	uint32_t wnd = c->max_snd_wnd;
	uint32_t most = wnd > TCP_MSS_DEFAULT ? wnd / 2 : wnd;

	if (most == 0 || n <= most)
		return n;
	return max_u32(most, c->flags & TCP_F_TS ? 68 - 32 : 68 - 20);
}

uint32_t tcp_push_goal(const struct tcp_conn *c, const struct netif *ifp, uint32_t mss)
{
	uint32_t most = ifp ? ifp->conf.gso_bytes : 0;

	return max_u32(tcp_half_window(c, most) / mss * mss, mss);
}

void tcp_written(struct tapir *t, struct tcp_conn *c, uint32_t n, int flags)
{
	uint32_t goal = tcp_goal(t, c), mss = tcp_segment_room(t, c);

	tcp_push_written(c, n, flags & TAPIR_MSG_OOB ? mss : goal, tcp_windows_left(c) / mss * mss,
			 flags);
}
