/*
 * From a name to addresses: both types at once, one way through the search list, partial failure, POSIX's flags and codes, order, bounds.
 */
#include "dns/addrinfo.h"
#include "tests/unit/dns/fakenet.h"

static struct dns_addrs last;
static unsigned ntold;
static uint64_t told_ns;
static struct dns_story first_story;

static void on_addrs(void *ctx, int64_t id, const struct dns_addrs *a)
{
	struct world *w = ctx;

	assert_true(id > 0);
	last = *a;
	if (a->story[0])
		first_story = *a->story[0];
	ntold++;
	told_ns = w->now;
}

static int64_t look_up(struct world *w, const char *node, int family, int flags)
{
	const struct dns_addrs_query q = {
		.node = node, .family = family, .flags = flags, .done = on_addrs, .ctx = w};

	ntold = 0;
	memset(&last, 0xee, sizeof(last));
	return dns_addrs_query(w->d, &q);
}

static void answer_aaaa(struct world *w, const char *name, uint8_t tail)
{
	struct reply r;

	reply_to(&r, fake_asked(name, DNS_TYPE_AAAA));
	reply_aaaa(&r, name, 60, tail);
	reply_send(w, &r);
}

TEST(both_types_are_asked_for_at_once, "D1123-4")
{
	struct world w;

	world_open(&w, NULL);
	assert_true(look_up(&w, "www.example", DNS_AF_UNSPEC, 0) > 0);
	assert_int_equal(fake_asks, 2);
	assert_int_equal(ntold, 0);
	answer_aaaa(&w, "www.example", 1);
	assert_int_equal(ntold, 0);
	answer_a(&w, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
	assert_int_equal(ntold, 1);
	assert_int_equal(last.eai, DNS_EAI_OK);
	assert_int_equal(last.n, 2);
	/* RFC 6724 rule 1: what has no source is behind */
	assert_int_equal(last.addr[0].family, DNS_AF_INET);
	assert_int_equal(last.addr[1].family, DNS_AF_INET6);
	assert_true(last.has_canonical && name_is(&last.canonical, "www.example"));
	assert_int_equal(first_story.source, DNS_FROM_SERVER);
	/* and once more, by the cache alone */
	look_up(&w, "www.example.", DNS_AF_UNSPEC, 0);
	settle(&w);
	assert_int_equal(fake_asks, 2);
	assert_int_equal(last.n, 2);
	assert_int_equal(last.source, DNS_FROM_CACHE);
	world_close(&w);
}

TEST(one_family_asks_for_one_type, "")
{
	struct world w;

	world_open(&w, NULL);
	look_up(&w, "www.example", DNS_AF_INET, 0);
	assert_int_equal(fake_asks, 1);
	answer_a(&w, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
	assert_int_equal(last.n, 1);
	look_up(&w, "www.example", DNS_AF_INET6, 0);
	assert_int_equal(fake_asks, 2);
	answer_nodata(&w, "www.example", DNS_TYPE_AAAA, 60);
	assert_int_equal(last.eai, DNS_EAI_NODATA);
	/* mapped where there is none */
	look_up(&w, "www.example", DNS_AF_INET6, DNS_AI_V4MAPPED);
	settle(&w);
	assert_int_equal(last.n, 1);
	assert_int_equal(last.addr[0].family, DNS_AF_INET6);
	assert_int_equal(last.addr[0].addr.b[10], 0xff);
	world_close(&w);
}

TEST(all_has_mapped_addresses_beside_the_others, "")
{
	static const int flags[] = {DNS_AI_V4MAPPED, DNS_AI_V4MAPPED | DNS_AI_ALL};
	struct world w;

	for (unsigned i = 0; i < 2; i++) {
		world_open(&w, NULL);
		look_up(&w, "www.example", DNS_AF_INET6, flags[i]);
		answer_a(&w, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
		answer_aaaa(&w, "www.example", 1);
		assert_int_equal(last.n, 1 + i);
		world_close(&w);
	}
}

TEST(when_aaaa_is_late_the_a_records_wait_a_little_and_no_longer, "D1123-17")
{
	struct world w;

	world_open(&w, NULL);
	uint64_t began = w.now;
	look_up(&w, "www.example", DNS_AF_UNSPEC, 0);
	pass(&w, 20 * MILLI);
	answer_a(&w, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
	assert_int_equal(ntold, 0);
	pass(&w, 5 * SECOND);
	assert_int_equal(ntold, 1);
	assert_int_equal(told_ns - began, 20 * MILLI + 20 * MILLI + 50 * MILLI);
	assert_int_equal(last.eai, DNS_EAI_OK);
	assert_int_equal(last.n, 1);
	/* the other goes on for the cache: who comes next waits for nothing */
	answer_aaaa(&w, "www.example", 1);
	look_up(&w, "www.example", DNS_AF_UNSPEC, 0);
	settle(&w);
	assert_int_equal(last.n, 2);
	assert_int_equal(fake_asks, 2);
	world_close(&w);
}

TEST(when_a_is_late_aaaa_waits_for_it_as_the_stack_reaches_no_other, "")
{
	struct world w;

	world_open(&w, NULL);
	look_up(&w, "www.example", DNS_AF_UNSPEC, 0);
	answer_aaaa(&w, "www.example", 1);
	pass(&w, 4 * SECOND);
	assert_int_equal(ntold, 0);
	answer_a(&w, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
	assert_int_equal(last.n, 2);
	look_up(&w, "two.example", DNS_AF_UNSPEC, 0);
	answer_aaaa(&w, "two.example", 1);
	answer_fail(&w, "two.example", DNS_TYPE_A, DNS_SERVFAIL);
	/* one of both is an answer */
	assert_int_equal(last.eai, DNS_EAI_OK);
	assert_int_equal(last.n, 1);
	world_close(&w);
}

TEST(each_way_to_fail_has_its_code, "D1123-19 D1123-11")
{
	static const struct {
		enum dns_status status;
		int eai;
	} ends[] = {
		{DNS_SERVFAIL, DNS_EAI_AGAIN},	  {DNS_TIMEOUT, DNS_EAI_AGAIN},
		{DNS_UNREACHABLE, DNS_EAI_AGAIN}, {DNS_REFUSED, DNS_EAI_AGAIN},
		{DNS_FORMERR, DNS_EAI_FAIL},	  {DNS_NOTIMP, DNS_EAI_FAIL},
		{DNS_NOMEM, DNS_EAI_MEMORY},
	};
	struct world w;
	char name[32];

	world_open(&w, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		look_up(&w, name, DNS_AF_INET, 0);
		answer_fail(&w, name, DNS_TYPE_A, ends[i].status);
		assert_int_equal(last.eai, ends[i].eai);
		assert_int_equal(last.status, ends[i].status);
		assert_int_equal(last.n, 0);
	}
	look_up(&w, "none.example", DNS_AF_UNSPEC, 0);
	answer_nxdomain(&w, "none.example", DNS_TYPE_A, 60);
	answer_nxdomain(&w, "none.example", DNS_TYPE_AAAA, 60);
	assert_int_equal(last.eai, DNS_EAI_NONAME);
	look_up(&w, "nodata.example", DNS_AF_UNSPEC, 0);
	answer_nodata(&w, "nodata.example", DNS_TYPE_A, 60);
	answer_nodata(&w, "nodata.example", DNS_TYPE_AAAA, 60);
	assert_int_equal(last.eai, DNS_EAI_NODATA);
	/* a failure leaves open what the other said for certain */
	look_up(&w, "half.example", DNS_AF_UNSPEC, 0);
	answer_nodata(&w, "half.example", DNS_TYPE_A, 60);
	answer_fail(&w, "half.example", DNS_TYPE_AAAA, DNS_SERVFAIL);
	assert_int_equal(last.eai, DNS_EAI_AGAIN);
	world_close(&w);
}

TEST(both_types_walk_the_search_list_together, "D1123-20")
{
	struct dns_conf c;
	struct world w;

	world_conf(&c);
	c.nsearch = 2;
	c.search[0] = name_of("one.test");
	c.search[1] = name_of("two.test");
	world_open(&w, &c);
	look_up(&w, "host", DNS_AF_UNSPEC, 0);
	answer_nxdomain(&w, "host.one.test", DNS_TYPE_A, 60);
	/* not before both have said so */
	assert_null(fake_find("host.two.test", DNS_TYPE_A));
	answer_nxdomain(&w, "host.one.test", DNS_TYPE_AAAA, 60);
	answer_a(&w, "host.two.test", 60, TAPIR_IP4(10, 0, 0, 80));
	answer_nodata(&w, "host.two.test", DNS_TYPE_AAAA, 60);
	assert_int_equal(last.eai, DNS_EAI_OK);
	assert_true(name_is(&last.canonical, "host.two.test"));
	assert_int_equal(fake_asks, 4);
	/* a dot at the end: only that */
	look_up(&w, "box.", DNS_AF_INET, 0);
	assert_int_equal(fake_asks, 5);
	fake_asked("box", DNS_TYPE_A);
	world_close(&w);
}

TEST(the_machines_own_network_goes_first, "D1123-15")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	look_up(&w, "www.example", DNS_AF_INET, 0);
	reply_to(&r, fake_asked("www.example", DNS_TYPE_A));
	reply_a(&r, "www.example", 60, TAPIR_IP4(192, 0, 2, 80)); /* no route */
	reply_a(&r, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
	reply_send(&w, &r);
	assert_int_equal(last.n, 2);
	assert_int_equal(tapir_addr_to_v4(&last.addr[0].addr), TAPIR_IP4(10, 0, 0, 80));
	world_close(&w);
}

TEST(the_machines_own_network_goes_before_what_is_behind_a_gateway, "D1123-15")
{
	const struct tapir_route all = {.gw = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 254))};
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	assert_int_equal(tapir_route_add(w.t, &all), 0);
	look_up(&w, "www.example", DNS_AF_INET, 0);
	reply_to(&r, fake_asked("www.example", DNS_TYPE_A));
	reply_a(&r, "www.example", 60, TAPIR_IP4(192, 0, 2, 80));
	reply_a(&r, "www.example", 60, TAPIR_IP4(198, 51, 100, 80));
	reply_a(&r, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
	reply_send(&w, &r);
	assert_int_equal(last.n, 3);
	assert_int_equal(tapir_addr_to_v4(&last.addr[0].addr), TAPIR_IP4(10, 0, 0, 80));
	assert_int_equal(tapir_addr_to_v4(&last.addr[1].addr), TAPIR_IP4(192, 0, 2, 80));
	world_close(&w);
}

TEST(addrconfig_asks_only_for_what_can_be_reached, "")
{
	struct world w;

	world_open(&w, NULL);
	look_up(&w, "www.example", DNS_AF_UNSPEC, DNS_AI_ADDRCONFIG);
	assert_int_equal(fake_asks, 1);
	answer_a(&w, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
	assert_int_equal(last.n, 1);
	look_up(&w, "www.example", DNS_AF_INET6, DNS_AI_ADDRCONFIG);
	settle(&w);
	assert_int_equal(last.eai, DNS_EAI_NONAME);
	assert_int_equal(fake_asks, 1);
	world_close(&w);
}

TEST(localhost_is_there_for_addrconfig_too_where_nothing_else_is, "D6761-1")
{
	const struct tapir_addr us = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 1));
	struct world w;

	world_open(&w, NULL);
	for (int i = TAPIR_LOOPBACK + 1; i < 8; i++)
		tapir_addr_del(w.t, i, &us);
	look_up(&w, "www.example", DNS_AF_UNSPEC, DNS_AI_ADDRCONFIG);
	settle(&w);
	assert_int_equal(last.eai, DNS_EAI_NONAME);
	look_up(&w, "localhost", DNS_AF_UNSPEC, DNS_AI_ADDRCONFIG);
	settle(&w);
	assert_int_equal(last.eai, DNS_EAI_OK);
	assert_int_equal(last.n, 1);
	assert_int_equal(tapir_addr_to_v4(&last.addr[0].addr), TAPIR_IP4(127, 0, 0, 1));
	assert_int_equal(fake_asks, 0);
	world_close(&w);
}

TEST(any_number_of_addresses_is_cut_to_64, "D1035-20 DN-08 DN-09")
{
	static const unsigned counts[] = {1, 47, 48, 49, 63, 64, 65, 200};
	static struct reply r;
	struct world w;
	char name[32];

	world_open(&w, NULL);
	for (unsigned k = 0; k < ARRAY_SIZE(counts); k++) {
		snprintf(name, sizeof(name), "n%u.example", counts[k]);
		look_up(&w, name, DNS_AF_UNSPEC, 0);
		reply_to(&r, fake_asked(name, DNS_TYPE_A));
		for (unsigned i = 0; i < counts[k] / 2; i++)
			reply_a(&r, name, 60, TAPIR_IP4(10, 0, 1, i));
		reply_soa(&r, ".", 60, 60);
		reply_send(&w, &r);
		reply_to(&r, fake_asked(name, DNS_TYPE_AAAA));
		for (unsigned i = counts[k] / 2; i < counts[k] && i < 256; i++)
			reply_aaaa(&r, name, 60, (uint8_t)i);
		if (r.e.len < REPLY_MAX - 100)
			reply_soa(&r, ".", 60, 60);
		reply_send(&w, &r);
		assert_int_equal(ntold, 1);
		assert_int_equal(last.eai, DNS_EAI_OK);
		assert_int_equal(last.n, counts[k] < 64 ? counts[k] : 64);
	}
	world_close(&w);
}

TEST(aliases_and_addresses_in_any_order_are_told_apart, "DN-12")
{
	static struct reply r;
	struct world w;
	char name[32], next[32];

	world_open(&w, NULL);
	look_up(&w, "n0.example", DNS_AF_INET, 0);
	reply_to(&r, fake_asked("n0.example", DNS_TYPE_A));
	for (unsigned i = 0; i < 60; i++)
		reply_a(&r, "n10.example", 60, TAPIR_IP4(10, 0, 1, i));
	for (unsigned i = 10; i-- > 0;) {
		snprintf(name, sizeof(name), "n%u.example", i);
		snprintf(next, sizeof(next), "n%u.example", i + 1);
		reply_cname(&r, name, 60, next);
	}
	reply_send(&w, &r);
	assert_int_equal(last.n, 60);
	assert_true(name_is(&last.canonical, "n10.example"));
	world_close(&w);
}

TEST(a_canonical_name_that_is_no_host_is_refused, "DN-13")
{
	/* NUL, blank, quote, newline, <script> */
	static const char *const bad[] = {"\1\0", "\3a b", "\3'x'", "\3a\nb", "\10<script>"};
	static const uint8_t lens[] = {2, 4, 4, 4, 9}, v4[] = {10, 0, 0, 1};
	struct dns_name target;
	struct reply r;
	struct world w;
	char name[32];

	world_open(&w, NULL);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "evil%u.example", i);
		look_up(&w, name, DNS_AF_INET, DNS_AI_CANONNAME);
		memset(&target, 0, sizeof(target));
		memcpy(target.b, bad[i], lens[i]);
		target.len = (uint8_t)(lens[i] + 1);
		reply_to(&r, fake_asked(name, DNS_TYPE_A));
		reply_rr(&r, DNS_ANSWER, name, DNS_TYPE_CNAME, 60, target.b, target.len);
		assert_int_equal(dns_enc_rr(&r.e, DNS_ANSWER, &target, DNS_TYPE_A, DNS_CLASS_IN, 60,
					    v4, 4),
				 0);
		reply_send(&w, &r);
		assert_int_equal(last.eai, DNS_EAI_FAIL);
		assert_int_equal(last.n, 0);
		assert_false(last.has_canonical);
	}
	world_close(&w);
}

TEST(arguments_that_are_none_are_refused, "")
{
	struct dns_addrs_query q = {.node = "x", .done = on_addrs};
	struct world w;

	world_open(&w, NULL);
	q.family = 1;
	assert_int_equal(dns_addrs_query(w.d, &q), -EINVAL);
	q.family = 0;
	q.flags = 0x4000;
	assert_int_equal(dns_addrs_query(w.d, &q), -EINVAL);
	q.flags = 0;
	q.node = NULL;
	assert_int_equal(dns_addrs_query(w.d, &q), -EINVAL);
	q.node = "x";
	q.done = NULL;
	assert_int_equal(dns_addrs_query(w.d, &q), -EINVAL);
	world_close(&w);
}

TEST(a_lookup_may_be_cancelled_at_any_moment, "")
{
	struct world w;

	for (unsigned k = 0; k < 3; k++) {
		world_open(&w, NULL);
		int64_t id = look_up(&w, "www.example", DNS_AF_UNSPEC, 0);

		if (k > 0)
			answer_aaaa(&w, "www.example", 1);
		if (k > 1) {
			struct reply r;

			/* over, and not told of yet */
			reply_to(&r, fake_asked("www.example", DNS_TYPE_A));
			reply_a(&r, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
			reply_end(&r, DNS_OK);
		}
		assert_int_equal(dns_cancel(w.d, id), 0);
		assert_int_equal(dns_cancel(w.d, id), -ENOENT);
		pass(&w, 30 * SECOND);
		assert_int_equal(ntold, 0);
		world_close(&w);
	}
}

TEST(memory_may_fail_at_any_moment_of_a_lookup, "")
{
	struct dns_ask *a;
	struct world w;
	bool more = true;

	for (uint64_t k = 1; more; k++) {
		world_open(&w, NULL);
		w.alloc.fail_at = w.alloc.calls + k;
		int64_t id = look_up(&w, "www.example", DNS_AF_UNSPEC, 0);
		settle(&w);
		if ((a = fake_find("www.example", DNS_TYPE_AAAA)))
			answer_aaaa(&w, "www.example", 1);
		if ((a = fake_find("www.example", DNS_TYPE_A)))
			answer_a(&w, "www.example", 60, TAPIR_IP4(10, 0, 0, 80));
		pass(&w, 30 * SECOND);
		assert_int_equal(ntold, id > 0);
		more = w.alloc.failed > 0;
		world_close(&w);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_types_are_asked_for_at_once),
		cmocka_unit_test(one_family_asks_for_one_type),
		cmocka_unit_test(all_has_mapped_addresses_beside_the_others),
		cmocka_unit_test(when_aaaa_is_late_the_a_records_wait_a_little_and_no_longer),
		cmocka_unit_test(when_a_is_late_aaaa_waits_for_it_as_the_stack_reaches_no_other),
		cmocka_unit_test(each_way_to_fail_has_its_code),
		cmocka_unit_test(both_types_walk_the_search_list_together),
		cmocka_unit_test(the_machines_own_network_goes_first),
		cmocka_unit_test(the_machines_own_network_goes_before_what_is_behind_a_gateway),
		cmocka_unit_test(addrconfig_asks_only_for_what_can_be_reached),
		cmocka_unit_test(localhost_is_there_for_addrconfig_too_where_nothing_else_is),
		cmocka_unit_test(any_number_of_addresses_is_cut_to_64),
		cmocka_unit_test(aliases_and_addresses_in_any_order_are_told_apart),
		cmocka_unit_test(a_canonical_name_that_is_no_host_is_refused),
		cmocka_unit_test(arguments_that_are_none_are_refused),
		cmocka_unit_test(a_lookup_may_be_cancelled_at_any_moment),
		cmocka_unit_test(memory_may_fail_at_any_moment_of_a_lookup),
	};

	return tapir_test_run("unit/dns/test_addrinfo", tests);
}
