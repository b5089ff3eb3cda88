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
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/pdlib.h"
#include "tests/support/pdplay.h"
#include "tests/support/script_run.h"

enum {
	BUF_MAX = 1 << 22,
	SPIN_US = 20,
	START_OFFSET_US = 250,
	IOV_MAX_HERE = 64,
	PACKET_MAX = 70000,
	STEP_US = 500,
	NEAR_US = 60,
	/* In real time: how long a packet is awaited beyond its time, and what is not seen as too late. */
	LATE_US = 1500000,
	TICKS_US = 20000,
	TS_SLOP_MS = 100
};

struct play {
	struct run r; /* what the wire's functions want */
	struct pdlib lib;
	pthread_mutex_t lock;
	pthread_cond_t idle, enqueued, dequeued;
	pthread_t thread;
	pid_t tid;
	enum { IDLE, ENQUEUED, RUNNING, DONE, EXITING } state;
	const struct script_event *event; /* of the second thread */
	long long event_us, end_us; /* its time, and the end that the script says; script time */
	long long live_end_us;
	/* main's */
	long long start_us;
	long long time_us, until_us; /* of the event at hand, script time, us */
	long long last_us;
	const struct script_event *last;
	bool learn_port;
	const struct play_target *on; /* NULL: tapir-packetdrill.so, in virtual time */
};

#define IFC (p->lib.ifc)
#define U   (p->lib.ifc.userdata)

/* ---- what cannot be played ---- */

static bool names_the_unseen(const char *code)
{
	static const char *const unseen[] = {"conn_state", "urgent", "drop.", "Tcp.", "TcpExt.",
					     "Ip.", "IpExt.", "Udp.", "UdpLite.", "Icmp.", "Tapir.",
					     "IcmpMsg.",
					     /* of a time that is some microseconds longer */
					     "tcpi_pacing_rate", "tcpi_delivery_rate"};

	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		if (strstr(code, unseen[i]))
			return true;
	}
	return false;
}

/* What is ours alone, and times: nothing that another stack in real time could be asked. */
static bool names_time(const char *code)
{
	static const char *const none[] = {"iss",
					   "irs",
					   "snd_una",
					   "snd_nxt",
					   "rcv_nxt",
					   "tcpi_last_",
					   "tcpi_busy",
					   "tcpi_rwnd_limited",
					   "tcpi_sndbuf_limited",
					   "tcpi_total_rto_time",
					   "tcpi_rtt",
					   "tcpi_rto",
					   "tcpi_min_rtt",
					   "tcpi_rcv_rtt",
					   "tcpi_ato"};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (strstr(code, none[i]))
			return true;
	}
	return false;
}

static const char *cannot_call(const struct script_event *e)
{
	static const char *const none[] = {"abort", "getsockname", "getpeername", "open",
					   "sendfile"};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (strcmp(e->call, none[i]) == 0)
			return "a call that the hook does not have (abort, getsockname, "
			       "getpeername, open, sendfile)";
	}
	return NULL;
}

/* Scripts that rest on two round-trip times being the same to the microsecond: RACK minds which one is shorter. */
static bool to_the_microsecond(const char *path)
{
	static const char *const exact[] = {"rack/tail_of_a_flight.pkt",
					    "recovery/timeout_in_slow_start_with_sack.pkt"};

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
		if (strstr(path, exact[i]))
			return true;
	}
	return false;
}

const char *play_cannot(const struct script *s, unsigned *left_out)
{
	bool open = false;

	*left_out = 0;
	if (s->start_ns != UINT64_C(1000000000000))
		return "--start_ms";
	if (to_the_microsecond(s->path))
		return "round-trip times that are equal to the microsecond: spinning on the clock "
		       "takes some";
	for (size_t i = 0; i < s->nevent; i++) {
		const struct script_event *e = &s->event[i];
		const char *why = NULL;

		switch (e->kind) {
		case EVENT_CALL:
			open = true;
			why = cannot_call(e);
			break;
		case EVENT_PACKET:
			open = true;
			if (e->packet.batch)
				why = "[batch]: packets that arrive at one moment";
			break;
		case EVENT_SYSCTL:
			if (open)
				why = "sysctl after the first socket()";
			break;
		case EVENT_CODE:
			*left_out += names_the_unseen(e->text);
			break;
		}
		if (why)
			return why;
	}
	return NULL;
}

