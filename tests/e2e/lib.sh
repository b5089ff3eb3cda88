# What every end-to-end test starts from: sourced by a file of functions test_NAME(), each of which is run by
# itself in its own private network, process and mount namespaces, under `set -e` and a time limit. Nothing
# that a test does reaches the machine; what it leaves running dies with its namespaces.
#
#	. tests/e2e/lib.sh
#	test_something() { start up; ping -c 1 192.0.2.2; stop; }
#	run_tests "$@"
#
# The stack is 192.0.2.2 on tap0, the kernel 192.0.2.1. A test's files go to $scratch, which is removed.
# shellcheck shell=sh
set -u
: "${TAPIR:=$PWD/build/tapir}"
: "${BUILD:=$PWD/build}"
peers=$PWD/build/peers/bin
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
us=192.0.2.2 host=192.0.2.1

fail() {
	echo "FAILED: $*"
	exit 1
}

skip() {
	echo "SKIP: $*"
	exit 77
}

# Waits until a command succeeds: at most 10 s. Usage: eventually COMMAND...
eventually() {
	tries=200
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}

# Starts the program in the background and waits until it says that it runs. Its pid: $pid; its words: $scratch/said.
start() { # command, options...
	: >"$scratch/said" # now: not when the program below gets to run
	"$TAPIR" "$@" >"$scratch/said" 2>&1 &
	pid=$!
	eventually says_something || {
		cat "$scratch/said"
		fail "tapir $* does not come up"
	}
}

# A line, or an end.
says_something() {
	[ -s "$scratch/said" ] || ! kill -0 "$pid" 2>/dev/null
}

# Stops it by a signal (INT), within 2 s, with exit status 0.
stop() { # [signal]
	before=$(now_ms)
	kill -"${1:-INT}" "$pid"
	status=0
	wait "$pid" || status=$?
	took=$(($(now_ms) - before))
	[ $status = 0 ] || {
		cat "$scratch/said"
		fail "exit status $status after a signal"
	}
	[ $took -lt $((2000 * ${RUN_TIMES:-1})) ] || fail "the end took $took ms"
}

now_ms() {
	date +%s%3N
}

has() { # file, pattern
	grep -qE -- "$2" "$1" || {
		cat "$1"
		fail "no '$2' there"
	}
}

has_not() { # file, pattern
	! grep -qE -- "$2" "$1" || {
		grep -E -- "$2" "$1" | head -n 20
		fail "'$2' is there"
	}
}

# A command that must exit with that status.
expect_status() { # status, command...
	want=$1 got=0
	shift
	"$@" || got=$?
	[ $got = "$want" ] || fail "exit status $got instead of $want: $*"
}

# Every checksum and header of a capture, as tcpdump judges them.
checksums_hold() { # file
	tcpdump -nn -vvv -r "$1" >"$scratch/dump" 2>"$scratch/dump.err" || {
		cat "$scratch/dump.err"
		fail "tcpdump does not read $1"
	}
	has_not "$scratch/dump" 'bad (udp )?cksum|wrong icmp cksum|incorrect|truncated|\[\|'
}

# The peer; as root it would want a user of its own to become.
tcpdump() {
	if [ "$(id -u)" = 0 ]; then
		"$peers/tcpdump" -Z root "$@"
	else
		"$peers/tcpdump" "$@"
	fi
}

need() { # peers...
	for peer; do
		[ -x "$peers/$peer" ] || fail "$peer is missing: run 'make peers'"
	done
}

run_tests() {
	if [ "${1-}" = --test ]; then
		scratch=$3
		ip link set lo up
		# Where control sockets go: /run is the machine's.
		mkdir -m 700 "$scratch/r"
		export XDG_RUNTIME_DIR="$scratch/r"
		set -e
		"$2"
		exit 0
	fi
	name=$(basename "$0" .sh)
	echo "# suite e2e/$name"
	if ! tools/isolated true 2>/dev/null; then
		echo '1..0 # SKIP no namespaces here: run as root'
		exit 0
	fi
	if ! tools/isolated sh -c ': <>/dev/net/tun' 2>/dev/null; then
		echo '1..0 # SKIP /dev/net/tun cannot be opened: tapir doctor says how to mend it'
		exit 0
	fi
	all=$(sed -n 's/^\(test_[A-Za-z0-9_]*\) *().*/\1/p' "$0")
	[ $# = 0 ] || all=$*
	echo "1..$(echo "$all" | wc -w)"
	dir=$(mktemp -d) && chmod 755 "$dir" || exit 1
	trap 'rm -rf "$dir"' EXIT
	trap 'exit 1' INT TERM
	number=0 bad=0
	for test in $all; do
		number=$((number + 1))
		mkdir "$dir/$test"
		timeout -k 2 $((${limit:-60} * ${RUN_TIMES:-1})) \
			tools/isolated sh "$0" --test "$test" "$dir/$test" >"$dir/log" 2>&1 </dev/null
		status=$?
		case $status in
		0) echo "ok $number - $test" ;;
		77) echo "ok $number - $test # SKIP $(sed -n 's/^SKIP: //p' "$dir/log" | tail -n 1)" ;;
		*)
			echo "not ok $number - $test"
			[ $status != 124 ] || echo "# no end within its time"
			tail -n 60 "$dir/log" | sed 's/^/# /'
			[ ! -s "$dir/$test/said" ] || tail -n 20 "$dir/$test/said" | sed 's/^/# tapir: /'
			bad=1
			;;
		esac
		rm -rf "${dir:?}/$test"
	done
	exit $bad
}
