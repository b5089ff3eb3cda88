/*
 * Calls of packet scripts that move bytes.
 *
 * Both directions carry a pattern, a byte for each place in the stream, so that what comes out wrong is seen wherever
 * it comes out. A call that would sleep keeps what it has moved in run.progress and is made again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script_run.h"

enum {
	BUF_MAX = 1 << 22,
	DONTWAIT = 0x40,
	WAITALL = 0x100,
	NOSIGNAL = 0x4000,
	FASTOPEN = 0x20000000,
	NOT_OURS = DONTWAIT | WAITALL | NOSIGNAL,
};

/* Bytes of [{..., 1000}, {..., 500}], of {..., 1000}, or the number itself. */
static size_t iov_bytes(struct call *c, const struct script_value *v)
{
	uint64_t n = 0;

	if (v && v->kind == VALUE_INT)
		return (size_t)v->i;
	if (v && v->kind == VALUE_LIST)
		v = v->child;
	if (!v || v->kind != VALUE_STRUCT)
		return (size_t)call_bad(c, "an iovec is wanted: [{..., 1000}, ...]");
	for (; v; v = v->next) {
		if (v->kind != VALUE_STRUCT || !v->last || v->last->kind != VALUE_INT ||
		    v->last->i < 0 || v->last->i > BUF_MAX)
			return (size_t)call_bad(c, "an element of an iovec is {..., bytes}");
		n += (uint64_t)v->last->i;
		if (n > BUF_MAX)
			return (size_t)call_bad(c, "more bytes than a script may move at once");
	}
	return (size_t)n;
}

static const struct script_value *named(const struct script_value *v, const char *field)
{
	for (v = v ? v->child : NULL; v; v = v->next) {
		if (v->field && strcmp(v->field, field) == 0)
			return v;
	}
	return NULL;
}

static int64_t number_of(const struct script_value *v)
{
	return v && v->kind == VALUE_LIST && v->child ? v->child->i : v ? v->i : 0;
}

/* Control messages of a msghdr, to or from `m`; `check`: they must be what was received. */
static void control(struct call *c, const struct script_value *list, struct tapir_msg *m,
		    bool check)
{
	for (const struct script_value *v = list ? list->child : NULL; v && !c->bad; v = v->next) {
		int64_t level = call_field(v, "cmsg_level", "level"),
			type = call_field(v, "cmsg_type", "type"),
			data = number_of(named(v, "cmsg_data"));
		int *at = type == TAPIR_IP_TTL ? &m->ttl : &m->tos;

		if (level != TAPIR_SOL_IP || (type != TAPIR_IP_TTL && type != TAPIR_IP_TOS)) {
			call_bad(c, "the control messages here are IP_TTL and IP_TOS");
		} else if (!check) {
			*at = (int)data;
		} else if (*at != data) {
			run_fail(c->r, c->e, "control message: expected %" PRId64 ", got %d", data,
				 *at);
			c->bad = true;
		}
	}
}

/* ---- sending ---- */

/* What a send call is to send: bytes of the pattern, or the string that it gives. */
static uint8_t *send_bytes(struct call *c, struct run_fd *f, size_t n)
{
	const struct script_value *v = call_arg(c, 1);
	uint8_t *buf;

	if (n > BUF_MAX) {
		call_bad(c, "more bytes than a script may move at once");
		return NULL;
	}
	buf = calloc(1, n + 1);
	if (!buf)
		abort();
	if (v && v->kind == VALUE_STRING) {
		f->odd = c->r->odd_out = true;
		memcpy(buf, v->text, (size_t)v->i < n ? (size_t)v->i : n);
		return buf;
	}
	for (size_t k = 0; k < n; k++)
		buf[k] = run_pattern(true, f->stream ? f->written + k : k);
	return buf;
}

static int64_t send_on(struct call *c, struct run_fd *f, size_t n, int flags,
		       const struct tapir_msg *m)
{
	int64_t done = c->again ? c->r->progress : 0, got;
	struct iovec iov;

	if (c->bad)
		return 0;
	if (f->kind == FD_PIPE_OUT) {
		c->r->fd[f->other].held += n;
		return (int64_t)n;
	}
	if (f->kind != FD_SOCKET)
		return -EINVAL;
	iov.iov_len = n - (size_t)done;
	iov.iov_base = send_bytes(c, f, iov.iov_len);
	if (!iov.iov_base)
		return 0;
	if (c->again)
		flags &= ~FASTOPEN; /* connecting by now: the rest is an ordinary send */
	if (f->stream && flags & FASTOPEN && m) {
		got = run_connect_told(c->r, f, &m->peer);
		if (got > 0) {
			flags &= ~FASTOPEN;
			m = NULL;
		} else if (got < 0) {
			free(iov.iov_base);
			return got;
		}
	}
	got = tapir_sendmsg(c->r->t, f->sock, &iov, 1, flags & ~NOT_OURS,
			    c->again && f->stream ? NULL : m);
	free(iov.iov_base);
	if (f->stream && flags & FASTOPEN && (got >= 0 || got == -EINPROGRESS) && m)
		run_opened(c, f, m->peer.port);
	if (f->stream && flags & FASTOPEN && (got >= 0 || got == -EINPROGRESS))
		f->opening = f->nonblock || flags & DONTWAIT;
	if (f->stream && flags & FASTOPEN && got == -EINPROGRESS && !f->nonblock)
		got = -EAGAIN;
	if (got > 0) {
		f->written += (uint64_t)got;
		done += got;
	}
	/* As Linux: a stream without a connection is one whose end is past. */
	if (f->stream && got == -ENOTCONN)
		got = -EPIPE;
	if (f->nonblock || flags & DONTWAIT || (got < 0 && got != -EAGAIN) || !f->stream)
		return done > 0 ? done : got;
	if ((size_t)done == n)
		return done;
	c->r->progress = done;
	return RUN_BLOCKS;
}

