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

enum { BUF_MAX = 1 << 22, O_NONBLOCK_LINUX = 04000, MSG_DONTWAIT_LINUX = 0x40 };

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

	return i >= 0 && i < RUN_FDS && r->fd[i].sock ? &r->fd[i] : NULL;
}

struct run_fd *call_fd(struct call *c)
{
	struct run_fd *f;
	int64_t n = call_int(c, 0);

	if (c->bad)
		return NULL;
	f = run_fd_at(c->r, n);
	if (!f)
		call_bad(c, "the descriptor is not open");
	return f;
}

int run_fd_new(struct run *r, tapir_sock_t sock, bool stream)
{
	for (int i = 0; i < RUN_FDS; i++) {
		if (!r->fd[i].sock) {
			r->fd[i] = (struct run_fd){.sock = sock, .stream = stream};
			return i + RUN_FIRST_FD;
		}
	}
	return -1;
}

static bool parse_ip4(const char *s, uint32_t *ip4)
{
	unsigned a[4];

	if (sscanf(s, "%u.%u.%u.%u", &a[0], &a[1], &a[2], &a[3]) != 4)
		return false;
	*ip4 = TAPIR_IP4(a[0], a[1], a[2], a[3]);
	return true;
}

/* {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("192.0.2.1")}, or ... for the usual. */
static struct tapir_sockaddr arg_addr(struct call *c, unsigned i, uint32_t ip4, uint16_t port)
{
	const struct script_value *v = call_arg(c, i);

