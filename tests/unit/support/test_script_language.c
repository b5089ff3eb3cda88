/*
 * The language of packet scripts: each form that it has is read as it is meant, what it doesn't have is refused with its line,
 * and no text whatever does harm.
 */
#include <glob.h>
#include <stdio.h>

#include "tests/support/script.h"
#include "tests/support/test.h"

#define SOCKET "0  socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
#define OPEN                                          \
	SOCKET                                        \
	"+0 bind(3, ..., ...) = 0\n"                  \
	"+0 listen(3, 1) = 0\n"                       \
	"+0 < S 0:0(0) win 65535 <mss 1000>\n"        \
	"+0 > S. 0:0(0) ack 1 win 64240 <mss 1460>\n" \
	"+.1 < . 1:1(0) ack 1 win 65535\n"            \
	"+0 accept(3, ..., ...) = 4\n"
#define UDP                                             \
	"0  socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n" \
	"+0 bind(3, ..., ...) = 0\n"

static char error[2048];
static struct script parsed;

static bool play(const char *text)
{
	struct script s;
	bool ok = script_parse(&s, "x.pkt", text, strlen(text)) && script_run(&s);

	memcpy(error, s.error, sizeof(error));
	script_free(&s);
	return ok;
}

#define assert_plays(text)                     \
	do {                                   \
		if (!play(text))               \
			fail_msg("%s", error); \
	} while (0)

static void assert_fails(const char *text, const char *line, const char *what)
{
	assert_false(play(text));
	if (strncmp(error, line, strlen(line)) != 0 || !strstr(error, what))
		fail_msg("expected '%s ... %s', got '%s'", line, what, error);
}

/* Parses a text into `parsed`; its first event. */
static const struct script_event *first(const char *text)
{
	script_free(&parsed);
	if (!script_parse(&parsed, "x.pkt", text, strlen(text)))
		fail_msg("%s", parsed.error);
	return parsed.event;
}

static int teardown(void **state)
{
	(void)state;
	script_free(&parsed);
	return 0;
}

TEST(times_of_all_forms, "")
{
	const struct script_event *e = first("0.25 close(3) = 0");

	assert_int_equal(e->when, WHEN_ABSOLUTE);
	assert_int_equal(e->from_ns, 250000000);
	e = first("+.000001 close(3) = 0");
	assert_int_equal(e->when, WHEN_RELATIVE);
	assert_int_equal(e->from_ns, 1000);
	e = first("* > . 1:1(0) ack 1");
	assert_int_equal(e->when, WHEN_ANY);
	e = first("1~2.5 > . 1:1(0) ack 1");
	assert_true(e->range && e->from_ns == 1000000000 && e->to_ns == 2500000000);
	e = first("+1~+2 > . 1:1(0) ack 1");
	assert_true(e->range && e->when == WHEN_RELATIVE && e->to_ns == 2000000000);
	e = first("+0...0.2 read(3, ..., 1) = 1");
	assert_true(e->blocks && e->to_ns == 200000000);
	e = first("0.1...0.2 read(3, ..., 1) = 1");
	assert_true(e->blocks && e->when == WHEN_ABSOLUTE && e->from_ns == 100000000);
	assert_fails("2~1 > . 1:1(0) ack 1", "x.pkt:1:", "ends before it begins");
	assert_fails("99999999999999999999 close(3) = 0", "x.pkt:1:", "later than");
	assert_fails("+0...1 > . 1:1(0) ack 1", "x.pkt:1:", "only a call");
	assert_fails("-1 close(3) = 0", "x.pkt:1:", "expected a time");
}

TEST(flags_of_all_letters_and_accecn_numbers, "")
{
	assert_int_equal(first("0 > FSRP.UEWA 0:0(0) ack 0")->packet.flags, 0x1ff);
	assert_int_equal(first("0 > - 0:0(0)")->packet.flags, 0);
	assert_int_equal(first("0 > SEW 0:0(0)")->packet.flags, 0xc2);
	assert_int_equal(first("0 > .5 1:1(0) ack 1")->packet.flags, 0x150);
	assert_fails("0 > X 0:0(0)", "x.pkt:1:", "no flag");
}

