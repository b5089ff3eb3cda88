/*
 * The neighbour cache: which MAC address an on-link IPv4 address has, and what waits for the answer.
 *
 *	            no entry
 *	   our packet |            \ a request for our address
 *	              v             v
 *	     +--> INCOMPLETE ----> STALE <-----------+      any claim, while no address is known
 *	     |     |     | answer    | used, 5 s     | not confirmed for 15..45 s
 *	     |     |     v           v               |
 *	     |     | REACHABLE <-- PROBE             |
 *	     |     |     |  answer,  |               |
 *	     |     |     |  progress | no answer     |
 *	     |     v     +-----------|---------------+
 *	     +-- FAILED              +--> INCOMPLETE
 *
 * RFC 826 believes whoever speaks. On a link with one hostile station that gives it everybody's
 * traffic and everybody's memory, so three rules narrow it:
 *
 * Who may change an entry (R826-2, hardened). A word about an address that we know nothing good of is
 * taken as RFC 826 says. An entry that has a MAC address keeps it against a different claim; the claim
 * makes us ask the old MAC address, by unicast, whether it is still there. If it answers, nothing
 * changes; if not, the question goes to all, and the first answer to it wins. So a station that
 * changed its card is found again after some seconds, and one that lies must first silence the owner.
 *
 * Who may take memory. Entries stand in classes with lists of their own, each in order of last use:
 *
 *	GUEST  made by a request to us, never used by our own traffic: at most a quarter of the table;
 *	       a new guest displaces the oldest guest and nothing else
 *	OPEN   without a MAC address: at most half of the table; a new one displaces the oldest
 *	USED   with a MAC address, used by our own traffic: displaced last, the longest unused first
 *	FIXED  set by hand: never displaced
 *
 * A flood of requests turns over guests; a flood of packets that makes us look for hosts which do not
 * exist turns over open entries; neither reaches the entries that carry our traffic.
 *
 * Who may make us send. One request a second to one address (RFC 1122 2.3.2.1), doubling; a bound on
 * all requests together; and a pause after each failure, doubling up to 32 s, during which packets are
 * refused at once.
 *
 * An entry in use is confirmed by what the transports see (neigh_confirm), so that no question is
 * asked while data moves (R1122-82); only silence leads to a probe.
 */
#include <errno.h>

#include "stack/base/assert.h"
#include "stack/base/hash.h"
#include "stack/base/siphash.h"
#include "stack/core/emit.h"
#include "stack/core/limit.h"
#include "stack/core/random.h"
#include "stack/link/arp.h"
#include "stack/link/ether.h"
#include "stack/link/neigh.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)
/* RFC 4861 10, DELAY_FIRST_PROBE_TIME: for the transports to confirm before we ask. */
#define NEIGH_DELAY_NS (5 * NS_PER_S)

enum neigh_class { CLASS_GUEST, CLASS_OPEN, CLASS_USED, CLASS_FIXED, CLASS_COUNT };

enum {
	FIRST_BUCKETS = 64,
	FAIL_SHIFT_MAX = 5, /* the pause after failures ends growing at 32 s */
};

struct neigh {
	struct hnode node; /* by interface and address */
	struct list link;  /* of its class, longest unused first */
	struct netif *ifp;
	uint32_t ip4;
	struct tapir_mac mac; /* in STALE, REACHABLE, PROBE, PERMANENT */
	uint8_t state;	      /* enum tapir_neigh_state */
	uint8_t class;	      /* enum neigh_class */
	uint8_t probes;	      /* requests of this round */
	uint8_t fails;	      /* rounds without an answer, in a row */
	bool asked;	      /* asked_ns means something */
	bool delaying;	      /* STALE, and used: PROBE is near */
	bool suspect;	      /* STALE: a transport doubts it, so PROBE at the next use */
	uint64_t asked_ns;    /* last request */
	uint64_t confirmed_ns;
	uint64_t used_ns;
	uint64_t until_ns; /* REACHABLE: end; FAILED: end of the pause */
	struct timer timer;
	struct pktq held;
};

