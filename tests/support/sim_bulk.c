/*
 * Applications that move data through the simulated world, each byte checked.
 *
 * A stream's bytes are a function of a key and their offset, so that both ends know them without a
 * copy, and a byte that is lost, doubled, swapped or changed shows where it is. How they are written
 * and read, and in what sizes, is drawn at random among all ways that the socket calls offer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "tests/support/sim.h"

enum { CHUNK = 65536 };

#define RETRY_NS SIM_MS /* after a call that lacked memory */

static uint64_t pattern_word(uint64_t key, uint64_t i)
{
	uint64_t z = key + i * UINT64_C(0x9e3779b97f4a7c15);

	z ^= z >> 32;
	z *= UINT64_C(0xd6e8feb86659fd93);
	return z ^ z >> 32;
}

void sim_pattern(uint64_t key, uint64_t off, uint8_t *p, size_t n)
{
	uint64_t w;

	for (; n > 0 && off % 8; n--, off++)
		*p++ = (uint8_t)(pattern_word(key, off / 8) >> (off % 8 * 8));
	for (; n >= 8; n -= 8, off += 8, p += 8) {
		w = pattern_word(key, off / 8);
		memcpy(p, &w, 8);
	}
	for (; n > 0; n--, off++)
		*p++ = (uint8_t)(pattern_word(key, off / 8) >> (off % 8 * 8));
}

size_t sim_pattern_diff(uint64_t key, uint64_t off, const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		uint64_t at = off + i, w = pattern_word(key, at / 8), got;

		if (at % 8 == 0 && n - i >= 8) {
			memcpy(&got, p + i, 8);
			if (got == w) {
				i += 8;
				continue;
			}
		}
		if (p[i] != (uint8_t)(w >> (at % 8 * 8)))
			return i;
		i++;
	}
	return n;
}

static void finish(struct sim_bulk *b, int err)
{
	struct sim *s = b->app.s;

	if (b->done)
		return;
	if (err && !b->conf.may_fail)
		sim_fail(s, "host %u: error %d (%s) after %llu sent, %llu received", b->app.host,
			 err, strerror(err), (unsigned long long)b->sent,
			 (unsigned long long)b->got);
	b->err = err;
	b->done = true;
	b->done_ns = s->now_ns;
	s->busy--;
	sim_app_timer(&b->app, TAPIR_NEVER);
	if (!b->conf.hold_open) {
		tapir_close(s->host[b->app.host].t, b->app.sock);
		b->app.sock = 0;
	}
}

/* Up to n bytes of the stream, by one of the ways to send. Returns as tapir_send(). */
static int64_t write_some(struct sim_bulk *b, size_t n)
{
	static _Thread_local uint8_t buf[CHUNK];
	struct tapir *t = b->app.s->host[b->app.host].t;
	struct iovec iov[3];
	int64_t r;
	int niov = 0;
	size_t at = 0;

	switch (rnd_below(&b->rnd, 3)) {
	case 0:
		sim_pattern(b->conf.key_send, b->sent, buf, n);
		return tapir_sendto(t, b->app.sock, buf, n, 0, NULL);
	case 1:
		sim_pattern(b->conf.key_send, b->sent, buf, n);
		for (; niov < 3; niov++) {
			size_t part =
				niov == 2 ? n - at : rnd_below(&b->rnd, (uint32_t)(n - at) + 1);

			iov[niov].iov_base = buf + at;
			iov[niov].iov_len = part;
			at += part;
		}
		return tapir_send(t, b->app.sock, iov, 3, 0);
	default:
		r = tapir_send_reserve(t, b->app.sock, n, iov, 3, &niov);
		if (r <= 0)
			return r;
		if ((size_t)r > n)
			sim_fail(b->app.s, "reserve gave %lld for %zu", (long long)r, n);
		for (int i = 0; i < niov; i++) {
			sim_pattern(b->conf.key_send, b->sent + at, iov[i].iov_base,
				    iov[i].iov_len);
			at += iov[i].iov_len;
		}
		sim_assert(b->app.s, at == (size_t)r);
		at = 1 + rnd_below(&b->rnd, (uint32_t)r);
		r = tapir_send_commit(t, b->app.sock, at, 0);
		if (r < 0)
			return r;
		return (int64_t)at;
	}
}

