/*
 * A monkey at one connection: random segments near and far from what is expected, random calls, time,
 * failing allocations. Nothing in particular is demanded but the invariants (tapir_check() after each entry),
 * well-formed packets, no avalanche from one segment, and that all ends when nobody cares any more.
 * TAPIR_SEED=N runs one seed, TAPIR_SEEDS=N so many.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/rnd.h"
#include "tests/support/tcpfix.h"

enum { STEPS = 300, SEEDS = 1000, BURST = 700 };

struct monkey {
	struct tf f;
	struct rnd r;
	uint32_t una, nxt, rcv, wnd; /* as far as we can know */
	bool big;		     /* text up to 64 KB */
};

static uint32_t pick(struct rnd *r, const uint32_t *v, unsigned n)
{
	return v[rnd_below(r, n)];
}

/* What the connection has told of itself: by its handle, else by what left. */
static void learn(struct monkey *m)
{
	struct tapir_tcp_info i;
	size_t len = sizeof(i);

	if (m->f.s > 0 &&
	    tapir_getsockopt(m->f.w.t, m->f.s, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &i, &len) == 0 &&
	    i.irs) {
		m->una = i.snd_una;
		m->nxt = i.snd_nxt;
		m->rcv = i.rcv_nxt;
		m->wnd = i.rcv_wnd;
	}
}

static void swallow(struct monkey *m)
{
	unsigned n = 0;

	while (tf_pop(&m->f)) {
		if (m->f.p.flags & TF_SYN) {
			m->una = m->f.p.seq;
			m->f.lport = m->f.p.sport;
		}
		m->nxt = m->f.p.seq + (uint32_t)m->f.p.len + (m->f.p.flags & TF_SYN ? 1 : 0) +
			 (m->f.p.flags & TF_FIN ? 1 : 0);
		if (m->f.p.flags & TF_ACK)
			m->rcv = m->f.p.ack;
		n++;
	}
	assert_true(n < BURST);
}

static size_t options(struct monkey *m, uint8_t *o, uint8_t flags)
{
	size_t n = 0;

	if (flags & TF_SYN) {
		const uint16_t mss = (uint16_t)rnd_below(&m->r, 3000);

		o[n++] = 2;
		o[n++] = 4;
		o[n++] = (uint8_t)(mss >> 8);
		o[n++] = (uint8_t)mss;
		if (rnd_below(&m->r, 2)) {
			memcpy(o + n, (const uint8_t[]){4, 2, 1, 1}, 4);
			n += 4;
		}
		if (rnd_below(&m->r, 2)) {
			memcpy(o + n, (const uint8_t[]){1, 3, 3, (uint8_t)rnd_below(&m->r, 16)}, 4);
			n += 4;
		}
	}
	if (rnd_below(&m->r, 3) == 0) {
		uint32_t val = (uint32_t)(tapir_now(m->f.w.t) / WORLD_MS) +
			       (rnd_below(&m->r, 4) ? 0 : rnd_u32(&m->r));
		const uint8_t ts[] = {1,
				      1,
				      8,
				      10,
				      (uint8_t)(val >> 24),
				      (uint8_t)(val >> 16),
				      (uint8_t)(val >> 8),
				      (uint8_t)val,
				      0,
				      0,
				      0,
				      (uint8_t)rnd_u32(&m->r)};

		memcpy(o + n, ts, sizeof(ts));
		n += sizeof(ts);
	}
	if (!(flags & TF_SYN) && rnd_below(&m->r, 4) == 0) {
		uint32_t a = m->una + rnd_below(&m->r, 5000), b = a + rnd_below(&m->r, 3000);
		const uint8_t sack[] = {1,
					1,
					5,
					10,
					(uint8_t)(a >> 24),
					(uint8_t)(a >> 16),
					(uint8_t)(a >> 8),
					(uint8_t)a,
					(uint8_t)(b >> 24),
					(uint8_t)(b >> 16),
					(uint8_t)(b >> 8),
					(uint8_t)b};

		memcpy(o + n, sack, sizeof(sack));
		n += sizeof(sack);
	}
	return n;
}

