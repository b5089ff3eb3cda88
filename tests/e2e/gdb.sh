#!/bin/sh
# timeout: 180
# The commands and printers for gdb (tools/gdb), on two stacks in virtual time, on a server with a kernel as its peer, on a core
# file, and where they can't work.
. tests/e2e/lib.sh

export ASAN_OPTIONS=detect_leaks=0 # which can't look while a debugger does

need_python() {
	need gdb
	"$peers/gdb" -nx -batch -ex 'python print(1)' >/dev/null 2>&1 || fail "gdb has no Python: rm build/peers/bin/gdb, make peers"
}

# Each argument is a command; what they print is in $scratch/out. Errors are printed and stay without effect on the status.
on() { # program, its arguments in one word, commands...
	need_python
	program=$1 args=$2
	shift 2
	for command; do
		printf '%s\n' "$command"
	done >"$scratch/commands"
	set -- -nx -q -batch -iex 'set auto-load python-scripts off' -iex 'set debuginfod enabled off' -x tools/gdb/tapir.py
	while read -r command; do
		set -- "$@" -ex "$command"
	done <"$scratch/commands"
	# shellcheck disable=SC2086
	timeout 50 "$peers/gdb" "$@" --args "$program" $args >"$scratch/out" 2>&1 || true
}

two_stacks() {
	on "$TAPIR" 'demo --two-stacks' "$@"
}

# What is expected stands in $scratch/want; what may differ from build to build is taken out.
same() {
	sed -E 's/0x[0-9a-f]+/ADDR/g' "$scratch/got" | diff "$scratch/want" - || fail "not what is wanted (<), but (>)"
}

test_stepping_goes_through_all_eleven_states() {
	two_stacks 'tapir step-event 1000'
	# Time, connection, what changed, and where it is written, of the first two connections.
	sed -nE 's/^ *([0-9]+\.[0-9]{3})[0-9]* +([1-5]) [0-9.*]+:[0-9]+ +state ([A-Z0-9-]+ -> [A-Z0-9-]+) +(RFC [0-9. ]+)$/\1 \2 \3 \4/p' \
		"$scratch/out" | grep -v 'LISTEN -> CLOSED' >"$scratch/got"
	cat >"$scratch/want" <<-'EOF'
		0.000 1 CLOSED -> LISTEN RFC 9293 3.10.1
		0.000 2 CLOSED -> SYN-SENT RFC 9293 3.10.1
		0.010 3 LISTEN -> SYN-RECEIVED RFC 9293 3.10.7.2
		0.020 2 SYN-SENT -> ESTABLISHED RFC 9293 3.10.7.3
		0.030 3 SYN-RECEIVED -> ESTABLISHED RFC 9293 3.10.7.4
		0.050 2 ESTABLISHED -> FIN-WAIT-1 RFC 9293 3.10.4
		0.060 3 ESTABLISHED -> CLOSE-WAIT RFC 9293 3.10.7.4
		0.060 3 CLOSE-WAIT -> LAST-ACK RFC 9293 3.10.4
		0.070 2 FIN-WAIT-1 -> FIN-WAIT-2 RFC 9293 3.10.7.4
		0.070 2 FIN-WAIT-2 -> TIME-WAIT RFC 9293 3.10.7.4
		0.070 4 CLOSED -> SYN-SENT RFC 9293 3.10.1
		0.080 3 LAST-ACK -> CLOSED RFC 9293 3.10.7.4
		0.080 5 LISTEN -> SYN-RECEIVED RFC 9293 3.10.7.2
		0.090 4 SYN-SENT -> ESTABLISHED RFC 9293 3.10.7.3
		0.100 5 SYN-RECEIVED -> ESTABLISHED RFC 9293 3.10.7.4
		0.100 4 ESTABLISHED -> FIN-WAIT-1 RFC 9293 3.10.4
		0.100 5 ESTABLISHED -> FIN-WAIT-1 RFC 9293 3.10.4
		0.110 5 FIN-WAIT-1 -> CLOSING RFC 9293 3.10.7.4
		0.110 4 FIN-WAIT-1 -> CLOSING RFC 9293 3.10.7.4
		0.120 5 CLOSING -> TIME-WAIT RFC 9293 3.10.7.4
		0.120 4 CLOSING -> TIME-WAIT RFC 9293 3.10.7.4
		60.070 2 TIME-WAIT -> CLOSED RFC 9293 3.10.8
		60.120 4 TIME-WAIT -> CLOSED RFC 9293 3.10.8
		60.120 5 TIME-WAIT -> CLOSED RFC 9293 3.10.8
	EOF
	same
	has "$scratch/out" '^the program has ended, exit status 0$'
}

