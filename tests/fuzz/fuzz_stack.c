/*
 * The whole stack. The input is a program: frames that arrive at two interfaces, socket calls, steps of
 * time, settings, memory that fails. After each entry every invariant of the instance is checked; every
 * packet that leaves must be well formed, with right checksums; at the end nothing may have leaked.
 *
 * Segments for existing connections are made from what the stack itself knows of them (TCP_INFO), so
 * that the input needs to say only how far off they are.
 *
 *	byte 0          offloads and kind of the interfaces; whether two bytes of settings follow
 *	then            operation, arguments; ...
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "tests/support/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SOCKS = 8, OPS_MAX = 600, FRAME_MAX = 2048, OTHER = 3 };

#define OTHER_US   TAPIR_IP4(198, 51, 100, 2)
#define OTHER_PEER TAPIR_IP4(198, 51, 100, 1)
#define GROUP	   TAPIR_IP4(239, 1, 2, 3)

struct fuzz {
	struct world w;
	const uint8_t *p, *end;
	tapir_sock_t s[SOCKS];
	uint32_t offload;
	uint8_t last[64]; /* the beginning of the last IP packet that left, to be quoted */
	size_t nlast;
	uint8_t cookie[8]; /* of the last Fast Open option that left */
};

static uint32_t take(struct fuzz *f, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | (f->p < f->end ? *f->p++ : 0);
	return v;
}

static size_t take_bytes(struct fuzz *f, uint8_t *to, size_t max)
{
	size_t n = take(f, 1);

	n = n > 200 ? (n - 199) * 32 : n;
	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++)
		to[i] = f->p < f->end ? *f->p++ : (uint8_t)i;
	return n;
}

/* An event is well formed: its type has a name, its source is text. */
static void on_event(void *ctx, const struct tapir_event *ev)
{
	struct world *w = ctx;

	TAPIR_ASSERT(ev->type < TAPIR_EV_COUNT && ev->source && strlen(ev->source) < 100);
	TAPIR_ASSERT(ev->time_ns == (w->t ? tapir_now(w->t) : ev->time_ns));
	if (ev->type == TAPIR_EV_PKT_DROP)
		TAPIR_ASSERT(ev->u.drop.reason > DROP_NONE && ev->u.drop.reason < DROP_COUNT);
}

static uint32_t some_addr(struct fuzz *f)
{
	static const uint32_t addrs[] = {WORLD_PEER, WORLD_US,	 WORLD_PEER, OTHER_PEER, OTHER_US,
					 WORLD_BC,   UINT32_MAX, GROUP,	     WORLD_PEER, WORLD_FAR,
					 0,	     0,		 0};
	uint32_t k = take(f, 1) % 16;

	if (k == 10)
		return TAPIR_IP4(127, 0, 0, 1);
	if (k == 11)
		return 0;
	if (k == 12)
		return TAPIR_IP4(224, 0, 0, 1);
	return k < 10 ? addrs[k] : k == 13 ? take(f, 4) : WORLD_US;
}

static uint16_t some_port(struct fuzz *f)
{
	uint32_t k = take(f, 1);

	return (uint16_t)(k < 250 ? k % 5 : take(f, 2));
}

/* ---- what arrives ---- */

static void push_ip(struct fuzz *f, const uint8_t *ip, size_t n, bool other)
{
	static uint8_t frame[FRAME_MAX + 64];

	if (!other) {
		world_push_if(&f->w, f->w.ifi, ip, n);
		return;
	}
	n = world_eth(frame, &world_mac, &world_peer_mac, 0x0800, ip, n);
	world_push_if(&f->w, OTHER, frame, n);
}

static void frame_raw(struct fuzz *f)
{
	uint8_t b[FRAME_MAX];
	int ifi = take(f, 1) & 1 ? OTHER : f->w.ifi;
	size_t n = take_bytes(f, b, sizeof(b));

	world_push_if(&f->w, ifi, b, n);
}

