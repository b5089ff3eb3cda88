/*
 * One connection a server, many questions on it (RFC 7766 6.2.1).
 *
 *	waiting --- pump(): ID, two octets of length, one write ---> flying --- a reply with that ID and question ---> judged
 *	   ^                                                           |
 *	   +---------------- the connection ended (three times at most) +
 *
 * Questions are sent without waiting for answers, and answers come in any order. An ID is drawn when a question is sent, and
 * is no other's on that connection. A server that ends the connection with questions unanswered gets them again over a new
 * one: each at most three times, and while no connection brings an answer a new one waits 100, 200, 400 ms. Some
 * servers take one question, or a few, and close. How many were answered is then how many are sent at a time to it from then on, so that
 * such a server costs connections and not answers. The number doubles when one connection has brought twice as many answers.
 *
 * Received octets lie in one buffer, as large as the longest message; it exists while the connection does. Nothing of what the peer
 * sends makes it larger or lets us wait longer than the questions' own deadlines: a connection on which a question waited in vain while
 * nothing at all came is ended.
 *
 * The timer is, by state: when to open (PAUSE), when opening is given up (OPENING), when there is an error to be dealt with or
 * nothing to do any more (OPEN).
 */
#include <errno.h>

#include "dns/exchange.h"

enum {
	CONNECT_MS = 3000,
	RETRY_MS = 100,
	SOCKET_WAIT_MS = 20,
	FRUITLESS_MAX = 3,
	KEEPALIVE_MAX_MS = 120000,
	ID_TRIES = 64,
};

void dns_pipe_init(struct dns_pipe *p, struct dns_server *s, enum dns_transport transport)
{
	memset(p, 0, sizeof(*p));
	p->server = s;
	p->transport = transport;
	heap_node_init(&p->timer);
	list_init(&p->waiting);
	list_init(&p->flying);
}

static void set_timer(struct dns_net *n, struct dns_pipe *p, uint64_t at)
{
	if (heap_queued(&p->timer))
		heap_rekey(&n->pipes, &p->timer, at);
	else
		heap_insert(&n->pipes, &p->timer, at);
}

static void no_timer(struct dns_net *n, struct dns_pipe *p)
{
	if (heap_queued(&p->timer))
		heap_remove(&n->pipes, &p->timer);
}

/* An error while something else is under way: dealt with by the timer. */
static void broken(struct dns_net *n, struct dns_pipe *p, int error)
{
	p->error = error;
	set_timer(n, p, net_now(n));
}

static void watch(struct dns_net *n, struct dns_pipe *p)
{
	uint32_t bits = p->ops->want(p->stream, p->state == DNS_PIPE_OPENING || p->out_len > 0);
	int err;

	if (bits == p->bits)
		return;
	p->bits = bits;
	err = dns_net_watch(n, p->sock, bits);
	if (err)
		broken(n, p, -err);
}

/* ---- connections ---- */

static void disconnect(struct dns_net *n, struct dns_pipe *p, bool abort)
{
	no_timer(n, p);
	if (p->stream) {
		dns_net_unhold(n, &n->socks, &p->node);
		p->ops->close(p->stream, abort);
		p->stream = NULL;
		n->freed = true;
	}
	net_free(n, p->in, DNS_PIPE_IN_MAX);
	p->in = NULL;
	p->in_len = 0;
	p->out_len = p->out_at = 0;
	p->error = 0;
	p->state = DNS_PIPE_IDLE;
}

/* It is back among those that wait, before those that never flew. */
static void land(struct dns_net *n, struct dns_pipe *p, struct dns_try *y)
{
	dns_net_unhold(n, &n->ids, &y->hnode);
	y->flying = false;
	list_del(&y->queue);
	p->nflying--;
	list_add_head(&p->waiting, &y->queue);
	p->nwaiting++;
}

static void fail_waiting(struct dns_net *n, struct dns_pipe *p, enum dns_outcome outcome, int error)
{
	while (!list_empty(&p->waiting))
		dns_judge_failure(n, LIST_FIRST(&p->waiting, struct dns_try, queue), outcome,
				  error);
}

