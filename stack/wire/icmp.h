/*
 * ICMP (RFC 792, 1122, 1191): the 8-byte header that all messages share, and the piece of a
 * datagram that errors quote.
 */
#ifndef TAPIR_WIRE_ICMP_H
#define TAPIR_WIRE_ICMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/wire/ipv4.h"

#define ICMP_HLEN 8

enum icmp_type {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACH = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO = 8,
	ICMP_ROUTER_ADVERT = 9,
	ICMP_ROUTER_SOLICIT = 10,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAM_PROBLEM = 12,
	ICMP_TIMESTAMP = 13,
	ICMP_TIMESTAMP_REPLY = 14,
	ICMP_INFO = 15,
	ICMP_INFO_REPLY = 16,
	ICMP_MASK = 17,
	ICMP_MASK_REPLY = 18,
};

/* Codes of ICMP_UNREACH. */
enum icmp_unreach {
	ICMP_UNREACH_NET = 0,
	ICMP_UNREACH_HOST = 1,
	ICMP_UNREACH_PROTOCOL = 2,
	ICMP_UNREACH_PORT = 3,
	ICMP_UNREACH_NEEDFRAG = 4,
	ICMP_UNREACH_SRCFAIL = 5,
	ICMP_UNREACH_NET_UNKNOWN = 6,
	ICMP_UNREACH_HOST_UNKNOWN = 7,
	ICMP_UNREACH_ISOLATED = 8,
	ICMP_UNREACH_NET_PROHIB = 9,
	ICMP_UNREACH_HOST_PROHIB = 10,
	ICMP_UNREACH_TOSNET = 11,
	ICMP_UNREACH_TOSHOST = 12,
	ICMP_UNREACH_FILTER_PROHIB = 13,
	ICMP_UNREACH_HOST_PRECEDENCE = 14,
	ICMP_UNREACH_PRECEDENCE_CUTOFF = 15,
};

/* Codes of ICMP_REDIRECT, ICMP_TIME_EXCEEDED and ICMP_PARAM_PROBLEM. */
enum icmp_redirect {
	ICMP_REDIRECT_NET = 0,
	ICMP_REDIRECT_HOST = 1,
	ICMP_REDIRECT_TOSNET = 2,
	ICMP_REDIRECT_TOSHOST = 3,
};

enum icmp_timex { ICMP_TIMEX_TTL = 0, ICMP_TIMEX_REASS = 1 };

enum icmp_paramprob {
	ICMP_PARAMPROB_POINTER = 0, /* the pointer byte tells where */
	ICMP_PARAMPROB_MISSING = 1, /* a required option is missing */
	ICMP_PARAMPROB_LENGTH = 2,
};

struct icmp_hdr {
	uint8_t type;
	uint8_t code;
	uint16_t csum; /* as received; encoding computes it over the whole message */
	uint32_t rest; /* bytes 4..7, read by the functions below */
};

/* Decode the header. Returns ICMP_HLEN or WIRE_ESHORT. The checksum is over the whole message:
 * icmp_csum_ok(). */
int icmp_hdr_decode(const uint8_t *p, size_t len, struct icmp_hdr *out);

/* Write ICMP_HLEN bytes, the checksum field zero; returns ICMP_HLEN. icmp_finish() fills the
 * checksum in. */
int icmp_hdr_encode(uint8_t *p, const struct icmp_hdr *h);

/* Put the checksum of the whole message of len >= 8 bytes at p into its header. */
void icmp_finish(uint8_t *p, size_t len);

/* The checksum over the whole message of len bytes is right (R792-1). */
bool icmp_csum_ok(const uint8_t *p, size_t len);

/* Echo, timestamp, information and mask messages. */
static inline uint16_t icmp_id(const struct icmp_hdr *h)
{
	return (uint16_t)(h->rest >> 16);
}

static inline uint16_t icmp_seq(const struct icmp_hdr *h)
{
	return (uint16_t)h->rest;
}

static inline uint32_t icmp_rest_id_seq(uint16_t id, uint16_t seq)
{
	return (uint32_t)id << 16 | seq;
}

/* ICMP_UNREACH_NEEDFRAG: the next hop's MTU (RFC 1191), 0 from an old router. */
static inline uint16_t icmp_mtu(const struct icmp_hdr *h)
{
	return (uint16_t)h->rest;
}

/* ICMP_PARAM_PROBLEM: the offset of the byte that offended. */
static inline uint8_t icmp_pointer(const struct icmp_hdr *h)
{
	return (uint8_t)(h->rest >> 24);
}

/* ICMP_REDIRECT: the gateway, host order. */
static inline uint32_t icmp_gateway(const struct icmp_hdr *h)
{
	return h->rest;
}

/* Types that report an error about a datagram that they quote: 3, 4, 5, 11, 12. No error is ever
 * sent about one of these. */
bool icmp_is_error(uint8_t type);

/* Least bytes of a message of this type, header included (errors: with a quoted IP header and 8
 * bytes): 8 for an unknown type. */
size_t icmp_min_len(uint8_t type);

/* What an error quotes. */
struct icmp_quote {
	struct ipv4_hdr ip; /* of the datagram that we are told about: ip.src should be ours */
	const uint8_t *l4;  /* its transport header's beginning, inside the message; >= 8 bytes */
	size_t l4_len;	    /* bytes quoted at l4, never more than ip.total_len - ip.hdr_len */
	bool has_l4;	    /* fragment offset 0: l4 begins with a transport header */
	uint16_t sport;	    /* TCP and UDP with has_l4: from the first 4 bytes, else 0 */
	uint16_t dport;
	uint32_t tcp_seq; /* TCP with has_l4: the sequence number, else 0 */
	uint16_t echo_id; /* ICMP echo with has_l4, else 0 */
	uint16_t echo_seq;
};

/*
 * Decode the datagram quoted by the error message (of a type of icmp_is_error()) of len bytes at p,
 * header included. Returns the bytes before the quoted transport header; WIRE_ETYPE when p is no
 * error, WIRE_ESHORT when the quote lacks a full IP header or 8 bytes behind it, WIRE_EVERSION,
 * WIRE_EHDRLEN or WIRE_ELEN as ipv4_hdr_decode_quoted(). RFC 4884's length attribute bounds the
 * quote when it fits the message; extensions are ignored.
 */
int icmp_quote_decode(const uint8_t *p, size_t len, struct icmp_quote *out);

#endif