/* Any IP header fields, any payload, checksums right unless told. */
static void frame_ip(struct fuzz *f)
{
	uint8_t b[FRAME_MAX], payload[FRAME_MAX - 64];
	uint32_t how = take(f, 1), dst = some_addr(f), src = some_addr(f);
	size_t n = take_bytes(f, payload, sizeof(payload));

	n = world_ip(b, src, dst, (uint8_t)take(f, 1), payload, n);
	if (how & 1) {
		uint32_t frag = take(f, 2);

		b[5] = (uint8_t)take(f, 1);
		b[6] = (uint8_t)(frag >> 8);
		b[7] = (uint8_t)frag;
	}
	if (how & 2)
		b[take(f, 1) % 20] = (uint8_t)take(f, 1);
	if (!(how & 4) && (size_t)(b[0] & 15) * 4 <= n && (b[0] & 15) >= 5)
		world_fix(b, n);
	push_ip(f, b, n, how & 8);
}

static void frame_udp(struct fuzz *f)
{
	uint8_t b[FRAME_MAX], payload[FRAME_MAX - 64];
	uint32_t how = take(f, 1), src = how & 1 ? OTHER_PEER : WORLD_PEER;
	uint32_t dst = how & 2 ? some_addr(f) : how & 1 ? OTHER_US : WORLD_US;
	uint16_t sport = some_port(f), dport = some_port(f);
	size_t n = take_bytes(f, payload, sizeof(payload));

	n = world_udp(b, src, dst, sport, dport, payload, n);
	push_ip(f, b, n, how & 1);
}

/* A piece of a UDP datagram: id, offset and length from the input, overlaps welcome. */
static void frame_fragment(struct fuzz *f)
{
	uint8_t b[FRAME_MAX], payload[FRAME_MAX - 64];
	uint32_t id = take(f, 1) % 3, off = take(f, 1), more = take(f, 1) & 1;
	size_t n = take_bytes(f, payload, sizeof(payload));

	n = world_ip(b, WORLD_PEER, WORLD_US, 17, payload, more ? n & ~(size_t)7 : n);
	b[5] = (uint8_t)id;
	b[6] = (uint8_t)(more << 5 | off >> 8);
	b[7] = (uint8_t)off;
	b[10] = b[11] = 0;
	uint16_t c = world_cksum(b, 20, 0);
	b[10] = (uint8_t)(c >> 8);
	b[11] = (uint8_t)c;
	push_ip(f, b, n, false);
}

/* Near numbers, mostly: off by little, by a window, by half the space. */
static uint32_t delta(struct fuzz *f)
{
	uint32_t k = take(f, 1);

	if (k < 128)
		return 0;
	if (k < 192)
		return k - 160;
	if (k < 224)
		return (k - 208) * 500;
	if (k < 240)
		return (k - 232) * 65536;
	return take(f, 4);
}

/* `ack`: SACK blocks lie beyond it. */
static size_t tcp_options(struct fuzz *f, uint8_t *o, uint32_t ack)
{
	uint32_t k = take(f, 1);
	size_t n = 0;

	if (k & 1) {
		memcpy(o, "\2\4\5\264\1\3\3", 7);
		o[7] = (uint8_t)(take(f, 1) % 20);
		n = 8;
	}
	if (k & 2) {
		uint32_t val = 1000000 + take(f, 2), ecr = take(f, 4);

		memcpy(o + n, "\1\1\10\12", 4);
		world_put32(o + n + 4, val);
		world_put32(o + n + 8, ecr);
		n += 12;
	}
	if (k & 4) {
		memcpy(o + n, "\4\2\1\1", 4);
		n += 4;
	}
	if (k & 16) {
		uint32_t blocks = 1 + (k >> 5) % 3, at = ack;

		if (n + 4 + 8 * blocks > 40)
			blocks = 1;
		memcpy(o + n, "\1\1\5", 3);
		o[n + 3] = (uint8_t)(2 + 8 * blocks);
		n += 4;
		for (uint32_t b = 0; b < 2 * blocks; b++, n += 4) {
			at += take(f, 1) * 64;
			world_put32(o + n, at);
		}
	}
	/* A Fast Open option: a question, or the cookie that was seen last. */
	if (k & 32 && !(k & 16) && n + 12 <= 40) {
		uint32_t len = take(f, 1) & 1 ? 8 : 0;

		o[n] = 34;
		o[n + 1] = (uint8_t)(2 + len);
		memcpy(o + n + 2, f->cookie, len);
		o[n + 2 + len] = o[n + 3 + len] = 1;
		n += 4 + len;
	}
	if (k & 8) {
		size_t raw = take(f, 1) % (41 - n);

		for (size_t i = 0; i < raw; i++)
			o[n + i] = (uint8_t)take(f, 1);
		n += raw;
	}
	return n;
}

