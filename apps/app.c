/*
 * The order matters: what can be refused without a trace is tried first (entropy, the device), and the
 * device's descriptor decides the rest, its name the MAC, its MTU the interface's. A TAP that we made lives
 * as long as its descriptor, so whatever ends the program takes it down.
 */
#include "apps/app.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "apps/ctl.h"
#include "drivers/host.h"
#include "drivers/names.h"
#include "drivers/netlink.h"
#include "stack/netif.h"

int app_error(const char *name, const char *fmt, ...)
{
	va_list ap;
	fprintf(stderr, "tapir %s: ", name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

char *app_ip4(uint32_t ip4, char out[16])
{
	snprintf(out, 16, "%u.%u.%u.%u", ip4 >> 24, ip4 >> 16 & 255, ip4 >> 8 & 255, ip4 & 255);
	return out;
}

static struct driver *open_device(const struct stack_opts *o, struct drv_error *err)
{
	const struct driver_host host = {.leave = o->host_ip == 0,
					 .ip4 = o->host_ip,
					 .prefix_len = o->host_len};
	switch (o->dev) {
	case DEV_TAP:
		return tap_open(o->dev_name, o->mtu, &host, err);
	case DEV_PCAP:
		return pcap_live_open(o->dev_name, o->mtu, err);
	case DEV_PACKET:
		return packet_open(o->dev_name, o->mtu, err);
	case DEV_FD:
		return fd_open(o->dev_fd, o->mtu, err);
	}
	return NULL;
}

static struct driver *open_driver(const struct stack_opts *o, struct drv_error *err)
{
	struct driver *d = open_device(o, err);
	if (!d || !o->pcap)
		return d;
	struct driver *wrapped = pcapfile_wrap(d, o->pcap, err);
	if (!wrapped)
		driver_close(d);
	return wrapped;
}

/*
 * What the kernel's side of the device has: an address in our network, and who is the gateway. On
 * a TAP that is the kernel itself; on a wire that we share with the kernel, the kernel's own gateway.
 * Returns 0, or 1 after a line on stderr.
 */
static int look_at_host(struct app *a, const struct stack_opts *o)
{
	uint32_t mask = o->ip_len ? ~0u << (32 - o->ip_len) : 0;
	int kifindex = a->drv->kifindex;
	struct nl_addr addr[16];
	char text[16];
	int n = kifindex ? nl_addr_list(kifindex, addr, 16) : 0;

	for (int i = 0; i < n && i < 16; i++) {
		if (addr[i].ip4 == o->ip)
			return app_error(a->name,
					 "--ip %s: the kernel's own address on %s: give another",
					 app_ip4(o->ip, text), a->drv->ifname);
		if (!a->host_ip && ((addr[i].ip4 ^ o->ip) & mask) == 0)
			a->host_ip = addr[i].ip4;
	}
	a->gw = o->gw;
	if (o->gw_text)
		return 0;
	if (o->dev == DEV_TAP) {
		if (a->host_ip)
			a->gw = a->host_ip;
	} else if (kifindex) {
		uint32_t gw = 0;

		if (nl_default_gw(kifindex, &gw) == 0 && ((gw ^ o->ip) & mask) == 0)
			a->gw = gw;
		else if (a->gw == a->host_ip)
			a->gw = 0; /* what we send does not reach the kernel on its own wire */
		a->host_ip = 0;
	}
	return 0;
}

/* The interface with its address and default route, up. Returns 0 or a negative errno. */
static int add_interface(struct app *a, const struct stack_opts *o)
{
	const struct driver *d = a->drv;
	struct tapir_netif_conf conf = {
		.type = d->type,
		.mac = o->has_mac ? o->mac : host_default_mac(d->ifname, o->ip),
		.mtu = d->mtu,
		.offload = d->offload,
	};
	struct tapir_addr addr = tapir_addr_v4(o->ip);
	snprintf(conf.name, sizeof conf.name, "%.15s", *d->ifname ? d->ifname : "fd");
	a->ifindex = tapir_netif_add(a->t, &conf);
	if (a->ifindex < 0)
		return a->ifindex;
	int err = tapir_addr_add(a->t, a->ifindex, &addr, o->ip_len);
	if (err >= 0)
		err = tapir_netif_up(a->t, a->ifindex);
	if (err >= 0 && a->gw) {
		struct tapir_route route = {.gw = tapir_addr_v4(a->gw), .ifindex = a->ifindex};
		err = tapir_route_add(a->t, &route);
	}
	return err;
}

static int start(struct app *a, const struct stack_opts *o)
{
	uint8_t seed[TAPIR_SEED_LEN];
	struct drv_error why;
	struct tapir_env env = host_env();
	struct tapir_conf conf = o->conf;
	int err = host_entropy(seed, sizeof seed);
	if (err < 0)
		return app_error(a->name, "no entropy: %s: the kernel's getrandom() must work",
				 strerror(-err));
	a->drv = open_driver(o, &why);
	if (!a->drv)
		return app_error(a->name, "%s", why.text);
	if (look_at_host(a, o) != 0)
		return 1;
	conf.cpu_features = host_cpu_features();
	uint64_t now = host_clock_ns();
	err = tapir_create(&a->t, &env, &conf, seed, now);
	explicit_bzero(seed, sizeof seed);
	if (err < 0)
		return app_error(a->name, "the stack does not start: %s: free memory and try again",
				 strerror(-err));
	err = add_interface(a, o);
	if (err < 0)
		return app_error(a->name, "%s: the interface does not come up: %s", a->drv->name,
				 strerror(-err));
	a->loop = loop_new(a->t, a->ifindex, a->drv, now, &why);
	if (!a->loop)
		return app_error(a->name, "%s", why.text);
	err = loop_catch_signals(a->loop);
	if (err < 0)
		return app_error(a->name, "signals can't be caught: %s", strerror(-err));
	a->ctl = ctl_start(a, o, &err);
	return err;
}

static void note(void *ctx, const char *line)
{
	const struct app *a = ctx;
	app_error(a->name, "%s", line);
}

struct names *app_names(struct app *a, struct drv_error *why)
{
	const struct names_conf conf = {.server = a->dns,
					.nservers = a->ndns,
					.note = note,
					.ctx = a};
	if (!a->names)
		a->names = names_open(a->loop, &conf, why);
	return a->names;
}

/* What asks of the stack goes before the stack does. */
static void end_services(struct app *a)
{
	ctl_stop(a->ctl);
	a->ctl = NULL;
	names_close(a->names);
	a->names = NULL;
}

static void take_down(struct app *a)
{
	end_services(a);
	if (a->loop)
		loop_free(a->loop);
	if (a->t)
		tapir_destroy(a->t);
	driver_close(a->drv);
	memset(a, 0, sizeof *a);
}

int app_start(struct app *a, const char *name, const struct stack_opts *o)
{
	memset(a, 0, sizeof *a);
	a->name = name;
	memcpy(a->dns, o->dns, sizeof a->dns);
	a->ndns = o->ndns;
	/* Whoever reads our output may go; that is told by write() and is no reason to die. */
	signal(SIGPIPE, SIG_IGN);
	/* Nor is a file that may not grow: the capture is told of it as of a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	int status = start(a, o);
	if (status)
		take_down(a);
	return status;
}

void app_stop(struct app *a)
{
	end_services(a);
	loop_finish(a->loop);
	take_down(a);
}

int app_lost(const struct app *a)
{
	const char *why = loop_error(a->loop);
	return app_error(a->name, "%s",
			 why ? why : "the device is gone: start again when it is back");
}
