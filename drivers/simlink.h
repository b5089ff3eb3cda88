/*
 * A simulated link: a wire, or a hub, between interfaces of instances in one process.
 *
 * It misbehaves on purpose, by rules a direction, and always in the same way from the same seed: loss
 * one by one or in bursts, duplication, reordering, corruption, delay, jitter, a rate with a queue, an
 * MTU. It has no clock: whoever drives the instances tells it the time, as a driver's loop would:
 *
 *	simlink_step(l, now)            until it returns 0: takes what instances want to send,
 *	                                hands over what has arrived by `now`
 *	simlink_next_deadline(l)        when to call it next at the latest
 *
 * Instances must have been advanced to `now` first. What is on its way is held as packets of the
 * instance that will receive them. All interfaces of a link are of one type, ETHER or RAW_IP, without
 * offloads. With more than two of them each frame goes to all others, as a hub would send it.
 */
#ifndef TAPIR_DRIVERS_SIMLINK_H
#define TAPIR_DRIVERS_SIMLINK_H

#include "stack/tapir.h"

enum { SIMLINK_PORTS_MAX = 64 };

/* How often something happens: so many times in a million. */
enum { SIMLINK_ALWAYS = 1000000 };

/* What happens to frames that leave a port. All zero: they arrive at once and whole. */
struct simlink_conf {
	uint32_t loss_ppm;
	/*
	 * Bursts (Gilbert, Elliott): in the good state a frame begins the bad one with `enter`; in the
	 * bad state a frame is lost with `burst_loss` and ends it with `leave`.
	 */
	uint32_t burst_enter_ppm, burst_leave_ppm, burst_loss_ppm;
	uint32_t dup_ppm;	   /* a second copy, with its own delay */
	uint32_t reorder_ppm;	   /* late by up to reorder_ns, others overtake it */
	uint32_t corrupt_ppm;	   /* one bit of the IP packet is flipped */
	uint32_t corrupt_many_ppm; /* 2 to 16 bytes of the IP packet become others */
	uint64_t delay_ns;	   /* one way */
	uint64_t jitter_ns;	   /* more, up to this; keeps the order */
	uint64_t reorder_ns;
	uint64_t
		coalesce_ns; /* arrivals at multiples of this only, as an interrupt would gather them */
	uint64_t rate_bps;    /* bits a second; 0: no limit */
	uint32_t queue_bytes; /* that wait for the rate; 0: no limit */
	uint32_t
		mark_bytes; /* so many wait: ECN-capable IPv4 packets are marked (RFC 3168); 0: never */
	bool backpressure; /* a full queue leaves frames with the instance instead of losing them */
	uint32_t mtu;	   /* larger IP packets are lost without a word; 0: no limit */
};

struct simlink_stats {
	uint64_t frames, bytes; /* taken from the instance */
	uint64_t delivered;	/* handed over, copies counted each */
	uint64_t lost, lost_burst, lost_queue, lost_mtu, lost_memory;
	uint64_t duplicated, reordered, corrupted, marked;
};

/* A frame, shown to an observer. The bytes are those that the receiver gets, or would have got. */
struct simlink_frame {
	int port;	  /* that it left, or arrives at */
	bool arrives;	  /* false: just taken from an instance, still unharmed */
	uint64_t time_ns; /* of this moment */
	const uint8_t *p;
	uint32_t len;
};

struct simlink;

/* Makes a link; NULL without memory. `env` gives memory (its event is not used). */
TAPIR_API struct simlink *simlink_create(const struct tapir_env *env, uint64_t seed);
/* Frees it and what is on its way; the instances must still be there. */
TAPIR_API void simlink_destroy(struct simlink *l);

/* Plugs an interface in. Returns its port, 0 and up; -EINVAL, -ENOSPC, -ENODEV. */
TAPIR_API int simlink_attach(struct simlink *l, struct tapir *t, int ifindex);
/* Pulls it out: the instance may go. What was on its way to it is lost, what it sent is not. */
TAPIR_API void simlink_detach(struct simlink *l, int port);

/* Sets the rules for what leaves `port` from now on. */
TAPIR_API void simlink_set(struct simlink *l, int port, const struct simlink_conf *conf);

/* Shows each frame, as it is taken and as it arrives, to `see`, which must not call back in. */
TAPIR_API void simlink_observe(struct simlink *l,
			       void (*see)(void *ctx, const struct simlink_frame *f), void *ctx);

/* Hands over what is due, then takes what waits. Returns the frames moved: 0 when nothing is left to do at `now`. */
TAPIR_API size_t simlink_step(struct simlink *l, uint64_t now_ns);
/* When the next frame arrives, or there is room for one that waits; TAPIR_NEVER: nothing is on its way. */
TAPIR_API uint64_t simlink_next_deadline(const struct simlink *l);

TAPIR_API const struct simlink_stats *simlink_stats_of(const struct simlink *l, int port);
/* Frames on their way. */
TAPIR_API size_t simlink_in_flight(const struct simlink *l);

#endif