/* ---- time, as packetdrill keeps it ---- */

static long long now_us(struct play *p)
{
	return pdlib_now(&p->lib);
}

static void note_now(struct play *p)
{
	p->r.outside_ns = (uint64_t)now_us(p) * 1000;
}

/* Whether something happened when the script says; `at` and the rest in script time. */
static bool check_time(struct play *p, const struct script_event *e, long long at, long long from,
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
	if (p->on && e->kind == EVENT_PACKET)
		late += TICKS_US + (long long)(e->when == WHEN_RELATIVE ? e->to_ns / 1000 : 0) / 7;
	if (e->when == WHEN_ANY || (at >= from - tolerance && at <= to + late))
		return true;
	run_fail(&p->r, e, "time of the %s: expected %.6f, got %.6f", what, (double)from / 1e6,
		 (double)at / 1e6);
	return false;
}

static void wait_for(struct play *p, long long at)
{
	for (;;) {
		long long wait = p->start_us + at - now_us(p);

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

	if (e->when != WHEN_ABSOLUTE)
		base = p->last && inbound(p->last) && inbound(e) ? p->time_us
								 : now_us(p) - p->start_us;
	p->last_us = p->time_us;
	p->time_us = base + (long long)(e->when == WHEN_ANY ? 0 : e->from_ns / 1000);
	p->until_us = base + (long long)(e->when == WHEN_ANY ? 0 : e->to_ns / 1000);
}

/* ---- calls ---- */

struct pcall {
	struct call c;
	struct play *p;
	const struct script_event *e;
	struct run_fd *f; /* argument 0 */
	int fd;		  /* live */
};

static void begin(struct pcall *k)
{
	if (!k->e->blocks)
		return;
	k->p->state = RUNNING;
	pthread_mutex_unlock(&k->p->lock);
	pthread_cond_signal(&k->p->dequeued);
}

/* Takes the lock again and judges. `any`: any number that is not negative is a descriptor. */
static long end(struct pcall *k, long got, bool descriptor)
{
	int err = got < 0 ? errno : 0;
	const struct script_value *want = k->e->result;
	char text[300];

	if (k->e->blocks) {
		long long at = now_us(k->p);

		pthread_mutex_lock(&k->p->lock);
		k->p->live_end_us = at - k->p->start_us;
		k->p->state = DONE;
	}
	if (!want || want->kind == VALUE_ANY)
		return got;
	if (descriptor && got >= 0 && want->i >= 0)
		return got;
	if (got == want->i && (got != -1 || !k->e->err || k->e->err == err))
		return got;
	run_fail(&k->p->r, k->e, "the call's result\n  expected: %s\n  got:      %ld%s%s",
		 run_source(&k->p->r, k->e, text, sizeof(text)), got, err ? " " : "",
		 err ? script_errno_name(err) : "");
	return got;
}

static int live(struct run_fd *f)
{
	return f ? (int)f->sock : -1;
}

/* The live descriptor of argument i. */
static int arg_live(struct pcall *k, unsigned i)
{
	return live(call_any_fd(&k->c, i));
}

/* A descriptor under the number that the script gives it. */
static struct run_fd *put_fd(struct pcall *k, int64_t number, enum run_fd_kind kind, int fd,
			     bool stream)
{
	int64_t i = number - RUN_FIRST_FD;

	if (fd < 0)
		return NULL;
	if (i < 0 || i >= RUN_FDS || k->p->r.fd[i].kind != FD_CLOSED) {
		call_bad(&k->c, "the descriptor's number is taken, or none");
		return NULL;
	}
	k->p->r.fd[i] = (struct run_fd){.kind = kind, .sock = fd, .stream = stream};
	return &k->p->r.fd[i];
}

static struct sockaddr_in sin_of(const struct tapir_sockaddr *a)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(a->port),
				    .sin_addr.s_addr = htonl(tapir_addr_to_v4(&a->addr))};
}

