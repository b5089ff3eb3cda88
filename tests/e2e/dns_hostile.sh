#!/bin/sh
# tapir dig at the mercy of tests/e2e/hostile_dns.py: every scenario of its list ends as the list says and in time, the
# process lives, nothing forged is taken, no control character reaches the terminal, and the next good query is answered.
# shellcheck disable=SC1091,SC2034,SC2154,SC2317 # lib.sh has variables, wants some, and calls the tests
# timeout: 240
limit=110
. tests/e2e/lib.sh
. tests/e2e/lib_dns.sh
workers=8
good=192.0.2.80 forged=203.0.113.66

hostile_up() {
	need dig dnspython tcpdump
	dns_net
	times=${RUN_TIMES:-1}
	[ "$times" -le 2 ] || times=2
	dns_times=$times
	dns_start hostile
	"$peers/dnspython" tests/e2e/hostile_dns.py --list >"$scratch/list"
}

# A dig of this worker's own: its stack has its own TAP.
our_dig() { # worker, arguments...
	k=$1
	shift
	"$TAPIR" dig --dev "tap:dig$k" --ip "198.51.$((100 + k)).2/24" --host-ip "198.51.$((100 + k)).1/24" "$@"
}

# What the raw reply of a resolver shows of records that nobody asked for is no acceptance.
shows_forged() { # scenario
	case $1 in cname-elsewhere | cname-forged-tail | out-of-bailiwick) [ "$mode" = raw ] ;; *) false ;; esac
}

# One scenario: a line of complaint, or nothing.
judge() { # worker, number, name, status, options, seconds, dig's status
	out=$scratch/out.$1
	server=@10.66.$(($2 / 256)).$(($2 % 256)) apart=
	case $5 in
	-) set -- "$1" "$2" "$3" "$4" '' "$6" "$7" ;;
	*@*) server='' apart=1 ;;
	*'-p '*) apart=1 ;;
	esac
	began=$(now_ms) code=0 behind=''
	[ "$apart" ] || behind="$server good.s$2.hostile.test $show_good"
	# shellcheck disable=SC2086
	our_dig "$1" $server "$3.$mode$2.hostile.test" +time=$times +tries=1 $5 $show \
		$behind >"$out" 2>&1 || code=$?
	took=$(($(now_ms) - began))
	[ $code -lt 20 ] || {
		echo "exit status $code: $(tail -n 3 "$out" | tr '\n' ' ')"
		return
	}
	[ $took -lt $(((${6%.*} * 1000 + 1500) * ${RUN_TIMES:-1})) ] || echo "took $took ms instead of $6 s"
	if [ "$apart" ]; then
		# shellcheck disable=SC2086
		our_dig "$1" "@10.66.$(($2 / 256)).$(($2 % 256))" "good.s$2.hostile.test" $show_good >"$out.good" 2>&1 || true
		cat "$out.good" >>"$out"
	fi
	want=$7
	[ "$mode" = raw ] || want=$4
	# Five facts about the output, in one pass.
	LC_ALL=C awk -v want="$want" -v status="$4" -v options="$5" -v good="$good" -v forged="$forged" -v may="$(shows_forged "$3" && echo 1)" '
	/^{/ { replies++ }
	/^;good\.s/ || replies == 2 { after = 1 }
	/[\001-\010\013-\037\177]/ { control = 1 }
	!after && match($0, /status: [^,]*/) { got = substr($0, RSTART + 8, RLENGTH - 8) }
	!after && match($0, /"status":"[a-z]*"/) { got = substr($0, RSTART + 10, RLENGTH - 11); if (got == "ok") got = "answer" }
	index($0, forged) { bad = 1 }
	index($0, good) { if (after) fine = 1; else answered = 1 }
	END {
		if (got == "") got = "none"
		if (index("|" want "|", "|" got "|") == 0) print "ended in " got " instead of " want
		if (status == "answer" && bad && !may) print "took the forged answer"
		if (status == "answer" && options !~ /-t / && !answered && !may) print "has not the good answer"
		if (control) print "printed control characters"
		if (!after || !fine) print "the next good query was not answered"
	}' "$out"
}

