/*
 * Pipes, and splice() between them and sockets.
 *
 * A pipe is a ring of 64 KB here, its two ends eventfds like all other descriptors. Linux counts pages rather than
 * bytes and moves references rather than copies; nothing that a script can see follows from that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "tools/packetdrill/pd.h"

int pd_pipe(void *u, int fds[2])
{
	struct pd *pd = u;
	struct pd_pipe *p = NULL;
	struct pd_file *r = NULL, *w = NULL;
	int result = -EINVAL;

	pd_enter(pd);
	if (!pd->t)
		goto out;
	result = -EFAULT;
	if (!pd_user_writable(fds, 2 * sizeof(*fds)))
		goto out;
	result = -ENOMEM;
	p = calloc(1, sizeof(*p));
	r = p ? pd_file_new(pd, PD_PIPE_READ) : NULL;
	w = r ? pd_file_new(pd, PD_PIPE_WRITE) : NULL;
	if (!w) {
		if (r)
			pd_file_del(pd, r);
		free(p);
		goto out;
	}
	p->readers = p->writers = 1;
	r->pipe = w->pipe = p;
	fds[0] = r->fd;
	fds[1] = w->fd;
	result = 0;
out:
	pd_leave(pd);
	return (int)pd_ret(result);
}

/* Tells the sets that watch any end of a pipe. */
static void stir(struct pd *pd, const struct pd_pipe *p, uint32_t bits)
{
	for (int i = 0; i < pd->nfile; i++) {
		if (pd->file[i] && pd->file[i]->pipe == p)
			pd_edge(pd, pd->file[i], bits);
	}
}

void pd_pipe_close(struct pd *pd, struct pd_file *f)
{
	struct pd_pipe *p = f->pipe;

	if (f->kind == PD_PIPE_READ)
		p->readers--;
	else
		p->writers--;
	f->pipe = NULL;
	if (p->readers == 0 && p->writers == 0)
		free(p);
	else
		stir(pd, p, EPOLLHUP | EPOLLERR | EPOLLIN | EPOLLOUT);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t take(struct pd_pipe *p, void *buf, size_t n)
{
	size_t first;

	n = least(n, p->n);
	first = least(n, PD_PIPE_BYTES - p->at);
	memcpy(buf, p->p + p->at, first);
	memcpy((uint8_t *)buf + first, p->p, n - first);
	p->at = (p->at + n) % PD_PIPE_BYTES;
	p->n -= n;
	return n;
}

static size_t give(struct pd_pipe *p, const void *buf, size_t n)
{
	size_t end = (p->at + p->n) % PD_PIPE_BYTES, first;

	n = least(n, PD_PIPE_BYTES - p->n);
	first = least(n, PD_PIPE_BYTES - end);
	memcpy(p->p + end, buf, first);
	memcpy(p->p, (const uint8_t *)buf + first, n - first);
	p->n += n;
	return n;
}

static bool level_ready(struct pd *pd, const struct pd_wait *w)
{
	return (pd_level(pd, w->file) & w->bits) != 0;
}

/* Sleeps until a descriptor has one of `bits`. 0, or a negative errno. */
static int wait_for(struct pd *pd, struct pd_file *f, uint32_t bits)
{
	struct pd_wait w = {.ready = level_ready,
			    .file = f,
			    .bits = bits | EPOLLERR | EPOLLHUP,
			    .deadline_ns = TAPIR_NEVER};

	return -pd_sleep(pd, &w);
}

ssize_t pd_pipe_read(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n)
{
	struct pd_pipe *p = f->pipe;
	size_t done = 0;

	while (p->n == 0) {
		int err;

		if (p->writers == 0)
			return 0;
		err = f->nonblock ? -EAGAIN : wait_for(pd, f, EPOLLIN);
		if (err)
			return err;
	}
	if (!pd_iov_writable(iov, n, p->n))
		return -EFAULT;
	for (int i = 0; i < n; i++)
		done += take(p, iov[i].iov_base, iov[i].iov_len);
	stir(pd, p, EPOLLOUT);
	return (ssize_t)done;
}

ssize_t pd_pipe_write(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n)
{
	struct pd_pipe *p = f->pipe;
	size_t done = 0;

	if (!pd_iov_readable(iov, n))
		return -EFAULT;
	for (int i = 0; i < n; i++) {
		const uint8_t *at = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left > 0) {
			size_t put = p->readers ? give(p, at, left) : 0;
			int err = 0;

			at += put;
			left -= put;
			done += put;
			stir(pd, p, EPOLLIN);
			if (left == 0)
				break;
			if (p->readers == 0)
				err = -EPIPE;
			else
				err = f->nonblock ? -EAGAIN : wait_for(pd, f, EPOLLOUT);
			if (err)
				return done > 0 ? (ssize_t)done : err;
		}
	}
	return (ssize_t)done;
}

