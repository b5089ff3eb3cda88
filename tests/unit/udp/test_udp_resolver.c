/*
 * What a resolver asks of its sockets: a new one with a port of its own choice for each query, connected, so that nothing
 * reaches it but the whole tuple; no fragments; no word from ICMP but about what it sent; and nobody who tries ports
 * from afar learns which is in use.
 */
#include <stdlib.h>

#include "tests/support/rnd.h"
#include "tests/unit/udp/util.h"

#define SERVER	 TAPIR_IP4(198, 51, 100, 53)
#define OTHER	 TAPIR_IP4(198, 51, 100, 54)
#define ATTACKER TAPIR_IP4(203, 0, 113, 66)
#define SECOND	 TAPIR_IP4(192, 0, 2, 3) /* another address of ours */
#define MDNS	 TAPIR_IP4(224, 0, 0, 251)

/* A query's socket: that port, connected to the server, and the query is on its way. */
static tapir_sock_t asking(uint16_t port, uint32_t server)
{
	tapir_sock_t s = bound(0, port);

	assert_int_equal(connect_to(s, server, 53), 0);
	assert_int_equal(tapir_sendto(w.t, s, "0123456789012345678901234567", 28, 0, NULL), 28);
	return s;
}

static void drain(void)
{
	while (world_pop(&w, frame, sizeof(frame)))
		;
}

/* A datagram from the server, in two fragments. */
static void push_in_fragments(uint16_t dport, uint16_t id)
{
	static uint8_t whole[1300], piece[1300], data[1200];
	size_t n = world_udp(whole, SERVER, WORLD_US, 53, dport, data, sizeof(data));

	for (size_t off = 20; off < n; off += 800) {
		size_t len = n - off < 800 ? n - off : 800;
		bool more = off + len < n;

		memcpy(piece, whole, 20);
		memcpy(piece + 20, whole + off, len);
		piece[2] = (uint8_t)((20 + len) >> 8);
		piece[3] = (uint8_t)(20 + len);
		piece[4] = (uint8_t)(id >> 8);
		piece[5] = (uint8_t)id;
		piece[6] = (uint8_t)((more ? 0x20 : 0) | (off - 20) >> 11);
		piece[7] = (uint8_t)((off - 20) >> 3);
		piece[10] = piece[11] = 0;
		uint16_t c = world_cksum(piece, 20, 0);
		piece[10] = (uint8_t)(c >> 8);
		piece[11] = (uint8_t)c;
		assert_int_equal(world_push_ip(&w, piece, 20 + len), 0);
	}
}

TEST(a_socket_may_refuse_what_came_in_fragments, "DN-05")
{
	tapir_sock_t s = asking(5353, SERVER);
	uint64_t errors = world_stat(&w, STAT_Udp_InErrors);
	char buf[2000];

	push_in_fragments(5353, 1);
	assert_int_equal(recv_from(s, buf, sizeof(buf)), 1200);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_NOFRAG, 1), 0);
	push_in_fragments(5353, 2);
	assert_int_equal(recv_from(s, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(world_drops(&w, DROP_UDP_FRAG), 1);
	assert_int_equal(world_stat(&w, STAT_Udp_InErrors), errors + 1);
	/* Silence: no error earns the sender knowledge. What comes whole is received as ever. */
	drain();
	push_udp(SERVER, 53, WORLD_US, 5353, buf, 1200);
	assert_int_equal(recv_from(s, buf, sizeof(buf)), 1200);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_NOFRAG, 0), 0);
	push_in_fragments(5353, 3);
	assert_int_equal(recv_from(s, buf, sizeof(buf)), 1200);
}

