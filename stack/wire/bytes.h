/*
 * Big-endian loads and stores at any alignment. Written as shifts; gcc and clang fold each to one
 * load or store with a byte swap. Also the reasons for which a decoder refuses.
 */
#ifndef TAPIR_WIRE_BYTES_H
#define TAPIR_WIRE_BYTES_H

#include <stdint.h>

/*
 * Why a decoder refused. Each returns the bytes of header consumed (> 0) or one of these (< 0); a
 * decoder's header says which ones. What the codec cannot judge alone (addresses, checksums over
 * data) is not here.
 */
enum wire_err {
	WIRE_ESHORT = -1,   /* fewer bytes than the fixed header */
	WIRE_EVERSION = -2, /* IPv4: version is not 4 */
	WIRE_EHDRLEN = -3,  /* IPv4 IHL or TCP data offset below 5, or past the bytes there are */
	WIRE_ELEN = -4,	    /* a length field that contradicts the bytes there are */
	WIRE_EVLAN = -5,    /* Ethernet: 802.1Q or 802.1ad tag */
	WIRE_E8023 = -6,    /* Ethernet: an 802.3 length where the type should be */
	WIRE_EHTYPE = -7,   /* ARP: hardware type is not Ethernet */
	WIRE_EPTYPE = -8,   /* ARP: protocol type is not IPv4 */
	WIRE_EHLEN = -9,    /* ARP: hardware address length is not 6 */
	WIRE_EPLEN = -10,   /* ARP: protocol address length is not 4 */
	WIRE_EOPT = -11,    /* a malformed option */
	WIRE_ETYPE = -12,   /* not a type that this decoder is for */
	WIRE_ECSUM = -13,   /* header checksum */
};

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
	       (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
	       (uint64_t)p[6] << 8 | p[7];
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	p[0] = (uint8_t)(v >> 56);
	p[1] = (uint8_t)(v >> 48);
	p[2] = (uint8_t)(v >> 40);
	p[3] = (uint8_t)(v >> 32);
	p[4] = (uint8_t)(v >> 24);
	p[5] = (uint8_t)(v >> 16);
	p[6] = (uint8_t)(v >> 8);
	p[7] = (uint8_t)v;
}

#endif
