/*
 * The judge of the wire: see wirecheck.h.
 *
 * Books are kept a connection and a host, by the host's own tuple. A book knows what its host sent (from
 * packets that leave) and what reached it (from packets that arrive intact). What a rule allows is
 * computed from these alone, generously where a host may know more than a wire shows: a host may
 * ignore an arrival, so what it may do is bounded by all that reached it, not by what it accepted.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/wirecheck.h"

enum { BUCKETS = 4096, RANGES_MAX = 512 };

#define RTO_MIN_NS  UINT64_C(200000000)
#define TS_ORDER_NS (UINT64_C(24) * 86400 * 1000000000)

struct range {
	uint32_t start, end;
};

/* One host's side of one connection. */
struct book {
	struct book *next;
	uint32_t host, peer;
	uint16_t hport, pport;

	/* sent by the host */
	bool syn_sent, fin_sent, sent_any;
	uint32_t iss, snd_max, fin_seq;
	bool offered_ts, offered_ws, offered_sack;
	uint8_t ws; /* that the host offered */
	uint32_t edge, ack_max;
	bool edge_known;
	uint32_t last_wnd;
	uint32_t tsval;
	uint64_t ts_ns; /* when */
	bool ts_sent;
	uint64_t newsless_acks;
	bool ecn_offered, ecn_agreed; /* by the host's SYN, SYN-ACK */

	/* reached the host */
	bool syn_seen, fin_seen, rst_last, lost_track;
	uint32_t irs;
	bool peer_ts, peer_ws, peer_sack;
	uint8_t peer_wscale;
	uint32_t window_edge; /* highest that the peer allowed */
	bool window_known;
	uint32_t peer_ts_max;
	bool peer_ts_known;
	uint64_t arrivals, first_ns;
	uint16_t peer_mss;
	bool ecn_asked; /* the peer's SYN did, or its SYN-ACK agreed */
	bool ce_seen;
	uint32_t una;	  /* highest acknowledgment of data; from iss + 1 */
	uint64_t acked;	  /* bytes, all told */
	uint64_t ack_ns;  /* the latest arrival */
	uint64_t dupacks; /* all told */
	uint32_t slack;	  /* segments by limited transmit and a probe: 1, after any ACK 3 */
	/* SACKed by the peer, sorted, disjoint: by any segment, and by one that the host must have heeded. */
	struct range sacked[RANGES_MAX], sure[RANGES_MAX];
	/* What came at one moment may cross with what leaves at it: sure from the next one on. */
	struct range fresh[RANGES_MAX];
	unsigned nsacked, nsure, nfresh;
	uint64_t fresh_ns;
	/* A SYN of another connection that came while this one stood: it counts once the host answers it. */
	bool other_syn;
	struct wireview other;
	struct range got[RANGES_MAX]; /* sorted, disjoint, not touching */
	unsigned ngot;
};

struct wirecheck {
	struct wirecheck_rules rules;
	struct wirecheck_totals totals;
	struct book *bucket[BUCKETS];
	char text[512];
};

static bool after(uint32_t a, uint32_t b)
{
	return a != b && a - b < UINT32_C(0x80000000);
}

static bool at_or_after(uint32_t a, uint32_t b)
{
	return a - b < UINT32_C(0x80000000);
}

struct wirecheck *wirecheck_new(const struct wirecheck_rules *rules)
{
	struct wirecheck *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->rules = *rules;
	return w;
}

void wirecheck_free(struct wirecheck *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct book *b = w->bucket[i], *next; b; b = next) {
			next = b->next;
			free(b);
		}
	}
	free(w);
}

const struct wirecheck_totals *wirecheck_totals_of(const struct wirecheck *w)
{
	return &w->totals;
}

