#!/bin/sh
# The control socket and tapir sysctl: who may ask, what is refused, and that nobody who asks holds up the stack.
. tests/e2e/lib.sh

sock=tapir/tap0.sock

sysctl() { "$TAPIR" sysctl "$@"; }

# One line on stderr, that status, nothing on stdout.
says_no() { # status, pattern, arguments
	want=$1 line=$2
	shift 2
	expect_status "$want" "$TAPIR" "$@" >"$scratch/out" 2>"$scratch/err"
	[ ! -s "$scratch/out" ] || fail "stdout has $(cat "$scratch/out")"
	[ "$(wc -l <"$scratch/err")" = 1 ] || fail "not one line: $(cat "$scratch/err")"
	has "$scratch/err" "$line"
}

hostile() {
	need dnspython
	"$peers/dnspython" tests/e2e/hostile_ctl.py "$XDG_RUNTIME_DIR/$sock" "$@"
}

# What the stack does while others ask: it answers, soon.
watched() { # command...
	ping -n -i 0.05 $us >"$scratch/pings" &
	pinger=$!
	"$@" || fail "$*"
	kill -INT $pinger
	wait $pinger || true
	has "$scratch/pings" ' 0% packet loss'
	sed -n 's/.* time=\([0-9]*\).*/\1/p' "$scratch/pings" | sort -n | tail -n 1 >"$scratch/slowest"
	[ "$(cat "$scratch/slowest")" -lt $((200 * ${RUN_TIMES:-1})) ] || fail "a ping took $(cat "$scratch/slowest") ms meanwhile"
}

test_a_setting_is_read_and_set_while_the_stack_runs() {
	start up
	[ "$(sysctl net.ipv4.ip_default_ttl)" = 'net.ipv4.ip_default_ttl = 64' ]
	ping -n -c 1 -W 2 $us | grep -q ttl=64
	[ "$(sysctl net.ipv4.ip_default_ttl=33)" = 'net.ipv4.ip_default_ttl = 33' ]
	ping -n -c 1 -W 2 $us | grep -q ttl=33
	[ "$(sysctl -n net.ipv4.ip_default_ttl)" = 33 ]
	sysctl -q net.ipv4.icmp_echo_ignore_all=1 >"$scratch/out"
	[ ! -s "$scratch/out" ]
	expect_status 1 ping -n -c 1 -W 1 $us
	sysctl -w net/ipv4/icmp_echo_ignore_all=0
	ping -n -c 1 -W 2 $us
	stop
}

test_what_is_refused_has_changed_nothing() {
	start up
	sysctl -a >"$scratch/before"
	says_no 1 'net.ipv4.tcp_sack: not within its limits: give 0 to 1' sysctl net.ipv4.tcp_sack=2
	says_no 1 'net.ipv4.tcp_sack: no value' sysctl net.ipv4.tcp_sack=
	says_no 1 'net.ipv4.tcp_rmem = 9000 8000 7000: out of order' sysctl 'net.ipv4.tcp_rmem=9000 8000 7000'
	says_no 1 'net.ipv4.tcp_rmem: too many values: give at most 3' sysctl 'net.ipv4.tcp_rmem=4096 8192 9000 9000'
	says_no 1 'net.ipv4.tcp_sak: no such setting: the nearest is net.ipv4.tcp_sack' sysctl net.ipv4.tcp_sak=1
	says_no 1 'no vegas: give one of cubic reno' sysctl net.ipv4.tcp_congestion_control=vegas
	says_no 1 "txq_bytes: can't change while the stack runs: give it at the start, by --sysctl" sysctl net.tapir.txq_bytes=65536
	says_no 1 'net.ipv4.tcp_fastopen_key: no key' sysctl net.ipv4.tcp_fastopen_key=1
	sysctl -a >"$scratch/after"
	cmp "$scratch/before" "$scratch/after"
	stop
}

