/*
 * Delivery rate samples; see tcp_rate.h.
 */
#include "stack/tcp/tcp_rate.h"

void tcp_rate_sent(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t flight)
{
	(void)t;
	(void)c;
	(void)r;
	(void)flight;
}

void tcp_rate_delivered(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r, uint32_t len,
			struct tcp_rate_sample *rs)
{
	(void)t;
	(void)c;
	(void)r;
	rs->delivered += len;
}

void tcp_rate_ack(struct tapir *t, struct tcp_conn *c, const struct tcp_rate_sample *rs)
{
	(void)t;
	(void)c;
	(void)rs;
}
