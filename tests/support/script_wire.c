/*
 * Packets of a script: built from its words, and what left compared with them.
 *
 * Ours count from our ISN, which the script does not know: the first SYN that leaves a flow tells it. The
 * peer's numbers are the script's own. Times of timestamps that we send are the script's plus an offset,
 * told by the first as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script_run.h"

enum {
	PACKET_MAX = 65495,
	IP_HLEN = 20,
	TCP_HLEN = 20,
	UDP_HLEN = 8,
	OPTIONS_MAX = 40,
	FIRST_TSVAL = 1000
};

struct run_flow *run_flow(struct run *r, uint16_t lport, uint16_t rport)
{
	struct run_flow *f;

	for (unsigned i = 0; i < r->nflow; i++) {
		if (r->flow[i].lport == lport && r->flow[i].rport == rport)
			return &r->flow[i];
	}
	/* More flows than a script may have: the last is shared. */
	f = &r->flow[r->nflow < RUN_FLOWS ? r->nflow++ : RUN_FLOWS - 1];
	memset(f, 0, sizeof(*f));
	f->lport = lport;
	f->rport = rport;
	f->fresh = true;
	return f;
}

uint8_t run_pattern(bool out, uint64_t off)
{
	return (uint8_t)(off * 31 + (off >> 8) * 7 + (out ? 1 : 101));
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---- building ---- */

/* A Fast Open option behind n bytes; returns how many there are then. */
static size_t put_cookie(const struct run *r, uint8_t *p, size_t n, const struct script_opt *o)
{
	size_t head = o->kind == OPT_FO ? 2 : 4, len = o->learnt_cookie ? r->ncookie : o->n;

	if (n + head + len > OPTIONS_MAX)
		return OPTIONS_MAX + 1;
	p[n] = o->kind == OPT_FO ? 34 : 254;
	p[n + 1] = (uint8_t)(head + len);
	if (head == 4)
		put16(p + n + 2, 0xf989);
	memcpy(p + n + head, o->learnt_cookie ? r->cookie : o->raw, len);
	return n + head + len;
}

/* `FO cookie` in a segment that left: what is there is what the name means from now on. */
static void learn_cookie(struct run *r, const struct script_packet *k, const struct wireview *v)
{
	bool wanted = false;

	for (unsigned i = 0; i < k->nopt; i++)
		wanted |= k->opt[i].learnt_cookie;
	for (size_t i = 0; wanted && r->ncookie == 0 && i + 1 < v->nopts;) {
		const uint8_t *o = v->opts + i;
		size_t head = o[0] == 34 ? 2 : 4;

		if (o[0] == 0)
			break;
		if ((o[0] == 34 || o[0] == 254) && o[1] > head &&
		    o[1] - head <= sizeof(r->cookie) && i + o[1] <= v->nopts) {
			r->ncookie = (uint8_t)(o[1] - head);
			memcpy(r->cookie, o + head, r->ncookie);
		}
		i += o[0] == 1 || o[1] < 2 ? 1 : o[1];
	}
}

/* The script's options as bytes; `off` is added to SACK blocks, `ts` to TSval or ecr by the caller's choice. */
static size_t put_options(const struct run *r, uint8_t *p, const struct script_packet *k,
			  uint32_t sack_off)
{
	size_t n = 0;

	for (unsigned i = 0; i < k->nopt; i++) {
		const struct script_opt *o = &k->opt[i];
		size_t room = OPTIONS_MAX - n;

		switch (o->kind) {
		case OPT_EOL:
		case OPT_NOP:
			if (room >= 1)
				p[n++] = o->kind == OPT_NOP;
			break;
		case OPT_MSS:
			if (room < 4)
				return OPTIONS_MAX + 1;
			p[n] = 2;
			p[n + 1] = 4;
			put16(p + n + 2, o->a);
			n += 4;
			break;
		case OPT_WSCALE:
			if (room < 3)
				return OPTIONS_MAX + 1;
			p[n] = 3;
			p[n + 1] = 3;
			p[n + 2] = (uint8_t)o->a;
			n += 3;
			break;
		case OPT_SACK_OK:
			if (room < 2)
				return OPTIONS_MAX + 1;
			p[n] = 4;
			p[n + 1] = 2;
			n += 2;
			break;
		case OPT_SACK:
			if (room < 2 + 8 * (size_t)o->n)
				return OPTIONS_MAX + 1;
			p[n] = 5;
			p[n + 1] = (uint8_t)(2 + 8 * o->n);
			for (unsigned b = 0; b < o->n; b++) {
				put32(p + n + 2 + 8 * b, o->block[b][0] + sack_off);
				put32(p + n + 6 + 8 * b, o->block[b][1] + sack_off);
			}
			n += 2 + 8 * (size_t)o->n;
			break;
		case OPT_TS:
			if (room < 10)
				return OPTIONS_MAX + 1;
			p[n] = 8;
			p[n + 1] = 10;
			put32(p + n + 2, o->a);
			put32(p + n + 6, o->b);
			n += 10;
			break;
		case OPT_FO:
		case OPT_FOEXP:
			n = put_cookie(r, p, n, o);
			if (n > OPTIONS_MAX)
				return n;
			break;
		case OPT_UTO:
			if (room < 4)
				return OPTIONS_MAX + 1;
			p[n] = 28;
			p[n + 1] = 4;
			put16(p + n + 2, o->a);
			n += 4;
			break;
		case OPT_RAW:
			if (room < o->n)
				return OPTIONS_MAX + 1;
			memcpy(p + n, o->raw, o->n);
			n += o->n;
			break;
		}
	}
	return n;
}

/* Where TSval stands in option bytes, NULL: nowhere. */
static uint8_t *ts_in(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		if (p[i] == 0)
			return NULL;
		if (p[i] == 8 && i + 10 <= n)
			return p + i + 2;
		i += p[i] == 1 || i + 1 >= n || p[i + 1] < 2 ? 1 : p[i + 1];
	}
	return NULL;
}

