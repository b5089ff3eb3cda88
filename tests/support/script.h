#ifndef TAPIR_TESTS_SUPPORT_SCRIPT_H
#define TAPIR_TESTS_SUPPORT_SCRIPT_H

/*
 * Packet scripts: one stack, its peer played by a script, in virtual time.
 *
 * The language is packetdrill's, as far as one interface and IPv4 go. A script is a list of events, each with
 * its time:
 *
 *	0      socket(..., SOCK_STREAM, IPPROTO_TCP) = 3        a call, and what it returns
 *	+0     bind(3, ..., ...) = 0
 *	+0     listen(3, 1) = 0
 *	+0     < S 0:0(0) win 65535 <mss 1460>                  a segment that the peer sends
 *	+0     > S. 0:0(0) ack 1 win 65535 <mss 1460>           one that the stack must send
 *	+.01   < . 1:1(0) ack 1 win 257
 *	+0...0.02 accept(3, ..., ...) = 4                       a call that blocks until the second time
 *	+0     %{ assert tcpi_snd_cwnd == 10 }%                 what must be true of the connection
 *
 * Times: `+T` after the event before, `T` since the start, `*` any, `T~T` and `+T~+T` within, `T...T` a blocking
 * call's beginning and end. Sequence numbers: ours count from our ISN, the peer's are as the script says. Flags:
 * F S R P . U E W A, or `-`. Before the flags may stand [ect0, ect1, ce, noecn, tos N, ttl N] and SPORT > DPORT. A window
 * that is not given is not compared, <...> stands for any options. ICMP: `< icmp unreachable frag_needed mtu
 * 1200 [1:1001(1000)]`, UDP: `< udp (100)`. Options of the runner (--tolerance_usecs=N) come first; `sysctl
 * -w NAME=VALUE` in backticks sets the instance. tests/script/README.md says all of it, and how to write one.
 *
 * Ours beyond the published language: the assertion form of %{ }% (see script_eval.c); in brackets before the flags
 * of an inbound segment `badcsum`, `badipcsum`, `doff N`, `rsv N`, `src ADDR`, `dst ADDR`, `ipopt HEX`, `batch` (the
 * stack is not flushed before the next) and `df`, `nodf` on either; option bytes as `raw HEX`; --start_ms=N for the clock at the start; payload bytes are known by their place in the stream
 * and compared wherever they come out; what the stack sends without the script expecting it is an error at once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_NEVER UINT64_MAX

/* Time of an event, ns. */
enum script_when { WHEN_RELATIVE, WHEN_ABSOLUTE, WHEN_ANY };

/* A value of a call: a tree of siblings and children. */
enum script_value_kind {
	VALUE_INT,
	VALUE_STRING,
	VALUE_ELLIPSIS, /* ... : whatever the runner takes */
	VALUE_ANY,	/* ? */
	VALUE_LIST,	/* [a, b] */
	VALUE_STRUCT,	/* {a=1, b=2} */
	VALUE_CALL,	/* htons(8080): name, children */
};

struct script_value {
	enum script_value_kind kind;
	const char *field; /* {field=...} */
	const char *text;  /* string, or a call's name */
	int64_t i;	   /* a number, or a string's length */
	struct script_value *child, *last, *next, *up;
};

enum script_opt_kind {
	OPT_EOL,
	OPT_NOP,
	OPT_MSS,
	OPT_WSCALE,
	OPT_SACK_OK,
	OPT_SACK,
	OPT_TS,
	OPT_FO,	   /* RFC 7413: kind 34 */
	OPT_FOEXP, /* the same in the experiment's option, kind 254 with 0xf989 */
	OPT_UTO,   /* RFC 5482 */
	OPT_RAW
};

struct script_opt {
	enum script_opt_kind kind;
	uint32_t a, b;
	unsigned n;	    /* SACK blocks, or raw bytes */
	bool learnt_cookie; /* `FO cookie`: what the stack sent first under this name */
	uint32_t block[4][2];
	uint8_t raw[40];
};

enum script_proto { PROTO_TCP, PROTO_UDP, PROTO_ICMP };

struct script_packet {
	bool out;
	enum script_proto proto;
	/* IP, -1: as usual, or not compared */
	int tos, tos_mask, ttl, df;
	bool bad_csum, bad_ip_csum;
	bool batch;	       /* nothing leaves before the next packet has arrived too */
	bool has_src, has_dst; /* not the usual addresses */
	uint32_t src, dst;
	uint8_t ip_opt[40];
	unsigned nip_opt;
	int doff, rsv;	       /* -1: right */
	uint16_t sport, dport; /* 0: the usual */
	uint16_t flags;
	uint32_t seq, ack, len;
	bool has_ack, has_win, has_urg, any_options;
	uint16_t win, urg;
	struct script_opt opt[20];
	unsigned nopt;
	int type, code; /* ICMP */
	uint32_t mtu;
	enum script_proto quoted;
	uint32_t quoted_seq, quoted_len;
};

enum script_event_kind { EVENT_PACKET, EVENT_CALL, EVENT_SYSCTL, EVENT_CODE };

struct script_event {
	int line;
	enum script_when when;
	bool range, blocks;
	uint64_t from_ns, to_ns;
	enum script_event_kind kind;
	struct script_packet packet;
	/* EVENT_CALL */
	const char *call;
	struct script_value *args, *result; /* result NULL: none given */
	int err;			    /* positive errno, 0: none */
	/* EVENT_SYSCTL, EVENT_CODE */
	const char *text;
};

/* --define=NAME=VALUE */
struct script_define {
	struct script_define *next;
	const char *name;
	int64_t value;
};

struct script {
	const char *path;
	char *source; /* the file, NUL-terminated */
	uint64_t tolerance_ns;
	unsigned tolerance_percent; /* of the time between two events, where that is more */
	bool dry_run;		    /* read it, and that is all */
	bool chunks; /* of tests/tso/: segments leave in chunks, as over a device with offloads */
	struct script_define *define;
	uint32_t local_ip4, remote_ip4, mtu, ts_tick_us;
	uint16_t port; /* bound or connected to where the script says `...` */
	uint64_t start_ns;
	struct script_event *event;
	size_t nevent, cap;
	void *arena; /* blocks of memory that live as long as the script */
	char error[2048];
};

/*
 * Reads and parses. `options`, NULL or as in a script, stand above the script's own. False: the reason is in
 * s->error. Free with script_free() in any case.
 */
bool script_load(struct script *s, const char *path, const char *options);
/* The same of a text; `name` stands for the path. */
bool script_parse(struct script *s, const char *name, const char *text, size_t n);
void script_free(struct script *s);
/* Memory that script_free() takes back, zeroed. */
void *script_alloc(struct script *s, size_t n);

/* Plays it on an instance of its own. False: the reason is in s->error. Uses no cmocka. */
bool script_run(struct script *s);

/* What the script defined. */
bool script_defined(const struct script *s, const char *name, size_t len, int64_t *value);
/* A name that scripts may use for a number: SOL_SOCKET, EAGAIN, TCP_ESTABLISHED. */
bool script_constant(const char *name, size_t len, int64_t *value);
/* "EAGAIN" for 11. Never NULL. */
const char *script_errno_name(int err);

/*
 * Statements of a %{ }% block. `lookup` finds a name's value, false: unknown. Returns NULL if all hold, else what is
 * wrong, in buf.
 */
const char *script_eval(const char *code,
			bool (*lookup)(void *ctx, const char *name, int64_t *value), void *ctx,
			char *buf, size_t cap);

#endif