TEST(options_of_all_kinds, "")
{
	const struct script_packet *p =
		&first("0 > S 0:0(0) win 0 urg 5 <mss 1460,sackOK,TS val 4294967295 ecr 0,nop,"
		       "wscale 7,eol,sack 1:2 3:4,FO 00112233aabbccdd,FOEXP,uto 300s,raw 0102>")
			 ->packet;

	assert_int_equal(p->nopt, 11);
	assert_int_equal(p->opt[2].a, UINT32_MAX);
	assert_int_equal(p->opt[6].n, 2);
	assert_int_equal(p->opt[6].block[1][1], 4);
	assert_true(p->opt[7].kind == OPT_FO && p->opt[7].n == 8 && p->opt[7].raw[4] == 0xaa);
	assert_true(p->opt[8].kind == OPT_FOEXP && p->opt[8].n == 0);
	assert_true(p->opt[9].kind == OPT_UTO && p->opt[9].a == 300);
	assert_int_equal(first("0 > S 0:0(0) <uto 2m>")->packet.opt[0].a, 0x8002);
	assert_true(first("0 > S 0:0(0) <FO cookie>")->packet.opt[0].learnt_cookie);
	assert_true(first("0 > S 0:0(0) <...>")->packet.any_options);
	assert_fails("0 > S 0:0(0) <md5 00>", "x.pkt:1:", "no such option");
	assert_fails("0 > S 0:0(0) <mptcp>", "x.pkt:1:", "no such option");
	assert_fails("0 > S 0:0(0) <sack 1:2 3:4 5:6 7:8 9:10>", "x.pkt:1:", "more than four");
	assert_fails("0 > S 0:0(0) <mss 65536>", "x.pkt:1:", "not in");
	assert_fails("0 > S 0:0(0) <uto 5>", "x.pkt:1:", "uto wants");
	assert_fails("0 > S 0:0(0) <mss 1,>", "x.pkt:1:", "is no option");
}

TEST(ip_header_words, "")
{
	assert_int_equal(first("0 > [ect0] . 1:1(0) ack 1")->packet.tos, 2);
	assert_int_equal(first("0 > [ect1] . 1:1(0) ack 1")->packet.tos, 1);
	assert_int_equal(first("0 > [ce] . 1:1(0) ack 1")->packet.tos, 3);
	assert_int_equal(first("0 > [noecn] . 1:1(0) ack 1")->packet.tos, 0);
	assert_int_equal(first("0 > [tos 0x10, ttl 5] . 1:1(0) ack 1")->packet.tos, 16);
	assert_int_equal(first("0 > (ttl 255) . 1:1(0) ack 1")->packet.ttl, 255);
	assert_fails("0 > [flowlabel 0x1] . 1:1(0) ack 1", "x.pkt:1:", "IPv6 only");
	assert_fails("0 > [tos 256] . 1:1(0) ack 1", "x.pkt:1:", "not in");
	assert_fails("0 > ipv6 . 1:1(0) ack 1", "x.pkt:1:", "plain IPv4");
	assert_fails("0 > gre . 1:1(0) ack 1", "x.pkt:1:", "plain IPv4");
}

TEST(icmp_forms, "")
{
	const struct script_packet *p =
		&first("0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]")->packet;

	assert_true(p->type == 3 && p->code == 4 && p->mtu == 1200);
	assert_true(p->quoted_seq == 1 && p->quoted_len == 1000);
	assert_int_equal(first("0 < icmp time_exceeded exceed_ttl [tcp 1:1(0)]")->packet.type, 11);
	assert_int_equal(first("0 < icmp unreachable code 9 [udp (5)]")->packet.code, 9);
	assert_fails("0 < icmpv6 unreachable [1:1(0)]", "x.pkt:1:", "plain IPv4");
	assert_fails("0 < icmp nonsense", "x.pkt:1:", "ICMP type");
}

