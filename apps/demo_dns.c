/*
 * The name server is a socket of the kernel's, served from the same loop as the stack: what it is asked and
 * what it says goes through the TAP as anything else. It knows three records, and answers to a name with all that the
 * chain of aliases from it leads to, as a resolver with recursion would (RFC 1034 4.3.1).
 */
#include "apps/demo_dns.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "dns/text.h"
#include "drivers/host.h"
#include "drivers/names.h"

static const struct record {
	const char *name, *target; /* of an alias, else NULL: the address */
	uint32_t ip4;
} zone[] = {
	{"www.tapir.test", "web.tapir.test", 0},
	{"web.tapir.test", NULL, TAPIR_IP4(192, 0, 2, 2)},
};

enum { ZONE = sizeof(zone) / sizeof(zone[0]), CHAIN = 4, TTL_S = 300 };

struct name_server {
	struct loop_fd fd;
};

static int parse(const char *text, struct dns_name *out)
{
	return dns_name_parse(out, text, strlen(text), NULL);
}

/* The record of a name: its index, or -1. */
static int find(const struct dns_name *name)
{
	struct dns_name n;

	for (int i = 0; i < ZONE; i++)
		if (parse(zone[i].name, &n) == 0 && dns_name_eq(&n, name))
			return i;
	return -1;
}

/* One record of the answer; *name moves on along the chain. Returns true while there is more of it. */
static bool put_record(struct dns_enc *e, const struct record *r, struct dns_name *name)
{
	uint8_t ip[4] = {(uint8_t)(r->ip4 >> 24), (uint8_t)(r->ip4 >> 16), (uint8_t)(r->ip4 >> 8),
			 (uint8_t)r->ip4};
	struct dns_name target;

	if (!r->target) {
		dns_enc_rr(e, DNS_ANSWER, name, DNS_TYPE_A, DNS_CLASS_IN, TTL_S, ip, sizeof(ip));
		return false;
	}
	if (parse(r->target, &target) != 0)
		return false;
	dns_enc_rr(e, DNS_ANSWER, name, DNS_TYPE_CNAME, DNS_CLASS_IN, TTL_S, target.b, target.len);
	*name = target;
	return true;
}

static size_t answer(const struct dns_msg *m, uint8_t *out, size_t cap)
{
	uint16_t flags = (uint16_t)(DNS_QR | DNS_RA | (m->flags & DNS_RD));
	struct dns_name name = m->q.name;
	int i = find(&name);
	struct dns_enc e;

	if (dns_enc_begin(&e, out, cap, m->id, flags, 0,
			  i < 0 ? DNS_RCODE_NXDOMAIN : DNS_RCODE_NOERROR) != 0)
		return 0;
	dns_enc_question(&e, &m->q.name, m->q.type, m->q.class);
	for (int n = 0; n < CHAIN && i >= 0 && m->q.type == DNS_TYPE_A; n++) {
		if (!put_record(&e, &zone[i], &name))
			break;
		i = find(&name);
	}
	return e.len;
}

static void on_query(struct loop *l, struct loop_fd *f, uint32_t events)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t in[512], out[512];
	struct dns_msg m;
	ssize_t n = recvfrom(f->fd, in, sizeof(in), 0, (struct sockaddr *)&from, &len);

	(void)l;
	(void)events;
	if (n < 0 || dns_msg_decode(&m, in, (size_t)n, NULL) != 0 || m.flags & DNS_QR ||
	    m.opcode != 0 || m.count[DNS_QUESTION] != 1)
		return;
	size_t size = answer(&m, out, sizeof(out));
	if (size)
		(void)!sendto(f->fd, out, size, 0, (struct sockaddr *)&from, len);
}

static int server_open(struct name_server *s, struct loop *l, uint32_t ip4)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(DNS_PORT),
				 .sin_addr.s_addr = htonl(ip4)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	s->fd = (struct loop_fd){on_query, fd};
	int v = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? 0 : -errno;
	if (v == 0)
		v = loop_fd_add(l, &s->fd, EPOLLIN);
	if (v < 0)
		close(fd);
	return v;
}

static void server_close(struct name_server *s, struct loop *l)
{
	loop_fd_del(l, &s->fd);
	close(s->fd.fd);
}

static void print_answer(const struct dns_reply *r)
{
	struct dns_rr_iter it;
	struct dns_msg m;
	struct dns_rr rr;
	char line[2048];

	if (!r->msg || dns_msg_decode(&m, r->msg, r->len, NULL) != 0)
		return;
	dns_rr_begin(&m, &it);
	while (dns_rr_next(&m, &it, &rr))
		if (rr.section == DNS_ANSWER &&
		    dns_rr_text(&m, &rr, line, sizeof(line)) < sizeof(line))
			printf("  %s\n", line);
}

/* What an attacker who does not see the query would have to guess (RFC 5452 4). */
static void print_story(const struct dns_story *s)
{
	const struct dns_attempt *a = &s->attempt[0];
	char name[DNS_NAME_TEXT_MAX];
	struct dns_msg m;

	if (!s->nattempts)
		return;
	printf("  Asked from port %u with ID 0x%04x, both random", a->local_port, a->id);
	if (a->case_mixed && dns_msg_decode(&m, s->query, s->query_len, NULL) == 0) {
		dns_name_text(&m.q.name, name);
		printf(", and as %s:\n  a reply must have all three", name);
	}
	printf(".\n");
}

static int ask(struct names *n, struct loop *l)
{
	struct dns_query q = {.q = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN}};
	struct dns_reply r;

	if (parse(zone[0].name, &q.q.name) != 0)
		return -EINVAL;
	int v = names_query(n, &q, &r, loop_clock(l) + 5 * NS_PER_S);
	if (v < 0)
		return v;
	print_answer(&r);
	if (r.status != DNS_OK)
		return app_error("demo", "the name server's answer: %s", dns_status_text(r.status)),
		       -EPROTO;
	print_story(r.story);
	printf("  Again, from the cache: ");
	v = names_query(n, &q, &r, loop_clock(l) + NS_PER_S);
	if (v < 0)
		return v;
	printf("%s, no packet.\n", r.story->source == DNS_FROM_CACHE ? "at once" : "not there");
	return r.story->source == DNS_FROM_CACHE ? 0 : -EPROTO;
}

int demo_dns(struct app *a, uint32_t kernel_ip4)
{
	struct name_server server;
	struct drv_error why;
	int v = server_open(&server, a->loop, kernel_ip4);

	if (v < 0)
		return app_error("demo", "no name server on the kernel's side: %s", strerror(-v)),
		       v;
	struct names *n = app_names(a, &why);
	if (!n) {
		app_error("demo", "%s", why.text);
		v = -ENOMEM;
	} else {
		v = ask(n, a->loop);
	}
	server_close(&server, a->loop);
	return v;
}
