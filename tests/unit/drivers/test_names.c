/*
 * The resolver on a loop, with a name server on the other end of a socket pair: a second stack, driven from the same loop. The
 * machine's files are files of the test's. Calls that wait are answered at once or have a deadline in the past: nothing sleeps for long.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "drivers/host.h"
#include "drivers/names.h"
#include "tests/support/test.h"
#include "tests/unit/dns/names.h"

static int64_t ahead_s; /* of the system's clocks */

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's names are reserved */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_MONOTONIC)
		ts->tv_sec += ahead_s;
	return r;
}

struct fixture {
	struct tapir *t, *far;
	int far_if, peer;
	struct driver *d;
	struct loop *l;
	struct loop_fd fd;
	tapir_sock_t server;
	struct names *n;
	char dir[64], resolv[80], hosts[80];
	char notes[8][512];
	unsigned nnotes, queries;
	bool silent;
};

static struct fixture *the; /* for the server's handler */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Answers as a server of a small zone would. */
static size_t serve(const uint8_t *query, size_t len, uint8_t *out)
{
	static const uint8_t v4[4] = {192, 0, 2, 80}, v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 80};
	struct dns_name www = name_of("www.example"), alias = name_of("alias.example");
	struct dns_name corp = name_of("host.corp.test"), bad = name_of("bad name.example");
	struct dns_name evil = name_of("evil.example");
	struct dns_name ptr = name_of("80.2.0.192.in-addr.arpa");
	struct dns_name evil_ptr = name_of("81.2.0.192.in-addr.arpa");
	struct dns_enc e;
	struct dns_msg m;

	if (dns_msg_decode(&m, query, len, NULL) < 0)
		return 0;
	bool is_www = dns_name_eq(&m.q.name, &www) || dns_name_eq(&m.q.name, &corp);
	bool is_alias = dns_name_eq(&m.q.name, &alias), is_evil = dns_name_eq(&m.q.name, &evil);
	bool is_ptr = dns_name_eq(&m.q.name, &ptr), is_evil_ptr = dns_name_eq(&m.q.name, &evil_ptr);
	bool known = is_www || is_alias || is_ptr || is_evil || is_evil_ptr;
	dns_enc_begin(&e, out, 512, m.id, DNS_QR | DNS_RD | DNS_RA, 0,
		      known ? DNS_RCODE_NOERROR : DNS_RCODE_NXDOMAIN);
	dns_enc_question(&e, &m.q.name, m.q.type, m.q.class);
	const struct dns_name *owner = &m.q.name;
	if (is_alias)
		dns_enc_rr(&e, DNS_ANSWER, owner, DNS_TYPE_CNAME, 1, 60, www.b, www.len);
	if (is_evil)
		dns_enc_rr(&e, DNS_ANSWER, owner, DNS_TYPE_CNAME, 1, 60, bad.b, bad.len);
	if (is_alias)
		owner = &www;
	if (is_evil)
		owner = &bad;
	if (m.q.type == DNS_TYPE_A && !is_ptr && known)
		dns_enc_rr(&e, DNS_ANSWER, owner, DNS_TYPE_A, 1, 60, v4, 4);
	if (m.q.type == DNS_TYPE_AAAA && !is_ptr && known)
		dns_enc_rr(&e, DNS_ANSWER, owner, DNS_TYPE_AAAA, 1, 60, v6, 16);
	if (is_ptr)
		dns_enc_rr(&e, DNS_ANSWER, owner, DNS_TYPE_PTR, 1, 60, corp.b, corp.len);
	if (is_evil_ptr)
		dns_enc_rr(&e, DNS_ANSWER, owner, DNS_TYPE_PTR, 1, 60, bad.b, bad.len);
	return e.len;
}

static void far_answer(struct fixture *f)
{
	uint8_t buf[2048], out[512];
	struct tapir_sockaddr from;
	int64_t n;

	while ((n = tapir_recvfrom(f->far, f->server, buf, sizeof(buf), 0, &from)) >= 0) {
		f->queries++;
		size_t len = f->silent ? 0 : serve(buf, (size_t)n, out);
		if (len)
			tapir_sendto(f->far, f->server, out, len, 0, &from);
	}
}

