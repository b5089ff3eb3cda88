/*
 * Timers of a connection.
 *
 * A connection has one entry in the stack's queue, armed at the earliest of its deadlines. An entry
 * that fires finds out which deadlines have passed; each has one short function here. The entry is
 * moved lazily: a deadline that moves into the future leaves it where it is, and it fires once for
 * nothing.
 */
#include <errno.h>

#include "stack/core/emit.h"
#include "stack/link/neigh.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_info.h"
#include "stack/tcp/tcp_recovery.h"

enum {
	MS = 1000000,
	RETRY_NS = 10 * MS,  /* after lack of memory, doubling */
	RETRY_SHIFT_MAX = 6, /* to 640 ms, about Linux's TCP_RESOURCE_PROBE_INTERVAL */
	ORPHAN_RETRIES = 8,  /* tcp_orphan_retries 0, as Linux */
};

#define SEC UINT64_C(1000000000)

void tcp_timer_update(struct tapir *t, struct tcp_conn *c)
{
	uint64_t min = c->keep_ns;

	for (int i = 0; c->act && i < TCP_D_COUNT; i++)
		min = min_u64(min, c->act->deadline_ns[i]);
	if (min == TAPIR_NEVER)
		timer_stop(t, &c->timer);
	else if (!timer_armed(&c->timer) || timer_deadline(&c->timer) > min)
		timer_set(t, &c->timer, min);
}

uint64_t tcp_rto_ns(const struct tapir *t, const struct tcp_conn *c)
{
	uint32_t max_us = tcp_rto_max_us(t, &c->opt);

	return tcp_rto_backed_off_us(&c->rtt, c->backoff, max_us) * 1000;
}

void tcp_rexmt_set(struct tapir *t, struct tcp_conn *c, enum tcp_timer_kind kind, uint64_t delay_ns)
{
	c->act->timer_kind = (uint8_t)kind;
	c->act->deadline_ns[TCP_D_REXMT] = t->now_ns + delay_ns;
}

/*
 * A user timeout that ends before the RTO does is met on time, not at the end of a back-off (MUST-21; as
 * Linux). What was never sent again is not waited for yet.
 */
static uint64_t within_user_timeout(const struct tapir *t, const struct tcp_conn *c, uint64_t rto)
{
	uint64_t limit = tcp_user_timeout_ns(c), waited;

	if (!limit || !c->act->retrans_start_ns || c->ep.state == TAPIR_TCP_SYN_RECEIVED)
		return rto;
	waited = t->now_ns - c->act->retrans_start_ns;
	return min_u64(rto, waited < limit ? limit - waited : 1);
}

void tcp_rexmt_arm(struct tapir *t, struct tcp_conn *c)
{
	tcp_rexmt_set(t, c, TCP_TIMER_RTO, within_user_timeout(t, c, tcp_rto_ns(t, c)));
}

uint64_t tcp_rto_left_ns(const struct tapir *t, const struct tcp_conn *c)
{
	const struct tcp_rec *head = LIST_FIRST(&c->act->recs, struct tcp_rec, seq_link);

	if (list_empty(&c->act->recs))
		return tcp_rto_ns(t, c);
	return sub_sat_u64(head->sent_ns + tcp_rto_ns(t, c), t->now_ns);
}

void tcp_rexmt_rearm(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	if (list_empty(&a->recs)) {
		tcp_rexmt_stop(c);
		return;
	}
	/* R6298-7: what another timer took of the RTO is not waited for again: it counts from the head's sending. */
	if (a->deadline_ns[TCP_D_REXMT] != TAPIR_NEVER && a->timer_kind != TCP_TIMER_RTO)
		tcp_rexmt_set(t, c, TCP_TIMER_RTO,
			      within_user_timeout(t, c, max_u64(tcp_rto_left_ns(t, c), 1000)));
	else
		tcp_rexmt_arm(t, c);
}

void tcp_rexmt_arm_if_off(struct tapir *t, struct tcp_conn *c)
{
	if (c->act->deadline_ns[TCP_D_REXMT] == TAPIR_NEVER)
		tcp_rexmt_arm(t, c); /* R6298-8: RFC 6298 5.1 */
}

void tcp_rexmt_stop(struct tcp_conn *c)
{
	c->act->timer_kind = TCP_TIMER_RTO;
	c->act->deadline_ns[TCP_D_REXMT] = TAPIR_NEVER;
}

void tcp_retry_soon(struct tapir *t, struct tcp_conn *c)
{
	uint64_t at = t->now_ns + ((uint64_t)RETRY_NS << c->retry_shift);

	if (c->retry_shift < RETRY_SHIFT_MAX)
		c->retry_shift++;
	if (c->act)
		c->act->deadline_ns[TCP_D_RETRY] = min_u64(c->act->deadline_ns[TCP_D_RETRY], at);
	else
		c->keep_ns = min_u64(c->keep_ns, at);
}