worker() { # number
	n=0
	while IFS='	' read -r name status options seconds sentence shown ids group; do
		n=$((n + 1))
		[ $((n % workers)) = "$1" ] || continue
		judge "$1" "$n" "$name" "$status" "$options" "$seconds" "$shown" </dev/null | sed "s/^/$name: /"
	done <"$scratch/list" >"$scratch/complaints.$1" 2>&1
	echo "done" >>"$scratch/complaints.$1"
}

# Every scenario, each at a server of its own and in a process of its own, eight at a time.
walk() { # raw: replies as they come; lookup: what the resolver makes of them
	mode=$1
	case $mode in
	raw) show='+x20 +noall +comments +question +answer' show_good='+noall +question +answer' ;;
	lookup) show='+cache +json' show_good=$show ;;
	esac
	k=0 pids=
	while [ $k -lt $workers ]; do
		worker $k &
		pids="$pids $!"
		k=$((k + 1))
	done
	# shellcheck disable=SC2086
	wait $pids
	[ "$(cat "$scratch"/complaints.* | grep -c '^done$')" = $workers ] || fail "a worker is missing"
	cat "$scratch"/complaints.* | grep -v '^done$' >"$scratch/complaints" || true
	[ ! -s "$scratch/complaints" ] || {
		sort "$scratch/complaints" | head -n 50
		fail "$(cut -d: -f1 "$scratch/complaints" | sort -u | wc -l) of $(wc -l <"$scratch/list") scenarios"
	}
	[ ! -s "$scratch/dns/hostile/log" ] || {
		cat "$scratch/dns/hostile/log"
		fail "the hostile server stumbles"
	}
}

# The scenarios of some groups, raw and looked up.
groups() { # group...
	hostile_up
	awk -F '\t' -v wanted="$*" '
	BEGIN { split(wanted, w, " "); for (i in w) want[w[i]] = 1 }
	want[$8]' "$scratch/list" >"$scratch/chosen"
	mv "$scratch/chosen" "$scratch/list"
	[ "$(wc -l <"$scratch/list")" -ge 10 ] || fail "too few scenarios"
	walk raw
	walk lookup
}

# ids: D5452-1 D5452-2 D5452-3 D5452-4 D1035-16
test_replies_that_are_not_to_the_query_are_passed_over() {
	groups works forged
}

# ids: D9267-3 D9267-5 DN-14 DN-26 IH-03
test_octets_that_are_no_message_are_passed_over() {
	groups junk
}

# ids: D9267-1 D1035-9 D1035-10 NW-02 AM33-23
test_bad_names_are_refused() {
	groups names
}

# ids: D9267-4 D1035-4 DN-11 IH-01 D2782-5
test_bad_data_is_refused() {
	groups rdata
}

# ids: D9267-5 AM33-19 AM33-24 AM33-30 NW-06
test_counts_that_lie_are_refused() {
	groups counts
}

# ids: D1035-7 D2181-5 D1123-8 DN-30 D9210-2
test_truncation_leads_to_tcp_and_to_an_end() {
	groups truncated
}

# ids: D1035-13 D7766-6 D7766-7 DN-06 DN-20
test_messages_over_tcp_come_in_any_pieces_and_ends() {
	groups tcp
}

# ids: D1035-6 D6891-3 DN-26
test_each_response_code_has_its_result() {
	groups rcodes
}

# ids: D6891-1 D6891-2 D6891-6 D6891-7 DN-31
test_edns_is_refused_abused_and_missing() {
	groups edns
}

# ids: D8914-1
test_extended_errors_are_shown_and_do_no_harm() {
	groups extended
}

# ids: D7873-2 D7873-3 D7873-4 DN-15 DN-32
test_cookies_are_checked() {
	groups cookies
}

