/*
 * The script runner finds what is wrong: in a script, with its line, and in what the stack does, with what was expected
 * and what came.
 */
#include "tests/support/script.h"
#include "tests/support/test.h"

#define OPEN                                             \
	"0  socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n" \
	"+0 bind(3, ..., ...) = 0\n"                     \
	"+0 listen(3, 1) = 0\n"                          \
	"+0 < S 0:0(0) win 65535 <mss 1000>\n"           \
	"+0 > S. 0:0(0) ack 1 win 64240 <mss 1460>\n"    \
	"+.1 < . 1:1(0) ack 1 win 65535\n"               \
	"+0 accept(3, ..., ...) = 4\n"

static char error[2048];

/* Plays a text; the error is in error[]. */
static bool play(const char *text)
{
	struct script s;
	bool ok = script_parse(&s, "x.pkt", text, strlen(text)) && script_run(&s);

	memcpy(error, s.error, sizeof(error));
	script_free(&s);
	return ok;
}

static void assert_fails(const char *text, const char *line, const char *what)
{
	assert_false(play(text));
	if (strncmp(error, line, strlen(line)) != 0 || !strstr(error, what))
		fail_msg("expected '%s ... %s', got '%s'", line, what, error);
}

TEST(script_that_holds_passes, "")
{
	assert_true(play(OPEN "+0 write(4, ..., 10) = 10\n"
			      "+0 > P. 1:11(10) ack 1\n"));
}

TEST(syntax_errors_name_their_line, "")
{
	assert_fails("\n\nfoo\n", "x.pkt:3:", "expected a time");
	assert_fails("0 < S 0:5(4) win 1\n", "x.pkt:1:", "are not");
	assert_fails("0 < S 0:0(0)\n\n", "x.pkt:", "wants a window");
	assert_fails("0 < Q 0:0(0) win 1\n", "x.pkt:1:", "no flag");
	assert_fails("0 < . 0:0(0) win 1\n", "x.pkt:", "go together");
	assert_fails("0 < S 0:0(0) win 1 <foo 3>\n", "x.pkt:1:", "'foo 3' is no option of TCP");
	assert_fails("0 bind(3, ...\n", "x.pkt:", "expected");
	assert_fails("0 bind(3, [1)) = 0\n", "x.pkt:1:", "closes nothing");
	assert_fails("0 bind(NONSENSE) = 0\n", "x.pkt:1:", "unknown name");
	assert_fails("/* \n", "x.pkt:1:", "no end");
	assert_fails("", "x.pkt:1:", "no event");
	assert_fails("--nonsense=1\n0 close(3) = 0\n", "x.pkt:1:", "unknown option");
	assert_fails("0 > S 0:0(0)...\n", "x.pkt:1:", "");
}

TEST(only_sysctl_may_be_commanded, "")
{
	assert_fails("\n`ls -l`\n0 socket(..., SOCK_STREAM, 0) = 3\n",
		     "x.pkt:2:", "the only command is");
	assert_fails("`sysctl -w net.ipv4.no_such=1`\n0 socket(..., SOCK_STREAM, 0) = 3\n",
		     "x.pkt:1:", "no such setting");
	assert_fails("`sysctl -w net.ipv4.tcp_sack=7`\n0 socket(..., SOCK_STREAM, 0) = 3\n",
		     "x.pkt:1:", "net.ipv4.tcp_sack[0] = 7: not within its limits: give 0 to 1");
	assert_fails("`sysctl -w net.ipv4.tcp_rmem=\"6000 5000 4096\"`\n0 socket(..., SOCK_STREAM, "
		     "0) = 3\n",
		     "x.pkt:1:", "net.ipv4.tcp_rmem = 6000 5000 4096: out of order");
	assert_fails("0 socket(..., SOCK_STREAM, 0) = 3\n`sysctl -w net.ipv4.tcp_rmem=1000000`\n",
		     "x.pkt:2:", "net.ipv4.tcp_rmem[0] = 1000000: out of order with its others");
	assert_fails("`sysctl -w net.ipv4.tcp_sack=`\n0 socket(..., SOCK_STREAM, 0) = 3\n",
		     "x.pkt:1:", "wants a value");
	assert_true(play("`sysctl -q -w net.ipv4.tcp_rmem=\"4096 50000 60000\"`\n"
			 "0 socket(..., SOCK_STREAM, 0) = 3\n"));
}

