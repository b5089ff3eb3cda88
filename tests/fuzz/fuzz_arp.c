/* ARP packets: only the one shape is taken, and that encodes back to the same bytes. */
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/arp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t shape[6] = {0, 1, 8, 0, 6, 4};
	struct arp_pkt a;
	uint8_t back[ARP_LEN];
	int n = arp_decode(data, size, &a);
	int ours = size >= ARP_LEN && memcmp(data, shape, sizeof(shape)) == 0;

	TAPIR_ASSERT(n == ARP_LEN || n < 0);
	TAPIR_ASSERT((n == ARP_LEN) == ours);
	if (n < 0)
		return 0;
	TAPIR_ASSERT(arp_encode(back, &a) == ARP_LEN);
	TAPIR_ASSERT(memcmp(back, data, ARP_LEN) == 0);
	return 0;
}
