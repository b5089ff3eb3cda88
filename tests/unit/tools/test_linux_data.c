/*
 * Bytes and what goes with them, on the kernel's sockets and on ours (twin.h): every flag of sending and receiving, names,
 * control messages, the flags that come back.
 */
#include <linux/net_tstamp.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/support/twin.h"

#ifndef TCP_INQ
#define TCP_INQ 36
#endif

/* recvmsg() with room for names and control messages, as lines. */
static void receive(const char *what, int fd, size_t room, int flags, size_t control_room)
{
	struct sockaddr_in from = {0};
	union {
		struct cmsghdr align;
		char room[512];
	} control;
	struct iovec iov = {twin_buf, room};
	struct msghdr m = {.msg_name = &from,
			   .msg_namelen = sizeof(from),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control_room ? &control : NULL,
			   .msg_controllen = control_room,
			   .msg_flags = 0x5555};
	long r;

	memset(&control, 0, sizeof(control));
	r = SAY(what, IFC.recvmsg(U, fd, &m, flags));
	if (r < 0)
		return;
	twin_note("flags %x, name of %u, control of %zu", (unsigned)m.msg_flags,
		  (unsigned)m.msg_namelen, (size_t)m.msg_controllen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		int v = 0;

		if (c->cmsg_len >= CMSG_LEN(sizeof(v)))
			memcpy(&v, CMSG_DATA(c), sizeof(v));
		twin_note("message %d %d of %zu: %d", c->cmsg_level, c->cmsg_type,
			  (size_t)c->cmsg_len, v);
	}
}

/* Every bit alone, with data there and without. */
static void receiving_flags(void)
{
	char what[60];
	int a, b, l;

	twin_pair(7800, &a, &b, &l);
	for (unsigned bit = 0; bit < 31; bit++) {
		int flag = 1 << bit;

		snprintf(what, sizeof(what), "nothing there, flag %x", (unsigned)flag);
		SAY(what, IFC.recv(U, b, twin_buf, 10, flag));
		SAY("a", IFC.send(U, a, "abcdefghij", 10, 0));
		twin_settle();
		snprintf(what, sizeof(what), "flag %x", (unsigned)flag);
		receive(what, b, 4, flag, 64);
		receive(what, b, 100, flag | MSG_DONTWAIT, 0);
		SAY("the rest", IFC.recv(U, b, twin_buf, 100, 0));
	}
	SAY("a ends", IFC.shutdown(U, a, SHUT_WR));
	twin_settle();
	for (unsigned bit = 0; bit < 31; bit++) {
		snprintf(what, sizeof(what), "end, flag %x", 1u << bit);
		receive(what, b, 4, 1 << bit, 64);
	}
	twin_drop(a);
	twin_drop(b);
	IFC.close(U, l);
}

static void sending_flags(void)
{
	char what[60];
	int a, b, l;

	twin_pair(7810, &a, &b, &l);
	for (unsigned bit = 0; bit < 31; bit++) {
		int flag = 1 << bit;

		/* It waits for more, which comes with the next; descriptors are handed over by none of ours. */
		if (flag == MSG_FASTOPEN)
			continue;
		snprintf(what, sizeof(what), "flag %x", (unsigned)flag);
		SAY(what, IFC.send(U, a, "abc", 3, flag));
		SAY("then", IFC.send(U, a, "de", 2, 0));
		twin_settle();
		SAY("b reads", IFC.recv(U, b, twin_buf, 100, 0));
		SAY("b reads", IFC.recv(U, b, twin_buf, 100, 0));
		SAY("b oob", IFC.recv(U, b, twin_buf, 100, MSG_OOB));
		SAY("b reads", IFC.recv(U, b, twin_buf, 100, 0));
	}
	twin_drop(a);
	twin_drop(b);
	IFC.close(U, l);
}

