/*
 * ARP over Ethernet (RFC 826), and the detection of address conflicts (RFC 5227).
 *
 * A packet is read in this order: its form (types and lengths, before any field is used); whether its
 * sender can be a station at all, and is the one that the frame names; whether it claims an address of
 * ours, which is a conflict and teaches nothing; what the neighbour cache learns of it (neigh.c argues
 * what may be believed); and only then whether it asks something of us.
 *
 *	sender address   target address   opcode    what it is
 *	0                X                request   a probe: X will be taken if nobody objects
 *	X                X                request   an announcement of X
 *	A                ours             request   a question: answered, A is learnt as a guest
 *	A                ours             reply     an answer
 *	anything else                               a claim: refreshes what is known, or makes us ask
 *
 * A frame whose source differs from the sender in the ARP packet is dropped (AR-07): no station that
 * we know of needs it, and a port filter of a switch sees only the frame's.
 *
 * Our own addresses go through these phases; the first two only when net.tapir.arp_probe is set:
 *
 *	WAIT 0..1 s -> PROBE 3 times, 1..2 s apart -> 2 s of silence -> ANNOUNCE twice, 2 s apart -> QUIET
 *	   a conflict until here: again after 10 s, after ten conflicts after 60 s
 *
 * Without probing an address is announced the moment that it is added, so that the link's caches are
 * right before the first packet. A later conflict is met as net.tapir.arp_defend says: by one
 * announcement in 10 s at most, so that two stations that both defend don't flood the link.
 */
#include "stack/base/assert.h"
#include "stack/base/siphash.h"
#include "stack/core/emit.h"
#include "stack/core/limit.h"
#include "stack/core/random.h"
#include "stack/link/arp.h"
#include "stack/link/ether.h"
#include "stack/link/neigh.h"
#include "stack/wire/arp.h"
#include "stack/wire/bytes.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* RFC 5227 1.1. */
#define PROBE_WAIT_MS	       1000
#define PROBE_NUM	       3
#define PROBE_MIN_MS	       1000
#define PROBE_MAX_MS	       2000
#define ANNOUNCE_WAIT_NS       (2 * NS_PER_S)
#define ANNOUNCE_INTERVAL_NS   (2 * NS_PER_S)
#define MAX_CONFLICTS	       10
#define RATE_LIMIT_INTERVAL_NS (60 * NS_PER_S)
#define DEFEND_INTERVAL_NS     (10 * NS_PER_S)
/* Ours: before an address is probed again that was in use. */
#define RETRY_NS (10 * NS_PER_S)

enum arp_phase { PHASE_QUIET, PHASE_PROBE, PHASE_SILENCE, PHASE_ANNOUNCE, PHASE_RETRY, PHASE_LOST };

static void arp_send(struct tapir *t, struct netif *ifp, const struct arp_pkt *a,
		     const struct tapir_mac *dst)
{
	struct pkt *p = pkt_alloc_reserve(t);

	if (!p) {
		STAT_INC(t, Tapir, NoMemory);
		return;
	}
	arp_encode(pkt_put(p, ARP_LEN), a);
	ether_send(ifp, p, dst, ETH_TYPE_ARP);
}

static void arp_ask(struct tapir *t, struct netif *ifp, uint32_t spa, uint32_t tpa,
		    const struct tapir_mac *mac)
{
	struct arp_pkt a = {.op = ARP_OP_REQUEST, .spa = spa, .tpa = tpa};
	struct tapir_mac dst;

	/* R826-5, R5227-1: the target's MAC address is zero when it is what we ask for. */
	mac_copy(a.sha, ifp->conf.mac.b);
	if (mac) {
		dst = *mac;
		mac_copy(a.tha, mac->b);
	} else {
		mac_set_broadcast(dst.b);
	}
	STAT_INC(t, Tapir, ArpOutRequests);
	arp_send(t, ifp, &a, &dst);
}

void arp_request(struct tapir *t, struct netif *ifp, uint32_t ip4, const struct tapir_mac *mac)
{
	uint32_t src = netif_source_for(ifp, ip4);

	/* Without an address there is nobody to answer to; RFC 5227's probes are another matter. */
	if (src != 0)
		arp_ask(t, ifp, src, ip4, mac);
}

