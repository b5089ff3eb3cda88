/*
 * Options are rows of tables: the shared ones here, a command's own in its file. getopt_long walks the
 * arguments; which row it found decides who parses the value. Every refusal is one line with the thing, the
 * reason and the mend, and comes before anything was opened or changed. What one option can't know about
 * another (is the gateway on our network?) is checked when all are read, by finish().
 */
#include "apps/opts.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "stack/netif.h"

enum {
	MAX_OPTS = 40,
	HELP_KEY =
		1000, /* what getopt_long returns for --help; row i of the tables is ROW_KEY + i */
	ROW_KEY = 2000,
	CONF_LINE_MAX = 1024,
	CONF_LINES_MAX = 10000,
};

int opt_refuse(struct opt_why *why, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof why->text, fmt, ap);
	va_end(ap);
	return -1;
}

int opt_number(const char *value, const char *what, long min, long max, long *out,
	       struct opt_why *why)
{
	char *end;
	errno = 0;
	long v = strtol(value, &end, 10);
	/* strtol is lax about what stands before a number. */
	bool sign = value[0] == '-' && isdigit((unsigned char)value[1]);
	if ((!isdigit((unsigned char)value[0]) && !sign) || *end || errno || v < min || v > max)
		return opt_refuse(why, "not %s: give %ld to %ld", what, min, max);
	*out = v;
	return 0;
}

bool opt_ip4(const char *text, uint32_t *out)
{
	uint32_t ip = 0;
	for (int i = 0; i < 4; i++) {
		unsigned v = 0, digits = 0;
		while (isdigit((unsigned char)*text) && digits < 3) {
			v = v * 10 + (unsigned)(*text++ - '0');
			digits++;
		}
		/* A leading zero is octal to some and decimal to others: refused. */
		if (!digits || v > 255 || (digits > 1 && text[-(int)digits] == '0'))
			return false;
		ip = ip << 8 | v;
		if (*text++ != (i < 3 ? '.' : 0))
			return false;
	}
	*out = ip;
	return true;
}

static uint32_t mask_of(unsigned len)
{
	return len ? UINT32_MAX << (32 - len) : 0;
}

/* RFC 1122 3.2.1.3: why an address can't be a host's own; NULL when it can. */
static const char *not_a_host(uint32_t ip)
{
	if (ip >> 24 == 0)
		return "0.0.0.0/8 is no host's address";
	if (ip >> 24 == 127)
		return "a loopback address, which is every host's own";
	if (ip >> 28 == 14)
		return "a multicast address";
	if (ip >> 28 == 15)
		return "a reserved or broadcast address";
	return NULL;
}

/* ADDR/LEN of a host in its network. */
static int parse_prefix(const char *value, uint32_t *ip, uint8_t *len, struct opt_why *why)
{
	char addr[16];
	const char *slash = strchr(value, '/');
	size_t n = slash ? (size_t)(slash - value) : strlen(value);
	long bits = 0;
	if (!slash || n >= sizeof addr)
		return opt_refuse(
			why, "not an address with a prefix length: give one like 192.0.2.2/24");
	memcpy(addr, value, n);
	addr[n] = 0;
	if (!opt_ip4(addr, ip))
		return opt_refuse(why, "not an IPv4 address: give one like 192.0.2.2/24");
	if (opt_number(slash + 1, "a prefix length", 1, 32, &bits, why))
		return -1;
	const char *wrong = not_a_host(*ip);
	if (wrong)
		return opt_refuse(why, "%s: give a host's, like 192.0.2.2/24", wrong);
	uint32_t host = *ip & ~mask_of((unsigned)bits);
	/* RFC 3021: a network of 31 bits has neither. */
	if (bits < 31 && host == 0)
		return opt_refuse(why, "the network itself: give a host in it");
	if (bits < 31 && host == ~mask_of((unsigned)bits))
		return opt_refuse(why, "the network's broadcast address: give a host in it");
	*len = (uint8_t)bits;
	return 0;
}

