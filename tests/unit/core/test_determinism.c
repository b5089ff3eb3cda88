/* The same calls with the same seed do the same thing to the byte, wherever memory lies. */
#include "tests/support/duet.h"
#include "tests/support/test.h"

static uint64_t play(enum test_alloc_mode mode, enum tapir_netif_type type, unsigned lose_one,
		     uint8_t seed, unsigned *frames)
{
	static struct duet d;

	memset(&d, 0, sizeof(d));
	d.type = type;
	d.lose_one = lose_one;
	for (int i = 0; i < 2; i++) {
		world_init(&d.w[i], mode);
		d.w[i].seed[0] = seed;
		d.w[i].no_check = true;
	}
	duet_play(&d);
	assert_int_equal(world_end(&d.w[0]), 0);
	assert_int_equal(world_end(&d.w[1]), 0);
	assert_true(d.received > 80000);
	*frames = d.frames;
	return d.hash;
}

TEST(where_memory_lies_decides_nothing, "")
{
	static const enum tapir_netif_type types[] = {TAPIR_NETIF_RAW_IP, TAPIR_NETIF_ETHER};

	for (unsigned i = 0; i < 4; i++) {
		unsigned lose = i & 1 ? 7 : 0, n[3];
		uint64_t a = play(TEST_ALLOC_PLAIN, types[i / 2], lose, 1, &n[0]);
		uint64_t b = play(TEST_ALLOC_REVERSE, types[i / 2], lose, 1, &n[1]);
		uint64_t c = play(TEST_ALLOC_GAPS, types[i / 2], lose, 1, &n[2]);

		assert_true(n[0] > 80);
		assert_int_equal(n[0], n[1]);
		assert_int_equal(n[0], n[2]);
		assert_true(a == b && a == c);
	}
}

TEST(the_same_seed_repeats_and_another_does_not, "")
{
	unsigned n;
	uint64_t a = play(TEST_ALLOC_PLAIN, TAPIR_NETIF_RAW_IP, 0, 1, &n);

	assert_true(a == play(TEST_ALLOC_PLAIN, TAPIR_NETIF_RAW_IP, 0, 1, &n));
	assert_true(a != play(TEST_ALLOC_PLAIN, TAPIR_NETIF_RAW_IP, 0, 2, &n));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_memory_lies_decides_nothing),
		cmocka_unit_test(the_same_seed_repeats_and_another_does_not),
	};

	return tapir_test_run("unit/core/test_determinism", tests);
}
