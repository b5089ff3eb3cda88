/*
 * What tapir-packetdrill.so tells of what was sent and read, by stamps, the error queue and control messages, and in what
 * chunks it leaves.
 */
#include <errno.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "tests/support/pdhand.h"

/* The error queue's first message; false: none. */
static bool error_message(int fd, struct sock_extended_err *ee, long long *stamp_us)
{
	char control[512];
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};

	if (pdhand.ifc.recvmsg(U, fd, &m, MSG_ERRQUEUE) < 0)
		return false;
	*stamp_us = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct timespec ts;

		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) {
			memcpy(ee, CMSG_DATA(c), sizeof(*ee));
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			*stamp_us = ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
		}
	}
	return true;
}

TEST(writes_are_stamped_when_they_leave_and_are_acknowledged, "")
{
	int l = pdhand_listener(8080), fd,
	    flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK |
		    SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
		    SOF_TIMESTAMPING_OPT_TSONLY;
	uint32_t iss = pdhand_peer_opens(40000, 8080);
	struct sock_extended_err ee;
	struct pollfd p;
	long long at, t0, t1;

	fd = pdhand.ifc.accept(U, l, NULL, NULL);
	assert_int_equal(pdhand.ifc.setsockopt(U, fd, SOL_SOCKET, SO_TIMESTAMPING, &flags,
					       sizeof(flags)),
			 0);
	t0 = pdlib_now(&pdhand);
	assert_int_equal(pdhand.ifc.write(U, fd, "abcdefghij", 10), 10);
	assert_true(error_message(fd, &ee, &at));
	assert_int_equal(ee.ee_errno, ENOMSG);
	assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_TIMESTAMPING);
	assert_int_equal(ee.ee_info, SCM_TSTAMP_SND);
	assert_int_equal(ee.ee_data, 9);
	assert_in_range(at, t0, t0 + 10);
	assert_false(error_message(fd, &ee, &at));
	assert_int_equal(errno, EAGAIN);
	pdhand.ifc.usleep(U, 20000);
	t1 = pdlib_now(&pdhand);
	pdlib_send_tcp(&pdhand, 40000, 8080, 1001, iss + 11, WV_ACK, 65535, NULL, 0, 0);
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	assert_int_equal(pdhand.ifc.poll(U, &p, 1, 0), 1);
	assert_int_equal(p.revents, POLLERR);
	assert_true(error_message(fd, &ee, &at));
	assert_int_equal(ee.ee_info, SCM_TSTAMP_ACK);
	assert_int_equal(ee.ee_data, 9);
	assert_in_range(at, t1, t1 + 10);
}

