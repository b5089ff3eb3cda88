/*
 * The IPv4 header and its options (RFC 791).
 */
#ifndef TAPIR_WIRE_IPV4_H
#define TAPIR_WIRE_IPV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPV4_HLEN	 20 /* header without options */
#define IPV4_HLEN_MAX	 60
#define IPV4_HLEN_RA	 24 /* header with the router alert option */
#define IPV4_LEN_MAX	 65535

#define IPPROTO_NUM_ICMP 1
#define IPPROTO_NUM_IGMP 2
#define IPPROTO_NUM_TCP	 6
#define IPPROTO_NUM_UDP	 17

struct ipv4_hdr {
	uint8_t hdr_len; /* bytes, 20..60 */
	uint8_t tos;
	uint8_t ttl;
	uint8_t proto;
	uint16_t total_len; /* bytes, header included */
	uint16_t id;
	bool rf; /* the reserved flag: received and ignored, never sent */
	bool df;
	bool mf;
	uint16_t frag_off; /* bytes, a multiple of 8, up to 65528 */
	uint16_t csum;	   /* as received; encoding computes it */
	uint32_t src;	   /* host order */
	uint32_t dst;
};

/*
 * Decode a header at p, len bytes received. Returns hdr_len with hdr_len <= total_len <= len; or
 * WIRE_ESHORT (fewer than 20 bytes), WIRE_EVERSION, WIRE_EHDRLEN (IHL below 5 or past len),
 * WIRE_ELEN (total_len below hdr_len, or past len). The checksum and the options are not looked at:
 * ipv4_csum_ok(), ipv4_opts_scan().
 */
int ipv4_hdr_decode(const uint8_t *p, size_t len, struct ipv4_hdr *out);

/*
 * The same for a datagram quoted in an ICMP error, of which only the beginning is there: total_len
 * may go past len (but not below hdr_len). The errors are the same.
 */
int ipv4_hdr_decode_quoted(const uint8_t *p, size_t len, struct ipv4_hdr *out);

/* The checksum over the hdr_len bytes at p is right. */
bool ipv4_csum_ok(const uint8_t *p, size_t hdr_len);

/*
 * Write a header without options, checksum computed, hdr_len and csum of h ignored; the reserved
 * flag is written as zero. total_len is the caller's. Returns IPV4_HLEN.
 */
int ipv4_hdr_encode(uint8_t *p, const struct ipv4_hdr *h);

/* The same with the router alert option (RFC 2113), as IGMP needs. Returns IPV4_HLEN_RA. */
int ipv4_hdr_encode_ra(uint8_t *p, const struct ipv4_hdr *h);

/* A fragment: not the whole datagram. */
static inline bool ipv4_is_frag(const struct ipv4_hdr *h)
{
	return h->mf || h->frag_off != 0;
}

/* One option. */
struct ipv4_opt {
	uint8_t type; /* the whole type byte, copied flag included */
	uint8_t len;  /* bytes, type and length included; 1 for NOP */
	const uint8_t *p;
};

#define IPV4_OPT_EOL  0
#define IPV4_OPT_NOP  1
#define IPV4_OPT_RR   7
#define IPV4_OPT_TS   68
#define IPV4_OPT_SEC  130
#define IPV4_OPT_LSRR 131
#define IPV4_OPT_SID  136
#define IPV4_OPT_SSRR 137
#define IPV4_OPT_RA   148

/* An iteration over the options of a decoded header at p: begin, then next until it does not
 * return 1. */
struct ipv4_opt_iter {
	const uint8_t *at, *end;
};

void ipv4_opts_begin(struct ipv4_opt_iter *it, const uint8_t *p, size_t hdr_len);

/*
 * 1 with *out the next option (NOPs included); 0 at the end of the options or at EOL; WIRE_EOPT
 * when the length is 0, 1 or goes past the header, it->at then points to the option's type.
 */
int ipv4_opts_next(struct ipv4_opt_iter *it, struct ipv4_opt *out);

/* What ipv4_opts_scan() saw, as bits. */
#define IPV4_SAW_LSRR	 0x01u
#define IPV4_SAW_SSRR	 0x02u
#define IPV4_SAW_RR	 0x04u
#define IPV4_SAW_TS	 0x08u
#define IPV4_SAW_RA	 0x10u
#define IPV4_SAW_UNKNOWN 0x20u /* any other, the obsolete ones too */
#define IPV4_SAW_SR_MANY 0x40u /* more than one source route */

/*
 * Look at all options of the decoded header at p. Returns 0 or WIRE_EOPT (at most 40 steps in any
 * case). *saw gets the bits of what was seen until then; *bad_at (may be NULL) the offset in the
 * header of the malformed option, for a Parameter Problem's pointer.
 */
int ipv4_opts_scan(const uint8_t *p, size_t hdr_len, unsigned *saw, unsigned *bad_at);

#endif
