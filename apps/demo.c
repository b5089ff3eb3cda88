/*
 * tapir demo: the whole of it in ten seconds, on a network of its own.
 *
 * The process moves into a private network namespace (which needs no root where the system gives users
 * namespaces), brings the stack up on a TAP in it, and has the system's own programs talk to it. They run as
 * children while the loop turns:
 *
 *	   the kernel's side, 192.0.2.1             this process, 192.0.2.2
 *	 ping, curl -> kernel's TCP/IP -> tap0 -> driver -> stack -> httpd
 *
 * Everything that is made lives in the namespaces (a private /tmp too) and goes with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/app.h"
#include "apps/cmd.h"
#include "apps/demo_dns.h"
#include "apps/demo_gdb.h"
#include "apps/http_conn.h"
#include "apps/machine.h"
#include "drivers/host.h"
#include "drivers/netlink.h"
#include "stack/stats.h"

enum {
	BIG = 10 << 20,
	COMMAND_S = 60, /* for one of the system's programs */
	MAX_ARGS = 16,
	OUTPUT = 8192, /* bytes kept of what a program prints */
	TICK_MS = 100,
};

#define SITE	 "/tmp/site"
#define BIG_FILE "big.bin"
#define FETCHED	 "/tmp/fetched.bin"

/* One of the system's programs, while it runs. */
struct child {
	struct loop_fd fd; /* its output */
	struct loop_timer limit;
	pid_t pid;
	bool done, killed, line_begun;
	char output[OUTPUT];
	size_t len;
};

struct demo {
	struct app app;
	struct stack_opts stack;
	struct http_server server;
	struct http_server_conf conf;
	struct http_site site;
	struct loop_timer tick;
	struct child child; /* the one that runs now */
	bool ticking, serving, interrupted;
	bool gdb, batch, two_stacks; /* as asked for */
	int step;
	char ip[16];
};

/* --- telling --- */

__attribute__((format(printf, 2, 3))) static void say(struct demo *d, const char *fmt, ...)
{
	va_list ap;

	printf("%s%d. ", d->step ? "\n" : "", d->step + 1);
	d->step++;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

/* What a program prints, set off by two blanks. */
static void show(struct child *c, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!c->line_begun && bytes[i] != '\n')
			fputs("  ", stdout);
		putchar(bytes[i]);
		c->line_begun = bytes[i] != '\n';
	}
	fflush(stdout);
	size_t room = OUTPUT - 1 - c->len;
	if (n > room)
		n = room;
	memcpy(c->output + c->len, bytes, n);
	c->len += n;
	c->output[c->len] = '\0';
}

/* --- the system's programs --- */

