/*
 * The cache of answers: lives, negative answers, failures, what contradicts what, the limit in bytes.
 */
#include <errno.h>
#include <stdio.h>

#include "dns/dns.h"
#include "tests/unit/dns/cache_fix.h"

/* A message of `len` octets with so many records in answer and authority section, and a tag. */
static int put_msg(struct fix *f, struct dns_question q, enum dns_cache_kind kind, uint32_t ttl,
		   unsigned answers, unsigned authority, uint32_t tag, size_t len)
{
	struct dns_cached in = {.kind = kind, .msg = f->msg, .len = len, .ttl_s = ttl};

	memset(f->msg, 0, len);
	f->msg[7] = (uint8_t)answers;
	f->msg[9] = (uint8_t)authority;
	memcpy(f->msg + 12, &tag, sizeof(tag));
	return dns_cache_put(f->c, &q, &in, f->now);
}

static void put(struct fix *f, const char *name, uint16_t type, enum dns_cache_kind kind,
		uint32_t ttl)
{
	bool negative = kind != DNS_CACHED_ANSWER;

	assert_int_equal(put_msg(f, ask(name, type), kind, ttl, !negative, negative, ttl, 60), 0);
	dns_cache_check(f->c);
}

static void put_failure(struct fix *f, const char *name, uint16_t type, int status)
{
	struct dns_question q = ask(name, type);
	struct dns_cached in = {.kind = DNS_CACHED_FAILURE, .status = status, .ede = 23};

	assert_int_equal(dns_cache_put(f->c, &q, &in, f->now), 0);
	dns_cache_check(f->c);
}

static bool get(struct fix *f, const char *name, uint16_t type)
{
	struct dns_question q = ask(name, type);
	bool yes = dns_cache_get(f->c, &q, f->now, false, &f->got);

	dns_cache_check(f->c);
	return yes;
}

static bool get_stale(struct fix *f, const char *name, uint16_t type)
{
	struct dns_question q = ask(name, type);

	return dns_cache_get(f->c, &q, f->now, true, &f->got);
}

static void assert_got(struct fix *f, enum dns_cache_kind kind, uint32_t ttl, uint32_t age)
{
	assert_int_equal(f->got.kind, kind);
	assert_int_equal(f->got.ttl_s, ttl);
	assert_int_equal(f->got.age_s, age);
}

TEST(an_answer_serves_until_its_ttl_is_over_counting_down, "D1035-18 D1123-6")
{
	struct fix *f = fix_plain();

	put(f, "www.example", A, DNS_CACHED_ANSWER, 5);
	assert_true(get(f, "www.example", A));
	assert_got(f, DNS_CACHED_ANSWER, 5, 0);
	assert_int_equal(f->got.len, 60);
	f->now += 2 * S + S / 2;
	assert_true(get(f, "www.example", A));
	assert_got(f, DNS_CACHED_ANSWER, 3, 2);
	f->now += 2 * S + S / 2 - 1;
	assert_true(get(f, "www.example", A));
	assert_got(f, DNS_CACHED_ANSWER, 1, 4);
	f->now += 1;
	assert_false(get(f, "www.example", A));
	struct dns_cache_stats st;
	dns_cache_stats(f->c, &st);
	assert_int_equal(st.hits, 3);
	assert_int_equal(st.misses, 1);
	assert_int_equal(st.entries, 0); /* met, thus gone */
	fix_end(f);
}

TEST(ttl_zero_is_never_kept, "D1123-1 D1035-18")
{
	struct dns_cache_conf conf = {.max_bytes = 1 << 16, .min_ttl_s = 60};
	struct fix *f = fix_new(&conf);

	put(f, "www.example", A, DNS_CACHED_ANSWER, 0);
	assert_false(get(f, "www.example", A));
	/* What was there is not true any more either. */
	put(f, "www.example", A, DNS_CACHED_ANSWER, 100);
	put(f, "www.example", A, DNS_CACHED_ANSWER, 0);
	assert_false(get(f, "www.example", A));
	fix_end(f);
}

