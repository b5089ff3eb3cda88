/*
 * A server's record (dns/server.h): latency, failures, what is remembered of it and for how long.
 */
#include "dns/server.h"
#include "tests/support/test.h"

#define S (1000 * DNS_MS)

static struct dns_server server(void)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 53), 53);
	struct dns_server s;

	dns_server_init(&s, &sa);
	return s;
}

TEST(latency_is_smoothed_as_tcp_smooths_its_round_trip, "")
{
	struct dns_server s = server();

	dns_server_answered(&s, 100 * DNS_MS, S);
	assert_int_equal(s.srtt_us, 100000);
	assert_int_equal(s.rttvar_us, 50000);
	dns_server_answered(&s, 20 * DNS_MS, S);
	/* RFC 6298 2.3: rttvar = 3/4 * 50 + 1/4 * 80, srtt = 7/8 * 100 + 1/8 * 20. */
	assert_int_equal(s.rttvar_us, 57500);
	assert_int_equal(s.srtt_us, 90000);
	/* One that was sent twice says that it lives, not how fast it is. */
	dns_server_answered(&s, 0, S);
	assert_int_equal(s.srtt_us, 90000);
	assert_int_equal(s.answered, 3);
}

TEST(an_old_latency_is_not_mixed_with_a_new_one, "")
{
	struct dns_server s = server();

	dns_server_answered(&s, 100 * DNS_MS, S);
	dns_server_answered(&s, 2 * DNS_MS, S + DNS_STALE_RTT_NS + 1);
	assert_int_equal(s.srtt_us, 2000);
}

TEST(the_hedge_lies_between_50_and_300_ms, "")
{
	struct dns_server s = server();

	assert_int_equal(dns_server_hedge_ns(&s), 250 * DNS_MS);
	dns_server_answered(&s, 1 * DNS_MS, S);
	assert_int_equal(dns_server_hedge_ns(&s), 50 * DNS_MS);
	s.srtt_us = 40000;
	s.rttvar_us = 10000;
	assert_int_equal(dns_server_hedge_ns(&s), 80 * DNS_MS);
	s.srtt_us = 4000000;
	assert_int_equal(dns_server_hedge_ns(&s), 300 * DNS_MS);
	dns_server_failed(&s, S);
	assert_int_equal(dns_server_hedge_ns(&s), 50 * DNS_MS);
}

TEST(the_same_server_is_asked_again_after_times_that_double, "D1123-14")
{
	struct dns_server s = server();

	assert_int_equal(dns_server_resend_ns(&s, 1), 1000 * DNS_MS);
	assert_int_equal(dns_server_resend_ns(&s, 2), 2000 * DNS_MS);
	assert_int_equal(dns_server_resend_ns(&s, 3), 4000 * DNS_MS);
	dns_server_answered(&s, 1 * DNS_MS, S);
	assert_int_equal(dns_server_resend_ns(&s, 1), 300 * DNS_MS);
	assert_int_equal(dns_server_resend_ns(&s, 2), 600 * DNS_MS);
}

TEST(one_that_is_late_counts_as_that_slow, "")
{
	struct dns_server s = server();

	dns_server_answered(&s, 1 * DNS_MS, S);
	dns_server_late(&s, 50 * DNS_MS);
	assert_int_equal(s.srtt_us, 50000);
	dns_server_late(&s, 20 * DNS_MS);
	assert_int_equal(s.srtt_us, 50000);
}

TEST(servers_are_sorted_by_failures_and_latency, "")
{
	struct dns_server a = server(), b = server(), c = server(), *s[3] = {&a, &b, &c};

	dns_server_answered(&a, 40 * DNS_MS, S);
	dns_server_answered(&b, 5 * DNS_MS, S);
	dns_server_answered(&c, 1 * DNS_MS, S);
	dns_server_failed(&c, S);
	dns_server_sort(s, 3, false);
	assert_ptr_equal(s[0], &b);
	assert_ptr_equal(s[1], &a);
	assert_ptr_equal(s[2], &c);
}

TEST(servers_about_as_fast_stay_in_the_order_given, "")
{
	struct dns_server a = server(), b = server(), *s[2] = {&a, &b};

	dns_server_answered(&a, 14 * DNS_MS, S);
	dns_server_answered(&b, 9 * DNS_MS, S);
	dns_server_sort(s, 2, false);
	assert_ptr_equal(s[0], &a);
	/* Unknown ones too: nobody is asked only to find out. */
	a = server();
	b = server();
	dns_server_sort(s, 2, false);
	assert_ptr_equal(s[0], &a);
}

TEST(with_rotation_only_failures_count, "")
{
	struct dns_server a = server(), b = server(), c = server(), *s[3] = {&a, &b, &c};

	dns_server_answered(&b, 200 * DNS_MS, S);
	dns_server_answered(&c, 1 * DNS_MS, S);
	dns_server_failed(&a, S);
	dns_server_sort(s, 3, true);
	assert_ptr_equal(s[0], &b);
	assert_ptr_equal(s[1], &c);
	assert_ptr_equal(s[2], &a);
}