static uint64_t size_of(struct sim_bulk *b, uint32_t max)
{
	/* As many small ones as large ones. */
	uint32_t bits = 1 + rnd_below(&b->rnd, 17), limit = max ? max : CHUNK;
	uint32_t n = 1 + rnd_below(&b->rnd, 1u << (bits - 1));

	return n < limit ? n : limit;
}

/* A call that lacked memory has changed nothing, and is made again a little later. */
static bool no_memory(const struct sim_bulk *b, int64_t r)
{
	return b->app.s->alloc_failed > 0 && (r == -ENOMEM || r == -ENOBUFS);
}

static void do_write(struct sim_bulk *b)
{
	struct sim *s = b->app.s;

	if (s->now_ns < b->write_at_ns && b->sent == b->conf.send)
		return;
	while (b->sent < b->conf.send) {
		uint64_t n = size_of(b, b->conf.write_max);
		int64_t r;

		if (s->now_ns < b->write_at_ns)
			return;
		if (n > b->conf.send - b->sent)
			n = b->conf.send - b->sent;
		r = write_some(b, (size_t)n);
		if (r == -EAGAIN)
			return;
		if (no_memory(b, r)) {
			b->write_at_ns = s->now_ns + RETRY_NS;
			return;
		}
		if (r <= 0) {
			finish(b, (int)-r);
			return;
		}
		b->sent += (uint64_t)r;
		if (b->conf.write_pause_ns)
			b->write_at_ns = s->now_ns + b->conf.write_pause_ns;
	}
	if (!b->shut && (!b->conf.wait_eof || b->eof)) {
		int r;

		/* TIME-WAIT is given up without memory, as it must be: the end is not under test. */
		s->alloc_fail_ppm = 0;
		r = tapir_shutdown(s->host[b->app.host].t, b->app.sock, TAPIR_SHUT_WR);
		if (no_memory(b, r)) {
			b->write_at_ns = s->now_ns + RETRY_NS;
			return;
		}
		if (r < 0)
			finish(b, -r);
		b->shut = true;
	}
}

static void check_read(struct sim_bulk *b, const uint8_t *p, size_t n)
{
	size_t diff;

	if (b->got + n > b->conf.expect)
		sim_fail(b->app.s, "host %u: more than the %llu bytes that were sent", b->app.host,
			 (unsigned long long)b->conf.expect);
	diff = b->conf.ignore_content ? n : sim_pattern_diff(b->conf.key_expect, b->got, p, n);
	if (diff < n) {
		if (!b->conf.count_wrong)
			sim_fail(b->app.s, "host %u: byte %llu of the stream is wrong", b->app.host,
				 (unsigned long long)(b->got + diff));
		b->wrong++;
	}
	b->got += n;
	if (b->got_ns && b->app.s->now_ns - b->got_ns > b->stall_ns)
		b->stall_ns = b->app.s->now_ns - b->got_ns;
	b->got_ns = b->app.s->now_ns;
}

