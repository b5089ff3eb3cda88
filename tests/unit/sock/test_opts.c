/* Socket options: exact sizes, values in range, nothing ignored. */
#include <limits.h>

#include "tests/unit/udp/util.h"

enum { U = 1, T = 2, L = 4, ALL = 7 };
#define NONE (-1)

/* Each int option: where it is known, its limits, and what comes back for a value in range. */
static const struct opt {
	const char *text;
	int level, name;
	int where; /* U, T, L */
	int64_t min, max;
	int set, get;
} opts[] = {
	{"REUSEADDR", TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, ALL, INT_MIN, INT_MAX, 7, 1},
	{"REUSEPORT", TAPIR_SOL_SOCKET, TAPIR_SO_REUSEPORT, ALL, INT_MIN, INT_MAX, 1, 1},
	{"DONTROUTE", TAPIR_SOL_SOCKET, TAPIR_SO_DONTROUTE, ALL, INT_MIN, INT_MAX, -3, 1},
	{"BROADCAST", TAPIR_SOL_SOCKET, TAPIR_SO_BROADCAST, U, INT_MIN, INT_MAX, 1, 1},
	{"KEEPALIVE", TAPIR_SOL_SOCKET, TAPIR_SO_KEEPALIVE, T | L, INT_MIN, INT_MAX, 1, 1},
	{"OOBINLINE", TAPIR_SOL_SOCKET, TAPIR_SO_OOBINLINE, T | L, INT_MIN, INT_MAX, 1, 1},
	{"SNDBUF", TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, ALL, INT_MIN, INT_MAX, 10000, 20000},
	{"RCVBUF", TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, ALL, INT_MIN, INT_MAX, 10000, 20000},
	{"BINDTODEVICE", TAPIR_SOL_SOCKET, TAPIR_SO_BINDTODEVICE, ALL, 0, 2, 2, 2},
	{"TOS", TAPIR_SOL_IP, TAPIR_IP_TOS, ALL, INT_MIN, INT_MAX, 0xb8, 0xb8},
	{"TTL", TAPIR_SOL_IP, TAPIR_IP_TTL, ALL, -1, 255, 33, 33},
	{"RECVERR", TAPIR_SOL_IP, TAPIR_IP_RECVERR, ALL, INT_MIN, INT_MAX, 1, 1},
	{"MTU_DISCOVER", TAPIR_SOL_IP, TAPIR_IP_MTU_DISCOVER, U, 0, 3, 2, 2},
	{"MTU_DISCOVER", TAPIR_SOL_IP, TAPIR_IP_MTU_DISCOVER, T | L, 0, 5, 4, 4},
	{"MINTTL", TAPIR_SOL_IP, TAPIR_IP_MINTTL, T | L, 0, 255, 255, 255},
	{"MULTICAST_IF", TAPIR_SOL_IP, TAPIR_IP_MULTICAST_IF, U, 0, 2, 2, 2},
	{"MULTICAST_TTL", TAPIR_SOL_IP, TAPIR_IP_MULTICAST_TTL, U, -1, 255, 9, 9},
	{"MULTICAST_LOOP", TAPIR_SOL_IP, TAPIR_IP_MULTICAST_LOOP, U, INT_MIN, INT_MAX, 0, 0},
	{"NOFRAG", TAPIR_SOL_IP, TAPIR_IP_NOFRAG, U, INT_MIN, INT_MAX, 1, 1},
	{"NODELAY", TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, T | L, INT_MIN, INT_MAX, 1, 1},
	{"MAXSEG", TAPIR_SOL_TCP, TAPIR_TCP_MAXSEG, T | L, 0, 32767, 1000, 1000},
	{"CORK", TAPIR_SOL_TCP, TAPIR_TCP_CORK, T | L, INT_MIN, INT_MAX, 1, 1},
	{"KEEPIDLE", TAPIR_SOL_TCP, TAPIR_TCP_KEEPIDLE, T | L, 1, 32767, 10, 10},
	{"KEEPINTVL", TAPIR_SOL_TCP, TAPIR_TCP_KEEPINTVL, T | L, 1, 32767, 5, 5},
	{"KEEPCNT", TAPIR_SOL_TCP, TAPIR_TCP_KEEPCNT, T | L, 1, 127, 3, 3},
	{"SYNCNT", TAPIR_SOL_TCP, TAPIR_TCP_SYNCNT, T | L, 1, 127, 2, 2},
	{"LINGER2", TAPIR_SOL_TCP, TAPIR_TCP_LINGER2, T | L, INT_MIN, INT_MAX, 500, 120},
	{"QUICKACK", TAPIR_SOL_TCP, TAPIR_TCP_QUICKACK, T | L, INT_MIN, INT_MAX, 0, 0},
	{"USER_TIMEOUT", TAPIR_SOL_TCP, TAPIR_TCP_USER_TIMEOUT, T | L, 0, INT_MAX, 900, 900},
	{"RTO_MAX_MS", TAPIR_SOL_TCP, TAPIR_TCP_RTO_MAX_MS, T | L, 1000, 120000, 5000, 5000},
	{"RTO_MIN_US", TAPIR_SOL_TCP, TAPIR_TCP_RTO_MIN_US, T | L, 1001, 200000, 4500, 5000},
	{"DELACK_MAX_US", TAPIR_SOL_TCP, TAPIR_TCP_DELACK_MAX_US, T | L, 1001, 200000, 9000, 9000},
	{"NOTSENT_LOWAT", TAPIR_SOL_TCP, TAPIR_TCP_NOTSENT_LOWAT, T | L, INT_MIN, INT_MAX, 5, 5},
	{"DEFER_ACCEPT", TAPIR_SOL_TCP, TAPIR_TCP_DEFER_ACCEPT, T | L, INT_MIN, INT_MAX, 4, 7},
	{"WINDOW_CLAMP", TAPIR_SOL_TCP, TAPIR_TCP_WINDOW_CLAMP, T | L, INT_MIN, INT_MAX, 900, 1152},
	{"UTO", TAPIR_SOL_TCP, TAPIR_TCP_UTO, T | L, -1, 32767 * 60, 300, 300},
	{"FASTOPEN", TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN, T | L, 0, INT_MAX, 5, 5},
	{"FASTOPEN_NO_COOKIE", TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_NO_COOKIE, T | L, 0, 1, 1, 1},
	{"TYPE", TAPIR_SOL_SOCKET, TAPIR_SO_TYPE, NONE, 0, 0, 0, 0},
	{"ERROR", TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, NONE, 0, 0, 0, 0},
	{"ACCEPTCONN", TAPIR_SOL_SOCKET, TAPIR_SO_ACCEPTCONN, NONE, 0, 0, 0, 0},
	{"PROTOCOL", TAPIR_SOL_SOCKET, TAPIR_SO_PROTOCOL, NONE, 0, 0, 0, 0},
	{"DOMAIN", TAPIR_SOL_SOCKET, TAPIR_SO_DOMAIN, NONE, 0, 0, 0, 0},
	{"MTU", TAPIR_SOL_IP, TAPIR_IP_MTU, NONE, 0, 0, 0, 0},
	{"INFO", TAPIR_SOL_TCP, TAPIR_TCP_INFO, NONE, 0, 0, 0, 0},
};

