/*
 * One query's way: what is known here, the search list, CNAMEs over several replies, the cache, failures.
 */
#include "tests/unit/dns/fakenet.h"

/* ---- what is known here ---- */

TEST(an_address_is_answered_without_a_question, "D1123-18")
{
	struct world w;

	world_open(&w, NULL);
	struct got *g = at_once(&w, "192.0.2.99", DNS_TYPE_A, 0);
	assert_int_equal(g->status, DNS_OK);
	assert_int_equal(g->source, DNS_FROM_ADDRESS);
	assert_int_equal(tapir_addr_to_v4(&g->addr), TAPIR_IP4(192, 0, 2, 99));
	assert_int_equal(at_once(&w, "192.0.2.99", DNS_TYPE_AAAA, 0)->status, DNS_NODATA);
	g = at_once(&w, "2001:db8::7", DNS_TYPE_AAAA, DNS_Q_SEARCH);
	assert_int_equal(g->status, DNS_OK);
	assert_int_equal(g->addr.b[15], 7);
	/* names that begin like addresses are names */
	ask(&w, "3com.example", DNS_TYPE_A, 0);
	ask(&w, "1.2.3.4.example", DNS_TYPE_A, 0);
	ask(&w, "1.2.3.256", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 3);
	world_close(&w);
}

TEST(localhost_is_this_machine_and_nothing_else, "D6761-1")
{
	static const uint16_t others[] = {DNS_TYPE_MX, DNS_TYPE_TXT, DNS_TYPE_SRV, 65280};
	static const char *const names[] = {"localhost", "LocalHost", "foo.localhost",
					    "a.b.localhost"};
	struct world w;

	world_open(&w, NULL);
	/* whatever somebody wrote into the hosts file */
	assert_int_equal(dns_set_hosts(w.d, "192.0.2.9 localhost foo.localhost\n", 34), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct got *g = at_once(&w, names[i], DNS_TYPE_A, 0);

		assert_int_equal(g->status, DNS_OK);
		assert_int_equal(g->naddrs, 1);
		assert_int_equal(tapir_addr_to_v4(&g->addr), TAPIR_IP4(127, 0, 0, 1));
		g = at_once(&w, names[i], DNS_TYPE_AAAA, DNS_Q_SEARCH);
		assert_int_equal(g->naddrs, 1);
		assert_int_equal(g->addr.b[0] | g->addr.b[10], 0);
		assert_int_equal(g->addr.b[15], 1);
		for (unsigned k = 0; k < 4; k++) {
			g = at_once(&w, names[i], others[k], 0);
			assert_int_equal(g->status, DNS_NODATA);
			assert_int_equal(g->rcode, DNS_RCODE_NOERROR);
		}
	}
	struct got *g = at_once(&w, "1.0.0.127.in-addr.arpa", DNS_TYPE_PTR, 0);
	assert_int_equal(g->status, DNS_OK);
	assert_int_equal(g->answers, 1);
	world_close(&w);
}

TEST(invalid_onion_and_alt_do_not_exist_and_nobody_is_asked, "D6761-2 D7686-1")
{
	static const char *const names[] = {"invalid", "www.invalid", "onion",	   "abcd.onion",
					    "x.ONION", "alt",	      "wallet.alt"};
	struct dns_conf c;
	struct world w;

	world_conf(&c);
	c.nsearch = 1;
	c.search[0] = name_of("corp.example");
	world_open(&w, &c);
	for (unsigned i = 0; i < 7; i++) {
		struct got *g = at_once(&w, names[i], DNS_TYPE_A, 0);

		assert_int_equal(g->status, DNS_NXDOMAIN);
		assert_int_equal(g->rcode, DNS_RCODE_NXDOMAIN);
		/* nor is it told by the search list */
		assert_int_equal(at_once(&w, names[i], DNS_TYPE_TXT, DNS_Q_SEARCH)->status,
				 DNS_NXDOMAIN);
	}
	world_close(&w);
}

TEST(test_example_home_arpa_and_private_reverse_names_are_asked_for, "D6761-3 D6761-4 D8375-1")
{
	static const char *const names[] = {
		"host.test",	 "www.example",		  "example.com",
		"nas.home.arpa", "1.0.0.10.in-addr.arpa", "1.1.168.192.in-addr.arpa"};
	struct world w;

	world_open(&w, NULL);
	for (unsigned i = 0; i < 6; i++) {
		ask(&w, names[i], i < 4 ? DNS_TYPE_A : DNS_TYPE_PTR, 0);
		fake_asked(names[i], i < 4 ? DNS_TYPE_A : DNS_TYPE_PTR);
	}
	assert_int_equal(fake_asks, 6);
	world_close(&w);
}

static const char hosts_text[] = "192.0.2.1 one.example uno alias\n"
				 "192.0.2.2 one.example\n"
				 "2001:db8::5 six\n"
				 "# 192.0.2.3 comment\n";

