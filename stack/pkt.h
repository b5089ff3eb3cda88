/*
 * Packets, as drivers see them.
 *
 * A packet has one owner and is on at most one list. Its bytes are contiguous in [data, data + len),
 * with headroom below `data` for headers to come. One exception: a TCP segment on its way out may
 * borrow up to PKT_MAX_SPANS slices of the connection's send ring, which follow the contiguous bytes
 * on the wire; such a packet lives only on an interface's transmit queue, and pins the ring until it
 * is freed. A driver writes data[0..len) and then each span.
 *
 *        buf            data                data + len          buf + cap
 *         |   headroom   |  headers, payload   |    tailroom        |
 *         +--------------+---------------------+--------------------+     span[0]      span[1]
 *                        |<------- on the wire, first ------>| then |<---------->| |<-------->|
 *
 * Offload metadata describes the packet between the stack and the driver, in both directions, with
 * the meaning of virtio_net_hdr: offsets count from `data` as the driver sees it (the link header).
 */
#ifndef TAPIR_PKT_H
#define TAPIR_PKT_H

#include <stddef.h>

#include "stack/addr.h"

/* The build hides every other symbol, so that a program that links us sees this interface only. */
#define TAPIR_API __attribute__((visibility("default")))

struct tapir;
struct tcp_ring_pin;
struct pkt_charge;

enum {
	PKT_MAX_SPANS = 2,
	PKT_HEADROOM =
		128, /* room below data in a fresh packet: link, IP and TCP headers with options */
	PKT_MAX_LEN = 65535 + 14 + 4,
};

enum pkt_flag {
	PKT_CSUM_PARTIAL =
		1 << 0, /* the transport checksum holds the pseudo-header sum only; finish it
				    * over [csum_start, end) into csum_start + csum_offset */
	PKT_CSUM_VALID = 1 << 1,   /* on receipt: the transport checksum was verified below us */
	PKT_L2_BROADCAST = 1 << 2, /* arrived in a link-layer broadcast (RFC 1122 2.4) */
	PKT_L2_MULTICAST = 1 << 3, /* arrived in a link-layer multicast */
	PKT_LOOPED = 1 << 4,	   /* came from our own loopback interface */
	PKT_RESERVE = 1 << 5,	   /* memory comes from the reserve for ACK and RST */
	PKT_REASSEMBLED = 1 << 6,  /* put together from fragments (RFC 791 3.2) */
	PKT_GSO_MORE = 1 << 7,	   /* the next packet is of the same chunk (netif_conf.gso_bytes) */
};

enum pkt_gso { PKT_GSO_NONE, PKT_GSO_TCPV4, PKT_GSO_UDPV4 };

struct pkt_span {
	const uint8_t *p;
	uint32_t len;
};

struct pkt {
	struct pkt *next; /* the one list it is on */
	struct tapir *t;  /* the instance that frees it */
	uint8_t *buf;
	uint8_t *data;
	uint32_t cap;
	uint32_t len;
	uint16_t ifindex; /* where it arrived, or leaves */
	uint16_t flags;	  /* enum pkt_flag */
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t loop_ifindex; /* looped broadcast or multicast: the interface that it left by */
	uint8_t gso_type;      /* enum pkt_gso */
	uint8_t nspan;
	struct pkt_span span[PKT_MAX_SPANS];
	struct tcp_ring_pin *pin;  /* keeps borrowed spans alive; NULL when nothing is borrowed */
	struct pkt_charge *charge; /* whose send buffer it counts against; NULL: nobody's */
	uint64_t time_ns; /* arrival, or enqueueing for transmission: monotonic stack time */
};

/* Bytes on the wire: contiguous ones and borrowed ones. */
static inline uint32_t pkt_wire_len(const struct pkt *p)
{
	uint32_t n = p->len;

	for (unsigned i = 0; i < p->nspan; i++)
		n += p->span[i].len;
	return n;
}

static inline size_t pkt_headroom(const struct pkt *p)
{
	return (size_t)(p->data - p->buf);
}

static inline size_t pkt_tailroom(const struct pkt *p)
{
	return p->cap - pkt_headroom(p) - p->len;
}

/*
 * A packet with `room` bytes of tailroom, PKT_HEADROOM bytes of headroom and length 0. The caller
 * owns it and gives it to tapir_input() or tapir_pkt_free(). Returns NULL when memory or the
 * instance's packet limit (net.tapir.pkt_max_bytes) is exhausted, or room > PKT_MAX_LEN.
 */
TAPIR_API struct pkt *tapir_pkt_alloc(struct tapir *t, size_t room);

/* Gives a packet back. NULL is allowed. For drivers that could not use one: not a way to drop. */
TAPIR_API void tapir_pkt_free(struct pkt *p);

#endif