static struct book *book_of(struct wirecheck *w, uint32_t host, uint16_t hport, uint32_t peer,
			    uint16_t pport)
{
	uint32_t h = (host * 31 + peer) * 2654435761u ^ ((uint32_t)hport << 16 | pport) * 40503u;
	struct book **at = &w->bucket[(h ^ h >> 16) % BUCKETS], *b;

	for (b = *at; b; b = b->next) {
		if (b->host == host && b->peer == peer && b->hport == hport && b->pport == pport)
			return b;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->host = host;
	b->peer = peer;
	b->hport = hport;
	b->pport = pport;
	b->next = *at;
	*at = b;
	return b;
}

/* A tuple is used anew: what the host sent before is forgotten, or what reached it. */
static void forget_sent(struct book *b)
{
	b->fin_sent = b->sent_any = b->edge_known = b->ts_sent = false;
	b->acked = b->dupacks = 0;
	b->nsacked = b->nsure = b->nfresh = 0;
	b->newsless_acks = 0;
	b->last_wnd = 0;
}

static void forget_got(struct book *b)
{
	b->fin_seen = b->lost_track = b->window_known = b->peer_ts_known = b->ce_seen = false;
	b->ngot = 0;
	b->arrivals = 0;
}

/* Adds [start, end) to a sorted set of at most RANGES_MAX; false: no room. */
static bool set_add(struct range *r, unsigned *n, uint32_t start, uint32_t end)
{
	unsigned i = 0, j;

	while (i < *n && after(start, r[i].end))
		i++;
	for (j = i; j < *n && at_or_after(end, r[j].start); j++) {
		if (after(start, r[j].start))
			start = r[j].start;
		if (after(r[j].end, end))
			end = r[j].end;
	}
	if (i == j && *n == RANGES_MAX)
		return false;
	if (j != i + 1)
		memmove(&r[i + 1], &r[j], (*n - j) * sizeof(r[0]));
	*n = *n - (j - i) + 1;
	r[i] = (struct range){start, end};
	return true;
}

static bool set_covers(const struct range *r, unsigned n, uint32_t start, uint32_t end)
{
	for (unsigned i = 0; i < n; i++) {
		if (at_or_after(start, r[i].start) && at_or_after(r[i].end, end))
			return true;
	}
	return false;
}

static void got_add(struct book *b, uint32_t start, uint32_t end)
{
	if (start != end && !b->lost_track)
		b->lost_track = !set_add(b->got, &b->ngot, start, end);
}

static bool got_covers(const struct book *b, uint32_t start, uint32_t end)
{
	return b->lost_track || set_covers(b->got, b->ngot, start, end);
}

/* The next number that the host may expect: the end of what it has without a gap. */
static uint32_t got_next(const struct book *b)
{
	return b->ngot > 0 && b->got[0].start == b->irs ? b->got[0].end : b->irs;
}

/* What lies below una goes from a set, the blocks of a segment join it. */
static void sacked_add(struct book *b, struct range *r, unsigned *n, const struct wireview *v)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < *n; i++) {
		if (after(r[i].end, b->una))
			r[kept++] = r[i];
	}
	*n = kept;
	for (unsigned i = 0; v && i < v->nsack; i++) {
		if (after(v->sack[i][0], b->una) && after(v->sack[i][1], v->sack[i][0]) &&
		    !after(v->sack[i][1], b->snd_max))
			set_add(r, n, v->sack[i][0], v->sack[i][1]);
	}
}

/* Time has passed since the fresh blocks came. */
static void sacked_settle(struct book *b, uint64_t time_ns)
{
	if (time_ns == b->fresh_ns)
		return;
	for (unsigned i = 0; i < b->nfresh; i++) {
		if (after(b->fresh[i].start, b->una))
			set_add(b->sure, &b->nsure, b->fresh[i].start, b->fresh[i].end);
	}
	b->nfresh = 0;
	b->fresh_ns = time_ns;
}

/* What the peer's ACK tells of our data. */
static void take_ack(struct book *b, const struct wireview *v, uint64_t time_ns)
{
	bool late;

	b->ack_ns = time_ns;
	if (b->snd_max != b->iss + 1)
		b->slack = 3;
	if (after(v->ack, b->una) && !after(v->ack, b->snd_max)) {
		b->acked += v->ack - b->una;
		b->una = v->ack;
	} else if (v->ack == b->una && wireview_seg_len(v) == 0) {
		b->dupacks++;
	}
	sacked_add(b, b->sacked, &b->nsacked, v);
	/* An old ACK may tell nothing new; an old segment, or with PAWS a late one, is dropped before it is looked at. */
	late = v->has_ts && b->peer_ts_known && after(b->peer_ts_max, v->tsval);
	sacked_settle(b, time_ns);
	sacked_add(b, b->sure, &b->nsure, NULL);
	sacked_add(b, b->fresh, &b->nfresh,
		   v->ack == b->una && v->seq == got_next(b) && !late ? v : NULL);
}