TEST(numbers_in_all_bases_and_joined, "")
{
	assert_plays(SOCKET
		     "+0 fcntl(3, F_SETFL, 0x2|O_NONBLOCK) = 0\n"
		     "+0 fcntl(3, F_GETFL) = 04002 (flags O_RDWR|O_NONBLOCK)\n"
		     "+0 fcntl(3, F_GETFL) = O_RDWR|O_NONBLOCK\n"
		     "+0 setsockopt(3, SOL_SOCKET, SO_KEEPALIVE, [-1], 4) = 0\n"
		     "+0 read(3, ..., 1) = -1 ENOTCONN (Transport endpoint is not connected)\n");
	assert_fails("0 close(12x) = 0", "x.pkt:1:", "expected a number");
	assert_fails("0 close(99999999999999999999) = 0", "x.pkt:1:", "too large");
	assert_fails("0 close(- 3) = 0", "x.pkt:1:", "expected a number");
	assert_fails("0 close(3) = 0 EAGAIN", "x.pkt:1:", "goes with -1");
	assert_fails("0 close(3) = -1 EWHAT", "x.pkt:1:", "unknown error");
}

TEST(strings_have_escapes, "")
{
	const struct script_event *e = first("0 write(3, \"a\\n\\x41\\0\\\"b\", 6) = 6");

	assert_int_equal(e->args->child->next->i, 6);
	assert_memory_equal(e->args->child->next->text, "a\nA\0\"b", 6);
	assert_fails("0 write(3, \"a\\q\", 2) = 2", "x.pkt:1:", "no escape");
	assert_fails("0 write(3, \"a\n\", 2) = 2", "x.pkt:1:", "no end");
}

TEST(options_at_the_top, "")
{
	first("// comment\n--tolerance_usecs=500\n--ip_version=ipv4 --mtu=1400 --bind_port=99\n"
	      "--local_ip=192.168.0.1\n--remote_ip=192.0.2.7\n--define=N=0x10\n"
	      "--netmask_ip=255.255.0.0\n--speed=10000\n0 close(N) = 0\n");
	assert_int_equal(parsed.tolerance_ns, 500000);
	assert_int_equal(parsed.mtu, 1400);
	assert_int_equal(parsed.port, 99);
	assert_int_equal(parsed.local_ip4, 0xc0a80001);
	assert_int_equal(parsed.event->args->child->i, 16);
	assert_fails("--ip_version=ipv6\n0 close(3) = 0\n", "x.pkt:1:", "IPv4 only");
	assert_fails("\n--init_scripts=x.sh\n0 close(3) = 0\n", "x.pkt:2:", "no program is run");
	assert_fails("--wire_client\n0 close(3) = 0\n", "x.pkt:1:", "not taken");
	assert_fails("--nonsense\n0 close(3) = 0\n", "x.pkt:1:", "unknown option --nonsense");
	assert_fails("--mtu=70000\n0 close(3) = 0\n", "x.pkt:1:", "not in");
}

TEST(options_of_the_command_line_stand_above, "")
{
	struct script s;

	assert_true(script_load(&s, "tests/script/open/passive.pkt", "--tolerance_usecs=7\n"));
	assert_int_equal(s.tolerance_ns, 7000);
	script_free(&s);
	assert_false(script_load(&s, "tests/script/open/passive.pkt", "--foo\n"));
	assert_non_null(strstr(s.error, "command line:1: unknown option"));
	script_free(&s);
	assert_false(script_load(&s, "tests/script/no/such.pkt", NULL));
	assert_non_null(strstr(s.error, "cannot be read"));
	script_free(&s);
}

TEST(tolerance_may_be_a_part_of_the_wait, "")
{
	assert_fails(OPEN "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n"
			  "+.32 > P. 1:11(10) ack 1\n",
		     "x.pkt:10:", "time");
	assert_plays("--tolerance_percent=10\n" OPEN
		     "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n"
		     "+.32 > P. 1:11(10) ack 1\n");
}