TEST(ttls_are_held_between_their_bounds, "D2181-4 DN-29")
{
	struct dns_cache_conf conf = {.max_bytes = 1 << 16, .min_ttl_s = 30};
	struct fix *f = fix_new(&conf);

	put(f, "a.example", A, DNS_CACHED_ANSWER, 0x7fffffff);
	assert_true(get(f, "a.example", A));
	assert_got(f, DNS_CACHED_ANSWER, 86400, 0);
	put(f, "b.example", A, DNS_CACHED_ANSWER, 0x80000000);
	assert_false(get(f, "b.example", A));
	put(f, "b.example", A, DNS_CACHED_ANSWER, 0xffffffff);
	assert_false(get(f, "b.example", A));
	put(f, "c.example", A, DNS_CACHED_ANSWER, 1);
	assert_true(get(f, "c.example", A));
	assert_got(f, DNS_CACHED_ANSWER, 30, 0);
	put(f, "d.example", A, DNS_CACHED_ANSWER, 86401);
	f->now += 86400 * S;
	assert_false(get(f, "a.example", A));
	assert_false(get(f, "d.example", A));
	fix_end(f);
}

TEST(clock_at_its_ends_does_no_harm, "DN-29")
{
	struct dns_cache_conf conf = {.max_bytes = 1 << 16,
				      .max_ttl_s = UINT32_MAX,
				      .stale_s = UINT32_MAX};
	struct fix *f = fix_new(&conf);

	f->now = UINT64_MAX - S;
	put(f, "a.example", A, DNS_CACHED_ANSWER, 0x7fffffff);
	assert_true(get(f, "a.example", A));
	assert_got(f, DNS_CACHED_ANSWER, 0x7fffffff, 0);
	f->now = 0; /* back */
	assert_true(get(f, "a.example", A));
	assert_got(f, DNS_CACHED_ANSWER, 0x7fffffff, 0);
	put(f, "b.example", A, DNS_CACHED_ANSWER, 0x7fffffff);
	f->now = UINT64_MAX;
	assert_false(get_stale(f, "b.example", A));
	fix_end(f);
}

TEST(negative_answers_live_by_their_soa_and_three_hours_at_most, "D1123-13 D2308-3 DN-28")
{
	struct fix *f = fix_plain();

	put(f, "no.example", A, DNS_CACHED_NXDOMAIN, 900);
	put(f, "nodata.example", MX, DNS_CACHED_NODATA, 900);
	f->now += 900 * S - 1;
	assert_true(get(f, "no.example", A));
	assert_got(f, DNS_CACHED_NXDOMAIN, 1, 899);
	assert_true(get(f, "nodata.example", MX));
	assert_got(f, DNS_CACHED_NODATA, 1, 899);
	f->now += 1;
	assert_false(get(f, "no.example", A));
	assert_false(get(f, "nodata.example", MX));
	put(f, "no.example", A, DNS_CACHED_NXDOMAIN, 0x7fffffff);
	put(f, "nodata.example", MX, DNS_CACHED_NODATA, 0x7fffffff);
	assert_true(get(f, "no.example", A));
	assert_got(f, DNS_CACHED_NXDOMAIN, 10800, 0);
	f->now += 10800 * S;
	assert_false(get(f, "no.example", A));
	assert_false(get(f, "nodata.example", MX));
	put(f, "no.example", A, DNS_CACHED_NXDOMAIN, 0xffffffff);
	assert_false(get(f, "no.example", A));
	fix_end(f);
}

TEST(negative_answers_without_soa_are_not_kept, "D2308-4")
{
	struct fix *f = fix_plain();

	assert_int_equal(put_msg(f, ask("a.example", A), DNS_CACHED_NXDOMAIN, 900, 0, 0, 0, 60), 0);
	assert_int_equal(put_msg(f, ask("b.example", A), DNS_CACHED_NODATA, 900, 0, 0, 0, 60), 0);
	assert_false(get(f, "a.example", A));
	assert_false(get(f, "b.example", A));
	fix_end(f);
}

