/*
 * Names resolved with nothing but the library's interface: a host asks another, which is a name server of 40 lines, for
 * addresses and for a record, first by packets and then out of the cache.
 *
 *	cc example_dns.c $(pkg-config --cflags --libs tapir) && ./a.out
 *
 * As in example.c the program is the wire, the clock and the memory of both. What is new is the resolver's turn: its sockets'
 * readiness goes to dns_ready(), and dns_advance() is called when dns_next_deadline() has come. Whoever has a loop of their own
 * does the same there; drivers/names.c does it for ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dns/addrinfo.h>
#include <dns/dns.h>
#include <dns/text.h>
#include <stack/netif.h>
#include <stack/socket.h>
#include <stack/tapir.h>

struct host {
	struct tapir *t;
	int ifindex;
};

_Noreturn void tapir_panic(const char *file, int line, const char *expr)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, expr);
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

static const struct tapir_env env = {.alloc = get, .free = put};

/* Ends the program on an error that it has no use for. Else returns the value. */
static int64_t must(int64_t v, const char *call)
{
	if (v >= 0)
		return v;
	fprintf(stderr, "%s: %s\n", call, strerror((int)-v));
	exit(1);
}

static struct host host_up(uint32_t ip4, uint8_t seed_byte)
{
	struct tapir_netif_conf nic = {.name = "wire0", .type = TAPIR_NETIF_RAW_IP, .mtu = 1500};
	const struct tapir_addr addr = tapir_addr_v4(ip4);
	uint8_t seed[TAPIR_SEED_LEN];
	struct host h;

	/* a real host fills this from getrandom(), or its ports and IDs can be guessed */
	memset(seed, seed_byte, sizeof(seed));
	must(tapir_create(&h.t, &env, NULL, seed, 0), "tapir_create");
	h.ifindex = (int)must(tapir_netif_add(h.t, &nic), "tapir_netif_add");
	must(tapir_addr_add(h.t, h.ifindex, &addr, 24), "tapir_addr_add");
	must(tapir_netif_up(h.t, h.ifindex), "tapir_netif_up");
	return h;
}

/* Moves what `from` wants to send over to `to`. Returns how many packets that was. */
static size_t carry(struct host *from, struct host *to)
{
	const struct pkt *out[16];
	size_t n = tapir_tx_peek(from->t, from->ifindex, out, 16);

	for (size_t i = 0; i < n; i++) {
		struct pkt *in = tapir_pkt_alloc(to->t, pkt_wire_len(out[i]));

		if (!in)
			continue; /* lost: as on any wire */
		memcpy(in->data, out[i]->data, out[i]->len);
		in->len = out[i]->len;
		for (unsigned s = 0; s < out[i]->nspan; s++) {
			memcpy(in->data + in->len, out[i]->span[s].p, out[i]->span[s].len);
			in->len += out[i]->span[s].len;
		}
		tapir_input(to->t, to->ifindex, in);
	}
	tapir_tx_done(from->t, from->ifindex, n);
	return n;
}

/* ---- the name server ---- */

static struct dns_name name(const char *text)
{
	struct dns_name n;

	must(dns_name_parse(&n, text, strlen(text), NULL), "dns_name_parse");
	return n;
}

/* Everything below example. is an alias of www.example., which has an address and a mail server. */
static size_t answer(const uint8_t *query, size_t len, uint8_t *out, size_t room)
{
	const struct dns_name www = name("www.example"), zone = name("example");
	static const uint8_t a[4] = {192, 0, 2, 80}, mx[] = "\0\12\4mail\7example";
	struct dns_msg m;
	struct dns_enc e;

	if (dns_msg_decode(&m, query, len, NULL) < 0 || m.count[DNS_QUESTION] != 1)
		return 0;
	bool known = dns_name_under(&m.q.name, &zone);
	dns_enc_begin(&e, out, room, m.id, DNS_QR | DNS_AA | DNS_RD | DNS_RA, 0,
		      known ? DNS_RCODE_NOERROR : DNS_RCODE_NXDOMAIN);
	dns_enc_question(&e, &m.q.name, m.q.type, m.q.class);
	if (known && !dns_name_eq(&m.q.name, &www))
		dns_enc_rr(&e, DNS_ANSWER, &m.q.name, DNS_TYPE_CNAME, DNS_CLASS_IN, 60, www.b,
			   www.len);
	if (known && m.q.type == DNS_TYPE_A)
		dns_enc_rr(&e, DNS_ANSWER, &www, DNS_TYPE_A, DNS_CLASS_IN, 60, a, sizeof(a));
	if (known && m.q.type == DNS_TYPE_MX)
		dns_enc_rr(&e, DNS_ANSWER, &www, DNS_TYPE_MX, DNS_CLASS_IN, 60, mx, sizeof(mx));
	return e.len;
}

