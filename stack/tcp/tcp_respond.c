/*
 * Segments that no connection sends: RST to what belongs nowhere, SYN-ACK and ACK from records, ACK
 * from TIME-WAIT; and RST from a connection, which ends with it. All leave by tcp_xmit(), without
 * waiting for a flush, and may use the reserve: a stack without memory can still say no.
 *
 * None is larger than 60 bytes. What answers a segment that anybody can forge is bounded: RSTs, and by setting
 * challenge ACKs, by a number a second, of which nobody outside can know how much is left, since it is
 * drawn anew each second (CVE-2016-5696); answers from one connection or record by a time between them.
 */
#include "stack/core/emit.h"
#include "stack/core/random.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_passive.h"

#define NS_PER_S UINT64_C(1000000000)

enum { NO_LIMIT = INT32_MAX };

/*
 * One unit of a budget of `limit` a second. Each second begins with between a half and one and a half
 * of the limit, as Linux draws it: counting what one gets oneself does not tell what others took.
 */
static bool budget_take(struct tapir *t, int64_t limit, uint64_t *second, uint32_t *left)
{
	uint64_t now_s = t->now_ns / NS_PER_S + 1;

	if (limit >= NO_LIMIT)
		return true;
	if (*second != now_s) {
		*second = now_s;
		*left = limit ? (uint32_t)((limit + 1) / 2) + random_below(t, (uint32_t)limit) : 0;
	}
	if (*left == 0)
		return false;
	(*left)--;
	return true;
}

bool tcp_challenge_allowed(struct tapir *t)
{
	/* R5961-5, RFC 5961 7: throttled, and not by a counter that others can watch. */
	if (!budget_take(t, t->conf.tcp_challenge_ack_limit, &t->tcp->challenge_second,
			 &t->tcp->challenge_left)) {
		STAT_INC(t, TcpExt, TCPACKSkippedChallenge);
		return false;
	}
	STAT_INC(t, TcpExt, TCPChallengeACK);
	return true;
}

static void tell(struct tapir *t, enum tapir_event_type type, const char *source,
		 const struct tcp_xmit *x)
{
	struct tapir_event ev;

	if (!emit_wanted(t))
		return;
	ev = emit_begin(t, type, source);
	ev.local = (struct tapir_sockaddr){x->tuple->laddr, x->tuple->lport, 0};
	ev.peer = (struct tapir_sockaddr){x->tuple->raddr, x->tuple->rport, 0};
	ev.u.seg.seq = x->seq;
	ev.u.seg.ack = x->ack;
	ev.u.seg.wnd = x->wnd;
	ev.u.seg.flags = x->flags;
	emit(t, &ev);
}

static void send_rst(struct tapir *t, const struct tcp_xmit *x, const char *source)
{
	if (tcp_xmit(t, x) == 0)
		tell(t, TAPIR_EV_TCP_RST_SENT, source, x);
}

