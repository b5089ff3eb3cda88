/*
 * TCP_INFO and what is counted for it alone. Private to stack/tcp/.
 */
#ifndef TAPIR_TCP_TCP_INFO_H
#define TAPIR_TCP_TCP_INFO_H

#include "stack/tcp/tcp_conn.h"

/* SND.UNA moved or not, an acceptable ACK came: its time, the end of a recovery from RTOs. */
void tcp_info_acked(struct tapir *t, struct tcp_conn *c, bool advanced);
/* The retransmission timer fired, and something goes again because of it. */
void tcp_info_rto(struct tapir *t, struct tcp_conn *c);
/* The handshake is done: ages count from now. */
void tcp_info_start(struct tapir *t, struct tcp_conn *c);

/*
 * Chronographs: how long the connection had something to send, and how much of that it was kept from sending by the
 * peer's window, or by its own send buffer. One runs at a time; the one that says more goes first.
 */
void tcp_chrono_start(struct tapir *t, struct tcp_conn *c, enum tcp_chrono what);
void tcp_chrono_stop(struct tapir *t, struct tcp_conn *c, enum tcp_chrono what);

/* How fast this connection is paced now, or would be: bytes a second, UINT64_MAX: as fast as may be. */
uint64_t tcp_pacing_rate(const struct tapir *t, const struct tcp_conn *c);

#endif
