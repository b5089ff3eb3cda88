/* ICMP: the shared header, and the datagram that an error quotes, honest and lying. */
#include "stack/wire/bytes.h"
#include "stack/wire/icmp.h"
#include "tests/support/rnd.h"
#include "tests/unit/wire/exact.h"

/*
 * An error of this type about a datagram of proto from 192.0.2.2 to 198.51.100.1, with n bytes
 * quoted behind its header; returns the message's length.
 */
static size_t error_about(uint8_t *p, uint8_t type, uint8_t proto, size_t n)
{
	struct ipv4_hdr ip = {.total_len = 1500,
			      .ttl = 60,
			      .df = true,
			      .proto = proto,
			      .src = 0xc0000202,
			      .dst = 0xc6336401};
	struct icmp_hdr h = {.type = type, .code = 4, .rest = 1400};

	icmp_hdr_encode(p, &h);
	ipv4_hdr_encode(p + 8, &ip);
	for (size_t i = 0; i < n; i++)
		p[28 + i] = (uint8_t)(0x10 + i);
	icmp_finish(p, 28 + n);
	return 28 + n;
}

TEST(a_header_round_trips_with_its_checksum, "")
{
	struct icmp_hdr h = {.type = ICMP_ECHO,
			     .code = 0,
			     .rest = icmp_rest_id_seq(0x1234, 0x5678)},
			got;
	uint8_t p[13] = {0};

	assert_int_equal(icmp_hdr_encode(p, &h), 8);
	memcpy(p + 8, "hello", 5);
	icmp_finish(p, 13);
	assert_true(icmp_csum_ok(p, 13));
	for (unsigned bit = 0; bit < 13 * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(icmp_csum_ok(p, 13));
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(icmp_hdr_decode(p, 13, &got), 8);
	assert_int_equal(got.type, ICMP_ECHO);
	assert_int_equal(icmp_id(&got), 0x1234);
	assert_int_equal(icmp_seq(&got), 0x5678);
	got.rest = 0xa5000578;
	assert_int_equal(icmp_pointer(&got), 0xa5);
	assert_int_equal(icmp_mtu(&got), 0x578);
	assert_int_equal(icmp_gateway(&got), 0xa5000578);
}

TEST(a_message_shorter_than_its_header_is_refused, "")
{
	uint8_t b[8] = {3};

	for (size_t n = 0; n < 8; n++) {
		uint8_t *p = exact(b, n);
		struct icmp_hdr h;
		struct icmp_quote q;

		assert_int_equal(icmp_hdr_decode(p, n, &h), WIRE_ESHORT);
		assert_int_equal(icmp_quote_decode(p, n, &q), WIRE_ESHORT);
		exact_free(p);
	}
	for (unsigned type = 0; type < 256; type++) {
		struct icmp_quote q;

		b[0] = (uint8_t)type;
		assert_int_equal(icmp_quote_decode(b, 8, &q),
				 icmp_is_error((uint8_t)type) ? WIRE_ESHORT : WIRE_ETYPE);
	}
}

TEST(each_type_has_its_least_length, "")
{
	assert_int_equal(icmp_min_len(ICMP_ECHO), 8);
	assert_int_equal(icmp_min_len(ICMP_ECHO_REPLY), 8);
	assert_int_equal(icmp_min_len(ICMP_TIMESTAMP), 20);
	assert_int_equal(icmp_min_len(ICMP_TIMESTAMP_REPLY), 20);
	assert_int_equal(icmp_min_len(ICMP_MASK), 12);
	assert_int_equal(icmp_min_len(ICMP_MASK_REPLY), 12);
	assert_int_equal(icmp_min_len(ICMP_UNREACH), 36);
	assert_int_equal(icmp_min_len(ICMP_SOURCE_QUENCH), 36);
	assert_int_equal(icmp_min_len(ICMP_REDIRECT), 36);
	assert_int_equal(icmp_min_len(ICMP_TIME_EXCEEDED), 36);
	assert_int_equal(icmp_min_len(ICMP_PARAM_PROBLEM), 36);
	assert_int_equal(icmp_min_len(200), 8);
}

TEST(a_quoted_tcp_segment_gives_ports_and_sequence, "")
{
	struct icmp_quote q;
	uint8_t p[36];

	assert_int_equal(error_about(p, ICMP_UNREACH, IPPROTO_NUM_TCP, 8), 36);
	assert_int_equal(icmp_quote_decode(p, 36, &q), 28);
	assert_int_equal(q.ip.src, 0xc0000202);
	assert_int_equal(q.ip.dst, 0xc6336401);
	assert_int_equal(q.ip.total_len, 1500);
	assert_true(q.has_l4);
	assert_int_equal(q.sport, 0x1011);
	assert_int_equal(q.dport, 0x1213);
	assert_int_equal(q.tcp_seq, 0x14151617);
	assert_ptr_equal(q.l4, p + 28);
	assert_int_equal(q.l4_len, 8);
}

TEST(quoted_udp_and_echo_give_what_they_have, "")
{
	struct icmp_quote q;
	uint8_t p[60];
	size_t n = error_about(p, ICMP_TIME_EXCEEDED, IPPROTO_NUM_UDP, 20);

	assert_int_equal(icmp_quote_decode(p, n, &q), 28);
	assert_int_equal(q.sport, 0x1011);
	assert_int_equal(q.tcp_seq, 0);
	assert_int_equal(q.l4_len, 20);
	n = error_about(p, ICMP_UNREACH, IPPROTO_NUM_ICMP, 8);
	p[28] = ICMP_ECHO;
	assert_int_equal(icmp_quote_decode(p, n, &q), 28);
	assert_int_equal(q.echo_id, 0x1415);
	assert_int_equal(q.echo_seq, 0x1617);
	assert_int_equal(q.sport, 0);
	n = error_about(p, ICMP_UNREACH, 99, 8);
	assert_int_equal(icmp_quote_decode(p, n, &q), 28);
	assert_int_equal(q.sport, 0);
}

TEST(a_lying_quote_is_refused, "")
{
	struct icmp_quote q;
	uint8_t b[60];

	/* every truncation */
	for (size_t n = 8; n < 36; n++) {
		error_about(b, ICMP_UNREACH, IPPROTO_NUM_TCP, 8);
		b[5] = 0;

		uint8_t *p = exact(b, n);

		assert_int_equal(icmp_quote_decode(p, n, &q), WIRE_ESHORT);
		exact_free(p);
	}
	/* version, IHL, total length */
	error_about(b, ICMP_UNREACH, IPPROTO_NUM_TCP, 8);
	b[8] = 0x65;
	assert_int_equal(icmp_quote_decode(b, 36, &q), WIRE_EVERSION);
	b[8] = 0x44;
	assert_int_equal(icmp_quote_decode(b, 36, &q), WIRE_EHDRLEN);
	b[8] = 0x4f;
	assert_int_equal(icmp_quote_decode(b, 36, &q), WIRE_EHDRLEN);
	b[8] = 0x47; /* the 8 bytes would be options */
	assert_int_equal(icmp_quote_decode(b, 36, &q), WIRE_ESHORT);
	b[8] = 0x45;
	put_be16(b + 10, 19);
	assert_int_equal(icmp_quote_decode(b, 36, &q), WIRE_ELEN);
	put_be16(b + 10, 27); /* seven bytes behind the header at its sender */
	assert_int_equal(icmp_quote_decode(b, 36, &q), WIRE_ESHORT);
}

TEST(a_quoted_fragment_has_no_ports, "CL-25")
{
	struct icmp_quote q;
	uint8_t b[36];

	error_about(b, ICMP_TIME_EXCEEDED, IPPROTO_NUM_UDP, 8);
	put_be16(b + 14, 0x2003);

	uint8_t *p = exact(b, 36);

	assert_int_equal(icmp_quote_decode(p, 36, &q), 28);
	assert_false(q.has_l4);
	assert_int_equal(q.sport, 0);
	assert_int_equal(q.dport, 0);
	put_be16(p + 14, 0x2000); /* the first fragment has them */
	assert_int_equal(icmp_quote_decode(p, 36, &q), 28);
	assert_true(q.has_l4);
	assert_int_equal(q.dport, 0x1213);
	put_be16(p + 14, 0x2003); /* a fragment that claims to be short */
	put_be16(p + 10, 24);
	assert_int_equal(icmp_quote_decode(p, 36, &q), WIRE_ESHORT);
	exact_free(p);
}

TEST(a_length_attribute_bounds_the_quote_and_a_lying_one_does_not, "R4884-1")
{
	struct icmp_quote q;
	uint8_t p[200] = {0};

	error_about(p, ICMP_UNREACH, IPPROTO_NUM_UDP, 172);
	p[5] = 32; /* 128 bytes of quote, then an extension */
	assert_int_equal(icmp_quote_decode(p, 200, &q), 28);
	assert_int_equal(q.l4_len, 108);
	p[5] = 0;
	assert_int_equal(icmp_quote_decode(p, 200, &q), 28);
	assert_int_equal(q.l4_len, 172);
	p[5] = 255; /* past the message */
	assert_int_equal(icmp_quote_decode(p, 200, &q), 28);
	assert_int_equal(q.l4_len, 172);
	p[5] = 2; /* too short for a quote */
	assert_int_equal(icmp_quote_decode(p, 200, &q), WIRE_ESHORT);
	p[0] = ICMP_REDIRECT; /* there byte 5 is a part of the gateway's address */
	assert_int_equal(icmp_quote_decode(p, 200, &q), 28);
}

TEST(random_quotes_stay_within_the_message, "")
{
	struct rnd rnd = {2};

	for (int i = 0; i < 30000; i++) {
		uint8_t b[120];
		size_t n = rnd_below(&rnd, sizeof(b) + 1);
		struct icmp_quote q;

		rnd_bytes(&rnd, b, sizeof(b));
		b[0] = (uint8_t)(3 + rnd_below(&rnd, 10));
		b[8] = (uint8_t)(0x40 | rnd_below(&rnd, 16));
		b[5] = (uint8_t)rnd_below(&rnd, 40);

		uint8_t *p = exact(b, n);
		int at = icmp_quote_decode(p, n, &q);

		if (at > 0) {
			assert_true(q.l4 == p + at && q.l4_len >= 8);
			assert_true((size_t)at + q.l4_len <= n);
			assert_true(q.l4_len <= (size_t)q.ip.total_len - q.ip.hdr_len);
		}
		exact_free(p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_round_trips_with_its_checksum),
		cmocka_unit_test(a_message_shorter_than_its_header_is_refused),
		cmocka_unit_test(each_type_has_its_least_length),
		cmocka_unit_test(a_quoted_tcp_segment_gives_ports_and_sequence),
		cmocka_unit_test(quoted_udp_and_echo_give_what_they_have),
		cmocka_unit_test(a_lying_quote_is_refused),
		cmocka_unit_test(a_quoted_fragment_has_no_ports),
		cmocka_unit_test(a_length_attribute_bounds_the_quote_and_a_lying_one_does_not),
		cmocka_unit_test(random_quotes_stay_within_the_message),
	};
	return tapir_test_run("unit/wire/test_icmp", tests);
}