uint64_t tcp_persist_ns(struct tapir *t, const struct tcp_conn *c)
{
	uint32_t max_us = tcp_rto_max_us(t, &c->opt);

	struct tcp_rtt base = {.rto_us = max_u32(c->rtt.rto_us, TCP_PROBE_US)};

	return tcp_rto_backed_off_us(&base, c->persist_shift, max_us) * 1000;
}

/* ---- giving up ---- */

/* The time that `n` retransmissions at doubling intervals take, the first after `base` ns (as Linux counts R2). */
static uint64_t retries_from(const struct tapir *t, const struct tcp_conn *c, unsigned n,
			     uint64_t base)
{
	uint64_t max = (uint64_t)tcp_rto_max_us(t, &c->opt) * 1000;
	uint64_t total = 0;

	for (unsigned i = 0; i <= n; i++) {
		total += base;
		base = min_u64(base * 2, max);
	}
	return total;
}

static uint64_t retries_ns(const struct tapir *t, const struct tcp_conn *c, unsigned n)
{
	return retries_from(t, c, n, (uint64_t)t->conf.tcp_rto_min_us * 1000);
}

static unsigned retry_limit(const struct tapir *t, const struct tcp_conn *c)
{
	if (!(c->flags & TCP_F_ORPHAN))
		return (unsigned)t->conf.tcp_retries2;
	return t->conf.tcp_orphan_retries ? (unsigned)t->conf.tcp_orphan_retries : ORPHAN_RETRIES;
}

/* Whether it is time to give up what has been unanswered since `since_ns` (EVT-44, MUST-21: the user's own R2). */
static bool timed_out(const struct tapir *t, const struct tcp_conn *c, uint64_t since_ns)
{
	uint64_t waited = t->now_ns - since_ns;

	if (tcp_user_timeout_ns(c))
		return waited >= tcp_user_timeout_ns(c);
	return c->backoff > 0 &&
	       waited >= retries_ns(t, c, retry_limit(t, c)); /* MUST-20, SHLD-11: R2, by time */
}

/* The connection is given up: what ICMP said explains it best (RFC 1122 4.2.3.9). */
static void give_up(struct tapir *t, struct tcp_conn *c)
{
	int err = c->soft_err ? c->soft_err : ETIMEDOUT;

	STAT_INC(t, TcpExt, TCPAbortOnTimeout);
	tcp_conn_drop(t, c, err);
}

/* The first hop may have failed: RFC 1122 3.3.1.4, negative advice. */
static void suspect_first_hop(struct tapir *t, struct tcp_conn *c)
{
	struct route rt;
	struct netif *ifp;

	if (tcp_conn_route(t, c, &rt) < 0)
		return;
	ifp = netif_get(t, rt.ifindex);
	if (ifp && !rt.local)
		neigh_suspect(t, ifp, rt.nexthop);
	if (rt.gateway)
		route_changed(t); /* another gateway may serve (R1122-84) */
}

/* ---- one function a deadline; each returns false when c is gone ---- */

static bool fire_rexmt_syn(struct tapir *t, struct tcp_conn *c)
{
	unsigned retries = c->opt.syncnt ? c->opt.syncnt : (unsigned)t->conf.tcp_syn_retries;
	unsigned linear = (unsigned)t->conf.tcp_syn_linear_timeouts;
	bool last;

	if (c->ep.state == TAPIR_TCP_SYN_RECEIVED) {
		retries = (unsigned)t->conf.tcp_synack_retries;
		linear = 0;
	}
	/* As Linux: one more for what is accepted already, or as the program said. */
	if (tcp_fastopen_child(c))
		retries = c->opt.syncnt ? c->opt.syncnt : retries + 1;
	/* Unanswered since the SYN left first. */
	if (c->probes_out == 0)
		c->act->retrans_start_ns =
			LIST_FIRST(&c->act->recs, struct tcp_rec, seq_link)->sent_ns;
	/*
	 * As Linux: the linear ones come on top of the doubling ones, but all of them take no longer than these alone
	 * would from the first on.
	 */
	last = c->probes_out >= retries + linear ||
	       (linear &&
		t->now_ns - c->act->retrans_start_ns >=
			retries_from(t, c, retries, (uint64_t)t->conf.tcp_rto_init_ms * MS)) ||
	       /* Not before it was repeated once. */
	       (c->opt.user_timeout_ms && c->probes_out &&
		timed_out(t, c, c->act->retrans_start_ns));
	tcp_fastopen_timeout(t, c, c->retransmits + 1u, last);
	if (last) {
		give_up(t, c); /* MUST-22, MUST-23 with tcp_syn_retries */
		return false;
	}
	c->probes_out++;
	if (c->probes_out > linear)
		c->backoff++;
	/* As Linux: a lost SYN is a sign of congestion like another: the first data says CWR. */
	if (!tcp_fastopen_child(c) || c->probes_out == 2)
		tcp_ecn_cut(c);
	if (tcp_fastopen_child(c))
		tcp_rec_mark_head_lost(t, c); /* data waits until the handshake is over */
	else
		tcp_rec_mark_all_lost(t, c);
	tcp_info_rto(t, c);
	STAT_INC(t, TcpExt, TCPTimeouts);
	if (c->probes_out >= t->conf.tcp_retries1)
		suspect_first_hop(t, c);
	tcp_rexmt_arm(t, c);
	return true;
}

