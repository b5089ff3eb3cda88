/*
 * Ethernet II frames (RFC 894) and what may stand in their place: VLAN tags and 802.3 lengths.
 */
#ifndef TAPIR_WIRE_ETH_H
#define TAPIR_WIRE_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ETH_ALEN 6  /* bytes of a MAC address */
#define ETH_HLEN 14 /* bytes of a header */
#define ETH_ZLEN \
	60 /* least bytes of a frame on the wire, without FCS: shorter ones are zero padded */
#define ETH_TYPE_MIN  1536 /* smaller values are 802.3 lengths */
#define ETH_TYPE_IPV4 0x0800
#define ETH_TYPE_ARP  0x0806
#define ETH_TYPE_RARP 0x8035
#define ETH_TYPE_VLAN 0x8100 /* 802.1Q customer tag */
#define ETH_TYPE_IPV6 0x86dd
#define ETH_TYPE_QINQ 0x88a8 /* 802.1ad service tag */

struct eth_hdr {
	uint8_t dst[ETH_ALEN];
	uint8_t src[ETH_ALEN];
	uint16_t type;
};

/*
 * Decode a frame's header. Returns ETH_HLEN; WIRE_ESHORT with *out untouched; or, with *out filled,
 * WIRE_EVLAN for a tag (type is the tag's), WIRE_E8023 for a length.
 */
int eth_hdr_decode(const uint8_t *p, size_t len, struct eth_hdr *out);

/* Write ETH_HLEN bytes; returns ETH_HLEN. */
int eth_hdr_encode(uint8_t *p, const struct eth_hdr *h);

static inline bool mac_equal(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, ETH_ALEN) == 0;
}

static inline void mac_copy(uint8_t *dst, const uint8_t *src)
{
	memcpy(dst, src, ETH_ALEN);
}

/* The group bit: multicast or broadcast. */
static inline bool mac_is_group(const uint8_t *m)
{
	return m[0] & 1;
}

static inline bool mac_is_broadcast(const uint8_t *m)
{
	return (m[0] & m[1] & m[2] & m[3] & m[4] & m[5]) == 0xff;
}

static inline bool mac_is_zero(const uint8_t *m)
{
	return (m[0] | m[1] | m[2] | m[3] | m[4] | m[5]) == 0;
}

/* An address one host can have: neither a group nor zero. */
static inline bool mac_is_unicast(const uint8_t *m)
{
	return !mac_is_group(m) && !mac_is_zero(m);
}

static inline void mac_set_broadcast(uint8_t *m)
{
	memset(m, 0xff, ETH_ALEN);
}

/* The MAC address for the IPv4 group (host order): 01:00:5e and its low 23 bits (RFC 1112 6.4). */
static inline void mac_from_ip4_group(uint8_t *m, uint32_t group)
{
	m[0] = 0x01;
	m[1] = 0x00;
	m[2] = 0x5e;
	m[3] = (group >> 16) & 0x7f;
	m[4] = (uint8_t)(group >> 8);
	m[5] = (uint8_t)group;
}

#endif
