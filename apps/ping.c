/*
 * tapir ping: asks a host for echoes (RFC 792; R1122-67: a user can) and tells of each as it comes, in the words and with the exit
 * status of the ping that people know.
 *
 * The request's sequence number finds its entry in a table of the last 65536, which holds when it was sent and
 * whether it was answered: round-trip time and duplicates follow from that, and a reply needs to carry
 * nothing back. Requests go out by a timer, at the interval; the end is when all are answered or told of, or
 * the wait after the last is over.
 *
 * A name is resolved before the first request. The name at the end of its aliases is told with the address it has; the reverse
 * is not asked for, as an answer that is late would hold up what is being measured. -n leaves names out.
 *
 * Round-trip times are taken from CLOCK_MONOTONIC when we see the reply, while the loop's own time decides
 * when to send and when to give up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/app.h"
#include "apps/cmd.h"
#include "dns/addrinfo.h"
#include "drivers/host.h"
#include "drivers/names.h"
#include "stack/socket.h"

enum {
	SEQS = 65536,
	ICMP_HEADER = 8,
	IP_HEADER = 20,
	MAX_SIZE = 65507, /* of an IPv4 packet of 65535 bytes */
};

struct sent {
	uint64_t at_ns; /* 0: this number has not been used */
	bool answered;
};

struct ping {
	struct app app;
	struct stack_opts stack;
	/* options; count 0: for ever */
	long count, size, ttl;
	bool numeric;
	uint64_t interval_ns, wait_ns;
	/* the run */
	uint32_t dst;
	char name[DNS_NAME_TEXT_MAX]; /* of dst; its address where it was given as one */
	tapir_sock_t s;
	struct loop_handler handler;
	struct loop_timer next, end;
	uint8_t *out, *in; /* ICMP_HEADER + MAX_SIZE each */
	struct sent *sent; /* by sequence number */
	uint64_t ntransmitted, nreceived, nduplicates, nerrors, ncorrupted;
	uint64_t first_ns, last_ns;
	uint64_t min_us, max_us, sum_us, sum2_us;
	int pipe; /* most that were on the way at a time */
	int status;
};

/* --- options --- */

static int set_count(void *to, const char *value, struct opt_why *why)
{
	return opt_number(value, "a number of requests", 1, 1000000000000,
			  &((struct ping *)to)->count, why);
}

static int set_size(void *to, const char *value, struct opt_why *why)
{
	return opt_number(value, "a number of bytes", 0, MAX_SIZE, &((struct ping *)to)->size, why);
}

static int set_numeric(void *to, const char *value, struct opt_why *why)
{
	(void)value;
	(void)why;
	((struct ping *)to)->numeric = true;
	return 0;
}

static int set_ttl(void *to, const char *value, struct opt_why *why)
{
	return opt_number(value, "a time to live", 1, 255, &((struct ping *)to)->ttl, why);
}

/* Seconds with a fraction, without asking the locale what a fraction looks like. */
static int seconds(const char *value, const char *what, uint64_t *out_ns, struct opt_why *why)
{
	const uint64_t most = 86400;
	uint64_t s = 0, ns = 0, unit = NS_PER_S / 10;
	const char *p = value;

	for (; *p >= '0' && *p <= '9' && s <= most; p++)
		s = s * 10 + (uint64_t)(*p - '0');
	bool digits = p > value;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10, digits = true)
			ns += (uint64_t)(*p - '0') * unit;
	}
	if (*p || !digits || s > most)
		return opt_refuse(why, "not %s: give seconds, 0 to %llu, like 0.5", what,
				  (unsigned long long)most);
	*out_ns = s * NS_PER_S + ns;
	return 0;
}

static int set_interval(void *to, const char *value, struct opt_why *why)
{
	return seconds(value, "an interval", &((struct ping *)to)->interval_ns, why);
}

static int set_wait(void *to, const char *value, struct opt_why *why)
{
	return seconds(value, "a time to wait", &((struct ping *)to)->wait_ns, why);
}

