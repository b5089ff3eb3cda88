/*
 * The TCP header without its options (RFC 9293 3.1).
 */
#ifndef TAPIR_WIRE_TCP_H
#define TAPIR_WIRE_TCP_H

#include <stddef.h>
#include <stdint.h>

#define TCP_HLEN     20
#define TCP_HLEN_MAX 60
#define TCP_OPT_MAX  40 /* bytes of options */

/* The control bits, in struct tcp_hdr.flags. */
#define TCP_FIN 0x001u
#define TCP_SYN 0x002u
#define TCP_RST 0x004u
#define TCP_PSH 0x008u
#define TCP_ACK 0x010u
#define TCP_URG 0x020u
#define TCP_ECE 0x040u
#define TCP_CWR 0x080u
#define TCP_AE	0x100u /* was NS */
#define TCP_RSV 0xe00u /* three reserved bits: kept as received, ignored */

struct tcp_hdr {
	uint16_t sport;
	uint16_t dport;
	uint32_t seq;
	uint32_t ack;
	uint8_t hdr_len; /* the data offset in bytes, 20..60 */
	uint16_t flags;	 /* the low 12 bits */
	uint16_t wnd;	 /* as on the wire, unscaled */
	uint16_t csum;
	uint16_t urg;
};

/*
 * Decode the header of a segment of len bytes. Returns hdr_len (options included, hdr_len <= len);
 * WIRE_ESHORT below 20 bytes; WIRE_EHDRLEN when the data offset is below 5 or past len.
 */
int tcp_hdr_decode(const uint8_t *p, size_t len, struct tcp_hdr *out);

/* Write 20 bytes, all fields as given (hdr_len a multiple of 4; the options are the caller's);
 * returns TCP_HLEN. */
int tcp_hdr_encode(uint8_t *p, const struct tcp_hdr *h);

/* Offset of the checksum in the header, for offload. */
#define TCP_CSUM_OFF 16

#endif