TEST(settings_by_all_forms_of_sysctl, "")
{
	assert_plays("`sysctl -w net.ipv4.tcp_sack=0\nsysctl -q net/ipv4/tcp_timestamps=0; sysctl "
		     "-q -w net.ipv4.tcp_rmem='4096 50000 60000' net.core.rmem_max=212992`\n" SOCKET
		     "+0 fcntl(3, F_SETFL, O_NONBLOCK) = 0\n"
		     "+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)\n"
		     "+0 > S 0:0(0) win 24820 <mss 1460,nop,wscale 2>\n");
	assert_plays(OPEN "+0 `sysctl -w net.ipv4.tcp_syncookies=0`\n");
	assert_fails("`sysctl -w net.ipv4.tcp_sack=0; rm -rf x`\n" SOCKET,
		     "x.pkt:1:", "the only command");
	assert_fails("`echo 1`\n" SOCKET, "x.pkt:1:", "the only command");
	assert_fails("`sysctl -p file`\n" SOCKET, "x.pkt:1:", "not taken");
	assert_fails("`sysctl net.ipv4.tcp_sack`\n" SOCKET, "x.pkt:1:", "is not NAME=VALUE");
	assert_fails("`sysctl -w a", "x.pkt:1:", "is missing");
}

TEST(vectors_and_messages, "")
{
	assert_plays(OPEN "+0 writev(4, [{..., 100}, {..., 200}], 2) = 300\n"
			  "+0 > P. 1:301(300) ack 1\n"
			  "+0 sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 50}, {..., 50}],\n"
			  "               msg_flags=0}, 0) = 100\n"
			  "+0 < P. 1:401(400) ack 301 win 65535\n"
			  "+0 > P. 301:401(100) ack 401\n"
			  "+0 readv(4, [{..., 100}, {..., 100}], 2) = 200\n"
			  "+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 1000}],\n"
			  "               msg_flags=0}, 0) = 200\n");
	assert_plays(UDP "+0 < udp (10)\n"
			 "+0 recvmsg(3, {msg_iov(1)=[{..., 4}], msg_flags=MSG_TRUNC,\n"
			 "               msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_TTL,\n"
			 "                             cmsg_data=[64]}]}, 0) = 4\n"
			 "+0 sendmsg(3, {msg_name(...)={sa_family = AF_INET, sin_port = htons(9),\n"
			 "                     sin_addr = inet_addr(\"192.0.2.1\")},\n"
			 "               msg_iov(1)=[{..., 4}],\n"
			 "               msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_TOS,\n"
			 "                             cmsg_data=8}]}, 0) = 4\n"
			 "+0 > [tos 8] 8080 > 9 udp (4)\n");
	assert_fails(UDP "+0 < udp (10)\n"
			 "+0 recvmsg(3, {msg_iov(1)=[{..., 4}], msg_flags=0}, 0) = 4\n",
		     "x.pkt:4:", "msg_flags: expected 0x0, got 0x20");
	assert_fails(OPEN "+0 writev(4, [{..., x}], 1) = 1\n", "x.pkt:8:", "unknown name x");
	assert_fails(OPEN "+0 writev(4, [5], 1) = 1\n", "x.pkt:8:", "iovec");
	assert_fails(OPEN "+0 writev(4, [{..., -5}], 1) = 1\n", "x.pkt:8:", "iovec");
}

