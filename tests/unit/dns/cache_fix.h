#ifndef TAPIR_TESTS_UNIT_DNS_CACHE_FIX_H
#define TAPIR_TESTS_UNIT_DNS_CACHE_FIX_H

/* A cache over an allocator that counts, with a clock. */
#include <stdlib.h>

#include "dns/cache.h"
#include "tests/support/alloc.h"
#include "tests/unit/dns/names.h"

#define S UINT64_C(1000000000)

static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

struct fix {
	struct test_alloc mem;
	struct tapir_env env;
	struct dns_cache *c;
	uint64_t now;
	struct dns_cached got;
	uint8_t msg[70000];
};

static inline struct fix *fix_new(const struct dns_cache_conf *conf)
{
	struct fix *f = malloc(sizeof(*f));

	assert_non_null(f);
	test_alloc_init(&f->mem, TEST_ALLOC_PLAIN);
	f->env =
		(struct tapir_env){.ctx = &f->mem, .alloc = test_alloc_get, .free = test_alloc_put};
	f->now = 77 * S;
	assert_int_equal(dns_cache_new(&f->c, &f->env, conf, key), 0);
	return f;
}

static inline struct fix *fix_plain(void)
{
	struct dns_cache_conf conf = {.max_bytes = 1 << 20, .prefetch_percent = 10};

	return fix_new(&conf);
}

static inline void fix_end(struct fix *f)
{
	dns_cache_check(f->c);
	dns_cache_free(f->c);
	assert_int_equal(f->mem.live, 0);
	test_alloc_end(&f->mem);
	free(f);
}

static inline struct dns_question ask(const char *name, uint16_t type)
{
	return (struct dns_question){name_of(name), type, DNS_CLASS_IN};
}

enum { A = 1, MX = 15, AAAA = 28 };

#endif
