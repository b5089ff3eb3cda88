/*
 * The server of the control socket. A client is in one of these, and the loop watches its descriptor for what ends it:
 *
 *	   idle --first byte--> reading --whole frame--> verb --CTL_DONE, CTL_MORE--> writing --+
 *	    ^                                             |                            ^  |     | CTL_MORE:
 *	    |                                         CTL_LATER --ctl_ok(), ctl_fail()-+  |     | the verb again
 *	    +--------------------------- all of it written -------------------------------+ <---+
 *
 * Only what a frame needs is read from the socket, so that a client's next request waits in the kernel, and there is never
 * more in memory than one request and one answer of each. A step does one thing: a long answer is made and written part
 * by part, a turn of the loop each. Reading a frame and writing one have deadlines of their own, from their first byte.
 *
 * Hard limits: CTL_CLIENTS clients, CTL_REQUEST_MAX bytes of request, CTL_FRAME_MAX bytes of answer. Who comes when all
 * places are taken gets that of a client that has been idle for a while, or else an error.
 */
#include "apps/ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/ctl_frame.h"
#include "apps/ctl_path.h"
#include "drivers/host.h"
#include "stack/tapir.h"

enum {
	ACCEPTS = 16, /* of one turn */
	ERROR_TEXT = 600,
};

#define FRAME_NS (10 * NS_PER_S) /* for a request to arrive, or for an answer to be read */
#define IDLE_NS	 (60 * NS_PER_S)
#define SPARE_NS NS_PER_S /* idle for so long, a client makes room for another */
#define TICK_NS	 NS_PER_S

static const struct verb {
	const char *name;
	enum ctl_next (*run)(struct ctl_call *call);
} verbs[] = {
#define VERB(name, fn) {name, fn},
#include "apps/ctl.def"
#undef VERB
};

enum client_state {
	IDLE,
	READING,
	WAITING, /* for a CTL_LATER verb */
	WRITING,
};

struct client {
	struct ctl_call call; /* first: a call is its client's */
	struct loop_fd io;
	struct ctl *ctl;
	enum client_state state;
	uint64_t since_ns; /* in that state */
	uint8_t head[CTL_HEAD];
	uint8_t *in, *out;
	size_t in_len, in_have; /* in_have: with the head */
	size_t out_len, out_done;
	const struct verb *verb;
	bool more;   /* the verb is to be called again when `out` has left */
	bool last;   /* close when `out` has left */
	bool inside; /* the verb runs: its answer is handled when it returns */
};

struct ctl {
	struct app *app;
	struct ctl_listener at;
	struct loop_fd listen;
	struct loop_timer tick;
	bool paused; /* no descriptor was left for a client: until the next tick */
	struct client *clients[CTL_CLIENTS];
	unsigned n;
};

static void serve(struct client *c);

/* --- a client's life --- */

static void enter(struct client *c, enum client_state state)
{
	static const uint32_t events[] = {
		[IDLE] = EPOLLIN, [READING] = EPOLLIN, [WAITING] = 0, [WRITING] = EPOLLOUT};

	if (events[state] != events[c->state])
		loop_fd_mod(c->ctl->app->loop, &c->io, events[state]);
	c->state = state;
	c->since_ns = loop_now(c->ctl->app->loop);
}

static void end_call(struct client *c)
{
	json_decref(c->call.in);
	memset(&c->call, 0, sizeof c->call);
	c->verb = NULL;
	c->more = false;
}

static void drop(struct client *c)
{
	struct ctl *ctl = c->ctl;

	if (c->state == WAITING && c->call.gone)
		c->call.gone(&c->call);
	loop_fd_del(ctl->app->loop, &c->io);
	close(c->io.fd);
	end_call(c);
	free(c->in);
	free(c->out);
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		if (ctl->clients[i] == c)
			ctl->clients[i] = NULL;
	}
	ctl->n--;
	free(c);
}

/* --- answers --- */

static uint8_t *error_frame(const char *text, size_t *len)
{
	json_t *j = json_pack("{s:s}", "error", text);
	uint8_t *frame = ctl_frame_make(j, CTL_FRAME_MAX, len);
	json_decref(j);
	return frame;
}