/* EVT-45, RFC 9293 3.10.8: the front of the queue goes again. */
static bool fire_rexmt(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	bool last;

	enum tcp_timer_kind kind = a->timer_kind;

	if (kind == TCP_TIMER_SYN && !list_empty(&a->recs)) {
		/* Not lost, but heard by a connection that is gone: neither window nor RTO change for it. */
		tcp_rexmt_arm(t, c);
		tcp_ecn_cut(c);
		tcp_rec_mark_all_lost(t, c);
		tcp_conn_dirty(t, c);
		return true;
	}
	if (kind != TCP_TIMER_RTO && !list_empty(&a->recs)) {
		if (kind == TCP_TIMER_TLP)
			tcp_tlp_fire(t, c);
		else
			tcp_rack_timeout(t, c);
		return true;
	}
	tcp_rexmt_stop(c);
	if (list_empty(&a->recs))
		return true;
	if (!tcp_state_synchronized(c->ep.state))
		return fire_rexmt_syn(t, c);
	/*
	 * TC-27: so CLOSING and LAST-ACK end too. TC-33: by time, not by the number of bursts that met the timer. The time
	 * counts from the first retransmission, and nothing is given up before one, as Linux.
	 */
	if (c->retransmits && !a->retrans_start_ns)
		a->retrans_start_ns = t->now_ns; /* one that could not even leave counts too */
	last = c->retransmits && a->retrans_start_ns && timed_out(t, c, a->retrans_start_ns);
	tcp_fastopen_timeout(t, c, c->retransmits + 1u, last);
	if (last) {
		give_up(t, c);
		return false;
	}
	STAT_INC(t, TcpExt, TCPTimeouts);
	tcp_tell(t, &c->ep.tuple, TAPIR_EV_TCP_RTO, "RFC 6298 5.4-5.6", c->rtt.rto_us, c->backoff);
	tcp_pmtu_timeout(t, c);
	tcp_mtup_timeout(t, c,
			 a->retrans_start_ns &&
				 t->now_ns - a->retrans_start_ns >=
					 retries_ns(t, c, (unsigned)t->conf.tcp_retries1));
	tcp_recovery_rto(t, c);
	tcp_info_rto(t, c);
	if (c->backoff < UINT8_MAX)
		c->backoff++; /* R6298-8: 5.5 */
	if (c->backoff == t->conf.tcp_retries1)
		suspect_first_hop(t, c); /* MUST-20, SHLD-10: R1 */
	tcp_rexmt_arm(t, c);		 /* 5.6 */
	return true;
}

static bool fire_persist(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	bool waits;

	a->deadline_ns[TCP_D_PERSIST] = TAPIR_NEVER;
	if (!a->retrans_start_ns)
		a->retrans_start_ns = t->now_ns;
	if (!a->persist_ns)
		a->persist_ns = t->now_ns;
	/*
	 * TC-23: the program's own limit holds though every probe is answered, as in Linux.
	 * MUST-37: as long as the peer answers probes the connection stays; unanswered ones count as
	 * retransmissions do. TC-26: an orphan does not wait for ever, answered or not: it goes when the
	 * interval has grown to its maximum, some four minutes after the close.
	 */
	if (c->probes_out >= retry_limit(t, c) ||
	    (tcp_user_timeout_ns(c) && t->now_ns - a->persist_ns >= tcp_user_timeout_ns(c)) ||
	    (c->flags & TCP_F_ORPHAN &&
	     (t->now_ns - a->retrans_start_ns > retries_ns(t, c, ORPHAN_RETRIES) ||
	      tcp_persist_ns(t, c) >= (uint64_t)tcp_rto_max_us(t, &c->opt) * 1000))) {
		give_up(t, c);
		return false;
	}
	/* TC-22, TC-24: memory is short, and the peer takes nothing of what nobody waits for. */
	if (c->flags & TCP_F_ORPHAN && tcp_mem_pressed(t)) {
		STAT_INC(t, TcpExt, TCPAbortOnMemory);
		tcp_respond_rst_conn(t, c);
		tcp_conn_drop(t, c, 0);
		return false;
	}
	/* What waits for the interface can't be probed for: only the time counts. */
	waits = c->flags & TCP_F_TX_WAIT;
	if (!waits && tcp_send_forced(t, c))
		return true; /* a window too small for comfort, but open; or CORK's time is over */
	if (!waits) {
		STAT_INC(t, TcpExt, TCPWinProbe);
		tcp_tell(t, &c->ep.tuple, TAPIR_EV_TCP_PROBE, "RFC 9293 3.8.6.1", c->probes_out,
			 c->persist_shift);
		tcp_send_probe(t, c);
	}
	if (c->probes_out < UINT8_MAX)
		c->probes_out++;
	if (c->persist_shift < 31)
		c->persist_shift++;
	a->deadline_ns[TCP_D_PERSIST] = t->now_ns + tcp_persist_ns(t, c);
	return true;
}

