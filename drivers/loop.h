/*
 * The event loop: one instance, one driver, one thread.
 *
 * It owns the clock (loop_now), so that time in the stack passes as the loop says. A program
 * either registers handlers and calls loop_run(), or writes straight-line code with the calls at the
 * end, each of which runs the loop until what it asks for is done or its deadline has come. Both mix:
 * handlers are served whenever the loop runs.
 */
#ifndef TAPIR_DRIVERS_LOOP_H
#define TAPIR_DRIVERS_LOOP_H

#include "drivers/driver.h"
#include "stack/socket.h"

struct loop;

/* Told of a socket's edges. Embedded in the owner's struct; lives until the socket is closed. */
struct loop_handler {
	void (*fn)(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits);
};

/* Told of a descriptor of the system, with epoll's bits. */
struct loop_fd {
	void (*fn)(struct loop *l, struct loop_fd *f, uint32_t events);
	int fd;
};

/* Told when the loop's clock has reached a moment. Zeroed before its first use. */
struct loop_timer {
	void (*fn)(struct loop *l, struct loop_timer *tm);
	uint64_t at_ns;
	uint32_t pos; /* in the loop's heap, from 1; 0: not set */
};

/*
 * Makes a loop over an instance, its interface `ifindex` and the driver of that. It owns neither. NULL
 * with the reason in *err. `start_ns` is the clock value that the instance was made with.
 */
struct loop *loop_new(struct tapir *t, int ifindex, struct driver *d, uint64_t start_ns,
		      struct drv_error *err);
void loop_free(struct loop *l);

/* The clock, in ns: what was passed to the stack at the beginning of this turn. */
uint64_t loop_now(const struct loop *l);
/* What it would be if read now. */
uint64_t loop_clock(struct loop *l);
/* What was cut off the clock so far, where something held the program longer than it asked to sleep. */
uint64_t loop_skipped(const struct loop *l);

struct tapir *loop_tapir(const struct loop *l);

/*
 * SIGINT and SIGTERM ask the process's one loop to stop, even if they were ignored when the program
 * began; SIGHUP too unless it was ignored. The caller's dispositions come back with loop_free().
 */
int loop_catch_signals(struct loop *l);

/* Asks loop_run() to come to its end; from handlers. */
void loop_stop(struct loop *l);
/* The signal that asked for it, 0 for loop_stop(), -1: nothing has. */
int loop_stopping(const struct loop *l);

/*
 * Runs until loop_stop() or a signal. Returns 0, or -1 when the device is gone (loop_error).
 */
int loop_run(struct loop *l);
/* One turn, sleeping at most until `until_ns` of the loop's clock. Returns as loop_run(). */
int loop_turn(struct loop *l, uint64_t until_ns);
/* Why the device is gone; NULL when it is not. */
const char *loop_error(const struct loop *l);

/*
 * Ends all conversations: listeners close, every connection gets a FIN and is read to its end; after
 * 1 s what is left gets a RST; everything queued is written. Takes less than 2 s. Handlers are not
 * called any more. Then the instance may be destroyed.
 */
void loop_finish(struct loop *l);

/* Asks for edges `bits` (enum tapir_ready_bit) of a socket to go to `h`. As tapir_interest(). */
int loop_watch(struct loop *l, tapir_sock_t s, uint32_t bits, struct loop_handler *h);

/* Watches f->fd for epoll events. 0 or a negative errno. Call loop_fd_del before closing it. */
int loop_fd_add(struct loop *l, struct loop_fd *f, uint32_t events);
int loop_fd_mod(struct loop *l, struct loop_fd *f, uint32_t events);
void loop_fd_del(struct loop *l, struct loop_fd *f);

/* Sets a timer, or moves it. -ENOMEM. */
int loop_timer_set(struct loop *l, struct loop_timer *tm, uint64_t at_ns);
void loop_timer_cancel(struct loop *l, struct loop_timer *tm);

/*
 * Straight-line code. `deadline_ns` is a value of the loop's clock (TAPIR_NEVER: none). They return
 * as the call they are named for, or: -ETIMEDOUT the deadline has come, -EINTR the loop is asked to stop,
 * -ENODEV the device is gone.
 */

/* Until the socket has any of `bits`, or an error or hang-up. Returns the level of all its bits. */
int loop_wait(struct loop *l, tapir_sock_t s, uint32_t bits, uint64_t deadline_ns);
/* A new connection to `to`. A failure closes the socket. */
tapir_sock_t loop_connect(struct loop *l, const struct tapir_sockaddr *to, uint64_t deadline_ns);
tapir_sock_t loop_accept(struct loop *l, tapir_sock_t s, struct tapir_sockaddr *peer,
			 uint64_t deadline_ns);
/* All `len` bytes. Returns len or an error. */
int64_t loop_send(struct loop *l, tapir_sock_t s, const void *buf, size_t len,
		  uint64_t deadline_ns);
/* At least a byte; 0: the peer sends no more. */
int64_t loop_recv(struct loop *l, tapir_sock_t s, void *buf, size_t len, uint64_t deadline_ns);
/* Exactly `len` bytes, fewer only at the end of the stream. */
int64_t loop_recv_all(struct loop *l, tapir_sock_t s, void *buf, size_t len, uint64_t deadline_ns);
/* One datagram; `m` may be NULL. */
int64_t loop_recvmsg(struct loop *l, tapir_sock_t s, void *buf, size_t len, struct tapir_msg *m,
		     uint64_t deadline_ns);

#endif
