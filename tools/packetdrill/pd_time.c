/*
 * Virtual time, packets in and out, and who sleeps until what.
 *
 * packetdrill runs a script on one thread, its main one, and the calls that the script expects to block on a
 * second. It spins on gettimeofday(), or sleeps with usleep(), until an event's time has come; it takes what leaves
 * with netdev_receive(). So these three make the clock go, and nothing else does:
 *
 *	gettimeofday	+1 us a call, so that spinning ends
 *	usleep		to its end, stopping at each deadline of the stack on the way
 *	netdev_receive	to the next packet that leaves
 *
 * What leaves is queued with its time. A sleeper whose call can go on, or whose own time-out has come, is woken
 * at the very moment in virtual time; the second thread then finishes its call and reads the clock, to compare it
 * with the script. Until it has, the clock stands still: such a thread *owes* a look at the clock, and whoever
 * wants anything of us waits for it (a bounded real time: not every program that loads us is packetdrill).
 *
 *	main             netdev_send: input, settle: wakes ----.      gettimeofday: waits for quiet ... goes on
 *	syscall thread   ... asleep in accept() ............... runs, returns, gettimeofday, pays
 *
 * One case is left in which nobody makes time go: every thread sleeps. Then main waits for the second thread's
 * call to end (it gives it a second), or is itself in a call that blocks. A sleeper that finds all others asleep
 * in a futex makes time go itself: a second at most, or without a bound if it is main.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/packetdrill/pd.h"

enum {
	TX_BATCH = 32,
	STUCK_STEPS = 10000, /* deadlines in a row at one moment, before the clock is pushed */
	QUIET_MS = 2000,     /* real time that a thread has for its look at the clock */
	TICK_MS = 3,	     /* real time between a sleeper's looks at the others */
	TICK_IDLE_MS = 50,
	MAIN_PATIENCE = 50, /* ticks */
	IDLE_TICKS = 2,
};

/* What a sleeper that is not main may make of time at once: what packetdrill would wait for it in real time. */
#define DRIVE_NS (PD_SEC)

