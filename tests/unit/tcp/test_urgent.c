/*
 * Urgent data: what a program is told of it, how it reads around it, and how it sends it.
 */
#include <errno.h>
#include <string.h>

#include "tests/support/rnd.h"
#include "tests/support/tcpfix.h"

/* A segment with an urgent pointer, from the peer's stream as tf_seg() makes it. */
static void urg(struct tf *f, uint32_t at, uint16_t up, uint32_t len)
{
	static uint8_t text[2000];
	uint8_t ip[WORLD_FRAME];
	size_t n;

	for (uint32_t i = 0; i < len; i++)
		text[i] = (uint8_t)(f->rcv + at + i);
	n = world_tcp(ip, WORLD_PEER, WORLD_US, f->rport, f->lport, f->rcv + at, f->snd,
		      TF_ACK | TF_URG, 65535, NULL, 0, text, len);
	ip[20 + 18] = (uint8_t)(up >> 8);
	ip[20 + 19] = (uint8_t)up;
	world_fix(ip, n);
	assert_int_equal(world_push(&f->w, ip, n), 0);
}

static uint32_t ready_bits(struct tf *f)
{
	struct tapir_ready r;
	uint32_t bits = 0;

	while (tapir_ready_pop(f->w.t, &r, 1) > 0)
		bits |= r.bits;
	return bits;
}

static int64_t oob(struct tf *f, uint8_t *byte, int flags)
{
	struct iovec iov = {byte, 1};

	return tapir_recv(f->w.t, f->s, &iov, 1, TAPIR_MSG_OOB | flags);
}

static void inline_on(struct tf *f)
{
	int one = 1;

	assert_int_equal(tapir_setsockopt(f->w.t, f->s, TAPIR_SOL_SOCKET, TAPIR_SO_OOBINLINE, &one,
					  sizeof(one)),
			 0);
}

static int setup(void **state)
{
	static struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_interest(f.w.t, f.s, TAPIR_IN | TAPIR_PRI, 0), 0);
	(void)ready_bits(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	tf_close(*state);
	return 0;
}

TEST(a_pointer_that_appears_or_moves_on_is_told_and_an_old_one_is_not, "MUST-32")
{
	struct tf *f = *state;

	urg(f, 0, 100, 0); /* long before its data */
	assert_true(ready_bits(f) & TAPIR_PRI);
	/* As Linux's poll(): the octet itself is not there. */
	assert_false(tapir_poll(f->w.t, f->s) & TAPIR_PRI);
	urg(f, 0, 100, 0);
	assert_false(ready_bits(f) & TAPIR_PRI);
	urg(f, 0, 50, 0);
	assert_false(ready_bits(f) & TAPIR_PRI);
	urg(f, 0, 101, 0);
	assert_true(ready_bits(f) & TAPIR_PRI);
	tf_seg(f, TF_ACK, f->rcv, f->snd, 50);
	assert_false(ready_bits(f) & TAPIR_PRI);
	tf_seg(f, TF_ACK, f->rcv + 90, f->snd, 11); /* out of order will do */
	assert_true(ready_bits(f) & TAPIR_PRI);
	assert_true(tapir_poll(f->w.t, f->s) & TAPIR_PRI);
}

/* As Linux: what nobody asked for at the mark is out of the stream when another mark comes. */
TEST(a_newer_mark_passes_over_the_octet_that_reading_stands_at, "MUST-32")
{
	struct tf *f = *state;
	uint8_t buf[100], byte;

	urg(f, 0, 5, 10);
	assert_int_equal(tf_read(f, buf, sizeof(buf)), 4);
	urg(f, 10, 5, 10);
	assert_int_equal(tf_read(f, buf, sizeof(buf)), 9);
	assert_int_equal(buf[0], (uint8_t)(f->rcv + 5));
	assert_int_equal(oob(f, &byte, 0), 1);
	assert_int_equal(byte, (uint8_t)(f->rcv + 14));
	assert_int_equal(tf_read(f, buf, sizeof(buf)), 5);
}

