/*
 * A query as it goes out, and whether what comes back is a reply to it (RFC 5452 9.1). Pure.
 */
#ifndef TAPIR_DNS_PACKET_H
#define TAPIR_DNS_PACKET_H

#include "dns/dns.h"
#include "stack/base.h"

/* Option codes that the resolver itself sends and reads. */
enum { DNS_OPTION_COOKIE = 10, DNS_OPTION_KEEPALIVE = 11 };

/*
 * Where randomness comes from. With dns_conf.entropy_bits only that many bits are random, given out in the order in which they
 * are asked for (ID, port, case); the rest are zero.
 */
struct dns_dice {
	struct chacha_rng *rng;
	bool limited;
	unsigned left;
};
uint32_t dns_dice_bits(struct dns_dice *d, unsigned n); /* n <= 32 */

struct dns_packet_form {
	const struct dns_question *q;
	uint16_t id;
	unsigned flags; /* enum dns_query_flag: NO_RD DO CD AD */
	bool edns, x20;
	bool keepalive; /* RFC 7828: over a stream only */
	uint16_t udp_size;
	const uint8_t *cookie; /* option 10's octets */
	size_t cookie_len;     /* 0: none */
	const uint8_t *options;
	size_t options_len;
};

struct dns_packet {
	uint16_t id, len;
	uint16_t question_len; /* octets of the question section, from offset 12 */
	bool edns, mixed;      /* mixed: the case is random */
	uint8_t cookie_len;    /* of option 10 as sent, 0: none */
	uint8_t cookie[8];     /* the client's part */
	uint8_t b[DNS_QUERY_MAX];
};

/* 0 or -EMSGSIZE: the caller's options have no room. */
int dns_packet_make(struct dns_packet *p, const struct dns_packet_form *f, struct dns_dice *dice);

enum dns_fit {
	DNS_FIT_YES,
	DNS_FIT_OTHER,	   /* of another question, or of none: forged, late, no reply */
	DNS_FIT_CASE,	   /* all fits but the case of the name */
	DNS_FIT_COOKIE,	   /* our cookie came back wrong, or of no legal length */
	DNS_FIT_NO_COOKIE, /* all fits, but a server that has cookies sent none */
	DNS_FIT_MALFORMED, /* header and question fit, the rest is no DNS */
	DNS_FIT_BARE,	   /* an error without a question that says what it is about */
	DNS_FIT_SHORT,	   /* less than a header */
};

/*
 * `stream`: of a connection, where nobody forges: the case may differ, an error may lack its question. *m is filled with YES, BARE and
 * NO_COOKIE; *kept: the question came back octet by octet.
 */
enum dns_fit dns_packet_fit(const struct dns_packet *p, bool stream, const uint8_t *b, size_t len,
			    struct dns_msg *m, bool *kept);

#endif
