/* Any call, with any handle and any argument, is answered with an error code. */
#include <limits.h>

#include "stack/core/instance.h"
#include "stack/sock/sock.h"
#include "tests/support/rnd.h"
#include "tests/unit/udp/util.h"

static tapir_sock_t tcp(void)
{
	return tapir_socket(w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
}

TEST(only_what_exists_can_be_made, "")
{
	assert_int_equal(tapir_socket(w.t, 10, TAPIR_STREAM, 0), -EAFNOSUPPORT);
	assert_int_equal(tapir_socket(w.t, 2, 3, 0), -EPROTONOSUPPORT);
	assert_int_equal(tapir_socket(w.t, 2, TAPIR_STREAM, 17), -EPROTONOSUPPORT);
	assert_int_equal(tapir_socket(w.t, 2, TAPIR_DGRAM, 6), -EPROTONOSUPPORT);
	assert_int_equal(tapir_socket(w.t, -1, -1, -1), -EAFNOSUPPORT);
}

TEST(a_stale_or_forged_handle_names_nothing, "RS-07")
{
	tapir_sock_t s = udp(), again;
	static const int64_t forged[] = {0,	    -1,
					 1,	    2,
					 0xffffff,  INT64_MIN,
					 INT64_MAX, 1ll << 24,
					 1ll << 56, (1ll << 24) | 77};
	size_t len = 4;
	int v;

	assert_int_equal(tapir_close(w.t, s), 0);
	again = udp();
	/* The place is the same, the handle is not. */
	assert_int_equal(again & 0xffffff, s & 0xffffff);
	assert_true(again != s);
	assert_int_equal(tapir_poll(w.t, s), -EBADF);
	assert_int_equal(tapir_close(w.t, s), -EBADF);
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		tapir_sock_t f = forged[i];
		struct tapir_sockaddr sa = {0};
		struct iovec iov = {&v, 4};

		if (f == again)
			continue;
		assert_int_equal(tapir_bind(w.t, f, &sa), -EBADF);
		assert_int_equal(tapir_listen(w.t, f, 1), -EBADF);
		assert_int_equal(tapir_accept(w.t, f, NULL), -EBADF);
		assert_int_equal(tapir_connect(w.t, f, &sa), -EBADF);
		assert_int_equal(tapir_send(w.t, f, &iov, 1, 0), -EBADF);
		assert_int_equal(tapir_recv(w.t, f, &iov, 1, 0), -EBADF);
		assert_int_equal(tapir_shutdown(w.t, f, 0), -EBADF);
		assert_int_equal(tapir_close(w.t, f), -EBADF);
		assert_int_equal(tapir_abort(w.t, f), -EBADF);
		assert_int_equal(tapir_setsockopt(w.t, f, 1, 2, &v, 4), -EBADF);
		assert_int_equal(tapir_getsockopt(w.t, f, 1, 2, &v, &len), -EBADF);
		assert_int_equal(tapir_getsockname(w.t, f, &sa), -EBADF);
		assert_int_equal(tapir_getpeername(w.t, f, &sa), -EBADF);
		assert_int_equal(tapir_interest(w.t, f, 1, 1), -EBADF);
		assert_int_equal(tapir_recv_consume(w.t, f, 1), -EBADF);
		assert_int_equal(tapir_send_commit(w.t, f, 1, 0), -EBADF);
		assert_int_equal(tapir_recv_held(w.t, f, 1), -EBADF);
		assert_int_equal(tapir_recv_peek(w.t, f, &iov, 1, &v), -EBADF);
		assert_int_equal(tapir_send_reserve(w.t, f, 1, &iov, 1, &v), -EBADF);
	}
}

