#!/bin/sh
# tapir dig beside dig, asking the name servers that people run: what both print is the same, byte for byte.
# shellcheck disable=SC1091,SC2034,SC2154,SC2317 # lib.sh has variables, wants some, and calls the tests
# timeout: 240
limit=100
. tests/e2e/lib.sh
. tests/e2e/lib_dns.sh

peers_up() {
	need dig named dnssec-signzone unbound knotd nsd dnsmasq
	dns_net
	dns_zones
	dns_sign_zones
	dns_start nsd knotd named
	dns_start unbound dnsmasq
}

# Lines of a batch file: a name that begins with a hyphen is no option.
as_batch() {
	sed 's/^\([^ ]*\) \([^ ]*\)$/-q \1 -t \2/'
}

# What they say, but for what changes from one query to the next and for the keep-alive that we ask for and dig does not.
level() {
	sed -E -e '/^; TCP KEEPALIVE/d' -e 's/(, id: )[0-9]+/\1 ID/; s/^(;; Query time: ).*/\1 T/; s/^(;; WHEN: ).*/\1 NOW/' "$1"
}

# dig's and ours, asked the same.
same_as_dig() { # what it is, arguments...
	what=$1
	shift
	dig "$@" >"$scratch/theirs" 2>&1 || true
	"$TAPIR" dig "$@" >"$scratch/ours" 2>&1 || {
		tail -n 5 "$scratch/ours"
		fail "$what: exit status $?"
	}
	level "$scratch/theirs" >"$scratch/theirs.level"
	level "$scratch/ours" >"$scratch/ours.level"
	cmp -s "$scratch/theirs.level" "$scratch/ours.level" || {
		diff -U 2 "$scratch/theirs.level" "$scratch/ours.level" | head -n 40
		fail "$what: not what dig says"
	}
	[ "$(wc -l <"$scratch/theirs.level")" -ge "${least:-1}" ] || fail "$what: $(wc -l <"$scratch/theirs.level") lines only"
}

# A forwarder's TTLs, and a cache's, count down.
ttl_of() { # server
	case $1 in unbound | dnsmasq) echo +nottl ;; esac
}

# What the server can't answer without somebody who is not there.
answerable() { # server
	case $1 in unbound) grep -v -e '^sub\.' -e '^ns\.sub\.' ;; *) cat ;; esac
}

# ids: D1123-16 D1035-4 D3597-1 D3597-3 D1035-7
test_answers_of_every_type_are_digs() {
	peers_up
	for server in $dns_servers; do
		dns_questions_types | answerable "$server" | as_batch >"$scratch/questions"
		for transport in +notcp +tcp; do
			# shellcheck disable=SC2046
			least=350 same_as_dig "$server $transport" "@$(dns_ip "$server")" -f "$scratch/questions" "$transport" \
				+noall +answer $(ttl_of "$server")
		done
	done
}

# ids: D1123-7 D2181-7 D4343-2
test_answers_of_thousands_of_names_are_digs() {
	peers_up
	dns_questions_gen | as_batch >"$scratch/all"
	awk 'NR % 3 == 0' "$scratch/all" >"$scratch/some"
	for server in $dns_servers; do
		questions=$scratch/some
		[ "$server" != named ] || questions=$scratch/all
		# shellcheck disable=SC2046
		for transport in +notcp +tcp; do
			least=1500 same_as_dig "$server $transport" "@$(dns_ip "$server")" -f "$questions" "$transport" \
				+noall +answer $(ttl_of "$server")
		done
	done
}

# ids: D1035-6 D2308-2 D6891-3
test_headers_and_all_sections_are_digs() {
	peers_up
	for server in nsd knotd named dnsmasq; do
		dns_questions_types | as_batch >"$scratch/questions"
		# shellcheck disable=SC2046
		least=2000 same_as_dig "$server" "@$(dns_ip "$server")" -f "$scratch/questions" +nocookie \
			+noall +comments +question +answer +authority +additional $(ttl_of "$server")
	done
}