/*
 * Answers to one station, and to all, are bounded (AR-03): 100,000 questions a second are not worth as
 * many answers. Stations share the words of an array by keyed hash: so many that a storm of forged stations
 * does not use up what is an honest one's. The common bound does not concern those whom we talk to.
 */
static bool reply_allowed(struct tapir *t, const struct netif *ifp, const struct arp_pkt *q)
{
	uint64_t all = (uint64_t)t->conf.arp_reply_rate;
	uint64_t one = (uint64_t)t->conf.arp_reply_rate_host;
	uint64_t who = (uint64_t)get_be16(q->sha) << 32 | get_be32(q->sha + 2);
	struct arp_limits *l = neigh_arp_limits(t);
	uint32_t slot = (uint32_t)siphash_1u64(who, &l->key) % ARP_LIMIT_SLOTS;
	struct tapir_mac mac;

	if (!limit_take(&l->host_full_ns[slot], t->now_ns, one, one, 1))
		return false;
	mac_copy(mac.b, q->sha);
	return neigh_in_use(t, ifp, q->spa, &mac) ||
	       limit_take(&l->all_full_ns, t->now_ns, all, all, 1);
}

static void arp_reply(struct tapir *t, struct netif *ifp, const struct arp_pkt *q)
{
	struct arp_pkt a = {.op = ARP_OP_REPLY, .spa = q->tpa, .tpa = q->spa};
	struct tapir_mac dst;

	/* R826-4: the fields swapped; R5227-10: to the asker alone. */
	mac_copy(a.sha, ifp->conf.mac.b);
	mac_copy(a.tha, q->sha);
	mac_copy(dst.b, q->sha);
	STAT_INC(t, Tapir, ArpOutReplies);
	arp_send(t, ifp, &a, &dst);
}

/* Whether a station can have this address: RFC 1122 3.2.1.3, and not a broadcast of the link. */
static bool host_address(const struct netif *ifp, uint32_t ip4)
{
	return ip4 >> 24 != 0 && ip4 >> 24 != 127 && ip4 >> 28 < 14 &&
	       !netif_is_broadcast(ifp, ip4);
}

static bool on_link(const struct netif *ifp, uint32_t ip4)
{
	for (unsigned i = 0; i < ifp->naddr; i++) {
		const struct ifaddr *a = ifp->addr[i];

		if (((a->ip4 ^ ip4) & prefix_mask(a->prefix_len)) == 0)
			return true;
	}
	return false;
}

static void announce(struct tapir *t, struct ifaddr *a)
{
	arp_ask(t, a->ifp, a->ip4, a->ip4, NULL);
}

/* The address is ours: say so, and again. The first goes out at once. */
static void announce_start(struct tapir *t, struct ifaddr *a)
{
	if (a->state != TAPIR_ADDR_VALID) {
		a->state = TAPIR_ADDR_VALID;
		route_changed(t);
	}
	a->arp_phase = PHASE_QUIET;
	a->arp_left = (uint8_t)t->conf.arp_announce_num;
	if (a->arp_left == 0)
		return;
	/* R5227-6 */
	announce(t, a);
	if (--a->arp_left > 0) {
		a->arp_phase = PHASE_ANNOUNCE;
		timer_set(t, &a->arp_timer, t->now_ns + ANNOUNCE_INTERVAL_NS);
	}
}

static void probe_start(struct tapir *t, struct ifaddr *a)
{
	a->state = TAPIR_ADDR_TENTATIVE;
	a->arp_phase = PHASE_PROBE;
	a->arp_left = PROBE_NUM;
	timer_set(t, &a->arp_timer, t->now_ns + random_below(t, PROBE_WAIT_MS + 1) * NS_PER_MS);
}

void arp_addr_start(struct tapir *t, struct ifaddr *a)
{
	if (a->ifp->conf.type != TAPIR_NETIF_ETHER) {
		a->state = TAPIR_ADDR_VALID;
		return;
	}
	timer_stop(t, &a->arp_timer);
	a->defended_ns = 0;
	a->conflicts = 0;
	if (t->conf.arp_probe) {
		/* R5227-2: before the first use, also after the link was down; never later. */
		a->state = TAPIR_ADDR_TENTATIVE;
		a->arp_phase = PHASE_QUIET;
		route_changed(t);
		if (a->ifp->up)
			probe_start(t, a);
	} else if (a->ifp->up) {
		announce_start(t, a);
	}
}

