#!/bin/sh
# timeout: 300
# httpd against the clients that people use: curl, ab, wrk and ncat, over a TAP, with the kernel's TCP as the peer.
. tests/e2e/lib.sh
limit=120

# Starts httpd over a small tree; the log goes to $scratch/said too.
serve() { # options...
	root=$scratch/root
	mkdir -p "$root/sub dir"
	echo '<h1>hello</h1>' >"$root/index.html"
	echo page >"$root/sub dir/a page.txt"
	echo secret >"$scratch/secret"
	ln -s ../secret "$root/out"
	head -c 1048576 /dev/urandom >"$root/1M"
	start httpd --root "$root" "$@"
}

get() { # curl's arguments...
	curl --noproxy '*' -sS -m 100 "$@"
}

# "200" and so on: the status of a request.
code() { # curl's arguments...
	get -o /dev/null -w '%{http_code}' "$@"
}

expect_code() { # status, curl's arguments...
	want=$1
	shift
	got=$(code "$@")
	[ "$got" = "$want" ] || fail "$got instead of $want: $*"
}

# What a client that speaks for itself receives, in $scratch/answer. The request is a format of printf.
raw() { # format
	# shellcheck disable=SC2059
	printf "$1" | "$peers/ncat" -w 5 $us 80 >"$scratch/answer"
}

descriptors() {
	find "/proc/$pid/fd" | wc -l
}

test_files_come_with_their_headers() {
	serve
	get -i http://$us/ >"$scratch/answer"
	has "$scratch/answer" '^HTTP/1.1 200 OK'
	has "$scratch/answer" '^Content-Type: text/html; charset=utf-8'
	has "$scratch/answer" '^Content-Length: 15'
	has "$scratch/answer" '^Date: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} GMT'
	has "$scratch/answer" '^Last-Modified: '
	has "$scratch/answer" '^<h1>hello</h1>'
	[ "$(get http://$us/sub%20dir/a%20page.txt)" = page ]
	get -I http://$us/1M >"$scratch/answer"
	has "$scratch/answer" '^Content-Length: 1048576'
	[ "$(get -L -o /dev/null -w '%{http_code} %{url_effective}' "http://$us/sub%20dir")" = "403 http://$us/sub%20dir/" ]
	stop
	has "$scratch/said" '192.0.2.1 - - \[.*\] "GET / HTTP/1.1" 200 15 "-" "curl/'
}

test_errors_have_their_status() {
	serve
	expect_code 404 http://$us/none
	expect_code 405 -d x http://$us/
	expect_code 405 -X DELETE http://$us/
	expect_code 501 -X BREW http://$us/
	expect_code 204 -X OPTIONS http://$us/
	expect_code 400 http://$us/%00
	expect_code 400 -H 'Host:' http://$us/
	expect_code 414 "http://$us/$(head -c 9000 /dev/zero | tr '\0' a)"
	expect_code 431 -H "X: $(head -c 20000 /dev/zero | tr '\0' a)" http://$us/
	head -c 2000000 /dev/zero >"$scratch/2M"
	expect_code 413 -H 'Expect:' --data-binary "@$scratch/2M" http://$us/
	expect_code 413 -T "$scratch/2M" http://$us/x
	expect_code 405 -T "$root/1M" http://$us/x
	expect_code 200 -X GET --data-binary "@$root/1M" http://$us/
	expect_code 200 http://$us/
	stop
}

# ids: HT-19
test_nothing_outside_the_root_is_served() {
	serve
	for path in /../secret /..%2fsecret /%2e%2e/secret /sub%20dir/../../secret /out //../secret /..%5csecret /%252e%252e/secret; do
		got=$(get --path-as-is -w ' %{http_code}' "http://$us$path")
		case $got in
		*secret\ * | *\ 200) fail "$path gives $got" ;;
		*\ 40[034]) ;;
		*) fail "$path gives $got" ;;
		esac
	done
	stop
}

# ids: HT-05 HT-17 IH-08
test_malformed_requests_are_refused_and_the_rest_served() {
	need ncat
	serve
	raw 'GET / HTTP/1.1\n\n'
	has "$scratch/answer" '^HTTP/1.1 400 '
	raw 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG'
	has "$scratch/answer" '^HTTP/1.1 400 '
	raw 'GET / HTTP/3.0\r\n\r\n'
	has "$scratch/answer" '^HTTP/1.1 505 '
	raw 'GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\n\r\nHEAD / HTTP/1.0\r\n\r\n'
	[ "$(grep -c '^HTTP/1.1 ' "$scratch/answer")" = 3 ]
	raw 'GET / HTTP/1.0\r\n\r\n'
	has "$scratch/answer" '^<h1>hello</h1>'
	stop
}

test_connection_is_kept_for_the_next_request() {
	serve
	[ "$(get -o /dev/null -o /dev/null -w '%{num_connects} ' http://$us/ http://$us/1M)" = '1 0 ' ]
	[ "$(get -0 -o /dev/null -o /dev/null -w '%{num_connects} ' http://$us/ http://$us/)" = '1 1 ' ]
	stop
}