static int set_dev(void *to, const char *value, struct opt_why *why)
{
	static const struct {
		const char *prefix;
		enum dev_kind kind;
	} kinds[] = {{"tap:", DEV_TAP},
		     {"pcap:", DEV_PCAP},
		     {"packet:", DEV_PACKET},
		     {"fd:", DEV_FD}};
	struct stack_opts *o = to;
	const char *name = NULL;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = strlen(kinds[i].prefix);
		if (strncmp(value, kinds[i].prefix, n) == 0) {
			name = value + n;
			o->dev = kinds[i].kind;
		}
	}
	if (!name)
		return opt_refuse(
			why,
			"no such kind of device: give tap:NAME, pcap:IFACE, packet:IFACE or fd:N");
	if (o->dev == DEV_FD) {
		long fd = -1;
		if (opt_number(name, "a descriptor", 0, INT_MAX, &fd, why))
			return -1;
		if (fcntl((int)fd, F_GETFD) < 0)
			return opt_refuse(why, "descriptor %ld is not open: hand an open one down",
					  fd);
		o->dev_fd = (int)fd;
		o->dev_name[0] = 0;
		return 0;
	}
	size_t n = strlen(name);
	bool good = n > 0 && n < sizeof o->dev_name && strcmp(name, ".") != 0 &&
		    strcmp(name, "..") != 0;
	for (size_t i = 0; i < n; i++) {
		/* What the kernel's dev_valid_name() refuses, and '%', which it takes for a pattern. */
		if (name[i] == '/' || name[i] == ':' || name[i] == '%' ||
		    !isgraph((unsigned char)name[i]))
			good = false;
	}
	if (!good)
		return opt_refuse(why, "not an interface's name: give 1 to %d letters and digits",
				  IFNAMSIZ - 1);
	memcpy(o->dev_name, name, n + 1);
	return 0;
}

static int set_ip(void *to, const char *value, struct opt_why *why)
{
	struct stack_opts *o = to;
	o->ip_text = value;
	return parse_prefix(value, &o->ip, &o->ip_len, why);
}

static int set_host_ip(void *to, const char *value, struct opt_why *why)
{
	struct stack_opts *o = to;
	o->host_text = value;
	o->host_ip = 0;
	if (strcmp(value, "none") == 0)
		return 0;
	return parse_prefix(value, &o->host_ip, &o->host_len, why);
}

static int set_gw(void *to, const char *value, struct opt_why *why)
{
	struct stack_opts *o = to;
	o->gw_text = value;
	if (!opt_ip4(value, &o->gw))
		return opt_refuse(why, "not an IPv4 address: give one like 192.0.2.1");
	const char *wrong = not_a_host(o->gw);
	return wrong ? opt_refuse(why, "%s: give a host's, like 192.0.2.1", wrong) : 0;
}

static int set_mac(void *to, const char *value, struct opt_why *why)
{
	struct stack_opts *o = to;
	size_t i = 0;
	for (; i < 17 && value[i]; i++) {
		if (i % 3 == 2 ? value[i] != ':' : !isxdigit((unsigned char)value[i]))
			break;
	}
	if (i != 17 || value[17])
		return opt_refuse(why, "not an Ethernet address: give one like 02:00:00:00:00:02");
	for (i = 0; i < 6; i++) {
		char pair[3] = {value[3 * i], value[3 * i + 1], 0};
		o->mac.b[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	static const struct tapir_mac zero;
	if (o->mac.b[0] & 1)
		return opt_refuse(why, "a group address: give a station's, like 02:00:00:00:00:02");
	if (memcmp(&o->mac, &zero, sizeof zero) == 0)
		return opt_refuse(why, "no station's address: give one like 02:00:00:00:00:02");
	o->has_mac = true;
	return 0;
}

static int set_mtu(void *to, const char *value, struct opt_why *why)
{
	long mtu = 0;
	if (opt_number(value, "an MTU", TAPIR_MTU_MIN, TAPIR_MTU_MAX, &mtu, why))
		return -1;
	((struct stack_opts *)to)->mtu = (uint32_t)mtu;
	return 0;
}

static int set_pcap(void *to, const char *value, struct opt_why *why)
{
	if (!*value)
		return opt_refuse(why, "not a file's name: give one like tapir.pcap");
	((struct stack_opts *)to)->pcap = value;
	return 0;
}

static const char *dns_server(const char *text, size_t len, struct tapir_sockaddr *out)
{
	char addr[32], word[INET6_ADDRSTRLEN];
	uint32_t ip;
	long port = 53;
	struct in6_addr ip6;
	struct opt_why inner = {""};

	snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : 0), text);
	word[strcspn(word, "#")] = 0;
	if (inet_pton(AF_INET6, word, &ip6) == 1)
		return "name servers are reached over IPv4 only: give one like 192.0.2.53";
	if (len >= sizeof addr)
		return "not a name server: give one like 192.0.2.53 or 192.0.2.53#5353";
	memcpy(addr, text, len);
	addr[len] = 0;
	char *mark = strpbrk(addr, "#:");
	if (mark)
		*mark++ = 0;
	if (!opt_ip4(addr, &ip) || (mark && (!isdigit((unsigned char)*mark) ||
					     opt_number(mark, "a port", 1, 65535, &port, &inner))))
		return "not a name server: give one like 192.0.2.53 or 192.0.2.53#5353";
	/* 127.0.0.1 is the stack's own: the machine's resolver there is out of its reach. */
	if (ip >> 24 == 127)
		return "the stack's own loopback, where nobody answers: give a server's address";
	if (not_a_host(ip))
		return "no host has this address: give a name server's";
	*out = tapir_sockaddr_v4(ip, (uint16_t)port);
	return NULL;
}