TEST(wrong_result_of_a_call_is_told, "")
{
	assert_fails("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4\n", "x.pkt:1:", "got:      3");
	assert_fails(OPEN "+0 write(4, ..., 10) = 9\n", "x.pkt:8:", "got:      10");
	assert_fails("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
		     "+0 read(3, ..., 10) = -1 EAGAIN\n",
		     "x.pkt:2:", "ENOTCONN");
	assert_fails("0 close(9) = 0\n", "x.pkt:1:", "not open");
	assert_fails("0 frobnicate(9) = 0\n", "x.pkt:1:", "no such call");
	assert_fails(OPEN "+0 getsockopt(4, SOL_TCP, TCP_NODELAY, [1], [4]) = 0\n",
		     "x.pkt:8:", "expected the value 1, got 0");
}

TEST(call_that_blocks_is_told, "")
{
	assert_fails(OPEN "+0 read(4, ..., 10) = 10\n", "x.pkt:8:", "blocks");
	assert_fails(OPEN "+0...+5 read(4, ..., 10) = 10\n+1 %{ assert 1 }%\n",
		     "x.pkt:8:", "still blocks at the end");
	assert_fails(OPEN "+0...+.5 read(4, ..., 10) = 10\n+1 %{ assert 1 }%\n",
		     "x.pkt:8:", "still blocks at 1.1");
	assert_fails(OPEN "+0...+.5 read(4, ..., 10) = 10\n"
			  "+.1 < P. 1:11(10) ack 1 win 65535\n",
		     "x.pkt:8:", "returns at 0.200");
	assert_fails(OPEN "+0...+.5 accept(3, ..., ...) = 5\n+0 read(4, ..., 10) = 1\n",
		     "x.pkt:9:", "another call");
}

TEST(each_field_of_a_segment_is_compared, "")
{
#define WRITE OPEN "+0 write(4, ..., 10) = 10\n"
	assert_fails(WRITE "+0 > . 1:11(10) ack 1\n", "x.pkt:9:", "flags");
	assert_fails(WRITE "+0 > P. 2:12(10) ack 1\n", "x.pkt:9:", "sequence number");
	assert_fails(WRITE "+0 > P. 1:12(11) ack 1\n", "x.pkt:9:", "length");
	assert_fails(WRITE "+0 > P. 1:11(10) ack 2\n", "x.pkt:9:", "acknowledgment");
	assert_fails(WRITE "+0 > P. 1:11(10) ack 1 win 5\n", "x.pkt:9:", "window");
	assert_fails(WRITE "+0 > P. 1:11(10) ack 1 <nop>\n", "x.pkt:9:", "options");
	assert_fails(WRITE "+0 > [ttl 63] P. 1:11(10) ack 1\n", "x.pkt:9:", "TTL");
	assert_fails(WRITE "+0 > [tos 4] P. 1:11(10) ack 1\n", "x.pkt:9:", "TOS");
	assert_fails(WRITE "+0 > [nodf] P. 1:11(10) ack 1\n", "x.pkt:9:", "DF");
	assert_fails(WRITE "+0 > 8080 > 7 P. 1:11(10) ack 1\n", "x.pkt:9:", "ports");
	assert_fails(WRITE "+0 > udp (10)\n", "x.pkt:9:", "protocol");
	assert_fails(WRITE "+.2 > P. 1:11(10) ack 1\n", "x.pkt:9:", "time: expected at");
	assert_true(play(WRITE "* > P. 1:11(10) ack 1 <...>\n"));
	assert_true(play(WRITE "+0~+.1 > P. 1:11(10) ack 1\n"));
	assert_fails(WRITE "+.1~+.2 > P. 1:11(10) ack 1\n", "x.pkt:9:", "time");
}

