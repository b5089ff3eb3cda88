/*
 * An inherited descriptor as a wire: whoever started us made it, and handed it over.
 *
 * Three kinds keep the borders between frames, and so will do: a TAP (or TUN, whose packets have no
 * Ethernet header), and datagram or seqpacket sockets. What else comes is refused with the reason. The
 * kernel reports a TAP's flags by TUNGETIFF, a socket's type by SO_TYPE.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/netlink.h"

enum { ETH_ROOM = 14 + 4 };

struct fd_driver {
	struct driver d;
	bool socket;
	uint32_t room;
};

/* What a failed read or write means: -1 the other end is gone. */
static int fd_failed(const struct driver *d, const char *what, int errnum, struct drv_error *err)
{
	if (errnum == ECONNRESET || errnum == ECONNREFUSED || errnum == ENOTCONN ||
	    errnum == EPIPE || errnum == EBADFD || errnum == 0)
		return drv_fail(err, "%s: the other end is gone: start again with a new one",
				d->name);
	return drv_fail(err, "%s: %s failed: %s: start again", d->name, what, strerror(errnum));
}

static int fd_read(struct driver *d, struct tapir *t, struct pkt **pkts, int max,
		   struct drv_error *err)
{
	struct fd_driver *f = (struct fd_driver *)d;
	uint8_t small[64];
	int n = 0;

	for (int tries = 0; n < max && tries < max; tries++) {
		struct pkt *p = tapir_pkt_alloc(t, f->room);
		ssize_t len = p ? read(d->fd, p->data, f->room) : read(d->fd, small, sizeof(small));

		if (len > 0 && p) {
			p->len = (uint32_t)len;
			pkts[n++] = p;
			continue;
		}
		tapir_pkt_free(p);
		if (len > 0) {
			d->rx_nomem++;
			continue;
		}
		if (len < 0 && errno == EINTR)
			continue;
		if ((len < 0 && errno == EAGAIN) || n > 0)
			break;
		return fd_failed(d, "reading", len < 0 ? errno : 0, err);
	}
	return n;
}

static int fd_write(struct driver *d, const struct pkt *const *pkts, int n, struct drv_error *err)
{
	const struct fd_driver *f = (const struct fd_driver *)d;

	for (int i = 0; i < n; i++) {
		struct iovec iov[1 + PKT_MAX_SPANS];
		struct msghdr m = {.msg_iov = iov};
		ssize_t len;

		m.msg_iovlen = (size_t)driver_iovec(pkts[i], iov);
		do
			len = f->socket ? sendmsg(d->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT)
					: writev(d->fd, iov, (int)m.msg_iovlen);
		while (len < 0 && errno == EINTR);
		if (len >= 0)
			continue;
		if (errno == EAGAIN)
			return i;
		if (errno == EMSGSIZE || errno == EIO || errno == ENOBUFS || errno == EINVAL ||
		    errno == ENOMEM) {
			d->tx_errors++;
			continue;
		}
		return fd_failed(d, "writing", errno, err);
	}
	return n;
}

static void fd_close(struct driver *d)
{
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

static const struct driver_ops fd_ops = {
	.read = fd_read,
	.write = fd_write,
	.close = fd_close,
};

static int look_at_tun(struct fd_driver *f, const struct ifreq *ifr, struct drv_error *err)
{
	struct nl_link link;

	if (!(ifr->ifr_flags & IFF_NO_PI) || (ifr->ifr_flags & IFF_VNET_HDR))
		return drv_fail(err,
				"%s: this TAP puts a header before each frame: open it with "
				"IFF_NO_PI and without IFF_VNET_HDR",
				f->d.name);
	f->d.type = ifr->ifr_flags & IFF_TAP ? TAPIR_NETIF_ETHER : TAPIR_NETIF_RAW_IP;
	memcpy(f->d.ifname, ifr->ifr_name, sizeof(f->d.ifname) - 1);
	/* it may be in another network namespace than ours: then we know no more of it */
	if (nl_link_get(f->d.ifname, &link) == 0) {
		f->d.kifindex = link.ifindex;
		f->d.mtu = link.mtu;
	}
	return 0;
}

static int look_at_socket(struct fd_driver *f, struct drv_error *err)
{
	socklen_t len = sizeof(int);
	int type = 0;

	if (getsockopt(f->d.fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
		return drv_fail(err,
				"%s: neither a TAP nor a socket: hand over a TAP or a datagram "
				"socket",
				f->d.name);
	if (type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return drv_fail(err,
				"%s: a socket that does not keep frames apart: hand over one of "
				"type SOCK_DGRAM or SOCK_SEQPACKET",
				f->d.name);
	f->socket = true;
	return 0;
}

struct driver *fd_open(int fd, uint32_t mtu, struct drv_error *err)
{
	struct ifreq ifr;
	int flags = fcntl(fd, F_GETFL);
	struct fd_driver *f;

	if (flags < 0) {
		drv_fail(err, "fd:%d: no such descriptor: the caller must leave it open", fd);
		return NULL;
	}
	f = (struct fd_driver *)driver_new(sizeof(*f), &fd_ops, err);
	if (!f)
		return NULL;
	f->d.fd = fd;
	snprintf(f->d.name, sizeof(f->d.name), "fd:%d", fd);
	memset(&ifr, 0, sizeof(ifr));
	int v = ioctl(fd, TUNGETIFF, &ifr) == 0 ? look_at_tun(f, &ifr, err)
						: look_at_socket(f, err);
	if (v == 0 && (flags & O_ACCMODE) != O_RDWR)
		v = drv_fail(err, "%s: open for one direction only: it must be for both",
			     f->d.name);
	if (v == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		v = drv_fail(err, "%s: can't be made non-blocking: %s", f->d.name, strerror(errno));
	if (v < 0) {
		free(f);
		return NULL;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (mtu)
		f->d.mtu = mtu;
	/* a socket's frames have no bound that we could ask for */
	f->room = f->socket ? PKT_MAX_LEN : f->d.mtu + ETH_ROOM;
	if (f->room > PKT_MAX_LEN)
		f->room = PKT_MAX_LEN;
	return &f->d;
}
