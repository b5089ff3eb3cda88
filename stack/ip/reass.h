/*
 * Reassembly (RFC 791 3.2, RFC 815) under limits of memory, pieces, sources and time.
 */
#ifndef TAPIR_IP_REASS_H
#define TAPIR_IP_REASS_H

#include "stack/core/rx.h"

int reass_init(struct tapir *t);
void reass_fini(struct tapir *t);

/*
 * Takes the fragment in rx. Returns true when it completed a datagram: rx->pkt is then the whole
 * one (data at the transport header), rx->ip and rx->l3 describe it; false: consumed.
 */
bool reass_input(struct tapir *t, struct rx *rx);

/* TIMER_REASS: gives the datagram up; ICMP 11/1 when its first fragment was there (RFC 1122 3.3.2). */
void reass_timer(struct tapir *t, struct timer *tm);
void reass_flush(struct tapir *t, int ifindex);
void reass_check(struct tapir *t);

#endif
