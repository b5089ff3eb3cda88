/*
 * Datagrams in: to their socket's queue, and errors about those that we sent.
 *
 * A queued datagram is the packet it came in, its data at the payload and struct udp_meta in the bytes
 * below, where headers were that are decoded by now. What it is charged with is the memory it holds,
 * not the bytes it carries, so that a flood of tiny ones is bounded too; one that holds much more than
 * it carries is copied to a packet of its size first.
 */
#include <errno.h>
#include <string.h>

#include "stack/ip/icmp.h"
#include "stack/ip/igmp.h"
#include "stack/ip/pmtu.h"
#include "stack/udp/udp.h"
#include "stack/wire/icmp.h"
#include "stack/wire/udp.h"

enum {
	COPIES_MAX = 64,	 /* sockets that one broadcast or multicast reaches */
	COPY_BREAK_WASTE = 2048, /* bytes held in vain that are worth a copy */
};

/* A packet of p's bytes and just enough room; p itself when that can't be had. */
static struct pkt *compact(struct pkt *p)
{
	struct pkt *c = pkt_alloc(p->t, sizeof(struct udp_meta), p->len);

	if (!c)
		return p;
	c->ifindex = p->ifindex;
	c->time_ns = p->time_ns;
	memcpy(pkt_put(c, p->len), p->data, p->len);
	pkt_free(p);
	return c;
}

/* p (data at the payload) joins u's queue, or is dropped. */
static void enqueue(struct tapir *t, struct udp_sock *u, struct pkt *p, const struct udp_meta *meta)
{
	/* DN-05: who refuses fragments can't be made to join a stranger's to one that it asked for. */
	if ((u->flags & UDP_NOFRAG) && (p->flags & PKT_REASSEMBLED)) {
		STAT_INC(t, Udp, InErrors);
		pkt_drop(p, DROP_UDP_FRAG);
		return;
	}
	if (p->cap > p->len + sizeof(*meta) + COPY_BREAK_WASTE || pkt_headroom(p) < sizeof(*meta))
		p = compact(p);
	/*
	 * UD-02: bounded by memory held, so that empty datagrams (R768-4, UD-04) are too. A queue that is
	 * not full takes one more, whatever its size: else none would fit a small one.
	 */
	if (u->rx_charged >= u->rcvbuf || pkt_headroom(p) < sizeof(*meta)) {
		STAT_INC(t, Udp, RcvbufErrors);
		STAT_INC(t, Udp, InErrors);
		pkt_drop(p, DROP_UDP_RCVBUF);
		return;
	}
	memcpy(p->data - sizeof(*meta), meta, sizeof(*meta));
	u->rx_charged += pkt_truesize(p);
	pktq_push(&u->rxq, p);
	STAT_INC(t, Udp, InDatagrams);
	ready_mark(t, &u->rdy, TAPIR_IN);
}

/* Whether a broadcast or multicast datagram is for u. */
static bool wants(const struct udp_sock *u, const struct rx *rx, const struct udp_meta *meta)
{
	const struct udp_member *m;

	/* As Linux: once connected, the address that it sends from is the only one that it hears. */
	if ((u->laddr && u->laddr != meta->dst) || (u->ifindex && u->ifindex != meta->ifindex))
		return false;
	if ((u->flags & UDP_CONNECTED) && (u->raddr != meta->src || u->rport != meta->sport))
		return false;
	if (rx->dst_kind == RX_BROADCAST)
		return true;
	/* Only who joined the group, there, or named it (stricter than Linux's IP_MULTICAST_ALL). */
	if (u->laddr == meta->dst)
		return true;
	LIST_FOREACH (m, &u->members, struct udp_member, link) {
		if (m->group == meta->dst && m->ifindex == meta->ifindex)
			return true;
	}
	return false;
}