TEST(names_of_the_hosts_file_are_not_asked_for, "")
{
	struct world w;

	world_open(&w, NULL);
	assert_int_equal(dns_set_hosts(w.d, hosts_text, sizeof(hosts_text) - 1), 0);
	struct got *g = at_once(&w, "One.Example", DNS_TYPE_A, 0);
	assert_int_equal(g->status, DNS_OK);
	assert_int_equal(g->source, DNS_FROM_HOSTS);
	assert_int_equal(g->naddrs, 2);
	assert_int_equal(tapir_addr_to_v4(&g->addr), TAPIR_IP4(192, 0, 2, 1));
	g = at_once(&w, "alias", DNS_TYPE_A, DNS_Q_SEARCH);
	assert_int_equal(g->naddrs, 1);
	assert_true(name_is(&g->canonical, "one.example"));
	/* of the other family it has none: that is known, too */
	assert_int_equal(at_once(&w, "uno", DNS_TYPE_AAAA, 0)->status, DNS_NODATA);
	assert_int_equal(at_once(&w, "six", DNS_TYPE_AAAA, 0)->addr.b[15], 5);
	g = at_once(&w, "2.2.0.192.in-addr.arpa", DNS_TYPE_PTR, 0);
	assert_int_equal(g->status, DNS_OK);
	assert_int_equal(g->answers, 1);
	/* it says nothing of other types */
	ask(&w, "one.example", DNS_TYPE_MX, 0);
	ask(&w, "comment", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 2);
	/* a new file takes the old one's place */
	assert_int_equal(dns_set_hosts(w.d, "192.0.2.8 new\n", 14), 0);
	assert_int_equal(at_once(&w, "new", DNS_TYPE_A, 0)->status, DNS_OK);
	ask(&w, "one.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 3);
	world_close(&w);
}

TEST(a_strangers_cname_does_not_point_at_what_only_this_machine_knows, "DN-27 D6761-1")
{
	static const char *const targets[] = {"localhost", "x.onion", "printer.local", "uno"};
	struct reply r;
	struct world w;
	char name[32];

	world_open(&w, NULL);
	dns_set_hosts(w.d, hosts_text, sizeof(hosts_text) - 1);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "evil%u.example", i);
		ask(&w, name, DNS_TYPE_A, 0);
		reply_to(&r, fake_asked(name, DNS_TYPE_A));
		reply_cname(&r, name, 60, targets[i]);
		reply_send(&w, &r);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(got(&w, i)->status, DNS_NXDOMAIN);
	/* a name that the hosts file has is asked of the servers like any other */
	assert_int_equal(w.ngot, 3);
	fake_asked("uno", DNS_TYPE_A);
	world_close(&w);
}

TEST(no_local_sends_whatever_it_is, "")
{
	struct world w;

	world_open(&w, NULL);
	dns_set_hosts(w.d, hosts_text, sizeof(hosts_text) - 1);
	ask(&w, "one.example", DNS_TYPE_A, DNS_Q_NO_LOCAL);
	ask(&w, "x.invalid", DNS_TYPE_A, DNS_Q_NO_LOCAL);
	ask(&w, "printer.local", DNS_TYPE_A, DNS_Q_NO_LOCAL);
	assert_int_equal(fake_asks, 3);
	world_close(&w);
}

TEST(with_no_aaaa_there_are_none_and_nobody_is_asked, "")
{
	struct dns_conf c;
	struct world w;

	world_conf(&c);
	c.no_aaaa = true;
	world_open(&w, &c);
	assert_int_equal(at_once(&w, "www.example", DNS_TYPE_AAAA, 0)->status, DNS_NODATA);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 1);
	world_close(&w);
}

/* ---- CNAMEs ---- */

TEST(a_chain_goes_on_over_replies, "D1034-3 D2308-1")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "a.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("a.example", DNS_TYPE_A));
	/* in the wrong order, too */
	reply_cname(&r, "b.example", 60, "c.example");
	reply_cname(&r, "a.example", 60, "b.example");
	reply_send(&w, &r);
	assert_int_equal(w.ngot, 0);
	reply_to(&r, fake_asked("c.example", DNS_TYPE_A));
	reply_cname(&r, "c.example", 30, "d.example");
	reply_a(&r, "d.example", 90, TAPIR_IP4(192, 0, 2, 4));
	reply_send(&w, &r);
	struct got *g = got(&w, 0);
	assert_int_equal(g->status, DNS_OK);
	assert_int_equal(g->answers, 4);
	assert_true(name_is(&g->canonical, "d.example"));
	assert_true(name_is(&g->asked.name, "a.example"));
	/* each question was cached apart, and together they answer again */
	assert_int_equal(at_once(&w, "a.example", DNS_TYPE_A, 0)->answers, 4);
	assert_int_equal(at_once(&w, "c.example", DNS_TYPE_A, 0)->answers, 2);
	pass(&w, 31 * SECOND);
	ask(&w, "a.example", DNS_TYPE_A, 0);
	assert_null(fake_find("a.example", DNS_TYPE_A));
	/* no such name at its end is about the last name, and the alias does exist */
	answer_nxdomain(&w, "c.example", DNS_TYPE_A, 60);
	g = got(&w, 3);
	assert_int_equal(g->status, DNS_NXDOMAIN);
	assert_int_equal(g->rcode, DNS_RCODE_NXDOMAIN);
	assert_true(name_is(&g->canonical, "c.example"));
	world_close(&w);
}

TEST(what_does_not_exist_behind_an_alias_leaves_the_names_below_the_alias_alone, "D2308-1")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "alias.example", DNS_TYPE_A, 0);
	reply_rcode(&r, fake_asked("alias.example", DNS_TYPE_A), DNS_RCODE_NXDOMAIN);
	reply_cname(&r, "alias.example", 60, "gone.example");
	reply_soa(&r, "example", 60, 60);
	reply_send(&w, &r);
	assert_int_equal(got(&w, 0)->status, DNS_NXDOMAIN);
	assert_int_equal(at_once(&w, "alias.example", DNS_TYPE_A, 0)->status, DNS_NXDOMAIN);
	ask(&w, "below.alias.example", DNS_TYPE_A, 0);
	ask(&w, "alias.example", DNS_TYPE_CNAME, 0);
	assert_int_equal(fake_asks, 3);
	world_close(&w);
}