# ids: D1034-3 D1034-4 D2308-1 DN-12 DN-24
test_chains_of_names_are_followed_to_their_end() {
	groups cnames
}

# ids: D2181-3 D1035-17 D1035-19 D2308-2 DN-29
test_only_what_answers_the_question_counts() {
	groups sections
}

# ids: D2181-7 DN-13
test_texts_and_names_are_escaped() {
	groups texts
}

# ids: DN-03 DN-04 DN-05 D1123-10 D1035-16
test_the_network_loses_refuses_and_cuts() {
	groups network
}

# Two questions over one connection: the answer to the second comes first, and is there first.
# ids: D7766-2 D7766-3 D7766-4 D7766-7
test_answers_over_tcp_come_in_any_order() {
	hostile_up
	printf 'nameserver %s\noptions use-vc\n' "$hostile_ip" >"$scratch/resolv.conf"
	mount --bind "$scratch/resolv.conf" /etc/resolv.conf
	export XDG_RUNTIME_DIR="$scratch/run"
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	start up --pcap "$scratch/pcap"
	{
		"$TAPIR" dns query out-of-order.q.hostile.test A >"$scratch/first"
		echo first >>"$scratch/order"
	} &
	first=$!
	sleep 0.05
	"$TAPIR" dns query out-of-order.q.hostile.test AAAA >"$scratch/second"
	echo second >>"$scratch/order"
	wait $first
	stop
	has "$scratch/first" '192\.0\.2\.80$'
	has "$scratch/second" '2001:db8::80$'
	[ "$(tr '\n' ' ' <"$scratch/order")" = 'second first ' ] || fail "in the order asked"
	tcpdump -nn -r "$scratch/pcap" 'port 53' >"$scratch/dump" 2>/dev/null
	[ "$(grep -c 'Flags \[S\],' "$scratch/dump")" = 1 ] || fail "not one connection"
}

# ids: D1035-20 DN-08
test_answers_are_cut_at_a_bound() {
	hostile_up
	"$TAPIR" dig "@$hostile_ip" address-4000.q.hostile.test +tcp +cache >"$scratch/out"
	has "$scratch/out" ' ANSWER: 512,'
	[ "$(grep -c '	A	' "$scratch/out")" = 512 ] || fail "not 512 addresses"
}

test_the_groups_are_all_there_is() {
	hostile_up
	sed -n 's/^	groups \(.*\)/\1/p' "$0" | tr ' ' '\n' | sort >"$scratch/walked"
	cut -f 8 "$scratch/list" | sort -u >"$scratch/there"
	cmp "$scratch/walked" "$scratch/there" || fail "a group is not walked"
	[ "$(wc -l <"$scratch/list")" -ge 500 ] || fail "scenarios are missing"
}

# All of them at one server and in one resolver, which remembers what it met.
test_one_resolver_outlives_all_scenarios() {
	hostile_up
	awk -F '\t' '$4 <= 1 && $3 !~ /@|-p / {
		print "@10.66.77.1 " $1 ".q.hostile.test +time=1 +tries=1 " ($3 == "-" ? "" : $3)
		if (NR % 40 == 0) print "@10.66.77.1 good.q" NR ".hostile.test"
	}
	END { print "@10.66.77.1 good.last.hostile.test" }' "$scratch/list" >"$scratch/batch"
	code=0
	our_dig 0 -f "$scratch/batch" +noall +question +answer >"$scratch/out" 2>&1 || code=$?
	[ $code -lt 20 ] || {
		tail -n 5 "$scratch/out"
		fail "exit status $code"
	}
	LC_ALL=C awk -v good="$good" -v forged="$forged" '
	/^;/ { asked = $1 }
	/^;good\./ { want++ }
	asked ~ /^;good\./ && index($0, good) { got++ }
	END {
		print got + 0 " of " want + 0 " good answers"
		exit !(want > 5 && got == want)
	}' "$scratch/out" || fail "good queries were not answered"
}

run_tests "$@"