static const struct opt options[] = {
	{"count", 'c', "N", "stop after N requests", set_count},
	{"interval", 'i', "SECONDS", "between requests (1)", set_interval},
	{"numeric", 'n', NULL, "addresses only, no names", set_numeric},
	{"size", 's', "N", "bytes of data in a request (56)", set_size},
	{"timeout", 'W', "SECONDS", "to wait for the last replies (10; less once one came)",
	 set_wait},
	{"ttl", 't', "N", "time to live of the requests (net.ipv4.ip_default_ttl: 64)", set_ttl},
};

/* --- what is printed --- */

/* The words of ping for the errors of RFC 792. */
static const char *error_text(uint8_t type, uint8_t code)
{
	static const char *const unreachable[] = {
		"Destination Net Unreachable",
		"Destination Host Unreachable",
		"Destination Protocol Unreachable",
		"Destination Port Unreachable",
		"Frag needed and DF set",
		"Source Route Failed",
		"Destination Net Unknown",
		"Destination Host Unknown",
		"Source Host Isolated",
		"Destination Net Prohibited",
		"Destination Host Prohibited",
		"Destination Net Unreachable for Type of Service",
		"Destination Host Unreachable for Type of Service",
		"Packet filtered",
		"Precedence Violation",
		"Precedence Cutoff",
	};

	if (type == 3 && code < sizeof(unreachable) / sizeof(unreachable[0]))
		return unreachable[code];
	if (type == 11)
		return code == 0 ? "Time to live exceeded" : "Frag reassembly time exceeded";
	if (type == 12)
		return "Parameter problem";
	return "Unknown ICMP error";
}

/* Three significant places, as ping rounds them. */
static void print_ms(uint64_t us)
{
	unsigned long ms = us / 1000, rest = us % 1000;

	if (us >= 100000)
		printf("%lu ms", ms);
	else if (us >= 10000)
		printf("%lu.%01lu ms", ms, rest / 100);
	else if (us >= 1000)
		printf("%lu.%02lu ms", ms, rest / 10);
	else
		printf("%lu.%03lu ms", ms, rest);
}

static void print_us(uint64_t us, const char *after)
{
	printf("%llu.%03llu%s", (unsigned long long)us / 1000, (unsigned long long)us % 1000,
	       after);
}

/* The whole part of the square root, by Newton's method from above. */
static uint64_t square_root(uint64_t v)
{
	uint64_t x = v, y = v / 2 + 1;

	if (v < 2)
		return v;
	while (y < x) {
		x = y;
		y = (x + v / x) / 2;
	}
	return x;
}

static void print_statistics(struct ping *p)
{
	uint64_t lost = p->ntransmitted - p->nreceived;

	printf("\n--- %s ping statistics ---\n", p->name);
	printf("%llu packets transmitted, %llu received", (unsigned long long)p->ntransmitted,
	       (unsigned long long)p->nreceived);
	if (p->nduplicates)
		printf(", +%llu duplicates", (unsigned long long)p->nduplicates);
	if (p->ncorrupted)
		printf(", +%llu corrupted", (unsigned long long)p->ncorrupted);
	if (p->nerrors)
		printf(", +%llu errors", (unsigned long long)p->nerrors);
	if (p->ntransmitted)
		printf(", %g%% packet loss, time %llums",
		       (double)lost * 100.0 / (double)p->ntransmitted,
		       (unsigned long long)((p->last_ns - p->first_ns) / NS_PER_MS));
	printf("\n");
	if (p->nreceived) {
		uint64_t n = p->nreceived + p->nduplicates, avg = p->sum_us / n;
		uint64_t mean2 = p->sum2_us / n, var = mean2 > avg * avg ? mean2 - avg * avg : 0;

		printf("rtt min/avg/max/mdev = ");
		print_us(p->min_us, "/");
		print_us(avg, "/");
		print_us(p->max_us, "/");
		print_us(square_root(var), " ms");
	}
	if (p->pipe > 1)
		printf("%spipe %d", p->nreceived ? ", " : "", p->pipe);
	if (p->nreceived || p->pipe > 1)
		printf("\n");
	fflush(stdout);
}

