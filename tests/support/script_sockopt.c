/*
 * Calls of packet scripts that ask or set what a socket is, and those that wait for several.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tests/support/script_run.h"

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
					strlen(v->text));
	n = (int)v->i;
	return tapir_setsockopt(c->r->t, f->sock, (int)level, (int)name, &n, sizeof(n));
}

int64_t call_getsockopt(struct call *c)
{
	struct run_fd *f = call_fd(c);
	int64_t level = call_int(c, 1), name = call_int(c, 2);
	const struct script_value *v = call_arg(c, 3);
	char text[64] = "";
	size_t len = sizeof(text) - 1;
	int n = 0, r;

	if (c->bad || !v)
		return call_bad(c, "an argument is missing");
	r = tapir_getsockopt(c->r->t, f->sock, (int)level, (int)name, text, &len);
	if (v->kind == VALUE_LIST && v->child)
		v = v->child;
	if (r < 0 || v->kind == VALUE_ANY || v->kind == VALUE_ELLIPSIS)
		return r;
	if (v->kind == VALUE_STRING) {
		if (strcmp(v->text, text) != 0)
			run_fail(c->r, c->e, "expected \"%s\", got \"%s\"", v->text, text);
		return r;
	}
	memcpy(&n, text, sizeof(n));
	if (v->kind == VALUE_INT && n != v->i)
		run_fail(c->r, c->e, "expected the value %" PRId64 ", got %d%s%s", v->i, n,
			 name == TAPIR_SO_ERROR ? " " : "",
			 name == TAPIR_SO_ERROR && n ? script_errno_name(n) : "");
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
	if (cmd != 0x541b && cmd != 0x5411)
		return -EINVAL;
	if (got != want)
		run_fail(c->r, c->e, "expected %" PRId64 ", got %" PRId64, want, got);
	return 0;
}

/* poll([{fd=3, events=POLLIN, revents=POLLIN}], 1, timeout in ms) */
int64_t call_poll(struct call *c)
{
	const struct script_value *list = call_arg(c, 0);
	int64_t timeout = call_int(c, 2), ready = 0;
	uint64_t now = tapir_now(c->r->t);

	if (c->bad || !list || list->kind != VALUE_LIST)
		return call_bad(c, "a list of {fd=, events=, revents=} is wanted");
	if (!c->again)
		c->r->poll_end_ns = timeout < 0 ? TAPIR_NEVER : now + (uint64_t)timeout * 1000000;
	for (const struct script_value *v = list->child; v; v = v->next) {
		struct run_fd *f = run_fd_at(c->r, call_field(v, "fd", "fd"));
		int64_t want = call_field(v, "events", "events") | TAPIR_ERR | TAPIR_HUP;

		if (!f)
			return call_bad(c, "the descriptor is not open");
		ready += (tapir_poll(c->r->t, f->sock) & want) != 0;
	}
	if (ready == 0 && now < c->r->poll_end_ns)
		return RUN_BLOCKS;
	for (const struct script_value *v = list->child; v; v = v->next) {
		struct run_fd *f = run_fd_at(c->r, call_field(v, "fd", "fd"));
		int64_t got = tapir_poll(c->r->t, f->sock) &
			      (call_field(v, "events", "events") | TAPIR_ERR | TAPIR_HUP);

		if (got != call_field(v, "revents", "revents"))
			run_fail(c->r, c->e, "revents: expected 0x%" PRIx64 ", got 0x%" PRIx64,
				 call_field(v, "revents", "revents"), got);
	}
	c->r->poll_end_ns = TAPIR_NEVER;
	return ready;
}
