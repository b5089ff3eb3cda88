/*
 * ICMP: the messages by which hosts and routers talk about IP itself.
 *
 * In. A message is checked as a whole (length, checksum), then by type. Only three kinds do anything: an
 * echo request is answered, an echo reply goes to who asked, and an error about a datagram of ours goes
 * to its transport. Every word of an error was written by a stranger, so what it quotes is checked
 * as far as IP can (RFC 5927 4): whole headers, our address as the quoted source and as the error's
 * destination, a first fragment. Whether a connection or a socket sent such a thing only the
 * transport can tell; no table of ours changes before it has said so (IC-02).
 *
 * What could only harm is ignored and counted: source quench (RFC 6633), timestamp, information and
 * mask requests (they tell others about us), router discovery, and redirects unless they are asked for.
 *
 * Out. An error must never multiply. RFC 1122 3.2.2 lists when none may be sent; it quotes no more than
 * fits into 576 bytes and than was received; and two limits hold it back: a bucket for each host
 * that we would write to (a few at once, then one a second) and one for all together. The latter
 * takes a random cost of mean one from each message. If it did not, an attacker who can spoof
 * addresses could find our open ports by watching the common limit run out (SAD DNS, CVE-2020-25705). The host's bucket
 * is asked first, so that one host alone never empties the common one.
 */
#include <errno.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/siphash.h"
#include "stack/core/emit.h"
#include "stack/core/limit.h"
#include "stack/core/random.h"
#include "stack/ip/icmp.h"
#include "stack/ip/ip.h"
#include "stack/ip/ip_state.h"
#include "stack/wire/bytes.h"
#include "stack/wire/cksum.h"
#include "stack/wire/icmp.h"

enum {
	HOST_SLOTS = 1024,
	HOST_BURST = 6, /* Linux's XRLIM_BURST_FACTOR */
	/* R4884-3: the longest error. RFC 1812 4.3.2.3 allows 576 bytes. */
	ERROR_MAX = 576,
	QUOTE_MAX = ERROR_MAX - IPV4_HLEN - ICMP_HLEN,
	/* Up to this size every path carries a datagram whole, or its host must reassemble it. */
	SAFE_DF = 576,
};

struct icmp_limits {
	struct siphash_key key;
	uint64_t all_full_ns;
	uint64_t echo_full_ns;
	struct {
		uint32_t ip4;
		uint64_t full_ns;
	} host[HOST_SLOTS]; /* by keyed hash; the newest host of a slot has it */
};

static enum verdict lose(struct rx *rx, enum drop_reason reason)
{
	rx->ifp->rx_drops++;
	pkt_drop(rx->pkt, reason);
	return V_DONE;
}

static enum verdict lose_bad(struct tapir *t, struct rx *rx, enum drop_reason reason)
{
	STAT_INC(t, Icmp, InErrors);
	return lose(rx, reason);
}

/* It came to this host alone, by IP and by link. */
static bool to_us_alone(const struct rx *rx)
{
	return rx->dst_kind == RX_UNICAST &&
	       !(rx->pkt->flags & (PKT_L2_BROADCAST | PKT_L2_MULTICAST));
}

/* Answers an echo request with the packet that brought it. */
static enum verdict input_echo(struct tapir *t, struct rx *rx)
{
	struct pkt *p = rx->pkt;
	struct ip_tx tx = {.proto = IPPROTO_NUM_ICMP, .dst = rx->ip.src, .tos = rx->ip.tos};
	uint64_t rate = (uint64_t)t->conf.icmp_echo_rate;
	uint16_t csum;

	STAT_INC(t, Icmp, InEchos);
	if (t->conf.icmp_echo_ignore_all)
		return lose(rx, DROP_ICMP_IGNORED);
	/* R1122-68, CL-15: one question to many is not worth many answers. */
	if (!to_us_alone(rx) && t->conf.icmp_echo_ignore_broadcasts)
		return lose(rx, DROP_ICMP_BCAST);
	/* IC-04, IC-05: off by default; a reply is never larger than its request. */
	if (rate != 0 && !limit_take(&t->ip->icmp->echo_full_ns, t->now_ns, rate, rate, 1))
		return lose(rx, DROP_ICMP_RATE);