static void on_output(struct loop *l, struct loop_fd *f, uint32_t events)
{
	struct child *c = (struct child *)(void *)((char *)f - offsetof(struct child, fd));
	char bytes[4096];
	ssize_t n = read(f->fd, bytes, sizeof(bytes));

	(void)events;
	if (n > 0) {
		show(c, bytes, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	loop_fd_del(l, f);
	c->done = true;
}

static void on_limit(struct loop *l, struct loop_timer *tm)
{
	struct child *c = (struct child *)(void *)((char *)tm - offsetof(struct child, limit));

	(void)l;
	c->killed = true;
	kill(c->pid, SIGKILL);
}

static pid_t spawn(char *const *argv, int out)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid;
	/* a Ctrl-C of the terminal reaches the child too, and ends it in its own way */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	int null = open("/dev/null", O_RDONLY);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/*
 * Shows a command and runs it while the stack works. Returns its exit status, or -1 when we are to
 * stop; what it printed is in c->output.
 */
static int run(struct demo *d, struct child *c, const char *command)
{
	char words[512], *argv[MAX_ARGS + 1];
	int n = 0, p[2], status = -1;
	struct loop *l = d->app.loop;

	memset(c, 0, sizeof(*c));
	printf("  $ %s\n", command);
	snprintf(words, sizeof(words), "%s", command);
	for (char *rest = words, *w; n < MAX_ARGS && (w = strsep(&rest, " "));)
		argv[n++] = w;
	argv[n] = NULL;
	if (n == 0)
		return -1;
	if (pipe2(p, O_CLOEXEC) != 0)
		return -1;
	c->pid = spawn(argv, p[1]);
	close(p[1]);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	c->fd = (struct loop_fd){on_output, p[0]};
	c->limit.fn = on_limit;
	loop_fd_add(l, &c->fd, EPOLLIN);
	loop_timer_set(l, &c->limit, loop_clock(l) + COMMAND_S * NS_PER_S);
	while (c->pid > 0 && !c->done && loop_stopping(l) < 0 && loop_turn(l, TAPIR_NEVER) == 0)
		;
	if (!c->done) {
		kill(c->pid, SIGTERM);
		loop_fd_del(l, &c->fd);
	}
	loop_timer_cancel(l, &c->limit);
	close(p[0]);
	if (c->pid < 0 || waitpid(c->pid, &status, 0) < 0 || !c->done || c->killed)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- httpd inside --- */

static int watch(void *ctx, tapir_sock_t s, uint32_t bits, struct loop_handler *h)
{
	return loop_watch(((struct demo *)ctx)->app.loop, s, bits, h);
}

static void wake(void *ctx)
{
	struct demo *d = ctx;

	if (d->ticking)
		return;
	d->ticking = loop_timer_set(d->app.loop, &d->tick,
				    loop_now(d->app.loop) + TICK_MS * NS_PER_MS) >= 0;
}

static void on_tick(struct loop *l, struct loop_timer *tm)
{
	struct demo *d = (struct demo *)(void *)((char *)tm - offsetof(struct demo, tick));

	(void)l;
	d->ticking = false;
	if (http_server_tick(&d->server))
		wake(d);
}

static time_t wall(void *ctx)
{
	(void)ctx;
	return host_wall().tv_sec;
}

static int write_page(void)
{
	static const char page[] =
		"<!doctype html>\n<title>Tapir</title>\n<p>This page came through a TCP/IP stack "
		"that lives in user space.\n";
	int fd = open(SITE "/index.html", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n = fd < 0 ? -1 : write(fd, page, sizeof(page) - 1);

	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

static int write_big(void)
{
	int fd = open(SITE "/" BIG_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	uint8_t bytes[65536];

	for (size_t done = 0; fd >= 0 && done < BIG; done += sizeof(bytes)) {
		if (host_entropy(bytes, sizeof(bytes)) < 0 ||
		    write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes)) {
			close(fd);
			return -1;
		}
	}
	return fd < 0 ? -1 : close(fd);
}

static int start_httpd(struct demo *d)
{
	const struct http_ops ops = {.ctx = d, .watch = watch, .wake = wake, .wall = wall};
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, 80);

	if (mkdir(SITE, 0755) != 0 || write_page() < 0 || write_big() < 0)
		return app_error("demo", SITE ": %s: /tmp must take 24 MiB", strerror(errno));
	int v = http_root_open(&d->site.root, SITE);
	d->conf = http_server_conf_default();
	d->tick.fn = on_tick;
	if (v >= 0)
		v = http_server_start(&d->server, d->app.t, &ops, &d->conf, &d->site, NULL, &sa);
	if (v < 0)
		return app_error("demo", "the HTTP server does not start: %s", strerror(-v));
	d->serving = true;
	return 0;
}

/* --- the steps --- */

/* Each step returns 0, or 1 after it has said what went wrong. */

static int failed(struct demo *d, const char *what, int status)
{
	if (loop_error(d->app.loop))
		return app_lost(&d->app);
	if (loop_stopping(d->app.loop) >= 0) {
		printf("\nInterrupted: all of it is torn down.\n");
		d->interrupted = true;
		return 1;
	}
	return app_error("demo", "%s (exit status %d): this is a bug of ours", what, status);
}

/* A veth pair without offloads instead of a TAP: one end the kernel's, the other ours. */
static int make_veth(struct demo *d)
{
	struct nl_link near, far;
	int v = nl_veth_add("tapir0", "tapir1");

	if (v == 0)
		v = nl_link_get("tapir0", &near);
	if (v == 0)
		v = nl_link_get("tapir1", &far);
	if (v == 0)
		v = nl_offloads_off("tapir0");
	if (v == 0)
		v = nl_offloads_off("tapir1");
	if (v == 0)
		v = nl_addr_add(near.ifindex, TAPIR_IP4(192, 0, 2, 1), 24);
	if (v == 0)
		v = nl_link_set(near.ifindex, true, 0, NULL);
	if (v == 0)
		v = nl_link_set(far.ifindex, true, 0, NULL);
	if (v < 0)
		return app_error("demo", "a veth pair can't be made: %s: sudo modprobe veth",
				 strerror(-v));
	d->stack.dev = DEV_PACKET;
	memcpy(d->stack.dev_name, "tapir1", 7);
	return 0;
}

static int step_network(struct demo *d)
{
	struct drv_error why;

	if (machine_private_net(&why) < 0)
		return app_error("demo", "%s", why.text);
	say(d,
	    "A private network namespace: nothing outside of it is touched, and it goes with us.");
	say(d, "The stack comes up in it, at 192.0.2.2; the kernel's side is 192.0.2.1.");
	if (machine_tun(&why) == 0 && machine_tap(&why) == 0) {
		printf("  (as this would: tapir up --dev tap:tap0 --ip 192.0.2.2/24)\n");
	} else {
		printf("  No TAP here: %s.\n", why.text);
		printf("  So a packet socket is used, on a veth pair with its offloads off\n"
		       "  (as this would: tapir up --dev packet:tapir1 --ip 192.0.2.2/24)\n");
		if (make_veth(d) != 0)
			return 1;
	}
	fflush(stdout);
	d->stack.ip_len = 24;
	d->stack.host_ip = TAPIR_IP4(192, 0, 2, 1);
	d->stack.host_len = 24;
	d->stack.dns[0] = tapir_sockaddr_v4(d->stack.host_ip, 0);
	d->stack.ndns = 1;
	d->stack.gw = d->stack.host_ip;
	app_ip4(d->stack.ip, d->ip);
	return app_start(&d->app, "demo", &d->stack);
}

static int step_ping(struct demo *d, struct child *c)
{
	say(d, "The system's ping asks for echoes: Ethernet, ARP, IPv4 and ICMP answer.");
	int status = run(d, c, "ping -c 3 -i 0.3 192.0.2.2");
	return status == 0 ? 0 : failed(d, "ping failed", status);
}

static int step_page(struct demo *d, struct child *c)
{
	say(d, "The system's curl fetches a page over our TCP, from our HTTP server\n"
	       "   (as this would serve it: tapir httpd --root " SITE ").");
	int status = run(d, c, "curl -sS -i http://192.0.2.2/");
	if (status == 0 && !strstr(c->output, "lives in user space"))
		status = -2;
	return status == 0 ? 0 : failed(d, "curl did not get the page", status);
}

static int step_big(struct demo *d, struct child *c)
{
	say(d, "A file of 10 MiB, of random bytes, and its checksum on both sides.");
	int status = run(d, c, "curl -sS -o " FETCHED " http://192.0.2.2/" BIG_FILE);
	if (status != 0)
		return failed(d, "curl did not get the file", status);
	status = run(d, c, "sha256sum " SITE "/" BIG_FILE " " FETCHED);
	char *second = strchr(c->output, '\n');
	if (status != 0 || c->len < 130 || !second || memcmp(c->output, second + 1, 64) != 0)
		return failed(d, "the checksums differ", status);
	printf("  The same.\n");
	return 0;
}

static int step_closed(struct demo *d, struct child *c)
{
	say(d, "A port where nobody listens is refused at once.");
	int status = run(d, c, "curl -sS http://192.0.2.2:81/");
	if (status != 7)
		return failed(d, "curl was not refused", status);
	printf("  Exit status 7: refused, as it should be.\n");
	return 0;
}

static int step_name(struct demo *d)
{
	say(d, "Our resolver asks a name server on the kernel's side for www.tapir.test.");
	int v = demo_dns(&d->app, d->stack.host_ip);
	fflush(stdout);
	return v == 0 ? 0 : failed(d, "the name was not resolved", v);
}

static void step_counters(struct demo *d)
{
	static const enum tapir_stat shown[] = {
		STAT_Tapir_ArpInRequests, STAT_Tapir_ArpOutReplies, STAT_Ip_InReceives,
		STAT_Ip_OutRequests,	  STAT_Icmp_InEchos,	    STAT_Icmp_OutEchoReps,
		STAT_Tcp_PassiveOpens,	  STAT_Tcp_InSegs,	    STAT_Tcp_OutSegs,
		STAT_Tcp_RetransSegs,	  STAT_Tcp_OutRsts,
	};
	const struct tapir_stats *s = tapir_stats_of(d->app.t);
	uint64_t dropped = 0;

	say(d, "What the stack has counted, by Linux's names.");
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		printf("  %-6s %-14s %10llu\n", tapir_stat_group(shown[i]),
		       tapir_stat_name(shown[i]), (unsigned long long)s->n[shown[i]]);
	for (int r = 0; r < DROP_COUNT; r++) {
		const char *from = r == DROP_ETH_TYPE	     ? " (the kernel's IPv6)"
				   : r == DROP_TCP_NO_SOCKET ? " (the refused port)"
							     : "";
		dropped += s->drop[r];
		if (s->drop[r])
			printf("  dropped: %s, %llu%s\n", tapir_drop_text((enum drop_reason)r),
			       (unsigned long long)s->drop[r], from);
	}
	if (!dropped)
		printf("  dropped: none\n");
}

static int run_steps(struct demo *d)
{
	struct child *c = &d->child;
	int status = start_httpd(d);

	if (status == 0)
		status = step_ping(d, c);
	if (status == 0)
		status = step_page(d, c);
	if (status == 0)
		status = step_big(d, c);
	if (status == 0)
		status = step_closed(d, c);
	if (status == 0)
		status = step_name(d);
	if (status == 0)
		step_counters(d);
	loop_timer_cancel(d->app.loop, &d->tick);
	if (d->serving)
		http_server_stop(&d->server, false);
	return d->interrupted ? 0 : status;
}

static int needs(void)
{
	struct drv_error why;

	if (machine_tool("ping", "iputils-ping", &why) < 0 ||
	    machine_tool("curl", "curl", &why) < 0 ||
	    machine_tool("sha256sum", "coreutils", &why) < 0)
		return app_error("demo", "%s", why.text);
	return 0;
}

/* Our own surroundings must not change what the programs do. */
static void plain_surroundings(void)
{
	static const char *const gone[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
					   "all_proxy",	 "ALL_PROXY",  "CURL_HOME"};
	const char *path = getenv("PATH");
	char all[8192];

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		unsetenv(gone[i]);
	setenv("HOME", "/nonexistent", 1);
	setenv("LC_ALL", "C", 1);
	snprintf(all, sizeof(all), "%s%s/usr/sbin:/sbin:/usr/bin:/bin", path ? path : "",
		 path ? ":" : "");
	setenv("PATH", all, 1);
}

static int set_gdb(void *to, const char *value, struct opt_why *why)
{
	(void)value;
	(void)why;
	((struct demo *)to)->gdb = true;
	return 0;
}

static int set_batch(void *to, const char *value, struct opt_why *why)
{
	(void)value;
	(void)why;
	((struct demo *)to)->batch = true;
	return 0;
}

static int set_two_stacks(void *to, const char *value, struct opt_why *why)
{
	(void)value;
	(void)why;
	((struct demo *)to)->two_stacks = true;
	return 0;
}

static const struct opt options[] = {
	{"gdb", 0, NULL, "step through TCP instead: gdb on two stacks in virtual time", set_gdb},
	{"batch", 0, NULL, "with --gdb: it runs through by itself", set_batch},
	{"two-stacks", 0, NULL, "what --gdb steps through, without gdb", set_two_stacks},
};

int cmd_demo(int argc, char **argv)
{
	struct demo *d = calloc(1, sizeof(*d));
	int first, status = 1;
	const struct opt_command cmd = {
		.name = "demo",
		.operands = "",
		.about = "Shows the stack at work with ping, curl and a name server, in a private "
			 "network "
			 "namespace.",
		.opts = options,
		.nopts = sizeof(options) / sizeof(options[0]),
		.to = d,
	};

	if (!d)
		return app_error("demo", "no memory: free some and try again");
	status = opts_parse(&cmd, argc, argv, &first);
	if (status != OPTS_GO)
		goto out;
	if (d->batch && !d->gdb) {
		status = opts_error("demo", "--batch", "it is one of --gdb's: give both");
		goto out;
	}
	if (d->two_stacks || d->gdb) {
		status = d->two_stacks ? demo_two_stacks() : demo_gdb(d->batch);
		goto out;
	}
	status = needs();
	if (status)
		goto out;
	plain_surroundings();
	stack_opts_default(&d->stack);
	d->stack.ctl_off = true; /* nobody outside of its namespaces has a use for it */
	status = step_network(d);
	if (status)
		goto out;
	status = run_steps(d);
	app_stop(&d->app);
	if (d->site.root.fd > 0)
		http_root_close(&d->site.root);
	if (status == 0 && !d->interrupted)
		say(d, "All of it is torn down: the connections, the interface, the namespace.");
out:
	free(d);
	return status;
}
