/* The byte ring against a flat array that does the same slowly. */
#include "stack/base/assert.h"
#include "stack/base/ring.h"
#include "tests/support/rnd.h"
#include "tests/support/test.h"

#define CAP 64

static uint8_t memory[CAP];

TEST(append_takes_what_fits_and_no_more, "")
{
	struct ring r;
	uint8_t in[CAP + 10], out[CAP];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	ring_init(&r, memory, CAP);
	assert_int_equal(ring_space(&r), CAP);
	assert_int_equal(ring_append(&r, in, sizeof(in)), CAP);
	assert_int_equal(ring_space(&r), 0);
	assert_int_equal(ring_append(&r, in, 1), 0);
	assert_int_equal(ring_copy_out(&r, 0, out, sizeof(out)), CAP);
	assert_memory_equal(in, out, CAP);
	assert_int_equal(ring_copy_out(&r, 60, out, 10), 4);
	assert_memory_equal(in + 60, out, 4);
	assert_int_equal(ring_copy_out(&r, CAP, out, 1), 0);
}

TEST(a_ring_without_memory_holds_nothing, "")
{
	struct ring r;
	struct ring_span s[2];
	struct ring_wspan w[2];

	ring_init(&r, NULL, 0);
	assert_int_equal(ring_space(&r), 0);
	assert_int_equal(ring_append(&r, "x", 1), 0);
	assert_int_equal(ring_peek(&r, 0, 1, s), 0);
	assert_int_equal(ring_reserve(&r, 1, w), 0);
	ring_consume(&r, 0);
	assert_null(ring_relocate(&r, memory, CAP));
	assert_int_equal(ring_append(&r, "x", 1), 1);
}

TEST(a_piece_across_the_wrap_comes_as_two, "")
{
	struct ring r;
	struct ring_span s[2];
	struct ring_wspan w[2];
	uint8_t buf[CAP] = {0};

	ring_init(&r, memory, CAP);
	ring_append(&r, buf, 60);
	ring_consume(&r, 60);
	assert_int_equal(ring_reserve(&r, 10, w), 2);
	assert_int_equal(w[0].len, 4);
	assert_ptr_equal(w[0].p, memory + 60);
	assert_int_equal(w[1].len, 6);
	assert_ptr_equal(w[1].p, memory);
	memcpy(w[0].p, "abcd", 4);
	memcpy(w[1].p, "efghij", 6);
	ring_commit(&r, 10);
	assert_int_equal(ring_peek(&r, 1, 100, s), 2);
	assert_int_equal(s[0].len, 3);
	assert_memory_equal(s[0].p, "bcd", 3);
	assert_int_equal(s[1].len, 6);
	assert_memory_equal(s[1].p, "efghij", 6);
	assert_int_equal(ring_peek(&r, 4, 2, s), 1);
	assert_memory_equal(s[0].p, "ef", 2);
	assert_int_equal(ring_peek(&r, 0, 0, s), 0);
	assert_int_equal(ring_peek(&r, 10, 1, s), 0);
	ring_unappend(&r, 6);
	assert_int_equal(r.len, 4);
}

TEST(kept_bytes_are_not_overwritten_until_released, "")
{
	struct ring r;
	struct ring_span s[2];
	uint8_t buf[CAP];

	memset(buf, 'a', sizeof(buf));
	ring_init(&r, memory, CAP);
	ring_append(&r, buf, CAP);
	ring_peek(&r, 0, 16, s);
	ring_keep(&r, 16);
	memset(buf, 'b', sizeof(buf));
	assert_int_equal(ring_append(&r, buf, CAP), 0);
	ring_release(&r, 6);
	assert_int_equal(ring_append(&r, buf, CAP), 6);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(s[0].p[i], i < 6 ? 'b' : 'a');
	assert_int_equal(r.len, 54);
	assert_panics(ring_consume(&r, 1));
	assert_panics(ring_release(&r, 11));
	ring_release(&r, 10);
	assert_int_equal(ring_space(&r), 10);
	ring_consume(&r, 1);
}

TEST(bytes_written_ahead_join_when_the_gap_is_filled, "")
{
	struct ring r;
	uint8_t out[CAP];

	ring_init(&r, memory, CAP);
	ring_append(&r, "........................................................", 50);
	ring_consume(&r, 50);
	ring_write_at(&r, 3, "defghijklmnopqrstuvwxyz", 23);
	assert_int_equal(r.len, 0);
	ring_write_at(&r, 0, "abc", 3);
	ring_commit(&r, 26);
	assert_int_equal(ring_copy_out(&r, 0, out, CAP), 26);
	assert_memory_equal(out, "abcdefghijklmnopqrstuvwxyz", 26);
	assert_panics(ring_write_at(&r, 60, "12345", 5));
	assert_panics(ring_write_at(&r, 65, "", 0));
	ring_write_at(&r, 59, "12345", 5);
}

