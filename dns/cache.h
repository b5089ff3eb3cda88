/*
 * The cache of answers (RFC 1034 5.3.3, RFC 2308, RFC 8020, RFC 9520, RFC 8767).
 *
 * An entry is what was answered to one question (name without case, type, class): the message with the chain of CNAMEs and the
 * records asked for, made by ourselves from a checked reply (dns/answer.h), never its other sections. Its life is the least TTL
 * within it. Memory is counted in bytes with everything that an entry costs; over the limit the least recently used goes. There are
 * no timers: an entry's age is looked at when it is asked for, and the tail of the list when room is needed. The table is keyed
 * (DN-34). Time is passed in, and may be any monotonic clock's.
 *
 * What counts for a question, in this order:
 *	1. NXDOMAIN of the very name, whatever type it was asked with (RFC 2308 5);
 *	2. the answer or NODATA of the question;
 *	3. NXDOMAIN of a name above (RFC 8020 2): so what is known of a name below a denied one serves on until its own end (D8020-2);
 *	4. a failure of the question (RFC 9520).
 * What is put in takes away what it contradicts: an answer or NODATA a failure of the question and NXDOMAIN of the name and those above, an NXDOMAIN
 * the answer to the question, and the name's other types by coming before them while it lives. A failure takes nothing away, so that stale answers stay. An NXDOMAIN at the
 * end of a chain of CNAMEs denies the last name, not the one asked for: it counts as an answer to the one question.
 */
#ifndef TAPIR_DNS_CACHE_H
#define TAPIR_DNS_CACHE_H

#include "dns/msg.h"
#include "stack/tapir.h"

struct dns_cache;

struct dns_cache_conf {
	size_t max_bytes;   /* 0: no cache */
	uint32_t max_ttl_s; /* positive answers (86400, which 0 means too) */
	uint32_t min_ttl_s; /* positive answers (0); TTL 0 is never cached (RFC 1123 6.1.2.1) */
	uint32_t max_negative_s; /* NXDOMAIN and NODATA (10800, which 0 means too; RFC 2308 5) */
	/* First life of a failure (5, which 0 means too), at least 1, doubled up to 300 (RFC 9520 3.2) */
	uint32_t failure_s;
	/* How long an expired answer may serve when no server answers, at most 7 days; 0: off (RFC 8767) */
	uint32_t stale_s;
	uint32_t prefetch_percent; /* of its life left, at a hit: told to renew (10); 0: off */
};

/* Failures take no more than this part of max_bytes (RFC 9520 3.2), so that names that fail do not push answers out. */
enum { DNS_CACHE_FAILURE_PART = 8 };

enum dns_cache_kind {
	DNS_CACHED_ANSWER,
	DNS_CACHED_NODATA,
	DNS_CACHED_NXDOMAIN,
	DNS_CACHED_FAILURE
};

/* What is kept and given back. */
struct dns_cached {
	enum dns_cache_kind kind;
	int status;   /* of a failure: enum dns_status (dns/dns.h) */
	uint16_t ede; /* RFC 8914 code + 1, 0: none */
	/*
	 * NULL of a failure; TTLs as received. Of a got NXDOMAIN the question in it is the one that was answered then: another
	 * type perhaps, and a name above with from_above.
	 */
	const uint8_t *msg;
	size_t len;
	uint32_t ttl_s;	 /* put: life asked for; got: what is left of it, 0 when stale */
	uint32_t age_s;	 /* got: since it was put; records' TTLs are to be lowered by it */
	bool stale;	 /* got: over its time (RFC 8767) */
	bool prefetch;	 /* got: worth renewing now; told once an entry */
	bool from_above; /* got: an NXDOMAIN of a name above this one (RFC 8020) */
};

/* *out or -ENOMEM. `key` is secret. */
int dns_cache_new(struct dns_cache **out, const struct tapir_env *env,
		  const struct dns_cache_conf *conf, const uint8_t key[16]);
void dns_cache_free(struct dns_cache *c);
/* Other settings; lives that were given stay. What is over a smaller limit goes. */
void dns_cache_configure(struct dns_cache *c, const struct dns_cache_conf *conf);

/*
 * Keeps a copy. What was there goes. Not kept, which is no error: TTL 0 (or with the top bit, RFC 2181 8), a negative answer without SOA
 * (RFC 2308 5). A failure's ttl_s is not looked at. -ENOMEM: all is as it was. -E2BIG (larger than half the cache, or no cache): what was
 * there goes, nothing is kept. For the length of the call the copy comes on top of max_bytes.
 */
int dns_cache_put(struct dns_cache *c, const struct dns_question *q, const struct dns_cached *what,
		  uint64_t now_ns);
/*
 * Looks it up: true with *out, whose bytes are valid until the next call. With `stale` expired ones within stale_s too, and
 * before a failure; a miss of such a look is not counted. A failure is given while it lives. NXDOMAIN of a name above counts
 * (RFC 8020). Looks at no more than one place of the table a label, and four.
 */
bool dns_cache_get(struct dns_cache *c, const struct dns_question *q, uint64_t now_ns, bool stale,
		   struct dns_cached *out);
/* Forgets one name and all below it, and NXDOMAINs above it; NULL: everything. Returns how many entries. */
size_t dns_cache_flush(struct dns_cache *c, const struct dns_name *under);

struct dns_cache_stats {
	uint64_t hits, misses, negative_hits, failure_hits, stale_hits, insertions, evictions,
		prefetches;
	size_t entries, bytes;
};
void dns_cache_stats(const struct dns_cache *c, struct dns_cache_stats *out);

/*
 * Walks the living entries from most to least recently used: *at = 0 begins; true with the question and *out. Between the
 * calls the cache may be used; what is used or put meanwhile is not come to again.
 */
bool dns_cache_next(struct dns_cache *c, uint64_t now_ns, uint64_t *at, struct dns_question *q,
		    struct dns_cached *out);

/* Invariants, for tests. */
void dns_cache_check(const struct dns_cache *c);
/* The longest chain of the table, for tests. Not while it grows. */
unsigned dns_cache_longest_chain(const struct dns_cache *c);

#endif
