/*
 * The hosts file (hosts(5)): an address and its names on a line, '#' to the end of a line is a comment. The text is walked twice: once to
 * count, once to fill one block of memory of just that size, which nothing changes afterwards:
 *
 *	struct dns_hosts | lines | places | names | buckets of names | buckets of addresses | octets of names
 *
 *	name     one of its spelling, without case; first and last of its places, in the file's order
 *	place    a name on a line
 *	line     an address, its first name, the next line with the same address
 *
 * Names of many places and addresses of many lines (a block list has one address 100,000 times) are chained from their first to their last,
 * so neither makes a bucket long. Hashes are keyed: the file may be somebody else's.
 *
 * A line is taken as glibc and musl both take it: an address in full (as inet_pton(3)), names between blanks, as many as there are, of any
 * length of line. No name is escaped. What is not a name (an empty label, more than 63 octets in one, more than 255 in
 * all) is passed over, as is a line whose address is none. A NUL ends what counts of a line.
 */
#include <errno.h>
#include <string.h>

#include "dns/addrinfo.h"
#include "dns/ascii.h"
#include "dns/local.h"
#include "dns/lines.h"
#include "dns/rr.h"
#include "stack/base.h"

enum { NONE = UINT32_MAX, HOSTS_TEXT_MAX = 1 << 30 };

struct line {
	struct tapir_addr addr;
	uint32_t first_name; /* octets at */
	uint32_t next;	     /* with the same address */
	uint32_t last;	     /* of the address's first line: its last */
	uint32_t bucket;     /* of the address's first line: the next in its bucket */
	bool v4, follows;    /* follows: not the first of its address */
};

struct place {
	uint32_t line, next; /* of the same name */
};

struct name {
	uint32_t at; /* length, then octets */
	uint32_t bucket;
	uint32_t first, last; /* places */
};

struct dns_hosts {
	struct tapir_env env;
	size_t size;
	struct siphash_key key;
	struct line *lines;
	struct place *places;
	struct name *names;
	uint32_t *name_bucket, *addr_bucket;
	uint8_t *octets;
	uint32_t nlines, nplaces, nnames, noctets;
	uint32_t name_mask, addr_mask;
};

/* What there is to keep. */
struct counts {
	uint32_t lines, places;
	size_t octets;
};

/* A word as a name on the wire. */
static bool to_name(const char *p, size_t len, struct dns_name *out)
{
	unsigned n = 0;

	if (len && p[len - 1] == '.')
		len--;
	if (len == 0 || len > DNS_NAME_MAX - 2)
		return false;
	for (size_t at = 0; at <= len; at++) {
		const char *dot = memchr(p + at, '.', len - at);
		size_t label = dot ? (size_t)(dot - (p + at)) : len - at;

		if (label == 0 || label > DNS_LABEL_MAX)
			return false;
		out->b[n++] = (uint8_t)label;
		memcpy(out->b + n, p + at, label);
		n += (unsigned)label;
		at += label;
	}
	out->b[n++] = 0;
	out->len = (uint8_t)n;
	return true;
}

/* The address that begins a line. */
static bool to_addr(const char *p, size_t len, struct dns_addr *out)
{
	char text[46];

	if (len >= sizeof(text))
		return false;
	memcpy(text, p, len);
	text[len] = 0;
	return dns_addr_parse(text, false, out) == 0;
}

static uint32_t hash_name(const struct dns_hosts *h, const uint8_t *b, size_t len)
{
	uint8_t low[DNS_NAME_MAX];

	dns_octets_lower(low, b, len);
	return (uint32_t)siphash13(low, len, &h->key);
}

static uint32_t hash_addr(const struct dns_hosts *h, const struct tapir_addr *a)
{
	return (uint32_t)siphash13(a->b, sizeof(a->b), &h->key);
}

static const struct name *find_name(const struct dns_hosts *h, const uint8_t *b, size_t len,
				    uint32_t hash)
{
	for (uint32_t i = h->name_bucket[hash & h->name_mask]; i != NONE; i = h->names[i].bucket) {
		const uint8_t *have = h->octets + h->names[i].at;

		if (*have == len && dns_octets_eq(have + 1, b, len))
			return &h->names[i];
	}
	return NULL;
}

/* The first line of the address, of that family. 0.0.0.0 and :: are the same octets. */
static uint32_t find_addr(const struct dns_hosts *h, const struct tapir_addr *a)
{
	for (uint32_t i = h->addr_bucket[hash_addr(h, a) & h->addr_mask]; i != NONE;
	     i = h->lines[i].bucket)
		if (tapir_addr_eq(&h->lines[i].addr, a))
			return i;
	return NONE;
}

static void add_line(struct dns_hosts *h, const struct dns_addr *a)
{
	uint32_t i = h->nlines++, first = find_addr(h, &a->addr);

	h->lines[i] = (struct line){.addr = a->addr,
				    .next = NONE,
				    .last = i,
				    .v4 = a->family == DNS_AF_INET,
				    .follows = first != NONE};
	if (first != NONE) {
		h->lines[h->lines[first].last].next = i;
		h->lines[first].last = i;
		return;
	}

	uint32_t *bucket = &h->addr_bucket[hash_addr(h, &a->addr) & h->addr_mask];

	h->lines[i].bucket = *bucket;
	*bucket = i;
}

