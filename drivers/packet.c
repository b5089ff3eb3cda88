/*
 * The packet socket driver: we share an existing interface's wire with the kernel.
 *
 * AF_PACKET gives each frame that arrives, and sends each that we write. Three things need care:
 *
 * - It also gives what the kernel sends itself (PACKET_OUTGOING): PACKET_IGNORE_OUTGOING turns that off, and
 *   where a kernel before 4.20 does not know it we look at each frame's direction.
 * - A frame from a neighbour on the same machine (a veth pair) may come with its checksum not yet
 *   computed, or as one large segment that hardware was to cut. PACKET_VNET_HDR puts a virtio_net_hdr
 *   before each frame that says so; the checksum is then finished here, over [csum_start, end), so
 *   that nobody above has to know.
 * - The kernel takes a VLAN tag off and reports it beside the frame (PACKET_AUXDATA); it is put back,
 *   so that the stack sees what was on the wire.
 *
 *	 what the socket gives            what the stack gets
 *	 | vnet 10 | dst 6 src 6 | type | payload |     | dst 6 src 6 | (8100 tci) | type | payload |
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/netlink.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum {
	FRAMES = 32, /* of one recvmmsg() */
	TAG = 4,
	SLOT = 65536 + 512,
	ETH_MACS = 12,
};

struct slot {
	struct virtio_net_hdr vnet;
	struct sockaddr_ll from;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov[2];
	uint8_t *bytes; /* SLOT, the frame begins TAG bytes in */
};

struct packet {
	struct driver d;
	struct slot slot[FRAMES];
	struct mmsghdr msg[FRAMES];
	uint8_t *memory;
};

/* Finishes the Internet checksum that a virtio_net_hdr says is owed (RFC 1071). */
static void finish_checksum(uint8_t *frame, size_t len, size_t start, size_t offset)
{
	uint32_t sum = 0;

	if (start + offset + 2 > len)
		return;
	/* the field holds the sum of the pseudo-header, which thus takes part */
	for (size_t i = start; i + 1 < len; i += 2)
		sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	if ((len - start) & 1)
		sum += (uint32_t)frame[len - 1] << 8;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = ~sum & 0xffff;
	if (sum == 0)
		sum = 0xffff; /* RFC 768: 0 would mean "none" in UDP; in TCP both are the same */
	frame[start + offset] = (uint8_t)(sum >> 8);
	frame[start + offset + 1] = (uint8_t)sum;
}

static const struct tpacket_auxdata *auxdata(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA &&
		    c->cmsg_len >= CMSG_LEN(sizeof(struct tpacket_auxdata)))
			return (const struct tpacket_auxdata *)(const void *)CMSG_DATA(c);
	}
	return NULL;
}

/* One received frame as a packet; NULL when it is not for us or there is no memory. */
static struct pkt *take(struct packet *k, struct tapir *t, int i)
{
	struct slot *s = &k->slot[i];
	struct msghdr *m = &k->msg[i].msg_hdr;
	const struct tpacket_auxdata *aux = auxdata(m);
	uint8_t *frame = s->bytes + TAG;
	size_t len = k->msg[i].msg_len;

	if (len < sizeof(s->vnet) + ETH_MACS || (m->msg_flags & MSG_TRUNC) ||
	    s->from.sll_pkttype == PACKET_OUTGOING)
		return NULL;
	len -= sizeof(s->vnet);
	if (s->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		finish_checksum(frame, len, s->vnet.csum_start, s->vnet.csum_offset);
	if (aux && (aux->tp_status & TP_STATUS_VLAN_VALID)) {
		uint16_t tpid = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid
									   : ETH_P_8021Q;

		memmove(s->bytes, frame, ETH_MACS);
		frame = s->bytes;
		frame[ETH_MACS] = (uint8_t)(tpid >> 8);
		frame[ETH_MACS + 1] = (uint8_t)tpid;
		frame[ETH_MACS + 2] = (uint8_t)(aux->tp_vlan_tci >> 8);
		frame[ETH_MACS + 3] = (uint8_t)aux->tp_vlan_tci;
		len += TAG;
	}
	struct pkt *p = len <= PKT_MAX_LEN ? driver_pkt(t, frame, len) : NULL;
	if (!p) {
		k->d.rx_nomem++;
		return NULL;
	}
	if (s->vnet.flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID))
		p->flags |= PKT_CSUM_VALID;
	if ((s->vnet.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV4) {
		p->gso_type = PKT_GSO_TCPV4;
		p->gso_size = s->vnet.gso_size;
	}
	return p;
}

static void arm(struct packet *k, int i)
{
	struct slot *s = &k->slot[i];

	s->iov[0] = (struct iovec){&s->vnet, sizeof(s->vnet)};
	s->iov[1] = (struct iovec){s->bytes + TAG, SLOT - TAG};
	k->msg[i].msg_hdr = (struct msghdr){
		.msg_name = &s->from,
		.msg_namelen = sizeof(s->from),
		.msg_iov = s->iov,
		.msg_iovlen = 2,
		.msg_control = s->control,
		.msg_controllen = sizeof(s->control),
	};
}

static int packet_failed(const struct driver *d, int errnum, struct drv_error *err)
{
	if (errnum == ENODEV || errnum == ENXIO)
		return drv_fail(err,
				"%s: the interface was removed while in use: start again when it "
				"is back",
				d->ifname);
	return drv_fail(err, "%s: the packet socket failed: %s: start again", d->ifname,
			strerror(errnum));
}

static int packet_read(struct driver *d, struct tapir *t, struct pkt **pkts, int max,
		       struct drv_error *err)
{
	struct packet *k = (struct packet *)d;
	int n = 0;