/* Puts an answer to be written; without memory even for an error there is nothing but to hang up. */
static void put(struct client *c, uint8_t *frame, size_t len)
{
	free(c->out);
	c->out = frame;
	c->out_len = frame ? len : 0;
	c->out_done = 0;
	if (!frame)
		c->last = true;
	enter(c, WRITING);
	if (!c->inside)
		serve(c);
}

static void put_error(struct client *c, const char *text)
{
	size_t len = 0;
	uint8_t *frame = error_frame(text, &len);

	c->more = false;
	put(c, frame, len);
}

static enum ctl_next put_ok(struct ctl_call *call, json_t *value, bool more)
{
	struct client *c = (struct client *)call;
	size_t len = 0;
	json_t *j = value ? json_pack("{s:o}", "ok", value) : NULL;

	if (j && more)
		json_object_set_new(j, "more", json_true());
	uint8_t *frame = j ? ctl_frame_make(j, CTL_FRAME_MAX, &len) : NULL;
	json_decref(j);
	if (!frame) {
		put_error(c, "the answer does not fit into memory, or into a frame");
		return CTL_DONE;
	}
	c->more = more;
	put(c, frame, len);
	return more ? CTL_MORE : CTL_DONE;
}

enum ctl_next ctl_ok(struct ctl_call *call, json_t *value)
{
	return put_ok(call, value, false);
}

enum ctl_next ctl_part(struct ctl_call *call, json_t *value)
{
	return put_ok(call, value, true);
}

enum ctl_next ctl_fail(struct ctl_call *call, const char *fmt, ...)
{
	char text[ERROR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* What a client sent may be quoted in it, cut within a letter: JSON takes whole ones only. */
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	put_error((struct client *)call, text);
	return CTL_DONE;
}

bool ctl_args(struct ctl_call *call, const char *fmt, ...)
{
	json_error_t error;
	va_list ap;

	json_t *rest = json_copy(call->in);
	if (!rest) {
		ctl_fail(call, "no memory");
		return false;
	}
	json_object_del(rest, "verb");
	va_start(ap, fmt);
	int err = json_vunpack_ex(rest, &error, JSON_STRICT, fmt, ap);
	va_end(ap);
	json_decref(rest); /* strings taken from it stay: call->in has them too */
	if (err)
		ctl_fail(call, "%s: %.200s", ((struct client *)call)->verb->name, error.text);
	return err == 0;
}

/* --- requests --- */

/* Calls the verb, or calls it again. The answer stands in c->out afterwards, or is to come. */
static void run_verb(struct client *c)
{
	c->more = false;
	c->state = c->state == WRITING ? READING : c->state;
	c->inside = true;
	enum ctl_next next = c->verb->run(&c->call);
	c->inside = false;
	if (next == CTL_LATER && c->state != WRITING)
		enter(c, WAITING);
}

static void handle(struct client *c)
{
	struct opt_why why = {""};

	c->inside = true; /* errors are written by serve(), which called us */
	c->call.app = c->ctl->app;
	c->call.in = ctl_frame_parse(c->in, c->in_len, &why);
	free(c->in);
	c->in = NULL;
	const char *name = json_string_value(json_object_get(c->call.in, "verb"));
	for (size_t i = 0; name && i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(name, verbs[i].name) == 0)
			c->verb = &verbs[i];
	}
	if (!c->call.in)
		ctl_fail(&c->call, "%s", why.text);
	else if (!name)
		ctl_fail(&c->call, "no \"verb\" in it");
	else if (!c->verb)
		ctl_fail(&c->call, "%.60s: no such verb", name);
	else
		run_verb(c);
	c->inside = false;
}