int64_t call_write(struct call *c)
{
	struct run_fd *f = call_any_fd(c, 0);
	size_t n = (size_t)call_int(c, 2);

	return c->bad ? 0 : send_on(c, f, n, 0, NULL);
}

int64_t call_writev(struct call *c)
{
	struct run_fd *f = call_any_fd(c, 0);
	size_t n = iov_bytes(c, call_arg(c, 1));

	return c->bad ? 0 : send_on(c, f, n, 0, NULL);
}

int64_t call_send(struct call *c)
{
	struct run_fd *f = call_fd(c);
	size_t n = (size_t)call_int(c, 2);
	int flags = (int)call_int(c, 3);

	return c->bad ? 0 : send_on(c, f, n, flags, NULL);
}

/* A message to somebody: a stream minds the address only with MSG_FASTOPEN. */
static int64_t send_to(struct call *c, struct run_fd *f, size_t n, int flags, struct tapir_msg *m)
{
	bool with = !f->stream || flags & FASTOPEN;
	struct tapir_sockaddr me;
	int64_t r;

	if (c->bad)
		return 0;
	r = send_on(c, f, n, flags, with ? m : NULL);
	if (!f->stream && tapir_getsockname(c->r->t, f->sock, &me) == 0) {
		c->r->lport = me.port;
		c->r->rport = m->peer.port;
	}
	return r;
}

int64_t call_sendto(struct call *c)
{
	struct run_fd *f = call_fd(c);
	size_t n = (size_t)call_int(c, 2);
	int flags = (int)call_int(c, 3);
	struct tapir_msg m = {.tos = -1};

	if (c->bad)
		return 0;
	m.peer = call_addr(c, call_arg(c, 4), c->r->s->remote_ip4, c->r->s->port);
	return send_to(c, f, n, flags, &m);
}

/* sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0}, 0) */
int64_t call_sendmsg(struct call *c)
{
	struct run_fd *f = call_fd(c);
	const struct script_value *hdr = call_arg(c, 1), *to = named(hdr, "msg_name");
	size_t n = iov_bytes(c, named(hdr, "msg_iov"));
	int flags = (int)call_int(c, 2);
	struct tapir_msg m = {.tos = -1};

	if (c->bad)
		return 0;
	if (to)
		m.peer = call_addr(c, to, c->r->s->remote_ip4, c->r->s->port);
	control(c, named(hdr, "msg_control"), &m, false);
	return send_to(c, f, n, flags, &m);
}

/* ---- receiving ---- */

static void check_bytes(struct call *c, struct run_fd *f, const uint8_t *buf, int64_t n)
{
	for (int64_t i = 0; i < n && !f->odd; i++) {
		if (buf[i] == run_pattern(false, (f->stream ? f->read : 0) + (uint64_t)i))
			continue;
		run_fail(c->r, c->e, "byte %" PRIu64 " of the stream is wrong",
			 f->read + (uint64_t)i);
		c->bad = true;
		return;
	}
}

static int64_t receive_on(struct call *c, struct run_fd *f, size_t n, int flags,
			  struct tapir_msg *m)
{
	int64_t done = c->again ? c->r->progress : 0, got, target;
	struct iovec iov;

	if (c->bad)
		return 0;
	if (n > BUF_MAX)
		return call_bad(c, "more bytes than a script may move at once");
	if (f->kind == FD_FILE)
		return (int64_t)n;
	if (f->kind == FD_PIPE_IN) {
		got = (int64_t)(f->held < n ? f->held : n);
		f->held -= (uint64_t)got;
		return got;
	}
	if (f->kind != FD_SOCKET)
		return -EINVAL;
	iov.iov_len = n - (size_t)done;
	iov.iov_base = calloc(1, iov.iov_len + 1);
	if (!iov.iov_base)
		abort();
	/* Of a stream it throws the bytes away, which is read() and no look at them. */
	got = tapir_recvmsg(c->r->t, f->sock, &iov, 1,
			    flags & ~(NOT_OURS | (f->stream ? TAPIR_MSG_TRUNC : 0)), m);
	if (flags & TAPIR_MSG_OOB)
		f->odd = true;
	check_bytes(c, f, iov.iov_base, got < (int64_t)iov.iov_len ? got : (int64_t)iov.iov_len);
	free(iov.iov_base);
	if (got > 0 && !(flags & TAPIR_MSG_PEEK))
		f->read += (uint64_t)got;
	if (f->nonblock || flags & (DONTWAIT | TAPIR_MSG_OOB))
		return got;
	target = flags & WAITALL || (int64_t)n < f->rcvlowat ? (int64_t)n : f->rcvlowat;
	if (got > 0 && done + got < target && !(flags & TAPIR_MSG_PEEK)) {
		done += got;
		got = tapir_poll(c->r->t, f->sock) & TAPIR_RDHUP ? 0 : -EAGAIN;
	}
	if (got == -EAGAIN) {
		c->r->progress = done;
		return RUN_BLOCKS;
	}
	return got < 0 && done > 0 ? done : got < 0 ? got : done + got;
}

