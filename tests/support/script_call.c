/*
 * Socket calls of packet scripts, over the stack's non-blocking ones.
 *
 * A call of a blocking descriptor that would sleep stays pending, if its event says that it blocks, and is
 * tried again whenever something happened, until it has a result; the time must be right then.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script_run.h"

enum { O_NONBLOCK_LINUX = 04000, CLOEXEC_LINUX = 02000000 };

/* ---- arguments ---- */

const struct script_value *call_arg(const struct call *c, unsigned i)
{
	const struct script_value *v = c->e->args->child;

	while (v && i-- > 0)
		v = v->next;
	return v;
}

int64_t call_bad(struct call *c, const char *what)
{
	run_fail(c->r, c->e, "%s(): %s", c->e->call, what);
	c->bad = true;
	return 0;
}

int64_t call_int(struct call *c, unsigned i)
{
	const struct script_value *v = call_arg(c, i);

	if (!v)
		return call_bad(c, "an argument is missing");
	if (v->kind == VALUE_LIST && v->child)
		v = v->child;
	if (v->kind != VALUE_INT)
		return call_bad(c, "an argument is no number");
	return v->i;
}

struct run_fd *run_fd_at(struct run *r, int64_t fd)
{
	int64_t i = fd - RUN_FIRST_FD;

	return i >= 0 && i < RUN_FDS && r->fd[i].kind != FD_CLOSED ? &r->fd[i] : NULL;
}

struct run_fd *call_any_fd(struct call *c, unsigned i)
{
	struct run_fd *f;
	int64_t n = call_int(c, i);

	if (c->bad)
		return NULL;
	f = run_fd_at(c->r, n);
	if (!f)
		call_bad(c, "the descriptor is not open");
	return f;
}

struct run_fd *call_fd(struct call *c)
{
	struct run_fd *f = call_any_fd(c, 0);

	if (f && f->kind != FD_SOCKET) {
		call_bad(c, "the descriptor is no socket");
		return NULL;
	}
	return f;
}

int run_fd_new(struct run *r, enum run_fd_kind kind, tapir_sock_t sock, bool stream)
{
	for (int i = 0; i < RUN_FDS; i++) {
		if (r->fd[i].kind == FD_CLOSED) {
			r->fd[i] = (struct run_fd){.kind = kind, .sock = sock, .stream = stream};
			return i + RUN_FIRST_FD;
		}
	}
	return -1;
}

static bool parse_ip4(const char *s, uint32_t *ip4)
{
	unsigned a[4];
	char more;

	if (sscanf(s, "%3u.%3u.%3u.%3u%c", &a[0], &a[1], &a[2], &a[3], &more) != 4 || a[0] > 255 ||
	    a[1] > 255 || a[2] > 255 || a[3] > 255)
		return false;
	*ip4 = TAPIR_IP4(a[0], a[1], a[2], a[3]);
	return true;
}

/* {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("192.0.2.1")}, or ... for the usual. */
struct tapir_sockaddr call_addr(struct call *c, const struct script_value *v, uint32_t ip4,
				uint16_t port)
{
	if (!v || (v->kind != VALUE_ELLIPSIS && v->kind != VALUE_STRUCT)) {
		call_bad(c, "an address is wanted: ... or {sa_family = AF_INET, ...}");
		return tapir_sockaddr_v4(0, 0);
	}
	for (const struct script_value *f = v->child; f; f = f->next) {
		const struct script_value *in = f->kind == VALUE_CALL ? f->child : f;

		if (!f->field || !in)
			continue;
		if (strcmp(f->field, "sa_family") == 0 && f->i != TAPIR_AF_INET)
			call_bad(c, "only AF_INET addresses");
		else if (strcmp(f->field, "sin_port") == 0)
			port = (uint16_t)in->i;
		else if (strcmp(f->field, "sin_addr") == 0 && in->kind == VALUE_STRING &&
			 !parse_ip4(in->text, &ip4))
			call_bad(c, "an address is malformed");
		else if (strcmp(f->field, "sin_addr") == 0 && in->kind == VALUE_INT)
			ip4 = (uint32_t)in->i;
	}
	return tapir_sockaddr_v4(ip4, port);
}

