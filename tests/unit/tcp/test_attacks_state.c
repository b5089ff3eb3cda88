/*
 * Attacks on TCP's state by segments that somebody forges or a peer makes up: urgent pointers, text in the wrong
 * place, text that differs when it comes again, text behind the end.
 */
#include <errno.h>

#include "tests/support/rnd.h"
#include "tests/support/tcpopt.h"

/* A segment with an urgent pointer and text of one letter. */
static void seg_urg(struct tf *f, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t urg,
		    char letter, uint32_t len)
{
	static uint8_t text[65536], buf[WORLD_FRAME];
	size_t n;

	memset(text, letter, len);
	n = world_tcp(buf, WORLD_PEER, WORLD_US, f->rport, f->lport, seq, ack, flags, f->wnd, NULL,
		      0, text, len);
	buf[20 + 18] = (uint8_t)(urg >> 8);
	buf[20 + 19] = (uint8_t)urg;
	world_fix(buf, n);
	assert_int_equal(world_push(&f->w, buf, n), 0);
}

static void letters(struct tf *f, uint32_t at, char letter, uint32_t len)
{
	seg_urg(f, TF_ACK, f->rcv + at, f->snd, 0, letter, len);
}

/* What can be read is exactly `want`. */
static void assert_reads(struct tf *f, const char *want)
{
	char got[4096];
	size_t n = 0;
	int64_t r;

	while ((r = tf_read(f, got + n, sizeof(got) - n)) > 0)
		n += (size_t)r;
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
}

static void set_inline(struct tf *f)
{
	int one = 1;

	assert_int_equal(tapir_setsockopt(f->w.t, f->s, TAPIR_SOL_SOCKET, TAPIR_SO_OOBINLINE, &one,
					  sizeof(one)),
			 0);
}

static int64_t read_oob(struct tf *f, uint8_t *byte)
{
	struct iovec iov = {byte, 1};

	return tapir_recv(f->w.t, f->s, &iov, 1, TAPIR_MSG_OOB);
}

