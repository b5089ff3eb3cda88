#ifndef TAPIR_TESTS_UNIT_UDP_UTIL_H
#define TAPIR_TESTS_UNIT_UDP_UTIL_H

/* What the tests of datagram sockets have in common: a world, and calls in one line. */
#include <errno.h>

#include "tests/support/test.h"
#include "tests/support/world.h"

static struct world w;
static uint8_t frame[WORLD_FRAME];
static struct world_pkt pk;

static inline int raw_world(void **state)
{
	(void)state;
	world_open(&w, TAPIR_NETIF_RAW_IP);
	return 0;
}

static inline int ether_world(void **state)
{
	(void)state;
	world_open(&w, TAPIR_NETIF_ETHER);
	return 0;
}

static inline int end_world(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

#define RAW(f)	 cmocka_unit_test_setup_teardown(f, raw_world, end_world)
#define ETHER(f) cmocka_unit_test_setup_teardown(f, ether_world, end_world)

static inline tapir_sock_t udp(void)
{
	tapir_sock_t s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);

	assert_true(s > 0);
	return s;
}

static inline int bind_to(tapir_sock_t s, uint32_t ip4, uint16_t port)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(ip4, port);

	return tapir_bind(w.t, s, &sa);
}

static inline int connect_to(tapir_sock_t s, uint32_t ip4, uint16_t port)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(ip4, port);

	return tapir_connect(w.t, s, &sa);
}

static inline tapir_sock_t bound(uint32_t ip4, uint16_t port)
{
	tapir_sock_t s = udp();

	assert_int_equal(bind_to(s, ip4, port), 0);
	return s;
}

static inline int64_t send_to(tapir_sock_t s, uint32_t ip4, uint16_t port, const void *p, size_t n)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(ip4, port);

	return tapir_sendto(w.t, s, p, n, 0, &sa);
}

static inline int64_t recv_msg(tapir_sock_t s, void *p, size_t n, int flags, struct tapir_msg *m)
{
	struct iovec iov = {p, n};

	return tapir_recvmsg(w.t, s, &iov, 1, flags, m);
}

static inline int64_t recv_from(tapir_sock_t s, void *p, size_t n)
{
	return tapir_recvfrom(w.t, s, p, n, 0, NULL);
}

static inline int set_opt(tapir_sock_t s, int level, int name, int v)
{
	return tapir_setsockopt(w.t, s, level, name, &v, sizeof(v));
}

static inline int get_opt(tapir_sock_t s, int level, int name)
{
	size_t n = sizeof(int);
	int v = -12345;

	assert_int_equal(tapir_getsockopt(w.t, s, level, name, &v, &n), 0);
	assert_int_equal(n, sizeof(v));
	return v;
}

static inline int so_error(tapir_sock_t s)
{
	return get_opt(s, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR);
}

static inline uint16_t local_port(tapir_sock_t s)
{
	struct tapir_sockaddr sa;

	assert_int_equal(tapir_getsockname(w.t, s, &sa), 0);
	return sa.port;
}

/* A datagram from the peer (or another source) to one of our ports. */
static inline void push_udp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
			    const void *p, size_t n)
{
	size_t len = world_udp(frame, src, dst, sport, dport, p, n);

	assert_int_equal(world_push_ip(&w, frame, len), 0);
}

/* The next packet that leaves, in pk. */
static inline void expect_pkt(uint8_t proto)
{
	assert_true(world_expect(&w, frame, &pk));
	assert_int_equal(pk.proto, proto);
}

static inline void expect_nothing(void)
{
	assert_int_equal(world_pending(&w), 0);
}

/* An ICMP error from `from` about the datagram src:sport -> dst:dport that we sent. */
static inline void push_icmp_err(uint32_t from, uint8_t type, uint8_t code, uint32_t rest,
				 uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst,
				 uint16_t dport, size_t quoted_len)
{
	uint8_t quote[28] = {0x45};
	size_t n;

	quote[2] = (uint8_t)(quoted_len >> 8);
	quote[3] = (uint8_t)quoted_len;
	quote[8] = 60;
	quote[9] = proto;
	for (int i = 0; i < 4; i++) {
		quote[12 + i] = (uint8_t)(src >> (24 - 8 * i));
		quote[16 + i] = (uint8_t)(dst >> (24 - 8 * i));
	}
	if (proto == 1) {
		quote[20] = 8;
		quote[24] = (uint8_t)(sport >> 8);
		quote[25] = (uint8_t)sport;
		quote[26] = (uint8_t)(dport >> 8);
		quote[27] = (uint8_t)dport;
	} else {
		quote[20] = (uint8_t)(sport >> 8);
		quote[21] = (uint8_t)sport;
		quote[22] = (uint8_t)(dport >> 8);
		quote[23] = (uint8_t)dport;
		quote[24] = (uint8_t)((quoted_len - 20) >> 8);
		quote[25] = (uint8_t)(quoted_len - 20);
	}
	uint16_t c = world_cksum(quote, 20, 0);
	quote[10] = (uint8_t)(c >> 8);
	quote[11] = (uint8_t)c;
	n = world_icmp(frame, from, WORLD_US, type, code, rest, quote, sizeof(quote));
	assert_int_equal(world_push_ip(&w, frame, n), 0);
}

#endif