test_an_event_is_one_line_with_its_source() {
	two_stacks 'tapir step-event 1000' 'tapir explain'
	grep -vE '^(the program|Three conn|\[|RFC|Decided)' "$scratch/out" >"$scratch/events"
	has_not "$scratch/events" '^ ? ?[0-9.]{8,9} .. [^ ]+ +(call|state|in|out|timer) .*[^0-9]$' # all but notes end in a section
	[ "$(grep -cE '^ ?[0-9]{1,2}\.[0-9]{6} [ 0-9]{2} [0-9.:*]+ +(call|state|in|out|again|timer|note) ' "$scratch/events")" = "$(wc -l <"$scratch/events")" ] ||
		fail 'a line is not as the others'
	has "$scratch/out" ' 2 192.0.2.1:[0-9]+ +out   SYN seq 0 win [0-9]+ <mss 1460,sackOK,TS,wscale [0-9]+> +RFC 9293 3.10$'
	has "$scratch/out" ' 3 192.0.2.2:80 +in    PSH,ACK seq 1:15 ack 1 win [0-9]+, 14 bytes +RFC 9293 3.10.7$'
	has "$scratch/out" ' 2 \*:\* +call  connect to 192.0.2.2:80 \(active OPEN\) +RFC 9293 3.10.1$'
	has "$scratch/out" '^60.070000  2 192.0.2.1:[0-9]+ +timer TIME-WAIT is due +RFC 9293 3.10.8$'
	has "$scratch/out" '^RFC 9293 3.10.8. TIMEOUTS: '
	two_stacks 'tapir step-event established' 'tapir explain'
	has "$scratch/out" '^RFC 9293 3.10.7.3. In SYN-SENT '
	has "$scratch/out" '^Decided in established\(\), stack/tcp/tcp_input.c:[0-9]+\.$'
}

test_stepping_to_a_state_and_of_one_connection() {
	two_stacks 'tapir step-event fin-wait-1' 'tapir step-event 4 #3'
	has "$scratch/out" '2 192.0.2.1:[0-9]+ +state ESTABLISHED -> FIN-WAIT-1'
	has_not "$scratch/out" 'FIN-WAIT-2'
	[ "$(tail -n 4 "$scratch/out" | grep -c ' 3 192.0.2.2:80 ')" = 4 ] || fail "$(tail -n 4 "$scratch/out")"
}

test_conns_lists_both_stacks() {
	two_stacks 'tapir step-event established' 'tapir conns' | cat
	grep -A 20 '^client' "$scratch/out" | sed -E 's/:[0-9]{4,5}/:PORT/; s/ +/ /g; s/in [0-9.]+ s/in T/' >"$scratch/got"
	cat >"$scratch/want" <<-'EOF'
		client 192.0.2.1/24, at 1000.020 s
		N state local remote send-q recv-q next timer
		2 ESTABLISHED 192.0.2.1:PORT 192.0.2.2:80 0 0 -

		server 192.0.2.2/24, at 1000.020 s
		N state local remote send-q recv-q next timer
		1 LISTEN *:80 *:* 8 0 -
		3 SYN-RECEIVED (half-open) 192.0.2.2:80 192.0.2.1:PORT 0 0 SYN-ACK in T
	EOF
	same
}

