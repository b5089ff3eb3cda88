/*
 * The user timeout and its option (RFC 5482).
 *
 * How long data may go unacknowledged before a connection is given up is the program's affair (TCP_USER_TIMEOUT), or
 * else the stack's (R2). With the option each end tells what it would like, and both take the longer of the two, so
 * that a connection survives as long an outage as either end is ready to wait for:
 *
 *	USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT))
 *
 * Nothing is negotiated and nothing repeated: a word that is lost is lost. It is in SYN and SYN-ACK, in the first segment
 * after them, and in the next one after a change. Off unless a program (TCP_UTO) or a setting turns it on. A program that
 * set TCP_USER_TIMEOUT keeps what it set, whatever the peer says.
 */
#include "stack/base/seq.h"
#include "stack/tcp/tcp_fn.h"

enum {
	MINUTES = 0x8000,   /* the granularity bit */
	VALUE_MAX = 0x7fff, /* 15 bits */
	OPTION_LEN = 4,
};

/* ADV_UTO in seconds; 0: the option is off for c. */
static uint32_t adv_uto(const struct tapir *t, const struct tcp_opt *o)
{
	return o->uto_s >= 0 ? (uint32_t)o->uto_s : (uint32_t)t->conf.tcp_uto;
}

uint16_t tcp_uto_field(const struct tapir *t, const struct tcp_opt *o)
{
	uint32_t s = adv_uto(t, o);

	/* RFC 5482 3.3: minutes where seconds do not fit, never fewer than was meant. */
	if (s <= VALUE_MAX)
		return (uint16_t)s;
	return (uint16_t)(MINUTES | min_u32((s + 59) / 60, VALUE_MAX));
}

/* R5482-2 (3.1): the limits hold whatever either end says, and the lower one is above the RTO. */
static void adopt(const struct tapir *t, struct tcp_conn *c)
{
	uint32_t low = max_u32((uint32_t)t->conf.tcp_uto_min, c->rtt.rto_us / 1000000 + 1);
	uint32_t adv = adv_uto(t, &c->opt);
	uint32_t s = max_u32(max_u32(adv, c->uto_remote_s), low);

	c->uto_s = adv ? min_u32(s, (uint32_t)t->conf.tcp_uto_max) : 0;
}

void tcp_uto_heard(const struct tapir *t, struct tcp_conn *c, uint16_t field)
{
	uint32_t value = field & VALUE_MAX;

	/* R5482-1: not wanted, or (3.4) reserved: as if it were not there. */
	if (!adv_uto(t, &c->opt) || value == 0)
		return;
	c->uto_remote_s = field & MINUTES ? value * 60 : value;
	adopt(t, c);
}

void tcp_uto_changed(const struct tapir *t, struct tcp_conn *c)
{
	adopt(t, c);
	c->uto_due = c->uto_s != 0;
}

void tcp_uto_opts(const struct tapir *t, const struct tcp_conn *c, bool syn, struct tcp_opts *o)
{
	if (!(syn ? adv_uto(t, &c->opt) != 0 : c->uto_due))
		return;
	if (tcp_opts_len(o, tcp_opt_style(t)) + OPTION_LEN > TCP_OPT_MAX)
		return; /* in the next one, then */
	o->has |= TCP_HAS_UTO;
	o->uto = tcp_uto_field(t, &c->opt);
}

uint64_t tcp_user_timeout_ns(const struct tcp_conn *c)
{
	/* RFC 5482 3.1: what the program set stands (CHANGEABLE is false). */
	if (c->opt.user_timeout_ms)
		return (uint64_t)c->opt.user_timeout_ms * 1000000;
	/* 3.3: in synchronized states alone. */
	return tcp_state_synchronized(c->ep.state) ? (uint64_t)c->uto_s * 1000000000 : 0;
}
