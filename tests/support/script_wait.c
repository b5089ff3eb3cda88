/*
 * Calls of packet scripts that wait for several descriptors: poll and epoll, over tapir_poll()'s levels, and for EPOLLET
 * over tapir_ready_pop()'s edges.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script_run.h"

enum { CTL_ADD = 1, CTL_DEL = 2, CTL_MOD = 3, ALWAYS = TAPIR_ERR | TAPIR_HUP };

static const uint32_t ONESHOT = 1u << 30, EDGE = 1u << 31;

/* Whether a wait of `timeout` ms has an end yet; notes it when it begins. */
static bool over(struct call *c, int64_t timeout)
{
	uint64_t now = tapir_now(c->r->t);

	if (!c->again)
		c->r->poll_end_ns = timeout < 0 ? TAPIR_NEVER : now + (uint64_t)timeout * 1000000;
	if (now < c->r->poll_end_ns)
		return false;
	c->r->poll_end_ns = TAPIR_NEVER;
	return true;
}

int run_level(struct run *r, const struct run_fd *f)
{
	int bits = tapir_poll(r->t, f->sock), unread = 0;
	size_t len = sizeof(unread);

	/* Less than that is not worth a wake-up, unless there will be no more. */
	if (bits & TAPIR_IN && f->rcvlowat > 1 && !(bits & (TAPIR_RDHUP | TAPIR_HUP | TAPIR_ERR)) &&
	    tapir_getsockopt(r->t, f->sock, TAPIR_SOL_SOCKET, TAPIR_SO_INQ, &unread, &len) == 0 &&
	    unread < f->rcvlowat)
		bits &= ~TAPIR_IN;
	return bits;
}

/* poll([{fd=3, events=POLLIN, revents=POLLIN}], 1, timeout in ms) */
int64_t call_poll(struct call *c)
{
	const struct script_value *list = call_arg(c, 0);
	int64_t timeout = call_int(c, 2), ready = 0;
	bool ends;

	if (c->bad || !list || list->kind != VALUE_LIST)
		return call_bad(c, "a list of {fd=, events=, revents=} is wanted");
	ends = over(c, timeout);
	for (const struct script_value *v = list->child; v; v = v->next) {
		struct run_fd *f = run_fd_at(c->r, call_field(v, "fd", "fd"));
		int64_t want = call_field(v, "events", "events") | ALWAYS;

		if (!f || !f->sock)
			return call_bad(c, "the descriptor is not open");
		ready += (run_level(c->r, f) & want) != 0;
	}
	if (ready == 0 && !ends)
		return RUN_BLOCKS;
	for (const struct script_value *v = list->child; v; v = v->next) {
		struct run_fd *f = run_fd_at(c->r, call_field(v, "fd", "fd"));
		int64_t got = run_level(c->r, f) & (call_field(v, "events", "events") | ALWAYS);

		if (got != call_field(v, "revents", "revents"))
			run_fail(c->r, c->e, "revents: expected 0x%" PRIx64 ", got 0x%" PRIx64,
				 call_field(v, "revents", "revents"), got);
	}
	c->r->poll_end_ns = TAPIR_NEVER;
	return ready;
}

int64_t call_epoll_create(struct call *c)
{
	int fd;

	if (call_int(c, 0) <= 0)
		return c->bad ? 0 : -EINVAL;
	fd = run_fd_new(c->r, FD_EPOLL, 0, false);
	if (fd < 0)
		return -EMFILE;
	run_fd_at(c->r, fd)->epoll = calloc(1, sizeof(struct run_epoll));
	if (!run_fd_at(c->r, fd)->epoll)
		abort();
	return fd;
}

/* The word of an epoll_event, under any of its names. */
static int64_t event_data(const struct script_value *v)
{
	return call_field(v, "fd", "ptr") | call_field(v, "u32", "u64");
}

static struct run_epoll *epoll_of(struct call *c)
{
	struct run_fd *f = call_any_fd(c, 0);

	if (f && f->epoll)
		return f->epoll;
	if (f)
		call_bad(c, "the descriptor is no epoll");
	return NULL;
}

