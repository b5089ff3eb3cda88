/*
 * tapir echo: sends back what it is sent, over TCP and UDP (RFC 862).
 *
 * A TCP connection holds no bytes here. What has arrived is looked at in place (PEEK), sent, and only what the
 * send buffer took is consumed; the rest stays in the receive buffer, whose window then closes:
 *
 *	peer -> receive buffer --peek--> send buffer -> peer
 *	             ^ consume what send took
 *
 * So a peer that sends and never reads stops itself, by flow control alone. The end of the peer's
 * stream comes after its last byte, which by then has been sent back: then we close too.
 *
 * Connections stand in a list in the order in which a byte last moved. When all places are taken, the first of
 * it makes room if it has been still for some seconds: who hoards connections does not keep others out.
 *
 * UDP: two echo services that are set at each other by one forged datagram would never stop, so what comes
 * from a port of a service that answers everything is not answered, nor what was sent to more than one host.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/app.h"
#include "apps/cmd.h"
#include "drivers/host.h"
#include "stack/socket.h"

enum {
	CHUNK = 65536,
	BUDGET = 16, /* chunks for one connection before others get their turn */
	BACKLOG = 1024,
	UDP_BUDGET = 256,
};

/* With no byte moved, when others wait for the place; and how often they are thought of. */
#define PATIENCE_NS (5 * NS_PER_S)
#define LOOK_NS	    NS_PER_S

struct echo {
	struct app app;
	struct stack_opts stack;
	long port, max_conns;
	tapir_sock_t tcp, udp;
	struct loop_handler on_tcp, on_udp;
	struct conn *conns, *last; /* the longest still first */
	unsigned nconns;
	bool full;		/* connections may wait to be accepted */
	struct loop_timer look; /* at them, while it is */
	uint64_t accepted, bytes, datagrams;
	uint8_t *chunk; /* CHUNK bytes for everyone: nothing stays in it */
};

struct conn {
	struct loop_handler handler;
	struct echo *e;
	struct conn *prev, *next;
	tapir_sock_t s;
	uint64_t moved_ns;
};

static void accept_all(struct echo *e);

static void conn_unlink(struct conn *c)
{
	struct echo *e = c->e;

	if (c->prev)
		c->prev->next = c->next;
	else
		e->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		e->last = c->prev;
}

/* Now is when it moved last. */
static void conn_append(struct conn *c)
{
	struct echo *e = c->e;

	c->moved_ns = loop_now(e->app.loop);
	c->next = NULL;
	c->prev = e->last;
	if (c->prev)
		c->prev->next = c;
	else
		e->conns = c;
	e->last = c;
}

static void conn_free(struct conn *c)
{
	c->e->nconns--;
	conn_unlink(c);
	free(c);
}

static void conn_close(struct conn *c)
{
	struct echo *e = c->e;

	tapir_close(e->app.t, c->s);
	conn_free(c);
	if (e->full)
		accept_all(e);
}

/* Moves what can be moved. Returns false when the connection is over. */
static bool pump(struct conn *c)
{
	struct tapir *t = c->e->app.t;

	for (int i = 0; i < BUDGET; i++) {
		struct iovec iov = {c->e->chunk, CHUNK};
		int64_t n = tapir_recv(t, c->s, &iov, 1, TAPIR_MSG_PEEK);

		if (n == -EAGAIN)
			return true;
		if (n <= 0)
			return false;
		iov.iov_len = (size_t)n;
		n = tapir_send(t, c->s, &iov, 1, 0);
		if (n == -EAGAIN)
			return true; /* TAPIR_OUT will come */
		if (n < 0)
			return false;
		tapir_recv_consume(t, c->s, (size_t)n);
		c->e->bytes += (uint64_t)n;
		conn_unlink(c);
		conn_append(c);
	}
	/* asking again reports what is still there */
	return loop_watch(c->e->app.loop, c->s, TAPIR_IN | TAPIR_OUT | TAPIR_RDHUP, &c->handler) >=
	       0;
}

static void on_conn(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits)
{
	struct conn *c = (struct conn *)h;

	(void)l;
	(void)s;
	(void)bits;
	if (!pump(c))
		conn_close(c);
}

/* A peer that vanished without a word is found out after two minutes of silence. */
static void watch_over(struct tapir *t, tapir_sock_t s)
{
	int one = 1, idle = 60, interval = 12, count = 5;

	tapir_setsockopt(t, s, TAPIR_SOL_SOCKET, TAPIR_SO_KEEPALIVE, &one, sizeof(one));
	tapir_setsockopt(t, s, TAPIR_SOL_TCP, TAPIR_TCP_KEEPIDLE, &idle, sizeof(idle));
	tapir_setsockopt(t, s, TAPIR_SOL_TCP, TAPIR_TCP_KEEPINTVL, &interval, sizeof(interval));
	tapir_setsockopt(t, s, TAPIR_SOL_TCP, TAPIR_TCP_KEEPCNT, &count, sizeof(count));
	tapir_setsockopt(t, s, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, &one, sizeof(one));
}

/* TC-21, TC-58: room for one more; false: nobody has been still for long enough. */
static bool make_room(struct echo *e)
{
	struct conn *c = e->conns;

	if (e->nconns < (unsigned)e->max_conns)
		return true;
	if (loop_now(e->app.loop) - c->moved_ns < PATIENCE_NS)
		return false;
	tapir_abort(e->app.t, c->s);
	conn_free(c);
	return true;
}

static void on_look(struct loop *l, struct loop_timer *tm)
{
	(void)l;
	accept_all((struct echo *)(void *)((char *)tm - offsetof(struct echo, look)));
}

