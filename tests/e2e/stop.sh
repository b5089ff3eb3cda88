#!/bin/sh
# Interrupted, the program ends within 2 s with status 0, however it was started and whatever goes on.
. tests/e2e/lib.sh

test_sigint_and_sigterm_end_it_cleanly() {
	start up
	stop INT
	start up
	stop TERM
	! ip link show tap0 2>/dev/null
}

test_signals_ignored_at_the_start_end_it_all_the_same() {
	for signal in INT TERM; do
		: >"$scratch/said"
		(
			trap '' INT TERM
			exec "$TAPIR" up
		) >"$scratch/said" 2>&1 &
		pid=$!
		eventually says_something
		stop $signal
	done
}

test_a_flood_does_not_hold_up_the_end() {
	start up
	ping -n -q -f -s 1400 $us >/dev/null 2>&1 &
	flood=$!
	sleep 0.3
	stop
	kill "$flood"
}

test_ping_interrupted_tells_its_statistics() {
	start ping -i 0.05 192.0.2.1
	eventually grep -q 'icmp_seq=3 ' "$scratch/said"
	stop
	has "$scratch/said" ' 0% packet loss'
	has "$scratch/said" '^rtt min/avg/max/mdev = '
}

run_tests "$@"
