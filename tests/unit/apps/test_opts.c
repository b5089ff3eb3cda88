/*
 * Command lines: what the shared options become, and the one line with which each bad value is refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/opts.h"
#include "stack/netif.h"
#include "tests/support/test.h"

static struct stack_opts stack;
static long port;
static bool quiet;
static int first;
static char said[2000]; /* what the last parse wrote to stderr, then stdout */

static int set_port(void *to, const char *value, struct opt_why *why)
{
	return opt_number(value, "a port", 1, 65535, to, why);
}

static int set_quiet(void *to, const char *value, struct opt_why *why)
{
	(void)to;
	(void)why;
	assert_null(value);
	quiet = true;
	return 0;
}

static const struct opt own[] = {
	{"port", 'p', "N", "port to serve (80)", set_port},
	{"quiet", 'q', NULL, "no log", set_quiet},
};

/* Parses words divided by single spaces ("~" stands for a space within one). */
static int parse_with(int max_operands, const char *words)
{
	static char text[600];
	static char *argv[64];
	int argc = 0, keep[2], status;
	FILE *f = tmpfile();
	assert_non_null(f);
	snprintf(text, sizeof text, "httpd %s", words);
	for (char *w = strtok(text, " "); w; w = strtok(NULL, " ")) {
		for (char *c = w; *c; c++)
			*c = *c == '~' ? ' ' : *c;
		argv[argc++] = w;
	}
	argv[argc] = NULL;
	port = 80;
	quiet = false;
	const struct opt_command cmd = {
		.name = "httpd",
		.operands = max_operands ? "HOST" : "",
		.about = "Serves files.",
		.opts = own,
		.nopts = 2,
		.to = &port,
		.stack = &stack,
		.min_operands = max_operands,
		.max_operands = max_operands,
	};
	fflush(stdout);
	fflush(stderr);
	for (int i = 0; i < 2; i++) {
		keep[i] = dup(i + 1);
		dup2(fileno(f), i + 1);
	}
	status = opts_parse(&cmd, argc, argv, &first);
	fflush(stdout);
	fflush(stderr);
	for (int i = 0; i < 2; i++) {
		dup2(keep[i], i + 1);
		close(keep[i]);
	}
	rewind(f);
	said[fread(said, 1, sizeof said - 1, f)] = 0;
	fclose(f);
	return status;
}

static int parse(const char *words)
{
	return parse_with(0, words);
}

static void accepts(const char *words)
{
	int status = parse(words);
	if (status != OPTS_GO)
		fail_msg("'%s' gives %d: %s", words, status, said);
	assert_string_equal(said, "");
}

/* One line on stderr, exactly this, and exit status 2. */
static void refuses(const char *words, const char *line)
{
	char want[600];
	int status = parse(words);
	snprintf(want, sizeof want, "tapir httpd: %s\n", line);
	if (status != 2 || strcmp(said, want) != 0)
		fail_msg("'%s' gives %d\n  want: %s  got:  %s", words, status, want, said);
}

