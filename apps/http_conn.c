/*
 * A connection is in one of three states and goes round:
 *
 *	          request whole, or refused             response handed over
 *	READ ------------------------------------> SEND ---------------------+--> READ    it persists
 *	 |                                                                  |
 *	 `--> closed, when the client ends it between requests              `--> LINGER  it does not
 *
 * While it sends it does not read: pipelined requests wait in the receive buffer, whose window pushes
 * back on a client that sends faster than it takes. conn_run() goes on until a call says -EAGAIN, so that
 * the next edge is never missed; after a bounded number of requests it asks for its edge again and lets
 * others have their turn.
 *
 * An idle connection is the small struct below; parser and response live in a struct http_work from a
 * request's first byte to its response's last. File bytes go from the file into the send ring by preadv(),
 * without a buffer between.
 *
 * LINGER (RFC 9112 9.6): closing with bytes unread makes TCP send a reset, which can destroy the response
 * on its way. So our end is shut first, and what the client still sends is read and let go, for a while.
 *
 * Each wait is in a class of its own with one timeout, so its list is in order of expiry and a tick looks
 * at heads only. BODY and SEND ask for progress instead of an end: bytes acknowledged by the peer, not bytes
 * handed to the stack, since a large send buffer swallows a response at once.
 */
#include "apps/http_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ACCEPTS_A_TURN = 64,
	REQUESTS_A_TURN = 32,
	SEND_SLICE = 1 << 20, /* bytes of a file read at once */
	SEND_SLICES_A_TURN = 8,
	PEEK_SLICES = 8,
	VICTIM_LOOKS = 1024, /* at the slowness of connections, each time that one is looked for */
};

#define SECONDS(n) ((n)*1000000000ull)

/* When others wait for the place: with a header; and with a body or response that does not move. */
#define PATIENCE_NS SECONDS(2)
#define STALL_NS    SECONDS(5)

/* A mark not taken yet: looking into the connection costs more than most responses need. */
#define MARK_UNKNOWN UINT64_MAX

enum conn_state { CONN_READ, CONN_SEND, CONN_LINGER, CONN_DEAD };

struct http_work {
	struct http_parser parser;
	struct http_response response;
};

struct http_conn {
	struct loop_handler handler;
	struct http_link link; /* in srv->class[class] */
	struct http_server *srv;
	struct http_work *work; /* NULL between requests */
	tapir_sock_t sock;
	uint64_t since_ns; /* when the wait began */
	uint64_t mark;	   /* bytes that had flowed then */
	uint64_t discarded;
	struct tapir_addr peer;
	uint8_t state; /* enum conn_state */
	uint8_t class; /* enum http_class */
};

static struct http_conn *conn_of_link(struct http_link *l)
{
	return (struct http_conn *)(void *)((char *)l - offsetof(struct http_conn, link));
}

static void link_remove(struct http_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
}

