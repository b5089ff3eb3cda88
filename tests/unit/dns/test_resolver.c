/*
 * The resolver whole, over its stack, the simulated link and servers: what only all parts together show.
 */
#include <errno.h>
#include <stdio.h>

#include "dns/addrinfo.h"
#include "tests/support/dnsworld.h"
#include "tests/unit/dns/names.h"

struct fix {
	struct dnsworld w;
	struct dns *d;
	unsigned ntold, nok;
	enum dns_status last;
	uint8_t source;
	unsigned naddrs;
	uint64_t told_ns;
};

static void begin(struct fix *f, unsigned nservers)
{
	struct dnsworld_conf wc;
	struct dns_conf c;

	memset(f, 0, sizeof(*f));
	dnsworld_conf_default(&wc, 9);
	wc.nservers = nservers;
	dnsworld_open(&f->w, &wc);
	dnsworld_zone(&f->w, "example", 300);
	dnsworld_any(&f->w, "any.example", 60, true);
	dns_conf_default(&c);
	c.nservers = nservers;
	for (unsigned i = 0; i < nservers; i++)
		c.server[i] = dnsworld_addr(&f->w, i);
	assert_int_equal(dns_create(&f->d, f->w.t, &f->w.env, &c, f->w.seed), 0);
	dnsworld_bind_dns(&f->w, f->d);
}

static void end(struct fix *f)
{
	dns_destroy(f->d);
	dnsworld_close(&f->w);
}

static void on_done(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct fix *f = ctx;

	(void)id;
	f->w.busy--;
	f->ntold++;
	f->nok += r->status == DNS_OK;
	f->last = r->status;
	f->source = r->story->source;
	f->told_ns = f->w.now_ns;
}

static void on_addrs(void *ctx, int64_t id, const struct dns_addrs *a)
{
	struct fix *f = ctx;

	(void)id;
	f->w.busy--;
	f->ntold++;
	f->nok += a->eai == 0;
	f->naddrs = a->n;
	f->told_ns = f->w.now_ns;
}

static void ask(struct fix *f, const char *name, uint16_t type)
{
	const struct dns_query q = {.q = {name_of(name), type, DNS_CLASS_IN},
				    .done = on_done,
				    .ctx = f};

	f->w.busy++;
	assert_true(dns_query(f->d, &q) > 0);
}

static void look_up(struct fix *f, const char *name)
{
	const struct dns_addrs_query q = {.node = name, .done = on_addrs, .ctx = f};

	f->w.busy++;
	assert_true(dns_addrs_query(f->d, &q) > 0);
}

TEST(what_is_truncated_and_has_no_tcp_behind_it_is_neither_told_nor_kept, "D1123-8 D2181-5")
{
	struct dns_reply r;
	uint64_t at = 0;
	uint32_t ttl;
	struct fix f;

	begin(&f, 1);
	dnsworld_habit(&f.w, 0)->tc_some = true;
	dnsworld_habit(&f.w, 0)->refuse_tcp = true;
	dnsworld_serve(&f.w, 0);
	ask(&f, "x.any.example", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, 30 * DNSWORLD_S));
	assert_int_equal(f.nok, 0);
	while (dns_cache_dump(f.d, &at, &r, &ttl))
		assert_int_not_equal(r.status, DNS_OK);
	dnsworld_habit(&f.w, 0)->refuse_tcp = false;
	dnsworld_serve(&f.w, 0);
	dnsworld_pass(&f.w, 60 * DNSWORLD_S);
	ask(&f, "x.any.example", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, 30 * DNSWORLD_S));
	assert_int_equal(f.last, DNS_OK);
	assert_true(dnsworld_count(&f.w, 0, true) >= 1);
	end(&f);
}

TEST(a_thousand_questions_at_once_are_all_answered, "D1123-4")
{
	static struct fix f;
	struct dns_stats st;
	char name[64];

	begin(&f, 2);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%u.any.example", i);
		ask(&f, name, DNS_TYPE_A);
	}
	assert_true(dnsworld_run(&f.w, 30 * DNSWORLD_S));
	assert_int_equal(f.nok, 1000);
	dns_stats_get(f.d, &st);
	assert_int_equal(st.outstanding, 0);
	assert_int_equal(st.cache_entries, 1000);
	end(&f);
}

TEST(one_server_of_three_is_enough, "D1123-5 D1123-17 D1034-7")
{
	struct fix f;
	char name[64];

	begin(&f, 3);
	dnsworld_habit(&f.w, 0)->silent = true;
	dnsworld_habit(&f.w, 1)->refuse = true;
	dnsworld_serve(&f.w, 1);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%u.any.example", i);
		look_up(&f, name);
		uint64_t began = f.w.now_ns;
		assert_true(dnsworld_run(&f.w, 30 * DNSWORLD_S));
		assert_int_equal(f.naddrs, 2);
		/* the dead ones cost the first question a little, and the others nothing */
		assert_true(f.told_ns - began <= (i ? 60 : 600) * DNSWORLD_MS);
	}
	assert_int_equal(f.nok, 20);
	end(&f);
}

TEST(a_resolver_without_memory_for_long_goes_on_when_there_is_some, "")
{
	struct fix f;

	begin(&f, 1);
	ask(&f, "a.any.example", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, 30 * DNSWORLD_S));
	f.w.alloc.fail_all = f.w.alloc.calls + 1;
	const struct dns_query q = {.q = {name_of("b.any.example"), DNS_TYPE_A, DNS_CLASS_IN},
				    .done = on_done,
				    .ctx = &f};
	assert_int_equal(dns_query(f.d, &q), -ENOMEM);
	dnsworld_pass(&f.w, 10 * DNSWORLD_S);
	f.w.alloc.fail_all = 0;
	ask(&f, "b.any.example", DNS_TYPE_A);
	assert_true(dnsworld_run(&f.w, 30 * DNSWORLD_S));
	assert_int_equal(f.nok, 2);
	end(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_truncated_and_has_no_tcp_behind_it_is_neither_told_nor_kept),
		cmocka_unit_test(a_thousand_questions_at_once_are_all_answered),
		cmocka_unit_test(one_server_of_three_is_enough),
		cmocka_unit_test(a_resolver_without_memory_for_long_goes_on_when_there_is_some),
	};

	return tapir_test_run("unit/dns/test_resolver", tests);
}
