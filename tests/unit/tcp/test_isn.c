#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

static struct tcp_state ts;
static struct tapir inst;

static struct tapir *bare(void)
{
	inst = (struct tapir){.now_ns = UINT64_C(1000000000000), .tcp = &ts};
	memset(&ts, 0, sizeof(ts));
	ts.isn_key = (struct siphash_key){0x1122334455667788, 0x99aabbccddeeff00};
	ts.ts_key = (struct siphash_key){0x0123456789abcdef, 0xfedcba9876543210};
	return &inst;
}

static struct tcp_tuple tuple(uint32_t raddr, uint16_t rport)
{
	return (struct tcp_tuple){.laddr = tapir_addr_v4(0xc0000202),
				  .raddr = tapir_addr_v4(raddr),
				  .lport = 80,
				  .rport = rport};
}

TEST(the_clock_ticks_every_4_microseconds, "MUST-8")
{
	struct tapir *t = bare();
	struct tcp_tuple tu = tuple(0xc0000201, 4000);
	uint32_t was = tcp_isn(t, &tu);

	t->now_ns += 4000;
	assert_int_equal(tcp_isn(t, &tu), was + 1);
	t->now_ns += 999 * 4000;
	assert_int_equal(tcp_isn(t, &tu), was + 1000);
	/* Around 2^32 after 4.77 hours. */
	t->now_ns += UINT64_C(4000) << 32;
	assert_int_equal(tcp_isn(t, &tu), was + 1000);
}

/* SHLD-1's formula by hand: the bytes of the tuple in network order under the key. */
TEST(the_number_is_the_clock_plus_a_keyed_hash_of_the_tuple, "SHLD-1 R6528-1")
{
	struct tapir *t = bare();
	struct tcp_tuple tu = tuple(0xc0000201, 4000);
	uint8_t b[36] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 2};
	uint32_t m = (uint32_t)(t->now_ns / 4000);

	memcpy(b + 16, b, 15);
	b[31] = 1;
	b[33] = 80;
	b[34] = 4000 >> 8;
	b[35] = 4000 & 0xff;
	assert_int_equal(tcp_isn(t, &tu), m + (uint32_t)siphash24(b, 36, &ts.isn_key));
}

TEST(every_part_of_the_tuple_and_of_the_key_counts, "R6528-2")
{
	struct tapir *t = bare();
	struct tcp_tuple a = tuple(0xc0000201, 4000), b;
	uint32_t isn = tcp_isn(t, &a);

	b = tuple(0xc0000203, 4000);
	assert_int_not_equal(tcp_isn(t, &b), isn);
	b = tuple(0xc0000201, 4001);
	assert_int_not_equal(tcp_isn(t, &b), isn);
	b = a;
	b.lport = 81;
	assert_int_not_equal(tcp_isn(t, &b), isn);
	b = a;
	b.laddr = tapir_addr_v4(0xc0000209);
	assert_int_not_equal(tcp_isn(t, &b), isn);
	ts.isn_key.k1 ^= 1;
	assert_int_not_equal(tcp_isn(t, &a), isn);
}

/* Each bit of the differences between neighbouring tuples is as often one as zero. */
TEST(numbers_of_neighbouring_tuples_look_unrelated, "MUST-9")
{
	struct tapir *t = bare();
	enum { N = 20000 };
	unsigned ones[32] = {0};

	for (unsigned i = 0; i < N; i++) {
		struct tcp_tuple a = tuple(0xc0000201, (uint16_t)(1024 + i));
		struct tcp_tuple b = tuple(0xc0000201, (uint16_t)(1025 + i));
		uint32_t d = tcp_isn(t, &a) ^ tcp_isn(t, &b);

		for (unsigned k = 0; k < 32; k++)
			ones[k] += d >> k & 1;
	}
	for (unsigned k = 0; k < 32; k++)
		assert_true(ones[k] > N / 2 - 400 && ones[k] < N / 2 + 400); /* 5.6 sigma */
}

TEST(a_new_incarnation_begins_above_the_old_one, "R6528-3 MAY-2")
{
	struct tapir *t = bare();
	struct tcp_tuple tu = tuple(0xc0000201, 4000), other = tuple(0xc0000201, 4001);
	uint32_t isn = tcp_isn(t, &tu), plain = tcp_isn(t, &other);

	/* A fast connection sent more than the clock ticked. */
	ts.recycled = tu;
	ts.recycled_seq = isn + 50000000;
	ts.recycled_set = true;
	assert_int_equal(tcp_isn(t, &other), plain);
	assert_int_equal(tcp_isn(t, &tu), isn + 50000000);
	/* Once only. */
	assert_int_equal(tcp_isn(t, &tu), isn);
	/* A slow one did not; as Linux, that does not matter. */
	ts.recycled_seq = isn - 1000;
	ts.recycled_set = true;
	assert_int_equal(tcp_isn(t, &tu), isn - 1000);
}

/* A clock that moves as an attacker would probe: every so many microseconds, from port to port. */
static uint32_t probe(struct tapir *t, unsigned i)
{
	struct tcp_tuple tu = tuple(0xc0000201, (uint16_t)(1024 + i % 60000));

	t->now_ns += 10000000 + i % 7 * 1000;
	return tcp_isn(t, &tu);
}

/*
 * What guesses the next number from those before: the same step again; a linear congruential generator
 * modulo 2^32 fitted to the last differences; the last one plus the clock.
 */
