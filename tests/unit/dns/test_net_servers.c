/*
 * Several servers (dns/net.h): who is asked first, who next and when, what a server's failure is.
 */
#include "tests/unit/dns/netfix.h"

#define WWW TAPIR_IP4(192, 0, 2, 80)

/* Which servers saw queries since, in order, as digits. */
static const char *order_of(const struct netfix *f, size_t since)
{
	static char s[64];
	size_t n = 0;

	for (size_t i = since; i < f->w.nseen && n + 1 < sizeof(s); i++)
		s[n++] = (char)('0' + f->w.seen[i].server);
	s[n] = 0;
	return s;
}

TEST(a_dead_server_adds_at_most_300_ms_once, "D1034-7 D1123-17 D1123-5")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;
	uint64_t took;

	dnsworld_habit(&f->w, 0)->silent = true;
	took = nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_in_range(took, 260 * NF_MS, 310 * NF_MS);
	/* The first may still answer. */
	nf_attempt(&a, 0, DNS_TRIED_PENDING, 1);
	nf_attempt(&a, 1, DNS_TRIED_ANSWERED, 1);
	nf_free(f, &a);
	for (unsigned i = 0; i < 200; i++) {
		took = nf_lookup(f, &a, "www.example.", 0);
		assert_in_range(took, 10 * NF_MS, 11 * NF_MS);
		nf_free(f, &a);
		dnsworld_pass(&f->w, 500 * NF_MS);
	}
	assert_true(nf_server(f, 0).dead);
	/* 100 s: after 1 s at first, then ever less often. */
	assert_in_range(dnsworld_count(&f->w, 0, false), 3, 10);
	assert_int_equal(nf_stats(f).hedges, 1);
	nf_end(f);
}

TEST(a_server_that_was_fast_and_falls_silent_is_passed_over_from_the_next_question_on, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;
	uint64_t took;

	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	dnsworld_habit(&f->w, 0)->silent = true;
	took = nf_lookup(f, &a, "www.example.", 0);
	assert_in_range(took, 60 * NF_MS, 61 * NF_MS);
	nf_free(f, &a);
	took = nf_lookup(f, &a, "www.example.", 0);
	assert_in_range(took, 10 * NF_MS, 11 * NF_MS);
	nf_free(f, &a);
	nf_end(f);
}

TEST(after_a_refusal_the_next_one_is_asked_at_once_though_another_is_waited_for, "D1123-17")
{
	struct netfix *f = nf_begin(3);
	struct dns_ask a;
	uint64_t took;

	dnsworld_habit(&f->w, 0)->silent = true;
	dnsworld_habit(&f->w, 1)->fail = true;
	dnsworld_habit(&f->w, 1)->rcode = DNS_RCODE_REFUSED;
	took = nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_in_range(took, 270 * NF_MS, 271 * NF_MS);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_server_that_comes_back_is_found_by_a_probe, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->silent = true;
	dnsworld_habit(&f->w, 1)->delay_ns = 60 * NF_MS;
	for (unsigned i = 0; i < 30; i++) {
		nf_lookup(f, &a, "www.example.", 0);
		nf_free(f, &a);
		dnsworld_pass(&f->w, NF_S);
	}
	assert_true(nf_server(f, 0).dead);
	dnsworld_habit(&f->w, 0)->silent = false;
	for (unsigned i = 0; i < 70; i++) {
		uint64_t took = nf_lookup(f, &a, "www.example.", 0);

		assert_true(took < 80 * NF_MS);
		nf_free(f, &a);
		dnsworld_pass(&f->w, NF_S);
	}
	assert_false(nf_server(f, 0).dead);
	/* And since it is the faster one, it is asked first again. */
	assert_in_range(nf_lookup(f, &a, "www.example.", 0), 10 * NF_MS, 11 * NF_MS);
	nf_free(f, &a);
	nf_end(f);
}

TEST(any_two_of_three_servers_may_be_dead, "D1123-5 D1034-7")
{
	for (unsigned alive = 0; alive < 3; alive++) {
		struct netfix *f = nf_begin(3);
		struct dns_ask a;

		for (unsigned i = 0; i < 3; i++)
			dnsworld_habit(&f->w, i)->silent = i != alive;
		assert_true(nf_lookup(f, &a, "www.example.", 0) < 600 * NF_MS);
		assert_int_equal(nf_ip4(&a), WWW);
		nf_free(f, &a);
		nf_end(f);
	}
}