test_conn_shows_the_tcb_by_rfc_names() {
	two_stacks 'tapir step-event fin-wait-1' 'tapir conn 2' 'tapir conn 192.0.2.2:80' 'tapir conn 1' 'tapir step-event time-wait' 'tapir conn 2'
	has "$scratch/out" '^connection 2: 192.0.2.1:[0-9]+ > 192.0.2.2:80, FIN-WAIT-1   \(client, \(struct tcp_conn \*\) 0x'
	for line in 'SND.UNA  ISS\+15 +RCV.NXT  IRS\+5' 'SND.NXT  ISS\+15 +RCV.WND  [0-9]+  to IRS\+[0-9]+' 'SND.WND  [0-9]+  to ISS\+[0-9]+ +RCV.UP   -' \
		'SND.UP   - +IRS      [0-9]+' 'SND.WL1  IRS\+1' 'SND.WL2  ISS\+15' 'ISS      [0-9]+' \
		'window   cwnd [0-9]+ \(1[0-9] segments\), ssthresh infinite' 'time     SRTT 20.000 ms, RTTVAR [0-9.]+ ms, RTO [0-9.]+ ms' \
		'flags    .*TS SACK WS.*FIN_QUEUED' 'segments MSS 1460 \(the peer.s 1460\), window scale'; do
		has "$scratch/out" "^  $line"
	done
	has "$scratch/out" '^tapir: 2 connections at 192.0.2.2:80: say which by its number: 2, 3$'
	has "$scratch/out" '^connection 1: \*:80 > \*:\*, LISTEN   \(server, \(struct tcp_listener \*\)'
	has "$scratch/out" '^connection 2: .*, TIME-WAIT   \(client, \(struct tcp_'
}

test_conn_draws_what_is_in_flight() {
	two_stacks 'tapir step-event 25 #3' 'tapir step-event time-wait' 'tapir conn 3'
	has "$scratch/out" '^  timers   (RTO|TLP) in 0\.[0-9]+ s'
	has "$scratch/out" '^    \|f{64}\|$'
	has "$scratch/out" '^    ISS\+5 +1  in flight, FIN +1x  0.010 s ago'
}

test_timers_are_listed_with_the_time_to_go() {
	two_stacks 'tapir step-event time-wait' 'tapir step-event call' 'tapir timers'
	has "$scratch/out" '^in 60.000 s +TIME-WAIT +the record ends +2  192.0.2.1:[0-9]+ > 192.0.2.2:80$'
	has "$scratch/out" '^in 0\.[0-9]{3} s +(RTO +retransmission|TLP +tail loss probe) +3  192.0.2.2:80 > 192.0.2.1:[0-9]+'
}

test_wire_is_a_ladder_with_the_states_of_both_sides() {
	two_stacks 'tapir step-event 1000' 'tapir wire 4' 'tapir wire 99'
	sed -n '/^     192.0.2.1/,$p' "$scratch/out" | sed -E 's/:[0-9]{4,5}/:PORT/; s/ +/ /g' | head -n 9 >"$scratch/got"
	cat >"$scratch/want" <<-'EOF'
		 192.0.2.1:PORT 192.0.2.2:80
		 CLOSED LISTEN
		 1. SYN-SENT 0.070 --> <SEQ=0><CTL=SYN> --> SYN-RECEIVED 0.080
		 2. ESTABLISHED 0.090 <-- <SEQ=0><ACK=1><CTL=SYN,ACK> <-- SYN-RECEIVED 0.080
		 3. ESTABLISHED 0.090 --> <SEQ=1><ACK=1><CTL=ACK> --> ESTABLISHED 0.100
		 4. FIN-WAIT-1 0.100 --> <SEQ=1><ACK=1><CTL=FIN,ACK> --> CLOSING 0.110
		 5. CLOSING 0.110 <-- <SEQ=1><ACK=1><CTL=FIN,ACK> <-- FIN-WAIT-1 0.100
		 6. TIME-WAIT 0.120 <-- <SEQ=2><ACK=2><CTL=ACK> <-- CLOSING 0.110
		 7. CLOSING 0.110 --> <SEQ=2><ACK=2><CTL=ACK> --> TIME-WAIT 0.120
	EOF
	same
	has "$scratch/out" '^tapir: no segment of 99 was seen'
}

test_the_ladder_is_also_collected_without_stepping() {
	two_stacks 'tapir wire on' 'tapir break-state time-wait' run 'tapir wire' 'print t->env.event' 'tapir wire off' 'print t->env.event'
	has "$scratch/out" '^  1. SYN-SENT +0.000  --> <SEQ=0><CTL=SYN> +--> SYN-RECEIVED +0.010$'
	has "$scratch/out" '^ +9. [A-Z0-9-]+ +0.070  <-- <SEQ=5><ACK=16><CTL=FIN,ACK> +<-- LAST-ACK +0.060$'
	has "$scratch/out" '^\$1 = .*<emit_nobody>$'
	has "$scratch/out" '^\$2 = .* 0x0$'
}

