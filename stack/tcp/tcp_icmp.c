/*
 * What ICMP says of segments of ours.
 *
 * A message quotes the segment that it is about, and whoever saw or guessed the four numbers of a connection can make one.
 * So it counts only if the sequence number that it quotes is in flight, and then for what it can do at worst (RFC 5927):
 *
 *	                       half open      being opened      synchronized
 *	the way is too small      -         smaller segments   smaller segments
 *	not there, too far     forgotten          ends          remembered
 *	refused                   -               ends          remembered
 *
 * What is remembered is the reason that the program hears when the connection is given up. With IP_RECVERR it hears it
 * at once instead, and the connection goes on.
 */
#include "stack/base/seq.h"
#include "stack/ip/icmp.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/tcp/tcp_recovery.h"
#include "stack/tcp/tcp_user.h"

/* RFC 5927 4.1, R5927-1: only about something that is in flight. */
static bool err_plausible(const struct tcp_conn *c, const struct icmp_err *e)
{
	/* A Fast Open child has sent no more than its SYN; as Linux, also about what would follow that. */
	if (tcp_fastopen_child(c) && e->seq == c->snd_max)
		return true;
	return e->local || (seq_geq(e->seq, c->snd_una) && seq_lt(e->seq, c->snd_max));
}

/* IP_RECVERR, as Linux: whoever asked for it is woken, and the next call says why (MUST-47). */
static void tell(struct tapir *t, struct tcp_conn *c, int err)
{
	c->err = err;
	ready_mark(t, &c->rdy, TAPIR_ERR | (uint32_t)tcp_user_poll(t, c));
}

enum drop_reason tcp_icmp_err(struct tapir *t, const struct icmp_err *e)
{
	struct tcp_tuple tu = {
		.laddr = tapir_addr_v4(e->src),
		.raddr = tapir_addr_v4(e->dst),
		.lport = e->sport,
		.rport = e->dport,
	};
	struct tcp_ep *ep = tcp_demux_find(t, &tu);
	struct tcp_conn *c;
	bool hard = false, accepted;
	int err = icmp_err_errno(e->type, e->code, &hard);

	if (!ep) {
		STAT_INC(t, Icmp, InErrors);
		return DROP_ICMP_NO_SOCKET;
	}
	if (ep->kind == TCP_EP_SYN) {
		return tcp_syncache_icmp_err(t, container_of(ep, struct tcp_syn_ent, ep), e);
	}
	if (ep->kind != TCP_EP_CONN)
		return DROP_ICMP_NO_SOCKET;
	c = tcp_conn_of(ep);
	if (!err_plausible(c, e)) {
		STAT_INC(t, TcpExt, OutOfWindowIcmps);
		return DROP_ICMP_SEQ;
	}
	if (e->type == 3 && e->code == 4) {
		tcp_pmtu_told(t, c, e);
		/* A SYN with data that is too large goes again without, at once. */
		if (c->ep.state == TAPIR_TCP_SYN_SENT && c->fo & TCP_FO_DATA && c->act &&
		    !c->act->segs_lost) {
			tcp_rec_mark_all_lost(t, c);
			tcp_conn_dirty(t, c);
		}
		return DROP_NONE;
	}
	if (!err)
		return DROP_NONE; /* MUST-55, R5927-3, TC-15: source quench among them */
	/*
	 * R5927-2, TC-13: in synchronized states every error is soft: remembered for when we give up or are asked
	 * (MUST-47, SHLD-20), and nobody is woken by it unless they asked for that. MUST-54, SHLD-25. A connection that is
	 * only being opened ends by any, as in Linux (MUST-56): whoever connects learns at once that it is in vain, and may
	 * try another address. A Fast Open child that was accepted counts as connected.
	 */
	accepted = tcp_fastopen_child(c) && !(c->flags & TCP_F_PASSIVE);
	if (!accepted && !tcp_state_synchronized(c->ep.state))
		tcp_conn_drop(t, c, err);
	else if (c->opt.flags & TCP_O_RECVERR)
		tell(t, c, err);
	else
		c->soft_err = err;
	return DROP_NONE;
}