bool opt_dns_server(const char *text, struct tapir_sockaddr *out)
{
	return dns_server(text, strlen(text), out) == NULL;
}

/* ADDR[,ADDR...]; given again, the servers are more. */
static int set_dns(void *to, const char *value, struct opt_why *why)
{
	struct stack_opts *o = to;
	for (const char *at = value;; at++) {
		size_t len = strcspn(at, ",");
		struct tapir_sockaddr server;
		const char *wrong = dns_server(at, len, &server);
		if (wrong && !strchr(value, ','))
			return opt_refuse(why, "%s", wrong);
		if (wrong)
			return opt_refuse(why, "'%.*s': %s", (int)(len < 40 ? len : 40), at, wrong);
		for (unsigned i = 0; i < o->ndns; i++) {
			if (o->dns[i].port == server.port &&
			    tapir_addr_eq(&o->dns[i].addr, &server.addr))
				return opt_refuse(why,
						  "'%.*s': there already: give each server once",
						  (int)len, at);
		}
		if (o->ndns == STACK_DNS_MAX)
			return opt_refuse(why, "too many servers: give at most %d", STACK_DNS_MAX);
		o->dns[o->ndns++] = server;
		at += len;
		if (!*at)
			return 0;
	}
}

static int set_ctl(void *to, const char *value, struct opt_why *why)
{
	struct stack_opts *o = to;
	if (!*value)
		return opt_refuse(why, "not a path: give one for the socket, or 'none'");
	if (strlen(value) > STACK_CTL_MAX)
		return opt_refuse(why, "longer than a socket's path may be: give at most %d bytes",
				  STACK_CTL_MAX);
	o->ctl_off = strcmp(value, "none") == 0;
	o->ctl = o->ctl_off ? NULL : value;
	return 0;
}

/* Letters to change, insert or take out to make a of b (Levenshtein), for names of up to 63 letters. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t n = strlen(b);
	if (n > 63)
		return UINT_MAX;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 0; a[i]; i++) {
		unsigned diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned best = diagonal + (a[i] != b[j]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j + 1] + 1 < best)
				best = row[j + 1] + 1;
			diagonal = row[j + 1];
			row[j + 1] = best;
		}
	}
	return row[n];
}

/* The setting whose name, with or without its "net.ipv4.", is most like this one; NULL: none is like it. */
static const char *nearest_setting(const char *name)
{
	const struct tapir_conf_item *item;
	const char *best = NULL;
	unsigned least = UINT_MAX;
	/* The time that it takes grows with both names; no setting's is so long. */
	if (strlen(name) > 80)
		return NULL;
	for (unsigned i = 0; (item = tapir_conf_item(i)); i++) {
		const char *last = strrchr(item->name, '.');
		unsigned d = distance(name, item->name);
		unsigned e = last ? distance(name, last + 1) : d;
		d = e < d ? e : d;
		if (d < least) {
			least = d;
			best = item->name;
		}
	}
	/* What differs in more than a third is not a slip of the fingers. */
	return least <= strlen(name) / 3 ? best : NULL;
}

