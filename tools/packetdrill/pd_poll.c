/*
 * poll() and epoll.
 *
 * Both ask the level of what they watch. An edge-triggered item asks for more: that something happened since it
 * was told last; the stack's own ready list says so of sockets, and pipes say it themselves.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tools/packetdrill/pd.h"

enum {
	ALWAYS = EPOLLERR | EPOLLHUP,
	POP = 32,
	POLL_MOST = 65536, /* descriptors in one call */
	EVENTS_MOST = INT_MAX / (int)sizeof(struct epoll_event)
};

static uint32_t socket_level(struct pd *pd, const struct pd_file *f)
{
	int bits = tapir_poll(pd->t, f->sock);
	struct tapir_sock_info info;
	uint32_t r = 0;

	if (bits < 0)
		return EPOLLERR | EPOLLHUP;
	/* SO_RCVLOWAT: less than that is not worth a wake-up, unless there will be no more. */
	if (bits & TAPIR_IN && f->rcvlowat > 1 && !f->listening &&
	    !(bits & (TAPIR_RDHUP | TAPIR_HUP | TAPIR_ERR)) && pd_sock_info(pd, f, &info) &&
	    info.recv_q < (uint32_t)f->rcvlowat)
		bits &= ~TAPIR_IN;
	if (bits & TAPIR_IN)
		r |= EPOLLIN | EPOLLRDNORM;
	if (bits & TAPIR_OUT)
		r |= EPOLLOUT | EPOLLWRNORM | (f->type == SOCK_DGRAM ? EPOLLWRBAND : 0);
	if (bits & TAPIR_PRI)
		r |= EPOLLPRI;
	if (bits & TAPIR_ERR || f->nerrq > 0)
		r |= EPOLLERR;
	if (bits & TAPIR_HUP)
		r |= EPOLLHUP;
	if (bits & TAPIR_RDHUP)
		r |= EPOLLRDHUP;
	return r;
}

static const struct pd_item *ready_item(struct pd *pd, const struct pd_file *ep);

uint32_t pd_level(struct pd *pd, const struct pd_file *f)
{
	if (f->dead)
		return EPOLLERR | EPOLLHUP;
	switch (f->kind) {
	case PD_SOCKET:
		return socket_level(pd, f);
	case PD_PIPE_READ:
		return (f->pipe->n ? EPOLLIN | EPOLLRDNORM : 0) | (f->pipe->writers ? 0 : EPOLLHUP);
	case PD_PIPE_WRITE:
		return (f->pipe->n < PD_PIPE_BYTES ? EPOLLOUT | EPOLLWRNORM : 0) |
		       (f->pipe->readers ? 0 : EPOLLERR);
	case PD_EPOLL:
		return ready_item(pd, f) ? EPOLLIN | EPOLLRDNORM : 0;
	}
	return 0;
}

/* ---- poll ---- */

struct polled {
	struct pollfd *fds;
	nfds_t n;
};

static int poll_once(struct pd *pd, const struct polled *p)
{
	int ready = 0;

	for (nfds_t i = 0; i < p->n; i++) {
		struct pollfd *e = &p->fds[i];
		struct pd_file *f;

		e->revents = 0;
		if (e->fd < 0)
			continue;
		f = pd_file_get(pd, e->fd);
		if (f)
			e->revents = (short)(pd_level(pd, f) & ((uint16_t)e->events | ALWAYS));
		else
			e->revents = POLLNVAL;
		ready += e->revents != 0;
	}
	return ready;
}

static bool poll_ready(struct pd *pd, const struct pd_wait *w)
{
	return poll_once(pd, w->arg) > 0;
}

static uint64_t timeout_at(const struct pd *pd, int timeout_ms)
{
	return timeout_ms < 0 ? TAPIR_NEVER : tapir_now(pd->t) + (uint64_t)timeout_ms * PD_MS;
}