static void link_append(struct http_link *head, struct http_link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

struct http_server_conf http_server_conf_default(void)
{
	return (struct http_server_conf){
		.timeout_ns = {[HTTP_CLASS_IDLE] = SECONDS(60),
			       [HTTP_CLASS_HEAD] = SECONDS(15),
			       [HTTP_CLASS_BODY] = SECONDS(10),
			       [HTTP_CLASS_SEND] = SECONDS(30),
			       [HTTP_CLASS_LINGER] = SECONDS(2)},
		.min_bytes = 512,
		.max_discard = 16 << 20,
		.max_conns = 10000,
		.backlog = 1024,
	};
}

/* Begins a wait, anew even if it is of the same class. */
static void conn_wait(struct http_conn *c, enum http_class class, uint64_t mark)
{
	link_remove(&c->link);
	c->class = (uint8_t) class;
	c->since_ns = tapir_now(c->srv->t);
	c->mark = mark;
	link_append(&c->srv->class[class], &c -> link);
}

static void work_free(struct http_conn *c)
{
	if (!c->work)
		return;
	http_response_free(&c->work->response);
	http_parser_free(&c->work->parser);
	free(c->work);
	c->work = NULL;
}

static bool work_make(struct http_conn *c)
{
	if (c->work)
		return true;
	c->work = malloc(sizeof *c->work);
	if (!c->work)
		return false;
	http_parser_init(&c->work->parser);
	http_response_init(&c->work->response);
	return true;
}

static void log_response(struct http_conn *c)
{
	struct http_server *srv = c->srv;
	if (srv->log && c->work)
		http_log_add(srv->log, &c->peer, srv->ops.wall(srv->ops.ctx), &c->work->parser,
			     c->work->response.status, http_response_body_sent(&c->work->response));
}

/* Forgets the connection; its socket has been closed, or is somebody else's now. */
static void conn_forget(struct http_conn *c)
{
	struct http_server *srv = c->srv;
	if (c->state == CONN_SEND)
		log_response(c); /* cut short */
	work_free(c);
	c->state = CONN_DEAD;
	link_remove(&c->link);
	link_append(&srv->dead, &c->link);
	srv->nconns--;
	/* One that waits in the accept queue can come in: ask for the listener's level as an edge. */
	if (srv->full && srv->listener) {
		srv->full = false;
		srv->ops.watch(srv->ops.ctx, srv->listener, TAPIR_IN, &srv->handler);
	}
}

static void conn_close(struct http_conn *c)
{
	tapir_close(c->srv->t, c->sock);
	conn_forget(c);
}

static void conn_abort(struct http_conn *c)
{
	tapir_abort(c->srv->t, c->sock);
	conn_forget(c);
}

/* Our end is finished: FIN, and read on until theirs is. */
static void conn_linger(struct http_conn *c)
{
	work_free(c);
	c->state = CONN_LINGER;
	c->discarded = 0;
	tapir_shutdown(c->srv->t, c->sock, TAPIR_SHUT_WR);
	conn_wait(c, HTTP_CLASS_LINGER, 0);
}

static const char *date_now(struct http_server *srv)
{
	time_t now = srv->ops.wall(srv->ops.ctx);
	if (now != srv->date_of || !*srv->date) {
		srv->date_of = now;
		http_date(now, srv->date);
	}
	return srv->date;
}

/* Bytes of this connection that the peer has acknowledged, and whether some are still to be. */
static uint64_t conn_acked(const struct http_conn *c, bool *more)
{
	struct tapir_tcp_info info = {0};
	size_t len = sizeof info;
	if (tapir_getsockopt(c->srv->t, c->sock, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &len) < 0) {
		*more = false;
		return 0;
	}
	*more = info.unacked > 0 || info.notsent_bytes > 0;
	return info.bytes_acked;
}

/* The answer is decided: write its head, and begin to send. */
static void conn_respond(struct http_conn *c, bool keep)
{
	struct http_response *r = &c->work->response;
	r->keep = keep && !c->srv->draining;
	http_response_finish(r, c->work->parser.line_known ? c->work->parser.minor : 1,
			     date_now(c->srv));
	c->state = CONN_SEND;
	c->srv->requests++;
	conn_wait(c, HTTP_CLASS_SEND, MARK_UNKNOWN);
}

static void conn_refuse(struct http_conn *c, int status, const char *why)
{
	struct http_parser *p = &c->work->parser;
	c->srv->refused++;
	http_response_error(&c->work->response, status, why);
	c->work->response.no_body = p->line_known && p->method == HTTP_HEAD;
	conn_respond(c, false);
}

/* HT-30, RFC 9110 15.2.1. What does not fit is not said: the client goes on after a while without it. */
static void say_continue(struct http_conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec iov = {(void *)(uintptr_t)text, sizeof text - 1};
	tapir_send(c->srv->t, c->sock, &iov, 1, 0);
}

/* What one event of the parser means. True when the request is over, one way or the other. */
static bool conn_event(struct http_conn *c, enum http_event ev)
{
	struct http_work *w = c->work;
	struct http_parser *p = &w->parser;
	switch (ev) {
	case HTTP_EV_MORE:
		break;
	case HTTP_EV_HEAD:
		if (!p->chunked && !p->content_len)
			break;
		conn_wait(c, HTTP_CLASS_BODY, 0);
		if (!p->expect_continue)
			break;
		if (http_handler_wants_body(p)) {
			say_continue(c);
			break;
		}
		/* RFC 9110 10.1.1: the final answer instead of 100; then the body may or may not come. */
		http_handle(c->srv->site, p, &w->response);
		conn_respond(c, false);
		return true;
	case HTTP_EV_BODY:
		break;
	case HTTP_EV_END:
		http_handle(c->srv->site, p, &w->response);
		conn_respond(c, p->keep);
		return true;
	case HTTP_EV_BAD:
		conn_refuse(c, p->status, http_why_text(p->why));
		return true;
	}
	return false;
}

/* What a step of a connection leaves to do. */
enum next { GO_ON, WAIT, GONE };

/* HT-12, HT-13: one request at a time. Parses slices of the receive buffer; *used gets how many bytes of it are done with. */
static void conn_parse(struct http_conn *c, const struct iovec *iov, int n, size_t *used)
{
	for (int i = 0; i < n; i++) {
		const uint8_t *p = iov[i].iov_base;
		size_t off = 0;
		enum http_event ev;
		do {
			size_t took;
			ev = http_parse(&c->work->parser, p + off, iov[i].iov_len - off, &took);
			off += took;
			*used += took;
			if (conn_event(c, ev))
				return;
		} while (ev != HTTP_EV_MORE);
	}
}

static enum next conn_read(struct http_conn *c)
{
	struct tapir *t = c->srv->t;
	struct iovec iov[PEEK_SLICES];
	int n = 0;
	size_t used = 0;
	int64_t got = tapir_recv_peek(t, c->sock, iov, PEEK_SLICES, &n);
	if (got == -EAGAIN) {
		/* Nothing of a request is there: an idle connection holds nothing. */
		if (c->work && http_parser_idle(&c->work->parser))
			work_free(c);
		return WAIT;
	}
	if (got <= 0 || !work_make(c)) {
		conn_close(
			c); /* the client ended it, perhaps within a request: there is nobody to answer */
		return GONE;
	}
	conn_parse(c, iov, n, &used);
	tapir_recv_consume(t, c->sock, used);
	if (c->state == CONN_READ && c->class == HTTP_CLASS_IDLE &&
	    !http_parser_idle(&c->work->parser))
		conn_wait(c, HTTP_CLASS_HEAD, 0);
	return GO_ON;
}

/* A piece of the head, or of the file. Returns the bytes sent, or a negative errno. */
static int64_t send_some(struct http_conn *c, struct http_response *r)
{
	struct tapir *t = c->srv->t;
	struct iovec iov[2];
	int n = 0, flags = r->left ? TAPIR_MSG_MORE : 0;
	if (r->text_sent < r->text_len) {
		iov[0] = (struct iovec){r->text + r->text_sent, r->text_len - r->text_sent};
		int64_t sent = tapir_send(t, c->sock, iov, 1, flags);
		if (sent > 0)
			r->text_sent += (size_t)sent;
		return sent;
	}
	size_t want = r->left < SEND_SLICE ? (size_t)r->left : SEND_SLICE;
	int64_t room = tapir_send_reserve(t, c->sock, want, iov, 2, &n);
	if (room < 0)
		return room;
	ssize_t got = preadv(r->fd, iov, n, (off_t)r->off);
	/* A file that shrank can't keep the promise of its Content-Length. */
	if (got <= 0) {
		tapir_send_commit(t, c->sock, 0, 0);
		return got < 0 ? -errno : -EIO;
	}
	r->off += (uint64_t)got;
	r->left -= (uint64_t)got;
	int err = tapir_send_commit(t, c->sock, (size_t)got, r->left ? TAPIR_MSG_MORE : 0);
	return err < 0 ? err : got;
}

static enum next conn_send(struct http_conn *c, int *slices)
{
	struct http_response *r = &c->work->response;
	while (r->text_sent < r->text_len || r->left) {
		if (--*slices < 0)
			return GO_ON;
		int64_t sent = send_some(c, r);
		if (sent == -EAGAIN) {
			bool more;
			if (c->mark == MARK_UNKNOWN)
				c->mark = conn_acked(c, &more);
			return WAIT;
		}
		if (sent < 0) {
			conn_abort(
				c); /* the file failed, or the client has gone: the end must not look whole */
			return GONE;
		}
	}
	log_response(c);
	bool keep = r->keep && !c->srv->draining;
	http_response_free(r);
	if (!keep) {
		conn_linger(c);
		return GO_ON;
	}
	http_parser_next(&c->work->parser);
	http_response_init(r);
	c->state = CONN_READ;
	conn_wait(c, HTTP_CLASS_IDLE, MARK_UNKNOWN);
	return GO_ON;
}

/* After our FIN: read and let go. */
static enum next conn_discard(struct http_conn *c)
{
	struct tapir *t = c->srv->t;
	struct iovec iov[PEEK_SLICES];
	int n = 0;
	int64_t got = tapir_recv_peek(t, c->sock, iov, PEEK_SLICES, &n);
	if (got == -EAGAIN)
		return WAIT;
	if (got <= 0) {
		conn_close(c);
		return GONE;
	}
	tapir_recv_consume(t, c->sock, (size_t)got);
	c->discarded += (uint64_t)got;
	if (c->discarded <= c->srv->conf.max_discard)
		return GO_ON;
	conn_abort(c);
	return GONE;
}

static void conn_run(struct http_conn *c)
{
	int requests = REQUESTS_A_TURN, slices = SEND_SLICES_A_TURN;
	enum next next = GO_ON;
	while (next == GO_ON && requests > 0 && slices >= 0) {
		switch ((enum conn_state)c->state) {
		case CONN_READ:
			requests--;
			next = conn_read(c);
			break;
		case CONN_SEND:
			next = conn_send(c, &slices);
			break;
		case CONN_LINGER:
			requests--;
			next = conn_discard(c);
			break;
		case CONN_DEAD:
			return;
		}
	}
	/* Others are waiting too: take the rest as a new edge. */
	if (next == GO_ON)
		c->srv->ops.watch(c->srv->ops.ctx, c->sock, TAPIR_IN | TAPIR_OUT, &c->handler);
}

static void on_conn(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits)
{
	struct http_conn *c =
		(struct http_conn *)(void *)((char *)h - offsetof(struct http_conn, handler));
	(void)l;
	(void)s;
	if (bits & TAPIR_ERR && c->state != CONN_DEAD)
		conn_close(c);
	else
		conn_run(c);
}

static bool conn_make(struct http_server *srv, tapir_sock_t s, const struct tapir_sockaddr *peer)
{
	struct http_conn *c = calloc(1, sizeof *c);
	int on = 1;
	if (!c)
		return false;
	c->handler.fn = on_conn;
	c->srv = srv;
	c->sock = s;
	c->peer = peer->addr;
	c->state = CONN_READ;
	c->link.prev = c->link.next = &c->link;
	conn_wait(c, HTTP_CLASS_HEAD, 0);
	/* Responses are written whole; holding back their last segment would only delay it. */
	tapir_setsockopt(srv->t, s, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, &on, sizeof on);
	srv->nconns++;
	srv->accepted++;
	if (srv->ops.watch(srv->ops.ctx, s, TAPIR_IN | TAPIR_OUT, &c->handler) < 0) {
		conn_abort(c);
		return true; /* the socket is dealt with */
	}
	return true;
}

/*
 * HT-02, HT-03: one that moves less than min_bytes a second, in the time since it was looked at. Who is quick
 * enough goes to the end of the list, so that each is looked at once in STALL_NS, however often we are
 * called; but all must have been looked at soon, since the first look finds what came at the start. NULL: none.
 */
static struct http_conn *slow_one(struct http_server *srv, enum http_class class)
{
	struct http_link *list = &srv->class[class];
	for (int i = 0; i < VICTIM_LOOKS && list->next != list; i++) {
		struct http_conn *c = conn_of_link(list->next);
		uint64_t waited = tapir_now(srv->t) - c->since_ns, moved;
		bool more;
		if (waited < STALL_NS)
			return NULL; /* and so are all behind it */
		moved = class == HTTP_CLASS_BODY ? c->work->parser.body_seen : conn_acked(c, &more);
		if (c->mark != MARK_UNKNOWN &&
		    moved < c->mark + waited / SECONDS(1) * srv->conf.min_bytes)
			return c;
		conn_wait(c, class, moved);
	}
	return NULL;
}

/*
 * HT-29: at the limit the longest idle connection makes room (RFC 9112 9.5), or one that has been sending its header
 * for longer than an honest client needs, or one whose body or response hardly moves, so that slow ones can't
 * keep the others out; NULL: nobody does.
 */
static struct http_conn *victim(struct http_server *srv)
{
	struct http_link *idle = &srv->class[HTTP_CLASS_IDLE], *head = &srv->class[HTTP_CLASS_HEAD];
	struct http_conn *c;
	if (idle->next != idle)
		return conn_of_link(idle->next);
	if (head->next != head) {
		c = conn_of_link(head->next);
		if (tapir_now(srv->t) - c->since_ns >= PATIENCE_NS)
			return c;
	}
	c = slow_one(srv, HTTP_CLASS_SEND);
	return c ? c : slow_one(srv, HTTP_CLASS_BODY);
}

static bool make_room(struct http_server *srv)
{
	if (srv->nconns < srv->conf.max_conns)
		return true;
	struct http_conn *c = victim(srv);
	if (!c)
		return false;
	srv->evicted++;
	/* What was not said whole must not look whole, and what nobody reads is not kept for them. */
	if (c->class == HTTP_CLASS_SEND || c->class == HTTP_CLASS_BODY)
		conn_abort(c);
	else
		conn_close(c);
	return true;
}

static void on_listener(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits)
{
	struct http_server *srv =
		(struct http_server *)(void *)((char *)h - offsetof(struct http_server, handler));
	(void)l;
	(void)bits;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct tapir_sockaddr peer;
		/* Nobody is sent away for a guest who does not come. */
		if (srv->nconns >= srv->conf.max_conns && !(tapir_poll(srv->t, s) & TAPIR_IN))
			return;
		if (!make_room(srv)) {
			srv->full = true;
			return;
		}
		tapir_sock_t conn = tapir_accept(srv->t, s, &peer);
		if (conn < 0) {
			/* Out of sockets or memory: try again with the next connection that ends, or tick. */
			srv->full = conn == -ENFILE || conn == -EMFILE || conn == -ENOMEM ||
				    conn == -ENOBUFS;
			return;
		}
		if (srv->nconns == 0)
			srv->ops.wake(srv->ops.ctx);
		if (!conn_make(srv, conn, &peer))
			tapir_abort(srv->t, conn);
	}
	srv->ops.watch(srv->ops.ctx, s, TAPIR_IN, &srv->handler);
}