/* Up to n bytes, by one of the ways to receive. Returns as tapir_recv(). */
static int64_t read_some(struct sim_bulk *b, size_t n)
{
	static _Thread_local uint8_t buf[CHUNK];
	struct tapir *t = b->app.s->host[b->app.host].t;
	struct iovec iov[3];
	size_t first;
	int niov = 0;
	int64_t r;

	switch (rnd_below(&b->rnd, 3)) {
	case 0:
		r = tapir_recvfrom(t, b->app.sock, buf, n, 0, NULL);
		break;
	case 1:
		first = rnd_below(&b->rnd, (uint32_t)n + 1);
		iov[0] = (struct iovec){buf, first};
		iov[1] = (struct iovec){buf + first, n - first};
		r = tapir_recv(t, b->app.sock, iov, 2, 0);
		break;
	default:
		r = tapir_recv_peek(t, b->app.sock, iov, 3, &niov);
		if (r <= 0)
			return r;
		if ((uint64_t)r > n)
			r = (int64_t)n;
		for (int64_t left = r, i = 0; left > 0; i++) {
			size_t part = iov[i].iov_len < (size_t)left ? iov[i].iov_len : (size_t)left;

			sim_assert(b->app.s, i < niov);
			check_read(b, iov[i].iov_base, part);
			left -= (int64_t)part;
		}
		sim_assert(b->app.s, tapir_recv_consume(t, b->app.sock, (size_t)r) == 0);
		return r;
	}
	if (r > 0) {
		sim_assert(b->app.s, (size_t)r <= n);
		check_read(b, buf, (size_t)r);
	}
	return r;
}

static void do_read(struct sim_bulk *b)
{
	struct sim *s = b->app.s;

	while (!b->eof && !b->done) {
		int64_t r;

		if (s->now_ns < b->read_at_ns)
			return;
		r = read_some(b, (size_t)size_of(b, b->conf.read_max));
		if (r == -EAGAIN)
			return;
		if (no_memory(b, r)) {
			b->read_at_ns = s->now_ns + RETRY_NS;
			return;
		}
		if (r < 0) {
			finish(b, (int)-r);
			return;
		}
		if (r == 0) {
			b->eof = true;
			if (b->got != b->conf.expect && !b->conf.may_fail)
				sim_fail(s, "host %u: stream ends after %llu of %llu bytes",
					 b->app.host, (unsigned long long)b->got,
					 (unsigned long long)b->conf.expect);
		}
		if (b->conf.read_pause_ns)
			b->read_at_ns = s->now_ns + b->conf.read_pause_ns;
	}
}

static void on_bulk(struct sim_app *a, uint32_t bits)
{
	struct sim_bulk *b = (struct sim_bulk *)a;
	struct tapir *t = a->s->host[a->host].t;
	uint64_t wake = TAPIR_NEVER;

	if (b->done)
		return;
	if (bits & TAPIR_ERR) {
		int err = 0;
		size_t len = sizeof(err);

		tapir_getsockopt(t, a->sock, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &err, &len);
		if (err) {
			finish(b, err);
			return;
		}
	}
	if (bits & TAPIR_OUT)
		b->connected = true;
	if (!b->connected)
		return;
	do_write(b);
	if (!b->done)
		do_read(b);
	if (!b->done && b->eof && !b->shut)
		do_write(b);
	if (!b->done && b->eof && b->shut)
		finish(b, 0);
	if (b->done)
		return;
	if (!b->shut && b->write_at_ns > a->s->now_ns)
		wake = b->write_at_ns;
	if (!b->eof && b->read_at_ns > a->s->now_ns && b->read_at_ns < wake)
		wake = b->read_at_ns;
	sim_app_timer(a, wake);
}

static void end_bulk(struct sim_app *a)
{
	struct sim_bulk *b = (struct sim_bulk *)a;

	if (!b->done)
		a->s->busy--;
	if (a->sock)
		tapir_close(a->s->host[a->host].t, a->sock);
	free(a);
}

void sim_options(struct sim *s, unsigned host, tapir_sock_t sock, const struct sim_bulk_conf *conf)
{
	struct tapir *t = s->host[host].t;
	int one = 1, rcv = (int)conf->rcvbuf, snd = (int)conf->sndbuf;

	if (rcv)
		sim_assert(s, tapir_setsockopt(t, sock, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, &rcv,
					       sizeof(rcv)) == 0);
	if (snd)
		sim_assert(s, tapir_setsockopt(t, sock, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, &snd,
					       sizeof(snd)) == 0);
	if (conf->nodelay)
		sim_assert(s, tapir_setsockopt(t, sock, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, &one,
					       sizeof(one)) == 0);
	if (conf->linger.onoff)
		sim_assert(s, tapir_setsockopt(t, sock, TAPIR_SOL_SOCKET, TAPIR_SO_LINGER,
					       &conf->linger, sizeof(conf->linger)) == 0);
	if (conf->cc)
		sim_assert(s, tapir_setsockopt(t, sock, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION,
					       conf->cc, strlen(conf->cc)) == 0);
}

