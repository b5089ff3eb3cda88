/*
 * One connection, and a peer that plays its part well enough to reach what lies deep: the scoreboard, RACK and tail
 * probes, PRR, undo, ECN, Fast Open, probing for the MTU, right-sizing. The input says with which settings, which of our
 * segments are lost on the way, when the peer acknowledges and with which blocks, what it sends, how time passes, and
 * where it lies. After each entry every invariant is checked, every packet that leaves must be whole, and at the end
 * nothing may have leaked.
 *
 *	bytes 0 to 2    settings, and who opens
 *	then            operation, arguments; ...
 */
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/base/ranges.h"
#include "stack/base/seq.h"
#include "tests/support/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	OPS_MAX = 400,
	PEER_RANGES = 64,
	PEER_PORT = 5000,
	OUR_PORT = 80,
	COOKIE_MAX = 16,
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACK = 16,
	URG = 32,
	ECE = 64,
	CWR = 128,
};

struct peer {
	bool syn_seen, ts, sack, open;
	uint16_t port;
	uint32_t irs, rcv_nxt; /* of what the stack sends */
	uint32_t iss, snd_nxt;
	uint32_t ts_val, ts_recent;
	uint32_t dup_start, dup_end; /* a duplicate that was not reported yet */
	struct ranges got;	     /* beyond rcv_nxt */
	struct seq_range got_mem[PEER_RANGES];
	uint8_t cookie[COOKIE_MAX], ncookie;
	uint8_t old[120]; /* an ACK that comes late, or again */
	size_t nold;
};

struct fuzz {
	struct world w;
	const uint8_t *p, *end;
	tapir_sock_t listener, s;
	uint16_t our_port;
	struct peer peer;
	uint8_t fate; /* of the next segments of ours: a bit each, 1: lost */
	uint8_t last[64];
	size_t nlast;
};

static uint32_t take(struct fuzz *f, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | (f->p < f->end ? *f->p++ : 0);
	return v;
}

/* ---- the peer sends ---- */

static size_t peer_options(struct fuzz *f, uint8_t *o, uint8_t flags, bool sack)
{
	struct peer *q = &f->peer;
	size_t n = 0;

	if (flags & SYN) {
		memcpy(o, "\2\4\5\264\1\3\3\7", 8);
		n = 8;
		if (q->sack) {
			memcpy(o + n, "\4\2\1\1", 4);
			n += 4;
		}
	}
	if (q->ts) {
		memcpy(o + n, "\1\1\10\12", 4);
		world_put32(o + n + 4, q->ts_val);
		world_put32(o + n + 8, q->ts_recent);
		n += 12;
	}
	if (sack && q->sack && !(flags & SYN)) {
		unsigned blocks = 0, room = q->ts ? 3 : 4;
		size_t at = n + 4;

		if (q->dup_start != q->dup_end) {
			world_put32(o + at, q->dup_start);
			world_put32(o + at + 4, q->dup_end);
			q->dup_end = q->dup_start;
			blocks++;
		}
		/* Newest first. */
		for (uint32_t below = q->got.clock + 1; blocks < room; blocks++) {
			const struct seq_range *best = NULL;

			for (unsigned i = 0; i < q->got.n; i++) {
				const struct seq_range *r = &q->got.r[i];

				if (seq_lt(r->stamp, below) &&
				    (!best || seq_gt(r->stamp, best->stamp)))
					best = r;
			}
			if (!best)
				break;
			world_put32(o + at + 8 * blocks, best->start);
			world_put32(o + at + 8 * blocks + 4, best->end);
			below = best->stamp;
		}
		if (blocks) {
			o[n] = o[n + 1] = 1;
			o[n + 2] = 5;
			o[n + 3] = (uint8_t)(2 + 8 * blocks);
			n += 4 + 8 * blocks;
		}
	}
	return n;
}

