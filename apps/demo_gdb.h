/*
 * What `tapir demo --gdb` is made of: two stacks in one process to be stepped through, and gdb started on them.
 */
#ifndef TAPIR_APPS_DEMO_GDB_H
#define TAPIR_APPS_DEMO_GDB_H

#include <stdbool.h>

/*
 * Two stacks on a simulated wire talk in virtual time: an orderly close, then both close at once; through all
 * eleven states of RFC 9293 3.3.2. The same to the byte each time. Returns the exit status.
 */
int demo_two_stacks(void);

/*
 * Becomes gdb on the above with our commands loaded (`batch`: it runs through by itself). Returns only when
 * that can't be: 1 after a line on stderr.
 */
int demo_gdb(bool batch);

#endif
