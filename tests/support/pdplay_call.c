/*
 * The player's calls (pdplay_run.h): each reads its arguments off the script, makes the live call with the lock let go if
 * the script says that it blocks, and judges what came back. Those that move bytes or wait are in pdplay_io.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tests/support/pdplay_run.h"

void play_begin(struct pcall *k)
{
	if (!k->e->blocks)
		return;
	k->p->state = RUNNING;
	pthread_mutex_unlock(&k->p->lock);
	pthread_cond_signal(&k->p->dequeued);
}

long play_end(struct pcall *k, long got, bool descriptor)
{
	int err = got < 0 ? errno : 0;
	const struct script_value *want = k->e->result;
	char text[300];

	if (k->e->blocks) {
		long long at = play_now_us(k->p);

		pthread_mutex_lock(&k->p->lock);
		k->p->live_end_us = at - k->p->start_us;
		k->p->state = DONE;
	}
	if (k->p->rec) {
		play_note_call(k, got, err, descriptor);
		errno = err;
		return got;
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

int play_live(struct run_fd *f)
{
	return f ? (int)f->sock : -1;
}

/* The live descriptor of argument i. */
static int arg_live(struct pcall *k, unsigned i)
{
	return play_live(call_any_fd(&k->c, i));
}

struct run_fd *play_put_fd(struct pcall *k, int64_t number, enum run_fd_kind kind, int fd,
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

struct sockaddr_in play_sin_of(const struct tapir_sockaddr *a)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(a->port),
				    .sin_addr.s_addr = htonl(tapir_addr_to_v4(&a->addr))};
}

struct tapir_sockaddr play_of_sin(const struct sockaddr_in *a)
{
	return tapir_sockaddr_v4(ntohl(a->sin_addr.s_addr), ntohs(a->sin_port));
}

int64_t play_result_number(const struct pcall *k)
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
	play_begin(k);
	fd = (int)play_end(k,
			   IFC.socket(U, family->kind == VALUE_INT ? (int)family->i : AF_INET, type,
				      protocol),
			   true);
	play_put_fd(k, play_result_number(k), FD_SOCKET, fd, (type & 15) == SOCK_STREAM);
}

static void do_bind(struct pcall *k)
{
	struct play *p = k->p;
	struct tapir_sockaddr a = call_addr(&k->c, call_arg(&k->c, 1), 0, p->r.s->port);
	struct sockaddr_in sin = play_sin_of(&a);

	if (k->c.bad)
		return;
	play_begin(k);
	if (play_end(k, IFC.bind(U, k->fd, (struct sockaddr *)&sin, sizeof(sin)), false) == 0 &&
	    a.port)
		p->r.lport = a.port;
}

static void do_listen(struct pcall *k)
{
	struct play *p = k->p;
	int backlog = (int)call_int(&k->c, 1);

	play_begin(k);
	play_end(k, IFC.listen(U, k->fd, backlog), false);
}

static void do_accept(struct pcall *k)
{
	struct play *p = k->p;
	struct sockaddr_in sin = {0};
	struct tapir_sockaddr peer;
	socklen_t len = sizeof(sin);
	int fd;

	play_begin(k);
	fd = (int)play_end(k, IFC.accept(U, k->fd, (struct sockaddr *)&sin, &len), true);
	if (fd < 0)
		return;
	peer = play_of_sin(&sin);
	if (!p->rec)
		call_addr_is(&k->c, call_arg(&k->c, 1), &peer);
	play_put_fd(k, play_result_number(k), FD_SOCKET, fd, true);
	p->r.last_conn = (int)play_result_number(k);
}

void play_opened(struct pcall *k, uint16_t rport)
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
	struct sockaddr_in sin = play_sin_of(&a);

	if (k->c.bad)
		return;
	play_opened(k, a.port);
	play_begin(k);
	play_end(k, IFC.connect(U, k->fd, (struct sockaddr *)&sin, sizeof(sin)), false);
}