struct neigh_table {
	struct htab tab;
	struct siphash_key key;
	struct list class[CLASS_COUNT];
	uint32_t n[CLASS_COUNT];
	uint64_t held_bytes;
	uint64_t ask_full_ns; /* core/limit.h */
	struct arp_limits arp;
};

static uint64_t conf_ms(int64_t ms)
{
	return (uint64_t)ms * NS_PER_MS;
}

static uint32_t neigh_hash(const struct neigh_table *nt, const struct netif *ifp, uint32_t ip4)
{
	return (uint32_t)siphash_1u64((uint64_t)ifp->ifindex << 32 | ip4, &nt->key);
}

static struct neigh *neigh_find(const struct neigh_table *nt, const struct netif *ifp, uint32_t ip4)
{
	struct hnode *h = htab_first(&nt->tab, neigh_hash(nt, ifp, ip4));

	for (; h; h = htab_next(h)) {
		struct neigh *n = container_of(h, struct neigh, node);

		if (n->ip4 == ip4 && n->ifp == ifp)
			return n;
	}
	return NULL;
}

static uint32_t neigh_count(const struct neigh_table *nt)
{
	return nt->tab.n;
}

static bool has_mac(const struct neigh *n)
{
	return n->state != TAPIR_NEIGH_INCOMPLETE && n->state != TAPIR_NEIGH_FAILED;
}

static void join_class(struct neigh_table *nt, struct neigh *n, enum neigh_class class)
{
	if (list_linked(&n->link)) {
		list_del(&n->link);
		nt->n[n->class]--;
	}
	n->class = (uint8_t) class;
	list_add_tail(&nt->class[class], &n -> link);
	nt->n[class]++;
}

static void set_state(struct tapir *t, struct neigh *n, enum tapir_neigh_state state)
{
	uint8_t from = n->state;

	if (from == state)
		return;
	n->state = (uint8_t)state;
	n->delaying = false;
	n->suspect = false;
	/* Routes by way of it look again: it has died, or come back (R1122-84). */
	if (from == TAPIR_NEIGH_FAILED || state == TAPIR_NEIGH_FAILED ||
	    (from == TAPIR_NEIGH_INCOMPLETE && n->fails > 0))
		route_changed(t);
	if (emit_wanted(t)) {
		struct tapir_event ev = emit_begin(t, TAPIR_EV_NEIGH_STATE, "RFC 4861 7.3.2");

		ev.ifindex = n->ifp->ifindex;
		ev.peer.addr = tapir_addr_v4(n->ip4);
		ev.u.state.from = from;
		ev.u.state.to = (uint8_t)state;
		emit(t, &ev);
	}
}

static struct pkt *held_pop(struct neigh_table *nt, struct neigh *n)
{
	struct pkt *p = pktq_pop(&n->held);

	if (p)
		nt->held_bytes -= pkt_wire_len(p);
	return p;
}

static void held_drop(struct tapir *t, struct neigh *n, enum drop_reason reason)
{
	struct pkt *p;

	while ((p = held_pop(t->neigh, n)))
		pkt_drop(p, reason);
}

static void neigh_free(struct tapir *t, struct neigh *n, enum drop_reason reason)
{
	struct neigh_table *nt = t->neigh;
	uint32_t nb;
	void *old;

	held_drop(t, n, reason);
	timer_stop(t, &n->timer);
	list_del(&n->link);
	nt->n[n->class]--;
	htab_remove(&nt->tab, &n->node);
	old = htab_retired(&nt->tab, &nb);
	if (old)
		mem_free(t, old, htab_bytes(nb));
	mem_free(t, n, sizeof(*n));
}

static struct neigh *oldest(const struct neigh_table *nt, enum neigh_class class)
{
	return LIST_FIRST(&nt->class[class], struct neigh, link);
}

