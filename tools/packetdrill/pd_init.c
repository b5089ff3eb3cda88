/*
 * The beginning and the end: the table of calls, the flags, the instance and its settings.
 *
 * The flags are words between commas:
 *
 *	linux		Linux's settings where ours differ (the default)
 *	freebsd		FreeBSD's order of SYN options, window scale 6, a window of 65535, no quick ACKs,
 *			segments one by one
 *	notso		segments one by one; without it what leaves at one moment leaves in chunks
 *			(pd_tso.c), as from Linux over packetdrill's device
 *	mtu=N		of the one interface, 1500
 *	ip=ADDR[/LEN]	our address, and no other. Without it 192.168.0.1 is our first, and any address that a
 *			script binds or sends to becomes one of ours
 *	sysctl:NAME=V	a setting, as `sysctl -w` writes it; several values between blanks. The namespace's
 *			own do not change it any more
 *	seed=N		a fixed seed instead of the system's entropy
 *	pcap=FILE	what crosses, with virtual time
 *
 * A mistake in them is told in one line on stderr, and every call fails with EINVAL: there is no other way to say
 * it to packetdrill, which ends at the script's first call.
 *
 * Settings come from the network namespace that packetdrill runs in, as a script's `sysctl -w` leaves them: all
 * of Linux's are read at the first socket(), and at a later one those that changed since.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host.h"
#include "tools/packetdrill/pd.h"

enum { MTU = 1500, VALUE_TEXT = 256, FREEBSD_RCVBUF = 131072, FREEBSD_RMEM_MAX = 2097152 };

static void pd_free(void *u);

static const struct packetdrill_interface calls = {
	.free = pd_free,
	.socket = pd_socket,
	.bind = pd_bind,
	.listen = pd_listen,
	.accept = pd_accept,
	.connect = pd_connect,
	.read = pd_read,
	.readv = pd_readv,
	.recv = pd_recv,
	.recvfrom = pd_recvfrom,
	.recvmsg = pd_recvmsg,
	.write = pd_write,
	.writev = pd_writev,
	.send = pd_send,
	.sendto = pd_sendto,
	.sendmsg = pd_sendmsg,
	.fcntl = pd_fcntl,
	.ioctl = pd_ioctl,
	.close = pd_close,
	.shutdown = pd_shutdown,
	.getsockopt = pd_getsockopt,
	.setsockopt = pd_setsockopt,
	.poll = pd_poll,
	.netdev_send = pd_netdev_send,
	.netdev_receive = pd_netdev_receive,
	.usleep = pd_usleep,
	.gettimeofday = pd_gettimeofday,
	.epoll_create = pd_epoll_create,
	.epoll_ctl = pd_epoll_ctl,
	.epoll_wait = pd_epoll_wait,
	.pipe = pd_pipe,
	.splice = pd_splice,
};

_Noreturn void tapir_panic(const char *file, int line, const char *expr)
{
	fprintf(stderr, "tapir-packetdrill: %s:%d: broken: %s\n", file, line, expr);
	abort();
}

/* ---- settings ---- */

/* How many settings there are: values of one sysctl stand in a row. */
static unsigned items(void)
{
	unsigned n = 0;

	while (tapir_conf_item(n))
		n++;
	return n;
}

static int64_t clamp(const struct tapir_conf_item *it, int64_t v)
{
	return v < it->min ? it->min : v > it->max ? it->max : v;
}

static int set(struct pd *pd, const char *name, unsigned index, int64_t v)
{
	return pd->t ? tapir_sysctl(pd->t, name, index, v)
		     : tapir_conf_set(&pd->conf, name, index, v);
}

/* As Linux writes a key; all zero: it has none yet. */
static bool set_key(struct pd *pd, const char *name, const char *text)
{
	struct tapir_conf conf;
	char word[TAPIR_CONF_KEY_TEXT] = "";
	int64_t v;

	tapir_conf_default(&conf);
	sscanf(text, " %71[0-9a-fA-F,-]", word);
	if (tapir_conf_set_key(&conf, name, word))
		return false;
	if (word[strspn(word, "0-")] == '\0')
		return true;
	for (unsigned i = 0; tapir_conf_get(&conf, name, i, &v) == 0; i++) {
		if (set(pd, name, i, v) < 0)
			return false;
	}
	return true;
}

