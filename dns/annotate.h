/*
 * What every octet of a message is: its fields in order, with their meaning and what they point to, of a malformed message too, up to the
 * place where it goes wrong. Data for a hex dump; drawing it is the application's affair.
 */
#ifndef TAPIR_DNS_ANNOTATE_H
#define TAPIR_DNS_ANNOTATE_H

#include "dns/codec.h"

enum { DNS_NOTE_TEXT = 256, DNS_NOTES_AHEAD = 24 };

enum dns_note_kind {
	DNS_NOTE_GROUP, /* spans what follows one level deeper: the header, a question, a record, a name, RDATA, an option */
	DNS_NOTE_FIELD, /* whole octets */
	DNS_NOTE_BITS,	/* bits of the 16 at `at` */
	DNS_NOTE_LABEL, /* a length octet and its label; the root's label is the lone 0 */
	DNS_NOTE_POINTER, /* 2 octets that stand for the name at `target` */
	DNS_NOTE_FLAW, /* what is refused stands at `at`; `text` says why. Octets behind it that are not read follow as a field */
};

/*
 * Fields, labels and pointers follow each other without a gap and together are the message; groups come before what they span; bits
 * lie over the field "flags".
 */
struct dns_note {
	enum dns_note_kind kind;
	unsigned depth; /* 0: header, question, record; deeper: what is in it */
	size_t at, len; /* octets */
	uint8_t bit,
		bits; /* DNS_NOTE_BITS: the first, 0 the leftmost (RFC 1035 4.1.1's drawing), and how many */
	uint8_t section;  /* enum dns_section; of the header 0 */
	unsigned index;	  /* of the record in its section, from 0 */
	size_t target;	  /* DNS_NOTE_POINTER */
	const char *name; /* of the field: "ID", "TTL", "preference" */
	/* The value for people, cut if long: "0x1234", "mail", "MX", "www.example.com." of a name and of what a pointer stands for. */
	char text[DNS_NOTE_TEXT];
};

struct dns_notes {
	const uint8_t *b;
	size_t len, at;	      /* `at`: the first octet not told of yet */
	struct dns_flaw flaw; /* why == NULL: none */
	unsigned step, back, section, index;
	bool bad; /* the name under way is refused somewhere */
	uint16_t count[4], type, class, rdlen;
	struct rr_walk walk;
	/* made, not yet given */
	unsigned first, n;
	struct dns_note ahead[DNS_NOTES_AHEAD];
};

/* Any octets at all. */
TAPIR_API void dns_notes_begin(struct dns_notes *s, const uint8_t *b, size_t len);
/* The next: true, or false at the end. *n is valid until the next call. */
TAPIR_API bool dns_notes_next(struct dns_notes *s, const struct dns_note **n);

#endif
