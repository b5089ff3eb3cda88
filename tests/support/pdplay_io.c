/*
 * The player's calls that move bytes, and those on several descriptors (pdplay_run.h). What is written is the pattern of
 * the stream that we send, what is read must be that of the peer's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/pdplay_run.h"

enum { BUF_MAX = 1 << 22, IOV_MAX_HERE = 64 };

/* ---- bytes ---- */

static const struct script_value *named(const struct script_value *v, const char *field)
{
	for (v = v ? v->child : NULL; v; v = v->next) {
		if (v->field && strcmp(v->field, field) == 0)
			return v;
	}
	return NULL;
}

/* The bytes of a call: a number, an iovec, or a msghdr's. Fills lengths and returns how many. */
static int lengths(struct pcall *k, const struct script_value *v, size_t *len)
{
	int n = 0;

	if (v && v->kind == VALUE_INT) {
		len[0] = (size_t)v->i;
		return 1;
	}
	if (v && v->kind == VALUE_LIST)
		v = v->child;
	for (; v && n < IOV_MAX_HERE; v = v->next) {
		if (v->kind != VALUE_STRUCT || !v->last) {
			call_bad(&k->c, "an element of an iovec is {..., bytes}");
			return 0;
		}
		len[n++] = (size_t)v->last->i;
	}
	return n;
}

struct bytes {
	struct iovec iov[IOV_MAX_HERE];
	int n;
	uint8_t *buf;
	size_t total;
};

static bool make_bytes(struct pcall *k, const struct script_value *v, struct bytes *b)
{
	size_t len[IOV_MAX_HERE], at = 0;

	b->n = lengths(k, v, len);
	b->total = 0;
	for (int i = 0; i < b->n; i++)
		b->total += len[i];
	if (k->c.bad || b->total > BUF_MAX) {
		call_bad(&k->c, "more bytes than a script may move at once");
		return false;
	}
	b->buf = calloc(1, b->total + 1);
	if (!b->buf)
		abort();
	for (int i = 0; i < b->n; at += len[i++])
		b->iov[i] = (struct iovec){b->buf + at, len[i]};
	return true;
}

static void fill(struct pcall *k, struct bytes *b)
{
	const struct script_value *v = call_arg(&k->c, 1);

	if (v && v->kind == VALUE_STRING) {
		k->f->odd = k->p->r.odd_out = true;
		memcpy(b->buf, v->text, (size_t)v->i < b->total ? (size_t)v->i : b->total);
		return;
	}
	for (size_t i = 0; i < b->total; i++)
		b->buf[i] = run_pattern(true, k->f->stream ? k->f->written + i : i);
}

static void sent(struct pcall *k, struct bytes *b, long got)
{
	if (got > 0)
		k->f->written += (uint64_t)got;
	free(b->buf);
}

static void received(struct pcall *k, struct bytes *b, long got, int flags)
{
	if (flags & MSG_OOB)
		k->f->odd = true;
	for (long i = 0; i < got && (size_t)i < b->total && !k->f->odd && !(flags & MSG_TRUNC);
	     i++) {
		if (k->p->rec ||
		    b->buf[i] == run_pattern(false, (k->f->stream ? k->f->read : 0) + (uint64_t)i))
			continue;
		run_fail(&k->p->r, k->e, "byte %" PRIu64 " of the stream is wrong",
			 k->f->read + (uint64_t)i);
		break;
	}
	if (got > 0 && !(flags & MSG_PEEK))
		k->f->read += (uint64_t)got;
	free(b->buf);
}

void play_read(struct pcall *k)
{
	struct play *p = k->p;
	bool vector = strcmp(k->e->call, "readv") == 0;
	struct bytes b;
	long got;

	if (!make_bytes(k, call_arg(&k->c, vector ? 1 : 2), &b))
		return;
	play_begin(k);
	got = vector ? IFC.readv(U, k->fd, b.iov, b.n) : IFC.read(U, k->fd, b.buf, b.total);
	received(k, &b, play_end(k, got, false), 0);
}

void play_write(struct pcall *k)
{
	struct play *p = k->p;
	bool vector = strcmp(k->e->call, "writev") == 0;
	struct bytes b;
	long got;

	if (!make_bytes(k, call_arg(&k->c, vector ? 1 : 2), &b))
		return;
	fill(k, &b);
	play_begin(k);
	got = vector ? IFC.writev(U, k->fd, b.iov, b.n) : IFC.write(U, k->fd, b.buf, b.total);
	sent(k, &b, play_end(k, got, false));
}

