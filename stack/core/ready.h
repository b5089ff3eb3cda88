/*
 * Readiness: one node a handle, bits merged until popped and marked again by what happens after.
 */
#ifndef TAPIR_CORE_READY_H
#define TAPIR_CORE_READY_H

#include "stack/base/list.h"
#include "stack/socket.h"

struct ready {
	struct list link;
	uint64_t cookie;
	tapir_sock_t sock; /* 0: no handle, never reported */
	uint16_t bits;	   /* gathered since the last pop, already filtered */
	uint16_t interest; /* TAPIR_ERR and TAPIR_HUP are always of interest */
};

struct ready_list {
	struct list head; /* in the order in which they became ready */
};

void ready_list_init(struct ready_list *l);
void ready_init(struct ready *r, tapir_sock_t sock);
/* Something happened: queue the node unless its owner is not interested. */
void ready_mark(struct tapir *t, struct ready *r, uint32_t bits);
/* Changes the owner's wish; bits already gathered are filtered anew. */
void ready_interest(struct ready *r, uint32_t bits, uint64_t cookie);
/* The handle is given up: no stale event survives. */
void ready_end(struct ready *r);
size_t ready_pop(struct tapir *t, struct tapir_ready *out, size_t max);

#endif