test_sysctl_has_the_habits_of_the_one_that_people_know() {
	start up
	sysctl -a >"$scratch/all"
	sort -c "$scratch/all"
	[ "$(wc -l <"$scratch/all")" = "$(sysctl -aN | sort -u | wc -l)" ]
	[ "$(wc -l <"$scratch/all")" -gt 100 ]
	sysctl net.core >"$scratch/core"
	grep '^net\.core\.' "$scratch/all" | cmp - "$scratch/core"
	[ "$(sysctl -n net.ipv4.tcp_rmem)" = "$(printf '4096\t131072\t33554432')" ]
	# One that fails is told of, the others are done.
	expect_status 1 sysctl net.ipv4.tcp_sack nonsense net.ipv4.tcp_dsack=0 >"$scratch/out" 2>"$scratch/err"
	printf 'net.ipv4.tcp_sack = 1\nnet.ipv4.tcp_dsack = 0\n' | cmp - "$scratch/out"
	[ "$(cat "$scratch/err")" = 'tapir sysctl: nonsense: no such setting: docs/limits.md lists them' ]
	sysctl -e nonsense net.ipv4.tcp_sack >"$scratch/out" 2>"$scratch/err"
	[ ! -s "$scratch/err" ]
	says_no 1 '^tapir sysctl: =1: no name: give NAME=VALUE without blanks$' sysctl =1
	says_no 1 '^tapir sysctl: =: no name: give NAME=VALUE without blanks$' sysctl -e =
	says_no 2 'NAME: missing' sysctl
	says_no 2 'no such option' sysctl --dev tap:tap0 -a
	stop
}

test_values_come_back_as_they_went_in() {
	start up
	sysctl -a | while IFS= read -r line; do
		name=${line%% = *} value=${line#* = }
		case $name in
		net.tapir.txq_bytes | net.ipv4.tcp_fastopen_key) ;; # one is for the start, one is not set
		*) [ "$(sysctl "$name=$value")" = "$line" ] || fail "$line" ;;
		esac
	done
	sysctl net.ipv4.tcp_fastopen_key=1-2-3-4,5-6-7-8 |
		grep -qx 'net.ipv4.tcp_fastopen_key = 00000001-00000002-00000003-00000004,00000005-00000006-00000007-00000008'
	stop
}

test_without_a_stack_one_line_says_how_to_have_one() {
	says_no 1 '^tapir sysctl: no stack runs here: start one with `tapir up`, or name its socket with --ctl PATH$' sysctl -a
	says_no 1 "^tapir sysctl: --ctl $scratch/x: no stack runs there: start one with \`tapir up --ctl $scratch/x\`\$" \
		sysctl --ctl "$scratch/x" -a
	start up --ctl none
	[ ! -e "$XDG_RUNTIME_DIR/tapir" ]
	says_no 1 'no stack runs here' sysctl -a
	stop
}

test_several_stacks_are_named() {
	start up
	first=$pid
	start echo --dev tap:tap1 --ip 198.51.100.2/24
	says_no 2 "2 stacks run here: name one of them with --ctl: $XDG_RUNTIME_DIR/tapir/tap0.sock $XDG_RUNTIME_DIR/tapir/tap1.sock" \
		sysctl -a
	sysctl --ctl "$XDG_RUNTIME_DIR/tapir/tap1.sock" net.ipv4.ip_default_ttl=9
	[ "$(sysctl --ctl "$XDG_RUNTIME_DIR/tapir/tap0.sock" -n net.ipv4.ip_default_ttl)" = 64 ]
	stop
	[ "$(sysctl -n net.ipv4.ip_default_ttl)" = 64 ]
	pid=$first
	stop
}

test_every_command_with_a_stack_has_one() {
	mkdir "$scratch/site"
	for command in 'up' 'echo' "httpd --root $scratch/site" 'ping 192.0.2.1'; do
		# shellcheck disable=SC2086
		start $command --ctl "$scratch/c"
		sysctl --ctl "$scratch/c" -n net.ipv4.ip_default_ttl
		stop
		[ ! -e "$scratch/c" ]
	done
}

test_only_the_owner_may_come_near_it() {
	start up
	[ "$(stat -c '%a %F' "$XDG_RUNTIME_DIR/tapir")" = '700 directory' ]
	[ "$(stat -c '%a %F' "$XDG_RUNTIME_DIR/$sock")" = '600 socket' ]
	# Nor does a program that we start inherit any of it.
	hostile stays >"$scratch/stays" &
	eventually grep -q here "$scratch/stays"
	for fd in /proc/$pid/fd/*; do
		case $(readlink "$fd") in
		socket:*) grep -q '^flags:.*02[0-9]\{6\}$' "/proc/$pid/fdinfo/${fd##*/}" || fail "$fd is inherited" ;;
		esac
	done
	chmod 755 "$scratch" "$XDG_RUNTIME_DIR" "$XDG_RUNTIME_DIR/tapir"
	chmod 777 "$XDG_RUNTIME_DIR/$sock"
	status=0
	hostile stranger || status=$?
	[ $status = 77 ] || [ $status = 0 ] || fail 'another user was heard'
	stop
	wait
}

test_it_is_gone_when_the_stack_is() {
	for signal in INT TERM HUP; do
		start up
		[ -S "$XDG_RUNTIME_DIR/$sock" ]
		stop $signal
		[ ! -e "$XDG_RUNTIME_DIR/$sock" ]
	done
}

