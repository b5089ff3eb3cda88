/*
 * The host: clocks, entropy, the processor's features, a MAC to call our own.
 *
 * The core asks for none of these itself; what it needs is handed to it when an instance is made, and
 * the time at each turn of the loop.
 */
#include "drivers/host.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "stack/conf.h"

uint64_t host_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

struct timespec host_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
}

int host_entropy(void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

uint32_t host_cpu_features(void)
{
	uint32_t f = 0;

#if defined(__x86_64__) || defined(__i386__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		f |= TAPIR_CPU_AVX2;
#endif
	return f;
}

/* FNV-1a, 64 bits: the MAC must be stable and well spread, not secret. */
static uint64_t hash_more(uint64_t h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

/* A name that stays with the machine; the host's name where it has no machine id. */
static size_t machine_name(char *out, size_t cap)
{
	static const char *const files[] = {"/etc/machine-id", "/var/lib/dbus/machine-id"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, out, cap);

		if (fd >= 0)
			close(fd);
		if (n >= 32)
			return 32;
	}
	if (gethostname(out, cap) != 0)
		return 0;
	out[cap - 1] = '\0';
	return strlen(out);
}

struct tapir_mac host_default_mac(const char *ifname, uint32_t ip4)
{
	char name[65];
	struct tapir_mac mac;
	uint64_t h = hash_more(0xcbf29ce484222325ull, "tapir mac", 9);
	size_t len = machine_name(name, sizeof(name));

	h = hash_more(h, name, len);
	h = hash_more(h, ifname, strlen(ifname) + 1);
	h = hash_more(h, &ip4, sizeof(ip4));
	/* the finishing steps of MurmurHash3, so that each bit of the MAC depends on all before */
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ull;
	h ^= h >> 33;
	for (size_t i = 0; i < sizeof(mac.b); i++)
		mac.b[i] = (uint8_t)(h >> 8 * i);
	mac.b[0] = (uint8_t)((mac.b[0] & 0xfc) | 0x02);
	return mac;
}

/*
 * What an attack made us take goes back to the system when it is over. malloc() by itself keeps pages with anything
 * alive above them in the heap, and after ten thousand connections something is. So when half of the most that
 * was in use is free, and that is much, it is asked to look for whole pages.
 */
enum { TRIM_BYTES = 64 << 20 };

static _Atomic size_t live_bytes, peak_bytes; /* of all instances */

static void *env_alloc(void *ctx, size_t n)
{
	void *p = malloc(n);
	size_t live;

	(void)ctx;
	if (!p)
		return NULL;
	live = atomic_fetch_add(&live_bytes, n) + n;
	if (live > atomic_load(&peak_bytes))
		atomic_store(&peak_bytes, live);
	return p;
}

static void env_free(void *ctx, void *p, size_t n)
{
	size_t live, peak = atomic_load(&peak_bytes);

	(void)ctx;
	if (!p)
		return;
	free(p);
	live = atomic_fetch_sub(&live_bytes, n) - n;
	if (live > peak / 2 || peak - live < TRIM_BYTES)
		return;
	atomic_store(&peak_bytes, live);
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

struct tapir_env host_env(void)
{
	return (struct tapir_env){NULL, env_alloc, env_free, NULL};
}
