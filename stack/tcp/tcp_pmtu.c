/*
 * Path MTU messages, believed as far as RFC 5927 7.2 lets them; never a reason to abort (EVT-65).
 *
 * TC-14: one that claims less than what has already got through contradicts the evidence: it is kept
 * aside and believed only when the segment it speaks of times out. One that claims less than what
 * was sent, but more than what got through, is believed at once. What is in flight then is sent again in
 * smaller pieces, and the congestion window stays: nothing was lost to congestion.
 */
#include "stack/core/emit.h"
#include "stack/ip/pmtu.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/tcp/tcp_user.h"

unsigned tcp_pmtu_mode(const struct tapir *t, uint8_t pmtudisc)
{
	if (pmtudisc)
		return pmtudisc - 1u;
	return t->conf.ip_no_pmtu_disc ? TAPIR_PMTUDISC_DONT : TAPIR_PMTUDISC_WANT;
}

bool tcp_pmtu_df(const struct tapir *t, uint8_t pmtudisc)
{
	unsigned mode = tcp_pmtu_mode(t, pmtudisc);

	/* As Linux: PROBE has none, other than for datagrams. */
	return mode == TAPIR_PMTUDISC_WANT || mode == TAPIR_PMTUDISC_DO;
}

/* As Linux: who does not look for the path's MTU leaves what is in flight alone; the path is known by it all the same. */
static bool cuts_anew(const struct tapir *t, const struct tcp_conn *c)
{
	unsigned mode = tcp_pmtu_mode(t, c->opt.pmtudisc);

	return mode != TAPIR_PMTUDISC_DONT && mode != TAPIR_PMTUDISC_INTERFACE &&
	       mode != TAPIR_PMTUDISC_OMIT;
}

static void apply(struct tapir *t, struct tcp_conn *c, uint32_t mtu)
{
	uint16_t before = c->mss;
	struct route rt;

	if (tcp_conn_route(t, c, &rt) < 0)
		return;
	pmtu_update(t, rt.dst, mtu, rt.mtu);
	tcp_conn_update_mss(t, c);
	/* An open has no flight yet: what its SYN carried waits for the answer. */
	if (c->mss >= before || !c->act || c->ep.state == TAPIR_TCP_SYN_SENT || !cuts_anew(t, c))
		return;
	/* R1191-7, SHLD-6, TC-53: the flight was cut too big and is cut anew, as far as cwnd lets it. */
	tcp_recovery_recut(t, c);
	tcp_conn_dirty(t, c);
}

void tcp_pmtu_told(struct tapir *t, struct tcp_conn *c, const struct icmp_err *e)
{
	uint32_t mtu = e->mtu;
	struct route rt;

	if (c->opt.flags & TCP_O_DONTROUTE || tcp_conn_route(t, c, &rt) < 0)
		return;
	if (e->local)
		mtu = rt.mtu;
	if (!e->local && mtu >= rt.mtu)
		return; /* R1191-5: never an increase */
	/* R5927-4: it would have to be about something that large. */
	if (!e->local && c->max_sent && mtu >= c->max_sent)
		return;
	if (!e->local && c->max_acked && mtu < c->max_acked && c->backoff == 0) {
		c->mtu_pending = (uint16_t)max_u32(mtu, 1);
		c->mtu_seq = e->seq;
		return;
	}
	apply(t, c, mtu);
}

void tcp_pmtu_timeout(struct tapir *t, struct tcp_conn *c)
{
	uint32_t mtu = c->mtu_pending;

	if (!mtu)
		return;
	c->mtu_pending = 0;
	apply(t, c, mtu);
}
