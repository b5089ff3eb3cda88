/*
 * Explicit congestion notification (RFC 3168).
 */
#include "stack/tcp/tcp_fn.h"

void tcp_ecn_cut(struct tcp_conn *c)
{
	(void)c;
}
