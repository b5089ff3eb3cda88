/* The UDP header: its length is within the payload, and it encodes back to the same bytes. */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct udp_hdr h;
	uint8_t back[UDP_HLEN];
	int n = udp_hdr_decode(data, size, &h);

	TAPIR_ASSERT((n == WIRE_ESHORT) == (size < UDP_HLEN));
	if (n < 0)
		return 0;
	TAPIR_ASSERT(n == UDP_HLEN && h.len >= UDP_HLEN && h.len <= size);
	TAPIR_ASSERT(udp_hdr_encode(back, &h) == UDP_HLEN);
	TAPIR_ASSERT(memcmp(back, data, UDP_HLEN) == 0);
	return 0;
}