static tapir_sock_t make(int kind)
{
	static uint16_t port = 100;
	tapir_sock_t s =
		tapir_socket(w.t, TAPIR_AF_INET, kind == U ? TAPIR_DGRAM : TAPIR_STREAM, 0);

	assert_true(s > 0);
	if (kind == L) {
		assert_int_equal(bind_to(s, 0, port++), 0);
		assert_int_equal(tapir_listen(w.t, s, 1), 0);
	}
	return s;
}

/* Whether a row is about this option of this kind of socket. */
static bool has_row(const struct opt *o, int kind)
{
	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		if (opts[i].level == o->level && opts[i].name == o->name && opts[i].where & kind)
			return true;
	}
	return false;
}

static void check_one(const struct opt *o, int kind)
{
	tapir_sock_t s;
	long long wide = o->set;
	size_t len = sizeof(int);
	int v;

	if (o->where != NONE && !(o->where & kind) && has_row(o, kind))
		return;
	s = make(kind);
	if (o->where == NONE || !(o->where & kind)) {
		assert_int_equal(set_opt(s, o->level, o->name, o->set), -ENOPROTOOPT);
		if (o->where != NONE)
			assert_int_equal(tapir_getsockopt(w.t, s, o->level, o->name, &v, &len),
					 -ENOPROTOOPT);
		tapir_close(w.t, s);
		return;
	}
	v = get_opt(s, o->level, o->name);
	/* A wrong size changes nothing. */
	for (size_t n = 0; n <= 8; n++) {
		if (n != 4)
			assert_int_equal(tapir_setsockopt(w.t, s, o->level, o->name, &wide, n),
					 -EINVAL);
	}
	if (o->min > INT_MIN)
		assert_int_equal(set_opt(s, o->level, o->name, (int)o->min - 1), -EINVAL);
	if (o->max < INT_MAX)
		assert_true(set_opt(s, o->level, o->name, (int)o->max + 1) < 0);
	assert_int_equal(get_opt(s, o->level, o->name), v);
	assert_int_equal(set_opt(s, o->level, o->name, o->set), 0);
	assert_int_equal(get_opt(s, o->level, o->name), o->get);
	len = 3;
	assert_int_equal(tapir_getsockopt(w.t, s, o->level, o->name, &v, &len), -EINVAL);
	tapir_close(w.t, s);
}