	/* R1122-66, R1122-70, R792-2: the same message but for its type, and so its checksum. */
	csum = cksum_update16(get_be16(p->data + 2), ICMP_ECHO << 8, ICMP_ECHO_REPLY << 8);
	p->data[0] = ICMP_ECHO_REPLY;
	/* Both forms of zero verify, but over a reply of nothing but zeros only this one. */
	put_be16(p->data + 2, csum ? csum : 0xffff);
	/* R1122-69, R1122-93: from the address that was asked. Options are never reflected (NUC-01, U11-01). */
	if (rx->dst_kind == RX_UNICAST)
		tx.src = rx->ip.dst;
	else
		tx.ifindex = rx->ifp->ifindex;
	tx.tos &= 0xfc; /* not the congestion bits */
	/*
	 * A small reply is never cut and needs no identification. A larger one may be cut on its way;
	 * when identifications run out (R6864-6) it still goes, whole, if it fits.
	 */
	STAT_INC(t, Icmp, OutMsgs);
	STAT_INC(t, Icmp, OutEchoReps);
	tx.flags = p->len + IPV4_HLEN <= SAFE_DF ? IP_TX_DF : IP_TX_MAY_DF;
	ip_output(t, p, &tx);
	return V_DONE;
}

/* Whether the transport named by the quote can take an error; with the fields that it is told by. */
static bool quote_transport(const struct icmp_quote *q, struct icmp_err *e)
{
	e->sport = q->sport;
	e->dport = q->dport;
	switch (q->ip.proto) {
	case IPPROTO_NUM_TCP:
		e->seq = q->tcp_seq;
		return true;
	case IPPROTO_NUM_UDP:
		return true;
	case IPPROTO_NUM_ICMP:
		/* We send requests; a quoted reply or error is nobody's loss. */
		e->sport = q->echo_id;
		e->seq = q->echo_seq;
		return q->l4[0] == ICMP_ECHO;
	default:
		return false;
	}
}

static bool error_code_known(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP_UNREACH:
		return code <= ICMP_UNREACH_PRECEDENCE_CUTOFF;
	case ICMP_TIME_EXCEEDED:
		return code <= ICMP_TIMEX_REASS;
	case ICMP_PARAM_PROBLEM:
		return code <= ICMP_PARAMPROB_LENGTH;
	default:
		return false;
	}
}

/* An error about a datagram of ours: decoded into rx->err for its transport. */
static enum verdict input_error(struct tapir *t, struct rx *rx, const struct icmp_hdr *h)
{
	struct icmp_err *e = &rx->err;
	struct icmp_quote q;

	if (!to_us_alone(rx))
		return lose(rx, DROP_ICMP_BCAST);
	if (!error_code_known(h->type, h->code))
		return lose(rx, DROP_ICMP_CODE);
	/* R792-4, R4884-1, CL-25: the quote is read within its bounds, or not at all. */
	if (icmp_quote_decode(rx->pkt->data, rx->pkt->len, &q) < 0 || !q.has_l4)
		return lose_bad(t, rx, DROP_ICMP_QUOTE);
	/* R5927-6: it must be about something that we sent, to one host, and be told to the sender. */
	if (q.ip.src != rx->ip.dst || !netif_by_addr(t, q.ip.src) || q.ip.dst >> 28 >= 14 ||
	    netif_is_broadcast(rx->ifp, q.ip.dst))
		return lose_bad(t, rx, DROP_ICMP_QUOTE);

	*e = (struct icmp_err){
		.type = h->type,
		.code = h->code,
		.proto = q.ip.proto,
		.src = q.ip.src,
		.dst = q.ip.dst,
		.quoted_len = q.ip.total_len,
		.from = rx->ip.src,
	};
	if (!quote_transport(&q, e))
		return lose(rx, DROP_ICMP_NO_SOCKET);
	if (h->type == ICMP_UNREACH && h->code == ICMP_UNREACH_NEEDFRAG) {
		e->mtu = icmp_mtu(h);
		/* R1191-4, R5927-5: smaller than what was too large, and not absurd. */
		if (e->mtu != 0 && (e->mtu < TAPIR_MTU_MIN || e->mtu >= e->quoted_len))
			return lose_bad(t, rx, DROP_ICMP_MTU);
	}
	/*
	 * R1122-48, R1122-57, R1122-64, R1122-65, R1122-103. R8899-1: whether a flow of ours sent it is for
	 * the transport to say, before anything is done about it.
	 */
	return V_ICMP_ERR;
}