TEST(defaults_are_those_of_the_help, "")
{
	accepts("");
	assert_int_equal(stack.dev, DEV_TAP);
	assert_string_equal(stack.dev_name, "tap0");
	assert_int_equal(stack.ip, TAPIR_IP4(192, 0, 2, 2));
	assert_int_equal(stack.ip_len, 24);
	assert_int_equal(stack.gw, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(stack.host_ip, TAPIR_IP4(192, 0, 2, 1));
	assert_int_equal(stack.host_len, 24);
	assert_false(stack.has_mac);
	assert_int_equal(stack.mtu, 0);
	assert_null(stack.pcap);
	assert_int_equal(stack.conf.tcp_sack, 1);
	assert_int_equal(port, 80);
}

TEST(every_shared_option_is_taken, "")
{
	accepts("--dev packet:eth0 --ip 10.1.2.3/16 --gw 10.1.0.1 --mac 02:aB:00:00:00:fe --mtu "
		"9000 --pcap x.pcap "
		"--sysctl net.ipv4.tcp_sack=0 --sysctl net.ipv4.tcp_rmem=4096~8192~16384 -p 8080 "
		"--sysctl net.ipv4.tcp_fastopen_key=a1-2-3-4,5-6-7-8 "
		"-q");
	assert_int_equal(stack.dev, DEV_PACKET);
	assert_string_equal(stack.dev_name, "eth0");
	assert_int_equal(stack.ip, TAPIR_IP4(10, 1, 2, 3));
	assert_int_equal(stack.ip_len, 16);
	assert_int_equal(stack.gw, TAPIR_IP4(10, 1, 0, 1));
	assert_true(stack.has_mac);
	assert_memory_equal(stack.mac.b, "\x02\xab\0\0\0\xfe", 6);
	assert_int_equal(stack.mtu, 9000);
	assert_string_equal(stack.pcap, "x.pcap");
	assert_int_equal(stack.conf.tcp_sack, 0);
	assert_int_equal(stack.conf.tcp_fastopen_key0, 0xa1);
	assert_int_equal(stack.conf.tcp_fastopen_key7, 8);
	assert_int_equal(stack.conf.tcp_rmem_min, 4096);
	assert_int_equal(stack.conf.tcp_rmem_default, 8192);
	assert_int_equal(stack.conf.tcp_rmem_max, 16384);
	assert_int_equal(port, 8080);
	assert_true(quiet);
	accepts("--dev=tap:fifteen-letters --port=1");
	assert_string_equal(stack.dev_name, "fifteen-letters");
	accepts("--dev pcap:wlan0 --dev fd:0");
	assert_int_equal(stack.dev, DEV_FD);
	assert_int_equal(stack.dev_fd, 0);
}

TEST(hosts_side_follows_the_network, "")
{
	accepts("--ip 10.0.0.2/8");
	assert_int_equal(stack.host_ip, TAPIR_IP4(10, 0, 0, 1));
	assert_int_equal(stack.gw, TAPIR_IP4(10, 0, 0, 1));
	accepts("--ip 10.0.0.1/8");
	assert_int_equal(stack.host_ip, TAPIR_IP4(10, 0, 0, 2));
	accepts("--ip 10.0.0.0/31");
	assert_int_equal(stack.host_ip, TAPIR_IP4(10, 0, 0, 1));
	accepts("--ip 10.0.0.1/31");
	assert_int_equal(stack.host_ip, TAPIR_IP4(10, 0, 0, 0));
	accepts("--ip 10.0.0.1/32");
	assert_int_equal(stack.host_ip, 0);
	assert_int_equal(stack.gw, 0);
	accepts("--host-ip none");
	assert_int_equal(stack.host_ip, 0);
	assert_int_equal(stack.gw, 0);
	accepts("--host-ip 192.0.2.9/24");
	assert_int_equal(stack.gw, TAPIR_IP4(192, 0, 2, 9));
	accepts("--host-ip none --gw 192.0.2.7");
	assert_int_equal(stack.gw, TAPIR_IP4(192, 0, 2, 7));
}

/* long: a table, a line a case */
TEST(bad_values_are_refused_in_one_line, "")
{
	static const char *const cases[][2] = {
		{"--port 99999", "--port 99999: not a port: give 1 to 65535"},
		{"--port 0", "--port 0: not a port: give 1 to 65535"},
		{"--port -1", "--port -1: not a port: give 1 to 65535"},
		{"--port +1", "--port +1: not a port: give 1 to 65535"},
		{"--port 0x50", "--port 0x50: not a port: give 1 to 65535"},
		{"--port 80x", "--port 80x: not a port: give 1 to 65535"},
		{"--port=", "--port : not a port: give 1 to 65535"},
		{"--port 99999999999999999999",
		 "--port 99999999999999999999: not a port: give 1 to 65535"},
		{"--port", "--port: wants a value: give --port N"},
		{"-p", "--port: wants a value: give --port N"},
		{"--quiet=1", "--quiet: takes no value: give --quiet alone"},
		{"--dev eth0", "--dev eth0: no such kind of device: give tap:NAME, pcap:IFACE, "
			       "packet:IFACE or fd:N"},
		{"--dev tap:",
		 "--dev tap:: not an interface's name: give 1 to 15 letters and digits"},
		{"--dev tap:sixteen-letters-", "--dev tap:sixteen-letters-: not an interface's "
					       "name: give 1 to 15 letters and digits"},
		{"--dev tap:a/b",
		 "--dev tap:a/b: not an interface's name: give 1 to 15 letters and digits"},
		{"--dev tap:tap%d",
		 "--dev tap:tap%d: not an interface's name: give 1 to 15 letters and digits"},
		{"--dev packet:..",
		 "--dev packet:..: not an interface's name: give 1 to 15 letters and digits"},
		{"--dev fd:x", "--dev fd:x: not a descriptor: give 0 to 2147483647"},
		{"--dev fd:1000000",
		 "--dev fd:1000000: descriptor 1000000 is not open: hand an open one down"},
		{"--ip 192.0.2.2",
		 "--ip 192.0.2.2: not an address with a prefix length: give one like 192.0.2.2/24"},
		{"--ip 192.0.2/24",
		 "--ip 192.0.2/24: not an IPv4 address: give one like 192.0.2.2/24"},
		{"--ip 192.0.2.256/24",
		 "--ip 192.0.2.256/24: not an IPv4 address: give one like 192.0.2.2/24"},
		{"--ip 192.0.2.02/24",
		 "--ip 192.0.2.02/24: not an IPv4 address: give one like 192.0.2.2/24"},
		{"--ip 1192.0.2.2/24",
		 "--ip 1192.0.2.2/24: not an IPv4 address: give one like 192.0.2.2/24"},
		{"--ip 192.0.2.2.2/24",
		 "--ip 192.0.2.2.2/24: not an IPv4 address: give one like 192.0.2.2/24"},
		{"--ip 192.0.2.2/33", "--ip 192.0.2.2/33: not a prefix length: give 1 to 32"},
		{"--ip 192.0.2.2/", "--ip 192.0.2.2/: not a prefix length: give 1 to 32"},
		{"--ip 192.0.2.0/24", "--ip 192.0.2.0/24: the network itself: give a host in it"},
		{"--ip 192.0.2.255/24",
		 "--ip 192.0.2.255/24: the network's broadcast address: give a host in it"},
		{"--ip 224.0.0.1/24",
		 "--ip 224.0.0.1/24: a multicast address: give a host's, like 192.0.2.2/24"},
		{"--ip 127.0.0.1/8", "--ip 127.0.0.1/8: a loopback address, which is every host's "
				     "own: give a host's, like 192.0.2.2/24"},
		{"--ip 0.0.0.1/8", "--ip 0.0.0.1/8: 0.0.0.0/8 is no host's address: give a host's, "
				   "like 192.0.2.2/24"},
		{"--ip 255.255.255.255/32", "--ip 255.255.255.255/32: a reserved or broadcast "
					    "address: give a host's, like 192.0.2.2/24"},
		{"--gw x", "--gw x: not an IPv4 address: give one like 192.0.2.1"},
		{"--gw 192.0.2.2", "--gw 192.0.2.2: the stack's own address: give another host's"},
		{"--gw 10.0.0.1",
		 "--gw 10.0.0.1: not in the network of --ip 192.0.2.2/24: give a neighbour's"},
		{"--gw 224.0.0.1",
		 "--gw 224.0.0.1: a multicast address: give a host's, like 192.0.2.1"},
		{"--host-ip 192.0.2.2/24",
		 "--host-ip 192.0.2.2/24: the stack's own address: give another"},
		{"--ip 10.0.0.2/24 --host-ip 10.0.1.1/24",
		 "--host-ip 10.0.1.1/24: not in the network of --ip 10.0.0.2/24: give an address "
		 "of it"},
		{"--dev packet:eth0 --host-ip 192.0.2.1/24",
		 "--host-ip 192.0.2.1/24: only a TAP has a host's side: leave it out"},
		{"--mac 02:00:00:00:00",
		 "--mac 02:00:00:00:00: not an Ethernet address: give one like 02:00:00:00:00:02"},
		{"--mac 02:00:00:00:00:0g", "--mac 02:00:00:00:00:0g: not an Ethernet address: "
					    "give one like 02:00:00:00:00:02"},
		{"--mac 02:00:00:00:00:022", "--mac 02:00:00:00:00:022: not an Ethernet address: "
					     "give one like 02:00:00:00:00:02"},
		{"--mac 03:00:00:00:00:02", "--mac 03:00:00:00:00:02: a group address: give a "
					    "station's, like 02:00:00:00:00:02"},
		{"--mac 00:00:00:00:00:00",
		 "--mac 00:00:00:00:00:00: no station's address: give one like 02:00:00:00:00:02"},
		{"--mtu 67", "--mtu 67: not an MTU: give 68 to 65535"},
		{"--pcap=", "--pcap : not a file's name: give one like tapir.pcap"},
		{"--sysctl net.ipv4.tcp_sack",
		 "--sysctl net.ipv4.tcp_sack: not NAME=VALUE: give one like net.ipv4.tcp_sack=0"},
		{"--sysctl =1", "--sysctl =1: not NAME=VALUE: give one like net.ipv4.tcp_sack=0"},
		{"--sysctl net.ipv4.tcp_sack=",
		 "--sysctl net.ipv4.tcp_sack=: net.ipv4.tcp_sack: no value: give one behind the ="},
		{"--sysctl net.ipv4.tcp_sack=2", "--sysctl net.ipv4.tcp_sack=2: net.ipv4.tcp_sack: "
						 "not within its limits: give 0 to 1"},
		{"--sysctl net.ipv4.tcp_sack=on",
		 "--sysctl net.ipv4.tcp_sack=on: net.ipv4.tcp_sack: not a number: give 0 to 1"},
		{"--sysctl net.ipv4.tcp_congestion_control=vegas",
		 "--sysctl net.ipv4.tcp_congestion_control=vegas: net.ipv4.tcp_congestion_control: "
		 "no "
		 "vegas: give one of cubic reno"},
		{"--sysctl net.ipv4.tcp_fastopen_key=1-2-3",
		 "--sysctl net.ipv4.tcp_fastopen_key=1-2-3: net.ipv4.tcp_fastopen_key: no key: "
		 "give four "
		 "hexadecimal numbers, like 1-2-3-4, or two such keys with a comma between"},
		{"--sysctl net.ipv4.tcp_sack=1~1",
		 "--sysctl net.ipv4.tcp_sack=1 1: net.ipv4.tcp_sack: too many values: give at most "
		 "1"},
		{"--sysctl net.ipv4.tcp_sak=1", "--sysctl net.ipv4.tcp_sak=1: net.ipv4.tcp_sak: no "
						"such setting: the nearest is net.ipv4.tcp_sack"},
		{"--sysctl tcp_syncookie=1", "--sysctl tcp_syncookie=1: tcp_syncookie: no such "
					     "setting: the nearest is net.ipv4.tcp_syncookies"},
		{"--sysctl foo=1",
		 "--sysctl foo=1: foo: no such setting: docs/limits.md lists them"},
		{"--sysctl net.ipv4.tcp_rmem=16384~8192~4096",
		 "net.ipv4.tcp_rmem = 16384 8192 4096: out of order: give none that is "
		 "below the one before"},
		{"--sysctl net.ipv4.tcp_wmem=4096~16384~8192",
		 "net.ipv4.tcp_wmem = 4096 16384 8192: out of order: give none that is "
		 "below the one before"},
		{"--sysctl net.ipv4.tcp_rto_min_us=2000000 --sysctl net.ipv4.tcp_rto_max_ms=1000",
		 "net.ipv4.tcp_rto_min_us = 2000000: above its maximum: give less, or "
		 "raise that"},
		{"--conf /nonexistent",
		 "--conf /nonexistent: No such file or directory: give a file of lines NAME=VALUE"},
		{"--conf /tmp", "--conf /tmp: Is a directory: give a file of lines NAME=VALUE"},
		{"extra", "extra: one word too many: see 'tapir httpd --help'"},
		{"-- --port", "--port: one word too many: see 'tapir httpd --help'"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refuses(cases[i][0], cases[i][1]);
}

static void dns_is(unsigned i, uint32_t ip, uint16_t dns_port)
{
	assert_true(i < stack.ndns);
	assert_int_equal(tapir_addr_to_v4(&stack.dns[i].addr), ip);
	assert_int_equal(stack.dns[i].port, dns_port);
}

TEST(name_servers_are_taken_in_their_order, "")
{
	accepts("");
	assert_int_equal(stack.ndns, 0);
	accepts("--dns 192.0.2.53");
	assert_int_equal(stack.ndns, 1);
	dns_is(0, TAPIR_IP4(192, 0, 2, 53), 53);
	accepts("--dns 9.9.9.9,8.8.8.8#5353,8.8.8.8:65535 --dns 1.1.1.1");
	assert_int_equal(stack.ndns, 4);
	dns_is(0, TAPIR_IP4(9, 9, 9, 9), 53);
	dns_is(1, TAPIR_IP4(8, 8, 8, 8), 5353);
	dns_is(2, TAPIR_IP4(8, 8, 8, 8), 65535);
	dns_is(3, TAPIR_IP4(1, 1, 1, 1), 53);
	accepts("--dns 10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8");
	assert_int_equal(stack.ndns, STACK_DNS_MAX);
}

TEST(name_servers_that_are_none_are_refused, "")
{
	static const char *const none[] = {"x",
					   "192.0.2",
					   "192.0.2.1#",
					   "192.0.2.1#0",
					   "192.0.2.1#65536",
					   "192.0.2.1#x",
					   "192.0.2.1#-1",
					   "192.0.2.1#53#53",
					   "192.0.2.1:53#53",
					   "192.0.2.01",
					   "192.0.2.1/24",
					   "dns.example",
					   "192.0.2.1#+53",
					   "192.0.2.1@53",
					   "192.0.2.1#00000000000000000000000000000053"};
	char words[128], line[256];

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		snprintf(words, sizeof words, "--dns %s", none[i]);
		snprintf(line, sizeof line,
			 "--dns %s: not a name server: give one like 192.0.2.53 or "
			 "192.0.2.53#5353",
			 none[i]);
		refuses(words, line);
	}
	refuses("--dns=", "--dns : not a name server: give one like 192.0.2.53 or 192.0.2.53#5353");
	refuses("--dns 192.0.2.1,",
		"--dns 192.0.2.1,: '': not a name server: give one like 192.0.2.53 "
		"or 192.0.2.53#5353");
	refuses("--dns 2001:db8::1", "--dns 2001:db8::1: name servers are reached over IPv4 only: "
				     "give one like 192.0.2.53");
	refuses("--dns ::1#5353", "--dns ::1#5353: name servers are reached over IPv4 only: "
				  "give one like 192.0.2.53");
	refuses("--dns 127.0.0.53", "--dns 127.0.0.53: the stack's own loopback, where "
				    "nobody answers: give a server's address");
	refuses("--dns 224.0.0.251", "--dns 224.0.0.251: no host has this address: "
				     "give a name server's");
	refuses("--dns 192.0.2.2", "--dns 192.0.2.2: the stack's own address: give another host's");
	refuses("--dns 192.0.2.1,192.0.2.1#53", "--dns 192.0.2.1,192.0.2.1#53: '192.0.2.1#53': "
						"there already: give each server once");
	refuses("--dns 10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8,"
		"10.0.0.9",
		"--dns 10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8,"
		"10.0.0.9: too many servers: give at most 8");
}

TEST(the_control_socket_has_a_path_or_is_off, "")
{
	char words[300];

	accepts("");
	assert_null(stack.ctl);
	assert_false(stack.ctl_off);
	accepts("--ctl /run/x.sock");
	assert_string_equal(stack.ctl, "/run/x.sock");
	accepts("--ctl x --ctl none");
	assert_null(stack.ctl);
	assert_true(stack.ctl_off);
	accepts("--ctl none --ctl ./none");
	assert_string_equal(stack.ctl, "./none");
	assert_false(stack.ctl_off);
	refuses("--ctl=", "--ctl : not a path: give one for the socket, or 'none'");
	snprintf(words, sizeof words, "--ctl /%0*d", STACK_CTL_MAX - 1, 0);
	accepts(words);
	snprintf(words, sizeof words, "--ctl /%0*d", STACK_CTL_MAX, 0);
	assert_int_equal(parse(words), 2);
	assert_non_null(strstr(said, "longer than a socket's path may be: give at most 107 bytes"));
}

TEST(a_setting_is_written_as_it_is_read, "")
{
	static const char *const texts[][2] = {
		{"net.ipv4.ip_default_ttl", "64"},
		{"net.ipv4.tcp_rmem", "4096\t131072\t33554432"},
		{"net.ipv4.tcp_congestion_control", "cubic"},
		{"net.ipv4.tcp_fastopen_key", ""},
		{"net.ipv4.ip_local_port_range", "1024\t65535"},
	};
	const struct tapir_conf_item *item;
	struct tapir_conf conf, copy;
	struct opt_why why;
	char text[128], line[256];

	tapir_conf_default(&conf);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_true(opt_setting_text(&conf, texts[i][0], text, sizeof text));
		assert_string_equal(text, texts[i][1]);
	}
	assert_int_equal(opt_setting(&conf, "net.ipv4.tcp_congestion_control=reno", &why), 0);
	assert_true(opt_setting_text(&conf, "net.ipv4.tcp_congestion_control", text, sizeof text));
	assert_string_equal(text, "reno");
	assert_int_equal(opt_setting(&conf, "net.ipv4.tcp_fastopen_key=1-2-3-4,5-6-7-8", &why), 0);
	assert_false(opt_setting_text(&conf, "net.ipv4.no_such", text, sizeof text));
	assert_false(opt_setting_text(&conf, "net.ipv4.tcp_sack", text, 0));
	/* Each at its greatest, through text and back. */
	for (unsigned i = 0; (item = tapir_conf_item(i)); i++) {
		if (strcmp(item->name, "net.ipv4.tcp_fastopen_key") != 0)
			assert_int_equal(tapir_conf_set(&conf, item->name, item->index, item->max),
					 0);
	}
	tapir_conf_default(&copy);
	for (unsigned i = 0; (item = tapir_conf_item(i)); i++) {
		assert_true(opt_setting_text(&conf, item->name, text, sizeof text));
		snprintf(line, sizeof line, "%s=%s", item->name, text);
		if (opt_setting(&copy, line, &why))
			fail_msg("%s: %s", line, why.text);
	}
	for (unsigned i = 0; tapir_conf_item(i); i++)
		assert_int_equal(tapir_conf_value(&copy, i), tapir_conf_value(&conf, i));
	/* Cut where there is no room. */
	for (size_t n = 1; n < 30; n++) {
		memset(text, 'x', sizeof text);
		assert_true(opt_setting_text(&conf, "net.ipv4.tcp_mem", text, n));
		assert_true(memchr(text, 0, n) != NULL);
		assert_int_equal(text[n], 'x');
	}
}

TEST(a_name_that_is_too_long_is_like_none, "")
{
	static char text[1000];
	struct opt_why why;

	memset(text, 'x', sizeof text - 1);
	assert_int_equal(opt_no_setting(text, &why), -1);
	assert_non_null(strstr(why.text, "no such setting: docs/limits.md lists them"));
}

TEST(what_is_not_built_is_unknown, "")
{
	refuses("--keylog f", "--keylog: no such option: see 'tapir httpd --help'");
	refuses("--trace", "--trace: no such option: see 'tapir httpd --help'");
	refuses("--trace=x", "--trace: no such option: see 'tapir httpd --help'");
	refuses("-x", "-x: no such option: see 'tapir httpd --help'");
	refuses("-qx", "-x: no such option: see 'tapir httpd --help'");
	assert_int_equal(parse("--help"), 0);
	assert_int_equal(parse("-h"), 0);
	assert_null(strstr(said, "keylog"));
	assert_null(strstr(said, "trace"));
}

TEST(help_lists_every_option, "")
{
	static const char *const names[] = {"-p, --port N", "-q, --quiet",
					    "--dev DEV",    "--ip ADDR/LEN",
					    "--gw ADDR",    "--host-ip ADDR/LEN",
					    "--mac ADDR",   "--mtu N",
					    "--pcap FILE",  "--sysctl NAME=VALUE",
					    "--conf FILE",  "--dns ADDR[,ADDR...]",
					    "--ctl PATH"};
	assert_int_equal(parse("--port 99 --help --port x"), 0);
	assert_non_null(strstr(said, "usage: tapir httpd [options]\nServes files.\n"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!strstr(said, names[i]))
			fail_msg("help lacks %s:\n%s", names[i], said);
	}
}

TEST(error_stays_on_one_line, "")
{
	refuses("--pcap x --port 1\n2\x1b[2J",
		"--port 1\\x0a2\\x1b[2J: not a port: give 1 to 65535");
}

TEST(operands_are_counted, "")
{
	assert_int_equal(parse_with(1, "--port 9 example"), OPTS_GO);
	assert_int_equal(first, 3);
	assert_int_equal(parse_with(1, "example --port 9"), OPTS_GO);
	assert_int_equal(first, 3);
	assert_int_equal(parse_with(1, ""), 2);
	assert_string_equal(said, "tapir httpd: HOST: missing: give 'tapir httpd HOST'\n");
}

static char conf_name[64];

static void write_conf(const char *text)
{
	snprintf(conf_name, sizeof conf_name, "/tmp/tapir-test-opts-XXXXXX");
	int fd = mkstemp(conf_name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

TEST(a_setting_may_be_a_word, "MAY-18")
{
	accepts("--sysctl net.ipv4.tcp_congestion_control=reno");
	assert_int_equal(stack.conf.tcp_congestion_control, 1);
	accepts("--sysctl net.ipv4.tcp_congestion_control=cubic");
	assert_int_equal(stack.conf.tcp_congestion_control, 0);
	accepts("--sysctl net.ipv4.tcp_congestion_control=1");
	assert_int_equal(stack.conf.tcp_congestion_control, 1);
}

TEST(settings_come_from_a_file_and_the_line_after_it_wins, "")
{
	char words[200];
	write_conf("# comment\n\n ; another\nnet.ipv4.tcp_sack = 0\nnet.ipv4.tcp_rmem\t= 4096 "
		   "8192\t16384\r\nnet.ipv4.tcp_timestamps=0");
	snprintf(words, sizeof words, "--conf %s --sysctl net.ipv4.tcp_timestamps=1", conf_name);
	accepts(words);
	unlink(conf_name);
	assert_int_equal(stack.conf.tcp_sack, 0);
	assert_int_equal(stack.conf.tcp_rmem_max, 16384);
	assert_int_equal(stack.conf.tcp_timestamps, 1);
}

TEST(bad_line_of_a_file_is_named, "")
{
	char words[200], line[300];
	write_conf("\nnet.ipv4.tcp_sack = 7\n");
	snprintf(words, sizeof words, "--conf %s", conf_name);
	snprintf(line, sizeof line,
		 "--conf %s: line 2: net.ipv4.tcp_sack: not within its limits: give 0 to 1",
		 conf_name);
	refuses(words, line);
	unlink(conf_name);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_help),
		cmocka_unit_test(every_shared_option_is_taken),
		cmocka_unit_test(hosts_side_follows_the_network),
		cmocka_unit_test(bad_values_are_refused_in_one_line),
		cmocka_unit_test(name_servers_are_taken_in_their_order),
		cmocka_unit_test(name_servers_that_are_none_are_refused),
		cmocka_unit_test(the_control_socket_has_a_path_or_is_off),
		cmocka_unit_test(a_setting_is_written_as_it_is_read),
		cmocka_unit_test(a_name_that_is_too_long_is_like_none),
		cmocka_unit_test(what_is_not_built_is_unknown),
		cmocka_unit_test(help_lists_every_option),
		cmocka_unit_test(error_stays_on_one_line),
		cmocka_unit_test(operands_are_counted),
		cmocka_unit_test(a_setting_may_be_a_word),
		cmocka_unit_test(settings_come_from_a_file_and_the_line_after_it_wins),
		cmocka_unit_test(bad_line_of_a_file_is_named),
	};
	return tapir_test_run("unit/apps/test_opts", tests);
}
