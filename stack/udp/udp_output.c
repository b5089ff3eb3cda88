/*
 * Datagrams out.
 *
 * A send takes all or nothing. Where it goes is the message's destination, else the connected peer's;
 * what it comes from is the message's source, else the socket's, else what the route says. Bytes are
 * gathered straight into the packet while they are summed.
 *
 * Two things bound what waits in queues: the socket's send buffer, which counts its packets wherever
 * they are, and the interface's queue. Without room in either the answer is -EAGAIN, and the socket
 * joins udp_state.want, from which udp_tx_room() takes it when half is free again.
 */
#include <errno.h>
#include <string.h>

#include "stack/ip/ip.h"
#include "stack/udp/udp.h"
#include "stack/wire/icmp.h"
#include "stack/wire/udp.h"

enum { UDP_PAYLOAD_MAX = IP_MAX_LEN - IP_HDR_LEN - UDP_HLEN };

/* One send, while it is worked out. */
struct send {
	struct tapir *t;
	struct udp_sock *u;
	const struct iovec *iov;
	int niov;
	uint32_t len; /* of the transport's part, header included */
	uint32_t dst, src;
	uint16_t dport;
	int ifindex;
	int ttl, tos; /* R1122-29, R1122-34: the socket's or the message's */
	struct route rt;
	struct netif *ifp;
	uint8_t tx_flags; /* enum ip_tx_flag */
};

void udp_set_sndbuf(struct tapir *t, struct udp_sock *u, uint32_t bytes)
{
	u->sndbuf = bytes;
	udp_tx_room(t);
}

static uint32_t charged(const struct udp_sock *u)
{
	return u->tx ? u->tx->bytes : 0;
}

bool udp_writable(const struct tapir *t, const struct udp_sock *u)
{
	const struct netif *ifp;

	if (!(u->flags & UDP_WANT_OUT))
		return charged(u) < u->sndbuf;
	ifp = u->want_ifindex ? netif_get(t, u->want_ifindex) : NULL;
	return charged(u) <= u->sndbuf / 2 &&
	       (!ifp || !ifp->up || ifp->txq.bytes <= ifp->txq_limit / 2);
}

void udp_want_out(struct tapir *t, struct udp_sock *u)
{
	u->flags |= UDP_WANT_OUT;
	if (!list_linked(&u->want))
		list_add_tail(&t->udp->want, &u->want);
}

void udp_tx_room(struct tapir *t)
{
	struct udp_sock *u, *next;

	LIST_FOREACH_SAFE (u, next, &t->udp->want, struct udp_sock, want) {
		if (!udp_writable(t, u))
			continue;
		list_del(&u->want);
		u->flags &= (uint16_t)~UDP_WANT_OUT;
		u->want_ifindex = 0;
		ready_mark(t, &u->rdy, TAPIR_OUT);
	}
}

static int no_room(struct send *s, bool queue)
{
	STAT_INC(s->t, Udp, SndbufErrors);
	s->u->want_ifindex = queue ? s->rt.ifindex : 0;
	udp_want_out(s->t, s->u);
	return -EAGAIN;
}

/* Destination, source and settings: the message's, else the socket's. */
static int addresses(struct send *s, const struct tapir_msg *m)
{
	const struct udp_sock *u = s->u;
	bool echo = u->flags & UDP_ECHO;

	s->ttl = u->ttl;
	s->tos = u->tos;
	s->src = u->laddr;
	s->ifindex = u->ifindex;
	if (m) {
		if (!tapir_addr_is_v4(&m->peer.addr) || !tapir_addr_is_v4(&m->local.addr))
			return -EAFNOSUPPORT;
		if (m->ttl < 0 || m->ttl > 255 || m->tos < -1 || m->tos > 255)
			return -EINVAL;
		if (m->local.port && m->local.port != u->lport)
			return -EINVAL;
		s->dst = tapir_addr_to_v4(&m->peer.addr);
		s->dport = m->peer.port;
		if (m->ttl)
			s->ttl = m->ttl;
		if (m->tos >= 0)
			s->tos = m->tos;
		if (!tapir_addr_is_any(&m->local.addr))
			s->src = tapir_addr_to_v4(&m->local.addr);
		if (m->local.ifindex || m->peer.ifindex) {
			int want = m->local.ifindex ? m->local.ifindex : m->peer.ifindex;

			if ((u->ifindex && u->ifindex != want) ||
			    (m->peer.ifindex && m->peer.ifindex != want))
				return -EINVAL;
			s->ifindex = want;
		}
	}
	if (s->dst == 0 && s->dport == 0) {
		if (!(u->flags & UDP_CONNECTED))
			return -EDESTADDRREQ;
		s->dst = u->raddr;
		s->dport = u->rport;
	}
	if (s->dst == 0 || (s->dport == 0 && !echo))
		return -EINVAL;
	/* R1122-111: bound to a group or a broadcast, which is no source. */
	if (s->src == u->laddr && udp_is_group_or_broadcast(s->t, s->src))
		s->src = 0;
	if (s->dst >> 28 == 14) {
		if (s->ifindex == 0)
			s->ifindex = u->mcast_ifindex;
		if (!m || !m->ttl)
			s->ttl = u->mcast_ttl;
		if (!(u->flags & UDP_MCAST_LOOP))
			s->tx_flags |= IP_TX_NO_LOOP;
	}
	return 0;
}