TEST(all_servers_are_asked_before_one_is_asked_again, "D1035-15 D1035-14 DN-25")
{
	struct netfix *f = nf_begin(3);
	struct dns_ask a;

	for (unsigned i = 0; i < 3; i++)
		dnsworld_habit(&f->w, i)->silent = true;
	nf_form(f, &a, "www.example.", 0);
	a.attempts = 9;
	nf_send(f, &a);
	assert_true(dnsworld_run(&f->w, 30 * NF_S));
	assert_int_equal(a.status, DNS_TIMEOUT);
	assert_string_equal(order_of(f, 0), "012012012");
	for (unsigned i = 3; i < 9; i++) {
		uint64_t gap = nf_seen(f, i)->at_ns - nf_seen(f, i - 3)->at_ns;

		assert_in_range(gap, (i < 6 ? 1000 : 2000) * NF_MS, (i < 6 ? 1501 : 3001) * NF_MS);
	}
	assert_int_equal(a.story->nattempts, 3);
	nf_attempt(&a, 2, DNS_TRIED_TIMEOUT, 3);
	nf_free(f, &a);
	nf_end(f);
}

/* Many that were lost together do not go again together. */
TEST(questions_sent_at_once_are_sent_again_apart, "")
{
	enum { MANY = 64 };
	static struct dns_ask a[MANY];
	struct netfix *f = nf_begin(1);
	uint64_t first = UINT64_MAX, last = 0;

	dnsworld_habit(&f->w, 0)->silent = true;
	for (unsigned i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%u.example.", i);
		nf_form(f, &a[i], name, 0);
		a[i].attempts = 2;
		nf_send(f, &a[i]);
	}
	assert_true(dnsworld_run(&f->w, 30 * NF_S));
	for (unsigned i = MANY; i < 2 * MANY; i++) {
		first = nf_seen(f, i)->at_ns < first ? nf_seen(f, i)->at_ns : first;
		last = nf_seen(f, i)->at_ns > last ? nf_seen(f, i)->at_ns : last;
	}
	assert_true(last - first > 300 * NF_MS);
	for (unsigned i = 0; i < MANY; i++)
		nf_free(f, &a[i]);
	nf_end(f);
}

TEST(the_slow_first_one_may_still_answer_after_the_second_was_asked, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;
	uint64_t took;

	dnsworld_habit(&f->w, 0)->delay_ns = 300 * NF_MS;
	dnsworld_habit(&f->w, 1)->delay_ns = 500 * NF_MS;
	took = nf_lookup(f, &a, "www.example.", 0);
	assert_in_range(took, 310 * NF_MS, 311 * NF_MS);
	nf_attempt(&a, 0, DNS_TRIED_ANSWERED, 1);
	nf_attempt(&a, 1, DNS_TRIED_PENDING, 1);
	/* The query that was answered, not the last. */
	assert_int_equal(a.story->query[0] << 8 | a.story->query[1], nf_seen(f, 0)->id);
	nf_free(f, &a);
	/* The second one's answer comes later, is measured, and hurts nobody. */
	dnsworld_pass(&f->w, NF_S);
	assert_int_equal(nf_server(f, 1).failures, 0);
	assert_in_range(nf_server(f, 1).srtt_us, 510000, 511000);
	nf_end(f);
}

TEST(the_faster_server_is_asked_first, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->delay_ns = 280 * NF_MS;
	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	assert_string_equal(order_of(f, 0), "01");
	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	assert_string_equal(order_of(f, 2), "1");
	/* Unless the order is given. */
	nf_lookup(f, &a, "www.example.", DNS_Q_ONE_SERVER_FIRST);
	nf_free(f, &a);
	assert_int_equal(order_of(f, 3)[0], '0');
	nf_end(f);
}