static void put_ip(struct run *r, uint8_t *p, size_t n, uint8_t proto,
		   const struct script_packet *k)
{
	memset(p, 0, IP_HLEN);
	p[0] = 0x45;
	p[1] = k->tos > 0 ? (uint8_t)k->tos : 0;
	put16(p + 2, (uint32_t)n);
	p[6] = k->df == 0 ? 0 : 0x40;
	p[8] = k->ttl >= 0 ? (uint8_t)k->ttl : 64;
	p[9] = proto;
	put32(p + 12, k->has_src ? k->src : r->s->remote_ip4);
	put32(p + 16, k->has_dst ? k->dst : r->s->local_ip4);
	put16(p + 10, wireview_cksum(p, IP_HLEN, 0) ^ (k->bad_ip_csum ? 0x0100 : 0));
}

static uint16_t l4_cksum(const uint8_t *p, size_t n, uint8_t proto)
{
	uint64_t sum = proto + (n - IP_HLEN);

	for (unsigned i = 12; i < 20; i += 2)
		sum += (uint64_t)p[i] << 8 | p[i + 1];
	return wireview_cksum(p + IP_HLEN, n - IP_HLEN, sum);
}

/* TSecr that the script gives, as the stack knows it. */
static uint32_t live_ecr(const struct run *r, const struct run_flow *f, uint32_t script)
{
	for (unsigned i = f->nts; i-- > 0;) {
		if (f->ts_map[i].script == script)
			return f->ts_map[i].live;
	}
	(void)r;
	return f->ts_known ? script + f->ts_off : script;
}