test_a_loss_is_seen_on_the_wire_and_on_both_sides() {
	two_stacks 'tapir step-event again' 'tapir conn 6' 'tapir conn 7' 'tapir step-event fin-wait-1 #6' 'tapir wire 7 200'
	lost=$(sed -nE 's/.* 7 192.0.2.2:80 +again [A-Z,]+ seq ([0-9]+):.*/\1/p' "$scratch/out" | head -n 1)
	[ "$lost" ] || fail "nothing was sent again: $(tail -n 5 "$scratch/out")"
	# The client misses it and has what came after it; the server has it as lost, or in flight again.
	has "$scratch/out" '^  received: 0 bytes to be read, [0-9]+ out of order in [0-9]+ ranges?, [0-9]+ pages of 4096$'
	has "$scratch/out" '^    \|-+o[-o]*o\|$'
	has "$scratch/out" '^    IRS\+[0-9]+ to IRS\+[0-9]+, [0-9]+ bytes, the newest$'
	has "$scratch/out" '^    \|[Lr]+[sf]*[Lrsf]*f\|$|^    \|[Lr]+[sfLrq]*[.]*\|$'
	has "$scratch/out" "^    ISS\\+$lost +[0-9]+  (lost|in flight)"
	# It left twice, and came once; the answers told of the hole by SACK.
	has "$scratch/out" "^ *[0-9]+. +\\.\\.\\. <SEQ=$lost><ACK=1><CTL=[A-Z,]+><DATA=1448> +<-- ESTABLISHED"
	has "$scratch/out" "^ *[0-9]+. ESTABLISHED +[0-9.]+  <-- <SEQ=$lost><ACK=1><CTL=[A-Z,]+><DATA=1448> again +<-- ESTABLISHED"
	has "$scratch/out" "<SEQ=1><ACK=$lost><CTL=ACK><SACK=[0-9]+:[0-9]+"
}

test_break_state_stops_in_each_of_the_states() {
	states='CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT'
	set --
	for state in $states; do
		set -- "$@" "tapir break-state $state"
	done
	set -- "$@" run
	for stop in $(seq 60); do
		set -- "$@" 'print ep->state' continue
	done
	two_stacks "$@"
	for state in $states; do
		# Told in a line, and the endpoint is in it already.
		has "$scratch/out" "^connection [0-9]: [0-9.:*]+ > [0-9.:*]+, ([A-Z0-9-]+ -> )?$state\$"
		has "$scratch/out" "^\\\$[0-9]+ = TAPIR_TCP_$(echo $state | tr - _)\$"
	done
	[ "$(grep -c '^connection ' "$scratch/out")" = "$(grep -c '^\$[0-9]* = TAPIR' "$scratch/out")" ] || fail 'a stop without a word'
	two_stacks 'tapir break-state established :99' 'tapir break-state closing 192.0.2.2:80' run 'tapir conns'
	has "$scratch/out" '^connection [0-9]: 192.0.2.2:80 > 192.0.2.1:[0-9]+, FIN-WAIT-1 -> CLOSING$'
	has_not "$scratch/out" '-> ESTABLISHED$'
	# What the segment that opened it told of the window is known by then.
	two_stacks 'tapir break-state established' run 'tapir conn 1' continue 'tapir conn 2'
	[ "$(grep -cE '^ +SND.WND +[1-9][0-9]+ ' "$scratch/out")" = 2 ] || fail 'no window at ESTABLISHED'
}