TEST(addresses_are_compared, "")
{
	assert_plays(SOCKET "+0 bind(3, {sa_family = AF_INET, sin_port = htons(99),\n"
			    "            sin_addr = inet_addr(\"192.0.2.2\")}, ...) = 0\n"
			    "+0 getsockname(3, {sa_family = AF_INET, sin_port = htons(99),\n"
			    "            sin_addr = inet_addr(\"192.0.2.2\")}, [16]) = 0\n"
			    "+0 getpeername(3, ..., ...) = -1 ENOTCONN (not connected)\n");
	assert_fails(UDP "+0 < 5 > 8080 udp (10)\n"
			 "+0 recvfrom(3, ..., 10, 0, {sa_family = AF_INET, sin_port = htons(6),\n"
			 "            sin_addr = inet_addr(\"192.0.2.1\")}, [16]) = 10\n",
		     "x.pkt:4:", "got 192.0.2.1:5");
	assert_fails(SOCKET "+0 bind(3, {sa_family = AF_INET, sin_port = htons(99),\n"
			    "            sin_addr = inet_addr(\"192.0.2.400\")}, ...) = 0\n",
		     "x.pkt:2:", "malformed");
	assert_fails(SOCKET "+0 bind(3, {sa_family = AF_INET6, sin_port = htons(9)}, ...) = 0\n",
		     "x.pkt:2:", "AF_INET");
	assert_fails("0 socket(AF_INET6, SOCK_STREAM, 0) = 3\n", "x.pkt:1:", "EAFNOSUPPORT");
}

TEST(poll_and_epoll, "")
{
	assert_plays(OPEN
		     "+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1\n"
		     "+0 poll([{fd=4, events=POLLIN, revents=0}], 1, 0) = 0\n"
		     "+0 epoll_create(1) = 5\n"
		     "+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0\n"
		     "+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = -1 EEXIST (is)\n"
		     "+0...0.1 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, -1) = 1\n"
		     "+.1 < P. 1:11(10) ack 1 win 65535\n"
		     "+0 > . 1:1(0) ack 11\n"
		     "+0 epoll_ctl(5, EPOLL_CTL_MOD, 4, {events=EPOLLIN|EPOLLET, ptr=7}) = 0\n"
		     "+0 epoll_wait(5, [{events=EPOLLIN, u64=7}], 4, 0) = 1\n"
		     "+0 epoll_wait(5, ..., 4, 0) = 0\n"
		     "+0 < P. 11:21(10) ack 1 win 65535\n"
		     "+0 > . 1:1(0) ack 21\n"
		     "+0 epoll_wait(5, ..., 4, 0) = 1\n"
		     "+0 epoll_ctl(5, EPOLL_CTL_MOD, 4, {events=EPOLLIN|EPOLLONESHOT, fd=4}) = 0\n"
		     "+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1\n"
		     "+0 epoll_wait(5, ..., 1, 0) = 0\n"
		     "+0...0.05 epoll_wait(5, ..., 1, 50) = 0\n"
		     "+.1 epoll_ctl(5, EPOLL_CTL_DEL, 4, NULL) = 0\n"
		     "+0 epoll_ctl(5, EPOLL_CTL_DEL, 4, NULL) = -1 ENOENT (gone)\n"
		     "+0 close(5) = 0\n");
	assert_fails(OPEN "+0 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) = 0\n",
		     "x.pkt:8:", "revents: expected 0x1, got 0x0");
	assert_fails(OPEN "+0 epoll_wait(4, ..., 1, 0) = 0\n", "x.pkt:8:", "no epoll");
}

TEST(pipes_files_and_what_goes_between, "")
{
	assert_plays(OPEN "+0 pipe([5, 6]) = 0\n"
			  "+0 < P. 1:101(100) ack 1 win 65535\n"
			  "+0 > . 1:1(0) ack 101\n"
			  "+0 splice(4, NULL, 6, NULL, 1000, 0) = 100\n"
			  "+0 splice(5, NULL, 4, NULL, 60, SPLICE_F_MORE) = 60\n"
			  "+0 > P. 1:61(60) ack 101\n"
			  "+0 read(5, ..., 100) = 40\n"
			  "+0 open(\"any\", O_RDONLY) = 7\n"
			  "+0 sendfile(4, 7, [0], 500) = 500\n"
			  "+0 < . 101:101(0) ack 61 win 65535\n"
			  "+0 > P. 61:561(500) ack 101\n"
			  "+0 splice(4, NULL, 7, NULL, 10, 0) = -1 EINVAL (no pipe)\n"
			  "+0 close(7) = 0\n");
	assert_fails(OPEN "+0 pipe([8, 9]) = 0\n", "x.pkt:8:", "got [5, 6]");
	assert_fails(OPEN "+0 pipe([5, 6]) = 0\n+0 listen(5, 1) = 0\n", "x.pkt:9:", "no socket");
}

