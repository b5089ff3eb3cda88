/*
 * The demo's step with a name in it: a name server of three records on the kernel's side, and our resolver asking it.
 */
#ifndef TAPIR_APPS_DEMO_DNS_H
#define TAPIR_APPS_DEMO_DNS_H

#include "apps/app.h"

/*
 * The server is at kernel_ip4 (host order), port 53. Asks for a name and prints what came of it, each line set off by two blanks. 0, -EINTR when the loop is to stop, or another negative errno after a
 * line on stderr.
 */
int demo_dns(struct app *a, uint32_t kernel_ip4);

#endif