/* The peer's SYN: a connection begins, or it comes again. */
static void take_syn(struct book *b, const struct wireview *v, uint64_t time_ns)
{
	if (!b->syn_seen || b->irs != v->seq) {
		forget_got(b);
		b->arrivals = 1;
		b->first_ns = time_ns;
	}
	b->syn_seen = true;
	b->other_syn = false;
	b->irs = v->seq;
	b->peer_ts = v->has_ts;
	b->peer_ws = v->has_ws;
	b->peer_wscale = v->ws > 14 ? 14 : v->ws;
	b->peer_sack = v->has_sack_ok;
	b->peer_mss = v->has_mss ? v->mss : 536;
	/* RFC 3168 6.1.1: a SYN asks with both flags, a SYN-ACK agrees with ECE alone. */
	b->ecn_asked = v->flags & WV_ACK ? (v->flags & (WV_ECE | WV_CWR)) == WV_ECE
					 : (v->flags & (WV_ECE | WV_CWR)) == (WV_ECE | WV_CWR);
}

void wirecheck_arrives(struct wirecheck *w, uint32_t host, uint64_t time_ns, const uint8_t *ip,
		       size_t n)
{
	struct wireview v;
	struct book *b;
	uint32_t edge;

	if (wireview_read(ip, n, &v) || v.proto != WV_TCP || v.dst != host || v.mf || v.frag_off)
		return;
	b = book_of(w, host, v.dport, v.src, v.sport);
	if (b->arrivals == 0)
		b->first_ns = time_ns;
	b->arrivals++;
	b->rst_last = v.flags & WV_RST;
	if (v.flags & WV_RST)
		return;
	if (v.flags & WV_SYN) {
		if (b->syn_seen && b->syn_sent && b->irs != v.seq && !(v.flags & WV_ACK)) {
			b->other_syn = true;
			b->other = v;
			return;
		}
		take_syn(b, &v, time_ns);
	}
	if (!b->syn_seen)
		return;
	if ((v.tos & 3) == 3) {
		w->totals.ce++;
		b->ce_seen = true;
	}
	if (v.flags & WV_ACK && b->syn_sent)
		take_ack(b, &v, time_ns);
	got_add(b, v.seq, v.seq + wireview_seg_len(&v));
	if (v.flags & WV_FIN)
		b->fin_seen = true;
	if (v.has_ts && (!b->peer_ts_known || after(v.tsval, b->peer_ts_max))) {
		b->peer_ts_max = v.tsval;
		b->peer_ts_known = true;
	}
	if (v.flags & WV_ACK) {
		uint32_t wnd = v.wnd;

		if (!(v.flags & WV_SYN) && b->peer_ws && b->offered_ws)
			wnd <<= b->peer_wscale;
		edge = v.ack + wnd;
		if (!b->window_known || after(edge, b->window_edge))
			b->window_edge = edge;
		b->window_known = true;
	} else if (v.flags & WV_SYN && b->syn_sent) {
		/* Crossed SYNs (RFC 9293 3.5): the window counts from what we sent. */
		b->window_edge = b->iss + 1 + v.wnd;
		b->window_known = true;
	}
}

void wirecheck_no_memory(struct wirecheck *w)
{
	w->rules.scoreboard = false;
}

void wirecheck_restart(struct wirecheck *w, uint32_t host)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct book *b = w->bucket[i]; b; b = b->next) {
			if (b->host != host)
				continue;
			forget_sent(b);
			forget_got(b);
			b->syn_sent = b->syn_seen = b->rst_last = false;
		}
	}
}

