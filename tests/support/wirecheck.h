#ifndef TAPIR_TESTS_SUPPORT_WIRECHECK_H
#define TAPIR_TESTS_SUPPORT_WIRECHECK_H

/*
 * An independent judge of what stacks put on a wire. It sees each packet twice, as it leaves a host and as
 * it arrives at one, keeps its own books, and knows nothing of the stack:
 *
 *	IP     every length, checksum; TTL, DF, no fragment of TCP, no packet above the MTU, sources ours
 *	TCP    checksum, options well formed and only where they may be, reserved bits zero
 *	       nothing beyond the window that the peer advertised, no gap in what is sent
 *	       no acknowledgment, no SACK of what did not arrive; none before the peer permitted it
 *	       timestamps in each segment once agreed on, never going back, echoing what came
 *	       an advertised right edge is never taken back, but for what the window scale rounds off
 *	       no RST answers an RST; ACKs without news are no more than what they could answer
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/wireview.h"

struct wirecheck;

struct wirecheck_rules {
	uint32_t mtu; /* of IP packets that leave */
	uint8_t ttl;
	bool mangled; /* several bytes may be corrupt: checksums don't catch everything, and books of arrivals can't be kept */
	bool scoreboard; /* senders remember what was SACKed */
	bool prompt; /* no queue between the stack and the wire: what leaves was decided just now */
};

struct wirecheck *wirecheck_new(const struct wirecheck_rules *rules);
void wirecheck_free(struct wirecheck *w);

/*
 * An IP packet leaves the host with address `host` at time_ns. Returns NULL, or the broken rule, in a
 * buffer of w's.
 */
const char *wirecheck_leaves(struct wirecheck *w, uint32_t host, uint64_t time_ns,
			     const uint8_t *ip, size_t n);
/* One arrives at `host`, perhaps corrupt: then it counts as if it had not. */
void wirecheck_arrives(struct wirecheck *w, uint32_t host, uint64_t time_ns, const uint8_t *ip,
		       size_t n);

/* From now on memory may fail: what was SACKed cannot always be remembered. */
void wirecheck_no_memory(struct wirecheck *w);

/* The host has forgotten everything: so do its books. */
void wirecheck_restart(struct wirecheck *w, uint32_t host);

/* For tests that look at a run from the wire's side. */
struct wirecheck_totals {
	uint64_t packets, tcp, udp, icmp, bytes;
	uint64_t data_segs, retrans_segs, pure_acks, syns, fins, rsts;
	uint64_t ect, ce, ece, cwr, sack_acks, dsacks; /* leaving, but for ce, which arrives */
};
const struct wirecheck_totals *wirecheck_totals_of(const struct wirecheck *w);

#endif