TEST(circles_end_with_an_error_within_bounded_work, "D1034-4 DN-24")
{
	struct reply r;
	struct world w;
	char name[32], next[32];

	world_open(&w, NULL);
	/* itself, two in one reply, two in two replies */
	ask(&w, "self.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("self.example", DNS_TYPE_A));
	reply_cname(&r, "self.example", 60, "self.example");
	reply_send(&w, &r);
	assert_int_equal(got(&w, 0)->status, DNS_LOOP);
	ask(&w, "a.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("a.example", DNS_TYPE_A));
	reply_cname(&r, "a.example", 60, "b.example");
	reply_cname(&r, "b.example", 60, "a.example");
	reply_send(&w, &r);
	assert_int_equal(got(&w, 1)->status, DNS_LOOP);
	ask(&w, "c.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("c.example", DNS_TYPE_A));
	reply_cname(&r, "c.example", 60, "d.example");
	reply_send(&w, &r);
	reply_to(&r, fake_asked("d.example", DNS_TYPE_A));
	reply_cname(&r, "d.example", 60, "c.example");
	reply_send(&w, &r);
	assert_int_equal(got(&w, 2)->status, DNS_LOOP);
	/* one that never ends, a step a reply */
	ask(&w, "n0.example", DNS_TYPE_A, 0);
	unsigned before = fake_asks, steps = 0;
	for (; w.ngot == 3 && steps < 100; steps++) {
		snprintf(name, sizeof(name), "n%u.example", steps);
		snprintf(next, sizeof(next), "n%u.example", steps + 1);
		reply_to(&r, fake_asked(name, DNS_TYPE_A));
		reply_cname(&r, name, 60, next);
		reply_send(&w, &r);
	}
	assert_int_equal(got(&w, 3)->status, DNS_LOOP);
	assert_true(steps >= 8 && steps <= 20);
	assert_true(fake_asks - before <= 20);
	world_close(&w);
}

TEST(a_chain_of_eight_over_eight_replies_is_followed, "D1034-3")
{
	struct reply r;
	struct world w;
	char name[32], next[32];

	world_open(&w, NULL);
	ask(&w, "n0.example", DNS_TYPE_A, 0);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		snprintf(next, sizeof(next), "n%u.example", i + 1);
		reply_to(&r, fake_asked(name, DNS_TYPE_A));
		reply_cname(&r, name, 60, next);
		reply_send(&w, &r);
	}
	answer_a(&w, "n8.example", 60, TAPIR_IP4(192, 0, 2, 4));
	assert_int_equal(got(&w, 0)->status, DNS_OK);
	assert_int_equal(got(&w, 0)->answers, 9);
	world_close(&w);
}

/* ---- the search list ---- */

static void search_conf(struct dns_conf *c, unsigned ndots)
{
	world_conf(c);
	c->ndots = ndots;
	c->nsearch = 2;
	c->search[0] = name_of("one.test");
	c->search[1] = name_of("two.test");
}

/* All are said not to exist: the order in which they were asked for. */
static void expect_order(struct world *w, const char *const *names)
{
	for (; *names; names++) {
		assert_int_equal(w->ngot, 0);
		answer_nxdomain(w, *names, DNS_TYPE_A, 60);
	}
	assert_int_equal(got(w, 0)->status, DNS_NXDOMAIN);
}

TEST(a_name_with_fewer_dots_than_ndots_is_tried_with_the_list_first, "D1123-20 DN-33")
{
	static const char *const order[] = {"host.one.test", "host.two.test", "host", NULL};
	static const char *const order3[] = {"a.b.c.one.test", "a.b.c.two.test", "a.b.c", NULL};
	struct dns_conf c;
	struct world w;

	search_conf(&c, 1);
	world_open(&w, &c);
	ask(&w, "host", DNS_TYPE_A, DNS_Q_SEARCH);
	expect_order(&w, order);
	assert_int_equal(fake_asks, 3);
	world_close(&w);
	search_conf(&c, 3);
	world_open(&w, &c);
	ask(&w, "a.b.c", DNS_TYPE_A, DNS_Q_SEARCH);
	expect_order(&w, order3);
	world_close(&w);
}

TEST(a_name_with_ndots_dots_is_tried_as_it_is_first, "D1123-20 DN-33")
{
	static const char *const order[] = {"www.host", "www.host.one.test", "www.host.two.test",
					    NULL};
	struct dns_conf c;
	struct world w;

	search_conf(&c, 1);
	world_open(&w, &c);
	ask(&w, "www.host", DNS_TYPE_A, DNS_Q_SEARCH);
	expect_order(&w, order);
	world_close(&w);
}

TEST(without_the_flag_no_name_gets_a_domain, "DN-33 D1123-20")
{
	static const char *const names[] = {"host", "www.other", "a.b.c.d"};
	struct dns_conf c;
	struct world w;

	search_conf(&c, 15);
	world_open(&w, &c);
	for (unsigned i = 0; i < 3; i++) {
		ask(&w, names[i], DNS_TYPE_A, 0);
		answer_nxdomain(&w, names[i], DNS_TYPE_A, 60);
		assert_int_equal(got(&w, i)->status, DNS_NXDOMAIN);
	}
	assert_int_equal(fake_asks, 3);
	world_close(&w);
}

TEST(the_first_that_has_records_ends_the_search, "D1123-20")
{
	struct dns_conf c;
	struct world w;

	search_conf(&c, 1);
	world_open(&w, &c);
	ask(&w, "host", DNS_TYPE_A, DNS_Q_SEARCH);
	answer_nxdomain(&w, "host.one.test", DNS_TYPE_A, 60);
	answer_a(&w, "host.two.test", 60, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(got(&w, 0)->status, DNS_OK);
	assert_true(name_is(&got(&w, 0)->asked.name, "host.two.test"));
	assert_int_equal(fake_asks, 2);
	/* the whole way again, out of the cache */
	assert_true(name_is(&at_once(&w, "host", DNS_TYPE_A, DNS_Q_SEARCH)->asked.name,
			    "host.two.test"));
	world_close(&w);
}

TEST(a_name_that_exists_somewhere_has_no_data_rather_than_no_name, "D1123-19 D1123-20")
{
	struct dns_conf c;
	struct world w;

	search_conf(&c, 1);
	world_open(&w, &c);
	ask(&w, "host", DNS_TYPE_A, DNS_Q_SEARCH);
	answer_nodata(&w, "host.one.test", DNS_TYPE_A, 60);
	answer_nxdomain(&w, "host.two.test", DNS_TYPE_A, 60);
	answer_nxdomain(&w, "host", DNS_TYPE_A, 60);
	assert_int_equal(got(&w, 0)->status, DNS_NODATA);
	assert_int_equal(got(&w, 0)->rcode, DNS_RCODE_NOERROR);
	assert_true(name_is(&got(&w, 0)->asked.name, "host"));
	world_close(&w);
}

TEST(a_broken_domain_in_the_list_does_not_hide_the_others, "D1123-20")
{
	struct dns_conf c;
	struct world w;

	search_conf(&c, 1);
	world_open(&w, &c);
	ask(&w, "host", DNS_TYPE_A, DNS_Q_SEARCH);
	answer_fail(&w, "host.one.test", DNS_TYPE_A, DNS_SERVFAIL);
	answer_nxdomain(&w, "host.two.test", DNS_TYPE_A, 60);
	answer_nxdomain(&w, "host", DNS_TYPE_A, 60);
	/* but it may exist there: a soft error */
	assert_int_equal(got(&w, 0)->status, DNS_SERVFAIL);
	ask(&w, "other", DNS_TYPE_A, DNS_Q_SEARCH);
	answer_fail(&w, "other.one.test", DNS_TYPE_A, DNS_SERVFAIL);
	answer_a(&w, "other.two.test", 60, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(got(&w, 1)->status, DNS_OK);
	world_close(&w);
}

TEST(a_whole_name_whose_server_fails_is_not_told_to_others, "DN-33 D1123-20")
{
	struct dns_conf c;
	struct world w;

	search_conf(&c, 1);
	world_open(&w, &c);
	ask(&w, "secret.bank", DNS_TYPE_A, DNS_Q_SEARCH);
	answer_fail(&w, "secret.bank", DNS_TYPE_A, DNS_SERVFAIL);
	assert_int_equal(got(&w, 0)->status, DNS_SERVFAIL);
	ask(&w, "host", DNS_TYPE_A, DNS_Q_SEARCH);
	answer_fail(&w, "host.one.test", DNS_TYPE_A, DNS_TIMEOUT);
	assert_int_equal(got(&w, 1)->status, DNS_TIMEOUT);
	assert_int_equal(fake_asks, 2);
	world_close(&w);
}

TEST(a_name_too_long_for_one_domain_is_tried_with_the_next, "D1123-20 D1034-1")
{
	char label[250], longer[300];
	struct dns_conf c;
	struct world w;

	/* 244 octets: one domain of 8 fits, one of 60 does not */
	memset(label, 'a', sizeof(label));
	label[63] = label[127] = label[191] = '.';
	label[242] = '\0';
	search_conf(&c, 15);
	memset(longer, 'b', 40);
	memcpy(longer + 40, ".test", 6);
	c.search[0] = name_of(longer);
	c.search[1] = name_of("two.test");
	world_open(&w, &c);
	ask(&w, label, DNS_TYPE_A, DNS_Q_SEARCH);
	snprintf(longer, sizeof(longer), "%s.two.test", label);
	answer_a(&w, longer, 60, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(got(&w, 0)->status, DNS_OK);
	assert_int_equal(fake_asks, 1);
	world_close(&w);
}

TEST(the_list_may_change_or_go_under_a_search, "")
{
	struct dns_conf c, none;
	struct world w;

	search_conf(&c, 1);
	world_open(&w, &c);
	ask(&w, "host", DNS_TYPE_A, DNS_Q_SEARCH);
	fake_asked("host.one.test", DNS_TYPE_A);
	world_conf(&none);
	assert_int_equal(dns_configure(w.d, &none), 0);
	answer_nxdomain(&w, "host.one.test", DNS_TYPE_A, 60);
	for (unsigned i = 0; i < 3 && w.ngot == 0; i++)
		answer_nxdomain(&w, "host", DNS_TYPE_A, 60);
	assert_int_equal(got(&w, 0)->status, DNS_NXDOMAIN);
	world_close(&w);
}

/* ---- the cache ---- */

TEST(what_servers_say_that_are_no_longer_the_settings_is_not_kept, "")
{
	struct dns_conf c;
	struct world w;

	world_conf(&c);
	world_open(&w, &c);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	c.server[0].addr.b[15] ^= 1;
	assert_int_equal(dns_configure(w.d, &c), 0);
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(got(&w, 0)->status, DNS_OK);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 2);
	/* Nor does who asks under the new ones join a question to the old. */
	c.server[0].addr.b[15] ^= 1;
	assert_int_equal(dns_configure(w.d, &c), 0);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 3);
	world_close(&w);
}

TEST(an_answer_serves_for_its_ttl_and_no_longer, "D1035-18 D1123-6 D2181-2")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("www.example", DNS_TYPE_A));
	/* RFC 2181 5.2: unequal, the least counts */
	reply_a(&r, "www.example", 5, TAPIR_IP4(192, 0, 2, 1));
	reply_a(&r, "www.example", 50, TAPIR_IP4(192, 0, 2, 2));
	reply_send(&w, &r);
	assert_int_equal(got(&w, 0)->ttl_s, 5);
	for (unsigned i = 1; i < 5; i++) {
		pass(&w, SECOND);
		struct got *g = at_once(&w, "WWW.example", DNS_TYPE_A, 0);
		assert_int_equal(g->source, DNS_FROM_CACHE);
		assert_int_equal(g->naddrs, 2);
		assert_int_equal(g->age_s, i);
		assert_int_equal(g->ttl_s, 5 - i);
	}
	pass(&w, SECOND);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	fake_asked("www.example", DNS_TYPE_A);
	world_close(&w);
}

TEST(a_ttl_of_0_answers_once_and_one_of_the_top_bit_is_0, "D1123-1 D2181-4 DN-29")
{
	static const uint32_t ttls[] = {0, 0x80000000u, 0xffffffffu};
	struct world w;

	world_open(&w, NULL);
	for (unsigned i = 0; i < 3; i++) {
		ask(&w, "www.example", DNS_TYPE_A, 0);
		answer_a(&w, "www.example", ttls[i], TAPIR_IP4(192, 0, 2, 1));
		assert_int_equal(got(&w, i)->status, DNS_OK);
		assert_int_equal(fake_asks, i + 1);
	}
	world_close(&w);
}

TEST(negative_answers_serve_as_long_as_the_soa_says, "D1123-13 D2308-3 D2308-4")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "none.example", DNS_TYPE_A, 0);
	reply_rcode(&r, fake_asked("none.example", DNS_TYPE_A), DNS_RCODE_NXDOMAIN);
	reply_soa(&r, "example", 3600, 30);
	reply_send(&w, &r);
	pass(&w, 29 * SECOND);
	assert_int_equal(at_once(&w, "none.example", DNS_TYPE_A, 0)->status, DNS_NXDOMAIN);
	/* of any type, with its question as it was asked now */
	struct got *g = at_once(&w, "none.example", DNS_TYPE_MX, 0);
	assert_int_equal(g->status, DNS_NXDOMAIN);
	assert_int_equal(g->asked.type, DNS_TYPE_MX);
	pass(&w, 2 * SECOND);
	ask(&w, "none.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 2);
	/* without an SOA nothing says how long */
	answer_a(&w, "none.example", 0, TAPIR_IP4(192, 0, 2, 1));
	for (unsigned i = 0; i < 2; i++) {
		ask(&w, "no-soa.example", DNS_TYPE_A, 0);
		reply_rcode(&r, fake_asked("no-soa.example", DNS_TYPE_A), DNS_RCODE_NXDOMAIN);
		reply_send(&w, &r);
	}
	ask(&w, "nodata.example", DNS_TYPE_A, 0);
	answer_nodata(&w, "nodata.example", DNS_TYPE_A, 60);
	assert_int_equal(at_once(&w, "nodata.example", DNS_TYPE_A, 0)->status, DNS_NODATA);
	ask(&w, "nodata.example", DNS_TYPE_MX, 0);
	fake_asked("nodata.example", DNS_TYPE_MX);
	world_close(&w);
}

