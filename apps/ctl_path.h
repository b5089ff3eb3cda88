/*
 * Where control sockets are: by default DEVICE.sock in $XDG_RUNTIME_DIR/tapir, or in /run/tapir where there is no such folder
 * of ours.
 */
#ifndef TAPIR_APPS_CTL_PATH_H
#define TAPIR_APPS_CTL_PATH_H

#include <stddef.h>
#include <sys/types.h>

#include "apps/opts.h"

enum {
	CTL_PATH_MAX = STACK_CTL_MAX + 1, /* with the NUL */
	CTL_DIRS = 2,
};

/* The folders in which stacks may have sockets, the first choice first; returns their number. Nothing is made. */
unsigned ctl_dirs(char dirs[CTL_DIRS][CTL_PATH_MAX]);

/* The default path of a device's socket ("" as a name: one that has none), its folder made. -1: there is no place, *why says it. */
int ctl_default_path(const char *dev_name, char path[CTL_PATH_MAX], struct opt_why *why);

/* What ctl_listen() found wrong. */
enum ctl_listen_err {
	CTL_TAKEN = -2, /* another stack listens there */
	CTL_FAILED = -1,
};

/* A socket that listens, and by what it is known again when it is to be removed. */
struct ctl_listener {
	int fd;
	char path[CTL_PATH_MAX];
	dev_t dev;
	ino_t ino;
};

/*
 * Listens at a path, for the owner alone (0600). A socket of a stack that has died is replaced; nothing else is, and no link
 * is followed. 0, or an enum ctl_listen_err with *why.
 */
int ctl_listen(struct ctl_listener *l, const char *path, struct opt_why *why);

/* Closes it and removes the socket, if that is still the one we made. */
void ctl_unlisten(struct ctl_listener *l);

/* Connects without waiting. The descriptor, or a negative errno: -ECONNREFUSED nobody listens, -EAGAIN too many wait. */
int ctl_connect(const char *path);

#endif
