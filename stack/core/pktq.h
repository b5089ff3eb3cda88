/*
 * Packet memory, packet queues, and the one way to lose a packet.
 */
#ifndef TAPIR_CORE_PKTQ_H
#define TAPIR_CORE_PKTQ_H

#include <stdbool.h>

#include "stack/pkt.h"
#include "stack/stats.h"

/* A FIFO of packets. `bytes` counts pkt_wire_len() of its members. */
struct pktq {
	struct pkt *head, *tail;
	uint32_t n;
	uint32_t bytes;
};

void pktq_init(struct pktq *q);
void pktq_push(struct pktq *q, struct pkt *p);
struct pkt *pktq_pop(struct pktq *q); /* NULL: empty */
/* Drops every member with `reason`. */
void pktq_flush(struct pktq *q, enum drop_reason reason);

/* As tapir_pkt_alloc(); `headroom` bytes below data. */
struct pkt *pkt_alloc(struct tapir *t, size_t headroom, size_t room);
/*
 * A small packet (PKT_HEADROOM + 128 bytes) that may come from the reserve when memory is out: for
 * ACK, RST, ARP and ICMP, so that a loaded stack can still answer.
 */
struct pkt *pkt_alloc_reserve(struct tapir *t);
/* A deep copy with its own bytes, borrowed spans included; NULL without memory. */
struct pkt *pkt_copy(const struct pkt *p);
/* Makes borrowed bytes its own (a queue that is not an interface's must). 0 or -ENOMEM, p intact. */
int pkt_own(struct pkt **p);

/* Consumes p, which reached the end of its way: delivered or sent. */
void pkt_free(struct pkt *p);
/* Consumes p, which is lost: counts `reason` and emits TAPIR_EV_PKT_DROP. */
void pkt_drop(struct pkt *p, enum drop_reason reason);

/* Moves data up by n bytes: a header was read. n <= len. */
void pkt_pull(struct pkt *p, uint32_t n);
/* Moves data down by n bytes for a header; n <= headroom. Returns the new data. */
uint8_t *pkt_push(struct pkt *p, uint32_t n);
/* Adds n bytes at the end, n <= tailroom, which the caller writes, every one (IP-06). Returns where they begin. */
uint8_t *pkt_put(struct pkt *p, uint32_t n);
/* Cuts the length to n <= len: trailing padding. */
void pkt_trim(struct pkt *p, uint32_t n);

/* What a packet costs: its bytes and its own. */
static inline uint32_t pkt_truesize(const struct pkt *p)
{
	return (uint32_t)sizeof(*p) + p->cap;
}

/*
 * A datagram socket's account of packets that it sent and that have not left yet, wherever they wait.
 * One allocation, which outlives the socket until its last packet is freed.
 */
struct pkt_charge {
	uint32_t bytes; /* truesizes */
	uint32_t npkt;
	bool orphaned; /* the socket is gone: the last packet frees */
};

struct pkt_charge *pkt_charge_new(struct tapir *t); /* NULL: no memory */
void pkt_charge_end(struct tapir *t, struct pkt_charge *c);
/* p, charged to nobody yet, counts against c until it is freed. c may be NULL: nothing happens. */
void pkt_charge_to(struct pkt *p, struct pkt_charge *c);

/* Gives kept packets back to the environment: end of the instance. */
int pkt_pool_init(struct tapir *t);
void pkt_pool_fini(struct tapir *t);

/*
 * The other end of a borrow (stack/tcp gives it): the ring whose bytes p's spans are. Called once, by
 * pkt_free/pkt_drop/pkt_own. Declared here so that core needs no word of TCP; defined by
 * stack/core/pktq.c over this shape, which the ring embeds.
 */
struct tcp_ring_pin {
	uint32_t pins;	  /* packets that borrow */
	uint8_t orphaned; /* the connection is gone: the last pin frees */
	uint8_t *buf;	  /* the ring's memory, freed with the last pin when orphaned */
	size_t size;
};

#endif
