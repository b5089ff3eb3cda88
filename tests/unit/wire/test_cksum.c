/* The Internet checksum: every implementation against a plain one, RFC 1071's example, RFC 1624's
 * corners. */
#include <stdlib.h>

#include "stack/wire/bytes.h"
#include "stack/wire/cksum.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

/* RFC 1071's definition, word by word. */
static uint16_t plain(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The implementations that this machine can run. */
static size_t variants(const struct cksum_ops *out[2])
{
	out[0] = cksum_select(false);
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2")) {
		out[1] = cksum_select(true);
		return 2;
	}
#endif
	return 1;
}

TEST(rfc1071_section_3_example, "")
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	assert_int_equal(cksum_fold(cksum_partial(data, 8, 0)), (uint16_t)~0xddf2);
}

TEST(all_variants_agree_on_every_length_and_alignment, "")
{
	const struct cksum_ops *ops[2];
	size_t n = variants(ops);
	struct rnd rnd = {1};
	uint8_t buf[1600 + 40], copy[1600 + 40];

	rnd_bytes(&rnd, buf, sizeof(buf));
	for (size_t len = 0; len <= 1600; len++) {
		size_t at = rnd_below(&rnd, 40), to = rnd_below(&rnd, 40);
		uint32_t start = rnd_u32(&rnd) >> 4;

		uint32_t sum = cksum_partial(buf + at, len, start);

		assert_int_equal(cksum_fold(cksum_partial(buf + at, len, 0)), plain(buf + at, len));
		for (size_t v = 0; v < n; v++) {
			assert_int_equal(ops[v]->partial(buf + at, len, start), sum);
			memset(copy, 0xee, sizeof(copy));
			assert_int_equal(ops[v]->copy(copy + to, buf + at, len, start), sum);
			assert_memory_equal(copy + to, buf + at, len);
			assert_int_equal(copy[to + len - (to + len == sizeof(copy))] == 0xee ||
						 to + len == sizeof(copy),
					 1);
		}
	}
}

TEST(all_variants_agree_on_large_and_extreme_buffers, "")
{
	const struct cksum_ops *ops[2];
	size_t n = variants(ops);
	struct rnd rnd = {2};
	const size_t max = 200000;
	uint8_t *buf = malloc(max), *copy = malloc(max);

	assert_non_null(buf);
	assert_non_null(copy);
	for (int i = 0; i < 60; i++) {
		size_t at = rnd_below(&rnd, 64), len = rnd_below(&rnd, (uint32_t)(max - at));

		if (i % 3 == 0)
			memset(buf, 0xff, max);
		else if (i % 3 == 1)
			memset(buf, 0, max);
		else
			rnd_bytes(&rnd, buf, max);
		for (size_t v = 0; v < n; v++) {
			uint32_t sum = ops[v]->partial(buf + at, len, 0);

			assert_int_equal(cksum_fold(sum), plain(buf + at, len));
			assert_int_equal(sum, cksum_partial(buf + at, len, 0));
			assert_int_equal(sum, ops[v]->copy(copy, buf + at, len, 0));
			assert_memory_equal(copy, buf + at, len);
		}
	}
	free(buf);
	free(copy);
}

TEST(each_piece_adds_at_most_16_bits, "")
{
	const struct cksum_ops *ops[2];
	size_t n = variants(ops);
	static uint8_t ones[9000];

	memset(ones, 0xff, sizeof(ones));
	for (size_t v = 0; v < n; v++) {
		for (size_t len = 0; len <= sizeof(ones); len += 7) {
			assert_true(ops[v]->partial(ones, len, 0) <= 0xffff);
			assert_true(ops[v]->copy(ones, ones, 0, 0) == 0);
		}
	}
}

TEST(pieces_join_at_any_offset, "")
{
	struct rnd rnd = {3};
	uint8_t buf[400];

	for (int i = 0; i < 3000; i++) {
		size_t len = rnd_below(&rnd, sizeof(buf));
		size_t a = rnd_below(&rnd, (uint32_t)len + 1);
		size_t b = a + rnd_below(&rnd, (uint32_t)(len - a) + 1);

		rnd_bytes(&rnd, buf, len);

		uint32_t sum = cksum_partial(buf, a, 0);

		sum = cksum_join(sum, cksum_partial(buf + a, b - a, 0), a);
		sum = cksum_join(sum, cksum_partial(buf + b, len - b, 0), b);
		assert_int_equal(cksum_fold(sum), plain(buf, len));
	}
}