static void push(struct fuzz *f, uint8_t *b, size_t n, uint8_t tos)
{
	if (tos) {
		b[1] = tos;
		world_fix(b, n);
	}
	world_push(&f->w, b, n);
}

static void peer_sends(struct fuzz *f, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t wnd,
		       bool sack, size_t len, uint8_t tos)
{
	static uint8_t b[4096], text[2048];
	struct peer *q = &f->peer;
	uint8_t opts[40];
	size_t nopts, n;

	q->ts_val++;
	nopts = peer_options(f, opts, flags, sack);
	if (flags & SYN && q->ncookie && nopts + q->ncookie + 2u <= 40) {
		opts[nopts] = 34;
		opts[nopts + 1] = (uint8_t)(2 + q->ncookie);
		memcpy(opts + nopts + 2, q->cookie, q->ncookie);
		nopts += 2u + q->ncookie;
		while (nopts % 4)
			opts[nopts++] = 1;
	}
	n = world_tcp(b, WORLD_PEER, WORLD_US, q->port, f->our_port, seq, ack, flags, wnd, opts,
		      nopts, text, len);
	if (n <= sizeof(q->old)) {
		memcpy(q->old, b, n);
		q->nold = n;
	}
	push(f, b, n, tos);
}

/* ---- the peer receives ---- */

static void peer_got(struct peer *q, uint32_t start, uint32_t end)
{
	struct ranges_added added = {0};

	if (seq_leq(end, q->rcv_nxt)) {
		q->dup_start = start;
		q->dup_end = end;
		return;
	}
	start = seq_max(start, q->rcv_nxt);
	if (ranges_insert(&q->got, start, end, &added) < 0)
		return;
	if (added.duplicate) {
		q->dup_start = added.dup_start;
		q->dup_end = added.dup_end;
	}
	while (q->got.n && seq_leq(q->got.r[0].start, q->rcv_nxt)) {
		q->rcv_nxt = seq_max(q->rcv_nxt, q->got.r[0].end);
		ranges_remove(&q->got, 0);
	}
}

static void peer_options_in(struct peer *q, const struct world_pkt *k)
{
	for (size_t i = 0; i < k->nopts && k->opts[i] != 0;) {
		const uint8_t *o = k->opts + i;

		if (o[0] == 1) {
			i++;
			continue;
		}
		if (o[0] == 8)
			q->ts_recent = world_get32(o + 2);
		if (o[0] == 34 && o[1] > 2 && o[1] <= 2 + COOKIE_MAX) {
			q->ncookie = (uint8_t)(o[1] - 2);
			memcpy(q->cookie, o + 2, q->ncookie);
		}
		i += o[1];
	}
}

/* Everything that leaves is looked at; what is not lost the peer has. */
static void pop(struct fuzz *f)
{
	static uint8_t b[WORLD_FRAME];
	struct peer *q = &f->peer;
	struct world_pkt k;
	size_t n;

	while ((n = world_pop(&f->w, b, sizeof(b))) > 0) {
		bool lost = f->fate & 1;

		TAPIR_ASSERT(world_read(b, n, &k) && n <= 1500);
		f->fate >>= 1;
		f->nlast = n < sizeof(f->last) ? n : sizeof(f->last);
		memcpy(f->last, b, f->nlast);
		if (k.proto != 6 || lost)
			continue;
		/* RFC 3168 6.1: no SYN, no bare ACK, no RST is ECN-capable. */
		TAPIR_ASSERT(!(k.tos & 3) || (k.len > 0 && !(k.flags & (SYN | RST))));
		peer_options_in(q, &k);
		if (k.flags & SYN) {
			q->irs = k.seq;
			q->rcv_nxt = k.seq + 1;
			q->syn_seen = true;
			f->our_port = k.sport;
			q->port = k.dport;
			ranges_clear(&q->got);
			if (k.len)
				peer_got(q, k.seq + 1, k.seq + 1 + (uint32_t)k.len);
			continue;
		}
		if (k.flags & RST || !q->syn_seen)
			continue;
		if (k.len || k.flags & FIN)
			peer_got(q, k.seq, k.seq + (uint32_t)k.len + ((k.flags & FIN) ? 1 : 0));
	}
}

