/*
 * rtnetlink: the kernel's own network configuration, asked and set in-process.
 *
 * A request is one datagram: a header, a fixed part that depends on its type, then attributes, each a
 * length, a type and a value, padded to 4 bytes:
 *
 *	| nlmsghdr 16 | ifinfomsg 16 / ifaddrmsg 8 / rtmsg 12 | rtattr 4 | value | rtattr 4 | value | ...
 *
 * The kernel answers with an error message (0: done), or, to a dump, with many messages and DONE. A
 * socket is opened for each request: they are few, and the answer can only be to that request. Every
 * wait is bounded by a receive timeout.
 */
#include "drivers/netlink.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { REQ_MAX = 1024, ANSWER_MAX = 32768 };

struct req {
	union {
		struct nlmsghdr h;
		uint8_t bytes[REQ_MAX];
	} u;
};

static void req_init(struct req *r, uint16_t type, uint16_t flags, const void *fixed, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->u.h.nlmsg_type = type;
	r->u.h.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r->u.h.nlmsg_len = (uint32_t)NLMSG_SPACE(len);
	r->u.h.nlmsg_seq = 1;
	memcpy(NLMSG_DATA(&r->u.h), fixed, len);
}

/* Appends an attribute; returns where it stands, for req_end(). The room is known to be enough. */
static uint32_t req_attr(struct req *r, uint16_t type, const void *value, size_t len)
{
	uint32_t at = NLMSG_ALIGN(r->u.h.nlmsg_len);
	struct rtattr a = {(uint16_t)RTA_LENGTH(len), type};

	memcpy(r->u.bytes + at, &a, sizeof(a));
	if (len > 0)
		memcpy(r->u.bytes + at + RTA_LENGTH(0), value, len);
	r->u.h.nlmsg_len = at + (uint32_t)RTA_SPACE(len);
	return at;
}

/* The attribute at `at` holds all that was appended since. */
static void req_end(struct req *r, uint32_t at)
{
	uint16_t len = (uint16_t)(r->u.h.nlmsg_len - at);

	memcpy(r->u.bytes + at, &len, sizeof(len));
}

static int nl_open(unsigned groups)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* Told of each message of an answer; returns 0 to go on, or what nl_talk() shall return. */
typedef int nl_each(const struct nlmsghdr *h, void *arg);

/* The messages of one datagram. 1: more datagrams follow; else nl_talk()'s value, negated + 0. */
static int nl_answer(const uint8_t *bytes, size_t n, nl_each *each, void *arg, int *result)
{
	while (n >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)bytes;

		if (!NLMSG_OK(h, n))
			break;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			*result = e->error;
			return 0;
		}
		int v = each ? each(h, arg) : 0;
		if (v != 0) {
			*result = v;
			return 0;
		}
		if (!(h->nlmsg_flags & NLM_F_MULTI) && each)
			return 0;
		size_t step = NLMSG_ALIGN(h->nlmsg_len);
		if (step > n)
			break;
		bytes += step;
		n -= step;
	}
	return 1;
}

/* Sends a request and reads the answer to its end. 0, a negative errno, or what `each` returned. */
static int nl_talk(struct req *r, nl_each *each, void *arg)
{
	static const struct timeval limit = {5, 0};
	_Alignas(struct nlmsghdr) uint8_t answer[ANSWER_MAX];
	int fd = nl_open(0);
	int result = 0;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (send(fd, r->u.bytes, r->u.h.nlmsg_len, 0) < 0) {
		result = -errno;
		goto out;
	}
	for (;;) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			result = n < 0 ? -errno : -EIO;
			break;
		}
		if (!nl_answer(answer, (size_t)n, each, arg, &result))
			break;
	}
out:
	close(fd);
	return result;
}

/* A request that changes something. */
static int nl_do(struct req *r)
{
	r->u.h.nlmsg_flags |= NLM_F_ACK;
	return nl_talk(r, NULL, NULL);
}

static uint32_t attr_u32(const struct rtattr *a)
{
	uint32_t v = 0;

	memcpy(&v, RTA_DATA(a), RTA_PAYLOAD(a) < sizeof(v) ? RTA_PAYLOAD(a) : sizeof(v));
	return v;
}

