/*
 * The event loop.
 *
 * A turn: write what the stack has queued; sleep until a descriptor is ready or the next deadline (the
 * stack's, a timer's, the caller's) has come; move the clock; hand in what arrived; then timers, other
 * descriptors, sockets; write again. The order is fixed, so that a handler always sees the state after
 * all input of its turn, and what handlers send leaves in the same turn.
 *
 * The clock is CLOCK_MONOTONIC less what was skipped: a turn moves it by at most the sleep that it
 * asked for plus 100 ms, in however many steps. Where a debugger holds the program, or the machine stops it, time
 * in the stack stands still too, and no timer fires for it. What was cut is kept in skipped_ns.
 *
 * Signals come by a descriptor that their handler writes to, rather than by signalfd: a debugger
 * then still sees Ctrl-C, which a blocked signal would hide from it.
 */
#include "drivers/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drivers/host.h"

enum {
	EVENTS = 64,	   /* descriptors of one turn */
	READ_ROUNDS = 4,   /* batches read in one turn */
	READY_ROUNDS = 16, /* batches of ready sockets served in one turn */
	DISCARD = 65536,   /* bytes of a read that nobody wants any more */
};

static const uint64_t SLACK_NS = 100 * NS_PER_MS;
static const uint64_t LINGER_NS = 1000 * NS_PER_MS;    /* since the stop, for FINs to be answered */
static const uint64_t LINGER_MIN_NS = 250 * NS_PER_MS; /* where that time is spent already */
static const uint64_t DRAIN_NS = 300 * NS_PER_MS;      /* for the last packets to leave */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { NSIGNALS = 3 };

struct loop {
	struct tapir *t;
	struct driver *d;
	int ifindex;
	int epfd;
	uint64_t now_ns;     /* of the loop's clock */
	uint64_t real_ns;    /* CLOCK_MONOTONIC when now_ns was set */
	uint64_t skipped_ns; /* cut from it so far */
	uint64_t slack_ns;   /* what this turn may still move it by, besides its sleep */
	struct loop_fd dev, news, sig;
	uint32_t dev_events; /* what epoll watches the device for */
	bool dev_ready;	     /* there may be frames to read */
	bool busy;	     /* handlers have more to do: no sleep */
	bool finishing;	     /* handlers are not called any more */
	bool dead;
	bool no_pwait2;
	int stop;	  /* -1, or what loop_stopping() tells */
	uint64_t stop_ns; /* when it was first asked for */
	bool stop_again;
	struct epoll_event ev[EVENTS];
	int nev;
	struct loop_timer **heap; /* [1..ntimers], the earliest first */
	uint32_t ntimers, heap_cap;
	bool catching;
	struct sigaction old[NSIGNALS];
	sigset_t old_mask;
	struct drv_error err;
};

/* The process's signals go to one loop. */
static volatile sig_atomic_t sig_fd = -1;

static void on_signal(int signum)
{
	uint64_t v = (uint64_t)signum;
	int saved = errno;

	if (sig_fd >= 0 && write(sig_fd, &v, sizeof(v)) < 0)
		errno = 0; /* the counter is full: it has been told */
	errno = saved;
}

/* --- the clock --- */

/* Moves the clock to the present, by at most `slept_ns` that were asked for and what is left of the turn's slack. */
static void clock_step(struct loop *l, uint64_t slept_ns)
{
	uint64_t real = host_clock_ns();
	uint64_t step = real - l->real_ns;
	uint64_t over = step > slept_ns ? step - slept_ns : 0;

	l->real_ns = real;
	if (over > l->slack_ns) {
		l->skipped_ns += over - l->slack_ns;
		step -= over - l->slack_ns;
		over = l->slack_ns;
	}
	l->slack_ns -= over;
	l->now_ns += step;
}

uint64_t loop_now(const struct loop *l)
{
	return l->now_ns;
}