static void peer_acks(struct fuzz *f)
{
	struct peer *q = &f->peer;
	uint32_t how = take(f, 1), times = 1 + (how >> 4 & 3), lie = 0;
	uint16_t wnd = how & 8 ? (uint16_t)take(f, 1) : 0xffff;
	uint8_t flags = (uint8_t)(ACK | (how & 4 ? ECE : 0));

	if (how & 64) /* optimistic, or old */
		lie = (uint32_t)(int32_t)((int8_t)take(f, 1) * 700);
	for (uint32_t i = 0; i < times; i++)
		peer_sends(f, flags, q->snd_nxt, q->rcv_nxt + lie, wnd, !(how & 1), 0, 0);
}

static void peer_data(struct fuzz *f)
{
	struct peer *q = &f->peer;
	uint32_t how = take(f, 1), len = take(f, 1) * 6, off = how & 1 ? take(f, 1) * 100 : 0;
	uint8_t flags = (uint8_t)(ACK | (how & 2 ? PSH : 0) | (how & 4 ? FIN : 0) |
				  (how & 8 ? CWR : 0) | (how & 16 ? URG : 0));
	uint8_t tos = how & 32 ? (how & 64 ? 3 : 2) : 0;

	peer_sends(f, flags, q->snd_nxt + off, q->rcv_nxt, 0xffff, how & 128, len, tos);
	if (off == 0)
		q->snd_nxt += len + (how & 4 ? 1 : 0);
}

static void peer_raw(struct fuzz *f)
{
	struct peer *q = &f->peer;
	uint8_t flags = (uint8_t)take(f, 1);
	uint32_t seq = q->snd_nxt + (uint32_t)(int32_t)(int16_t)take(f, 2);
	uint32_t ack = q->rcv_nxt + (uint32_t)(int32_t)(int16_t)take(f, 2);

	peer_sends(f, flags, seq, ack, (uint16_t)take(f, 2), true, take(f, 1), 0);
}

static void too_big(struct fuzz *f)
{
	uint8_t b[256];
	size_t n = world_icmp(b, WORLD_PEER, WORLD_US, 3, 4, take(f, 2), f->last,
			      f->nlast < 28 ? f->nlast : 28);

	world_push(&f->w, b, n);
}

/* ---- the program ---- */

static void option(struct fuzz *f)
{
	static const uint8_t names[] = {
		TAPIR_TCP_NODELAY,	    TAPIR_TCP_CORK,    TAPIR_TCP_QUICKACK,
		TAPIR_TCP_NOTSENT_LOWAT,    TAPIR_TCP_MAXSEG,  TAPIR_TCP_USER_TIMEOUT,
		TAPIR_TCP_WINDOW_CLAMP,	    TAPIR_TCP_LINGER2, TAPIR_TCP_KEEPIDLE,
		TAPIR_TCP_FASTOPEN_CONNECT,
	};
	uint32_t k = take(f, 1);
	int v = (int)take(f, 2);
	struct tapir_tcp_info info;
	size_t len = sizeof(info);

	if (k & 128)
		tapir_setsockopt(f->w.t, f->s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION,
				 k & 1 ? "reno" : "cubic", k & 1 ? 4 : 5);
	else if (k & 64)
		tapir_setsockopt(f->w.t, f->s, TAPIR_SOL_SOCKET,
				 k & 1 ? TAPIR_SO_RCVBUF : TAPIR_SO_SNDBUF, &v, sizeof(v));
	else if (k & 32)
		tapir_getsockopt(f->w.t, f->s, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &len);
	else
		tapir_setsockopt(f->w.t, f->s, TAPIR_SOL_TCP, names[k % sizeof(names)], &v,
				 sizeof(v));
}