int64_t call_read(struct call *c)
{
	struct run_fd *f = call_any_fd(c, 0);
	size_t n = (size_t)call_int(c, 2);

	return c->bad ? 0 : receive_on(c, f, n, 0, NULL);
}

int64_t call_readv(struct call *c)
{
	struct run_fd *f = call_any_fd(c, 0);
	size_t n = iov_bytes(c, call_arg(c, 1));

	return c->bad ? 0 : receive_on(c, f, n, 0, NULL);
}

/* recv(), and recvfrom() with the address that it must give. */
int64_t call_recv(struct call *c)
{
	struct run_fd *f = call_fd(c);
	size_t n = (size_t)call_int(c, 2);
	int flags = (int)call_int(c, 3);
	struct tapir_msg m = {0};
	int64_t got;

	if (c->bad)
		return 0;
	got = receive_on(c, f, n, flags, &m);
	if (got >= 0 && !f->stream)
		call_addr_is(c, call_arg(c, 4), &m.peer);
	return got;
}

int64_t call_recvmsg(struct call *c)
{
	struct run_fd *f = call_fd(c);
	const struct script_value *hdr = call_arg(c, 1), *want = named(hdr, "msg_flags");
	size_t n = iov_bytes(c, named(hdr, "msg_iov"));
	int flags = (int)call_int(c, 2);
	struct tapir_msg m = {0};
	int64_t got;

	if (c->bad)
		return 0;
	got = receive_on(c, f, n, flags, &m);
	if (got < 0)
		return got;
	if (!f->stream)
		call_addr_is(c, named(hdr, "msg_name"), &m.peer);
	control(c, named(hdr, "msg_control"), &m, true);
	if (want && want->kind == VALUE_INT && want->i != m.flags)
		run_fail(c->r, c->e, "msg_flags: expected 0x%" PRIx64 ", got 0x%x", want->i,
			 m.flags);
	return got;
}

/* ---- from one descriptor to another ---- */

/* A file without end, of any name. */
int64_t call_open(struct call *c)
{
	return run_fd_new(c->r, FD_FILE, 0, false);
}

/* pipe([5, 6]): the numbers that it must give. */
int64_t call_pipe(struct call *c)
{
	const struct script_value *v = call_arg(c, 0);
	int in, out;

	if (!v || v->kind != VALUE_LIST || !v->child || !v->child->next)
		return call_bad(c, "a list of two descriptors is wanted");
	in = run_fd_new(c->r, FD_PIPE_IN, 0, false);
	out = run_fd_new(c->r, FD_PIPE_OUT, 0, false);
	if (in < 0 || out < 0)
		return -EMFILE;
	run_fd_at(c->r, out)->other = in - RUN_FIRST_FD;
	run_fd_at(c->r, in)->other = out - RUN_FIRST_FD;
	if (v->child->kind == VALUE_INT && (v->child->i != in || v->child->next->i != out))
		run_fail(c->r, c->e, "expected [%" PRId64 ", %" PRId64 "], got [%d, %d]",
			 v->child->i, v->child->next->i, in, out);
	return 0;
}

/* splice(4, NULL, 6, NULL, 1000, 0): a pipe is on one side. */
int64_t call_splice(struct call *c)
{
	struct run_fd *in = call_any_fd(c, 0), *out = c->bad ? NULL : call_any_fd(c, 2);
	size_t n = (size_t)call_int(c, 4);
	int64_t got;

	if (c->bad)
		return 0;
	if (in->kind != FD_PIPE_IN && out->kind != FD_PIPE_OUT)
		return -EINVAL;
	if (in->kind == FD_PIPE_IN) {
		n = in->held < n ? (size_t)in->held : n;
		got = send_on(c, out, n, 0, NULL);
		in->held -= got > 0 ? (uint64_t)got : 0;
		return got;
	}
	got = receive_on(c, in, n, 0, NULL);
	return got > 0 ? send_on(c, out, (size_t)got, 0, NULL) : got;
}

/* sendfile(4, 5, [0], 1000) */
int64_t call_sendfile(struct call *c)
{
	struct run_fd *out = call_any_fd(c, 0), *in = c->bad ? NULL : call_any_fd(c, 1);
	size_t n = (size_t)call_int(c, 3);

	if (c->bad)
		return 0;
	return in->kind != FD_FILE ? -EINVAL : send_on(c, out, n, 0, NULL);
}