static const struct tapir_conf_item *find_setting(const char *name, unsigned index)
{
	const struct tapir_conf_item *item;
	for (unsigned i = 0; (item = tapir_conf_item(i)); i++) {
		if (item->index == index && strcmp(item->name, name) == 0)
			return item;
	}
	return NULL;
}

int opt_no_setting(const char *name, struct opt_why *why)
{
	const char *near = nearest_setting(name);
	if (!near)
		return opt_refuse(why, "%.80s: no such setting: docs/limits.md lists them", name);
	return opt_refuse(why, "%.80s: no such setting: the nearest is %s", name, near);
}

/* "NAME=VALUE[ VALUE...]" with blanks about the parts; text is written to. */
static int set_setting(struct tapir_conf *conf, char *text, struct opt_why *why)
{
	char *value = strchr(text, '='), *save = NULL, *extra;
	if (!value)
		return opt_refuse(why, "not NAME=VALUE: give one like net.ipv4.tcp_sack=0");
	*value++ = 0;
	char *name = strtok_r(text, " \t", &save);
	extra = strtok_r(NULL, " \t", &save);
	if (!name || extra)
		return opt_refuse(why, "not NAME=VALUE: give one like net.ipv4.tcp_sack=0");
	if (!find_setting(name, 0))
		return opt_no_setting(name, why);
	unsigned index = 0;
	char *word = strtok_r(value, " \t", &save);
	if (!word)
		return opt_refuse(why, "%s: no value: give one behind the =", name);
	switch (tapir_conf_set_key(conf, name, word)) {
	case 0:
		return strtok_r(NULL, " \t", &save)
			       ? opt_refuse(why, "%s: too many values: give at most 1", name)
			       : 0;
	case -EINVAL:
		return opt_refuse(
			why,
			"%s: no key: give four hexadecimal numbers, like 1-2-3-4, or two such keys "
			"with a comma between",
			name);
	}
	for (; word; word = strtok_r(NULL, " \t", &save), index++) {
		const struct tapir_conf_item *item = find_setting(name, index);
		struct opt_why inner = {""};
		long v = 0;
		if (!item)
			return opt_refuse(why, "%s: too many values: give at most %u", name, index);
		const char *words = tapir_conf_words(name);
		if (tapir_conf_word(name, word) >= 0)
			v = (long)tapir_conf_word(name, word);
		else if (opt_number(word,
				    isdigit((unsigned char)word[word[0] == '-'])
					    ? "within its limits"
					    : "a number",
				    item->min, item->max, &v, &inner))
			return words ? opt_refuse(why, "%s: no %.40s: give one of %s", name, word,
						  words)
				     : opt_refuse(why, "%s: %s", name, inner.text);
		if (tapir_conf_set(conf, name, index, v))
			return opt_refuse(why, "%s: not set: give %" PRId64 " to %" PRId64, name,
					  item->min, item->max);
	}
	return 0;
}

int opt_setting(struct tapir_conf *conf, const char *text, struct opt_why *why)
{
	char line[CONF_LINE_MAX];
	if (strlen(text) >= sizeof line)
		return opt_refuse(why, "longer than any setting: give NAME=VALUE");
	memcpy(line, text, strlen(text) + 1);
	return set_setting(conf, line, why);
}

bool opt_setting_text(const struct tapir_conf *conf, const char *name, char *out, size_t size)
{
	const struct tapir_conf_item *item = find_setting(name, 0);
	const char *words = tapir_conf_words(name);
	char key[TAPIR_CONF_KEY_TEXT];
	int64_t v = 0;
	size_t n = 0;
	if (!item || size == 0)
		return false;
	out[0] = 0;
	if (tapir_conf_get_key(conf, name, key) == 0) {
		snprintf(out, size, "%s", key);
		return true;
	}
	for (unsigned i = 0; tapir_conf_get(conf, name, i, &v) == 0 && n < size; i++) {
		const char *word = words;
		for (int64_t k = item->min; word && k < v; k++) {
			word = strchr(word, ' ');
			word = word ? word + 1 : NULL;
		}
		if (word)
			n += (size_t)snprintf(out + n, size - n, "%s%.*s", i ? "\t" : "",
					      (int)strcspn(word, " "), word);
		else
			n += (size_t)snprintf(out + n, size - n, "%s%" PRId64, i ? "\t" : "", v);
	}
	return true;
}