TEST(zero_copy_writes_are_told_when_acknowledged, "")
{
	int l = pdhand_listener(8080), fd, on = 1;
	uint32_t iss = pdhand_peer_opens(40000, 8080);
	struct sock_extended_err ee;
	long long at;

	fd = pdhand.ifc.accept(U, l, NULL, NULL);
	pdhand.ifc.setsockopt(U, fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Without the option the flag asks for nothing. */
	assert_int_equal(pdhand.ifc.send(U, fd, "abc", 3, MSG_ZEROCOPY), 3);
	assert_int_equal(pdhand.ifc.setsockopt(U, fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
	assert_int_equal(pdhand.ifc.send(U, fd, "abc", 3, MSG_ZEROCOPY), 3);
	assert_int_equal(pdhand.ifc.send(U, fd, "abc", 3, MSG_ZEROCOPY), 3);
	assert_int_equal(pdhand.ifc.send(U, fd, "abc", 3, MSG_ZEROCOPY), 3);
	assert_false(error_message(fd, &ee, &at));
	pdlib_send_tcp(&pdhand, 40000, 8080, 1001, iss + 1 + 9, WV_ACK, 65535, NULL, 0, 0);
	assert_true(error_message(fd, &ee, &at));
	assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	assert_int_equal(ee.ee_errno, 0);
	assert_int_equal(ee.ee_info, 0);
	assert_int_equal(ee.ee_data, 1);
	assert_int_equal(ee.ee_code, SO_EE_CODE_ZEROCOPY_COPIED);
	assert_false(error_message(fd, &ee, &at));
	/* A reset gives the last buffer back. */
	pdlib_send_tcp(&pdhand, 40000, 8080, 1001, 0, WV_RST, 0, NULL, 0, 0);
	assert_true(error_message(fd, &ee, &at));
	assert_int_equal(ee.ee_info, 2);
}

TEST(unread_bytes_are_told_with_those_read, "")
{
	int l = pdhand_listener(8080), fd, on = 1, v = -1;
	uint32_t iss = pdhand_peer_opens(40000, 8080);
	char buf[100], control[64];
	struct iovec iov = {buf, 40};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;

	fd = pdhand.ifc.accept(U, l, NULL, NULL);
	assert_int_equal(pdhand.ifc.setsockopt(U, fd, SOL_TCP, 36 /* TCP_INQ */, &on, sizeof(on)),
			 0);
	pdlib_send_tcp(&pdhand, 40000, 8080, 1001, iss + 1, WV_ACK, 65535, NULL, 0, 100);
	assert_int_equal(pdhand.ifc.recvmsg(U, fd, &m, 0), 40);
	c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	assert_int_equal(c->cmsg_level, SOL_TCP);
	memcpy(&v, CMSG_DATA(c), sizeof(v));
	assert_int_equal(v, 60);
}

/* A connection whose handshake took `rtt_us`. */
static int connection_of(unsigned rtt_us)
{
	int l = pdhand_listener(8080);
	struct wireview v;
	long long at;

	pdlib_send_tcp(&pdhand, 40000, 8080, 1000, 0, WV_SYN, 65535, pdhand_mss_opt, 4, 0);
	assert_true(pdlib_receive(&pdhand, &v, &at));
	pdhand.ifc.usleep(U, rtt_us);
	pdlib_send_tcp(&pdhand, 40000, 8080, 1001, v.seq + 1, WV_ACK, 65535, NULL, 0, 0);
	return pdhand.ifc.accept(U, l, NULL, NULL);
}

/* What leaves has these lengths, one behind the other, with PSH where there is more than one segment in it, or at the end. */
static void expect_chunks(const uint32_t *len, unsigned n, uint32_t mss)
{
	struct wireview v;
	long long at;
	uint32_t seq = 0;

	for (unsigned i = 0; i < n; i++) {
		assert_true(pdlib_receive(&pdhand, &v, &at)); /* checks the sums too */
		assert_int_equal(v.len, len[i]);
		assert_int_equal((v.flags & WV_PSH) != 0, len[i] > mss || i == n - 1);
		if (i > 0)
			assert_int_equal(v.seq, seq);
		seq = v.seq + v.len;
	}
}

TEST(on_a_slow_path_chunks_are_of_two_segments, "")
{
	static const uint32_t len[] = {2920, 2920, 2920, 1240};
	int fd = connection_of(100000);
	uint8_t data[10000] = {0};

	assert_int_equal(pdhand.ifc.write(U, fd, data, sizeof(data)), sizeof(data));
	expect_chunks(len, 4, 1460);
}

TEST(on_a_fast_path_chunks_are_of_half_the_window, "")
{
	static const uint32_t len[] = {7300, 2700};
	int fd = connection_of(50);
	uint8_t data[10000] = {0};

	assert_int_equal(pdhand.ifc.write(U, fd, data, sizeof(data)), sizeof(data));
	expect_chunks(len, 2, 1460);
}

TEST(the_timer_sends_one_segment_of_a_chunk, "")
{
	static const uint32_t len[] = {2920, 1080};
	int fd = connection_of(100000);
	struct wireview v;
	long long at;
	uint32_t first;
	uint8_t data[4000] = {0};

	assert_int_equal(pdhand.ifc.write(U, fd, data, sizeof(data)), sizeof(data));
	expect_chunks(len, 2, 1460);
	/* The timer sends the head alone. */
	assert_true(pdlib_receive(&pdhand, &v, &at));
	assert_int_equal(v.len, 1460);
	first = v.seq;
	assert_true(pdlib_receive(&pdhand, &v, &at));
	assert_int_equal(v.seq, first);
}

TEST(segments_go_one_by_one_where_asked, "")
{
	struct pdlib p;
	struct wireview v;
	const char *why;
	long long at;

	assert_true(pdlib_open(&p, "notso", &why));
	pdhand = p;
	assert_int_equal(pdhand.ifc.write(U, connection_of(50), "0123456789", 10), 10);
	assert_true(pdlib_receive(&pdhand, &v, &at));
	assert_int_equal(v.len, 10);
	pdlib_close(&pdhand);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PDHAND(writes_are_stamped_when_they_leave_and_are_acknowledged),
		PDHAND(zero_copy_writes_are_told_when_acknowledged),
		PDHAND(unread_bytes_are_told_with_those_read),
		PDHAND(on_a_slow_path_chunks_are_of_two_segments),
		PDHAND(on_a_fast_path_chunks_are_of_half_the_window),
		PDHAND(the_timer_sends_one_segment_of_a_chunk),
		cmocka_unit_test(segments_go_one_by_one_where_asked),
	};

	return tapir_test_run("unit/tools/test_packetdrill_sent", tests);
}