test_the_socket_of_a_killed_stack_is_replaced() {
	start up
	kill -KILL "$pid"
	wait "$pid" || true
	[ -S "$XDG_RUNTIME_DIR/$sock" ]
	says_no 1 'no stack runs here' sysctl -a
	says_no 1 'no stack listens there: it has ended' sysctl --ctl "$XDG_RUNTIME_DIR/$sock" -a
	start up
	has_not "$scratch/said" control
	[ "$(sysctl -n net.ipv4.ip_default_ttl)" = 64 ]
	stop
	start up --ctl "$scratch/c"
	kill -KILL "$pid"
	wait "$pid" || true
	start up --ctl "$scratch/c"
	[ "$(sysctl --ctl "$scratch/c" -n net.ipv4.ip_default_ttl)" = 64 ]
	stop
}

test_the_socket_of_a_living_stack_is_not() {
	start up
	first=$pid
	says_no 1 "--ctl $XDG_RUNTIME_DIR/$sock: another program listens there" \
		up --dev tap:tap1 --ip 198.51.100.2/24 --ctl "$XDG_RUNTIME_DIR/$sock"
	# Another tap0, in another network: it runs on without.
	unshare -n "$TAPIR" up --sysctl net.ipv4.ip_default_ttl=9 >"$scratch/other" 2>&1 &
	other=$!
	eventually grep -q 'Ctrl-C' "$scratch/other"
	has "$scratch/other" "^tapir up: no control socket: $XDG_RUNTIME_DIR/$sock: another program listens there: name one with --ctl PATH\$"
	[ "$(sysctl -n net.ipv4.ip_default_ttl)" = 64 ]
	kill $other
	wait $other
	[ "$(sysctl -n net.ipv4.ip_default_ttl)" = 64 ]
	pid=$first
	stop
}

# A dead one's socket is in their way, which only one may take away.
test_of_stacks_that_start_together_one_has_it() {
	for round in 1 2 3 4; do
		start up --ctl "$scratch/c"
		kill -KILL "$pid"
		wait "$pid" || true
		: >"$scratch/racers"
		for i in 1 2 3 4 5 6 7 8; do
			mkfifo "$scratch/go$round$i"
			unshare -n sh -c "read -r go <'$scratch/go$round$i'; exec '$TAPIR' up --ctl '$scratch/c'" >"$scratch/racer$i" 2>&1 &
			echo $! >>"$scratch/racers"
		done
		for i in 1 2 3 4 5 6 7 8; do
			echo go >"$scratch/go$round$i"
		done
		eventually sh -c "[ \$(cat '$scratch'/racer[1-8] | grep -cE 'Ctrl-C|another program') -ge 8 ]"
		sysctl --ctl "$scratch/c" -n net.ipv4.ip_default_ttl
		[ "$(cat "$scratch"/racer[1-8] | grep -c Ctrl-C)" = 1 ] || fail "$(cat "$scratch"/racer[1-8])"
		while read -r racer; do
			kill "$racer" 2>/dev/null || true
		done <"$scratch/racers"
		wait
	done
}

test_what_is_in_the_way_is_not_touched() {
	echo precious >"$scratch/file"
	ln -s "$scratch/file" "$scratch/link"
	ln -s "$scratch/nowhere" "$scratch/dangling"
	mkfifo "$scratch/fifo"
	for name in file link dangling fifo; do
		says_no 1 "--ctl $scratch/$name: there is a (file|link) already, which is no socket" up --ctl "$scratch/$name"
	done
	says_no 1 "there is a folder already" up --ctl "$scratch"
	says_no 1 "No such file or directory: give a path in a folder that is there|give a path where you may make" up --ctl "$scratch/no/where"
	says_no 2 "longer than a socket's path may be: give at most 107 bytes" up --ctl "$scratch/$(printf %0100d 0)"
	[ "$(cat "$scratch/file")" = precious ] && [ ! -e "$scratch/nowhere" ] && [ -L "$scratch/link" ]
	! ip link show tap0 2>/dev/null
	# A link where the default folder would be is none.
	mkdir "$scratch/elsewhere"
	ln -s "$scratch/elsewhere" "$XDG_RUNTIME_DIR/tapir"
	start up
	has "$scratch/said" "no control socket: $XDG_RUNTIME_DIR/tapir is no folder that only we may write to"
	[ -z "$(ls "$scratch/elsewhere")" ]
	stop
}

