/* See duet.h. */
#include <string.h>

#include "tests/support/duet.h"

#define HOST(i) TAPIR_IP4(192, 0, 2, 1 + (i))
#define GROUP	TAPIR_IP4(239, 1, 2, 3)

enum { STREAM_BYTES = 40000 };

static void note(struct duet *d, int64_t result)
{
	d->hash = world_hash(d->hash, &result, sizeof(result));
}

/* Frames cross until there are none, or it goes on for too long. */
static void wire(struct duet *d)
{
	static uint8_t frame[WORLD_FRAME];

	for (int idle = 0, turns = 0; idle < 2 && turns < 400; turns++) {
		struct world *from = &d->w[turns % 2], *to = &d->w[(turns + 1) % 2];
		size_t n;

		idle++;
		while ((n = world_pop(from, frame, sizeof(frame))) > 0) {
			idle = 0;
			d->hash = world_hash(d->hash, frame, n);
			d->frames++;
			if (d->lose_one == 0 || d->frames % d->lose_one != 0)
				world_push(to, frame, n);
		}
	}
}

static void step(struct duet *d, uint64_t ns)
{
	for (uint64_t left = ns; left > 0;) {
		uint64_t k = left < 10 * WORLD_MS ? left : 10 * WORLD_MS;

		world_step(&d->w[0], k);
		world_step(&d->w[1], k);
		wire(d);
		left -= k;
	}
}

static tapir_sock_t sock(struct duet *d, int i, int type, int proto)
{
	tapir_sock_t s = tapir_socket(d->w[i].t, TAPIR_AF_INET, type, proto);

	note(d, s);
	return s;
}

static void bind_port(struct duet *d, int i, tapir_sock_t s, uint16_t port)
{
	struct tapir_sockaddr sa = {.port = port};

	note(d, tapir_bind(d->w[i].t, s, &sa));
}

static void send_to(struct duet *d, int i, tapir_sock_t s, uint32_t ip4, uint16_t port, size_t n)
{
	static uint8_t data[20000];
	struct tapir_sockaddr sa = tapir_sockaddr_v4(ip4, port);

	for (size_t k = 0; k < n; k++)
		data[k] = (uint8_t)(k * 7 + port);
	if (n >= 8)
		memcpy(data, "\10\0\0\0\0\0\0\1", 8);
	note(d, tapir_sendto(d->w[i].t, s, data, n, 0, &sa));
	wire(d);
}

static void receive_all(struct duet *d, int i, tapir_sock_t s)
{
	static uint8_t data[20000];
	int64_t n;

	for (int k = 0; k < 1000; k++) {
		n = tapir_recvfrom(d->w[i].t, s, data, sizeof(data), 0, NULL);
		note(d, n);
		if (n <= 0)
			break;
		d->hash = world_hash(d->hash, data, (size_t)n);
		d->received += (uint64_t)n;
	}
}

static void datagrams(struct duet *d)
{
	struct tapir_mreq m = {.group = tapir_addr_v4(GROUP)};
	tapir_sock_t a = sock(d, 0, TAPIR_DGRAM, 0), b = sock(d, 1, TAPIR_DGRAM, 0);
	tapir_sock_t e = sock(d, 0, TAPIR_DGRAM, TAPIR_IPPROTO_ICMP);
	int on = 1;

	bind_port(d, 1, b, 7);
	note(d,
	     tapir_setsockopt(d->w[1].t, b, TAPIR_SOL_IP, TAPIR_IP_ADD_MEMBERSHIP, &m, sizeof(m)));
	note(d,
	     tapir_setsockopt(d->w[0].t, a, TAPIR_SOL_SOCKET, TAPIR_SO_BROADCAST, &on, sizeof(on)));
	note(d, tapir_interest(d->w[1].t, b, TAPIR_IN | TAPIR_OUT, 5));
	step(d, 20 * WORLD_MS);
	send_to(d, 0, a, HOST(1), 7, 100);
	send_to(d, 0, a, HOST(1), 7, 0);
	send_to(d, 0, a, HOST(1), 7, 5000);
	send_to(d, 0, a, HOST(1), 9, 5);
	send_to(d, 0, a, GROUP, 7, 50);
	send_to(d, 0, a, TAPIR_IP4(192, 0, 2, 255), 7, 60);
	send_to(d, 0, a, TAPIR_IP4(127, 0, 0, 1), 7, 60);
	send_to(d, 0, a, TAPIR_IP4(192, 0, 2, 77), 7, 60);
	send_to(d, 0, e, HOST(1), 0, 64);
	step(d, 50 * WORLD_MS);
	receive_all(d, 1, b);
	receive_all(d, 0, a);
	receive_all(d, 0, e);
	note(d, tapir_close(d->w[0].t, a));
	note(d, tapir_close(d->w[0].t, e));
	step(d, 5 * WORLD_S);
	note(d, tapir_close(d->w[1].t, b));
}