TEST(a_connected_socket_hears_the_whole_tuple_and_nothing_else, "D5452-1 D5452-2")
{
	static const struct {
		uint32_t src;
		uint16_t sport;
		uint32_t dst;
		uint16_t dport;
	} others[] = {
		{OTHER, 53, WORLD_US, 40000},	 {SERVER, 54, WORLD_US, 40000},
		{SERVER, 0, WORLD_US, 40000},	 {SERVER, 53, WORLD_US, 40001},
		{SERVER, 53, SECOND, 40000},	 {SERVER, 53, WORLD_BC, 40000},
		{SERVER, 53, UINT32_MAX, 40000}, {SERVER, 53, TAPIR_IP4(224, 0, 0, 1), 40000},
		{SERVER, 40000, WORLD_US, 53},	 {WORLD_US, 53, WORLD_US, 40000},
		{ATTACKER, 53, WORLD_US, 40000}, {SERVER, 53, TAPIR_IP4(127, 0, 0, 1), 40000},
		{SERVER, 53, 0, 40000},
	};
	tapir_sock_t s, us = bound(WORLD_US, 53), lo;
	char buf[8];

	assert_true(tapir_addr_add(w.t, w.ifi, &(struct tapir_addr){0}, 24) < 0);
	{
		struct tapir_addr a = tapir_addr_v4(SECOND);

		assert_int_equal(tapir_addr_add(w.t, w.ifi, &a, 24), 0);
	}
	s = asking(40000, SERVER);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		push_udp(others[i].src, others[i].sport, others[i].dst, others[i].dport, "x", 1);
		assert_int_equal(recv_from(s, buf, 8), -EAGAIN);
		assert_int_equal(so_error(s), 0);
	}
	/* Nor from our own side: another socket of ours, over loopback, by either of our addresses. */
	lo = bound(0, 54);
	assert_int_equal(send_to(us, WORLD_US, 40000, "x", 1), 1);
	assert_int_equal(send_to(us, SECOND, 40000, "x", 1), 1);
	assert_int_equal(send_to(lo, TAPIR_IP4(127, 0, 0, 1), 40000, "x", 1), 1);
	assert_int_equal(recv_from(s, buf, 8), -EAGAIN);
	assert_int_equal(so_error(s), 0);
	push_udp(SERVER, 53, WORLD_US, 40000, "x", 1);
	assert_int_equal(recv_from(s, buf, 8), 1);
}

TEST(an_error_counts_for_the_socket_that_sent_what_it_quotes, "R5927-6")
{
	tapir_sock_t s = bound(0, 40000), other = asking(40001, OTHER);

	assert_int_equal(connect_to(s, SERVER, 53), 0);
	/* Nothing was sent yet. */
	push_icmp_err(SERVER, 3, 3, 0, 17, WORLD_US, 40000, SERVER, 53, 56);
	assert_int_equal(world_drops(&w, DROP_ICMP_NOT_SENT), 1);
	assert_int_equal(tapir_sendto(w.t, s, "x", 1, 0, NULL), 1);
	push_icmp_err(SERVER, 3, 3, 0, 17, WORLD_US, 40000, SERVER, 54, 29);
	push_icmp_err(SERVER, 3, 3, 0, 17, WORLD_US, 40000, OTHER, 53, 29);
	push_icmp_err(SERVER, 3, 3, 0, 17, WORLD_US, 40001, SERVER, 53, 29);
	push_icmp_err(SERVER, 3, 3, 0, 6, WORLD_US, 40000, SERVER, 53, 40);
	assert_int_equal(so_error(s), 0);
	assert_int_equal(so_error(other), 0);
	push_icmp_err(SERVER, 3, 3, 0, 17, WORLD_US, 40000, SERVER, 53, 29);
	assert_int_equal(so_error(s), ECONNREFUSED);
	assert_int_equal(so_error(other), 0);
	/* With another peer it begins anew. */
	assert_int_equal(connect_to(s, OTHER, 53), 0);
	push_icmp_err(OTHER, 3, 3, 0, 17, WORLD_US, 40000, OTHER, 53, 29);
	assert_int_equal(so_error(s), 0);
	assert_int_equal(world_drops(&w, DROP_ICMP_NOT_SENT), 2);
}

TEST(ports_tried_by_fragmentation_needed_and_redirects_leave_no_trace, "DN-04 IC-02")
{
	tapir_sock_t s = asking(33333, SERVER);
	tapir_sock_t ping = bound(0, 1000), far = bound(0, 1001);
	uint64_t quiet = tapir_next_deadline(w.t);

	assert_int_equal(connect_to(ping, SERVER, 9), 0);
	assert_int_equal(connect_to(far, ATTACKER, 9), 0);
	drain();
	for (uint32_t port = 1024; port <= 65535; port++) {
		push_icmp_err(ATTACKER, 3, 4, 552, 17, WORLD_US, (uint16_t)port, SERVER, 53, 1500);
		push_icmp_err(WORLD_PEER, 5, 1, TAPIR_IP4(192, 0, 2, 66), 17, WORLD_US,
			      (uint16_t)port, SERVER, 53, 56);
	}
	/* What could be measured from outside: the path of anything to the server, or to the attacker. */
	assert_int_equal(get_opt(ping, TAPIR_SOL_IP, TAPIR_IP_MTU), 1500);
	assert_int_equal(get_opt(far, TAPIR_SOL_IP, TAPIR_IP_MTU), 1500);
	assert_int_equal(world_stat(&w, STAT_Tapir_PmtuUpdates), 0);
	assert_int_equal(so_error(s), 0);
	expect_nothing();
	assert_true(tapir_next_deadline(w.t) == quiet);
	assert_int_equal(world_drops(&w, DROP_ICMP_NOT_SENT), 1);
}