static void do_shutdown(struct pcall *k)
{
	struct play *p = k->p;
	int how = (int)call_int(&k->c, 1);

	play_begin(k);
	play_end(k, IFC.shutdown(U, k->fd, how), false);
}

static void do_close(struct pcall *k)
{
	struct play *p = k->p;
	int fd = k->fd;

	if (!k->f)
		return;
	if (p->r.last_conn == call_int(&k->c, 0))
		p->r.last_conn = -1;
	play_begin(k);
	play_end(k, IFC.close(U, fd), false);
	memset(k->f, 0, sizeof(*k->f));
}

static void do_fcntl(struct pcall *k)
{
	struct play *p = k->p;
	int cmd = (int)call_int(&k->c, 1);
	int arg = call_arg(&k->c, 2) ? (int)call_int(&k->c, 2) : 0;

	play_begin(k);
	play_end(k, IFC.fcntl(U, k->fd, cmd, arg), false);
}

static void do_ioctl(struct pcall *k)
{
	struct play *p = k->p;
	int cmd = (int)call_int(&k->c, 1), got = -1;
	int64_t want = call_int(&k->c, 2);

	if (k->c.bad)
		return;
	play_begin(k);
	if (play_end(k, IFC.ioctl(U, k->fd, (unsigned long)cmd, &got), false) < 0)
		return;
	if (p->rec)
		play_note_value(k, "ioctl", got);
	else if (got != want)
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
	play_begin(k);
	play_end(k, IFC.setsockopt(U, k->fd, level, name, val, len), false);
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
	play_begin(k);
	if (play_end(k, IFC.getsockopt(U, k->fd, level, name, text, &len), false) < 0)
		return;
	if (v->kind == VALUE_LIST && v->child)
		v = v->child;
	memcpy(&n4, text, sizeof(n4));
	memcpy(&n, text, sizeof(n));
	if (len != 8)
		n = n4;
	if (p->rec) {
		play_note_value(k, "value", n);
		return;
	}
	if (v->kind == VALUE_STRING && strcmp(v->text, text) != 0)
		run_fail(&p->r, k->e, "expected \"%s\", got \"%s\"", v->text, text);
	if (v->kind == VALUE_INT && n != v->i)
		run_fail(&p->r, k->e, "expected the value %" PRId64 ", got %" PRId64, v->i, n);
	if (v->kind == VALUE_STRUCT && (n4 != call_field(v, "onoff", "l_onoff") ||
					(int)(n >> 32) != call_field(v, "linger", "l_linger")))
		run_fail(&p->r, k->e, "expected otherwise, got {onoff=%d, linger=%d}", n4,
			 (int)(n >> 32));
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
	{"read", play_read, true},
	{"readv", play_read, true},
	{"recv", play_recv, true},
	{"recvfrom", play_recv, true},
	{"recvmsg", play_recvmsg, true},
	{"write", play_write, true},
	{"writev", play_write, true},
	{"send", play_send, true},
	{"sendto", play_send, true},
	{"sendmsg", play_sendmsg, true},
	{"shutdown", do_shutdown, true},
	{"close", do_close, true},
	{"setsockopt", do_setsockopt, true},
	{"getsockopt", do_getsockopt, true},
	{"fcntl", do_fcntl, true},
	{"ioctl", do_ioctl, true},
	{"poll", play_poll, false},
	{"epoll_create", play_epoll_create, false},
	{"epoll_ctl", play_epoll_ctl, true},
	{"epoll_wait", play_epoll_wait, true},
	{"pipe", play_pipe, false},
	{"splice", play_splice, false},
};

void play_call(struct play *p, const struct script_event *e, long long at)
{
	struct pcall k = {.c = {.r = &p->r, .e = e}, .p = p, .e = e, .fd = -1};

	play_wait_for(p, at);
	play_note_now(p);
	if (!play_check_time(p, e, play_now_us(p) - p->start_us, at, at, "call"))
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
