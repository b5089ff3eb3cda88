/*
 * One instance of the stack.
 *
 * Time is pushed in, packets are pulled out, nobody is called back. An instance never reads a clock,
 * asks for entropy, does I/O, takes a lock or calls the application: given the same seed, settings
 * and calls it does the same thing to the byte. It belongs to one thread.
 * docs/example.c is a whole program.
 *
 * A turn of a driver's loop:
 *
 *	tapir_advance(t, now);
 *	for each frame read: tapir_input(t, ifindex, pkt);
 *	while ((n = tapir_ready_pop(t, ev, 64)) > 0) serve the sockets in ev
 *	while ((n = tapir_tx_peek(t, ifindex, pkts, 64)) > 0) write them; tapir_tx_done(t, ifindex, n);
 *	sleep until tapir_next_deadline(t) or a descriptor is ready
 */
#ifndef TAPIR_TAPIR_H
#define TAPIR_TAPIR_H

#include "stack/addr.h"
#include "stack/pkt.h"

#define TAPIR_VERSION "0.1.0"

struct tapir;
struct tapir_conf;
struct tapir_event;

enum { TAPIR_SEED_LEN = 32 };

/* "No deadline": nothing will happen without input. */
#define TAPIR_NEVER UINT64_MAX

/*
 * All that an instance may ask of the world. `alloc` returns at least n bytes aligned for any
 * type, or NULL; `free` gets the size that was asked for. `event`, which may be NULL, is told of
 * decisions (stack/event.h); it must not call into the instance. All get `ctx`.
 */
struct tapir_env {
	void *ctx;
	void *(*alloc)(void *ctx, size_t n);
	void (*free)(void *ctx, void *p, size_t n);
	void (*event)(void *ctx, const struct tapir_event *ev);
};

/*
 * Makes an instance with a loopback interface (ifindex 1, 127.0.0.1/8) and nothing else. `conf` is
 * copied (NULL: the defaults); `seed` is the only source of its randomness and must come from a
 * generator fit for keys. `now_ns` starts its clock. Returns 0 and the instance in *out, -ENOMEM, or
 * -EINVAL (conf out of range). Destroy with tapir_destroy().
 */
TAPIR_API int tapir_create(struct tapir **out, const struct tapir_env *env,
			   const struct tapir_conf *conf, const uint8_t seed[TAPIR_SEED_LEN],
			   uint64_t now_ns);

/* Frees everything. Sends nothing: close or abort sockets and drain queues first if peers matter. */
TAPIR_API void tapir_destroy(struct tapir *t);

/*
 * Moves the clock to `now_ns` and fires what became due, in order of deadline, ties in order of
 * setting. Time never goes back: an earlier value counts as no step. Flushes.
 */
TAPIR_API void tapir_advance(struct tapir *t, uint64_t now_ns);

/* The instance's clock. */
TAPIR_API uint64_t tapir_now(const struct tapir *t);

/*
 * Hands the stack a frame (ETHER) or IP packet (RAW_IP) that arrived at interface `ifindex`;
 * consumes `p` always. The answer may wait for tapir_flush(), so that a batch of frames is
 * acknowledged once. Returns 0, or -ENODEV (no such interface, or it is down; p is freed).
 */
TAPIR_API int tapir_input(struct tapir *t, int ifindex, struct pkt *p);

/* Lets every connection that owes the network something send it. */
TAPIR_API void tapir_flush(struct tapir *t);

/*
 * The packets at the head of an interface's transmit queue, at most `max`, oldest first, without
 * taking them off; flushes first. They stay valid and in place until tapir_tx_done(). Returns how many.
 */
TAPIR_API size_t tapir_tx_peek(struct tapir *t, int ifindex, const struct pkt **pkts, size_t max);

/* The first `n` peeked packets were sent (or given up by the driver): frees them, wakes who waits. */
TAPIR_API void tapir_tx_done(struct tapir *t, int ifindex, size_t n);

/* When tapir_advance() must be called next at the latest: a clock value, or TAPIR_NEVER. */
TAPIR_API uint64_t tapir_next_deadline(struct tapir *t);

/*
 * Not ours but the program's: every program that links the library defines it. It is called when the library
 * finds itself broken, never because of what came from the network or of an argument, and must not
 * return: say where, and abort().
 */
/* NOLINTNEXTLINE(readability-redundant-declaration): stack/base/assert.h has it for the core. */
_Noreturn void tapir_panic(const char *file, int line, const char *expr);

/* Checks every invariant of the instance; panics where one is broken. For tests and fuzzers. */
TAPIR_API void tapir_check(struct tapir *t);

#endif