static struct tapir_sockaddr of_sin(const struct sockaddr_in *a)
{
	return tapir_sockaddr_v4(ntohl(a->sin_addr.s_addr), ntohs(a->sin_port));
}

static int64_t result_number(const struct pcall *k)
{
	return k->e->result && k->e->result->kind == VALUE_INT ? k->e->result->i : -1;
}

static void do_socket(struct pcall *k)
{
	struct play *p = k->p;
	const struct script_value *family = call_arg(&k->c, 0);
	int type = (int)call_int(&k->c, 1), protocol = (int)call_int(&k->c, 2), fd;

	if (k->c.bad)
		return;
	begin(k);
	fd = (int)end(k,
		      IFC.socket(U, family->kind == VALUE_INT ? (int)family->i : AF_INET, type,
				 protocol),
		      true);
	put_fd(k, result_number(k), FD_SOCKET, fd, (type & 15) == SOCK_STREAM);
}

static void do_bind(struct pcall *k)
{
	struct play *p = k->p;
	struct tapir_sockaddr a = call_addr(&k->c, call_arg(&k->c, 1), 0, p->r.s->port);
	struct sockaddr_in sin = sin_of(&a);

	if (k->c.bad)
		return;
	begin(k);
	if (end(k, IFC.bind(U, k->fd, (struct sockaddr *)&sin, sizeof(sin)), false) == 0 && a.port)
		p->r.lport = a.port;
}

static void do_listen(struct pcall *k)
{
	struct play *p = k->p;
	int backlog = (int)call_int(&k->c, 1);

	begin(k);
	end(k, IFC.listen(U, k->fd, backlog), false);
}

static void do_accept(struct pcall *k)
{
	struct play *p = k->p;
	struct sockaddr_in sin = {0};
	struct tapir_sockaddr peer;
	socklen_t len = sizeof(sin);
	int fd;

	begin(k);
	fd = (int)end(k, IFC.accept(U, k->fd, (struct sockaddr *)&sin, &len), true);
	if (fd < 0)
		return;
	peer = of_sin(&sin);
	call_addr_is(&k->c, call_arg(&k->c, 1), &peer);
	put_fd(k, result_number(k), FD_SOCKET, fd, true);
	p->r.last_conn = (int)result_number(k);
}

static void opened(struct pcall *k, uint16_t rport)
{
	k->p->r.last_conn = (int)call_int(&k->c, 0);
	k->p->r.rport = rport;
	k->p->learn_port = true;
}

static void do_connect(struct pcall *k)
{
	struct play *p = k->p;
	struct tapir_sockaddr a =
		call_addr(&k->c, call_arg(&k->c, 1), p->r.s->remote_ip4, p->r.s->port);
	struct sockaddr_in sin = sin_of(&a);

	if (k->c.bad)
		return;
	opened(k, a.port);
	begin(k);
	end(k, IFC.connect(U, k->fd, (struct sockaddr *)&sin, sizeof(sin)), false);
}

static void do_shutdown(struct pcall *k)
{
	struct play *p = k->p;
	int how = (int)call_int(&k->c, 1);

	begin(k);
	end(k, IFC.shutdown(U, k->fd, how), false);
}

static void do_close(struct pcall *k)
{
	struct play *p = k->p;
	int fd = k->fd;

	if (!k->f)
		return;
	if (p->r.last_conn == call_int(&k->c, 0))
		p->r.last_conn = -1;
	begin(k);
	end(k, IFC.close(U, fd), false);
	memset(k->f, 0, sizeof(*k->f));
}

static void do_fcntl(struct pcall *k)
{
	struct play *p = k->p;
	int cmd = (int)call_int(&k->c, 1);
	int arg = call_arg(&k->c, 2) ? (int)call_int(&k->c, 2) : 0;

	begin(k);
	end(k, IFC.fcntl(U, k->fd, cmd, arg), false);
}

