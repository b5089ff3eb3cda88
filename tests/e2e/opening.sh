#!/bin/sh
# How connections open with the kernel's TCP on the other side: Fast Open and ECN.
. tests/e2e/lib.sh

serve() { # options...
	need tcpdump
	mkdir -p "$scratch/root"
	head -c 300000 /dev/urandom >"$scratch/root/big"
	start httpd --root "$scratch/root" --pcap "$scratch/pcap" "$@"
}

fetch() { # curl's options...
	curl --noproxy '*' -sS -m 20 "$@" "http://$us/big" | cmp - "$scratch/root/big"
}

# What tcpdump says of the segments with SYN.
syns() {
	tcpdump -nn -v -r "$scratch/pcap" 'tcp[tcpflags] & tcp-syn != 0' 2>/dev/null >"$scratch/syns"
}

kernel_count() { # counter
	nstat -asz "$1" | awk -v n="$1" '$1 == n { print $2 }'
}

# ids: R7413-1
test_the_kernels_fast_open_puts_its_request_into_the_syn() {
	serve --sysctl net.ipv4.tcp_fastopen=1027
	fetch --tcp-fastopen
	[ "$(kernel_count TcpExtTCPFastOpenActive)" = 0 ] || fail "data before there is a cookie"
	fetch --tcp-fastopen
	fetch --tcp-fastopen
	stop
	[ "$(kernel_count TcpExtTCPFastOpenActive)" = 2 ] || fail "the kernel's data on SYN was not taken"
	[ "$(kernel_count TcpExtTCPFastOpenActiveFail)" = 0 ] || fail "the kernel counts failures"
	syns
	has "$scratch/syns" 'Flags \[S\].*tfo  cookiereq'
	has "$scratch/syns" 'Flags \[S\.\].*tfo  cookie [0-9a-f]{16}'
	has "$scratch/syns" 'Flags \[S\], .*tfo  cookie [0-9a-f]{16}.*length [1-9]'
	checksums_hold "$scratch/pcap"
}

# ids: R7413-3
test_without_the_setting_the_kernels_question_is_ignored() {
	serve
	fetch --tcp-fastopen
	fetch --tcp-fastopen
	stop
	syns
	has_not "$scratch/syns" 'Flags \[S\.\].*tfo'
	[ "$(kernel_count TcpExtTCPFastOpenActive)" = 0 ] || fail "data on SYN"
}

# ids: R3168-1 R3168-2
test_ecn_is_agreed_on_when_the_kernel_asks() {
	echo 1 >/proc/sys/net/ipv4/tcp_ecn
	serve
	fetch
	stop
	syns
	has "$scratch/syns" 'Flags \[SEW\]'
	has "$scratch/syns" 'Flags \[S\.E\]'
	has_not "$scratch/syns" 'ECT|CE\)'
	# A line for each packet. Data is marked, pure ACKs are not.
	tcpdump -nn -v -r "$scratch/pcap" "tcp and src $us" 2>/dev/null |
		awk '/^[0-9][0-9]:/ && r { print r; r = "" } { r = r " " $0 } END { print r }' >"$scratch/ours"
	grep -E ', length [1-9][0-9]*(:|$)' "$scratch/ours" >"$scratch/data" || :
	grep -E 'Flags \[\.\].*, length 0$' "$scratch/ours" >"$scratch/acks" || :
	has "$scratch/data" 'tos 0x2,ECT\(0\)'
	# Nor is what goes again, where the machine is so busy that a tail probe was sent.
	awk '{ match($0, /seq [0-9]+/); n = substr($0, RSTART + 4, RLENGTH - 4) + 0 } n >= end { print; end = n + 1 }' \
		"$scratch/data" >"$scratch/first"
	has "$scratch/first" 'tos 0x2,ECT\(0\)'
	has_not "$scratch/first" 'tos 0x0,'
	has_not "$scratch/acks" 'ECT'
}

run_tests "$@"
