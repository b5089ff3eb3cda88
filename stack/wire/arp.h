/*
 * ARP for IPv4 over Ethernet (RFC 826).
 */
#ifndef TAPIR_WIRE_ARP_H
#define TAPIR_WIRE_ARP_H

#include <stddef.h>
#include <stdint.h>

#include "stack/wire/eth.h"

#define ARP_LEN	       28 /* bytes of a packet; what follows is padding */
#define ARP_OP_REQUEST 1
#define ARP_OP_REPLY   2

struct arp_pkt {
	uint16_t op; /* any value: RFC 826 merges before it looks at the opcode */
	uint8_t sha[ETH_ALEN];
	uint32_t spa; /* sender's IPv4 address, host order */
	uint8_t tha[ETH_ALEN];
	uint32_t tpa;
};

/*
 * Decode the payload of an ARP frame. Returns ARP_LEN; or WIRE_ESHORT, WIRE_EHTYPE, WIRE_EPTYPE,
 * WIRE_EHLEN, WIRE_EPLEN with *out untouched: nothing of a packet with other types or lengths is
 * looked at.
 */
int arp_decode(const uint8_t *p, size_t len, struct arp_pkt *out);

/* Write ARP_LEN bytes; returns ARP_LEN. */
int arp_encode(uint8_t *p, const struct arp_pkt *a);

#endif
