/*
 * A try over UDP: a socket of its own, so that each question has a port of its own (RFC 5452 9.2, D5452-6).
 *
 * The port comes from the resolver's generator and from the whole of 1024 to 65535, not from the stack's range of
 * ephemeral ports, which is half of that. The socket is connected: what does not come from the server's address and
 * port never reaches it. It is bound to no address first, so that connecting chooses the one of the route; between the two calls nothing is received.
 * A question is sent again from the same socket with the same ID: two open questions for the same name would double a forger's
 * chances (RFC 5452 5). It takes no fragments: whoever can make a server fragment may put another second half behind a first that he
 * can't see.
 *
 * All sockets receive into one buffer, which holds the largest datagram that there is, whatever was agreed (D1035-12). What comes to
 * no open question finds no socket (D1035-19).
 */
#include <errno.h>

#include "dns/exchange.h"

enum { PORT_MIN = 1024, PORT_TRIES = 32, AGAIN_MS = 10, LIMITED_PORT = 32768 };

static bool denied(const struct dns_conf *c, unsigned port)
{
	for (unsigned i = 0; i < c->ndenied && i < DNS_DENIED_PORTS_MAX; i++) {
		if (c->denied_port[i] == port)
			return true;
	}
	return false;
}

static uint16_t choose_port(struct dns_net *n, struct dns_dice *dice, unsigned attempt)
{
	/* D5452-5, NW-08, IH-05: uniform over all but the well-known ports. */
	if (!dice->limited)
		return (uint16_t)(PORT_MIN + chacha_rng_below(n->rng, 65536 - PORT_MIN));
	return (uint16_t)(LIMITED_PORT + (dns_dice_bits(dice, 15) + attempt) % 32768);
}

static int bind_port(struct dns_net *n, struct dns_try *y, struct dns_dice *dice)
{
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		struct tapir_sockaddr sa = {.port = choose_port(n, dice, i)};
		int err;

		/* D5452-8 */
		if (denied(&n->conf, sa.port))
			continue;
		err = tapir_bind(n->t, y->sock, &sa);
		if (err != -EADDRINUSE)
			return err;
	}
	return -EADDRNOTAVAIL;
}

int dns_udp_transmit(struct dns_net *n, struct dns_try *y)
{
	int64_t r = tapir_sendto(n->t, y->sock, y->packet.b, y->packet.len, 0, NULL);

	if (r < 0 && r != -EAGAIN && r != -ENOBUFS && r != -ENOMEM)
		return (int)r;
	if (r < 0) {
		/* No room on the way out, or no memory: in a moment. Not every lack is followed by a word that it is over. */
		y->cand->again_ns = net_now(n) + AGAIN_MS * DNS_MS;
		return 0;
	}
	dns_try_sent(n, y);
	/*
	 * Up to half as long again by chance: of a thousand questions that were too many at once for the server's socket, those that were
	 * lost do not come together again, to get lost again. One chance a question, so that its servers stay in order.
	 */
	uint64_t wait_ns = dns_server_resend_ns(y->server, y->sent);

	y->cand->again_ns = net_now(n) + wait_ns + wait_ns / DNS_SPREAD * y->x->spread / 2;
	return 0;
}

int dns_udp_begin(struct dns_net *n, struct dns_try *y)
{
	struct dns_dice dice = {n->rng, n->conf.entropy_bits > 0, n->conf.entropy_bits};
	struct tapir_sockaddr own;
	int one = 1, err;
	uint16_t id;

	y->sock = tapir_socket(n->t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	if (y->sock < 0) {
		err = (int)y->sock;
		y->sock = 0;
		return err;
	}
	dns_net_hold(n, &n->socks, &y->hnode, (uint64_t)y->sock, 0);
	y->hnode.aux = 0;
	/* D5452-7, AM33-18, DN-16, DN-17: all 16 bits from the generator; drawn first where few are left. */
	id = (uint16_t)dns_dice_bits(&dice, 16);
	/* DN-05: no fragments. D5452-1, D5452-2, D2181-1: from the server's address and port to ours only. */
	if ((err = bind_port(n, y, &dice)) ||
	    (err = tapir_setsockopt(n->t, y->sock, TAPIR_SOL_IP, TAPIR_IP_NOFRAG, &one,
				    sizeof(one))) ||
	    (err = tapir_connect(n->t, y->sock, &y->server->addr)) ||
	    (err = tapir_getsockname(n->t, y->sock, &own)))
		return err;
	y->own = own.addr;
	if ((err = dns_try_packet(n, y, id, &dice)))
		return err;
	if (y->told)
		y->told->local_port = own.port;
	if ((err = dns_net_watch(n, y->sock, TAPIR_IN)))
		return err;
	return dns_udp_transmit(n, y);
}

void dns_udp_ready(struct dns_net *n, struct dns_try *y)
{
	/* Ends with what lies in the socket's buffer: nothing comes in meanwhile. */
	for (;;) {
		int64_t r = tapir_recvfrom(n->t, y->sock, n->buf, DNS_RECV_MAX, 0, NULL);

		if (r == -EAGAIN)
			return;
		/* A path that is narrower than a question of ours is none of its affairs: IP cuts it. */
		if (r == -EMSGSIZE)
			continue;
		if (r < 0) {
			if (!dns_judge_icmp(n, y, (int)-r))
				return;
			continue;
		}
		n->stats.udp_received++;
		if (dns_judge_datagram(n, y, n->buf, (size_t)r))
			return;
	}
}

void dns_udp_end(struct dns_net *n, struct dns_try *y)
{
	if (!y->sock)
		return;
	dns_net_unhold(n, &n->socks, &y->hnode);
	tapir_close(n->t, y->sock);
	y->sock = 0;
	n->freed = true;
}