uint64_t loop_clock(struct loop *l)
{
	clock_step(l, 0);
	return l->now_ns;
}

uint64_t loop_skipped(const struct loop *l)
{
	return l->skipped_ns;
}

struct tapir *loop_tapir(const struct loop *l)
{
	return l->t;
}

/* --- timers: a binary heap --- */

static void heap_put(struct loop *l, uint32_t pos, struct loop_timer *tm)
{
	l->heap[pos] = tm;
	tm->pos = pos;
}

static void heap_up(struct loop *l, uint32_t pos, struct loop_timer *tm)
{
	while (pos > 1 && l->heap[pos / 2]->at_ns > tm->at_ns) {
		heap_put(l, pos, l->heap[pos / 2]);
		pos /= 2;
	}
	heap_put(l, pos, tm);
}

static void heap_down(struct loop *l, uint32_t pos, struct loop_timer *tm)
{
	for (;;) {
		uint32_t c = pos * 2;

		if (c > l->ntimers)
			break;
		if (c < l->ntimers && l->heap[c + 1]->at_ns < l->heap[c]->at_ns)
			c++;
		if (l->heap[c]->at_ns >= tm->at_ns)
			break;
		heap_put(l, pos, l->heap[c]);
		pos = c;
	}
	heap_put(l, pos, tm);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *tm)
{
	uint32_t pos = tm->pos;

	if (!pos)
		return;
	struct loop_timer *last = l->heap[l->ntimers--];
	tm->pos = 0;
	if (last == tm)
		return;
	if (pos > 1 && l->heap[pos / 2]->at_ns > last->at_ns)
		heap_up(l, pos, last);
	else
		heap_down(l, pos, last);
}

int loop_timer_set(struct loop *l, struct loop_timer *tm, uint64_t at_ns)
{
	loop_timer_cancel(l, tm);
	if (l->ntimers + 1 >= l->heap_cap) {
		uint32_t cap = l->heap_cap ? l->heap_cap * 2 : 64;
		struct loop_timer **heap = realloc(l->heap, cap * sizeof(struct loop_timer *));

		if (!heap)
			return -ENOMEM;
		l->heap = heap;
		l->heap_cap = cap;
	}
	tm->at_ns = at_ns;
	heap_up(l, ++l->ntimers, tm);
	return 0;
}

static void fire_timers(struct loop *l)
{
	/* one that sets itself to a moment already past waits for the next turn */
	for (uint32_t most = l->ntimers; most > 0 && l->ntimers > 0; most--) {
		struct loop_timer *tm = l->heap[1];

		if (tm->at_ns > l->now_ns)
			break;
		loop_timer_cancel(l, tm);
		tm->fn(l, tm);
	}
}

/* --- descriptors --- */

static int fd_ctl(struct loop *l, int op, struct loop_fd *f, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = f};

	return epoll_ctl(l->epfd, op, f->fd, &ev) == 0 ? 0 : -errno;
}

int loop_fd_add(struct loop *l, struct loop_fd *f, uint32_t events)
{
	return fd_ctl(l, EPOLL_CTL_ADD, f, events);
}

int loop_fd_mod(struct loop *l, struct loop_fd *f, uint32_t events)
{
	return fd_ctl(l, EPOLL_CTL_MOD, f, events);
}

void loop_fd_del(struct loop *l, struct loop_fd *f)
{
	fd_ctl(l, EPOLL_CTL_DEL, f, 0);
	/* its event of this turn, if any, is forgotten */
	for (int i = 0; i < l->nev; i++) {
		if (l->ev[i].data.ptr == f)
			l->ev[i].data.ptr = NULL;
	}
}

static int die(struct loop *l)
{
	l->dead = true;
	return -1;
}

/* --- a turn, in its parts --- */

