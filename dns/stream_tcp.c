/*
 * Streams over the stack's own TCP (dns/stream.h): a socket and whose it is, nothing else. Small writes leave at once (NODELAY): each is a
 * whole query.
 */
#include <errno.h>

#include "dns/stream.h"
#include "stack/base.h"

struct stream_tcp {
	struct tapir *t;
	struct tapir_env mem;
	tapir_sock_t sock;
};

static int tcp_open(void *ctx, struct tapir *t, const struct tapir_env *mem,
		    const struct tapir_sockaddr *to, void **out, tapir_sock_t *sock)
{
	struct stream_tcp *s = mem->alloc(mem->ctx, sizeof(*s));
	int one = 1, err;

	(void)ctx;
	if (!s)
		return -ENOMEM;
	s->t = t;
	s->mem = *mem;
	s->sock = tapir_socket(t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	if (s->sock < 0) {
		err = (int)s->sock;
		goto fail;
	}
	/* It may fail for lack of memory, and then queries are only slower. */
	(void)tapir_setsockopt(t, s->sock, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, &one, sizeof(one));
	err = tapir_connect(t, s->sock, to);
	if (err < 0 && err != -EINPROGRESS) {
		tapir_abort(t, s->sock);
		goto fail;
	}
	*out = s;
	*sock = s->sock;
	return 0;
fail:
	mem->free(mem->ctx, s, sizeof(*s));
	return err;
}

static int tcp_established(void *stream)
{
	struct stream_tcp *s = stream;
	int bits = tapir_poll(s->t, s->sock), err = 0;
	size_t len = sizeof(err);

	if (bits < 0)
		return bits;
	if (bits & (TAPIR_ERR | TAPIR_HUP)) {
		if (tapir_getsockopt(s->t, s->sock, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &err, &len) <
		    0)
			return -ENOTCONN;
		return err ? -err : -ECONNRESET;
	}
	return bits & TAPIR_OUT ? 0 : -EINPROGRESS;
}

static int64_t tcp_send_bytes(void *stream, const void *buf, size_t len)
{
	struct stream_tcp *s = stream;

	return tapir_sendto(s->t, s->sock, buf, len, 0, NULL);
}

static int64_t tcp_recv_bytes(void *stream, void *buf, size_t len)
{
	struct stream_tcp *s = stream;

	return tapir_recvfrom(s->t, s->sock, buf, len, 0, NULL);
}

static uint32_t tcp_want(void *stream, bool writing)
{
	(void)stream;
	return writing ? TAPIR_IN | TAPIR_OUT | TAPIR_RDHUP : TAPIR_IN | TAPIR_RDHUP;
}

static void tcp_end(void *stream, bool abort)
{
	struct stream_tcp *s = stream;

	if (abort)
		tapir_abort(s->t, s->sock);
	else
		tapir_close(s->t, s->sock);
	s->mem.free(s->mem.ctx, s, sizeof(*s));
}

const struct dns_stream_ops dns_stream_tcp = {
	.open = tcp_open,
	.established = tcp_established,
	.send = tcp_send_bytes,
	.recv = tcp_recv_bytes,
	.want = tcp_want,
	.close = tcp_end,
};