int64_t call_field(const struct script_value *v, const char *a, const char *b)
{
	for (const struct script_value *f = v->child; f; f = f->next) {
		if (f->field && (strcmp(f->field, a) == 0 || strcmp(f->field, b) == 0))
			return f->i;
	}
	return 0;
}

bool call_addr_is(struct call *c, const struct script_value *v, const struct tapir_sockaddr *got)
{
	struct tapir_sockaddr want;
	const uint8_t *a = got->addr.b + 12;

	if (!v || v->kind != VALUE_STRUCT)
		return true;
	want = call_addr(c, v, 0, 0);
	if (c->bad ||
	    (want.port == got->port && memcmp(want.addr.b, got->addr.b, sizeof(want.addr.b)) == 0))
		return true;
	run_fail(c->r, c->e, "expected the address %u.%u.%u.%u:%u, got %u.%u.%u.%u:%u",
		 want.addr.b[12], want.addr.b[13], want.addr.b[14], want.addr.b[15], want.port,
		 a[0], a[1], a[2], a[3], got->port);
	return false;
}

/* ---- calls: each returns a result, a negative errno, or RUN_BLOCKS ---- */

static int64_t call_socket(struct call *c)
{
	int64_t type = call_int(c, 1), protocol = call_int(c, 2);
	int kind = (int)(type & ~(int64_t)(O_NONBLOCK_LINUX | CLOEXEC_LINUX));
	const struct script_value *family = call_arg(c, 0);
	tapir_sock_t s;
	int fd;

	if (c->bad)
		return 0;
	s = tapir_socket(c->r->t, family->kind == VALUE_INT ? (int)family->i : TAPIR_AF_INET, kind,
			 (int)protocol);
	if (s < 0)
		return s;
	fd = run_fd_new(c->r, FD_SOCKET, s, kind == TAPIR_STREAM);
	if (fd < 0)
		return call_bad(c, "too many descriptors");
	run_fd_at(c->r, fd)->nonblock = (type & O_NONBLOCK_LINUX) != 0;
	return fd;
}

static int64_t call_bind(struct call *c)
{
	struct run_fd *f = call_fd(c);
	struct tapir_sockaddr sa = call_addr(c, call_arg(c, 1), 0, c->r->s->port);
	int r;

	if (c->bad)
		return 0;
	r = tapir_bind(c->r->t, f->sock, &sa);
	if (r == 0 && tapir_getsockname(c->r->t, f->sock, &sa) == 0)
		c->r->lport = sa.port;
	return r;
}

static int64_t call_listen(struct call *c)
{
	struct run_fd *f = call_fd(c);
	int64_t backlog = call_int(c, 1);

	return c->bad ? 0 : tapir_listen(c->r->t, f->sock, (int)backlog);
}

static int64_t call_accept(struct call *c)
{
	struct run_fd *f = call_fd(c);
	struct tapir_sockaddr peer;
	int64_t lowat;
	tapir_sock_t s;

	if (c->bad)
		return 0;
	s = tapir_accept(c->r->t, f->sock, &peer);
	if (s == -EAGAIN && !f->nonblock)
		return RUN_BLOCKS;
	if (s < 0)
		return s;
	call_addr_is(c, call_arg(c, 1), &peer);
	lowat = f->rcvlowat;
	c->r->last_conn = run_fd_new(c->r, FD_SOCKET, s, true);
	f = run_fd_at(c->r, c->r->last_conn);
	if (f)
		f->rcvlowat = lowat;
	return c->r->last_conn;
}

void run_opened(struct call *c, struct run_fd *f, uint16_t rport)
{
	struct tapir_sockaddr me;

	c->r->last_conn = (int)call_int(c, 0);
	c->r->rport = rport;
	if (tapir_getsockname(c->r->t, f->sock, &me) == 0)
		c->r->lport = me.port;
	run_flow(c->r, c->r->lport, c->r->rport)->fresh = true;
}