TEST(with_rotate_each_question_begins_elsewhere, "D1034-7")
{
	struct netfix *f = nf_new(3);
	struct dns_ask a;

	f->conf.rotate = true;
	nf_start(f);
	for (unsigned i = 0; i < 6; i++) {
		nf_lookup(f, &a, "www.example.", 0);
		nf_free(f, &a);
	}
	assert_string_equal(order_of(f, 0), "012012");
	nf_end(f);
}

TEST(a_port_that_nobody_listens_on_sends_us_on_at_once, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;
	uint64_t took;

	dnsworld_habit(&f->w, 0)->refuse = true;
	dnsworld_serve(&f->w, 0);
	took = nf_lookup(f, &a, "www.example.", 0);
	assert_in_range(took, 20 * NF_MS, 21 * NF_MS);
	nf_attempt(&a, 0, DNS_TRIED_ICMP, 1);
	assert_int_equal(a.story->attempt[0].error, ECONNREFUSED);
	nf_free(f, &a);
	/* Both: told soon, for such a word may be forged and an answer still come; and as what. */
	dnsworld_habit(&f->w, 1)->refuse = true;
	dnsworld_serve(&f->w, 1);
	took = nf_lookup(f, &a, "www.example.", 0);
	assert_in_range(took, 60 * NF_MS, 330 * NF_MS);
	assert_int_equal(a.status, DNS_UNREACHABLE);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_probe_that_is_refused_counts_against_its_server_and_hurts_nobody, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;
	unsigned failures;

	dnsworld_habit(&f->w, 0)->refuse = true;
	dnsworld_serve(&f->w, 0);
	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	dnsworld_pass(&f->w, 2 * NF_S);
	failures = nf_server(f, 0).failures;
	assert_true(failures > 0);
	for (unsigned i = 1; i <= 3; i++) {
		assert_in_range(nf_lookup(f, &a, "www.example.", 0), 10 * NF_MS, 11 * NF_MS);
		assert_int_equal(nf_ip4(&a), WWW);
		nf_free(f, &a);
		/* Told by ICMP at once, not after the wait. */
		dnsworld_pass(&f->w, 100 * NF_MS);
		assert_int_equal(nf_server(f, 0).failures, failures + i);
		dnsworld_pass(&f->w, 70 * NF_S);
	}
	nf_end(f);
}

TEST(a_server_without_a_route_is_passed_over, "")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	f->conf.server[1] = f->conf.server[0];
	f->conf.server[0] = tapir_sockaddr_v4(TAPIR_IP4(198, 51, 100, 1), 53);
	f->conf.nservers = 2;
	assert_int_equal(dns_net_configure(f->n, &f->conf), 0);
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	nf_attempt(&a, 0, DNS_TRIED_ICMP, 0);
	assert_int_equal(a.story->attempt[0].error, ENETUNREACH);
	nf_free(f, &a);
	f->conf.nservers = 1;
	assert_int_equal(dns_net_configure(f->n, &f->conf), 0);
	assert_int_equal(nf_lookup(f, &a, "www.example.", 0), 0);
	assert_int_equal(a.status, DNS_UNREACHABLE);
	nf_free(f, &a);
	nf_end(f);
}