int http_server_start(struct http_server *srv, struct tapir *t, const struct http_ops *ops,
		      const struct http_server_conf *conf, const struct http_site *site,
		      struct http_log *log, const struct tapir_sockaddr *sa)
{
	int on = 1, err = 0;
	memset(srv, 0, sizeof *srv);
	srv->t = t;
	srv->ops = *ops;
	srv->conf = *conf;
	srv->site = site;
	srv->log = log;
	srv->handler.fn = on_listener;
	for (int i = 0; i < HTTP_CLASSES; i++)
		srv->class[i].prev = srv->class[i].next = &srv->class[i];
	srv->dead.prev = srv->dead.next = &srv->dead;
	srv->listener = tapir_socket(t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	if (srv->listener < 0) {
		err = (int)srv->listener;
		srv->listener = 0;
		return err;
	}
	err = tapir_setsockopt(t, srv->listener, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, &on,
			       sizeof on);
	if (err >= 0)
		err = tapir_bind(t, srv->listener, sa);
	if (err >= 0)
		err = tapir_listen(t, srv->listener, conf->backlog);
	if (err >= 0)
		err = ops->watch(ops->ctx, srv->listener, TAPIR_IN, &srv->handler);
	if (err < 0) {
		tapir_close(t, srv->listener);
		srv->listener = 0;
		return err;
	}
	return 0;
}

/* HT-03: a slow client may be slow, not still: it goes on when enough has moved since the last look. */
static void conn_progress(struct http_conn *c, uint64_t acked)
{
	if (c->mark == MARK_UNKNOWN || acked >= c->mark + c->srv->conf.min_bytes) {
		conn_wait(c, (enum http_class)c->class, acked);
		return;
	}
	c->srv->timeouts++;
	conn_abort(c);
}

/* A wait is over. */
static void conn_expire(struct http_conn *c)
{
	bool more;
	uint64_t acked = conn_acked(c, &more), min = c->srv->conf.min_bytes;
	switch ((enum http_class)c->class) {
	case HTTP_CLASS_IDLE:
		if (!more)
			conn_close(c);
		else
			conn_progress(c, acked); /* the last response is still on its way */
		return;
	case HTTP_CLASS_LINGER:
		if (more)
			conn_wait(c, HTTP_CLASS_SEND, acked);
		else
			conn_close(c);
		return;
	case HTTP_CLASS_HEAD: /* HT-01 */
		c->srv->timeouts++;
		if (!c->work || http_parser_idle(&c->work->parser)) {
			conn_close(c); /* it never asked */
			return;
		}
		break;
	case HTTP_CLASS_BODY: /* HT-02 */
		if (c->work->parser.body_seen >= c->mark + min) {
			conn_wait(c, HTTP_CLASS_BODY, c->work->parser.body_seen);
			return;
		}
		c->srv->timeouts++;
		break;
	case HTTP_CLASS_SEND:
		if (c->state == CONN_LINGER && !more)
			conn_close(c);
		else
			conn_progress(c, acked);
		return;
	case HTTP_CLASSES:
		return;
	}
	/* RFC 9110 15.5.9 */
	conn_refuse(c, 408, "The request took too long to arrive.");
	conn_run(c);
}

static void bury(struct http_server *srv)
{
	struct http_link *next;
	for (struct http_link *l = srv->dead.next; l != &srv->dead; l = next) {
		next = l->next;
		free(conn_of_link(l));
	}
	srv->dead.prev = srv->dead.next = &srv->dead;
}

bool http_server_tick(struct http_server *srv)
{
	uint64_t now = tapir_now(srv->t);
	bury(srv);
	for (int i = 0; i < HTTP_CLASSES; i++) {
		struct http_link *head = &srv->class[i];
		while (head->next != head) {
			struct http_conn *c = conn_of_link(head->next);
			if (now - c->since_ns < srv->conf.timeout_ns[i])
				break;
			conn_expire(c); /* it leaves the list, or goes to its end with now */
		}
	}
	if (srv->full && srv->listener && (srv->nconns < srv->conf.max_conns || victim(srv))) {
		srv->full = false;
		srv->ops.watch(srv->ops.ctx, srv->listener, TAPIR_IN, &srv->handler);
	}
	if (srv->log)
		http_log_flush(srv->log);
	return srv->nconns > 0 || srv->dead.next != &srv->dead || srv->full ||
	       (srv->log && srv->log->len > 0);
}

void http_server_drain(struct http_server *srv)
{
	srv->draining = true;
	if (srv->listener)
		tapir_close(srv->t, srv->listener);
	srv->listener = 0;
	for (int i = 0; i < HTTP_CLASSES; i++) {
		struct http_link *l = srv->class[i].next, *next;
		for (; l != &srv->class[i]; l = next) {
			struct http_conn *c = conn_of_link(l);
			next = l->next;
			/* Nothing of a request has come, or all of the response has gone. */
			if (c->state == CONN_READ &&
			    (!c->work || http_parser_idle(&c->work->parser)))
				conn_close(c);
		}
	}
}

void http_server_stop(struct http_server *srv, bool close_sockets)
{
	if (close_sockets && srv->listener)
		tapir_close(srv->t, srv->listener);
	srv->listener = 0;
	for (int i = 0; i < HTTP_CLASSES; i++) {
		struct http_link *head = &srv->class[i];
		while (head->next != head) {
			struct http_conn *c = conn_of_link(head->next);
			if (close_sockets)
				tapir_close(srv->t, c->sock);
			conn_forget(c);
		}
	}
	bury(srv);
	if (srv->log)
		http_log_flush(srv->log);
}