static void on_peer(struct loop *l, struct loop_fd *fd, uint32_t events)
{
	struct fixture *f = the;
	const struct pkt *out[16];
	uint8_t buf[2048];
	ssize_t got;
	size_t n;

	(void)events;
	tapir_advance(f->far, loop_now(l));
	while ((got = recv(fd->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		struct pkt *p = tapir_pkt_alloc(f->far, (size_t)got);

		assert_non_null(p);
		memcpy(p->data, buf, (size_t)got);
		p->len = (uint32_t)got;
		tapir_input(f->far, f->far_if, p);
	}
	far_answer(f);
	while ((n = tapir_tx_peek(f->far, f->far_if, out, 16)) > 0) {
		for (size_t i = 0; i < n; i++)
			assert_true(send(fd->fd, out[i]->data, out[i]->len, 0) > 0);
		tapir_tx_done(f->far, f->far_if, n);
	}
}

static int add_if(struct tapir *t, uint32_t ip4, uint8_t mac)
{
	struct tapir_netif_conf nc = {.name = "wire0",
				      .type = TAPIR_NETIF_ETHER,
				      .mac = {{2, 0, 0, 0, 0, mac}},
				      .mtu = 1500};
	const struct tapir_addr a = tapir_addr_v4(ip4);
	int ifindex = tapir_netif_add(t, &nc);

	assert_true(ifindex > 0);
	assert_int_equal(tapir_addr_add(t, ifindex, &a, 24), 0);
	assert_int_equal(tapir_netif_up(t, ifindex), 0);
	return ifindex;
}

static void note(void *ctx, const char *line)
{
	struct fixture *f = ctx;

	assert_true(f->nnotes < 8);
	snprintf(f->notes[f->nnotes++], sizeof(f->notes[0]), "%s", line);
}

static void begin(struct fixture *f, const char *resolv, const char *hosts, bool given)
{
	static const uint8_t seed[TAPIR_SEED_LEN] = {1}, seed2[TAPIR_SEED_LEN] = {2};
	const struct tapir_sockaddr any = {.port = 53},
				    at = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 53), 53);
	struct tapir_env env = host_env();
	struct drv_error err = {""};
	int fd[2];

	memset(f, 0, sizeof(*f));
	the = f;
	assert_int_equal(tapir_create(&f->t, &env, NULL, seed, 1000), 0);
	assert_int_equal(tapir_create(&f->far, &env, NULL, seed2, 1000), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	f->peer = fd[1];
	f->d = fd_open(fd[0], 0, &err);
	assert_non_null(f->d);
	int ifindex = add_if(f->t, TAPIR_IP4(10, 0, 0, 1), 1);
	const struct tapir_route all = {.gw = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 53))};
	assert_int_equal(tapir_route_add(f->t, &all), 0);
	f->far_if = add_if(f->far, TAPIR_IP4(10, 0, 0, 53), 2);
	f->server = tapir_socket(f->far, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	assert_int_equal(tapir_bind(f->far, f->server, &any), 0);
	f->l = loop_new(f->t, ifindex, f->d, 1000, &err);
	assert_non_null(f->l);
	f->fd.fn = on_peer;
	f->fd.fd = f->peer;
	assert_int_equal(loop_fd_add(f->l, &f->fd, EPOLLIN), 0);
	snprintf(f->dir, sizeof(f->dir), "/tmp/tapir-names-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->resolv, sizeof(f->resolv), "%s/resolv.conf", f->dir);
	snprintf(f->hosts, sizeof(f->hosts), "%s/hosts", f->dir);
	if (resolv)
		write_file(f->resolv, resolv);
	if (hosts)
		write_file(f->hosts, hosts);
	const struct names_conf nc = {.server = given ? &at : NULL,
				      .nservers = given,
				      .resolv_conf = f->resolv,
				      .hosts = f->hosts,
				      .note = note,
				      .ctx = f};
	f->n = names_open(f->l, &nc, &err);
	assert_non_null(f->n);
}

static void end(struct fixture *f)
{
	names_close(f->n);
	loop_fd_del(f->l, &f->fd);
	loop_free(f->l);
	driver_close(f->d);
	close(f->peer);
	tapir_destroy(f->t);
	tapir_destroy(f->far);
	unlink(f->resolv);
	unlink(f->hosts);
	rmdir(f->dir);
}

static uint64_t soon(const struct fixture *f)
{
	return loop_now(f->l) + 5 * NS_PER_S;
}

static const char conf[] = "nameserver 10.0.0.53\nsearch corp.test\n";

/* ---- settings ---- */

TEST(a_loopback_server_is_told_of_with_its_line_and_the_way_out, "")
{
	struct fixture f;

	begin(&f, "# made by hand\nnameserver 127.0.0.53\nnameserver ::1\n", NULL, false);
	assert_int_equal(names_servers(f.n), 0);
	assert_true(f.nnotes >= 1);
	assert_non_null(strstr(f.notes[0], "resolv.conf line 2: nameserver 127.0.0.53"));
	assert_non_null(strstr(f.notes[0], "--dns"));
	assert_null(strchr(f.notes[0], '\n'));
	end(&f);
	/* given servers make all that unimportant */
	begin(&f, "nameserver 127.0.0.53\n", NULL, true);
	assert_int_equal(names_servers(f.n), 1);
	assert_int_equal(f.nnotes, 0);
	end(&f);
	begin(&f, NULL, NULL, false);
	assert_int_equal(names_servers(f.n), 0);
	assert_int_equal(f.nnotes, 1);
	assert_non_null(strstr(f.notes[0], "No such file"));
	assert_non_null(strstr(f.notes[0], "--dns"));
	end(&f);
	begin(&f, "search corp.test\n", NULL, false);
	assert_int_equal(f.nnotes, 1);
	assert_non_null(strstr(f.notes[0], "names no server"));
	end(&f);
}

TEST(files_are_read_again_when_they_changed_and_at_most_once_a_second, "")
{
	struct addrinfo *ai;
	struct fixture f;

	begin(&f, conf, "192.0.2.5 box\n", false);
	assert_int_equal(tapir_getaddrinfo(f.n, "box", NULL, NULL, &ai, soon(&f)), 0);
	tapir_freeaddrinfo(ai);
	write_file(f.hosts, "192.0.2.66 crate\n");
	write_file(f.resolv, "nameserver 10.0.0.53\nnameserver 10.0.0.54\nnameserver 127.0.0.1\n");
	/* within the second nobody looks */
	assert_int_equal(tapir_getaddrinfo(f.n, "box", NULL, NULL, &ai, soon(&f)), 0);
	tapir_freeaddrinfo(ai);
	assert_int_equal(names_servers(f.n), 1);
	ahead_s += 2;
	assert_int_equal(tapir_getaddrinfo(f.n, "crate", NULL, NULL, &ai, soon(&f)), 0);
	assert_int_equal(((struct sockaddr_in *)(void *)ai->ai_addr)->sin_addr.s_addr,
			 htonl(TAPIR_IP4(192, 0, 2, 66)));
	tapir_freeaddrinfo(ai);
	assert_int_equal(names_servers(f.n), 2);
	assert_int_equal(f.nnotes, 1);
	/* and not when they did not: one told of is told of once */
	ahead_s += 2;
	names_dns(f.n);
	assert_int_equal(f.nnotes, 1);
	/* a file that goes is one without lines */
	unlink(f.hosts);
	ahead_s += 2;
	names_dns(f.n);
	assert_int_not_equal(tapir_getaddrinfo(f.n, "crate", NULL, NULL, &ai, soon(&f)), 0);
	end(&f);
}

TEST(files_that_no_descriptor_is_left_for_are_read_later, "")
{
	struct rlimit was, none;
	struct addrinfo *ai;
	struct fixture f;

	begin(&f, conf, "192.0.2.5 box\n", false);
	write_file(f.hosts, "192.0.2.66 crate\n");
	write_file(f.resolv, "nameserver 10.0.0.53\nnameserver 10.0.0.54\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ahead_s += 2;
	names_dns(f.n);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	/* what they said stays */
	assert_int_equal(names_servers(f.n), 1);
	assert_int_equal(tapir_getaddrinfo(f.n, "box", NULL, NULL, &ai, soon(&f)), 0);
	tapir_freeaddrinfo(ai);
	ahead_s += 2;
	names_dns(f.n);
	assert_int_equal(names_servers(f.n), 2);
	assert_int_equal(tapir_getaddrinfo(f.n, "crate", NULL, NULL, &ai, soon(&f)), 0);
	tapir_freeaddrinfo(ai);
	assert_int_equal(f.nnotes, 0);
	end(&f);
}

/* ---- getaddrinfo ---- */

static unsigned count(const struct addrinfo *ai)
{
	unsigned n = 0;

	for (; ai; ai = ai->ai_next)
		n++;
	return n;
}

TEST(a_name_becomes_addresses_for_each_kind_of_socket, "D1034-6")
{
	struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *ai;
	struct fixture f;

	begin(&f, conf, NULL, false);
	assert_int_equal(tapir_getaddrinfo(f.n, "alias.example", "80", &hints, &ai, soon(&f)), 0);
	/* A before AAAA: the stack reaches IPv4 alone */
	assert_int_equal(count(ai), 6);
	assert_string_equal(ai->ai_canonname, "www.example");
	assert_int_equal(ai->ai_family, AF_INET);
	assert_int_equal(ai->ai_socktype, SOCK_STREAM);
	assert_int_equal(ai->ai_protocol, IPPROTO_TCP);
	assert_int_equal(ai->ai_addrlen, sizeof(struct sockaddr_in));
	const struct sockaddr_in *v4 = (void *)ai->ai_addr;
	assert_int_equal(v4->sin_family, AF_INET);
	assert_int_equal(ntohs(v4->sin_port), 80);
	assert_int_equal(ntohl(v4->sin_addr.s_addr), TAPIR_IP4(192, 0, 2, 80));
	assert_int_equal(ai->ai_next->ai_socktype, SOCK_DGRAM);
	assert_int_equal(ai->ai_next->ai_next->ai_socktype, SOCK_RAW);
	assert_null(ai->ai_next->ai_canonname);
	const struct addrinfo *six = ai->ai_next->ai_next->ai_next;
	assert_int_equal(six->ai_family, AF_INET6);
	assert_int_equal(six->ai_addrlen, sizeof(struct sockaddr_in6));
	tapir_freeaddrinfo(ai);
	/* without hints: only what can be reached */
	assert_int_equal(tapir_getaddrinfo(f.n, "alias.example", "80", NULL, &ai, soon(&f)), 0);
	assert_int_equal(count(ai), 3);
	tapir_freeaddrinfo(ai);
	hints = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	assert_int_equal(tapir_getaddrinfo(f.n, "host", "http", &hints, &ai, soon(&f)), 0);
	assert_int_equal(count(ai), 1);
	v4 = (void *)ai->ai_addr;
	assert_int_equal(ntohs(v4->sin_port), 80);
	tapir_freeaddrinfo(ai);
	tapir_freeaddrinfo(NULL);
	end(&f);
}

TEST(texts_of_addresses_need_no_server, "D1123-18")
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_CANONNAME,
				 .ai_socktype = SOCK_STREAM},
			*ai;
	struct fixture f;

	begin(&f, "", NULL, false);
	assert_int_equal(tapir_getaddrinfo(f.n, "127.1", NULL, &hints, &ai, soon(&f)), 0);
	assert_int_equal(ntohl(((struct sockaddr_in *)(void *)ai->ai_addr)->sin_addr.s_addr),
			 TAPIR_IP4(127, 0, 0, 1));
	assert_string_equal(ai->ai_canonname, "127.1");
	tapir_freeaddrinfo(ai);
	assert_int_equal(tapir_getaddrinfo(f.n, "2001:db8::1", "443", &hints, &ai, soon(&f)), 0);
	assert_int_equal(ai->ai_family, AF_INET6);
	assert_int_equal(count(ai), 1);
	tapir_freeaddrinfo(ai);
	assert_int_equal(tapir_getaddrinfo(f.n, "www.example", NULL, &hints, &ai, soon(&f)),
			 EAI_NONAME);
	hints.ai_family = AF_INET;
	assert_int_equal(tapir_getaddrinfo(f.n, "::1", NULL, &hints, &ai, soon(&f)),
			 EAI_ADDRFAMILY);
	/* no node: this host */
	hints = (struct addrinfo){.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	assert_int_equal(tapir_getaddrinfo(f.n, NULL, "7", &hints, &ai, soon(&f)), 0);
	assert_int_equal(((struct sockaddr_in *)(void *)ai->ai_addr)->sin_addr.s_addr, INADDR_ANY);
	assert_int_equal(count(ai), 2);
	tapir_freeaddrinfo(ai);
	hints.ai_flags = 0;
	assert_int_equal(tapir_getaddrinfo(f.n, NULL, "7", &hints, &ai, soon(&f)), 0);
	assert_int_equal(ntohl(((struct sockaddr_in *)(void *)ai->ai_addr)->sin_addr.s_addr),
			 INADDR_LOOPBACK);
	tapir_freeaddrinfo(ai);
	assert_int_equal(f.queries, 0);
	end(&f);
}

TEST(what_posix_refuses_is_refused_with_its_code, "")
{
	struct addrinfo h = {0}, *ai;
	struct fixture f;

	begin(&f, conf, NULL, false);
	assert_int_equal(tapir_getaddrinfo(f.n, NULL, NULL, NULL, &ai, soon(&f)), EAI_NONAME);
	h.ai_flags = 0x10000;
	assert_int_equal(tapir_getaddrinfo(f.n, "x", NULL, &h, &ai, soon(&f)), EAI_BADFLAGS);
	h.ai_flags = AI_CANONNAME;
	assert_int_equal(tapir_getaddrinfo(f.n, NULL, "80", &h, &ai, soon(&f)), EAI_BADFLAGS);
	h = (struct addrinfo){.ai_family = AF_UNIX};
	assert_int_equal(tapir_getaddrinfo(f.n, "x", NULL, &h, &ai, soon(&f)), EAI_FAMILY);
	h = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_UDP};
	assert_int_equal(tapir_getaddrinfo(f.n, "x", NULL, &h, &ai, soon(&f)), EAI_SOCKTYPE);
	h = (struct addrinfo){.ai_socktype = SOCK_STREAM};
	assert_int_equal(tapir_getaddrinfo(f.n, "x", "no-such-service", &h, &ai, soon(&f)),
			 EAI_SERVICE);
	h.ai_flags = AI_NUMERICSERV;
	assert_int_equal(tapir_getaddrinfo(f.n, "x", "http", &h, &ai, soon(&f)), EAI_NONAME);
	assert_int_equal(tapir_getaddrinfo(f.n, "x", "65536", &h, &ai, soon(&f)), EAI_NONAME);
	assert_int_equal(f.queries, 0);
	assert_null(ai);
	assert_string_equal(tapir_gai_strerror(EAI_NONAME), "Name or service not known");
	end(&f);
}

