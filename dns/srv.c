/*
 * Which of a service's targets to try first (RFC 2782, "Usage rules").
 *
 * The lowest priority goes first. Among equals the next is drawn by weight: those of weight 0 stand first, the weights are summed up from
 * there, and the first whose sum reaches a random number from 0 to the whole is taken; so one of weight 0 is still taken now
 * and then. It is taken out and the next drawn from what is left, to the end: the whole list is an order in which to try.
 *
 * Addresses in the additional section are not looked at: only what answers the question is believed (RFC 2181 5.4.1). Each
 * target is looked up by its name, which the cache often knows (D2782-4).
 */
#include <errno.h>

#include "dns/resolver.h"

enum { SRV_RDATA_MAX = 6 + DNS_NAME_MAX };

int dns_srv_read(const uint8_t *msg, size_t len, struct dns_srv *out, unsigned max)
{
	uint8_t rdata[SRV_RDATA_MAX];
	struct dns_rr_iter it;
	unsigned n = 0;
	struct dns_msg m;
	struct dns_rr rr;

	if (!msg || dns_msg_decode(&m, msg, len, NULL) < 0)
		return -EINVAL;
	for (dns_rr_begin(&m, &it); n < max && dns_rr_next(&m, &it, &rr);) {
		if (rr.section != DNS_ANSWER || rr.type != DNS_TYPE_SRV)
			continue;
		int k = dns_rdata_expand(&m, &rr, rdata, sizeof(rdata));
		if (k < 0 || dns_rdata_name(rr.type, rdata, (size_t)k, &out[n].target) < 0)
			continue;
		out[n].priority = (uint16_t)(rdata[0] << 8 | rdata[1]);
		out[n].weight = (uint16_t)(rdata[2] << 8 | rdata[3]);
		out[n++].port = (uint16_t)(rdata[4] << 8 | rdata[5]);
	}
	/* D2782-3: a lone "." says that the service is decidedly not there */
	return n == 1 && dns_name_is_root(&out[0].target) ? -ENOENT : (int)n;
}

static void swap(struct dns_srv *a, struct dns_srv *b)
{
	struct dns_srv t = *a;

	*a = *b;
	*b = t;
}

/* Whether a stands before b before any drawing: by priority, then those of weight 0. */
static bool before(const struct dns_srv *a, const struct dns_srv *b)
{
	return a->priority != b->priority ? a->priority < b->priority : !a->weight && b->weight;
}

void dns_srv_order(struct dns *d, struct dns_srv *s, unsigned n)
{
	/* stable, so that the same answer and the same random numbers give the same order */
	for (unsigned i = 1; i < n; i++) {
		for (unsigned k = i; k > 0 && before(&s[k], &s[k - 1]); k--)
			swap(&s[k], &s[k - 1]);
	}
	/* D2782-1 */
	for (unsigned i = 0; i < n; i++) {
		uint32_t sum = 0, upto = 0;
		unsigned pick = i, last = i;

		for (; last < n && s[last].priority == s[i].priority; last++)
			sum += s[last].weight;
		uint32_t at = chacha_rng_below(&d->rng, sum + 1);
		for (unsigned k = i; k < last; k++) {
			upto += s[k].weight;
			if (upto >= at) {
				pick = k;
				break;
			}
		}
		/* the others keep their order, those of weight 0 first */
		for (; pick > i; pick--)
			swap(&s[pick], &s[pick - 1]);
	}
}
