/*
 * Calls of packet scripts that ask or set what a socket is.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "tests/support/script_run.h"

enum { RCVLOWAT = 18 };

int64_t call_setsockopt(struct call *c)
{
	struct run_fd *f = call_fd(c);
	int64_t level = call_int(c, 1), name = call_int(c, 2);
	const struct script_value *v = call_arg(c, 3);
	int n;

	if (c->bad || !v)
		return call_bad(c, "an argument is missing");
	if (v->kind == VALUE_LIST && v->child)
		v = v->child;
	if (v->kind == VALUE_STRUCT) {
		struct tapir_linger l = {(int)call_field(v, "onoff", "l_onoff"),
					 (int)call_field(v, "linger", "l_linger")};

		return tapir_setsockopt(c->r->t, f->sock, (int)level, (int)name, &l, sizeof(l));
	}
	if (v->kind == VALUE_STRING)
		return tapir_setsockopt(c->r->t, f->sock, (int)level, (int)name, v->text,
					(size_t)v->i);
	n = (int)v->i;
	if (level == TAPIR_SOL_SOCKET && name == RCVLOWAT) {
		/* As Linux: more than half of the buffer would never be there. */
		int64_t most = tapir_conf_of(c->r->t)->tcp_rmem_max / 2;

		f->rcvlowat = n < 0 ? INT_MAX : n;
		if (f->stream && f->rcvlowat > most)
			f->rcvlowat = most;
		return 0;
	}
	return tapir_setsockopt(c->r->t, f->sock, (int)level, (int)name, &n, sizeof(n));
}

int64_t call_getsockopt(struct call *c)
{
	struct run_fd *f = call_fd(c);
	int64_t level = call_int(c, 1), name = call_int(c, 2);
	const struct script_value *v = call_arg(c, 3);
	char text[64] = "";
	size_t len = sizeof(text) - 1;
	int64_t n = 0;
	int n4 = 0, r;

	if (c->bad || !v)
		return call_bad(c, "an argument is missing");
	if (level == TAPIR_SOL_SOCKET && name == RCVLOWAT) {
		n4 = f->rcvlowat ? (int)f->rcvlowat : 1;
		len = sizeof(n4);
		memcpy(text, &n4, len);
		r = 0;
	} else {
		r = tapir_getsockopt(c->r->t, f->sock, (int)level, (int)name, text, &len);
	}
	if (v->kind == VALUE_LIST && v->child)
		v = v->child;
	if (r < 0 || v->kind == VALUE_ANY || v->kind == VALUE_ELLIPSIS)
		return r;
	if (v->kind == VALUE_STRING) {
		if (strcmp(v->text, text) != 0)
			run_fail(c->r, c->e, "expected \"%s\", got \"%s\"", v->text, text);
		return r;
	}
	if (v->kind == VALUE_STRUCT) {
		struct tapir_linger l;

		memcpy(&l, text, sizeof(l));
		if (name != TAPIR_SO_LINGER)
			return call_bad(c,
					"only SO_LINGER is a struct here; TCP_INFO is for %{ }%");
		if (l.onoff != call_field(v, "onoff", "l_onoff") ||
		    l.linger != call_field(v, "linger", "l_linger"))
			run_fail(c->r, c->e, "expected otherwise, got {onoff=%d, linger=%d}",
				 l.onoff, l.linger);
		return r;
	}
	if (len == 8)
		memcpy(&n, text, 8);
	else
		memcpy(&n4, text, sizeof(n4)), n = n4;
	if (v->kind == VALUE_INT && n != v->i)
		run_fail(c->r, c->e, "expected the value %" PRId64 ", got %" PRId64 "%s%s", v->i, n,
			 name == TAPIR_SO_ERROR ? " " : "",
			 name == TAPIR_SO_ERROR && n ? script_errno_name((int)n) : "");
	return r;
}

int64_t call_ioctl(struct call *c)
{
	struct run_fd *f = call_fd(c);
	int64_t cmd = call_int(c, 1), want = call_int(c, 2), got = -1;
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info info;

	if (c->bad)
		return 0;
	while (tapir_sock_next(c->r->t, &it, &info)) {
		if (info.sock == f->sock)
			got = cmd == 0x541b ? info.recv_q : info.send_q;
	}
	if (cmd == 0x8905) /* SIOCATMARK */
		got = tapir_urgent(c->r->t, f->sock) == 0;
	else if (cmd != 0x541b && cmd != 0x5411)
		return -EINVAL;
	if (got != want)
		run_fail(c->r, c->e, "expected %" PRId64 ", got %" PRId64, want, got);
	return 0;
}