static void do_ioctl(struct pcall *k)
{
	struct play *p = k->p;
	int cmd = (int)call_int(&k->c, 1), got = -1;
	int64_t want = call_int(&k->c, 2);

	if (k->c.bad)
		return;
	begin(k);
	if (end(k, IFC.ioctl(U, k->fd, (unsigned long)cmd, &got), false) == 0 && got != want)
		run_fail(&p->r, k->e, "expected %" PRId64 ", got %d", want, got);
}

static void do_setsockopt(struct pcall *k)
{
	struct play *p = k->p;
	int level = (int)call_int(&k->c, 1), name = (int)call_int(&k->c, 2), n;
	const struct script_value *v = call_arg(&k->c, 3);
	const void *val = &n;
	socklen_t len = sizeof(n);
	struct linger l;

	if (k->c.bad || !v)
		return;
	if (v->kind == VALUE_LIST && v->child)
		v = v->child;
	n = (int)v->i;
	if (v->kind == VALUE_STRUCT) {
		l.l_onoff = (int)call_field(v, "onoff", "l_onoff");
		l.l_linger = (int)call_field(v, "linger", "l_linger");
		val = &l;
		len = sizeof(l);
	} else if (v->kind == VALUE_STRING) {
		val = v->text;
		len = (socklen_t)v->i;
	}
	begin(k);
	end(k, IFC.setsockopt(U, k->fd, level, name, val, len), false);
}

static void do_getsockopt(struct pcall *k)
{
	struct play *p = k->p;
	int level = (int)call_int(&k->c, 1), name = (int)call_int(&k->c, 2), n4 = 0;
	const struct script_value *v = call_arg(&k->c, 3);
	char text[64] = "";
	socklen_t len = sizeof(text) - 1;
	int64_t n = 0;

	if (k->c.bad || !v)
		return;
	begin(k);
	if (end(k, IFC.getsockopt(U, k->fd, level, name, text, &len), false) < 0)
		return;
	if (v->kind == VALUE_LIST && v->child)
		v = v->child;
	if (v->kind == VALUE_STRING && strcmp(v->text, text) != 0)
		run_fail(&p->r, k->e, "expected \"%s\", got \"%s\"", v->text, text);
	memcpy(&n4, text, sizeof(n4));
	memcpy(&n, text, sizeof(n));
	if (len != 8)
		n = n4;
	if (v->kind == VALUE_INT && n != v->i)
		run_fail(&p->r, k->e, "expected the value %" PRId64 ", got %" PRId64, v->i, n);
	if (v->kind == VALUE_STRUCT && (n4 != call_field(v, "onoff", "l_onoff") ||
					(int)(n >> 32) != call_field(v, "linger", "l_linger")))
		run_fail(&p->r, k->e, "expected otherwise, got {onoff=%d, linger=%d}", n4,
			 (int)(n >> 32));
}

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
		if (b->buf[i] == run_pattern(false, (k->f->stream ? k->f->read : 0) + (uint64_t)i))
			continue;
		run_fail(&k->p->r, k->e, "byte %" PRIu64 " of the stream is wrong",
			 k->f->read + (uint64_t)i);
		break;
	}
	if (got > 0 && !(flags & MSG_PEEK))
		k->f->read += (uint64_t)got;
	free(b->buf);
}

static void do_read(struct pcall *k)
{
	struct play *p = k->p;
	bool vector = strcmp(k->e->call, "readv") == 0;
	struct bytes b;
	long got;

	if (!make_bytes(k, call_arg(&k->c, vector ? 1 : 2), &b))
		return;
	begin(k);
	got = vector ? IFC.readv(U, k->fd, b.iov, b.n) : IFC.read(U, k->fd, b.buf, b.total);
	received(k, &b, end(k, got, false), 0);
}

static void do_write(struct pcall *k)
{
	struct play *p = k->p;
	bool vector = strcmp(k->e->call, "writev") == 0;
	struct bytes b;
	long got;

	if (!make_bytes(k, call_arg(&k->c, vector ? 1 : 2), &b))
		return;
	fill(k, &b);
	begin(k);
	got = vector ? IFC.writev(U, k->fd, b.iov, b.n) : IFC.write(U, k->fd, b.buf, b.total);
	sent(k, &b, end(k, got, false));
}

