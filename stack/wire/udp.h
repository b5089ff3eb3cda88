/*
 * The UDP header (RFC 768).
 */
#ifndef TAPIR_WIRE_UDP_H
#define TAPIR_WIRE_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UDP_HLEN 8

struct udp_hdr {
	uint16_t sport;
	uint16_t dport;
	uint16_t len;  /* bytes, header included: 8..65535, never past what was received */
	uint16_t csum; /* 0: the sender made none */
};

/*
 * Decode the header of a datagram whose IP payload is len bytes. Returns UDP_HLEN; WIRE_ESHORT;
 * WIRE_ELEN when the length field is below 8 or past len. Bytes of the payload past the length
 * field are not part of the datagram (R768-1).
 */
int udp_hdr_decode(const uint8_t *p, size_t len, struct udp_hdr *out);

/* Write UDP_HLEN bytes, csum as given; returns UDP_HLEN. */
int udp_hdr_encode(uint8_t *p, const struct udp_hdr *h);

/* A computed checksum as it goes on the wire: zero is sent as all ones (R768-2). */
static inline uint16_t udp_csum_wire(uint16_t csum)
{
	return csum ? csum : 0xffff;
}

#endif
