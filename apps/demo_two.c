/*
 * Two stacks on a simulated wire, in virtual time: what `tapir demo --gdb` steps through.
 *
 *	client 192.0.2.1 ---- 10 ms ---> server 192.0.2.2:80
 *
 * There is no clock and no waiting: time jumps from one thing that happens to the next, so that a debugger may
 * hold the program as long as it likes and no timer fires, of neither side. Seeds and times are
 * constants: each run is the same to the byte.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apps/app.h"
#include "apps/demo_gdb.h"
#include "drivers/host.h"
#include "drivers/simlink.h"
#include "stack/netif.h"
#include "stack/socket.h"

enum { PORT = 80, MTU = 1500, BACKLOG = 8, BULK = 40 * 1448, LOSS_PPM = 60000 };

static const uint64_t START_NS = 1000 * NS_PER_S;
static const uint64_t DELAY_NS = 10 * NS_PER_MS;
static const uint64_t LIMIT_NS = 600 * NS_PER_S; /* nothing here takes as long */

struct two {
	struct tapir *client, *server;
	struct simlink *wire;
	uint64_t now_ns;
	tapir_sock_t listener;
	int status;
};

static int bug(struct two *w, const char *what, int64_t v)
{
	if (w->status == 0)
		app_error("demo", "%s: %s: this is a bug of ours", what,
			  v < 0 ? strerror((int)-v) : "not what was sent");
	w->status = 1;
	return -1;
}

/* --- time --- */

/* All that happens at this moment, on both sides and between them. */
static void settle(struct two *w)
{
	do {
		tapir_advance(w->client, w->now_ns);
		tapir_advance(w->server, w->now_ns);
	} while (simlink_step(w->wire, w->now_ns) > 0);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Goes to the next moment at which something happens. False when nothing ever will. */
static bool turn(struct two *w)
{
	settle(w);
	uint64_t at = earlier(tapir_next_deadline(w->client), tapir_next_deadline(w->server));

	at = earlier(at, simlink_next_deadline(w->wire));
	if (at == TAPIR_NEVER || at > START_NS + LIMIT_NS)
		return false;
	if (at > w->now_ns)
		w->now_ns = at;
	settle(w);
	return true;
}

/* Until the socket is ready for one of `bits`. */
static int until(struct two *w, struct tapir *t, tapir_sock_t s, uint32_t bits)
{
	for (;;) {
		int level = tapir_poll(t, s);

		if (level >= 0 && (uint32_t)level & bits)
			return 0;
		if (level < 0 || level & (TAPIR_ERR | TAPIR_HUP))
			return bug(w, "the connection broke", level < 0 ? level : -ECONNRESET);
		if (!turn(w))
			return bug(w, "nothing happens any more", -ETIMEDOUT);
	}
}

/* --- the calls of RFC 9293 3.9.1 --- */

static int say(struct two *w, struct tapir *t, tapir_sock_t s, const char *words)
{
	struct iovec iov = {(void *)(uintptr_t)words, strlen(words)};
	int64_t v = tapir_send(t, s, &iov, 1, 0);

	return v == (int64_t)strlen(words) ? 0 : bug(w, "send", v);
}

/* Reads `words`, or with "" the end of the stream. */
static int hear(struct two *w, struct tapir *t, tapir_sock_t s, const char *words)
{
	char got[64];
	struct iovec iov = {got, sizeof(got)};

	if (until(w, t, s, TAPIR_IN) < 0)
		return -1;
	int64_t v = tapir_recv(t, s, &iov, 1, 0);
	if (v != (int64_t)strlen(words) || memcmp(got, words, (size_t)v) != 0)
		return bug(w, "recv", v);
	return 0;
}

static int start_listening(struct two *w)
{
	struct tapir_sockaddr any = tapir_sockaddr_v4(0, PORT);

	w->listener = tapir_socket(w->server, TAPIR_AF_INET, TAPIR_STREAM, 0);
	int v = tapir_bind(w->server, w->listener, &any);
	if (v == 0)
		v = tapir_listen(w->server, w->listener, BACKLOG);
	return v == 0 ? 0 : bug(w, "listen", v);
}

/* A handshake: *c is the client's end, *s the server's. */
static int meet(struct two *w, tapir_sock_t *c, tapir_sock_t *s)
{
	struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(192, 0, 2, 2), PORT);

	*c = tapir_socket(w->client, TAPIR_AF_INET, TAPIR_STREAM, 0);
	int v = tapir_connect(w->client, *c, &to);
	if (v != -EINPROGRESS)
		return bug(w, "connect", v);
	if (until(w, w->client, *c, TAPIR_OUT) < 0 ||
	    until(w, w->server, w->listener, TAPIR_IN) < 0)
		return -1;
	*s = tapir_accept(w->server, w->listener, NULL);
	return *s > 0 ? 0 : bug(w, "accept", *s);
}

