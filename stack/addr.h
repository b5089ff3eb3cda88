/*
 * Network addresses.
 *
 * An address is 16 bytes whatever its family: an IPv4 address is held in its IPv4-mapped form
 * (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that tables, tuples and sockets keep one layout when a
 * second family arrives. The IPv4 layer itself works on host-order uint32_t.
 */
#ifndef TAPIR_ADDR_H
#define TAPIR_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The build hides every other symbol, so that a program that links us sees this interface only. */
#define TAPIR_API __attribute__((visibility("default")))

/* An IPv6 address, or an IPv4 address in mapped form. All zero is "any" of either family. */
struct tapir_addr {
	uint8_t b[16];
};

/* A transport address. `port` is in host order; `ifindex` 0 means "any interface". */
struct tapir_sockaddr {
	struct tapir_addr addr;
	uint16_t port;
	uint16_t ifindex;
};

/* An Ethernet address. */
struct tapir_mac {
	uint8_t b[6];
};

/* An IPv4 address in host order, as the four numbers that people write. */
#define TAPIR_IP4(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* The family-neutral form of the host-order IPv4 address `ip4`; 0.0.0.0 becomes "any". */
static inline struct tapir_addr tapir_addr_v4(uint32_t ip4)
{
	struct tapir_addr a = {{0}};

	if (ip4 == 0)
		return a;
	a.b[10] = 0xff;
	a.b[11] = 0xff;
	a.b[12] = (uint8_t)(ip4 >> 24);
	a.b[13] = (uint8_t)(ip4 >> 16);
	a.b[14] = (uint8_t)(ip4 >> 8);
	a.b[15] = (uint8_t)ip4;
	return a;
}

/* The host-order IPv4 address in `a`, 0 for "any". Only for addresses that tapir_addr_is_v4 accepts. */
static inline uint32_t tapir_addr_to_v4(const struct tapir_addr *a)
{
	return TAPIR_IP4(a->b[12], a->b[13], a->b[14], a->b[15]);
}

static inline bool tapir_addr_eq(const struct tapir_addr *a, const struct tapir_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool tapir_addr_is_any(const struct tapir_addr *a)
{
	static const struct tapir_addr any = {{0}};

	return tapir_addr_eq(a, &any);
}

/* Whether `a` can be used with the IPv4 layer: mapped form, or "any". */
static inline bool tapir_addr_is_v4(const struct tapir_addr *a)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return tapir_addr_is_any(a) || memcmp(a->b, prefix, sizeof(prefix)) == 0;
}

/* Shorthand: the transport address of host-order `ip4` and host-order `port`, on any interface. */
static inline struct tapir_sockaddr tapir_sockaddr_v4(uint32_t ip4, uint16_t port)
{
	struct tapir_sockaddr sa = {tapir_addr_v4(ip4), port, 0};

	return sa;
}

#endif
