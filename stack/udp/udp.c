/*
 * Datagram sockets: their life, their ports, and who gets a datagram.
 *
 *	udp_state.conns   siphash(laddr, lport, raddr, rport) -> connected sockets
 *	udp_state.ports   siphash(port) -> udp_port -> sockets in the order in which they were bound
 *
 * A unicast datagram is looked for among the connected sockets first, which is one probe however many
 * peers a port has; then among the others on its port. Both hashes have a secret key, and neither's
 * order decides anything: among equals the list of the port does, which is in order of binding.
 *
 * Ephemeral ports (RFC 6056): at random over the whole configured range, a bounded number of times,
 * then the rest of the range in order from a random place, so that a free port is found whenever there
 * is one and the search ends when there is none. A port counts as taken when any socket holds it.
 */
#include <errno.h>

#include "stack/core/random.h"
#include "stack/ip/igmp.h"
#include "stack/udp/udp.h"

enum {
	BUCKETS = 64,	   /* of an empty table */
	RANDOM_TRIES = 16, /* ports tried at random before the walk */
};

static bool is_multicast(uint32_t ip4)
{
	return ip4 >> 28 == 14;
}

static uint32_t port_hash(const struct udp_state *st, bool echo, uint16_t port)
{
	return (uint32_t)siphash_1u64((uint64_t)echo << 16 | port, &st->key);
}

static uint32_t conn_hash(const struct udp_state *st, bool echo, uint32_t laddr, uint16_t lport,
			  uint32_t raddr, uint16_t rport)
{
	return (uint32_t)siphash_3u64((uint64_t)laddr << 32 | raddr, (uint64_t)lport << 16 | rport,
				      echo, &st->key);
}

/* Buckets that a growth has emptied go back. */
static void retire(struct tapir *t, struct htab *h)
{
	uint32_t n = 0;
	void *old = htab_retired(h, &n);

	if (old)
		mem_free(t, old, htab_bytes(n));
}

/* After each insertion and removal: more buckets when they fill up, if there is memory for them. */
static void table_care(struct tapir *t, struct htab *h)
{
	retire(t, h);
	if (htab_should_grow(h) && htab_buckets(h) < 1u << 20) {
		uint32_t more = htab_buckets(h) * 2;
		void *mem = mem_alloc(t, htab_bytes(more));

		if (mem)
			htab_grow_begin(h, mem, more);
	}
}

static int table_init(struct tapir *t, struct htab *h)
{
	void *mem = mem_alloc(t, htab_bytes(BUCKETS));

	if (!mem)
		return -ENOMEM;
	htab_init(h, mem, BUCKETS);
	return 0;
}

static void table_fini(struct tapir *t, struct htab *h)
{
	if (!h->b)
		return;
	htab_grow_finish(h);
	retire(t, h);
	mem_free(t, h->b, htab_bytes(htab_buckets(h)));
}

int udp_init(struct tapir *t)
{
	struct udp_state *st = mem_zalloc(t, sizeof(*st));
	uint8_t key[16];
	int err;

	t->udp = st;
	if (!st)
		return -ENOMEM;
	random_bytes(t, key, sizeof(key));
	st->key = siphash_key_from_bytes(key);
	list_init(&st->all);
	list_init(&st->want);
	err = table_init(t, &st->ports);
	return err ? err : table_init(t, &st->conns);
}

void udp_fini(struct tapir *t)
{
	struct udp_state *st = t->udp;

	if (!st)
		return;
	while (!list_empty(&st->all))
		udp_close(t, LIST_FIRST(&st->all, struct udp_sock, all));
	table_fini(t, &st->ports);
	table_fini(t, &st->conns);
	mem_free(t, st, sizeof(*st));
	t->udp = NULL;
}

struct udp_sock *udp_open(struct tapir *t, bool echo)
{
	struct udp_sock *u = mem_zalloc(t, sizeof(*u));

	if (!u)
		return NULL;
	list_init(&u->port_link);
	list_init(&u->want);
	list_init(&u->members);
	ready_init(&u->rdy, 0);
	u->flags = UDP_MCAST_LOOP | (echo ? UDP_ECHO : 0);
	u->mcast_ttl = 1; /* RFC 1112 6.1 */
	u->pmtudisc = t->conf.ip_no_pmtu_disc ? TAPIR_PMTUDISC_DONT : TAPIR_PMTUDISC_WANT;
	u->rcvbuf = (uint32_t)t->conf.rmem_default;
	u->sndbuf = (uint32_t)t->conf.wmem_default;
	pktq_init(&u->rxq);
	list_add_tail(&t->udp->all, &u->all);
	return u;
}