/* Of an open that is over: 0, or why it failed, or ended since; then the socket is as new. */
static int told(struct run *r, struct run_fd *f, const struct tapir_sockaddr *sa)
{
	struct tapir_sockaddr peer, none = {0};
	size_t len = sizeof(int);
	int err = 0;

	if (tapir_getpeername(r->t, f->sock, &peer) == 0)
		return 0;
	err = tapir_connect(r->t, f->sock, sa);
	if (err != -EISCONN)
		return err;
	tapir_getsockopt(r->t, f->sock, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &err, &len);
	tapir_connect(r->t, f->sock, &none);
	return -(err ? err : ECONNABORTED);
}

int run_connect_told(struct run *r, struct run_fd *f, const struct tapir_sockaddr *sa)
{
	int err;

	if (!f->opening || !(tapir_poll(r->t, f->sock) & (TAPIR_OUT | TAPIR_ERR | TAPIR_HUP)))
		return 0;
	f->opening = false;
	err = told(r, f, sa);
	return err ? err : 1;
}

static int64_t call_connect(struct call *c)
{
	struct run_fd *f = call_fd(c);
	struct tapir_sockaddr sa = call_addr(c, call_arg(c, 1), c->r->s->remote_ip4, c->r->s->port);
	int r, err = 0;
	size_t len = sizeof(err);

	if (c->bad)
		return 0;
	if (c->again) {
		if (!(tapir_poll(c->r->t, f->sock) & (TAPIR_OUT | TAPIR_ERR | TAPIR_HUP)))
			return RUN_BLOCKS;
		tapir_getsockopt(c->r->t, f->sock, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &err, &len);
		return -err;
	}
	r = tapir_connect(c->r->t, f->sock, &sa);
	/* As Linux: the first call after an open that did not block is told how it ended. */
	if (r == -EISCONN && f->opening)
		r = told(c->r, f, &sa);
	else if (r == 0 || r == -EINPROGRESS)
		run_opened(c, f, sa.port);
	f->opening = r == -EINPROGRESS || r == -EALREADY;
	return r == -EINPROGRESS && !f->nonblock ? RUN_BLOCKS : r;
}

static int64_t call_shutdown(struct call *c)
{
	struct run_fd *f = call_fd(c);
	int64_t how = call_int(c, 1);

	return c->bad ? 0 : tapir_shutdown(c->r->t, f->sock, (int)how);
}

/* A descriptor that is open no longer. */
static void call_forget(struct call *c, struct run_fd *f)
{
	int64_t fd = call_int(c, 0);

	for (int i = 0; i < RUN_FDS; i++) {
		struct run_epoll *ep = c->r->fd[i].epoll;

		for (unsigned k = 0; ep && k < ep->n; k++) {
			if (ep->entry[k].fd == fd)
				ep->entry[k--] = ep->entry[--ep->n];
		}
	}
	free(f->epoll);
	memset(f, 0, sizeof(*f));
	if (c->r->last_conn == fd)
		c->r->last_conn = -1;
}

static int64_t call_close(struct call *c)
{
	struct run_fd *f = call_any_fd(c, 0);
	tapir_sock_t s;

	if (c->bad)
		return 0;
	s = f->sock;
	call_forget(c, f);
	return s ? tapir_close(c->r->t, s) : 0;
}

static int64_t call_fcntl(struct call *c)
{
	struct run_fd *f = call_fd(c);
	int64_t cmd = call_int(c, 1);

	if (c->bad)
		return 0;
	if (cmd == 3)
		return 2 | (f->nonblock ? O_NONBLOCK_LINUX : 0);
	if (cmd != 4)
		return -EINVAL;
	f->nonblock = (call_int(c, 2) & O_NONBLOCK_LINUX) != 0;
	return 0;
}

static int64_t call_name(struct call *c)
{
	struct run_fd *f = call_fd(c);
	struct tapir_sockaddr sa;
	int r;

	if (c->bad)
		return 0;
	r = strcmp(c->e->call, "getsockname") == 0 ? tapir_getsockname(c->r->t, f->sock, &sa)
						   : tapir_getpeername(c->r->t, f->sock, &sa);
	if (r == 0)
		call_addr_is(c, call_arg(c, 1), &sa);
	return r;
}

