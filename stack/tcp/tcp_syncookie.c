/*
 * SYN cookies (RFC 4987 3.6): when the SYN queue is full, the ISN of the SYN-ACK says all that a record would.
 *
 *	ISN = H0(tuple) + IRS + (count << 24) + ((H1(tuple, IRS, count) + m) mod 2^24)
 *
 * `count` ticks every 64 seconds, `m` is an index into a table of MSS values, H0 and H1 are SipHash-2-4 under
 * two keys. The ACK brings ISN+1 and IRS+1 back: the top byte of ISN - H0 - IRS gives the count, which must be
 * this one or the one before; the rest, less H1, must be a small index. A forged ACK is accepted once in
 * 2^32 / (2 counts * 8 values) = 2^28 tries, and only while cookies are being sent.
 *
 * What does not fit: window scale, SACK and ECN. When the SYN had timestamps, they go into the low 6 bits of the
 * SYN-ACK's TSval, which the peer echoes. Without timestamps the connection has none of them.
 *
 * No SYN-ACK is ever sent again: if it is lost, the peer sends its SYN again. So one forged SYN makes one
 * SYN-ACK.
 */
#include "stack/base/seq.h"
#include "stack/core/emit.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/wire/bytes.h"

enum {
	COUNT_S = 64,
	COUNT_MAX_AGE = 2, /* this count and the one before */
	TS_BITS = 6,
	TS_MASK = (1 << TS_BITS) - 1,
	TS_WSCALE_MASK = 0xf, /* 15: none */
	TS_SACK = 1 << 4,
	TS_ECN = 1 << 5,
};

#define NS_PER_S  UINT64_C(1000000000)
#define MAC_MASK  0xffffffu
#define COUNT_POS 24

/* The largest that is not above the peer's, or the first: Linux's table for IPv4. */
static const uint16_t mss_table[] = {536, 1300, 1440, 1460};

static uint64_t hash(const struct tapir *t, unsigned key, const struct tcp_tuple *tu, uint32_t irs,
		     uint32_t count)
{
	uint8_t b[44];

	memcpy(b, tu->laddr.b, 16);
	memcpy(b + 16, tu->raddr.b, 16);
	put_be16(b + 32, tu->lport);
	put_be16(b + 34, tu->rport);
	put_be32(b + 36, irs);
	put_be32(b + 40, count);
	return siphash24(b, sizeof(b), &t->tcp->cookie_key[key]);
}

static uint32_t count_now(const struct tapir *t)
{
	return (uint32_t)(t->now_ns / (COUNT_S * NS_PER_S));
}

static uint32_t cookie_make(const struct tapir *t, const struct tcp_tuple *tu, uint32_t irs,
			    uint32_t m)
{
	uint32_t count = count_now(t);

	return (uint32_t)hash(t, 0, tu, 0, 0) + irs + (count << COUNT_POS) +
	       (((uint32_t)hash(t, 1, tu, irs, count) + m) & MAC_MASK);
}

/* The index in a cookie, or -1. */
static int cookie_open(const struct tapir *t, const struct tcp_tuple *tu, uint32_t irs,
		       uint32_t cookie)
{
	uint32_t x = cookie - (uint32_t)hash(t, 0, tu, 0, 0) - irs;
	uint32_t age = (count_now(t) - (x >> COUNT_POS)) & 0xff, m;

	/* R4987-2: old ones are void, so that one overheard is of no use for long. */
	if (age >= COUNT_MAX_AGE || age > count_now(t))
		return -1;
	m = (x - (uint32_t)hash(t, 1, tu, irs, count_now(t) - age)) & MAC_MASK;
	return m < ARRAY_SIZE(mss_table) ? (int)m : -1;
}

static uint32_t mss_index(uint16_t mss)
{
	uint32_t m = ARRAY_SIZE(mss_table) - 1;

	while (m > 0 && mss_table[m] > mss)
		m--;
	return m;
}

