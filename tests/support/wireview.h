#ifndef TAPIR_TESTS_SUPPORT_WIREVIEW_H
#define TAPIR_TESTS_SUPPORT_WIREVIEW_H

/*
 * Reading IPv4 packets off a wire, with code of its own: what the stack's codecs get wrong is not got
 * wrong here in the same way. Everything is checked, nothing is corrected.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WV_FIN = 0x01,
	WV_SYN = 0x02,
	WV_RST = 0x04,
	WV_PSH = 0x08,
	WV_ACK = 0x10,
	WV_URG = 0x20,
	WV_ECE = 0x40,
	WV_CWR = 0x80,
	WV_AE = 0x100,
};

enum { WV_ICMP = 1, WV_IGMP = 2, WV_TCP = 6, WV_UDP = 17 };

struct wireview {
	/* IPv4, host order */
	uint32_t src, dst;
	uint16_t ip_hlen, total_len, id, frag_off;
	uint8_t tos, ttl, proto;
	bool rf, df, mf;
	const uint8_t *l4;
	uint32_t l4_len;
	/* TCP and UDP */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t flags; /* 12 bits, reserved ones included */
	uint16_t wnd, urg;
	const uint8_t *opts;
	uint32_t nopts;
	bool has_mss, has_ws, has_sack_ok, has_ts;
	uint16_t mss;
	uint8_t ws;
	uint32_t tsval, tsecr;
	unsigned nsack;
	uint32_t sack[4][2];
	/* ICMP */
	uint8_t type, code;
	uint32_t rest;
	/* what the transport carries */
	const uint8_t *data;
	uint32_t len;
};

/*
 * Reads the n bytes of an IP packet. Returns NULL, or what is wrong with it in a few words: a length, a
 * checksum, an option. What was read until then is in *v.
 */
const char *wireview_read(const uint8_t *ip, size_t n, struct wireview *v);
/* The same for the beginning of a packet that an ICMP error quotes: no checksum of a transport, short is fine. */
const char *wireview_read_quoted(const uint8_t *ip, size_t n, struct wireview *v);

/* Sequence space that a TCP segment takes: data, SYN and FIN. */
static inline uint32_t wireview_seg_len(const struct wireview *v)
{
	return v->len + ((v->flags & WV_SYN) != 0) + ((v->flags & WV_FIN) != 0);
}

/* The Internet checksum of n bytes, the sum so far in `sum`, as it stands in a header. */
uint16_t wireview_cksum(const void *data, size_t n, uint64_t sum);

/*
 * A packet as tcpdump would print it, within cap bytes of buf. Sequence numbers are shown less seq0, and
 * acknowledgments (SACK blocks too) less ack0, times of timestamps as they are. Returns buf.
 */
const char *wireview_text(const struct wireview *v, uint32_t seq0, uint32_t ack0, char *buf,
			  size_t cap);

#endif