/* A segment for one of our connections or listeners, or for anybody. */
static void frame_tcp(struct fuzz *f)
{
	static uint8_t b[FRAME_MAX], payload[FRAME_MAX - 128];
	uint8_t opts[64];
	struct tapir_sockaddr local, peer;
	struct tapir_tcp_info info = {0};
	size_t len = sizeof(info), n, nopts;
	tapir_sock_t s = f->s[take(f, 1) % SOCKS];
	uint32_t src = WORLD_PEER, dst = WORLD_US, seq, ack;
	uint16_t sport = 4000, dport = 3;
	uint8_t flags;

	if (tapir_getsockname(f->w.t, s, &local) == 0 && local.port)
		dport = local.port;
	if (tapir_getsockopt(f->w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &len) < 0)
		memset(&info, 0, sizeof(info));
	if (info.state == TAPIR_TCP_SYN_SENT || tapir_getpeername(f->w.t, s, &peer) == 0) {
		/* SYN-SENT: the fuzzer connects to the peer's port 9. */
		if (info.state == TAPIR_TCP_SYN_SENT)
			peer = tapir_sockaddr_v4(WORLD_PEER, 9);
		sport = peer.port;
		src = tapir_addr_to_v4(&peer.addr);
		dst = tapir_addr_to_v4(&local.addr);
	} else {
		sport = (uint16_t)(4000 + take(f, 1) % 4);
	}
	seq = info.rcv_nxt + delta(f);
	ack = (take(f, 1) & 1 ? info.snd_nxt : info.snd_una) + delta(f);
	flags = (uint8_t)take(f, 1);
	nopts = tcp_options(f, opts, ack);
	n = take_bytes(f, payload, sizeof(payload));
	n = world_tcp(b, src, dst, sport, dport, seq, ack, flags, (uint16_t)take(f, 2), opts, nopts,
		      payload, n);
	if (flags & 0xc0) { /* where ECN's flags are, its marks are too */
		b[1] = (uint8_t)(flags >> 6);
		world_fix(b, n);
	}
	push_ip(f, b, n, false);
}

/* What the peer would answer to the last segment that left, or nearly that. */
static void frame_reply(struct fuzz *f)
{
	static uint8_t b[FRAME_MAX], payload[FRAME_MAX - 128];
	const uint8_t *ip = f->last, *t = ip + 20;
	uint32_t seq, ack, len;
	uint8_t opts[64], flags, times;
	size_t n, nopts;

	if (f->nlast < 40 || ip[9] != 6 || (ip[0] & 15) != 5)
		return;
	len = (uint32_t)(ip[2] << 8 | ip[3]) - 20 - (uint32_t)(t[12] >> 4) * 4;
	len += (t[13] & 1) + (t[13] >> 1 & 1);
	seq = world_get32(t + 8) + delta(f);
	ack = world_get32(t + 4) + len + delta(f);
	flags = (uint8_t)take(f, 1);
	times = flags >> 6;
	nopts = tcp_options(f, opts, ack);
	n = take_bytes(f, payload, sizeof(payload));
	n = world_tcp(b, world_get32(ip + 16), world_get32(ip + 12), (uint16_t)(t[2] << 8 | t[3]),
		      (uint16_t)(t[0] << 8 | t[1]), seq, ack, flags, (uint16_t)take(f, 2), opts,
		      nopts, payload, n);
	/* More than once: duplicate ACKs, duplicate text. */
	for (unsigned i = 0; i <= times; i++)
		push_ip(f, b, n, false);
}

