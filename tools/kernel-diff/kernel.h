#ifndef TAPIR_TOOLS_KERNEL_DIFF_KERNEL_H
#define TAPIR_TOOLS_KERNEL_DIFF_KERNEL_H

/*
 * The kernel's own stack behind packetdrill's table: sockets are the process's, packets go through a TUN device, time
 * is real.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/packetdrill/packetdrill_interface.h"

/* netdev_receive waits until then, us of gettimeofday. */
extern long long kernel_receive_until_us;

/*
 * Gives this process a network namespace with one TUN device, `local`/24, a default route over it and no IPv6; `chunks`: it
 * takes TCP text in chunks of several segments. False:
 * *why says what failed (errno's text follows).
 */
bool kernel_netns(uint32_t local, uint32_t mtu, bool chunks, const char **why);

packetdrill_interface_init_fn kernel_interface_init;

#endif
