/*
 * tapir httpd: serves a directory over HTTP/1.1.
 *
 *	http_parse    bytes into requests          http_file      paths into open files
 *	http_handler  requests into responses      http_response  responses into bytes
 *	http_conn     the listener and its connections, from and to the stack's sockets
 *	http_log      what happened
 *
 * This file only puts them together: options, the device and the stack, and an end that lets running
 * responses finish. All of it is one thread; a file is read when the client's window takes it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "apps/app.h"
#include "apps/cmd.h"
#include "apps/http_conn.h"
#include "drivers/host.h"

enum {
	TICK_MS = 100,
	DRAIN_MS = 700, /* for running responses, before loop_finish() has its 1 s and more */
};

struct httpd {
	struct app app;
	struct stack_opts stack;
	struct http_server_conf conf;
	struct http_site site;
	struct http_server server;
	struct http_log log;
	struct loop_timer tick;
	bool ticking;
	/* options */
	const char *root;
	long port, max_conns, idle_s;
	bool quiet;
};

static int set_root(void *to, const char *value, struct opt_why *why)
{
	if (!*value)
		return opt_refuse(why, "not a directory: give one to serve");
	((struct httpd *)to)->root = value;
	return 0;
}

static int set_port(void *to, const char *value, struct opt_why *why)
{
	return opt_number(value, "a port", 1, 65535, &((struct httpd *)to)->port, why);
}

static int set_max_conns(void *to, const char *value, struct opt_why *why)
{
	return opt_number(value, "a number of connections", 1, 1000000,
			  &((struct httpd *)to)->max_conns, why);
}

static int set_idle(void *to, const char *value, struct opt_why *why)
{
	return opt_number(value, "a number of seconds", 1, 86400, &((struct httpd *)to)->idle_s,
			  why);
}

static int set_quiet(void *to, const char *value, struct opt_why *why)
{
	(void)value;
	(void)why;
	((struct httpd *)to)->quiet = true;
	return 0;
}

static const struct opt options[] = {
	{"root", 0, "DIR", "the directory to serve; must be given", set_root},
	{"port", 0, "N", "the port to listen on (80)", set_port},
	{"max-conns", 0, "N", "connections at a time (10000); more wait to be accepted",
	 set_max_conns},
	{"idle", 0, "SECONDS", "how long a kept connection may be idle (60)", set_idle},
	{"quiet", 'q', NULL, "no access log on standard output", set_quiet},
};

static int watch(void *ctx, tapir_sock_t s, uint32_t bits, struct loop_handler *h)
{
	return loop_watch(((struct httpd *)ctx)->app.loop, s, bits, h);
}

static void set_tick(struct httpd *h)
{
	h->ticking = loop_timer_set(h->app.loop, &h->tick,
				    loop_now(h->app.loop) + TICK_MS * NS_PER_MS) >= 0;
}

static void on_tick(struct loop *l, struct loop_timer *tm)
{
	struct httpd *h = (struct httpd *)(void *)((char *)tm - offsetof(struct httpd, tick));
	(void)l;
	h->ticking = false;
	if (http_server_tick(&h->server))
		set_tick(h);
}

static void wake(void *ctx)
{
	struct httpd *h = ctx;
	if (!h->ticking)
		set_tick(h);
}

static time_t wall(void *ctx)
{
	(void)ctx;
	return host_wall().tv_sec;
}

/* Each response in flight holds its file open. */
static void raise_descriptors(void)
{
	struct rlimit lim;
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int serve(struct httpd *h)
{
	const struct http_ops ops = {.ctx = h, .watch = watch, .wake = wake, .wall = wall};
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, (uint16_t)h->port);
	struct loop *loop = h->app.loop;
	char addr[16], port[8] = "";
	int err = http_server_start(&h->server, h->app.t, &ops, &h->conf, &h->site, &h->log, &sa);
	if (err < 0)
		return app_error("httpd", "--port %ld: can't listen: %s: choose another --port",
				 h->port, strerror(-err));
	if (h->port != 80)
		snprintf(port, sizeof port, ":%ld", h->port);
	fprintf(stderr, "tapir httpd: serving %s at http://%s%s/ on %s\n", h->root,
		app_ip4(h->stack.ip, addr), port, h->app.drv->name);
	int status = loop_run(loop) == 0 ? 0 : app_lost(&h->app);
	if (status == 0) {
		http_server_drain(&h->server);
		uint64_t until = loop_now(loop) + DRAIN_MS * NS_PER_MS;
		while (h->server.nconns > 0 && loop_clock(loop) < until &&
		       loop_turn(loop, until) == 0)
			;
	}
	/* What still runs is ended by the loop: FIN, and RST where that does not help. */
	loop_timer_cancel(loop, &h->tick);
	http_server_stop(&h->server, false);
	return status;
}

int cmd_httpd(int argc, char **argv)
{
	struct httpd *h = calloc(1, sizeof *h);
	if (!h)
		return app_error("httpd", "no memory: free some and try again");
	h->port = 80;
	h->conf = http_server_conf_default();
	h->max_conns = (long)h->conf.max_conns;
	h->idle_s = (long)(h->conf.timeout_ns[HTTP_CLASS_IDLE] / NS_PER_S);
	h->tick.fn = on_tick;
	const struct opt_command cmd = {
		.name = "httpd",
		.operands = "",
		.about = "Serves the files of a directory over HTTP/1.1, until interrupted.",
		.opts = options,
		.nopts = sizeof options / sizeof *options,
		.to = h,
		.stack = &h->stack,
	};
	int first, err, status = opts_parse(&cmd, argc, argv, &first);
	if (status != OPTS_GO)
		goto out;
	if (!h->root) {
		status = opts_error("httpd", "--root", "missing: give the directory to serve");
		goto out;
	}
	err = http_root_open(&h->site.root, h->root);
	if (err < 0) {
		char thing[300], text[128];
		snprintf(thing, sizeof thing, "--root %.250s", h->root);
		snprintf(text, sizeof text, "%s: give a directory that may be read",
			 strerror(-err));
		status = opts_error("httpd", thing, text);
		goto out;
	}
	h->conf.max_conns = (unsigned)h->max_conns;
	h->conf.timeout_ns[HTTP_CLASS_IDLE] = (uint64_t)h->idle_s * NS_PER_S;
	http_log_init(&h->log, h->quiet ? -1 : STDOUT_FILENO);
	raise_descriptors();
	h->stack.ctl_told = true;
	status = app_start(&h->app, "httpd", &h->stack);
	if (status == 0) {
		status = serve(h);
		app_stop(&h->app);
	}
	http_log_end(&h->log);
	http_root_close(&h->site.root);
out:
	free(h);
	return status;
}
