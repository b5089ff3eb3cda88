/*
 * The host: clocks, entropy, the processor's features, a MAC to call our own.
 */
#ifndef TAPIR_DRIVERS_HOST_H
#define TAPIR_DRIVERS_HOST_H

#include <time.h>

#include "stack/tapir.h"

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

/* CLOCK_MONOTONIC in ns (RS-04). Commands ask their loop (loop_now) instead, whose clock can stand still. */
uint64_t host_clock_ns(void);

/* The time of day. */
struct timespec host_wall(void);

/* Fills `out` from the system's generator, waiting for it at boot. 0, or a negative errno. */
int host_entropy(void *out, size_t len);

/* enum tapir_cpu_feature bits of this processor. */
uint32_t host_cpu_features(void);

/*
 * A MAC that is the same each time for this machine, interface and address, locally administered and
 * unicast (IEEE 802 8.2): neighbours' caches stay true over a restart.
 */
struct tapir_mac host_default_mac(const char *ifname, uint32_t ip4);

/* An environment for tapir_create(): the C library's allocator, no events. */
struct tapir_env host_env(void);

#endif