/* ---- ports ---- */

struct udp_port *udp_port_find(struct tapir *t, bool echo, uint16_t port)
{
	struct hnode *n = htab_first(&t->udp->ports, port_hash(t->udp, echo, port));

	for (; n; n = htab_next(n)) {
		struct udp_port *p = container_of(n, struct udp_port, node);

		if (p->port == port && p->echo == echo)
			return p;
	}
	return NULL;
}

/* u, bound to nothing yet, hangs at that port. */
static int port_hold(struct tapir *t, struct udp_sock *u, uint16_t port)
{
	bool echo = u->flags & UDP_ECHO;
	struct udp_port *p = udp_port_find(t, echo, port);

	if (!p) {
		p = mem_zalloc(t, sizeof(*p));
		if (!p)
			return -ENOMEM;
		p->port = port;
		p->echo = echo;
		list_init(&p->socks);
		htab_insert(&t->udp->ports, &p->node, port_hash(t->udp, echo, port));
		table_care(t, &t->udp->ports);
	}
	list_add_tail(&p->socks, &u->port_link);
	p->n++;
	u->port = p;
	u->lport = port;
	u->flags |= UDP_BOUND;
	return 0;
}

static void port_release(struct tapir *t, struct udp_sock *u)
{
	struct udp_port *p = u->port;

	if (!p)
		return;
	list_del(&u->port_link);
	u->port = NULL;
	u->flags &= (uint16_t)~UDP_BOUND;
	if (--p->n == 0) {
		htab_remove(&t->udp->ports, &p->node);
		table_care(t, &t->udp->ports);
		mem_free(t, p, sizeof(*p));
	}
}

/* Whether u may not share its port with what is there: Linux's rule for UDP. */
static bool conflicts(const struct udp_port *p, const struct udp_sock *u, uint32_t laddr,
		      uint16_t ifindex)
{
	const struct udp_sock *v;

	LIST_FOREACH (v, &p->socks, struct udp_sock, port_link) {
		uint16_t both = u->flags & v->flags;

		if (v == u || (both & (UDP_REUSEADDR | UDP_REUSEPORT)))
			continue;
		if ((laddr == 0 || v->laddr == 0 || laddr == v->laddr) &&
		    (ifindex == 0 || v->ifindex == 0 || ifindex == v->ifindex))
			return true;
	}
	return false;
}

int udp_autobind(struct tapir *t, struct udp_sock *u)
{
	bool echo = u->flags & UDP_ECHO;
	uint32_t lo = (uint32_t)t->conf.ip_local_port_min;
	uint32_t range = (uint32_t)t->conf.ip_local_port_max - lo + 1;
	uint32_t start;

	if (u->flags & UDP_BOUND)
		return 0;
	/* An id is a number like another: all but zero. */
	if (echo) {
		lo = 1;
		range = UINT16_MAX;
	}
	/* R6056-1, R6056-2: anywhere in a wide range, by the secret generator. */
	for (unsigned i = 0; i < RANDOM_TRIES; i++) {
		uint16_t port = (uint16_t)(lo + random_below(t, range));

		if (!udp_port_find(t, echo, port))
			return port_hold(t, u, port);
	}
	/* R6056-3: the search ends, and says so when nothing is left. */
	start = random_below(t, range);
	for (uint32_t i = 0; i < range; i++) {
		uint16_t port = (uint16_t)(lo + (start + i) % range);

		if (!udp_port_find(t, echo, port))
			return port_hold(t, u, port);
	}
	STAT_INC(t, Tapir, EphemeralPortsFull);
	return -EADDRNOTAVAIL;
}

bool udp_is_group_or_broadcast(const struct tapir *t, uint32_t ip4)
{
	if (is_multicast(ip4))
		return true;
	for (int i = 1; ip4 && i <= NETIF_MAX; i++) {
		if (t->netif[i] && netif_is_broadcast(t->netif[i], ip4))
			return true;
	}
	return false;
}

