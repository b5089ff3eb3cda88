#!/bin/sh
# TCP with the kernel and ncat as the peer: both directions, half-close, peers that stop reading or vanish.
. tests/e2e/lib.sh

big() {
	head -c "$1" /dev/urandom >"$scratch/big"
}

test_ncat_gets_back_what_it_sends() {
	need ncat
	big 20000000
	start echo
	timeout 40 "$peers/ncat" $us 7 <"$scratch/big" | cmp - "$scratch/big"
	stop
}

test_many_conversations_at_a_time_are_kept_apart() {
	need ncat
	big 1000000
	start echo --port 7777
	pids=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		(
			head -c $((40000 * i)) "$scratch/big" >"$scratch/in.$i"
			timeout 30 "$peers/ncat" $us 7777 <"$scratch/in.$i" | cmp - "$scratch/in.$i"
		) &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p" || fail "one of them"
	done
	stop
}

test_half_closed_by_the_peer_the_rest_still_comes() {
	need ncat
	start echo
	# ncat sends its FIN at the end of its input, and then reads on
	printf 'one\ntwo\n' | timeout 10 "$peers/ncat" $us 7 >"$scratch/out"
	[ "$(cat "$scratch/out")" = "$(printf 'one\ntwo')" ]
	stop
}

echoed() {
	[ "$(echo hello | timeout 2 "$peers/ncat" $us 7)" = hello ]
}

test_silent_connections_do_not_keep_others_out() {
	need ncat
	start echo --max-conns 3
	mkfifo "$scratch/silence"
	sleep 60 >"$scratch/silence" &
	for i in 1 2 3 4 5 6; do
		"$peers/ncat" $us 7 <"$scratch/silence" &
	done
	eventually echoed
	stop
}

test_udp_echo_answers_datagrams_of_every_size() {
	need ncat
	start echo
	for size in 1 1472 8000; do # what ncat reads at once, 8192 bytes, is a datagram
		big $size
		{
			cat "$scratch/big"
			sleep 0.5
		} | timeout 10 "$peers/ncat" -u $us 7 >"$scratch/out"
		cmp "$scratch/out" "$scratch/big"
	done
	stop
}

# ids: CL-16
test_udp_echo_does_not_answer_a_service_that_answers_everything() {
	need ncat
	start echo
	for port in 7 13 17 19 37; do
		{
			echo x
			sleep 0.3
		} | timeout 10 "$peers/ncat" -u -p $port $us 7 >"$scratch/out"
		[ ! -s "$scratch/out" ] || fail "port $port is answered"
	done
	{
		echo x
		sleep 0.3
	} | timeout 10 "$peers/ncat" -u -p 40000 $us 7 | grep -q x
	stop
}

test_udp_to_a_closed_port_is_refused() {
	need ncat
	start up
	{
		echo x
		sleep 0.3
		echo y
		sleep 0.3
	} | expect_status 1 timeout 5 "$peers/ncat" -u $us 9 2>"$scratch/err"
	has "$scratch/err" 'refused'
	stop
}

test_a_peer_that_sends_and_never_reads_stops_itself() {
	start echo
	# 100 MB offered, nothing read: what is taken is what the buffers hold
	mkfifo "$scratch/never"
	(sleep 30 <"$scratch/never") &
	timeout 3 "$peers/ncat" $us 7 </dev/zero >"$scratch/never" 2>/dev/null || true
	kb=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
	[ "$kb" -lt $((120000 * ${RUN_TIMES:-1})) ] || fail "$kb kB in memory"
	echo fine | timeout 5 "$peers/ncat" $us 7 | grep -q fine
	stop
}

