/* The IPv4 header: every relation of its three lengths, flags, and options good and bad. */
#include "stack/wire/bytes.h"
#include "stack/wire/cksum.h"
#include "stack/wire/ipv4.h"
#include "tests/support/rnd.h"
#include "tests/unit/wire/exact.h"

/* 192.0.2.1 > 192.0.2.2, 28 bytes, DF, TTL 64, UDP; checksum summed outside this program. */
static const uint8_t good[28] = {0x45, 0x10, 0,	  28, 0x12, 0x34, 0x40, 0, 64, 17,
				 0xa4, 0x89, 192, 0,  2,    1,	  192,	0, 2,  2,
				 0,    7,    0,	  9,  0,    8,	  0,	0};

/* A header of hdr_len bytes with these option bytes, padded by EOL; returns hdr_len. */
static size_t with_options(uint8_t *p, const uint8_t *opt, size_t n)
{
	size_t hdr_len = 20 + (n + 3) / 4 * 4;

	memcpy(p, good, 20);
	memset(p + 20, 0, 40);
	memcpy(p + 20, opt, n);
	p[0] = (uint8_t)(0x40 | hdr_len / 4);
	put_be16(p + 2, (uint16_t)hdr_len);
	return hdr_len;
}

TEST(a_header_decodes_to_host_order_and_encodes_back, "")
{
	struct ipv4_hdr h;
	uint8_t out[20];

	assert_int_equal(ipv4_hdr_decode(good, 28, &h), 20);
	assert_int_equal(h.hdr_len, 20);
	assert_int_equal(h.tos, 0x10);
	assert_int_equal(h.total_len, 28);
	assert_int_equal(h.id, 0x1234);
	assert_true(h.df);
	assert_false(h.mf);
	assert_int_equal(h.frag_off, 0);
	assert_int_equal(h.ttl, 64);
	assert_int_equal(h.proto, IPPROTO_NUM_UDP);
	assert_int_equal(h.src, 0xc0000201);
	assert_int_equal(h.dst, 0xc0000202);
	assert_false(ipv4_is_frag(&h));
	assert_int_equal(ipv4_hdr_encode(out, &h), 20);
	assert_memory_equal(out, good, 20);
	assert_true(ipv4_csum_ok(out, 20));
}

TEST(the_three_lengths_must_agree_for_every_ihl, "")
{
	for (unsigned ihl = 0; ihl < 16; ihl++) {
		for (size_t len = 0; len <= 64; len++) {
			for (unsigned total = 0; total <= 70; total++) {
				uint8_t b[64] = {0};
				struct ipv4_hdr h;
				int want = (int)ihl * 4;

				memcpy(b, good, 28);
				b[0] = (uint8_t)(0x40 | ihl);
				put_be16(b + 2, (uint16_t)total);
				if (len < 20)
					want = WIRE_ESHORT;
				else if (ihl < 5 || ihl * 4 > len)
					want = WIRE_EHDRLEN;
				else if (total < ihl * 4 || total > len)
					want = WIRE_ELEN;

				uint8_t *p = exact(b, len);

				assert_int_equal(ipv4_hdr_decode(p, len, &h), want);
				exact_free(p);
			}
		}
	}
}

TEST(a_version_other_than_4_is_refused, "")
{
	for (unsigned v = 0; v < 16; v++) {
		struct ipv4_hdr h;
		uint8_t p[28];

		memcpy(p, good, 28);
		p[0] = (uint8_t)(v << 4 | 5);
		assert_int_equal(ipv4_hdr_decode(p, 28, &h), v == 4 ? 20 : WIRE_EVERSION);
	}
}

TEST(a_total_length_of_65535_does_not_wrap, "")
{
	struct ipv4_hdr h;
	uint8_t *p = calloc(1, 65600);

	assert_non_null(p);
	memcpy(p, good, 20);
	put_be16(p + 2, 65535);
	assert_int_equal(ipv4_hdr_decode(p, 65534, &h), WIRE_ELEN);
	assert_int_equal(ipv4_hdr_decode(p, 65535, &h), 20);
	assert_int_equal(ipv4_hdr_decode(p, 65600, &h), 20);
	free(p);
}

TEST(flags_and_offset_are_taken_apart, "")
{
	struct ipv4_hdr h;
	uint8_t p[28];

	memcpy(p, good, 28);
	put_be16(p + 6, 0xffff);
	assert_int_equal(ipv4_hdr_decode(p, 28, &h), 20);
	assert_true(h.rf && h.df && h.mf);
	assert_int_equal(h.frag_off, 65528);
	put_be16(p + 6, 0x2001);
	assert_int_equal(ipv4_hdr_decode(p, 28, &h), 20);
	assert_true(!h.rf && !h.df && h.mf && ipv4_is_frag(&h));
	assert_int_equal(h.frag_off, 8);
	put_be16(p + 6, 0x0001);
	ipv4_hdr_decode(p, 28, &h);
	assert_true(ipv4_is_frag(&h));
}