/* The flush tries again what lack of memory, or of a share of the queue, kept. */
static void fire_retry(struct tcp_conn *c)
{
	c->act->deadline_ns[TCP_D_RETRY] = TAPIR_NEVER;
	if (c->flags & TCP_F_TX_WAIT) {
		list_del(&c->out); /* asks again for its share: tcp_output() */
		c->flags &= ~(uint32_t)TCP_F_TX_WAIT;
	}
}

void tcp_keepalive_start(struct tapir *t, struct tcp_conn *c)
{
	uint64_t idle =
		c->opt.keepidle_s ? c->opt.keepidle_s : (uint64_t)t->conf.tcp_keepalive_time_s;

	/* MAY-5, MUST-24, MUST-26: off unless the application asks; MUST-28: two hours unless it says. */
	if (c->opt.flags & TCP_O_KEEPALIVE && tcp_state_synchronized(c->ep.state))
		c->keep_ns = c->last_rcv_ns + idle * SEC;
	else
		c->keep_ns = TAPIR_NEVER;
}

static bool fire_keepalive(struct tapir *t, struct tcp_conn *c)
{
	uint64_t intvl =
		c->opt.keepintvl_s ? c->opt.keepintvl_s : (uint64_t)t->conf.tcp_keepalive_intvl_s;
	unsigned cnt = c->opt.keepcnt ? c->opt.keepcnt : (unsigned)t->conf.tcp_keepalive_probes;
	uint64_t idle_ns;

	tcp_keepalive_start(t, c); /* MUST-25: only when nothing came within the interval */
	if (c->keep_ns == TAPIR_NEVER || c->keep_ns > t->now_ns)
		return true;
	if (c->act && (!list_empty(&c->act->recs) || c->flags & TCP_F_PERSIST)) {
		c->keep_ns = t->now_ns + intvl * SEC; /* other timers are at work */
		return true;
	}
	idle_ns = t->now_ns - c->last_rcv_ns;
	if (c->opt.user_timeout_ms
		    ? c->probes_out && idle_ns >= tcp_user_timeout_ns(c)
		    /* RFC 5482 4.2: no earlier than what both ends agreed to wait. */
		    : c->probes_out >= cnt && idle_ns >= tcp_user_timeout_ns(c)) {
		tcp_respond_rst_conn(t, c);
		/* TC-58, MUST-29; MUST-27 is the peer's: a single unanswered probe kills nothing. */
		give_up(t, c);
		return false;
	}
	STAT_INC(t, TcpExt, TCPKeepAlive);
	tcp_tell(t, &c->ep.tuple, TAPIR_EV_TCP_KEEPALIVE, "RFC 9293 3.8.4", c->probes_out, cnt);
	if (c->probes_out < UINT8_MAX)
		c->probes_out++;
	tcp_send_probe(t, c);
	c->keep_ns = t->now_ns + intvl * SEC;
	return true;
}

void tcp_conn_timer(struct tapir *t, struct timer *tm)
{
	struct tcp_conn *c = container_of(tm, struct tcp_conn, timer);
	uint64_t now = t->now_ns;

	if (c->act && c->act->deadline_ns[TCP_D_DELACK] <= now)
		tcp_rcv_ack_late(t, c);
	if (c->act && c->act->deadline_ns[TCP_D_COMPACK] <= now)
		tcp_rcv_ack_compressed(t, c);
	if (c->act && c->act->deadline_ns[TCP_D_RETRY] <= now)
		fire_retry(c);
	if (c->act && c->act->deadline_ns[TCP_D_PACE] <= now)
		c->act->deadline_ns[TCP_D_PACE] = TAPIR_NEVER; /* the flush sends */
	if (c->act && c->act->deadline_ns[TCP_D_REXMT] <= now && !fire_rexmt(t, c))
		return;
	if (c->act && c->act->deadline_ns[TCP_D_PERSIST] <= now && !fire_persist(t, c))
		return;
	if (c->keep_ns <= now && !fire_keepalive(t, c))
		return;
	tcp_timer_update(t, c);
	tcp_conn_dirty(t, c);
}