TEST(pseudo_header_equals_its_bytes, "")
{
	struct rnd rnd = {4};

	for (int i = 0; i < 1000; i++) {
		uint32_t src = rnd_u32(&rnd), dst = rnd_u32(&rnd);
		uint8_t proto = (uint8_t)rnd_u32(&rnd), b[12] = {0};
		uint16_t len = (uint16_t)rnd_u32(&rnd);

		put_be32(b, src);
		put_be32(b + 4, dst);
		b[9] = proto;
		put_be16(b + 10, len);
		assert_int_equal(cksum_fold(cksum_pseudo_ip4(src, dst, proto, len)), plain(b, 12));
	}
}

TEST(incremental_update_equals_computing_anew, "")
{
	struct rnd rnd = {5};
	uint8_t b[20];

	for (int i = 0; i < 20000; i++) {
		uint16_t old16, new16;
		uint32_t old32, new32;

		rnd_bytes(&rnd, b, sizeof(b));
		b[0] |= 1; /* not all zero, as no header is */
		put_be16(b + 10, 0);
		put_be16(b + 10, plain(b, 20));
		old16 = get_be16(b + 8);
		new16 = (uint16_t)(rnd_below(&rnd, 4) ? rnd_u32(&rnd) : old16 - 256u);
		put_be16(b + 8, new16);
		put_be16(b + 10, cksum_update16(get_be16(b + 10), old16, new16));
		assert_int_equal(plain(b, 20), 0);
		old32 = get_be32(b + 12);
		new32 = rnd_u32(&rnd);
		put_be32(b + 12, new32);
		put_be16(b + 10, cksum_update32(get_be16(b + 10), old32, new32));
		assert_int_equal(plain(b, 20), 0);
	}
}

TEST(incremental_update_is_right_in_rfc1624_corner, "")
{
	/* RFC 1624 section 4: checksum 0xdd2f, field 0x5555 becomes 0x3285: the sum of the rest is
	 * 0xcd7a. */
	assert_int_equal(cksum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

TEST(an_all_zero_and_an_all_ones_header_checksum_are_told_apart, "IP-04")
{
	/* The rest sums to 0xffff: the right checksum is 0x0000, and one's complement lets 0xffff
	 * pass too. */
	uint8_t b[4] = {0xff, 0xff, 0, 0};

	assert_int_equal(cksum_fold(cksum_partial(b, 4, 0)), 0);
	put_be16(b + 2, 0xffff);
	assert_int_equal(cksum_fold(cksum_partial(b, 4, 0)), 0);
	/* The rest sums to 0x0001: neither 0x0000 nor 0xffff is the right checksum. */
	put_be16(b, 0x0001);
	put_be16(b + 2, 0x0000);
	assert_int_not_equal(cksum_fold(cksum_partial(b, 4, 0)), 0);
	put_be16(b + 2, 0xffff);
	assert_int_not_equal(cksum_fold(cksum_partial(b, 4, 0)), 0);
	put_be16(b + 2, 0xfffe);
	assert_int_equal(cksum_fold(cksum_partial(b, 4, 0)), 0);
}

TEST(any_single_bit_flip_is_seen, "")
{
	struct rnd rnd = {6};
	uint8_t b[61];

	rnd_bytes(&rnd, b, sizeof(b));
	put_be16(b, 0);
	put_be16(b, cksum_fold(cksum_partial(b, sizeof(b), 0)));
	assert_int_equal(cksum_fold(cksum_partial(b, sizeof(b), 0)), 0);
	for (size_t bit = 0; bit < 8 * sizeof(b); bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(cksum_fold(cksum_partial(b, sizeof(b), 0)), 0);
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc1071_section_3_example),
		cmocka_unit_test(all_variants_agree_on_every_length_and_alignment),
		cmocka_unit_test(all_variants_agree_on_large_and_extreme_buffers),
		cmocka_unit_test(each_piece_adds_at_most_16_bits),
		cmocka_unit_test(pieces_join_at_any_offset),
		cmocka_unit_test(pseudo_header_equals_its_bytes),
		cmocka_unit_test(incremental_update_equals_computing_anew),
		cmocka_unit_test(incremental_update_is_right_in_rfc1624_corner),
		cmocka_unit_test(an_all_zero_and_an_all_ones_header_checksum_are_told_apart),
		cmocka_unit_test(any_single_bit_flip_is_seen),
	};
	return tapir_test_run("unit/wire/test_cksum", tests);
}