TEST(below_a_name_that_does_not_exist_there_is_nothing, "D8020-1")
{
	struct world w;

	world_open(&w, NULL);
	ask(&w, "a.example", DNS_TYPE_A, 0);
	answer_nxdomain(&w, "a.example", DNS_TYPE_A, 60);
	struct got *g = at_once(&w, "x.b.a.example", DNS_TYPE_TXT, 0);
	assert_int_equal(g->status, DNS_NXDOMAIN);
	assert_true(name_is(&g->canonical, "x.b.a.example"));
	assert_int_equal(g->rcode, DNS_RCODE_NXDOMAIN);
	ask(&w, "b.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 2);
	world_close(&w);
}

TEST(a_failure_is_not_asked_again_at_once_and_less_often_each_time,
     "D9520-2 D9520-3 D9520-4 D1123-12")
{
	struct world w;
	uint64_t lives[3];

	world_open(&w, NULL);
	for (unsigned i = 0; i < 3; i++) {
		ask(&w, "fail.example", DNS_TYPE_A, 0);
		answer_fail(&w, "fail.example", DNS_TYPE_A, DNS_SERVFAIL);
		uint64_t began = w.now;
		do {
			assert_int_equal(at_once(&w, "fail.example", DNS_TYPE_A, 0)->status,
					 DNS_SERVFAIL);
			pass(&w, SECOND / 2);
			w.ngot = 0;
			ask(&w, "fail.example", DNS_TYPE_A, 0);
			settle(&w);
			if (w.ngot == 0)
				break;
			w.ngot = 0;
		} while (w.now - began < 400 * SECOND);
		lives[i] = w.now - began;
		assert_true(lives[i] >= SECOND && lives[i] <= 300 * SECOND);
		answer_fail(&w, "fail.example", DNS_TYPE_A, DNS_SERVFAIL);
		pass(&w, lives[i] * 2);
	}
	assert_true(lives[1] > lives[0]);
	world_close(&w);
}

TEST(a_timeout_of_little_patience_says_nothing_to_others, "D9520-2")
{
	struct world w;

	world_open(&w, NULL);
	ask_for(&w, "www.example", DNS_TYPE_A, 0, 50);
	pass(&w, SECOND);
	assert_int_equal(got(&w, 0)->status, DNS_TIMEOUT);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 2);
	pass(&w, 10 * SECOND);
	assert_int_equal(got(&w, 1)->status, DNS_TIMEOUT);
	assert_int_equal(at_once(&w, "www.example", DNS_TYPE_A, 0)->status, DNS_TIMEOUT);
	world_close(&w);
}