TEST(each_rcode_that_is_a_failure_sends_us_to_the_next_server, "D1035-6 D1123-17")
{
	static const struct {
		unsigned rcode;
		enum dns_status status;
	} rows[] = {
		{DNS_RCODE_FORMERR, DNS_FORMERR},
		{DNS_RCODE_SERVFAIL, DNS_SERVFAIL},
		{DNS_RCODE_NOTIMP, DNS_NOTIMP},
		{DNS_RCODE_REFUSED, DNS_REFUSED},
		{DNS_RCODE_YXDOMAIN, DNS_RCODE},
		{9, DNS_RCODE},
		{15, DNS_RCODE},
		{22, DNS_RCODE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct netfix *f = nf_begin(2);
		struct dns_ask a;
		uint64_t took;

		dnsworld_habit(&f->w, 0)->fail = true;
		dnsworld_habit(&f->w, 0)->rcode = rows[i].rcode;
		took = nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(a.status, DNS_OK);
		assert_in_range(took, 20 * NF_MS, 21 * NF_MS);
		nf_attempt(&a, 0, DNS_TRIED_RCODE, 1);
		assert_int_equal(a.story->attempt[0].rcode, rows[i].rcode);
		nf_free(f, &a);
		/* From both: told as what it is, with the reply. */
		dnsworld_habit(&f->w, 1)->fail = true;
		dnsworld_habit(&f->w, 1)->rcode = rows[i].rcode;
		took = nf_lookup(f, &a, "www.example.", 0);
		assert_in_range(took, 20 * NF_MS, 21 * NF_MS);
		assert_int_equal(a.status, rows[i].status);
		assert_int_equal(nf_rcode(&a), rows[i].rcode);
		nf_free(f, &a);
		/* As it came. */
		nf_lookup(f, &a, "www.example.", DNS_Q_RAW);
		assert_int_equal(a.status, DNS_OK);
		assert_int_equal(a.story->nattempts, 1);
		assert_int_equal(nf_rcode(&a), rows[i].rcode);
		nf_free(f, &a);
		nf_end(f);
	}
}

TEST(nxdomain_and_nodata_are_answers, "D2308-2")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;

	nf_lookup(f, &a, "none.example.", 0);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(nf_rcode(&a), DNS_RCODE_NXDOMAIN);
	nf_free(f, &a);
	nf_form(f, &a, "www.example.", 0);
	a.q.type = DNS_TYPE_MX;
	nf_send(f, &a);
	assert_true(dnsworld_run(&f->w, NF_S));
	assert_int_equal(a.status, DNS_OK);
	nf_free(f, &a);
	assert_string_equal(order_of(f, 0), "00");
	nf_end(f);
}

TEST(a_server_that_does_not_recurse_is_lame, "D1034-5 D2308-2")
{
	for (unsigned referral = 0; referral < 2; referral++) {
		struct netfix *f = nf_begin(2);
		struct dns_ask a;

		dnsworld_habit(&f->w, 0)->no_ra = !referral;
		dnsworld_habit(&f->w, 0)->referral = referral;
		nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(nf_ip4(&a), WWW);
		nf_attempt(&a, 0, DNS_TRIED_LAME, 1);
		nf_free(f, &a);
		/* Who asks for no recursion gets what there is. */
		nf_lookup(f, &a, "www.example.", DNS_Q_NO_RD);
		assert_int_equal(a.story->nattempts, 1);
		assert_int_equal(a.status, DNS_OK);
		nf_free(f, &a);
		dnsworld_habit(&f->w, 1)->no_ra = !referral;
		dnsworld_habit(&f->w, 1)->referral = referral;
		nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(a.status, DNS_BADREPLY);
		assert_non_null(a.reply);
		nf_free(f, &a);
		nf_end(f);
	}
}

TEST(a_failure_is_told_without_waiting_for_servers_that_are_dead, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;
	uint64_t took;

	dnsworld_habit(&f->w, 0)->silent = true;
	dnsworld_habit(&f->w, 1)->fail = true;
	dnsworld_habit(&f->w, 1)->rcode = DNS_RCODE_SERVFAIL;
	dnsworld_habit(&f->w, 1)->ede = 1 + 22;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_SERVFAIL);
	nf_free(f, &a);
	took = nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_SERVFAIL);
	assert_true(took < 500 * NF_MS);
	assert_int_equal(nf_rcode(&a), DNS_RCODE_SERVFAIL);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_question_for_one_server_asks_no_other, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;

	nf_form(f, &a, "www.example.", 0);
	a.server = dnsworld_addr(&f->w, 1);
	a.server.port = 0;
	nf_send(f, &a);
	assert_true(dnsworld_run(&f->w, NF_S));
	assert_int_equal(nf_ip4(&a), WWW);
	nf_free(f, &a);
	dnsworld_habit(&f->w, 1)->fail = true;
	dnsworld_habit(&f->w, 1)->rcode = DNS_RCODE_REFUSED;
	nf_form(f, &a, "www.example.", 0);
	a.server = dnsworld_addr(&f->w, 1);
	nf_send(f, &a);
	assert_true(dnsworld_run(&f->w, NF_S));
	assert_int_equal(a.status, DNS_REFUSED);
	nf_free(f, &a);
	assert_string_equal(order_of(f, 0), "11");
	nf_end(f);
}