/* Names keep the spelling that each place has only where a line begins with them. */
static void add_name(struct dns_hosts *h, const struct dns_name *n, bool first_of_line)
{
	uint32_t hash = hash_name(h, n->b, n->len), line = h->nlines - 1;
	struct name *have = (struct name *)find_name(h, n->b, n->len, hash);
	uint32_t at = have ? have->at : h->noctets, place = h->nplaces++;

	if (!have || (first_of_line && memcmp(h->octets + at + 1, n->b, n->len) != 0)) {
		at = h->noctets;
		h->octets[h->noctets++] = n->len;
		memcpy(h->octets + h->noctets, n->b, n->len);
		h->noctets += n->len;
	}
	if (first_of_line)
		h->lines[line].first_name = at;
	h->places[place] = (struct place){line, NONE};
	if (have) {
		h->places[have->last].next = place;
		have->last = place;
		return;
	}

	uint32_t *bucket = &h->name_bucket[hash & h->name_mask];

	h->names[h->nnames] = (struct name){at, *bucket, place, place};
	*bucket = h->nnames++;
}

/* Walks the text; without h it only counts. */
static void walk(struct dns_hosts *h, const char *text, size_t len, struct counts *c)
{
	struct dns_lines it = {text, text + len, 0};
	struct dns_words w;

	while (dns_line_next(&it, "#", &w)) {
		struct dns_addr a;
		struct dns_name n;
		bool first = true;

		if (!dns_word_next(&w) || !to_addr(w.word, w.len, &a))
			continue;
		while (dns_word_next(&w)) {
			if (!to_name(w.word, w.len, &n))
				continue;
			c->lines += first;
			c->places++;
			c->octets += (size_t)n.len + 1;
			if (h && first)
				add_line(h, &a);
			if (h)
				add_name(h, &n, first);
			first = false;
		}
	}
}

static uint32_t buckets_for(uint32_t n)
{
	uint32_t b = 1;

	while (b < n)
		b *= 2;
	return b;
}

int dns_hosts_new(struct dns_hosts **out, const struct tapir_env *env, const uint8_t key[16],
		  const char *text, size_t len)
{
	struct counts c = {0};

	if (len > HOSTS_TEXT_MAX)
		return -ENOMEM;
	walk(NULL, text, len, &c);

	uint32_t name_buckets = buckets_for(c.places), addr_buckets = buckets_for(c.lines);
	size_t lines = sizeof(struct dns_hosts);
	size_t places = lines + c.lines * sizeof(struct line);
	size_t names = places + c.places * sizeof(struct place);
	size_t buckets = names + c.places * sizeof(struct name);
	size_t octets = buckets + ((size_t)name_buckets + addr_buckets) * sizeof(uint32_t);
	size_t size = octets + c.octets;
	uint8_t *mem = env->alloc(env->ctx, size);

	if (!mem)
		return -ENOMEM;

	struct dns_hosts *h = (struct dns_hosts *)(void *)mem;

	*h = (struct dns_hosts){
		.env = *env,
		.size = size,
		.key = siphash_key_from_bytes(key),
		.lines = (struct line *)(void *)(mem + lines),
		.places = (struct place *)(void *)(mem + places),
		.names = (struct name *)(void *)(mem + names),
		.name_bucket = (uint32_t *)(void *)(mem + buckets),
		.addr_bucket = (uint32_t *)(void *)(mem + buckets) + name_buckets,
		.octets = mem + octets,
		.name_mask = name_buckets - 1,
		.addr_mask = addr_buckets - 1,
	};
	memset(h->name_bucket, 0xff, octets - buckets);
	c = (struct counts){0};
	walk(h, text, len, &c);
	TAPIR_ASSERT(h->nlines == c.lines && h->nplaces == c.places && h->noctets <= c.octets);
	*out = h;
	return 0;
}

void dns_hosts_free(struct dns_hosts *h)
{
	if (h)
		h->env.free(h->env.ctx, h, h->size);
}

static void give_name(const struct dns_hosts *h, uint32_t at, struct dns_name *out)
{
	out->len = h->octets[at];
	memcpy(out->b, h->octets + at + 1, out->len);
}

static const struct name *look_up(const struct dns_hosts *h, const struct dns_name *n)
{
	return find_name(h, n->b, n->len, hash_name(h, n->b, n->len));
}

bool dns_hosts_addr(const struct dns_hosts *h, const struct dns_name *name, uint16_t type,
		    unsigned i, struct tapir_addr *out, struct dns_name *canonical)
{
	const struct name *n = look_up(h, name);

	if (!n || (type != DNS_TYPE_A && type != DNS_TYPE_AAAA))
		return false;
	for (uint32_t p = n->first; p != NONE; p = h->places[p].next) {
		const struct line *l = &h->lines[h->places[p].line];

		if (l->v4 != (type == DNS_TYPE_A) || i-- > 0)
			continue;
		*out = l->addr;
		if (canonical)
			give_name(h, l->first_name, canonical);
		return true;
	}
	return false;
}

bool dns_hosts_has(const struct dns_hosts *h, const struct dns_name *name)
{
	return look_up(h, name) != NULL;
}

bool dns_hosts_name(const struct dns_hosts *h, const struct tapir_addr *a, unsigned i,
		    struct dns_name *out)
{
	for (uint32_t l = find_addr(h, a); l != NONE; l = h->lines[l].next) {
		if (i-- > 0)
			continue;
		give_name(h, h->lines[l].first_name, out);
		return true;
	}
	return false;
}