TEST(no_cache_neither_looks_nor_keeps, "")
{
	struct world w;

	world_open(&w, NULL);
	ask(&w, "www.example", DNS_TYPE_A, DNS_Q_NO_CACHE);
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	ask(&w, "www.example", DNS_TYPE_A, 0);
	answer_a(&w, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	ask(&w, "www.example", DNS_TYPE_A, DNS_Q_NO_CACHE);
	assert_int_equal(fake_asks, 3);
	/* signatures and unchecked answers are not for those who did not ask for them */
	ask(&w, "www.example", DNS_TYPE_A, DNS_Q_DO);
	ask(&w, "www.example", DNS_TYPE_A, DNS_Q_CD);
	ask(&w, "www.example", DNS_TYPE_A, DNS_Q_RAW);
	assert_int_equal(fake_asks, 6);
	world_close(&w);
}

TEST(an_answer_near_its_end_is_renewed_once_in_the_background, "")
{
	struct dns_stats st;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	answer_a(&w, "www.example", 100, TAPIR_IP4(192, 0, 2, 1));
	pass(&w, 85 * SECOND);
	at_once(&w, "www.example", DNS_TYPE_A, 0);
	pass(&w, 10 * SECOND);
	for (unsigned i = 0; i < 3; i++) {
		ask(&w, "www.example", DNS_TYPE_A, 0);
		assert_int_equal(got(&w, 2 + i)->source, DNS_FROM_CACHE);
		assert_int_equal(fake_asks, 2);
	}
	dns_stats_get(w.d, &st);
	assert_int_equal(st.prefetches, 1);
	/* who comes after its end waits for it, instead of asking too */
	pass(&w, 6 * SECOND);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 2);
	answer_a(&w, "www.example", 100, TAPIR_IP4(192, 0, 2, 2));
	assert_int_equal(tapir_addr_to_v4(&got(&w, 5)->addr), TAPIR_IP4(192, 0, 2, 2));
	assert_int_equal(at_once(&w, "www.example", DNS_TYPE_A, 0)->ttl_s, 100);
	world_close(&w);
}