TEST(nodata_is_of_the_type_and_nxdomain_of_the_name, "D2308-3")
{
	struct fix *f = fix_plain();
	struct dns_question ch = ask("no.example", A);

	put(f, "some.example", AAAA, DNS_CACHED_NODATA, 100);
	assert_true(get(f, "some.example", AAAA));
	assert_false(get(f, "some.example", A));
	assert_false(get(f, "below.some.example", AAAA));
	put(f, "no.example", AAAA, DNS_CACHED_NXDOMAIN, 100);
	assert_true(get(f, "no.example", A));
	assert_int_equal(f->got.kind, DNS_CACHED_NXDOMAIN);
	assert_false(f->got.from_above);
	assert_true(get(f, "no.example", MX));
	/* Of the class, too. */
	ch.class = DNS_CLASS_CH;
	assert_false(dns_cache_get(f->c, &ch, f->now, false, &f->got));
	fix_end(f);
}

TEST(names_are_the_same_whatever_their_case_and_by_letters_only, "D4343-1 D4343-2")
{
	struct fix *f = fix_plain();
	struct dns_question q;
	uint64_t at = 0;

	put(f, "WwW.Example", A, DNS_CACHED_ANSWER, 100);
	assert_true(get(f, "www.example", A));
	assert_true(get(f, "WWW.EXAMPLE", A));
	/* Given back as it was asked. */
	assert_true(dns_cache_next(f->c, f->now, &at, &q, &f->got));
	assert_memory_equal(q.name.b, "\3WwW\7Example", 13);
	put(f, "a[.example", A, DNS_CACHED_ANSWER, 100);
	assert_false(get(f, "a{.example", A));
	assert_true(get(f, "A[.example", A));
	put(f, "@\xc1.example", A, DNS_CACHED_ANSWER, 100);
	assert_false(get(f, "@\xe1.example", A));
	assert_false(get(f, "`\xc1.example", A));
	/* The cut of an NXDOMAIN and a flush go by the same rule. */
	put(f, "NO.example", A, DNS_CACHED_NXDOMAIN, 100);
	assert_true(get(f, "x.no.EXAMPLE", A));
	struct dns_name under = name_of("eXAMPLE");
	assert_int_equal(dns_cache_flush(f->c, &under), 4);
	fix_end(f);
}

TEST(a_denied_name_denies_all_below_it, "D8020-1")
{
	struct fix *f = fix_plain();

	put(f, "a.example", A, DNS_CACHED_NXDOMAIN, 100);
	assert_true(get(f, "b.a.example", MX));
	assert_got(f, DNS_CACHED_NXDOMAIN, 100, 0);
	assert_true(f->got.from_above);
	assert_true(get(f, "d.c.b.a.example", A));
	assert_false(get(f, "example", A));
	assert_false(get(f, "aa.example", A));
	assert_false(get(f, "b.aa.example", A));
	assert_false(get(f, "xa.example", A));
	f->now += 100 * S;
	assert_false(get(f, "b.a.example", MX));
	/* A name of 127 labels is walked up whole, and one below it can't be. */
	char deep[256] = "";
	for (unsigned i = 0; i < 126; i++)
		strcat(deep, "x.");
	strcat(deep, "y");
	put(f, "y", A, DNS_CACHED_NXDOMAIN, 100);
	assert_true(get(f, deep, A));
	fix_end(f);
}

