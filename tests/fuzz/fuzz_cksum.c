/* The checksum: a sum in two pieces, and one by an update, equal the sum of the whole, in every
 * implementation here. */
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/cksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t plain(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void one(const struct cksum_ops *ops, const uint8_t *p, size_t n, size_t cut)
{
	uint8_t *copy = malloc(n ? n : 1);
	uint32_t whole = ops->partial(p, n, 0);
	uint32_t pieces = ops->partial(p, cut, 0);

	TAPIR_ASSERT(copy != NULL && whole <= 0xffff);
	TAPIR_ASSERT(cksum_fold(whole) == plain(p, n));
	pieces = cksum_join(pieces, ops->partial(p + cut, n - cut, 0), cut);
	TAPIR_ASSERT(cksum_fold(pieces) == cksum_fold(whole));
	TAPIR_ASSERT(ops->copy(copy, p, n, 7) == whole + 7);
	TAPIR_ASSERT(n == 0 || memcmp(copy, p, n) == 0);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 8)
		return 0;

	size_t cut = get_be16(data) % (size - 1);

	one(cksum_select(false), data + 2, size - 2, cut % (size - 1));
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		one(cksum_select(true), data + 2, size - 2, cut);
#endif

	/* Change the word at 2 to the one at 4: updating equals computing anew but for the two
	 * zeros. */
	uint8_t copy[6];

	memcpy(copy, data + 2, 6);

	uint16_t old = plain(copy, 6), was = get_be16(copy);

	memcpy(copy, copy + 2, 2);

	uint16_t updated = cksum_update16(old, was, get_be16(copy)), anew = plain(copy, 6);

	TAPIR_ASSERT(updated == anew || (anew == 0xffff && updated == 0));
	return 0;
}