/* --- the run --- */

static void finish(struct ping *p)
{
	loop_stop(p->app.loop);
}

/* Nothing is on its way any more, or nobody reads what we tell: no need to wait. */
static void finish_if_done(struct ping *p)
{
	if (ferror(stdout))
		finish(p);
	if (p->count && p->ntransmitted >= (uint64_t)p->count &&
	    p->nreceived + p->nerrors >= p->ntransmitted)
		finish(p);
}

static void give_up_later(struct ping *p)
{
	uint64_t wait = p->wait_ns ? p->wait_ns : 10 * NS_PER_S;

	if (!p->wait_ns && p->nreceived) {
		/* twice the longest time so far, but at least a second */
		wait = 2 * p->max_us * 1000;
		if (wait < NS_PER_S)
			wait = NS_PER_S;
	}
	loop_timer_set(p->app.loop, &p->end, loop_now(p->app.loop) + wait);
}

static void on_end(struct loop *l, struct loop_timer *tm)
{
	(void)tm;
	loop_stop(l);
}

static void send_one(struct ping *p)
{
	uint16_t seq = (uint16_t)(p->ntransmitted + 1);
	struct iovec iov = {p->out, (size_t)(ICMP_HEADER + p->size)};

	p->out[0] = 8; /* echo request */
	p->out[6] = (uint8_t)(seq >> 8);
	p->out[7] = (uint8_t)seq;
	uint64_t now = host_clock_ns();
	int64_t n = tapir_send(p->app.t, p->s, &iov, 1, 0);
	if (n == -EAGAIN || n == -ENOBUFS)
		return; /* the wire is full: this one goes at the next tick */
	p->ntransmitted++;
	p->sent[seq] = (struct sent){now, false};
	if (p->ntransmitted == 1)
		p->first_ns = now;
	p->last_ns = now;
	if (n < 0) {
		p->nerrors++;
		p->sent[seq].answered = true;
		printf("ping: sendmsg: %s\n", strerror((int)-n));
		fflush(stdout);
	}
}

static void on_next(struct loop *l, struct loop_timer *tm)
{
	struct ping *p = (struct ping *)(void *)((char *)tm - offsetof(struct ping, next));

	send_one(p);
	finish_if_done(p);
	if (!p->count || p->ntransmitted < (uint64_t)p->count) {
		/* from the last moment, not from now: the interval does not drift */
		uint64_t at = tm->at_ns + p->interval_ns;

		loop_timer_set(l, tm, at > loop_now(l) ? at : loop_now(l));
	} else {
		give_up_later(p);
	}
}

/* How many were on their way when this one came to its end. */
static void note_flying(struct ping *p, uint16_t seq)
{
	int flying = (uint16_t)(p->ntransmitted - seq) + 1;

	if (flying > p->pipe && flying <= SEQS / 2)
		p->pipe = flying;
}

/* An error message about a request of ours. */
static void take_error(struct ping *p, const struct tapir_msg *m, const uint8_t *bytes, size_t len)
{
	char from[16];

	if (len < ICMP_HEADER)
		return;
	uint16_t seq = (uint16_t)(bytes[6] << 8 | bytes[7]);
	if (!p->sent[seq].at_ns || p->sent[seq].answered)
		return;
	p->sent[seq].answered = true;
	p->nerrors++;
	note_flying(p, seq);
	printf("From %s icmp_seq=%u %s\n", app_ip4(tapir_addr_to_v4(&m->peer.addr), from), seq,
	       error_text(m->icmp_type, m->icmp_code));
	finish_if_done(p);
}

