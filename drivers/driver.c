/*
 * What all drivers share: how a failure is told, and how the pieces of a packet are put in a row.
 */
#include "drivers/driver.h"

#include <stdio.h>
#include <stdlib.h>

int drv_fail(struct drv_error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

struct driver *driver_new(size_t size, const struct driver_ops *ops, struct drv_error *err)
{
	struct driver *d = calloc(1, size);

	if (!d) {
		drv_fail(err, "no memory for a driver: free some and try again");
		return NULL;
	}
	d->ops = ops;
	d->fd = -1;
	d->event_fd = -1;
	d->type = TAPIR_NETIF_ETHER;
	d->mtu = 1500;
	return d;
}

int driver_iovec(const struct pkt *p, struct iovec *iov)
{
	int n = 1;

	iov[0].iov_base = p->data;
	iov[0].iov_len = p->len;
	for (unsigned i = 0; i < p->nspan; i++, n++) {
		/* writev() takes no const */
		iov[n].iov_base = (void *)(uintptr_t)p->span[i].p;
		iov[n].iov_len = p->span[i].len;
	}
	return n;
}

size_t driver_copy(const struct pkt *p, uint8_t *out, size_t cap)
{
	size_t at = p->len;

	if (pkt_wire_len(p) > cap)
		return 0;
	memcpy(out, p->data, p->len);
	for (unsigned i = 0; i < p->nspan; i++) {
		memcpy(out + at, p->span[i].p, p->span[i].len);
		at += p->span[i].len;
	}
	return at;
}

struct pkt *driver_pkt(struct tapir *t, const uint8_t *bytes, size_t len)
{
	struct pkt *p = tapir_pkt_alloc(t, len);

	if (!p)
		return NULL;
	memcpy(p->data, bytes, len);
	p->len = (uint32_t)len;
	return p;
}