TEST(what_is_known_below_a_denied_name_serves_to_its_own_end, "D8020-2")
{
	struct fix *f = fix_plain();

	put(f, "b.a.example", A, DNS_CACHED_ANSWER, 50);
	put(f, "a.example", A, DNS_CACHED_NXDOMAIN, 100);
	assert_true(get(f, "b.a.example", A));
	assert_got(f, DNS_CACHED_ANSWER, 50, 0);
	assert_true(get(f, "b.a.example", MX));
	assert_got(f, DNS_CACHED_NXDOMAIN, 100, 0);
	f->now += 50 * S;
	assert_true(get(f, "b.a.example", A));
	assert_got(f, DNS_CACHED_NXDOMAIN, 50, 50);
	fix_end(f);
}

TEST(new_knowledge_takes_away_what_it_contradicts, "D8020-1 D9520-2")
{
	struct fix *f = fix_plain();

	/* The name turns out to exist, or one below does. */
	put(f, "a.example", A, DNS_CACHED_NXDOMAIN, 100);
	put(f, "a.example", A, DNS_CACHED_ANSWER, 100);
	assert_true(get(f, "a.example", A));
	assert_int_equal(f->got.kind, DNS_CACHED_ANSWER);
	assert_false(get(f, "a.example", MX));
	put(f, "a.example", A, DNS_CACHED_NXDOMAIN, 100);
	put(f, "c.b.a.example", A, DNS_CACHED_NODATA, 100);
	assert_false(get(f, "b.a.example", A));
	/* The name is gone: for every type. */
	put(f, "x.example", A, DNS_CACHED_ANSWER, 500);
	put(f, "x.example", AAAA, DNS_CACHED_ANSWER, 500);
	put(f, "x.example", AAAA, DNS_CACHED_NXDOMAIN, 100);
	assert_true(get(f, "x.example", A));
	assert_int_equal(f->got.kind, DNS_CACHED_NXDOMAIN);
	f->now += 100 * S;
	assert_false(get(f, "x.example", AAAA));
	/* An answer ends a failure. */
	put_failure(f, "f.example", A, DNS_SERVFAIL);
	put(f, "f.example", A, DNS_CACHED_ANSWER, 1);
	f->now += S;
	assert_false(get(f, "f.example", A));
	fix_end(f);
}

/* RFC 2308 2.1: the alias exists, its target does not. */
TEST(an_alias_of_a_denied_name_is_not_itself_denied, "D8020-1")
{
	struct fix *f = fix_plain();

	assert_int_equal(put_msg(f, ask("alias.example", A), DNS_CACHED_NXDOMAIN, 100, 1, 1, 0, 60),
			 0);
	assert_true(get(f, "alias.example", A));
	assert_got(f, DNS_CACHED_NXDOMAIN, 100, 0);
	assert_false(get(f, "alias.example", AAAA));
	assert_false(get(f, "below.alias.example", A));
	fix_end(f);
}

TEST(failures_are_kept_and_not_asked_again, "D9520-2 D1123-12")
{
	struct fix *f = fix_plain();

	put_failure(f, "f.example", A, DNS_SERVFAIL);
	assert_true(get(f, "f.example", A));
	assert_got(f, DNS_CACHED_FAILURE, 5, 0);
	assert_int_equal(f->got.status, DNS_SERVFAIL);
	assert_int_equal(f->got.ede, 23);
	assert_null(f->got.msg);
	assert_false(get(f, "f.example", AAAA));
	assert_false(get(f, "x.f.example", A));
	f->now += 5 * S;
	assert_false(get(f, "f.example", A));
	struct dns_cache_stats st;
	dns_cache_stats(f->c, &st);
	assert_int_equal(st.failure_hits, 1);
	fix_end(f);
}