static int each_link(const struct nlmsghdr *h, void *arg)
{
	struct nl_link *out = arg;
	const struct ifinfomsg *m = NLMSG_DATA(h);
	const struct rtattr *a = IFLA_RTA(m);
	int left = (int)IFLA_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWLINK)
		return 0;
	out->ifindex = m->ifi_index;
	out->flags = m->ifi_flags;
	out->ether = m->ifi_type == ARPHRD_ETHER;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_MTU)
			out->mtu = attr_u32(a);
		else if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == sizeof(out->mac.b))
			memcpy(out->mac.b, RTA_DATA(a), sizeof(out->mac.b));
		else if (a->rta_type == IFLA_IFNAME && RTA_PAYLOAD(a) <= sizeof(out->name))
			memcpy(out->name, RTA_DATA(a), RTA_PAYLOAD(a));
	}
	out->name[sizeof(out->name) - 1] = '\0';
	return 1;
}

static int link_get(struct req *r, struct nl_link *out)
{
	memset(out, 0, sizeof(*out));
	int v = nl_talk(r, each_link, out);

	return v < 0 ? v : out->ifindex > 0 ? 0 : -ENODEV;
}

int nl_link_get(const char *name, struct nl_link *out)
{
	struct ifinfomsg m = {.ifi_family = AF_UNSPEC};
	struct req r;

	if (strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	req_init(&r, RTM_GETLINK, 0, &m, sizeof(m));
	req_attr(&r, IFLA_IFNAME, name, strlen(name) + 1);
	return link_get(&r, out);
}

int nl_link_get_by_index(int ifindex, struct nl_link *out)
{
	struct ifinfomsg m = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
	struct req r;

	req_init(&r, RTM_GETLINK, 0, &m, sizeof(m));
	return link_get(&r, out);
}

int nl_link_set(int ifindex, bool up, uint32_t mtu, const struct tapir_mac *mac)
{
	struct ifinfomsg m = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = ifindex,
		.ifi_flags = up ? IFF_UP : 0,
		.ifi_change = IFF_UP,
	};
	struct req r;

	req_init(&r, RTM_NEWLINK, 0, &m, sizeof(m));
	if (mtu)
		req_attr(&r, IFLA_MTU, &mtu, sizeof(mtu));
	if (mac)
		req_attr(&r, IFLA_ADDRESS, mac->b, sizeof(mac->b));
	return nl_do(&r);
}

int nl_link_del(int ifindex)
{
	struct ifinfomsg m = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
	struct req r;

	req_init(&r, RTM_DELLINK, 0, &m, sizeof(m));
	return nl_do(&r);
}

int nl_veth_add(const char *a, const char *b)
{
	struct ifinfomsg m = {.ifi_family = AF_UNSPEC};
	struct req r;

	if (strlen(a) >= IFNAMSIZ || strlen(b) >= IFNAMSIZ)
		return -EINVAL;
	req_init(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	req_attr(&r, IFLA_IFNAME, a, strlen(a) + 1);
	uint32_t info = req_attr(&r, IFLA_LINKINFO, NULL, 0);
	req_attr(&r, IFLA_INFO_KIND, "veth", 4);
	uint32_t data = req_attr(&r, IFLA_INFO_DATA, NULL, 0);
	uint32_t peer = req_attr(&r, VETH_INFO_PEER, &m, sizeof(m));
	req_attr(&r, IFLA_IFNAME, b, strlen(b) + 1);
	req_end(&r, peer);
	req_end(&r, data);
	req_end(&r, info);
	return nl_do(&r);
}

static void put_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get_be32(const uint8_t *p)
{
	return TAPIR_IP4(p[0], p[1], p[2], p[3]);
}

int nl_addr_add(int ifindex, uint32_t ip4, uint8_t prefix_len)
{
	struct ifaddrmsg m = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = prefix_len,
		.ifa_index = (unsigned)ifindex,
	};
	uint32_t mask = prefix_len ? ~0u << (32 - prefix_len) : 0;
	uint8_t a[4];
	struct req r;

	req_init(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	put_be32(a, ip4);
	req_attr(&r, IFA_LOCAL, a, sizeof(a));
	req_attr(&r, IFA_ADDRESS, a, sizeof(a));
	if (prefix_len < 31) {
		put_be32(a, ip4 | ~mask);
		req_attr(&r, IFA_BROADCAST, a, sizeof(a));
	}
	return nl_do(&r);
}

struct addr_list {
	int ifindex, n, max;
	struct nl_addr *out;
};

static int each_addr(const struct nlmsghdr *h, void *arg)
{
	struct addr_list *l = arg;
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	const struct rtattr *a = IFA_RTA(m);
	int left = (int)IFA_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWADDR || m->ifa_family != AF_INET ||
	    (int)m->ifa_index != l->ifindex)
		return 0;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != IFA_LOCAL || RTA_PAYLOAD(a) != 4)
			continue;
		if (l->n < l->max)
			l->out[l->n] = (struct nl_addr){get_be32(RTA_DATA(a)), m->ifa_prefixlen};
		l->n++;
	}
	return 0;
}

