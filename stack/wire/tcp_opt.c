/*
 * Options are a byte string of at most 40: EOL ends it, NOP is one byte, all else is kind, length,
 * data with a length that counts itself and the kind. They come from anyone: the walk goes by
 * length only, each step moves on by at least one byte, and the first length that cannot be stops
 * it.
 *
 *	|2|4| mss |  |1|3|3|shift|  |4|2|  |8|10| tsval | tsecr |  |5|2+8n| start | end | ...
 *
 * Writing: a receiver reads options in any order, but hosts are told apart by theirs, and 40 bytes
 * are soon full, so the order is that of a known stack. Linux aligns each group to 4 bytes with
 * NOPs in front; SACK-permitted takes the place of the NOPs before a timestamp.
 */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/tcp_opt.h"

/* Lengths of the options, kind and length bytes included. */
#define LEN_MSS	    4
#define LEN_WSCALE  3
#define LEN_SACK_OK 2
#define LEN_TS	    10
#define LEN_UTO	    4
#define LEN_MD5	    18
#define LEN_AO_MIN  4
#define LEN_EXP	    4 /* with the experiment's number */

#define EXP_TFO \
	0xf989 /* Fast Open's (RFC 7413 appendix A is silent on it; the IANA registry names it) */

static void parse_wscale(uint8_t shift, struct tcp_opts *out)
{
	/* R7323-6: more than 14 counts as 14; the raw value is there to be logged. */
	out->wscale_raw = shift;
	out->wscale = shift > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : shift;
	out->has |= TCP_HAS_WSCALE;
}

/* The data of a SACK option: n bytes, a whole number of blocks. */
static void parse_sack(const uint8_t *p, size_t n, struct tcp_opts *out)
{
	out->n_sack = (uint8_t)(n / 8);
	for (unsigned i = 0; i < out->n_sack; i++, p += 8)
		out->sack[i] = (struct tcp_sack_block){get_be32(p), get_be32(p + 4)};
	out->has |= TCP_HAS_SACK;
}

/*
 * The data of a Fast Open option: empty, or a cookie of an even length from 4 to 16 (RFC 7413 4.1.1); R7413-2: else
 * it is none.
 */
static void parse_tfo(const uint8_t *p, size_t n, bool exp, struct tcp_opts *out)
{
	if (n != 0 && (n % 2 || n < TCP_TFO_MIN || n > TCP_TFO_MAX))
		return;
	out->tfo_exp = exp;
	out->tfo_len = (uint8_t)n;
	memcpy(out->tfo, p, n);
	out->has |= TCP_HAS_TFO;
}

/*
 * One option of len >= 2 bytes at p, all within the header. A known kind with a wrong length means
 * nothing and is passed over (AM33-05, R2018-9, NUC-04, R7413-2, U11-03), as is an unknown kind
 * (RFC 9293 3.1, MUST-6).
 */
static void parse_one(const uint8_t *p, size_t len, struct tcp_opts *out)
{
	switch (p[0]) {
	case TCP_OPT_MSS:
		if (len == LEN_MSS) {
			out->mss = get_be16(p + 2);
			out->has |= TCP_HAS_MSS;
		}
		break;
	case TCP_OPT_WSCALE:
		if (len == LEN_WSCALE)
			parse_wscale(p[2], out);
		break;
	case TCP_OPT_SACK_OK:
		if (len == LEN_SACK_OK)
			out->has |= TCP_HAS_SACK_OK;
		break;
	case TCP_OPT_SACK:
		if (len >= 10 && (len - 2) % 8 == 0 && (len - 2) / 8 <= TCP_SACK_MAX)
			parse_sack(p + 2, len - 2, out);
		break;
	case TCP_OPT_TS:
		if (len == LEN_TS) {
			out->tsval = get_be32(p + 2);
			out->tsecr = get_be32(p + 6);
			out->has |= TCP_HAS_TS;
		}
		break;
	case TCP_OPT_MD5:
		if (len == LEN_MD5)
			out->has |= TCP_HAS_MD5;
		break;
	case TCP_OPT_UTO:
		if (len == LEN_UTO) {
			out->uto = get_be16(p + 2);
			out->has |= TCP_HAS_UTO;
		}
		break;
	case TCP_OPT_AO:
		if (len >= LEN_AO_MIN)
			out->has |= TCP_HAS_AO;
		break;
	case TCP_OPT_TFO:
		parse_tfo(p + 2, len - 2, false, out);
		break;
	case TCP_OPT_EXP:
		if (len >= LEN_EXP && get_be16(p + 2) == EXP_TFO)
			parse_tfo(p + 4, len - 4, true, out);
		else
			out->has |= TCP_HAS_UNKNOWN;
		break;
	default:
		out->has |= TCP_HAS_UNKNOWN;
		break;
	}
}

void tcp_opts_parse(const uint8_t *p, size_t len, struct tcp_opts *out)
{
	*out = (struct tcp_opts){0};

	/* RFC 9293 3.2, MUST-4 and MUST-64: EOL, NOP and the rest, byte by byte at any alignment. */
	for (size_t at = 0; at < len && p[at] != TCP_OPT_EOL;) {
		if (p[at] == TCP_OPT_NOP) {
			at++;
			continue;
		}
		/*
		 * RFC 9293 3.1, MUST-68: every other kind has a length. MUST-7: one that is 0 or 1, or
		 * goes past the header, ends the walk; what came before it stands. AM33-03, AM33-22, CL-27, CL-28,
		 * CL-33, FR-03, R20-17, TC-52: others looped here, or read on.
		 */
		if (len - at < 2 || p[at + 1] < 2 || p[at + 1] > len - at) {
			out->malformed = true;
			return;
		}
		parse_one(p + at, p[at + 1], out);
		at += p[at + 1];
	}
}

