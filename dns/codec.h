/*
 * What the codec's files share with each other and nobody else needs: octets, the walk over a name in a message, records by
 * offset, the fields of RDATA.
 */
#ifndef TAPIR_DNS_CODEC_H
#define TAPIR_DNS_CODEC_H

#include "dns/rr.h"

static inline uint16_t dns_get16(const uint8_t *p)
{
	return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t dns_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void dns_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void dns_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* RFC 4343 3: the 26 letters of ASCII and nothing else. */
static inline uint8_t dns_fold(uint8_t c)
{
	return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c | 0x20) : c;
}

/* Fills *flaw (unless NULL) and is -EBADMSG. */
int dns_flawed(struct dns_flaw *flaw, size_t at, const char *why);

/* Pointers in one name. Each follows a label or another pointer and goes back, so that 126 are more than any encoder makes (DN-23: but not more work). */
enum { DNS_HOPS_MAX = 126 };

enum dns_scan_flag {
	DNS_SCAN_FLAT = 1, /* a pointer is a flaw */
};

/*
 * Walks the name at `at`, whose octets in place must lie before `limit`; `out` (255 octets) gets it written out unless NULL, *out_len its
 * length then. Returns the offset behind it, or -EBADMSG with *flaw.
 */
int dns_name_scan(const uint8_t *msg, size_t limit, size_t at, unsigned flags, uint8_t *out,
		  uint8_t *out_len, struct dns_flaw *flaw);

/* The same name, of which one lies in a checked message. */
bool dns_name_eq_at(const uint8_t *msg, size_t at, const struct dns_name *n);

/* The offset behind a name in a checked message. */
static inline size_t dns_name_skip(const uint8_t *msg, size_t at)
{
	while (msg[at] != 0 && msg[at] < 0xc0)
		at += 1u + msg[at];
	return at + (msg[at] == 0 ? 1 : 2);
}

/* A record of a decoded message by offset: no copy of its name. */
struct dns_rr_at {
	size_t name, rdata;
	uint32_t ttl;
	uint16_t type, class, rdlen;
	uint8_t section; /* enum dns_section */
};
bool dns_rr_skim(const struct dns_msg *m, struct dns_rr_iter *it, struct dns_rr_at *rr);

/* dns_enc_rr() of a record of decoded `m`, under the name given. */
int dns_enc_copy(struct dns_enc *e, const struct dns_msg *m, const struct dns_name *name,
		 const struct dns_rr_at *rr);

/* What a field of RDATA is: its size, what it must be, and how dig writes it. */
enum rr_kind {
	RF_END,
	RF_U8,
	RF_U16,
	RF_U32,
	RF_IP4,
	RF_IP6,
	RF_NAME,
	RF_TYPE,    /* 16 bits, written as a mnemonic */
	RF_TIME,    /* 32 bits, YYYYMMDDHHmmSS (RFC 4034 3.2) */
	RF_STR,	    /* a character-string */
	RF_STRS,    /* one or more, to the end */
	RF_TEXT,    /* the rest, as one quoted string */
	RF_TAG,	    /* length, letters and digits (RFC 8659 4.1) */
	RF_HEX,	    /* the rest, at least one octet */
	RF_B64,	    /* the rest, at least one octet */
	RF_SALT,    /* length, octets: hex, "-" for none (RFC 5155 3.3) */
	RF_HASH,    /* length, octets: base32hex */
	RF_BITMAP,  /* types (RFC 4034 4.1.2), one at least */
	RF_BITMAP0, /* may be empty (RFC 5155) */
	RF_PARAM,   /* SvcParams to the end (RFC 9460 2.2) */
	RF_OPTION,  /* EDNS options to the end */
	RF_LOC,	    /* 16 octets (RFC 1876 2) */
	RF_EUI48,
	RF_EUI64,
	RF_ID64,   /* 64 bits as four groups (RFC 6742) */
	RF_CERT,   /* 16 bits: certificate type mnemonic (RFC 4398 2.1) */
	RF_ALG,	   /* 8 bits: DNSSEC algorithm mnemonic */
	RF_OPAQUE, /* the rest, whatever it is (RFC 3597) */
};

struct rr_field {
	uint8_t kind; /* enum rr_kind */
	const char *name;
};

enum rr_flag {
	RR_IN = 1,	 /* the layout is that of class IN only */
	RR_COMPRESS = 2, /* of RFC 1035: names in it may be sent compressed (RFC 3597 4) */
	RR_POINTERS = 4, /* compressed names in it are taken (RFC 3597 4, RFC 6762 18.14) */
};

enum { RR_FIELDS_MAX = 9 };

struct rr_type {
	uint16_t type;
	uint8_t flags; /* enum rr_flag */
	const char *name;
	struct rr_field field[RR_FIELDS_MAX + 1];
};

/* The row of a type in a class; one of a single opaque field for an unknown type (RFC 3597 3). Never NULL. */
const struct rr_type *rr_type_of(uint16_t type, uint16_t class);

/* A walk over the fields of RDATA. `flat`: written out, pointers are flaws. */
struct rr_walk {
	const uint8_t *b;
	size_t begin, at, end;
	const struct rr_type *row;
	const struct rr_field *f;
	bool flat, more; /* `more`: within a field that repeats */
	int32_t last;	 /* SvcParamKey before this one */
};

/* A field, or one of several of a field that repeats (a string, an option, a parameter). */
struct rr_part {
	uint8_t kind;
	const char *name;
	size_t at, len;
};

void rr_walk_begin(struct rr_walk *w, const uint8_t *b, size_t at, size_t len, uint16_t type,
		   uint16_t class, bool flat);
/* 1 with the next part, 0 at the end of RDATA that is whole, -EBADMSG with *flaw. */
int rr_walk_next(struct rr_walk *w, struct rr_part *p, struct dns_flaw *flaw);

/* Text that is cut to its room and counted whole, as snprintf does. */
struct dns_out {
	char *p;
	size_t cap, len;
};

static inline void dns_out_char(struct dns_out *o, char c)
{
	if (o->len + 1 < o->cap)
		o->p[o->len] = c;
	o->len++;
}

void dns_out_str(struct dns_out *o, const char *s);
void dns_out_uint(struct dns_out *o, uint64_t v, unsigned digits);
/* Ends it with a NUL; the length that it has whole. */
size_t dns_out_end(struct dns_out *o);
/* The name's text with a final dot. */
void dns_out_name(struct dns_out *o, const uint8_t *name);
void dns_out_addr4(struct dns_out *o, const uint8_t *p);
void dns_out_addr6(struct dns_out *o, const uint8_t *p);
void dns_out_quoted(struct dns_out *o, const uint8_t *p, size_t n);
/* RDATA in a message, any octets: what does not fit its type is written as RFC 3597 5 has it. */
void dns_out_rdata(struct dns_out *o, const uint8_t *b, size_t at, size_t len, uint16_t type,
		   uint16_t class);
/* One part of RDATA as dig writes it. `word`: octets of text between blanks in hex and base64, 0: none. */
void rr_part_text(struct dns_out *o, const struct rr_walk *w, const struct rr_part *p,
		  unsigned word);

#endif