static void take_reply(struct ping *p, const struct tapir_msg *m, const uint8_t *bytes, size_t len)
{
	uint64_t now = host_clock_ns();
	char from[16];

	if (len < ICMP_HEADER)
		return;
	uint16_t seq = (uint16_t)(bytes[6] << 8 | bytes[7]);
	struct sent *sent = &p->sent[seq];
	if (!sent->at_ns)
		return; /* an answer to what we did not ask */
	uint64_t us = (now - sent->at_ns) / 1000;
	bool again = sent->answered;
	bool same = len == (size_t)(ICMP_HEADER + p->size) &&
		    memcmp(bytes + ICMP_HEADER, p->out + ICMP_HEADER, (size_t)p->size) == 0;
	if (again) {
		p->nduplicates++;
	} else if (!same) {
		p->ncorrupted++;
	} else {
		sent->answered = true;
		p->nreceived++;
	}
	if (same) {
		p->min_us = us < p->min_us ? us : p->min_us;
		p->max_us = us > p->max_us ? us : p->max_us;
		p->sum_us += us;
		p->sum2_us += us * us;
	}
	note_flying(p, seq);
	p->last_ns = now;
	uint32_t peer = tapir_addr_to_v4(&m->peer.addr);
	app_ip4(peer, from);
	printf("%zu bytes from ", len);
	if (peer == p->dst && !p->numeric && strcmp(p->name, from) != 0)
		printf("%s (%s): ", p->name, from);
	else
		printf("%s: ", from);
	printf("icmp_seq=%u ttl=%d time=", seq, m->ttl);
	print_ms(us);
	printf("%s%s\n", again ? " (DUP!)" : "",
	       same ? "" : " (its data differ from what was sent)");
	finish_if_done(p);
}

static void on_ready(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits)
{
	struct ping *p = (struct ping *)(void *)((char *)h - offsetof(struct ping, handler));
	struct iovec iov = {p->in, ICMP_HEADER + MAX_SIZE};
	struct tapir_msg m;
	int64_t n;

	(void)l;
	(void)bits;
	while ((n = tapir_recvmsg(p->app.t, s, &iov, 1, 0, &m)) >= 0) {
		if (m.icmp_type == 0)
			take_reply(p, &m, p->in, (size_t)n);
		else
			take_error(p, &m, p->in, (size_t)n);
	}
	fflush(stdout);
}