TEST(an_expired_answer_does_not_serve_unless_it_is_allowed, "D8767-1")
{
	struct dns_conf c;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	answer_a(&w, "www.example", 10, TAPIR_IP4(192, 0, 2, 1));
	pass(&w, 20 * SECOND);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	answer_fail(&w, "www.example", DNS_TYPE_A, DNS_SERVFAIL);
	assert_int_equal(got(&w, 1)->status, DNS_SERVFAIL);
	world_close(&w);

	world_conf(&c);
	c.stale_s = 3600;
	world_open(&w, &c);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	answer_a(&w, "www.example", 10, TAPIR_IP4(192, 0, 2, 1));
	pass(&w, 20 * SECOND);
	/* the servers are asked first */
	ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 2);
	answer_fail(&w, "www.example", DNS_TYPE_A, DNS_SERVFAIL);
	struct got *g = got(&w, 1);
	assert_int_equal(g->status, DNS_OK);
	assert_int_equal(g->source, DNS_FROM_STALE);
	assert_int_equal(g->ede, 3);
	assert_int_equal(g->age_s, 20);
	assert_int_equal(g->ttl_s, 30); /* RFC 8767 4 */
	/* and not again for 30 s */
	for (unsigned i = 0; i < 29; i++) {
		g = at_once(&w, "www.example", DNS_TYPE_A, 0);
		assert_int_equal(g->source, DNS_FROM_STALE);
		pass(&w, SECOND);
	}
	pass(&w, SECOND);
	unsigned n = w.ngot;
	ask(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 3);
	/* silence: after 1.8 s the old one serves, and the question goes on for the cache */
	uint64_t began = w.now;
	pass(&w, 3 * SECOND);
	g = got(&w, n);
	assert_int_equal(g->source, DNS_FROM_STALE);
	assert_int_equal(g->at_ns - began, 1800 * MILLI);
	answer_a(&w, "www.example", 10, TAPIR_IP4(192, 0, 2, 2));
	g = at_once(&w, "www.example", DNS_TYPE_A, 0);
	assert_int_equal(g->source, DNS_FROM_CACHE);
	assert_int_equal(tapir_addr_to_v4(&g->addr), TAPIR_IP4(192, 0, 2, 2));
	world_close(&w);
}

TEST(the_cache_is_shown_with_what_is_left_and_forgotten_by_name, "")
{
	struct dns_reply r;
	struct dns_name under = name_of("a.example");
	uint64_t at = 0;
	uint32_t ttl = 0;
	struct world w;
	unsigned n = 0;

	world_open(&w, NULL);
	ask(&w, "www.a.example", DNS_TYPE_A, 0);
	answer_a(&w, "www.a.example", 100, TAPIR_IP4(192, 0, 2, 1));
	ask(&w, "www.b.example", DNS_TYPE_A, 0);
	answer_nxdomain(&w, "www.b.example", DNS_TYPE_A, 60);
	ask(&w, "fail.example", DNS_TYPE_A, 0);
	answer_fail(&w, "fail.example", DNS_TYPE_A, DNS_SERVFAIL);
	pass(&w, 2 * SECOND);
	for (; dns_cache_dump(w.d, &at, &r, &ttl); n++) {
		if (name_is(&r.asked.name, "www.a.example")) {
			assert_int_equal(ttl, 98);
			assert_int_equal(r.status, DNS_OK);
			assert_non_null(r.msg);
		} else if (name_is(&r.asked.name, "www.b.example")) {
			assert_int_equal(r.status, DNS_NXDOMAIN);
		} else {
			assert_int_equal(r.status, DNS_SERVFAIL);
			assert_null(r.msg);
		}
	}
	assert_int_equal(n, 3);
	assert_int_equal(dns_cache_forget(w.d, &under), 1);
	ask(&w, "www.a.example", DNS_TYPE_A, 0);
	assert_int_equal(fake_asks, 4);
	assert_int_equal(dns_cache_forget(w.d, NULL), 2);
	world_close(&w);
}

/* ---- what is believed of an answer ---- */