TEST(a_handle_never_comes_back, "")
{
	tapir_sock_t first = udp(), s = first;
	struct sock *place = sock_find(w.t, s);

	/* A place that has been through all its generations is left alone. */
	place->gen = UINT32_MAX;
	uint32_t index = place->index;
	struct ready *r = sock_ready(w.t, place);
	r->sock = sock_handle(place);
	s = sock_handle(place);
	assert_true(s > 0);
	assert_int_equal(tapir_poll(w.t, s), TAPIR_OUT);
	assert_int_equal(tapir_close(w.t, s), 0);
	s = udp();
	assert_true((s & 0xffffff) != index + 1);
	assert_int_equal(tapir_poll(w.t, first), -EBADF);
	tapir_check(w.t);
}

TEST(the_table_grows_without_moving_and_has_a_limit, "")
{
	static tapir_sock_t s[3000];
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info info;
	struct sock *first;
	int n = 0;

	assert_int_equal(tapir_sysctl(w.t, "net.tapir.max_sockets", 0, 3000), 0);
	for (int i = 0; i < 3000; i++) {
		s[i] = udp();
		if (i == 0)
			first = sock_find(w.t, s[0]);
	}
	assert_ptr_equal(sock_find(w.t, s[0]), first);
	assert_int_equal(tapir_socket(w.t, 2, TAPIR_DGRAM, 0), -ENFILE);
	assert_int_equal(world_stat(&w, STAT_Tapir_SocketTableFull), 1);
	while (tapir_sock_next(w.t, &it, &info))
		assert_int_equal(info.sock, s[n++]);
	assert_int_equal(n, 3000);
	for (int i = 0; i < 3000; i += 2)
		assert_int_equal(tapir_close(w.t, s[i]), 0);
	for (int i = 1; i < 3000; i += 2)
		assert_int_equal(tapir_poll(w.t, s[i]), TAPIR_OUT);
	assert_true(udp() > 0);
}

TEST(bad_pointers_and_counts_are_answered, "RS-07")
{
	static struct iovec many[1025];
	tapir_sock_t u = bound(0, 7), c = tcp();
	struct iovec null = {NULL, 1}, huge[2] = {{&null, SIZE_MAX / 2}, {&null, SIZE_MAX / 2}};
	struct tapir_sockaddr v6 = {.addr = {{0x20, 1}}, .port = 1};
	int v = 0;

	connect_to(u, WORLD_PEER, 9);
	for (int i = 0; i < 2; i++) {
		tapir_sock_t s = i ? c : u;

		assert_int_equal(tapir_send(w.t, s, NULL, 1, 0), -EFAULT);
		assert_int_equal(tapir_send(w.t, s, &null, 1, 0), -EFAULT);
		assert_int_equal(tapir_send(w.t, s, &null, -1, 0), -EINVAL);
		assert_int_equal(tapir_send(w.t, s, many, 1025, 0), -EMSGSIZE);
		assert_int_equal(tapir_send(w.t, s, huge, 2, 0), -EINVAL);
		assert_int_equal(tapir_recv(w.t, s, NULL, 1, 0), -EFAULT);
		assert_int_equal(tapir_recv(w.t, s, &null, 1, 0), -EFAULT);
		assert_int_equal(tapir_recv(w.t, s, &null, INT_MIN, 0), -EINVAL);
		assert_int_equal(tapir_recv(w.t, s, many, INT_MAX, 0), -EMSGSIZE);
		assert_int_equal(tapir_recv(w.t, s, many, 1, 0x10000000), -EINVAL);
		assert_int_equal(tapir_bind(w.t, s, NULL), -EFAULT);
		assert_int_equal(tapir_bind(w.t, s, &v6), -EAFNOSUPPORT);
		assert_int_equal(tapir_connect(w.t, s, NULL), -EFAULT);
		assert_int_equal(tapir_connect(w.t, s, &v6), -EAFNOSUPPORT);
		assert_int_equal(tapir_getsockname(w.t, s, NULL), -EFAULT);
		assert_int_equal(tapir_getpeername(w.t, s, NULL), -EFAULT);
		assert_int_equal(tapir_setsockopt(w.t, s, 1, 2, NULL, 4), -EFAULT);
		assert_int_equal(tapir_getsockopt(w.t, s, 1, 2, NULL, NULL), -EFAULT);
		assert_int_equal(tapir_getsockopt(w.t, s, 1, 2, &v, NULL), -EFAULT);
		assert_int_equal(tapir_interest(w.t, s, 0x80000000u, 0), -EINVAL);
		assert_int_equal(tapir_shutdown(w.t, s, 99), -EINVAL);
	}
	assert_int_equal(tapir_send_reserve(w.t, c, 1, NULL, 1, &v), -EFAULT);
	assert_int_equal(tapir_send_reserve(w.t, c, 1, many, 0, &v), -EINVAL);
	assert_int_equal(tapir_recv_peek(w.t, c, many, 1, NULL), -EFAULT);
	assert_int_equal(tapir_recv_peek(w.t, c, many, -1, &v), -EINVAL);
	assert_int_equal(tapir_send_reserve(w.t, u, 1, many, 2, &v), -EOPNOTSUPP);
	assert_int_equal(tapir_recv_peek(w.t, u, many, 2, &v), -EOPNOTSUPP);
	assert_int_equal(tapir_recv_held(w.t, u, 1), -EOPNOTSUPP);
	assert_int_equal(tapir_listen(w.t, u, 1), -EOPNOTSUPP);
	assert_int_equal(tapir_accept(w.t, u, NULL), -EOPNOTSUPP);
	assert_int_equal(tapir_accept(w.t, c, NULL), -EINVAL);
	assert_int_equal(tapir_sock_next(w.t, NULL, NULL), -EFAULT);
	assert_int_equal(tapir_netif_add(w.t, NULL), -EINVAL);
	assert_int_equal(tapir_addr_add(w.t, w.ifi, NULL, 24), -EINVAL);
	assert_int_equal(tapir_route_add(w.t, NULL), -EINVAL);
}

