/*
 * Multicast membership, the host's side: IGMPv3 (RFC 3376), and versions 2 (RFC 2236) and 1 (RFC 1112)
 * for links whose querier speaks these.
 *
 * Sockets join whole groups, without source filters, so a group's state on an interface is either
 * EXCLUDE {} (joined) or nothing. Two kinds of message come of it:
 *
 *	change   a group was joined or left: told at once, and again after a random time up to 1 s (version
 *	         2: 10 s), since the first may be lost. A group that was left stays as a record until then.
 *	answer   to a query: after a random time up to what the query allows, so that hosts do not all
 *	         speak at once. A pending answer that is due earlier is kept, and none comes within
 *	         100 ms of the last: a flood of queries is not worth a flood of answers.
 *
 * One timer a group serves both. The answer to a general query of version 3 is one report for all groups,
 * by the interface's timer.
 *
 * A query is believed only with TTL 1 and from an address on the link (RFC 3376 9.1): from beyond a router
 * anybody could make us speak an old version, or speak at all. One that came in fragments is
 * dropped: an honest one fits any link (U11-11).
 *
 * 224.0.0.1 is joined always and never reported (RFC 1112 7.2).
 */
#include <errno.h>

#include "stack/base/assert.h"
#include "stack/core/random.h"
#include "stack/ip/igmp.h"
#include "stack/ip/ip.h"
#include "stack/wire/igmp.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

enum {
	ROBUSTNESS = 2,		    /* RFC 3376 8.1 */
	REPEAT_V3_MS = 1000,	    /* RFC 3376 8.11 */
	REPEAT_V2_MS = 10000,	    /* RFC 2236 8.10 */
	OLD_QUERIER_V2_S = 260,	    /* RFC 3376 8.12 */
	OLD_QUERIER_V1_S = 400,	    /* RFC 2236 8.11 */
	RESPONSE_MIN_MS = 100,	    /* ours: no queries make us answer faster than this */
	RESPONSE_MAX_MS = 25 * 1000 /* and none is remembered for longer than version 2's most */
};

struct igmp_group {
	struct list link; /* of netif.groups */
	struct timer timer;
	struct netif *ifp;
	uint32_t ip4;
	uint32_t refs;	 /* sockets; 0: left, with changes to tell */
	uint8_t changes; /* reports of the last change still to send */
	bool answering;	 /* answer_ns means something */
	bool reporter;	 /* version 2: the last report of this group here was ours */
	uint64_t change_ns, answer_ns;
	uint64_t answered_ns; /* last answer */
};

static enum verdict lose(struct rx *rx, enum drop_reason reason)
{
	rx->ifp->rx_drops++;
	pkt_drop(rx->pkt, reason);
	return V_DONE;
}

static struct igmp_group *find(const struct netif *ifp, uint32_t ip4)
{
	struct igmp_group *g;

	LIST_FOREACH (g, &ifp->groups, struct igmp_group, link) {
		if (g->ip4 == ip4)
			return g;
	}
	return NULL;
}

bool igmp_is_member(const struct netif *ifp, uint32_t group)
{
	const struct igmp_group *g;

	/* R1122-101 */
	if (group == IGMP_ALL_HOSTS)
		return true;
	g = find(ifp, group);
	return g && g->refs > 0;
}

static void group_free(struct tapir *t, struct igmp_group *g)
{
	timer_stop(t, &g->timer);
	list_del(&g->link);
	mem_free(t, g, sizeof(*g));
}

/* Whether membership is told on this link at all. */
static bool speaks(const struct netif *ifp)
{
	return ifp->up && ifp->conf.type != TAPIR_NETIF_LOOP;
}

static unsigned version(const struct tapir *t, const struct netif *ifp)
{
	if (t->conf.igmp_version != 0)
		return (unsigned)t->conf.igmp_version;
	if (t->now_ns < ifp->igmp_v1_until_ns)
		return 1;
	return t->now_ns < ifp->igmp_v2_until_ns ? 2 : 3;
}

/* ---- sending ---- */

static void output(struct tapir *t, struct netif *ifp, struct pkt *p, uint32_t dst)
{
	struct ip_tx tx = {
		.src = netif_source_for(ifp, dst),
		.dst = dst,
		.proto = IPPROTO_NUM_IGMP,
		.ttl = 1,
		.tos = 0xc0, /* RFC 3376 4: Internetwork Control */
		.flags = IP_TX_DF | IP_TX_ROUTER_ALERT | IP_TX_NO_LOOP | IP_TX_FORCE_IF,
		.ifindex = ifp->ifindex,
	};

	ip_output(t, p, &tx);
}

