/*
 * A try's life: one question at one server over one transport, and its line in the story of the question.
 *
 * A try belongs to its question and dies with it, except for one case. When another server has answered first, the try that has not
 * been answered yet would tell whether its server lives. So one a server stays behind, without a question, for a second:
 * its answer is checked like any other, measured, and thrown away.
 */
#include <errno.h>

#include "dns/exchange.h"

enum { LINGER_MS = 1000 };

int dns_try_begin(struct dns_net *n, struct exchange *x, struct dns_cand *c)
{
	struct dns_try *y = net_alloc(n, sizeof(*y));
	int err = 0;

	if (!y)
		return -ENOMEM;
	memset(y, 0, offsetof(struct dns_try, packet));
	y->packet.len = 0;
	list_init(&y->node);
	list_init(&y->queue);
	heap_node_init(&y->timer);
	y->x = x;
	y->cand = c;
	y->server = c->server;
	y->transport = c->transport;
	y->first_ns = y->last_ns = net_now(n);
	if (x->story.nattempts < DNS_ATTEMPTS_MAX) {
		y->told = &x->story.attempt[x->story.nattempts];
		memset(y->told, 0, sizeof(*y->told));
		y->told->server = c->server->addr;
		if (c->transport == DNS_TLS && y->told->server.port == DNS_PORT)
			y->told->server.port = DNS_TLS_PORT;
		y->told->transport = (uint8_t)c->transport;
		y->told->sent_ns = y->first_ns;
	}
	x->story.nattempts++;
	list_add_tail(&x->ask->tries, &y->node);
	n->ntries++;
	if (c->transport == DNS_UDP) {
		err = dns_udp_begin(n, y);
		if (err) {
			/* It waits for a socket: that is no attempt. */
			if (err == -ENFILE)
				x->story.nattempts--;
			dns_try_end(n, y, DNS_TRIED_ICMP, -err);
			return err;
		}
	} else {
		y->pipe = c->transport == DNS_TLS ? &c->server->tls : &c->server->tcp;
		dns_pipe_submit(n, y->pipe, y);
	}
	c->y = y;
	c->state = CAND_WAITS;
	return 0;
}

int dns_try_packet(struct dns_net *n, struct dns_try *y, uint16_t id, struct dns_dice *dice)
{
	const struct dns_ask *a = y->x->ask;
	uint64_t now = net_now(n);
	uint8_t cookie[DNS_COOKIE_MAX];
	struct dns_packet_form f = {
		.q = &a->q,
		.id = id,
		.flags = a->flags,
		.udp_size = n->conf.udp_size,
		/* what is shown as it came is asked for as it is */
		.keepalive = y->transport != DNS_UDP && !(a->flags & DNS_Q_RAW),
		.options = a->options,
		.options_len = a->options_len,
	};
	int err;

	f.edns = !n->conf.no_edns && !(a->flags & DNS_Q_NO_EDNS) && !y->cand->no_edns &&
		 dns_server_edns(y->server, now);
	f.x20 = !n->conf.no_x20 && !y->cand->no_x20 && dns_server_x20(y->server, now);
	if (f.edns && !n->conf.no_cookies && !(a->flags & DNS_Q_NO_COOKIE) &&
	    dns_server_cookies(y->server, now)) {
		f.cookie = cookie;
		f.cookie_len = dns_server_cookie(y->server, &y->own, &n->cookie_key, cookie);
	}
	err = dns_packet_make(&y->packet, &f, dice);
	if (!err && y->told) {
		y->told->edns = f.edns;
		y->told->case_mixed = f.x20;
		y->told->cookie = f.cookie_len ? DNS_COOKIE_SENT : DNS_COOKIE_NONE;
		y->told->query_len = y->packet.len;
	}
	return err;
}

void dns_try_sent(struct dns_net *n, struct dns_try *y)
{
	struct dns_story *s = &y->x->story;

	y->last_ns = net_now(n);
	if (y->sent == 0)
		y->first_ns = y->last_ns;
	else
		n->stats.retransmits++;
	y->sent++;
	y->server->sent++;
	y->cand->sent[y->transport]++;
	if (y->transport == DNS_UDP)
		n->stats.udp_sent++;
	else
		n->stats.tcp_sent++;
	if (y->told) {
		y->told->id = y->packet.id;
		y->told->sent_ns = y->first_ns;
		y->told->sent = (uint16_t)y->sent;
	}
	s->query_len = y->packet.len;
	memcpy(s->query, y->packet.b, y->packet.len);
}

static void unlink_try(struct dns_net *n, struct dns_try *y, bool silent)
{
	list_del(&y->node);
	if (y->cand && y->cand->y == y)
		y->cand->y = NULL;
	if (y->transport == DNS_UDP)
		dns_udp_end(n, y);
	else if (y->pipe)
		dns_pipe_forget(n, y->pipe, y, silent);
}

static void tell(struct dns_net *n, struct dns_try *y, enum dns_outcome outcome, int error)
{
	if (!y->told)
		return;
	y->told->outcome = (uint8_t)outcome;
	y->told->error = error;
	y->told->ignored = y->ignored;
	y->told->ended_ns = net_now(n);
	y->told = NULL;
}

static void free_try(struct dns_net *n, struct dns_try *y)
{
	n->ntries--;
	net_free(n, y, sizeof(*y));
}

void dns_try_end(struct dns_net *n, struct dns_try *y, enum dns_outcome outcome, int error)
{
	TAPIR_ASSERT(y->x);
	tell(n, y, outcome, error);
	unlink_try(n, y, outcome == DNS_TRIED_TIMEOUT);
	free_try(n, y);
}

void dns_try_leave(struct dns_net *n, struct dns_try *y)
{
	struct dns_server *s = y->server;
	int error = y->cand->soft_error;
	enum dns_outcome outcome = error ? DNS_TRIED_ICMP : DNS_TRIED_PENDING;

	if (y->transport != DNS_UDP || s->lingers || y->sent == 0) {
		dns_try_end(n, y, outcome, error);
		return;
	}
	tell(n, y, outcome, error);
	list_del(&y->node);
	y->cand->y = NULL;
	y->cand = NULL;
	y->x = NULL;
	s->lingers = y;
	s->refs++;
	heap_insert(&n->lingering, &y->timer, net_now(n) + LINGER_MS * DNS_MS);
}

void dns_try_drop(struct dns_net *n, struct dns_try *y)
{
	TAPIR_ASSERT(!y->x && y->server->lingers == y);
	y->server->lingers = NULL;
	y->server->refs--;
	heap_remove(&n->lingering, &y->timer);
	unlink_try(n, y, false);
	free_try(n, y);
}