/* Gives the driver what the stack has queued, as far as it takes it. */
static int transmit(struct loop *l)
{
	const struct pkt *pkts[DRIVER_BATCH];
	uint32_t events = EPOLLIN;
	size_t n;

	while ((n = tapir_tx_peek(l->t, l->ifindex, pkts, DRIVER_BATCH)) > 0) {
		int done = driver_write(l->d, pkts, (int)n, &l->err);

		if (done < 0)
			return die(l);
		tapir_tx_done(l->t, l->ifindex, (size_t)done);
		if ((size_t)done < n) {
			events |= EPOLLOUT;
			break;
		}
	}
	if (events != l->dev_events) {
		loop_fd_mod(l, &l->dev, events);
		l->dev_events = events;
	}
	return 0;
}

static int receive(struct loop *l)
{
	struct pkt *pkts[DRIVER_BATCH];

	for (int round = 0; round < READ_ROUNDS && l->dev_ready; round++) {
		int n = driver_read(l->d, l->t, pkts, DRIVER_BATCH, &l->err);

		if (n < 0)
			return die(l);
		for (int i = 0; i < n; i++)
			tapir_input(l->t, l->ifindex, pkts[i]);
		tapir_flush(l->t);
		l->dev_ready = n == DRIVER_BATCH;
	}
	return 0;
}

/* Reads and throws away. Returns false when no more will come. */
static bool discard(struct loop *l, tapir_sock_t s)
{
	static char trash[DISCARD];
	struct iovec iov = {trash, sizeof(trash)};
	int64_t n;

	do
		n = tapir_recv(l->t, s, &iov, 1, 0);
	while (n > 0);
	return n == -EAGAIN || n == -ENOTCONN;
}

static void serve(struct loop *l)
{
	struct tapir_ready ready[DRIVER_BATCH];
	size_t n = 0;

	for (int round = 0; round < READY_ROUNDS; round++) {
		n = tapir_ready_pop(l->t, ready, DRIVER_BATCH);
		for (size_t i = 0; i < n; i++) {
			struct loop_handler *h = (struct loop_handler *)(uintptr_t)ready[i].cookie;

			if (tapir_poll(l->t, ready[i].sock) < 0)
				continue; /* closed by the handler of one before it */
			if (l->finishing) {
				if (!discard(l, ready[i].sock))
					tapir_close(l->t, ready[i].sock);
			} else if (h) {
				h->fn(l, h, ready[i].sock, ready[i].bits);
			}
		}
		if (n == 0)
			break;
	}
	l->busy = n > 0;
}

static uint64_t next_deadline(struct loop *l, uint64_t until_ns)
{
	uint64_t at = tapir_next_deadline(l->t);

	if (l->ntimers > 0 && l->heap[1]->at_ns < at)
		at = l->heap[1]->at_ns;
	return until_ns < at ? until_ns : at;
}

/* Waits for descriptors, at most `ns` (TAPIR_NEVER: for ever). */
static void wait_events(struct loop *l, uint64_t ns)
{
	struct timespec ts = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	l->nev = -1;
#ifdef SYS_epoll_pwait2
	if (!l->no_pwait2) {
		l->nev = (int)syscall(SYS_epoll_pwait2, l->epfd, l->ev, EVENTS,
				      ns == TAPIR_NEVER ? NULL : &ts, NULL, 0);
		if (l->nev < 0 && errno != EINTR)
			l->no_pwait2 = true; /* a kernel before 5.11 */
	}
#else
	l->no_pwait2 = true;
#endif
	if (l->no_pwait2) {
		/* whole milliseconds: up, so that a deadline has passed when we wake */
		uint64_t ms = ts.tv_sec > 86400 ? 86400000 : (ns + NS_PER_MS - 1) / NS_PER_MS;

		l->nev = epoll_wait(l->epfd, l->ev, EVENTS, ns == TAPIR_NEVER ? -1 : (int)ms);
	}
	if (l->nev < 0)
		l->nev = 0;
}

static void note_stop(struct loop *l)
{
	if (l->stop < 0)
		l->stop_ns = l->now_ns;
}