static size_t build_tcp(struct run *r, const struct script_event *e, uint8_t *p)
{
	const struct script_packet *k = &e->packet;
	uint16_t lport = k->dport ? k->dport : r->lport, rport = k->sport ? k->sport : r->rport;
	struct run_flow *f = run_flow(r, lport, rport);
	uint8_t *h = p + IP_HLEN, *ts;
	size_t nopt = put_options(r, h + TCP_HLEN, k, f->iss), hlen, n;

	if (nopt > OPTIONS_MAX) {
		run_fail(r, e, "more than 40 bytes of options");
		return 0;
	}
	ts = ts_in(h + TCP_HLEN, nopt);
	if (ts && get32(ts + 4) != 0) /* 0 stands for nothing to echo */
		put32(ts + 4, live_ecr(r, f, get32(ts + 4)));
	while (nopt % 4)
		h[TCP_HLEN + nopt++] = 0;
	hlen = TCP_HLEN + nopt;
	n = IP_HLEN + hlen + k->len;
	if (n > PACKET_MAX) {
		run_fail(r, e, "larger than an IP packet");
		return 0;
	}
	if (k->flags & WV_SYN && !(k->flags & WV_RST)) {
		if (!f->irs_known || f->irs != k->seq)
			f->fresh = true;
		/* A SYN in mid-stream begins no stream, unless the stack answers it with one. */
		f->irs_next = k->seq;
		if (!f->irs_known)
			f->irs = k->seq;
		f->irs_known = true;
	}
	put16(h, rport);
	put16(h + 2, lport);
	put32(h + 4, k->seq);
	put32(h + 8, k->has_ack ? k->ack + f->iss : 0);
	put16(h + 12, (uint32_t)(k->doff >= 0 ? (size_t)k->doff : hlen / 4) << 12 |
			      (uint32_t)(k->rsv > 0 ? k->rsv : 0) << 9 | k->flags);
	put16(h + 14, k->win);
	put16(h + 16, 0);
	put16(h + 18, k->urg);
	for (uint32_t i = 0; i < k->len; i++)
		h[hlen + i] = run_pattern(false, k->seq + i + ((k->flags & WV_SYN) != 0) -
							 (f->irs_known ? f->irs + 1 : 0));
	put_ip(r, p, n, WV_TCP, k);
	put16(h + 16, l4_cksum(p, n, WV_TCP) ^ (k->bad_csum ? 0x0100 : 0));
	return n;
}

static size_t build_udp(struct run *r, const struct script_event *e, uint8_t *p)
{
	const struct script_packet *k = &e->packet;
	uint8_t *h = p + IP_HLEN;
	size_t n = IP_HLEN + UDP_HLEN + k->len;

	put16(h, k->sport ? k->sport : r->rport);
	put16(h + 2, k->dport ? k->dport : r->lport);
	put16(h + 4, UDP_HLEN + k->len);
	put16(h + 6, 0);
	for (uint32_t i = 0; i < k->len; i++)
		h[UDP_HLEN + i] = run_pattern(false, i);
	put_ip(r, p, n, WV_UDP, k);
	put16(h + 6, l4_cksum(p, n, WV_UDP) ^ (k->bad_csum ? 0x0100 : 0));
	return n;
}

/* An ICMP error about a packet of ours: its IP header and the first 20 bytes of its transport header. */
static size_t build_icmp(struct run *r, const struct script_event *e, uint8_t *p)
{
	const struct script_packet *k = &e->packet;
	uint16_t lport = k->dport ? k->dport : r->lport, rport = k->sport ? k->sport : r->rport;
	struct run_flow *f = run_flow(r, lport, rport);
	uint8_t *h = p + IP_HLEN, *q = h + 8, *l4 = q + IP_HLEN;
	bool tcp = k->quoted == PROTO_TCP;
	size_t n = IP_HLEN + 8 + IP_HLEN + (tcp ? TCP_HLEN : UDP_HLEN);

	memset(h, 0, n - IP_HLEN);
	h[0] = (uint8_t)k->type;
	h[1] = (uint8_t)k->code;
	put32(h + 4, k->mtu);
	q[0] = 0x45;
	put16(q + 2, IP_HLEN + (tcp ? TCP_HLEN : UDP_HLEN) + k->quoted_len);
	q[6] = 0x40;
	q[8] = 60;
	q[9] = tcp ? WV_TCP : WV_UDP;
	put32(q + 12, r->s->local_ip4);
	put32(q + 16, r->s->remote_ip4);
	put16(q + 10, wireview_cksum(q, IP_HLEN, 0));
	put16(l4, lport);
	put16(l4 + 2, rport);
	if (tcp) {
		put32(l4 + 4, k->quoted_seq + f->iss);
		l4[12] = 0x50;
		l4[13] = WV_ACK;
	} else {
		put16(l4 + 4, UDP_HLEN + k->quoted_len);
	}
	put_ip(r, p, n, WV_ICMP, k);
	put16(h + 2, wireview_cksum(h, n - IP_HLEN, 0) ^ (k->bad_csum ? 0x0100 : 0));
	return n;
}