/* An ICMP error about the last packet that left, or about nothing known. */
static void frame_icmp_err(struct fuzz *f)
{
	uint8_t b[256], quote[64];
	uint32_t how = take(f, 1);
	uint8_t type = (uint8_t)(how & 1 ? take(f, 1) : 3), code = (uint8_t)(take(f, 1) % 16);
	uint32_t rest = take(f, 2);
	size_t n = f->nlast;

	memcpy(quote, f->last, n);
	if (how & 2 && n > 0)
		quote[take(f, 1) % n] ^= (uint8_t)take(f, 1);
	if (how & 4)
		n = take(f, 1) % (n + 1);
	n = world_icmp(b, how & 8 ? WORLD_FAR : WORLD_PEER, WORLD_US, type, code, rest, quote, n);
	push_ip(f, b, n, false);
}

static void frame_icmp(struct fuzz *f)
{
	uint8_t b[FRAME_MAX], payload[FRAME_MAX - 64];
	uint32_t dst = some_addr(f), rest;
	uint8_t type = (uint8_t)take(f, 1), code = (uint8_t)take(f, 1);
	size_t n;

	rest = take(f, 4);
	n = take_bytes(f, payload, sizeof(payload));
	n = world_icmp(b, WORLD_PEER, dst, type, code, rest, payload, n);
	push_ip(f, b, n, false);
}

/* Queries and others' reports. */
static void frame_igmp(struct fuzz *f)
{
	static const uint8_t types[] = {0x11, 0x11, 0x12, 0x16, 0x17, 0x22};
	uint8_t b[128], m[64] = {0};
	uint32_t how = take(f, 1), dst = how & 1 ? TAPIR_IP4(224, 0, 0, 1) : GROUP + (how >> 1 & 3);
	size_t n = how & 8 ? 8 : 12;

	m[0] = types[(how >> 4) % 6];
	m[1] = (uint8_t)take(f, 1);
	world_put32(m + 4, how & 1 ? 0 : dst);
	if (n == 12) {
		m[8] = (uint8_t)take(f, 1);
		m[9] = (uint8_t)take(f, 1);
		m[11] = (uint8_t)(take(f, 1) % 8);
		n += (size_t)m[11] * 4;
	}
	n = world_ip(b, WORLD_PEER, dst, 2, m, n);
	b[8] = 1;
	world_fix(b, n);
	push_ip(f, b, n, how & 128);
}

static void frame_arp(struct fuzz *f)
{
	uint8_t b[64] = {0}, a[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1};
	uint32_t how = take(f, 1);
	uint32_t spa = how & 1 ? OTHER_PEER : how & 2 ? OTHER_US : OTHER_PEER + take(f, 1);
	uint32_t tpa = how & 4 ? OTHER_US : OTHER_PEER + take(f, 1);
	struct tapir_mac mac = world_peer_mac, bc;
	size_t n;

	memset(&bc, 0xff, sizeof(bc));
	a[7] = (uint8_t)(1 + (how >> 3 & 1));
	mac.b[5] = (uint8_t)(how >> 4 & 3);
	memcpy(a + 8, mac.b, 6);
	for (int i = 0; i < 4; i++) {
		a[14 + i] = (uint8_t)(spa >> (24 - 8 * i));
		a[24 + i] = (uint8_t)(tpa >> (24 - 8 * i));
	}
	if (how & 64)
		a[take(f, 1) % 28] = (uint8_t)take(f, 1);
	n = world_eth(b, how & 128 ? &bc : &world_mac, &mac, 0x0806, a, 28);
	world_push_if(&f->w, OTHER, b, n);
}

/* ---- what leaves ---- */

