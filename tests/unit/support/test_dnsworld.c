/* The world of the resolver's tests, asked by hand over a socket: what its servers answer, and their habits. */
#include <errno.h>

#include "tests/support/dnsworld.h"
#include "tests/support/test.h"

static struct dnsworld w;
static struct dnsworld_conf conf;

static int open_world(void **state)
{
	(void)state;
	dnsworld_conf_default(&conf, 1);
	dnsworld_open(&w, &conf);
	dnsworld_zone(&w, "example.", 300);
	dnsworld_a(&w, "www.example.", 60, TAPIR_IP4(192, 0, 2, 80));
	dnsworld_cname(&w, "alias.example.", 50, "www.example");
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	dnsworld_close(&w);
	return 0;
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

static size_t query(uint8_t *out, uint16_t id, const char *name, uint16_t type, bool edns)
{
	static const uint8_t opt[] = {0,  0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 12, 0,
				      10, 0, 8,	 1,    2,    3, 4, 5,	 6, 7, 8};
	size_t n = 12;

	memset(out, 0, 12);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[2] = 1;
	out[5] = 1;
	n += dnsworld_name(name, out + n);
	memcpy(out + n, (uint8_t[]){(uint8_t)(type >> 8), (uint8_t)type, 0, 1}, 4);
	n += 4;
	if (edns) {
		out[11] = 1;
		memcpy(out + n, opt, sizeof(opt));
		n += sizeof(opt);
	}
	return n;
}

static tapir_sock_t asking(unsigned server, const char *name, uint16_t type, bool edns)
{
	struct tapir_sockaddr to = dnsworld_addr(&w, server);
	tapir_sock_t s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	uint8_t q[300];
	size_t n = query(q, 0x1234, name, type, edns);

	assert_int_equal(tapir_connect(w.t, s, &to), 0);
	assert_int_equal(tapir_sendto(w.t, s, q, n, 0, NULL), n);
	return s;
}

static uint8_t reply[70000];

/* What comes within a second; the flags and rcode of it, or a negative errno. */
static int answer(tapir_sock_t s)
{
	int64_t n;

	dnsworld_pass(&w, DNSWORLD_S);
	n = tapir_recvfrom(w.t, s, reply, sizeof(reply), 0, NULL);
	if (n < 0)
		return (int)n;
	assert_true(n >= 12 && reply[0] == 0x12 && reply[1] == 0x34);
	return reply[2] << 8 | reply[3];
}

TEST(records_chains_and_nothing, "")
{
	static const uint8_t www[] = {192, 0, 2, 80};
	tapir_sock_t s = asking(0, "wWw.example.", DNS_TYPE_A, false);
	char name[256];

	assert_int_equal(answer(s), DNS_QR | DNS_RD | DNS_RA);
	assert_int_equal(reply[7], 1);
	assert_memory_equal(reply + 13, "wWw", 3);
	assert_memory_equal(reply + 12 + 13 + 4 + 12, www, 4);
	s = asking(1, "alias.example.", DNS_TYPE_A, true);
	assert_int_equal(answer(s), DNS_QR | DNS_RD | DNS_RA);
	assert_int_equal(reply[7], 2);
	assert_int_equal(reply[11], 1);
	s = asking(0, "www.example.", DNS_TYPE_AAAA, false);
	assert_int_equal(answer(s), DNS_QR | DNS_RD | DNS_RA);
	assert_int_equal(reply[7], 0);
	assert_int_equal(reply[9], 1);
	s = asking(0, "no.example.", DNS_TYPE_A, false);
	assert_int_equal(answer(s) & 15, DNS_RCODE_NXDOMAIN);
	s = asking(0, "elsewhere.", DNS_TYPE_A, false);
	assert_int_equal(answer(s) & 15, DNS_RCODE_REFUSED);
	assert_int_equal(dnsworld_count(&w, -1, false), 5);
	assert_int_equal(dnsworld_count(&w, 1, false), 1);
	assert_int_equal(dnsworld_count_name(&w, "www.example", 0), 2);
	assert_string_equal(dnsworld_qname(&w.seen[0], name), "wWw.example.");
	assert_true(w.seen[1].edns && w.seen[1].do_ && w.seen[1].cookie_len == 8);
	assert_int_equal(w.seen[1].udp_size, 1232);
	assert_int_equal(w.seen[1].to.port, 53);
	assert_true(w.seen[1].answer > 0);
}

TEST(habits_over_udp, "")
{
	struct dnsworld_habit *h = dnsworld_habit(&w, 0);
	tapir_sock_t s;

	h->silent = true;
	assert_int_equal(answer(asking(0, "www.example.", 1, false)), -EAGAIN);
	h->silent = false;
	h->refuse = true;
	dnsworld_serve(&w, 0);
	assert_int_equal(answer(asking(0, "www.example.", 1, false)), -ECONNREFUSED);
	h->refuse = false;
	dnsworld_serve(&w, 0);
	h->tc = true;
	assert_int_equal(answer(asking(0, "www.example.", 1, false)),
			 DNS_QR | DNS_TC | DNS_RD | DNS_RA);
	h->tc = false;
	h->formerr_edns = true;
	assert_int_equal(answer(asking(0, "www.example.", 1, true)) & 15, DNS_RCODE_FORMERR);
	assert_int_equal(answer(asking(0, "www.example.", 1, false)) & 15, 0);
	h->formerr_edns = false;
	h->cookies = h->want_cookie = true;
	s = asking(0, "www.example.", 1, true);
	assert_int_equal(answer(s) & 15, DNS_RCODE_BADCOOKIE & 15);
	/* The extended rcode's upper bits, and a cookie of 16 octets. */
	assert_int_equal(reply[12 + 13 + 4 + 5], DNS_RCODE_BADCOOKIE >> 4);
	assert_int_equal(reply[12 + 13 + 4 + 14], 16);
	h->want_cookie = false;
	h->delay_ns = 900 * DNSWORLD_MS;
	s = asking(0, "www.example.", 1, true);
	assert_int_equal(answer(s) & 15, 0);
	h->delay_ns = 1000 * DNSWORLD_MS;
	s = asking(0, "www.example.", 1, true);
	assert_int_equal(answer(s), -EAGAIN);
	assert_int_equal(answer(s) & 15, 0);
}

TEST(pipelined_queries_over_tcp_are_answered_and_idle_connections_end, "")
{
	struct tapir_sockaddr to = dnsworld_addr(&w, 0);
	tapir_sock_t s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	uint8_t q[600];
	size_t n = 0;

	dnsworld_habit(&w, 0)->tcp_reverse = true;
	dnsworld_habit(&w, 0)->tcp_idle_ns = 3 * DNSWORLD_S;
	for (uint16_t id = 7; id < 9; id++) {
		size_t len = query(q + n + 2, id, "www.example.", 1, false);

		q[n] = 0;
		q[n + 1] = (uint8_t)len;
		n += 2 + len;
	}
	assert_int_equal(tapir_connect(w.t, s, &to), -EINPROGRESS);
	dnsworld_pass(&w, DNSWORLD_S);
	assert_int_equal(tapir_sendto(w.t, s, q, n, 0, NULL), n);
	dnsworld_pass(&w, DNSWORLD_S);
	assert_true(tapir_recvfrom(w.t, s, reply, sizeof(reply), 0, NULL) == 2 * (2 + 29 + 16));
	assert_int_equal(reply[3], 8);
	assert_int_equal(reply[2 + 29 + 16 + 3], 7);
	assert_int_equal(tapir_recvfrom(w.t, s, reply, sizeof(reply), 0, NULL), -EAGAIN);
	assert_int_equal(w.server[0].conns_open, 1);
	dnsworld_pass(&w, 3 * DNSWORLD_S);
	assert_int_equal(tapir_recvfrom(w.t, s, reply, sizeof(reply), 0, NULL), 0);
	assert_int_equal(w.server[0].conns_open, 0);
	assert_int_equal(dnsworld_count(&w, 0, true), 2);
}

TEST(the_link_s_responder_answers_what_it_has, "")
{
	struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(224, 0, 0, 251), 5353);
	tapir_sock_t s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	uint8_t q[300];

	dnsworld_zone(&w, "local.", 10);
	dnsworld_a(&w, "printer.local.", 10, TAPIR_IP4(10, 0, 0, 9));
	dnsworld_mdns(&w);
	dnsworld_pass(&w, DNSWORLD_S);
	assert_true(tapir_sendto(w.t, s, q, query(q, 0x1234, "printer.local", 1, false), 0, &to) >
		    0);
	assert_int_equal(answer(s) & 15, 0);
	assert_int_equal(reply[7], 1);
	tapir_sendto(w.t, s, q, query(q, 0x1234, "scanner.local", 1, false), 0, &to);
	assert_int_equal(answer(s), -EAGAIN);
	assert_int_equal(dnsworld_count_name(&w, NULL, 0), 2);
}

