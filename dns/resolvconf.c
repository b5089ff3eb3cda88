/*
 * The resolver's settings file (resolv.conf(5)), read as glibc reads it: a keyword begins its line, the last of `search` and `domain` counts,
 * of an option given twice the last. What is different, and told by a note where somebody would look for it:
 *	- a nameserver that the stack can't reach is not taken: one of IPv6, or one on the loopback network, where the kernel's own socket is;
 *	- up to DNS_SERVERS_MAX nameservers (glibc: 3), up to DNS_SEARCH_MAX domains (glibc once: 6), a server named twice is one;
 *	- attempts is at most 3 (glibc: 5): RFC 9520 3.1 allows no more queries to one server;
 *	- the environment (RES_OPTIONS, LOCALDOMAIN) and the host's own domain are not ours to look at.
 */
#include <errno.h>
#include <string.h>

#include "dns/addrinfo.h"
#include "dns/lines.h"
#include "dns/local.h"

enum { NDOTS_MAX = 15, TIMEOUT_MAX_S = 30, ATTEMPTS_MAX = 3 };

struct reader {
	struct dns_conf *c;
	unsigned line;
	bool servers, search; /* such a line was there */
	struct dns_resolvconf_note *notes;
	unsigned nnotes, max;
};

static void append(struct dns_resolvconf_note *n, const char *p, size_t len)
{
	size_t have = strlen(n->text), room = sizeof(n->text) - 1 - have;

	len = len < room ? len : room;
	for (size_t i = 0; i < len; i++)
		n->text[have + i] = p[i] >= ' ' && p[i] <= '~' ? p[i] : '?';
	n->text[have + len] = 0;
}

/* "what word: why"; of a long word the beginning. */
static void note(struct reader *r, const char *what, const struct dns_words *w, const char *why)
{
	enum { WORD_MAX = 48 };
	unsigned i = r->nnotes++;

	if (i >= r->max)
		return;
	r->notes[i] = (struct dns_resolvconf_note){.line = r->line};
	append(&r->notes[i], what, strlen(what));
	if (w->len) {
		append(&r->notes[i], " ", 1);
		append(&r->notes[i], w->word, w->len < WORD_MAX ? w->len : WORD_MAX);
		append(&r->notes[i], w->len < WORD_MAX ? "" : "...", w->len < WORD_MAX ? 0 : 3);
	}
	append(&r->notes[i], ": ", 2);
	append(&r->notes[i], why, strlen(why));
}

/* Why a server of that address is no use to the stack; NULL: it is one. */
static const char *unfit(const struct dns_addr *a)
{
	static const struct tapir_addr v6_loopback = {{[15] = 1}};

	if (!tapir_addr_is_v4(&a->addr) ||
	    (a->family == DNS_AF_INET6 && tapir_addr_is_any(&a->addr))) {
		if (tapir_addr_eq(&a->addr, &v6_loopback) || tapir_addr_is_any(&a->addr))
			return "skipped, the stack can't reach the host's loopback; name a server "
			       "with --dns";
		return "skipped, the stack has no IPv6; name a server with --dns";
	}

	uint32_t ip4 = tapir_addr_to_v4(&a->addr);

	/* 0.0.0.0 is this host to glibc. */
	if (ip4 >> 24 == 127 || ip4 == 0)
		return "skipped, the stack can't reach the host's loopback; name a server with "
		       "--dns";
	if (ip4 >> 24 == 0 || ip4 >> 28 >= 0xe)
		return "skipped, no server has such an address; name one with --dns";
	return NULL;
}

/* An address, of IPv6 perhaps with a zone behind it. */
static bool read_addr(const struct dns_words *w, struct dns_addr *out)
{
	char text[64];
	const char *zone = memchr(w->word, '%', w->len);
	size_t len = zone ? (size_t)(zone - w->word) : w->len;

	if (len >= sizeof(text))
		return false;
	memcpy(text, w->word, len);
	text[len] = 0;
	if (dns_addr_parse(text, true, out))
		return false;
	return !zone || out->family == DNS_AF_INET6;
}

