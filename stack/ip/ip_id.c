/*
 * Identifications of datagrams that may be fragmented (RFC 6864).
 *
 * Two wishes pull against each other. Within two minutes (the longest that a datagram lives) no value
 * may come twice for one (source, destination, protocol), which a counter does. And nobody may guess
 * the next value, learn from his own what others get, or count our datagrams, which a counter betrays
 * (idle scans; CVE-2019-10638; CVE-2020-36516).
 *
 * So a counter is kept, but never shown: each value goes through a permutation of the 16-bit numbers
 * that belongs to the tuple alone, a Feistel network of four rounds keyed by SipHash.
 *
 *	(src, dst, proto) --siphash--> bucket -> counter n ----+
 *	                  \--siphash--> key of the tuple --> permutation --> identification
 *
 * A permutation gives different values for different n: it is unique for as long as the counter has
 * not gone round. Tuples that share a bucket share its counter, which only makes their own values
 * sparser; what one of them sees tells nothing of the other. There is no table to fill.
 *
 * The counter may not go round within two minutes: a bucket gives 32768 at once and 273 a second after
 * that, 65528 in any two minutes. Then the sender has to wait (R6864-6) or to forbid fragmentation.
 */
#include <errno.h>

#include "stack/base/siphash.h"
#include "stack/core/limit.h"
#include "stack/core/random.h"
#include "stack/ip/ip_state.h"

enum {
	BUCKETS = 1024,
	BURST = 32768,
	RATE = 273, /* a second: BURST + 120 * RATE < 65536 */
	ROUNDS = 4,
};

struct ipid {
	struct siphash_key key;
	uint64_t full_ns[BUCKETS]; /* core/limit.h */
	uint16_t next[BUCKETS];
};

/* Two halves of eight bits; each round mixes one into the other, so each round can be undone. */
static uint16_t permute(uint64_t key, uint16_t n)
{
	uint8_t l = (uint8_t)(n >> 8), r = (uint8_t)n;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct siphash_key round = {key, i};
		uint8_t f = (uint8_t)(l ^ siphash_1u64(r, &round));

		l = r;
		r = f;
	}
	return (uint16_t)(l << 8 | r);
}

int ipid_next(struct tapir *t, uint32_t src, uint32_t dst, uint8_t proto, uint16_t *id)
{
	struct ipid *s = t->ip->ipid;
	/* R6274-5, CL-37, CL-38, CL-39: nothing seen on the wire leads to the key. */
	uint64_t tuple = siphash_2u64((uint64_t)src << 32 | dst, proto, &s->key);
	unsigned b = (unsigned)(tuple >> 32) % BUCKETS;

	/* R6864-4, R6864-6 */
	if (!limit_take(&s->full_ns[b], t->now_ns, RATE, BURST, 1))
		return -EAGAIN;
	*id = permute(tuple, s->next[b]++);
	return 0;
}

int ipid_init(struct tapir *t)
{
	struct ipid *s = mem_zalloc(t, sizeof(*s));

	if (!s)
		return -ENOMEM;
	random_bytes(t, &s->key, sizeof(s->key));
	t->ip->ipid = s;
	return 0;
}

void ipid_fini(struct tapir *t)
{
	if (t->ip->ipid)
		mem_free(t, t->ip->ipid, sizeof(*t->ip->ipid));
	t->ip->ipid = NULL;
}