TEST(receive_may_wait_for_all, "")
{
	assert_plays(OPEN "+0...0.2 recv(4, ..., 20, MSG_WAITALL) = 20\n"
			  "+.1 < P. 1:11(10) ack 1 win 65535\n"
			  "+0 > . 1:1(0) ack 11\n"
			  "+.1 < P. 11:31(20) ack 1 win 65535\n"
			  "+0 > . 1:1(0) ack 31\n");
	assert_plays(OPEN "+0...0.2 recv(4, ..., 20, MSG_WAITALL) = 10\n"
			  "+.2 < FP. 1:11(10) ack 1 win 65535\n"
			  "+.04 > . 1:1(0) ack 12\n");
}

TEST(linger_is_read_and_compared, "")
{
	assert_plays(SOCKET
		     "+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=5}, 8) = 0\n"
		     "+0 getsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=5}, [8]) = 0\n");
	assert_fails(SOCKET
		     "+0 getsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=5}, [8]) = 0\n",
		     "x.pkt:2:", "got {onoff=0, linger=0}");
}

TEST(assertions_as_people_write_them, "")
{
	assert_plays("--define=TEN=10\n" OPEN "+0 %{\n"
		     "# the first flight\n"
		     "assert tcpi_snd_cwnd == TEN, 'initial window'\n"
		     "assert 5 < tcpi_snd_cwnd <= 10 and not tcpi_unacked == 1\n"
		     "assert (tcpi_state == TCP_ESTABLISHED or\n"
		     "        1 == 2), \"over lines\"\n"
		     "assert not (1 == 2); assert 2 + 3 * 4 < 15 < 20 != 0\n"
		     "assert -7 / 2 == -3, tcpi_rto }%\n");
	assert_fails(OPEN "+0 %{ assert 1 < 3 < 2 }%\n", "x.pkt:8:", "is not true");
	assert_fails(OPEN "+0 %{ assert 3 < 2 < 9 }%\n", "x.pkt:8:", "is not true");
	assert_fails(OPEN "+0 %{ assert not 1 == 1 }%\n", "x.pkt:8:", "is not true");
	assert_fails(OPEN "+0 %{ assert 1 == 2, 'so it is' }%\n",
		     "x.pkt:8:", "is not true (so it is)");
	assert_fails(OPEN "+0 %{ assert 12abc == 1 }%\n", "x.pkt:8:", "what number");
	assert_fails(OPEN "+0 %{ assert (((((((((((((((((((((((((((((((((((((((((((((((((((((((("
			  "((((((((((((((1 }%\n",
		     "x.pkt:8:", "too deep");
	assert_fails(OPEN "+0 %{ assert 1 + }%\n", "x.pkt:8:", "neither a number nor a name");
}

TEST(fast_open_cookie_is_learnt, "")
{
	/* Whatever the stack says of its own is what is asked for from then on; nothing is known before. */
	assert_fails(SOCKET "+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"
			    "+0 < S 0:0(0) win 65535 <mss 1000>\n"
			    "+0 > S. 0:0(0) ack 1 <mss 1460,FO cookie>\n",
		     "x.pkt:5:", "options");
}

/* Every text is either refused with a line, or a script. */
static void must_be_judged(const char *text, size_t n)
{
	struct script s;

	if (!script_parse(&s, "x.pkt", text, n) && strncmp(s.error, "x.pkt:", 6) != 0)
		fail_msg("refused without a line: %s", s.error);
	script_free(&s);
}

