/*
 * Bringing a stack up, as every command that runs one does: device, instance, interface, address,
 * gateway, loop.
 */
#ifndef TAPIR_APPS_STACKUP_H
#define TAPIR_APPS_STACKUP_H

#include "drivers/driver.h"
#include "drivers/loop.h"
#include "stack/conf.h"

enum dev_kind { DEV_TAP, DEV_PCAP, DEV_PACKET, DEV_FD };

/* The options shared by the commands that run a stack, parsed and checked. */
struct stack_opts {
	enum dev_kind dev;
	char ifname[DRIVER_NAME_MAX]; /* of the device, for all but DEV_FD */
	int fd;			      /* DEV_FD */
	uint32_t ip4;		      /* ours, host order */
	uint8_t ip_len;
	bool gw_given;
	uint32_t gw4; /* with gw_given; else the host's side is used where there is one */
	struct driver_host host;
	bool mac_given;
	struct tapir_mac mac;
	uint32_t mtu;		/* 0: the device's */
	const char *pcap;	/* the capture's file, or NULL */
	struct tapir_conf conf; /* the defaults, --conf and --sysctl */
};

/* What all options are when none is given. */
void stack_opts_default(struct stack_opts *o);

/* A stack that runs. */
struct stackup {
	struct tapir *t;
	struct driver *dev;
	struct loop *loop;
	int ifindex;  /* of the device in the stack */
	uint32_t gw4; /* the gateway that was found, 0 for none */
	struct tapir_mac mac;
	uint32_t host4; /* the address of the kernel's side, 0 when it has none in our subnet */
};

/* Brings it up and catches signals. 0, or -1 with the reason in *err and nothing left behind. */
int stack_up(struct stackup *u, const struct stack_opts *o, struct drv_error *err);

/*
 * Ends all connections (FIN, after 1 s RST), closes the device and frees everything. Returns the
 * exit status of a command whose loop came to its end: 0, or 1 when the device was lost, said on stderr.
 */
int stack_down(struct stackup *u);

/* "192.0.2.2" of a host-order address into `out`, which it returns. */
enum { IP4_TEXT = 16 };
char *ip4_text(uint32_t ip4, char out[IP4_TEXT]);

#endif