/* epoll_ctl(4, EPOLL_CTL_ADD, 3, {events=EPOLLIN, fd=3}) */
int64_t call_epoll_ctl(struct call *c)
{
	struct run_epoll *ep = epoll_of(c);
	int64_t op = call_int(c, 1), fd = call_int(c, 2);
	const struct script_value *v = call_arg(c, 3);
	struct run_fd *f = run_fd_at(c->r, fd);
	unsigned i = 0;

	if (c->bad)
		return 0;
	if (!f || !f->sock)
		return -EBADF;
	while (i < ep->n && ep->entry[i].fd != fd)
		i++;
	if (op == CTL_ADD && i < ep->n)
		return -EEXIST;
	if (op != CTL_ADD && i == ep->n)
		return -ENOENT;
	if (op == CTL_DEL) {
		ep->entry[i] = ep->entry[--ep->n];
		return 0;
	}
	if ((op != CTL_ADD && op != CTL_MOD) || i == RUN_FDS)
		return -EINVAL;
	if (!v || v->kind != VALUE_STRUCT)
		return call_bad(c, "an event is wanted: {events=EPOLLIN, fd=3}");
	ep->n += op == CTL_ADD;
	ep->entry[i].fd = fd;
	ep->entry[i].data = event_data(v);
	ep->entry[i].events = (uint32_t)call_field(v, "events", "events");
	ep->entry[i].off = false;
	f->edges = 0;
	return tapir_interest(c->r->t, f->sock, ep->entry[i].events & ~(ONESHOT | EDGE),
			      (uint64_t)(fd - RUN_FIRST_FD));
}

/* Edges that the stack told since the last look, to the descriptors. */
static void pop_edges(struct run *r)
{
	struct tapir_ready ready[16];
	size_t n;

	while ((n = tapir_ready_pop(r->t, ready, 16)) > 0) {
		for (size_t i = 0; i < n; i++) {
			if (ready[i].cookie < RUN_FDS &&
			    r->fd[ready[i].cookie].sock == ready[i].sock)
				r->fd[ready[i].cookie].edges |= ready[i].bits;
		}
	}
}

/* What of an entry is to be told now. */
static uint32_t bits_of(struct run *r, const struct run_epoll *ep, unsigned i)
{
	const struct run_fd *f = run_fd_at(r, ep->entry[i].fd);
	uint32_t bits = 0;

	if (f && !ep->entry[i].off)
		bits = (uint32_t)run_level(r, f) & (ep->entry[i].events | ALWAYS);
	/* Where something happened, all that is true is told. */
	return ep->entry[i].events & EDGE && f && !(bits & f->edges) ? 0 : bits;
}

/* epoll_wait(4, [{events=EPOLLIN, fd=3}], 1, timeout in ms) */
int64_t call_epoll_wait(struct call *c)
{
	struct run_epoll *ep = epoll_of(c);
	const struct script_value *want = call_arg(c, 1);
	int64_t max = call_int(c, 2), timeout = call_int(c, 3), ready = 0;
	bool ends;

	if (c->bad)
		return 0;
	if (max <= 0)
		return -EINVAL;
	want = want->kind == VALUE_LIST ? want->child : want;
	pop_edges(c->r);
	ends = over(c, timeout);
	for (unsigned i = 0; i < ep->n && ready < max; i++) {
		uint32_t bits = bits_of(c->r, ep, i);

		if (bits == 0)
			continue;
		ready++;
		if (ep->entry[i].events & ONESHOT)
			ep->entry[i].off = true;
		run_fd_at(c->r, ep->entry[i].fd)->edges = 0;
		if (!want || want->kind != VALUE_STRUCT)
			continue;
		if ((int64_t)bits != call_field(want, "events", "events") ||
		    ep->entry[i].data != event_data(want))
			run_fail(c->r, c->e,
				 "event: expected {events=0x%" PRIx64 ", %" PRId64
				 "}, got {events=0x%x, %" PRId64 "}",
				 call_field(want, "events", "events"), event_data(want), bits,
				 ep->entry[i].data);
		want = want->next;
	}
	if (ready == 0 && !ends)
		return RUN_BLOCKS;
	c->r->poll_end_ns = TAPIR_NEVER;
	return ready;
}