TEST(the_program_can_ask_how_far_the_mark_is, "MUST-33")
{
	struct tf *f = *state;
	uint8_t buf[100], byte;

	assert_int_equal(tapir_urgent(f->w.t, f->s), -EAGAIN);
	urg(f, 0, 11, 20);
	assert_int_equal(tapir_urgent(f->w.t, f->s), 10);
	assert_int_equal(tf_read(f, buf, 4), 4);
	assert_int_equal(tapir_urgent(f->w.t, f->s), 6);
	assert_int_equal(tf_read(f, buf, 100), 6);
	assert_int_equal(tapir_urgent(f->w.t, f->s), 0); /* at the mark */
	assert_int_equal(oob(f, &byte, 0), 1);
	assert_int_equal(byte, (uint8_t)(f->rcv + 10));
	assert_int_equal(tapir_urgent(f->w.t, f->s), 0);
	assert_int_equal(tf_read(f, buf, 100), 9);
	assert_int_equal(buf[0], (uint8_t)(f->rcv + 11));
	assert_int_equal(tapir_urgent(f->w.t, f->s), -EAGAIN);
}

TEST(a_peek_leaves_the_urgent_byte_until_what_is_behind_it_is_taken, "")
{
	struct tf *f = *state;
	struct iovec iov[2];
	uint8_t byte;
	int n;

	urg(f, 0, 1, 10);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tapir_recv_peek(f->w.t, f->s, iov, 2, &n), 9);
		assert_int_equal(*(uint8_t *)iov[0].iov_base, (uint8_t)(f->rcv + 1));
		assert_int_equal(oob(f, &byte, TAPIR_MSG_PEEK), 1);
	}
	assert_int_equal(tapir_recv_consume(f->w.t, f->s, 0), 0);
	assert_int_equal(oob(f, &byte, 0), 1);
	assert_int_equal(byte, (uint8_t)f->rcv);
	assert_int_equal(tapir_recv_consume(f->w.t, f->s, 10), -EINVAL);
	assert_int_equal(tapir_recv_consume(f->w.t, f->s, 9), 0);
	assert_int_equal(oob(f, &byte, 0), -EINVAL);
	assert_int_equal(tapir_recv_peek(f->w.t, f->s, iov, 2, &n), -EAGAIN);
}

TEST(in_line_the_urgent_octets_stay_in_the_stream, "R6093-2")
{
	struct tf *f = *state;
	uint8_t buf[100];

	inline_on(f);
	urg(f, 0, 6, 10);
	assert_int_equal(tf_read(f, buf, 100), 5); /* up to the mark */
	assert_int_equal(tapir_urgent(f->w.t, f->s), 0);
	assert_int_equal(tf_read(f, buf + 5, 100), 5);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(buf[i], (uint8_t)(f->rcv + i));
}

TEST(a_setting_takes_the_pointer_as_rfc_1122_meant_it, "")
{
	struct tf *f = *state;
	uint8_t byte;

	assert_int_equal(tapir_sysctl(f->w.t, "net.ipv4.tcp_stdurg", 0, 1), 0);
	urg(f, 0, 4, 10);
	assert_int_equal(tapir_urgent(f->w.t, f->s), 4);
	assert_int_equal(oob(f, &byte, 0), 1);
	assert_int_equal(byte, (uint8_t)(f->rcv + 4));
}

/* The pointer of the segment in f->p, 0 without URG. */
static uint32_t pointer(const struct tf *f)
{
	return f->p.flags & TF_URG ? f->p.urg : 0u;
}

TEST(urgent_data_of_any_length_is_sent_and_each_segment_points_to_its_end,
     "MUST-30 MUST-31 MUST-62")
{
	struct tf *f = *state;
	static uint8_t text[200000];
	struct iovec iov = {text, sizeof(text)};
	uint32_t end, seen = 0;
	int size = 2 * sizeof(text);

	assert_int_equal(tapir_setsockopt(f->w.t, f->s, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, &size,
					  sizeof(size)),
			 0);
	assert_int_equal(tapir_send(f->w.t, f->s, &iov, 1, TAPIR_MSG_OOB), sizeof(text));
	end = f->snd + sizeof(text);
	for (unsigned i = 0; i < 10000 && f->snd != end; i++) {
		while (tf_pop(f)) {
			uint32_t left = end - f->p.seq;

			if (f->p.len == 0)
				continue;
			assert_int_equal(f->p.seq, f->snd);
			assert_int_equal(pointer(f), left < 65535 ? left : 65535);
			f->snd += (uint32_t)f->p.len;
			seen++;
		}
		tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
	}
	assert_int_equal(f->snd, end);
	assert_true(seen > 100);
	/* What follows is not urgent. */
	assert_int_equal(tf_write(f, 10), 10);
	assert_true(tf_pop(f));
	assert_int_equal(pointer(f), 0);
}