/* IP options behind the header of a packet that was built without. Returns its new length. */
static size_t insert_ip_options(const struct script_packet *k, uint8_t *p, size_t n)
{
	size_t len = (k->nip_opt + 3u) & ~(size_t)3;

	if (len == 0)
		return n;
	memmove(p + IP_HLEN + len, p + IP_HLEN, n - IP_HLEN);
	memset(p + IP_HLEN, 0, len);
	memcpy(p + IP_HLEN, k->ip_opt, k->nip_opt);
	p[0] = (uint8_t)(0x40 | (IP_HLEN + len) / 4);
	put16(p + 2, (uint32_t)(n + len));
	put16(p + 10, 0);
	put16(p + 10, wireview_cksum(p, IP_HLEN + len, 0));
	return n + len;
}

size_t run_build(struct run *r, const struct script_event *e, uint8_t *buf)
{
	size_t n = 0;

	switch (e->packet.proto) {
	case PROTO_TCP:
		n = build_tcp(r, e, buf);
		break;
	case PROTO_UDP:
		n = build_udp(r, e, buf);
		break;
	case PROTO_ICMP:
		n = build_icmp(r, e, buf);
		break;
	}
	return r->failed ? 0 : insert_ip_options(&e->packet, buf, n);
}

void run_inbound(struct run *r, const struct script_event *e)
{
	static uint8_t buf[PACKET_MAX + OPTIONS_MAX];
	size_t n = run_build(r, e, buf);
	struct pkt *p;

	if (r->failed)
		return;
	p = tapir_pkt_alloc(r->t, n);
	if (!p) {
		run_fail(r, e, "no memory for a packet");
		return;
	}
	memcpy(p->data, buf, n);
	p->len = (uint32_t)n;
	tapir_input(r->t, r->ifi, p);
	if (!e->packet.batch)
		tapir_flush(r->t);
	tapir_check(r->t);
}

/* ---- comparing ---- */

const char *run_text(struct run *r, const struct run_sent *sent, char *buf, size_t cap)
{
	struct wireview v;
	const char *bad = wireview_read(sent->p, sent->len, &v);
	struct run_flow *f = run_flow(r, v.sport, v.dport);
	uint8_t opts[OPTIONS_MAX], *ts;
	size_t n;

	if (v.nopts > 0 && v.nopts <= OPTIONS_MAX) {
		memcpy(opts, v.opts, v.nopts);
		ts = ts_in(opts, v.nopts);
		if (ts && f->ts_known)
			put32(ts, get32(ts) - f->ts_off);
		v.opts = opts;
	}
	n = (size_t)snprintf(buf, cap, "%.6f > ", (double)(sent->time_ns - r->start_ns) / 1e9);
	if ((v.proto == WV_TCP || v.proto == WV_UDP) &&
	    (v.sport != r->lport || v.dport != r->rport))
		n += (size_t)snprintf(buf + n, cap - n, "%u > %u ", v.sport, v.dport);
	wireview_text(&v, f->iss_known ? f->iss : 0, 0, buf + n, cap - n);
	n = strlen(buf);
	if (bad)
		snprintf(buf + n, cap - n, " (malformed: %s)", bad);
	return buf;
}

void run_learn(struct run *r, const struct run_sent *sent)
{
	struct wireview v;
	struct run_flow *f;

	if (wireview_read(sent->p, sent->len, &v) || v.proto != WV_TCP)
		return;
	f = run_flow(r, v.sport, v.dport);
	if (v.flags & WV_SYN && f->fresh) {
		f->iss = v.seq;
		f->iss_known = true;
		f->ts_known = f->fresh = false;
		f->irs_known = (v.flags & WV_ACK) != 0;
		f->irs = f->irs_next;
		f->nts = 0;
	}
	if (v.has_ts && !f->ts_known) {
		f->ts_off = v.tsval - FIRST_TSVAL;
		f->ts_known = true;
	}
}

static const char *compare_ip(const struct run *r, const struct script_packet *k,
			      const struct wireview *v)
{
	if (v->src != r->s->local_ip4 || v->dst != r->s->remote_ip4)
		return "addresses";
	if (k->ttl >= 0 && v->ttl != k->ttl)
		return "TTL";
	if (k->df >= 0 && v->df != (k->df == 1))
		return "DF";
	if (k->tos == -2 && (v->tos & 3) != 1 && (v->tos & 3) != 2)
		return "ECN";
	if (k->tos >= 0 && (v->tos & k->tos_mask) != k->tos)
		return "TOS";
	return NULL;
}

