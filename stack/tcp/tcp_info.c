/*
 * STATUS (RFC 9293 3.9.1, EVT-53) as TCP_INFO: Linux's struct and Linux's meanings, so that what people know of
 * tcp_info, and what their programs read out of it, holds here.
 *
 * Most of it is read off the connection when somebody asks. What nothing else needs is counted here as it
 * happens. Counts of the network are in segments there and in bytes here: a record of so many bytes stands for as
 * many segments as were cut of it.
 *
 *	            a write              window closed          buffer was full
 *	  (none) ----------> BUSY -----------------> RWND ... -----------------> SNDBUF
 *	     ^                                                                      |
 *	     +---------------- all is acknowledged ---------------------------------+
 */
#include "stack/tcp/tcp_info.h"
#include "stack/tcp/tcp_recovery.h"
#include "stack/tcp/tcp_user.h"

enum { MSS_LEAST = 88 };

static uint32_t now_ms(const struct tapir *t)
{
	return (uint32_t)(t->now_ns / 1000000);
}

static uint16_t one_more(uint16_t n)
{
	return (uint16_t)(n + (n < UINT16_MAX));
}

/* ---- as it happens ---- */

void tcp_info_start(struct tapir *t, struct tcp_conn *c)
{
	c->m.start_ms = c->m.last_ack_ms = c->m.last_data_ms = now_ms(t);
	if (!(c->flags & TCP_F_ACTIVE))
		c->m.delivered++; /* the SYN-ACK, which was its record's and not ours */
}

void tcp_info_rto(struct tapir *t, struct tcp_conn *c)
{
	if (c->retransmits == 0) {
		c->m.rto_episodes = one_more(c->m.rto_episodes);
		c->m.rto_start_ms = now_ms(t);
		c->m.in_rto = true;
	}
	if (c->retransmits < UINT8_MAX)
		c->retransmits++;
	c->m.rtos = one_more(c->m.rtos);
}

void tcp_info_acked(struct tapir *t, struct tcp_conn *c, bool advanced)
{
	c->m.last_ack_ms = now_ms(t);
	if (!advanced)
		return;
	if (c->m.in_rto && c->ca_state != TCP_CA_LOSS) {
		c->m.rto_ms += now_ms(t) - c->m.rto_start_ms;
		c->m.in_rto = false;
	}
	if (!c->act || list_empty(&c->act->recs))
		tcp_chrono_stop(t, c, TCP_CHRONO_BUSY);
}

/* ---- chronographs ---- */

static bool nothing_queued(const struct tcp_conn *c)
{
	if (c->flags & TCP_F_FIN_QUEUED && !(c->flags & TCP_F_FIN_SENT))
		return false;
	return !c->act || (list_empty(&c->act->recs) && c->act->snd.len == 0);
}

static void chrono_set(struct tapir *t, struct tcp_conn *c, enum tcp_chrono what)
{
	uint32_t now = now_ms(t);

	if (c->m.chrono != TCP_CHRONO_NONE)
		c->m.chrono_ms[c->m.chrono - 1] += now - c->m.chrono_start_ms;
	c->m.chrono_start_ms = now;
	c->m.chrono = (uint8_t)what;
}

void tcp_chrono_start(struct tapir *t, struct tcp_conn *c, enum tcp_chrono what)
{
	if (what > c->m.chrono)
		chrono_set(t, c, what);
}

void tcp_chrono_stop(struct tapir *t, struct tcp_conn *c, enum tcp_chrono what)
{
	if (nothing_queued(c))
		chrono_set(t, c, TCP_CHRONO_NONE);
	else if (what == c->m.chrono)
		chrono_set(t, c, TCP_CHRONO_BUSY);
}

static void fill_chronos(const struct tapir *t, const struct tcp_conn *c, struct tapir_tcp_info *o)
{
	uint64_t total = 0, us[TCP_CHRONO_COUNT];

	for (unsigned i = 0; i < TCP_CHRONO_COUNT; i++) {
		us[i] = c->m.chrono_ms[i];
		if (i + 1 == c->m.chrono)
			us[i] += now_ms(t) - c->m.chrono_start_ms;
		us[i] *= 1000;
		total += us[i];
	}
	o->busy_time = total;
	o->rwnd_limited = us[TCP_CHRONO_RWND - 1];
	o->sndbuf_limited = us[TCP_CHRONO_SNDBUF - 1];
}

/* ---- when asked ---- */

