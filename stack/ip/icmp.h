/*
 * ICMP (RFC 792, RFC 1122 3.2.2): echo, errors in and out, their limits.
 */
#ifndef TAPIR_IP_ICMP_H
#define TAPIR_IP_ICMP_H

#include "stack/core/rx.h"

int icmp_init(struct tapir *t);
void icmp_fini(struct tapir *t);

/* Answers echoes; V_NEXT_ECHO for a reply (data still at the ICMP header); V_ICMP_ERR with rx->err; V_DONE. */
enum verdict icmp_input(struct tapir *t, struct rx *rx);

/*
 * Sends an error about the packet in rx (rx->l3 quoted, as received), unless RFC 1122 3.2.2 or a
 * rate limit forbids. `info` is the second header word (MTU, pointer, gateway). Does not consume rx->pkt.
 */
void icmp_send_error(struct tapir *t, const struct rx *rx, uint8_t type, uint8_t code,
		     uint32_t info);

/*
 * The errno of an ICMP error as Linux maps them, and whether it is hard (RFC 1122 4.2.3.9):
 * 0 for one that transports ignore.
 */
int icmp_err_errno(uint8_t type, uint8_t code, bool *hard);

#endif
