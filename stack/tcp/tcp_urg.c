/*
 * The urgent mechanism (RFC 9293 3.8.5, RFC 6093): a pointer, and nothing else.
 *
 * The pointer names the octet behind the urgent data. It may come long before the data itself, and move on. What it
 * points at is never addressed by it: it is a number that reading compares with (U11-05): a read stops at
 * the mark, whatever was pending when the mark came, and the next one begins behind it.
 *
 *	rcv_user          rcv_up - 1   rcv_up
 *	   |  a read gets this |  urgent  |  the next read gets that
 *
 * R6093-2: the sockets API of 4.2BSD takes the last urgent octet out of the stream, for MSG_OOB to read, and so do we
 * by default, as Linux does; SO_OOBINLINE leaves it where it is. R6093-1: new programs have no use for it. MSG_OOB has it as
 * soon as it came, in order or not: the segment that has it tells, which may come with its pointer or behind that, and
 * is heard though its text is not taken (behind a FIN, into a closed window). What came before the pointer told nothing.
 */
#include <errno.h>

#include "stack/core/ready.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_user.h"

/* A newer mark takes the place of the one that reading stands at: its octet, which nobody asked for, is passed over. */
static void pass_over(struct tapir *t, struct tcp_conn *c)
{
	uint32_t from = c->rcv_user;

	if (!(c->flags & TCP_F_URG_RCVD) || c->rcv_up - 1 != from ||
	    c->opt.flags & TCP_O_OOBINLINE || from == tcp_rcv_end(c))
		return;
	c->rcv_user++;
	tcp_rcv_release(t, c, from, c->rcv_user);
}

void tcp_urg_input(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	/* U11-02, IH-09, CL-18: any pointer is only compared. */
	uint32_t up = seg->up;

	/* As Linux: what it points at is news: neither read nor received yet. */
	if (seq_leq(up, c->rcv_user) || seq_leq(up, c->rcv_nxt))
		return;
	if (c->flags & TCP_F_URG_RCVD && seq_leq(up, c->rcv_up))
		return;
	pass_over(t, c);
	c->rcv_up = up; /* a number only: nothing is ever addressed by it (AM33-06) */
	c->flags = (c->flags | TCP_F_URG_RCVD) & ~(uint32_t)(TCP_F_OOB_READ | TCP_F_URG_HERE);
	/*
	 * MUST-32: the program is woken now, as by Linux's SIGURG, and again when the octet is there: by then tapir_poll()
	 * has TAPIR_PRI too, as Linux's poll().
	 */
	ready_mark(t, &c->rdy, TAPIR_PRI);
}

void tcp_urg_text(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	const enum tcp_flag all = TCP_F_URG_RCVD | TCP_F_OOB_READ | TCP_F_URG_HERE;
	uint32_t at = c->rcv_up - 1 - seg->seq;

	if ((c->flags & all) != TCP_F_URG_RCVD || at >= seg->text_len)
		return;
	c->urg_octet = seg->text[at];
	c->flags |= TCP_F_URG_HERE;
	ready_mark(t, &c->rdy, TAPIR_PRI);
}

bool tcp_urg_here(const struct tcp_conn *c)
{
	const enum tcp_flag all = TCP_F_URG_RCVD | TCP_F_OOB_READ | TCP_F_URG_HERE;

	return (c->flags & all) == (TCP_F_URG_RCVD | TCP_F_URG_HERE);
}

uint32_t tcp_urg_head(const struct tcp_conn *c, uint32_t *avail)
{
	uint32_t seq = c->rcv_user, end = tcp_rcv_end(c);

	*avail = end - seq;
	if (!(c->flags & TCP_F_URG_RCVD))
		return seq;
	if (seq_gt(c->rcv_up - 1, seq)) {
		*avail = min_u32(*avail, c->rcv_up - 1 - seq);
	} else if (seq + 1 == c->rcv_up && *avail && !(c->opt.flags & TCP_O_OOBINLINE)) {
		/* TC-56: it stands at the head, and is left out. */
		seq = c->rcv_up;
		*avail = end - seq;
	}
	return seq;
}

int64_t tcp_urg_recv(struct tcp_conn *c, const struct iovec *iov, int n, int flags)
{
	if (c->opt.flags & TCP_O_OOBINLINE || !(c->flags & TCP_F_URG_RCVD) ||
	    c->flags & TCP_F_OOB_READ)
		return -EINVAL;
	if (!tcp_urg_here(c)) {
		if (c->flags & (TCP_F_FIN_RCVD | TCP_F_SHUT_RD | TCP_F_DETACHED))
			return 0;
		return -EAGAIN; /* told of, not arrived */
	}
	if (n < 1 || iov[0].iov_len < 1)
		return 0;
	if (!(flags & TAPIR_MSG_TRUNC))
		*(uint8_t *)iov[0].iov_base = c->urg_octet;
	if (!(flags & TAPIR_MSG_PEEK))
		c->flags |= TCP_F_OOB_READ;
	return 1;
}

/* MUST-33 */
int64_t tcp_user_urgent(const struct tcp_conn *c)
{
	if (!(c->flags & TCP_F_URG_RCVD))
		return -EAGAIN;
	return c->rcv_up - 1 - c->rcv_user;
}

uint16_t tcp_urg_pointer(const struct tcp_conn *c, uint32_t seq)
{
	/* MUST-30, MUST-31, MUST-62: from SEG.SEQ to the octet after the urgent data, as far as 16 bits reach. */
	if (!(c->flags & TCP_F_URG_SENT) || !seq_gt(c->snd_up, seq))
		return 0;
	return (uint16_t)min_u32(c->snd_up - seq, UINT16_MAX);
}