/* Nobody gets us to send much for little: limits of what answers a stranger. */
static void check_size(const uint8_t *ip, size_t n)
{
	const uint8_t *l4 = ip + 20;

	if ((ip[0] & 15) != 5 || (ip[6] & 0x1f) || ip[7] || n < 40)
		return;
	if (ip[9] == 6 && (l4[13] & 4))
		TAPIR_ASSERT(n <= 52); /* RST: 40, and a connection's with timestamps */
	if (ip[9] == 6 && (l4[13] & 0x12) == 0x12)
		TAPIR_ASSERT(n <= 80); /* SYN-ACK; 60 without a cookie and a user timeout */
	if (ip[9] == 1 && (l4[0] == 3 || l4[0] == 11 || l4[0] == 12))
		TAPIR_ASSERT(n <= 576);
}

/* Remembers a Fast Open cookie. */
static void see_cookie(struct fuzz *f, const uint8_t *ip, size_t n)
{
	const uint8_t *o = ip + 40;

	if (n < 52 || ip[9] != 6 || (ip[0] & 15) != 5 || !(ip[33] & 2))
		return;
	for (; o + 10 <= ip + n; o += *o == 1 ? 1 : o[1] < 2 ? 40 : o[1]) {
		if (o[0] == 34 && o[1] == 10)
			memcpy(f->cookie, o + 2, 8);
	}
}

static void check_sent(struct fuzz *f, const uint8_t *ip, size_t n)
{
	struct world_pkt k;

	/* Checksums left to the driver, or a segment for it to cut: only the header is whole. */
	if (f->offload == 0)
		TAPIR_ASSERT(world_read(ip, n, &k));
	else
		TAPIR_ASSERT(n >= 20 && ip[0] >> 4 == 4);
	TAPIR_ASSERT(ip[8] > 0);		      /* R1122-32 */
	TAPIR_ASSERT(ip[12] != 127 && ip[16] != 127); /* R1122-25 */
	TAPIR_ASSERT(ip[12] < 224);		      /* R1122-26 */
	check_size(ip, n);
	see_cookie(f, ip, n);
	f->nlast = n < sizeof(f->last) ? n : sizeof(f->last);
	memcpy(f->last, ip, f->nlast);
}

static void pop(struct fuzz *f, size_t max)
{
	static uint8_t b[WORLD_FRAME + 14];
	size_t n;

	for (size_t i = 0; i < max && (n = world_pop_if(&f->w, f->w.ifi, b, sizeof(b))) > 0; i++)
		check_sent(f, b, n);
	for (size_t i = 0; i < max && (n = world_pop_if(&f->w, OTHER, b, sizeof(b))) > 0; i++) {
		TAPIR_ASSERT(n >= 60 && memcmp(b + 6, world_mac.b, 6) == 0);
		if (b[12] == 8 && b[13] == 0) {
			size_t ip = (size_t)(b[16] << 8 | b[17]);

			TAPIR_ASSERT(ip <= n - 14);
			check_sent(f, b + 14, ip);
		}
	}
}

/* ---- what the application does ---- */

static void call_data(struct fuzz *f, tapir_sock_t s)
{
	static uint8_t buf[20000];
	uint32_t how = take(f, 1), n1 = take(f, 2) % sizeof(buf), n2 = take(f, 1);
	struct iovec iov[2] = {{buf, n1}, {buf, n2}};
	struct tapir_msg m = {.tos = -1};
	int flags = how & 64 ? (int)take(f, 2) : 0, niov = 0;

	memcpy(buf, "\10\0\0\0\0\0\0\1", 8);
	switch (how % 8) {
	case 0:
	case 1:
		tapir_send(f->w.t, s, iov, 2, flags);
		break;
	case 2:
		m.peer = tapir_sockaddr_v4(some_addr(f), some_port(f));
		m.ttl = (int)take(f, 1);
		if (how & 128) {
			flags = TAPIR_MSG_FASTOPEN;
			m.peer = tapir_sockaddr_v4(WORLD_PEER, 9);
		}
		tapir_sendmsg(f->w.t, s, iov, 2, flags, &m);
		break;
	case 3:
	case 4:
		tapir_recv(f->w.t, s, iov, 2, flags);
		break;
	case 5:
		tapir_recvmsg(f->w.t, s, iov, (int)take(f, 1) % 4 - 1, flags, &m);
		break;
	case 6:
		if (tapir_send_reserve(f->w.t, s, n1, iov, 2, &niov) > 0)
			tapir_send_commit(f->w.t, s, n2, flags);
		break;
	case 7:
		if (tapir_recv_peek(f->w.t, s, iov, 2, &niov) > 0)
			tapir_recv_consume(f->w.t, s, n2);
		break;
	}
}

