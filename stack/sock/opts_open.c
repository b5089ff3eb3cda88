/*
 * Options of TCP that say how a connection opens: Fast Open, deferred accept(), the window's bound. Numbers, ranges
 * and errors are Linux's.
 */
#include <errno.h>
#include <string.h>

#include "stack/sock/sock.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_user.h"

enum {
	WINDOW_CLAMP_MIN = 2304 / 2, /* half of the smallest receive buffer */
	UTO_MAX_S = 0x7fff * 60,     /* what the option can say */
};

static int get_int(const void *val, size_t len, int *out)
{
	if (len != sizeof(*out))
		return -EINVAL;
	memcpy(out, val, sizeof(*out));
	return 0;
}

/* Not connected and not under way: closed, or listening. */
static bool unconnected(const struct open_target *o)
{
	return !o->conn ||
	       (o->conn->ep.state == TAPIR_TCP_CLOSED && !(o->conn->flags & TCP_F_DETACHED));
}

static void set_bit(struct tcp_opt *opt, uint16_t bit, int on)
{
	opt->flags = (uint16_t)(on ? opt->flags | bit : opt->flags & ~bit);
}

static int set_fastopen(struct open_target *o, int v)
{
	if (v < 0 || !unconnected(o))
		return -EINVAL;
	o->opt->fastopen_qlen = (uint16_t)min_u32((uint32_t)v, (uint32_t)o->t->conf.somaxconn);
	return 0;
}

static int set_fastopen_connect(struct open_target *o, int v)
{
	if (v < 0 || v > 1)
		return -EINVAL;
	if (!(o->t->conf.tcp_fastopen & TCP_FASTOPEN_CLIENT))
		return -EOPNOTSUPP;
	if (!o->conn || !unconnected(o))
		return -EINVAL;
	set_bit(o->opt, TCP_O_FASTOPEN_CONNECT, v);
	return 0;
}

/* TCP_DEFER_ACCEPT is told in seconds and kept in SYN-ACKs sent again, at 1, 2, 4 ... s, as Linux keeps it. */
static uint8_t defer_from_seconds(const struct tapir *t, int seconds)
{
	int64_t step = t->conf.tcp_rto_init_ms, period = step;
	uint8_t n = 0;

	if (seconds <= 0)
		return 0;
	for (n = 1; (int64_t)seconds * 1000 > period && n < UINT8_MAX; n++) {
		step = step * 2 < t->conf.tcp_rto_max_ms ? step * 2 : t->conf.tcp_rto_max_ms;
		period += step;
	}
	return n;
}

static int defer_to_seconds(const struct tapir *t, uint8_t n)
{
	int64_t step = t->conf.tcp_rto_init_ms, period = n ? step : 0;

	while (n-- > 1) {
		step = step * 2 < t->conf.tcp_rto_max_ms ? step * 2 : t->conf.tcp_rto_max_ms;
		period += step;
	}
	return (int)(period / 1000);
}

static int set_window_clamp(struct open_target *o, int v)
{
	/* Taken off only from what is closed. */
	if (v == 0 && (!o->conn || !unconnected(o)))
		return -EINVAL;
	o->opt->window_clamp = v == 0 ? 0 : max_u32((uint32_t)(v < 0 ? 0 : v), WINDOW_CLAMP_MIN);
	if (o->conn)
		tcp_rcv_set_clamp(o->conn);
	return 0;
}

static int set_uto(struct open_target *o, int v)
{
	if (v < -1 || v > UTO_MAX_S)
		return -EINVAL;
	o->opt->uto_s = v;
	/* RFC 5482 3: told with the next segment. */
	if (o->conn && tcp_state_synchronized(o->conn->ep.state)) {
		tcp_uto_changed(o->t, o->conn);
		tcp_conn_dirty(o->t, o->conn);
	}
	return 0;
}

static struct tcp_fo_keys **keys_of(const struct open_target *o)
{
	return o->conn ? &o->conn->fo_keys : tcp_listener_keys(o->l);
}

int sock_set_open_opt(struct open_target *o, int name, const void *val, size_t len)
{
	int v = 0, err = 0;

	if (name == TAPIR_TCP_FASTOPEN_KEY)
		return unconnected(o) ? tcp_fastopen_set_key(o->t, keys_of(o), val, len) : -EINVAL;
	switch (name) {
	case TAPIR_TCP_UTO:
	case TAPIR_TCP_DEFER_ACCEPT:
	case TAPIR_TCP_WINDOW_CLAMP:
	case TAPIR_TCP_TIMESTAMP:
	case TAPIR_TCP_FASTOPEN:
	case TAPIR_TCP_FASTOPEN_CONNECT:
	case TAPIR_TCP_FASTOPEN_NO_COOKIE:
		err = get_int(val, len, &v);
		if (err)
			return err;
		break;
	default:
		return -ENOPROTOOPT;
	}
	switch (name) {
	case TAPIR_TCP_UTO:
		return set_uto(o, v);
	case TAPIR_TCP_DEFER_ACCEPT:
		o->opt->defer_accept = defer_from_seconds(o->t, v);
		return 0;
	case TAPIR_TCP_WINDOW_CLAMP:
		return set_window_clamp(o, v);
	case TAPIR_TCP_TIMESTAMP:
		return -EPERM; /* Linux: only in repair mode, which is not here */
	case TAPIR_TCP_FASTOPEN:
		return set_fastopen(o, v);
	case TAPIR_TCP_FASTOPEN_CONNECT:
		return set_fastopen_connect(o, v);
	default: /* TAPIR_TCP_FASTOPEN_NO_COOKIE */
		if (v < 0 || v > 1 || !unconnected(o))
			return -EINVAL;
		set_bit(o->opt, TCP_O_FASTOPEN_NO_COOKIE, v);
		return 0;
	}
}

int sock_get_open_opt(struct open_target *o, int name, int *v)
{
	switch (name) {
	case TAPIR_TCP_UTO:
		*v = o->opt->uto_s;
		return 0;
	case TAPIR_TCP_DEFER_ACCEPT:
		*v = defer_to_seconds(o->t, o->opt->defer_accept);
		return 0;
	case TAPIR_TCP_WINDOW_CLAMP:
		*v = (int)(o->conn && tcp_state_synchronized(o->conn->ep.state)
				   ? o->conn->rcv_clamp
				   : o->opt->window_clamp);
		return 0;
	case TAPIR_TCP_TIMESTAMP:
		*v = (int)tcp_ts_now(o->t, o->conn ? o->conn->ts_off : 0);
		return 0;
	case TAPIR_TCP_FASTOPEN:
		*v = o->opt->fastopen_qlen;
		return 0;
	case TAPIR_TCP_FASTOPEN_CONNECT:
		*v = (o->opt->flags & TCP_O_FASTOPEN_CONNECT) != 0;
		return 0;
	case TAPIR_TCP_FASTOPEN_NO_COOKIE:
		*v = (o->opt->flags & TCP_O_FASTOPEN_NO_COOKIE) != 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int sock_get_fastopen_key(struct open_target *o, void *val, size_t *len)
{
	uint8_t key[TCP_FASTOPEN_KEYS * TCP_FASTOPEN_KEY_LEN];
	size_t n = tcp_fastopen_get_key(o->t, *keys_of(o), key);

	if (*len < n)
		return -EINVAL;
	memcpy(val, key, n);
	*len = n;
	return 0;
}