int udp_bind(struct tapir *t, struct udp_sock *u, const struct tapir_sockaddr *sa)
{
	uint32_t ip4 = tapir_addr_to_v4(&sa->addr);
	uint16_t ifindex = sa->ifindex ? sa->ifindex : u->ifindex;
	struct udp_port *p;
	int err;

	if (u->flags & UDP_BOUND)
		return -EINVAL;
	/* R1122-109: one of our addresses, or a wildcard; or who else may be meant. */
	if (ip4 && !netif_by_addr(t, ip4) && !udp_is_group_or_broadcast(t, ip4))
		return -EADDRNOTAVAIL;
	if (sa->port == 0) {
		err = udp_autobind(t, u);
	} else {
		p = udp_port_find(t, u->flags & UDP_ECHO, sa->port);
		if (p && conflicts(p, u, ip4, ifindex))
			return -EADDRINUSE;
		err = port_hold(t, u, sa->port);
	}
	if (err)
		return err;
	u->laddr = ip4;
	u->ifindex = ifindex;
	if (ip4 != 0)
		u->flags |= UDP_SRC_GIVEN;
	return 0;
}

int udp_bind_device(struct tapir *t, struct udp_sock *u, int ifindex)
{
	(void)t;
	u->ifindex = (uint16_t)ifindex;
	u->rt = (struct route){0};
	return 0;
}

/* ---- peers ---- */

static void disconnect(struct tapir *t, struct udp_sock *u)
{
	if (!(u->flags & UDP_CONNECTED))
		return;
	htab_remove(&t->udp->conns, &u->node);
	table_care(t, &t->udp->conns);
	u->flags &= (uint16_t)~UDP_CONNECTED;
	u->raddr = 0;
	u->rport = 0;
	u->sent_max = 0;
	u->rt = (struct route){0};
	if (!(u->flags & UDP_SRC_GIVEN))
		u->laddr = 0;
}

int udp_connect(struct tapir *t, struct udp_sock *u, const struct tapir_sockaddr *sa)
{
	uint32_t dst = tapir_addr_to_v4(&sa->addr), src;
	bool echo = u->flags & UDP_ECHO;
	int ifindex = sa->ifindex ? sa->ifindex : u->ifindex, err;
	struct route rt;

	if (dst == 0 && sa->port == 0) {
		disconnect(t, u);
		return 0;
	}
	if (dst == 0 || (sa->port == 0 && !echo))
		return -EINVAL;
	/* One that connected before gives its source up again, unless it was given by hand. */
	src = u->flags & UDP_SRC_GIVEN ? u->laddr : 0;
	if (is_multicast(dst) && ifindex == 0)
		ifindex = u->mcast_ifindex;
	if (udp_is_group_or_broadcast(t, src))
		src = 0;
	err = route_lookup(t, dst, src, ifindex, &rt);
	if (err)
		return err;
	if (rt.kind == RX_BROADCAST && !(u->flags & UDP_BROADCAST))
		return -EACCES;
	err = udp_autobind(t, u);
	if (err)
		return err;
	disconnect(t, u);
	u->sent_max = 0;
	u->raddr = dst;
	u->rport = echo ? 0 : sa->port;
	if (u->laddr == 0)
		u->laddr = rt.src;
	u->rt = rt;
	u->flags |= UDP_CONNECTED;
	htab_insert(&t->udp->conns, &u->node,
		    conn_hash(t->udp, echo, u->laddr, u->lport, u->raddr, u->rport));
	table_care(t, &t->udp->conns);
	return 0;
}

int udp_shutdown(struct tapir *t, struct udp_sock *u, int how)
{
	if (!(u->flags & UDP_CONNECTED))
		return -ENOTCONN;
	if (how != TAPIR_SHUT_WR)
		u->flags |= UDP_SHUT_RD;
	if (how != TAPIR_SHUT_RD)
		u->flags |= UDP_SHUT_WR;
	ready_mark(t, &u->rdy, (uint32_t)udp_poll(t, u));
	return 0;
}

void udp_close(struct tapir *t, struct udp_sock *u)
{
	ready_end(&u->rdy);
	while (!list_empty(&u->members)) {
		struct udp_member *m = LIST_FIRST(&u->members, struct udp_member, link);

		udp_leave(t, u, m->group, m->ifindex);
	}
	disconnect(t, u);
	port_release(t, u);
	list_del(&u->want);
	list_del(&u->all);
	pktq_flush(&u->rxq, DROP_SOCK_CLOSED);
	pkt_charge_end(t, u->tx);
	mem_free(t, u, sizeof(*u));
}

/* R1122-110: once connected, local is what will be sent from. */
void udp_names(const struct udp_sock *u, struct tapir_sockaddr *local, struct tapir_sockaddr *peer)
{
	*local = (struct tapir_sockaddr){tapir_addr_v4(u->laddr), u->lport, u->ifindex};
	*peer = (struct tapir_sockaddr){tapir_addr_v4(u->raddr), u->rport, 0};
}

