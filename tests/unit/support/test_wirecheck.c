/*
 * The judge of the wire catches each breach of its rules, and none where there is none. Two hosts, 1 and 2, by
 * packets built by hand.
 */
#include "tests/support/test.h"
#include "tests/support/wirecheck.h"
#include "tests/support/world.h"

enum { A = 0x0a000001, B = 0x0a000002, PORT_A = 1000, PORT_B = 80 };

static struct wirecheck *judge;
static uint64_t now;

static const uint8_t syn_opts[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 2};

static int setup(void **state)
{
	struct wirecheck_rules rules = {.mtu = 1500, .ttl = 64};

	(void)state;
	judge = wirecheck_new(&rules);
	now = 1000000000;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wirecheck_free(judge);
	return 0;
}

/* A segment from one of the hosts; `break_it` may change the packet before the checksums are made anew. */
static const char *segment(uint32_t from, uint32_t seq, uint32_t ack, uint8_t flags, uint16_t wnd,
			   const void *opts, size_t nopts, size_t len, bool arrives,
			   void (*break_it)(uint8_t *ip))
{
	uint8_t buf[2000], data[1600] = {0};
	uint32_t to = from == A ? B : A;
	size_t n =
		world_tcp(buf, from, to, from == A ? PORT_A : PORT_B, from == A ? PORT_B : PORT_A,
			  seq, ack, flags, wnd, opts, nopts, data, len);
	const char *bad;

	buf[6] = 0x40;
	world_fix(buf, n);
	if (break_it) {
		break_it(buf);
		world_fix(buf, n);
	}
	bad = wirecheck_leaves(judge, from, now, buf, n);
	if (arrives)
		wirecheck_arrives(judge, to, now, buf, n);
	return bad;
}

static const uint8_t *ts(uint32_t val, uint32_t ecr)
{
	static uint8_t o[12] = {1, 1, 8, 10};

	o[7] = (uint8_t)val;
	o[11] = (uint8_t)ecr;
	return o;
}

#define assert_good(x)                                    \
	do {                                              \
		const char *bad_ = (x);                   \
		if (bad_)                                 \
			fail_msg("a good one: %s", bad_); \
	} while (0)

static void assert_bad(const char *bad, const char *what)
{
	if (!bad || !strstr(bad, what))
		fail_msg("expected '%s', got '%s'", what, bad ? bad : "nothing");
}

/* The handshake: ISN 100 and 500, window scale 2, SACK and timestamps on both sides; windows of 4000. */
static void handshake(void)
{
	assert_good(segment(A, 100, 0, 0x02, 1000, syn_opts, 20, 0, true, NULL));
	assert_good(segment(B, 500, 101, 0x12, 1000, syn_opts, 20, 0, true, NULL));
	assert_good(segment(A, 101, 501, 0x10, 1000, ts(10, 9), 12, 0, true, NULL));
	assert_good(segment(B, 501, 101, 0x10, 1000, ts(10, 10), 12, 0, true, NULL));
}

TEST(ordinary_exchange_breaks_nothing, "")
{
	handshake();
	assert_good(segment(A, 101, 501, 0x18, 1000, ts(11, 9), 12, 1000, true, NULL));
	assert_good(segment(B, 501, 1101, 0x10, 750, ts(11, 11), 12, 0, true, NULL));
	assert_good(segment(A, 1101, 501, 0x11, 1000, ts(12, 11), 12, 0, true, NULL));
	assert_good(segment(B, 501, 1102, 0x11, 750, ts(12, 12), 12, 0, true, NULL));
	assert_good(segment(A, 1102, 502, 0x10, 1000, ts(13, 12), 12, 0, true, NULL));
}

static void ttl(uint8_t *ip)
{
	ip[8] = 63;
}

static void no_df(uint8_t *ip)
{
	ip[6] = 0;
}

static void fragment(uint8_t *ip)
{
	ip[6] = 0x20;
}

static void reserved_flag(uint8_t *ip)
{
	ip[6] |= 0x80;
}

static void other_source(uint8_t *ip)
{
	ip[15] = 9;
}

static void reserved_bits(uint8_t *ip)
{
	ip[20 + 12] |= 2;
}

TEST(headers_are_checked, "")
{
	uint8_t junk[40] = {0x45};

	handshake();
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 0, false, ttl), "TTL");
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 0, false, no_df), "DF");
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 0, false, fragment), "fragment");
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 0, false, reserved_flag),
		   "reserved flag");
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 0, false, other_source),
		   "source");
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 0, false, reserved_bits),
		   "reserved bits");
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 1500, false, NULL), "MTU");
	assert_bad(wirecheck_leaves(judge, A, now, junk, sizeof(junk)), "malformed");
	assert_bad(segment(A, 101, 501, 0x08, 1000, ts(11, 9), 12, 10, false, NULL), "neither ACK");
}