/* Makes room for one more of `class` by the rules above; false when there is nothing to displace. */
static bool make_room(struct tapir *t, enum neigh_class class)
{
	struct neigh_table *nt = t->neigh;
	uint32_t max = (uint32_t)t->conf.neigh_max;
	struct neigh *victim = NULL;

	if (class == CLASS_GUEST) {
		/* AR-02: a guest displaces a guest, and nothing that our traffic uses. */
		if (nt->n[CLASS_GUEST] < max / 4 && neigh_count(nt) < max)
			return true;
		victim = oldest(nt, CLASS_GUEST);
	} else if (class == CLASS_OPEN && nt->n[CLASS_OPEN] >= max / 2) {
		/* AR-06 */
		victim = oldest(nt, CLASS_OPEN);
	} else if (neigh_count(nt) < max) {
		return true;
	} else if (!(victim = oldest(nt, CLASS_GUEST)) && !(victim = oldest(nt, CLASS_OPEN))) {
		victim = oldest(nt, CLASS_USED);
	}
	STAT_INC(t, Tapir, NeighTableFull);
	if (!victim)
		return false;
	neigh_free(t, victim, DROP_NEIGH_TABLE_FULL);
	return true;
}

static struct neigh *neigh_new(struct tapir *t, struct netif *ifp, uint32_t ip4,
			       enum neigh_class class, enum tapir_neigh_state state)
{
	struct neigh_table *nt = t->neigh;
	struct neigh *n;

	if (!make_room(t, class))
		return NULL;
	n = mem_zalloc(t, sizeof(*n));
	if (!n)
		return NULL;
	n->ifp = ifp;
	n->ip4 = ip4;
	n->state = (uint8_t)state;
	n->used_ns = t->now_ns;
	list_init(&n->link);
	timer_init(&n->timer, TIMER_NEIGH);
	pktq_init(&n->held);
	join_class(nt, n, class);
	htab_insert(&nt->tab, &n->node, neigh_hash(nt, ifp, ip4));
	if (htab_should_grow(&nt->tab)) {
		uint32_t nb = htab_buckets(&nt->tab) * 2;
		void *mem = mem_alloc(t, htab_bytes(nb));

		if (mem)
			htab_grow_begin(&nt->tab, mem, nb);
	}
	return n;
}

/* Our own traffic uses the entry: no guest any more, and the last of its class to go. */
static void neigh_touch(struct tapir *t, struct neigh *n)
{
	n->used_ns = t->now_ns;
	if (n->class == CLASS_FIXED)
		return;
	join_class(t->neigh, n, has_mac(n) ? CLASS_USED : CLASS_OPEN);
}

/*
 * Asks, if the limits allow it now, and sets the timer for what is next in either case. PROBE asks the
 * known address, INCOMPLETE all stations.
 */
static void solicit(struct tapir *t, struct neigh *n)
{
	uint64_t retrans = conf_ms(t->conf.neigh_retrans_ms);
	uint64_t rate = (uint64_t)t->conf.arp_request_rate;
	bool unicast = n->state == TAPIR_NEIGH_PROBE;
	int64_t max = unicast ? t->conf.neigh_ucast_solicit : t->conf.neigh_mcast_solicit;

	/* R1122-4: never twice within the interval, whatever led here. */
	if (n->asked && t->now_ns - n->asked_ns < retrans) {
		timer_set(t, &n->timer, n->asked_ns + retrans);
		return;
	}
	if (!limit_take(&t->neigh->ask_full_ns, t->now_ns, rate, rate, 1)) {
		timer_set(t, &n->timer, t->now_ns + retrans);
		return;
	}
	n->asked = true;
	n->asked_ns = t->now_ns;
	n->probes++;
	arp_request(t, n->ifp, n->ip4, unicast ? &n->mac : NULL);
	/* Doubling; but the last one is waited for no longer than the first. */
	timer_set(t, &n->timer,
		  t->now_ns + (n->probes < max ? retrans << (n->probes - 1) : retrans));
}

static void start_round(struct tapir *t, struct neigh *n, enum tapir_neigh_state state)
{
	set_state(t, n, state);
	n->probes = 0;
	if (state == TAPIR_NEIGH_INCOMPLETE && n->class != CLASS_OPEN)
		join_class(t->neigh, n, CLASS_OPEN);
	solicit(t, n);
}