TEST(names_that_are_no_hosts_are_refused_and_not_handed_on, "DN-13 D2181-7")
{
	static const char *const names[] = {"a b", "<script>", "x\ny", "'quoted'", "a..b", ".a"};
	struct addrinfo *ai;
	struct fixture f;

	begin(&f, conf, NULL, false);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(tapir_getaddrinfo(f.n, names[i], NULL, NULL, &ai, soon(&f)),
				 EAI_NONAME);
	assert_int_equal(f.queries, 0);
	/* an alias of such a name */
	assert_int_equal(tapir_getaddrinfo(f.n, "evil.example", NULL, NULL, &ai, soon(&f)),
			 EAI_FAIL);
	end(&f);
}

TEST(numbers_and_dots_without_end_are_refused_safely, "DN-07")
{
	char text[4097];
	struct addrinfo *ai;
	struct fixture f;

	begin(&f, conf, NULL, false);
	for (size_t len = 1; len <= 4096; len = len * 2 + 1) {
		for (unsigned k = 0; k < 3; k++) {
			for (size_t i = 0; i < len; i++)
				text[i] = k == 0 ? '1' : k == 1 ? '.' : "1."[i & 1];
			text[len] = '\0';
			int v = tapir_getaddrinfo(f.n, text, NULL, NULL, &ai, soon(&f));
			if (v == 0)
				tapir_freeaddrinfo(ai);
			else
				assert_int_equal(v, EAI_NONAME);
		}
	}
	end(&f);
}

