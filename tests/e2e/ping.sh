#!/bin/sh
# The kernel's ping against the stack: every size, the first packet to a cold stack, a flood, ARP by itself.
. tests/e2e/lib.sh

test_first_ping_to_a_cold_stack_is_answered() {
	start up
	ip neigh flush dev tap0
	ping -n -c 1 -W 2 $us
	stop
}

test_ping_of_every_size_is_answered() {
	start up
	for size in 0 1 2 7 8 9 55 56 57 255 256 1471 1472 1473 1480 2951 2952 2953 4096 8972 16383 32768 \
		65505 65506 65507; do
		ping -n -q -c 2 -i 0.01 -W 3 -s $size $us >"$scratch/out" || {
			cat "$scratch/out"
			fail "size $size"
		}
	done
	stop
}

test_flood_of_10000_has_no_loss() {
	start up
	ping -n -q -f -c 10000 $us >"$scratch/out"
	has "$scratch/out" '10000 packets transmitted, 10000 received, 0% packet loss'
	stop
}

test_flood_of_fragments_has_no_loss() {
	start up
	ping -n -q -f -c 500 -s 20000 $us >"$scratch/out"
	has "$scratch/out" '500 packets transmitted, 500 received, 0% packet loss'
	stop
}

test_patterns_come_back_unchanged() {
	start up
	for pattern in 00 ff 55aa deadbeef; do
		ping -n -c 3 -i 0.01 -p $pattern -s 1400 $us >"$scratch/out"
		has_not "$scratch/out" 'wrong data byte'
	done
	stop
}

test_arping_is_answered_by_one_mac() {
	need arping
	start up
	"$peers/arping" -c 3 -w 5 -I tap0 $us >"$scratch/out"
	cat "$scratch/out"
	has "$scratch/out" 'Received 3 response'
	[ "$(sed -n 's/.*\[\([0-9A-F:]*\)\].*/\1/p' "$scratch/out" | sort -u | wc -l)" = 1 ]
	stop
}

test_an_address_that_nobody_has_is_not_answered() {
	need arping
	start up
	expect_status 1 "$peers/arping" -q -c 1 -w 1 -I tap0 192.0.2.77
	expect_status 1 ping -n -q -c 1 -W 1 192.0.2.77
	stop
}

test_broadcast_ping_is_not_answered() {
	start up
	ping -n -c 1 -W 2 $us
	expect_status 1 ping -n -b -c 2 -i 0.2 -W 1 192.0.2.255
	stop
}

test_default_mac_is_the_same_after_a_restart() {
	start up
	ping -n -q -c 1 -W 2 $us
	first=$(ip neigh show $us dev tap0 | sed 's/.*lladdr \([^ ]*\).*/\1/')
	stop
	start up
	ping -n -q -c 1 -W 2 $us
	second=$(ip neigh show $us dev tap0 | sed 's/.*lladdr \([^ ]*\).*/\1/')
	[ "$first" ] && [ "$first" = "$second" ]
	stop
}

test_options_choose_address_mac_and_mtu() {
	start up --ip 198.51.100.9/28 --host-ip 198.51.100.1/28 --mac 02:11:22:33:44:55 --mtu 1280
	ping -n -q -c 1 -W 2 -s 4000 198.51.100.9
	ip neigh show 198.51.100.9 dev tap0 | grep -q 02:11:22:33:44:55
	ip link show tap0 | grep -q 'mtu 1280'
	ip addr show tap0 | grep -q 'inet 198.51.100.1/28'
	stop
}

run_tests "$@"
