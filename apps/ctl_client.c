/*
 * Finding a stack: its socket by name, or every *.sock of the folders where stacks put theirs by default, of which those
 * count that somebody listens at. One is taken, several are named, none is told with the mend.
 *
 * What comes back is bounded like what goes in, and a stack that stands still (a debugger holds it, or a stop signal)
 * is told of after some seconds rather than waited for.
 */
#include "apps/ctl_client.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "apps/app.h"
#include "apps/ctl_frame.h"
#include "apps/ctl_path.h"
#include "drivers/host.h"

enum {
	PATIENCE_MS = 5000,
	FOUND_MAX = 16, /* stacks that are told apart */
	ENTRIES_MAX = 4096,
};

/* Stacks that listen. */
struct found {
	unsigned n;
	char path[FOUND_MAX][CTL_PATH_MAX];
	int fd;	     /* to the first */
	bool denied; /* there is a folder, or a socket, that we may not look into */
	char where[CTL_PATH_MAX];
};

static void deny(struct found *f, const char *path)
{
	if (!f->denied)
		snprintf(f->where, sizeof f->where, "%.*s", CTL_PATH_MAX - 1, path);
	f->denied = true;
}

/* Connects, waiting while others wait too. */
static int connect_to(const char *path)
{
	const struct timespec pause = {0, 20000000};
	int fd = -EAGAIN;

	for (int i = 0; fd == -EAGAIN && i < PATIENCE_MS / 20; i++) {
		fd = ctl_connect(path);
		if (fd == -EAGAIN)
			nanosleep(&pause, NULL);
	}
	return fd;
}

static void look_at(struct found *f, const char *path)
{
	int fd = f->n < FOUND_MAX ? ctl_connect(path) : -EMFILE;

	if (fd == -EACCES || fd == -EPERM)
		deny(f, path);
	/* -EAGAIN: it is alive, with many who want to talk to it */
	if (fd < 0 && fd != -EAGAIN)
		return;
	snprintf(f->path[f->n++], CTL_PATH_MAX, "%s", path);
	if (f->n == 1)
		f->fd = fd;
	else if (fd >= 0)
		close(fd);
}

static void look_into(struct found *f, const char *folder)
{
	char path[CTL_PATH_MAX];
	DIR *d = opendir(folder);
	struct dirent *e;

	if (!d) {
		if (errno == EACCES)
			deny(f, folder);
		return;
	}
	for (int i = 0; i < ENTRIES_MAX && (e = readdir(d)); i++) {
		size_t n = strlen(e->d_name);

		if (n > 5 && strcmp(e->d_name + n - 5, ".sock") == 0 &&
		    snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < CTL_PATH_MAX)
			look_at(f, path);
	}
	closedir(d);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int open_only(struct ctl_conn *c)
{
	char dirs[CTL_DIRS][CTL_PATH_MAX], list[1024] = "";
	struct found f = {.fd = -1};

	for (unsigned i = 0, n = ctl_dirs(dirs); i < n; i++)
		look_into(&f, dirs[i]);
	if (f.n == 1) {
		c->fd = f.fd >= 0 ? f.fd : connect_to(f.path[0]);
		return c->fd >= 0 ? 0 : app_error(c->name, "%s: %s", f.path[0], strerror(-c->fd));
	}
	if (f.fd >= 0)
		close(f.fd);
	if (f.n == 0 && f.denied)
		return app_error(c->name,
				 "no stack of yours runs here, and %s is another user's: try sudo, "
				 "or name a socket with --ctl PATH",
				 f.where);
	if (f.n == 0)
		return app_error(c->name, "no stack runs here: start one with `tapir up`, or name "
					  "its socket with --ctl PATH");
	qsort(f.path, f.n, CTL_PATH_MAX, by_name);
	for (unsigned i = 0; i < f.n; i++) {
		size_t n = strlen(list);

		snprintf(list + n, sizeof list - n, " %s", f.path[i]);
	}
	app_error(c->name, "%s%u stacks run here: name one of them with --ctl:%s",
		  f.n == FOUND_MAX ? "at least " : "", f.n, list);
	return 2;
}

static int open_path(struct ctl_conn *c, const char *path)
{
	if (strlen(path) >= CTL_PATH_MAX)
		return opts_error(c->name, "--ctl", "longer than any socket's name: give its path");
	c->fd = connect_to(path);
	switch (-c->fd) {
	case ENOENT:
	case ENOTDIR:
		return app_error(c->name,
				 "--ctl %s: no stack runs there: start one with `tapir up "
				 "--ctl %s`",
				 path, path);
	case ECONNREFUSED:
		return app_error(c->name,
				 "--ctl %s: no stack listens there: it has ended, or this "
				 "is no control socket",
				 path);
	case EACCES:
	case EPERM:
		return app_error(c->name, "--ctl %s: it is another user's: try sudo", path);
	case EAGAIN:
		return app_error(c->name, "--ctl %s: too many ask this stack, or it stands still",
				 path);
	}
	return c->fd >= 0 ? 0 : app_error(c->name, "--ctl %s: %s", path, strerror(-c->fd));
}

int ctl_set_path(void *to, const char *value, struct opt_why *why)
{
	if (!*value)
		return opt_refuse(why, "not a path: give that of the stack's socket");
	((struct ctl_conn *)to)->path = value;
	return 0;
}

int ctl_open(struct ctl_conn *c, const char *name)
{
	*c = (struct ctl_conn){.name = name, .path = c->path, .fd = -1, .patience_ms = PATIENCE_MS};
	return c->path ? open_path(c, c->path) : open_only(c);
}

void ctl_close(struct ctl_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* --- frames --- */

static enum ctl_answer broken(struct ctl_conn *c, const char *text)
{
	app_error(c->name, "%s", text);
	return CTL_BROKEN;
}

/* Until the descriptor is ready; false: the time is over. */
static bool ready(struct ctl_conn *c, short events, uint64_t until_ns)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	for (;;) {
		uint64_t now = host_clock_ns();
		int n = now < until_ns
				? poll(&p, 1, (int)((until_ns - now + NS_PER_MS - 1) / NS_PER_MS))
				: 0;

		if (n >= 0 || errno != EINTR)
			return n > 0;
	}
}

static uint64_t deadline(const struct ctl_conn *c)
{
	return host_clock_ns() + (uint64_t)c->patience_ms * NS_PER_MS;
}

/* False: it does not go out. What the stack said before it hung up may be there to read all the same. */
static bool send_all(struct ctl_conn *c, const uint8_t *bytes, size_t len)
{
	uint64_t until = deadline(c);

	for (size_t done = 0; done < len;) {
		ssize_t n = send(c->fd, bytes + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR && (errno != EAGAIN || !ready(c, POLLOUT, until)))
			return false;
	}
	return true;
}

/* 0, or -errno: -EPIPE the stack has hung up, -ETIMEDOUT. */
static int recv_all(struct ctl_conn *c, uint8_t *bytes, size_t len, uint64_t until)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = recv(c->fd, bytes + done, len - done, MSG_DONTWAIT);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno == ECONNRESET)
			return -EPIPE;
		else if (errno == EAGAIN && !ready(c, POLLIN, until))
			return -ETIMEDOUT;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return 0;
}