static void accept_all(struct echo *e)
{
	tapir_sock_t s;

	e->full = false;
	/* Nobody is sent away for a guest who does not come. */
	while (tapir_poll(e->app.t, e->tcp) & TAPIR_IN) {
		if (!make_room(e)) {
			e->full = true;
			loop_timer_set(e->app.loop, &e->look, loop_now(e->app.loop) + LOOK_NS);
			return;
		}
		s = tapir_accept(e->app.t, e->tcp, NULL);
		if (s < 0)
			return;
		struct conn *c = calloc(1, sizeof(*c));
		if (!c) {
			tapir_abort(e->app.t, s);
			continue;
		}
		c->e = e;
		c->s = s;
		c->handler.fn = on_conn;
		conn_append(c);
		e->nconns++;
		e->accepted++;
		watch_over(e->app.t, s);
		/* what came with the handshake is reported by this, too */
		loop_watch(e->app.loop, s, TAPIR_IN | TAPIR_OUT | TAPIR_RDHUP, &c->handler);
	}
}

static void on_listener(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits)
{
	(void)l;
	(void)s;
	(void)bits;
	accept_all((struct echo *)(void *)((char *)h - offsetof(struct echo, on_tcp)));
}

/* CL-16: ports of services that answer whatever they are sent: echo, daytime, quote, chargen, time. */
static bool answers_all(const struct echo *e, uint16_t port)
{
	return port == 0 || port == e->port || port == 7 || port == 13 || port == 17 ||
	       port == 19 || port == 37;
}

static void on_datagram(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits)
{
	struct echo *e = (struct echo *)(void *)((char *)h - offsetof(struct echo, on_udp));
	struct tapir *t = e->app.t;
	struct tapir_addr us = tapir_addr_v4(e->stack.ip);

	(void)bits;
	for (int i = 0; i < UDP_BUDGET; i++) {
		struct iovec iov = {e->chunk, CHUNK};
		struct tapir_msg m = {.tos = -1};
		int64_t n = tapir_recvmsg(t, s, &iov, 1, 0, &m);

		if (n == -EAGAIN)
			return;
		if (n < 0 || answers_all(e, m.peer.port) || !tapir_addr_eq(&m.local.addr, &us))
			continue;
		struct tapir_msg answer = {.peer = m.peer, .local = m.local, .tos = -1};
		iov.iov_len = (size_t)n;
		/* no room on the wire: lost, as datagrams may be */
		if (tapir_sendmsg(t, s, &iov, 1, 0, &answer) >= 0)
			e->datagrams++;
	}
	loop_watch(l, s, TAPIR_IN, h);
}

static int start(struct echo *e)
{
	struct tapir *t = e->app.t;
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, (uint16_t)e->port);
	int one = 1, v;

	e->tcp = tapir_socket(t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	e->udp = tapir_socket(t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	if (e->tcp < 0 || e->udp < 0)
		return (int)(e->tcp < 0 ? e->tcp : e->udp);
	tapir_setsockopt(t, e->tcp, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, &one, sizeof(one));
	v = tapir_bind(t, e->tcp, &sa);
	if (v >= 0)
		v = tapir_listen(t, e->tcp, BACKLOG);
	if (v >= 0)
		v = tapir_bind(t, e->udp, &sa);
	e->on_tcp.fn = on_listener;
	e->on_udp.fn = on_datagram;
	if (v >= 0)
		v = loop_watch(e->app.loop, e->tcp, TAPIR_IN, &e->on_tcp);
	if (v >= 0)
		v = loop_watch(e->app.loop, e->udp, TAPIR_IN, &e->on_udp);
	return v;
}

static int set_port(void *to, const char *value, struct opt_why *why)
{
	return opt_number(value, "a port", 1, 65535, &((struct echo *)to)->port, why);
}

static int set_max_conns(void *to, const char *value, struct opt_why *why)
{
	return opt_number(value, "a number of connections", 1, 1000000,
			  &((struct echo *)to)->max_conns, why);
}

static const struct opt options[] = {
	{"port", 'p', "N", "the port, of TCP and of UDP (7)", set_port},
	{"max-conns", 0, "N", "connections at a time (10000); more wait to be accepted",
	 set_max_conns},
};

int cmd_echo(int argc, char **argv)
{
	struct echo *e = calloc(1, sizeof(*e));
	int first, status;
	char ip[16];

	if (!e)
		return app_error("echo", "no memory: free some and try again");
	e->port = 7;
	e->max_conns = 10000;
	e->look.fn = on_look;
	e->chunk = malloc(CHUNK);
	const struct opt_command cmd = {
		.name = "echo",
		.operands = "",
		.about = "Sends back what it is sent, over TCP and UDP, until interrupted.",
		.opts = options,
		.nopts = sizeof(options) / sizeof(options[0]),
		.to = e,
		.stack = &e->stack,
	};
	status = e->chunk ? opts_parse(&cmd, argc, argv, &first)
			  : app_error("echo", "no memory: free some and try again");
	if (status != OPTS_GO)
		goto out;
	e->stack.ctl_told = true;
	status = app_start(&e->app, "echo", &e->stack);
	if (status)
		goto out;
	int v = start(e);
	if (v < 0) {
		status = app_error("echo", "--port %ld: can't listen: %s: choose another --port",
				   e->port, strerror(-v));
	} else {
		fprintf(stderr, "tapir echo: %s port %ld, TCP and UDP, on %s\n",
			app_ip4(e->stack.ip, ip), e->port, e->app.drv->name);
		status = loop_run(e->app.loop) < 0 ? app_lost(&e->app) : 0;
	}
	loop_timer_cancel(e->app.loop, &e->look);
	/* the loop ends the conversations; their handlers are not called any more */
	app_stop(&e->app);
	while (e->conns)
		conn_free(e->conns);
out:
	free(e->chunk);
	free(e);
	return status;
}