static void do_recv(struct pcall *k)
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
	begin(k);
	got = end(k,
		  from ? IFC.recvfrom(U, k->fd, b.buf, b.total, flags, (struct sockaddr *)&sin,
				      &len)
		       : IFC.recv(U, k->fd, b.buf, b.total, flags),
		  false);
	peer = of_sin(&sin);
	if (from && got >= 0 && !k->f->stream)
		call_addr_is(&k->c, call_arg(&k->c, 4), &peer);
	received(k, &b, got, flags);
}

static void do_recvmsg(struct pcall *k)
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
	begin(k);
	got = end(k, IFC.recvmsg(U, k->fd, &m, flags), false);
	peer = of_sin(&sin);
	if (got >= 0 && !k->f->stream)
		call_addr_is(&k->c, named(hdr, "msg_name"), &peer);
	if (got >= 0 && want && want->kind == VALUE_INT && want->i != m.msg_flags)
		run_fail(&p->r, k->e, "msg_flags: expected 0x%" PRIx64 ", got 0x%x", want->i,
			 (unsigned)m.msg_flags);
	received(k, &b, got, flags);
}

static void do_send(struct pcall *k)
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
			opened(k, a.port);
	}
	sin = sin_of(&a);
	fill(k, &b);
	begin(k);
	sent(k, &b,
	     end(k,
		 to ? IFC.sendto(U, k->fd, b.buf, b.total, flags, (struct sockaddr *)&sin,
				 sizeof(sin))
		    : IFC.send(U, k->fd, b.buf, b.total, flags),
		 false));
}

static int64_t number_of(const struct script_value *v)
{
	return v && v->kind == VALUE_LIST && v->child ? v->child->i : v ? v->i : 0;
}

static void do_sendmsg(struct pcall *k)
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
			opened(k, a.port);
		sin = sin_of(&a);
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
	begin(k);
	sent(k, &b, end(k, IFC.sendmsg(U, k->fd, &m, flags), false));
}

/* ---- several descriptors ---- */

static void do_poll(struct pcall *k)
{
	struct play *p = k->p;
	const struct script_value *list = call_arg(&k->c, 0);
	int timeout = (int)call_int(&k->c, 2);
	struct pollfd fds[RUN_FDS];
	nfds_t n = 0;

	if (k->c.bad || !list || list->kind != VALUE_LIST)
		return;
	for (const struct script_value *v = list->child; v && n < RUN_FDS; v = v->next, n++) {
		fds[n].fd = live(run_fd_at(&p->r, call_field(v, "fd", "fd")));
		fds[n].events = (short)call_field(v, "events", "events");
	}
	begin(k);
	end(k, IFC.poll(U, fds, n, timeout), false);
	n = 0;
	for (const struct script_value *v = list->child; v; v = v->next, n++) {
		if (fds[n].revents != (short)call_field(v, "revents", "revents"))
			run_fail(&p->r, k->e, "revents: expected 0x%" PRIx64 ", got 0x%x",
				 call_field(v, "revents", "revents"), (unsigned)fds[n].revents);
	}
}

static int64_t event_data(const struct script_value *v)
{
	return call_field(v, "fd", "ptr") | call_field(v, "u32", "u64");
}

static void do_epoll_create(struct pcall *k)
{
	struct play *p = k->p;
	int size = (int)call_int(&k->c, 0), fd;

	begin(k);
	fd = (int)end(k, IFC.epoll_create(U, size), true);
	put_fd(k, result_number(k), FD_EPOLL, fd, false);
}

static void do_epoll_ctl(struct pcall *k)
{
	struct play *p = k->p;
	int op = (int)call_int(&k->c, 1), fd = live(run_fd_at(&p->r, call_int(&k->c, 2)));
	const struct script_value *v = call_arg(&k->c, 3);
	struct epoll_event ev = {0};

	if (v && v->kind == VALUE_STRUCT) {
		ev.events = (uint32_t)call_field(v, "events", "events");
		ev.data.u64 = (uint64_t)event_data(v);
	}
	begin(k);
	end(k, IFC.epoll_ctl(U, k->fd, op, fd, &ev), false);
}