/* Reads what belongs to one request. True: there may be something to write now. False: wait, or the client is gone. */
static bool read_request(struct client *c)
{
	for (;;) {
		bool head = c->in_have < CTL_HEAD;
		size_t off = head ? c->in_have : c->in_have - CTL_HEAD;
		size_t want = (head ? CTL_HEAD : c->in_len) - off;
		ssize_t n = recv(c->io.fd, (head ? c->head : c->in) + off, want, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n <= 0) {
			drop(c);
			return false;
		}
		if (c->state == IDLE)
			enter(c, READING);
		c->in_have += (size_t)n;
		if (c->in_have == CTL_HEAD) {
			c->in_len = ctl_head_get(c->head);
			/* What follows can't be told from its bytes: the conversation is over. */
			if (c->in_len == 0 || c->in_len > CTL_REQUEST_MAX) {
				c->inside = c->last = true;
				ctl_fail(&c->call, "a request of %zu bytes: send 1 to %d",
					 c->in_len, CTL_REQUEST_MAX);
				c->inside = false;
				return true;
			}
			c->in = malloc(c->in_len);
			if (!c->in) {
				drop(c);
				return false;
			}
		} else if (c->in_have == CTL_HEAD + c->in_len) {
			c->in_have = 0;
			handle(c);
			return true;
		}
	}
}

/* Writes what there is. False: the client is gone. */
static bool write_answer(struct client *c)
{
	while (c->out_done < c->out_len) {
		ssize_t n = send(c->io.fd, c->out + c->out_done, c->out_len - c->out_done,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n < 0) {
			drop(c);
			return false;
		}
		c->out_done += (size_t)n;
	}
	free(c->out);
	c->out = NULL;
	if (c->last) {
		drop(c);
		return false;
	}
	if (c->more)
		return true; /* in the next turn: others come between */
	end_call(c);
	enter(c, IDLE);
	return true;
}

/* One step. */
static void serve(struct client *c)
{
	if ((c->state == IDLE || c->state == READING) && !read_request(c))
		return;
	if (c->state == WRITING && !c->out && c->more)
		run_verb(c);
	if (c->state == WRITING)
		write_answer(c);
}

static void on_client(struct loop *l, struct loop_fd *f, uint32_t events)
{
	struct client *c = (struct client *)(void *)((char *)f - offsetof(struct client, io));

	(void)l;
	/* Nobody is left to read an answer; one who only sends no more still does. */
	if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN))
		drop(c);
	else
		serve(c);
}

/* --- who comes --- */

static void refuse(int fd, const char *text)
{
	size_t len = 0;
	uint8_t *frame = error_frame(text, &len);

	if (frame && send(fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		errno = 0; /* it has left already */
	free(frame);
	close(fd);
}

/* The mode of the socket says so already; this holds even where a folder or file system does not. */
static bool is_owner(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && len == sizeof cred &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

/* Drops who has left; the loop will hear of it later than of who comes now. */
static void reap(struct ctl *ctl)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		struct pollfd p = {.fd = ctl->clients[i] ? ctl->clients[i]->io.fd : -1};

		if (poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR))
			drop(ctl->clients[i]);
	}
}

/* A free place; that of the client which has been idle longest, if it has been so for some time; or NULL. */
static struct client **place(struct ctl *ctl)
{
	struct client **idle = NULL;

	if (ctl->n == CTL_CLIENTS)
		reap(ctl);
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		struct client *c = ctl->clients[i];

		if (!c)
			return &ctl->clients[i];
		if (c->state == IDLE && (!idle || c->since_ns < (*idle)->since_ns))
			idle = &ctl->clients[i];
	}
	if (!idle || loop_now(ctl->app->loop) - (*idle)->since_ns < SPARE_NS)
		return NULL;
	drop(*idle);
	return idle;
}

static void take(struct ctl *ctl, int fd)
{
	char text[80];

	if (!is_owner(fd)) {
		refuse(fd, "only root and the user who runs the stack may ask it");
		return;
	}
	struct client **at = place(ctl);
	struct client *c = at ? calloc(1, sizeof *c) : NULL;
	if (!c) {
		snprintf(text, sizeof text, "busy: %u clients are connected: try again", ctl->n);
		refuse(fd, text);
		return;
	}
	c->ctl = ctl;
	c->io = (struct loop_fd){on_client, fd};
	c->since_ns = loop_now(ctl->app->loop);
	if (loop_fd_add(ctl->app->loop, &c->io, EPOLLIN) < 0) {
		free(c);
		close(fd);
		return;
	}
	*at = c;
	if (ctl->n++ == 0 && !ctl->paused)
		loop_timer_set(ctl->app->loop, &ctl->tick, c->since_ns + TICK_NS);
}