TEST(ad_is_shown_only_where_the_way_is_trusted, "D4035-1")
{
	struct dns_conf c;
	struct reply r;
	struct world w;

	for (unsigned trust = 0; trust < 2; trust++) {
		world_conf(&c);
		c.trust_ad = trust;
		world_open(&w, &c);
		ask(&w, "www.example", DNS_TYPE_A, 0);
		struct dns_ask *a = fake_asked("www.example", DNS_TYPE_A);
		assert_int_equal(!!(a->flags & DNS_Q_AD), trust);
		assert_int_equal(a->flags & DNS_Q_DO, 0);
		reply_to(&r, a);
		r.b[3] |= DNS_AD;
		reply_a(&r, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
		reply_send(&w, &r);
		assert_int_equal(!!(got(&w, 0)->flags & DNS_AD), trust);
		assert_int_equal(!!(at_once(&w, "www.example", DNS_TYPE_A, 0)->flags & DNS_AD),
				 trust);
		world_close(&w);
	}
}

TEST(what_stands_beside_the_answer_answers_nothing, "D2181-3 D1035-18 D1035-19 DN-01 D4592-1")
{
	static const uint8_t evil[4] = {6, 6, 6, 6};
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "rand.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("rand.example", DNS_TYPE_A));
	reply_a(&r, "www.example", 60, TAPIR_IP4(6, 6, 6, 6));
	reply_a(&r, "*.example", 60, TAPIR_IP4(6, 6, 6, 6));
	reply_soa(&r, "example", 60, 60);
	reply_rr(&r, DNS_ADDITIONAL, "rand.example", DNS_TYPE_A, 60, evil, 4);
	reply_rr(&r, DNS_ADDITIONAL, "www.example", DNS_TYPE_A, 60, evil, 4);
	reply_send(&w, &r);
	assert_int_equal(got(&w, 0)->status, DNS_NODATA);
	assert_int_equal(got(&w, 0)->naddrs, 0);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	fake_asked("www.example", DNS_TYPE_A);
	world_close(&w);
}

TEST(records_of_another_class_answer_nothing, "D1035-17")
{
	static const uint8_t v4[4] = {6, 6, 6, 6};
	struct dns_name www = name_of("www.example");
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("www.example", DNS_TYPE_A));
	assert_int_equal(dns_enc_rr(&r.e, DNS_ANSWER, &www, DNS_TYPE_A, DNS_CLASS_CH, 60, v4, 4),
			 0);
	reply_a(&r, "www.example", 60, TAPIR_IP4(192, 0, 2, 1));
	reply_send(&w, &r);
	assert_int_equal(got(&w, 0)->naddrs, 1);
	assert_int_equal(tapir_addr_to_v4(&got(&w, 0)->addr), TAPIR_IP4(192, 0, 2, 1));
	world_close(&w);
}

TEST(every_question_is_of_class_in_unless_another_is_given, "D1123-2")
{
	struct dns_query q = {.q = {name_of("www.example"), DNS_TYPE_A, 0},
			      .done = on_done,
			      .ctx = NULL};
	struct dns_ask *a;
	struct world w;

	world_open(&w, NULL);
	q.ctx = &w;
	dns_query(w.d, &q);
	ask(&w, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, DNS_Q_SEARCH);
	ask(&w, "www.example", DNS_TYPE_ANY, 0);
	LIST_FOREACH (a, &fake_net->pending, struct dns_ask, node) {
		assert_int_equal(a->q.class, DNS_CLASS_IN);
	}
	q.q.class = DNS_CLASS_CH;
	dns_query(w.d, &q);
	assert_int_equal(LIST_LAST(&fake_net->pending, struct dns_ask, node)->q.class,
			 DNS_CLASS_CH);
	world_close(&w);
}

TEST(what_was_asked_for_counts_before_an_alias_beside_it, "D2181-6")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	for (unsigned order = 0; order < 2; order++) {
		const char *name = order ? "b.example" : "a.example";

		ask(&w, name, DNS_TYPE_A, 0);
		reply_to(&r, fake_asked(name, DNS_TYPE_A));
		if (order)
			reply_a(&r, name, 60, TAPIR_IP4(192, 0, 2, 1));
		reply_cname(&r, name, 60, "cdn.example");
		if (!order)
			reply_a(&r, name, 60, TAPIR_IP4(192, 0, 2, 1));
		reply_a(&r, "cdn.example", 60, TAPIR_IP4(192, 0, 2, 2));
		reply_send(&w, &r);
		assert_int_equal(got(&w, order)->status, DNS_OK);
		assert_int_equal(got(&w, order)->naddrs, 1);
		assert_int_equal(tapir_addr_to_v4(&got(&w, order)->addr), TAPIR_IP4(192, 0, 2, 1));
		assert_true(name_is(&got(&w, order)->canonical, name));
	}
	world_close(&w);
}

TEST(addresses_of_private_networks_are_dropped_on_demand, "DN-27")
{
	static const uint32_t inside[] = {TAPIR_IP4(127, 0, 0, 1),   TAPIR_IP4(10, 1, 2, 3),
					  TAPIR_IP4(0, 0, 0, 0),     TAPIR_IP4(169, 254, 1, 1),
					  TAPIR_IP4(192, 168, 0, 1), TAPIR_IP4(172, 31, 0, 1)};
	struct dns_conf c;
	struct reply r;
	struct world w;
	char name[32];

	world_conf(&c);
	c.filter_private = true;
	world_open(&w, &c);
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "evil%u.example", i);
		ask(&w, name, DNS_TYPE_A, 0);
		answer_a(&w, name, 60, inside[i]);
		assert_int_equal(got(&w, i)->status, DNS_NODATA);
		assert_int_equal(got(&w, i)->ede, 17);
		assert_int_equal(got(&w, i)->naddrs, 0);
	}
	ask(&w, "both.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("both.example", DNS_TYPE_A));
	reply_cname(&r, "both.example", 60, "cdn.example");
	reply_a(&r, "cdn.example", 60, TAPIR_IP4(10, 0, 0, 1));
	reply_a(&r, "cdn.example", 60, TAPIR_IP4(172, 32, 0, 1));
	reply_send(&w, &r);
	assert_int_equal(got(&w, 6)->naddrs, 1);
	assert_int_equal(got(&w, 6)->answers, 2);
	assert_int_equal(tapir_addr_to_v4(&got(&w, 6)->addr), TAPIR_IP4(172, 32, 0, 1));
	/* the machine's own say so */
	dns_set_hosts(w.d, "192.168.0.9 nas\n", 16);
	assert_int_equal(at_once(&w, "nas", DNS_TYPE_A, 0)->naddrs, 1);
	/* without the setting they are answers like any other */
	world_close(&w);
	world_open(&w, NULL);
	ask(&w, "evil.example", DNS_TYPE_A, 0);
	answer_a(&w, "evil.example", 60, inside[0]);
	assert_int_equal(got(&w, 0)->naddrs, 1);
	world_close(&w);
}