	while (n < max) {
		int want = max - n < FRAMES ? max - n : FRAMES;

		for (int i = 0; i < want; i++)
			arm(k, i);
		int got = recvmmsg(d->fd, k->msg, (unsigned)want, MSG_DONTWAIT, NULL);
		if (got < 0 && (errno == EINTR || errno == ENETDOWN))
			continue; /* ENETDOWN is told once: it may come up again */
		if (got < 0 && errno != EAGAIN && n == 0)
			return packet_failed(d, errno, err);
		for (int i = 0; i < got; i++) {
			struct pkt *p = take(k, t, i);

			if (p)
				pkts[n++] = p;
		}
		if (got < want)
			break;
	}
	return n;
}

static int packet_write(struct driver *d, const struct pkt *const *pkts, int n,
			struct drv_error *err)
{
	struct virtio_net_hdr vnet = {0};

	for (int i = 0; i < n; i++) {
		struct iovec iov[2 + PKT_MAX_SPANS] = {{&vnet, sizeof(vnet)}};
		struct msghdr m = {.msg_iov = iov};
		ssize_t len;

		m.msg_iovlen = 1 + (size_t)driver_iovec(pkts[i], iov + 1);
		do
			len = sendmsg(d->fd, &m, MSG_DONTWAIT);
		while (len < 0 && errno == EINTR);
		if (len >= 0)
			continue;
		if (errno == EAGAIN)
			return i;
		if (errno == ENXIO || errno == ENODEV)
			return packet_failed(d, errno, err);
		d->tx_errors++; /* ENETDOWN, ENOBUFS, EMSGSIZE: lost, as on any wire */
	}
	return n;
}

static int packet_event(struct driver *d, struct drv_error *err)
{
	return nl_monitor_read(d->event_fd, d->kifindex) == NL_GONE ? packet_failed(d, ENODEV, err)
								    : 0;
}

static void packet_close(struct driver *d)
{
	struct packet *k = (struct packet *)d;

	if (d->fd >= 0)
		close(d->fd);
	if (d->event_fd >= 0)
		close(d->event_fd);
	free(k->memory);
	free(k);
}

static const struct driver_ops packet_ops = {
	.read = packet_read,
	.write = packet_write,
	.event = packet_event,
	.close = packet_close,
};

static int set_up(struct packet *k, const struct nl_link *link, struct drv_error *err)
{
	struct sockaddr_ll sa = {
		.sll_family = AF_PACKET,
		.sll_protocol = htobe16(ETH_P_ALL),
		.sll_ifindex = link->ifindex,
	};
	struct packet_mreq promisc = {.mr_ifindex = link->ifindex, .mr_type = PACKET_MR_PROMISC};
	int one = 1, rcvbuf = 8 << 20;

	/* protocol 0: nothing arrives before it is bound, and so nothing of another interface */
	k->d.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->d.fd < 0)
		return drv_fail(err, "%s: no packet socket: %s: run as root, or with CAP_NET_RAW",
				link->name, strerror(errno));
	setsockopt(k->d.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (setsockopt(k->d.fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)) != 0)
		setsockopt(k->d.fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (setsockopt(k->d.fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) != 0 ||
	    setsockopt(k->d.fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) != 0 ||
	    setsockopt(k->d.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)) !=
		    0 ||
	    bind(k->d.fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		return drv_fail(err, "%s: the packet socket can't be set up: %s: try --dev pcap:%s",
				link->name, strerror(errno), link->name);
	return 0;
}

struct driver *packet_open(const char *ifname, uint32_t mtu, struct drv_error *err)
{
	struct nl_link link;
	int v = nl_link_get(ifname, &link);

	if (v < 0) {
		drv_fail(err, "%s: %s: 'ip link' lists the interfaces there are", ifname,
			 v == -ENODEV ? "no such interface" : strerror(-v));
		return NULL;
	}
	if (!link.ether) {
		drv_fail(err, "%s: not an Ethernet interface: choose another", ifname);
		return NULL;
	}
	if (!(link.flags & IFF_UP)) {
		drv_fail(err, "%s: the interface is down: sudo ip link set dev %s up", ifname,
			 ifname);
		return NULL;
	}
	struct packet *k = (struct packet *)driver_new(sizeof(*k), &packet_ops, err);
	if (!k)
		return NULL;
	memcpy(k->d.ifname, link.name, sizeof(k->d.ifname));
	snprintf(k->d.name, sizeof(k->d.name), "packet:%s", link.name);
	k->d.kifindex = link.ifindex;
	k->d.mtu = mtu ? mtu : link.mtu < TAPIR_MTU_MAX ? link.mtu : TAPIR_MTU_MAX;
	k->memory = malloc((size_t)FRAMES * SLOT);
	if (!k->memory)
		drv_fail(err, "%s: no memory for frames: free some and try again", ifname);
	for (int i = 0; k->memory && i < FRAMES; i++)
		k->slot[i].bytes = k->memory + (size_t)i * SLOT;
	k->d.event_fd = nl_monitor_open();
	if (!k->memory || set_up(k, &link, err) < 0) {
		packet_close(&k->d);
		return NULL;
	}
	return &k->d;
}
