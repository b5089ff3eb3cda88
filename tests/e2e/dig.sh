#!/bin/sh
# tapir dig beside the dig of BIND: the same text to the byte but for what changes from run to run, the same exit status; and what
# people meet: servers that are not there, names and options that are none, files that can't be read, an output that is closed, Ctrl-C.
. tests/e2e/lib.sh
. tests/e2e/lib_dns.sh
need dig nsd knotd named dnspython

# What differs from one run to the next.
normal() {
	sed -E 's/DiG [^ ]+ <<>>( -r)?/DiG <<>>/
		s/id: [0-9]+/id: N/
		s/COOKIE: [0-9a-f]{32,} /COOKIE: C /
		s/COOKIE: [0-9a-f]{16}$/COOKIE: C/
		s/Query time: [0-9]+ /Query time: N /
		s/WHEN: .*/WHEN: W/
		s/ in [0-9]+ (ms|us)/ in N \1/'
}

tapir_dig() {
	HOME=$scratch "$TAPIR" dig "$@"
}

# Both digs, by the arguments of each line of a file.
same() { # file
	lines=0
	while read -r line; do
		ours=0 theirs=0
		# shellcheck disable=SC2086
		dig $line >"$scratch/theirs" 2>"$scratch/theirs.err" </dev/null || theirs=$?
		# shellcheck disable=SC2086
		tapir_dig $line >"$scratch/ours" 2>"$scratch/ours.err" </dev/null || ours=$?
		normal <"$scratch/theirs" >"$scratch/theirs.n"
		normal <"$scratch/ours" >"$scratch/ours.n"
		cmp -s "$scratch/theirs.n" "$scratch/ours.n" || {
			diff "$scratch/theirs.n" "$scratch/ours.n" || true
			cat "$scratch/ours.err"
			fail "dig $line: not the same text"
		}
		[ $ours = $theirs ] || fail "dig $line: exit status $ours instead of $theirs"
		lines=$((lines + 1))
	done <"$1"
	[ "$lines" -ge "$2" ] || fail "only $lines lines"
}

# The kernel tells of a closed port six times and then once a second: not here.
every_port_unreachable() {
	echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
}

# nsd answers always in the same order.
start_nsd() {
	dns_net
	dns_zones
	dns_start nsd
}