# What the resolver makes of replies, and what dig shows of the same: no letter of ours is left of the mixed case.
# ids: D4343-2 D0x20-2 D1034-3
test_lookups_have_the_answers_that_dig_shows() {
	peers_up
	{
		dns_questions_types | answerable unbound
		dns_questions_gen 3
	} | as_batch >"$scratch/questions"
	dig "@$unbound_ip" -f "$scratch/questions" +noall +answer +nottl | grep -v '	DNAME	' >"$scratch/theirs"
	"$TAPIR" dig "@$unbound_ip" -f "$scratch/questions" +cache +noall +answer +nottl >"$scratch/all" || true
	grep -v '	DNAME	' "$scratch/all" >"$scratch/ours"
	cmp -s "$scratch/theirs" "$scratch/ours" || {
		diff -U 2 "$scratch/theirs" "$scratch/ours" | head -n 40
		fail "lookups differ"
	}
	[ "$(wc -l <"$scratch/ours")" -gt 2000 ] || fail "$(wc -l <"$scratch/ours") lines only"
}

test_short_is_digs() {
	peers_up
	{
		dns_questions_types
		dns_questions_gen 10
	} | as_batch >"$scratch/questions"
	for server in nsd knotd named; do
		least=500 same_as_dig "$server" "@$(dns_ip "$server")" -f "$scratch/questions" +short
	done
}

test_signed_answers_are_digs() {
	peers_up
	for server in $dns_servers; do
		dns_questions_signed | answerable "$server" | as_batch >"$scratch/questions"
		# shellcheck disable=SC2046
		least=60 same_as_dig "$server" "@$(dns_ip "$server")" -f "$scratch/questions" +dnssec +noall +answer $(ttl_of "$server")
	done
	"$TAPIR" dig "@$unbound_ip" www.signed.test +dnssec >"$scratch/out"
	has "$scratch/out" '^;; flags: qr rd ra ad;'
	has "$scratch/out" '	IN	RRSIG	A 13 3 3600 '
}

# ids: D7873-1 D7873-4
test_cookies_are_exchanged() {
	peers_up
	for server in knotd named; do
		"$TAPIR" dig "@$(dns_ip "$server")" a.types.test +cookie b.types.test +cookie both.types.test +cookie >"$scratch/out"
		has "$scratch/out" '^; COOKIE: [0-9a-f]{48} \(good\)$'
		[ "$(grep -c '^; COOKIE: .* (good)$' "$scratch/out")" = 3 ] || fail "a cookie is missing"
	done
}

# ids: D1035-7 D1035-12 D9210-1
test_what_is_truncated_comes_over_tcp() {
	peers_up
	for server in $dns_servers; do
		"$TAPIR" dig "@$(dns_ip "$server")" huge.types.test txt >"$scratch/out"
		has "$scratch/out" ';; flags: qr.* ANSWER: 100,'
		has "$scratch/out" '^;; SERVER: .*\(TCP\)$'
		"$TAPIR" dig "@$(dns_ip "$server")" huge.types.test txt +ignore >"$scratch/out"
		has "$scratch/out" ';; flags: qr.* tc'
	done
}

test_trace_goes_from_the_root_to_the_end() {
	peers_up
	"$TAPIR" dig --hints "$scratch/hints" +trace www.child.tld >"$scratch/out"
	for ip in $nsd_ip $knotd_ip $named_ip; do
		has "$scratch/out" "^;; Received [0-9]+ bytes from ${ip}#53\\("
	done
	has "$scratch/out" '^tld\.[	 ]+172800	IN	NS	ns\.tld\.$'
	has "$scratch/out" '^child\.tld\.[	 ]+3600	IN	NS	ns\.child\.tld\.$'
	has "$scratch/out" '^www\.child\.tld\.[	 ]+600	IN	A	192\.0\.2\.61$'
	# dig finds its way by the machine's resolver: unbound, here.
	echo "nameserver $unbound_ip" >"$scratch/resolv.conf"
	mount --bind "$scratch/resolv.conf" /etc/resolv.conf
	for name in www.child.tld txt.child.tld nothing.child.tld signed.test www.signed.test a.types.test; do
		dig +trace "$name" TXT >"$scratch/theirs"
		"$TAPIR" dig --hints "$scratch/hints" +trace "$name" TXT >"$scratch/ours"
		for file in theirs ours; do
			# Behind the root's own list, which is read or comes from another server; dig shuffles servers of equal rank.
			sed '1,/^;; Re[ac]/d' "$scratch/$file" | grep -v -e '^$' -e '^;; Received' | sort >"$scratch/$file.way"
		done
		cmp -s "$scratch/theirs.way" "$scratch/ours.way" || {
			diff -U 2 "$scratch/theirs.way" "$scratch/ours.way"
			fail "$name: not dig's way"
		}
	done
}