TEST(no_text_does_harm, "")
{
	static const char spice[] = "<>()[]{}\"'`%*/#.,:;=-+~|&!\\ \n\t09azEFSR";
	glob_t found;
	uint32_t rnd = 1;

	assert_int_equal(glob("tests/script/*/*.pkt", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		static char text[8192];
		FILE *f = fopen(found.gl_pathv[i], "r");
		size_t n;

		assert_non_null(f);
		n = fread(text, 1, sizeof(text), f);
		fclose(f);
		for (unsigned k = 0; k < 30; k++) {
			size_t at;
			char was;

			rnd = rnd * 1103515245 + 12345;
			at = (rnd >> 8) % n;
			was = text[at];
			must_be_judged(text, at);
			text[at] =
				k % 5 ? spice[(rnd >> 4) % (sizeof(spice) - 1)] : (char)(rnd >> 3);
			must_be_judged(text, n);
			if (k % 3)
				text[at] = was;
		}
	}
	globfree(&found);
}

TEST(nesting_without_end_does_no_harm, "")
{
	static char text[200000];

	memcpy(text, "0 f(", 4);
	memset(text + 4, '[', sizeof(text) - 5);
	must_be_judged(text, sizeof(text) - 1);
	memset(text + 4, '{', sizeof(text) - 5);
	must_be_judged(text, sizeof(text) - 1);
	memset(text, '(', sizeof(text) - 1);
	must_be_judged(text, sizeof(text) - 1);
	memset(text, '9', sizeof(text) - 1);
	must_be_judged(text, sizeof(text) - 1);
}

/* The whole of a file, in a buffer that the next call uses again. */
static const char *whole(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		fail_msg("%s cannot be read", path);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

TEST(readme_has_every_folder_of_scripts, "")
{
	const char *readme = whole("tests/script/README.md");
	glob_t found;

	assert_int_equal(glob("tests/script/*/", GLOB_ONLYDIR, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = found.gl_pathv[i] + strlen("tests/script/");

		if (!strstr(readme, name))
			fail_msg("tests/script/README.md doesn't have %s", name);
	}
	globfree(&found);
}

TEST(every_script_opens_with_a_sentence, "")
{
	glob_t found;

	assert_int_equal(glob("tests/script/*/*.pkt", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *text = whole(found.gl_pathv[i]);

		if (strncmp(text, "// ", 3) != 0 || strncmp(text, "// ids:", 7) == 0)
			fail_msg("%s does not say what it shows", found.gl_pathv[i]);
	}
	globfree(&found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(times_of_all_forms, teardown),
		cmocka_unit_test_teardown(flags_of_all_letters_and_accecn_numbers, teardown),
		cmocka_unit_test_teardown(options_of_all_kinds, teardown),
		cmocka_unit_test_teardown(ip_header_words, teardown),
		cmocka_unit_test_teardown(icmp_forms, teardown),
		cmocka_unit_test(numbers_in_all_bases_and_joined),
		cmocka_unit_test_teardown(strings_have_escapes, teardown),
		cmocka_unit_test_teardown(options_at_the_top, teardown),
		cmocka_unit_test(options_of_the_command_line_stand_above),
		cmocka_unit_test(tolerance_may_be_a_part_of_the_wait),
		cmocka_unit_test(settings_by_all_forms_of_sysctl),
		cmocka_unit_test(vectors_and_messages),
		cmocka_unit_test(addresses_are_compared),
		cmocka_unit_test(poll_and_epoll),
		cmocka_unit_test(pipes_files_and_what_goes_between),
		cmocka_unit_test(receive_may_wait_for_all),
		cmocka_unit_test(linger_is_read_and_compared),
		cmocka_unit_test(assertions_as_people_write_them),
		cmocka_unit_test(fast_open_cookie_is_learnt),
		cmocka_unit_test(no_text_does_harm),
		cmocka_unit_test(nesting_without_end_does_no_harm),
		cmocka_unit_test(readme_has_every_folder_of_scripts),
		cmocka_unit_test(every_script_opens_with_a_sentence),
	};

	return tapir_test_run("unit/support/test_script_language", tests);
}
