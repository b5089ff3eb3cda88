#!/bin/sh
# tapir httpd against the clients that people use: curl, ab, wrk; and captures of it held against their checksums.
. tests/e2e/lib.sh

# A site with a page, a file of 10 MiB and one of 1 GiB that takes no room.
site() {
	mkdir "$scratch/site"
	echo '<h1>a page</h1>' >"$scratch/site/index.html"
	head -c 10485760 /dev/urandom >"$scratch/site/big.bin"
	truncate -s 1G "$scratch/site/huge.bin"
	start httpd --root "$scratch/site" --quiet "$@"
}

curl() {
	command curl -q -sS --noproxy '*' --max-time 50 "$@"
}

test_curl_fetches_a_page() {
	site
	curl -i http://$us/ >"$scratch/out"
	has "$scratch/out" '^HTTP/1.1 200 OK'
	has "$scratch/out" '<h1>a page</h1>'
	[ "$(curl -o /dev/null -w '%{http_code}' http://$us/nothing)" = 404 ]
	[ "$(curl -o /dev/null -w '%{http_code}' --path-as-is http://$us/../../../etc/passwd)" != 200 ]
	stop
}

test_curl_fetches_10_mib_unchanged() {
	site
	curl http://$us/big.bin | cmp - "$scratch/site/big.bin"
	stop
}

test_curl_fetches_1_gib_unchanged() {
	site
	curl http://$us/huge.bin | cmp - "$scratch/site/huge.bin"
	stop
}

test_a_closed_port_is_refused_at_once() {
	site
	expect_status 7 curl http://$us:81/
	stop
}

test_200_parallel_fetches_are_whole() {
	site
	head -c 300000 "$scratch/site/big.bin" >"$scratch/site/part.bin"
	i=0
	while [ $i -lt 200 ]; do
		printf 'url = "http://%s/part.bin"\noutput = "%s/got.%d"\n' $us "$scratch" $i
		i=$((i + 1))
	done >"$scratch/list"
	curl -Z --parallel-immediate --parallel-max 200 -K "$scratch/list" 2>"$scratch/err" || {
		tail "$scratch/err"
		fail "curl"
	}
	i=0
	while [ $i -lt 200 ]; do
		cmp "$scratch/got.$i" "$scratch/site/part.bin"
		i=$((i + 1))
	done
	stop
}

test_a_fetch_aborted_half_way_leaves_the_server_well() {
	site
	for i in 1 2 3 4 5; do
		# head reads 1 MB and goes: curl fails to write, and drops the connection
		curl http://$us/huge.bin 2>/dev/null | head -c 1000000 >/dev/null
	done
	command curl -q -s --noproxy '*' http://$us/huge.bin >/dev/null &
	killed=$!
	sleep 0.2
	kill -KILL $killed
	curl http://$us/big.bin | cmp - "$scratch/site/big.bin"
	stop
}

test_a_reader_with_a_limited_rate_gets_the_file_whole() {
	site
	# curl keeps the limit only roughly: how long it takes shows nothing
	curl --limit-rate 3M http://$us/big.bin | cmp - "$scratch/site/big.bin"
	stop
}

test_a_reader_that_stops_for_a_while_closes_the_window_and_gets_the_file_whole() {
	need tcpdump
	site --pcap "$scratch/a.pcap"
	curl http://$us/big.bin | {
		sleep 1.5
		cat
	} | cmp - "$scratch/site/big.bin"
	stop
	tcpdump -nn -r "$scratch/a.pcap" 'src 192.0.2.1 and tcp[14:2] = 0 and tcp[13] = 16' 2>/dev/null >"$scratch/zero"
	has "$scratch/zero" 'win 0'
}

test_a_page_at_every_mtu() {
	site
	for mtu in 576 1280 1492 9000; do
		stop
		start httpd --root "$scratch/site" --quiet --mtu $mtu
		curl http://$us/big.bin | cmp - "$scratch/site/big.bin"
	done
	stop
}

test_ab_with_keep_alive_10000_requests_no_failure() {
	need ab
	site
	"$peers/ab" -q -k -n 10000 -c 50 http://$us/ >"$scratch/out" 2>&1 || {
		cat "$scratch/out"
		fail "ab"
	}
	ab_is_content 10000
	stop
}

test_ab_without_keep_alive_10000_requests_no_failure() {
	need ab
	site
	"$peers/ab" -q -n 10000 -c 50 http://$us/ >"$scratch/out" 2>&1 || {
		cat "$scratch/out"
		fail "ab"
	}
	ab_is_content 10000
	stop
}

ab_is_content() {
	has "$scratch/out" "^Complete requests: *$1\$"
	has "$scratch/out" '^Failed requests: *0$'
	has_not "$scratch/out" '^Non-2xx'
}

test_wrk_with_keep_alive_has_no_errors() {
	need wrk
	site
	"$peers/wrk" -t 1 -c 100 -d 2s http://$us:80/ >"$scratch/out" 2>&1
	wrk_is_content
	stop
}

test_wrk_without_keep_alive_has_no_errors() {
	need wrk
	site
	"$peers/wrk" -t 1 -c 50 -d 3s -H 'Connection: close' http://$us:80/ >"$scratch/out" 2>&1
	wrk_is_content
	stop
}

wrk_is_content() {
	cat "$scratch/out"
	has_not "$scratch/out" 'Socket errors|Non-2xx'
	[ "$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' "$scratch/out")" -ge 10000 ] ||
		[ "${RUN_TIMES:-1}" -gt 1 ] || fail "fewer than 10000 requests"
}

test_every_checksum_of_a_fetch_holds() {
	need tcpdump
	site --pcap "$scratch/a.pcap"
	head -c 1000000 "$scratch/site/big.bin" >"$scratch/site/part.bin"
	curl http://$us/part.bin | cmp - "$scratch/site/part.bin"
	expect_status 7 curl http://$us:81/ 2>/dev/null
	stop
	checksums_hold "$scratch/a.pcap"
	has "$scratch/dump" 'HTTP/1.1 200 OK'
	has "$scratch/dump" 'Flags \[R'
	[ "$(grep -c 'cksum 0x.* (correct)' "$scratch/dump")" -gt 100 ]
}

run_tests "$@"