static void call_option(struct fuzz *f, tapir_sock_t s)
{
	static const uint8_t levels[] = {0, 1, 6, 17};
	uint32_t how = take(f, 1);
	int level = levels[how % 4], name = (int)(take(f, 1) % 49);
	uint8_t val[64] = {0};
	size_t len = 4;
	int v;

	if (name == 48)
		name = TAPIR_TCP_UTO;
	if (how & 64) {
		tapir_getsockopt(f->w.t, s, level, name, val, &len);
		return;
	}
	v = (int)(how & 16 ? take(f, 1) : how & 32 ? take(f, 4) : how >> 7);
	memcpy(val, &v, sizeof(v));
	if (how & 8)
		len = take_bytes(f, val, sizeof(val));
	tapir_setsockopt(f->w.t, s, level, name, val, len);
}

static void call_member(struct fuzz *f, tapir_sock_t s)
{
	uint32_t how = take(f, 1);
	struct tapir_mreq m = {.group = tapir_addr_v4(GROUP + how % 4),
			       .ifindex = (int)(how >> 4 & 3)};

	tapir_setsockopt(f->w.t, s, TAPIR_SOL_IP,
			 how & 8 ? TAPIR_IP_DROP_MEMBERSHIP : TAPIR_IP_ADD_MEMBERSHIP, &m,
			 sizeof(m));
}

/* Every socket and record, once: the handles that we hold are among them. */
static void list_all(struct fuzz *f)
{
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info info;
	unsigned open = 0, seen = 0;

	for (int i = 0; i < SOCKS; i++)
		open += tapir_poll(f->w.t, f->s[i]) >= 0;
	while (tapir_sock_next(f->w.t, &it, &info) == 1)
		seen += info.sock != 0;
	TAPIR_ASSERT(seen >= open);
}

static void call_socket(struct fuzz *f)
{
	tapir_sock_t *at = &f->s[take(f, 1) % SOCKS], s = *at;
	struct tapir_sockaddr sa;
	struct tapir_ready ev[4];
	uint32_t k = take(f, 1);

	switch (k % 16) {
	case 0:
		if (tapir_poll(f->w.t, s) < 0)
			*at = tapir_socket(f->w.t, TAPIR_AF_INET,
					   k & 16 ? TAPIR_DGRAM : TAPIR_STREAM,
					   (k & 48) == 48 ? TAPIR_IPPROTO_ICMP : 0);
		break;
	case 1:
		sa = tapir_sockaddr_v4(k & 16 ? some_addr(f) : 0, some_port(f));
		tapir_bind(f->w.t, s, &sa);
		break;
	case 2:
		tapir_listen(f->w.t, s, (int)(k >> 4) - 1);
		break;
	case 3:
		s = tapir_accept(f->w.t, s, &sa);
		if (s > 0) {
			at = &f->s[take(f, 1) % SOCKS];
			tapir_close(f->w.t, *at);
			*at = s;
		}
		break;
	case 4:
		sa = tapir_sockaddr_v4(WORLD_PEER, 9);
		if (k & 16)
			sa = tapir_sockaddr_v4(some_addr(f), some_port(f));
		tapir_connect(f->w.t, s, &sa);
		break;
	case 5:
		tapir_shutdown(f->w.t, s, (int)(k >> 4) % 4);
		break;
	case 6:
		tapir_close(f->w.t, s);
		break;
	case 7:
		tapir_abort(f->w.t, s);
		break;
	case 8:
		call_option(f, s);
		break;
	case 9:
		call_member(f, s);
		break;
	case 10:
		tapir_interest(f->w.t, s, take(f, 1), k);
		break;
	case 11:
		tapir_ready_pop(f->w.t, ev, (k >> 4) % 5);
		break;
	case 12:
		if (k & 16)
			tapir_recv_held(f->w.t, s, take(f, 2));
		else
			list_all(f);
		break;
	default:
		call_data(f, s);
		break;
	}
}

