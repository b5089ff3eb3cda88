/* TCP options: what is parsed, what is stepped over, what stops the walk, and the exact bytes of
 * what is written. */
#include "stack/wire/bytes.h"
#include "stack/wire/tcp_opt.h"
#include "tests/support/rnd.h"
#include "tests/unit/wire/exact.h"

/* Parse n bytes in memory of exactly that size. */
static struct tcp_opts parse(const uint8_t *b, size_t n)
{
	uint8_t *p = exact(b, n);
	struct tcp_opts o;

	tcp_opts_parse(p, n, &o);
	exact_free(p);
	return o;
}

#define PARSE(...) parse((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

TEST(a_linux_syn_parses_whole, "MUST-4")
{
	struct tcp_opts o = PARSE(2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7);

	assert_int_equal(o.has, TCP_HAS_MSS | TCP_HAS_SACK_OK | TCP_HAS_TS | TCP_HAS_WSCALE);
	assert_false(o.malformed);
	assert_int_equal(o.mss, 1460);
	assert_int_equal(o.wscale, 7);
	assert_int_equal(o.tsval, 0x01020304);
	assert_int_equal(o.tsecr, 0x05060708);
}

TEST(no_options_and_eol_give_nothing, "MUST-4")
{
	struct tcp_opts o = parse(NULL, 0);

	assert_int_equal(o.has, 0);
	assert_false(o.malformed);
	o = PARSE(0, 2, 4, 5, 180, 8, 0, 0);
	assert_int_equal(o.has, 0);
	assert_false(o.malformed);
	o = PARSE(1, 1, 1, 0);
	assert_int_equal(o.has, 0);
	o = PARSE(2, 4, 2, 24, 0);
	assert_int_equal(o.mss, 536);
}

TEST(options_parse_alike_at_every_alignment, "MUST-64")
{
	static const uint8_t opts[] = {2, 4, 5, 180, 3, 3, 9, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 4, 2};

	for (unsigned nops = 0; nops <= 7; nops++) {
		uint8_t b[40];

		memset(b, 1, sizeof(b));
		memcpy(b + nops, opts, sizeof(opts));

		struct tcp_opts o = parse(b, nops + sizeof(opts));

		assert_int_equal(o.has,
				 TCP_HAS_MSS | TCP_HAS_WSCALE | TCP_HAS_TS | TCP_HAS_SACK_OK);
		assert_int_equal(o.mss, 1460);
		assert_int_equal(o.wscale, 9);
		assert_int_equal(o.tsval, 0x01020304);
		assert_int_equal(o.tsecr, 0x05060708);
	}
}

TEST(an_option_that_we_do_not_know_is_stepped_over_by_its_length, "MUST-6 MUST-68")
{
	for (unsigned kind = 2; kind < 256; kind++) {
		for (unsigned len = 2; len <= 32; len++) {
			uint8_t b[40] = {(uint8_t)kind, (uint8_t)len};

			/* wrong length for each known kind that could stand there */
			b[len] = TCP_OPT_MSS;
			b[len + 1] = 4;
			put_be16(b + len + 2, 1234);

			struct tcp_opts o = parse(b, len + 4);

			assert_false(o.malformed);
			assert_true(o.has & TCP_HAS_MSS);
			assert_int_equal(o.mss, 1234);
		}
	}
}

TEST(an_impossible_length_stops_the_walk, "MUST-7 AM33-22 TC-52 CL-27 CL-28")
{
	for (unsigned kind = 2; kind < 256; kind++) {
		for (unsigned len = 0; len < 256; len++) {
			uint8_t b[16] = {2, 4, 5, 180, (uint8_t)kind, (uint8_t)len};
			struct tcp_opts o;

			if (len >= 2 && len <= 12)
				continue;
			memset(b + 6, 1, 10);
			o = parse(b, 16);
			assert_true(o.malformed);
			assert_int_equal(o.has, TCP_HAS_MSS);
			assert_int_equal(o.mss, 1460);
		}
	}
}

