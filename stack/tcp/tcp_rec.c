/*
 * Records of what was sent: they partition [SND.UNA, SND.MAX).
 *
 * One record stands for everything sent in one go; it is split when a part of it meets another fate
 * (acknowledged, lost, sent again) and merged when neighbours become equal. Two lists run through
 * them: by sequence, for acknowledgment and retransmission, and by time of sending, for the loss
 * detection that works by time. Their number is bounded; at the bound, and without memory, pieces of
 * one fate are lumped together, which costs precision and never progress.
 */
#include "stack/tcp/tcp_buf.h"

enum {
	RECS_MAX = 8192, /* a connection */
	POOL_RECS = 1024,
};

static struct tcp_rec *rec_get(struct tapir *t, struct tcp_act *a)
{
	struct tcp_rec *r = t->tcp->rec_free;

	if (a->nrecs >= RECS_MAX)
		return NULL;
	if (r) {
		struct list *next = r->seq_link.next;

		t->tcp->rec_free = next ? container_of(next, struct tcp_rec, seq_link) : NULL;
		t->tcp->nrec_free--;
	} else {
		r = tcp_mem_alloc(t, sizeof(*r));
		if (!r)
			return NULL;
	}
	*r = (struct tcp_rec){0};
	a->nrecs++;
	return r;
}

static void rec_put(struct tapir *t, struct tcp_act *a, struct tcp_rec *r)
{
	list_del(&r->seq_link);
	list_del(&r->time_link);
	a->nrecs--;
	if (r == &a->rec0) {
		a->rec0_used = false;
		return;
	}
	if (t->tcp->nrec_free >= POOL_RECS) {
		tcp_mem_free(t, r, sizeof(*r));
		return;
	}
	r->seq_link.next = t->tcp->rec_free ? &t->tcp->rec_free->seq_link : NULL;
	t->tcp->rec_free = r;
	t->tcp->nrec_free++;
}

void tcp_pools_fini(struct tapir *t)
{
	while (t->tcp->rec_free) {
		struct tcp_rec *r = t->tcp->rec_free;

		t->tcp->rec_free =
			r->seq_link.next ? container_of(r->seq_link.next, struct tcp_rec, seq_link)
					 : NULL;
		tcp_mem_free(t, r, sizeof(*r));
	}
	while (t->tcp->page_free) {
		struct tcp_free *p = t->tcp->page_free;

		t->tcp->page_free = p->next;
		tcp_mem_free(t, p, TCP_PAGE);
	}
	while (t->tcp->act_free) {
		struct tcp_free *a = t->tcp->act_free;

		t->tcp->act_free = a->next;
		tcp_mem_free(t, a, sizeof(struct tcp_act));
	}
	t->tcp->npage_free = 0;
	t->tcp->nrec_free = 0;
	t->tcp->nact_free = 0;
}

/* What a record adds to the bytes in flight. */
static uint32_t rec_flying(const struct tcp_rec *r)
{
	return r->flags & (TCP_REC_LOST | TCP_REC_SACKED) ? 0 : r->len;
}

static uint32_t rec_lost(const struct tcp_rec *r)
{
	return (r->flags & (TCP_REC_LOST | TCP_REC_SACKED)) == TCP_REC_LOST ? r->len : 0;
}

/* Takes r's bytes out of the sums, or puts them back: around every change of len or flags. */
static void sums_out(struct tcp_act *a, const struct tcp_rec *r)
{
	a->in_flight -= rec_flying(r);
	a->lost_bytes -= rec_lost(r);
}

static void sums_in(struct tcp_act *a, const struct tcp_rec *r)
{
	a->in_flight += rec_flying(r);
	a->lost_bytes += rec_lost(r);
}

/* Whether b, right behind a, can become part of it. */
static bool rec_mergeable(const struct tcp_rec *a, const struct tcp_rec *b)
{
	return a->seq + a->len == b->seq && a->flags == b->flags && a->times == b->times &&
	       a->sent_ns == b->sent_ns && !(a->flags & (TCP_REC_SYN | TCP_REC_FIN));
}

void tcp_rec_sent(struct tapir *t, struct tcp_conn *c, uint32_t seq, uint32_t len, uint8_t flags)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *last = LIST_LAST(&a->recs, struct tcp_rec, seq_link);
	struct tcp_rec want = {
		.seq = seq, .len = len, .sent_ns = t->now_ns, .times = 1, .flags = flags};
	struct tcp_rec *r;

	if (last && rec_mergeable(last, &want)) {
		last->len += len;
		a->in_flight += len;
		return;
	}
	r = rec_get(t, a);
	if (!r && !a->rec0_used) {
		r = &a->rec0;
		a->rec0_used = true;
		a->nrecs++;
	}
	if (!r) {
		/* Lump it: two transmissions, so that Karn's rule takes no sample from it. */
		TAPIR_ASSERT(last);
		sums_out(a, last);
		last->len += len;
		last->flags = (uint8_t)((last->flags | flags) & ~TCP_REC_LOST);
		last->times = 2;
		sums_in(a, last);
		return;
	}
	*r = want;
	list_add_tail(&a->recs, &r->seq_link);
	list_add_tail(&a->recs_time, &r->time_link);
	sums_in(a, r);
}

