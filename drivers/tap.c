/*
 * The TAP driver: an Ethernet cable with the kernel at the other end.
 *
 * A TAP is a network interface whose wire is a descriptor: a frame that the kernel sends out of it can
 * be read, one that we write arrives at it. IFF_NO_PI keeps the frames bare. (IFF_VNET_HDR, which
 * would put a header with checksum and segmentation offload before each, is a matter of two places here:
 * the flags of attach(), and ten bytes before the frame in tap_read() and tap_write().)
 *
 * One that is there already is used as it is; else it is made, and vanishes with its descriptor even if
 * the program is killed. The kernel's side is configured by netlink: up, its MTU, and an address if it
 * has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/netlink.h"

enum {
	ETH_ROOM = 14 + 4, /* Ethernet header and one VLAN tag */
	SCRATCH = 65536,
};

struct tap {
	struct driver d;
	uint32_t room;	  /* bytes of the longest frame */
	uint8_t *scratch; /* for frames that have no packet, made at need */
};

/* No packet to read into: the frame must still leave the queue, or the loop would never sleep again. */
static ssize_t drain_one(struct tap *tap)
{
	if (!tap->scratch)
		tap->scratch = malloc(SCRATCH);
	uint8_t small[64];
	ssize_t n = tap->scratch ? read(tap->d.fd, tap->scratch, SCRATCH)
				 : read(tap->d.fd, small, sizeof(small));
	if (n >= 0)
		tap->d.rx_nomem++;
	return n;
}

/* RS-03: a device that fails or vanishes is told, and ends nothing but its use. */
static int tap_failed(const struct tap *tap, int errnum, struct drv_error *err)
{
	if (errnum == EBADFD || errnum == ENODEV || errnum == EFAULT)
		return drv_fail(err,
				"%s: the interface was removed while in use: start again to make "
				"it anew",
				tap->d.ifname);
	return drv_fail(err, "%s: reading failed: %s: start again", tap->d.ifname,
			strerror(errnum));
}

static int tap_read(struct driver *d, struct tapir *t, struct pkt **pkts, int max,
		    struct drv_error *err)
{
	struct tap *tap = (struct tap *)d;
	int n = 0;

	for (int tries = 0; n < max && tries < max; tries++) {
		struct pkt *p = tapir_pkt_alloc(t, tap->room);
		ssize_t len = p ? read(d->fd, p->data, tap->room) : drain_one(tap);

		if (len > 0 && p) {
			p->len = (uint32_t)len;
			pkts[n++] = p;
			continue;
		}
		tapir_pkt_free(p);
		if (len >= 0 || errno == EINTR)
			continue;
		if (errno == EAGAIN || n > 0)
			break; /* a real failure will be met again */
		return tap_failed(tap, errno, err);
	}
	return n;
}

static int tap_write(struct driver *d, const struct pkt *const *pkts, int n, struct drv_error *err)
{
	struct tap *tap = (struct tap *)d;

	for (int i = 0; i < n; i++) {
		struct iovec iov[1 + PKT_MAX_SPANS];
		int niov = driver_iovec(pkts[i], iov);
		ssize_t len;

		do
			len = niov == 1 ? write(d->fd, iov[0].iov_base, iov[0].iov_len)
					: writev(d->fd, iov, niov);
		while (len < 0 && errno == EINTR);
		if (len >= 0)
			continue;
		if (errno == EAGAIN)
			return i;
		if (errno == EBADFD || errno == ENODEV)
			return tap_failed(tap, errno, err);
		d->tx_errors++; /* EIO: the kernel's side is down */
	}
	return n;
}

static void tap_close(struct driver *d)
{
	struct tap *tap = (struct tap *)d;

	if (d->fd >= 0)
		close(d->fd);
	free(tap->scratch);
	free(tap);
}

static const struct driver_ops tap_ops = {
	.read = tap_read,
	.write = tap_write,
	.close = tap_close,
};