static void write_some(struct fuzz *f)
{
	static uint8_t buf[65536];
	uint32_t how = take(f, 1);
	struct iovec iov = {buf, take(f, 2)};

	tapir_send(f->w.t, f->s, &iov, 1, how & 1 ? TAPIR_MSG_MORE : how & 2 ? TAPIR_MSG_OOB : 0);
}

static void read_some(struct fuzz *f)
{
	static uint8_t buf[65536];
	struct iovec iov = {buf, take(f, 2)};

	tapir_recv(f->w.t, f->s, &iov, 1, 0);
}

static void connect_out(struct fuzz *f)
{
	struct tapir_sockaddr to = tapir_sockaddr_v4(WORLD_PEER, PEER_PORT);
	struct tapir_msg m = {.tos = -1};
	uint8_t buf[300] = {0};
	struct iovec iov = {buf, sizeof(buf)};

	f->s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	if (!f->w.conf.tcp_fastopen) {
		tapir_connect(f->w.t, f->s, &to);
		return;
	}
	m.peer = to;
	tapir_sendmsg(f->w.t, f->s, &iov, 1, TAPIR_MSG_FASTOPEN, &m);
}

static void open_once_more(struct fuzz *f)
{
	struct peer *q = &f->peer;
	uint32_t how = take(f, 1);

	tapir_close(f->w.t, f->s);
	f->s = 0;
	q->syn_seen = false;
	if (how & 1) {
		connect_out(f);
		pop(f);
		if (q->syn_seen)
			peer_sends(f, (uint8_t)(SYN | ACK | (how & 2 ? ECE : 0)), q->snd_nxt - 1,
				   q->rcv_nxt, 0xffff, false, how & 4 ? 100 : 0, 0);
		return;
	}
	f->our_port = OUR_PORT;
	q->port = (uint16_t)(PEER_PORT + (how >> 4));
	q->snd_nxt += 100000;
	peer_sends(f, (uint8_t)(SYN | (how & 2 ? ECE | CWR : 0)), q->snd_nxt, 0, 0xffff, false,
		   how & 4 ? 100 : 0, 0);
	q->snd_nxt++;
	pop(f);
	if (q->syn_seen)
		peer_sends(f, ACK, q->snd_nxt, q->rcv_nxt, 0xffff, false, 0, 0);
	f->s = tapir_accept(f->w.t, f->listener, NULL);
}

static void set_something(struct fuzz *f)
{
	const struct tapir_conf_item *item = tapir_conf_item(take(f, 1));
	uint32_t how = take(f, 1);

	if (!item || item->max > 1 << 24)
		return;
	tapir_sysctl(f->w.t, item->name, item->index,
		     how & 1   ? item->min
		     : how & 2 ? item->max
			       : item->min + (int64_t)(how >> 2));
}

static void pass_time(struct fuzz *f)
{
	static const uint64_t steps[] = {0,
					 WORLD_MS,
					 5 * WORLD_MS,
					 20 * WORLD_MS,
					 40 * WORLD_MS,
					 100 * WORLD_MS,
					 250 * WORLD_MS,
					 WORLD_S,
					 5 * WORLD_S,
					 60 * WORLD_S,
					 700 * WORLD_S};
	uint64_t end = tapir_now(f->w.t) + steps[take(f, 1) % 11];

	for (unsigned turns = 0, idle = 0; turns < 300; turns++) {
		uint64_t d = tapir_next_deadline(f->w.t);

		if (d > end)
			break;
		idle = d <= tapir_now(f->w.t) ? idle + 1 : 0;
		TAPIR_ASSERT(idle < 200);
		tapir_advance(f->w.t, d);
	}
	tapir_advance(f->w.t, end);
	f->peer.ts_val += 10;
}