TEST(a_silent_server_is_a_soft_failure_at_the_deadline, "D1123-11")
{
	struct addrinfo *ai;
	struct fixture f;

	begin(&f, conf, NULL, false);
	f.silent = true;
	uint64_t until = loop_now(f.l) + 30 * NS_PER_MS;
	assert_int_equal(tapir_getaddrinfo(f.n, "www.example", NULL, NULL, &ai, until), EAI_AGAIN);
	/* its query went with it */
	struct dns_stats st;
	dns_stats_get(names_dns(f.n), &st);
	assert_int_equal(st.outstanding, 0);
	loop_stop(f.l);
	assert_int_equal(tapir_getaddrinfo(f.n, "www.example", NULL, NULL, &ai, TAPIR_NEVER),
			 EAI_SYSTEM);
	assert_int_equal(errno, EINTR);
	end(&f);
}

TEST(no_server_at_all_is_a_soft_failure_at_once, "")
{
	struct addrinfo *ai;
	struct fixture f;

	begin(&f, "", NULL, false);
	assert_int_equal(tapir_getaddrinfo(f.n, "www.example", NULL, NULL, &ai, TAPIR_NEVER),
			 EAI_AGAIN);
	end(&f);
}

/* ---- getnameinfo ---- */

TEST(an_address_becomes_a_name, "D1034-6")
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons(80),
				 .sin_addr.s_addr = htonl(TAPIR_IP4(192, 0, 2, 80))};
	const struct sockaddr *p = (const struct sockaddr *)&sa;
	char host[256], serv[32];
	struct fixture f;

	begin(&f, conf, "192.0.2.7 seven.example\n", false);
	assert_int_equal(tapir_getnameinfo(f.n, p, sizeof(sa), host, sizeof(host), serv,
					   sizeof(serv), 0, soon(&f)),
			 0);
	assert_string_equal(host, "host.corp.test");
	assert_string_equal(serv, "http");
	assert_int_equal(tapir_getnameinfo(f.n, p, sizeof(sa), host, sizeof(host), NULL, 0,
					   NI_NOFQDN, soon(&f)),
			 0);
	assert_string_equal(host, "host");
	assert_int_equal(tapir_getnameinfo(f.n, p, sizeof(sa), host, 5, NULL, 0, 0, soon(&f)),
			 EAI_OVERFLOW);
	assert_int_equal(tapir_getnameinfo(f.n, p, sizeof(sa), host, sizeof(host), serv,
					   sizeof(serv), NI_NUMERICHOST | NI_NUMERICSERV, soon(&f)),
			 0);
	assert_string_equal(host, "192.0.2.80");
	assert_string_equal(serv, "80");
	/* the hosts file first */
	unsigned before = f.queries;
	sa.sin_addr.s_addr = htonl(TAPIR_IP4(192, 0, 2, 7));
	assert_int_equal(tapir_getnameinfo(f.n, p, sizeof(sa), host, sizeof(host), NULL, 0, 0,
					   soon(&f)),
			 0);
	assert_string_equal(host, "seven.example");
	assert_int_equal(f.queries, before);
	/* one that has no name is written as it is, unless a name is needed */
	sa.sin_addr.s_addr = htonl(TAPIR_IP4(192, 0, 2, 9));
	assert_int_equal(tapir_getnameinfo(f.n, p, sizeof(sa), host, sizeof(host), NULL, 0, 0,
					   soon(&f)),
			 0);
	assert_string_equal(host, "192.0.2.9");
	assert_int_equal(tapir_getnameinfo(f.n, p, sizeof(sa), host, sizeof(host), NULL, 0,
					   NI_NAMEREQD, soon(&f)),
			 EAI_NONAME);
	/* DN-13: nor is one that is no host's name a name */
	sa.sin_addr.s_addr = htonl(TAPIR_IP4(192, 0, 2, 81));
	assert_int_equal(tapir_getnameinfo(f.n, p, sizeof(sa), host, sizeof(host), NULL, 0,
					   NI_NAMEREQD, soon(&f)),
			 EAI_NONAME);
	sa.sin_family = AF_UNIX;
	assert_int_equal(tapir_getnameinfo(f.n, p, sizeof(sa), host, sizeof(host), NULL, 0, 0,
					   soon(&f)),
			 EAI_FAMILY);
	end(&f);
}