static void copy_to(struct tapir *t, struct udp_sock *u, const struct pkt *p,
		    const struct udp_meta *meta)
{
	struct pkt *c = pkt_copy(p);

	if (c)
		enqueue(t, u, c, meta);
	else
		STAT_INC(t, Udp, MemErrors);
}

/* To every socket that wants it, in the order in which they were bound, each its own copy. */
static void deliver_many(struct tapir *t, struct rx *rx, uint16_t dport,
			 const struct udp_meta *meta)
{
	struct udp_port *port = udp_port_find(t, false, dport);
	struct udp_sock *u, *last = NULL;
	unsigned receivers = 0;

	if (port) {
		LIST_FOREACH (u, &port->socks, struct udp_sock, port_link) {
			if (!wants(u, rx, meta))
				continue;
			if (last)
				copy_to(t, last, rx->pkt, meta);
			last = u;
			if (++receivers == COPIES_MAX)
				break;
		}
	}
	if (last)
		enqueue(t, last, rx->pkt, meta);
	else
		pkt_drop(rx->pkt, DROP_UDP_NO_PORT);
}

static bool csum_ok(const struct tapir *t, const struct rx *rx, const struct udp_hdr *h)
{
	uint32_t sum;

	/* R768-2: zero means that the sender made none. */
	if (h->csum == 0 || (rx->pkt->flags & PKT_CSUM_VALID))
		return true;
	sum = cksum_pseudo_ip4(rx->ip.src, rx->ip.dst, TAPIR_IPPROTO_UDP, h->len);
	return cksum_fold(t->cksum->partial(rx->pkt->data, h->len, sum)) == 0;
}

static struct udp_meta meta_of(const struct rx *rx, uint16_t sport)
{
	struct udp_meta meta = {
		.src = rx->ip.src,
		.dst = rx->ip.dst,
		.sport = sport,
		.ifindex = (uint16_t)rx->ifp->ifindex,
		.ttl = rx->ip.ttl,
		.tos = rx->ip.tos,
	};

	return meta;
}

enum verdict udp_input(struct tapir *t, struct rx *rx)
{
	struct pkt *p = rx->pkt;
	struct udp_meta meta;
	struct udp_sock *u;
	struct udp_hdr h;

	/* R768-1, UD-03, NUC-02: a length that lies is refused; octets beyond it are not the datagram's. */
	if (udp_hdr_decode(p->data, p->len, &h) < 0) {
		STAT_INC(t, Udp, InErrors);
		pkt_drop(p, DROP_UDP_SHORT);
		return V_DONE;
	}
	/* R768-3: port 0 is nobody's. A source port of 0 only says that no answer is wanted. */
	if (h.dport == 0) {
		STAT_INC(t, Udp, InErrors);
		pkt_drop(p, DROP_UDP_PORT_ZERO);
		return V_DONE;
	}
	/* R1122-107, CL-21: what has a checksum is checked, before anybody is looked for or woken. */
	if (!csum_ok(t, rx, &h)) {
		STAT_INC(t, Udp, InCsumErrors);
		STAT_INC(t, Udp, InErrors);
		pkt_drop(p, DROP_UDP_CSUM);
		return V_DONE;
	}
	meta = meta_of(rx, h.sport);
	if (rx->dst_kind != RX_UNICAST) {
		pkt_trim(p, h.len);
		pkt_pull(p, UDP_HLEN);
		deliver_many(t, rx, h.dport, &meta);
		return V_DONE;
	}
	u = udp_lookup(t, false, meta.src, meta.sport, meta.dst, h.dport, meta.ifindex);
	if (!u) {
		STAT_INC(t, Udp, NoPorts); /* CL-22: 64 bits, and nothing is decided by it */
		/*
		 * R1122-104: port unreachable. UD-01, CL-17: as far as ICMP's limits and rules allow. No
		 * service listens but who was asked to: no DHCP (U11-06, R20-08, R20-10, R20-13, FR-12), no
		 * TFTP (IH-14), no names (AM33-15, AM33-25, FR-09, FR-15).
		 */
		icmp_send_error(t, rx, ICMP_UNREACH, ICMP_UNREACH_PORT, 0);
		pkt_drop(p, DROP_UDP_NO_PORT);
		return V_DONE;
	}
	pkt_trim(p, h.len);
	pkt_pull(p, UDP_HLEN);
	enqueue(t, u, p, &meta);
	return V_DONE;
}

