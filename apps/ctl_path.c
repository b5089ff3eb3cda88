/*
 * Who may talk to a stack is decided by the file system first: the folder is ours and nobody else may write to it, the socket has
 * mode 0600 from its first moment (umask, not a chmod behind it).
 *
 * A stack that was killed leaves its socket behind. Whether one is alive is asked by connecting: a dead one refuses. Between
 * that and bind() another stack may have come, so both happen while the folder is locked, which every stack does; the lock is
 * the kernel's and ends with the process.
 */
#include "apps/ctl_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	BACKLOG = 16,
	LOCK_TRIES = 50, /* 10 ms apart: who holds the folder's lock is about to let go */
};

#define RUN_DIR "/run/tapir"

/* A folder that belongs to us and that nobody else may write to. */
static bool is_ours(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 022) == 0;
}

/* An inherited XDG_RUNTIME_DIR may be another user's: `su` leaves it. */
static bool runtime_dir(char out[CTL_PATH_MAX])
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	return dir && dir[0] == '/' && stat(dir, &st) == 0 && is_ours(&st) &&
	       snprintf(out, CTL_PATH_MAX, "%s/tapir", dir) < CTL_PATH_MAX;
}

unsigned ctl_dirs(char dirs[CTL_DIRS][CTL_PATH_MAX])
{
	unsigned n = runtime_dir(dirs[0]);

	snprintf(dirs[n], CTL_PATH_MAX, "%s", RUN_DIR);
	return n + 1;
}

int ctl_default_path(const char *dev_name, char path[CTL_PATH_MAX], struct opt_why *why)
{
	char dirs[CTL_DIRS][CTL_PATH_MAX], name[32];
	struct stat st;

	ctl_dirs(dirs);
	if (mkdir(dirs[0], 0700) < 0 && errno != EEXIST)
		return opt_refuse(why, "%.100s can't be made: %s", dirs[0], strerror(errno));
	if (lstat(dirs[0], &st) < 0 || !is_ours(&st))
		return opt_refuse(why, "%.100s is no folder that only we may write to", dirs[0]);
	if (*dev_name)
		snprintf(name, sizeof name, "%.20s", dev_name);
	else
		snprintf(name, sizeof name, "fd-%ld", (long)getpid());
	size_t n = strlen(dirs[0]);
	if (n + 1 + strlen(name) + sizeof ".sock" > CTL_PATH_MAX)
		return opt_refuse(why, "%.100s is too long for a socket's name", dirs[0]);
	snprintf(path, CTL_PATH_MAX, "%.*s/%.31s.sock", (int)n, dirs[0], name);
	return 0;
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	memcpy(sun.sun_path, path, strnlen(path, sizeof sun.sun_path - 1));
	return sun;
}

int ctl_connect(const char *path)
{
	struct sockaddr_un sun = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

/* The folder of a path, locked; -1 where it can't be, for which nobody else waits. */
static int lock_folder(const char *path)
{
	const struct timespec pause = {0, 10000000};
	char dir[CTL_PATH_MAX];
	const char *slash = strrchr(path, '/');

	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			break;
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* Makes way for bind(): a dead stack's socket goes. */
static int clear_way(const char *path, struct opt_why *why)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : opt_refuse(why, "%s: give a path in a folder that is there",
					    strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return opt_refuse(why, "there is %s already, which is no socket: give another path",
				  S_ISLNK(st.st_mode)	? "a link"
				  : S_ISDIR(st.st_mode) ? "a folder"
							: "a file");
	int fd = ctl_connect(path);
	if (fd >= 0 || fd == -EAGAIN) {
		if (fd >= 0)
			close(fd);
		opt_refuse(why, "another program listens there");
		return CTL_TAKEN;
	}
	if (fd != -ECONNREFUSED)
		return opt_refuse(why, "%s: give another path", strerror(-fd));
	if (unlink(path) < 0)
		return opt_refuse(why, "a socket that nobody listens at can't be removed: %s",
				  strerror(errno));
	return 0;
}

static int bind_and_listen(struct ctl_listener *l, struct opt_why *why)
{
	struct sockaddr_un sun = address(l->path);
	struct stat st = {0};

	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return opt_refuse(why, "no socket: %s", strerror(errno));
	mode_t old = umask(0177);
	int err = bind(l->fd, (struct sockaddr *)&sun, sizeof sun) < 0 ? errno : 0;
	umask(old);
	if (!err && (listen(l->fd, BACKLOG) < 0 || lstat(l->path, &st) < 0)) {
		err = errno;
		unlink(l->path);
	}
	if (err) {
		close(l->fd);
		l->fd = -1;
		return opt_refuse(why, "%s: give a path where you may make a socket",
				  strerror(err));
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int ctl_listen(struct ctl_listener *l, const char *path, struct opt_why *why)
{
	l->fd = -1;
	if (strlen(path) >= sizeof l->path)
		return opt_refuse(why, "longer than a socket's name may be: give at most %zu bytes",
				  sizeof l->path - 1);
	memcpy(l->path, path, strlen(path) + 1);
	int lock = lock_folder(path);
	int err = clear_way(path, why);
	if (!err)
		err = bind_and_listen(l, why);
	if (lock >= 0)
		close(lock);
	return err;
}

void ctl_unlisten(struct ctl_listener *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	/* Under the lock as well: what is there may be a successor's, which thought us dead. */
	int lock = lock_folder(l->path);
	if (lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	if (lock >= 0)
		close(lock);
	close(l->fd);
	l->fd = -1;
}