/* A message of versions 1 and 2. */
static void send_old(struct tapir *t, struct netif *ifp, uint8_t type, uint32_t group, uint32_t dst)
{
	struct pkt *p = pkt_alloc_reserve(t);

	if (!p)
		return;
	igmp_encode(pkt_put(p, IGMP_LEN), type, group);
	if (type == IGMP_LEAVE_V2)
		STAT_INC(t, Tapir, IgmpOutLeaves);
	else
		STAT_INC(t, Tapir, IgmpOutReports);
	output(t, ifp, p, dst);
}

/* A report of version 3 about one group. */
static void send_record(struct tapir *t, struct netif *ifp, enum igmp_record type, uint32_t group)
{
	struct pkt *p = pkt_alloc_reserve(t);
	struct igmp_report r;

	if (!p)
		return;
	pkt_put(p, IGMP_V3_REPORT + IGMP_V3_RECORD);
	igmp_report_begin(&r, p->data, p->len);
	igmp_report_add(&r, type, group, NULL, 0);
	pkt_trim(p, (uint32_t)igmp_report_end(&r));
	STAT_INC(t, Tapir, IgmpOutReports);
	output(t, ifp, p, IGMP_ALL_V3);
}

/* The answer to a general query: all groups, in as few packets as the link takes whole (R8900-1). */
static void send_all(struct tapir *t, struct netif *ifp)
{
	size_t room = ifp->conf.mtu - IPV4_HLEN_RA;
	struct igmp_group *g = LIST_FIRST(&ifp->groups, struct igmp_group, link);

	while (g) {
		struct pkt *p = pkt_alloc(t, PKT_HEADROOM, room);
		struct igmp_report r;
		unsigned records = 0;

		if (!p)
			return;
		pkt_put(p, (uint32_t)room);
		igmp_report_begin(&r, p->data, room);
		for (; g; g = list_next(&ifp->groups, &g->link)
				      ? container_of(g->link.next, struct igmp_group, link)
				      : NULL) {
			if (g->refs == 0 || g->ip4 == IGMP_ALL_HOSTS)
				continue;
			if (!igmp_report_add(&r, IGMP_IS_EXCLUDE, g->ip4, NULL, 0))
				break;
			records++;
		}
		if (records == 0) {
			pkt_free(p);
			return;
		}
		pkt_trim(p, (uint32_t)igmp_report_end(&r));
		STAT_INC(t, Tapir, IgmpOutReports);
		output(t, ifp, p, IGMP_ALL_V3);
	}
}

/* What the group is now (an answer), or has become (a change). */
static void send_state(struct tapir *t, struct igmp_group *g, bool change)
{
	/* Left since, and the older versions have no words to repeat that in. */
	if (g->refs == 0 && version(t, g->ifp) < 3)
		return;
	switch (version(t, g->ifp)) {
	case 1:
		send_old(t, g->ifp, IGMP_REPORT_V1, g->ip4, g->ip4);
		break;
	case 2:
		send_old(t, g->ifp, IGMP_REPORT_V2, g->ip4, g->ip4);
		break;
	default:
		if (change)
			send_record(t, g->ifp, g->refs ? IGMP_TO_EXCLUDE : IGMP_TO_INCLUDE, g->ip4);
		else
			send_record(t, g->ifp, IGMP_IS_EXCLUDE, g->ip4);
		break;
	}
	g->reporter = true;
}

/* ---- changes ---- */

static void set_timer(struct tapir *t, struct igmp_group *g)
{
	uint64_t at = UINT64_MAX;

	if (g->changes > 0)
		at = g->change_ns;
	if (g->answering)
		at = min_u64(at, g->answer_ns);
	if (at != UINT64_MAX)
		timer_set(t, &g->timer, at);
	else
		timer_stop(t, &g->timer);
}

/* Tells a change, and plans to tell it again; frees a group that was left when all is told. */
static void tell_change(struct tapir *t, struct igmp_group *g)
{
	uint32_t repeat_ms = version(t, g->ifp) == 3 ? REPEAT_V3_MS : REPEAT_V2_MS;

	send_state(t, g, true);
	g->changes--;
	if (g->changes == 0 && g->refs == 0) {
		group_free(t, g);
		return;
	}
	g->change_ns = t->now_ns + (1 + random_below(t, repeat_ms)) * NS_PER_MS;
	set_timer(t, g);
}