/* One random call with random arguments, of which some make sense. */
static void random_call(struct rnd *r, tapir_sock_t *s, size_t n)
{
	static uint8_t buf[4096];
	tapir_sock_t *at = &s[rnd_below(r, (uint32_t)n)], h = *at;
	uint32_t where = rnd_below(r, 4);
	struct tapir_sockaddr sa =
		tapir_sockaddr_v4(where == 0   ? WORLD_PEER
				  : where == 1 ? TAPIR_IP4(127, 0, 0, 1)
				  : where == 2 ? WORLD_US
					       : 0,
				  (uint16_t)(rnd_below(r, 4) ? 3 + rnd_below(r, 2) : 0));
	struct iovec iov[2] = {{buf, rnd_below(r, 3000)}, {buf, rnd_below(r, 3)}};
	struct tapir_msg m = {.peer = sa, .tos = (int)rnd_below(r, 300) - 2};
	struct tapir_ready ev[4];
	size_t len = rnd_below(r, 40);
	int v, niov;

	memset(buf, 0, 64);
	switch (rnd_below(r, 24)) {
	case 0:
	case 1:
		if (tapir_poll(w.t, h) < 0)
			*at = tapir_socket(w.t, 2, 1 + (int)rnd_below(r, 2),
					   rnd_below(r, 8) == 0 ? 1 : 0);
		break;
	case 2:
		tapir_bind(w.t, h, &sa);
		break;
	case 3:
		tapir_listen(w.t, h, (int)rnd_below(r, 5) - 1);
		break;
	case 4:
		h = tapir_accept(w.t, h, &sa);
		if (h > 0 && tapir_poll(w.t, *at) >= 0) {
			tapir_close(w.t, *at);
			*at = h;
		}
		break;
	case 5:
	case 6:
		tapir_connect(w.t, h, &sa);
		break;
	case 7:
	case 8:
		tapir_send(w.t, h, iov, 2, rnd_below(r, 4) ? 0 : 1 << rnd_below(r, 17));
		break;
	case 9:
		tapir_sendmsg(w.t, h, iov, (int)rnd_below(r, 3), 0, &m);
		break;
	case 10:
	case 11:
		tapir_recvmsg(w.t, h, iov, 2, rnd_below(r, 4) ? 0 : 1 << rnd_below(r, 17), &m);
		break;
	case 12:
		tapir_shutdown(w.t, h, (int)rnd_below(r, 4));
		break;
	case 13:
		if (rnd_below(r, 3) == 0)
			tapir_close(w.t, h);
		break;
	case 14:
		if (rnd_below(r, 5) == 0)
			tapir_abort(w.t, h);
		break;
	case 15:
	case 16:
		v = rnd_below(r, 2) ? (int)rnd_below(r, 3) : (int)rnd_u32(r);
		memcpy(buf, &v, sizeof(v));
		tapir_setsockopt(w.t, h, (int)rnd_below(r, 8), (int)rnd_below(r, 40), buf,
				 rnd_below(r, 3) ? 4 : len);
		break;
	case 17:
		tapir_getsockopt(w.t, h, (int)rnd_below(r, 8), (int)rnd_below(r, 40), buf, &len);
		break;
	case 18:
		tapir_interest(w.t, h, rnd_below(r, 32) | (rnd_below(r, 2) ? TAPIR_RDHUP : 0), 7);
		break;
	case 19:
		if (tapir_send_reserve(w.t, h, rnd_below(r, 5000), iov, (int)rnd_below(r, 3),
				       &niov) > 0)
			tapir_send_commit(w.t, h, rnd_below(r, 6000), 0);
		break;
	case 20:
		if (tapir_recv_peek(w.t, h, iov, (int)rnd_below(r, 3), &niov) > 0)
			tapir_recv_consume(w.t, h, rnd_below(r, 6000));
		break;
	case 21:
		tapir_recv_held(w.t, h, rnd_below(r, 100000));
		break;
	case 22:
		world_step(&w, (uint64_t)rnd_below(r, 300) * WORLD_MS);
		break;
	case 23:
		tapir_ready_pop(w.t, ev, rnd_below(r, 5));
		if (rnd_below(r, 2))
			tapir_tx_done(w.t, w.ifi, rnd_below(r, 40));
		break;
	}
}

