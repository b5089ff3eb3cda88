/*
 * Public entries. Each function of the public interface that may make a packet runs between
 * stack_enter() and stack_leave(); the outermost leave brings what was sent to ourselves back in and
 * tells transports of neighbours that failed, so that nothing recurses. Defined by stack/tapir.c, for
 * the files of stack/ itself; no layer below calls them.
 */
#ifndef TAPIR_CORE_ENTRY_H
#define TAPIR_CORE_ENTRY_H

#include <stdint.h>

struct tapir;

void stack_enter(struct tapir *t);
void stack_leave(struct tapir *t);

/* Tells the transports that our address ip4 goes away (RFC 5227 2.4). */
void stack_addr_gone(struct tapir *t, uint32_t ip4);

#endif