/* Sets the values of `text`, blanks between them. False: no such setting, or no number. */
static bool set_values(struct pd *pd, const char *name, const char *text, bool exact)
{
	char none[TAPIR_CONF_KEY_TEXT];
	bool any = false;

	/* Numbers between blanks are what a flag can say, where commas part flags. */
	if (!strchr(text, ' ') && tapir_conf_get_key(&pd->conf, name, none) == 0)
		return set_key(pd, name, text);
	for (unsigned k = 0; tapir_conf_item(k); k++) {
		const struct tapir_conf_item *it = tapir_conf_item(k);
		const char *at = text;
		char *end = NULL;
		long long v = 0;

		if (strcmp(it->name, name) != 0)
			continue;
		if (tapir_conf_words(name)) { /* "cubic": one that we have, or ours stays */
			char word[32] = "";

			sscanf(text, " %31[a-z0-9_-]", word);
			v = tapir_conf_word(name, word);
			if (v >= 0)
				return set(pd, name, it->index, v) == 0;
			if (!isdigit((unsigned char)word[0]))
				return false;
		}
		for (unsigned i = 0; i <= it->index; i++, at = end) {
			errno = 0;
			v = strtoll(at, &end, 0);
			if (end == at || errno)
				return any;
		}
		/* A machine's value may be beyond what we can do: then the nearest is right. */
		if (set(pd, name, it->index, exact ? v : clamp(it, v)) < 0)
			return false;
		any = true;
	}
	return any;
}

static bool read_proc(const char *name, char *text, size_t cap)
{
	char path[160] = "/proc/sys/";
	size_t n = strlen(path);
	ssize_t got;
	int fd;

	for (; *name && n < sizeof(path) - 1; name++)
		path[n++] = *name == '.' ? '/' : *name;
	path[n] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, cap - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	return true;
}

/* Settings that the namespace's value is not for: our own, and pages of the whole machine. */
static bool ours_alone(const char *name)
{
	return strncmp(name, "net.tapir.", 10) == 0 || strcmp(name, "net.ipv4.tcp_mem") == 0;
}

void pd_read_sysctls(struct pd *pd)
{
	char text[VALUE_TEXT];

	for (unsigned k = 0; tapir_conf_item(k); k++) {
		const struct tapir_conf_item *it = tapir_conf_item(k);

		if (it->index != 0 || ours_alone(it->name))
			continue;
		/* Set by the flags: stays. */
		if (pd->sysctl_seen[k] && pd->sysctl_seen[k][0] == '=')
			continue;
		if (!read_proc(it->name, text, sizeof(text)))
			continue;
		if (pd->sysctl_seen[k] && strcmp(pd->sysctl_seen[k], text) == 0)
			continue;
		free(pd->sysctl_seen[k]);
		pd->sysctl_seen[k] = strdup(text);
		set_values(pd, it->name, text, false);
	}
	pd->sysctls_read = true;
}

static void pin_sysctl(struct pd *pd, const char *name)
{
	for (unsigned k = 0; tapir_conf_item(k); k++) {
		if (strcmp(tapir_conf_item(k)->name, name) == 0) {
			free(pd->sysctl_seen[k]);
			pd->sysctl_seen[k] = strdup("=");
		}
	}
}

/* ---- flags ---- */

static bool flag_sysctl(struct pd *pd, char *text)
{
	char *eq = strchr(text, '=');

	if (!eq)
		return false;
	*eq = '\0';
	if (!set_values(pd, text, eq + 1, true)) {
		*eq = '=';
		return false;
	}
	pin_sysctl(pd, text);
	*eq = '=';
	return true;
}

static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return !errno && end != text && !*end && *out >= min && *out <= max;
}

