#!/bin/sh
# tapir dns: a running stack's resolver asked from outside, its cache told and forgotten.
# timeout: 120
. tests/e2e/lib.sh
. tests/e2e/lib_dns.sh
limit=90

dns() { "$TAPIR" dns "$@"; }

# unbound recurses over nsd, knotd and named; the stack asks it.
resolving_stack() {
	need unbound nsd knotd named
	dns_net
	dns_zones
	dns_start nsd knotd named unbound
	start up --dns $unbound_ip "$@"
}

test_the_cache_is_told_in_order_with_its_seconds_counting_down() {
	resolving_stack
	[ "$(dns cache)" = '; 0 entries, 0 bytes' ]
	[ "$(dns cache --json)" = '[]' ]
	dns query www.child.tld
	dns query a.types.test
	dns query alias.child.tld
	dns query child.tld MX
	expect_status 1 dns query nothing.a.types.test 2>"$scratch/err"
	has "$scratch/err" '^tapir dns: nothing.a.types.test: no such name$'
	expect_status 1 dns query txt.types.test A 2>"$scratch/err"
	dns cache >"$scratch/cache"
	cat "$scratch/cache"
	[ "$(tail -n 1 "$scratch/cache" | grep -c '^; 6 entries, [1-9][0-9]* bytes$')" = 1 ]
	tab=$(printf '\t')
	has "$scratch/cache" "^www\\.child\\.tld\\.[ $tab]+[0-9]+${tab}IN${tab}A${tab}192\\.0\\.2\\.61\$"
	has "$scratch/cache" "^; nothing\\.a\\.types\\.test\\.${tab}[0-9]+${tab}IN${tab}A${tab}NXDOMAIN\$"
	has "$scratch/cache" "^; txt\\.types\\.test\\.${tab}[0-9]+${tab}IN${tab}A${tab}NODATA\$"
	# the canonical order: tld. before test., and a name before what is below it
	order=$(awk '{ print ($1 == ";" ? $2 : $1) }' "$scratch/cache" | grep '\.$' | tr A-Z a-z | uniq | tr '\n' ' ')
	case $order in
	'a.types.test. nothing.a.types.test. txt.types.test. child.tld. alias.child.tld. www.child.tld. ') ;;
	*) fail "order: $order" ;;
	esac
	left=$(awk '/^www/ { print $2; exit }' "$scratch/cache")
	sleep 2
	now=$(dns cache | awk '/^www/ { print $2; exit }')
	[ "$now" -lt "$left" ] && [ "$now" -ge $((left - 5)) ] || fail "$left, 2 s later $now"
	stop
}

test_json_has_the_same_and_more() {
	resolving_stack
	dns query www.child.tld --json >"$scratch/query"
	has "$scratch/query" '"source": "server"'
	dns query WWW.child.tld. --json >"$scratch/query"
	has "$scratch/query" '"source": "cache"'
	expect_status 1 dns query nothing.a.types.test --json >"$scratch/query"
	has "$scratch/query" '"status": "NXDOMAIN"'
	dns cache --json >"$scratch/cache"
	"$peers/dnspython" - "$scratch/cache" <<'END'
import json, sys
c = json.load(open(sys.argv[1]))
assert [e["name"] for e in c] == ["nothing.a.types.test.", "www.child.tld."], c
no, yes = c
assert no["status"] == "NXDOMAIN" and no["records"] == [] and 0 < no["ttl"] <= 300, no
assert yes["status"] == "NOERROR" and 590 <= yes["ttl"] <= 600 and yes["type"] == "A" and yes["class"] == "IN", yes
assert yes["records"][0].split() == ["www.child.tld.", str(yes["ttl"]), "IN", "A", "192.0.2.61"], yes
END
	dns stats --json >"$scratch/stats"
	has "$scratch/stats" '"cache_entries": 2'
	dns stats | grep -qx 'cache_entries = 2'
	dns servers >"$scratch/servers"
	has "$scratch/servers" "^$unbound_ip#53	sent 2	answered 2	[0-9]+\\.[0-9]+ ms	failures 0"
	stop
}