/* All closed, then a listener, a stream to it, and what follows from there. */
static void begin_again(tapir_sock_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tapir_close(w.t, s[i]);
	s[0] = tcp();
	set_opt(s[0], TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, 1);
	bind_to(s[0], 0, 3);
	tapir_listen(w.t, s[0], 5);
	s[1] = tcp();
	connect_to(s[1], WORLD_US, 3);
	tapir_flush(w.t);
	tapir_flush(w.t);
	s[2] = tapir_accept(w.t, s[0], NULL);
	s[3] = udp();
	bind_to(s[3], 0, 4);
}

TEST(any_sequence_of_calls_is_survived, "RS-07 FR-01")
{
	tapir_sock_t s[12] = {0};
	struct rnd r = {4711};

	for (int i = 0; i < 200000; i++) {
		if (i % 200 == 0)
			begin_again(s, 12);
		random_call(&r, s, 12);
		if (i % 8 == 0)
			tapir_check(w.t);
	}
	/* That the calls did meet life: else the numbers above want changing. */
	assert_true(world_stat(&w, STAT_Tcp_PassiveOpens) > 100);
	assert_true(world_stat(&w, STAT_Tcp_EstabResets) > 20);
	assert_true(world_stat(&w, STAT_Udp_InDatagrams) > 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RAW(only_what_exists_can_be_made),
		RAW(a_stale_or_forged_handle_names_nothing),
		RAW(a_handle_never_comes_back),
		RAW(the_table_grows_without_moving_and_has_a_limit),
		RAW(bad_pointers_and_counts_are_answered),
		RAW(any_sequence_of_calls_is_survived),
	};

	return tapir_test_run("unit/sock/test_misuse", tests);
}