/* Options being written. */
struct opt_writer {
	uint8_t *p;
	size_t len;
};

static void put_kind(struct opt_writer *w, uint8_t kind, uint8_t len)
{
	w->p[w->len++] = kind;
	w->p[w->len++] = len;
}

/* MUST-69: what an option list needs to end on a word. */
static void put_nops(struct opt_writer *w, unsigned n)
{
	while (n-- > 0)
		w->p[w->len++] = TCP_OPT_NOP;
}

static void put_mss(struct opt_writer *w, const struct tcp_opts *o)
{
	put_kind(w, TCP_OPT_MSS, LEN_MSS);
	put_be16(w->p + w->len, o->mss);
	w->len += 2;
}

static void put_wscale(struct opt_writer *w, const struct tcp_opts *o)
{
	put_nops(w, 1);
	put_kind(w, TCP_OPT_WSCALE, LEN_WSCALE);
	w->p[w->len++] = o->wscale;
}

static void put_ts(struct opt_writer *w, const struct tcp_opts *o)
{
	put_kind(w, TCP_OPT_TS, LEN_TS);
	put_be32(w->p + w->len, o->tsval);
	put_be32(w->p + w->len + 4, o->tsecr);
	w->len += 8;
}

/* SACK-permitted and timestamps share their 12 bytes; either alone has two NOPs in front. */
static void put_sack_ok_ts(struct opt_writer *w, const struct tcp_opts *o)
{
	bool sack_ok = o->has & TCP_HAS_SACK_OK, ts = o->has & TCP_HAS_TS;

	if (!(sack_ok && ts) && (sack_ok || ts))
		put_nops(w, 2);
	if (sack_ok)
		put_kind(w, TCP_OPT_SACK_OK, LEN_SACK_OK);
	if (ts)
		put_ts(w, o);
}

/* How many of the blocks fit behind len bytes of other options. */
static unsigned sack_fit(const struct tcp_opts *o, size_t len)
{
	if (!(o->has & TCP_HAS_SACK) || TCP_OPT_MAX - len < 12)
		return 0;
	return min_u32(o->n_sack, (uint32_t)((TCP_OPT_MAX - len - 4) / 8));
}

static void put_sack(struct opt_writer *w, const struct tcp_opts *o)
{
	unsigned n = sack_fit(o, w->len);

	if (n == 0)
		return;
	put_nops(w, 2);
	put_kind(w, TCP_OPT_SACK, (uint8_t)(2 + 8 * n));
	for (unsigned i = 0; i < n; i++, w->len += 8) {
		put_be32(w->p + w->len, o->sack[i].start);
		put_be32(w->p + w->len + 4, o->sack[i].end);
	}
}

/* What few segments carry, at the end: user timeout, Fast Open, then NOPs up to a multiple of 4. */
static void put_rare(struct opt_writer *w, const struct tcp_opts *o)
{
	if (o->has & TCP_HAS_UTO && TCP_OPT_MAX - w->len >= LEN_UTO) {
		put_kind(w, TCP_OPT_UTO, LEN_UTO);
		put_be16(w->p + w->len, o->uto);
		w->len += 2;
	}
	if (o->has & TCP_HAS_TFO && TCP_OPT_MAX - w->len >= (o->tfo_exp ? 4u : 2u) + o->tfo_len) {
		if (o->tfo_exp) {
			put_kind(w, TCP_OPT_EXP, (uint8_t)(LEN_EXP + o->tfo_len));
			put_be16(w->p + w->len, EXP_TFO);
			w->len += 2;
		} else {
			put_kind(w, TCP_OPT_TFO, (uint8_t)(2 + o->tfo_len));
		}
		memcpy(w->p + w->len, o->tfo, o->tfo_len);
		w->len += o->tfo_len;
		put_nops(w, (unsigned)(-w->len & 3));
	}
}

size_t tcp_opts_encode(uint8_t *p, const struct tcp_opts *o, enum tcp_opt_style style)
{
	struct opt_writer w;

	w.p = p;
	w.len = 0;
	TAPIR_ASSERT(o->n_sack <= TCP_SACK_MAX && o->tfo_len <= TCP_TFO_MAX);
	if (o->has & TCP_HAS_MSS)
		put_mss(&w, o);
	switch (style) {
	case TCP_OPTS_LINUX:
		put_sack_ok_ts(&w, o);
		if (o->has & TCP_HAS_WSCALE)
			put_wscale(&w, o);
		break;
	case TCP_OPTS_FREEBSD:
		if (o->has & TCP_HAS_WSCALE)
			put_wscale(&w, o);
		put_sack_ok_ts(&w, o);
		break;
	}
	put_sack(&w, o);
	put_rare(&w, o);
	TAPIR_ASSERT(w.len <= TCP_OPT_MAX && w.len % 4 == 0);
	return w.len;
}

size_t tcp_opts_len(const struct tcp_opts *o, enum tcp_opt_style style)
{
	uint8_t scratch[TCP_OPT_MAX]; /* CL-32: no buffer here is sized by a packet */

	return tcp_opts_encode(scratch, o, style);
}