/* The descriptors that are the loop's own: they only leave a note. */
static int note_own(struct loop *l)
{
	for (int i = 0; i < l->nev; i++) {
		struct loop_fd *f = l->ev[i].data.ptr;
		uint64_t v = 0;

		if (f == &l->dev) {
			l->dev_ready |= (l->ev[i].events & (uint32_t)~EPOLLOUT) != 0;
		} else if (f == &l->news) {
			if (l->d->ops->event && l->d->ops->event(l->d, &l->err) < 0)
				return die(l);
		} else if (f == &l->sig) {
			if (read(f->fd, &v, sizeof(v)) == sizeof(v)) {
				l->stop_again = l->stop > 0;
				note_stop(l);
				l->stop = v == (uint64_t)SIGTERM || v == (uint64_t)SIGHUP ? (int)v
											  : SIGINT;
			}
		} else {
			continue;
		}
		l->ev[i].data.ptr = NULL;
	}
	return 0;
}

int loop_turn(struct loop *l, uint64_t until_ns)
{
	uint64_t sleep_ns = 0;

	if (l->dead || transmit(l) < 0)
		return -1;
	l->slack_ns = SLACK_NS;
	clock_step(l, 0);
	if (!l->busy && !l->dev_ready) {
		uint64_t at = next_deadline(l, until_ns);

		if (at > l->now_ns)
			sleep_ns = at == TAPIR_NEVER ? TAPIR_NEVER : at - l->now_ns;
	}
	wait_events(l, sleep_ns);
	clock_step(l, sleep_ns);
	tapir_advance(l->t, l->now_ns);
	if (note_own(l) < 0 || receive(l) < 0)
		return -1;
	if (!l->finishing) {
		fire_timers(l);
		for (int i = 0; i < l->nev; i++) {
			struct loop_fd *f = l->ev[i].data.ptr;

			if (f)
				f->fn(l, f, l->ev[i].events);
		}
	}
	l->nev = 0;
	serve(l);
	return transmit(l);
}

int loop_run(struct loop *l)
{
	while (l->stop < 0) {
		if (loop_turn(l, TAPIR_NEVER) < 0)
			return -1;
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	note_stop(l);
	if (l->stop < 0)
		l->stop = 0;
}

int loop_stopping(const struct loop *l)
{
	return l->stop;
}

const char *loop_error(const struct loop *l)
{
	return l->dead ? l->err.text : NULL;
}

/* --- life --- */

struct loop *loop_new(struct tapir *t, int ifindex, struct driver *d, uint64_t start_ns,
		      struct drv_error *err)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l) {
		drv_fail(err, "no memory for an event loop: free some and try again");
		return NULL;
	}
	l->t = t;
	l->d = d;
	l->ifindex = ifindex;
	l->now_ns = start_ns;
	l->real_ns = host_clock_ns();
	l->slack_ns = SLACK_NS;
	l->stop = -1;
	l->dev.fd = d->fd;
	l->news.fd = d->event_fd;
	l->sig.fd = -1;
	l->dev_ready = true;
	l->dev_events = EPOLLIN;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0 || loop_fd_add(l, &l->dev, EPOLLIN) < 0 ||
	    (l->news.fd >= 0 && loop_fd_add(l, &l->news, EPOLLIN) < 0)) {
		drv_fail(err, "%s: can't be waited on: %s", d->name, strerror(errno));
		loop_free(l);
		return NULL;
	}
	return l;
}