int nl_addr_list(int ifindex, struct nl_addr *out, int max)
{
	struct ifaddrmsg m = {.ifa_family = AF_INET};
	struct addr_list l = {ifindex, 0, max, out};
	struct req r;

	req_init(&r, RTM_GETADDR, NLM_F_DUMP, &m, sizeof(m));
	int v = nl_talk(&r, each_addr, &l);
	return v < 0 ? v : l.n;
}

struct gw_found {
	int ifindex;
	uint32_t gw4;
};

static int each_route(const struct nlmsghdr *h, void *arg)
{
	struct gw_found *f = arg;
	const struct rtmsg *m = NLMSG_DATA(h);
	const struct rtattr *a = RTM_RTA(m);
	int left = (int)RTM_PAYLOAD(h);
	uint32_t gw = 0;
	int oif = 0;

	if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_dst_len != 0 || m->rtm_table != RT_TABLE_MAIN)
		return 0;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == RTA_GATEWAY && RTA_PAYLOAD(a) == 4)
			gw = get_be32(RTA_DATA(a));
		else if (a->rta_type == RTA_OIF)
			oif = (int)attr_u32(a);
	}
	if (oif == f->ifindex && gw && !f->gw4)
		f->gw4 = gw;
	return 0;
}

int nl_default_gw(int ifindex, uint32_t *gw4)
{
	struct rtmsg m = {.rtm_family = AF_INET};
	struct gw_found f = {ifindex, 0};
	struct req r;

	req_init(&r, RTM_GETROUTE, NLM_F_DUMP, &m, sizeof(m));
	int v = nl_talk(&r, each_route, &f);
	if (v < 0)
		return v;
	*gw4 = f.gw4;
	return f.gw4 ? 0 : -ESRCH;
}

int nl_monitor_open(void)
{
	return nl_open(RTMGRP_LINK);
}

enum nl_news nl_monitor_read(int fd, int ifindex)
{
	_Alignas(struct nlmsghdr) uint8_t bytes[8192];
	enum nl_news news = NL_NOTHING;
	ssize_t n;

	/* when the kernel had to drop news (ENOBUFS) the state now is asked for instead */
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) != 0) {
		size_t left = n > 0 ? (size_t)n : 0;

		if (n < 0 && errno == ENOBUFS) {
			struct nl_link link;
			int v = nl_link_get_by_index(ifindex, &link);

			if (v == -ENODEV)
				return NL_GONE;
			if (v == 0)
				news = link.flags & IFF_UP ? NL_UP : NL_DOWN;
			continue;
		}
		if (n < 0)
			break;
		for (const struct nlmsghdr *h = (const void *)bytes; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			const struct ifinfomsg *m = NLMSG_DATA(h);

			if (m->ifi_index != ifindex || m->ifi_family != AF_UNSPEC)
				continue;
			if (h->nlmsg_type == RTM_DELLINK)
				return NL_GONE;
			if (h->nlmsg_type == RTM_NEWLINK)
				news = m->ifi_flags & IFF_UP ? NL_UP : NL_DOWN;
		}
	}
	return news;
}

int nl_offloads_off(const char *name)
{
	static const uint32_t what[] = {
		ETHTOOL_SRXCSUM, ETHTOOL_STXCSUM, ETHTOOL_SSG,	ETHTOOL_STSO,
		ETHTOOL_SUFO,	 ETHTOOL_SGSO,	  ETHTOOL_SGRO,
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr;
	int result = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		struct ethtool_value v = {what[i], 0};

		memset(&ifr, 0, sizeof(ifr));
		memcpy(ifr.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
		ifr.ifr_data = (void *)&v;
		/* a device need not have each of them */
		if (ioctl(fd, SIOCETHTOOL, &ifr) != 0 && errno != EOPNOTSUPP)
			result = -errno;
	}
	close(fd);
	return result;
}
