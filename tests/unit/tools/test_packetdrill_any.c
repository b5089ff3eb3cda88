/*
 * Any calls in any order on tapir-packetdrill.so: nothing may crash or hang.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/support/pdhand.h"

static uint32_t rnd_state;

static unsigned rnd(unsigned n)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (rnd_state >> 8) % n;
}

/* A descriptor: one of those made, or none. */
static int some_fd(const int *fds, unsigned n)
{
	return rnd(20) ? fds[rnd(n)] : (int)rnd(40) - 3;
}

static void any_packet(void)
{
	static const uint16_t ports[] = {8080, 8081, 7};
	static const uint16_t flags[] = {WV_SYN,	  WV_ACK, WV_ACK | WV_PSH,
					 WV_FIN | WV_ACK, WV_RST, WV_SYN | WV_ACK};
	uint8_t noise[200];

	if (rnd(3)) {
		pdlib_send_tcp(&pdhand, (uint16_t)(40000 + rnd(4)), ports[rnd(3)], 1000 + rnd(3000),
			       rnd(2) ? 0 : rnd_state, flags[rnd(6)], (uint16_t)rnd(65536),
			       pdhand_mss_opt, rnd(2) ? 4 : 0, rnd(1500));
		return;
	}
	for (unsigned i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)rnd(256);
	noise[0] = 0x45;
	pdhand.ifc.netdev_send(U, noise, rnd(sizeof(noise)));
}

/* Answers what leaves as a peer would, so that connections come to be. */
static void answer(void)
{
	struct wireview v;
	long long at;

	for (unsigned i = 0; i < 3 && pdlib_receive(&pdhand, &v, &at); i++) {
		if (v.proto == WV_TCP && v.flags & WV_SYN)
			pdlib_send_tcp(&pdhand, v.dport, v.sport, v.flags & WV_ACK ? v.ack : 5000,
				       v.seq + 1, v.flags & WV_ACK ? WV_ACK : WV_SYN | WV_ACK,
				       65535, NULL, 0, 0);
		else if (v.proto == WV_TCP && rnd(2))
			pdlib_send_tcp(&pdhand, v.dport, v.sport, v.ack, v.seq + v.len, WV_ACK,
				       65535, NULL, 0, rnd(100));
	}
}

