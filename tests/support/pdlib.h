#ifndef TAPIR_TESTS_SUPPORT_PDLIB_H
#define TAPIR_TESTS_SUPPORT_PDLIB_H

/*
 * Loading tapir-packetdrill.so as packetdrill does, and packets for it by hand.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tests/support/wireview.h"
#include "tools/packetdrill/packetdrill_interface.h"

struct pdlib {
	void *handle;
	struct packetdrill_interface ifc;
};

enum { PDLIB_LOCAL = 0xc0a80001, PDLIB_REMOTE = 0xc0000201 }; /* 192.168.0.1, 192.0.2.1 */

/* $BUILD/tapir-packetdrill.so; static. */
const char *pdlib_path(void);
/*
 * Loads it and nothing else: children of who does so before they are made need not read it again, which under valgrind
 * costs more than most scripts. NULL: it can't be.
 */
void *pdlib_load(void);
/* Loads and fills the table. False: *why says so. */
bool pdlib_open(struct pdlib *p, const char *flags, const char **why);
void pdlib_close(struct pdlib *p);

/* Whether a thread of this process sleeps, as packetdrill sees it. */
bool pdlib_asleep(pid_t tid);

/* The clock, us. */
long long pdlib_now(struct pdlib *p);
/* A TCP segment from the peer; `opts` of nopts bytes, a multiple of 4; `len` bytes of data, all zero. */
int pdlib_send_tcp(struct pdlib *p, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack,
		   uint16_t flags, uint16_t win, const uint8_t *opts, unsigned nopts, uint32_t len);
/*
 * The next packet that leaves, in v (which points into a buffer of p's user until the next call), and its time. False:
 * nothing will.
 */
bool pdlib_receive(struct pdlib *p, struct wireview *v, long long *time_us);

#endif