test_a_kernel_peer_that_vanishes_is_given_up() {
	need ncat tcpdump
	big 100000
	start echo --sysctl net.ipv4.tcp_retries2=3 --pcap "$scratch/a.pcap"
	"$peers/ncat" $us 7 </dev/zero >/dev/null 2>"$scratch/err" &
	peer=$!
	sleep 0.5
	# the wire is cut for longer than R2, 3 s here; then the kernel goes on, and learns that nobody is there
	ip link set tap0 down
	sleep 5
	ip link set tap0 up
	status=0
	wait $peer || status=$?
	[ $status = 1 ]
	has "$scratch/err" 'reset by peer|Broken pipe'
	# others are served
	timeout 10 "$peers/ncat" $us 7 <"$scratch/big" | cmp - "$scratch/big"
	stop
	tcpdump -nn -r "$scratch/a.pcap" 'src 192.0.2.2 and tcp[13] & 4 != 0' 2>/dev/null >"$scratch/rsts"
	has "$scratch/rsts" 'Flags \[R'
}

test_connections_are_ended_by_a_fin_at_the_end() {
	need ncat tcpdump
	start echo --pcap "$scratch/a.pcap"
	(
		echo hello
		sleep 8
	) | timeout 10 "$peers/ncat" $us 7 >"$scratch/out" &
	eventually grep -q hello "$scratch/out"
	stop
	tcpdump -nn -r "$scratch/a.pcap" 'tcp and src 192.0.2.2 and tcp[13] & 1 != 0' 2>/dev/null >"$scratch/fins"
	has "$scratch/fins" 'Flags \[F'
}

test_a_connection_that_does_not_end_gets_a_rst_after_a_second() {
	need ncat tcpdump
	start echo --pcap "$scratch/a.pcap"
	# the shell holds its end open whatever comes: the kernel acknowledges our FIN, and that is all
	"$peers/ncat" --send-only -i 20 $us 7 >/dev/null <"/dev/zero" &
	sleep 0.5
	kill -STOP $!
	before=$(now_ms)
	stop
	[ $(($(now_ms) - before)) -ge 900 ]
	tcpdump -nn -r "$scratch/a.pcap" 'tcp and src 192.0.2.2 and tcp[13] & 4 != 0' 2>/dev/null >"$scratch/rsts"
	has "$scratch/rsts" 'Flags \[R'
	kill -KILL $!
}

# A connection of the kernel with us is in that state.
peer_is_in() { # state
	ss -Htn state "$1" dst $us | grep -q .
}

test_a_connection_closed_by_us_with_bytes_left_gets_a_rst_too() {
	need ncat tcpdump
	big 200000
	# the peer's window closes soon, and the kernel takes all at once of what ncat sends
	echo 4096 16384 32768 >/proc/sys/net/ipv4/tcp_rmem
	echo 4096 4000000 4000000 >/proc/sys/net/ipv4/tcp_wmem
	start echo --pcap "$scratch/a.pcap"
	# It sends all, then its FIN, and reads nothing: echo has closed, and TCP has bytes left for a closed window.
	# We stand still while it sends, since ncat hangs with its first bytes that nobody reads.
	mkfifo "$scratch/never" "$scratch/feed"
	sleep 20 <"$scratch/never" &
	"$peers/ncat" $us 7 <"$scratch/feed" >"$scratch/never" &
	exec 3>"$scratch/feed"
	eventually peer_is_in established
	kill -STOP "$pid"
	cat "$scratch/big" >&3
	exec 3>&-
	eventually peer_is_in fin-wait-1
	kill -CONT "$pid"
	eventually peer_is_in fin-wait-2
	stop
	tcpdump -nn -r "$scratch/a.pcap" tcp 2>/dev/null | tail -n 12
	tcpdump -nn -S -r "$scratch/a.pcap" 'tcp and src 192.0.2.2' 2>/dev/null >"$scratch/ours"
	has_not "$scratch/ours" 'Flags \[F'
	has "$scratch/ours" 'Flags \[R'
}

test_1000_connections_one_after_the_other() {
	need ab
	mkdir "$scratch/site"
	echo page >"$scratch/site/index.html"
	start httpd --root "$scratch/site" --quiet
	"$peers/ab" -q -n 1000 -c 1 http://$us/ >"$scratch/out" 2>&1
	has "$scratch/out" '^Failed requests: *0$'
	stop
}

run_tests "$@"