/* ---- one query ---- */

TEST(a_query_may_be_waited_for, "")
{
	struct dns_query q = {.q = {name_of("www.example"), DNS_TYPE_A, DNS_CLASS_IN}};
	struct dns_reply r;
	struct dns_msg m;
	struct fixture f;

	begin(&f, conf, NULL, true);
	assert_int_equal(names_query(f.n, &q, &r, soon(&f)), 0);
	assert_int_equal(r.status, DNS_OK);
	assert_int_equal(r.story->source, DNS_FROM_SERVER);
	assert_int_equal(dns_msg_decode(&m, r.msg, r.len, NULL), 0);
	assert_int_equal(m.count[DNS_ANSWER], 1);
	assert_int_equal(names_query(f.n, &q, &r, soon(&f)), 0);
	assert_int_equal(r.story->source, DNS_FROM_CACHE);
	q.flags = DNS_Q_RAW;
	q.q.name = name_of("nobody.example");
	assert_int_equal(names_query(f.n, &q, &r, soon(&f)), 0);
	assert_int_equal(r.status, DNS_OK);
	assert_int_equal(r.story->nattempts, 1);
	f.silent = true;
	q.q.name = name_of("silent.example");
	assert_int_equal(names_query(f.n, &q, &r, loop_now(f.l) + 20 * NS_PER_MS), -ETIMEDOUT);
	/* what was given up is not told later, when nobody is there any more */
	struct dns_stats st;
	dns_stats_get(names_dns(f.n), &st);
	assert_int_equal(st.outstanding, 0);
	q.q.name.len = 0;
	assert_int_equal(names_query(f.n, &q, &r, soon(&f)), -EINVAL);
	end(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loopback_server_is_told_of_with_its_line_and_the_way_out),
		cmocka_unit_test(files_are_read_again_when_they_changed_and_at_most_once_a_second),
		cmocka_unit_test(files_that_no_descriptor_is_left_for_are_read_later),
		cmocka_unit_test(a_name_becomes_addresses_for_each_kind_of_socket),
		cmocka_unit_test(texts_of_addresses_need_no_server),
		cmocka_unit_test(what_posix_refuses_is_refused_with_its_code),
		cmocka_unit_test(names_that_are_no_hosts_are_refused_and_not_handed_on),
		cmocka_unit_test(numbers_and_dots_without_end_are_refused_safely),
		cmocka_unit_test(a_silent_server_is_a_soft_failure_at_the_deadline),
		cmocka_unit_test(no_server_at_all_is_a_soft_failure_at_once),
		cmocka_unit_test(an_address_becomes_a_name),
		cmocka_unit_test(a_query_may_be_waited_for),
	};

	return tapir_test_run("unit/drivers/test_names", tests);
}
