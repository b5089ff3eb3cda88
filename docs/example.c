/*
 * Two hosts in one process, with nothing but the library's interface: a datagram is echoed, then a line
 * travels over TCP and comes back.
 *
 *	cc example.c $(pkg-config --cflags --libs tapir) && ./a.out
 *
 * The program is their wire, their clock and their memory. It carries IP packets by hand from one's transmit
 * queue to the other's input, and steps the time to the next deadline when neither has anything to say, so that
 * it runs as fast as it can and always in the same way. drivers/loop.c does the same for a real device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stack/netif.h>
#include <stack/socket.h>
#include <stack/tapir.h>

struct host {
	struct tapir *t;
	int ifindex;
};

/* The library calls this when it finds itself broken, and leaves it to the program. */
_Noreturn void tapir_panic(const char *file, int line, const char *expr)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, expr);
	abort();
}

static void *get(void *ctx, size_t n)
{
	(void)ctx;
	return malloc(n);
}

static void put(void *ctx, void *p, size_t n)
{
	(void)ctx;
	(void)n;
	free(p);
}

/* Ends the program on an error that it has no use for. Else returns the value. */
static int64_t must(int64_t v, const char *call)
{
	if (v >= 0)
		return v;
	fprintf(stderr, "%s: %s\n", call, strerror((int)-v));
	exit(1);
}

static struct host host_up(uint32_t ip4, uint8_t seed_byte)
{
	const struct tapir_env env = {.alloc = get, .free = put};
	struct tapir_netif_conf nic = {.name = "wire0", .type = TAPIR_NETIF_RAW_IP, .mtu = 1500};
	const struct tapir_addr addr = tapir_addr_v4(ip4);
	uint8_t seed[TAPIR_SEED_LEN];
	struct host h;

	/* a real host fills this from getrandom(), so that its numbers can't be guessed */
	memset(seed, seed_byte, sizeof(seed));
	must(tapir_create(&h.t, &env, NULL, seed, 0), "tapir_create");
	h.ifindex = (int)must(tapir_netif_add(h.t, &nic), "tapir_netif_add");
	must(tapir_addr_add(h.t, h.ifindex, &addr, 24), "tapir_addr_add");
	must(tapir_netif_up(h.t, h.ifindex), "tapir_netif_up");
	return h;
}

/* Moves what `from` wants to send over to `to`. Returns how many packets that was. */
static size_t carry(struct host *from, struct host *to)
{
	const struct pkt *out[16];
	size_t n = tapir_tx_peek(from->t, from->ifindex, out, 16);

	for (size_t i = 0; i < n; i++) {
		struct pkt *in = tapir_pkt_alloc(to->t, pkt_wire_len(out[i]));

		if (!in)
			continue; /* lost: as on any wire */
		memcpy(in->data, out[i]->data, out[i]->len);
		in->len = out[i]->len;
		for (unsigned s = 0; s < out[i]->nspan; s++) {
			memcpy(in->data + in->len, out[i]->span[s].p, out[i]->span[s].len);
			in->len += out[i]->span[s].len;
		}
		tapir_input(to->t, to->ifindex, in);
	}
	tapir_tx_done(from->t, from->ifindex, n);
	return n;
}

/* Lets the world go on until socket `s` of `h` is ready for one of `bits`. */
static void until(struct host *h, tapir_sock_t s, uint32_t bits, struct host *a, struct host *b)
{
	while (!(must(tapir_poll(h->t, s), "tapir_poll") & bits)) {
		if (carry(a, b) + carry(b, a) > 0)
			continue;
		uint64_t da = tapir_next_deadline(a->t), db = tapir_next_deadline(b->t);
		uint64_t now = da < db ? da : db;
		if (now == TAPIR_NEVER) {
			fprintf(stderr, "nothing will ever happen again\n");
			exit(1);
		}
		tapir_advance(a->t, now);
		tapir_advance(b->t, now);
	}
}

static void udp_echo(struct host *client, struct host *server)
{
	const struct tapir_sockaddr any = tapir_sockaddr_v4(0, 7);
	const struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 2), 7);
	struct tapir_sockaddr from;
	char buf[64];

	tapir_sock_t s = must(tapir_socket(server->t, TAPIR_AF_INET, TAPIR_DGRAM, 0), "socket");
	tapir_sock_t c = must(tapir_socket(client->t, TAPIR_AF_INET, TAPIR_DGRAM, 0), "socket");
	must(tapir_bind(server->t, s, &any), "tapir_bind");
	must(tapir_sendto(client->t, c, "ahoy", 4, 0, &to), "tapir_sendto");

	until(server, s, TAPIR_IN, client, server);
	int64_t n =
		must(tapir_recvfrom(server->t, s, buf, sizeof(buf), 0, &from), "tapir_recvfrom");
	must(tapir_sendto(server->t, s, buf, (size_t)n, 0, &from), "tapir_sendto");

	until(client, c, TAPIR_IN, client, server);
	n = must(tapir_recvfrom(client->t, c, buf, sizeof(buf), 0, &from), "tapir_recvfrom");
	printf("UDP: %.*s came back from port %u\n", (int)n, buf, from.port);
	tapir_close(client->t, c);
	tapir_close(server->t, s);
}

static void tcp_exchange(struct host *client, struct host *server)
{
	const struct tapir_sockaddr any = tapir_sockaddr_v4(0, 7);
	const struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 2), 7);
	char buf[64];

	tapir_sock_t l = must(tapir_socket(server->t, TAPIR_AF_INET, TAPIR_STREAM, 0), "socket");
	tapir_sock_t c = must(tapir_socket(client->t, TAPIR_AF_INET, TAPIR_STREAM, 0), "socket");
	must(tapir_bind(server->t, l, &any), "tapir_bind");
	must(tapir_listen(server->t, l, 8), "tapir_listen");
	tapir_connect(client->t, c, &to); /* -EINPROGRESS: TAPIR_OUT tells when it is done */
	until(client, c, TAPIR_OUT | TAPIR_ERR, client, server);
	must(tapir_sendto(client->t, c, "hello", 5, 0, NULL), "send");
	must(tapir_shutdown(client->t, c, TAPIR_SHUT_WR), "tapir_shutdown");

	until(server, l, TAPIR_IN, client, server);
	tapir_sock_t s = must(tapir_accept(server->t, l, NULL), "tapir_accept");
	for (;;) { /* echoes until the client's end of stream */
		until(server, s, TAPIR_IN, client, server);
		int64_t n = must(tapir_recvfrom(server->t, s, buf, sizeof(buf), 0, NULL), "recv");
		if (n == 0)
			break;
		must(tapir_sendto(server->t, s, buf, (size_t)n, 0, NULL), "send");
	}
	tapir_close(server->t, s);

	until(client, c, TAPIR_IN, client, server);
	int64_t n = must(tapir_recvfrom(client->t, c, buf, sizeof(buf), 0, NULL), "recv");
	printf("TCP: %.*s came back\n", (int)n, buf);
	tapir_close(client->t, c);
	tapir_close(server->t, l);
}

int main(void)
{
	struct host client = host_up(TAPIR_IP4(10, 0, 0, 1), 1);
	struct host server = host_up(TAPIR_IP4(10, 0, 0, 2), 2);

	udp_echo(&client, &server);
	tcp_exchange(&client, &server);
	tapir_destroy(client.t);
	tapir_destroy(server.t);
	return 0;
}
