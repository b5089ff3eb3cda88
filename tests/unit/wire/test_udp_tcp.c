/* The headers of UDP and TCP: every length that can lie, and byte-exact encoding. */
#include "stack/wire/bytes.h"
#include "stack/wire/tcp.h"
#include "stack/wire/udp.h"
#include "tests/unit/wire/exact.h"

TEST(a_udp_header_round_trips, "")
{
	static const uint8_t p[12] = {0x12, 0x34, 0, 53, 0, 12, 0xab, 0xcd, 'd', 'a', 't', 'a'};
	struct udp_hdr h;
	uint8_t out[8];

	assert_int_equal(udp_hdr_decode(p, 12, &h), 8);
	assert_int_equal(h.sport, 0x1234);
	assert_int_equal(h.dport, 53);
	assert_int_equal(h.len, 12);
	assert_int_equal(h.csum, 0xabcd);
	assert_int_equal(udp_hdr_encode(out, &h), 8);
	assert_memory_equal(out, p, 8);
}

TEST(a_udp_length_below_8_or_past_the_payload_is_refused, "R768-1")
{
	for (size_t len = 0; len <= 24; len++) {
		for (unsigned told = 0; told < 65536; told += told < 40 ? 1 : 997) {
			uint8_t b[24] = {0, 1, 0, 2};
			int want = 8;

			put_be16(b + 4, (uint16_t)told);
			if (len < 8)
				want = WIRE_ESHORT;
			else if (told < 8 || told > len)
				want = WIRE_ELEN;

			uint8_t *p = exact(b, len);
			struct udp_hdr h;

			assert_int_equal(udp_hdr_decode(p, len, &h), want);
			exact_free(p);
		}
	}
}

TEST(a_computed_checksum_of_zero_goes_out_as_all_ones, "")
{
	assert_int_equal(udp_csum_wire(0), 0xffff);
	assert_int_equal(udp_csum_wire(0xffff), 0xffff);
	assert_int_equal(udp_csum_wire(1), 1);
}

TEST(a_tcp_header_round_trips_with_all_its_bits, "")
{
	static const uint8_t p[20] = {0x12, 0x34, 0,	80,   1,    2,	  3,	4,    0xf5, 6,
				      7,    8,	  0x5f, 0xff, 0xfe, 0xdc, 0xab, 0xcd, 0,    9};
	struct tcp_hdr h;
	uint8_t out[20];

	assert_int_equal(tcp_hdr_decode(p, 20, &h), 20);
	assert_int_equal(h.sport, 0x1234);
	assert_int_equal(h.dport, 80);
	assert_int_equal(h.seq, 0x01020304);
	assert_int_equal(h.ack, 0xf5060708);
	assert_int_equal(h.hdr_len, 20);
	assert_int_equal(h.flags, 0xfff);
	assert_int_equal(h.wnd, 0xfedc);
	assert_int_equal(h.csum, 0xabcd);
	assert_int_equal(h.urg, 9);
	assert_int_equal(tcp_hdr_encode(out, &h), 20);
	assert_memory_equal(out, p, 20);
	h.hdr_len = 21;
	assert_panics(tcp_hdr_encode(out, &h));
}

TEST(each_control_bit_has_its_place, "")
{
	static const unsigned bits[] = {TCP_FIN, TCP_SYN, TCP_RST, TCP_PSH, TCP_ACK,
					TCP_URG, TCP_ECE, TCP_CWR, TCP_AE};

	for (unsigned i = 0; i < 9; i++) {
		uint8_t p[20] = {0};
		struct tcp_hdr h;

		put_be16(p + 12, (uint16_t)(0x5000 | 1u << i));
		assert_int_equal(tcp_hdr_decode(p, 20, &h), 20);
		assert_int_equal(h.flags, bits[i]);
	}
}

TEST(a_data_offset_below_5_or_past_the_segment_is_refused, "")
{
	for (size_t len = 0; len <= 64; len++) {
		for (unsigned off = 0; off < 16; off++) {
			uint8_t b[64] = {0};
			int want = (int)off * 4;

			b[12] = (uint8_t)(off << 4);
			if (len < 20)
				want = WIRE_ESHORT;
			else if (off < 5 || off * 4 > len)
				want = WIRE_EHDRLEN;

			uint8_t *p = exact(b, len);
			struct tcp_hdr h;

			assert_int_equal(tcp_hdr_decode(p, len, &h), want);
			exact_free(p);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_udp_header_round_trips),
		cmocka_unit_test(a_udp_length_below_8_or_past_the_payload_is_refused),
		cmocka_unit_test(a_computed_checksum_of_zero_goes_out_as_all_ones),
		cmocka_unit_test(a_tcp_header_round_trips_with_all_its_bits),
		cmocka_unit_test(each_control_bit_has_its_place),
		cmocka_unit_test(a_data_offset_below_5_or_past_the_segment_is_refused),
	};
	return tapir_test_run("unit/wire/test_udp_tcp", tests);
}