TEST(repeated_failures_last_twice_as_long_up_to_five_minutes, "D9520-3 D9520-4 D2308-5")
{
	static const uint32_t life[] = {5, 10, 20, 40, 80, 160, 300, 300, 300};
	struct fix *f = fix_plain();

	for (unsigned i = 0; i < sizeof(life) / sizeof(life[0]); i++) {
		put_failure(f, "f.example", A, DNS_TIMEOUT);
		f->now += S / 2;
		/* A second query that was on its way with the first is no further failure. */
		put_failure(f, "f.example", A, DNS_TIMEOUT);
		f->now += life[i] * S - 1;
		assert_true(get(f, "f.example", A));
		f->now += 1;
		assert_false(get(f, "f.example", A));
	}
	/* Long after the last one it is news again. */
	f->now += 299 * S;
	put_failure(f, "f.example", A, DNS_TIMEOUT);
	assert_true(get(f, "f.example", A));
	assert_int_equal(f->got.ttl_s, 300);
	f->now += 600 * S;
	put_failure(f, "f.example", A, DNS_TIMEOUT);
	assert_true(get(f, "f.example", A));
	assert_int_equal(f->got.ttl_s, 5);
	fix_end(f);
}

TEST(no_setting_makes_failures_shorter_or_longer_than_allowed, "D9520-3")
{
	struct dns_cache_conf conf = {.max_bytes = 1 << 16, .failure_s = 100000};
	struct fix *f = fix_new(&conf);

	put_failure(f, "f.example", A, DNS_TIMEOUT);
	assert_true(get(f, "f.example", A));
	assert_int_equal(f->got.ttl_s, 300);
	conf.failure_s = 1;
	dns_cache_configure(f->c, &conf);
	put_failure(f, "g.example", A, DNS_TIMEOUT);
	f->now += S - 1;
	assert_true(get(f, "g.example", A));
	f->now += 1;
	assert_false(get(f, "g.example", A));
	fix_end(f);
}

TEST(expired_answers_serve_only_where_wanted_and_for_so_long, "D8767-1")
{
	struct dns_cache_conf conf = {.max_bytes = 1 << 16, .stale_s = 600};
	struct fix *f = fix_new(&conf);

	put(f, "a.example", A, DNS_CACHED_ANSWER, 60);
	f->now += 60 * S;
	assert_false(get(f, "a.example", A));
	assert_true(get_stale(f, "a.example", A));
	assert_got(f, DNS_CACHED_ANSWER, 0, 60);
	assert_true(f->got.stale);
	/* A failure to renew it stands beside it. */
	put_failure(f, "a.example", A, DNS_TIMEOUT);
	assert_true(get(f, "a.example", A));
	assert_int_equal(f->got.kind, DNS_CACHED_FAILURE);
	assert_true(get_stale(f, "a.example", A));
	assert_int_equal(f->got.kind, DNS_CACHED_ANSWER);
	f->now += 600 * S - 1;
	assert_true(get_stale(f, "a.example", A));
	f->now += 1;
	assert_false(get_stale(f, "a.example", A));
	/* A living one is not stale. */
	put(f, "a.example", A, DNS_CACHED_ANSWER, 60);
	assert_true(get_stale(f, "a.example", A));
	assert_false(f->got.stale);
	/* An NXDOMAIN is an answer too: what was before does not come back (RFC 8767 4). */
	put(f, "a.example", A, DNS_CACHED_NXDOMAIN, 60);
	f->now += 61 * S;
	assert_true(get_stale(f, "a.example", A));
	assert_int_equal(f->got.kind, DNS_CACHED_NXDOMAIN);
	/* Not above a name: only the name itself serves stale. */
	assert_false(get_stale(f, "x.a.example", A));
	struct dns_cache_stats st;
	dns_cache_stats(f->c, &st);
	assert_int_equal(st.stale_hits, 4);
	fix_end(f);
}

TEST(serving_stale_is_off_by_default_and_ends_after_a_week, "D8767-1")
{
	struct dns_cache_conf conf = {.max_bytes = 1 << 16};
	struct fix *f = fix_new(&conf);

	put(f, "a.example", A, DNS_CACHED_ANSWER, 60);
	f->now += 60 * S;
	assert_false(get_stale(f, "a.example", A));
	conf.stale_s = UINT32_MAX;
	dns_cache_configure(f->c, &conf);
	put(f, "a.example", A, DNS_CACHED_ANSWER, 60);
	f->now += (60 + 7 * 86400) * S - 1;
	assert_true(get_stale(f, "a.example", A));
	f->now += 1;
	assert_false(get_stale(f, "a.example", A));
	fix_end(f);
}