struct sim_bulk *sim_bulk(struct sim *s, unsigned host, tapir_sock_t sock,
			  const struct sim_bulk_conf *conf)
{
	struct sim_bulk *b = calloc(1, sizeof(*b));

	TAPIR_ASSERT(b);
	b->conf = *conf;
	b->rnd.state = rnd_u64(&s->rnd);
	b->app.on = on_bulk;
	b->app.end = end_bulk;
	s->busy++;
	sim_app_add(s, &b->app, host, sock, TAPIR_IN | TAPIR_OUT | TAPIR_RDHUP);
	return b;
}

struct sim_bulk *sim_connect(struct sim *s, unsigned host, unsigned to, uint16_t port,
			     const struct sim_bulk_conf *conf)
{
	struct tapir *t = s->host[host].t;
	struct tapir_sockaddr sa = sim_addr(s, to, port);
	tapir_sock_t sock = tapir_socket(t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	struct sim_bulk *b;
	int r;

	sim_assert(s, sock > 0);
	sim_options(s, host, sock, conf);
	r = tapir_connect(t, sock, &sa);
	b = sim_bulk(s, host, sock, conf);
	if (r < 0 && r != -EINPROGRESS)
		finish(b, -r);
	return b;
}

static void on_listener(struct sim_app *a, uint32_t bits)
{
	struct sim_listener *l = (struct sim_listener *)a;
	tapir_sock_t sock;

	sim_assert(a->s, !(bits & TAPIR_ERR));
	while ((sock = tapir_accept(a->s->host[a->host].t, a->sock, NULL)) > 0) {
		l->accepted++;
		sim_options(a->s, a->host, sock, &l->conf);
		l->last = sim_bulk(a->s, a->host, sock, &l->conf);
		l->last->connected = true;
	}
	if (a->s->alloc_failed && (sock == -ENOMEM || sock == -ENOBUFS))
		sim_app_timer(a, a->s->now_ns + RETRY_NS);
	else if (sock != -EAGAIN)
		sim_fail(a->s, "accept: %lld", (long long)sock);
}

static void end_listener(struct sim_app *a)
{
	if (a->sock)
		tapir_close(a->s->host[a->host].t, a->sock);
	free(a);
}

struct sim_listener *sim_listen(struct sim *s, unsigned host, uint16_t port, int backlog,
				const struct sim_bulk_conf *conf)
{
	struct sim_listener *l = calloc(1, sizeof(*l));
	struct tapir *t = s->host[host].t;
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, port);
	tapir_sock_t sock = tapir_socket(t, TAPIR_AF_INET, TAPIR_STREAM, 0);

	TAPIR_ASSERT(l);
	sim_assert(s, sock > 0);
	l->conf = *conf;
	l->app.on = on_listener;
	l->app.end = end_listener;
	sim_options(s, host, sock, conf);
	sim_assert(s, tapir_bind(t, sock, &sa) == 0);
	sim_assert(s, tapir_listen(t, sock, backlog) == 0);
	sim_app_add(s, &l->app, host, sock, TAPIR_IN);
	return l;
}

struct sim_bulk *sim_bulk_pair(struct sim *s, uint64_t up, uint64_t down,
			       struct sim_listener **listener)
{
	struct sim_bulk_conf c = {.send = up, .expect = down, .key_send = 11, .key_expect = 22};
	struct sim_bulk_conf d = {.send = down, .expect = up, .key_send = 22, .key_expect = 11};
	struct sim_listener *l = sim_listen(s, 1, 80, 16, &d);

	if (listener)
		*listener = l;
	return sim_connect(s, 0, 1, 80, &c);
}