void play_recv(struct pcall *k)
{
	struct play *p = k->p;
	int flags = (int)call_int(&k->c, 3);
	bool from = strcmp(k->e->call, "recvfrom") == 0;
	struct sockaddr_in sin = {0};
	socklen_t len = sizeof(sin);
	struct tapir_sockaddr peer;
	struct bytes b;
	long got;

	if (!make_bytes(k, call_arg(&k->c, 2), &b))
		return;
	play_begin(k);
	got = play_end(k,
		       from ? IFC.recvfrom(U, k->fd, b.buf, b.total, flags, (struct sockaddr *)&sin,
					   &len)
			    : IFC.recv(U, k->fd, b.buf, b.total, flags),
		       false);
	peer = play_of_sin(&sin);
	if (from && got >= 0 && !k->f->stream)
		call_addr_is(&k->c, call_arg(&k->c, 4), &peer);
	received(k, &b, got, flags);
}

void play_recvmsg(struct pcall *k)
{
	struct play *p = k->p;
	const struct script_value *hdr = call_arg(&k->c, 1), *want = named(hdr, "msg_flags");
	int flags = (int)call_int(&k->c, 2), on = 1;
	struct sockaddr_in sin = {0};
	struct tapir_sockaddr peer;
	char control[512];
	struct bytes b;
	struct msghdr m = {.msg_name = &sin, .msg_namelen = sizeof(sin)};
	long got;

	if (!make_bytes(k, named(hdr, "msg_iov"), &b))
		return;
	if (named(hdr, "msg_control")) {
		/* Our own runner gives these unasked. */
		IFC.setsockopt(U, k->fd, SOL_IP, IP_RECVTTL, &on, sizeof(on));
		IFC.setsockopt(U, k->fd, SOL_IP, IP_RECVTOS, &on, sizeof(on));
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
	}
	m.msg_iov = b.iov;
	m.msg_iovlen = (size_t)b.n;
	play_begin(k);
	got = play_end(k, IFC.recvmsg(U, k->fd, &m, flags), false);
	peer = play_of_sin(&sin);
	if (got >= 0 && !k->f->stream)
		call_addr_is(&k->c, named(hdr, "msg_name"), &peer);
	if (got >= 0 && want && want->kind == VALUE_INT && want->i != m.msg_flags)
		run_fail(&p->r, k->e, "msg_flags: expected 0x%" PRIx64 ", got 0x%x", want->i,
			 (unsigned)m.msg_flags);
	received(k, &b, got, flags);
}

void play_send(struct pcall *k)
{
	struct play *p = k->p;
	bool to = strcmp(k->e->call, "sendto") == 0;
	int flags = (int)call_int(&k->c, 3);
	struct tapir_sockaddr a = {0};
	struct sockaddr_in sin;
	struct bytes b;

	if (!make_bytes(k, call_arg(&k->c, 2), &b))
		return;
	if (to) {
		a = call_addr(&k->c, call_arg(&k->c, 4), p->r.s->remote_ip4, p->r.s->port);
		if (!k->f->stream || flags & MSG_FASTOPEN)
			play_opened(k, a.port);
	}
	sin = play_sin_of(&a);
	fill(k, &b);
	play_begin(k);
	sent(k, &b,
	     play_end(k,
		      to ? IFC.sendto(U, k->fd, b.buf, b.total, flags, (struct sockaddr *)&sin,
				      sizeof(sin))
			 : IFC.send(U, k->fd, b.buf, b.total, flags),
		      false));
}

static int64_t number_of(const struct script_value *v)
{
	return v && v->kind == VALUE_LIST && v->child ? v->child->i : v ? v->i : 0;
}

void play_sendmsg(struct pcall *k)
{
	struct play *p = k->p;
	const struct script_value *hdr = call_arg(&k->c, 1), *to = named(hdr, "msg_name"),
				  *list = named(hdr, "msg_control");
	int flags = (int)call_int(&k->c, 2);
	struct tapir_sockaddr a = {0};
	struct sockaddr_in sin;
	char control[512] = {0};
	struct cmsghdr *c;
	struct bytes b;
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};
	size_t used = 0;

	if (!make_bytes(k, named(hdr, "msg_iov"), &b))
		return;
	if (to) {
		a = call_addr(&k->c, to, p->r.s->remote_ip4, p->r.s->port);
		if (!k->f->stream || flags & MSG_FASTOPEN)
			play_opened(k, a.port);
		sin = play_sin_of(&a);
		m.msg_name = &sin;
		m.msg_namelen = sizeof(sin);
	}
	c = CMSG_FIRSTHDR(&m);
	for (const struct script_value *v = list ? list->child : NULL; v; v = v->next) {
		int data = (int)number_of(named(v, "cmsg_data"));

		c->cmsg_level = (int)call_field(v, "cmsg_level", "level");
		c->cmsg_type = (int)call_field(v, "cmsg_type", "type");
		c->cmsg_len = CMSG_LEN(sizeof(data));
		memcpy(CMSG_DATA(c), &data, sizeof(data));
		used += CMSG_SPACE(sizeof(data));
		c = (struct cmsghdr *)(void *)(control + used);
	}
	m.msg_controllen = used;
	m.msg_iov = b.iov;
	m.msg_iovlen = (size_t)b.n;
	fill(k, &b);
	play_begin(k);
	sent(k, &b, play_end(k, IFC.sendmsg(U, k->fd, &m, flags), false));
}

