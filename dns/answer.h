/*
 * What a reply says to a question (RFC 1034 5.3.3, RFC 2308 2): the chain of CNAMEs from the name asked for, in whatever order
 * it came, and at its end the records, nothing, or no such name. Only records whose owner is in that chain count, only from the answer
 * section (RFC 2181 5.4.1), only of the question's class. A DNAME counts by the CNAME that comes with it.
 */
#ifndef TAPIR_DNS_ANSWER_H
#define TAPIR_DNS_ANSWER_H

#include "dns/rr.h"

enum dns_answer_kind {
	DNS_ANSWER_RECORDS,
	DNS_ANSWER_NODATA,
	DNS_ANSWER_NXDOMAIN,
	DNS_ANSWER_CNAME, /* the chain ends in a name that the reply says nothing about: ask for `target` */
	DNS_ANSWER_REFERRAL, /* NS records of a zone and no answer: the server does not recurse for us */
	DNS_ANSWER_LOOP,    /* the chain comes back to itself or is longer than DNS_CHAIN_MAX */
	DNS_ANSWER_FAILURE, /* another rcode: dns_msg.rcode has it */
};

enum { DNS_CHAIN_MAX = 16 };

struct dns_answer {
	enum dns_answer_kind kind;
	struct dns_name target; /* the last name of the chain; the question's own without one */
	unsigned chain;		/* CNAMEs followed */
	unsigned nrecords;	/* at its end */
	unsigned dropped;	/* records at its end that max_records or the room left out */
	uint32_t
		ttl_s; /* least of all that counts, RFC 2181 5.2; of NODATA and NXDOMAIN RFC 2308 5's */
	bool has_soa; /* NODATA, NXDOMAIN: may be cached (RFC 2308 5) */
};

/*
 * Reads decoded `m` as the answer to `q` and writes what counts as a message of its own into out: header (id 0, QR, RD, RA, AD and rcode
 * of m), q as asked, chain and records in order with RFC 2181's TTL reading, the SOA in the authority section of a negative answer.
 * RRSIGs of what counts are kept behind it. Returns the length of that message, or -EMSGSIZE when not even the header fits. *a is always filled.
 */
int dns_answer_read(const struct dns_msg *m, const struct dns_question *q, unsigned max_records,
		    uint8_t *out, size_t cap, struct dns_answer *a);

/* Lowers every record's TTL in a message made by the above, or from it, by age_s, but not below least_s. */
void dns_answer_age(uint8_t *msg, size_t len, uint32_t age_s, uint32_t least_s);

/*
 * `first` ended in DNS_ANSWER_CNAME and `second` answers its target: one message to first's question with both, written to out. Returns its
 * length or -EMSGSIZE, -ELOOP when the chains together are too long or meet.
 */
int dns_answer_append(const uint8_t *first, size_t first_len, const uint8_t *second,
		      size_t second_len, uint8_t *out, size_t cap);

#endif
