#!/bin/sh
# tapir ping against the kernel: its words and its exit status are ping's.
. tests/e2e/lib.sh
. tests/e2e/lib_dns.sh

ping_says() { # expected status, arguments...
	want=$1
	shift
	got=0
	"$TAPIR" ping "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
	[ $got = "$want" ] || {
		cat "$scratch/out" "$scratch/err"
		fail "exit status $got instead of $want"
	}
}

# ids: R1122-67 R1122-71
test_replies_are_told_as_ping_tells_them() {
	ping_says 0 -c 3 -i 0.01 $host
	has "$scratch/out" '^PING 192\.0\.2\.1 \(192\.0\.2\.1\) 56\(84\) bytes of data\.$'
	for seq in 1 2 3; do
		has "$scratch/out" "^64 bytes from 192\.0\.2\.1: icmp_seq=$seq ttl=64 time=[0-9.]+ ms$"
	done
	has "$scratch/out" '^--- 192\.0\.2\.1 ping statistics ---$'
	has "$scratch/out" '^3 packets transmitted, 3 received, 0% packet loss, time [0-9]+ms$'
	has "$scratch/out" '^rtt min/avg/max/mdev = [0-9]+\.[0-9]{3}/[0-9.]+/[0-9.]+/[0-9.]+ ms'
}

test_every_size_is_answered() {
	for size in 0 1 7 56 1472 1473 9000 65507; do
		ping_says 0 -c 2 -i 0.01 -s $size $host
		has "$scratch/out" "^$((size + 8)) bytes from"
	done
}

test_no_answer_is_exit_1() {
	ip tuntap add dev tap0 mode tap
	ip addr add 192.0.2.1/24 dev tap0
	echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all
	ping_says 1 -c 2 -i 0.05 -W 0.2 $host
	has "$scratch/out" '^2 packets transmitted, 0 received, 100% packet loss'
	has_not "$scratch/out" '^rtt'
}

test_a_host_that_is_not_there_is_told_by_our_own_address() {
	ping_says 1 -c 1 192.0.2.77
	has "$scratch/out" '^From 192\.0\.2\.2 icmp_seq=1 Destination Host Unreachable$'
	has "$scratch/out" '^1 packets transmitted, 0 received, \+1 errors, 100% packet loss'
}

test_an_error_of_the_gateway_is_told_with_its_name() {
	ip tuntap add dev tap0 mode tap
	ip addr add 192.0.2.1/24 dev tap0
	echo 1 >/proc/sys/net/ipv4/ip_forward
	ip route add unreachable 198.51.100.0/24
	ping_says 1 -c 1 198.51.100.7
	has "$scratch/out" '^From 192\.0\.2\.1 icmp_seq=1 Destination Host Unreachable$'
	ip route add prohibit 203.0.113.0/24
	ping_says 1 -c 1 203.0.113.7
	has "$scratch/out" '^From 192\.0\.2\.1 icmp_seq=1 Packet filtered$'
}

test_a_small_ttl_is_told_as_exceeded() {
	ip tuntap add dev tap0 mode tap
	ip addr add 192.0.2.1/24 dev tap0
	echo 1 >/proc/sys/net/ipv4/ip_forward
	ip link add veth0 type veth peer name veth1
	ip addr add 198.51.100.1/24 dev veth0
	ip link set veth0 up
	ping_says 1 -c 1 -t 1 198.51.100.7
	has "$scratch/out" '^From 192\.0\.2\.1 icmp_seq=1 Time to live exceeded$'
}

test_bad_arguments_are_one_line_and_exit_2() {
	for args in '' 'non..sense' '0.0.0.0' '1.2.3.4 5.6.7.8' '-c 0 192.0.2.1' '-c x 192.0.2.1' '-i -1 192.0.2.1' '-i 1e3 192.0.2.1' \
		'-s 65508 192.0.2.1' '-t 0 192.0.2.1' '-t 256 192.0.2.1' '-W x 192.0.2.1' '-Q 192.0.2.1'; do
		# shellcheck disable=SC2086
		ping_says 2 $args
		[ "$(wc -l <"$scratch/err")" = 1 ] || fail "not one line: $(cat "$scratch/err")"
		[ ! -s "$scratch/out" ]
	done
}

# ids: D1034-6
test_a_name_is_told_with_the_address_it_has() {
	need knotd dnsmasq
	dns_net
	dns_zones
	dns_start knotd dnsmasq
	ping_says 0 --dns $dnsmasq_ip -c 1 -W 2 ns2.types.test
	has "$scratch/out" '^PING ns2\.types\.test \(192\.0\.2\.54\) 56\(84\) bytes of data\.$'
	has "$scratch/out" '^64 bytes from ns2\.types\.test \(192\.0\.2\.54\): icmp_seq=1 ttl=64 time='
	has "$scratch/out" '^--- ns2\.types\.test ping statistics ---$'
	ping_says 0 --dns $dnsmasq_ip -n -c 1 -W 2 ns2.types.test
	has "$scratch/out" '^64 bytes from 192\.0\.2\.54: icmp_seq=1 '
	ping_says 2 --dns $dnsmasq_ip -c 1 nothing.a.types.test
	has "$scratch/err" '^tapir ping: nothing\.a\.types\.test: Name or service not known$'
	[ ! -s "$scratch/out" ]
}

test_no_route_is_exit_2() {
	ping_says 2 --host-ip none -c 1 198.51.100.7
	has "$scratch/err" 'Network is unreachable'
}

test_it_ends_when_nobody_reads_what_it_tells() {
	timeout 10 "$TAPIR" ping -i 0.05 $host | head -n 2 >"$scratch/out"
	has "$scratch/out" 'icmp_seq=1 '
}

test_a_flood_of_2000_has_no_loss() {
	ping_says 0 -c 2000 -i 0 $host
	has "$scratch/out" '^2000 packets transmitted, 2000 received, 0% packet loss'
}

run_tests "$@"
