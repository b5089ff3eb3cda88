/*
 * Options of TCP that say how a connection opens: Fast Open. Numbers, ranges and errors are Linux's.
 */
#include <errno.h>
#include <string.h>

#include "stack/sock/sock.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_user.h"

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
