#ifndef TAPIR_TESTS_SUPPORT_WORLD_H
#define TAPIR_TESTS_SUPPORT_WORLD_H

/*
 * A small world around one instance: an interface at 192.0.2.2/24 whose other end is the test, a
 * virtual clock, and a record of the events.
 *
 *	struct world w;
 *
 *	world_open(&w, TAPIR_NETIF_RAW_IP);
 *	n = world_udp(buf, WORLD_PEER, WORLD_US, 4000, 7, "hi", 2);
 *	world_push(&w, buf, n);
 *	n = world_pop(&w, buf, sizeof(buf));
 *	world_close(&w);                                 fails the test when memory leaked
 *
 * Frames are built and checked here by code of its own, not by the stack's codecs. Addresses are in
 * host order. Nothing here uses cmocka: fuzz targets and simulations link it too; a broken
 * expectation ends in tapir_panic().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/conf.h"
#include "stack/event.h"
#include "stack/netif.h"
#include "stack/socket.h"
#include "stack/tapir.h"
#include "tests/support/alloc.h"

#define WORLD_US   TAPIR_IP4(192, 0, 2, 2)
#define WORLD_PEER TAPIR_IP4(192, 0, 2, 1) /* the default gateway as well */
#define WORLD_BC   TAPIR_IP4(192, 0, 2, 255)
#define WORLD_FAR  TAPIR_IP4(198, 51, 100, 7) /* beyond the gateway */

enum { WORLD_EVENTS = 4096, WORLD_FRAME = 65600 };

#define WORLD_MS UINT64_C(1000000)
#define WORLD_S	 UINT64_C(1000000000)

struct world {
	struct tapir *t;
	struct tapir_env env;
	struct tapir_conf conf;
	struct test_alloc alloc;
	int ifi; /* the interface, 2 */
	enum tapir_netif_type type;
	uint8_t seed[TAPIR_SEED_LEN];
	struct tapir_event *ev; /* a ring of the last WORLD_EVENTS */
	size_t nev;		/* events so far */
	uint64_t ev_hash;	/* of all of them, in order */
	bool print;		/* events to stderr as they come */
	bool no_check;		/* do not run tapir_check() after each entry */
};

/* Ethernet: who we are, and who the test is. */
extern const struct tapir_mac world_mac, world_peer_mac;

/*
 * Makes the instance at time 1000 s with the default settings, the interface (MTU 1500, no offloads)
 * with its address, a default route by WORLD_PEER, and brings it up. ETHER: WORLD_PEER is a permanent
 * neighbour, and what the start announced has been thrown away.
 */
void world_open(struct world *w, enum tapir_netif_type type);

/*
 * The same in steps, for other settings: world_init(); change w.conf, w.seed, w.alloc; world_start()
 * makes the instance only and returns what tapir_create() did; world_netif() adds an interface of that
 * type with an address (0: none), up, and returns its ifindex; world_settle() throws away what was sent.
 */
void world_init(struct world *w, enum test_alloc_mode mode);
int world_start(struct world *w);
int world_netif(struct world *w, enum tapir_netif_type type, uint32_t ip4, uint8_t prefix_len,
		uint32_t mtu, uint32_t offload);
void world_settle(struct world *w);

/* Destroys the instance; panics if memory is left. */
void world_close(struct world *w);
/* The same without looking for leaks. Returns how many blocks were left. */
size_t world_end(struct world *w);

/* A frame (RAW_IP: an IP packet) arrives at w->ifi, or at `ifindex`; returns what tapir_input() did. */
int world_push(struct world *w, const void *frame, size_t len);
int world_push_if(struct world *w, int ifindex, const void *frame, size_t len);
/* The same for an IP packet whatever the interface: ETHER puts a header from the peer to us before it. */
int world_push_ip(struct world *w, const void *packet, size_t len);

/*
 * The next frame that leaves, into buf (cut at cap), taken off the queue; its whole length, 0 when there
 * is none. With world_pop_ip() the link header is cut off, and frames that are not IPv4 are skipped.
 */
size_t world_pop(struct world *w, void *buf, size_t cap);
size_t world_pop_if(struct world *w, int ifindex, void *buf, size_t cap);
size_t world_pop_ip(struct world *w, void *buf, size_t cap);
/* How many frames wait to leave. */
size_t world_pending(struct world *w);

/* The clock moves on by `ns`, stopping at each deadline on the way. */
void world_step(struct world *w, uint64_t ns);
/* To the next deadline, if that is at most `max_ns` away; false: there is none. */
bool world_next(struct world *w, uint64_t max_ns);

/* Events seen of a type; the latest of it (NULL: none). Drops counted for a reason. */
size_t world_events(const struct world *w, enum tapir_event_type type);
const struct tapir_event *world_last(const struct world *w, enum tapir_event_type type);
uint64_t world_drops(const struct world *w, enum drop_reason reason);
uint64_t world_stat(const struct world *w, enum tapir_stat stat);

/* FNV-1a, on from `h` (begin with 0): for comparing runs. */
uint64_t world_hash(uint64_t h, const void *p, size_t n);

/* ---- building: each returns the length of the IP packet at buf ---- */
uint16_t world_cksum(const void *p, size_t n, uint32_t sum);
size_t world_ip(uint8_t *buf, uint32_t src, uint32_t dst, uint8_t proto, const void *payload,
		size_t n);
size_t world_udp(uint8_t *buf, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
		 const void *data, size_t n);
size_t world_icmp(uint8_t *buf, uint32_t src, uint32_t dst, uint8_t type, uint8_t code,
		  uint32_t rest, const void *data, size_t n);
size_t world_tcp(uint8_t *buf, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
		 uint32_t seq, uint32_t ack, uint8_t flags, uint16_t wnd, const void *opts,
		 size_t nopts, const void *data, size_t n);
/* Big-endian numbers of a packet. */
uint32_t world_get16(const uint8_t *p);
uint32_t world_get32(const uint8_t *p);
void world_put32(uint8_t *p, uint32_t v);
/* After a field was changed by hand: both checksums anew (IP's, and TCP's, UDP's or ICMP's). */
void world_fix(uint8_t *ip, size_t n);
size_t world_eth(uint8_t *buf, const struct tapir_mac *dst, const struct tapir_mac *src,
		 uint16_t type, const void *payload, size_t n);

/* ---- reading a packet that left ---- */
struct world_pkt {
	uint8_t proto, ttl, tos;
	bool df, mf;
	uint16_t id, frag_off;
	uint32_t src, dst;
	const uint8_t *l4; /* of l4_len bytes */
	size_t l4_len;
	/* UDP and TCP */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t wnd, urg;
	const uint8_t *opts;
	size_t nopts;
	/* ICMP */
	uint8_t type, code;
	uint32_t rest;
	/* what the transport carries */
	const uint8_t *data;
	size_t len;
};

/*
 * Reads an IP packet of ours, verifying every length and checksum (but those of later fragments);
 * false when anything is wrong.
 */
bool world_read(const uint8_t *ip, size_t n, struct world_pkt *out);
/* world_pop_ip() and world_read(): panics on a malformed one; false: nothing left. buf of WORLD_FRAME. */
bool world_expect(struct world *w, uint8_t *buf, struct world_pkt *out);

#endif