test_text_and_status_are_digs() {
	dns_net
	every_port_unreachable
	dns_zones
	dns_sign_zones
	dns_start nsd knotd
	cat >"$scratch/lines" <<-EOF
		@$nsd_ip a.types.test
		@$nsd_ip a.types.test +nocookie
		@$nsd_ip A.TYPES.test aaaa
		@$nsd_ip nosuch.a.types.test
		@$nsd_ip www.child.tld
		@$nsd_ip types.test mx +noall +answer
		@$nsd_ip -t mx types.test +short
		@$nsd_ip -q types.test -t soa +multi
		@$nsd_ip types.test soa +multiline +norrcomments
		@$nsd_ip types.test soa +nottlid
		@$nsd_ip types.test soa +noclass
		@$nsd_ip types.test soa +nottl +nocl
		@$nsd_ip types.test soa +ttlunits
		@$nsd_ip types.test soa +unknownformat
		@$nsd_ip types.test any
		@$nsd_ip types.test any +notcp
		@$nsd_ip aaaa.types.test aaaa +expandaaaa +noall +answer
		@$nsd_ip txt2.types.test txt +short
		@$nsd_ip huge.types.test txt +noall +stats
		@$nsd_ip huge.types.test txt +ignore
		@$nsd_ip huge.types.test txt
		@$nsd_ip a.types.test +tcp
		@$nsd_ip a.types.test +vc +short +identify
		@$nsd_ip a.types.test +nostats +identify
		@$nsd_ip a.types.test +qr
		@$nsd_ip a.types.test +norec +noad +cd +qr
		@$nsd_ip a.types.test +noedns +qr
		@$nsd_ip a.types.test +bufsize=4096 +dnssec +qr
		@$nsd_ip a.types.test +nsid +qr
		@$nsd_ip a.types.test +subnet=192.0.2.77/20 +qr
		@$nsd_ip a.types.test +subnet=2001:db8::/33 +qr +nocookie
		@$nsd_ip a.types.test +ednsopt=65001:616263 +nocookie +qr
		@$nsd_ip a.types.test +ednsopt=15:00126e6f +nocookie +qr
		@$nsd_ip a.types.test +ednsopt=9:00000e10 +nocookie +qr
		@$nsd_ip a.types.test +nocomments
		@$nsd_ip a.types.test +nocmd +noquestion +noauthority +noadditional
		@$nsd_ip a.types.test +noall +comments
		@$nsd_ip a.types.test +noall +question
		@$nsd_ip a.types.test mx types.test ns +nocomments txt.types.test txt +short
		@$nsd_ip +noall +answer a.types.test -x 192.0.2.7 mx2.types.test mx
		+short a.types.test @$nsd_ip types.test mx @$nsd_ip
		@$nsd_ip -x 192.0.2.53
		@$nsd_ip -x 2001:db8::1
		@$nsd_ip -x 10.1
		@$nsd_ip
		@$nsd_ip x.local
		@$nsd_ip -c ch -t txt version.server
		@$nsd_ip version.bind chaos txt +short
		@$nsd_ip -t FOO a.types.test
		@$nsd_ip a mx types.test
		@$nsd_ip dnskey.types.test dnskey +noall +answer
		@$nsd_ip dnskey.types.test dnskey +noall +answer +multi
		@$nsd_ip dnskey.types.test dnskey +noall +answer +rrcomments
		@$nsd_ip dnskey.types.test dnskey +noall +answer +nocrypto
		@$nsd_ip dnskey.types.test dnskey +short +nosplit
		@$nsd_ip dnskey.types.test dnskey +short +split=20
		@$nsd_ip sub.types.test ds +noall +authority +answer +multi
		@$nsd_ip a +domain=types.test
		@$nsd_ip nosuch.a +search +domain=types.test +noall +answer +authority
		@$nsd_ip a +showsearch +domain=types.test
		@$nsd_ip a. +domain=types.test +noall +answer +authority
		@$nsd_ip a +domain=types.test +ndots=0 +noall +answer +authority
		@$nsd_ip some.wild +domain=types.test +ndots=2
		@$nsd_ip sp\\032ace.types.test
		@$nsd_ip . ns +noall +answer
		@$nsd_ip a..b
		@$nsd_ip .b
		@$nsd_ip \\2.b
		@$nsd_ip aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test
		@$nsd_ip -p 54 a.types.test
		@$nsd_ip -p 54 a.types.test +short
		@$nsd_ip -p 54 a.types.test +tcp +tries=2
		@$nsd_ip +tcp +tries=1 -p 54 a.types.test mail.types.test
		@192.0.2.99 a.types.test +time=1 +tries=1
		@192.0.2.99 a.types.test +time=1 +tries=1 +tcp
		@$knotd_ip www.signed.test +dnssec
		@$knotd_ip www.signed.test +dnssec +multi
		@$knotd_ip signed.test dnskey +dnssec +nocrypto
		@$knotd_ip nothing.signed.test +dnssec
		@$knotd_ip a.types.test +nobadcookie +nocookie
	EOF
	same "$scratch/lines" 70
}

test_batch_files() {
	start_nsd
	cat >"$scratch/batch" <<-EOF
		a.types.test a
		@$nsd_ip types.test mx +noall +answer
		types.test ns @$nsd_ip +short
		-x 192.0.2.53 +tcp
	EOF
	printf '%s\n' "@$nsd_ip -f $scratch/batch" "@$nsd_ip +noall +answer -f $scratch/batch" >"$scratch/lines"
	same "$scratch/lines" 2
	printf '# a comment\n\n; another\na.types.test\n' | tapir_dig @$nsd_ip -f - +short >"$scratch/out"
	[ "$(wc -l <"$scratch/out")" = 4 ] || fail "$(cat "$scratch/out")"
	# What is wrong with a line ends the batch, after what came before it.
	printf 'mail.types.test\n+foo a.types.test\na.types.test\n' >"$scratch/batch"
	expect_status 1 tapir_dig @$nsd_ip +short -f "$scratch/batch" >"$scratch/out" 2>"$scratch/err"
	[ "$(cat "$scratch/out")" = 192.0.2.25 ] || fail "$(cat "$scratch/out")"
	has "$scratch/err" '^Invalid option: \+foo$'
	expect_status 8 tapir_dig @$nsd_ip -f "$scratch/none" 2>"$scratch/err"
	has "$scratch/err" "^$scratch/none: No such file or directory$"
	has "$scratch/err" "^dig: couldn't open specified batch file$"
	expect_status 8 tapir_dig @$nsd_ip -f "$scratch" 2>"$scratch/err"
	has "$scratch/err" 'Is a directory'
	expect_status 1 timeout 10 "$TAPIR" dig @$nsd_ip -f /dev/zero 2>"$scratch/err"
	has "$scratch/err" 'has a NUL'
	printf '@\033[2J\n' >"$scratch/batch"
	printf 'a..b\033[2J\n' >>"$scratch/batch"
	tapir_dig -f "$scratch/batch" >"$scratch/out" 2>&1 || true
	! grep -q "$(printf '\033')" "$scratch/out" || fail "a file talks to the terminal"
}

