#ifndef TAPIR_TESTS_SUPPORT_SCRIPT_RUN_H
#define TAPIR_TESTS_SUPPORT_SCRIPT_RUN_H

/*
 * The parts of the script runner, private to it: script_run.c is the world and its time, script_wire.c the
 * packets in and out, script_call.c and script_sockopt.c the socket calls, script_code.c settings and assertions.
 */
#include "stack/conf.h"
#include "stack/event.h"
#include "stack/netif.h"
#include "stack/socket.h"
#include "stack/stats.h"
#include "tests/support/script.h"
#include "tests/support/wireview.h"

enum { RUN_FDS = 64, RUN_FLOWS = 256, RUN_FIRST_FD = 3, RUN_EVENTS = 16, RUN_TS_MAP = 64 };
enum { RUN_PEER_PORT = 40001 }; /* of a peer that opens, where the script doesn't say */

/* A socket of the script. */
struct run_fd {
	tapir_sock_t sock; /* 0: not open */
	bool nonblock, stream;
	bool odd; /* its bytes are not the pattern's: out-of-band, or a literal string */
	uint64_t read, written;
};

/* A connection, by its ports. */
struct run_flow {
	uint16_t lport, rport;
	bool iss_known, irs_known, ts_known;
	bool fresh; /* the next SYN that leaves may have a new number */
	uint32_t iss, irs;
	uint32_t ts_off; /* TSval on the wire less the script's */
	struct {
		uint32_t script, live;
	} ts_map[RUN_TS_MAP];
	unsigned nts;
};

/* A packet that left and that no event has taken yet. */
struct run_sent {
	struct run_sent *next;
	uint64_t time_ns;
	uint32_t len;
	uint8_t p[];
};

struct run {
	struct script *s;
	struct tapir *t;
	int ifi;
	struct tapir_conf conf;
	uint64_t start_ns;
	size_t live, live_bytes;
	struct run_sent *head, **tail;
	struct run_fd fd[RUN_FDS];
	struct run_flow flow[RUN_FLOWS];
	unsigned nflow;
	uint16_t lport, rport; /* the usual flow */
	int last_conn;	       /* fd that accept or connect gave last, -1: none */
	bool odd_out;	       /* payload that leaves is not compared */
	/* a blocking call under way */
	const struct script_event *pending;
	int64_t progress;
	uint64_t base_ns,
		pending_base_ns; /* time of the event before, and of the one before that call */
	uint64_t poll_end_ns;
	/* what the stack said last */
	struct tapir_event ev[RUN_EVENTS];
	size_t nev;
	bool batching; /* the packet before was not flushed */
	bool failed;
};

/* Results of a call that is not over: only its runner sees it. */
enum { RUN_BLOCKS = -100000 };

__attribute__((format(printf, 3, 4))) void run_fail(struct run *r, const struct script_event *e,
						    const char *fmt, ...);
/* The source line of an event, without what is around it. */
const char *run_source(struct run *r, const struct script_event *e, char *buf, size_t cap);
static inline uint64_t run_now(const struct run *r)
{
	return tapir_now(r->t) - r->start_ns;
}

/* ---- script_wire.c ---- */
struct run_flow *run_flow(struct run *r, uint16_t lport, uint16_t rport);
/* Byte `off` of a stream that the peer sends, or that we send. */
uint8_t run_pattern(bool out, uint64_t off);
void run_inbound(struct run *r, const struct script_event *e);
/* Whether a packet that left is what the event wants; else fails. */
void run_compare(struct run *r, const struct script_event *e, const struct run_sent *sent);
/* The packet as text, relative to its flow. */
const char *run_text(struct run *r, const struct run_sent *sent, char *buf, size_t cap);

/* ---- script_call.c ---- */
/* A call as it is made. */
struct call {
	struct run *r;
	const struct script_event *e;
	bool again; /* it was pending */
	bool bad;   /* the script is wrong; said already */
};

/* Argument i, NULL: there is none. */
const struct script_value *call_arg(const struct call *c, unsigned i);
/* Says what is wrong with the script. Returns 0. */
int64_t call_bad(struct call *c, const char *what);
int64_t call_int(struct call *c, unsigned i);
/* The descriptor that argument 0 names; NULL: it is not open, and said so. */
struct run_fd *call_fd(struct call *c);
/* The number of a struct's field, by either of two names; 0: not there. */
int64_t call_field(const struct script_value *v, const char *a, const char *b);
struct run_fd *run_fd_at(struct run *r, int64_t fd);

/* Begins the call of an event. */
void run_call(struct run *r, const struct script_event *e);
/* Tries the pending call again. */
void run_retry(struct run *r);

/* ---- script_sockopt.c: calls; each returns a result, a negative errno, or RUN_BLOCKS ---- */
int64_t call_setsockopt(struct call *c);
int64_t call_getsockopt(struct call *c);
int64_t call_ioctl(struct call *c);
int64_t call_poll(struct call *c);

/* ---- script_code.c ---- */
void run_code(struct run *r, const struct script_event *e);
void run_sysctl(struct run *r, const struct script_event *e);

#endif