/* TSval and TSecr, then all option bytes. */
static const char *compare_options(struct run *r, const struct script_packet *k, struct run_flow *f,
				   const struct wireview *v)
{
	uint8_t want[OPTIONS_MAX], *ts;
	size_t n;

	if (k->any_options) {
		if (v->has_ts && !f->ts_known) {
			f->ts_off = v->tsval - (uint32_t)(run_now(r) / 1000000);
			f->ts_known = true;
		}
		return NULL;
	}
	learn_cookie(r, k, v);
	n = put_options(r, want, k, 0);
	ts = n <= OPTIONS_MAX ? ts_in(want, n) : NULL;
	if (ts && v->has_ts) {
		uint32_t script = get32(ts);
		/* Where time is real, timers are an eighth late. */
		uint32_t slop = r->ts_slop ? r->ts_slop + (uint32_t)(run_now(r) / 8000000) : 0;

		if (!f->ts_known)
			f->ts_off = v->tsval - script;
		f->ts_known = true;
		if (r->s->ts_tick_us && v->tsval - (script + f->ts_off) + slop > 2 * slop)
			return "TSval";
		if (f->nts < RUN_TS_MAP) {
			f->ts_map[f->nts].script = script;
			f->ts_map[f->nts++].live = v->tsval;
		}
		put32(ts, v->tsval);
	}
	return n != v->nopts || memcmp(want, v->opts, n) != 0 ? "options" : NULL;
}

static const char *compare_tcp(struct run *r, const struct script_packet *k,
			       const struct wireview *v)
{
	uint16_t lport = k->sport ? k->sport : r->lport, rport = k->dport ? k->dport : r->rport;
	struct run_flow *f = run_flow(r, v->sport, v->dport);
	const char *bad;

	if (v->proto != WV_TCP)
		return "protocol";
	if (v->sport != lport || v->dport != rport)
		return "ports";
	if (v->flags & WV_SYN && f->fresh) {
		f->iss = v->seq - k->seq;
		f->iss_known = true;
		f->ts_known = f->fresh = false;
		f->irs_known = k->has_ack;
		f->irs = f->irs_next;
		f->nts = 0;
	}
	if (v->flags != k->flags)
		return "flags";
	if (v->seq - f->iss != k->seq)
		return "sequence number";
	if (v->len != k->len)
		return "length";
	if (k->has_ack ? v->ack != k->ack : v->ack != 0)
		return k->has_ack ? "acknowledgment" : "an acknowledgment without the ACK flag";
	if (k->has_win && v->wnd != k->win)
		return "window";
	if (k->has_urg ? v->urg != k->urg : v->urg != 0 && !(v->flags & WV_URG))
		return "urgent pointer";
	if ((bad = compare_options(r, k, f, v)))
		return bad;
	for (uint32_t i = 0; i < v->len && !r->odd_out; i++) {
		if (v->data[i] != run_pattern(true, k->seq + i - 1 + ((k->flags & WV_SYN) != 0)))
			return "bytes of the payload";
	}
	return NULL;
}

static const char *compare_icmp(const struct script_packet *k, const struct wireview *v)
{
	if (v->proto != WV_ICMP)
		return "protocol";
	if (v->type != k->type || v->code != k->code)
		return "type or code";
	return k->mtu && (v->rest & 0xffff) != k->mtu ? "MTU" : NULL;
}

static const char *compare_udp(const struct run *r, const struct script_packet *k,
			       const struct wireview *v)
{
	if (v->proto != WV_UDP)
		return "protocol";
	if (v->sport != (k->sport ? k->sport : r->lport) ||
	    v->dport != (k->dport ? k->dport : r->rport))
		return "ports";
	return v->len != k->len ? "length" : NULL;
}

void run_compare(struct run *r, const struct script_event *e, const struct run_sent *sent)
{
	const struct script_packet *k = &e->packet;
	char want[300], got[400];
	struct wireview v;
	const char *bad = wireview_read(sent->p, sent->len, &v);

	if (!bad)
		bad = compare_ip(r, k, &v);
	if (!bad) {
		switch (k->proto) {
		case PROTO_TCP:
			bad = compare_tcp(r, k, &v);
			break;
		case PROTO_UDP:
			bad = compare_udp(r, k, &v);
			break;
		case PROTO_ICMP:
			bad = compare_icmp(k, &v);
			break;
		}
	}
	if (bad)
		run_fail(r, e, "%s\n  expected: %s\n  got:      %s", bad,
			 run_source(r, e, want, sizeof(want)), run_text(r, sent, got, sizeof(got)));
}