TEST(an_mss_of_impossible_length_is_not_an_mss, "")
{
	static const uint8_t lens[] = {0, 1, 2, 3, 5, 6, 255};

	for (size_t i = 0; i < sizeof(lens); i++) {
		uint8_t b[8] = {2, lens[i], 5, 180, 1, 1, 1, 1};

		assert_false(parse(b, 8).has & TCP_HAS_MSS);
	}
}

TEST(a_list_cut_anywhere_is_not_read_beyond, "FR-03 R20-17 CL-33")
{
	static const uint8_t full[40] = {2, 4, 5, 180, 4, 2, 8,	 10, 1, 2, 3, 4, 5, 6,
					 7, 8, 3, 3,   7, 5, 18, 0,  0, 0, 1, 0, 0, 0,
					 2, 0, 0, 0,   3, 0, 0,	 0,  4, 1, 1, 2};

	for (size_t n = 0; n <= sizeof(full); n++) {
		struct tcp_opts o = parse(full, n);

		assert_int_equal(!!(o.has & TCP_HAS_MSS), n >= 4);
		assert_int_equal(!!(o.has & TCP_HAS_SACK_OK), n >= 6);
		assert_int_equal(!!(o.has & TCP_HAS_TS), n >= 16);
		assert_int_equal(!!(o.has & TCP_HAS_WSCALE), n >= 19);
		assert_int_equal(!!(o.has & TCP_HAS_SACK), n >= 37);
	}
	/* the kind of an MSS as the very last octet */
	assert_true(parse(full, 40).malformed);
}

TEST(a_known_option_of_wrong_length_is_as_if_absent, "")
{
	static const struct {
		uint8_t kind;
		uint64_t lens; /* bit n: length n is right */
		uint16_t has;
	} known[] = {
		{TCP_OPT_MSS, 1 << 4, TCP_HAS_MSS},
		{TCP_OPT_WSCALE, 1 << 3, TCP_HAS_WSCALE},
		{TCP_OPT_SACK_OK, 1 << 2, TCP_HAS_SACK_OK},
		{TCP_OPT_SACK, UINT64_C(1) << 10 | 1 << 18 | 1 << 26 | UINT64_C(1) << 34,
		 TCP_HAS_SACK},
		{TCP_OPT_TS, 1 << 10, TCP_HAS_TS},
		{TCP_OPT_MD5, 1 << 18, TCP_HAS_MD5},
		{TCP_OPT_UTO, 1 << 4, TCP_HAS_UTO},
		{TCP_OPT_AO, ~UINT64_C(15), TCP_HAS_AO},
		{TCP_OPT_TFO,
		 1 << 2 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 12 | 1 << 14 | 1 << 16 | 1 << 18,
		 TCP_HAS_TFO},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		for (unsigned len = 2; len <= 40; len++) {
			uint8_t b[40] = {known[i].kind, (uint8_t)len};
			struct tcp_opts o = parse(b, 40);

			assert_false(o.malformed);
			assert_int_equal(o.has, (known[i].lens >> len) & 1 ? known[i].has : 0);
		}
	}
}

TEST(a_malformed_authentication_option_means_nothing, "U11-03")
{
	assert_int_equal(PARSE(29, 2, 1, 1).has, 0);
	assert_int_equal(PARSE(29, 3, 0, 1).has, 0);
	assert_int_equal(PARSE(29, 4, 1, 2).has, TCP_HAS_AO);
	assert_true(PARSE(29, 1, 1, 1).malformed);
}

TEST(a_window_shift_above_14_counts_as_14, "R7323-6")
{
	for (unsigned shift = 0; shift < 256; shift++) {
		struct tcp_opts o = PARSE(3, 3, (uint8_t)shift);

		assert_int_equal(o.wscale, shift > 14 ? 14 : shift);
		assert_int_equal(o.wscale_raw, shift);
	}
}