/* Answers what has arrived. */
static void serve(struct host *h, tapir_sock_t s)
{
	uint8_t query[2048], reply[512];
	struct tapir_sockaddr from;
	int64_t n;

	while ((n = tapir_recvfrom(h->t, s, query, sizeof(query), 0, &from)) >= 0) {
		size_t len = answer(query, (size_t)n, reply, sizeof(reply));

		if (len)
			tapir_sendto(h->t, s, reply, len, 0, &from);
	}
}

/* ---- the client ---- */

static const char *source(const struct dns_story *s)
{
	return s && s->source == DNS_FROM_CACHE	   ? "out of the cache"
	       : s && s->source == DNS_FROM_SERVER ? "from a server"
						   : "known here";
}

static void on_addrs(void *ctx, int64_t id, const struct dns_addrs *a)
{
	char text[46];

	(void)id;
	printf("%s:", (const char *)ctx);
	for (unsigned i = 0; i < a->n; i++) {
		dns_addr_text(&a->addr[i], text);
		printf(" %s", text);
	}
	printf("%s%s (%s)\n", a->eai ? " " : "", a->eai ? dns_eai_text(a->eai) : "",
	       source(a->story[0]));
}

static void on_reply(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct dns_rr_iter it;
	struct dns_msg m;
	struct dns_rr rr;
	char line[512];

	(void)ctx;
	(void)id;
	if (r->status != DNS_OK || dns_msg_decode(&m, r->msg, r->len, NULL) < 0) {
		printf("%s\n", dns_status_text(r->status));
		return;
	}
	for (dns_rr_begin(&m, &it); dns_rr_next(&m, &it, &rr);) {
		dns_rr_text(&m, &rr, line, sizeof(line));
		printf("%s\n", line);
	}
}

/* Lets the world go on until nothing is asked any more. */
static void run(struct dns *d, struct host *client, struct host *server, tapir_sock_t s)
{
	struct tapir_ready ready[8];
	struct dns_stats st;
	size_t n;

	for (;;) {
		while ((n = tapir_ready_pop(client->t, ready, 8)) > 0) {
			for (size_t i = 0; i < n; i++)
				dns_ready(d, ready[i].sock, ready[i].bits);
		}
		if (dns_next_deadline(d) <= tapir_now(client->t))
			dns_advance(d);
		dns_stats_get(d, &st);
		if (st.outstanding == 0)
			return;
		serve(server, s);
		if (carry(client, server) + carry(server, client) > 0)
			continue;
		uint64_t a = tapir_next_deadline(client->t), b = dns_next_deadline(d);
		uint64_t now = a < b ? a : b;
		tapir_advance(client->t, now);
		tapir_advance(server->t, now);
	}
}

static void look_up(struct dns *d, const char *node)
{
	const struct dns_addrs_query q = {.node = node,
					  .family = DNS_AF_INET,
					  .done = on_addrs,
					  .ctx = (void *)(uintptr_t)node};

	must(dns_addrs_query(d, &q), "dns_addrs_query");
}

int main(void)
{
	const struct dns_env denv = {.mem = env};
	const struct tapir_sockaddr any = tapir_sockaddr_v4(0, DNS_PORT);
	struct host client = host_up(TAPIR_IP4(10, 0, 0, 1), 1);
	struct host server = host_up(TAPIR_IP4(10, 0, 0, 2), 2);
	uint8_t seed[TAPIR_SEED_LEN] = {3}; /* from getrandom() too */
	struct dns_conf conf;
	struct dns *d;

	tapir_sock_t s = must(tapir_socket(server.t, TAPIR_AF_INET, TAPIR_DGRAM, 0), "socket");
	must(tapir_bind(server.t, s, &any), "tapir_bind");
	dns_conf_default(&conf);
	conf.server[conf.nservers++] = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 2), 0);
	must(dns_create(&d, client.t, &denv, &conf, seed), "dns_create");

	look_up(d, "shop.example");
	run(d, &client, &server, s);
	look_up(d, "shop.example");
	look_up(d, "localhost");
	look_up(d, "www.nowhere");
	run(d, &client, &server, s);
	const struct dns_query mx = {.q = {name("shop.example"), DNS_TYPE_MX, DNS_CLASS_IN},
				     .done = on_reply};
	must(dns_query(d, &mx), "dns_query");
	run(d, &client, &server, s);

	dns_destroy(d);
	tapir_destroy(client.t);
	tapir_destroy(server.t);
	return 0;
}