static struct timespec real_in_ms(long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += ms * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

/*
 * How long netdev_receive() lets time run before it says that nothing will ever leave: no timer of ours waits longer.
 * A connection with ourselves may probe itself for ever, and nothing of that leaves.
 */
#define FOREVER_NS (UINT64_C(30) * 24 * 3600 * PD_SEC)

/* ---- who owes a look at the clock ---- */

static void owe(struct pd *pd)
{
	pid_t me = gettid();

	/* Main reads the clock before it does anything: and nobody else makes it go. */
	if (me == pd->main_thread)
		return;
	for (unsigned i = 0; i < PD_OWING_MAX; i++) {
		if (pd->owing[i] == 0 || pd->owing[i] == me) {
			pd->owing[i] = me;
			return;
		}
	}
}

static void pay(struct pd *pd)
{
	pid_t me = gettid();

	for (unsigned i = 0; i < PD_OWING_MAX; i++) {
		if (pd->owing[i] == me) {
			pd->owing[i] = 0;
			pthread_cond_broadcast(&pd->quiet);
		}
	}
}

static bool quiet(const struct pd *pd)
{
	for (unsigned i = 0; i < PD_OWING_MAX; i++) {
		if (pd->owing[i] != 0)
			return false;
	}
	return pd->waking == 0;
}

static void wait_quiet(struct pd *pd)
{
	struct timespec end = real_in_ms(QUIET_MS);

	while (!quiet(pd)) {
		if (pthread_cond_timedwait(&pd->quiet, &pd->lock, &end) == ETIMEDOUT) {
			memset(pd->owing, 0, sizeof(pd->owing));
			return;
		}
	}
}

void pd_enter(struct pd *pd)
{
	pthread_mutex_lock(&pd->lock);
	pd->entries++;
	pay(pd);
	wait_quiet(pd);
}

void pd_leave(struct pd *pd)
{
	int err = errno;

	pd_settle(pd);
	pthread_mutex_unlock(&pd->lock);
	errno = err;
}

/* ---- packets ---- */

bool pd_pcap_open(struct pd *pd, const char *path)
{
	/* Microseconds, LINKTYPE_RAW: what crosses are IP packets. */
	const uint32_t head[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 101};

	pd->pcap = fopen(path, "we");
	return pd->pcap && fwrite(head, sizeof(head), 1, pd->pcap) == 1;
}

static void capture(struct pd *pd, const void *p, size_t n, uint64_t now_ns)
{
	const uint32_t head[4] = {(uint32_t)(now_ns / PD_SEC), (uint32_t)(now_ns % PD_SEC / PD_US),
				  (uint32_t)n, (uint32_t)n};

	if (!pd->pcap)
		return;
	if (fwrite(head, sizeof(head), 1, pd->pcap) != 1 || fwrite(p, n, 1, pd->pcap) != 1 ||
	    fflush(pd->pcap) != 0) {
		fprintf(stderr, "tapir-packetdrill: %s: the capture ends here: %s\n",
			pd->flags.pcap, strerror(errno));
		fclose(pd->pcap);
		pd->pcap = NULL;
	}
}

/* A packet's bytes in a row. */
static uint32_t flatten(const struct pkt *p, uint8_t *out)
{
	uint32_t n = p->len;

	memcpy(out, p->data, p->len);
	for (unsigned k = 0; k < p->nspan; k++) {
		memcpy(out + n, p->span[k].p, p->span[k].len);
		n += p->span[k].len;
	}
	return n;
}

static void queue(struct pd *pd, const struct pkt *p)
{
	static uint8_t flat[PKT_MAX_LEN];
	uint32_t n = flatten(p, flat);
	struct pd_sent *s, head;
	size_t room;
	bool more = p->flags & PKT_GSO_MORE;

	if (pd->fresh && pd_tso_append(pd, pd->fresh, flat, n, more))
		return;
	room = pd_tso_room(pd, &head, flat, n, more);
	s = malloc(sizeof(*s) + n + room);
	if (!s)
		return;
	*s = head;
	s->next = NULL;
	s->time_ns = tapir_now(pd->t);
	s->len = n;
	memcpy(s->p, flat, n);
	*pd->tail = s;
	pd->tail = &s->next;
	pd->fresh = s;
	if (!pd->unseen)
		pd->unseen = s;
}

static void collect(struct pd *pd)
{
	const struct pkt *pkts[TX_BATCH];
	size_t n;

	while ((n = tapir_tx_peek(pd->t, pd->ifi, pkts, TX_BATCH)) > 0) {
		for (size_t i = 0; i < n; i++)
			queue(pd, pkts[i]);
		tapir_tx_done(pd->t, pd->ifi, n);
	}
	/* What leaves later is of another chunk. */
	for (struct pd_sent *s = pd->unseen; s; s = s->next)
		capture(pd, s->p, s->len, s->time_ns);
	pd->fresh = pd->unseen = NULL;
}

static void wake(struct pd *pd)
{
	uint64_t now = tapir_now(pd->t);

	for (struct pd_wait *w = pd->waits; w; w = w->next) {
		if (!w->woken && (pd->ending || now >= w->deadline_ns || w->ready(pd, w))) {
			w->woken = true;
			pd->waking++;
			pthread_cond_signal(&w->cond);
		}
	}
}

void pd_settle(struct pd *pd)
{
	if (!pd->t)
		return;
	collect(pd);
	/* A packet to ourselves is under way at this very moment. */
	for (unsigned i = 0; i < STUCK_STEPS && tapir_next_deadline(pd->t) <= tapir_now(pd->t);
	     i++) {
		tapir_advance(pd->t, tapir_now(pd->t));
		collect(pd);
	}
	pd_marks(pd);
	pd_edges(pd);
	wake(pd);
}

/* ---- the clock ---- */

/*
 * Lets time run: to `end_ns`, to a packet that leaves, or to the moment that wakes `self`. False: nothing will ever
 * happen.
 */
static bool run(struct pd *pd, uint64_t end_ns, bool to_packet, const struct pd_wait *self)
{
	for (unsigned stuck = 0;;) {
		uint64_t now, next;

		if (self && self->woken)
			return true;
		wait_quiet(pd);
		if ((to_packet && pd->head) || pd->ending || (self && self->woken))
			return true;
		now = tapir_now(pd->t);
		if (now >= end_ns)
			return true;
		next = tapir_next_deadline(pd->t);
		for (const struct pd_wait *w = pd->waits; w; w = w->next) {
			if (!w->woken && w->deadline_ns < next)
				next = w->deadline_ns;
		}
		if (next > end_ns)
			next = end_ns;
		if (next == TAPIR_NEVER)
			return false;
		stuck = next > now ? 0 : stuck + 1;
		if (stuck > STUCK_STEPS)
			next = now + 1;
		tapir_advance(pd->t, next);
		pd_settle(pd);
	}
}

int pd_gettimeofday(void *u, struct timeval *tv, struct timezone *tz)
{
	struct pd *pd = u;
	uint64_t now;

	(void)tz;
	pd_enter(pd);
	if (!pd->t) {
		/* The script is to fail at its first call, not here. */
		now = ++pd->no_clock_us * PD_US;
	} else {
		run(pd, tapir_now(pd->t) + PD_US, false, NULL);
		now = tapir_now(pd->t);
	}
	pd_leave(pd);
	tv->tv_sec = (time_t)(now / PD_SEC);
	tv->tv_usec = (suseconds_t)(now % PD_SEC / PD_US);
	return 0;
}

int pd_usleep(void *u, useconds_t us)
{
	struct pd *pd = u;

	pd_enter(pd);
	if (pd->t)
		run(pd, tapir_now(pd->t) + us * PD_US, false, NULL);
	else
		pd->no_clock_us += us;
	pd_leave(pd);
	return 0;
}

int pd_netdev_send(void *u, const void *buf, size_t n)
{
	struct pd *pd = u;
	const uint8_t *b = buf;
	struct pkt *p;
	int r = 0;

	pd_enter(pd);
	if (pd->t && n >= 20)
		pd_learn_address(pd, TAPIR_IP4(b[16], b[17], b[18], b[19]));
	p = pd->t ? tapir_pkt_alloc(pd->t, n) : NULL;
	if (p) {
		memcpy(p->data, buf, n);
		p->len = (uint32_t)n;
		capture(pd, buf, n, tapir_now(pd->t));
		tapir_input(pd->t, pd->ifi, p);
	} else {
		r = (int)pd_ret(pd->t ? -ENOBUFS : -EINVAL);
	}
	pd_leave(pd);
	return r;
}

int pd_netdev_receive(void *u, void *buf, size_t *n, long long *time_us)
{
	struct pd *pd = u;
	struct pd_sent *s;

	pd_enter(pd);
	if (pd->t) {
		pd_settle(pd);
		run(pd, tapir_now(pd->t) + FOREVER_NS, true, NULL);
	}
	s = pd->head;
	if (s) {
		*n = s->len < *n ? s->len : *n;
		memcpy(buf, s->p, *n);
		*time_us = (long long)(s->time_ns / PD_US);
		pd->head = s->next;
		if (!pd->head)
			pd->tail = &pd->head;
		free(s);
	} else {
		*n = 0;
	}
	pd_leave(pd);
	/* Not -1 in any case: packetdrill would ask again for ever. */
	return 0;
}

/* ---- sleeping ---- */

/* Whether a thread of this process sleeps in a futex: in a lock, or a condition. */
static bool in_futex(const char *tid)
{
	char path[64], text[16] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/syscall", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	/* "202 0x7f...": the call that it is in; "running" otherwise. */
	return n > 0 && text[0] >= '0' && text[0] <= '9' && strtol(text, NULL, 10) == SYS_futex;
}

static bool others_asleep(void)
{
	DIR *d = opendir("/proc/self/task");
	pid_t me = gettid();
	bool all = true;

	if (!d)
		return false;
	for (struct dirent *e; all && (e = readdir(d));) {
		if (e->d_name[0] != '.' && atoi(e->d_name) != me)
			all = in_futex(e->d_name);
	}
	closedir(d);
	return all;
}

/* A sleeper's turns, until it is woken. */
static int sleep_on(struct pd *pd, struct pd_wait *w)
{
	bool main_thread = gettid() == pd->main_thread;
	uint64_t seen = pd->entries, driven = pd->entries - 1;
	unsigned idle = 0, ticks = 0;

	while (!w->woken) {
		bool drive = others_asleep();
		struct timespec end;

		if (pd->entries != seen || !drive) {
			seen = pd->entries;
			idle = 0;
		}
		if (main_thread && (drive || ++ticks > MAIN_PATIENCE)) {
			if (!run(pd, TAPIR_NEVER, false, w))
				return EDEADLK;
			continue;
		}
		if (!main_thread && drive && driven != pd->entries && ++idle > IDLE_TICKS) {
			driven = pd->entries;
			run(pd, tapir_now(pd->t) + DRIVE_NS, false, w);
			continue;
		}
		end = real_in_ms(main_thread ? 1 : driven == pd->entries ? TICK_IDLE_MS : TICK_MS);
		pthread_cond_timedwait(&w->cond, &pd->lock, &end);
	}
	return 0;
}

int pd_sleep(struct pd *pd, struct pd_wait *w)
{
	struct pd_wait **at = &pd->waits;
	pthread_condattr_t attr;
	int err;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->cond, &attr);
	pthread_condattr_destroy(&attr);
	w->woken = false;
	w->next = NULL;
	while (*at)
		at = &(*at)->next;
	*at = w;
	if (w->file)
		w->file->sleepers++;
	pay(pd);
	pd_settle(pd);
	err = sleep_on(pd, w);
	if (w->file)
		w->file->sleepers--;
	for (at = &pd->waits; *at != w;)
		at = &(*at)->next;
	*at = w->next;
	pthread_cond_destroy(&w->cond);
	if (w->woken)
		pd->waking--;
	owe(pd);
	pthread_cond_broadcast(&pd->quiet);
	if (pd->ending)
		return EINTR;
	if (w->file && w->file->dead)
		return EBADF;
	if (err)
		return err;
	return tapir_now(pd->t) >= w->deadline_ns && !w->ready(pd, w) ? ETIMEDOUT : 0;
}