static enum ctl_answer told_broken(struct ctl_conn *c, int err)
{
	if (err == -ETIMEDOUT)
		return broken(c, "the stack does not answer: it is held, or stopped");
	if (err == -EPIPE)
		return broken(c, "the stack hung up: it has ended, or is ending");
	return broken(c, strerror(-err));
}

/* Takes the answer apart. */
static enum ctl_answer take(struct ctl_conn *c, json_t *frame, json_t **value, bool *more,
			    struct opt_why *why)
{
	const char *error = json_string_value(json_object_get(frame, "error"));

	*value = json_incref(json_object_get(frame, "ok"));
	*more = json_is_true(json_object_get(frame, "more"));
	if (error)
		opt_refuse(why, "%s", error);
	json_decref(frame);
	if (error) {
		json_decref(*value);
		*value = NULL;
		return CTL_REFUSED;
	}
	return *value ? CTL_OK : broken(c, "the stack's answer is none: is it another version?");
}

enum ctl_answer ctl_more(struct ctl_conn *c, json_t **value, bool *more, struct opt_why *why)
{
	uint8_t head[CTL_HEAD];
	uint64_t until = deadline(c);
	struct opt_why inner = {""};
	int err = recv_all(c, head, sizeof head, until);

	*value = NULL;
	*more = false;
	if (err)
		return told_broken(c, err);
	size_t len = ctl_head_get(head);
	if (len == 0 || len > CTL_FRAME_MAX)
		return broken(c, "the answer is none of a stack's: is this a control socket?");
	uint8_t *bytes = malloc(len);
	if (!bytes)
		return broken(c, "no memory: free some and try again");
	err = recv_all(c, bytes, len, until);
	json_t *frame = err ? NULL : ctl_frame_parse(bytes, len, &inner);
	free(bytes);
	if (err)
		return told_broken(c, err);
	if (!frame)
		return broken(c, "the answer is none of a stack's: is this a control socket?");
	return take(c, frame, value, more, why);
}

enum ctl_answer ctl_ask(struct ctl_conn *c, json_t *request, json_t **value, bool *more,
			struct opt_why *why)
{
	size_t len = 0;
	uint8_t *frame = request ? ctl_frame_make(request, CTL_REQUEST_MAX, &len) : NULL;

	json_decref(request);
	*value = NULL;
	*more = false;
	if (!frame)
		return broken(c, "longer than a stack may be asked");
	bool sent = send_all(c, frame, len);
	free(frame);
	(void)sent; /* why it did not go out is to be read, or the reading says that all is over */
	return ctl_more(c, value, more, why);
}

void ctl_puts(const char *text, FILE *f)
{
	for (; *text; text++) {
		unsigned char b = (unsigned char)*text;

		if ((b < ' ' && b != '\t') || b == 0x7f)
			fprintf(f, "\\x%02x", b);
		else if (b == 0xc2 && (unsigned char)text[1] < 0xa0 && text[1])
			/* C1 in UTF-8: U+009B is ESC [ to some terminals */
			fprintf(f, "\\xc2\\x%02x", (unsigned char)*++text);
		else
			putc(b, f);
	}
}

int ctl_told(const struct ctl_conn *c, const char *text)
{
	/* What was printed before comes before, where both go to one place. */
	fflush(stdout);
	fprintf(stderr, "tapir %s: ", c->name);
	ctl_puts(text, stderr);
	putc('\n', stderr);
	return 1;
}