/* A broadcast from an interface that has no address yet: how one is asked for (RFC 2131 4.1). */
static bool addressless(struct send *s)
{
	struct netif *ifp = netif_get(s->t, s->ifindex);

	if (!ifp || !ifp->up || s->dst != UINT32_MAX || s->src != 0 ||
	    netif_source_for(ifp, s->dst) != 0)
		return false;
	s->rt = (struct route){
		.dst = s->dst,
		.nexthop = s->dst,
		.mtu = ifp->conf.mtu,
		.gen = s->t->route_gen,
		.ifindex = (uint16_t)s->ifindex,
		.kind = RX_BROADCAST,
	};
	s->tx_flags |= IP_TX_FORCE_IF;
	return true;
}

static int find_route(struct send *s, int flags)
{
	struct udp_sock *u = s->u;
	bool cached = (u->flags & UDP_CONNECTED) && s->dst == u->raddr && s->src == u->laddr &&
		      s->ifindex == u->ifindex;
	int err;

	if (cached && u->rt.gen == s->t->route_gen && u->rt.dst == s->dst) {
		s->rt = u->rt;
	} else if (!addressless(s)) {
		err = route_lookup(s->t, s->dst, s->src, s->ifindex, &s->rt);
		if (err) {
			STAT_INC(s->t, Ip, OutNoRoutes);
			return err;
		}
		if (cached)
			u->rt = s->rt;
	}
	s->ifp = netif_get(s->t, s->rt.ifindex);
	if (!s->ifp)
		return -ENETUNREACH;
	if (((flags & TAPIR_MSG_DONTROUTE) || (u->flags & UDP_DONTROUTE)) && s->rt.gateway)
		return -ENETUNREACH;
	/* A broadcast is sent only by who says that it is meant. */
	if (s->rt.kind == RX_BROADCAST && !(u->flags & UDP_BROADCAST))
		return -EACCES;
	s->src = s->rt.src;
	return 0;
}

/* DF and what may be fragmented, by IP_MTU_DISCOVER. */
static int path_mtu(struct send *s)
{
	uint32_t total = s->len + IP_HDR_LEN;

	switch (s->u->pmtudisc) {
	case TAPIR_PMTUDISC_PROBE:
		s->tx_flags |= IP_TX_DF | IP_TX_IGNORE_PMTU;
		return total > s->ifp->conf.mtu ? -EMSGSIZE : 0;
	case TAPIR_PMTUDISC_DO:
		s->tx_flags |= IP_TX_DF;
		return total > s->rt.mtu ? -EMSGSIZE : 0;
	case TAPIR_PMTUDISC_WANT:
		if (total <= s->rt.mtu)
			s->tx_flags |= IP_TX_DF;
		return 0;
	default:
		return 0;
	}
}

static int room(struct send *s)
{
	uint32_t pieces = s->len / max_u32(s->rt.mtu - IP_HDR_LEN, 8) + 1;
	uint32_t wire = s->len + pieces * (IP_HDR_LEN + 14);

	if (charged(s->u) >= s->u->sndbuf)
		return no_room(s, false);
	/* What can never fit is not waited for: it is dropped, and counted, where it does not fit. */
	if (s->ifp->txq.n > 0 && !netif_has_room(s->ifp, wire))
		return no_room(s, true);
	if (!s->u->tx) {
		s->u->tx = pkt_charge_new(s->t);
		if (!s->u->tx)
			return -ENOBUFS;
	}
	return 0;
}

/* Appends the application's bytes to p; returns their sum, as from an even offset. */
static uint32_t gather(struct send *s, struct pkt *p, bool sum_it)
{
	uint32_t sum = 0;
	size_t at = 0;

	for (int i = 0; i < s->niov; i++) {
		size_t n = s->iov[i].iov_len;
		uint8_t *to;

		if (n == 0)
			continue;
		to = pkt_put(p, (uint32_t)n);
		if (sum_it)
			sum = cksum_join(sum, s->t->cksum->copy(to, s->iov[i].iov_base, n, 0), at);
		else
			memcpy(to, s->iov[i].iov_base, n);
		at += n;
	}
	return sum;
}