/* R1122-61, IC-03: by default nobody; see route_redirect() for who else. */
static enum verdict input_redirect(struct tapir *t, struct rx *rx, const struct icmp_hdr *h)
{
	struct icmp_quote q;

	STAT_INC(t, Icmp, InRedirects);
	if (!t->conf.accept_redirects || !to_us_alone(rx) || h->code > ICMP_REDIRECT_TOSHOST)
		return lose(rx, DROP_ICMP_REDIRECT);
	if (icmp_quote_decode(rx->pkt->data, rx->pkt->len, &q) < 0 || q.ip.src != rx->ip.dst)
		return lose_bad(t, rx, DROP_ICMP_QUOTE);
	if (route_redirect(t, q.ip.dst, rx->ip.src, icmp_gateway(h), rx->ifp->ifindex) < 0)
		return lose(rx, DROP_ICMP_REDIRECT);
	pkt_free(rx->pkt);
	return V_DONE;
}

enum verdict icmp_input(struct tapir *t, struct rx *rx)
{
	struct pkt *p = rx->pkt;
	struct icmp_hdr h;

	STAT_INC(t, Icmp, InMsgs);
	/* R792-3, AM33-12, FR-06, R20-15 */
	if (icmp_hdr_decode(p->data, p->len, &h) < 0)
		return lose_bad(t, rx, DROP_ICMP_SHORT);
	/* R792-1 */
	if (cksum_fold(t->cksum->partial(p->data, p->len, 0)) != 0) {
		STAT_INC(t, Icmp, InCsumErrors);
		return lose_bad(t, rx, DROP_ICMP_CSUM);
	}
	if (p->len < icmp_min_len(h.type) && !icmp_is_error(h.type))
		return lose_bad(t, rx, DROP_ICMP_SHORT);
	switch (h.type) {
	case ICMP_ECHO:
		return h.code == 0 ? input_echo(t, rx) : lose(rx, DROP_ICMP_CODE);
	case ICMP_ECHO_REPLY:
		STAT_INC(t, Icmp, InEchoReps);
		if (!to_us_alone(rx))
			return lose(rx, DROP_ICMP_BCAST);
		return V_NEXT_ECHO; /* R1122-71 */
	case ICMP_UNREACH:
		STAT_INC(t, Icmp, InDestUnreachs);
		return input_error(t, rx, &h);
	case ICMP_TIME_EXCEEDED:
		STAT_INC(t, Icmp, InTimeExcds);
		return input_error(t, rx, &h);
	case ICMP_PARAM_PROBLEM:
		STAT_INC(t, Icmp, InParmProbs);
		return input_error(t, rx, &h);
	case ICMP_SOURCE_QUENCH:
		/* R6633-2, R6633-3: in silence, but counted. */
		STAT_INC(t, Icmp, InSrcQuenchs);
		return lose(rx, DROP_ICMP_QUENCH);
	case ICMP_REDIRECT:
		return input_redirect(t, rx, &h);
	case ICMP_TIMESTAMP: /* IC-06 */
		STAT_INC(t, Icmp, InTimestamps);
		return lose(rx, DROP_ICMP_IGNORED);
	case ICMP_TIMESTAMP_REPLY:
		STAT_INC(t, Icmp, InTimestampReps);
		return lose(rx, DROP_ICMP_IGNORED);
	case ICMP_MASK: /* R1122-75, R20-16 */
		STAT_INC(t, Icmp, InAddrMasks);
		return lose(rx, DROP_ICMP_IGNORED);
	case ICMP_MASK_REPLY:
		STAT_INC(t, Icmp, InAddrMaskReps);
		return lose(rx, DROP_ICMP_IGNORED);
	case ICMP_INFO: /* R1122-73 */
	case ICMP_INFO_REPLY:
	case ICMP_ROUTER_ADVERT:
	case ICMP_ROUTER_SOLICIT:
		return lose(rx, DROP_ICMP_IGNORED);
	default:
		return lose(rx, DROP_ICMP_TYPE); /* R1122-45 */
	}
}