test_several_names_share_one_stack() {
	start_nsd
	"$TAPIR" dig --pcap "$scratch/cap" @$nsd_ip +short a.types.test mail.types.test --ip 192.0.2.9/24 +tcp both.types.test >"$scratch/out"
	has "$scratch/out" '^192.0.2.25$'
	has "$scratch/out" '^192.0.2.90$'
	tcpdump -nn -r "$scratch/cap" >"$scratch/dump" 2>/dev/null
	has "$scratch/dump" "192.0.2.9.[0-9]+ > $nsd_ip.53: .*A\? a.types.test"
	has "$scratch/dump" 'Flags \[S\]'
	checksums_hold "$scratch/cap"
}

test_usage_is_refused_before_a_device_is_touched() {
	while read -r want words; do
		status=0
		# shellcheck disable=SC2086
		tapir_dig $words >"$scratch/out" 2>"$scratch/err" || status=$?
		[ $status = "$want" ] || fail "$words: exit status $status instead of $want"
		[ -s "$scratch/err" ] || fail "$words: nothing is said"
		[ ! -s "$scratch/out" ] || fail "$words: $(cat "$scratch/out")"
	done <<-'EOF'
		1 +foo x
		1 -z x
		1 -p 70000 x
		10 +time=x x
		10 +tries=1x x
		1 +tls x
		1 +yaml x
		1 -6 x
		1 axfr x
		1 -y a:b x
		1 --foo x
		1 --dns 127.0.0.1 x
		1 --hints
		1 --dev tap:no/such x
		1 @127.0.0.1 x
		1 @::1 x
		1 @
	EOF
	ip link show tap0 >/dev/null 2>&1 && fail 'a TAP was left'
	printf 'b\303\274cher.test\n' >"$scratch/idn"
	expect_status 1 tapir_dig @192.0.2.1 "$(cat "$scratch/idn")" 2>"$scratch/err"
	has "$scratch/err" 'IDN.*xn--'
	expect_status 0 tapir_dig -h >"$scratch/out"
	has "$scratch/out" '^usage: tapir dig '
	expect_status 0 tapir_dig -v 2>"$scratch/err"
	has "$scratch/err" '^DiG tapir-'
}

test_servers_of_resolv_conf() {
	start_nsd
	printf 'nameserver 127.0.0.53\n' >"$scratch/resolv"
	mount --bind "$scratch/resolv" /etc/resolv.conf
	expect_status 1 tapir_dig a.types.test >"$scratch/out" 2>"$scratch/err"
	has "$scratch/err" '127\.0\.0\.53.*--dns'
	has "$scratch/err" 'no name server'
	printf 'nameserver 192.0.2.99\nnameserver %s\nsearch types.test\n' $nsd_ip >"$scratch/resolv"
	expect_status 0 tapir_dig mail.types.test +short +time=1 +tries=2 >"$scratch/out"
	cat >"$scratch/want" <<-EOF
		;; communications error to 192.0.2.99#53: timed out
		;; communications error to 192.0.2.99#53: timed out
		192.0.2.25
	EOF
	diff "$scratch/want" "$scratch/out" || fail 'not as dig'
	# No search list unless it is asked for; --dns is whom to ask then.
	expect_status 0 tapir_dig --dns $nsd_ip mail +noall +comments >"$scratch/out"
	has "$scratch/out" NXDOMAIN
	expect_status 0 tapir_dig --dns $nsd_ip mail +search +short >"$scratch/out"
	has "$scratch/out" '^192.0.2.25$'
	# A server by its name, looked up by those that are configured.
	expect_status 0 tapir_dig --dns $nsd_ip @ns.gen.test mail.types.test +noall +answer +stats >"$scratch/out"
	has "$scratch/out" "^;; SERVER: $nsd_ip#53\(ns.gen.test\) \(UDP\)$"
	expect_status 1 tapir_dig --dns $nsd_ip @nosuch.gen.test mail.types.test 2>"$scratch/err"
	has "$scratch/err" "^dig: couldn't get address for 'nosuch.gen.test': not found$"
}

