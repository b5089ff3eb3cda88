/* Frames and ARP packets: what is decoded, what is refused and why, byte-exact encoding. */
#include "stack/wire/arp.h"
#include "stack/wire/bytes.h"
#include "stack/wire/eth.h"
#include "tests/unit/wire/exact.h"

static const uint8_t frame[18] = {0x02, 0, 0, 0,    0,	  1,   0x02, 0,	  0,
				  0,	0, 2, 0x08, 0x00, 'd', 'a',  't', 'a'};

static const uint8_t request[28] = {0,	 1, 0x08, 0, 6, 4, 0, 1, 2, 0, 0,   0, 0, 1,
				    192, 0, 2,	  1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2};

TEST(byte_helpers_round_trip_at_any_alignment, "")
{
	uint8_t b[16];

	for (int at = 0; at < 8; at++) {
		put_be16(b + at, 0x0102);
		assert_int_equal(b[at], 1);
		assert_int_equal(get_be16(b + at), 0x0102);
		put_be32(b + at, 0xf1020304);
		assert_int_equal(b[at], 0xf1);
		assert_int_equal(b[at + 3], 4);
		assert_int_equal(get_be32(b + at), 0xf1020304);
		put_be64(b + at, UINT64_C(0xf102030405060708));
		assert_int_equal(b[at], 0xf1);
		assert_int_equal(b[at + 7], 8);
		assert_true(get_be64(b + at) == UINT64_C(0xf102030405060708));
	}
}

TEST(a_frame_header_round_trips, "")
{
	struct eth_hdr h;
	uint8_t out[14];

	assert_int_equal(eth_hdr_decode(frame, sizeof(frame), &h), 14);
	assert_memory_equal(h.dst, frame, 6);
	assert_memory_equal(h.src, frame + 6, 6);
	assert_int_equal(h.type, ETH_TYPE_IPV4);
	assert_int_equal(eth_hdr_encode(out, &h), 14);
	assert_memory_equal(out, frame, 14);
}

TEST(a_frame_shorter_than_its_header_is_refused, "")
{
	for (size_t n = 0; n < 14; n++) {
		uint8_t *p = exact(frame, n);
		struct eth_hdr h;

		assert_int_equal(eth_hdr_decode(p, n, &h), WIRE_ESHORT);
		exact_free(p);
	}
}

TEST(tags_and_lengths_have_their_own_reason, "")
{
	uint8_t p[14];
	struct eth_hdr h;

	memcpy(p, frame, 14);
	put_be16(p + 12, 0x8100);
	assert_int_equal(eth_hdr_decode(p, 14, &h), WIRE_EVLAN);
	assert_int_equal(h.type, 0x8100);
	put_be16(p + 12, 0x88a8);
	assert_int_equal(eth_hdr_decode(p, 14, &h), WIRE_EVLAN);
	put_be16(p + 12, 0x05ff);
	assert_int_equal(eth_hdr_decode(p, 14, &h), WIRE_E8023);
	assert_int_equal(h.type, 0x05ff);
	put_be16(p + 12, 0);
	assert_int_equal(eth_hdr_decode(p, 14, &h), WIRE_E8023);
	put_be16(p + 12, 0x0600);
	assert_int_equal(eth_hdr_decode(p, 14, &h), 14);
}

TEST(mac_addresses_are_told_apart, "")
{
	uint8_t m[6];

	mac_set_broadcast(m);
	assert_true(mac_is_broadcast(m));
	assert_true(mac_is_group(m));
	assert_false(mac_is_unicast(m));
	m[5] = 0xfe;
	assert_false(mac_is_broadcast(m));
	assert_true(mac_is_group(m));
	memset(m, 0, 6);
	assert_true(mac_is_zero(m));
	assert_false(mac_is_unicast(m));
	mac_copy(m, frame);
	assert_true(mac_equal(m, frame));
	assert_true(mac_is_unicast(m));
}

TEST(a_group_maps_to_its_mac_by_23_bits, "")
{
	static const uint8_t want[6] = {0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa};
	uint8_t m[6];

	mac_from_ip4_group(m, 0xeffffffa); /* 239.255.255.250 */
	assert_memory_equal(m, want, 6);
}

TEST(an_arp_packet_round_trips, "")
{
	struct arp_pkt a;
	uint8_t out[28];

	assert_int_equal(arp_decode(request, 28, &a), 28);
	assert_int_equal(a.op, ARP_OP_REQUEST);
	assert_memory_equal(a.sha, request + 8, 6);
	assert_int_equal(a.spa, 0xc0000201);
	assert_true(mac_is_zero(a.tha));
	assert_int_equal(a.tpa, 0xc0000202);
	assert_int_equal(arp_encode(out, &a), 28);
	assert_memory_equal(out, request, 28);
}

TEST(a_short_arp_packet_is_refused_and_padding_ignored, "R826-7")
{
	uint8_t padded[46] = {0};
	struct arp_pkt a;

	for (size_t n = 0; n < 28; n++) {
		uint8_t *p = exact(request, n);

		assert_int_equal(arp_decode(p, n, &a), WIRE_ESHORT);
		exact_free(p);
	}
	memcpy(padded, request, 28);
	memset(padded + 28, 0xff, 18);
	assert_int_equal(arp_decode(padded, 46, &a), 28);
	assert_int_equal(a.tpa, 0xc0000202);
}

TEST(wrong_types_and_lengths_are_refused_before_any_address_is_read, "R826-1")
{
	static const struct {
		unsigned at;
		uint8_t value;
		int err;
	} cases[] = {
		{0, 1, WIRE_EHTYPE},	{1, 0, WIRE_EHTYPE}, {1, 6, WIRE_EHTYPE},
		{2, 0x86, WIRE_EPTYPE}, {3, 6, WIRE_EPTYPE}, {4, 0, WIRE_EHLEN},
		{4, 5, WIRE_EHLEN},	{4, 7, WIRE_EHLEN},  {4, 255, WIRE_EHLEN},
		{5, 0, WIRE_EPLEN},	{5, 16, WIRE_EPLEN}, {5, 255, WIRE_EPLEN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arp_pkt a = {.op = 77};
		uint8_t *p = exact(request, 28);

		p[cases[i].at] = cases[i].value;
		assert_int_equal(arp_decode(p, 28, &a), cases[i].err);
		assert_int_equal(a.op, 77);
		exact_free(p);
	}
	/* all mixes of lengths: only 6 and 4 pass */
	for (unsigned mix = 0; mix < 65536; mix++) {
		uint8_t p[28];
		struct arp_pkt a;

		memcpy(p, request, 28);
		p[4] = (uint8_t)(mix >> 8);
		p[5] = (uint8_t)mix;
		assert_int_equal(arp_decode(p, 28, &a) == 28, p[4] == 6 && p[5] == 4);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(byte_helpers_round_trip_at_any_alignment),
		cmocka_unit_test(a_frame_header_round_trips),
		cmocka_unit_test(a_frame_shorter_than_its_header_is_refused),
		cmocka_unit_test(tags_and_lengths_have_their_own_reason),
		cmocka_unit_test(mac_addresses_are_told_apart),
		cmocka_unit_test(a_group_maps_to_its_mac_by_23_bits),
		cmocka_unit_test(an_arp_packet_round_trips),
		cmocka_unit_test(a_short_arp_packet_is_refused_and_padding_ignored),
		cmocka_unit_test(wrong_types_and_lengths_are_refused_before_any_address_is_read),
	};
	return tapir_test_run("unit/wire/test_eth_arp", tests);
}
