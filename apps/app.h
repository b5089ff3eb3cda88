/*
 * What every command with a stack does before and after its own work: the device, the instance, its interface
 * and addresses, the loop.
 */
#ifndef TAPIR_APPS_APP_H
#define TAPIR_APPS_APP_H

#include "apps/opts.h"
#include "drivers/loop.h"

struct ctl;
struct names;

struct app {
	const char *name; /* the command's, for errors */
	struct driver *drv;
	struct tapir *t;
	struct loop *loop;
	struct ctl *ctl; /* the control socket, NULL: none */
	/* of app_names() */
	struct names *names; /* NULL: not asked for yet */
	struct tapir_sockaddr dns[STACK_DNS_MAX];
	unsigned ndns;
	int ifindex;
	uint32_t gw; /* the gateway in use, 0: none; host order */
	uint32_t
		host_ip; /* the address of the kernel's side in our network, 0: none that we reach */
};

/*
 * Opens the device, makes an instance with its interface up and configured, and a loop that SIGINT and
 * SIGTERM stop. Returns 0, or the exit status after a line on stderr; nothing is left then.
 */
int app_start(struct app *a, const char *name, const struct stack_opts *o);

/* Ends all conversations (loop_finish) and takes everything down. */
void app_stop(struct app *a);

/* Says why the loop ended by itself. Returns the exit status. */
int app_lost(const struct app *a);

/*
 * The stack's resolver, made when it is asked for first: its servers are those of --dns, else the machine's. NULL with the reason
 * in *why. Having no server is no error (names_servers()). app_stop() ends it.
 */
struct names *app_names(struct app *a, struct drv_error *why);

/* "tapir NAME: ..." and a newline on stderr. Returns 1. */
__attribute__((format(printf, 2, 3))) int app_error(const char *name, const char *fmt, ...);

/* "192.0.2.2" into out. Returns out. */
char *app_ip4(uint32_t ip4, char out[16]);

#endif