void arp_addr_stop(struct tapir *t, struct ifaddr *a)
{
	timer_stop(t, &a->arp_timer);
	a->arp_phase = PHASE_QUIET;
}

/* Somebody has the address that we wanted to take. */
static void probe_conflict(struct tapir *t, struct ifaddr *a)
{
	if (a->conflicts < UINT8_MAX)
		a->conflicts++;
	a->state = TAPIR_ADDR_CONFLICT;
	a->arp_phase = PHASE_RETRY;
	/* R5227-3, R5227-5 */
	timer_set(t, &a->arp_timer,
		  t->now_ns + (a->conflicts >= MAX_CONFLICTS ? RATE_LIMIT_INTERVAL_NS : RETRY_NS));
}

static void give_up(struct tapir *t, struct ifaddr *a)
{
	a->state = TAPIR_ADDR_CONFLICT;
	route_changed(t);
	/* R5227-8: at the next step of time tapir_advance() is told, and resets its connections. */
	a->arp_phase = PHASE_LOST;
	timer_set(t, &a->arp_timer, t->now_ns);
}

/* R5227-7: an address in use is claimed by another station. */
static void defend(struct tapir *t, struct ifaddr *a)
{
	bool lately = a->defended_ns != 0 && t->now_ns - a->defended_ns < DEFEND_INTERVAL_NS;

	if (t->conf.arp_defend == 0 || (t->conf.arp_defend == 1 && lately)) {
		give_up(t, a);
		return;
	}
	if (lately)
		return;
	a->defended_ns = max_u64(t->now_ns, 1);
	STAT_INC(t, Tapir, ArpDefences);
	announce(t, a);
}

static void conflict(struct tapir *t, struct ifaddr *a, const struct arp_pkt *q)
{
	STAT_INC(t, Tapir, ArpConflicts);
	if (emit_wanted(t)) {
		struct tapir_event ev = emit_begin(t, TAPIR_EV_ADDR_CONFLICT, "RFC 5227 2.4");

		ev.ifindex = a->ifp->ifindex;
		ev.local.addr = tapir_addr_v4(a->ip4);
		ev.u.num.a = (uint64_t)get_be16(q->sha) << 32 | get_be32(q->sha + 2);
		ev.u.num.b = a->state;
		emit(t, &ev);
	}
	switch ((enum tapir_addr_state)a->state) {
	case TAPIR_ADDR_TENTATIVE:
		probe_conflict(t, a);
		break;
	case TAPIR_ADDR_VALID:
		defend(t, a);
		break;
	case TAPIR_ADDR_CONFLICT:
		break;
	}
}

static enum verdict lose(struct rx *rx, enum drop_reason reason)
{
	rx->ifp->rx_drops++;
	pkt_drop(rx->pkt, reason);
	return V_DONE;
}

/* A probe (RFC 5227 1.1): somebody wants to know whether an address is free. */
static enum verdict input_probe(struct tapir *t, struct rx *rx, const struct arp_pkt *q)
{
	struct ifaddr *a = netif_addr_find(rx->ifp, q->tpa, true);

	if (q->op != ARP_OP_REQUEST)
		return lose(rx, DROP_ARP_SENDER);
	if (!a)
		return lose(rx, DROP_ARP_NOT_OURS);
	if (a->state == TAPIR_ADDR_TENTATIVE) {
		/* R5227-4: the same address, wanted at the same time. */
		conflict(t, a, q);
		return lose(rx, DROP_ARP_CONFLICT);
	}
	if (a->state != TAPIR_ADDR_VALID)
		return lose(rx, DROP_ARP_NOT_OURS);
	if (!reply_allowed(t, rx->ifp, q))
		return lose(rx, DROP_ARP_RATE);
	arp_reply(t, rx->ifp, q);
	pkt_free(rx->pkt);
	return V_DONE;
}

static enum verdict input_request(struct tapir *t, struct rx *rx, const struct arp_pkt *q)
{
	struct tapir_mac mac;

	mac_copy(mac.b, q->sha);
	if (!netif_addr_find(rx->ifp, q->tpa, false)) {
		/* R826-2: it may still refresh what we know of the sender. */
		neigh_learn(t, rx->ifp, q->spa, &mac, NEIGH_CLAIM);
		return lose(rx, DROP_ARP_NOT_OURS);
	}
	if (!reply_allowed(t, rx->ifp, q))
		return lose(rx, DROP_ARP_RATE);
	/* R826-3: it asks for us, so it will be talked to: a `ping` to a cold stack succeeds. */
	if (on_link(rx->ifp, q->spa))
		neigh_learn(t, rx->ifp, q->spa, &mac, NEIGH_ASK);
	arp_reply(t, rx->ifp, q); /* R5227-9 */
	pkt_free(rx->pkt);
	return V_DONE;
}

