/* The cache under names by the million: those that fail, and sets that collide under the hashes that tables without a key use. */
#include <stdio.h>

#include "dns/dns.h"
#include "tests/support/rnd.h"
#include "tests/unit/dns/cache_fix.h"

static void put_answer(struct fix *f)
{
	struct dns_question q = ask("www.example", A);
	struct dns_cached in = {.kind = DNS_CACHED_ANSWER, .msg = f->msg, .len = 60, .ttl_s = 1000};

	memset(f->msg, 0, 60);
	f->msg[7] = 1;
	assert_int_equal(dns_cache_put(f->c, &q, &in, f->now), 0);
}

static bool get_answer(struct fix *f)
{
	struct dns_question q = ask("www.example", A);

	return dns_cache_get(f->c, &q, f->now, false, &f->got);
}

TEST(a_million_failing_names_stay_in_their_part_of_the_cache, "D9520-5")
{
	struct dns_cache_conf conf = {.max_bytes = 1 << 20};
	struct fix *f = fix_new(&conf);
	struct dns_cached in = {.kind = DNS_CACHED_FAILURE, .status = DNS_TIMEOUT};

	put_answer(f);
	for (uint32_t i = 0; i < 1000000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "f%u.example", i);
		struct dns_question q = ask(text, A);
		assert_int_equal(dns_cache_put(f->c, &q, &in, f->now), 0);
	}
	dns_cache_check(f->c);
	struct dns_cache_stats st;
	dns_cache_stats(f->c, &st);
	assert_true(st.bytes <= (1 << 20) / 8 + 65536);
	assert_true(f->mem.peak_bytes < (1 << 20) / 4);
	/* And the answer is still there. */
	assert_true(get_answer(f));
	fix_end(f);
}

/* ---- names that collide under the hashes that tables without a key use */

static uint32_t fnv1a(uint32_t h, uint8_t c)
{
	return (h ^ c) * 16777619u;
}

static uint32_t djb2(uint32_t h, uint8_t c)
{
	return h * 33 + c;
}

static uint32_t crc32(uint32_t h, uint8_t c)
{
	h ^= c;
	for (unsigned i = 0; i < 8; i++)
		h = h >> 1 ^ (h & 1 ? 0xedb88320u : 0);
	return h;
}

enum { BLOCK = 8, BLOCKS = 18, PER_LABEL = 6 };

static uint32_t run(uint32_t (*step)(uint32_t, uint8_t), uint32_t h, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = step(h, (uint8_t)p[i]);
	return h;
}

static void block_text(uint32_t v, char out[BLOCK])
{
	for (unsigned i = 0; i < BLOCK; i++, v = v * 2654435761u + 12345)
		out[i] = (char)('a' + (v >> 16) % 26);
}

/* Two blocks of letters for each place that lead from one state of the hash to one other: 2^BLOCKS names with one hash. */
static void make_blocks(uint32_t (*step)(uint32_t, uint8_t), uint32_t h,
			char blocks[BLOCKS][2][BLOCK], struct rnd *rnd)
{
	enum { SLOTS = 1 << 20 };
	uint32_t *seen = malloc(SLOTS * sizeof(*seen));

	assert_non_null(seen);
	for (unsigned b = 0; b < BLOCKS; b++) {
		bool found = false;

		if (b % PER_LABEL == 0) {
			char len = BLOCK * PER_LABEL;

			h = run(step, h, &len, 1);
		}
		memset(seen, 0, SLOTS * sizeof(*seen));
		while (!found) {
			uint32_t v = rnd_u32(rnd) | 1;
			char other[BLOCK], text[BLOCK];

			block_text(v, text);
			uint32_t after = run(step, h, text, BLOCK);
			uint32_t *at = &seen[after * 2654435769u >> 12];

			if (*at) {
				block_text(*at, other);
				if (run(step, h, other, BLOCK) == after &&
				    memcmp(other, text, BLOCK) != 0) {
					memcpy(blocks[b][0], text, BLOCK);
					memcpy(blocks[b][1], other, BLOCK);
					h = after;
					found = true;
				}
			}
			*at = v;
		}
	}
	free(seen);
}

static struct dns_name colliding(char blocks[BLOCKS][2][BLOCK], uint32_t i)
{
	struct dns_name n = {.len = 0};

	for (unsigned b = 0; b < BLOCKS; b++, i >>= 1) {
		if (b % PER_LABEL == 0)
			n.b[n.len++] = BLOCK * PER_LABEL;
		memcpy(n.b + n.len, blocks[b][i & 1], BLOCK);
		n.len = (uint8_t)(n.len + BLOCK);
	}
	n.b[n.len++] = 0;
	return n;
}

static void insert_many(struct fix *f, struct dns_question *q, unsigned i)
{
	struct dns_cached in = {.kind = DNS_CACHED_ANSWER, .msg = f->msg, .len = 60, .ttl_s = 1000};

	memcpy(f->msg + 12, &i, sizeof(i));
	assert_int_equal(dns_cache_put(f->c, q, &in, f->now), 0);
	assert_true(dns_cache_get(f->c, q, f->now, false, &f->got));
	assert_memory_equal(f->got.msg + 12, &i, sizeof(i));
}

TEST(a_million_names_that_collide_elsewhere_stay_in_bounds_and_short_chains, "DN-34")
{
	static uint32_t (*const step[])(uint32_t, uint8_t) = {fnv1a, djb2, crc32};
	static const uint32_t start[] = {2166136261u, 5381, 0xffffffff};
	static char blocks[BLOCKS][2][BLOCK];
	struct dns_cache_conf conf = {.max_bytes = 4 << 20};
	struct fix *f = fix_new(&conf);
	struct rnd rnd = {42};
	struct dns_cache_stats st;
	unsigned longest = 0;

	memset(f->msg, 0, 60);
	f->msg[7] = 1;
	for (unsigned s = 0; s < 3; s++) {
		uint32_t same = 0;

		make_blocks(step[s], start[s], blocks, &rnd);
		for (uint32_t i = 0; i < 1 << BLOCKS; i++) {
			struct dns_question q = {colliding(blocks, i), A, DNS_CLASS_IN};
			uint32_t h = run(step[s], start[s], (char *)q.name.b, q.name.len);

			/* The set is what it is said to be. */
			if (i == 0)
				same = h;
			assert_int_equal(h, same);
			insert_many(f, &q, i);
			if (i % 65536 == 65535) {
				dns_cache_stats(f->c, &st);
				assert_true(st.bytes <= conf.max_bytes);
				unsigned chain = dns_cache_longest_chain(f->c);
				longest = chain > longest ? chain : longest;
			}
		}
	}
	for (uint32_t i = 0; i < 1 << BLOCKS; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%u.example", i);
		struct dns_question q = ask(text, A);
		insert_many(f, &q, i);
	}
	dns_cache_check(f->c);
	dns_cache_stats(f->c, &st);
	assert_true(st.insertions > 1000000);
	/* With the entry that is being made on top. */
	assert_true(f->mem.peak_bytes <= conf.max_bytes + 512);
	/* Some 16000 entries in as many buckets: of a random function the longest chain is 7 or 8. */
	if (longest > 12)
		fail_msg("a chain of %u", longest);
	fix_end(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_failing_names_stay_in_their_part_of_the_cache),
		cmocka_unit_test(
			a_million_names_that_collide_elsewhere_stay_in_bounds_and_short_chains),
	};
	return tapir_test_run("unit/dns/test_cache_flood", tests);
}