/* long: a flat switch, one case a call. */
static void any_call(int *fds, unsigned n)
{
	static const int levels[] = {SOL_SOCKET, SOL_IP, SOL_TCP, 41, 17},
			 names[] = {0, 1, -1, 9999};
	static char buf[4096];
	int fd = some_fd(fds, n), other = some_fd(fds, n), v = (int)rnd(5) - 1;
	struct sockaddr_in a = pdhand_addr(rnd(2)   ? PDLIB_REMOTE
					   : rnd(2) ? INADDR_LOOPBACK
						    : PDLIB_LOCAL,
					   rnd(2) ? 8080 : (uint16_t)rnd(65536));
	struct epoll_event ev = {.events = 1u << rnd(32)}, got[4];
	struct pollfd p[2] = {{.fd = fd, .events = (short)rnd(65536)},
			      {.fd = other, .events = POLLIN}};
	struct iovec iov[2] = {{buf, rnd(3000)}, {buf + 3000, rnd(1000)}};
	char control[128];
	struct msghdr m = {.msg_name = rnd(2) ? &a : NULL,
			   .msg_namelen = rnd(2) ? sizeof(a) : 3,
			   .msg_iov = iov,
			   .msg_iovlen = rnd(3),
			   .msg_control = rnd(2) ? control : NULL,
			   .msg_controllen = rnd(2) ? sizeof(control) : 0};
	int flags = rnd(4) ? MSG_DONTWAIT : 1 << rnd(31), pipe[2];
	struct timeval soon = {0, 5000};
	socklen_t len = sizeof(a);
	loff_t none = 0;

	memset(control, 0, sizeof(control));
	switch (rnd(26)) {
	case 0:
		fd = pdhand.ifc.socket(U, rnd(9) ? AF_INET : AF_INET6,
				       (int)rnd(4) | (rnd(2) ? SOCK_NONBLOCK : 0), 0);
		if (fd < 0)
			return;
		/* Nobody else will make time go. */
		pdhand.ifc.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
		pdhand.ifc.setsockopt(U, fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
		v = (int)rnd(n);
		pdhand.ifc.close(U, fds[v]);
		fds[v] = fd;
		return;
	case 1:
		pdhand.ifc.bind(U, fd, (struct sockaddr *)&a, rnd(9) ? sizeof(a) : rnd(30));
		return;
	case 2:
		pdhand.ifc.listen(U, fd, v);
		return;
	case 3:
		fd = pdhand.ifc.accept(U, fd, (struct sockaddr *)&a, &len);
		if (fd >= 0) {
			v = (int)rnd(n);
			pdhand.ifc.close(U, fds[v]);
			fds[v] = fd;
		}
		return;
	case 4:
		a.sin_family = rnd(5) ? AF_INET : (sa_family_t)rnd(12);
		pdhand.ifc.connect(U, fd, (struct sockaddr *)&a, rnd(9) ? sizeof(a) : rnd(30));
		return;
	case 5:
		pdhand.ifc.read(U, fd, buf, rnd(4096));
		return;
	case 6:
		pdhand.ifc.readv(U, fd, iov, (int)rnd(4) - 1 < 2 ? (int)rnd(3) : -1);
		return;
	case 7:
		pdhand.ifc.recvfrom(U, fd, buf, rnd(4096), flags, (struct sockaddr *)&a, &len);
		return;
	case 8:
		pdhand.ifc.recvmsg(U, fd, &m, flags);
		return;
	case 9:
		pdhand.ifc.write(U, fd, buf, rnd(4096));
		return;
	case 10:
		pdhand.ifc.writev(U, fd, iov, 2);
		return;
	case 11:
		pdhand.ifc.sendto(U, fd, buf, rnd(4096), flags,
				  rnd(2) ? (struct sockaddr *)&a : NULL, sizeof(a));
		return;
	case 12:
		pdhand.ifc.sendmsg(U, fd, &m, flags);
		return;
	case 13:
		pdhand.ifc.fcntl(U, fd, (int)rnd(6), (int)rnd(2) * O_NONBLOCK);
		return;
	case 14:
		pdhand.ifc.ioctl(U, fd, rnd(2) ? FIONREAD : TIOCOUTQ + rnd(100),
				 rnd(5) ? &v : (int *)8);
		return;
	case 15:
		pdhand.ifc.shutdown(U, fd, v);
		return;
	case 16:
	case 17:
		pdhand.ifc.setsockopt(U, fd, levels[rnd(5)], rnd(9) ? (int)rnd(70) : names[rnd(4)],
				      buf, rnd(20));
		pdhand.ifc.setsockopt(U, fd, levels[rnd(5)], (int)rnd(70), &v, sizeof(v));
		return;
	case 18:
		len = rnd(300);
		pdhand.ifc.getsockopt(U, fd, levels[rnd(5)], rnd(9) ? (int)rnd(70) : names[rnd(4)],
				      buf, &len);
		return;
	case 19:
		pdhand.ifc.poll(U, p, rnd(3), (int)rnd(20));
		return;
	case 20:
		pdhand.ifc.epoll_ctl(U, fds[0], 1 + (int)rnd(3), other, &ev);
		return;
	case 21:
		pdhand.ifc.epoll_wait(U, rnd(9) ? fds[0] : fd, got, 4, (int)rnd(20));
		return;
	case 22:
		if (rnd(5) == 0 && pdhand.ifc.pipe(U, pipe) == 0) {
			pdhand.ifc.close(U, fds[1]);
			pdhand.ifc.close(U, fds[2]);
			fds[1] = pipe[0];
			fds[2] = pipe[1];
		}
		return;
	case 23:
		pdhand.ifc.splice(U, fd, &none, other, &none, rnd(4096),
				  SPLICE_F_NONBLOCK * rnd(2));
		return;
	case 24:
		any_packet();
		return;
	default:
		pdhand.ifc.usleep(U, rnd(300000));
		answer();
	}
}

TEST(any_calls_in_any_order_do_no_harm, "")
{
	int fds[12];

	for (rnd_state = 1; rnd_state < 12; rnd_state += 1) {
		uint32_t seed = rnd_state;
		const char *why = "";

		if (!pdlib_open(&pdhand, "seed=7", &why))
			fail_msg("%s", why);
		fds[0] = pdhand.ifc.epoll_create(U, 1);
		for (unsigned i = 1; i < 12; i++)
			fds[i] = -1;
		for (unsigned i = 0; i < 4000; i++) {
			any_call(fds, 12);
			if (i % 50 == 0)
				answer();
		}
		for (unsigned i = 0; i < 12; i++) {
			if (fds[i] >= 0 && rnd(2))
				close(fds[i]);
			else
				pdhand.ifc.close(U, fds[i]);
		}
		pdlib_close(&pdhand);
		rnd_state = seed;
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_calls_in_any_order_do_no_harm),
	};

	return tapir_test_run("unit/tools/test_packetdrill_any", tests);
}
