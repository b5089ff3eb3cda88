/*
 * What this machine has and lets us do.
 *
 * A private network costs no rights where the system gives a user namespaces: inside one's own, one is
 * root over what one makes there. Systems turn that off in several ways, each with its own switch, and fail
 * with the same EPERM: so the switches are looked at, to name the right one.
 */
#include "apps/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "drivers/netlink.h"

enum { CAP_NET_ADMIN_BIT = 12, TMP_MIB = 64 };

/* The driver's line in /proc/misc, "200 tun": a chroot often has no /sys. */
static bool kernel_has_tun(void)
{
	char line[128];
	bool found = false;
	FILE *f = fopen("/proc/misc", "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " tun\n");
	if (f)
		fclose(f);
	return found;
}

int machine_tun(struct drv_error *why)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	int e = errno;
	if (e == ENOENT && kernel_has_tun())
		return drv_fail(why,
				"/dev/net/tun is missing, though the kernel has it: sudo mkdir -p "
				"/dev/net; sudo mknod -m 666 /dev/net/tun c 10 200; a container "
				"is given it by --device /dev/net/tun");
	if (e == ENOENT || e == ENODEV || e == ENXIO)
		return drv_fail(why, "/dev/net/tun: the kernel's TUN driver is not loaded: sudo "
				     "modprobe tun");
	if (e == EACCES)
		return drv_fail(why, "/dev/net/tun may not be opened by you: sudo chmod 666 "
				     "/dev/net/tun, or run as root");
	return drv_fail(why, "/dev/net/tun: %s: a container is given it by --device /dev/net/tun",
			strerror(e));
}

int machine_tool(const char *program, const char *package, struct drv_error *why)
{
	const char *path = getenv("PATH");
	char all[8192], file[4096];

	snprintf(all, sizeof(all), "%s:/usr/sbin:/sbin:/usr/bin:/bin", path ? path : "");
	for (char *rest = all, *dir; (dir = strsep(&rest, ":"));) {
		snprintf(file, sizeof(file), "%s/%s", *dir ? dir : ".", program);
		if (access(file, X_OK) == 0)
			return 0;
	}
	return drv_fail(why, "%s is missing: sudo apt-get install --no-install-recommends %s",
			program, package);
}

int machine_tap(struct drv_error *why)
{
	struct driver_host leave = {.leave = true};
	struct driver *d = tap_open("tapirtest0", 0, &leave, why);

	driver_close(d);
	return d ? 0 : -1;
}

bool machine_net_admin(void)
{
	unsigned long long caps = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "CapEff:", 7) == 0)
			caps = strtoull(line + 7, NULL, 16);
	}
	if (f)
		fclose(f);
	return caps >> CAP_NET_ADMIN_BIT & 1;
}

/* A number in a file of /proc/sys, or -1. */
static long setting(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n > 0 ? strtol(text, NULL, 10) : -1;
}

static int no_namespaces(const char *what, int errnum, struct drv_error *why)
{
	static const struct {
		const char *path, *name;
		long bad, good;
	} switches[] = {
		{"/proc/sys/user/max_user_namespaces", "user.max_user_namespaces", 0, 15000},
		{"/proc/sys/user/max_net_namespaces", "user.max_net_namespaces", 0, 15000},
		{"/proc/sys/kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone",
		 0, 1},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
		 "kernel.apparmor_restrict_unprivileged_userns", 1, 0},
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (setting(switches[i].path) == switches[i].bad)
			return drv_fail(why,
					"%s: %s: this system forbids it to users: run as root, or: "
					"sudo sysctl -w %s=%ld",
					what, strerror(errnum), switches[i].name, switches[i].good);
	}
	return drv_fail(why,
			"%s: %s: run as root; a container must be given --cap-add SYS_ADMIN "
			"--cap-add NET_ADMIN",
			what, strerror(errnum));
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int e = errno;

	if (fd >= 0)
		close(fd);
	errno = e;
	return n < 0 ? -1 : 0;
}

/* A user namespace in which we, and nobody else, are root. */
static int private_user(struct drv_error *why)
{
	char uid[64], gid[64];

	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER) != 0)
		return no_namespaces("a user namespace can't be made", errno, why);
	/* without this the kernel lets nobody but root map a group */
	write_file("/proc/self/setgroups", "deny");
	if (write_file("/proc/self/uid_map", uid) != 0 ||
	    write_file("/proc/self/gid_map", gid) != 0)
		return no_namespaces("a user namespace can't be filled", errno, why);
	return 0;
}

/*
 * What is mounted from here on stays here. In a chroot of a plain folder / is no mount, and can't be made private: then
 * a copy of the tree, mounted in a place that can, becomes our root.
 */
static int private_mounts(void)
{
	char here[4096];

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return 0;
	if (errno != EINVAL || !getcwd(here, sizeof(here)) ||
	    mount(NULL, "/proc", NULL, MS_PRIVATE, NULL) != 0 ||
	    mount("/", "/proc/fs", NULL, MS_BIND | MS_REC, NULL) != 0 ||
	    mount(NULL, "/proc/fs", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return -1;
	return chroot("/proc/fs") == 0 && chdir(here) == 0 ? 0 : -1;
}

int machine_private_net(struct drv_error *why)
{
	char size[32];

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
		if (private_user(why) < 0)
			return -1;
		if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
			return no_namespaces("a network namespace can't be made", errno, why);
	}
	struct nl_link lo;
	int v = nl_link_get("lo", &lo);
	if (v == 0)
		v = nl_link_set(lo.ifindex, true, 0, NULL);
	if (v < 0)
		return no_namespaces("the private network can't be configured", -v, why);
	snprintf(size, sizeof(size), "size=%dm,mode=1777", TMP_MIB);
	if (private_mounts() != 0 ||
	    mount("tapir", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, size) != 0) {
		int e = errno;

		if (access("/proc/self", F_OK) != 0)
			return drv_fail(why, "/proc is not mounted: mount -t proc proc /proc");
		return no_namespaces("a private /tmp can't be mounted", e, why);
	}
	return 0;
}
