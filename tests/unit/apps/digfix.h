/*
 * What the tests of dig's printing begin from: a query and its result, with a reply that each test makes.
 */
#ifndef TAPIR_TESTS_UNIT_APPS_DIGFIX_H
#define TAPIR_TESTS_UNIT_APPS_DIGFIX_H

#include <stdio.h>

#include "apps/dig.h"
#include "dns/rr.h"
#include "tests/support/test.h"

static struct dig_args args;
static struct dig_query q;
static struct dig_result r;
static uint8_t reply[DNS_MSG_MAX];
static struct dns_enc enc;

static inline struct dns_name name(const char *s)
{
	struct dns_name n;
	assert_int_equal(dns_name_parse(&n, s, strlen(s), NULL), 0);
	return n;
}

/* dig's defaults, of a server at 192.0.2.53 that is called so; over UDP. */
static inline void begin_result(const char *server)
{
	dig_args_init(&args, stderr);
	q = args.defaults;
	r = (struct dig_result){.args = &args,
				.q = &q,
				.server = tapir_sockaddr_v4(TAPIR_IP4(192, 0, 2, 53), 0),
				.server_name = server,
				.took_us = 1234,
				.when = 1795213117};
}

#endif
