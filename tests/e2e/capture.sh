#!/bin/sh
# --pcap: both directions, readable by tcpdump at every moment, every checksum right.
. tests/e2e/lib.sh

test_a_capture_holds_both_directions_and_its_checksums_hold() {
	need tcpdump
	start up --pcap "$scratch/a.pcap"
	ping -n -q -c 20 -i 0.01 -s 1000 $us
	ping -n -q -c 2 -i 0.01 -s 10000 $us
	stop
	checksums_hold "$scratch/a.pcap"
	[ "$(tcpdump -nn -r "$scratch/a.pcap" 'icmp[icmptype] = icmp-echo' 2>/dev/null | wc -l)" = 22 ]
	[ "$(tcpdump -nn -r "$scratch/a.pcap" 'icmp[icmptype] = icmp-echoreply' 2>/dev/null | wc -l)" = 22 ]
	has "$scratch/dump" 'ARP'
	tcpdump -nn -tt --nano -r "$scratch/a.pcap" 2>&1 | grep -qE '^[0-9]+\.[0-9]{9} '
}

test_a_capture_is_whole_while_it_grows_and_after_a_kill() {
	need tcpdump
	start up --pcap "$scratch/a.pcap"
	ping -n -q -f -c 3000 -s 1400 $us >/dev/null &
	# a stop comes between two system calls: no write is half done then
	for i in 1 2 3 4 5; do
		kill -STOP "$pid"
		eventually grep -q '^State:.T' "/proc/$pid/status"
		cp "$scratch/a.pcap" "$scratch/copy.pcap"
		checksums_hold "$scratch/copy.pcap"
		[ $i = 5 ] || kill -CONT "$pid"
	done
	kill -KILL "$pid"
	checksums_hold "$scratch/a.pcap"
	[ -s "$scratch/dump" ]
}

test_a_full_disk_costs_the_capture_and_nothing_else() {
	need tcpdump
	mkdir "$scratch/small"
	mount -t tmpfs -o size=64k none "$scratch/small"
	start up --pcap "$scratch/small/a.pcap"
	ping -n -q -f -c 200 -s 1400 $us
	checksums_hold "$scratch/small/a.pcap"
	[ "$(wc -l <"$scratch/dump")" -gt 30 ]
	stop
	[ "$(grep -c 'the capture ends here' "$scratch/said")" = 1 ]
	umount "$scratch/small"
}

test_a_limit_on_files_costs_the_capture_and_nothing_else() {
	limited=$TAPIR
	TAPIR=$scratch/limited
	printf '#!/bin/sh\nulimit -f 16\nexec "%s" "$@"\n' "$limited" >"$TAPIR"
	chmod 755 "$TAPIR"
	start up --pcap "$scratch/a.pcap"
	ping -n -q -f -c 200 -s 1400 $us
	stop
	[ "$(grep -c 'the capture ends here' "$scratch/said")" = 1 ]
}

test_a_file_that_cannot_be_written_is_refused() {
	expect_status 1 "$TAPIR" up --pcap /nonexistent/a.pcap 2>"$scratch/err"
	has "$scratch/err" '^tapir up: /nonexistent/a.pcap: No such file'
	[ "$(wc -l <"$scratch/err")" = 1 ]
	! ip link show tap0 2>/dev/null
}

replies_in_the_file() {
	[ "$(tcpdump -nn -r "$scratch/k.pcap" 2>/dev/null | grep -c 'ICMP echo reply')" -ge 10 ]
}

test_what_the_kernel_sees_has_right_checksums_too() {
	need tcpdump
	start up
	"$peers/tcpdump" -Z root -i tap0 --immediate-mode -U -w "$scratch/k.pcap" 2>"$scratch/tcpdump.err" &
	dumper=$!
	eventually grep -q listening "$scratch/tcpdump.err"
	ping -n -q -c 10 -i 0.01 -s 3000 $us
	eventually replies_in_the_file
	kill "$dumper"
	wait "$dumper" || true
	stop
	checksums_hold "$scratch/k.pcap"
}

run_tests "$@"
