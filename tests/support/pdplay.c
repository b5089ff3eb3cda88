/*
 * A script through tapir-packetdrill.so.
 *
 * The parser, the building and the comparing of packets are the runner's (script_run.h); what differs is that nothing
 * here knows the stack: sockets are descriptors of the hook, time is what its gettimeofday says, settings are the
 * network namespace's. The order of things is packetdrill's. Main holds the lock and runs the events; a call that
 * the script says blocks is handed to a second thread, which waits for its time, lets the lock go, calls, reads
 * the clock, and takes the lock again. Main goes on when that thread is over or seen asleep in /proc.
 *
 *	main     [lock] event event (unlock, yield, asleep?, lock) event (unlock, netdev_receive, lock) ...
 *	syscall         [lock] wait, (unlock) accept ............ gettimeofday, (lock) judge ...
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/pdplay_run.h"

enum {
	SPIN_US = 20,
	START_OFFSET_US = 250,
	PACKET_MAX = 70000,
	STEP_US = 500,
	NEAR_US = 60,
	/* In real time: how long a packet is awaited beyond its time, and what is not seen as too late. */
	LATE_US = 1500000,
	TICKS_US = 20000,
	/* Behind the last event: what leaves so soon belongs to it, and is looked for so long. */
	BEHIND_US = 5000,
	LOOK_US = 20000,
	TS_SLOP_MS = 100
};

/* ---- time, as packetdrill keeps it ---- */

long long play_now_us(struct play *p)
{
	return pdlib_now(&p->lib);
}

void play_note_now(struct play *p)
{
	p->r.outside_ns = (uint64_t)play_now_us(p) * 1000;
}

bool play_check_time(struct play *p, const struct script_event *e, long long at, long long from,
		     long long to, const char *what)
{
	long long tolerance = (long long)(p->r.s->tolerance_ns / 1000);
	long long part = (from - p->last_us) * p->r.s->tolerance_percent / 100, late;

	if (part > tolerance)
		tolerance = part;
	/* packetdrill's own: a script of ours is stricter than what spinning on a clock can hold. */
	if (tolerance < 4000)
		tolerance = 4000;
	if (p->on && tolerance < p->on->tolerance_us)
		tolerance = p->on->tolerance_us;
	late = tolerance;
	/* Timers by the tick, of 10 ms perhaps, and on a wheel that is an eighth coarse. */
	if (p->on && (e->kind == EVENT_PACKET || e->blocks))
		late += TICKS_US + (long long)(e->when == WHEN_RELATIVE ? e->to_ns / 1000 : 0) / 7;
	if (p->rec || e->when == WHEN_ANY || (at >= from - tolerance && at <= to + late))
		return true;
	run_fail(&p->r, e, "time of the %s: expected %.6f, got %.6f", what, (double)from / 1e6,
		 (double)at / 1e6);
	return false;
}

void play_wait_for(struct play *p, long long at)
{
	for (;;) {
		long long wait = p->start_us + at - play_now_us(p);

		if (wait <= 0)
			break;
		if (wait > SPIN_US) {
			pthread_mutex_unlock(&p->lock);
			IFC.usleep(U, (useconds_t)(wait - SPIN_US));
			pthread_mutex_lock(&p->lock);
		}
	}
}

static bool inbound(const struct script_event *e)
{
	return e->kind == EVENT_PACKET && !e->packet.out;
}

static void set_times(struct play *p, const struct script_event *e)
{
	long long base = 0;

	if (p->rec)
		base = e->when == WHEN_ABSOLUTE ? 0 : p->time_us;
	else if (e->when != WHEN_ABSOLUTE)
		base = p->last && inbound(p->last) && inbound(e) ? p->time_us
								 : play_now_us(p) - p->start_us;
	p->last_us = p->time_us;
	p->time_us = base + (long long)(e->when == WHEN_ANY ? 0 : e->from_ns / 1000);
	p->until_us = base + (long long)(e->when == WHEN_ANY ? 0 : e->to_ns / 1000);
}

/* ---- the second thread ---- */