static void nameserver(struct reader *r, struct dns_words *w)
{
	struct dns_conf *c = r->c;
	struct dns_addr a;
	const char *why = NULL;

	if (!r->servers)
		c->nservers = 0;
	r->servers = true;
	if (!dns_word_next(w) || !read_addr(w, &a)) {
		note(r, "nameserver", w, "not an address");
		return;
	}
	why = unfit(&a);
	if (why) {
		note(r, "nameserver", w, why);
		return;
	}
	for (unsigned i = 0; i < c->nservers; i++)
		if (tapir_addr_eq(&c->server[i].addr, &a.addr))
			return;
	if (c->nservers == DNS_SERVERS_MAX) {
		note(r, "nameserver", w, "one too many, not used");
		return;
	}
	c->server[c->nservers++] = (struct tapir_sockaddr){a.addr, 0, 0};
}

/* "search a b c", "domain a". A lone "." means no list at all. */
static void search(struct reader *r, struct dns_words *w, const char *keyword, unsigned max)
{
	struct dns_conf *c = r->c;

	c->nsearch = 0;
	for (unsigned i = 0; i < max && dns_word_next(w); i++) {
		struct dns_name n;

		if (dns_name_parse(&n, w->word, w->len, NULL)) {
			note(r, keyword, w, "not a name");
		} else if (c->nsearch == DNS_SEARCH_MAX) {
			note(r, keyword, w, "this and all behind it are too many, not used");
			return;
		} else if (!dns_name_is_root(&n)) {
			c->search[c->nsearch++] = n;
		}
	}
}

/* Digits up to the word's end, held to 9999: true. */
static bool number(const char *p, size_t len, unsigned *out)
{
	unsigned v = 0;

	for (size_t i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(p[i] - '0');
		v = v < 9999 ? v : 9999;
	}
	*out = v;
	return len > 0;
}

/* "name:number" in `w`: the number within its bounds in *out. False if w is another option. */
static bool numbered(struct reader *r, const struct dns_words *w, const char *name, unsigned min,
		     unsigned max, const char *capped, unsigned *out)
{
	size_t len = strlen(name);
	unsigned v;

	if (w->len < len || memcmp(w->word, name, len) != 0)
		return false;
	if (!number(w->word + len, w->len - len, &v)) {
		note(r, "option", w, "not a number");
		return true;
	}
	if (v > max)
		note(r, "option", w, capped);
	*out = v < min ? min : v > max ? max : v;
	return true;
}

static bool is(const struct dns_words *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->word, text, w->len) == 0;
}

static void option(struct reader *r, const struct dns_words *w)
{
	struct dns_conf *c = r->c;
	unsigned seconds = 0;

	if (numbered(r, w, "ndots:", 0, NDOTS_MAX, "taken as 15, the most", &c->ndots))
		return;
	if (numbered(r, w, "timeout:", 1, TIMEOUT_MAX_S, "taken as 30 s, the most", &seconds)) {
		c->timeout_ms = seconds ? seconds * 1000 : c->timeout_ms;
		return;
	}
	/* D9520-1 */
	if (numbered(r, w, "attempts:", 1, ATTEMPTS_MAX,
		     "taken as 3, the most that RFC 9520 3.1 allows", &c->attempts))
		return;
	/* Others are of no meaning here: inet6, single-request, no-tld-query, debug and the like. */
	if (is(w, "rotate"))
		c->rotate = true;
	else if (is(w, "use-vc"))
		c->use_tcp = true;
	else if (is(w, "edns0"))
		c->no_edns = false;
	else if (is(w, "trust-ad"))
		c->trust_ad = true;
	else if (is(w, "no-aaaa"))
		c->no_aaaa = true;
}

static void one_line(struct reader *r, struct dns_words *w)
{
	/* As in glibc and musl a keyword stands first on its line: what is indented is not looked at. */
	if (w->at < w->end && dns_is_blank(*w->at))
		return;
	if (!dns_word_next(w))
		return;
	if (is(w, "nameserver"))
		nameserver(r, w);
	else if (is(w, "search"))
		search(r, w, "search", UINT32_MAX);
	else if (is(w, "domain"))
		search(r, w, "domain", 1);
	else if (is(w, "options"))
		while (dns_word_next(w))
			option(r, w);
}

unsigned dns_resolvconf(struct dns_conf *c, const char *text, size_t len,
			struct dns_resolvconf_note *notes, unsigned max)
{
	struct reader r = {.c = c, .notes = notes, .max = max};
	struct dns_lines it = {text, text + len, 0};
	struct dns_words w;

	while (dns_line_next(&it, "#;", &w)) {
		r.line = it.n;
		one_line(&r, &w);
	}
	return r.nnotes;
}
