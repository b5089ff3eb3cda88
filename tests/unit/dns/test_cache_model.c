/* The cache against a plain array that knows the same rules: random steps with a clock, in any case, and with failing allocations. */
#include <errno.h>
#include <stdio.h>

#include "tests/support/rnd.h"
#include "tests/unit/dns/cache_fix.h"

enum { NAMES = 40, TYPES = 3, TRUTHS = NAMES * (2 * TYPES + 1) };

struct truth {
	bool there;
	uint64_t put;
	uint32_t life;
	enum dns_cache_kind kind;
	uint32_t tag;
	bool told;
};

struct model {
	struct dns_cache_conf conf;
	struct dns_name name[NAMES];
	struct truth data[NAMES][TYPES], failure[NAMES][TYPES], nx[NAMES];
};

static const uint16_t model_type[TYPES] = {A, AAAA, MX};

static bool over(const struct truth *t, uint64_t now, uint64_t more_s)
{
	return !t->there || now - t->put >= (t->life + more_s) * S;
}

/* Name `i` is name `j` or below it, by the codec's own function. */
static bool under(const struct model *m, unsigned i, unsigned j)
{
	return dns_name_under(&m->name[i], &m->name[j]);
}

static void model_put(struct model *m, unsigned n, unsigned t, enum dns_cache_kind kind, bool alias,
		      uint32_t ttl, uint32_t tag, uint64_t now)
{
	struct truth new = {true, now, ttl, kind, tag, false};
	struct truth *failure = &m->failure[n][t];

	if (kind == DNS_CACHED_FAILURE) {
		new.life = 5;
		if (!over(failure, now, 0))
			new.life = failure->life;
		else if (!over(failure, now, 300))
			new.life = failure->life * 2 > 300 ? 300 : failure->life * 2;
		*failure = new;
		return;
	}
	uint32_t max = kind == DNS_CACHED_ANSWER ? 86400 : 10800;

	new.life = ttl > max ? max : ttl;
	new.there = ttl > 0;
	failure->there = false;
	if (kind == DNS_CACHED_NXDOMAIN && !alias) {
		m->nx[n] = new;
		m->data[n][t].there = false;
		return;
	}
	m->data[n][t] = new;
	for (unsigned i = 0; i < NAMES; i++)
		if (under(m, n, i))
			m->nx[i].there = false;
}

static struct truth *model_get(struct model *m, unsigned n, unsigned t, uint64_t now, bool stale)
{
	struct truth *best = NULL;
	unsigned depth = 0;

	if (!over(&m->nx[n], now, 0))
		return &m->nx[n];
	if (!over(&m->data[n][t], now, 0))
		return &m->data[n][t];
	for (unsigned i = 0; i < NAMES; i++)
		if (i != n && under(m, n, i) && !over(&m->nx[i], now, 0) &&
		    m->name[i].len > depth) {
			best = &m->nx[i];
			depth = m->name[i].len;
		}
	if (best)
		return best;
	if (stale) {
		struct truth *d = &m->data[n][t], *x = &m->nx[n];
		bool data = !over(d, now, m->conf.stale_s), nx = !over(x, now, m->conf.stale_s);

		if (data || nx)
			return data && (!nx || d->put > x->put) ? d : x;
	}
	return over(&m->failure[n][t], now, 0) ? NULL : &m->failure[n][t];
}

static void model_names(struct model *m, struct rnd *rnd)
{
	for (unsigned i = 0; i < NAMES; i++) {
		char text[64] = "";

		for (unsigned d = 1 + rnd_below(rnd, 4); d > 0; d--)
			snprintf(text + strlen(text), 8, "%s%c", *text ? "." : "",
				 "abA"[rnd_below(rnd, 3)]);
		m->name[i] = name_of(text);
		for (unsigned j = 0; j < i; j++)
			if (dns_name_eq(&m->name[i], &m->name[j])) {
				/* Each name once: find another. */
				snprintf(text, sizeof(text), "n%u.%c.a", i, "ab"[i & 1]);
				m->name[i] = name_of(text);
				break;
			}
	}
}

static struct dns_question model_question(const struct model *m, unsigned n, unsigned t,
					  struct rnd *rnd)
{
	struct dns_question q = {m->name[n], model_type[t], DNS_CLASS_IN};

	/* In any case. */
	for (unsigned i = 0; i < q.name.len; i++)
		if (((q.name.b[i] | 0x20) >= 'a' && (q.name.b[i] | 0x20) <= 'z') &&
		    rnd_u32(rnd) & 1)
			q.name.b[i] ^= 0x20;
	return q;
}

static void model_flush(struct model *m, struct fix *f, unsigned n)
{
	dns_cache_flush(f->c, &m->name[n]);
	for (unsigned i = 0; i < NAMES; i++) {
		if (under(m, n, i))
			m->nx[i].there = false;
		if (!under(m, i, n))
			continue;
		m->nx[i].there = false;
		for (unsigned t = 0; t < TYPES; t++)
			m->data[i][t].there = m->failure[i][t].there = false;
	}
}