static unsigned guessed(const uint32_t *isn, unsigned n, uint32_t slack)
{
	unsigned hits = 0;

	for (unsigned i = 3; i < n; i++) {
		uint32_t d1 = isn[i - 2] - isn[i - 3], d2 = isn[i - 1] - isn[i - 2];
		uint32_t inv = d1, same = isn[i - 1] + d2, lcg, clock = isn[i - 1] + 2500;

		/* Newton's inverse of an odd number modulo 2^32. */
		for (int k = 0; k < 5; k++)
			inv *= 2 - d1 * inv;
		lcg = isn[i - 1] + d2 * (d1 & 1 ? d2 * inv : 0);
		hits += isn[i] - same + slack < 2 * slack;
		hits += (d1 & 1) && isn[i] - lcg + slack < 2 * slack;
		hits += isn[i] - clock + slack < 2 * slack;
	}
	return hits;
}

TEST(a_million_numbers_are_not_guessed_from_those_before, "NJ-01 NJ-02 NJ-03 NJ-06 IH-13")
{
	enum { N = 1000000 };
	static uint32_t isn[N];
	struct tapir *t = bare();

	for (unsigned i = 0; i < N; i++)
		isn[i] = probe(t, i);
	/* Within 1000 on either side: by chance 3 * 10^6 * 2000 / 2^32 = 1.4. */
	assert_true(guessed(isn, N, 1000) < 10);
}

TEST(numbers_of_one_listening_port_after_another_are_not_guessed, "NJ-08")
{
	enum { N = 100000 };
	static uint32_t isn[N];
	struct tapir *t = bare();

	for (unsigned i = 0; i < N; i++) {
		struct tcp_tuple tu = tuple(0xc0000201, 5555);

		tu.lport = (uint16_t)(1 + i % 65535);
		t->now_ns += 10000000;
		isn[i] = tcp_isn(t, &tu);
	}
	assert_true(guessed(isn, N, 1000) < 4);
}

TEST(numbers_of_our_own_openings_are_not_guessed, "NJ-07")
{
	enum { N = 100000 };
	static uint32_t isn[N];
	struct tapir *t = bare();

	/* From ephemeral ports to many servers. */
	for (unsigned i = 0; i < N; i++) {
		struct tcp_tuple tu = tuple(0xc6120000 + i / 64, 443);

		tu.lport = (uint16_t)(32768 + i % 28000);
		t->now_ns += 10000000;
		isn[i] = tcp_isn(t, &tu);
	}
	assert_true(guessed(isn, N, 1000) < 4);
}

/* Each bit of the number against each bit of what else is seen on the wire: as often equal as not. */
TEST(numbers_are_no_function_of_what_the_wire_shows, "NJ-09 CL-41")
{
	enum { N = 20000 };
	static uint16_t equal[32][32];
	struct tapir *t = bare();

	for (int what = 0; what < 2; what++) {
		memset(equal, 0, sizeof(equal));
		for (unsigned i = 0; i < N; i++) {
			struct tcp_tuple tu = tuple(0xc0000201 + i / 50000, (uint16_t)(1024 + i));
			uint32_t isn = tcp_isn(t, &tu);
			uint32_t seen = what ? tcp_ts_now(t, tcp_ts_offset(t, &tu)) : i;

			t->now_ns += 3000000;
			for (unsigned a = 0; a < 32; a++) {
				for (unsigned b = 0; b < 32; b++)
					equal[a][b] = (uint16_t)(equal[a][b] + ((isn >> a & 1) ==
										(seen >> b & 1)));
			}
		}
		for (unsigned a = 0; a < 32; a++) {
			for (unsigned b = 0; b < (what ? 32 : 14); b++)
				assert_in_range(equal[a][b], N / 2 - 450, N / 2 + 450);
		}
	}
}

TEST(timestamp_offsets_are_random_by_tuple_and_unlike_the_isn, "R7323-20")
{
	struct tapir *t = bare();
	struct tcp_tuple a = tuple(0xc0000201, 4000), b = tuple(0xc0000201, 4001);

	assert_int_not_equal(tcp_ts_offset(t, &a), tcp_ts_offset(t, &b));
	assert_int_equal(tcp_ts_offset(t, &a), tcp_ts_offset(t, &a));
	t->now_ns += 1000000000;
	assert_int_equal(tcp_ts_offset(t, &a), tcp_ts_offset(t, &a));
	assert_int_not_equal(tcp_ts_offset(t, &a), tcp_isn(t, &a) - (uint32_t)(t->now_ns / 4000));
	/* As Linux's 2: without. */
	t->conf.tcp_timestamps = 2;
	assert_int_equal(tcp_ts_offset(t, &a), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_ticks_every_4_microseconds),
		cmocka_unit_test(the_number_is_the_clock_plus_a_keyed_hash_of_the_tuple),
		cmocka_unit_test(every_part_of_the_tuple_and_of_the_key_counts),
		cmocka_unit_test(numbers_of_neighbouring_tuples_look_unrelated),
		cmocka_unit_test(a_new_incarnation_begins_above_the_old_one),
		cmocka_unit_test(a_million_numbers_are_not_guessed_from_those_before),
		cmocka_unit_test(numbers_of_one_listening_port_after_another_are_not_guessed),
		cmocka_unit_test(numbers_of_our_own_openings_are_not_guessed),
		cmocka_unit_test(numbers_are_no_function_of_what_the_wire_shows),
		cmocka_unit_test(timestamp_offsets_are_random_by_tuple_and_unlike_the_isn),
	};

	return tapir_test_run("unit/tcp/test_isn", tests);
}
