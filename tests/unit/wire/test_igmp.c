/* IGMP: which version a query is, its source list, and the reports that answer it. */
#include "stack/wire/bytes.h"
#include "stack/wire/igmp.h"
#include "tests/unit/wire/exact.h"

static const uint8_t v3_query[20] = {0x11, 100, 0,   0, 239, 1, 2,   3, 0x0a, 0x8f,
				     0,	   2,	192, 0, 2,   1, 192, 0, 2,    2};

TEST(the_version_of_a_query_is_told_by_length_and_code, "")
{
	struct igmp_query q;
	uint8_t p[8] = {0x11, 0, 0, 0, 0, 0, 0, 0};

	assert_int_equal(igmp_query_decode(p, 8, &q), 8);
	assert_int_equal(q.version, 1);
	assert_int_equal(q.max_resp_ms, 10000);
	p[1] = 25;
	put_be32(p + 4, 0xef010203);
	assert_int_equal(igmp_query_decode(p, 8, &q), 8);
	assert_int_equal(q.version, 2);
	assert_int_equal(q.max_resp_ms, 2500);
	assert_int_equal(q.group, 0xef010203);
	assert_int_equal(igmp_query_decode(v3_query, 20, &q), 20);
	assert_int_equal(q.version, 3);
	assert_int_equal(q.max_resp_ms, 10000);
	assert_true(q.suppress);
	assert_int_equal(q.qrv, 2);
	assert_int_equal(q.qqi_s, 31 << 3);
	assert_int_equal(q.nsrc, 2);
	assert_int_equal(igmp_query_source(&q, 0), 0xc0000201);
	assert_int_equal(igmp_query_source(&q, 1), 0xc0000202);
	assert_panics(igmp_query_source(&q, 2));
}

TEST(a_truncated_query_is_refused, "")
{
	for (size_t n = 0; n <= 20; n++) {
		uint8_t *p = exact(v3_query, n);
		struct igmp_query q;
		int want = n < 8 ? WIRE_ESHORT : n == 8 ? 8 : n < 20 ? WIRE_ELEN : 20;

		assert_int_equal(igmp_query_decode(p, n, &q), want);
		exact_free(p);
	}
}

TEST(a_source_count_past_the_message_is_refused, "")
{
	struct igmp_query q;
	uint8_t p[20];

	memcpy(p, v3_query, 20);
	put_be16(p + 10, 3);
	assert_int_equal(igmp_query_decode(p, 20, &q), WIRE_ELEN);
	put_be16(p + 10, 65535);
	assert_int_equal(igmp_query_decode(p, 20, &q), WIRE_ELEN);
	put_be16(p + 10, 1); /* what follows is ignored */
	assert_int_equal(igmp_query_decode(p, 20, &q), 16);
	put_be16(p + 10, 0);
	assert_int_equal(igmp_query_decode(p, 12, &q), 12);
	p[0] = IGMP_REPORT_V2;
	assert_int_equal(igmp_query_decode(p, 20, &q), WIRE_ETYPE);
}

TEST(codes_are_small_numbers_or_floats, "")
{
	assert_int_equal(igmp_code_value(0), 0);
	assert_int_equal(igmp_code_value(127), 127);
	assert_int_equal(igmp_code_value(0x80), 128);
	assert_int_equal(igmp_code_value(0x81), 136);
	assert_int_equal(igmp_code_value(0x90), 256);
	assert_int_equal(igmp_code_value(0xff), 31 << 10);
}

TEST(reports_and_leaves_of_versions_1_and_2_are_byte_exact, "")
{
	static const uint8_t want[8] = {0x16, 0, 0xf9, 0xf9, 239, 1, 1, 4};
	struct igmp_hdr h;
	uint8_t p[8];

	assert_int_equal(igmp_encode(p, IGMP_REPORT_V2, 0xef010104), 8);
	assert_true(igmp_csum_ok(p, 8));
	assert_memory_equal(p, want, 8);
	assert_int_equal(igmp_hdr_decode(p, 8, &h), 8);
	assert_int_equal(h.type, IGMP_REPORT_V2);
	assert_int_equal(h.group, 0xef010104);
	assert_int_equal(igmp_hdr_decode(p, 7, &h), WIRE_ESHORT);
	p[5] ^= 1;
	assert_false(igmp_csum_ok(p, 8));
}

TEST(a_version_3_report_holds_what_fits, "")
{
	static const uint32_t src[2] = {0xc0000201, 0xc0000202};
	static const uint8_t want[24] = {0x22, 0, 0, 0, 0, 0, 0, 2, 4,	 0, 0, 0,
					 239,  1, 2, 3, 3, 0, 0, 0, 239, 1, 2, 4};
	struct igmp_report r;
	uint8_t p[40];

	assert_true(igmp_report_begin(&r, p, 31));
	assert_true(igmp_report_add(&r, IGMP_TO_EXCLUDE, 0xef010203, NULL, 0));
	assert_true(igmp_report_add(&r, IGMP_TO_INCLUDE, 0xef010204, NULL, 0));
	assert_false(igmp_report_add(&r, IGMP_TO_INCLUDE, 0xef010205, NULL, 0));
	assert_int_equal(igmp_report_end(&r), 24);
	assert_true(igmp_csum_ok(p, 24));
	put_be16(p + 2, 0);
	assert_memory_equal(p, want, 24);
	assert_false(igmp_report_begin(&r, p, 7));
	assert_true(igmp_report_begin(&r, p, 24));
	assert_true(igmp_report_add(&r, IGMP_ALLOW, 0xef010203, src, 2));
	assert_int_equal(igmp_report_end(&r), 24);
	assert_int_equal(get_be16(p + 10), 2);
	assert_int_equal(get_be32(p + 20), 0xc0000202);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_of_a_query_is_told_by_length_and_code),
		cmocka_unit_test(a_truncated_query_is_refused),
		cmocka_unit_test(a_source_count_past_the_message_is_refused),
		cmocka_unit_test(codes_are_small_numbers_or_floats),
		cmocka_unit_test(reports_and_leaves_of_versions_1_and_2_are_byte_exact),
		cmocka_unit_test(a_version_3_report_holds_what_fits),
	};
	return tapir_test_run("unit/wire/test_igmp", tests);
}