/* The path's MTU, also of a connection that is idle and has no route at hand; 0: no way to the peer. */
static uint32_t path_mtu(struct tapir *t, const struct tcp_conn *c)
{
	struct route rt;

	if (c->act && c->act->rt.gen == t->route_gen)
		return c->act->rt.mtu;
	if (route_lookup(t, tapir_addr_to_v4(&c->ep.tuple.raddr),
			 tapir_addr_to_v4(&c->ep.tuple.laddr), c->opt.ifindex, &rt) < 0)
		return 0;
	return rt.mtu;
}

/* As Linux: what was lost counts as that until it is acknowledged, sent again or not. */
static void fill_flight(const struct tcp_conn *c, struct tapir_tcp_info *o)
{
	const struct tcp_act *a = c->act;

	if (!a)
		return;
	o->unacked = a->segs_out;
	o->sacked = tcp_sacked_segs(a);
	o->lost = a->segs_lost;
	o->retrans = a->segs_retrans;
}

static uint64_t bytes_acked(const struct tcp_conn *c)
{
	/* As Linux: the sequence space that SND.UNA passed; a passive open's begins behind its SYN. */
	bool syn = c->flags & TCP_F_ACTIVE && c->flags & TCP_F_SYN_ACKED;
	bool fin = c->flags & TCP_F_FIN_SENT && c->snd_una == c->snd_max;

	return c->bytes_acked + (syn ? 1 : 0) + (fin ? 1 : 0);
}

/* Also of a connection not open yet: what it would begin with. */
static void fill_windows(struct tapir *t, const struct tcp_conn *c, uint32_t mss,
			 struct tapir_tcp_info *o)
{
	uint32_t cwnd = c->cc.cwnd;

	if (cwnd == 0)
		cwnd = tcp_cc_initial_window(mss, (unsigned)t->conf.tcp_init_cwnd);
	o->snd_cwnd = max_u32(cwnd / mss, 1);
	o->snd_ssthresh = c->cc.ssthresh == TCP_SSTHRESH_INF || c->cc.ssthresh == 0
				  ? INT32_MAX
				  : c->cc.ssthresh / mss;
	o->snd_wnd = c->snd_wnd;
	o->rcv_wnd = c->rcv_wnd;
	o->rcv_ssthresh = c->rcv_ssthresh;
	o->rcv_rtt = c->drs_rtt8_us / 8;
	o->rcv_space = c->drs_space;
	o->pacing_rate = c->cc.cwnd ? tcp_pacing_rate(t, c) : UINT64_MAX;
	o->max_pacing_rate = c->opt.max_pacing_rate ? c->opt.max_pacing_rate : UINT64_MAX;
}

static void fill_counts(const struct tcp_conn *c, struct tapir_tcp_info *o)
{
	o->total_retrans = c->total_retrans;
	o->bytes_acked = bytes_acked(c);
	o->bytes_received = c->bytes_received + (c->flags & TCP_F_FIN_RCVD ? 1 : 0); /* as Linux */
	o->bytes_sent = c->bytes_sent;
	o->bytes_retrans = c->bytes_retrans;
	o->segs_out = c->segs_out;
	o->segs_in = c->segs_in;
	o->data_segs_out = c->data_segs_out;
	o->data_segs_in = c->data_segs_in;
	o->delivered = c->m.delivered;
	o->delivered_ce = c->m.delivered_ce;
	o->dsack_dups = c->m.dsack_dups;
	o->reord_seen = c->m.reord_seen;
	o->rcv_ooopack = c->m.rcv_ooopack;
	o->total_rto = c->m.rtos;
	o->rehash = c->m.rtos; /* Linux looks for another path at each */
	o->total_rto_recoveries = c->m.rto_episodes;
	o->delivery_rate_app_limited = c->m.rate_app_limited & 1;
	o->fastopen_client_fail = c->fo_fail;
	if (c->m.rate_us) /* of full segments, as Linux */
		o->delivery_rate =
			(uint64_t)c->m.rate_segs * tcp_conn_smss(c) * 1000000 / c->m.rate_us;
}

static void fill_times(struct tapir *t, const struct tcp_conn *c, struct tapir_tcp_info *o)
{
	uint32_t max_us = tcp_rto_max_us(t, &c->opt);
	uint32_t now = now_ms(t);

	o->rto = (uint32_t)tcp_rto_backed_off_us(&c->rtt, c->backoff, max_us);
	o->ato = c->ato_us;
	o->rtt = c->rtt.srtt_us;
	/* Without a sample a quarter of the first RTO: Linux's deviation begins so. */
	o->rttvar = (c->rtt.srtt_us ? c->rtt.mdev4_us : c->rtt.rto_us) / 4;
	o->min_rtt = c->min_rtt_us ? c->min_rtt_us : UINT32_MAX;
	o->last_data_sent =
		now - (c->last_data_ns ? (uint32_t)(c->last_data_ns / 1000000) : c->m.start_ms);
	o->last_data_recv = now - c->m.last_data_ms;
	o->last_ack_recv = now - c->m.last_ack_ms;
	o->total_rto_time = c->m.rto_ms + (c->m.in_rto ? now - c->m.rto_start_ms : 0);
}