TEST(a_large_datagram_still_learns_its_path, "R1191-1")
{
	static char big[1400];
	tapir_sock_t s = bound(0, 4000);

	assert_int_equal(connect_to(s, SERVER, 9), 0);
	assert_int_equal(tapir_sendto(w.t, s, big, sizeof(big), 0, NULL), sizeof(big));
	push_icmp_err(WORLD_PEER, 3, 4, 600, 17, WORLD_US, 4000, SERVER, 9, 1429);
	assert_int_equal(get_opt(s, TAPIR_SOL_IP, TAPIR_IP_MTU), 1500);
	push_icmp_err(WORLD_PEER, 3, 4, 600, 17, WORLD_US, 4000, SERVER, 9, 1428);
	assert_int_equal(get_opt(s, TAPIR_SOL_IP, TAPIR_IP_MTU), 600);
}

/* Whether the attacker's own datagram to a closed port is answered. */
static bool told_unreachable(void)
{
	bool told = false;

	push_udp(ATTACKER, 4444, WORLD_US, 1, "x", 1);
	while (world_expect(&w, frame, &pk))
		told |= pk.proto == 1 && pk.dst == ATTACKER;
	return told;
}

TEST(ports_tried_in_the_server_s_name_do_not_show_in_the_icmp_limit, "DN-03 IC-01")
{
	struct rnd r = {20250};
	unsigned right = 0, told = 0;
	/* As many as the limit lets through at once: with one open port among them one is left over. */
	enum { TRIALS = 400, BATCH = 50 };

	assert_int_equal(w.conf.icmp_msgs_burst, BATCH);
	for (unsigned i = 0; i < TRIALS; i++) {
		bool hit = rnd_below(&r, 2) == 0;
		uint16_t first = (uint16_t)(1024 + rnd_below(&r, 60000));
		uint16_t port = (uint16_t)(hit ? first + rnd_below(&r, BATCH) : 1023);
		tapir_sock_t s = asking(port, SERVER);
		bool answered;

		drain();
		/* Each closed port would cost one of the limit; the open one costs nothing. */
		for (uint32_t k = 0; k < BATCH; k++)
			push_udp(SERVER, 53, WORLD_US, (uint16_t)(first + k), "x", 1);
		drain();
		answered = told_unreachable();
		right += answered == hit;
		told += answered;
		assert_int_equal(tapir_close(w.t, s), 0);
		drain();
		world_step(&w, 1100 * WORLD_MS);
		drain();
	}
	print_message("# %u of %u guesses right, %u probes answered\n", right, TRIALS, told);
	/* Guessing is right half of the time; 400 throws stay within 60 of 200 but once in a billion. */
	assert_in_range(right, TRIALS / 2 - 60, TRIALS / 2 + 60);
}

TEST(whether_a_port_is_connected_elsewhere_is_not_told, "IC-01")
{
	tapir_sock_t s = asking(41000, SERVER);
	struct world_pkt closed, open;
	uint8_t buf[2048];

	drain();
	push_udp(ATTACKER, 99, WORLD_US, 41001, "x", 1);
	assert_true(world_expect(&w, buf, &closed));
	push_udp(OTHER, 99, WORLD_US, 41000, "x", 1);
	assert_true(world_expect(&w, frame, &open));
	assert_int_equal(open.proto, 1);
	assert_int_equal(open.type, closed.type);
	assert_int_equal(open.code, closed.code);
	assert_int_equal(open.ttl, closed.ttl);
	assert_int_equal(open.len, closed.len);
	assert_int_equal(so_error(s), 0);
}