TEST(moving_keeps_the_stream_and_changes_the_room, "")
{
	struct ring r;
	uint8_t big[CAP * 4], out[CAP], in[CAP];

	for (int i = 0; i < CAP; i++)
		in[i] = (uint8_t)(i * 3);
	ring_init(&r, memory, CAP);
	ring_append(&r, in, 40);
	ring_consume(&r, 40);
	ring_append(&r, in, CAP);
	assert_ptr_equal(ring_relocate(&r, big, sizeof(big)), memory);
	assert_int_equal(ring_space(&r), sizeof(big) - CAP);
	assert_int_equal(ring_copy_out(&r, 0, out, CAP), CAP);
	assert_memory_equal(in, out, CAP);
	assert_panics(ring_relocate(&r, memory, CAP / 2));
	ring_consume(&r, CAP - 8);
	assert_ptr_equal(ring_relocate(&r, memory, 8), big);
	assert_int_equal(ring_space(&r), 0);
	assert_int_equal(ring_copy_out(&r, 0, out, CAP), 8);
	assert_memory_equal(in + CAP - 8, out, 8);
	ring_consume(&r, 8);
	assert_ptr_equal(ring_relocate(&r, NULL, 0), memory);
}

/* One random step on ring and model alike; the model is a flat array with the stream at its front.
 */
static void random_step(struct rnd *rnd, struct ring *r, uint8_t *model, size_t *len)
{
	uint8_t in[100];
	uint32_t n = rnd_below(rnd, 100);

	rnd_bytes(rnd, in, n);
	switch (rnd_below(rnd, 4)) {
	case 0: {
		size_t took = ring_append(r, in, n);

		assert_int_equal(took, min_size(n, CAP - *len));
		memcpy(model + *len, in, took);
		*len += took;
		break;
	}
	case 1: {
		struct ring_wspan w[2];
		unsigned pieces = ring_reserve(r, n, w);
		size_t room = 0;

		for (unsigned i = 0; i < pieces; i++) {
			memcpy(w[i].p, in + room, w[i].len);
			room += w[i].len;
		}
		assert_int_equal(room, min_size(n, CAP - *len));
		room = room ? rnd_below(rnd, (uint32_t)room + 1) : 0;
		ring_commit(r, (uint32_t)room);
		memcpy(model + *len, in, room);
		*len += room;
		break;
	}
	case 2:
		n = rnd_below(rnd, (uint32_t)*len + 1);
		ring_consume(r, n);
		memmove(model, model + n, *len - n);
		*len -= n;
		break;
	default: {
		uint8_t out[CAP];
		uint32_t off = rnd_below(rnd, CAP + 2);
		size_t want = off < *len ? min_size(n, *len - off) : 0;

		assert_int_equal(ring_copy_out(r, off, out, min_size(n, CAP)), min_size(want, CAP));
		if (want)
			assert_memory_equal(out, model + off, min_size(want, CAP));
		break;
	}
	}
}

TEST(random_steps_agree_with_a_flat_array, "")
{
	struct rnd rnd = {3};
	struct ring r;
	uint8_t model[CAP * 2], out[CAP];
	size_t len = 0;

	ring_init(&r, memory, CAP);
	r.head = 0xffffff00; /* positions wrap too */
	for (int i = 0; i < 20000; i++) {
		random_step(&rnd, &r, model, &len);
		assert_int_equal(r.len, len);
		assert_int_equal(ring_copy_out(&r, 0, out, CAP), len);
		if (len)
			assert_memory_equal(out, model, len);
	}
}

TEST(a_capacity_must_be_a_power_of_two, "")
{
	struct ring r;

	assert_panics(ring_init(&r, memory, 48));
	assert_panics(ring_init(&r, NULL, 8));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(append_takes_what_fits_and_no_more),
		cmocka_unit_test(a_ring_without_memory_holds_nothing),
		cmocka_unit_test(a_piece_across_the_wrap_comes_as_two),
		cmocka_unit_test(kept_bytes_are_not_overwritten_until_released),
		cmocka_unit_test(bytes_written_ahead_join_when_the_gap_is_filled),
		cmocka_unit_test(moving_keeps_the_stream_and_changes_the_room),
		cmocka_unit_test(random_steps_agree_with_a_flat_array),
		cmocka_unit_test(a_capacity_must_be_a_power_of_two),
	};
	return tapir_test_run("unit/base/test_ring", tests);
}