static void *syscall_thread(void *arg)
{
	struct play *p = arg;

	pthread_mutex_lock(&p->lock);
	p->tid = gettid();
	pthread_cond_signal(&p->idle);
	for (;;) {
		if (p->state == IDLE) {
			pthread_cond_wait(&p->enqueued, &p->lock);
			continue;
		}
		if (p->state == EXITING)
			break;
		play_call(p, p->event, p->event_us);
		if (p->state == DONE)
			play_check_time(p, p->event, p->live_end_us, p->end_us, p->end_us,
					"call's end");
		/* A script error ends it before it began. */
		p->state = IDLE;
		pthread_cond_signal(&p->dequeued);
		pthread_cond_signal(&p->idle);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static bool await_idle(struct play *p)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 1;
	while (p->state != IDLE) {
		if (pthread_cond_timedwait(&p->idle, &p->lock, &end) == ETIMEDOUT)
			return p->state == IDLE;
	}
	return true;
}

static void enqueue(struct play *p, const struct script_event *e)
{
	if (!await_idle(p)) {
		run_fail(&p->r, e, "a call blocks while another does");
		return;
	}
	p->event = e;
	p->event_us = p->time_us;
	p->end_us = p->until_us;
	p->state = ENQUEUED;
	pthread_cond_signal(&p->enqueued);
	while (p->state == ENQUEUED)
		pthread_cond_wait(&p->dequeued, &p->lock);
	for (bool done = false; !done;) {
		pthread_mutex_unlock(&p->lock);
		sched_yield();
		done = pdlib_asleep(p->tid);
		pthread_mutex_lock(&p->lock);
		if (p->state == IDLE)
			done = true;
	}
}

/* ---- packets ---- */

/* The next packet that has left, within late_us of the event's time where the clock is real. NULL: none. */
static struct run_sent *receive(struct play *p, long long *at, long long late_us)
{
	struct run_sent *s = p->seen;
	size_t n = PACKET_MAX;

	if (s) {
		p->seen = NULL;
		*at = p->seen_us;
		return s;
	}
	s = malloc(sizeof(*s) + PACKET_MAX);
	if (!s)
		abort();
	if (p->on)
		*p->on->receive_until_us = p->rec ? 0 : p->start_us + p->until_us + late_us;
	pthread_mutex_unlock(&p->lock);
	if (IFC.netdev_receive(U, s->p, &n, at) != 0)
		n = 0;
	pthread_mutex_lock(&p->lock);
	s->next = NULL;
	s->len = (uint32_t)n;
	s->time_ns = (uint64_t)*at * 1000;
	if (n > 0)
		return s;
	free(s);
	return NULL;
}

static void learn(struct play *p, const struct run_sent *s)
{
	struct wireview v;

	if (!p->learn_port || wireview_read(s->p, s->len, &v))
		return;
	if ((v.proto == WV_TCP && (v.flags & (WV_SYN | WV_ACK)) == WV_SYN) || v.proto == WV_UDP) {
		p->r.lport = v.sport;
		run_flow(&p->r, v.sport, v.dport)->fresh = true;
		p->learn_port = false;
	}
}

/* Records what has left. */
static void take_all(struct play *p)
{
	struct run_sent *s;
	long long at = 0;

	while ((s = receive(p, &at, 0))) {
		learn(p, s);
		play_note_sent(p, s, at);
		free(s);
	}
}

/*
 * Another stack sends on its own: what left well before this event, and no event before wants it, is one too many. In our
 * own hook's virtual time the next packet that is expected would show it.
 */
static void nothing_else(struct play *p, const struct script_event *e)
{
	char got[400];

	if (!p->on || p->rec || p->r.failed)
		return;
	play_wait_for(p, p->time_us);
	if (!p->seen)
		p->seen = receive(p, &p->seen_us, -p->until_us);
	if (p->seen && p->seen_us - p->start_us < p->time_us - p->on->tolerance_us)
		run_fail(&p->r, e, "a packet that nothing expects\n  got:      %s",
			 run_text(&p->r, p->seen, got, sizeof(got)));
}

/* What has left up to the last event, and no line of the script wants, is seen a little later. */
static void nothing_behind(struct play *p)
{
	long long end = p->time_us + BEHIND_US;
	char got[400];

	if (!p->on || p->rec || p->r.failed || !p->last)
		return;
	if (!p->seen)
		p->seen = receive(p, &p->seen_us, p->time_us + LOOK_US - p->until_us);
	if (p->seen && p->seen_us - p->start_us <= end)
		run_fail(&p->r, p->last,
			 "a packet that nothing expects, behind the last line\n"
			 "  got:      %s",
			 run_text(&p->r, p->seen, got, sizeof(got)));
}

static void send_packet(struct play *p, const struct script_event *e)
{
	static uint8_t buf[PACKET_MAX];
	size_t n;

	play_wait_for(p, p->time_us);
	play_note_now(p);
	if (p->rec) {
		take_all(p);
		play_note_packet(p, e);
	}
	if (!play_check_time(p, e, play_now_us(p) - p->start_us, p->time_us, p->time_us,
			     "packet in"))
		return;
	n = run_build(&p->r, e, buf);
	if (!p->r.failed && IFC.netdev_send(U, buf, n) != 0)
		run_fail(&p->r, e, "netdev_send: %s", strerror(errno));
}

/* An ISN that follows a clock of 4 us is some ticks on, where a script knows the time exactly. */
static void follow_isn(struct play *p, const struct script_event *e, const struct run_sent *s)
{
	struct run_flow *f;
	struct wireview v;
	uint32_t ticks;

	if (wireview_read(s->p, s->len, &v) || v.proto != WV_TCP || !(v.flags & WV_SYN))
		return;
	f = run_flow(&p->r, v.sport, v.dport);
	ticks = v.seq - f->iss - e->packet.seq;
	if (f->iss_known && !f->fresh && ticks <= NEAR_US / 4)
		f->iss += ticks;
}

static void expect_packet(struct play *p, const struct script_event *e)
{
	char want[300], got[400];
	long long at = 0;
	struct run_sent *s = receive(p, &at, LATE_US);

	if (!s) {
		run_fail(&p->r, e, "nothing leaves\n  expected: %s",
			 run_source(&p->r, e, want, sizeof(want)));
		return;
	}
	p->r.outside_ns = s->time_ns;
	learn(p, s);
	follow_isn(p, e, s);
	run_compare(&p->r, e, s);
	if (!p->r.failed &&
	    !play_check_time(p, e, at - p->start_us, p->time_us, p->until_us, "packet out")) {
		size_t n = strlen(p->r.s->error);

		snprintf(p->r.s->error + n, sizeof(p->r.s->error) - n,
			 "\n  expected: %s\n  got:      %s",
			 run_source(&p->r, e, want, sizeof(want)),
			 run_text(&p->r, s, got, sizeof(got)));
	}
	free(s);
}

/* ---- settings and assertions ---- */

/* Writes a setting of the namespace. */
static bool write_sysctl(const char *name, const char *value)
{
	char path[160] = "/proc/sys/";
	size_t n = strlen(path), len = strlen(value);
	ssize_t put;
	int fd;

	/* Of the whole machine, even where a namespace shows them. */
	if (strncmp(name, "net.core.", 9) == 0 && strcmp(name, "net.core.somaxconn") != 0)
		return false;
	for (; *name && n < sizeof(path) - 1; name++)
		path[n++] = *name == '.' ? '/' : *name;
	path[n] = '\0';
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	put = write(fd, value, len);
	close(fd);
	return put == (ssize_t)len;
}

/* The flags for what the namespace can't say; the rest is written there. */
static void settings(struct play *p, bool own_netns, char *flags, size_t cap)
{
	for (unsigned k = 0; tapir_conf_item(k); k++) {
		const struct tapir_conf_item *it = tapir_conf_item(k);
		char value[128] = "", key[TAPIR_CONF_KEY_TEXT];
		size_t n = 0;

		if (it->index != 0)
			continue;
		for (unsigned j = k;
		     tapir_conf_item(j) && strcmp(tapir_conf_item(j)->name, it->name) == 0; j++)
			n += (size_t)snprintf(value + n, sizeof(value) - n, "%s%" PRId64,
					      n ? " " : "", tapir_conf_value(&p->r.conf, j));
		if (own_netns && tapir_conf_get_key(&p->r.conf, it->name, key) == 0) {
			if (!*key || write_sysctl(it->name, key))
				continue;
		} else if (own_netns && strcmp(it->name, "net.ipv4.tcp_mem") != 0 &&
			   write_sysctl(it->name, value)) {
			continue;
		}
		n = strlen(flags);
		snprintf(flags + n, cap - n, ",sysctl:%s=%s", it->name, value);
	}
}

/*
 * Every look at the clock costs a microsecond: a round-trip time that a script knows exactly is some too long here. So
 * those times are what they nearly are, in steps of half a millisecond.
 */
static int64_t without_spin(const char *name, int64_t us)
{
	static const char *const times[] = {"tcpi_rtt", "tcpi_rttvar", "tcpi_rto", "tcpi_min_rtt",
					    "tcpi_rcv_rtt"};
	int64_t near = (us + STEP_US / 2) / STEP_US * STEP_US;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (strcmp(name, times[i]) == 0 && llabs(us - near) <= NEAR_US)
			return near;
	}
	return us;
}