/* The connection is over, or never was. */
static void down(struct dns_net *n, struct dns_pipe *p, int error)
{
	bool was_open = p->state == DNS_PIPE_OPEN;
	unsigned lost = p->nflying;
	uint64_t now = net_now(n);

	disconnect(n, p, true);
	/* D7766-6: again over a new one. Newest first, so that the oldest is the head again. */
	while (!list_empty(&p->flying)) {
		struct dns_try *y = LIST_LAST(&p->flying, struct dns_try, queue);

		/* D9520-1 */
		if (y->cand->sent[p->transport] >= DNS_SENDS_MAX)
			dns_judge_failure(n, y, DNS_TRIED_CLOSED, error);
		else
			land(n, p, y);
	}
	if (!was_open) {
		/* The question for which it was opened may be over; nothing else would tell that the server is dead. */
		if (n->conf.use_tcp && list_empty(&p->waiting))
			dns_server_failed(p->server, now);
		fail_waiting(n, p, DNS_TRIED_CONNECT, error);
		return;
	}
	if (p->answers == 0 && lost + p->nwaiting > 0 && ++p->fruitless >= FRUITLESS_MAX) {
		p->fruitless = 0;
		fail_waiting(n, p, DNS_TRIED_CLOSED, error);
		return;
	}
	/* One alone was only unlucky: the server ended what had been idle. */
	if (lost > 1 || (lost > 0 && p->window > 0)) {
		p->window = max_u32(p->answers, 1);
		p->window_ns = now + DNS_WINDOW_NS;
	}
	if (list_empty(&p->waiting))
		return;
	/* D9210-3: no storm: at once only where the last one was of use. */
	p->state = DNS_PIPE_PAUSE;
	set_timer(n, p, p->answers > 0 ? now : now + (RETRY_MS << (p->fruitless - 1)) * DNS_MS);
}

static int begin(struct dns_net *n, struct dns_pipe *p)
{
	struct tapir_sockaddr to = p->server->addr;
	bool tls = p->transport == DNS_TLS;
	int err;

	p->ops = tls ? n->conf.tls : &dns_stream_tcp;
	if (!p->ops)
		return -EPROTONOSUPPORT;
	/* D7858-1: its own port. */
	if (tls && to.port == DNS_PORT)
		to.port = DNS_TLS_PORT;
	p->in = net_alloc(n, DNS_PIPE_IN_MAX);
	if (!p->in)
		return -ENOMEM;
	err = p->ops->open(n->conf.tls_ctx, n->t, &n->env.mem, &to, &p->stream, &p->sock);
	if (err) {
		p->stream = NULL;
		return err;
	}
	dns_net_hold(n, &n->socks, &p->node, (uint64_t)p->sock, 0);
	p->node.aux = 1;
	return 0;
}

static void open_it(struct dns_net *n, struct dns_pipe *p)
{
	uint64_t now = net_now(n);
	int err = begin(n, p);

	if (err) {
		disconnect(n, p, true);
		if (err == -ENFILE) {
			/* Its turn comes when another socket is closed. */
			p->state = DNS_PIPE_PAUSE;
			set_timer(n, p, now + SOCKET_WAIT_MS * DNS_MS);
			return;
		}
		fail_waiting(n, p, DNS_TRIED_CONNECT, -err);
		return;
	}
	p->state = DNS_PIPE_OPENING;
	p->bits = 0;
	p->answers = 0;
	p->bad = 0;
	p->last_ns = now;
	p->idle_ns = n->conf.tcp_idle_ms * DNS_MS;
	if (now >= p->window_ns)
		p->window = 0;
	/* D9210-2: not as long as TCP itself would try. */
	set_timer(n, p, now + CONNECT_MS * DNS_MS);
	watch(n, p);
}

/* Nothing under way: it may stay for a while (D7766-5, RFC 7766 6.2.3). */
static void rest(struct dns_net *n, struct dns_pipe *p)
{
	if (p->state != DNS_PIPE_OPEN || p->error || p->out_len > 0)
		return;
	if (p->nflying + p->nwaiting > 0)
		no_timer(n, p);
	else
		set_timer(n, p, net_now(n) + p->idle_ns);
}

/* ---- sending ---- */

static uint16_t choose_id(struct dns_net *n, const struct dns_pipe *p, struct dns_dice *dice)
{
	uint16_t id = 0;

	/* D7766-2: no other's that flies. At most one in sixteen is taken; where the test hook leaves few, the next that is free. */
	for (unsigned i = 0;; i++) {
		struct hnode *h;

		id = i < ID_TRIES ? (uint16_t)dns_dice_bits(dice, 16) : (uint16_t)(id + 1);
		h = htab_first(&n->ids, dns_net_hash(n, (uint64_t)p->sock, id));
		for (; h; h = htab_next(h)) {
			const struct dns_try *y = container_of(h, struct dns_try, hnode);

			if (y->pipe == p && y->packet.id == id)
				break;
		}
		if (!h)
			return id;
	}
}

