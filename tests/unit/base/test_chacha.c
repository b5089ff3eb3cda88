/* The generator: its block function against RFC 8439, and what fast key erasure promises. */
#include "stack/base/chacha.h"
#include "tests/support/test.h"

static void le_key(uint32_t key[8])
{
	for (unsigned i = 0; i < 8; i++)
		key[i] = (4 * i + 3) << 24 | (4 * i + 2) << 16 | (4 * i + 1) << 8 | 4 * i;
}

TEST(block_function_gives_rfc8439_section_2_3_2, "")
{
	static const uint8_t want[64] = {0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f,
					 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7,
					 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4,
					 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09,
					 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12,
					 0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8,
					 0xa2, 0x50, 0x3c, 0x4e};
	uint32_t key[8], nonce[3] = {0x09000000, 0x4a000000, 0};
	uint8_t out[64];

	le_key(key);
	chacha20_block(key, 1, nonce, out);
	assert_memory_equal(out, want, 64);
}

TEST(block_function_gives_rfc8439_appendix_a1, "")
{
	/* test vector 1: key, nonce and counter zero */
	static const uint8_t want[64] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d,
					 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28, 0xbd, 0xd2, 0x19, 0xb8,
					 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77,
					 0x0d, 0xc7, 0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d,
					 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43,
					 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69,
					 0xb2, 0xee, 0x65, 0x86};
	uint32_t key[8] = {0}, nonce[3] = {0};
	uint8_t out[64];

	chacha20_block(key, 0, nonce, out);
	assert_memory_equal(out, want, 64);
}

TEST(output_is_the_key_stream_after_the_next_key, "")
{
	static const uint8_t seed[32];
	struct chacha_rng g;
	uint32_t key[8] = {0}, nonce[3] = {0};
	uint8_t stream[256], out[300];

	for (uint32_t i = 0; i < 4; i++)
		chacha20_block(key, i, nonce, stream + 64 * i);
	chacha_rng_init(&g, seed);
	chacha_rng_bytes(&g, out, 300);
	assert_memory_equal(out, stream + 32, 224);
	/* the second batch is keyed by the first 32 bytes */
	for (int i = 0; i < 8; i++)
		key[i] = (uint32_t)stream[4 * i] | (uint32_t)stream[4 * i + 1] << 8 |
			 (uint32_t)stream[4 * i + 2] << 16 | (uint32_t)stream[4 * i + 3] << 24;
	chacha20_block(key, 0, nonce, stream);
	chacha20_block(key, 1, nonce, stream + 64);
	assert_memory_equal(out + 224, stream + 32, 76);
}

TEST(pieces_of_any_size_make_the_same_stream, "")
{
	static const uint8_t seed[32] = {1, 2, 3};
	struct chacha_rng a, b;
	uint8_t one[1000], many[1000];
	size_t at = 0;

	chacha_rng_init(&a, seed);
	chacha_rng_init(&b, seed);
	chacha_rng_bytes(&a, one, sizeof(one));
	for (size_t n = 1; at < sizeof(many); n = n * 3 % 101) {
		if (n > sizeof(many) - at)
			n = sizeof(many) - at;
		chacha_rng_bytes(&b, many + at, n);
		at += n;
	}
	assert_memory_equal(one, many, sizeof(one));
}

TEST(given_bytes_are_gone_from_memory, "")
{
	static const uint8_t seed[32] = {9};
	struct chacha_rng g;
	uint8_t out[16];

	chacha_rng_init(&g, seed);
	chacha_rng_bytes(&g, out, sizeof(out));
	for (size_t i = 0; i + 4 <= sizeof(g.buf); i++)
		assert_memory_not_equal(g.buf + i, out, 4);
	for (uint32_t i = 0; i < g.at; i++)
		assert_int_equal(g.buf[i], 0);
	/* the key that made them is gone as well */
	assert_int_not_equal(g.key[0], 9);
}

TEST(different_seeds_differ_and_equal_seeds_agree, "")
{
	static const uint8_t s1[32] = {1}, s2[32] = {2};
	struct chacha_rng a, b, c;

	chacha_rng_init(&a, s1);
	chacha_rng_init(&b, s1);
	chacha_rng_init(&c, s2);
	for (int i = 0; i < 100; i++) {
		uint64_t v = chacha_rng_u64(&a);

		assert_true(v == chacha_rng_u64(&b));
		assert_true(v != chacha_rng_u64(&c));
	}
}

TEST(below_is_within_its_bound_and_even, "")
{
	static const uint8_t seed[32] = {3};
	struct chacha_rng g;
	unsigned count[6] = {0};

	chacha_rng_init(&g, seed);
	assert_int_equal(chacha_rng_below(&g, 0), 0);
	assert_int_equal(chacha_rng_below(&g, 1), 0);
	assert_int_equal(g.at, CHACHA_BATCH); /* nothing was taken */
	for (int i = 0; i < 60000; i++)
		count[chacha_rng_below(&g, 6)]++;
	for (int i = 0; i < 6; i++)
		assert_in_range(count[i], 9600, 10400);
	for (int i = 0; i < 1000; i++) {
		assert_true(chacha_rng_below(&g, 0xffffffff) < 0xffffffff);
		assert_true(chacha_rng_below_u64(&g, UINT64_C(3) << 40) < UINT64_C(3) << 40);
	}
}

/* Without rejection a bound of 3 * 2^30 would give its low third twice as often as each other one.
 */
TEST(below_has_no_modulo_bias, "")
{
	static const uint8_t seed[32] = {4};
	struct chacha_rng g;
	const uint32_t third = UINT32_C(1) << 30;
	const uint64_t third64 = UINT64_C(1) << 62;
	unsigned low = 0, low64 = 0;

	chacha_rng_init(&g, seed);
	for (int i = 0; i < 30000; i++) {
		low += chacha_rng_below(&g, 3 * third) < third;
		low64 += chacha_rng_below_u64(&g, 3 * third64) < third64;
	}
	assert_in_range(low, 9600, 10400);
	assert_in_range(low64, 9600, 10400);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_function_gives_rfc8439_section_2_3_2),
		cmocka_unit_test(block_function_gives_rfc8439_appendix_a1),
		cmocka_unit_test(output_is_the_key_stream_after_the_next_key),
		cmocka_unit_test(pieces_of_any_size_make_the_same_stream),
		cmocka_unit_test(given_bytes_are_gone_from_memory),
		cmocka_unit_test(different_seeds_differ_and_equal_seeds_agree),
		cmocka_unit_test(below_is_within_its_bound_and_even),
		cmocka_unit_test(below_has_no_modulo_bias),
	};
	return tapir_test_run("unit/base/test_chacha", tests);
}
