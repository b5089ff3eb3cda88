/*
 * Sockets: the table of handles, and what each public call does for each kind of socket.
 *
 * The functions here are those of stack/socket.h, without the entry and leave that stack/socket.c puts
 * around them.
 */
#ifndef TAPIR_SOCK_SOCK_H
#define TAPIR_SOCK_SOCK_H

#include "stack/core/instance.h"
#include "stack/socket.h"

int sock_init(struct tapir *t);
/* Forgets every handle; closes datagram sockets. TCP's own are freed by tcp_fini() after this. */
void sock_fini(struct tapir *t);
void sock_check(struct tapir *t);

#endif