/* ---- what the administrator does ---- */

static void set_something(struct fuzz *f)
{
	const struct tapir_conf_item *item = tapir_conf_item(take(f, 1));
	uint32_t how = take(f, 1);
	int64_t v;

	if (!item)
		return;
	v = how == 0   ? item->min
	    : how == 1 ? item->max
	    : how == 2 ? item->def
		       : (int64_t)take(f, 3);
	/* Tables of a size that no input here can fill cost time only. */
	if (v > 1 << 24)
		v = 1 << 24;
	tapir_sysctl(f->w.t, item->name, item->index, v);
}

static void configure(struct fuzz *f)
{
	uint32_t k = take(f, 1), how = take(f, 1);
	int ifi = how & 1 ? OTHER : f->w.ifi;
	struct tapir_addr a = tapir_addr_v4(how & 2   ? WORLD_US
					    : how & 4 ? OTHER_US
						      : WORLD_US + how);
	struct tapir_route r = {.gw = tapir_addr_v4(how & 8 ? WORLD_PEER : OTHER_PEER),
				.metric = how >> 6};
	struct tapir_neigh n;

	switch (k % 12) {
	case 0:
		tapir_netif_down(f->w.t, ifi);
		break;
	case 1:
	case 2:
		tapir_netif_up(f->w.t, ifi);
		break;
	case 3:
		tapir_addr_add(f->w.t, ifi, &a, (uint8_t)(how >> 3));
		break;
	case 4:
		tapir_addr_del(f->w.t, ifi, &a);
		break;
	case 5:
		tapir_route_add(f->w.t, &r);
		break;
	case 6:
		tapir_route_del(f->w.t, &r);
		break;
	case 7:
		tapir_netif_set_mtu(f->w.t, ifi, how < 128 ? 68 + how * 16 : 1500);
		break;
	case 8:
		a = tapir_addr_v4(OTHER_PEER + (how >> 5));
		if (how & 2)
			tapir_neigh_set(f->w.t, OTHER, &a, &world_peer_mac);
		else
			tapir_neigh_del(f->w.t, OTHER, &a);
		break;
	case 9:
		tapir_neigh_get(f->w.t, how & 7, &n);
		tapir_route_get(f->w.t, how & 7, &r);
		break;
	case 10:
		set_something(f);
		break;
	case 11:
		if (k & 128)
			f->w.alloc.fail_at = f->w.alloc.calls + 1 + how % 16;
		else
			f->w.alloc.fail_all = how & 1 ? f->w.alloc.calls + 1 : 0;
		break;
	}
}

static void pass_time(struct fuzz *f)
{
	static const uint64_t steps[] = {0,
					 1,
					 WORLD_MS,
					 40 * WORLD_MS,
					 WORLD_S / 5,
					 WORLD_S,
					 3 * WORLD_S,
					 10 * WORLD_S,
					 WORLD_S * 40,
					 WORLD_S * 60,
					 WORLD_S * 600};
	uint32_t k = take(f, 1);
	uint64_t end = tapir_now(f->w.t) + steps[k % 11];

	if (k & 128) {
		/* A driver that slept too long: all at once. */
		tapir_advance(f->w.t, end);
		return;
	}
	for (unsigned turns = 0, idle = 0; turns < 400; turns++) {
		uint64_t d = tapir_next_deadline(f->w.t);

		if (d > end)
			break;
		/* "At once", again and again, would be a driver's loop that never sleeps. */
		idle = d <= tapir_now(f->w.t) ? idle + 1 : 0;
		TAPIR_ASSERT(idle < 300);
		tapir_advance(f->w.t, d);
	}
	tapir_advance(f->w.t, end);
}