TEST(sack_blocks_come_raw_and_in_order, "")
{
	uint8_t b[34] = {5, 34};

	for (unsigned i = 0; i < 8; i++)
		put_be32(b + 2 + 4 * i, 0xfffffff0 + 8 * i);

	struct tcp_opts o = parse(b, 34);

	assert_int_equal(o.n_sack, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(o.sack[i].start, 0xfffffff0 + 16 * i);
		assert_int_equal(o.sack[i].end, 0xfffffff8 + 16 * i);
	}
}

TEST(of_a_repeated_option_the_last_one_counts, "")
{
	assert_int_equal(PARSE(2, 4, 0, 1, 2, 4, 0, 2).mss, 2);
}

/* Encode, compare with the bytes, parse again. */
static void assert_encodes(const struct tcp_opts *o, enum tcp_opt_style style, const uint8_t *want,
			   size_t n)
{
	uint8_t p[TCP_OPT_MAX + 8], *copy;
	struct tcp_opts back;

	memset(p, 0xee, sizeof(p));
	assert_int_equal(tcp_opts_encode(p, o, style), n);
	assert_int_equal(tcp_opts_len(o, style), n);
	assert_memory_equal(p, want, n);
	for (size_t i = n; i < sizeof(p); i++)
		assert_int_equal(p[i], 0xee);
	copy = exact(p, n);
	tcp_opts_parse(copy, n, &back);
	exact_free(copy);
	assert_false(back.malformed);
	assert_int_equal(back.has, o->has);
}

#define ENCODES(o, style, ...)                                   \
	assert_encodes(o, style, (const uint8_t[]){__VA_ARGS__}, \
		       sizeof((const uint8_t[]){__VA_ARGS__}))

TEST(syn_and_syn_ack_options_are_laid_out_as_linux_does, "")
{
	struct tcp_opts o = {.mss = 1460, .wscale = 10, .tsval = 0x01020304, .tsecr = 0x05060708};

	o.has = TCP_HAS_MSS | TCP_HAS_SACK_OK | TCP_HAS_TS | TCP_HAS_WSCALE;
	ENCODES(&o, TCP_OPTS_LINUX, 2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 10);
	o.has = TCP_HAS_MSS | TCP_HAS_SACK_OK | TCP_HAS_WSCALE;
	ENCODES(&o, TCP_OPTS_LINUX, 2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 10);
	o.has = TCP_HAS_MSS | TCP_HAS_WSCALE;
	ENCODES(&o, TCP_OPTS_LINUX, 2, 4, 5, 180, 1, 3, 3, 10);
	o.has = TCP_HAS_MSS | TCP_HAS_SACK_OK;
	ENCODES(&o, TCP_OPTS_LINUX, 2, 4, 5, 180, 1, 1, 4, 2);
	o.has = TCP_HAS_MSS;
	ENCODES(&o, TCP_OPTS_LINUX, 2, 4, 5, 180);
	o.has = TCP_HAS_MSS | TCP_HAS_TS | TCP_HAS_WSCALE;
	ENCODES(&o, TCP_OPTS_LINUX, 2, 4, 5, 180, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 10);
	o.has = 0;
	assert_int_equal(tcp_opts_len(&o, TCP_OPTS_LINUX), 0);
}

