/*
 * The Internet checksum (RFC 1071, 1141, 1624).
 *
 * A partial sum is a uint32_t that counts big-endian 16-bit words as numbers, so that fields of the
 * host's order are simply added to it. Each function adds at most 0xffff: 65,536 pieces may be
 * summed before folding. An odd last byte counts as if a zero followed; a piece that begins at an
 * odd offset of the whole is joined by cksum_join().
 *
 *	sum = cksum_pseudo_ip4(src, dst, proto, len);
 *	sum = ops->partial(p, len, sum);
 *	put_be16(p + 16, cksum_fold(sum));        to send, the field being zero before
 *	good = cksum_fold(sum) == 0;              to verify
 */
#ifndef TAPIR_WIRE_CKSUM_H
#define TAPIR_WIRE_CKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* sum plus the n bytes at data, any alignment. */
uint32_t cksum_partial(const void *data, size_t n, uint32_t sum);

/* The same while copying the bytes to dst (no overlap). */
uint32_t cksum_copy(void *dst, const void *src, size_t n, uint32_t sum);

/* One implementation; all give equal values. */
struct cksum_ops {
	const char *name;
	uint32_t (*partial)(const void *p, size_t n, uint32_t sum);
	uint32_t (*copy)(void *dst, const void *src, size_t n, uint32_t sum);
};

extern const struct cksum_ops cksum_generic;
extern const struct cksum_ops cksum_avx2; /* on x86-64 only: use cksum_select() */

/* The best implementation for a processor that has (avx2) or lacks that feature; the instance's
 * configuration says. */
const struct cksum_ops *cksum_select(bool avx2);

/* The final checksum, to be put as a big-endian field; 0 when a sum over data with a right checksum
 * is verified. */
static inline uint16_t cksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* sum plus that of a piece (summed from 0) that begins at offset off of the whole: off's parity
 * matters. */
static inline uint32_t cksum_join(uint32_t sum, uint32_t piece, size_t off)
{
	piece = (piece & 0xffff) + (piece >> 16);
	piece = (piece & 0xffff) + (piece >> 16);
	if (off & 1)
		piece = (piece >> 8 | piece << 8) & 0xffff;
	return sum + piece;
}

/* The sum of the pseudo header of TCP and UDP over IPv4 (addresses in host order, len of header and
 * data). */
static inline uint32_t cksum_pseudo_ip4(uint32_t src, uint32_t dst, uint8_t proto, uint16_t len)
{
	return (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) + proto + len;
}

/*
 * The checksum field's new value when a 16-bit (32-bit) field that it covers goes from old to new:
 * RFC 1624 eqn. 3, which is right in the corner where eqn. 4 of RFC 1141 gives 0 for 0xffff.
 */
static inline uint16_t cksum_update16(uint16_t csum, uint16_t old, uint16_t new)
{
	uint32_t sum = (uint32_t)(uint16_t)~csum + (uint16_t)~old + new;

	return cksum_fold(sum);
}

static inline uint16_t cksum_update32(uint16_t csum, uint32_t old, uint32_t new)
{
	return cksum_update16(cksum_update16(csum, (uint16_t)(old >> 16), (uint16_t)(new >> 16)),
			      (uint16_t)old, (uint16_t) new);
}

#endif
