/*
 * A path for frames, in one direction: what a simulated link does to them, apart from who sends and who
 * receives. simlink.c drives it between instances in virtual time; a relay may drive it in real time.
 *
 * A frame is decided upon when it is taken, in this order, each step with its own draw from the caller's
 * generator if the rule is on:
 *
 *	simpath_enter     MTU, burst loss, loss, queue and rate: whether and when its last bit leaves
 *	simpath_arrival   delay, jitter, reordering: when a copy arrives (once a copy)
 *	simpath_doubles   whether there is a second copy
 *
 * Of struct simlink_conf (simlink.h) everything is heeded but `backpressure`, and corruption, which is the
 * caller's.
 */
#ifndef TAPIR_DRIVERS_SIMLINK_PATH_H
#define TAPIR_DRIVERS_SIMLINK_PATH_H

#include "drivers/simlink.h"

/* One direction. Zero it, then set conf. */
struct simpath {
	struct simlink_conf conf;
	struct simlink_stats stats;
	bool bad;	  /* Gilbert: in a burst */
	uint64_t free_ns; /* the transmitter has sent all that it was given */
	uint64_t last_ns; /* arrival of the latest frame in order */
};

/* splitmix64, small, and every seed is as good as any other: the next number; one below n; one of up to max. */
TAPIR_API uint64_t simpath_draw(uint64_t *rng);
TAPIR_API uint32_t simpath_below(uint64_t *rng, uint32_t n);
/* Whether something that happens so many times in a million happens now. 0 draws nothing. */
TAPIR_API bool simpath_chance(uint64_t *rng, uint32_t ppm);

/* A frame of `len` bytes, of which `ip_len` are the IP packet, is given at now_ns. False: lost, and counted. */
TAPIR_API bool simpath_enter(struct simpath *p, uint64_t *rng, uint64_t now_ns, uint32_t len,
			     uint32_t ip_len, uint64_t *leaves_ns);
/* When a copy of it arrives. */
TAPIR_API uint64_t simpath_arrival(struct simpath *p, uint64_t *rng, uint64_t leaves_ns);
TAPIR_API bool simpath_doubles(struct simpath *p, uint64_t *rng);
/* Whether a frame given now would find no room. */
TAPIR_API bool simpath_full(const struct simpath *p, uint64_t now_ns, uint32_t len);
/* Whether one given now is to be marked Congestion Experienced, if it is ECN-capable: asked before it enters. */
TAPIR_API bool simpath_marks(const struct simpath *p, uint64_t now_ns);
/* Marks an IPv4 packet that is ECN-capable, with its checksum; whether it was. */
TAPIR_API bool simpath_mark_ip4(uint8_t *ip, uint32_t len);

#endif
