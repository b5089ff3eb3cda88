/*
 * The seam below queries over a stream: TCP here (stream_tcp.c); DNS over TLS (RFC 7858) brings another table from outside dns/.
 * A stream carries messages with two octets of length in front (RFC 1035 4.2.2), which is not its affair.
 */
#ifndef TAPIR_DNS_STREAM_H
#define TAPIR_DNS_STREAM_H

#include "stack/socket.h"

struct dns_stream_ops {
	/*
	 * Begins a connection. *sock is the socket to be watched for the bits that want() tells. The stream in *out, or a negative errno.
	 * `ctx` is the table's owner's (dns_conf.tls_ctx).
	 */
	int (*open)(void *ctx, struct tapir *t, const struct tapir_env *mem,
		    const struct tapir_sockaddr *to, void **out, tapir_sock_t *sock);
	/* 0: messages may be sent now; -EINPROGRESS: not yet; else why it never will. Called after each readiness. */
	int (*established)(void *stream);
	/* As tapir_send and tapir_recv: bytes, -EAGAIN, 0 at the end (recv), an error. */
	int64_t (*send)(void *stream, const void *buf, size_t len);
	int64_t (*recv)(void *stream, void *buf, size_t len);
	/* Bits of enum tapir_ready_bit to be woken for; `writing`: there is something to send. */
	uint32_t (*want)(void *stream, bool writing);
	/* Ends it: in order, or at once. The stream is gone. */
	void (*close)(void *stream, bool abort);
};

extern const struct dns_stream_ops dns_stream_tcp;

#endif