/* A single host's address, as the source of a packet may be (RFC 1122 3.2.2). */
static bool single_host(const struct rx *rx, uint32_t ip4)
{
	return ip4 >> 24 != 0 && (ip4 >> 24 != 127 || rx->looped) && ip4 >> 28 < 14 &&
	       !netif_is_broadcast(rx->ifp, ip4);
}

/* Whether RFC 1122 3.2.2 lets an error be sent about rx. */
static bool error_allowed(const struct rx *rx)
{
	/* R1122-51, R1122-52 */
	if (!to_us_alone(rx))
		return false;
	/* R1122-53 */
	if (rx->ip.frag_off != 0)
		return false;
	/* R1122-54, IC-07 */
	if (!single_host(rx, rx->ip.src) || !single_host(rx, rx->ip.dst))
		return false;
	/* R1122-50: never about an error; of ICMP only what is known to be a question may earn one. */
	if (rx->ip.proto == IPPROTO_NUM_ICMP) {
		if (rx->l3_len <= rx->ip.hdr_len)
			return false;
		switch (rx->l3[rx->ip.hdr_len]) {
		case ICMP_ECHO:
		case ICMP_TIMESTAMP:
		case ICMP_INFO:
		case ICMP_MASK:
			return true;
		default:
			return false;
		}
	}
	return true;
}

static bool limit_host(struct tapir *t, uint32_t ip4)
{
	struct icmp_limits *l = t->ip->icmp;
	uint64_t interval_ns = (uint64_t)t->conf.icmp_ratelimit_ms * UINT64_C(1000000);
	unsigned slot = (unsigned)(siphash_1u64(ip4, &l->key) % HOST_SLOTS);

	if (interval_ns == 0)
		return true;
	if (l->host[slot].ip4 != ip4) {
		l->host[slot].ip4 = ip4;
		l->host[slot].full_ns = 0;
	}
	if (limit_take_every(&l->host[slot].full_ns, t->now_ns, interval_ns, HOST_BURST, 1))
		return true;
	STAT_INC(t, Icmp, OutRateLimitHost);
	return false;
}

static bool limit_all(struct tapir *t)
{
	uint64_t rate = (uint64_t)t->conf.icmp_msgs_per_sec;

	/* IC-01, DN-03: each takes 0, 1 or 2 of the common bucket. */
	if (rate == 0 || limit_take(&t->ip->icmp->all_full_ns, t->now_ns, rate,
				    (uint64_t)t->conf.icmp_msgs_burst, random_below(t, 3)))
		return true;
	STAT_INC(t, Icmp, OutRateLimitGlobal);
	return false;
}

static void count_sent(struct tapir *t, const struct rx *rx, uint8_t type, uint8_t code,
		       uint32_t info, bool sent)
{
	if (sent) {
		STAT_INC(t, Icmp, OutMsgs);
		if (type == ICMP_UNREACH)
			STAT_INC(t, Icmp, OutDestUnreachs);
		else if (type == ICMP_TIME_EXCEEDED)
			STAT_INC(t, Icmp, OutTimeExcds);
		else if (type == ICMP_PARAM_PROBLEM)
			STAT_INC(t, Icmp, OutParmProbs);
	}
	if (emit_wanted(t)) {
		struct tapir_event ev =
			emit_begin(t, sent ? TAPIR_EV_ICMP_SENT : TAPIR_EV_ICMP_LIMITED,
				   sent ? "RFC 1122 3.2.2" : "RFC 1812 4.3.2.8");

		ev.ifindex = rx->ifp->ifindex;
		ev.local.addr = tapir_addr_v4(rx->ip.dst);
		ev.peer.addr = tapir_addr_v4(rx->ip.src);
		ev.u.icmp.type = type;
		ev.u.icmp.code = code;
		ev.u.icmp.mtu = info;
		emit(t, &ev);
	}
}