static bool flag(struct pd *pd, char *word)
{
	struct in_addr ip;
	char *slash;
	uint64_t v;
	bool ok;

	if (!*word || strcmp(word, "linux") == 0)
		return true;
	if (strcmp(word, "notso") == 0)
		return pd->flags.no_tso = true;
	if (strcmp(word, "freebsd") == 0)
		return pd->flags.freebsd = pd->flags.no_tso = true;
	if (strncmp(word, "mtu=", 4) == 0) {
		if (!number(word + 4, TAPIR_MTU_MIN, TAPIR_MTU_MAX, &v))
			return false;
		pd->flags.mtu = (uint32_t)v;
		return true;
	}
	if (strncmp(word, "ip=", 3) == 0) {
		if ((slash = strchr(word, '/'))) {
			if (!number(slash + 1, 0, 32, &v))
				return false;
			pd->flags.prefix = (uint8_t)v;
			*slash = '\0';
		}
		ok = inet_pton(AF_INET, word + 3, &ip) == 1;
		if (slash)
			*slash = '/'; /* for the message */
		if (!ok)
			return false;
		pd->flags.ip4 = ntohl(ip.s_addr);
		return pd->flags.fixed_ip = true;
	}
	if (strncmp(word, "seed=", 5) == 0) {
		if (!number(word + 5, 0, UINT64_MAX, &pd->flags.seed))
			return false;
		return pd->flags.has_seed = true;
	}
	if (strncmp(word, "pcap=", 5) == 0 && strlen(word + 5) < sizeof(pd->flags.pcap)) {
		snprintf(pd->flags.pcap, sizeof(pd->flags.pcap), "%s", word + 5);
		return true;
	}
	return strncmp(word, "sysctl:", 7) == 0 && flag_sysctl(pd, word + 7);
}

static bool parse_flags(struct pd *pd, const char *flags)
{
	char *text = strdup(flags ? flags : ""), *save = NULL;
	bool ok = text != NULL;

	for (char *w = text ? strtok_r(text, ",", &save) : NULL; w && ok;
	     w = strtok_r(NULL, ",", &save)) {
		while (*w == ' ')
			w++;
		ok = flag(pd, w);
		if (!ok)
			fprintf(stderr,
				"tapir-packetdrill: flag '%s': not understood: give linux, "
				"freebsd, notso, "
				"mtu=68..65535, ip=ADDR[/LEN], sysctl:NAME=VALUE (within its "
				"limits), "
				"seed=N or pcap=FILE\n",
				w);
	}
	free(text);
	return ok;
}

/* ---- the instance ---- */

static void persona(struct pd *pd)
{
	struct tapir_conf *c = &pd->conf;

	/* Where ours is not Linux's default; what the namespace says comes on top. */
	c->tcp_rfc1337 = 0;
	c->tcp_hystart = 3;
	c->tcp_cubic = 1;
	c->ip_local_port_min = 32768;
	c->ip_local_port_max = 60999;
	if (!pd->flags.freebsd)
		return;
	c->tcp_persona = 1;
	c->tcp_quickack_segs = 0;
	c->tcp_rmem_default = FREEBSD_RCVBUF;
	c->tcp_rmem_max = FREEBSD_RMEM_MAX;
	c->rmem_max = FREEBSD_RMEM_MAX;
	pin_sysctl(pd, "net.ipv4.tcp_rmem");
	pin_sysctl(pd, "net.core.rmem_max");
}

void pd_learn_address(struct pd *pd, uint32_t ip4)
{
	struct tapir_addr a = tapir_addr_v4(ip4);
	struct tapir_ifaddr have;

	if (pd->flags.fixed_ip || ip4 == 0 || ip4 >> 24 == 127 || ip4 >> 28 >= 14)
		return;
	for (unsigned i = 0; tapir_addr_get(pd->t, pd->ifi, i, &have) == 0; i++) {
		if (tapir_addr_eq(&have.addr, &a))
			return;
	}
	tapir_addr_add(pd->t, pd->ifi, &a, 32);
}

static bool seed(const struct pd *pd, uint8_t out[TAPIR_SEED_LEN])
{
	if (!pd->flags.has_seed)
		return host_entropy(out, TAPIR_SEED_LEN) == 0;
	memset(out, 0x5a, TAPIR_SEED_LEN);
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(pd->flags.seed >> 8 * i);
	return true;
}

