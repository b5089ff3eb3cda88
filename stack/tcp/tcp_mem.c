/*
 * The memory of all connections together: one account, net.ipv4.tcp_mem, and what happens when it fills (RS-02).
 *
 * Charged is what is taken, not what is held in it (TC-09): whole pages, tables, rings, records and active parts,
 * those that lie in a pool for their next use included. Three marks divide the account:
 *
 *	0 ............ tcp_mem[0] ............ tcp_mem[1] ................... tcp_mem[2]
 *	   free          no pressure, once      pressure: nobody's share      nothing more
 *	                 it fell below          grows any more
 *
 * Peers that close their windows or leave holes can fill it. Under pressure windows and send buffers stop growing, and
 * beyond a first share of 16 KiB each way (TC-22, TC-07) room is made first: by what arrived out of order, of the
 * connection that needs room, then of who hoards most of it. Nobody was promised that (RFC 2018 8): its sender keeps
 * it until it is acknowledged. What still does not fit is lost, as on the way, and comes again.
 */
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"

enum {
	MEM_SHARE = TCP_MEM_SHARE,
	PRUNE_LOOKS = 16, /* hoarders compared to find a large one */
	PRUNES_MAX = 8,	  /* for one segment */
};

/* tcp_mem[1] and [0], which mean something only below tcp_mem[2]: three quarters of it, and of that, at most. */
static uint64_t pressure_mark(const struct tapir *t)
{
	uint64_t max = (uint64_t)t->conf.tcp_mem_max;

	return min_u64((uint64_t)t->conf.tcp_mem_pressure, max - max / 4);
}

static uint64_t low_mark(const struct tapir *t)
{
	uint64_t p = pressure_mark(t);

	return min_u64((uint64_t)t->conf.tcp_mem_low, p - p / 4);
}

static void enter_pressure(struct tapir *t)
{
	if (t->tcp->pressure)
		return;
	t->tcp->pressure = true;
	STAT_INC(t, TcpExt, TCPMemoryPressures);
}

static void judge(struct tapir *t)
{
	struct tcp_state *ts = t->tcp;

	if (ts->mem_bytes > pressure_mark(t))
		enter_pressure(t);
	else if (ts->pressure && ts->mem_bytes <= low_mark(t))
		ts->pressure = false;
}

bool tcp_mem_pressed(const struct tapir *t)
{
	return t->tcp->pressure;
}

bool tcp_mem_costs(const struct tapir *t, const struct tcp_conn *c)
{
	return tcp_mem_pressed(t) && c->act && c->act->snd.len > MEM_SHARE;
}

/* Whether `n` bytes more would reach beyond the mark. */
static bool beyond_mark(const struct tapir *t, uint64_t n)
{
	return t->tcp->mem_bytes + n > pressure_mark(t);
}

bool tcp_mem_refuses(struct tapir *t, uint64_t n)
{
	if (!beyond_mark(t, n))
		return false;
	/* What lies in a pool for one use is nobody's. */
	tcp_pools_fini(t);
	if (!beyond_mark(t, n))
		return false;
	enter_pressure(t);
	STAT_INC(t, Tapir, TcpMemFull);
	return true;
}

void *tcp_mem_alloc(struct tapir *t, size_t n)
{
	uint64_t max = (uint64_t)t->conf.tcp_mem_max;
	void *p;

	/* What lies in a pool for one use is taken out of it when another lacks it. */
	if (t->tcp->mem_bytes + n > max)
		tcp_pools_fini(t);
	if (t->tcp->mem_bytes + n > max) {
		STAT_INC(t, Tapir, TcpMemFull);
		return NULL;
	}
	p = mem_alloc(t, n);
	if (p) {
		t->tcp->mem_bytes += n;
		t->tcp->mem_limit = max;
		judge(t);
	}
	return p;
}

void tcp_mem_free(struct tapir *t, void *p, size_t n)
{
	if (!p)
		return;
	t->tcp->mem_bytes -= n;
	mem_free(t, p, n);
	judge(t);
}

/* ---- making room ---- */

void tcp_mem_hoards(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	if (list_linked(&a->hoard))
		return;
	a->conn = c;
	list_add_tail(&t->tcp->hoarders, &a->hoard);
}

static void drop_ooo(struct tapir *t, struct tcp_conn *c)
{
	STAT_INC(t, TcpExt, OfoPruned);
	tcp_rcv_drop_ooo(t, c);
	list_del(&c->act->hoard);
}

/* One who keeps most pages of the next few, which go to the end of the line; NULL: nobody hoards. */
static struct tcp_act *worst_hoarder(struct tapir *t)
{
	struct tcp_act *worst = NULL;

	for (int i = 0; i < PRUNE_LOOKS && !list_empty(&t->tcp->hoarders); i++) {
		struct tcp_act *a = LIST_FIRST(&t->tcp->hoarders, struct tcp_act, hoard);

		list_del(&a->hoard);
		if (a->ooo.n == 0)
			continue; /* its holes were filled since */
		list_add_tail(&t->tcp->hoarders, &a->hoard);
		if (!worst || a->rcv.npages_used > worst->rcv.npages_used)
			worst = a;
	}
	return worst;
}

/* Makes some room, own first. False: nothing is left to be given up. */
static bool prune(struct tapir *t, struct tcp_conn *c)
{
	struct tcp_act *a = c->act;

	STAT_INC(t, TcpExt, PruneCalled);
	if (a->ooo.n == 0)
		a = worst_hoarder(t);
	if (!a)
		return false;
	drop_ooo(t, a == c->act ? c : a->conn);
	return true;
}

bool tcp_mem_take(struct tapir *t, struct tcp_conn *c, uint32_t seq, const uint8_t *p, uint32_t len)
{
	for (int i = 0; i <= PRUNES_MAX; i++) {
		if (!tcp_rcv_refuses(t, c, seq, len) && tcp_rcv_store(t, c, seq, p, len))
			return true;
		/* Where the account has room and the host has none, giving up what came would not help for sure. */
		if (!beyond_mark(t, TCP_PAGE) || !prune(t, c))
			break;
	}
	STAT_INC(t, TcpExt, RcvPruned);
	return false;
}
