/*
 * The HTTP request parser over a connection's bytes. The first byte chooses how the rest is cut into pieces;
 * the events must be those of the same bytes in one piece, and each event must keep its promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apps/http_parse.h"

struct run {
	struct http_parser p;
	uint64_t hash; /* of the events in order; FNV-1a */
	size_t used;
	int over;
};

static void need(int ok)
{
	if (!ok)
		abort();
}

static void mix(struct run *r, const void *data, size_t len)
{
	const uint8_t *b = data;
	for (size_t i = 0; i < len; i++)
		r->hash = (r->hash ^ b[i]) * 1099511628211u;
}

static void mix_str(struct run *r, const char *s)
{
	mix(r, s ? s : "\1", s ? strlen(s) + 1 : 2);
}

static void head(struct run *r)
{
	struct http_parser *p = &r->p;
	char line[256];
	mix_str(r, http_parser_method(p));
	mix_str(r, http_parser_path(p));
	mix_str(r, http_parser_query(p));
	mix_str(r, http_parser_host(p));
	mix(r, line, http_parser_request_line(p, line, sizeof line));
	need(p->minor == 0 || http_parser_host(p));
	need(!p->chunked || p->content_len == 0);
	need(p->content_len <= HTTP_MAX_BODY);
	for (unsigned i = 0; i < p->nfields; i++) {
		mix_str(r, p->buf + p->field[i].name);
		mix_str(r, p->buf + p->field[i].value);
	}
}

static void feed(struct run *r, const uint8_t *in, size_t len)
{
	/* A copy of exact size: reading past the end of a piece shows. */
	uint8_t *copy = malloc(len ? len : 1);
	need(copy != NULL);
	if (len)
		memcpy(copy, in, len);
	size_t off = 0;
	while (!r->over) {
		size_t used;
		enum http_event ev = http_parse(&r->p, copy + off, len - off, &used);
		need(used <= len - off);
		off += used;
		r->used += used;
		if (ev == HTTP_EV_MORE) {
			need(off == len);
			break;
		}
		if (ev == HTTP_EV_BODY) {
			need(r->p.body_len > 0 && r->p.body_seen <= HTTP_MAX_BODY);
			mix(r, r->p.body, r->p.body_len);
			continue;
		}
		mix(r, &(uint8_t){(uint8_t)ev}, 1);
		if (ev == HTTP_EV_HEAD) {
			head(r);
		} else if (ev == HTTP_EV_END) {
			http_parser_next(&r->p);
			need(http_parser_idle(&r->p));
		} else {
			char line[64];
			need(r->p.status >= 400 && r->p.status < 600 && *http_why_text(r->p.why));
			http_parser_request_line(&r->p, line, sizeof line);
			mix_str(r, line);
			mix(r, &(uint8_t){(uint8_t)r->p.why}, 1);
			r->over = 1;
		}
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run whole, cut;
	uint32_t lcg = size ? data[0] : 0;
	if (size) {
		data++;
		size--;
	}
	http_parser_init(&whole.p);
	http_parser_init(&cut.p);
	whole.hash = cut.hash = 14695981039346656037u;
	whole.used = cut.used = 0;
	whole.over = cut.over = 0;
	feed(&whole, data, size);
	for (size_t at = 0; at < size;) {
		lcg = lcg * 1103515245u + 12345u;
		size_t n = 1 + (lcg >> 16) % (1u << ((lcg >> 28) & 7));
		n = n < size - at ? n : size - at;
		feed(&cut, data + at, n);
		at += n;
	}
	need(whole.hash == cut.hash && whole.used == cut.used && whole.over == cut.over);
	http_parser_free(&whole.p);
	http_parser_free(&cut.p);
	return 0;
}
