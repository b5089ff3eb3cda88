/*
 * The kernel behind packetdrill's table.
 *
 * A call is the system call of its name. A packet for the stack is written to the TUN device, and the kernel has taken
 * it in when write() returns. What leaves is read by a thread of its own, which notes the time, since the player
 * looks for it only when its script comes to that line:
 *
 *	player --netdev_send--> write(tun) --> kernel --> reader thread --queue, with times--> netdev_receive
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/libc_table.h"
#include "tools/kernel-diff/kernel.h"

enum { PACKETS = 4096, PACKET_MAX = 65535, VNET_HLEN = sizeof(struct virtio_net_hdr) };

struct packet {
	long long time_us;
	size_t len;
	uint8_t *p;
};

long long kernel_receive_until_us;
static const char *congestion = "cubic";

static struct {
	int tun;
	bool chunks; /* a virtio_net_hdr goes before each packet */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct packet q[PACKETS];
	unsigned head, tail;
} dev = {.tun = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the namespace ---- */

static void put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		errno = 0; /* a setting that this kernel has otherwise */
	close(fd);
}

static void address(struct sockaddr *to, uint32_t ip4)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip4)};

	memcpy(to, &sin, sizeof(sin));
}

static bool up(int s, const char *name)
{
	struct ifreq r = {0};

	strcpy(r.ifr_name, name);
	if (ioctl(s, SIOCGIFFLAGS, &r) < 0)
		return false;
	r.ifr_flags |= IFF_UP;
	return ioctl(s, SIOCSIFFLAGS, &r) == 0;
}

static bool configure(int s, uint32_t local, uint32_t mtu)
{
	struct ifreq r = {.ifr_name = "tun0"};
	struct rtentry rt = {.rt_dev = r.ifr_name, .rt_flags = RTF_UP};

	address(&r.ifr_addr, local);
	if (ioctl(s, SIOCSIFADDR, &r) < 0)
		return false;
	address(&r.ifr_netmask, 0xffffff00);
	if (ioctl(s, SIOCSIFNETMASK, &r) < 0)
		return false;
	r.ifr_mtu = (int)mtu;
	if (ioctl(s, SIOCSIFMTU, &r) < 0 || !up(s, "tun0") || !up(s, "lo"))
		return false;
	address(&rt.rt_dst, 0);
	address(&rt.rt_genmask, 0);
	return ioctl(s, SIOCADDRT, &rt) == 0;
}

/*
 * No segment larger than the MSS: the kernel cuts those of a device without offloads itself, but puts PSH on the last
 * of each, and the scripts are played to ours without such either.
 */
static bool single_segments(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
		struct rtattr a;
		uint32_t segs;
	} m = {.h = {.nlmsg_len = sizeof(m),
		     .nlmsg_type = RTM_NEWLINK,
		     .nlmsg_flags = NLM_F_REQUEST},
	       .i = {.ifi_index = (int)if_nametoindex("tun0")},
	       .a = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_GSO_MAX_SEGS},
	       .segs = 1};
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool ok = s >= 0 && send(s, &m, sizeof(m), 0) == (ssize_t)sizeof(m);

	close(s);
	return ok;
}

