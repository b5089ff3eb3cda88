/* ICMP: the header encodes back, and a quote never reaches outside the message or the datagram that
 * it tells of. */
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/icmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quote(const uint8_t *data, size_t size)
{
	struct icmp_quote q;
	int n = icmp_quote_decode(data, size, &q);

	TAPIR_ASSERT((n == WIRE_ETYPE) == (size >= ICMP_HLEN && !icmp_is_error(data[0])));
	if (n < 0)
		return;
	TAPIR_ASSERT(size >= icmp_min_len(data[0]));
	TAPIR_ASSERT(n == ICMP_HLEN + q.ip.hdr_len && q.l4 == data + n);
	TAPIR_ASSERT(q.l4_len >= 8 && (size_t)n + q.l4_len <= size);
	TAPIR_ASSERT(q.l4_len <= (size_t)q.ip.total_len - q.ip.hdr_len);
	TAPIR_ASSERT(q.has_l4 == (q.ip.frag_off == 0));
	TAPIR_ASSERT(q.has_l4 ||
		     (q.sport == 0 && q.dport == 0 && q.tcp_seq == 0 && q.echo_id == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct icmp_hdr h;
	int n = icmp_hdr_decode(data, size, &h);

	TAPIR_ASSERT((n == ICMP_HLEN) == (size >= ICMP_HLEN));
	quote(data, size);
	if (n < 0)
		return 0;

	uint8_t *back = malloc(size);

	TAPIR_ASSERT(back != NULL);
	memcpy(back, data, size);
	TAPIR_ASSERT(icmp_hdr_encode(back, &h) == ICMP_HLEN);
	TAPIR_ASSERT(back[0] == data[0] && back[1] == data[1] &&
		     memcmp(back + 4, data + 4, 4) == 0);
	icmp_finish(back, size);
	TAPIR_ASSERT(icmp_csum_ok(back, size));
	/* a right checksum is ours, or the other zero */
	if (icmp_csum_ok(data, size) && h.csum != 0xffff && get_be16(back + 2) != 0xffff)
		TAPIR_ASSERT(memcmp(back, data, size) == 0);
	free(back);
	return 0;
}