TEST(renewing_is_told_once_when_little_life_is_left, "")
{
	struct fix *f = fix_plain();

	put(f, "a.example", A, DNS_CACHED_ANSWER, 100);
	f->now += 90 * S;
	assert_true(get(f, "a.example", A));
	assert_false(f->got.prefetch);
	f->now += 1;
	assert_true(get(f, "a.example", A));
	assert_true(f->got.prefetch);
	assert_true(get(f, "a.example", A));
	assert_false(f->got.prefetch);
	/* Renewed, it is told again. */
	put(f, "a.example", A, DNS_CACHED_ANSWER, 100);
	f->now += 99 * S;
	assert_true(get(f, "a.example", A));
	assert_true(f->got.prefetch);
	/* Negative answers are not worth it. */
	put(f, "b.example", A, DNS_CACHED_NODATA, 100);
	f->now += 99 * S;
	assert_true(get(f, "b.example", A));
	assert_false(f->got.prefetch);
	struct dns_cache_conf off = {.max_bytes = 1 << 16};
	dns_cache_configure(f->c, &off);
	put(f, "a.example", A, DNS_CACHED_ANSWER, 100);
	f->now += 100 * S - 1;
	assert_true(get(f, "a.example", A));
	assert_false(f->got.prefetch);
	fix_end(f);
}

TEST(a_flush_forgets_a_name_and_all_below_it, "")
{
	struct fix *f = fix_plain();
	struct dns_name under = name_of("A.example"), deep = name_of("q.w.nx.example");

	put(f, "a.example", A, DNS_CACHED_ANSWER, 100);
	put(f, "a.example", AAAA, DNS_CACHED_NODATA, 100);
	put(f, "b.a.example", A, DNS_CACHED_NXDOMAIN, 100);
	put_failure(f, "c.a.example", A, DNS_TIMEOUT);
	put(f, "ba.example", A, DNS_CACHED_ANSWER, 100);
	put(f, "example", A, DNS_CACHED_ANSWER, 100);
	put(f, "nx.example", A, DNS_CACHED_NXDOMAIN, 100);
	assert_int_equal(dns_cache_flush(f->c, &under), 4);
	dns_cache_check(f->c);
	assert_false(get(f, "a.example", A));
	assert_false(get(f, "c.a.example", A));
	assert_true(get(f, "ba.example", A));
	assert_true(get(f, "example", A));
	/* What denies it from above is forgotten too, or nothing would have changed. */
	assert_int_equal(dns_cache_flush(f->c, &deep), 1);
	assert_false(get(f, "q.w.nx.example", A));
	struct dns_name root = name_of(".");
	assert_int_equal(dns_cache_flush(f->c, &root), 2);
	put(f, "example", A, DNS_CACHED_ANSWER, 100);
	assert_int_equal(dns_cache_flush(f->c, NULL), 1);
	struct dns_cache_stats st;
	dns_cache_stats(f->c, &st);
	assert_int_equal(st.entries, 0);
	fix_end(f);
}