static int set_sysctl(void *to, const char *value, struct opt_why *why)
{
	return opt_setting(&((struct stack_opts *)to)->conf, value, why);
}

/* sysctl.conf(5): NAME = VALUE a line, empty lines, and comments behind # or ;. */
static int set_conf(void *to, const char *value, struct opt_why *why)
{
	struct stack_opts *o = to;
	char line[CONF_LINE_MAX];
	int bad = 0;
	FILE *f = fopen(value, "re");
	if (!f)
		return opt_refuse(why, "%s: give a file of lines NAME=VALUE", strerror(errno));
	for (int number = 1; !bad && fgets(line, sizeof line, f); number++) {
		struct opt_why inner = {""};
		size_t n = strcspn(line, "\r\n");
		bool whole = line[n] || feof(f);
		line[n] = 0;
		const char *first = line + strspn(line, " \t");
		if (!whole || number > CONF_LINES_MAX)
			bad = opt_refuse(why,
					 "line %d: longer than any setting: give lines NAME=VALUE",
					 number);
		else if (*first && *first != '#' && *first != ';' &&
			 set_setting(&o->conf, line, &inner))
			bad = opt_refuse(why, "line %d: %s", number, inner.text);
	}
	if (!bad && ferror(f))
		bad = opt_refuse(why, "%s: give a file of lines NAME=VALUE", strerror(errno));
	fclose(f);
	return bad;
}

static const struct opt shared[] = {
	{"dev", 0, "DEV",
	 "tap:NAME | pcap:IFACE | packet:IFACE | fd:N\n(tap:tap0; a TAP that is not there is made)",
	 set_dev},
	{"ip", 0, "ADDR/LEN", "the stack's address (192.0.2.2/24)", set_ip},
	{"gw", 0, "ADDR", "the gateway (the host's side)", set_gw},
	{"host-ip", 0, "ADDR/LEN",
	 "the kernel's side of a TAP that we make (192.0.2.1/24,\nor the first of --ip's network); "
	 "'none' leaves it alone",
	 set_host_ip},
	{"mac", 0, "ADDR", "the stack's Ethernet address (made from machine and interface)",
	 set_mac},
	{"mtu", 0, "N", "bytes of an IP packet (the device's)", set_mtu},
	{"dns", 0, "ADDR[,ADDR...]",
	 "name servers (those of /etc/resolv.conf); ADDR#PORT for\nanother port than 53", set_dns},
	{"pcap", 0, "FILE", "write all frames to a capture file", set_pcap},
	{"sysctl", 0, "NAME=VALUE", "change a setting, by Linux's name; may be repeated",
	 set_sysctl},
	{"conf", 0, "FILE", "settings as lines NAME=VALUE", set_conf},
	{"ctl", 0, "PATH",
	 "the control socket, for 'tapir sysctl' and others\n(DEVICE.sock in "
	 "$XDG_RUNTIME_DIR/tapir or /run/tapir); 'none': none",
	 set_ctl},
};

enum { NSHARED = sizeof shared / sizeof *shared };

void stack_opts_default(struct stack_opts *o)
{
	memset(o, 0, sizeof *o);
	o->dev = DEV_TAP;
	memcpy(o->dev_name, "tap0", 5);
	o->dev_fd = -1;
	o->ip = TAPIR_IP4(192, 0, 2, 2);
	o->ip_len = 24;
	tapir_conf_default(&o->conf);
}

int opts_error(const char *name, const char *thing, const char *text)
{
	/* One line, whatever the value held: it may come from a script that did not write it. */
	fprintf(stderr, "tapir %s: ", name);
	for (; *thing; thing++)
		fprintf(stderr, (unsigned char)*thing < ' ' || *thing == 0x7f ? "\\x%02x" : "%c",
			(unsigned char)*thing);
	fprintf(stderr, ": %s\n", text);
	return 2;
}