TEST(one_that_fails_is_probed_ever_less_often_but_within_five_minutes, "D2308-6")
{
	struct dns_server s = server();
	uint64_t now = S;

	assert_false(dns_server_probe(&s, now));
	for (unsigned i = 0; i < 20; i++) {
		uint64_t wait = min_u64(DNS_PROBE_MIN_NS << min_u32(i, 16), DNS_PROBE_MAX_NS);

		dns_server_failed(&s, now);
		assert_int_equal(dns_server_dead(&s), i >= 1);
		assert_false(dns_server_probe(&s, now + wait - 1));
		now += wait;
		assert_true(wait < 300 * S);
		assert_true(dns_server_probe(&s, now));
		/* Not a second one while the first is out. */
		assert_false(dns_server_probe(&s, now));
	}
	/* Nor is a probe of which nothing was heard the last one for more than five minutes. */
	assert_true(dns_server_probe(&s, now + 300 * S));
	now += 300 * S;
	dns_server_answered(&s, DNS_MS, now);
	assert_false(dns_server_dead(&s));
	assert_int_equal(s.srtt_us, 1000);
}

TEST(one_that_was_passed_over_is_measured_once_a_minute, "")
{
	struct dns_server s = server();

	dns_server_answered(&s, 10 * DNS_MS, S);
	assert_false(dns_server_probe(&s, S + DNS_MEASURE_NS - 1));
	assert_true(dns_server_probe(&s, S + DNS_MEASURE_NS));
	assert_false(dns_server_probe(&s, S + DNS_MEASURE_NS + 1));
}

TEST(what_it_can_not_do_is_tried_again_after_a_while, "D6891-6 D9018-2")
{
	struct dns_server s = server();

	assert_true(dns_server_edns(&s, S) && dns_server_x20(&s, S) && dns_server_cookies(&s, S));
	dns_server_no_edns(&s, S);
	dns_server_cookie_none(&s, S);
	assert_false(dns_server_edns(&s, S + DNS_NO_EDNS_NS - 1));
	assert_true(dns_server_edns(&s, S + DNS_NO_EDNS_NS));
	assert_false(dns_server_cookies(&s, S + 300 * S - 1));
	assert_true(dns_server_cookies(&s, S + 300 * S));
}

TEST(not_keeping_the_case_is_believed_when_tcp_says_so_too, "D0x20-1")
{
	struct dns_server s = server();

	/* One odd reply over UDP may be forged. */
	dns_server_case(&s, false, S);
	assert_true(dns_server_x20(&s, S));
	dns_server_case_unkept(&s, S);
	assert_false(dns_server_x20(&s, S));
	assert_true(dns_server_x20(&s, S + DNS_NO_X20_NS));
	/* Odd ones again and again are the path's doing. */
	s = server();
	dns_server_case(&s, false, S);
	dns_server_case(&s, true, S);
	dns_server_case(&s, false, S);
	dns_server_case(&s, false, S);
	assert_true(dns_server_x20(&s, S));
	dns_server_case(&s, false, S);
	assert_false(dns_server_x20(&s, S));
}

TEST(each_server_and_each_address_of_ours_has_its_cookie, "D7873-1 D9018-1 D9018-3")
{
	struct siphash_key key = {1, 2}, other = {1, 3};
	struct tapir_addr us = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 1));
	struct tapir_addr moved = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 2));
	struct dns_server a = server(), b = server();
	uint8_t c[4][DNS_COOKIE_MAX], again[DNS_COOKIE_MAX];

	b.addr.addr = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 54));
	assert_int_equal(dns_server_cookie(&a, &us, &key, c[0]), 8);
	dns_server_cookie(&a, &us, &key, again);
	assert_memory_equal(c[0], again, 8);
	dns_server_cookie(&b, &us, &key, c[1]);
	dns_server_cookie(&a, &moved, &key, c[2]);
	dns_server_cookie(&a, &us, &other, c[3]);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(c[i], c[k], 8);
	}
}

TEST(the_servers_cookie_goes_with_ours_until_our_address_changes, "D9018-1")
{
	struct siphash_key key = {1, 2};
	struct tapir_addr us = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 1));
	struct tapir_addr moved = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 2));
	struct dns_server s = server();
	uint8_t c[DNS_COOKIE_MAX];

	dns_server_cookie_got(&s, &us, (const uint8_t *)"0123456789abcdef", 16);
	assert_int_equal(dns_server_cookie(&s, &us, &key, c), 24);
	assert_memory_equal(c + 8, "0123456789abcdef", 16);
	assert_int_equal(dns_server_cookie(&s, &moved, &key, c), 8);
	assert_int_equal(dns_server_cookie(&s, &us, &key, c), 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(latency_is_smoothed_as_tcp_smooths_its_round_trip),
		cmocka_unit_test(an_old_latency_is_not_mixed_with_a_new_one),
		cmocka_unit_test(the_hedge_lies_between_50_and_300_ms),
		cmocka_unit_test(the_same_server_is_asked_again_after_times_that_double),
		cmocka_unit_test(one_that_is_late_counts_as_that_slow),
		cmocka_unit_test(servers_are_sorted_by_failures_and_latency),
		cmocka_unit_test(servers_about_as_fast_stay_in_the_order_given),
		cmocka_unit_test(with_rotation_only_failures_count),
		cmocka_unit_test(one_that_fails_is_probed_ever_less_often_but_within_five_minutes),
		cmocka_unit_test(one_that_was_passed_over_is_measured_once_a_minute),
		cmocka_unit_test(what_it_can_not_do_is_tried_again_after_a_while),
		cmocka_unit_test(not_keeping_the_case_is_believed_when_tcp_says_so_too),
		cmocka_unit_test(each_server_and_each_address_of_ours_has_its_cookie),
		cmocka_unit_test(the_servers_cookie_goes_with_ours_until_our_address_changes),
	};

	return tapir_test_run("unit/dns/test_server", tests);
}