int loop_catch_signals(struct loop *l)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t set;

	if (sig_fd >= 0)
		return -EBUSY;
	l->sig.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->sig.fd < 0)
		return -errno;
	loop_fd_add(l, &l->sig, EPOLLIN);
	sig_fd = l->sig.fd;
	sigemptyset(&sa.sa_mask);
	sigemptyset(&set);
	for (int i = 0; i < NSIGNALS; i++) {
		sigaction(signals[i], NULL, &l->old[i]);
		/* nohup means that a hang-up is not for us; but Ctrl-C always is */
		if (signals[i] == SIGHUP && l->old[i].sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &sa, NULL);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, &l->old_mask);
	l->catching = true;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->catching) {
		sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
		for (int i = 0; i < NSIGNALS; i++)
			sigaction(signals[i], &l->old[i], NULL);
		sig_fd = -1;
		close(l->sig.fd);
	}
	if (l->epfd >= 0)
		close(l->epfd);
	free(l->heap);
	free(l);
}

/* --- the end of all conversations --- */

/* Whether this socket's conversation is still to be ended: TIME-WAIT asks nothing of the peer. */
static bool unfinished(const struct tapir_sock_info *s)
{
	return s->type == TAPIR_STREAM && s->state != TAPIR_TCP_TIME_WAIT &&
	       s->state != TAPIR_TCP_CLOSED && s->state != TAPIR_TCP_LISTEN &&
	       s->state != TAPIR_TCP_SYN_RECEIVED;
}

static bool all_finished(struct loop *l)
{
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info s;

	while (tapir_sock_next(l->t, &it, &s)) {
		if (unfinished(&s))
			return false;
	}
	return true;
}

/* Calls fn for every socket with a handle; fn may close it. */
static void each_socket(struct loop *l, void (*fn)(struct loop *l, const struct tapir_sock_info *s))
{
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info s;

	while (tapir_sock_next(l->t, &it, &s)) {
		if (s.sock > 0)
			fn(l, &s);
	}
}

static void finish_one(struct loop *l, const struct tapir_sock_info *s)
{
	if (!unfinished(s)) {
		tapir_close(l->t, s->sock);
		return;
	}
	tapir_interest(l->t, s->sock, TAPIR_IN | TAPIR_RDHUP, 0);
	if (s->state == TAPIR_TCP_SYN_SENT || tapir_shutdown(l->t, s->sock, TAPIR_SHUT_WR) < 0)
		tapir_abort(l->t, s->sock);
	else if (!discard(l, s->sock))
		tapir_close(l->t, s->sock);
}

static void abort_one(struct loop *l, const struct tapir_sock_info *s)
{
	tapir_abort(l->t, s->sock);
}

/*
 * What was closed by its owner and still has bytes to deliver has no handle to abort. A host that gives
 * its address up resets the connections of that address (RFC 5227 2.4): so do we, and for good.
 */
static void give_addresses_up(struct loop *l)
{
	struct tapir_ifaddr a;

	while (tapir_addr_get(l->t, l->ifindex, 0, &a) == 0) {
		if (tapir_addr_del(l->t, l->ifindex, &a.addr) < 0)
			break;
	}
}

static bool queue_empty(struct loop *l)
{
	const struct pkt *p;

	return tapir_tx_peek(l->t, l->ifindex, &p, 1) == 0;
}

void loop_finish(struct loop *l)
{
	if (l->dead)
		return;
	l->finishing = true;
	l->stop_again = false;
	/* a closed listener lets go of what it had not handed out, and an iterator may miss what moves */
	for (int i = 0; i < 3; i++)
		each_socket(l, finish_one);
	note_stop(l);
	uint64_t end = l->stop_ns + LINGER_NS;
	if (end < l->now_ns + LINGER_MIN_NS)
		end = l->now_ns + LINGER_MIN_NS;
	while (!all_finished(l) && l->now_ns < end && !l->stop_again) {
		uint64_t step = l->now_ns + 50 * NS_PER_MS;

		if (loop_turn(l, step < end ? step : end) < 0)
			return;
	}
	for (int i = 0; i < 3; i++)
		each_socket(l, abort_one);
	if (!all_finished(l))
		give_addresses_up(l);
	end = l->now_ns + DRAIN_NS;
	while (!queue_empty(l) && l->now_ns < end) {
		if (loop_turn(l, end) < 0)
			return;
	}
}