TEST(a_walk_shows_what_lives_by_use, "")
{
	struct fix *f = fix_plain();
	struct dns_question q;
	uint64_t at = 0;

	put(f, "a", A, DNS_CACHED_ANSWER, 100);
	put(f, "b", A, DNS_CACHED_ANSWER, 10);
	put(f, "c", A, DNS_CACHED_NODATA, 100);
	put_failure(f, "d", A, DNS_TIMEOUT);
	f->now += 4 * S;
	assert_true(get(f, "a", A));
	static const char order[] = "adcb";
	for (const char *p = order; *p; p++) {
		assert_true(dns_cache_next(f->c, f->now, &at, &q, &f->got));
		assert_int_equal(q.name.b[1], *p);
		assert_int_equal(f->got.age_s, 4);
	}
	assert_false(dns_cache_next(f->c, f->now, &at, &q, &f->got));
	/* Used, put and dropped between the steps: nothing twice, nothing invented. */
	at = 0;
	f->now += 2 * S;
	assert_true(dns_cache_next(f->c, f->now, &at, &q, &f->got)); /* a */
	assert_true(dns_cache_next(f->c, f->now, &at, &q, &f->got)); /* d has expired */
	assert_int_equal(q.name.b[1], 'c');
	assert_true(get(f, "c", A));
	put(f, "e", A, DNS_CACHED_ANSWER, 100);
	assert_true(dns_cache_next(f->c, f->now, &at, &q, &f->got));
	assert_int_equal(q.name.b[1], 'b');
	dns_cache_flush(f->c, &q.name);
	assert_false(dns_cache_next(f->c, f->now, &at, &q, &f->got));
	fix_end(f);
}

TEST(the_least_used_goes_first, "")
{
	struct dns_cache_conf conf = {.max_bytes = 20000};
	struct fix *f = fix_new(&conf);
	char text[32];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "n%u.example", i);
		put(f, text, A, DNS_CACHED_ANSWER, 1000);
		assert_true(i == 0 || get(f, "n0.example", A));
	}
	struct dns_cache_stats st;
	dns_cache_stats(f->c, &st);
	assert_int_equal(st.insertions, 1000);
	assert_int_equal(st.evictions, 1000 - st.entries);
	assert_true(st.entries > 50 && st.bytes <= 20000 && st.bytes > 19000);
	for (unsigned i = 1; i < 1000; i++) {
		snprintf(text, sizeof(text), "n%u.example", i);
		assert_int_equal(get(f, text, A), i > 1000 - st.entries);
	}
	fix_end(f);
}

TEST(what_nobody_asks_for_again_is_freed_by_others_coming, "")
{
	struct fix *f = fix_plain();
	char text[32];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "n%u.example", i);
		put(f, text, A, DNS_CACHED_ANSWER, 10);
	}
	f->now += 11 * S;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "m%u.example", i);
		put(f, text, A, DNS_CACHED_ANSWER, 10);
	}
	struct dns_cache_stats st;
	dns_cache_stats(f->c, &st);
	assert_int_equal(st.entries, 50);
	assert_int_equal(st.evictions, 0);
	fix_end(f);
}

TEST(an_entry_that_can_not_fit_is_refused_and_the_old_one_goes, "")
{
	struct dns_cache_conf conf = {.max_bytes = 20000};
	struct fix *f = fix_new(&conf);

	put(f, "a.example", A, DNS_CACHED_ANSWER, 100);
	put(f, "b.example", A, DNS_CACHED_ANSWER, 100);
	assert_int_equal(put_msg(f, ask("a.example", A), DNS_CACHED_ANSWER, 100, 1, 0, 0, 10000),
			 -E2BIG);
	assert_false(get(f, "a.example", A));
	assert_true(get(f, "b.example", A));
	assert_int_equal(put_msg(f, ask("a.example", A), DNS_CACHED_ANSWER, 100, 1, 0, 0, 9800), 0);
	assert_true(get(f, "a.example", A));
	assert_int_equal(put_msg(f, ask("a.example", A), DNS_CACHED_ANSWER, 100, 1, 0, 0, 70000),
			 -E2BIG);
	/* Smaller settings, down to none. */
	for (conf.max_bytes = 20000; conf.max_bytes > 100; conf.max_bytes -= 100) {
		dns_cache_configure(f->c, &conf);
		dns_cache_check(f->c);
		int r = put_msg(f, ask("c.example", A), DNS_CACHED_ANSWER, 100, 1, 0, 0, 60);
		assert_true(r == 0 || (r == -E2BIG && conf.max_bytes < 2000));
		dns_cache_check(f->c);
	}
	conf.max_bytes = 0;
	dns_cache_configure(f->c, &conf);
	assert_int_equal(put_msg(f, ask("c.example", A), DNS_CACHED_ANSWER, 100, 1, 0, 0, 60),
			 -E2BIG);
	assert_false(get(f, "c.example", A));
	fix_end(f);
}