void udp_queues(const struct udp_sock *u, uint32_t *recv_q, uint32_t *send_q)
{
	*recv_q = u->rxq.bytes;
	*send_q = u->tx ? u->tx->bytes : 0;
}

void udp_set_err(struct tapir *t, struct udp_sock *u, int err)
{
	u->err = err;
	ready_mark(t, &u->rdy, TAPIR_ERR);
}

int udp_poll(const struct tapir *t, const struct udp_sock *u)
{
	int bits = 0;

	if (u->rxq.n > 0 || (u->flags & UDP_SHUT_RD))
		bits |= TAPIR_IN;
	if (u->flags & UDP_SHUT_RD)
		bits |= TAPIR_RDHUP;
	if ((u->flags & UDP_SHUT_RD) && (u->flags & UDP_SHUT_WR))
		bits |= TAPIR_HUP;
	if (u->err)
		bits |= TAPIR_ERR;
	if (udp_writable(t, u))
		bits |= TAPIR_OUT;
	return bits;
}

/* ---- who gets it ---- */

/* D5452-1, D5452-2: a connected socket has what comes from its peer's address and port to its own, and nothing else. */
static struct udp_sock *lookup_conn(struct tapir *t, bool echo, uint32_t src, uint16_t sport,
				    uint32_t dst, uint16_t dport, int ifindex)
{
	struct hnode *n =
		htab_first(&t->udp->conns, conn_hash(t->udp, echo, dst, dport, src, sport));
	const struct udp_port *p = NULL;
	struct udp_sock *found = NULL, *u;
	unsigned many = 0;

	for (; n; n = htab_next(n)) {
		u = container_of(n, struct udp_sock, node);
		if (u->raddr == src && u->rport == sport && u->laddr == dst && u->lport == dport &&
		    !(u->flags & UDP_ECHO) == !echo && (!u->ifindex || u->ifindex == ifindex)) {
			found = u;
			p = u->port;
			many++;
		}
	}
	if (many < 2)
		return found;
	/* The same tuple more than once (SO_REUSEADDR): the one that was bound last. */
	LIST_FOREACH (u, &p->socks, struct udp_sock, port_link) {
		if ((u->flags & UDP_CONNECTED) && u->raddr == src && u->rport == sport &&
		    u->laddr == dst && (!u->ifindex || u->ifindex == ifindex))
			found = u;
	}
	return found;
}

/* How well an unconnected socket fits; -1: not at all. */
static int score(const struct udp_sock *u, uint32_t dst, int ifindex)
{
	int s = 0;

	if ((u->flags & UDP_CONNECTED) || (u->laddr && u->laddr != dst) ||
	    (u->ifindex && u->ifindex != ifindex))
		return -1;
	if (u->laddr)
		s += 2;
	if (u->ifindex)
		s += 1;
	return s;
}

struct udp_sock *udp_lookup(struct tapir *t, bool echo, uint32_t src, uint16_t sport, uint32_t dst,
			    uint16_t dport, int ifindex)
{
	struct udp_port *p = udp_port_find(t, echo, dport);
	struct udp_sock *best = NULL, *u;
	uint32_t turns = 0, turn;
	int top = -1;

	if (!p)
		return NULL;
	best = lookup_conn(t, echo, src, sport, dst, dport, ifindex);
	if (best)
		return best;
	LIST_FOREACH (u, &p->socks, struct udp_sock, port_link) {
		int s = score(u, dst, ifindex);

		if (s < 0 || s < top)
			continue;
		turns = s > top ? 1 : turns + 1;
		top = s;
		best = u;
	}
	if (turns < 2 || !(best->flags & UDP_REUSEPORT))
		return best;
	/* A group shares the load: the same peer always meets the same socket. */
	turn = conn_hash(t->udp, echo, dst, dport, src, sport) % turns;
	LIST_FOREACH (u, &p->socks, struct udp_sock, port_link) {
		if (score(u, dst, ifindex) == top && turn-- == 0)
			return u;
	}
	return best;
}

/* ---- groups ---- */

static struct udp_member *member(const struct udp_sock *u, uint32_t group, int ifindex)
{
	struct udp_member *m;

	LIST_FOREACH (m, &u->members, struct udp_member, link) {
		if (m->group == group && (ifindex == 0 || m->ifindex == ifindex))
			return m;
	}
	return NULL;
}