static int open_socket(struct ping *p)
{
	struct tapir *t = p->app.t;
	struct tapir_sockaddr to = tapir_sockaddr_v4(p->dst, 0);
	int one = 1, ttl = (int)p->ttl;
	int rcvbuf = 4 << 20;

	p->s = tapir_socket(t, TAPIR_AF_INET, TAPIR_DGRAM, TAPIR_IPPROTO_ICMP);
	if (p->s < 0)
		return (int)p->s;
	tapir_setsockopt(t, p->s, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	tapir_setsockopt(t, p->s, TAPIR_SOL_IP, TAPIR_IP_RECVERR, &one, sizeof(one));
	if (ttl)
		tapir_setsockopt(t, p->s, TAPIR_SOL_IP, TAPIR_IP_TTL, &ttl, sizeof(ttl));
	int v = tapir_connect(t, p->s, &to);
	if (v < 0)
		return v;
	p->handler.fn = on_ready;
	return loop_watch(p->app.loop, p->s, TAPIR_IN, &p->handler);
}

/* Whether a text can name a host at all: before a device is opened for it. */
static bool names_host(const char *text)
{
	struct dns_name name;
	struct dns_addr a;

	return dns_addr_parse(text, true, &a) == 0 ||
	       (dns_name_parse(&name, text, strlen(text), NULL) == 0 && dns_name_is_host(&name));
}

/* Turns the host into an address. 0, or the exit status after a line on stderr. */
static int resolve(struct ping *p, const char *host)
{
	const struct addrinfo hints = {.ai_family = AF_INET,
				       .ai_socktype = SOCK_DGRAM,
				       .ai_flags = AI_CANONNAME};
	struct addrinfo *ai = NULL;
	struct drv_error why;

	if (opt_ip4(host, &p->dst)) {
		app_ip4(p->dst, p->name);
		return 0;
	}
	struct names *n = app_names(&p->app, &why);
	if (!n)
		return app_error("ping", "%s", why.text);
	int v = tapir_getaddrinfo(n, host, NULL, &hints, &ai, TAPIR_NEVER);
	if (v == EAI_SYSTEM && errno == ENODEV)
		return app_lost(&p->app);
	if (v == EAI_SYSTEM)
		return 1; /* interrupted */
	if (v == EAI_AGAIN && !names_servers(n))
		return 1; /* a line has said so, and what to do */
	if (v) {
		app_error("ping", "%s: %s", host, tapir_gai_strerror(v));
		return 2;
	}
	const struct sockaddr_in *sa = (const void *)ai->ai_addr;
	p->dst = ntohl(sa->sin_addr.s_addr);
	struct dns_addr a;
	if (dns_addr_parse(host, true, &a) == 0)
		app_ip4(p->dst, p->name);
	else
		snprintf(p->name, sizeof(p->name), "%s", ai->ai_canonname);
	tapir_freeaddrinfo(ai);
	if (p->dst)
		return 0;
	app_error("ping", "%s: it has the address 0.0.0.0, which is no host's", host);
	return 2;
}

static int run(struct ping *p)
{
	char host[16];
	int v = open_socket(p);

	if (v < 0) {
		app_error("ping", "%s: %s", p->name,
			  v == -EACCES ? "a broadcast address: give one host's" : strerror(-v));
		return 2;
	}
	app_ip4(p->dst, host);
	printf("PING %s (%s) %ld(%ld) bytes of data.\n", p->name, host, p->size,
	       p->size + ICMP_HEADER + IP_HEADER);
	fflush(stdout);
	p->next.fn = on_next;
	p->end.fn = on_end;
	loop_timer_set(p->app.loop, &p->next, loop_now(p->app.loop));
	bool lost = loop_run(p->app.loop) < 0;
	print_statistics(p);
	if (lost) {
		app_lost(&p->app);
		return 1;
	}
	return p->nreceived ? 0 : 1;
}

int cmd_ping(int argc, char **argv)
{
	struct ping *p = calloc(1, sizeof(*p));
	int first, status = 1;

	if (!p)
		return app_error("ping", "no memory: free some and try again");
	p->size = 56;
	p->min_us = UINT64_MAX;
	p->interval_ns = NS_PER_S;
	p->sent = calloc(SEQS, sizeof(*p->sent));
	p->out = calloc(1, ICMP_HEADER + MAX_SIZE);
	p->in = calloc(1, ICMP_HEADER + MAX_SIZE);
	const struct opt_command cmd = {
		.name = "ping",
		.operands = "HOST",
		.about = "Asks HOST for echoes and tells of each as it comes, until interrupted.\n"
			 "Exit status: 0 a reply came, 1 none came, 2 another error.",
		.opts = options,
		.nopts = sizeof(options) / sizeof(options[0]),
		.to = p,
		.stack = &p->stack,
		.min_operands = 1,
		.max_operands = 1,
	};
	if (!p->sent || !p->out || !p->in) {
		app_error("ping", "no memory: free some and try again");
		goto out;
	}
	for (int i = 0; i < MAX_SIZE; i++)
		p->out[ICMP_HEADER + i] = (uint8_t)i;
	status = opts_parse(&cmd, argc, argv, &first);
	if (status != OPTS_GO)
		goto out;
	if ((opt_ip4(argv[first], &p->dst) && p->dst == 0) || !names_host(argv[first])) {
		status = opts_error("ping", argv[first],
				    "not a host: give its name, or an address like 192.0.2.1");
		goto out;
	}
	status = app_start(&p->app, "ping", &p->stack);
	if (status)
		goto out;
	status = resolve(p, argv[first]);
	if (!status)
		status = run(p);
	app_stop(&p->app);
out:
	free(p->sent);
	free(p->out);
	free(p->in);
	free(p);
	return status;
}