static void segment(struct monkey *m)
{
	static uint8_t text[65536], buf[WORLD_FRAME];
	static const uint8_t flags[] = {TF_ACK,		 TF_ACK,	  TF_ACK,
					TF_ACK,		 TF_ACK,	  TF_ACK | TF_PSH,
					TF_ACK | TF_PSH, TF_ACK | TF_FIN, TF_ACK | TF_FIN,
					TF_RST,		 TF_RST | TF_ACK, TF_SYN,
					TF_SYN | TF_ACK, TF_ACK | TF_URG, 0,
					TF_FIN};
	struct rnd *r = &m->r;
	uint8_t fl = rnd_below(r, 20) ? flags[rnd_below(r, sizeof(flags))] : (uint8_t)rnd_u32(r);
	const uint32_t seqs[] = {m->rcv,
				 m->rcv,
				 m->rcv,
				 m->rcv,
				 m->rcv - 1,
				 m->rcv + 1,
				 m->rcv + rnd_below(r, 3000),
				 m->rcv - rnd_below(r, 3000),
				 m->rcv + m->wnd,
				 m->rcv + m->wnd - 1,
				 rnd_u32(r)};
	const uint32_t acks[] = {m->nxt,     m->nxt,
				 m->nxt,     m->una,
				 m->una + 1, m->una + rnd_below(r, (m->nxt - m->una) % 200000 + 1),
				 m->nxt + 1, m->una - rnd_below(r, 70000),
				 rnd_u32(r)};
	const uint32_t lens[] = {0, 0, 0, 1, 10, 536, 1460, m->big ? 30000 : 2000, m->wnd % 40000};
	const uint32_t wnds[] = {65535, 65535, 1000, 0, 1, rnd_below(r, 65536)};
	uint8_t o[40];
	size_t nopts = options(m, o, fl), n;
	uint32_t len = pick(r, lens, 9);

	/* Not every RST and SYN would be believed; the exact ones end all too soon. */
	if (fl & TF_RST && rnd_below(r, 4))
		return;
	n = world_tcp(buf, WORLD_PEER, WORLD_US, m->f.rport, m->f.lport, pick(r, seqs, 11),
		      pick(r, acks, 9), fl, (uint16_t)pick(r, wnds, 6), o, nopts, text, len);
	if (fl & TF_URG) {
		buf[20 + 18] = (uint8_t)rnd_u32(r);
		buf[20 + 19] = (uint8_t)rnd_u32(r);
		world_fix(buf, n);
	}
	world_push(&m->f.w, buf, n);
}

