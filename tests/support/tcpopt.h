#ifndef TAPIR_TESTS_SUPPORT_TCPOPT_H
#define TAPIR_TESTS_SUPPORT_TCPOPT_H

/*
 * What tests of TCP's options share: segments with a timestamp, blocks of SACK in what left, and the
 * connection itself, where a test looks at what no wire shows. On top of tcpfix.h.
 */
#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/tcpfix.h"

/* Options of a SYN: MSS 1460, SACK permitted, timestamps, window scale 7, as the common systems send. */
static inline void tf_syn_opts(struct tf *f, uint32_t tsval)
{
	static const uint8_t o[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7};

	memcpy(f->opts, o, sizeof(o));
	f->opts[8] = (uint8_t)(tsval >> 24);
	f->opts[9] = (uint8_t)(tsval >> 16);
	f->opts[10] = (uint8_t)(tsval >> 8);
	f->opts[11] = (uint8_t)tsval;
	f->nopts = sizeof(o);
}

/* MSS 1460 and SACK permitted alone. */
static inline void tf_syn_sack(struct tf *f)
{
	static const uint8_t o[] = {2, 4, 5, 180, 1, 1, 4, 2};

	memcpy(f->opts, o, sizeof(o));
	f->nopts = sizeof(o);
}

/* MSS alone. */
static inline void tf_syn_mss(struct tf *f, uint16_t mss)
{
	f->opts[0] = 2;
	f->opts[1] = 4;
	f->opts[2] = (uint8_t)(mss >> 8);
	f->opts[3] = (uint8_t)mss;
	f->nopts = 4;
}

static inline uint32_t tf_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void tf_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* A segment of the peer with a timestamp. */
static inline void tf_seg_ts(struct tf *f, uint8_t flags, uint32_t seq, uint32_t ack,
			     uint32_t tsval, uint32_t tsecr, uint32_t len)
{
	uint8_t o[12] = {1, 1, 8, 10};

	tf_put32(o + 4, tsval);
	tf_put32(o + 8, tsecr);
	tf_seg_opts(f, f->rport, flags, seq, ack, o, sizeof(o), len);
}

/* The timestamp of the segment that tf_pop() took; false: it has none. */
static inline bool tf_ts(const struct tf *f, uint32_t *tsval, uint32_t *tsecr)
{
	const uint8_t *o = tf_opt(f, 8);

	if (!o)
		return false;
	*tsval = tf_be32(o);
	*tsecr = tf_be32(o + 4);
	return true;
}

/* The SACK blocks of the segment that tf_pop() took, less `base`; how many. */
static inline unsigned tf_sacks(const struct tf *f, uint32_t base, uint32_t out[4][2])
{
	const uint8_t *o = tf_opt(f, 5);
	unsigned n = o ? (o[-1] - 2u) / 8 : 0;

	assert_true(n <= 4);
	for (unsigned i = 0; i < n; i++) {
		out[i][0] = tf_be32(o + 8 * i) - base;
		out[i][1] = tf_be32(o + 8 * i + 4) - base;
	}
	return n;
}

/* The connection of f->lport and f->rport, NULL: there is none (a record may be). */
static inline struct tcp_conn *tf_conn(struct tf *f)
{
	struct tcp_tuple tu = {
		.laddr = tapir_addr_v4(WORLD_US),
		.raddr = tapir_addr_v4(WORLD_PEER),
		.lport = f->lport,
		.rport = f->rport,
	};
	struct tcp_ep *ep = tcp_demux_find(f->w.t, &tu);

	return ep && ep->kind == TCP_EP_CONN ? tcp_conn_of(ep) : NULL;
}

#endif