# ids: D1034-6 D6761-4
test_names_of_addresses_are_digs() {
	peers_up
	for server in $dns_servers; do
		for address in 192.0.2.55 192.0.2.80 192.0.2.81 2001:db8::80 2001:db8::81; do
			# shellcheck disable=SC2046
			least=0 same_as_dig "$server -x $address" "@$(dns_ip "$server")" -x $address +nocookie \
				+noall +comments +question +answer $(ttl_of "$server")
		done
		"$TAPIR" dig "@$(dns_ip "$server")" -x 192.0.2.80 +short >"$scratch/out"
		has "$scratch/out" '^types\.test\.$'
	done
}

# ids: D1034-6 D1123-7
test_programs_find_hosts_by_name_at_every_server() {
	peers_up
	: >"$scratch/hosts"
	[ ! -e /etc/hosts ] || mount --bind "$scratch/hosts" /etc/hosts
	for server in $dns_servers; do
		"$TAPIR" ping -c 1 --dns "$(dns_ip "$server")" host.types.test >"$scratch/out" 2>"$scratch/err"
		has "$scratch/out" '^PING host\.types\.test \(192\.0\.2\.1\) 56'
	done
	# Over three CNAMEs and two zones, which only unbound follows for us.
	"$TAPIR" ping -c 1 --dns "$unbound_ip" way.types.test >"$scratch/out" 2>"$scratch/err"
	has "$scratch/out" '\(192\.0\.2\.55\) 56'
	expect_status 2 "$TAPIR" ping -c 1 --dns "$knotd_ip" nothing.gen.test >"$scratch/out" 2>"$scratch/err"
	has "$scratch/err" 'nothing\.gen\.test: Name or service not known'
	expect_status 2 "$TAPIR" ping -c 1 --dns "$knotd_ip" txt.types.test >"$scratch/out" 2>"$scratch/err"
	has "$scratch/err" 'txt\.types\.test: No address associated with hostname'
}

# ids: D1035-15 D1123-5 D1123-17
test_a_server_that_ends_is_done_without() {
	peers_up
	dns_stop knotd
	"$TAPIR" dig --dns "$knotd_ip" --dns "$named_ip" both.types.test +short >"$scratch/out"
	has "$scratch/out" '^192\.0\.2\.90$'
	"$TAPIR" dig "@$knotd_ip" a.types.test +tries=1 +time=1 >"$scratch/out" 2>&1 && fail "exit status 0 without a server"
	has "$scratch/out" 'connection refused|no servers could be reached'
	dns_start knotd
	"$TAPIR" dig "@$knotd_ip" both.types.test +short >"$scratch/out"
	has "$scratch/out" '^192\.0\.2\.90$'
}

# ids: D1035-15 D1123-17
test_a_dead_server_costs_300_ms_once() {
	peers_up
	for tries in 1 2 3; do # of a busy machine the best
		"$TAPIR" dig --dns 192.0.2.99 --dns "$named_ip" both.types.test +cache +noall +stats \
			mail.types.test +cache +noall +stats host.types.test +cache +noall +stats >"$scratch/out"
		sed -n 's/^;; Query time: \([0-9]*\) msec$/\1/p' "$scratch/out" | xargs echo >"$scratch/took"
		read -r first second third <"$scratch/took"
		echo "$first ms, $second ms, $third ms"
		[ "$first" -gt 300 ] || [ "$second" -gt 30 ] || [ "$third" -gt 30 ] || return 0
	done
	fail "too slow"
}

run_tests "$@"
