/* The Ethernet header: what is decoded encodes back to the same bytes. */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/eth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eth_hdr h;
	uint8_t back[ETH_HLEN];
	int n = eth_hdr_decode(data, size, &h);

	TAPIR_ASSERT((n == WIRE_ESHORT) == (size < ETH_HLEN));
	if (n == WIRE_ESHORT)
		return 0;
	TAPIR_ASSERT(n == ETH_HLEN || n == WIRE_EVLAN || n == WIRE_E8023);
	TAPIR_ASSERT((n == WIRE_E8023) == (h.type < ETH_TYPE_MIN));
	TAPIR_ASSERT(eth_hdr_encode(back, &h) == ETH_HLEN);
	TAPIR_ASSERT(memcmp(back, data, ETH_HLEN) == 0);
	TAPIR_ASSERT(!mac_is_broadcast(h.dst) || mac_is_group(h.dst));
	return 0;
}
