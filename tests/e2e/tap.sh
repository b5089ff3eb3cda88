#!/bin/sh
# The TAP's life: made and gone again, or found and left as it was; what happens when it can't be had, or vanishes.
. tests/e2e/lib.sh

test_a_tap_that_we_made_goes_with_us() {
	start up --dev tap:wire7
	ip link show wire7 >/dev/null
	stop
	! ip link show wire7 2>/dev/null
}

test_a_tap_that_we_made_goes_even_if_we_are_killed() {
	start up
	kill -KILL "$pid"
	wait "$pid" || true
	eventually sh -c '! ip link show tap0'
}

test_a_persistent_tap_is_used_and_kept_with_its_addresses() {
	ip tuntap add dev keep0 mode tap
	ip addr add 203.0.113.1/24 dev keep0
	start up --dev tap:keep0 --ip 203.0.113.2/24
	ip addr show keep0 | grep 'inet ' >"$scratch/addr"
	[ "$(wc -l <"$scratch/addr")" = 1 ]
	has "$scratch/addr" 203.0.113.1/24
	ping -n -c 1 -W 2 203.0.113.2
	stop
	ip addr show keep0 | grep -q 'inet 203.0.113.1/24'
}

test_a_persistent_tap_without_address_gets_one() {
	ip tuntap add dev keep0 mode tap
	start up --dev tap:keep0
	ip addr show keep0 | grep -q 'inet 192.0.2.1/24'
	ping -n -c 1 -W 2 $us
	stop
	ip link show keep0 >/dev/null
}

test_a_persistent_tap_of_several_queues_is_used() {
	ip tuntap add dev keep0 mode tap multi_queue
	start up --dev tap:keep0
	ping -n -c 1 -W 2 $us
	stop
}

test_host_ip_none_leaves_the_kernels_side_alone() {
	start up --host-ip none
	[ -z "$(ip -4 addr show tap0)" ]
	has "$scratch/said" 'no address'
	stop
}

# ids: RS-03
test_a_tap_deleted_while_running_is_told_and_exits_1() {
	start up
	ip link del tap0
	status=0
	wait "$pid" || status=$?
	[ $status = 1 ]
	has "$scratch/said" 'tap0: the interface was removed'
	[ "$(grep -c '^tapir up: ' "$scratch/said")" = 1 ]
}

test_a_tap_taken_down_and_up_again_goes_on() {
	start up
	ip link set tap0 down
	sleep 0.2
	ip link set tap0 up
	ping -n -c 1 -W 3 $us
	stop
}

test_a_tap_in_use_is_refused_with_the_mend() {
	start up
	expect_status 1 "$TAPIR" up 2>"$scratch/err"
	has "$scratch/err" '^tapir up: tap0: another program uses this TAP'
	[ "$(wc -l <"$scratch/err")" = 1 ]
	stop
}

test_two_stacks_have_a_tap_each() {
	start up
	first=$pid
	start up --dev tap:tap1 --ip 198.51.100.2/24
	ping -n -c 1 -W 2 $us
	ping -n -c 1 -W 2 198.51.100.2
	stop
	pid=$first
	stop
}

test_an_interface_that_is_no_tap_is_refused() {
	ip link add veth0 type veth peer name veth1
	expect_status 1 "$TAPIR" up --dev tap:veth0 2>"$scratch/err"
	has "$scratch/err" 'exists and is no TAP'
	[ "$(wc -l <"$scratch/err")" = 1 ]
	ip link show veth0 >/dev/null
}

test_no_tun_device_is_refused_with_the_mend() {
	mount -t tmpfs none /dev/net
	expect_status 1 "$TAPIR" up 2>"$scratch/err"
	has "$scratch/err" '/dev/net/tun: .*tapir doctor'
	[ "$(wc -l <"$scratch/err")" = 1 ]
}

test_the_kernels_own_address_is_refused() {
	ip tuntap add dev keep0 mode tap
	ip addr add 192.0.2.2/24 dev keep0
	expect_status 1 "$TAPIR" up --dev tap:keep0 2>"$scratch/err"
	has "$scratch/err" "the kernel's own address"
}

run_tests "$@"