/* A stream from i to `port` at ip4 of instance j; bytes both ways, then closed from one side. */
static void stream(struct duet *d, int i, int j, uint32_t ip4, uint16_t port)
{
	static uint8_t data[STREAM_BYTES];
	struct tapir_sockaddr sa = tapir_sockaddr_v4(ip4, port);
	tapir_sock_t l = sock(d, j, TAPIR_STREAM, 0), c = sock(d, i, TAPIR_STREAM, 0), s = -1;
	size_t sent = 0;

	bind_port(d, j, l, port);
	note(d, tapir_listen(d->w[j].t, l, 5));
	note(d, tapir_connect(d->w[i].t, c, &sa));
	for (size_t k = 0; k < sizeof(data); k++)
		data[k] = (uint8_t)(k * 31);
	for (int turn = 0; turn < 60; turn++) {
		struct iovec iov = {data + sent, sizeof(data) - sent};
		struct tapir_ready ev[8];
		int64_t n = 0;

		if (s < 0)
			note(d, s = tapir_accept(d->w[j].t, l, NULL));
		if (sent < sizeof(data))
			n = tapir_send(d->w[i].t, c, &iov, 1, 0);
		if (n > 0)
			sent += (size_t)n;
		note(d, n);
		receive_all(d, j, s);
		iov = (struct iovec){data, 100};
		note(d, tapir_send(d->w[j].t, s, &iov, 1, 0));
		receive_all(d, i, c);
		note(d, (int64_t)tapir_ready_pop(d->w[i].t, ev, 8));
		step(d, 20 * WORLD_MS);
	}
	note(d, tapir_shutdown(d->w[i].t, c, TAPIR_SHUT_WR));
	step(d, 500 * WORLD_MS);
	receive_all(d, j, s);
	note(d, tapir_close(d->w[j].t, s));
	step(d, 500 * WORLD_MS);
	note(d, tapir_close(d->w[i].t, c));
	note(d, tapir_close(d->w[j].t, l));
	step(d, 2 * WORLD_S);
}

/* Nobody listens; then one is cut off in the middle. */
static void streams_that_fail(struct duet *d)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(HOST(1), 99);
	tapir_sock_t c = sock(d, 0, TAPIR_STREAM, 0), l = sock(d, 1, TAPIR_STREAM, 0), s;
	struct iovec iov = {"abc", 3};

	note(d, tapir_connect(d->w[0].t, c, &sa));
	step(d, 100 * WORLD_MS);
	note(d, tapir_poll(d->w[0].t, c));
	note(d, tapir_close(d->w[0].t, c));
	bind_port(d, 1, l, 100);
	note(d, tapir_listen(d->w[1].t, l, 1));
	sa.port = 100;
	c = sock(d, 0, TAPIR_STREAM, 0);
	note(d, tapir_connect(d->w[0].t, c, &sa));
	step(d, 100 * WORLD_MS);
	note(d, s = tapir_accept(d->w[1].t, l, NULL));
	note(d, tapir_send(d->w[1].t, s, &iov, 1, 0));
	note(d, tapir_abort(d->w[0].t, c));
	step(d, 100 * WORLD_MS);
	note(d, tapir_poll(d->w[1].t, s));
	/* The rest is left to the end of the instance. */
	note(d, tapir_netif_down(d->w[1].t, d->w[1].ifi));
	note(d, tapir_netif_up(d->w[1].t, d->w[1].ifi));
	step(d, 100 * WORLD_MS);
}

void duet_play(struct duet *d)
{
	d->hash = 0;
	d->frames = 0;
	d->received = 0;
	for (int i = 0; i < 2; i++) {
		struct world *w = &d->w[i];

		w->seed[1] = (uint8_t)(i + 1);
		note(d, world_start(w));
		if (!w->t)
			return;
	}
	for (int i = 0; i < 2; i++) {
		struct world *w = &d->w[i];
		struct tapir_netif_conf conf = {.name = "wire", .type = d->type, .mtu = 1500};
		struct tapir_addr a = tapir_addr_v4(HOST(i));

		conf.mac = i ? world_mac : world_peer_mac;
		note(d, w->ifi = tapir_netif_add(w->t, &conf));
		w->type = d->type;
		note(d, tapir_addr_add(w->t, w->ifi, &a, 24));
		note(d, tapir_netif_up(w->t, w->ifi));
	}
	datagrams(d);
	stream(d, 0, 1, HOST(1), 80);
	stream(d, 1, 1, TAPIR_IP4(127, 0, 0, 1), 81);
	streams_that_fail(d);
	for (int i = 0; i < 2; i++) {
		tapir_check(d->w[i].t);
		d->hash =
			world_hash(d->hash, tapir_stats_of(d->w[i].t), sizeof(struct tapir_stats));
		d->hash = world_hash(d->hash, &d->w[i].ev_hash, sizeof(d->w[i].ev_hash));
	}
}