static void do_epoll_wait(struct pcall *k)
{
	struct play *p = k->p;
	const struct script_value *want = call_arg(&k->c, 1);
	int max = (int)call_int(&k->c, 2), timeout = (int)call_int(&k->c, 3);
	struct epoll_event ev[RUN_FDS] = {{0}};
	long n;

	if (k->c.bad)
		return;
	begin(k);
	n = end(k, IFC.epoll_wait(U, k->fd, ev, max < RUN_FDS ? max : RUN_FDS, timeout), false);
	want = want && want->kind == VALUE_LIST ? want->child : want;
	for (long i = 0; i < n && want && want->kind == VALUE_STRUCT; i++, want = want->next) {
		if (ev[i].events != (uint32_t)call_field(want, "events", "events") ||
		    (int64_t)ev[i].data.u64 != event_data(want))
			run_fail(&p->r, k->e, "event: expected 0x%" PRIx64 ", got 0x%x",
				 call_field(want, "events", "events"), ev[i].events);
	}
}

static void do_pipe(struct pcall *k)
{
	struct play *p = k->p;
	const struct script_value *v = call_arg(&k->c, 0);
	int fds[2];

	if (!v || v->kind != VALUE_LIST || !v->child || !v->child->next)
		return;
	begin(k);
	if (end(k, IFC.pipe(U, fds), false) < 0)
		return;
	put_fd(k, v->child->i, FD_PIPE_IN, fds[0], true);
	put_fd(k, v->child->next->i, FD_PIPE_OUT, fds[1], true);
}

static void do_splice(struct pcall *k)
{
	struct play *p = k->p;
	struct run_fd *in = call_any_fd(&k->c, 0), *out = k->c.bad ? NULL : call_any_fd(&k->c, 2);
	size_t n = (size_t)call_int(&k->c, 4);
	unsigned flags = (unsigned)call_int(&k->c, 5);
	loff_t none_in = 0, none_out = 0;
	long got;

	if (k->c.bad)
		return;
	begin(k);
	/* The addresses of two numbers, as packetdrill gives them. */
	got = end(k, IFC.splice(U, live(in), &none_in, live(out), &none_out, n, flags), false);
	if (got > 0) {
		in->read += (uint64_t)got;
		out->written += (uint64_t)got;
		/* What the peer sent comes back as ours. */
		k->p->r.odd_out = true;
	}
}

static const struct {
	const char *name;
	void (*call)(struct pcall *k);
	bool on_fd; /* its first argument is a descriptor */
} calls[] = {
	{"socket", do_socket, false},
	{"bind", do_bind, true},
	{"listen", do_listen, true},
	{"accept", do_accept, true},
	{"connect", do_connect, true},
	{"read", do_read, true},
	{"readv", do_read, true},
	{"recv", do_recv, true},
	{"recvfrom", do_recv, true},
	{"recvmsg", do_recvmsg, true},
	{"write", do_write, true},
	{"writev", do_write, true},
	{"send", do_send, true},
	{"sendto", do_send, true},
	{"sendmsg", do_sendmsg, true},
	{"shutdown", do_shutdown, true},
	{"close", do_close, true},
	{"setsockopt", do_setsockopt, true},
	{"getsockopt", do_getsockopt, true},
	{"fcntl", do_fcntl, true},
	{"ioctl", do_ioctl, true},
	{"poll", do_poll, false},
	{"epoll_create", do_epoll_create, false},
	{"epoll_ctl", do_epoll_ctl, true},
	{"epoll_wait", do_epoll_wait, true},
	{"pipe", do_pipe, false},
	{"splice", do_splice, false},
};

