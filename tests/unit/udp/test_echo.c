/* Echo clients: ICMP messages through a socket, as Linux's ping sockets. */
#include "tests/unit/udp/util.h"

static tapir_sock_t echo(void)
{
	tapir_sock_t s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_DGRAM, TAPIR_IPPROTO_ICMP);

	assert_true(s > 0);
	return s;
}

static const uint8_t request[12] = {8, 0, 0xde, 0xad, 0xbe, 0xef, 0x12, 0x34, 'p', 'i', 'n', 'g'};

static void push_reply(uint32_t src, uint16_t id, uint16_t seq)
{
	size_t n = world_icmp(frame, src, WORLD_US, 0, 0, (uint32_t)id << 16 | seq, "ping", 4);

	assert_int_equal(world_push_ip(&w, frame, n), 0);
}

TEST(a_request_leaves_with_our_id_and_checksum, "")
{
	tapir_sock_t s = echo();
	struct tapir_msg m;
	uint8_t buf[32];

	assert_int_equal(send_to(s, WORLD_PEER, 0, request, sizeof(request)), sizeof(request));
	expect_pkt(1);
	assert_int_equal(pk.type, 8);
	assert_int_equal(pk.rest >> 16, local_port(s));
	assert_int_equal(pk.rest & 0xffff, 0x1234);
	assert_memory_equal(pk.data, "ping", 4);
	push_reply(WORLD_PEER, local_port(s), 0x1234);
	assert_int_equal(recv_msg(s, buf, sizeof(buf), 0, &m), 12);
	assert_int_equal(buf[0], 0);
	assert_int_equal(buf[4] << 8 | buf[5], local_port(s));
	assert_int_equal(buf[6] << 8 | buf[7], 0x1234);
	assert_memory_equal(buf + 8, "ping", 4);
	assert_int_equal(m.ttl, 64);
	assert_int_equal(m.icmp_type, 0);
	assert_int_equal(tapir_addr_to_v4(&m.peer.addr), WORLD_PEER);
}

TEST(only_an_echo_request_may_be_sent, "")
{
	tapir_sock_t s = echo();
	uint8_t bad[8] = {0};

	assert_int_equal(send_to(s, WORLD_PEER, 0, request, 7), -EINVAL);
	for (int type = 0; type < 256; type++) {
		bad[0] = (uint8_t)type;
		bad[1] = type == 8;
		assert_int_equal(send_to(s, WORLD_PEER, 0, bad, 8), -EINVAL);
	}
	expect_nothing();
	tapir_check(w.t);
}

TEST(a_reply_reaches_its_id_and_peer_only, "")
{
	tapir_sock_t a = echo(), b = echo();
	uint8_t buf[32];

	assert_int_equal(connect_to(a, WORLD_PEER, 0), 0);
	assert_int_equal(bind_to(b, 0, 77), 0);
	assert_int_equal(local_port(b), 77);
	push_reply(WORLD_FAR, local_port(a), 1);
	push_reply(WORLD_PEER, 77, 2);
	push_reply(WORLD_PEER, local_port(a), 3);
	push_reply(WORLD_PEER, 78, 4);
	assert_int_equal(recv_from(a, buf, sizeof(buf)), 12);
	assert_int_equal(buf[7], 3);
	assert_int_equal(recv_from(a, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(recv_from(b, buf, sizeof(buf)), 12);
	assert_int_equal(buf[7], 2);
	assert_int_equal(world_drops(&w, DROP_ICMP_NO_SOCKET), 2);
	/* Ids and UDP ports are different things. */
	assert_int_equal(bind_to(udp(), 0, 77), 0);
	assert_int_equal(bind_to(echo(), 0, 77), -EADDRINUSE);
}

TEST(an_error_about_a_request_is_pending_or_received, "R1122-106")
{
	tapir_sock_t a = echo(), b = echo();
	struct tapir_msg m;
	uint8_t buf[32];

	assert_int_equal(connect_to(a, WORLD_PEER, 0), 0);
	assert_int_equal(bind_to(b, 0, 77), 0);
	set_opt(b, TAPIR_SOL_IP, TAPIR_IP_RECVERR, 1);
	assert_int_equal(tapir_sendto(w.t, a, request, 12, 0, NULL), 12);
	assert_int_equal(send_to(b, WORLD_PEER, 0, request, 12), 12);
	push_icmp_err(WORLD_FAR, 3, 1, 0, 1, WORLD_US, local_port(a), WORLD_PEER, 5, 32);
	push_icmp_err(WORLD_FAR, 11, 0, 0, 1, WORLD_US, 77, WORLD_PEER, 6, 32);
	assert_int_equal(so_error(a), EHOSTUNREACH);
	assert_int_equal(so_error(b), 0);
	assert_int_equal(recv_msg(b, buf, sizeof(buf), 0, &m), 8);
	assert_int_equal(m.icmp_type, 11);
	assert_int_equal(m.icmp_code, 0);
	assert_int_equal(tapir_addr_to_v4(&m.peer.addr), WORLD_FAR);
	assert_int_equal(buf[0], 8);
	assert_int_equal(buf[5], 77);
	assert_int_equal(buf[7], 6);
}

TEST(a_neighbour_that_does_not_answer_is_received_as_an_error, "")
{
	tapir_sock_t s = echo();
	struct tapir_msg m;
	uint8_t buf[32];

	set_opt(s, TAPIR_SOL_IP, TAPIR_IP_RECVERR, 1);
	assert_int_equal(send_to(s, TAPIR_IP4(192, 0, 2, 77), 0, request, 12), 12);
	world_step(&w, 20 * WORLD_S);
	assert_int_equal(recv_msg(s, buf, sizeof(buf), 0, &m), 8);
	assert_int_equal(m.icmp_type, 3);
	assert_int_equal(m.icmp_code, 1);
	assert_int_equal(tapir_addr_to_v4(&m.peer.addr), WORLD_US);
	assert_int_equal(buf[6] << 8 | buf[7], 0x1234);
}

TEST(a_ping_of_the_largest_size_goes_round_by_loopback, "")
{
	static uint8_t big[65515], back[65515];
	tapir_sock_t s = echo();

	memcpy(big, request, 8);
	memset(big + 8, 'z', sizeof(big) - 8);
	assert_int_equal(send_to(s, TAPIR_IP4(127, 0, 0, 1), 0, big, sizeof(big)), sizeof(big));
	assert_int_equal(recv_from(s, back, sizeof(back)), sizeof(back));
	assert_memory_equal(big + 8, back + 8, sizeof(big) - 8);
	assert_int_equal(send_to(s, WORLD_US, 0, request, 12), 12);
	assert_int_equal(recv_from(s, back, sizeof(back)), 12);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RAW(a_request_leaves_with_our_id_and_checksum),
		RAW(only_an_echo_request_may_be_sent),
		RAW(a_reply_reaches_its_id_and_peer_only),
		RAW(an_error_about_a_request_is_pending_or_received),
		ETHER(a_neighbour_that_does_not_answer_is_received_as_an_error),
		RAW(a_ping_of_the_largest_size_goes_round_by_loopback),
	};

	return tapir_test_run("unit/udp/test_echo", tests);
}