test_what_is_flushed_is_asked_for_again() {
	resolving_stack
	dns query www.child.tld
	dns query child.tld MX
	dns query a.types.test
	[ "$(dns flush CHILD.tld)" = '2 entries forgotten' ]
	[ "$(dns flush child.tld)" = '0 entries forgotten' ]
	dns cache | grep -q '^; 1 entry, '
	dns query www.child.tld | grep -q '^; from: server, in '
	[ "$(dns flush)" = '2 entries forgotten' ]
	dns cache | grep -q '^; 0 entries, '
	dns query a.types.test | grep -q '^; from: server, in '
	dns query a.types.test | grep -q '^; from: cache, in '
	stop
}

test_a_big_cache_comes_in_parts() {
	resolving_stack
	dns_questions_gen 4 | head -n 700 >"$scratch/questions"
	xargs -P 8 -n 2 "$TAPIR" dns query <"$scratch/questions" >/dev/null 2>&1 || true
	dns query many.types.test
	dns query huge.types.test TXT
	entries=$(dns stats | sed -n 's/^cache_entries = //p')
	[ "$entries" -gt 600 ] || fail "only $entries entries"
	dns cache --json >"$scratch/cache"
	[ "$(grep -c '^    "name": ' "$scratch/cache")" = "$entries" ]
	dns cache | tail -n 1 | grep -q "^; $entries entries, "
	need dnspython
	"$peers/dnspython" tests/e2e/hostile_ctl.py "$XDG_RUNTIME_DIR/tapir/tap0.sock" parts dns.cache 3
	stop
}

test_who_leaves_before_the_answer_is_not_waited_for() {
	need dnspython
	dns_net
	start up --dns 192.0.2.99
	"$peers/dnspython" tests/e2e/hostile_ctl.py "$XDG_RUNTIME_DIR/tapir/tap0.sock" leaves_query
	eventually sh -c "'$TAPIR' dns stats | grep -qx 'outstanding = 0'"
	dns stats | grep -qx 'cancelled = 50' || fail "$(dns stats)"
	# Nor does one who waits hold up the end.
	dns query silent.test &
	eventually sh -c "'$TAPIR' dns stats | grep -qx 'outstanding = 1'"
	stop
	wait
}

test_what_can_not_be_asked_is_one_line() {
	dns_net
	refused() { # status, pattern, words...
		want=$1 line=$2
		shift 2
		expect_status "$want" "$TAPIR" dns "$@" >"$scratch/out" 2>"$scratch/err"
		[ "$(wc -l <"$scratch/err")" = 1 ] || fail "not one line: $(cat "$scratch/err")"
		has "$scratch/err" "$line"
	}
	refused 1 '^tapir dns: no stack runs here: start one with `tapir up`, or name its socket with --ctl PATH$' cache
	refused 2 'nonsense: no such action: give cache, flush, query, servers or stats' nonsense
	refused 2 '^tapir dns: an action: missing: give cache, flush, query, servers or stats$' --json
	refused 2 "cache: too many words: give 'tapir dns cache'" cache x
	refused 2 "query: a word is missing: give 'tapir dns query NAME \[TYPE\]'" query
	printf 'nameserver 127.0.0.53\n' >"$scratch/resolv.conf"
	mount --bind "$scratch/resolv.conf" /etc/resolv.conf
	start up
	refused 2 'a..b: not a domain name: give one like www.example.com' query a..b
	refused 2 'NONSENSE: not a record type: give one like A or TYPE65' query a.test NONSENSE
	refused 1 'x.example: .*: start the stack with --dns ADDR$' query x.example
	dns servers | grep -q '^; no name servers: start the stack with --dns ADDR$'
	dns query localhost | grep -q '127\.0\.0\.1'
	stop
}

run_tests "$@"