/* On main, or on the second thread: with the lock. */
static void make_call(struct play *p, const struct script_event *e, long long at)
{
	struct pcall k = {.c = {.r = &p->r, .e = e}, .p = p, .e = e, .fd = -1};

	wait_for(p, at);
	note_now(p);
	if (!check_time(p, e, now_us(p) - p->start_us, at, at, "call"))
		return;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, e->call) != 0)
			continue;
		if (calls[i].on_fd) {
			k.f = call_any_fd(&k.c, 0);
			k.fd = arg_live(&k, 0);
		}
		if (!k.c.bad)
			calls[i].call(&k);
		return;
	}
	call_bad(&k.c, "no such call");
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
		make_call(p, p->event, p->event_us);
		if (p->state == DONE)
			check_time(p, p->event, p->live_end_us, p->end_us, p->end_us, "call's end");
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

static void send_packet(struct play *p, const struct script_event *e)
{
	static uint8_t buf[PACKET_MAX];
	size_t n;

	wait_for(p, p->time_us);
	note_now(p);
	if (!check_time(p, e, now_us(p) - p->start_us, p->time_us, p->time_us, "packet in"))
		return;
	n = run_build(&p->r, e, buf);
	if (!p->r.failed && IFC.netdev_send(U, buf, n) != 0)
		run_fail(&p->r, e, "netdev_send: %s", strerror(errno));
}

static struct run_sent *receive(struct play *p, long long *at)
{
	struct run_sent *s = malloc(sizeof(*s) + PACKET_MAX);
	size_t n = PACKET_MAX;

	if (!s)
		abort();
	if (p->on)
		*p->on->receive_until_us = p->start_us + p->until_us + LATE_US;
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
	struct run_sent *s = receive(p, &at);

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
	    !check_time(p, e, at - p->start_us, p->time_us, p->until_us, "packet out")) {
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
		char value[128] = "";
		size_t n = 0;

		if (it->index != 0)
			continue;
		for (unsigned j = k;
		     tapir_conf_item(j) && strcmp(tapir_conf_item(j)->name, it->name) == 0; j++)
			n += (size_t)snprintf(value + n, sizeof(value) - n, "%s%" PRId64,
					      n ? " " : "", tapir_conf_value(&p->r.conf, j));
		if (own_netns && strcmp(it->name, "net.ipv4.tcp_mem") != 0 &&
		    write_sysctl(it->name, value))
			continue;
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
	if (!f || IFC.getsockopt(U, live(f), SOL_TCP, TCP_INFO, &info, &len) < 0 ||
	    !run_info_field(&info, name, value))
		return false;
	*value = without_spin(name, *value);
	return true;
}

static void run_assertion(struct play *p, const struct script_event *e)
{
	char buf[400];
	const char *wrong;

	wait_for(p, p->time_us);
	if (names_the_unseen(e->text) || (p->on && names_time(e->text)))
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
		switch (e->kind) {
		case EVENT_PACKET:
			if (e->packet.out)
				expect_packet(p, e);
			else
				send_packet(p, e);
			break;
		case EVENT_CALL:
			if (e->blocks) {
				enqueue(p, e);
			} else {
				await_idle(p);
				make_call(p, e, p->time_us);
			}
			break;
		case EVENT_SYSCTL:
			break;
		case EVENT_CODE:
			await_idle(p);
			run_assertion(p, e);
			break;
		}
		p->last = e;
	}
}

static void stop(struct play *p)
{
	/* A call that ends later than the last event. */
	if (p->state != IDLE && !p->r.failed)
		wait_for(p, p->end_us);
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
	p->r.ts_slop = on ? TS_SLOP_MS : 0;
	p->r.s = s;
	p->r.tail = &p->r.head;
	p->r.lport = s->port;
	p->r.rport = RUN_PEER_PORT;
	p->r.last_conn = -1;
	tapir_conf_default(&p->r.conf);
	for (; i < s->nevent && s->event[i].kind == EVENT_SYSCTL && !p->r.failed; i++)
		run_sysctl(&p->r, &s->event[i]);
	snprintf(flags, sizeof(flags), "notso,seed=1,mtu=%u,ip=%u.%u.%u.%u/24", s->mtu,
		 s->local_ip4 >> 24, s->local_ip4 >> 16 & 255, s->local_ip4 >> 8 & 255,
		 s->local_ip4 & 255);
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
	p->start_us = now_us(p) + START_OFFSET_US;
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