test_output_that_nobody_takes() {
	start_nsd
	expect_status 1 tapir_dig @$nsd_ip mail.types.test +short >/dev/full 2>"$scratch/err"
	has "$scratch/err" 'stdout'
	expect_status 1 tapir_dig @$nsd_ip mail.types.test +short >&- 2>"$scratch/err"
	tapir_dig @$nsd_ip mail.types.test a.types.test 2>"$scratch/err" | true
	has_not "$scratch/err" 'invariant|Sanitizer'
}

test_interrupt_ends_it_at_once() {
	dns_net
	"$TAPIR" dig @192.0.2.99 a.types.test +time=30 >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	eventually ip neigh show dev tap0 to 192.0.2.2
	sleep 0.5
	before=$(now_ms)
	kill -INT $pid
	status=0
	wait $pid || status=$?
	[ $status = 9 ] || fail "exit status $status"
	[ $(($(now_ms) - before)) -lt $((1000 * ${RUN_TIMES:-1})) ] || fail 'the end took long'
	[ ! -s "$scratch/err" ] || fail "$(cat "$scratch/err")"
}

test_interrupt_ends_the_wait_for_more_lines() {
	dns_net
	mkfifo "$scratch/lines"
	sleep 30 >"$scratch/lines" &
	"$TAPIR" dig @192.0.2.99 -f - <"$scratch/lines" >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	eventually ip neigh show dev tap0 to 192.0.2.2
	sleep 0.5
	kill -INT $pid
	status=0
	wait $pid || status=$?
	[ $status = 9 ] || fail "exit status $status"
	[ ! -s "$scratch/err" ] || fail "$(cat "$scratch/err")"
}

test_first_answer_costs_no_waiting() {
	start_nsd
	best=1000
	for _ in 1 2 3 4 5; do
		before=$(now_ms)
		tapir_dig @$nsd_ip mail.types.test +short >"$scratch/out"
		took=$(($(now_ms) - before))
		[ $took -ge $best ] || best=$took
	done
	theirs=1000
	for _ in 1 2 3; do
		before=$(now_ms)
		dig @$nsd_ip mail.types.test +short >"$scratch/out"
		took=$(($(now_ms) - before))
		[ $took -ge $theirs ] || theirs=$took
	done
	echo "tapir dig $best ms, dig $theirs ms"
	[ $best -le $((theirs + 100 * ${RUN_TIMES:-1})) ] || fail "$best ms, dig $theirs ms"
}

