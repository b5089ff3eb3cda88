/*
 * Drivers: what carries an interface's frames.
 *
 * A driver is a small table of functions over a descriptor. Opening differs from one to the next and
 * is declared here for each; reading, writing and closing are the same for all, so that a loop
 * (drivers/loop.h) needs to know only this. A driver never touches the stack but for tapir_pkt_alloc()
 * and tapir_pkt_free(): the loop hands packets over.
 *
 * Failures are told in one sentence for people: the thing, the reason, the mend.
 */
#ifndef TAPIR_DRIVERS_DRIVER_H
#define TAPIR_DRIVERS_DRIVER_H

#include <stdarg.h>
#include <sys/uio.h>

#include "stack/netif.h"
#include "stack/tapir.h"

struct driver;

enum {
	DRIVER_BATCH = 64,	/* packets of one read or write */
	DRIVER_NAME_MAX = 64,	/* a device as people name it, "tap:tap0" */
	DRIVER_IFNAME_MAX = 16, /* Linux's IFNAMSIZ */
};

/* Why something failed: one line without its end, fit for "tapir: %s\n". */
struct drv_error {
	char text[256];
};

/* Writes the sentence into `err` (NULL is allowed) and returns -1. */
__attribute__((format(printf, 2, 3))) int drv_fail(struct drv_error *err, const char *fmt, ...);

struct driver_ops {
	/*
	 * Reads at most `max` (<= DRIVER_BATCH) packets, made by tapir_pkt_alloc(t), which the caller
	 * then owns. Returns how many; 0: none are there now. -1: the device is gone or broken, with
	 * the reason in *err.
	 */
	int (*read)(struct driver *d, struct tapir *t, struct pkt **pkts, int max,
		    struct drv_error *err);
	/*
	 * Writes packets in order, each with its spans. Returns how many are done with: sent, or given
	 * up (counted in tx_errors). Fewer than n: the device is full, try when it is writable. -1 as
	 * for read. The packets stay the caller's.
	 */
	int (*write)(struct driver *d, const struct pkt *const *pkts, int n, struct drv_error *err);
	/* Called when event_fd is readable. Returns 0, or -1 as for read. May be NULL. */
	int (*event)(struct driver *d, struct drv_error *err);
	/* Takes down what opening made, and frees d. */
	void (*close)(struct driver *d);
};

/* The part that all drivers have; each has its own struct that begins with it. */
struct driver {
	const struct driver_ops *ops;
	int fd;				/* to wait on, for reading and writing; non-blocking */
	int event_fd;			/* news about the device, or -1 */
	enum tapir_netif_type type;	/* ETHER or RAW_IP */
	uint32_t mtu;			/* bytes of IP packet that it carries */
	uint32_t offload;		/* enum tapir_netif_offload */
	char name[DRIVER_NAME_MAX];	/* "tap:tap0", for people */
	char ifname[DRIVER_IFNAME_MAX]; /* the kernel's interface, "" when there is none */
	int kifindex;			/* its number in the kernel, 0 when there is none */
	bool made;			/* we made the interface; it goes when we close it */
	uint64_t rx_nomem;		/* frames lost because there was no packet for them */
	uint64_t tx_errors;		/* frames that the device refused */
};

static inline int driver_read(struct driver *d, struct tapir *t, struct pkt **pkts, int max,
			      struct drv_error *err)
{
	return d->ops->read(d, t, pkts, max, err);
}

static inline int driver_write(struct driver *d, const struct pkt *const *pkts, int n,
			       struct drv_error *err)
{
	return d->ops->write(d, pkts, n, err);
}

/* NULL is allowed. */
static inline void driver_close(struct driver *d)
{
	if (d)
		d->ops->close(d);
}

/* Sets the fields of a fresh driver; `size` is that of its own struct. NULL without memory. */
struct driver *driver_new(size_t size, const struct driver_ops *ops, struct drv_error *err);

/* The bytes of a packet as at most 1 + PKT_MAX_SPANS slices. Returns how many. */
int driver_iovec(const struct pkt *p, struct iovec *iov);

/* Copies the bytes of a packet, spans and all, to `out`. Returns how many, 0 when they exceed cap. */
size_t driver_copy(const struct pkt *p, uint8_t *out, size_t cap);

/* A packet that holds a copy of these bytes, or NULL. */
struct pkt *driver_pkt(struct tapir *t, const uint8_t *bytes, size_t len);

/*
 * The IPv4 configuration of a device's kernel side.
 */
struct driver_host {
	bool leave;   /* touch no address of the kernel's side */
	uint32_t ip4; /* host order */
	uint8_t prefix_len;
};

/*
 * Opens the TAP `ifname`, made if it is not there. One that exists already is used as it is: its
 * addresses are set only if it has none. `mtu` 0: the interface's own, or 1500. One that we made goes
 * when the driver is closed, or the program ends in whatever way.
 */
struct driver *tap_open(const char *ifname, uint32_t mtu, const struct driver_host *host,
			struct drv_error *err);

/*
 * Opens an existing interface by a packet socket: what arrives from its wire is read, what we write
 * leaves by it. The kernel's own stack on that interface is not reached.
 */
struct driver *packet_open(const char *ifname, uint32_t mtu, struct drv_error *err);

/* The same by libpcap, which also knows capture devices that are no network interface. */
struct driver *pcap_live_open(const char *ifname, uint32_t mtu, struct drv_error *err);

/*
 * Takes over an inherited descriptor: a TAP or TUN with IFF_NO_PI and without IFF_VNET_HDR, or a
 * connected socket that keeps message borders, a frame each. The descriptor is closed with the driver.
 */
struct driver *fd_open(int fd, uint32_t mtu, struct drv_error *err);

/*
 * Wraps `inner` so that each frame in either direction is recorded in `path`, in pcap's format with
 * nanoseconds. The wrapper owns `inner` then; on failure (NULL) the caller still does. The file
 * holds whole records at every moment. When it cannot be written to any more, one line says so on
 * stderr and the driver goes on without it.
 */
struct driver *pcapfile_wrap(struct driver *inner, const char *path, struct drv_error *err);

#endif
