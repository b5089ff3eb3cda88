/*
 * Segmentation offload, seen from its upper side.
 *
 * packetdrill's device lets Linux hand out TCP data in chunks of several segments, larger than the MTU, and scripts for
 * Linux expect these. Our stack sends segments, and says of new data which are of one chunk (stack/tcp/tcp_tso.c); here
 * they are put together again:
 *
 *	a chunk of more than one segment has PSH, so that the receiver's own offload lets it go
 *	what is sent again stays within the chunk that it went in first
 *
 *	stack:   |1:1001|1001:2001|2001:3001|3001:3501 P|      cwnd 10, slow: two segments
 *	script:  |    1:2001 P    |      2001:3501 P    |
 */
#include <string.h>

#include "tools/packetdrill/pd.h"

enum {
	IP_HLEN = 20,
	TCP_HLEN = 20,
	FIN = 0x01,
	SYN = 0x02,
	PSH = 0x08,
	ACK = 0x10,
	CWR = 0x80,
	PACKET_MAX = 65535,
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* One's complement sum of n bytes, not folded; `p` begins at an even place. */
static uint64_t sum_of(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	return n % 2 ? sum + ((uint64_t)p[n - 1] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* A data segment's parts. */
struct seg {
	uint32_t seq, hlen, len; /* hlen: IP and TCP */
	uint8_t flags;
};

/* False: not TCP, without data, or of a kind that goes alone. */
static bool read_seg(const uint8_t *p, uint32_t n, struct seg *s)
{
	if (n < IP_HLEN + TCP_HLEN || p[0] != 0x45 || p[9] != 6 || get16(p + 6) & 0x3fff)
		return false;
	s->hlen = IP_HLEN + (uint32_t)(p[IP_HLEN + 12] >> 4) * 4;
	if (n <= s->hlen)
		return false;
	s->len = n - s->hlen;
	s->seq = get32(p + IP_HLEN + 4);
	s->flags = p[IP_HLEN + 13];
	return (s->flags & ~(FIN | PSH | CWR)) == ACK;
}

/* ---- flows ---- */

static struct pd_flow *flow_of(struct pd *pd, const uint8_t *p)
{
	uint32_t peer = get32(p + 16);
	uint16_t lport = (uint16_t)get16(p + IP_HLEN), rport = (uint16_t)get16(p + IP_HLEN + 2);
	struct pd_flow *f;

	for (unsigned i = 0; i < PD_FLOWS; i++) {
		f = &pd->flow[i];
		if (f->peer == peer && f->lport == lport && f->rport == rport)
			return f;
	}
	f = &pd->flow[pd->next_flow++ % PD_FLOWS];
	memset(f, 0, sizeof(*f));
	f->peer = peer;
	f->lport = lport;
	f->rport = rport;
	return f;
}

/* What the connection says of itself now; what it said last, once it has no descriptor any more. */
static void ask(struct pd *pd, struct pd_flow *f)
{
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info row;
	size_t len = sizeof(f->info);

	while (tapir_sock_next(pd->t, &it, &row) > 0) {
		if (row.sock && row.type == TAPIR_STREAM && row.local.port == f->lport &&
		    row.peer.port == f->rport && tapir_addr_to_v4(&row.peer.addr) == f->peer) {
			tapir_getsockopt(pd->t, row.sock, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &f->info,
					 &len);
			break;
		}
	}
}

/* tcp_tso_autosize(). */
static uint32_t autosize(const struct pd *pd, const struct pd_flow *f, uint32_t mss)
{
	uint64_t bytes = f->info.pacing_rate >> 10;
	uint32_t shift =
		pd->conf.tcp_tso_rtt_log ? f->info.min_rtt >> pd->conf.tcp_tso_rtt_log : 32;

	if (shift < 32)
		bytes += PD_GSO_MAX >> shift;
	if (bytes > PD_GSO_MAX)
		bytes = PD_GSO_MAX;
	return (uint32_t)(bytes / mss) > (uint32_t)pd->conf.tcp_min_tso_segs
		       ? (uint32_t)(bytes / mss)
		       : (uint32_t)pd->conf.tcp_min_tso_segs;
}

/* ---- chunks ---- */

static bool starts_chunk(const struct pd_flow *f, uint32_t seq)
{
	for (unsigned i = 0; i < PD_CHUNKS; i++) {
		if (i < f->nchunk && f->chunk[i] == seq)
			return true;
	}
	return false;
}

/* Whether two packets' headers differ in nothing but what a chunk's segments do. */
static bool same_headers(const uint8_t *a, const uint8_t *b, uint32_t hlen)
{
	return a[1] == b[1] && a[8] == b[8] && memcmp(a + 12, b + 12, 12) == 0 &&
	       memcmp(a + IP_HLEN + 8, b + IP_HLEN + 8, 5) == 0 &&
	       memcmp(a + IP_HLEN + 14, b + IP_HLEN + 14, 2) == 0 &&
	       memcmp(a + IP_HLEN + 18, b + IP_HLEN + 18, hlen - IP_HLEN - 18) == 0;
}

/* Makes length and sums right, and marks it as what it is. */
static void finish(struct pd_sent *s, uint32_t hlen)
{
	uint8_t *tcp = s->p + IP_HLEN;
	uint32_t n = s->len - IP_HLEN;

	(void)hlen;
	tcp[13] |= PSH;
	put16(s->p + 2, s->len);
	put16(s->p + 10, 0);
	put16(s->p + 10, fold(sum_of(s->p, IP_HLEN)));
	put16(tcp + 16, 0);
	put16(tcp + 16, fold(sum_of(s->p + 12, 8) + 6 + n + sum_of(tcp, n)));
}

bool pd_tso_append(struct pd *pd, struct pd_sent *tail, const uint8_t *p, uint32_t n, bool more)
{
	struct seg a, b;
	struct pd_flow *f;
	bool again;

	if (pd->flags.no_tso || !tail || tail->segs == 0 || tail->time_ns != tapir_now(pd->t) ||
	    !read_seg(tail->p, tail->len, &a) || !read_seg(p, n, &b))
		return false;
	again = tail->segs < tail->most;
	if (!tail->more && !again)
		return false;
	if (a.flags & FIN || b.flags & CWR || a.hlen != b.hlen || b.seq != a.seq + a.len ||
	    a.len != tail->segs * tail->mss || b.len > tail->mss ||
	    tail->len + b.len > PACKET_MAX || !same_headers(tail->p, p, a.hlen))
		return false;
	f = flow_of(pd, p);
	/* What went as two chunks goes as two again. */
	if (again && starts_chunk(f, b.seq))
		return false;
	memcpy(tail->p + tail->len, p + b.hlen, b.len);
	tail->len += b.len;
	tail->segs++;
	tail->p[IP_HLEN + 13] |= (uint8_t)(b.flags & FIN);
	if ((int32_t)(b.seq + b.len - f->high) > 0)
		f->high = b.seq + b.len;
	tail->more = more;
	finish(tail, a.hlen);
	return true;
}

size_t pd_tso_room(struct pd *pd, struct pd_sent *s, const uint8_t *p, uint32_t n, bool more)
{
	struct pd_flow *f;
	struct seg a;
	bool again;

	s->segs = s->most = s->mss = 0;
	s->more = false;
	/* The same ports again: another connection. */
	if (n >= IP_HLEN + TCP_HLEN && p[0] == 0x45 && p[9] == 6 && p[IP_HLEN + 13] & SYN)
		flow_of(pd, p)->nchunk = 0;
	if (pd->flags.no_tso || !read_seg(p, n, &a) || a.flags & FIN)
		return 0;
	f = flow_of(pd, p);
	ask(pd, f);
	again = f->nchunk > 0 && (int32_t)(a.seq - f->high) < 0;
	if (!again) {
		f->chunk[f->nchunk % PD_CHUNKS] = a.seq;
		f->nchunk++;
		f->high = a.seq + a.len;
	}
	s->more = more;
	s->mss = a.len;
	/* A short one ends a chunk, and begins none. */
	if (!more && (a.len != f->info.snd_mss || a.len == 0))
		return 0;
	s->segs = 1;
	s->most = again ? autosize(pd, f, a.len) : 0;
	return more ? PACKET_MAX : s->most > 1 ? (size_t)(s->most - 1) * a.len : 0;
}