enum verdict echo_input(struct tapir *t, struct rx *rx)
{
	struct udp_meta meta = meta_of(rx, 0);
	struct udp_sock *u = NULL;
	struct icmp_hdr h;

	if (icmp_hdr_decode(rx->pkt->data, rx->pkt->len, &h) > 0)
		u = udp_lookup(t, true, meta.src, 0, meta.dst, icmp_id(&h), meta.ifindex);
	if (!u) {
		pkt_drop(rx->pkt, DROP_ICMP_NO_SOCKET);
		return V_DONE;
	}
	meta.icmp_type = h.type;
	meta.icmp_code = h.code;
	enqueue(t, u, rx->pkt, &meta);
	return V_DONE;
}

/* ---- errors about what we sent ---- */

/* The socket that sent the quoted datagram. */
static struct udp_sock *quoted(struct tapir *t, bool echo, const struct icmp_err *e)
{
	int ifindex = 0;
	struct route rt;

	if (route_lookup(t, e->dst, 0, 0, &rt) == 0)
		ifindex = rt.ifindex;
	return udp_lookup(t, echo, e->dst, echo ? 0 : e->dport, e->src, e->sport, ifindex);
}

/* R1191-1: fragmentation needed lowers what is believed of the path. Returns the errno for the socket. */
static int needfrag(struct tapir *t, const struct udp_sock *u, const struct icmp_err *e)
{
	struct route rt;
	struct netif *ifp;

	/* Who does not discover does not believe either. */
	if (u->pmtudisc == TAPIR_PMTUDISC_DONT || u->pmtudisc == TAPIR_PMTUDISC_PROBE)
		return u->pmtudisc == TAPIR_PMTUDISC_PROBE ? EMSGSIZE : 0;
	if (route_lookup(t, e->dst, e->src, 0, &rt) < 0)
		return 0;
	ifp = netif_get(t, rt.ifindex);
	if (ifp)
		pmtu_update(t, e->dst, e->mtu, ifp->conf.mtu);
	return u->pmtudisc == TAPIR_PMTUDISC_DO ? EMSGSIZE : 0;
}

static int err_of(struct tapir *t, const struct udp_sock *u, const struct icmp_err *e)
{
	bool hard;

	if (e->type == ICMP_UNREACH && e->code == ICMP_UNREACH_NEEDFRAG)
		return needfrag(t, u, e);
	return icmp_err_errno(e->type, e->code, &hard);
}

/*
 * Whether u can have sent what is quoted (RFC 5927 4.1: as far as a datagram lets it be told): nothing is said of who
 * was silent, and no path is too narrow for what nobody sent. DN-04, IC-02: whoever tries a resolver's ports one by
 * one with "fragmentation needed" changes no path MTU even with the right one, for a query is smaller than any.
 */
static bool sent(const struct udp_sock *u, const struct icmp_err *e)
{
	if (e->local)
		return true;
	if (e->type == ICMP_UNREACH && e->code == ICMP_UNREACH_NEEDFRAG)
		return e->quoted_len <= u->sent_max;
	return u->sent_max > 0;
}

enum drop_reason udp_icmp_err(struct tapir *t, const struct icmp_err *e)
{
	struct udp_sock *u = quoted(t, false, e);
	int err;

	if (u && !sent(u, e))
		return DROP_ICMP_NOT_SENT;
	err = u ? err_of(t, u, e) : 0;
	/* R1122-106: all of them reach the program, of an unconnected socket when it asked. */
	if (err && (u->flags & (UDP_CONNECTED | UDP_RECVERR)))
		udp_set_err(t, u, err);
	return u ? DROP_NONE : DROP_ICMP_NO_SOCKET;
}

