/*
 * IGMP versions 1, 2 and 3, the host's side (RFC 1112, 2236, 3376): queries and others' reports are
 * decoded, reports and leaves written.
 */
#ifndef TAPIR_WIRE_IGMP_H
#define TAPIR_WIRE_IGMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IGMP_LEN	8	    /* all messages of versions 1 and 2 */
#define IGMP_V3_QUERY	12	    /* a version 3 query without sources */
#define IGMP_V3_REPORT	8	    /* a version 3 report without records */
#define IGMP_V3_RECORD	8	    /* a record without sources */
#define IGMP_ALL_HOSTS	0xe0000001u /* 224.0.0.1: where queries go */
#define IGMP_ALL_ROUTER 0xe0000002u /* 224.0.0.2: where version 2 leaves go */
#define IGMP_ALL_V3	0xe0000016u /* 224.0.0.22: where version 3 reports go */

enum igmp_type {
	IGMP_QUERY = 0x11,
	IGMP_REPORT_V1 = 0x12,
	IGMP_REPORT_V2 = 0x16,
	IGMP_LEAVE_V2 = 0x17,
	IGMP_REPORT_V3 = 0x22,
};

/* Record types of a version 3 report (RFC 3376 4.2.12). */
enum igmp_record {
	IGMP_IS_INCLUDE = 1,
	IGMP_IS_EXCLUDE = 2,
	IGMP_TO_INCLUDE = 3,
	IGMP_TO_EXCLUDE = 4,
	IGMP_ALLOW = 5,
	IGMP_BLOCK = 6,
};

/* Any message's first 8 bytes. */
struct igmp_hdr {
	uint8_t type;
	uint8_t code; /* the maximum response code of a query */
	uint16_t csum;
	uint32_t group; /* host order; 0 in a general query; nothing in a version 3 report */
};

/* Returns IGMP_LEN or WIRE_ESHORT. The checksum is over the whole message: igmp_csum_ok(). */
int igmp_hdr_decode(const uint8_t *p, size_t len, struct igmp_hdr *out);
bool igmp_csum_ok(const uint8_t *p, size_t len);

struct igmp_query {
	uint8_t version;      /* 1, 2 or 3, by length and code (RFC 3376 7.1) */
	uint32_t group;	      /* 0: all groups */
	uint32_t max_resp_ms; /* answer within this; version 1: 10 s */
	bool suppress;	      /* version 3: the S flag */
	uint8_t qrv;	      /* version 3: the querier's robustness variable, 0 when not told */
	uint32_t qqi_s;	      /* version 3: the querier's query interval */
	uint16_t nsrc;	      /* version 3: number of sources */
	const uint8_t *src;   /* nsrc addresses of 4 bytes in wire order, inside the message:
				 igmp_query_source() */
};

/*
 * Decode a query (type IGMP_QUERY) of len bytes. Returns the bytes used: 8, or 12 + 4 nsrc, what
 * follows is ignored. WIRE_ETYPE when it is no query, WIRE_ESHORT below 8 bytes, WIRE_ELEN for 9 to
 * 11 bytes or when the sources go past len.
 */
int igmp_query_decode(const uint8_t *p, size_t len, struct igmp_query *out);

/* Source i < nsrc of a query, host order. */
uint32_t igmp_query_source(const struct igmp_query *q, unsigned i);

/* The value of a version 3 Max Resp Code or QQIC (RFC 3376 4.1.1, 4.1.7): below 128 itself, else a
 * float. */
uint32_t igmp_code_value(uint8_t code);

/* Write a version 1 or 2 report, or a leave: 8 bytes, checksum included; returns 8. */
int igmp_encode(uint8_t *p, uint8_t type, uint32_t group);

/* A version 3 report written piece by piece into cap bytes at p. */
struct igmp_report {
	uint8_t *p;
	size_t cap, len;
	uint16_t records;
};

/* Begin. Returns false when not even the header fits. */
bool igmp_report_begin(struct igmp_report *r, uint8_t *p, size_t cap);

/* Add a record with nsrc sources (host order; src may be NULL when nsrc is 0). Returns false, with
 * nothing changed, when it does not fit. */
bool igmp_report_add(struct igmp_report *r, enum igmp_record type, uint32_t group,
		     const uint32_t *src, uint16_t nsrc);

/* Fill in count and checksum; returns the length of the message. */
size_t igmp_report_end(struct igmp_report *r);

#endif