/* A question and its answer; then the client closes, and the server when it has heard of it. */
static int orderly(struct two *w)
{
	tapir_sock_t c, s;

	if (meet(w, &c, &s) < 0)
		return -1;
	if (say(w, w->client, c, "Are you there?") < 0 ||
	    hear(w, w->server, s, "Are you there?") < 0 || say(w, w->server, s, "Yes.") < 0 ||
	    hear(w, w->client, c, "Yes.") < 0)
		return -1;
	tapir_shutdown(w->client, c, TAPIR_SHUT_WR);
	if (hear(w, w->server, s, "") < 0)
		return -1;
	tapir_close(w->server, s);
	if (hear(w, w->client, c, "") < 0)
		return -1;
	tapir_close(w->client, c);
	settle(w);
	return 0;
}

/* Both close at the same moment: the FINs cross (RFC 9293 3.6, figure 13). */
static int at_once(struct two *w)
{
	tapir_sock_t c, s;

	if (meet(w, &c, &s) < 0)
		return -1;
	tapir_shutdown(w->client, c, TAPIR_SHUT_WR);
	tapir_shutdown(w->server, s, TAPIR_SHUT_WR);
	if (hear(w, w->client, c, "") < 0 || hear(w, w->server, s, "") < 0)
		return -1;
	tapir_close(w->client, c);
	tapir_close(w->server, s);
	settle(w);
	return 0;
}

/*
 * The server sends more than a window, the wire loses some of it, the client closes when it has all.
 */
static int with_losses(struct two *w)
{
	const struct simlink_conf lossy = {.delay_ns = DELAY_NS, .loss_ppm = LOSS_PPM};
	const struct simlink_conf good = {.delay_ns = DELAY_NS};
	static uint8_t bytes[BULK], got[BULK];
	tapir_sock_t c, s;

	if (meet(w, &c, &s) < 0)
		return -1;
	for (size_t i = 0; i < BULK; i++)
		bytes[i] = (uint8_t)(i * 31);
	simlink_set(w->wire, 1, &lossy);
	for (size_t sent = 0, heard = 0; heard < BULK;) {
		struct iovec out = {bytes + sent, BULK - sent}, in = {got + heard, BULK - heard};
		int64_t v = sent < BULK ? tapir_send(w->server, s, &out, 1, 0) : 0;

		if (v < 0 && v != -EAGAIN)
			return bug(w, "send", v);
		sent += v > 0 ? (size_t)v : 0;
		if (until(w, w->client, c, TAPIR_IN) < 0)
			return -1;
		v = tapir_recv(w->client, c, &in, 1, 0);
		if (v <= 0)
			return bug(w, "recv", v);
		heard += (size_t)v;
	}
	simlink_set(w->wire, 1, &good);
	if (memcmp(got, bytes, BULK) != 0)
		return bug(w, "recv", 0);
	tapir_close(w->client, c);
	if (hear(w, w->server, s, "") < 0)
		return -1;
	tapir_close(w->server, s);
	settle(w);
	return 0;
}

/* --- the two and their wire --- */

static struct tapir *make_stack(struct two *w, uint8_t seed_byte, uint32_t ip4)
{
	static const struct tapir_netif_conf conf = {.name = "wire",
						     .type = TAPIR_NETIF_RAW_IP,
						     .mtu = MTU};
	struct tapir_env env = host_env();
	struct tapir_addr addr = tapir_addr_v4(ip4);
	uint8_t seed[TAPIR_SEED_LEN];
	struct tapir *t;

	memset(seed, seed_byte, sizeof(seed));
	if (tapir_create(&t, &env, NULL, seed, w->now_ns) < 0)
		return NULL;
	int ifindex = tapir_netif_add(t, &conf);
	if (ifindex < 0 || tapir_addr_add(t, ifindex, &addr, 24) < 0 ||
	    tapir_netif_up(t, ifindex) < 0 || simlink_attach(w->wire, t, ifindex) < 0) {
		tapir_destroy(t);
		return NULL;
	}
	return t;
}

static int make(struct two *w)
{
	static const struct simlink_conf way = {.delay_ns = DELAY_NS};
	struct tapir_env env = host_env();

	w->now_ns = START_NS;
	w->wire = simlink_create(&env, 1);
	if (!w->wire)
		return -1;
	w->client = make_stack(w, 1, TAPIR_IP4(192, 0, 2, 1));
	w->server = make_stack(w, 2, TAPIR_IP4(192, 0, 2, 2));
	if (!w->client || !w->server)
		return -1;
	simlink_set(w->wire, 0, &way);
	simlink_set(w->wire, 1, &way);
	return 0;
}

static void unmake(struct two *w)
{
	if (w->wire)
		simlink_destroy(w->wire);
	if (w->client)
		tapir_destroy(w->client);
	if (w->server)
		tapir_destroy(w->server);
}

int demo_two_stacks(void)
{
	struct two w = {0};

	if (make(&w) < 0) {
		unmake(&w);
		return app_error("demo", "no memory for two stacks: free some and try again");
	}
	if (start_listening(&w) == 0 && orderly(&w) == 0 && at_once(&w) == 0 &&
	    with_losses(&w) == 0) {
		tapir_close(w.server, w.listener);
		while (turn(&w))
			; /* TIME-WAIT ends */
		printf("Three connections were opened and closed in %.3f s of virtual time.\n",
		       (double)(w.now_ns - START_NS) / (double)NS_PER_S);
	}
	unmake(&w);
	return w.status;
}