enum drop_reason echo_icmp_err(struct tapir *t, const struct icmp_err *e)
{
	struct udp_sock *u = quoted(t, true, e);
	struct udp_meta meta;
	struct icmp_hdr h;
	struct pkt *p;
	int err;

	if (u && !sent(u, e))
		return DROP_ICMP_NOT_SENT;
	err = u ? err_of(t, u, e) : 0;
	if (err && (u->flags & UDP_CONNECTED) && !(u->flags & UDP_RECVERR))
		udp_set_err(t, u, err);
	if (!u)
		return DROP_ICMP_NO_SOCKET;
	if (!(u->flags & UDP_RECVERR))
		return DROP_NONE;
	/* With IP_RECVERR it is received in its place, as the header of the request that it is about. */
	p = pkt_alloc(t, sizeof(meta), ICMP_HLEN);
	if (!p) {
		STAT_INC(t, Udp, MemErrors);
		return DROP_NO_MEMORY;
	}
	meta = (struct udp_meta){.src = e->from,
				 .dst = e->src,
				 .icmp_type = e->type,
				 .icmp_code = e->code};
	h = (struct icmp_hdr){.type = ICMP_ECHO,
			      .rest = icmp_rest_id_seq(e->sport, (uint16_t)e->seq)};
	icmp_hdr_encode(pkt_put(p, ICMP_HLEN), &h);
	enqueue(t, u, p, &meta);
	return DROP_NONE;
}

/* ---- RECEIVE ---- */

/* Copies of p what fits; returns the bytes copied. */
static size_t scatter(const struct pkt *p, const struct iovec *iov, int n)
{
	size_t at = 0;

	for (int i = 0; i < n && at < p->len; i++) {
		size_t k = min_size(iov[i].iov_len, p->len - at);

		if (k > 0)
			memcpy(iov[i].iov_base, p->data + at, k);
		at += k;
	}
	return at;
}

static void tell(const struct udp_sock *u, const struct pkt *p, bool cut, struct tapir_msg *m)
{
	struct udp_meta meta;

	memcpy(&meta, p->data - sizeof(meta), sizeof(meta));
	memset(m, 0, sizeof(*m));
	/* R1122-109: to which of our addresses it came. R1122-30, R1122-112: with which TTL and TOS. */
	m->peer = (struct tapir_sockaddr){tapir_addr_v4(meta.src), meta.sport, meta.ifindex};
	m->local = (struct tapir_sockaddr){tapir_addr_v4(meta.dst), u->lport, meta.ifindex};
	m->ttl = meta.ttl;
	m->tos = meta.tos;
	m->flags = cut ? TAPIR_MSG_TRUNC : 0;
	m->icmp_type = meta.icmp_type;
	m->icmp_code = meta.icmp_code;
}

int64_t udp_recv(struct tapir *t, struct udp_sock *u, const struct iovec *iov, int n, int flags,
		 struct tapir_msg *m)
{
	struct pkt *p = u->rxq.head;
	size_t copied, len;

	(void)t;
	if (flags & TAPIR_MSG_OOB)
		return -EOPNOTSUPP;
	if (u->err) {
		int err = u->err;

		u->err = 0;
		return -err;
	}
	if (!p)
		return u->flags & UDP_SHUT_RD ? 0 : -EAGAIN;
	len = p->len;
	copied = scatter(p, iov, n);
	if (m)
		tell(u, p, copied < len, m);
	if (!(flags & TAPIR_MSG_PEEK)) {
		pktq_pop(&u->rxq);
		u->rx_charged -= pkt_truesize(p);
		pkt_free(p);
	}
	return (int64_t)(flags & TAPIR_MSG_TRUNC ? len : copied);
}