TEST(records_of_many_servers_are_bounded, "")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	for (unsigned i = 0; i < 100; i++) {
		nf_form(f, &a, "www.example.", 0);
		a.server = tapir_sockaddr_v4(DNSWORLD_NS0, (uint16_t)(1000 + i));
		nf_send(f, &a);
		assert_true(dnsworld_run(&f->w, NF_S));
		assert_int_equal(a.status, DNS_UNREACHABLE);
		nf_free(f, &a);
	}
	assert_in_range(f->n->nservers, 1, DNS_SERVERS_MAX + DNS_SERVERS_KEPT);
	nf_end(f);
}

TEST(a_server_named_twice_is_one, "")
{
	struct netfix *f = nf_begin(1);
	struct dns_server_info s;

	f->conf.server[1] = f->conf.server[0];
	f->conf.nservers = 2;
	assert_int_equal(dns_net_configure(f->n, &f->conf), 0);
	assert_int_equal(dns_net_server(f->n, 1, &s), -ENOENT);
	nf_end(f);
}

TEST(questions_under_way_go_on_with_the_old_servers, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;

	nf_ask(f, &a, "www.example.", 0);
	f->conf.server[0] = f->conf.server[1];
	f->conf.nservers = 1;
	assert_int_equal(dns_net_configure(f->n, &f->conf), 0);
	assert_true(dnsworld_run(&f->w, NF_S));
	assert_int_equal(nf_ip4(&a), WWW);
	nf_free(f, &a);
	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	assert_string_equal(order_of(f, 0), "01");
	nf_end(f);
}

TEST(a_lost_query_is_made_up_for_within_the_bounds, "D1123-14")
{
	struct netfix *f = nf_new(1);
	unsigned ok = 0;

	nf_start(f);
	dnsworld_habit(&f->w, 0)->drop_ppm = 300000;
	for (unsigned i = 0; i < 100; i++) {
		struct dns_ask a;

		nf_form(f, &a, "www.example.", 0);
		a.attempts = 3;
		nf_send(f, &a);
		assert_true(dnsworld_run(&f->w, 30 * NF_S));
		ok += a.status == DNS_OK;
		nf_free(f, &a);
	}
	/* 0.3^3 = 2.7 % are lost three times. */
	assert_in_range(ok, 92, 100);
	nf_end(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_server_adds_at_most_300_ms_once),
		cmocka_unit_test(
			a_server_that_was_fast_and_falls_silent_is_passed_over_from_the_next_question_on),
		cmocka_unit_test(
			after_a_refusal_the_next_one_is_asked_at_once_though_another_is_waited_for),
		cmocka_unit_test(a_server_that_comes_back_is_found_by_a_probe),
		cmocka_unit_test(any_two_of_three_servers_may_be_dead),
		cmocka_unit_test(all_servers_are_asked_before_one_is_asked_again),
		cmocka_unit_test(questions_sent_at_once_are_sent_again_apart),
		cmocka_unit_test(the_slow_first_one_may_still_answer_after_the_second_was_asked),
		cmocka_unit_test(the_faster_server_is_asked_first),
		cmocka_unit_test(with_rotate_each_question_begins_elsewhere),
		cmocka_unit_test(a_port_that_nobody_listens_on_sends_us_on_at_once),
		cmocka_unit_test(
			a_probe_that_is_refused_counts_against_its_server_and_hurts_nobody),
		cmocka_unit_test(a_server_without_a_route_is_passed_over),
		cmocka_unit_test(each_rcode_that_is_a_failure_sends_us_to_the_next_server),
		cmocka_unit_test(nxdomain_and_nodata_are_answers),
		cmocka_unit_test(a_server_that_does_not_recurse_is_lame),
		cmocka_unit_test(a_failure_is_told_without_waiting_for_servers_that_are_dead),
		cmocka_unit_test(a_question_for_one_server_asks_no_other),
		cmocka_unit_test(records_of_many_servers_are_bounded),
		cmocka_unit_test(a_server_named_twice_is_one),
		cmocka_unit_test(questions_under_way_go_on_with_the_old_servers),
		cmocka_unit_test(a_lost_query_is_made_up_for_within_the_bounds),
	};

	return tapir_test_run("unit/dns/test_net_servers", tests);
}