static int64_t call_abort(struct call *c)
{
	struct run_fd *f = call_fd(c);
	tapir_sock_t s;

	if (c->bad)
		return 0;
	s = f->sock;
	call_forget(c, f);
	return tapir_abort(c->r->t, s);
}

static const struct {
	const char *name;
	int64_t (*call)(struct call *c);
} calls[] = {
	{"socket", call_socket},
	{"bind", call_bind},
	{"listen", call_listen},
	{"accept", call_accept},
	{"connect", call_connect},
	{"read", call_read},
	{"readv", call_readv},
	{"recv", call_recv},
	{"recvfrom", call_recv},
	{"recvmsg", call_recvmsg},
	{"write", call_write},
	{"writev", call_writev},
	{"send", call_send},
	{"sendto", call_sendto},
	{"sendmsg", call_sendmsg},
	{"shutdown", call_shutdown},
	{"close", call_close},
	{"abort", call_abort},
	{"getsockname", call_name},
	{"getpeername", call_name},
	{"setsockopt", call_setsockopt},
	{"getsockopt", call_getsockopt},
	{"fcntl", call_fcntl},
	{"ioctl", call_ioctl},
	{"poll", call_poll},
	{"epoll_create", call_epoll_create},
	{"epoll_ctl", call_epoll_ctl},
	{"epoll_wait", call_epoll_wait},
	{"open", call_open},
	{"pipe", call_pipe},
	{"splice", call_splice},
	{"sendfile", call_sendfile},
};

static void judge(struct run *r, const struct script_event *e, int64_t got)
{
	int64_t value = got < 0 ? -1 : got;
	int err = got < 0 ? (int)-got : 0;
	char want[300];

	if (!e->result || e->result->kind == VALUE_ANY || r->failed)
		return;
	if (value == e->result->i && (value != -1 || !e->err || e->err == err))
		return;
	run_fail(r, e, "the call's result\n  expected: %s\n  got:      %" PRId64 "%s%s",
		 run_source(r, e, want, sizeof(want)), value, err ? " " : "",
		 err ? script_errno_name(err) : "");
}

static int64_t make(struct run *r, const struct script_event *e, bool again)
{
	struct call c = {.r = r, .e = e, .again = again};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int64_t got;

		if (strcmp(calls[i].name, e->call) != 0)
			continue;
		got = calls[i].call(&c);
		tapir_flush(r->t);
		tapir_check(r->t);
		return got;
	}
	return call_bad(&c, "no such call");
}

void run_call(struct run *r, const struct script_event *e)
{
	int64_t got;

	if (r->pending) {
		run_fail(r, e, "another call still blocks, that of line %d", r->pending->line);
		return;
	}
	got = make(r, e, false);
	if (r->failed)
		return;
	if (got == RUN_BLOCKS) {
		if (!e->blocks)
			run_fail(r, e, "%s() blocks", e->call);
		r->pending = e;
		r->pending_base_ns = r->base_ns;
		return;
	}
	if (e->blocks && e->to_ns > e->from_ns) {
		run_fail(r, e, "%s() does not block: %" PRId64, e->call, got);
		return;
	}
	judge(r, e, got);
}

void run_retry(struct run *r)
{
	const struct script_event *e = r->pending;
	uint64_t end, now = tapir_now(r->t);
	int64_t got;

	if (!e || r->failed)
		return;
	end = e->when == WHEN_ANY
		      ? TAPIR_NEVER - r->s->tolerance_ns
		      : (e->when == WHEN_ABSOLUTE ? r->start_ns : r->pending_base_ns) + e->to_ns;
	got = make(r, e, true);
	if (r->failed)
		return;
	if (got == RUN_BLOCKS) {
		if (now > end + r->s->tolerance_ns)
			run_fail(r, e, "%s() still blocks at %.6f", e->call,
				 (double)run_now(r) / 1e9);
		return;
	}
	r->pending = NULL;
	r->progress = 0;
	judge(r, e, got);
	if (e->when != WHEN_ANY && !r->failed &&
	    (now + r->s->tolerance_ns < end || now > end + r->s->tolerance_ns))
		run_fail(r, e, "%s() returns at %.6f", e->call, (double)run_now(r) / 1e9);
}
