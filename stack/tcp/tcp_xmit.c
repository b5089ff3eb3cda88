/*
 * Where every segment leaves: tcp_output() for connections, tcp_respond() for what has none.
 *
 * The segment is built in one packet: header and options, then the text copied from the send ring,
 * its checksum summed on the way, unless the interface finishes checksums itself.
 */
#include <errno.h>

#include "stack/core/emit.h"
#include "stack/core/pktq.h"
#include "stack/ip/ip.h"
#include "stack/wire/bytes.h"
#include "stack/tcp/tcp_passive.h"

static void xmit_emit(struct tapir *t, const struct tcp_xmit *x)
{
	struct tapir_event ev = emit_begin(t, TAPIR_EV_TCP_SEG_OUT, "RFC 9293 3.10");

	ev.local = (struct tapir_sockaddr){x->tuple->laddr, x->tuple->lport, 0};
	ev.peer = (struct tapir_sockaddr){x->tuple->raddr, x->tuple->rport, 0};
	ev.u.seg.seq = x->seq;
	ev.u.seg.ack = x->ack;
	ev.u.seg.len = x->len;
	ev.u.seg.wnd = x->wnd;
	ev.u.seg.flags = x->flags;
	emit(t, &ev);
	if (x->rexmit) {
		ev.type = TAPIR_EV_TCP_RETRANSMIT;
		ev.source = x->source ? x->source : "RFC 6298 5.4";
		emit(t, &ev);
	}
}

/* Whether the interface of the route finishes transport checksums. */
static bool csum_offloaded(const struct tapir *t, const struct route *rt)
{
	const struct netif *ifp = rt ? netif_get(t, rt->ifindex) : NULL;

	return ifp && ifp->conf.offload & TAPIR_OFFLOAD_TX_CSUM;
}

/* Copies the text behind the header; returns the sum of its bytes. */
static uint32_t copy_text(struct tapir *t, struct pkt *p, const struct tcp_xmit *x, bool sum)
{
	struct ring_span span[2];
	unsigned n = ring_peek(x->data, x->off, x->len, span);
	uint32_t acc = 0;
	size_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *dst = pkt_put(p, (uint32_t)span[i].len);

		if (sum)
			acc = cksum_join(acc, t->cksum->copy(dst, span[i].p, span[i].len, 0), at);
		else
			memcpy(dst, span[i].p, span[i].len);
		at += span[i].len;
	}
	TAPIR_ASSERT(at == x->len);
	return acc;
}

int tcp_xmit(struct tapir *t, const struct tcp_xmit *x)
{
	uint32_t src = tapir_addr_to_v4(&x->tuple->laddr);
	uint32_t dst = tapir_addr_to_v4(&x->tuple->raddr);
	bool offload = csum_offloaded(t, x->rt);
	struct pkt *p = x->reserve && x->len == 0 ? pkt_alloc_reserve(t)
						  : pkt_alloc(t, PKT_HEADROOM, x->len);
	struct tcp_hdr h = {
		.sport = x->tuple->lport,
		.dport = x->tuple->rport,
		.seq = x->seq,
		.ack = x->ack,
		.flags = x->flags,
		.wnd = (uint16_t)x->wnd,
		.urg = x->urg,
	};
	uint8_t opts[TCP_OPT_MAX];
	size_t optlen = x->opt ? tcp_opts_encode(opts, x->opt, tcp_opt_style(t)) : 0;
	uint32_t sum, hdr_len = TCP_HLEN + (uint32_t)optlen;
	uint16_t csum;
	struct ip_tx tx = {
		.src = src,
		.dst = dst,
		.proto = TAPIR_IPPROTO_TCP,
		.ttl = x->ttl,
		.tos = x->tos,
		/*
		 * R1191-6, R7323-21: path MTU discovery is on for TCP, unless switched off by the setting or
		 * IP_MTU_DISCOVER: then DF is set only when identifications run out.
		 */
		.flags = tcp_pmtu_df(t, x->pmtudisc) ? IP_TX_DF : IP_TX_MAY_DF,
		.rt = x->rt,
		.ifindex = x->ifindex,
	};

	if (!p)
		return -ENOMEM;
	pkt_charge_to(p, x->charge);
	sum = x->len ? copy_text(t, p, x, !offload) : 0;
	h.hdr_len = (uint8_t)hdr_len;
	pkt_push(p, hdr_len);
	tcp_hdr_encode(p->data, &h);
	memcpy(p->data + TCP_HLEN, opts, optlen);
	/* MUST-2: the sender always generates the checksum, pseudo header included. */
	if (offload) {
		sum = cksum_pseudo_ip4(src, dst, TAPIR_IPPROTO_TCP, (uint16_t)p->len);
		csum = (uint16_t)~cksum_fold(sum);
		p->flags |= PKT_CSUM_PARTIAL;
		p->csum_start = 0;
		p->csum_offset = TCP_CSUM_OFF;
		p->gso_size = x->gso_size;
		p->gso_type = x->gso_size ? PKT_GSO_TCPV4 : PKT_GSO_NONE;
	} else {
		sum = t->cksum->partial(p->data, hdr_len, sum);
		sum = cksum_join(cksum_pseudo_ip4(src, dst, TAPIR_IPPROTO_TCP, (uint16_t)p->len),
				 sum, 0);
		csum = cksum_fold(sum);
	}
	put_be16(p->data + TCP_CSUM_OFF, csum);
	if (x->more)
		p->flags |= PKT_GSO_MORE;

	STAT_INC(t, Tcp, OutSegs);
	if (x->rexmit)
		STAT_INC(t, Tcp, RetransSegs);
	if (x->flags & TCP_RST)
		STAT_INC(t, Tcp, OutRsts);
	if (emit_wanted(t))
		xmit_emit(t, x);
	return ip_output(t, p, &tx);
}