TEST(the_reserved_flag_is_never_written, "R791-10")
{
	struct ipv4_hdr h;
	uint8_t p[28], out[20];

	memcpy(p, good, 28);
	p[6] |= 0x80;
	assert_int_equal(ipv4_hdr_decode(p, 28, &h), 20);
	assert_true(h.rf);
	ipv4_hdr_encode(out, &h);
	assert_int_equal(out[6], 0x40);
	assert_true(ipv4_csum_ok(out, 20));
}

TEST(every_bit_of_the_header_is_in_its_checksum, "")
{
	uint8_t p[20];

	memcpy(p, good, 20);
	assert_true(ipv4_csum_ok(p, 20));
	for (unsigned bit = 0; bit < 160; bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(ipv4_csum_ok(p, 20));
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

TEST(a_quoted_header_may_tell_of_more_than_is_there, "")
{
	struct ipv4_hdr h;
	uint8_t p[28];

	memcpy(p, good, 28);
	put_be16(p + 2, 1500);
	assert_int_equal(ipv4_hdr_decode(p, 28, &h), WIRE_ELEN);
	assert_int_equal(ipv4_hdr_decode_quoted(p, 28, &h), 20);
	assert_int_equal(h.total_len, 1500);
	put_be16(p + 2, 19);
	assert_int_equal(ipv4_hdr_decode_quoted(p, 28, &h), WIRE_ELEN);
	p[0] = 0x4f;
	assert_int_equal(ipv4_hdr_decode_quoted(p, 28, &h), WIRE_EHDRLEN);
}

TEST(the_router_alert_header_is_byte_exact, "")
{
	static const uint8_t opt[4] = {0x94, 4, 0, 0};
	struct ipv4_hdr h = {.total_len = 32,
			     .ttl = 1,
			     .proto = IPPROTO_NUM_IGMP,
			     .dst = 0xe0000016};
	uint8_t p[24];
	unsigned saw;

	assert_int_equal(ipv4_hdr_encode_ra(p, &h), 24);
	assert_int_equal(p[0], 0x46);
	assert_memory_equal(p + 20, opt, 4);
	assert_true(ipv4_csum_ok(p, 24));
	assert_int_equal(ipv4_opts_scan(p, 24, &saw, NULL), 0);
	assert_int_equal(saw, IPV4_SAW_RA);
}

TEST(options_are_walked_one_by_one, "R791-2")
{
	static const uint8_t opt[] = {1, 7, 7, 4, 0, 0, 0, 0, 1, 68, 4, 5, 0, 148, 4, 0, 0};
	static const uint8_t types[] = {1, 7, 1, 68, 148};
	struct ipv4_opt_iter it;
	struct ipv4_opt o;
	uint8_t p[60];
	size_t hdr_len = with_options(p, opt, sizeof(opt));
	unsigned saw, n = 0;

	ipv4_opts_begin(&it, p, hdr_len);
	while (ipv4_opts_next(&it, &o) > 0) {
		assert_int_equal(o.type, types[n]);
		assert_ptr_equal(o.p[0] == o.type ? o.p : NULL, o.p);
		n++;
	}
	assert_int_equal(n, 5);
	assert_int_equal(ipv4_opts_scan(p, hdr_len, &saw, NULL), 0);
	assert_int_equal(saw, IPV4_SAW_RR | IPV4_SAW_TS | IPV4_SAW_RA);
}

TEST(nothing_behind_eol_is_read, "R791-3")
{
	static const uint8_t opt[] = {1, 0, 131, 0, 137, 255, 7, 1};
	uint8_t p[60];
	unsigned saw;

	assert_int_equal(ipv4_opts_scan(p, with_options(p, opt, sizeof(opt)), &saw, NULL), 0);
	assert_int_equal(saw, 0);
}

TEST(an_option_length_of_0_1_or_past_the_header_is_refused, "R791-2 R6274-9")
{
	for (unsigned type = 2; type < 256; type++) {
		for (unsigned len = 0; len < 256; len++) {
			uint8_t opt[8] = {1, (uint8_t)type, (uint8_t)len};
			uint8_t b[60];
			size_t hdr_len = with_options(b, opt, sizeof(opt));
			uint8_t *p = exact(b, hdr_len);
			unsigned saw, at = 0;
			bool fits = len >= 2 && len <= 7;

			assert_int_equal(ipv4_opts_scan(p, hdr_len, &saw, &at),
					 fits ? 0 : WIRE_EOPT);
			assert_int_equal(at, fits ? 0 : 21);
			exact_free(p);
		}
	}
}

TEST(a_type_as_the_last_octet_is_not_read_beyond, "R6274-9")
{
	uint8_t opt[4] = {1, 1, 1, 131}, b[60];
	size_t hdr_len = with_options(b, opt, 4);
	uint8_t *p = exact(b, hdr_len);
	unsigned saw, at;

	assert_int_equal(ipv4_opts_scan(p, hdr_len, &saw, &at), WIRE_EOPT);
	assert_int_equal(at, 23);
	exact_free(p);
}

TEST(source_routes_are_seen_and_counted, "")
{
	static const uint8_t lsrr[] = {131, 7, 4, 192, 0, 2, 9};
	static const uint8_t both[] = {131, 3, 4, 137, 3, 4};
	static const uint8_t twice[] = {137, 3, 39, 137, 3, 39};
	uint8_t p[60];
	unsigned saw;

	assert_int_equal(ipv4_opts_scan(p, with_options(p, lsrr, sizeof(lsrr)), &saw, NULL), 0);
	assert_int_equal(saw, IPV4_SAW_LSRR);
	assert_int_equal(ipv4_opts_scan(p, with_options(p, both, sizeof(both)), &saw, NULL), 0);
	assert_int_equal(saw, IPV4_SAW_LSRR | IPV4_SAW_SSRR | IPV4_SAW_SR_MANY);
	assert_int_equal(ipv4_opts_scan(p, with_options(p, twice, sizeof(twice)), &saw, NULL), 0);
	assert_int_equal(saw, IPV4_SAW_SSRR | IPV4_SAW_SR_MANY);
}

TEST(record_route_and_timestamp_with_bad_pointers_are_passed_over, "IP-01")
{
	/* pointers 0, 3, 40 and 255; overflow nibble 15; nothing is written into them */
	static const uint8_t pointers[] = {0, 3, 40, 255};

	for (size_t i = 0; i < sizeof(pointers); i++) {
		uint8_t opt[] = {7, 7,		 pointers[i], 0, 0, 0, 0, 68,
				 8, pointers[i], 0xf1,	      0, 0, 0, 0};
		uint8_t p[60], before[60];
		size_t hdr_len = with_options(p, opt, sizeof(opt));
		unsigned saw;

		memcpy(before, p, hdr_len);
		assert_int_equal(ipv4_opts_scan(p, hdr_len, &saw, NULL), 0);
		assert_int_equal(saw, IPV4_SAW_RR | IPV4_SAW_TS);
		assert_memory_equal(p, before, hdr_len);
	}
}

TEST(every_unknown_option_of_legal_length_is_stepped_over, "")
{
	for (unsigned type = 2; type < 256; type++) {
		uint8_t opt[8] = {(uint8_t)type, 4, 0, 0, 148, 4, 0, 0};
		uint8_t p[60];
		unsigned saw;

		assert_int_equal(ipv4_opts_scan(p, with_options(p, opt, 8), &saw, NULL), 0);
		assert_true(saw & IPV4_SAW_RA);
	}
}

TEST(random_option_octets_stay_within_the_header, "")
{
	struct rnd rnd = {1};

	for (int i = 0; i < 30000; i++) {
		uint8_t b[60];
		size_t hdr_len = 24 + 4 * rnd_below(&rnd, 10);
		struct ipv4_opt_iter it;
		struct ipv4_opt o;
		unsigned steps = 0;

		memcpy(b, good, 20);
		rnd_bytes(&rnd, b + 20, 40);
		for (size_t j = 20; j < 60; j++)
			if (rnd_below(&rnd, 3) == 0)
				b[j] %= 12;

		uint8_t *p = exact(b, hdr_len);

		ipv4_opts_begin(&it, p, hdr_len);
		while (ipv4_opts_next(&it, &o) > 0) {
			assert_true(o.p >= p + 20 && o.p + o.len <= p + hdr_len);
			steps++;
		}
		assert_true(steps <= 40);
		exact_free(p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_decodes_to_host_order_and_encodes_back),
		cmocka_unit_test(the_three_lengths_must_agree_for_every_ihl),
		cmocka_unit_test(a_version_other_than_4_is_refused),
		cmocka_unit_test(a_total_length_of_65535_does_not_wrap),
		cmocka_unit_test(flags_and_offset_are_taken_apart),
		cmocka_unit_test(the_reserved_flag_is_never_written),
		cmocka_unit_test(every_bit_of_the_header_is_in_its_checksum),
		cmocka_unit_test(a_quoted_header_may_tell_of_more_than_is_there),
		cmocka_unit_test(the_router_alert_header_is_byte_exact),
		cmocka_unit_test(options_are_walked_one_by_one),
		cmocka_unit_test(nothing_behind_eol_is_read),
		cmocka_unit_test(an_option_length_of_0_1_or_past_the_header_is_refused),
		cmocka_unit_test(a_type_as_the_last_octet_is_not_read_beyond),
		cmocka_unit_test(source_routes_are_seen_and_counted),
		cmocka_unit_test(record_route_and_timestamp_with_bad_pointers_are_passed_over),
		cmocka_unit_test(every_unknown_option_of_legal_length_is_stepped_over),
		cmocka_unit_test(random_option_octets_stay_within_the_header),
	};
	return tapir_test_run("unit/wire/test_ipv4", tests);
}