void tcp_respond_rst(struct tapir *t, const struct tcp_seg *seg)
{
	struct tcp_xmit x = {.tuple = &seg->tuple, .reserve = true};

	/* EVT-3: never a RST for a RST. */
	if (seg->flags & TCP_RST)
		return;
	/* TC-40, TC-41: bounded, since the source may be forged; 40 bytes, never more than what came. */
	if (!budget_take(t, t->conf.tcp_rst_limit, &t->tcp->rst_second, &t->tcp->rst_left))
		return;
	if (seg->flags & TCP_ACK) {
		/* EVT-2, RFC 9293 3.10.7.1: <SEQ=SEG.ACK><CTL=RST> */
		x.seq = seg->ack;
		x.flags = TCP_RST;
	} else {
		/* EVT-1, RFC 9293 3.10.7.1: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
		x.ack = seg->seq + seg->len;
		x.flags = TCP_RST | TCP_ACK;
	}
	send_rst(t, &x, "RFC 9293 3.10.7.1");
}

void tcp_respond_rst_conn(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_opts opt = {0};
	struct tcp_xmit x = {.tuple = &c->ep.tuple,
			     .flags = TCP_RST | TCP_ACK,
			     .seq = c->snd_max,
			     .ack = c->rcv_nxt,
			     .opt = &opt,
			     .ttl = c->opt.ttl,
			     .tos = c->opt.tos,
			     .pmtudisc = c->opt.pmtudisc,
			     .ifindex = c->opt.ifindex,
			     .reserve = true};

	/* Nothing to reset before the peer has said anything (RFC 9293 3.10.5, SYN-SENT). */
	if (c->ep.state == TAPIR_TCP_SYN_SENT || c->ep.state == TAPIR_TCP_CLOSED)
		return;
	/*
	 * EVT-52, RFC 9293 3.10.5: <SEQ=SND.NXT><CTL=RST>. SND.NXT is what was sent at most, also
	 * when a timeout made us go back: the peer takes only the exact number (RFC 5961 3), and
	 * SND.MAX is likelier to be what it expects. With ACK as Linux: a peer still in SYN-SENT
	 * heeds it.
	 */
	if (c->flags & TCP_F_TS) {
		opt.has = TCP_HAS_TS;
		opt.tsval = tcp_ts_now(t, c->ts_off);
		opt.tsecr = c->ts_recent;
	}
	/* With the window that any other segment would have, as Linux. */
	if (c->ep.state != TAPIR_TCP_SYN_RECEIVED)
		x.wnd = tcp_rcv_window_field(t, c);
	send_rst(t, &x, "RFC 9293 3.10.5");
}

/* The numbers that a half-open connection sends after its SYN-ACK. */
static struct tcp_xmit xmit_syn(const struct tapir *t, const struct tcp_syn_ent *e, uint16_t flags,
				struct tcp_opts *opt)
{
	const struct tcp_passive *p = &e->p;

	*opt = (struct tcp_opts){0};
	if (p->ts) {
		opt->has = TCP_HAS_TS;
		opt->tsval = tcp_ts_now(t, p->ts_off);
		opt->tsecr = p->ts_recent;
	}
	return (struct tcp_xmit){.tuple = &p->tuple,
				 .flags = flags,
				 .seq = p->iss + 1,
				 .ack = p->irs + 1,
				 .wnd = min_u32(p->rcv_wnd >> (p->ws ? p->rcv_wscale : 0), 65535),
				 .opt = opt,
				 .ttl = e->l->opt.ttl,
				 .tos = e->l->opt.tos,
				 .pmtudisc = e->l->opt.pmtudisc,
				 .ifindex = e->l->opt.ifindex,
				 .reserve = true};
}

void tcp_respond_ack_syn(struct tapir *t, struct tcp_syn_ent *e)
{
	struct tcp_opts opt;
	struct tcp_xmit x = xmit_syn(t, e, TCP_ACK, &opt);

	tcp_xmit(t, &x);
}

void tcp_respond_rst_syn(struct tapir *t, struct tcp_syn_ent *e)
{
	struct tcp_opts opt;
	struct tcp_xmit x = xmit_syn(t, e, TCP_RST | TCP_ACK, &opt);

	x.wnd = 0;
	send_rst(t, &x, "RFC 9293 3.10.5");
}

void tcp_respond_synack(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *p,
			const struct tcp_fo_cookie *foc, bool rexmit)
{
	struct tcp_opts opt = {.has = TCP_HAS_MSS};
	struct tcp_xmit x = {.tuple = &p->tuple,
			     .flags = TCP_SYN | TCP_ACK,
			     .seq = p->iss,
			     .ack = p->irs + 1,
			     /* R7323-4: never scaled. */
			     .wnd = min_u32(p->rcv_wnd, 65535),
			     .opt = &opt,
			     .ttl = l->opt.ttl,
			     .tos = l->opt.tos,
			     .pmtudisc = l->opt.pmtudisc,
			     .ifindex = l->opt.ifindex,
			     .reserve = true,
			     .rexmit = rexmit};
	struct route rt;

	if (route_lookup(t, tapir_addr_to_v4(&p->tuple.raddr), tapir_addr_to_v4(&p->tuple.laddr),
			 l->opt.ifindex, &rt) < 0)
		return;
	x.rt = &rt;
	/* MUST-14, SHLD-5, MAY-3: always; the options by what the SYN offered (R7323-2, R7323-10). */
	opt.mss = tcp_mss_announce(&l->opt, rt.mtu);
	if (p->ecn)
		x.flags |= TCP_ECE; /* R3168-1: "SE." alone, and no ECT on it (RFC 3168 6.1.1) */
	if (p->sack)
		opt.has |= TCP_HAS_SACK_OK;
	if (p->ws) {
		opt.has |= TCP_HAS_WSCALE;
		opt.wscale = p->rcv_wscale;
	}
	if (p->ts) {
		opt.has |= TCP_HAS_TS;
		opt.tsval = tcp_ts_now(t, p->ts_off);
		opt.tsecr = p->ts_recent;
	}
	opt.uto = tcp_uto_field(t, &l->opt);
	if (opt.uto)
		opt.has |= TCP_HAS_UTO; /* RFC 5482 3 */
	if (foc && foc->set) {
		opt.has |= TCP_HAS_TFO;
		opt.tfo_exp = foc->exp;
		opt.tfo_len = foc->len;
		memcpy(opt.tfo, foc->v, foc->len);
	}
	tcp_xmit(t, &x);
}

void tcp_respond_ack_tw(struct tapir *t, struct tcp_tw *tw)
{
	struct tcp_opts opt = {0};
	struct tcp_xmit x = {.tuple = &tw->ep.tuple,
			     .flags = TCP_ACK,
			     .seq = tw->snd_nxt,
			     .ack = tw->rcv_nxt,
			     .wnd = tcp_tw_window(tw),
			     .opt = &opt,
			     .reserve = true};

	if (tw->ep.epflags & TCP_EP_TS) {
		opt.has = TCP_HAS_TS;
		opt.tsval = tcp_ts_now(t, tcp_ts_offset(t, &tw->ep.tuple));
		opt.tsecr = tw->ts_recent;
	}
	tcp_xmit(t, &x);
}