int udp_join(struct tapir *t, struct udp_sock *u, uint32_t group, int ifindex)
{
	struct udp_member *m;
	struct netif *ifp;
	int err;

	if (!is_multicast(group))
		return -EINVAL;
	if (ifindex == 0) {
		struct route rt;

		/* Without an interface, the one that the route to the group takes. */
		err = route_lookup(t, group, 0, u->ifindex, &rt);
		if (err)
			return -ENODEV;
		ifindex = rt.ifindex;
	}
	ifp = netif_get(t, ifindex);
	if (!ifp)
		return -ENODEV;
	if (member(u, group, ifindex))
		return -EADDRINUSE;
	if (u->nmember >= t->conf.igmp_max_memberships)
		return -ENOBUFS;
	m = mem_alloc(t, sizeof(*m));
	if (!m)
		return -ENOMEM;
	err = igmp_join(t, ifp, group);
	if (err < 0) {
		mem_free(t, m, sizeof(*m));
		return err;
	}
	m->group = group;
	m->ifindex = ifindex;
	list_add_tail(&u->members, &m->link);
	u->nmember++;
	return 0;
}

int udp_leave(struct tapir *t, struct udp_sock *u, uint32_t group, int ifindex)
{
	struct udp_member *m = member(u, group, ifindex);
	struct netif *ifp;

	if (!m)
		return -EADDRNOTAVAIL;
	ifp = netif_get(t, m->ifindex);
	list_del(&m->link);
	u->nmember--;
	mem_free(t, m, sizeof(*m));
	if (ifp)
		igmp_leave(t, ifp, group);
	return 0;
}

/* ---- what goes ---- */

void udp_addr_gone(struct tapir *t, uint32_t ip4)
{
	struct udp_sock *u;

	LIST_FOREACH (u, &t->udp->all, struct udp_sock, all) {
		if (u->laddr == ip4)
			udp_set_err(t, u, ECONNABORTED);
	}
}

void udp_if_gone(struct tapir *t, struct netif *ifp)
{
	struct udp_member *m, *next;
	struct udp_sock *u;

	LIST_FOREACH (u, &t->udp->all, struct udp_sock, all) {
		LIST_FOREACH_SAFE (m, next, &u->members, struct udp_member, link) {
			if (m->ifindex != ifp->ifindex)
				continue;
			igmp_leave(t, ifp, m->group);
			list_del(&m->link);
			u->nmember--;
			mem_free(t, m, sizeof(*m));
		}
		if (u->mcast_ifindex == ifp->ifindex)
			u->mcast_ifindex = 0;
		/* The number may be given to another interface: this socket is not for that one. */
		if (u->ifindex == ifp->ifindex) {
			u->ifindex = UINT16_MAX;
			udp_set_err(t, u, ENODEV);
		}
	}
}

static void check_sock(struct tapir *t, const struct udp_sock *u)
{
	uint32_t charged = 0;
	uint32_t members = 0;
	struct list *l;

	for (const struct pkt *p = u->rxq.head; p; p = p->next)
		charged += pkt_truesize(p);
	for (l = u->members.next; l != &u->members; l = l->next)
		members++;
	TAPIR_ASSERT(charged == u->rx_charged && members == u->nmember);
	TAPIR_ASSERT((u->port != NULL) == ((u->flags & UDP_BOUND) != 0));
	TAPIR_ASSERT(!u->port || (u->port->port == u->lport &&
				  u->port == udp_port_find(t, u->flags & UDP_ECHO, u->lport)));
	TAPIR_ASSERT(!(u->flags & UDP_CONNECTED) || ((u->flags & UDP_BOUND) && u->raddr));
	TAPIR_ASSERT(list_linked(&u->want) == ((u->flags & UDP_WANT_OUT) != 0));
}

void udp_check(struct tapir *t)
{
	const struct udp_state *st = t->udp;
	uint32_t bound = 0, connected = 0, on_ports = 0;
	struct htab_iter it = {0};
	const struct udp_sock *u;
	struct hnode *n;

	LIST_FOREACH (u, &st->all, struct udp_sock, all) {
		check_sock(t, u);
		bound += (u->flags & UDP_BOUND) != 0;
		connected += (u->flags & UDP_CONNECTED) != 0;
	}
	while ((n = htab_walk(&st->ports, &it))) {
		const struct udp_port *p = container_of(n, struct udp_port, node);

		TAPIR_ASSERT(p->n > 0 && p->n == list_count(&p->socks));
		on_ports += p->n;
	}
	TAPIR_ASSERT(bound == on_ports && connected == st->conns.n);
}