static void build_udp(struct send *s, struct pkt *p)
{
	struct udp_hdr h = {.sport = s->u->lport, .dport = s->dport, .len = (uint16_t)s->len};
	uint32_t sum = cksum_pseudo_ip4(s->src, s->dst, TAPIR_IPPROTO_UDP, h.len);
	/* A datagram that will be cut must be summed before. */
	bool offload = (s->ifp->conf.offload & TAPIR_OFFLOAD_TX_CSUM) &&
		       s->len + IP_HDR_LEN <= s->rt.mtu && s->rt.kind == RX_UNICAST;
	uint8_t *hdr = pkt_put(p, UDP_HLEN);

	sum += gather(s, p, !offload);
	if (offload) {
		p->flags |= PKT_CSUM_PARTIAL;
		p->csum_start = 0;
		p->csum_offset = 6;
		h.csum = (uint16_t)~cksum_fold(sum);
	} else {
		/* R1122-107: always made. R768-2: a sum of zero goes as all ones. */
		udp_hdr_encode(hdr, &h);
		h.csum = udp_csum_wire(cksum_fold(s->t->cksum->partial(hdr, UDP_HLEN, sum)));
	}
	udp_hdr_encode(hdr, &h);
}

/* The application's ICMP header with our identifier and the checksum. */
static int build_echo(struct send *s, struct pkt *p)
{
	struct icmp_hdr h;

	gather(s, p, false);
	if (icmp_hdr_decode(p->data, p->len, &h) < 0 || h.type != ICMP_ECHO || h.code != 0)
		return -EINVAL;
	h.rest = icmp_rest_id_seq(s->u->lport, icmp_seq(&h));
	icmp_hdr_encode(p->data, &h);
	icmp_finish(p->data, p->len);
	return 0;
}

static int transmit(struct send *s)
{
	bool echo = s->u->flags & UDP_ECHO;
	struct pkt *p = pkt_alloc(s->t, PKT_HEADROOM, s->len);
	struct ip_tx tx = {
		.src = s->src,
		.dst = s->dst,
		.proto = echo ? TAPIR_IPPROTO_ICMP : TAPIR_IPPROTO_UDP,
		.ttl = (uint8_t)s->ttl,
		.tos = (uint8_t)s->tos,
		.flags = s->tx_flags,
		.rt = &s->rt,
	};
	int err;

	if (!p) {
		STAT_INC(s->t, Udp, SndbufErrors);
		return -ENOBUFS;
	}
	if (echo) {
		err = build_echo(s, p);
		if (err) {
			pkt_free(p); /* nothing was sent yet that could be lost */
			return err;
		}
	} else {
		build_udp(s, p);
	}
	pkt_charge_to(p, s->u->tx);
	err = ip_output(s->t, p, &tx);
	/* "Again" would promise TAPIR_OUT: nobody knows when identifications are fresh (R6864-6). */
	return err == -EAGAIN ? -ENOBUFS : err;
}

static int64_t iov_len(const struct iovec *iov, int n)
{
	uint64_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return (int64_t)sum;
}

int64_t udp_send(struct tapir *t, struct udp_sock *u, const struct iovec *iov, int n, int flags,
		 const struct tapir_msg *m)
{
	struct send s = {.t = t, .u = u, .iov = iov, .niov = n};
	uint32_t head = u->flags & UDP_ECHO ? 0 : UDP_HLEN;
	int64_t len = iov_len(iov, n);
	int err;

	if (flags & (TAPIR_MSG_OOB | TAPIR_MSG_MORE))
		return -EOPNOTSUPP;
	if (u->flags & UDP_SHUT_WR)
		return -EPIPE;
	if (u->err) {
		err = u->err;
		u->err = 0;
		return -err;
	}
	if (len > (int64_t)(UDP_PAYLOAD_MAX + UDP_HLEN - head))
		return -EMSGSIZE;
	if ((u->flags & UDP_ECHO) && len < ICMP_HLEN)
		return -EINVAL;
	s.len = (uint32_t)len + head;
	if ((err = addresses(&s, m)) || (err = udp_autobind(t, u)) ||
	    (err = find_route(&s, flags)) || (err = path_mtu(&s)) || (err = room(&s)) ||
	    (err = transmit(&s)))
		return err;
	u->sent_max = (uint16_t)max_u32(u->sent_max, s.len + IP_HDR_LEN);
	if (!(u->flags & UDP_ECHO))
		STAT_INC(t, Udp, OutDatagrams);
	return len;
}
