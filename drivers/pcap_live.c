/*
 * The libpcap driver: an existing interface through the library that every capture program uses.
 *
 * It does what the packet socket driver does, by portable means, and so reaches devices that are no
 * Linux network interface. Immediate mode hands frames over as they come; injection sends one frame a
 * call. libpcap gives no word on unfinished checksums: where a local neighbour leaves them to hardware
 * (a veth pair with offloads on), --dev packet:IFACE is the better choice.
 */
#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/netlink.h"

enum { SNAPLEN = 262144, FRAME = PKT_MAX_LEN };

struct pcap_live {
	struct driver d;
	pcap_t *pcap;
	uint8_t *gathered; /* FRAME bytes */
	/* where on_frame() puts packets */
	struct tapir *t;
	struct pkt **pkts;
	int n;
};

static void on_frame(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct pcap_live *l = (struct pcap_live *)(void *)user;
	struct pkt *p = h->caplen == h->len && h->len <= PKT_MAX_LEN
				? driver_pkt(l->t, bytes, h->caplen)
				: NULL;

	if (p)
		l->pkts[l->n++] = p;
	else
		l->d.rx_nomem++;
}

static int gone(const struct pcap_live *l, struct drv_error *err)
{
	return drv_fail(err, "%s: %s: start again when it is back", l->d.ifname,
			pcap_geterr(l->pcap));
}

static int live_read(struct driver *d, struct tapir *t, struct pkt **pkts, int max,
		     struct drv_error *err)
{
	struct pcap_live *l = (struct pcap_live *)d;

	l->t = t;
	l->pkts = pkts;
	l->n = 0;
	while (l->n < max) {
		int v = pcap_dispatch(l->pcap, max - l->n, on_frame, (u_char *)l);

		if (v == 0 || (v < 0 && l->n > 0))
			break;
		if (v < 0)
			return gone(l, err);
	}
	return l->n;
}

static int live_write(struct driver *d, const struct pkt *const *pkts, int n, struct drv_error *err)
{
	struct pcap_live *l = (struct pcap_live *)d;

	for (int i = 0; i < n; i++) {
		const uint8_t *bytes = pkts[i]->data;
		size_t len = pkts[i]->len;

		if (pkts[i]->nspan > 0) {
			len = driver_copy(pkts[i], l->gathered, FRAME);
			bytes = l->gathered;
		}
		if (len > 0 && pcap_inject(l->pcap, bytes, len) >= 0)
			continue;
		if (errno == EAGAIN)
			return i;
		if (errno == ENXIO || errno == ENODEV)
			return gone(l, err);
		d->tx_errors++;
	}
	return n;
}

static int live_event(struct driver *d, struct drv_error *err)
{
	if (nl_monitor_read(d->event_fd, d->kifindex) != NL_GONE)
		return 0;
	return drv_fail(err,
			"%s: the interface was removed while in use: start again when it is "
			"back",
			d->ifname);
}

static void live_close(struct driver *d)
{
	struct pcap_live *l = (struct pcap_live *)d;

	if (l->pcap)
		pcap_close(l->pcap);
	if (d->event_fd >= 0)
		close(d->event_fd);
	free(l->gathered);
	free(l);
}

static const struct driver_ops live_ops = {
	.read = live_read,
	.write = live_write,
	.event = live_event,
	.close = live_close,
};

static int activate(struct pcap_live *l, const char *ifname, struct drv_error *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	l->pcap = pcap_create(ifname, why);
	if (!l->pcap)
		return drv_fail(err, "%s: %.150s", ifname, why);
	pcap_set_snaplen(l->pcap, SNAPLEN);
	pcap_set_promisc(l->pcap, 1);
	pcap_set_immediate_mode(l->pcap, 1);
	pcap_set_buffer_size(l->pcap, 8 << 20);
	int v = pcap_activate(l->pcap);
	if (v == PCAP_ERROR_PERM_DENIED)
		return drv_fail(err, "%s: no right to capture: run as root, or with CAP_NET_RAW",
				ifname);
	if (v == PCAP_ERROR_NO_SUCH_DEVICE)
		return drv_fail(err,
				"%s: no such interface: 'ip link' lists the interfaces there are",
				ifname);
	if (v == PCAP_ERROR_IFACE_NOT_UP)
		return drv_fail(err, "%s: the interface is down: sudo ip link set dev %s up",
				ifname, ifname);
	if (v < 0)
		return drv_fail(err, "%s: libpcap can't open it: %.150s", ifname,
				*pcap_geterr(l->pcap) ? pcap_geterr(l->pcap) : pcap_statustostr(v));
	if (pcap_setnonblock(l->pcap, 1, why) < 0)
		return drv_fail(err, "%s: can't be made non-blocking: %.150s", ifname, why);
	/* what we or the kernel send is not wanted; not every device can tell */
	pcap_setdirection(l->pcap, PCAP_D_IN);
	l->d.fd = pcap_get_selectable_fd(l->pcap);
	if (l->d.fd < 0)
		return drv_fail(err, "%s: this device can't be waited on: choose another", ifname);
	if (pcap_datalink(l->pcap) == DLT_RAW)
		l->d.type = TAPIR_NETIF_RAW_IP;
	else if (pcap_datalink(l->pcap) != DLT_EN10MB)
		return drv_fail(err, "%s: not an Ethernet interface: choose another", ifname);
	return 0;
}

struct driver *pcap_live_open(const char *ifname, uint32_t mtu, struct drv_error *err)
{
	struct nl_link link;
	struct pcap_live *l = (struct pcap_live *)driver_new(sizeof(*l), &live_ops, err);

	if (!l)
		return NULL;
	snprintf(l->d.name, sizeof(l->d.name), "pcap:%s", ifname);
	snprintf(l->d.ifname, sizeof(l->d.ifname), "%s", ifname);
	l->gathered = malloc(FRAME);
	if (!l->gathered)
		drv_fail(err, "%s: no memory for a frame: free some and try again", ifname);
	if (!l->gathered || activate(l, ifname, err) < 0) {
		live_close(&l->d);
		return NULL;
	}
	if (nl_link_get(ifname, &link) == 0) {
		l->d.kifindex = link.ifindex;
		l->d.mtu = link.mtu < TAPIR_MTU_MAX ? link.mtu : TAPIR_MTU_MAX;
		l->d.event_fd = nl_monitor_open();
	}
	if (mtu)
		l->d.mtu = mtu;
	return &l->d;
}
