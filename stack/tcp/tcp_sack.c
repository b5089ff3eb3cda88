/*
 * Selective acknowledgments that we report (RFC 2018 4, RFC 2883 4).
 *
 * The set of out-of-order ranges, ordered by seq_lt() (TC-48), is the only source: its stamps tell which
 * range changed last, and that one comes first, so that the sender learns what triggered this ACK; then
 * the others, newest first, so that each range is reported in several ACKs in a row. A duplicate is told
 * once, in the first place, by a block that is not part of that order (D-SACK).
 */
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"

void tcp_sack_duplicate(struct tapir *t, struct tcp_conn *c, uint32_t start, uint32_t end, bool old)
{
	/* An idle connection tells duplicates too: that is when a lost ACK shows. */
	if (!(c->flags & TCP_F_SACK) || !t->conf.tcp_dsack || !tcp_act_get(t, c))
		return;
	c->act->dsack = true; /* R2883-1 */
	c->act->dsack_start = start;
	c->act->dsack_end = end;
	if (old)
		STAT_INC(t, TcpExt, TCPDSACKOldSent);
	else
		STAT_INC(t, TcpExt, TCPDSACKOfoSent);
}

/* Where the ranges stand that changed last, at most `most` of them, newest first, in one pass: there may be thousands. */
static unsigned newest(const struct ranges *s, unsigned most, uint16_t *at)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n && most > 0; i++) {
		uint32_t age = s->clock - s->r[i].stamp;
		unsigned k = n < most ? n++ : most;

		for (; k > 0 && age < s->clock - s->r[at[k - 1]].stamp; k--) {
			if (k < most)
				at[k] = at[k - 1];
		}
		if (k < most)
			at[k] = (uint16_t)i;
	}
	return n;
}

static void add_block(struct tcp_opts *o, uint32_t start, uint32_t end)
{
	o->sack[o->n_sack].start = start;
	o->sack[o->n_sack].end = end;
	o->n_sack++;
	o->has |= TCP_HAS_SACK;
}

/* How many blocks fit; on a path of less than 92 bytes fewer, so that a word of data stands beside them. */
static unsigned blocks_room(const struct tcp_conn *c, const struct tcp_opts *o)
{
	bool ts = o->has & TCP_HAS_TS;
	uint32_t taken = (ts ? TCP_TS_LEN : 0) + 4 + 4;

	return min_u32(tcp_opts_sack_room(ts), c->mss > taken ? (c->mss - taken) / 8 : 0);
}

void tcp_sack_number(const struct tcp_conn *c, struct tcp_opts *o)
{
	const struct tcp_act *a = c->act;

	if (!a || (!a->dsack && a->ooo.n == 0))
		return;
	o->n_sack = (uint8_t)min_u32(blocks_room(c, o), (uint32_t)a->ooo.n + (a->dsack ? 1 : 0));
	if (o->n_sack)
		o->has |= TCP_HAS_SACK;
}

void tcp_sack_blocks(const struct tcp_conn *c, struct tcp_opts *o)
{
	const struct tcp_act *a = c->act;
	unsigned room = blocks_room(c, o), n;
	uint16_t at[TCP_SACK_MAX];

	if (!a)
		return;
	if (a->dsack && room > 0)
		add_block(o, a->dsack_start, a->dsack_end); /* R2883-2: its island follows */
	/* R2018-4, R2018-5 */
	n = newest(&a->ooo, room - o->n_sack, at);
	for (unsigned i = 0; i < n; i++)
		add_block(o, a->ooo.r[at[i]].start, a->ooo.r[at[i]].end);
}