bool kernel_netns(uint32_t local, uint32_t mtu, bool chunks, const char **why)
{
	struct ifreq r = {.ifr_name = "tun0",
			  .ifr_flags = (short)(IFF_TUN | IFF_NO_PI | (chunks ? IFF_VNET_HDR : 0))};
	bool ok;
	int s;

	*why = "unshare";
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	put("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	put("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	put("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	put("/proc/sys/net/ipv4/conf/default/rp_filter", "0");
	*why = "/dev/net/tun";
	dev.tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	dev.chunks = chunks;
	if (dev.tun < 0 || ioctl(dev.tun, TUNSETIFF, &r) < 0 ||
	    (chunks && ioctl(dev.tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN) < 0))
		return false;
	*why = "configuring tun0";
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = s >= 0 && (chunks || single_segments()) && configure(s, local, mtu);
	close(s);
	return ok;
}

/* ---- packets and time ---- */

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* What the device should do to the checksum of the n bytes at p, which the kernel has begun. */
static void finish_checksum(const struct virtio_net_hdr *h, uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || h->csum_start + h->csum_offset + 2u > n)
		return;
	for (size_t i = h->csum_start; i < n; i++)
		sum += (i - h->csum_start) % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	p[h->csum_start + h->csum_offset] = (uint8_t)(~sum >> 8);
	p[h->csum_start + h->csum_offset + 1] = (uint8_t)~sum;
}

static void *reader(void *arg)
{
	static uint8_t all[VNET_HLEN + PACKET_MAX];
	size_t skip = dev.chunks ? VNET_HLEN : 0;
	uint8_t *buf = all + skip;
	struct virtio_net_hdr h;
	ssize_t n;

	(void)arg;
	while ((n = read(dev.tun, all, sizeof(all)) - (ssize_t)skip) > 0) {
		struct packet k = {.time_us = now_us(), .len = (size_t)n};

		memcpy(&h, all, sizeof(h));
		if (dev.chunks)
			finish_checksum(&h, buf, k.len);
		/* Some kernels speak of multicast groups. */
		if (buf[0] >> 4 != 4 || buf[9] == IPPROTO_IGMP)
			continue;
		k.p = malloc(k.len);
		if (!k.p)
			abort();
		memcpy(k.p, buf, k.len);
		pthread_mutex_lock(&dev.lock);
		if (dev.tail - dev.head < PACKETS)
			dev.q[dev.tail++ % PACKETS] = k;
		pthread_cond_signal(&dev.more);
		pthread_mutex_unlock(&dev.lock);
	}
	return NULL;
}

static int k_netdev_send(void *u, const void *buf, size_t n)
{
	struct virtio_net_hdr h = {0};
	struct iovec iov[] = {{&h, sizeof(h)}, {(void *)(uintptr_t)buf, n}};
	size_t skip = dev.chunks ? sizeof(h) : 0;

	(void)u;
	return writev(dev.tun, dev.chunks ? iov : iov + 1, dev.chunks ? 2 : 1) ==
			       (ssize_t)(n + skip)
		       ? 0
		       : -1;
}

static int k_netdev_receive(void *u, void *buf, size_t *n, long long *time_us)
{
	struct timespec end = {.tv_sec = kernel_receive_until_us / 1000000,
			       .tv_nsec = kernel_receive_until_us % 1000000 * 1000};
	struct packet k = {0};
	int err = 0;

	(void)u;
	pthread_mutex_lock(&dev.lock);
	while (dev.head == dev.tail && err == 0)
		err = pthread_cond_timedwait(&dev.more, &dev.lock, &end);
	if (dev.head != dev.tail)
		k = dev.q[dev.head++ % PACKETS];
	pthread_mutex_unlock(&dev.lock);
	*n = k.len < *n ? k.len : *n;
	*time_us = k.time_us;
	if (k.p)
		memcpy(buf, k.p, *n);
	free(k.p);
	return 0;
}

static int k_gettimeofday(void *u, struct timeval *tv, struct timezone *tz)
{
	long long us = now_us();

	(void)u;
	(void)tz;
	tv->tv_sec = us / 1000000;
	tv->tv_usec = us % 1000000;
	return 0;
}

/*
 * A namespace may not be allowed the congestion control that the player asked for; a privileged socket is, and what it
 * accepts inherits it.
 */
static int k_socket(void *u, int domain, int type, int protocol)
{
	int fd = socket(domain, type, protocol);

	(void)u;
	if (fd >= 0 && (type & 15) == SOCK_STREAM)
		setsockopt(fd, SOL_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion));
	return fd;
}

void kernel_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
	pthread_condattr_t attr;
	pthread_t thread;

	if (strstr(flags, "net.ipv4.tcp_congestion_control=1"))
		congestion = "reno";
	signal(SIGPIPE, SIG_IGN);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&dev.more, &attr);
	pthread_create(&thread, NULL, reader, NULL);
	pthread_detach(thread);
	*ifc = libc_table;
	ifc->socket = k_socket;
	ifc->netdev_send = k_netdev_send;
	ifc->netdev_receive = k_netdev_receive;
	ifc->gettimeofday = k_gettimeofday;
}