/* The last TSval, not later than now, whose low bits say what was agreed on. */
static uint32_t ts_encode(const struct tapir *t, const struct tcp_passive *p)
{
	uint32_t now = tcp_ts_now(t, 0);
	uint32_t bits = (p->ws ? p->snd_wscale : TS_WSCALE_MASK) | (p->sack ? TS_SACK : 0) |
			(p->ecn ? TS_ECN : 0);
	uint32_t val = (now & ~(uint32_t)TS_MASK) | bits;

	return seq_gt(val, now) ? val - (1 << TS_BITS) : val;
}

void tcp_syncookie_send(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *offer,
			const struct tcp_seg *seg)
{
	struct tcp_passive p = *offer;

	p.iss = cookie_make(t, &p.tuple, p.irs, mss_index(p.peer_mss));
	if (p.ts) {
		/* What is sent as TSval is the clock plus ts_off. */
		p.ts_off += ts_encode(t, &p) - tcp_ts_now(t, 0);
	} else {
		p.ws = false;
		p.sack = false;
		p.ecn = false;
	}
	l->cookie_ns = t->now_ns + 1;
	STAT_INC(t, TcpExt, SyncookiesSent);
	if (emit_wanted(t)) {
		struct tapir_event ev = emit_begin(t, TAPIR_EV_TCP_COOKIE_SENT, "RFC 4987 3.6");

		ev.local = (struct tapir_sockaddr){p.tuple.laddr, p.tuple.lport, 0};
		ev.peer = (struct tapir_sockaddr){p.tuple.raddr, p.tuple.rport, 0};
		ev.u.seg.seq = p.iss;
		ev.u.seg.ack = seg->seq + 1;
		emit(t, &ev);
	}
	tcp_respond_synack(t, l, &p, NULL, false);
}

enum drop_reason tcp_syncookie_check(struct tapir *t, struct tcp_listener *l,
				     const struct tcp_seg *seg, struct tcp_passive *p)
{
	uint32_t bits;
	int m;

	/* TC-19: nothing is computed for those who guess while no cookie is out. */
	if (!t->conf.tcp_syncookies || !l->cookie_ns ||
	    t->now_ns + 1 - l->cookie_ns > COUNT_MAX_AGE * COUNT_S * NS_PER_S)
		return DROP_TCP_NOT_LISTENING;
	m = cookie_open(t, &seg->tuple, seg->seq - 1, seg->ack - 1);
	if (m < 0 || !tcp_listen_offer(t, l, seg, p)) {
		STAT_INC(t, TcpExt, SyncookiesFailed);
		return DROP_TCP_COOKIE;
	}
	STAT_INC(t, TcpExt, SyncookiesRecv);
	p->irs = seg->seq - 1;
	p->iss = seg->ack - 1;
	p->peer_mss = mss_table[m];
	/* As Linux: whole segments of the peer's size, not of ours. */
	p->rcv_wnd = min_u32(tcp_rcv_initial(t, &l->opt, p->peer_mss), UINT16_MAX);
	/* The offer was read from the ACK, which has no options but timestamps. */
	p->ws = false;
	p->sack = false;
	p->ecn = false;
	if (!p->ts)
		return DROP_NONE;
	bits = seg->opt.tsecr - p->ts_off;
	p->sack = bits & TS_SACK && t->conf.tcp_sack;
	p->ecn = bits & TS_ECN && t->conf.tcp_ecn;
	p->ws = (bits & TS_WSCALE_MASK) <= TCP_WSCALE_MAX && t->conf.tcp_window_scaling;
	if (p->ws) {
		p->snd_wscale = bits & TS_WSCALE_MASK;
		p->rcv_wscale = tcp_wscale_for(tcp_rcv_space_max(t, &l->opt));
		p->rcv_wnd = tcp_rcv_initial(t, &l->opt, p->peer_mss);
	}
	return DROP_NONE;
}
