/*
 * Everything at once: floods of all sorts against one instance that has little memory. It stays within its budget,
 * whatever comes, and who behaves is served meanwhile and afterwards.
 */
#include <errno.h>
#include <string.h>

#include "stack/tcp/tcp_buf.h"
#include "tests/support/rnd.h"
#include "tests/support/tcpopt.h"

enum {
	MIB = 1 << 20,
	TCP_BUDGET = 4 * MIB,
	PKT_BUDGET = 2 * MIB,
	FRAG_BUDGET = 256 * 1024,
	CONNS = 600,
	SYNS = 128,
	TWS = 128,
	ROUNDS = 3000,
	UDP_PORT = 9,
};

struct flood {
	struct tf f;
	struct rnd r;
	tapir_sock_t udp;
	/* the honest one */
	tapir_sock_t s;
	uint32_t rcv, snd; /* its peer's numbers: the stack's RCV.NXT and SND.NXT */
	uint64_t up, down;
	uint8_t ip[WORLD_FRAME];
	/* attackers that completed a handshake, a ring */
	struct {
		uint16_t port;
		uint32_t addr, rcv, snd;
	} known[256];
	unsigned nknown;
};

enum { HONEST = 4000 };

static void push(struct flood *o, size_t n)
{
	(void)world_push(&o->f.w, o->ip, n);
}

static void seg(struct flood *o, uint32_t addr, uint16_t port, uint8_t flags, uint32_t seq,
		uint32_t ack, uint16_t wnd, uint32_t len)
{
	static uint8_t text[1400];

	push(o, world_tcp(o->ip, addr, WORLD_US, port, TF_PORT, seq, ack, flags, wnd, NULL, 0, text,
			  len));
}

static uint32_t outsider(struct flood *o)
{
	return TAPIR_IP4(198, 51, 100, 0) + 1 + rnd_below(&o->r, 250);
}

/* What the stack sent: SYN-ACKs to attackers are answered, half of them; the honest one's text is acknowledged. */
static void answer_all(struct flood *o)
{
	uint8_t buf[WORLD_FRAME];
	struct world_pkt p;
	size_t n;

	while ((n = world_pop(&o->f.w, buf, sizeof(buf))) > 0) {
		if (!world_read(buf, n, &p) || p.proto != 6)
			continue;
		if (p.dst == WORLD_PEER && p.dport == HONEST) {
			if (p.len && p.seq == o->snd) {
				o->snd += (uint32_t)p.len;
				o->down += p.len;
			}
			if ((int32_t)(p.ack - o->rcv) > 0) {
				o->up += p.ack - o->rcv;
				o->rcv = p.ack;
			}
			if (p.len)
				seg(o, WORLD_PEER, HONEST, TF_ACK, o->rcv, o->snd, 65535, 0);
			continue;
		}
		if ((p.flags & (TF_SYN | TF_ACK)) == (TF_SYN | TF_ACK) && rnd_below(&o->r, 2)) {
			unsigned k = o->nknown++ % 256;

			o->known[k].addr = p.dst;
			o->known[k].port = p.dport;
			o->known[k].rcv = p.ack;
			o->known[k].snd = p.seq + 1;
			/* Its window may be closed from the start. */
			seg(o, p.dst, p.dport, TF_ACK, p.ack, p.seq + 1,
			    rnd_below(&o->r, 2) ? 0 : 65535, 0);
		}
	}
}

static void attack(struct flood *o)
{
	struct rnd *r = &o->r;
	unsigned k = o->nknown ? rnd_below(r, o->nknown < 256 ? o->nknown : 256) : 0;
	static uint8_t junk[1400];
	size_t n;

	switch (rnd_below(r, 8)) {
	case 0:
	case 1:
		seg(o, outsider(o), (uint16_t)(1024 + rnd_below(r, 60000)), TF_SYN, rnd_u32(r), 0,
		    65535, 0);
		return;
	case 2: /* behind a hole */
		seg(o, o->known[k].addr, o->known[k].port, TF_ACK,
		    o->known[k].rcv + 1 + rnd_below(r, 60000), o->known[k].snd, 65535,
		    rnd_below(r, 2) ? 1 : 1400);
		return;
	case 3: /* in order, and nobody reads it fast */
		seg(o, o->known[k].addr, o->known[k].port, TF_ACK | TF_PSH, o->known[k].rcv,
		    o->known[k].snd, 0, 1400);
		o->known[k].rcv += 1400;
		return;
	case 4: /* ends that leave something behind */
		seg(o, o->known[k].addr, o->known[k].port, TF_ACK | TF_FIN, o->known[k].rcv,
		    o->known[k].snd, 65535, 0);
		return;
	case 5: /* pieces of datagrams that never become whole */
		n = world_udp(o->ip, outsider(o), WORLD_US, 5000, UDP_PORT, junk, 1000);
		o->ip[6] = (uint8_t)(0x20 | rnd_below(r, 4));
		o->ip[7] = (uint8_t)rnd_u32(r);
		o->ip[4] = (uint8_t)rnd_u32(r);
		world_fix(o->ip, n);
		push(o, n);
		return;
	case 6:
		push(o, world_udp(o->ip, outsider(o), WORLD_US, 5000, UDP_PORT, junk, 1400));
		return;
	default:
		/* Anything at all. */
		n = 20 + rnd_below(r, 100);
		rnd_bytes(r, o->ip, n);
		o->ip[0] = 0x45;
		push(o, n);
	}
}