static int begin(void **state)
{
	static struct tf f;

	tf_open(&f);
	tf_syn_sack(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	*state = &f;
	return 0;
}

static int end(void **state)
{
	tf_close(*state);
	return 0;
}

/* ---- urgent pointers ---- */

static const uint16_t pointers[] = {0, 1, 2, 9, 10, 11, 1459, 0x7fff, 0x8000, 0xfffe, 0xffff};

enum { N_POINTERS = sizeof(pointers) / sizeof(pointers[0]) };

TEST(any_urgent_pointer_in_any_state_does_no_harm, "CL-18 IH-09 AM33-06 U11-02")
{
	static const enum tapir_tcp_state states[] = {
		TAPIR_TCP_CLOSED,	TAPIR_TCP_LISTEN,      TAPIR_TCP_SYN_SENT,
		TAPIR_TCP_SYN_RECEIVED, TAPIR_TCP_ESTABLISHED, TAPIR_TCP_FIN_WAIT_1,
		TAPIR_TCP_FIN_WAIT_2,	TAPIR_TCP_CLOSE_WAIT,  TAPIR_TCP_CLOSING,
		TAPIR_TCP_LAST_ACK,	TAPIR_TCP_TIME_WAIT,
	};
	static const uint8_t flags[] = {TF_URG | TF_ACK, TF_URG | TF_ACK | TF_FIN, TF_URG,
					TF_URG | TF_SYN, TF_URG | TF_SYN | TF_ACK};
	char buf[100];

	for (unsigned s = 0; s < 11; s++) {
		for (unsigned fl = 0; fl < 5; fl++) {
			for (unsigned p = 0; p < N_POINTERS; p++) {
				struct tf f;

				tf_open(&f);
				tf_to(&f, states[s], TF_ACTIVE);
				for (uint32_t len = 0; len <= 10; len += 10)
					seg_urg(&f, flags[fl], f.rcv, f.snd, pointers[p], 'u', len);
				(void)tf_drain(&f);
				if (f.s)
					for (unsigned i = 0; i < 3; i++)
						(void)tf_read(&f, buf, sizeof(buf));
				world_step(&f.w, WORLD_S);
				(void)tf_drain(&f);
				tf_close(&f);
			}
		}
	}
}

TEST(an_urgent_pointer_is_a_number_that_points_nowhere, "AM33-06 U11-02 IH-09")
{
	struct tf *f = *state;
	uint8_t byte;

	/* Zero: nothing before the segment becomes urgent again; as Linux, its first octet is it. */
	letters(f, 0, 'a', 3);
	assert_reads(f, "aaa");
	seg_urg(f, TF_URG | TF_ACK, f->rcv + 3, f->snd, 0, 'b', 3);
	assert_int_equal(read_oob(f, &byte), 1);
	assert_reads(f, "bb");
	assert_int_equal(read_oob(f, &byte), -EINVAL);
	/* Again, to an octet behind that one which has been read since: no news. */
	seg_urg(f, TF_URG | TF_ACK, f->rcv + 3, f->snd, 2, 'b', 3);
	assert_int_equal(read_oob(f, &byte), -EINVAL);
	assert_int_equal(tapir_poll(f->w.t, f->s) & TAPIR_PRI, 0);
	/* Far ahead: waited for, and nothing is read or written there. */
	seg_urg(f, TF_URG | TF_ACK, f->rcv + 6, f->snd, 0xffff, 'c', 3);
	assert_int_equal(tapir_poll(f->w.t, f->s) & TAPIR_PRI, 0);
	assert_int_equal(read_oob(f, &byte), -EAGAIN);
	assert_reads(f, "ccc");
	assert_int_equal(tf_state(f), TAPIR_TCP_ESTABLISHED);
}

TEST(reading_goes_on_past_the_urgent_octet, "TC-56")
{
	struct tf *f = *state;
	uint8_t byte = 0;
	char buf[10];

	/* Out of line: recv stops at the mark once, then goes on behind it. */
	seg_urg(f, TF_URG | TF_ACK, f->rcv, f->snd, 4, 'a', 3 + 1 + 3);
	assert_int_equal(tf_read(f, buf, 10), 3);
	assert_int_equal(read_oob(f, &byte), 1);
	assert_int_equal(byte, 'a');
	assert_int_equal(tf_read(f, buf, 10), 3);
	assert_int_equal(tf_read(f, buf, 10), -EAGAIN);
	/* The octet alone in its segment, never read as such. */
	seg_urg(f, TF_URG | TF_ACK, f->rcv + 7, f->snd, 1, 'b', 1);
	assert_int_equal(tf_read(f, buf, 10), -EAGAIN);
	letters(f, 8, 'c', 2);
	assert_int_equal(tf_read(f, buf, 10), 2);
	/* At the very end of the stream. */
	seg_urg(f, TF_URG | TF_FIN | TF_ACK, f->rcv + 10, f->snd, 1, 'd', 1);
	assert_int_equal(tf_read(f, buf, 10), 0);
	assert_int_equal(tf_read(f, buf, 10), 0);
	/* And a pointer behind the end. */
	tf_close(f);
	begin(state);
	seg_urg(f, TF_URG | TF_FIN | TF_ACK, f->rcv, f->snd, 50, 'e', 2);
	assert_int_equal(tf_read(f, buf, 10), 2);
	assert_int_equal(tf_read(f, buf, 10), 0);
}

TEST(urgent_octets_of_any_order_leave_the_stream_whole_in_line, "TC-56 IH-09")
{
	static char want[20000], got[20000];
	struct tf *f = *state;
	struct rnd rnd = {7};
	uint32_t sent = 0, have = 0;

	set_inline(f);
	for (unsigned i = 0; i < 2000 && sent < 15000; i++) {
		uint32_t len = (uint32_t)(rnd_u64(&rnd) % 12);
		char c = (char)('a' + i % 26);
		int64_t n;

		memset(want + sent, c, len);
		seg_urg(f, TF_ACK | (rnd_u64(&rnd) % 3 ? TF_URG : 0), f->rcv + sent, f->snd,
			rnd_u64(&rnd) % 4 ? (uint16_t)(rnd_u64(&rnd) % 20)
					  : (uint16_t)rnd_u64(&rnd),
			c, len);
		sent += len;
		(void)tf_drain(f);
		for (unsigned k = 0; k < 3; k++) {
			n = tf_read(f, got + have, rnd_u64(&rnd) % 30);
			if (n > 0)
				have += (uint32_t)n;
		}
	}
	for (unsigned k = 0; k < 20; k++) {
		int64_t n = tf_read(f, got + have, sizeof(got) - have);

		if (n > 0)
			have += (uint32_t)n;
	}
	assert_int_equal(have, sent);
	assert_memory_equal(got, want, have);
}

TEST(urgent_state_ends_with_its_connection, "U11-04")
{
	struct tf *f = *state;
	uint8_t byte;

	seg_urg(f, TF_URG | TF_ACK, f->rcv, f->snd, 1000, 'u', 10);
	(void)tf_drain(f);
	assert_int_equal(tapir_urgent(f->w.t, f->s), 999);
	tf_seg(f, TF_RST, f->rcv + 10, 0, 0);
	assert_int_equal(tapir_close(f->w.t, f->s), 0);
	/* The same ports, the same memory, the same numbers. */
	tf_shake(f, f->rport);
	f->s = tapir_accept(f->w.t, f->ls, NULL);
	assert_true(f->s > 0);
	letters(f, 0, 'n', 1);
	assert_int_equal(tapir_poll(f->w.t, f->s) & TAPIR_PRI, 0);
	assert_int_equal(read_oob(f, &byte), -EINVAL);
	letters(f, 1, 'n', 1500);
	assert_int_equal(tf_read(f, (char[2000]){0}, 2000), 1501);
}

/* ---- text in the wrong place ---- */

TEST(blind_text_needs_an_acknowledgment_in_range, "TC-12 R5961-4")
{
	struct tf *f = *state;
	struct rnd rnd = {3};
	unsigned taken = 0;
	uint32_t wnd = tf_conn(f)->max_snd_wnd;
	char buf[10];

	for (unsigned i = 0; i < 4000; i++) {
		uint32_t ack = (uint32_t)rnd_u64(&rnd);
		bool right = f->snd - ack <= min_u32(wnd, f->snd - f->iss - 1);

		seg_urg(f, TF_ACK, f->rcv, ack, 0, 'x', 1);
		if (tf_read(f, buf, 1) == 1) {
			taken++;
			assert_true(right);
			f->rcv++;
		}
		(void)tf_drain(f);
	}
	/* One of 2^32 is in range, as nothing was ever acknowledged. */
	assert_true(taken <= 1);
	seg_urg(f, TF_ACK, f->rcv, f->snd - 1, 0, 'x', 1);
	assert_int_equal(tf_read(f, buf, 1), -EAGAIN);
	/* The edges themselves, as if a window's worth had been. */
	tf_conn(f)->bytes_acked = wnd;
	seg_urg(f, TF_ACK, f->rcv, f->snd - wnd - 1, 0, 'x', 1);
	seg_urg(f, TF_ACK, f->rcv, f->snd + 1, 0, 'x', 1);
	assert_int_equal(tf_read(f, buf, 1), -EAGAIN);
	seg_urg(f, TF_ACK, f->rcv, f->snd - wnd, 0, 'x', 1);
	assert_int_equal(tf_read(f, buf, 1), 1);
}

TEST(the_first_octets_to_arrive_win_in_every_overlap, "TC-42")
{
	struct tf *f = *state;

	/* Within an island, across its borders, and over all of it. */
	letters(f, 4, 'A', 4);
	letters(f, 5, 'b', 2);
	letters(f, 2, 'c', 4);
	letters(f, 6, 'd', 4);
	letters(f, 0, 'e', 12);
	assert_reads(f, "eeccAAAAddee");
	/* Two islands and what joins them. */
	letters(f, 14, 'F', 2);
	letters(f, 18, 'G', 2);
	letters(f, 13, 'h', 8);
	letters(f, 12, 'i', 10);
	assert_reads(f, "ihFFhhGGhi");
	/* What was read or acknowledged is not written again. */
	letters(f, 22, 'j', 4);
	letters(f, 22, 'k', 4);
	letters(f, 20, 'k', 8);
	assert_reads(f, "jjjjkk");
}

TEST(what_comes_behind_the_end_is_ignored, "TC-61 EVT-39")
{
	struct tf *f = *state;
	uint32_t got[4][2];

	/* The end, 4 octets ahead; then text behind it, and text across it. */
	tf_seg(f, TF_FIN | TF_ACK, f->rcv + 4, f->snd, 0);
	(void)tf_drain(f);
	letters(f, 5, 'x', 10);
	assert_true(tf_pop(f));
	assert_int_equal(tf_sacks(f, f->rcv, got), 1);
	assert_int_equal(got[0][0], 4); /* the end's own number */
	assert_int_equal(got[0][1], 5);
	letters(f, 2, 'b', 10);
	assert_true(tf_pop(f));
	assert_int_equal(tf_sacks(f, f->rcv, got), 1);
	assert_int_equal(got[0][0], 2);
	assert_int_equal(got[0][1], 5);
	letters(f, 0, 'a', 3);
	assert_int_equal(tf_state(f), TAPIR_TCP_CLOSE_WAIT);
	assert_reads(f, "aabb");
	tf_expect(f, TF_ACK, f->snd, f->rcv + 5, 0);
	/* Behind the end that was reached. */
	letters(f, 5, 'y', 10);
	assert_reads(f, "");
	assert_int_equal(tf_read(f, (char[1]){0}, 1), 0);
	assert_int_equal(tf_state(f), TAPIR_TCP_CLOSE_WAIT);
	/* Over it: as Linux, the two contradict each other, and that is the end. */
	(void)tf_drain(f);
	letters(f, 4, 'y', 10);
	assert_int_equal(tf_state(f), TAPIR_TCP_CLOSED);
	assert_true(tf_pop(f) && f->p.flags & TF_RST);
}

TEST(an_end_before_what_has_arrived_and_a_second_end_are_ignored, "TC-61 TC-42")
{
	struct tf *f = *state;

	letters(f, 4, 'b', 4);
	tf_seg(f, TF_FIN | TF_ACK, f->rcv + 6, f->snd, 0);
	tf_seg(f, TF_FIN | TF_ACK, f->rcv + 10, f->snd, 0);
	tf_seg(f, TF_FIN | TF_ACK, f->rcv + 20, f->snd, 0);
	tf_seg(f, TF_FIN | TF_ACK, f->rcv + 9, f->snd, 0);
	(void)tf_drain(f);
	letters(f, 0, 'a', 4);
	assert_int_equal(tf_state(f), TAPIR_TCP_ESTABLISHED);
	letters(f, 8, 'c', 2);
	assert_int_equal(tf_state(f), TAPIR_TCP_CLOSE_WAIT);
	assert_reads(f, "aaaabbbbcc");
}

TEST(text_on_a_reset_is_ignored, "TC-61")
{
	struct tf *f = *state;

	letters(f, 0, 'a', 2);
	seg_urg(f, TF_RST | TF_ACK, f->rcv + 2, f->snd, 0, 'x', 10);
	assert_int_equal(tf_state(f), TAPIR_TCP_CLOSED);
	assert_int_equal(tf_error(f), ECONNRESET);
	assert_reads(f, "aa");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
		cmocka_unit_test(any_urgent_pointer_in_any_state_does_no_harm),
		T(an_urgent_pointer_is_a_number_that_points_nowhere),
		T(reading_goes_on_past_the_urgent_octet),
		T(urgent_octets_of_any_order_leave_the_stream_whole_in_line),
		T(urgent_state_ends_with_its_connection),
		T(blind_text_needs_an_acknowledgment_in_range),
		T(the_first_octets_to_arrive_win_in_every_overlap),
		T(what_comes_behind_the_end_is_ignored),
		T(an_end_before_what_has_arrived_and_a_second_end_are_ignored),
		T(text_on_a_reset_is_ignored),
	};

	return tapir_test_run("unit/tcp/test_attacks_state", tests);
}
