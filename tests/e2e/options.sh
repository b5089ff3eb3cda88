#!/bin/sh
# Bad options: one line on stderr that names the option and the mend, exit 2, and nothing is touched.
. tests/e2e/lib.sh

refused() {
	expect_status 2 "$TAPIR" "$@" >"$scratch/out" 2>"$scratch/err"
	[ "$(wc -l <"$scratch/err")" = 1 ] || fail "not one line: $* -> $(cat "$scratch/err")"
	has "$scratch/err" '^tapir[a-z ]*: .*: .'
	! ip link show tap0 2>/dev/null
}

test_values_out_of_place_are_refused() {
	for option in --dev=nonsense --dev=tap: --dev=tap:much-too-long-a-name --dev=tap:a/b --dev=fd:-1 --dev=fd:99 \
		--ip=1.2.3 --ip=300.1.1.1/24 --ip=192.0.2.2/33 --ip=192.0.2.2 --ip=0.0.0.0/8 --ip=127.0.0.1/8 \
		--ip=224.0.0.1/4 --ip=192.0.2.255/24 --ip=192.0.2.0/24 --gw=x --gw=10.0.0.1 --host-ip=10.0.0.1/24 \
		--host-ip=192.0.2.2/24 --mac=x --mac=01:00:5e:00:00:01 --mac=ff:ff:ff:ff:ff:ff --mac=00:00:00:00:00:00 \
		--mac=02:11:22:33:44 --mtu=0 --mtu=67 --mtu=65536 --mtu=x --mtu=1500k --sysctl=x --sysctl=no.such=1 \
		--sysctl=net.ipv4.ip_default_ttl=0 --sysctl=net.ipv4.ip_default_ttl=256 --sysctl=net.ipv4.ip_default_ttl= \
		--conf=/nonexistent --dns=x --dns=127.0.0.1 --dns=192.0.2.1, --pcap= --nonsense --ip; do
		refused up "$option"
	done
}

test_what_is_not_built_is_unknown() {
	for option in --keylog=x --trace; do
		refused up $option
	done
	refused fetch http://192.0.2.1/
	refused nonsense
}

test_a_settings_file_is_read_and_its_errors_have_a_line() {
	printf '# comment\n\nnet.ipv4.ip_default_ttl = 99\n' >"$scratch/conf"
	start up --conf "$scratch/conf"
	ping -n -c 1 -W 2 $us | grep -q 'ttl=99'
	stop
	printf 'net.ipv4.ip_default_ttl = 99\nnet.ipv4.nonsense = 1\n' >"$scratch/conf"
	refused up --conf "$scratch/conf"
	has "$scratch/err" 'conf.*2'
}

test_settings_on_the_command_line_count() {
	start up --sysctl net.ipv4.ip_default_ttl=33 --sysctl net.ipv4.icmp_echo_ignore_all=0
	ping -n -c 1 -W 2 $us | grep -q 'ttl=33'
	stop
	start up --sysctl net.ipv4.icmp_echo_ignore_all=1
	expect_status 1 ping -n -c 1 -W 1 $us
	stop
}

test_help_is_shown_and_exits_0() {
	"$TAPIR" help help | grep -q '^usage: tapir COMMAND'
	"$TAPIR" up -h | grep -q '^usage: tapir up'
	"$TAPIR" --help >"$scratch/out"
	for command in $(sed -n 's/^  \([a-z]*\)  .*/\1/p' "$scratch/out"); do
		[ $command = help ] || "$TAPIR" "$command" --help | grep -q "usage: tapir $command"
	done
	"$TAPIR" --version | grep -q '^tapir [0-9]'
}

run_tests "$@"