TEST(payload_is_compared, "")
{
	/* Bytes of a literal are not those of the pattern, and so are not compared; the pattern's are. */
	assert_true(play(OPEN "+0 write(4, \"abc\", 3) = 3\n+0 > P. 1:4(3) ack 1\n"));
	assert_fails(OPEN "+0 < . 11:21(10) ack 1 win 65535\n"
			  "+0 > . 1:1(0) ack 1\n"
			  "+0 < . 1:11(10) ack 1 win 65535\n"
			  "+0 > . 1:1(0) ack 21\n"
			  "+0 read(4, ..., 5) = 5\n"
			  "+0 read(4, ..., 20) = 14\n",
		     "x.pkt:13:", "got:      15");
}

TEST(packet_too_many_or_missing_is_told, "")
{
	assert_fails(WRITE, "x.pkt:8:", "at the end");
	assert_fails(WRITE "+.2 < . 1:1(0) ack 1 win 65535\n", "x.pkt:9:", "nothing expects");
	assert_fails(OPEN "+0 > P. 1:11(10) ack 1\n", "x.pkt:8:", "nothing leaves");
	assert_fails(OPEN "+1 close(4) = 0\n0.5 close(3) = 0\n", "x.pkt:9:", "goes back in time");
}

TEST(assertions_are_judged, "")
{
	assert_true(play(OPEN "+0 %{ assert tcpi_state == TCP_ESTABLISHED and not 0; "
			      "assert (1 + 2) * 3 == 9 && 7 % 4 == 3 || 0, 5 }%\n"));
	assert_fails(OPEN "+0 %{ assert tcpi_snd_cwnd == 77, tcpi_snd_cwnd }%\n",
		     "x.pkt:8:", "tcpi_snd_cwnd is 10");
	assert_fails(OPEN "+0 %{ assert nonsense == 1 }%\n", "x.pkt:8:", "unknown name");
	assert_fails(OPEN "+0 %{ import os }%\n", "x.pkt:8:", "neither assert nor print");
	assert_fails(OPEN "+0 %{ assert 1 / 0 }%\n", "x.pkt:8:", "division by zero");
	assert_fails(OPEN "+0 %{ assert (1 }%\n", "x.pkt:8:", "not closed");
	assert_fails(OPEN "+0 %{ assert 1 2 }%\n", "x.pkt:8:", "what is this");
	assert_true(play(OPEN "+0 %{ assert Tcp.InSegs == 2; assert drop.TCP_CSUM == 0 }%\n"));
}

TEST(times_are_exact_within_the_tolerance, "")
{
	assert_true(play(OPEN "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n"
			      "+.3005 > P. 1:11(10) ack 1\n"));
	assert_fails("--tolerance_usecs=100\n" OPEN
		     "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n"
		     "+.3005 > P. 1:11(10) ack 1\n",
		     "x.pkt:11:", "time");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(script_that_holds_passes),
		cmocka_unit_test(syntax_errors_name_their_line),
		cmocka_unit_test(only_sysctl_may_be_commanded),
		cmocka_unit_test(wrong_result_of_a_call_is_told),
		cmocka_unit_test(call_that_blocks_is_told),
		cmocka_unit_test(each_field_of_a_segment_is_compared),
		cmocka_unit_test(payload_is_compared),
		cmocka_unit_test(packet_too_many_or_missing_is_told),
		cmocka_unit_test(assertions_are_judged),
		cmocka_unit_test(times_are_exact_within_the_tolerance),
	};

	return tapir_test_run("unit/support/test_script", tests);
}
