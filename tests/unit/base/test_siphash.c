/* SipHash against its authors' vectors. */
#include "stack/base/siphash.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

/* The key 00 01 .. 0f of the published vectors. */
static struct siphash_key vector_key(void)
{
	uint8_t bytes[16];

	for (uint8_t i = 0; i < 16; i++)
		bytes[i] = i;
	return siphash_key_from_bytes(bytes);
}

static void hash_first(unsigned n, uint64_t want)
{
	struct siphash_key key = vector_key();
	uint8_t in[64];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	assert_true(siphash24(in, n, &key) == want);
}

TEST(siphash24_gives_the_published_values, "")
{
	/* vectors_sip64 of the reference implementation, written there as bytes, little endian */
	hash_first(0, UINT64_C(0x726fdb47dd0e0e31));
	hash_first(1, UINT64_C(0x74f839c593dc67fd));
	hash_first(2, UINT64_C(0x0d6c8009d9a94f5a));
	hash_first(3, UINT64_C(0x85676696d7fb7e2d));
	hash_first(7, UINT64_C(0xab0200f58b01d137));
	hash_first(8, UINT64_C(0x93f5f5799a932462));
	hash_first(15, UINT64_C(0xa129ca6149be45e5)); /* the paper's appendix A */
	hash_first(63, UINT64_C(0x958a324ceb064572));
}

TEST(fixed_size_forms_equal_the_byte_form, "")
{
	struct rnd rnd = {7};

	for (int i = 0; i < 200; i++) {
		struct siphash_key key = {rnd_u64(&rnd), rnd_u64(&rnd)};
		uint64_t w[4];
		uint8_t b[32];

		for (int j = 0; j < 4; j++) {
			w[j] = rnd_u64(&rnd);
			for (int k = 0; k < 8; k++)
				b[8 * j + k] = (uint8_t)(w[j] >> (8 * k));
		}
		assert_true(siphash_1u64(w[0], &key) == siphash13(b, 8, &key));
		assert_true(siphash_2u64(w[0], w[1], &key) == siphash13(b, 16, &key));
		assert_true(siphash_3u64(w[0], w[1], w[2], &key) == siphash13(b, 24, &key));
		assert_true(siphash_4u64(w[0], w[1], w[2], w[3], &key) == siphash13(b, 32, &key));
		assert_true(siphash24(b, 32, &key) != siphash13(b, 32, &key));
	}
}

TEST(alignment_does_not_matter, "")
{
	struct siphash_key key = vector_key();
	uint8_t buf[48];

	for (unsigned off = 0; off < 8; off++) {
		for (uint8_t i = 0; i < 15; i++)
			buf[off + i] = i;
		assert_true(siphash24(buf + off, 15, &key) == UINT64_C(0xa129ca6149be45e5));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash24_gives_the_published_values),
		cmocka_unit_test(fixed_size_forms_equal_the_byte_form),
		cmocka_unit_test(alignment_does_not_matter),
	};
	return tapir_test_run("unit/base/test_siphash", tests);
}