int igmp_join(struct tapir *t, struct netif *ifp, uint32_t group)
{
	struct igmp_group *g = find(ifp, group);

	if (group >> 28 != 14)
		return -EINVAL;
	if (!g) {
		if (list_count(&ifp->groups) >= (size_t)t->conf.igmp_max_groups)
			return -ENOBUFS;
		g = mem_zalloc(t, sizeof(*g));
		if (!g)
			return -ENOMEM;
		g->ifp = ifp;
		g->ip4 = group;
		timer_init(&g->timer, TIMER_IGMP);
		list_init(&g->link);
		list_add_tail(&ifp->groups, &g->link);
	}
	if (g->refs++ > 0)
		return 0;
	if (group == IGMP_ALL_HOSTS || !speaks(ifp))
		return 0;
	g->changes = ROBUSTNESS;
	tell_change(t, g);
	return 0;
}

int igmp_leave(struct tapir *t, struct netif *ifp, uint32_t group)
{
	struct igmp_group *g = find(ifp, group);

	if (!g || g->refs == 0)
		return -EADDRNOTAVAIL;
	if (--g->refs > 0)
		return 0;
	g->answering = false;
	if (group == IGMP_ALL_HOSTS || !speaks(ifp) || version(t, ifp) == 1) {
		group_free(t, g);
	} else if (version(t, ifp) == 2) {
		/* RFC 2236 3: only who reported last need say that it leaves. */
		if (g->reporter)
			send_old(t, ifp, IGMP_LEAVE_V2, group, IGMP_ALL_ROUTER);
		group_free(t, g);
	} else {
		g->changes = ROBUSTNESS;
		tell_change(t, g);
	}
	return 0;
}

void igmp_timer(struct tapir *t, struct timer *tm)
{
	struct igmp_group *g = container_of(tm, struct igmp_group, timer);

	if (g->answering && t->now_ns >= g->answer_ns) {
		g->answering = false;
		g->answered_ns = t->now_ns;
		send_state(t, g, false);
	}
	if (g->changes > 0 && t->now_ns >= g->change_ns)
		tell_change(t, g);
	else
		set_timer(t, g);
}

void igmp_if_timer(struct tapir *t, struct timer *tm)
{
	struct netif *ifp = container_of(tm, struct netif, igmp_timer);

	ifp->igmp_answered_ns = t->now_ns;
	if (speaks(ifp))
		send_all(t, ifp);
}

/* ---- queries ---- */

static bool on_link(const struct netif *ifp, uint32_t ip4)
{
	for (unsigned i = 0; i < ifp->naddr; i++) {
		const struct ifaddr *a = ifp->addr[i];

		if (((a->ip4 ^ ip4) & prefix_mask(a->prefix_len)) == 0)
			return true;
	}
	return false;
}

/* Another version is spoken: what was planned in the old one is void (RFC 3376 7.2.1). */
static void cancel_all(struct tapir *t, struct netif *ifp)
{
	struct igmp_group *g, *next;

	timer_stop(t, &ifp->igmp_timer);
	LIST_FOREACH_SAFE (g, next, &ifp->groups, struct igmp_group, link) {
		g->answering = false;
		g->changes = 0;
		timer_stop(t, &g->timer);
		if (g->refs == 0)
			group_free(t, g);
	}
}

static void note_querier(struct tapir *t, struct netif *ifp, unsigned spoken)
{
	unsigned before = version(t, ifp);

	if (spoken == 1)
		ifp->igmp_v1_until_ns = t->now_ns + OLD_QUERIER_V1_S * NS_PER_S;
	else if (spoken == 2)
		ifp->igmp_v2_until_ns = t->now_ns + OLD_QUERIER_V2_S * NS_PER_S;
	if (version(t, ifp) != before)
		cancel_all(t, ifp);
}

/* A random time within max_ms, but not soon after the last answer. */
static uint64_t answer_time(struct tapir *t, uint32_t max_ms, uint64_t answered_ns)
{
	uint64_t at = t->now_ns + (1 + random_below(t, max_ms)) * NS_PER_MS;

	return max_u64(at, answered_ns + RESPONSE_MIN_MS * NS_PER_MS);
}