TEST(every_int_option_is_held_to_its_size_and_range, "RS-07")
{
	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		print_message("%s\n", opts[i].text);
		check_one(&opts[i], U);
		check_one(&opts[i], T);
		check_one(&opts[i], L);
	}
}

TEST(unknown_options_and_levels_are_refused, "RS-07")
{
	static const int kinds[] = {U, T, L};
	size_t n;

	for (int k = 0; k < 3; k++) {
		tapir_sock_t s = make(kinds[k]);

		for (int level = -2; level < 300; level++) {
			for (int name = -1; name < 70; name++) {
				bool known = false;
				int v = 1;

				for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++)
					known |= opts[i].level == level && opts[i].name == name;
				known |= level == TAPIR_SOL_SOCKET && name == TAPIR_SO_LINGER;
				known |=
					level == TAPIR_SOL_IP && (name == TAPIR_IP_ADD_MEMBERSHIP ||
								  name == TAPIR_IP_DROP_MEMBERSHIP);
				known |=
					level == TAPIR_SOL_TCP &&
					(name == TAPIR_TCP_CONGESTION ||
					 name == TAPIR_TCP_CC_INFO || name == TAPIR_TCP_TIMESTAMP ||
					 name == TAPIR_TCP_FASTOPEN_KEY ||
					 name == TAPIR_TCP_FASTOPEN_CONNECT);
				known |= level == TAPIR_SOL_SOCKET &&
					 (name == TAPIR_SO_MAX_PACING_RATE ||
					  name == TAPIR_SO_MEMINFO);
				if (known)
					continue;
				n = sizeof(v);
				assert_int_equal(set_opt(s, level, name, 1), -ENOPROTOOPT);
				assert_int_equal(tapir_getsockopt(w.t, s, level, name, &v, &n),
						 -ENOPROTOOPT);
			}
		}
	}
}

TEST(what_a_socket_is_can_be_asked, "")
{
	tapir_sock_t u = make(U), t = make(T), l = make(L);
	tapir_sock_t e = tapir_socket(w.t, 2, TAPIR_DGRAM, TAPIR_IPPROTO_ICMP);

	assert_int_equal(get_opt(u, TAPIR_SOL_SOCKET, TAPIR_SO_TYPE), TAPIR_DGRAM);
	assert_int_equal(get_opt(t, TAPIR_SOL_SOCKET, TAPIR_SO_TYPE), TAPIR_STREAM);
	assert_int_equal(get_opt(u, TAPIR_SOL_SOCKET, TAPIR_SO_PROTOCOL), 17);
	assert_int_equal(get_opt(t, TAPIR_SOL_SOCKET, TAPIR_SO_PROTOCOL), 6);
	assert_int_equal(get_opt(e, TAPIR_SOL_SOCKET, TAPIR_SO_PROTOCOL), 1);
	assert_int_equal(get_opt(l, TAPIR_SOL_SOCKET, TAPIR_SO_DOMAIN), TAPIR_AF_INET);
	assert_int_equal(get_opt(l, TAPIR_SOL_SOCKET, TAPIR_SO_ACCEPTCONN), 1);
	assert_int_equal(get_opt(t, TAPIR_SOL_SOCKET, TAPIR_SO_ACCEPTCONN), 0);
	assert_int_equal(get_opt(t, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF), 131072);
	assert_int_equal(get_opt(t, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF), 16384);
	assert_int_equal(get_opt(u, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF), 212992);
	assert_int_equal(get_opt(t, TAPIR_SOL_TCP, TAPIR_TCP_KEEPIDLE), 7200);
	assert_int_equal(get_opt(t, TAPIR_SOL_IP, TAPIR_IP_TTL), 64);
}

TEST(buffers_are_doubled_and_held_between_linuxs_limits, "")
{
	tapir_sock_t u = make(U);

	assert_int_equal(set_opt(u, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, 0), 0);
	assert_int_equal(get_opt(u, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF), 2304);
	assert_int_equal(set_opt(u, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, 1), 0);
	assert_int_equal(get_opt(u, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF), 4608);
	assert_int_equal(set_opt(u, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, INT_MAX), 0);
	assert_int_equal(get_opt(u, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF), 2 * 4194304);
}