void icmp_send_error(struct tapir *t, const struct rx *rx, uint8_t type, uint8_t code,
		     uint32_t info)
{
	/* R1122-46, R1122-47, CL-24: as received, no more than came, and 576 bytes in all. */
	uint32_t quote = min_u32(rx->l3_len, QUOTE_MAX);
	/* R1122-49: TOS 0. */
	struct ip_tx tx = {.src = rx->ip.dst,
			   .dst = rx->ip.src,
			   .proto = IPPROTO_NUM_ICMP,
			   .flags = IP_TX_DF};
	struct icmp_hdr h = {.type = type, .code = code, .rest = info};
	struct pkt *p;
	uint8_t *at;

	/* R1122-59, R6633-1: no caller sends a redirect or a source quench. */
	if (!error_allowed(rx))
		return;
	if (!rx->looped && (!limit_host(t, rx->ip.src) || !limit_all(t))) {
		count_sent(t, rx, type, code, info, false);
		return;
	}
	p = pkt_alloc(t, PKT_HEADROOM, ICMP_HLEN + quote);
	if (!p) {
		STAT_INC(t, Icmp, OutErrors);
		return;
	}
	at = pkt_put(p, ICMP_HLEN + quote);
	icmp_hdr_encode(at, &h);
	memcpy(at + ICMP_HLEN, rx->l3, quote);
	icmp_finish(at, ICMP_HLEN + quote);
	if (ip_output(t, p, &tx) < 0)
		STAT_INC(t, Icmp, OutErrors);
	else
		count_sent(t, rx, type, code, info, true); /* R1122-55 */
}

int icmp_err_errno(uint8_t type, uint8_t code, bool *hard)
{
	/* R1122-58: what says that the net or the host can't be reached now is a hint. */
	static const struct {
		uint8_t err;
		bool hard;
	} unreach[] = {
		[ICMP_UNREACH_NET] = {ENETUNREACH, false},
		[ICMP_UNREACH_HOST] = {EHOSTUNREACH, false},
		[ICMP_UNREACH_PROTOCOL] = {ENOPROTOOPT, true},
		[ICMP_UNREACH_PORT] = {ECONNREFUSED, true},
		[ICMP_UNREACH_NEEDFRAG] = {EMSGSIZE, false},
		[ICMP_UNREACH_SRCFAIL] = {EOPNOTSUPP, false},
		[ICMP_UNREACH_NET_UNKNOWN] = {ENETUNREACH, true},
		[ICMP_UNREACH_HOST_UNKNOWN] = {EHOSTDOWN, true},
		[ICMP_UNREACH_ISOLATED] = {ENONET, true},
		[ICMP_UNREACH_NET_PROHIB] = {ENETUNREACH, true},
		[ICMP_UNREACH_HOST_PROHIB] = {EHOSTUNREACH, true},
		[ICMP_UNREACH_TOSNET] = {ENETUNREACH, false},
		[ICMP_UNREACH_TOSHOST] = {EHOSTUNREACH, false},
		[ICMP_UNREACH_FILTER_PROHIB] = {EHOSTUNREACH, true},
		[ICMP_UNREACH_HOST_PRECEDENCE] = {EHOSTUNREACH, true},
		[ICMP_UNREACH_PRECEDENCE_CUTOFF] = {EHOSTUNREACH, true},
	};

	*hard = false;
	switch (type) {
	case ICMP_UNREACH:
		if (code >= ARRAY_SIZE(unreach))
			return 0;
		*hard = unreach[code].hard;
		return unreach[code].err;
	case ICMP_TIME_EXCEEDED:
		return EHOSTUNREACH;
	case ICMP_PARAM_PROBLEM:
		*hard = true;
		return EPROTO;
	default:
		return 0;
	}
}

int icmp_init(struct tapir *t)
{
	struct icmp_limits *l = mem_zalloc(t, sizeof(*l));

	if (!l)
		return -ENOMEM;
	random_bytes(t, &l->key, sizeof(l->key));
	t->ip->icmp = l;
	return 0;
}

void icmp_fini(struct tapir *t)
{
	if (!t->ip || !t->ip->icmp)
		return;
	mem_free(t, t->ip->icmp, sizeof(*t->ip->icmp));
	t->ip->icmp = NULL;
}