static int error_value(const struct opt_command *cmd, const char *option, const char *value,
		       const char *text)
{
	char thing[512];
	snprintf(thing, sizeof thing, "--%s%s%.400s", option, value ? " " : "", value ? value : "");
	return opts_error(cmd->name, thing, text);
}

const char *opt_conflict(const struct tapir_conf *conf, struct opt_why *thing)
{
	const char *name = tapir_conf_conflict(conf);
	unsigned n = 0;
	if (!name)
		return NULL;
	opt_refuse(thing, "%s =", name);
	for (unsigned i = 0; tapir_conf_item(i); i++) {
		size_t len = strlen(thing->text);
		if (strcmp(tapir_conf_item(i)->name, name) == 0 && ++n)
			snprintf(thing->text + len, sizeof thing->text - len, " %" PRId64,
				 tapir_conf_value(conf, i));
	}
	return n > 1 ? "out of order: give none that is below the one before"
		     : "above its maximum: give less, or raise that";
}

/* What options can't know of each other while they are read. */
static int finish(const struct opt_command *cmd)
{
	struct stack_opts *o = cmd->stack;
	struct opt_why why = {""};
	uint32_t mask = mask_of(o->ip_len), net = o->ip & mask;
	if (o->host_text && o->dev != DEV_TAP)
		return error_value(cmd, "host-ip", o->host_text,
				   "only a TAP has a host's side: leave it out");
	if (!o->host_text && o->ip_len < 32) {
		/* By default the first address of our network, or the second where the first is ours. */
		uint32_t first = o->ip_len == 31 ? net : net + 1;
		o->host_ip = first != o->ip ? first : first + 1;
		o->host_len = o->ip_len;
	}
	if (o->host_text && o->host_ip && (o->host_ip & mask) != net) {
		opt_refuse(&why, "not in the network of --ip %s: give an address of it",
			   o->ip_text ? o->ip_text : "192.0.2.2/24");
		return error_value(cmd, "host-ip", o->host_text, why.text);
	}
	if (o->host_text && o->host_ip == o->ip)
		return error_value(cmd, "host-ip", o->host_text,
				   "the stack's own address: give another");
	if (!o->gw_text)
		o->gw = o->host_ip;
	if (o->gw_text && o->gw == o->ip)
		return error_value(cmd, "gw", o->gw_text,
				   "the stack's own address: give another host's");
	if (o->gw_text && (o->gw & mask) != net) {
		opt_refuse(&why, "not in the network of --ip %s: give a neighbour's",
			   o->ip_text ? o->ip_text : "192.0.2.2/24");
		return error_value(cmd, "gw", o->gw_text, why.text);
	}
	for (unsigned i = 0; i < o->ndns; i++) {
		if (tapir_addr_to_v4(&o->dns[i].addr) == o->ip)
			return error_value(cmd, "dns", o->ip_text ? o->ip_text : "192.0.2.2",
					   "the stack's own address: give another host's");
	}
	const char *wrong = opt_conflict(&o->conf, &why);
	return wrong ? opts_error(cmd->name, why.text, wrong) : OPTS_GO;
}

static void help_rows(FILE *f, const struct opt *opts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char left[64];
		const char *s = opts[i].help;
		int w = opts[i].letter ? snprintf(left, sizeof left, "-%c, ", opts[i].letter) : 0;
		snprintf(left + w, sizeof left - (size_t)w, "--%s%s%s", opts[i].name,
			 opts[i].arg ? " " : "", opts[i].arg ? opts[i].arg : "");
		for (const char *column = left; *s; column = "") {
			int len = (int)strcspn(s, "\n");
			fprintf(f, "  %-22s %.*s\n", column, len, s);
			s += len + (s[len] == '\n');
		}
	}
}

void opts_help(const struct opt_command *cmd, FILE *f)
{
	fprintf(f, "usage: tapir %s%s%s%s\n%s\n", cmd->name,
		cmd->nopts || cmd->stack ? " [options]" : "", *cmd->operands ? " " : "",
		cmd->operands, cmd->about);
	if (cmd->nopts)
		fputs("\noptions (with defaults)\n", f);
	help_rows(f, cmd->opts, cmd->nopts);
	if (cmd->stack) {
		fputs("\noptions of the stack\n", f);
		help_rows(f, shared, NSHARED);
	}
}

