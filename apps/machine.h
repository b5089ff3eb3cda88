/*
 * What this machine has and lets us do: for doctor, which tells it, and demo, which needs it.
 *
 * Each check returns 0, or -1 with a sentence in *why: the thing, the reason, the mend.
 */
#ifndef TAPIR_APPS_MACHINE_H
#define TAPIR_APPS_MACHINE_H

#include "drivers/driver.h"

/* /dev/net/tun is there and may be opened. */
int machine_tun(struct drv_error *why);

/* The program is found in $PATH or where administrators' programs are. `package` is Debian's name. */
int machine_tool(const char *program, const char *package, struct drv_error *why);

/* We may make a TAP in the network namespace that we are in: it is tried, and gone at once. */
int machine_tap(struct drv_error *why);

/* We may configure the network that we are in. Without trying. */
bool machine_net_admin(void);

/*
 * Moves the process into network and mount namespaces of its own, and first into a user namespace where
 * that is what it takes. The loopback is up, and /tmp is empty and private. There is no way back.
 */
int machine_private_net(struct drv_error *why);

#endif