TEST(data_segment_options_are_laid_out_as_linux_does, "")
{
	struct tcp_opts o = {.tsval = 1, .tsecr = 2, .n_sack = 1, .sack = {{0x10, 0x20}}};

	o.has = TCP_HAS_TS;
	ENCODES(&o, TCP_OPTS_LINUX, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
	o.has = TCP_HAS_TS | TCP_HAS_SACK;
	ENCODES(&o, TCP_OPTS_LINUX, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 10, 0, 0, 0, 0x10,
		0, 0, 0, 0x20);
	o.has = TCP_HAS_SACK;
	ENCODES(&o, TCP_OPTS_LINUX, 1, 1, 5, 10, 0, 0, 0, 0x10, 0, 0, 0, 0x20);
}

TEST(sack_blocks_that_do_not_fit_are_left_out_from_the_end, "")
{
	struct tcp_opts o = {.has = TCP_HAS_SACK | TCP_HAS_TS, .n_sack = 4}, back;
	uint8_t p[40];

	for (uint32_t i = 0; i < 4; i++)
		o.sack[i] = (struct tcp_sack_block){10 * i, 10 * i + 5};
	assert_int_equal(tcp_opts_encode(p, &o, TCP_OPTS_LINUX), 40);
	tcp_opts_parse(p, 40, &back);
	assert_int_equal(back.n_sack, tcp_opts_sack_room(true));
	assert_int_equal(back.sack[2].start, 20);
	o.has = TCP_HAS_SACK;
	assert_int_equal(tcp_opts_encode(p, &o, TCP_OPTS_LINUX), 36);
	tcp_opts_parse(p, 36, &back);
	assert_int_equal(back.n_sack, tcp_opts_sack_room(false));
	o.has = TCP_HAS_SACK | TCP_HAS_TS | TCP_HAS_MSS | TCP_HAS_WSCALE | TCP_HAS_SACK_OK |
		TCP_HAS_UTO;
	assert_int_equal(tcp_opts_encode(p, &o, TCP_OPTS_LINUX), 40);
	tcp_opts_parse(p, 40, &back);
	assert_int_equal(back.n_sack, 2);
	assert_false(back.has & TCP_HAS_UTO);
}

TEST(fast_open_and_user_timeout_come_last, "")
{
	struct tcp_opts o = {.mss = 1460,
			     .uto = 0x8005,
			     .tfo_len = 8,
			     .tfo = {1, 2, 3, 4, 5, 6, 7, 8}};

	o.has = TCP_HAS_MSS | TCP_HAS_TFO;
	ENCODES(&o, TCP_OPTS_LINUX, 2, 4, 5, 180, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1);
	o.has = TCP_HAS_MSS | TCP_HAS_UTO;
	ENCODES(&o, TCP_OPTS_LINUX, 2, 4, 5, 180, 28, 4, 0x80, 5);
	o.has = TCP_HAS_TFO;
	o.tfo_len = 0;
	ENCODES(&o, TCP_OPTS_LINUX, 34, 2, 1, 1);
}

TEST(fast_open_in_its_experimental_form_is_read_and_written, "R7413-2")
{
	static const uint8_t ask[] = {254, 4, 0xf9, 0x89}, odd[] = {254, 7, 0xf9, 0x89, 1, 2, 3},
			     few[] = {254, 6, 0xf9, 0x89, 1, 2}, other[] = {254, 4, 0xf9, 0x88},
			     bare[] = {254, 2};
	struct tcp_opts o = {.tfo_len = 4, .tfo_exp = true, .tfo = {1, 2, 3, 4}}, back;

	o.has = TCP_HAS_TFO;
	ENCODES(&o, TCP_OPTS_LINUX, 254, 8, 0xf9, 0x89, 1, 2, 3, 4);
	o.tfo_len = 6;
	ENCODES(&o, TCP_OPTS_LINUX, 254, 10, 0xf9, 0x89, 1, 2, 3, 4, 0, 0, 1, 1);
	tcp_opts_parse(ask, sizeof(ask), &back);
	assert_true(back.has == TCP_HAS_TFO && back.tfo_exp && back.tfo_len == 0);
	tcp_opts_parse(odd, sizeof(odd), &back);
	assert_int_equal(back.has, 0);
	tcp_opts_parse(few, sizeof(few), &back);
	assert_int_equal(back.has, 0);
	/* Another experiment, and none. */
	tcp_opts_parse(other, sizeof(other), &back);
	assert_int_equal(back.has, TCP_HAS_UNKNOWN);
	tcp_opts_parse(bare, sizeof(bare), &back);
	assert_int_equal(back.has, TCP_HAS_UNKNOWN);
	assert_false(back.malformed);
}

TEST(a_freebsd_syn_has_its_own_order, "")
{
	struct tcp_opts o = {.mss = 1460, .wscale = 6, .tsval = 1};

	o.has = TCP_HAS_MSS | TCP_HAS_SACK_OK | TCP_HAS_TS | TCP_HAS_WSCALE;
	ENCODES(&o, TCP_OPTS_FREEBSD, 2, 4, 5, 180, 1, 3, 3, 6, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0,
		0);
}

TEST(whatever_is_written_is_well_formed, "MUST-68")
{
	struct rnd rnd = {1};

	for (int i = 0; i < 50000; i++) {
		struct tcp_opts o = {
			.has = rnd_u32(&rnd) & 0x7f,
			.mss = (uint16_t)rnd_u32(&rnd),
			.wscale = (uint8_t)rnd_below(&rnd, 15),
			.n_sack = (uint8_t)(1 + rnd_below(&rnd, 4)),
			.tfo_len = (uint8_t)(2 * rnd_below(&rnd, 9)),
			.tsval = rnd_u32(&rnd),
		};
		uint8_t p[40];
		struct tcp_opts back;

		if (o.tfo_len == 2)
			o.tfo_len = 0;

		size_t n = tcp_opts_encode(p, &o, i % 2 ? TCP_OPTS_LINUX : TCP_OPTS_FREEBSD);

		assert_true(n <= 40 && n % 4 == 0);
		tcp_opts_parse(p, n, &back);
		assert_false(back.malformed);
		assert_int_equal(back.has & ~o.has, 0);
		/* what is left out is only what may be */
		assert_int_equal(o.has & ~back.has & ~(TCP_HAS_SACK | TCP_HAS_UTO | TCP_HAS_TFO),
				 0);
		if (back.has & TCP_HAS_MSS)
			assert_int_equal(back.mss, o.mss);
		if (back.has & TCP_HAS_WSCALE)
			assert_int_equal(back.wscale, o.wscale);
		if (back.has & TCP_HAS_TS)
			assert_int_equal(back.tsval, o.tsval);
	}
}

TEST(random_octets_are_parsed_within_bounds, "")
{
	struct rnd rnd = {2};

	for (int i = 0; i < 50000; i++) {
		uint8_t b[40];
		size_t n = rnd_below(&rnd, 41);
		struct tcp_opts o;

		rnd_bytes(&rnd, b, sizeof(b));
		for (size_t j = 0; j < 40; j++)
			if (rnd_below(&rnd, 2))
				b[j] %= 35;
		o = parse(b, n);
		assert_true(o.n_sack <= TCP_SACK_MAX && o.tfo_len <= TCP_TFO_MAX && o.wscale <= 14);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_linux_syn_parses_whole),
		cmocka_unit_test(no_options_and_eol_give_nothing),
		cmocka_unit_test(options_parse_alike_at_every_alignment),
		cmocka_unit_test(an_option_that_we_do_not_know_is_stepped_over_by_its_length),
		cmocka_unit_test(an_impossible_length_stops_the_walk),
		cmocka_unit_test(an_mss_of_impossible_length_is_not_an_mss),
		cmocka_unit_test(a_list_cut_anywhere_is_not_read_beyond),
		cmocka_unit_test(a_known_option_of_wrong_length_is_as_if_absent),
		cmocka_unit_test(a_malformed_authentication_option_means_nothing),
		cmocka_unit_test(a_window_shift_above_14_counts_as_14),
		cmocka_unit_test(sack_blocks_come_raw_and_in_order),
		cmocka_unit_test(of_a_repeated_option_the_last_one_counts),
		cmocka_unit_test(syn_and_syn_ack_options_are_laid_out_as_linux_does),
		cmocka_unit_test(data_segment_options_are_laid_out_as_linux_does),
		cmocka_unit_test(sack_blocks_that_do_not_fit_are_left_out_from_the_end),
		cmocka_unit_test(fast_open_and_user_timeout_come_last),
		cmocka_unit_test(fast_open_in_its_experimental_form_is_read_and_written),
		cmocka_unit_test(a_freebsd_syn_has_its_own_order),
		cmocka_unit_test(whatever_is_written_is_well_formed),
		cmocka_unit_test(random_octets_are_parsed_within_bounds),
	};
	return tapir_test_run("unit/wire/test_tcp_opt", tests);
}