TEST(windows_are_kept_to, "")
{
	handshake();
	assert_good(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 1400, true, NULL));
	assert_good(segment(A, 1501, 501, 0x10, 1000, ts(11, 9), 12, 1400, true, NULL));
	assert_bad(segment(A, 2901, 501, 0x10, 1000, ts(11, 9), 12, 1201, false, NULL),
		   "beyond the window");
	assert_good(segment(A, 2901, 501, 0x10, 1000, ts(11, 9), 12, 1200, true, NULL));
	assert_bad(segment(A, 4110, 501, 0x10, 1000, ts(11, 9), 12, 10, false, NULL), "a gap");
}

TEST(edges_and_acknowledgments_never_go_back, "")
{
	handshake();
	assert_good(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 1400, true, NULL));
	assert_good(segment(B, 501, 1501, 0x10, 650, ts(11, 11), 12, 0, true, NULL));
	assert_bad(segment(B, 501, 1501, 0x10, 649, ts(11, 11), 12, 0, true, NULL), "right edge");
	assert_bad(segment(B, 501, 1401, 0x10, 1000, ts(11, 11), 12, 0, true, NULL), "went back");
}

TEST(nothing_is_acknowledged_that_did_not_arrive, "")
{
	uint8_t sack[24] = {1, 1, 8, 10, 0, 0, 0, 11, 0, 0, 0, 10, 1, 1, 5, 10};

	handshake();
	assert_good(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 1000, false, NULL));
	assert_bad(segment(B, 501, 1101, 0x10, 750, ts(11, 10), 12, 0, false, NULL),
		   "acknowledges beyond");
	assert_good(segment(A, 1101, 501, 0x10, 1000, ts(11, 9), 12, 1000, true, NULL));
	sack[18] = 1101 >> 8;
	sack[19] = 1101 & 255;
	sack[22] = 2101 >> 8;
	sack[23] = 2101 & 255;
	assert_good(segment(B, 501, 101, 0x10, 1000, sack, 24, 0, true, NULL));
	sack[23]++;
	assert_bad(segment(B, 501, 101, 0x10, 1000, sack, 24, 0, true, NULL), "SACK block");
}

TEST(options_are_where_they_may_be, "")
{
	static const uint8_t mss[] = {2, 4, 5, 180};
	static const uint8_t after_eol[] = {0, 1, 0, 0};

	handshake();
	assert_bad(segment(A, 101, 501, 0x10, 1000, mss, 4, 0, false, NULL), "only a SYN");
	assert_bad(segment(A, 101, 501, 0x10, 1000, NULL, 0, 0, false, NULL), "has none");
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(5, 9), 12, 0, false, NULL), "went back");
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 77), 12, 0, false, NULL),
		   "never received");
	assert_bad(segment(A, 101, 501, 0x10, 1000, after_eol, 4, 0, false, NULL), "after the end");
}

TEST(reset_never_answers_a_reset, "")
{
	handshake();
	assert_good(segment(A, 101, 0, 0x04, 0, NULL, 0, 0, true, NULL));
	assert_bad(segment(B, 501, 0, 0x04, 0, NULL, 0, 0, true, NULL), "answers an RST");
}

TEST(acks_without_a_cause_are_counted, "")
{
	const char *bad = NULL;

	handshake();
	for (unsigned i = 0; i < 10 && !bad; i++)
		bad = segment(A, 101, 501, 0x10, 1000, ts(11, 10), 12, 0, false, NULL);
	assert_bad(bad, "ACKs without news");
}

TEST(fin_stays_where_it_was, "")
{
	handshake();
	assert_good(segment(A, 101, 501, 0x11, 1000, ts(11, 9), 12, 10, true, NULL));
	assert_bad(segment(A, 101, 501, 0x11, 1000, ts(11, 9), 12, 9, false, NULL), "FIN moved");
	assert_bad(segment(A, 112, 501, 0x10, 1000, ts(11, 9), 12, 10, false, NULL),
		   "data after FIN");
}

TEST(corrupt_arrival_counts_as_none, "")
{
	uint8_t buf[100];
	size_t n;

	handshake();
	assert_good(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 10, false, NULL));
	n = world_tcp(buf, A, B, PORT_A, PORT_B, 101, 501, 0x10, 1000, ts(11, 9), 12, "0123456789",
		      10);
	buf[n - 1] ^= 1;
	wirecheck_arrives(judge, B, now, buf, n);
	assert_bad(segment(B, 501, 111, 0x10, 1000, ts(11, 10), 12, 0, false, NULL),
		   "acknowledges beyond");
}

/* ---- ECN ---- */

static void ect(uint8_t *ip)
{
	ip[1] |= 2;
}