test_print_shows_types_as_people_read_them() {
	two_stacks 'tapir break-state close-wait' run 'up 2' 'print c->ep.tuple' 'print c->ep.tuple.laddr' 'print c->ep' 'print *t' 'print *seg' \
		'print *c' 'print c->timer' 'tapir conn c' 'tapir conn ep'
	has "$scratch/out" '^\$1 = 192.0.2.2:80 > 192.0.2.1:[0-9]+$'
	has "$scratch/out" '^\$2 = 192.0.2.2$'
	has "$scratch/out" '^\$3 = 192.0.2.2:80 > 192.0.2.1:[0-9]+, CLOSE-WAIT$'
	has "$scratch/out" '^\$4 = a stack, 192.0.2.2/24, at 1000.060 s, 1 connections = \{now_ns = '
	has "$scratch/out" '^\$5 = 192.0.2.1:[0-9]+ > 192.0.2.2:80: FIN,ACK seq [0-9]+ ack [0-9]+ win [0-9]+ len 0 = \{'
	has "$scratch/out" '^\$6 = .*snd_una = ISS\+5, snd_nxt = ISS\+5, .*rcv_nxt = IRS\+16, rcv_wnd = [0-9]+ \(to IRS\+[0-9]+\), flags = [A-Z_|]*TS\|'
	has "$scratch/out" '^\$7 = TCP_CONN, '
	has "$scratch/out" '^connection [0-9]: 192.0.2.2:80 > .*, CLOSE-WAIT '
}

test_packets_are_printed_as_tcpdump_would() {
	need_python
	need tcpdump
	mkdir "$scratch/site"
	echo hello >"$scratch/site/index.html"
	start httpd --quiet --root "$scratch/site" --pcap "$scratch/pcap"
	ping -c 1 "$us" >/dev/null
	curl -s "http://$us/" >/dev/null
	expect_status 7 curl -s "http://$us:81/"
	stop
	cat >"$scratch/decode.py" <<-'EOF'
		import struct, sys
		sys.dont_write_bytecode = True
		sys.path.insert(0, "tools/gdb")
		from tapirgdb import decode
		b = open(PCAP, "rb").read()
		at = 24
		while at < len(b):
		    n = struct.unpack("<I", b[at + 8:at + 12])[0]
		    print(decode.packet(b[at + 16:at + 16 + n]))
		    at += 16 + n
	EOF
	"$peers/gdb" -nx -batch -ex "python PCAP = '$scratch/pcap'" -x "$scratch/decode.py" 2>&1 | grep -E '^(IP|ARP) ?' >"$scratch/got"
	# What it says of what is inside of the payload is its own affair.
	tcpdump -S -nn -t -r "$scratch/pcap" 2>/dev/null | grep -E '^(IP|ARP)[ ,]' | sed -E 's/: HTTP.*//' >"$scratch/want"
	[ "$(wc -l <"$scratch/want")" -gt 10 ] || fail 'nothing was captured'
	diff "$scratch/want" "$scratch/got" || fail 'tcpdump (<) says it otherwise'
}

test_dropped_packets_stop_the_program_and_are_shown() {
	need_python
	mkdir "$scratch/site"
	eventually curl -s "http://$us/" >/dev/null && curl -s "http://$us:81/" &
	on "$TAPIR" "httpd --quiet --root $scratch/site" 'tapir break-drop tcp_no_socket' 'run' 'tapir drops' 'kill'
	has "$scratch/out" '^dropped, TCP_NO_SOCKET: IP 192.0.2.1.[0-9]+ > 192.0.2.2.81: Flags \[S\], seq [0-9]+, win [0-9]+, options \[mss 1460,sackOK,TS val .*length 0'
	has "$scratch/out" '^ +[0-9]+  ETH_TYPE|^192.0.2.2/24, at'
}

# The whole of it once more with a kernel as the peer: its side is not in the process.
test_a_server_is_stepped_through() {
	need_python
	mkdir "$scratch/site"
	eventually curl -s "http://$us/" >/dev/null &
	on "$TAPIR" "httpd --quiet --root $scratch/site" 'tapir step-event established' 'tapir conns' 'tapir step-event closed :80' 'tapir wire :80' kill
	has "$scratch/out" ' state SYN-RECEIVED -> ESTABLISHED'
	has "$scratch/out" '^ *[0-9]+  ESTABLISHED +192.0.2.2:80 +192.0.2.1:[0-9]+'
	has "$scratch/out" ' state LAST-ACK -> CLOSED'
	has "$scratch/out" '^ +\(not in this process\) +LISTEN$'
	has "$scratch/out" '^  1. +--> <SEQ=0><CTL=SYN> +--> SYN-RECEIVED +[0-9.]+$'
}

