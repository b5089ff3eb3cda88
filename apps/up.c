/*
 * tapir up: brings the stack up and lets it do what a host does by itself, which is to answer ARP and
 * ping and to refuse the rest, until it is interrupted.
 */
#include <stdio.h>

#include "apps/app.h"
#include "apps/cmd.h"

/* What to type to see it. */
static void say_hello(const struct app *a, const struct stack_opts *o)
{
	char ip[16], host[16];

	app_ip4(o->ip, ip);
	if (o->dev != DEV_TAP)
		printf("%s answers on %s: from a host on that wire type: ping %s\n", ip,
		       a->drv->name, ip);
	else if (a->host_ip)
		printf("%s answers on %s; the kernel's side is %s. In another terminal type: ping "
		       "%s\n",
		       ip, a->drv->name, app_ip4(a->host_ip, host), ip);
	else
		printf("%s answers on %s, but the kernel's side has no address in %s/%u: sudo ip "
		       "addr add ADDR/%u dev %s\n",
		       ip, a->drv->name, ip, o->ip_len, o->ip_len, a->drv->ifname);
	printf("Ctrl-C ends it.\n");
	fflush(stdout);
}

int cmd_up(int argc, char **argv)
{
	struct stack_opts o = {.dev = DEV_TAP};
	struct app a;
	int first;
	const struct opt_command cmd = {
		.name = "up",
		.operands = "",
		.about = "Brings the stack up on a device, and answers ping until interrupted.",
		.stack = &o,
	};
	int status = opts_parse(&cmd, argc, argv, &first);

	if (status != OPTS_GO)
		return status;
	o.ctl_told = true;
	status = app_start(&a, "up", &o);
	if (status)
		return status;
	say_hello(&a, &o);
	status = loop_run(a.loop) < 0 ? app_lost(&a) : 0;
	app_stop(&a);
	return status;
}