int pd_poll(void *u, struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct pd *pd = u;
	struct polled p = {fds, n};
	struct pd_wait w = {.ready = poll_ready, .arg = &p};
	int r = -EINVAL, err = 0;

	pd_enter(pd);
	if (pd->t && n > POLL_MOST) {
		r = -EINVAL;
	} else if (pd->t && (!pd_user_range(fds, n * sizeof(*fds)) ||
			     !pd_user_writable(fds, n * sizeof(*fds)))) {
		r = -EFAULT;
	} else if (pd->t) {
		w.deadline_ns = timeout_at(pd, timeout_ms);
		while ((r = poll_once(pd, &p)) == 0 && timeout_ms != 0 && !err)
			err = pd_sleep(pd, &w);
		if (r == 0 && err && err != ETIMEDOUT)
			r = -err;
	}
	pd_leave(pd);
	return (int)pd_ret(r);
}

/* ---- epoll ---- */

int pd_epoll_create(void *u, int size)
{
	struct pd *pd = u;
	struct pd_file *f = NULL;
	int r = -EINVAL;

	pd_enter(pd);
	if (pd->t && size > 0) {
		f = pd_file_new(pd, PD_EPOLL);
		r = f ? f->fd : -errno;
	}
	pd_leave(pd);
	return (int)pd_ret(r);
}

/* What an item has to tell now. */
static uint32_t item_bits(struct pd *pd, const struct pd_item *it)
{
	if (it->disarmed || (it->want.events & EPOLLET && !it->edge))
		return 0;
	return pd_level(pd, it->file) & (it->want.events | ALWAYS);
}

static const struct pd_item *ready_item(struct pd *pd, const struct pd_file *ep)
{
	for (const struct pd_item *it = ep->items; it; it = it->next) {
		/* A set in a set is a descriptor like others, but no deeper than that. */
		if (it->file->kind != PD_EPOLL && item_bits(pd, it))
			return it;
	}
	return NULL;
}

void pd_edge(struct pd *pd, const struct pd_file *f, uint32_t bits)
{
	for (int i = 0; i < pd->nfile; i++) {
		struct pd_file *ep = pd->file[i];

		if (!ep || ep->kind != PD_EPOLL)
			continue;
		for (struct pd_item *it = ep->items; it; it = it->next) {
			if (it->file == f && bits & (it->want.events | ALWAYS))
				it->edge = true;
		}
	}
}

/* Takes the stack's list, but for what it says of `not`. */
static void pop_edges(struct pd *pd, const struct pd_file * not )
{
	struct tapir_ready ev[POP];
	size_t n;

	while ((n = tapir_ready_pop(pd->t, ev, POP)) > 0) {
		for (size_t i = 0; i < n; i++) {
			int fd = (int)ev[i].cookie;

			if (fd < pd->nfile && pd->file[fd] &&
			    pd->file[fd] != not &&pd->file[fd]->sock == ev[i].sock)
				pd_edge(pd, pd->file[fd], ev[i].bits);
		}
	}
}

void pd_edges(struct pd *pd)
{
	pop_edges(pd, NULL);
}

void pd_unwatch(struct pd *pd, const struct pd_file *f)
{
	for (int i = 0; i < pd->nfile; i++) {
		struct pd_file *ep = pd->file[i];

		if (!ep || ep->kind != PD_EPOLL)
			continue;
		for (struct pd_item **at = &ep->items; *at;) {
			struct pd_item *it = *at;

			if (it->file != f) {
				at = &it->next;
				continue;
			}
			*at = it->next;
			free(it);
		}
	}
}

static struct pd_item **find_item(struct pd_file *ep, const struct pd_file *f)
{
	struct pd_item **at = &ep->items;

	while (*at && (*at)->file != f)
		at = &(*at)->next;
	return at;
}

/*
 * A socket's edges are told from now on, room too if there is none at this moment. Being asked, the stack says what is
 * ready as well; nothing has happened by that.
 */
static void watch(struct pd *pd, const struct pd_file *f)
{
	if (f->kind != PD_SOCKET)
		return;
	pd_edges(pd);
	tapir_interest(pd->t, f->sock, TAPIR_IN | TAPIR_OUT | TAPIR_PRI | (uint32_t)TAPIR_RDHUP,
		       (uint64_t)f->fd);
	pop_edges(pd, f);
}