static int attach(struct tap *tap, bool exists, struct drv_error *err)
{
	const char *ifname = tap->d.ifname;
	struct ifreq ifr;

	tap->d.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->d.fd < 0)
		return drv_fail(err, "/dev/net/tun: %s: 'tapir doctor' says how to mend it",
				strerror(errno));
	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, ifname, strlen(ifname));
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
	int v = ioctl(tap->d.fd, TUNSETIFF, &ifr);
	if (v != 0 && errno == EINVAL && exists) {
		/* it may have been made for several queues: then we are one of them */
		ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
		v = ioctl(tap->d.fd, TUNSETIFF, &ifr);
	}
	if (v == 0)
		return ioctl(tap->d.fd, TUNSETOFFLOAD, 0) == 0
			       ? 0
			       : drv_fail(err, "%s: offloads can't be turned off: %s", ifname,
					  strerror(errno));
	if (errno == EBUSY)
		return drv_fail(err,
				"%s: another program uses this TAP: stop it, or choose another by "
				"--dev tap:NAME",
				ifname);
	if (errno == EPERM && exists)
		return drv_fail(err, "%s: this TAP belongs to another user: run as root", ifname);
	if (errno == EPERM)
		return drv_fail(err,
				"%s: no right to make a TAP: run as root, or make it for yourself "
				"first: sudo ip tuntap add dev %s mode tap user $USER",
				ifname, ifname);
	if (errno == EINVAL && exists)
		return drv_fail(err,
				"%s: exists and is no TAP: use --dev packet:%s, or another "
				"name",
				ifname, ifname);
	return drv_fail(err, "%s: the TAP can't be made: %s", ifname, strerror(errno));
}

/* Up, MTU, address: what is not as wanted. */
static int configure(struct tap *tap, const struct nl_link *link, uint32_t mtu,
		     const struct driver_host *host, struct drv_error *err)
{
	const char *ifname = tap->d.ifname;
	bool set_mtu = tap->d.made && mtu && mtu != link->mtu;

	if (!(link->flags & IFF_UP) || set_mtu) {
		int v = nl_link_set(link->ifindex, true, set_mtu ? mtu : 0, NULL);

		if (v == -EINVAL && set_mtu)
			return drv_fail(
				err, "%s: the kernel refuses an MTU of %u: a TAP takes 68 to 65521",
				ifname, mtu);
		if (v < 0)
			return drv_fail(err, "%s: can't be set up: %s: sudo ip link set dev %s up",
					ifname, strerror(-v), ifname);
	}
	if (host->leave)
		return 0;
	int n = nl_addr_list(link->ifindex, NULL, 0);
	if (n == 0)
		n = nl_addr_add(link->ifindex, host->ip4, host->prefix_len);
	if (n < 0 && n != -EEXIST)
		return drv_fail(err,
				"%s: the kernel's side can't be given an address: %s: run as root, "
				"or give --host-ip none",
				ifname, strerror(-n));
	return 0;
}

struct driver *tap_open(const char *ifname, uint32_t mtu, const struct driver_host *host,
			struct drv_error *err)
{
	struct nl_link link;
	struct tap *tap = (struct tap *)driver_new(sizeof(*tap), &tap_ops, err);

	if (!tap)
		return NULL;
	if (strlen(ifname) >= sizeof(tap->d.ifname) || strlen(ifname) == 0) {
		drv_fail(err, "%s: an interface's name has 1 to 15 characters", ifname);
		goto fail;
	}
	memcpy(tap->d.ifname, ifname, strlen(ifname));
	snprintf(tap->d.name, sizeof(tap->d.name), "tap:%s", ifname);

	int v = nl_link_get(ifname, &link);
	if (v < 0 && v != -ENODEV) {
		drv_fail(err, "%s: the kernel's interfaces can't be listed: %s", ifname,
			 strerror(-v));
		goto fail;
	}
	tap->d.made = v == -ENODEV;
	if (attach(tap, v == 0, err) < 0)
		goto fail;
	v = nl_link_get(ifname, &link);
	if (v < 0) {
		drv_fail(err, "%s: vanished just now: %s", ifname, strerror(-v));
		goto fail;
	}
	tap->d.kifindex = link.ifindex;
	if (configure(tap, &link, mtu, host, err) < 0)
		goto fail;
	tap->d.mtu = mtu ? mtu : link.mtu;
	tap->room = (link.mtu > tap->d.mtu ? link.mtu : tap->d.mtu) + ETH_ROOM;
	if (tap->room > PKT_MAX_LEN)
		tap->room = PKT_MAX_LEN;
	return &tap->d;
fail:
	tap_close(&tap->d);
	return NULL;
}