static void one(struct fuzz *f)
{
	struct peer *q = &f->peer;

	switch (take(f, 1) % 20) {
	case 0:
	case 1:
		write_some(f);
		break;
	case 2:
	case 3:
		f->fate = (uint8_t)take(f, 1);
		pop(f);
		break;
	case 4:
	case 5:
	case 6:
		peer_acks(f);
		break;
	case 7:
		peer_data(f);
		break;
	case 8:
	case 9:
		pass_time(f);
		break;
	case 10:
		read_some(f);
		break;
	case 11:
		option(f);
		break;
	case 12:
		tapir_shutdown(f->w.t, f->s, TAPIR_SHUT_WR);
		break;
	case 13:
		too_big(f);
		break;
	case 14:
		set_something(f);
		break;
	case 15:
		f->w.alloc.fail_at = f->w.alloc.calls + 1 + take(f, 1);
		break;
	case 16:
		peer_raw(f);
		break;
	case 17:
		if (q->nold)
			world_push(&f->w, q->old, q->nold);
		break;
	case 18:
		open_once_more(f);
		break;
	case 19:
		/* A round: the window goes out, the fate is drawn, the peer answers, time passes. */
		f->fate = (uint8_t)take(f, 1);
		pop(f);
		peer_sends(f, ACK, q->snd_nxt, q->rcv_nxt, 0xffff, true, 0, 0);
		tapir_advance(f->w.t, tapir_now(f->w.t) + 10 * WORLD_MS);
		break;
	}
}

static bool begin(struct fuzz *f)
{
	struct tapir_sockaddr any = tapir_sockaddr_v4(0, OUR_PORT);
	uint32_t k = take(f, 3);
	struct tapir_conf *c = &f->w.conf;
	int on = 5;

	world_init(&f->w, TEST_ALLOC_PLAIN);
	f->w.no_check = true;
	c->tcp_timestamps = !(k & 1);
	c->tcp_sack = !(k & 2);
	c->tcp_ecn = k & 4 ? 1 : 2;
	c->tcp_fastopen = k & 8 ? 3 : 0;
	c->tcp_mtu_probing = k >> 4 & 3 ? (k >> 4 & 3) - 1 : 0;
	c->tcp_recovery = k & 0x40 ? 0 : 1;
	c->tcp_congestion_control = k >> 7 & 1;
	c->tcp_frto = k & 0x100 ? 0 : 2;
	c->tcp_early_retrans = k & 0x200 ? 0 : 3;
	c->tcp_syncookies = k & 0x400 ? 2 : 1;
	c->tcp_window_scaling = !(k & 0x800);
	if (k & 0x1000)
		c->tcp_max_ooo_ranges = 6;
	if (k & 0x2000)
		c->tcp_rmem_default = 8192;
	f->peer.ts = !(k & 0x10000);
	f->peer.sack = !(k & 0x20000);
	f->peer.ts_val = 1000;
	f->peer.snd_nxt = k & 0x40000 ? 0xfffff000 : 70000;
	f->peer.port = PEER_PORT;
	ranges_init(&f->peer.got, f->peer.got_mem, PEER_RANGES);
	if (world_start(&f->w) < 0)
		return false;
	TAPIR_ASSERT(world_netif(&f->w, TAPIR_NETIF_RAW_IP, WORLD_US, 24, 1500, 0) == 2);
	f->listener = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	tapir_bind(f->w.t, f->listener, &any);
	tapir_listen(f->w.t, f->listener, 4);
	tapir_setsockopt(f->w.t, f->listener, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN, &on, sizeof(on));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;

	memset(&f, 0, sizeof(f));
	f.p = data;
	f.end = data + size;
	if (begin(&f)) {
		open_once_more(&f);
		for (unsigned i = 0; i < OPS_MAX && f.p < f.end; i++) {
			one(&f);
			tapir_check(f.w.t);
		}
		pop(&f);
	}
	TAPIR_ASSERT(world_end(&f.w) == 0);
	return 0;
}
