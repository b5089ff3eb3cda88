/* The TCP header with its options as a segment brings them: bounds, and the same bytes encoded
 * back. */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_opt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tcp_hdr h;
	struct tcp_opts o;
	uint8_t back[TCP_HLEN];
	int n = tcp_hdr_decode(data, size, &h);

	TAPIR_ASSERT(size >= TCP_HLEN || n < 0);
	if (n < 0)
		return 0;
	TAPIR_ASSERT(n == h.hdr_len && n >= TCP_HLEN && n <= TCP_HLEN_MAX && (size_t)n <= size);
	TAPIR_ASSERT(tcp_hdr_encode(back, &h) == TCP_HLEN);
	TAPIR_ASSERT(memcmp(back, data, TCP_HLEN) == 0);
	tcp_opts_parse(data + TCP_HLEN, (size_t)n - TCP_HLEN, &o);
	TAPIR_ASSERT(o.n_sack <= TCP_SACK_MAX);
	return 0;
}
