/*
 * TCP options: what was parsed is written, whole and well formed, in either style, and parses again
 * to the same; encoding what has been encoded changes nothing.
 */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/tcp_opt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Kinds that are written; the others are only seen. */
#define WRITTEN                                                                       \
	(TCP_HAS_MSS | TCP_HAS_WSCALE | TCP_HAS_SACK_OK | TCP_HAS_TS | TCP_HAS_SACK | \
	 TCP_HAS_TFO | TCP_HAS_UTO)

static void same(const struct tcp_opts *a, const struct tcp_opts *b)
{
	TAPIR_ASSERT(!(b->has & TCP_HAS_MSS) || a->mss == b->mss);
	TAPIR_ASSERT(!(b->has & TCP_HAS_WSCALE) || a->wscale == b->wscale);
	TAPIR_ASSERT(!(b->has & TCP_HAS_TS) || (a->tsval == b->tsval && a->tsecr == b->tsecr));
	TAPIR_ASSERT(!(b->has & TCP_HAS_UTO) || a->uto == b->uto);
	if (b->has & TCP_HAS_TFO)
		TAPIR_ASSERT(a->tfo_len == b->tfo_len && a->tfo_exp == b->tfo_exp &&
			     memcmp(a->tfo, b->tfo, a->tfo_len) == 0);
	if (b->has & TCP_HAS_SACK)
		TAPIR_ASSERT(b->n_sack <= a->n_sack &&
			     memcmp(a->sack, b->sack, b->n_sack * sizeof(a->sack[0])) == 0);
}

static void encode(const struct tcp_opts *o, enum tcp_opt_style style)
{
	uint8_t p[TCP_OPT_MAX], again[TCP_OPT_MAX];
	struct tcp_opts back;
	size_t n = tcp_opts_encode(p, o, style);

	TAPIR_ASSERT(n <= TCP_OPT_MAX && n % 4 == 0 && n == tcp_opts_len(o, style));
	tcp_opts_parse(p, n, &back);
	TAPIR_ASSERT(!back.malformed && (back.has & ~(o->has & WRITTEN)) == 0);
	same(o, &back);
	TAPIR_ASSERT(tcp_opts_encode(again, &back, style) == n && memcmp(p, again, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tcp_opts o;

	if (size > TCP_OPT_MAX)
		size = TCP_OPT_MAX;
	tcp_opts_parse(data, size, &o);
	TAPIR_ASSERT(o.wscale <= TCP_WSCALE_MAX && o.tfo_len <= TCP_TFO_MAX);
	TAPIR_ASSERT(!!(o.has & TCP_HAS_SACK) == (o.n_sack > 0) && o.n_sack <= TCP_SACK_MAX);
	encode(&o, TCP_OPTS_LINUX);
	encode(&o, TCP_OPTS_FREEBSD);
	return 0;
}
