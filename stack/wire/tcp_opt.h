/*
 * TCP options (RFC 9293 3.2): parsed into one struct, written in the order of a known stack.
 */
#ifndef TAPIR_WIRE_TCP_OPT_H
#define TAPIR_WIRE_TCP_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack/wire/tcp.h"

enum tcp_opt_kind {
	TCP_OPT_EOL = 0,
	TCP_OPT_NOP = 1,
	TCP_OPT_MSS = 2,
	TCP_OPT_WSCALE = 3,
	TCP_OPT_SACK_OK = 4,
	TCP_OPT_SACK = 5,
	TCP_OPT_TS = 8,
	TCP_OPT_MD5 = 19,
	TCP_OPT_UTO = 28,
	TCP_OPT_AO = 29,
	TCP_OPT_TFO = 34,
	TCP_OPT_EXP =
		254, /* experiments, told apart by a number (RFC 6994): Fast Open's before it got its own */
};

#define TCP_SACK_MAX   4  /* blocks that fit into 40 bytes */
#define TCP_TFO_MAX    16 /* bytes of a Fast Open cookie */
#define TCP_TFO_MIN    4
#define TCP_WSCALE_MAX 14 /* RFC 7323 2.3 */

/* Bits of tcp_opts.has. */
#define TCP_HAS_MSS	0x001u
#define TCP_HAS_WSCALE	0x002u
#define TCP_HAS_SACK_OK 0x004u
#define TCP_HAS_TS	0x008u
#define TCP_HAS_SACK	0x010u
#define TCP_HAS_TFO	0x020u
#define TCP_HAS_UTO	0x040u
#define TCP_HAS_MD5	0x080u
#define TCP_HAS_AO	0x100u
#define TCP_HAS_UNKNOWN 0x200u /* some other kind, skipped */

struct tcp_sack_block {
	uint32_t start, end; /* raw: start may not precede end, the scoreboard judges */
};

struct tcp_opts {
	uint16_t has;	    /* TCP_HAS_ bits: which fields below mean something */
	bool tfo_exp;	    /* the Fast Open option in its experimental form */
	bool malformed;	    /* a length of 0, 1 or past the header: parsing stopped there; what came
			       before stands */
	uint8_t wscale;	    /* 0..14, greater ones come as 14 */
	uint8_t wscale_raw; /* as received, to be logged when > 14 */
	uint8_t n_sack;	    /* 1..4 with TCP_HAS_SACK */
	uint8_t tfo_len;    /* with TCP_HAS_TFO: 0 asks for a cookie, else 4..16, even */
	uint16_t mss;	    /* raw, 0 possible */
	uint16_t uto; /* raw: granularity bit (1: minutes) and 15 bits of value (RFC 5482 3) */
	uint32_t tsval, tsecr;
	struct tcp_sack_block sack[TCP_SACK_MAX];
	uint8_t tfo[TCP_TFO_MAX];
};

/*
 * Parse the len (0..40) bytes of options at p, behind the fixed header, into *out (cleared first).
 * Every kind but 0 and 1 is skipped by its length; a known kind with a wrong length is skipped as
 * if unknown; of a repeated option the last one counts. Which options mean anything on a segment
 * without SYN is for the caller to say.
 */
void tcp_opts_parse(const uint8_t *p, size_t len, struct tcp_opts *out);

/* In which stack's order options are laid out. */
enum tcp_opt_style {
	TCP_OPTS_LINUX,	  /* mss, sackOK, TS, nop, wscale; NOPs instead of what is left out */
	TCP_OPTS_FREEBSD, /* mss, nop, wscale, sackOK, TS */
};

/*
 * Write the options that o->has names (MSS, WSCALE, SACK_OK, TS, SACK, TFO, UTO; others are
 * ignored) to p, which has room for 40 bytes. Returns the length, a multiple of 4 up to 40. SACK
 * blocks that do not fit are left out from the end, as is a TFO or UTO option that does not.
 */
size_t tcp_opts_encode(uint8_t *p, const struct tcp_opts *o, enum tcp_opt_style style);

/* The length that tcp_opts_encode() would return. */
size_t tcp_opts_len(const struct tcp_opts *o, enum tcp_opt_style style);

/* How many SACK blocks fit beside the other options of a data segment: 4, or 3 with timestamps. */
static inline unsigned tcp_opts_sack_room(bool ts)
{
	return ts ? 3 : 4;
}

#endif