static void on_listen(struct loop *l, struct loop_fd *f, uint32_t events)
{
	struct ctl *ctl = (struct ctl *)(void *)((char *)f - offsetof(struct ctl, listen));

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			take(ctl, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			   errno == ENOBUFS) {
			/* who waits would wake us without end */
			ctl->paused = true;
			loop_fd_mod(l, f, 0);
			loop_timer_set(l, &ctl->tick, loop_now(l) + TICK_NS);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void on_tick(struct loop *l, struct loop_timer *tm)
{
	static const uint64_t patience[] = {[IDLE] = IDLE_NS,
					    [READING] = FRAME_NS,
					    [WAITING] = UINT64_MAX,
					    [WRITING] = FRAME_NS};
	struct ctl *ctl = (struct ctl *)(void *)((char *)tm - offsetof(struct ctl, tick));

	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		struct client *c = ctl->clients[i];

		if (c && loop_now(l) - c->since_ns > patience[c->state])
			drop(c);
	}
	if (ctl->paused) {
		ctl->paused = false;
		loop_fd_mod(l, &ctl->listen, EPOLLIN);
	}
	if (ctl->n > 0)
		loop_timer_set(l, tm, loop_now(l) + TICK_NS);
}

/* --- its life --- */

/* The path by the options; false: there is to be none, or *why says why there is none by default. */
static bool choose_path(const struct stack_opts *o, const struct app *a, char path[CTL_PATH_MAX],
			struct opt_why *why)
{
	why->text[0] = 0;
	if (o->ctl_off)
		return false;
	if (o->ctl) {
		snprintf(path, CTL_PATH_MAX, "%s", o->ctl);
		return true;
	}
	return ctl_default_path(o->dev == DEV_FD ? "" : a->drv->ifname, path, why) == 0;
}

struct ctl *ctl_start(struct app *a, const struct stack_opts *o, int *status)
{
	char path[CTL_PATH_MAX];
	struct opt_why why;

	*status = 0;
	if (!choose_path(o, a, path, &why)) {
		if (why.text[0] && o->ctl_told)
			app_error(a->name, "no control socket: %s: name one with --ctl PATH",
				  why.text);
		return NULL;
	}
	struct ctl *ctl = calloc(1, sizeof *ctl);
	int err = ctl ? ctl_listen(&ctl->at, path, &why) : opt_refuse(&why, "no memory");
	if (!err) {
		ctl->app = a;
		ctl->tick.fn = on_tick;
		ctl->listen = (struct loop_fd){on_listen, ctl->at.fd};
		if (loop_fd_add(a->loop, &ctl->listen, EPOLLIN) == 0)
			return ctl;
		opt_refuse(&why, "can't be waited on: %s", strerror(errno));
		ctl_unlisten(&ctl->at);
	}
	free(ctl);
	if (o->ctl) {
		*status = app_error(a->name, "--ctl %s: %s", path, why.text);
	} else if (o->ctl_told) {
		app_error(a->name, "no control socket: %s: %s: name one with --ctl PATH", path,
			  why.text);
	}
	return NULL;
}

void ctl_stop(struct ctl *ctl)
{
	if (!ctl)
		return;
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		if (ctl->clients[i])
			drop(ctl->clients[i]);
	}
	loop_timer_cancel(ctl->app->loop, &ctl->tick);
	loop_fd_del(ctl->app->loop, &ctl->listen);
	ctl_unlisten(&ctl->at);
	free(ctl);
}

/* --- the stack itself --- */

enum ctl_next ctl_stack_info(struct ctl_call *call)
{
	const struct app *a = call->app;

	if (!ctl_args(call, "{}"))
		return CTL_DONE;
	return ctl_ok(call,
		      json_pack("{s:s,s:s,s:s,s:I}", "version", TAPIR_VERSION, "command", a->name,
				"device", a->drv->name, "pid", (json_int_t)getpid()));
}