/* ---- splice ---- */

/* From a socket into a pipe's free room. */
static ssize_t from_socket(struct pd *pd, struct pd_file *in, struct pd_pipe *p, size_t n)
{
	struct iovec slice[4];
	int nslice = 0;
	int64_t got = tapir_recv_peek(pd->t, in->sock, slice, 4, &nslice);
	size_t done = 0;

	if (got <= 0)
		return (ssize_t)got;
	for (int i = 0; i < nslice && done < n; i++)
		done += give(p, slice[i].iov_base, least(slice[i].iov_len, n - done));
	tapir_recv_consume(pd->t, in->sock, done);
	return (ssize_t)done;
}

/* From a pipe into a socket's free room. */
static ssize_t to_socket(struct pd *pd, struct pd_pipe *p, struct pd_file *out, size_t n, bool more)
{
	struct iovec iov[2];
	ssize_t sent;

	n = least(n, p->n);
	iov[0].iov_base = p->p + p->at;
	iov[0].iov_len = least(n, PD_PIPE_BYTES - p->at);
	iov[1].iov_base = p->p;
	iov[1].iov_len = n - iov[0].iov_len;
	sent = (ssize_t)tapir_send(pd->t, out->sock, iov, 2, more ? TAPIR_MSG_MORE : 0);
	if (sent > 0) {
		p->at = (p->at + (size_t)sent) % PD_PIPE_BYTES;
		p->n -= (size_t)sent;
		out->written += (uint64_t)sent;
		pd_mark_write(pd, out, 0, (size_t)sent,
			      (uint32_t)pd_stored(out, SOL_SOCKET, SO_TIMESTAMPING));
	}
	return sent;
}

static ssize_t move(struct pd *pd, struct pd_file *in, struct pd_file *out, size_t n, bool block,
		    bool more)
{
	ssize_t r;

	for (;;) {
		struct pd_file *wait = in;
		uint32_t bits = EPOLLIN;

		r = -EAGAIN;
		if (in->kind == PD_SOCKET && out->pipe->n == PD_PIPE_BYTES) {
			wait = out;
			bits = EPOLLOUT;
		} else if (in->kind == PD_SOCKET) {
			r = from_socket(pd, in, out->pipe, n);
		} else if (in->pipe->n > 0) {
			r = to_socket(pd, in->pipe, out, n, more);
			wait = out;
			bits = EPOLLOUT;
		} else if (in->pipe->writers == 0) {
			return 0;
		}
		if (r != -EAGAIN || !block || wait->nonblock)
			break;
		r = wait_for(pd, wait, bits);
		if (r)
			return r;
	}
	if (r > 0)
		stir(pd, in->pipe ? in->pipe : out->pipe, EPOLLIN | EPOLLOUT);
	return r;
}

/* packetdrill gives the address of a number where a script says NULL: 0 is no offset. */
static bool no_offset(const loff_t *off)
{
	return !off || *off == 0;
}

int pd_splice(void *u, int in, loff_t *off_in, int out, loff_t *off_out, size_t n, unsigned flags)
{
	struct pd *pd = u;
	struct pd_file *from, *to = NULL;
	ssize_t r = -1;

	pd_enter(pd);
	from = pd_file_get(pd, in);
	if (from)
		to = pd_file_get(pd, out);
	if (!to)
		r = -errno;
	else if (flags &
		 ~(unsigned)(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT))
		r = -EINVAL;
	else if (n == 0)
		r = 0;
	else if (!no_offset(off_in) || !no_offset(off_out))
		r = -ESPIPE;
	else if ((from->kind == PD_PIPE_READ && to->kind == PD_SOCKET) ||
		 (from->kind == PD_SOCKET && to->kind == PD_PIPE_WRITE))
		r = move(pd, from, to, n, !(flags & SPLICE_F_NONBLOCK),
			 (flags & SPLICE_F_MORE) != 0);
	else
		r = from->kind == PD_PIPE_WRITE || to->kind == PD_PIPE_READ ? -EBADF : -EINVAL;
	pd_leave(pd);
	return (int)pd_ret(r);
}