# Attached to while it sleeps: nobody has stopped in a function of the stack.
test_a_running_server_can_be_attached_to() {
	need_python
	mkdir "$scratch/site"
	start httpd --quiet --root "$scratch/site" --sysctl net.ipv4.tcp_syn_retries=3
	ping -c 1 "$us" >/dev/null
	timeout 50 "$peers/gdb" -nx -batch -iex 'set auto-load python-scripts off' -x tools/gdb/tapir.py -p "$pid" -ex 'tapir conns' -ex 'tapir stack' \
		-ex 'tapir routes' -ex 'tapir neigh' -ex 'tapir conf' -ex 'tapir conf tcp_rmem' -ex 'tapir stats' >"$scratch/out" 2>&1 || true
	has "$scratch/out" '^192.0.2.2/24, at [0-9.]+ s$'
	has "$scratch/out" '^1  LISTEN  \*:80 '
	has "$scratch/out" '^2 tap0 +up +1500  192.0.2.2/24 '
	has "$scratch/out" '^192.0.2.0/24  on link +2 +0  connected$'
	has "$scratch/out" '^0.0.0.0/0 +192.0.2.1 +2 +0  static$'
	has "$scratch/out" '^192.0.2.1 +([0-9a-f]{2}:){5}[0-9a-f]{2}  2 +[A-Z]+ '
	has "$scratch/out" '^net.ipv4.tcp_syn_retries +3 +6 '
	has "$scratch/out" '^net.ipv4.tcp_rmem \[2\] +[0-9]+ +[0-9]+ '
	has "$scratch/out" ' 1  Icmp InEchos$'
	stop
}

# Held for longer than the RTO, with data and a FIN in flight: no timer fires for it, and the time is counted.
test_the_clock_stands_still_while_the_program_is_held() {
	need_python
	mkdir "$scratch/site"
	echo hello >"$scratch/site/index.html"
	eventually curl -s "http://$us/" >/dev/null &
	on "$TAPIR" "httpd --quiet --root $scratch/site" 'break tcp_xmit if x->len > 0' run 'tbreak tapir_tx_done' continue 'delete' 'tapir timers' \
		'shell sleep 1.2' 'tapir step-event closed :80' 'tapir stats' 'frame function loop_turn' 'print l->skipped_ns' kill
	has "$scratch/out" '^in 0\.[0-9]+ s +(RTO|TLP) '
	has "$scratch/out" ' state LAST-ACK -> CLOSED'
	has "$scratch/out" '1  Tcp PassiveOpens'
	has_not "$scratch/out" 'TCPTimeouts|TCPLossProbes|RetransSegs|(RTO|REO|TLP|PERSIST|KEEPALIVE) is due'
	has "$scratch/out" '^\$1 = (1[0-9]|[2-9])[0-9]{8}'
}

test_a_core_file_is_enough_for_all_but_stepping() {
	two_stacks 'tapir step-event last-ack' "generate-core-file $scratch/core"
	need_python
	timeout 50 "$peers/gdb" -nx -q -batch -iex 'set auto-load python-scripts off' -x tools/gdb/tapir.py -ex 'tapir conns' -ex 'tapir conn 2' \
		-ex 'tapir timers' -ex 'tapir stats' -ex 'tapir drops' -ex 'tapir step-event' -ex 'tapir wire' "$TAPIR" "$scratch/core" >"$scratch/out" 2>&1 || true
	has "$scratch/out" '^client 192.0.2.1/24, at 1000.060 s$'
	has "$scratch/out" '^ *[0-9]  LAST-ACK +192.0.2.2:80 '
	has "$scratch/out" '^  SND.UNA  ISS'
	has "$scratch/out" '^in 0\.[0-9]+ s +(RTO|TLP) '
	has "$scratch/out" '1  Tcp PassiveOpens'
	has "$scratch/out" '^no packet was dropped$'
	has "$scratch/out" '^tapir: this is no running program'
	has "$scratch/out" '^tapir: no segment was seen yet'
}

