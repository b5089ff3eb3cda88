/*
 * What we ask of the kernel's own network configuration, by rtnetlink. Each call opens a socket of
 * its own in the caller's network namespace. Calls return >= 0 or a negative errno. IPv4 addresses
 * are in host order.
 */
#ifndef TAPIR_DRIVERS_NETLINK_H
#define TAPIR_DRIVERS_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "stack/addr.h"

struct nl_link {
	int ifindex;
	char name[16];
	unsigned flags; /* IFF_UP and so on */
	uint32_t mtu;
	bool ether; /* has an Ethernet address, which is in mac */
	struct tapir_mac mac;
};

struct nl_addr {
	uint32_t ip4;
	uint8_t prefix_len;
};

/* -ENODEV: no interface of that name. */
int nl_link_get(const char *name, struct nl_link *out);
int nl_link_get_by_index(int ifindex, struct nl_link *out);
/* Sets it up (or down); the MTU unless 0; the MAC unless NULL. */
int nl_link_set(int ifindex, bool up, uint32_t mtu, const struct tapir_mac *mac);
int nl_link_del(int ifindex);
/* Makes two Ethernet interfaces that are each other's wire. */
int nl_veth_add(const char *a, const char *b);

int nl_addr_add(int ifindex, uint32_t ip4, uint8_t prefix_len);
/* The interface's IPv4 addresses; returns how many there are, of which at most max are in out. */
int nl_addr_list(int ifindex, struct nl_addr *out, int max);

/* The gateway of the kernel's default route over this interface. -ESRCH: there is none. */
int nl_default_gw(int ifindex, uint32_t *gw4);

/* A descriptor that becomes readable with each change of an interface. */
int nl_monitor_open(void);
enum nl_news { NL_NOTHING, NL_DOWN, NL_UP, NL_GONE };
/* Reads what there is to read, and tells the last thing that happened to this interface. */
enum nl_news nl_monitor_read(int fd, int ifindex);

/* Turns an interface's checksum and segmentation offloads off. */
int nl_offloads_off(const char *name);

#endif
