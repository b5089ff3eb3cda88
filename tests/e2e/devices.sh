#!/bin/sh
# The other devices: a packet socket and libpcap on one end of a veth pair, whose other end is the kernel's.
. tests/e2e/lib.sh

# near0 has the kernel's address, far0 is where the stack listens; offloads are left on, as they come.
wire() {
	ip link add near0 type veth peer name far0
	ip addr add 192.0.2.1/24 dev near0
	ip link set near0 up
	ip link set far0 up
}

answers() {
	ping -n -c 1 -W 2 $us
	ping -n -q -c 2 -i 0.01 -W 2 -s 65507 $us
	ping -n -q -f -c 2000 $us >"$scratch/out"
	has "$scratch/out" ' 0% packet loss'
}

test_packet_socket_answers_ping() {
	wire
	start up --dev packet:far0
	answers
	stop
	ip link show far0 >/dev/null
}

test_libpcap_answers_ping() {
	wire
	start up --dev pcap:far0
	answers
	stop
}

test_an_interface_that_goes_away_is_told_and_exits_1() {
	for kind in packet pcap; do
		wire
		start up --dev $kind:far0
		ip link del far0
		status=0
		wait "$pid" || status=$?
		[ $status = 1 ]
		has "$scratch/said" '^tapir up: far0: .*start again when it is back'
	done
}

test_an_interface_that_goes_down_and_up_again_goes_on() {
	wire
	start up --dev packet:far0
	ip link set far0 down
	sleep 0.2
	ip link set far0 up
	eventually ping -n -c 1 -W 1 $us
	stop
}

test_missing_and_unusable_interfaces_are_refused_in_one_line() {
	wire
	ip link set far0 down
	for dev in packet:nosuch0 pcap:nosuch0 packet:far0 pcap:far0 packet:lo; do
		expect_status 1 "$TAPIR" up --dev $dev 2>"$scratch/err"
		[ "$(wc -l <"$scratch/err")" = 1 ]
		has "$scratch/err" "^tapir up: ${dev#*:}: .*: "
	done
}

test_a_capture_of_a_packet_socket_has_right_checksums() {
	need tcpdump
	wire
	start up --dev packet:far0 --pcap "$scratch/a.pcap"
	ping -n -q -c 3 -i 0.01 $us
	# to a closed port: a datagram with its checksum left to the hardware that veth is not
	echo hello | timeout 2 "$peers/ncat" -u -w 1 $us 9 || true
	stop
	checksums_hold "$scratch/a.pcap"
	has "$scratch/dump" 'UDP'
}

# ids: IP-08
test_a_frame_to_another_mac_is_not_answered() {
	wire
	start up --dev packet:far0
	ip neigh replace $us lladdr 02:00:00:00:00:77 dev near0
	expect_status 1 ping -n -q -c 2 -i 0.2 -W 1 $us
	ip neigh del $us dev near0
	ping -n -q -c 1 -W 2 $us
	stop
}

test_jumbo_frames_and_segments_left_to_hardware_arrive_whole() {
	need ncat
	wire
	ip link set near0 mtu 9000
	ip link set far0 mtu 9000
	head -c 5000000 /dev/urandom >"$scratch/big"
	start echo --dev packet:far0
	timeout 20 "$peers/ncat" $us 7 <"$scratch/big" | cmp - "$scratch/big"
	ping -n -q -c 1 -W 1 -M do -s 8972 $us
	stop
}

run_tests "$@"