void tcp_rec_acked(struct tapir *t, struct tcp_conn *c, uint32_t ack, struct tcp_acked *out)
{
	struct tcp_act *a = c->act;

	*out = (struct tcp_acked){.rtt_ns = UINT64_MAX, .again_ns = UINT64_MAX};
	while (!list_empty(&a->recs)) {
		struct tcp_rec *r = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);
		uint32_t n;

		if (seq_leq(ack, r->seq))
			break;
		n = seq_lt(ack, r->seq + r->len) ? ack - r->seq : r->len;
		if (r->times > 1) {
			out->retransmitted = true;
			out->again_ns = min_u64(out->again_ns, t->now_ns - r->sent_ns);
		} else if (out->rtt_ns == UINT64_MAX) {
			out->rtt_ns = t->now_ns - r->sent_ns;
		}
		out->bytes += n;
		sums_out(a, r);
		if (n < r->len) {
			r->seq += n;
			r->len -= n;
			r->flags &= (uint8_t)~TCP_REC_SYN;
			sums_in(a, r);
			break;
		}
		out->syn |= (r->flags & TCP_REC_SYN) != 0;
		out->fin |= (r->flags & TCP_REC_FIN) != 0;
		rec_put(t, a, r);
	}
	/* RFC 6298 3, MUST: Karn's algorithm: a sample mixed with a retransmission is ambiguous. */
	if (out->retransmitted)
		out->rtt_ns = UINT64_MAX;
}

/* Cuts r after its first `len` bytes. False: no memory, or at the bound. */
static bool rec_split(struct tapir *t, struct tcp_act *a, struct tcp_rec *r, uint32_t len)
{
	struct tcp_rec *rest = rec_get(t, a);

	if (!rest)
		return false;
	sums_out(a, r);
	*rest = *r;
	rest->seq += len;
	rest->len -= len;
	rest->flags &= (uint8_t)~TCP_REC_SYN;
	r->len = len;
	r->flags &= (uint8_t)~TCP_REC_FIN;
	list_add_after(&r->seq_link, &rest->seq_link);
	list_add_after(&r->time_link, &rest->time_link);
	sums_in(a, r);
	sums_in(a, rest);
	return true;
}

struct tcp_rec *tcp_rec_first_lost(struct tcp_conn *c)
{
	struct tcp_rec *r;

	if (c->act->lost_bytes == 0)
		return NULL;
	LIST_FOREACH (r, &c->act->recs, struct tcp_rec, seq_link) {
		if (rec_lost(r))
			return r;
	}
	return NULL;
}

void tcp_rec_mark_head_lost(struct tapir *t, struct tcp_conn *c, uint32_t len)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *r = LIST_FIRST(&a->recs, struct tcp_rec, seq_link);

	if (!r || r->flags & TCP_REC_LOST)
		return;
	if (r->len > len)
		rec_split(t, a, r, len);
	sums_out(a, r);
	r->flags |= TCP_REC_LOST;
	sums_in(a, r);
}

void tcp_rec_mark_all_lost(struct tcp_conn *c)
{
	struct tcp_act *a = c->act;
	struct tcp_rec *r;

	LIST_FOREACH (r, &a->recs, struct tcp_rec, seq_link) {
		sums_out(a, r);
		r->flags |= TCP_REC_LOST;
		sums_in(a, r);
	}
}

bool tcp_rec_resent(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t len)
{
	struct tcp_act *a = c->act;
	struct list *before;

	if (len < r->len && !rec_split(t, a, r, len))
		return false;
	sums_out(a, r);
	r->flags &= (uint8_t)~TCP_REC_LOST;
	if (r->times < UINT8_MAX)
		r->times++;
	r->sent_ns = t->now_ns;
	sums_in(a, r);
	list_del(&r->time_link);
	list_add_tail(&a->recs_time, &r->time_link);

	before = list_prev(&a->recs, &r->seq_link);
	if (before) {
		struct tcp_rec *p = container_of(before, struct tcp_rec, seq_link);

		if (rec_mergeable(p, r)) {
			sums_out(a, r);
			p->len += r->len;
			p->flags |= r->flags & TCP_REC_FIN;
			a->in_flight += r->len;
			rec_put(t, a, r);
		}
	}
	return true;
}

void tcp_rec_free_all(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	while (!list_empty(&a->recs))
		rec_put(t, a, LIST_FIRST(&a->recs, struct tcp_rec, seq_link));
	a->in_flight = 0;
	a->lost_bytes = 0;
}