static enum verdict input_reply(struct tapir *t, struct rx *rx, const struct arp_pkt *q)
{
	/* Only what came to us alone, about a question of ours, is an answer. */
	bool to_us = !(rx->pkt->flags & (PKT_L2_BROADCAST | PKT_L2_MULTICAST)) &&
		     mac_equal(q->tha, rx->ifp->conf.mac.b) &&
		     netif_addr_find(rx->ifp, q->tpa, false);
	struct tapir_mac mac;

	STAT_INC(t, Tapir, ArpInReplies);
	mac_copy(mac.b, q->sha);
	if (!neigh_learn(t, rx->ifp, q->spa, &mac, to_us ? NEIGH_ANSWER : NEIGH_CLAIM))
		return lose(rx, DROP_ARP_UNSOLICITED);
	pkt_free(rx->pkt);
	return V_DONE;
}

enum verdict arp_input(struct tapir *t, struct rx *rx)
{
	struct arp_pkt q;
	struct ifaddr *own;
	int n = arp_decode(rx->pkt->data, rx->pkt->len, &q);

	/*
	 * R826-1, R826-7: nothing of a packet with other types or lengths is looked at, so that no length
	 * in it is ever used as one (R20-19, FR-10, CL-34).
	 */
	if (n == WIRE_ESHORT)
		return lose(rx, DROP_ARP_SHORT);
	if (n < 0)
		return lose(rx, DROP_ARP_FORMAT);
	/* R826-6, AR-08: RARP, InARP and what else there is mean nothing to us. */
	if (q.op != ARP_OP_REQUEST && q.op != ARP_OP_REPLY)
		return lose(rx, DROP_ARP_OP);
	/* AR-04 */
	if (!mac_is_unicast(q.sha))
		return lose(rx, DROP_ARP_SENDER);
	if (!mac_equal(q.sha, rx->eth.src))
		return lose(rx, DROP_ARP_MAC_MISMATCH);
	if (q.op == ARP_OP_REQUEST)
		STAT_INC(t, Tapir, ArpInRequests);
	if (q.spa == 0)
		return input_probe(t, rx, &q);
	/* AR-05 */
	own = netif_addr_find(rx->ifp, q.spa, true);
	if (own) {
		conflict(t, own, &q);
		return lose(rx, DROP_ARP_CONFLICT);
	}
	if (!host_address(rx->ifp, q.spa))
		return lose(rx, DROP_ARP_SENDER);
	return q.op == ARP_OP_REQUEST ? input_request(t, rx, &q) : input_reply(t, rx, &q);
}

bool arp_timer(struct tapir *t, struct timer *tm)
{
	struct ifaddr *a = container_of(tm, struct ifaddr, arp_timer);

	switch ((enum arp_phase)a->arp_phase) {
	case PHASE_QUIET:
		break;
	case PHASE_PROBE:
		if (!a->ifp->up)
			break;
		/* R5227-1 */
		arp_ask(t, a->ifp, 0, a->ip4, NULL);
		if (--a->arp_left > 0) {
			timer_set(t, tm,
				  t->now_ns + (PROBE_MIN_MS +
					       random_below(t, PROBE_MAX_MS - PROBE_MIN_MS + 1)) *
						      NS_PER_MS);
		} else {
			a->arp_phase = PHASE_SILENCE;
			timer_set(t, tm, t->now_ns + ANNOUNCE_WAIT_NS);
		}
		break;
	case PHASE_SILENCE:
		announce_start(t, a);
		break;
	case PHASE_ANNOUNCE:
		announce(t, a);
		if (--a->arp_left > 0)
			timer_set(t, tm, t->now_ns + ANNOUNCE_INTERVAL_NS);
		else
			a->arp_phase = PHASE_QUIET;
		break;
	case PHASE_RETRY:
		probe_start(t, a);
		break;
	case PHASE_LOST:
		a->arp_phase = PHASE_QUIET;
		return true;
	}
	return false;
}