static int ctl(struct pd *pd, struct pd_file *ep, int op, struct pd_file *f,
	       const struct epoll_event *event)
{
	struct pd_item **at = find_item(ep, f), *it = *at;

	switch (op) {
	case EPOLL_CTL_ADD:
		if (it)
			return -EEXIST;
		it = calloc(1, sizeof(*it));
		if (!it)
			return -ENOMEM;
		it->file = f;
		*at = it;
		break;
	case EPOLL_CTL_MOD:
		if (!it)
			return -ENOENT;
		break;
	case EPOLL_CTL_DEL:
		if (!it)
			return -ENOENT;
		*at = it->next;
		free(it);
		return 0;
	default:
		return -EINVAL;
	}
	it->want = *event;
	it->disarmed = false;
	/* What is ready at this moment is told once. */
	it->edge = true;
	watch(pd, f);
	return 0;
}

int pd_epoll_ctl(void *u, int epfd, int op, int fd, struct epoll_event *event)
{
	struct pd *pd = u;
	struct pd_file *ep, *f = NULL;
	int r = -1;

	pd_enter(pd);
	if (op != EPOLL_CTL_DEL && !pd_user_readable(event, sizeof(*event))) {
		pd_leave(pd);
		return (int)pd_ret(pd->t ? -EFAULT : -EINVAL);
	}
	ep = pd_file_get(pd, epfd);
	if (ep)
		f = pd_file_get(pd, fd);
	if (f && (ep->kind != PD_EPOLL || ep == f))
		r = (int)pd_ret(-EINVAL);
	else if (f)
		r = (int)pd_ret(ctl(pd, ep, op, f, event));
	pd_leave(pd);
	return r;
}

static int report(struct pd *pd, struct pd_file *ep, struct epoll_event *events, int max)
{
	int n = 0;

	for (struct pd_item *it = ep->items; it && n < max; it = it->next) {
		uint32_t bits = item_bits(pd, it);

		if (!bits) {
			/* Woken, and nothing there any more: an edge is not kept for later. */
			if (it->want.events & EPOLLET)
				it->edge = false;
			/* The stack tells of room only to who asked while there was none. */
			if (it->want.events & EPOLLOUT)
				watch(pd, it->file);
			continue;
		}
		if (!pd_user_writable(&events[n], sizeof(*events)))
			return n ? n : -EFAULT;
		events[n].events = bits;
		events[n++].data = it->want.data;
		if (it->want.events & EPOLLET)
			it->edge = false;
		if (it->want.events & EPOLLONESHOT)
			it->disarmed = true;
	}
	return n;
}

static bool epoll_ready(struct pd *pd, const struct pd_wait *w)
{
	return w->file->dead || ready_item(pd, w->file) != NULL;
}

int pd_epoll_wait(void *u, int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	struct pd *pd = u;
	struct pd_file *ep;
	int r = -1, err = 0;

	pd_enter(pd);
	ep = pd_file_get(pd, epfd);
	if (ep && (max <= 0 || max > EVENTS_MOST)) {
		r = (int)pd_ret(-EINVAL);
	} else if (ep && !pd_user_range(events, (size_t)max * sizeof(*events))) {
		r = (int)pd_ret(-EFAULT);
	} else if (ep && ep->kind != PD_EPOLL) {
		r = (int)pd_ret(-EINVAL);
	} else if (ep) {
		struct pd_wait w = {.ready = epoll_ready,
				    .file = ep,
				    .deadline_ns = timeout_at(pd, timeout_ms)};

		pd_settle(pd);
		while ((r = ep->dead ? 0 : report(pd, ep, events, max)) == 0 && timeout_ms != 0 &&
		       !err)
			err = pd_sleep(pd, &w);
		if (r == 0 && err && err != ETIMEDOUT)
			r = -err;
		r = (int)pd_ret(r);
	}
	pd_leave(pd);
	return r;
}