/* The rows of a command, its own first. */
static const struct opt *row(const struct opt_command *cmd, int i)
{
	return (size_t)i < cmd->nopts ? &cmd->opts[i] : &shared[(size_t)i - cmd->nopts];
}

/* getopt's own view of the rows; returns their number. */
static int make_tables(const struct opt_command *cmd, struct option *longs, char *letters)
{
	int n = (int)cmd->nopts + (cmd->stack ? NSHARED : 0);
	*letters++ = ':'; /* a missing value is told apart from an unknown option */
	for (int i = 0; i < n; i++) {
		const struct opt *o = row(cmd, i);
		longs[i] = (struct option){o->name, o->arg ? required_argument : no_argument, NULL,
					   ROW_KEY + i};
		if (o->letter) {
			*letters++ = o->letter;
			if (o->arg)
				*letters++ = ':';
		}
	}
	*letters++ = 'h'; /* no command has this letter for another thing */
	*letters = 0;
	longs[n] = (struct option){"help", no_argument, NULL, HELP_KEY};
	longs[n + 1] = (struct option){NULL, 0, NULL, 0};
	return n;
}

static int unknown(const struct opt_command *cmd, const char *arg, int key)
{
	char thing[200], text[300];
	if (key > 0 && key < HELP_KEY)
		snprintf(thing, sizeof thing, "-%c", key);
	else
		snprintf(thing, sizeof thing, "%.*s", (int)strcspn(arg, "="), arg);
	if (key >= HELP_KEY)
		snprintf(text, sizeof text, "takes no value: give %s alone", thing);
	else
		snprintf(text, sizeof text, "no such option: see 'tapir %s --help'", cmd->name);
	return opts_error(cmd->name, thing, text);
}

static int take(const struct opt_command *cmd, int i, const char *value)
{
	const struct opt *o = row(cmd, i);
	struct opt_why why = {""};
	void *to = (size_t)i < cmd->nopts ? cmd->to : cmd->stack;
	return o->set(to, o->arg ? value : NULL, &why) == 0
		       ? OPTS_GO
		       : error_value(cmd, o->name, value, why.text);
}

static int missing_value(const struct opt_command *cmd, const struct opt *o)
{
	struct opt_why why = {""};
	opt_refuse(&why, "wants a value: give --%s %s", o->name, o->arg);
	return error_value(cmd, o->name, NULL, why.text);
}

/* The row that getopt means by a letter or by a key of ours, or -1. */
static int row_of(const struct opt_command *cmd, int n, int key)
{
	if (key >= ROW_KEY)
		return key - ROW_KEY;
	for (int i = 0; key > 0 && i < n; i++) {
		if (row(cmd, i)->letter == key)
			return i;
	}
	return -1;
}

int opts_parse(const struct opt_command *cmd, int argc, char **argv, int *first)
{
	struct option longs[MAX_OPTS + 2];
	char letters[2 * MAX_OPTS + 3];
	int n = make_tables(cmd, longs, letters), key, status;
	if (cmd->stack)
		stack_opts_default(cmd->stack);
	opterr = 0;
	optind = 0; /* GNU: begin anew, for a caller that parses twice */
	while ((key = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (key == HELP_KEY || key == 'h') {
			opts_help(cmd, stdout);
			return fflush(stdout) == 0 ? 0 : 1;
		}
		int i = row_of(cmd, n, key == ':' ? optopt : key);
		if (key == '?' || i < 0)
			return unknown(cmd, argv[optind - 1], optopt);
		status = key == ':' ? missing_value(cmd, row(cmd, i)) : take(cmd, i, optarg);
		if (status != OPTS_GO)
			return status;
	}
	if (argc - optind < cmd->min_operands) {
		struct opt_why why;
		opt_refuse(&why, "missing: give 'tapir %s %s'", cmd->name, cmd->operands);
		return opts_error(cmd->name, cmd->operands, why.text);
	}
	if (argc - optind > cmd->max_operands) {
		struct opt_why why;
		opt_refuse(&why, "one word too many: see 'tapir %s --help'", cmd->name);
		return opts_error(cmd->name, argv[optind + cmd->max_operands], why.text);
	}
	*first = optind;
	return cmd->stack ? finish(cmd) : OPTS_GO;
}