test_one_GiB_is_byte_exact() {
	serve -q
	# Random MiB among holes, so that neither disk nor time is spent on making it.
	truncate -s 1G "$root/1G"
	for mib in 0 1 100 511 512 777 1022 1023; do
		dd if=/dev/urandom of="$root/1G" bs=1M count=1 seek=$mib conv=notrunc status=none
	done
	get http://$us/1G | cmp - "$root/1G"
	grep -E 'VmHWM' "/proc/$pid/status"
	[ "$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status")" -lt 700000 ] || fail 'the file was read whole into memory'
	stop
}

test_200_parallel_downloads_are_byte_exact() {
	serve -q
	get -Z --parallel-immediate --parallel-max 200 -o "$scratch/got-#1" "http://$us/1M?[1-200]" 2>"$scratch/curl"
	sum=$(cksum <"$root/1M")
	count=0
	for got in "$scratch"/got-*; do
		[ "$(cksum <"$got")" = "$sum" ] || fail "$got differs"
		count=$((count + 1))
	done
	[ $count = 200 ]
	stop
}

test_downloads_broken_off_leave_nothing() {
	serve -q
	truncate -s 1G "$root/1G"
	before=$(descriptors)
	for _ in 1 2 3 4 5 6 7 8; do
		get -m 0.3 --limit-rate 1M -o /dev/null http://$us/1G || true
	done
	expect_code 200 http://$us/
	as_before() {
		[ "$(descriptors)" = "$before" ]
	}
	eventually as_before || fail "$(descriptors) descriptors instead of $before"
	stop
}

test_slow_reader_gets_the_whole_file() {
	serve
	get --limit-rate 300k http://$us/1M | cmp - "$root/1M"
	stop
}

test_ab_finishes_10000_requests() {
	need ab
	serve -q
	for keep in '' -k; do
		# shellcheck disable=SC2086
		"$peers/ab" -q $keep -n 10000 -c 64 http://$us/ >"$scratch/ab" 2>&1
		has "$scratch/ab" '^Complete requests: +10000$'
		has "$scratch/ab" '^Failed requests: +0$'
		has_not "$scratch/ab" 'Non-2xx'
	done
	has "$scratch/ab" '^Keep-Alive requests: +10000$'
	stop
}

test_wrk_has_no_errors() {
	need wrk
	serve -q
	"$peers/wrk" -t 1 -c 200 -d 3 http://$us:80/ >"$scratch/wrk"
	cat "$scratch/wrk"
	has "$scratch/wrk" 'requests in'
	has_not "$scratch/wrk" 'Socket errors|Non-2xx'
	"$peers/wrk" -t 1 -c 50 -d 2 -H 'Connection: close' http://$us:80/ >"$scratch/wrk"
	cat "$scratch/wrk"
	has_not "$scratch/wrk" 'Non-2xx|timeout [1-9]'
	stop
}

test_closed_port_is_refused() {
	serve
	expect_status 7 get http://$us:81/
	stop
}

test_every_checksum_of_a_capture_holds() {
	need tcpdump
	serve --pcap "$scratch/pcap"
	get http://$us/1M | cmp - "$root/1M"
	expect_code 404 http://$us/none
	expect_status 7 get http://$us:81/
	stop
	checksums_hold "$scratch/pcap"
	has "$scratch/dump" 'HTTP/1.1 404 Not Found'
}

test_interrupt_lets_a_response_finish() {
	serve
	get --limit-rate 2M -o "$scratch/got" http://$us/1M &
	client=$!
	eventually test -s "$scratch/got"
	stop
	wait $client || fail "the client was cut off"
	cmp "$scratch/got" "$root/1M"
}

test_interrupt_ends_endless_downloads_in_time() {
	serve
	truncate -s 10G "$root/10G"
	for i in 1 2 3 4; do
		get --limit-rate 1M -o "$scratch/got-$i" http://$us/10G 2>/dev/null &
	done
	eventually test -s "$scratch/got-4"
	stop TERM
}

test_another_port_and_address() {
	serve --port 8080 --ip 10.9.8.7/24
	expect_code 200 http://10.9.8.7:8080/
	has "$scratch/said" 'http://10.9.8.7:8080/'
	stop
}

test_small_and_large_mtu_carry_files() {
	for mtu in 576 9000; do
		serve --mtu $mtu --dev tap:tap$mtu
		get http://$us/1M | cmp - "$root/1M"
		stop
		rm -rf "${root:?}"
	done
}

test_wrong_options_are_refused_with_a_line() {
	refused() { # pattern, options...
		pattern=$1
		shift
		expect_status 2 "$TAPIR" httpd "$@" >"$scratch/out" 2>"$scratch/err"
		[ "$(wc -l <"$scratch/err")" = 1 ]
		[ ! -s "$scratch/out" ]
		has "$scratch/err" "$pattern"
	}
	refused '^tapir httpd: --root: missing: '
	refused '^tapir httpd: --root /nonexistent: No such file' --root /nonexistent
	refused '^tapir httpd: --port 99999: not a port: give 1 to 65535$' --root . --port 99999
	refused "^tapir httpd: --keylog: no such option: see 'tapir httpd --help'$" --root . --keylog x
	refused '^tapir httpd: --ip 192.0.2.0/24: the network itself: ' --root . --ip 192.0.2.0/24
}

run_tests "$@"