static bool lookup(void *ctx, const char *name, int64_t *value)
{
	struct play *p = ctx;
	struct run_fd *f = run_fd_at(&p->r, p->r.last_conn);
	struct tapir_tcp_info info;
	socklen_t len = sizeof(info);

	if (script_defined(p->r.s, name, strlen(name), value))
		return true;
	if (!f || IFC.getsockopt(U, play_live(f), SOL_TCP, TCP_INFO, &info, &len) < 0 ||
	    !run_info_field(&info, name, value))
		return false;
	*value = without_spin(name, *value);
	return true;
}

static void run_assertion(struct play *p, const struct script_event *e)
{
	char buf[400];
	const char *wrong;

	play_wait_for(p, p->time_us);
	if (p->rec) {
		play_note_assertion(p, e->text, lookup);
		return;
	}
	if (play_names_unseen(e->text) || (p->on && play_names_time(e->text)))
		return;
	wrong = script_eval(e->text, lookup, p, buf, sizeof(buf));
	if (wrong)
		run_fail(&p->r, e, "%s", wrong);
}

/* ---- the whole ---- */

static void run_events(struct play *p, size_t i)
{
	struct script *s = p->r.s;

	for (; i < s->nevent && !p->r.failed; i++) {
		const struct script_event *e = &s->event[i];

		set_times(p, e);
		if (e->kind != EVENT_PACKET || !e->packet.out)
			nothing_else(p, e);
		if (p->r.failed)
			break;
		switch (e->kind) {
		case EVENT_PACKET:
			if (e->packet.out && !p->rec)
				expect_packet(p, e);
			else if (!e->packet.out)
				send_packet(p, e);
			break;
		case EVENT_CALL:
			if (e->blocks) {
				enqueue(p, e);
			} else {
				if (!p->rec)
					await_idle(p);
				play_call(p, e, p->time_us);
			}
			break;
		case EVENT_SYSCTL:
			break;
		case EVENT_CODE:
			if (!p->rec)
				await_idle(p);
			run_assertion(p, e);
			break;
		}
		p->last = e;
	}
}