static void one(struct fuzz *f)
{
	uint32_t op = take(f, 1);

	switch (op % 25) {
	case 0:
		frame_raw(f);
		break;
	case 1:
		frame_ip(f);
		break;
	case 2:
		frame_udp(f);
		break;
	case 3:
		frame_fragment(f);
		break;
	case 4:
		frame_icmp(f);
		break;
	case 5:
		frame_icmp_err(f);
		break;
	case 6:
		frame_arp(f);
		break;
	case 7:
	case 8:
		frame_tcp(f);
		break;
	case 9:
	case 10:
		frame_reply(f);
		break;
	case 11:
	case 12:
		pass_time(f);
		break;
	case 13:
		pop(f, op >> 4);
		break;
	case 14:
	case 15:
		pop(f, 1000);
		break;
	case 16:
		configure(f);
		break;
	case 24:
		frame_igmp(f);
		break;
	default:
		call_socket(f);
		break;
	}
}

/* TCP's larger choices, from the beginning on. */
static void settings(struct fuzz *f)
{
	struct tapir_conf *c = &f->w.conf;
	uint32_t k = take(f, 2);

	c->tcp_timestamps = !(k & 1);
	c->tcp_sack = !(k & 2);
	c->tcp_ecn = k & 4 ? 1 : 2;
	c->tcp_fastopen = k & 8 ? 3 : 1;
	c->tcp_mtu_probing = k >> 4 & 3 ? (k >> 4 & 3) - 1 : 0;
	c->tcp_recovery = k & 0x40 ? 0 : 1;
	c->tcp_congestion_control = k >> 7 & 1;
	c->tcp_frto = k & 0x100 ? 0 : 2;
	c->tcp_early_retrans = k & 0x200 ? 0 : 3;
	c->tcp_window_scaling = !(k & 0x400);
}

static bool begin(struct fuzz *f)
{
	struct tapir_route gw = {.gw = tapir_addr_v4(WORLD_PEER)};
	uint32_t how = take(f, 1);

	world_init(&f->w, TEST_ALLOC_PLAIN);
	f->w.env.event = on_event;
	f->w.no_check = true;
	f->offload = how & 1 ? TAPIR_OFFLOAD_TX_CSUM | (how & 2 ? TAPIR_OFFLOAD_TSO4 : 0) : 0;
	f->w.conf.arp_probe = how >> 2 & 1;
	f->w.conf.tcp_syncookies = how >> 3 & 1 ? 2 : 1;
	/* Fast Open with cookies or without, for everybody; ECN asked for; user timeouts told. */
	if (how & 16) {
		f->w.conf.tcp_fastopen = how & 32 ? 0x607 : 0x403;
		f->w.conf.tcp_fastopen_blackhole_timeout_s = 10;
		f->w.conf.tcp_ecn = 1;
		f->w.conf.tcp_uto = how & 64 ? 100 : 0;
	}
	if (how & 128)
		settings(f);
	if (world_start(&f->w) < 0)
		return false;
	TAPIR_ASSERT(world_netif(&f->w, TAPIR_NETIF_RAW_IP, WORLD_US, 24, 1500, f->offload) == 2);
	TAPIR_ASSERT(world_netif(&f->w, TAPIR_NETIF_ETHER, OTHER_US, 24, 1500, f->offload) ==
		     OTHER);
	tapir_route_add(f->w.t, &gw);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;

	memset(&f, 0, sizeof(f));
	f.p = data;
	f.end = data + size;
	if (begin(&f)) {
		for (unsigned i = 0; i < OPS_MAX && f.p < f.end; i++) {
			one(&f);
			tapir_check(f.w.t);
		}
		pop(&f, 10000);
	}
	TAPIR_ASSERT(world_end(&f.w) == 0);
	return 0;
}
