/*
 * What is known of a name server: how fast it answers, whether it does at all, what it can do. No sockets and no clock here: times are told.
 */
#ifndef TAPIR_DNS_SERVER_H
#define TAPIR_DNS_SERVER_H

#include "dns/pipe.h"

enum { DNS_COOKIE_CLIENT_LEN = 8, DNS_COOKIE_SERVER_MAX = 32, DNS_COOKIE_MAX = 40 };

/* Bounds of the waits of which server.c tells. */
#define DNS_MS		     UINT64_C(1000000)
#define DNS_HEDGE_MIN_NS     (50 * DNS_MS)
#define DNS_HEDGE_MAX_NS     (300 * DNS_MS)
#define DNS_HEDGE_UNKNOWN_NS (250 * DNS_MS)
#define DNS_RESEND_MIN_NS    (300 * DNS_MS)
#define DNS_RESEND_MAX_NS    (1000 * DNS_MS)
#define DNS_PROBE_MIN_NS     (1000 * DNS_MS)
#define DNS_PROBE_MAX_NS     (64000 * DNS_MS) /* below RFC 2308 7.2's five minutes */
#define DNS_MEASURE_NS	     (60000 * DNS_MS)
#define DNS_STALE_RTT_NS     (30000 * DNS_MS)
#define DNS_NO_EDNS_NS	     (600000 * DNS_MS)
#define DNS_NO_X20_NS	     (3600000 * DNS_MS)
#define DNS_NO_COOKIE_NS     (300000 * DNS_MS)
#define DNS_WINDOW_NS	     (600000 * DNS_MS)
enum { DNS_DEAD_AFTER = 2, DNS_X20_ODD_MAX = 3 };

struct dns_try;

struct dns_server {
	struct list node; /* dns_net.servers, the one used last at the end */
	struct tapir_sockaddr addr;
	unsigned refs;		     /* by the settings, candidates, and tries without a question */
	uint32_t srtt_us, rttvar_us; /* RFC 6298 2's; 0: not measured */
	uint64_t measured_ns;
	unsigned failures; /* questions in a row without any answer */
	uint64_t
		probe_ns; /* failing: when it is asked beside another; else when it was passed over and may be measured */
	/* Until when something is left off; 0: it is not. */
	uint64_t no_edns_ns, no_x20_ns, no_cookie_ns;
	uint8_t x20_odd;	      /* replies over UDP in another case, in a row */
	bool edns_seen;		      /* it has sent an OPT record */
	bool case_unkept;	      /* over TCP, where nobody forges, it did not keep the case */
	struct tapir_addr cookie_own; /* our address that the server's cookie is for */
	uint8_t cookie_len;	      /* octets of the server's cookie, 0: none known */
	uint8_t cookie[DNS_COOKIE_SERVER_MAX];
	uint64_t sent, answered;
	struct dns_try *lingers; /* unanswered when its question was over */
	struct dns_pipe tcp, tls;
};

void dns_server_init(struct dns_server *s, const struct tapir_sockaddr *addr);

/* It answered: after rtt_ns, 0: not known (it had been sent more than once, RFC 6298 3). */
void dns_server_answered(struct dns_server *s, uint64_t rtt_ns, uint64_t now);
/* The same, without an answer: a connection to it came about. */
void dns_server_lives(struct dns_server *s, uint64_t rtt_ns, uint64_t now);
/* It has not answered for `waited_ns`, and another is asked. */
void dns_server_late(struct dns_server *s, uint64_t waited_ns);
/* A question ended without any answer of it. */
void dns_server_failed(struct dns_server *s, uint64_t now);

bool dns_server_dead(const struct dns_server *s);
/* It should be asked beside the one that is asked: then it is not due again for a while. */
bool dns_server_probe(struct dns_server *s, uint64_t now);

/* How long to wait for it before another is asked too. */
uint64_t dns_server_hedge_ns(const struct dns_server *s);
/* How long before the same question, sent `sent` times (>= 1), is sent to it again. */
uint64_t dns_server_resend_ns(const struct dns_server *s, unsigned sent);

/* Sorts: what answers before what fails, the faster first unless `rotate`; else as they stand. */
void dns_server_sort(struct dns_server **s, unsigned n, bool rotate);

/* What a query to it may have in it now. */
bool dns_server_edns(const struct dns_server *s, uint64_t now);
bool dns_server_x20(const struct dns_server *s, uint64_t now);
bool dns_server_cookies(const struct dns_server *s, uint64_t now);
/* It answers without EDNS what it refuses with it. */
void dns_server_no_edns(struct dns_server *s, uint64_t now);
/* A matching reply over UDP kept the case, or had another. */
void dns_server_case(struct dns_server *s, bool kept, uint64_t now);
/* A reply over TCP did not keep the case: none is forged there, so it is the server's way. */
void dns_server_case_unkept(struct dns_server *s, uint64_t now);

/* The COOKIE option for it from our address `own`: octets written. */
size_t dns_server_cookie(struct dns_server *s, const struct tapir_addr *own,
			 const struct siphash_key *secret, uint8_t out[DNS_COOKIE_MAX]);
/* The server's part of a COOKIE option that came back to `own`; and none came. */
void dns_server_cookie_got(struct dns_server *s, const struct tapir_addr *own, const uint8_t *p,
			   size_t len);
void dns_server_cookie_none(struct dns_server *s, uint64_t now);

void dns_server_check(const struct dns_server *s);

#endif