test_trace_from_the_root() {
	dns_net
	dns_zones
	echo 'lame.test. NS ns.tld.' >>"$scratch/zones/root"
	dns_start nsd knotd named
	tapir_dig +trace --hints "$scratch/hints" www.child.tld >"$scratch/out"
	normal <"$scratch/out" | sed "s,$scratch,S," >"$scratch/out.n"
	cat >"$scratch/want" <<-EOF

		; <<>> DiG <<>> +trace www.child.tld
		;; global options: +cmd
		.			3600000	IN	NS	a.root.tld.
		;; Read 1 server of the root from S/hints

		tld.			172800	IN	NS	ns.tld.
		;; Received 75 bytes from 192.0.2.53#53(a.root.tld) in N ms

		child.tld.		3600	IN	NS	ns.child.tld.
		;; Received 103 bytes from 192.0.2.54#53(ns.tld) in N ms

		www.child.tld.		600	IN	A	192.0.2.61
		child.tld.		3600	IN	NS	ns.child.tld.
		;; Received 119 bytes from 192.0.2.55#53(ns.child.tld) in N ms

	EOF
	diff "$scratch/want" "$scratch/out.n" || fail 'not as dig'
	tapir_dig +trace @$nsd_ip child.tld mx +nodnssec +hints="$scratch/hints" >"$scratch/out"
	has "$scratch/out" '^child.tld.[[:space:]]+3600.*10 www.child.tld.$'
	tapir_dig +trace @$nsd_ip child.tld mx +nodnssec >"$scratch/out"
	has "$scratch/out" ';; Received .* from 192.0.2.55#53\(ns.child.tld\)'
	tapir_dig +trace +short --hints "$scratch/hints" www.child.tld >"$scratch/out"
	has "$scratch/out" '^192.0.2.61'
	# A server that does not have the zone that it is said to have.
	expect_status 9 tapir_dig +trace --hints "$scratch/hints" x.lame.test >"$scratch/out"
	has "$scratch/out" '^;; lame: 192.0.2.54#53\(ns.tld\) says REFUSED about lame.test\.$'
	has "$scratch/out" '^;; no server of lame.test. is of use$'
	# One that has gone.
	dns_stop named
	expect_status 9 tapir_dig +trace --hints "$scratch/hints" www.child.tld +time=1 +tries=1 >"$scratch/out"
	has "$scratch/out" '^;; communications error to 192.0.2.55#53: connection refused$'
	expect_status 1 tapir_dig +trace --hints "$scratch/none" x 2>"$scratch/err"
	has "$scratch/err" "$scratch/none: No such file"
	printf 'no hints at all\n' >"$scratch/bad"
	expect_status 1 tapir_dig +trace --hints "$scratch/bad" x 2>"$scratch/err"
	has "$scratch/err" 'line 1 '
	: >"$scratch/empty"
	expect_status 1 tapir_dig +trace --hints "$scratch/empty" x 2>"$scratch/err"
	has "$scratch/err" 'no server of the root'
}

test_json_is_read_by_others() {
	start_nsd
	expect_status 0 tapir_dig @$nsd_ip +json a.types.test mx2.types.test mx t65280.types.test type65280 txt4.types.test txt >"$scratch/json"
	expect_status 9 tapir_dig @$nsd_ip -p 54 a.types.test +json +tries=1 >>"$scratch/json"
	"$peers/dnspython" - "$scratch/json" <<-'EOF' || fail 'not as expected'
		import json, sys
		lines = open(sys.argv[1]).read().splitlines()
		assert len(lines) == 5, lines
		last = json.loads(lines[-1])
		assert last["status"] == "unreachable", last["status"]
		assert last["attempts"][0]["outcome"] == "icmp", last
		r = json.loads(lines[-2])["responseMessage"]
		assert r["QTYPEname"] == "TXT" and r["ANCOUNT"] == len(r["answerRRs"]) == 1, r
		assert r["answerRRs"][0]["rdataTXT"] == r["answerRRs"][0]["text"]
		assert bytes.fromhex(r["messageOctetsHEX"])[2] & 0x80
	EOF
}

test_explain_tells_octets_and_story() {
	start_nsd
	tapir_dig @$nsd_ip huge.types.test txt +noall +explain >"$scratch/out"
	has "$scratch/out" '^;; QUERY, [0-9]+ OCTETS:$'
	has "$scratch/out" '^;; REPLY, [0-9]+ OCTETS:$'
	has "$scratch/out" '^;  0x0000  [0-9a-f]{2} [0-9a-f]{2} +ID 0x'
	has "$scratch/out" 'pointer -> 0x000c huge.types.test.$'
	has "$scratch/out" '^;  1\. 192.0.2.53#53 over UDP, from port [0-9]+ with ID [0-9]+: random both \(RFC 5452 9.2\)$'
	has "$scratch/out" 'truncated \(TC\), .*on to TCP \(RFC 1035 4.1.1, RFC 7766 5\)$'
	has "$scratch/out" '^;  2\. 192.0.2.53#53 over TCP'
	# The resolver has a cache to tell of.
	tapir_dig --dns $nsd_ip +cache +noall +explain mail.types.test mail.types.test >"$scratch/out"
	has "$scratch/out" 'cache: not in it'
	has "$scratch/out" 'cache: answered, 0 s old'
	has "$scratch/out" 'case: mixed at random, and came back so'
	tapir_dig --dns $nsd_ip +cache localhost +stats >"$scratch/out"
	has "$scratch/out" '^;; SERVER: none asked: from a special-use name'
}

limit=100
run_tests "$@"