TEST(a_forged_datagram_arrives, "")
{
	struct tapir_sockaddr from = dnsworld_addr(&w, 1), us;
	tapir_sock_t s = asking(0, "any.any.example.", 1, false);
	char buf[4];

	assert_int_equal(tapir_getsockname(w.t, s, &us), 0);
	dnsworld_forge(&w, from, us, "bad", 3);
	assert_int_equal(tapir_recvfrom(w.t, s, buf, 4, 0, NULL), -EAGAIN);
	from = dnsworld_addr(&w, 0);
	dnsworld_forge(&w, from, us, "bad", 3);
	assert_int_equal(tapir_recvfrom(w.t, s, buf, 4, 0, NULL), 3);
	dnsworld_any(&w, "any.example.", 5, false);
	assert_int_equal(answer(asking(0, "x.any.example.", 1, false)), DNS_QR | DNS_RD | DNS_RA);
	assert_int_equal(reply[7], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(records_chains_and_nothing),
		WORLD(habits_over_udp),
		WORLD(pipelined_queries_over_tcp_are_answered_and_idle_connections_end),
		WORLD(the_link_s_responder_answers_what_it_has),
		WORLD(a_forged_datagram_arrives),
	};

	return tapir_test_run("unit/support/test_dnsworld", tests);
}
