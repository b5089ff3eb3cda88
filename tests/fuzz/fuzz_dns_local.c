/*
 * The texts that the resolver reads on its own machine: the hosts file, resolv.conf, addresses. The first octet chooses. What was
 * read must be valid, found again, and mean the same when it is written and read once more.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/addrinfo.h"
#include "dns/local.h"
#include "dns/rr.h"

static void need(int ok)
{
	if (!ok)
		abort();
}

static void *get(void *ctx, size_t n)
{
	(void)ctx;
	return malloc(n);
}

static void put(void *ctx, void *p, size_t n)
{
	(void)ctx;
	(void)n;
	free(p);
}

static void need_name(const struct dns_name *n)
{
	unsigned at = 0;

	need(n->len >= 1);
	while (n->b[at]) {
		need(n->b[at] <= DNS_LABEL_MAX);
		at += n->b[at] + 1u;
		need(at < n->len);
	}
	need(at + 1 == n->len);
}

/* Each word of the text that is a name is asked for; what is found leads back. */
static void hosts(const char *text, size_t len)
{
	static const uint8_t key[16] = {1};
	const struct tapir_env env = {.alloc = get, .free = put};
	struct dns_hosts *h;

	need(dns_hosts_new(&h, &env, key, text, len) == 0);
	for (size_t at = 0, asked = 0; at < len && asked < 64; at++) {
		size_t n = 0;
		struct dns_name name, canonical, back;
		struct tapir_addr a;

		while (at + n < len && text[at + n] > ' ' && text[at + n] != '#')
			n++;
		if (n == 0 || dns_name_parse(&name, text + at, n, NULL))
			continue;
		asked++;
		at += n;
		bool v4 = dns_hosts_addr(h, &name, DNS_TYPE_A, 0, &a, &canonical);
		if (!v4 && !dns_hosts_addr(h, &name, DNS_TYPE_AAAA, 0, &a, &canonical)) {
			need(!dns_hosts_has(h, &name));
			continue;
		}
		need(dns_hosts_has(h, &name) && dns_hosts_has(h, &canonical));
		need_name(&canonical);
		need(!v4 || tapir_addr_is_v4(&a));
		unsigned i = 0;
		do
			need(dns_hosts_name(h, &a, i++, &back));
		while (!dns_name_eq(&back, &canonical));
	}
	dns_hosts_free(h);
}

static void resolvconf(const char *text, size_t len)
{
	struct dns_conf c = {.ndots = 1, .timeout_ms = 5000, .attempts = 2}, again;
	struct dns_resolvconf_note note[8];
	unsigned n = dns_resolvconf(&c, text, len, note, 8);

	need(c.nservers <= DNS_SERVERS_MAX && c.nsearch <= DNS_SEARCH_MAX);
	need(c.ndots <= 15 && c.attempts >= 1 && c.attempts <= 3);
	need(c.timeout_ms >= 1000 && c.timeout_ms <= 30000);
	for (unsigned i = 0; i < c.nservers; i++) {
		uint32_t ip4 = tapir_addr_to_v4(&c.server[i].addr);

		need(tapir_addr_is_v4(&c.server[i].addr) && ip4 >> 24 != 127 && ip4 >> 24 != 0);
		for (unsigned k = 0; k < i; k++)
			need(!tapir_addr_eq(&c.server[i].addr, &c.server[k].addr));
	}
	for (unsigned i = 0; i < c.nsearch; i++)
		need_name(&c.search[i]);
	for (unsigned i = 0; i < n && i < 8; i++) {
		need(note[i].line >= 1 && memchr(note[i].text, 0, sizeof(note[i].text)));
		for (const char *p = note[i].text; *p; p++)
			need(*p >= ' ' && *p <= '~');
	}
	/* Read twice it says the same. */
	again = c;
	need(dns_resolvconf(&again, text, len, NULL, 0) == n);
	need(again.nservers == c.nservers && again.nsearch == c.nsearch);
}

static void address(const char *text)
{
	struct dns_addr a, back;
	struct in_addr in;
	struct in6_addr in6;
	char out[46], theirs[46];
	bool v4 = inet_pton(AF_INET, text, &in) == 1, v6 = inet_pton(AF_INET6, text, &in6) == 1;

	need((dns_addr_parse(text, false, &a) == 0) == (v4 || v6));
	if (dns_addr_parse(text, true, &a))
		return;
	need(dns_addr_text(&a, out) == strlen(out) && strlen(out) < sizeof(out));
	need(dns_addr_parse(out, false, &back) == 0 && back.family == a.family);
	need(tapir_addr_eq(&back.addr, &a.addr));
	if (a.family == DNS_AF_INET6) {
		need(v6 && memcmp(in6.s6_addr, a.addr.b, 16) == 0);
		need(inet_ntop(AF_INET6, a.addr.b, theirs, sizeof(theirs)) != NULL);
		need(strcmp(out, theirs) == 0);
	} else {
		need(inet_aton(text, &in) && ntohl(in.s_addr) == tapir_addr_to_v4(&a.addr));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	size_t len = size - 1;
	char *text = malloc(len + 1);

	need(text != NULL);
	memcpy(text, data + 1, len);
	text[len] = 0;
	switch (data[0] % 3) {
	case 0:
		hosts(text, len);
		break;
	case 1:
		resolvconf(text, len);
		break;
	case 2:
		address(text);
		break;
	}
	free(text);
	return 0;
}