TEST(a_closed_window_does_not_hide_it, "MUST-30")
{
	struct tf *f = *state;
	struct iovec iov = {"abc", 3};
	bool told = false;

	f->wnd = 0;
	tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
	assert_int_equal(tapir_send(f->w.t, f->s, &iov, 1, TAPIR_MSG_OOB), 3);
	world_step(&f->w, 2 * WORLD_S);
	while (tf_pop(f)) {
		assert_int_equal(f->p.len, 0);
		told |= pointer(f) == 3 && f->p.seq == f->snd;
	}
	assert_true(told);
}

/*
 * A stream with many urgent bytes, its segments and pointers in any order, read by every call there is, in pieces of
 * any size, in line and not: in line nothing is missing, out of line nothing but urgent bytes is; the order holds.
 */
TEST(urgent_data_and_reading_do_not_race, "U11-05 TC-56")
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct rnd r = {seed};
		bool in_line = seed % 2;
		uint8_t want[3000], buf[256], byte;
		bool urgent[3000] = {false};
		uint32_t at = 0, sent = 0;
		struct tf f;

		tf_open(&f);
		tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
		if (in_line)
			inline_on(&f);
		for (uint32_t i = 0; i < sizeof(want); i++)
			want[i] = (uint8_t)(f.rcv + i);
		while (at < sizeof(want)) {
			struct iovec iov[2];
			uint32_t len = 1 + rnd_below(&r, 200), off = rnd_below(&r, 60);
			int64_t n = 0;
			int niov;

			if (sent < sizeof(want) && rnd_below(&r, 2)) {
				uint16_t up = (uint16_t)(1 + rnd_below(&r, 400));

				len = len < sizeof(want) - sent ? len
								: (uint32_t)sizeof(want) - sent;
				off = off < sent ? off : sent;
				if (rnd_below(&r, 2)) {
					urg(&f, sent - off, up, len + off);
					if (sent - off + up <= sizeof(want))
						urgent[sent - off + up - 1] = true;
				} else {
					tf_seg(&f, TF_ACK, f.rcv + sent - off, f.snd, len + off);
				}
				sent += len;
			}
			(void)tf_drain(&f);
			switch (rnd_below(&r, 4)) {
			case 0:
				n = tf_read(&f, buf, 1 + rnd_below(&r, sizeof(buf)));
				break;
			case 1:
				(void)tapir_recv_peek(f.w.t, f.s, iov, 2, &niov);
				if (niov > 0 && iov[0].iov_len < sizeof(buf)) {
					n = (int64_t)iov[0].iov_len;
					memcpy(buf, iov[0].iov_base, (size_t)n);
					assert_int_equal(tapir_recv_consume(f.w.t, f.s, (size_t)n),
							 0);
				}
				break;
			case 2:
				if (oob(&f, &byte, 0) == 1)
					assert_false(in_line);
				break;
			default:
				assert_true(tapir_urgent(f.w.t, f.s) >= -EAGAIN);
			}
			for (int64_t i = 0; i < n; i++, at++) {
				while (!in_line && at < sizeof(want) && buf[i] != want[at]) {
					assert_true(urgent[at]);
					at++;
				}
				if (at >= sizeof(want))
					fail_msg("more came than was sent");
				else
					assert_int_equal(buf[i], want[at]);
			}
			if (sent == sizeof(want) && n == -EAGAIN)
				break;
		}
		while (at < sizeof(want))
			assert_true(!in_line && urgent[at++]);
		tf_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_newer_mark_passes_over_the_octet_that_reading_stands_at, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_pointer_that_appears_or_moves_on_is_told_and_an_old_one_is_not, setup,
			teardown),
		cmocka_unit_test_setup_teardown(the_program_can_ask_how_far_the_mark_is, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_peek_leaves_the_urgent_byte_until_what_is_behind_it_is_taken, setup,
			teardown),
		cmocka_unit_test_setup_teardown(in_line_the_urgent_octets_stay_in_the_stream, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_setting_takes_the_pointer_as_rfc_1122_meant_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			urgent_data_of_any_length_is_sent_and_each_segment_points_to_its_end, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_closed_window_does_not_hide_it, setup, teardown),
		cmocka_unit_test(urgent_data_and_reading_do_not_race),
	};

	return tapir_test_run("unit/tcp/test_urgent", tests);
}
