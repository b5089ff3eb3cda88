/*
 * Initial sequence numbers and timestamp offsets (RFC 6528, RFC 7323 7).
 *
 *	ISN = M + F(local address, local port, remote address, remote port, key)
 *
 * M is a clock that ticks every 4 microseconds, so that a tuple's numbers grow from one incarnation to
 * the next; F, SipHash-2-4 under a key drawn when the instance was made, keeps apart what different
 * tuples see: knowing one's own ISN tells nothing of another's. The key comes from the instance's
 * generator, whose seed is fit for keys, and is in no byte that leaves.
 *
 * The timestamps of a tuple get an offset by the same means under another key: they tell no uptime,
 * and grow monotonically over the incarnations of one tuple, which RFC 6191 relies on.
 */
#include "stack/base/seq.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/wire/bytes.h"

enum { ISN_TICK_NS = 4000, TUPLE_LEN = 36 };

static uint64_t hash_tuple(const struct tcp_tuple *tu, const struct siphash_key *key)
{
	uint8_t b[TUPLE_LEN];

	memcpy(b, tu->laddr.b, 16);
	memcpy(b + 16, tu->raddr.b, 16);
	put_be16(b + 32, tu->lport);
	put_be16(b + 34, tu->rport);
	return siphash24(b, sizeof(b), key);
}

static bool tuple_eq(const struct tcp_tuple *a, const struct tcp_tuple *b)
{
	return a->lport == b->lport && a->rport == b->rport &&
	       tapir_addr_eq(&a->laddr, &b->laddr) && tapir_addr_eq(&a->raddr, &b->raddr);
}

bool tcp_isn_recycled(const struct tapir *t, const struct tcp_tuple *tu)
{
	return t->tcp->recycled_set && tuple_eq(tu, &t->tcp->recycled);
}

uint32_t tcp_isn(struct tapir *t, const struct tcp_tuple *tu)
{
	struct tcp_state *ts = t->tcp;
	/*
	 * MUST-8, SHLD-1, R6528-1: the clock; MUST-9, R6528-2: F needs the secret key: no counter, no LCG,
	 * nothing that the wire shows (NJ-01, NJ-02, NJ-03, NJ-04, NJ-05, NJ-06, NJ-07, NJ-08, NJ-09, IH-13).
	 */
	uint32_t isn = (uint32_t)(t->now_ns / ISN_TICK_NS) + (uint32_t)hash_tuple(tu, &ts->isn_key);

	/*
	 * MAY-2, R6528-3: after a TIME-WAIT record was given up for this tuple, begin above all that the old
	 * incarnation used. As Linux there and not where the clock is by now, MUST-8 or not.
	 */
	if (ts->recycled_set && tuple_eq(tu, &ts->recycled)) {
		isn = ts->recycled_seq;
		ts->recycled_set = false;
	}
	return isn;
}

uint32_t tcp_ts_offset(struct tapir *t, const struct tcp_tuple *tu)
{
	/* R7323-20: random for each tuple. */
	if (t->conf.tcp_timestamps == 2)
		return 0;
	return (uint32_t)hash_tuple(tu, &t->tcp->ts_key);
}
