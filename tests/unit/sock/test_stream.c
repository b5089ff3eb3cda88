/* Streams through the public calls, both ends in one instance over the loopback. */
#include "tests/unit/udp/util.h"

static tapir_sock_t tcp(void)
{
	tapir_sock_t s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);

	assert_true(s > 0);
	return s;
}

static tapir_sock_t listener(uint16_t port)
{
	tapir_sock_t s = tcp();

	assert_int_equal(bind_to(s, 0, port), 0);
	assert_int_equal(tapir_listen(w.t, s, 10), 0);
	return s;
}

static void pair(tapir_sock_t l, uint16_t port, tapir_sock_t *a, tapir_sock_t *b)
{
	*a = tcp();
	assert_int_equal(connect_to(*a, TAPIR_IP4(127, 0, 0, 1), port), -EINPROGRESS);
	tapir_flush(w.t);
	tapir_flush(w.t);
	*b = tapir_accept(w.t, l, NULL);
	assert_true(*b > 0);
	assert_int_equal(connect_to(*a, TAPIR_IP4(127, 0, 0, 1), port), -EISCONN);
}

TEST(a_connection_to_ourselves_carries_bytes_both_ways, "")
{
	tapir_sock_t l = listener(80), a, b;
	struct tapir_sockaddr sa, sb;
	struct iovec iov = {"hello", 5};
	char buf[16];

	pair(l, 80, &a, &b);
	assert_int_equal(tapir_getsockname(w.t, a, &sa), 0);
	assert_int_equal(tapir_getpeername(w.t, b, &sb), 0);
	assert_memory_equal(&sa.addr, &sb.addr, sizeof(sa.addr));
	assert_int_equal(sa.port, sb.port);
	assert_int_equal(tapir_send(w.t, a, &iov, 1, 0), 5);
	tapir_flush(w.t);
	assert_int_equal(recv_from(b, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(tapir_send(w.t, b, &iov, 1, 0), 5);
	tapir_flush(w.t);
	assert_int_equal(recv_from(a, buf, sizeof(buf)), 5);
	assert_int_equal(recv_from(a, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(tapir_shutdown(w.t, a, TAPIR_SHUT_WR), 0);
	tapir_flush(w.t);
	assert_int_equal(recv_from(b, buf, sizeof(buf)), 0);
	assert_int_equal(tapir_close(w.t, b), 0);
	tapir_flush(w.t);
	assert_int_equal(recv_from(a, buf, sizeof(buf)), 0);
	assert_int_equal(tapir_close(w.t, a), 0);
	assert_int_equal(tapir_close(w.t, a), -EBADF);
	expect_nothing();
	tapir_check(w.t);
}

TEST(megabytes_go_over_the_loopback_unchanged, "")
{
	static uint8_t out[1 << 20], in[1 << 20];
	tapir_sock_t l = listener(80), a, b;
	size_t sent = 0, got = 0;
	unsigned idle = 0;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 2654435761u >> 13);
	pair(l, 80, &a, &b);
	while (got < sizeof(in)) {
		struct iovec iov = {out + sent, sizeof(out) - sent};
		int64_t n = sent < sizeof(out) ? tapir_send(w.t, a, &iov, 1, 0) : 0;

		idle = n > 0 ? 0 : idle + 1;
		if (n > 0)
			sent += (size_t)n;
		tapir_flush(w.t);
		n = recv_from(b, in + got, sizeof(in) - got);
		if (n > 0) {
			got += (size_t)n;
			idle = 0;
		}
		tapir_flush(w.t);
		if (idle > 2)
			world_step(&w, 10 * WORLD_MS);
		assert_true(idle < 1000);
	}
	assert_memory_equal(in, out, sizeof(in));
	tapir_check(w.t);
}

TEST(a_refused_connection_says_so, "")
{
	tapir_sock_t a = tcp();

	assert_int_equal(connect_to(a, TAPIR_IP4(127, 0, 0, 1), 80), -EINPROGRESS);
	tapir_flush(w.t);
	assert_int_equal(tapir_poll(w.t, a) & TAPIR_ERR, TAPIR_ERR);
	assert_int_equal(so_error(a), ECONNREFUSED);
	assert_int_equal(so_error(a), 0);
}

TEST(a_listener_tells_of_connections_and_hands_them_out, "")
{
	tapir_sock_t l = listener(80), a[3], s;
	struct tapir_sockaddr peer, mine;
	struct tapir_ready ev[8];

	assert_int_equal(tapir_interest(w.t, l, TAPIR_IN, 9), 0);
	assert_int_equal(tapir_accept(w.t, l, NULL), -EAGAIN);
	for (int i = 0; i < 3; i++) {
		a[i] = tcp();
		assert_int_equal(connect_to(a[i], TAPIR_IP4(127, 0, 0, 1), 80), -EINPROGRESS);
	}
	assert_int_equal(tapir_ready_pop(w.t, ev, 8), 1);
	assert_int_equal(ev[0].sock, l);
	assert_int_equal(ev[0].cookie, 9);
	assert_int_equal(ev[0].bits, TAPIR_IN);
	for (int i = 0; i < 3; i++) {
		s = tapir_accept(w.t, l, &peer);
		assert_true(s > 0);
		tapir_getsockname(w.t, a[i], &mine);
		assert_int_equal(peer.port, mine.port);
	}
	assert_int_equal(tapir_accept(w.t, l, NULL), -EAGAIN);
	assert_int_equal(get_opt(l, TAPIR_SOL_SOCKET, TAPIR_SO_ACCEPTCONN), 1);
	assert_int_equal(tapir_close(w.t, l), 0);
	assert_int_equal(tapir_accept(w.t, l, NULL), -EBADF);
	tapir_check(w.t);
}

TEST(the_iterator_shows_every_socket_once, "")
{
	tapir_sock_t l = listener(80), a, b, u = bound(0, 7);
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info info;
	int n = 0, states = 0;

	pair(l, 80, &a, &b);
	while (tapir_sock_next(w.t, &it, &info) == 1) {
		assert_true(info.sock == l || info.sock == a || info.sock == b || info.sock == u);
		states += info.sock == l && info.state == TAPIR_TCP_LISTEN;
		states += info.sock == a && info.state == TAPIR_TCP_ESTABLISHED;
		states += info.sock == u && info.type == TAPIR_DGRAM;
		n++;
	}
	assert_int_equal(n, 4);
	assert_int_equal(states, 3);
	assert_int_equal(tapir_sock_next(w.t, &it, &info), 0);
	/* Closed ones show as records without a handle, then go. */
	tapir_close(w.t, a);
	world_step(&w, 100 * WORLD_MS);
	tapir_close(w.t, b);
	world_step(&w, 100 * WORLD_MS);
	it = (struct tapir_sock_iter){0};
	n = 0;
	while (tapir_sock_next(w.t, &it, &info) == 1)
		n += info.sock == 0 && info.state == TAPIR_TCP_TIME_WAIT;
	assert_int_equal(n, 1);
	world_step(&w, 61 * WORLD_S);
	it = (struct tapir_sock_iter){0};
	for (n = 0; tapir_sock_next(w.t, &it, &info) == 1; n++)
		assert_true(info.sock == l || info.sock == u);
	assert_int_equal(n, 2);
	/* A forged position ends. */
	it = (struct tapir_sock_iter){.stage = 77, .pos = 123456};
	assert_int_equal(tapir_sock_next(w.t, &it, &info), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RAW(a_connection_to_ourselves_carries_bytes_both_ways),
		RAW(megabytes_go_over_the_loopback_unchanged),
		RAW(a_refused_connection_says_so),
		RAW(a_listener_tells_of_connections_and_hands_them_out),
		RAW(the_iterator_shows_every_socket_once),
	};

	return tapir_test_run("unit/sock/test_stream", tests);
}