static void stop(struct play *p)
{
	nothing_behind(p);
	free(p->seen);
	p->seen = NULL;
	if (p->rec) {
		play_wait_for(p, p->time_us + p->on->record_us);
		take_all(p);
		play_record_end(p);
	}
	/* A call that ends later than the last event. */
	if (p->state != IDLE && !p->r.failed)
		play_wait_for(p, p->end_us);
	if (!await_idle(p) && !p->r.failed)
		run_fail(&p->r, p->event, "the call still blocks at the end");
	if (p->state == IDLE) {
		p->state = EXITING;
		pthread_cond_signal(&p->enqueued);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->thread, NULL);
		/* What is open is libc's to close. */
		for (unsigned i = 0; i < RUN_FDS; i++) {
			if (p->r.fd[i].kind != FD_CLOSED)
				close((int)p->r.fd[i].sock);
		}
		if (p->on)
			p->lib.ifc.free(p->lib.ifc.userdata);
		else
			pdlib_close(&p->lib);
	} else {
		pthread_mutex_unlock(&p->lock);
	}
}

static enum play_result play(struct script *s, bool own_netns, const struct play_target *on)
{
	struct play *p = calloc(1, sizeof(*p));
	static char flags[1 << 16];
	const char *why = NULL;
	size_t i = 0;
	bool failed;

	if (!p)
		abort();
	p->on = on;
	play_record_begin(p);
	p->r.ts_slop = on ? TS_SLOP_MS : 0;
	p->r.s = s;
	p->r.tail = &p->r.head;
	p->r.lport = s->port;
	p->r.rport = RUN_PEER_PORT;
	p->r.last_conn = -1;
	tapir_conf_default(&p->r.conf);
	for (; i < s->nevent && s->event[i].kind == EVENT_SYSCTL && !p->r.failed; i++)
		run_sysctl(&p->r, &s->event[i]);
	snprintf(flags, sizeof(flags), "%sseed=1,mtu=%u,ip=%u.%u.%u.%u/24",
		 s->chunks ? "" : "notso,", s->mtu, s->local_ip4 >> 24, s->local_ip4 >> 16 & 255,
		 s->local_ip4 >> 8 & 255, s->local_ip4 & 255);
	settings(p, own_netns, flags, sizeof(flags));
	if (p->r.failed)
		return PLAY_FAILED;
	if (on) {
		on->init(flags, &p->lib.ifc);
	} else if (!pdlib_open(&p->lib, flags, &why)) {
		run_fail(&p->r, NULL, "%s", why);
		return PLAY_FAILED;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->idle, NULL);
	pthread_cond_init(&p->enqueued, NULL);
	pthread_cond_init(&p->dequeued, NULL);
	pthread_mutex_lock(&p->lock);
	pthread_create(&p->thread, NULL, syscall_thread, p);
	while (p->tid == 0)
		pthread_cond_wait(&p->idle, &p->lock);
	p->start_us = play_now_us(p) + START_OFFSET_US;
	p->r.start_ns = (uint64_t)p->start_us * 1000;
	run_events(p, i);
	stop(p);
	failed = p->r.failed;
	free(p);
	return failed ? PLAY_FAILED : PLAY_OK;
}

enum play_result play_script(struct script *s, bool own_netns)
{
	return play(s, own_netns, NULL);
}

enum play_result play_script_on(struct script *s, const struct play_target *on)
{
	return play(s, true, on);
}