static void ce(uint8_t *ip)
{
	ip[1] |= 3;
}

/* As handshake(), with ECN agreed on. */
static void handshake_ecn(void)
{
	assert_good(segment(A, 100, 0, 0xc2, 1000, syn_opts, 20, 0, true, NULL));
	assert_good(segment(B, 500, 101, 0x52, 1000, syn_opts, 20, 0, true, NULL));
	assert_good(segment(A, 101, 501, 0x10, 1000, ts(10, 9), 12, 0, true, NULL));
	assert_good(segment(B, 501, 101, 0x10, 1000, ts(10, 10), 12, 0, true, NULL));
}

TEST(ecn_needs_agreement, "")
{
	assert_bad(segment(A, 100, 0, 0x42, 1000, syn_opts, 20, 0, false, NULL), "half");
	assert_bad(segment(A, 100, 0, 0xc2, 1000, syn_opts, 20, 0, false, ect), "ECN-capable SYN");
	handshake();
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 100, false, ect),
		   "without agreement");
	assert_bad(segment(A, 201, 501, 0x50, 1000, ts(11, 9), 12, 100, false, NULL),
		   "without agreement");
}

TEST(ecn_marks_new_data_only, "")
{
	handshake_ecn();
	assert_good(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 100, false, ect));
	assert_bad(segment(A, 101, 501, 0x10, 1000, ts(11, 9), 12, 100, false, ect), "no new data");
	assert_bad(segment(A, 201, 501, 0x10, 1000, ts(11, 9), 12, 0, false, ect), "no new data");
	assert_bad(segment(A, 201, 501, 0x10, 1000, ts(11, 9), 12, 100, false, ce), "had met");
	assert_bad(segment(A, 101, 501, 0x90, 1000, ts(11, 9), 12, 100, false, NULL), "CWR");
	assert_bad(segment(B, 501, 101, 0x50, 1000, ts(11, 10), 12, 0, false, NULL), "ECE");
}

/* ---- the window of congestion, as far as a wire shows it ---- */

static const char *data(uint32_t seq, bool arrives)
{
	return segment(A, seq, 501, 0x10, 60000, ts(11, 9), 12, 1448, arrives, NULL);
}

TEST(no_more_leaves_than_slow_start_allows, "")
{
	uint32_t seq = 101;

	assert_good(segment(A, 100, 0, 0x02, 60000, syn_opts, 20, 0, true, NULL));
	assert_good(segment(B, 500, 101, 0x12, 60000, syn_opts, 20, 0, true, NULL));
	for (int i = 0; i < 10; i++, seq += 1448)
		assert_good(data(seq, true));
	/* One probe more, and then: */
	assert_good(data(seq, false));
	assert_bad(data(seq + 1448, false), "in flight");
}

TEST(what_was_sacked_is_not_sent_again, "")
{
	struct wirecheck_rules rules = {.mtu = 1500, .ttl = 64, .prompt = true, .scoreboard = true};
	uint8_t opts[24] = {1, 1, 8, 10, 0, 0, 0, 12, 0, 0, 0, 11, 1, 1, 5, 10};

	wirecheck_free(judge);
	judge = wirecheck_new(&rules);
	assert_good(segment(A, 100, 0, 0x02, 60000, syn_opts, 20, 0, true, NULL));
	assert_good(segment(B, 500, 101, 0x12, 60000, syn_opts, 20, 0, true, NULL));
	assert_good(data(101, false));
	assert_good(data(101 + 1448, true));
	world_put32(opts + 16, 101 + 1448);
	world_put32(opts + 20, 101 + 2 * 1448);
	assert_good(segment(B, 501, 101, 0x10, 60000, opts, 24, 0, true, NULL));
	now++;
	assert_good(data(101, false));
	assert_bad(data(101 + 1448, false), "SACKed");
	/* A time-out forgets. */
	now += 300000000;
	assert_good(data(101, false));
	assert_good(data(101 + 1448, false));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(ordinary_exchange_breaks_nothing),
		T(headers_are_checked),
		T(windows_are_kept_to),
		T(edges_and_acknowledgments_never_go_back),
		T(nothing_is_acknowledged_that_did_not_arrive),
		T(options_are_where_they_may_be),
		T(reset_never_answers_a_reset),
		T(acks_without_a_cause_are_counted),
		T(fin_stays_where_it_was),
		T(corrupt_arrival_counts_as_none),
		T(ecn_needs_agreement),
		T(ecn_marks_new_data_only),
		cmocka_unit_test_setup_teardown(no_more_leaves_than_slow_start_allows, setup,
						teardown),
		T(what_was_sacked_is_not_sent_again),
	};

	return tapir_test_run("unit/support/test_wirecheck", tests);
}