static const char *fail(struct wirecheck *w, const struct wireview *v, const struct book *b,
			const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static const char *fail(struct wirecheck *w, const struct wireview *v, const struct book *b,
			const char *fmt, ...)
{
	char packet[300];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	wireview_text(v, b ? b->iss : 0, b ? b->irs : 0, packet, sizeof(packet));
	if (n >= 0 && (size_t)n < sizeof(w->text))
		snprintf(w->text + n, sizeof(w->text) - (size_t)n, ": %u > %u %s", v->sport,
			 v->dport, packet);
	return w->text;
}

static const char *check_ip(struct wirecheck *w, uint32_t host, const struct wireview *v, size_t n)
{
	if (n > w->rules.mtu)
		return fail(w, v, NULL, "%zu bytes exceed the MTU of %u", n, w->rules.mtu);
	if (v->src != host)
		return fail(w, v, NULL, "source %08x is not the host's %08x", v->src, host);
	if (v->rf)
		return fail(w, v, NULL, "the reserved flag is set");
	if (v->proto == WV_TCP) {
		if (v->mf || v->frag_off)
			return fail(w, v, NULL, "a fragment of TCP");
		if (!v->df)
			return fail(w, v, NULL, "TCP without DF");
		if (v->ttl != w->rules.ttl)
			return fail(w, v, NULL, "TTL is %u", v->ttl);
		if (v->ip_hlen != 20)
			return fail(w, v, NULL, "TCP with IP options");
	}
	return NULL;
}

/* A SYN of the host: the connection begins, or begins again. */
static const char *check_syn(struct wirecheck *w, struct book *b, const struct wireview *v,
			     uint64_t time_ns)
{
	if (v->flags & WV_ACK && b->other_syn && v->ack == b->other.seq + 1) {
		take_syn(b, &b->other, time_ns);
		got_add(b, b->other.seq, b->other.seq + 1);
		b->peer_ts_known = b->other.has_ts;
		b->peer_ts_max = b->other.tsval;
	}
	if (v->flags & (WV_RST | WV_FIN | WV_URG | WV_PSH))
		return fail(w, v, b, "SYN with other flags");
	if (!v->has_mss)
		return fail(w, v, b, "SYN without MSS");
	if (v->has_ws && v->ws > 14)
		return fail(w, v, b, "window scale above 14");
	if (v->flags & WV_ACK) {
		if (!b->syn_seen)
			return fail(w, v, b, "SYN-ACK without a SYN");
		if (v->ack != b->irs + 1)
			return fail(w, v, b, "SYN-ACK does not acknowledge the SYN");
		if ((v->has_ts && !b->peer_ts) || (v->has_ws && !b->peer_ws) ||
		    (v->has_sack_ok && !b->peer_sack))
			return fail(w, v, b, "SYN-ACK with an option that the SYN had not");
	}
	if (!b->syn_sent || b->iss != v->seq) {
		bool syn_seen = b->syn_seen && (v->flags & WV_ACK);

		forget_sent(b);
		if (!syn_seen) {
			forget_got(b);
			b->syn_seen = false;
		}
		b->iss = v->seq;
		b->snd_max = v->seq;
		b->una = v->seq + 1;
		b->slack = 1;
	}
	b->syn_sent = true;
	b->ecn_offered = (v->flags & (WV_ECE | WV_CWR)) == (WV_ECE | WV_CWR);
	b->ecn_agreed = v->flags & WV_ACK && (v->flags & (WV_ECE | WV_CWR)) == WV_ECE;
	if (v->flags & WV_ACK && (v->flags & WV_CWR || (b->ecn_agreed && !b->ecn_asked)))
		return fail(w, v, b, "SYN-ACK that agrees to ECN, unasked");
	if (!(v->flags & WV_ACK) && (v->flags & WV_ECE) != 0 && !(v->flags & WV_CWR))
		return fail(w, v, b, "SYN with half of ECN's flags");
	b->offered_ts = v->has_ts;
	b->offered_ws = v->has_ws;
	b->ws = v->ws;
	b->offered_sack = v->has_sack_ok;
	return NULL;
}

static const char *check_options(struct wirecheck *w, struct book *b, const struct wireview *v,
				 uint64_t time_ns)
{
	if (!(v->flags & WV_SYN) && (v->has_mss || v->has_ws || v->has_sack_ok))
		return fail(w, v, b, "an option that only a SYN may have");
	if (v->nsack > 0 && !(b->offered_sack && b->peer_sack))
		return fail(w, v, b, "SACK without permission");
	if (v->nsack > 0 && !(v->flags & WV_ACK))
		return fail(w, v, b, "SACK without ACK");
	if (v->flags & (WV_SYN | WV_RST))
		return NULL;
	if (b->offered_ts && b->peer_ts) {
		if (!v->has_ts)
			return fail(w, v, b, "timestamps were agreed on, but this has none");
		/* Within 2^31 ms numbers have an order (RFC 7323 5.2). */
		if (b->ts_sent && after(b->tsval, v->tsval) && time_ns - b->ts_ns < TS_ORDER_NS)
			return fail(w, v, b, "TSval went back from %u", b->tsval);
		if (b->peer_ts_known && after(v->tsecr, b->peer_ts_max))
			return fail(w, v, b, "TSecr was never received");
		b->tsval = v->tsval;
		b->ts_ns = time_ns;
		b->ts_sent = true;
	} else if (v->has_ts) {
		return fail(w, v, b, "timestamps without agreement");
	}
	return NULL;
}

/* What it acknowledges has arrived, and what it promises is never less than before. */
static const char *check_ack(struct wirecheck *w, struct book *b, const struct wireview *v)
{
	bool scaled = !(v->flags & WV_SYN) && b->offered_ws && b->peer_ws;
	uint32_t wnd = v->wnd, edge;

	if (after(v->ack, got_next(b)) && !b->lost_track)
		return fail(w, v, b, "acknowledges beyond %u, what had arrived",
			    got_next(b) - b->irs);
	for (unsigned i = 0; i < v->nsack; i++) {
		if (!after(v->sack[i][1], v->sack[i][0]))
			return fail(w, v, b, "SACK block %u is empty or backwards", i);
		if (!got_covers(b, v->sack[i][0], v->sack[i][1]))
			return fail(w, v, b, "SACK block %u had not arrived", i);
		/* Only the first may tell of a duplicate below the acknowledgment (RFC 2883 4). */
		if (i > 0 && !after(v->sack[i][0], v->ack))
			return fail(w, v, b, "SACK block %u is not beyond the acknowledgment", i);
		/* RFC 2018 3: isolated blocks. The first may be a duplicate within another (RFC 2883 4). */
		for (unsigned k = 1; k < i; k++) {
			if (!after(v->sack[k][0], v->sack[i][1]) &&
			    !after(v->sack[i][0], v->sack[k][1]))
				return fail(w, v, b, "SACK blocks %u and %u are not apart", k, i);
		}
	}
	w->totals.sack_acks += v->nsack > 0;
	w->totals.dsacks += v->nsack > 0 && !after(v->sack[0][1], v->ack);
	if (b->ack_max != v->ack && b->edge_known && after(b->ack_max, v->ack) && v->len == 0 &&
	    !(v->flags & (WV_SYN | WV_FIN)))
		return fail(w, v, b, "acknowledgment went back from %u", b->ack_max - b->irs);
	if (!b->edge_known || after(v->ack, b->ack_max))
		b->ack_max = v->ack;
	if (b->fin_seen)
		return NULL;
	if (scaled)
		wnd <<= b->ws;
	edge = v->ack + wnd;
	/* A SYN's window is not scaled: repeated, it may be unable to say what was promised since. */
	if (b->edge_known && v->flags & WV_SYN && after(b->edge, edge))
		return NULL;
	/* What is left of a window may be rounded down to a multiple of the scale (RFC 7323 2.4). */
	if (b->edge_known && after(b->edge, edge)) {
		if (b->edge - edge < (scaled ? 1u << b->ws : 1u))
			return NULL;
		return fail(w, v, b, "right edge went back from %u to %u", b->edge - b->irs,
			    edge - b->irs);
	}
	b->edge = edge;
	b->edge_known = true;
	return NULL;
}

/* Nothing beyond the peer's window, no gap in what is sent. */
static const char *check_text(struct wirecheck *w, struct book *b, const struct wireview *v)
{
	uint32_t end = v->seq + wireview_seg_len(v);

	if (after(v->seq, b->snd_max) && b->syn_sent)
		return fail(w, v, b, "a gap: nothing beyond %u was sent before",
			    b->snd_max - b->iss);
	if (v->len > 0) {
		if (!b->window_known)
			return fail(w, v, b, "data before any window was known");
		if (after(v->seq + v->len, b->window_edge))
			return fail(w, v, b, "data beyond the window's edge, %u",
				    b->window_edge - b->iss);
		if (b->fin_sent && after(v->seq + v->len, b->fin_seq))
			return fail(w, v, b, "data after FIN");
		w->totals.data_segs++;
		if (!after(end, b->snd_max))
			w->totals.retrans_segs++;
	}
	if (v->flags & WV_FIN) {
		if (b->fin_sent && v->seq + v->len != b->fin_seq)
			return fail(w, v, b, "FIN moved from %u", b->fin_seq - b->iss);
		b->fin_seq = v->seq + v->len;
		b->fin_sent = true;
	}
	if (after(end, b->snd_max))
		b->snd_max = end;
	return NULL;
}

/* RFC 3168 6.1. `again`: nothing in it is new. */
static const char *check_ecn(struct wirecheck *w, struct book *b, const struct wireview *v,
			     bool again)
{
	bool on = (b->ecn_offered || b->ecn_agreed) && b->ecn_asked;
	unsigned ect = v->tos & 3;

	w->totals.ect += ect != 0;
	if (v->flags & WV_SYN)
		return ect ? fail(w, v, b, "an ECN-capable SYN") : NULL;
	w->totals.ece += (v->flags & WV_ECE) != 0;
	w->totals.cwr += (v->flags & WV_CWR) != 0;
	if (!on)
		return ect || v->flags & (WV_ECE | WV_CWR) ? fail(w, v, b, "ECN without agreement")
							   : NULL;
	if (ect == 3)
		return fail(w, v, b, "sent as if it had met congestion");
	/* 6.1.4 to 6.1.6: what is acknowledged or probed with, and what is sent again, is not. */
	if (ect && (v->len == 0 || again))
		return fail(w, v, b, "ECN-capable, but no new data");
	if (v->flags & WV_ECE && !b->ce_seen)
		return fail(w, v, b, "ECE, but no congestion was marked");
	if (v->flags & WV_CWR && (v->len == 0 || again))
		return fail(w, v, b, "CWR without new data");
	return NULL;
}

/* What a segment without options carries at most. */
static uint32_t full_segment(const struct wirecheck *w, const struct book *b)
{
	return b->peer_mss < w->rules.mtu - 40 ? b->peer_mss : w->rules.mtu - 40;
}

/* RFC 6928 2, as an upper bound: options make the segments smaller. */
static uint32_t initial_window(const struct wirecheck *w, const struct book *b)
{
	uint32_t mss = full_segment(w, b);

	if (10 * mss < 14600)
		return 10 * mss;
	return 2 * mss > 14600 ? 2 * mss : 14600;
}

/*
 * No congestion control grows faster than slow start, by what is delivered (RFC 5681 3.1, RFC 3465 with L = 1; SACKed or not),
 * so that no more is ever in flight than the initial window and all that was acknowledged; three segments
 * more by limited transmit (RFC 3042) and a tail loss probe (RFC 8985). What was SACKed has left the path, and
 * what lies before it may count as lost; without SACK each duplicate ACK says that of one segment (RFC 5681 3.2).
 */
static const char *check_flight(struct wirecheck *w, struct book *b, const struct wireview *v,
				uint64_t time_ns, bool again)
{
	uint32_t end = v->seq + v->len, flight = end - b->una;
	uint64_t most = initial_window(w, b) + b->acked + b->slack * w->rules.mtu, left = 0;

	for (unsigned i = 0; i < b->nsacked; i++)
		most += b->sacked[i].end - b->sacked[i].start;
	if (b->nsacked > 0)
		left = b->sacked[b->nsacked - 1].end - b->una;
	most += left > b->dupacks * w->rules.mtu ? left : b->dupacks * w->rules.mtu;
	if (v->len == 0 || v->flags & WV_SYN)
		return NULL;
	if (!again && after(end, b->una) && flight > most)
		return fail(w, v, b, "%u bytes in flight, %llu were allowed", flight,
			    (unsigned long long)most);
	if (!again || !w->rules.prompt || !w->rules.scoreboard)
		return NULL;
	/* Nothing was heard for so long, and the front goes again: a time-out, which may forget (RFC 2018 8). */
	if (v->seq == b->una && time_ns - b->ack_ns >= RTO_MIN_NS)
		b->nsure = b->nfresh = 0;
	sacked_settle(b, time_ns);
	/* A piece of a segment that was SACKed in part may go with the rest: a full one may not. */
	if (v->len + 40u >= full_segment(w, b) && set_covers(b->sure, b->nsure, v->seq, end))
		return fail(w, v, b, "sent again, but it was SACKed");
	return NULL;
}

/*
 * An ACK that brings no data and no window is an answer to something that arrived, or a probe: keepalive and
 * zero-window probes leave at most five times a second.
 */
static const char *check_acks_bound(struct wirecheck *w, struct book *b, const struct wireview *v,
				    uint64_t time_ns)
{
	uint64_t most = b->arrivals + (time_ns - b->first_ns) / 200000000 + 3;

	w->totals.pure_acks++;
	if (v->wnd != b->last_wnd)
		return NULL;
	if (++b->newsless_acks > most)
		return fail(w, v, b, "%llu ACKs without news, %llu segments arrived",
			    (unsigned long long)b->newsless_acks, (unsigned long long)b->arrivals);
	return NULL;
}

static const char *check_tcp(struct wirecheck *w, uint32_t host, uint64_t time_ns,
			     const struct wireview *v)
{
	struct book *b = book_of(w, host, v->sport, v->dst, v->dport);
	bool again = b->syn_sent && !after(v->seq + wireview_seg_len(v), b->snd_max);
	const char *bad;

	w->totals.tcp++;
	w->totals.syns += (v->flags & WV_SYN) != 0;
	w->totals.fins += (v->flags & WV_FIN) != 0;
	w->totals.rsts += (v->flags & WV_RST) != 0;
	if (v->flags & 0xe00)
		return fail(w, v, b, "reserved bits are set");
	if (v->sport == 0 || v->dport == 0)
		return fail(w, v, b, "port 0");
	if (v->flags & WV_RST) {
		if (b->rst_last)
			return fail(w, v, b, "an RST answers an RST");
		return v->nsack > 0 ? fail(w, v, b, "RST with SACK") : NULL;
	}
	if (!(v->flags & (WV_ACK | WV_SYN)))
		return fail(w, v, b, "neither ACK nor SYN nor RST");
	if ((bad = v->flags & WV_SYN ? check_syn(w, b, v, time_ns) : NULL))
		return bad;
	if (w->rules.mangled)
		return NULL;
	/* Answers of a listener or of a record to what it does not know: no book to hold them against. */
	if (!b->syn_sent || (!(v->flags & WV_SYN) && !b->syn_seen))
		return v->len > 0 ? fail(w, v, b, "data without a handshake") : NULL;
	if ((bad = check_options(w, b, v, time_ns)) ||
	    (v->flags & WV_ACK && (bad = check_ack(w, b, v))) ||
	    (bad = check_ecn(w, b, v, again)) || (bad = check_flight(w, b, v, time_ns, again)) ||
	    (bad = check_text(w, b, v)))
		return bad;
	if (wireview_seg_len(v) == 0 && (bad = check_acks_bound(w, b, v, time_ns)))
		return bad;
	b->last_wnd = v->wnd;
	return NULL;
}

const char *wirecheck_leaves(struct wirecheck *w, uint32_t host, uint64_t time_ns,
			     const uint8_t *ip, size_t n)
{
	struct wireview v;
	const char *bad = wireview_read(ip, n, &v);

	w->totals.packets++;
	w->totals.bytes += n;
	w->totals.udp += v.proto == WV_UDP;
	w->totals.icmp += v.proto == WV_ICMP;
	if (bad)
		return fail(w, &v, NULL, "malformed: %s", bad);
	if ((bad = check_ip(w, host, &v, n)))
		return bad;
	return v.proto == WV_TCP ? check_tcp(w, host, time_ns, &v) : NULL;
}