static uint64_t stale_until(const struct tapir *t, const struct neigh *n)
{
	return max_u64(n->used_ns, n->confirmed_ns) + (uint64_t)t->conf.neigh_gc_stale_s * NS_PER_S;
}

static void become_stale(struct tapir *t, struct neigh *n)
{
	set_state(t, n, TAPIR_NEIGH_STALE);
	timer_set(t, &n->timer, max_u64(stale_until(t, n), t->now_ns + 1));
}

/* The address is right as of now. */
static void become_reachable(struct tapir *t, struct neigh *n)
{
	uint32_t base = (uint32_t)t->conf.neigh_base_reachable_ms;

	n->confirmed_ns = t->now_ns;
	/* RFC 4861 6.3.4: random, so that stations do not all ask at once. R1122-5: a setting. */
	n->until_ns = t->now_ns + conf_ms(base / 2 + random_below(t, base));
	set_state(t, n, TAPIR_NEIGH_REACHABLE);
	n->fails = 0;
	n->probes = 0;
	timer_set(t, &n->timer, n->until_ns);
}

/* What waited may go. */
static void release_held(struct tapir *t, struct neigh *n)
{
	struct pktq q = n->held;
	struct pkt *p;

	pktq_init(&n->held);
	t->neigh->held_bytes -= q.bytes;
	while ((p = pktq_pop(&q)))
		ether_send(n->ifp, p, &n->mac, ETH_TYPE_IPV4);
}

static void neigh_fail(struct tapir *t, struct neigh *n)
{
	struct pkt *p;

	STAT_INC(t, Tapir, NeighFailed);
	n->until_ns = t->now_ns +
		      (conf_ms(t->conf.neigh_retrans_ms) << min_u32(n->fails, FAIL_SHIFT_MAX));
	if (n->fails < UINT8_MAX)
		n->fails++;
	set_state(t, n, TAPIR_NEIGH_FAILED);
	/* The transports hear of it from tapir.c: what waited was theirs. */
	while ((p = held_pop(t->neigh, n)))
		pktq_push(&t->unreach, p);
	timer_set(t, &n->timer, max_u64(stale_until(t, n), n->until_ns));
}

/* Takes p to wait. R1122-6: the newest stay, within a bound of packets and bytes. */
static void hold(struct tapir *t, struct neigh *n, struct pkt *p)
{
	struct neigh_table *nt = t->neigh;
	uint32_t len, max_bytes = (uint32_t)t->conf.neigh_hold_bytes;

	/* What waits may outlive the connection's ring: it must own its bytes. */
	if (pkt_own(&p) < 0) {
		pkt_drop(p, DROP_NO_MEMORY);
		return;
	}
	len = pkt_wire_len(p);
	while (n->held.n > 0 &&
	       (n->held.n >= (uint32_t)t->conf.neigh_hold_pkts || n->held.bytes + len > max_bytes ||
		nt->held_bytes + len > (uint64_t)t->conf.neigh_hold_total)) {
		STAT_INC(t, Tapir, NeighHoldFull);
		pkt_drop(held_pop(nt, n), DROP_NEIGH_HOLD_FULL);
	}
	if (len > max_bytes || nt->held_bytes + len > (uint64_t)t->conf.neigh_hold_total) {
		STAT_INC(t, Tapir, NeighHoldFull);
		pkt_drop(p, DROP_NEIGH_HOLD_FULL);
		return;
	}
	p->ifindex = (uint16_t)n->ifp->ifindex;
	pktq_push(&n->held, p);
	nt->held_bytes += len;
}

int neigh_resolve(struct tapir *t, struct netif *ifp, uint32_t ip4, struct pkt *p,
		  struct tapir_mac *mac)
{
	struct neigh *n = neigh_find(t->neigh, ifp, ip4);

