/*
 * Explicit congestion notification (RFC 3168).
 *
 * A router that is about to be full marks packets instead of dropping them. Both ends must have agreed, each
 * in its SYN, since a receiver that did not echo the marks would let the sender go on as if nothing were:
 *
 *	SYN      ECE CWR     "I can": tcp_ecn 1, and only in our first SYN (tcp_ecn_fallback)
 *	SYN-ACK  ECE         "so can I": tcp_ecn 1 or 2, when asked
 *
 *	data, ECT(0) --- router marks it ---> CE
 *	       <------------------- ECE  on every ACK, until CWR comes
 *	the window is cut, once a round trip
 *	data, ECT(0), CWR ------------------> the echo ends; acknowledged at once
 *
 * ECT stands on new data alone (RFC 3168 6.1.4 to 6.1.6): the loss of a marked pure ACK, probe or
 * retransmission would be no sign that anybody reacts to, and whoever forges such packets could make others
 * mark. What a segment outside the window says of congestion was dropped with it (6.1.5).
 *
 * A peer that echoes what was never marked slows itself down, once a round trip; one that hides marks gains
 * what it would gain by hiding losses from itself, and its packets are lost all the same.
 */
#include "stack/core/emit.h"
#include "stack/base/seq.h"
#include "stack/tcp/tcp_fn.h"

enum {
	ECT0 = 2,
	CE = 3,
	QUICK = 2, /* ACKs at once after a mark: the sender's window may be small */
};

/* ---- the handshake ---- */

uint16_t tcp_ecn_syn(struct tapir *t, struct tcp_conn *c, bool synack, bool again)
{
	if (synack)
		return c->ecn & TCP_ECN_OK ? TCP_ECE : 0;
	/* R3168-6: some drop a SYN that asks; the second one looks as it always did. */
	if (t->conf.tcp_ecn != 1 || (again && t->conf.tcp_ecn_fallback))
		return 0;
	c->ecn |= TCP_ECN_OK; /* until the peer says no */
	return TCP_ECE | TCP_CWR;
}

void tcp_ecn_syn_answer(struct tcp_conn *c, const struct tcp_seg *seg)
{
	/* R3168-1 (6.1.1): ECE alone in a SYN-ACK, both in a SYN; a peer that mirrors our bits knows nothing. */
	uint16_t want = seg->flags & TCP_ACK ? TCP_ECE : TCP_ECE | TCP_CWR;

	if ((seg->flags & (TCP_ECE | TCP_CWR)) != want)
		c->ecn = 0;
}

bool tcp_ecn_asked(const struct tapir *t, const struct tcp_seg *seg)
{
	const uint16_t both = TCP_ECE | TCP_CWR;

	if (!t->conf.tcp_ecn || (seg->flags & both) != both)
		return false;
	/*
	 * R3168-1: a SYN is never marked as capable, so one that is comes from a sender or through a path that
	 * sets the bits at random; as Linux, unless a reserved bit says that it is of a newer kind.
	 */
	return seg->ecn == 0 || seg->flags & (TCP_AE | TCP_RSV);
}

/* ---- what comes in ---- */

void tcp_ecn_data(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (!(c->ecn & TCP_ECN_OK))
		return;
	if (seg->ecn != 0) {
		c->ecn |= TCP_ECN_SEEN;
	} else if (c->ecn & TCP_ECN_SEEN) {
		/* As Linux: data without a mark among marked data is most likely sent again. */
		tcp_rcv_quick(t, c, QUICK);
	}
	if (seg->ecn != CE)
		return;
	/* R3168-3 (6.1.3), SHLD-8: told on every ACK from now on, so that one lost ACK loses nothing. */
	if (!(c->ecn & TCP_ECN_ECHO)) {
		tcp_rcv_quick(t, c, QUICK);
		c->flags |= TCP_F_ACK_NOW;
	}
	c->ecn |= TCP_ECN_ECHO | TCP_ECN_OWED;
}

void tcp_ecn_cwr(struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (!(c->ecn & TCP_ECN_OK) || !(seg->flags & TCP_CWR))
		return;
	/*
	 * As Linux also on a pure ACK, since there are stacks that send it there. A mark of which no ACK has told
	 * yet, come in the same batch of packets, is newer than what CWR answers.
	 */
	if (!(c->ecn & TCP_ECN_OWED))
		c->ecn &= (uint8_t)~TCP_ECN_ECHO;
	/* The window may be down to one segment: the sender waits for this ACK. */
	if (seg->text_len)
		c->flags |= TCP_F_ACK_NOW;
}

bool tcp_ecn_echoed(const struct tcp_conn *c, const struct tcp_seg *seg)
{
	return c->ecn & TCP_ECN_OK && (seg->flags & (TCP_ECE | TCP_SYN)) == TCP_ECE;
}

void tcp_ecn_delivered(struct tapir *t, struct tcp_conn *c, uint32_t bytes)
{
	uint32_t mss = tcp_conn_smss(c), n = (bytes + mss - 1) / mss;

	c->m.delivered_ce += n;
	STAT_ADD(t, TcpExt, TCPDeliveredCE, n);
}

/* ---- what goes out ---- */

void tcp_ecn_cut(struct tcp_conn *c)
{
	if (c->ecn & TCP_ECN_OK)
		c->ecn |= TCP_ECN_CWR;
}

void tcp_ecn_uncut(struct tcp_conn *c)
{
	c->ecn &= (uint8_t)~TCP_ECN_CWR;
}

uint8_t tcp_ecn_mark(const struct tcp_conn *c, bool new_data, uint16_t *flags)
{
	if (!(c->ecn & TCP_ECN_OK))
		return 0;
	if (c->ecn & TCP_ECN_ECHO && *flags & TCP_ACK)
		*flags |= TCP_ECE;
	/* R3168-2: pure ACKs, probes, FINs and what is sent again go unmarked. */
	if (!new_data)
		return 0;
	/* R3168-4 (6.1.2): the first new data after a cut says so. */
	if (c->ecn & TCP_ECN_CWR)
		*flags |= TCP_CWR;
	return ECT0;
}

void tcp_ecn_sent(struct tcp_conn *c, uint16_t flags)
{
	if (flags & TCP_CWR)
		c->ecn &= (uint8_t)~TCP_ECN_CWR;
	if (flags & TCP_ECE)
		c->ecn &= (uint8_t)~TCP_ECN_OWED;
}

uint8_t tcp_ecn_info(const struct tcp_conn *c)
{
	return (uint8_t)((c->ecn & TCP_ECN_OK ? TCP_INFO_ECN : 0) |
			 (c->ecn & TCP_ECN_SEEN ? TCP_INFO_ECN_SEEN : 0));
}
