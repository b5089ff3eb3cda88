/*
 * Loading tapir-packetdrill.so as packetdrill does, and packets for it by hand.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/pdlib.h"

#if defined(__SANITIZE_ADDRESS__)
#define NO_DEEPBIND 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NO_DEEPBIND 1
#endif
#endif

const char *pdlib_path(void)
{
	static char path[4096];
	const char *build = getenv("BUILD");

	snprintf(path, sizeof(path), "%s/tapir-packetdrill.so", build ? build : "build");
	return path;
}

void *pdlib_load(void)
{
	int mode = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;

#ifndef NO_DEEPBIND /* which AddressSanitizer refuses */
	mode |= RTLD_DEEPBIND;
#endif
	return dlopen(pdlib_path(), mode);
}

bool pdlib_open(struct pdlib *p, const char *flags, const char **why)
{
	packetdrill_interface_init_fn *init;
	void *symbol;

	memset(p, 0, sizeof(*p));
	p->handle = pdlib_load();
	symbol = p->handle ? dlsym(p->handle, "packetdrill_interface_init") : NULL;
	if (!symbol) {
		*why = dlerror();
		return false;
	}
	memcpy(&init, &symbol, sizeof(init));
	init(flags, &p->ifc);
	return true;
}

void pdlib_close(struct pdlib *p)
{
	p->ifc.free(p->ifc.userdata);
	dlclose(p->handle);
}

long long pdlib_now(struct pdlib *p)
{
	struct timeval tv;

	p->ifc.gettimeofday(p->ifc.userdata, &tv, NULL);
	return (long long)tv.tv_sec * 1000000 + tv.tv_usec;
}

bool pdlib_asleep(pid_t tid)
{
	char path[64], text[512] = "";
	const char *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	state = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	fclose(f);
	return state && state[2] == 'S';
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

int pdlib_send_tcp(struct pdlib *p, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack,
		   uint16_t flags, uint16_t win, const uint8_t *opts, unsigned nopts, uint32_t len)
{
	static uint8_t b[65535];
	size_t n = 40 + nopts + len;

	memset(b, 0, n);
	b[0] = 0x45;
	put16(b + 2, (uint32_t)n);
	b[8] = 64;
	b[9] = WV_TCP;
	put32(b + 12, PDLIB_REMOTE);
	put32(b + 16, PDLIB_LOCAL);
	put16(b + 10, wireview_cksum(b, 20, 0));
	put16(b + 20, sport);
	put16(b + 22, dport);
	put32(b + 24, seq);
	put32(b + 28, ack);
	put16(b + 32, (5 + nopts / 4) << 12 | flags);
	put16(b + 34, win);
	if (nopts)
		memcpy(b + 40, opts, nopts);
	put16(b + 36, wireview_cksum(b + 12, n - 12, WV_TCP + (n - 20)));
	return p->ifc.netdev_send(p->ifc.userdata, b, n);
}

bool pdlib_receive(struct pdlib *p, struct wireview *v, long long *time_us)
{
	static uint8_t b[70000];
	size_t n = sizeof(b);

	if (p->ifc.netdev_receive(p->ifc.userdata, b, &n, time_us) != 0 || n == 0)
		return false;
	return wireview_read(b, n, v) == NULL;
}