TEST(thousands_of_sockets_have_ports_of_their_owner_s_choice, "D5452-6")
{
	enum { N = 6000 };
	static tapir_sock_t s[N];
	static uint16_t port[N];
	static uint8_t used[65536];
	struct rnd r = {7};
	unsigned taken = 0;
	char buf[8];

	memset(used, 0, sizeof(used));
	for (unsigned i = 0; i < N; i++) {
		s[i] = udp();
		for (;;) {
			int err;

			port[i] = (uint16_t)(1024 + rnd_below(&r, 65536 - 1024));
			/* The address is left open for some, and named for others. */
			err = bind_to(s[i], i & 1 ? WORLD_US : 0, port[i]);
			assert_int_equal(err, used[port[i]] ? -EADDRINUSE : 0);
			if (!err)
				break;
			taken++;
		}
		used[port[i]] = 1;
		assert_int_equal(connect_to(s[i], i & 2 ? SERVER : OTHER, 53), 0);
	}
	assert_true(taken > 100);
	for (unsigned i = 0; i < N; i++) {
		push_udp(i & 2 ? SERVER : OTHER, 53, WORLD_US, port[i], "x", 1);
		push_udp(i & 2 ? OTHER : SERVER, 53, WORLD_US, port[i], "y", 1);
		assert_int_equal(recv_from(s[i], buf, 8), 1);
		assert_int_equal(buf[0], 'x');
		assert_int_equal(recv_from(s[i], buf, 8), -EAGAIN);
	}
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(tapir_close(w.t, s[i]), 0);
	drain();
}

TEST(sockets_on_one_port_hear_each_its_own_peer, "")
{
	static tapir_sock_t s[200];
	char buf[8];

	for (unsigned i = 0; i < 200; i++) {
		s[i] = udp();
		set_opt(s[i], TAPIR_SOL_SOCKET, TAPIR_SO_REUSEPORT, 1);
		assert_int_equal(bind_to(s[i], 0, 5000), 0);
		assert_int_equal(connect_to(s[i], SERVER + i, 53), 0);
	}
	for (unsigned i = 0; i < 200; i++) {
		push_udp(SERVER + i, 53, WORLD_US, 5000, &(char){(char)i}, 1);
		assert_int_equal(recv_from(s[i], buf, 8), 1);
		assert_int_equal(buf[0], (char)i);
	}
	push_udp(ATTACKER, 53, WORLD_US, 5000, "x", 1);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(recv_from(s[i], buf, 8), -EAGAIN);
	drain();
}

TEST(one_question_goes_to_the_group_and_answers_come_from_anybody, "")
{
	tapir_sock_t s = udp();
	struct tapir_sockaddr to = tapir_sockaddr_v4(MDNS, 5353);
	struct tapir_msg m;
	uint16_t port;
	char buf[8];

	assert_int_equal(bind_to(s, 0, 0), 0);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_TTL, 255), 0);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_IF, w.ifi), 0);
	assert_int_equal(set_opt(s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_LOOP, 0), 0);
	assert_int_equal(tapir_sendto(w.t, s, "q", 1, 0, &to), 1);
	port = local_port(s);
	expect_pkt(17);
	assert_int_equal(pk.dst, MDNS);
	assert_int_equal(pk.dport, 5353);
	assert_int_equal(pk.sport, port);
	assert_int_equal(pk.src, WORLD_US);
	assert_int_equal(pk.ttl, 255);
	assert_true(port != 5353);
	push_udp(WORLD_PEER, 5353, WORLD_US, port, "a", 1);
	push_udp(TAPIR_IP4(192, 0, 2, 77), 5353, WORLD_US, port, "b", 1);
	assert_int_equal(recv_msg(s, buf, 8, 0, &m), 1);
	assert_int_equal(tapir_addr_to_v4(&m.peer.addr), WORLD_PEER);
	assert_int_equal(m.peer.port, 5353);
	assert_int_equal(m.ttl, 64);
	assert_int_equal(recv_msg(s, buf, 8, 0, &m), 1);
	assert_int_equal(tapir_addr_to_v4(&m.peer.addr), TAPIR_IP4(192, 0, 2, 77));
	/* What is said to the group is not for who only asked. */
	push_udp(WORLD_PEER, 5353, MDNS, port, "c", 1);
	assert_int_equal(recv_from(s, buf, 8), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RAW(a_socket_may_refuse_what_came_in_fragments),
		RAW(a_connected_socket_hears_the_whole_tuple_and_nothing_else),
		RAW(an_error_counts_for_the_socket_that_sent_what_it_quotes),
		RAW(ports_tried_by_fragmentation_needed_and_redirects_leave_no_trace),
		RAW(a_large_datagram_still_learns_its_path),
		RAW(ports_tried_in_the_server_s_name_do_not_show_in_the_icmp_limit),
		RAW(whether_a_port_is_connected_elsewhere_is_not_told),
		RAW(thousands_of_sockets_have_ports_of_their_owner_s_choice),
		RAW(sockets_on_one_port_hear_each_its_own_peer),
		RAW(one_question_goes_to_the_group_and_answers_come_from_anybody),
	};

	return tapir_test_run("unit/udp/test_udp_resolver", tests);
}