/* The program takes all who come, writes to some, closes some. */
static void program(struct flood *o, uint32_t round)
{
	struct tapir *t = o->f.w.t;
	char buf[2000];
	tapir_sock_t s;

	while ((s = tapir_accept(t, o->f.ls, NULL)) > 0) {
		struct iovec iov = {buf, sizeof(buf)};

		memset(buf, 'x', sizeof(buf));
		if (rnd_below(&o->r, 4) == 0)
			(void)tapir_send(t, s, &iov, 1, 0);
		if (rnd_below(&o->r, 8) == 0)
			(void)tapir_close(t, s);
	}
	/* Those that a timeout ended are given up by the program; every tenth round it tires of somebody. */
	if (round % 10 == 0) {
		struct tapir_sock_iter it = {0};
		struct tapir_sock_info info;

		while (tapir_sock_next(t, &it, &info)) {
			if (info.sock && info.sock != o->s && info.sock != o->f.ls &&
			    info.sock != o->udp && rnd_below(&o->r, 20) == 0)
				(void)tapir_close(t, info.sock);
		}
	}
}

static void honest(struct flood *o)
{
	struct iovec iov;
	char buf[4000];
	int64_t n;

	seg(o, WORLD_PEER, HONEST, TF_ACK | TF_PSH, o->rcv, o->snd, 65535, 1000);
	iov = (struct iovec){buf, sizeof(buf)};
	while ((n = tapir_recv(o->f.w.t, o->s, &iov, 1, 0)) > 0)
		;
	assert_int_equal(n, -EAGAIN);
	iov.iov_len = 1000;
	(void)tapir_send(o->f.w.t, o->s, &iov, 1, 0);
}

static void begin(struct flood *o, uint64_t seed)
{
	struct tf *f = &o->f;
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, UDP_PORT);

	memset(o, 0, sizeof(*o));
	o->r.state = seed;
	tf_init(f);
	f->w.no_check = true;
	f->w.conf.tcp_mem_max = TCP_BUDGET;
	f->w.conf.pkt_max_bytes = PKT_BUDGET;
	f->w.conf.ipfrag_high_thresh = FRAG_BUDGET;
	f->w.conf.tcp_max_conns = CONNS;
	f->w.conf.tcp_max_syn_backlog = SYNS;
	f->w.conf.tcp_max_tw_buckets = TWS;
	f->w.conf.tcp_max_orphans = 64;
	f->backlog = 64;
	tf_start(f);
	tf_listen(f);
	o->udp = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	assert_int_equal(tapir_bind(f->w.t, o->udp, &sa), 0);
	tf_shake(f, HONEST);
	o->s = tapir_accept(f->w.t, f->ls, NULL);
	assert_true(o->s > 0);
	o->rcv = f->rcv;
	o->snd = f->snd;
	(void)tf_drain(f);
}

TEST(mixed_floods_stay_within_the_budget_and_others_are_served, "RS-02 TC-21 TC-58")
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		static struct flood o;
		size_t before, budget;
		uint64_t up = 0, down = 0;

		begin(&o, seed);
		before = o.f.w.alloc.live_bytes;
		/* Text, packets, fragments; and by number: connections with handles, records. */
		budget = TCP_BUDGET + PKT_BUDGET + FRAG_BUDGET +
			 CONNS * (sizeof(struct tcp_conn) + 512) +
			 SYNS * sizeof(struct tcp_syn_ent) * 2 + 1 * MIB;
		for (uint32_t round = 0; round < ROUNDS; round++) {
			for (unsigned i = 0; i < 20; i++)
				attack(&o);
			honest(&o);
			answer_all(&o);
			program(&o, round);
			world_step(&o.f.w, 10 * WORLD_MS);
			answer_all(&o);
			assert_true(o.f.w.alloc.live_bytes - before <= budget);
			assert_true(o.f.w.t->tcp->mem_bytes <= TCP_BUDGET);
			assert_true(o.f.w.t->tcp->nconn <= CONNS);
			if (round % 500 == 499) {
				/* Served in each part of the flood. */
				tapir_check(o.f.w.t);
				assert_true(o.up >= up + 100000);
				assert_true(o.down >= down + 100000);
				up = o.up;
				down = o.down;
			}
		}
		assert_true(world_stat(&o.f.w, STAT_TcpExt_TCPMemoryPressures) > 0);
		o.f.s = 0;
		tf_close(&o.f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixed_floods_stay_within_the_budget_and_others_are_served),
	};

	return tapir_test_run("unit/tcp/test_flood", tests);
}
