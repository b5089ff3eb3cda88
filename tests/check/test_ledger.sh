#!/bin/sh
# The ledger holds on a small tree that is in order, and each of its refusals is shown: one breach at a time.
set -u
root=$(pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree

# A small tree that is in order: two groups, code, a C test, a packet script, a shell test, results.
fresh_tree() {
	rm -rf "$tree"
	mkdir -p "$tree/tools" "$tree/tests/requirements" "$tree/tests/unit/ip" "$tree/tests/script/tcp" \
		"$tree/tests/e2e" "$tree/stack/ip"
	cp "$root/tools/rfc-ledger" "$tree/tools/"
	{
		printf '# A list.\n# count R791 3\n# count TC 2\n'
		printf 'R791-1\tMUST\tRFC 791 3.1\tLengths agree\tcovered\t\n'
		printf 'R791-2\tMUST\tRFC 791 3.1\tOptions end\ttodo\t\n'
		printf 'R791-3\tMAY\tRFC 791 3.1\tOptions go out\tn/a\twe send none\n'
		printf 'TC-01\tattack\tA flood\tNothing grows\tcovered\t\n'
		printf 'TC-02\tattack\tA storm\tNothing loops\tlater: tcp-modern\t\n'
	} >"$tree/tests/requirements/list.tsv"
	cat >"$tree/stack/ip/ip.c" <<'END'
/*
 * R791-1: the lengths
 */
int x; /* TC-01: bounded */ // and a word, RFC 791
const char *s = "R791-9 in a string is no citation /* R791-8 */";
END
	cat >"$tree/tests/unit/ip/test_ip.c" <<'END'
TEST(lengths_agree, "R791-1")
{
}
TEST(plain, "")
{
}
END
	printf '// Theory.\n// ids: TC-01\n0 < S 0:0(0)\n' >"$tree/tests/script/tcp/flood.pkt"
	printf '# ids: R791-1\ntest_big_ping()\n{\n}\n' >"$tree/tests/e2e/ping.sh"
	{
		printf 'unit/ip/test_ip\tlengths_agree\tpass\nunit/ip/test_ip\tplain\tpass\n'
		printf 'script/tcp/flood.pkt\tflood\tpass\ne2e/ping\tbig ping\tpass\n'
	} >"$tree/results.tsv"
}

number=0
result() { # good name
	number=$((number + 1))
	if [ "$1" = yes ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$scratch/out" | head -n 30
	fi
}

ledger() {
	sh "$tree/tools/rfc-ledger" "$@" >"$scratch/out" 2>&1
}

# accepts NAME OPTION...: holds
accepts() {
	name=$1
	shift
	if ledger "$@"; then result yes "$name"; else result no "$name"; fi
}

# refuses NAME TEXT OPTION...: fails, and one line holds TEXT
refuses() {
	name=$1 text=$2
	shift 2
	if ledger "$@"; then
		result no "$name"
	elif [ "$(grep -cF -- "$text" "$scratch/out")" = 1 ]; then
		result yes "$name"
	else
		result no "$name"
	fi
}

# tells NAME TEXT: the last output has a line with these words, whatever their distance
tells() {
	if tr -s ' ' <"$scratch/out" | grep -qF -- "$2"; then result yes "$1"; else result no "$1"; fi
}

# edit FILE SED-SCRIPT
edit() {
	sed "$2" "$tree/$1" >"$scratch/edited" && cp "$scratch/edited" "$tree/$1"
}

results=$tree/results.tsv
list=tests/requirements/list.tsv
echo "# suite check/test_ledger"

fresh_tree
accepts a_tree_in_order_holds
tells the_table_joins_status_code_and_test 'R791-1 MUST covered stack/ip/ip.c:2 e2e/ping/big_ping +1 ?'
tells a_citation_beside_code_counts 'TC-01 attack covered stack/ip/ip.c:4 script/tcp/flood.pkt/*'
tells totals_are_by_group 'R791 3 1 0 1 0 0 1 1 1 0'
accepts a_run_in_order_holds --results "$results"
tells the_result_is_shown 'R791-1 MUST covered stack/ip/ip.c:2 e2e/ping/big_ping +1 pass'
accepts tap_is_one_line --tap
tells tap_counts 'ok 1 - ledger 5 requirements: 2 covered, 1 todo, 1 later, 0 deviations, 1 not applicable'

fresh_tree
edit tests/unit/ip/test_ip.c 's/"R791-1"/""/'
edit tests/e2e/ping.sh 's/^# ids.*//'
refuses claimed_without_a_test 'R791-1 is claimed (covered) but no test carries it'

fresh_tree
edit tests/unit/ip/test_ip.c 's/"R791-1"/"R791-1 R791-2 R791-3 TC-01 TC-02 R791-1"/'
refuses more_than_five_ids 'lengths_agree carries 6 ids, more than five'

fresh_tree
edit tests/unit/ip/test_ip.c 's/"R791-1"/"R791-1 R791-2 R791-3 TC-01 TC-02"/'
accepts five_ids

fresh_tree
edit tests/e2e/ping.sh 's/^# ids.*//'
edit results.tsv '/lengths_agree/d'
refuses test_that_did_not_run 'R791-1 has a test that did not run' --results "$results"

fresh_tree
edit results.tsv '/lengths_agree/d'
refuses unregistered_test_beside_one_that_ran 'unit/ip/test_ip/lengths_agree carries ids but did not run' \
	--results "$results"

fresh_tree
edit results.tsv '/flood/d'
refuses script_that_did_not_run 'TC-01 has a test that did not run' --results "$results"

fresh_tree
edit results.tsv '/flood/s/pass/skip/'
refuses skipped_test_under_strict 'TC-01 has only skipped tests' --results "$results" --strict

fresh_tree
edit results.tsv '/flood/s/pass/fail/'
refuses failing_test 'TC-01 has a failing test' --results "$results"

fresh_tree
: >"$results"
refuses results_without_a_line 'holds no result' --results "$results"

fresh_tree
refuses results_that_are_not_there 'cannot read' --results "$tree/nothing.tsv"

fresh_tree
edit tests/unit/ip/test_ip.c 's/"R791-1"/"R791-1 R791-77"/'
refuses unknown_id_in_a_test 'lengths_agree carries R791-77, which is not in the list'

fresh_tree
edit tests/script/tcp/flood.pkt 's/TC-01/TC-01 TC-99/'
refuses unknown_id_in_a_script 'carries TC-99, which is not in the list'

fresh_tree
edit tests/e2e/ping.sh 's/R791-1/R791-1 XY-1/'
refuses unknown_id_in_a_shell_test 'test_big_ping carries XY-1, which is not in the list'

fresh_tree
edit stack/ip/ip.c 's/TC-01:/TC-01, TC-12:/'
refuses unknown_id_in_the_code 'stack/ip/ip.c:4: cites TC-12, which is not in the list'

fresh_tree
edit stack/ip/ip.c 's/R791-1:/R791-1, R4242-7:/'
refuses unknown_rfc_in_the_code 'stack/ip/ip.c:2: cites R4242-7, which is not in the list'

fresh_tree
edit $list 's/we send none//'
refuses not_applicable_without_a_reason 'R791-3 is "n/a" without a reason'

fresh_tree
edit $list 's/n\/a.*/deviation/'
refuses deviation_without_a_reason 'R791-3 is "deviation" without a reason'

fresh_tree
edit $list 's/n\/a.*/deviation: we send none/'
accepts a_reason_may_stand_in_the_status

fresh_tree
edit $list 's/later: .*/perhaps/'
refuses unknown_status 'TC-02 has the status "perhaps"'

fresh_tree
edit $list '/^R791-2/d'
refuses row_that_vanished 'R791-2 is missing from the list: 3 rows were counted'

fresh_tree
edit $list '/^TC-02/d'
refuses last_row_that_vanished 'TC-02 is missing from the list: 2 rows were counted'

fresh_tree
edit $list '/^TC-/d'
edit stack/ip/ip.c 's/TC-01/no/'
rm "$tree/tests/script/tcp/flood.pkt"
refuses group_that_vanished 'no row of TC is left'

fresh_tree
edit $list '/^# count TC/d'
refuses group_without_a_count 'TC has no line "# count TC N"'

fresh_tree
printf 'R791-4\tMUST\tRFC 791\tMore\ttodo\t\n' >>"$tree/$list"
refuses row_beyond_the_count 'R791 has 4 rows, 3 were counted'

fresh_tree
printf 'R791-2\tMUST\tRFC 791\tMore\ttodo\t\n' >>"$tree/$list"
refuses row_listed_twice 'R791-2 is listed twice'

fresh_tree
printf 'R791-4 MUST\n' >>"$tree/$list"
refuses line_that_is_no_row 'list.tsv:9: not a row'

fresh_tree
edit tests/unit/ip/test_ip.c 's/TEST(lengths_agree, /TEST(lengths_agree,/; s/"R791-1")//'
refuses test_line_that_is_broken 'not readable: write TEST(name, "ID ID"), on three lines at most'

fresh_tree
printf 'TEST(cut, "R791-1 ' >>"$tree/tests/unit/ip/test_ip.c"
refuses test_line_that_ends_with_its_file 'not readable: the file ends within TEST('

# As clang-format breaks what is too long: behind the name, within the string, behind the bracket.
fresh_tree
edit tests/unit/ip/test_ip.c 's/^TEST(lengths_agree, /TEST(lengths_agree,\
     /'
accepts test_over_two_lines
tells test_over_two_lines_is_joined 'R791-1 MUST covered stack/ip/ip.c:2 e2e/ping/big_ping +1 ?'
edit tests/unit/ip/test_ip.c 's/^     "R791-1")/     "R791-1 "\
     "R791-2")/'
accepts test_over_three_lines
tells test_over_three_lines_is_joined 'R791-2 MUST covered (unmarked) (no code cites it) unit/ip/test_ip/lengths_agree ?'

fresh_tree
edit tests/e2e/ping.sh 's/^test_big_ping/helper/'
refuses ids_above_no_test '"# ids:" stands above no test'

fresh_tree
refuses todo_under_strict 'R791-2 is still todo' --strict

fresh_tree
edit tests/unit/ip/test_ip.c 's/"R791-1"/"R791-1 R791-2 TC-02"/'
accepts todo_with_a_test
tells todo_with_a_test_shows_as_unmarked 'R791-2 MUST covered (unmarked)'
tells later_with_a_test_too 'TC-02 attack covered (unmarked)'
tells a_test_alone_is_told 'TC-02 attack covered (unmarked) (no code cites it)'
accepts marking --mark
if grep -q "^R791-2	MUST	RFC 791 3.1	Options end	covered	\$" "$tree/$list" &&
	grep -q '^TC-02.*covered' "$tree/$list" && grep -q '^R791-3.*n/a' "$tree/$list" && [ "$(wc -l <"$tree/$list")" = 8 ]; then
	result yes marking_writes_covered_and_nothing_else
else
	cp "$tree/$list" "$scratch/out"
	result no marking_writes_covered_and_nothing_else
fi
accepts a_marked_tree_holds --strict

fresh_tree
rm -r "$tree/tests/requirements"
refuses tree_without_a_list 'no list'

if ledger --what; then :; fi
if [ "$(sh "$tree/tools/rfc-ledger" --what >/dev/null 2>&1; echo $?)" = 2 ]; then
	result yes unknown_option_is_usage
else
	result no unknown_option_is_usage
fi

echo "1..$number"