TEST(a_table_made_for_a_large_cache_shrinks_with_it, "")
{
	struct dns_cache_conf conf = {.max_bytes = 8 << 20};
	struct fix *f = fix_new(&conf);
	char text[32];

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "n%u.example", i);
		struct dns_question q = ask(text, A);
		assert_int_equal(put_msg(f, q, DNS_CACHED_ANSWER, 1000, 1, 0, i, 60), 0);
	}
	conf.max_bytes = 20000;
	dns_cache_configure(f->c, &conf);
	dns_cache_check(f->c);
	put(f, "a.example", A, DNS_CACHED_ANSWER, 10);
	assert_true(get(f, "a.example", A));
	struct dns_cache_stats st;
	dns_cache_stats(f->c, &st);
	assert_true(st.bytes <= 20000);
	fix_end(f);
}

TEST(no_cache_without_memory, "")
{
	struct dns_cache_conf conf = {.max_bytes = 1 << 16};
	struct test_alloc mem;
	struct tapir_env env = {.ctx = &mem, .alloc = test_alloc_get, .free = test_alloc_put};
	struct dns_cache *c;

	for (unsigned i = 1; i <= 2; i++) {
		test_alloc_init(&mem, TEST_ALLOC_PLAIN);
		mem.fail_at = i;
		assert_int_equal(dns_cache_new(&c, &env, &conf, key), -ENOMEM);
		assert_int_equal(mem.live, 0);
		test_alloc_end(&mem);
	}
	dns_cache_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_serves_until_its_ttl_is_over_counting_down),
		cmocka_unit_test(ttl_zero_is_never_kept),
		cmocka_unit_test(ttls_are_held_between_their_bounds),
		cmocka_unit_test(clock_at_its_ends_does_no_harm),
		cmocka_unit_test(negative_answers_live_by_their_soa_and_three_hours_at_most),
		cmocka_unit_test(negative_answers_without_soa_are_not_kept),
		cmocka_unit_test(nodata_is_of_the_type_and_nxdomain_of_the_name),
		cmocka_unit_test(names_are_the_same_whatever_their_case_and_by_letters_only),
		cmocka_unit_test(a_denied_name_denies_all_below_it),
		cmocka_unit_test(what_is_known_below_a_denied_name_serves_to_its_own_end),
		cmocka_unit_test(new_knowledge_takes_away_what_it_contradicts),
		cmocka_unit_test(an_alias_of_a_denied_name_is_not_itself_denied),
		cmocka_unit_test(failures_are_kept_and_not_asked_again),
		cmocka_unit_test(repeated_failures_last_twice_as_long_up_to_five_minutes),
		cmocka_unit_test(no_setting_makes_failures_shorter_or_longer_than_allowed),
		cmocka_unit_test(expired_answers_serve_only_where_wanted_and_for_so_long),
		cmocka_unit_test(serving_stale_is_off_by_default_and_ends_after_a_week),
		cmocka_unit_test(renewing_is_told_once_when_little_life_is_left),
		cmocka_unit_test(a_flush_forgets_a_name_and_all_below_it),
		cmocka_unit_test(a_walk_shows_what_lives_by_use),
		cmocka_unit_test(the_least_used_goes_first),
		cmocka_unit_test(what_nobody_asks_for_again_is_freed_by_others_coming),
		cmocka_unit_test(an_entry_that_can_not_fit_is_refused_and_the_old_one_goes),
		cmocka_unit_test(a_table_made_for_a_large_cache_shrinks_with_it),
		cmocka_unit_test(no_cache_without_memory),
	};
	return tapir_test_run("unit/dns/test_cache", tests);
}