test_errors_are_one_line_and_say_what_to_do() {
	on /bin/true '' 'tapir conns' 'tapir step-event' 'tapir selftest' 'tapir break-state closed'
	[ "$(grep -c '^tapir: no debug information about ' "$scratch/out")" = 4 ] || fail "$(cat "$scratch/out")"
	two_stacks 'tapir conns' 'tapir conn' 'tapir frobnicate' 'tapir break-state foo' 'tapir break-drop tcp_b' 'tapir break-drop zzz' 'tapir wire' \
		'tapir explain' 'tapir step-event nowhere' 'tapir step-event 1 2 3' 'break main' run 'tapir conns' 'tapir timers' 'tapir stack 1' \
		'tapir step-event 5' 'tapir conn 77' 'tapir conn :99' 'tapir conn nonesuch' 'tapir conn 1.5.2'
	has "$scratch/out" '^tapir: the program does not run: `run`, `tapir step-event`, `attach PID` or `core-file FILE` first$'
	has "$scratch/out" '^tapir: usage: tapir conn N'
	has "$scratch/out" '^tapir: no such command: tapir frobnicate: `help tapir` lists them$'
	has "$scratch/out" '^tapir: no such state: foo: there are:$'
	has "$scratch/out" '^  ESTABLISHED SYN-SENT SYN-RECEIVED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSED CLOSE-WAIT$'
	has "$scratch/out" '^tapir: no such reason: zzz: there are:$'
	has "$scratch/out" '^tapir: no segment was seen yet: `tapir wire on`'
	has "$scratch/out" '^tapir: no event was seen yet'
	has "$scratch/out" '^tapir: no such state: nowhere'
	has "$scratch/out" '^tapir: no stack in this process is known yet: stop in one of its functions'
	has "$scratch/out" '^tapir: 1 is no stack: give a struct tapir \*$'
	has "$scratch/out" '^tapir: no connection 77: `tapir conns` lists'
	has "$scratch/out" '^tapir: no connection at :99'
	has "$scratch/out" '^tapir: nonesuch: neither a number of `tapir conns`, nor ADDR:PORT, nor an expression: No symbol "nonesuch"'
	two_stacks 'tapir step-event 0' 'tapir step-event drops' 'tapir break-state closed foo' 'tapir step-event in' 'tapir break-state closed 99' 'tapir break-state closed 1' 'tapir wire 2 x'
	has "$scratch/out" '^tapir: 0 events are none: give a COUNT of 1 or more$'
	has "$scratch/out" '^tapir: no such state: drops: there are:$'
	has "$scratch/out" ' LISTEN CLOSING state in out again timer$'
	has "$scratch/out" '^tapir: foo is no connection: tapir break-state STATE '
	has "$scratch/out" '^tapir: no connection 99: `tapir conns` lists those that there are: '
	[ "$(grep -c '^Breakpoint [0-9]* at' "$scratch/out")" = 1 ] || fail 'a breakpoint for a connection that is not there'
	has "$scratch/out" '^tapir: x is no COUNT: tapir wire '
	has_not "$scratch/out" 'Traceback|Python Exception|Error occurred in Python'
}

test_a_socket_that_becomes_a_listener_keeps_its_number() {
	two_stacks 'tapir step-event state' 'tapir conns' 'tapir conn 1'
	has "$scratch/out" '^1 +LISTEN +\*:80 '
	has "$scratch/out" '^connection 1: \*:80 > \*:\*, LISTEN'
}

test_several_kinds_of_event_at_a_time() {
	two_stacks 'tapir step-event 6 state out'
	[ "$(grep -cE '^ [0-9.]+ +[0-9] .* (state|out) ' "$scratch/out")" = 6 ] || fail "$(cat "$scratch/out")"
}

test_where_a_segment_leaves_the_connection_is_at_hand() {
	two_stacks 'tapir step-event again' 'tapir explain' 'print *$conn' 'tapir step-event call' 'print *$conn'
	has "$scratch/out" '^Decided in resend\(\), stack/tcp/tcp_output.c:[0-9]+\.$'
	has "$scratch/out" '^\$1 = 192.0.2.2:80 > 192.0.2.1:[0-9]+, ESTABLISHED = \{.*snd_una = ISS\+[0-9]'
	has "$scratch/out" '^\$2 = 192.0.2.[12]:[0-9]+ > 192.0.2.[12]:[0-9]+, ESTABLISHED'
}

