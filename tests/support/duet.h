#ifndef TAPIR_TESTS_SUPPORT_DUET_H
#define TAPIR_TESTS_SUPPORT_DUET_H

/*
 * Two instances on one wire, playing a fixed piece: UDP, groups, fragments, an echo, streams to each
 * other and to themselves, a port refused, a frame lost now and then, an interface that comes and
 * goes. Every call's result is only noted: the piece goes on whatever fails.
 */
#include "tests/support/world.h"

struct duet {
	struct world w[2];
	uint64_t hash;	   /* of all frames and results */
	unsigned lose_one; /* of so many frames; 0: none */
	unsigned frames;   /* that crossed */
	uint64_t received; /* bytes, by any socket */
	enum tapir_netif_type type;
};

/* Takes both through the piece. The caller has done world_init() on both, and ends them. */
void duet_play(struct duet *d);

#endif
