/*
 * The IPv4 header and its options: lengths agree, options stay within the header, and what is
 * decoded comes back from an encoding of it.
 */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/ipv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_options(const uint8_t *p, const struct ipv4_hdr *h)
{
	struct ipv4_opt_iter it;
	struct ipv4_opt o;
	unsigned saw, at = 0, steps = 0;
	int more, scan = ipv4_opts_scan(p, h->hdr_len, &saw, &at);

	ipv4_opts_begin(&it, p, h->hdr_len);
	while ((more = ipv4_opts_next(&it, &o)) > 0) {
		TAPIR_ASSERT(o.len >= 1 && o.p >= p + IPV4_HLEN);
		TAPIR_ASSERT(o.p + o.len <= p + h->hdr_len);
		TAPIR_ASSERT(o.p[0] == o.type && o.type != IPV4_OPT_EOL);
		TAPIR_ASSERT(++steps <= IPV4_HLEN_MAX - IPV4_HLEN);
	}
	TAPIR_ASSERT(more == scan && (scan == 0 || scan == WIRE_EOPT));
	TAPIR_ASSERT(scan == 0 || (at >= IPV4_HLEN && at < h->hdr_len));
}

static void encode_back(const uint8_t *p, const struct ipv4_hdr *h)
{
	uint8_t back[IPV4_HLEN_RA];
	struct ipv4_hdr again;

	TAPIR_ASSERT(ipv4_hdr_encode(back, h) == IPV4_HLEN);
	TAPIR_ASSERT(ipv4_csum_ok(back, IPV4_HLEN));
	if (h->hdr_len == IPV4_HLEN && !h->rf) {
		TAPIR_ASSERT(memcmp(back, p, 10) == 0 && memcmp(back + 12, p + 12, 8) == 0);
		/* 0xffff for 0 is the one other checksum that passes */
		if (ipv4_csum_ok(p, IPV4_HLEN))
			TAPIR_ASSERT(h->csum == get_be16(back + 10) || h->csum == 0xffff);
	}
	TAPIR_ASSERT(ipv4_hdr_decode_quoted(back, IPV4_HLEN, &again) == IPV4_HLEN);
	TAPIR_ASSERT(again.src == h->src && again.dst == h->dst && again.id == h->id);
	TAPIR_ASSERT(again.frag_off == h->frag_off && again.mf == h->mf && again.df == h->df);
	if (h->total_len >= IPV4_HLEN_RA) {
		TAPIR_ASSERT(ipv4_hdr_encode_ra(back, h) == IPV4_HLEN_RA);
		TAPIR_ASSERT(ipv4_csum_ok(back, IPV4_HLEN_RA));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipv4_hdr h, q;
	int n = ipv4_hdr_decode(data, size, &h);
	int m = ipv4_hdr_decode_quoted(data, size, &q);

	TAPIR_ASSERT(n < 0 || m == n);
	TAPIR_ASSERT(n != WIRE_ELEN || m == WIRE_ELEN || q.total_len > size);
	if (m < 0)
		return 0;
	TAPIR_ASSERT(m == q.hdr_len && q.hdr_len >= IPV4_HLEN && q.hdr_len <= size);
	TAPIR_ASSERT(q.total_len >= q.hdr_len);
	TAPIR_ASSERT(n < 0 || h.total_len <= size);
	TAPIR_ASSERT(q.frag_off % 8 == 0);
	walk_options(data, &q);
	encode_back(data, &q);
	return 0;
}
