/*
 * Probing for the path's MTU without ICMP (RFC 4821, RFC 8899).
 */
#include "stack/tcp/tcp_fn.h"

void tcp_mtup_acked(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r)
{
	(void)t;
	(void)c;
	(void)r;
}

void tcp_mtup_lost(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r)
{
	(void)t;
	(void)c;
	(void)r;
}