/* The next question becomes octets to be sent. */
static void take(struct dns_net *n, struct dns_pipe *p)
{
	struct dns_try *y = LIST_FIRST(&p->waiting, struct dns_try, queue);
	struct dns_dice dice = {n->rng, n->conf.entropy_bits > 0, n->conf.entropy_bits};
	struct tapir_sockaddr own;
	int err = tapir_getsockname(n->t, p->sock, &own);

	if (!err) {
		y->own = own.addr;
		if (y->told)
			y->told->local_port = own.port;
		err = dns_try_packet(n, y, choose_id(n, p, &dice), &dice);
	}
	if (err) {
		dns_judge_failure(n, y, DNS_TRIED_CONNECT, -err);
		return;
	}
	list_del(&y->queue);
	p->nwaiting--;
	list_add_tail(&p->flying, &y->queue);
	p->nflying++;
	y->flying = true;
	dns_net_hold(n, &n->ids, &y->hnode, (uint64_t)p->sock, y->packet.id);
	dns_try_sent(n, y);
	/* D7766-8, D1035-13: length and message in one write. */
	p->out[0] = (uint8_t)(y->packet.len >> 8);
	p->out[1] = (uint8_t)y->packet.len;
	memcpy(p->out + 2, y->packet.b, y->packet.len);
	p->out_len = (uint16_t)(2 + y->packet.len);
	p->out_at = 0;
}

/* What is left of a message: true when all of it went. */
static bool flush(struct dns_net *n, struct dns_pipe *p)
{
	while (p->out_at < p->out_len) {
		int64_t r = p->ops->send(p->stream, p->out + p->out_at, p->out_len - p->out_at);

		if (r == -ENOMEM || r == -ENOBUFS) {
			/* Nothing tells when there is memory: the timer asks. */
			set_timer(n, p, net_now(n) + SOCKET_WAIT_MS * DNS_MS);
			return false;
		}
		if (r < 0) {
			if (r != -EAGAIN)
				broken(n, p, (int)-r);
			return false;
		}
		p->out_at = (uint16_t)(p->out_at + r);
	}
	p->out_len = p->out_at = 0;
	return true;
}

void dns_pipe_pump(struct dns_net *n, struct dns_pipe *p)
{
	unsigned most = p->window ? p->window : DNS_PIPE_FLYING_MAX;

	if (p->state != DNS_PIPE_OPEN || p->error)
		return;
	/* D7766-3, D7766-4: one after the other without waiting for answers, on the one connection. */
	while (flush(n, p) && !list_empty(&p->waiting) && p->nflying < most)
		take(n, p);
	watch(n, p);
	/* Idle already, it stays no longer for what comes unasked. */
	if (p->nflying + p->nwaiting > 0 || !heap_queued(&p->timer))
		rest(n, p);
}

void dns_pipe_submit(struct dns_net *n, struct dns_pipe *p, struct dns_try *y)
{
	list_add_tail(&p->waiting, &y->queue);
	p->nwaiting++;
	if (p->state == DNS_PIPE_IDLE) {
		p->state = DNS_PIPE_PAUSE;
		set_timer(n, p, net_now(n));
	} else if (p->state == DNS_PIPE_OPEN && !p->error) {
		/* Not from within: who begins a try isn't told of its end. */
		set_timer(n, p, net_now(n));
	}
}

void dns_pipe_forget(struct dns_net *n, struct dns_pipe *p, struct dns_try *y, bool silent)
{
	if (!list_linked(&y->queue))
		return;
	list_del(&y->queue);
	if (!y->flying) {
		p->nwaiting--;
	} else {
		dns_net_unhold(n, &n->ids, &y->hnode);
		y->flying = false;
		p->nflying--;
		/* DN-30: nothing came since it was sent: nothing will. */
		if (silent && p->state == DNS_PIPE_OPEN && p->last_ns <= y->last_ns)
			broken(n, p, ETIMEDOUT);
	}
	if (p->state == DNS_PIPE_PAUSE && p->nwaiting == 0) {
		no_timer(n, p);
		p->state = DNS_PIPE_IDLE;
	} else if (p->state == DNS_PIPE_OPEN && !p->error && p->nwaiting > 0) {
		/* Room for one that waits. */
		set_timer(n, p, net_now(n));
	} else {
		rest(n, p);
	}
}

/* ---- receiving ---- */

static void message(struct dns_net *n, struct dns_pipe *p, const uint8_t *b, size_t len)
{
	struct hnode *h = NULL;
	uint16_t id;

	n->stats.tcp_received++;
	if (len >= DNS_HEADER_LEN) {
		id = (uint16_t)(b[0] << 8 | b[1]);
		h = htab_first(&n->ids, dns_net_hash(n, (uint64_t)p->sock, id));
		for (; h; h = htab_next(h)) {
			struct dns_try *y = container_of(h, struct dns_try, hnode);

			if (y->pipe != p || y->packet.id != id)
				continue;
			/* D7766-7: in any order, by ID and question. */
			if (!dns_judge_message(n, y, b, len))
				break;
			p->answers++;
			p->fruitless = 0;
			/* It takes more than it seemed to. */
			if (p->window && p->answers > 2 * p->window)
				p->window = min_u32(2 * p->window, DNS_PIPE_FLYING_MAX);
			p->last_ns = net_now(n);
			return;
		}
		/* The answer to one that was given up, or nonsense: it is not known any more. */
		if (!h && (b[2] & 0x80))
			return;
	}
	n->stats.malformed++;
	if (++p->bad >= DNS_PIPE_BAD_MAX)
		broken(n, p, EBADMSG);
}