static bool start(struct pd *pd)
{
	struct tapir_netif_conf nc = {.name = "packetdrill0",
				      .type = TAPIR_NETIF_RAW_IP,
				      .mtu = pd->flags.mtu,
				      .gso_bytes = pd->flags.no_tso ? 0 : PD_GSO_MAX};
	struct tapir_env env = host_env();
	struct tapir_addr local = tapir_addr_v4(pd->flags.ip4);
	struct tapir_route all = {.metric = 0};
	uint8_t bytes[TAPIR_SEED_LEN];
	int err;

	if (!seed(pd, bytes)) {
		fprintf(stderr, "tapir-packetdrill: the system has no entropy\n");
		return false;
	}
	err = tapir_create(&pd->t, &env, &pd->conf, bytes, PD_START_S * PD_SEC);
	if (err) {
		fprintf(stderr, "tapir-packetdrill: the stack does not start: %s\n",
			strerror(-err));
		return false;
	}
	pd->ifi = tapir_netif_add(pd->t, &nc);
	all.ifindex = pd->ifi;
	if (pd->ifi < 0 || (err = tapir_addr_add(pd->t, pd->ifi, &local, pd->flags.prefix)) < 0 ||
	    (err = tapir_netif_up(pd->t, pd->ifi)) < 0 ||
	    (err = tapir_route_add(pd->t, &all)) < 0) {
		fprintf(stderr, "tapir-packetdrill: the interface does not come up: %s\n",
			strerror(-(pd->ifi < 0 ? pd->ifi : err)));
		tapir_destroy(pd->t);
		pd->t = NULL;
		return false;
	}
	return true;
}

static struct pd *make(void)
{
	struct pd *pd = calloc(1, sizeof(*pd));
	pthread_condattr_t attr;

	if (!pd || !(pd->sysctl_seen = calloc(items() + 1, sizeof(char *)))) {
		fprintf(stderr, "tapir-packetdrill: no memory\n");
		abort();
	}
	pthread_mutex_init(&pd->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pd->quiet, &attr);
	pthread_condattr_destroy(&attr);
	pd->tail = &pd->head;
	pd->main_thread = gettid();
	pd->flags.mtu = MTU;
	pd->flags.prefix = 32;
	pd->flags.ip4 = TAPIR_IP4(192, 168, 0, 1);
	tapir_conf_default(&pd->conf);
	pd->conf.cpu_features = host_cpu_features();
	return pd;
}

/* The init symbol is the only one that leaves the shared object (exports.map). */
__attribute__((visibility("default"))) void packetdrill_interface_init(
	const char *flags, struct packetdrill_interface *ifc)
{
	struct pd *pd = make();
	bool ok;

	*ifc = calls;
	ifc->userdata = pd;
	/* The persona first, so that a sysctl of the flags has the last word. */
	pd->flags.freebsd = flags && strstr(flags, "freebsd");
	persona(pd);
	ok = parse_flags(pd, flags);
	if (ok && pd->flags.pcap[0] && !pd_pcap_open(pd, pd->flags.pcap)) {
		fprintf(stderr,
			"tapir-packetdrill: %s: %s: give pcap= a file that can be written\n",
			pd->flags.pcap, strerror(errno));
		ok = false;
	}
	if (ok)
		start(pd);
}

static void pd_free(void *u)
{
	struct pd *pd = u;

	pthread_mutex_lock(&pd->lock);
	pd->ending = true;
	if (pd->t)
		pd_settle(pd);
	/* Who still sleeps in a call leaves it with EINTR, while there is something to leave. */
	for (unsigned i = 0; i < 1000 && pd->waits; i++) {
		pthread_mutex_unlock(&pd->lock);
		usleep(1000);
		pthread_mutex_lock(&pd->lock);
	}
	if (pd->waits) {
		/* It is still in there: better a leak than a crash. */
		pthread_mutex_unlock(&pd->lock);
		return;
	}
	pd_files_free(pd);
	tapir_destroy(pd->t);
	pd->t = NULL;
	while (pd->head) {
		struct pd_sent *s = pd->head;

		pd->head = s->next;
		free(s);
	}
	if (pd->pcap)
		fclose(pd->pcap);
	for (unsigned k = 0, n = items(); k < n; k++)
		free(pd->sysctl_seen[k]);
	free(pd->sysctl_seen);
	pthread_mutex_unlock(&pd->lock);
	pthread_cond_destroy(&pd->quiet);
	pthread_mutex_destroy(&pd->lock);
	free(pd);
}