	if (!n) {
		n = neigh_new(t, ifp, ip4, CLASS_OPEN, TAPIR_NEIGH_INCOMPLETE);
		if (!n)
			return -ENOBUFS;
		solicit(t, n);
	} else {
		neigh_touch(t, n);
	}
	switch ((enum tapir_neigh_state)n->state) {
	case TAPIR_NEIGH_STALE:
		if (n->suspect) {
			start_round(t, n, TAPIR_NEIGH_PROBE);
		} else if (!n->delaying) {
			n->delaying = true;
			timer_set(t, &n->timer, t->now_ns + NEIGH_DELAY_NS);
		}
		break;
	case TAPIR_NEIGH_REACHABLE:
	case TAPIR_NEIGH_PROBE:
	case TAPIR_NEIGH_PERMANENT:
		break;
	case TAPIR_NEIGH_FAILED:
		if (t->now_ns < n->until_ns)
			return -EHOSTUNREACH;
		start_round(t, n, TAPIR_NEIGH_INCOMPLETE);
		if (p)
			hold(t, n, p);
		return -EINPROGRESS;
	case TAPIR_NEIGH_INCOMPLETE:
		if (p)
			hold(t, n, p);
		return -EINPROGRESS;
	}
	*mac = n->mac;
	return 0;
}

void neigh_confirm(struct tapir *t, struct netif *ifp, uint32_t ip4)
{
	struct neigh *n = neigh_find(t->neigh, ifp, ip4);

	if (!n || !has_mac(n) || n->state == TAPIR_NEIGH_PERMANENT)
		return;
	if (n->state != TAPIR_NEIGH_REACHABLE) {
		become_reachable(t, n);
		return;
	}
	/* R1122-82, R1122-83: progress is proof enough. The timer moves when it fires. */
	n->until_ns += t->now_ns - n->confirmed_ns;
	n->confirmed_ns = t->now_ns;
}

void neigh_suspect(struct tapir *t, struct netif *ifp, uint32_t ip4)
{
	struct neigh *n = neigh_find(t->neigh, ifp, ip4);

	if (!n)
		return;
	if (n->state == TAPIR_NEIGH_REACHABLE)
		become_stale(t, n);
	if (n->state == TAPIR_NEIGH_STALE)
		n->suspect = true;
}

bool neigh_failed(struct tapir *t, struct netif *ifp, uint32_t ip4)
{
	struct neigh *n = neigh_find(t->neigh, ifp, ip4);

	if (!n)
		return false;
	/* Asked again in the background, without anybody's packet, while routes go elsewhere. */
	if (n->state == TAPIR_NEIGH_FAILED && t->now_ns >= n->until_ns) {
		n->used_ns = t->now_ns;
		start_round(t, n, TAPIR_NEIGH_INCOMPLETE);
	}
	return n->state == TAPIR_NEIGH_FAILED ||
	       (n->state == TAPIR_NEIGH_INCOMPLETE && n->fails > 0);
}

void neigh_timer(struct tapir *t, struct timer *tm)
{
	struct neigh *n = container_of(tm, struct neigh, timer);

	switch ((enum tapir_neigh_state)n->state) {
	case TAPIR_NEIGH_INCOMPLETE:
		if (n->probes >= t->conf.neigh_mcast_solicit)
			neigh_fail(t, n);
		else
			solicit(t, n);
		break;
	case TAPIR_NEIGH_PROBE:
		if (n->probes < t->conf.neigh_ucast_solicit) {
			solicit(t, n);
		} else if (t->now_ns - n->used_ns <= conf_ms(t->conf.neigh_base_reachable_ms)) {
			/* R1122-80: it is gone, and somebody wants it. */
			start_round(t, n, TAPIR_NEIGH_INCOMPLETE);
		} else {
			neigh_free(t, n, DROP_NEIGH_FAILED);
		}
		break;
	case TAPIR_NEIGH_REACHABLE:
		if (t->now_ns < n->until_ns)
			timer_set(t, tm, n->until_ns);
		else
			become_stale(t, n);
		break;
	case TAPIR_NEIGH_STALE:
		if (n->delaying)
			start_round(t, n, TAPIR_NEIGH_PROBE);
		else if (t->now_ns < stale_until(t, n))
			timer_set(t, tm, stale_until(t, n));
		else
			neigh_free(t, n, DROP_NEIGH_FAILED); /* R1122-3, R1122-81 */
		break;
	case TAPIR_NEIGH_FAILED:
		if (t->now_ns < stale_until(t, n))
			timer_set(t, tm, stale_until(t, n));
		else
			neigh_free(t, n, DROP_NEIGH_FAILED);
		break;
	case TAPIR_NEIGH_PERMANENT:
		break;
	}
}