static void datagram_flags(void)
{
	struct sockaddr_in at = twin_lo(7820);
	int s = twin_make(SOCK_DGRAM), t = twin_make(SOCK_DGRAM), on = 1;
	char what[60];

	twin_nonblock(s);
	twin_nonblock(t);
	IFC.bind(U, s, (struct sockaddr *)&at, sizeof(at));
	IFC.connect(U, t, (struct sockaddr *)&at, sizeof(at));
	IFC.setsockopt(U, s, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	IFC.setsockopt(U, s, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	for (unsigned bit = 0; bit < 31; bit++) {
		int flag = 1 << bit;

		snprintf(what, sizeof(what), "nothing there, flag %x", (unsigned)flag);
		SAY(what, IFC.recv(U, s, twin_buf, 10, flag));
		SAY("t", IFC.send(U, t, "abcdefghij", 10, 0));
		twin_settle();
		snprintf(what, sizeof(what), "flag %x", (unsigned)flag);
		receive(what, s, 4, flag, 128);
		receive(what, s, 100, MSG_DONTWAIT, 128);
	}
	for (unsigned bit = 0; bit < 31; bit++) {
		int flag = 1 << bit;

		if (flag == MSG_MORE || flag == MSG_FASTOPEN)
			continue;
		snprintf(what, sizeof(what), "send, flag %x", (unsigned)flag);
		SAY(what, IFC.send(U, t, "abcdefghij", 10, flag));
		twin_settle();
		receive("s", s, 100, MSG_DONTWAIT, 128);
	}
	IFC.close(U, s);
	IFC.close(U, t);
}

static void control_messages(void)
{
	static const size_t rooms[] = {0, 1, 8, 16, 17, 20, 23, 24, 32, 64};
	int a, b, l, on = 1;

	twin_pair(7830, &a, &b, &l);
	SAY("inq", IFC.setsockopt(U, b, IPPROTO_TCP, TCP_INQ, &on, sizeof(on)));
	for (unsigned i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		SAY("a", IFC.send(U, a, twin_buf, 20, 0));
		twin_settle();
		receive("b peeks", b, 5, MSG_PEEK, rooms[i]);
		receive("b", b, 5, 0, rooms[i]);
		receive("b", b, 50, 0, rooms[i]);
		receive("none", b, 50, 0, rooms[i]);
	}
	SAY("a", IFC.send(U, a, twin_buf, 20, 0));
	SAY("a ends", IFC.shutdown(U, a, SHUT_WR));
	twin_settle();
	receive("b", b, 5, 0, 64);
	receive("b", b, 50, 0, 64);
	receive("end", b, 50, 0, 64);
	twin_drop(a);
	twin_drop(b);
	IFC.close(U, l);
}

/* Control messages of sendmsg(), well formed and not. */
static void sent_control(void)
{
	static const struct {
		int level, type;
		size_t len, data;
	} one[] = {
		{SOL_SOCKET, SO_TIMESTAMPING, CMSG_LEN(4), SOF_TIMESTAMPING_TX_SCHED},
		{SOL_SOCKET, SO_TIMESTAMPING, CMSG_LEN(4), SOF_TIMESTAMPING_SOFTWARE},
		{SOL_SOCKET, SO_TIMESTAMPING, CMSG_LEN(4), 1 << 20},
		{SOL_SOCKET, SO_TIMESTAMPING, CMSG_LEN(8), 0},
		{SOL_SOCKET, SO_TIMESTAMPING, CMSG_LEN(2), 0},
		{SOL_SOCKET, 9999, CMSG_LEN(4), 0},
		{SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(4), 0},
		{SOL_SOCKET, SCM_CREDENTIALS, CMSG_LEN(12), 0},
		{IPPROTO_IP, IP_TTL, CMSG_LEN(4), 7},
		{IPPROTO_IP, IP_TTL, CMSG_LEN(4), 0},
		{IPPROTO_IP, IP_TTL, CMSG_LEN(4), 256},
		{IPPROTO_IP, IP_TTL, CMSG_LEN(2), 7},
		{IPPROTO_IP, IP_TOS, CMSG_LEN(4), 7},
		{IPPROTO_IP, IP_TOS, CMSG_LEN(1), 7},
		{IPPROTO_IP, IP_TOS, CMSG_LEN(4), 256},
		{IPPROTO_IP, 9999, CMSG_LEN(4), 7},
		{999, 1, CMSG_LEN(4), 0},
		{IPPROTO_IP, IP_TTL, 0, 7},
		{IPPROTO_IP, IP_TTL, 8, 7},
		{IPPROTO_IP, IP_TTL, 1000, 7},
	};
	struct sockaddr_in at = twin_lo(7841);
	int a, b, l, t = twin_make(SOCK_DGRAM), s = twin_make(SOCK_DGRAM);

	twin_pair(7840, &a, &b, &l);
	IFC.bind(U, s, (struct sockaddr *)&at, sizeof(at));
	IFC.connect(U, t, (struct sockaddr *)&at, sizeof(at));
	for (unsigned i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		union {
			struct cmsghdr c;
			char room[64];
		} control;
		struct iovec iov = {twin_buf, 1};
		struct msghdr m = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = &control,
				   .msg_controllen = CMSG_SPACE(8)};
		char what[60];

		memset(&control, 0, sizeof(control));
		control.c.cmsg_level = one[i].level;
		control.c.cmsg_type = one[i].type;
		control.c.cmsg_len = one[i].len;
		memcpy(CMSG_DATA(&control.c), &one[i].data, sizeof(one[i].data));
		snprintf(what, sizeof(what), "%d %d of %zu, %zu", one[i].level, one[i].type,
			 one[i].len, one[i].data);
		SAY(what, IFC.sendmsg(U, a, &m, 0));
		SAY(what, IFC.sendmsg(U, t, &m, 0));
	}
	twin_drop(a);
	twin_drop(b);
	IFC.close(U, l);
	IFC.close(U, s);
	IFC.close(U, t);
}

static void vectors(void)
{
	struct iovec iov[5] = {
		{twin_buf, 0}, {twin_buf, 3}, {twin_buf, 0}, {twin_buf + 3, 4}, {NULL, 0}};
	int a, b, l;

	twin_pair(7850, &a, &b, &l);
	for (int n = 0; n <= 5; n++)
		SAY("writev", IFC.writev(U, a, iov, n));
	twin_settle();
	twin_queues("b", b);
	for (int n = 0; n <= 5; n++)
		SAY("readv", IFC.readv(U, b, iov, n));
	SAY("the rest", IFC.read(U, b, twin_buf, 1000));
	SAY("writev of nothing", IFC.writev(U, a, NULL, 0));
	SAY("readv of nothing", IFC.readv(U, b, NULL, 0));
	SAY("read of nothing", IFC.read(U, b, NULL, 0));
	SAY("recv of nothing", IFC.recv(U, b, NULL, 0, 0));
	SAY("send of nothing", IFC.send(U, a, NULL, 0, 0));
	twin_drop(a);
	twin_settle();
	SAY("read of nothing, reset", IFC.read(U, b, NULL, 0));
	SAY("send of nothing, reset", IFC.send(U, b, NULL, 0, 0));
	SAY("send of nothing, told", IFC.send(U, b, NULL, 0, 0));
	IFC.close(U, b);
	IFC.close(U, l);
}

static const struct twin_known known[] = {
	{NULL, NULL},
};

SAME(receiving_flags)
SAME(sending_flags)
SAME(datagram_flags)
SAME(control_messages)
SAME(sent_control)
SAME(vectors)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TWIN(receiving_flags),	TWIN(sending_flags), TWIN(datagram_flags),
		TWIN(control_messages), TWIN(sent_control),  TWIN(vectors),
	};

	return tapir_test_run("unit/tools/test_linux_data", tests);
}