test_help_lists_every_command_and_each_has_its_own() {
	two_stacks 'help tapir'
	for command in conns conn timers stats drops routes neigh conf break-state break-drop step-event wire explain stack selftest; do
		has "$scratch/out" "^tapir $command -- [A-Z].*\.\$"
	done
	set --
	for command in conns conn timers stats drops routes neigh conf break-state break-drop step-event wire explain stack selftest tour welcome; do
		set -- "$@" "help tapir $command"
	done
	two_stacks "$@"
	for command; do
		has "$scratch/out" "^Usage: ${command#help }"
	done
}

test_every_field_that_the_commands_use_is_in_the_program_and_on_their_list() {
	two_stacks 'tapir selftest'
	has "$scratch/out" '^all of [0-9]+ types and functions are as these commands know them$'
	{
		echo 'import re, sys; sys.dont_write_bytecode = True; sys.path.insert(0, "tools/gdb")'
		echo 'from tapirgdb import selftest'
		echo 'known = set(selftest.INNER).union(*(v.split() for v in selftest.STRUCTS.values()))'
		echo 'for name in "access show printers events".split():'
		echo '    used = set(re.findall(r"\[\"([a-z_0-9]+)\"\]", open("tools/gdb/tapirgdb/%s.py" % name).read()))'
		echo '    print("unknown:", name, used - known) if used - known else None'
	} >"$scratch/scan.py"
	"$peers/gdb" -nx -batch -x "$scratch/scan.py" >"$scratch/out" 2>&1
	has_not "$scratch/out" .
}

test_the_stub_beside_the_program_loads_them() {
	need_python
	[ -f "$BUILD/tapir-gdb.py" ] || fail 'make has not made it'
	"$peers/gdb" -nx -batch -iex "add-auto-load-safe-path $BUILD" -ex 'tapir selftest' "$TAPIR" >"$scratch/out" 2>&1
	has "$scratch/out" '^all of [0-9]+ types'
}

test_the_demo_runs_through_by_itself() {
	need_python
	PATH=$peers:$PATH "$TAPIR" demo --gdb --batch >"$scratch/out" 2>&1 || fail "$(tail -n 3 "$scratch/out")"
	has "$scratch/out" '^\(gdb\) tapir step-event established$'
	has "$scratch/out" 'FIN-WAIT-2 -> TIME-WAIT'
	has "$scratch/out" ' TIME-WAIT +0.070  <-- <SEQ=5><ACK=16><CTL=FIN,ACK> +<-- LAST-ACK'
}

test_the_demo_says_what_is_missing() {
	mkdir "$scratch/bin"
	printf '#!/bin/sh\nexit 1\n' >"$scratch/bin/gdb"
	chmod +x "$scratch/bin/gdb"
	expect_status 1 env PATH="$scratch/bin:$PATH" "$TAPIR" demo --gdb >"$scratch/out" 2>&1
	has "$scratch/out" '^tapir demo: this gdb has no Python: install the package gdb in place of gdb-minimal: sudo apt-get install gdb$'
	[ "$(wc -l <"$scratch/out")" = 1 ] || fail 'more than a line'
	for place in /usr/bin/gdb /bin/gdb /usr/sbin/gdb /sbin/gdb; do
		[ ! -x $place ] || mount --bind /dev/null $place
	done
	expect_status 1 env PATH=/nonexistent "$TAPIR" demo --gdb >"$scratch/out" 2>&1
	has "$scratch/out" '^tapir demo: gdb is missing: sudo apt-get install --no-install-recommends gdb$'
}

# A gdb without Python reads it as its own commands.
test_without_python_it_says_so_in_a_line() {
	need gdb
	cp tools/gdb/tapir.py "$scratch/tapir.gdb" # a name by which gdb does not take it for Python
	"$peers/gdb" -nx -batch -x "$scratch/tapir.gdb" >"$scratch/out" 2>/dev/null || true
	tr '\r' '\n' <"$scratch/out" >"$scratch/said"
	has "$scratch/said" '^tapir.py: this gdb has no Python: install the package gdb in place of gdb-minimal.$'
}

# AddressSanitizer keeps variables where gdb does not find them, and more memory than goes into a core file.
case ,${1-},$BUILD in
,,*/build/asan)
	# shellcheck disable=SC2046
	set -- $(sed -n 's/^\(test_[A-Za-z0-9_]*\) *().*/\1/p' "$0" | grep -vE 'one_line_with_its_source|core_file')
	;;
esac
run_tests "$@"