test_without_a_runtime_folder_it_is_in_run() {
	mount -t tmpfs -o mode=755 tmpfs /run
	unset XDG_RUNTIME_DIR
	start up
	[ "$(stat -c '%a %F' /run/tapir)" = '700 directory' ]
	[ "$(stat -c '%a %F' /run/$sock)" = '600 socket' ]
	[ "$(sysctl -n net.ipv4.ip_default_ttl)" = 64 ]
	# Who has one looks there too.
	mkdir -m 700 "$scratch/x"
	[ "$(XDG_RUNTIME_DIR=$scratch/x sysctl -n net.ipv4.ip_default_ttl)" = 64 ]
	stop
	[ -z "$(ls /run/tapir)" ]
	# One that others may write to is none.
	mkdir -m 777 "$scratch/y"
	chmod 777 "$scratch/y"
	XDG_RUNTIME_DIR=$scratch/y
	export XDG_RUNTIME_DIR
	start up
	[ -S /run/$sock ] && [ ! -e "$scratch/y/tapir" ]
	stop
	# Where none can be made, the stack runs without, and says so.
	mount -o remount,ro /run
	rm -rf "$scratch/y"
	start up
	has "$scratch/said" 'no control socket: '
	ping -n -c 1 -W 2 $us
	stop
}

test_a_stack_that_stands_still_is_told_of() {
	start up
	kill -STOP "$pid"
	says_no 1 '^tapir sysctl: the stack does not answer: it is held, or stopped$' sysctl -a
	kill -CONT "$pid"
	stop
}

test_an_impostor_is_seen_through() {
	need dnspython
	cat >"$scratch/impostor.py" <<'END'
import socket, sys
l = socket.socket(socket.AF_UNIX)
l.bind(sys.argv[1])
l.listen(16)
while True:
    s, _ = l.accept()
    s.recv(100)
    s.sendall(bytes.fromhex(sys.argv[2]))
    s.close()
END
	# nothing; half a head; a huge length; no JSON; no object; neither ok nor error; an escape sequence as an error
	for answer in '' '0000' 'ffffffff' '0000000178' '000000025b5d' '000000027b7d' \
		'000000167b226572726f72223a225c75303031625b324a227d'; do
		rm -f "$scratch/c"
		"$peers/dnspython" "$scratch/impostor.py" "$scratch/c" "$answer" &
		impostor=$!
		eventually test -S "$scratch/c"
		says_no 1 '^tapir sysctl: [ -~]*$' sysctl --ctl "$scratch/c" -a
		kill $impostor
		wait $impostor || true
	done
}

test_requests_that_are_none_are_refused_one_by_one() {
	start up
	for scenario in bad_json bad_arguments deep_json lengths byte_by_byte pipelined half_closed leaves; do
		watched hostile $scenario
	done
	stop
}

test_half_a_frame_is_not_waited_for() {
	start up
	watched hostile half_a_frame
	stop
}

test_who_does_not_read_is_hung_up_on() {
	start up
	watched hostile never_reads
	watched hostile reads_slowly
	stop
}

test_a_crowd_is_bounded() {
	start up
	watched hostile crowd
	stop
}

test_without_descriptors_it_waits_for_some() {
	start up
	# Three numbers are left free.
	most=0 free=0
	while [ $free -lt 3 ]; do
		[ -e "/proc/$pid/fd/$most" ] || free=$((free + 1))
		most=$((most + 1))
	done
	prlimit --nofile=$most --pid "$pid" || skip 'no prlimit here'
	need dnspython
	for _ in 1 2 3; do
		"$peers/dnspython" tests/e2e/hostile_ctl.py "$XDG_RUNTIME_DIR/$sock" stays >>"$scratch/stays" &
		last=$!
	done
	eventually sh -c "[ \$(wc -l <'$scratch/stays') = 3 ]"
	# The fourth waits in the kernel, and nobody spins meanwhile.
	sysctl -n net.ipv4.ip_default_ttl >"$scratch/fourth" 2>&1 &
	fourth=$!
	before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
	sleep 2
	after=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
	[ ! -s "$scratch/fourth" ] || fail 'a fourth client has a descriptor'
	[ $((after - before)) -lt 20 ] || fail "$((after - before)) ticks in 2 s"
	ping -n -c 1 -W 2 $us
	kill $last
	wait $fourth || fail "$(cat "$scratch/fourth")"
	[ "$(cat "$scratch/fourth")" = 64 ]
	stop
	wait
}

test_an_end_with_clients_is_an_end() {
	start up
	for _ in 1 2 3; do
		hostile stays >>"$scratch/stays" &
	done
	eventually sh -c "[ \$(wc -l <'$scratch/stays') = 3 ]"
	stop
	wait
}

run_tests "$@"
