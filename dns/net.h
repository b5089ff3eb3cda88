/*
 * One question to one of the servers, until a reply comes that is one (RFC 5452 9.1): sockets, retries, transports, servers.
 * Above it is the resolver (dns.c, lookup.c), which knows what answers mean; here a reply is bytes whose header and question match.
 */
#ifndef TAPIR_DNS_NET_H
#define TAPIR_DNS_NET_H

#include "dns/dns.h"
#include "stack/base.h"

struct dns_net;

/* A question on its way. In the caller's memory; from dns_net_ask() until it is popped or cancelled it stays in place. */
struct dns_ask {
	/* the caller's */
	struct dns_question q;
	unsigned
		flags; /* enum dns_query_flag: RAW TCP TLS NO_RD DO CD AD NO_EDNS NO_COOKIE IGNORE_TC ONE_SERVER_FIRST */
	struct tapir_sockaddr server; /* any: the configured ones */
	uint64_t deadline_ns;
	unsigned attempts;
	const uint8_t *options; /* EDNS options besides the cookie, as in struct dns_query */
	size_t options_len;
	/* the result */
	enum dns_status
		status; /* DNS_OK: a reply (rcode NOERROR or NXDOMAIN, or any with RAW); else why there is none */
	uint8_t *
		reply; /* allocated; dns_ask_release() frees it. NULL: none. After failures the last reply that had an rcode */
	size_t reply_len;
	struct dns_story *story; /* allocated with the question, released with it */
	/* dns_net's */
	struct list node;
	struct heap_node timer;
	struct list tries;
	void *priv;
};

int dns_net_create(struct dns_net **out, struct tapir *t, const struct dns_env *env,
		   const struct dns_conf *conf, struct chacha_rng *rng);
void dns_net_destroy(struct dns_net *n);
int dns_net_configure(struct dns_net *n, const struct dns_conf *conf);

/* 0 or -ENOMEM; whatever else goes wrong is told by popping it. */
int dns_net_ask(struct dns_net *n, struct dns_ask *a);
/* Forgets it, whether under way or over. */
void dns_net_cancel(struct dns_net *n, struct dns_ask *a);
/* The next question that is over, or NULL. */
struct dns_ask *dns_net_pop(struct dns_net *n);
void dns_ask_release(struct dns_net *n, struct dns_ask *a);

bool dns_net_ready(struct dns_net *n, tapir_sock_t s,
		   uint32_t bits); /* false: not one of its sockets */
void dns_net_advance(struct dns_net *n);
uint64_t dns_net_next_deadline(struct dns_net *n);
void dns_net_stats(const struct dns_net *n, struct dns_stats *s);
int dns_net_server(const struct dns_net *n, unsigned i, struct dns_server_info *out);
void dns_net_check(const struct dns_net *n);

/* What an rcode makes of a question: NOERROR is DNS_OK. */
enum dns_status dns_rcode_status(uint16_t rcode);

#endif
