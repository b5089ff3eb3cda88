/*
 * DNS messages (RFC 1035 4): one decoder, one encoder.
 *
 * dns_msg_decode() looks at every octet once and either takes the whole message or refuses it: counts against bytes, every
 * name, every RDLENGTH, the layout of the RDATA of every type that dns/rr.h knows, at most one OPT and that at the root.
 * What it took may then be walked without a further check. Nothing is copied: a struct dns_msg points into the caller's bytes.
 */
#ifndef TAPIR_DNS_MSG_H
#define TAPIR_DNS_MSG_H

#include "dns/name.h"

enum { DNS_HEADER_LEN = 12, DNS_MSG_MAX = 65535 };

enum dns_class {
	DNS_CLASS_IN = 1,
	DNS_CLASS_CH = 3,
	DNS_CLASS_HS = 4,
	DNS_CLASS_NONE = 254,
	DNS_CLASS_ANY = 255
};

/* Bits of the header's second word, besides opcode and rcode. */
enum dns_flag {
	DNS_QR = 0x8000,
	DNS_AA = 0x0400,
	DNS_TC = 0x0200,
	DNS_RD = 0x0100,
	DNS_RA = 0x0080,
	DNS_Z = 0x0040,
	DNS_AD = 0x0020,
	DNS_CD = 0x0010,
};

enum dns_rcode {
	DNS_RCODE_NOERROR = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_YXDOMAIN = 6,
	DNS_RCODE_YXRRSET = 7,
	DNS_RCODE_NXRRSET = 8,
	DNS_RCODE_NOTAUTH = 9,
	DNS_RCODE_NOTZONE = 10,
	DNS_RCODE_BADVERS = 16,
	DNS_RCODE_BADCOOKIE = 23,
};

enum dns_section { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

struct dns_question {
	struct dns_name name;
	uint16_t type, class;
};

/* A record as it stands in a message. */
struct dns_rr {
	struct dns_name name;
	uint16_t type, class;
	uint32_t ttl; /* as sent; dns_ttl() has RFC 2181 8's reading */
	enum dns_section section;
	uint16_t rdlen;
	size_t rdata; /* offset in the message */
};

/* EDNS(0) (RFC 6891 6.1.3), from the OPT record. */
struct dns_edns {
	bool present;
	uint8_t version;
	bool do_;		     /* DNSSEC OK */
	uint16_t flags;		     /* all 16, DO at the top */
	uint16_t udp_size;	     /* as sent */
	size_t options, options_len; /* offset in the message, octets */
};

enum dns_option {
	DNS_OPT_NSID = 3,
	DNS_OPT_CLIENT_SUBNET = 8,
	DNS_OPT_COOKIE = 10,	/* RFC 7873 */
	DNS_OPT_KEEPALIVE = 11, /* RFC 7828 */
	DNS_OPT_PADDING = 12,	/* RFC 7830 */
	DNS_OPT_EDE = 15,	/* RFC 8914 */
};

struct dns_msg {
	const uint8_t *b;
	size_t len;
	uint16_t id;
	uint16_t flags; /* enum dns_flag bits only */
	uint8_t opcode;
	uint16_t rcode;	       /* 12 bits, with OPT's upper 8 (RFC 6891 6.1.3) */
	uint16_t count[4];     /* by enum dns_section */
	struct dns_question q; /* the first, when count[DNS_QUESTION] > 0 */
	struct dns_edns edns;
	size_t records; /* offset of the first record */
};

/* Where and why a message was refused. `why` is a constant sentence. */
struct dns_flaw {
	size_t at;
	const char *why;
};

/* 0, or -EBADMSG with *flaw filled (unless NULL). Trailing octets are a flaw too. The bytes must outlive *m. */
TAPIR_API int dns_msg_decode(struct dns_msg *m, const uint8_t *b, size_t len,
			     struct dns_flaw *flaw);

/*
 * Header and question alone: what a reply must match before anything else in it is looked at, and all that matters of a truncated
 * one, which may end anywhere. m->edns is empty, m->rcode without its upper bits, and the records must not be walked. As dns_msg_decode() else.
 */
TAPIR_API int dns_msg_head(struct dns_msg *m, const uint8_t *b, size_t len, struct dns_flaw *flaw);

/* Walks the records of a decoded message, all sections in order. */
struct dns_rr_iter {
	size_t at;
	unsigned left[3];
};
TAPIR_API void dns_rr_begin(const struct dns_msg *m, struct dns_rr_iter *it);
/* The next record in *rr: true, or false at the end. */
TAPIR_API bool dns_rr_next(const struct dns_msg *m, struct dns_rr_iter *it, struct dns_rr *rr);

/* The next EDNS option: true, its code and octets. Begin with *at = m->edns.options. */
TAPIR_API bool dns_option_next(const struct dns_msg *m, size_t *at, uint16_t *code,
			       const uint8_t **p, size_t *len);
/* The first option of that code. */
TAPIR_API bool dns_option_find(const struct dns_msg *m, uint16_t code, const uint8_t **p,
			       size_t *len);

/* RFC 2181 8: a TTL with the top bit set is 0. */
static inline uint32_t dns_ttl(uint32_t ttl)
{
	return ttl & 0x80000000u ? 0 : ttl;
}

/*
 * The encoder writes into the caller's room and never beyond. Compression: names that RFC 1035 and RFC 3597 4 allow to be
 * compressed point back to a place where their tail stands (compared with case, so that decoding gives back what was given).
 * After a call that did not fit (-EMSGSIZE) the message is as it was before it. Sections must come in order, and RDATA must be
 * of its type (-EINVAL, and nothing is changed).
 */
enum { DNS_ENC_PLACES = 128, DNS_ENC_BUCKETS = 64 };

struct dns_enc {
	uint8_t *b;
	size_t cap, len;
	enum dns_section section;
	uint16_t nplaces;
	uint16_t place[DNS_ENC_PLACES]; /* offsets of labels written so far, for compression */
	uint8_t head[DNS_ENC_BUCKETS];	/* places + 1 by a hash of the tail from there on */
	uint8_t next[DNS_ENC_PLACES], bucket[DNS_ENC_PLACES];
};

TAPIR_API int dns_enc_begin(struct dns_enc *e, uint8_t *b, size_t cap, uint16_t id, uint16_t flags,
			    uint8_t opcode, uint8_t rcode);
TAPIR_API int dns_enc_question(struct dns_enc *e, const struct dns_name *name, uint16_t type,
			       uint16_t class);
/* `rdata` is in uncompressed form (dns_rdata_expand); compressed again where the type is one of RFC 1035's. */
TAPIR_API int dns_enc_rr(struct dns_enc *e, enum dns_section s, const struct dns_name *name,
			 uint16_t type, uint16_t class, uint32_t ttl, const uint8_t *rdata,
			 size_t rdlen);
/* The OPT record; `options` are encoded options (dns_enc_option). The rcode's upper bits are 0 in a query. */
TAPIR_API int dns_enc_opt(struct dns_enc *e, uint16_t udp_size, uint16_t flags, uint8_t ext_rcode,
			  const uint8_t *options, size_t len);
/* Appends an option to `options` of *len bytes, capacity `cap`. 0 or -EMSGSIZE. */
TAPIR_API int dns_put_option(uint8_t *options, size_t cap, size_t *len, uint16_t code,
			     const void *p, size_t n);

#endif