TEST(linger_is_a_struct_of_two, "")
{
	struct tapir_linger l = {1, 5}, got = {9, 9};
	tapir_sock_t t = make(T), u = make(U);
	size_t n = sizeof(got);

	assert_int_equal(tapir_setsockopt(w.t, t, 1, TAPIR_SO_LINGER, &l, sizeof(l)), 0);
	assert_int_equal(tapir_getsockopt(w.t, t, 1, TAPIR_SO_LINGER, &got, &n), 0);
	assert_memory_equal(&l, &got, sizeof(l));
	assert_int_equal(tapir_setsockopt(w.t, t, 1, TAPIR_SO_LINGER, &l, 4), -EINVAL);
	l.linger = -1;
	assert_int_equal(tapir_setsockopt(w.t, t, 1, TAPIR_SO_LINGER, &l, sizeof(l)), -EINVAL);
	l.onoff = 0;
	assert_int_equal(tapir_setsockopt(w.t, t, 1, TAPIR_SO_LINGER, &l, sizeof(l)), 0);
	assert_int_equal(tapir_getsockopt(w.t, t, 1, TAPIR_SO_LINGER, &got, &n), 0);
	assert_int_equal(got.onoff, 0);
	assert_int_equal(tapir_setsockopt(w.t, u, 1, TAPIR_SO_LINGER, &l, sizeof(l)), -ENOPROTOOPT);
	n = 4;
	assert_int_equal(tapir_getsockopt(w.t, t, 1, TAPIR_SO_LINGER, &got, &n), -EINVAL);
}

TEST(congestion_control_goes_by_name, "")
{
	static const int kinds[] = {T, L};
	char name[16], unterminated[16];
	size_t n;

	memset(unterminated, 'x', 16);
	for (int k = 0; k < 2; k++) {
		tapir_sock_t s = make(kinds[k]);
		char first[16];

		n = sizeof(first);
		assert_int_equal(tapir_getsockopt(w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION,
						  first, &n),
				 0);
		assert_int_equal(n, 16);
		assert_int_equal(tapir_setsockopt(w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION,
						  first, strlen(first)),
				 0);
		n = 3;
		assert_int_equal(tapir_getsockopt(w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION, name,
						  &n),
				 0);
		assert_int_equal(n, 3);
		assert_memory_equal(name, first, 3);
		assert_int_equal(tapir_setsockopt(w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION,
						  "vegas!", 6),
				 -ENOENT);
		assert_int_equal(tapir_setsockopt(w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION,
						  unterminated, 16),
				 -EINVAL);
		assert_int_equal(tapir_setsockopt(w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION, "",
						  0),
				 -EINVAL);
		assert_int_equal(tapir_setsockopt(w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION,
						  unterminated, 17),
				 -EINVAL);
	}
}

TEST(info_is_cut_to_the_callers_room, "")
{
	struct tapir_tcp_info info;
	tapir_sock_t s = make(T), l = make(L), u = make(U);
	size_t n = sizeof(info);

	assert_int_equal(tapir_getsockopt(w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &n), 0);
	assert_int_equal(n, sizeof(info));
	assert_int_equal(info.state, TAPIR_TCP_CLOSED);
	n = 1;
	assert_int_equal(tapir_getsockopt(w.t, l, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(info.state, TAPIR_TCP_LISTEN);
	n = 0;
	assert_int_equal(tapir_getsockopt(w.t, l, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &n),
			 -EINVAL);
	n = 500;
	assert_int_equal(tapir_getsockopt(w.t, u, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &n),
			 -ENOPROTOOPT);
}

TEST(a_path_has_an_mtu_only_to_a_peer, "")
{
	tapir_sock_t u = make(U), t = make(T);
	size_t n = sizeof(int);
	int v;

	assert_int_equal(tapir_getsockopt(w.t, u, TAPIR_SOL_IP, TAPIR_IP_MTU, &v, &n), -ENOTCONN);
	assert_int_equal(tapir_getsockopt(w.t, t, TAPIR_SOL_IP, TAPIR_IP_MTU, &v, &n), -ENOTCONN);
	assert_int_equal(connect_to(u, WORLD_PEER, 9), 0);
	assert_int_equal(connect_to(t, WORLD_PEER, 9), -EINPROGRESS);
	assert_int_equal(get_opt(u, TAPIR_SOL_IP, TAPIR_IP_MTU), 1500);
	assert_int_equal(get_opt(t, TAPIR_SOL_IP, TAPIR_IP_MTU), 1500);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RAW(every_int_option_is_held_to_its_size_and_range),
		RAW(unknown_options_and_levels_are_refused),
		RAW(what_a_socket_is_can_be_asked),
		RAW(buffers_are_doubled_and_held_between_linuxs_limits),
		RAW(linger_is_a_struct_of_two),
		RAW(congestion_control_goes_by_name),
		RAW(info_is_cut_to_the_callers_room),
		RAW(a_path_has_an_mtu_only_to_a_peer),
	};

	return tapir_test_run("unit/sock/test_opts", tests);
}