	if (!v || (v->kind != VALUE_ELLIPSIS && v->kind != VALUE_STRUCT)) {
		call_bad(c, "an address is wanted: ... or {sa_family = AF_INET, ...}");
		return tapir_sockaddr_v4(0, 0);
	}
	for (const struct script_value *f = v->child; f; f = f->next) {
		const struct script_value *in = f->kind == VALUE_CALL ? f->child : f;

		if (!f->field || !in)
			continue;
		if (strcmp(f->field, "sin_port") == 0)
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

/* ---- calls: each returns a result, a negative errno, or RUN_BLOCKS ---- */

static int64_t call_socket(struct call *c)
{
	int64_t type = call_int(c, 1), protocol = call_int(c, 2);
	int kind = (int)(type & ~(int64_t)O_NONBLOCK_LINUX);
	tapir_sock_t s;
	int fd;

	if (c->bad)
		return 0;
	s = tapir_socket(c->r->t, TAPIR_AF_INET, kind, (int)protocol);
	if (s < 0)
		return s;
	fd = run_fd_new(c->r, s, kind == TAPIR_STREAM);
	if (fd < 0)
		return call_bad(c, "too many descriptors");
	run_fd_at(c->r, fd)->nonblock = (type & O_NONBLOCK_LINUX) != 0;
	return fd;
}

static int64_t call_bind(struct call *c)
{
	struct run_fd *f = call_fd(c);
	struct tapir_sockaddr sa = arg_addr(c, 1, 0, c->r->s->port);
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
	tapir_sock_t s;

	if (c->bad)
		return 0;
	s = tapir_accept(c->r->t, f->sock, &peer);
	if (s == -EAGAIN && !f->nonblock)
		return RUN_BLOCKS;
	if (s < 0)
		return s;
	return c->r->last_conn = run_fd_new(c->r, s, true);
}

static int64_t call_connect(struct call *c)
{
	struct run_fd *f = call_fd(c);
	struct tapir_sockaddr sa = arg_addr(c, 1, c->r->s->remote_ip4, c->r->s->port), me;
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
	if (r == 0 || r == -EINPROGRESS) {
		c->r->last_conn = (int)call_int(c, 0);
		c->r->rport = sa.port;
		if (tapir_getsockname(c->r->t, f->sock, &me) == 0)
			c->r->lport = me.port;
		run_flow(c->r, c->r->lport, c->r->rport)->fresh = true;
	}
	return r == -EINPROGRESS && !f->nonblock ? RUN_BLOCKS : r;
}

/* What a send call is to send: bytes of the pattern, or the string that it gives. */
static uint8_t *send_bytes(struct call *c, struct run_fd *f, unsigned i, size_t n)
{
	const struct script_value *v = call_arg(c, i);
	uint8_t *buf;

	if (n > BUF_MAX) {
		call_bad(c, "more bytes than a script may send at once");
		return NULL;
	}
	buf = calloc(1, n + 1);
	if (!buf)
		abort();
	if (v && v->kind == VALUE_STRING) {
		f->odd = c->r->odd_out = true;
		memcpy(buf, v->text, strlen(v->text) < n ? strlen(v->text) : n);
		return buf;
	}
	for (size_t k = 0; k < n; k++)
		buf[k] = run_pattern(true, f->stream ? f->written + k : k);
	return buf;
}

static int64_t send_on(struct call *c, size_t n, int flags, const struct tapir_sockaddr *to)
{
	struct run_fd *f = call_fd(c);
	int64_t done = c->again ? c->r->progress : 0, got;
	uint8_t *buf;

	if (c->bad)
		return 0;
	buf = send_bytes(c, f, 1, n - (size_t)done);
	if (!buf)
		return 0;
	got = tapir_sendto(c->r->t, f->sock, buf, n - (size_t)done,
			   flags & ~MSG_DONTWAIT_LINUX & ~0x4000, to);
	free(buf);
	if (got > 0) {
		f->written += (uint64_t)got;
		done += got;
	}
	if (f->nonblock || flags & MSG_DONTWAIT_LINUX || (got < 0 && got != -EAGAIN) || !f->stream)
		return done > 0 ? done : got;
	if ((size_t)done == n)
		return done;
	c->r->progress = done;
	return RUN_BLOCKS;
}

static int64_t call_write(struct call *c)
{
	size_t n = (size_t)call_int(c, 2);

	return c->bad ? 0 : send_on(c, n, 0, NULL);
}

static int64_t call_send(struct call *c)
{
	size_t n = (size_t)call_int(c, 2);
	int flags = (int)call_int(c, 3);

	return c->bad ? 0 : send_on(c, n, flags, NULL);
}

static int64_t call_sendto(struct call *c)
{
	size_t n = (size_t)call_int(c, 2);
	int flags = (int)call_int(c, 3);
	struct run_fd *f = call_fd(c);
	struct tapir_sockaddr to = arg_addr(c, 4, c->r->s->remote_ip4, c->r->s->port), me;
	int64_t r;

	if (c->bad)
		return 0;
	r = send_on(c, n, flags, f->stream ? NULL : &to);
	if (!f->stream && tapir_getsockname(c->r->t, f->sock, &me) == 0) {
		c->r->lport = me.port;
		c->r->rport = to.port;
	}
	return r;
}

static int64_t receive_on(struct call *c, size_t n, int flags)
{
	struct run_fd *f = call_fd(c);
	uint8_t *buf;
	int64_t got;

	if (c->bad)
		return 0;
	if (n > BUF_MAX)
		return call_bad(c, "more bytes than a script may receive at once");
	buf = calloc(1, n + 1);
	if (!buf)
		abort();
	got = tapir_recvfrom(c->r->t, f->sock, buf, n, flags & ~MSG_DONTWAIT_LINUX, NULL);
	if (flags & TAPIR_MSG_OOB)
		f->odd = true;
	for (int64_t i = 0; i < got && (size_t)i < n && !f->odd; i++) {
		if (buf[i] != run_pattern(false, (f->stream ? f->read : 0) + (uint64_t)i)) {
			run_fail(c->r, c->e, "byte %" PRIu64 " of the stream is wrong",
				 f->read + (uint64_t)i);
			c->bad = true;
			break;
		}
	}
	free(buf);
	if (got > 0 && !(flags & TAPIR_MSG_PEEK))
		f->read += (uint64_t)got;
	if (got == -EAGAIN && !f->nonblock && !(flags & MSG_DONTWAIT_LINUX))
		return RUN_BLOCKS;
	return got;
}

static int64_t call_read(struct call *c)
{
	size_t n = (size_t)call_int(c, 2);

	return c->bad ? 0 : receive_on(c, n, 0);
}

static int64_t call_recv(struct call *c)
{
	size_t n = (size_t)call_int(c, 2);
	int flags = (int)call_int(c, 3);

	return c->bad ? 0 : receive_on(c, n, flags);
}

static int64_t call_shutdown(struct call *c)
{
	struct run_fd *f = call_fd(c);
	int64_t how = call_int(c, 1);

	return c->bad ? 0 : tapir_shutdown(c->r->t, f->sock, (int)how);
}

static int64_t call_close(struct call *c)
{
	struct run_fd *f = call_fd(c);
	tapir_sock_t s;

	if (c->bad)
		return 0;
	s = f->sock;
	f->sock = 0;
	if (c->r->last_conn == call_int(c, 0))
		c->r->last_conn = -1;
	return tapir_close(c->r->t, s);
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

static int64_t call_abort(struct call *c)
{
	struct run_fd *f = call_fd(c);
	tapir_sock_t s;

	if (c->bad)
		return 0;
	s = f->sock;
	f->sock = 0;
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
	{"write", call_write},
	{"send", call_send},
	{"sendto", call_sendto},
	{"recv", call_recv},
	{"recvfrom", call_recv},
	{"shutdown", call_shutdown},
	{"close", call_close},
	{"abort", call_abort},
	{"setsockopt", call_setsockopt},
	{"getsockopt", call_getsockopt},
	{"fcntl", call_fcntl},
	{"ioctl", call_ioctl},
	{"poll", call_poll},
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
