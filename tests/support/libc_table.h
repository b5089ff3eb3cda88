#ifndef TAPIR_TESTS_SUPPORT_LIBC_TABLE_H
#define TAPIR_TESTS_SUPPORT_LIBC_TABLE_H

#include "tools/packetdrill/packetdrill_interface.h"

/*
 * The kernel's sockets by libc's calls, as packetdrill's table; without a device and a clock, which are NULL. Whoever
 * uses it ignores SIGPIPE.
 */
extern const struct packetdrill_interface libc_table;

#endif