TEST(a_minimal_answer_to_any_is_given_as_it_is, "D8482-1")
{
	static const uint8_t hinfo[] = "\7RFC8482";
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "www.example", DNS_TYPE_ANY, 0);
	reply_to(&r, fake_asked("www.example", DNS_TYPE_ANY));
	reply_rr(&r, DNS_ANSWER, "www.example", DNS_TYPE_HINFO, 60, hinfo, 9);
	reply_send(&w, &r);
	assert_int_equal(got(&w, 0)->status, DNS_OK);
	assert_int_equal(got(&w, 0)->answers, 1);
	/* that there was no address in it means nothing */
	ask(&w, "www.example", DNS_TYPE_A, 0);
	fake_asked("www.example", DNS_TYPE_A);
	world_close(&w);
}

TEST(a_server_that_sends_us_elsewhere_has_not_answered, "D2308-2")
{
	struct dns_name ns = name_of("ns.example");
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("www.example", DNS_TYPE_A));
	reply_rr(&r, DNS_AUTHORITY, "example", DNS_TYPE_NS, 60, ns.b, ns.len);
	reply_send(&w, &r);
	assert_int_equal(got(&w, 0)->status, DNS_BADREPLY);
	world_close(&w);
}

TEST(no_more_than_max_records_are_kept, "D1035-20")
{
	static struct reply r;
	struct dns_conf c;
	struct world w;

	world_conf(&c);
	c.max_records = 16;
	world_open(&w, &c);
	ask(&w, "www.example", DNS_TYPE_A, 0);
	reply_to(&r, fake_asked("www.example", DNS_TYPE_A));
	for (unsigned i = 0; i < 200; i++)
		reply_a(&r, "www.example", 60, TAPIR_IP4(192, 0, 2, i));
	reply_send(&w, &r);
	assert_int_equal(got(&w, 0)->naddrs, 16);
	world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_answered_without_a_question),
		cmocka_unit_test(localhost_is_this_machine_and_nothing_else),
		cmocka_unit_test(invalid_onion_and_alt_do_not_exist_and_nobody_is_asked),
		cmocka_unit_test(test_example_home_arpa_and_private_reverse_names_are_asked_for),
		cmocka_unit_test(names_of_the_hosts_file_are_not_asked_for),
		cmocka_unit_test(a_strangers_cname_does_not_point_at_what_only_this_machine_knows),
		cmocka_unit_test(no_local_sends_whatever_it_is),
		cmocka_unit_test(with_no_aaaa_there_are_none_and_nobody_is_asked),
		cmocka_unit_test(a_chain_goes_on_over_replies),
		cmocka_unit_test(
			what_does_not_exist_behind_an_alias_leaves_the_names_below_the_alias_alone),
		cmocka_unit_test(circles_end_with_an_error_within_bounded_work),
		cmocka_unit_test(a_chain_of_eight_over_eight_replies_is_followed),
		cmocka_unit_test(a_name_with_fewer_dots_than_ndots_is_tried_with_the_list_first),
		cmocka_unit_test(a_name_with_ndots_dots_is_tried_as_it_is_first),
		cmocka_unit_test(without_the_flag_no_name_gets_a_domain),
		cmocka_unit_test(the_first_that_has_records_ends_the_search),
		cmocka_unit_test(a_name_that_exists_somewhere_has_no_data_rather_than_no_name),
		cmocka_unit_test(a_broken_domain_in_the_list_does_not_hide_the_others),
		cmocka_unit_test(a_whole_name_whose_server_fails_is_not_told_to_others),
		cmocka_unit_test(a_name_too_long_for_one_domain_is_tried_with_the_next),
		cmocka_unit_test(the_list_may_change_or_go_under_a_search),
		cmocka_unit_test(what_servers_say_that_are_no_longer_the_settings_is_not_kept),
		cmocka_unit_test(an_answer_serves_for_its_ttl_and_no_longer),
		cmocka_unit_test(a_ttl_of_0_answers_once_and_one_of_the_top_bit_is_0),
		cmocka_unit_test(negative_answers_serve_as_long_as_the_soa_says),
		cmocka_unit_test(below_a_name_that_does_not_exist_there_is_nothing),
		cmocka_unit_test(a_failure_is_not_asked_again_at_once_and_less_often_each_time),
		cmocka_unit_test(a_timeout_of_little_patience_says_nothing_to_others),
		cmocka_unit_test(no_cache_neither_looks_nor_keeps),
		cmocka_unit_test(an_answer_near_its_end_is_renewed_once_in_the_background),
		cmocka_unit_test(an_expired_answer_does_not_serve_unless_it_is_allowed),
		cmocka_unit_test(the_cache_is_shown_with_what_is_left_and_forgotten_by_name),
		cmocka_unit_test(ad_is_shown_only_where_the_way_is_trusted),
		cmocka_unit_test(what_stands_beside_the_answer_answers_nothing),
		cmocka_unit_test(records_of_another_class_answer_nothing),
		cmocka_unit_test(every_question_is_of_class_in_unless_another_is_given),
		cmocka_unit_test(what_was_asked_for_counts_before_an_alias_beside_it),
		cmocka_unit_test(addresses_of_private_networks_are_dropped_on_demand),
		cmocka_unit_test(a_minimal_answer_to_any_is_given_as_it_is),
		cmocka_unit_test(a_server_that_sends_us_elsewhere_has_not_answered),
		cmocka_unit_test(no_more_than_max_records_are_kept),
	};

	return tapir_test_run("unit/dns/test_lookup", tests);
}