/* ---- several descriptors ---- */

void play_poll(struct pcall *k)
{
	struct play *p = k->p;
	const struct script_value *list = call_arg(&k->c, 0);
	int timeout = (int)call_int(&k->c, 2);
	struct pollfd fds[RUN_FDS];
	nfds_t n = 0;

	if (k->c.bad || !list || list->kind != VALUE_LIST)
		return;
	for (const struct script_value *v = list->child; v && n < RUN_FDS; v = v->next, n++) {
		fds[n].fd = play_live(run_fd_at(&p->r, call_field(v, "fd", "fd")));
		fds[n].events = (short)call_field(v, "events", "events");
	}
	play_begin(k);
	play_end(k, IFC.poll(U, fds, n, timeout), false);
	n = 0;
	for (const struct script_value *v = list->child; v; v = v->next, n++) {
		if (p->rec)
			play_note_value(k, "revents", fds[n].revents);
		else if (fds[n].revents != (short)call_field(v, "revents", "revents"))
			run_fail(&p->r, k->e, "revents: expected 0x%" PRIx64 ", got 0x%x",
				 call_field(v, "revents", "revents"), (unsigned)fds[n].revents);
	}
}

static int64_t event_data(const struct script_value *v)
{
	return call_field(v, "fd", "ptr") | call_field(v, "u32", "u64");
}

void play_epoll_create(struct pcall *k)
{
	struct play *p = k->p;
	int size = (int)call_int(&k->c, 0), fd;

	play_begin(k);
	fd = (int)play_end(k, IFC.epoll_create(U, size), true);
	play_put_fd(k, play_result_number(k), FD_EPOLL, fd, false);
}

void play_epoll_ctl(struct pcall *k)
{
	struct play *p = k->p;
	int op = (int)call_int(&k->c, 1), fd = play_live(run_fd_at(&p->r, call_int(&k->c, 2)));
	const struct script_value *v = call_arg(&k->c, 3);
	struct epoll_event ev = {0};

	if (v && v->kind == VALUE_STRUCT) {
		ev.events = (uint32_t)call_field(v, "events", "events");
		ev.data.u64 = (uint64_t)event_data(v);
	}
	play_begin(k);
	play_end(k, IFC.epoll_ctl(U, k->fd, op, fd, &ev), false);
}

void play_epoll_wait(struct pcall *k)
{
	struct play *p = k->p;
	const struct script_value *want = call_arg(&k->c, 1);
	int max = (int)call_int(&k->c, 2), timeout = (int)call_int(&k->c, 3);
	struct epoll_event ev[RUN_FDS] = {{0}};
	long n;

	if (k->c.bad)
		return;
	play_begin(k);
	n = play_end(k, IFC.epoll_wait(U, k->fd, ev, max < RUN_FDS ? max : RUN_FDS, timeout),
		     false);
	want = want && want->kind == VALUE_LIST ? want->child : want;
	for (long i = 0; i < n && p->rec; i++)
		play_note_value(k, "events", ev[i].events);
	for (long i = 0; i < n && !p->rec && want && want->kind == VALUE_STRUCT;
	     i++, want = want->next) {
		if (ev[i].events != (uint32_t)call_field(want, "events", "events") ||
		    (int64_t)ev[i].data.u64 != event_data(want))
			run_fail(&p->r, k->e, "event: expected 0x%" PRIx64 ", got 0x%x",
				 call_field(want, "events", "events"), ev[i].events);
	}
}

void play_pipe(struct pcall *k)
{
	struct play *p = k->p;
	const struct script_value *v = call_arg(&k->c, 0);
	int fds[2];

	if (!v || v->kind != VALUE_LIST || !v->child || !v->child->next)
		return;
	play_begin(k);
	if (play_end(k, IFC.pipe(U, fds), false) < 0)
		return;
	play_put_fd(k, v->child->i, FD_PIPE_IN, fds[0], true);
	play_put_fd(k, v->child->next->i, FD_PIPE_OUT, fds[1], true);
}

void play_splice(struct pcall *k)
{
	struct play *p = k->p;
	struct run_fd *in = call_any_fd(&k->c, 0), *out = k->c.bad ? NULL : call_any_fd(&k->c, 2);
	size_t n = (size_t)call_int(&k->c, 4);
	unsigned flags = (unsigned)call_int(&k->c, 5);
	loff_t none_in = 0, none_out = 0;
	long got;

	if (k->c.bad)
		return;
	play_begin(k);
	/* The addresses of two numbers, as packetdrill gives them. */
	got = play_end(k,
		       IFC.splice(U, play_live(in), &none_in, play_live(out), &none_out, n, flags),
		       false);
	if (got > 0) {
		in->read += (uint64_t)got;
		out->written += (uint64_t)got;
		/* What the peer sent comes back as ours. */
		k->p->r.odd_out = true;
	}
}