/* With room for all (`exact`) every look must say what the model says; without, it may say less, but nothing else. */
static void model_look(struct model *m, struct fix *f, unsigned n, unsigned t, bool stale,
		       bool exact, struct rnd *rnd)
{
	struct dns_question q = model_question(m, n, t, rnd);
	bool got = dns_cache_get(f->c, &q, f->now, stale, &f->got);
	struct truth *want = model_get(m, n, t, f->now, stale);
	uint32_t tag;

	if (!exact)
		return;
	assert_int_equal(got, want != NULL);
	if (!got)
		return;
	assert_int_equal(f->got.kind, want->kind);
	assert_int_equal(f->got.stale, over(want, f->now, 0));
	assert_int_equal(f->got.age_s, (f->now - want->put) / S);
	assert_int_equal(f->got.ttl_s, f->got.stale ? 0 : want->life - f->got.age_s);
	assert_int_equal(f->got.from_above, want->kind == DNS_CACHED_NXDOMAIN &&
						    want != &m->nx[n] && want != &m->data[n][t]);
	if (want->kind != DNS_CACHED_FAILURE) {
		memcpy(&tag, f->got.msg + 12, sizeof(tag));
		assert_int_equal(tag, want->tag);
	} else {
		assert_int_equal(f->got.status, (int)want->tag);
	}
	bool tell = want->kind == DNS_CACHED_ANSWER && !want->told && !f->got.stale &&
		    (want->put + want->life * S - f->now) < want->life * S / 10;
	assert_int_equal(f->got.prefetch, tell);
	want->told |= tell;
}

static void model_run(uint64_t seed, unsigned steps, size_t max_bytes, bool failing)
{
	struct dns_cache_conf conf = {.max_bytes = max_bytes,
				      .prefetch_percent = 10,
				      .stale_s = seed % 2 ? 1000 : 0};
	struct fix *f = fix_new(&conf);
	struct model *m = calloc(1, sizeof(*m));
	struct rnd rnd = {seed};
	bool exact = max_bytes >= 1 << 18;

	assert_non_null(m);
	m->conf = conf;
	model_names(m, &rnd);
	for (unsigned i = 1; i <= steps; i++) {
		unsigned n = rnd_below(&rnd, NAMES), t = rnd_below(&rnd, TYPES);

		/* Mostly little time; now and then much. */
		f->now +=
			rnd_below(&rnd, 20) ? rnd_u64(&rnd) % (3 * S) : rnd_u64(&rnd) % (2000 * S);
		if (failing)
			f->mem.fail_at = rnd_below(&rnd, 3) ? 0 : f->mem.calls + 1;
		if (rnd_below(&rnd, 3) == 0) {
			static const uint32_t ttls[] = {0, 1, 5, 60, 100, 1000, 20000, 1u << 30};
			enum dns_cache_kind kind = (enum dns_cache_kind)rnd_below(&rnd, 4);
			uint32_t ttl = ttls[rnd_below(&rnd, 8)];
			bool alias = rnd_below(&rnd, 4) == 0;
			size_t len = 20 + rnd_below(&rnd, 500);
			struct dns_question q = model_question(m, n, t, &rnd);
			struct dns_cached in = {.kind = kind,
						.msg = f->msg,
						.len = len,
						.ttl_s = ttl};
			uint64_t failed = f->mem.failed;

			in.status = (int)i;
			memset(f->msg, 0, len);
			f->msg[7] = alias || kind == DNS_CACHED_ANSWER;
			f->msg[9] = kind != DNS_CACHED_ANSWER;
			memcpy(f->msg + 12, &i, sizeof(i));
			if (kind == DNS_CACHED_FAILURE)
				in.msg = NULL;
			int r = dns_cache_put(f->c, &q, &in, f->now);
			if (r == -ENOMEM)
				assert_true(f->mem.failed > failed);
			else if (exact)
				assert_int_equal(r, 0);
			if (r == 0 || r == -E2BIG)
				model_put(m, n, t, kind, alias, ttl, i, f->now);
		} else if (rnd_below(&rnd, 300) == 0) {
			model_flush(m, f, n);
		} else {
			model_look(m, f, n, t, rnd_u32(&rnd) & 1, exact, &rnd);
		}
		f->mem.fail_at = 0;
		if (i % 16 == 0)
			dns_cache_check(f->c);
	}
	free(m);
	fix_end(f);
}

TEST(random_steps_agree_with_a_plain_array, "D1035-18 D8020-1 D8020-2 D9520-2 D8767-1")
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		model_run(seed, 10000, 1 << 18, false);
}

TEST(random_steps_with_failing_allocations_agree_too, "")
{
	for (uint64_t seed = 101; seed <= 110; seed++)
		model_run(seed, 10000, 1 << 18, true);
}

TEST(random_steps_in_a_small_cache_keep_its_limit, "")
{
	for (uint64_t seed = 201; seed <= 206; seed++)
		model_run(seed, 10000, seed % 2 ? 3000 : 9000, seed % 3 == 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps_agree_with_a_plain_array),
		cmocka_unit_test(random_steps_with_failing_allocations_agree_too),
		cmocka_unit_test(random_steps_in_a_small_cache_keep_its_limit),
	};
	return tapir_test_run("unit/dns/test_cache_model", tests);
}