/* D5966-1, D7766-1: whole messages in the buffer. */
static void parse(struct dns_net *n, struct dns_pipe *p)
{
	size_t at = 0;

	/* D1035-13: the length may come in pieces like all else. */
	while (!p->error && p->in_len - at >= 2) {
		size_t len = (size_t)(p->in[at] << 8 | p->in[at + 1]);

		if (p->in_len - at - 2 < len)
			break;
		message(n, p, p->in + at + 2, len);
		at += 2 + len;
	}
	if (at > 0) {
		p->in_len -= at;
		memmove(p->in, p->in + at, p->in_len);
	}
}

static void receive(struct dns_net *n, struct dns_pipe *p)
{
	while (!p->error) {
		int64_t r = p->ops->recv(p->stream, p->in + p->in_len, DNS_PIPE_IN_MAX - p->in_len);

		if (r == -EAGAIN)
			return;
		if (r <= 0) {
			p->error = r < 0 ? (int)-r : ECONNRESET;
			return;
		}
		p->in_len += (size_t)r;
		parse(n, p);
	}
}

void dns_pipe_ready(struct dns_net *n, struct dns_pipe *p)
{
	int err;

	if (p->state == DNS_PIPE_OPENING) {
		err = p->ops->established(p->stream);
		if (err == -EINPROGRESS) {
			watch(n, p);
			return;
		}
		if (err) {
			down(n, p, -err);
			return;
		}
		p->state = DNS_PIPE_OPEN;
		if (n->conf.use_tcp)
			dns_server_lives(p->server, max_u64(net_now(n) - p->last_ns, 1),
					 net_now(n));
		p->last_ns = net_now(n);
		no_timer(n, p);
		if (p->transport == DNS_TLS)
			n->stats.tls_connections++;
		else
			n->stats.tcp_connections++;
	}
	if (p->state != DNS_PIPE_OPEN)
		return;
	receive(n, p);
	if (p->error)
		down(n, p, p->error);
	else
		dns_pipe_pump(n, p);
}

void dns_pipe_timer(struct dns_net *n, struct dns_pipe *p)
{
	bool idle = p->nwaiting + p->nflying == 0;

	no_timer(n, p);
	switch (p->state) {
	case DNS_PIPE_IDLE:
		return;
	case DNS_PIPE_PAUSE:
		open_it(n, p);
		return;
	case DNS_PIPE_OPENING:
		down(n, p, p->error ? p->error : ETIMEDOUT);
		return;
	case DNS_PIPE_OPEN:
		if (p->error)
			down(n, p, p->error);
		else if (idle && p->out_len == 0)
			disconnect(n, p, false);
		else
			dns_pipe_pump(n, p);
		return;
	}
}

void dns_pipe_keepalive(struct dns_pipe *p, unsigned units)
{
	/* RFC 7828 3.2.2: 0: it should be closed as soon as nothing is under way. */
	p->idle_ns = min_u32(units * 100, KEEPALIVE_MAX_MS) * DNS_MS;
}

void dns_pipe_close(struct dns_net *n, struct dns_pipe *p)
{
	TAPIR_ASSERT(list_empty(&p->waiting) && list_empty(&p->flying));
	disconnect(n, p, false);
}

void dns_pipe_check(const struct dns_pipe *p)
{
	bool connected = p->state == DNS_PIPE_OPENING || p->state == DNS_PIPE_OPEN;

	TAPIR_ASSERT(list_count(&p->waiting) == p->nwaiting);
	TAPIR_ASSERT(list_count(&p->flying) == p->nflying);
	TAPIR_ASSERT(connected == (p->stream != NULL) && connected == (p->in != NULL));
	TAPIR_ASSERT(p->nflying == 0 || p->state == DNS_PIPE_OPEN);
	TAPIR_ASSERT(p->state != DNS_PIPE_IDLE || p->nwaiting == 0);
	TAPIR_ASSERT(p->out_at <= p->out_len && p->in_len <= DNS_PIPE_IN_MAX);
	TAPIR_ASSERT((p->state != DNS_PIPE_PAUSE && p->state != DNS_PIPE_OPENING) ||
		     heap_queued(&p->timer));
}