/* --- sockets --- */

int loop_watch(struct loop *l, tapir_sock_t s, uint32_t bits, struct loop_handler *h)
{
	return tapir_interest(l->t, s, bits, (uint64_t)(uintptr_t)h);
}

int loop_wait(struct loop *l, tapir_sock_t s, uint32_t bits, uint64_t deadline_ns)
{
	for (;;) {
		int level = tapir_poll(l->t, s);

		if (level < 0 || ((uint32_t)level & (bits | TAPIR_ERR | TAPIR_HUP)))
			return level;
		if (l->stop >= 0)
			return -EINTR;
		if (l->now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (loop_turn(l, deadline_ns) < 0)
			return -ENODEV;
	}
}

/* The pending error of a socket, negative; 0 for none. */
static int take_error(struct loop *l, tapir_sock_t s)
{
	int e = 0;
	size_t len = sizeof(e);
	int v = tapir_getsockopt(l->t, s, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &e, &len);

	return v < 0 ? v : -e;
}

tapir_sock_t loop_connect(struct loop *l, const struct tapir_sockaddr *to, uint64_t deadline_ns)
{
	tapir_sock_t s = tapir_socket(l->t, TAPIR_AF_INET, TAPIR_STREAM, 0);

	if (s < 0)
		return s;
	int v = tapir_connect(l->t, s, to);
	if (v == -EINPROGRESS) {
		v = loop_wait(l, s, TAPIR_OUT, deadline_ns);
		if (v >= 0)
			v = take_error(l, s);
	}
	if (v == 0)
		return s;
	tapir_abort(l->t, s);
	transmit(l);
	return v;
}

tapir_sock_t loop_accept(struct loop *l, tapir_sock_t s, struct tapir_sockaddr *peer,
			 uint64_t deadline_ns)
{
	for (;;) {
		tapir_sock_t c = tapir_accept(l->t, s, peer);

		if (c != -EAGAIN)
			return c;
		int v = loop_wait(l, s, TAPIR_IN, deadline_ns);
		if (v < 0)
			return v;
	}
}

int64_t loop_send(struct loop *l, tapir_sock_t s, const void *buf, size_t len, uint64_t deadline_ns)
{
	struct iovec iov = {(void *)(uintptr_t)buf, len};

	while (iov.iov_len > 0) {
		int64_t n = tapir_send(l->t, s, &iov, 1, 0);

		if (n > 0) {
			iov.iov_base = (char *)iov.iov_base + n;
			iov.iov_len -= (size_t)n;
			continue;
		}
		if (n < 0 && n != -EAGAIN)
			return n;
		int v = loop_wait(l, s, TAPIR_OUT, deadline_ns);
		if (v < 0)
			return v;
	}
	return transmit(l) < 0 ? -ENODEV : (int64_t)len;
}

int64_t loop_recvmsg(struct loop *l, tapir_sock_t s, void *buf, size_t len, struct tapir_msg *m,
		     uint64_t deadline_ns)
{
	struct iovec iov = {buf, len};

	for (;;) {
		int64_t n = tapir_recvmsg(l->t, s, &iov, 1, 0, m);

		if (n != -EAGAIN)
			return n;
		int v = loop_wait(l, s, TAPIR_IN, deadline_ns);
		if (v < 0)
			return v;
	}
}

int64_t loop_recv(struct loop *l, tapir_sock_t s, void *buf, size_t len, uint64_t deadline_ns)
{
	return loop_recvmsg(l, s, buf, len, NULL, deadline_ns);
}

int64_t loop_recv_all(struct loop *l, tapir_sock_t s, void *buf, size_t len, uint64_t deadline_ns)
{
	size_t got = 0;

	while (got < len) {
		int64_t n = loop_recv(l, s, (char *)buf + got, len - got, deadline_ns);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (int64_t)got;
}