static void reopen(struct monkey *m)
{
	struct tapir_sockaddr to = tapir_sockaddr_v4(WORLD_PEER, m->f.rport), us;

	if (rnd_below(&m->r, 2)) {
		m->f.s = tapir_socket(m->f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
		if (m->f.s > 0 && tapir_connect(m->f.w.t, m->f.s, &to) == -EINPROGRESS &&
		    tapir_getsockname(m->f.w.t, m->f.s, &us) == 0)
			m->f.lport = us.port;
		return;
	}
	m->f.lport = TF_PORT;
	m->f.s = m->f.ls > 0 ? tapir_accept(m->f.w.t, m->f.ls, NULL) : 0;
	if (m->f.s <= 0) {
		/* Nothing waits: a proper handshake, to get further than chance would. */
		uint32_t irs = rnd_u32(&m->r);

		m->f.s = 0;
		m->f.w.alloc.fail_at = 0;
		m->f.rport = (uint16_t)(40000 + rnd_below(&m->r, 4));
		tf_seg(&m->f, TF_SYN, irs, 0, 0);
		swallow(m);
		tf_seg(&m->f, TF_ACK, irs + 1, m->nxt, 0);
		m->f.s = m->f.ls > 0 ? tapir_accept(m->f.w.t, m->f.ls, NULL) : 0;
	}
}

static void set_some_option(struct monkey *m)
{
	static const struct {
		int level, name;
	} opt[] = {
		{TAPIR_SOL_TCP, TAPIR_TCP_NODELAY},	  {TAPIR_SOL_TCP, TAPIR_TCP_CORK},
		{TAPIR_SOL_TCP, TAPIR_TCP_MAXSEG},	  {TAPIR_SOL_TCP, TAPIR_TCP_QUICKACK},
		{TAPIR_SOL_TCP, TAPIR_TCP_USER_TIMEOUT},  {TAPIR_SOL_TCP, TAPIR_TCP_LINGER2},
		{TAPIR_SOL_TCP, TAPIR_TCP_NOTSENT_LOWAT}, {TAPIR_SOL_TCP, TAPIR_TCP_KEEPIDLE},
		{TAPIR_SOL_SOCKET, TAPIR_SO_KEEPALIVE},	  {TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF},
		{TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF},	  {TAPIR_SOL_SOCKET, TAPIR_SO_OOBINLINE},
	};
	unsigned k = rnd_below(&m->r, sizeof(opt) / sizeof(opt[0]));
	const uint32_t vals[] = {0, 1, 100, 2000, 60000, rnd_u32(&m->r)};
	int v = (int)pick(&m->r, vals, 6);

	/* Who asks to wait for weeks would be given weeks. */
	if (opt[k].name == TAPIR_TCP_USER_TIMEOUT)
		v &= 0xffff;
	tapir_setsockopt(m->f.w.t, m->f.s, opt[k].level, opt[k].name, &v, sizeof(v));
}

static void call(struct monkey *m)
{
	static uint8_t buf[100000];
	struct iovec iov = {buf, rnd_below(&m->r, 4) ? rnd_below(&m->r, 3000)
						     : rnd_below(&m->r, 100000)};
	const int msg[] = {0, 0, 0, TAPIR_MSG_OOB, TAPIR_MSG_MORE, TAPIR_MSG_PEEK};
	int flags = msg[rnd_below(&m->r, 6)];

	if (m->f.s <= 0) {
		reopen(m);
		return;
	}
	switch (rnd_below(&m->r, 14)) {
	case 0:
	case 1:
	case 2:
	case 3:
		tapir_send(m->f.w.t, m->f.s, &iov, 1, flags & ~TAPIR_MSG_PEEK);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		tapir_recv(m->f.w.t, m->f.s, &iov, 1, flags & ~TAPIR_MSG_MORE);
		break;
	case 8:
		tapir_shutdown(m->f.w.t, m->f.s, (int)rnd_below(&m->r, 3));
		break;
	case 9:
		if (rnd_below(&m->r, 3) == 0) {
			tapir_close(m->f.w.t, m->f.s);
			m->f.s = 0;
		}
		break;
	case 10:
		if (rnd_below(&m->r, 8) == 0) {
			tapir_abort(m->f.w.t, m->f.s);
			m->f.s = 0;
		}
		break;
	case 11:
		tapir_recv_held(m->f.w.t, m->f.s,
				rnd_below(&m->r, 2) ? 0 : rnd_below(&m->r, 50000));
		break;
	default:
		set_some_option(m);
		break;
	}
}

/* An ICMP error about something that may be in flight. */
static void icmp(struct monkey *m)
{
	uint8_t quote[100], buf[200];
	size_t n =
		world_tcp(quote, WORLD_US, WORLD_PEER, m->f.lport, m->f.rport,
			  m->una + rnd_below(&m->r, 3000), m->rcv, TF_ACK, 1000, NULL, 0, NULL, 0);

	quote[2] = (uint8_t)rnd_below(&m->r, 8);
	n = world_icmp(buf, WORLD_FAR, WORLD_US, rnd_below(&m->r, 4) ? 3 : 11,
		       (uint8_t)rnd_below(&m->r, 6), rnd_below(&m->r, 2000), quote, n);
	world_push(&m->f.w, buf, n);
}

static void pass_time(struct monkey *m)
{
	static const uint32_t ms[] = {1, 1, 10, 50, 250, 1000, 1000, 5000, 70000};

	if (rnd_below(&m->r, 3) == 0)
		world_next(&m->f.w, 200 * WORLD_S);
	else
		world_step(&m->f.w, (uint64_t)pick(&m->r, ms, 9) * WORLD_MS);
}

static void play(uint64_t seed)
{
	static struct monkey m;

	memset(&m, 0, sizeof(m));
	m.r.state = seed;
	tf_init(&m.f);
	m.f.w.conf.tcp_timestamps = rnd_below(&m.r, 4) != 0;
	m.f.w.conf.tcp_sack = rnd_below(&m.r, 4) != 0;
	m.f.w.conf.tcp_syncookies = rnd_below(&m.r, 3);
	m.f.w.conf.tcp_rfc1337 = rnd_below(&m.r, 2);
	m.f.w.conf.tcp_rmem_default = rnd_below(&m.r, 2) ? 131072 : 8192;
	m.f.w.conf.tcp_mem_max = rnd_below(&m.r, 4) ? 1 << 30 : 1 << 20;
	m.big = rnd_below(&m.r, 2);
	m.f.backlog = (int)rnd_below(&m.r, 3);
	tf_start(&m.f);
	tf_listen(&m.f);
	for (int i = 0; i < STEPS; i++) {
		if (rnd_below(&m.r, 50) == 0)
			m.f.w.alloc.fail_at = m.f.w.alloc.calls + 1 + rnd_below(&m.r, 4);
		switch (rnd_below(&m.r, 12)) {
		case 0:
		case 1:
		case 2:
		case 3:
		case 4:
		case 5:
			segment(&m);
			break;
		case 6:
		case 7:
		case 8:
			call(&m);
			break;
		case 9:
			icmp(&m);
			break;
		default:
			pass_time(&m);
			break;
		}
		swallow(&m);
		learn(&m);
	}
	m.f.w.alloc.fail_at = 0;
	/* Left alone, everything ends: no connection lives on without a handle. */
	if (m.f.s > 0)
		tapir_close(m.f.w.t, m.f.s);
	while ((m.f.s = tapir_accept(m.f.w.t, m.f.ls, NULL)) > 0)
		tapir_close(m.f.w.t, m.f.s);
	tapir_close(m.f.w.t, m.f.ls);
	for (int h = 0; h < 60; h++) {
		world_step(&m.f.w, 60 * WORLD_S);
		swallow(&m);
	}
	{
		struct tapir_sock_iter it = {0};
		struct tapir_sock_info i;

		while (tapir_sock_next(m.f.w.t, &it, &i))
			fail_msg("an hour later: state %d, port %d", i.state, i.peer.port);
	}
	tf_close(&m.f);
}

TEST(no_seed_breaks_an_invariant_and_everything_ends, "TC-26 TC-27 CL-19")
{
	const char *one = getenv("TAPIR_SEED"), *more = getenv("TAPIR_SEEDS");
	uint64_t seed = one ? strtoull(one, NULL, 0) : 1;
	uint64_t n = more ? strtoull(more, NULL, 0) : one ? 1 : SEEDS;

	for (; n > 0; n--, seed++) {
		fprintf(stderr, "TAPIR_SEED=%llu\n", (unsigned long long)seed);
		play(seed);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_seed_breaks_an_invariant_and_everything_ends),
	};

	return tapir_test_run("unit/tcp/test_monkey", tests);
}