/* A word about an address that has no MAC address yet: taken, as RFC 826 says. */
static void learn_first(struct tapir *t, struct neigh *n, const struct tapir_mac *mac,
			enum neigh_word word)
{
	bool waited = n->held.n > 0;

	n->mac = *mac;
	if (word == NEIGH_ANSWER && n->state == TAPIR_NEIGH_INCOMPLETE) {
		become_reachable(t, n);
	} else {
		become_stale(t, n);
		n->fails = 0;
		/* Unasked for: used, but asked about soon. */
		if (waited) {
			n->delaying = true;
			timer_set(t, &n->timer, t->now_ns + NEIGH_DELAY_NS);
		}
	}
	join_class(t->neigh, n, CLASS_USED);
	release_held(t, n);
}

bool neigh_learn(struct tapir *t, struct netif *ifp, uint32_t ip4, const struct tapir_mac *mac,
		 enum neigh_word word)
{
	struct neigh *n = neigh_find(t->neigh, ifp, ip4);

	if (!n) {
		/* R826-3: only who wants something of us is remembered. */
		if (word != NEIGH_ASK)
			return false;
		n = neigh_new(t, ifp, ip4, CLASS_GUEST, TAPIR_NEIGH_STALE);
		if (!n)
			return false;
		n->mac = *mac;
		timer_set(t, &n->timer, stale_until(t, n));
		return true;
	}
	if (!has_mac(n)) {
		learn_first(t, n, mac, word);
		return true;
	}
	if (mac_equal(n->mac.b, mac->b)) {
		/* Only an answer to our own question shows that we can reach it (RFC 4861 7.3.1). */
		if (word == NEIGH_ANSWER && n->state == TAPIR_NEIGH_PROBE)
			become_reachable(t, n);
		return true;
	}
	/* R826-2, AR-01: another MAC address. The old one is asked before anything changes. */
	if (n->state == TAPIR_NEIGH_REACHABLE || n->state == TAPIR_NEIGH_STALE)
		start_round(t, n, TAPIR_NEIGH_PROBE);
	return false;
}

bool neigh_in_use(const struct tapir *t, const struct netif *ifp, uint32_t ip4,
		  const struct tapir_mac *mac)
{
	const struct neigh *n = neigh_find(t->neigh, ifp, ip4);

	return n && (n->class == CLASS_USED || n->class == CLASS_FIXED) &&
	       mac_equal(n->mac.b, mac->b);
}

int neigh_set(struct tapir *t, struct netif *ifp, uint32_t ip4, const struct tapir_mac *mac)
{
	struct neigh_table *nt = t->neigh;
	struct neigh *n = neigh_find(nt, ifp, ip4);

	if (nt->n[CLASS_FIXED] >= (uint32_t)t->conf.neigh_max - 1 &&
	    (!n || n->class != CLASS_FIXED))
		return -ENOSPC;
	if (!n) {
		n = neigh_new(t, ifp, ip4, CLASS_FIXED, TAPIR_NEIGH_PERMANENT);
		if (!n)
			return -ENOMEM;
	}
	n->mac = *mac;
	timer_stop(t, &n->timer);
	set_state(t, n, TAPIR_NEIGH_PERMANENT);
	n->fails = 0;
	join_class(nt, n, CLASS_FIXED);
	release_held(t, n);
	return 0;
}

int neigh_del(struct tapir *t, struct netif *ifp, uint32_t ip4)
{
	struct neigh *n = neigh_find(t->neigh, ifp, ip4);

	if (!n)
		return -ESRCH;
	if (n->state == TAPIR_NEIGH_FAILED || n->fails > 0)
		route_changed(t);
	neigh_free(t, n, DROP_NEIGH_FAILED);
	return 0;
}