static void plan_answer(struct tapir *t, struct igmp_group *g, uint32_t max_ms)
{
	uint64_t at = answer_time(t, max_ms, g->answered_ns);

	if (g->refs == 0 || g->ip4 == IGMP_ALL_HOSTS || (g->answering && g->answer_ns <= at))
		return;
	g->answering = true;
	g->answer_ns = at;
	set_timer(t, g);
}

static void answer(struct tapir *t, struct netif *ifp, const struct igmp_query *q)
{
	uint32_t max_ms = clamp_u32(q->max_resp_ms, RESPONSE_MIN_MS, RESPONSE_MAX_MS);
	uint64_t at = answer_time(t, max_ms, ifp->igmp_answered_ns);
	struct igmp_group *g;

	/* RFC 3376 5.2, rule 1: a general answer that comes sooner says it all. */
	if (timer_armed(&ifp->igmp_timer) && timer_deadline(&ifp->igmp_timer) <= at)
		return;
	if (q->group == 0 && version(t, ifp) == 3) {
		timer_set(t, &ifp->igmp_timer, at);
		return;
	}
	LIST_FOREACH (g, &ifp->groups, struct igmp_group, link) {
		if (q->group == 0 || q->group == g->ip4)
			plan_answer(t, g, max_ms);
	}
}

/* Another host's report: ours would tell the querier nothing new (RFC 2236 3). */
static void suppress(struct tapir *t, struct netif *ifp, uint32_t group)
{
	struct igmp_group *g = find(ifp, group);

	if (!g || version(t, ifp) == 3)
		return;
	g->answering = false;
	g->reporter = false;
	set_timer(t, g);
}

static enum verdict input_query(struct tapir *t, struct rx *rx)
{
	struct igmp_query q;

	/* U11-10: read within its bounds; without a membership nothing comes of it. */
	STAT_INC(t, Tapir, IgmpInQueries);
	if (igmp_query_decode(rx->pkt->data, rx->pkt->len, &q) < 0)
		return lose(rx, DROP_IGMP_SHORT);
	if (rx->ip.ttl != 1 || !on_link(rx->ifp, rx->ip.src) || rx->dst_kind != RX_MULTICAST)
		return lose(rx, DROP_IGMP_SOURCE);
	if (q.group != 0 && q.group >> 28 != 14)
		return lose(rx, DROP_IGMP_TYPE);
	note_querier(t, rx->ifp, q.version);
	answer(t, rx->ifp, &q);
	pkt_free(rx->pkt);
	return V_DONE;
}

enum verdict igmp_input(struct tapir *t, struct rx *rx)
{
	struct pkt *p = rx->pkt;
	struct igmp_hdr h;

	if (igmp_hdr_decode(p->data, p->len, &h) < 0)
		return lose(rx, DROP_IGMP_SHORT);
	if (p->flags & PKT_REASSEMBLED)
		return lose(rx, DROP_IGMP_FRAG);
	if (!igmp_csum_ok(p->data, p->len))
		return lose(rx, DROP_IGMP_CSUM);
	switch (h.type) {
	case IGMP_QUERY:
		return input_query(t, rx);
	case IGMP_REPORT_V1:
	case IGMP_REPORT_V2:
		STAT_INC(t, Tapir, IgmpInReports);
		if (rx->looped || !on_link(rx->ifp, rx->ip.src) || rx->ip.dst != h.group)
			return lose(rx, DROP_IGMP_SOURCE);
		suppress(t, rx->ifp, h.group);
		pkt_free(p);
		return V_DONE;
	default:
		return lose(rx, DROP_IGMP_TYPE);
	}
}

/* ---- interfaces ---- */

void igmp_if_up(struct tapir *t, struct netif *ifp)
{
	struct igmp_group *g, *next;

	LIST_FOREACH_SAFE (g, next, &ifp->groups, struct igmp_group, link) {
		if (g->ip4 == IGMP_ALL_HOSTS)
			continue;
		g->changes = ROBUSTNESS;
		tell_change(t, g);
	}
}

void igmp_if_down(struct tapir *t, struct netif *ifp)
{
	ifp->igmp_v1_until_ns = 0;
	ifp->igmp_v2_until_ns = 0;
	cancel_all(t, ifp);
}

void igmp_flush(struct tapir *t, struct netif *ifp)
{
	timer_stop(t, &ifp->igmp_timer);
	while (!list_empty(&ifp->groups))
		group_free(t, LIST_FIRST(&ifp->groups, struct igmp_group, link));
}