void tcp_user_info(struct tapir *t, const struct tcp_conn *c, struct tapir_tcp_info *o)
{
	uint32_t mss = tcp_conn_smss(c);

	*o = (struct tapir_tcp_info){0};
	o->state = c->ep.state;
	o->ca_state = c->ca_state;
	o->retransmits = c->retransmits;
	/* Before the handshake they are retransmissions, counted there. */
	o->probes = tcp_state_synchronized(c->ep.state) ? c->probes_out : 0;
	o->backoff = c->flags & TCP_F_PERSIST ? c->persist_shift : c->backoff;
	o->options = (uint8_t)((c->flags & TCP_F_TS ? 1 : 0) | (c->flags & TCP_F_SACK ? 2 : 0) |
			       (c->flags & TCP_F_WS ? 4 : 0) | tcp_ecn_info(c) |
			       (c->fo & TCP_FO_ACKED ? TCP_INFO_SYN_DATA : 0) |
			       (c->fo & TCP_FO_OPENED ? TCP_INFO_TFO_CHILD : 0));
	if (c->flags & TCP_F_WS) {
		o->snd_wscale = c->snd_wscale & 15u;
		o->rcv_wscale = c->rcv_wscale & 15u;
	}
	/* Before the answer as Linux: less the timestamps that the SYN offers. */
	o->snd_mss = c->ep.state == TAPIR_TCP_SYN_SENT && c->offered & TCP_HAS_TS &&
				     !(c->flags & TCP_F_TS) && mss > TCP_TS_LEN
			     ? mss - TCP_TS_LEN
			     : mss;
	o->rcv_mss = c->irs || c->rcv_nxt ? c->rcv_mss : 0; /* nothing has come yet */
	if (c->ep.state == TAPIR_TCP_SYN_SENT)
		o->rcv_mss = MSS_LEAST; /* what Linux begins with */
	o->pmtu = path_mtu(t, c);
	o->advmss = o->pmtu ? tcp_mss_announce(&c->opt, o->pmtu) : 0;
	if (c->flags & TCP_F_TS && o->pmtu)
		o->advmss -= TCP_TS_LEN;
	if (c->rcv_advmss)
		o->advmss = c->rcv_advmss; /* what was said once, whatever becomes of the path */
	o->reordering = tcp_reordering(t, c);
	fill_flight(c, o);
	fill_times(t, c, o);
	fill_windows(t, c, mss, o);
	fill_counts(c, o);
	fill_chronos(t, c, o);
	tcp_user_queued(c, NULL, NULL, &o->notsent_bytes);
	o->iss = c->iss;
	o->irs = c->irs;
	o->snd_una = c->snd_una;
	o->snd_nxt = c->snd_nxt;
	o->rcv_nxt = c->rcv_nxt;
}

void tcp_listener_info(const struct tapir *t, const struct tcp_listener *l,
		       struct tapir_tcp_info *o)
{
	*o = (struct tapir_tcp_info){
		.state = TAPIR_TCP_LISTEN,
		.unacked = l->naccept,
		.sacked = l->backlog,
		.reordering = (uint32_t)t->conf.tcp_reordering,
		.snd_cwnd = (uint32_t)t->conf.tcp_init_cwnd,
		.pacing_rate = UINT64_MAX,
		.max_pacing_rate = l->opt.max_pacing_rate ? l->opt.max_pacing_rate : UINT64_MAX,
	};
}

void tcp_user_queued(const struct tcp_conn *c, uint32_t *unread, uint32_t *unacked,
		     uint32_t *unsent)
{
	const struct tcp_act *a = c->act;
	uint32_t sent_to = seq_max(c->snd_nxt, tcp_snd_base(c));
	bool fin = c->flags & TCP_F_FIN_QUEUED && !(c->flags & TCP_F_DETACHED) &&
		   !(c->flags & TCP_F_FIN_SENT && c->snd_una == c->snd_max);

	if (unread)
		*unread = tcp_rcv_end(c) - c->rcv_user;
	/* As Linux: our FIN counts as an octet. */
	if (unacked)
		*unacked = (a ? a->snd.len : 0) + fin;
	if (unsent)
		*unsent = a && seq_gt(tcp_snd_end(c), sent_to) ? tcp_snd_end(c) - sent_to : 0;
}