int neigh_get(const struct tapir *t, unsigned i, struct tapir_neigh *out)
{
	const struct neigh_table *nt = t->neigh;

	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		struct neigh *n;

		if (i >= nt->n[c]) {
			i -= nt->n[c];
			continue;
		}
		LIST_FOREACH (n, &nt->class[c], struct neigh, link) {
			if (i-- > 0)
				continue;
			*out = (struct tapir_neigh){
				.addr = tapir_addr_v4(n->ip4),
				.mac = n->mac,
				.ifindex = n->ifp->ifindex,
				.state = (enum tapir_neigh_state)n->state,
				.confirmed_ns = n->confirmed_ns,
				.held = n->held.n,
			};
			return 0;
		}
	}
	return -ESRCH;
}

struct arp_limits *neigh_arp_limits(struct tapir *t)
{
	return &t->neigh->arp;
}

void neigh_flush(struct tapir *t, struct netif *ifp)
{
	struct neigh_table *nt = t->neigh;
	struct neigh *n, *next;

	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		LIST_FOREACH_SAFE (n, next, &nt->class[c], struct neigh, link) {
			if (n->ifp == ifp)
				neigh_free(t, n, DROP_TXQ_FLUSH);
		}
	}
	route_changed(t);
}

int neigh_init(struct tapir *t)
{
	struct neigh_table *nt = mem_zalloc(t, sizeof(*nt));
	void *mem = nt ? mem_alloc(t, htab_bytes(FIRST_BUCKETS)) : NULL;

	if (!mem) {
		if (nt)
			mem_free(t, nt, sizeof(*nt));
		return -ENOMEM;
	}
	htab_init(&nt->tab, mem, FIRST_BUCKETS);
	random_bytes(t, &nt->key, sizeof(nt->key));
	random_bytes(t, &nt->arp.key, sizeof(nt->arp.key));
	for (unsigned c = 0; c < CLASS_COUNT; c++)
		list_init(&nt->class[c]);
	t->neigh = nt;
	return 0;
}

void neigh_fini(struct tapir *t)
{
	struct neigh_table *nt = t->neigh;
	uint32_t nb;
	void *old;

	if (!nt)
		return;
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		while (!list_empty(&nt->class[c]))
			neigh_free(t, oldest(nt, (enum neigh_class)c), DROP_TXQ_FLUSH);
	}
	htab_grow_finish(&nt->tab);
	old = htab_retired(&nt->tab, &nb);
	if (old)
		mem_free(t, old, htab_bytes(nb));
	mem_free(t, nt->tab.b, htab_bytes(htab_buckets(&nt->tab)));
	mem_free(t, nt, sizeof(*nt));
	t->neigh = NULL;
}

void neigh_check(struct tapir *t)
{
	struct neigh_table *nt = t->neigh;
	uint64_t bytes = 0;
	uint32_t all = 0;

	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		struct neigh *n;
		uint32_t count = 0;

		LIST_FOREACH (n, &nt->class[c], struct neigh, link) {
			count++;
			bytes += n->held.bytes;
			TAPIR_ASSERT(n->class == c);
			TAPIR_ASSERT((c == CLASS_FIXED) == (n->state == TAPIR_NEIGH_PERMANENT));
			TAPIR_ASSERT((c == CLASS_OPEN) == !has_mac(n));
			TAPIR_ASSERT(n->held.n == 0 || n->state == TAPIR_NEIGH_INCOMPLETE);
			TAPIR_ASSERT(timer_armed(&n->timer) == (c != CLASS_FIXED));
			TAPIR_ASSERT(neigh_find(nt, n->ifp, n->ip4) == n);
		}
		TAPIR_ASSERT(count == nt->n[c]);
		all += count;
	}
	TAPIR_ASSERT(all == neigh_count(nt));
	TAPIR_ASSERT(bytes == nt->held_bytes);
}
