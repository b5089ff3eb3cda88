#ifndef TAPIR_TESTS_SUPPORT_SCRIPT_RUN_H
#define TAPIR_TESTS_SUPPORT_SCRIPT_RUN_H

/*
 * The parts of the script runner, private to it: script_run.c is the world and its time, script_wire.c the
 * packets in and out, script_call.c, script_io.c, script_sockopt.c and script_wait.c the calls, script_code.c settings and assertions.
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

/* What an epoll descriptor watches. */
struct run_epoll {
	unsigned n;
	struct {
		int64_t fd, data;
		uint32_t events;
		bool off; /* EPOLLONESHOT, and it has fired */
	} entry[RUN_FDS];
};

enum run_fd_kind {
	FD_CLOSED,
	FD_SOCKET,
	FD_FILE, /* the pattern without end */
	FD_PIPE_IN,
	FD_PIPE_OUT,
	FD_EPOLL
};

/* A descriptor of the script. */
struct run_fd {
	enum run_fd_kind kind;
	tapir_sock_t sock;
	int other;	/* a pipe's other end */
	uint64_t held;	/* bytes in a pipe, at its reading end */
	uint32_t edges; /* what tapir_ready_pop() said since EPOLLET was told last */
	struct run_epoll *epoll;
	bool nonblock, stream;
	bool opening;	  /* connect() began, and no call was told its end */
	bool odd;	  /* its bytes are not the pattern's: out-of-band, or a literal string */
	int64_t rcvlowat; /* SO_RCVLOWAT; 0 stands for 1 */
	uint64_t read, written;
};

/* A connection, by its ports. */
struct run_flow {
	uint16_t lport, rport;
	bool iss_known, irs_known, ts_known;
	bool fresh; /* the next SYN that leaves may have a new number */
	uint32_t iss, irs, irs_next;
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
	const struct script_event *conf_event; /* the last that set something before the start */
	uint64_t start_ns;
	uint64_t outside_ns; /* without an instance (pdplay_run.h): the time */
	size_t live, live_bytes;
	struct run_sent *head, **tail;
	struct run_fd fd[RUN_FDS];
	struct run_flow flow[RUN_FLOWS];
	unsigned nflow;
	uint16_t lport, rport;	     /* the usual flow */
	int last_conn;		     /* fd that accept or connect gave last, -1: none */
	uint8_t cookie[16], ncookie; /* `FO cookie` */
	uint32_t ts_slop;	     /* ms by which TSval may be off, where time is real */
	bool odd_out;		     /* payload that leaves is not compared */
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

/* Settings that do not agree; `name` is the one that is not as it must be. */
void run_conflict(struct run *r, const struct script_event *e, const struct tapir_conf *conf,
		  const char *name);
__attribute__((format(printf, 3, 4))) void run_fail(struct run *r, const struct script_event *e,
						    const char *fmt, ...);
/* The source line of an event, without what is around it. */
const char *run_source(struct run *r, const struct script_event *e, char *buf, size_t cap);
static inline uint64_t run_now(const struct run *r)
{
	return (r->t ? tapir_now(r->t) : r->outside_ns) - r->start_ns;
}

/* ---- script_wire.c ---- */
struct run_flow *run_flow(struct run *r, uint16_t lport, uint16_t rport);
/* Byte `off` of a stream that the peer sends, or that we send. */
uint8_t run_pattern(bool out, uint64_t off);
/* A packet for the stack, in buf, which has room for any; its length, 0 if the script is wrong. */
size_t run_build(struct run *r, const struct script_event *e, uint8_t *buf);
void run_inbound(struct run *r, const struct script_event *e);
/* Whether a packet that left is what the event wants; else fails. */
void run_compare(struct run *r, const struct script_event *e, const struct run_sent *sent);
/* Learns from a packet that no event expects what one that does tells: our ISN, and what TSval counts from. */
void run_learn(struct run *r, const struct run_sent *sent);
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
/* Argument i is a descriptor of any kind. */
struct run_fd *call_any_fd(struct call *c, unsigned i);
/* {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("192.0.2.1")}, or ... for the usual. */
struct tapir_sockaddr call_addr(struct call *c, const struct script_value *v, uint32_t ip4,
				uint16_t port);
/* Whether an address is the one that the script gives, if it gives one; else fails. */
bool call_addr_is(struct call *c, const struct script_value *v, const struct tapir_sockaddr *got);
/* A new descriptor's number, -1: no more. */
int run_fd_new(struct run *r, enum run_fd_kind kind, tapir_sock_t sock, bool stream);
/* The socket that argument 0 names has begun to open a connection. */
void run_opened(struct call *c, struct run_fd *f, uint16_t rport);
/* tapir_poll()'s bits, but TAPIR_IN below SO_RCVLOWAT. */
int run_level(struct run *r, const struct run_fd *f);
/* As Linux, of the first call after an open that did not block: 1: it came to be; why it failed; 0: nothing is to be told. */
int run_connect_told(struct run *r, struct run_fd *f, const struct tapir_sockaddr *sa);
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

/* ---- script_io.c ---- */
int64_t call_read(struct call *c);
int64_t call_readv(struct call *c);
int64_t call_recv(struct call *c);
int64_t call_recvmsg(struct call *c);
int64_t call_write(struct call *c);
int64_t call_writev(struct call *c);
int64_t call_send(struct call *c);
int64_t call_sendto(struct call *c);
int64_t call_sendmsg(struct call *c);
int64_t call_open(struct call *c);
int64_t call_pipe(struct call *c);
int64_t call_splice(struct call *c);
int64_t call_sendfile(struct call *c);

/* ---- script_wait.c ---- */
int64_t call_poll(struct call *c);
int64_t call_epoll_create(struct call *c);
int64_t call_epoll_ctl(struct call *c);
int64_t call_epoll_wait(struct call *c);

/* ---- script_code.c ---- */
void run_code(struct run *r, const struct script_event *e);
void run_sysctl(struct run *r, const struct script_event *e);
/* A field of TCP_INFO by Linux's name, or one of ours; some are of a few bits. */
bool run_info_field(const struct tapir_tcp_info *info, const char *name, int64_t *value);

#endif
